//! Counts and shares given covariates.
//!
//! Untreated outcomes alone tell their index
//!
//! ```text
//! E[Y_it(never)] = G(b_g + c_t + x_it (d_g + f_t)),
//! ```
//!
//! since each treated cell has a constant and slopes of its own. The effect of a cell is its mean
//! outcome less the mean over its units of what the index says.

use super::super::callaway::{Cell, blank, lone};
use super::super::nonlinear::{Table, Use, check, place, texts};
use super::super::nuisance::Covariates;
use super::super::regression::CellShares;
use super::super::result::{Estimates, assemble, not_estimable};
use super::super::sample::{Profile, Sample};
use super::super::{Did, EvaluateError, Family};
use super::{Row, Work, covariance, over_pieces};
use crate::data::{By, Effect, Effects, Panel, Ticket};
use crate::math::linalg::Triangle;
use rayon::prelude::*;

const STEPS: usize = 100;
/// A Newton step after which the next would not show.
const LAST: f64 = 1e-8;
/// An index beyond which a mean is at its edge.
const FAR: f64 = 300.0;
/// Share of itself a column must keep beside the others.
const COLLINEAR: f64 = 1e-11;
const BEYOND: &str = "the untreated do not tell how its covariates matter in the period";

/// Sums of a Newton step.
struct Step {
    information: Vec<f64>,
    score: Vec<f64>,
    loss: f64,
}

impl Step {
    fn new(size: usize) -> Self {
        Self { information: vec![0.0; size * size], score: vec![0.0; size], loss: 0.0 }
    }

    /// Adds a row; without `slopes` the loss alone.
    fn add(
        &mut self,
        family: Family,
        coef: &[f64],
        row: &Row,
        (y, weight): (f64, f64),
        slopes: bool,
    ) {
        let eta: f64 = row.iter().map(|&(at, x)| coef[at] * x).sum();
        self.loss += weight * (family.cumulant(eta) - y * eta);
        if !slopes {
            return;
        }
        let (mean, size) = (family.mean(eta), coef.len());
        let slope = weight * family.slope(mean);
        for &(i, left) in row {
            self.score[i] += weight * (y - mean) * left;
            for &(j, right) in row {
                self.information[i * size + j] += slope * left * right;
            }
        }
    }

    fn merge(&mut self, part: &Self) {
        self.information.iter_mut().zip(&part.information).for_each(|(to, from)| *to += from);
        self.score.iter_mut().zip(&part.score).for_each(|(to, from)| *to += from);
        self.loss += part.loss;
    }

    fn triangle(&self) -> Triangle {
        let size = self.score.len();
        let raw: Vec<f64> = (0..size).map(|at| self.information[at * size + at]).collect();
        Triangle::cholesky(&self.information, &raw, COLLINEAR)
    }
}

/// Newton's method with halved steps: the last one, or nothing where it does not come to rest.
fn newton(
    coef: &mut Vec<f64>,
    mut sums: impl FnMut(&[f64], bool) -> Result<Step, EvaluateError>,
) -> Result<Option<(Step, Triangle)>, EvaluateError> {
    for _ in 0..STEPS {
        let now = sums(coef, true)?;
        let triangle = now.triangle();
        let score: Vec<f64> = triangle.kept.iter().map(|&at| now.score[at]).collect();
        let step = triangle.solve(&score);
        let largest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
        if largest < LAST {
            for (value, &at) in step.iter().zip(&triangle.kept) {
                coef[at] += value;
            }
            return Ok(Some((now, triangle)));
        }
        let mut part = 1.0;
        loop {
            let mut next = coef.clone();
            for (value, &at) in step.iter().zip(&triangle.kept) {
                next[at] += part * value;
            }
            let then = sums(&next, false)?.loss;
            if then.is_finite() && then <= now.loss + 1e-12 * now.loss.abs().max(1.0) {
                *coef = next;
                break;
            }
            part /= 2.0;
            if part < 1e-8 {
                return Ok(None);
            }
        }
        if coef.iter().any(|value| value.abs() > FAR) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The index of the untreated, and what it says of the cells.
struct Index<'a> {
    sample: &'a Sample,
    covariates: &'a Covariates,
    family: Family,
    table: Table,
    k: usize,
    /// Cohorts, periods, slopes of cohorts, slopes of periods.
    coef: Vec<f64>,
    cells: Vec<Option<Told>>,
    scale: f64,
}

/// A cell with an effect.
struct Told {
    weight: f64,
    effect: f64,
    /// Constant and slopes of its outcomes, and how many of them there are.
    own: Vec<f64>,
    rank: usize,
    /// What a score of the untreated does to what the index says of it.
    lever: Vec<f64>,
}

impl Index<'_> {
    fn lay(&self, x: &mut Vec<f64>, cohort: usize, unit: usize, at: usize, row: &mut Row) {
        let (t, cohorts, k) = (self.sample.n_periods(), self.sample.starts.len(), self.k);
        x.clear();
        self.covariates.push(self.sample, unit, at, x);
        row.clear();
        row.extend([(cohort, 1.0), (cohorts + at, 1.0)]);
        let first = cohorts + t;
        row.extend(x[1..].iter().enumerate().map(|(j, x)| (first + cohort * k + j, *x)));
        row.extend(x[1..].iter().enumerate().map(|(j, x)| (first + (cohorts + at) * k + j, *x)));
    }

    fn use_of(&self, cohort: usize, at: usize) -> Use {
        self.table.uses[cohort * self.sample.n_periods() + at]
    }

    /// Periods in which a profile's units have a use.
    fn periods(&self, profile: &Profile, wanted: impl Fn(Use) -> bool) -> Vec<usize> {
        (0..self.sample.n_periods())
            .filter(|&at| profile.present[at] && wanted(self.use_of(profile.cohort, at)))
            .collect()
    }

    fn fit(&mut self, ticket: &Ticket) -> Result<(Step, Triangle), EvaluateError> {
        let size = self.coef.len();
        let mut start = vec![[0.0; 2]; self.sample.starts.len()];
        for (at, cohort, _) in self.table.untreated() {
            start[cohort][0] += self.table.weight[at];
            start[cohort][1] += self.table.weight[at] * self.table.mean[at];
        }
        let mut coef = vec![0.0; size];
        for (slot, [weight, sum]) in coef.iter_mut().zip(start).filter(|own| own.1[0] > 0.0) {
            *slot = self.family.index(sum / weight);
        }
        let found = newton(&mut coef, |coef, slopes| {
            let mut all = Step::new(size);
            let part = |profile: &Profile, units: &[u32]| {
                let (mut sums, mut x, mut row) = (Step::new(size), Vec::new(), Vec::new());
                let periods = self.periods(profile, |own| own == Use::Untreated);
                for &unit in units {
                    let unit = unit as usize;
                    let (y, weight) = (self.sample.outcomes(unit), self.sample.weight(unit));
                    for &at in &periods {
                        self.lay(&mut x, profile.cohort, unit, at, &mut row);
                        sums.add(self.family, coef, &row, (y[at], weight), slopes);
                    }
                }
                sums
            };
            over_pieces(self.sample, size * size, ticket, part, |part: Step| all.merge(&part))?;
            Ok(all)
        })?;
        self.coef = coef;
        found.ok_or(EvaluateError::NoSolution {
            what: "the index of the untreated",
            why: "some cohort, period or covariate predicts the untreated outcomes perfectly",
        })
    }

    /// What the index says of a cell, and what its own outcomes do.
    fn tell(&self, cell: &Cell, triangle: &Triangle, free: &[Row]) -> Result<Told, &'static str> {
        let size = self.coef.len();
        let (mut x, mut row, mut gradient) = (Vec::new(), Vec::new(), vec![0.0; size]);
        let (mut weight, mut said, mut seen) = (0.0, 0.0, 0.0);
        let mut data: Vec<(Row, (f64, f64))> = Vec::new();
        let own = |own: &&Profile| own.cohort == cell.cohort && own.present[cell.t];
        for profile in self.sample.profiles.iter().filter(own) {
            for &unit in &self.sample.members[profile.first..profile.last] {
                let unit = unit as usize;
                let own = self.sample.weight(unit);
                let y = self.sample.outcomes(unit)[cell.t];
                self.lay(&mut x, cell.cohort, unit, cell.t, &mut row);
                let eta: f64 = row.iter().map(|&(at, x)| self.coef[at] * x).sum();
                let mean = self.family.mean(eta);
                let slope = self.family.slope(mean);
                for &(at, x) in &row {
                    gradient[at] += own * slope * x;
                }
                // a direction that the untreated leave free must not move the index
                let moves = |free: &Row| {
                    let along = |&(at, x): &(usize, f64)| {
                        free.iter().find(|own| own.0 == at).map_or(0.0, |own| own.1 * x)
                    };
                    row.iter().map(along).sum::<f64>().abs() > 1e-6
                };
                if free.iter().any(moves) {
                    return Err(BEYOND);
                }
                (weight, said, seen) = (weight + own, said + own * mean, seen + own * y);
                data.push((x.iter().copied().enumerate().collect(), (y, own)));
            }
        }
        for value in &mut gradient {
            *value /= weight;
        }
        let right: Vec<f64> = triangle.kept.iter().map(|&at| gradient[at]).collect();
        let mut lever = vec![0.0; size];
        for (value, &at) in triangle.solve(&right).iter().zip(&triangle.kept) {
            lever[at] = *value;
        }
        let (own, rank) = self.own(&data, seen / weight);
        Ok(Told { weight, effect: (seen - said) / weight, own, rank, lever })
    }

    /// Constant and slopes of the outcomes of a cell. Outcomes that covariates tell apart have none
    /// that are finite: the steps go on until they do not show in the residuals.
    fn own(&self, data: &[(Row, (f64, f64))], mean: f64) -> (Vec<f64>, usize) {
        let mut coef = vec![0.0; self.k + 1];
        let rank = rank(data, self.k + 1);
        if self.family.is_extreme(mean) {
            // all at the edge: residuals are zero, whatever the slopes
            coef[0] = match self.family {
                Family::Poisson => -FAR,
                _ if mean > 0.5 => FAR,
                _ => -FAR,
            };
            return (coef, rank);
        }
        coef[0] = self.family.index(mean);
        // without rest, the last step that did not lose is kept
        let _ = newton(&mut coef, |coef, slopes| {
            let mut sums = Step::new(coef.len());
            for (row, own) in data {
                sums.add(self.family, coef, row, *own, slopes);
            }
            Ok(sums)
        });
        (coef, rank)
    }

    /// The influence of a unit on the cells.
    fn influence(&self, work: &mut Work, profile: &Profile, unit: usize, out: &mut [f64]) {
        let (weight, y) = (self.sample.weight(unit), self.sample.outcomes(unit));
        let mut score: Row = Vec::new();
        let mut row = Row::new();
        for at in (0..self.sample.n_periods()).filter(|&at| profile.present[at]) {
            match self.use_of(profile.cohort, at) {
                Use::Out => {}
                Use::Treated(cell) => {
                    let Some(told) = &self.cells[cell] else { continue };
                    work.x.clear();
                    self.covariates.push(self.sample, unit, at, &mut work.x);
                    let eta: f64 = told.own.iter().zip(&work.x).map(|(b, x)| b * x).sum();
                    out[cell] +=
                        self.scale * weight / told.weight * (y[at] - self.family.mean(eta));
                }
                Use::Untreated => {
                    self.lay(&mut work.x, profile.cohort, unit, at, &mut row);
                    let eta: f64 = row.iter().map(|&(at, x)| self.coef[at] * x).sum();
                    let left = weight * (y[at] - self.family.mean(eta));
                    score.extend(row.iter().map(|&(at, x)| (at, left * x)));
                }
            }
        }
        for (cell, told) in self.cells.iter().enumerate() {
            let Some(told) = told else { continue };
            let moved: f64 = score.iter().map(|&(at, score)| told.lever[at] * score).sum();
            out[cell] -= self.scale * moved;
        }
    }

    /// Outcomes and parameters.
    fn size(&self, kept: usize) -> (f64, f64) {
        let used = |own: Use| match own {
            Use::Out => false,
            Use::Untreated => true,
            Use::Treated(cell) => self.cells[cell].is_some(),
        };
        let count = |own: &Profile| self.periods(own, used).len() * own.len();
        let n: usize = self.sample.profiles.iter().map(count).sum();
        let k = kept + self.cells.iter().flatten().map(|own| own.rank).sum::<usize>();
        (n as f64, k as f64)
    }
}

/// How many columns of the rows do not depend on those before.
fn rank(data: &[(Row, (f64, f64))], size: usize) -> usize {
    let mut normal = vec![0.0; size * size];
    for (row, (_, weight)) in data {
        for &(i, left) in row {
            for &(j, right) in row {
                normal[i * size + j] += weight * left * right;
            }
        }
    }
    let raw: Vec<f64> = (0..size).map(|at| normal[at * size + at]).collect();
    Triangle::cholesky(&normal, &raw, COLLINEAR).kept.len()
}

/// Directions that leave the index of all untreated outcomes as it is.
fn free(step: &Step, triangle: &Triangle) -> Vec<Row> {
    let size = step.score.len();
    let column = |&out: &usize| {
        let column = |&at: &usize| step.information[at * size + out];
        let right: Vec<f64> = triangle.kept.iter().map(column).collect();
        let solved = triangle.solve(&right);
        let others = triangle.kept.iter().zip(&solved).map(|(&at, value)| (at, -value));
        let mut row: Row = others.filter(|own| own.1.abs() > 1e-9).collect();
        row.push((out, 1.0));
        row
    };
    triangle.dropped.iter().map(column).collect()
}

/// Effects on counts or shares given covariates, in their own unit.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    covariates: &Covariates,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("index of the untreated", 0);
    check(did, panel, sample)?;
    let family = did.extra.family();
    let (plan, uses) = place(did, sample);
    let cohorts = sample.starts.len();
    let mut table = Table::of(sample, uses);
    let edge = table.settle(family, cohorts);
    let group = table.tied(cohorts);
    let k = covariates.width() - 1;
    let mut index = Index {
        sample,
        covariates,
        family,
        table,
        k,
        coef: vec![0.0; (cohorts + sample.n_periods()) * (1 + k)],
        cells: Vec::new(),
        scale: 1.0,
    };
    let solved = index.fit(ticket)?;
    let free = free(&solved.0, &solved.1);
    let found: Vec<Result<Told, Option<&'static str>>> = plan
        .par_iter()
        .map(|cell| {
            if cell.base == Some(cell.t) || ticket.is_cancelled() {
                return Err(None);
            }
            match index.table.lack(cell, &edge, &group) {
                Some(reason) => Err(Some(reason)),
                None => index.tell(cell, &solved.1, &free).map_err(Some),
            }
        })
        .collect();
    if ticket.is_cancelled() {
        return Err(EvaluateError::Cancelled);
    }
    let clusters = sample.cohort_clusters();
    let rows: Vec<Effect> = plan
        .iter()
        .zip(&found)
        .map(|(cell, found)| {
            let mut row = blank(sample, cell);
            match found {
                Err(Some(reason)) => return not_estimable(row, *reason),
                Err(None) => row.estimate = 0.0,
                Ok(told) => {
                    row.estimate = told.effect;
                    index.table.count(sample, cell, &mut row);
                    row.status = lone(sample, &row, &clusters, cell);
                }
            }
            row
        })
        .collect();
    index.cells = found.into_iter().map(Result::ok).collect();
    // (N - 1) / (N - K) x G / (G - 1), as for the linear regression
    let ((n, k), g) = (index.size(solved.1.kept.len()), sample.n_clusters as f64);
    if n > k && g > 1.0 {
        index.scale = ((n - 1.0) / (n - k) * g / (g - 1.0)).sqrt();
    }
    let t = sample.n_periods();
    let mass = plan.iter().map(|cell| index.table.weight[cell.cohort * t + cell.t]).collect();
    let shares = CellShares::new(sample, &plan);
    // shares are held fixed
    let width = plan.len() + shares.values().len();
    let joint = covariance(sample, width, ticket, |work, profile, unit, out| {
        index.influence(work, profile, unit, out);
    })?;
    let mut wording = texts(did, family);
    wording.notes.extend(covariates.notes.iter().cloned());
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
