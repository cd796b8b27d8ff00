//! How often links are right, and where wrong ones come from.

use super::super::EstimateError;
use crate::data::{Factor, Table};

/// The probability that a link is right, and how many links were looked at to know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// From above 0 to 1.
    pub correct: f64,
    /// Links of an audit sample; `None` when the rate is taken as known.
    pub audited: Option<u64>,
}

impl Rate {
    /// A rate that is taken as known.
    #[must_use]
    pub const fn known(correct: f64) -> Self {
        Self { correct, audited: None }
    }

    /// The share of `right` links among `looked_at`.
    #[must_use]
    pub fn audited(right: u64, looked_at: u64) -> Self {
        Self { correct: right as f64 / looked_at as f64, audited: Some(looked_at) }
    }
}

/// How often links are right.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkRate {
    /// The same for all rows.
    Same(Rate),
    /// By the label of a column.
    By(String, Vec<(String, Rate)>),
    /// A column with the probability of each row, taken as known.
    Column(String),
}

/// Where wrong links come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongLinks {
    /// Any row of the sample.
    Everybody,
    /// Rows with the same values in these columns (blocks, groups).
    Within(Vec<String>),
}

/// Rates by row of the sample.
pub(super) struct RowRates {
    pub(super) rate: Vec<f64>,
    /// Group of rates, row by row; none with one rate a row.
    pub(super) group: Option<Vec<u32>>,
    /// Label, rate.
    pub(super) groups: Vec<(String, Rate)>,
}

const EXPECTED: &str = "a probability from above 0 to 1";

fn check(rate: f64) -> Result<f64, EstimateError> {
    if rate > 0.0 && rate <= 1.0 {
        return Ok(rate);
    }
    Err(EstimateError::BadArgument { argument: "rate", expected: EXPECTED, got: rate.to_string() })
}

impl LinkRate {
    /// The column it reads.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Same(_) => None,
            Self::By(column, _) | Self::Column(column) => Some(column),
        }
    }

    /// The rates of rows that have no nulls.
    pub(super) fn read(&self, table: &Table, rows: &[u32]) -> Result<RowRates, EstimateError> {
        match self {
            Self::Same(rate) => Ok(RowRates {
                rate: vec![check(rate.correct)?; rows.len()],
                group: Some(vec![0; rows.len()]),
                groups: vec![("all".to_owned(), *rate)],
            }),
            Self::Column(name) => {
                let all = table.column("rate", name)?.to_floats("rate", name)?;
                let rate: Vec<f64> = rows.iter().map(|&row| all[row as usize]).collect();
                match rate.iter().position(|&own| check(own).is_err()) {
                    None => Ok(RowRates { rate, group: None, groups: Vec::new() }),
                    Some(at) => Err(EstimateError::BadArgument {
                        argument: "rate",
                        expected: EXPECTED,
                        got: format!("another number in \"{name}\" at row {}", rows[at]),
                    }),
                }
            }
            Self::By(name, rates) => by_label(name, rates, table, rows),
        }
    }
}

fn by_label(
    name: &str,
    rates: &[(String, Rate)],
    table: &Table,
    rows: &[u32],
) -> Result<RowRates, EstimateError> {
    for (_, rate) in rates {
        check(rate.correct)?;
    }
    let column = table.column("rate", name)?;
    let (ranks, first) = column.ranks();
    let labels: Vec<String> =
        first.iter().map(|&row| column.label(row as usize).unwrap_or_default()).collect();
    let place: Vec<Option<usize>> =
        labels.iter().map(|label| rates.iter().position(|(own, _)| own == label)).collect();
    let mut group = Vec::with_capacity(rows.len());
    for &row in rows {
        let rank = ranks[row as usize].unwrap_or_default() as usize;
        match place.get(rank).copied().flatten() {
            Some(at) => group.push(at as u32),
            None => {
                return Err(EstimateError::BadArgument {
                    argument: "rate",
                    expected: "a rate for each group of the sample",
                    got: format!("none for the group of \"{name}\" at row {row}"),
                });
            }
        }
    }
    let rate = group.iter().map(|&at| rates[at as usize].1.correct).collect();
    Ok(RowRates { rate, group: Some(group), groups: rates.to_vec() })
}

impl WrongLinks {
    pub(super) fn columns(&self) -> &[String] {
        match self {
            Self::Everybody => &[],
            Self::Within(columns) => columns,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Everybody => "everybody".to_owned(),
            Self::Within(columns) => format!("within {}", columns.join(" x ")),
        }
    }

    /// The pool of each row, for rows that have no nulls.
    pub(super) fn read(&self, table: &Table, rows: &[u32]) -> Result<Factor, EstimateError> {
        let mut all = Factor::compact(&vec![0; rows.len()]);
        for name in self.columns() {
            let (ranks, _) = table.column("wrong_links", name)?.ranks();
            let codes: Vec<u32> =
                rows.iter().map(|&row| ranks[row as usize].unwrap_or_default()).collect();
            all = all.cross(&Factor::compact(&codes));
        }
        Ok(all)
    }
}
