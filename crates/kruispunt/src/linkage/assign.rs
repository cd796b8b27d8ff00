//! Who of several candidates a row goes to.

use super::coded::Sides;
use super::decide::{Candidate, Decided};
use crate::math::assignment::{self, Edge};
use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;

/// Candidate pairs of a connected group up to which the best assignment is exact.
pub(super) const EXACT: usize = 5000;

/// The best candidate of each run of equal `key`; of equally good ones the first.
pub(super) fn best_of(
    pairs: &[Candidate],
    above: &[usize],
    key: impl Fn(&Candidate) -> u32,
    decided: &mut Decided,
) {
    for group in above.chunk_by(|&a, &b| key(&pairs[a]) == key(&pairs[b])) {
        let best = group.iter().fold(group[0], |best, &at| {
            if pairs[at].weight > pairs[best].weight { at } else { best }
        });
        let tied = |&&at: &&usize| pairs[at].weight == pairs[best].weight;
        decided.ties += u64::from(group.iter().filter(tied).count() > 1);
        decided.links.push(best);
    }
}

/// Solves each connected group of candidates on its own.
pub(super) fn one_to_one(
    pairs: &[Candidate],
    above: &[usize],
    sides: Sides<'_>,
    decided: &mut Decided,
) {
    let n = sides.left.n_rows();
    let mut groups = UnionFind::new(n + sides.right.n_rows());
    for &at in above {
        groups.join(pairs[at].left, n as u32 + pairs[at].right);
    }
    let mut order: Vec<(u32, usize)> =
        above.iter().map(|&at| (groups.find(pairs[at].left), at)).collect();
    order.sort_unstable();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        if let [(_, only)] = group {
            decided.links.push(*only);
            continue;
        }
        let mut rights: Vec<u32> = group.iter().map(|&(_, at)| pairs[at].right).collect();
        rights.sort_unstable();
        rights.dedup();
        let mut lefts: Vec<u32> = group.iter().map(|&(_, at)| pairs[at].left).collect();
        lefts.dedup();
        let place = |rows: &[u32], row: u32| rows.binary_search(&row).unwrap_or_default() as u32;
        let edges: Vec<Edge> = group
            .iter()
            .map(|&(_, at)| Edge {
                left: place(&lefts, pairs[at].left),
                right: place(&rights, pairs[at].right),
                gain: pairs[at].weight - decided.cut + f64::EPSILON,
            })
            .collect();
        let exact = edges.len() <= EXACT;
        let solve = if exact { assignment::optimal } else { assignment::greedy };
        let kept = solve(lefts.len(), rights.len(), &edges);
        decided.greedy += u64::from(!exact);
        decided.ties += ties(&edges, &kept);
        decided.links.extend(kept.into_iter().map(|edge| group[edge].1));
    }
    decided.links.sort_unstable();
}

/// Kept edges with a rival of the same gain at one of their nodes.
fn ties(edges: &[Edge], kept: &[usize]) -> u64 {
    let sides = |edge: &Edge| {
        let gain = edge.gain.to_bits();
        [(false, edge.left, gain), (true, edge.right, gain)]
    };
    let mut times: FxHashMap<(bool, u32, u64), u32> = FxHashMap::default();
    for key in edges.iter().flat_map(sides) {
        *times.entry(key).or_insert(0) += 1;
    }
    let tied = |&&at: &&usize| sides(&edges[at]).iter().any(|key| times[key] > 1);
    kept.iter().filter(tied).count() as u64
}
