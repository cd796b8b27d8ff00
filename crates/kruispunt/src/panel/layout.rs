//! Which cells a panel has, and the sweep that fills them.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::PanelError;
use crate::data::{Buffer, Calendar, DataError, Panel, Spells};
use crate::math::{sweep, widest::widest};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which periods of a person become rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// All from the first period with a record to the last.
    #[default]
    EntryExit,
    /// All periods of the calendar.
    Full,
    /// Only those with a record.
    None,
}

/// The rows of a panel, and how days find them.
pub(super) struct Layout {
    /// The code among the spells of each person of the panel.
    pub who: Vec<u32>,
    pub offsets: Buffer<u32>,
    pub positions: Buffer<u32>,
    /// The first position of each person, where rows follow each other without a gap; else none.
    pub firsts: Buffer<u32>,
    /// Spells without a day in the calendar.
    pub outside: usize,
    /// First days of the periods and the day after the last.
    pub bounds: Vec<i32>,
    /// The position of each day since the first.
    of_day: Vec<u32>,
    contiguous: bool,
}

/// The days of a calendar, from the first to the day before `next`, and the period of each.
#[derive(Clone, Copy)]
pub(super) struct Periods<'a> {
    first: i32,
    next: i32,
    of_day: &'a [u32],
}

impl Periods<'_> {
    /// The first and last period that `start..end` touches.
    #[inline(always)]
    pub fn span(self, start: i32, end: i32) -> Option<(u32, u32)> {
        let (from, to) = (start.max(self.first), end.min(self.next));
        let day = |day: i32| self.of_day[(day - self.first) as usize];
        (from < to).then(|| (day(from), day(to - 1)))
    }
}

/// The part of a spell that lies in one period.
pub(super) struct Part {
    /// The spell.
    pub spell: usize,
    /// The first day.
    pub from: i32,
    /// The day after the last.
    pub to: i32,
}

impl Layout {
    pub fn new(spells: &Spells, calendar: &Calendar, balance: Balance) -> Result<Self, PanelError> {
        let bounds: Vec<i32> = calendar.bounds().iter().map(|day| day.0).collect();
        let mut of_day = Vec::new();
        for (at, pair) in (0_u32..).zip(bounds.windows(2)) {
            of_day.resize((pair[1] - bounds[0]) as usize, at);
        }
        let contiguous = balance != Balance::None;
        let mut layout = Self {
            who: Vec::new(),
            offsets: Vec::new().into(),
            positions: Vec::new().into(),
            firsts: Vec::new().into(),
            outside: outside(spells, bounds[0], bounds[bounds.len() - 1]),
            bounds,
            of_day,
            contiguous,
        };
        let found = sweep::in_chunks(spells.persons().len(), |persons| {
            persons.map(|person| layout.rows_of(spells, person, balance)).collect::<Vec<_>>()
        });
        let mut total = 0_u64;
        let persons = spells.persons().len();
        let (mut firsts, mut offsets) =
            (Vec::with_capacity(persons), Vec::with_capacity(persons + 1));
        layout.who.reserve(persons);
        offsets.push(0);
        let mut person = 0;
        for part in found {
            for (first, n) in part {
                if n > 0 {
                    total += u64::from(n);
                    firsts.push(first);
                    layout.who.push(person);
                    offsets.push(total as u32);
                }
                person += 1;
            }
        }
        if total >= u64::from(u32::MAX) {
            let rows = usize::try_from(total).unwrap_or(usize::MAX);
            return Err(DataError::TooManyRows { argument: "calendar".to_owned(), rows }.into());
        }
        layout.offsets = offsets.into();
        if layout.contiguous {
            // only panels that are read row by row need them written out
            layout.firsts = firsts.into();
            let (firsts, offsets) = (layout.firsts.clone(), layout.offsets.clone());
            layout.positions = Buffer::later(total as usize, move || {
                let mut positions = Vec::with_capacity(total as usize);
                for (&first, pair) in firsts.iter().zip(offsets.windows(2)) {
                    positions.extend(first..first + pair[1] - pair[0]);
                }
                positions
            });
            return Ok(layout);
        }
        let mut positions = vec![0_u32; total as usize];
        sweep::fill_chunks(&layout.offsets, &mut positions, |persons, part| {
            let base = layout.offsets[persons.start];
            for person in persons {
                let own = layout.offsets[person] - base..layout.offsets[person + 1] - base;
                let mut slots = part[own.start as usize..own.end as usize].iter_mut();
                layout.records_of(spells, layout.who[person] as usize, |position| {
                    if let Some(slot) = slots.next() {
                        *slot = position;
                    }
                });
            }
        });
        layout.positions = positions.into();
        Ok(layout)
    }

    /// The first position of a person's rows, and how many there are.
    fn rows_of(&self, spells: &Spells, person: usize, balance: Balance) -> (u32, u32) {
        if balance == Balance::None {
            return (0, self.records_of(spells, person, |_| {}));
        }
        if balance == Balance::Full && self.outside == 0 {
            // each person has a spell
            return (0, self.bounds.len() as u32 - 1);
        }
        let (starts, ends) = (spells.starts(), spells.ends());
        let mut known: Option<(u32, u32)> = None;
        for (first, last) in spells.of(person).filter_map(|at| self.span(starts[at], ends[at])) {
            if balance == Balance::Full {
                return (0, self.bounds.len() as u32 - 1);
            }
            known = Some(known.map_or((first, last), |(from, to)| (from.min(first), to.max(last))));
        }
        known.map_or((0, 0), |(first, last)| (first, last - first + 1))
    }

    /// Calls `row` with the position of each period with a record; returns how many there are.
    fn records_of(&self, spells: &Spells, person: usize, mut row: impl FnMut(u32)) -> u32 {
        let (starts, ends) = (spells.starts(), spells.ends());
        let (mut next, mut count) = (0, 0);
        for (first, last) in spells.of(person).filter_map(|at| self.span(starts[at], ends[at])) {
            for position in first.max(next)..=last {
                row(position);
                count += 1;
            }
            next = next.max(last + 1);
        }
        count
    }

    /// The days of the calendar, looked at.
    #[inline]
    pub fn periods(&self) -> Periods<'_> {
        let (first, next) = (self.bounds[0], self.bounds[self.bounds.len() - 1]);
        Periods { first, next, of_day: &self.of_day }
    }

    /// The first and last period that `start..end` touches.
    #[inline]
    pub fn span(&self, start: i32, end: i32) -> Option<(u32, u32)> {
        self.periods().span(start, end)
    }

    pub fn n_rows(&self) -> usize {
        self.positions.len()
    }

    /// The row, counted from the person's first, of a period that has one.
    #[inline]
    pub fn row(&self, person: usize, position: u32) -> usize {
        if self.contiguous {
            return (position - self.firsts[person]) as usize;
        }
        let own = &self.positions[self.offsets[person] as usize..self.offsets[person + 1] as usize];
        own.binary_search(&position).unwrap_or_default()
    }

    /// `n` columns of counts of eight bytes in one sweep: `visit` sees each part of each spell in a
    /// period, and says which columns it adds how much to.
    pub fn counts(
        &self,
        spells: &Spells,
        n: usize,
        visit: impl Fn(&Part, &mut dyn FnMut(usize, i32)) + Sync,
    ) -> Vec<Vec<i64>> {
        let mut columns: Vec<Vec<i64>> = (0..n).map(|_| vec![0; self.n_rows()]).collect();
        let rests = columns.iter_mut().map(Vec::as_mut_slice).collect();
        sweep::fill_many(&self.offsets, rests, |persons, columns| {
            let base = self.offsets[persons.start] as usize;
            for person in persons {
                let first_row = self.offsets[person] as usize - base;
                self.parts(spells, person, |row, part| {
                    visit(&part, &mut |at, more| columns[at][first_row + row] += i64::from(more));
                });
            }
        });
        columns
    }

    /// Calls `visit` with the row (counted from the person's first) and each part of a spell.
    pub fn parts(&self, spells: &Spells, person: usize, mut visit: impl FnMut(usize, Part)) {
        let (starts, ends) = (spells.starts(), spells.ends());
        for spell in spells.of(self.who[person] as usize) {
            let (start, end) = (starts[spell], ends[spell]);
            let Some((first, last)) = self.span(start, end) else { continue };
            let row = self.row(person, first);
            for (row, period) in (row..).zip(first as usize..=last as usize) {
                let (from, to) = (start.max(self.bounds[period]), end.min(self.bounds[period + 1]));
                visit(row, Part { spell, from, to });
            }
        }
    }
}

/// How many spells have no day from `first` to the day before `next`.
#[allow(clippy::needless_bitwise_bool, reason = "without branches spells go side by side")]
fn outside(spells: &Spells, first: i32, next: i32) -> usize {
    const CHUNK: usize = 1 << 14;
    let (starts, ends) = (spells.starts().par_chunks(CHUNK), spells.ends().par_chunks(CHUNK));
    let chunks = starts.zip(ends).map(|(starts, ends)| {
        widest(
            #[inline(always)]
            || {
                let apart = |(&start, &end): (&i32, &i32)| (end <= first) | (start >= next);
                starts.iter().zip(ends).map(|days| u32::from(apart(days))).sum::<u32>()
            },
        )
    });
    chunks.map(|apart| apart as usize).sum()
}

/// One value for each row of a panel: `work` fills the rows of one person from the spells of that
/// person elsewhere (`found` holds their codes), and returns what it wants counted.
pub(super) fn for_persons<T: Copy + Default + Send + Sync>(
    panel: &Panel,
    spells: &Spells,
    found: &[u32],
    empty: T,
    work: impl Fn(&[u32], Range<usize>, &mut [T]) -> u64 + Sync,
) -> (Vec<T>, u64) {
    let mut values = vec![T::default(); panel.n_rows()];
    let (offsets, positions) = (panel.offsets(), panel.positions());
    let counted = sweep::fill_chunks(offsets, &mut values, |persons, values| {
        values.fill(empty);
        let base = offsets[persons.start] as usize;
        let count = |person: usize| {
            let rows = offsets[person] as usize..offsets[person + 1] as usize;
            let own = spells.spells_of(found[person]);
            work(&positions[rows.clone()], own, &mut values[rows.start - base..rows.end - base])
        };
        persons.map(count).sum::<u64>()
    });
    (values, counted.into_iter().sum())
}
