//! The reduced system of one big set as a graph: levels that share an eliminated group are joined.

use super::cells::Cells;
use rayon::prelude::*;

/// Levels from which the number of edges is guessed.
const SAMPLE: usize = 64;
/// Parts in which edges are made.
const PARTS: usize = 8;

/// Edges `a < b` with their conductance `sum over groups of w_a w_b / w`, those of `a` together.
pub(super) struct Graph {
    pub(super) starts: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) conductance: Vec<f64>,
}

/// Where each level has its cells; cells of a group stand in the order of their levels.
pub(super) struct Transposed<'c> {
    cells: &'c Cells,
    m: usize,
    /// Which of the sets of a cell.
    set: usize,
    from: u32,
    starts: Vec<u32>,
    /// A cell and its group.
    places: Vec<(u32, u32)>,
}

impl Cells {
    /// Sorts the cells of each group by level (one big set).
    pub(super) fn sort(&mut self) {
        let mut own: Vec<(u32, f64)> = Vec::new();
        for group in 0..self.groups() {
            let range = self.range(group);
            if self.levels[range.clone()].is_sorted() {
                continue;
            }
            self.moved = true;
            own.clear();
            own.extend(range.clone().map(|cell| (self.levels[cell], self.weight[cell])));
            own.sort_by_key(|cell| cell.0);
            for (cell, (level, weight)) in range.zip(&own) {
                self.levels[cell] = *level;
                self.weight[cell] = *weight;
            }
        }
    }

    /// Pairs of cells of one group: what it costs to make the graph.
    pub(super) fn pairs(&self) -> usize {
        let size = |pair: &[u32]| (pair[1] - pair[0]) as usize;
        self.starts.windows(2).map(|pair| size(pair) * (size(pair) - 1) / 2).sum()
    }
}

impl<'c> Transposed<'c> {
    /// Of the levels `from..from + m`, those of the cells' set number `set`.
    pub(super) fn new(cells: &'c Cells, set: usize, from: u32, m: usize) -> Self {
        let mut starts = vec![0_u32; m + 1];
        let width = cells.width;
        for level in cells.levels.iter().skip(set).step_by(width) {
            starts[(level - from) as usize + 1] += 1;
        }
        for level in 0..m {
            starts[level + 1] += starts[level];
        }
        let mut next = starts.clone();
        let mut places = vec![(0, 0); cells.weight.len()];
        for group in 0..cells.groups() {
            for cell in cells.range(group) {
                let slot = &mut next[(cells.levels[cell * width + set] - from) as usize];
                places[*slot as usize] = (cell as u32, group as u32);
                *slot += 1;
            }
        }
        Self { cells, m, set, from, starts, places }
    }

    /// Adds up the edges from `level` in `sums`; `touched` lists their other ends.
    fn edges(&self, level: usize, sums: &mut [f64], touched: &mut Vec<u32>) {
        let cells = self.cells;
        let sorted = cells.width == 1;
        let range = self.starts[level] as usize..self.starts[level + 1] as usize;
        for &(cell, group) in &self.places[range] {
            let own = cells.weight[cell as usize] * cells.share[group as usize];
            let all = cells.range(group as usize);
            let others = if sorted { cell as usize + 1..all.end } else { all };
            for other in others {
                let to = cells.levels[other * cells.width + self.set] - self.from;
                if to as usize <= level {
                    continue;
                }
                let slot = &mut sums[to as usize];
                if *slot == 0.0 {
                    touched.push(to);
                }
                *slot += own * cells.weight[other];
            }
        }
    }

    /// About how many edges there will be.
    pub(super) fn guess(&self) -> usize {
        let mut sums = vec![0.0; self.m];
        let mut touched = Vec::new();
        let (mut found, mut looked) = (0, 0);
        for level in (0..self.m).step_by((self.m / SAMPLE).max(1)) {
            self.edges(level, &mut sums, &mut touched);
            found += touched.len();
            looked += 1;
            touched.drain(..).for_each(|to| sums[to as usize] = 0.0);
        }
        found * self.m / looked.max(1)
    }

    pub(super) fn graph(&self) -> Graph {
        // Parts of about equally many cells; early levels have more edges ahead of them.
        let bound = |part: usize| -> usize {
            let place = (self.places.len() * part / PARTS) as u32;
            if part == PARTS {
                self.m
            } else {
                self.starts[..self.m].partition_point(|&s| s < place)
            }
        };
        let parts: Vec<Graph> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![0.0; self.m];
                let mut touched = Vec::new();
                let mut graph =
                    Graph { starts: Vec::new(), to: Vec::new(), conductance: Vec::new() };
                for level in bound(part)..bound(part + 1) {
                    self.edges(level, &mut sums, &mut touched);
                    touched.sort_unstable();
                    for to in touched.drain(..) {
                        graph.to.push(to);
                        graph.conductance.push(std::mem::take(&mut sums[to as usize]));
                    }
                    graph.starts.push(graph.to.len() as u32);
                }
                graph
            })
            .collect();
        let mut all = Graph { starts: vec![0], to: Vec::new(), conductance: Vec::new() };
        for part in parts {
            let before = all.to.len() as u32;
            all.starts.extend(part.starts.iter().map(|end| end + before));
            all.to.extend(part.to);
            all.conductance.extend(part.conductance);
        }
        all
    }
}

impl Graph {
    pub(super) fn m(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn edges(&self, level: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[level] as usize..self.starts[level + 1] as usize;
        self.to[range.clone()].iter().copied().zip(self.conductance[range].iter().copied())
    }

    /// Adds what the edges from `level` give to `out`.
    #[inline]
    pub(super) fn apply<const K: usize>(&self, level: usize, p: &[[f64; K]], out: &mut [[f64; K]]) {
        let own = &p[level];
        let mut sum = [0.0; K];
        for (to, conductance) in self.edges(level) {
            let (x, slot) = (&p[to as usize], &mut out[to as usize]);
            for lane in 0..K {
                let flow = conductance * (own[lane] - x[lane]);
                sum[lane] += flow;
                slot[lane] -= flow;
            }
        }
        let slot = &mut out[level];
        (0..K).for_each(|lane| slot[lane] += sum[lane]);
    }
}
