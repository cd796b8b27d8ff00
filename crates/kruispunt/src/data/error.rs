use super::Unit;
use std::fmt::Write as _;

/// What can be wrong with a table, a column or a calendar.
///
/// Messages name the argument, the column and the row (counted from 0), never a cell's content
/// where the cell could identify a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A column is asked for that the table does not have.
    #[error(
        "`{argument}`: there is no column \"{column}\"; {}the table has {}",
        nearest(column, present),
        list(present)
    )]
    MissingColumn {
        /// The argument that names the column.
        argument: String,
        /// The name asked for.
        column: String,
        /// The names the table has.
        present: Vec<String>,
    },
    /// Two columns have the same name.
    #[error("column \"{column}\" occurs twice; rename or drop one of them")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A column has another type than the verb needs.
    #[error("`{argument}`: column \"{column}\" holds {got}; expected {expected}")]
    WrongType {
        /// The argument that names the column.
        argument: String,
        /// The column.
        column: String,
        /// What was expected.
        expected: &'static str,
        /// What it holds.
        got: &'static str,
    },
    /// A column comes in a type that no verb reads.
    #[error(
        "`{argument}`: column \"{column}\" holds {got}, which kruispunt does not read; give numbers, text, dates, booleans or categories"
    )]
    UnsupportedType {
        /// The argument that hands the table in.
        argument: String,
        /// The column.
        column: String,
        /// The type it has.
        got: String,
    },
    /// A cell does not parse.
    #[error("`{argument}`: column \"{column}\" at row {row} is not {expected}")]
    BadCell {
        /// The argument that names the column.
        argument: String,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A cell is empty where a value is needed.
    #[error("`{argument}`: column \"{column}\" is missing at row {row}; expected {expected}")]
    MissingCell {
        /// The argument that names the column.
        argument: String,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// Columns that belong together differ in length.
    #[error("column \"{column}\" has {got} rows; expected {expected}")]
    LengthMismatch {
        /// The column.
        column: String,
        /// Rows of the table.
        expected: usize,
        /// Rows of the column.
        got: usize,
    },
    /// A matrix with another number of names than columns.
    #[error("`names`: {got} name(s) for {expected} column(s); give one a column")]
    NamesMismatch {
        /// Columns of the matrix.
        expected: usize,
        /// Names given.
        got: usize,
    },
    /// A table without rows where rows are needed.
    #[error("`{argument}`: the table has no rows")]
    EmptyTable {
        /// The argument.
        argument: String,
    },
    /// More rows than codes can count.
    #[error(
        "`{argument}`: {rows} rows are more than the 4,294,967,294 a table can hold; split it by person"
    )]
    TooManyRows {
        /// The argument.
        argument: String,
        /// Rows given.
        rows: usize,
    },
    /// A period does not parse.
    #[error("`{argument}`: \"{text}\" is not a {}; write it as {}", unit.name(), example(*unit))]
    BadPeriod {
        /// The argument.
        argument: &'static str,
        /// The text.
        text: String,
        /// The unit asked for.
        unit: Unit,
    },
    /// A calendar with a period too early or too late.
    #[error("`{argument}`: {period} does not lie between the years 1 and 9998")]
    PeriodOutOfRange {
        /// The argument.
        argument: &'static str,
        /// The period.
        period: String,
    },
    /// A calendar that ends before it starts.
    #[error(
        "the calendar from {first} to {last} is empty; the first period must not lie after the last"
    )]
    EmptyCalendar {
        /// The first period.
        first: String,
        /// The last period.
        last: String,
    },
}

/// A question after the name that was probably meant: few letters away, or one case away.
fn nearest(wanted: &str, present: &[String]) -> String {
    let far = wanted.chars().count().min(60) / 3 + 1;
    let near = present
        .iter()
        .take(1000)
        .map(|name| (letters_apart(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(apart, name)| *apart <= far && *apart < name.chars().count())
        .min_by_key(|(apart, _)| *apart);
    near.map_or_else(String::new, |(_, name)| format!("did you mean \"{name}\"? "))
}

/// Levenshtein distance of two names.
fn letters_apart(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(60).collect();
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(60).enumerate() {
        let mut now = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            now.push((before[j] + usize::from(x != *y)).min(before[j + 1] + 1).min(now[j] + 1));
        }
        before = now;
    }
    before[b.len()]
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    if text.is_empty() { "no columns".to_owned() } else { text }
}

const fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Month => "2012-03",
        Unit::Quarter => "2012Q1",
        Unit::Year => "2012",
    }
}
