//! Bounds that hold when trends break or bend no more after treatment than they did before, or by
//! no more than a number.
//!
//! With d the difference in trends, its steps after treatment are at most `m` times the largest
//! step before. For one step before, of one sign, that is a set of linear inequalities; the bounds
//! are the union over steps and signs. Each set is tested by Andrews, Roth and Pakes' hybrid of the
//! least favourable and the conditional test, of the moments after treatment.
//!
//! Bends (steps of steps) are bounded in the same way by the largest bend before, or by `m` itself;
//! for the latter the first stage of the test may also be an interval of fixed length around an
//! affine estimator.
//!
//! The test minimises, over the steps that are no part of the mean of interest, the largest
//! standardised violation: a linear programme. Its dual has few vertices, the same for every value
//! tested: with `L_t` the weights of the mean summed from t on, `S = sum |L_t|` and `v` the step
//! before, they are
//!
//! ```text
//! c+ (  mean - theta - m S v),   c- (-(mean - theta) - m S v),   -2 m v / (sd+_t + sd-_t) for each t
//! ```
//!
//! all functions of two normal variables, so that nothing is simulated: the least favourable
//! critical value is an integral over one of them.

use super::honest::HonestInterval;
use crate::math::special::{normal_cdf, normal_sf};

/// An event study around its reference period, for a mean of effects after treatment.
pub(super) struct Path {
    /// Estimates before, nearest to the reference first, then after; and their covariance.
    pub(super) estimates: Vec<f64>,
    pub(super) vcov: Vec<f64>,
    pub(super) n_before: usize,
    /// Periods from each effect after treatment to the one before it.
    pub(super) widths: Vec<f64>,
    /// The mean of interest, one number an effect after treatment.
    pub(super) mean: Vec<f64>,
}

/// What is bounded after treatment, as rows over the estimates.
struct Moments {
    rows: Vec<Vec<f64>>,
    /// Their weights in the mean of interest, which is their weighted sum and what it is without.
    ahead: Vec<f64>,
    /// Periods each spans: its bound is so many times `m`.
    widths: Vec<f64>,
}

impl Moments {
    /// The mean of interest when what is bounded is zero.
    fn whole(&self, k: usize) -> Vec<f64> {
        let mut whole = vec![0.0; k];
        for (row, ahead) in self.rows.iter().zip(&self.ahead) {
            whole.iter_mut().zip(row).for_each(|(sum, value)| *sum += ahead * value);
        }
        whole
    }
}

/// The bound in units of `m`: a row over the estimates plus a number.
struct Measure {
    row: Vec<f64>,
    number: f64,
}

/// An interval of fixed length around an affine estimator, the first stage of a test.
pub(super) struct Fixed {
    pub(super) row: Vec<f64>,
    pub(super) half: f64,
}

/// One vertex of the dual: value `at - slope * theta`.
#[derive(Clone)]
struct Vertex {
    at: f64,
    slope: f64,
    /// Its coefficients of the mean and of the step before.
    load: [f64; 2],
}

/// The test of one set of inequalities: one step before treatment, of one sign.
struct Set {
    vertices: Vec<Vertex>,
    /// Covariance of the mean and the step before.
    cov: [f64; 3],
    /// The least favourable critical value, in units of the largest violation; infinite where the
    /// first stage is another.
    critical: f64,
    /// The centre of the interval that the first stage keeps, half its length, and the covariances
    /// of its centre with the mean and the step.
    fixed: Option<(f64, f64, [f64; 2])>,
    /// The size that is left for the conditional test.
    size: f64,
}

impl Path {
    fn k(&self) -> usize {
        self.estimates.len()
    }

    fn covariance(&self, a: &[f64], b: &[f64]) -> f64 {
        let k = self.k();
        let line = |i: usize| -> f64 { (0..k).map(|j| self.vcov[i * k + j] * b[j]).sum() };
        (0..k).filter(|&i| a[i] != 0.0).map(|i| a[i] * line(i)).sum()
    }

    fn value(&self, a: &[f64]) -> f64 {
        a.iter().zip(&self.estimates).map(|(a, b)| a * b).sum()
    }

    /// Steps after treatment.
    fn steps(&self) -> Moments {
        let step = |t: usize| {
            let mut row = vec![0.0; self.k()];
            row[self.n_before + t] = 1.0;
            if t > 0 {
                row[self.n_before + t - 1] = -1.0;
            }
            row
        };
        let n = self.mean.len();
        Moments {
            rows: (0..n).map(step).collect(),
            ahead: (0..n).map(|t| self.mean[t..].iter().sum()).collect(),
            widths: self.widths.clone(),
        }
    }

    /// Bends after treatment, from the reference period on; effects must be a period apart.
    fn bends(&self) -> Moments {
        let n = self.mean.len();
        let bend = |t: usize| {
            let mut row = vec![0.0; self.k()];
            row[self.n_before + t] = 1.0;
            match t {
                0 => row[0] = 1.0,
                1 => row[self.n_before] = -2.0,
                _ => {
                    row[self.n_before + t - 1] = -2.0;
                    row[self.n_before + t - 2] = 1.0;
                }
            }
            row
        };
        let ahead =
            |t: usize| -> f64 { (t..n).map(|at| self.mean[at] * (at + 1 - t) as f64).sum() };
        Moments {
            rows: (0..n).map(bend).collect(),
            ahead: (0..n).map(ahead).collect(),
            widths: vec![1.0; n],
        }
    }

    /// The step towards the reference from `at` periods before the one next to it.
    fn jump(&self, at: usize, sign: f64) -> Vec<f64> {
        let mut row = vec![0.0; self.k()];
        row[at] = -sign;
        if at > 0 {
            row[at - 1] = sign;
        }
        row
    }

    /// The bend at `at` + 1 periods before the reference.
    fn bend_before(&self, at: usize, sign: f64) -> Vec<f64> {
        let mut row = vec![0.0; self.k()];
        row[at] = -2.0 * sign;
        row[at + 1] = sign;
        if at > 0 {
            row[at - 1] = sign;
        }
        row
    }

    /// The bounds for one `m`, in units of the largest step before treatment.
    pub(super) fn interval(&self, m: f64, alpha: f64) -> HonestInterval {
        let steps = (0..self.n_before).flat_map(|at| [1.0, -1.0].map(|sign| self.jump(at, sign)));
        self.union(&self.steps(), steps, m, alpha)
    }

    /// The bounds for one `m`, in units of the largest bend before treatment.
    pub(super) fn bent(&self, m: f64, alpha: f64) -> HonestInterval {
        let before = 0..self.n_before.saturating_sub(1);
        let bends = before.flat_map(|at| [1.0, -1.0].map(|sign| self.bend_before(at, sign)));
        self.union(&self.bends(), bends, m, alpha)
    }

    /// The bounds when no bend is larger than `m`.
    pub(super) fn smooth(&self, m: f64, alpha: f64, first: Option<&Fixed>) -> HonestInterval {
        let one = Measure { row: vec![0.0; self.k()], number: 1.0 };
        let found = self.set(&self.bends(), &one, m, alpha, first).accepted();
        let [low, high] = found.unwrap_or([f64::INFINITY, f64::NEG_INFINITY]);
        HonestInterval { m, low, high }
    }

    fn union(
        &self,
        moments: &Moments,
        before: impl Iterator<Item = Vec<f64>>,
        m: f64,
        alpha: f64,
    ) -> HonestInterval {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in before {
            let measure = Measure { row, number: 0.0 };
            if let Some(own) = self.set(moments, &measure, m, alpha, None).accepted() {
                low = low.min(own[0]);
                high = high.max(own[1]);
            }
        }
        HonestInterval { m, low, high }
    }

    fn set(
        &self,
        moments: &Moments,
        measure: &Measure,
        m: f64,
        alpha: f64,
        first: Option<&Fixed>,
    ) -> Set {
        let (whole, jump) = (moments.whole(self.k()), &measure.row);
        let Moments { rows, ahead, widths } = moments;
        let spread: f64 = ahead.iter().zip(widths).map(|(own, width)| own.abs() * width).sum();
        let error = |step: &[f64], width: f64, sign: f64| {
            let row: Vec<f64> =
                step.iter().zip(jump).map(|(d, v)| sign * d - m * width * v).collect();
            self.covariance(&row, &row).max(0.0).sqrt()
        };
        let errors: Vec<[f64; 2]> = rows
            .iter()
            .zip(widths)
            .map(|(step, &width)| [error(step, width, 1.0), error(step, width, -1.0)])
            .collect();
        let scale = |sign: f64| -> f64 {
            let own = |(own, errors): (&f64, &[f64; 2])| {
                own.abs() * errors[usize::from(own * sign < 0.0)]
            };
            1.0 / ahead.iter().zip(&errors).map(own).sum::<f64>()
        };
        let (mean, step) = (self.value(&whole), self.value(jump) + measure.number);
        let vertex = |slope: f64, load: [f64; 2]| Vertex {
            at: load[0] * mean + load[1] * step,
            slope,
            load,
        };
        let (plus, minus) = (scale(1.0), scale(-1.0));
        let mut vertices = vec![
            vertex(plus, [plus, -plus * m * spread]),
            vertex(-minus, [-minus, -minus * m * spread]),
        ];
        for (own, width) in errors.iter().zip(widths).filter(|(own, _)| own[0] + own[1] > 0.0) {
            vertices.push(vertex(0.0, [0.0, -2.0 * m * width / (own[0] + own[1])]));
        }
        let cov = [
            self.covariance(&whole, &whole),
            self.covariance(&whole, jump),
            self.covariance(jump, jump),
        ];
        let spent = FIRST * alpha;
        let fixed = first.map(|own| {
            let with = [self.covariance(&own.row, &whole), self.covariance(&own.row, jump)];
            (self.value(&own.row), own.half, with)
        });
        let critical = match fixed {
            Some(_) => f64::INFINITY,
            None => least_favourable(&vertices, cov, 1.0 - spent),
        };
        Set { vertices, cov, critical, fixed, size: (alpha - spent) / (1.0 - spent) }
    }
}

/// The share of the size that is spent on the first stage, as the authors choose it.
pub(super) const FIRST: f64 = 0.1;

/// Nodes and weights of five-point Gauss-Legendre quadrature on (-1, 1).
const GAUSS: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// The quantile of the largest vertex when every inequality just holds.
fn least_favourable(vertices: &[Vertex], cov: [f64; 3], level: f64) -> f64 {
    const PANELS: usize = 24;
    const REACH: f64 = 9.0;
    let error = cov[2].max(0.0).sqrt();
    let slope = if error > 0.0 { cov[1] / cov[2] } else { 0.0 };
    let rest = (cov[0] - slope * cov[1]).max(0.0).sqrt();
    // P(all vertices <= q): given the step v, the mean x lies between two bounds
    let below = |q: f64| -> f64 {
        let inside = |v: f64| {
            let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
            for own in vertices {
                let left = q - own.load[1] * v;
                if own.load[0] > 0.0 {
                    high = high.min(left / own.load[0]);
                } else if own.load[0] < 0.0 {
                    low = low.max(left / own.load[0]);
                } else if left < 0.0 {
                    return 0.0;
                }
            }
            if rest == 0.0 {
                return f64::from(u8::from(low <= slope * v && slope * v <= high));
            }
            let at = |bound: f64| normal_cdf((bound - slope * v) / rest);
            (at(high) - at(low)).max(0.0)
        };
        if error == 0.0 {
            return inside(0.0);
        }
        // where the vertices that know the step alone stay below q
        let floor = vertices
            .iter()
            .filter(|own| own.load[0] == 0.0 && own.load[1] < 0.0)
            .map(|own| q / own.load[1] / error)
            .fold(-REACH, f64::max);
        let width = (REACH - floor) / PANELS as f64;
        let mut sum = 0.0;
        for panel in 0..PANELS {
            let middle = floor + width * (panel as f64 + 0.5);
            for (node, weight) in GAUSS {
                let z = middle + 0.5 * width * node;
                sum += weight * inside(z * error) * libm::exp(-0.5 * z * z);
            }
        }
        0.5 * width * sum / (2.0 * std::f64::consts::PI).sqrt()
    };
    // standardised violations: a few errors at most
    let (mut low, mut high) = (0.0, 1.0);
    while below(high) < level && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if below(middle) < level { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// P(Z > z | low <= Z <= high) of a standard normal.
fn truncated_tail(z: f64, low: f64, high: f64) -> f64 {
    let all = normal_sf(low) - normal_sf(high);
    if all > 0.0 {
        return ((normal_sf(z) - normal_sf(high)) / all).clamp(0.0, 1.0);
    }
    // far out the tail falls like exp(-z^2 / 2)
    libm::exp(-0.5 * (z - low) * (z + low)).clamp(0.0, 1.0)
}

impl Set {
    fn covariance(&self, a: &Vertex, b: &Vertex) -> f64 {
        let [x, xv, v] = self.cov;
        a.load[0] * (x * b.load[0] + xv * b.load[1]) + a.load[1] * (xv * b.load[0] + v * b.load[1])
    }

    /// Whether the test keeps `theta`.
    fn keeps(&self, theta: f64) -> bool {
        if self.fixed.is_some_and(|(centre, half, _)| (centre - theta).abs() > half) {
            return false;
        }
        let values: Vec<f64> = self.vertices.iter().map(|own| own.at - own.slope * theta).collect();
        let Some(best) = (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b])) else {
            return true;
        };
        let largest = values[best];
        if largest <= 0.0 {
            return true;
        }
        if largest > self.critical {
            return false;
        }
        let own = &self.vertices[best];
        let variance = self.covariance(own, own);
        if variance <= 0.0 {
            return false;
        }
        // the range in which this vertex stays the largest, given what is independent of it
        let (mut low, mut high) = (f64::NEG_INFINITY, self.critical);
        for (other, value) in self.vertices.iter().zip(&values) {
            let slope = self.covariance(other, own) / variance;
            let (rest, left) = (value - slope * largest, 1.0 - slope);
            if left > 1e-10 {
                low = low.max(rest / left);
            } else if left < -1e-10 {
                high = high.min(rest / left);
            }
        }
        if let Some((centre, half, [with_mean, with_step])) = self.fixed {
            let slope = (own.load[0] * with_mean + own.load[1] * with_step) / variance;
            let rest = centre - theta - slope * largest;
            if slope != 0.0 {
                let ends = [(-half - rest) / slope, (half - rest) / slope];
                low = low.max(ends[0].min(ends[1]));
                high = high.min(ends[0].max(ends[1]));
            }
        }
        let error = variance.sqrt();
        let (low, high) = (low.min(largest), high.max(largest));
        truncated_tail(largest / error, low / error, high / error) >= self.size
    }

    /// The smallest and the largest value that the test keeps.
    fn accepted(&self) -> Option<[f64; 2]> {
        // the first stage leaves nothing outside of these
        let (low, high) = match self.fixed {
            Some((centre, half, _)) => (centre - half, centre + half),
            None => (
                (self.vertices[0].at - self.critical) / self.vertices[0].slope,
                (self.vertices[1].at - self.critical) / self.vertices[1].slope,
            ),
        };
        if low.partial_cmp(&high).is_none_or(std::cmp::Ordering::is_gt) {
            return None;
        }
        Some([self.end(low, high)?, self.end(high, low)?])
    }

    /// The value kept that is nearest to `from`, on the way to `to`.
    fn end(&self, from: f64, to: f64) -> Option<f64> {
        const STEPS: u32 = 500;
        let at = |step: u32| from + (to - from) * f64::from(step) / f64::from(STEPS);
        let first = (0..=STEPS).find(|&step| self.keeps(at(step)))?;
        if first == 0 {
            return Some(from);
        }
        let (mut out, mut kept) = (at(first - 1), at(first));
        for _ in 0..40 {
            let middle = 0.5 * (out + kept);
            if self.keeps(middle) { kept = middle } else { out = middle }
        }
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it fails")]
    use super::*;
    use crate::data::Seed;
    use crate::evaluate::inference::normals;

    fn path(seed: u64, n_before: usize, n_after: usize) -> Path {
        let k = n_before + n_after;
        let mut draws = vec![0.0; k * (2 * k + 1) + k + n_after];
        normals(Seed::new(seed), 0, &mut draws);
        let (factor, rest) = draws.split_at(k * 2 * k);
        let row = |i: usize| &factor[i * 2 * k..(i + 1) * 2 * k];
        let product = |i: usize, j: usize| -> f64 {
            row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum::<f64>() / k as f64
        };
        Path {
            estimates: rest[..k].to_vec(),
            vcov: (0..k * k).map(|at| product(at / k, at % k)).collect(),
            n_before,
            widths: (0..n_after).map(|t| if t == 0 { 2.0 } else { 1.0 }).collect(),
            mean: rest[k..k + n_after].to_vec(),
        }
    }

    /// Solves a small system by elimination with row exchanges; `None` when singular.
    fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
        let n = b.len();
        for i in 0..n {
            let pivot = (i..n).max_by(|x, y| a[*x][i].abs().total_cmp(&a[*y][i].abs()))?;
            a.swap(i, pivot);
            b.swap(i, pivot);
            if a[i][i].abs() < 1e-12 {
                return None;
            }
            for row in i + 1..n {
                let factor = a[row][i] / a[i][i];
                let above = a[i].clone();
                a[row].iter_mut().zip(&above).for_each(|(own, above)| *own -= factor * above);
                b[row] -= factor * b[i];
            }
        }
        for i in (0..n).rev() {
            b[i] = (b[i] - (i + 1..n).map(|j| a[i][j] * b[j]).sum::<f64>()) / a[i][i];
        }
        Some(b)
    }

    /// The vertices from the definition: all bases of `g >= 0, g'X = 0, g'sd = 1`, as rows over
    /// the estimates, a number and a slope in theta.
    fn bases(
        path: &Path,
        moments: &Moments,
        measure: &Measure,
        m: f64,
    ) -> Vec<(Vec<f64>, f64, f64)> {
        let (p, k) = (path.mean.len(), path.k());
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        for (step, width) in moments.rows.iter().zip(&moments.widths) {
            for sign in [1.0, -1.0] {
                let row: Vec<f64> =
                    step.iter().zip(&measure.row).map(|(d, v)| sign * d - m * width * v).collect();
                rows.push(row);
                numbers.push(-m * width * measure.number);
            }
        }
        let pivot = (0..p).max_by(|a, b| path.mean[*a].abs().total_cmp(&path.mean[*b].abs()));
        let pivot = pivot.unwrap();
        let after = |row: &[f64], t: usize| row[path.n_before + t];
        let slope = |row: &[f64]| after(row, pivot) / path.mean[pivot];
        let nuisance = |row: &[f64], t: usize| after(row, t) - path.mean[t] * slope(row);
        let free: Vec<usize> = (0..p).filter(|&t| t != pivot).collect();
        let mut found = Vec::new();
        for mask in 0_u32..1 << rows.len() {
            if mask.count_ones() as usize != p {
                continue;
            }
            let basis: Vec<usize> = (0..rows.len()).filter(|at| mask >> at & 1 == 1).collect();
            let mut system: Vec<Vec<f64>> = free
                .iter()
                .map(|&t| basis.iter().map(|&at| nuisance(&rows[at], t)).collect())
                .collect();
            let error = |at: &usize| path.covariance(&rows[*at], &rows[*at]).sqrt();
            system.push(basis.iter().map(error).collect());
            let mut right = vec![0.0; p];
            right[p - 1] = 1.0;
            let Some(weights) = solve(system, right) else { continue };
            if weights.iter().any(|weight| *weight < -1e-10) {
                continue;
            }
            let mut row = vec![0.0; k];
            let (mut own_slope, mut number) = (0.0, 0.0);
            for (weight, &at) in weights.iter().zip(&basis) {
                own_slope += weight * slope(&rows[at]);
                number += weight * numbers[at];
                row.iter_mut().zip(&rows[at]).for_each(|(sum, value)| *sum += weight * value);
            }
            found.push((row, number, own_slope));
        }
        found
    }

    /// The closed form has the vertices of the linear programme, its test and its critical value.
    #[test]
    fn vertices_are_those_of_the_linear_programme() {
        for seed in 0..72 {
            let path = path(seed, 2, 1 + seed as usize % 4);
            let m = [0.0, 0.5, 1.0, 2.0][seed as usize % 24 / 6];
            let sign = if seed % 3 == 0 { -1.0 } else { 1.0 };
            let measure = |row| Measure { row, number: 0.0 };
            let (moments, measure) = match seed / 24 {
                0 => (path.steps(), measure(path.jump(seed as usize % 2, sign))),
                1 => (path.bends(), measure(path.bend_before(0, sign))),
                _ => (path.bends(), Measure { row: vec![0.0; path.k()], number: 1.0 }),
            };
            let set = path.set(&moments, &measure, m, 0.05, None);
            let bases = bases(&path, &moments, &measure, m);
            assert!(bases.len() >= 2);
            for step in -40..40 {
                let theta = f64::from(step) * 0.25;
                let value = |own: &Vertex| own.at - own.slope * theta;
                let closed = set.vertices.iter().map(value).fold(f64::MIN, f64::max);
                let slow = |own: &(Vec<f64>, f64, f64)| path.value(&own.0) + own.1 - own.2 * theta;
                let brute = bases.iter().map(slow).fold(f64::MIN, f64::max);
                assert!((closed - brute).abs() < 1e-9 * (1.0 + brute.abs()), "{seed} {theta}");
            }
            let vertices: Vec<Vertex> = set.vertices.clone();
            let k = path.k();
            let mut lower = vec![0.0; k * k];
            for i in 0..k {
                for j in 0..=i {
                    let done: f64 = (0..j).map(|l| lower[i * k + l] * lower[j * k + l]).sum();
                    let left = path.vcov[i * k + j] - done;
                    lower[i * k + j] = if i == j { left.sqrt() } else { left / lower[j * k + j] };
                }
            }
            let (mut z, mut kept) = (vec![0.0; k], 0);
            let draws = 20_000;
            for draw in 0..draws {
                normals(Seed::new(7), draw, &mut z);
                let noise: Vec<f64> =
                    (0..k).map(|i| (0..=i).map(|j| lower[i * k + j] * z[j]).sum()).collect();
                let own = |own: &(Vec<f64>, f64, f64)| -> f64 {
                    own.0.iter().zip(&noise).map(|(a, b)| a * b).sum()
                };
                kept += u32::from(bases.iter().map(own).fold(f64::MIN, f64::max) <= set.critical);
            }
            let share = f64::from(kept) / draws as f64;
            assert!((share - 0.995).abs() < 0.0025, "{seed}: {share} {}", vertices.len());
        }
    }

    /// Without room for a break, and far from the edges, the bounds are the usual interval, a
    /// little wider for the second stage.
    #[test]
    fn without_room_it_is_nearly_the_usual_interval() {
        let path = path(3, 2, 2);
        let mut whole = vec![0.0; 4];
        whole[2..].copy_from_slice(&path.mean);
        let (mean, error) = (path.value(&whole), path.covariance(&whole, &whole).sqrt());
        let own = path.interval(0.0, 0.05);
        let reach = [(mean - own.low) / error, (own.high - mean) / error];
        assert!(reach.iter().all(|reach| (1.95..2.05).contains(reach)), "{reach:?}");
        let wide = path.interval(1.0, 0.05);
        assert!(wide.low < own.low && own.high < wide.high);
    }

    /// Without room for a bend the test of the smoothness restriction rests on one number, the mean
    /// less the trend through the last two periods: its interval is the usual one, a little wider
    /// for the second stage, and bends move its ends by `S m` and no more.
    #[test]
    fn bends_move_the_ends_by_their_sum() {
        let path = path(5, 3, 3);
        let moments = path.bends();
        let whole = moments.whole(path.k());
        let (mean, error) = (path.value(&whole), path.covariance(&whole, &whole).sqrt());
        let first = path.mean.iter().zip(1..).map(|(l, d)| l * f64::from(d)).sum::<f64>();
        let trend = path.mean.iter().zip(&path.estimates[3..]).map(|(l, b)| l * b).sum::<f64>()
            + first * path.estimates[0];
        assert!((mean - trend).abs() < 1e-12);
        let spread: f64 = moments.ahead.iter().map(|own| own.abs()).sum();
        for m in [0.0, 0.5, 2.0] {
            let own = path.smooth(m, 0.05, None);
            let reach = [mean - own.low, own.high - mean].map(|own| (own - m * spread) / error);
            assert!(reach.iter().all(|reach| (1.6..2.05).contains(reach)), "{m} {reach:?}");
        }
        // an interval of fixed length that is far too long leaves the conditional test alone, which
        // is the usual one: one-sided where the other end is far
        let fixed = Fixed { row: whole, half: 40.0 * (spread + error) };
        let own = path.smooth(20.0, 0.05, Some(&fixed));
        let reach = (own.high - mean - 20.0 * spread) / error;
        let usual = crate::math::special::normal_quantile(1.0 - 0.045 / 0.995);
        assert!((reach - usual).abs() < 1e-6, "{reach} {usual}");
    }

    #[test]
    fn tails_far_out() {
        assert!(
            (truncated_tail(2.0, 1.0, f64::INFINITY) - 0.022_750_131_948 / 0.158_655_253_931).abs()
                < 1e-9
        );
        let far = truncated_tail(41.0, 40.0, 50.0);
        assert!(far > 0.0 && far < 1e-17);
    }
}
