//! Pairs compared and counted by pattern.

use super::LinkageError;
use super::lambda::Union;
use super::linker::Linker;
use super::pairs::{Layout, Pairs, Work};
use crate::math::em::Patterns;
use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Pairs of a rule up to which all of them train; beyond, left rows are sampled.
const TRAINED: u64 = 20_000_000;

/// A pattern, the rules (bits) that find the pair, and whether it counts for the union (bit 16)
/// with the group of its rows (below).
pub(super) type Marked = (u64, u64, u32);

/// The group of a pair whose rows are of two groups, or have none.
pub(super) const ALONE: u16 = u16::MAX;

/// Pairs by pattern, rules and group, in ascending order.
pub(super) struct Grouped {
    pub(super) counts: Vec<(Marked, u64)>,
    pub(super) scale: f64,
}

impl Grouped {
    /// All of them, whatever their group.
    pub(super) fn pooled(&self) -> Counted {
        let each =
            self.counts.iter().map(|&((p, rules, mark), n)| ((p, rules, mark >> 16 == 1), n));
        Counted { counts: merge(each), scale: self.scale }
    }

    /// Those of one group.
    pub(super) fn of(&self, group: u16) -> Counted {
        let own = self.counts.iter().filter(|((.., mark), _)| *mark as u16 == group);
        let each = own.map(|&((p, rules, mark), n)| ((p, rules, mark >> 16 == 1), n));
        Counted { counts: each.collect(), scale: self.scale }
    }
}

/// Pairs by pattern, rules and whether they count for the union, in ascending order.
pub(super) struct Counted {
    pub(super) counts: Vec<((u64, u64, bool), u64)>,
    /// One over the share of left rows that was looked at for the union.
    pub(super) scale: f64,
}

impl Counted {
    /// Pairs by pattern and rules.
    pub(super) fn marked(&self) -> Vec<(u64, u64, u64)> {
        self.counts.iter().map(|&((pattern, rules, _), n)| (pattern, rules, n)).collect()
    }
}

/// Adds counts up, keys in ascending order.
fn merge<K: Hash + Ord>(counts: impl Iterator<Item = (K, u64)>) -> Vec<(K, u64)> {
    let mut all: FxHashMap<K, u64> = FxHashMap::default();
    for (key, count) in counts {
        *all.entry(key).or_insert(0) += count;
    }
    let mut merged: Vec<(K, u64)> = all.into_iter().collect();
    merged.sort_unstable();
    merged
}

/// The counted patterns of one run.
pub(super) struct Run {
    pub(super) patterns: Patterns,
    /// Comparisons that take part.
    pub(super) used: Vec<usize>,
    pub(super) rule: usize,
}

impl Linker {
    /// Compares every pair once and counts patterns by the rules that find them; then the patterns
    /// themselves, by chunk of left rows. Where a rule finds too many pairs, a share of the left
    /// rows trains it; a smaller one, the union; and no patterns are kept.
    pub(super) fn count(
        &self,
        pairs: &Pairs,
        groups: Option<&[u16]>,
    ) -> Result<(Grouped, Vec<Vec<u64>>), LinkageError> {
        let blocks = &pairs.blocks;
        let share = |pairs: u64| (TRAINED as f64 / pairs.max(1) as f64).min(1.0);
        let rules: Vec<f64> = (0..blocks.n_rules()).map(|rule| share(blocks.pairs(rule))).collect();
        let whole = share((0..blocks.n_rules()).map(|rule| blocks.pairs(rule)).sum());
        let all = whole >= 1.0;
        let totals: Mutex<FxHashMap<Marked, u64>> = Mutex::new(FxHashMap::default());
        let start = || Tally { work: pairs.work(), counts: FxHashMap::default(), into: &totals };
        let looked = blocks.stream(&self.ticket, "comparing pairs", start, |tally, rows| {
            let (mut looked, mut kept) = (0_u64, Vec::new());
            for left in rows {
                let lot = if all { 0.0 } else { self.seed.uniform([u64::from(left), 1, 0]) };
                let union = lot <= whole;
                looked += u64::from(union);
                let wanted = |(rule, &share): (usize, &f64)| u64::from(lot <= share) << rule;
                let wanted = rules.iter().enumerate().map(wanted).sum();
                pairs.compare(left, wanted, &mut tally.work);
                let Work { patterns, found, .. } = &tally.work;
                let own = groups.map_or(ALONE, |groups| groups[left as usize]);
                for ((&pattern, &rules), &right) in
                    patterns.iter().zip(&found.rules).zip(&found.rows)
                {
                    let apart = pairs.is_one_table()
                        && groups.is_some_and(|groups| groups[right as usize] != own);
                    let group = if apart { ALONE } else { own };
                    let mark = u32::from(union) << 16 | u32::from(group);
                    *tally.counts.entry((pattern, rules, mark)).or_insert(0) += 1;
                }
                if all {
                    kept.extend_from_slice(&tally.work.patterns);
                }
            }
            kept.shrink_to_fit();
            (looked, kept)
        })?;
        let (looked, mut kept): (Vec<u64>, Vec<Vec<u64>>) = looked.into_iter().unzip();
        if !all {
            kept.clear();
        }
        let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<(Marked, u64)> = totals.into_iter().collect();
        counts.sort_unstable();
        let looked: u64 = looked.into_iter().sum();
        let scale = blocks.n_left() as f64 / looked.max(1) as f64;
        Ok((Grouped { counts, scale }, kept))
    }

    /// Patterns of the pairs of each rule, without the comparisons that the rule makes equal.
    pub(super) fn runs(&self, pairs: &Pairs, counted: &Counted) -> Result<Vec<Run>, LinkageError> {
        let mut runs = Vec::new();
        let n = self.comparisons.len();
        for (at, rule) in self.rules.iter().enumerate() {
            let used: Vec<usize> = (0..n).filter(|&k| !rule.uses(&self.comparisons[k])).collect();
            if used.is_empty() || pairs.blocks.pairs(at) == 0 {
                continue;
            }
            let bits = pairs.layout().bits(&used);
            let own = counted.counts.iter().filter(|((_, rules, _), _)| rules >> at & 1 == 1);
            let merged = merge(own.map(|&((pattern, ..), count)| (pattern & bits, count)));
            let patterns = unpack(pairs.layout(), &used, &merged);
            runs.push(Run { patterns, used, rule: at });
        }
        let trained = |k: usize| runs.iter().any(|run| run.used.contains(&k));
        if let Some(k) = (0..n).find(|&k| !trained(k)) {
            return Err(LinkageError::Untrainable {
                comparison: self.comparisons[k].column().to_owned(),
                why: "every blocking rule that finds pairs uses it; add a rule without it",
            });
        }
        Ok(runs)
    }

    pub(super) fn union(&self, pairs: &Pairs, counted: &Counted) -> Union {
        let used: Vec<usize> = (0..self.comparisons.len()).collect();
        let own = counted.counts.iter().filter(|((.., union), _)| *union);
        let times = |rules: u64| rules.count_ones().min(3) as u8;
        let merged = merge(own.map(|&((pattern, rules, _), n)| ((times(rules), pattern), n)));
        let found = merged.iter().map(|((times, _), _)| *times).collect();
        let merged: Vec<(u64, u64)> = merged.iter().map(|&((_, key), n)| (key, n)).collect();
        Union {
            patterns: unpack(pairs.layout(), &used, &merged),
            found,
            scale: counted.scale,
            occasions: self.rules.len() as f64,
        }
    }
}

/// What one thread counts; sums of whole numbers do not depend on who counts what.
struct Tally<'a> {
    work: Work,
    counts: FxHashMap<Marked, u64>,
    into: &'a Mutex<FxHashMap<Marked, u64>>,
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let mut into = self.into.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in self.counts.drain() {
            *into.entry(key).or_insert(0) += count;
        }
    }
}

fn unpack(layout: &Layout, used: &[usize], counts: &[(u64, u64)]) -> Patterns {
    let levels =
        counts.iter().flat_map(|&(key, _)| used.iter().map(move |&k| layout.level(key, k)));
    Patterns {
        levels: levels.collect(),
        counts: counts.iter().map(|&(_, count)| count).collect(),
        width: used.len(),
    }
}
