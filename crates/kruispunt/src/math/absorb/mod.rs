//! Sweeps group effects out of columns: the residuals of a weighted regression on any number of
//! sets of dummies.
//!
//! One set: group means. Two or more: the largest set E is eliminated exactly, and
//!
//! ```text
//! S x = b,   S = D'WD - D'WE (E'WE)^-1 E'WD,   b = D'W(y - mean of y within E),
//! ```
//!
//! remains for all others, D = [B T]: big sets B and small ones T (few levels, quarters). T is
//! eliminated exactly too, densely: no dummy is made, its part of S is added up from the rows
//! ([`cells`]). B is solved by conjugate gradients, several columns side by side. Rows of one
//! group of E with the same big levels are one cell, and a group of E with a single cell drops
//! out. The diagonal preconditions first; where that is slow, the graph of big levels is made and
//! eliminated level by level ([`graph`], [`eliminate`]), exactly where that is cheap.
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
//! once; a factor of other weights preconditions until it is slow. To start warm, hand in columns as the last sweep left them, plus what was added to them
//! since: a column and its residual differ by group effects only, so both have one residual under
//! the new weights, and the closer one is there in fewer steps.

mod basis;
mod border;
mod cells;
mod eliminate;
mod graph;
mod maker;
mod orthogonal;
mod reduced;
mod rows;
mod varying;

use crate::data::Ticket;
pub(crate) use basis::Varying;
use reduced::Reduced;
use rows::{Left, Rows};
use std::borrow::Cow;
use varying::Slopes;

/// Rounding, in shares of the largest value of a column.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// Levels of all small sets together, at most.
const SMALL: usize = 256;

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

/// The weighted sum of squares of a column before it was swept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Variation {
    /// About its mean.
    pub(crate) about_mean: f64,
    /// About 0.
    pub(crate) about_zero: f64,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// Too few steps.
    NotConverged(Outcome),
    /// The ticket was cancelled.
    Cancelled,
}

impl Failure {
    /// What is left, told in goals before, where a goal is that many scales.
    fn in_scales(mut self, goal: f64) -> Self {
        if let Self::NotConverged(outcome) = &mut self {
            outcome.left *= goal;
        }
        self
    }
}

/// Sets of groups, prepared for sweeping.
pub(crate) struct Absorber<'a> {
    rows: Option<Rows<'a>>,
    /// Where each set stands in the caller's list.
    place: Vec<usize>,
    /// How many of the others are big.
    big: usize,
    reduced: Option<Reduced>,
    /// Where slopes differ between groups, these do the work.
    slopes: Option<Slopes<'a>>,
    variation: Vec<Variation>,
}

/// Coefficients of the groups, by the caller's sets; where slopes differ between groups one after
/// another of a group.
pub(crate) type Coefficients = Vec<Vec<f64>>;

impl<'a> Absorber<'a> {
    /// Prepares `sets`, all of one length; `weights` are positive.
    pub(crate) fn new(
        sets: &[Groups<'a>],
        weights: Option<&'a [f64]>,
        ticket: &Ticket,
    ) -> Result<Self, Failure> {
        let mut this = Self::unreduced(sets, weights);
        this.reduce(ticket)?;
        Ok(this)
    }

    fn unreduced(sets: &[Groups<'a>], weights: Option<&'a [f64]>) -> Self {
        let (place, big) = roles(sets);
        let ordered: Vec<Groups<'a>> = place.iter().map(|&place| sets[place]).collect();
        let rows = (!sets.is_empty()).then(|| Rows::new(ordered, weights));
        Self { rows, place, big, reduced: None, slopes: None, variation: Vec::new() }
    }

    /// As [`varying`](Self::varying), with weights of its own, as [`reweigh`](Self::reweigh) gives
    /// others.
    pub(crate) fn weighted(
        sets: &[Varying<'a>],
        weights: Vec<f64>,
        ticket: &Ticket,
    ) -> Result<Self, Failure> {
        if let Some(plain) = plain(sets) {
            let mut this = Self::unreduced(&plain, None);
            this.reweigh(weights, ticket)?;
            return Ok(this);
        }
        Ok(Self::of_slopes(Slopes::new(sets, Some(weights))))
    }

    fn of_slopes(slopes: Slopes<'a>) -> Self {
        let (place, slopes) = (Vec::new(), Some(slopes));
        Self { rows: None, place, big: 0, reduced: None, slopes, variation: Vec::new() }
    }

    /// As [`new`](Self::new), for sets whose groups may have slopes.
    pub(crate) fn varying(
        sets: &[Varying<'a>],
        weights: Option<&'a [f64]>,
        ticket: &Ticket,
    ) -> Result<Self, Failure> {
        if let Some(plain) = plain(sets) {
            return Self::new(&plain, weights, ticket);
        }
        Ok(Self::of_slopes(Slopes::new(sets, weights.map(<[f64]>::to_vec))))
    }

    /// Other weights, positive, for the same sets; sweeps use them until they are taken back.
    pub(crate) fn reweigh(&mut self, weights: Vec<f64>, ticket: &Ticket) -> Result<(), Failure> {
        if let Some(slopes) = &mut self.slopes {
            slopes.reweigh(weights);
            return Ok(());
        }
        if let Some(rows) = &mut self.rows {
            rows.weights = Some(Cow::Owned(weights));
            rows.weigh();
        }
        self.reduce(ticket)
    }

    /// The weights of the last [`reweigh`](Self::reweigh), to write the next ones over them.
    pub(crate) fn take_weights(&mut self) -> Vec<f64> {
        let slopes = self.slopes.as_mut().and_then(Slopes::take_weights);
        let rows = self.rows.as_mut().and_then(|rows| rows.weights.take()).map(Cow::into_owned);
        slopes.or(rows).unwrap_or_default()
    }

    fn reduce(&mut self, ticket: &Ticket) -> Result<(), Failure> {
        if ticket.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let big = self.big;
        if let Some(rows) = self.rows.as_ref().filter(|rows| rows.sets.len() > 1) {
            match &mut self.reduced {
                Some(reduced) => reduced.reweigh(rows, big),
                None => self.reduced = Some(Reduced::new(rows, big)),
            }
        }
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
        self.variation.clear();
        let mut rest = columns;
        while !rest.is_empty() {
            let lanes = if rest.len() >= 8 { 8 } else { rest.len().min(4) };
            let (batch, others) = rest.split_at_mut(lanes);
            rest = others;
            let part = match lanes {
                1 => self.sweep_lanes::<1, 1>(batch, stop, ticket, None)?,
                2 => self.sweep_lanes::<2, 2>(batch, stop, ticket, None)?,
                3 => self.sweep_lanes::<3, 4>(batch, stop, ticket, None)?,
                4 => self.sweep_lanes::<4, 4>(batch, stop, ticket, None)?,
                _ => self.sweep_lanes::<8, 8>(batch, stop, ticket, None)?,
            };
            outcome.iterations = outcome.iterations.max(part.iterations);
            outcome.left = outcome.left.max(part.left);
        }
        Ok(outcome)
    }

    /// How much each column of the last sweep varied before it.
    pub(crate) fn variation(&self) -> &[Variation] {
        &self.variation
    }

    /// Replaces `column` by its residual and gives the coefficients of the groups. Where several
    /// sets leave them undetermined, any one solution.
    pub(crate) fn coefficients(
        &mut self,
        column: &mut [f64],
        stop: Stop,
        ticket: &Ticket,
    ) -> Result<(Coefficients, Outcome), Failure> {
        if let Some(slopes) = &mut self.slopes {
            let mut kept = slopes.room();
            let (outcome, _) = slopes.sweep::<1>(&mut [column], stop, ticket, Some(&mut kept))?;
            return Ok((kept, outcome));
        }
        let sets = self.rows.as_ref().map_or(&[][..], |rows| &rows.sets);
        let mut kept: Coefficients = sets.iter().map(|set| vec![0.0; set.n]).collect();
        let outcome = self.sweep_lanes::<1, 1>(&mut [column], stop, ticket, Some(&mut kept))?;
        let mut back = vec![Vec::new(); kept.len()];
        for (own, &place) in kept.into_iter().zip(&self.place) {
            back[place] = own;
        }
        Ok((back, outcome))
    }

    fn sweep_lanes<const C: usize, const L: usize>(
        &mut self,
        columns: &mut [&mut [f64]],
        stop: Stop,
        ticket: &Ticket,
        mut keep: Option<&mut Coefficients>,
    ) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        if let Some(slopes) = &mut self.slopes {
            let (outcome, variation) = slopes.sweep::<C>(columns, stop, ticket, keep)?;
            self.variation.extend(variation);
            return Ok(outcome);
        }
        let Some(rows) = &self.rows else { return Ok(outcome) };
        let mut bars: Option<Bars<L>> = None;
        for round in 0..6 {
            if ticket.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let mut centred = rows.centre::<C, L>(columns);
            let bars = bars.get_or_insert_with(|| {
                self.variation.extend(&centred.variation[..C]);
                Bars::new(&centred.variation, columns, rows)
            });
            let mut others = Vec::new();
            if let Some(reduced) = &mut self.reduced {
                let goal = bars.goal(stop.tol);
                let left = stop.max_iter.saturating_sub(outcome.iterations);
                let solved = reduced
                    .solve::<L>(&centred, &goal, left, ticket)
                    .map_err(|failure| failure.in_scales(0.25 * stop.tol))?;
                outcome.iterations += solved.iterations;
                others = solved.others;
            }
            let left = rows.subtract::<C, L>(columns, &mut centred.means, &others);
            if let Some(kept) = keep.as_deref_mut() {
                add(kept, rows, &centred.means, &others);
            }
            outcome.left = bars.left(rows, &left);
            if outcome.left <= stop.tol {
                return Ok(outcome);
            }
            if round > 0 && outcome.iterations >= stop.max_iter {
                break;
            }
        }
        Err(Failure::NotConverged(outcome))
    }
}

/// The sets without their slopes, when none has any.
fn plain<'a>(sets: &[Varying<'a>]) -> Option<Vec<Groups<'a>>> {
    let bare = |set: &Varying<'_>| set.constant && set.slopes.is_empty();
    sets.iter().all(bare).then(|| sets.iter().map(|set| set.groups).collect())
}

/// Which set is eliminated (the largest), which of the others are big, and which small: the order
/// of the sets, and how many are big.
fn roles(sets: &[Groups<'_>]) -> (Vec<usize>, usize) {
    let rows = sets.first().map_or(0, |set| set.codes.len());
    let Some(largest) = (0..sets.len()).max_by_key(|&s| (sets[s].n, usize::MAX - s)) else {
        return (Vec::new(), 0);
    };
    let mut others: Vec<usize> = (0..sets.len()).filter(|&set| set != largest).collect();
    others.sort_by_key(|&set| (usize::MAX - sets[set].n, set));
    let mut big = others.len();
    let mut small = 0;
    while big > 0 {
        let more = small + sets[others[big - 1]].n;
        let ahead: usize = others[..big - 1].iter().map(|&set| sets[set].n).sum();
        if more > SMALL || more * ahead > rows.max(1 << 16) {
            break;
        }
        small = more;
        big -= 1;
    }
    others.insert(0, largest);
    (others, big)
}

/// What is asked of each column.
struct Bars<const K: usize> {
    scales: [f64; K],
    /// What rounding leaves of a column that is constant; no sweep comes below it.
    floors: [f64; K],
}

impl<const K: usize> Bars<K> {
    fn new(variation: &[Variation; K], columns: &[&mut [f64]], rows: &Rows<'_>) -> Self {
        let total: f64 = rows.mass.iter().sum();
        let scales = variation.map(|own| (own.about_mean / total).sqrt());
        let floors = std::array::from_fn(|lane| {
            let tiny = |most: f64| scales[lane] <= 1e4 * f64::EPSILON * most;
            // No value is larger than this, so that most columns need not be looked at.
            if !tiny((variation[lane].about_zero / rows.lightest).sqrt()) {
                return 0.0;
            }
            let Some(column) = columns.get(lane) else { return 0.0 };
            let most = column.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            if tiny(most) { most * ROUNDING } else { 0.0 }
        });
        Self { scales, floors }
    }

    fn goal(&self, tol: f64) -> [f64; K] {
        std::array::from_fn(|lane| 0.25 * (tol * self.scales[lane]).max(self.floors[lane]))
    }

    /// The certificate: the largest group mean left, relative to the column's scale.
    fn left(&self, rows: &Rows<'_>, left: &Left<K>) -> f64 {
        let mut largest = left.largest;
        for (sums, mass) in left.sums.iter().zip(&rows.other_mass) {
            let share = 1.0 / mass;
            for (largest, sum) in largest.iter_mut().zip(sums) {
                *largest = largest.max(sum.abs() * share);
            }
        }
        let mut worst = 0.0_f64;
        for (largest, (floor, scale)) in largest.iter().zip(self.floors.iter().zip(&self.scales)) {
            if largest > floor {
                worst = worst.max(largest / scale);
            }
        }
        worst
    }
}

/// Adds the first lane's coefficients to those kept.
fn add<const K: usize>(
    kept: &mut Coefficients,
    rows: &Rows<'_>,
    first: &[[f64; K]],
    others: &[[f64; K]],
) {
    for (set, kept) in kept.iter_mut().enumerate() {
        let own = match set {
            0 => first,
            _ => &others[rows.offsets[set - 1]..rows.offsets[set - 1] + rows.sets[set].n],
        };
        for (kept, found) in kept.iter_mut().zip(own) {
            *kept += found[0];
        }
    }
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
