//! A weighted regression at work.

use crate::data::Ticket;
use crate::estimate::EstimateError;
use crate::estimate::absorption::failed;
use crate::estimate::least_squares::Projection;
use crate::math::absorb::{Absorber, Outcome, Stop, Varying};

/// Weights and columns, made once and written again in each step.
pub(super) struct Step {
    pub(super) weights: Vec<f64>,
    /// What is regressed, and then what is left of it once effects are swept out.
    pub(super) swept: Vec<f64>,
    pub(super) columns: Vec<Vec<f64>>,
    /// Coefficients that make the linear predictor but for effects, where there are any.
    pub(super) coef: Option<Vec<f64>>,
}

impl Step {
    /// What makes the linear predictor, but for effects, after a share of a step.
    pub(super) fn share(&self, share: f64, coef: &[f64], effects: bool) -> Option<Vec<f64>> {
        match &self.coef {
            _ if !effects => None,
            _ if share == 1.0 => Some(coef.to_vec()),
            Some(old) if old.len() == coef.len() => {
                Some(old.iter().zip(coef).map(|(old, new)| old + share * (new - old)).collect())
            }
            _ => None,
        }
    }

    pub(super) fn project(&self, reference: &[f64], tol: f64) -> Projection {
        Projection::new(&self.columns, &self.swept, Some(&self.weights), reference, tol)
    }

    /// Sweeps effects out under the weights of the step, with the absorber of the step before.
    pub(super) fn sweep_out<'s>(
        &mut self,
        sets: &[Varying<'s>],
        absorber: Option<Absorber<'s>>,
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<(Absorber<'s>, Outcome), EstimateError> {
        let weights = std::mem::take(&mut self.weights);
        let mut absorber = match absorber {
            Some(mut own) => {
                own.reweigh(weights, ticket).map_err(failed)?;
                own
            }
            None => Absorber::weighted(sets, weights, ticket).map_err(failed)?,
        };
        let outcome = self.sweep(&mut absorber, stop, ticket)?;
        self.weights = absorber.take_weights();
        Ok((absorber, outcome))
    }

    fn sweep(
        &mut self,
        absorber: &mut Absorber<'_>,
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<Outcome, EstimateError> {
        let columns = self.columns.iter_mut().map(Vec::as_mut_slice);
        let mut all: Vec<&mut [f64]> =
            std::iter::once(self.swept.as_mut_slice()).chain(columns).collect();
        absorber.sweep(&mut all, stop, ticket).map_err(failed)
    }
}
