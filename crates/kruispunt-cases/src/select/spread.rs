//! Cases over the whole range.

use crate::CasesError;
use kruispunt::data::{Seed, Ticket};

/// Scores such that the first candidate is nearest to all others of a sample, and each next one
/// farthest from all before it (Gonzalez 1985, *Theoretical Computer Science* 38, 293-306).
pub(super) fn farthest(
    n: usize,
    picks: usize,
    first: usize,
    far: impl Fn(usize, usize) -> f64,
    ticket: &Ticket,
) -> Result<Vec<Option<f64>>, CasesError> {
    let mut scores = vec![None; n];
    let mut nearest = vec![f64::INFINITY; n];
    let mut next = first;
    for pick in 0..picks.min(n) {
        if ticket.is_cancelled() {
            return Err(CasesError::Cancelled);
        }
        scores[next] = Some(-(pick as f64));
        let mut best = (f64::NEG_INFINITY, next);
        for (row, near) in nearest.iter_mut().enumerate() {
            *near = near.min(far(next, row));
            if scores[row].is_none() && *near > best.0 {
                best = (*near, row);
            }
        }
        next = best.1;
    }
    let rest = -(picks as f64);
    Ok(scores.into_iter().map(|score| score.or(Some(rest))).collect())
}

/// The candidate nearest to a sample of all.
pub(super) fn middle(n: usize, far: impl Fn(usize, usize) -> f64) -> usize {
    const SAMPLE: usize = 200;
    let sample: Vec<usize> = if n <= SAMPLE {
        (0..n).collect()
    } else {
        let seed = Seed::new(0).stream(0x0CA5_E5E2);
        (0..SAMPLE).map(|at| seed.below([at as u64, 0, 0], n as u64) as usize).collect()
    };
    let total = |row: usize| sample.iter().map(|&other| far(row, other)).sum::<f64>();
    let mut best = (f64::INFINITY, 0);
    for row in 0..n {
        let sum = total(row);
        if sum < best.0 {
            best = (sum, row);
        }
    }
    best.1
}
