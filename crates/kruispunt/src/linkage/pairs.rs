//! Each pair of rows that the rules find, compared once.

use super::blocking::{Blocks, Found};
use super::coded::{Codes, MISSING};
use super::comparer::{Comparer, Probe};
use crate::data::Seed;
use crate::math::em::NULL;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// All comparisons, ready for the pairs of one left row after the other.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) comparers: Vec<Comparer>,
    pub(super) blocks: Blocks,
    /// Codes row by row.
    left: Arc<Vec<u32>>,
    right: Arc<Vec<u32>>,
    layout: Layout,
}

/// Where each comparison stands in a pattern: the level plus one, 0 when it says nothing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    shifts: Vec<u32>,
    masks: Vec<u64>,
}

/// Random right rows that a random left row is compared with.
pub(super) const RIGHTS: u64 = 128;

/// Bits of a pattern.
pub(super) const WIDTH: u32 = 64;

impl Layout {
    /// The layout for comparisons of so many levels, and the bits it takes.
    pub(super) fn new(levels: impl Iterator<Item = u64>) -> (Self, u32) {
        let (mut layout, mut used) = (Self { shifts: Vec::new(), masks: Vec::new() }, 0);
        for levels in levels {
            let bits = 64 - levels.leading_zeros();
            layout.shifts.push(used);
            layout.masks.push((1 << bits) - 1);
            used += bits;
        }
        (layout, used)
    }

    /// The level of comparison `k`.
    pub(super) fn level(&self, pattern: u64, k: usize) -> u8 {
        match pattern >> self.shifts[k] & self.masks[k] {
            0 => NULL,
            level => level as u8 - 1,
        }
    }

    /// The bits of the comparisons `used`.
    pub(super) fn bits(&self, used: &[usize]) -> u64 {
        used.iter().fold(0, |bits, &k| bits | self.masks[k] << self.shifts[k])
    }
}

/// The pairs of one left row: `found.rows` with `found.rules`, and the pattern of each.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) found: Found,
    pub(super) patterns: Vec<u64>,
    probes: Vec<Probe>,
    /// Codes of the right rows, row by row.
    cells: Vec<u32>,
    levels: Vec<u8>,
}

impl Pairs {
    /// Of comparers whose codes stand row by row.
    pub(super) fn new(comparers: Vec<Comparer>, blocks: Blocks) -> Self {
        let (layout, _) = Layout::new(comparers.iter().map(|own| u64::from(own.n_levels())));
        let cells = |side: fn(&Comparer) -> &Codes| {
            comparers.first().map(|own| Arc::clone(side(own).cells())).unwrap_or_default()
        };
        let (left, right) = (cells(|own| &own.coded.left), cells(|own| own.coded.right()));
        Self { comparers, blocks, left, right, layout }
    }

    /// Whether one table is compared with itself.
    pub(super) const fn is_one_table(&self) -> bool {
        self.blocks.is_dedupe()
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Working memory of one thread.
    pub(super) fn work(&self) -> Work {
        let probes = self.comparers.iter().map(Comparer::probe).collect();
        Work {
            found: Found::default(),
            patterns: Vec::new(),
            probes,
            cells: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Codes of a left row.
    pub(super) fn left(&self, row: u32) -> &[u32] {
        row_of(&self.left, row, self.comparers.len())
    }

    /// Codes of a right row.
    pub(super) fn right(&self, row: u32) -> &[u32] {
        row_of(&self.right, row, self.comparers.len())
    }

    /// Compares `left` with the rows that the rules in `wanted` (bits) find.
    pub(super) fn compare(&self, left: u32, wanted: u64, work: &mut Work) {
        self.blocks.partners(left, wanted, &mut work.found);
        self.fill(left, work);
    }

    /// The rows that all rules find for `left`, with their patterns from the front of `known`,
    /// which moves on.
    pub(super) fn recall(&self, left: u32, known: &mut &[u64], work: &mut Work) {
        self.blocks.partners(left, u64::MAX, &mut work.found);
        let (own, rest) = known.split_at(work.found.rows.len().min(known.len()));
        work.patterns.clear();
        work.patterns.extend_from_slice(own);
        *known = rest;
    }

    /// Patterns of random pairs of rows and how many there are of each: some left rows, each with
    /// as many right rows as [`RIGHTS`].
    pub(super) fn random(&self, seed: Seed, lefts: u64, dedupe: bool) -> Vec<(u64, u64)> {
        let width = self.comparers.len();
        let n = [&self.left, &self.right].map(|rows| (rows.len() / width.max(1)) as u64);
        let mut work = self.work();
        let mut counts: FxHashMap<u64, u64> = FxHashMap::default();
        for at in 0..lefts {
            let left = seed.below([at, 0, 2], n[0]) as u32;
            let rights = (0..RIGHTS).map(|other| seed.below([at, other, 3], n[1]) as u32);
            work.found.rows.clear();
            work.found.rows.extend(rights.filter(|&right| !dedupe || right != left));
            self.fill(left, &mut work);
            for &pattern in &work.patterns {
                *counts.entry(pattern).or_insert(0) += 1;
            }
        }
        let mut counts: Vec<(u64, u64)> = counts.into_iter().collect();
        counts.sort_unstable();
        counts
    }

    /// The pattern of one pair.
    pub(super) fn one(&self, left: u32, right: u32, work: &mut Work) -> u64 {
        work.found.rows.clear();
        work.found.rows.push(right);
        self.fill(left, work);
        work.patterns[0]
    }

    /// The patterns of `left` with the rows found.
    fn fill(&self, left: u32, work: &mut Work) {
        work.patterns.clear();
        work.patterns.resize(work.found.rows.len(), 0);
        if work.found.rows.is_empty() {
            return;
        }
        let own = self.left(left);
        // Cells of all right rows first, so that one look-up does not wait for the other.
        let (width, rights) = (self.comparers.len(), &self.right[..]);
        work.cells.clear();
        for &right in &work.found.rows {
            work.cells.extend_from_slice(row_of(rights, right, width));
        }
        for (k, (comparer, probe)) in self.comparers.iter().zip(&mut work.probes).enumerate() {
            let a = own[k];
            if a == MISSING && comparer.missing_from().is_none() {
                continue;
            }
            let shift = self.layout.shifts[k];
            let cells = work.cells[k..].iter().step_by(width).copied();
            comparer.levels(probe, a, cells, &mut work.levels);
            for (pattern, &level) in work.patterns.iter_mut().zip(&work.levels) {
                let digit = if level == NULL { 0 } else { u64::from(level) + 1 };
                *pattern |= digit << shift;
            }
        }
    }
}

fn row_of(rows: &[u32], row: u32, width: usize) -> &[u32] {
    &rows[row as usize * width..(row as usize + 1) * width]
}
