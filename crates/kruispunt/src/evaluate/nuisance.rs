//! Comparisons given covariates: outcome regression, weighting, both.
//!
//! Influence functions are those of Sant'Anna & Zhao (2020, *Journal of Econometrics* 219(1),
//! 101-122), so standard errors carry the estimation of both models.

use super::callaway::{Cell, Rule, lone};
use super::result::not_estimable;
use super::sample::{LARGEST, Sample};
use super::{Did, EvaluateError, Nuisance};
use crate::data::{Effect, Panel, Values};
use crate::math::crossprod::dot;
use crate::math::linalg::Triangle;

/// Untreated units whose propensity is as high as this get no weight.
pub(super) const TRIM: f64 = 0.995;
/// A fitted propensity is at most this.
pub(super) const HIGHEST: f64 = 1.0 - 1e-6;
/// Share of itself a covariate must keep beside the others.
const COLLINEAR: f64 = 1e-9;

/// Covariates, one number a row of the panel, centred and scaled; the intercept is not stored.
pub(super) struct Covariates {
    columns: Vec<Vec<f64>>,
    varies: bool,
    pub(super) notes: Vec<String>,
}

impl Covariates {
    pub(super) fn read(did: &Did, panel: &Panel, sample: &Sample) -> Result<Self, EvaluateError> {
        let used: Vec<u32> = sample.source.iter().copied().filter(|&row| row != u32::MAX).collect();
        let mut named: Vec<(String, Vec<f64>)> = Vec::new();
        for name in &did.covariates {
            let column = panel.column("covariates", name)?;
            if let Values::Text(_) | Values::Period(..) = column.values() {
                let (codes, first) = column.ranks();
                for (level, &row) in first.iter().enumerate().skip(1) {
                    let is = |code: &Option<u32>| f64::from(u8::from(*code == Some(level as u32)));
                    let label = column.label(row as usize).unwrap_or_default();
                    named.push((format!("{name}::{label}"), codes.iter().map(is).collect()));
                }
                continue;
            }
            let values = column.to_floats("covariates", name)?;
            let bad = |row: &&u32| {
                values[**row as usize]
                    .abs()
                    .partial_cmp(&LARGEST)
                    .is_none_or(std::cmp::Ordering::is_gt)
            };
            if let Some(&row) = used.iter().find(bad) {
                let column = name.clone();
                return Err(EvaluateError::NotFinite {
                    argument: "covariates",
                    column,
                    row: row as usize,
                });
            }
            named.push((name.clone(), values));
        }
        Ok(Self::prepare(named, &used, sample))
    }

    /// Centres, scales, and leaves out columns that others determine.
    fn prepare(named: Vec<(String, Vec<f64>)>, used: &[u32], sample: &Sample) -> Self {
        let n = used.len() as f64;
        let mut notes = Vec::new();
        let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
        for (name, mut values) in named {
            let mean = total(&values, used, |value| value) / n;
            let spread = total(&values, used, |value| (value - mean) * (value - mean));
            let sd = (spread / n).sqrt();
            if sd <= 1e-12 * mean.abs() || sd == 0.0 {
                notes.push(format!("covariate {name} is constant and left out"));
                continue;
            }
            for value in &mut values {
                *value = (*value - mean) / sd;
            }
            columns.push((name, values));
        }
        let k = columns.len();
        let mut gram = vec![0.0; k * k];
        let all = complete(used, columns.first().map_or(0, |own| own.1.len()));
        for (i, left) in columns.iter().enumerate() {
            for (j, right) in columns.iter().enumerate().take(i + 1) {
                let sum = if all {
                    dot(&left.1, &right.1)
                } else {
                    let each = |&row: &u32| left.1[row as usize] * right.1[row as usize];
                    used.iter().map(each).sum()
                };
                (gram[i * k + j], gram[j * k + i]) = (sum, sum);
            }
        }
        let triangle = Triangle::cholesky(&gram, &vec![0.0; k], COLLINEAR);
        for &at in &triangle.dropped {
            notes.push(format!("covariate {} is collinear and left out", columns[at].0));
        }
        let t = sample.n_periods();
        let columns: Vec<Vec<f64>> = columns
            .into_iter()
            .enumerate()
            .filter(|(at, _)| triangle.kept.contains(at))
            .map(|(_, (_, values))| values)
            .collect();
        let differs = |values: &Vec<f64>| {
            sample.source.chunks(t.max(1)).any(|rows| {
                let mut seen = rows.iter().filter(|row| **row != u32::MAX);
                let first = seen.next().map_or(0.0, |&row| values[row as usize]);
                seen.any(|&row| values[row as usize].to_bits() != first.to_bits())
            })
        };
        let varies = columns.iter().any(differs);
        Self { columns, varies, notes }
    }

    pub(super) const fn width(&self) -> usize {
        self.columns.len() + 1
    }
}

/// Whether `used` are all of `n` rows, in order.
fn complete(used: &[u32], n: usize) -> bool {
    used.len() == n && (0_u32..).zip(used).all(|(at, &row)| at == row)
}

/// The sum of `f` over the rows that are used.
fn total(values: &[f64], used: &[u32], f: impl Fn(f64) -> f64) -> f64 {
    if complete(used, values.len()) {
        values.iter().map(|value| f(*value)).sum()
    } else {
        used.iter().map(|&row| f(values[row as usize])).sum()
    }
}

/// The influence of units on one estimate.
#[derive(Default)]
pub(super) struct Influence {
    pub(super) units: std::sync::Arc<Vec<u32>>,
    pub(super) psi: Vec<f64>,
    pub(super) trimmed: usize,
    /// Weight of the treated.
    pub(super) mass: f64,
}

/// The units of a comparison with their covariates, treated first, and the models fitted to them.
#[derive(Default)]
pub(super) struct Group {
    pub(super) units: std::sync::Arc<Vec<u32>>,
    pub(super) n_treated: usize,
    /// Row-major, intercept first.
    x: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// Cross-product of the untreated.
    pub(super) ols: Option<Triangle>,
    logit: Option<Logit>,
    levers: Levers,
    /// Odds of the untreated that balance the covariates.
    pub(super) odds: Option<Vec<f64>>,
    pub(super) lack: Option<&'static str>,
}

pub(super) struct Logit {
    pub(super) p: Vec<f64>,
    hessian: Triangle,
}

/// What weighting needs and no outcome changes.
#[derive(Default)]
struct Levers {
    /// Odds of the untreated times their weights; 0 for the treated and the trimmed.
    odds: Vec<f64>,
    /// Sums of weights of the treated, and of the odds.
    totals: [f64; 2],
    /// Sums of covariates of the untreated by their odds.
    sums: Vec<f64>,
    /// How the regression's coefficients move the two means.
    by_ols: Vec<f64>,
    trimmed: usize,
}

/// What makes two comparisons have the same group.
#[derive(PartialEq, Eq)]
struct Key {
    cohort: usize,
    controls: Vec<bool>,
    at: Option<usize>,
    periods: Option<(usize, usize)>,
}

/// Works on the cells of one cohort, and remembers the models of the last comparison.
pub(super) struct Worker<'a> {
    did: &'a Did,
    sample: &'a Sample,
    covariates: &'a Covariates,
    rule: Rule,
    complete: bool,
    last: Option<(Key, Group)>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        did: &'a Did,
        sample: &'a Sample,
        covariates: &'a Covariates,
        rule: Rule,
    ) -> Self {
        let complete = sample.profiles.iter().all(|own| own.present.iter().all(|seen| *seen));
        Self { did, sample, covariates, rule, complete, last: None }
    }

    /// The effect of one cell.
    pub(super) fn cell(
        &mut self,
        cell: &Cell,
        mut row: Effect,
        clusters: &[usize],
    ) -> (Effect, Influence) {
        let Some(base) = cell.base else {
            let row = not_estimable(row, "no period before treatment to compare with");
            return (row, Influence::default());
        };
        if base == cell.t {
            row.estimate = 0.0;
            return (row, Influence::default());
        }
        let (sample, rule) = (self.sample, self.rule);
        let controls: Vec<bool> =
            (0..sample.starts.len()).map(|other| rule.allows(sample, cell, base, other)).collect();
        let early = base.min(cell.t);
        let key = Key {
            cohort: cell.cohort,
            controls,
            at: (self.covariates.varies || !self.complete).then_some(early),
            periods: (!self.complete).then_some((cell.t, base)),
        };
        if self.last.as_ref().is_none_or(|(known, _)| *known != key) {
            let group = self.group(cell, base, &key.controls, early);
            self.last = Some((key, group));
        }
        let Some((_, group)) = &self.last else { return (row, Influence::default()) };
        let n = group.units.len();
        row.n_treated = group.n_treated as u64;
        row.n_control = (n - group.n_treated) as u64;
        if let Some(reason) = group.lack {
            return (not_estimable(row, reason), Influence::default());
        }
        let change: Vec<f64> = group
            .units
            .iter()
            .map(|&unit| sample.outcomes(unit as usize))
            .map(|y| y[cell.t] - y[base])
            .collect();
        let (estimate, psi, trimmed) = self.estimate(group, &change);
        row.estimate = estimate;
        row.status = lone(sample, &row, clusters, cell);
        let mass = group.weights[..group.n_treated].iter().sum();
        (row, Influence { units: std::sync::Arc::clone(&group.units), psi, trimmed, mass })
    }

    /// Collects the units of a comparison and fits the models that do not need the outcome.
    fn group(&self, cell: &Cell, base: usize, controls: &[bool], early: usize) -> Group {
        let sample = self.sample;
        let mut units = Vec::new();
        let collect = |units: &mut Vec<u32>, wanted: &dyn Fn(usize) -> bool| {
            for profile in sample.profiles.iter().filter(|profile| wanted(profile.cohort)) {
                if profile.present[cell.t] && profile.present[base] {
                    units.extend(&sample.members[profile.first..profile.last]);
                }
            }
        };
        collect(&mut units, &|cohort| cohort == cell.cohort);
        let n_treated = units.len();
        collect(&mut units, &|cohort| controls[cohort]);
        Group::build(sample, self.covariates, units, n_treated, early, self.did.nuisance)
    }

    fn estimate(&self, group: &Group, change: &[f64]) -> (f64, Vec<f64>, usize) {
        group.estimate(change, self.covariates.width(), self.did.nuisance)
    }
}

/// Adds `scale x x'` to the upper triangle.
pub(super) fn add_outer(gram: &mut [f64], x: &[f64], scale: f64) {
    let k = x.len();
    for (i, left) in x.iter().enumerate() {
        for (slot, right) in gram[i * k + i..(i + 1) * k].iter_mut().zip(&x[i..]) {
            *slot += scale * left * right;
        }
    }
}

pub(super) fn factorise(mut gram: Vec<f64>, k: usize) -> Option<Triangle> {
    for i in 0..k {
        for j in 0..i {
            gram[i * k + j] = gram[j * k + i];
        }
    }
    let triangle = Triangle::cholesky(&gram, &vec![0.0; k], COLLINEAR);
    triangle.dropped.is_empty().then_some(triangle)
}

pub(super) fn product(x: &[f64], b: &[f64]) -> f64 {
    x.iter().zip(b).map(|(x, b)| x * b).sum()
}

impl Group {
    /// The units of a comparison, treated first, with the models that do not need the outcome.
    pub(super) fn build(
        sample: &Sample,
        covariates: &Covariates,
        units: Vec<u32>,
        n_treated: usize,
        early: usize,
        nuisance: Nuisance,
    ) -> Self {
        let (k, t) = (covariates.width(), sample.n_periods());
        let mut x = Vec::with_capacity(units.len() * k);
        for &unit in &units {
            let row = sample.source[unit as usize * t + early] as usize;
            x.push(1.0);
            x.extend(covariates.columns.iter().map(|column| column[row]));
        }
        let weights: Vec<f64> = units.iter().map(|&unit| sample.weight(unit as usize)).collect();
        let mut group = Self { n_treated, x, weights, ..Self::default() };
        group.lack = if n_treated == 0 {
            Some("no unit of the cohort is seen in both periods")
        } else if units.len() == n_treated {
            Some("no unit is still untreated")
        } else {
            group.models(k, nuisance)
        };
        group.units = std::sync::Arc::new(units);
        group
    }

    /// The effect on the treated, the influence of each unit and how many have no weight.
    pub(super) fn estimate(
        &self,
        change: &[f64],
        k: usize,
        nuisance: Nuisance,
    ) -> (f64, Vec<f64>, usize) {
        if nuisance == Nuisance::Improved {
            return self.by_balance(change, k);
        }
        let fitted = self.regression(change, k);
        match nuisance {
            Nuisance::Regression => {
                let (estimate, psi) = self.by_regression(change, &fitted, k);
                (estimate, psi, 0)
            }
            Nuisance::Weighting => self.by_weighting(change, None, k),
            Nuisance::DoublyRobust | Nuisance::Improved => {
                self.by_weighting(change, Some(&fitted), k)
            }
        }
    }

    pub(super) fn rows(&self, k: usize) -> impl Iterator<Item = (bool, f64, &[f64])> {
        self.x
            .chunks_exact(k)
            .zip(&self.weights)
            .enumerate()
            .map(move |(at, (x, weight))| (at < self.n_treated, *weight, x))
    }

    /// Fits what does not need the outcome; says why it cannot.
    fn models(&mut self, k: usize, nuisance: Nuisance) -> Option<&'static str> {
        if nuisance == Nuisance::Improved {
            return self.balance(k);
        }
        if nuisance != Nuisance::Weighting {
            let mut gram = vec![0.0; k * k];
            for (_, weight, x) in self.rows(k).filter(|row| !row.0) {
                add_outer(&mut gram, x, weight);
            }
            self.ols = factorise(gram, k);
            if self.ols.is_none() {
                return Some("covariates are collinear among the untreated of this comparison");
            }
        }
        if nuisance != Nuisance::Regression {
            match self.fit_logit(k) {
                Ok(logit) => {
                    self.levers = self.pull(&logit, k);
                    self.logit = Some(logit);
                }
                Err(reason) => return Some(reason),
            }
        }
        None
    }

    fn pull(&self, logit: &Logit, k: usize) -> Levers {
        let n1 = self.n_treated;
        let odd = |(at, (p, weight)): (usize, (&f64, &f64))| {
            if at < n1 || *p >= TRIM { 0.0 } else { weight * p / (1.0 - p) }
        };
        let odds: Vec<f64> = logit.p.iter().zip(&self.weights).enumerate().map(odd).collect();
        let trimmed = logit.p[n1..].iter().filter(|p| **p >= TRIM).count();
        let s1: f64 = self.weights[..n1].iter().sum();
        let s0: f64 = odds.iter().sum();
        let sums = self.sums(k, |at| odds[at]);
        let by_ols = self.ols.as_ref().map_or_else(
            || vec![0.0; k],
            |ols| {
                let own = self.sums(k, |at| if at < n1 { self.weights[at] } else { 0.0 });
                let gap: Vec<f64> = own.iter().zip(&sums).map(|(a, b)| a / s1 - b / s0).collect();
                ols.solve(&gap)
            },
        );
        Levers { odds, totals: [s1, s0], sums, by_ols, trimmed }
    }

    /// Who is treated, by Newton's method.
    pub(super) fn fit_logit(&self, k: usize) -> Result<Logit, &'static str> {
        const SEPARATED: &str = "covariates separate the treated from the untreated";
        const STEPS: usize = 60;
        let mut gamma = vec![0.0; k];
        let mut p = vec![0.5; self.weights.len()];
        for _ in 0..STEPS {
            let (mut gram, mut score) = (vec![0.0; k * k], vec![0.0; k]);
            for ((treated, weight, x), p) in self.rows(k).zip(&mut p) {
                let eta = product(x, &gamma);
                *p = 1.0 / (1.0 + libm::exp(-eta));
                add_outer(&mut gram, x, weight * *p * (1.0 - *p));
                let residual = weight * (f64::from(u8::from(treated)) - *p);
                score.iter_mut().zip(x).for_each(|(slot, x)| *slot += residual * x);
            }
            let Some(hessian) = factorise(gram, k) else {
                return Err(if gamma.iter().any(|value| value.abs() > 8.0) {
                    SEPARATED
                } else {
                    "covariates are collinear in this comparison"
                });
            };
            let step = hessian.solve(&score);
            if step.iter().zip(&gamma).any(|(step, gamma)| !step.is_finite() || gamma.abs() > 1e3) {
                return Err(SEPARATED);
            }
            gamma.iter_mut().zip(&step).for_each(|(gamma, step)| *gamma += step);
            let moved = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            if moved < 1e-8 {
                for p in &mut p {
                    *p = p.min(HIGHEST);
                }
                return Ok(Logit { p, hessian });
            }
        }
        Err(SEPARATED)
    }

    /// What the untreated's model says of each unit's change; zeros without a model.
    fn regression(&self, change: &[f64], k: usize) -> Vec<f64> {
        let Some(ols) = &self.ols else { return vec![0.0; change.len()] };
        let mut score = vec![0.0; k];
        for ((treated, weight, x), change) in self.rows(k).zip(change) {
            if !treated {
                score.iter_mut().zip(x).for_each(|(slot, x)| *slot += weight * change * x);
            }
        }
        let beta = ols.solve(&score);
        self.rows(k).map(|(_, _, x)| product(x, &beta)).collect()
    }

    /// Weighted sums of covariates.
    fn sums(&self, k: usize, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; k];
        for (at, x) in self.x.chunks_exact(k).enumerate() {
            let weight = weight(at);
            if weight != 0.0 {
                sums.iter_mut().zip(x).for_each(|(slot, x)| *slot += weight * x);
            }
        }
        sums
    }

    fn by_regression(&self, change: &[f64], fitted: &[f64], k: usize) -> (f64, Vec<f64>) {
        let n1 = self.n_treated;
        let total: f64 = self.weights[..n1].iter().sum();
        let mean = |values: &[f64]| product(&self.weights[..n1], &values[..n1]) / total;
        let (own, model) = (mean(change), mean(fitted));
        let m1 = self.sums(k, |at| if at < n1 { self.weights[at] } else { 0.0 });
        let lever = self.ols.as_ref().map_or_else(|| vec![0.0; k], |ols| ols.solve(&m1));
        let psi = self
            .rows(k)
            .zip(change.iter().zip(fitted))
            .map(|((treated, weight, x), (change, fit))| {
                let own = if treated {
                    (change - own) - (fit - model)
                } else {
                    -(change - fit) * product(x, &lever)
                };
                weight * own / total
            })
            .collect();
        (own - model, psi)
    }

    /// By weighting, of changes or (doubly robust) of what a regression leaves of them.
    fn by_weighting(
        &self,
        change: &[f64],
        fitted: Option<&Vec<f64>>,
        k: usize,
    ) -> (f64, Vec<f64>, usize) {
        let Some(logit) = &self.logit else { return (f64::NAN, Vec::new(), 0) };
        let n1 = self.n_treated;
        let Levers { odds, totals: [s1, s0], sums, by_ols, trimmed } = &self.levers;
        let left: Vec<f64> = match fitted {
            Some(fitted) => change.iter().zip(fitted).map(|(change, fit)| change - fit).collect(),
            None => change.to_vec(),
        };
        let eta1 = product(&self.weights[..n1], &left[..n1]) / s1;
        let eta0 = product(&odds[n1..], &left[n1..]) / s0;
        let mut m2: Vec<f64> = sums.iter().map(|sum| -eta0 * sum).collect();
        for ((x, odds), left) in self.x.chunks_exact(k).zip(odds).zip(&left).skip(n1) {
            m2.iter_mut().zip(x).for_each(|(slot, x)| *slot += odds * left * x);
        }
        let by_logit: Vec<f64> = logit.hessian.solve(&m2).iter().map(|own| own / s0).collect();
        let mut psi = Vec::with_capacity(left.len());
        let units = self.x.chunks_exact(k).zip(&self.weights).zip(logit.p.iter().zip(&left));
        psi.extend(units.take(n1).map(|((x, weight), (p, left))| {
            weight * ((left - eta1) / s1 - (1.0 - p) * product(x, &by_logit))
        }));
        let units = self.x.chunks_exact(k).zip(&self.weights).zip(logit.p.iter().zip(&left));
        let with_ols = fitted.is_some();
        psi.extend(units.zip(odds).skip(n1).map(|(((x, weight), (p, left)), odds)| {
            let ols_part = if with_ols { left * product(x, by_ols) } else { 0.0 };
            weight * (p * product(x, &by_logit) - ols_part) - odds * (left - eta0) / s0
        }));
        let trimmed = *trimmed;
        (eta1 - eta0, psi, trimmed)
    }
}
