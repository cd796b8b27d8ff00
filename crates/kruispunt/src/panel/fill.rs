//! Filling the cells of one person after another, while all that it takes is in the cache.

use super::cells::{Choice, NO_BYTE, NONE, StateCodes, Wanted};
use super::layout::Layout;
use super::order::{Ranking, Single};
use super::to_panel::Spread;
use crate::data::{Bits, Spells};
use crate::math::sweep::Cells;
use std::ops::Range;

/// What a run of persons gives beside its columns.
#[derive(Default)]
pub(super) struct Told {
    pub even: u64,
    pub tied: u64,
    pub outgrown: bool,
    /// Cells before the first record of their person, and after the last.
    pub outside: [u64; 2],
    /// Cells with a record.
    pub records: Bits,
    /// Cells to which something was added, sum by sum; empty where each record adds.
    pub sums: Vec<Bits>,
    /// Cells with a state with most days, where that is written in a byte.
    pub dominant: Bits,
    /// Cells in which something is shown, where that is written in a byte.
    pub chosen: Bits,
}

impl Told {
    pub fn new(wanted: &Wanted<'_>) -> Self {
        Self { sums: wanted.sums.iter().map(|_| Bits::default()).collect(), ..Self::default() }
    }
}

/// The periods that one spell touches: rows of its person.
#[derive(Clone, Copy)]
struct Run {
    spell: usize,
    start: i32,
    end: i32,
    /// The first row, counted from the person's first.
    row: usize,
    /// The position of the first period.
    first: usize,
    n: usize,
}

impl Run {
    const fn rows(&self) -> Range<usize> {
        self.row..self.row + self.n
    }

    /// The days in each of the periods; `bounds` are those of all periods.
    #[inline]
    fn days<'a>(&self, bounds: &'a [i32]) -> impl Iterator<Item = i32> + use<'a> {
        let (start, end) = (self.start, self.end);
        let edges = &bounds[self.first..=self.first + self.n];
        edges.iter().zip(&edges[1..]).map(move |(from, to)| end.min(*to) - start.max(*from))
    }
}

/// Adds the days of a run to counts. Whether they fit is looked at elsewhere.
///
/// Plain loops over slices of one length, here and below: iterators zipped four deep are put
/// together for each run at the cost of the few steps they then take.
#[inline]
#[allow(clippy::needless_range_loop, reason = "said above")]
fn add_days(cells: &mut [i16], run: &Run, bounds: &[i32]) {
    let n = run.n;
    let (edges, cells) = (&bounds[run.first..][..=n], &mut cells[..n]);
    for at in 0..n {
        let days = run.end.min(edges[at + 1]) - run.start.max(edges[at]);
        cells[at] = cells[at].wrapping_add(days as i16);
    }
}

/// As [`add_days`], and adds what `of` makes of them to amounts.
#[inline]
#[allow(clippy::needless_range_loop, reason = "as in add_days")]
fn add_both(
    cells: &mut [i16],
    amounts: &mut [f64],
    run: &Run,
    bounds: &[i32],
    of: impl Fn(f64) -> f64,
) {
    let n = run.n;
    let (edges, cells, amounts) = (&bounds[run.first..][..=n], &mut cells[..n], &mut amounts[..n]);
    for at in 0..n {
        let days = run.end.min(edges[at + 1]) - run.start.max(edges[at]);
        cells[at] = cells[at].wrapping_add(days as i16);
        // what is added is never -0.0
        amounts[at] += of(f64::from(days)) + 0.0;
    }
}

/// Room for one person, used again for the next.
pub(super) struct Room {
    runs: Vec<Run>,
    /// Days in each state, `stride` cells a state; the last lane is for spells without a state.
    lanes: Vec<i16>,
    touched: Vec<bool>,
    most: Vec<i16>,
    state: Vec<i16>,
    equal: Vec<i16>,
    /// Rows with a record, one bit each.
    records: Vec<u64>,
    /// Rows in which something is shown, one bit each.
    claimed: Vec<u64>,
    /// The spell that is shown, or what it is shown as; its key and its days in the period.
    shown: Vec<u32>,
    bytes: Vec<u8>,
    held: Vec<u64>,
    held_days: Vec<i32>,
    tied: Vec<bool>,
    flags: Vec<u8>,
}

impl Room {
    pub fn new(sweep: &Sweep<'_>) -> Self {
        let stride = sweep.stride;
        let lanes = if sweep.wanted.states.is_some() { sweep.n_states + 1 } else { 0 };
        Self {
            runs: Vec::new(),
            lanes: vec![0; stride * lanes],
            touched: vec![false; lanes],
            most: vec![0; stride],
            state: vec![0; stride],
            equal: vec![0; stride],
            records: vec![0; stride.div_ceil(64)],
            claimed: vec![0; stride.div_ceil(64)],
            shown: vec![NONE; stride],
            bytes: vec![NO_BYTE; stride],
            held: vec![0; stride],
            held_days: vec![0; stride],
            tied: vec![false; stride],
            flags: vec![0; stride],
        }
    }
}

/// Sets the bits of `rows`.
#[inline]
fn mark(words: &mut [u64], rows: Range<usize>) {
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

/// One sweep: what is asked of which spells, and where the columns stand.
pub(super) struct Sweep<'a> {
    starts: &'a [i32],
    ends: &'a [i32],
    lengths: &'a [i32],
    spells: &'a [u32],
    layout: &'a Layout,
    wanted: &'a Wanted<'a>,
    n_states: usize,
    /// The place of the first state among the columns of counts.
    first_state: usize,
    dominant: usize,
    chosen: usize,
    /// Cells of a lane: the periods of the calendar.
    stride: usize,
    /// Days of the longest period.
    longest: usize,
    /// The numbers behind sums and means.
    sums: Vec<(&'a [f64], Spread)>,
    means: Vec<&'a [f64]>,
    /// The sums to which each record adds.
    whole: Vec<bool>,
}

impl<'a> Sweep<'a> {
    /// `narrow` says whether the dominant state and what is shown are written in bytes.
    pub fn new(
        spells: &'a Spells,
        layout: &'a Layout,
        wanted: &'a Wanted<'a>,
        narrow: [bool; 2],
    ) -> Self {
        let sums: Vec<(&[f64], Spread)> =
            wanted.sums.iter().map(|(values, spread)| (&values[..], *spread)).collect();
        let whole = |(values, spread): &(&[f64], Spread)| {
            matches!(spread, Spread::Days | Spread::Daily) && !values.iter().any(|v| v.is_nan())
        };
        let shares = sums.iter().any(|(_, spread)| *spread == Spread::Days);
        let longest = layout.bounds.windows(2).map(|pair| pair[1] - pair[0]).max();
        // of two columns of one width the dominant state comes first
        let both = wanted.dominant && wanted.choice.is_some() && narrow[0] == narrow[1];
        Self {
            starts: spells.starts(),
            ends: spells.ends(),
            // lengths are made when looked at
            lengths: if shares { &spells.lengths } else { &[] },
            spells: &spells.offsets,
            layout,
            wanted,
            n_states: wanted.states.map_or(0, |(_, shows)| shows.len()),
            first_state: usize::from(wanted.days),
            dominant: 0,
            chosen: usize::from(both),
            stride: layout.bounds.len() - 1,
            longest: longest.unwrap_or(0) as usize,
            whole: sums.iter().map(whole).collect(),
            sums,
            means: wanted.means.iter().map(|values| &values[..]).collect(),
        }
    }

    /// Whether each record adds to a sum.
    pub fn is_whole(&self, sum: usize) -> bool {
        self.whole[sum]
    }

    /// Fills the cells of one person.
    pub fn person(
        &self,
        person: usize,
        rows: Range<usize>,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        self.runs(person, rows.len(), room, told);
        self.counts(rows.clone(), cells, room, told);
        for column in cells.floats.iter_mut().take(self.sums.len()) {
            // what is added is never -0.0, so that a touched cell never is
            column[rows.clone()].fill(-0.0);
        }
        let done = self.states(rows.clone(), cells, room, told);
        self.amounts(rows.clone(), done, cells, room, told);
        self.choose(rows, cells, room, told);
    }

    /// Looks up which periods the spells of a person touch.
    fn runs(&self, person: usize, n_rows: usize, room: &mut Room, told: &mut Told) {
        let who = self.layout.who[person] as usize;
        let own = self.spells[who] as usize..self.spells[who + 1] as usize;
        let days = self.starts[own.clone()].iter().zip(&self.ends[own.clone()]);
        let records = &mut room.records[..n_rows.div_ceil(64)];
        room.runs.clear();
        records.fill(0);
        for (spell, (&start, &end)) in own.zip(days) {
            let Some((first, last)) = self.layout.span(start, end) else { continue };
            let row = self.layout.row(person, first);
            let run = Run {
                spell,
                start,
                end,
                row,
                first: first as usize,
                n: (last - first) as usize + 1,
            };
            mark(records, run.rows());
            room.runs.push(run);
        }
        let known = |from: usize, word: &u64| (*word != 0).then_some((from, *word));
        let first = records.iter().enumerate().find_map(|(at, word)| known(at, word));
        let last = records.iter().enumerate().rev().find_map(|(at, word)| known(at, word));
        if let (Some((first, low)), Some((last, high))) = (first, last) {
            told.outside[0] += (64 * first) as u64 + u64::from(low.trailing_zeros());
            told.outside[1] += (n_rows - 64 * last) as u64 - u64::from(64 - high.leading_zeros());
        }
        told.records.extend(records, n_rows);
    }

    /// Days, and spells; whether a count outgrows two bytes.
    fn counts(&self, rows: Range<usize>, cells: &mut Cells<'_>, room: &Room, told: &mut Told) {
        let at = |run: &Run| rows.start + run.row..rows.start + run.row + run.n;
        if self.wanted.days {
            let column = &mut cells.shorts[0];
            column[rows.clone()].fill(0);
            for run in &room.runs {
                add_days(&mut column[at(run)], run, &self.layout.bounds);
            }
        }
        if self.wanted.count
            && let Some(column) = cells.shorts.last_mut()
        {
            column[rows.clone()].fill(0);
            for run in &room.runs {
                for cell in &mut column[at(run)] {
                    *cell = cell.wrapping_add(1);
                }
            }
        }
        // so few spells cannot
        if room.runs.len() * self.longest > i16::MAX as usize {
            told.outgrown |= self.outgrows(rows.len(), room);
        }
    }

    /// Whether a count of a person outgrows two bytes.
    fn outgrows(&self, n_rows: usize, room: &Room) -> bool {
        let wanted = self.wanted;
        let any = |of: &dyn Fn(&Run) -> Option<(usize, bool)>, lanes: usize| {
            let mut wide = vec![0_i32; lanes * n_rows];
            for run in &room.runs {
                let Some((lane, days)) = of(run) else { continue };
                let cells = &mut wide[lane * n_rows..][run.rows()];
                for (cell, n) in cells.iter_mut().zip(run.days(&self.layout.bounds)) {
                    *cell = cell.saturating_add(if days { n } else { 1 });
                }
            }
            wide.iter().any(|count| *count > i32::from(i16::MAX))
        };
        let state = |run: &Run| {
            let code = wanted.states.map_or(NONE, |(codes, _)| codes.of(run.spell)) as usize;
            (code < self.n_states).then_some((code, true))
        };
        wanted.days && any(&|_| Some((0, true)), 1)
            || wanted.count && any(&|_| Some((0, false)), 1)
            || (wanted.by_state || wanted.dominant) && any(&state, self.n_states)
    }

    /// Days by state, and the state with most days. In the same pass the first sum, where it goes
    /// by days: returns how many sums are done.
    fn states(
        &self,
        rows: Range<usize>,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) -> usize {
        let wanted = self.wanted;
        let Some((codes, shows)) = wanted.states.filter(|_| wanted.by_state || wanted.dominant)
        else {
            return 0;
        };
        let done = self.spread(rows.clone(), codes, cells, room);
        let (stride, n_rows) = (self.stride, rows.len());
        let Room { lanes, touched, most, state, equal, flags, .. } = room;
        if wanted.dominant {
            let lane = |code: usize| &lanes[code * stride..code * stride + n_rows];
            let all = (0..self.n_states).filter(|&code| touched[code]);
            let (most, equal) = (&mut most[..n_rows], &mut equal[..n_rows]);
            let state = &mut state[..n_rows];
            if let Some(written) = wanted.dominant_as {
                let lanes = all.map(|code| (i16::from(written[code]), lane(code)));
                told.even += dominate(lanes, i16::from(NO_BYTE), most, state, equal);
                let column = &mut cells.bytes[self.dominant][rows.clone()];
                for (cell, &state) in column.iter_mut().zip(state.iter()) {
                    *cell = state as u8;
                }
                settle(column, &mut flags[..n_rows], &mut told.dominant);
            } else {
                let lanes = all.map(|code| (code as i16, lane(code)));
                told.even += dominate(lanes, -1, most, state, equal);
                let column = &mut cells.codes[self.dominant][rows.clone()];
                for (cell, &state) in column.iter_mut().zip(state.iter()) {
                    *cell = shows.get(state as usize).copied().unwrap_or(NONE);
                }
            }
        }
        for code in 0..self.n_states {
            let lane = &mut lanes[code * stride..code * stride + n_rows];
            if wanted.by_state {
                let column = &mut cells.shorts[self.first_state + code][rows.clone()];
                if touched[code] {
                    column.copy_from_slice(lane);
                } else {
                    column.fill(0);
                }
            }
            if touched[code] {
                lane.fill(0);
            }
        }
        touched.fill(false);
        done
    }

    /// Adds the days of each run to the lane of its state, and what goes by them to the first sum.
    fn spread(
        &self,
        rows: Range<usize>,
        codes: StateCodes<'_>,
        cells: &mut Cells<'_>,
        room: &mut Room,
    ) -> usize {
        let Room { runs, lanes, touched, .. } = room;
        let bounds = &self.layout.bounds[..];
        let by_days =
            |(_, spread): &&(&[f64], Spread)| matches!(spread, Spread::Days | Spread::Daily);
        let sum = self.sums.first().filter(by_days);
        let mut column = sum.map(|_| &mut cells.floats[0][rows]);
        for run in runs.iter() {
            let code = (codes.of(run.spell) as usize).min(self.n_states);
            touched[code] = true;
            let lane = &mut lanes[code * self.stride..][run.rows()];
            let (Some((values, spread)), Some(column)) = (sum, column.as_deref_mut()) else {
                add_days(lane, run, bounds);
                continue;
            };
            let value = values[run.spell];
            if value.is_nan() {
                add_days(lane, run, bounds);
                continue;
            }
            let cells = &mut column[run.rows()];
            if *spread == Spread::Daily {
                add_both(lane, cells, run, bounds, |days| value * days);
            } else {
                let length = f64::from(self.lengths[run.spell]);
                add_both(lane, cells, run, bounds, |days| value * (days / length));
            }
        }
        usize::from(sum.is_some())
    }

    /// Sums, those that are not `done`, and weighted means.
    fn amounts(
        &self,
        rows: Range<usize>,
        done: usize,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        let bounds = &self.layout.bounds[..];
        let Room { runs, flags, .. } = room;
        let (sums, means) = cells.floats.split_at_mut(self.sums.len());
        for ((values, spread), column) in self.sums.iter().zip(&mut *sums).skip(done) {
            let column = &mut column[rows.clone()];
            for run in runs.iter().filter(|run| !values[run.spell].is_nan()) {
                let value = values[run.spell];
                let own = &mut column[run.rows()];
                match spread {
                    Spread::Days => {
                        let length = f64::from(self.lengths[run.spell]);
                        for (cell, days) in own.iter_mut().zip(run.days(bounds)) {
                            *cell += value * (f64::from(days) / length) + 0.0;
                        }
                    }
                    Spread::Daily => {
                        for (cell, days) in own.iter_mut().zip(run.days(bounds)) {
                            *cell += value * f64::from(days) + 0.0;
                        }
                    }
                    Spread::Start if run.start >= bounds[run.first] => own[0] += value + 0.0,
                    Spread::End if run.end <= bounds[run.first + run.n] => {
                        own[run.n - 1] += value + 0.0;
                    }
                    Spread::Start | Spread::End => {}
                }
            }
        }
        let untouched = (-0.0_f64).to_bits();
        for (at, column) in sums.iter_mut().enumerate() {
            let column = &mut column[rows.clone()];
            if !self.whole[at] {
                let flags = &mut flags[..column.len()];
                for (flag, cell) in flags.iter_mut().zip(column.iter()) {
                    *flag = u8::from(cell.to_bits() != untouched);
                }
                told.sums[at].extend_flags(flags);
            }
            for cell in column {
                *cell = if cell.to_bits() == untouched { f64::NAN } else { *cell };
            }
        }
        for (values, pair) in self.means.iter().zip(means.chunks_exact_mut(2)) {
            let (sum, weight) = pair.split_at_mut(1);
            let (sum, weight) = (&mut sum[0][rows.clone()], &mut weight[0][rows.clone()]);
            sum.fill(0.0);
            weight.fill(0.0);
            for run in runs.iter().filter(|run| !values[run.spell].is_nan()) {
                let cells = sum[run.rows()].iter_mut().zip(&mut weight[run.rows()]);
                for ((sum, weight), days) in cells.zip(run.days(bounds)) {
                    *sum += values[run.spell] * f64::from(days);
                    *weight += f64::from(days);
                }
            }
        }
    }

    /// The spell shown in each cell.
    fn choose(&self, rows: Range<usize>, cells: &mut Cells<'_>, room: &mut Room, told: &mut Told) {
        let Some(choice) = &self.wanted.choice else { return };
        let n_rows = rows.len();
        let Room { runs, held, claimed, shown, bytes, .. } = room;
        let (held, claimed) = (&mut held[..n_rows], &mut claimed[..n_rows.div_ceil(64)]);
        claimed.fill(0);
        let single = choice.ranking.and_then(Ranking::single);
        let mut paint = Paint { choice, keys: single, held, claimed };
        let mut even = choice.ranking.is_some() && single.is_none();
        if let Some(written) = choice.shown_as {
            let bytes = &mut bytes[..n_rows];
            bytes.fill(NO_BYTE);
            even = even || paint.all(runs, bytes, |spell| written[spell]);
            if even {
                self.compare(choice, n_rows, room, told);
                for (byte, &spell) in room.bytes[..n_rows].iter_mut().zip(&room.shown) {
                    *byte = written.get(spell as usize).copied().unwrap_or(NO_BYTE);
                }
            }
            let column = &mut cells.bytes[self.chosen][rows];
            column.copy_from_slice(&room.bytes[..n_rows]);
            settle(column, &mut room.flags[..n_rows], &mut told.chosen);
            return;
        }
        let own = &mut shown[..n_rows];
        own.fill(NONE);
        even = even || paint.all(runs, own, |spell| spell as u32);
        if even {
            self.compare(choice, n_rows, room, told);
        }
        cells.codes[self.chosen][rows].copy_from_slice(&room.shown[..n_rows]);
    }

    /// The rows of a run in which its spell may be shown.
    #[inline]
    fn candidates(choice: &Choice<'_>, run: &Run) -> Range<usize> {
        let Some(reference) = &choice.days else { return run.rows() };
        // only the first and the last period can miss their reference day
        let from = usize::from(reference[run.first] < run.start);
        let missed = run.n > from && reference[run.first + run.n - 1] >= run.end;
        run.row + from..run.row + run.n - usize::from(missed)
    }

    /// The spell shown in each cell, where several columns decide or the row number does.
    fn compare(&self, choice: &Choice<'_>, n_rows: usize, room: &mut Room, told: &mut Told) {
        let Some(ranking) = choice.ranking else { return };
        let Room { runs, shown, held, held_days, tied, .. } = room;
        let (shown, tied) = (&mut shown[..n_rows], &mut tied[..n_rows]);
        shown.fill(NONE);
        tied.fill(false);
        if let Some(keys) = ranking.single() {
            for run in runs.iter() {
                let key = keys.of(run.spell);
                for row in Self::candidates(choice, run) {
                    let other = shown[row];
                    let better = other == NONE || key < held[row];
                    let even = !better && key == held[row];
                    tied[row] = !better && (tied[row] || even);
                    if better || even && ranking.row(run.spell) < ranking.row(other as usize) {
                        (shown[row], held[row]) = (run.spell as u32, key);
                    }
                }
            }
        } else {
            for run in runs.iter() {
                let own = Self::candidates(choice, run);
                let days = run.days(&self.layout.bounds).skip(own.start - run.row);
                for (row, days) in own.zip(days) {
                    let other = shown[row];
                    let order = if other == NONE {
                        std::cmp::Ordering::Less
                    } else {
                        let other = (other as usize, held_days[row]);
                        ranking.compare_in_period((run.spell, days), other)
                    };
                    tied[row] = order.is_eq() || tied[row] && order.is_gt();
                    let earlier =
                        order.is_eq() && ranking.row(run.spell) < ranking.row(other as usize);
                    if order.is_lt() || earlier {
                        (shown[row], held_days[row]) = (run.spell as u32, days);
                    }
                }
            }
        }
        told.tied += tied.iter().map(|tied| u64::from(*tied)).sum::<u64>();
    }
}

/// Writes bytes where there is none as 0, and notes where there is one.
fn settle(column: &mut [u8], flags: &mut [u8], there: &mut Bits) {
    for (cell, flag) in column.iter_mut().zip(flags.iter_mut()) {
        *flag = u8::from(*cell != NO_BYTE);
        *cell = if *cell == NO_BYTE { 0 } else { *cell };
    }
    there.extend_flags(flags);
}

/// Shows the spell with the least key of those of each cell.
struct Paint<'b> {
    choice: &'b Choice<'b>,
    /// `None` where no two spells meet in a cell.
    keys: Option<Single<'b>>,
    held: &'b mut [u64],
    claimed: &'b mut [u64],
}

impl Paint<'_> {
    /// Shows what `of` says of the best spells; whether two spells with equal keys met.
    #[inline]
    fn all<T: Copy>(&mut self, runs: &[Run], shown: &mut [T], of: impl Fn(usize) -> T) -> bool {
        let choice = self.choice;
        let rows = |run: &Run| Sweep::candidates(choice, run);
        let Some(keys) = self.keys else {
            for run in runs {
                shown[rows(run)].fill(of(run.spell));
            }
            return false;
        };
        self.held.fill(u64::MAX);
        let mut even = false;
        for run in runs {
            let (own, key, value) = (rows(run), keys.of(run.spell), of(run.spell));
            if key == u64::MAX {
                // the last of all is shown where nothing is
                for row in own.clone() {
                    let free = self.claimed[row / 64] >> (row % 64) & 1 == 0;
                    even |= !free && self.held[row] == key;
                    if free {
                        shown[row] = value;
                    }
                }
            } else {
                // no branch: which spell is the better one is anybody's guess
                let (held, shown) = (&mut self.held[own.clone()], &mut shown[own.clone()]);
                let n = held.len().min(shown.len());
                for at in 0..n {
                    let (before, better) = (held[at], key < held[at]);
                    even |= key == before;
                    held[at] = before.min(key);
                    shown[at] = std::hint::select_unpredictable(better, value, shown[at]);
                }
            }
            mark(self.claimed, own);
        }
        even
    }
}

/// What is written of the lane with most days in each cell, of the first of equals, `none` where
/// there is none; in how many cells several have as many.
#[allow(clippy::needless_range_loop, reason = "as in add_days")]
#[allow(clippy::needless_bitwise_bool, reason = "without branches cells go side by side")]
fn dominate<'a>(
    lanes: impl DoubleEndedIterator<Item = (i16, &'a [i16])> + Clone,
    none: i16,
    most: &mut [i16],
    state: &mut [i16],
    equal: &mut [i16],
) -> u64 {
    let n = most.len();
    let (state, equal) = (&mut state[..n], &mut equal[..n]);
    most.fill(0);
    state.fill(none);
    equal.fill(0);
    for (_, days) in lanes.clone() {
        let days = &days[..n];
        for at in 0..n {
            most[at] = most[at].max(days[at]);
        }
    }
    // the first of equals is written last
    for (written, days) in lanes.rev() {
        let days = &days[..n];
        for at in 0..n {
            let best = (days[at] == most[at]) & (most[at] > 0);
            state[at] = if best { written } else { state[at] };
            equal[at] += i16::from(best);
        }
    }
    equal.iter().map(|equal| u32::from(*equal > 1)).sum::<u32>().into()
}
