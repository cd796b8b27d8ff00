use super::alphabet::{MISSING, VOID};
use super::error::bad;
use super::{Dissimilarity, Distances, Linkage, Quality, Sequences, TrajectoryError, Typology};
use crate::data::{Seed, Ticket};
use serde::{Deserialize, Serialize};

/// Sequences without types, that are otherwise as those observed (Studer 2021, *Sociological
/// Methodology* 51(2), 290-318).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NullModel {
    /// The spells of each sequence in another order, each as long as it was: tests the order.
    Sequencing,
    /// The states of each sequence in their order, their spells of random length: tests timing.
    Duration,
    /// Both: what is left is which states occur and how many spells there are.
    #[default]
    Combined,
    /// Each position drawn from the shares of all states: nothing lasts.
    States,
    /// Each position drawn by the transition rates from the one before, the first by the first
    /// positions: a process without memory.
    Markov,
}

/// How types are found in each draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Around medoids.
    Medoids,
    /// From a tree.
    Tree(Linkage),
}

/// One measure of quality of one number of types, beside what the null model gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// Types.
    pub k: usize,
    /// The measure, as [`Quality::named`].
    pub measure: &'static str,
    /// Of the sequences observed.
    pub observed: f64,
    /// Mean over draws.
    pub mean: f64,
    /// Standard deviation over draws.
    pub sd: f64,
    /// The 2.5 and 97.5 percentiles of the draws.
    pub interval: (f64, f64),
    /// The share of draws as good as observed, that one included.
    pub p: f64,
    /// The same for the best of all numbers of types, each in standard deviations from its mean: what
    /// counts where the number of types was chosen by the measure.
    pub p_any: f64,
}

/// One measure of quality over draws of the sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Types.
    pub k: usize,
    /// The measure, as [`Quality::named`].
    pub measure: &'static str,
    /// Of the sequences observed.
    pub observed: f64,
    /// Mean over draws.
    pub mean: f64,
    /// Standard deviation over draws.
    pub sd: f64,
    /// Percentiles of the draws.
    pub interval: (f64, f64),
}

impl Sequences {
    /// Sequences drawn from a null model; lengths, weights and persons stay.
    ///
    /// In [`NullModel::Sequencing`], [`NullModel::Duration`] and [`NullModel::Combined`] a gap is a
    /// spell like others; in the other two missing positions stay where they are. Spells of one
    /// state that come to stand beside each other merge.
    #[must_use]
    pub fn drawn(&self, model: NullModel, seed: Seed) -> Self {
        let shares = self.mean_time();
        let states = self.alphabet.len();
        let rates = self.transition_rates(1);
        let mut first = vec![0.0; states];
        for (row, weight) in self.weights.iter().enumerate() {
            if let Some(&code) = self.row(row).first().filter(|&&code| code < MISSING) {
                first[code as usize] += weight;
            }
        }
        let mut own = self.clone();
        let width = self.positions.len();
        for row in 0..self.len() {
            let body = self.body(row);
            let draw = |at: u64| seed.uniform([row as u64, at, 17]);
            let drawn: Vec<u8> = match model {
                NullModel::States => body
                    .iter()
                    .enumerate()
                    .map(|(at, &code)| match code {
                        MISSING => MISSING,
                        _ => pick(&shares, draw(at as u64)),
                    })
                    .collect(),
                NullModel::Markov => {
                    let mut before: Option<u8> = None;
                    let step = |(at, &code): (usize, &u8)| {
                        if code == MISSING {
                            return MISSING;
                        }
                        let from = before.map_or(&first[..], |code| {
                            &rates[code as usize * states..(code as usize + 1) * states]
                        });
                        let any = from.iter().sum::<f64>() > 0.0;
                        let odds = if any { from } else { &shares[..] };
                        let code = pick(odds, draw(at as u64));
                        before = Some(code);
                        code
                    };
                    body.iter().enumerate().map(step).collect()
                }
                _ => spells_anew(body, model, &|at, n| seed.below([row as u64, at, 19], n)),
            };
            let codes = &mut own.codes[row * width..(row + 1) * width];
            codes.fill(VOID);
            codes[..drawn.len()].copy_from_slice(&drawn);
        }
        own.index()
    }

    /// Compares the quality of types with that of types found in the same way in sequences without
    /// types: a clustering finds types in noise too.
    ///
    /// Costs that are learned from the data are learned anew in each draw.
    ///
    /// # Errors
    ///
    /// As [`Dissimilarity::between`] and [`Distances::pam`]; [`TrajectoryError::BadArgument`]
    /// without draws or numbers of types from 2 on.
    pub fn against(
        &self,
        measure: &Dissimilarity,
        algorithm: Algorithm,
        ks: &[usize],
        (model, draws): (NullModel, usize),
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Vec<Against>, TrajectoryError> {
        if draws == 0 {
            return Err(bad("draws", "at least one draw", draws));
        }
        if ks.is_empty() || ks.contains(&0) || ks.contains(&1) {
            return Err(bad("k", "numbers of types from 2 on", format!("{ks:?}")));
        }
        let quiet = Ticket::new();
        let found = |own: &Self| -> Result<Vec<Quality>, TrajectoryError> {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            let distances = measure.between_with(own, &quiet)?;
            let types = distances.by(algorithm, ks, &quiet)?;
            distances.quality(&types.iter().collect::<Vec<_>>(), &quiet)
        };
        ticket.stage("draws", draws as u64 + 1);
        let observed = found(self)?;
        ticket.advance(1);
        let mut all = Vec::with_capacity(draws);
        for draw in 0..draws as u64 {
            all.push(found(&self.drawn(model, seed.stream(draw)))?);
            ticket.advance(1);
        }
        let names = observed[0].named().map(|(name, _)| name);
        let mut rows = Vec::with_capacity(ks.len() * names.len());
        for (place, name) in names.into_iter().enumerate() {
            // low is good for the last
            let sign = if name == "hc" { -1.0 } else { 1.0 };
            let values = |at: usize| -> Vec<f64> {
                all.iter().map(|draw| draw[at].named()[place].1).collect()
            };
            let moments: Vec<(f64, f64)> = (0..ks.len()).map(|at| moments(&values(at))).collect();
            let standard = |at: usize, value: f64| {
                let (mean, sd) = moments[at];
                let gap = sign * (value - mean);
                if sd > 0.0 { gap / sd } else { gap * f64::MAX.sqrt() }
            };
            let largest = |of: &dyn Fn(usize) -> f64| {
                (0..ks.len()).map(|at| standard(at, of(at))).fold(f64::NEG_INFINITY, f64::max)
            };
            let best: Vec<f64> =
                all.iter().map(|draw| largest(&|at| draw[at].named()[place].1)).collect();
            for (at, &k) in ks.iter().enumerate() {
                let (value, own) = (observed[at].named()[place].1, values(at));
                let good = own.iter().filter(|&&null| sign * null >= sign * value).count();
                let any = best.iter().filter(|&&null| null >= standard(at, value)).count();
                let share = |count: usize| (count + 1) as f64 / (draws + 1) as f64;
                let known = value.is_finite() && own.iter().all(|null| null.is_finite());
                let p = |count: usize| if known { share(count) } else { f64::NAN };
                rows.push(Against {
                    k,
                    measure: name,
                    observed: value,
                    mean: moments[at].0,
                    sd: moments[at].1,
                    interval: percentiles(own, 0.95),
                    p: p(good),
                    p_any: p(any),
                });
            }
        }
        Ok(rows)
    }
}

impl Distances {
    /// Types for each of `ks`.
    fn by(
        &self,
        algorithm: Algorithm,
        ks: &[usize],
        ticket: &Ticket,
    ) -> Result<Vec<Typology>, TrajectoryError> {
        match algorithm {
            Algorithm::Medoids => self.pam(ks, ticket),
            Algorithm::Tree(linkage) => self.cut(&self.tree(linkage, ticket)?, ks, ticket),
        }
    }

    /// How the quality of types varies from sample to sample: persons are drawn anew, with
    /// replacement, and the same types are judged by them.
    ///
    /// # Errors
    ///
    /// As [`quality`](Self::quality); [`TrajectoryError::BadArgument`] without draws or for a level
    /// outside 0 to 1.
    pub fn quality_drawn(
        &self,
        typologies: &[&Typology],
        draws: usize,
        level: f64,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Vec<Spread>, TrajectoryError> {
        if draws == 0 {
            return Err(bad("draws", "at least one draw", draws));
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(bad("level", "a share between 0 and 1", level));
        }
        let quiet = Ticket::new();
        let observed = self.quality(typologies, &quiet)?;
        ticket.stage("draws", draws as u64);
        let mut own = self.clone();
        let n = self.len() as u64;
        let mut all = Vec::with_capacity(draws);
        for draw in 0..draws as u64 {
            if ticket.is_cancelled() {
                return Err(TrajectoryError::Cancelled);
            }
            own.weights.fill(0.0);
            for at in 0..n {
                let row = seed.below([draw, at, 23], n) as usize;
                own.weights[row] += self.weights[row];
            }
            all.push(own.quality(typologies, &quiet)?);
            ticket.advance(1);
        }
        let mut rows = Vec::new();
        for (at, typology) in typologies.iter().enumerate() {
            for (place, (measure, observed)) in observed[at].named().into_iter().enumerate() {
                let values: Vec<f64> = all.iter().map(|draw| draw[at].named()[place].1).collect();
                let (mean, sd) = moments(&values);
                let interval = percentiles(values, level);
                rows.push(Spread { k: typology.k(), measure, observed, mean, sd, interval });
            }
        }
        Ok(rows)
    }
}

/// The state at which the running share passes a number between 0 and 1.
fn pick(shares: &[f64], at: f64) -> u8 {
    let mut rest = at * shares.iter().sum::<f64>();
    let mut last = 0;
    for (state, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        last = state as u8;
        if rest < *share {
            break;
        }
        rest -= share;
    }
    last
}

/// Spells in another order, of other lengths, or both; `below(at, n)` is the at-th draw below n.
fn spells_anew(body: &[u8], model: NullModel, below: &dyn Fn(u64, u64) -> u64) -> Vec<u8> {
    let mut spells: Vec<(u8, usize)> = Vec::new();
    for &code in body {
        match spells.last_mut() {
            Some((state, length)) if *state == code => *length += 1,
            _ => spells.push((code, 1)),
        }
    }
    if model != NullModel::Duration {
        for at in (1..spells.len()).rev() {
            spells.swap(at, below(at as u64, at as u64 + 1) as usize);
        }
    }
    if model != NullModel::Sequencing && spells.len() > 1 {
        // as many different cuts as there are changes, all sets of cuts alike
        let mut cuts: Vec<usize> = (1..body.len()).collect();
        for at in 0..spells.len() - 1 {
            let left = (cuts.len() - at) as u64;
            cuts.swap(at, at + below((1 << 32) + at as u64, left) as usize);
        }
        cuts.truncate(spells.len() - 1);
        cuts.push(0);
        cuts.push(body.len());
        cuts.sort_unstable();
        for (spell, cut) in spells.iter_mut().zip(cuts.windows(2)) {
            spell.1 = cut[1] - cut[0];
        }
    }
    spells.into_iter().flat_map(|(code, length)| std::iter::repeat_n(code, length)).collect()
}

/// Mean and standard deviation (over n - 1).
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, if n > 1.0 { (square / (n - 1.0)).sqrt() } else { 0.0 })
}

/// The percentiles between which a share of the values lies (linear between neighbours).
fn percentiles(mut values: Vec<f64>, level: f64) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() as f64 - 1.0);
        let (low, part) = (place.floor() as usize, place.fract());
        let high = (low + 1).min(values.len() - 1);
        values[low] + part * (values[high] - values[low])
    };
    (at((1.0 - level) / 2.0), at(f64::midpoint(1.0, level)))
}
