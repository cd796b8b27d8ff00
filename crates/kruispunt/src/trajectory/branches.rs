use super::discrepancy::shuffled;
use super::error::bad;
use super::{Distances, TrajectoryError};
use crate::data::{Seed, Ticket};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What a tree may split by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Its name.
    pub name: String,
    /// One level a sequence, numbered from 0.
    pub codes: Vec<u32>,
    /// The names of the levels.
    pub levels: Vec<String>,
    /// Whether levels are in order: splits are then below and above a level, else any two sets.
    pub ordered: bool,
}

/// When a tree stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The least share of all weight that a branch has.
    pub least: f64,
    /// The most splits one after the other.
    pub depth: usize,
    /// Permutations for each split.
    pub permutations: usize,
    /// A split with a larger p value is not made.
    pub level: f64,
    /// The seed of the permutations.
    pub seed: Seed,
}

impl Default for Growth {
    fn default() -> Self {
        Self { least: 0.05, depth: 5, permutations: 999, level: 0.05, seed: Seed::new(1) }
    }
}

/// How a branch was split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The factor, by number.
    pub factor: usize,
    /// The levels that go to the first of the two branches.
    pub left: Vec<u32>,
    /// The two branches.
    pub branches: (usize, usize),
    /// The share of the branch's discrepancy that the split explains.
    pub r2: f64,
    /// Pseudo F, and its p value by permutation within the branch.
    pub f: (f64, f64),
}

/// A branch, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The branch it comes from.
    pub parent: Option<usize>,
    /// Splits before it.
    pub depth: usize,
    /// Sequences.
    pub n: usize,
    /// Their weight.
    pub weight: f64,
    /// Half the mean distance of two of them.
    pub discrepancy: f64,
    /// The sequence nearest to all others of the branch.
    pub medoid: u32,
    /// How it was split; none for a leaf.
    pub split: Option<Split>,
}

/// A tree of splits by what is known of persons, each of which takes away as much discrepancy of
/// their sequences as one split can.
///
/// A branch of discrepancy `s^2` and weight `W` is split where `(W s^2 - W_1 s_1^2 - W_2 s_2^2) / W s^2`
/// is largest, if a permutation test within the branch allows (Studer, Ritschard, Gabadinho & Muller
/// 2011, *Sociological Methods & Research* 40(3), 471-510, section 5). The p value is that of the
/// split as if it had been chosen beforehand: it stops the tree, it is no proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branches {
    /// The factors.
    pub factors: Vec<Factor>,
    /// Branches, the first of all sequences.
    pub branches: Vec<Branch>,
    /// The leaf of each sequence, a number of a branch.
    pub leaf: Vec<u32>,
    /// The share of the discrepancy of all that leaves explain.
    pub r2: f64,
}

/// Levels in no order beyond which not all pairs of sets are tried.
const MOST: usize = 12;

/// A split that could be made.
struct Found {
    factor: usize,
    left: Vec<u32>,
    within: f64,
}

impl Distances {
    /// Grows a tree of splits.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for no factor, a factor of another length, more than 12
    /// levels in no order, or limits that are none; [`TrajectoryError::Cancelled`].
    pub fn branches(
        &self,
        factors: &[Factor],
        growth: Growth,
        ticket: &Ticket,
    ) -> Result<Branches, TrajectoryError> {
        check(self, factors, growth)?;
        let total: f64 = self.weights.iter().sum();
        let all: Vec<u32> = (0..self.len() as u32).collect();
        let mut branches = vec![self.branch(&all, None, 0)];
        let mut rows = vec![all];
        let mut leaf = vec![0; self.len()];
        let mut next = 0;
        ticket.stage("branches", 1 << growth.depth.min(20));
        while next < branches.len() {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            let own = std::mem::take(&mut rows[next]);
            for &row in &own {
                leaf[row as usize] = next as u32;
            }
            let depth = branches[next].depth;
            let found = if depth < growth.depth {
                self.best_split(&own, factors, growth.least * total)
            } else {
                None
            };
            ticket.advance(1);
            if let Some(found) = found {
                let stream = growth.seed.stream(next as u64);
                let whole = branches[next].discrepancy * branches[next].weight;
                let side = |row: u32| {
                    let code = factors[found.factor].codes[row as usize];
                    u32::from(!found.left.contains(&code))
                };
                let sides: Vec<u32> = own.iter().map(|&row| side(row)).collect();
                let f = |within: f64| (whole - within) / (within / (branches[next].weight - 2.0));
                let p =
                    self.p_value(&own, &sides, found.within, growth.permutations, stream, ticket)?;
                if p <= growth.level {
                    let place = branches.len();
                    let split = Split {
                        factor: found.factor,
                        left: found.left,
                        branches: (place, place + 1),
                        r2: 1.0 - found.within / whole,
                        f: (f(found.within), p),
                    };
                    branches[next].split = Some(split);
                    for which in 0..2 {
                        let part: Vec<u32> = own
                            .iter()
                            .zip(&sides)
                            .filter(|(_, side)| **side == which)
                            .map(|(row, _)| *row)
                            .collect();
                        branches.push(self.branch(&part, Some(next), depth + 1));
                        rows.push(part);
                    }
                }
            }
            next += 1;
        }
        let leaves = branches.iter().filter(|branch| branch.split.is_none());
        let within: f64 = leaves.map(|branch| branch.weight * branch.discrepancy).sum();
        let whole = branches[0].weight * branches[0].discrepancy;
        let r2 = if whole > 0.0 { 1.0 - within / whole } else { 0.0 };
        Ok(Branches { factors: factors.to_vec(), branches, leaf, r2 })
    }

    /// The weighted sum of the distances of each of `rows` to all of them.
    fn sums_within(&self, rows: &[u32]) -> Vec<f64> {
        let sum = |&one: &u32| {
            let each = rows.iter();
            each.map(|&other| self.weights[other as usize] * self.get(one as usize, other as usize))
                .sum::<f64>()
        };
        rows.par_iter().map(sum).collect()
    }

    fn branch(&self, rows: &[u32], parent: Option<usize>, depth: usize) -> Branch {
        let weight: f64 = rows.iter().map(|&row| self.weights[row as usize]).sum();
        let sums = self.sums_within(rows);
        let all: f64 =
            rows.iter().zip(&sums).map(|(&row, sum)| self.weights[row as usize] * sum).sum();
        let nearest =
            (0..rows.len()).reduce(|a, b| if sums[b] < sums[a] { b } else { a }).unwrap_or(0);
        Branch {
            parent,
            depth,
            n: rows.len(),
            weight,
            discrepancy: if weight > 0.0 { all / (2.0 * weight * weight) } else { 0.0 },
            medoid: rows.get(nearest).copied().unwrap_or_default(),
            split: None,
        }
    }

    /// The split that leaves least within its two sides; the first among equals.
    fn best_split(&self, rows: &[u32], factors: &[Factor], least: f64) -> Option<Found> {
        let mut best: Option<Found> = None;
        for (number, factor) in factors.iter().enumerate() {
            let table = Pairs::of(self, rows, factor);
            for left in table.splits(factor.ordered) {
                let Some(within) = table.within(&left, least) else { continue };
                if best.as_ref().is_none_or(|best| within < best.within * (1.0 - 1e-12)) {
                    let left = left.iter().map(|&at| table.present[at]).collect();
                    best = Some(Found { factor: number, left, within });
                }
            }
        }
        // a split that takes nothing away is none
        best.filter(|found| {
            let whole = self.branch(rows, None, 0);
            whole.weight * whole.discrepancy - found.within > 1e-12 * whole.weight
        })
    }

    /// The share of permutations of the sides that leave as little within them.
    fn p_value(
        &self,
        rows: &[u32],
        sides: &[u32],
        within: f64,
        permutations: usize,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<f64, TrajectoryError> {
        let weigh = |row: u32| self.weights[row as usize];
        let sums = self.sums_within(rows);
        let each: Vec<f64> = rows.iter().zip(&sums).map(|(&row, sum)| weigh(row) * sum).collect();
        let (all, weight): (f64, f64) =
            (each.iter().sum(), rows.iter().map(|&row| weigh(row)).sum());
        // the sums of one side follow from those of the other: the smaller is added up
        let left = sides.iter().filter(|side| **side == 0).count();
        let small = u32::from(left * 2 > sides.len());
        let of = |sides: &[u32]| {
            let own: Vec<usize> = (0..rows.len()).filter(|&at| sides[at] == small).collect();
            let (mut inside, mut across, mut own_weight) = (0.0, 0.0, 0.0);
            for &at in &own {
                let (row, mut sum) = (rows[at], 0.0);
                for &other in &own {
                    let other = rows[other];
                    sum += weigh(other) * self.get(row as usize, other as usize);
                }
                inside += weigh(row) * sum;
                across += each[at];
                own_weight += weigh(row);
            }
            let other = all - 2.0 * across + inside;
            inside / (2.0 * own_weight) + other / (2.0 * (weight - own_weight))
        };
        let bound = within * (1.0 + 1e-12);
        let drawn: Vec<Option<bool>> = (0..permutations as u64)
            .into_par_iter()
            .map(|number| {
                (!ticket.is_cancelled()).then(|| of(&shuffled(sides, seed, number)) <= bound)
            })
            .collect();
        let mut count = 1_usize;
        for one in drawn {
            count += usize::from(one.ok_or(TrajectoryError::Cancelled)?);
        }
        Ok(count as f64 / (permutations + 1) as f64)
    }
}

/// Weighted sums of distances between the levels of a factor that occur in a branch.
struct Pairs {
    /// The levels.
    present: Vec<u32>,
    weight: Vec<f64>,
    /// `sum_ij w_i w_j d_ij` between levels: `(levels, levels)`.
    sums: Vec<f64>,
}

impl Pairs {
    fn of(distances: &Distances, rows: &[u32], factor: &Factor) -> Self {
        let mut present: Vec<u32> = rows.iter().map(|&row| factor.codes[row as usize]).collect();
        present.sort_unstable();
        present.dedup();
        let m = present.len();
        let level: Vec<usize> = rows
            .iter()
            .map(|&row| present.binary_search(&factor.codes[row as usize]).unwrap_or(0))
            .collect();
        let each: Vec<Vec<f64>> = rows
            .par_iter()
            .map(|&one| {
                let mut own = vec![0.0; m];
                for (&other, &level) in rows.iter().zip(&level) {
                    own[level] += distances.weights[other as usize]
                        * distances.get(one as usize, other as usize);
                }
                own
            })
            .collect();
        let (mut weight, mut sums) = (vec![0.0; m], vec![0.0; m * m]);
        for ((&row, &level), own) in rows.iter().zip(&level).zip(&each) {
            let w = distances.weights[row as usize];
            weight[level] += w;
            for (sum, part) in sums[level * m..(level + 1) * m].iter_mut().zip(own) {
                *sum += w * part;
            }
        }
        Self { present, weight, sums }
    }

    /// Sets of levels that one side may have; the other side has the rest.
    fn splits(&self, ordered: bool) -> Vec<Vec<usize>> {
        let m = self.present.len();
        if ordered {
            return (1..m).map(|end| (0..end).collect()).collect();
        }
        // the last level is always on the other side
        let sets = 1..1_u32 << m.saturating_sub(1);
        sets.map(|set| (0..m).filter(|at| set >> at & 1 == 1).collect()).collect()
    }

    /// What is left within both sides; `None` where one is too small.
    fn within(&self, left: &[usize], least: f64) -> Option<f64> {
        let m = self.present.len();
        let mut own = vec![false; m];
        for &at in left {
            own[at] = true;
        }
        let (mut weight, mut sums) = ([0.0; 2], [0.0; 2]);
        for a in 0..m {
            let side = usize::from(!own[a]);
            weight[side] += self.weight[a];
            for b in (0..m).filter(|&b| own[b] == own[a]) {
                sums[side] += self.sums[a * m + b];
            }
        }
        let fine = weight.iter().all(|&side| side > 0.0 && side >= least);
        fine.then(|| sums[0] / (2.0 * weight[0]) + sums[1] / (2.0 * weight[1]))
    }
}

fn check(distances: &Distances, factors: &[Factor], growth: Growth) -> Result<(), TrajectoryError> {
    if factors.is_empty() {
        return Err(bad("factors", "at least one factor", 0));
    }
    for factor in factors {
        if factor.codes.len() != distances.len() {
            return Err(bad("factors", "one value a sequence", factor.codes.len()));
        }
        let levels = factor.levels.len();
        if factor.codes.iter().any(|&code| code as usize >= levels) {
            return Err(bad("factors", "codes below the number of levels", "others"));
        }
        if !factor.ordered && levels > MOST {
            let expected = "at most 12 levels in no order; group them, or give them as numbers";
            return Err(bad("factors", expected, format!("{levels} of {}", factor.name)));
        }
    }
    if !(0.0..0.5).contains(&growth.least) {
        return Err(bad("least", "a share of at least 0 and below a half", growth.least));
    }
    if !(growth.level > 0.0 && growth.level <= 1.0) {
        return Err(bad("level", "a p value above 0 and at most 1", growth.level));
    }
    Ok(())
}

impl Branches {
    /// The levels that lead to a branch, in words: `origin in BE, MA`; empty for the first.
    #[must_use]
    pub fn rule(&self, branch: usize) -> String {
        let Some(own) = self.branches.get(branch) else { return String::new() };
        let Some(split) = own.parent.and_then(|parent| self.branches[parent].split.as_ref()) else {
            return String::new();
        };
        let factor = &self.factors[split.factor];
        let first = split.branches.0 == branch;
        let name = |code: u32| factor.levels[code as usize].as_str();
        if factor.ordered {
            let last = split.left.iter().copied().max().unwrap_or_default();
            let sign = if first { "<=" } else { ">" };
            return format!("{} {sign} {}", factor.name, name(last));
        }
        // levels not seen in the branch stand on no side
        let seen: Vec<u32> = {
            let mut seen: Vec<u32> = self
                .leaf
                .iter()
                .zip(&factor.codes)
                .filter(|(leaf, _)| self.under(**leaf as usize, branch))
                .map(|(_, code)| *code)
                .collect();
            seen.sort_unstable();
            seen.dedup();
            seen
        };
        let levels: Vec<&str> = seen.into_iter().map(name).collect();
        format!("{} in {}", factor.name, levels.join(", "))
    }

    /// Whether a branch is another or comes from it.
    fn under(&self, branch: usize, above: usize) -> bool {
        let mut at = Some(branch);
        while let Some(own) = at {
            if own == above {
                return true;
            }
            at = self.branches[own].parent;
        }
        false
    }
}
