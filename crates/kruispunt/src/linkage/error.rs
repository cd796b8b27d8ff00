use crate::data::DataError;

/// What can go wrong when registers are linked.
///
/// Messages name comparisons, rules and rows (counted from 0), never a name or a number of a
/// person.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkageError {
    /// A table or column is not what the verb needs.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A linker without comparisons.
    #[error("`comparisons`: there are none; give at least one, such as name(\"surname\")")]
    NoComparisons,
    /// A linker without blocking rules.
    #[error(
        "`blocking`: there are no rules; give lists of columns such as [[\"surname\", \"birth_date\"]]"
    )]
    NoBlocking,
    /// More levels than a pattern can number.
    #[error(
        "`comparisons`: {levels} patterns of levels are more than can be numbered; leave comparisons out"
    )]
    TooManyPatterns {
        /// Patterns there could be.
        levels: f64,
    },
    /// Thresholds that are no ladder.
    #[error("`{comparison}`: the thresholds must be {expected}")]
    BadThresholds {
        /// The comparison.
        comparison: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Levels, or what was asked of them, that make no sense.
    #[error("`{comparison}`: the levels need {expected}")]
    BadLevels {
        /// The comparison.
        comparison: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A block that is too large to compare all of its pairs.
    #[error(
        "`blocking`: rule [{rule}] has a block of {pairs} pairs, more than the cap of {cap} a block; the first of its rows is {row}; add a column to the rule or leave out values that mean missing"
    )]
    GiantBlock {
        /// The rule.
        rule: String,
        /// Pairs of the block.
        pairs: u64,
        /// The cap.
        cap: u64,
        /// A row of the block, of the left table.
        row: usize,
    },
    /// Labels that say two things about a pair of rows.
    #[error(
        "`labels`: rows {left} and {right} are one person and two persons at once, by labels {first} and {second}; remove one"
    )]
    Contradiction {
        /// The left row of the pair.
        left: usize,
        /// The right row.
        right: usize,
        /// A label of the pair.
        first: usize,
        /// The other, or the one by which it follows.
        second: usize,
    },
    /// Labels that cannot teach.
    #[error("`labels`: {why}")]
    BadLabels {
        /// Why.
        why: &'static str,
    },
    /// An argument outside its range.
    #[error("`{argument}` is {got}; expected {expected}")]
    BadArgument {
        /// The argument.
        argument: &'static str,
        /// What was given.
        got: f64,
        /// What was expected.
        expected: &'static str,
    },
    /// A real number that is not one.
    #[error("`{argument}`: column \"{column}\" is not a finite number at row {row}")]
    NotFinite {
        /// The argument.
        argument: String,
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// Links within one table where two tables are needed.
    #[error("these links are within one table; group its rows with clusters()")]
    OneTable,
    /// Links of two tables where those within one are needed.
    #[error("these links are of two tables; cluster ids are kept for the rows of one (dedupe)")]
    TwoTables,
    /// A table that is not the one that was linked.
    #[error("`{argument}`: the table has {got} rows; the links are those of a table of {expected}")]
    OtherTable {
        /// The argument.
        argument: &'static str,
        /// Rows of the table that was linked.
        expected: usize,
        /// Rows of this one.
        got: usize,
    },
    /// Two passes with weights that are not comparable.
    #[error("`rest`: both passes were weighed by a model; link by keys first, then by one model")]
    TwoModels,
    /// A weight where a key decided.
    #[error("`link`: link {link} was decided by a key; it has no weight to show")]
    Keyed {
        /// The link, counted from 0.
        link: usize,
    },
    /// Linking before training.
    #[error("the linker is not trained; call train(left, right) first")]
    Untrained,
    /// A comparison about which no pair tells anything.
    #[error("`comparisons`: \"{comparison}\" cannot be trained: {why}")]
    Untrainable {
        /// The comparison.
        comparison: String,
        /// Why.
        why: &'static str,
    },
    /// No rule finds a pair.
    #[error(
        "`blocking`: no rule finds a pair of rows; {left_null} of {left} left rows and {right_null} of {right} right rows have a missing value in every rule"
    )]
    NoPairs {
        /// Left rows that no rule can use.
        left_null: usize,
        /// Left rows.
        left: usize,
        /// Right rows that no rule can use.
        right_null: usize,
        /// Right rows.
        right: usize,
    },
    /// A rule that finds too many pairs.
    #[error(
        "`blocking`: the rules find {pairs} pairs, more than the cap of {cap}; rule [{rule}] alone finds {rule_pairs}, and its largest block {largest}; add a column to it or raise the cap"
    )]
    TooManyPairs {
        /// The rule with the most pairs.
        rule: String,
        /// Pairs of that rule.
        rule_pairs: u64,
        /// Pairs of its largest block.
        largest: u64,
        /// Pairs of all rules, doubles counted.
        pairs: u64,
        /// The cap.
        cap: u64,
    },
    /// One key on two rows of the table that should have each person once.
    #[error(
        "`{argument}`: column \"{column}\" holds the same key at rows {first} and {row}; each person may stand there once"
    )]
    DuplicateKey {
        /// The argument.
        argument: &'static str,
        /// The column.
        column: String,
        /// The row that has the key first.
        first: usize,
        /// The row that has it again.
        row: usize,
    },
    /// A number that is replaced, over some steps, by itself.
    #[error("`history`: the replacements at rows {rows:?} go round in a circle")]
    Cycle {
        /// Rows of the circle, counted from 0.
        rows: Vec<usize>,
    },
    /// One number with two replacements and no date that decides.
    #[error(
        "`history`: rows {first} and {row} replace one number by two different ones; give their dates or remove one"
    )]
    AmbiguousReplacement {
        /// The first row.
        first: usize,
        /// The other row.
        row: usize,
    },
    /// A row or link that does not exist.
    #[error("`{argument}` is {got}; there are {n}")]
    OutOfRange {
        /// The argument.
        argument: &'static str,
        /// What was asked for.
        got: usize,
        /// How many there are.
        n: usize,
    },
    /// Answers of a person that cannot all be right.
    #[error(
        "`labels`: left row {left} and right row {right} are said to be two persons, but other labels make them one; look at these rows again"
    )]
    LabelsContradict {
        /// The left row, counted from 0.
        left: usize,
        /// The right row (a row of the same table when one was deduplicated).
        right: usize,
    },
    /// A stored linker of another version.
    #[error("the stored linker has version {got}; this version of kruispunt reads {expected}")]
    Version {
        /// Version found.
        got: u64,
        /// Version read.
        expected: u64,
    },
    /// A stored linker that does not parse.
    #[error("the stored linker cannot be read: {reason}")]
    Stored {
        /// What is wrong.
        reason: String,
    },
    /// The work was asked to stop.
    #[error("the linkage was cancelled")]
    Cancelled,
}

impl LinkageError {
    /// Whether the input is at fault (and not a cancelled run, or a sound table from which a
    /// linker cannot learn).
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::NoPairs { .. } | Self::Untrainable { .. })
    }
}
