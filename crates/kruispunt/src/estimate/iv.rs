//! Instruments: two-stage least squares and its relatives of class k.

use super::EstimateError;
use super::least_squares::{Solved, combine, solve};
pub use crate::data::Instrumental;
use crate::math::crossprod::gram;
use crate::math::linalg::{Triangle, relative_eigen};

/// Columns of a regression with instruments, after sweeping.
pub(super) struct Swept<'a> {
    pub(super) outcome: Vec<f64>,
    pub(super) exogenous: &'a [Vec<f64>],
    pub(super) endogenous: &'a [Vec<f64>],
    pub(super) instruments: &'a [Vec<f64>],
    /// What exogenous, endogenous and instruments are measured by, in this order.
    pub(super) reference: &'a [f64],
}

/// What two-stage least squares found.
pub(super) struct TwoStages {
    /// One a endogenous variable, on exogenous variables and then instruments.
    pub(super) first: Vec<Solved>,
    /// On exogenous variables and then the fitted endogenous ones; its residuals are those of the
    /// endogenous variables themselves.
    pub(super) second: Solved,
    pub(super) weakest: Weakest,
}

/// The combination of endogenous variables that the instruments explain least.
pub(super) struct Weakest {
    pub(super) coef: Vec<f64>,
    pub(super) residuals: Vec<f64>,
    /// What exogenous variables alone leave of it.
    pub(super) under_null: Vec<f64>,
}

/// Cross-products of the rows of columns.
fn products(columns: &[Vec<f64>], weights: Option<&[f64]>) -> Vec<f64> {
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    gram(&views, weights)
}

/// Regresses the outcome on exogenous variables and on what the first stages fit.
pub(super) fn two_stages(
    swept: &Swept<'_>,
    weights: Option<&[f64]>,
    tol: f64,
    how: (Instrumental, usize),
) -> Result<TwoStages, EstimateError> {
    let n = swept.outcome.len();
    let (k, m) = (swept.exogenous.len(), swept.endogenous.len());
    let causes: Vec<Vec<f64>> = swept.exogenous.iter().chain(swept.instruments).cloned().collect();
    let (of_exogenous, rest) = swept.reference.split_at(k);
    let (of_endogenous, of_instruments) = rest.split_at(m);
    let of_causes = [of_exogenous, of_instruments].concat();
    let first: Vec<Solved> = swept
        .endogenous
        .iter()
        .map(|column| solve(causes.clone(), column.clone(), weights, &of_causes, tol))
        .collect();
    let left = first.first().map_or(0, |own| own.kept.iter().filter(|&&at| at >= k).count());
    if left < m {
        return Err(EstimateError::TooFewInstruments { instruments: left, endogenous: m });
    }
    let fitted = swept.endogenous.iter().zip(&first).map(|(column, stage)| {
        column.iter().zip(&stage.residuals).map(|(value, left)| value - left).collect()
    });
    let columns: Vec<Vec<f64>> = swept.exogenous.iter().cloned().chain(fitted).collect();
    let of_columns = [of_exogenous, of_endogenous].concat();
    let beside = |column: &Vec<f64>| {
        solve(swept.exogenous.to_vec(), column.clone(), weights, of_exogenous, tol).residuals
    };
    let alone: Vec<Vec<f64>> = swept.endogenous.iter().map(beside).collect();
    let weakest = weakest(&first, &alone, weights);
    let mut second = solve(columns, swept.outcome.clone(), weights, &of_columns, tol);
    if how.0 != Instrumental::TwoStage {
        let beside_all = solve(causes, swept.outcome.clone(), weights, &of_causes, tol).residuals;
        let own = |own: Vec<f64>, others: &[Vec<f64>]| -> Vec<Vec<f64>> {
            std::iter::once(own).chain(others.iter().cloned()).collect()
        };
        let left: Vec<Vec<f64>> = first.iter().map(|own| own.residuals.clone()).collect();
        let above = products(&own(beside(&swept.outcome), &alone), weights);
        let below = products(&own(beside_all.clone(), &left), weights);
        let mut kappa = relative_eigen(&above, &below, m + 1).0[0];
        if let Instrumental::Fuller(alpha) = how.0 {
            let causes = first.first().map_or(0, |own| own.kept.len());
            kappa -= alpha / n.saturating_sub(causes + how.1) as f64;
        }
        second.k_class(kappa, k, &own(beside_all, &left), &swept.outcome, weights)?;
    }
    let own: Vec<&[f64]> = second
        .kept
        .iter()
        .map(|&at| {
            if at < k {
                swept.exogenous[at].as_slice()
            } else {
                swept.endogenous[at - k].as_slice()
            }
        })
        .collect();
    let explained = combine(&own, &second.coef, n);
    second.residuals =
        swept.outcome.iter().zip(explained).map(|(value, fit)| value - fit).collect();
    Ok(TwoStages { first, second, weakest })
}

/// The smallest root of first stages against their residuals.
fn weakest(first: &[Solved], alone: &[Vec<f64>], weights: Option<&[f64]>) -> Weakest {
    let m = first.len();
    let left: Vec<Vec<f64>> = first.iter().map(|own| own.residuals.clone()).collect();
    let (_, vectors) = relative_eigen(&products(alone, weights), &products(&left, weights), m);
    let mix = vectors.get(..m).unwrap_or_default();
    let n = alone.first().map_or(0, Vec::len);
    let views = |columns: &'_ [Vec<f64>]| -> Vec<f64> {
        combine(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), mix, n)
    };
    let k = first.first().map_or(0, |own| own.coef.len());
    let mut coef = vec![0.0; k];
    for (own, share) in first.iter().zip(mix) {
        coef.iter_mut().zip(&own.coef).for_each(|(sum, b)| *sum += share * b);
    }
    Weakest { coef, residuals: views(&left), under_null: views(alone) }
}

impl Solved {
    /// Coefficients and bread of class k, from the fitted columns of two-stage least squares and
    /// the residuals (of the outcome, then of the endogenous variables) beside all instruments.
    fn k_class(
        &mut self,
        kappa: f64,
        exogenous: usize,
        left: &[Vec<f64>],
        outcome: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<(), EstimateError> {
        if !kappa.is_finite() {
            return Err(EstimateError::BadArgument {
                argument: "fml",
                expected: "an outcome and endogenous variables that instruments do not explain fully",
                got: "a perfect fit".to_owned(),
            });
        }
        let k = self.kept.len();
        let mut views: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        views.push(outcome);
        let all = gram(&views, weights);
        let rest = products(left, weights);
        let (wide, own) = (k + 1, left.len());
        let place = |at: usize| self.kept[at].checked_sub(exogenous).map(|at| at + 1);
        let (mut matrix, mut right) = (vec![0.0; k * k], vec![0.0; k]);
        for i in 0..k {
            right[i] = all[i * wide + k];
            if let Some(a) = place(i) {
                right[i] += (1.0 - kappa) * rest[a * own];
            }
            for j in 0..k {
                matrix[i * k + j] = all[i * wide + j];
                if let (Some(a), Some(b)) = (place(i), place(j)) {
                    matrix[i * k + j] += (1.0 - kappa) * rest[a * own + b];
                }
            }
        }
        let triangle = Triangle::cholesky(&matrix, &vec![0.0; k], 1e-14);
        if triangle.kept.len() < k {
            return Err(EstimateError::TooFewInstruments {
                instruments: triangle.kept.len(),
                endogenous: k,
            });
        }
        (self.coef, self.bread) = (triangle.solve(&right), triangle.inverse());
        Ok(())
    }
}

/// Which of the columns of cross-products are what: exogenous variables, endogenous ones,
/// instruments, and last the outcome.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) exogenous: usize,
    pub(super) endogenous: usize,
    pub(super) instruments: usize,
}

/// Coefficients of class k from cross-products alone; `None` for those that cannot be told.
/// `room` are the degrees of freedom beside all instruments, for Fuller's correction.
pub(super) fn by_products(
    all: &[f64],
    places: Places,
    how: Instrumental,
    room: f64,
) -> Vec<Option<f64>> {
    let Places { exogenous: k, endogenous: m, instruments: l } = places;
    let (wide, y) = (k + m + l + 1, k + m + l);
    let at = |i: usize, j: usize| all[i * wide + j];
    let causes: Vec<usize> = (0..k).chain(k + m..y).collect();
    let part = |rows: &[usize]| -> Triangle {
        let square: Vec<f64> =
            rows.iter().flat_map(|&i| rows.iter().map(move |&j| at(i, j))).collect();
        let reference: Vec<f64> = rows.iter().map(|&i| at(i, i)).collect();
        Triangle::cholesky(&square, &reference, 1e-12)
    };
    // x'P z, P the projection on some columns
    let projected = |rows: &[usize], triangle: &Triangle, a: usize, b: usize| -> f64 {
        let along =
            |c: usize| -> Vec<f64> { triangle.kept.iter().map(|&r| at(rows[r], c)).collect() };
        let (left, right) = (along(a), triangle.solve(&along(b)));
        left.iter().zip(right).map(|(a, b)| a * b).sum()
    };
    let inside = part(&causes);
    let mut kappa = 1.0;
    if how != Instrumental::TwoStage {
        let own: Vec<usize> = std::iter::once(y).chain(k..k + m).collect();
        let first: Vec<usize> = (0..k).collect();
        let beside = part(&first);
        let left = |rows: &[usize], triangle: &Triangle| -> Vec<f64> {
            let gap = |a: usize, b: usize| at(a, b) - projected(rows, triangle, a, b);
            own.iter()
                .flat_map(|&a| own.iter().map(move |&b| (a, b)))
                .map(|(a, b)| gap(a, b))
                .collect()
        };
        kappa = relative_eigen(&left(&first, &beside), &left(&causes, &inside), m + 1).0[0];
        if let Instrumental::Fuller(alpha) = how {
            kappa -= alpha / room;
        }
    }
    let mixed =
        |a: usize, b: usize| (1.0 - kappa) * at(a, b) + kappa * projected(&causes, &inside, a, b);
    let q = k + m;
    let matrix: Vec<f64> = (0..q * q).map(|own| mixed(own / q, own % q)).collect();
    let reference: Vec<f64> = (0..q).map(|i| at(i, i)).collect();
    let triangle = Triangle::cholesky(&matrix, &reference, 1e-13);
    let right: Vec<f64> = triangle.kept.iter().map(|&i| mixed(i, y)).collect();
    let mut coef = vec![None; q];
    for (&i, b) in triangle.kept.iter().zip(triangle.solve(&right)) {
        coef[i] = Some(b);
    }
    coef
}
