//! Effects on the treated in one cross-section: entropy balancing, weighting, regression, both.

use super::EvaluateError;
use super::result::caution;
use crate::data::{
    Account, Caution, ClusterCount, Column, Convergence, Factor, Fit, Goodness, Ssc, Step, Table,
    Ticket,
};
use crate::estimate::{Formula, Sampled, Sampling};
use crate::math::crossprod::{dot, gram};
use crate::math::linalg::Triangle;
use serde::{Deserialize, Serialize};

/// How those who were not treated are made to look like those who were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Adjustment {
    /// Weights that make means of the covariates equal exactly (Hainmueller 2012; the same as the
    /// calibrated propensity of Graham, Pinto & Egel 2012).
    #[default]
    Entropy,
    /// Odds of a logit, adding up to one (Hajek).
    Weighting,
    /// A regression among those who were not treated.
    Regression,
    /// Odds of a logit on what the regression leaves: right when either is (Sant'Anna & Zhao 2020).
    DoublyRobust,
}

/// The mean effect on the treated when treatment is as good as random given covariates.
///
/// With `D` treated, `p` the chance to be, `m(X)` the regression among the others and
/// `w = (1 - D) p/(1 - p)`,
///
/// ```text
/// weighting       mean of Y if D  -  sum w Y / sum w
/// entropy         the same, w = (1 - D) exp(X'g) with sum w X = sum D X
/// regression      mean of Y - m(X) if D
/// doubly robust   mean of Y - m(X) if D  -  sum w (Y - m(X)) / sum w
/// ```
///
/// Standard errors are those of influence functions, with the part of the weights and of the
/// regression. Controls whose chance is 0.995 and more are left out of weights, as in DRDID.
///
/// # References
///
/// - Hainmueller, J. (2012). *Political Analysis* 20, 25-46.
/// - Sant'Anna, P. & Zhao, J. (2020). *Journal of Econometrics* 219, 101-122.
#[derive(Clone, Debug)]
#[must_use]
pub struct OnTreated {
    formula: Formula,
    treated: String,
    adjustment: Adjustment,
    weights: Option<String>,
    cluster: Option<String>,
}

/// The effect on the treated, the weights behind it, and whether they balance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreatedFit {
    fit: Fit,
    /// Rows of the table, counted from 0.
    rows: Vec<u32>,
    weights: Vec<f64>,
    balance: Table,
    effective: f64,
    cautions: Vec<Caution>,
}

/// What says that there is nobody to compare with.
const APART: EvaluateError = EvaluateError::NoSolution {
    what: "the weights",
    why: "treated and others do not overlap: a covariate, or several together, tells them apart",
};

/// Controls likelier than this to be treated are left out of weights.
const TRIM: f64 = 0.995;

/// The sample, columns scaled for Newton steps.
struct Data {
    d: Vec<f64>,
    y: Vec<f64>,
    x: Vec<Vec<f64>>,
    w: Vec<f64>,
}

impl OnTreated {
    /// The effect of `treated` (true or 1) on the outcome of the formula given its regressors.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for a formula that cannot be read.
    pub fn new(formula: &str, treated: impl Into<String>) -> Result<Self, EvaluateError> {
        Ok(Self {
            formula: Formula::parse(formula)?,
            treated: treated.into(),
            adjustment: Adjustment::default(),
            weights: None,
            cluster: None,
        })
    }

    /// How the others are adjusted (default: entropy balancing).
    pub const fn adjustment(mut self, adjustment: Adjustment) -> Self {
        self.adjustment = adjustment;
        self
    }

    /// The column of sampling weights, above 0.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// The column within whose values errors may depend on each other.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// Estimates the effect.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for columns and formula, [`EvaluateError::NotBinary`],
    /// [`EvaluateError::NobodyTreated`], [`EvaluateError::NothingEstimable`] without controls,
    /// [`EvaluateError::NoSolution`] without overlap, [`EvaluateError::TooFewClusters`],
    /// [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<TreatedFit, EvaluateError> {
        if !self.formula.effects().is_empty() {
            return Err(EvaluateError::BadArgument {
                argument: "fml",
                expected: "covariates without a bar; write C(region) for a classification",
                got: self.formula.effects().join(" + "),
            });
        }
        let mut present = vec![("treated", self.treated.clone())];
        present.extend(self.cluster.iter().map(|name| ("cluster", name.clone())));
        let sampling = Sampling {
            verb: "att",
            formula: &self.formula,
            weights: self.weights.clone(),
            offset: None,
            classes: self.cluster.iter().cloned().collect(),
            present,
        };
        let sample = sampling.draw(table, ticket)?;
        let own = table.column("treated", &self.treated)?.to_floats("treated", &self.treated)?;
        let d: Vec<f64> = sample.rows.iter().map(|&row| own[row as usize]).collect();
        if let Some(at) = d.iter().position(|own| *own != 0.0 && *own != 1.0) {
            let (argument, column) = ("treated", self.treated.clone());
            return Err(EvaluateError::NotBinary {
                argument,
                column,
                row: sample.rows[at] as usize,
            });
        }
        if !d.contains(&1.0) {
            return Err(EvaluateError::NobodyTreated);
        }
        if !d.contains(&0.0) {
            let why = "everybody is treated".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let (data, names, dropped) = prepared(&sample, d)?;
        let found = data.estimate(self.adjustment, ticket)?;
        let clusters = self.cluster.as_ref().and_then(|name| sample.class(name));
        let (variance, g) = variance(&found.influence, clusters)?;
        let (balance, effective) = data.balance(&names, &found.weights)?;
        let fit = self.to_fit(&sample, &found, (variance, g), dropped);
        let mut cautions = Vec::new();
        if found.trimmed + found.alone > 0 {
            let text = format!(
                "{} of those treated and {} of the others are likelier than {TRIM} to be treated: \
                 there is nearly nobody to compare them with, and these others have no weight",
                found.alone, found.trimmed
            );
            cautions.push(caution("no_overlap", text));
        }
        let (rows, weights) = (sample.rows, found.weights);
        Ok(TreatedFit { fit, rows, weights, balance, effective, cautions })
    }

    fn to_fit(
        &self,
        sample: &Sampled,
        found: &Found,
        (variance, g): (f64, usize),
        dropped: Vec<String>,
    ) -> Fit {
        let none = f64::NAN;
        let mut step: Step = sample.step.clone();
        if found.trimmed > 0 {
            step = step.note(format!(
                "{} controls are likelier than {TRIM} to be treated and have no weight",
                found.trimmed
            ));
        }
        Fit {
            formula: self.formula.text().to_owned(),
            outcome: self.formula.outcome().to_owned(),
            names: vec![self.treated.clone()],
            coef: vec![found.effect],
            vcov: vec![variance],
            vcov_text: if self.cluster.is_some() { "CRV1" } else { "HC0" }.to_owned(),
            ssc: Ssc::default().without_k().without_g(),
            df: f64::INFINITY,
            df_each: Vec::new(),
            n_obs: sample.rows.len(),
            weights: self.weights.clone(),
            effects: Vec::new(),
            clusters: self
                .cluster
                .iter()
                .map(|name| ClusterCount { name: name.clone(), clusters: g })
                .collect(),
            goodness: Goodness {
                r2: none,
                adj_r2: none,
                within_r2: none,
                adj_within_r2: none,
                rmse: none,
            },
            dropped,
            convergence: Convergence::default(),
            account: Account::new("data").then(step),
            sample: None,
            first_stage: Vec::new(),
            instruments: Vec::new(),
            weakest: Vec::new(),
            kind: None,
            offset: None,
            levels: Vec::new(),
            variances: None,
            transformed: false,
            sampled: false,
            likelihood: None,
        }
    }
}

impl TreatedFit {
    /// The effect with its standard error and account.
    #[must_use]
    pub const fn fit(&self) -> &Fit {
        &self.fit
    }

    /// Rows of the table that are in the sample, counted from 0.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Weights of these rows: those of controls add up to those of the treated. 0 where a control
    /// has no weight; those of a regression are 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Means of the covariates of the treated and of controls before and after weighting, with
    /// differences in standard deviations of the treated.
    #[must_use]
    pub const fn balance(&self) -> &Table {
        &self.balance
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// The number of controls that would say as much without weights.
    #[must_use]
    pub const fn effective_controls(&self) -> f64 {
        self.effective
    }
}

/// The estimate with its influence function.
struct Found {
    effect: f64,
    influence: Vec<f64>,
    weights: Vec<f64>,
    trimmed: usize,
    /// Treated as likely as controls that are left out.
    alone: usize,
}

/// Columns that do not depend on each other, scaled to about 1, with the constant.
///
/// A column that others determine among controls is dropped; one that they do not determine in the same
/// way among the treated tells treated and others apart, perfectly.
fn prepared(
    sample: &Sampled,
    d: Vec<f64>,
) -> Result<(Data, Vec<String>, Vec<String>), EvaluateError> {
    let n = d.len();
    let w: Vec<f64> = match &sample.weights {
        None => vec![1.0; n],
        Some(own) => {
            let mean = own.iter().sum::<f64>() / n as f64;
            own.iter().map(|w| w / mean).collect()
        }
    };
    let mut names = vec!["Intercept".to_owned()];
    let mut x = vec![vec![1.0; n]];
    for (name, column) in sample.names.iter().zip(&sample.columns) {
        if name == "Intercept" {
            continue;
        }
        let mean = column.iter().sum::<f64>() / n as f64;
        let sd = (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        let scale = if sd > 0.0 { sd } else { 1.0 };
        names.push(name.clone());
        x.push(column.iter().map(|v| (v - mean) / scale).collect());
    }
    // What controls do not show cannot be adjusted for: columns must differ among them.
    let controls: Vec<f64> = d.iter().zip(&w).map(|(d, w)| (1.0 - d) * w).collect();
    let views: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
    let all = gram(&views, Some(&controls));
    let reference: Vec<f64> = (0..x.len()).map(|at| all[at * x.len() + at]).collect();
    let triangle = Triangle::cholesky(&all, &reference, 1e-10);
    for &at in &triangle.dropped {
        let right: Vec<f64> = triangle.kept.iter().map(|&kept| all[kept * x.len() + at]).collect();
        let beta = triangle.solve(&right);
        let off = |row: usize| {
            let fitted = triangle.kept.iter().zip(&beta).map(|(&kept, b)| b * x[kept][row]);
            (x[at][row] - fitted.sum::<f64>()).abs() > 1e-6
        };
        if (0..d.len()).any(|row| d[row] == 1.0 && off(row)) {
            return Err(APART);
        }
    }
    let dropped = triangle.dropped.iter().map(|&at| names[at].clone()).collect();
    let names = triangle.kept.iter().map(|&at| names[at].clone()).collect();
    let x = triangle.kept.iter().map(|&at| x[at].clone()).collect();
    Ok((Data { d, y: sample.outcome.to_vec(), x, w }, names, dropped))
}

impl Data {
    fn n(&self) -> f64 {
        self.d.len() as f64
    }

    fn views(&self) -> Vec<&[f64]> {
        self.x.iter().map(Vec::as_slice).collect()
    }

    fn linear(&self, beta: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.d.len()];
        for (column, b) in self.x.iter().zip(beta) {
            for (slot, x) in sum.iter_mut().zip(column) {
                *slot += b * x;
            }
        }
        sum
    }

    /// Means over rows of `weight` times each column.
    fn means(&self, weight: &[f64]) -> Vec<f64> {
        self.x.iter().map(|column| dot(weight, column) / self.n()).collect()
    }

    /// (E weight x x')^-1 applied to each row's `scale` x, summed with `vector`: what the
    /// estimation of the coefficients adds to each row's influence.
    fn carried(&self, weight: &[f64], scale: &[f64], vector: &[f64]) -> Vec<f64> {
        let k = self.x.len();
        let mut matrix = gram(&self.views(), Some(weight));
        for value in &mut matrix {
            *value /= self.n();
        }
        let solved = Triangle::cholesky(&matrix, &vec![0.0; k], 0.0).solve(vector);
        self.linear(&solved).iter().zip(scale).map(|(x, s)| x * s).collect()
    }

    /// Log odds of a logit, or of the calibrated odds.
    fn odds(&self, entropy: bool, ticket: &Ticket) -> Result<Vec<f64>, EvaluateError> {
        let k = self.x.len();
        let views = self.views();
        let mut beta = vec![0.0; k];
        let treated = dot(&self.d, &self.w);
        let share = treated / (self.w.iter().sum::<f64>() - treated);
        beta[0] = libm::log(share);
        // The objective falls: minus the log-likelihood, or its calibrated kin.
        let value = |eta: &[f64]| -> f64 {
            (0..eta.len())
                .map(|at| {
                    let (d, w, eta) = (self.d[at], self.w[at], eta[at]);
                    if entropy {
                        w * ((1.0 - d) * libm::exp(eta.min(600.0)) - d * eta)
                    } else {
                        let away = libm::log1p(libm::exp(-eta.abs())) + eta.max(0.0);
                        w * (away - d * eta)
                    }
                })
                .sum()
        };
        let mut eta = self.linear(&beta);
        let mut now = value(&eta);
        for _ in 0..100 {
            if ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            let (slope, curve): (Vec<f64>, Vec<f64>) = (0..eta.len())
                .map(|at| {
                    let (d, w) = (self.d[at], self.w[at]);
                    if entropy {
                        let odds = (1.0 - d) * libm::exp(eta[at].min(600.0));
                        (w * (d - odds), w * odds)
                    } else {
                        let p = 1.0 / (1.0 + libm::exp(-eta[at]));
                        (w * (d - p), w * p * (1.0 - p))
                    }
                })
                .unzip();
            let score: Vec<f64> = self.x.iter().map(|column| dot(&slope, column)).collect();
            let triangle = Triangle::cholesky(&gram(&views, Some(&curve)), &vec![0.0; k], 1e-14);
            if !triangle.dropped.is_empty() {
                return Err(APART);
            }
            let step = triangle.solve(&score);
            let length: f64 = step.iter().zip(&score).map(|(a, b)| a * b).sum();
            let mut part = 1.0;
            loop {
                let next: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b + part * s).collect();
                let line = self.linear(&next);
                let new = value(&line);
                if new <= now + 1e-12 * (1.0 + now.abs()) || part < 1e-9 {
                    (beta, eta, now) = (next, line, new);
                    break;
                }
                part *= 0.5;
            }
            if eta.iter().any(|own| own.abs() > 200.0) {
                return Err(APART);
            }
            if length.max(0.0).sqrt() < 1e-10 {
                return Ok(eta);
            }
        }
        Err(APART)
    }

    fn estimate(&self, how: Adjustment, ticket: &Ticket) -> Result<Found, EvaluateError> {
        let n = self.d.len();
        let treated: Vec<f64> = self.d.iter().zip(&self.w).map(|(d, w)| d * w).collect();
        let control: Vec<f64> = self.d.iter().zip(&self.w).map(|(d, w)| (1.0 - d) * w).collect();
        let e1 = treated.iter().sum::<f64>() / self.n();
        let regresses = matches!(how, Adjustment::Regression | Adjustment::DoublyRobust);
        // What the regression among controls leaves; the outcome itself without.
        let rest: Vec<f64> = if regresses {
            let views = self.views();
            let triangle =
                Triangle::cholesky(&gram(&views, Some(&control)), &vec![0.0; self.x.len()], 1e-14);
            let own: Vec<f64> = control.iter().zip(&self.y).map(|(w, y)| w * y).collect();
            let right: Vec<f64> = self.x.iter().map(|column| dot(&own, column)).collect();
            if !triangle.dropped.is_empty() {
                let why = "covariates depend on each other among those not treated";
                return Err(EvaluateError::NoSolution { what: "the regression", why });
            }
            let fitted = self.linear(&triangle.solve(&right));
            self.y.iter().zip(&fitted).map(|(y, m)| y - m).collect()
        } else {
            self.y.clone()
        };
        let eta1 = dot(&treated, &rest) / (self.n() * e1);
        let mut influence: Vec<f64> =
            (0..n).map(|at| treated[at] * (rest[at] - eta1) / e1).collect();
        let add = |influence: &mut [f64], more: &[f64], factor: f64| {
            for (slot, value) in influence.iter_mut().zip(more) {
                *slot += factor * value;
            }
        };
        let noise: Vec<f64> = control.iter().zip(&rest).map(|(w, r)| w * r).collect();
        if regresses {
            let more = self.carried(&control, &noise, &self.means(&treated));
            add(&mut influence, &more, -1.0 / e1);
        }
        if how == Adjustment::Regression {
            let weights = self.w.clone();
            return Ok(Found { effect: eta1, influence, weights, trimmed: 0, alone: 0 });
        }
        let entropy = how == Adjustment::Entropy;
        let eta = self.odds(entropy, ticket)?;
        let top = libm::log(TRIM / (1.0 - TRIM));
        let trims = |at: usize| !entropy && self.d[at] == 0.0 && eta[at] >= top;
        let w0: Vec<f64> = (0..n)
            .map(|at| if trims(at) { 0.0 } else { control[at] * libm::exp(eta[at]) })
            .collect();
        let e0 = w0.iter().sum::<f64>() / self.n();
        let eta0 = dot(&w0, &rest) / (self.n() * e0);
        let centred: Vec<f64> = w0.iter().zip(&rest).map(|(w, r)| w * (r - eta0)).collect();
        add(&mut influence, &centred, -1.0 / e0);
        let m2 = self.means(&centred);
        // The score of the odds and its slope.
        let (score, curve): (Vec<f64>, Vec<f64>) = (0..n)
            .map(|at| {
                let (d, w) = (self.d[at], self.w[at]);
                if entropy {
                    let odds = (1.0 - d) * libm::exp(eta[at]);
                    (w * (d - odds), w * odds)
                } else {
                    let p = 1.0 / (1.0 + libm::exp(-eta[at]));
                    (w * (d - p), w * p * (1.0 - p))
                }
            })
            .unzip();
        add(&mut influence, &self.carried(&curve, &score, &m2), -1.0 / e0);
        if regresses {
            let more = self.carried(&control, &noise, &self.means(&w0));
            add(&mut influence, &more, 1.0 / e0);
        }
        let share = e1 / e0;
        let weights =
            (0..n).map(|at| if self.d[at] == 1.0 { self.w[at] } else { share * w0[at] }).collect();
        let trimmed = (0..n).filter(|&at| trims(at)).count();
        let alone = |&at: &usize| !entropy && self.d[at] == 1.0 && eta[at] >= top;
        let alone = (0..n).filter(alone).count();
        Ok(Found { effect: eta1 - eta0, influence, weights, trimmed, alone })
    }

    fn balance(&self, names: &[String], weights: &[f64]) -> Result<(Table, f64), EvaluateError> {
        let mean = |column: &[f64], of: &dyn Fn(usize) -> f64| {
            let (mut sum, mut mass) = (0.0, 0.0);
            for (at, x) in column.iter().enumerate() {
                sum += of(at) * x;
                mass += of(at);
            }
            sum / mass
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for column in self.x.iter().skip(1) {
            let one = mean(column, &|at| self.d[at] * self.w[at]);
            let square: Vec<f64> = column.iter().map(|x| (x - one) * (x - one)).collect();
            let sd = mean(&square, &|at| self.d[at] * self.w[at]).sqrt();
            let gap = |other: f64| if sd > 0.0 { (one - other) / sd } else { f64::NAN };
            before.push(gap(mean(column, &|at| (1.0 - self.d[at]) * self.w[at])));
            after.push(gap(mean(column, &|at| (1.0 - self.d[at]) * weights[at])));
        }
        let own = || weights.iter().zip(&self.d).filter(|own| *own.1 == 0.0).map(|own| *own.0);
        let effective = own().sum::<f64>().powi(2) / own().map(|w| w * w).sum::<f64>();
        let table = Table::new([
            ("covariate", Column::text(names.iter().skip(1).map(|own| Some(own.as_str())))),
            ("difference_before", Column::float(before)),
            ("difference_after", Column::float(after)),
        ])?;
        Ok((table, effective))
    }
}

/// The variance of a mean from its influence function, and the number of clusters.
fn variance(influence: &[f64], clusters: Option<&Factor>) -> Result<(f64, usize), EvaluateError> {
    let n = influence.len() as f64;
    let Some(factor) = clusters else {
        return Ok((dot(influence, influence) / (n * n), influence.len()));
    };
    let g = factor.n_levels();
    if g < 2 {
        return Err(EvaluateError::TooFewClusters { n: g });
    }
    let mut sums = vec![0.0; g];
    for (value, &code) in influence.iter().zip(factor.codes()) {
        sums[code as usize] += value;
    }
    Ok((dot(&sums, &sums) / (n * n), g))
}
