//! The sweep that fills the cells of a panel: one pass over persons for all columns.

use super::layout::{Layout, Part};
use super::order::Ranking;
use super::to_panel::Spread;
use crate::data::{Buffer, Spells};
use crate::math::sweep;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// No spell.
pub(super) const NONE: u32 = u32::MAX;
/// No state, no reason.
pub(super) const NO_BYTE: u8 = u8::MAX;

/// What the cells are to hold.
#[allow(clippy::struct_excessive_bools, reason = "each says whether one column is made")]
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// Days covered.
    pub days: bool,
    /// Spells that touch the period.
    pub count: bool,
    /// The state of each spell, and for each state a spell that shows it.
    pub states: Option<(&'a [u32], &'a [u32])>,
    /// Days in each state.
    pub by_state: bool,
    /// The state with most days.
    pub dominant: bool,
    /// What each state is written as, where one byte will do.
    pub dominant_as: Option<&'a [u8]>,
    /// Numbers of spells to add up.
    pub sums: Vec<(Buffer<f64>, Spread)>,
    /// Values to weigh by days.
    pub means: Vec<Buffer<f64>>,
    /// Which one spell of the period is shown.
    pub choice: Option<Choice<'a>>,
    /// Why a cell has no record.
    pub reasons: bool,
}

/// Which one spell of a period is shown.
pub(super) struct Choice<'a> {
    /// The reference day of each period; `None` where any day of the period will do.
    pub days: Option<Vec<i32>>,
    /// Who wins where several could be; `None` where that cannot be.
    pub ranking: Option<&'a Ranking>,
    /// What each spell is shown as, where one byte will do; else the spell is given.
    pub shown_as: Option<&'a [u8]>,
}

/// The columns, in the order in which they were wanted.
#[derive(Default)]
pub(super) struct Filled {
    /// Days, days by state, count; `None` when one outgrew two bytes.
    pub counts: Option<Vec<Vec<i16>>>,
    /// Sums; untouched cells are `-0.0`.
    pub sums: Vec<Vec<f64>>,
    /// Value times days, and days.
    pub means: Vec<[Vec<f64>; 2]>,
    /// A spell that shows the state with most days, or what that state is written as.
    pub dominant: Codes,
    /// The spell shown, or what it is shown as.
    pub chosen: Codes,
    /// 0 no record, 1 before entry, 2 after exit; [`NO_BYTE`] where there is a record.
    pub reasons: Vec<u8>,
    /// Cells in which states have equally many days.
    pub even: u64,
    /// Cells in which only the row number decided which spell is shown.
    pub tied: u64,
}

/// One code a cell, in as many bytes as they need.
pub(super) enum Codes {
    /// Spells; [`NONE`] where there is none.
    Spells(Vec<u32>),
    /// What is written; [`NO_BYTE`] where nothing is.
    Bytes(Vec<u8>),
}

impl Default for Codes {
    fn default() -> Self {
        Self::Spells(Vec::new())
    }
}

/// What a run of persons gives beside its columns.
#[derive(Default)]
struct Told {
    even: u64,
    tied: u64,
    outgrown: bool,
}

/// The periods that one spell touches: rows of its person, and where their days stand.
#[derive(Clone, Copy)]
struct Run {
    spell: usize,
    /// The first row, counted from the person's first.
    row: usize,
    /// The position of the first period.
    first: usize,
    /// Where the days stand.
    days: usize,
    n: usize,
}

/// Room for one person, used again for the next.
struct Room {
    runs: Vec<Run>,
    days: Vec<i32>,
    /// Days in each state, where there are no columns for them: `rows` cells a state.
    lanes: Vec<i16>,
    rows: usize,
    touched: Vec<bool>,
    most: Vec<i16>,
    state: Vec<i16>,
    equal: Vec<i16>,
    /// The spell that is shown, its key and its days in the period.
    shown: Vec<u32>,
    held: Vec<u64>,
    held_days: Vec<i32>,
    tied: Vec<bool>,
}

impl Room {
    fn new(rows: usize, n_states: usize, lanes: bool) -> Self {
        Self {
            runs: Vec::new(),
            days: Vec::new(),
            lanes: vec![0; if lanes { rows * n_states } else { 0 }],
            rows,
            touched: vec![false; n_states],
            most: vec![0; rows],
            state: vec![0; rows],
            equal: vec![0; rows],
            shown: vec![NONE; rows],
            held: vec![0; rows],
            held_days: vec![0; rows],
            tied: vec![false; rows],
        }
    }

    /// The days of a run.
    fn of(&self, run: &Run) -> &[i32] {
        &self.days[run.days..run.days + run.n]
    }
}

/// Adds days to counts; whether one outgrew two bytes.
#[inline]
fn add(cells: &mut [i16], days: &[i32]) -> bool {
    let mut outgrown = false;
    for (cell, &days) in cells.iter_mut().zip(days) {
        let sum = i32::from(*cell) + days;
        outgrown |= sum > i32::from(i16::MAX);
        *cell = sum as i16;
    }
    outgrown
}

/// One sweep: what is asked of which spells, and where the columns stand.
struct Sweep<'a> {
    spells: &'a Spells,
    layout: &'a Layout,
    wanted: &'a Wanted<'a>,
    n_states: usize,
    /// The place of the first state among the columns of counts.
    first_state: usize,
    dominant: usize,
    chosen: usize,
    reasons: usize,
}

/// Fills what is wanted of the cells of `layout`.
pub(super) fn fill(spells: &Spells, layout: &Layout, wanted: &Wanted<'_>) -> Filled {
    let n_rows = layout.n_rows();
    let n_states = wanted.states.map_or(0, |(_, shows)| shows.len());
    let first_state = usize::from(wanted.days);
    let n_counts =
        first_state + if wanted.by_state { n_states } else { 0 } + usize::from(wanted.count);
    // Fresh zeroed memory costs nothing until it is touched, which happens in parallel. It is
    // written before it is read: a page read first is mapped twice.
    let mut counts: Vec<Vec<i16>> = (0..n_counts).map(|_| vec![0; n_rows]).collect();
    let mut floats: Vec<Vec<f64>> =
        (0..wanted.sums.len() + 2 * wanted.means.len()).map(|_| vec![0.0; n_rows]).collect();
    let narrow = [
        wanted.dominant && wanted.dominant_as.is_some(),
        wanted.choice.as_ref().is_some_and(|choice| choice.shown_as.is_some()),
        wanted.reasons,
    ];
    let asked = [wanted.dominant && !narrow[0], wanted.choice.is_some() && !narrow[1]];
    let mut codes: Vec<Vec<u32>> =
        asked.iter().map(|&there| vec![0; if there { n_rows } else { 0 }]).collect();
    let mut bytes: Vec<Vec<u8>> =
        narrow.iter().map(|&there| vec![0; if there { n_rows } else { 0 }]).collect();
    let cells = sweep::Cells {
        shorts: counts.iter_mut().map(Vec::as_mut_slice).collect(),
        floats: floats.iter_mut().map(Vec::as_mut_slice).collect(),
        codes: parts(&mut codes, &asked),
        bytes: parts(&mut bytes, &narrow),
        days: Vec::new(),
    };
    let place = |of: usize| {
        let wide = of < 2 && !narrow[of];
        let before = if wide { &asked[..of] } else { &narrow[..of] };
        before.iter().map(|there| usize::from(*there)).sum()
    };
    let one = Sweep {
        spells,
        layout,
        wanted,
        n_states,
        first_state,
        dominant: place(0),
        chosen: place(1),
        reasons: place(2),
    };
    let told = sweep::fill_cells(&layout.offsets, cells, |persons, cells| {
        let lanes = wanted.dominant && !wanted.by_state;
        let mut room = Room::new(layout.bounds.len() - 1, n_states, lanes);
        let base = layout.offsets[persons.start] as usize;
        let mut told = Told::default();
        for person in persons {
            let rows =
                layout.offsets[person] as usize - base..layout.offsets[person + 1] as usize - base;
            one.runs(person, &mut room);
            one.counts(rows.clone(), cells, &mut room, &mut told);
            one.amounts(rows.clone(), cells, &room);
            one.choose(rows.clone(), cells, &mut room, &mut told);
            one.reasons(rows, cells, &room);
        }
        told
    });
    let (mut filled, mut outgrown) = (Filled::default(), false);
    for own in told {
        filled.even += own.even;
        filled.tied += own.tied;
        outgrown |= own.outgrown;
    }
    filled.counts = (!outgrown).then_some(counts);
    let mut means = floats.split_off(wanted.sums.len()).into_iter();
    filled.sums = floats;
    while let (Some(sum), Some(days)) = (means.next(), means.next()) {
        filled.means.push([sum, days]);
    }
    filled.reasons = bytes.pop().unwrap_or_default();
    let mut either = |narrow: bool| {
        let (wide, thin) = (codes.pop().unwrap_or_default(), bytes.pop().unwrap_or_default());
        if narrow { Codes::Bytes(thin) } else { Codes::Spells(wide) }
    };
    filled.chosen = either(narrow[1]);
    filled.dominant = either(narrow[0]);
    if let (true, true, Some((of, shows))) = (outgrown, wanted.dominant, wanted.states) {
        let (dominant, even) = dominant_in_wide_numbers(spells, layout, of, shows);
        (filled.dominant, filled.even) = (Codes::Spells(dominant), even);
    }
    filled
}

/// The columns that are asked for.
fn parts<'a, T>(columns: &'a mut [Vec<T>], asked: &[bool]) -> Vec<&'a mut [T]> {
    let there = columns.iter_mut().zip(asked).filter(|(_, there)| **there);
    there.map(|(column, _)| column.as_mut_slice()).collect()
}

impl Sweep<'_> {
    /// Looks up which periods the spells of a person touch, and on how many days.
    fn runs(&self, person: usize, room: &mut Room) {
        let (starts, ends) = (self.spells.starts(), self.spells.ends());
        let bounds = &self.layout.bounds[..];
        room.runs.clear();
        room.days.clear();
        for spell in self.spells.of(self.layout.who[person] as usize) {
            let (start, end) = (starts[spell], ends[spell]);
            let Some((first, last)) = self.layout.span(start, end) else { continue };
            let row = self.layout.row(person, first);
            let (first, n) = (first as usize, (last - first) as usize + 1);
            room.runs.push(Run { spell, row, first, days: room.days.len(), n });
            let edges = &bounds[first..=first + n];
            if n == 1 {
                room.days.push(end.min(edges[1]) - start.max(edges[0]));
                continue;
            }
            room.days.push(edges[1] - start.max(edges[0]));
            for edge in edges[1..n].windows(2) {
                room.days.push(edge[1] - edge[0]);
            }
            room.days.push(end.min(edges[n]) - edges[n - 1]);
        }
    }

    /// Days, days by state, spells, and the state with most days.
    fn counts(
        &self,
        rows: Range<usize>,
        cells: &mut sweep::Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        let wanted = self.wanted;
        for column in &mut cells.shorts {
            column[rows.clone()].fill(0);
        }
        let at = |run: &Run| rows.start + run.row..rows.start + run.row + run.n;
        if wanted.days {
            let column = &mut cells.shorts[0];
            for run in &room.runs {
                told.outgrown |= add(&mut column[at(run)], room.of(run));
            }
        }
        if wanted.count
            && let Some(column) = cells.shorts.last_mut()
        {
            for run in &room.runs {
                for cell in &mut column[at(run)] {
                    told.outgrown |= *cell == i16::MAX;
                    *cell = cell.saturating_add(1);
                }
            }
        }
        let Some((codes, shows)) = wanted.states.filter(|_| wanted.by_state || wanted.dominant)
        else {
            return;
        };
        let n_rows = rows.len();
        for at_run in 0..room.runs.len() {
            let run = room.runs[at_run];
            let code = codes[run.spell] as usize;
            if code >= self.n_states {
                continue;
            }
            room.touched[code] = true;
            let days = &room.days[run.days..run.days + run.n];
            let cells = if wanted.by_state {
                &mut cells.shorts[self.first_state + code][at(&run)]
            } else {
                let from = code * room.rows + run.row;
                &mut room.lanes[from..from + run.n]
            };
            told.outgrown |= add(cells, days);
        }
        if wanted.dominant {
            let (stride, first) = (room.rows, self.first_state);
            let Room { lanes, touched, most, state, equal, .. } = room;
            let lane = |code: usize| {
                if wanted.by_state {
                    &cells.shorts[first + code][rows.clone()]
                } else {
                    &lanes[code * stride..code * stride + n_rows]
                }
            };
            let all = (0..self.n_states).filter(|&code| touched[code]);
            told.even += dominate(
                all.map(|code| (code as i16, lane(code))),
                &mut most[..n_rows],
                &mut state[..n_rows],
                &mut equal[..n_rows],
            );
            if let Some(written) = wanted.dominant_as {
                let column = &mut cells.bytes[self.dominant][rows];
                for (cell, &state) in column.iter_mut().zip(state.iter()) {
                    *cell = written.get(state as usize).copied().unwrap_or(NO_BYTE);
                }
            } else {
                let column = &mut cells.codes[self.dominant][rows];
                for (cell, &state) in column.iter_mut().zip(state.iter()) {
                    *cell = shows.get(state as usize).copied().unwrap_or(NONE);
                }
            }
            for code in (0..self.n_states).filter(|&code| touched[code] && !wanted.by_state) {
                lanes[code * stride..code * stride + n_rows].fill(0);
            }
        }
        room.touched.fill(false);
    }

    /// Sums and weighted means.
    fn amounts(&self, rows: Range<usize>, cells: &mut sweep::Cells<'_>, room: &Room) {
        let (starts, ends) = (self.spells.starts(), self.spells.ends());
        let bounds = &self.layout.bounds[..];
        let (sums, means) = cells.floats.split_at_mut(self.wanted.sums.len());
        for ((values, spread), column) in self.wanted.sums.iter().zip(sums) {
            let column = &mut column[rows.clone()];
            // what is added is never -0.0, so that a touched cell never is
            column.fill(-0.0);
            for run in room.runs.iter().filter(|run| !values[run.spell].is_nan()) {
                let (value, days) = (values[run.spell], room.of(run));
                let own = &mut column[run.row..run.row + run.n];
                match spread {
                    Spread::Days => {
                        let length = f64::from(self.spells.lengths[run.spell]);
                        for (cell, &days) in own.iter_mut().zip(days) {
                            *cell += value * (f64::from(days) / length) + 0.0;
                        }
                    }
                    Spread::Daily => {
                        for (cell, &days) in own.iter_mut().zip(days) {
                            *cell += value * f64::from(days) + 0.0;
                        }
                    }
                    Spread::Start if starts[run.spell] >= bounds[run.first] => {
                        own[0] += value + 0.0;
                    }
                    Spread::End if ends[run.spell] <= bounds[run.first + run.n] => {
                        own[run.n - 1] += value + 0.0;
                    }
                    Spread::Start | Spread::End => {}
                }
            }
        }
        for (values, pair) in self.wanted.means.iter().zip(means.chunks_exact_mut(2)) {
            let (sum, weight) = pair.split_at_mut(1);
            for run in room.runs.iter().filter(|run| !values[run.spell].is_nan()) {
                let own = rows.start + run.row..rows.start + run.row + run.n;
                let cells = sum[0][own.clone()].iter_mut().zip(&mut weight[0][own]);
                for ((sum, weight), &days) in cells.zip(room.of(run)) {
                    *sum += values[run.spell] * f64::from(days);
                    *weight += f64::from(days);
                }
            }
        }
    }

    /// The spell shown in each cell.
    fn choose(
        &self,
        rows: Range<usize>,
        cells: &mut sweep::Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        let Some(choice) = &self.wanted.choice else { return };
        let single = choice.ranking.and_then(Ranking::single);
        let (starts, ends) = (self.spells.starts(), self.spells.ends());
        let n_rows = rows.len();
        let Room { runs, days, shown, held, held_days, tied, .. } = room;
        let (shown, tied) = (&mut shown[..n_rows], &mut tied[..n_rows]);
        shown.fill(NONE);
        tied.fill(false);
        for run in runs.iter() {
            let (mut from, mut to) = (0, run.n);
            if let Some(reference) = &choice.days {
                // only the first and the last period can miss their reference day
                from = usize::from(reference[run.first] < starts[run.spell]);
                to -= usize::from(to > from && reference[run.first + to - 1] >= ends[run.spell]);
            }
            let own = run.row + from..run.row + to.max(from);
            let spell = run.spell as u32;
            match (choice.ranking, single) {
                (None, _) => shown[own].fill(spell),
                (Some(ranking), Some(keys)) => {
                    let key = keys.of(run.spell);
                    let mut any_even = false;
                    let cells = shown[own.clone()].iter_mut().zip(&mut held[own.clone()]);
                    for ((shown, held), tied) in cells.zip(&mut tied[own.clone()]) {
                        // no branch: which spell is the better one is anybody's guess
                        let free = *shown == NONE;
                        let better = u8::from(free) | u8::from(key < *held) != 0;
                        let even = u8::from(!free) & u8::from(key == *held) != 0;
                        *shown = if better { spell } else { *shown };
                        *held = if better { key } else { *held };
                        *tied = u8::from(!better) & (u8::from(*tied) | u8::from(even)) != 0;
                        any_even |= even;
                    }
                    if any_even {
                        for row in own.filter(|&row| tied[row] && held[row] == key) {
                            if ranking.row(run.spell) < ranking.row(shown[row] as usize) {
                                shown[row] = spell;
                            }
                        }
                    }
                }
                (Some(ranking), None) => {
                    for row in own {
                        let (other, own) = (shown[row], days[run.days + row - run.row]);
                        let order = if other == NONE {
                            std::cmp::Ordering::Less
                        } else {
                            let other = (other as usize, held_days[row]);
                            ranking.compare_in_period((run.spell, own), other)
                        };
                        tied[row] = order.is_eq() || tied[row] && order.is_gt();
                        let earlier =
                            order.is_eq() && ranking.row(run.spell) < ranking.row(other as usize);
                        if order.is_lt() || earlier {
                            (shown[row], held_days[row]) = (spell, own);
                        }
                    }
                }
            }
        }
        told.tied += tied.iter().map(|tied| u64::from(*tied)).sum::<u64>();
        let Some(written) = choice.shown_as else {
            cells.codes[self.chosen][rows].copy_from_slice(shown);
            return;
        };
        for (cell, &spell) in cells.bytes[self.chosen][rows].iter_mut().zip(shown.iter()) {
            *cell = written.get(spell as usize).copied().unwrap_or(NO_BYTE);
        }
    }

    /// Why cells have no record, by what records alone can tell.
    fn reasons(&self, rows: Range<usize>, cells: &mut sweep::Cells<'_>, room: &Room) {
        if !self.wanted.reasons {
            return;
        }
        let column = &mut cells.bytes[self.reasons][rows];
        column.fill(0);
        let (mut first, mut last) = (column.len(), 0);
        for run in &room.runs {
            column[run.row..run.row + run.n].fill(NO_BYTE);
            first = first.min(run.row);
            last = last.max(run.row + run.n);
        }
        column[..first].fill(1);
        column[last.max(first)..].fill(2);
    }
}

/// The lane with most days in each cell, the first of equals, -1 where there is none; in how many
/// cells several have as many.
fn dominate<'a>(
    lanes: impl Iterator<Item = (i16, &'a [i16])> + Clone,
    most: &mut [i16],
    state: &mut [i16],
    equal: &mut [i16],
) -> u64 {
    most.fill(0);
    state.fill(-1);
    equal.fill(0);
    for (_, days) in lanes.clone() {
        for (most, &days) in most.iter_mut().zip(days) {
            *most = (*most).max(days);
        }
    }
    for (code, days) in lanes {
        for (((state, equal), &most), &days) in
            state.iter_mut().zip(equal.iter_mut()).zip(most.iter()).zip(days)
        {
            let best = i16::from(days == most) & i16::from(most > 0);
            // the first of equals: later ones only count
            *state += best * (code + 1) * i16::from(*equal == 0);
            *equal += best;
        }
    }
    equal.iter().map(|equal| u64::from(*equal > 1)).sum()
}

/// What [`dominate`] finds, where days outgrow two bytes.
fn dominant_in_wide_numbers(
    spells: &Spells,
    layout: &Layout,
    codes: &[u32],
    shows: &[u32],
) -> (Vec<u32>, u64) {
    let mut dominant = vec![NONE; layout.n_rows()];
    let even = sweep::fill_chunks(&layout.offsets, &mut dominant, |persons, dominant| {
        let base = layout.offsets[persons.start] as usize;
        let mut even = 0_u64;
        for person in persons {
            let mut days: FxHashMap<(usize, u32), i64> = FxHashMap::default();
            layout.parts(spells, person, |row, Part { spell, from, to }| {
                if codes[spell] != NONE {
                    *days.entry((row, codes[spell])).or_default() += i64::from(to - from);
                }
            });
            let mut days: Vec<_> =
                days.into_iter().map(|((row, code), n)| (row, -n, code)).collect();
            days.sort_unstable();
            for cell in days.chunk_by(|a, b| a.0 == b.0) {
                let at = layout.offsets[person] as usize - base + cell[0].0;
                dominant[at] = shows[cell[0].2 as usize];
                even += u64::from(cell.get(1).is_some_and(|next| next.1 == cell[0].1));
            }
        }
        even
    });
    (dominant, even.into_iter().sum())
}
