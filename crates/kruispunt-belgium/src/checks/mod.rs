//! Checks that know the traps of the warehouse.
//!
//! Each check reads the registers it is about, under the table and column names of
//! `docs/registers.md`, says how many rows show the trap, and what to do about it. A check whose
//! tables or columns are not there says so; it never counts as clean.

mod population;
mod registers;
mod services;
mod work;

use kruispunt::data::{Column, Table};
use registers::Registers;
use serde::Serialize;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The trap is there.
    Found,
    /// Looked for and not there.
    Clean,
    /// Tables or columns it reads are not there.
    NotChecked,
}

impl Status {
    /// The word: `found`, `clean`, `not checked`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Clean => "clean",
            Self::NotChecked => "not checked",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// The table it is about.
    pub table: &'static str,
    /// Whether the trap is there.
    pub status: Status,
    /// Rows (or persons) that show it.
    pub rows: usize,
    /// Rows (or persons) looked at.
    pub of: usize,
    /// What it is; for a check not made, what is missing.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// How often a trap shows, and among how many.
struct Seen {
    rows: usize,
    of: usize,
    /// Whether that is more than chance or ordinary life would give.
    found: bool,
}

impl Seen {
    /// Found when it shows at all.
    const fn any(rows: usize, of: usize) -> Self {
        Self { rows, of, found: rows > 0 }
    }

    /// Found when more than `share` of the rows show it.
    fn above(rows: usize, of: usize, share: f64) -> Self {
        Self { rows, of, found: rows as f64 > share * of as f64 && rows > 2 }
    }
}

/// What a check could not read.
struct Absent(String);

/// A check: its name, its table, how to look, what it is and what to do.
struct Check {
    name: &'static str,
    table: &'static str,
    look: fn(&Registers<'_>) -> Result<Seen, Absent>,
    what: &'static str,
    advice: &'static str,
}

/// Runs every check on the tables of a delivery.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt_belgium::checks::{Status, checks};
///
/// let deaths = Table::new([
///     ("pid", Column::int(vec![1, 1])),
///     ("death_date", Column::text([Some("2010-01-02"), Some("2010-02-01")])),
/// ])?;
/// let findings = checks(&[("deaths", &deaths)]);
/// let double = findings.iter().find(|finding| finding.check == "double_death");
/// assert_eq!(double.map(|finding| (finding.status, finding.rows)), Some((Status::Found, 1)));
/// # Ok::<(), kruispunt::data::DataError>(())
/// ```
#[must_use]
pub fn checks(tables: &[(&str, &Table)]) -> Vec<Finding> {
    let registers = Registers::new(tables);
    let all = population::CHECKS.iter().chain(work::CHECKS).chain(services::CHECKS);
    all.map(|check| {
        let (status, rows, of, what) = match (check.look)(&registers) {
            Ok(seen) => {
                let status = if seen.found { Status::Found } else { Status::Clean };
                (status, seen.rows, seen.of, check.what.to_owned())
            }
            Err(Absent(missing)) => (Status::NotChecked, 0, 0, format!("{missing} is not there")),
        };
        let (check, table, advice) = (check.name, check.table, check.advice);
        Finding { check, table, status, rows, of, what, advice }
    })
    .collect()
}

/// The findings as a table: check, table, status, rows, of, what, advice.
///
/// # Panics
///
/// Never: the columns have one length.
#[must_use]
pub fn table(findings: &[Finding]) -> Table {
    let text = |of: fn(&Finding) -> &str| Column::text(findings.iter().map(|one| Some(of(one))));
    let count = |of: fn(&Finding) -> usize| {
        Column::ints(&findings.iter().map(|one| i64::try_from(of(one)).ok()).collect::<Vec<_>>())
    };
    Table::new([
        ("check", text(|one| one.check)),
        ("table", text(|one| one.table)),
        ("status", text(|one| one.status.word())),
        ("rows", count(|one| one.rows)),
        ("of", count(|one| one.of)),
        ("what", text(|one| &one.what)),
        ("advice", text(|one| one.advice)),
    ])
    .unwrap_or_default()
}
