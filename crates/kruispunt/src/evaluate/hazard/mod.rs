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
mod draws;
mod episodes;
mod frailty;
mod likelihood;
mod mixing;
mod multistate;
mod newton;
mod occupation;
mod partial;
mod person_periods;
mod predict;
mod profile;
mod quick;
mod robust;
mod score;
mod split;
mod staged;
mod tally;
mod types;

pub use compare::LogRank;
pub use cox::{Cox, CoxFit, Ties};
pub use curves::{Curve, Restricted, Survival, SurvivalCurves};
pub use discrete::{DiscreteHazard, HazardFit};
pub use frailty::{Frailty, Mixture};
pub use likelihood::Link;
pub use multistate::{Multistate, MultistateFit};
pub use occupation::Occupation;
pub(super) use score::{Scored, scored};
pub use split::Split;
pub use staged::{Share, Staged};
