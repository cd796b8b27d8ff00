//! Iterated weighted least squares with effects swept out.

use super::Family;
use super::family::tabled;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{failed, go_on, sets};
use crate::estimate::least_squares::{Projection, Solved, measure};
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
    /// A linear predictor to start from.
    pub(super) start: Option<Vec<f64>>,
    /// Whether to stop early while separation is not ruled out.
    pub(super) certify: bool,
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
    /// Whether a step showed that nothing is separated.
    pub(super) certified: bool,
}

/// Rows of a chunk; chunks are added up in order.
const CHUNK: usize = 4096;

/// A linear predictor with what follows from it.
struct State {
    link: Vec<f64>,
    mean: Vec<f64>,
    deviance: f64,
}

/// A weighted regression at work; its columns are made once and written again in each step.
struct Step {
    weights: Vec<f64>,
    /// What is regressed, and what is left of it once effects are swept out.
    working: Vec<f64>,
    swept: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

/// What a full step does.
#[derive(Clone, Copy)]
struct Move {
    deviance: f64,
    /// Weighted sum of squares by which the linear predictor moves.
    square: f64,
    mass: f64,
    /// Whether the step rules out separated rows.
    certain: bool,
}

/// A full step moves separated rows by 1 on average, whatever the data ([`Problem::full`]);
/// one that moves all rows with outcome 0 by less than this rules separation out.
const CERTAIN: f64 = 0.5;
/// Steps after which separation is looked for by other means.
const DOUBT: usize = 10;
/// The sweep of the first step, on which collinear regressors are found, and of later ones at most.
const FIRST: f64 = 1e-8;
const LOOSE: f64 = 1e-4;
/// A sweep that would be so many times looser than the last one has to be is made tight at once.
const NEARLY: f64 = 1e3;

/// The step of the linear predictor below which a further one would not show.
const STILL: f64 = 1e-7;

impl Problem<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Logarithms of the outcomes of Poisson.
    fn logs(&self) -> Vec<f64> {
        if self.family != Family::Poisson {
            return Vec::new();
        }
        let log = tabled(|y| if y > 0.0 { libm::log(y) } else { 0.0 });
        self.outcome.par_iter().map(|&y| log(y)).collect()
    }

    /// Means and deviance of a linear predictor.
    fn assess(&self, logs: &[f64], state: &mut State) {
        let parts: Vec<f64> = state
            .mean
            .par_chunks_mut(CHUNK)
            .zip(state.link.par_chunks(CHUNK))
            .enumerate()
            .map(|(chunk, (mean, link))| self.assess_chunk(logs, chunk, link, mean))
            .collect();
        state.deviance = parts.iter().sum();
    }

    fn assess_chunk(&self, logs: &[f64], chunk: usize, link: &[f64], mean: &mut [f64]) -> f64 {
        let rows = chunk * CHUNK..chunk * CHUNK + link.len();
        let logs = logs.get(rows.clone()).unwrap_or_default();
        let weights = self.weights.map(|weights| &weights[rows.clone()]);
        self.family.assess(&self.outcome[rows], logs, weights, link, mean)
    }

    fn start(&mut self, logs: &[f64]) -> State {
        let n = self.outcome.len();
        let link = self.start.take().unwrap_or_else(|| {
            let mass = sum_rows(n, |row| self.weight(row));
            let average = sum_rows(n, |row| self.weight(row) * self.outcome[row]) / mass;
            let link = tabled(|y| self.family.link(self.family.start(y, average)));
            self.outcome.par_iter().map(|&y| link(y)).collect()
        });
        let mut state = State { link, mean: vec![0.0; n], deviance: 0.0 };
        self.assess(logs, &mut state);
        state
    }

    /// Weights and the outcome of the next weighted regression. What was swept before is nearly
    /// swept already: only what changed is added.
    fn linearise(&self, state: &State, step: &mut Step) {
        let columns = step
            .weights
            .par_chunks_mut(CHUNK)
            .zip(step.working.par_chunks_mut(CHUNK))
            .zip(step.swept.par_chunks_mut(CHUNK));
        columns.enumerate().for_each(|(chunk, ((weights, working), swept))| {
            let first = chunk * CHUNK;
            let places = weights.iter_mut().zip(working).zip(swept).enumerate();
            for (at, ((weight, working), swept)) in places {
                let row = first + at;
                let (eta, mean) = (state.link[row], state.mean[row]);
                let (own, slope) = self.family.weigh(eta, mean);
                *weight = (self.weight(row) * own).max(1e-290);
                let eta = eta - self.offset.map_or(0.0, |offset| offset[row]);
                let next = eta + (self.outcome[row] - mean) / slope;
                *swept += next - *working;
                *working = next;
            }
        });
    }

    pub(super) fn solve(mut self, ticket: &Ticket) -> Result<Found, EstimateError> {
        let (columns, sets) = (std::mem::take(&mut self.regressors), sets(self.effects));
        let (k, n) = (columns.len(), self.outcome.len());
        let (mut kept, mut dropped): (Vec<usize>, Vec<usize>) = ((0..k).collect(), Vec::new());
        let logs = self.logs();
        let mut state = self.start(&logs);
        let mut next = State { link: vec![0.0; n], mean: vec![0.0; n], deviance: 0.0 };
        let mut absorber: Option<Absorber<'_>> = None;
        let zero = || vec![0.0; n];
        let mut step = Step { weights: zero(), working: zero(), swept: zero(), columns };
        let mut sweep = Outcome::default();
        let target = self.stop.tol;
        let (mut inner, mut certified) = (target.max(FIRST), false);
        ticket.stage("weighted regressions", 0);
        for iteration in 1..=self.max_iter {
            go_on(ticket)?;
            self.linearise(&state, &mut step);
            let mut reference = vec![0.0; step.columns.len()];
            if !sets.is_empty() {
                let weights = std::mem::take(&mut step.weights);
                let mut own = match absorber.take() {
                    Some(mut own) => {
                        own.reweigh(weights, ticket).map_err(failed)?;
                        own
                    }
                    None => Absorber::weighted(&sets, weights, ticket).map_err(failed)?,
                };
                sweep = step.sweep(&mut own, Stop { tol: inner, ..self.stop }, ticket)?;
                step.weights = own.take_weights();
                if iteration == 1 {
                    let spread = own.variation().iter().skip(1);
                    reference = spread.map(|own| measure(own, self.collin_tol)).collect();
                }
                absorber = Some(own);
            }
            let tol = if iteration == 1 { self.collin_tol } else { 1e-14 };
            let Step { weights, swept, columns, .. } = &step;
            let found = Projection::new(columns, swept, Some(weights), &reference, tol);
            if iteration == 1 {
                (kept, dropped) = (found.kept().to_vec(), found.dropped().to_vec());
                if k > 0 && kept.is_empty() {
                    return Err(EstimateError::AllCollinear { names: Vec::new() });
                }
                let mut at = 0;
                step.columns.retain(|_| {
                    at += 1;
                    kept.contains(&(at - 1))
                });
            } else if !found.dropped().is_empty() {
                return Err(EstimateError::Diverged { iterations: iteration });
            }
            let full = self.full(&logs, &step, &found.coef, &state, &mut next);
            certified |= full.certain;
            let square = self.accept(&logs, (&state, &mut next), full, iteration == 1)?;
            let change = (next.deviance - state.deviance).abs() / (0.1 + next.deviance.abs());
            std::mem::swap(&mut state, &mut next);
            let moved = (square / full.mass).sqrt();
            let tight = sets.is_empty() || inner <= target;
            let still = tight && moved < STILL && change < self.tol;
            // The error of a step is about the square of its length.
            inner = (0.05 * moved * moved).clamp(target, LOOSE.max(target));
            // Some steps more within the sweep are cheaper than another regression.
            if inner < NEARLY * target {
                inner = target;
            }
            let doubtful = self.certify && !certified && iteration >= DOUBT;
            if (still && iteration > 1) || self.family == Family::Gaussian || doubtful {
                return Ok(Found {
                    kept,
                    dropped,
                    solved: found.solved(step.columns, step.swept),
                    working_weights: step.weights,
                    link: state.link,
                    mean: state.mean,
                    deviance: state.deviance,
                    iterations: iteration,
                    sweep,
                    certified,
                });
            }
            ticket.advance(1);
        }
        Err(EstimateError::Diverged { iterations: self.max_iter })
    }

    /// The linear predictor of a weighted regression. With effects it is what the residuals leave;
    /// without them the sum itself, which keeps its digits where a residual is huge.
    ///
    /// Whether the step rules out separated rows (of Poisson): let z be a combination of regressors
    /// and effects that separates: 0 where the outcome is above 0, at least 0 elsewhere. The
    /// residual of the weighted regression is orthogonal to z, so that
    /// `sum mu z (eta - eta_new - 1) = 0`: the step moves the separated rows by -1 on average, with
    /// weights `mu z`. If all rows with outcome 0 move by less, there is no z.
    fn full(&self, logs: &[f64], step: &Step, coef: &[f64], old: &State, new: &mut State) -> Move {
        let chunks = new.link.par_chunks_mut(CHUNK).zip(new.mean.par_chunks_mut(CHUNK));
        let parts: Vec<Move> = chunks
            .enumerate()
            .map(|(chunk, (link, mean))| {
                let rows = chunk * CHUNK..chunk * CHUNK + link.len();
                link.fill(0.0);
                for (column, b) in step.columns.iter().zip(coef) {
                    for (sum, x) in link.iter_mut().zip(&column[rows.clone()]) {
                        *sum += b * x;
                    }
                }
                if !self.effects.is_empty() {
                    let (working, swept) = (&step.working[rows.clone()], &step.swept[rows.clone()]);
                    for ((sum, working), swept) in link.iter_mut().zip(working).zip(swept) {
                        *sum = working - (swept - *sum);
                    }
                }
                if let Some(offset) = self.offset {
                    for (sum, offset) in link.iter_mut().zip(&offset[rows.clone()]) {
                        *sum += offset;
                    }
                }
                let deviance = self.assess_chunk(logs, chunk, link, mean);
                let mut part = Move { deviance, square: 0.0, mass: 0.0, certain: true };
                for ((new, old), (y, weight)) in link
                    .iter()
                    .zip(&old.link[rows.clone()])
                    .zip(self.outcome[rows.clone()].iter().zip(&step.weights[rows]))
                {
                    part.square += weight * (new - old) * (new - old);
                    part.mass += weight;
                    part.certain &= *y > 0.0 || old - new < CERTAIN;
                }
                part
            })
            .collect();
        let mut all = Move { deviance: 0.0, square: 0.0, mass: 0.0, certain: true };
        for part in parts {
            all.deviance += part.deviance;
            all.square += part.square;
            all.mass += part.mass;
            all.certain &= part.certain;
        }
        all.certain &= self.family == Family::Poisson;
        new.deviance = all.deviance;
        all
    }

    /// The step, halved until the deviance does not grow; gives the weighted sum of squares by
    /// which the linear predictor moves.
    fn accept(
        &self,
        logs: &[f64],
        (old, new): (&State, &mut State),
        full: Move,
        first: bool,
    ) -> Result<f64, EstimateError> {
        let slack = 1e-9 * (0.1 + old.deviance.abs());
        let mut share = 1.0;
        if first && new.deviance.is_finite() {
            return Ok(full.square);
        }
        for _ in 0..40 {
            if new.deviance <= old.deviance + slack {
                return Ok(full.square * share * share);
            }
            for (new, old) in new.link.iter_mut().zip(&old.link) {
                *new = f64::midpoint(*new, *old);
            }
            share *= 0.5;
            self.assess(logs, new);
        }
        Err(EstimateError::Diverged { iterations: 0 })
    }
}

impl Step {
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
