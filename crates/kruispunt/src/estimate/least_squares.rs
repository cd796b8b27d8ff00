//! Least squares on swept columns, and how well it describes the sample.

use crate::data::{Goodness, SampleEffect, effect_parameters};
use crate::math::absorb::Variation;
use crate::math::crossprod::{gram, sum_rows};
use crate::math::linalg::Triangle;
use rayon::prelude::*;

/// What a regressor is measured by: its sum of squares about the mean, but no less than what is
/// left of a constant by rounding.
pub(super) fn measure(variation: &Variation, tol: f64) -> f64 {
    variation.about_mean.max(variation.about_zero * (1e-28 / tol.max(1e-12)))
}

/// Sum of squares about the mean.
pub(super) fn total_variation(column: &[f64], weights: Option<&[f64]>) -> f64 {
    let mass = weights.map_or(column.len() as f64, |weights| weights.iter().sum());
    let spread = crate::math::absorb::spread(column, weights);
    spread * spread * mass
}

/// What least squares found.
#[derive(Default)]
pub(super) struct Solved {
    pub(super) kept: Vec<usize>,
    pub(super) dropped: Vec<usize>,
    pub(super) coef: Vec<f64>,
    pub(super) bread: Vec<f64>,
    pub(super) residuals: Vec<f64>,
    /// Weighted sum of squares of the swept outcome.
    pub(super) within: f64,
    pub(super) columns: Vec<Vec<f64>>,
}

/// Collinearity below which only reflections are trusted, and that which only they can tell.
const FINE: f64 = 1e-13;
const FINEST: f64 = 1e-20;

/// Least squares of y on the columns that are not collinear: by cross-products, or by Householder
/// reflections where these would lose more than four digits.
pub(super) struct Projection {
    triangle: Triangle,
    pub(super) coef: Vec<f64>,
    within: f64,
}

impl Projection {
    pub(super) fn new(
        columns: &[Vec<f64>],
        y: &[f64],
        weights: Option<&[f64]>,
        reference: &[f64],
        tol: f64,
    ) -> Self {
        let k = columns.len();
        let mut views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        views.push(y);
        let all = gram(&views, weights);
        let g: Vec<f64> = (0..k).flat_map(|i| all[i * (k + 1)..i * (k + 1) + k].to_vec()).collect();
        let within = all.last().copied().unwrap_or_default();
        let triangle = Triangle::cholesky(&g, reference, tol);
        let doubtful = tol < FINEST || (tol < FINE && !triangle.dropped.is_empty());
        if k > 0 && (triangle.weakest < 1e-4 || doubtful) {
            let root: Option<Vec<f64>> =
                weights.map(|weights| weights.iter().map(|w| w.sqrt()).collect());
            let scaled = |column: &[f64]| match &root {
                None => column.to_vec(),
                Some(root) => column.iter().zip(root).map(|(x, r)| x * r).collect(),
            };
            let work: Vec<Vec<f64>> = columns.iter().map(|column| scaled(column)).collect();
            let (triangle, qy) = Triangle::householder(&work, &scaled(y), reference, tol);
            return Self { coef: triangle.back(&qy), triangle, within };
        }
        let right: Vec<f64> = triangle.kept.iter().map(|&j| all[j * (k + 1) + k]).collect();
        Self { coef: triangle.solve(&right), triangle, within }
    }

    /// Places of the columns that stay.
    pub(super) fn kept(&self) -> &[usize] {
        &self.triangle.kept
    }

    pub(super) fn dropped(&self) -> &[usize] {
        &self.triangle.dropped
    }

    /// With the residuals in the place of y; `columns` are those that stay.
    pub(super) fn solved(self, columns: Vec<Vec<f64>>, mut y: Vec<f64>) -> Solved {
        y.par_chunks_mut(8192).enumerate().for_each(|(chunk, residuals)| {
            let columns = columns.iter().map(Vec::as_slice);
            let fitted = combined(columns, &self.coef, chunk, residuals.len());
            residuals.iter_mut().zip(fitted).for_each(|(y, fitted)| *y -= fitted);
        });
        Solved {
            bread: self.triangle.inverse(),
            kept: self.triangle.kept,
            dropped: self.triangle.dropped,
            coef: self.coef,
            residuals: y,
            within: self.within,
            columns,
        }
    }
}

/// Least squares of y on the columns that are not collinear; see [`Projection`].
pub(super) fn solve(
    mut columns: Vec<Vec<f64>>,
    y: Vec<f64>,
    weights: Option<&[f64]>,
    reference: &[f64],
    tol: f64,
) -> Solved {
    let found = Projection::new(&columns, &y, weights, reference, tol);
    let mut at = 0;
    columns.retain(|_| {
        at += 1;
        found.kept().contains(&(at - 1))
    });
    found.solved(columns, y)
}

/// Sums of columns times coefficients.
pub(super) fn combine(columns: &[&[f64]], coef: &[f64], n: usize) -> Vec<f64> {
    combine_in(Vec::new(), columns, coef, n)
}

/// The same in memory that is there already.
pub(super) fn combine_in(
    mut total: Vec<f64>,
    columns: &[&[f64]],
    coef: &[f64],
    n: usize,
) -> Vec<f64> {
    total.resize(n, 0.0);
    total.par_chunks_mut(8192).enumerate().for_each(|(chunk, total)| {
        total.copy_from_slice(&combined(columns.iter().copied(), coef, chunk, total.len()));
    });
    total
}

/// The same for one chunk of rows.
fn combined<'c>(
    columns: impl Iterator<Item = &'c [f64]>,
    coef: &[f64],
    chunk: usize,
    rows: usize,
) -> Vec<f64> {
    let mut total = vec![0.0; rows];
    for (column, b) in columns.zip(coef) {
        for (sum, x) in total.iter_mut().zip(&column[chunk * 8192..]) {
            *sum += b * x;
        }
    }
    total
}

/// How well a fit describes an outcome whose sum of squares about its mean is `all`.
pub(super) fn goodness(
    all: f64,
    solved: &Solved,
    (weights, n): (Option<&[f64]>, f64),
    effects: &[SampleEffect],
) -> Goodness {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let rows = solved.residuals.len();
    let left = sum_rows(rows, |row| weight(row) * solved.residuals[row].powi(2));
    let k = solved.coef.len() as f64;
    let r2 = 1.0 - left / all;
    let rmse = (left / n).sqrt();
    if effects.is_empty() {
        let adj_r2 = 1.0 - left / all * (n - 1.0) / (n - k);
        return Goodness { r2, adj_r2, within_r2: f64::NAN, adj_within_r2: f64::NAN, rmse };
    }
    let k_effects = effect_parameters(effects.iter().map(|own| (own, true))) as f64;
    let within = solved.within;
    let room = n - k - k_effects;
    Goodness {
        r2,
        adj_r2: 1.0 - left / all * (n - 1.0) / room,
        within_r2: 1.0 - left / within,
        adj_within_r2: 1.0 - left / within * (n - k_effects) / room,
        rmse,
    }
}
