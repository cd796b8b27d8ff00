//! Distributions and links.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

use crate::math::special::{exp, normal_cdf, normal_quantile};
use crate::math::widest::running;
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

/// Means of yes or no stay this far from 0 and 1, and the linear predictor of logit where they do.
const EDGE: f64 = 1e-15;
const FAR: f64 = 34.538_776_394_910_684;
/// The largest working residual: a sum with it has ten digits after the point.
const LARGEST: f64 = 1e6;
/// The largest linear predictor of Poisson, about 0.
const LARGE: f64 = 700.0;

/// Runs `$body` compiled for a family of its own, where rows of it are many.
macro_rules! family_of {
    ($family:expr, $own:ident => $body:expr) => {
        match $family {
            Family::Poisson => {
                let $own = Family::Poisson;
                $body
            }
            Family::Logit => {
                let $own = Family::Logit;
                $body
            }
            $own => $body,
        }
    };
}
pub(super) use family_of;

/// A function of outcomes, small counts from a table.
pub(super) fn tabled(f: impl Fn(f64) -> f64 + Sync) -> impl Fn(f64) -> f64 + Sync {
    let own = tabled_all(move |y| [f(y)]);
    move |y| own(y)[0]
}

/// The same for several values at once.
pub(super) fn tabled_all<const S: usize>(
    f: impl Fn(f64) -> [f64; S] + Sync,
) -> impl Fn(f64) -> [f64; S] + Sync {
    let table: Vec<[f64; S]> = (0..256).map(|count| f(f64::from(count))).collect();
    move |y| {
        let count = y as usize;
        match table.get(count) {
            // there and back is the number itself only where it is a count
            Some(value) if count as f64 == y => *value,
            _ => f(y),
        }
    }
}

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
    #[inline(always)]
    pub(in crate::estimate) fn mean(self, eta: f64) -> f64 {
        match self {
            Self::Poisson => exp(eta.clamp(-LARGE, LARGE)),
            Self::Gaussian => eta,
            Self::Logit => 1.0 / (1.0 + exp(-eta.clamp(-FAR, FAR))),
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
    #[inline(always)]
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

    /// The means of some rows.
    #[inline(always)]
    pub(super) fn means(self, link: &[f64], mean: &mut [f64]) {
        family_of!(self, family => {
            for (mean, &eta) in mean.iter_mut().zip(link) {
                *mean = family.mean(eta);
            }
        });
    }

    /// The deviance of some rows; of Poisson without what the outcomes alone give.
    #[inline(always)]
    pub(super) fn deviance_of(
        self,
        outcome: &[f64],
        weights: Option<&[f64]>,
        link: &[f64],
        mean: &[f64],
    ) -> f64 {
        match (self, weights) {
            (Self::Poisson, _) => {
                let n = outcome.len();
                let (link, mean) = (&link[..n], &mean[..n]);
                let own = |at: usize| mean[at] - outcome[at] * link[at].clamp(-LARGE, LARGE);
                2.0 * match weights {
                    None => running(n, own),
                    Some(weights) => running(
                        n,
                        #[inline(always)]
                        |at| weights[at] * own(at),
                    ),
                }
            }
            (Self::Logit, None) => {
                let (mut sum, mut product) = (0.0, 1.0_f64);
                for (&y, &mean) in outcome.iter().zip(mean.iter()) {
                    product *= if y > 0.5 { mean } else { 1.0 - mean };
                    if product < 1e-250 {
                        sum += libm::log(product);
                        product = 1.0;
                    }
                }
                -2.0 * (sum + libm::log(product))
            }
            _ => outcome
                .iter()
                .zip(mean.iter())
                .enumerate()
                .map(|(at, (&y, &mean))| {
                    weights.map_or(1.0, |weights| weights[at]) * self.deviance(y, mean)
                })
                .sum(),
        }
    }

    /// What a row weighs in the next weighted regression, and its [`residual`](Self::residual). Where
    /// that is cut the row weighs more, so that their product, the score, stays.
    #[inline(always)]
    pub(super) fn weigh(self, y: f64, eta: f64, mean: f64) -> (f64, f64) {
        let slope = self.slope(eta, mean);
        let weight = match self {
            Self::Poisson | Self::Logit => slope,
            _ => slope * slope / self.variance(mean),
        };
        let own = (y - mean) / slope;
        if self == Self::Gaussian {
            return (weight, own);
        }
        (weight * (own.abs() * (1.0 / LARGEST)).max(1.0), own.clamp(-LARGEST, LARGEST))
    }

    /// The working residual `(y - mean) / slope`, cut where it is so large that an effect added to it
    /// would be lost to rounding: a mean of 1e-200 below an outcome of 1 makes it 1e200.
    #[inline(always)]
    pub(super) fn residual(self, y: f64, eta: f64, mean: f64) -> f64 {
        let own = (y - mean) / self.slope(eta, mean);
        if self == Self::Gaussian { own } else { own.clamp(-LARGEST, LARGEST) }
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
