//! Which controls stand beside which starter.

use super::risk::Risk;
use rayon::prelude::*;
use std::cmp::Ordering;

/// How near two persons are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Distance {
    /// The difference of their log odds of starting now, by a logit on the covariates.
    #[default]
    Propensity,
    /// That of their covariates, scaled by the covariance of all at risk.
    Mahalanobis,
}

/// Whether a control may stand beside several starters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reuse {
    /// It may: less bias, more variance.
    #[default]
    With,
    /// It may not: starters choose in turn, those likeliest to start first.
    Without,
}

/// Who is compared within a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pairing {
    /// All of the cell.
    Cells,
    /// All of the cell, weighed by their odds to start.
    Odds,
    /// So many nearest.
    Nearest(u32),
    /// All, weighed by how near they are (Epanechnikov) within a bandwidth of the chance to start.
    Kernel(f64),
}

/// Where those at risk stand.
pub(super) enum Place {
    /// Log odds of starting.
    Odds(Vec<f64>),
    /// Points whose plain distance counts, row-major `(n, k)`.
    Points(Vec<f64>, usize),
}

/// Those at risk by cell: starters, then controls in order of their odds.
pub(super) struct Ordered {
    pub(super) order: Vec<u32>,
    /// Where each cell begins, and where its controls begin.
    pub(super) bounds: Vec<(u32, u32)>,
}

/// Starters and their controls.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) starter: Vec<u32>,
    /// Where the controls of each starter end.
    pub(super) end: Vec<u32>,
    pub(super) control: Vec<u32>,
    /// They add up to 1 for a starter.
    pub(super) weight: Vec<f64>,
    /// Starters that chose among equally near controls.
    pub(super) ties: u64,
}

impl Pairs {
    /// Starters, each with its controls and their weights.
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, &[u32], &[f64])> {
        (0..self.starter.len()).map(|at| {
            let own = if at == 0 { 0 } else { self.end[at - 1] as usize }..self.end[at] as usize;
            (self.starter[at], &self.control[own.clone()], &self.weight[own])
        })
    }

    fn push(&mut self, starter: u32, controls: impl IntoIterator<Item = (u32, f64)>) {
        let from = self.control.len();
        for (control, weight) in controls {
            self.control.push(control);
            self.weight.push(weight);
        }
        let all: f64 = self.weight[from..].iter().sum();
        if self.control.len() == from || all <= 0.0 {
            self.control.truncate(from);
            self.weight.truncate(from);
            return;
        }
        self.weight[from..].iter_mut().for_each(|weight| *weight /= all);
        self.starter.push(starter);
        self.end.push(self.control.len() as u32);
    }

    fn join(mut self, other: Self) -> Self {
        let from = self.control.len() as u32;
        self.starter.extend(other.starter);
        self.end.extend(other.end.iter().map(|end| end + from));
        self.control.extend(other.control);
        self.weight.extend(other.weight);
        self.ties += other.ties;
        self
    }
}

impl Ordered {
    pub(super) fn new(risk: &[Risk], n_cells: usize, place: &Place) -> Self {
        let odds = |at: u32| match place {
            Place::Odds(odds) => odds[at as usize],
            Place::Points(..) => 0.0,
        };
        let mut order: Vec<u32> = (0..risk.len() as u32).collect();
        order.par_sort_unstable_by(|&a, &b| {
            let (left, right) = (&risk[a as usize], &risk[b as usize]);
            left.cell
                .cmp(&right.cell)
                .then(right.starts.cmp(&left.starts))
                .then(odds(a).total_cmp(&odds(b)))
                .then(a.cmp(&b))
        });
        let mut counts = vec![(0_u32, 0_u32); n_cells];
        for own in risk {
            let slot = &mut counts[own.cell as usize];
            *if own.starts { &mut slot.0 } else { &mut slot.1 } += 1;
        }
        let mut bounds = Vec::with_capacity(n_cells + 1);
        let mut from = 0;
        for (starters, controls) in counts {
            bounds.push((from, from + starters));
            from += starters + controls;
        }
        bounds.push((from, from));
        Self { order, bounds }
    }

    pub(super) fn cells(&self) -> usize {
        self.bounds.len() - 1
    }

    pub(super) fn starters(&self, cell: usize) -> &[u32] {
        &self.order[self.bounds[cell].0 as usize..self.bounds[cell].1 as usize]
    }

    pub(super) fn controls(&self, cell: usize) -> &[u32] {
        &self.order[self.bounds[cell].1 as usize..self.bounds[cell + 1].0 as usize]
    }
}

/// Whether a distance is no larger than another but for rounding.
fn as_near(distance: f64, other: f64) -> bool {
    distance <= other * (1.0 + 1e-9) + 1e-12
}

/// Who is matched with whom, and how often each counts (bootstrap).
pub(super) struct Matcher<'a> {
    pub(super) pairing: Pairing,
    pub(super) reuse: Reuse,
    /// The largest distance, in the unit of the place.
    pub(super) caliper: f64,
    pub(super) place: &'a Place,
    pub(super) ordered: &'a Ordered,
    /// How often each at risk counts; all once without.
    pub(super) times: Option<&'a [u32]>,
}

impl Matcher<'_> {
    fn times(&self, at: u32) -> u32 {
        self.times.map_or(1, |times| times[at as usize])
    }

    pub(super) fn pairs(&self) -> Pairs {
        let parts: Vec<Pairs> =
            (0..self.ordered.cells()).into_par_iter().map(|cell| self.cell(cell)).collect();
        parts.into_iter().fold(Pairs::default(), Pairs::join)
    }

    fn cell(&self, cell: usize) -> Pairs {
        let live = |own: &[u32]| -> Vec<u32> {
            own.iter().copied().filter(|&at| self.times(at) > 0 && self.placed(at)).collect()
        };
        let (starters, controls) =
            (live(self.ordered.starters(cell)), live(self.ordered.controls(cell)));
        let mut pairs = Pairs::default();
        if starters.is_empty() || controls.is_empty() {
            return pairs;
        }
        match (self.pairing, self.place) {
            (Pairing::Cells, _) => {
                for &own in &starters {
                    let all = controls.iter().map(|&at| (at, f64::from(self.times(at))));
                    pairs.push(own, all);
                }
            }
            (Pairing::Kernel(width), Place::Odds(odds)) => {
                let chance = |at: u32| 1.0 / (1.0 + libm::exp(-odds[at as usize]));
                let chances: Vec<f64> = controls.iter().map(|&at| chance(at)).collect();
                for &own in &starters {
                    let p = chance(own);
                    let from = chances.partition_point(|&other| other <= p - width);
                    let near = (from..controls.len()).take_while(|&at| chances[at] < p + width);
                    let own_weights = near.map(|at| {
                        let u = (chances[at] - p) / width;
                        (controls[at], (1.0 - u * u) * f64::from(self.times(controls[at])))
                    });
                    pairs.push(own, own_weights);
                }
            }
            (Pairing::Nearest(most), Place::Odds(odds)) if self.reuse == Reuse::With => {
                for &own in &starters {
                    self.two_sided(own, most, odds, &controls, &mut pairs);
                }
            }
            (Pairing::Nearest(most), _) => self.by_distance(&starters, &controls, most, &mut pairs),
            (Pairing::Odds, Place::Odds(odds)) => {
                for &own in &starters {
                    let all = controls
                        .iter()
                        .map(|&at| (at, libm::exp(odds[at as usize]) * f64::from(self.times(at))));
                    pairs.push(own, all);
                }
            }
            (Pairing::Kernel(_) | Pairing::Odds, Place::Points(..)) => {}
        }
        pairs
    }

    fn placed(&self, at: u32) -> bool {
        match self.place {
            Place::Odds(odds) => !odds[at as usize].is_nan(),
            Place::Points(..) => true,
        }
    }

    /// The nearest on both sides of a starter; all that are as near as the last.
    fn two_sided(&self, own: u32, most: u32, odds: &[f64], controls: &[u32], pairs: &mut Pairs) {
        let here = odds[own as usize];
        let value = |at: usize| odds[controls[at] as usize];
        let mut right = controls.partition_point(|&at| odds[at as usize] < here);
        let mut left = right;
        let (mut found, mut last) = (0, -1.0);
        let mut chosen: Vec<(u32, f64)> = Vec::new();
        loop {
            let below = (left > 0).then(|| here - value(left - 1));
            let above = (right < controls.len()).then(|| value(right) - here);
            let (gap, low) = match (below, above) {
                (None, None) => break,
                (Some(gap), None) => (gap, true),
                (None, Some(gap)) => (gap, false),
                (Some(a), Some(b)) => {
                    if a <= b {
                        (a, true)
                    } else {
                        (b, false)
                    }
                }
            };
            if gap > self.caliper || (found >= most && !as_near(gap, last)) {
                break;
            }
            let at = if low {
                left -= 1;
                left
            } else {
                right += 1;
                right - 1
            };
            let times = self.times(controls[at]);
            pairs.ties += u64::from(found >= most);
            found += times;
            last = gap;
            chosen.push((controls[at], f64::from(times)));
        }
        pairs.push(own, chosen);
    }

    fn distance(&self, a: u32, b: u32) -> f64 {
        self.place.distance(a, b)
    }
}

impl Place {
    /// How far two who are at risk stand apart.
    pub(super) fn distance(&self, a: u32, b: u32) -> f64 {
        match self {
            Self::Odds(odds) => (odds[a as usize] - odds[b as usize]).abs(),
            Self::Points(points, k) => {
                let of = |at: u32| &points[at as usize * k..(at as usize + 1) * k];
                of(a).iter().zip(of(b)).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
            }
        }
    }
}

impl Matcher<'_> {
    /// Every distance is looked at: for points, and where a control serves once.
    fn by_distance(&self, starters: &[u32], controls: &[u32], most: u32, pairs: &mut Pairs) {
        let mut turns = starters.to_vec();
        if let (Reuse::Without, Place::Odds(odds)) = (self.reuse, self.place) {
            turns.sort_by(|&a, &b| odds[b as usize].total_cmp(&odds[a as usize]).then(a.cmp(&b)));
        }
        let mut free = controls.to_vec();
        for own in turns {
            let mut near: Vec<(f64, u32)> = free
                .iter()
                .map(|&at| (self.distance(own, at), at))
                .filter(|own| own.0 <= self.caliper)
                .collect();
            if near.is_empty() {
                continue;
            }
            let order = |a: &(f64, u32), b: &(f64, u32)| -> Ordering {
                a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
            };
            let place = (most as usize).min(near.len()) - 1;
            let (_, &mut (last, _), _) = near.select_nth_unstable_by(place, order);
            if self.reuse == Reuse::Without {
                pairs.ties += u64::from(near[place + 1..].iter().any(|own| as_near(own.0, last)));
                near.truncate(place + 1);
                free.retain(|at| near.iter().all(|own| own.1 != *at));
            } else {
                pairs.ties += u64::from(near[place + 1..].iter().any(|own| as_near(own.0, last)));
                near.retain(|own| as_near(own.0, last));
            }
            pairs.push(own, near.iter().map(|own| (own.1, f64::from(self.times(own.1)))));
        }
    }
}
