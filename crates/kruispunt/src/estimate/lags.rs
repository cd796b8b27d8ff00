//! Which row holds which period of which person.

use super::EstimateError;
use super::sample::Rows;
use crate::data::Values;
use rustc_hash::FxHashMap;

/// Rows by person and period.
pub(super) struct Lags {
    /// Person and period of each row of the table; none where one is null.
    of: Vec<Option<(u32, i64)>>,
    row: FxHashMap<(u32, i64), u32>,
}

impl Lags {
    /// Reads the columns of person and period.
    pub(super) fn new(rows: &Rows<'_>, person: &str, period: &str) -> Result<Self, EstimateError> {
        let persons: Vec<Option<u32>> = match rows.factor(person) {
            Some(factor) => factor.codes().iter().copied().map(Some).collect(),
            None => rows.table.column("panel_id", person)?.ranks().0,
        };
        let periods: Vec<i64> = if let Some(factor) = rows.factor(period) {
            factor.codes().iter().map(|&code| i64::from(code)).collect()
        } else {
            let column = rows.table.column("panel_id", period)?;
            match column.values() {
                Values::Int(values) => values.to_vec(),
                Values::Short(values) => values.iter().map(|&v| i64::from(v)).collect(),
                Values::Period(_, values) => values.iter().map(|&v| i64::from(v)).collect(),
                _ => {
                    let expected = "periods or whole numbers";
                    return Err(column.wrong_type("panel_id", period, expected).into());
                }
            }
        };
        let null = |row: usize| rows.table.get(period).is_some_and(|column| column.is_null(row));
        let of: Vec<Option<(u32, i64)>> = (0..rows.n_all)
            .map(|row| persons[row].filter(|_| !null(row)).map(|who| (who, periods[row])))
            .collect();
        let mut row = FxHashMap::default();
        row.reserve(of.len());
        for (at, key) in of.iter().enumerate() {
            let Some(key) = key else { continue };
            if let Some(before) = row.insert(*key, at as u32) {
                return Err(EstimateError::BadArgument {
                    argument: "panel_id",
                    expected: "one row for each person and period",
                    got: format!("two, at rows {before} and {at}"),
                });
            }
        }
        Ok(Self { of, row })
    }

    /// The row of the same person `step` periods before.
    pub(super) fn before(&self, row: usize, step: i64) -> Option<usize> {
        let (who, when) = self.of[row]?;
        let when = when.checked_sub(step)?;
        self.row.get(&(who, when)).map(|&row| row as usize)
    }
}
