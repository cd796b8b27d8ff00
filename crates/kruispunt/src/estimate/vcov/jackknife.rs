//! The cluster jackknife.

use super::Parts;
use crate::data::Factor;
use crate::estimate::EstimateError;
use crate::math::crossprod::gram;
use crate::math::linalg::Triangle;
use rayon::prelude::*;

impl Parts<'_> {
    /// The cluster jackknife; exact when no effect crosses clusters.
    pub(super) fn jackknife(
        &self,
        factor: &Factor,
        variable: &str,
        nested: &[bool],
    ) -> Result<Vec<f64>, EstimateError> {
        if let Some(at) = nested.iter().position(|nested| !nested) {
            return Err(EstimateError::NotNested {
                effect: self.sample.effects[at].name.clone(),
                cluster: variable.to_owned(),
            });
        }
        let (k, g) = (self.k(), factor.n_levels());
        let mut grams = vec![0.0; g * k * k];
        let mut scores = vec![0.0; g * k];
        for (row, &code) in factor.codes().iter().enumerate() {
            let code = code as usize;
            for i in 0..k {
                let x = self.weight(row) * self.sample.regressors[i][row];
                scores[code * k + i] += x * self.sample.residuals[row];
                for j in 0..k {
                    grams[(code * k + i) * k + j] += x * self.sample.regressors[j][row];
                }
            }
        }
        let whole = gram(&self.columns(), self.sample.weights.as_deref());
        let gaps: Vec<Vec<f64>> = (0..g)
            .into_par_iter()
            .map(|cluster| {
                let own = &grams[cluster * k * k..(cluster + 1) * k * k];
                let rest: Vec<f64> = whole.iter().zip(own).map(|(all, own)| all - own).collect();
                let reference: Vec<f64> = (0..k).map(|j| whole[j * k + j]).collect();
                let triangle = Triangle::cholesky(&rest, &reference, 1e-12);
                let kept = &triangle.kept;
                let right: Vec<f64> = kept.iter().map(|&j| -scores[cluster * k + j]).collect();
                let mut gap: Vec<f64> = self.coef.iter().map(|b| -b).collect();
                for (&j, value) in kept.iter().zip(triangle.solve(&right)) {
                    gap[j] = value;
                }
                gap
            })
            .collect();
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
}
