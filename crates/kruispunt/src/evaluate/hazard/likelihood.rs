//! The likelihood of one of several events in a period, its score and information.

use crate::math::crossprod::dot;
use rayon::prelude::*;

/// How the chance of the event depends on the linear predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Link {
    /// Odds: of one event, or of each of several (multinomial logit).
    #[default]
    Logit,
    /// Complementary log-log: proportional hazards in grouped time, of one event.
    Cloglog,
}

/// Rows worked on at once; the partition is fixed, so sums do not depend on the threads.
const BLOCK: usize = 1024;
const CHUNK: usize = 64 * BLOCK;

/// Person-period rows.
pub(super) struct Rows<'a> {
    pub(super) columns: Vec<&'a [f64]>,
    pub(super) names: &'a [String],
    /// The level of the baseline; empty without.
    pub(super) level: &'a [u32],
    pub(super) n_levels: usize,
    /// 0 for none, else the cause counted from 1.
    pub(super) event: &'a [u32],
    pub(super) causes: usize,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) offset: Option<&'a [f64]>,
    pub(super) link: Link,
}

/// Log-likelihood, score and information at a parameter.
///
/// Parameters stand cause by cause, regressors first, levels of the baseline after.
pub(super) struct Sums {
    pub(super) log_likelihood: f64,
    pub(super) score: Vec<f64>,
    /// By pair of causes `a <= b`: regressors x regressors, levels x regressors, levels.
    pairs: Vec<Pair>,
}

#[derive(Clone)]
struct Pair {
    xx: Vec<f64>,
    lx: Vec<f64>,
    ll: Vec<f64>,
}

/// Work space of one block.
struct Space {
    eta: Vec<f64>,
    residual: Vec<f64>,
    weight: Vec<f64>,
    product: Vec<f64>,
}

impl Rows<'_> {
    pub(super) const fn n(&self) -> usize {
        self.event.len()
    }

    pub(super) const fn k(&self) -> usize {
        self.columns.len()
    }

    /// Parameters of one cause.
    pub(super) const fn each(&self) -> usize {
        self.columns.len() + self.n_levels
    }

    /// Parameters in all.
    pub(super) const fn m(&self) -> usize {
        self.causes * self.each()
    }

    fn pairs(&self) -> usize {
        self.causes * (self.causes + 1) / 2
    }

    fn nothing(&self) -> Sums {
        let (k, l) = (self.k(), self.n_levels);
        let pair = Pair { xx: vec![0.0; k * k], lx: vec![0.0; l * k], ll: vec![0.0; l] };
        Sums { log_likelihood: 0.0, score: vec![0.0; self.m()], pairs: vec![pair; self.pairs()] }
    }

    /// Sums over all rows.
    pub(super) fn sums(&self, theta: &[f64]) -> Sums {
        let n = self.n();
        let parts: Vec<Sums> = (0..n.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut part = self.nothing();
                let mut space = self.space();
                let end = ((chunk + 1) * CHUNK).min(n);
                for start in (chunk * CHUNK..end).step_by(BLOCK) {
                    self.block(theta, start, (start + BLOCK).min(end), &mut space, &mut part);
                }
                part
            })
            .collect();
        parts.into_iter().fold(self.nothing(), |mut total, part| {
            total.add(&part);
            total
        })
    }

    fn space(&self) -> Space {
        Space {
            eta: vec![0.0; BLOCK * self.causes],
            residual: vec![0.0; BLOCK * self.causes],
            weight: vec![0.0; BLOCK * self.pairs()],
            product: vec![0.0; BLOCK],
        }
    }

    /// Residuals of every row, cause by cause: what the score sums.
    pub(super) fn residuals(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        let n = self.n();
        let mut all = vec![vec![0.0; n]; self.causes];
        let mut space = self.space();
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            self.chances(theta, start, end, &mut space);
            for (cause, own) in all.iter_mut().enumerate() {
                let from = cause * BLOCK;
                own[start..end].copy_from_slice(&space.residual[from..from + end - start]);
            }
        }
        all
    }

    /// Linear predictors, residuals and weights of rows `start..end`; gives the log-likelihood.
    fn chances(&self, theta: &[f64], start: usize, end: usize, space: &mut Space) -> f64 {
        let len = end - start;
        for cause in 0..self.causes {
            let own = &theta[cause * self.each()..(cause + 1) * self.each()];
            let eta = &mut space.eta[cause * BLOCK..cause * BLOCK + len];
            match self.offset {
                Some(offset) => eta.copy_from_slice(&offset[start..end]),
                None => eta.fill(0.0),
            }
            for (column, beta) in self.columns.iter().zip(own) {
                for (slot, x) in eta.iter_mut().zip(&column[start..end]) {
                    *slot += beta * x;
                }
            }
            if self.n_levels > 0 {
                let alpha = &own[self.k()..];
                for (slot, &level) in eta.iter_mut().zip(&self.level[start..end]) {
                    *slot += alpha[level as usize];
                }
            }
        }
        let weight = |at: usize| self.weights.map_or(1.0, |weights| weights[start + at]);
        let mut sum = 0.0;
        if self.causes == 1 {
            for at in 0..len {
                let w = weight(at);
                let event = self.event[start + at] > 0;
                let (log, residual, information) = self.link.row(space.eta[at], event);
                sum += w * log;
                space.residual[at] = w * residual;
                space.weight[at] = w * information;
            }
            return sum;
        }
        let mut p = vec![0.0; self.causes];
        for at in 0..len {
            let w = weight(at);
            let event = self.event[start + at] as usize;
            let eta = |cause: usize| space.eta[cause * BLOCK + at];
            let top = (0..self.causes).fold(0.0_f64, |top, cause| top.max(eta(cause)));
            let mut total = libm::exp(-top);
            for (cause, slot) in p.iter_mut().enumerate() {
                *slot = libm::exp(eta(cause) - top);
                total += *slot;
            }
            let own = if event == 0 { 0.0 } else { eta(event - 1) };
            sum += w * (own - top - libm::log(total));
            let mut pair = 0;
            for a in 0..self.causes {
                let pa = p[a] / total;
                let happened = if event == a + 1 { 1.0 } else { 0.0 };
                space.residual[a * BLOCK + at] = w * (happened - pa);
                for (b, pb) in p.iter().enumerate().skip(a) {
                    let same = if a == b { pa } else { 0.0 };
                    space.weight[pair * BLOCK + at] = w * (same - pa * pb / total);
                    pair += 1;
                }
            }
        }
        sum
    }

    fn block(&self, theta: &[f64], start: usize, end: usize, space: &mut Space, sums: &mut Sums) {
        let len = end - start;
        sums.log_likelihood += self.chances(theta, start, end, space);
        let levels = if self.n_levels > 0 { &self.level[start..end] } else { &[] };
        let k = self.k();
        for cause in 0..self.causes {
            let residual = &space.residual[cause * BLOCK..cause * BLOCK + len];
            let score = &mut sums.score[cause * self.each()..(cause + 1) * self.each()];
            for (slot, column) in score.iter_mut().zip(&self.columns) {
                *slot += dot(residual, &column[start..end]);
            }
            for (&level, value) in levels.iter().zip(residual) {
                score[k + level as usize] += value;
            }
        }
        for (at, pair) in sums.pairs.iter_mut().enumerate() {
            let weight = &space.weight[at * BLOCK..at * BLOCK + len];
            for (&level, value) in levels.iter().zip(weight) {
                pair.ll[level as usize] += value;
            }
            for i in 0..k {
                let product = &mut space.product[..len];
                for ((slot, w), x) in
                    product.iter_mut().zip(weight).zip(&self.columns[i][start..end])
                {
                    *slot = w * x;
                }
                for j in i..k {
                    pair.xx[i * k + j] += dot(product, &self.columns[j][start..end]);
                }
                for (&level, value) in levels.iter().zip(product.iter()) {
                    pair.lx[level as usize * k + i] += value;
                }
            }
        }
    }

    /// The information as one symmetric matrix, row-major `(m, m)`.
    pub(super) fn information(&self, sums: &Sums) -> Vec<f64> {
        let (k, each, m) = (self.k(), self.each(), self.m());
        let mut full = vec![0.0; m * m];
        let mut at = 0;
        for a in 0..self.causes {
            for b in a..self.causes {
                let pair = &sums.pairs[at];
                at += 1;
                let mut put = |i: usize, j: usize, value: f64| {
                    full[(a * each + i) * m + b * each + j] = value;
                    full[(b * each + j) * m + a * each + i] = value;
                };
                for i in 0..k {
                    for j in i..k {
                        put(i, j, pair.xx[i * k + j]);
                        put(j, i, pair.xx[i * k + j]);
                    }
                }
                for level in 0..self.n_levels {
                    put(k + level, k + level, pair.ll[level]);
                    for i in 0..k {
                        put(k + level, i, pair.lx[level * k + i]);
                        put(i, k + level, pair.lx[level * k + i]);
                    }
                }
            }
        }
        full
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        let add = |into: &mut [f64], from: &[f64]| {
            for (slot, value) in into.iter_mut().zip(from) {
                *slot += value;
            }
        };
        self.log_likelihood += other.log_likelihood;
        add(&mut self.score, &other.score);
        for (into, from) in self.pairs.iter_mut().zip(&other.pairs) {
            add(&mut into.xx, &from.xx);
            add(&mut into.lx, &from.lx);
            add(&mut into.ll, &from.ll);
        }
    }
}

impl Link {
    /// Log-likelihood, score and expected information of one row in its linear predictor.
    #[inline]
    pub(super) fn row(self, eta: f64, event: bool) -> (f64, f64, f64) {
        match self {
            Self::Logit => {
                // One exponential serves the chance and the logarithm, at either end.
                let small = libm::exp(-eta.abs());
                let p = if eta >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
                let log = if event { eta.min(0.0) } else { (-eta).min(0.0) } - libm::log1p(small);
                let residual = if event { 1.0 - p } else { -p };
                (log, residual, small / ((1.0 + small) * (1.0 + small)))
            }
            Self::Cloglog => {
                let eta = eta.clamp(-700.0, 6.0);
                let rate = libm::exp(eta);
                let mean = -libm::expm1(-rate);
                // The slope over the chance: rate exp(-rate) / (1 - exp(-rate)).
                let odd = rate * (1.0 - mean) / mean.max(f64::MIN_POSITIVE);
                if event {
                    (libm::log(mean.max(f64::MIN_POSITIVE)), odd, odd * rate)
                } else {
                    (-rate, -rate, odd * rate)
                }
            }
        }
    }

    /// Log-likelihood, score and observed information of one row in its linear predictor.
    #[inline]
    pub(super) fn curved(self, eta: f64, event: bool) -> (f64, f64, f64) {
        match self {
            Self::Logit => self.row(eta, event),
            Self::Cloglog => {
                let (log, score, _) = self.row(eta, event);
                let rate = libm::exp(eta.clamp(-700.0, 6.0));
                let curve = if event { score * (score - 1.0 + rate) } else { rate };
                (log, score, curve)
            }
        }
    }

    /// The chance of the event and its slope in the linear predictor.
    pub(super) fn chance(self, eta: f64) -> (f64, f64) {
        match self {
            Self::Logit => {
                let p = 1.0 / (1.0 + libm::exp(-eta));
                (p, p * (1.0 - p))
            }
            Self::Cloglog => {
                let rate = libm::exp(eta.min(6.0));
                (-libm::expm1(-rate), rate * libm::exp(-rate))
            }
        }
    }

    /// The linear predictor of a chance.
    pub(super) fn of(self, p: f64) -> f64 {
        match self {
            Self::Logit => libm::log(p / (1.0 - p)),
            Self::Cloglog => libm::log(-libm::log1p(-p)),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Cloglog => "cloglog",
        }
    }
}
