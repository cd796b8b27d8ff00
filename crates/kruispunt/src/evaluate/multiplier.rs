//! The multiplier bootstrap: influence functions under random signs.
//!
//! ```text
//! draw b of estimate k = sum over units i of xi_bi psi_i(k),    E xi = 0, E xi^2 = 1
//! ```
//!
//! Clusters share their xi. Draws of all cells and shares are kept, so that any mean of effects has
//! draws of its own, and the largest |t| over its rows gives a uniform band without a normal law.

use super::EvaluateError;
use super::influence::{Coefficients, Linear, by_group, line};
use super::sample::Sample;
use crate::data::{Seed, Ticket};
use rayon::prelude::*;

/// The law of multipliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Multiplier {
    /// 1 or -1, as R's `did` draws them.
    #[default]
    Rademacher,
    /// Mammen's two points, which keep the third moment: (1 - sqrt 5) / 2 or (1 + sqrt 5) / 2.
    Mammen,
}

/// Draws that are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multipliers {
    pub(super) law: Multiplier,
    pub(super) draws: u32,
    pub(super) seed: Seed,
}

/// Draws made side by side: the bits of a word.
const SIDE: usize = 64;

impl Multipliers {
    /// Multipliers of one unit or cluster in 64 draws.
    fn fill(self, own: u64, block: u64, out: &mut [f64; SIDE]) {
        const SIGNS: u64 = 0xB007;
        match self.law {
            Multiplier::Rademacher => {
                let words = self.seed.words([own / 4, block, 0, SIGNS]);
                let bits = words[(own % 4) as usize];
                for (at, slot) in out.iter_mut().enumerate() {
                    *slot = if bits >> at & 1 == 1 { 1.0 } else { -1.0 };
                }
            }
            Multiplier::Mammen => {
                let root = 5.0_f64.sqrt();
                let share = (root + 1.0) / (2.0 * root);
                for (chunk, slots) in out.chunks_exact_mut(4).enumerate() {
                    let words = self.seed.words([own, block, chunk as u64, SIGNS]);
                    for (slot, word) in slots.iter_mut().zip(words) {
                        let low = Seed::unit(word) < share;
                        *slot = if low { (1.0 - root) / 2.0 } else { f64::midpoint(1.0, root) };
                    }
                }
            }
        }
    }

    fn blocks(self) -> usize {
        (self.draws as usize).div_ceil(SIDE)
    }

    /// Blocks of draws one after the other, cut to what was asked for.
    fn collect(
        self,
        width: usize,
        ticket: &Ticket,
        block: impl Fn(usize) -> Vec<f64> + Sync,
    ) -> Result<Vec<f64>, EvaluateError> {
        ticket.stage("multiplier draws", u64::from(self.draws));
        let parts: Vec<Vec<f64>> = (0..self.blocks())
            .into_par_iter()
            .map(|at| {
                ticket.advance(SIDE as u64);
                if ticket.is_cancelled() { Vec::new() } else { block(at) }
            })
            .collect();
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let mut all: Vec<f64> = parts.into_iter().flatten().collect();
        all.truncate(self.draws as usize * width);
        Ok(all)
    }

    /// Draws of estimates from their influences, one row a cluster; one row a draw.
    pub(super) fn of_rows(
        self,
        psi: &[f64],
        width: usize,
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        self.collect(width, ticket, |block| {
            let mut sums = vec![0.0; SIDE * width];
            let mut signs = [0.0; SIDE];
            for (own, row) in psi.chunks_exact(width.max(1)).enumerate() {
                self.fill(own as u64, block as u64, &mut signs);
                for (sign, sums) in signs.iter().zip(sums.chunks_exact_mut(width)) {
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += sign * value);
                }
            }
            sums
        })
    }

    /// Draws of estimates whose influences are linear in outcomes: sums of outcomes by profile
    /// under the signs, then their coefficients.
    pub(super) fn of_linear(
        self,
        sample: &Sample,
        linear: &dyn Linear,
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let width = linear.width();
        if let Some(clusters) = &sample.clusters {
            let psi = by_group(sample, linear, clusters, sample.n_clusters, ticket)?;
            return self.of_rows(&psi, width, ticket);
        }
        let size = sample.n_periods() + 1;
        self.collect(width, ticket, |block| {
            let mut sums = vec![0.0; SIDE * width];
            let (mut signs, mut own) = ([0.0; SIDE], vec![0.0; size]);
            let mut lines = vec![0.0; SIDE * size];
            let mut coefficients = Coefficients::new(size);
            for profile in &sample.profiles {
                lines.fill(0.0);
                for &unit in &sample.members[profile.first..profile.last] {
                    line(sample, profile, unit as usize, &mut own);
                    self.fill(u64::from(unit), block as u64, &mut signs);
                    for (sign, sums) in signs.iter().zip(lines.chunks_exact_mut(size)) {
                        sums.iter_mut().zip(&own).for_each(|(sum, value)| *sum += sign * value);
                    }
                }
                coefficients.clear();
                linear.fill(profile, &mut coefficients);
                for (lines, sums) in lines.chunks_exact(size).zip(sums.chunks_exact_mut(width)) {
                    coefficients.add_to(lines, sums);
                }
            }
            sums
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_have_mean_0_and_variance_1() {
        for (law, third) in [(Multiplier::Rademacher, 0.0), (Multiplier::Mammen, 1.0)] {
            let own = Multipliers { law, draws: 64, seed: Seed::new(5) };
            let (mut sums, mut out) = ([0.0; 3], [0.0; SIDE]);
            for unit in 0..4000 {
                own.fill(unit, 3, &mut out);
                for value in out {
                    sums[0] += value;
                    sums[1] += value * value;
                    sums[2] += value * value * value;
                }
            }
            let n = 4000.0 * SIDE as f64;
            assert!((sums[0] / n).abs() < 0.01, "{law:?} {sums:?}");
            assert!((sums[1] / n - 1.0).abs() < 0.01, "{law:?} {sums:?}");
            assert!((sums[2] / n - third).abs() < 0.03, "{law:?} {sums:?}");
        }
    }
}
