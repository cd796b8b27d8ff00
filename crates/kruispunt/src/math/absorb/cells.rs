//! Rows compressed to cells, and the dense border of the small sets.

use super::rows::Rows;
use crate::math::linalg::Semidefinite;
use rayon::prelude::*;
use std::ops::Range;

/// Groups of the eliminated set with more than one cell; the others say nothing about big levels.
#[derive(Default)]
pub(super) struct Cells {
    /// Where each group's cells start.
    pub(super) starts: Vec<u32>,
    /// `width` levels a cell.
    pub(super) levels: Vec<u32>,
    pub(super) weight: Vec<f64>,
    /// One over each group's weight.
    pub(super) share: Vec<f64>,
    pub(super) width: usize,
}

/// What small sets add to the reduced system.
pub(super) struct Border {
    /// Small levels.
    pub(super) t: usize,
    /// Big x small, row-major.
    pub(super) cross: Vec<f64>,
    /// Small x small.
    factor: Semidefinite,
}

impl Cells {
    pub(super) fn groups(&self) -> usize {
        self.share.len()
    }

    pub(super) fn of(&self, cell: usize) -> &[u32] {
        &self.levels[cell * self.width..(cell + 1) * self.width]
    }

    pub(super) fn range(&self, group: usize) -> Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }
}

impl Border {
    /// Replaces each lane of `b` by a solution of (small x small) x = b.
    pub(super) fn solve<const K: usize>(&self, b: &mut [[f64; K]]) {
        let mut lane_of = vec![0.0; self.t];
        for lane in 0..K {
            for (value, b) in lane_of.iter_mut().zip(b.iter()) {
                *value = b[lane];
            }
            self.factor.solve(&mut lane_of);
            for (value, b) in lane_of.iter().zip(b.iter_mut()) {
                b[lane] = *value;
            }
        }
    }

    /// `cross' x`.
    pub(super) fn down<const K: usize>(&self, x: &[[f64; K]]) -> Vec<[f64; K]> {
        let mut sum = vec![[0.0; K]; self.t];
        for (row, x) in self.cross.chunks_exact(self.t).zip(x) {
            for (sum, cross) in sum.iter_mut().zip(row) {
                (0..K).for_each(|lane| sum[lane] += cross * x[lane]);
            }
        }
        sum
    }

    /// `out -= cross g`.
    pub(super) fn up<const K: usize>(&self, g: &[[f64; K]], out: &mut [[f64; K]]) {
        for (row, out) in self.cross.chunks_exact(self.t).zip(out) {
            let mut sum = [0.0; K];
            for (g, cross) in g.iter().zip(row) {
                (0..K).for_each(|lane| sum[lane] += cross * g[lane]);
            }
            (0..K).for_each(|lane| out[lane] -= sum[lane]);
        }
    }
}

/// One part of the groups while cells and border are made.
///
/// A group's weights by small level are `c = beta 1 + e`: where most levels of the first small set
/// occur once, as in a panel with few gaps, beta is 1 and e has what is missing or more; else beta
/// is 0. What 1 gives is added up apart and put in at the end, so that a group costs what e costs.
struct Maker<'m> {
    rows: &'m Rows<'m>,
    big: usize,
    /// Big levels, small ones, and those of the first small set.
    m: usize,
    t: usize,
    base: usize,
    merge: bool,
    cells: Cells,
    cross: Vec<f64>,
    /// What `-beta 1` gives to each row of `cross`.
    pending: Vec<f64>,
    square: Vec<f64>,
    /// Sums of `beta beta` and `beta e` over groups, per weight.
    base_square: f64,
    base_rest: Vec<f64>,
    /// Of the group at hand: levels by set and row, weights by row, runs of one big level, weights
    /// by small level and the levels that have some, beta and e.
    levels: Vec<u32>,
    weights: Vec<f64>,
    runs: Vec<(u32, f64)>,
    counts: Vec<f64>,
    seen: Vec<u32>,
    beta: f64,
    rest: Vec<(u32, f64)>,
}

/// Cells of the first `big` of the other sets, and the border of the rest.
pub(super) fn make(rows: &Rows<'_>, big: usize) -> (Cells, Option<Border>) {
    let groups = rows.mass.len();
    let m = rows.offsets.get(big).copied().unwrap_or(rows.other_mass.len());
    let t = rows.other_mass.len() - m;
    let merge = big == 1 && merging_pays(rows);
    let parts = (rows.n() / (4 * m * t).max(1)).clamp(1, 4);
    let parts = if rows.n() < 20_000 { 1 } else { parts };
    let bound = |part: usize| -> usize {
        let row = (part * rows.n() / parts) as u32;
        if part == parts { groups } else { rows.starts[..groups].partition_point(|&s| s < row) }
    };
    let made: Vec<Maker<'_>> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let mut maker = Maker::new(rows, big, (m, t), merge);
            let (from, to) = (bound(part), bound(part + 1));
            maker.make_room(from..to);
            for group in from..to {
                maker.group(group);
            }
            maker.finish();
            maker
        })
        .collect();
    let mut cells = Cells { starts: vec![0], width: big, ..Cells::default() };
    let mut border: Option<(Vec<f64>, Vec<f64>)> = None;
    for maker in made {
        let before = cells.weight.len() as u32;
        cells.starts.extend(maker.cells.starts.iter().map(|end| end + before));
        append(&mut cells.levels, maker.cells.levels);
        append(&mut cells.weight, maker.cells.weight);
        append(&mut cells.share, maker.cells.share);
        border = Some(match border {
            None => (maker.cross, maker.square),
            Some((mut cross, mut square)) => {
                cross.iter_mut().zip(maker.cross).for_each(|(sum, part)| *sum += part);
                square.iter_mut().zip(maker.square).for_each(|(sum, part)| *sum += part);
                (cross, square)
            }
        });
    }
    let border = border.filter(|_| t > 0).map(|(cross, square)| {
        let factor = small_factor(&square, &rows.other_mass[m..]);
        Border { t, cross, factor }
    });
    (cells, border)
}

fn append<T>(all: &mut Vec<T>, mut part: Vec<T>) {
    if all.is_empty() {
        *all = part;
    } else {
        all.append(&mut part);
    }
}

/// The factor of small x small, from the upper triangle without the weights of the levels.
fn small_factor(upper: &[f64], mass: &[f64]) -> Semidefinite {
    let t = mass.len();
    let mut square = vec![0.0; t * t];
    for a in 0..t {
        for b in 0..t {
            square[a * t + b] = upper[a * t + b] + if a == b { mass[a] } else { upper[b * t + a] };
        }
    }
    // Levels that the eliminated groups determine: what is left of them is rounding.
    for a in (0..t).filter(|&a| square[a * t + a] <= 1e-11 * mass[a]).collect::<Vec<_>>() {
        for b in 0..t {
            square[a * t + b] = 0.0;
            square[b * t + a] = 0.0;
        }
    }
    Semidefinite::new(square, t)
}

/// Whether groups come back to levels often enough that sorting their rows pays: from a few groups.
fn merging_pays(rows: &Rows<'_>) -> bool {
    let codes = rows.sets[1].codes;
    let (mut runs, mut distinct) = (0, 0);
    let step = (rows.mass.len() / 256).max(1);
    for group in (0..rows.mass.len()).step_by(step) {
        let range = rows.starts[group] as usize..rows.starts[group + 1] as usize;
        let range = range.start..range.end.min(range.start + 1024);
        let mut own: Vec<u32> =
            range.map(|at| codes[if rows.sorted { at } else { rows.order[at] as usize }]).collect();
        own.dedup();
        runs += own.len();
        own.sort_unstable();
        own.dedup();
        distinct += own.len();
    }
    5 * distinct < 4 * runs
}

impl<'m> Maker<'m> {
    fn new(rows: &'m Rows<'m>, big: usize, (m, t): (usize, usize), merge: bool) -> Self {
        Self {
            rows,
            big,
            m,
            t,
            base: rows.sets.get(1 + big).map_or(0, |set| set.n),
            merge,
            cells: Cells { width: big, ..Cells::default() },
            cross: vec![0.0; m * t],
            pending: vec![0.0; if t > 0 { m } else { 0 }],
            square: vec![0.0; t * t],
            base_square: 0.0,
            base_rest: vec![0.0; t],
            levels: Vec::new(),
            weights: Vec::new(),
            runs: Vec::new(),
            counts: vec![0.0; t],
            seen: Vec::new(),
            beta: 0.0,
            rest: Vec::new(),
        }
    }

    /// Room for a cell a row, as far as there are groups with several: what is not used is never
    /// touched.
    fn make_room(&mut self, groups: Range<usize>) {
        if self.big > 0 && !groups.is_empty() {
            let starts = &self.rows.starts;
            let rows = (starts[groups.end] - starts[groups.start]) as usize;
            self.cells.weight.reserve_exact(rows);
            self.cells.levels.reserve_exact(rows * self.big);
            self.cells.share.reserve_exact(groups.len());
            self.cells.starts.reserve_exact(groups.len());
        }
    }

    fn group(&mut self, group: usize) {
        let range = self.rows.starts[group] as usize..self.rows.starts[group + 1] as usize;
        let size = range.len();
        self.load(range);
        let share = 1.0 / self.rows.mass[group];
        if self.t > 0 {
            self.count(size);
            self.square(share);
        }
        let first = self.cells.weight.len();
        match self.big {
            0 => {}
            1 => self.cells_of_one(),
            _ => self.cells_of_many(size),
        }
        if self.cells.weight.len() > first {
            self.cells.share.push(share);
            self.cells.starts.push(self.cells.weight.len() as u32);
            if self.t > 0 {
                self.cross(first, size, share);
            }
        }
        for level in self.seen.drain(..) {
            self.counts[level as usize] = 0.0;
        }
    }

    /// The group's levels and weights, side by side; small levels count from 0.
    fn load(&mut self, range: Range<usize>) {
        let rows = self.rows;
        self.levels.clear();
        self.weights.clear();
        let order = if rows.sorted { None } else { Some(&rows.order[range.clone()]) };
        for (set, &offset) in rows.sets[1..].iter().zip(&rows.offsets) {
            let from = if offset >= self.m { offset - self.m } else { offset } as u32;
            match order {
                None => self.levels.extend(set.codes[range.clone()].iter().map(|c| c + from)),
                Some(order) => {
                    let codes = order.iter().map(|&row| set.codes[row as usize] + from);
                    self.levels.extend(codes);
                }
            }
        }
        match (&rows.weights, order) {
            (None, _) => self.weights.resize(range.len(), 1.0),
            (Some(weights), None) => self.weights.extend_from_slice(&weights[range]),
            (Some(weights), Some(order)) => {
                self.weights.extend(order.iter().map(|&row| weights[row as usize]));
            }
        }
    }

    /// The group's weights by small level, as beta and e.
    fn count(&mut self, size: usize) {
        let small = &self.levels[self.big * size..];
        for (set, levels) in small.chunks_exact(size).enumerate() {
            for (row, (&level, &weight)) in levels.iter().zip(&self.weights).enumerate() {
                let count = &mut self.counts[level as usize];
                if *count == 0.0 {
                    self.seen.push(level);
                }
                *count += weight;
                for other in small.chunks_exact(size).skip(set + 1) {
                    self.square[level as usize * self.t + other[row] as usize] += weight;
                }
            }
        }
        self.rest.clear();
        let counts = &self.counts;
        let often = 2 * size > self.base
            && 3 * counts[..self.base].iter().filter(|count| **count == 1.0).count()
                > 2 * self.base;
        self.beta = f64::from(u8::from(often));
        if often {
            let base = counts[..self.base].iter().map(|count| count - 1.0);
            let all = base.chain(counts[self.base..].iter().copied());
            let entries = all.enumerate().filter(|(_, value)| *value != 0.0);
            self.rest.extend(entries.map(|(level, value)| (level as u32, value)));
        } else {
            self.rest.extend(self.seen.iter().map(|&level| (level, counts[level as usize])));
        }
    }

    fn square(&mut self, share: f64) {
        let t = self.t;
        for (place, &(a, value)) in self.rest.iter().enumerate() {
            let own = share * value;
            let row = &mut self.square[a as usize * t..(a as usize + 1) * t];
            for &(b, value) in &self.rest[place..] {
                row[b as usize] -= own * value;
            }
        }
        if self.beta > 0.0 {
            self.base_square += share;
            for &(a, value) in &self.rest {
                self.base_rest[a as usize] += share * value;
            }
        }
    }

    fn cells_of_one(&mut self) {
        if !self.merge {
            return self.runs_of_one();
        }
        let size = self.weights.len();
        self.runs.clear();
        let mut last = u32::MAX;
        for (&level, &weight) in self.levels[..size].iter().zip(&self.weights) {
            match self.runs.last_mut() {
                Some((_, sum)) if level == last => *sum += weight,
                _ => self.runs.push((level, weight)),
            }
            last = level;
        }
        if self.runs.len() > 2 {
            self.runs.sort_by_key(|run| run.0);
            self.runs.dedup_by(|run, kept| {
                let same = run.0 == kept.0;
                if same {
                    kept.1 += run.1;
                }
                same
            });
        }
        if self.runs.iter().any(|run| run.0 != last) {
            self.cells.levels.extend(self.runs.iter().map(|run| run.0));
            self.cells.weight.extend(self.runs.iter().map(|run| run.1));
        }
    }

    /// Runs of one level are cells, as they come.
    fn runs_of_one(&mut self) {
        let (levels, weights) = (&self.levels[..self.weights.len()], &self.weights);
        let Cells { levels: to, weight, .. } = &mut self.cells;
        if levels.windows(2).all(|pair| pair[0] != pair[1]) {
            if levels.len() > 1 {
                to.extend_from_slice(levels);
                weight.extend_from_slice(weights);
            }
            return;
        }
        let first = weight.len();
        let mut last = None;
        for (&level, &own) in levels.iter().zip(weights) {
            match weight.last_mut() {
                Some(sum) if last == Some(level) => *sum += own,
                _ => {
                    to.push(level);
                    weight.push(own);
                }
            }
            last = Some(level);
        }
        if weight.len() == first + 1 {
            to.truncate(first);
            weight.truncate(first);
        }
    }

    fn cells_of_many(&mut self, size: usize) {
        let (first, width) = (self.cells.weight.len(), self.big);
        let mut several = false;
        for row in 0..size {
            let count = self.cells.weight.len();
            let level = |set: usize| self.levels[set * size + row];
            if count > first && (0..width).all(|set| self.cells.of(count - 1)[set] == level(set)) {
                self.cells.weight[count - 1] += self.weights[row];
            } else {
                several |= count > first;
                self.cells.levels.extend((0..width).map(level));
                self.cells.weight.push(self.weights[row]);
            }
        }
        if !several {
            self.cells.weight.truncate(first);
            self.cells.levels.truncate(first * width);
        }
    }

    /// Adds the group's cells from `first` on to big x small.
    fn cross(&mut self, first: usize, size: usize, share: f64) {
        let t = self.t;
        let (big, small) = self.levels.split_at(self.big * size);
        for big in big.chunks_exact(size) {
            for small in small.chunks_exact(size) {
                for ((&big, &small), weight) in big.iter().zip(small).zip(&self.weights) {
                    self.cross[big as usize * t + small as usize] += weight;
                }
            }
        }
        let dense = self.beta == 0.0 && 4 * self.rest.len() > t;
        for cell in first..self.cells.weight.len() {
            let own = share * self.cells.weight[cell];
            for &level in self.cells.of(cell) {
                let row = &mut self.cross[level as usize * t..(level as usize + 1) * t];
                if dense {
                    for (slot, count) in row.iter_mut().zip(&self.counts) {
                        *slot -= own * count;
                    }
                    continue;
                }
                self.pending[level as usize] += self.beta * own;
                for &(small, value) in &self.rest {
                    row[small as usize] -= own * value;
                }
            }
        }
    }

    /// Puts in what beta gives.
    fn finish(&mut self) {
        let t = self.t;
        for (row, &pending) in self.cross.chunks_exact_mut(t.max(1)).zip(&self.pending) {
            if pending != 0.0 {
                row[..self.base].iter_mut().for_each(|slot| *slot -= pending);
            }
        }
        // the upper triangle; `square` adds the other half
        for a in 0..self.base.min(t) {
            for b in a..self.base {
                self.square[a * t + b] -= self.base_square;
            }
            for b in 0..t {
                let twice = if a == b { 2.0 } else { 1.0 };
                self.square[a * t + b] -= twice * self.base_rest[b];
            }
        }
    }
}
