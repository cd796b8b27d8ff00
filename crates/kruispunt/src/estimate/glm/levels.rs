//! Levels of an effect fitted one by one: a start for the estimation, and what its steps leave.

use crate::data::SampleEffect;
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a chunk; chunks are added up in order.
pub(super) const CHUNK: usize = 4096;
/// Rows of a part that adds into a table of its own, at least.
const PART: usize = 32_768;

/// The constants of an effect, and which rows have which.
pub(super) struct Levels<'a> {
    pub(super) codes: &'a [u32],
    pub(super) n: usize,
    /// Where the rows of each level start, if rows stand in the order of levels and these are short.
    pub(super) starts: Option<Vec<u32>>,
}

/// A run of rows, and the levels whose rows these are where they stand in that order.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) rows: Range<usize>,
    pub(super) levels: Range<usize>,
}

impl<'a> Levels<'a> {
    /// The effects with a constant, the largest first.
    pub(super) fn of(effects: &'a [SampleEffect]) -> Vec<Self> {
        let mut all: Vec<&SampleEffect> = effects.iter().filter(|own| own.constant).collect();
        all.sort_by_key(|own| std::cmp::Reverse(own.factor.n_levels()));
        let of = |own: &&'a SampleEffect| Self {
            codes: own.factor.codes(),
            n: own.factor.n_levels(),
            starts: None,
        };
        let mut all: Vec<Self> = all.iter().map(of).collect();
        if let Some(first) = all.first_mut() {
            first.starts = first.in_order();
        }
        all
    }

    fn in_order(&self) -> Option<Vec<u32>> {
        if !self.codes.is_sorted() {
            return None;
        }
        let mut starts = vec![0_u32; self.n + 1];
        for &code in self.codes {
            starts[code as usize + 1] += 1;
        }
        let longest = starts.iter().max().copied().unwrap_or_default();
        for level in 0..self.n {
            starts[level + 1] += starts[level];
        }
        (longest as usize <= 4 * CHUNK).then_some(starts)
    }

    /// The rows of one level in so many.
    pub(super) fn rows_of_some(&self, step: usize) -> Vec<u32> {
        if let Some(starts) = &self.starts {
            return (0..self.n)
                .step_by(step)
                .flat_map(|own| starts[own]..starts[own + 1])
                .collect();
        }
        let codes = self.codes.iter().enumerate();
        let chosen = codes.filter(|(_, code)| (**code as usize).is_multiple_of(step));
        chosen.map(|(row, _)| row as u32).collect()
    }

    /// Sums by level of some numbers a row.
    pub(super) fn sums<const S: usize>(
        &self,
        f: impl Fn(usize) -> [f64; S] + Sync,
    ) -> Vec<[f64; S]> {
        let add = |mut all: [f64; S], own: [f64; S]| {
            all.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            all
        };
        if let Some(starts) = &self.starts {
            let of = |level: usize| {
                let rows = starts[level] as usize..starts[level + 1] as usize;
                rows.fold([0.0; S], |all, row| add(all, f(row)))
            };
            let parts: Vec<Vec<[f64; S]>> = runs(self.codes.len(), Some(starts))
                .into_par_iter()
                .map(|run| run.levels.map(of).collect())
                .collect();
            return parts.concat();
        }
        let rows = self.codes.len();
        let parts = (rows / PART).min(rows / (2 * self.n).max(1)).clamp(1, 8);
        let mut tables = (0..parts)
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![[0.0; S]; self.n];
                for row in part * rows / parts..(part + 1) * rows / parts {
                    let slot = &mut sums[self.codes[row] as usize];
                    *slot = add(*slot, f(row));
                }
                sums
            })
            .collect::<Vec<_>>()
            .into_iter();
        let mut all = tables.next().unwrap_or_default();
        for table in tables {
            all.iter_mut().zip(table).for_each(|(sum, own)| *sum = add(*sum, own));
        }
        all
    }
}

/// Runs of about [`CHUNK`] rows; whole levels where rows stand in the order of some.
pub(super) fn runs(n: usize, starts: Option<&[u32]>) -> Vec<Run> {
    let bound = |chunk: usize| -> (usize, usize) {
        let row = (chunk * CHUNK).min(n);
        let Some(starts) = starts else { return (row, 0) };
        let level = starts.partition_point(|&start| (start as usize) < row);
        (starts[level.min(starts.len() - 1)] as usize, level.min(starts.len() - 1))
    };
    let mut bounds: Vec<(usize, usize)> = (0..=n.div_ceil(CHUNK)).map(bound).collect();
    bounds.dedup();
    let run =
        |pair: &[(usize, usize)]| Run { rows: pair[0].0..pair[1].0, levels: pair[0].1..pair[1].1 };
    bounds.windows(2).map(run).collect()
}

/// Each run with its slices of two columns.
pub(super) fn cut<'c>(
    runs: &[Run],
    (mut one, mut other): (&'c mut [f64], &'c mut [f64]),
) -> Vec<(Run, &'c mut [f64], &'c mut [f64])> {
    let mut all = Vec::with_capacity(runs.len());
    for run in runs {
        let (own, rest) = one.split_at_mut(run.rows.len());
        let (beside, after) = other.split_at_mut(run.rows.len());
        (one, other) = (rest, after);
        all.push((run.clone(), own, beside));
    }
    all
}
