//! Cells and border made group by group.

use super::cells::Cells;
use super::rows::Rows;
use std::ops::Range;

/// One part of the groups while cells and border are made.
///
/// A group's weights by small level are `c = beta 1 + e`: where most levels of the first small set
/// occur once, as in a panel with few gaps, beta is 1 and e has what is missing or more; else beta
/// is 0. What 1 gives is added up apart and put in at the end, so that a group costs what e costs.
pub(super) struct Maker<'m> {
    rows: &'m Rows<'m>,
    big: usize,
    /// Big levels, small ones, and those of the first small set.
    pub(super) m: usize,
    pub(super) t: usize,
    base: usize,
    merge: bool,
    pub(super) cross: Vec<f64>,
    /// What `-beta 1` gives to each row of `cross`.
    pending: Vec<f64>,
    pub(super) square: Vec<f64>,
    /// Sums of `beta beta` and `beta e` over groups, per weight.
    base_square: f64,
    base_rest: Vec<f64>,
    /// Of the group at hand: levels by set and row, weights by row, runs of one big level, weights
    /// by small level and the levels that have some, beta and e, whether most small levels occur.
    levels: Vec<u32>,
    weights: Vec<f64>,
    runs: Vec<(u32, f64)>,
    counts: Vec<f64>,
    seen: Vec<u32>,
    beta: f64,
    rest: Vec<(u32, f64)>,
    dense: bool,
    /// Weights by small level of groups whose squares wait to be taken, and one over their weights.
    waiting: Vec<f64>,
    shares: [f64; TOGETHER],
}

/// Groups whose squares are taken together.
const TOGETHER: usize = 4;

/// The cells of a part of the groups under other weights.
pub(super) struct Part<'c> {
    pub(super) groups: Range<usize>,
    pub(super) group: &'c [u32],
    pub(super) starts: &'c [u32],
    pub(super) levels: &'c [u32],
    pub(super) weight: &'c mut [f64],
    pub(super) share: &'c mut [f64],
}

impl<'m> Maker<'m> {
    pub(super) fn new(rows: &'m Rows<'m>, big: usize, merge: bool) -> Self {
        let m = rows.offsets.get(big).copied().unwrap_or(rows.other_mass.len());
        let t = rows.other_mass.len() - m;
        Self {
            rows,
            big,
            m,
            t,
            base: rows.sets.get(1 + big).map_or(0, |set| set.n),
            merge,
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
            dense: false,
            waiting: Vec::with_capacity(TOGETHER * t),
            shares: [0.0; TOGETHER],
        }
    }

    /// Makes the cells of a group.
    #[inline]
    pub(super) fn group(&mut self, group: usize, cells: &mut Cells) {
        let (size, share) = self.open(group);
        let first = cells.weight.len();
        match self.big {
            0 => {}
            1 => self.cells_of_one(cells),
            _ => self.cells_of_many(size, cells),
        }
        if cells.weight.len() > first {
            cells.share.push(share);
            cells.starts.push(cells.weight.len() as u32);
            cells.group.push(group as u32);
            if self.t > 0 {
                self.cross(&cells.levels[first * self.big..], &cells.weight[first..], size, share);
            }
        }
        self.close();
    }

    /// Gives the cells of a part of the groups their weights.
    #[inline]
    pub(super) fn again(&mut self, part: &mut Part<'_>) {
        let mut at = 0;
        for group in part.groups.clone() {
            let (size, share) = self.open(group);
            if part.group.get(at) == Some(&(group as u32)) {
                let first = (part.starts[at] - part.starts[0]) as usize;
                let range = first..(part.starts[at + 1] - part.starts[0]) as usize;
                let levels = &part.levels[range.start * self.big..range.end * self.big];
                let weight = &mut part.weight[range];
                self.refill(levels, size, weight);
                part.share[at] = share;
                if self.t > 0 {
                    self.cross(levels, weight, size, share);
                }
                at += 1;
            }
            self.close();
        }
    }

    /// Loads a group; gives its rows and one over its weight.
    #[inline]
    fn open(&mut self, group: usize) -> (usize, f64) {
        let range = self.rows.starts[group] as usize..self.rows.starts[group + 1] as usize;
        let (size, share) = (range.len(), 1.0 / self.rows.mass[group]);
        self.load(range);
        if self.t > 0 {
            self.count(size);
            self.square(share);
        }
        (size, share)
    }

    #[inline]
    fn close(&mut self) {
        if self.dense {
            self.counts.fill(0.0);
            return;
        }
        for level in self.seen.drain(..) {
            self.counts[level as usize] = 0.0;
        }
    }

    /// The weights of cells that stand as they were made.
    #[inline]
    fn refill(&self, levels: &[u32], size: usize, weight: &mut [f64]) {
        if weight.len() == size && (!self.merge || levels == &self.levels[..size]) {
            weight.copy_from_slice(&self.weights);
            return;
        }
        weight.fill(0.0);
        if self.merge {
            let sorted = levels.is_sorted();
            for (level, own) in self.levels[..size].iter().zip(&self.weights) {
                let at = if sorted {
                    levels.binary_search(level).ok()
                } else {
                    levels.iter().position(|other| other == level)
                };
                if let Some(at) = at {
                    weight[at] += own;
                }
            }
            return;
        }
        let mut at = 0;
        for (row, own) in self.weights.iter().enumerate() {
            let cell = &levels[at * self.big..(at + 1) * self.big];
            let same = |(set, level): (usize, &u32)| self.levels[set * size + row] == *level;
            if !cell.iter().enumerate().all(same) && at + 1 < weight.len() {
                at += 1;
            }
            weight[at] += own;
        }
    }

    /// The group's levels and weights, side by side; small levels count from 0.
    #[inline]
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

    /// The group's weights by small level: as they are where a group has many rows, else as beta and
    /// e.
    #[inline]
    fn count(&mut self, size: usize) {
        let t = self.t;
        let small = &self.levels[self.big * size..];
        for (set, levels) in small.chunks_exact(size).enumerate() {
            for others in small.chunks_exact(size).skip(set + 1) {
                for ((&level, &other), weight) in levels.iter().zip(others).zip(&self.weights) {
                    self.square[level as usize * t + other as usize] += weight;
                }
            }
        }
        self.rest.clear();
        // beta is 1 only where rows weigh 1
        let often = self.rows.weights.is_none() && 2 * size > self.base;
        self.dense = 3 * size > t && !often;
        if self.dense {
            for levels in small.chunks_exact(size) {
                for (&level, weight) in levels.iter().zip(&self.weights) {
                    self.counts[level as usize] += weight;
                }
            }
            return;
        }
        for levels in small.chunks_exact(size) {
            for (&level, &weight) in levels.iter().zip(&self.weights) {
                let count = &mut self.counts[level as usize];
                if *count == 0.0 {
                    self.seen.push(level);
                }
                *count += weight;
            }
        }
        let counts = &self.counts;
        let often = often
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

    #[inline]
    fn square(&mut self, share: f64) {
        let t = self.t;
        if self.dense {
            self.waiting.extend_from_slice(&self.counts);
            self.shares[self.waiting.len() / t - 1] = share;
            if self.waiting.len() == TOGETHER * t {
                self.flush();
            }
            return;
        }
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

    /// Takes the squares of the groups that wait out of small x small, several groups at once.
    fn flush(&mut self) {
        let t = self.t;
        self.waiting.resize(TOGETHER * t, 0.0);
        let mut parts = self.waiting.chunks_exact(t.max(1));
        let groups: [&[f64]; TOGETHER] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        for a in 0..t {
            let own: [f64; TOGETHER] =
                std::array::from_fn(|group| self.shares[group] * groups[group][a]);
            let row = &mut self.square[a * t..(a + 1) * t];
            let counts = groups[0].iter().zip(groups[1]).zip(groups[2].iter().zip(groups[3]));
            for (slot, ((c0, c1), (c2, c3))) in row.iter_mut().zip(counts).skip(a) {
                *slot -= (own[0] * c0 + own[1] * c1) + (own[2] * c2 + own[3] * c3);
            }
        }
        self.waiting.clear();
    }

    fn cells_of_one(&mut self, cells: &mut Cells) {
        if !self.merge {
            return self.runs_of_one(cells);
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
            cells.levels.extend(self.runs.iter().map(|run| run.0));
            cells.weight.extend(self.runs.iter().map(|run| run.1));
        }
    }

    /// Runs of one level are cells, as they come.
    #[inline]
    fn runs_of_one(&self, cells: &mut Cells) {
        let (levels, weights) = (&self.levels[..self.weights.len()], &self.weights);
        let Cells { levels: to, weight, .. } = cells;
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

    fn cells_of_many(&self, size: usize, cells: &mut Cells) {
        let (first, width) = (cells.weight.len(), self.big);
        let mut several = false;
        for row in 0..size {
            let count = cells.weight.len();
            let level = |set: usize| self.levels[set * size + row];
            if count > first && (0..width).all(|set| cells.of(count - 1)[set] == level(set)) {
                cells.weight[count - 1] += self.weights[row];
            } else {
                several |= count > first;
                cells.levels.extend((0..width).map(level));
                cells.weight.push(self.weights[row]);
            }
        }
        if !several {
            cells.weight.truncate(first);
            cells.levels.truncate(first * width);
        }
    }

    /// Adds a group's cells to big x small.
    #[inline]
    fn cross(&mut self, levels: &[u32], weight: &[f64], size: usize, share: f64) {
        let t = self.t;
        let (big, small) = self.levels.split_at(self.big * size);
        if self.dense && levels == big && small.len() == size {
            // each row a cell of its own, and one small set
            for ((&level, &small), weight) in big.iter().zip(small).zip(weight) {
                let row = &mut self.cross[level as usize * t..(level as usize + 1) * t];
                let own = share * weight;
                for (slot, count) in row.iter_mut().zip(&self.counts) {
                    *slot -= own * count;
                }
                row[small as usize] += weight;
            }
            return;
        }
        for big in big.chunks_exact(size) {
            for small in small.chunks_exact(size) {
                for ((&big, &small), weight) in big.iter().zip(small).zip(&self.weights) {
                    self.cross[big as usize * t + small as usize] += weight;
                }
            }
        }
        for (cell, weight) in levels.chunks_exact(self.big).zip(weight) {
            let own = share * weight;
            for &level in cell {
                let row = &mut self.cross[level as usize * t..(level as usize + 1) * t];
                if self.dense {
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
    pub(super) fn finish(&mut self) {
        if !self.waiting.is_empty() {
            self.flush();
        }
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
