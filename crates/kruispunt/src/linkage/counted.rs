//! Pairs counted by pattern.

use rustc_hash::FxHashMap;
use std::hash::Hash;

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
pub(super) fn merge<K: Hash + Ord>(counts: impl Iterator<Item = (K, u64)>) -> Vec<(K, u64)> {
    let mut all: FxHashMap<K, u64> = FxHashMap::default();
    for (key, count) in counts {
        *all.entry(key).or_insert(0) += count;
    }
    let mut merged: Vec<(K, u64)> = all.into_iter().collect();
    merged.sort_unstable();
    merged
}
