//! Influence functions that are linear in a unit's outcomes, and their covariance.
//!
//! Without covariates, the influence of unit i of profile h on estimate k is
//!
//! ```text
//! psi_i(k) = w_i [ sum over t of a_kht (Y_it - Ybar_ht) + b_kh ]
//! ```
//!
//! so the covariance of all estimates needs one matrix of second moments a profile: n x k numbers
//! are never written down.

use super::EvaluateError;
use super::sample::{Profile, Sample};
use crate::data::Ticket;
use crate::math::crossprod::dot;
use rayon::prelude::*;

/// Coefficients of one profile: some estimates, each with one number a period and a constant.
#[derive(Default)]
pub(super) struct Coefficients {
    pub(super) ids: Vec<u32>,
    values: Vec<f64>,
    width: usize,
}

impl Coefficients {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.values.clear();
    }

    /// The coefficients of one more estimate: `n_periods` zeros, then the constant.
    pub(super) fn push(&mut self, id: usize) -> &mut [f64] {
        self.ids.push(id as u32);
        let from = self.values.len();
        self.values.resize(from + self.width, 0.0);
        &mut self.values[from..]
    }

    /// Adds each estimate's coefficients times a line.
    pub(super) fn add_to(&self, line: &[f64], sums: &mut [f64]) {
        for (at, &id) in self.ids.iter().enumerate() {
            sums[id as usize] += dot(self.row(at), line);
        }
    }

    fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }
}

/// Estimates whose influence functions are linear in outcomes.
pub(super) trait Linear: Sync {
    /// How many estimates.
    fn width(&self) -> usize;
    /// The coefficients of a profile's units, estimates ascending; those they do not enter are left
    /// out.
    fn fill(&self, profile: &Profile, out: &mut Coefficients);
}

/// The sum over clusters of psi psi', row-major.
pub(super) fn covariance(
    sample: &Sample,
    linear: &dyn Linear,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    if let Some(own) = &sample.multipliers {
        let drawn = own.of_linear(sample, linear, ticket)?;
        sample.drawn.get_or_init(|| drawn);
    }
    ticket.stage("covariance", 0);
    match &sample.clusters {
        None => by_unit(sample, linear, ticket),
        Some(clusters) => {
            let psi = by_group(sample, linear, clusters, sample.n_clusters, ticket)?;
            gram(&psi, sample.n_clusters, linear.width(), ticket)
        }
    }
}

/// Clusters as columns would be; the symmetric product of a tall matrix with itself.
pub(super) fn gram(
    psi: &[f64],
    rows: usize,
    width: usize,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    const TALL: usize = 4096;
    let pieces = rows.div_ceil(TALL);
    let mut total = vec![0.0; width * width];
    // a few pieces at a time, so that many estimates do not fill the memory
    let at_once = (1_usize << 24).checked_div(width * width).map_or(1, |n| n.clamp(1, 64));
    for group in (0..pieces).collect::<Vec<_>>().chunks(at_once) {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let parts: Vec<Vec<f64>> = group
            .par_iter()
            .map(|piece| {
                let mut part = vec![0.0; width * width];
                for row in piece * TALL..((piece + 1) * TALL).min(rows) {
                    let psi = &psi[row * width..(row + 1) * width];
                    for (i, left) in psi.iter().enumerate().filter(|(_, left)| **left != 0.0) {
                        let line = &mut part[i * width + i..(i + 1) * width];
                        for (sum, right) in line.iter_mut().zip(&psi[i..]) {
                            *sum += left * right;
                        }
                    }
                }
                part
            })
            .collect();
        for part in parts {
            for (sum, value) in total.iter_mut().zip(part) {
                *sum += value;
            }
        }
    }
    mirror(&mut total, width);
    Ok(total)
}

/// The symmetric product of columns of `rows` numbers; columns that are zero in a block of rows
/// cost nothing there.
pub(super) fn gram_of_columns(
    psi: &[f64],
    rows: usize,
    width: usize,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    const TALL: usize = 4096;
    let mut total = vec![0.0; width * width];
    let at_once = (1_usize << 24).checked_div(width * width).map_or(1, |n| n.clamp(1, 64));
    let pieces: Vec<usize> = (0..rows).step_by(TALL).collect();
    for group in pieces.chunks(at_once) {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let parts: Vec<Vec<f64>> = group
            .par_iter()
            .map(|&from| {
                let mut part = vec![0.0; width * width];
                let to = (from + TALL).min(rows);
                for first in (from..to).step_by(BLOCK) {
                    let block = |column: usize| {
                        &psi[column * rows + first..column * rows + (first + BLOCK).min(to)]
                    };
                    let any = |column: &usize| block(*column).iter().any(|value| *value != 0.0);
                    let active: Vec<usize> = (0..width).filter(any).collect();
                    for (at, &i) in active.iter().enumerate() {
                        for &j in &active[at..] {
                            part[i * width + j] += dot(block(i), block(j));
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

pub(super) fn mirror(matrix: &mut [f64], width: usize) {
    for i in 0..width {
        for j in 0..i {
            matrix[i * width + j] = matrix[j * width + i];
        }
    }
}

/// The unit's weighted outcomes around the profile's means, and its weight.
pub(super) fn line(sample: &Sample, profile: &Profile, unit: usize, out: &mut [f64]) {
    let weight = sample.weight(unit);
    let t = sample.n_periods();
    for (at, (y, mean)) in sample.outcomes(unit).iter().zip(&profile.mean).enumerate() {
        out[at] = if profile.present[at] { weight * (y - mean) } else { 0.0 };
    }
    out[t] = weight;
}

/// Units whose lines are multiplied together.
const BLOCK: usize = 256;

/// The lines of at most [`BLOCK`] units as columns.
fn columns(sample: &Sample, profile: &Profile, units: &[u32], block: &mut [f64]) {
    let t = sample.n_periods();
    for (place, &unit) in units.iter().enumerate() {
        let weight = sample.weight(unit as usize);
        for (at, (y, mean)) in sample.outcomes(unit as usize).iter().zip(&profile.mean).enumerate()
        {
            block[at * BLOCK + place] = if profile.present[at] { weight * (y - mean) } else { 0.0 };
        }
        block[t * BLOCK + place] = weight;
    }
}

/// Second moments of the lines of the profiles that have more units than periods.
fn moments(sample: &Sample) -> Vec<Option<Vec<f64>>> {
    let size = sample.n_periods() + 1;
    let mut tasks = sample.tasks();
    for pieces in &mut tasks {
        pieces.retain(|piece| sample.profiles[piece.0].len() > size);
    }
    let mut moments: Vec<Option<Vec<f64>>> = vec![None; sample.profiles.len()];
    // a few at a time, so that long panels do not fill the memory
    let at_once = (1_usize << 22).checked_div(sample.profiles.len().min(64) * size * size);
    for group in tasks.chunks(at_once.map_or(1, |n| n.clamp(1, 256))) {
        let parts: Vec<Vec<Vec<f64>>> = group
            .par_iter()
            .map(|pieces| {
                let mut block = vec![0.0; size * BLOCK];
                let part = |piece: &(usize, usize, usize)| moment(sample, *piece, &mut block);
                pieces.iter().map(part).collect()
            })
            .collect();
        for (&(at, ..), part) in group.iter().flatten().zip(parts.into_iter().flatten()) {
            match &mut moments[at] {
                Some(sum) => sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value),
                empty => *empty = Some(part),
            }
        }
    }
    for moment in moments.iter_mut().flatten() {
        mirror(moment, size);
    }
    moments
}

/// Second moments of the lines of some units of a profile: the upper triangle.
fn moment(
    sample: &Sample,
    (at, first, last): (usize, usize, usize),
    block: &mut [f64],
) -> Vec<f64> {
    let size = sample.n_periods() + 1;
    let mut part = vec![0.0; size * size];
    for units in sample.members[first..last].chunks(BLOCK) {
        let n = units.len();
        columns(sample, &sample.profiles[at], units, block);
        for i in 0..size {
            let left = &block[i * BLOCK..i * BLOCK + n];
            for j in i..size {
                part[i * size + j] += dot(left, &block[j * BLOCK..j * BLOCK + n]);
            }
        }
    }
    part
}

fn by_unit(
    sample: &Sample,
    linear: &dyn Linear,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    let (size, width) = (sample.n_periods() + 1, linear.width());
    let moments = moments(sample);
    let n = sample.profiles.len();
    let parts = (1_usize << 25).checked_div(width * width).map_or(1, |n| n.clamp(1, 64));
    let step = n.div_ceil(parts).max(1);
    let sums: Vec<Vec<f64>> = (0..n.div_ceil(step))
        .into_par_iter()
        .map(|part| {
            let mut sum = vec![0.0; width * width];
            let mut coefficients = Coefficients::new(size);
            let mut own = vec![0.0; size];
            let own_profiles = part * step..((part + 1) * step).min(n);
            for (profile, moment) in
                sample.profiles[own_profiles.clone()].iter().zip(&moments[own_profiles])
            {
                if ticket.is_cancelled() {
                    break;
                }
                coefficients.clear();
                linear.fill(profile, &mut coefficients);
                if let Some(moment) = moment {
                    add_moment(&coefficients, moment, &mut sum, width);
                } else {
                    for &unit in &sample.members[profile.first..profile.last] {
                        line(sample, profile, unit as usize, &mut own);
                        add_line(&coefficients, &own, &mut sum, width);
                    }
                }
            }
            sum
        })
        .collect();
    if ticket.is_cancelled() {
        return Err(EvaluateError::Cancelled);
    }
    let mut total = vec![0.0; width * width];
    for sum in sums {
        for (slot, value) in total.iter_mut().zip(sum) {
            *slot += value;
        }
    }
    mirror(&mut total, width);
    Ok(total)
}

/// Adds C A C' to the upper triangle.
fn add_moment(coefficients: &Coefficients, moment: &[f64], sum: &mut [f64], width: usize) {
    let size = coefficients.width;
    let mut product = vec![0.0; size];
    for (i, &row) in coefficients.ids.iter().enumerate() {
        product.fill(0.0);
        for (value, line) in coefficients.row(i).iter().zip(moment.chunks_exact(size)) {
            if *value != 0.0 {
                product.iter_mut().zip(line).for_each(|(slot, moment)| *slot += value * moment);
            }
        }
        for (j, &column) in coefficients.ids.iter().enumerate().skip(i) {
            sum[row as usize * width + column as usize] += dot(&product, coefficients.row(j));
        }
    }
}

/// Adds the square of one unit's influence to the upper triangle.
fn add_line(coefficients: &Coefficients, own: &[f64], sum: &mut [f64], width: usize) {
    let psi: Vec<f64> =
        (0..coefficients.ids.len()).map(|at| dot(coefficients.row(at), own)).collect();
    for (at, (&row, left)) in coefficients.ids.iter().zip(&psi).enumerate() {
        let line = &mut sum[row as usize * width..(row as usize + 1) * width];
        for (&column, right) in coefficients.ids[at..].iter().zip(&psi[at..]) {
            line[column as usize] += left * right;
        }
    }
}

/// The influence functions summed over the units of each group, one row a group.
pub(super) fn by_group(
    sample: &Sample,
    linear: &dyn Linear,
    groups: &[u32],
    n_groups: usize,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    let (size, width) = (sample.n_periods() + 1, linear.width());
    let mut psi = vec![0.0; n_groups * width];
    let mut coefficients = Coefficients::new(size);
    let mut own = vec![0.0; size];
    for profile in &sample.profiles {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        coefficients.clear();
        linear.fill(profile, &mut coefficients);
        for &unit in &sample.members[profile.first..profile.last] {
            line(sample, profile, unit as usize, &mut own);
            let row = groups[unit as usize] as usize * width;
            for (at, &id) in coefficients.ids.iter().enumerate() {
                psi[row + id as usize] += dot(coefficients.row(at), &own);
            }
        }
    }
    Ok(psi)
}
