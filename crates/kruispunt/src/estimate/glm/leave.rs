//! Coefficients without some of the rows, from where the fit with all of them stands.

use super::Family;
use super::irls::Problem;
use super::separation::by_effect;
use crate::data::{Sample, SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::math::absorb::Stop;

/// The coefficients on the rows `stay`; `None` for those that cannot be told there. Swept
/// regressors do as well as those they come from: they differ by effects.
pub(in crate::estimate) fn coefficients(
    family: Family,
    sample: &Sample,
    stay: Vec<u32>,
    ticket: &Ticket,
) -> Result<Vec<Option<f64>>, EstimateError> {
    let k = sample.regressors.len();
    let Some(working) = &sample.working else { return Ok(vec![None; k]) };
    let mut stay = stay;
    let (outcome, effects) = loop {
        let outcome: Vec<f64> = stay.iter().map(|&row| sample.outcome[row as usize]).collect();
        let effects: Vec<SampleEffect> =
            sample.effects.iter().map(|effect| effect.take(&stay)).collect();
        match by_effect(family, &outcome, &effects) {
            Some(own) if family != Family::Gaussian => {
                let mut own = own.into_iter();
                stay.retain(|_| own.next().unwrap_or(false));
            }
            _ => break (outcome, effects),
        }
    };
    if stay.is_empty() || outcome.iter().all(|y| *y == outcome[0]) {
        return Ok(vec![None; k]);
    }
    let pick =
        |values: &[f64]| -> Vec<f64> { stay.iter().map(|&at| values[at as usize]).collect() };
    let (weights, offset) =
        (sample.weights.as_deref().map(pick), working.offset.as_deref().map(pick));
    let problem = Problem {
        family,
        outcome: &outcome,
        regressors: sample.regressors.iter().map(|own| pick(own)).collect(),
        weights: weights.as_deref(),
        offset: offset.as_deref(),
        effects: &effects,
        collin_tol: 1e-9,
        stop: Stop { tol: 1e-10, max_iter: 20_000 },
        tol: 1e-8,
        max_iter: 100,
        start: Some(pick(&working.link)),
        certify: false,
    };
    let found = match problem.solve(ticket) {
        Ok(found) => found,
        Err(EstimateError::AllCollinear { .. }) => return Ok(vec![None; k]),
        Err(other) => return Err(other),
    };
    let mut coef = vec![None; k];
    for (&at, b) in found.kept.iter().zip(&found.solved.coef) {
        coef[at] = Some(*b);
    }
    Ok(coef)
}
