//! Where the steps of a likelihood begin.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

use super::Family;
use super::family::tabled;
use super::irls::{Problem, State};
use super::levels::{CHUNK, Levels};
use crate::math::crossprod::sum_rows;
use crate::math::widest::widest;
use rayon::prelude::*;

/// How near to its bounds a start puts the mean of a level.
const BOUND: f64 = 1e-3;

/// Where a linear predictor comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Given,
    Levels,
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

    /// Where to start: effects fitted one after the other, the largest first; without effects
    /// between the outcome and its mean. Says what the start is.
    pub(super) fn start(&mut self, constant: f64, levels: &[Levels<'_>]) -> (State, Start) {
        let n = self.outcome.len();
        let mut state = State { link: Vec::new(), mean: vec![0.0; n], deviance: 0.0 };
        let start = match self.start.take() {
            Some(link) => {
                state.link = link;
                Start::Given
            }
            None if !levels.is_empty() && self.family != Family::Gaussian => {
                state.link = self.offset.map_or_else(|| vec![0.0; n], <[f64]>::to_vec);
                let mut alike = self.offset.is_none().then(|| self.family.mean(0.0));
                if alike.is_none() {
                    self.means(&mut state);
                }
                for own in levels {
                    self.fit_levels(own, alike.take(), &mut state);
                }
                state.deviance = constant + self.deviance_at(&state);
                return (state, Start::Levels);
            }
            None => {
                let mass = sum_rows(n, |row| self.weight(row));
                let average = sum_rows(n, |row| self.weight(row) * self.outcome[row]) / mass;
                let link = tabled(|y| self.family.link(self.family.start(y, average)));
                state.link = self.outcome.par_iter().map(|&y| link(y)).collect();
                Start::Outcome
            }
        };
        state.deviance = self.assess(constant, &state.link, &mut state.mean);
        (state, start)
    }

    fn means(&self, state: &mut State) {
        let chunks = state.mean.par_chunks_mut(CHUNK).zip(state.link.par_chunks(CHUNK));
        chunks.for_each(|(mean, link)| {
            widest(
                #[inline(always)]
                || self.family.means(link, mean),
            );
        });
    }

    fn deviance_at(&self, state: &State) -> f64 {
        let chunks = state.mean.par_chunks(CHUNK).zip(state.link.par_chunks(CHUNK)).enumerate();
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

    /// Moves each level so that the link of its mean is that of its outcomes' mean; `alike` is the
    /// mean of all rows where it is the same.
    fn fit_levels(&self, levels: &Levels<'_>, alike: Option<f64>, state: &mut State) {
        let State { link, mean, .. } = state;
        let sums = match alike {
            Some(mean) => levels.sums(|row| {
                let weight = self.weight(row);
                [weight, weight * self.outcome[row], weight * mean]
            }),
            None => levels.sums(|row| {
                let weight = self.weight(row);
                [weight, weight * self.outcome[row], weight * mean[row]]
            }),
        };
        let shifts: Vec<f64> = sums
            .iter()
            .map(|&[mass, outcome, mean]| {
                let (outcome, mean) = (outcome / mass, mean / mass);
                let outcome = if self.family.is_binary() {
                    outcome.clamp(BOUND, 1.0 - BOUND)
                } else {
                    outcome.max(BOUND * mean)
                };
                let shift = self.family.link(outcome) - self.family.link(mean);
                if shift.is_finite() { shift } else { 0.0 }
            })
            .collect();
        let chunks = link.par_chunks_mut(CHUNK).zip(mean.par_chunks_mut(CHUNK));
        chunks.zip(levels.codes.par_chunks(CHUNK)).for_each(|((link, mean), codes)| {
            for (link, &code) in link.iter_mut().zip(codes) {
                *link += shifts[code as usize];
            }
            widest(
                #[inline(always)]
                || self.family.means(link, mean),
            );
        });
    }
}
