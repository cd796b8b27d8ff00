//! Means of the regressors, and errors when rows of a cluster may depend on each other.

use super::likelihood::Rows;
use super::newton::{Top, gathered, scattered};
use crate::data::Factor;
use crate::evaluate::EvaluateError;
use crate::math::linalg::sandwich;

impl Rows<'_> {
    /// Means of the regressors.
    pub(super) fn means(&self) -> Vec<f64> {
        let weight = |at: usize| self.weights.map_or(1.0, |weights| weights[at]);
        let all: f64 = (0..self.n()).map(weight).sum();
        let mean = |column: &&[f64]| {
            column.iter().enumerate().map(|(at, x)| weight(at) * x).sum::<f64>() / all
        };
        self.columns.iter().map(mean).collect()
    }

    /// The covariance when rows of a cluster may depend on each other.
    pub(super) fn clustered(
        &self,
        top: &Top,
        free: &[usize],
        clusters: &Factor,
    ) -> Result<Vec<f64>, EvaluateError> {
        let g = clusters.n_levels();
        if g < 2 {
            return Err(EvaluateError::TooFewClusters { n: g });
        }
        let (k, each, m) = (self.k(), self.each(), self.m());
        let residuals = self.residuals(&top.theta);
        let (order, starts) = clusters.rows();
        let mut meat = vec![0.0; m * m];
        let mut score = vec![0.0; m];
        let mut touched: Vec<usize> = Vec::new();
        for cluster in 0..g {
            touched.clear();
            for (cause, residual) in residuals.iter().enumerate() {
                touched.extend(cause * each..cause * each + k);
                for &row in &order[starts[cluster]..starts[cluster + 1]] {
                    let row = row as usize;
                    for (slot, column) in score[cause * each..].iter_mut().zip(&self.columns) {
                        *slot += residual[row] * column[row];
                    }
                    if self.n_levels > 0 {
                        let at = cause * each + k + self.level[row] as usize;
                        if score[at] == 0.0 {
                            touched.push(at);
                        }
                        score[at] += residual[row];
                    }
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for &i in &touched {
                for &j in &touched {
                    meat[i * m + j] += score[i] * score[j];
                }
            }
            for &at in &touched {
                score[at] = 0.0;
            }
        }
        Ok(by_clusters(&top.inverse, &gathered(&meat, m, free), free, g))
    }
}

/// The covariance of all parameters from their inverse information and what `g` clusters bring to the
/// free ones, with the factor g/(g - 1); NaN for those that are not free.
pub(super) fn by_clusters(inverse: &[f64], meat: &[f64], free: &[usize], g: usize) -> Vec<f64> {
    let m = inverse.len().isqrt();
    let mut own = sandwich(&gathered(inverse, m, free), meat, free.len());
    let scale = g as f64 / (g as f64 - 1.0);
    for own in &mut own {
        *own *= scale;
    }
    scattered(&own, m, free)
}
