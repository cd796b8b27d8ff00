use super::keys::NONE;
use super::layout::for_persons;
use super::{PanelError, match_persons};
use crate::data::{Buffer, Column, NOBODY, Panel, Spells, Step, Values};
use std::ops::Range;

/// What spells or events of the same persons become in a panel.
///
/// A spell has *started* in a period when its first day is not after the period's last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attach {
    /// Whether a spell has started by the end of the period (true or false).
    Ever,
    /// How many spells have started by the end of the period.
    Cumulative,
    /// Days of the period covered by at least one spell.
    Days,
    /// Periods since the first spell started: 0 in the period itself, null before.
    Since,
    /// What the latest spell started by the end of the period carries in this column, whether it
    /// still lasts or not (the `tdc` of survival's `tmerge`).
    Value(String),
    /// What the spell that covers the reference day carries in this column; null without one.
    Current(String),
}

impl Attach {
    const fn word(&self) -> &'static str {
        match self {
            Self::Ever => "ever",
            Self::Cumulative => "cumulative",
            Self::Days => "days",
            Self::Since => "since",
            Self::Value(_) => "value",
            Self::Current(_) => "current",
        }
    }
}

impl Panel {
    /// Adds a column made of spells or events of the same persons.
    ///
    /// Persons are matched by identifier; those without a spell get false, 0 or null. Where two
    /// spells could give the value, the one that started last does; those that started on the same
    /// day go to the highest row number, and are counted.
    ///
    /// # Errors
    ///
    /// [`PanelError::PersonTypes`] when identifiers cannot be compared, [`PanelError::Data`] for a
    /// missing column and a name that is taken.
    pub fn attach(&self, spells: &Spells, how: &Attach, name: &str) -> Result<Self, PanelError> {
        let found = match_persons("spells", &self.persons, spells.persons())?;
        let bounds: Vec<i32> = self.calendar.bounds().iter().map(|day| day.0).collect();
        let end = |position: &u32| bounds[*position as usize + 1];
        let mut tied = 0;
        let column = match how {
            Attach::Ever => {
                let ever = |at: &[u32], own: Range<usize>, out: &mut [bool]| {
                    let first = own.clone().next().map(|at| spells.starts()[at]);
                    for (slot, at) in out.iter_mut().zip(at) {
                        *slot = first.is_some_and(|first| first < end(at));
                    }
                    0
                };
                Column::bool(for_persons(self, spells, &found, false, ever).0)
            }
            Attach::Cumulative => {
                let count = |at: &[u32], own: Range<usize>, out: &mut [i64]| {
                    let starts = &spells.starts()[own];
                    for (slot, at) in out.iter_mut().zip(at) {
                        *slot = starts.partition_point(|&start| start < end(at)) as i64;
                    }
                    0
                };
                Column::int(for_persons(self, spells, &found, 0, count).0)
            }
            Attach::Days => Column::int(days_present(self, spells, &found)),
            Attach::Since => self.since_spell(spells, &found),
            Attach::Value(column) => {
                let started = |at: &[u32], own: Range<usize>, out: &mut [u32]| {
                    let starts = &spells.starts()[own.clone()];
                    let mut tied = 0;
                    for (slot, at) in out.iter_mut().zip(at) {
                        let n = starts.partition_point(|&start| start < end(at));
                        if n > 0 {
                            let latest = latest_row(spells, own.start, own.start + n - 1);
                            tied += u64::from(latest.1);
                            *slot = latest.0;
                        }
                    }
                    tied
                };
                let (rows, met) = for_persons(self, spells, &found, NONE, started);
                tied = met;
                spells.look_up("column", column)?.gather(&rows)
            }
            Attach::Current(column) => {
                let column = spells.look_up("column", column)?;
                let (rows, met) = self.covering(spells, &found);
                tied = met;
                column.gather(&rows)
            }
        };
        let absent = found.iter().filter(|code| **code == NOBODY).count();
        let step = Step::new(
            "attach",
            format!("{name}: {} of {}", how.word(), spells.name()),
            self.count(),
            self.count(),
        )
        .tied("values of spells that start on the same day", tied, "the highest row number")
        .note(format!("{absent} persons have no spell there"))
        .join(spells.account().clone());
        Ok(self.new_column(name, column)?.with_step(step))
    }

    /// Adds the values that hold on the reference day of each period (municipality, permit,
    /// household position).
    ///
    /// Null where no spell covers the day. Where several do, the one that started last counts, and
    /// the highest row number among those that started on the same day; both are counted.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn as_of<N: AsRef<str>>(&self, spells: &Spells, columns: &[N]) -> Result<Self, PanelError> {
        self.as_of_within(spells, columns, 0)
    }

    /// As [`as_of`](Self::as_of); where no spell covers the reference day, the last to end at most
    /// `tolerance` days before it, and failing that the first to start at most as many days after.
    ///
    /// Annual attributes on quarterly data: a value of 31 December holds on for a while, or for a
    /// year. Of spells equally near the highest row number counts; the account tells how many rows
    /// took their value from days before and after.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn as_of_within<N: AsRef<str>>(
        &self,
        spells: &Spells,
        columns: &[N],
        tolerance: u32,
    ) -> Result<Self, PanelError> {
        let found = match_persons("spells", &self.persons, spells.persons())?;
        let (mut rows, tied) = self.covering(spells, &found);
        let near = if tolerance > 0 {
            self.nearest(spells, &found, i32::try_from(tolerance).unwrap_or(i32::MAX), &mut rows)
        } else {
            (0, 0)
        };
        let mut panel = self.clone();
        let mut told = Vec::new();
        for name in columns {
            let name = name.as_ref();
            panel = panel.new_column(name, spells.look_up("columns", name)?.gather(&rows))?;
            told.push(name);
        }
        let missing = rows.iter().filter(|row| **row == NONE).count();
        let step = Step::new(
            "as_of",
            format!("{} of {} on the reference day", told.join(", "), spells.name()),
            self.count(),
            self.count(),
        )
        .tied(
            "rows with several valid spells",
            tied,
            "the latest start, then the highest row number",
        )
        .note(format!("{missing} rows without a valid spell"))
        .join(spells.account().clone());
        let step = if tolerance > 0 {
            let told = format!(
                "within {tolerance} days: {} rows from spells that ended before, {} from spells that started after",
                near.0, near.1
            );
            step.note(told)
        } else {
            step
        };
        Ok(panel.with_step(step))
    }

    /// Fills rows without a covering spell with the nearest one; how many came from before and after.
    fn nearest(
        &self,
        spells: &Spells,
        found: &[u32],
        tolerance: i32,
        rows: &mut [u32],
    ) -> (u64, u64) {
        let (starts, ends, own_rows) = (spells.starts(), spells.ends(), spells.rows());
        let parts = crate::math::sweep::fill_chunks(&self.offsets, rows, |persons, rows| {
            let base = self.offsets[persons.start] as usize;
            let (mut before, mut after) = (0_u64, 0_u64);
            for person in persons {
                let own = spells.spells_of(found[person]);
                for row in self.of(person) {
                    let slot = &mut rows[row - base];
                    if *slot != NONE {
                        continue;
                    }
                    let day = self.reference_day(self.positions[row] as usize);
                    let ended = own
                        .clone()
                        .filter(|&at| ends[at] <= day && day - (ends[at] - 1) <= tolerance)
                        .max_by_key(|&at| (ends[at], starts[at], own_rows[at]));
                    let starting = own
                        .clone()
                        .filter(|&at| {
                            starts[at] > day && starts[at].saturating_sub(day) <= tolerance
                        })
                        .min_by_key(|&at| (starts[at], std::cmp::Reverse(own_rows[at])));
                    before += u64::from(ended.is_some());
                    after += u64::from(ended.is_none() && starting.is_some());
                    *slot = ended.or(starting).map_or(NONE, |at| at as u32);
                }
            }
            (before, after)
        });
        parts.into_iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// As [`with_column`](Self::with_column), for a name that is not taken.
    pub(super) fn new_column(&self, name: &str, column: Column) -> Result<Self, PanelError> {
        if self.columns.get(name).is_some() {
            let column = name.to_owned();
            return Err(crate::data::DataError::DuplicateColumn { column }.into());
        }
        Ok(self.with_column(name, column)?)
    }

    fn since_spell(&self, spells: &Spells, found: &[u32]) -> Column {
        let first = self.calendar.period(0).number;
        let unit = self.calendar.unit();
        let since = |at: &[u32], own: Range<usize>, out: &mut [i64]| {
            let Some(start) = own.clone().next().map(|at| spells.starts()[at]) else { return 0 };
            let start = crate::data::Period::of(crate::data::Day(start), unit).number - first;
            for (slot, &at) in out.iter_mut().zip(at) {
                let since = i64::from(at) - i64::from(start);
                *slot = if since < 0 { i64::MIN } else { since };
            }
            0
        };
        null_minimum(for_persons(self, spells, found, i64::MIN, since).0)
    }

    /// The spell that covers the reference day of each row, and how many rows have several.
    fn covering(&self, spells: &Spells, found: &[u32]) -> (Vec<u32>, u64) {
        let days: Vec<i32> = (0..self.calendar.len()).map(|at| self.reference_day(at)).collect();
        let (starts, ends, rows) = (spells.starts(), spells.ends(), spells.rows());
        for_persons(self, spells, found, NONE, |at, own, out| {
            let mut tied = 0;
            let mut active: Vec<usize> = Vec::new();
            let mut next = own.start;
            for (slot, &at) in out.iter_mut().zip(at) {
                let day = days[at as usize];
                while next < own.end && starts[next] <= day {
                    active.push(next);
                    next += 1;
                }
                active.retain(|&spell| ends[spell] > day);
                let key = |spell: &usize| (starts[*spell], rows[*spell]);
                if let Some(spell) = active.iter().copied().max_by_key(key) {
                    *slot = spell as u32;
                }
                tied += u64::from(active.len() > 1);
            }
            tied
        })
    }
}

/// Of the spells that start with `last` (the last in order), the one with the highest row number;
/// and whether there are several.
fn latest_row(spells: &Spells, first: usize, last: usize) -> (u32, bool) {
    let start = spells.starts()[last];
    let same = (first..=last).rev().take_while(|&at| spells.starts()[at] == start);
    let best = same.max_by_key(|&at| spells.rows()[at]).unwrap_or(last);
    (best as u32, last > first && spells.starts()[last - 1] == start)
}

/// Whole numbers, null where they are `i64::MIN`.
pub(super) fn null_minimum(values: Vec<i64>) -> Column {
    let validity = crate::data::Bitmap::pack(values.iter().map(|&value| value != i64::MIN));
    Column::new(Values::Int(Buffer::from(values)), validity)
}

/// Days of each cell covered by at least one spell.
pub(super) fn days_present(panel: &Panel, spells: &Spells, found: &[u32]) -> Vec<i64> {
    let bounds: Vec<i32> = panel.calendar.bounds().iter().map(|day| day.0).collect();
    let (starts, ends) = (spells.starts(), spells.ends());
    let covered = |at: &[u32], own: Range<usize>, out: &mut [i64]| {
        // runs of days covered, in order and apart from each other
        let mut runs: Vec<(i32, i32)> = Vec::new();
        for spell in own {
            let (start, end) = (starts[spell], ends[spell]);
            match runs.last_mut() {
                Some(run) if start <= run.1 => run.1 = run.1.max(end),
                _ => runs.push((start, end)),
            }
        }
        let mut first = 0;
        for (slot, &at) in out.iter_mut().zip(at) {
            let (from, to) = (bounds[at as usize], bounds[at as usize + 1]);
            while first < runs.len() && runs[first].1 <= from {
                first += 1;
            }
            let inside = runs[first..].iter().take_while(|run| run.0 < to);
            *slot = inside.map(|run| i64::from(run.1.min(to) - run.0.max(from))).sum();
        }
        0
    };
    for_persons(panel, spells, found, 0, covered).0
}

/// Whether a spell covers a day of each cell.
pub(super) fn covered(panel: &Panel, spells: &Spells, found: &[u32]) -> Vec<bool> {
    let bounds: Vec<i32> = panel.calendar.bounds().iter().map(|day| day.0).collect();
    let (starts, ends) = (spells.starts(), spells.ends());
    let present = |at: &[u32], own: Range<usize>, out: &mut [bool]| {
        for spell in own {
            let until = at.partition_point(|&at| bounds[at as usize] < ends[spell]);
            let from = at.partition_point(|&at| bounds[at as usize + 1] <= starts[spell]);
            out[from.min(until)..until].fill(true);
        }
        0
    };
    for_persons(panel, spells, found, false, present).0
}
