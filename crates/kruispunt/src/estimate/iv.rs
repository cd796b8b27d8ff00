//! Two-stage least squares: where sample, sweep and least squares meet instruments.

use super::EstimateError;
use super::least_squares::{Solved, combine, solve};

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
}

/// Regresses the outcome on exogenous variables and on what the first stages fit.
pub(super) fn two_stages(
    swept: &Swept<'_>,
    weights: Option<&[f64]>,
    tol: f64,
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
    let mut second = solve(columns, swept.outcome.clone(), weights, &of_columns, tol);
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
    Ok(TwoStages { first, second })
}
