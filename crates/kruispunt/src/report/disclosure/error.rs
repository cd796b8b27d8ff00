use crate::data::DataError;

/// What can be wrong with a request for protection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DisclosureError {
    /// A table or column is not what it should be.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A rule of the profile has a value that makes no sense.
    #[error("`{argument}`: expected {expected}, got {got}")]
    BadRule {
        /// The rule.
        argument: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// A cell is not a count, a share or a number.
    #[error("`{argument}`: column \"{column}\" at row {row} is not {expected}")]
    BadCell {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row of the table.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A column has no role.
    #[error(
        "`table`: what is column \"{column}\"? say whether it is a share, a mean or a sum over the \
         persons counted, or `other`, which no rule looks at"
    )]
    NoRole {
        /// The column.
        column: String,
    },
    /// No column counts persons, or several may.
    #[error("`count`: {found}; say which column counts the persons behind each cell")]
    NoCount {
        /// What was found.
        found: String,
    },
    /// Two rows of a table are one cell.
    #[error(
        "`by`: rows {first} and {second} of the table are one cell; name all variables in `by`"
    )]
    DuplicateCell {
        /// The first row.
        first: usize,
        /// The second row.
        second: usize,
    },
    /// Parts are more than their total.
    #[error(
        "`table`: in column \"{column}\" the parts add up to more than the total at row {row}; \
         leave totals out where one person stands in several parts"
    )]
    NotAdditive {
        /// The column, or what is counted.
        column: String,
        /// The row of the total.
        row: usize,
    },
    /// The profile asks for contributions that the table does not give.
    #[error(
        "`largest`: the profile has a rule of concentration; give the largest contributions to \
         column \"{column}\", or make the table from microdata"
    )]
    NoContributions {
        /// The column.
        column: String,
    },
    /// A parent of a category leads back to it.
    #[error("`within`: the parents of \"{variable}\" go round in a circle")]
    Circle {
        /// The variable.
        variable: String,
    },
    /// A program did not end.
    #[error("protecting the table did not end; give fewer cells at once, or drop `within`")]
    Stalled,
    /// Nothing could be done that keeps a cell safe.
    #[error(
        "{cells} cells cannot be protected any more: what was released before tells them; \
         release this table in another form"
    )]
    Unprotectable {
        /// How many.
        cells: usize,
    },
    /// Whoever waited asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl DisclosureError {
    /// Whether the input, not the numbers, is at fault.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::Stalled | Self::Cancelled | Self::Unprotectable { .. })
    }
}
