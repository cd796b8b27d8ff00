//! Effects from starters and their controls.

use super::pairing::{Ordered, Pairs, Place};
use super::risk::Risk;
use super::spread::{Spread, clustered};

/// Neighbours on each side whose mean a control is held against.
const SIDE: usize = 2;

/// What pairs say, by horizon.
pub(super) struct Paired {
    pub(super) estimates: Vec<f64>,
    /// Starters compared, and controls that serve.
    pub(super) compared: Vec<f64>,
    pub(super) controls: Vec<u64>,
}

/// The gap between a starter and the mean of its controls at one horizon; what controls weigh
/// there.
fn gap(
    at: &[Option<f64>],
    (k, h): (usize, usize),
    starter: u32,
    controls: &[u32],
    weights: &[f64],
) -> Option<(f64, f64)> {
    let own = at[starter as usize * k + h]?;
    let (mut sum, mut mass) = (0.0, 0.0);
    for (&control, weight) in controls.iter().zip(weights) {
        if let Some(y) = at[control as usize * k + h] {
            sum += weight * y;
            mass += weight;
        }
    }
    (mass > 0.0).then(|| (own - sum / mass, mass))
}

/// Gaps of all starters at the one horizon of `at`.
pub(super) fn gaps(pairs: &Pairs, at: &[Option<f64>]) -> Vec<f64> {
    let own =
        |(starter, controls, weights)| gap(at, (1, 0), starter, controls, weights).map(|own| own.0);
    pairs.each().filter_map(own).collect()
}

/// Estimates when starters count `times` each.
pub(super) fn estimates(
    pairs: &Pairs,
    at: &[Option<f64>],
    k: usize,
    times: Option<&[u32]>,
) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut masses) = (vec![0.0; k], vec![0.0; k]);
    for (starter, controls, weights) in pairs.each() {
        let n = times.map_or(1.0, |times| f64::from(times[starter as usize]));
        for h in 0..k {
            if let Some((gap, _)) = gap(at, (k, h), starter, controls, weights) {
                sums[h] += n * gap;
                masses[h] += n;
            }
        }
    }
    (sums.iter().zip(&masses).map(|(sum, mass)| sum / mass).collect(), masses)
}

/// Estimates with their covariance.
///
/// Starters bring their gap less the effect; a control its weight times what it differs from the
/// controls next to it in the cell, widened by `sqrt(J/(J+1))`; both add up by person. What the
/// gap already holds of a control's own variance is taken off once (Abadie & Imbens 2006, theorem
/// 7).
pub(super) fn paired(
    pairs: &Pairs,
    risk: &[Risk],
    ordered: &Ordered,
    place: &Place,
    (at, k): (&[Option<f64>], usize),
) -> (Paired, Spread) {
    let (estimates, compared) = estimates(pairs, at, k, None);
    let mut psi = vec![0.0; risk.len() * k];
    // Sums of weights and of their squares, by control and horizon.
    let mut serves = vec![[0.0; 2]; risk.len() * k];
    for (starter, controls, weights) in pairs.each() {
        for h in 0..k {
            let Some((gap, mass)) = gap(at, (k, h), starter, controls, weights) else { continue };
            psi[starter as usize * k + h] += (gap - estimates[h]) / compared[h];
            for (&control, weight) in controls.iter().zip(weights) {
                let slot = control as usize * k + h;
                if at[slot].is_some() {
                    let own = weight / mass;
                    serves[slot][0] += own;
                    serves[slot][1] += own * own;
                }
            }
        }
    }
    let controls = (0..k)
        .map(|h| serves.iter().skip(h).step_by(k).filter(|own| own[0] > 0.0).count() as u64)
        .collect();
    let residuals = residuals(ordered, place, &serves, (at, k));
    let mut twice = vec![0.0; k * k];
    let mut alone = vec![0.0; k * k];
    let mut mean = vec![[0.0; 2]; k];
    for (slot, residual) in residuals.iter().enumerate().filter(|own| !own.1.is_nan()) {
        let own = &mut mean[slot % k];
        *own = [own[0] + residual * residual, own[1] + 1.0];
    }
    for person in 0..risk.len() {
        for i in 0..k {
            let slot = person * k + i;
            let [mass, square] = serves[slot];
            if mass == 0.0 {
                continue;
            }
            if residuals[slot].is_nan() {
                if mean[i][1] > 0.0 {
                    let variance = mean[i][0] / mean[i][1];
                    alone[i * k + i] += (mass * mass - square) * variance / compared[i].powi(2);
                }
                continue;
            }
            psi[slot] -= mass * residuals[slot] / compared[i];
            for j in 0..k {
                let other = person * k + j;
                if serves[other][0] > 0.0 && !residuals[other].is_nan() {
                    let both = (square * serves[other][1]).sqrt();
                    twice[i * k + j] +=
                        both * residuals[slot] * residuals[other] / (compared[i] * compared[j]);
                }
            }
        }
    }
    let mut spread = clustered(&psi, &[], risk, k);
    for (slot, value) in spread.vcov.iter_mut().enumerate() {
        *value += alone[slot] - twice[slot];
    }
    for h in 0..k {
        // Below what starters alone bring, the correction has taken off too much.
        let floor = risk
            .iter()
            .enumerate()
            .filter(|own| own.1.starts)
            .map(|(at, _)| psi[at * k + h].powi(2))
            .sum::<f64>();
        spread.vcov[h * k + h] = spread.vcov[h * k + h].max(0.5 * floor);
    }
    (Paired { estimates, compared, controls }, spread)
}

/// What each control that serves differs from those next to it; NaN where there is nobody.
fn residuals(
    ordered: &Ordered,
    place: &Place,
    serves: &[[f64; 2]],
    (at, k): (&[Option<f64>], usize),
) -> Vec<f64> {
    let mut residuals = vec![f64::NAN; serves.len()];
    for cell in 0..ordered.cells() {
        let own = ordered.controls(cell);
        for h in 0..k {
            let all: Vec<(u32, f64)> =
                own.iter().filter_map(|&one| Some((one, at[one as usize * k + h]?))).collect();
            for (here, &(one, y)) in all.iter().enumerate() {
                let slot = one as usize * k + h;
                if serves[slot][0] == 0.0 || all.len() < 2 {
                    continue;
                }
                let (others, n) = match place {
                    Place::Points(..) => {
                        let mut near: Vec<(f64, u32, f64)> = all
                            .iter()
                            .filter(|other| other.0 != one)
                            .map(|&(other, y)| (place.distance(one, other), other, y))
                            .collect();
                        let n = near.len().min(2 * SIDE);
                        near.select_nth_unstable_by(n - 1, |a, b| {
                            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
                        });
                        let mut near: Vec<(u32, f64)> =
                            near[..n].iter().map(|own| (own.1, own.2)).collect();
                        // Summed in one order, whatever the selection left.
                        near.sort_unstable_by_key(|own| own.0);
                        (near.iter().map(|own| own.1).sum::<f64>(), n as f64)
                    }
                    Place::Odds(_) => {
                        let near = here.saturating_sub(SIDE)..(here + SIDE + 1).min(all.len());
                        let n = near.len() - 1;
                        (all[near].iter().map(|own| own.1).sum::<f64>() - y, n as f64)
                    }
                };
                residuals[slot] = (y - others / n) * (n / (n + 1.0)).sqrt();
            }
        }
    }
    residuals
}
