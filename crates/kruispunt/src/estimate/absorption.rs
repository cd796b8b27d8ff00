//! Effects swept out of columns: where a sample meets the absorber.

use super::EstimateError;
use crate::data::{Convergence, SampleEffect, Ticket};
use crate::math::absorb::{Absorber, Failure, Groups, Stop, Variation, Varying};

pub(super) fn sets(effects: &[SampleEffect]) -> Vec<Varying<'_>> {
    effects
        .iter()
        .map(|effect| Varying {
            groups: Groups { codes: effect.factor.codes(), n: effect.factor.n_levels() },
            constant: effect.constant,
            slopes: &effect.slopes,
        })
        .collect()
}

pub(super) const fn failed(failure: Failure) -> EstimateError {
    match failure {
        Failure::Cancelled => EstimateError::Cancelled,
        Failure::NotConverged(outcome) => {
            EstimateError::NotConverged { iterations: outcome.iterations, left: outcome.left }
        }
    }
}

/// How the sweep went, and how much each column varied before it.
pub(super) struct Swept {
    pub(super) convergence: Convergence,
    pub(super) variation: Vec<Variation>,
}

/// Replaces each column by its residual.
pub(super) fn sweep(
    effects: &[SampleEffect],
    weights: Option<&[f64]>,
    columns: &mut [&mut [f64]],
    stop: Stop,
    ticket: &Ticket,
) -> Result<Swept, EstimateError> {
    let sets = sets(effects);
    let mut absorber = Absorber::varying(&sets, weights, ticket).map_err(failed)?;
    let outcome = absorber.sweep(columns, stop, ticket).map_err(failed)?;
    let convergence = Convergence { iterations: outcome.iterations, left: outcome.left };
    Ok(Swept { convergence, variation: absorber.variation().to_vec() })
}

/// Hears a cancelled ticket.
pub(super) fn go_on(ticket: &Ticket) -> Result<(), EstimateError> {
    if ticket.is_cancelled() { Err(EstimateError::Cancelled) } else { Ok(()) }
}

/// Hears a cancelled ticket and starts the next stage.
pub(super) fn stage(ticket: &Ticket, name: &'static str) -> Result<(), EstimateError> {
    ticket.stage(name, 0);
    go_on(ticket)
}
