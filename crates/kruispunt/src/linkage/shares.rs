//! How often levels occur among all pairs of rows.

use super::coded::{Codes, MISSING};
use super::comparer::Comparer;
use crate::data::Seed;
use crate::math::em::NULL;
use rayon::prelude::*;

/// Distinct value pairs up to which u is counted in full instead of sampled.
const FULL: u64 = 2_000_000;
/// Rows of each side that are compared crosswise when pairs are drawn.
const SIDE: u64 = 64;

/// Shares of all pairs of rows at each level.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) levels: Vec<f64>,
    /// No share below this can be told from 0.
    pub(super) floor: f64,
}

/// The codes of the rows that are paired.
pub(super) struct Rows {
    left: Codes,
    /// As `left` when one table is compared with itself.
    right: Codes,
    dedupe: bool,
}

impl Rows {
    fn counts(&self, n: usize) -> [Vec<u64>; 2] {
        let count = |codes: &Codes| {
            let mut counts = vec![0; n];
            for code in codes.iter().filter(|&code| code != MISSING) {
                counts[code as usize] += 1;
            }
            counts
        };
        let left = count(&self.left);
        let right = if self.dedupe { left.clone() } else { count(&self.right) };
        [left, right]
    }

    /// Pairs of so many rows on the two sides.
    const fn pairs(&self, n: u64, m: u64) -> u64 {
        if self.dedupe { n * n.saturating_sub(1) / 2 } else { n * m }
    }
}

impl Comparer {
    /// The codes of all rows, or of the left rows of one group; in a table against itself the
    /// group's rows among themselves.
    pub(super) fn rows(&self, dedupe: bool, group: Option<(&[u16], u16)>) -> Rows {
        let left = match group {
            None => self.coded.left.clone(),
            Some((groups, own)) => {
                let each = self.coded.left.iter().zip(groups);
                let each = each.filter(|(_, group)| **group == own).map(|(code, _)| code);
                Codes::from(each.collect::<Vec<u32>>())
            }
        };
        let right = if dedupe { left.clone() } else { self.coded.right().clone() };
        Rows { left, right, dedupe }
    }

    /// How often each code occurs on the left and on the right.
    pub(super) fn counts(&self, rows: &Rows) -> [Vec<u64>; 2] {
        rows.counts(self.coded.texts.len())
    }

    /// Shares of the levels among all pairs of rows that say something: equality from value
    /// frequencies, the rest from all pairs of distinct values when they are few and from `draws`
    /// random pairs of rows otherwise. `None` when no pair says anything.
    pub(super) fn shares(&self, rows: &Rows, seed: Seed, draws: u64) -> Option<Shares> {
        let [left, right] = self.counts(rows);
        let (n, m): (u64, u64) = (left.iter().sum(), right.iter().sum());
        let pairs = rows.pairs(n, m);
        let levels = self.n_levels() as usize;
        // The last place is for pairs that say nothing.
        let place = |level: u8| if level == NULL { levels } else { level as usize };
        let mut probe = self.probe();
        let mut counts = vec![0_u64; levels + 1];
        let mut equal = 0;
        for code in 0..left.len() {
            let both = rows.pairs(left[code], right[code]);
            if both > 0 {
                counts[place(self.level(&mut probe, code as u32, code as u32))] += both;
                equal += both;
            }
        }
        let mut found: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        let mut sampled = 0;
        let distinct = |counts: &[u64]| counts.iter().filter(|&&count| count > 0).count() as u64;
        if self.only_equal() {
            found[1] += (pairs - equal) as f64;
        } else if distinct(&left) * distinct(&right) <= FULL {
            let unequal = self.count_unequal(rows.dedupe, &left, &right);
            for (level, count) in found.iter_mut().zip(unequal) {
                *level += count as f64;
            }
        } else {
            let drawn = self.sample_unequal(rows, seed, draws);
            sampled = drawn.iter().sum::<u64>().max(1);
            for (level, count) in found.iter_mut().zip(drawn) {
                *level += (pairs - equal) as f64 * count as f64 / sampled as f64;
            }
        }
        if let Some(one) = self.missing_from() {
            let (all, other) = (rows.left.len() as u64, rows.right.len() as u64);
            let both = rows.pairs(all - n, other - m);
            found[one as usize + 1] = both as f64;
            found[one as usize] = (rows.pairs(all, other) - pairs - both) as f64;
        }
        found.truncate(levels);
        let total: f64 = found.iter().sum();
        if total <= 0.0 {
            return None;
        }
        for share in &mut found {
            *share /= total;
        }
        let floor = 0.5 / total;
        let floor = if sampled > 0 { floor.max(0.5 / sampled as f64) } else { floor };
        Some(Shares { levels: found, floor })
    }

    fn count_unequal(&self, dedupe: bool, left: &[u64], right: &[u64]) -> Vec<u64> {
        let (codes, n) = (0..left.len(), self.n_levels() as usize);
        let rows: Vec<Vec<u64>> = codes
            .into_par_iter()
            .with_min_len(16)
            .filter(|&a| left[a] > 0)
            .map_init(
                || self.probe(),
                |probe, a| {
                    let mut counts = vec![0; n + 1];
                    let start = if dedupe { a + 1 } else { 0 };
                    for b in (start..right.len()).filter(|&b| b != a && right[b] > 0) {
                        let level = self.level(probe, a as u32, b as u32);
                        counts[(level as usize).min(n)] += left[a] * right[b];
                    }
                    counts
                },
            )
            .collect();
        add_up(rows, n + 1)
    }

    /// Levels of random pairs of rows with unequal values: each of [`SIDE`] random left rows with
    /// each of as many right rows, then others.
    fn sample_unequal(&self, rows: &Rows, seed: Seed, draws: u64) -> Vec<u64> {
        let there =
            |codes: &Codes| -> Vec<u32> { codes.iter().filter(|&code| code != MISSING).collect() };
        let n = self.n_levels() as usize;
        let left = there(&rows.left);
        let other = (!rows.dedupe).then(|| there(&rows.right));
        let right = other.as_ref().unwrap_or(&left);
        let rows: Vec<Vec<u64>> = (0..draws.div_ceil(SIDE * SIDE))
            .into_par_iter()
            .map_init(
                || self.probe(),
                |probe, chunk| {
                    let mut counts = vec![0; n + 1];
                    let pick = |side: u64, codes: &[u32]| -> Vec<u32> {
                        let place = |at| seed.below([chunk, at, side], codes.len() as u64) as usize;
                        (0..SIDE).map(|at| codes[place(at)]).collect()
                    };
                    let (left, right) = (pick(0, &left), pick(1, right));
                    let most = (draws - chunk * SIDE * SIDE).min(SIDE * SIDE) as usize;
                    let pairs = left.iter().flat_map(|&a| right.iter().map(move |&b| (a, b)));
                    for (a, b) in pairs.take(most).filter(|(a, b)| a != b) {
                        counts[(self.level(probe, a, b) as usize).min(n)] += 1;
                    }
                    counts
                },
            )
            .collect();
        add_up(rows, n + 1)
    }

    /// The share of pairs of rows with a value on both sides.
    pub(super) fn both_there(&self, group: Option<(&[u16], u16)>) -> f64 {
        let share = |codes: &mut dyn Iterator<Item = u32>| {
            let (mut there, mut all) = (0_u64, 0_u64);
            for code in codes {
                all += 1;
                there += u64::from(code != MISSING);
            }
            there as f64 / all.max(1) as f64
        };
        let left = &self.coded.left;
        let own = match group {
            None => share(&mut left.iter()),
            Some((groups, own)) => {
                let each = left.iter().zip(groups).filter(|(_, group)| **group == own);
                share(&mut each.map(|(code, _)| code))
            }
        };
        own * share(&mut self.coded.right().iter())
    }
}

fn add_up(rows: Vec<Vec<u64>>, n: usize) -> Vec<u64> {
    rows.into_iter().fold(vec![0; n], |mut sum, row| {
        sum.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        sum
    })
}
