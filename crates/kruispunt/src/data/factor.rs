//! Dense codes.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// A classification of rows: every row has a code below `n_levels`, and every level occurs.
///
/// ```
/// use kruispunt::data::Factor;
/// let person = Factor::encode(&[70, 70, 91]);
/// assert_eq!(person.codes(), [0, 0, 1]);
/// assert_eq!(person.n_levels(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    codes: Vec<u32>,
    n_levels: u32,
}

impl Factor {
    /// Codes equal values alike, in order of first appearance.
    #[must_use]
    pub fn encode<K: Hash + Eq>(values: &[K]) -> Self {
        let mut known = FxHashMap::default();
        let codes = values
            .iter()
            .map(|value| {
                let next = known.len() as u32;
                *known.entry(value).or_insert(next)
            })
            .collect();
        Self { codes, n_levels: known.len() as u32 }
    }

    /// Codes that are dense already: all below `n_levels`, and every level occurs.
    pub(crate) const fn coded(codes: Vec<u32>, n_levels: usize) -> Self {
        Self { codes, n_levels: n_levels as u32 }
    }

    /// Takes codes of any range and closes the gaps, keeping their order.
    #[must_use]
    pub fn compact(codes: &[u32]) -> Self {
        let largest = codes.iter().copied().max().map_or(0, |code| code as usize + 1);
        if largest > codes.len().saturating_mul(8).max(1024) {
            let mut levels = codes.to_vec();
            levels.sort_unstable();
            levels.dedup();
            let place = |code: &u32| levels.binary_search(code).unwrap_or_default() as u32;
            return Self {
                codes: codes.iter().map(place).collect(),
                n_levels: levels.len() as u32,
            };
        }
        let mut new = vec![u32::MAX; largest];
        for &code in codes {
            new[code as usize] = 0;
        }
        let mut n_levels = 0;
        for slot in new.iter_mut().filter(|slot| **slot == 0) {
            *slot = n_levels;
            n_levels += 1;
        }
        Self { codes: codes.iter().map(|&code| new[code as usize]).collect(), n_levels }
    }

    /// The factor of all pairs of levels that occur together (`a^b`).
    ///
    /// # Panics
    ///
    /// Never: a shorter `other` counts as level 0 where it has no row.
    #[must_use]
    pub fn cross(&self, other: &Self) -> Self {
        let pairs: Vec<u64> = (0..self.len())
            .map(|row| {
                let second = other.codes.get(row).copied().unwrap_or_default();
                u64::from(self.codes[row]) << 32 | u64::from(second)
            })
            .collect();
        Self::encode(&pairs)
    }

    /// The rows at `rows`, with levels that no longer occur closed up.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self::compact(&rows.iter().map(|&row| self.codes[row as usize]).collect::<Vec<_>>())
    }

    /// One code a row, shape `(n,)`.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Number of distinct levels.
    #[must_use]
    pub const fn n_levels(&self) -> usize {
        self.n_levels as usize
    }

    /// Rows in order of their level, those of one level in order; and where each level starts, and the
    /// last one ends.
    pub(crate) fn rows(&self) -> (Vec<u32>, Vec<usize>) {
        let mut starts = vec![0_usize; self.n_levels() + 1];
        for &code in self.codes() {
            starts[code as usize + 1] += 1;
        }
        for at in 0..self.n_levels() {
            starts[at + 1] += starts[at];
        }
        let mut order = vec![0_u32; self.codes().len()];
        let mut next = starts.clone();
        for (row, &code) in self.codes().iter().enumerate() {
            order[next[code as usize]] = row as u32;
            next[code as usize] += 1;
        }
        (order, starts)
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_keeps_order_and_leaves_no_gap_for_small_and_huge_codes() {
        for shift in [0, 2_000_000_000] {
            let codes: Vec<u32> = [9, 2, 9, 5].iter().map(|code| code + shift).collect();
            let factor = Factor::compact(&codes);
            assert_eq!(factor.codes(), [2, 0, 2, 1]);
            assert_eq!(factor.n_levels(), 3);
        }
        assert_eq!(Factor::compact(&[]).n_levels(), 0);
    }

    #[test]
    fn crossing_counts_the_pairs_that_occur() {
        let a = Factor::encode(&[0, 0, 1, 1]);
        let b = Factor::encode(&["x", "y", "x", "x"]);
        assert_eq!(a.cross(&b).codes(), [0, 1, 2, 2]);
    }
}
