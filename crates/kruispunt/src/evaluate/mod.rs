//! What a policy did: difference-in-differences, dynamic matching, durations.
//!
//! [`Did`] says which outcome, which cohorts and which estimator ([`Method`]); it gives
//! [`Effects`](crate::data::Effects), one row a cohort and a period. The verbs of effects stand
//! here too: `aggregate` (event studies, means by cohort or period, one number), `bands`, `tidy`,
//! `pretest`.
//!
//! ```text
//! panel ──units by cohort and pattern of periods──▶ means and second moments
//!       ──comparisons, linear in outcomes──▶ effects and covariance ──▶ means, bands, bounds
//! ```

mod aggregate;
mod boundary;
mod callaway;
mod concerns;
mod cumulate;
mod decompose;
mod design;
mod discontinuity;
mod dose;
mod dynamic;
mod error;
mod extended;
mod gap;
mod given;
mod hazard;
mod honest;
mod improved;
mod imputation;
mod inference;
mod influence;
mod joint;
mod local;
mod multiplier;
mod nonlinear;
mod nuisance;
mod options;
mod parity;
mod passing;
mod paths;
mod pretrend;
mod regression;
mod relative;
mod result;
mod sample;
mod sections;
mod sensitivity;
mod structural;
mod switches;
mod switching;
mod synthetic;
mod treated;
mod trends;
mod triple;
mod two_way;

pub use aggregate::Aggregate;
pub use cumulate::BreakEven;
pub use decompose::{bacon, twfe_weights};
pub use design::{Base, Controls, Did, Gaps, Method, Nuisance};
pub use discontinuity::{Discontinuity, Jump, Kernel, Sorting};
pub use dose::{DoseCurve, DoseEffects, DoseResponse};
pub use dynamic::{Against, Distance, DynamicMatching, Reuse, RiskTable, stage_paths};
pub use error::EvaluateError;
pub use gap::{Gap, GapMethod};
pub use given::EventStudy;
pub use hazard::{
    Cox, CoxFit, Curve, DiscreteHazard, Frailty, HazardFit, Link, LogRank, Mixture, Multistate,
    MultistateFit, Occupation, Restricted, Share, Split, Staged, Survival, SurvivalCurves, Ties,
};
pub use honest::{Departure, HonestInterval, HonestTest};
pub use inference::{Bands, Pretest};
pub use multiplier::Multiplier;
pub use options::{Family, Placebo, Premean, Refusal, ShareRule};
pub use passing::{Passing, Power};
pub use sensitivity::{EValue, Oster, e_value, oster, rosenbaum};
pub use structural::{TreatmentWeights, WeightedRows};
pub use switching::{First, Over, Scale, Switchers, Switching};
pub use synthetic::{Optimum, Resampling, SyntheticDid, Weighted};
pub use treated::{Adjustment, OnTreated, TreatedFit};
