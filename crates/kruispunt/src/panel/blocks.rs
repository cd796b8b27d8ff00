//! Rows of one person in blocks of one length, whose loops become a few wide instructions.
//!
//! A spell touches few periods, and how many is anybody's guess: a loop over just these costs more for
//! its end than for its steps. Here a loop goes over the blocks in which these periods lie; in all
//! other periods of a block the spell has no days.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]
#![allow(clippy::needless_range_loop, reason = "plain loops over arrays of one length")]
#![allow(clippy::needless_bitwise_bool, reason = "without branches rows go side by side")]

use super::cells::NO_BYTE;
use crate::data::packed;
use std::ops::Range;

/// Rows of a block.
pub(super) const BLOCK: usize = 16;

/// A block of rows of one column.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lane<T>(pub [T; BLOCK]);

impl<T: Copy> Lane<T> {
    pub const fn of(value: T) -> Self {
        Self([value; BLOCK])
    }

    /// What it holds; it holds `value` from now on.
    #[inline(always)]
    pub fn take(&mut self, value: T) -> [T; BLOCK] {
        std::mem::replace(&mut self.0, [value; BLOCK])
    }
}

/// One number a period, and as many more as a block may reach beyond the last.
pub(super) fn padded(values: impl IntoIterator<Item = i32>, beyond: i32) -> Vec<i32> {
    values.into_iter().chain([beyond; BLOCK]).collect()
}

/// The periods that one spell touches: rows of its person.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub spell: usize,
    pub start: i32,
    pub end: i32,
    /// The first row, counted from the person's first.
    pub row: usize,
    /// The position of the first period.
    pub first: usize,
    pub n: usize,
}

impl Run {
    pub const fn rows(&self) -> Range<usize> {
        self.row..self.row + self.n
    }

    /// Appends its parts in the blocks of its person.
    #[inline(always)]
    pub fn parts(&self, parts: &mut Vec<Part>) {
        let Self { spell, start, end, .. } = *self;
        // a row has no position before its own number
        let shift = self.first - self.row;
        let (first, next) = (self.row / BLOCK, (self.row + self.n).div_ceil(BLOCK));
        for block in first..next {
            parts.push(Part { spell, start, end, block, position: block * BLOCK + shift });
        }
    }

    /// The days in each of the periods; `bounds` are those of all periods.
    #[inline]
    pub fn days<'a>(&self, bounds: &'a [i32]) -> impl Iterator<Item = i32> + use<'a> {
        let (start, end) = (self.start, self.end);
        let edges = &bounds[self.first..=self.first + self.n];
        edges.iter().zip(&edges[1..]).map(move |(from, to)| end.min(*to) - start.max(*from))
    }
}

/// A spell in one block.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub spell: usize,
    start: i32,
    end: i32,
    pub block: usize,
    /// The position with which the block would begin if its rows were those of the run, one after the
    /// other.
    position: usize,
}

impl Part {
    /// The days in each period of the block, 0 where it has none.
    #[inline(always)]
    pub fn days(&self, bounds: &[i32]) -> [i32; BLOCK] {
        let edges = &bounds[self.position..][..=BLOCK];
        let mut days = [0; BLOCK];
        for at in 0..BLOCK {
            days[at] = (self.end.min(edges[at + 1]) - self.start.max(edges[at])).max(0);
        }
        days
    }

    /// Shows `value` in the rows whose days from `from` to `to` the spell touches, where `key` is less
    /// than that of what is shown so far; `met` is no longer 0 where it met an equal key.
    #[inline(always)]
    pub fn paint(
        &self,
        (key, value): (u64, u64),
        (from, to): (&[i32], &[i32]),
        (keys, values): (&mut Lane<u64>, &mut Lane<u64>),
        met: &mut Lane<u64>,
    ) {
        let (from, to) = (&from[self.position..][..BLOCK], &to[self.position..][..BLOCK]);
        let (keys, values, met) = (&mut keys.0, &mut values.0, &mut met.0);
        for at in 0..BLOCK {
            let here = (self.start < to[at]) & (from[at] < self.end);
            let better = here & (key < keys[at]);
            met[at] |= if here & (key == keys[at]) { u64::MAX } else { 0 };
            values[at] = if better { value } else { values[at] };
            // whole blocks are written: what is read again soon is not waited for
            keys[at] = keys[at].min(if here { key } else { u64::MAX });
        }
    }
}

/// Adds days to counts. Whether they fit is looked at elsewhere.
#[inline(always)]
pub(super) fn add_days(counts: &mut Lane<i16>, days: &[i32; BLOCK]) {
    for at in 0..BLOCK {
        counts.0[at] = counts.0[at].wrapping_add(days[at] as i16);
    }
}

/// Counts the periods that have days.
#[inline(always)]
pub(super) fn add_one(counts: &mut Lane<i16>, days: &[i32; BLOCK]) {
    for at in 0..BLOCK {
        counts.0[at] = counts.0[at].wrapping_add(i16::from(days[at] > 0));
    }
}

/// Adds a value a day to amounts, or its share of `length` days.
#[inline(always)]
pub(super) fn add_amounts(
    amounts: &mut Lane<f64>,
    days: &[i32; BLOCK],
    value: f64,
    length: Option<f64>,
) {
    // what is added is never -0.0, and 0.0 changes nothing
    if let Some(length) = length {
        for at in 0..BLOCK {
            amounts.0[at] += value * (f64::from(days[at]) / length) + 0.0;
        }
    } else {
        for at in 0..BLOCK {
            amounts.0[at] += value * f64::from(days[at]) + 0.0;
        }
    }
}

/// What `of` makes of the lane with most days in each row of a block, of the first of equals, or of `none`
/// where there is none; `even` counts rows in which several have as many.
#[inline(always)]
pub(super) fn dominant<'a, T: Copy + Default>(
    lanes: impl Iterator<Item = (i16, &'a Lane<i16>)> + Clone,
    none: i16,
    even: &mut Lane<u16>,
    of: impl Fn(i16) -> T,
) -> [T; BLOCK] {
    let mut most = [1_i16; BLOCK];
    for (_, Lane(days)) in lanes.clone() {
        for at in 0..BLOCK {
            most[at] = most[at].max(days[at]);
        }
    }
    let (mut state, mut with) = ([none; BLOCK], [0_i16; BLOCK]);
    for (written, Lane(days)) in lanes {
        for at in 0..BLOCK {
            let same = days[at] == most[at];
            state[at] = if same & (with[at] == 0) { written } else { state[at] };
            with[at] += i16::from(same);
        }
    }
    for at in 0..BLOCK {
        even.0[at] += u16::from(with[at] > 1);
    }
    each(state, of)
}

/// Bytes with 0 where there is none, and where there is one, one bit a row.
#[inline(always)]
pub(super) fn settled(mut bytes: [u8; BLOCK]) -> ([u8; BLOCK], u64) {
    let mut flags = [0; BLOCK];
    for at in 0..BLOCK {
        flags[at] = u8::from(bytes[at] != NO_BYTE);
        bytes[at] = if bytes[at] == NO_BYTE { 0 } else { bytes[at] };
    }
    let mut there = 0;
    for (at, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        there |= packed(*eight) << (8 * at);
    }
    (bytes, there)
}

/// Amounts, NaN in rows whose bit is not set.
#[inline(always)]
pub(super) fn nan_without(mut amounts: [f64; BLOCK], there: u64) -> [f64; BLOCK] {
    for at in 0..BLOCK {
        amounts[at] = if there & (1 << at) == 0 { f64::NAN } else { amounts[at] };
    }
    amounts
}

/// What `of` makes of each.
#[inline(always)]
pub(super) fn each<T: Copy, U: Copy + Default>(
    from: [T; BLOCK],
    of: impl Fn(T) -> U,
) -> [U; BLOCK] {
    let mut to = [U::default(); BLOCK];
    for at in 0..BLOCK {
        to[at] = of(from[at]);
    }
    to
}

/// Bits of rows, a block of them at a time.
#[inline(always)]
pub(super) fn bits(words: &[u64], block: usize) -> u64 {
    const IN_WORD: usize = 64 / BLOCK;
    words[block / IN_WORD] >> (block % IN_WORD * BLOCK) & ((1 << BLOCK) - 1)
}

/// Sets the bits of `rows`.
#[inline(always)]
pub(super) fn mark(words: &mut [u64], rows: Range<usize>) {
    let n = rows.len();
    if n == 0 {
        return;
    }
    let (word, at) = (rows.start / 64, rows.start % 64);
    if at + n <= 64 {
        words[word] |= (u64::MAX >> (64 - n)) << at;
        return;
    }
    words[word] |= u64::MAX << at;
    let last = (rows.end - 1) / 64;
    words[word + 1..last].fill(u64::MAX);
    words[last] |= u64::MAX >> (63 - (rows.end - 1) % 64);
}

/// Writes the rows of one person, block by block.
#[inline(always)]
pub(super) fn write<T: Copy>(column: &mut [T], mut block: impl FnMut(usize) -> [T; BLOCK]) {
    let (whole, rest) = column.as_chunks_mut::<BLOCK>();
    let last = whole.len();
    for (at, cells) in whole.iter_mut().enumerate() {
        *cells = block(at);
    }
    if !rest.is_empty() {
        rest.copy_from_slice(&block(last)[..rest.len()]);
    }
}

/// As [`write`], of bytes, which may be [`NO_BYTE`]; where there is one goes to `words`.
#[inline(always)]
pub(super) fn write_bytes(
    column: &mut [u8],
    words: &mut [u64],
    mut block: impl FnMut(usize) -> [u8; BLOCK],
) {
    const IN_WORD: usize = 64 / BLOCK;
    words[..column.len().div_ceil(64)].fill(0);
    write(
        column,
        #[inline(always)]
        |at| {
            let (bytes, there) = settled(block(at));
            words[at / IN_WORD] |= there << (at % IN_WORD * BLOCK);
            bytes
        },
    );
}
