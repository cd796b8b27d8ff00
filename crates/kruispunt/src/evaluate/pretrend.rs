//! What a test of the placebos could have found.

use crate::data::{Effects, Phase, Status};
use crate::math::special::{chi2_quantile, chi2_sf};

/// The probability that a test of size `alpha` on `df` placebos rejects when the statistic has
/// this noncentrality: a Poisson mixture of central distributions.
fn power(noncentrality: f64, df: f64, alpha: f64) -> f64 {
    let critical = chi2_quantile(1.0 - alpha, df);
    let half = noncentrality / 2.0;
    // the terms around the mean, where the weights are
    let middle = half.floor();
    let log_weight = |j: f64| -half + j * libm::log(half) - libm::lgamma(j + 1.0);
    let spread = 12.0 * half.sqrt() + 30.0;
    let mut sum = 0.0;
    let mut j = (middle - spread).max(0.0);
    while j <= middle + spread {
        let weight = if half > 0.0 {
            libm::exp(log_weight(j))
        } else if j == 0.0 {
            1.0
        } else {
            0.0
        };
        sum += weight * chi2_sf(critical, df + 2.0 * j);
        j += 1.0;
    }
    sum.min(1.0)
}

/// The noncentrality at which a test of 5 % rejects in 80 % of samples.
fn found_in_most(df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0 + 8.0 * df.sqrt() + df);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if power(middle, df, 0.05) < 0.8 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

impl Effects {
    /// The event time that effects are measured from, and what a trend of one a period adds to
    /// each row; `None` where placebos are no differences from one period.
    pub(super) fn trend(&self) -> Option<Vec<f64>> {
        let reference: Vec<i32> = self
            .rows
            .iter()
            .filter(|row| row.status == Status::Reference)
            .filter_map(|row| row.event)
            .collect();
        if let Some(&from) = reference.iter().max() {
            let far = |event: i32| f64::from(event) - f64::from(from);
            return Some(self.rows.iter().map(|row| row.event.map_or(0.0, far)).collect());
        }
        // each placebo is a change from one period to the next
        self.method.starts_with("Callaway").then(|| {
            let of = |row: &crate::data::Effect| match (row.phase, row.event) {
                (Phase::Before, _) => 1.0,
                (_, Some(event)) => f64::from(event) + 1.0,
                (_, None) => 0.0,
            };
            self.rows.iter().map(of).collect()
        })
    }

    /// The slope that a joint test of the placebos finds in 80 % of samples, and what it adds to
    /// the mean effect after treatment. `scaled` is x'V^-1 x for the placebos of a slope of one.
    pub(super) fn detectable(&self, scaled: f64, df: usize, trend: &[f64]) -> (f64, f64) {
        let slope = (found_in_most(df as f64) / scaled).sqrt();
        let after: Vec<f64> = self
            .rows
            .iter()
            .zip(trend)
            .filter(|(row, _)| row.phase == Phase::After && row.estimate.is_finite())
            .map(|(_, trend)| *trend)
            .collect();
        let mean = after.iter().sum::<f64>() / after.len() as f64;
        (slope, slope * mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noncentralities at which a chi-squared test of 5 % has a power of 80 %: tables of Cohen
    /// (1988, *Statistical Power Analysis*, table 9.4), and the normal for one degree of freedom.
    #[test]
    fn noncentrality_equals_the_tables() {
        for (df, expected) in [(1.0, 7.849), (2.0, 9.635), (5.0, 12.83), (10.0, 16.24)] {
            let found = found_in_most(df);
            assert!((found - expected).abs() < 0.01, "{df}: {found}");
        }
    }

    #[test]
    fn without_a_trend_the_power_is_the_size() {
        assert!((power(0.0, 4.0, 0.05) - 0.05).abs() < 1e-10);
        assert!(power(400.0, 4.0, 0.05) > 0.999_999);
    }
}
