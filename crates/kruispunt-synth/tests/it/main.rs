//! The registers as their users see them.

mod schema;
