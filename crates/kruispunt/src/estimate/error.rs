use crate::data::DataError;

/// An error of an estimator.
///
/// Either the input is wrong ([`is_input`](Self::is_input)) or the numbers give no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// A column, a type or a cell of the table is wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The formula cannot be read.
    #[error("`fml`: {message}\n  {formula}\n  {}{}", " ".repeat(*column), "^".repeat((*width).max(1)))]
    Formula {
        /// What is wrong.
        message: String,
        /// The formula as given, on one line.
        formula: String,
        /// Where, in characters from 0.
        column: usize,
        /// Over how many characters.
        width: usize,
    },
    /// The formula asks for something that does not exist yet.
    #[error(
        "`fml`: {what} are not supported yet\n  {formula}\n  {}{}",
        " ".repeat(*column), "^".repeat((*width).max(1))
    )]
    NotSupported {
        /// What, in the plural.
        what: &'static str,
        /// The formula as given, on one line.
        formula: String,
        /// Where, in characters from 0.
        column: usize,
        /// Over how many characters.
        width: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "`{argument}`: column \"{column}\" at row {row} is not a finite number; NaN is not missing, make it null"
    )]
    NotFinite {
        /// The argument that names the column.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A value whose square does not fit into a number.
    #[error(
        "`{argument}`: \"{column}\" at row {row} is beyond 1e90 and cannot be squared; scale it down"
    )]
    TooLarge {
        /// The argument that names the column.
        argument: &'static str,
        /// The column or expression.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A weight is zero or negative.
    #[error("`weights`: column \"{column}\" at row {row} is not above 0; drop rows without weight")]
    BadWeight {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A reference level, or that of a subsample, that does not occur.
    #[error("`fml`: no row has the level {level} in \"{column}\"")]
    NoSuchLevel {
        /// The column.
        column: String,
        /// The level asked for.
        level: String,
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
    /// Fewer observations than parameters.
    #[error(
        "{n_obs} observations remain for {parameters} parameters (coefficients and effects); more rows or a smaller model is needed"
    )]
    TooFewRows {
        /// Observations left.
        n_obs: usize,
        /// Parameters to estimate.
        parameters: usize,
    },
    /// No regressor remains.
    #[error("every regressor is collinear with the effects or with others: {}", names.join(", "))]
    AllCollinear {
        /// The regressors.
        names: Vec<String>,
    },
    /// Fewer than two clusters.
    #[error("`vcov`: \"{cluster}\" has {n} cluster in the sample; at least two are needed")]
    TooFewClusters {
        /// The cluster variable.
        cluster: String,
        /// Clusters in the sample.
        n: usize,
    },
    /// A coefficient that the fit does not have.
    #[error("`{argument}`: there is no coefficient \"{name}\"; there are {}", present.join(", "))]
    NoSuchCoefficient {
        /// The argument.
        argument: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        present: Vec<String>,
    },
    /// The fit was stored without its sample.
    #[error("`{what}` needs the sample, and this fit was stored without it")]
    NoSample {
        /// What was asked for.
        what: &'static str,
    },
    /// Fewer instruments than endogenous variables remain.
    #[error(
        "{instruments} instruments remain beside the other variables and the effects, for {endogenous} endogenous variables"
    )]
    TooFewInstruments {
        /// Instruments that say something of their own.
        instruments: usize,
        /// Endogenous variables.
        endogenous: usize,
    },
    /// Tests of instruments, of a fit without any.
    #[error("the fit has no instruments; write them as `y ~ x | effects | endogenous ~ z`")]
    NoInstruments,
    /// An outcome that the family cannot have.
    #[error("`fml`: outcome \"{outcome}\" at row {row}: expected {expected}")]
    BadOutcome {
        /// The outcome.
        outcome: String,
        /// The row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The likelihood has no maximum that could be found.
    #[error(
        "the likelihood was not maximised in {iterations} weighted regressions; separated observations or huge values are the usual reason"
    )]
    Diverged {
        /// Weighted regressions done.
        iterations: usize,
    },
    /// The effects could not be swept out to the tolerance.
    #[error(
        "sweeping out the effects stopped after {iterations} steps with a group mean of {left:.1e} standard deviations left; raise the number of steps or the tolerance"
    )]
    NotConverged {
        /// Steps taken.
        iterations: usize,
        /// Largest group mean left, in standard deviations of the column.
        left: f64,
    },
    /// Wrong links carry an effect out of the span of the effects, so that it cannot be absorbed.
    #[error(
        "`wrong_links`: the effect \"{effect}\" does not stay an effect after wrong links ({left:.1e} of it is left after sweeping); absorb only effects of which each pool of wrong links lies in one level, or that cross the pools in balance at one link rate"
    )]
    EffectsNotKept {
        /// The effect.
        effect: String,
        /// The share of a wrongly linked effect that sweeping leaves.
        left: f64,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl EstimateError {
    /// Whether the input is wrong, rather than the numbers.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::NotConverged { .. } | Self::Diverged { .. } | Self::Cancelled)
    }

    /// Whether the work was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}
