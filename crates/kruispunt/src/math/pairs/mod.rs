//! Distances between all pairs of strings of codes, many pairs side by side.
//!
//! One string (the row) meets a block of others (the columns), one a lane. What the kernel needs of
//! the columns is laid out lane by lane once a block, so that the inner loop is loads, additions
//! and minima without a look-up. Rows come sorted: what a row shares with the one before it at the
//! start is not computed again. Each pair is computed on its own, so that neither threads nor the
//! width of the registers touch a bit of the result.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

mod align;
mod common;
mod edit;
mod lcs;
mod position;
mod scalar;

pub(crate) use align::Align;
pub(crate) use common::{Common, Counted};
pub(crate) use edit::{Edit, Edits, Twed};
pub(crate) use lcs::Lcs;
pub(crate) use position::{ByPosition, Differing};
pub(crate) use scalar::{Each, Pair};

use super::widest::widest;
use crate::data::Ticket;
use rayon::prelude::*;
use std::ops::{Add, Range};

/// Rows a unit of work, for which a block of columns is laid out once: enough for the layout to cost
/// little, few enough for many threads. No bit of a result hangs on it.
fn tile_rows(n: usize) -> usize {
    (n / 32).clamp(64, 512)
}

/// `f32` or `f64`.
pub(crate) trait Real:
    Copy + Default + PartialOrd + Add<Output = Self> + Send + Sync + Into<f64> + 'static
{
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
}

/// The smaller of two; one instruction.
#[inline(always)]
fn least<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// Strings of codes, back to back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strings {
    codes: Vec<u8>,
    offsets: Vec<u32>,
}

impl Strings {
    /// Strings in the order given.
    pub(crate) fn new<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut own = Self { codes: Vec::new(), offsets: vec![0] };
        for string in strings {
            own.codes.extend_from_slice(string);
            own.offsets.push(own.codes.len() as u32);
        }
        own
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The string at `at`.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        &self.codes[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    /// The length of the longest.
    pub(crate) fn longest(&self) -> usize {
        (0..self.len()).map(|at| self.get(at).len()).max().unwrap_or(0)
    }
}

/// How much two strings share at the start.
#[inline(always)]
fn shared(a: &[u8], b: &[u8]) -> usize {
    let (most, mut at) = (a.len().min(b.len()), 0);
    while at < most && a[at] == b[at] {
        at += 1;
    }
    at
}

/// A distance, computed for one row and `W` columns at a time.
pub(crate) trait Kernel<T, const W: usize>: Sync {
    /// What is laid out once for `W` columns, and room to work in.
    type Block;
    /// Lays out the columns; lanes beyond their number hold anything.
    fn block(&self, columns: &[u32]) -> Self::Block;
    /// The distances of one row to the columns.
    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]);
}

/// Where row `i` of the upper triangle of `n` begins when stored row by row.
pub(crate) const fn triangle(n: usize, i: usize) -> usize {
    i * n - i * (i + 1) / 2
}

/// All pairs `i < j`, row by row: length `n (n - 1) / 2`; `None` when cancelled.
pub(crate) fn condensed<T: Real, K: Kernel<T, W>, const W: usize>(
    n: usize,
    kernel: &K,
    ticket: &Ticket,
) -> Option<Vec<T>> {
    let mut all = vec![T::default(); triangle(n, n.max(1) - 1)];
    let mut tiles: Vec<(Range<usize>, &mut [T])> = Vec::new();
    let mut rest = all.as_mut_slice();
    let height = tile_rows(n);
    for start in (0..n.saturating_sub(1)).step_by(height) {
        let end = (start + height).min(n - 1);
        let (tile, after) = rest.split_at_mut(triangle(n, end) - triangle(n, start));
        tiles.push((start..end, tile));
        rest = after;
    }
    ticket.stage("distances", (n.saturating_sub(1)) as u64);
    tiles.into_par_iter().for_each(|(rows, out)| {
        if !ticket.is_cancelled() {
            let done = rows.len() as u64;
            widest(
                #[inline(always)]
                || tile(n, rows, kernel, out),
            );
            ticket.advance(done);
        }
    });
    (!ticket.is_cancelled()).then_some(all)
}

#[inline(always)]
fn tile<T: Real, K: Kernel<T, W>, const W: usize>(
    n: usize,
    rows: Range<usize>,
    kernel: &K,
    out: &mut [T],
) {
    let base = triangle(n, rows.start);
    let mut lanes = [T::default(); W];
    let mut columns = Vec::with_capacity(W);
    for start in ((rows.start + 1) / W * W..n).step_by(W) {
        let end = (start + W).min(n);
        columns.clear();
        columns.extend((start..end).map(|at| at as u32));
        let mut block = kernel.block(&columns);
        for i in rows.start..rows.end.min(end - 1) {
            kernel.row(&mut block, i as u32, &mut lanes);
            let from = start.max(i + 1);
            let at = triangle(n, i) - base + from - i - 1;
            out[at..at + end - from].copy_from_slice(&lanes[from - start..end - start]);
        }
    }
}

/// Each of `rows` against each of `columns`: row by row; `None` when cancelled.
pub(crate) fn rectangle<T: Real, K: Kernel<T, W>, const W: usize>(
    rows: &[u32],
    columns: &[u32],
    kernel: &K,
    ticket: &Ticket,
) -> Option<Vec<T>> {
    const SPAN: usize = 1024;
    let mut parts: Vec<Vec<T>> = Vec::new();
    columns
        .par_chunks(SPAN)
        .map(|span| {
            if ticket.is_cancelled() {
                return Vec::new();
            }
            widest(
                #[inline(always)]
                || strip(rows, span, kernel),
            )
        })
        .collect_into_vec(&mut parts);
    if ticket.is_cancelled() {
        return None;
    }
    let mut all = Vec::with_capacity(columns.len() * rows.len());
    for row in 0..rows.len() {
        for part in &parts {
            let width = part.len() / rows.len();
            all.extend_from_slice(&part[row * width..(row + 1) * width]);
        }
    }
    Some(all)
}

#[inline(always)]
fn strip<T: Real, K: Kernel<T, W>, const W: usize>(
    rows: &[u32],
    columns: &[u32],
    kernel: &K,
) -> Vec<T> {
    let width = columns.len();
    let mut out = vec![T::default(); width * rows.len()];
    let mut lanes = [T::default(); W];
    for (at, part) in columns.chunks(W).enumerate() {
        let mut block = kernel.block(part);
        for (row, &own) in rows.iter().enumerate() {
            kernel.row(&mut block, own, &mut lanes);
            let to = row * width + at * W;
            out[to..to + part.len()].copy_from_slice(&lanes[..part.len()]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Seed;

    /// Strings of unequal length (of one length with `even`), sorted.
    fn drawn(n: u64, longest: u64, states: u64, even: bool) -> Strings {
        let seed = Seed::new(n + longest);
        let length = |row| if even { longest } else { seed.below([row, 0, 1], longest + 1) };
        let code = |row, at| seed.below([row, at, 2], states) as u8;
        let mut all: Vec<Vec<u8>> =
            (0..n).map(|row| (0..length(row)).map(|at| code(row, at)).collect()).collect();
        all.sort();
        Strings::new(all.iter().map(Vec::as_slice))
    }

    /// All pairs, compiled for the baseline of the architecture, in other tiles.
    fn portable<T: Real, K: Kernel<T, W>, const W: usize>(n: usize, kernel: &K) -> Vec<T> {
        const TILE: usize = 23;
        let mut all = vec![T::default(); triangle(n, n - 1)];
        let mut rest = all.as_mut_slice();
        for start in (0..n - 1).step_by(TILE) {
            let end = (start + TILE).min(n - 1);
            let (own, after) = rest.split_at_mut(triangle(n, end) - triangle(n, start));
            tile(n, start..end, kernel, own);
            rest = after;
        }
        all
    }

    fn same_bits<T: Real, K: Kernel<T, W>, const W: usize>(n: usize, kernel: &K) {
        let ticket = Ticket::new();
        let widest: Vec<T> = condensed(n, kernel, &ticket).expect("not cancelled");
        let all: Vec<u32> = (0..n as u32).collect();
        let square: Vec<T> = rectangle(&all, &all, kernel, &ticket).expect("not cancelled");
        let bits = |value: T| Into::<f64>::into(value).to_bits();
        for (pair, portable) in portable(n, kernel).into_iter().enumerate() {
            assert_eq!(bits(widest[pair]), bits(portable), "pair {pair}");
        }
        for i in 0..n {
            for j in i + 1..n {
                let pair = triangle(n, i) + j - i - 1;
                assert_eq!(bits(square[i * n + j]), bits(widest[pair]), "{i}, {j}");
                assert_eq!(bits(square[j * n + i]), bits(widest[pair]), "{j}, {i}");
            }
        }
    }

    #[test]
    fn registers_of_any_width_and_tiles_give_the_same_bits() {
        let states = 7;
        let cost = |at: usize| {
            let (a, b) = (at / states, at % states);
            if a == b { 0.0 } else { 1.0 + 0.1 * (a + b) as f64 / 3.0 }
        };
        let costs: Vec<f64> = (0..states * states).map(cost).collect();
        let indel: Vec<f64> = (0..states).map(|a| 0.7 + 0.03 * a as f64).collect();
        for (n, longest) in [(2, 3), (97, 24), (150, 11), (40, 70)] {
            let own = drawn(n, longest, states as u64, false);
            let n = n as usize;
            same_bits::<f32, _, 32>(n, &Align::<f32, true>::new(&own, &costs, &[0.8; 7]));
            same_bits::<f64, _, 16>(n, &Align::<f64, true>::new(&own, &costs, &[0.8; 7]));
            same_bits::<f32, _, 32>(n, &Align::<f32, false>::new(&own, &costs, &indel));
            same_bits::<f64, _, 16>(n, &Align::<f64, false>::new(&own, &costs, &indel));
            let value = |n: usize, m: usize, common: usize| (n + m - 2 * common) as f64;
            same_bits::<f64, _, 32>(
                n,
                &Lcs::<_, 1>::new(&drawn(n as u64, longest.min(64), 7, false), states, value),
            );
            same_bits::<f32, _, 8>(n, &Lcs::<_, 2>::new(&own, states, value));
            let even = drawn(n as u64, longest, states as u64, true);
            let many: Vec<f64> = (0..longest as usize)
                .flat_map(|t| costs.iter().map(move |c| c + 0.01 * t as f64))
                .collect();
            same_bits::<f64, _, 64>(n, &Differing::new(&even, 0.1));
            same_bits::<f32, _, 64>(n, &Differing::new(&even, 1.0));
            same_bits::<f32, _, 32>(n, &ByPosition::<f32>::new(&even, states, &costs));
            same_bits::<f64, _, 16>(n, &ByPosition::<f64>::new(&even, states, &many));
        }
    }
}
