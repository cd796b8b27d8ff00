//! Trends that differ smoothly by the first treatment, where no two units begin alike.

use super::switches::Units;
use crate::math::linalg::Triangle;

/// For each period the slopes of the outcome's change in powers of the first treatment, among units
/// that have not changed yet.
pub(super) struct Trends {
    /// Powers.
    degree: usize,
    /// Powers of the first treatment, centred and scaled, `degree` a unit.
    powers: Vec<f64>,
    /// By period of the later outcome.
    steps: Vec<Step>,
}

/// The regression of one period.
#[derive(Clone, Default)]
struct Step {
    /// Constant and slopes.
    slopes: Vec<f64>,
    /// (X'WX)^-1, constant first.
    inverse: Vec<f64>,
}

impl Trends {
    /// Fits the trends, and takes what they predict out of the outcomes.
    pub(super) fn take_out(units: &mut Units, first: &[f64], degree: usize) -> Self {
        let mean = first.iter().sum::<f64>() / first.len().max(1) as f64;
        let spread = first.iter().map(|own| (own - mean).abs()).fold(0.0, f64::max);
        let scale = if spread > 0.0 { spread } else { 1.0 };
        let powers = first
            .iter()
            .flat_map(|own| {
                let own = (own - mean) / scale;
                (1..=degree).map(move |power| own.powi(power as i32))
            })
            .collect();
        let mut trends = Self { degree, powers, steps: vec![Step::default(); units.t] };
        for at in 1..units.t {
            trends.steps[at] = trends.step(units, at);
        }
        for unit in 0..units.n {
            let mut sum = 0.0;
            for at in 1..units.t {
                let own = trends.powers(unit).iter().zip(&trends.steps[at].slopes[1..]);
                sum += own.map(|(power, slope)| power * slope).sum::<f64>();
                units.y[unit * units.t + at] -= sum;
            }
        }
        trends
    }

    fn powers(&self, unit: usize) -> &[f64] {
        &self.powers[unit * self.degree..(unit + 1) * self.degree]
    }

    /// The change of a unit's outcome to a period by which it has not changed; NaN when not seen.
    fn change(units: &Units, unit: usize, at: usize) -> f64 {
        if units.change[unit] > at {
            units.y[unit * units.t + at] - units.y[unit * units.t + at - 1]
        } else {
            f64::NAN
        }
    }

    fn step(&self, units: &Units, at: usize) -> Step {
        let k = self.degree + 1;
        let (mut gram, mut moment) = (vec![0.0; k * k], vec![0.0; k]);
        let mut row = vec![1.0; k];
        for unit in 0..units.n {
            let change = Self::change(units, unit, at);
            if change.is_nan() {
                continue;
            }
            row[1..].copy_from_slice(self.powers(unit));
            for i in 0..k {
                moment[i] += units.weight[unit] * row[i] * change;
                for j in 0..k {
                    gram[i * k + j] += units.weight[unit] * row[i] * row[j];
                }
            }
        }
        // powers that units left by then cannot tell apart get no slope
        let triangle = Triangle::cholesky(&gram, &vec![0.0; k], 1e-10);
        let (small, kept) = (triangle.inverse(), &triangle.kept);
        let mut inverse = vec![0.0; k * k];
        for (a, &i) in kept.iter().enumerate() {
            for (b, &j) in kept.iter().enumerate() {
                inverse[i * k + j] = small[a * kept.len() + b];
            }
        }
        let slopes = (0..k)
            .map(|i| inverse[i * k..(i + 1) * k].iter().zip(&moment).map(|(a, b)| a * b).sum())
            .collect();
        Step { slopes, inverse }
    }

    /// How far the powers of changing units lie from the mean of their controls: what an effect
    /// loses for each unit of a slope. `weights` are those of units, negative for controls.
    pub(super) fn gap(&self, weights: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
        let mut sum = vec![0.0; self.degree];
        for (unit, weight) in weights {
            for (sum, power) in sum.iter_mut().zip(self.powers(unit)) {
                *sum += weight * power;
            }
        }
        sum
    }

    /// Adds what the estimation of slopes brings to an effect: `gaps` by period, as [`gap`](Self::gap)
    /// gives them.
    pub(super) fn influence(&self, units: &Units, gaps: &[Vec<f64>], influence: &mut [f64]) {
        let k = self.degree + 1;
        for (at, gap) in gaps.iter().enumerate().skip(1) {
            if gap.iter().all(|own| *own == 0.0) {
                continue;
            }
            // outcomes are without their trend already: residuals are changes less the constant
            let step = &self.steps[at];
            let lean: Vec<f64> = (0..k)
                .map(|j| (1..k).map(|i| gap[i - 1] * step.inverse[i * k + j]).sum())
                .collect();
            for (unit, sum) in influence.iter_mut().enumerate() {
                let change = Self::change(units, unit, at);
                if change.is_nan() {
                    continue;
                }
                let own = self.powers(unit).iter().zip(&lean[1..]);
                let lean = lean[0] + own.map(|(power, lean)| power * lean).sum::<f64>();
                *sum -= units.weight[unit] * lean * (change - step.slopes[0]);
            }
        }
    }
}
