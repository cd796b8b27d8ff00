//! Iterated weighted least squares with effects swept out.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

use super::Family;
use super::family::family_of;
use super::levels::{CHUNK, Levels, Run, cut, runs};
use super::start::Start;
use super::step::Step;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{go_on, sets};
use crate::estimate::least_squares::{Projection, Solved, measure};
use crate::math::absorb::{Absorber, Outcome, Stop, Varying};
use crate::math::crossprod::sum_rows;
use crate::math::widest::{running, widest};
use rayon::prelude::*;
use std::ops::Range;

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
    /// Memory of a number a row, no longer needed.
    pub(super) room: Vec<f64>,
}

/// A linear predictor with what follows from it.
pub(super) struct State {
    pub(super) link: Vec<f64>,
    pub(super) mean: Vec<f64>,
    pub(super) deviance: f64,
}

/// What a full step does.
#[derive(Clone, Copy)]
struct Move {
    deviance: f64,
    /// Weighted sum of squares by which the linear predictor moves, and of the weights.
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
pub(super) const LOOSE: f64 = 1e-4;
/// A sweep that would be so many times looser than the last one has to be is made tight at once.
const NEARLY: f64 = 1e3;

/// The smallest weight of a row.
const LIGHT: f64 = 1e-290;
/// How far a level moves in one step of Newton at most.
const FARTHEST: f64 = 2.0;

/// The step of the linear predictor below which a further one would not show.
const STILL: f64 = 1e-7;

impl Problem<'_> {
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Means and deviance of a linear predictor.
    pub(super) fn assess(&self, constant: f64, link: &[f64], mean: &mut [f64]) -> f64 {
        self.means(link, mean);
        constant + self.deviance_at(link, mean)
    }

    /// Means of a linear predictor.
    pub(super) fn means(&self, link: &[f64], mean: &mut [f64]) {
        let chunks = mean.par_chunks_mut(CHUNK).zip(link.par_chunks(CHUNK));
        chunks.for_each(|(mean, link)| {
            widest(
                #[inline(always)]
                || self.family.means(link, mean),
            );
        });
    }

    /// The deviance but for the constant.
    pub(super) fn deviance_at(&self, link: &[f64], mean: &[f64]) -> f64 {
        let chunks = mean.par_chunks(CHUNK).zip(link.par_chunks(CHUNK)).enumerate();
        let parts: Vec<f64> = chunks
            .map(|(chunk, (mean, link))| {
                let first = chunk * CHUNK;
                widest(
                    #[inline(always)]
                    || self.deviance_of(first..first + link.len(), link, mean),
                )
            })
            .collect();
        parts.iter().sum()
    }

    /// The deviance of some rows but for the constant.
    #[inline(always)]
    fn deviance_of(&self, rows: Range<usize>, link: &[f64], mean: &[f64]) -> f64 {
        let weights = self.weights.map(|weights| &weights[rows.clone()]);
        self.family.deviance_of(&self.outcome[rows], weights, link, mean)
    }

    /// The deviance where it is little of its parts: row by row.
    fn deviance(&self, constant: f64, state: &State) -> f64 {
        if self.family != Family::Poisson || state.deviance > 1e-4 * constant.abs() {
            return state.deviance;
        }
        let own = |row: usize| self.family.deviance(self.outcome[row], state.mean[row]);
        sum_rows(state.mean.len(), |row| self.weight(row) * own(row))
    }

    /// Weights and the outcome of the next weighted regression. Where the linear predictor is
    /// `x'b` and effects, the latter are left out: what is swept then is nearly swept already.
    pub(super) fn linearise(&self, state: &State, step: &mut Step) {
        let Step { weights, swept, columns, coef } = step;
        let (columns, coef) = (&*columns, coef.as_deref());
        let chunks = weights.par_chunks_mut(CHUNK).zip(swept.par_chunks_mut(CHUNK)).enumerate();
        chunks.for_each(|(chunk, (weights, swept))| {
            let rows = chunk * CHUNK..chunk * CHUNK + weights.len();
            let (link, mean) = (&state.link[rows.clone()], &state.mean[rows.clone()]);
            let outcome = &self.outcome[rows.clone()];
            widest(
                #[inline(always)]
                || {
                    family_of!(self.family, family => {
                        let places = weights.iter_mut().zip(swept.iter_mut());
                        let given = link.iter().zip(mean).zip(outcome);
                        for ((weight, next), ((&eta, &mean), &y)) in places.zip(given) {
                            (*weight, *next) = family.weigh(y, eta, mean);
                        }
                    });
                    if let Some(own) = self.weights {
                        weights.iter_mut().zip(&own[rows.clone()]).for_each(|(w, own)| *w *= own);
                    }
                    for weight in weights.iter_mut() {
                        *weight = weight.max(LIGHT);
                    }
                    let Some(coef) = coef else {
                        swept.iter_mut().zip(link).for_each(|(next, eta)| *next += eta);
                        if let Some(offset) = self.offset {
                            let offset = &offset[rows.clone()];
                            swept.iter_mut().zip(offset).for_each(|(next, own)| *next -= own);
                        }
                        return;
                    };
                    for (column, b) in columns.iter().zip(coef.iter()) {
                        for (next, x) in swept.iter_mut().zip(&column[rows.clone()]) {
                            *next += b * x;
                        }
                    }
                },
            );
        });
    }

    pub(super) fn solve(mut self, ticket: &Ticket) -> Result<Found, EstimateError> {
        let (columns, sets) = (std::mem::take(&mut self.regressors), sets(self.effects));
        let (k, n) = (columns.len(), self.outcome.len());
        let (mut kept, mut dropped): (Vec<usize>, Vec<usize>) = ((0..k).collect(), Vec::new());
        let constant = self.constant();
        let levels = Levels::of(self.effects);
        let (mut state, start) = self.start(constant, &levels, &columns, ticket);
        let free_start = matches!(start, Start::Outcome);
        let coef = if let Start::Levels(coef) = start { Some(coef) } else { None };
        let largest = levels.first().filter(|_| self.family != Family::Gaussian);
        let mut next = vec![0.0; n];
        let mut absorber: Option<Absorber<'_>> = None;
        let mut step = Step { weights: vec![0.0; n], swept: vec![0.0; n], columns, coef };
        let mut sweep = Outcome::default();
        let target = self.stop.tol;
        let last = self.family == Family::Gaussian;
        let (mut inner, mut certified) = (if last { target } else { target.max(FIRST) }, false);
        ticket.stage("weighted regressions", 0);
        for iteration in 1..=self.max_iter {
            go_on(ticket)?;
            self.linearise(&state, &mut step);
            let first = iteration == 1;
            let (own, found) =
                self.regress(&mut step, (&sets, absorber.take()), (first, inner), ticket)?;
            if let Some((own, outcome)) = own {
                (absorber, sweep) = (Some(own), outcome);
            }
            if first {
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
            let full = self.full((&step, &found.coef), largest, &mut state, &mut next);
            let full = Move { deviance: full.deviance + constant, ..full };
            certified |= full.certain;
            let free = first && free_start;
            let (share, deviance) = if free && full.deviance.is_finite() {
                (1.0, full.deviance)
            } else {
                self.accept(constant, (&step, &found.coef), &levels, &mut state, &mut next, full)?
            };
            let change = (deviance - state.deviance).abs() / (0.1 + deviance.abs());
            std::mem::swap(&mut state.link, &mut next);
            state.deviance = deviance;
            step.coef = step.share(share, &found.coef, !sets.is_empty());
            let square = full.square * share * share;
            let moved = (square / full.mass).sqrt();
            let tight = sets.is_empty() || inner <= target;
            let still = tight && share == 1.0 && moved < STILL && change < self.tol;
            inner = self.looseness(moved);
            let doubtful = self.certify && !certified && iteration >= DOUBT;
            if (still && !first) || self.family == Family::Gaussian || doubtful {
                let deviance = self.deviance(constant, &state);
                return Ok(Found {
                    kept,
                    dropped,
                    solved: found.solved(step.columns, step.swept),
                    working_weights: step.weights,
                    link: state.link,
                    mean: state.mean,
                    deviance,
                    iterations: iteration,
                    sweep,
                    certified,
                    room: next,
                });
            }
            ticket.advance(1);
        }
        Err(EstimateError::Diverged { iterations: self.max_iter })
    }

    /// The weighted regression of a step, effects swept out; in the first one columns that are
    /// collinear are dropped.
    fn regress<'s>(
        &self,
        step: &mut Step,
        (sets, absorber): (&[Varying<'s>], Option<Absorber<'s>>),
        (first, inner): (bool, f64),
        ticket: &Ticket,
    ) -> Result<(Option<(Absorber<'s>, Outcome)>, Projection), EstimateError> {
        let tol = if first { self.collin_tol } else { 1e-14 };
        let mut reference = vec![0.0; step.columns.len()];
        if sets.is_empty() {
            return Ok((None, step.project(&reference, tol)));
        }
        let stop = Stop { tol: inner, ..self.stop };
        let (absorber, sweep) = step.sweep_out(sets, absorber, stop, ticket)?;
        if first {
            let spread = absorber.variation().iter().skip(1);
            reference = spread.map(|own| measure(own, self.collin_tol)).collect();
        }
        let found = step.project(&reference, tol);
        Ok((Some((absorber, sweep)), found))
    }

    /// How loose the next sweep may be, once the linear predictor has moved so far. Of Newton's
    /// steps the error is about the square of the length: the sweep must not keep the one after
    /// the next from being the last. Others shrink by a factor.
    fn looseness(&self, moved: f64) -> f64 {
        let target = self.stop.tol;
        let newton = matches!(self.family, Family::Poisson | Family::Logit);
        let tol = 0.05 * moved.powi(if newton { 4 } else { 2 });
        let tol = tol.clamp(target, LOOSE.max(target));
        // Some steps more within the sweep are cheaper than another regression.
        if tol < NEARLY * target { target } else { tol }
    }

    /// The linear predictor of a weighted regression, with each level of the largest effect fitted
    /// once more by itself ([`lift`](Self::lift)): a line of the likelihood, and most of what a
    /// step leaves where levels have few rows.
    ///
    /// Whether the step rules out separated rows (of Poisson): let z be a combination of regressors
    /// and effects that separates: 0 where the outcome is above 0, at least 0 elsewhere. The
    /// residual of the weighted regression is orthogonal to z, so that
    /// `sum mu z (eta - eta_new - 1) = 0`: the step, before levels are fitted, moves the separated
    /// rows by -1 on average, with weights `mu z`. If all rows with outcome 0 move by less, there is
    /// no z.
    fn full(
        &self,
        (step, coef): (&Step, &[f64]),
        largest: Option<&Levels<'_>>,
        state: &mut State,
        next: &mut [f64],
    ) -> Move {
        let State { link: old, mean, .. } = state;
        let old = old.as_slice();
        let starts = largest.and_then(|own| own.starts.as_deref());
        let runs = runs(next.len(), starts);
        let scattered = largest.filter(|own| own.starts.is_none());
        let looks = self.certify && self.family == Family::Poisson;
        let parts = cut(&runs, (&mut *next, &mut *mean)).into_par_iter();
        let found: Vec<Move> = parts
            .map(|(run, link, mean)| {
                widest(
                    #[inline(always)]
                    || {
                        self.predict((step, coef), run.rows.clone(), (old, mean), link);
                        let certain = looks && self.rules_out(run.rows.clone(), old, link);
                        self.family.means(link, mean);
                        if let Some(starts) = starts {
                            self.lift(&run, starts, link, mean);
                        }
                        let nothing = Move { deviance: 0.0, square: 0.0, mass: 0.0, certain };
                        if scattered.is_some() {
                            return nothing;
                        }
                        Move { certain, ..self.moved(step, run.rows, old, (link, mean)) }
                    },
                )
            })
            .collect();
        let certain = found.iter().all(|part| part.certain);
        let found = match scattered {
            None => found,
            Some(levels) => {
                let (link, own) = (&*next, &*mean);
                let sums = levels.sums(|row| self.score(row, link[row], own[row]));
                let shifts: Vec<f64> = sums.into_iter().map(|own| self.shift(own)).collect();
                let parts = cut(&runs, (&mut *next, &mut *mean)).into_par_iter();
                parts
                    .map(|(run, link, mean)| {
                        for (link, &code) in link.iter_mut().zip(&levels.codes[run.rows.clone()]) {
                            *link += shifts[code as usize];
                        }
                        widest(
                            #[inline(always)]
                            || {
                                self.family.means(link, mean);
                                self.moved(step, run.rows, old, (link, mean))
                            },
                        )
                    })
                    .collect()
            }
        };
        let mut all = Move { deviance: 0.0, square: 0.0, mass: 0.0, certain };
        for part in found {
            all.deviance += part.deviance;
            all.square += part.square;
            all.mass += part.mass;
        }
        all
    }

    /// With effects what the residuals leave; without them the sum itself, which keeps its digits
    /// where a residual is huge. `mean` is that of the old linear predictor.
    #[inline(always)]
    fn predict(
        &self,
        (step, coef): (&Step, &[f64]),
        rows: Range<usize>,
        (old, mean): (&[f64], &[f64]),
        link: &mut [f64],
    ) {
        if self.effects.is_empty() {
            match self.offset {
                None => link.fill(0.0),
                Some(offset) => link.copy_from_slice(&offset[rows.clone()]),
            }
        } else {
            let given = old[rows.clone()].iter().zip(mean).zip(&self.outcome[rows.clone()]);
            let given = given.zip(&step.swept[rows.clone()]);
            family_of!(self.family, family => {
                for (next, (((&eta, &mean), &y), swept)) in link.iter_mut().zip(given) {
                    *next = eta + (family.residual(y, eta, mean) - swept);
                }
            });
        }
        for (column, b) in step.columns.iter().zip(coef) {
            for (sum, x) in link.iter_mut().zip(&column[rows.clone()]) {
                *sum += b * x;
            }
        }
    }

    /// Whether all rows with outcome 0 move by less than separated ones would on average.
    #[allow(clippy::needless_bitwise_bool, reason = "without branches rows go side by side")]
    #[inline(always)]
    fn rules_out(&self, rows: Range<usize>, old: &[f64], link: &[f64]) -> bool {
        let places = link.iter().zip(&old[rows.clone()]).zip(&self.outcome[rows]);
        places.fold(true, |all, ((new, old), &y)| all & ((y > 0.0) | (old - new < CERTAIN)))
    }

    /// What a row says about its level: of Poisson the outcome and its mean, else the derivative of
    /// the log-likelihood and the information.
    #[inline(always)]
    fn score(&self, row: usize, eta: f64, mean: f64) -> [f64; 2] {
        let (y, weight) = (self.outcome[row], self.weight(row));
        if self.family == Family::Poisson {
            return [weight * y, weight * mean];
        }
        let (own, residual) = self.family.weigh(y, eta, mean);
        [weight * own * residual, weight * own]
    }

    /// How far a level moves: of Poisson all the way to its maximum, else one step of Newton.
    #[inline(always)]
    fn shift(&self, [up, down]: [f64; 2]) -> f64 {
        let shift = up / down;
        let shift = if self.family == Family::Poisson {
            libm::log(shift)
        } else {
            shift.clamp(-FARTHEST, FARTHEST)
        };
        if shift.is_finite() { shift } else { 0.0 }
    }

    /// Fits the levels of a run by themselves.
    #[inline(always)]
    fn lift(&self, run: &Run, starts: &[u32], link: &mut [f64], mean: &mut [f64]) {
        let from = run.rows.start;
        for level in run.levels.clone() {
            let own = starts[level] as usize - from..starts[level + 1] as usize - from;
            let (link, mean) = (&mut link[own.clone()], &mut mean[own.clone()]);
            let mut sums = [0.0; 2];
            for (at, (&eta, &mean)) in link.iter().zip(mean.iter()).enumerate() {
                let [up, down] = self.score(from + own.start + at, eta, mean);
                sums[0] += up;
                sums[1] += down;
            }
            let shift = self.shift(sums);
            for eta in link.iter_mut() {
                *eta += shift;
            }
            if self.family == Family::Poisson && shift != 0.0 {
                let factor = sums[0] / sums[1];
                for mean in mean.iter_mut() {
                    *mean *= factor;
                }
            }
        }
        if self.family != Family::Poisson {
            self.family.means(link, mean);
        }
    }

    /// The deviance of some rows, and how far they have moved.
    #[inline(always)]
    fn moved(
        &self,
        step: &Step,
        rows: Range<usize>,
        old: &[f64],
        (link, mean): (&[f64], &[f64]),
    ) -> Move {
        let n = link.len();
        let (old, weights) = (&old[rows.clone()], &step.weights[rows.clone()]);
        let square = running(
            n,
            #[inline(always)]
            |at| weights[at] * (link[at] - old[at]) * (link[at] - old[at]),
        );
        let mass = running(
            n,
            #[inline(always)]
            |at| weights[at],
        );
        let deviance = self.deviance_of(rows, link, mean);
        Move { deviance, square, mass, certain: true }
    }

    /// The share of the step that does not lower the likelihood, and the deviance there. A full step
    /// with its levels fitted once more may do so; shares are of the step alone, along which the
    /// likelihood rises at first. Of Poisson the levels of the largest effect are then fitted to each.
    fn accept(
        &self,
        constant: f64,
        (step, coef): (&Step, &[f64]),
        levels: &[Levels<'_>],
        state: &mut State,
        next: &mut Vec<f64>,
        full: Move,
    ) -> Result<(f64, f64), EstimateError> {
        let State { link: old, mean, deviance: before } = state;
        let slack = 1e-9 * (0.1 + before.abs()) + 1e-14 * constant.abs();
        if full.deviance <= *before + slack {
            return Ok((1.0, full.deviance));
        }
        self.means(old, mean);
        let chunks = next.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(chunk, next)| {
            let rows = chunk * CHUNK..chunk * CHUNK + next.len();
            self.predict((step, coef), rows.clone(), (old, &mean[rows]), next);
        });
        let levels = levels.iter().take(usize::from(self.family == Family::Poisson));
        let mut share = 1.0;
        let mut own = State { link: next.clone(), mean: std::mem::take(mean), deviance: 0.0 };
        for _ in 0..40 {
            share *= 0.5;
            next.iter_mut()
                .zip(old.iter())
                .for_each(|(next, old)| *next = f64::midpoint(*next, *old));
            own.link.copy_from_slice(next);
            own.deviance = self.assess(constant, &own.link, &mut own.mean);
            for levels in levels.clone() {
                self.fit_levels(levels, &mut own);
                own.deviance = constant + self.deviance_at(&own.link, &own.mean);
            }
            if own.deviance <= *before + slack {
                (*next, *mean) = (own.link, own.mean);
                return Ok((share, own.deviance));
            }
        }
        Err(EstimateError::Diverged { iterations: 0 })
    }
}
