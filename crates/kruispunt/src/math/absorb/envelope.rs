//! Exact solution of a sparse semidefinite system by a Cholesky factor within its envelope.
//!
//! Levels are numbered by reverse Cuthill-McKee (George & Liu 1981, *Computer Solution of Large
//! Sparse Positive Definite Systems*, ch. 4), which gathers long thin graphs, where conjugate
//! gradients are slow, into a narrow band. Where the band would be wide the factor is not made.

use crate::math::crossprod::dot;

/// Numbers a factor may hold.
const ROOM: usize = 40_000_000;
/// Multiplications it may cost.
const WORK: f64 = 4e9;

/// Rows of a symmetric matrix: sorted columns and their values, diagonal included.
pub(super) struct Rows {
    pub(super) starts: Vec<usize>,
    pub(super) columns: Vec<u32>,
    pub(super) values: Vec<f64>,
}

impl Rows {
    fn n(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        range.map(|at| (self.columns[at] as usize, self.values[at]))
    }

    fn degree(&self, row: usize) -> usize {
        self.starts[row + 1] - self.starts[row]
    }
}

/// A lower factor, stored row by row from its first column that is not 0.
pub(super) struct Envelope {
    /// The place of each level in the new order.
    place: Vec<usize>,
    first: Vec<usize>,
    starts: Vec<usize>,
    lower: Vec<f64>,
    free: Vec<bool>,
}

impl Envelope {
    /// The factor; `None` when it would be too large.
    pub(super) fn new(rows: &Rows) -> Option<Self> {
        let n = rows.n();
        let order = thin_order(rows);
        let mut place = vec![0; n];
        for (at, &level) in order.iter().enumerate() {
            place[level] = at;
        }
        let first: Vec<usize> = order
            .iter()
            .enumerate()
            .map(|(at, &level)| rows.of(level).map(|(j, _)| place[j]).min().unwrap_or(at).min(at))
            .collect();
        let mut starts = vec![0];
        let (mut room, mut work) = (0_usize, 0.0);
        for (at, &from) in first.iter().enumerate() {
            let width = at - from + 1;
            room += width;
            work += (width as f64).powi(2);
            starts.push(room);
        }
        if room > ROOM || work > WORK {
            return None;
        }
        let mut lower = vec![0.0; room];
        for (at, &level) in order.iter().enumerate() {
            for (j, value) in rows.of(level) {
                if place[j] <= at {
                    lower[starts[at] + place[j] - first[at]] += value;
                }
            }
        }
        let mut this = Self { place, first, starts, lower, free: vec![false; n] };
        this.factorise();
        Some(this)
    }

    fn factorise(&mut self) {
        for i in 0..self.free.len() {
            let (before, rest) = self.lower.split_at_mut(self.starts[i]);
            let row = &mut rest[..self.starts[i + 1] - self.starts[i]];
            let (from, last) = (self.first[i], row.len() - 1);
            let start = row[last];
            for j in from..i {
                let other = &before[self.starts[j]..self.starts[j + 1]];
                let shared = from.max(self.first[j]);
                let done = dot(
                    &row[shared - from..j - from],
                    &other[shared - self.first[j]..other.len() - 1],
                );
                let at = j - from;
                row[at] =
                    if self.free[j] { 0.0 } else { (row[at] - done) / other[other.len() - 1] };
            }
            let own = start - dot(&row[..last], &row[..last]);
            self.free[i] = own <= 1e-11 * start || start <= 0.0;
            row[last] = if self.free[i] { 1.0 } else { own.sqrt() };
            if self.free[i] {
                row[..last].fill(0.0);
            }
        }
    }

    /// One solution of A x = b, for consistent b, in place.
    pub(super) fn solve(&self, b: &mut [f64]) {
        let n = b.len();
        let mut x = vec![0.0; n];
        for (level, value) in b.iter().enumerate() {
            x[self.place[level]] = *value;
        }
        let row = |i: usize| &self.lower[self.starts[i]..self.starts[i + 1]];
        for i in 0..n {
            let own = row(i);
            let last = own.len() - 1;
            let done = dot(&own[..last], &x[self.first[i]..i]);
            x[i] = if self.free[i] { 0.0 } else { (x[i] - done) / own[last] };
        }
        for i in (0..n).rev() {
            let own = row(i);
            let last = own.len() - 1;
            if self.free[i] {
                x[i] = 0.0;
                continue;
            }
            x[i] /= own[last];
            let value = x[i];
            for (x, l) in x[self.first[i]..i].iter_mut().zip(own) {
                *x -= l * value;
            }
        }
        for (level, value) in b.iter_mut().enumerate() {
            *value = x[self.place[level]];
        }
    }
}

/// Reverse Cuthill-McKee, component by component, each from a level far out.
fn thin_order(rows: &Rows) -> Vec<usize> {
    let n = rows.n();
    let mut seen = vec![false; n];
    let mut order = Vec::with_capacity(n);
    let mut by_degree: Vec<usize> = (0..n).collect();
    by_degree.sort_by_key(|&level| (rows.degree(level), level));
    for &level in &by_degree {
        if seen[level] {
            continue;
        }
        let mut start = level;
        for _ in 0..2 {
            let mut visited = Vec::new();
            walk(rows, start, &mut seen, &mut visited);
            for &level in &visited {
                seen[level] = false;
            }
            start = visited.last().copied().unwrap_or(start);
        }
        walk(rows, start, &mut seen, &mut order);
    }
    order.reverse();
    order
}

/// Breadth first, neighbours by degree.
fn walk(rows: &Rows, start: usize, seen: &mut [bool], order: &mut Vec<usize>) {
    let mut next = order.len();
    seen[start] = true;
    order.push(start);
    while next < order.len() {
        let from = order.len();
        for (j, _) in rows.of(order[next]) {
            if !seen[j] {
                seen[j] = true;
                order.push(j);
            }
        }
        order[from..].sort_by_key(|&level| (rows.degree(level), level));
        next += 1;
    }
}
