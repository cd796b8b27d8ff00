//! Filling the cells of one person after another, while all that it takes is in the cache.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::blocks::{
    BLOCK, Lane, Part, Run, add_amounts, add_days, add_one, bits, dominant, mark, nan_without,
    padded, write, write_bytes,
};
use super::cells::{NO_BYTE, NONE, Wanted};
use super::choose::NOTHING;
use super::keys::CodesOf;
use super::layout::Layout;
use super::to_panel::Spread;
use crate::data::{Bits, Spells};
use crate::math::sweep::Cells;
use std::ops::Range;

/// So few states are looked at without asking which of them a person has.
const FEW: usize = 8;

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
    /// Cells with a state with most days, where that is written in a byte; empty where each record
    /// has one.
    pub dominant: Bits,
    /// Cells in which something is shown, where that is written in a byte.
    pub chosen: Bits,
}

impl Told {
    /// Of so many rows.
    pub fn new(wanted: &Wanted<'_>, rows: usize) -> Self {
        let bits = |asked: bool| Bits::with_capacity(if asked { rows } else { 0 });
        Self {
            sums: wanted.sums.iter().map(|_| Bits::default()).collect(),
            records: bits(true),
            dominant: bits(wanted.dominant_as.is_some() && !wanted.all_stated),
            chosen: bits(wanted.choice.as_ref().is_some_and(|choice| choice.shown_as.is_some())),
            ..Self::default()
        }
    }
}

/// Room for one person, used again for the next. Lanes hold 0, or nothing, between persons.
pub(super) struct Room {
    /// The spells of the person in the blocks that they touch, and how many spells touch any.
    pub parts: Vec<Part>,
    n_runs: usize,
    /// Days in each state: a lane a state and one for spells without a state, block by block.
    lanes: Vec<Lane<i16>>,
    /// The states that a person has; of [`FEW`] nobody asks.
    used: Vec<bool>,
    /// The states that are looked at, ascending, and what they are written as.
    looked_at: Vec<(usize, i16)>,
    counts: Vec<Lane<i16>>,
    amounts: Vec<Lane<f64>>,
    weights: Vec<Lane<f64>>,
    /// Rows with a record, one bit each; rows to which a sum adds; any others.
    records: Vec<u64>,
    added: Vec<u64>,
    pub bits: Vec<u64>,
    /// Rows in which a spell with the last of all keys is shown, one bit each.
    pub claimed: Vec<u64>,
    /// What is shown, and its key.
    pub shown: Vec<Lane<u64>>,
    pub held: Vec<Lane<u64>>,
    /// The spell that is shown, its key and its days in the period, where spells are compared.
    pub best: Vec<u32>,
    pub best_key: Vec<u64>,
    pub best_days: Vec<i32>,
    pub tied: Vec<bool>,
}

impl Room {
    pub fn new(sweep: &Sweep<'_>) -> Self {
        let (stride, blocks) = (sweep.stride, sweep.blocks);
        let lanes = if sweep.wanted.states.is_some() { sweep.n_states + 1 } else { 0 };
        let words = || vec![0; stride.div_ceil(64)];
        Self {
            parts: Vec::new(),
            n_runs: 0,
            lanes: vec![Lane::of(0); blocks * lanes],
            used: vec![false; lanes],
            looked_at: (0..sweep.n_states).map(|code| (code, sweep.written(code))).collect(),
            counts: vec![Lane::of(0); blocks],
            amounts: vec![Lane::of(0.0); blocks],
            weights: vec![Lane::of(0.0); blocks],
            records: words(),
            added: words(),
            bits: words(),
            claimed: words(),
            shown: vec![Lane::of(NOTHING); blocks],
            held: vec![Lane::of(NOTHING); blocks],
            best: vec![NONE; stride],
            best_key: vec![0; stride],
            best_days: vec![0; stride],
            tied: vec![false; stride],
        }
    }
}

/// One sweep: what is asked of which spells, and where the columns stand.
pub(super) struct Sweep<'a> {
    starts: &'a [i32],
    ends: &'a [i32],
    lengths: &'a [i32],
    spells: &'a [u32],
    pub layout: &'a Layout,
    /// The first position of each person, where rows follow each other.
    firsts: &'a [u32],
    pub wanted: &'a Wanted<'a>,
    n_states: usize,
    /// The place of the first state among the columns of counts.
    first_state: usize,
    dominant: usize,
    pub chosen: usize,
    /// The periods of the calendar, and how many blocks they make.
    stride: usize,
    blocks: usize,
    /// First days of the periods and the day after the last, with room for a block.
    bounds: Vec<i32>,
    /// The days that a spell shown in a period touches, `from..to`, with room for a block.
    pub from: Vec<i32>,
    pub to: Vec<i32>,
    /// Days of the longest period.
    longest: usize,
    /// The numbers behind sums and means.
    sums: Vec<(&'a [f64], Spread)>,
    means: Vec<&'a [f64]>,
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
            wanted.sums.iter().map(|own| (&own.values[..], own.spread)).collect();
        let shares = sums.iter().any(|(_, spread)| *spread == Spread::Days);
        let bounds = &layout.bounds[..];
        let longest = bounds.windows(2).map(|pair| pair[1] - pair[0]).max();
        // of two columns of one width the dominant state comes first
        let both = wanted.dominant && wanted.choice.is_some() && narrow[0] == narrow[1];
        let stride = bounds.len() - 1;
        let reference = wanted.choice.as_ref().and_then(|choice| choice.days.as_ref());
        let shown = |at: usize| match reference {
            Some(days) => (days[at], days[at] + 1),
            None => (bounds[at], bounds[at + 1]),
        };
        Self {
            starts: spells.starts(),
            ends: spells.ends(),
            // lengths are made when looked at
            lengths: if shares { &spells.lengths } else { &[] },
            spells: &spells.offsets,
            layout,
            firsts: &layout.firsts,
            wanted,
            n_states: wanted.states.map_or(0, |(_, shows)| shows.len()),
            first_state: usize::from(wanted.days),
            dominant: 0,
            chosen: usize::from(both),
            stride,
            blocks: stride.div_ceil(BLOCK),
            bounds: padded(bounds.iter().copied(), bounds[stride]),
            from: padded((0..stride).map(|at| shown(at).0), i32::MAX),
            to: padded((0..stride).map(|at| shown(at).1), i32::MIN),
            longest: longest.unwrap_or(0) as usize,
            sums,
            means: wanted.means.iter().map(|values| &values[..]).collect(),
        }
    }

    /// Fills the cells of one person.
    #[inline(always)]
    pub fn person(
        &self,
        person: usize,
        rows: Range<usize>,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        self.look_up(person, rows.len(), room, told);
        // so few spells cannot outgrow two bytes
        if room.n_runs * self.longest > i16::MAX as usize {
            told.outgrown |= self.outgrows(person, rows.len());
        }
        self.counts(rows.clone(), cells, room);
        let done = self.states(person, rows.clone(), cells, room, told);
        self.amounts((person, rows.clone()), done, cells, room, told);
        self.choose(person, rows, cells, room, told);
    }

    /// The periods that the spells of a person touch.
    #[inline(always)]
    pub(super) fn runs(&self, person: usize) -> impl Iterator<Item = Run> {
        let who = self.layout.who[person] as usize;
        let own = self.spells[who] as usize..self.spells[who + 1] as usize;
        let days = self.starts[own.clone()].iter().zip(&self.ends[own.clone()]);
        let (periods, layout) = (self.layout.periods(), self.layout);
        let start_of_person = self.firsts.get(person).copied();
        own.zip(days).filter_map(
            #[inline(always)]
            move |(spell, (&start, &end))| {
                let (first, last) = periods.span(start, end)?;
                let row = match start_of_person {
                    Some(position) => (first - position) as usize,
                    None => layout.row(person, first),
                };
                let n = (last - first) as usize + 1;
                Some(Run { spell, start, end, row, first: first as usize, n })
            },
        )
    }

    /// Looks up which periods the spells of a person touch, and which rows have a record.
    ///
    /// Not a part of the loop over persons: what it holds in registers would be held in memory there.
    #[inline(never)]
    fn look_up(&self, person: usize, n_rows: usize, room: &mut Room, told: &mut Told) {
        let Room { parts, n_runs, records, .. } = room;
        let records = &mut records[..n_rows.div_ceil(64)];
        parts.clear();
        records.fill(0);
        let mut n = 0;
        for run in self.runs(person) {
            mark(records, run.rows());
            run.parts(parts);
            n += 1;
        }
        *n_runs = n;
        let known = |from: usize, word: &u64| (*word != 0).then_some((from, *word));
        let first = records.iter().enumerate().find_map(|(at, word)| known(at, word));
        let last = records.iter().enumerate().rev().find_map(|(at, word)| known(at, word));
        if let (Some((first, low)), Some((last, high))) = (first, last) {
            told.outside[0] += (64 * first) as u64 + u64::from(low.trailing_zeros());
            told.outside[1] += (n_rows - 64 * last) as u64 - u64::from(64 - high.leading_zeros());
        }
        told.records.extend(records, n_rows);
    }

    /// Days, and spells.
    #[inline(always)]
    fn counts(&self, rows: Range<usize>, cells: &mut Cells<'_>, room: &mut Room) {
        let Room { parts, counts, .. } = room;
        let last = cells.shorts.len().saturating_sub(1);
        let asked = [(self.wanted.days, 0, false), (self.wanted.count, last, true)];
        for (_, column, one) in asked.into_iter().filter(|of| of.0) {
            for part in parts.iter() {
                let days = part.days(&self.bounds);
                if one {
                    add_one(&mut counts[part.block], &days);
                } else {
                    add_days(&mut counts[part.block], &days);
                }
            }
            write(
                &mut cells.shorts[column][rows.clone()],
                #[inline(always)]
                |at| counts[at].take(0),
            );
        }
    }

    /// Whether a count of a person outgrows two bytes.
    #[inline(never)]
    fn outgrows(&self, person: usize, n_rows: usize) -> bool {
        let wanted = self.wanted;
        let any = |of: &dyn Fn(&Run) -> Option<(usize, bool)>, lanes: usize| {
            let mut wide = vec![0_i32; lanes * n_rows];
            for run in self.runs(person) {
                let Some((lane, days)) = of(&run) else { continue };
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

    /// What a state is written as: a byte, or its code.
    fn written(&self, code: usize) -> i16 {
        self.wanted.dominant_as.map_or(code as i16, |written| written[code].into())
    }

    /// Days by state, and the state with most days. In the same pass the first sum, where it goes
    /// by days: returns how many sums are done.
    #[inline(always)]
    fn states(
        &self,
        person: usize,
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
        let done = self.spread(person, codes, room);
        let (n_states, n_rows) = (self.n_states, rows.len());
        let Room { lanes, used, looked_at, bits, .. } = room;
        // of each block the lanes of all states
        let width = n_states + 1;
        if n_states > FEW {
            looked_at.clear();
            let those = (0..n_states).filter(|&code| used[code]);
            looked_at.extend(those.map(|code| (code, self.written(code))));
            used.fill(false);
        }
        if wanted.dominant {
            let (lanes, looked_at) = (&lanes[..], &looked_at[..]);
            let lanes = |at: usize| {
                let own = &lanes[at * width..][..width];
                looked_at.iter().map(
                    #[inline(always)]
                    move |&(code, written)| (written, &own[code]),
                )
            };
            let mut even = Lane::of(0_u16);
            if wanted.dominant_as.is_none() {
                write(
                    &mut cells.codes[self.dominant][rows.clone()],
                    #[inline(always)]
                    |at: usize| {
                        let shown = |code: i16| shows.get(code as usize).copied();
                        dominant(lanes(at), -1, &mut even, |code| shown(code).unwrap_or(NONE))
                    },
                );
            } else if wanted.all_stated {
                write(
                    &mut cells.bytes[self.dominant][rows.clone()],
                    #[inline(always)]
                    |at| dominant(lanes(at), 0, &mut even, |state| state as u8),
                );
            } else {
                let none = i16::from(NO_BYTE);
                write_bytes(
                    &mut cells.bytes[self.dominant][rows.clone()],
                    bits,
                    #[inline(always)]
                    |at| dominant(lanes(at), none, &mut even, |state| state as u8),
                );
                told.dominant.extend(bits, n_rows);
            }
            told.even += even.0.into_iter().map(u64::from).sum::<u64>();
        }
        if wanted.by_state {
            let columns = cells.shorts[self.first_state..].iter_mut();
            for (code, column) in columns.take(n_states).enumerate() {
                write(
                    &mut column[rows.clone()],
                    #[inline(always)]
                    |at| lanes[at * width + code].take(0),
                );
            }
            for block in lanes.chunks_exact_mut(width) {
                block[n_states] = Lane::of(0);
            }
        } else {
            for block in lanes.chunks_exact_mut(width) {
                for &(code, _) in looked_at.iter() {
                    block[code] = Lane::of(0);
                }
                block[n_states] = Lane::of(0);
            }
        }
        done
    }

    /// Adds the days of each run to the lane of its state, and what goes by them to the first sum.
    #[inline(always)]
    fn spread(&self, person: usize, codes: CodesOf<'_>, room: &mut Room) -> usize {
        // where a spell brings nothing, 0.0 changes nothing
        let there = |value: f64| if value.is_nan() { 0.0 } else { value };
        match self.sums.first().filter(|(_, spread)| spread.by_days()) {
            None => {
                self.spread_with(codes, room, |_, _, _| {});
                return 0;
            }
            Some((values, Spread::Daily)) => self.spread_with(
                codes,
                room,
                #[inline(always)]
                |amounts, days, spell| add_amounts(amounts, days, there(values[spell]), None),
            ),
            Some((values, spread)) => self.spread_with(
                codes,
                room,
                #[inline(always)]
                |amounts, days, spell| {
                    let length = self.length(*spread, spell);
                    add_amounts(amounts, days, there(values[spell]), length);
                },
            ),
        }
        let (values, _) = self.sums[0];
        if !self.wanted.sums[0].whole {
            for run in self.runs(person).filter(|run| !values[run.spell].is_nan()) {
                mark(&mut room.added, run.rows());
            }
        }
        1
    }

    /// Adds the days of each run to the lane of its state; `add` adds them, in one block, to amounts.
    #[inline(always)]
    fn spread_with(
        &self,
        codes: CodesOf<'_>,
        room: &mut Room,
        add: impl Fn(&mut Lane<f64>, &[i32; BLOCK], usize),
    ) {
        let (bounds, n_states) = (&self.bounds[..], self.n_states);
        let (parts, lanes, used) = (&room.parts[..], &mut room.lanes[..], &mut room.used[..]);
        let amounts = &mut room.amounts[..];
        for part in parts {
            let code = (codes.of(part.spell) as usize).min(n_states);
            if n_states > FEW {
                used[code] = true;
            }
            let days = part.days(bounds);
            add_days(&mut lanes[part.block * (n_states + 1) + code], &days);
            add(&mut amounts[part.block], &days, part.spell);
        }
    }

    /// The days over which the amount of a spell is divided; `None` for a rate.
    #[inline(always)]
    fn length(&self, spread: Spread, spell: usize) -> Option<f64> {
        (spread == Spread::Days).then(|| f64::from(self.lengths[spell]))
    }

    /// Sums, of which those that are `done` are added up, and weighted means.
    #[inline(always)]
    fn amounts(
        &self,
        (person, rows): (usize, Range<usize>),
        done: usize,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        let (sums, means) = cells.floats.split_at_mut(self.sums.len());
        for (at, column) in sums.iter_mut().enumerate() {
            if at >= done {
                self.add_up(person, at, room);
            }
            let Room { amounts, added, records, .. } = room;
            let whole = self.wanted.sums[at].whole;
            let there = if whole { &*records } else { &*added };
            let column = &mut column[rows.clone()];
            write(
                column,
                #[inline(always)]
                |at| nan_without(amounts[at].take(0.0), bits(there, at)),
            );
            if !whole {
                told.sums[at].extend(added, rows.len());
                added.fill(0);
            }
        }
        let Room { parts, amounts, weights, .. } = room;
        for (values, pair) in self.means.iter().zip(means.chunks_exact_mut(2)) {
            for part in parts.iter().filter(|part| !values[part.spell].is_nan()) {
                let days = part.days(&self.bounds);
                add_amounts(&mut amounts[part.block], &days, values[part.spell], None);
                add_amounts(&mut weights[part.block], &days, 1.0, None);
            }
            write(
                &mut pair[0][rows.clone()],
                #[inline(always)]
                |at| amounts[at].take(0.0),
            );
            write(
                &mut pair[1][rows.clone()],
                #[inline(always)]
                |at| weights[at].take(0.0),
            );
        }
    }

    /// Adds up a sum of a person.
    #[inline(always)]
    fn add_up(&self, person: usize, at: usize, room: &mut Room) {
        let Room { parts, amounts, added, .. } = room;
        let (values, spread) = self.sums[at];
        let by_days = spread.by_days();
        for part in parts.iter().filter(|part| by_days && !values[part.spell].is_nan()) {
            let length = self.length(spread, part.spell);
            let days = part.days(&self.bounds);
            add_amounts(&mut amounts[part.block], &days, values[part.spell], length);
        }
        for run in self.runs(person).filter(|run| !values[run.spell].is_nan()) {
            let (first, next) = (self.bounds[run.first], self.bounds[run.first + run.n]);
            let rows = match spread {
                Spread::Days | Spread::Daily => run.rows(),
                Spread::Start if run.start >= first => run.row..run.row + 1,
                Spread::End if run.end <= next => run.row + run.n - 1..run.row + run.n,
                Spread::Start | Spread::End => continue,
            };
            if !by_days {
                amounts[rows.start / BLOCK].0[rows.start % BLOCK] += values[run.spell] + 0.0;
            }
            if !self.wanted.sums[at].whole {
                mark(added, rows);
            }
        }
    }
}
