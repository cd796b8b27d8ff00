//! Iterated weighted least squares with effects swept out.

use super::Family;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{failed, go_on, groups};
use crate::estimate::least_squares::{Solved, combine, measure, solve};
use crate::math::absorb::{Absorber, Outcome, Stop};
use crate::math::crossprod::sum_rows;
use rayon::prelude::*;

/// What is fitted.
pub(super) struct Problem<'a> {
    pub(super) family: Family,
    pub(super) outcome: &'a [f64],
    pub(super) regressors: Vec<Vec<f64>>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) offset: Option<&'a [f64]>,
    pub(super) effects: &'a [SampleEffect],
    pub(super) collin_tol: f64,
    pub(super) stop: Stop,
    /// Largest change of the deviance, relative.
    pub(super) tol: f64,
    pub(super) max_iter: usize,
}

/// What was found.
pub(super) struct Found {
    /// Places of the regressors that stay.
    pub(super) kept: Vec<usize>,
    pub(super) dropped: Vec<usize>,
    /// The last weighted regression, of the columns that stay.
    pub(super) solved: Solved,
    pub(super) working_weights: Vec<f64>,
    pub(super) link: Vec<f64>,
    pub(super) mean: Vec<f64>,
    pub(super) deviance: f64,
    pub(super) iterations: usize,
    pub(super) sweep: Outcome,
}

/// A linear predictor with what follows from it.
struct State {
    link: Vec<f64>,
    mean: Vec<f64>,
    deviance: f64,
}

/// The step of the linear predictor below which a further one would not show.
const STILL: f64 = 1e-7;

impl Problem<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    fn state(&self, link: Vec<f64>) -> State {
        let mean: Vec<f64> = link.par_iter().map(|&eta| self.family.mean(eta)).collect();
        let deviance = sum_rows(mean.len(), |row| {
            self.weight(row) * self.family.deviance(self.outcome[row], mean[row])
        });
        State { link, mean, deviance }
    }

    fn start(&self) -> State {
        let n = self.outcome.len();
        let mass = sum_rows(n, |row| self.weight(row));
        let average = sum_rows(n, |row| self.weight(row) * self.outcome[row]) / mass;
        let link = |&y: &f64| self.family.link(self.family.start(y, average));
        self.state(self.outcome.iter().map(link).collect())
    }

    /// Weights and the outcome of the next weighted regression.
    fn linearise(&self, state: &State) -> (Vec<f64>, Vec<f64>) {
        (0..self.outcome.len())
            .into_par_iter()
            .map(|row| {
                let (eta, mean) = (state.link[row], state.mean[row]);
                let slope = self.family.slope(eta, mean);
                let weight = self.weight(row) * slope * slope / self.family.variance(mean);
                let own = eta - self.offset.map_or(0.0, |offset| offset[row]);
                (weight.max(1e-290), own + (self.outcome[row] - mean) / slope)
            })
            .unzip()
    }

    pub(super) fn solve(mut self, ticket: &Ticket) -> Result<Found, EstimateError> {
        let (mut columns, sets) = (std::mem::take(&mut self.regressors), groups(self.effects));
        let k = columns.len();
        let (mut kept, mut dropped): (Vec<usize>, Vec<usize>) = ((0..k).collect(), Vec::new());
        let mut state = self.start();
        let mut absorber: Option<Absorber<'_>> = None;
        let (mut swept, mut before): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut sweep = Outcome::default();
        ticket.stage("weighted regressions", 0);
        for iteration in 1..=self.max_iter {
            go_on(ticket)?;
            let (weights, working) = self.linearise(&state);
            // What was swept before is nearly swept already: only what changed is added.
            if iteration == 1 {
                swept.clone_from(&working);
            } else {
                for (own, (new, old)) in swept.iter_mut().zip(working.iter().zip(&before)) {
                    *own += new - old;
                }
            }
            let reference = if sets.is_empty() {
                vec![0.0; columns.len()]
            } else {
                let mut own = match absorber.take() {
                    Some(own) => own,
                    None => Absorber::new(&sets, None, ticket).map_err(failed)?,
                };
                own.reweigh(weights.clone(), ticket).map_err(failed)?;
                sweep = self.sweep(&mut own, &mut swept, &mut columns, ticket)?;
                let spread = own.variation().iter().skip(1);
                let reference = spread.map(|own| measure(own, self.collin_tol)).collect();
                absorber = Some(own);
                if iteration == 1 { reference } else { vec![0.0; columns.len()] }
            };
            let tol = if iteration == 1 { self.collin_tol } else { 1e-14 };
            let mut solved = solve(columns, swept.clone(), Some(&weights), &reference, tol);
            if iteration == 1 {
                (kept, dropped) = (solved.kept.clone(), solved.dropped.clone());
                if k > 0 && kept.is_empty() {
                    return Err(EstimateError::AllCollinear { names: Vec::new() });
                }
            } else if !solved.dropped.is_empty() {
                return Err(EstimateError::Diverged { iterations: iteration });
            }
            let link = self.link(&solved, &working);
            let new = self.accept(&state, link, iteration == 1)?;
            let mass = sum_rows(weights.len(), |row| weights[row]);
            let step = sum_rows(weights.len(), |row| {
                weights[row] * (new.link[row] - state.link[row]).powi(2)
            });
            let change = (new.deviance - state.deviance).abs() / (0.1 + new.deviance.abs());
            state = new;
            let still = (step / mass).sqrt() < STILL && change < self.tol;
            if (still && iteration > 1) || self.family == Family::Gaussian {
                return Ok(Found {
                    kept,
                    dropped,
                    solved,
                    working_weights: weights,
                    link: state.link,
                    mean: state.mean,
                    deviance: state.deviance,
                    iterations: iteration,
                    sweep,
                });
            }
            columns = std::mem::take(&mut solved.columns);
            before = working;
            ticket.advance(1);
        }
        Err(EstimateError::Diverged { iterations: self.max_iter })
    }

    /// The linear predictor of a weighted regression. With effects it is what the residuals leave;
    /// without them the sum itself, which keeps its digits where a residual is huge.
    fn link(&self, solved: &Solved, working: &[f64]) -> Vec<f64> {
        let n = working.len();
        let offset = |row: usize| self.offset.map_or(0.0, |offset| offset[row]);
        if self.effects.is_empty() {
            let columns: Vec<&[f64]> = solved.columns.iter().map(Vec::as_slice).collect();
            let sum = combine(&columns, &solved.coef, n);
            return (0..n).map(|row| sum[row] + offset(row)).collect();
        }
        (0..n).map(|row| working[row] - solved.residuals[row] + offset(row)).collect()
    }

    fn sweep(
        &self,
        absorber: &mut Absorber<'_>,
        working: &mut [f64],
        columns: &mut [Vec<f64>],
        ticket: &Ticket,
    ) -> Result<Outcome, EstimateError> {
        let mut all: Vec<&mut [f64]> =
            std::iter::once(working).chain(columns.iter_mut().map(Vec::as_mut_slice)).collect();
        absorber.sweep(&mut all, self.stop, ticket).map_err(failed)
    }

    /// The step, halved until the deviance does not grow.
    fn accept(&self, old: &State, link: Vec<f64>, first: bool) -> Result<State, EstimateError> {
        let mut new = self.state(link);
        let slack = 1e-9 * (0.1 + old.deviance.abs());
        if first && new.deviance.is_finite() {
            return Ok(new);
        }
        for _ in 0..40 {
            if new.deviance <= old.deviance + slack {
                return Ok(new);
            }
            let half = new.link.iter().zip(&old.link).map(|(a, b)| f64::midpoint(*a, *b)).collect();
            new = self.state(half);
        }
        Err(EstimateError::Diverged { iterations: 0 })
    }
}
