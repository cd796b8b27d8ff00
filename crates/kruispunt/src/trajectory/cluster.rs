use super::typology::Groups;
use super::{Distances, TrajectoryError, Typology, Values};
use crate::data::{Seed, Ticket};
use crate::math::cluster::{self, Medoids, Merge, Rows, build, refine};
use crate::math::pairs::triangle;
use serde::{Deserialize, Serialize};

/// How the distance between groups follows from the distances between sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Linkage {
    /// Ward's criterion on squared distances (`ward.D2` of R): groups of least variance, with the
    /// discrepancy for the variance (Batagelj 1988; Studer, Ritschard, Gabadinho & Muller 2011).
    #[default]
    Ward,
    /// Ward's update on the distances themselves (`ward.D` of R).
    WardUnsquared,
    /// The mean over all pairs.
    Average,
    /// The mean of both parts (`mcquitty`).
    Weighted,
    /// The nearest pair.
    Single,
    /// The farthest pair.
    Complete,
}

impl Linkage {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ward => "ward",
            Self::WardUnsquared => "ward_unsquared",
            Self::Average => "average",
            Self::Weighted => "weighted",
            Self::Single => "single",
            Self::Complete => "complete",
        }
    }
}

/// A tree of the different sequences: who joins whom, and how far apart they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    linkage: Linkage,
    /// Groups joined, height and weight; groups are sequences, then merges in order.
    merges: Vec<(u32, u32, f64, f64)>,
}

impl Tree {
    /// How groups were joined.
    #[must_use]
    pub const fn linkage(&self) -> Linkage {
        self.linkage
    }

    /// The merges in order: the two groups, their distance, the weight of both. Groups below the
    /// number of different sequences are sequences, others the merge of that number after them.
    #[must_use]
    pub fn merges(&self) -> &[(u32, u32, f64, f64)] {
        &self.merges
    }
}

impl Rows for Distances {
    fn len(&self) -> usize {
        self.n
    }

    fn row(&self, at: usize, out: &mut [f64]) {
        let n = self.n;
        match &self.values {
            Values::Single(values) => fill(values, n, at, out),
            Values::Double(values) => fill(values, n, at, out),
        }
    }
}

/// Row `at` of the square behind an upper triangle.
fn fill<T: Copy + Into<f64>>(values: &[T], n: usize, at: usize, out: &mut [f64]) {
    for (i, slot) in out[..at].iter_mut().enumerate() {
        *slot = values[triangle(n, i) + at - i - 1].into();
    }
    out[at] = 0.0;
    let start = triangle(n, at);
    for (slot, &value) in out[at + 1..].iter_mut().zip(&values[start.min(values.len())..]) {
        *slot = value.into();
    }
}

/// All distances of the different sequences row by row: twice the memory, no stride.
struct Square<'a> {
    of: &'a Distances,
    values: Vec<f32>,
    wide: Vec<f64>,
}

impl<'a> Square<'a> {
    /// The square; where it would pass 1 GiB the triangle is read instead.
    fn new(of: &'a Distances) -> Self {
        let n = of.n;
        let bytes = n * n * if matches!(of.values, Values::Single(_)) { 4 } else { 8 };
        let (mut values, mut wide) = (Vec::new(), Vec::new());
        if bytes <= 1 << 30 {
            match &of.values {
                Values::Single(own) => values = unfolded(own, n),
                Values::Double(own) => wide = unfolded(own, n),
            }
        }
        Self { of, values, wide }
    }
}

/// A square from its upper triangle.
fn unfolded<T: Copy + Default>(triangle_of: &[T], n: usize) -> Vec<T> {
    const TILE: usize = 64;
    let mut square = vec![T::default(); n * n];
    for i in 0..n {
        let row = &triangle_of[triangle(n, i)..][..n - i - 1];
        square[i * n + i + 1..(i + 1) * n].copy_from_slice(row);
    }
    for start in (0..n).step_by(TILE) {
        for i in 0..n {
            for j in start.max(i + 1)..(start + TILE).min(n) {
                square[j * n + i] = square[i * n + j];
            }
        }
    }
    square
}

impl Rows for Square<'_> {
    fn len(&self) -> usize {
        self.of.n
    }

    fn row(&self, at: usize, out: &mut [f64]) {
        let n = self.of.n;
        if !self.wide.is_empty() {
            out.copy_from_slice(&self.wide[at * n..(at + 1) * n]);
        } else if self.values.is_empty() {
            self.of.row(at, out);
        } else {
            for (slot, &value) in out.iter_mut().zip(&self.values[at * n..(at + 1) * n]) {
                *slot = f64::from(value);
            }
        }
    }
}

/// How sure a typology is: what becomes of its types when sequences are drawn anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// For each type the mean over draws of the overlap (Jaccard) with the most alike type found
    /// (Hennig 2007, *Computational Statistics & Data Analysis* 52(1), 258-271): above 0.75 a type
    /// is there, below 0.5 it is not.
    pub jaccard: Vec<f64>,
    /// For each sequence the share of draws in which it was of each type: shape `(n, k)`.
    pub membership: Vec<f64>,
    /// The type of each sequence in each draw: shape `(draws, n)`.
    pub types: Vec<u32>,
}

impl Distances {
    /// The total weight of each of the different sequences.
    pub(super) fn unique_weights(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n];
        for (&unique, weight) in self.unique.iter().zip(&self.weights) {
            sums[unique as usize] += weight;
        }
        sums
    }

    /// Refuses more groups than there are different sequences.
    pub(super) fn check_k(&self, k: usize) -> Result<(), TrajectoryError> {
        if k == 0 {
            return Err(super::error::bad("k", "at least one type", k));
        }
        if k > self.n {
            return Err(TrajectoryError::TooManyClusters { k, unique: self.n });
        }
        Ok(())
    }

    /// A tree: always the two nearest groups join; among equally near ones those with the first
    /// rows.
    ///
    /// Sequences that are the same are one leaf with their weight, which gives the tree of all
    /// sequences without its joins at distance 0.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::Cancelled`].
    pub fn tree(&self, linkage: Linkage, ticket: &Ticket) -> Result<Tree, TrajectoryError> {
        // without any weight a sequence would have no centre
        let weights: Vec<f64> = self.unique_weights().iter().map(|w| w.max(1e-300)).collect();
        let kind = match linkage {
            Linkage::Ward | Linkage::WardUnsquared => cluster::Linkage::Ward,
            Linkage::Average => cluster::Linkage::Average,
            Linkage::Weighted => cluster::Linkage::Weighted,
            Linkage::Single => cluster::Linkage::Single,
            Linkage::Complete => cluster::Linkage::Complete,
        };
        // Ward's criterion of two leaves is 2 w v / (w + v) times their (squared) distance.
        let start = |i: usize, j: usize, d: f64| {
            let pair = 2.0 * weights[i] * weights[j] / (weights[i] + weights[j]);
            match linkage {
                Linkage::Ward => pair * d * d,
                Linkage::WardUnsquared => pair * d,
                _ => d,
            }
        };
        let mut order: Vec<u32> = (0..self.n as u32).collect();
        order.sort_unstable_by_key(|&unique| self.firsts[unique as usize]);
        let ranked: Vec<f64> = order.iter().map(|&unique| weights[unique as usize]).collect();
        let value = |a: u32, b: u32| {
            let (a, b) = (a as usize, b as usize);
            start(a, b, self.of_unique(a, b))
        };
        let merges = match &self.values {
            Values::Single(_) => {
                let mut own = reordered(&order, |a, b| value(a, b) as f32);
                cluster::join(&mut own, &ranked, kind, ticket)
            }
            Values::Double(_) => {
                let mut own = reordered(&order, value);
                cluster::join(&mut own, &ranked, kind, ticket)
            }
        };
        let height = |merge: &Merge| match linkage {
            Linkage::Ward => merge.height.max(0.0).sqrt(),
            _ => merge.height,
        };
        let merges = merges.ok_or(TrajectoryError::Cancelled)?;
        let leaf = |at: u32| order.get(at as usize).copied().unwrap_or(at);
        let merges = merges.iter().map(|m| (leaf(m.one), leaf(m.other), height(m), m.weight));
        let merges = merges.collect();
        Ok(Tree { linkage, merges })
    }

    /// Types from a tree, for each number of types in `ks`.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::TooManyClusters`], [`TrajectoryError::BadArgument`],
    /// [`TrajectoryError::Cancelled`].
    pub fn cut(
        &self,
        tree: &Tree,
        ks: &[usize],
        ticket: &Ticket,
    ) -> Result<Vec<Typology>, TrajectoryError> {
        ks.iter().try_for_each(|&k| self.check_k(k))?;
        if tree.merges.len() + 1 != self.n {
            let got = format!("a tree of {}", tree.merges.len() + 1);
            return Err(super::error::bad("tree", "the tree of these distances", got));
        }
        let merges: Vec<Merge> = tree
            .merges
            .iter()
            .map(|&(one, other, height, weight)| Merge { one, other, height, weight })
            .collect();
        ks.iter()
            .map(|&k| {
                let group = cluster::cut(&merges, self.n, k);
                let (medoids, total) = self.centres(&group, k, ticket)?;
                let method = format!("{} linkage of {}", tree.linkage.name(), self.method);
                Ok(self.typology(method, group, medoids, total))
            })
            .collect()
    }

    /// Types around medoids, for each number of types in `ks`: BUILD (Kaufman & Rousseeuw
    /// 1990), then swaps until none lowers the sum (`FasterPAM`, Schubert & Rousseeuw 2021).
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::TooManyClusters`], [`TrajectoryError::BadArgument`],
    /// [`TrajectoryError::Cancelled`].
    pub fn pam(&self, ks: &[usize], ticket: &Ticket) -> Result<Vec<Typology>, TrajectoryError> {
        ks.iter().try_for_each(|&k| self.check_k(k))?;
        let most = ks.iter().copied().max().unwrap_or(0);
        let weights = self.unique_weights();
        ticket.stage("medoids", most as u64 + ks.len() as u64);
        let square = Square::new(self);
        let first = build(&square, &weights, most, ticket).ok_or(TrajectoryError::Cancelled)?;
        let mut found = Vec::with_capacity(ks.len());
        for &k in ks {
            let start = first[..k].to_vec();
            let own = refine(&square, &weights, start, ticket);
            found.push(own.ok_or(TrajectoryError::Cancelled)?);
            ticket.advance(1);
        }
        drop(square);
        let method = format!("PAM on {}", self.method);
        let finish =
            |own: Medoids| self.typology(method.clone(), own.nearest, own.points, own.total);
        Ok(found.into_iter().map(finish).collect())
    }

    /// Draws sequences anew `draws` times, clusters them around medoids and compares with the types
    /// of `typology`. All sequences then go to the nearest medoid, and types found to the type they
    /// are most alike.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for a typology of other sequences or no draws,
    /// [`TrajectoryError::Cancelled`].
    pub fn stability(
        &self,
        typology: &Typology,
        draws: usize,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Stability, TrajectoryError> {
        if typology.types().len() != self.len() {
            let got = format!("a typology of {}", typology.types().len());
            return Err(super::error::bad("typology", "a typology of these sequences", got));
        }
        if draws == 0 {
            return Err(super::error::bad("draws", "at least one draw", draws));
        }
        let (n, k) = (self.len(), typology.k());
        let (square, mut row) = (Square::new(self), vec![0.0; self.n]);
        let (mut jaccard, mut membership) = (vec![0.0; k], vec![0.0; n * k]);
        let mut types = Vec::with_capacity(n * draws);
        ticket.stage("draws", draws as u64);
        for draw in 0..draws as u64 {
            let mut weights = vec![0.0; self.n];
            for at in 0..n as u64 {
                let row = seed.below([draw, at, 13], n as u64) as usize;
                weights[self.unique[row] as usize] += self.weights[row];
            }
            let first = build(&square, &weights, k, ticket).ok_or(TrajectoryError::Cancelled)?;
            let found =
                refine(&square, &weights, first, ticket).ok_or(TrajectoryError::Cancelled)?;
            let mut near = vec![(f64::INFINITY, 0_usize); self.n];
            for (number, &medoid) in found.points.iter().enumerate() {
                square.row(medoid as usize, &mut row);
                for (near, &d) in near.iter_mut().zip(&row) {
                    if d < near.0 {
                        *near = (d, number);
                    }
                }
            }
            let own = |at: usize| near[self.unique[at] as usize].1;
            let mut both = vec![0.0; k * k];
            for (at, (&kind, w)) in typology.types().iter().zip(&self.weights).enumerate() {
                both[kind as usize * k + own(at)] += w;
            }
            let alike = overlap(&both, k);
            for (kind, sum) in jaccard.iter_mut().enumerate() {
                *sum += alike[kind * k..(kind + 1) * k].iter().copied().fold(0.0, f64::max);
            }
            let likest = |found: usize| {
                let better = |a: usize, b: usize| {
                    if alike[b * k + found] > alike[a * k + found] { b } else { a }
                };
                (0..k).reduce(better).unwrap_or(0)
            };
            let to: Vec<usize> = (0..k).map(likest).collect();
            for at in 0..n {
                membership[at * k + to[own(at)]] += 1.0;
                types.push(to[own(at)] as u32);
            }
            ticket.advance(1);
        }
        let all = draws as f64;
        let share = |values: Vec<f64>| values.into_iter().map(|value| value / all).collect();
        Ok(Stability { jaccard: share(jaccard), membership: share(membership), types })
    }

    /// The medoid of each group, and the weighted sum of the distances to them.
    pub(super) fn centres(
        &self,
        group: &[u32],
        k: usize,
        ticket: &Ticket,
    ) -> Result<(Vec<u32>, f64), TrajectoryError> {
        let weights = self.unique_weights();
        let mut best = vec![(f64::INFINITY, 0_u32); k];
        let mut row = vec![0.0; self.n];
        for at in 0..self.n {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            self.row(at, &mut row);
            let own = group[at];
            let parts = row.iter().zip(&weights).zip(group);
            let sum: f64 = parts.filter(|(_, g)| **g == own).map(|((d, w), _)| d * w).sum();
            if sum < best[own as usize].0 {
                best[own as usize] = (sum, at as u32);
            }
        }
        Ok((best.iter().map(|(_, at)| *at).collect(), best.iter().map(|(sum, _)| sum).sum()))
    }

    fn typology(&self, method: String, group: Vec<u32>, medoids: Vec<u32>, total: f64) -> Typology {
        let groups = Groups {
            method,
            group,
            medoids,
            total,
            rows: None,
            unique: &self.unique,
            firsts: &self.firsts,
            weights: &self.weights,
        };
        groups.finish(&self.id, &self.ids, &self.account)
    }
}

/// What two sets share over what either has, from a table of both.
fn overlap(both: &[f64], k: usize) -> Vec<f64> {
    let rows: Vec<f64> = (0..k).map(|a| both[a * k..(a + 1) * k].iter().sum()).collect();
    let columns: Vec<f64> = (0..k).map(|b| (0..k).map(|a| both[a * k + b]).sum()).collect();
    let share = |at: usize| {
        let either = rows[at / k] + columns[at % k] - both[at];
        if either > 0.0 { both[at] / either } else { 0.0 }
    };
    (0..k * k).map(share).collect()
}

/// An upper triangle in another order.
fn reordered<T>(order: &[u32], value: impl Fn(u32, u32) -> T) -> Vec<T> {
    let mut own = Vec::with_capacity(triangle(order.len(), order.len().max(1) - 1));
    for (at, &one) in order.iter().enumerate() {
        own.extend(order[at + 1..].iter().map(|&other| value(one, other)));
    }
    own
}
