//! Fixed-effects regression.
//!
//! A [`Formula`] in the dialect of fixest says what is regressed on what and which effects are
//! swept out; [`FeOls`] fits it to a [`Table`](crate::data::Table) and gives a
//! [`Fit`](crate::data::Fit). The verbs of a fit stand here too: `tidy`, `confint`, `wald_test`,
//! `predict`, `resid`, `fixef`, and `vcov`, which computes another covariance ([`Vcov`]) without
//! fitting again.
//!
//! ```text
//! rows ──missing out, singletons out──▶ sample ──effects swept──▶ least squares ──▶ covariance
//! ```

mod absorption;
mod assemble;
mod bias;
mod causal;
mod conditional;
mod decompose;
mod design;
mod drawn;
mod error;
mod feols;
mod formula;
mod glm;
mod inference;
mod iv;
mod lags;
mod least_squares;
mod linked;
mod margins;
mod prediction;
mod random;
mod request;
mod resample;
mod sample;
mod sampled;
mod stock_yogo;
mod update;
mod vcov;
mod weak;
mod wild;

pub use causal::{CausalCluster, Drawing};
pub use conditional::ConditionalLogit;
pub use decompose::{Contribution, Decomposition};
pub use drawn::split_levels;
pub use error::EstimateError;
pub use feols::FeOls;
pub use formula::Formula;
pub use glm::{Family, FeGlm, Separation};
pub use inference::{EffectValues, WaldTest};
pub use iv::Instrumental;
pub use linked::{
    AfterLinkage, LinkRate, LinkWeighting, LinkedFit, LinkedVariance, MismatchFit, MismatchMixture,
    Rate, WrongLinks, pool_effects, pool_fits,
};
pub use prediction::Scale;
pub use random::{PanelModel, PanelOls, VarianceComponents, hausman};
pub use request::{NotFinite, Singletons};
pub use resample::{PairsBootstrap, RandomisationStatistic, RandomisationTest};
pub(crate) use sampled::{Sampled, Sampling};
pub use stock_yogo::{StockYogo, WeakCriterion};
pub use vcov::Vcov;
pub use weak::{FirstStageTest, InstrumentTests, TestResult};
pub use wild::{Jackknifed, Null, WildBootstrap, WildTest, WildWeights};
