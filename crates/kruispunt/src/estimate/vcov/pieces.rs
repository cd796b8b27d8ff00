//! What clusters contribute: their cross-products and scores, all that leaving one out and
//! drawing signs for it need.

use super::Parts;
use crate::data::Factor;
use crate::math::crossprod::gram;
use crate::math::linalg::Triangle;
use rayon::prelude::*;

/// Cross-products and scores by cluster.
pub(in crate::estimate) struct Pieces {
    pub(in crate::estimate) k: usize,
    /// Clusters.
    pub(in crate::estimate) g: usize,
    /// `X_g'W X_g`, row-major `(g, k, k)`.
    grams: Vec<f64>,
    /// `X_g'W u_g`, row-major `(g, k)`.
    scores: Vec<f64>,
    /// `X'WX`.
    whole: Vec<f64>,
}

impl Parts<'_> {
    /// Adds up what each cluster contributes.
    pub(in crate::estimate) fn pieces(&self, factor: &Factor) -> Pieces {
        let (k, g, residuals) = (self.k(), factor.n_levels(), self.residuals());
        let (codes, weights) = (factor.codes(), self.weights());
        let columns = self.columns();
        let parts: Vec<(Vec<f64>, Vec<f64>)> = (0..k)
            .into_par_iter()
            .map(|i| {
                let (mut own, mut scores) = (vec![0.0; g * k], vec![0.0; g]);
                for (row, &code) in codes.iter().enumerate() {
                    let code = code as usize;
                    let x = weights.map_or(1.0, |weights| weights[row]) * columns[i][row];
                    scores[code] += x * residuals[row];
                    for (j, column) in columns.iter().enumerate().skip(i) {
                        own[code * k + j] += x * column[row];
                    }
                }
                (own, scores)
            })
            .collect();
        let mut grams = vec![0.0; g * k * k];
        let mut scores = vec![0.0; g * k];
        for (i, (own, pulls)) in parts.iter().enumerate() {
            for (cluster, pull) in pulls.iter().enumerate() {
                scores[cluster * k + i] = *pull;
                for j in i..k {
                    grams[(cluster * k + i) * k + j] = own[cluster * k + j];
                    grams[(cluster * k + j) * k + i] = own[cluster * k + j];
                }
            }
        }
        Pieces { k, g, grams, scores, whole: gram(&columns, weights) }
    }
}

impl Pieces {
    /// `X_g'W X_g` of one cluster.
    pub(in crate::estimate) fn gram(&self, cluster: usize) -> &[f64] {
        &self.grams[cluster * self.k * self.k..(cluster + 1) * self.k * self.k]
    }

    /// `X_g'W u_g` of one cluster.
    pub(in crate::estimate) fn score(&self, cluster: usize) -> &[f64] {
        &self.scores[cluster * self.k..(cluster + 1) * self.k]
    }

    /// Solves `(X'WX - X_g'WX_g) x = b`; coefficients that cannot be told apart without the
    /// cluster are `lost`.
    pub(in crate::estimate) fn without(&self, cluster: usize) -> Without {
        let rest: Vec<f64> =
            self.whole.iter().zip(self.gram(cluster)).map(|(all, own)| all - own).collect();
        let reference: Vec<f64> = (0..self.k).map(|j| self.whole[j * self.k + j]).collect();
        Without { k: self.k, triangle: Triangle::cholesky(&rest, &reference, 1e-12) }
    }

    /// What leaving out a cluster changes in the coefficients; those lost become zero.
    pub(in crate::estimate) fn gap(
        &self,
        cluster: usize,
        without: &Without,
        coef: &[f64],
    ) -> Vec<f64> {
        let right: Vec<f64> = self.score(cluster).iter().map(|own| -own).collect();
        let mut gap = without.solve(&right);
        for &lost in &without.triangle.dropped {
            gap[lost] = -coef[lost];
        }
        gap
    }
}

/// The normal equations without one cluster.
pub(in crate::estimate) struct Without {
    k: usize,
    triangle: Triangle,
}

impl Without {
    /// The solution, 0 for coefficients that are lost.
    pub(in crate::estimate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let kept = &self.triangle.kept;
        let right: Vec<f64> = kept.iter().map(|&j| b[j]).collect();
        let mut x = vec![0.0; self.k];
        for (&j, value) in kept.iter().zip(self.triangle.solve(&right)) {
            x[j] = value;
        }
        x
    }
}

/// A symmetric row-major matrix times a vector.
pub(in crate::estimate) fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let k = vector.len();
    (0..k).map(|i| (0..k).map(|j| matrix[i * k + j] * vector[j]).sum()).collect()
}
