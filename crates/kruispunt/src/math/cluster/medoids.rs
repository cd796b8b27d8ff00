//! Partitioning around medoids.

use super::Rows;
use crate::data::Ticket;
use rayon::prelude::*;

/// Candidates a unit of work.
const SPAN: usize = 64;

/// Medoids with the nearest and second nearest of each point.
#[derive(Clone, Debug)]
pub(crate) struct Medoids {
    /// Points, in the order in which they were found.
    pub(crate) points: Vec<u32>,
    /// The number of the nearest medoid of each point.
    pub(crate) nearest: Vec<u32>,
    /// The sum of weights times distances to the nearest medoid.
    pub(crate) total: f64,
    distance: Vec<f64>,
    second: Vec<f64>,
}

impl Medoids {
    /// Points and their nearest among `medoids`.
    fn of(points: &impl Rows, weights: &[f64], medoids: Vec<u32>) -> Self {
        let n = points.len();
        let mut row = vec![0.0; n];
        let mut own = Self {
            points: medoids,
            nearest: vec![0; n],
            total: 0.0,
            distance: vec![f64::INFINITY; n],
            second: vec![f64::INFINITY; n],
        };
        for (number, &medoid) in own.points.iter().enumerate() {
            points.row(medoid as usize, &mut row);
            for (at, &d) in row.iter().enumerate() {
                if d < own.distance[at] {
                    own.second[at] = own.distance[at];
                    own.distance[at] = d;
                    own.nearest[at] = number as u32;
                } else if d < own.second[at] {
                    own.second[at] = d;
                }
            }
        }
        // a medoid is its own, even where another lies at distance 0
        for (number, &medoid) in own.points.iter().enumerate() {
            own.nearest[medoid as usize] = number as u32;
        }
        own.total = own.distance.iter().zip(weights).map(|(d, w)| d * w).sum();
        own
    }
}

/// The candidate with the lowest value; the first among equals. `None` when cancelled.
fn best<V>(n: usize, ticket: &Ticket, value: V) -> Option<u32>
where
    V: Fn(usize, &mut [f64]) -> Option<f64> + Sync,
{
    let mut parts: Vec<Option<(f64, u32)>> = Vec::new();
    (0..n.div_ceil(SPAN))
        .into_par_iter()
        .map_init(
            || vec![0.0; n],
            |row, span| {
                if ticket.is_cancelled() {
                    return None;
                }
                let mut least: Option<(f64, u32)> = None;
                for at in span * SPAN..((span + 1) * SPAN).min(n) {
                    if let Some(value) = value(at, row)
                        && least.is_none_or(|(least, _)| value < least)
                    {
                        least = Some((value, at as u32));
                    }
                }
                least
            },
        )
        .collect_into_vec(&mut parts);
    if ticket.is_cancelled() {
        return None;
    }
    let less = |a: (f64, u32), b: (f64, u32)| if b.0 < a.0 { b } else { a };
    parts.into_iter().flatten().reduce(less).map(|(_, at)| at)
}

/// The first `k` medoids: each the point that lowers the sum of distances most (BUILD of Kaufman &
/// Rousseeuw 1990, *Finding Groups in Data*, chapter 2). Those for fewer are the first of them.
pub(crate) fn build(
    points: &impl Rows,
    weights: &[f64],
    k: usize,
    ticket: &Ticket,
) -> Option<Vec<u32>> {
    let n = points.len();
    let mut distance = vec![f64::INFINITY; n];
    let mut medoids: Vec<u32> = Vec::with_capacity(k);
    while medoids.len() < k {
        let next = best(n, ticket, |at, row| {
            if medoids.contains(&(at as u32)) {
                return None;
            }
            points.row(at, row);
            let mut sums = [0.0; 4];
            for (part, (own, w)) in row.chunks(4).zip(distance.chunks(4).zip(weights.chunks(4))) {
                for (lane, ((d, own), w)) in part.iter().zip(own).zip(w).enumerate() {
                    sums[lane] += w * if d < own { d } else { own };
                }
            }
            Some(sums[0] + sums[1] + (sums[2] + sums[3]))
        })?;
        let mut row = vec![0.0; n];
        points.row(next as usize, &mut row);
        for (own, d) in distance.iter_mut().zip(&row) {
            *own = own.min(*d);
        }
        medoids.push(next);
        ticket.advance(1);
    }
    Some(medoids)
}

/// Swaps a medoid for another point as long as the sum of distances falls: points are tried in turn,
/// each with its best swap, which is made at once, until none helps (`FasterPAM`, Schubert &
/// Rousseeuw 2021, *Information Systems* 101, 101804). No single swap lowers the sum of what comes
/// out, as in SWAP of Kaufman & Rousseeuw.
pub(crate) fn refine(
    points: &impl Rows,
    weights: &[f64],
    medoids: Vec<u32>,
    ticket: &Ticket,
) -> Option<Medoids> {
    let n = points.len();
    let mut now = Medoids::of(points, weights, medoids);
    let mut loss = now.losses(weights);
    let (mut row, mut change) = (vec![0.0; n], Vec::new());
    let (mut at, mut tried) = (0_usize, 0);
    while tried < n {
        if at.is_multiple_of(256) && ticket.is_cancelled() {
            return None;
        }
        tried += 1;
        if !now.points.contains(&(at as u32)) {
            points.row(at, &mut row);
            let (gain, which) = now.best_swap(&row, weights, &loss, &mut change);
            if gain < -1e-12 * now.total {
                let mut medoids = now.points.clone();
                medoids[which] = at as u32;
                let next = Medoids::of(points, weights, medoids);
                if next.total < now.total {
                    loss = next.losses(weights);
                    (now, tried) = (next, 0);
                }
            }
        }
        at = (at + 1) % n;
    }
    Some(now)
}

impl Medoids {
    /// What it costs to lose each medoid.
    fn losses(&self, weights: &[f64]) -> Vec<f64> {
        let mut loss = vec![0.0; self.points.len()];
        if loss.len() > 1 {
            for (at, &own) in self.nearest.iter().enumerate() {
                loss[own as usize] += weights[at] * (self.second[at] - self.distance[at]);
            }
        }
        loss
    }

    /// The change of the sum when the point with these distances takes the place of a medoid, and
    /// which is best to lose; the first among equals.
    fn best_swap(
        &self,
        row: &[f64],
        weights: &[f64],
        loss: &[f64],
        change: &mut Vec<f64>,
    ) -> (f64, usize) {
        if loss.len() == 1 {
            let sum: f64 = row.iter().zip(weights).map(|(d, w)| d * w).sum();
            return (sum - self.total, 0);
        }
        change.clear();
        change.extend_from_slice(loss);
        let mut gain = 0.0;
        let ends = self.distance.iter().zip(&self.second).zip(&self.nearest);
        for ((&d, &weight), ((&first, &second), &own)) in row.iter().zip(weights).zip(ends) {
            if d < first {
                gain += weight * (d - first);
                change[own as usize] += weight * (first - second);
            } else if d < second {
                change[own as usize] += weight * (d - second);
            }
        }
        let mut best = (f64::INFINITY, 0);
        for (which, &change) in change.iter().enumerate() {
            if change < best.0 {
                best = (change, which);
            }
        }
        (gain + best.0, best.1)
    }
}
