//! Tests of the cases through the public door of the crate.

mod refi;
