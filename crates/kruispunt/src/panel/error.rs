use crate::data::DataError;

/// What can be wrong when spells are shaped and panels built.
///
/// Messages name argument, column and row (counted from 0, of the table that was handed in),
/// never an identifier or the content of a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PanelError {
    /// Something is wrong with a table, a column or a calendar.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A spell ends before it starts.
    #[error(
        "`{argument}`: the spell at row {row} ends before it starts (columns \"{start}\" and \"{end}\"); correct it or drop such rows with on_inverted = drop"
    )]
    Inverted {
        /// The argument that names the end.
        argument: String,
        /// The column of first days.
        start: String,
        /// The column of last days.
        end: String,
        /// The row.
        row: usize,
    },
    /// A spell without a day, where ends are exclusive.
    #[error(
        "`{argument}`: the spell at row {row} has no day (column \"{end}\" is exclusive and equals the start); correct it or drop such rows with on_inverted = drop"
    )]
    EmptySpell {
        /// The argument that names the end.
        argument: String,
        /// The column of ends.
        end: String,
        /// The row.
        row: usize,
    },
    /// A number that is NaN or infinite; a missing value must be null.
    #[error(
        "`{argument}`: column \"{column}\" at row {row} is NaN or infinite; write a missing value as null"
    )]
    NotFinite {
        /// The argument.
        argument: String,
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// Spells of one person overlap where only one state a day is possible.
    #[error(
        "`{argument}`: the spells of one person at rows {first} and {second} overlap; say which wins with resolve(order)"
    )]
    Overlap {
        /// The argument that needs a timeline.
        argument: String,
        /// The row of the earlier spell.
        first: usize,
        /// The row of the later spell.
        second: usize,
    },
    /// An amount of a spell that has not ended cannot be divided over its days.
    #[error(
        "`{argument}`: column \"{column}\" cannot be divided over the days of the open spell at row {row}; give the spell an end or use the daily spread"
    )]
    OpenAmount {
        /// The argument.
        argument: String,
        /// The column of the amount.
        column: String,
        /// The row of the spell.
        row: usize,
    },
    /// The verb needs spells with a state.
    #[error("`{argument}`: the spells have no state; name its column when they are read")]
    NoState {
        /// The argument that needs it.
        argument: String,
    },
    /// An argument has a value that makes no sense.
    #[error("`{argument}`: expected {expected}, got {got}")]
    BadArgument {
        /// The argument.
        argument: String,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// Two lines of a crosswalk say what one code is on one day.
    #[error(
        "`{argument}`: rows {first} and {second} have the same code on a day of both; each day of a code needs one line"
    )]
    CrosswalkOverlap {
        /// The argument.
        argument: String,
        /// The first of the two rows.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A code that the crosswalk does not know on a day of a spell.
    #[error(
        "`{argument}`: the crosswalk has no line for the code of \"{column}\" at row {row} on {day}; complete the crosswalk, or say what becomes of such codes with on_unknown = keep or null"
    )]
    UnknownCode {
        /// The argument.
        argument: String,
        /// The column.
        column: String,
        /// The row of the spell.
        row: usize,
        /// The first day without a line.
        day: String,
    },
    /// A spell goes on over a day on which the register changed.
    #[error(
        "`{argument}`: the spell at row {row} goes on over {day}, when the register changed ({name}); cut it there, bring its codes to one list with a crosswalk, or accept it with on_break = warn"
    )]
    CrossesBreak {
        /// The argument.
        argument: String,
        /// The break.
        name: String,
        /// The first day after it.
        day: String,
        /// The row of the spell.
        row: usize,
    },
    /// Two rows for one person and period.
    #[error(
        "`{argument}`: rows {first} and {second} are the same person in the same period; a panel has one"
    )]
    DuplicatePersonPeriod {
        /// The argument.
        argument: String,
        /// The first of the two rows.
        first: usize,
        /// The second.
        second: usize,
    },
    /// Two rows for one person where each person has one.
    #[error("`{argument}`: rows {first} and {second} are the same person (column \"{column}\")")]
    DuplicateKey {
        /// The argument.
        argument: String,
        /// The column of identifiers.
        column: String,
        /// The first of the two rows.
        first: usize,
        /// The second.
        second: usize,
    },
    /// Identifiers of two tables that cannot be compared.
    #[error(
        "`{argument}`: one table identifies persons by {own}, the other by {theirs}; convert one"
    )]
    PersonTypes {
        /// The argument of the other table.
        argument: String,
        /// The type of the identifiers here.
        own: &'static str,
        /// The type of the identifiers there.
        theirs: &'static str,
    },
    /// A column that should be constant within a person is not.
    #[error(
        "`{argument}`: column \"{column}\" has another value at row {row} than earlier rows of that person"
    )]
    Varies {
        /// The argument.
        argument: String,
        /// The column.
        column: String,
        /// The row of the panel.
        row: usize,
    },
    /// A whole number got too large.
    #[error("`{argument}`: column \"{column}\" at row {row} exceeds the whole numbers of 64 bits")]
    Overflow {
        /// The argument.
        argument: String,
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
}

impl PanelError {
    /// Whether an argument, a column or a cell is at fault; otherwise the spells are as they should
    /// be, but give no such panel (they overlap, or are open).
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::Overlap { .. } | Self::OpenAmount { .. })
    }
}
