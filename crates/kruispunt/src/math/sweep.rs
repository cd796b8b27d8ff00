//! Kernels over sorted intervals: one group at a time, half-open `[start, end)`.

use crate::data::pages;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Groups handled together; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 1024;

/// Runs `work` over fixed runs of `0..n` in parallel; the results come in order.
pub(crate) fn in_chunks<R: Send>(n: usize, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| work(chunk * CHUNK..((chunk + 1) * CHUNK).min(n)))
        .collect()
}

/// Runs `work` over fixed runs of groups, each with its own part of `out`, whose pages are asked
/// for; group `g` owns `offsets[g]..offsets[g + 1]`. Whatever `work` returns comes in order.
pub(crate) fn fill_chunks<T: Send, R: Send>(
    offsets: &[u32],
    out: &mut [T],
    work: impl Fn(Range<usize>, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let n = offsets.len().saturating_sub(1);
    let mut parts = Vec::with_capacity(n.div_ceil(CHUNK));
    let mut rest = out;
    for first in (0..n).step_by(CHUNK) {
        let groups = first..(first + CHUNK).min(n);
        let rows = (offsets[groups.end] - offsets[groups.start]) as usize;
        let (part, after) = rest.split_at_mut(rows);
        parts.push((groups, part));
        rest = after;
    }
    let each = |(groups, part): (_, &mut [T])| {
        pages::ask_for(part);
        work(groups, part)
    };
    parts.into_par_iter().map(each).collect()
}

/// As [`fill_chunks`], for several columns at once: `work` gets the part of each.
pub(crate) fn fill_many<T: Send>(
    offsets: &[u32],
    columns: Vec<&mut [T]>,
    work: impl Fn(Range<usize>, &mut [&mut [T]]) + Sync,
) {
    let n = offsets.len().saturating_sub(1);
    let mut parts = Vec::with_capacity(n.div_ceil(CHUNK));
    let mut rests = columns;
    for first in (0..n).step_by(CHUNK) {
        let groups = first..(first + CHUNK).min(n);
        let rows = (offsets[groups.end] - offsets[groups.start]) as usize;
        let (own, after): (Vec<_>, Vec<_>) =
            rests.into_iter().map(|rest| rest.split_at_mut(rows)).unzip();
        parts.push((groups, own));
        rests = after;
    }
    parts.into_par_iter().for_each(|(groups, mut own)| {
        for part in &mut own {
            pages::ask_for(part);
        }
        work(groups, &mut own);
    });
}

/// Columns of the widths cells come in, the parts of one run of groups.
#[derive(Default)]
pub(crate) struct Cells<'a> {
    /// Counts.
    pub shorts: Vec<&'a mut [i16]>,
    /// Amounts.
    pub floats: Vec<&'a mut [f64]>,
    /// Codes and row numbers.
    pub codes: Vec<&'a mut [u32]>,
    /// Codes of few levels.
    pub bytes: Vec<&'a mut [u8]>,
    /// Days.
    pub days: Vec<&'a mut [i32]>,
}

impl Cells<'_> {
    /// Asks for the pages of these rows of all columns, which are about to be written.
    fn ask_for(&mut self, rows: Range<usize>) {
        fn each<T>(columns: &mut [&mut [T]], rows: &Range<usize>) {
            for column in columns {
                let to = rows.end.min(column.len());
                pages::ask_for(&mut column[rows.start.min(to)..to]);
            }
        }
        each(&mut self.shorts, &rows);
        each(&mut self.floats, &rows);
        each(&mut self.codes, &rows);
        each(&mut self.bytes, &rows);
        each(&mut self.days, &rows);
    }

    /// The first `rows` rows of each column, and the rest.
    fn split(self, rows: usize) -> (Self, Self) {
        fn each<T>(columns: Vec<&mut [T]>, rows: usize) -> (Vec<&mut [T]>, Vec<&mut [T]>) {
            columns.into_iter().map(|column| column.split_at_mut(rows)).unzip()
        }
        let (shorts, floats, codes) =
            (each(self.shorts, rows), each(self.floats, rows), each(self.codes, rows));
        let (bytes, days) = (each(self.bytes, rows), each(self.days, rows));
        (
            Self {
                shorts: shorts.0,
                floats: floats.0,
                codes: codes.0,
                bytes: bytes.0,
                days: days.0,
            },
            Self {
                shorts: shorts.1,
                floats: floats.1,
                codes: codes.1,
                bytes: bytes.1,
                days: days.1,
            },
        )
    }
}

/// How far the pages of cells are asked for: piece by piece as rows are reached, so that they stay in the
/// cache until they are written, and rows that are never reached have none.
#[derive(Default)]
pub(crate) struct Ahead {
    asked: usize,
}

impl Ahead {
    /// Asks for the pages of a piece more, once `rows` rows reach beyond those asked for.
    #[inline]
    pub fn reach(&mut self, rows: usize, cells: &mut Cells<'_>) {
        if rows > self.asked {
            self.further(rows, cells);
        }
    }

    #[inline(never)]
    fn further(&mut self, rows: usize, cells: &mut Cells<'_>) {
        /// Rows.
        const PIECE: usize = 8192;
        let from = self.asked;
        self.asked = rows + PIECE;
        cells.ask_for(from..self.asked);
    }
}

/// As [`fill_chunks`], for columns of several widths at once: `work` gets the part of each.
pub(crate) fn fill_cells<R: Send>(
    offsets: &[u32],
    cells: Cells<'_>,
    work: impl Fn(Range<usize>, &mut Cells<'_>) -> R + Sync,
) -> Vec<R> {
    let n = offsets.len().saturating_sub(1);
    let mut parts = Vec::with_capacity(n.div_ceil(CHUNK));
    let mut rest = cells;
    for first in (0..n).step_by(CHUNK) {
        let groups = first..(first + CHUNK).min(n);
        let rows = (offsets[groups.end] - offsets[groups.start]) as usize;
        let (own, after) = rest.split(rows);
        parts.push((groups, own));
        rest = after;
    }
    parts.into_par_iter().map(|(groups, mut own)| work(groups, &mut own)).collect()
}

/// How many rows each run of groups of [`fill_cells`] wrote of the room it had: they move together.
pub(crate) struct Written {
    /// The room of each run, and how much of it is written.
    runs: Vec<(usize, usize)>,
}

impl Written {
    /// What the runs wrote, in order; `offsets` are those of [`fill_cells`].
    pub fn new(offsets: &[u32], written: impl Iterator<Item = usize>) -> Self {
        let n = offsets.len().saturating_sub(1);
        let room = |first: usize| (offsets[(first + CHUNK).min(n)] - offsets[first]) as usize;
        Self { runs: (0..n).step_by(CHUNK).map(room).zip(written).collect() }
    }

    /// Where the rows of each run stand once they moved together, and how many they are.
    pub fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.runs.iter().scan(0, |at, &(_, n)| {
            let first = *at;
            *at += n;
            Some((first, n))
        })
    }

    /// Moves the written rows of a column together.
    pub fn close_up<T: Copy>(&self, values: &mut Vec<T>) {
        let mut from = 0;
        let mut total = 0;
        for ((room, _), (to, n)) in self.runs.iter().zip(self.places()) {
            if from != to {
                values.copy_within(from..from + n, to);
            }
            from += room;
            total = to + n;
        }
        values.truncate(total);
    }
}

/// All days at which something starts or ends, ascending, each once.
pub(crate) fn cuts(starts: &[i32], ends: &[i32], cuts: &mut Vec<i32>) {
    cuts.clear();
    cuts.extend_from_slice(starts);
    cuts.extend_from_slice(ends);
    cuts.sort_unstable();
    cuts.dedup();
}

/// Room for [`Elementary::visit`], used again for each group.
#[derive(Default)]
pub(crate) struct Elementary {
    days: Vec<i32>,
    ends: Vec<i32>,
    covering: Vec<u32>,
}

impl Elementary {
    /// Calls `visit` with each elementary interval and the intervals that cover it (indices,
    /// ascending). `starts` must ascend. Intervals that nothing covers are passed over.
    pub fn visit(&mut self, starts: &[i32], ends: &[i32], mut visit: impl FnMut(i32, i32, &[u32])) {
        if let ([start], [end]) = (starts, ends) {
            visit(*start, *end, &[0]);
            return;
        }
        let Self { days, ends: ordered, covering } = self;
        ordered.clear();
        ordered.extend_from_slice(ends);
        ordered.sort_unstable();
        days.clear();
        let mut ended = ordered.iter().copied().peekable();
        for &start in starts {
            while let Some(end) = ended.next_if(|end| *end <= start) {
                if days.last() != Some(&end) {
                    days.push(end);
                }
            }
            if days.last() != Some(&start) {
                days.push(start);
            }
        }
        for end in ended {
            if days.last() != Some(&end) {
                days.push(end);
            }
        }
        covering.clear();
        let mut next = 0;
        for pair in days.windows(2) {
            // no branch: which interval ends first is anybody's guess
            let mut kept = 0;
            for at in 0..covering.len() {
                let one = covering[at];
                covering[kept] = one;
                kept += usize::from(ends[one as usize] > pair[0]);
            }
            covering.truncate(kept);
            while next < starts.len() && starts[next] <= pair[0] {
                covering.push(next as u32);
                next += 1;
            }
            if !covering.is_empty() {
                visit(pair[0], pair[1], covering);
            }
        }
    }
}

/// Calls `visit(start, end, best, tied)` with each elementary interval, the covering interval
/// that stands first in `place`, and whether another of the same `class` covers it too.
///
/// `place` is a total order of the intervals, `class` equal for those that only the tie rule
/// tells apart (classes are below the number of intervals). O(k log k).
pub(crate) fn best(
    starts: &[i32],
    ends: &[i32],
    place: &[u32],
    class: &[u32],
    mut visit: impl FnMut(i32, i32, usize, bool),
) {
    let mut days = Vec::new();
    cuts(starts, ends, &mut days);
    let mut by_end: Vec<u32> = (0..ends.len() as u32).collect();
    by_end.sort_unstable_by_key(|&at| ends[at as usize]);
    let mut active = vec![0_u32; starts.len()];
    let mut heap: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
    let (mut next, mut ended) = (0, 0);
    for pair in days.windows(2) {
        while next < starts.len() && starts[next] <= pair[0] {
            heap.push(Reverse((place[next], next as u32)));
            active[class[next] as usize] += 1;
            next += 1;
        }
        while ended < by_end.len() && ends[by_end[ended] as usize] <= pair[0] {
            active[class[by_end[ended] as usize] as usize] -= 1;
            ended += 1;
        }
        while heap.peek().is_some_and(|Reverse((_, at))| ends[*at as usize] <= pair[0]) {
            heap.pop();
        }
        if let Some(Reverse((_, at))) = heap.peek() {
            let at = *at as usize;
            visit(pair[0], pair[1], at, active[class[at] as usize] > 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn intervals() -> impl Strategy<Value = Vec<(i32, i32)>> {
        proptest::collection::vec((-20..20, 1..15), 0..12).prop_map(|mut spells| {
            for (start, end) in &mut spells {
                *end += *start;
            }
            spells.sort_unstable();
            spells
        })
    }

    proptest! {
        #[test]
        fn elementary_intervals_hold_what_a_day_by_day_look_finds(spells in intervals()) {
            let (starts, ends): (Vec<i32>, Vec<i32>) = spells.iter().copied().unzip();
            let mut by_day = vec![Vec::new(); 80];
            let mut previous = i32::MIN;
            Elementary::default().visit(&starts, &ends, |start, end, covering| {
                assert!(previous <= start && start < end);
                previous = end;
                for day in start..end {
                    by_day[(day + 30) as usize] = covering.to_vec();
                }
            });
            for day in -30..50 {
                let naive: Vec<u32> = (0..spells.len() as u32)
                    .filter(|&at| starts[at as usize] <= day && day < ends[at as usize])
                    .collect();
                prop_assert_eq!(&by_day[(day + 30) as usize], &naive);
            }
        }

        #[test]
        fn the_best_is_the_one_a_day_by_day_look_finds(
            spells in intervals(), keys in proptest::collection::vec(0_u32..3, 12)
        ) {
            let (starts, ends): (Vec<i32>, Vec<i32>) = spells.iter().copied().unzip();
            let n = spells.len();
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by_key(|&at| (keys[at], at));
            let mut place = vec![0; n];
            order.iter().enumerate().for_each(|(rank, &at)| place[at] = rank as u32);
            let class: Vec<u32> = (0..n)
                .map(|at| (0..n).find(|&other| keys[other] == keys[at]).unwrap() as u32)
                .collect();
            let mut by_day = vec![None; 80];
            best(&starts, &ends, &place, &class, |start, end, at, tied| {
                for day in start..end {
                    by_day[(day + 30) as usize] = Some((at, tied));
                }
            });
            for day in -30..50 {
                let on = |at: &usize| starts[*at] <= day && day < ends[*at];
                let naive = (0..n).filter(on).min_by_key(|&at| (keys[at], at)).map(|at| {
                    (at, (0..n).filter(on).any(|other| other != at && keys[other] == keys[at]))
                });
                prop_assert_eq!(by_day[(day + 30) as usize], naive);
            }
        }
    }
}
