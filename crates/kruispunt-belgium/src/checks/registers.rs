//! Tables of a delivery, read by name.

use super::Absent;
use kruispunt::data::{Column, Day, Period, Table, Unit, Values};
use rustc_hash::FxHashMap;

/// The tables there are.
pub(super) struct Registers<'a> {
    tables: FxHashMap<&'a str, &'a Table>,
}

impl<'a> Registers<'a> {
    pub(super) fn new(tables: &[(&'a str, &'a Table)]) -> Self {
        Self { tables: tables.iter().copied().collect() }
    }

    fn column(&self, table: &str, name: &str) -> Result<&'a Column, Absent> {
        let found = self.tables.get(table).ok_or_else(|| Absent(format!("table \"{table}\"")))?;
        found.get(name).ok_or_else(|| Absent(format!("column \"{name}\" of table \"{table}\"")))
    }

    /// Text cell by cell; whole numbers as their digits.
    pub(super) fn texts(&self, table: &str, name: &str) -> Result<Texts, Absent> {
        let (codes, first) = self.column(table, name)?.ranks();
        let column = self.column(table, name)?;
        let level = |row: &u32| column.label(*row as usize).unwrap_or_default().trim().to_owned();
        Ok(Texts { levels: first.iter().map(level).collect(), codes })
    }

    /// Real numbers, NaN where missing.
    pub(super) fn numbers(&self, table: &str, name: &str) -> Result<Vec<f64>, Absent> {
        let column = self.column(table, name)?;
        column
            .to_floats("registers", name)
            .map_err(|_| Absent(format!("a column \"{name}\" of numbers in table \"{table}\"")))
    }

    /// Days; missing where they do not parse.
    pub(super) fn days(&self, table: &str, name: &str) -> Result<Vec<Option<Day>>, Absent> {
        let column = self.column(table, name)?;
        if let Ok(days) = column.to_days("registers", name) {
            return Ok(days);
        }
        if !matches!(column.values(), Values::Text(_)) {
            return Err(Absent(format!("a column \"{name}\" of days in table \"{table}\"")));
        }
        let texts = self.texts(table, name)?;
        Ok((0..texts.len()).map(|row| texts.get(row).and_then(Day::parse)).collect())
    }

    /// Quarters, as numbers that grow by one a quarter.
    pub(super) fn quarters(&self, table: &str, name: &str) -> Result<Vec<Option<Period>>, Absent> {
        let column = self.column(table, name)?;
        column
            .to_periods(Unit::Quarter, "registers", name)
            .map_err(|_| Absent(format!("a column \"{name}\" of quarters in table \"{table}\"")))
    }
}

/// Text, each distinct string once.
pub(super) struct Texts {
    levels: Vec<String>,
    codes: Vec<Option<u32>>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// The text of a row; an empty one is missing.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let text = self.levels.get(self.codes.get(row).copied()?? as usize)?;
        (!text.is_empty()).then_some(text)
    }

    /// Every row.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }
}
