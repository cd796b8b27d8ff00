use super::distances::Job;
use super::error::bad;
use super::typology::Groups;
use super::{Dissimilarity, Sequences, TrajectoryError, Typology};
use crate::data::{Count, Seed, Step, Ticket};
use crate::math::cluster::{Rows, build, refine};

/// Types around medoids found in samples: for more sequences than have room for all distances.
///
/// Each sample of different sequences, drawn with probability by weight, is clustered around
/// medoids; all sequences then go to the nearest of those medoids, and the sample with the smallest
/// sum of distances is kept (CLARA, Kaufman & Rousseeuw 1990, chapter 3).
#[derive(Clone, Copy, Debug)]
pub struct Clara {
    samples: usize,
    size: Option<usize>,
    seed: Seed,
}

impl Default for Clara {
    fn default() -> Self {
        Self { samples: 20, size: None, seed: Seed::new(1) }
    }
}

/// Distances within a sample, in full.
struct Square {
    n: usize,
    values: Vec<f32>,
}

impl Rows for Square {
    fn len(&self) -> usize {
        self.n
    }

    fn row(&self, at: usize, out: &mut [f64]) {
        for (slot, &value) in out.iter_mut().zip(&self.values[at * self.n..(at + 1) * self.n]) {
            *slot = f64::from(value);
        }
    }
}

/// Medoids, who is nearest to which, and the sum of distances.
struct Found {
    medoids: Vec<u32>,
    nearest: Vec<u32>,
    total: f64,
    /// Distances, medoid by medoid.
    rows: Vec<f32>,
}

impl Clara {
    /// With the defaults: 20 samples of `100 + 10 k` different sequences.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many samples.
    #[must_use]
    pub const fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Different sequences a sample.
    #[must_use]
    pub const fn size(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// The seed.
    #[must_use]
    pub const fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// Types for each number of types in `ks`; distances are computed in `f32`.
    ///
    /// # Errors
    ///
    /// As [`Dissimilarity::between`], [`TrajectoryError::TooManyClusters`], and
    /// [`TrajectoryError::BadArgument`] for samples that are too small or none.
    pub fn fit(
        &self,
        measure: &Dissimilarity,
        sequences: &Sequences,
        ks: &[usize],
        ticket: &Ticket,
    ) -> Result<Vec<Typology>, TrajectoryError> {
        let unique = sequences.firsts.len();
        for &k in ks {
            if k == 0 {
                return Err(bad("k", "at least one type", k));
            }
            if k > unique {
                return Err(TrajectoryError::TooManyClusters { k, unique });
            }
        }
        if self.samples == 0 {
            return Err(bad("samples", "at least one sample", 0));
        }
        let most = ks.iter().copied().max().unwrap_or(1);
        let size = self.size.unwrap_or(100 + 10 * most).min(unique);
        if size < most {
            return Err(bad("size", "samples of at least `k` sequences", size));
        }
        let (strings, prices, _) = measure.prepare(sequences)?;
        let weights = sequences.unique_weights();
        let all: Vec<u32> = (0..unique as u32).collect();
        let distances = |rows: &[u32], columns: &[u32]| {
            let job = Job::Some { rows, columns };
            measure.compute::<f32>(sequences, (&strings, prices.as_ref()), job, ticket)
        };
        let mut best: Vec<Option<Found>> = ks.iter().map(|_| None).collect();
        ticket.stage("samples", self.samples as u64);
        for number in 0..self.samples {
            let drawn = self.draw(number as u64, size, &weights);
            let square = Square { n: drawn.len(), values: distances(&drawn, &drawn)? };
            let own: Vec<f64> = drawn.iter().map(|&at| weights[at as usize]).collect();
            let first = build(&square, &own, most, ticket).ok_or(TrajectoryError::Cancelled)?;
            for (slot, &k) in best.iter_mut().zip(ks) {
                let start = first[..k].to_vec();
                let found =
                    refine(&square, &own, start, ticket).ok_or(TrajectoryError::Cancelled)?;
                let medoids: Vec<u32> = found.points.iter().map(|&at| drawn[at as usize]).collect();
                let found = assign(medoids, distances, &all, &weights)?;
                if slot.as_ref().is_none_or(|slot| found.total < slot.total) {
                    *slot = Some(found);
                }
            }
        }
        let rows = Count::rows(sequences.len());
        let note = format!("{} samples of {size} of {unique} different sequences", self.samples);
        let step = Step::new("clara", measure.measure.name(), rows, rows).note(note);
        let account = sequences.account.clone().then(step);
        let finish = |found: Found| {
            let groups = Groups {
                method: format!("CLARA on {}", measure.measure.name()),
                group: found.nearest,
                medoids: found.medoids,
                total: found.total,
                rows: Some(found.rows),
                unique: &sequences.unique,
                firsts: &sequences.firsts,
                weights: &sequences.weights,
            };
            groups.finish(&sequences.id, &sequences.ids, &account)
        };
        Ok(best.into_iter().flatten().map(finish).collect())
    }

    /// A sample without repetition, by weight (Efraimidis & Spirakis 2006, *Information Processing
    /// Letters* 97(5), 181-185).
    fn draw(&self, number: u64, size: usize, weights: &[f64]) -> Vec<u32> {
        let key = |at: usize| match weights[at] {
            weight if weight > 0.0 => libm::log(self.seed.uniform([number, at as u64, 7])) / weight,
            _ => f64::NEG_INFINITY,
        };
        let mut keys: Vec<(f64, u32)> = (0..weights.len()).map(|at| (key(at), at as u32)).collect();
        keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut drawn: Vec<u32> = keys[..size].iter().map(|(_, at)| *at).collect();
        drawn.sort_unstable();
        drawn
    }
}

/// All different sequences with the nearest medoid; the first among equals.
fn assign(
    medoids: Vec<u32>,
    distances: impl Fn(&[u32], &[u32]) -> Result<Vec<f32>, TrajectoryError>,
    all: &[u32],
    weights: &[f64],
) -> Result<Found, TrajectoryError> {
    let rows = distances(&medoids, all)?;
    let n = all.len();
    let mut nearest = vec![0_u32; n];
    let mut least = rows[..n].to_vec();
    for (number, row) in rows.chunks_exact(n).enumerate().skip(1) {
        for (at, &d) in row.iter().enumerate() {
            if d < least[at] {
                (least[at], nearest[at]) = (d, number as u32);
            }
        }
    }
    for (number, &medoid) in medoids.iter().enumerate() {
        nearest[medoid as usize] = number as u32;
    }
    let total = least.iter().zip(weights).map(|(&d, w)| f64::from(d) * w).sum();
    Ok(Found { medoids, nearest, total, rows })
}
