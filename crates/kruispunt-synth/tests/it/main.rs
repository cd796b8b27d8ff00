//! The registers as their users see them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod schema;
