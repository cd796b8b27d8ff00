//! Standard errors from persons drawn anew.

use super::paired::estimates;
use super::pairing::{Matcher, Ordered, Pairing, Pairs, Place, Reuse};
use super::risk::Risk;
use super::{DynamicMatching, go_on, weighted};
use crate::data::{Seed, Ticket};
use crate::evaluate::EvaluateError;
use rayon::prelude::*;

/// Draws done before looking whether to go on.
const BATCH: u32 = 16;

/// What a draw works on.
pub(super) struct Drawing<'a> {
    pub(super) risk: &'a [Risk],
    pub(super) at: &'a [Option<f64>],
    pub(super) place: &'a Place,
    pub(super) n_cells: usize,
    pub(super) ordered: Option<&'a Ordered>,
    /// Of controls, by horizon, where all of a cell are weighed.
    pub(super) weights: Option<&'a [f64]>,
    pub(super) pairs: Option<&'a Pairs>,
    pub(super) caliper: f64,
    pub(super) persons: usize,
}

impl DynamicMatching {
    /// The covariance of estimates over samples of persons drawn with replacement.
    ///
    /// Each draw compares anew, within the same cells and with the same log odds; where a control
    /// serves once, pairs stay together and are drawn by the starter's person.
    pub(super) fn resampled(
        &self,
        own: &Drawing<'_>,
        (draws, seed): (u32, Seed),
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let k = self.horizons.len();
        ticket.stage("drawing persons anew", u64::from(draws));
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(draws as usize);
        for start in (0..draws).step_by(BATCH as usize) {
            go_on(ticket)?;
            let end = (start + BATCH).min(draws);
            let part: Vec<Vec<f64>> =
                (start..end).into_par_iter().map(|draw| self.draw(own, k, (draw, seed))).collect();
            ticket.advance(u64::from(end - start));
            all.extend(part);
        }
        let mut vcov = vec![0.0; k * k];
        let mut means = vec![0.0; k];
        let mut n = 0.0;
        for draw in all.iter().filter(|own| own.iter().all(|value| value.is_finite())) {
            n += 1.0;
            // Welford's sums
            let before: Vec<f64> = draw.iter().zip(&means).map(|(x, mean)| x - mean).collect();
            for (mean, gap) in means.iter_mut().zip(&before) {
                *mean += gap / n;
            }
            for i in 0..k {
                for j in 0..k {
                    vcov[i * k + j] += before[i] * (draw[j] - means[j]);
                }
            }
        }
        if n < 20.0 {
            return Err(EvaluateError::NoSolution {
                what: "the bootstrap",
                why: "fewer than 20 draws gave an estimate at every horizon",
            });
        }
        for value in &mut vcov {
            *value /= n - 1.0;
        }
        Ok(vcov)
    }

    fn draw(&self, own: &Drawing<'_>, k: usize, (draw, seed): (u32, Seed)) -> Vec<f64> {
        let n = own.persons as u64;
        let mut drawn = vec![0_u32; own.persons];
        for at in 0..n {
            drawn[seed.below([u64::from(draw), at, 0xB007], n) as usize] += 1;
        }
        let times: Vec<u32> = own.risk.iter().map(|at| drawn[at.person]).collect();
        if let Some(weights) = own.weights {
            let found =
                weighted::Means::of(own.risk, (own.at, k), weights, own.n_cells, Some(&times));
            return found.effects().0;
        }
        let Some(ordered) = own.ordered else { return vec![f64::NAN; k] };
        let pairs = match own.pairs {
            Some(pairs) if self.reuse == Reuse::Without && self.pairing != Pairing::Cells => {
                return estimates(pairs, own.at, k, Some(&times)).0;
            }
            _ if self.pairing == Pairing::Cells => return by_cells(own, ordered, k, &times),
            _ => Matcher {
                pairing: self.pairing,
                reuse: self.reuse,
                caliper: own.caliper,
                place: own.place,
                ordered,
                times: Some(&times),
            }
            .pairs(),
        };
        estimates(&pairs, own.at, k, Some(&times)).0
    }
}

/// Means of cells when those at risk count `times` each.
fn by_cells(own: &Drawing<'_>, ordered: &Ordered, k: usize, times: &[u32]) -> Vec<f64> {
    let (mut sums, mut masses) = (vec![0.0; k], vec![0.0; k]);
    for cell in 0..ordered.cells() {
        for h in 0..k {
            let arm = |of: &[u32]| {
                let (mut sum, mut mass) = (0.0, 0.0);
                for &at in of {
                    let n = f64::from(times[at as usize]);
                    if let Some(y) = own.at[at as usize * k + h].filter(|_| n > 0.0) {
                        sum += n * y;
                        mass += n;
                    }
                }
                (sum, mass)
            };
            let one = arm(ordered.starters(cell));
            if one.1 == 0.0 {
                continue;
            }
            let other = arm(ordered.controls(cell));
            if other.1 > 0.0 {
                sums[h] += one.0 - one.1 * other.0 / other.1;
                masses[h] += one.1;
            }
        }
    }
    sums.iter().zip(&masses).map(|(sum, mass)| sum / mass).collect()
}
