//! How long until it happens: curves, models in discrete time, Cox.
//!
//! ```text
//! episodes (entry, time, event) ──sort by group and time──▶ risk sets ──▶ curves, Cox
//! person-period rows (event in the period) ──baseline by duration, absorbed──▶ discrete hazard
//! ```

mod compare;
mod curves;
mod episodes;
mod tally;

pub use compare::LogRank;
pub use curves::{Curve, Restricted, Survival, SurvivalCurves};
