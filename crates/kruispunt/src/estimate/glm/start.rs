//! Where the steps of a likelihood begin.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

use super::Family;
use super::family::tabled;
use super::irls::{LOOSE, Problem, State};
use super::levels::{CHUNK, Levels};
use super::step::Step;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::absorption::sets;
use crate::estimate::least_squares::measure;
use crate::math::absorb::Stop;
use crate::math::crossprod::{sum_rows, sums_of_rows};
use crate::math::widest::widest;
use rayon::prelude::*;

/// How near to its bounds a start puts the mean of a level.
const BOUND: f64 = 1e-3;
/// About so many rows coefficients are guessed from; with fewer than four times as many it does not
/// pay.
const GLANCE: usize = 32_768;
/// Share of its own sum of squares a regressor must keep to have a guess.
const PLAIN: f64 = 1e-6;
/// Levels that are settled when they are fitted once.
const FEW: usize = 256;
/// Deviance a row at which a guess is forgotten, in that of levels alone.
const WORSE: f64 = 1.25;

/// Where a linear predictor comes from.
pub(super) enum Start {
    Given,
    /// From coefficients and levels.
    Levels(Vec<f64>),
    Outcome,
}

impl Problem<'_> {
    /// What the deviance of Poisson is apart from `2 sum (mean - y log mean)`.
    pub(super) fn constant(&self) -> f64 {
        if self.family != Family::Poisson {
            return 0.0;
        }
        let own = tabled(|y| if y > 0.0 { y * (libm::log(y) - 1.0) } else { 0.0 });
        2.0 * sum_rows(self.outcome.len(), |row| self.weight(row) * own(self.outcome[row]))
    }

    /// Where to start: coefficients guessed from some of many rows, and effects fitted one after the
    /// other, the largest first; without effects between the outcome and its mean.
    pub(super) fn start(
        &mut self,
        constant: f64,
        levels: &[Levels<'_>],
        columns: &[Vec<f64>],
        ticket: &Ticket,
    ) -> (State, Start) {
        let n = self.outcome.len();
        if let Some(link) = self.start.take() {
            return (self.state(constant, link), Start::Given);
        }
        if levels.is_empty() || self.family == Family::Gaussian {
            let [mass, total] = sums_of_rows(n, |row| {
                let weight = self.weight(row);
                [weight, weight * self.outcome[row]]
            });
            let average = total / mass;
            let link = tabled(|y| self.family.link(self.family.start(y, average)));
            let link = self.outcome.par_iter().map(|&y| link(y)).collect();
            return (self.state(constant, link), Start::Outcome);
        }
        if let Some((coef, before)) = self.guess(levels, columns, ticket) {
            let state = self.at_levels(constant, levels, (columns, &coef));
            // rows unlike those of the guess may be far off
            if state.deviance <= WORSE * before * self.mass() {
                return (state, Start::Levels(coef));
            }
        }
        let none = vec![0.0; columns.len()];
        (self.at_levels(constant, levels, (&[], &[])), Start::Levels(none))
    }

    fn state(&self, constant: f64, link: Vec<f64>) -> State {
        let mut state = State { mean: vec![0.0; link.len()], link, deviance: 0.0 };
        state.deviance = self.assess(constant, &state.link, &mut state.mean);
        state
    }

    fn mass(&self) -> f64 {
        self.weights.map_or(self.outcome.len() as f64, |own| own.iter().sum())
    }

    /// Coefficients after one weighted regression on the rows of some levels of the largest effect,
    /// and the deviance before it, a row. Within a tenth they are good enough to save a step of all
    /// rows.
    fn guess(
        &self,
        levels: &[Levels<'_>],
        columns: &[Vec<f64>],
        ticket: &Ticket,
    ) -> Option<(Vec<f64>, f64)> {
        let (n, largest) = (self.outcome.len(), levels.first()?);
        if n < 4 * GLANCE || columns.is_empty() {
            return None;
        }
        let rows = largest.rows_of_some(n / GLANCE);
        if !(GLANCE / 4..n / 4).contains(&rows.len()) {
            return None;
        }
        let take =
            |own: &[f64]| -> Vec<f64> { rows.iter().map(|&row| own[row as usize]).collect() };
        let effects: Vec<SampleEffect> = self.effects.iter().map(|own| own.take(&rows)).collect();
        let (outcome, weights) = (take(self.outcome), self.weights.map(take));
        let offset = self.offset.map(take);
        let some = Problem {
            outcome: &outcome,
            regressors: Vec::new(),
            weights: weights.as_deref(),
            offset: offset.as_deref(),
            effects: &effects,
            start: None,
            ..*self
        };
        let state = some.at_levels(some.constant(), &Levels::of(&effects), (&[], &[]));
        let zeros = vec![0.0; rows.len()];
        let mut step = Step {
            weights: zeros.clone(),
            swept: zeros,
            columns: columns.iter().map(|own| take(own)).collect(),
            coef: Some(vec![0.0; columns.len()]),
        };
        some.linearise(&state, &mut step);
        let stop = Stop { tol: LOOSE.max(self.stop.tol), ..self.stop };
        let (absorber, _) = step.sweep_out(&sets(&effects), None, stop, ticket).ok()?;
        let spread = absorber.variation().iter().skip(1);
        let reference: Vec<f64> = spread.map(|own| measure(own, PLAIN)).collect();
        let found = step.project(&reference, PLAIN);
        let mut coef = vec![0.0; columns.len()];
        for (&at, b) in found.kept().iter().zip(&found.coef) {
            coef[at] = *b;
        }
        Some((coef, state.deviance / some.mass()))
    }

    /// Effects fitted one after the other beside columns with coefficients, if there are any; then
    /// again where effects of many levels lean on each other.
    fn at_levels(
        &self,
        constant: f64,
        levels: &[Levels<'_>],
        (columns, coef): (&[Vec<f64>], &[f64]),
    ) -> State {
        let n = self.outcome.len();
        let link = self.offset.map_or_else(|| vec![0.0; n], <[f64]>::to_vec);
        let mut state = State { link, mean: vec![0.0; n], deviance: 0.0 };
        let chunks = state.link.par_chunks_mut(CHUNK).enumerate();
        if columns.is_empty() && self.offset.is_none() {
            state.mean.fill(self.family.mean(0.0));
        } else {
            chunks.zip(state.mean.par_chunks_mut(CHUNK)).for_each(|((chunk, link), mean)| {
                widest(
                    #[inline(always)]
                    || {
                        for (column, b) in columns.iter().zip(coef) {
                            for (eta, x) in link.iter_mut().zip(&column[chunk * CHUNK..]) {
                                *eta += b * x;
                            }
                        }
                        self.family.means(link, mean);
                    },
                );
            });
        }
        let light = levels.iter().skip(1).all(|own| own.n <= FEW);
        let rounds = match levels.len() {
            _ if light || columns.is_empty() => 1,
            2 => 3,
            _ => 2,
        };
        for own in (0..rounds).flat_map(|_| levels) {
            self.fit_levels(own, &mut state);
        }
        state.deviance = constant + self.deviance_at(&state.link, &state.mean);
        state
    }

    /// Moves each level so that the link of its mean is that of its outcomes' mean.
    pub(super) fn fit_levels(&self, levels: &Levels<'_>, state: &mut State) {
        let State { link, mean, .. } = state;
        let sums = levels.sums(|row| {
            let weight = self.weight(row);
            [weight, weight * self.outcome[row], weight * mean[row]]
        });
        // how far a level moves, and by what that multiplies means
        let moves: Vec<(f64, f64)> = sums
            .iter()
            .map(|&[mass, outcome, mean]| {
                let (outcome, mean) = (outcome / mass, mean / mass);
                let outcome = if self.family.is_binary() {
                    outcome.clamp(BOUND, 1.0 - BOUND)
                } else {
                    outcome.max(BOUND * mean)
                };
                let factor = outcome / mean;
                let shift = if self.family == Family::Poisson {
                    libm::log(factor)
                } else {
                    self.family.link(outcome) - self.family.link(mean)
                };
                if shift.is_finite() { (shift, factor) } else { (0.0, 1.0) }
            })
            .collect();
        let chunks = link.par_chunks_mut(CHUNK).zip(mean.par_chunks_mut(CHUNK));
        chunks.zip(levels.codes.par_chunks(CHUNK)).for_each(|((link, mean), codes)| {
            for ((link, mean), &code) in link.iter_mut().zip(mean.iter_mut()).zip(codes) {
                let (shift, factor) = moves[code as usize];
                *link += shift;
                *mean *= factor;
            }
            if self.family != Family::Poisson {
                widest(
                    #[inline(always)]
                    || self.family.means(link, mean),
                );
            }
        });
    }
}
