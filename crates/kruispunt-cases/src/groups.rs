//! Values of a column as small numbers.

use crate::CasesError;
use kruispunt::data::{Column, Table};

/// A column as codes from 0 in the natural order of its values; missing is `None`.
pub(crate) struct Coded {
    pub(crate) codes: Vec<Option<u32>>,
    pub(crate) labels: Vec<String>,
}

impl Coded {
    pub(crate) fn of(column: &Column) -> Self {
        let (codes, firsts) = column.ranks();
        let label = |row: &u32| column.label(*row as usize).unwrap_or_default();
        Self { labels: firsts.iter().map(label).collect(), codes }
    }

    /// The column `name` of a table.
    pub(crate) fn named(table: &Table, argument: &str, name: &str) -> Result<Self, CasesError> {
        Ok(Self::of(table.column(argument, name)?))
    }
}

/// Numbers of a column; missing is `None`, NaN and infinity are errors.
pub(crate) fn numbers(
    table: &Table,
    argument: &'static str,
    name: &str,
) -> Result<Vec<Option<f64>>, CasesError> {
    let column = table.column(argument, name)?;
    let values = column.to_floats(argument, name)?;
    values
        .into_iter()
        .enumerate()
        .map(|(row, value)| match column.is_null(row) {
            true => Ok(None),
            false if value.is_finite() => Ok(Some(value)),
            false => Err(CasesError::NotFinite { argument, column: name.to_owned(), row }),
        })
        .collect()
}

/// Whether a column holds numbers.
pub(crate) fn is_number(column: &Column) -> bool {
    use kruispunt::data::Values;
    matches!(column.values(), Values::Int(_) | Values::Short(_) | Values::Float(_))
}

/// How unlike rows are: the mean over columns of 0 or 1 for words and of the share of the range
/// for numbers (Gower 1971, *Biometrics* 27(4), 857-871); columns missing in one of two rows do
/// not count.
#[derive(Clone, Debug)]
pub(crate) struct Unlike {
    columns: Vec<Scale>,
}

#[derive(Clone, Debug)]
enum Scale {
    Words(Vec<Option<u32>>),
    Numbers(Vec<Option<f64>>),
}

impl Unlike {
    pub(crate) fn of(
        table: &Table,
        argument: &'static str,
        names: &[String],
    ) -> Result<Self, CasesError> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = table.column(argument, name)?;
            if !is_number(column) {
                columns.push(Scale::Words(Coded::of(column).codes));
                continue;
            }
            let mut values = numbers(table, argument, name)?;
            let known = || values.iter().flatten().copied();
            let low = known().fold(f64::INFINITY, f64::min);
            let range = known().fold(f64::NEG_INFINITY, f64::max) - low;
            let range = if range > 0.0 { range } else { 1.0 };
            values.iter_mut().flatten().for_each(|value| *value = (*value - low) / range);
            columns.push(Scale::Numbers(values));
        }
        Ok(Self { columns })
    }

    /// From 0, alike, to 1, different in all; 1 when no column is known in both.
    pub(crate) fn between(&self, one: usize, other: usize) -> f64 {
        let (mut sum, mut known) = (0.0, 0.0);
        for column in &self.columns {
            let part = match column {
                Scale::Words(codes) => match (codes[one], codes[other]) {
                    (Some(a), Some(b)) => Some(f64::from(u8::from(a != b))),
                    _ => None,
                },
                Scale::Numbers(values) => match (values[one], values[other]) {
                    (Some(a), Some(b)) => Some((a - b).abs()),
                    _ => None,
                },
            };
            if let Some(part) = part {
                sum += part;
                known += 1.0;
            }
        }
        if known > 0.0 { sum / known } else { 1.0 }
    }
}
