//! The cluster jackknife.

use super::Parts;
use crate::data::{Factor, SampleEffect};
use crate::estimate::EstimateError;
use crate::estimate::absorption::sweep;
use crate::estimate::least_squares::{measure, solve};
use crate::math::absorb::Stop;
use rayon::prelude::*;

impl Parts<'_> {
    /// The cluster jackknife.
    pub(super) fn jackknife(
        &self,
        factor: &Factor,
        nested: &[bool],
    ) -> Result<Vec<f64>, EstimateError> {
        let refuse = |expected| {
            Err(EstimateError::BadArgument { argument: "vcov", expected, got: "CRV3".to_owned() })
        };
        if self.sample.instrumented {
            return refuse("a covariance without jackknife, with instruments");
        }
        if self.sample.working.is_some() {
            return refuse("a covariance without jackknife, for this model");
        }
        let gaps = if nested.iter().all(|nested| *nested) {
            self.gaps_within(factor)
        } else {
            self.gaps_swept(factor)?
        };
        let k = self.k();
        let mut matrix = vec![0.0; k * k];
        for gap in &gaps {
            for i in 0..k {
                for j in 0..k {
                    matrix[i * k + j] += gap[i] * gap[j];
                }
            }
        }
        Ok(matrix)
    }

    /// What leaving out each cluster changes, where no effect crosses clusters: from cross-products.
    fn gaps_within(&self, factor: &Factor) -> Vec<Vec<f64>> {
        let pieces = self.pieces(factor);
        (0..pieces.g)
            .into_par_iter()
            .map(|cluster| pieces.gap(cluster, &pieces.without(cluster), self.coef))
            .collect()
    }

    /// The same where effects cross clusters: they are swept out again without each cluster.
    fn gaps_swept(&self, factor: &Factor) -> Result<Vec<Vec<f64>>, EstimateError> {
        let stop = Stop { tol: 1e-9, max_iter: 20_000 };
        let mut gaps = Vec::with_capacity(factor.n_levels());
        self.ticket.stage("jackknife", factor.n_levels() as u64);
        for cluster in 0..factor.n_levels() as u32 {
            let stay: Vec<u32> = (0..self.n() as u32)
                .filter(|&row| factor.codes()[row as usize] != cluster)
                .collect();
            let pick = |column: &[f64]| -> Vec<f64> {
                stay.iter().map(|&row| column[row as usize]).collect()
            };
            let effects: Vec<SampleEffect> = self
                .sample
                .effects
                .iter()
                .map(|effect| SampleEffect {
                    name: String::new(),
                    factor: effect.factor.take(&stay),
                    levels: Vec::new(),
                })
                .collect();
            let weights = self.weights().map(pick);
            let mut left = pick(self.residuals());
            let mut columns: Vec<Vec<f64>> =
                self.sample.regressors.iter().map(|column| pick(column)).collect();
            let mut all: Vec<&mut [f64]> = std::iter::once(left.as_mut_slice())
                .chain(columns.iter_mut().map(Vec::as_mut_slice))
                .collect();
            let swept = sweep(&effects, weights.as_deref(), &mut all, stop, self.ticket)?;
            let reference: Vec<f64> =
                swept.variation.iter().skip(1).map(|own| measure(own, 1e-9)).collect();
            let solved = solve(columns, left, weights.as_deref(), &reference, 1e-9);
            let mut gap: Vec<f64> = self.coef.iter().map(|b| -b).collect();
            for (&j, value) in solved.kept.iter().zip(solved.coef) {
                gap[j] = value;
            }
            gaps.push(gap);
            self.ticket.advance(1);
        }
        Ok(gaps)
    }
}
