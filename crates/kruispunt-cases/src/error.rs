//! What can be wrong with a choice of cases or with what is coded about them.

use kruispunt::data::DataError;

/// What can be wrong with a choice of cases or with what is coded about them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CasesError {
    /// An argument is not what the verb needs.
    #[error("`{argument}`: expected {expected}, got {got}")]
    Argument {
        /// The argument.
        argument: &'static str,
        /// What was expected, with the remedy.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A kind of case that the source does not define.
    #[error("`kind`: \"{kind}\" is not defined for {source_kind}; {remedy}")]
    Undefined {
        /// The kind.
        kind: &'static str,
        /// What cases are chosen from.
        source_kind: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Fewer candidates than cases.
    #[error("`n`: {wanted} cases and reserves are wanted, {available} candidates {place}")]
    TooFew {
        /// Cases wanted.
        wanted: usize,
        /// Candidates there are.
        available: usize,
        /// Where.
        place: String,
    },
    /// A quota that cannot be met.
    #[error(
        "`quota`: {wanted} of \"{level}\" in \"{column}\" are wanted, {got}; lower the quota or raise `n`"
    )]
    Quota {
        /// The column.
        column: String,
        /// The value, as the caller wrote it.
        level: String,
        /// The number wanted.
        wanted: usize,
        /// What there is.
        got: String,
    },
    /// A row of two tables that has no partner or more than one.
    #[error("`{argument}`: the identifier at row {row} {problem}")]
    Identifier {
        /// The argument.
        argument: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number that is not finite.
    #[error("`{argument}`: column \"{column}\" is NaN or infinite at row {row}; expected a number")]
    NotFinite {
        /// The argument.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Something about a table.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl CasesError {
    /// Whether the caller can mend it.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::Cancelled)
    }

    /// An argument that is not what is expected.
    pub(crate) fn argument(
        argument: &'static str,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Argument { argument, expected: expected.into(), got: got.into() }
    }
}
