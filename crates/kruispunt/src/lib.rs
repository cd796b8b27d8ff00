//! Record linkage, panel construction, fixed effects and policy evaluation on administrative
//! registers.
//!
//! *Registers meet at a crossroads; careers leave it.* One value's way through the house:
//!
//! ```text
//! register rows ──linkage──▶ Links ──panel──▶ Timeline ──▶ Panel ──estimate──▶ Fit ──▶ report
//! ```
//!
//! - [`data`]: the nouns every stage exchanges (tables, calendars, accounts)
//! - [`linkage`]: which rows of two registers are one person
//! - [`panel`]: spells of days become a person x period panel
//! - [`estimate`]: fixed-effects regression and its covariances
//! - [`evaluate`]: what a policy did: difference-in-differences on one panel
//! - [`trajectory`]: careers as sequences of states, their distances and types
//! - [`report`]: tables, flow diagrams and a self-contained page

pub mod data;
pub mod estimate;
pub mod evaluate;
pub mod linkage;
mod math;
pub mod panel;
pub mod report;
pub mod trajectory;
