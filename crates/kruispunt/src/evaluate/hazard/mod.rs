//! How long until it happens: curves, models in discrete time, Cox.
//!
//! ```text
//! episodes (entry, time, event) ──sort by group and time──▶ risk sets ──▶ curves, Cox
//! person-period rows (event in the period) ──baseline by duration, absorbed──▶ discrete hazard
//! ```

mod compare;
mod cox;
mod curves;
mod dependence;
mod discrete;
mod episodes;
mod frailty;
mod likelihood;
mod mixing;
mod multistate;
mod newton;
mod partial;
mod predict;
mod quick;
mod score;
mod split;
mod staged;
mod tally;

pub use compare::LogRank;
pub use cox::{Cox, CoxFit, Ties};
pub use curves::{Curve, Restricted, Survival, SurvivalCurves};
pub use discrete::{DiscreteHazard, HazardFit};
pub use frailty::{Frailty, Mixture};
pub use likelihood::Link;
pub use multistate::{Multistate, MultistateFit, Occupation};
pub(super) use score::{Scored, log_odds, scored};
pub use split::Split;
pub use staged::{Share, Staged};
