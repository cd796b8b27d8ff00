//! What can be wrong with the registers a rule reads.

use kruispunt::data::DataError;
use kruispunt::panel::PanelError;

/// What can be wrong when a Belgian rule is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BelgiumError {
    /// Something is wrong with a table, a column or a calendar.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Something is wrong with a panel or its spells.
    #[error(transparent)]
    Panel(#[from] PanelError),
    /// A rule needs a column that was not named.
    #[error(
        "`{argument}`: this rule reads {what}, and no column was named for it; name the column, or choose a rule without it"
    )]
    Unnamed {
        /// The argument.
        argument: &'static str,
        /// What the rule reads there.
        what: &'static str,
    },
    /// A register lacks a table a rule reads.
    #[error("`{argument}`: there is no table \"{table}\"; it has {present}")]
    NoTable {
        /// The argument.
        argument: &'static str,
        /// The table.
        table: &'static str,
        /// The tables there are.
        present: String,
    },
    /// An argument is outside its range.
    #[error("`{argument}`: {got}; expected {expected}")]
    OutOfRange {
        /// The argument.
        argument: &'static str,
        /// What was given.
        got: String,
        /// What was expected.
        expected: &'static str,
    },
}
