use super::error::bad;
use super::{Distances, TrajectoryError, Typology, Values};
use crate::data::Ticket;
use crate::math::cluster::Rows;
use crate::math::pairs::triangle;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Pairs beyond which distances are not sorted: HG and HC are then not computed.
const MOST: usize = 60_000_000;

/// How good a typology is, as `clusterquality` of `WeightedCluster` (Studer 2013, *LIVES Working
/// Papers* 24) has it. Weights count as frequencies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Point biserial correlation of distance and being of different types.
    pub pbc: f64,
    /// Hubert's gamma: how often a pair of one type is nearer than a pair of two.
    pub hg: f64,
    /// The same, ties in the denominator (Somers' D).
    pub hgsd: f64,
    /// Average silhouette width, with one sequence less than its type has.
    pub asw: f64,
    /// Average silhouette width, weighted.
    pub asww: f64,
    /// Calinski-Harabasz index on distances.
    pub ch: f64,
    /// Share of the discrepancy that types explain.
    pub r2: f64,
    /// Calinski-Harabasz index on squared distances.
    pub chsq: f64,
    /// Share of the discrepancy of squared distances.
    pub r2sq: f64,
    /// Hubert's C: how far from the best types could do; low is good.
    pub hc: f64,
}

impl Quality {
    /// The measures by name; high is good but for the last.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, f64); 10] {
        [
            ("pbc", self.pbc),
            ("hg", self.hg),
            ("hgsd", self.hgsd),
            ("asw", self.asw),
            ("asww", self.asww),
            ("ch", self.ch),
            ("r2", self.r2),
            ("chsq", self.chsq),
            ("r2sq", self.r2sq),
            ("hc", self.hc),
        ]
    }
}

/// The distances that occur, in order, and which of them each pair has.
struct Ranks {
    level: Vec<u32>,
    distances: Vec<f64>,
}

impl Ranks {
    /// `None` where there are too many pairs to sort.
    fn of(distances: &Distances) -> Option<Self> {
        let pairs = triangle(distances.n, distances.n.max(1) - 1);
        if pairs > MOST {
            return None;
        }
        let mut sorted: Vec<(f64, u32)> =
            (0..pairs).map(|at| (distances.pair(at), at as u32)).collect();
        sorted.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut ranks = Self { level: vec![0; pairs], distances: Vec::new() };
        for &(d, pair) in &sorted {
            if ranks.distances.last() != Some(&d) {
                ranks.distances.push(d);
            }
            ranks.level[pair as usize] = ranks.distances.len() as u32 - 1;
        }
        Some(ranks)
    }
}

/// Sums over pairs.
#[derive(Default)]
struct Sums {
    weight: f64,
    d: f64,
    squared: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, d: f64) {
        self.weight += weight;
        self.d += weight * d;
        self.squared += weight * d * d;
    }
}

impl Distances {
    fn pair(&self, at: usize) -> f64 {
        match &self.values {
            Values::Single(values) => f64::from(values[at]),
            Values::Double(values) => values[at],
        }
    }

    /// How good typologies of these sequences are.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for a typology of other sequences,
    /// [`TrajectoryError::Cancelled`].
    pub fn quality(
        &self,
        typologies: &[&Typology],
        ticket: &Ticket,
    ) -> Result<Vec<Quality>, TrajectoryError> {
        let other = typologies.iter().find(|own| own.types().len() != self.len());
        if let Some(other) = other {
            let got = format!("a typology of {}", other.types().len());
            return Err(bad("typology", "a typology of these sequences", got));
        }
        ticket.stage("quality", typologies.len() as u64);
        let ranks = Ranks::of(self);
        let mut found = Vec::with_capacity(typologies.len());
        for typology in typologies {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            let of = |&row: &u32| typology.types()[row as usize];
            let group: Vec<u32> = self.firsts.iter().map(of).collect();
            found.push(self.quality_of(&group, typology.k(), ranks.as_ref()));
            ticket.advance(1);
        }
        Ok(found)
    }

    /// The quality of groups of the different sequences.
    fn quality_of(&self, group: &[u32], k: usize, ranks: Option<&Ranks>) -> Quality {
        let weights = self.unique_weights();
        // pairs of copies of one sequence: at distance 0, of one type
        let copies: f64 = weights.iter().map(|w| (w * (w - 1.0) / 2.0).max(0.0)).sum();
        let (mut within, mut between) = (Sums::default(), Sums::default());
        let mut inside: Vec<Sums> = (0..k).map(|_| Sums::default()).collect();
        // weight of pairs of one type and of two at each distance
        let mut levels = vec![(0.0, 0.0); ranks.map_or(0, |ranks| ranks.distances.len())];
        for i in 0..self.n {
            let base = triangle(self.n, i);
            for j in i + 1..self.n {
                let pair = base + j - i - 1;
                let (d, weight) = (self.pair(pair), weights[i] * weights[j]);
                let same = group[i] == group[j];
                if same {
                    within.add(weight, d);
                    inside[group[i] as usize].add(weight, d);
                } else {
                    between.add(weight, d);
                }
                if let Some(ranks) = ranks {
                    let level = &mut levels[ranks.level[pair] as usize];
                    if same {
                        level.0 += weight;
                    } else {
                        level.1 += weight;
                    }
                }
            }
        }
        let total: f64 = weights.iter().sum();
        let mut sizes = vec![0.0; k];
        for (&own, weight) in group.iter().zip(&weights) {
            sizes[own as usize] += weight;
        }
        let explained = |part: fn(&Sums) -> f64| {
            let all = (part(&within) + part(&between)) / total;
            let left: f64 = inside
                .iter()
                .zip(&sizes)
                .filter(|(_, size)| **size > 0.0)
                .map(|(s, n)| part(s) / n)
                .sum();
            let groups = k as f64;
            (1.0 - left / all, (all - left) / (groups - 1.0) / (left / (total - groups)))
        };
        let (r2, ch) = explained(|sums| sums.d);
        let (r2sq, chsq) = explained(|sums| sums.squared);
        let (asw, asww) = self.silhouette(group, &sizes, &weights);
        let (hg, hgsd, hc) = match ranks {
            Some(ranks) => hubert(&ranks.distances, &levels, (&within, &between), copies),
            None => (f64::NAN, f64::NAN, f64::NAN),
        };
        within.weight += copies;
        let pbc = biserial(&within, &between);
        Quality { pbc, hg, hgsd, asw, asww, ch, r2, chsq, r2sq, hc }
    }

    /// Average silhouette widths.
    fn silhouette(&self, group: &[u32], sizes: &[f64], weights: &[f64]) -> (f64, f64) {
        let k = sizes.len();
        if k < 2 {
            return (f64::NAN, f64::NAN);
        }
        let widths: Vec<(f64, f64)> = (0..self.n)
            .into_par_iter()
            .map_init(
                || (vec![0.0; self.n], vec![0.0; k]),
                |(row, sums), at| {
                    self.row(at, row);
                    sums.fill(0.0);
                    for ((d, w), &own) in row.iter().zip(weights).zip(group) {
                        sums[own as usize] += d * w;
                    }
                    let own = group[at] as usize;
                    let other = (0..k)
                        .filter(|&g| g != own && sizes[g] > 0.0)
                        .map(|g| sums[g] / sizes[g])
                        .fold(f64::INFINITY, f64::min);
                    let width = |inner: f64| match inner.max(other) {
                        most if most > 0.0 => (other - inner) / most,
                        _ => 0.0,
                    };
                    let rest = sizes[own] - 1.0;
                    let asw = if rest > 0.0 { width(sums[own] / rest) } else { 0.0 };
                    (asw * weights[at], width(sums[own] / sizes[own]) * weights[at])
                },
            )
            .collect();
        let total: f64 = weights.iter().sum();
        let sum = |part: fn(&(f64, f64)) -> f64| widths.iter().map(part).sum::<f64>() / total;
        (sum(|width| width.0), sum(|width| width.1))
    }
}

/// Hubert's gamma, Somers' D and Hubert's C, from the weight of pairs of one type and of two at
/// each distance.
fn hubert(
    distances: &[f64],
    levels: &[(f64, f64)],
    (within, between): (&Sums, &Sums),
    copies: f64,
) -> (f64, f64, f64) {
    let inner = within.weight + copies;
    // what has been seen of pairs of one type and of two, copies first
    let (mut near, mut far) = (copies, 0.0);
    let (mut more, mut less) = (0.0, 0.0);
    let (mut least, mut seen) = (0.0, copies);
    for (&d, &(one, two)) in distances.iter().zip(levels) {
        // the best types would have the nearest pairs
        let take = (one + two).min((inner - seen).max(0.0));
        (least, seen) = (least + take * d, seen + take);
        // copies lie at distance 0 as such pairs may
        more += two * if d == 0.0 { 0.0 } else { near };
        less += one * far;
        (near, far) = (near + one, far + two);
    }
    let (mut most, mut seen) = (0.0, 0.0);
    for (&d, &(one, two)) in distances.iter().zip(levels).rev() {
        let take = (one + two).min((inner - seen).max(0.0));
        (most, seen) = (most + take * d, seen + take);
    }
    let gamma = (more - less) / (more + less);
    let somers = (more - less) / (inner * between.weight);
    (gamma, somers, (within.d - least) / (most - least))
}

/// The correlation of distance and being of two types.
fn biserial(within: &Sums, between: &Sums) -> f64 {
    let total = within.weight + between.weight;
    let mean = (within.d + between.d) / total;
    let variance = (within.squared + between.squared) / total - mean * mean;
    let share = between.weight / total;
    let gap = between.d / between.weight - within.d / within.weight;
    gap * (share * (1.0 - share)).sqrt() / variance.max(0.0).sqrt()
}
