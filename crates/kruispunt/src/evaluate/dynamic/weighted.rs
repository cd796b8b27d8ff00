//! Effects when all controls of a cell are weighed.

use super::later::Later;
use super::pairing::{Pairing, Place};
use super::risk::{Risk, RiskSets};
use super::score::Logit;
use super::spread::clustered;
use super::{Answer, DynamicMatching};

/// Weights of controls at each horizon, row by row of `risk`: odds to start, times one over the
/// chance not to have started since.
pub(super) fn weights(risk: &[Risk], place: &Place, later: Option<&[f64]>, k: usize) -> Vec<f64> {
    let odds = |at: usize| match place {
        Place::Odds(odds) => libm::exp(odds[at]),
        Place::Points(..) => 1.0,
    };
    (0..risk.len() * k)
        .map(|slot| odds(slot / k) * later.map_or(1.0, |later| later[slot]))
        .map(|own| if own.is_finite() { own } else { 0.0 })
        .collect()
}

/// What a cell holds at a horizon: starters and weighed controls.
#[derive(Clone, Copy, Default)]
struct Arms {
    starters: f64,
    sum: f64,
    mass: f64,
    weighed: f64,
    squares: f64,
    controls: f64,
}

impl Arms {
    fn both(&self) -> bool {
        self.starters > 0.0 && self.mass > 0.0
    }

    fn control(&self) -> f64 {
        self.weighed / self.mass
    }
}

/// Means by cell and horizon.
pub(super) struct Means {
    arms: Vec<Arms>,
    k: usize,
}

impl Means {
    /// Those at risk count `times` each.
    pub(super) fn of(
        risk: &[Risk],
        (at, k): (&[Option<f64>], usize),
        weights: &[f64],
        n_cells: usize,
        times: Option<&[u32]>,
    ) -> Self {
        let mut arms = vec![Arms::default(); n_cells * k];
        for (row, own) in risk.iter().enumerate() {
            let n = times.map_or(1.0, |times| f64::from(times[row]));
            for h in 0..k {
                let Some(y) = at[row * k + h].filter(|_| n > 0.0) else { continue };
                let arm = &mut arms[own.cell as usize * k + h];
                if own.starts {
                    arm.starters += n;
                    arm.sum += n * y;
                } else {
                    let weight = n * weights[row * k + h];
                    arm.mass += weight;
                    arm.weighed += weight * y;
                    arm.squares += weight * weight;
                    arm.controls += f64::from(u8::from(weight > 0.0));
                }
            }
        }
        Self { arms, k }
    }

    /// Effects and starters compared, by horizon.
    pub(super) fn effects(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut effects, mut compared) = (vec![0.0; self.k], vec![0.0; self.k]);
        for cell in self.arms.chunks(self.k) {
            for (h, arm) in cell.iter().enumerate().filter(|own| own.1.both()) {
                effects[h] += arm.sum - arm.starters * arm.control();
                compared[h] += arm.starters;
            }
        }
        effects.iter_mut().zip(&compared).for_each(|(own, n)| *own /= n);
        (effects, compared)
    }
}

impl DynamicMatching {
    /// Weighed means within cells; errors by person.
    ///
    /// A starter brings `y - mean of controls - ATT`, a control its share of the weight times what
    /// it differs from that mean, widened by `sqrt(m/(m-1))` where `m` is the number of controls
    /// that would say as much without weights. Weights are estimated: what a row brings to the
    /// coefficients they come from, times what these do to the effect, is added (stacked estimating
    /// equations, Lunceford & Davidian 2004).
    pub(super) fn by_weights(
        &self,
        sets: &RiskSets,
        at: &[Option<f64>],
        weights: &[f64],
        (logit, later, persons): (Option<&Logit>, Option<&Later>, usize),
    ) -> Answer {
        let (risk, k) = (&sets.risk, self.horizons.len());
        let means = Means::of(risk, (at, k), weights, sets.n_cells, None);
        let (estimates, compared) = means.effects();
        let mut counts = vec![[0_u64; 2]; k];
        for cell in means.arms.chunks(k) {
            for (h, arm) in cell.iter().enumerate().filter(|own| own.1.both()) {
                counts[h][0] += arm.controls as u64;
                counts[h][1] += arm.starters as u64;
            }
        }
        let mut psi = vec![0.0; risk.len() * k];
        // What the effect makes of the logarithm of a weight.
        let mut slopes = vec![0.0; risk.len() * k];
        for (row, own) in risk.iter().enumerate() {
            for h in 0..k {
                let (slot, arm) = (row * k + h, &means.arms[own.cell as usize * k + h]);
                let Some(y) = at[slot].filter(|_| arm.both()) else { continue };
                let gap = y - arm.control();
                if own.starts {
                    psi[slot] = (gap - estimates[h]) / compared[h];
                } else {
                    let alike = arm.mass * arm.mass / arm.squares;
                    let wide = if alike > 1.5 { (alike / (alike - 1.0)).sqrt() } else { 1.0 };
                    slopes[slot] = -arm.starters * weights[slot] / arm.mass * gap / compared[h];
                    psi[slot] = slopes[slot] * wide;
                }
            }
        }
        let mut more = later.map_or(Vec::new(), |own| own.influence(&slopes, k, persons));
        if let Some(logit) = logit.filter(|_| self.pairing == Pairing::Odds) {
            more.resize(persons * k, 0.0);
            for h in 0..k {
                let own: Vec<f64> = slopes.iter().skip(h).step_by(k).copied().collect();
                for (value, risk) in logit.influence(&own).into_iter().zip(risk) {
                    more[risk.person * k + h] += value;
                }
            }
        }
        let spread = clustered(&psi, &more, risk, k);
        Answer { estimates, counts, spread, notes: Vec::new() }
    }
}
