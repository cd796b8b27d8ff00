//! Agglomerative clustering.

use crate::data::Ticket;
use crate::math::pairs::{Real, triangle};

/// How the distance of a merged group to others follows from those of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// The nearest of all.
    Single,
    /// The farthest of all.
    Complete,
    /// The mean over all pairs.
    Average,
    /// The mean of both parts.
    Weighted,
    /// Ward's criterion on the values as they are.
    Ward,
}

/// Two groups become one; groups are points, then merges in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Merge {
    pub(crate) one: u32,
    pub(crate) other: u32,
    pub(crate) height: f64,
    pub(crate) weight: f64,
}

/// Always the two nearest groups, in order of height; `d` is used up. Among equally near pairs the
/// one whose first group holds the first point is taken, then the one whose second does. Each group
/// remembers the nearest after it (Anderberg 1973, *Cluster Analysis for Applications*, chapter 6).
/// `None` when cancelled.
pub(crate) fn join<T: Real>(
    d: &mut [T],
    weights: &[f64],
    linkage: Linkage,
    ticket: &Ticket,
) -> Option<Vec<Merge>> {
    let n = weights.len();
    let at = |i: usize, j: usize| triangle(n, i.min(j)) + i.max(j) - i.min(j) - 1;
    let mut size = weights.to_vec();
    let mut alive: Vec<u32> = (0..n as u32).collect();
    let mut near: Vec<(f64, u32)> = vec![(f64::INFINITY, 0); n];
    for (place, slot) in near.iter_mut().enumerate() {
        *slot = after(d, n, &alive, place);
    }
    let mut raw: Vec<(u32, u32, f64)> = Vec::with_capacity(n.saturating_sub(1));
    ticket.stage("tree", n as u64);
    while alive.len() > 1 {
        if ticket.is_cancelled() {
            return None;
        }
        let first = |a: usize, b: usize| if near[b].0 < near[a].0 { b } else { a };
        let kept = alive.iter().map(|&group| group as usize).reduce(first)?;
        let (least, gone) = (near[kept].0, near[kept].1 as usize);
        raw.push((kept as u32, gone as u32, least));
        alive.retain(|&other| other as usize != gone);
        let (w, v) = (size[kept], size[gone]);
        for &other in alive.iter().filter(|&&other| other as usize != kept) {
            let other = other as usize;
            let (a, b): (f64, f64) = (d[at(kept, other)].into(), d[at(gone, other)].into());
            d[at(kept, other)] = T::of(linkage.merged((a, w), (b, v), least, size[other]));
        }
        size[kept] += v;
        for (place, &group) in alive.iter().enumerate() {
            let own = group as usize;
            let nearest = near[own].1 as usize;
            if own == kept || ((nearest == gone || nearest == kept) && own < gone) {
                near[own] = after(d, n, &alive, place);
            } else if own < kept {
                let value: f64 = d[at(own, kept)].into();
                if value < near[own].0 || (value == near[own].0 && kept < nearest) {
                    near[own] = (value, kept as u32);
                }
            }
        }
        ticket.advance(1);
    }
    Some(ordered(raw, weights))
}

/// The nearest of the groups after the one at `place`, the first among equals.
fn after<T: Real>(d: &[T], n: usize, alive: &[u32], place: usize) -> (f64, u32) {
    let own = alive[place] as usize;
    let base = triangle(n, own);
    let mut best = (f64::INFINITY, 0);
    for &other in &alive[place + 1..] {
        let value: f64 = d[base + other as usize - own - 1].into();
        if value < best.0 {
            best = (value, other);
        }
    }
    best
}

impl Linkage {
    /// The distance of a merged group to another, from those of its parts with their weights.
    fn merged(self, (a, w): (f64, f64), (b, v): (f64, f64), between: f64, u: f64) -> f64 {
        match self {
            Self::Single => a.min(b),
            Self::Complete => a.max(b),
            Self::Average => (w * a + v * b) / (w + v),
            Self::Weighted => f64::midpoint(a, b),
            Self::Ward => ((w + u) * a + (v + u) * b - u * between) / (w + v + u),
        }
    }
}

/// Merges in order of height, groups numbered as they come to be.
fn ordered(mut raw: Vec<(u32, u32, f64)>, weights: &[f64]) -> Vec<Merge> {
    let n = weights.len();
    raw.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut parent: Vec<u32> = (0..n as u32).collect();
    let mut group: Vec<u32> = (0..n as u32).collect();
    let mut weight = weights.to_vec();
    let mut merges = Vec::with_capacity(raw.len());
    for (step, (one, other, height)) in raw.into_iter().enumerate() {
        let (a, b) = (root(&mut parent, one), root(&mut parent, other));
        let (first, second) = (group[a as usize], group[b as usize]);
        parent[a as usize] = b;
        weight[b as usize] += weight[a as usize];
        group[b as usize] = (n + step) as u32;
        merges.push(Merge {
            one: first.min(second),
            other: first.max(second),
            height,
            weight: weight[b as usize],
        });
    }
    merges
}

fn root(parent: &mut [u32], mut at: u32) -> u32 {
    while parent[at as usize] != at {
        parent[at as usize] = parent[parent[at as usize] as usize];
        at = parent[at as usize];
    }
    at
}

/// The groups left when all but the last `k - 1` merges are done: one number a point, by first
/// point.
pub(crate) fn cut(merges: &[Merge], n: usize, k: usize) -> Vec<u32> {
    let done = n.saturating_sub(k.max(1)).min(merges.len());
    let mut parent: Vec<u32> = (0..(n + done) as u32).collect();
    for (step, merge) in merges[..done].iter().enumerate() {
        parent[merge.one as usize] = (n + step) as u32;
        parent[merge.other as usize] = (n + step) as u32;
    }
    for at in (0..parent.len()).rev() {
        parent[at] = parent[parent[at] as usize];
    }
    let mut number = vec![u32::MAX; parent.len()];
    let mut next = 0;
    (0..n)
        .map(|at| {
            let slot = &mut number[parent[at] as usize];
            if *slot == u32::MAX {
                *slot = next;
                next += 1;
            }
            *slot
        })
        .collect()
}
