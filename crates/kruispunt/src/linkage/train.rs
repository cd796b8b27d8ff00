//! Training: u from frequencies, m by expectation-maximisation, lambda from completeness.

use super::LinkageError;
use super::blocking::Blocks;
use super::coded::Sides;
use super::comparer::{Comparer, Shares};
use super::linker::{Assignment, Learned, Linker, Model};
use crate::data::Table;
use crate::math::em::{self, NULL, Patterns};
use rustc_hash::FxHashMap;

/// Pairs of a rule up to which all of them train; beyond, left rows are sampled.
const TRAINED: u64 = 20_000_000;
/// Pairs given beforehand to every level of m.
const PRIOR: f64 = 0.1;
/// Rounds in which u gives back the matches in it.
const ROUNDS: usize = 4;

/// The counted patterns of one run.
struct Run {
    patterns: Patterns,
    /// Comparisons that take part.
    used: Vec<usize>,
    rule: usize,
}

/// Pairs of the union of all rules, by pattern and by how many rules find them (1, 2, more).
struct Union {
    patterns: Patterns,
    found: Vec<u8>,
    /// One over the share of left rows that was looked at.
    scale: f64,
    /// Rules.
    occasions: f64,
}

impl Linker {
    /// Learns from the pairs of `left` and `right` and gives the trained linker back.
    ///
    /// # Errors
    ///
    /// [`LinkageError::NoComparisons`], [`LinkageError::NoBlocking`], [`LinkageError::Data`],
    /// [`LinkageError::NoPairs`], [`LinkageError::TooManyPairs`], [`LinkageError::Untrainable`]
    /// (a comparison is part of every rule, or never present on both sides),
    /// [`LinkageError::Cancelled`].
    pub fn train(&self, left: &Table, right: &Table) -> Result<Self, LinkageError> {
        self.train_sides(Sides { left, right, dedupe: false })
    }

    /// Learns from the pairs of rows of one table.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train).
    pub fn train_dedupe(&self, table: &Table) -> Result<Self, LinkageError> {
        self.train_sides(Sides { left: table, right: table, dedupe: true })
    }

    fn train_sides(&self, sides: Sides<'_>) -> Result<Self, LinkageError> {
        let (comparers, blocks) = self.prepare(sides)?;
        blocks.check(&self.rules, self.cap)?;
        let shares = self.shares(&comparers, sides.dedupe)?;
        let runs = self.runs(&comparers, &blocks)?;
        let union = self.union(&comparers, &blocks)?;
        let there: Vec<f64> = comparers.iter().map(Comparer::both_there).collect();
        let model = self.learn(sides, &shares, &runs, &union, &there)?;
        let mut trained = self.clone();
        trained.model = Some(model);
        Ok(trained)
    }

    fn shares(&self, comparers: &[Comparer], dedupe: bool) -> Result<Vec<Shares>, LinkageError> {
        self.ticket.stage("value frequencies", comparers.len() as u64);
        let each = comparers.iter().enumerate();
        each.map(|(at, comparer)| {
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            let stream = self.seed.stream(at as u64 + 1);
            let shares = comparer.shares(dedupe, stream, self.draws);
            self.ticket.advance(1);
            shares.ok_or_else(|| LinkageError::Untrainable {
                comparison: self.comparisons[at].column().to_owned(),
                why: "no pair of rows has a value on both sides",
            })
        })
        .collect()
    }

    /// Patterns of the pairs of each rule, without the comparisons that the rule makes equal.
    fn runs(&self, comparers: &[Comparer], blocks: &Blocks) -> Result<Vec<Run>, LinkageError> {
        let mut runs = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let used: Vec<usize> =
                (0..comparers.len()).filter(|&k| !rule.uses(&self.comparisons[k])).collect();
            let pairs = blocks.pairs(at);
            if used.is_empty() || pairs == 0 {
                continue;
            }
            let coder = Coder::new(comparers, &self.comparisons, &used);
            let share = TRAINED as f64 / pairs as f64;
            let counted = blocks.stream(&self.ticket, "comparing pairs", |rows| {
                let mut counts = FxHashMap::default();
                let mut probes: Vec<_> = comparers.iter().map(Comparer::probe).collect();
                for left in rows {
                    if share < 1.0 && self.seed.uniform([u64::from(left), 1, 0]) > share {
                        continue;
                    }
                    for &right in blocks.block(at, left) {
                        *counts.entry(coder.key(&mut probes, left, right)).or_insert(0) += 1;
                    }
                }
                counts
            })?;
            let patterns = coder.unpack(merge(counted.into_iter()).into_iter());
            runs.push(Run { patterns, used, rule: at });
        }
        let trained = |k: usize| runs.iter().any(|run| run.used.contains(&k));
        if let Some(k) = (0..comparers.len()).find(|&k| !trained(k)) {
            return Err(LinkageError::Untrainable {
                comparison: self.comparisons[k].column().to_owned(),
                why: "every blocking rule that finds pairs uses it; add a rule without it",
            });
        }
        Ok(runs)
    }

    fn union(&self, comparers: &[Comparer], blocks: &Blocks) -> Result<Union, LinkageError> {
        let used: Vec<usize> = (0..comparers.len()).collect();
        let coder = Coder::new(comparers, &self.comparisons, &used);
        let pairs: u64 = (0..self.rules.len()).map(|rule| blocks.pairs(rule)).sum();
        let share = (TRAINED as f64 / pairs as f64).min(1.0);
        let counted = blocks.stream(&self.ticket, "comparing pairs", |rows| {
            let mut counts = FxHashMap::default();
            let mut probes: Vec<_> = comparers.iter().map(Comparer::probe).collect();
            let mut looked = 0_u64;
            for left in rows {
                if share < 1.0 && self.seed.uniform([u64::from(left), 2, 0]) > share {
                    continue;
                }
                looked += 1;
                blocks.partners(left, |right, _| {
                    let found = blocks.found_by(left, right).min(3) as u64;
                    let key = coder.key(&mut probes, left, right) * 4 + found;
                    *counts.entry(key).or_insert(0) += 1;
                });
            }
            (counts, looked)
        })?;
        let looked: u64 = counted.iter().map(|chunk| chunk.1).sum();
        let scale = blocks.n_left() as f64 / looked.max(1) as f64;
        let merged = merge(counted.into_iter().map(|chunk| chunk.0));
        let found = merged.iter().map(|(key, _)| (key % 4) as u8).collect();
        let patterns = coder.unpack(merged.iter().map(|&(key, count)| (key / 4, count)));
        Ok(Union { patterns, found, scale, occasions: self.rules.len() as f64 })
    }

    /// Alternates m by rule, lambda, and u without the matches in it.
    fn learn(
        &self,
        sides: Sides<'_>,
        shares: &[Shares],
        runs: &[Run],
        union: &Union,
        there: &[f64],
    ) -> Result<Model, LinkageError> {
        let n = (sides.left.n_rows() as f64, sides.right.n_rows() as f64);
        let most = match self.assignment {
            _ if sides.dedupe => sides.pairs(),
            Assignment::OneToOne => n.0.min(n.1),
            Assignment::ManyToOne => n.0,
            Assignment::All => sides.pairs(),
        };
        let most = (most / sides.pairs()).clamp(1e-12, 0.5);
        let guess = n.0.min(n.1) / 2.0;
        let mut u: Vec<Vec<f64>> = shares.iter().map(|shares| corrected(shares, None)).collect();
        let mut m: Vec<Vec<f64>> = u.iter().map(|u| start(u.len())).collect();
        let (mut lambda, mut completeness) = ((guess / sides.pairs()).clamp(1e-12, 0.25), 1.0);
        let mut notes = Vec::new();
        for _ in 0..ROUNDS {
            self.ticket.stage("expectation-maximisation", runs.len() as u64);
            notes.clear();
            let mut sums: Vec<Vec<f64>> = m.iter().map(|m| vec![0.0; m.len()]).collect();
            for run in runs {
                if self.ticket.is_cancelled() {
                    return Err(LinkageError::Cancelled);
                }
                let pick = |from: &[Vec<f64>]| -> Vec<Vec<f64>> {
                    run.used.iter().map(|&k| from[k].clone()).collect()
                };
                let first = (guess / run.patterns.total() as f64).clamp(1e-4, 0.5);
                let fit = em::fit(&run.patterns, &pick(&m), &pick(&u), first, PRIOR);
                for ((&k, fitted), weight) in run.used.iter().zip(&fit.m).zip(&fit.weight) {
                    for (sum, m) in sums[k].iter_mut().zip(fitted) {
                        *sum += (weight + PRIOR) * m;
                    }
                }
                notes.push(format!(
                    "rule [{}]: {} pairs trained, share of matches {:.6}, {} iterations{}",
                    self.rules[run.rule],
                    run.patterns.total(),
                    fit.lambda,
                    fit.iterations,
                    if fit.converged { "" } else { ", not converged" }
                ));
                self.ticket.advance(1);
            }
            for (m, sums) in m.iter_mut().zip(&sums) {
                let total: f64 = sums.iter().sum();
                m.iter_mut().zip(sums).for_each(|(m, sum)| *m = sum / total);
            }
            let bound = self.found_if_independent(&m, there);
            (lambda, completeness) = union.lambda(&m, &u, lambda, (most, sides.pairs()), bound);
            u = shares.iter().zip(&m).map(|(s, m)| corrected(s, Some((lambda, m)))).collect();
        }
        let learned = m.into_iter().zip(u).map(|(m, u)| Learned { m, u }).collect();
        Ok(Model { lambda, completeness, learned, notes })
    }
}

/// Levels of m to start from: most pairs equal, the rest shared.
fn start(n: usize) -> Vec<f64> {
    let mut m = vec![0.2 / (n as f64 - 1.0).max(1.0); n];
    m[0] = if n == 1 { 1.0 } else { 0.8 };
    m
}

/// u of each level: shares of all pairs with the matches taken out, never 0.
fn corrected(shares: &Shares, matches: Option<(f64, &[f64])>) -> Vec<f64> {
    let mut u: Vec<f64> = shares
        .levels
        .iter()
        .enumerate()
        .map(|(level, &share)| {
            let rest =
                matches.map_or(share, |(lambda, m)| (share - lambda * m[level]) / (1.0 - lambda));
            rest.max(0.01 * share).max(shares.floor)
        })
        .collect();
    let total: f64 = u.iter().sum();
    for u in &mut u {
        *u /= total;
    }
    u
}

impl Linker {
    /// The share of matches that the rules find if columns agree independently of each other;
    /// 1 where a rule uses first letters or a column that is not compared.
    fn found_if_independent(&self, m: &[Vec<f64>], there: &[f64]) -> f64 {
        let place = |name: &str| self.comparisons.iter().position(|own| own.column() == name);
        let rules: Option<Vec<u64>> = self
            .rules
            .iter()
            .map(|rule| {
                rule.keys().iter().try_fold(0_u64, |mask, (column, first)| {
                    let at = place(column).filter(|&at| first.is_none() && at < 64)?;
                    Some(mask | 1 << at)
                })
            })
            .collect();
        let agree: Vec<f64> = m.iter().zip(there).map(|(m, there)| m[0] * there).collect();
        rules.map_or(1.0, |rules| found_share(&agree, &rules))
    }
}

/// P(all columns of some rule agree), columns agreeing independently; rules are bit masks.
/// 1 when the rules have more than 16 columns.
fn found_share(agree: &[f64], rules: &[u64]) -> f64 {
    let used = rules.iter().fold(0, |all, rule| all | rule);
    let columns: Vec<usize> = (0..agree.len().min(64)).filter(|at| used >> at & 1 == 1).collect();
    if columns.len() > 16 {
        return 1.0;
    }
    let mut found = 0.0;
    for state in 0_u64..1 << columns.len() {
        let (mut mask, mut probability) = (0, 1.0);
        for (bit, &column) in columns.iter().enumerate() {
            if state >> bit & 1 == 1 {
                mask |= 1 << column;
                probability *= agree[column];
            } else {
                probability *= 1.0 - agree[column];
            }
        }
        if rules.iter().any(|rule| rule & mask == *rule) {
            found += probability;
        }
    }
    found
}

impl Union {
    /// The share of matches among all pairs, and of those the share that the rules find: at most
    /// `bound`, and at most what the numbers of rules that find each match tell (Chao 1987).
    fn lambda(
        &self,
        m: &[Vec<f64>],
        u: &[Vec<f64>],
        start: f64,
        (most, pairs): (f64, f64),
        bound: f64,
    ) -> (f64, f64) {
        let (mut lambda, mut completeness) = (start, 1.0);
        for _ in 0..500 {
            let mut found = [0.0; 4];
            for ((pattern, count), &times) in self.patterns.iter().zip(&self.found) {
                let share = em::posterior(pattern, m, u, lambda);
                found[times as usize] += share * count as f64 * self.scale;
            }
            let seen: f64 = found.iter().sum();
            let unseen = if self.occasions < 2.0 || found[2] < 1.0 {
                0.0
            } else {
                (self.occasions - 1.0) / self.occasions * found[1] * found[1] / (2.0 * found[2])
            };
            completeness = (seen / (seen + unseen)).min(bound).clamp(0.01, 1.0);
            let next = (seen / completeness / pairs).clamp(1e-3 / pairs, most.max(2e-3 / pairs));
            completeness = (seen / (next * pairs)).clamp(0.01, 1.0);
            let change = ((next - lambda) / lambda).abs();
            lambda = next.min(0.5);
            if change < 1e-10 {
                break;
            }
        }
        (lambda, completeness)
    }
}

/// Turns the levels of a pair into one number and back.
struct Coder<'a> {
    comparers: &'a [Comparer],
    used: &'a [usize],
    radix: Vec<u64>,
}

impl<'a> Coder<'a> {
    fn new(
        comparers: &'a [Comparer],
        comparisons: &[super::Comparison],
        used: &'a [usize],
    ) -> Self {
        let radix = used.iter().map(|&k| comparisons[k].n_levels() as u64 + 1).collect();
        Self { comparers, used, radix }
    }

    fn key(&self, probes: &mut [super::comparer::Probe], left: u32, right: u32) -> u64 {
        let mut key = 0;
        for (&k, radix) in self.used.iter().zip(&self.radix) {
            let level = self.comparers[k].level(&mut probes[k], left, right);
            let digit = if level == NULL { 0 } else { u64::from(level) + 1 };
            key = key * radix + digit;
        }
        key
    }

    fn unpack(&self, keys: impl Iterator<Item = (u64, u64)>) -> Patterns {
        let width = self.used.len();
        let mut patterns = Patterns { width, ..Patterns::default() };
        for (mut key, count) in keys {
            let at = patterns.levels.len();
            patterns.levels.resize(at + width, NULL);
            for (slot, radix) in patterns.levels[at..].iter_mut().zip(&self.radix).rev() {
                let digit = key % radix;
                key /= radix;
                if digit > 0 {
                    *slot = digit as u8 - 1;
                }
            }
            patterns.counts.push(count);
        }
        patterns
    }
}

/// Adds counts up, keys in ascending order.
fn merge(chunks: impl Iterator<Item = FxHashMap<u64, u64>>) -> Vec<(u64, u64)> {
    let mut all: FxHashMap<u64, u64> = FxHashMap::default();
    for (key, count) in chunks.flatten() {
        *all.entry(key).or_insert(0) += count;
    }
    let mut merged: Vec<(u64, u64)> = all.into_iter().collect();
    merged.sort_unstable();
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_of_three_columns_find_what_the_binomial_says() {
        let found = found_share(&[0.9, 0.9, 0.9], &[0b011, 0b101, 0b110]);
        assert!((found - (3.0 * 0.81 * 0.1 + 0.729)).abs() < 1e-12);
        assert!((found_share(&[0.9, 0.5], &[0b10]) - 0.5).abs() < 1e-12);
        assert_eq!(found_share(&[0.5; 20], &[(1 << 17) - 1]), 1.0);
    }
}
