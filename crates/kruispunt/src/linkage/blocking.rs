//! Which pairs of rows are looked at.

use super::LinkageError;
use super::coded::{Coded, MISSING, Sides};
use super::comparer::Comparer;
use super::comparison::Comparison;
use crate::data::{Column, Table, Ticket};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A blocking rule: rows are compared when all its keys are equal and none is missing.
///
/// ```
/// use kruispunt::linkage::Rule;
/// let rule = Rule::new().on("birth_date").on_first("surname", 3);
/// assert_eq!(rule.to_string(), "birth_date + surname[..3]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    column: String,
    first: Option<usize>,
}

impl Rule {
    /// A rule without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column; a comparison of that column says how it is spelled and what it is called
    /// on the right.
    #[must_use]
    pub fn on(mut self, column: impl Into<String>) -> Self {
        self.keys.push(Key { column: column.into(), first: None });
        self
    }

    /// Adds the first `letters` of a column (of a date: of the digits, year first).
    #[must_use]
    pub fn on_first(mut self, column: impl Into<String>, letters: usize) -> Self {
        self.keys.push(Key { column: column.into(), first: Some(letters) });
        self
    }

    /// The columns, with the number of first letters where not the whole counts.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Option<usize>)> {
        self.keys.iter().map(|key| (key.column.clone(), key.first)).collect()
    }

    /// Whether the rule uses a column of `comparison`.
    pub(super) fn uses(&self, comparison: &Comparison) -> bool {
        self.keys.iter().any(|key| key.column == comparison.column())
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, key) in self.keys.iter().enumerate() {
            let plus = if at == 0 { "" } else { " + " };
            match key.first {
                None => write!(f, "{plus}{}", key.column)?,
                Some(letters) => write!(f, "{plus}{}[..{letters}]", key.column)?,
            }
        }
        Ok(())
    }
}

impl<const N: usize> From<[&str; N]> for Rule {
    fn from(columns: [&str; N]) -> Self {
        columns.into_iter().fold(Self::new(), Self::on)
    }
}

impl From<Vec<String>> for Rule {
    fn from(columns: Vec<String>) -> Self {
        columns.into_iter().fold(Self::new(), Self::on)
    }
}

impl From<&str> for Rule {
    fn from(column: &str) -> Self {
        Self::new().on(column)
    }
}

/// Left rows a thread works on at a time.
const CHUNK: usize = 256;

/// The blocks of all rules.
#[derive(Debug)]
pub(super) struct Blocks {
    rules: Vec<Index>,
    dedupe: bool,
    n_left: usize,
    n_right: usize,
}

/// The keys of one rule and the right rows that have each.
#[derive(Debug)]
struct Index {
    left: Vec<u32>,
    right: Vec<u32>,
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Blocks {
    /// Encodes the keys of `rules`; columns that are compared are spelled as compared.
    pub(super) fn new(
        sides: Sides<'_>,
        rules: &[Rule],
        comparisons: &[Comparison],
        comparers: &[Comparer],
    ) -> Result<Self, LinkageError> {
        if rules.is_empty() || rules.iter().any(|rule| rule.keys.is_empty()) {
            return Err(LinkageError::NoBlocking);
        }
        let mut extra: FxHashMap<&str, Coded> = FxHashMap::default();
        let place = |name: &str| comparisons.iter().position(|own| own.column() == name);
        for key in rules.iter().flat_map(|rule| &rule.keys) {
            if place(&key.column).is_none() && !extra.contains_key(key.column.as_str()) {
                let exact = Comparison::exact(&key.column);
                extra.insert(&key.column, Coded::new(sides, &exact, "blocking")?);
            }
        }
        let index = |rule: &Rule| {
            let keys: Vec<[Vec<u32>; 2]> = rule
                .keys
                .iter()
                .map(|key| match place(&key.column) {
                    Some(at) => {
                        let comparer = &comparers[at];
                        codes(&comparer.coded, key.first, |code| {
                            comparer.can_block(code, key.first)
                        })
                    }
                    None => codes(&extra[key.column.as_str()], key.first, |_| true),
                })
                .collect();
            Index::new(&keys, sides.dedupe)
        };
        Ok(Self {
            rules: rules.iter().map(index).collect(),
            dedupe: sides.dedupe,
            n_left: sides.left.n_rows(),
            n_right: sides.right.n_rows(),
        })
    }

    /// Calls `with(right row, rule)` for each pair of `left` that no earlier rule has found.
    pub(super) fn partners(&self, left: u32, mut with: impl FnMut(u32, usize)) {
        for rule in 0..self.rules.len() {
            for &right in self.block(rule, left) {
                let earlier = self.rules[..rule].iter().any(|other| other.finds(left, right));
                if !earlier {
                    with(right, rule);
                }
            }
        }
    }

    /// The right rows that `rule` pairs with `left`; in a table against itself, the later ones.
    pub(super) fn block(&self, rule: usize, left: u32) -> &[u32] {
        let index = &self.rules[rule];
        let key = index.left[left as usize];
        if key == MISSING {
            return &[];
        }
        let (from, to) = (index.starts[key as usize], index.starts[key as usize + 1]);
        let rows = &index.rows[from as usize..to as usize];
        if self.dedupe { &rows[rows.partition_point(|&row| row <= left)..] } else { rows }
    }

    /// How many rules find a pair.
    pub(super) fn found_by(&self, left: u32, right: u32) -> usize {
        self.rules.iter().filter(|rule| rule.finds(left, right)).count()
    }

    /// Pairs of a rule, and pairs of its largest block.
    fn sizes(&self, rule: usize) -> (u64, u64) {
        let index = &self.rules[rule];
        let n = index.starts.len() - 1;
        let mut left = vec![0_u64; n];
        for &key in index.left.iter().filter(|&&key| key != MISSING) {
            left[key as usize] += 1;
        }
        let pairs = |key: usize| {
            let right = u64::from(index.starts[key + 1] - index.starts[key]);
            if self.dedupe {
                left[key] * left[key].saturating_sub(1) / 2
            } else {
                left[key] * right
            }
        };
        (0..n).map(pairs).fold((0, 0), |(sum, most), pairs| (sum + pairs, most.max(pairs)))
    }

    /// Left rows.
    pub(super) const fn n_left(&self) -> usize {
        self.n_left
    }

    /// Left rows and right rows that no rule can use.
    pub(super) fn keyless(&self) -> (usize, usize) {
        let count = |n: usize, keys: &dyn Fn(&Index) -> &[u32]| {
            (0..n).filter(|&row| self.rules.iter().all(|rule| keys(rule)[row] == MISSING)).count()
        };
        (count(self.n_left, &|rule| &rule.left), count(self.n_right, &|rule| &rule.right))
    }

    /// Whether no rule can use `left`.
    pub(super) fn is_keyless(&self, left: usize) -> bool {
        self.rules.iter().all(|rule| rule.left[left] == MISSING)
    }

    /// Pairs of `rule`, those of earlier rules counted too.
    pub(super) fn pairs(&self, rule: usize) -> u64 {
        self.sizes(rule).0
    }

    /// Refuses more pairs than `cap`, and none at all.
    pub(super) fn check(&self, rules: &[Rule], cap: u64) -> Result<(), LinkageError> {
        let sizes: Vec<(u64, u64)> = (0..self.rules.len()).map(|rule| self.sizes(rule)).collect();
        let pairs: u64 = sizes.iter().map(|size| size.0).sum();
        if pairs == 0 {
            let (left_null, right_null) = self.keyless();
            let (left, right) = (self.n_left, self.n_right);
            return Err(LinkageError::NoPairs { left_null, left, right_null, right });
        }
        if pairs <= cap {
            return Ok(());
        }
        let worst = (0..sizes.len()).max_by_key(|&rule| sizes[rule].0).unwrap_or_default();
        Err(LinkageError::TooManyPairs {
            rule: rules[worst].to_string(),
            rule_pairs: sizes[worst].0,
            largest: sizes[worst].1,
            pairs,
            cap,
        })
    }

    /// Runs `work` on fixed chunks of left rows, results in row order.
    pub(super) fn stream<T: Send>(
        &self,
        ticket: &Ticket,
        stage: &'static str,
        work: impl Fn(std::ops::Range<u32>) -> T + Sync,
    ) -> Result<Vec<T>, LinkageError> {
        ticket.stage(stage, self.n_left as u64);
        (0..self.n_left.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                if ticket.is_cancelled() {
                    return Err(LinkageError::Cancelled);
                }
                let (from, to) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(self.n_left));
                let done = work(from as u32..to as u32);
                ticket.advance((to - from) as u64);
                Ok(done)
            })
            .collect()
    }

    /// Pair counts by rule, and those new after the earlier rules.
    pub(super) fn forecast(&self, rules: &[Rule], ticket: &Ticket) -> Result<Table, LinkageError> {
        /// Pairs up to which those found twice are counted apart.
        const COUNTED: u64 = 2_000_000_000;
        let sizes: Vec<(u64, u64)> = (0..self.rules.len()).map(|rule| self.sizes(rule)).collect();
        let total: u64 = sizes.iter().map(|size| size.0).sum();
        let new: Option<Vec<u64>> = if total <= COUNTED {
            let counted = self.stream(ticket, "counting pairs", |rows| {
                let mut new = vec![0_u64; self.rules.len()];
                rows.for_each(|left| self.partners(left, |_, rule| new[rule] += 1));
                new
            })?;
            Some(
                (0..self.rules.len())
                    .map(|rule| counted.iter().map(|new| new[rule]).sum())
                    .collect(),
            )
        } else {
            None
        };
        let names: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let new: Vec<Option<i64>> = match new {
            Some(new) => new.into_iter().map(|new| Some(new as i64)).collect(),
            None => vec![None; rules.len()],
        };
        Ok(Table::new([
            ("rule", Column::text(names.iter().map(|name| Some(name.as_str())))),
            ("pairs", Column::int(sizes.iter().map(|size| size.0 as i64).collect())),
            ("new", Column::ints(&new)),
            ("largest_block", Column::int(sizes.iter().map(|size| size.1 as i64).collect())),
        ])?)
    }
}

impl Index {
    /// Joins the keys of a rule into one number a row.
    fn new(keys: &[[Vec<u32>; 2]], dedupe: bool) -> Self {
        let (mut left, mut right) = (keys[0][0].clone(), keys[0][1].clone());
        for [more_left, more_right] in &keys[1..] {
            let mut known: FxHashMap<(u32, u32), u32> = FxHashMap::default();
            for (keys, more) in [(&mut left, more_left), (&mut right, more_right)] {
                for (key, &more) in keys.iter_mut().zip(more) {
                    let next = known.len() as u32;
                    *key = if *key == MISSING || more == MISSING {
                        MISSING
                    } else {
                        *known.entry((*key, more)).or_insert(next)
                    };
                }
            }
        }
        if dedupe {
            right.clone_from(&left);
        }
        let n = left
            .iter()
            .chain(&right)
            .filter(|&&key| key != MISSING)
            .max()
            .map_or(0, |&key| key as usize + 1);
        let mut starts = vec![0_u32; n + 1];
        for &key in right.iter().filter(|&&key| key != MISSING) {
            starts[key as usize + 1] += 1;
        }
        for key in 0..n {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut rows = vec![0_u32; starts[n] as usize];
        for (row, &key) in right.iter().enumerate() {
            if key != MISSING {
                rows[next[key as usize] as usize] = row as u32;
                next[key as usize] += 1;
            }
        }
        Self { left, right, starts, rows }
    }

    fn finds(&self, left: u32, right: u32) -> bool {
        let key = self.left[left as usize];
        key != MISSING && key == self.right[right as usize]
    }
}

/// The codes of a key on the two sides.
fn codes(coded: &Coded, first: Option<usize>, usable: impl Fn(u32) -> bool) -> [Vec<u32>; 2] {
    let mut known: FxHashMap<&str, u32> = FxHashMap::default();
    let place: Vec<u32> = coded
        .texts
        .iter()
        .enumerate()
        .map(|(code, text)| {
            if !usable(code as u32) {
                return MISSING;
            }
            let Some(letters) = first else { return code as u32 };
            let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
            let part = &text[..end];
            // The unknown parts of a date are zeros.
            if !usable(code as u32) && part.bytes().all(|byte| byte == b'0') {
                return MISSING;
            }
            let next = known.len() as u32;
            *known.entry(part).or_insert(next)
        })
        .collect();
    let map = |codes: &[u32]| {
        codes
            .iter()
            .map(|&code| if code == MISSING { MISSING } else { place[code as usize] })
            .collect()
    };
    [map(&coded.left), map(&coded.right)]
}
