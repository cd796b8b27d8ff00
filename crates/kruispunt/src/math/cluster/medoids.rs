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
fn best<V>(n: usize, ticket: &Ticket, value: V) -> Option<(f64, u32, u32)>
where
    V: Fn(usize, &mut Vec<f64>, &mut Vec<f64>) -> Option<(f64, u32)> + Sync,
{
    let mut parts: Vec<Option<(f64, u32, u32)>> = Vec::new();
    (0..n.div_ceil(SPAN))
        .into_par_iter()
        .map_init(
            || (Vec::new(), Vec::new()),
            |(row, room), span| {
                if ticket.is_cancelled() {
                    return None;
                }
                let mut least: Option<(f64, u32, u32)> = None;
                for at in span * SPAN..((span + 1) * SPAN).min(n) {
                    if let Some((value, with)) = value(at, row, room)
                        && least.is_none_or(|(least, _, _)| value < least)
                    {
                        least = Some((value, at as u32, with));
                    }
                }
                least
            },
        )
        .collect_into_vec(&mut parts);
    if ticket.is_cancelled() {
        return None;
    }
    let less = |a: (f64, u32, u32), b: (f64, u32, u32)| if b.0 < a.0 { b } else { a };
    parts.into_iter().flatten().reduce(less)
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
        let (_, next, _) = best(n, ticket, |at, row, _| {
            if medoids.contains(&(at as u32)) {
                return None;
            }
            row.resize(n, 0.0);
            points.row(at, row);
            let sum = row.iter().zip(&distance).zip(weights).map(|((d, own), w)| w * d.min(*own));
            Some((sum.sum(), 0))
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

/// Swaps a medoid for another point as long as the sum of distances falls, each time the best swap
/// (the result of SWAP of Kaufman & Rousseeuw; all `k` swaps of a candidate in one pass over the
/// points as in `FastPAM1`, Schubert & Rousseeuw 2021, *Information Systems* 101, 101804).
pub(crate) fn refine(
    points: &impl Rows,
    weights: &[f64],
    medoids: Vec<u32>,
    ticket: &Ticket,
) -> Option<Medoids> {
    let n = points.len();
    let mut now = Medoids::of(points, weights, medoids);
    loop {
        let k = now.points.len();
        // what it costs to lose each medoid
        let mut loss = vec![0.0; k];
        for at in 0..n {
            let gap = if k == 1 { 0.0 } else { now.second[at] - now.distance[at] };
            loss[now.nearest[at] as usize] += weights[at] * gap;
        }
        let found = best(n, ticket, |at, row, change| {
            if now.points.contains(&(at as u32)) {
                return None;
            }
            row.resize(n, 0.0);
            points.row(at, row);
            if k == 1 {
                let sum: f64 = row.iter().zip(weights).map(|(d, w)| d * w).sum();
                return Some((sum - now.total, 0));
            }
            change.clear();
            change.extend_from_slice(&loss);
            let mut gain = 0.0;
            for (other, &d) in row.iter().enumerate() {
                let (first, second) = (now.distance[other], now.second[other]);
                if d < first {
                    gain += weights[other] * (d - first);
                    change[now.nearest[other] as usize] += weights[other] * (first - second);
                } else if d < second {
                    change[now.nearest[other] as usize] += weights[other] * (d - second);
                }
            }
            let first = |a: (usize, f64), b: (usize, f64)| if b.1 < a.1 { b } else { a };
            let (which, change) = change.iter().copied().enumerate().reduce(first)?;
            Some((gain + change, which as u32))
        });
        if ticket.is_cancelled() {
            return None;
        }
        let Some((change, point, which)) = found else { return Some(now) };
        if change >= -1e-12 * now.total.abs().max(1e-300) {
            return Some(now);
        }
        let mut medoids = now.points.clone();
        medoids[which as usize] = point;
        let next = Medoids::of(points, weights, medoids);
        if next.total >= now.total {
            return Some(now);
        }
        now = next;
    }
}
