//! What a person did from one day to another.

use super::persons::NOBODY;
use super::{Account, Buffer, Column, Count, Day, Persons, Step, Table};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Spells: person, first day, last day and anything that held in between.
///
/// Days are half-open `[start, end)` inside and closed at the doors; an open end is
/// [`Day::OPEN`]. Spells are sorted by person (in the natural order of the identifier), start,
/// end and row; they may overlap. Made by [`Spells::read`](Spells::read); the verbs that shape
/// them are in [`panel`](crate::panel).
///
/// Each spell remembers the days it had when it was read, so that an amount of money that
/// belongs to the whole spell can be divided over its days whatever was cut off since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spells {
    pub(crate) persons: Persons,
    pub(crate) offsets: Buffer<u32>,
    pub(crate) starts: Buffer<i32>,
    pub(crate) ends: Buffer<i32>,
    pub(crate) origins: Buffer<i32>,
    pub(crate) lengths: Buffer<i32>,
    pub(crate) rows: Rows,
    pub(crate) columns: Table,
    pub(crate) roles: Roles,
    pub(crate) aside: Vec<Aside>,
    pub(crate) account: Account,
}

/// The names of the columns with a meaning of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Roles {
    pub start: String,
    pub end: String,
    pub state: Option<String>,
    pub source: Option<String>,
}

/// Rows a reader set aside: why, how many, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aside {
    pub finding: String,
    pub spells: u64,
    pub first_rows: Vec<u32>,
}

/// The row of a table each spell comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Buffer<u32>", into = "Buffer<u32>")]
pub(crate) struct Rows {
    all: Buffer<u32>,
    /// Whether they are known to be 0, 1, 2 and so on.
    plain: bool,
}

impl Rows {
    /// `n` rows as they stand.
    pub fn plain(n: usize) -> Self {
        Self { all: Buffer::later(n, move || (0..n as u32).collect()), plain: true }
    }

    /// The row of a spell; rows as they stand need not be written out for it.
    #[inline]
    pub fn at(&self, spell: usize) -> u32 {
        if self.plain { spell as u32 } else { self.all[spell] }
    }
}

impl std::ops::Deref for Rows {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.all
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl From<Buffer<u32>> for Rows {
    fn from(all: Buffer<u32>) -> Self {
        Self { all, plain: false }
    }
}

impl From<Rows> for Buffer<u32> {
    fn from(rows: Rows) -> Self {
        rows.all
    }
}

impl From<Vec<u32>> for Rows {
    fn from(all: Vec<u32>) -> Self {
        Buffer::from(all).into()
    }
}

/// Parts of spells, person by person: what a cutting verb leaves.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Which spell each piece is part of.
    pub source: Vec<u32>,
    /// First day.
    pub starts: Vec<i32>,
    /// The day after the last.
    pub ends: Vec<i32>,
    /// Pieces of each person.
    pub counts: Vec<u32>,
}

impl Pieces {
    pub fn push(&mut self, source: usize, start: i32, end: i32) {
        self.source.push(source as u32);
        self.starts.push(start);
        self.ends.push(end);
    }

    pub fn close_person(&mut self, before: usize) {
        self.counts.push((self.source.len() - before) as u32);
    }

    /// One after the other, in order.
    pub fn concat(parts: Vec<Self>) -> Self {
        let n: usize = parts.iter().map(|part| part.source.len()).sum();
        let mut all = Self {
            source: Vec::with_capacity(n),
            starts: Vec::with_capacity(n),
            ends: Vec::with_capacity(n),
            counts: Vec::new(),
        };
        for part in parts {
            all.source.extend(part.source);
            all.starts.extend(part.starts);
            all.ends.extend(part.ends);
            all.counts.extend(part.counts);
        }
        all
    }
}

impl Spells {
    /// Number of spells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no spell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The persons; each has at least one spell.
    #[must_use]
    pub const fn persons(&self) -> &Persons {
        &self.persons
    }

    /// The spells of the person with this code.
    ///
    /// # Panics
    ///
    /// When there is no such person.
    #[must_use]
    pub fn of(&self, person: usize) -> Range<usize> {
        self.offsets[person] as usize..self.offsets[person + 1] as usize
    }

    /// First days, shape `(n,)`.
    #[must_use]
    pub fn starts(&self) -> &[i32] {
        &self.starts
    }

    /// The days after the last (half-open); [`Day::OPEN`] for a spell that has not ended.
    #[must_use]
    pub fn ends(&self) -> &[i32] {
        &self.ends
    }

    /// The rows the spells come from, in the table that was read.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The carried columns, one row a spell.
    #[must_use]
    pub const fn columns(&self) -> &Table {
        &self.columns
    }

    /// The name of the state column, if there is one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.roles.state.as_deref()
    }

    /// The name of the source column, if there is one.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.roles.source.as_deref()
    }

    /// What happened to the rows so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The name of the register, as the account tells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.account.source()
    }

    /// Spells and persons.
    #[must_use]
    pub fn count(&self) -> Count {
        Count::of(self.len(), self.persons.len())
    }

    /// The spells as a table: person, first day, last day (null while open), carried columns.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::default();
        let last = |&end: &i32| (end != Day::OPEN.0).then_some(Day(end - 1));
        let ends: Vec<Option<Day>> = self.ends.iter().map(last).collect();
        let starts: Vec<Option<Day>> = self.starts.iter().map(|&day| Some(Day(day))).collect();
        let own = [
            (self.persons.name(), self.persons.ids().take(&self.person_codes())),
            (self.roles.start.as_str(), Column::dates(&starts)),
            (self.roles.end.as_str(), Column::dates(&ends)),
        ];
        let carried = self.columns.names().iter().map(String::as_str);
        for (name, column) in own.into_iter().chain(carried.zip(self.columns.columns().to_vec())) {
            // names are distinct since the reader took them from one table
            let _ = table.push(name, column);
        }
        table
    }

    /// One person code a spell, shape `(n,)`.
    #[must_use]
    pub fn person_codes(&self) -> Vec<u32> {
        let mut codes = Vec::with_capacity(self.len());
        for person in 0..self.persons.len() {
            codes.resize(self.offsets[person + 1] as usize, person as u32);
        }
        codes
    }

    /// Days between starts and ends, open where the end is.
    pub(crate) fn lengths_of(starts: &Buffer<i32>, ends: &Buffer<i32>) -> Buffer<i32> {
        let (starts, ends) = (starts.clone(), ends.clone());
        Buffer::later(starts.len(), move || {
            let length = |(&start, &end): (&i32, &i32)| {
                if end == Day::OPEN.0 { Day::OPEN.0 } else { end - start }
            };
            starts.iter().zip(ends.iter()).map(length).collect()
        })
    }

    /// Days of a spell; `None` while it is open.
    pub(crate) fn days(&self, spell: usize) -> Option<i32> {
        (self.ends[spell] != Day::OPEN.0).then(|| self.ends[spell] - self.starts[spell])
    }

    /// The spells made of `pieces` of these, with one more step in the account.
    pub(crate) fn with_pieces(&self, pieces: Pieces, step: Step) -> Self {
        let Some(pieces) = self.same_spells(pieces) else { return self.with_step(step) };
        let (persons, offsets) = self.persons_of(&pieces);
        let step = self.counted(step, pieces.source.len(), persons.len());
        let whole = pieces.source.len() == self.len()
            && pieces.source.iter().enumerate().all(|(at, &source)| at == source as usize);
        let columns =
            if whole { self.columns.clone() } else { self.columns.gather(&pieces.source) };
        let source: Buffer<u32> = pieces.source.into();
        Self {
            origins: if whole { self.origins.clone() } else { picked(&self.origins, &source) },
            lengths: if whole { self.lengths.clone() } else { picked(&self.lengths, &source) },
            rows: if whole { self.rows.clone() } else { picked(&self.rows.all, &source).into() },
            columns,
            persons,
            offsets,
            starts: pieces.starts.into(),
            ends: pieces.ends.into(),
            roles: self.roles.clone(),
            aside: self.aside.clone(),
            account: self.account.clone().then(step),
        }
    }

    /// As [`with_pieces`](Self::with_pieces); amounts are divided over the days of the pieces, but
    /// of a spell that is as `kept` says over those it had.
    pub(crate) fn with_measured(
        &self,
        pieces: Pieces,
        kept: impl Fn(usize) -> bool + Send + Sync + 'static,
        step: Step,
    ) -> Self {
        let (persons, offsets) = self.persons_of(&pieces);
        let step = self.counted(step, pieces.source.len(), persons.len());
        let columns = self.columns.gather(&pieces.source);
        let source: Buffer<u32> = pieces.source.into();
        let (starts, ends): (Buffer<i32>, Buffer<i32>) = (pieces.starts.into(), pieces.ends.into());
        let kept = std::sync::Arc::new(kept);
        let measured = |own: &Buffer<i32>, anew: &Buffer<i32>| {
            let (own, anew, source) = (own.clone(), anew.clone(), source.clone());
            let kept = std::sync::Arc::clone(&kept);
            Buffer::later(source.len(), move || {
                let value = |(at, &from): (usize, &u32)| {
                    if kept(at) { own[from as usize] } else { anew[at] }
                };
                source.iter().enumerate().map(value).collect()
            })
        };
        Self {
            origins: measured(&self.origins, &starts),
            lengths: measured(&self.lengths, &Self::lengths_of(&starts, &ends)),
            rows: picked(&self.rows.all, &source).into(),
            persons,
            offsets,
            columns,
            starts,
            ends,
            roles: self.roles.clone(),
            aside: self.aside.clone(),
            account: self.account.clone().then(step),
        }
    }

    /// Spells on the days of `pieces` that carry nothing yet; their amounts are those of the pieces.
    pub(crate) fn anew(&self, pieces: Pieces, step: Step) -> Self {
        let (persons, offsets) = self.persons_of(&pieces);
        let step = self.counted(step, pieces.source.len(), persons.len());
        let (starts, ends): (Buffer<i32>, Buffer<i32>) = (pieces.starts.into(), pieces.ends.into());
        Self {
            persons,
            offsets,
            origins: starts.clone(),
            lengths: Self::lengths_of(&starts, &ends),
            starts,
            ends,
            rows: picked(&self.rows.all, &pieces.source.into()).into(),
            columns: Table::default(),
            roles: Roles { state: None, source: None, ..self.roles.clone() },
            aside: self.aside.clone(),
            account: self.account.clone().then(step),
        }
    }

    /// The same spells, with one more step in the account.
    pub(crate) fn with_step(&self, step: Step) -> Self {
        let step = self.counted(step, self.len(), self.persons.len());
        Self { account: self.account.clone().then(step), ..self.clone() }
    }

    /// The pieces, unless they are these spells as they are.
    fn same_spells(&self, pieces: Pieces) -> Option<Pieces> {
        let same = pieces.starts[..] == self.starts[..]
            && pieces.ends[..] == self.ends[..]
            && pieces.source.iter().enumerate().all(|(at, &source)| at == source as usize);
        (!same).then_some(pieces)
    }

    fn counted(&self, mut step: Step, rows: usize, persons: usize) -> Step {
        step.before = self.count();
        step.after = Count::of(rows, persons);
        step
    }

    /// The persons with a piece, and where the pieces of each start.
    fn persons_of(&self, pieces: &Pieces) -> (Persons, Buffer<u32>) {
        let mut offsets = vec![0_u32];
        let mut kept = Vec::with_capacity(self.persons.len());
        let mut total = 0;
        for (person, &count) in pieces.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            total += count;
            offsets.push(total);
            kept.push(person as u32);
        }
        let everyone = kept.len() == self.persons.len();
        let persons = if everyone { self.persons.clone() } else { self.persons.take(&kept) };
        (persons, offsets.into())
    }

    /// Two overlapping spells of one person, if there are any.
    pub(crate) fn first_overlap(&self) -> Option<(usize, usize)> {
        let (starts, ends) = (&self.starts[..], &self.ends[..]);
        self.offsets.windows(2).find_map(|pair| {
            let own = pair[0] as usize..pair[1] as usize;
            let mut next = starts[own.clone()].iter().skip(1).zip(&ends[own.clone()]);
            let at = own.start + 1 + next.position(|(start, end)| start < end)?;
            Some((at - 1, at))
        })
    }

    /// For each person of `persons` their code here, or [`NOBODY`].
    pub(crate) fn spells_of(&self, found: u32) -> Range<usize> {
        if found == NOBODY { 0..0 } else { self.of(found as usize) }
    }
}

/// The values at `at`, once they are looked at.
fn picked<T: Copy + Send + Sync + 'static>(of: &Buffer<T>, at: &Buffer<u32>) -> Buffer<T> {
    let (of, at) = (of.clone(), at.clone());
    Buffer::later(at.len(), move || {
        let of: &[T] = &of;
        at.iter().map(|&at| of[at as usize]).collect()
    })
}
