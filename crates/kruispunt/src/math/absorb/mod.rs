//! Sweeps group effects out of columns: the residuals of a weighted regression on any number of
//! sets of dummies.
//!
//! One set: group means. Two or more: the largest set is eliminated exactly, and conjugate
//! gradients solve what remains,
//!
//! ```text
//! S x = b,   S = D'WD - D'WE (E'WE)^-1 E'WD,   b = D'W(y - mean of y within E),
//! ```
//!
//! with E the largest set and D all others together; several columns run side by side. Rows with
//! the same levels in all sets are one cell, and a level of E with a single cell drops out of S.
//! Where conjugate gradients are slow (long thin graphs of movers) the reduced system is
//! factorised, densely when small, within its envelope when that is narrow.
//!
//! The result is checked, not trusted: the largest group mean left in any set, relative to the
//! standard deviation of the column, is computed from the residuals themselves, and the solve is
//! repeated on them until it is below the tolerance.
//!
//! Chunks are fixed by the size of the problem and reduced in order, so the bits do not depend on
//! the number of threads.
//!
//! # For whoever fits again and again
//!
//! Iteratively reweighted least squares makes one [`Absorber`] from its codes and then, step by
//! step, calls [`reweigh`](Absorber::reweigh) and [`sweep`](Absorber::sweep), with a [`Stop`] of
//! its own each time (loose first, tight at the end). What depends on the codes alone is made
//! once. To start warm, hand in columns as the last sweep left them, plus what was added to them
//! since: a column and its residual differ by group effects only, so both have one residual under
//! the new weights, and the closer one is there in fewer steps.

mod envelope;
mod reduced;

use crate::data::Ticket;
use rayon::prelude::*;
use reduced::Reduced;
use std::borrow::Cow;

/// Rounding, in shares of the largest value of a column.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// One set of groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups<'a> {
    /// The group of each row, all below `n`.
    pub(crate) codes: &'a [u32],
    /// Number of groups.
    pub(crate) n: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// Largest group mean left, relative to the standard deviation of the column.
    pub(crate) tol: f64,
    /// Steps of conjugate gradients at most.
    pub(crate) max_iter: usize,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Steps of conjugate gradients.
    pub(crate) iterations: usize,
    /// Largest group mean left, relative to the standard deviation of its column.
    pub(crate) left: f64,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// Too few steps.
    NotConverged(Outcome),
    /// The ticket was cancelled.
    Cancelled,
}

/// Sets of groups, prepared for sweeping.
pub(crate) struct Absorber<'a> {
    /// The caller's sets, the eliminated one first.
    sets: Vec<Groups<'a>>,
    /// Where each of them stands in the caller's list.
    place: Vec<usize>,
    weights: Option<Cow<'a, [f64]>>,
    /// Weight of each group, by set.
    mass: Vec<Vec<f64>>,
    reduced: Option<Reduced>,
}

/// Coefficients of the groups, by the caller's sets.
pub(crate) type Coefficients = Vec<Vec<f64>>;

impl<'a> Absorber<'a> {
    /// Prepares `sets`, all of one length; `weights` are positive.
    pub(crate) fn new(
        sets: &[Groups<'a>],
        weights: Option<&'a [f64]>,
        ticket: &Ticket,
    ) -> Result<Self, Failure> {
        let largest = (0..sets.len()).max_by_key(|&s| (sets[s].n, usize::MAX - s)).unwrap_or(0);
        let mut place: Vec<usize> = (0..sets.len()).collect();
        if !place.is_empty() {
            place.remove(largest);
            place.insert(0, largest);
        }
        let sets: Vec<Groups<'a>> = place.iter().map(|&s| sets[s]).collect();
        let mass = sets.par_iter().map(|set| group_mass(*set, weights)).collect();
        let reduced = (sets.len() > 1).then(|| Reduced::new(&sets, weights));
        if ticket.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        Ok(Self { sets, place, weights: weights.map(Cow::Borrowed), mass, reduced })
    }

    /// Other weights, positive, for the same sets; the next sweep uses them.
    #[cfg_attr(not(test), expect(dead_code, reason = "for estimators that reweigh"))]
    pub(crate) fn reweigh(&mut self, weights: Vec<f64>, ticket: &Ticket) -> Result<(), Failure> {
        let sets = &self.sets;
        self.mass = sets.par_iter().map(|set| group_mass(*set, Some(&weights))).collect();
        self.reduced = (sets.len() > 1).then(|| Reduced::new(sets, Some(&weights)));
        self.weights = Some(Cow::Owned(weights));
        if ticket.is_cancelled() { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Replaces each column by its residual.
    pub(crate) fn sweep(
        &mut self,
        columns: &mut [&mut [f64]],
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        if self.sets.is_empty() || columns.is_empty() {
            return Ok(outcome);
        }
        for batch in columns.chunks_mut(8) {
            let part = match batch.len() {
                1 => self.sweep_lanes::<1>(batch, stop, ticket, None)?,
                2 => self.sweep_lanes::<2>(batch, stop, ticket, None)?,
                3 | 4 => self.sweep_lanes::<4>(batch, stop, ticket, None)?,
                _ => self.sweep_lanes::<8>(batch, stop, ticket, None)?,
            };
            outcome.iterations = outcome.iterations.max(part.iterations);
            outcome.left = outcome.left.max(part.left);
        }
        Ok(outcome)
    }

    /// Replaces `column` by its residual and gives the coefficients of the groups. Where several
    /// sets leave them undetermined, any one solution.
    pub(crate) fn coefficients(
        &mut self,
        column: &mut [f64],
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<(Coefficients, Outcome), Failure> {
        let mut kept: Coefficients = self.sets.iter().map(|set| vec![0.0; set.n]).collect();
        let outcome = self.sweep_lanes::<1>(&mut [column], stop, ticket, Some(&mut kept))?;
        let mut back = vec![Vec::new(); kept.len()];
        for (own, &place) in kept.into_iter().zip(&self.place) {
            back[place] = own;
        }
        Ok((back, outcome))
    }

    fn sweep_lanes<const K: usize>(
        &mut self,
        columns: &mut [&mut [f64]],
        stop: Stop,
        ticket: &Ticket,
        mut keep: Option<&mut Coefficients>,
    ) -> Result<Outcome, Failure> {
        let scales: Vec<f64> =
            columns.par_iter().map(|column| spread(column, self.weights.as_deref())).collect();
        // What rounding leaves of a column that is constant; no sweep comes below it.
        let floor = |(column, scale): (&&mut [f64], &f64)| {
            let most = column.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            if *scale <= 1e4 * f64::EPSILON * most { most * ROUNDING } else { 0.0 }
        };
        let floors: Vec<f64> = columns.iter().zip(&scales).map(floor).collect();
        let mut outcome = Outcome::default();
        for round in 0..6 {
            let found = match &self.reduced {
                None => self.sweep_once_one(columns),
                Some(reduced) => {
                    let mut goal = [f64::INFINITY; K];
                    for ((goal, scale), floor) in goal.iter_mut().zip(&scales).zip(&floors) {
                        *goal = (0.25 * stop.tol * scale).max(0.25 * floor);
                    }
                    let left = stop.max_iter.saturating_sub(outcome.iterations);
                    let solved = reduced.solve::<K>(columns, &goal, left, ticket)?;
                    outcome.iterations += solved.iterations;
                    self.subtract(columns, &solved);
                    solved.by_set(&self.sets)
                }
            };
            if let Some(kept) = keep.as_deref_mut() {
                add(kept, &found);
            }
            outcome.left = self.left(columns, &scales, &floors);
            if outcome.left <= stop.tol {
                return Ok(outcome);
            }
            if round > 0 && outcome.iterations >= stop.max_iter {
                break;
            }
        }
        Err(Failure::NotConverged(outcome))
    }

    /// One set: subtracts the group means; gives those of the first column.
    fn sweep_once_one(&self, columns: &mut [&mut [f64]]) -> Coefficients {
        let (set, mass, weights) = (self.sets[0], &self.mass[0], self.weights.as_deref());
        let means: Vec<Vec<f64>> = columns
            .par_iter_mut()
            .map(|column| {
                let mut means = group_sums(column, set, weights);
                means.iter_mut().zip(mass).for_each(|(sum, mass)| *sum /= mass);
                for (value, &code) in column.iter_mut().zip(set.codes) {
                    *value -= means[code as usize];
                }
                means
            })
            .collect();
        means.into_iter().take(1).collect()
    }

    fn subtract<const K: usize>(&self, columns: &mut [&mut [f64]], solved: &reduced::Solved<K>) {
        let sets = &self.sets;
        columns.par_iter_mut().enumerate().for_each(|(lane, column)| {
            column.par_chunks_mut(16_384).enumerate().for_each(|(chunk, values)| {
                let from = chunk * 16_384;
                for (at, value) in values.iter_mut().enumerate() {
                    let row = from + at;
                    let mut fit = solved.first[sets[0].codes[row] as usize][lane];
                    for (set, offset) in sets[1..].iter().zip(&solved.offsets) {
                        fit += solved.others[offset + set.codes[row] as usize][lane];
                    }
                    *value -= fit;
                }
            });
        });
    }

    /// The certificate: the largest group mean left, relative to the column's scale.
    fn left(&self, columns: &[&mut [f64]], scales: &[f64], floors: &[f64]) -> f64 {
        let tasks: Vec<(usize, usize)> = (0..columns.len())
            .flat_map(|column| (0..self.sets.len()).map(move |set| (column, set)))
            .collect();
        tasks
            .par_iter()
            .map(|&(column, set)| {
                let sums = group_sums(columns[column], self.sets[set], self.weights.as_deref());
                let largest = sums
                    .iter()
                    .zip(&self.mass[set])
                    .fold(0.0_f64, |largest, (sum, mass)| largest.max((sum / mass).abs()));
                if largest > floors[column] { largest / scales[column] } else { 0.0 }
            })
            .reduce(|| 0.0, f64::max)
    }
}

fn add(kept: &mut Coefficients, found: &Coefficients) {
    for (kept, found) in kept.iter_mut().zip(found) {
        for (kept, found) in kept.iter_mut().zip(found) {
            *kept += found;
        }
    }
}

fn group_mass(set: Groups<'_>, weights: Option<&[f64]>) -> Vec<f64> {
    let mut mass = vec![0.0; set.n];
    match weights {
        None => set.codes.iter().for_each(|&code| mass[code as usize] += 1.0),
        Some(weights) => {
            for (&code, weight) in set.codes.iter().zip(weights) {
                mass[code as usize] += weight;
            }
        }
    }
    mass
}

fn group_sums(column: &[f64], set: Groups<'_>, weights: Option<&[f64]>) -> Vec<f64> {
    let mut sums = vec![0.0; set.n];
    match weights {
        None => {
            for (&code, value) in set.codes.iter().zip(column) {
                sums[code as usize] += value;
            }
        }
        Some(weights) => {
            for ((&code, value), weight) in set.codes.iter().zip(column).zip(weights) {
                sums[code as usize] += value * weight;
            }
        }
    }
    sums
}

/// The weighted standard deviation of a column (population form).
pub(crate) fn spread(column: &[f64], weights: Option<&[f64]>) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let (mut total, mut mass) = (0.0, 0.0);
    for (row, value) in column.iter().enumerate() {
        total += weight(row) * value;
        mass += weight(row);
    }
    let mean = total / mass;
    let sum: f64 =
        column.iter().enumerate().map(|(row, v)| weight(row) * (v - mean) * (v - mean)).sum();
    (sum / mass).sqrt()
}

#[cfg(test)]
mod tests;
