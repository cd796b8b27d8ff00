//! Observations that a likelihood fits perfectly at infinity.

use super::Family;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{go_on, sweep};
use crate::estimate::drawn::Drawn;
use crate::estimate::least_squares::{measure, solve};
use crate::math::absorb::Stop;

/// Rows in a level of an effect where the outcome never differs from its bound.
pub(super) fn by_effect(
    family: Family,
    outcome: &[f64],
    effects: &[SampleEffect],
) -> Option<Vec<bool>> {
    let mut stay = vec![true; outcome.len()];
    let mut any = false;
    for effect in effects {
        let n = effect.factor.n_levels();
        let (mut low, mut high) = (vec![true; n], vec![family.is_binary(); n]);
        for (&code, &y) in effect.factor.codes().iter().zip(outcome) {
            low[code as usize] &= y == 0.0;
            high[code as usize] &= y == 1.0;
        }
        for (row, &code) in effect.factor.codes().iter().enumerate() {
            if low[code as usize] || high[code as usize] {
                stay[row] = false;
                any = true;
            }
        }
    }
    any.then_some(stay)
}

/// Below this a fitted value counts as zero.
const ZERO: f64 = 1e-4;
/// Projections at most.
const MOST: usize = 1000;
/// Weighted columns differ by many orders; only what rounding leaves is collinear.
const COLLINEAR: f64 = 1e-24;

/// Rows with outcome 0 that some combination of regressors and effects sends to minus infinity
/// while it leaves all others alone: the iterative rectifier.
///
/// A combination that is 0 where the outcome is above 0, and nowhere below 0 elsewhere, separates
/// the rows where it is above 0. It is found by projecting 1(y = 0) on the regressors with much
/// weight on the rows above 0, setting what is negative to 0, and projecting again.
pub(super) fn by_rectifier(
    drawn: &Drawn,
    ticket: &Ticket,
) -> Result<Option<Vec<bool>>, EstimateError> {
    let (outcome, effects) = (drawn.outcome.as_slice(), drawn.effects.as_slice());
    let zeros = outcome.iter().filter(|&&y| y == 0.0).count();
    if zeros == 0 || zeros == outcome.len() || (drawn.regressors.is_empty() && effects.len() < 2) {
        return Ok(None);
    }
    let heavy = (outcome.len() - zeros) as f64 / (ZERO * ZERO);
    let weights: Vec<f64> = outcome.iter().map(|&y| if y > 0.0 { heavy } else { 1.0 }).collect();
    let mut target: Vec<f64> = outcome.iter().map(|&y| f64::from(u8::from(y == 0.0))).collect();
    let stop = Stop { tol: 1e-6, max_iter: 20_000 };
    let mut columns: Vec<Vec<f64>> =
        drawn.regressors.iter().map(|own| own.values.to_vec()).collect();
    let mut left = target.clone();
    let mut all: Vec<&mut [f64]> = std::iter::once(left.as_mut_slice())
        .chain(columns.iter_mut().map(Vec::as_mut_slice))
        .collect();
    let swept = sweep(effects, Some(&weights), &mut all, stop, ticket)?;
    let reference: Vec<f64> = if effects.is_empty() {
        vec![0.0; columns.len()]
    } else {
        swept.variation.iter().skip(1).map(|own| measure(own, COLLINEAR)).collect()
    };
    for _ in 0..MOST {
        go_on(ticket)?;
        let solved = solve(columns.clone(), left.clone(), Some(&weights), &reference, COLLINEAR);
        let fitted: Vec<f64> =
            target.iter().zip(&solved.residuals).map(|(target, own)| target - own).collect();
        let zero = |row: usize| outcome[row] == 0.0;
        let lowest =
            (0..fitted.len()).filter(|&row| zero(row)).fold(0.0_f64, |m, row| m.min(fitted[row]));
        let highest =
            (0..fitted.len()).filter(|&row| zero(row)).fold(0.0_f64, |m, row| m.max(fitted[row]));
        if highest < ZERO {
            return Ok(None);
        }
        if lowest > -0.1 * ZERO {
            let stay: Vec<bool> =
                (0..fitted.len()).map(|row| !(zero(row) && fitted[row] > ZERO)).collect();
            return Ok(stay.contains(&false).then_some(stay));
        }
        for row in 0..fitted.len() {
            target[row] = if zero(row) { fitted[row].max(0.0) } else { 0.0 };
        }
        left.clone_from(&target);
        sweep(effects, Some(&weights), &mut [left.as_mut_slice()], stop, ticket)?;
    }
    Ok(None)
}
