//! The Belgian pack from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

mod constructs;
mod origin;
