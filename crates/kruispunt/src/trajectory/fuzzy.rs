use super::error::bad;
use super::typology::Groups;
use super::{Distances, TrajectoryError, Typology};
use crate::data::{Column, Count, DataError, Step, Table, Ticket};
use crate::math::cluster::{Rows, build, refine};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Types with a degree of membership: who stands between two types belongs to both.
///
/// Memberships `u_iv >= 0`, `sum_v u_iv = 1`, make
///
/// ```text
/// sum_v  sum_ij w_i w_j u_iv^r u_jv^r d_ij / (2 sum_j w_j u_jv^r)
/// ```
///
/// as small as it gets nearby (FANNY, Kaufman & Rousseeuw 1990, *Finding Groups in Data*, chapter
/// 4; for sequences Studer 2018 in *Sequence Analysis and Related Approaches*, Springer). Weights
/// `w` count as frequencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fuzzy {
    membership: Vec<f64>,
    typology: Typology,
    objective: f64,
    partition: f64,
    steps: usize,
    converged: bool,
}

/// How memberships are sought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuzzyOptions {
    /// The exponent r, above 1: near 1 types are crisp, from about 2 on they may all melt into one.
    pub exponent: f64,
    /// The relative change of the objective at which it ends.
    pub tolerance: f64,
    /// The most steps.
    pub steps: usize,
}

impl Default for FuzzyOptions {
    fn default() -> Self {
        Self { exponent: 1.5, tolerance: 1e-12, steps: 2_000 }
    }
}

impl Fuzzy {
    /// How far each sequence belongs to each type, shape `(n, k)` row by row; rows sum to one.
    #[must_use]
    pub fn membership(&self) -> &[f64] {
        &self.membership
    }

    /// The types of highest membership; types are in the order of their weight, by that.
    #[must_use]
    pub const fn typology(&self) -> &Typology {
        &self.typology
    }

    /// The value that was made small.
    #[must_use]
    pub const fn objective(&self) -> f64 {
        self.objective
    }

    /// Dunn's partition coefficient, the weighted mean of `sum_v u_iv^2`: 1 for crisp types, `1 / k`
    /// where everybody belongs to all types alike.
    #[must_use]
    pub const fn partition(&self) -> f64 {
        self.partition
    }

    /// Steps made, and whether they ended by themselves.
    #[must_use]
    pub const fn steps(&self) -> (usize, bool) {
        (self.steps, self.converged)
    }

    /// Identifiers, and how far each belongs to `type 1`, `type 2`...
    ///
    /// # Errors
    ///
    /// [`DataError::DuplicateColumn`] when the identifier is called so.
    pub fn table(&self) -> Result<Table, DataError> {
        let k = self.typology.k();
        let mut table = Table::new([(self.typology.id.as_str(), self.typology.ids.clone())])?;
        for at in 0..k {
            let column = self.membership.iter().skip(at).step_by(k).copied().collect();
            table.push(format!("type {}", at + 1), Column::float(column))?;
        }
        Ok(table)
    }
}

/// Memberships of the different sequences, and what follows from them.
struct State {
    /// `(n, k)`.
    u: Vec<f64>,
    /// `d(i, centre of v)`: `(n, k)`.
    apart: Vec<f64>,
    objective: f64,
}

impl Distances {
    /// Types with a degree of membership.
    ///
    /// It starts from the medoids of [`pam`](Self::pam) with memberships that fall with the
    /// distance to them, and repeats the conditions of a minimum until the objective stays.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::TooManyClusters`], [`TrajectoryError::BadArgument`] for an exponent of 1
    /// or less, [`TrajectoryError::Cancelled`].
    pub fn fuzzy(
        &self,
        k: usize,
        options: FuzzyOptions,
        ticket: &Ticket,
    ) -> Result<Fuzzy, TrajectoryError> {
        self.check_k(k)?;
        let r = options.exponent;
        if !(r > 1.0 && r <= 100.0) {
            return Err(bad("exponent", "a number above 1", r));
        }
        let weights = self.unique_weights();
        let start = build(self, &weights, k, ticket).ok_or(TrajectoryError::Cancelled)?;
        let medoids = refine(self, &weights, start, ticket).ok_or(TrajectoryError::Cancelled)?;
        let mut apart = vec![0.0; self.n * k];
        let mut row = vec![0.0; self.n];
        for (v, &medoid) in medoids.points.iter().enumerate() {
            self.row(medoid as usize, &mut row);
            for (i, d) in row.iter().enumerate() {
                apart[i * k + v] = *d;
            }
        }
        let mut now = self.evaluate(memberships(&apart, k, r), k, r, &weights);
        let (mut steps, mut converged) = (0, k == 1);
        ticket.stage("memberships", options.steps as u64);
        while steps < options.steps && !converged {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            steps += 1;
            let wished = memberships(&now.apart, k, r);
            let mut next = self.evaluate(wished, k, r, &weights);
            // half the way, and again, where all of it leads up
            for _ in 0..20 {
                if next.objective <= now.objective {
                    break;
                }
                let half = now.u.iter().zip(&next.u).map(|(a, b)| f64::midpoint(*a, *b)).collect();
                next = self.evaluate(half, k, r, &weights);
            }
            let moved = now.u.iter().zip(&next.u).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let fell = now.objective - next.objective;
            converged = fell.abs() <= options.tolerance * now.objective.max(1e-300) && moved < 1e-7;
            if next.objective > now.objective {
                converged = true;
            } else {
                now = next;
            }
            ticket.advance(1);
        }
        Ok(self.fuzzy_of(&now, k, (steps, converged), &weights))
    }

    /// The objective of memberships, and how far each sequence is from each centre:
    /// `sum_j w u_jv^r d_ij / B_v - sum_jl w u_jv^r w u_lv^r d_jl / (2 B_v^2)`, `B_v = sum_j w u_jv^r`.
    fn evaluate(&self, u: Vec<f64>, k: usize, r: f64, weights: &[f64]) -> State {
        let n = self.n;
        let mass: Vec<f64> =
            u.iter().enumerate().map(|(at, u)| weights[at / k] * libm::pow(*u, r)).collect();
        let mut sums = vec![0.0; n * k];
        sums.par_chunks_mut(k).enumerate().for_each_init(
            || vec![0.0; n],
            |row, (i, sums)| {
                self.row(i, row);
                for (d, mass) in row.iter().zip(mass.chunks_exact(k)) {
                    for (sum, mass) in sums.iter_mut().zip(mass) {
                        *sum += d * mass;
                    }
                }
            },
        );
        let (mut size, mut spread) = (vec![0.0; k], vec![0.0; k]);
        for (mass, sums) in mass.chunks_exact(k).zip(sums.chunks_exact(k)) {
            for v in 0..k {
                size[v] += mass[v];
                spread[v] += mass[v] * sums[v];
            }
        }
        for sums in sums.chunks_exact_mut(k) {
            for v in 0..k {
                let b = size[v].max(1e-300);
                sums[v] = sums[v] / b - spread[v] / (2.0 * b * b);
            }
        }
        let objective = spread.iter().zip(&size).map(|(s, b)| s / (2.0 * b.max(1e-300))).sum();
        State { u, apart: sums, objective }
    }

    fn fuzzy_of(
        &self,
        state: &State,
        k: usize,
        (steps, converged): (usize, bool),
        weights: &[f64],
    ) -> Fuzzy {
        let best =
            |u: &[f64]| (1..k).fold(0, |best, v| if u[v] > u[best] { v } else { best }) as u32;
        let group: Vec<u32> = state.u.chunks_exact(k).map(best).collect();
        // the nearest to each centre of those of the type, else of all
        let medoid = |v: usize| {
            let near = |own: bool| {
                (0..self.n).filter(|&i| !own || group[i] as usize == v).reduce(|a, b| {
                    if state.apart[b * k + v] < state.apart[a * k + v] { b } else { a }
                })
            };
            near(true).or_else(|| near(false)).unwrap_or_default() as u32
        };
        let total: f64 = weights.iter().sum();
        let square: f64 = state
            .u
            .chunks_exact(k)
            .zip(weights)
            .map(|(u, w)| w * u.iter().map(|u| u * u).sum::<f64>())
            .sum();
        // types by falling weight, as a typology has them
        let mut size = vec![0.0; k];
        for (&g, w) in group.iter().zip(weights) {
            size[g as usize] += w;
        }
        let medoids: Vec<u32> = (0..k).map(medoid).collect();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| {
            size[b].total_cmp(&size[a]).then(medoids[a].cmp(&medoids[b])).then(a.cmp(&b))
        });
        let rows = self.unique.iter();
        let membership = rows
            .flat_map(|&unique| order.iter().map(move |&v| (unique as usize, v)))
            .map(|(unique, v)| state.u[unique * k + v])
            .collect();
        let groups = Groups {
            method: format!("fuzzy types on {}", self.method),
            group,
            medoids,
            total: state.objective,
            rows: None,
            unique: &self.unique,
            firsts: &self.firsts,
            weights: &self.weights,
        };
        let mut typology = groups.finish(&self.id, &self.ids, &self.account);
        let all = Count::rows(self.len());
        let word = if converged { "ended by themselves" } else { "were cut short" };
        let step = Step::new("fuzzy", format!("{k} types"), all, all)
            .note(format!("{steps} steps, which {word}"));
        typology.account = typology.account.then(step);
        Fuzzy {
            membership,
            typology,
            objective: state.objective,
            partition: square / total,
            steps,
            converged,
        }
    }
}

/// Memberships that meet the conditions of a minimum: `u_iv` goes with `a_iv^(-1 / (r - 1))`; where
/// a sequence lies at a centre or beyond it, it belongs there alone (to all such, alike).
fn memberships(apart: &[f64], k: usize, r: f64) -> Vec<f64> {
    let mut u = vec![0.0; apart.len()];
    for (apart, u) in apart.chunks_exact(k).zip(u.chunks_exact_mut(k)) {
        let least = apart.iter().copied().fold(f64::INFINITY, f64::min);
        if least <= 0.0 {
            let inside = apart.iter().filter(|a| **a <= 0.0).count() as f64;
            for (u, a) in u.iter_mut().zip(apart) {
                *u = if *a <= 0.0 { 1.0 / inside } else { 0.0 };
            }
            continue;
        }
        for (u, a) in u.iter_mut().zip(apart) {
            *u = libm::pow(least / a, 1.0 / (r - 1.0));
        }
        let sum: f64 = u.iter().sum();
        for own in u {
            *own /= sum;
        }
    }
    u
}
