//! Elimination of a graph's levels, one by one: exact while that is cheap, sampled where not.
//!
//! Levels go in the order of how many neighbours they have. One with few leaves its neighbours
//! joined pairwise, `w_i w_j / sum w`, as Cholesky's factorisation does. One with many leaves a
//! tree on them, drawn so that its expectation is the same: neighbours stand by conductance, and
//! each is joined to a later one, drawn in proportion to conductance (Gao, R., Kyng, R. &
//! Spielman, D. A. 2023, Robust and practical solution of Laplacian equations by approximate
//! elimination, arXiv:2303.00709). Where nothing was sampled the factor is exact.

use super::graph::Graph;
use crate::data::Ticket;

/// Neighbours a level may have to be eliminated exactly, while the graph stays as thin as it was.
const MANY: usize = 64;
/// The same once it has grown thicker.
const FEW: usize = 4;
/// Lists up to this length are kept without doubles.
const SHORT: usize = 192;
/// The graph is thicker when it has this many times the edges it had when it had fewest.
const GROWTH: f64 = 1.15;

/// The factor `L D L'` of a graph's Laplacian, in the order of elimination.
pub(super) struct Elimination {
    /// The place of each level in that order.
    place: Vec<u32>,
    starts: Vec<usize>,
    /// Places of the neighbours a level had when it went, and their shares.
    to: Vec<u32>,
    share: Vec<f64>,
    /// One over the sum of conductances; 0 for the last of a connected set.
    pivot: Vec<f64>,
    /// Whether no tree was drawn.
    pub(super) exact: bool,
}

/// A graph while its levels go.
struct Going {
    near: Vec<Vec<(u32, f64)>>,
    gone: Vec<bool>,
    /// Entries of `near` that have gone, where the list is too long to take them out at once.
    stale: Vec<u32>,
    /// Length of the list when it was last without doubles.
    clean: Vec<u32>,
    queue: Queue,
    sums: Vec<f64>,
    /// Edges left, about.
    edges: usize,
    state: u64,
}

/// Levels by number of neighbours, the one that came last first.
struct Queue {
    buckets: Vec<Vec<u32>>,
    key: Vec<u32>,
    lowest: usize,
}

impl Queue {
    fn new(keys: impl Iterator<Item = usize>) -> Self {
        let mut this = Self { buckets: Vec::new(), key: Vec::new(), lowest: 0 };
        for (level, key) in keys.enumerate() {
            this.key.push(u32::MAX);
            this.put(level, key);
        }
        this.lowest = 0;
        this
    }

    fn put(&mut self, level: usize, key: usize) {
        if self.key[level] == key as u32 {
            return;
        }
        if key >= self.buckets.len() {
            self.buckets.resize(key + 1, Vec::new());
        }
        self.key[level] = key as u32;
        self.buckets[key].push(level as u32);
        self.lowest = self.lowest.min(key);
    }

    fn pop(&mut self) -> Option<usize> {
        while self.lowest < self.buckets.len() {
            match self.buckets[self.lowest].pop() {
                Some(level) if self.key[level as usize] as usize == self.lowest => {
                    self.key[level as usize] = u32::MAX - 1;
                    return Some(level as usize);
                }
                Some(_) => {}
                None => self.lowest += 1,
            }
        }
        None
    }
}

impl Elimination {
    /// Stops early, of no use, when the ticket is cancelled.
    pub(super) fn new(graph: &Graph, ticket: &Ticket) -> Self {
        let n = graph.m();
        let mut going = Going::new(graph);
        let mut few = MANY;
        let mut fewest = graph.to.len();
        let mut order = Vec::with_capacity(n);
        let mut this = Self {
            place: vec![0; n],
            starts: vec![0],
            to: Vec::new(),
            share: Vec::new(),
            pivot: Vec::with_capacity(n),
            exact: true,
        };
        let mut near = Vec::new();
        while let Some(level) = going.queue.pop() {
            if order.len() % 1024 == 0 && ticket.is_cancelled() {
                break;
            }
            going.neighbours(level, &mut near);
            let total: f64 = near.iter().map(|(_, w)| w).sum();
            this.place[level] = order.len() as u32;
            order.push(level);
            fewest = fewest.min(going.edges);
            if going.edges as f64 > GROWTH * fewest as f64 + 256.0 {
                few = FEW;
            }
            if near.len() <= few {
                going.join_all(&near, total);
            } else {
                this.exact = false;
                going.join_tree(&mut near, total);
            }
            this.to.extend(near.iter().map(|(to, _)| to));
            this.share.extend(near.iter().map(|(_, w)| w / total));
            this.starts.push(this.to.len());
            this.pivot.push(if near.is_empty() { 0.0 } else { 1.0 / total });
        }
        for to in &mut this.to {
            *to = this.place[*to as usize];
        }
        this
    }

    /// `z`, the factor's solution for `r`.
    pub(super) fn solve<const K: usize>(&self, r: &[[f64; K]], z: &mut [[f64; K]]) {
        let n = self.place.len();
        let mut x = vec![[0.0; K]; n];
        for (r, &place) in r.iter().zip(&self.place) {
            x[place as usize] = *r;
        }
        for at in 0..n {
            let own = x[at];
            let range = self.starts[at]..self.starts[at + 1];
            for (&to, share) in self.to[range.clone()].iter().zip(&self.share[range]) {
                let slot = &mut x[to as usize];
                (0..K).for_each(|lane| slot[lane] += share * own[lane]);
            }
        }
        for at in (0..n).rev() {
            let mut own = x[at].map(|value| value * self.pivot[at]);
            let range = self.starts[at]..self.starts[at + 1];
            for (&to, share) in self.to[range.clone()].iter().zip(&self.share[range]) {
                let other = &x[to as usize];
                (0..K).for_each(|lane| own[lane] += share * other[lane]);
            }
            x[at] = own;
        }
        for (z, &place) in z.iter_mut().zip(&self.place) {
            *z = x[place as usize];
        }
    }
}

impl Going {
    fn new(graph: &Graph) -> Self {
        let n = graph.m();
        let mut degree = vec![0_u32; n];
        for level in 0..n {
            for (to, _) in graph.edges(level) {
                degree[level] += 1;
                degree[to as usize] += 1;
            }
        }
        let mut near: Vec<Vec<(u32, f64)>> =
            degree.iter().map(|&size| Vec::with_capacity(size as usize)).collect();
        for level in 0..n {
            for (to, w) in graph.edges(level) {
                near[level].push((to, w));
                near[to as usize].push((level as u32, w));
            }
        }
        let queue = Queue::new(degree.iter().map(|&size| size as usize));
        Self {
            near,
            gone: vec![false; n],
            stale: vec![0; n],
            clean: degree,
            queue,
            sums: vec![0.0; n],
            edges: graph.to.len(),
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// Takes a level out; `near` become its neighbours, each once.
    fn neighbours(&mut self, level: usize, near: &mut Vec<(u32, f64)>) {
        near.clear();
        let own = std::mem::take(&mut self.near[level]);
        for &(to, w) in &own {
            if !self.gone[to as usize] && w > 0.0 {
                let slot = &mut self.sums[to as usize];
                if *slot == 0.0 {
                    near.push((to, 0.0));
                }
                *slot += w;
            }
        }
        for (to, w) in near.iter_mut() {
            *w = std::mem::take(&mut self.sums[*to as usize]);
        }
        self.gone[level] = true;
        self.edges = self.edges.saturating_sub(near.len());
    }

    /// Joins all neighbours of a level that goes.
    fn join_all(&mut self, near: &[(u32, f64)], total: f64) {
        for &(to, w) in near {
            self.sums[to as usize] = w;
        }
        let mut joined = 0;
        for &(at, w) in near {
            let at = at as usize;
            let share = w / total;
            self.sums[at] = 0.0;
            let mut list = std::mem::take(&mut self.near[at]);
            if list.len() <= SHORT {
                let gone = &self.gone;
                list.retain(|&(to, _)| !gone[to as usize]);
                for (to, conductance) in &mut list {
                    let slot = &mut self.sums[*to as usize];
                    if *slot > 0.0 {
                        *conductance += share * *slot;
                        *slot = -*slot;
                    }
                }
                for &(to, _) in near {
                    let slot = &mut self.sums[to as usize];
                    if *slot > 0.0 {
                        list.push((to, share * *slot));
                        joined += 1;
                    }
                    *slot = slot.abs();
                }
                self.clean[at] = list.len() as u32;
                self.stale[at] = 0;
            } else {
                let others = near.iter().filter(|(to, _)| *to as usize != at);
                list.extend(others.map(|&(to, w)| (to, share * w)));
                self.stale[at] += 1;
            }
            self.sums[at] = w;
            self.near[at] = list;
        }
        self.edges += joined / 2;
        for &(to, _) in near {
            self.sums[to as usize] = 0.0;
        }
        for &(to, _) in near {
            self.tidy(to as usize);
        }
    }

    /// Joins the neighbours of a level that goes by a tree.
    fn join_tree(&mut self, near: &mut [(u32, f64)], total: f64) {
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        // what stands from each place to the end
        let mut ahead: Vec<f64> = near.iter().map(|(_, w)| *w).collect();
        for place in (0..ahead.len() - 1).rev() {
            ahead[place] += ahead[place + 1];
        }
        for place in 0..near.len() - 1 {
            let rest = ahead[place + 1];
            let target = self.uniform() * rest;
            // the last place from which at least `target` stands to the end
            let later = &ahead[place + 1..];
            let chosen = later.partition_point(|&sum| sum >= target).max(1) - 1;
            let (a, w) = near[place];
            let b = near[place + 1 + chosen].0;
            let conductance = w * rest / total;
            self.near[a as usize].push((b, conductance));
            self.near[b as usize].push((a, conductance));
        }
        for &mut (at, _) in near {
            self.stale[at as usize] += 1;
            self.tidy(at as usize);
        }
    }

    /// Takes out doubles where they are many, and puts the level in its place in the queue.
    fn tidy(&mut self, at: usize) {
        if self.near[at].len() > 2 * self.clean[at] as usize + 8 {
            let mut list = std::mem::take(&mut self.near[at]);
            let (gone, sums) = (&self.gone, &mut self.sums);
            for (to, w) in &list {
                sums[*to as usize] += w;
            }
            list.retain_mut(|(to, w)| {
                *w = std::mem::take(&mut sums[*to as usize]);
                *w > 0.0 && !gone[*to as usize]
            });
            self.clean[at] = list.len() as u32;
            self.stale[at] = 0;
            self.near[at] = list;
        }
        let size = self.near[at].len().saturating_sub(self.stale[at] as usize);
        self.queue.put(at, size);
    }

    fn uniform(&mut self) -> f64 {
        // SplitMix64 (Steele, Lea & Flood 2014)
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        ((word >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::linalg::Semidefinite;
    use proptest::prelude::*;

    /// A graph from edges, doubles added up.
    fn graph(n: usize, edges: &[(usize, usize, f64)]) -> Graph {
        let mut sums = std::collections::BTreeMap::new();
        for &(a, b, w) in edges.iter().filter(|(a, b, _)| a != b) {
            *sums.entry((a.min(b), a.max(b))).or_insert(0.0) += w;
        }
        let mut graph = Graph { starts: vec![0; n + 1], to: Vec::new(), conductance: Vec::new() };
        for (&(a, b), &w) in &sums {
            graph.to.push(b as u32);
            graph.conductance.push(w);
            graph.starts[a + 1] = graph.to.len() as u32;
        }
        for level in 0..n {
            graph.starts[level + 1] = graph.starts[level + 1].max(graph.starts[level]);
        }
        graph
    }

    /// The slow twin: the Laplacian as a dense matrix.
    fn laplacian(graph: &Graph) -> Vec<f64> {
        let n = graph.m();
        let mut all = vec![0.0; n * n];
        for a in 0..n {
            for (b, w) in graph.edges(a) {
                let b = b as usize;
                all[a * n + a] += w;
                all[b * n + b] += w;
                all[a * n + b] -= w;
                all[b * n + a] -= w;
            }
        }
        all
    }

    fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
        matrix.chunks(x.len()).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
    }

    proptest! {
        #[test]
        fn exact_elimination_solves_the_laplacian(
            edges in proptest::collection::vec((0_usize..30, 0_usize..30, 0.1..5.0_f64), 0..60),
            x in proptest::collection::vec(-1.0..1.0_f64, 30),
        ) {
            let graph = graph(30, &edges);
            let factor = Elimination::new(&graph, &Ticket::new());
            prop_assert!(factor.exact);
            let matrix = laplacian(&graph);
            let b = times(&matrix, &x);
            let lanes: Vec<[f64; 1]> = b.iter().map(|&b| [b]).collect();
            let mut z = vec![[0.0]; 30];
            factor.solve(&lanes, &mut z);
            let z: Vec<f64> = z.into_iter().map(|z| z[0]).collect();
            for (back, b) in times(&matrix, &z).iter().zip(&b) {
                prop_assert!((back - b).abs() < 1e-9, "{back} {b}");
            }
            // and so does the dense factor
            let mut dense = b.clone();
            Semidefinite::new(matrix.clone(), 30).solve(&mut dense);
            for (a, b) in times(&matrix, &dense).iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-9);
            }
            // edges applied one by one are the matrix
            let lanes: Vec<[f64; 1]> = x.iter().map(|&x| [x]).collect();
            let mut out = vec![[0.0]; 30];
            (0..30).for_each(|level| graph.apply(level, &lanes, &mut out));
            for (out, b) in out.iter().zip(&b) {
                prop_assert!((out[0] - b).abs() < 1e-12);
            }
        }
    }

    /// A graph without structure, too dense to eliminate exactly: the sampled factor leaves a
    /// system that is well conditioned.
    #[test]
    fn sampled_elimination_is_close() {
        let n = 400_usize;
        let edges: Vec<(usize, usize, f64)> = (0..20 * n)
            .map(|at| {
                let word = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let (a, b) = ((word >> 40) as usize % n, (word >> 13) as usize % n);
                (a, b, 1.0 + (at % 7) as f64)
            })
            .collect();
        let graph = graph(n, &edges);
        let factor = Elimination::new(&graph, &Ticket::new());
        assert!(!factor.exact);
        let matrix = laplacian(&graph);
        // x'L M L x over x'L x for contrasts: between the extreme values of M L
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for shift in 1..40 {
            let x: Vec<f64> = (0..n).map(|at| ((at * shift) % 17) as f64 - 8.0).collect();
            let b = times(&matrix, &x);
            let lanes: Vec<[f64; 1]> = b.iter().map(|&b| [b]).collect();
            let mut z = vec![[0.0]; n];
            factor.solve(&lanes, &mut z);
            let own: f64 = x.iter().zip(&b).map(|(x, b)| x * b).sum();
            let through: f64 = z.iter().zip(&b).map(|(z, b)| z[0] * b).sum();
            (low, high) = (low.min(through / own), high.max(through / own));
        }
        assert!(low > 0.2 && high < 5.0, "{low} {high}");
        let twice = Elimination::new(&graph, &Ticket::new());
        assert_eq!(factor.share, twice.share);
    }
}
