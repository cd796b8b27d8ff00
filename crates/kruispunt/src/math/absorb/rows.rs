//! Passes over the rows: group means, centred sums, residuals and what is left in the groups.
//!
//! C columns travel as L lanes, L the next power of two: what is spare is 0 throughout.
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
/// Rows that are worked off together, lanes side by side.
const BLOCK: usize = 32;

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
struct Part<'p, const C: usize, const L: usize> {
    rows: Range<usize>,
    groups: Range<usize>,
    columns: [&'p mut [f64]; C],
    first: &'p mut [[f64; L]],
}

/// What sweeping leaves: the largest group mean of the first set, and sums by level of the others.
pub(super) struct Left<const L: usize> {
    pub(super) largest: [f64; L],
    pub(super) sums: Lanes<L>,
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
        let parts = self.parts::<0, 1>(&mut [], &mut []);
        let tables: Vec<(Vec<f64>, Vec<f64>, f64)> = parts
            .into_par_iter()
            .map(|part| {
                let mut other = vec![0.0; self.other_mass.len()];
                let weights = self.weights.as_deref().map(|own| &own[part.rows.clone()]);
                for (set, &offset) in self.sets[1..].iter().zip(&self.offsets) {
                    add_weights(&set.codes[part.rows.clone()], weights, &mut other[offset..]);
                }
                let Some(weights) = weights else { return (Vec::new(), other, 1.0) };
                let lightest = weights.iter().copied().fold(f64::INFINITY, f64::min);
                if self.sorted {
                    let own = |group: usize| {
                        let rows = self.starts[group] as usize..self.starts[group + 1] as usize;
                        let from = part.rows.start;
                        weights[rows.start - from..rows.end - from].iter().sum()
                    };
                    return (part.groups.clone().map(own).collect(), other, lightest);
                }
                let mut own = vec![0.0; self.starts.len() - 1];
                add_weights(&self.sets[0].codes[part.rows.clone()], Some(weights), &mut own);
                (own, other, lightest)
            })
            .collect();
        self.lightest = if self.weights.is_some() { f64::INFINITY } else { 1.0 };
        self.mass = match self.weights {
            Some(_) => Vec::new(),
            None => self.starts.windows(2).map(|pair| f64::from(pair[1] - pair[0])).collect(),
        };
        self.other_mass.fill(0.0);
        let sum =
            |all: &mut [f64], more: &[f64]| all.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        for (own, other, lightest) in tables {
            self.lightest = self.lightest.min(lightest);
            if self.sorted || self.mass.is_empty() {
                self.mass.extend(own);
            } else {
                sum(&mut self.mass, &own);
            }
            sum(&mut self.other_mass, &other);
        }
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
        let groups = self.starts.len() - 1;
        let spare = if self.sorted { levels } else { levels + groups };
        let parts = (n / PART).min(n / (2 * spare).max(1)).clamp(1, 8);
        let mut bounds: Vec<(usize, usize)> = (0..=parts)
            .map(|part| {
                let row = part * n / parts;
                if !self.sorted {
                    return (row, 0);
                }
                let group = self.starts.partition_point(|&start| (start as usize) < row);
                let group = group.min(groups);
                (self.starts[group] as usize, group)
            })
            .collect();
        bounds.dedup();
        if bounds.len() == 1 {
            bounds.push(bounds[0]);
        }
        bounds
    }

    fn parts<'p, const C: usize, const L: usize>(
        &self,
        columns: &'p mut [&mut [f64]],
        first: &'p mut [[f64; L]],
    ) -> Vec<Part<'p, C, L>> {
        let mut lanes: [&'p mut [f64]; C] = std::array::from_fn(|_| <&mut [f64]>::default());
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
                let own_groups = groups.len().min(first.len());
                let (mine, rest) = std::mem::take(&mut first).split_at_mut(own_groups);
                first = rest;
                Part { rows, groups, columns: own, first: mine }
            })
            .collect()
    }

    /// Means of the first set's groups, and sums over all other levels of what they leave.
    pub(super) fn centre<const C: usize, const L: usize>(
        &self,
        columns: &mut [&mut [f64]],
    ) -> Centred<L> {
        let mut means = vec![[0.0; L]; self.mass.len()];
        if !self.sorted {
            means = self.scattered_means::<C, L>(columns);
        }
        let given = if self.sorted { Vec::new() } else { std::mem::take(&mut means) };
        let parts = self.parts::<C, L>(columns, &mut means);
        let found: Vec<(Lanes<L>, [f64; L])> =
            parts.into_par_iter().map(|mut part| self.centre_part(&mut part, &given)).collect();
        let mut found = found.into_iter();
        let (mut sums, mut within) = found.next().unwrap_or_else(|| (Vec::new(), [0.0; L]));
        for (more, squares) in found {
            add(&mut sums, &more);
            (0..L).for_each(|lane| within[lane] += squares[lane]);
        }
        if !self.sorted {
            means = given;
        }
        let variation = self.variation(&means, &within);
        Centred { means, sums, variation }
    }

    #[inline]
    fn centre_part<const C: usize, const L: usize>(
        &self,
        part: &mut Part<'_, C, L>,
        given: &[[f64; L]],
    ) -> (Lanes<L>, [f64; L]) {
        let mut sums = vec![[0.0; L]; self.other_mass.len()];
        let mut squares = [0.0; L];
        let mut block = [[0.0; L]; BLOCK];
        if !self.sorted {
            for rows in blocks(part.rows.clone()) {
                fetch(&part.columns, part.rows.start, rows.clone(), &mut block);
                let codes = &self.sets[0].codes[rows.clone()];
                for (at, &code) in codes.iter().enumerate() {
                    let mean = &given[code as usize];
                    centre_row(&mut block[at], self.weight(rows.start + at), mean, &mut squares);
                }
                self.scatter(rows, &block, &mut sums);
            }
            return (sums, squares);
        }
        for (group, mean) in part.groups.clone().zip(part.first.iter_mut()) {
            let range = self.starts[group] as usize..self.starts[group + 1] as usize;
            let mut sum = [0.0; L];
            for rows in blocks(range.clone()) {
                fetch(&part.columns, part.rows.start, rows.clone(), &mut block);
                for (at, row) in rows.enumerate() {
                    let weight = self.weight(row);
                    (0..L).for_each(|lane| sum[lane] += weight * block[at][lane]);
                }
            }
            *mean = sum.map(|sum| sum / self.mass[group]);
            let whole = range.len() <= BLOCK;
            for rows in blocks(range) {
                if !whole {
                    fetch(&part.columns, part.rows.start, rows.clone(), &mut block);
                }
                for (at, row) in rows.clone().enumerate() {
                    centre_row(&mut block[at], self.weight(row), mean, &mut squares);
                }
                self.scatter(rows, &block, &mut sums);
            }
        }
        (sums, squares)
    }

    /// Adds rows to the sums by level of all sets but the first.
    #[inline]
    fn scatter<const L: usize>(
        &self,
        rows: Range<usize>,
        block: &[[f64; L]; BLOCK],
        sums: &mut [[f64; L]],
    ) {
        for (set, &offset) in self.sets[1..].iter().zip(&self.offsets) {
            let sums = &mut sums[offset..offset + set.n];
            for (&code, own) in set.codes[rows.clone()].iter().zip(block) {
                let slot = &mut sums[code as usize];
                (0..L).for_each(|lane| slot[lane] += own[lane]);
            }
        }
    }

    /// Means of the first set where rows stand in any order.
    fn scattered_means<const C: usize, const L: usize>(
        &self,
        columns: &mut [&mut [f64]],
    ) -> Vec<[f64; L]> {
        let parts = self.parts::<C, L>(columns, &mut []);
        let tables: Vec<Lanes<L>> = parts
            .into_par_iter()
            .map(|part| {
                let mut table = vec![[0.0; L]; self.mass.len()];
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
    /// coefficients beside those of the `others`. Gives what is left.
    pub(super) fn subtract<const C: usize, const L: usize>(
        &self,
        columns: &mut [&mut [f64]],
        first: &mut [[f64; L]],
        others: &[[f64; L]],
    ) -> Left<L> {
        if !self.sorted {
            self.shift_first(first, others);
            return self.subtract_scattered::<C, L>(columns, first, others);
        }
        let found: Vec<Left<L>> = self
            .parts::<C, L>(columns, first)
            .into_par_iter()
            .map(|mut part| self.subtract_part(&mut part, others))
            .collect();
        let mut largest = [0.0_f64; L];
        for part in &found {
            (0..L).for_each(|lane| largest[lane] = largest[lane].max(part.largest[lane]));
        }
        Left { largest, sums: total(found.into_iter().map(|part| part.sums).collect()) }
    }

    #[inline]
    fn subtract_part<const C: usize, const L: usize>(
        &self,
        part: &mut Part<'_, C, L>,
        others: &[[f64; L]],
    ) -> Left<L> {
        let mut sums = vec![[0.0; L]; self.other_mass.len()];
        let mut largest = [0.0_f64; L];
        let (mut block, mut fit) = ([[0.0; L]; BLOCK], [[0.0; L]; BLOCK]);
        for (group, first) in part.groups.clone().zip(part.first.iter_mut()) {
            let range = self.starts[group] as usize..self.starts[group + 1] as usize;
            let share = 1.0 / self.mass[group];
            if !others.is_empty() {
                let mut sum = [0.0; L];
                for rows in blocks(range.clone()) {
                    self.gather(rows.clone(), others, &mut fit);
                    for (at, row) in rows.enumerate() {
                        let weight = self.weight(row);
                        (0..L).for_each(|lane| sum[lane] += weight * fit[at][lane]);
                    }
                }
                (0..L).for_each(|lane| first[lane] -= sum[lane] * share);
            }
            let whole = range.len() <= BLOCK || others.is_empty();
            let mut own = [0.0; L];
            for rows in blocks(range) {
                if !whole {
                    self.gather(rows.clone(), others, &mut fit);
                }
                fetch(&part.columns, part.rows.start, rows.clone(), &mut block);
                for (at, row) in rows.clone().enumerate() {
                    let (weight, block) = (self.weight(row), &mut block[at]);
                    for lane in 0..L {
                        block[lane] -= fit[at][lane] + first[lane];
                    }
                    for (column, value) in part.columns.iter_mut().zip(block.iter()) {
                        column[row - part.rows.start] = *value;
                    }
                    for lane in 0..L {
                        block[lane] *= weight;
                        own[lane] += block[lane];
                    }
                }
                self.scatter(rows, &block, &mut sums);
            }
            (0..L).for_each(|lane| largest[lane] = largest[lane].max((own[lane] * share).abs()));
        }
        Left { largest, sums }
    }

    /// The coefficients of all sets but the first, added up row by row.
    #[inline]
    fn gather<const L: usize>(
        &self,
        rows: Range<usize>,
        others: &[[f64; L]],
        fit: &mut [[f64; L]; BLOCK],
    ) {
        for (number, (set, &offset)) in self.sets[1..].iter().zip(&self.offsets).enumerate() {
            let others = &others[offset..offset + set.n];
            for (&code, fit) in set.codes[rows.clone()].iter().zip(fit.iter_mut()) {
                let own = &others[code as usize];
                if number == 0 {
                    *fit = *own;
                } else {
                    (0..L).for_each(|lane| fit[lane] += own[lane]);
                }
            }
        }
    }

    /// As [`subtract`](Self::subtract), where rows stand in any order.
    fn subtract_scattered<const C: usize, const L: usize>(
        &self,
        columns: &mut [&mut [f64]],
        first: &[[f64; L]],
        others: &[[f64; L]],
    ) -> Left<L> {
        let e = self.mass.len();
        let tables = self
            .parts::<C, L>(columns, &mut [])
            .into_par_iter()
            .map(|part| {
                let mut left = vec![[0.0; L]; e + self.other_mass.len()];
                let (mut block, mut fit) = ([[0.0; L]; BLOCK], [[0.0; L]; BLOCK]);
                for rows in blocks(part.rows.clone()) {
                    if !others.is_empty() {
                        self.gather(rows.clone(), others, &mut fit);
                    }
                    fetch(&part.columns, part.rows.start, rows.clone(), &mut block);
                    for (at, row) in rows.clone().enumerate() {
                        let code = self.sets[0].codes[row] as usize;
                        let (weight, block) = (self.weight(row), &mut block[at]);
                        for lane in 0..C {
                            block[lane] -= fit[at][lane] + first[code][lane];
                            part.columns[lane][row - part.rows.start] = block[lane];
                            block[lane] *= weight;
                            left[code][lane] += block[lane];
                        }
                    }
                    self.scatter(rows, &block, &mut left[e..]);
                }
                left
            })
            .collect();
        let mut all = total(tables);
        let sums = all.split_off(e);
        let mut largest = [0.0_f64; L];
        for (own, mass) in all.iter().zip(&self.mass) {
            let share = 1.0 / mass;
            (0..L).for_each(|lane| largest[lane] = largest[lane].max(own[lane].abs() * share));
        }
        Left { largest, sums }
    }

    /// All groups' means become coefficients, where rows stand in any order.
    fn shift_first<const K: usize>(&self, first: &mut [[f64; K]], others: &[[f64; K]]) {
        if others.is_empty() {
            return;
        }
        let tables = self
            .parts::<0, K>(&mut [], &mut [])
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
}

/// Rows of the columns, lanes side by side.
#[inline]
fn fetch<const C: usize, const L: usize>(
    columns: &[&mut [f64]; C],
    from: usize,
    rows: Range<usize>,
    block: &mut [[f64; L]; BLOCK],
) {
    for lane in 0..C {
        let column = &columns[lane][rows.start - from..rows.end - from];
        for (slot, value) in block.iter_mut().zip(column) {
            slot[lane] = *value;
        }
    }
}

/// A row less its group's mean, weighted; squares are added up.
#[inline]
fn centre_row<const L: usize>(
    row: &mut [f64; L],
    weight: f64,
    mean: &[f64; L],
    squares: &mut [f64; L],
) {
    for lane in 0..L {
        let own = row[lane] - mean[lane];
        row[lane] = weight * own;
        squares[lane] += row[lane] * own;
    }
}

/// Runs of at most [`BLOCK`] rows.
#[inline]
fn blocks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(BLOCK).map(move |from| from..(from + BLOCK).min(end))
}

fn add_weights(codes: &[u32], weights: Option<&[f64]>, sums: &mut [f64]) {
    match weights {
        None => codes.iter().for_each(|&code| sums[code as usize] += 1.0),
        Some(weights) => {
            for (&code, weight) in codes.iter().zip(weights) {
                sums[code as usize] += weight;
            }
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
