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
struct Maker<'m> {
    rows: &'m Rows<'m>,
    big: usize,
    /// Big levels and small ones.
    m: usize,
    t: usize,
    merge: bool,
    cells: Cells,
    cross: Vec<f64>,
    square: Vec<f64>,
    /// Of the group at hand: runs of one big level, weights by small level, those it has.
    runs: Vec<(u32, f64)>,
    counts: Vec<f64>,
    seen: Vec<u32>,
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
            for group in bound(part)..bound(part + 1) {
                maker.group(group);
            }
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
            merge,
            cells: Cells { width: big, ..Cells::default() },
            cross: vec![0.0; m * t],
            square: vec![0.0; t * t],
            runs: Vec::new(),
            counts: vec![0.0; t],
            seen: Vec::new(),
        }
    }

    fn row(&self, at: usize) -> usize {
        if self.rows.sorted { at } else { self.rows.order[at] as usize }
    }

    fn weight(&self, row: usize) -> f64 {
        self.rows.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    fn level(&self, set: usize, row: usize) -> u32 {
        self.rows.offsets[set] as u32 + self.rows.sets[1 + set].codes[row]
    }

    fn group(&mut self, group: usize) {
        let range = self.rows.starts[group] as usize..self.rows.starts[group + 1] as usize;
        let share = 1.0 / self.rows.mass[group];
        if self.t > 0 {
            self.count(range.clone());
            self.square(share);
        }
        let first = self.cells.weight.len();
        match self.big {
            0 => {}
            1 => self.cells_of_one(range.clone()),
            _ => self.cells_of_many(range.clone()),
        }
        if self.cells.weight.len() > first {
            self.cells.share.push(share);
            self.cells.starts.push(self.cells.weight.len() as u32);
            if self.t > 0 {
                self.cross(first, range, share);
            }
        }
        for level in self.seen.drain(..) {
            self.counts[level as usize] = 0.0;
        }
    }

    /// The group's weights by small level.
    fn count(&mut self, range: Range<usize>) {
        let sets = self.rows.offsets.len();
        for at in range {
            let row = self.row(at);
            let weight = self.weight(row);
            for set in self.big..sets {
                let level = self.level(set, row) - self.m as u32;
                if self.counts[level as usize] == 0.0 {
                    self.seen.push(level);
                }
                self.counts[level as usize] += weight;
                for other in set + 1..sets {
                    let other = self.level(other, row) as usize - self.m;
                    self.square[level as usize * self.t + other] += weight;
                }
            }
        }
    }

    fn square(&mut self, share: f64) {
        for (place, &a) in self.seen.iter().enumerate() {
            let own = share * self.counts[a as usize];
            let row = &mut self.square[a as usize * self.t..(a as usize + 1) * self.t];
            for &b in &self.seen[place..] {
                row[b as usize] -= own * self.counts[b as usize];
            }
        }
    }

    fn cells_of_one(&mut self, range: Range<usize>) {
        let codes = self.rows.sets[1].codes;
        self.runs.clear();
        let mut last = u32::MAX;
        for at in range {
            let row = self.row(at);
            let (level, weight) = (codes[row], self.weight(row));
            match self.runs.last_mut() {
                Some((_, sum)) if level == last => *sum += weight,
                _ => self.runs.push((level, weight)),
            }
            last = level;
        }
        if self.merge && self.runs.len() > 2 {
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

    fn cells_of_many(&mut self, range: Range<usize>) {
        let (first, width) = (self.cells.weight.len(), self.big);
        let mut several = false;
        for at in range {
            let row = self.row(at);
            let weight = self.weight(row);
            let count = self.cells.weight.len();
            let same = count > first
                && (0..width).all(|set| self.cells.of(count - 1)[set] == self.level(set, row));
            if same {
                self.cells.weight[count - 1] += weight;
            } else {
                several |= count > first;
                for set in 0..width {
                    let level = self.level(set, row);
                    self.cells.levels.push(level);
                }
                self.cells.weight.push(weight);
            }
        }
        if !several {
            self.cells.weight.truncate(first);
            self.cells.levels.truncate(first * width);
        }
    }

    /// Adds the group's cells from `first` on to big x small.
    fn cross(&mut self, first: usize, range: Range<usize>, share: f64) {
        let t = self.t;
        for at in range {
            let row = self.row(at);
            let weight = self.weight(row);
            for set in 0..self.big {
                let big = self.level(set, row) as usize;
                for small in self.big..self.rows.offsets.len() {
                    let small = self.level(small, row) as usize - self.m;
                    self.cross[big * t + small] += weight;
                }
            }
        }
        for cell in first..self.cells.weight.len() {
            let own = share * self.cells.weight[cell];
            for &level in self.cells.of(cell) {
                let row = &mut self.cross[level as usize * t..(level as usize + 1) * t];
                if 2 * self.seen.len() > t {
                    for (slot, count) in row.iter_mut().zip(&self.counts) {
                        *slot -= own * count;
                    }
                } else {
                    for &small in &self.seen {
                        row[small as usize] -= own * self.counts[small as usize];
                    }
                }
            }
        }
    }
}
