use super::error::bad;
use super::{Distances, TrajectoryError};
use crate::data::{Seed, Ticket};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How much of the discrepancy of sequences one factor explains beside the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The factor, or `all`.
    pub factor: String,
    /// Its degrees of freedom.
    pub df: usize,
    /// `(explained / df) / (residual / (n - levels))`, with the residual of all factors.
    pub f: f64,
    /// The share of the discrepancy that is lost without the factor; for `all` the share explained.
    pub r2: f64,
    /// The share of permutations with an F as large, this one included.
    pub p: f64,
}

/// The discrepancy of groups, and how much the groups explain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Weight of each group.
    pub weights: Vec<f64>,
    /// Discrepancy of each group.
    pub discrepancy: Vec<f64>,
    /// Discrepancy of all.
    pub total: f64,
    /// Pseudo F and its permutation p value.
    pub f: (f64, f64),
    /// Pseudo R2.
    pub r2: f64,
    /// Levene's statistic of the differences in discrepancy and its permutation p value.
    pub levene: (f64, f64),
}

impl Distances {
    /// The discrepancy of all sequences, half the mean distance of two (drawn with replacement):
    /// a variance without numbers (Studer, Ritschard, Gabadinho & Muller 2011, *Sociological
    /// Methods & Research* 40(3), 471-510). Distances are taken as they are, not squared.
    #[must_use]
    pub fn discrepancy(&self) -> f64 {
        let total: f64 = self.weights.iter().sum();
        let centre = self.to_centres(&vec![0; self.len()], 1);
        centre.iter().zip(&self.weights).map(|(d, w)| d * w).sum::<f64>() / total
    }

    /// How far each sequence is from the centre of its group, shape `(n,)`: the mean distance to
    /// the group less the group's discrepancy. It may be negative in a dissimilarity that breaks
    /// the triangle inequality.
    ///
    /// # Panics
    ///
    /// When there is not one group below `k` a sequence.
    #[must_use]
    pub fn to_centres(&self, groups: &[u32], k: usize) -> Vec<f64> {
        let mut weight = vec![0.0; k];
        let mut inner = vec![vec![0.0; self.n]; k];
        for ((&group, &unique), w) in groups.iter().zip(&self.unique).zip(&self.weights) {
            weight[group as usize] += w;
            inner[group as usize][unique as usize] += w;
        }
        let used: Vec<(u32, u32)> = {
            let mut pairs: Vec<_> =
                groups.iter().copied().zip(self.unique.iter().copied()).collect();
            pairs.sort_unstable();
            pairs.dedup();
            pairs
        };
        let sums: Vec<f64> = used
            .par_iter()
            .map(|&(group, unique)| {
                let weights = inner[group as usize].iter().enumerate();
                let part = |(other, w): (usize, &f64)| {
                    if *w == 0.0 { 0.0 } else { w * self.of_unique(unique as usize, other) }
                };
                weights.map(part).sum::<f64>()
            })
            .collect();
        let mut spread = vec![0.0; k];
        for (&(group, unique), sum) in used.iter().zip(&sums) {
            spread[group as usize] += inner[group as usize][unique as usize] * sum / 2.0;
        }
        let centre = |(&group, &unique): (&u32, &u32)| {
            let at = used.binary_search(&(group, unique)).unwrap_or(0);
            let w = weight[group as usize];
            sums[at] / w - spread[group as usize] / (w * w)
        };
        groups.iter().zip(&self.unique).map(centre).collect()
    }

    /// Compares groups: how much of the discrepancy is between them, and whether they differ in
    /// discrepancy (the generalised Levene test), by permutation of the groups.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for another number of groups than sequences, one group, or
    /// a group without weight; [`TrajectoryError::Cancelled`].
    pub fn compare(
        &self,
        groups: &[u32],
        permutations: usize,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Compared, TrajectoryError> {
        let k = self.check_groups("groups", groups)?;
        ticket.stage("permutations", permutations as u64);
        let own = self.compared(groups, k);
        let mut counts = (1_usize, 1_usize);
        let drawn: Vec<Option<(bool, bool)>> = (0..permutations as u64)
            .into_par_iter()
            .map(|number| {
                if ticket.is_cancelled() {
                    return None;
                }
                let other = self.compared(&shuffled(groups, seed, number), k);
                ticket.advance(1);
                Some((other.f.0 >= own.f.0, other.levene.0 >= own.levene.0))
            })
            .collect();
        for one in drawn {
            let (f, levene) = one.ok_or(TrajectoryError::Cancelled)?;
            counts = (counts.0 + usize::from(f), counts.1 + usize::from(levene));
        }
        let share = |count: usize| count as f64 / (permutations + 1) as f64;
        let p = (share(counts.0), share(counts.1));
        Ok(Compared { f: (own.f.0, p.0), levene: (own.levene.0, p.1), ..own })
    }

    fn compared(&self, groups: &[u32], k: usize) -> Compared {
        let n: f64 = self.weights.iter().sum();
        let centre = self.to_centres(groups, k);
        let (mut weights, mut sums) = (vec![0.0; k], vec![0.0; k]);
        for ((&group, w), d) in groups.iter().zip(&self.weights).zip(&centre) {
            weights[group as usize] += w;
            sums[group as usize] += w * d;
        }
        let within: f64 = sums.iter().sum();
        let total = n * self.discrepancy();
        let f = ((total - within) / (k as f64 - 1.0)) / (within / (n - k as f64));
        // the same of the distances to the centres
        let mean = within / n;
        let between: f64 =
            sums.iter().zip(&weights).map(|(s, w)| w * (s / w - mean) * (s / w - mean)).sum();
        let rest: f64 = groups
            .iter()
            .zip(&self.weights)
            .zip(&centre)
            .map(|((&g, w), d)| {
                let gap = d - sums[g as usize] / weights[g as usize];
                w * gap * gap
            })
            .sum();
        let levene = (between / (k as f64 - 1.0)) / (rest / (n - k as f64));
        Compared {
            discrepancy: sums.iter().zip(&weights).map(|(s, w)| s / w).collect(),
            weights,
            total: total / n,
            f: (f, 1.0),
            r2: 1.0 - within / total,
            levene: (levene, 1.0),
        }
    }

    /// How much each factor explains beside the others, by permutation of the sequences against
    /// the factors (`McArdle` & Anderson 2001, *Ecology* 82(1), 290-297): with G the centred
    /// distances and H the projection on the factors' dummies, tr(HG) is explained.
    ///
    /// # Errors
    ///
    /// As [`compare`](Self::compare).
    pub fn explain(
        &self,
        factors: &[(&str, &[u32])],
        permutations: usize,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Vec<Explained>, TrajectoryError> {
        if factors.is_empty() {
            return Err(bad("factors", "at least one factor", 0));
        }
        let levels = factors
            .iter()
            .map(|(_, codes)| self.check_groups("factors", codes))
            .collect::<Result<Vec<usize>, _>>()?;
        let n = self.len();
        let root: Vec<f64> = self.weights.iter().map(|w| w.sqrt()).collect();
        let design = |left_out: Option<usize>| {
            let mut columns = vec![root.clone()];
            for (at, (&(_, codes), &k)) in factors.iter().zip(&levels).enumerate() {
                for level in 1..k as u32 {
                    if Some(at) != left_out {
                        let dummy = |row: usize| if codes[row] == level { root[row] } else { 0.0 };
                        columns.push((0..n).map(dummy).collect());
                    }
                }
            }
            orthonormal(columns)
        };
        let designs: Vec<Vec<Vec<f64>>> =
            std::iter::once(None).chain((0..factors.len()).map(Some)).map(design).collect();
        let centred = self.centred(&root);
        let total: f64 = (0..n).map(|i| centred[i * n + i]).sum();
        let statistics = |order: &[u32]| -> Vec<(f64, f64, usize)> {
            let explained: Vec<f64> =
                designs.iter().map(|q| trace(q, &centred, order, n)).collect();
            let rank = designs[0].len();
            let rest = (total - explained[0]) / (n - rank) as f64;
            let mut rows = Vec::with_capacity(factors.len() + 1);
            for (without, q) in explained.iter().zip(&designs).skip(1) {
                let (df, gain) = (rank - q.len(), explained[0] - without);
                rows.push((gain / df.max(1) as f64 / rest, gain / total, df));
            }
            rows.push((explained[0] / (rank - 1) as f64 / rest, explained[0] / total, rank - 1));
            rows
        };
        let order: Vec<u32> = (0..n as u32).collect();
        let own = statistics(&order);
        ticket.stage("permutations", permutations as u64);
        let drawn: Vec<Option<Vec<bool>>> = (0..permutations as u64)
            .into_par_iter()
            .map(|number| {
                if ticket.is_cancelled() {
                    return None;
                }
                let other = statistics(&shuffled(&order, seed, number));
                ticket.advance(1);
                Some(other.iter().zip(&own).map(|(other, own)| other.0 >= own.0).collect())
            })
            .collect();
        let mut counts = vec![1_usize; own.len()];
        for one in drawn {
            for (count, more) in counts.iter_mut().zip(one.ok_or(TrajectoryError::Cancelled)?) {
                *count += usize::from(more);
            }
        }
        let names = factors.iter().map(|(name, _)| *name).chain(["all"]);
        let rows = names.zip(own).zip(counts).map(|((factor, (f, r2, df)), count)| Explained {
            factor: factor.to_owned(),
            df,
            f,
            r2,
            p: count as f64 / (permutations + 1) as f64,
        });
        Ok(rows.collect())
    }

    /// Distances centred twice, times the roots of the weights: shape `(n, n)`.
    fn centred(&self, root: &[f64]) -> Vec<f64> {
        let n = self.len();
        let weight: f64 = self.weights.iter().sum();
        let mean = |row: usize| -> f64 {
            let sum: f64 = (0..n).map(|j| self.weights[j] * self.get(row, j)).sum();
            sum / weight
        };
        let means: Vec<f64> = (0..n).into_par_iter().map(mean).collect();
        let all: f64 = means.iter().zip(&self.weights).map(|(m, w)| m * w).sum::<f64>() / weight;
        let mut cells = Vec::with_capacity(n * n);
        for i in 0..n {
            let cell =
                |j: usize| -0.5 * (self.get(i, j) - means[i] - means[j] + all) * root[i] * root[j];
            cells.extend((0..n).map(cell));
        }
        cells
    }

    /// The number of groups; each has a sequence.
    fn check_groups(
        &self,
        argument: &'static str,
        groups: &[u32],
    ) -> Result<usize, TrajectoryError> {
        if groups.len() != self.len() {
            return Err(bad(argument, "one group a sequence", groups.len()));
        }
        let k = groups.iter().copied().max().map_or(0, |most| most as usize + 1);
        let mut weights = vec![0.0; k.min(groups.len() + 1)];
        for (&group, w) in groups.iter().zip(&self.weights) {
            if let Some(sum) = weights.get_mut(group as usize) {
                *sum += w;
            }
        }
        if k < 2 || weights.len() < k || weights.iter().any(|&sum| sum <= 0.0) {
            let expected = "at least two groups, numbered from 0, each with weight";
            return Err(bad(argument, expected, format!("{k} groups")));
        }
        Ok(k)
    }
}

/// The values in another order (Fisher & Yates), the same for the same number.
pub(super) fn shuffled(values: &[u32], seed: Seed, number: u64) -> Vec<u32> {
    let mut own = values.to_vec();
    for at in (1..own.len()).rev() {
        let other = seed.below([number, at as u64, 11], at as u64 + 1) as usize;
        own.swap(at, other);
    }
    own
}

/// Columns made orthonormal (Gram-Schmidt, twice); those that depend on others are left out.
fn orthonormal(columns: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(columns.len());
    for mut column in columns {
        let before = dot(&column, &column);
        for _ in 0..2 {
            for other in &kept {
                let share = dot(&column, other);
                for (x, y) in column.iter_mut().zip(other) {
                    *x -= share * y;
                }
            }
        }
        let length = dot(&column, &column);
        if length > 1e-10 * before {
            let scale = 1.0 / length.sqrt();
            for x in &mut column {
                *x *= scale;
            }
            kept.push(column);
        }
    }
    kept
}

/// `tr(Q' G Q)` with the rows of G in another order.
fn trace(q: &[Vec<f64>], centred: &[f64], order: &[u32], n: usize) -> f64 {
    q.iter()
        .map(|column| {
            let row = |i: usize| {
                let own = &centred[order[i] as usize * n..][..n];
                let sum: f64 = order.iter().zip(column).map(|(&j, x)| own[j as usize] * x).sum();
                column[i] * sum
            };
            (0..n).map(row).sum::<f64>()
        })
        .sum()
}
