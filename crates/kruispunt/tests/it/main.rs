//! Integration tests of the core: one binary, one module per room.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod designs;
mod disclosure;
mod discontinuity;
mod dynamic;
mod estimate;
mod evaluate;
mod hazard;
mod hostile;
mod layering;
mod linkage;
mod linked;
mod panel;
mod panel_ols;
mod panel_twins;
mod switching;
mod synthetic;
mod trajectory;
mod wild;
