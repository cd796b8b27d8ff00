//! Which edges of a bipartite graph to keep when every node may be used once.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An edge and what it is worth; only edges worth more than 0 are ever kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Node on the left.
    pub left: u32,
    /// Node on the right.
    pub right: u32,
    /// What keeping it gains.
    pub gain: f64,
}

/// The edges of greatest total gain, no node used twice, as positions in `edges`.
///
/// Shortest augmenting paths with potentials (Jonker & Volgenant 1987), sparse, each left node
/// with a partner of gain 0 that means "alone". Edges must have finite gains, nodes be numbered
/// from 0 and edges sorted by left node. Ties are settled by node order.
pub fn optimal(n_left: usize, n_right: usize, edges: &[Edge]) -> Vec<usize> {
    let mut search = Search::new(n_left, n_right, edges);
    for left in 0..n_left {
        search.augment(left as u32);
    }
    let mut kept: Vec<usize> = search.matched.iter().copied().filter(|&e| e != ALONE).collect();
    kept.retain(|&e| edges[e].gain > 0.0);
    kept.sort_unstable();
    kept
}

/// Keeps edges from the most to the least worth, as long as both nodes are free; ties go to the
/// smaller nodes.
pub fn greedy(n_left: usize, n_right: usize, edges: &[Edge]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..edges.len()).filter(|&e| edges[e].gain > 0.0).collect();
    order.sort_unstable_by(|&a, &b| {
        let (x, y) = (&edges[a], &edges[b]);
        y.gain.total_cmp(&x.gain).then((x.left, x.right).cmp(&(y.left, y.right)))
    });
    let (mut left, mut right) = (vec![false; n_left], vec![false; n_right]);
    order.retain(|&e| {
        let (l, r) = (edges[e].left as usize, edges[e].right as usize);
        let free = !left[l] && !right[r];
        if free {
            (left[l], right[r]) = (true, true);
        }
        free
    });
    order.sort_unstable();
    order
}

const ALONE: usize = usize::MAX;

struct Search<'a> {
    edges: &'a [Edge],
    starts: Vec<usize>,
    /// The edge that holds each right node.
    matched: Vec<usize>,
    /// Prices of right and left nodes: reduced costs stay nonnegative.
    right_price: Vec<f64>,
    left_price: Vec<f64>,
    distance: Vec<f64>,
    through: Vec<usize>,
    done: Vec<bool>,
}

#[derive(PartialEq)]
struct Reached {
    distance: f64,
    right: u32,
}

impl Eq for Reached {}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then(other.right.cmp(&self.right))
    }
}

impl<'a> Search<'a> {
    fn new(n_left: usize, n_right: usize, edges: &'a [Edge]) -> Self {
        let mut starts = vec![0; n_left + 1];
        for edge in edges {
            starts[edge.left as usize + 1] += 1;
        }
        for left in 0..n_left {
            starts[left + 1] += starts[left];
        }
        let mut left_price = vec![0.0_f64; n_left];
        for edge in edges {
            let price = &mut left_price[edge.left as usize];
            *price = price.min(-edge.gain);
        }
        Self {
            edges,
            starts,
            matched: vec![ALONE; n_right],
            right_price: vec![0.0; n_right],
            left_price,
            distance: vec![f64::INFINITY; n_right],
            through: vec![ALONE; n_right],
            done: vec![false; n_right],
        }
    }

    /// Finds the cheapest way to give `start` a partner (or none) and re-arranges the others.
    fn augment(&mut self, start: u32) {
        self.distance.fill(f64::INFINITY);
        self.done.fill(false);
        let mut heap = BinaryHeap::new();
        // Being alone costs 0; in reduced costs, -price. `parent` is the right node we came from.
        let mut alone = (-self.left_price[start as usize], None::<u32>);
        let mut reached: Vec<(u32, u32, f64)> = vec![(start, u32::MAX, 0.0)];
        self.relax(start, 0.0, &mut heap);
        let mut end = None;
        while let Some(Reached { distance, right }) = heap.pop() {
            if self.done[right as usize] {
                continue;
            }
            if distance >= alone.0 {
                break;
            }
            self.done[right as usize] = true;
            let holder = self.matched[right as usize];
            if holder == ALONE {
                end = Some((right, distance));
                break;
            }
            let left = self.edges[holder].left;
            reached.push((left, right, distance));
            let stay_alone = distance - self.left_price[left as usize];
            if stay_alone < alone.0 {
                alone = (stay_alone, Some(right));
            }
            self.relax(left, distance, &mut heap);
        }
        let length = end.map_or(alone.0, |(_, distance)| distance);
        for &(left, right, distance) in &reached {
            self.left_price[left as usize] += length - distance;
            if right != u32::MAX {
                self.right_price[right as usize] -= length - distance;
            }
        }
        self.flip(end.map(|(right, _)| right), alone.1);
    }

    fn relax(&mut self, left: u32, base: f64, heap: &mut BinaryHeap<Reached>) {
        for e in self.starts[left as usize]..self.starts[left as usize + 1] {
            let right = self.edges[e].right as usize;
            let reduced =
                -self.edges[e].gain - self.left_price[left as usize] - self.right_price[right];
            let distance = base + reduced.max(0.0);
            if !self.done[right] && distance < self.distance[right] {
                self.distance[right] = distance;
                self.through[right] = e;
                heap.push(Reached { distance, right: right as u32 });
            }
        }
    }

    /// Walks the path back from the free right node, or from the left node that goes alone.
    fn flip(&mut self, free: Option<u32>, given_up: Option<u32>) {
        let Some(mut right) = free.or(given_up) else { return };
        loop {
            let edge = self.through[right as usize];
            let left = self.edges[edge].left;
            let before = self.holding(left).filter(|&held| held != right);
            self.matched[right as usize] = edge;
            match before {
                Some(held) => right = held,
                None => return,
            }
        }
    }

    /// The right node that `left` holds.
    fn holding(&self, left: u32) -> Option<u32> {
        let own = self.starts[left as usize]..self.starts[left as usize + 1];
        own.into_iter()
            .find(|&e| self.matched[self.edges[e].right as usize] == e)
            .map(|e| self.edges[e].right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(edges: &[Edge], kept: &[usize]) -> f64 {
        kept.iter().map(|&e| edges[e].gain).sum()
    }

    /// Tries every subset, left node by left node.
    fn best(edges: &[Edge], left: u32, n_left: u32, used: u32) -> f64 {
        if left == n_left {
            return 0.0;
        }
        let mut most = best(edges, left + 1, n_left, used);
        for edge in edges.iter().filter(|edge| edge.left == left && used >> edge.right & 1 == 0) {
            let rest = best(edges, left + 1, n_left, used | 1 << edge.right);
            most = most.max(edge.gain + rest);
        }
        most
    }

    proptest! {
        #[test]
        fn finds_the_greatest_total(cells in prop::collection::vec(prop::option::of(-3_i32..20), 30)) {
            let edges: Vec<Edge> = cells
                .iter()
                .enumerate()
                .filter_map(|(at, gain)| {
                    gain.map(|gain| Edge {
                        left: at as u32 / 5,
                        right: at as u32 % 5,
                        gain: f64::from(gain) / 2.0,
                    })
                })
                .collect();
            let kept = optimal(6, 5, &edges);
            let (mut lefts, mut rights): (Vec<u32>, Vec<u32>) =
                kept.iter().map(|&e| (edges[e].left, edges[e].right)).unzip();
            lefts.dedup();
            rights.sort_unstable();
            rights.dedup();
            prop_assert_eq!((lefts.len(), rights.len()), (kept.len(), kept.len()));
            prop_assert!((total(&edges, &kept) - best(&edges, 0, 6, 0)).abs() < 1e-9);
            prop_assert!(total(&edges, &greedy(6, 5, &edges)) <= total(&edges, &kept) + 1e-9);
        }
    }

    #[test]
    fn optimal_sees_what_greedy_does_not() {
        let edge = |left, right, gain| Edge { left, right, gain };
        let edges = [edge(0, 0, 5.0), edge(0, 1, 4.0), edge(1, 0, 4.0)];
        assert_eq!(optimal(2, 2, &edges), [1, 2]);
        assert_eq!(greedy(2, 2, &edges), [0]);
        assert!(optimal(0, 0, &[]).is_empty());
    }
}
