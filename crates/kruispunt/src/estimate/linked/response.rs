//! Means, slopes and variances of the outcomes that are modelled after linkage.

use super::super::{EstimateError, Family};

/// An outcome with the link its family has by nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    Linear,
    Logit,
    Poisson,
}

impl Response {
    pub(super) fn of(family: Family) -> Result<Self, EstimateError> {
        match family {
            Family::Gaussian => Ok(Self::Linear),
            Family::Logit => Ok(Self::Logit),
            Family::Poisson => Ok(Self::Poisson),
            other => Err(EstimateError::BadArgument {
                argument: "family",
                expected: "gaussian, logit or poisson",
                got: other.name().to_owned(),
            }),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Linear => "gaussian",
            Self::Logit => "logit",
            Self::Poisson => "poisson",
        }
    }

    pub(super) fn mean(self, eta: f64) -> f64 {
        match self {
            Self::Linear => eta,
            Self::Logit => 1.0 / (1.0 + libm::exp(-eta)),
            Self::Poisson => libm::exp(eta.min(700.0)),
        }
    }

    /// The slope of the mean, which is the variance given the link of nature (1 if linear).
    pub(super) fn slope(self, mean: f64) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Logit => mean * (1.0 - mean),
            Self::Poisson => mean,
        }
    }

    /// The log density, without what does not depend on the mean (`variance` if linear).
    pub(super) fn log_density(self, y: f64, eta: f64, variance: f64) -> f64 {
        match self {
            Self::Linear => {
                let tau = 2.0 * std::f64::consts::PI;
                -0.5 * (libm::log(tau * variance) + (y - eta) * (y - eta) / variance)
            }
            Self::Logit => {
                // log(1 + e^x), by the side that does not overflow
                let softplus = |x: f64| x.max(0.0) + libm::log1p(libm::exp(-x.abs()));
                if y > 0.5 { -softplus(-eta) } else { -softplus(eta) }
            }
            Self::Poisson => y * eta - libm::exp(eta.min(700.0)) - libm::lgamma(y + 1.0),
        }
    }

    /// Refuses outcomes the family cannot have.
    pub(super) fn check(self, outcome: &str, y: &[f64], rows: &[u32]) -> Result<(), EstimateError> {
        let (wrong, expected): (fn(f64) -> bool, _) = match self {
            Self::Linear => return Ok(()),
            Self::Logit => (|y| y != 0.0 && y != 1.0, "an outcome of 0 and 1"),
            Self::Poisson => (|y| y < 0.0, "an outcome of 0 or more"),
        };
        match y.iter().position(|&y| wrong(y)) {
            None => Ok(()),
            Some(at) => Err(EstimateError::BadOutcome {
                outcome: outcome.to_owned(),
                row: rows[at] as usize,
                expected,
            }),
        }
    }
}
