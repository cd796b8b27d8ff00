use crate::data::DataError;

/// An error of a trajectory analysis.
///
/// Either the input is wrong ([`is_input`](Self::is_input)) or the numbers give no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrajectoryError {
    /// A column, a type or a cell is wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A cell holds a state that is not in the alphabet.
    #[error("column \"{column}\" at row {row} holds a state that is not among `states`")]
    OutsideAlphabet {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// More states than codes can count.
    #[error("{got} states are more than the {most} an alphabet can have; group them first")]
    TooManyStates {
        /// States found.
        got: usize,
        /// The most there may be.
        most: usize,
    },
    /// A sequence without a state.
    #[error(
        "sequence {row} (counted from 0) has no state at all: every position is missing; leave it out or say that empty sequences are kept"
    )]
    EmptySequence {
        /// The sequence, counted from 0.
        row: usize,
    },
    /// Two cells for one person and one position.
    #[error(
        "row {row} is a second state of the same person at the same position; keep one of them"
    )]
    SecondState {
        /// The row, counted from 0.
        row: usize,
    },
    /// A sequence holds missing states where the measure takes none.
    #[error(
        "sequence {row} (counted from 0) has missing states; choose how `missing` states count, or fill or drop them"
    )]
    MissingStates {
        /// The sequence, counted from 0.
        row: usize,
    },
    /// A measure that compares position by position meets sequences of different length.
    #[error(
        "method \"{method}\" compares position by position, but sequence {row} (counted from 0) has {got} positions and the first has {expected}"
    )]
    UnequalLength {
        /// The measure.
        method: &'static str,
        /// The sequence, counted from 0.
        row: usize,
        /// Its length.
        got: usize,
        /// The length of the first.
        expected: usize,
    },
    /// An argument has a value that makes no sense.
    #[error("`{argument}`: expected {expected}, got {got}")]
    BadArgument {
        /// The argument.
        argument: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// An argument that this measure has no use for.
    #[error("`{argument}` cannot be used with method \"{method}\": {why}")]
    NotWithMethod {
        /// The argument.
        argument: &'static str,
        /// The method.
        method: &'static str,
        /// Why.
        why: &'static str,
    },
    /// More clusters than different sequences.
    #[error("`k`: {k} clusters of {unique} different sequences; ask for fewer")]
    TooManyClusters {
        /// Clusters asked for.
        k: usize,
        /// Different sequences.
        unique: usize,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl TrajectoryError {
    /// Whether the input is wrong, rather than the work stopped.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::Cancelled)
    }

    /// Whether the work was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

/// An argument out of range.
#[allow(clippy::needless_pass_by_value, reason = "callers hand in numbers and literals")]
pub(super) fn bad(
    argument: &'static str,
    expected: &'static str,
    got: impl ToString,
) -> TrajectoryError {
    TrajectoryError::BadArgument { argument, expected, got: got.to_string() }
}
