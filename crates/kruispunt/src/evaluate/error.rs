use crate::data::DataError;
use crate::estimate::EstimateError;

/// An error of an evaluation.
///
/// Either the input is wrong ([`is_input`](Self::is_input)) or the design gives no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A column, a type or a cell of the panel is wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A formula or a regression says no.
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    /// A value is NaN or infinite, or too large to be squared.
    #[error(
        "`{argument}`: column \"{column}\" at row {row} is not a finite number below 1e90; NaN is not missing, make it null"
    )]
    NotFinite {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row of the panel, counted from 0.
        row: usize,
    },
    /// A value that must be the same in all periods of a unit is not.
    #[error(
        "`{argument}`: column \"{column}\" at row {row} differs from the row before it of the same unit; {why}"
    )]
    Varies {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row of the panel, counted from 0.
        row: usize,
        /// Why it may not.
        why: &'static str,
    },
    /// A treatment that ends.
    #[error(
        "`cohort`: the treatment \"{column}\" turns off at row {row}; this design needs a treatment that stays once begun: give the first period of treatment if effects are meant to last"
    )]
    TurnsOff {
        /// The column.
        column: String,
        /// The row of the panel, counted from 0.
        row: usize,
    },
    /// The treated were chosen by their outcome.
    #[error(
        "`outcome`: who is treated depends on \"{outcome}\": in {when} {at_entry} of the treated have one and the same value, of the untreated {untreated}, of the treated before that {earlier}; changes since then mix the effect with the end of a state they were selected for. Compare with others in the same state (dynamic matching on risk sets), or take an outcome that eligibility does not depend on; `force` = \"eligibility\" estimates it all the same"
    )]
    EligibilityDependsOnOutcome {
        /// The outcome.
        outcome: String,
        /// The period in which they have it.
        when: &'static str,
        /// Share of the treated with the value that most have then.
        at_entry: String,
        /// The same of the untreated.
        untreated: String,
        /// The same of the treated in earlier periods.
        earlier: String,
    },
    /// A weight is zero or negative.
    #[error("`weights`: column \"{column}\" at row {row} is not above 0; drop rows without weight")]
    BadWeight {
        /// The column.
        column: String,
        /// The row of the panel, counted from 0.
        row: usize,
    },
    /// An outcome that the model cannot have.
    #[error("`{argument}`: column \"{column}\" at row {row}: expected {expected}")]
    OutOfRange {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row of the panel, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// An event or an indicator is neither 0 nor 1.
    #[error("`{argument}`: column \"{column}\" at row {row} is neither 0 nor 1")]
    NotBinary {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// An event is no number of a cause.
    #[error("`fml`: column \"{column}\" at row {row} is no event: 0 for none, else 1, 2, ...")]
    BadEvent {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A duration is below 0.
    #[error(
        "`time`: column \"{column}\" at row {row} is below 0; durations count from 0, name a column in `entry` for a scale such as age or date"
    )]
    BadTime {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A regressor, or several together, predicts some outcomes perfectly.
    #[error(
        "{what} predicts the outcome perfectly, so that its coefficient is infinite; leave it out, or the rows it settles"
    )]
    Separated {
        /// The regressor, or regressors in general.
        what: String,
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
    /// An argument that this method has no use for.
    #[error("`{argument}` cannot be used with method \"{method}\": {why}")]
    NotWithMethod {
        /// The argument.
        argument: &'static str,
        /// The method.
        method: &'static str,
        /// Why.
        why: &'static str,
    },
    /// Nobody is treated within the periods.
    #[error(
        "`cohort`: nobody is first treated after the first period and up to the last; there is no effect to estimate"
    )]
    NobodyTreated,
    /// No effect can be estimated.
    #[error("no effect can be estimated: {why}")]
    NothingEstimable {
        /// Why, of the first cell.
        why: String,
    },
    /// Fewer than two clusters.
    #[error("`cluster`: {n} cluster in the sample; at least two are needed")]
    TooFewClusters {
        /// Clusters in the sample.
        n: usize,
    },
    /// Too few values of a running variable near its cutoff.
    #[error(
        "`running`: too few distinct values {within}: {got}, at least {needed} are needed; widen the bandwidth, narrow the donut, or take finer values"
    )]
    TooFewNear {
        /// Where.
        within: String,
        /// Distinct values there.
        got: usize,
        /// Distinct values needed.
        needed: usize,
    },
    /// Means that the rows do not carry.
    #[error("`{verb}`: these effects stand by {by}; {why}")]
    WrongRows {
        /// The verb.
        verb: &'static str,
        /// What the rows stand for.
        by: &'static str,
        /// What is needed.
        why: &'static str,
    },
    /// The numbers give no answer.
    #[error("{what} has no solution: {why}")]
    NoSolution {
        /// What was computed.
        what: &'static str,
        /// Why there is none.
        why: &'static str,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl EvaluateError {
    /// Whether the input is wrong, rather than the design or the numbers.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        if let Self::Estimate(error) = self {
            return error.is_input();
        }
        !matches!(
            self,
            Self::NothingEstimable { .. }
                | Self::NoSolution { .. }
                | Self::TooFewNear { .. }
                | Self::EligibilityDependsOnOutcome { .. }
                | Self::Cancelled
        )
    }

    /// Whether the work was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Estimate(EstimateError::Cancelled))
    }
}
