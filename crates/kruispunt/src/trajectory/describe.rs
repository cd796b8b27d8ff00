use super::Sequences;
use super::alphabet::MISSING;
use serde::{Deserialize, Serialize};

/// Which states there are at each position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossSection {
    /// Share of each state among the known ones: shape `(states, positions)`, state by state; 0
    /// where nobody is seen.
    pub distribution: Vec<f64>,
    /// Weight of sequences with a known state, one a position.
    pub valid: Vec<f64>,
    /// Sequences with a known state, one a position.
    pub n: Vec<u64>,
    /// Shannon entropy over its largest value, one a position; NaN where nobody is seen.
    pub entropy: Vec<f64>,
    /// The most frequent state, the first of the alphabet among equals; `None` where nobody is
    /// seen.
    pub modal: Vec<Option<u8>>,
    /// Positions where the most frequent state was tied.
    pub ties: u64,
}

/// Entropy of shares, in nats.
pub(super) fn entropy(shares: impl Iterator<Item = f64>) -> f64 {
    // subtracted from zero, so that no entropy is 0 and not -0
    0.0 - shares.filter(|&share| share > 0.0).map(|share| share * libm::log(share)).sum::<f64>()
}

/// Entropy over its largest value; 0 with a single state.
pub(super) fn relative_entropy(shares: impl Iterator<Item = f64>, states: usize) -> f64 {
    if states < 2 { 0.0 } else { entropy(shares) / libm::log(states as f64) }
}

impl Sequences {
    /// The distribution of states at each position, its entropy and the most frequent state.
    #[must_use]
    pub fn cross_section(&self) -> CrossSection {
        let (states, width) = (self.alphabet.len(), self.positions.len());
        let mut distribution = vec![0.0; states * width];
        let mut n = vec![0; width];
        for (row, weight) in self.weights.iter().enumerate() {
            for (at, &code) in self.row(row).iter().enumerate() {
                if code < MISSING {
                    distribution[code as usize * width + at] += weight;
                    n[at] += 1;
                }
            }
        }
        let mut valid = vec![0.0; width];
        let (mut entropies, mut modal) = (Vec::with_capacity(width), Vec::with_capacity(width));
        let mut ties = 0;
        for at in 0..width {
            let total: f64 = (0..states).map(|state| distribution[state * width + at]).sum();
            valid[at] = total;
            if total > 0.0 {
                (0..states).for_each(|state| distribution[state * width + at] /= total);
            }
            let shares = || (0..states).map(|state| distribution[state * width + at]);
            let top = shares().fold(0.0, f64::max);
            let first = shares().position(|share| share == top && top > 0.0);
            modal.push(first.map(|state| state as u8));
            ties += u64::from(top > 0.0 && shares().filter(|&share| share == top).count() > 1);
            entropies.push(if total > 0.0 { relative_entropy(shares(), states) } else { f64::NAN });
        }
        CrossSection { distribution, valid, n, entropy: entropies, modal, ties }
    }

    /// The mean number of positions in each state, weighted, shape `(states,)`.
    #[must_use]
    pub fn mean_time(&self) -> Vec<f64> {
        let mut time = vec![0.0; self.alphabet.len()];
        for (row, weight) in self.weights.iter().enumerate() {
            for &code in self.row(row).iter().filter(|&&code| code < MISSING) {
                time[code as usize] += weight;
            }
        }
        let total: f64 = self.weights.iter().sum();
        time.into_iter().map(|time| if total > 0.0 { time / total } else { 0.0 }).collect()
    }

    /// How often a state is followed by another `lag` positions on: shape `(states, states)`, rows
    /// sum to one (to zero for a state that is never followed). Pairs with a missing state do not
    /// count.
    #[must_use]
    pub fn transition_rates(&self, lag: usize) -> Vec<f64> {
        let states = self.alphabet.len();
        rates(self.transition_counts(lag, states, |code| code), states)
    }

    /// As [`transition_rates`](Self::transition_rates), with missing as the last state.
    pub(super) fn transition_rates_with_missing(&self, lag: usize) -> Vec<f64> {
        let states = self.alphabet.len() + 1;
        let last = self.alphabet.len() as u8;
        rates(self.transition_counts(lag, states, |c| if c == MISSING { last } else { c }), states)
    }

    /// Transition rates from each position to the next: shape `(positions - 1, states, states)`.
    #[must_use]
    pub fn transition_rates_by_position(&self) -> Vec<f64> {
        let (states, width) = (self.alphabet.len(), self.positions.len());
        let mut all = Vec::with_capacity(width.saturating_sub(1) * states * states);
        for at in 1..width {
            let mut counts = vec![0.0; states * states];
            for (row, weight) in self.weights.iter().enumerate() {
                let codes = self.row(row);
                if codes[at - 1] < MISSING && codes[at] < MISSING {
                    counts[codes[at - 1] as usize * states + codes[at] as usize] += weight;
                }
            }
            all.extend(rates(counts, states));
        }
        all
    }

    fn transition_counts(&self, lag: usize, states: usize, code: impl Fn(u8) -> u8) -> Vec<f64> {
        let mut counts = vec![0.0; states * states];
        for (row, weight) in self.weights.iter().enumerate() {
            let codes = self.row(row);
            for (&from, &to) in codes.iter().zip(codes.iter().skip(lag)) {
                let (from, to) = (code(from) as usize, code(to) as usize);
                if from < states && to < states {
                    counts[from * states + to] += weight;
                }
            }
        }
        counts
    }
}

/// Rows that sum to one.
fn rates(mut counts: Vec<f64>, states: usize) -> Vec<f64> {
    for row in counts.chunks_exact_mut(states) {
        let total: f64 = row.iter().sum();
        if total > 0.0 {
            for count in row {
                *count /= total;
            }
        }
    }
    counts
}
