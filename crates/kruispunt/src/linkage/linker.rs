//! The model: what is compared, how pairs are found, what was learned.

use super::blocking::Blocks;
use super::coded::{Only, Sides};
use super::comparer::Comparer;
use super::counted::ALONE;
use super::dependence::{Dependence, Learnt};
use super::kept::Kept;
use super::pairs::{Layout, WIDTH};
use super::{Comparison, LinkageError, Rule};
use crate::data::{Column, DataError, Seed, Table, Ticket};
use serde::{Deserialize, Serialize};

/// Who may be linked to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Assignment {
    /// Every row to at most one row of the other side, with the greatest total weight. The
    /// default: both tables hold a person once.
    #[default]
    OneToOne,
    /// Every left row to its best right row; a right row may have many. For left tables with
    /// several rows a person (permits, courses) against a reference with one.
    ManyToOne,
    /// Every right row to its best left row; a left row may have many.
    OneToMany,
    /// Every pair above the threshold.
    All,
}

/// Where links begin.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Threshold {
    /// Where the expected F1 is greatest.
    #[default]
    Auto,
    /// Where the expected share of wrong links is at most this (false discovery rate, from the
    /// links' own probabilities).
    Fdr(f64),
    /// At this probability.
    Probability(f64),
    /// At this match weight in bits, the prior included.
    Weight(f64),
}

/// What training learned about one comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Learned {
    /// P(level | match).
    pub(super) m: Vec<f64>,
    /// P(level | no match).
    pub(super) u: Vec<f64>,
}

/// What training learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Model {
    /// P(match) of two random rows.
    pub(super) lambda: f64,
    /// Its relative standard error.
    #[serde(default)]
    pub(super) lambda_error: f64,
    /// Estimated share of the matches that the rules find.
    pub(super) completeness: f64,
    pub(super) learned: Vec<Learned>,
    /// What pairs of comparisons say together.
    #[serde(default)]
    pub(super) dependence: Vec<Learnt>,
    pub(super) notes: Vec<String>,
    /// What whoever uses the model must know, each with a name before a colon.
    #[serde(default)]
    pub(super) cautions: Vec<String>,
    /// Models of groups of left rows that have their own.
    #[serde(default)]
    pub(super) groups: Vec<(String, Model)>,
}

/// Probabilistic record linkage after Fellegi and Sunter.
///
/// ```text
/// log2 odds(match) = log2 lambda / (1 - lambda) + sum_k log2 m_k(level) / u_k(level)
/// ```
///
/// `m` and `u` are the probabilities of a comparison's level among matches and non-matches.
///
/// - *u* comes from value frequencies: equality in closed form, the other levels from all pairs
///   of distinct values when they are few, else from random pairs of rows. The matches among
///   those pairs are taken out, `u = (p - lambda m) / (1 - lambda)`, which matters for
///   identifiers.
/// - *m* comes from expectation-maximisation on counted patterns, one run for each blocking rule
///   without the comparisons that the rule makes equal, averaged by expected matches.
/// - *lambda* is not guessed. The expected matches among the blocked pairs are divided by the
///   completeness of the rules. That is the smaller of two estimates, both optimistic: from how
///   many rules find each match (Chao 1987, a lower bound for those that no rule finds), and from
///   how often the columns of the rules agree among matches, as if independently.
/// - *Term frequencies* replace `u` of equality by the share of other rows with the value, the
///   pair itself left out; the second level uses the commoner of its two values. A value that
///   nobody else has counts as `min(u, 1 / n)`.
///
/// - *Dependence*: where two comparisons plainly go together (who moved has another street and
///   another postcode), the weight gains `log2 c_m(a, b) / c_u(a, b)`, with `c` the joint
///   probability of two levels over the product of the two, for the pairs of a forest (Chow & Liu
///   1968). It is learned from pairs whose match status is plain without the two.
///   [`Dependence::Independent`] switches it off.
///
/// # References
///
/// Fellegi, I. P. & Sunter, A. B. (1969). A theory for record linkage. *JASA* 64, 1183-1210.
/// Chao, A. (1987). Estimating the population size for capture-recapture data with unequal
/// catchability. *Biometrics* 43, 783-791.
/// Chow, C. K. & Liu, C. N. (1968). Approximating discrete probability distributions with
/// dependence trees. *IEEE Transactions on Information Theory* 14, 462-467.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::linkage::{Comparison, Linker};
/// let names = ["Yıldız", "Janssens", "El Amrani", "Peeters", "Diallo", "Nowak"];
/// let births = ["1985-07-30", "1990-01-12", "1978-11-03", "1969-05-21", "1995-02-02", "1981-09-17"];
/// let table = |names: [&str; 6]| Table::new([
///     ("surname", Column::text(names.map(Some))),
///     ("birth_date", Column::text(births.map(Some))),
/// ]);
/// let (left, right) = (table(names)?, table(names.map(|name| if name == "Nowak" { "Novak" } else { name }))?);
/// let linker = Linker::new()
///     .compare(Comparison::name("surname"))
///     .compare(Comparison::date("birth_date"))
///     .block(["surname"])
///     .block(["birth_date"])
///     .train(&left, &right)?;
/// let links = linker.link(&left, &right)?;
/// assert_eq!(links.len(), 6);
/// # Ok::<(), kruispunt::linkage::LinkageError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Linker {
    pub(super) comparisons: Vec<Comparison>,
    pub(super) rules: Vec<Rule>,
    pub(super) assignment: Assignment,
    pub(super) threshold: Threshold,
    #[serde(default)]
    pub(super) dependence: Dependence,
    pub(super) seed: Seed,
    pub(super) cap: u64,
    #[serde(default = "unbounded")]
    pub(super) block_cap: u64,
    /// The column of sources, where rows of one source are not paired.
    #[serde(default)]
    pub(super) between: Option<String>,
    /// The left column of groups with m and u of their own.
    #[serde(default)]
    pub(super) by: Option<String>,
    pub(super) draws: u64,
    pub(super) model: Option<Model>,
    #[serde(skip)]
    pub(super) kept: Kept,
    #[serde(skip)]
    pub(super) ticket: Ticket,
}

impl Default for Linker {
    fn default() -> Self {
        Self {
            comparisons: Vec::new(),
            rules: Vec::new(),
            assignment: Assignment::default(),
            threshold: Threshold::default(),
            dependence: Dependence::default(),
            seed: Seed::new(1),
            cap: 1_000_000_000,
            block_cap: unbounded(),
            between: None,
            by: None,
            draws: 1_000_000,
            model: None,
            kept: Kept::default(),
            ticket: Ticket::new(),
        }
    }
}

const fn unbounded() -> u64 {
    u64::MAX
}

/// The group of each left row and the names of the groups.
pub(super) type Grouped = (Vec<u16>, Vec<String>);

/// Random pairs that may be drawn.
const MOST_DRAWS: u64 = 1_000_000_000;

/// Groups that may have models of their own.
pub(super) const MOST_GROUPS: usize = 1000;

impl Linker {
    /// A linker without comparisons and rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a comparison.
    #[must_use]
    pub fn compare(mut self, comparison: Comparison) -> Self {
        self.comparisons.push(comparison);
        self.kept = Kept::default();
        self
    }

    /// Adds a blocking rule; a pair is compared when any rule finds it, and once.
    #[must_use]
    pub fn block(mut self, rule: impl Into<Rule>) -> Self {
        self.rules.push(rule.into());
        self.kept = Kept::default();
        self
    }

    /// Other blocking rules than it had; what was learned stays.
    #[must_use]
    pub fn blocked(mut self, rules: Vec<Rule>) -> Self {
        self.rules = rules;
        self.kept = Kept::default();
        self
    }

    /// The columns that are read on the left and on the right, each once.
    #[must_use]
    pub fn columns(&self) -> (Vec<String>, Vec<String>) {
        let (mut left, mut right): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        let mut put = |l: Option<&str>, r: Option<&str>| {
            for (names, name) in [(&mut left, l), (&mut right, r)] {
                if let Some(name) = name.filter(|name| !names.iter().any(|own| own == name)) {
                    names.push(name.to_owned());
                }
            }
        };
        for own in &self.comparisons {
            if own.is_plain() {
                put(Some(own.column()), Some(own.right_column()));
            } else {
                own.columns().into_iter().for_each(|name| put(Some(name), Some(name)));
            }
        }
        for name in self.rules.iter().flat_map(Rule::columns) {
            let compared = super::blocking::place(&self.comparisons, name);
            put(Some(name), if compared.is_some() { None } else { Some(name) });
        }
        put(self.between.as_deref(), None);
        put(self.by.as_deref(), None);
        (left, right)
    }

    /// Who may be linked to whom.
    #[must_use]
    pub const fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignment = assignment;
        self
    }

    /// Where links begin.
    #[must_use]
    pub const fn threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// Whether comparisons may depend on each other, given the match status.
    #[must_use]
    pub const fn dependence(mut self, dependence: Dependence) -> Self {
        self.dependence = dependence;
        self
    }

    /// The seed of the sampling of u.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed::new(seed);
        self
    }

    /// The most pairs the rules may find together; a billion unless told.
    #[must_use]
    pub const fn cap(mut self, pairs: u64) -> Self {
        self.cap = pairs;
        self
    }

    /// The most pairs that one block of a rule may have; no bound but [`cap`](Self::cap) unless
    /// told. A giant block is most often a value that means missing.
    #[must_use]
    pub const fn block_cap(mut self, pairs: u64) -> Self {
        self.block_cap = pairs;
        self
    }

    /// In one table, only pairs of rows of different sources, by this column: several registers,
    /// one below the other, each without duplicates.
    #[must_use]
    pub fn between(mut self, column: impl Into<String>) -> Self {
        self.between = Some(column.into());
        self.kept = Kept::default();
        self
    }

    /// m, u, the share of matches and term frequencies by group of left rows, by this column; in
    /// one table, of pairs within a group. A group begins with m of all rows, worth 20 matches;
    /// one of fewer than 50 rows, or that cannot be learned, has the model of all rows.
    #[must_use]
    pub fn by(mut self, column: impl Into<String>) -> Self {
        self.by = Some(column.into());
        self
    }

    /// Random pairs of rows for u of each comparison, where sampling is needed.
    #[must_use]
    pub const fn draws(mut self, pairs: u64) -> Self {
        self.draws = pairs;
        self
    }

    /// Carries progress out and cancellation in.
    #[must_use]
    pub fn ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = ticket;
        self
    }

    /// The comparisons.
    #[must_use]
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    /// The blocking rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether it was trained.
    #[must_use]
    pub const fn is_trained(&self) -> bool {
        self.model.is_some()
    }

    /// P(match) of two random rows, as learned.
    #[must_use]
    pub fn lambda(&self) -> Option<f64> {
        self.model.as_ref().map(|model| model.lambda)
    }

    /// The relative standard error of [`lambda`](Self::lambda), given m and u: of the status of
    /// the pairs that rules find, and of the estimate of the matches that none finds.
    #[must_use]
    pub fn lambda_error(&self) -> Option<f64> {
        self.model.as_ref().map(|model| model.lambda_error)
    }

    /// The column of groups with a model of their own.
    #[must_use]
    pub fn group_column(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// The column of sources.
    #[must_use]
    pub fn source_column(&self) -> Option<&str> {
        self.between.as_deref()
    }

    /// What whoever uses the model must know, each with a name before a colon: training hit the
    /// bound of the share of matches (`match_share_at_bound`), a rule's matches look like its
    /// other pairs (`no_separation`), expectation-maximisation did not settle (`not_converged`).
    #[must_use]
    pub fn cautions(&self) -> &[String] {
        self.model.as_ref().map_or(&[], |model| &model.cautions)
    }

    /// Estimated share of the matches that the rules find, as learned.
    #[must_use]
    pub fn completeness(&self) -> Option<f64> {
        self.model.as_ref().map(|model| model.completeness)
    }

    /// Exact pair counts by rule before anything runs: `rule`, `pairs`, `new` (after the earlier
    /// rules; null beyond two billion pairs) and `largest_block`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::NoBlocking`], [`LinkageError::Data`] for a missing column,
    /// [`LinkageError::Cancelled`].
    pub fn forecast(&self, left: &Table, right: &Table) -> Result<Table, LinkageError> {
        self.forecast_sides(Sides::two(left, right))
    }

    /// As [`forecast`](Self::forecast), for the pairs of rows of one table.
    ///
    /// # Errors
    ///
    /// As [`forecast`](Self::forecast).
    pub fn forecast_dedupe(&self, table: &Table) -> Result<Table, LinkageError> {
        let sources = self.sources(table)?;
        self.forecast_sides(Sides::one(table, Self::only(&sources)))
    }

    /// Codes of the sources of the rows, empty where none are told apart.
    pub(super) fn sources(&self, table: &Table) -> Result<Vec<u32>, LinkageError> {
        let Some(name) = &self.between else { return Ok(Vec::new()) };
        let column = table.column("between", name)?;
        let (codes, _) = column.ranks();
        let bad = |row| DataError::BadCell {
            argument: "between".to_owned(),
            column: name.clone(),
            row,
            expected: "the source of the row; it may not be missing",
        };
        let each = codes.into_iter().enumerate();
        Ok(each.map(|(row, code)| code.ok_or_else(|| bad(row))).collect::<Result<_, _>>()?)
    }

    pub(super) const fn only(sources: &[u32]) -> Only<'_> {
        if sources.is_empty() { Only::Any } else { Only::Between(sources) }
    }

    /// Groups of the left rows and their names, where models are by group.
    pub(super) fn groups_of(&self, sides: Sides<'_>) -> Result<Option<Grouped>, LinkageError> {
        let Some(name) = &self.by else { return Ok(None) };
        let column = sides.left.column("by", name)?;
        let (codes, first) = column.ranks();
        if first.len() > MOST_GROUPS {
            return Err(LinkageError::BadArgument {
                argument: "by",
                got: first.len() as f64,
                expected: "at most 1000 groups",
            });
        }
        let label = |&row: &u32| column.label(row as usize).unwrap_or_default();
        let codes = codes.into_iter().map(|code| code.map_or(ALONE, |code| code as u16)).collect();
        Ok(Some((codes, first.iter().map(label).collect())))
    }

    fn forecast_sides(&self, sides: Sides<'_>) -> Result<Table, LinkageError> {
        let (_, blocks) = self.prepare(sides)?;
        blocks.forecast(&self.rules, &self.ticket)
    }

    /// Encodes the columns and builds the blocks.
    pub(super) fn prepare(
        &self,
        sides: Sides<'_>,
    ) -> Result<(Vec<Comparer>, Blocks), LinkageError> {
        if self.comparisons.is_empty() {
            return Err(LinkageError::NoComparisons);
        }
        if !(1..=MOST_DRAWS).contains(&self.draws) {
            return Err(LinkageError::BadArgument {
                argument: "draws",
                got: self.draws as f64,
                expected: "from 1 to a billion pairs",
            });
        }
        sides.left.require_rows(if sides.dedupe { "table" } else { "left" })?;
        sides.right.require_rows("right")?;
        let (_, bits) = Layout::new(self.comparisons.iter().map(|own| own.n_levels() as u64));
        if bits > WIDTH {
            return Err(LinkageError::TooManyPatterns { levels: f64::from(bits).exp2() });
        }
        let comparers = self.comparers(sides)?;
        let blocks = Blocks::new(sides, &self.rules, &self.comparisons, &comparers)?;
        Ok((comparers, blocks))
    }

    /// What was learned: `comparison`, `level`, `m`, `u` and `weight` (log2 m/u); with models by
    /// group, the pooled one first, and `group`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`].
    pub fn parameters(&self) -> Result<Table, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let (mut groups, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut m, mut u) = (Vec::new(), Vec::new());
        let own = model.groups.iter().map(|(name, model)| (Some(name.as_str()), model));
        for (group, model) in std::iter::once((None, model)).chain(own) {
            for (comparison, learned) in self.comparisons.iter().zip(&model.learned) {
                for (level, label) in comparison.labels().into_iter().enumerate() {
                    groups.push(group);
                    names.push(comparison.column());
                    labels.push(label);
                    m.push(learned.m[level]);
                    u.push(learned.u[level]);
                }
            }
        }
        let weight = m.iter().zip(&u).map(|(m, u)| (m / u).log2()).collect();
        let mut table = Table::new([
            ("comparison", Column::text(names.into_iter().map(Some))),
            ("level", Column::text(labels.iter().map(|label| Some(label.as_str())))),
            ("m", Column::float(m)),
            ("u", Column::float(u)),
            ("weight", Column::float(weight)),
        ])?;
        if !model.groups.is_empty() {
            table.push("group", Column::text(groups))?;
        }
        Ok(table)
    }

    /// The share of matches by group, the pooled one first (null): `group`, `match_share`,
    /// `relative_error` and `completeness`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`].
    pub fn match_shares(&self) -> Result<Table, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let own = model.groups.iter().map(|(name, model)| (Some(name.as_str()), model));
        let all: Vec<(Option<&str>, &Model)> = std::iter::once((None, model)).chain(own).collect();
        let each = |of: &dyn Fn(&Model) -> f64| {
            Column::float(all.iter().map(|(_, model)| of(model)).collect())
        };
        Ok(Table::new([
            ("group", Column::text(all.iter().map(|(name, _)| *name))),
            ("match_share", each(&|model| model.lambda)),
            ("relative_error", each(&|model| model.lambda_error)),
            ("completeness", each(&|model| model.completeness)),
        ])?)
    }
}
