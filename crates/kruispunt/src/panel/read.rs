#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::PanelError;
use crate::data::{
    Account, Aside, Bitmap, Buffer, Column, Count, DataError, Day, NOBODY, Period, Persons,
    Register, Roles, Rows, Spells, Step, Table, Unit, Values, pages,
};
use crate::math::{by_group, by_number, widest::widest};
use rayon::prelude::*;
use std::hint::select_unpredictable;

/// What to do with a row that cannot be a spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// Stop, with the row.
    #[default]
    Error,
    /// Leave the row out and count it in the account and in [`Spells::check`].
    Drop,
}

/// Whether the day in the end column belongs to the spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Ends {
    /// It does: `[start, end]`, as registers write it.
    #[default]
    Inclusive,
    /// It does not: `[start, end)`.
    Exclusive,
}

/// Which columns of a register make its spells.
///
/// ```
/// use kruispunt::panel::{Policy, SpellColumns};
/// let dmfa = SpellColumns::new("pid", "start", "end")
///     .name("jobs")
///     .state("status")
///     .source("register")
///     .carry(["wage", "employer"])
///     .on_inverted(Policy::Drop);
/// # let _ = dmfa;
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct SpellColumns {
    name: String,
    person: String,
    when: When,
    state: Option<String>,
    source: Option<String>,
    carry: Option<Vec<String>>,
    ends: Ends,
    on_inverted: Policy,
    on_missing: Policy,
}

#[derive(Clone, Debug)]
enum When {
    Days { start: String, end: String },
    Event { day: String },
    Period { column: String, unit: Unit },
}

impl SpellColumns {
    /// Spells from a first day to a last day, both included; a null last day, or 31 December
    /// 9999, is a spell that has not ended.
    pub fn new(
        person: impl Into<String>,
        start: impl Into<String>,
        end: impl Into<String>,
    ) -> Self {
        Self::on(person, When::Days { start: start.into(), end: end.into() })
    }

    /// Events: spells of one day.
    pub fn event(person: impl Into<String>, day: impl Into<String>) -> Self {
        Self::on(person, When::Event { day: day.into() })
    }

    /// A register with one row for a period (a quarterly one, say): the spell is the period.
    pub fn period(person: impl Into<String>, column: impl Into<String>, unit: Unit) -> Self {
        Self::on(person, When::Period { column: column.into(), unit })
    }

    fn on(person: impl Into<String>, when: When) -> Self {
        Self {
            name: "spells".to_owned(),
            person: person.into(),
            when,
            state: None,
            source: None,
            carry: Some(Vec::new()),
            ends: Ends::default(),
            on_inverted: Policy::default(),
            on_missing: Policy::default(),
        }
    }

    /// What the register is called in the account (default `spells`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The column of states.
    pub fn state(mut self, column: impl Into<String>) -> Self {
        self.state = Some(column.into());
        self
    }

    /// The column that says which register a row comes from.
    pub fn source(mut self, column: impl Into<String>) -> Self {
        self.source = Some(column.into());
        self
    }

    /// Further columns to keep; state and source are always kept.
    pub fn carry<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.carry = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Keep all columns of the table.
    pub fn carry_all(mut self) -> Self {
        self.carry = None;
        self
    }

    /// Whether the day in the end column belongs to the spell (default: it does).
    pub fn ends(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
    }

    /// What to do with a spell that ends before it starts or has no day (default: stop).
    pub fn on_inverted(mut self, policy: Policy) -> Self {
        self.on_inverted = policy;
        self
    }

    /// What to do with a row without person or first day (default: stop).
    pub fn on_missing(mut self, policy: Policy) -> Self {
        self.on_missing = policy;
        self
    }

    /// The names of the columns of first and last days in tables of these spells.
    fn day_names(&self) -> (String, String) {
        match &self.when {
            When::Days { start, end } => (start.clone(), end.clone()),
            When::Event { day } => (day.clone(), format!("{day}_end")),
            When::Period { .. } => ("start".to_owned(), "end".to_owned()),
        }
    }

    fn carried(&self, table: &Table) -> Result<Table, DataError> {
        let mut own = vec![&self.person];
        match &self.when {
            When::Days { start, end } => own.extend([start, end]),
            When::Event { day } => own.push(day),
            When::Period { column, .. } => own.push(column),
        }
        let mut carried = Table::default();
        for (argument, name) in [("state", &self.state), ("source", &self.source)] {
            if let Some(name) = name.as_ref() {
                let column = table.column(argument, name)?;
                if carried.get(name).is_none() {
                    carried.push(name, column.clone())?;
                }
            }
        }
        for name in self.carry.as_deref().unwrap_or(table.names()) {
            let column = table.column("carry", name)?;
            if carried.get(name).is_none() && !own.contains(&name) {
                carried.push(name, column.clone())?;
            }
        }
        let (start, end) = self.day_names();
        for name in [&self.person, &start, &end] {
            if carried.get(name).is_some() {
                return Err(DataError::DuplicateColumn { column: name.clone() });
            }
        }
        Ok(carried)
    }
}

/// The first day a spell may start on, 0001-01-01, and the last, 9999-12-31.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;

impl Spells {
    /// Reads spells from the rows of a register, in any order.
    ///
    /// `register` is a [`Table`], or a [`Linked`](crate::data::Linked) one whose account goes on
    /// here. Text dates are parsed; a null end is an open end. Rows without person or first day and
    /// inverted spells are errors, unless a policy says to drop (and count) them.
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table};
    /// use kruispunt::panel::SpellColumns;
    /// let register = Table::new([
    ///     ("pid", Column::int(vec![7, 7])),
    ///     ("start", Column::text([Some("2012-01-01"), Some("2012-03-01")])),
    ///     ("end", Column::text([Some("2012-02-29"), None])),
    ///     ("status", Column::text([Some("employee"), Some("jobseeker")])),
    /// ])?;
    /// let spells = Spells::read(&register, &SpellColumns::new("pid", "start", "end").state("status"))?;
    /// assert_eq!((spells.len(), spells.persons().len()), (2, 1));
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a table without rows, missing columns, wrong types and cells that
    /// are missing or do not parse; [`PanelError::Inverted`] and [`PanelError::EmptySpell`].
    pub fn read(register: &dyn Register, columns: &SpellColumns) -> Result<Self, PanelError> {
        let table = register.table();
        table.require_rows("table")?;
        let carried = columns.carried(table)?;
        let who = table.column("person", &columns.person)?;
        if let Some(plain) = Plain::of(table, columns, who)? {
            if let Some(found) = plain.in_order(columns, who) {
                let count = Count::of(table.n_rows(), found.persons.len());
                return Ok(found.spells(register, columns, carried, count, &[], count));
            }
            if let Some((found, order)) = plain.sorted(columns) {
                let count = Count::of(table.n_rows(), found.persons.len());
                let carried = carried.gather(&order);
                let mut spells = found.spells(register, columns, carried, count, &[], count);
                spells.rows = order.into();
                return Ok(spells);
            }
        }
        let (persons, mut codes) = Persons::encode("person", &columns.person, who)?;
        let (starts, ends) = days(table, columns)?;
        let aside = set_aside(columns, &mut codes, &starts, &ends)?;
        let all = starts.len();
        let by_group::Sorted { order, offsets, starts, ends } =
            by_group::sort(persons.len(), &codes, starts, ends);
        drop(codes);
        let sorted = order.len() == all && order.is_sorted();
        let kept: Vec<u32> = (0..persons.len() as u32)
            .filter(|&at| offsets[at as usize] < offsets[at as usize + 1])
            .collect();
        let everyone = kept.len() == persons.len();
        let ends_of = |&at: &u32| offsets[at as usize + 1];
        let before = Count::of(all, persons.len());
        let after = Count::of(order.len(), kept.len());
        let found = Found {
            offsets: if everyone {
                offsets.into()
            } else {
                std::iter::once(0).chain(kept.iter().map(ends_of)).collect::<Vec<_>>().into()
            },
            persons: if everyone { persons } else { persons.take(&kept) },
            starts: starts.into(),
            ends: ends.into(),
        };
        let carried = if sorted { carried } else { carried.gather(&order) };
        let mut spells = found.spells(register, columns, carried, before, &aside, after);
        spells.rows = order.into();
        spells.aside = aside;
        Ok(spells)
    }
}

/// Persons and days in order, as they become spells.
struct Found {
    persons: Persons,
    offsets: Buffer<u32>,
    starts: Buffer<i32>,
    ends: Buffer<i32>,
}

impl Found {
    /// The spells, of rows in order; the account tells of those set aside.
    fn spells(
        self,
        register: &dyn Register,
        columns: &SpellColumns,
        carried: Table,
        before: Count,
        aside: &[Aside],
        after: Count,
    ) -> Spells {
        let Self { persons, offsets, starts, ends } = self;
        let mut step = Step::new("read", detail(columns), before, after);
        for one in aside {
            step = step.exclude(&one.finding, Count::rows(one.spells as usize));
        }
        if let Some(account) = register.account() {
            step = step.join(account.clone());
        }
        let (start, end) = columns.day_names();
        Spells {
            lengths: Spells::lengths_of(&starts, &ends),
            origins: starts.clone(),
            rows: Rows::plain(starts.len()),
            persons,
            offsets,
            starts,
            ends,
            columns: carried,
            roles: Roles {
                start,
                end,
                state: columns.state.clone(),
                source: columns.source.clone(),
            },
            aside: Vec::new(),
            account: Account::new(&columns.name).then(step),
        }
    }
}

/// Rows of whole numbers and days, as most registers have them.
struct Plain<'a> {
    ids: &'a [i64],
    starts: &'a Buffer<i32>,
    lasts: &'a Buffer<i32>,
    /// Which spells have ended; `None` when all have.
    ended: Option<&'a Bitmap>,
    /// Days from the last day to the end.
    after: i32,
}

impl<'a> Plain<'a> {
    /// `None` when persons are no whole numbers, days no dates, or one of them is missing.
    fn of(
        table: &'a Table,
        columns: &SpellColumns,
        who: &'a Column,
    ) -> Result<Option<Self>, DataError> {
        let (first, last) = match &columns.when {
            When::Days { start, end } => {
                (table.column("start", start)?, Some(table.column("end", end)?))
            }
            When::Event { day } => (table.column("day", day)?, None),
            When::Period { .. } => return Ok(None),
        };
        let inclusive = last.is_none() || columns.ends == Ends::Inclusive;
        let last = last.unwrap_or(first);
        let (Values::Int(ids), Values::Date(starts), Values::Date(lasts)) =
            (who.values(), first.values(), last.values())
        else {
            return Ok(None);
        };
        let plain =
            Self { ids, starts, lasts, ended: last.validity(), after: i32::from(inclusive) };
        let whole = who.validity().is_none() && first.validity().is_none();
        Ok(whole.then_some(plain))
    }

    /// The day after the last of the spell in `row`, whose last day column holds `last`.
    #[inline]
    fn end(&self, row: usize, last: i32) -> i32 {
        self.end_of(last, self.ended.is_some_and(|ended| !ended.get(row)))
    }

    /// The day after the last, where the last day column holds `last` or lacks it.
    #[inline(always)]
    fn end_of(&self, last: i32, lacks: bool) -> i32 {
        let end = last.clamp(*DAYS.start() - 1, *DAYS.end()) + self.after;
        select_unpredictable(lacks | (last >= *DAYS.end()), Day::OPEN.0, end)
    }

    /// Rows that stand in the order of spells and lack nothing; `None` for others, and where
    /// something is wrong.
    fn in_order(&self, columns: &SpellColumns, who: &Column) -> Option<Found> {
        const CHUNK: usize = 1 << 14;
        let n = self.ids.len();
        let mut ends = vec![0_i32; n];
        // the first chunk that is not in order stops the others
        let firsts: Option<Vec<Vec<u32>>> = ends
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, ends)| {
                pages::ask_for(ends);
                widest(
                    #[inline(always)]
                    || self.chunk_in_order(chunk * CHUNK, ends),
                )
            })
            .collect();
        let mut offsets = firsts?.concat();
        let persons = Persons::ascending(&columns.person, who, &offsets);
        offsets.push(n as u32);
        let (offsets, ends) = (offsets.into(), ends.into());
        Some(Found { persons, offsets, starts: self.starts.clone(), ends })
    }

    /// The ends of the rows from `first`, and which rows are the first of a person; `None` where a
    /// row is wrong or stands before the row before it.
    ///
    /// Each loop goes over the rows without a branch.
    #[allow(clippy::needless_bitwise_bool, reason = "without branches rows go side by side")]
    #[inline(always)]
    fn chunk_in_order(&self, first: usize, ends: &mut [i32]) -> Option<Vec<u32>> {
        let rows = first..first + ends.len();
        let (ids, starts) = (&self.ids[rows.clone()], &self.starts[rows.clone()]);
        let lasts = &self.lasts[rows.clone()];
        if self.ended.is_some() {
            for ((row, end), &last) in rows.zip(&mut *ends).zip(lasts) {
                *end = self.end(row, last);
            }
        } else {
            for (end, &last) in ends.iter_mut().zip(lasts) {
                *end = self.end_of(last, false);
            }
        }
        let days = starts.iter().zip(&*ends);
        let right = days.fold(true, |right, (&start, &end)| {
            right & (start >= *DAYS.start()) & (start <= *DAYS.end()) & (start < end)
        });
        // the row before the chunk
        let before = first.checked_sub(1);
        let (id, start, end) = before.map_or((i64::MIN, i32::MIN, i32::MIN), |row| {
            (self.ids[row], self.starts[row], self.end(row, self.lasts[row]))
        });
        let after = |(id, start, end): (i64, i32, i32), (own_id, own_start, own_end)| {
            let later = (own_start > start) | ((own_start == start) & (own_end >= end));
            (own_id > id) | ((own_id == id) & later)
        };
        let mut ordered = after((id, start, end), (ids[0], starts[0], ends[0]));
        let next = ids[1..].iter().zip(&starts[1..]).zip(&ends[1..]);
        for (((&id, &start), &end), own) in ids.iter().zip(starts).zip(&*ends).zip(next) {
            let ((&own_id, &own_start), &own_end) = own;
            ordered &= after((id, start, end), (own_id, own_start, own_end));
        }
        if !(right & ordered) {
            return None;
        }
        let mut firsts = vec![0_u32; ids.len()];
        let mut n = usize::from(before.is_none() || ids[0] != id);
        firsts[0] = first as u32;
        for ((pair, row), at) in ids.windows(2).zip(first as u32 + 1..).zip(1_usize..) {
            firsts[n.min(at)] = row;
            n += usize::from(pair[0] != pair[1]);
        }
        Some(firsts[..n].to_vec())
    }

    /// Rows that lack nothing brought into order, and which rows these are; `None` where something
    /// is wrong, or persons have numbers far apart.
    fn sorted(&self, columns: &SpellColumns) -> Option<(Found, Vec<u32>)> {
        const OPEN: u32 = by_number::TOP;
        let (starts, lasts): (&[i32], &[i32]) = (self.starts, self.lasts);
        let days = |row: usize| {
            let (start, end) = (starts[row], self.end(row, lasts[row]));
            let since = |day: i32| day.wrapping_sub(*DAYS.start()) as u32;
            let end_or_open = if end == Day::OPEN.0 { OPEN } else { since(end) };
            (DAYS.contains(&start) && start < end)
                .then(|| by_number::Days { start: since(start), end: end_or_open })
        };
        let day = |since: u32| {
            if since == OPEN { Day::OPEN.0 } else { since as i32 + *DAYS.start() }
        };
        let (ids, sorted) = by_number::sort(self.ids, days, day)?;
        let found = Found {
            persons: Persons::numbered(&columns.person, ids),
            offsets: sorted.offsets.into(),
            starts: sorted.starts.into(),
            ends: sorted.ends.into(),
        };
        Some((found, sorted.order))
    }
}

fn detail(columns: &SpellColumns) -> String {
    match &columns.when {
        When::Days { .. } if columns.ends == Ends::Inclusive => {
            "first to last day, both included; a missing last day is open".to_owned()
        }
        When::Days { .. } => {
            "first day to the day after the last; a missing one is open".to_owned()
        }
        When::Event { .. } => "events of one day".to_owned(),
        When::Period { unit, .. } => {
            format!("one row for a {}: the spell is the period", unit.name())
        }
    }
}

/// What `read` makes of the day of each row.
fn numbered(
    column: &Column,
    argument: &str,
    name: &str,
    read: impl Fn(usize, Option<i32>) -> Result<i32, DataError>,
) -> Result<Vec<i32>, DataError> {
    if let Values::Date(days) = column.values() {
        let days: &[i32] = days;
        let there = |row: usize| (!column.is_null(row)).then(|| days[row]);
        return match column.validity() {
            None => days.iter().enumerate().map(|(row, &day)| read(row, Some(day))).collect(),
            Some(_) => (0..days.len()).map(|row| read(row, there(row))).collect(),
        };
    }
    let days = column.to_days(argument, name)?;
    days.iter().enumerate().map(|(row, day)| read(row, day.map(|day| day.0))).collect()
}

/// The start standing for a missing or inverted row.
const MISSING: i32 = i32::MAX;

/// Half-open days of each row; a missing first day is [`MISSING`].
fn days(table: &Table, columns: &SpellColumns) -> Result<(Vec<i32>, Vec<i32>), PanelError> {
    let first = |argument: &str, name: &str, column: &Column| {
        let bad = |row| DataError::BadCell {
            argument: argument.to_owned(),
            column: name.to_owned(),
            row,
            expected: "a day between the years 1 and 9999",
        };
        numbered(column, argument, name, |row, day| match day {
            None => Ok(MISSING),
            Some(day) if DAYS.contains(&day) => Ok(day),
            Some(_) => Err(bad(row)),
        })
    };
    match &columns.when {
        When::Days { start, end } => {
            let starts = first("start", start, table.column("start", start)?)?;
            let after = i32::from(columns.ends == Ends::Inclusive);
            let half_open = |_, day: Option<i32>| match day {
                Some(day) if day < *DAYS.end() => Ok(day.max(*DAYS.start() - 1) + after),
                _ => Ok(Day::OPEN.0),
            };
            Ok((starts, numbered(table.column("end", end)?, "end", end, half_open)?))
        }
        When::Event { day } => {
            let starts = first("day", day, table.column("day", day)?)?;
            let ends = starts.iter().map(|day| day.saturating_add(1)).collect();
            Ok((starts, ends))
        }
        When::Period { column, unit } => {
            let periods = table.column("period", column)?.to_periods(*unit, "period", column)?;
            let bounds = |(row, period): (usize, &Option<Period>)| match period {
                None => Ok((MISSING, Day::OPEN.0)),
                Some(period) if (1..9999).contains(&period.year()) => {
                    Ok((period.first_day().0, (*period + 1).first_day().0))
                }
                Some(_) => Err(DataError::BadCell {
                    argument: "period".to_owned(),
                    column: column.clone(),
                    row,
                    expected: "a period between the years 1 and 9998",
                }),
            };
            let both = periods.iter().enumerate().map(bounds).collect::<Result<Vec<_>, _>>()?;
            Ok(both.into_iter().unzip())
        }
    }
}

/// Stops at rows that cannot be spells, or takes them out by giving them no person.
fn set_aside(
    columns: &SpellColumns,
    codes: &mut [u32],
    starts: &[i32],
    ends: &[i32],
) -> Result<Vec<Aside>, PanelError> {
    let mut found = ["no person", "no first day", "inverted", "empty"].map(|finding| Aside {
        finding: finding.to_owned(),
        spells: 0,
        first_rows: Vec::new(),
    });
    for row in 0..codes.len() {
        let kind = if codes[row] == NOBODY {
            0
        } else if starts[row] == MISSING {
            1
        } else if starts[row] > ends[row]
            || starts[row] == ends[row] && columns.ends == Ends::Inclusive
        {
            2
        } else if starts[row] == ends[row] {
            3
        } else {
            continue;
        };
        let policy = if kind < 2 { columns.on_missing } else { columns.on_inverted };
        if policy == Policy::Error {
            return Err(refuse(columns, kind, row));
        }
        codes[row] = NOBODY;
        found[kind].spells += 1;
        if found[kind].first_rows.len() < super::check::SHOWN {
            found[kind].first_rows.push(row as u32);
        }
    }
    Ok(found.into_iter().filter(|aside| aside.spells > 0).collect())
}

fn refuse(columns: &SpellColumns, kind: usize, row: usize) -> PanelError {
    let (start, end) = columns.day_names();
    let missing = |argument: &str, column: &str, expected| {
        PanelError::Data(DataError::MissingCell {
            argument: argument.to_owned(),
            column: column.to_owned(),
            row,
            expected,
        })
    };
    match (kind, &columns.when) {
        (0, _) => missing("person", &columns.person, "an identifier in each row"),
        (1, When::Days { start, .. }) => missing("start", start, "a first day in each row"),
        (1, When::Event { day }) => missing("day", day, "a day in each row"),
        (1, When::Period { column, .. }) => missing("period", column, "a period in each row"),
        (2, _) => PanelError::Inverted { argument: "end".to_owned(), start, end, row },
        _ => PanelError::EmptySpell { argument: "end".to_owned(), end, row },
    }
}
