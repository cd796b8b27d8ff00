//! Local polynomials on both sides of a boundary.

use crate::math::linalg::Triangle;
use serde::{Deserialize, Serialize};

/// Neighbours that a residual is taken against.
const NEIGHBOURS: usize = 3;
/// Distinct values that the choice of a bandwidth needs on each side.
const NEAREST: usize = 10;

/// How much observations count by their distance from the cutoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Kernel {
    /// `1 - |u|`.
    #[default]
    Triangular,
    /// All alike within the bandwidth.
    Uniform,
    /// `3/4 (1 - u^2)`.
    Epanechnikov,
}

impl Kernel {
    fn at(self, u: f64) -> f64 {
        let near = 1.0 - u.abs();
        match self {
            _ if near < 0.0 => 0.0,
            Self::Triangular => near,
            Self::Uniform => 0.5,
            Self::Epanechnikov => 0.75 * (1.0 - u * u),
        }
    }

    /// The constant of the pilot bandwidth.
    const fn pilot(self) -> f64 {
        match self {
            Self::Triangular => 2.576,
            Self::Uniform => 1.843,
            Self::Epanechnikov => 2.34,
        }
    }
}

/// One side of the cutoff: distances from it, ascending, with outcomes and clusters.
pub(super) struct Side {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) cluster: Option<Vec<u32>>,
}

/// A side with too few distinct values within a reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shortage {
    /// 0 below, 1 from the cutoff on.
    pub(super) side: usize,
    pub(super) reach: f64,
    pub(super) got: usize,
    pub(super) needed: usize,
}

/// The limit of one side: plain and corrected, with their variances, and the line.
#[derive(Clone, Copy, Default)]
pub(super) struct Limit {
    pub(super) plain: f64,
    pub(super) plain_variance: f64,
    pub(super) corrected: f64,
    pub(super) corrected_variance: f64,
    pub(super) slope: f64,
}

impl Limit {
    /// What the other side leaves of it.
    pub(super) fn less(self, other: Self) -> Self {
        Self {
            plain: self.plain - other.plain,
            plain_variance: self.plain_variance + other.plain_variance,
            corrected: self.corrected - other.corrected,
            corrected_variance: self.corrected_variance + other.corrected_variance,
            slope: self.slope - other.slope,
        }
    }
}

/// The parts of a bandwidth.
struct Parts {
    variance: f64,
    bias: f64,
    penalty: f64,
    rate: f64,
}

/// A local polynomial: (X'WX)^-1, weights and the rows they stand for.
struct Local {
    first: usize,
    weights: Vec<f64>,
    inverse: Vec<f64>,
    order: usize,
    h: f64,
}

/// Rows of a side with the same value, one behind the other, and the sum of their outcomes.
struct Block {
    first: usize,
    last: usize,
    x: f64,
    sum: f64,
}

impl Side {
    /// Distances that occur, without their sign.
    pub(super) fn distinct(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.x.iter().map(|x| x.abs()).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// A polynomial within `h`; `None` when too few distinct values lie there.
    fn local(&self, kernel: Kernel, h: f64, order: usize) -> Option<Local> {
        let first = self.x.partition_point(|x| *x < -h);
        let last = self.x.partition_point(|x| *x <= h);
        let near = |at: &usize| kernel.at(self.x[*at] / h) > 0.0;
        let first = (first..last).find(near)?;
        let last = (first..last).rev().find(near)? + 1;
        let weights: Vec<f64> = self.x[first..last].iter().map(|x| kernel.at(x / h) / h).collect();
        let k = order + 1;
        let mut moments = vec![0.0; 2 * k - 1];
        for (x, weight) in self.x[first..last].iter().zip(&weights) {
            let u = x / h;
            let mut power = *weight;
            for moment in &mut moments {
                *moment += power;
                power *= u;
            }
        }
        let gram: Vec<f64> = (0..k * k).map(|at| moments[at / k + at % k]).collect();
        let triangle = Triangle::cholesky(&gram, &vec![0.0; k], 1e-12);
        (triangle.dropped.is_empty()).then(|| Local {
            first,
            weights,
            inverse: triangle.inverse(),
            order,
            h,
        })
    }

    fn needed(
        &self,
        own: Option<Local>,
        h: f64,
        order: usize,
    ) -> Result<Local, (f64, usize, usize)> {
        own.ok_or_else(|| {
            let got = self.distinct().into_iter().filter(|x| *x < h).count();
            (h, got, order + 1)
        })
    }

    fn blocks(&self, first: usize, n: usize) -> Vec<Block> {
        let mut all: Vec<Block> = Vec::new();
        for at in first..first + n {
            match all.last_mut() {
                Some(own) if own.x == self.x[at] => {
                    own.last = at + 1;
                    own.sum += self.y[at];
                }
                _ => all.push(Block { first: at, last: at + 1, x: self.x[at], sum: self.y[at] }),
            }
        }
        all
    }

    /// Residuals against the three nearest neighbours within a range of rows: all that are tied
    /// with the row, then the nearer value on either side, both when equally near.
    fn residuals(&self, first: usize, n: usize) -> Vec<f64> {
        let wanted = NEIGHBOURS.min(n.saturating_sub(1));
        let blocks = self.blocks(first, n);
        let mut all = Vec::with_capacity(n);
        for (at, own) in blocks.iter().enumerate() {
            let (mut low, mut high) = (at, at + 1);
            let mut sum = own.sum;
            while blocks[high - 1].last - blocks[low].first - 1 < wanted {
                let left = low.checked_sub(1).map(|to| own.x - blocks[to].x);
                let right = blocks.get(high).map(|to| to.x - own.x);
                let (to_left, to_right) = match (left, right) {
                    (Some(a), Some(b)) => (a <= b, b <= a),
                    (a, b) => (a.is_some(), b.is_some()),
                };
                if to_left {
                    low -= 1;
                    sum += blocks[low].sum;
                }
                if to_right {
                    sum += blocks[high].sum;
                    high += 1;
                }
                if !to_left && !to_right {
                    break;
                }
            }
            let count = (blocks[high - 1].last - blocks[low].first - 1) as f64;
            let scale = (count / (count + 1.0)).sqrt();
            for y in &self.y[own.first..own.last] {
                let against = if count > 0.0 { y - (sum - y) / count } else { 0.0 };
                all.push(scale * against);
            }
        }
        all
    }

    /// The variance of sum w y: from residuals of each row, or summed by cluster.
    fn variance(&self, first: usize, weights: &[f64], residuals: &[f64], k: usize) -> f64 {
        let terms = weights.iter().zip(residuals).map(|(w, r)| w * r);
        let Some(codes) = &self.cluster else { return terms.map(|own| own * own).sum() };
        let n = weights.len() as f64;
        let mut own: Vec<(u32, f64)> =
            codes[first..first + weights.len()].iter().copied().zip(terms).collect();
        own.sort_by_key(|own| own.0);
        let (mut sum, mut groups) = (0.0, 0.0);
        for group in own.chunk_by(|a, b| a.0 == b.0) {
            let total: f64 = group.iter().map(|own| own.1).sum();
            sum += total * total;
            groups += 1.0;
        }
        sum * (n - 1.0) / (n - k as f64) * groups / (groups - 1.0)
    }

    /// Residuals for a variance: of the polynomial where rows are clustered, else of neighbours.
    fn noise(&self, fit: &Local, first: usize, n: usize) -> Vec<f64> {
        if self.cluster.is_none() {
            return self.residuals(first, n);
        }
        let k = fit.order + 1;
        let beta: Vec<f64> = (0..k).map(|j| fit.coefficient(self, j)).collect();
        let fitted = |x: f64| beta.iter().rev().fold(0.0, |sum, own| sum * x + own);
        (first..first + n).map(|at| self.y[at] - fitted(self.x[at])).collect()
    }

    /// The parts of the bandwidth for the derivative `nu` of a polynomial of order `o`, its bias
    /// from one of order `o_bias` within `h_bias`.
    fn parts(
        &self,
        kernel: Kernel,
        [o, nu, o_bias]: [usize; 3],
        [h, h_bias]: [f64; 2],
        penalised: bool,
    ) -> Result<Parts, (f64, usize, usize)> {
        let own = self.needed(self.local(kernel, h, o), h, o)?;
        let variance = own.variance(self, nu);
        let shape = own.moment(self, o + 1, nu);
        let wide = self.needed(self.local(kernel, h_bias, o_bias), h_bias, o_bias)?;
        let curve = wide.coefficient(self, o + 1);
        let gap = (o + 1 - nu) as f64;
        let bias = (2.0 * gap).sqrt() * shape * curve;
        let penalty = if penalised {
            2.0 * gap * 3.0 * shape * shape * wide.variance(self, o + 1)
        } else {
            0.0
        };
        let nu = nu as i32;
        Ok(Parts {
            variance: f64::from(2 * nu + 1) * h.powi(2 * nu + 1) * variance,
            bias,
            penalty,
            rate: 1.0 / (2 * o + 3) as f64,
        })
    }

    /// The limit at the cutoff by a line within `h`, and less the bias that a parabola within `b`
    /// finds in it.
    fn limit(&self, kernel: Kernel, h: f64, b: f64) -> Result<Limit, (f64, usize, usize)> {
        let line = self.needed(self.local(kernel, h, 1), h, 1)?;
        let curve = self.needed(self.local(kernel, b, 2), b, 2)?;
        let first = line.first.min(curve.first);
        let last = (line.first + line.weights.len()).max(curve.first + curve.weights.len());
        let n = last - first;
        let mut plain = vec![0.0; n];
        plain[line.first - first..][..line.weights.len()].copy_from_slice(&line.row(self, 0));
        let mut corrected = plain.clone();
        let share = line.moment(self, 2, 0) * h * h;
        for (at, weight) in curve.row(self, 2).into_iter().enumerate() {
            corrected[curve.first - first + at] -= share * weight;
        }
        let value = |w: &[f64]| w.iter().zip(&self.y[first..]).map(|(w, y)| w * y).sum();
        let noise = self.noise(&line, first, n);
        let plain_variance = self.variance(first, &plain, &noise, 2);
        let noise = if self.cluster.is_some() { self.noise(&curve, first, n) } else { noise };
        Ok(Limit {
            plain: value(&plain),
            plain_variance,
            corrected: value(&corrected),
            corrected_variance: self.variance(first, &corrected, &noise, 3),
            slope: line.coefficient(self, 1),
        })
    }
}

impl Local {
    /// The row of the weights that give coefficient `j` (in units of x^-j), by observation.
    fn row(&self, side: &Side, j: usize) -> Vec<f64> {
        let k = self.order + 1;
        let scale = self.h.powi(-(j as i32));
        let own = &self.inverse[j * k..(j + 1) * k];
        side.x[self.first..]
            .iter()
            .zip(&self.weights)
            .map(|(x, weight)| {
                let u = x / self.h;
                scale * weight * own.iter().rev().fold(0.0, |sum, v| sum * u + v)
            })
            .collect()
    }

    fn coefficient(&self, side: &Side, j: usize) -> f64 {
        self.row(side, j).iter().zip(&side.y[self.first..]).map(|(w, y)| w * y).sum()
    }

    fn variance(&self, side: &Side, j: usize) -> f64 {
        let noise = side.noise(self, self.first, self.weights.len());
        side.variance(self.first, &self.row(side, j), &noise, self.order + 1)
    }

    /// What (x/h)^power adds to coefficient `j`, in units of h^-j.
    fn moment(&self, side: &Side, power: usize, j: usize) -> f64 {
        let scale = self.h.powi(j as i32);
        self.row(side, j)
            .iter()
            .zip(&side.x[self.first..])
            .map(|(w, x)| scale * w * (x / self.h).powi(power as i32))
            .sum()
    }
}

/// Limits from below and above.
pub(super) fn limits(
    sides: &[Side; 2],
    kernel: Kernel,
    (h, b): (f64, f64),
) -> Result<[Limit; 2], Shortage> {
    let of = |side: usize| {
        sides[side].limit(kernel, h, b).map_err(|(reach, got, needed)| Shortage {
            side,
            reach,
            got,
            needed,
        })
    };
    Ok([of(0)?, of(1)?])
}

/// How running variables are spread, for a first bandwidth.
fn spread(sides: &[Side; 2]) -> f64 {
    let all: Vec<f64> = sides.iter().flat_map(|side| side.x.iter().copied()).collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let squares: f64 = all.iter().map(|x| (x - mean) * (x - mean)).sum();
    // the mean of both neighbours where the distribution jumps over p
    let quantile = |p: f64| {
        let at = p * n;
        let up = all[(at.floor() as usize).min(all.len() - 1)];
        if at.fract() == 0.0 && at >= 1.0 { 0.5 * (all[at as usize - 1] + up) } else { up }
    };
    (squares / (n - 1.0)).sqrt().min((quantile(0.75) - quantile(0.25)) / 1.349)
}

/// Bandwidths that minimise the mean squared error of the jump, in three steps.
pub(super) fn bandwidths(sides: &[Side; 2], kernel: Kernel) -> Result<(f64, f64), Shortage> {
    let distinct = [sides[0].distinct(), sides[1].distinct()];
    for (side, own) in distinct.iter().enumerate() {
        if own.len() < NEAREST {
            let reach = f64::INFINITY;
            return Err(Shortage { side, reach, got: own.len(), needed: NEAREST });
        }
    }
    let far = |own: &Vec<f64>| own[own.len() - 1];
    let widest = far(&distinct[0]).max(far(&distinct[1]));
    // a little more, so that the last observation has a weight
    let pad = 1.0 + f64::EPSILON.sqrt();
    let ranges = [far(&distinct[0]) * pad, far(&distinct[1]) * pad];
    // with many ties at least ten distinct values lie within every bandwidth
    let tied =
        |(side, own): (&Side, &Vec<f64>)| 1.0 - own.len() as f64 / side.x.len() as f64 >= 0.2;
    let least = if sides.iter().zip(&distinct).any(tied) {
        distinct.iter().map(|own| own[NEAREST - 1] * pad).fold(0.0_f64, f64::max)
    } else {
        0.0
    };
    let n = (distinct[0].len() + distinct[1].len()) as f64;
    let pilot = (kernel.pilot() * spread(sides) * n.powf(-0.2)).min(widest).max(least);
    let step = |orders: [usize; 3], wide: [f64; 2], penalised: bool| -> Result<f64, Shortage> {
        let part = |side: usize| {
            sides[side]
                .parts(kernel, orders, [pilot, wide[side]], penalised)
                .map_err(|(reach, got, needed)| Shortage { side, reach, got, needed })
        };
        let (low, high) = (part(0)?, part(1)?);
        let bias = high.bias - low.bias;
        let error = bias * bias + low.penalty + high.penalty;
        let own = ((low.variance + high.variance) / error).powf(low.rate);
        // without noise or without curvature nothing speaks against the widest
        Ok(if own > 0.0 && own.is_finite() { own.min(widest) } else { widest })
    };
    let d = step([3, 3, 4], ranges, false)?.max(least);
    let b = step([2, 2, 3], [d; 2], true)?;
    let h = step([1, 0, 2], [b; 2], true)?;
    // an outcome without noise asks for no width at all; a line and a parabola need some
    let holds = |n: usize| distinct.iter().map(|own| own[n] * pad).fold(0.0_f64, f64::max);
    Ok((h.max(holds(2)), b.max(holds(3))))
}
