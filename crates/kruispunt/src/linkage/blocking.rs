//! Which pairs of rows are looked at.

use super::LinkageError;
use super::coded::{Coded, MISSING, Sides};
use super::comparer::Comparer;
use super::comparison::Comparison;
use super::intern::Interner;
use crate::data::{Column, Table, Ticket};
use crate::math::radix;
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
pub(super) const CHUNK: usize = 256;
/// Rules a pair can be marked with.
const MOST_RULES: usize = 64;

/// The blocks of all rules.
#[derive(Debug)]
pub(super) struct Blocks {
    rules: Vec<Index>,
    /// For each left row and rule, where its right rows stand in the rule's list.
    spans: Vec<[u32; 2]>,
    /// Left rows that no rule can use.
    keyless: Vec<bool>,
    keyless_right: usize,
    n_left: usize,
    n_right: usize,
}

/// The right rows of one rule, block by block.
#[derive(Debug, Default)]
struct Index {
    rows: Vec<u32>,
    pairs: u64,
    largest: u64,
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
        if rules.len() > MOST_RULES {
            return Err(LinkageError::BadArgument {
                argument: "blocking",
                got: rules.len() as f64,
                expected: "at most 64 rules",
            });
        }
        let mut extra: FxHashMap<&str, Coded> = FxHashMap::default();
        let place = |name: &str| comparisons.iter().position(|own| own.column() == name);
        for key in rules.iter().flat_map(|rule| &rule.keys) {
            if place(&key.column).is_none() && !extra.contains_key(key.column.as_str()) {
                let exact = Comparison::exact(&key.column);
                extra.insert(&key.column, Coded::new(sides, &exact, "blocking")?);
            }
        }
        let (n_left, n_right) = (sides.left.n_rows(), sides.right.n_rows());
        let mut blocks = Self {
            rules: Vec::with_capacity(rules.len()),
            spans: vec![[0; 2]; n_left * rules.len()],
            keyless: vec![true; n_left],
            keyless_right: 0,
            n_left,
            n_right,
        };
        let mut keyless_right = vec![true; if sides.dedupe { 0 } else { n_right }];
        for (at, rule) in rules.iter().enumerate() {
            let mut keys = Keys::new(n_left, if sides.dedupe { 0 } else { n_right });
            for key in &rule.keys {
                match place(&key.column) {
                    Some(own) => {
                        let comparer = &comparers[own];
                        let usable = |code| comparer.can_block(code, key.first);
                        keys.add(&comparer.coded, key.first, usable);
                    }
                    None => keys.add(&extra[key.column.as_str()], key.first, |_| true),
                }
            }
            let missing = |key: &u64| *key == MISSING_KEY;
            for (keyless, key) in blocks.keyless.iter_mut().zip(&keys.left) {
                *keyless &= missing(key);
            }
            for (keyless, key) in keyless_right.iter_mut().zip(&keys.right) {
                *keyless &= missing(key);
            }
            let (n_rules, spans) = (rules.len(), &mut blocks.spans);
            let index = keys.index(sides.dedupe, |left, from, to| {
                spans[left as usize * n_rules + at] = [from, to];
            });
            blocks.rules.push(index);
        }
        let keyless = if sides.dedupe { &blocks.keyless } else { &keyless_right };
        blocks.keyless_right = keyless.iter().filter(|&&keyless| keyless).count();
        Ok(blocks)
    }

    /// Rules.
    pub(super) const fn n_rules(&self) -> usize {
        self.rules.len()
    }

    /// The right rows of `left` by the rules in `wanted` (bits), ascending, with the rules that
    /// find each; in a table against itself, the later ones.
    pub(super) fn partners(&self, left: u32, wanted: u64, found: &mut Found) {
        found.rows.clear();
        found.rules.clear();
        found.each.clear();
        let own = left as usize * self.rules.len();
        let spans = &self.spans[own..own + self.rules.len()];
        let there = |rule: usize| wanted >> rule & 1 == 1 && spans[rule][0] < spans[rule][1];
        let mut busy = (0..self.rules.len()).filter(|&rule| there(rule));
        let Some(first) = busy.next() else { return };
        let rows =
            |rule: usize| &self.rules[rule].rows[spans[rule][0] as usize..spans[rule][1] as usize];
        let Some(second) = busy.next() else {
            found.rows.extend_from_slice(rows(first));
            found.rules.resize(found.rows.len(), 1 << first);
            return;
        };
        for rule in [first, second].into_iter().chain(busy) {
            found.each.extend(rows(rule).iter().map(|&row| u64::from(row) << 6 | rule as u64));
        }
        found.each.sort_unstable();
        for &one in &found.each {
            let (row, rule) = ((one >> 6) as u32, 1 << (one & 63));
            if found.rows.last() == Some(&row) {
                if let Some(rules) = found.rules.last_mut() {
                    *rules |= rule;
                }
            } else {
                found.rows.push(row);
                found.rules.push(rule);
            }
        }
    }

    /// Left rows.
    pub(super) const fn n_left(&self) -> usize {
        self.n_left
    }

    /// Whether no rule can use `left`.
    pub(super) fn is_keyless(&self, left: usize) -> bool {
        self.keyless[left]
    }

    /// Pairs of `rule`, those of earlier rules counted too.
    pub(super) fn pairs(&self, rule: usize) -> u64 {
        self.rules[rule].pairs
    }

    /// Refuses more pairs than `cap`, and none at all.
    pub(super) fn check(&self, rules: &[Rule], cap: u64) -> Result<(), LinkageError> {
        let pairs: u64 = self.rules.iter().map(|rule| rule.pairs).sum();
        if pairs == 0 {
            let left_null = self.keyless.iter().filter(|&&keyless| keyless).count();
            let right_null = self.keyless_right;
            let (left, right) = (self.n_left, self.n_right);
            return Err(LinkageError::NoPairs { left_null, left, right_null, right });
        }
        if pairs <= cap {
            return Ok(());
        }
        let worst =
            (0..self.rules.len()).max_by_key(|&rule| self.rules[rule].pairs).unwrap_or_default();
        Err(LinkageError::TooManyPairs {
            rule: rules[worst].to_string(),
            rule_pairs: self.rules[worst].pairs,
            largest: self.rules[worst].largest,
            pairs,
            cap,
        })
    }

    /// Runs `work` on fixed chunks of left rows, results in row order; each thread has what
    /// `start` makes, which must not change a result.
    pub(super) fn stream<S, T: Send>(
        &self,
        ticket: &Ticket,
        stage: &'static str,
        start: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, std::ops::Range<u32>) -> T + Sync + Send,
    ) -> Result<Vec<T>, LinkageError> {
        ticket.stage(stage, self.n_left as u64);
        (0..self.n_left.div_ceil(CHUNK))
            .into_par_iter()
            .map_init(start, |state, chunk| {
                if ticket.is_cancelled() {
                    return Err(LinkageError::Cancelled);
                }
                let (from, to) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(self.n_left));
                let done = work(state, from as u32..to as u32);
                ticket.advance((to - from) as u64);
                Ok(done)
            })
            .collect()
    }

    /// Pair counts by rule, and those new after the earlier rules.
    pub(super) fn forecast(&self, rules: &[Rule], ticket: &Ticket) -> Result<Table, LinkageError> {
        /// Pairs up to which those found twice are counted apart.
        const COUNTED: u64 = 2_000_000_000;
        let total: u64 = self.rules.iter().map(|rule| rule.pairs).sum();
        let counted = if total <= COUNTED {
            self.stream(ticket, "counting pairs", Found::default, |found, rows| {
                let mut new = vec![0_i64; self.rules.len()];
                for left in rows {
                    self.partners(left, u64::MAX, found);
                    for rules in &found.rules {
                        new[rules.trailing_zeros() as usize] += 1;
                    }
                }
                new
            })?
        } else {
            Vec::new()
        };
        let new = |rule: usize| {
            (total <= COUNTED).then(|| counted.iter().map(|new| new[rule]).sum::<i64>())
        };
        let new: Vec<Option<i64>> = (0..rules.len()).map(new).collect();
        let names: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let each = |count: &dyn Fn(&Index) -> u64| {
            Column::int(self.rules.iter().map(|rule| count(rule) as i64).collect())
        };
        Ok(Table::new([
            ("rule", Column::text(names.iter().map(|name| Some(name.as_str())))),
            ("pairs", each(&|rule| rule.pairs)),
            ("new", Column::ints(&new)),
            ("largest_block", each(&|rule| rule.largest)),
        ])?)
    }
}

/// The right rows of one left row, ascending, and the rules (bits) that find each.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<u32>,
    pub(super) rules: Vec<u64>,
    each: Vec<u64>,
}

/// The key of a row that a rule cannot use.
const MISSING_KEY: u64 = u64::MAX;

/// The keys of one rule as numbers below `range`.
struct Keys {
    left: Vec<u64>,
    right: Vec<u64>,
    range: u64,
}

impl Keys {
    fn new(n_left: usize, n_right: usize) -> Self {
        Self { left: vec![0; n_left], right: vec![0; n_right], range: 1 }
    }

    /// Puts one more column to the keys.
    fn add(&mut self, coded: &Coded, first: Option<usize>, usable: impl Fn(u32) -> bool) {
        let (place, n) = places(coded, first, usable);
        if self.range.checked_mul(n).is_none_or(|range| range == MISSING_KEY) {
            self.renumber();
        }
        for (keys, codes) in [(&mut self.left, &coded.left[..]), (&mut self.right, coded.right())] {
            for (key, &code) in keys.iter_mut().zip(codes) {
                let own = place.get(code as usize).copied().unwrap_or(MISSING);
                *key = if *key == MISSING_KEY || own == MISSING {
                    MISSING_KEY
                } else {
                    *key * n + u64::from(own)
                };
            }
        }
        self.range *= n;
    }

    /// Numbers the keys that occur, so that the range is at most the number of rows.
    fn renumber(&mut self) {
        let mut known: Vec<u64> = self.left.iter().chain(&self.right).copied().collect();
        known.sort_unstable();
        known.dedup();
        for key in self.left.iter_mut().chain(&mut self.right).filter(|key| **key != MISSING_KEY) {
            *key = known.binary_search(key).unwrap_or_default() as u64;
        }
        self.range = known.len() as u64;
    }

    /// The right rows by key; `place` hears where those of each left row stand.
    fn index(self, dedupe: bool, mut place: impl FnMut(u32, u32, u32)) -> Index {
        let n = self.left.len();
        let mut index = Index::default();
        let mut put = |block: &[u32]| {
            let split = if dedupe { 0 } else { block.partition_point(|&row| (row as usize) < n) };
            let from = index.rows.len() as u32;
            index
                .rows
                .extend(block[split..].iter().map(|&row| row - if dedupe { 0 } else { n as u32 }));
            let to = index.rows.len() as u32;
            let size = (block.len() - split) as u64;
            let pairs = if dedupe {
                for (&row, next) in block.iter().zip(from + 1..) {
                    place(row, next, to);
                }
                size * size.saturating_sub(1) / 2
            } else {
                block[..split].iter().for_each(|&row| place(row, from, to));
                size * split as u64
            };
            index.pairs += pairs;
            index.largest = index.largest.max(pairs);
        };
        each_block(self, &mut put);
        index
    }
}

/// Calls `put` with the rows of each key, ascending; right rows are numbered on from the left.
fn each_block(keys: Keys, put: &mut impl FnMut(&[u32])) {
    let total = (keys.left.len() + keys.right.len()) as u64;
    let (low, high) = (bits(total), bits(keys.range));
    let rows = keys.left.into_iter().chain(keys.right).zip(0_u32..);
    let rows = rows.filter(|(key, _)| *key != MISSING_KEY);
    let mut block = Vec::new();
    if low + high <= 64 {
        let mut packed: Vec<u64> = rows.map(|(key, row)| key << low | u64::from(row)).collect();
        radix::sort(&mut packed, low, low + high);
        for own in packed.chunk_by(|a, b| a >> low == b >> low) {
            block.clear();
            block.extend(own.iter().map(|packed| (packed & ((1 << low) - 1)) as u32));
            put(&block);
        }
        return;
    }
    let mut pairs: Vec<(u64, u32)> = rows.collect();
    pairs.sort_unstable();
    for own in pairs.chunk_by(|a, b| a.0 == b.0) {
        block.clear();
        block.extend(own.iter().map(|pair| pair.1));
        put(&block);
    }
}

/// Bits of the numbers below `range`; at least one.
const fn bits(range: u64) -> u32 {
    let most = if range > 1 { range - 1 } else { 1 };
    64 - most.leading_zeros()
}

/// The key of each code, and how many keys there may be.
fn places(coded: &Coded, first: Option<usize>, usable: impl Fn(u32) -> bool) -> (Vec<u32>, u64) {
    let mut known = Interner::default();
    let mut n = if first.is_none() { coded.texts.len() as u64 } else { 0 };
    let place = |(code, text): (usize, &str)| {
        if !usable(code as u32) {
            return MISSING;
        }
        let Some(letters) = first else { return code as u32 };
        let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
        let own = known.code(&text[..end]);
        n = n.max(u64::from(own) + 1);
        own
    };
    let place = coded.texts.iter().enumerate().map(place).collect();
    (place, n.max(1))
}
