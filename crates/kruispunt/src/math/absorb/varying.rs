//! Slopes that differ between groups: sets whose groups span more than a constant.
//!
//! The columns of one group (a constant, if it has one, and its slopes) are made orthonormal under
//! the weights, so that sweeping one set out is a sum and a subtraction. The set with the most
//! columns is eliminated exactly; for the others, Q,
//!
//! ```text
//! S x = Q'W (I - P) y,   S = Q'W (I - P) Q,
//! ```
//!
//! is solved by conjugate gradients, all columns side by side. `Q'WQ` has unit blocks, so the
//! system stands preconditioned by its blocks as it is; where it is slow and small it is made and
//! factorised. The certificate is that of group means: `sum(w q r) / sqrt(weight of the group)`,
//! with q of unit length, is at most the root mean square that the slope leaves in a group.

use super::basis::{Basis, Varying};
use super::orthogonal::Orthogonal;
use super::{Coefficients, Failure, Outcome, ROUNDING, Stop, Variation};
use crate::data::Ticket;
use crate::math::linalg::Semidefinite;
use rayon::prelude::*;

/// Steps after which a system of at most so many unknowns is factorised.
const PATIENCE: usize = 12;
const DENSE: usize = 1500;
/// Steps with the factor that hardly bring anything, after which a small problem is made orthogonal.
const STALLED: usize = 50;
/// Products of a problem that is small enough for that: rows times unknowns squared.
const SMALL: usize = 400_000_000;
/// Rows of a part, at least.
const PART: usize = 32_768;

/// Sets with slopes, prepared for sweeping.
pub(super) struct Slopes<'a> {
    bases: Vec<Basis<'a>>,
    /// Which set is eliminated.
    first: usize,
    weights: Option<Vec<f64>>,
    total: f64,
    factor: Option<Semidefinite>,
    /// Whether conjugate gradients came to a stop short of their goal.
    stalled: bool,
}

type Lanes<const K: usize> = Vec<[f64; K]>;

impl<'a> Slopes<'a> {
    pub(super) fn new(sets: &[Varying<'a>], weights: Option<Vec<f64>>) -> Self {
        let size = |at: usize| sets[at].width() * sets[at].groups.n;
        let first = (0..sets.len()).max_by_key(|&at| (size(at), usize::MAX - at)).unwrap_or(0);
        let own = weights.as_deref();
        let bases: Vec<Basis<'a>> = sets.par_iter().map(|set| Basis::new(*set, own)).collect();
        let total = bases.first().map_or(0.0, |own| own.mass.iter().sum());
        Self { bases, first, weights, total, factor: None, stalled: false }
    }

    pub(super) fn reweigh(&mut self, weights: Vec<f64>) {
        let sets: Vec<Varying<'a>> = self.bases.drain(..).map(|own| own.set).collect();
        *self = Self::new(&sets, Some(weights));
    }

    pub(super) fn take_weights(&mut self) -> Option<Vec<f64>> {
        self.weights.take()
    }

    fn n(&self) -> usize {
        self.bases[0].set.groups.codes.len()
    }

    #[inline]
    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |own| own[row])
    }

    /// The sets that are not eliminated, and where the coefficients of each start.
    fn others(&self) -> Vec<(&Basis<'a>, usize)> {
        let mut start = 0;
        let mut all = Vec::new();
        for (at, own) in self.bases.iter().enumerate() {
            if at != self.first {
                all.push((own, start));
                start += own.len();
            }
        }
        all
    }

    /// `Q'W v` of some sets, v given row by row.
    fn gather<const K: usize>(
        &self,
        sets: &[(&Basis<'a>, usize)],
        value: impl Fn(usize) -> [f64; K] + Sync,
    ) -> Lanes<K> {
        let (n, m) = (self.n(), sets.iter().map(|(own, _)| own.len()).sum::<usize>());
        let parts = (n / PART).min(n / (2 * m).max(1)).clamp(1, 8);
        let tables: Vec<Lanes<K>> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![[0.0; K]; m];
                for row in part * n / parts..(part + 1) * n / parts {
                    let (own, weight) = (value(row), self.weight(row));
                    for (basis, start) in sets {
                        let place = start + basis.place(row);
                        for column in 0..basis.width() {
                            let q = weight * basis.value(column, row);
                            let slot = &mut sums[place + column];
                            (0..K).for_each(|lane| slot[lane] += q * own[lane]);
                        }
                    }
                }
                sums
            })
            .collect();
        let mut tables = tables.into_iter();
        let mut total = tables.next().unwrap_or_default();
        for more in tables {
            for (total, more) in total.iter_mut().zip(more) {
                (0..K).for_each(|lane| total[lane] += more[lane]);
            }
        }
        total
    }

    /// One row of `Q x`.
    #[inline]
    fn spread<const K: usize>(
        sets: &[(&Basis<'a>, usize)],
        x: &[[f64; K]],
        row: usize,
    ) -> [f64; K] {
        let mut sum = [0.0; K];
        for (basis, start) in sets {
            let place = start + basis.place(row);
            for column in 0..basis.width() {
                let (q, x) = (basis.value(column, row), &x[place + column]);
                (0..K).for_each(|lane| sum[lane] += q * x[lane]);
            }
        }
        sum
    }

    /// `columns -= Q x`.
    fn subtract<const K: usize>(
        sets: &[(&Basis<'a>, usize)],
        x: &[[f64; K]],
        columns: &mut [&mut [f64]],
    ) {
        for (lane, column) in columns.iter_mut().enumerate() {
            column.par_chunks_mut(8192).enumerate().for_each(|(chunk, own)| {
                for (at, value) in own.iter_mut().enumerate() {
                    let row = chunk * 8192 + at;
                    for (basis, start) in sets {
                        let place = start + basis.place(row);
                        for j in 0..basis.width() {
                            *value -= basis.value(j, row) * x[place + j][lane];
                        }
                    }
                }
            });
        }
    }

    fn row<const K: usize>(columns: &[&mut [f64]], row: usize) -> [f64; K] {
        std::array::from_fn(|lane| columns[lane][row])
    }

    fn variation<const K: usize>(&self, columns: &[&mut [f64]]) -> [Variation; K] {
        std::array::from_fn(|lane| {
            let own: &[f64] = columns[lane];
            let mean = (0..own.len()).map(|row| self.weight(row) * own[row]).sum::<f64>();
            let mean = mean / self.total;
            let gap = |row: usize| self.weight(row) * (own[row] - mean) * (own[row] - mean);
            let about_mean: f64 = (0..own.len()).map(gap).sum();
            Variation { about_mean, about_zero: about_mean + self.total * mean * mean }
        })
    }

    /// Largest certificate in scales, of sums of all sets.
    fn left<const K: usize>(
        sets: &[(&Basis<'a>, usize)],
        sums: &[[f64; K]],
        scales: &[f64; K],
        floors: &[f64; K],
    ) -> f64 {
        let mut worst = 0.0_f64;
        for (basis, start) in sets {
            let width = basis.width();
            let own = sums[*start..start + basis.len()].chunks_exact(width);
            for (sums, mass) in own.zip(&basis.mass) {
                let share = mass.sqrt().recip();
                for sum in sums {
                    for lane in 0..K {
                        let left = sum[lane].abs() * share;
                        if left > floors[lane] {
                            worst = worst.max(left / scales[lane]);
                        }
                    }
                }
            }
        }
        worst
    }

    pub(super) fn sweep<const K: usize>(
        &mut self,
        columns: &mut [&mut [f64]],
        stop: Stop,
        ticket: &Ticket,
        mut keep: Option<&mut Coefficients>,
    ) -> Result<(Outcome, [Variation; K]), Failure> {
        let variation = self.variation::<K>(columns);
        let scales = variation.map(|own| (own.about_mean / self.total).sqrt());
        let floors: [f64; K] = std::array::from_fn(|lane| {
            let most = columns[lane].iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            if scales[lane] <= 1e4 * f64::EPSILON * most { most * ROUNDING } else { 0.0 }
        });
        let goal: [f64; K] =
            std::array::from_fn(|lane| 0.25 * (stop.tol * scales[lane]).max(floors[lane]));
        let mut outcome = Outcome::default();
        for round in 0..8 {
            if ticket.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let first = [(&self.bases[self.first], 0)];
            let mut own = self.gather(&first, |row| Self::row::<K>(columns, row));
            Self::subtract(&first, &own, columns);
            let mut x = Vec::new();
            if self.bases.len() > 1 {
                let others = self.others();
                let r = self.gather(&others, |row| Self::row::<K>(columns, row));
                drop(others);
                let room = stop.max_iter.saturating_sub(outcome.iterations);
                let (mut found, steps) = self
                    .conjugate_gradients(r, &goal, room, ticket)
                    .map_err(|failure| failure.in_scales(0.25 * stop.tol))?;
                outcome.iterations += steps;
                let others = self.others();
                let first = [(&self.bases[self.first], 0)];
                if self.stalled {
                    found = self.orthogonal().sweep(columns, self.weights.as_deref());
                    // What these take along of the first set has left the columns already.
                    let along = self.gather(&first, |row| Self::spread(&others, &found, row));
                    for (own, more) in own.iter_mut().zip(along) {
                        (0..K).for_each(|lane| own[lane] -= more[lane]);
                    }
                } else {
                    Self::subtract(&others, &found, columns);
                }
                let again = self.gather(&first, |row| Self::row::<K>(columns, row));
                Self::subtract(&first, &again, columns);
                for (own, more) in own.iter_mut().zip(again) {
                    (0..K).for_each(|lane| own[lane] += more[lane]);
                }
                x = found;
            }
            if let Some(kept) = keep.as_deref_mut() {
                self.add(kept, &own, &x);
            }
            let all = self.all();
            let sums = self.gather(&all, |row| Self::row::<K>(columns, row));
            outcome.left = Self::left(&all, &sums, &scales, &floors);
            if outcome.left <= stop.tol {
                return Ok((outcome, variation));
            }
            if round > 0 && outcome.iterations >= stop.max_iter && self.bases.len() > 1 {
                break;
            }
        }
        Err(Failure::NotConverged(outcome))
    }

    fn all(&self) -> Vec<(&Basis<'a>, usize)> {
        let mut start = 0;
        let mut all = Vec::new();
        for own in &self.bases {
            all.push((own, start));
            start += own.len();
        }
        all
    }

    fn add<const K: usize>(&self, kept: &mut Coefficients, first: &[[f64; K]], x: &[[f64; K]]) {
        let (mut start, weights) = (0, self.weights.as_deref());
        for (at, (basis, kept)) in self.bases.iter().zip(kept).enumerate() {
            let own = if at == self.first {
                first
            } else {
                start += basis.len();
                &x[start - basis.len()..start]
            };
            let lane: Vec<f64> = own.iter().map(|lanes| lanes[0]).collect();
            kept.iter_mut().zip(basis.original(&lane, weights)).for_each(|(sum, b)| *sum += b);
        }
    }

    /// Room for the coefficients of every set, group by group.
    pub(super) fn room(&self) -> Coefficients {
        self.bases.iter().map(|own| vec![0.0; own.len()]).collect()
    }

    fn conjugate_gradients<const K: usize>(
        &mut self,
        mut r: Lanes<K>,
        goal: &[f64; K],
        max_iter: usize,
        ticket: &Ticket,
    ) -> Result<(Lanes<K>, usize), Failure> {
        let m = r.len();
        let mut x = vec![[0.0; K]; m];
        let mut z: Lanes<K> = Vec::new();
        let mut p = vec![[0.0; K]; m];
        let mut rz = [0.0; K];
        let shares: Vec<f64> = self
            .others()
            .iter()
            .flat_map(|(own, _)| {
                own.mass
                    .iter()
                    .flat_map(|mass| std::iter::repeat_n(mass.sqrt().recip(), own.width()))
            })
            .collect();
        let (mut fresh, mut best, mut since) = (true, f64::INFINITY, 0);
        let small = self.n() <= SMALL / (m * m).max(1);
        for iteration in 0..=max_iter {
            if ticket.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let mut left = [0.0_f64; K];
            for (r, share) in r.iter().zip(&shares) {
                for lane in 0..K {
                    left[lane] = left[lane].max(r[lane].abs() * share);
                }
            }
            let open: [bool; K] = std::array::from_fn(|lane| left[lane] > goal[lane]);
            if !open.contains(&true) {
                return Ok((x, iteration));
            }
            if small && self.factor.is_some() {
                let worst = left.iter().zip(goal).fold(0.0_f64, |most, (l, g)| most.max(l / g));
                since = if worst < 0.9 * best { 0 } else { since + 1 };
                best = best.min(worst);
                if since > STALLED {
                    self.stalled = true;
                    return Ok((x, iteration));
                }
            }
            if iteration == max_iter {
                let left = left.iter().zip(goal).fold(0.0_f64, |most, (l, g)| most.max(l / g));
                let outcome = Outcome { iterations: max_iter, left };
                return Err(Failure::NotConverged(outcome));
            }
            ticket.advance(1);
            if iteration == PATIENCE && m <= DENSE && self.factor.is_none() {
                self.factor = Some(self.dense());
                fresh = true;
            }
            z.clone_from(&r);
            if let Some(factor) = &self.factor {
                let mut own = vec![0.0; m];
                for lane in 0..K {
                    own.iter_mut().zip(&r).for_each(|(own, r)| *own = r[lane]);
                    factor.solve(&mut own);
                    own.iter().zip(&mut z).for_each(|(own, z)| z[lane] = *own);
                }
            }
            let next = dot(&r, &z);
            let beta: [f64; K] = std::array::from_fn(|lane| {
                if rz[lane] > 0.0 && !fresh { next[lane] / rz[lane] } else { 0.0 }
            });
            fresh = false;
            rz = next;
            for (p, z) in p.iter_mut().zip(&z) {
                (0..K).for_each(|lane| p[lane] = z[lane] + beta[lane] * p[lane]);
            }
            let sp = self.apply(&p);
            let psp = dot(&p, &sp);
            let alpha: [f64; K] = std::array::from_fn(|lane| {
                if open[lane] && psp[lane] > 0.0 { rz[lane] / psp[lane] } else { 0.0 }
            });
            for (((x, r), p), sp) in x.iter_mut().zip(&mut r).zip(&p).zip(&sp) {
                for lane in 0..K {
                    x[lane] += alpha[lane] * p[lane];
                    r[lane] -= alpha[lane] * sp[lane];
                }
            }
        }
        Ok((x, max_iter))
    }

    /// The system times p.
    fn apply<const K: usize>(&self, p: &[[f64; K]]) -> Lanes<K> {
        let (first, others) = ([(&self.bases[self.first], 0)], self.others());
        let own = self.gather(&first, |row| Self::spread(&others, p, row));
        self.gather(&others, |row| {
            let (mut value, part) =
                (Self::spread(&others, p, row), Self::spread(&first, &own, row));
            (0..K).for_each(|lane| value[lane] -= part[lane]);
            value
        })
    }

    /// The columns of the other sets without the first, made orthonormal: for problems that are
    /// nearly saturated, whose normal equations know less than the columns do.
    fn orthogonal(&self) -> Orthogonal {
        let (first, others) = ([(&self.bases[self.first], 0)], self.others());
        let mut all = Orthogonal::default();
        for (basis, _) in &others {
            for group in 0..basis.set.groups.n {
                for column in 0..basis.width() {
                    let own = |row: usize| {
                        let here = basis.set.groups.codes[row] as usize == group;
                        if here { basis.value(column, row) } else { 0.0 }
                    };
                    let mut values: Vec<f64> = (0..self.n()).map(own).collect();
                    let along = self.gather(&first, |row| [own(row)]);
                    Self::subtract(&first, &along, &mut [&mut values]);
                    all.push(values, self.weights.as_deref());
                }
            }
        }
        all
    }

    /// The system, factorised.
    fn dense(&self) -> Semidefinite {
        let (first, others) = (&self.bases[self.first], self.others());
        let m: usize = others.iter().map(|(own, _)| own.len()).sum();
        let (p, groups) = (first.width(), first.set.groups.n);
        let mut order: Vec<u32> = (0..self.n() as u32).collect();
        order.sort_by_key(|&row| (first.set.groups.codes[row as usize], row));
        let mut s = vec![0.0; m * m];
        let mut along = vec![0.0; m * p];
        let (mut seen, mut here) = (Vec::new(), Vec::new());
        let mut rows = order.as_slice();
        for _ in 0..groups {
            let Some(&head) = rows.first() else { break };
            let code = first.set.groups.codes[head as usize];
            let size = rows.partition_point(|&row| first.set.groups.codes[row as usize] <= code);
            for &row in &rows[..size] {
                let (row, weight) = (row as usize, self.weight(row as usize));
                here.clear();
                for (basis, start) in &others {
                    let place = start + basis.place(row);
                    here.extend((0..basis.width()).map(|j| (place + j, basis.value(j, row))));
                }
                for &(a, q) in &here {
                    if along[a * p..(a + 1) * p].iter().all(|own| *own == 0.0) {
                        seen.push(a);
                    }
                    for j in 0..p {
                        along[a * p + j] += weight * first.value(j, row) * q;
                    }
                    for &(b, other) in &here {
                        s[a * m + b] += weight * q * other;
                    }
                }
            }
            seen.sort_unstable();
            seen.dedup();
            for &a in &seen {
                for &b in &seen {
                    let product: f64 = (0..p).map(|j| along[a * p + j] * along[b * p + j]).sum();
                    s[a * m + b] -= product;
                }
            }
            for a in seen.drain(..) {
                along[a * p..(a + 1) * p].fill(0.0);
            }
            rows = &rows[size..];
        }
        for a in (0..m).filter(|&a| s[a * m + a] <= 1e-11).collect::<Vec<_>>() {
            for b in 0..m {
                s[a * m + b] = 0.0;
                s[b * m + a] = 0.0;
            }
        }
        Semidefinite::new(s, m)
    }
}

fn dot<const K: usize>(a: &[[f64; K]], b: &[[f64; K]]) -> [f64; K] {
    let mut sums = [0.0; K];
    for (a, b) in a.iter().zip(b) {
        (0..K).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums
}
