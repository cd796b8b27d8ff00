//! Estimates that know about wrong links.
//!
//! [`AfterLinkage`] corrects a regression whose outcome came by linkage, given the rates of correct
//! links and the pool that wrong links come from. [`MismatchMixture`] needs neither: it has only
//! the file, already linked, and learns which rows look wrong. [`pool_fits`] and [`pool_effects`]
//! put together what was estimated on several drawn linkages (Rubin's rules).
//!
//! ```text
//! linked table, rates by group, pool ──▶ E (never made) ──▶ estimating equations ──▶ Fit
//! draws of links ──▶ Fit, Fit, Fit ──Rubin──▶ Fit
//! ```

mod equations;
mod exchange;
mod mixture;
mod model;
mod pooled;
mod rates;
mod response;

pub use mixture::{MismatchFit, MismatchMixture};
pub use model::{AfterLinkage, LinkWeighting, LinkedFit, LinkedVariance};
pub use pooled::{pool_effects, pool_fits};
pub use rates::{LinkRate, Rate, WrongLinks};
