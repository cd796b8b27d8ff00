//! What a policy did, by cohort and time.

use super::{Account, Calendar};
use serde::{Deserialize, Serialize};

/// What the rows of [`Effects`] stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// One row a cohort and a period.
    Cells,
    /// One row a number of periods since treatment, and their mean.
    Event,
    /// One row a cohort, and their mean.
    Group,
    /// One row a period, and their mean.
    Calendar,
    /// One number.
    Simple,
}

impl By {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::Event => "event",
            Self::Group => "group",
            Self::Calendar => "calendar",
            Self::Simple => "simple",
        }
    }
}

/// Where an effect lies in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Before treatment: a placebo, which should be near 0.
    Before,
    /// From the treatment on.
    After,
    /// A mean over the other rows.
    Overall,
}

/// Whether an effect was estimated, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Estimate and standard error are there.
    Estimated,
    /// The period all others are compared with: 0 by construction.
    Reference,
    /// The estimate is there, its standard error is not.
    NoError(String),
    /// Nothing can be said.
    NotEstimable(String),
}

impl Status {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Reference => "reference",
            Self::NoError(_) => "no standard error",
            Self::NotEstimable(_) => "not estimable",
        }
    }

    /// Why something is missing.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::NoError(reason) | Self::NotEstimable(reason) => Some(reason),
            Self::Estimated | Self::Reference => None,
        }
    }
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The number of the period of first treatment; `None` in rows over cohorts.
    pub cohort: Option<i32>,
    /// The number of the period of the outcome; `None` in rows over periods.
    pub period: Option<i32>,
    /// Periods since treatment; `None` in rows over event times.
    pub event: Option<i32>,
    /// Where it lies in time.
    pub phase: Phase,
    /// The effect in the unit of the outcome; NaN when not estimable.
    pub estimate: f64,
    /// Whether it was estimated.
    pub status: Status,
    /// Treated units it rests on.
    pub n_treated: u64,
    /// Untreated units they are compared with.
    pub n_control: u64,
}

/// Something a reader of the effects must know, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caution {
    /// A short name, the same in all versions.
    pub code: String,
    /// In words, with numbers.
    pub text: String,
}

/// Effects with their covariance: event studies, effects by cohort, their means.
///
/// Beside the effects stand the shares that averages weigh them with. Shares are estimated too, so
/// the covariance is that of both together, and any average gets its standard error from it by the
/// delta method; where an estimator takes shares as fixed, their part is zero.
///
/// The verbs (`aggregate`, `bands`, `tidy`, `pretest`, ...) stand with [`crate::evaluate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    pub(crate) calendar: Calendar,
    pub(crate) outcome: String,
    pub(crate) method: String,
    pub(crate) by: By,
    pub(crate) rows: Vec<Effect>,
    /// The shares averages weigh with, and which of them each row has.
    pub(crate) shares: Vec<f64>,
    pub(crate) share_of: Vec<u32>,
    /// Row-major, rows first, shares after.
    pub(crate) joint: Vec<f64>,
    /// Multiplier draws of rows and shares, one row a draw; empty without any.
    pub(crate) drawn: Vec<f64>,
    /// Degrees of freedom of the t distribution; `None` for the normal.
    pub(crate) df: Option<f64>,
    pub(crate) n_units: u64,
    pub(crate) n_obs: u64,
    pub(crate) cluster: String,
    pub(crate) n_clusters: u64,
    pub(crate) estimand: String,
    pub(crate) comparison: String,
    pub(crate) identified: f64,
    pub(crate) cautions: Vec<Caution>,
    pub(crate) account: Account,
}

impl Effects {
    /// The periods.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// How they were estimated, in words.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What the rows stand for.
    #[must_use]
    pub const fn by(&self) -> By {
        self.by
    }

    /// The effects.
    #[must_use]
    pub fn rows(&self) -> &[Effect] {
        &self.rows
    }

    /// How many effects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Estimates, NaN where not estimable, shape `(k,)`.
    #[must_use]
    pub fn estimates(&self) -> Vec<f64> {
        self.rows.iter().map(|row| row.estimate).collect()
    }

    /// Covariance of the estimates, row-major `(k, k)`; NaN where a standard error is missing.
    #[must_use]
    pub fn vcov(&self) -> Vec<f64> {
        let (k, all) = (self.rows.len(), self.rows.len() + self.shares.len());
        let lacks = |at: usize| {
            matches!(self.rows[at].status, Status::NoError(_) | Status::NotEstimable(_))
        };
        (0..k * k)
            .map(|at| (at / k, at % k))
            .map(|(i, j)| if lacks(i) || lacks(j) { f64::NAN } else { self.joint[i * all + j] })
            .collect()
    }

    /// Standard errors, shape `(k,)`; NaN where there is none, 0 in reference periods.
    #[must_use]
    pub fn std_errors(&self) -> Vec<f64> {
        let all = self.rows.len() + self.shares.len();
        let error = |(at, row): (usize, &Effect)| match row.status {
            Status::Estimated | Status::Reference => self.joint[at * all + at].max(0.0).sqrt(),
            Status::NoError(_) | Status::NotEstimable(_) => f64::NAN,
        };
        self.rows.iter().enumerate().map(error).collect()
    }

    /// Multiplier draws of the estimates around them, one row a draw; `None` without any.
    #[must_use]
    pub fn draws(&self) -> Option<Vec<f64>> {
        let (k, all) = (self.rows.len(), self.rows.len() + self.shares.len());
        let own = || self.drawn.chunks_exact(all.max(1)).flat_map(|draw| draw[..k].to_vec());
        (!self.drawn.is_empty()).then(|| own().collect())
    }

    /// Degrees of freedom of the t distribution; `None` for the normal.
    #[must_use]
    pub const fn df(&self) -> Option<f64> {
        self.df
    }

    /// Units in the sample.
    #[must_use]
    pub const fn n_units(&self) -> u64 {
        self.n_units
    }

    /// Unit-periods in the sample.
    #[must_use]
    pub const fn n_obs(&self) -> u64 {
        self.n_obs
    }

    /// The level at which errors may be correlated, and how many clusters it has.
    #[must_use]
    pub fn clusters(&self) -> (&str, u64) {
        (&self.cluster, self.n_clusters)
    }

    /// What is estimated, in words.
    #[must_use]
    pub fn estimand(&self) -> &str {
        &self.estimand
    }

    /// Whom the treated are compared with, in words.
    #[must_use]
    pub fn comparison(&self) -> &str {
        &self.comparison
    }

    /// The share of treated unit-periods whose effect is identified, from 0 to 1.
    #[must_use]
    pub const fn identified_share(&self) -> f64 {
        self.identified
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// What happened to the rows.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }
}
