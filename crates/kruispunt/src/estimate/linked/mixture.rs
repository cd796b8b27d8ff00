//! Regression on a file already linked, of which only the file is known.

use super::super::absorption::{go_on, stage};
use super::super::assemble::{Found, Origin};
use super::super::drawn::Drawn;
use super::super::formula::Formula;
use super::super::least_squares::Solved;
use super::super::request::{Request, Singletons};
use super::super::{EstimateError, Family, Vcov};
use super::response::Response;
use crate::data::{
    Caution, Column, Convergence, Count, Dispersion, Factor, Fit, Likelihood, Step, Table, Ticket,
};
use crate::math::crossprod::{dot, gram};
use crate::math::linalg::{Triangle, inverse_of, sandwich};
use serde::{Deserialize, Serialize};

/// Steps of EM at most.
const MOST: usize = 20_000;

/// Regression on linked rows of which an unknown part is linked wrongly.
///
/// ```text
/// p(y | x, z) = h(z'g) f(y | x; b) + (1 - h(z'g)) f_Y(y)
/// ```
///
/// A row is right with probability `h`, logistic in what predicts it (match weight, origin,
/// frequency of the name); else its outcome is that of anybody, with the density `f_Y` of the file:
/// normal, Bernoulli, or the shares of the counts there are. *Safe* rows have `h = 1`. Fitted by
/// EM; the covariance is the sandwich of the composite likelihood's scores, by rows or clusters,
/// with `f_Y` taken as known.
///
/// A bound on the mean rate of wrong links (known from an audit elsewhere) keeps the two parts
/// apart where the data alone hardly do: when EM goes beyond it, the intercept of `h` is moved back
/// until the mean rate is at the bound, and the covariance is that given `h`.
///
/// # References
///
/// - Slawski, M., West, B. T., Bukke, P., Wang, Z., Diao, G. & Ben-David, E. (2025). A general
///   framework for regression with mismatched data based on mixture modelling. *Journal of the
///   Royal Statistical Society A* 188(3), 896-919.
/// - Hof, M. H. P. & Zwinderman, A. H. (2015). A mixture model for the analysis of data derived
///   from record linkage. *Statistics in Medicine* 34(1), 74-92.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::MismatchMixture;
/// // Wage is twice the age; every tenth wage is that of somebody else.
/// let age: Vec<f64> = (0..200).map(|i| f64::from(i % 40)).collect();
/// let own = |i: usize| if i % 10 == 3 { (i + 57) % 40 } else { i % 40 };
/// let wage: Vec<f64> =
///     (0..200).map(|i| 2.0 * own(i) as f64 + ((i * 7) % 11) as f64 / 10.0).collect();
/// let linked = Table::new([("age", Column::float(age)), ("wage", Column::float(wage))])?;
/// let found = MismatchMixture::new("wage ~ age")?.fit(&linked)?;
/// assert!((found.fit().coef()[1] - 2.0).abs() < 0.01);
/// assert!((found.mean_mismatch() - 0.1).abs() < 0.03);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MismatchMixture {
    request: Request,
    family: Family,
    predictors: Option<Formula>,
    safe: Option<String>,
    bound: Option<f64>,
    cluster: Option<String>,
}

/// A regression, and which rows look wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MismatchFit {
    fit: Fit,
    naive: Fit,
    names: Vec<String>,
    gamma: Vec<f64>,
    gamma_errors: Vec<f64>,
    rows: Vec<u32>,
    correct: Vec<f64>,
    mean_mismatch: f64,
    cautions: Vec<Caution>,
}

impl MismatchFit {
    /// The regression of rows that are right.
    #[must_use]
    pub const fn fit(&self) -> &Fit {
        &self.fit
    }

    /// The same regression as if all links were right.
    #[must_use]
    pub const fn naive(&self) -> &Fit {
        &self.naive
    }

    /// The logistic regression of a right link: name, coefficient, standard error (NaN at a bound).
    #[must_use]
    pub fn correct_links(&self) -> Vec<(String, f64, f64)> {
        let rows = self.names.iter().zip(&self.gamma).zip(&self.gamma_errors);
        rows.map(|((name, value), error)| (name.clone(), *value, *error)).collect()
    }

    /// Row of the table and the posterior probability that its link is right.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Data`] never, in practice.
    pub fn posterior(&self) -> Result<Table, EstimateError> {
        Ok(Table::new([
            ("row", Column::int(self.rows.iter().map(|&row| i64::from(row)).collect())),
            ("correct", Column::float(self.correct.clone())),
        ])?)
    }

    /// The mean of one minus h.
    #[must_use]
    pub const fn mean_mismatch(&self) -> f64 {
        self.mean_mismatch
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }
}

/// The data of the mixture.
struct Data {
    response: Response,
    y: Vec<f64>,
    x: Vec<Vec<f64>>,
    z: Vec<Vec<f64>>,
    safe: Vec<bool>,
    /// `log f_Y(y)`, row by row.
    marginal: Vec<f64>,
    bound: Option<f64>,
    offset: Vec<f64>,
}

/// Parameters.
#[derive(Clone, Debug)]
struct Theta {
    b: Vec<f64>,
    variance: f64,
    gamma: Vec<f64>,
}

/// What the rows say at some parameters.
struct Rows {
    eta: Vec<f64>,
    /// Probability of a right link before the outcome is seen.
    h: Vec<f64>,
    /// The same after.
    w: Vec<f64>,
    log_likelihood: f64,
}

fn logistic(value: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-value))
}

fn line(columns: &[Vec<f64>], b: &[f64], n: usize) -> Vec<f64> {
    let mut all = vec![0.0; n];
    for (column, b) in columns.iter().zip(b) {
        all.iter_mut().zip(column).for_each(|(all, x)| *all += x * b);
    }
    all
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

impl Data {
    fn n(&self) -> usize {
        self.y.len()
    }

    fn eta(&self, b: &[f64]) -> Vec<f64> {
        let mut eta = line(&self.x, b, self.n());
        eta.iter_mut().zip(&self.offset).for_each(|(eta, more)| *eta += more);
        eta
    }

    fn rows(&self, theta: &Theta) -> Rows {
        let eta = self.eta(&theta.b);
        let score = line(&self.z, &theta.gamma, self.n());
        let (mut h, mut w) = (Vec::with_capacity(self.n()), Vec::with_capacity(self.n()));
        let mut log_likelihood = 0.0;
        for i in 0..self.n() {
            let right = self.response.log_density(self.y[i], eta[i], theta.variance);
            if self.safe[i] {
                h.push(1.0);
                w.push(1.0);
                log_likelihood += right;
                continue;
            }
            let own = logistic(score[i]);
            // log(h f) and log((1 - h) f_Y), added without overflow
            let softplus = |v: f64| v.max(0.0) + libm::log1p(libm::exp(-v.abs()));
            let first = right - softplus(-score[i]);
            let second = self.marginal[i] - softplus(score[i]);
            let top = first.max(second);
            let both = top + libm::log(libm::exp(first - top) + libm::exp(second - top));
            h.push(own);
            w.push(libm::exp(first - both));
            log_likelihood += both;
        }
        Rows { eta, h, w, log_likelihood }
    }

    /// Weighted regression by steps of Newton from `b`.
    fn regress(&self, w: &[f64], mut b: Vec<f64>) -> Result<(Vec<f64>, f64), EstimateError> {
        let k = b.len();
        let steps = if self.response == Response::Linear { 1 } else { 25 };
        for _ in 0..steps {
            let eta = self.eta(&b);
            let mean: Vec<f64> = eta.iter().map(|&eta| self.response.mean(eta)).collect();
            let weight: Vec<f64> =
                mean.iter().zip(w).map(|(&m, w)| w * self.response.slope(m)).collect();
            let pull: Vec<f64> =
                self.y.iter().zip(&mean).zip(w).map(|((y, m), w)| w * (y - m)).collect();
            let score: Vec<f64> = self.x.iter().map(|column| dot(column, &pull)).collect();
            let information = gram(&slices(&self.x), Some(&weight));
            let triangle = Triangle::cholesky(&information, &vec![0.0; k], 1e-13);
            if triangle.kept.len() < k {
                return Err(EstimateError::Diverged { iterations: 0 });
            }
            let step = triangle.solve(&score);
            let long = step.iter().fold(0.0_f64, |top, own| top.max(own.abs()));
            // Steps of a likelihood that saturates are cut short.
            let share = if self.response == Response::Linear { 1.0 } else { (5.0 / long).min(1.0) };
            b.iter_mut().zip(&step).for_each(|(b, step)| *b += share * step);
            if long < 1e-10 {
                break;
            }
        }
        let eta = self.eta(&b);
        let total: f64 = w.iter().sum();
        let left: f64 =
            self.y.iter().zip(&eta).zip(w).map(|((y, eta), w)| w * (y - eta).powi(2)).sum();
        Ok((b, if self.response == Response::Linear { left / total } else { 1.0 }))
    }

    /// Logistic regression of w on z over rows that are not safe, then the bound.
    fn relate(&self, w: &[f64], mut gamma: Vec<f64>) -> Vec<f64> {
        let q = gamma.len();
        for _ in 0..25 {
            let score = line(&self.z, &gamma, self.n());
            let free = |i: usize| f64::from(u8::from(!self.safe[i]));
            let h: Vec<f64> = score.iter().map(|&own| logistic(own)).collect();
            let weight: Vec<f64> = (0..self.n()).map(|i| free(i) * h[i] * (1.0 - h[i])).collect();
            let pull: Vec<f64> = (0..self.n()).map(|i| free(i) * (w[i] - h[i])).collect();
            let slope: Vec<f64> = self.z.iter().map(|column| dot(column, &pull)).collect();
            let information = gram(&slices(&self.z), Some(&weight));
            let triangle = Triangle::cholesky(&information, &vec![0.0; q], 1e-13);
            if triangle.kept.len() < q {
                break;
            }
            let step = triangle.solve(&slope);
            let long = step.iter().fold(0.0_f64, |top, own| top.max(own.abs()));
            let share = (2.0 / long).min(1.0);
            gamma.iter_mut().zip(&step).for_each(|(own, step)| *own += share * step);
            if long < 1e-10 {
                break;
            }
        }
        self.bounded(gamma)
    }

    fn mean_mismatch(&self, gamma: &[f64]) -> f64 {
        let score = line(&self.z, gamma, self.n());
        let wrong = |i: usize| if self.safe[i] { 0.0 } else { 1.0 - logistic(score[i]) };
        (0..self.n()).map(wrong).sum::<f64>() / self.n() as f64
    }

    /// Moves the intercept up until the bound holds.
    fn bounded(&self, mut gamma: Vec<f64>) -> Vec<f64> {
        let Some(bound) = self.bound else { return gamma };
        if self.mean_mismatch(&gamma) <= bound {
            return gamma;
        }
        let (mut low, mut high) = (gamma[0], gamma[0] + 60.0);
        for _ in 0..80 {
            gamma[0] = 0.5 * (low + high);
            if self.mean_mismatch(&gamma) > bound { low = gamma[0] } else { high = gamma[0] }
        }
        gamma[0] = high;
        gamma
    }

    fn climb(&self, ticket: &Ticket) -> Result<(Theta, Rows, usize), EstimateError> {
        let ones = vec![1.0; self.n()];
        let (b, variance) = self.regress(&ones, vec![0.0; self.x.len()])?;
        let mut gamma = vec![0.0; self.z.len()];
        gamma[0] = libm::log(9.0);
        // The spread of rows that are right is smaller than that of all.
        let mut theta = Theta { b, variance: 0.5 * variance, gamma: self.bounded(gamma) };
        if theta.variance.is_nan() || theta.variance <= 0.0 {
            return Err(EstimateError::Diverged { iterations: 0 });
        }
        let mut rows = self.rows(&theta);
        for iteration in 1..=MOST {
            go_on(ticket)?;
            let (b, variance) = self.regress(&rows.w, theta.b.clone())?;
            let gamma = self.relate(&rows.w, theta.gamma.clone());
            let next = Theta { b, variance, gamma };
            let least = 1e-14 * theta.variance.max(1e-300);
            if next.variance.is_nan() || next.variance <= least {
                return Err(EstimateError::Diverged { iterations: iteration });
            }
            let now = self.rows(&next);
            let far = |old: &[f64], new: &[f64]| -> f64 {
                old.iter()
                    .zip(new)
                    .map(|(a, b)| (a - b).abs() / (1.0 + a.abs()))
                    .fold(0.0, f64::max)
            };
            let moved = far(&theta.b, &next.b)
                .max(0.1 * far(&theta.gamma, &next.gamma))
                .max((next.variance / theta.variance - 1.0).abs());
            (theta, rows) = (next, now);
            if !rows.log_likelihood.is_finite() {
                return Err(EstimateError::Diverged { iterations: iteration });
            }
            if moved < 1e-9 {
                return Ok((theta, rows, iteration));
            }
        }
        Err(EstimateError::Diverged { iterations: MOST })
    }

    /// Columns of scores: coefficients, the log of the variance if linear, then gamma.
    fn scores(&self, theta: &Theta, with_gamma: bool) -> Vec<Vec<f64>> {
        let rows = self.rows(theta);
        let linear = self.response == Response::Linear;
        let n = self.n();
        let pull: Vec<f64> = (0..n)
            .map(|i| rows.w[i] * (self.y[i] - self.response.mean(rows.eta[i])) / theta.variance)
            .collect();
        let times = |column: &Vec<f64>, by: &[f64]| -> Vec<f64> {
            column.iter().zip(by).map(|(a, b)| a * b).collect()
        };
        let mut all: Vec<Vec<f64>> = self.x.iter().map(|own| times(own, &pull)).collect();
        if linear {
            let spread = |i: usize| {
                0.5 * rows.w[i] * ((self.y[i] - rows.eta[i]).powi(2) / theta.variance - 1.0)
            };
            all.push((0..n).map(spread).collect());
        }
        if with_gamma {
            let apart: Vec<f64> = rows.w.iter().zip(&rows.h).map(|(w, h)| w - h).collect();
            all.extend(self.z.iter().map(|own| times(own, &apart)));
        }
        all
    }

    /// Parameters moved by `step`, in the order of scores.
    fn moved(&self, theta: &Theta, at: usize, step: f64) -> Theta {
        let mut own = theta.clone();
        let k = theta.b.len();
        match (at < k, self.response == Response::Linear) {
            (true, _) => own.b[at] += step,
            (false, true) if at == k => own.variance *= libm::exp(step),
            (false, linear) => own.gamma[at - k - usize::from(linear)] += step,
        }
        own
    }

    /// The sandwich of all parameters that are free.
    fn covariance(
        &self,
        theta: &Theta,
        with_gamma: bool,
        cluster: Option<&Factor>,
    ) -> Result<Vec<f64>, EstimateError> {
        let scores = self.scores(theta, with_gamma);
        let p = scores.len();
        let sizes: Vec<f64> = scores
            .iter()
            .map(|own| 1e-4 / (dot(own, own) / self.n() as f64).sqrt().max(1e-12))
            .collect();
        let total = |theta: &Theta| -> Vec<f64> {
            self.scores(theta, with_gamma).iter().map(|own| own.iter().sum()).collect()
        };
        let mut curvature = vec![0.0; p * p];
        for j in 0..p {
            let step = sizes[j].min(1e-3);
            let up = total(&self.moved(theta, j, step));
            let down = total(&self.moved(theta, j, -step));
            for i in 0..p {
                curvature[i * p + j] = -(up[i] - down[i]) / (2.0 * step);
            }
        }
        let even: Vec<f64> =
            (0..p * p).map(|at| 0.5 * (curvature[at] + curvature[at % p * p + at / p])).collect();
        let bread = inverse_of(&even, p).ok_or(EstimateError::Diverged { iterations: 0 })?;
        let meat = match cluster {
            None => gram(&slices(&scores), None),
            Some(factor) => {
                let g = factor.n_levels();
                let sums: Vec<Vec<f64>> = scores
                    .iter()
                    .map(|own| {
                        let mut sums = vec![0.0; g];
                        own.iter()
                            .zip(factor.codes())
                            .for_each(|(s, &code)| sums[code as usize] += s);
                        sums
                    })
                    .collect();
                let ratio = g as f64 / (g as f64 - 1.0);
                gram(&slices(&sums), None).iter().map(|own| ratio * own).collect()
            }
        };
        Ok(sandwich(&bread, &meat, p))
    }
}

/// `log f_Y`: normal, Bernoulli, or the shares of the counts there are.
fn marginal(
    response: Response,
    outcome: &str,
    y: &[f64],
    rows: &[u32],
) -> Result<Vec<f64>, EstimateError> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    match response {
        Response::Linear => {
            let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
            Ok(y.iter().map(|&y| response.log_density(y, mean, variance)).collect())
        }
        Response::Logit => {
            let share = |&y: &f64| libm::log(if y > 0.5 { mean } else { 1.0 - mean });
            Ok(y.iter().map(share).collect())
        }
        Response::Poisson => {
            if let Some(at) = y.iter().position(|y| y.fract() != 0.0) {
                return Err(EstimateError::BadOutcome {
                    outcome: outcome.to_owned(),
                    row: rows[at] as usize,
                    expected: "a whole number: a mixture needs the probability of each count",
                });
            }
            let mut sorted = y.to_vec();
            sorted.sort_by(f64::total_cmp);
            let share = |&y: &f64| {
                let first = sorted.partition_point(|&own| own < y);
                let last = sorted.partition_point(|&own| own <= y);
                libm::log((last - first) as f64 / n)
            };
            Ok(y.iter().map(share).collect())
        }
    }
}

/// The sample with what predicts right links.
struct Drawing {
    drawn: Drawn,
    step: Step,
    names: Vec<String>,
    z: Vec<Vec<f64>>,
    safe: Vec<bool>,
}

impl MismatchMixture {
    /// A regression by formula, without effects.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`]; [`EstimateError::BadArgument`] for effects to absorb.
    pub fn new(formula: &str) -> Result<Self, EstimateError> {
        let mut request = Request::new(Formula::parse(formula)?);
        request.refuse_instruments()?;
        no_effects(&request.formula, "fml")?;
        request.singletons = Singletons::Keep;
        Ok(Self {
            request,
            family: Family::Gaussian,
            predictors: None,
            safe: None,
            bound: None,
            cluster: None,
        })
    }

    /// Gaussian (default), logit or Poisson.
    pub const fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// What predicts a right link, as the right side of a formula (`"weight + origin"`).
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`]; [`EstimateError::BadArgument`] without an intercept or with
    /// effects.
    pub fn predictors(mut self, terms: &str) -> Result<Self, EstimateError> {
        let formula = Formula::parse(&format!("{} ~ {terms}", self.request.formula.outcome()))?;
        no_effects(&formula, "predictors")?;
        self.predictors = Some(formula);
        Ok(self)
    }

    /// A column that is 1 (or true) where the link is surely right.
    pub fn safe(mut self, column: impl Into<String>) -> Self {
        self.safe = Some(column.into());
        self
    }

    /// The mean rate of wrong links is at most this, between 0 and 1.
    pub const fn max_mismatch(mut self, rate: f64) -> Self {
        self.bound = Some(rate);
        self
    }

    /// Rows that belong together, for the covariance.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// The columns it reads.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let mut names = self.asking().columns();
        let more = self.predictors.iter().flat_map(Formula::columns);
        for name in more.chain(self.safe.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn asking(&self) -> Request {
        let mut request = self.request.clone();
        request.vcov = self.cluster.as_ref().map_or(Vcov::Hc1, |own| Vcov::cluster(own.clone()));
        request
    }

    /// Estimates on a table.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Data`], [`EstimateError::BadArgument`], [`EstimateError::BadOutcome`],
    /// [`EstimateError::Diverged`] when the two parts cannot be told apart.
    pub fn fit(&self, table: &Table) -> Result<MismatchFit, EstimateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EstimateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<MismatchFit, EstimateError> {
        if let Some(bound) = self.bound.filter(|own| !(*own > 0.0 && *own < 1.0)) {
            return Err(EstimateError::BadArgument {
                argument: "max_mismatch",
                expected: "a rate between 0 and 1",
                got: bound.to_string(),
            });
        }
        let response = Response::of(self.family)?;
        stage(ticket, "reading columns")?;
        let drawing = self.draw(table, ticket)?;
        let drawn = &drawing.drawn;
        let outcome = self.request.formula.outcome();
        response.check(outcome, &drawn.outcome, &drawn.rows)?;
        let all: Vec<&[f64]> = drawn.regressors.iter().map(|own| &own.values[..]).collect();
        let reference: Vec<f64> = all.iter().map(|own| dot(own, own)).collect();
        let triangle = Triangle::cholesky(&gram(&all, None), &reference, self.request.collin_tol);
        let (kept, dropped) = (triangle.kept, triangle.dropped);
        let parameters = kept.len() + drawing.names.len() + 1;
        if drawn.rows.len() <= parameters {
            return Err(EstimateError::TooFewRows { n_obs: drawn.rows.len(), parameters });
        }
        let data = Data {
            response,
            x: kept.iter().map(|&at| all[at].to_vec()).collect(),
            marginal: marginal(response, outcome, &drawn.outcome, &drawn.rows)?,
            y: drawn.outcome.to_vec(),
            z: drawing.z.clone(),
            safe: drawing.safe.clone(),
            bound: self.bound,
            offset: vec![0.0; drawn.rows.len()],
        };
        stage(ticket, "EM")?;
        self.result(&data, &drawing, &(kept, dropped), ticket)
    }

    fn draw(&self, table: &Table, ticket: &Ticket) -> Result<Drawing, EstimateError> {
        let request = self.asking();
        let (mut drawn, mut step) = request.draw("mismatch_mixture", table, &[], ticket)?;
        let mut safe_rows = vec![false; table.n_rows()];
        if let Some(name) = &self.safe {
            let column = table.column("safe", name)?;
            for (row, value) in column.to_floats("safe", name)?.iter().enumerate() {
                // A null is not known to be safe.
                safe_rows[row] = !column.is_null(row) && *value != 0.0;
            }
        }
        let mut names = vec!["Intercept".to_owned()];
        let mut z = vec![vec![1.0; drawn.rows.len()]];
        if let Some(formula) = &self.predictors {
            let mut other = Request::new(formula.clone());
            other.singletons = Singletons::Keep;
            let (mut more, _) = other.draw("mismatch_mixture", table, &[], ticket)?;
            let there = |rows: &[u32], row: &u32| rows.binary_search(row).is_ok();
            let stay: Vec<bool> = drawn.rows.iter().map(|row| there(&more.rows, row)).collect();
            let left = stay.iter().filter(|own| !**own).count();
            let also: Vec<bool> = more.rows.iter().map(|row| there(&drawn.rows, row)).collect();
            drawn.keep(&stay);
            more.keep(&also);
            step = step.exclude("a predictor of right links is missing", Count::rows(left));
            (names, z) = independent(&more, self.request.collin_tol);
        }
        step.after = Count::rows(drawn.rows.len());
        let safe: Vec<bool> = drawn.rows.iter().map(|&row| safe_rows[row as usize]).collect();
        let many = safe.iter().filter(|own| **own).count();
        if many > 0 {
            step = step.note(format!("{many} rows are taken as surely right"));
        }
        if names.first().map(String::as_str) != Some("Intercept") {
            return Err(EstimateError::BadArgument {
                argument: "predictors",
                expected: "terms with an intercept",
                got: names.join(" + "),
            });
        }
        Ok(Drawing { drawn, step, names, z, safe })
    }

    fn result(
        &self,
        data: &Data,
        drawing: &Drawing,
        places: &(Vec<usize>, Vec<usize>),
        ticket: &Ticket,
    ) -> Result<MismatchFit, EstimateError> {
        let k = data.x.len();
        let ones = vec![1.0; data.n()];
        let (plain, plain_variance) = data.regress(&ones, vec![0.0; k])?;
        let naive = Theta { b: plain, variance: plain_variance, gamma: vec![0.0; data.z.len()] };
        let sure = Data { safe: vec![true; data.n()], ..data.plain() };
        let cluster = drawing.drawn.clusters.first().map(|(_, factor)| factor);
        let naive_covariance = sure.covariance(&naive, false, cluster)?;
        let nobody = data.safe.iter().all(|own| *own);
        let (theta, rows, steps) = if nobody {
            let rows = data.rows(&naive);
            (naive.clone(), rows, 1)
        } else {
            data.climb(ticket)?
        };
        let mean_mismatch = data.mean_mismatch(&theta.gamma);
        let held = data.bound.is_some_and(|bound| mean_mismatch > bound - 1e-9);
        let with_gamma = !held && !nobody;
        let covariance = data.covariance(&theta, with_gamma, cluster)?;
        let first = usize::from(data.response == Response::Linear) + k;
        let p = first + if with_gamma { data.z.len() } else { 0 };
        let gamma_errors = (0..data.z.len())
            .map(|j| first + j)
            .map(|at| if with_gamma { covariance[at * p + at].sqrt() } else { f64::NAN })
            .collect();
        let mut cautions = Vec::new();
        let mut say = |code: &str, text: String| {
            cautions.push(Caution { code: code.to_owned(), text });
        };
        if held {
            say(
                "mismatch_at_bound",
                format!(
                    "the mean rate of wrong links is held at its bound, {mean_mismatch:.3}; standard errors are those given the rates"
                ),
            );
        }
        if mean_mismatch > 0.5 {
            say(
                "mostly_wrong",
                format!(
                    "more than half of the links ({mean_mismatch:.2}) look wrong: the two parts may have changed places, or the model does not fit"
                ),
            );
        }
        let fit = self.dress((data, drawing), places, (&theta, &covariance, p), steps, ticket)?;
        let q = first;
        let naive =
            self.dress((data, drawing), places, (&naive, &naive_covariance, q), 1, ticket)?;
        Ok(MismatchFit {
            fit: Fit { likelihood: Some(described(data, &rows, steps)), ..fit },
            naive,
            names: drawing.names.clone(),
            gamma: theta.gamma,
            gamma_errors,
            rows: drawing.drawn.rows.clone(),
            correct: rows.w,
            mean_mismatch: if nobody { 0.0 } else { mean_mismatch },
            cautions,
        })
    }

    fn dress(
        &self,
        (data, drawing): (&Data, &Drawing),
        (kept, dropped): &(Vec<usize>, Vec<usize>),
        (theta, covariance, p): (&Theta, &[f64], usize),
        steps: usize,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        let k = theta.b.len();
        let eta = data.eta(&theta.b);
        let residuals: Vec<f64> =
            data.y.iter().zip(&eta).map(|(y, &eta)| y - data.response.mean(eta)).collect();
        let identity = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
        let solved = Solved {
            kept: kept.clone(),
            dropped: dropped.clone(),
            coef: theta.b.clone(),
            bread: identity,
            residuals,
            within: f64::NAN,
            columns: data.x.clone(),
        };
        let request = self.asking();
        let convergence = Convergence { iterations: steps, left: 0.0 };
        let origin =
            Origin { request: &request, drawn: drawing.drawn.clone(), step: drawing.step.clone() };
        let dispersion = Dispersion::One;
        let found = Found { solved, convergence, dispersion, ..Found::default() };
        let mut fit = origin.fit(found, ticket)?.lean();
        fit.vcov = (0..k * k).map(|at| covariance[at / k * p + at % k]).collect();
        fit.vcov_text = self
            .cluster
            .as_ref()
            .map_or("composite scores".to_owned(), |own| format!("composite scores by {own}"));
        fit.df = f64::INFINITY;
        fit.df_each = Vec::new();
        fit.kind = None;
        Ok(fit)
    }
}

impl Data {
    fn plain(&self) -> Self {
        Self {
            response: self.response,
            y: self.y.clone(),
            x: self.x.clone(),
            z: self.z.clone(),
            safe: self.safe.clone(),
            marginal: self.marginal.clone(),
            bound: self.bound,
            offset: self.offset.clone(),
        }
    }
}

fn described(data: &Data, rows: &Rows, steps: usize) -> Likelihood {
    let none: f64 = data.marginal.iter().sum();
    Likelihood {
        family: format!("{} mixture", data.response.name()),
        deviance: -2.0 * rows.log_likelihood,
        log_likelihood: rows.log_likelihood,
        null_log_likelihood: none,
        pseudo_r2: 1.0 - rows.log_likelihood / none,
        iterations: steps,
    }
}

fn no_effects(formula: &Formula, argument: &'static str) -> Result<(), EstimateError> {
    if formula.effect_terms().is_empty() && formula.endogenous().is_empty() {
        return Ok(());
    }
    Err(EstimateError::BadArgument {
        argument,
        expected: "a formula without effects to absorb",
        got: formula.text().to_owned(),
    })
}

/// Predictors that do not depend on those before them.
fn independent(drawn: &Drawn, tol: f64) -> (Vec<String>, Vec<Vec<f64>>) {
    let all: Vec<&[f64]> = drawn.regressors.iter().map(|own| &own.values[..]).collect();
    let reference: Vec<f64> = all.iter().map(|own| dot(own, own)).collect();
    let kept = Triangle::cholesky(&gram(&all, None), &reference, tol).kept;
    kept.iter().map(|&at| (drawn.regressors[at].name.clone(), all[at].to_vec())).unzip()
}
