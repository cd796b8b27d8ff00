//! The system that remains when the largest set of groups is eliminated, and its solution.

use super::border::Border;
use super::cells::{self, Cells};
use super::eliminate::Elimination;
use super::graph::{Graph, Transposed};
use super::rows::{Centred, Rows};
use super::{Failure, Outcome};
use crate::data::Ticket;
use crate::math::linalg::Semidefinite;
use rayon::prelude::*;

/// Steps after which it is asked whether a factor pays.
const ASK: [usize; 4] = [4, 10, 25, 60];
/// The largest system of several big sets that is factorised densely.
const DENSE: usize = 1500;

pub(super) struct Reduced {
    /// Levels of the big sets, and where each of these sets starts.
    m: usize,
    offsets: Vec<usize>,
    /// Weights of the big levels.
    mass: Vec<f64>,
    cells: Cells,
    border: Option<Border>,
    diagonal: Vec<f64>,
    graph: Option<Graph>,
    factor: Option<Factor>,
    /// Whether the factor is one of other weights: it preconditions, and is made anew where that is
    /// slow.
    stale: bool,
    /// Whether a factor was found too dear.
    refused: bool,
}

pub(super) enum Factor {
    /// Set by set.
    Graphs(Vec<Elimination>),
    /// All big levels together.
    Dense(Semidefinite),
}

/// Coefficients of all sets but the first, lane by lane.
pub(super) struct Solved<const K: usize> {
    pub(super) others: Vec<[f64; K]>,
    pub(super) iterations: usize,
}

/// Conjugate gradients at work.
struct State<const K: usize> {
    x: Vec<[f64; K]>,
    r: Vec<[f64; K]>,
    z: Vec<[f64; K]>,
    p: Vec<[f64; K]>,
    rz: [f64; K],
    /// Largest group mean left, in goals.
    left: [f64; K],
}

impl Reduced {
    /// The system of `rows`, the first `big` of the other sets being big.
    pub(super) fn new(rows: &Rows<'_>, big: usize) -> Self {
        let (cells, border) = cells::make(rows, big);
        let m = rows.offsets.get(big).copied().unwrap_or(rows.other_mass.len());
        let diagonal = diagonal(&cells, m);
        Self {
            m,
            offsets: rows.offsets[..big].to_vec(),
            mass: rows.other_mass[..m].to_vec(),
            cells,
            border,
            diagonal,
            graph: None,
            factor: None,
            stale: false,
            refused: false,
        }
    }

    /// Takes over the weights of `rows`. The cells stay as they are; so does a factor, as one of
    /// other weights.
    pub(super) fn reweigh(&mut self, rows: &Rows<'_>, big: usize) {
        if self.cells.moved {
            (self.cells, self.border) = cells::make(rows, big);
        } else {
            self.border = cells::reweigh(rows, big, &mut self.cells);
        }
        self.mass.copy_from_slice(&rows.other_mass[..self.m]);
        self.graph = None;
        self.stale = self.factor.is_some();
        self.refused = false;
        if self.factor.is_none() {
            self.diagonal = diagonal(&self.cells, self.m);
        }
    }

    /// Solves for centred columns; `goal` is the largest group mean to leave in each lane. A
    /// failure tells what is left in goals.
    pub(super) fn solve<const K: usize>(
        &mut self,
        centred: &Centred<K>,
        goal: &[f64; K],
        max_iter: usize,
        ticket: &Ticket,
    ) -> Result<Solved<K>, Failure> {
        if max_iter == 0 {
            return Err(Failure::NotConverged(Outcome { iterations: 0, left: f64::INFINITY }));
        }
        let (m, sums) = (self.m, &centred.sums);
        let mut r = sums[..m].to_vec();
        let mut small = sums[m..].to_vec();
        if let Some(border) = &self.border {
            border.solve(&mut small);
            border.up(&small, &mut r);
        }
        let (mut others, iterations) = self.conjugate_gradients(r, goal, max_iter, ticket)?;
        if let Some(border) = &self.border {
            let mut shift = border.down(&others);
            border.solve(&mut shift);
            for (small, shift) in small.iter_mut().zip(shift) {
                (0..K).for_each(|lane| small[lane] -= shift[lane]);
            }
        }
        others.extend(small);
        Ok(Solved { others, iterations })
    }

    fn conjugate_gradients<const K: usize>(
        &mut self,
        r: Vec<[f64; K]>,
        goal: &[f64; K],
        max_iter: usize,
        ticket: &Ticket,
    ) -> Result<(Vec<[f64; K]>, usize), Failure> {
        let m = self.m;
        let zero = || vec![[0.0; K]; m];
        let mut state = State { x: zero(), r, z: zero(), p: zero(), rz: [0.0; K], left: [0.0; K] };
        self.measure(&mut state, goal);
        let start = worst(&state.left);
        let mut buffers = Buffers::new(m, self.cells.weight.len());
        let mut fresh = true;
        for iteration in 0..=max_iter {
            if ticket.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            if worst(&state.left) <= 1.0 {
                return Ok((state.x, iteration));
            }
            if iteration == max_iter {
                break;
            }
            ticket.advance(1);
            if ASK.contains(&iteration) {
                let gain = start / worst(&state.left);
                fresh = self.prepare(gain, iteration, &state, ticket);
                if ticket.is_cancelled() {
                    return Err(Failure::Cancelled);
                }
            }
            self.precondition(&mut state, fresh);
            fresh = false;
            self.step(&mut state, goal, &mut buffers);
        }
        let left = worst(&state.left);
        Err(Failure::NotConverged(Outcome { iterations: max_iter, left }))
    }

    /// Largest group means in goals.
    fn measure<const K: usize>(&self, state: &mut State<K>, goal: &[f64; K]) {
        let mut largest = [0.0_f64; K];
        for (lanes, mass) in state.r.iter().zip(&self.mass) {
            let share = 1.0 / mass;
            for lane in 0..K {
                largest[lane] = largest[lane].max(lanes[lane].abs() * share);
            }
        }
        for lane in 0..K {
            state.left[lane] = if largest[lane] > 0.0 { largest[lane] / goal[lane] } else { 0.0 };
        }
    }

    /// The next direction.
    fn precondition<const K: usize>(&self, state: &mut State<K>, fresh: bool) {
        let State { r, z, p, rz, .. } = state;
        match &self.factor {
            None => {
                for ((z, r), d) in z.iter_mut().zip(r.iter()).zip(&self.diagonal) {
                    let share = if *d > 0.0 { 1.0 / d } else { 0.0 };
                    (0..K).for_each(|lane| z[lane] = r[lane] * share);
                }
            }
            Some(Factor::Graphs(factors)) => {
                for (set, factor) in factors.iter().enumerate() {
                    let range = self.range(set);
                    factor.solve(&r[range.clone()], &mut z[range]);
                }
            }
            Some(Factor::Dense(factor)) => {
                let mut own = vec![0.0; self.m];
                for lane in 0..K {
                    own.iter_mut().zip(r.iter()).for_each(|(own, r)| *own = r[lane]);
                    factor.solve(&mut own);
                    own.iter().zip(z.iter_mut()).for_each(|(own, z)| z[lane] = *own);
                }
            }
        }
        let next = lanes_dot(r, z);
        let mut beta = [0.0; K];
        for lane in 0..K {
            beta[lane] = if rz[lane] > 0.0 && !fresh { next[lane] / rz[lane] } else { 0.0 };
        }
        for (p, z) in p.iter_mut().zip(z.iter()) {
            (0..K).for_each(|lane| p[lane] = z[lane] + beta[lane] * p[lane]);
        }
        *rz = next;
    }

    /// One step along the direction.
    fn step<const K: usize>(
        &self,
        state: &mut State<K>,
        goal: &[f64; K],
        buffers: &mut Buffers<K>,
    ) {
        let sp = self.apply(&state.p, buffers);
        let psp = lanes_dot(&state.p, &sp);
        let mut alpha = [0.0; K];
        for lane in 0..K {
            if state.left[lane] > 1.0 && psp[lane] > 0.0 {
                alpha[lane] = state.rz[lane] / psp[lane];
            }
        }
        for (((x, r), p), sp) in state.x.iter_mut().zip(&mut state.r).zip(&state.p).zip(&sp) {
            for lane in 0..K {
                x[lane] += alpha[lane] * p[lane];
                r[lane] -= alpha[lane] * sp[lane];
            }
        }
        self.measure(state, goal);
    }

    /// The system times p.
    fn apply<const K: usize>(&self, p: &[[f64; K]], buffers: &mut Buffers<K>) -> Vec<[f64; K]> {
        let mut out = match &self.graph {
            Some(graph) => {
                let mut out = vec![[0.0; K]; self.m];
                (0..self.m).for_each(|level| graph.apply(level, p, &mut out));
                out
            }
            None if self.cells.width == 1 => {
                buffers.scatter(self.cells.groups(), |group, out| self.apply_one(group, p, out))
            }
            None => {
                buffers.scatter(self.cells.groups(), |group, out| self.apply_many(group, p, out))
            }
        };
        if let Some(border) = &self.border {
            let mut small = border.down(p);
            border.solve(&mut small);
            border.up(&small, &mut out);
        }
        out
    }

    #[inline]
    fn apply_one<const K: usize>(&self, group: usize, p: &[[f64; K]], out: &mut [[f64; K]]) {
        let range = self.cells.range(group);
        let (levels, weights) = (&self.cells.levels[range.clone()], &self.cells.weight[range]);
        let mut mean = [0.0; K];
        for (&level, weight) in levels.iter().zip(weights) {
            let x = &p[level as usize];
            (0..K).for_each(|lane| mean[lane] += weight * x[lane]);
        }
        let share = self.cells.share[group];
        for mean in &mut mean {
            *mean *= share;
        }
        for (&level, weight) in levels.iter().zip(weights) {
            let (x, slot) = (&p[level as usize], &mut out[level as usize]);
            (0..K).for_each(|lane| slot[lane] += weight * (x[lane] - mean[lane]));
        }
    }

    #[inline]
    fn apply_many<const K: usize>(&self, group: usize, p: &[[f64; K]], out: &mut [[f64; K]]) {
        let cells = &self.cells;
        let mut mean = [0.0; K];
        for cell in cells.range(group) {
            for &level in cells.of(cell) {
                let x = &p[level as usize];
                (0..K).for_each(|lane| mean[lane] += cells.weight[cell] * x[lane]);
            }
        }
        for mean in &mut mean {
            *mean *= cells.share[group];
        }
        for cell in cells.range(group) {
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
    }

    fn range(&self, set: usize) -> std::ops::Range<usize> {
        self.offsets[set]..self.offsets.get(set + 1).copied().unwrap_or(self.m)
    }

    /// Whether a factor was made: when the steps still to be expected cost more than it does.
    fn prepare<const K: usize>(
        &mut self,
        gain: f64,
        done: usize,
        state: &State<K>,
        ticket: &Ticket,
    ) -> bool {
        if self.refused || (self.factor.is_some() && !self.stale) {
            return false;
        }
        let rate = gain.max(1.0).ln() / done as f64;
        let expected = (worst(&state.left).ln() / rate.max(1e-3)).max(1.0);
        let cells = self.cells.weight.len();
        let step = (cells * (2 + K) + 4 * K * self.m) as f64;
        let pairs = self.cells.pairs();
        let cost = (3 * pairs + 40 * cells) as f64;
        if expected < 8.0 || expected * step < cost {
            return false;
        }
        if self.cells.width > 1 {
            let old = self.factor.take();
            let made = self.prepare_many(ticket);
            self.stale &= !made;
            self.factor = self.factor.take().or(old);
            return made;
        }
        if self.graph.is_none() {
            self.cells.sort();
            let transposed = Transposed::new(&self.cells, 0, 0, self.m);
            let edges = transposed.guess().min(pairs);
            // what an edge costs to eliminate, and in some steps with the factor
            let factor = edges * 140 + 8 * edges * (6 + 4 * K);
            if (factor + 3 * pairs) as f64 > expected * step {
                self.refused = done == ASK[ASK.len() - 1];
                return false;
            }
            self.graph = Some(transposed.graph());
        }
        if let Some(graph) = &self.graph {
            self.factor = Some(Factor::Graphs(vec![Elimination::new(graph, ticket)]));
            self.stale = false;
        }
        !self.stale
    }

    /// Several big sets: one dense factor when they are small, else each set by itself.
    fn prepare_many(&mut self, ticket: &Ticket) -> bool {
        if self.m <= DENSE {
            self.factor = Some(Factor::Dense(self.dense()));
            return true;
        }
        let sets: Vec<usize> = (0..self.offsets.len()).collect();
        let factors = sets.par_iter().map(|&set| {
            let range = self.range(set);
            let transposed = Transposed::new(&self.cells, set, range.start as u32, range.len());
            let edges = transposed.guess();
            (edges < 20 * self.cells.weight.len())
                .then(|| Elimination::new(&transposed.graph(), ticket))
        });
        self.factor = factors.collect::<Option<Vec<Elimination>>>().map(Factor::Graphs);
        self.refused = self.factor.is_none();
        !self.refused
    }

    /// The system of the big levels as a dense matrix, factorised.
    fn dense(&self) -> Semidefinite {
        let (m, cells) = (self.m, &self.cells);
        let mut s = vec![0.0; m * m];
        for group in 0..cells.groups() {
            for cell in cells.range(group) {
                let share = cells.weight[cell] * cells.share[group];
                for &a in cells.of(cell) {
                    let row = &mut s[a as usize * m..(a as usize + 1) * m];
                    for &b in cells.of(cell) {
                        row[b as usize] += cells.weight[cell];
                    }
                    for other in cells.range(group) {
                        for &b in cells.of(other) {
                            row[b as usize] -= share * cells.weight[other];
                        }
                    }
                }
            }
        }
        Semidefinite::new(s, m)
    }
}

/// The diagonal over big levels, of what groups with several cells hold; a level that comes back in a
/// group counts as several, which is near enough for a preconditioner.
fn diagonal(cells: &Cells, m: usize) -> Vec<f64> {
    let mut diagonal = vec![0.0; m];
    for (group, &share) in cells.share.iter().enumerate() {
        let range = cells.range(group);
        let levels = cells.levels[range.start * cells.width..range.end * cells.width]
            .chunks_exact(cells.width);
        for (levels, &weight) in levels.zip(&cells.weight[range]) {
            let own = weight - weight * weight * share;
            for &level in levels {
                diagonal[level as usize] += own;
            }
        }
    }
    diagonal
}

fn worst(left: &[f64]) -> f64 {
    left.iter().fold(0.0_f64, |most, left| most.max(*left))
}

/// One buffer a chunk, reused; chunks follow from the sizes alone.
struct Buffers<const K: usize> {
    parts: Vec<Vec<[f64; K]>>,
}

impl<const K: usize> Buffers<K> {
    fn new(m: usize, work: usize) -> Self {
        let parts = if work < 8192 { 1 } else { (work / (2 * m).max(1)).clamp(2, 4) };
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
