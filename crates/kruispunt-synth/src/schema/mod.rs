//! The tables and their columns, as data.

mod markdown;
mod registers;
mod secondary;
mod truths;

pub use markdown::markdown;

use serde::Serialize;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Real numbers.
    Float,
    /// Days.
    Date,
    /// Quarters.
    Quarter,
    /// Years.
    Year,
    /// Codes of a closed list, as categories.
    Code,
    /// Text.
    Text,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Date => "date",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Code => "code",
            Self::Text => "text",
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The codes and what they mean; empty for all other kinds.
    pub codes: &'static [(&'static str, &'static str)],
    /// The unit; empty where there is none.
    pub unit: &'static str,
    /// What it says, and when it is missing.
    pub description: &'static str,
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TableSchema {
    /// Its name.
    pub name: &'static str,
    /// What one row is.
    pub description: &'static str,
    /// Whether the world makes it; some are described only.
    pub generated: bool,
    /// Its columns, in order.
    pub fields: &'static [Field],
}

/// All register tables, the survey included.
pub static REGISTERS: &[TableSchema] = registers::ALL;

/// The secondary files, the identifier layer and the survey.
pub static SECONDARY: &[TableSchema] = secondary::ALL;

/// All truth tables.
pub static TRUTH: &[TableSchema] = truths::ALL;

/// The schema of a register or truth table.
#[must_use]
pub fn schema(name: &str) -> Option<&'static TableSchema> {
    tables().chain(TRUTH).find(|table| table.name == name)
}

/// All tables that are not truth, in the order of the documentation.
pub fn tables() -> impl Iterator<Item = &'static TableSchema> {
    REGISTERS.iter().chain(SECONDARY)
}

const fn field(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field { name, kind, codes: &[], unit: "", description }
}

const fn in_unit(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    description: &'static str,
) -> Field {
    Field { name, kind, codes: &[], unit, description }
}

const fn code(
    name: &'static str,
    codes: &'static [(&'static str, &'static str)],
    description: &'static str,
) -> Field {
    Field { name, kind: Kind::Code, codes, unit: "", description }
}

const PID: Field = field("pid", Kind::Int, "coded number of the person; tells nothing by itself");
const QUARTER: Field = field("quarter", Kind::Quarter, "the quarter");
const SEX: &[(&str, &str)] = &[("1", "man"), ("2", "woman")];
const ORIGIN: &[(&str, &str)] = &[
    ("BE", "Belgium"),
    ("EU14", "the fourteen other EU members before 2004"),
    ("EU13", "the thirteen members since 2004"),
    ("TR", "Turkey"),
    ("MA", "Morocco"),
    ("nonEU", "other countries"),
];
const GENERATION: &[(&str, &str)] = &[
    ("0", "Belgian origin"),
    ("1", "came as an adult"),
    ("1.5", "came before 18"),
    ("2", "born in Belgium, parent from abroad"),
];
const IT202: &[(&str, &str)] = &[
    ("1", "family reunification"),
    ("2", "asylum or protection"),
    ("3", "regularisation"),
    ("4", "worker"),
    ("5", "other"),
    ("6", "student"),
    ("7", "long-term resident"),
    ("8", "special status"),
];
const TRAINING: &[(&str, &str)] = &[
    ("GCT", "general classroom training"),
    ("OCT", "occupation-specific classroom training"),
    ("NCWT", "workplace training without a contract"),
    ("CWT", "workplace training with a contract (IBO)"),
];
