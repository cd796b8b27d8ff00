//! Distributions and links.

use crate::math::special::{normal_cdf, normal_quantile};
use serde::{Deserialize, Serialize};

/// How the outcome is distributed and which function of its mean is linear.
///
/// | family | outcome | link |
/// |---|---|---|
/// | `Poisson` | 0 or more, whole or not | log |
/// | `Logit`, `Probit`, `Cloglog` | 0 or 1 | logit, normal quantile, complementary log-log |
/// | `Gaussian` | any number | identity |
///
/// Poisson asks only that the mean be right (Gourieroux, Monfort & Trognon 1984), so that it suits
/// wages and amounts with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Family {
    /// Counts and amounts, log link.
    Poisson,
    /// Yes or no, logistic link.
    Logit,
    /// Yes or no, normal link.
    Probit,
    /// Yes or no, complementary log-log link (hazards in grouped time).
    Cloglog,
    /// Any number, identity link.
    Gaussian,
}

/// Means of yes or no stay this far from 0 and 1.
const EDGE: f64 = 1e-15;

fn density(eta: f64) -> f64 {
    libm::exp(-0.5 * eta * eta) / (2.0 * std::f64::consts::PI).sqrt()
}

impl Family {
    /// Its name, as in pyfixest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Logit => "logit",
            Self::Probit => "probit",
            Self::Cloglog => "cloglog",
            Self::Gaussian => "gaussian",
        }
    }

    /// The family of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Poisson, Self::Logit, Self::Probit, Self::Cloglog, Self::Gaussian];
        all.into_iter().find(|own| own.name() == name)
    }

    /// How fast [`slope`](Self::slope) grows with the linear predictor.
    pub(in crate::estimate) fn curvature(self, eta: f64, mean: f64) -> f64 {
        match self {
            Self::Poisson => mean,
            Self::Gaussian => 0.0,
            Self::Logit => mean * (1.0 - mean) * (1.0 - 2.0 * mean),
            Self::Probit => -eta * self.slope(eta, mean),
            Self::Cloglog => self.slope(eta, mean) * (1.0 - libm::exp(eta.clamp(-700.0, 5.0))),
        }
    }

    /// Whether outcomes are 0 or 1.
    pub(super) const fn is_binary(self) -> bool {
        matches!(self, Self::Logit | Self::Probit | Self::Cloglog)
    }

    /// What outcomes may be, in words.
    pub(super) const fn expects(self) -> &'static str {
        match self {
            Self::Poisson => "an outcome of 0 or more",
            Self::Gaussian => "a number",
            _ => "an outcome of 0 and 1",
        }
    }

    pub(super) fn allows(self, y: f64) -> bool {
        match self {
            Self::Poisson => y >= 0.0,
            Self::Gaussian => true,
            _ => y == 0.0 || y == 1.0,
        }
    }

    /// The mean of a linear predictor.
    pub(in crate::estimate) fn mean(self, eta: f64) -> f64 {
        match self {
            Self::Poisson => libm::exp(eta.clamp(-700.0, 700.0)),
            Self::Gaussian => eta,
            Self::Logit => (1.0 / (1.0 + libm::exp(-eta))).clamp(EDGE, 1.0 - EDGE),
            Self::Probit => normal_cdf(eta).clamp(EDGE, 1.0 - EDGE),
            Self::Cloglog => {
                (-libm::expm1(-libm::exp(eta.clamp(-700.0, 5.0)))).clamp(EDGE, 1.0 - EDGE)
            }
        }
    }

    /// The linear predictor of a mean.
    pub(super) fn link(self, mean: f64) -> f64 {
        match self {
            Self::Poisson => libm::log(mean),
            Self::Gaussian => mean,
            Self::Logit => libm::log(mean / (1.0 - mean)),
            Self::Probit => normal_quantile(mean),
            Self::Cloglog => libm::log(-libm::log1p(-mean)),
        }
    }

    /// How fast the mean grows with the linear predictor.
    pub(in crate::estimate) fn slope(self, eta: f64, mean: f64) -> f64 {
        match self {
            Self::Poisson => mean,
            Self::Gaussian => 1.0,
            Self::Logit => mean * (1.0 - mean),
            Self::Probit => density(eta).max(1e-150),
            Self::Cloglog => {
                let eta = eta.clamp(-700.0, 5.0);
                libm::exp(eta - libm::exp(eta)).max(1e-150)
            }
        }
    }

    /// The variance of an outcome with this mean, up to the dispersion.
    pub(in crate::estimate) fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Poisson => mean,
            Self::Gaussian => 1.0,
            _ => mean * (1.0 - mean),
        }
    }

    /// Twice the log-likelihood lost against a perfect fit.
    pub(super) fn deviance(self, y: f64, mean: f64) -> f64 {
        match self {
            Self::Gaussian => (y - mean) * (y - mean),
            Self::Poisson => {
                let own = if y > 0.0 { y * libm::log(y / mean) } else { 0.0 };
                2.0 * (own - (y - mean))
            }
            _ => -2.0 * if y > 0.5 { libm::log(mean) } else { libm::log1p(-mean) },
        }
    }

    /// The log-likelihood; of `Gaussian` with the variance `spread`.
    pub(super) fn log_likelihood(self, y: f64, mean: f64, spread: f64) -> f64 {
        match self {
            Self::Gaussian => {
                let turn = 2.0 * std::f64::consts::PI * spread;
                -0.5 * (libm::log(turn) + (y - mean) * (y - mean) / spread)
            }
            Self::Poisson => {
                let own = if y > 0.0 { y * libm::log(mean) } else { 0.0 };
                own - mean - libm::lgamma(y + 1.0)
            }
            _ => -0.5 * self.deviance(y, mean),
        }
    }

    /// A mean to start from.
    pub(super) fn start(self, y: f64, average: f64) -> f64 {
        match self {
            Self::Poisson => f64::midpoint(y, average),
            Self::Gaussian => y,
            _ => f64::midpoint(y, 0.5),
        }
    }
}
