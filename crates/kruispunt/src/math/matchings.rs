//! Random sets of edges that use no node twice.

use super::assignment::{self, Edge};

/// Edges up to which all sets are listed.
const LISTED: usize = 12;
/// Rounds before the first draw of a chain, and between two draws.
const FIRST: usize = 200;
const BETWEEN: usize = 20;

/// `n` random sets of edges, no node used twice, with `P(set)` proportional to
/// `exp(sum of gains)`; as positions in `edges`, which are sorted by left node.
///
/// With at most 12 edges all sets are listed and the draws are exact and independent. Beyond, a
/// Markov chain starts at the greedy set: every left node draws its partner among the free ones
/// given all others (Gibbs), and pairs of left nodes exchange partners (Metropolis), 200 rounds
/// before the first draw and 20 between draws.
pub fn draw(
    (n_left, n_right): (usize, usize),
    edges: &[Edge],
    n: usize,
    random: &mut impl FnMut() -> f64,
) -> Vec<Vec<usize>> {
    if edges.len() <= LISTED {
        return listed(edges, n, random);
    }
    let mut chain = Chain::new(n_left, n_right, edges);
    for _ in 0..FIRST {
        chain.round(random);
    }
    let mut draws = Vec::with_capacity(n);
    for _ in 0..n {
        for _ in 0..BETWEEN {
            chain.round(random);
        }
        let mut own: Vec<usize> = chain.partner.iter().copied().filter(|&e| e != ALONE).collect();
        own.sort_unstable();
        draws.push(own);
    }
    draws
}

fn listed(edges: &[Edge], n: usize, random: &mut impl FnMut() -> f64) -> Vec<Vec<usize>> {
    let meets = |a: &Edge, b: &Edge| a.left == b.left || a.right == b.right;
    let rivals: Vec<u32> = edges
        .iter()
        .map(|a| (0..edges.len()).fold(0, |all, b| all | u32::from(meets(a, &edges[b])) << b))
        .collect();
    let mut sets = Vec::new();
    for set in 0_u32..1 << edges.len() {
        let own = |e: &usize| set >> e & 1 == 1;
        if (0..edges.len()).filter(own).all(|e| set & rivals[e] == 1 << e) {
            sets.push((set, (0..edges.len()).filter(own).map(|e| edges[e].gain).sum::<f64>()));
        }
    }
    let most = sets.iter().fold(0.0_f64, |most, set| most.max(set.1));
    let mut total = 0.0;
    for (_, weight) in &mut sets {
        total += (*weight - most).exp();
        *weight = total;
    }
    (0..n)
        .map(|_| {
            let lot = random() * total;
            let at = sets.partition_point(|set| set.1 < lot).min(sets.len() - 1);
            (0..edges.len()).filter(|e| sets[at].0 >> e & 1 == 1).collect()
        })
        .collect()
}

const ALONE: usize = usize::MAX;

struct Chain<'a> {
    edges: &'a [Edge],
    starts: Vec<usize>,
    /// The edge that each left node uses.
    partner: Vec<usize>,
    taken: Vec<bool>,
}

impl<'a> Chain<'a> {
    fn new(n_left: usize, n_right: usize, edges: &'a [Edge]) -> Self {
        let starts =
            (0..=n_left).map(|l| edges.partition_point(|edge| (edge.left as usize) < l)).collect();
        let (mut partner, mut taken) = (vec![ALONE; n_left], vec![false; n_right]);
        for e in assignment::greedy(n_left, n_right, edges) {
            partner[edges[e].left as usize] = e;
            taken[edges[e].right as usize] = true;
        }
        Self { edges, starts, partner, taken }
    }

    fn round(&mut self, random: &mut impl FnMut() -> f64) {
        for left in 0..self.partner.len() {
            self.give(left, ALONE);
            let own = self.starts[left]..self.starts[left + 1];
            let free = |e: &usize| !self.taken[self.edges[*e].right as usize];
            let most = own.clone().filter(free).fold(0.0_f64, |m, e| m.max(self.edges[e].gain));
            let weight = |e: usize| (self.edges[e].gain - most).exp();
            let total = (-most).exp() + own.clone().filter(free).map(weight).sum::<f64>();
            let mut lot = random() * total - (-most).exp();
            let mut chosen = ALONE;
            for e in own.filter(free) {
                if lot <= 0.0 {
                    break;
                }
                chosen = e;
                lot -= weight(e);
            }
            self.give(left, chosen);
        }
        for _ in 0..self.partner.len() {
            self.exchange(random);
        }
    }

    fn give(&mut self, left: usize, edge: usize) {
        if self.partner[left] != ALONE {
            self.taken[self.edges[self.partner[left]].right as usize] = false;
        }
        self.partner[left] = edge;
        if edge != ALONE {
            self.taken[self.edges[edge].right as usize] = true;
        }
    }

    /// Two random left nodes propose to exchange partners.
    fn exchange(&mut self, random: &mut impl FnMut() -> f64) {
        let n = self.partner.len();
        let pick = |lot: f64| ((lot * n as f64) as usize).min(n - 1);
        let (a, b, lot) = (pick(random()), pick(random()), random());
        let (old_a, old_b) = (self.partner[a], self.partner[b]);
        let gain = |edge: usize| if edge == ALONE { 0.0 } else { self.edges[edge].gain };
        let Some((new_a, new_b)) = self.edge(a, old_b).zip(self.edge(b, old_a)) else { return };
        if a == b || lot.ln() > gain(new_a) + gain(new_b) - gain(old_a) - gain(old_b) {
            return;
        }
        self.give(a, ALONE);
        self.give(b, new_b);
        self.give(a, new_a);
    }

    /// The edge from `left` to the right node of `like`; none where there is no such edge.
    fn edge(&self, left: usize, like: usize) -> Option<usize> {
        if like == ALONE {
            return Some(ALONE);
        }
        let right = self.edges[like].right;
        (self.starts[left]..self.starts[left + 1]).find(|&e| self.edges[e].right == right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Seed;
    use rustc_hash::FxHashMap;

    /// The chain visits each set as often as the list says.
    #[test]
    fn the_chain_draws_what_the_list_draws() {
        let gains = [(0, 0, 1.0), (0, 1, 0.3), (1, 0, 0.9), (1, 1, -0.5), (1, 2, 0.2), (2, 2, 1.2)];
        let edges = gains.map(|(left, right, gain)| Edge { left, right, gain });
        let n = 40_000;
        let mut at = 0;
        let mut random = || {
            at += 1;
            Seed::new(5).uniform([at, 0, 0])
        };
        let mut shares: [FxHashMap<Vec<usize>, f64>; 2] = Default::default();
        for set in listed(&edges, n, &mut random) {
            *shares[0].entry(set).or_default() += 1.0 / n as f64;
        }
        let mut chain = Chain::new(3, 3, &edges);
        for _ in 0..n {
            chain.round(&mut random);
            chain.round(&mut random);
            let mut own: Vec<usize> =
                chain.partner.iter().copied().filter(|&e| e != ALONE).collect();
            own.sort_unstable();
            *shares[1].entry(own).or_default() += 1.0 / n as f64;
        }
        assert!(shares[0].len() > 10);
        for (set, share) in &shares[0] {
            let other = shares[1].get(set).copied().unwrap_or_default();
            assert!((share - other).abs() < 0.012, "{set:?}: {share} {other}");
        }
        // One edge alone: its probability is odds / (1 + odds).
        let one = [Edge { left: 0, right: 0, gain: 3.0_f64.ln() }];
        let kept = listed(&one, n, &mut random).iter().filter(|set| set.len() == 1).count();
        assert!((kept as f64 / n as f64 - 0.75).abs() < 0.01);
    }
}
