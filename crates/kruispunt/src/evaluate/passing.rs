//! What a pre-test finds, and what is left of those that pass it (Roth 2022).
//!
//! Placebos are normal around a difference in trends; a pre-test finds it when one of them lies
//! beyond its critical value. The probability that none does is that of a rectangle under a normal
//! law, and the effects after treatment of those that pass lean on the mean within it.

use super::EvaluateError;
use super::honest::{Study, part};
use crate::data::{Effects, Ticket};
use crate::math::linalg::Triangle;
use crate::math::special::{normal_cdf, normal_quantile};
use serde::{Deserialize, Serialize};

/// How large a trend a pre-test would have found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// The slope that some placebo shows as different from 0 in half of all samples.
    pub slope_50: f64,
    /// The same in 80 % of all samples.
    pub slope_80: f64,
    /// What a trend of `slope_80` would add to the mean effect after treatment.
    pub bias_80: f64,
}

/// What a pre-test says about one difference in trends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passing {
    /// The probability that some placebo is significant under it.
    pub power: f64,
    /// The probability of passing under it, over that under parallel trends.
    pub bayes_factor: f64,
    /// The likelihood of the placebos under it, over that under parallel trends.
    pub likelihood_ratio: f64,
    /// What each row is on average in samples that pass, when it is all there is; NaN for rows that
    /// do not stand next to the reference.
    pub expected: Vec<f64>,
}

/// A normal law and a box around 0.
struct Rectangle {
    /// Lower factor of the covariance, row-major.
    lower: Vec<f64>,
    reach: Vec<f64>,
}

/// Generators of a lattice: square roots of primes.
fn generators(k: usize) -> Vec<f64> {
    let mut primes: Vec<u32> = Vec::with_capacity(k);
    let mut next = 2;
    while primes.len() < k {
        if primes.iter().all(|prime| next % prime != 0) {
            primes.push(next);
        }
        next += 1;
    }
    primes.into_iter().map(|prime| f64::from(prime).sqrt().fract()).collect()
}

impl Rectangle {
    fn new(vcov: &[f64], critical: f64) -> Self {
        let k = vcov.len().isqrt();
        let mut lower = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let done: f64 = (0..j).map(|l| lower[i * k + l] * lower[j * k + l]).sum();
                let left = vcov[i * k + j] - done;
                lower[i * k + j] = if i == j {
                    left.max(1e-14 * vcov[i * k + i]).sqrt()
                } else {
                    left / lower[j * k + j]
                };
            }
        }
        let reach = (0..k).map(|i| critical * vcov[i * k + i].sqrt()).collect();
        Self { lower, reach }
    }

    /// The probability of the box around `mean`, and the mean within it: one coordinate after the
    /// other is drawn within its bounds, from the points of a lattice (Genz 1992, *Journal of
    /// Computational and Graphical Statistics* 1(2), 141-149).
    fn within(&self, mean: &[f64], points: usize) -> (f64, Vec<f64>) {
        let k = mean.len();
        let generators = generators(k);
        let (mut total, mut sums, mut z) = (0.0, vec![0.0; k], vec![0.0; k]);
        for point in 0..points {
            let mut weight = 1.0;
            for i in 0..k {
                let row = &self.lower[i * k..=i * k + i];
                let done: f64 = row.iter().zip(&z[..i]).map(|(l, z)| l * z).sum();
                let at = |bound: f64| normal_cdf((bound - mean[i] - done) / row[i]);
                let (low, high) = (at(-self.reach[i]), at(self.reach[i]));
                weight *= high - low;
                if weight <= 0.0 {
                    break;
                }
                // the lattice, folded so that both ends meet
                let own = ((point as f64 + 0.5) * generators[i]).fract();
                let share = (2.0 * own - 1.0).abs();
                let level = low + share * (high - low);
                z[i] = normal_quantile(level.clamp(1e-300, 1.0 - 1e-16));
            }
            if weight > 0.0 {
                total += weight;
                for (i, sum) in sums.iter_mut().enumerate() {
                    let row = &self.lower[i * k..=i * k + i];
                    *sum += weight * row.iter().zip(&z).map(|(l, z)| l * z).sum::<f64>();
                }
            }
        }
        let inside =
            sums.iter().zip(mean).map(|(sum, mean)| mean + sum / total.max(f64::MIN_POSITIVE));
        (total / points as f64, inside.collect())
    }
}

/// Points of a lattice: the probability is good to some 1e-5 with a handful of placebos.
const POINTS: usize = 4099;

impl Effects {
    /// How large a linear difference in trends the placebos would have shown (Roth 2022).
    ///
    /// # Errors
    ///
    /// As [`honest`](Self::honest), and [`EvaluateError::Cancelled`].
    ///
    /// # References
    ///
    /// - Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel
    ///   trends. *American Economic Review: Insights* 4(3), 305-322.
    pub fn power(&self, alpha: f64, ticket: &Ticket) -> Result<Power, EvaluateError> {
        let study = Study::of(self, "power")?;
        Self::check_alpha(alpha)?;
        let vcov = part(self, &study.before);
        let k = study.before.len();
        let largest = (0..k).fold(0.0_f64, |most, i| most.max(vcov[i * k + i].sqrt()));
        let box_of = Rectangle::new(&vcov, normal_quantile(1.0 - alpha / 2.0));
        let found = |slope: f64| {
            let mean: Vec<f64> = study.distance_before.iter().map(|d| slope * d).collect();
            1.0 - box_of.within(&mean, POINTS).0
        };
        let slope = |wanted: f64| -> Result<f64, EvaluateError> {
            let (mut low, mut high) = (0.0, largest);
            let (mut under, mut over) = (found(low) - wanted, found(high) - wanted);
            if under >= 0.0 {
                return Ok(0.0);
            }
            while over < 0.0 && high < 1e300 {
                (low, under) = (high, over);
                high *= 2.0;
                over = found(high) - wanted;
            }
            // the secant, with the end that stays weighted down
            for _ in 0..60 {
                if ticket.is_cancelled() {
                    return Err(EvaluateError::Cancelled);
                }
                let middle = high - over * (high - low) / (over - under);
                let value = found(middle) - wanted;
                if value.abs() < 1e-12 || high - low < 1e-12 * high {
                    return Ok(middle);
                }
                if value < 0.0 {
                    (low, under) = (middle, value);
                    over /= 2.0;
                } else {
                    (high, over) = (middle, value);
                    under /= 2.0;
                }
            }
            Ok(0.5 * (low + high))
        };
        let mean = study.distance_after.iter().sum::<f64>() / study.distance_after.len() as f64;
        let (slope_50, slope_80) = (slope(0.5)?, slope(0.8)?);
        Ok(Power { slope_50, slope_80, bias_80: slope_80 * mean })
    }

    /// What a pre-test says about a difference in trends: whether it would find it, and what the
    /// effects look like in samples that pass (Roth 2022).
    ///
    /// `trend` has one number a row, in units of the outcome; those of the reference and of means
    /// over rows do not count.
    ///
    /// # Errors
    ///
    /// As [`power`](Self::power), and [`EvaluateError::BadArgument`] for `trend`.
    pub fn passing(&self, trend: &[f64], alpha: f64) -> Result<Passing, EvaluateError> {
        let study = Study::of(self, "power")?;
        Self::check_alpha(alpha)?;
        let of = |rows: &[usize]| -> Vec<f64> {
            rows.iter().map(|&row| trend.get(row).copied().unwrap_or(f64::NAN)).collect()
        };
        let (before, after) = (of(&study.before), of(&study.after));
        let sound = before.iter().chain(&after).all(|value| value.is_finite());
        if trend.len() != self.len() || !sound {
            return Err(EvaluateError::BadArgument {
                argument: "trend",
                expected: "one finite number a row, in the order of the rows",
                got: format!("{} numbers for {} rows", trend.len(), self.len()),
            });
        }
        let rows: Vec<usize> = study.before.iter().chain(&study.after).copied().collect();
        let (all, estimates) = (part(self, &rows), self.estimates());
        let (k, p) = (rows.len(), before.len());
        let own = part(self, &study.before);
        let box_of = Rectangle::new(&own, normal_quantile(1.0 - alpha / 2.0));
        let (pass, inside) = box_of.within(&before, 4 * POINTS);
        let parallel = box_of.within(&vec![0.0; p], 4 * POINTS).0;
        let triangle = Triangle::cholesky(&own, &vec![0.0; p], 1e-14);
        let shift: Vec<f64> = triangle.kept.iter().map(|&at| inside[at] - before[at]).collect();
        let pull = triangle.solve(&shift);
        let mut expected = vec![f64::NAN; self.len()];
        for (at, &row) in study.before.iter().enumerate() {
            expected[row] = inside[at];
        }
        for (at, &row) in study.after.iter().enumerate() {
            let lean = triangle.kept.iter().zip(&pull);
            let lean: f64 = lean.map(|(&i, pull)| all[i * k + p + at] * pull).sum();
            expected[row] = after[at] + lean;
        }
        // densities of the placebos: exp(b'V^-1 d - d'V^-1 d / 2)
        let delta: Vec<f64> = triangle.kept.iter().map(|&at| before[at]).collect();
        let solved = triangle.solve(&delta);
        let middle = |&at: &usize| estimates[study.before[at]] - before[at] / 2.0;
        let log: f64 = triangle.kept.iter().map(middle).zip(&solved).map(|(a, b)| a * b).sum();
        Ok(Passing {
            power: 1.0 - pass,
            bayes_factor: pass / parallel,
            likelihood_ratio: libm::exp(log),
            expected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent coordinates: the product of intervals, and the mean of each truncated normal.
    #[test]
    fn boxes_of_independent_normals_are_products() {
        let vcov = [1.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.25];
        let own = Rectangle::new(&vcov, 1.5);
        let mean = [0.3, -1.0, 0.1];
        let (probability, inside) = own.within(&mean, 4 * POINTS); // as many as `passing` takes
        let mut product = 1.0;
        for (i, mean) in mean.iter().enumerate() {
            let sd = vcov[4 * i].sqrt();
            let (a, b) = (-1.5 - mean / sd, 1.5 - mean / sd);
            let share = normal_cdf(b) - normal_cdf(a);
            product *= share;
            let density = |z: f64| libm::exp(-z * z / 2.0) / std::f64::consts::TAU.sqrt();
            let expected = mean + sd * (density(a) - density(b)) / share;
            assert!((inside[i] - expected).abs() < 2e-4, "{i}: {} {expected}", inside[i]);
        }
        assert!((probability - product).abs() < 1e-10, "{probability} {product}");
    }

    /// One placebo: the closed form.
    #[test]
    fn one_coordinate_is_exact() {
        let own = Rectangle::new(&[4.0], 1.96);
        let (probability, _) = own.within(&[1.0], 7);
        let expected = normal_cdf(1.96 - 0.5) - normal_cdf(-1.96 - 0.5);
        assert!((probability - expected).abs() < 1e-14);
    }
}
