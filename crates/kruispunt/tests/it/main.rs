//! Integration tests of the core: one binary, one module per room.

mod layering;
mod panel;
mod panel_twins;
