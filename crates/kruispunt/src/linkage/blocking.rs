//! Which pairs of rows are looked at.

use super::LinkageError;
use super::coded::{Coded, Sides};
use super::comparer::Comparer;
use super::comparison::Comparison;
use super::index::Index;
use super::keys::{self, Keys, MISSING_KEY};
use super::rule::{Key, Rule, Search};
use crate::data::{Column, Table, Ticket};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Left rows a thread works on at a time.
pub(super) const CHUNK: usize = 256;
/// Chunks whose results are there at once.
const TOGETHER: usize = 2048;
/// Rules a pair can be marked with.
const MOST_RULES: usize = 64;

/// The blocks of all rules.
#[derive(Debug)]
pub(super) struct Blocks {
    /// One for each rule, or for each band of a rule on similar letters.
    passes: Vec<Index>,
    /// The rule of each pass.
    rule_of: Vec<u8>,
    n_rules: usize,
    /// Left rows that no rule can use.
    keyless: Vec<bool>,
    keyless_right: usize,
    n_left: usize,
    n_right: usize,
    dedupe: bool,
    /// Sources of the rows, where rows of one source are not paired.
    sources: Vec<u32>,
    /// The first row that is new, where old rows are not paired.
    since: u32,
}

impl Blocks {
    /// Encodes the keys of `rules`; columns that are compared are spelled as compared.
    pub(super) fn new(
        sides: Sides<'_>,
        rules: &[Rule],
        comparisons: &[Comparison],
        comparers: &[Comparer],
    ) -> Result<Self, LinkageError> {
        if rules.is_empty() || rules.iter().any(Rule::is_empty) {
            return Err(LinkageError::NoBlocking);
        }
        let bad = |(argument, got, expected)| LinkageError::BadArgument { argument, got, expected };
        if rules.len() > MOST_RULES {
            return Err(bad(("blocking", rules.len() as f64, "at most 64 rules")));
        }
        rules.iter().try_for_each(|rule| rule.check().map_err(bad))?;
        let columns = Columns::new(sides, rules, comparisons, comparers)?;
        let (n_left, n_right) = (sides.left.n_rows(), sides.right.n_rows());
        let passes: usize = rules.iter().map(Rule::passes).sum();
        let mut blocks = Self {
            passes: Vec::with_capacity(passes),
            rule_of: Vec::with_capacity(passes),
            n_rules: rules.len(),
            keyless: vec![true; n_left],
            keyless_right: 0,
            n_left,
            n_right,
            dedupe: sides.dedupe,
            sources: sides.only.sources().to_vec(),
            since: sides.only.since(),
        };
        let mut keyless_right = vec![true; if sides.dedupe { 0 } else { n_right }];
        for (at, rule) in rules.iter().enumerate() {
            let mut keys = Keys::new(n_left, if sides.dedupe { 0 } else { n_right });
            for key in &rule.keys {
                let (coded, places) = columns.places(key);
                keys.add(coded, (&places.0, places.1));
            }
            let all: Vec<Keys> = match &rule.search {
                Search::Similar { column, bands, rows } => {
                    let coded = columns.coded(column);
                    let band = |(places, n): (Vec<u32>, u64)| {
                        let mut keys = keys.clone();
                        keys.add(coded, (&places, n));
                        keys
                    };
                    keys::bands(coded, *bands, *rows).into_iter().map(band).collect()
                }
                _ => vec![keys],
            };
            for keys in all {
                for (keyless, key) in blocks.keyless.iter_mut().zip(&keys.left) {
                    *keyless &= *key == MISSING_KEY;
                }
                for (keyless, key) in keyless_right.iter_mut().zip(&keys.right) {
                    *keyless &= *key == MISSING_KEY;
                }
                let index = match &rule.search {
                    Search::Neighbours { column, window } => {
                        let (coded, how) = (columns.coded(column), (sides.dedupe, sides.only));
                        keys.neighbours(coded, how, *window as usize)
                    }
                    _ => keys.index(sides.dedupe, sides.only),
                };
                blocks.passes.push(index);
                blocks.rule_of.push(at as u8);
            }
        }
        let keyless = if sides.dedupe { &blocks.keyless } else { &keyless_right };
        blocks.keyless_right = keyless.iter().filter(|&&keyless| keyless).count();
        Ok(blocks)
    }

    /// No rules at all: pairs that are named one by one.
    pub(super) fn none(sides: Sides<'_>) -> Self {
        Self {
            passes: Vec::new(),
            rule_of: Vec::new(),
            n_rules: 0,
            keyless: vec![true; sides.left.n_rows()],
            keyless_right: sides.right.n_rows(),
            n_left: sides.left.n_rows(),
            n_right: sides.right.n_rows(),
            dedupe: sides.dedupe,
            sources: Vec::new(),
            since: 0,
        }
    }

    /// Whether one table is compared with itself.
    pub(super) const fn is_dedupe(&self) -> bool {
        self.dedupe
    }

    /// Rules.
    pub(super) const fn n_rules(&self) -> usize {
        self.n_rules
    }

    /// The right rows of `left` by the rules in `wanted` (bits), ascending, with the rules that
    /// find each; in a table against itself, the later ones.
    pub(super) fn partners(&self, left: u32, wanted: u64, found: &mut Found) {
        found.rows.clear();
        found.rules.clear();
        found.each.clear();
        let there = |pass: usize| {
            let rows = self.passes[pass].of(left);
            (!rows.is_empty()).then_some((pass, rows))
        };
        let asked = |pass: &usize| wanted >> self.rule_of[*pass] & 1 == 1;
        let mut busy = (0..self.passes.len()).filter(asked).filter_map(there);
        let Some(first) = busy.next() else { return };
        let plain = self.sources.is_empty() && self.since == 0;
        let second = busy.next();
        if second.is_none() && plain && self.passes[first.0].sorted {
            found.rows.extend_from_slice(first.1);
            found.rules.resize(found.rows.len(), 1 << self.rule_of[first.0]);
            return;
        }
        let fits = |row: u32| {
            (self.sources.is_empty() || self.sources[left as usize] != self.sources[row as usize])
                && row.max(left) >= self.since
        };
        for (pass, rows) in [first].into_iter().chain(second).chain(busy) {
            let rule = u64::from(self.rule_of[pass]);
            let packed = |&row: &u32| u64::from(row) << 6 | rule;
            if plain && self.passes[pass].sorted {
                found.each.extend(rows.iter().map(packed));
            } else {
                let after = self.dedupe;
                let wanted = |&&row: &&u32| (!after || row > left) && fits(row);
                found.each.extend(rows.iter().filter(wanted).map(packed));
            }
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

    /// Pairs of `rule`, those of earlier rules counted too, and those that several bands find as
    /// often as they do.
    pub(super) fn pairs(&self, rule: usize) -> u64 {
        self.passes_of(rule).map(|pass| pass.pairs).sum()
    }

    fn passes_of(&self, rule: usize) -> impl Iterator<Item = &Index> {
        let each = self.passes.iter().zip(&self.rule_of);
        each.filter(move |(_, own)| **own as usize == rule).map(|(pass, _)| pass)
    }

    fn largest(&self, rule: usize) -> (u64, u32) {
        let largest = self.passes_of(rule).max_by_key(|pass| pass.largest);
        largest.map_or((0, 0), |pass| (pass.largest, pass.largest_row))
    }

    /// Refuses more pairs than `cap`, more in a block than `block`, and none at all.
    pub(super) fn check(&self, rules: &[Rule], cap: u64, block: u64) -> Result<(), LinkageError> {
        let each = 0..self.n_rules;
        let pairs: u64 = each.clone().map(|rule| self.pairs(rule)).sum();
        if pairs == 0 {
            let left_null = self.keyless.iter().filter(|&&keyless| keyless).count();
            let right_null = self.keyless_right;
            let (left, right) = (self.n_left, self.n_right);
            return Err(LinkageError::NoPairs { left_null, left, right_null, right });
        }
        if let Some(giant) = each.clone().find(|&rule| self.largest(rule).0 > block) {
            let (pairs, row) = self.largest(giant);
            let rule = rules[giant].to_string();
            return Err(LinkageError::GiantBlock { rule, pairs, cap: block, row: row as usize });
        }
        if pairs <= cap {
            return Ok(());
        }
        let worst = each.max_by_key(|&rule| self.pairs(rule)).unwrap_or_default();
        Err(LinkageError::TooManyPairs {
            rule: rules[worst].to_string(),
            rule_pairs: self.pairs(worst),
            largest: self.largest(worst).0,
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
        work: impl Fn(&mut S, Range<u32>) -> T + Sync + Send,
    ) -> Result<Vec<T>, LinkageError> {
        let chunks = self.n_left.div_ceil(CHUNK);
        let mut all = Vec::with_capacity(chunks);
        self.stream_by(chunks, (ticket, stage), (start, work), |done| all.push(done))?;
        Ok(all)
    }

    /// As [`stream`](Self::stream); `sink` takes the results of some chunks before the next are
    /// begun, so that they need not all be there at once.
    pub(super) fn stream_into<S, T: Send>(
        &self,
        ticket: &Ticket,
        stage: &'static str,
        how: (impl Fn() -> S + Sync + Send, impl Fn(&mut S, Range<u32>) -> T + Sync + Send),
        sink: impl FnMut(T),
    ) -> Result<(), LinkageError> {
        self.stream_by(TOGETHER, (ticket, stage), how, sink)
    }

    fn stream_by<S, T: Send>(
        &self,
        together: usize,
        (ticket, stage): (&Ticket, &'static str),
        (start, work): (
            impl Fn() -> S + Sync + Send,
            impl Fn(&mut S, Range<u32>) -> T + Sync + Send,
        ),
        mut sink: impl FnMut(T),
    ) -> Result<(), LinkageError> {
        ticket.stage(stage, self.n_left as u64);
        let chunks = self.n_left.div_ceil(CHUNK);
        for first in (0..chunks).step_by(together.max(1)) {
            let done: Vec<T> = (first..(first + together).min(chunks))
                .into_par_iter()
                .map_init(&start, |state, chunk| {
                    if ticket.is_cancelled() {
                        return Err(LinkageError::Cancelled);
                    }
                    let (from, to) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(self.n_left));
                    let done = work(state, from as u32..to as u32);
                    ticket.advance((to - from) as u64);
                    Ok(done)
                })
                .collect::<Result<_, _>>()?;
            done.into_iter().for_each(&mut sink);
        }
        Ok(())
    }

    /// Pair counts by rule, and those new after the earlier rules.
    pub(super) fn forecast(&self, rules: &[Rule], ticket: &Ticket) -> Result<Table, LinkageError> {
        /// Pairs up to which those found twice are counted apart.
        const COUNTED: u64 = 2_000_000_000;
        let total: u64 = (0..self.n_rules).map(|rule| self.pairs(rule)).sum();
        let counted = if total <= COUNTED {
            self.stream(ticket, "counting pairs", Found::default, |found, rows| {
                let mut counts = vec![[0_i64; 2]; self.n_rules];
                for left in rows {
                    self.partners(left, u64::MAX, found);
                    for &rules in &found.rules {
                        counts[rules.trailing_zeros() as usize][0] += 1;
                        let mut rest = rules;
                        while rest != 0 {
                            counts[rest.trailing_zeros() as usize][1] += 1;
                            rest &= rest - 1;
                        }
                    }
                }
                counts
            })?
        } else {
            Vec::new()
        };
        let sum = |rule: usize, which: usize| {
            let each = counted.iter().map(|counts| counts[rule][which]);
            (total <= COUNTED).then(|| each.sum::<i64>())
        };
        let new: Vec<Option<i64>> = (0..rules.len()).map(|rule| sum(rule, 0)).collect();
        let pairs = |rule| sum(rule, 1).unwrap_or(self.pairs(rule) as i64);
        let names: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let largest = (0..rules.len()).map(|rule| self.largest(rule).0 as i64).collect();
        Ok(Table::new([
            ("rule", Column::text(names.iter().map(|name| Some(name.as_str())))),
            ("pairs", Column::int((0..rules.len()).map(pairs).collect())),
            ("new", Column::ints(&new)),
            ("largest_block", Column::int(largest)),
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

/// The columns of rules, spelled as compared where they are compared.
pub(super) struct Columns<'a> {
    comparisons: &'a [Comparison],
    comparers: &'a [Comparer],
    extra: FxHashMap<String, Coded>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(
        sides: Sides<'_>,
        rules: &[Rule],
        comparisons: &'a [Comparison],
        comparers: &'a [Comparer],
    ) -> Result<Self, LinkageError> {
        let mut own = Self { comparisons, comparers, extra: FxHashMap::default() };
        let written = comparisons.iter().any(|own| own.options.written);
        for column in rules.iter().flat_map(Rule::columns) {
            if own.place(column).is_none() && !own.extra.contains_key(column) {
                let exact = Comparison::exact(column);
                let exact = if written { exact.written() } else { exact };
                own.extra.insert(column.to_owned(), Coded::new(sides, &exact, "blocking")?);
            }
        }
        Ok(own)
    }

    fn place(&self, column: &str) -> Option<usize> {
        place(self.comparisons, column)
    }

    pub(super) fn coded(&self, column: &str) -> &Coded {
        match self.place(column) {
            Some(own) => &self.comparers[own].coded,
            None => &self.extra[column],
        }
    }

    /// The key of each code of a column, and how many keys there may be.
    pub(super) fn places(&self, key: &Key) -> (&Coded, (Vec<u32>, u64)) {
        let coded = self.coded(&key.column);
        let places = match self.place(&key.column) {
            Some(own) => {
                let comparer = &self.comparers[own];
                keys::places(coded, key, |code| comparer.can_block(code, key.first))
            }
            None => keys::places(coded, key, |_| true),
        };
        (coded, places)
    }
}

/// The comparison of one column.
pub(super) fn place(comparisons: &[Comparison], column: &str) -> Option<usize> {
    comparisons.iter().position(|own| own.is_plain() && own.column() == column)
}
