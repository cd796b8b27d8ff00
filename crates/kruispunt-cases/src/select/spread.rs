//! Cases over the whole range, and pairs.

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

/// Which pairs are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Near each other, of different contrast.
    Similar,
    /// Far from each other, of one contrast.
    Different,
}

/// The best disjoint pairs, best first. Contrasts are codes; those without one are in no pair.
pub(super) fn pairs(
    contrast: &[Option<u32>],
    most: usize,
    wanted: Wanted,
    far: impl Fn(usize, usize) -> f64,
    ticket: &Ticket,
) -> Result<Vec<(u32, u32, f64)>, CasesError> {
    let rows: Vec<usize> = (0..contrast.len()).filter(|&row| contrast[row].is_some()).collect();
    let mut used = vec![false; contrast.len()];
    // The best few partners of each row; greedy over all of them.
    let mut found: Vec<(f64, u32, u32)> = Vec::new();
    for (at, &one) in rows.iter().enumerate() {
        if at % 256 == 0 && ticket.is_cancelled() {
            return Err(CasesError::Cancelled);
        }
        let mut own: Vec<(f64, u32, u32)> = Vec::new();
        for &other in &rows[at + 1..] {
            if (contrast[one] == contrast[other]) != (wanted == Wanted::Different) {
                continue;
            }
            let score = match wanted {
                Wanted::Similar => -far(one, other),
                Wanted::Different => far(one, other),
            };
            own.push((score, one as u32, other as u32));
        }
        let keep = own.len().min(2 * most);
        if keep < own.len() {
            own.select_nth_unstable_by(keep, better);
            own.truncate(keep);
        }
        found.append(&mut own);
        if found.len() > 4_000_000 {
            found.sort_by(better);
            found.truncate(1_000_000);
        }
    }
    found.sort_by(better);
    let mut pairs = Vec::with_capacity(most);
    for (score, one, other) in found {
        if pairs.len() == most {
            break;
        }
        if !used[one as usize] && !used[other as usize] {
            used[one as usize] = true;
            used[other as usize] = true;
            pairs.push((one, other, score));
        }
    }
    Ok(pairs)
}

fn better(a: &(f64, u32, u32), b: &(f64, u32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
}
