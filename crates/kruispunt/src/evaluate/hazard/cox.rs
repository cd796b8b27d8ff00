//! Proportional hazards with a baseline of any shape.

use super::curves::reach;
use super::episodes::{finite, known, truths};
use super::partial::{Jump, Partial, Stratum};
use crate::data::{
    Account, ClusterCount, Column, Convergence, EffectCount, Factor, Fit, Goodness, Likelihood,
    Ssc, Table, Ticket,
};
use crate::estimate::{Formula, Sampled, Sampling};
use crate::evaluate::EvaluateError;
use crate::math::crossprod::gram;
use crate::math::linalg::{Triangle, sandwich};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How events at the same time are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Ties {
    /// As if they came in any order, on average (Efron 1977): close to exact.
    #[default]
    Efron,
    /// Each against the whole risk set (Breslow 1974): coefficients nearer to 0 with many ties.
    Breslow,
}

/// Proportional hazards (Cox 1972).
///
/// ```text
/// h(t | x) = h_s(t) exp(x'beta)
/// ```
///
/// maximises the partial likelihood over risk sets: at each time of an event, who entered before
/// and has not ended before. The baseline is free, one for each stratum `s` (what stands after the
/// bar of the formula). Regressors that change in time are several rows of a person, each from its
/// entry to its end. Weights count rows. Errors are robust without a factor for the number of
/// clusters, as in R's survival and lifelines, when they are asked for. One sort and one pass over
/// the rows a step.
///
/// # References
///
/// - Cox, D. R. (1972). *Journal of the Royal Statistical Society B* 34, 187-220.
/// - Efron, B. (1977). *Journal of the American Statistical Association* 72, 557-565.
/// - Lin, D. Y. & Wei, L. J. (1989). *Journal of the American Statistical Association* 84,
///   1074-1078.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::evaluate::Cox;
/// let spells = Table::new([
///     ("quarters", Column::int(vec![1, 2, 3, 4, 5, 6])),
///     ("to_work", Column::int(vec![1, 1, 1, 0, 1, 0])),
///     ("trained", Column::int(vec![1, 0, 1, 1, 0, 0])),
/// ])?;
/// let found = Cox::new("quarters ~ trained", "to_work")?.fit(&spells)?;
/// assert!(found.fit().coef()[0] > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Cox {
    formula: Formula,
    event: String,
    entry: Option<String>,
    weights: Option<String>,
    offset: Option<String>,
    ties: Ties,
    robust: bool,
    cluster: Option<String>,
}

/// The baseline of one stratum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Base {
    stratum: String,
    time: Vec<f64>,
    at_risk: Vec<f64>,
    events: Vec<f64>,
    /// Cumulative, of a row at the means.
    hazard: Vec<f64>,
    variance: Vec<f64>,
    /// Cumulative, row-major `(times, k)`.
    mean: Vec<f64>,
}

/// A Cox model that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoxFit {
    fit: Fit,
    ties: Ties,
    /// Means of the regressors, taken off before.
    means: Vec<f64>,
    strata: Option<String>,
    bases: Vec<Base>,
}

/// Steps at most.
const MOST: usize = 40;

impl Cox {
    /// A model by its formula, `time ~ regressors | stratum`, and the column that says whether the
    /// event ends the row.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for a formula that cannot be read.
    pub fn new(formula: &str, event: impl Into<String>) -> Result<Self, EvaluateError> {
        Ok(Self {
            formula: Formula::parse(formula)?,
            event: event.into(),
            entry: None,
            weights: None,
            offset: None,
            ties: Ties::default(),
            robust: false,
            cluster: None,
        })
    }

    /// The column of times from which rows are seen (delayed entry, regressors that change).
    pub fn entry(mut self, column: impl Into<String>) -> Self {
        self.entry = Some(column.into());
        self
    }

    /// The column of weights, above 0.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// A column that is added to the linear predictor.
    pub fn offset(mut self, column: impl Into<String>) -> Self {
        self.offset = Some(column.into());
        self
    }

    /// How events at the same time are counted (default: Efron).
    pub const fn ties(mut self, ties: Ties) -> Self {
        self.ties = ties;
        self
    }

    /// Robust errors, each row on its own.
    pub const fn robust(mut self) -> Self {
        self.robust = true;
        self
    }

    /// Robust errors, rows of a value of this column together, mostly the person.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// Fits the model.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit(&self, table: &Table) -> Result<CoxFit, EvaluateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with progress and cancellation.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for columns and formula, [`EvaluateError::NotBinary`],
    /// [`EvaluateError::BadTime`], [`EvaluateError::NotFinite`], [`EvaluateError::BadArgument`] for
    /// several strata columns, [`EvaluateError::NothingEstimable`] without an event,
    /// [`EvaluateError::Separated`], [`EvaluateError::TooFewClusters`],
    /// [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<CoxFit, EvaluateError> {
        if self.formula.effects().len() > 1 {
            return Err(EvaluateError::BadArgument {
                argument: "fml",
                expected: "one set of strata after the bar, such as region or region^year",
                got: self.formula.effects().join(" + "),
            });
        }
        ticket.stage("reading columns", 0);
        let (mut sample, event, start) = self.sample(table, ticket)?;
        if let Some(at) = sample.names.iter().position(|name| name == "Intercept") {
            sample.names.remove(at);
            sample.columns.remove(at);
        }
        let weights = sample.weights.as_deref();
        let means = means(&sample.columns, weights);
        let (kept, dropped) = independent(&sample, &means);
        let name = |&at: &usize| sample.names[at].clone();
        let names: Vec<String> = kept.iter().map(name).collect();
        let dropped: Vec<String> = dropped.iter().map(name).collect();
        let means: Vec<f64> = kept.iter().map(|&at| means[at]).collect();
        if kept.is_empty() {
            let why = "no regressor varies; curves need no model".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let strata = strata(&sample, &event, start.as_deref(), (&kept, &means));
        let top = climb(&strata, &names, self.ties, ticket)?;
        let jumps: Vec<Vec<Jump>> =
            strata.par_iter().map(|own| own.jumps(&top.beta, self.ties)).collect();
        let vcov = self.covariance(&sample, &strata, &jumps, &top)?;
        let bases = bases(&sample, &jumps, kept.len());
        let fit = self.to_fit(&sample, top, vcov, names, dropped);
        let strata = sample.effects.first().map(|own| own.name.clone());
        Ok(CoxFit { fit, ties: self.ties, means, strata, bases })
    }

    #[allow(clippy::type_complexity, reason = "a sample with its events and entries")]
    fn sample(
        &self,
        table: &Table,
        ticket: &Ticket,
    ) -> Result<(Sampled, Vec<bool>, Option<Vec<f64>>), EvaluateError> {
        let mut present = vec![("event", self.event.clone())];
        present.extend(self.entry.iter().map(|name| ("entry", name.clone())));
        present.extend(self.cluster.iter().map(|name| ("cluster", name.clone())));
        let sampling = Sampling {
            verb: "cox",
            formula: &self.formula,
            weights: self.weights.clone(),
            offset: self.offset.clone(),
            classes: self.cluster.iter().cloned().collect(),
            present,
        };
        let mut sample = sampling.draw(table, ticket)?;
        let event = truths(table.column("event", &self.event)?, "event", &self.event)?;
        let start = self.entry.as_ref().map(|name| finite(table, "entry", name)).transpose()?;
        if start.is_none()
            && let Some(at) = sample.outcome.iter().position(|&time| time < 0.0)
        {
            let column = self.formula.outcome().to_owned();
            return Err(EvaluateError::BadTime { column, row: sample.rows[at] as usize });
        }
        if let Some(start) = &start {
            let lasts = |(time, &row): (&f64, &u32)| *time > start[row as usize];
            let stay: Vec<bool> = sample.outcome.iter().zip(&sample.rows).map(lasts).collect();
            sample.keep(&stay, "no length: the end is not after the entry");
        }
        let event: Vec<bool> = sample.rows.iter().map(|&row| event[row as usize] == 1).collect();
        if !event.contains(&true) {
            let why = "the event never happens".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let start = start.map(|own| sample.rows.iter().map(|&row| own[row as usize]).collect());
        Ok((sample, event, start))
    }

    /// The covariance, and the number of clusters.
    fn covariance(
        &self,
        sample: &Sampled,
        strata: &[Stratum],
        jumps: &[Vec<Jump>],
        top: &Top,
    ) -> Result<(Vec<f64>, Option<usize>), EvaluateError> {
        let k = top.beta.len();
        let clusters = match &self.cluster {
            None if !self.robust => return Ok((top.inverse.clone(), None)),
            None => None,
            Some(name) => sample.class(name),
        };
        let n = sample.rows.len();
        let g = clusters.map_or(n, Factor::n_levels);
        if g < 2 {
            return Err(EvaluateError::TooFewClusters { n: g });
        }
        let mut sums = vec![0.0; g * k];
        for (stratum, jumps) in strata.iter().zip(jumps) {
            let scores = stratum.scores(&top.beta, jumps);
            for (own, &row) in scores.chunks(k).zip(&stratum.rows) {
                let to = clusters.map_or(row as usize, |own| own.codes()[row as usize] as usize);
                for (slot, value) in sums[to * k..(to + 1) * k].iter_mut().zip(own) {
                    *slot += value;
                }
            }
        }
        let columns: Vec<Vec<f64>> =
            (0..k).map(|i| sums.iter().skip(i).step_by(k).copied().collect()).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        Ok((sandwich(&top.inverse, &gram(&columns, None), k), Some(g)))
    }

    fn to_fit(
        &self,
        sample: &Sampled,
        top: Top,
        vcov: (Vec<f64>, Option<usize>),
        names: Vec<String>,
        dropped: Vec<String>,
    ) -> Fit {
        let mut step = sample.step.clone();
        if !dropped.is_empty() {
            step = step.note(format!("dropped as collinear: {}", dropped.join(", ")));
        }
        let clusters = self.cluster.iter().zip(vcov.1);
        let none = f64::NAN;
        Fit {
            formula: self.formula.text().to_owned(),
            outcome: self.formula.outcome().to_owned(),
            names,
            coef: top.beta,
            vcov: vcov.0,
            vcov_text: match (&self.cluster, self.robust) {
                (Some(_), _) => "CRV1",
                (None, true) => "HC0",
                (None, false) => "iid",
            }
            .to_owned(),
            ssc: Ssc::default().without_k().without_g(),
            df: f64::INFINITY,
            df_each: Vec::new(),
            n_obs: sample.rows.len(),
            weights: self.weights.clone(),
            effects: sample
                .effects
                .iter()
                .map(|own| EffectCount { name: own.name.clone(), levels: own.factor.n_levels() })
                .collect(),
            clusters: clusters
                .map(|(name, clusters)| ClusterCount { name: name.clone(), clusters })
                .collect(),
            goodness: Goodness {
                r2: none,
                adj_r2: none,
                within_r2: none,
                adj_within_r2: none,
                rmse: none,
            },
            dropped,
            convergence: Convergence { iterations: top.steps, left: 0.0 },
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
            likelihood: Some(Likelihood {
                family: "cox".to_owned(),
                deviance: -2.0 * top.log_likelihood,
                log_likelihood: top.log_likelihood,
                null_log_likelihood: top.null,
                pseudo_r2: 1.0 - top.log_likelihood / top.null,
                iterations: top.steps,
            }),
        }
    }
}

fn means(columns: &[crate::data::Buffer<f64>], weights: Option<&[f64]>) -> Vec<f64> {
    let weight = |at: usize| weights.map_or(1.0, |own| own[at]);
    let mean = |column: &crate::data::Buffer<f64>| {
        let all: f64 = (0..column.len()).map(weight).sum();
        column.iter().enumerate().map(|(at, x)| weight(at) * x).sum::<f64>() / all
    };
    columns.iter().map(mean).collect()
}

/// Regressors that others do not determine within strata, and those they do.
fn independent(sample: &Sampled, means: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let k = means.len();
    let columns: Vec<Vec<f64>> = match sample.effects.first() {
        None => sample
            .columns
            .iter()
            .zip(means)
            .map(|(column, mean)| column.iter().map(|x| x - mean).collect())
            .collect(),
        Some(effect) => sample
            .columns
            .iter()
            .map(|column| {
                let codes = effect.factor.codes();
                let mut sums = vec![(0.0, 0.0); effect.factor.n_levels()];
                for (x, &code) in column.iter().zip(codes) {
                    let own = &mut sums[code as usize];
                    *own = (own.0 + x, own.1 + 1.0);
                }
                let centre =
                    |(x, &code): (&f64, &u32)| x - sums[code as usize].0 / sums[code as usize].1;
                column.iter().zip(codes).map(centre).collect()
            })
            .collect(),
    };
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let whole: Vec<&[f64]> = sample.columns.iter().map(|own| &own[..]).collect();
    let (swept, all) = (gram(&views, None), gram(&whole, None));
    let reference: Vec<f64> = (0..k).map(|at| all[at * k + at]).collect();
    let triangle = Triangle::cholesky(&swept, &reference, 1e-9);
    (triangle.kept, triangle.dropped)
}

/// Rows by stratum, the last end first.
fn strata(
    sample: &Sampled,
    event: &[bool],
    start: Option<&[f64]>,
    (kept, means): (&[usize], &[f64]),
) -> Vec<Stratum> {
    let n = sample.rows.len();
    let codes = sample.effects.first().map(|own| own.factor.codes());
    let levels = sample.effects.first().map_or(1, |own| own.factor.n_levels());
    let code = |row: u32| codes.map_or(0, |own| own[row as usize]);
    let time = &sample.outcome;
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.par_sort_unstable_by(|&a, &b| {
        let (i, j) = (a as usize, b as usize);
        code(a).cmp(&code(b)).then(time[j].total_cmp(&time[i])).then(a.cmp(&b))
    });
    let mut bounds = vec![0; levels + 1];
    for &row in &order {
        bounds[code(row) as usize + 1] += 1;
    }
    for at in 0..levels {
        bounds[at + 1] += bounds[at];
    }
    (0..levels)
        .into_par_iter()
        .map(|level| {
            let rows = order[bounds[level]..bounds[level + 1]].to_vec();
            let pick = |values: &[f64]| -> Vec<f64> {
                rows.iter().map(|&row| values[row as usize]).collect()
            };
            let mut x = Vec::with_capacity(rows.len() * kept.len());
            for &row in &rows {
                x.extend(
                    kept.iter()
                        .zip(means)
                        .map(|(&at, mean)| sample.columns[at][row as usize] - mean),
                );
            }
            let start = start.map(pick);
            let mut by_start: Vec<u32> = Vec::new();
            if let Some(start) = &start {
                by_start = (0..rows.len() as u32).collect();
                by_start.sort_unstable_by(|&a, &b| {
                    start[b as usize].total_cmp(&start[a as usize]).then(a.cmp(&b))
                });
            }
            Stratum {
                x,
                stop: pick(time),
                start,
                event: rows.iter().map(|&row| event[row as usize]).collect(),
                weight: sample.weights.as_deref().map(pick),
                offset: sample.offset.as_deref().map(pick),
                by_start,
                rows,
            }
        })
        .collect()
}

/// The top of the partial likelihood.
struct Top {
    beta: Vec<f64>,
    inverse: Vec<f64>,
    log_likelihood: f64,
    null: f64,
    steps: usize,
}

fn partial(strata: &[Stratum], beta: &[f64], ties: Ties) -> Partial {
    let k = beta.len();
    let nothing =
        || Partial { log_likelihood: 0.0, score: vec![0.0; k], information: vec![0.0; k * k] };
    let parts: Vec<Partial> = strata
        .par_iter()
        .map(|own| {
            let mut sums = nothing();
            own.add_to(beta, ties, &mut sums);
            sums
        })
        .collect();
    let mut total = nothing();
    for part in &parts {
        total.log_likelihood += part.log_likelihood;
        for (slot, value) in total.score.iter_mut().zip(&part.score) {
            *slot += value;
        }
        for (slot, value) in total.information.iter_mut().zip(&part.information) {
            *slot += value;
        }
    }
    for i in 0..k {
        for j in 0..i {
            total.information[i * k + j] = total.information[j * k + i];
        }
    }
    total
}

fn climb(
    strata: &[Stratum],
    names: &[String],
    ties: Ties,
    ticket: &Ticket,
) -> Result<Top, EvaluateError> {
    let k = names.len();
    let mut beta = vec![0.0; k];
    let mut now = partial(strata, &beta, ties);
    let (null, first) = (now.log_likelihood, now.information.clone());
    ticket.stage("maximising the partial likelihood", 0);
    for steps in 1..=MOST {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        ticket.advance(1);
        let flat = |at: usize| now.information[at * k + at] < 1e-7 * first[at * k + at];
        let triangle = Triangle::cholesky(&now.information, &vec![0.0; k], 1e-13);
        if !triangle.dropped.is_empty() || (0..k).any(flat) {
            let at = (0..k).find(|&at| flat(at)).or(triangle.dropped.first().copied());
            let what = at.map_or("a regressor".to_owned(), |at| format!("\"{}\"", names[at]));
            return Err(EvaluateError::Separated { what });
        }
        let step = triangle.solve(&now.score);
        let length: f64 = step.iter().zip(&now.score).map(|(a, b)| a * b).sum();
        let mut share = 1.0;
        let (next, new) = loop {
            let next: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b + share * s).collect();
            let new = partial(strata, &next, ties);
            let slack = 1e-12 * (1.0 + now.log_likelihood.abs());
            if new.log_likelihood >= now.log_likelihood - slack || share < 1e-9 {
                break (next, new);
            }
            share *= 0.5;
        };
        (beta, now) = (next, new);
        if length.max(0.0).sqrt() < 1e-9 && share == 1.0 {
            let triangle = Triangle::cholesky(&now.information, &vec![0.0; k], 1e-13);
            let log_likelihood = now.log_likelihood;
            return Ok(Top { beta, inverse: triangle.inverse(), log_likelihood, null, steps });
        }
    }
    Err(EvaluateError::Separated { what: "a combination of regressors".to_owned() })
}

fn bases(sample: &Sampled, jumps: &[Vec<Jump>], k: usize) -> Vec<Base> {
    let label = |at: usize| {
        sample.effects.first().map_or(String::new(), |own| {
            let parts = own.levels.iter().map(|column| column.label(at).unwrap_or_default());
            parts.collect::<Vec<_>>().join("^")
        })
    };
    let sum = |own: &[Jump], of: &dyn Fn(&Jump) -> f64| -> Vec<f64> {
        own.iter()
            .scan(0.0, |sum, jump| {
                *sum += of(jump);
                Some(*sum)
            })
            .collect()
    };
    jumps
        .iter()
        .enumerate()
        .map(|(at, own)| {
            let means: Vec<Vec<f64>> = (0..k).map(|i| sum(own, &|jump| jump.mean[i])).collect();
            Base {
                stratum: label(at),
                time: own.iter().map(|jump| jump.time).collect(),
                at_risk: own.iter().map(|jump| jump.at_risk).collect(),
                events: own.iter().map(|jump| jump.events).collect(),
                hazard: sum(own, &|jump| jump.hazard),
                variance: sum(own, &|jump| jump.variance),
                mean: (0..own.len() * k).map(|at| means[at % k][at / k]).collect(),
            }
        })
        .collect()
}

impl CoxFit {
    /// Coefficients, covariance, likelihood and account.
    #[must_use]
    pub const fn fit(&self) -> &Fit {
        &self.fit
    }

    /// How ties were counted.
    #[must_use]
    pub const fn ties(&self) -> Ties {
        self.ties
    }

    /// Cumulative hazard and survival at each time of an event, by stratum, for persons whose
    /// regressors stay at given values.
    ///
    /// `profiles` has one row a profile and columns named as the regressors; a regressor without a
    /// column stands at its mean in the sample. Standard errors hold that of the coefficients too
    /// (Tsiatis 1981); intervals are on the log-log scale.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `alpha` or a column that is no regressor,
    /// [`EvaluateError::Data`], [`EvaluateError::NotFinite`].
    pub fn curves(&self, profiles: &Table, alpha: f64) -> Result<Table, EvaluateError> {
        let reach = reach(alpha)?;
        let names = self.fit.names();
        let x = super::predict::profiles(profiles, None, names, &self.means)?;
        let k = names.len();
        let mut keys: [Vec<u32>; 2] = Default::default();
        let mut numbers: [Vec<f64>; 8] = Default::default();
        for (profile, x) in x.iter().enumerate() {
            let gap: Vec<f64> = x.iter().zip(&self.means).map(|(x, mean)| x - mean).collect();
            let risk = libm::exp(gap.iter().zip(self.fit.coef()).map(|(x, b)| x * b).sum());
            for (stratum, base) in self.bases.iter().enumerate() {
                for (at, &time) in base.time.iter().enumerate() {
                    let own = &base.mean[at * k..(at + 1) * k];
                    let slope: Vec<f64> =
                        gap.iter().zip(own).map(|(x, mean)| x * base.hazard[at] - mean).collect();
                    let through: f64 = (0..k * k)
                        .map(|ij| slope[ij / k] * self.fit.vcov[ij] * slope[ij % k])
                        .sum();
                    let hazard = risk * base.hazard[at];
                    let se = risk * (base.variance[at] + through).max(0.0).sqrt();
                    let survival = libm::exp(-hazard);
                    let wide = libm::exp(reach * se / hazard);
                    let (low, high) = (libm::exp(-hazard * wide), libm::exp(-hazard / wide));
                    let row =
                        [time, base.at_risk[at], base.events[at], hazard, se, survival, low, high];
                    keys[0].push(profile as u32);
                    keys[1].push(stratum as u32);
                    for (column, value) in numbers.iter_mut().zip(row) {
                        column.push(value);
                    }
                }
            }
        }
        let mut table = Table::default();
        for (own, column) in profiles.names().iter().zip(profiles.columns()) {
            table.push(own.as_str(), column.take(&keys[0]))?;
        }
        if let Some(name) = &self.strata {
            let labels: Vec<&str> = self.bases.iter().map(|own| own.stratum.as_str()).collect();
            let codes: Vec<Option<u32>> = keys[1].iter().map(|&code| Some(code)).collect();
            table.push(name.as_str(), Column::category(&codes, &labels))?;
        }
        let columns = [
            "time",
            "n_risk",
            "n_event",
            "cumulative_hazard",
            "hazard_std_error",
            "survival",
            "conf_low",
            "conf_high",
        ];
        for (name, values) in columns.into_iter().zip(&numbers) {
            table.push(name, known(values))?;
        }
        Ok(table)
    }
}
