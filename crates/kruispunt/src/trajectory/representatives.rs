use super::error::bad;
use super::{Distances, TrajectoryError};
use crate::data::Ticket;
use crate::math::cluster::Rows;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What makes a sequence a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Candidacy {
    /// Many others are near.
    #[default]
    Density,
    /// It is the same as many others.
    Frequency,
    /// It is near to all others.
    Centrality,
}

/// A few sequences that stand for many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Representatives {
    /// The sequences, best first.
    pub rows: Vec<u32>,
    /// The share of all weight within the radius of each.
    pub near: Vec<f64>,
    /// The share of all weight to which each is the nearest.
    pub assigned: Vec<f64>,
    /// The mean distance of those to it.
    pub mean: Vec<f64>,
    /// The share within the radius of any.
    pub coverage: f64,
    /// How much nearer sequences are to their representative than to the medoid of all,
    /// `1 - sum d(i, nearest) / sum d(i, medoid)`.
    pub quality: f64,
    /// The radius, in distances.
    pub radius: f64,
    /// The number of the nearest representative of each sequence.
    pub nearest: Vec<u32>,
}

/// Groups of equal weight along an order, and who stands for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelativeFrequency {
    /// The group of each sequence, from 0.
    pub group: Vec<u32>,
    /// The medoid of each group.
    pub medoids: Vec<u32>,
    /// The distance of each sequence to the medoid of its group.
    pub apart: Vec<f64>,
    /// `1 - sum d(i, medoid of its group) / sum d(i, medoid of all)`.
    pub r2: f64,
    /// `(explained / (groups - 1)) / (left / (n - groups))` of those sums.
    pub f: f64,
}

impl Distances {
    /// Sequences that stand for others: candidates in order, each new one at least the radius away
    /// from those before, until the share `coverage` lies within the radius of one (Gabadinho &
    /// Ritschard 2013, in *Gendered Life Courses*, LIT, 287-312).
    ///
    /// `radius` is a share of the largest distance. The account of [`Representatives`] is by weight.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for shares outside 0 to 1, [`TrajectoryError::Cancelled`].
    pub fn representatives(
        &self,
        candidacy: Candidacy,
        coverage: f64,
        radius: f64,
        ticket: &Ticket,
    ) -> Result<Representatives, TrajectoryError> {
        for (argument, value) in [("coverage", coverage), ("radius", radius)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(bad(argument, "a share above 0 and at most 1", value));
            }
        }
        let weights = self.unique_weights();
        let total: f64 = weights.iter().sum();
        let (sums, largest) = self.sums_and_largest(&weights);
        let radius = radius * largest;
        ticket.stage("representatives", self.n as u64);
        let score: Vec<f64> = match candidacy {
            Candidacy::Frequency => weights.clone(),
            Candidacy::Centrality => sums.iter().map(|sum| -sum).collect(),
            Candidacy::Density => self.each_row(|_, row| {
                row.iter().zip(&weights).filter(|(d, _)| **d < radius).map(|(_, w)| w).sum()
            }),
        };
        if ticket.is_cancelled() {
            return Err(TrajectoryError::Cancelled);
        }
        let mut order: Vec<usize> = (0..self.n).filter(|&at| weights[at] > 0.0).collect();
        order.sort_by(|&a, &b| {
            score[b].total_cmp(&score[a]).then(self.firsts[a].cmp(&self.firsts[b]))
        });
        let mut taken: Vec<usize> = Vec::new();
        let mut near = vec![f64::INFINITY; self.n];
        let mut nearest = vec![0_u32; self.n];
        let mut row = vec![0.0; self.n];
        let covered = |near: &[f64]| -> f64 {
            let inside = near.iter().zip(&weights).filter(|(d, _)| **d < radius || **d == 0.0);
            inside.map(|(_, w)| w).sum::<f64>() / total
        };
        let mut around = Vec::new();
        for at in order {
            if !taken.is_empty() && covered(&near) >= coverage {
                break;
            }
            if near[at] < radius || near[at] == 0.0 {
                continue;
            }
            self.row(at, &mut row);
            for (other, &d) in row.iter().enumerate() {
                if d < near[other] {
                    (near[other], nearest[other]) = (d, taken.len() as u32);
                }
            }
            around.push(covered(&row));
            taken.push(at);
            ticket.advance(1);
        }
        let (mut assigned, mut mean) = (vec![0.0; taken.len()], vec![0.0; taken.len()]);
        for ((&own, d), w) in nearest.iter().zip(&near).zip(&weights) {
            assigned[own as usize] += w;
            mean[own as usize] += w * d;
        }
        let left: f64 = mean.iter().sum();
        let middle = sums.iter().copied().fold(f64::INFINITY, f64::min);
        for (mean, weight) in mean.iter_mut().zip(&mut assigned) {
            *mean /= weight.max(1e-300);
            *weight /= total;
        }
        Ok(Representatives {
            rows: taken.iter().map(|&at| self.firsts[at]).collect(),
            near: around,
            assigned,
            mean,
            coverage: covered(&near),
            quality: if middle > 0.0 { 1.0 - left / middle } else { 0.0 },
            radius,
            nearest: self.unique.iter().map(|&unique| nearest[unique as usize]).collect(),
        })
    }

    /// Groups of (nearly) equal weight along an order, each with its medoid: what a plot of so many
    /// lines shows of many sequences (Fasang & Liao 2014, *Sociological Methods & Research* 43(4),
    /// 643-676). Without `order` that of the first principal coordinate of the squared distances.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for fewer than two groups, more than sequences, or an order
    /// of another length or with a number that is none; [`TrajectoryError::Cancelled`].
    pub fn relative_frequency(
        &self,
        groups: usize,
        order: Option<&[f64]>,
        ticket: &Ticket,
    ) -> Result<RelativeFrequency, TrajectoryError> {
        let n = self.len();
        if groups < 2 || groups > n {
            return Err(bad("groups", "two groups or more, and at most one a sequence", groups));
        }
        let own;
        let order = match order {
            Some(given) if given.len() == n && given.iter().all(|x| x.is_finite()) => given,
            Some(given) => {
                let expected = "one finite number a sequence";
                return Err(bad("order", expected, format!("{} numbers", given.len())));
            }
            None => {
                own = self.principal(ticket)?;
                &own
            }
        };
        let mut ranked: Vec<usize> = (0..n).collect();
        ranked.sort_by(|&a, &b| order[a].total_cmp(&order[b]).then(a.cmp(&b)));
        let total: f64 = self.weights.iter().sum();
        let mut group = vec![0_u32; n];
        let mut before = 0.0;
        for (place, &row) in ranked.iter().enumerate() {
            // the middle of its weight says in which group a sequence is
            let middle = before + self.weights[row] / 2.0;
            let share = if total > 0.0 { middle / total } else { place as f64 / n as f64 };
            group[row] = ((share * groups as f64) as usize).min(groups - 1) as u32;
            before += self.weights[row];
        }
        // groups in which nobody is are no groups
        let mut used: Vec<u32> = group.clone();
        used.sort_unstable();
        used.dedup();
        for own in &mut group {
            *own = used.binary_search(own).unwrap_or(0) as u32;
        }
        let groups = used.len();
        let mut members = vec![Vec::new(); groups];
        for &row in &ranked {
            members[group[row] as usize].push(row);
        }
        let sum = |row: usize, of: &[usize]| -> f64 {
            of.iter().map(|&other| self.weights[other] * self.get(row, other)).sum()
        };
        let medoids: Vec<u32> = members
            .par_iter()
            .map(|own| {
                let sums: Vec<f64> = own.iter().map(|&row| sum(row, own)).collect();
                let at = (0..own.len()).reduce(|a, b| if sums[b] < sums[a] { b } else { a });
                own[at.unwrap_or(0)] as u32
            })
            .collect();
        let apart: Vec<f64> =
            (0..n).map(|row| self.get(row, medoids[group[row] as usize] as usize)).collect();
        let left: f64 = apart.iter().zip(&self.weights).map(|(d, w)| d * w).sum();
        let (sums, _) = self.sums_and_largest(&self.unique_weights());
        let all = sums.iter().copied().fold(f64::INFINITY, f64::min);
        let (k, size) = (groups as f64, total);
        Ok(RelativeFrequency {
            group,
            medoids,
            apart,
            r2: if all > 0.0 { 1.0 - left / all } else { 0.0 },
            f: ((all - left) / (k - 1.0)) / (left / (size - k)),
        })
    }

    /// The first principal coordinate of the squared distances (Torgerson 1952; Gower 1966), by the
    /// power method, shape `(n,)`; the first sequence lies on its lower side.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::Cancelled`].
    pub fn principal(&self, ticket: &Ticket) -> Result<Vec<f64>, TrajectoryError> {
        let weights = self.unique_weights();
        let total: f64 = weights.iter().sum();
        let centre = |x: &mut [f64]| {
            let mean = x.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
            for own in x {
                *own -= mean;
            }
        };
        // a start that is no eigenvector by symmetry
        let mut x: Vec<f64> = (0..self.n).map(|at| libm::sin(1.0 + at as f64)).collect();
        centre(&mut x);
        let mut last = 0.0;
        ticket.stage("order", 500);
        for _ in 0..500 {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            let length = x.iter().zip(&weights).map(|(x, w)| w * x * x).sum::<f64>().sqrt();
            if length <= 0.0 {
                break;
            }
            for x in &mut x {
                *x /= length;
            }
            // -1/2 D^2 W x, centred: x is centred, so that the centring before drops out
            let mut y = self.each_row(|_, row| {
                let part = |((d, x), w): ((&f64, &f64), &f64)| d * d * x * w;
                -0.5 * row.iter().zip(&x).zip(&weights).map(part).sum::<f64>()
            });
            centre(&mut y);
            let value: f64 = x.iter().zip(&y).zip(&weights).map(|((x, y), w)| x * y * w).sum();
            x = y;
            ticket.advance(1);
            if (value - last).abs() <= 1e-10 * value.abs() {
                break;
            }
            last = value;
        }
        if self.unique.first().is_some_and(|&first| x[first as usize] > 0.0) {
            for x in &mut x {
                *x = -*x;
            }
        }
        Ok(self.unique.iter().map(|&unique| x[unique as usize]).collect())
    }

    /// A number of the distances of each different sequence.
    fn each_row(&self, of: impl Fn(usize, &[f64]) -> f64 + Sync) -> Vec<f64> {
        let mut found = vec![0.0; self.n];
        found.par_iter_mut().enumerate().for_each_init(
            || vec![0.0; self.n],
            |row, (at, slot)| {
                self.row(at, row);
                *slot = of(at, row);
            },
        );
        found
    }

    /// The weighted sum of distances of each different sequence, and the largest distance.
    fn sums_and_largest(&self, weights: &[f64]) -> (Vec<f64>, f64) {
        let sums = self.each_row(|_, row| row.iter().zip(weights).map(|(d, w)| d * w).sum());
        let most = self.each_row(|_, row| row.iter().copied().fold(0.0, f64::max));
        (sums, most.into_iter().fold(0.0, f64::max))
    }
}
