//! Person x period.

use super::{
    Account, Buffer, Calendar, Column, Count, DataError, Factor, Persons, Step, Table, Values,
};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The day of a period at which a panel looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceDay {
    /// The last day of the period, as the quarter-end nomenclatures do.
    #[default]
    Last,
    /// The first day of the period.
    First,
    /// The n-th day of the period, counted from 1; its last day when it is shorter.
    Nth(u16),
}

/// A panel: at most one row for a person and a period, sorted by person, then period.
///
/// Persons are coded in the natural order of their identifier, periods by their position in the
/// calendar, so that [`person_factor`](Self::person_factor) and
/// [`period_factor`](Self::period_factor) go into an estimator without hashing. Panels do not
/// change: each verb gives a new one, which shares the columns of the old.
///
/// Made by [`Timeline::to_panel`](super::Timeline::to_panel),
/// [`Spells::to_panel`](super::Spells::to_panel) or [`Panel::from_table`](Panel::from_table).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    pub(crate) calendar: Calendar,
    pub(crate) persons: Persons,
    pub(crate) period_name: String,
    pub(crate) offsets: Buffer<u32>,
    pub(crate) positions: Buffer<u32>,
    pub(crate) columns: Table,
    pub(crate) reference: ReferenceDay,
    pub(crate) account: Account,
}

impl Panel {
    /// Number of rows (cells of a person and a period).
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.positions.len()
    }

    /// The periods.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The persons; each has at least one row.
    #[must_use]
    pub const fn persons(&self) -> &Persons {
        &self.persons
    }

    /// The rows of the person with this code.
    ///
    /// # Panics
    ///
    /// When there is no such person.
    #[must_use]
    pub fn of(&self, person: usize) -> Range<usize> {
        self.offsets[person] as usize..self.offsets[person + 1] as usize
    }

    /// Where each person's rows start, and last the number of rows: shape `(persons + 1,)`.
    #[must_use]
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The position of each row's period in the calendar, shape `(n,)`.
    #[must_use]
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// The columns beside person and period.
    #[must_use]
    pub const fn columns(&self) -> &Table {
        &self.columns
    }

    /// The name of the period column.
    #[must_use]
    pub fn period_name(&self) -> &str {
        &self.period_name
    }

    /// The day of the period at which time-varying values are looked up.
    #[must_use]
    pub const fn reference(&self) -> ReferenceDay {
        self.reference
    }

    /// What happened to the rows so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The account, under the name readers look for: from spells to the rows analysed.
    #[must_use]
    pub const fn flow(&self) -> &Account {
        &self.account
    }

    /// Rows and persons.
    #[must_use]
    pub fn count(&self) -> Count {
        Count::of(self.n_rows(), self.persons.len())
    }

    /// The persons as a factor; its levels are [`persons`](Self::persons) in order.
    #[must_use]
    pub fn person_factor(&self) -> Factor {
        Factor::compact(&self.person_codes())
    }

    /// The periods as a factor, levels in order of time; periods without a row have no level.
    #[must_use]
    pub fn period_factor(&self) -> Factor {
        Factor::compact(&self.positions)
    }

    /// One person code a row, shape `(n,)`.
    #[must_use]
    pub fn person_codes(&self) -> Vec<u32> {
        let mut codes = Vec::with_capacity(self.n_rows());
        for person in 0..self.persons.len() {
            codes.resize(self.offsets[person + 1] as usize, person as u32);
        }
        codes
    }

    /// The period of each row.
    #[must_use]
    pub fn period_column(&self) -> Column {
        let first = self.calendar.period(0).number;
        let numbers = self.positions.iter().map(|&at| first + at as i32).collect();
        Column::periods(self.calendar.unit(), numbers)
    }

    /// The panel as a table: person, period, then the other columns.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::default();
        let own = [
            (self.persons.name(), self.persons.ids().gather(&self.person_codes())),
            (self.period_name.as_str(), self.period_column()),
        ];
        let others = self.columns.names().iter().map(String::as_str);
        for (name, column) in own.into_iter().chain(others.zip(self.columns.columns().to_vec())) {
            // names were checked when the columns entered the panel
            let _ = table.push(name, column);
        }
        table
    }

    /// The column `name` that `argument` asks for; person and period are columns too.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingColumn`], listing the columns there are.
    pub fn column(&self, argument: &str, name: &str) -> Result<Column, DataError> {
        if name == self.persons.name() {
            return Ok(self.persons.ids().gather(&self.person_codes()));
        }
        if name == self.period_name {
            return Ok(self.period_column());
        }
        self.columns.column(argument, name).map(Column::widened).map_err(|error| match error {
            DataError::MissingColumn { argument, column, mut present } => {
                present.insert(0, self.persons.name().to_owned());
                present.insert(1, self.period_name.clone());
                DataError::MissingColumn { argument, column, present }
            }
            other => other,
        })
    }

    /// The panel with one column more, or another in the place of the one of that name.
    ///
    /// # Errors
    ///
    /// [`DataError::LengthMismatch`] when it has not one value a row,
    /// [`DataError::DuplicateColumn`] for the name of the person or the period column.
    pub fn with_column(&self, name: &str, column: Column) -> Result<Self, DataError> {
        if name == self.persons.name() || name == self.period_name {
            return Err(DataError::DuplicateColumn { column: name.to_owned() });
        }
        if column.len() != self.n_rows() {
            return Err(DataError::LengthMismatch {
                column: name.to_owned(),
                expected: self.n_rows(),
                got: column.len(),
            });
        }
        let mut panel = self.clone();
        panel.columns.set(name, column)?;
        Ok(panel)
    }

    /// The panel with one more step in its account.
    #[must_use]
    pub(crate) fn with_step(mut self, step: Step) -> Self {
        self.account = self.account.then(step);
        self
    }

    /// Whether a row rests on a record: all do, unless balancing made some without.
    pub(crate) fn recorded(&self) -> impl Fn(usize) -> bool + Sync + '_ {
        let reason = self.columns.get(REASON).filter(|reason| match reason.values() {
            Values::Text(text) => text.is_categorical(),
            _ => false,
        });
        move |row| reason.is_none_or(|reason| reason.is_null(row))
    }

    /// The reference day of the period at `position`.
    pub(crate) fn reference_day(&self, position: usize) -> i32 {
        self.reference.of(
            self.calendar.period(position).first_day().0,
            self.calendar.period(position + 1).first_day().0,
        )
    }
}

/// The column that says why a cell has no record.
pub(crate) const REASON: &str = "reason";

impl ReferenceDay {
    /// The reference day of the period `first..next`.
    pub(crate) fn of(self, first: i32, next: i32) -> i32 {
        match self {
            Self::Last => next - 1,
            Self::First => first,
            Self::Nth(n) => (first + i32::from(n.max(1)) - 1).min(next - 1),
        }
    }
}
