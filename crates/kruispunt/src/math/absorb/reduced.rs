//! The system that remains when the largest set of groups is eliminated, and its solution.

use super::envelope::{Envelope, Rows};
use super::{Coefficients, Failure, Groups, Outcome};
use crate::data::Ticket;
use crate::math::linalg::Semidefinite;
use rayon::prelude::*;

/// From this step on a small system is factorised instead.
const PATIENCE: usize = 40;
/// The largest system that is factorised.
const DENSE: usize = 1500;
/// Pairs of cells from which a sparse system is made at most.
const SPARSE: usize = 30_000_000;

pub(super) struct Reduced {
    /// First set: rows in group order (`None` when they stand so already), where groups start.
    order: Option<Vec<u32>>,
    starts: Vec<u32>,
    /// Row by row, the place in the reduced system of each other set.
    codes: Vec<Vec<u32>>,
    weights: Option<Vec<f64>>,
    mass: Vec<f64>,
    /// Of the other sets: where each starts in the reduced system, its weights, the diagonal of S.
    offsets: Vec<usize>,
    other_mass: Vec<f64>,
    diagonal: Vec<f64>,
    cells: Cells,
}

/// Groups of the first set with more than one cell.
#[derive(Default)]
struct Cells {
    starts: Vec<u32>,
    /// `width` levels a cell.
    levels: Vec<u32>,
    weight: Vec<f64>,
    mass: Vec<f64>,
    width: usize,
}

/// A solution: coefficients of the first set and of the others, lane by lane.
pub(super) struct Solved<const K: usize> {
    pub(super) first: Vec<[f64; K]>,
    pub(super) others: Vec<[f64; K]>,
    pub(super) offsets: Vec<usize>,
    pub(super) iterations: usize,
}

impl<const K: usize> Solved<K> {
    /// The coefficients of the first lane, set by set.
    pub(super) fn by_set(&self, sets: &[Groups<'_>]) -> Coefficients {
        let mut all = vec![self.first.iter().map(|lanes| lanes[0]).collect()];
        for (set, &offset) in sets[1..].iter().zip(&self.offsets) {
            let own = &self.others[offset..offset + set.n];
            all.push(own.iter().map(|lanes| lanes[0]).collect());
        }
        all
    }
}

impl Reduced {
    pub(super) fn new(sets: &[Groups<'_>], weights: Option<&[f64]>) -> Self {
        let (order, starts) = group_rows(sets[0]);
        let mut offsets = Vec::new();
        let mut m = 0;
        for set in &sets[1..] {
            offsets.push(m);
            m += set.n;
        }
        let codes: Vec<Vec<u32>> = sets[1..]
            .iter()
            .zip(&offsets)
            .map(|(set, &offset)| set.codes.iter().map(|&code| code + offset as u32).collect())
            .collect();
        let mut this = Self {
            order,
            starts,
            codes,
            weights: weights.map(<[f64]>::to_vec),
            mass: Vec::new(),
            offsets,
            other_mass: vec![0.0; m],
            diagonal: Vec::new(),
            cells: Cells::default(),
        };
        for codes in &this.codes {
            for (row, &code) in codes.iter().enumerate() {
                this.other_mass[code as usize] += weights.map_or(1.0, |weights| weights[row]);
            }
        }
        this.mass = (0..sets[0].n)
            .into_par_iter()
            .map(|group| this.rows(group).map(|row| this.weight(row)).sum())
            .collect();
        this.cells = this.make_cells();
        this.diagonal = this.make_diagonal();
        this
    }

    fn rows(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        let range = self.starts[group] as usize..self.starts[group + 1] as usize;
        range.map(move |at| self.order.as_ref().map_or(at, |order| order[at] as usize))
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    fn m(&self) -> usize {
        self.other_mass.len()
    }

    fn make_cells(&self) -> Cells {
        let width = self.codes.len();
        let groups = self.mass.len();
        let step = groups.div_ceil(64).max(1);
        let parts: Vec<Cells> = (0..groups.div_ceil(step))
            .into_par_iter()
            .map(|part| {
                let mut cells = Cells { width, ..Cells::default() };
                let mut rows = Vec::new();
                for group in part * step..((part + 1) * step).min(groups) {
                    rows.clear();
                    rows.extend(self.rows(group));
                    self.cells_of(group, &mut rows, &mut cells);
                }
                cells
            })
            .collect();
        let mut all = Cells { starts: vec![0], width, ..Cells::default() };
        for part in parts {
            let before = all.weight.len() as u32;
            all.starts.extend(part.starts.iter().map(|end| end + before));
            all.levels.extend(part.levels);
            all.weight.extend(part.weight);
            all.mass.extend(part.mass);
        }
        all
    }

    /// Appends the cells of one group, unless there is only one; `starts` collects their ends.
    fn cells_of(&self, group: usize, rows: &mut [usize], cells: &mut Cells) {
        let compare = |a: &usize, b: &usize| {
            let by_set = self.codes.iter().map(|codes| codes[*a].cmp(&codes[*b]));
            by_set.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        };
        if !rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
            rows.sort_by(compare);
        }
        let first = cells.weight.len();
        let mut previous = None;
        for &row in rows.iter() {
            if previous.is_some_and(|previous| compare(&previous, &row).is_eq()) {
                if let Some(weight) = cells.weight.last_mut() {
                    *weight += self.weight(row);
                }
            } else {
                cells.levels.extend(self.codes.iter().map(|codes| codes[row]));
                cells.weight.push(self.weight(row));
            }
            previous = Some(row);
        }
        if cells.weight.len() - first <= 1 {
            cells.weight.truncate(first);
            cells.levels.truncate(first * cells.width);
        } else {
            cells.mass.push(self.mass[group]);
            cells.starts.push(cells.weight.len() as u32);
        }
    }

    /// The diagonal of S over groups of one set at a time; at least a trace of the group's weight.
    fn make_diagonal(&self) -> Vec<f64> {
        let cells = &self.cells;
        let mut loss = vec![0.0; self.m()];
        let mut inside = vec![0.0; self.m()];
        for group in 0..cells.mass.len() {
            let range = cells.starts[group] as usize..cells.starts[group + 1] as usize;
            for cell in range.clone() {
                for &level in cells.of(cell) {
                    inside[level as usize] += cells.weight[cell];
                }
            }
            for cell in range {
                for &level in cells.of(cell) {
                    let own = std::mem::take(&mut inside[level as usize]);
                    // movers only: what single-cell groups hold drops out of S altogether
                    loss[level as usize] += own - own * own / cells.mass[group];
                }
            }
        }
        loss
    }

    /// Solves for the columns; `goal` is the largest group mean to leave in each lane.
    pub(super) fn solve<const K: usize>(
        &self,
        columns: &[&mut [f64]],
        goal: &[f64; K],
        max_iter: usize,
        ticket: &Ticket,
    ) -> Result<Solved<K>, Failure> {
        let mut first = self.means::<K>(columns);
        let b = self.right_side(columns, &first);
        let (others, iterations) = self.conjugate_gradients(b, goal, max_iter, ticket)?;
        first.par_iter_mut().enumerate().for_each(|(group, mean)| {
            let mut sum = [0.0; K];
            for row in self.rows(group) {
                let weight = self.weight(row);
                for codes in &self.codes {
                    let x = &others[codes[row] as usize];
                    (0..K).for_each(|lane| sum[lane] += weight * x[lane]);
                }
            }
            (0..K).for_each(|lane| mean[lane] -= sum[lane] / self.mass[group]);
        });
        Ok(Solved { first, others, offsets: self.offsets.clone(), iterations })
    }

    fn means<const K: usize>(&self, columns: &[&mut [f64]]) -> Vec<[f64; K]> {
        (0..self.mass.len())
            .into_par_iter()
            .map(|group| {
                let mut sum = [0.0; K];
                for row in self.rows(group) {
                    let weight = self.weight(row);
                    for (sum, column) in sum.iter_mut().zip(columns) {
                        *sum += weight * column[row];
                    }
                }
                sum.map(|sum| sum / self.mass[group])
            })
            .collect()
    }

    fn right_side<const K: usize>(
        &self,
        columns: &[&mut [f64]],
        means: &[[f64; K]],
    ) -> Vec<[f64; K]> {
        let mut buffers = Buffers::new(self.m(), self.codes[0].len());
        buffers.scatter(means.len(), |group, out| {
            for row in self.rows(group) {
                let weight = self.weight(row);
                let mut gap = [0.0; K];
                for (lane, column) in columns.iter().enumerate() {
                    gap[lane] = weight * (column[row] - means[group][lane]);
                }
                for codes in &self.codes {
                    let slot = &mut out[codes[row] as usize];
                    (0..K).for_each(|lane| slot[lane] += gap[lane]);
                }
            }
        })
    }

    fn conjugate_gradients<const K: usize>(
        &self,
        mut r: Vec<[f64; K]>,
        goal: &[f64; K],
        max_iter: usize,
        ticket: &Ticket,
    ) -> Result<(Vec<[f64; K]>, usize), Failure> {
        let m = self.m();
        let mut x = vec![[0.0; K]; m];
        let mut buffers = Buffers::new(m, self.cells.weight.len());
        let scaled = |r: &[[f64; K]], level: usize| {
            let d = self.diagonal[level];
            r[level].map(|value| if d > 0.0 { value / d } else { 0.0 })
        };
        let mut p: Vec<[f64; K]> = (0..m).map(|level| scaled(&r, level)).collect();
        let mut rz = lanes_dot(&r, &p);
        for iteration in 0..=max_iter {
            if ticket.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let open = self.open(&r, goal);
            if open.iter().all(|open| !open) {
                return Ok((x, iteration));
            }
            if iteration == max_iter {
                break;
            }
            ticket.advance(1);
            if iteration == PATIENCE && self.finish(&r, &mut x) {
                return Ok((x, iteration + 1));
            }
            let sp = self.apply(&p, &mut buffers);
            let psp = lanes_dot(&p, &sp);
            let mut alpha = [0.0; K];
            for lane in 0..K {
                if open[lane] && psp[lane] > 0.0 {
                    alpha[lane] = rz[lane] / psp[lane];
                }
            }
            for level in 0..m {
                for lane in 0..K {
                    x[level][lane] += alpha[lane] * p[level][lane];
                    r[level][lane] -= alpha[lane] * sp[level][lane];
                }
            }
            let z: Vec<[f64; K]> = (0..m).map(|level| scaled(&r, level)).collect();
            let next = lanes_dot(&r, &z);
            for level in 0..m {
                for lane in 0..K {
                    let beta = if rz[lane] > 0.0 { next[lane] / rz[lane] } else { 0.0 };
                    p[level][lane] = z[level][lane] + beta * p[level][lane];
                }
            }
            rz = next;
        }
        let left = self.largest_mean(&r).into_iter().fold(0.0, f64::max);
        Err(Failure::NotConverged(Outcome { iterations: max_iter, left }))
    }

    fn largest_mean<const K: usize>(&self, r: &[[f64; K]]) -> [f64; K] {
        let mut largest = [0.0_f64; K];
        for (lanes, mass) in r.iter().zip(&self.other_mass) {
            for lane in 0..K {
                largest[lane] = largest[lane].max(lanes[lane].abs() / mass);
            }
        }
        largest
    }

    fn open<const K: usize>(&self, r: &[[f64; K]], goal: &[f64; K]) -> [bool; K] {
        let largest = self.largest_mean(r);
        let mut open = [false; K];
        for lane in 0..K {
            open[lane] = largest[lane] > goal[lane];
        }
        open
    }

    /// S p.
    fn apply<const K: usize>(&self, p: &[[f64; K]], buffers: &mut Buffers<K>) -> Vec<[f64; K]> {
        let cells = &self.cells;
        buffers.scatter(cells.mass.len(), |group, out| {
            let range = cells.starts[group] as usize..cells.starts[group + 1] as usize;
            let mut mean = [0.0; K];
            for cell in range.clone() {
                for &level in cells.of(cell) {
                    let x = &p[level as usize];
                    (0..K).for_each(|lane| mean[lane] += cells.weight[cell] * x[lane]);
                }
            }
            let share = 1.0 / cells.mass[group];
            for mean in &mut mean {
                *mean *= share;
            }
            for cell in range {
                let mut gap = [0.0; K];
                for &level in cells.of(cell) {
                    let x = &p[level as usize];
                    (0..K).for_each(|lane| gap[lane] += x[lane]);
                }
                for lane in 0..K {
                    gap[lane] = cells.weight[cell] * (gap[lane] - mean[lane]);
                }
                for &level in cells.of(cell) {
                    let slot = &mut out[level as usize];
                    (0..K).for_each(|lane| slot[lane] += gap[lane]);
                }
            }
        })
    }

    /// Adds the exact solution of S d = r to x, if a factor of S is affordable.
    fn finish<const K: usize>(&self, r: &[[f64; K]], x: &mut [[f64; K]]) -> bool {
        if self.m() <= DENSE {
            self.finish_dense(r, x);
            return true;
        }
        let Some(factor) = self.sparse().and_then(|rows| Envelope::new(&rows)) else {
            return false;
        };
        for lane in 0..K {
            let mut b: Vec<f64> = r.iter().map(|lanes| lanes[lane]).collect();
            factor.solve(&mut b);
            for (x, b) in x.iter_mut().zip(b) {
                x[lane] += b;
            }
        }
        true
    }

    /// S row by row; `None` when groups have so many cells that it would be large.
    fn sparse(&self) -> Option<Rows> {
        let cells = &self.cells;
        let sizes = cells.starts.windows(2).map(|pair| (pair[1] - pair[0]) as usize * cells.width);
        let pairs: usize = sizes.map(|size| size * size).sum();
        if pairs > SPARSE || pairs > 30 * cells.weight.len() * cells.width {
            return None;
        }
        let mut entries: Vec<(u32, u32, f64)> = Vec::with_capacity(pairs);
        for group in 0..cells.mass.len() {
            let range = cells.starts[group] as usize..cells.starts[group + 1] as usize;
            for cell in range.clone() {
                let share = cells.weight[cell] / cells.mass[group];
                for &a in cells.of(cell) {
                    for &b in cells.of(cell) {
                        entries.push((a, b, cells.weight[cell]));
                    }
                    for other in range.clone() {
                        for &b in cells.of(other) {
                            entries.push((a, b, -share * cells.weight[other]));
                        }
                    }
                }
            }
        }
        entries.sort_by_key(|&(a, b, _)| (a, b));
        let mut rows =
            Rows { starts: vec![0; self.m() + 1], columns: Vec::new(), values: Vec::new() };
        let mut previous = None;
        for (a, b, value) in entries {
            if previous == Some((a, b)) {
                if let Some(sum) = rows.values.last_mut() {
                    *sum += value;
                }
            } else {
                rows.starts[a as usize + 1] += 1;
                rows.columns.push(b);
                rows.values.push(value);
            }
            previous = Some((a, b));
        }
        for level in 0..self.m() {
            rows.starts[level + 1] += rows.starts[level];
        }
        Some(rows)
    }

    /// Adds the exact solution of S d = r to x.
    fn finish_dense<const K: usize>(&self, r: &[[f64; K]], x: &mut [[f64; K]]) {
        let (m, cells) = (self.m(), &self.cells);
        let mut s = vec![0.0; m * m];
        for group in 0..cells.mass.len() {
            let range = cells.starts[group] as usize..cells.starts[group + 1] as usize;
            for cell in range.clone() {
                for &a in cells.of(cell) {
                    let row = &mut s[a as usize * m..(a as usize + 1) * m];
                    for &b in cells.of(cell) {
                        row[b as usize] += cells.weight[cell];
                    }
                    let share = cells.weight[cell] / cells.mass[group];
                    for other in range.clone() {
                        for &b in cells.of(other) {
                            row[b as usize] -= share * cells.weight[other];
                        }
                    }
                }
            }
        }
        let factor = Semidefinite::new(s, m);
        for lane in 0..K {
            let mut b: Vec<f64> = r.iter().map(|lanes| lanes[lane]).collect();
            factor.solve(&mut b);
            for (x, b) in x.iter_mut().zip(b) {
                x[lane] += b;
            }
        }
    }
}

impl Cells {
    fn of(&self, cell: usize) -> &[u32] {
        &self.levels[cell * self.width..(cell + 1) * self.width]
    }
}

/// One buffer a chunk, reused; chunks follow from the sizes alone.
struct Buffers<const K: usize> {
    parts: Vec<Vec<[f64; K]>>,
}

impl<const K: usize> Buffers<K> {
    fn new(m: usize, work: usize) -> Self {
        let parts = if work < 8192 { 1 } else { (work / m.max(1)).clamp(2, 16) };
        Self { parts: vec![vec![[0.0; K]; m]; parts] }
    }

    /// Runs `f` over units, chunk by chunk into the buffers, and adds these in order.
    fn scatter(
        &mut self,
        units: usize,
        f: impl Fn(usize, &mut [[f64; K]]) + Sync,
    ) -> Vec<[f64; K]> {
        let step = units.div_ceil(self.parts.len()).max(1);
        self.parts.par_iter_mut().enumerate().for_each(|(part, out)| {
            out.fill([0.0; K]);
            for unit in part * step..((part + 1) * step).min(units) {
                f(unit, out);
            }
        });
        let mut total = self.parts[0].clone();
        for part in &self.parts[1..] {
            for (total, part) in total.iter_mut().zip(part) {
                (0..K).for_each(|lane| total[lane] += part[lane]);
            }
        }
        total
    }
}

fn lanes_dot<const K: usize>(a: &[[f64; K]], b: &[[f64; K]]) -> [f64; K] {
    let mut sums = [0.0; K];
    for (a, b) in a.iter().zip(b) {
        (0..K).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums
}

/// Rows in group order (`None` when they stand so already) and where each group starts.
fn group_rows(set: Groups<'_>) -> (Option<Vec<u32>>, Vec<u32>) {
    let mut starts = vec![0_u32; set.n + 1];
    for &code in set.codes {
        starts[code as usize + 1] += 1;
    }
    for group in 0..set.n {
        starts[group + 1] += starts[group];
    }
    if set.codes.is_sorted() {
        return (None, starts);
    }
    let mut next = starts.clone();
    let mut order = vec![0_u32; set.codes.len()];
    for (row, &code) in set.codes.iter().enumerate() {
        let slot = &mut next[code as usize];
        order[*slot as usize] = row as u32;
        *slot += 1;
    }
    (Some(order), starts)
}
