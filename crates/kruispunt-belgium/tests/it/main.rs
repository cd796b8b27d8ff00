//! The Belgian pack from outside.

mod constructs;
mod origin;
