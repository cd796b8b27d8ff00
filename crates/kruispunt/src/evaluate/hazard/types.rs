//! A few types of persons, each with its own intercept.

use super::frailty::{State, climb};
use super::mixing::{Grouped, Mixing, Peak, shares};
use crate::data::Ticket;
use crate::evaluate::EvaluateError;

/// Adds types of persons while that helps.
pub(super) fn points(
    own: &Grouped,
    (start, without): (Vec<f64>, f64),
    free: &[usize],
    types: Option<u32>,
    (peaks, each): (&mut [Peak], bool),
    ticket: &Ticket,
) -> Result<(State, usize), EvaluateError> {
    let after = start.len();
    let most = types.unwrap_or(8) as usize;
    let mut best: Option<(State, usize)> = None;
    let (mut places, mut odds): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut base = start;
    for n in 2..=most {
        let mixing = Mixing::Points { n };
        let mut all = free.to_vec();
        all.extend(after..after + 2 * (n - 1));
        let mut top: Option<State> = None;
        for (place, share) in starts(own, &base, &places, &odds) {
            let new = libm::log(share / (1.0 - share)) + libm::log(shares_total(&odds));
            // The mean of the others moves the other way.
            let shifted = base.iter().enumerate().map(|(at, own_base)| {
                let level = at >= own.k;
                if level && n == 2 { own_base - share * place } else { *own_base }
            });
            let theta: Vec<f64> = shifted
                .chain(places.iter().copied())
                .chain([place])
                .chain(odds.iter().copied())
                .chain([new])
                .collect();
            match climb(own, &mixing, theta, &all, (peaks, each), ticket) {
                Ok(found) => {
                    let higher = |known: &State| {
                        found.sums.log_likelihood > known.sums.log_likelihood + 1e-9
                    };
                    if top.as_ref().is_none_or(higher) {
                        top = Some(found);
                    }
                }
                Err(EvaluateError::NoSolution { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let known = best.as_ref().map_or(without, |own| own.0.sums.log_likelihood);
        // Two parameters more: less than this is what chance gives (AIC).
        let least = if types.is_some() { 1e-6 } else { 2.0 };
        let Some(found) = top.filter(|own| own.sums.log_likelihood > known + least) else { break };
        base = found.theta[..after].to_vec();
        places = found.theta[after..after + n - 1].to_vec();
        odds = found.theta[after + n - 1..].to_vec();
        best = Some((found, n));
    }
    match best {
        Some((state, n)) if types.is_none_or(|types| types as usize == n) => Ok((state, n)),
        Some((_, n)) => Err(EvaluateError::BadArgument {
            argument: "points",
            expected: "no more types of persons than the data tell apart",
            got: format!("{most}, of which {n} are found"),
        }),
        None => Err(EvaluateError::NothingEstimable {
            why: "persons do not differ by more than chance: no second type raises the likelihood"
                .to_owned(),
        }),
    }
}

/// One plus the sum of odds.
fn shares_total(odds: &[f64]) -> f64 {
    1.0 + odds.iter().map(|own| libm::exp(*own)).sum::<f64>()
}

/// Where the climb with one more type may start: place and share.
fn starts(own: &Grouped, base: &[f64], places: &[f64], odds: &[f64]) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = better(own, base, places, odds).into_iter().collect();
    if places.is_empty() {
        all.extend([(2.0, 0.3), (-2.0, 0.3)]);
    }
    all
}

/// Where one more type of persons raises the likelihood most, and with which share; `None` when
/// nowhere.
fn better(own: &Grouped, base: &[f64], places: &[f64], odds: &[f64]) -> Option<(f64, f64)> {
    let parts = shares(odds);
    let all: Vec<Vec<f64>> =
        std::iter::once(&0.0).chain(places).map(|place| own.likelihoods(base, *place)).collect();
    let now: Vec<f64> = (0..own.persons())
        .map(|at| {
            let top = all.iter().fold(f64::NEG_INFINITY, |top, own| top.max(own[at]));
            let sum: f64 =
                all.iter().zip(&parts).map(|(own, share)| share * libm::exp(own[at] - top)).sum();
            top + libm::log(sum)
        })
        .collect();
    let mut best: Option<(f64, f64, f64)> = None;
    for step in -20..=20 {
        let place = 0.25 * f64::from(step);
        let there = own.likelihoods(base, place);
        for share in [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5] {
            let gain: f64 = (0..own.persons())
                .map(|at| {
                    let ratio = libm::exp((there[at] - now[at]).min(500.0));
                    own.weight[at] * libm::log1p(share * (ratio - 1.0))
                })
                .sum();
            if gain > 1e-6 && best.is_none_or(|own| gain > own.2) {
                best = Some((place, share, gain));
            }
        }
    }
    // A start on top of another type would have no slope to leave it.
    best.map(|(place, share, _)| (if place == 0.0 { 0.1 } else { place }, share))
}
