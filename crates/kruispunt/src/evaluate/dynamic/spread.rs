//! Cells at a horizon, and the covariance of what they say.

use super::go_on;
use super::risk::Risk;
use crate::data::Ticket;
use crate::evaluate::EvaluateError;

/// Means of a cell at a horizon.
#[derive(Clone, Copy, Default)]
pub(super) struct Arm {
    pub(super) n: [u32; 2],
    pub(super) sum: [f64; 2],
}

impl Arm {
    pub(super) const fn both(&self) -> bool {
        self.n[0] > 0 && self.n[1] > 0
    }

    pub(super) fn mean(&self, side: usize) -> f64 {
        self.sum[side] / f64::from(self.n[side])
    }
}

/// What the cells hold.
pub(super) struct Found<'a> {
    pub(super) risk: &'a [Risk],
    /// Outcomes, row by row of `risk`, `k` each.
    pub(super) at: &'a [Option<f64>],
    pub(super) arms: &'a [Arm],
    pub(super) estimates: &'a [f64],
    /// Starters compared at each horizon.
    pub(super) compared: Vec<f64>,
}

pub(super) struct Spread {
    pub(super) vcov: Vec<f64>,
    pub(super) clusters: u64,
}

impl Found<'_> {
    /// The covariance of the estimates, clustered by person.
    pub(super) fn covariance(&self, k: usize, ticket: &Ticket) -> Result<Spread, EvaluateError> {
        let (mut vcov, mut own) = (vec![0.0; k * k], vec![0.0; k]);
        let (mut noise, mut noises) = (vec![0.0; k * k], vec![0.0; k * k]);
        let mut residuals = vec![None; k];
        let mut clusters = 0_u64;
        let mut any = false;
        for (at, risk) in self.risk.iter().enumerate() {
            let cell = risk.cell as usize;
            for h in 0..k {
                residuals[h] = None;
                let arm = &self.arms[cell * k + h];
                let (Some(y), true) = (self.at[at * k + h], arm.both()) else { continue };
                any = true;
                if risk.starts {
                    own[h] += (y - arm.mean(0) - self.estimates[h]) / self.compared[h];
                    continue;
                }
                let n0 = f64::from(arm.n[0]);
                if arm.n[0] > 1 {
                    let residual = (y - arm.mean(0)) * (n0 / (n0 - 1.0)).sqrt();
                    own[h] -= f64::from(arm.n[1]) / n0 * residual / self.compared[h];
                    residuals[h] = Some(residual);
                }
            }
            for (i, j) in pairs(k) {
                if let (Some(a), Some(b)) = (residuals[i], residuals[j]) {
                    noise[i * k + j] += a * b;
                    noises[i * k + j] += 1.0;
                }
            }
            let done = self.risk.get(at + 1).is_none_or(|next| next.person != risk.person);
            if done && any {
                clusters += 1;
                for (i, j) in pairs(k) {
                    vcov[i * k + j] += own[i] * own[j];
                }
                own.fill(0.0);
                any = false;
            }
            if at % (1 << 16) == 0 {
                go_on(ticket)?;
            }
        }
        // Controls that are alone in their cell, by the variance of those that are not.
        for cell in self.arms.chunks(k) {
            for (i, j) in pairs(k).filter(|&(i, j)| cell[i].n[0] == 1 && cell[j].n[0] == 1) {
                if cell[i].both() && cell[j].both() && noises[i * k + j] > 0.0 {
                    let weight = f64::from(cell[i].n[1]) / self.compared[i]
                        * f64::from(cell[j].n[1])
                        / self.compared[j];
                    vcov[i * k + j] += weight * noise[i * k + j] / noises[i * k + j];
                }
            }
        }
        let g = clusters as f64;
        let scale = if clusters > 1 { g / (g - 1.0) } else { 1.0 };
        for (i, j) in pairs(k) {
            vcov[i * k + j] *= scale;
            vcov[j * k + i] = vcov[i * k + j];
        }
        Ok(Spread { vcov, clusters })
    }
}

/// The covariance of sums of `psi`, row by row of `risk`, added up by person, and of `more`, by
/// person (nothing when empty).
pub(super) fn clustered(psi: &[f64], more: &[f64], risk: &[Risk], k: usize) -> Spread {
    let (mut vcov, mut own) = (vec![0.0; k * k], vec![0.0; k]);
    let mut clusters = 0_u64;
    let mut done = 0;
    let alone = |vcov: &mut [f64], persons: std::ops::Range<usize>| {
        for own in more.get(persons.start * k..persons.end * k).unwrap_or_default().chunks(k) {
            for (i, j) in pairs(k) {
                vcov[i * k + j] += own[i] * own[j];
            }
        }
    };
    for (at, risk_row) in risk.iter().enumerate() {
        for (slot, value) in own.iter_mut().zip(&psi[at * k..(at + 1) * k]) {
            *slot += value;
        }
        if risk.get(at + 1).is_none_or(|next| next.person != risk_row.person) {
            clusters += u64::from(own.iter().any(|value| *value != 0.0));
            let person = risk_row.person;
            alone(&mut vcov, done..person);
            done = person + 1;
            for (slot, value) in own.iter_mut().zip(more.get(person * k..).unwrap_or_default()) {
                *slot += value;
            }
            for (i, j) in pairs(k) {
                vcov[i * k + j] += own[i] * own[j];
            }
            own.fill(0.0);
        }
    }
    alone(&mut vcov, done..more.len() / k.max(1));
    let g = clusters as f64;
    let scale = if clusters > 1 { g / (g - 1.0) } else { 1.0 };
    for (i, j) in pairs(k) {
        vcov[i * k + j] *= scale;
        vcov[j * k + i] = vcov[i * k + j];
    }
    Spread { vcov, clusters }
}

/// Pairs `i >= j`.
fn pairs(k: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..k).flat_map(|i| (0..=i).map(move |j| (i, j)))
}
