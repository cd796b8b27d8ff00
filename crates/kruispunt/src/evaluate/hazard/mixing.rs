//! The likelihood of person-period rows when persons differ by what nobody recorded.
//!
//! Given its node, a person's rows are independent. Score and information are those of the complete
//! data, averaged over the nodes with their posterior weights; the information loses what the
//! complete score varies over nodes (Louis 1982).

use super::likelihood::Link;
use rayon::prelude::*;
use std::ops::Range;

/// Persons worked on at once; fixed, so that sums do not depend on the threads.
const CHUNK: usize = 512;

/// Rows of persons, one person after the other.
pub(super) struct Grouped {
    /// Row-major, `(n, k)`.
    pub(super) x: Vec<f64>,
    pub(super) k: usize,
    /// The level of the baseline; empty without.
    pub(super) level: Vec<u32>,
    pub(super) n_levels: usize,
    pub(super) event: Vec<bool>,
    pub(super) offset: Vec<f64>,
    /// Where each person's rows begin, and the end.
    pub(super) starts: Vec<usize>,
    pub(super) weight: Vec<f64>,
    pub(super) link: Link,
}

/// How persons differ: what is added to the linear predictor.
pub(super) enum Mixing<'a> {
    /// `sigma v` with v standard normal, by quadrature around each person's own mode; `sigma` is held
    /// at `most` when it grows beyond.
    Normal { nodes: &'a [f64], weights: &'a [f64], most: f64 },
    /// One of several points, the first 0.
    Points { n: usize },
}

impl<'a> Mixing<'a> {
    /// A normal effect of any size.
    pub(super) const fn normal(nodes: &'a [f64], weights: &'a [f64]) -> Self {
        Self::Normal { nodes, weights, most: f64::INFINITY }
    }

    /// Parameters beside regressors and baseline.
    pub(super) const fn extra(&self) -> usize {
        match self {
            Self::Normal { .. } => 1,
            Self::Points { n } => 2 * (*n - 1),
        }
    }

    const fn nodes(&self) -> usize {
        match self {
            Self::Normal { nodes, .. } => nodes.len(),
            Self::Points { n } => *n,
        }
    }
}

/// Where a person's own effect is likeliest, and how wide it is there.
#[derive(Clone, Copy)]
pub(super) struct Peak {
    pub(super) mode: f64,
    pub(super) spread: f64,
}

/// Sums at a parameter: regressors, levels of the baseline, what mixes.
pub(super) struct Mixed {
    pub(super) log_likelihood: f64,
    pub(super) score: Vec<f64>,
    /// Row-major `(m, m)`.
    pub(super) information: Vec<f64>,
    /// Each person's score, when it was asked for.
    pub(super) each: Vec<Vec<f64>>,
}

/// Shares of points from their log odds against the first.
pub(super) fn shares(odds: &[f64]) -> Vec<f64> {
    let top = odds.iter().fold(0.0_f64, |top, own| top.max(*own));
    let own = |odds: f64| libm::exp(odds - top);
    let total = own(0.0) + odds.iter().map(|odds| own(*odds)).sum::<f64>();
    std::iter::once(0.0).chain(odds.iter().copied()).map(|odds| own(odds) / total).collect()
}

/// Nodes of one person.
#[derive(Default)]
struct Nodes {
    /// What is added to the linear predictor.
    shift: Vec<f64>,
    /// The value that the standard deviation multiplies.
    v: Vec<f64>,
    log_weight: Vec<f64>,
    /// Posterior weights.
    post: Vec<f64>,
}

/// Work space of a chunk.
struct Space {
    eta: Vec<f64>,
    residual: Vec<f64>,
    curve: Vec<f64>,
    nodes: Nodes,
    /// Places of parameters a person's rows touch.
    places: Vec<usize>,
    slot: Vec<u32>,
    score: Vec<f64>,
    mean: Vec<f64>,
    own: Vec<f64>,
}

impl Grouped {
    pub(super) const fn persons(&self) -> usize {
        self.weight.len()
    }

    pub(super) fn m(&self, mixing: &Mixing<'_>) -> usize {
        self.k + self.n_levels + mixing.extra()
    }

    fn base(&self, theta: &[f64], row: usize) -> f64 {
        let own = &self.x[row * self.k..(row + 1) * self.k];
        let level = if self.n_levels > 0 { theta[self.k + self.level[row] as usize] } else { 0.0 };
        self.offset[row] + level + own.iter().zip(theta).map(|(x, beta)| x * beta).sum::<f64>()
    }

    /// The likelihood of each person at a point `shift` away.
    pub(super) fn likelihoods(&self, theta: &[f64], shift: f64) -> Vec<f64> {
        let one = |person: usize| {
            (self.starts[person]..self.starts[person + 1])
                .map(|row| self.link.row(self.base(theta, row) + shift, self.event[row]).0)
                .sum::<f64>()
        };
        (0..self.persons()).into_par_iter().map(one).collect()
    }

    /// Log-likelihood alone, with nodes where they lay for the last sums: of these, the score of the
    /// sums is the slope to the last digit.
    pub(super) fn value(&self, theta: &[f64], mixing: &Mixing<'_>, peaks: &[Peak]) -> f64 {
        let parts: Vec<f64> = peaks
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, peaks)| {
                let mut space = self.space(mixing);
                let mut sum = 0.0;
                for (at, peak) in peaks.iter().enumerate() {
                    let person = chunk * CHUNK + at;
                    let own = self.weigh(theta, mixing, person, *peak, &mut space);
                    sum += self.weight[person] * own;
                }
                sum
            })
            .collect();
        parts.iter().sum()
    }

    /// Log-likelihood, score and information. `peaks` are where each person's nodes lay before, and
    /// lie now.
    pub(super) fn sums(
        &self,
        theta: &[f64],
        mixing: &Mixing<'_>,
        peaks: &mut [Peak],
        each: bool,
    ) -> Mixed {
        let m = self.m(mixing);
        let nothing = || Mixed {
            log_likelihood: 0.0,
            score: vec![0.0; m],
            information: vec![0.0; m * m],
            each: Vec::new(),
        };
        let parts: Vec<Mixed> = peaks
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, peaks)| {
                let (mut space, mut part) = (self.space(mixing), nothing());
                for (at, peak) in peaks.iter_mut().enumerate() {
                    let person = chunk * CHUNK + at;
                    if let Mixing::Normal { .. } = mixing {
                        self.climb_peak(theta, person, peak, &mut space);
                    }
                    let own = self.weigh(theta, mixing, person, *peak, &mut space);
                    part.log_likelihood += self.weight[person] * own;
                    self.add(theta, mixing, person, &mut space, &mut part);
                    if each {
                        let mut full = vec![0.0; m];
                        for (&place, value) in space.places.iter().zip(&space.mean) {
                            full[place] = self.weight[person] * value;
                        }
                        part.each.push(full);
                    }
                }
                part
            })
            .collect();
        parts.into_iter().fold(nothing(), |mut total, part| {
            total.log_likelihood += part.log_likelihood;
            total.score.iter_mut().zip(&part.score).for_each(|(slot, value)| *slot += value);
            let pairs = total.information.iter_mut().zip(&part.information);
            pairs.for_each(|(slot, value)| *slot += value);
            total.each.extend(part.each);
            total
        })
    }

    fn space(&self, mixing: &Mixing<'_>) -> Space {
        let most = self.starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        let q = mixing.nodes();
        Space {
            eta: vec![0.0; most],
            residual: vec![0.0; most * q],
            curve: vec![0.0; most * q],
            nodes: Nodes::default(),
            places: Vec::new(),
            slot: vec![u32::MAX; self.n_levels],
            score: Vec::new(),
            mean: Vec::new(),
            own: Vec::new(),
        }
    }

    /// Places and weighs the nodes of a person; gives the log of its likelihood.
    fn weigh(
        &self,
        theta: &[f64],
        mixing: &Mixing<'_>,
        person: usize,
        peak: Peak,
        space: &mut Space,
    ) -> f64 {
        let (from, to) = (self.starts[person], self.starts[person + 1]);
        let n = to - from;
        for row in from..to {
            space.eta[row - from] = self.base(theta, row);
        }
        let extra = &theta[self.k + self.n_levels..];
        let nodes = &mut space.nodes;
        nodes.shift.clear();
        nodes.v.clear();
        nodes.log_weight.clear();
        match mixing {
            Mixing::Normal { nodes: z, weights, .. } => {
                let sigma = extra[0];
                let spread = peak.spread;
                for (z, w) in z.iter().zip(*weights) {
                    let v = peak.mode + spread * std::f64::consts::SQRT_2 * z;
                    nodes.v.push(v);
                    nodes.shift.push(sigma * v);
                    nodes.log_weight.push(
                        libm::log(*w) + z * z + libm::log(spread)
                            - 0.5 * v * v
                            - 0.5 * libm::log(std::f64::consts::PI),
                    );
                }
            }
            Mixing::Points { n } => {
                let (points, odds) = extra.split_at(n - 1);
                nodes.shift.push(0.0);
                nodes.shift.extend(points);
                nodes.log_weight.extend(shares(odds).into_iter().map(libm::log));
            }
        }
        let q = nodes.shift.len();
        nodes.post.clear();
        for node in 0..q {
            let mut sum = nodes.log_weight[node];
            for at in 0..n {
                let eta = space.eta[at] + nodes.shift[node];
                let (log, score, curve) = self.link.curved(eta, self.event[from + at]);
                sum += log;
                space.residual[at * q + node] = score;
                space.curve[at * q + node] = curve;
            }
            nodes.post.push(sum);
        }
        let top = nodes.post.iter().fold(f64::NEG_INFINITY, |top, own| top.max(*own));
        let total: f64 = nodes.post.iter().map(|own| libm::exp(own - top)).sum();
        for own in &mut nodes.post {
            *own = libm::exp(*own - top) / total;
        }
        top + libm::log(total)
    }

    /// Finds the mode of a person's own effect, and how wide it is there.
    fn climb_peak(&self, theta: &[f64], person: usize, peak: &mut Peak, space: &mut Space) {
        let (from, to) = (self.starts[person], self.starts[person + 1]);
        for row in from..to {
            space.eta[row - from] = self.base(theta, row);
        }
        let sigma = theta[self.k + self.n_levels];
        let mut v = if peak.mode.is_finite() { peak.mode } else { 0.0 };
        let mut curvature = 1.0;
        for _ in 0..50 {
            let (mut slope, mut curve) = (-v, 1.0);
            for (at, eta) in space.eta[..to - from].iter().enumerate() {
                let (_, score, own) = self.link.curved(eta + sigma * v, self.event[from + at]);
                slope += sigma * score;
                curve += sigma * sigma * own;
            }
            curvature = curve;
            let step = (slope / curve).clamp(-2.0, 2.0);
            v += step;
            if step.abs() < 1e-8 {
                break;
            }
        }
        *peak = Peak { mode: v, spread: 1.0 / curvature.sqrt() };
    }

    /// Adds what a person says, with nodes weighed before; leaves the score in `space.mean`.
    fn add(
        &self,
        theta: &[f64],
        mixing: &Mixing<'_>,
        person: usize,
        space: &mut Space,
        part: &mut Mixed,
    ) {
        let rows = self.starts[person]..self.starts[person + 1];
        let after = self.k + self.n_levels;
        space.places.clear();
        space.places.extend(0..self.k);
        if self.n_levels > 0 {
            for row in rows.clone() {
                let slot = &mut space.slot[self.level[row] as usize];
                if *slot == u32::MAX {
                    *slot = space.places.len() as u32;
                    space.places.push(self.k + self.level[row] as usize);
                }
            }
        }
        let design = Design {
            first: space.places.len(),
            extra: mixing.extra(),
            prior: match mixing {
                Mixing::Normal { .. } => Vec::new(),
                Mixing::Points { n } => shares(&theta[after + n - 1..]),
            },
        };
        space.places.extend(after..after + design.extra);
        let t = space.places.len();
        space.mean.clear();
        space.mean.resize(t, 0.0);
        space.own.clear();
        space.own.resize(t * t, 0.0);
        for node in 0..space.nodes.shift.len() {
            if space.nodes.post[node] >= 1e-16 {
                self.add_node(&design, rows.clone(), node, space);
            }
        }
        self.add_rows(rows.clone(), space);
        design.add_prior(&mut space.own, t);
        let (m, w) = (self.m(mixing), self.weight[person]);
        for i in 0..t {
            let row = space.places[i];
            part.score[row] += w * space.mean[i];
            for j in i..t {
                let column = space.places[j];
                let value = w * (space.own[i * t + j] + space.mean[i] * space.mean[j]);
                part.information[row * m + column] += value;
                if row != column {
                    part.information[column * m + row] += value;
                }
            }
        }
        if self.n_levels > 0 {
            for row in rows {
                space.slot[self.level[row] as usize] = u32::MAX;
            }
        }
    }

    /// What one node adds: the score, what mixes in the information, less the spread of the score.
    fn add_node(&self, design: &Design, rows: Range<usize>, node: usize, space: &mut Space) {
        let (k, q, t) = (self.k, space.nodes.shift.len(), space.places.len());
        let post = space.nodes.post[node];
        let (score, own) = (&mut space.score, &mut space.own);
        score.clear();
        score.resize(t, 0.0);
        let (mut residuals, mut curves) = (0.0, 0.0);
        for (at, row) in rows.enumerate() {
            let (residual, curve) = (space.residual[at * q + node], space.curve[at * q + node]);
            residuals += residual;
            curves += curve;
            let x = &self.x[row * k..(row + 1) * k];
            for (slot, x) in score.iter_mut().zip(x) {
                *slot += residual * x;
            }
            let place = (self.n_levels > 0).then(|| space.slot[self.level[row] as usize] as usize);
            if let Some(place) = place {
                score[place] += residual;
            }
            for e in 0..design.extra {
                let a = post * curve * design.at(node, e, &space.nodes);
                if a == 0.0 {
                    continue;
                }
                for (j, x) in x.iter().enumerate() {
                    own[j * t + design.first + e] += a * x;
                }
                if let Some(place) = place {
                    own[place * t + design.first + e] += a;
                }
            }
        }
        for e in 0..design.extra {
            let a = design.at(node, e, &space.nodes);
            score[design.first + e] += residuals * a + design.weight(node, e);
            for f in e..design.extra {
                own[(design.first + e) * t + design.first + f] +=
                    post * curves * a * design.at(node, f, &space.nodes);
            }
        }
        for i in 0..t {
            let by = post * score[i];
            space.mean[i] += by;
            if by != 0.0 {
                for j in i..t {
                    own[i * t + j] -= by * score[j];
                }
            }
        }
    }

    /// What rows add to the information of regressors and baseline, averaged over nodes.
    fn add_rows(&self, rows: Range<usize>, space: &mut Space) {
        let (k, q, t) = (self.k, space.nodes.shift.len(), space.places.len());
        let own = &mut space.own;
        for (at, row) in rows.enumerate() {
            let curves = &space.curve[at * q..(at + 1) * q];
            let curve: f64 = space.nodes.post.iter().zip(curves).map(|(p, c)| p * c).sum();
            let x = &self.x[row * k..(row + 1) * k];
            for i in 0..k {
                for j in i..k {
                    own[i * t + j] += curve * x[i] * x[j];
                }
            }
            if self.n_levels > 0 {
                let place = space.slot[self.level[row] as usize] as usize;
                for (i, x) in x.iter().enumerate() {
                    own[i * t + place] += curve * x;
                }
                own[place * t + place] += curve;
            }
        }
    }
}

/// How nodes move with the parameters that mix.
struct Design {
    /// Where these stand among the places a person touches.
    first: usize,
    extra: usize,
    /// Shares of points; empty for a normal effect.
    prior: Vec<f64>,
}

impl Design {
    /// How the linear predictor at a node moves with a parameter.
    fn at(&self, node: usize, e: usize, nodes: &Nodes) -> f64 {
        if self.prior.is_empty() {
            nodes.v[node]
        } else {
            f64::from(u8::from(e < self.extra / 2 && e + 1 == node))
        }
    }

    /// How the logarithm of the weight of a node moves with a parameter.
    fn weight(&self, node: usize, e: usize) -> f64 {
        let points = self.extra / 2;
        if self.prior.is_empty() || e < points {
            return 0.0;
        }
        let own = e - points + 1;
        f64::from(u8::from(own == node)) - self.prior[own]
    }

    /// The information of the shares of points.
    fn add_prior(&self, own: &mut [f64], t: usize) {
        if self.prior.is_empty() {
            return;
        }
        let points = self.extra / 2;
        for e in points..self.extra {
            let p = self.prior[e - points + 1];
            for f in e..self.extra {
                let same = if e == f { p } else { 0.0 };
                own[(self.first + e) * t + self.first + f] += same - p * self.prior[f - points + 1];
            }
        }
    }
}
