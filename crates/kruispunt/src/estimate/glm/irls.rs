//! Iterated weighted least squares with effects swept out.

use super::Family;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{failed, go_on, sets};
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

/// A linear predictor with what follows from it.
struct State {
    link: Vec<f64>,
    mean: Vec<f64>,
    deviance: f64,
}

/// A full step moves separated rows by 1 on average, whatever the data ([`Problem::certificate`]);
/// one that moves all rows with outcome 0 by less than this rules separation out.
const CERTAIN: f64 = 0.5;
/// Steps after which separation is looked for by other means.
const DOUBT: usize = 10;
/// The sweep of the first step, on which collinear regressors are found, and of later ones at most.
const FIRST: f64 = 1e-8;
const LOOSE: f64 = 1e-4;

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
        if let Some(link) = &self.start {
            return self.state(link.clone());
        }
        let n = self.outcome.len();
        let mass = sum_rows(n, |row| self.weight(row));
        let average = sum_rows(n, |row| self.weight(row) * self.outcome[row]) / mass;
        let link = |&y: &f64| self.family.link(self.family.start(y, average));
        self.state(self.outcome.par_iter().map(link).collect())
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
        let (mut columns, sets) = (std::mem::take(&mut self.regressors), sets(self.effects));
        let k = columns.len();
        let (mut kept, mut dropped): (Vec<usize>, Vec<usize>) = ((0..k).collect(), Vec::new());
        let mut state = self.start();
        let mut absorber: Option<Absorber<'_>> = None;
        let (mut swept, mut before): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut sweep = Outcome::default();
        let target = self.stop.tol;
        let (mut inner, mut certified) = (target.max(FIRST), false);
        ticket.stage("weighted regressions", 0);
        for iteration in 1..=self.max_iter {
            go_on(ticket)?;
            let (weights, working) = self.linearise(&state);
            // What was swept before is nearly swept already: only what changed is added.
            if iteration == 1 {
                swept.clone_from(&working);
            } else {
                let changes = working.par_iter().zip(&before);
                swept.par_iter_mut().zip(changes).for_each(|(own, (new, old))| *own += new - old);
            }
            let reference = if sets.is_empty() {
                vec![0.0; columns.len()]
            } else {
                let mut own = match absorber.take() {
                    Some(own) => own,
                    None => Absorber::varying(&sets, None, ticket).map_err(failed)?,
                };
                own.reweigh(weights.clone(), ticket).map_err(failed)?;
                let stop = Stop { tol: inner, ..self.stop };
                sweep = Self::sweep(&mut own, &mut swept, &mut columns, stop, ticket)?;
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
            certified |= self.certificate(&state.link, &link);
            let new = self.accept(&state, link, iteration == 1)?;
            let mass = sum_rows(weights.len(), |row| weights[row]);
            let step = sum_rows(weights.len(), |row| {
                weights[row] * (new.link[row] - state.link[row]).powi(2)
            });
            let change = (new.deviance - state.deviance).abs() / (0.1 + new.deviance.abs());
            state = new;
            let moved = (step / mass).sqrt();
            let tight = sets.is_empty() || inner <= target;
            let still = tight && moved < STILL && change < self.tol;
            // The error of a step is about the square of its length.
            inner = (0.05 * moved * moved).clamp(target, LOOSE.max(target));
            let doubtful = self.certify && !certified && iteration >= DOUBT;
            if (still && iteration > 1) || self.family == Family::Gaussian || doubtful {
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
                    certified,
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
        let own = |row: usize| working[row] - solved.residuals[row] + offset(row);
        (0..n).into_par_iter().map(own).collect()
    }

    fn sweep(
        absorber: &mut Absorber<'_>,
        working: &mut [f64],
        columns: &mut [Vec<f64>],
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<Outcome, EstimateError> {
        let mut all: Vec<&mut [f64]> =
            std::iter::once(working).chain(columns.iter_mut().map(Vec::as_mut_slice)).collect();
        absorber.sweep(&mut all, stop, ticket).map_err(failed)
    }

    /// Whether a full step rules out separated rows (of Poisson).
    ///
    /// Let z be a combination of regressors and effects that separates: 0 where the outcome is above
    /// 0, at least 0 elsewhere. The residual of the weighted regression is orthogonal to z, so that
    /// `sum mu z (eta - eta_new - 1) = 0`: the step moves the separated rows by -1 on average, with
    /// weights `mu z`. If all rows with outcome 0 move by less, there is no z.
    fn certificate(&self, old: &[f64], new: &[f64]) -> bool {
        self.family == Family::Poisson
            && self
                .outcome
                .par_iter()
                .zip(old.par_iter().zip(new))
                .all(|(y, (old, new))| *y > 0.0 || old - new < CERTAIN)
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
