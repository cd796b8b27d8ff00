//! Groups that agree with as much of the evidence as can be.

use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Rounds over all nodes in which single nodes may move.
const ROUNDS: usize = 50;

/// The group of each node: correlation clustering (Bansal, Blum & Chawla 2004) of a graph whose
/// edges have weights of either sign and whose other pairs cost `penalty` inside a group.
///
/// Groups are joined, the best gain first, as long as that gains (Elsner & Schudy 2009), then
/// single nodes move while that gains; single nodes that only move are the other beginning, and the
/// better end counts. The greatest total is not promised; it is never less than that of single
/// nodes. Edges are of distinct pairs `a < b`; ties go to the smaller nodes.
pub(super) fn groups(n: usize, edges: &[(u32, u32, f64)], penalty: f64) -> Vec<u32> {
    let mut parts = UnionFind::new(n);
    for &(a, b, _) in edges {
        parts.join(a, b);
    }
    let mut order: Vec<(u32, usize)> =
        edges.iter().enumerate().map(|(at, edge)| (parts.find(edge.0), at)).collect();
    order.sort_unstable();
    let mut group: Vec<u32> = (0..n as u32).collect();
    for part in order.chunk_by(|a, b| a.0 == b.0) {
        let own = part.iter().map(|&(_, at)| edges[at]);
        let mut nodes: Vec<u32> = own.clone().flat_map(|(a, b, _)| [a, b]).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let place = |node: u32| nodes.binary_search(&node).unwrap_or_default() as u32;
        let own: Vec<_> = own.map(|(a, b, weight)| (place(a), place(b), weight)).collect();
        for (&node, own) in nodes.iter().zip(of_part(nodes.len(), &own, penalty)) {
            group[node as usize] = nodes[own as usize];
        }
    }
    group
}

/// The group of each node of a connected part, named by its smallest node.
fn of_part(n: usize, edges: &[(u32, u32, f64)], penalty: f64) -> Vec<u32> {
    let mut near: Vec<FxHashMap<u32, f64>> = vec![FxHashMap::default(); n];
    for &(a, b, weight) in edges {
        near[a as usize].insert(b, weight + penalty);
        near[b as usize].insert(a, weight + penalty);
    }
    let mut group = joined(n, edges, &near, penalty);
    improve(&mut group, &near, penalty);
    let mut other: Vec<u32> = (0..n as u32).collect();
    improve(&mut other, &near, penalty);
    if worth(&other, edges, penalty) > worth(&group, edges, penalty) + 1e-9 {
        group = other;
    }
    let mut name = vec![u32::MAX; n];
    for (node, own) in (0_u32..).zip(&group) {
        let first = &mut name[*own as usize];
        *first = (*first).min(node);
    }
    group.into_iter().map(|own| name[own as usize]).collect()
}

/// What the edges inside groups weigh, less the penalty of all other pairs inside.
fn worth(group: &[u32], edges: &[(u32, u32, f64)], penalty: f64) -> f64 {
    let (mut worth, mut size) = (0.0, vec![0_u32; group.len()]);
    for &own in group {
        // Each node pays for its pairs with those before it.
        worth -= penalty * f64::from(size[own as usize]);
        size[own as usize] += 1;
    }
    let inside = edges.iter().filter(|edge| group[edge.0 as usize] == group[edge.1 as usize]);
    worth + inside.map(|(_, _, weight)| weight + penalty).sum::<f64>()
}

#[derive(PartialEq)]
struct Join {
    gain: f64,
    a: u32,
    b: u32,
}

impl Eq for Join {}

impl PartialOrd for Join {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Join {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then((other.a, other.b).cmp(&(self.a, self.b)))
    }
}

/// What joining two groups gains: the edges between them (each with the penalty it saves) less the
/// penalty of all their pairs.
fn joined(
    n: usize,
    edges: &[(u32, u32, f64)],
    near: &[FxHashMap<u32, f64>],
    penalty: f64,
) -> Vec<u32> {
    let (mut between, mut size) = (near.to_vec(), vec![1_u32; n]);
    let mut into: Vec<u32> = (0..n as u32).collect();
    let gain = |sum: f64, a: u32, b: u32| sum - penalty * f64::from(a) * f64::from(b);
    let mut heap: BinaryHeap<Join> = edges
        .iter()
        // as it is computed when it is looked at again, to the last bit
        .map(|&(a, b, weight)| Join { gain: gain(weight + penalty, 1, 1), a, b })
        .filter(|join| join.gain > 0.0)
        .collect();
    while let Some(Join { gain: expected, a, b }) = heap.pop() {
        let alive = into[a as usize] == a && into[b as usize] == b;
        let Some(&sum) = between[a as usize].get(&b).filter(|_| alive) else { continue };
        if gain(sum, size[a as usize], size[b as usize]).to_bits() != expected.to_bits() {
            continue;
        }
        let others = std::mem::take(&mut between[b as usize]);
        into[b as usize] = a;
        size[a as usize] += size[b as usize];
        between[a as usize].remove(&b);
        let mut others: Vec<(u32, f64)> = others.into_iter().filter(|other| other.0 != a).collect();
        others.sort_unstable_by_key(|other| other.0);
        for (other, sum) in others {
            between[other as usize].remove(&b);
            *between[a as usize].entry(other).or_insert(0.0) += sum;
            let all = between[a as usize][&other];
            between[other as usize].insert(a, all);
        }
        let mut all: Vec<(u32, f64)> =
            between[a as usize].iter().map(|(&other, &sum)| (other, sum)).collect();
        all.sort_unstable_by_key(|other| other.0);
        for (other, sum) in all {
            let gain = gain(sum, size[a as usize], size[other as usize]);
            if gain > 0.0 {
                heap.push(Join { gain, a: a.min(other), b: a.max(other) });
            }
        }
    }
    (0..n as u32)
        .map(|mut node| {
            while into[node as usize] != node {
                node = into[node as usize];
            }
            node
        })
        .collect()
}

/// Moves single nodes to the group, or out of all groups, where that gains most.
fn improve(group: &mut [u32], near: &[FxHashMap<u32, f64>], penalty: f64) {
    let n = group.len();
    let mut size = vec![0_u32; n];
    for &own in group.iter() {
        size[own as usize] += 1;
    }
    let mut free: Vec<u32> = (0..n as u32).filter(|&place| size[place as usize] == 0).collect();
    for _ in 0..ROUNDS {
        let mut moved = false;
        for node in 0..n {
            if near[node].is_empty() {
                continue;
            }
            let own = group[node];
            let mut worth: FxHashMap<u32, f64> = FxHashMap::default();
            for (&other, &weight) in &near[node] {
                *worth.entry(group[other as usize]).or_insert(0.0) += weight;
            }
            let of = |to: u32, worth: f64| {
                let others = size[to as usize] - u32::from(to == own);
                worth - penalty * f64::from(others)
            };
            let here = of(own, worth.get(&own).copied().unwrap_or_default());
            let mut best: Option<(u32, f64)> = None;
            for (&to, &sum) in worth.iter().filter(|(to, _)| **to != own) {
                let gain = of(to, sum);
                if best.is_none_or(|(other, most)| gain > most || gain == most && to < other) {
                    best = Some((to, gain));
                }
            }
            let alone =
                free.last().copied().filter(|_| size[own as usize] > 1).map(|place| (place, 0.0));
            let better = |a: Option<(u32, f64)>, b: Option<(u32, f64)>| match (a, b) {
                (Some(x), Some(y)) => Some(if y.1 > x.1 { y } else { x }),
                (x, y) => x.or(y),
            };
            if let Some((to, gain)) = better(best, alone)
                && gain > here + 1e-9
            {
                size[own as usize] -= 1;
                size[to as usize] += 1;
                if free.last() == Some(&to) {
                    free.pop();
                }
                if size[own as usize] == 0 {
                    free.push(own);
                }
                group[node] = to;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(group: &[u32], edges: &[(u32, u32, f64)], penalty: f64) -> f64 {
        let mut sum = 0.0;
        for a in 0..group.len() as u32 {
            for b in a + 1..group.len() as u32 {
                if group[a as usize] == group[b as usize] {
                    let edge = edges.iter().find(|edge| (edge.0, edge.1) == (a, b));
                    sum += edge.map_or(-penalty, |edge| edge.2);
                }
            }
        }
        sum
    }

    /// The best of all ways to group, by trying them.
    fn best(n: usize, edges: &[(u32, u32, f64)], penalty: f64) -> f64 {
        fn go(group: &mut Vec<u32>, n: usize, try_one: &mut impl FnMut(&[u32])) {
            if group.len() == n {
                return try_one(group);
            }
            let next = group.iter().max().map_or(0, |most| most + 1);
            for own in 0..=next {
                group.push(own);
                go(group, n, try_one);
                group.pop();
            }
        }
        let mut most = f64::NEG_INFINITY;
        go(&mut Vec::new(), n, &mut |group| most = most.max(total(group, edges, penalty)));
        most
    }

    #[test]
    fn a_bridge_does_not_join_two_triangles() {
        let strong = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)];
        let mut edges: Vec<(u32, u32, f64)> = strong.map(|(a, b)| (a, b, 8.0)).to_vec();
        edges.push((2, 3, 6.0));
        assert_eq!(groups(6, &edges, 5.0), [0, 0, 0, 3, 3, 3]);
        // A pair that weighs against it keeps a chain apart.
        assert_eq!(groups(3, &[(0, 1, 9.0), (0, 2, -9.5), (1, 2, 7.0)], 5.0), [0, 0, 2]);
        assert_eq!(groups(2, &[], 5.0), [0, 1]);
    }

    /// Adding the penalty and taking it away rounds; the best pair is joined all the same.
    #[test]
    fn the_strongest_pair_is_joined_first() {
        let edges = [
            (0, 4, 0.819_877_959_787_376_1),
            (3, 5, 0.790_828_432_266_750_1),
            (4, 5, 4.327_463_468_882_954_5),
        ];
        assert_eq!(groups(6, &edges, 5.0), [0, 1, 2, 3, 4, 4]);
        assert_ne!((4.327_463_468_882_954_5_f64 + 5.0) - 5.0, 4.327_463_468_882_954_5);
    }

    proptest! {
        #[test]
        fn groups_are_near_the_best_there_are(
            weights in proptest::collection::vec(proptest::option::of(-10.0..10.0_f64), 15),
        ) {
            let mut edges = Vec::new();
            let mut next = weights.into_iter();
            for a in 0..6 {
                for b in a + 1..6 {
                    if let Some(Some(weight)) = next.next() {
                        edges.push((a, b, weight));
                    }
                }
            }
            let found = total(&groups(6, &edges, 5.0), &edges, 5.0);
            let most = best(6, &edges, 5.0);
            prop_assert!(found >= 0.0 && found <= most + 1e-9);
            prop_assert!(found >= 0.5 * most, "{found} {most}");
        }
    }
}
