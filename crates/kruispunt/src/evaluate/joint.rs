//! The covariance of cells whose influence functions are numbers, not coefficients.

use super::EvaluateError;
use super::callaway::Shares;
use super::influence::{gram_of_columns, mirror};
use super::nuisance::{Batch, Influence};
use super::sample::Sample;
use crate::data::{Effect, Ticket};
use crate::math::crossprod::dot;
use rayon::prelude::*;

/// Units whose influences are multiplied together.
const BLOCK: usize = 256;

/// Units a piece of work must have on average for a matrix of its own.
const FEW: usize = 64;

/// Influences by column, summed by cluster; units of a profile side by side where units are
/// clusters, so that most columns are zero in most blocks.
struct Columns {
    psi: Vec<f64>,
    place: Vec<u32>,
    n: usize,
}

impl Columns {
    /// Zeros for the cells, then the shares.
    fn new(sample: &Sample, cells: usize) -> Self {
        let n = sample.n_clusters;
        let shares = Shares::new(sample);
        let place: Vec<u32> = sample.clusters.clone().unwrap_or_else(|| {
            let mut place = vec![0; n];
            (0_u32..).zip(&sample.members).for_each(|(at, &unit)| place[unit as usize] = at);
            place
        });
        let mut psi = vec![0.0; n * (cells + shares.len())];
        for (unit, &place) in place.iter().enumerate() {
            let weight = sample.weight(unit);
            for cohort in 0..shares.len() {
                psi[(cells + cohort) * n + place as usize] +=
                    weight * shares.of_unit(cohort, sample.cohort_of[unit] as usize);
            }
        }
        Self { psi, place, n }
    }

    fn add(&mut self, column: usize, unit: u32, value: f64) {
        self.psi[column * self.n + self.place[unit as usize] as usize] += value;
    }

    fn gram(&self, sample: &Sample, ticket: &Ticket) -> Result<Vec<f64>, EvaluateError> {
        let width = self.psi.len().checked_div(self.n).unwrap_or(0);
        if let Some(own) = &sample.multipliers {
            let value = |at: usize| self.psi[at % width * self.n + at / width];
            let rows: Vec<f64> = (0..self.psi.len()).map(value).collect();
            let drawn = own.of_rows(&rows, width, ticket)?;
            sample.drawn.get_or_init(|| drawn);
        }
        gram_of_columns(&self.psi, self.n, width, ticket)
    }
}

/// Cells one by one, in which a unit may occur more than once.
pub(super) fn of_cells(
    sample: &Sample,
    found: &[(Effect, Influence)],
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    let mut columns = Columns::new(sample, found.len());
    for (column, (_, own)) in found.iter().enumerate() {
        for (&unit, value) in own.units.iter().zip(&own.psi) {
            columns.add(column, unit, *value);
        }
    }
    columns.gram(sample, ticket)
}

/// Cells of whole profiles: only the columns that a profile has a part in are ever laid out.
pub(super) fn of_batches(
    sample: &Sample,
    batches: &[Batch],
    cells: usize,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    let pieces = sample.pieces();
    let by_column = sample.clusters.is_some() || sample.multipliers.is_some();
    if by_column || pieces.len() * FEW > sample.n_units() {
        let mut columns = Columns::new(sample, cells);
        for own in batches {
            for (at, &unit) in own.units.iter().enumerate() {
                for &cell in &own.cells {
                    columns.add(cell.0, unit, own.influence(at, cell));
                }
            }
        }
        return columns.gram(sample, ticket);
    }
    let shares = Shares::new(sample);
    let width = cells + shares.len();
    // where the units of each profile begin in a batch
    let starts: Vec<Vec<Option<usize>>> = batches.iter().map(|own| places(sample, own)).collect();
    let at_once = (1_usize << 24).checked_div(width * width).map_or(1, |n| n.clamp(1, 64));
    let mut total = vec![0.0; width * width];
    for group in pieces.chunks(at_once) {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let parts: Vec<Vec<f64>> = group
            .par_iter()
            .map(|&(profile, first, last)| {
                let mut part = vec![0.0; width * width];
                let own = &sample.profiles[profile];
                let mut active: Vec<(usize, Option<(&Batch, usize)>)> = Vec::new();
                for (batch, starts) in batches.iter().zip(&starts) {
                    if let Some(start) = starts[profile] {
                        let from = start + first - own.first;
                        active.extend((0..batch.cells.len()).map(|at| (at, Some((batch, from)))));
                    }
                }
                active.extend((0..shares.len()).map(|at| (at, None)));
                let ids: Vec<usize> = active
                    .iter()
                    .map(|(at, own)| own.map_or(cells + at, |(batch, _)| batch.cells[*at].0))
                    .collect();
                let mut block = vec![0.0; active.len() * BLOCK];
                for from in (first..last).step_by(BLOCK) {
                    let units = &sample.members[from..(from + BLOCK).min(last)];
                    let n = units.len();
                    for ((at, source), slots) in active.iter().zip(block.chunks_exact_mut(BLOCK)) {
                        if let Some((batch, start)) = source {
                            let row = start + from - first;
                            let cell = batch.cells[*at];
                            for (place, slot) in slots[..n].iter_mut().enumerate() {
                                *slot = batch.influence(row + place, cell);
                            }
                        } else {
                            let share = shares.of_unit(*at, own.cohort);
                            for (slot, &unit) in slots.iter_mut().zip(units) {
                                *slot = sample.weight(unit as usize) * share;
                            }
                        }
                    }
                    for (i, left) in block.chunks_exact(BLOCK).enumerate() {
                        for (j, right) in block.chunks_exact(BLOCK).enumerate().skip(i) {
                            let (one, other) = (ids[i].min(ids[j]), ids[i].max(ids[j]));
                            part[one * width + other] += dot(&left[..n], &right[..n]);
                        }
                    }
                }
                part
            })
            .collect();
        for part in parts {
            total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
    }
    mirror(&mut total, width);
    Ok(total)
}

/// Where the units of each profile begin in a batch, which holds all of them or none.
fn places(sample: &Sample, batch: &Batch) -> Vec<Option<usize>> {
    let mut found = vec![None; sample.profiles.len()];
    let mut profile_at = vec![None; sample.n_units()];
    for (at, own) in sample.profiles.iter().enumerate() {
        if let Some(&unit) = sample.members.get(own.first) {
            profile_at[unit as usize] = Some(at);
        }
    }
    for (row, &unit) in batch.units.iter().enumerate() {
        if let Some(profile) = profile_at[unit as usize] {
            found[profile] = Some(row);
        }
    }
    found
}
