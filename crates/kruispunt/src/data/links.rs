//! Which rows of two tables are one person.

use super::{Account, Column, DataError, Table};
use serde::{Deserialize, Serialize};

/// What a comparison was worth, level by level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The comparison.
    pub comparison: String,
    /// What each level means, most alike first.
    pub labels: Vec<String>,
    /// P(level | match).
    pub m: Vec<f64>,
    /// P(level | no match).
    pub u: Vec<f64>,
}

/// How the pairs of a probabilistic linkage were weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighing {
    /// log2 odds of a match before any comparison.
    pub prior: f64,
    /// One for each comparison.
    pub evidence: Vec<Evidence>,
    /// Level of each comparison at each link, `n_links x n_comparisons`; `None` when missing.
    pub levels: Vec<Option<u8>>,
    /// Adjustment in bits for the frequency of the value, `n_links x n_comparisons`.
    pub adjustments: Vec<f64>,
    /// What two comparisons say together, beyond what each says alone.
    pub together: Vec<Together>,
    /// Weights of groups of rows that have their own.
    #[serde(default)]
    pub groups: Vec<GroupWeighing>,
    /// For each link the place of its group's weights plus one, 0 for those of all rows; empty
    /// where no group has its own.
    #[serde(default)]
    pub group: Vec<u16>,
    /// What each blocking rule adds to those before it.
    #[serde(default)]
    pub rules: Vec<RuleWorth>,
    /// Within one table: pairs of rows that links connect over other rows and that were compared
    /// and not linked, with their bits.
    #[serde(default)]
    pub rest: Vec<(u32, u32, f64)>,
    /// Match weight of each link in bits, the prior included; infinite where a key decided.
    pub weights: Vec<f64>,
    /// Expected matches of each left row among all its candidates.
    pub expected: Vec<f64>,
    /// Estimated share of the matches that the blocking rules find.
    pub completeness: f64,
    /// Probability at which links begin.
    pub threshold: f64,
}

/// What the pairs of one group weigh by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupWeighing {
    /// The group.
    pub group: String,
    /// log2 odds of a match before any comparison.
    pub prior: f64,
    /// One for each comparison.
    pub evidence: Vec<Evidence>,
    /// What two comparisons say together.
    pub together: Vec<Together>,
}

/// What a blocking rule adds to those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleWorth {
    /// The rule.
    pub rule: String,
    /// Pairs that no earlier rule finds.
    pub new_pairs: u64,
    /// Expected matches among them.
    pub expected: f64,
    /// Expected matches that no other rule finds.
    pub alone: f64,
}

/// What the levels of two comparisons say together beyond what each says alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// Places of the two comparisons.
    pub at: (usize, usize),
    /// Levels of the second.
    pub width: usize,
    /// Bits, levels of the first by levels of the second.
    pub bits: Vec<f64>,
}

impl Together {
    /// The bits for levels by comparison, 0 where one of the two is missing ([`u8::MAX`]).
    #[must_use]
    pub fn of(&self, level: impl Fn(usize) -> u8) -> f64 {
        match (level(self.at.0), level(self.at.1)) {
            (u8::MAX, _) | (_, u8::MAX) => 0.0,
            (a, b) => self
                .bits
                .get(usize::from(a) * self.width + usize::from(b))
                .map_or(0.0, |bits| *bits),
        }
    }
}

/// A crosswalk: pairs of rows that are one person, with the probability of each.
///
/// Rows are those of the tables that were linked, counted from 0. Links are sorted by left row,
/// then right row.
///
/// ```
/// use kruispunt::data::{Account, Links};
/// let links = Links::certain(vec![(0, 2), (1, 0)], 3, 3, Account::new("permits"));
/// assert_eq!(links.right_rows(), [2, 0]);
/// assert_eq!(links.probabilities(), [1.0, 1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Links {
    left: Vec<u32>,
    right: Vec<u32>,
    probability: Vec<f64>,
    rule: Vec<u16>,
    rules: Vec<String>,
    n_left: usize,
    n_right: usize,
    within: bool,
    weighing: Option<Weighing>,
    account: Account,
}

/// One link before it is put among the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Left row.
    pub left: u32,
    /// Right row.
    pub right: u32,
    /// Probability that they are one person.
    pub probability: f64,
    /// The rule that found the pair, as a position in the list of rules.
    pub rule: u16,
}

impl Links {
    /// Links that a key decides; each has probability 1 and rule `key`.
    #[must_use]
    pub fn certain(
        mut pairs: Vec<(u32, u32)>,
        n_left: usize,
        n_right: usize,
        account: Account,
    ) -> Self {
        pairs.sort_unstable();
        let n = pairs.len();
        let (left, right) = pairs.into_iter().unzip();
        Self {
            left,
            right,
            probability: vec![1.0; n],
            rule: vec![0; n],
            rules: vec!["key".to_owned()],
            n_left,
            n_right,
            within: false,
            weighing: None,
            account,
        }
    }

    /// Links that rules decide, each a left row, a right row and the place of its rule; each has
    /// probability 1.
    #[must_use]
    pub fn by_rules(
        mut links: Vec<(u32, u32, u16)>,
        rules: Vec<String>,
        (n_left, n_right): (usize, usize),
        account: Account,
    ) -> Self {
        links.sort_unstable();
        Self {
            left: links.iter().map(|link| link.0).collect(),
            right: links.iter().map(|link| link.1).collect(),
            probability: vec![1.0; links.len()],
            rule: links.iter().map(|link| link.2).collect(),
            rules,
            n_left,
            n_right,
            within: false,
            weighing: None,
            account,
        }
    }

    /// Links of a probabilistic linkage, in the order of `weighing`: by left row, then right row.
    #[must_use]
    pub fn weighed(
        links: impl Iterator<Item = Link> + Clone,
        rules: Vec<String>,
        n_left: usize,
        n_right: usize,
        weighing: Weighing,
        account: Account,
    ) -> Self {
        Self {
            left: links.clone().map(|link| link.left).collect(),
            right: links.clone().map(|link| link.right).collect(),
            probability: links.clone().map(|link| link.probability).collect(),
            rule: links.map(|link| link.rule).collect(),
            rules,
            n_left,
            n_right,
            within: false,
            weighing: Some(weighing),
            account,
        }
    }

    /// These links and those of `rest`, whose left row `k` is row `open[k]` here; at most one of
    /// the two was weighed. Links that a key decided weigh infinitely much among the others.
    pub(crate) fn followed_by(
        &self,
        rest: &Self,
        open: &[u32],
        account: Account,
    ) -> Result<Self, DataError> {
        let shift = u16::try_from(self.rules.len()).ok();
        let most = usize::from(u16::MAX);
        let shift =
            shift.filter(|_| self.rules.len() + rest.rules.len() <= most).ok_or_else(|| {
                let rows = self.rules.len() + rest.rules.len();
                DataError::TooManyRows { argument: "rules".to_owned(), rows }
            })?;
        let own = (0..self.len()).map(|at| (self.left[at], self.right[at], false, at));
        let theirs =
            (0..rest.len()).map(|at| (open[rest.left[at] as usize], rest.right[at], true, at));
        let mut all: Vec<(u32, u32, bool, usize)> = own.chain(theirs).collect();
        all.sort_unstable();
        let side = |later: bool| if later { rest } else { self };
        let weighing = self.weighing.as_ref().or(rest.weighing.as_ref()).map(|weighed| {
            let width = weighed.evidence.len();
            let later = self.weighing.is_none();
            let mut weighing = Weighing {
                levels: Vec::with_capacity(all.len() * width),
                adjustments: Vec::with_capacity(all.len() * width),
                weights: Vec::with_capacity(all.len()),
                group: Vec::new(),
                expected: vec![0.0; self.n_left],
                ..weighed.clone()
            };
            for &(left, _, from, at) in &all {
                if from == later {
                    weighing.levels.extend(&weighed.levels[at * width..(at + 1) * width]);
                    weighing.adjustments.extend(&weighed.adjustments[at * width..(at + 1) * width]);
                    weighing.weights.push(weighed.weights[at]);
                    weighing.group.extend(weighed.group.get(at));
                } else {
                    weighing.levels.resize(weighing.levels.len() + width, None);
                    weighing.adjustments.resize(weighing.adjustments.len() + width, 0.0);
                    weighing.weights.push(f64::INFINITY);
                    weighing.group.extend(weighed.group.first().map(|_| 0));
                    // A key finds its match whatever the blocking rules miss.
                    weighing.expected[left as usize] = weighed.completeness;
                }
            }
            for (row, &expected) in weighed.expected.iter().enumerate() {
                let row = if later { open[row] as usize } else { row };
                weighing.expected[row] += expected;
            }
            weighing
        });
        Ok(Self {
            left: all.iter().map(|link| link.0).collect(),
            right: all.iter().map(|link| link.1).collect(),
            probability: all.iter().map(|&(.., from, at)| side(from).probability[at]).collect(),
            rule: all
                .iter()
                .map(|&(.., from, at)| side(from).rule[at] + if from { shift } else { 0 })
                .collect(),
            rules: self.rules.iter().chain(&rest.rules).cloned().collect(),
            n_left: self.n_left,
            n_right: self.n_right,
            within: false,
            weighing,
            account,
        })
    }

    /// Marks the links as pairs of rows of one table.
    #[must_use]
    pub const fn within(mut self) -> Self {
        self.within = true;
        self
    }

    /// Whether both rows belong to one table.
    #[must_use]
    pub const fn is_within(&self) -> bool {
        self.within
    }

    /// Number of links.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Left rows, shape `(n_links,)`.
    #[must_use]
    pub fn left_rows(&self) -> &[u32] {
        &self.left
    }

    /// Right rows, shape `(n_links,)`.
    #[must_use]
    pub fn right_rows(&self) -> &[u32] {
        &self.right
    }

    /// Probability of each link, shape `(n_links,)`.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probability
    }

    /// The rule that found link `at`.
    #[must_use]
    pub fn rule(&self, at: usize) -> &str {
        &self.rules[self.rule[at] as usize]
    }

    /// Rows of the left table.
    #[must_use]
    pub const fn n_left(&self) -> usize {
        self.n_left
    }

    /// Rows of the right table.
    #[must_use]
    pub const fn n_right(&self) -> usize {
        self.n_right
    }

    /// How the pairs were weighed; `None` when a key decided.
    #[must_use]
    pub const fn weighing(&self) -> Option<&Weighing> {
        self.weighing.as_ref()
    }

    /// What happened to the left rows.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The right row of each left row, `None` where there is no link or more than one.
    #[must_use]
    pub fn partner(&self) -> Vec<Option<u32>> {
        let mut partner = vec![None; self.n_left];
        let mut count = vec![0_u32; self.n_left];
        for (&left, &right) in self.left.iter().zip(&self.right) {
            count[left as usize] += 1;
            partner[left as usize] = (count[left as usize] == 1).then_some(right);
        }
        partner
    }

    /// The links as a table: `left_row`, `right_row`, `weight` (bits; null when a key decided),
    /// `probability`, `rule` and for each comparison its level.
    ///
    /// # Errors
    ///
    /// [`DataError::DuplicateColumn`] when two comparisons have one name.
    pub fn pairs(&self) -> Result<Table, DataError> {
        let whole = |rows: &[u32]| Column::int(rows.iter().map(|&row| i64::from(row)).collect());
        let weight = match &self.weighing {
            Some(weighing) => Column::floats(
                &weighing.weights.iter().map(|&w| w.is_finite().then_some(w)).collect::<Vec<_>>(),
            ),
            None => Column::floats(&vec![None; self.len()]),
        };
        let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        let rule: Vec<Option<u32>> = self.rule.iter().map(|&rule| Some(u32::from(rule))).collect();
        let mut table = Table::new([
            ("left_row", whole(&self.left)),
            ("right_row", whole(&self.right)),
            ("weight", weight),
            ("probability", Column::float(self.probability.clone())),
            ("rule", Column::category(&rule, &rules)),
        ])?;
        let Some(weighing) = &self.weighing else { return Ok(table) };
        let width = weighing.evidence.len();
        for (k, evidence) in weighing.evidence.iter().enumerate() {
            let codes: Vec<Option<u32>> =
                (0..self.len()).map(|at| weighing.levels[at * width + k].map(u32::from)).collect();
            let labels: Vec<&str> = evidence.labels.iter().map(String::as_str).collect();
            let mut name = format!("level_{}", evidence.comparison);
            while table.get(&name).is_some() {
                name.push('_');
            }
            table.push(name, Column::category(&codes, &labels))?;
        }
        Ok(table)
    }
}
