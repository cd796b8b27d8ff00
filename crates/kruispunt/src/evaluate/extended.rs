//! Extended two-way regressions given covariates.
//!
//! Wooldridge (2021, 2023), with the terms of
//!
//! ```text
//! Y_it ~ unit + period + x : cohort + x : period + cell + cell : (x - mean of x in the cell)
//! ```
//!
//! where cells are cohorts in treated periods. With covariates centred in its cell, the coefficient
//! of a cell is the mean effect over the units of the cell; wherever else they are centred, that
//! mean is the same. Its error holds the covariates fixed. Rows are sums over units, so that unit
//! effects are swept out exactly.

mod index;

use super::influence::{gram, mirror};
use super::nuisance::Covariates;
use super::regression::{CellShares, Class, Layout, fill_rows, undetermined};
use super::result::{Estimates, assemble};
use super::sample::{Profile, Sample};
use super::{Did, EvaluateError, Family};
use crate::data::{By, Effects, Panel, Ticket};
use crate::math::linalg::Triangle;
use rayon::prelude::*;

/// Share of itself a column must keep beside the others.
const COLLINEAR: f64 = 1e-10;

/// Columns of a row that are not zero.
type Row = Vec<(usize, f64)>;

pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    let covariates = Covariates::read(did, panel, sample)?;
    if did.extra.family() != Family::Linear {
        return index::fit(did, panel, sample, &covariates, ticket);
    }
    ticket.stage("regression", 0);
    let Layout { plan, mut rows, place, mut wording } = Layout::new(did, sample);
    let wide = Wide::fit(sample, &covariates, &place, plan.len(), ticket)?;
    let mass = fill_rows(sample, &plan, &place, |at| wide.coefficient(at), &mut rows);
    let shares = CellShares::new(sample, &plan);
    // shares are held fixed
    let width = plan.len() + shares.values().len();
    let joint = covariance(sample, width, ticket, |work, profile, unit, out| {
        wide.influence(work, profile, unit, out);
    })?;
    wording.notes.extend(covariates.notes);
    let found = Estimates {
        by: By::Cells,
        rows,
        mass,
        share_of: shares.of(&plan),
        shares: shares.values().to_vec(),
        joint,
    };
    assemble(did, panel, sample, wording, found)
}

/// Room for the rows of one unit.
#[derive(Default)]
struct Work {
    x: Vec<f64>,
    rows: Vec<(usize, Row)>,
    /// By column, where it stands in `touched`, plus 1.
    at: Vec<u32>,
    touched: Vec<usize>,
    sums: Vec<f64>,
}

impl Work {
    /// Sums columns over the rows times a number of each.
    fn total(&mut self, size: usize, factor: impl Fn(usize) -> f64) {
        self.at.resize(size, 0);
        self.touched.clear();
        self.sums.clear();
        for (place, (_, row)) in self.rows.iter().enumerate() {
            for &(column, value) in row {
                if self.at[column] == 0 {
                    self.touched.push(column);
                    self.sums.push(0.0);
                    self.at[column] = self.touched.len() as u32;
                }
                self.sums[self.at[column] as usize - 1] += factor(place) * value;
            }
        }
        for &column in &self.touched {
            self.at[column] = 0;
        }
    }
}

/// A regression with unit effects on columns that are mostly zero.
struct Wide<'a> {
    sample: &'a Sample,
    covariates: &'a Covariates,
    place: &'a [Class],
    n_cells: usize,
    /// Number of covariates.
    k: usize,
    /// Means of covariates by cell.
    centre: Vec<f64>,
    coef: Vec<f64>,
    /// Rows of the inverse of the normal matrix, by cell.
    levers: Vec<f64>,
    known: Vec<bool>,
    scale: f64,
}

/// Sums of one piece of work.
struct Sums {
    normal: Vec<f64>,
    right: Vec<f64>,
    raw: Vec<f64>,
    n: usize,
}

impl<'a> Wide<'a> {
    fn fit(
        sample: &'a Sample,
        covariates: &'a Covariates,
        place: &'a [Class],
        n_cells: usize,
        ticket: &Ticket,
    ) -> Result<Self, EvaluateError> {
        let k = covariates.width() - 1;
        let mut own = Self {
            sample,
            covariates,
            place,
            n_cells,
            k,
            centre: means(sample, covariates, n_cells, |cohort, t| {
                match place[cohort * sample.n_periods() + t] {
                    Class::Dummy(cell) => Some(cell),
                    _ => None,
                }
            }),
            coef: Vec::new(),
            levers: Vec::new(),
            known: vec![false; n_cells],
            scale: 1.0,
        };
        let size = own.first_cell() + n_cells * (1 + k);
        let mut all = Sums::new(size);
        over_pieces(
            sample,
            size * size,
            ticket,
            |profile, units| own.sums(profile, units, size),
            |part: Sums| all.add(&part),
        )?;
        own.solve(&all, size);
        Ok(own)
    }

    /// Where the dummies of cells begin: after periods, their slopes and those of cohorts.
    const fn first_cell(&self) -> usize {
        let (t, cohorts) = (self.sample.periods.len(), self.sample.starts.len());
        t + (t + cohorts) * self.k
    }

    /// The rows of a unit that take part, without the unit's own column.
    fn lay(&self, work: &mut Work, profile: &Profile, unit: usize) {
        let (t, k, cohort) = (self.sample.n_periods(), self.k, profile.cohort);
        let (cells, slopes) = (self.first_cell(), self.first_cell() + self.n_cells);
        work.rows.clear();
        for at in (0..t).filter(|&at| profile.present[at]) {
            let class = self.place[cohort * t + at];
            if class == Class::Out {
                continue;
            }
            work.x.clear();
            self.covariates.push(self.sample, unit, at, &mut work.x);
            let x = &work.x[1..];
            let mut row = Vec::with_capacity(2 + 3 * k);
            row.push((at, 1.0));
            row.extend(x.iter().enumerate().map(|(j, x)| (t + at * k + j, *x)));
            row.extend(x.iter().enumerate().map(|(j, x)| (t + (t + cohort) * k + j, *x)));
            if let Class::Dummy(cell) = class {
                row.push((cells + cell, 1.0));
                let centre = &self.centre[cell * k..(cell + 1) * k];
                let around = x.iter().zip(centre).map(|(x, mean)| x - mean);
                row.extend(around.enumerate().map(|(j, x)| (slopes + cell * k + j, x)));
            }
            work.rows.push((at, row));
        }
    }

    fn sums(&self, profile: &Profile, units: &[u32], size: usize) -> Sums {
        let (mut sums, mut work) = (Sums::new(size), Work::default());
        for &unit in units {
            let unit = unit as usize;
            self.lay(&mut work, profile, unit);
            let (n, weight) = (work.rows.len() as f64, self.sample.weight(unit));
            sums.n += work.rows.len();
            if work.rows.len() < 2 {
                continue;
            }
            let y = self.sample.outcomes(unit);
            let mean = work.rows.iter().map(|&(at, _)| y[at]).sum::<f64>() / n;
            for (at, row) in &work.rows {
                for &(i, left) in row {
                    sums.right[i] += weight * left * (y[*at] - mean);
                    sums.raw[i] += weight * left * left;
                    for &(j, right) in row {
                        sums.normal[i * size + j] += weight * left * right;
                    }
                }
            }
            work.total(size, |_| 1.0);
            for (&i, left) in work.touched.iter().zip(&work.sums) {
                let line = &mut sums.normal[i * size..(i + 1) * size];
                for (&j, right) in work.touched.iter().zip(&work.sums) {
                    line[j] -= weight * left * right / n;
                }
            }
        }
        sums
    }

    fn solve(&mut self, all: &Sums, size: usize) {
        let triangle = Triangle::cholesky(&all.normal, &all.raw, COLLINEAR);
        let right: Vec<f64> = triangle.kept.iter().map(|&at| all.right[at]).collect();
        self.coef = vec![0.0; size];
        for (value, &at) in triangle.solve(&right).iter().zip(&triangle.kept) {
            self.coef[at] = *value;
        }
        let cells = self.first_cell()..self.first_cell() + self.n_cells;
        let open = undetermined(&all.normal, &triangle);
        let (inverse, m) = (triangle.inverse(), triangle.kept.len());
        self.levers = vec![0.0; self.n_cells * size];
        for (i, &row) in triangle.kept.iter().enumerate().filter(|(_, row)| cells.contains(row)) {
            let cell = row - cells.start;
            self.known[cell] = open.binary_search(&row).is_err();
            for (j, &column) in triangle.kept.iter().enumerate() {
                self.levers[cell * size + column] = inverse[i * m + j];
            }
        }
        // (N - 1) / (N - K) x G / (G - 1); unit effects are nested in clusters, and the period
        // that is dropped beside them stands for their level
        let (n, k, g) = (all.n as f64, m as f64 + 1.0, self.sample.n_clusters as f64);
        if n > k && g > 1.0 {
            self.scale = ((n - 1.0) / (n - k) * g / (g - 1.0)).sqrt();
        }
    }

    fn coefficient(&self, cell: usize) -> Option<f64> {
        self.known[cell].then(|| self.coef[self.first_cell() + cell])
    }

    /// The influence of a unit on the cells.
    fn influence(&self, work: &mut Work, profile: &Profile, unit: usize, out: &mut [f64]) {
        let size = self.coef.len();
        self.lay(work, profile, unit);
        if work.rows.len() < 2 {
            return;
        }
        let (n, y) = (work.rows.len() as f64, self.sample.outcomes(unit));
        let fitted = |row: &Row| row.iter().map(|&(at, x)| self.coef[at] * x).sum::<f64>();
        let mut left: Vec<f64> = work.rows.iter().map(|(at, row)| y[*at] - fitted(row)).collect();
        let mean = left.iter().sum::<f64>() / n;
        for left in &mut left {
            *left -= mean;
        }
        // residuals around the unit's mean sweep the unit's effect out of the columns too
        work.total(size, |place| left[place]);
        let factor = self.scale * self.sample.weight(unit);
        for cell in (0..self.n_cells).filter(|&cell| self.known[cell]) {
            let line = &self.levers[cell * size..(cell + 1) * size];
            let sum: f64 =
                work.touched.iter().zip(&work.sums).map(|(&at, sum)| line[at] * sum).sum();
            out[cell] += factor * sum;
        }
    }
}

impl Sums {
    fn new(size: usize) -> Self {
        Self { normal: vec![0.0; size * size], right: vec![0.0; size], raw: vec![0.0; size], n: 0 }
    }

    fn add(&mut self, part: &Self) {
        let pairs = [
            (&mut self.normal, &part.normal),
            (&mut self.right, &part.right),
            (&mut self.raw, &part.raw),
        ];
        for (to, from) in pairs {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        self.n += part.n;
    }
}

/// Weighted means of the covariates by cell.
fn means(
    sample: &Sample,
    covariates: &Covariates,
    n_cells: usize,
    cell: impl Fn(usize, usize) -> Option<usize>,
) -> Vec<f64> {
    let k = covariates.width() - 1;
    let (mut sums, mut weights, mut x) = (vec![0.0; n_cells * k], vec![0.0; n_cells], Vec::new());
    for profile in &sample.profiles {
        let own: Vec<(usize, usize)> = (0..sample.n_periods())
            .filter(|&at| profile.present[at])
            .filter_map(|at| cell(profile.cohort, at).map(|cell| (at, cell)))
            .collect();
        for &unit in &sample.members[profile.first..profile.last] {
            let weight = sample.weight(unit as usize);
            for &(at, cell) in &own {
                x.clear();
                covariates.push(sample, unit as usize, at, &mut x);
                weights[cell] += weight;
                let slots = &mut sums[cell * k..(cell + 1) * k];
                slots.iter_mut().zip(&x[1..]).for_each(|(sum, x)| *sum += weight * x);
            }
        }
    }
    for (sums, weight) in sums.chunks_exact_mut(k.max(1)).zip(&weights) {
        sums.iter_mut().filter(|_| *weight > 0.0).for_each(|sum| *sum /= weight);
    }
    sums
}

/// Does something for all units by pieces and adds up in their order, so that sums do not depend
/// on threads; `area` numbers a piece are held at a time.
fn over_pieces<T: Send>(
    sample: &Sample,
    area: usize,
    ticket: &Ticket,
    part: impl Fn(&Profile, &[u32]) -> T + Sync,
    mut add: impl FnMut(T),
) -> Result<(), EvaluateError> {
    let at_once = (1_usize << 24).checked_div(area).map_or(64, |n| n.clamp(1, 64));
    for group in sample.pieces().chunks(at_once) {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let parts: Vec<T> = group
            .par_iter()
            .map(|&(at, first, last)| part(&sample.profiles[at], &sample.members[first..last]))
            .collect();
        parts.into_iter().for_each(&mut add);
    }
    Ok(())
}

/// The sum over clusters of psi psi', from what each unit adds to psi.
fn covariance(
    sample: &Sample,
    width: usize,
    ticket: &Ticket,
    influence: impl Fn(&mut Work, &Profile, usize, &mut [f64]) + Sync,
) -> Result<Vec<f64>, EvaluateError> {
    ticket.stage("covariance", 0);
    let rows = |profile: &Profile, units: &[u32]| {
        let (mut work, mut psi) = (Work::default(), vec![0.0; units.len() * width]);
        for (&unit, out) in units.iter().zip(psi.chunks_exact_mut(width.max(1))) {
            influence(&mut work, profile, unit as usize, out);
        }
        (units.to_vec(), psi)
    };
    if sample.clusters.is_some() || sample.multipliers.is_some() {
        let mut psi = vec![0.0; sample.n_clusters * width];
        over_pieces(sample, 2048 * width, ticket, rows, |(units, part)| {
            for (&unit, own) in units.iter().zip(part.chunks_exact(width.max(1))) {
                let unit = unit as usize;
                let row = sample.clusters.as_ref().map_or(unit, |codes| codes[unit] as usize);
                let slots = &mut psi[row * width..(row + 1) * width];
                slots.iter_mut().zip(own).for_each(|(slot, value)| *slot += value);
            }
        })?;
        if let Some(own) = &sample.multipliers {
            let drawn = own.of_rows(&psi, width, ticket)?;
            sample.drawn.get_or_init(|| drawn);
        }
        return gram(&psi, sample.n_clusters, width, ticket);
    }
    let mut total = vec![0.0; width * width];
    let square = |profile: &Profile, units: &[u32]| {
        let (_, psi) = rows(profile, units);
        let mut part = vec![0.0; width * width];
        for psi in psi.chunks_exact(width.max(1)) {
            for (i, left) in psi.iter().enumerate().filter(|(_, left)| **left != 0.0) {
                let line = &mut part[i * width + i..(i + 1) * width];
                line.iter_mut().zip(&psi[i..]).for_each(|(sum, right)| *sum += left * right);
            }
        }
        part
    };
    over_pieces(sample, (width + 2048) * width, ticket, square, |part: Vec<f64>| {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    })?;
    mirror(&mut total, width);
    Ok(total)
}
