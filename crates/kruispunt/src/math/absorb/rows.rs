//! Passes over the rows: group means, centred sums, residuals and what is left in the groups.
//!
//! Rows are cut into parts that follow from the data alone; a part adds into tables of its own,
//! which are added up in order. Where rows stand in the order of the eliminated set, a part is a
//! run of its groups and one pass does what otherwise takes two.

use super::{Groups, Variation};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Rows of a part, at least.
const PART: usize = 32_768;

/// The sets over the rows, the eliminated one first, then big ones, then small ones.
pub(super) struct Rows<'a> {
    pub(super) sets: Vec<Groups<'a>>,
    pub(super) weights: Option<Cow<'a, [f64]>>,
    /// Where each set but the first starts among the levels of all others.
    pub(super) offsets: Vec<usize>,
    /// Where the groups of the first set start, in its order of rows.
    pub(super) starts: Vec<u32>,
    /// Whether rows stand in that order; if not, and there are several sets, the rows in it.
    pub(super) sorted: bool,
    pub(super) order: Vec<u32>,
    /// Weight of each group: of the first set, and of all others.
    pub(super) mass: Vec<f64>,
    pub(super) other_mass: Vec<f64>,
    /// The smallest weight of a row.
    pub(super) lightest: f64,
}

/// Sums by group, lane by lane.
type Lanes<const K: usize> = Vec<[f64; K]>;

/// What centring finds.
pub(super) struct Centred<const K: usize> {
    /// Means by group of the first set.
    pub(super) means: Vec<[f64; K]>,
    /// Weighted sums of what is left, by level of the other sets.
    pub(super) sums: Vec<[f64; K]>,
    pub(super) variation: [Variation; K],
}

/// A run of rows and of groups, with its own slice of each column and of the groups' values.
struct Part<'p, const K: usize> {
    rows: Range<usize>,
    groups: Range<usize>,
    columns: [&'p mut [f64]; K],
    first: &'p mut [[f64; K]],
}

impl<'a> Rows<'a> {
    pub(super) fn new(sets: Vec<Groups<'a>>, weights: Option<&'a [f64]>) -> Self {
        let mut offsets = Vec::new();
        let mut m = 0;
        for set in &sets[1..] {
            offsets.push(m);
            m += set.n;
        }
        let (sorted, order, starts) = group_rows(sets[0], sets.len() > 1);
        let mut this = Self {
            sets,
            weights: weights.map(Cow::Borrowed),
            offsets,
            starts,
            sorted,
            order,
            mass: Vec::new(),
            other_mass: vec![0.0; m],
            lightest: 1.0,
        };
        this.weigh();
        this
    }

    /// Weights of all groups.
    pub(super) fn weigh(&mut self) {
        let weights = self.weights.as_deref();
        let least = |own: &[f64]| own.par_iter().copied().reduce(|| f64::INFINITY, f64::min);
        self.lightest = weights.map_or(1.0, least);
        let all: Vec<Vec<f64>> = self
            .sets
            .par_iter()
            .enumerate()
            .map(|(set, own)| match weights {
                None if set == 0 => {
                    self.starts.windows(2).map(|pair| f64::from(pair[1] - pair[0])).collect()
                }
                _ => group_mass(*own, weights),
            })
            .collect();
        let mut all = all.into_iter();
        self.mass = all.next().unwrap_or_default();
        self.other_mass = all.flatten().collect();
    }

    pub(super) fn n(&self) -> usize {
        self.sets[0].codes.len()
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Bounds of the parts: rows, and the groups of the first set where rows stand in its order.
    fn bounds(&self) -> Vec<(usize, usize)> {
        let (n, levels) = (self.n(), self.other_mass.len());
        let spare = if self.sorted { levels } else { levels + self.mass.len() };
        let parts = (n / PART).min(n / (2 * spare).max(1)).clamp(1, 8);
        let mut bounds: Vec<(usize, usize)> = (0..=parts)
            .map(|part| {
                let row = part * n / parts;
                if !self.sorted {
                    return (row, 0);
                }
                let group = self.starts.partition_point(|&start| (start as usize) < row);
                let group = group.min(self.mass.len());
                (self.starts[group] as usize, group)
            })
            .collect();
        bounds.dedup();
        if bounds.len() == 1 {
            bounds.push(bounds[0]);
        }
        bounds
    }

    fn parts<'p, const K: usize>(
        &self,
        columns: &'p mut [&mut [f64]],
        first: &'p mut [[f64; K]],
    ) -> Vec<Part<'p, K>> {
        let mut lanes: [&'p mut [f64]; K] = std::array::from_fn(|_| <&mut [f64]>::default());
        for (lane, column) in lanes.iter_mut().zip(columns.iter_mut()) {
            *lane = column;
        }
        let mut first = first;
        let bounds = self.bounds();
        bounds
            .windows(2)
            .map(|pair| {
                let (rows, groups) = (pair[0].0..pair[1].0, pair[0].1..pair[1].1);
                let own = std::array::from_fn(|lane| {
                    let column = std::mem::take(&mut lanes[lane]);
                    let (own, rest) = column.split_at_mut(rows.len().min(column.len()));
                    lanes[lane] = rest;
                    own
                });
                let (mine, rest) = std::mem::take(&mut first).split_at_mut(groups.len());
                first = rest;
                Part { rows, groups, columns: own, first: mine }
            })
            .collect()
    }

    /// Means of the first set's groups, and sums over all other levels of what they leave.
    pub(super) fn centre<const K: usize>(&self, columns: &mut [&mut [f64]]) -> Centred<K> {
        let mut means = vec![[0.0; K]; self.mass.len()];
        if !self.sorted {
            means = self.scattered_means(columns);
        }
        let given = if self.sorted { Vec::new() } else { std::mem::take(&mut means) };
        let parts = self.parts::<K>(columns, &mut means);
        let found: Vec<(Vec<[f64; K]>, [f64; K])> = parts
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![[0.0; K]; self.other_mass.len()];
                let mut squares = [0.0; K];
                if self.sorted {
                    for (mean, group) in part.first.iter_mut().zip(part.groups.clone()) {
                        *mean = self.group_mean(&part.columns, group, part.rows.start);
                        for row in self.starts[group] as usize..self.starts[group + 1] as usize {
                            let at = row - part.rows.start;
                            self.scatter(&part.columns, (row, at), mean, &mut sums, &mut squares);
                        }
                    }
                } else {
                    for at in 0..part.rows.len() {
                        let row = part.rows.start + at;
                        let mean = &given[self.sets[0].codes[row] as usize];
                        self.scatter(&part.columns, (row, at), mean, &mut sums, &mut squares);
                    }
                }
                (sums, squares)
            })
            .collect();
        let mut found = found.into_iter();
        let (mut sums, mut within) = found.next().unwrap_or_else(|| (Vec::new(), [0.0; K]));
        for (more, squares) in found {
            add(&mut sums, &more);
            (0..K).for_each(|lane| within[lane] += squares[lane]);
        }
        if !self.sorted {
            means = given;
        }
        let variation = self.variation(&means, &within);
        Centred { means, sums, variation }
    }

    #[inline]
    fn group_mean<const K: usize>(
        &self,
        columns: &[&mut [f64]; K],
        group: usize,
        from: usize,
    ) -> [f64; K] {
        let range = self.starts[group] as usize - from..self.starts[group + 1] as usize - from;
        let mut mean = [0.0; K];
        for (mean, column) in mean.iter_mut().zip(columns) {
            let own = &column[range.clone()];
            *mean = match &self.weights {
                None => own.iter().sum::<f64>(),
                Some(weights) => {
                    let weights = &weights[range.start + from..range.end + from];
                    own.iter().zip(weights).map(|(value, weight)| value * weight).sum()
                }
            } / self.mass[group];
        }
        mean
    }

    #[inline]
    fn scatter<const K: usize>(
        &self,
        columns: &[&mut [f64]; K],
        (row, at): (usize, usize),
        mean: &[f64; K],
        sums: &mut [[f64; K]],
        squares: &mut [f64; K],
    ) {
        let weight = self.weight(row);
        let mut gap = [0.0; K];
        for lane in 0..K {
            let own = columns[lane][at] - mean[lane];
            gap[lane] = weight * own;
            squares[lane] += gap[lane] * own;
        }
        for (set, offset) in self.sets[1..].iter().zip(&self.offsets) {
            let slot = &mut sums[offset + set.codes[row] as usize];
            (0..K).for_each(|lane| slot[lane] += gap[lane]);
        }
    }

    /// Means of the first set where rows stand in any order.
    fn scattered_means<const K: usize>(&self, columns: &mut [&mut [f64]]) -> Vec<[f64; K]> {
        let parts = self.parts::<K>(columns, &mut []);
        let tables: Vec<Vec<[f64; K]>> = parts
            .into_par_iter()
            .map(|part| {
                let mut table = vec![[0.0; K]; self.mass.len()];
                for at in 0..part.rows.len() {
                    let row = part.rows.start + at;
                    let weight = self.weight(row);
                    let slot = &mut table[self.sets[0].codes[row] as usize];
                    for (slot, column) in slot.iter_mut().zip(&part.columns) {
                        *slot += weight * column[at];
                    }
                }
                table
            })
            .collect();
        let mut means = total(tables);
        for (mean, mass) in means.iter_mut().zip(&self.mass) {
            *mean = mean.map(|sum| sum / mass);
        }
        means
    }

    /// The variation within groups and that of their means about the grand mean.
    fn variation<const K: usize>(&self, means: &[[f64; K]], within: &[f64; K]) -> [Variation; K] {
        let mut grand = [0.0; K];
        let mut all = 0.0;
        for (mean, mass) in means.iter().zip(&self.mass) {
            all += mass;
            (0..K).for_each(|lane| grand[lane] += mass * mean[lane]);
        }
        for grand in &mut grand {
            *grand /= all;
        }
        let mut about_mean = *within;
        for (mean, mass) in means.iter().zip(&self.mass) {
            for lane in 0..K {
                about_mean[lane] += mass * (mean[lane] - grand[lane]).powi(2);
            }
        }
        std::array::from_fn(|lane| Variation {
            about_mean: about_mean[lane],
            about_zero: about_mean[lane] + all * grand[lane] * grand[lane],
        })
    }

    /// Subtracts the effects: `first` are the means of the first set's groups and become their
    /// coefficients beside those of the `others`. Gives sums by group of what is left: of the
    /// first set, then of the others.
    pub(super) fn subtract<const K: usize>(
        &self,
        columns: &mut [&mut [f64]],
        first: &mut [[f64; K]],
        others: &[[f64; K]],
    ) -> Vec<[f64; K]> {
        let e = self.mass.len();
        if !self.sorted {
            self.shift_first(first, others);
            let given: &[[f64; K]] = first;
            let tables = self
                .parts::<K>(columns, &mut [])
                .into_par_iter()
                .map(|mut part| {
                    let mut left = vec![[0.0; K]; e + self.other_mass.len()];
                    for at in 0..part.rows.len() {
                        let row = part.rows.start + at;
                        let code = self.sets[0].codes[row] as usize;
                        let gap = self.residual(&mut part.columns, (row, at), &given[code], others);
                        (0..K).for_each(|lane| left[code][lane] += gap[lane]);
                        self.leave(row, &gap, &mut left[e..]);
                    }
                    left
                })
                .collect();
            return total(tables);
        }
        let tables: Vec<(Lanes<K>, Lanes<K>)> = self
            .parts(columns, first)
            .into_par_iter()
            .map(|mut part| {
                let mut own = vec![[0.0; K]; part.groups.len()];
                let mut left = vec![[0.0; K]; self.other_mass.len()];
                for (at_group, group) in part.groups.clone().enumerate() {
                    let range = self.starts[group] as usize..self.starts[group + 1] as usize;
                    let first = &mut part.first[at_group];
                    self.shift(first, others, group, range.clone());
                    for row in range {
                        let at = row - part.rows.start;
                        let gap = self.residual(&mut part.columns, (row, at), first, others);
                        (0..K).for_each(|lane| own[at_group][lane] += gap[lane]);
                        self.leave(row, &gap, &mut left);
                    }
                }
                (own, left)
            })
            .collect();
        let mut all = Vec::with_capacity(e + self.other_mass.len());
        let mut others = Vec::with_capacity(tables.len());
        for (own, left) in tables {
            all.extend(own);
            others.push(left);
        }
        all.extend(total(others));
        all
    }

    /// One group's mean becomes its coefficient.
    #[inline]
    fn shift<const K: usize>(
        &self,
        first: &mut [f64; K],
        others: &[[f64; K]],
        group: usize,
        rows: Range<usize>,
    ) {
        if others.is_empty() {
            return;
        }
        let mut sum = [0.0; K];
        for row in rows {
            let weight = self.weight(row);
            for (set, offset) in self.sets[1..].iter().zip(&self.offsets) {
                let x = &others[offset + set.codes[row] as usize];
                (0..K).for_each(|lane| sum[lane] += weight * x[lane]);
            }
        }
        (0..K).for_each(|lane| first[lane] -= sum[lane] / self.mass[group]);
    }

    /// All groups' means become coefficients, where rows stand in any order.
    fn shift_first<const K: usize>(&self, first: &mut [[f64; K]], others: &[[f64; K]]) {
        if others.is_empty() {
            return;
        }
        let mut none: [&mut [f64]; 0] = [];
        let tables = self
            .parts::<K>(&mut none, &mut [])
            .into_par_iter()
            .map(|part| {
                let mut table = vec![[0.0; K]; self.mass.len()];
                for row in part.rows {
                    let weight = self.weight(row);
                    let slot = &mut table[self.sets[0].codes[row] as usize];
                    for (set, offset) in self.sets[1..].iter().zip(&self.offsets) {
                        let x = &others[offset + set.codes[row] as usize];
                        (0..K).for_each(|lane| slot[lane] += weight * x[lane]);
                    }
                }
                table
            })
            .collect();
        for ((first, sum), mass) in first.iter_mut().zip(total(tables)).zip(&self.mass) {
            (0..K).for_each(|lane| first[lane] -= sum[lane] / mass);
        }
    }

    /// Subtracts the effects from one row; gives its weighted residuals.
    #[inline]
    fn residual<const K: usize>(
        &self,
        columns: &mut [&mut [f64]; K],
        (row, at): (usize, usize),
        first: &[f64; K],
        others: &[[f64; K]],
    ) -> [f64; K] {
        let mut fit = *first;
        for (set, offset) in self.sets[1..].iter().zip(&self.offsets) {
            let x = &others[offset + set.codes[row] as usize];
            (0..K).for_each(|lane| fit[lane] += x[lane]);
        }
        let weight = self.weight(row);
        let mut gap = [0.0; K];
        for lane in 0..K {
            let value = &mut columns[lane][at];
            *value -= fit[lane];
            gap[lane] = weight * *value;
        }
        gap
    }

    #[inline]
    fn leave<const K: usize>(&self, row: usize, gap: &[f64; K], left: &mut [[f64; K]]) {
        for (set, offset) in self.sets[1..].iter().zip(&self.offsets) {
            let slot = &mut left[offset + set.codes[row] as usize];
            (0..K).for_each(|lane| slot[lane] += gap[lane]);
        }
    }
}

fn total<const K: usize>(tables: Vec<Vec<[f64; K]>>) -> Vec<[f64; K]> {
    let mut tables = tables.into_iter();
    let mut total = tables.next().unwrap_or_default();
    tables.for_each(|table| add(&mut total, &table));
    total
}

fn add<const K: usize>(total: &mut [[f64; K]], more: &[[f64; K]]) {
    for (total, more) in total.iter_mut().zip(more) {
        (0..K).for_each(|lane| total[lane] += more[lane]);
    }
}

fn group_mass(set: Groups<'_>, weights: Option<&[f64]>) -> Vec<f64> {
    match weights {
        None => {
            let mut counts = vec![0_u32; set.n];
            set.codes.iter().for_each(|&code| counts[code as usize] += 1);
            counts.into_iter().map(f64::from).collect()
        }
        Some(weights) => {
            let mut mass = vec![0.0; set.n];
            for (&code, weight) in set.codes.iter().zip(weights) {
                mass[code as usize] += weight;
            }
            mass
        }
    }
}

/// Whether rows stand in group order, the rows in it where they do not and it is wanted, and where
/// each group starts.
fn group_rows(set: Groups<'_>, ordered: bool) -> (bool, Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; set.n + 1];
    for &code in set.codes {
        starts[code as usize + 1] += 1;
    }
    for group in 0..set.n {
        starts[group + 1] += starts[group];
    }
    if set.codes.is_sorted() {
        return (true, Vec::new(), starts);
    }
    if !ordered {
        return (false, Vec::new(), starts);
    }
    let mut next = starts.clone();
    let mut order = vec![0_u32; set.codes.len()];
    for (row, &code) in set.codes.iter().enumerate() {
        let slot = &mut next[code as usize];
        order[*slot as usize] = row as u32;
        *slot += 1;
    }
    (false, order, starts)
}
