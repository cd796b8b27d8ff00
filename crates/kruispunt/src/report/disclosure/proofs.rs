//! Changes of a table that an attacker cannot rule out, each a proof that cells are hidden.

use super::layout::Layout;
use rustc_hash::FxHashMap;

/// By how much withheld variables change so that all sums hold.
pub(super) type Change = Vec<(usize, f64)>;

/// Changes found so far, and which of them move a variable.
///
/// A table and its change fit the same sums, and so does each table between and beyond them in
/// which nothing is below zero: one change proves how far each variable in it can seem to move.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    changes: Vec<Change>,
    of: FxHashMap<usize, Vec<usize>>,
}

impl Proofs {
    /// Takes note of a change and gives its number.
    pub(super) fn note(&mut self, change: Change) -> usize {
        let number = self.changes.len();
        for (at, _) in &change {
            self.of.entry(*at).or_default().push(number);
        }
        self.changes.push(change);
        number
    }

    /// A change that moves `at` by `by` and moves nothing but what `moves`, the latest first.
    pub(super) fn find(
        &self,
        layout: &Layout,
        at: usize,
        by: f64,
        moves: &[bool],
    ) -> Option<usize> {
        let fits = |number: &&usize| {
            let change = &self.changes[**number];
            let own = change.iter().find(|(own, _)| *own == at).map_or(0.0, |(_, own)| *own);
            if own == 0.0 {
                return false;
            }
            let times = by / own;
            change.iter().all(|&(other, own)| {
                let value = layout.value[other];
                moves[other] && times * own >= layout.fall(other) - 1e-9 * (1.0 + value.abs())
            })
        };
        self.of.get(&at)?.iter().rev().find(fits).copied()
    }

    /// Whether change `number` moves `at`.
    pub(super) fn moves(&self, number: usize, at: usize) -> bool {
        self.changes[number].iter().any(|(own, _)| *own == at)
    }
}
