//! Regression discontinuity, also in time: who arrived just before a reform, and just after.

use super::EvaluateError;
use super::sample::LARGEST;
use crate::data::{Account, Count, Day, Step, Table, Ticket, Values};
use crate::math::linalg::Triangle;
use crate::math::special::{normal_quantile, normal_sf};
use serde::{Deserialize, Serialize};

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

/// The jump of an outcome where a running variable passes a cutoff, by local linear regression with
/// robust bias correction (Calonico, Cattaneo & Titiunik 2014).
///
/// ```text
/// jump = lim E[Y | X -> c from above] - lim E[Y | X -> c from below]
/// ```
///
/// Each side is fitted by a line within the bandwidth h; its curvature, from a parabola within the
/// bandwidth b, is taken out of the estimate and its noise put into the standard error (`robust`).
/// Bandwidths minimise the mean squared error of the jump unless given. Variances are from the three
/// nearest neighbours of each observation on its side, ties included. A `donut` leaves out those
/// nearer to the cutoff than that: people who could have chosen their side.
///
/// In time, the running variable is a date or a number of days: all that changes on that date besides
/// the reform changes the outcome too, and seasons look like slopes. Try other cutoffs where nothing
/// happened, and outcomes the reform cannot touch.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`donut`](Self::donut) | distance from the cutoff left out | none |
/// | [`bandwidth`](Self::bandwidth) | of the line and of the parabola | chosen |
/// | [`kernel`](Self::kernel) | weights by distance | triangular |
///
/// # References
///
/// - Calonico, S., Cattaneo, M. & Titiunik, R. (2014). Robust nonparametric confidence intervals for
///   regression-discontinuity designs. *Econometrica* 82(6), 2295-2326.
/// - Hausman, C. & Rapson, D. (2018). Regression discontinuity in time. *Annual Review of Resource
///   Economics* 10, 533-552.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::evaluate::Discontinuity;
/// let day: Vec<f64> = (-100..100).map(|day| f64::from(day) + 0.5).collect();
/// let wage = day.iter().map(|day| 10.0 + 0.01 * day + if *day > 0.0 { 2.0 } else { 0.0 });
/// let table = Table::new([
///     ("wage", Column::float(wage.collect())),
///     ("day", Column::float(day)),
/// ])?;
/// let jump = Discontinuity::new("wage", "day", 0.0).bandwidth(40.0, 60.0).fit(&table)?;
/// assert!((jump.robust - 2.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Discontinuity {
    outcome: String,
    running: String,
    cutoff: f64,
    donut: f64,
    bandwidth: Option<(f64, f64)>,
    kernel: Kernel,
}

/// A jump at a cutoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jump {
    /// The jump of the lines, and its standard error when curvature is taken to be none.
    pub conventional: f64,
    /// Its standard error.
    pub conventional_se: f64,
    /// The jump less the bias that curvature brings.
    pub robust: f64,
    /// Its standard error, which knows that the bias is estimated.
    pub robust_se: f64,
    /// Bandwidth of the lines.
    pub h: f64,
    /// Bandwidth of the parabolas.
    pub b: f64,
    /// Observations within h below the cutoff, and from it on.
    pub within: (u64, u64),
    /// Observations in all, below and from the cutoff on.
    pub observed: (u64, u64),
    /// What happened to the rows.
    pub account: Account,
}

impl Jump {
    /// The interval around the corrected jump.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let reach = normal_quantile(1.0 - alpha / 2.0) * self.robust_se;
        (self.robust - reach, self.robust + reach)
    }

    /// P(|Z| > |jump / standard error|), corrected.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        2.0 * normal_sf((self.robust / self.robust_se).abs())
    }
}

/// Days since 1970-01-01.
fn number(day: Day) -> f64 {
    Day::new(1970, 1, 1).map_or(f64::NAN, |epoch| f64::from(day.since(epoch)))
}

/// One side of the cutoff: distances from it, ascending, with outcomes.
struct Side {
    x: Vec<f64>,
    y: Vec<f64>,
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

impl Side {
    fn unique(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.x.iter().map(|x| x.abs()).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// A polynomial within `h`; `None` when too few distinct values lie there.
    fn local(&self, kernel: Kernel, h: f64, order: usize) -> Option<Local> {
        let all: Vec<f64> = self.x.iter().map(|x| kernel.at(x / h) / h).collect();
        let first = all.iter().position(|weight| *weight > 0.0)?;
        let last = all.iter().rposition(|weight| *weight > 0.0)? + 1;
        let weights = all[first..last].to_vec();
        let k = order + 1;
        let mut gram = vec![0.0; k * k];
        for (x, weight) in self.x[first..last].iter().zip(&weights) {
            let u = x / h;
            for i in 0..k {
                for j in 0..k {
                    gram[i * k + j] += weight * u.powi((i + j) as i32);
                }
            }
        }
        let triangle = Triangle::cholesky(&gram, &vec![0.0; k], 1e-12);
        (triangle.dropped.is_empty()).then(|| Local {
            first,
            weights,
            inverse: triangle.inverse(),
            order,
            h,
        })
    }

    /// Residuals against the three nearest neighbours within a range of rows.
    fn residuals(&self, first: usize, n: usize) -> Vec<f64> {
        const NEIGHBOURS: usize = 3;
        let (x, y) = (&self.x[first..first + n], &self.y[first..first + n]);
        let wanted = NEIGHBOURS.min(n.saturating_sub(1));
        (0..n)
            .map(|at| {
                // the block of ties, then the nearer block on either side, both when equally near
                let (mut low, mut high) = (at, at + 1);
                let down = |low: usize, to: f64| {
                    (0..low).rev().take_while(|&i| x[i] == to).last().unwrap_or(low)
                };
                let up = |high: usize, to: f64| {
                    (high..n).take_while(|&i| x[i] == to).last().map_or(high, |i| i + 1)
                };
                (low, high) = (down(low, x[at]), up(high, x[at]));
                while high - low - 1 < wanted {
                    let left = low.checked_sub(1).map(|i| x[at] - x[i]);
                    let right = (high < n).then(|| x[high] - x[at]);
                    let (to_left, to_right) = match (left, right) {
                        (Some(a), Some(b)) => (a <= b, b <= a),
                        (a, b) => (a.is_some(), b.is_some()),
                    };
                    if to_left {
                        low = down(low, x[low - 1]);
                    }
                    if to_right {
                        high = up(high, x[high]);
                    }
                    if !to_left && !to_right {
                        break;
                    }
                }
                let count = (high - low - 1) as f64;
                if count == 0.0 {
                    return 0.0;
                }
                let mean = (y[low..high].iter().sum::<f64>() - y[at]) / count;
                (count / (count + 1.0)).sqrt() * (y[at] - mean)
            })
            .collect()
    }

    /// The parts of the bandwidth for the derivative `nu` of a polynomial of order `o`, its bias from
    /// one of order `o_bias` within `h_bias`.
    fn parts(
        &self,
        kernel: Kernel,
        [o, nu, o_bias]: [usize; 3],
        [h, h_bias]: [f64; 2],
        penalised: bool,
    ) -> Option<Parts> {
        let own = self.local(kernel, h, o)?;
        let variance = own.variance(self, nu);
        let shape = own.moment(self, o + 1, nu);
        let wide = self.local(kernel, h_bias, o_bias)?;
        let curve = wide.coefficient(self, o + 1);
        let gap = (o + 1 - nu) as f64;
        let bias = (2.0 * gap).sqrt() * shape * curve;
        let penalty = if penalised {
            2.0 * gap * 3.0 * shape * shape * wide.variance(self, o + 1)
        } else {
            0.0
        };
        let nu = nu as i32;
        Some(Parts {
            variance: f64::from(2 * nu + 1) * h.powi(2 * nu + 1) * variance,
            bias,
            penalty,
            rate: 1.0 / (2 * o + 3) as f64,
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
                let sum: f64 = own.iter().enumerate().map(|(i, v)| v * u.powi(i as i32)).sum();
                scale * weight * sum
            })
            .collect()
    }

    fn coefficient(&self, side: &Side, j: usize) -> f64 {
        self.row(side, j).iter().zip(&side.y[self.first..]).map(|(w, y)| w * y).sum()
    }

    fn variance(&self, side: &Side, j: usize) -> f64 {
        let residuals = side.residuals(self.first, self.weights.len());
        self.row(side, j).iter().zip(residuals).map(|(w, r)| w * w * r * r).sum()
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

impl Discontinuity {
    /// The jump of `outcome` where `running` reaches `cutoff`.
    pub fn new(outcome: impl Into<String>, running: impl Into<String>, cutoff: f64) -> Self {
        Self {
            outcome: outcome.into(),
            running: running.into(),
            cutoff,
            donut: 0.0,
            bandwidth: None,
            kernel: Kernel::default(),
        }
    }

    /// The jump of `outcome` where the date `running` reaches `day`; distances are in days.
    pub fn on_day(outcome: impl Into<String>, running: impl Into<String>, day: Day) -> Self {
        Self::new(outcome, running, number(day))
    }

    /// The distance from the cutoff within which observations are left out.
    pub const fn donut(mut self, distance: f64) -> Self {
        self.donut = distance;
        self
    }

    /// Bandwidths of the line and of the parabola that corrects it.
    pub const fn bandwidth(mut self, h: f64, b: f64) -> Self {
        self.bandwidth = Some((h, b));
        self
    }

    /// Weights by distance.
    pub const fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// Estimates the jump.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for columns that are missing or no numbers,
    /// [`EvaluateError::NotFinite`], [`EvaluateError::BadArgument`] for cutoff, donut and bandwidth,
    /// [`EvaluateError::NoSolution`] when a side has too few distinct values near the cutoff.
    pub fn fit(&self, table: &Table) -> Result<Jump, EvaluateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<Jump, EvaluateError> {
        self.check()?;
        let (sides, account) = self.read(table)?;
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let (h, b) = match self.bandwidth {
            Some(both) => both,
            None => self.select(&sides)?,
        };
        let mut own = [[0.0; 4]; 2];
        for (side, out) in sides.iter().zip(&mut own) {
            *out = self.estimate(side, h, b).ok_or_else(Self::too_few)?;
        }
        let [low, high] = own;
        let within = |side: &Side| side.x.iter().filter(|x| x.abs() <= h).count() as u64;
        Ok(Jump {
            conventional: high[0] - low[0],
            conventional_se: (high[1] + low[1]).sqrt(),
            robust: high[2] - low[2],
            robust_se: (high[3] + low[3]).sqrt(),
            h,
            b,
            within: (within(&sides[0]), within(&sides[1])),
            observed: (sides[0].x.len() as u64, sides[1].x.len() as u64),
            account,
        })
    }

    const fn too_few() -> EvaluateError {
        EvaluateError::NoSolution {
            what: "the jump",
            why: "a side of the cutoff has too few distinct values of the running variable near it",
        }
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: f64| {
            Err(EvaluateError::BadArgument { argument, expected, got: got.to_string() })
        };
        if !self.cutoff.is_finite() {
            return bad("cutoff", "a finite number", self.cutoff);
        }
        if !(self.donut.is_finite() && self.donut >= 0.0) {
            return bad("donut", "a distance from 0 on", self.donut);
        }
        let given = self.bandwidth.map_or(Vec::new(), |(h, b)| vec![h, b]);
        if let Some(wrong) = given.into_iter().find(|own| !(own.is_finite() && *own > self.donut)) {
            return bad("bandwidth", "two distances above the donut", wrong);
        }
        Ok(())
    }

    /// Both sides, from the cutoff on last.
    fn read(&self, table: &Table) -> Result<([Side; 2], Account), EvaluateError> {
        let numbers = |argument: &'static str, name: &str| -> Result<_, EvaluateError> {
            let column = table.column(argument, name)?;
            let values = match column.values() {
                Values::Date(_) | Values::Text(_) => {
                    let days = column.to_days(argument, name)?;
                    days.into_iter().map(|day| day.map_or(f64::NAN, number)).collect()
                }
                _ => column.to_floats(argument, name)?,
            };
            let wrong = |row: &usize| {
                let large = values[*row].abs().partial_cmp(&LARGEST);
                !column.is_null(*row) && large.is_none_or(std::cmp::Ordering::is_gt)
            };
            if let Some(row) = (0..values.len()).find(wrong) {
                return Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row });
            }
            let known: Vec<bool> = (0..values.len()).map(|row| !column.is_null(row)).collect();
            Ok((values, known))
        };
        let (y, y_known) = numbers("outcome", &self.outcome)?;
        let (x, x_known) = numbers("running", &self.running)?;
        let (mut missing, mut hole) = (0, 0);
        let mut all: Vec<(f64, f64)> = Vec::with_capacity(y.len());
        for row in 0..y.len() {
            let distance = x[row] - self.cutoff;
            if !(y_known[row] && x_known[row]) {
                missing += 1;
            } else if distance.abs() < self.donut {
                hole += 1;
            } else {
                all.push((distance, y[row]));
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let cut = all.partition_point(|own| own.0 < 0.0);
        let side = |own: &[(f64, f64)]| Side {
            x: own.iter().map(|own| own.0).collect(),
            y: own.iter().map(|own| own.1).collect(),
        };
        let detail = format!("{} at {} = {}", self.outcome, self.running, self.cutoff);
        let step = Step::new("rd_in_time", detail, Count::rows(y.len()), Count::rows(all.len()))
            .exclude("outcome or running variable is missing", Count::rows(missing))
            .exclude("nearer to the cutoff than the donut", Count::rows(hole));
        let account = Account::new("table").then(step);
        Ok(([side(&all[..cut]), side(&all[cut..])], account))
    }

    /// Limit, its variance, both corrected.
    fn estimate(&self, side: &Side, h: f64, b: f64) -> Option<[f64; 4]> {
        let line = side.local(self.kernel, h, 1)?;
        let curve = side.local(self.kernel, b, 2)?;
        let first = line.first.min(curve.first);
        let last = (line.first + line.weights.len()).max(curve.first + curve.weights.len());
        let residuals = side.residuals(first, last - first);
        let mut plain = vec![0.0; last - first];
        plain[line.first - first..][..line.weights.len()].copy_from_slice(&line.row(side, 0));
        let mut corrected = plain.clone();
        let share = line.moment(side, 2, 0) * h * h;
        for (at, weight) in curve.row(side, 2).into_iter().enumerate() {
            corrected[curve.first - first + at] -= share * weight;
        }
        let value = |w: &[f64]| w.iter().zip(&side.y[first..]).map(|(w, y)| w * y).sum();
        let variance =
            |w: &[f64]| w.iter().zip(&residuals).map(|(w, r)| w * w * r * r).sum::<f64>();
        Some([value(&plain), variance(&plain), value(&corrected), variance(&corrected)])
    }

    /// Bandwidths that minimise the mean squared error of the jump, in three steps.
    fn select(&self, sides: &[Side; 2]) -> Result<(f64, f64), EvaluateError> {
        const NEAREST: usize = 10;
        let n = (sides[0].x.len() + sides[1].x.len()) as f64;
        let unique = [sides[0].unique(), sides[1].unique()];
        if unique.iter().any(|own| own.len() < NEAREST) {
            return Err(Self::too_few());
        }
        let distinct = (unique[0].len() + unique[1].len()) as f64;
        let all: Vec<f64> = sides.iter().flat_map(|side| side.x.iter().copied()).collect();
        let mean = all.iter().sum::<f64>() / n;
        let squares: f64 = all.iter().map(|x| (x - mean) * (x - mean)).sum();
        // the mean of both neighbours where the distribution jumps over p
        let quantile = |p: f64| {
            let at = p * n;
            let up = all[(at.floor() as usize).min(all.len() - 1)];
            if at.fract() == 0.0 && at >= 1.0 { 0.5 * (all[at as usize - 1] + up) } else { up }
        };
        let spread = (squares / (n - 1.0)).sqrt().min((quantile(0.75) - quantile(0.25)) / 1.349);
        let widest = all[all.len() - 1].max(-all[0]);
        // a little more, so that the last observation has a weight
        let pad = 1.0 + f64::EPSILON.sqrt();
        let ranges = [-all[0] * pad, all[all.len() - 1] * pad];
        // with many ties at least ten distinct values lie within every bandwidth
        let tied = sides
            .iter()
            .zip(&unique)
            .any(|(side, own)| 1.0 - own.len() as f64 / side.x.len() as f64 >= 0.2);
        let least = if tied {
            unique.iter().map(|own| own[NEAREST - 1] * pad).fold(0.0_f64, f64::max)
        } else {
            0.0
        };
        let pilot = (self.kernel.pilot() * spread * distinct.powf(-0.2)).min(widest).max(least);
        let step =
            |orders: [usize; 3], wide: [f64; 2], penalised: bool| -> Result<f64, EvaluateError> {
                let part =
                    |at: usize| sides[at].parts(self.kernel, orders, [pilot, wide[at]], penalised);
                let (low, high) =
                    (part(0).ok_or_else(Self::too_few)?, part(1).ok_or_else(Self::too_few)?);
                // derivatives of odd order change their sign on the other side
                let bias = high.bias - low.bias;
                let error = bias * bias + low.penalty + high.penalty;
                if error <= 0.0 {
                    return Ok(widest);
                }
                let own = ((low.variance + high.variance) / error).powf(low.rate);
                Ok(own.min(widest))
            };
        let d = step([3, 3, 4], ranges, false)?.max(least);
        let b = step([2, 2, 3], [d; 2], true)?;
        let h = step([1, 0, 2], [b; 2], true)?;
        Ok((h, b))
    }
}
