use super::quality::Pairs;
use super::typology::Groups;
use super::{Distances, TrajectoryError, Typology, Values};
use crate::data::Ticket;
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
        let weights = self.unique_weights();
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
        let pairs = Pairs::rank(self, ticket)?;
        ks.iter()
            .map(|&k| {
                let group = cluster::cut(&merges, self.n, k);
                let (medoids, total) = self.centres(&group, k, ticket)?;
                let method = format!("{} linkage of {}", tree.linkage.name(), self.method);
                Ok(self.typology(method, group, medoids, total, &pairs))
            })
            .collect()
    }

    /// Types around medoids, for each number of types in `ks`: BUILD, then SWAP (Kaufman &
    /// Rousseeuw 1990), each swap the best of all.
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
        let first = build(self, &weights, most, ticket).ok_or(TrajectoryError::Cancelled)?;
        let mut found = Vec::with_capacity(ks.len());
        for &k in ks {
            let start = first[..k].to_vec();
            found.push(refine(self, &weights, start, ticket).ok_or(TrajectoryError::Cancelled)?);
            ticket.advance(1);
        }
        let pairs = Pairs::rank(self, ticket)?;
        let method = format!("PAM on {}", self.method);
        let finish = |own: Medoids| {
            self.typology(method.clone(), own.nearest, own.points, own.total, &pairs)
        };
        Ok(found.into_iter().map(finish).collect())
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

    fn typology(
        &self,
        method: String,
        group: Vec<u32>,
        medoids: Vec<u32>,
        total: f64,
        pairs: &Pairs,
    ) -> Typology {
        let quality = Some(self.quality_of(&group, medoids.len(), pairs));
        let groups = Groups {
            method,
            group,
            medoids,
            total,
            quality,
            unique: &self.unique,
            firsts: &self.firsts,
            weights: &self.weights,
        };
        groups.finish(&self.id, &self.ids, &self.account)
    }
}

/// An upper triangle in another order.
fn reordered<T>(order: &[u32], value: impl Fn(u32, u32) -> T) -> Vec<T> {
    let mut own = Vec::with_capacity(triangle(order.len(), order.len().max(1) - 1));
    for (at, &one) in order.iter().enumerate() {
        own.extend(order[at + 1..].iter().map(|&other| value(one, other)));
    }
    own
}
