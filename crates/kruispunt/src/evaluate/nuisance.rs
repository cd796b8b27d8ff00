//! Comparisons given covariates: outcome regression, weighting, both.
//!
//! Influence functions are those of Sant'Anna & Zhao (2020, *Journal of Econometrics* 219(1),
//! 101-122), so standard errors carry the estimation of both models.

use super::callaway::{Cell, Rule, blank, lone};
use super::result::not_estimable;
use super::sample::{LARGEST, Sample, all_sound, floats};
use super::{Did, EvaluateError, Nuisance};
use crate::data::{Buffer, Effect, Panel, Ticket, Values};
use crate::math::crossprod::dot;
use crate::math::linalg::Triangle;
use std::sync::Arc;

/// Untreated units whose propensity is as high as this get no weight.
pub(super) const TRIM: f64 = 0.995;
/// A fitted propensity is at most this.
pub(super) const HIGHEST: f64 = 1.0 - 1e-6;
/// Share of itself a covariate must keep beside the others.
const COLLINEAR: f64 = 1e-9;

/// Covariates, centred and scaled; the intercept is not stored.
pub(super) struct Covariates {
    columns: Vec<Vec<f64>>,
    /// Whether columns have one number a unit, since none varies; else one a row of the panel.
    by_unit: bool,
    varies: bool,
    pub(super) notes: Vec<String>,
}

/// A covariate before it is scaled.
type Named = (String, Buffer<f64>);

impl Covariates {
    pub(super) fn read(did: &Did, panel: &Panel, sample: &Sample) -> Result<Self, EvaluateError> {
        let rows = || (0..sample.n_units()).flat_map(|unit| sample.rows_of(unit));
        let mut named: Vec<Named> = Vec::new();
        for name in &did.covariates {
            let column = panel.column("covariates", name)?;
            if let Values::Text(_) | Values::Period(..) = column.values() {
                let (codes, first) = column.ranks();
                for (level, &row) in first.iter().enumerate().skip(1) {
                    let is = |code: &Option<u32>| f64::from(u8::from(*code == Some(level as u32)));
                    let label = column.label(row as usize).unwrap_or_default();
                    let values: Vec<f64> = codes.iter().map(is).collect();
                    named.push((format!("{name}::{label}"), values.into()));
                }
                continue;
            }
            let values = floats(&column, "covariates", name)?;
            if !all_sound(&values) {
                let bad = |row: &usize| {
                    let size = values[*row].abs().partial_cmp(&LARGEST);
                    size.is_none_or(std::cmp::Ordering::is_gt)
                };
                if let Some(row) = rows().find(bad) {
                    let column = name.clone();
                    return Err(EvaluateError::NotFinite { argument: "covariates", column, row });
                }
            }
            named.push((name.clone(), values));
        }
        let t = sample.n_periods().max(1);
        let same = |rows: &[f64]| rows.iter().all(|value| value.to_bits() == rows[0].to_bits());
        let whole = sample.is_whole();
        if whole && named.iter().all(|(_, values)| values.chunks_exact(t).all(same)) {
            let first = |(name, values): Named| {
                (name, values.iter().step_by(t).copied().collect::<Vec<f64>>().into())
            };
            let own = Self::prepare(named.into_iter().map(first).collect(), None);
            return Ok(Self { by_unit: true, ..own });
        }
        let used: Option<Vec<usize>> = (!whole).then(|| rows().collect());
        let mut own = Self::prepare(named, used.as_deref());
        let differs = |values: &Vec<f64>| {
            (0..sample.n_units()).any(|unit| {
                let mut seen = sample.rows_of(unit).map(|row| values[row].to_bits());
                let first = seen.next();
                seen.any(|value| Some(value) != first)
            })
        };
        own.varies = own.columns.iter().any(differs);
        Ok(own)
    }

    /// Centres, scales, and leaves out columns that others determine; `used` are the rows that
    /// count, all of them when `None`.
    fn prepare(named: Vec<Named>, used: Option<&[usize]>) -> Self {
        let mut notes = Vec::new();
        let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
        for (name, values) in named {
            let n = used.map_or(values.len(), <[usize]>::len) as f64;
            let mean = total(&values, used, |value| value) / n;
            let spread = total(&values, used, |value| (value - mean) * (value - mean));
            let sd = (spread / n).sqrt();
            if sd <= 1e-12 * mean.abs() || sd == 0.0 {
                notes.push(format!("covariate {name} is constant and left out"));
                continue;
            }
            columns.push((name, values.iter().map(|value| (value - mean) / sd).collect()));
        }
        let k = columns.len();
        let mut gram = vec![0.0; k * k];
        for (i, left) in columns.iter().enumerate() {
            for (j, right) in columns.iter().enumerate().take(i + 1) {
                let sum = match used {
                    None => dot(&left.1, &right.1),
                    Some(rows) => rows.iter().map(|&row| left.1[row] * right.1[row]).sum(),
                };
                (gram[i * k + j], gram[j * k + i]) = (sum, sum);
            }
        }
        let triangle = Triangle::cholesky(&gram, &vec![0.0; k], COLLINEAR);
        for &at in &triangle.dropped {
            notes.push(format!("covariate {} is collinear and left out", columns[at].0));
        }
        let columns: Vec<Vec<f64>> = columns
            .into_iter()
            .enumerate()
            .filter(|(at, _)| triangle.kept.contains(at))
            .map(|(_, (_, values))| values)
            .collect();
        Self { columns, by_unit: false, varies: false, notes }
    }

    /// Adds an intercept and the covariates of a unit, seen in the period, to `x`.
    pub(super) fn push(&self, sample: &Sample, unit: usize, period: usize, x: &mut Vec<f64>) {
        let own = if self.by_unit { Some(unit) } else { sample.row(unit, period) };
        x.push(1.0);
        let value = |column: &Vec<f64>| own.map_or(f64::NAN, |own| column[own]);
        x.extend(self.columns.iter().map(value));
    }

    pub(super) const fn width(&self) -> usize {
        self.columns.len() + 1
    }
}

/// The sum of `f` over the rows that are used.
fn total(values: &[f64], used: Option<&[usize]>, f: impl Fn(f64) -> f64) -> f64 {
    match used {
        None => values.iter().map(|value| f(*value)).sum(),
        Some(rows) => rows.iter().map(|&row| f(values[row])).sum(),
    }
}

/// Estimates of some outcomes, with the influence of each unit, one row a unit.
pub(super) struct Estimates {
    pub(super) values: Vec<f64>,
    pub(super) psi: Vec<f64>,
    pub(super) trimmed: usize,
}

/// The influence of units on one estimate.
#[derive(Default)]
pub(super) struct Influence {
    pub(super) units: Arc<Vec<u32>>,
    pub(super) psi: Vec<f64>,
    pub(super) trimmed: usize,
    /// Weight of the treated.
    pub(super) mass: f64,
}

/// The units of a comparison with their covariates, treated first, and the models fitted to them.
#[derive(Default)]
pub(super) struct Group {
    pub(super) units: Arc<Vec<u32>>,
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
    pub(super) hessian: Triangle,
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
#[derive(Clone, PartialEq, Eq)]
struct Key {
    controls: Vec<bool>,
    at: Option<usize>,
    periods: Option<(usize, usize)>,
}

/// Cells of one cohort that are compared within the same group of units.
///
/// All estimators are linear in outcomes given the group, so that each period needs to be estimated
/// once, as a change since the first of `periods`, and a cell is the difference of two.
pub(super) struct Batch {
    pub(super) units: Arc<Vec<u32>>,
    /// The influence of units on each period, one row a unit.
    psi: Vec<f64>,
    width: usize,
    /// Cells, as places in the plan, with the places of their two periods.
    pub(super) cells: Vec<(usize, usize, usize)>,
    trimmed: usize,
}

impl Batch {
    /// The influence of one unit on a cell.
    pub(super) fn influence(&self, unit: usize, (_, t, base): (usize, usize, usize)) -> f64 {
        let own = &self.psi[unit * self.width..(unit + 1) * self.width];
        own[t] - own[base]
    }

    /// Untreated units without a weight, over all cells.
    pub(super) fn trimmed(&self) -> usize {
        self.trimmed * self.cells.len()
    }
}

/// A row of the table of effects, and the weight of the treated.
pub(super) type Estimated = (Effect, f64);

/// Works on the cells of one cohort.
pub(super) struct Worker<'a> {
    did: &'a Did,
    sample: &'a Sample,
    covariates: &'a Covariates,
    rule: Rule,
    complete: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        did: &'a Did,
        sample: &'a Sample,
        covariates: &'a Covariates,
        rule: Rule,
    ) -> Self {
        let complete = sample.profiles.iter().all(|own| own.present.iter().all(|seen| *seen));
        Self { did, sample, covariates, rule, complete }
    }

    /// The effects of a cohort's cells, of which the first stands at `first` in the plan.
    pub(super) fn cells(
        &self,
        first: usize,
        cells: &[Cell],
        clusters: &[usize],
        ticket: &Ticket,
    ) -> (Vec<Estimated>, Vec<Batch>) {
        let mut rows: Vec<Estimated> =
            cells.iter().map(|cell| (blank(self.sample, cell), 0.0)).collect();
        let mut keys: Vec<(Key, Vec<usize>)> = Vec::new();
        for (at, (cell, (row, _))) in cells.iter().zip(&mut rows).enumerate() {
            match cell.base {
                None => {
                    *row = not_estimable(row.clone(), "no period before treatment to compare with");
                }
                Some(base) if base == cell.t => row.estimate = 0.0,
                Some(base) => {
                    let key = self.key(cell, base);
                    match keys.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, own)) => own.push(at),
                        None => keys.push((key, vec![at])),
                    }
                }
            }
        }
        let mut batches = Vec::with_capacity(keys.len());
        for (key, own) in keys {
            if ticket.is_cancelled() {
                break;
            }
            ticket.advance(own.len() as u64);
            batches.extend(self.batch(first, cells, &key, &own, clusters, &mut rows));
        }
        (rows, batches)
    }

    fn key(&self, cell: &Cell, base: usize) -> Key {
        let (sample, rule) = (self.sample, self.rule);
        Key {
            controls: (0..sample.starts.len())
                .map(|other| rule.allows(sample, cell, base, other))
                .collect(),
            at: (self.covariates.varies || !self.complete).then_some(base.min(cell.t)),
            periods: (!self.complete).then_some((cell.t, base)),
        }
    }

    fn batch(
        &self,
        first: usize,
        cells: &[Cell],
        key: &Key,
        own: &[usize],
        clusters: &[usize],
        rows: &mut [Estimated],
    ) -> Option<Batch> {
        let pair = |&at: &usize| (cells[at].t, cells[at].base.unwrap_or(cells[at].t));
        let (t, base) = own.first().map(pair)?;
        let group = self.group(&cells[own[0]], base, &key.controls, base.min(t));
        let n = group.units.len();
        for &at in own {
            let row = &mut rows[at].0;
            row.n_treated = group.n_treated as u64;
            row.n_control = (n - group.n_treated) as u64;
            if let Some(reason) = group.lack {
                *row = not_estimable(row.clone(), reason);
            }
        }
        if group.lack.is_some() {
            return None;
        }
        let mut periods: Vec<usize> =
            own.iter().map(pair).flat_map(|(t, base)| [t, base]).collect();
        periods.sort_unstable();
        periods.dedup();
        let m = periods.len();
        let mut y = Vec::with_capacity(n * m);
        for &unit in group.units.iter() {
            let outcomes = self.sample.outcomes(unit as usize);
            let from = outcomes[periods[0]];
            y.extend(periods.iter().map(|&period| outcomes[period] - from));
        }
        let found = group.estimate(y, m, self.covariates.width(), self.did.nuisance);
        let mass = group.weights[..group.n_treated].iter().sum();
        let place = |period: usize| periods.binary_search(&period).unwrap_or_default();
        let mut placed = Vec::with_capacity(own.len());
        for &at in own {
            let (t, base) = pair(&at);
            let (t, base) = (place(t), place(base));
            let (row, weight) = &mut rows[at];
            row.estimate = found.values[t] - found.values[base];
            row.status = lone(self.sample, row, clusters, &cells[at]);
            *weight = mass;
            placed.push((first + at, t, base));
        }
        Some(Batch {
            units: group.units,
            psi: found.psi,
            width: m,
            cells: placed,
            trimmed: found.trimmed,
        })
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
        let k = covariates.width();
        let mut x = Vec::with_capacity(units.len() * k);
        for &unit in &units {
            covariates.push(sample, unit as usize, early, &mut x);
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
        group.units = Arc::new(units);
        group
    }

    /// Rows of numbers, treated first, before any model.
    pub(super) fn of_rows(x: Vec<f64>, weights: Vec<f64>, n_treated: usize) -> Self {
        Self { n_treated, x, weights, ..Self::default() }
    }

    /// The covariates of one of the units.
    pub(super) fn row(&self, at: usize, k: usize) -> &[f64] {
        &self.x[at * k..(at + 1) * k]
    }

    /// Effects on the treated, the influence of each unit and how many have no weight.
    ///
    /// `y` holds `m` outcomes of each unit, one row a unit; all that is estimated is linear in them.
    pub(super) fn estimate(
        &self,
        mut y: Vec<f64>,
        m: usize,
        k: usize,
        nuisance: Nuisance,
    ) -> Estimates {
        match nuisance {
            Nuisance::Improved => self.by_balance(y, m, k),
            Nuisance::Regression => self.by_regression(&y, m, k),
            Nuisance::Weighting => self.by_weighting(y, false, m, k),
            Nuisance::DoublyRobust => {
                let beta = self.coefficients(&y, m, k, None);
                self.subtract(&mut y, &beta, m, k);
                self.by_weighting(y, true, m, k)
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
        for step in 0..STEPS {
            let (mut gram, mut score) = (vec![0.0; k * k], vec![0.0; k]);
            for ((treated, weight, x), p) in self.rows(k).zip(&mut p) {
                if step > 0 {
                    *p = 1.0 / (1.0 + libm::exp(-product(x, &gamma)));
                }
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

    /// The untreated's model of each outcome, shape `(k, m)`; zeros without a model. `odds`
    /// multiply the weights.
    pub(super) fn coefficients(
        &self,
        y: &[f64],
        m: usize,
        k: usize,
        odds: Option<&[f64]>,
    ) -> Vec<f64> {
        let Some(ols) = &self.ols else { return vec![0.0; k * m] };
        let mut score = vec![0.0; k * m];
        for at in self.n_treated..self.weights.len() {
            let weight = self.weights[at] * odds.map_or(1.0, |odds| odds[at]);
            add_product(&mut score, self.row(at, k), weight, &y[at * m..(at + 1) * m]);
        }
        solve_columns(ols, &score, m, k)
    }

    /// Takes what the model says from each outcome.
    pub(super) fn subtract(&self, y: &mut [f64], beta: &[f64], m: usize, k: usize) {
        for (x, y) in self.x.chunks_exact(k).zip(y.chunks_exact_mut(m)) {
            for (x, beta) in x.iter().zip(beta.chunks_exact(m)) {
                y.iter_mut().zip(beta).for_each(|(y, beta)| *y -= x * beta);
            }
        }
    }

    /// Weighted means of outcomes of some units.
    fn means(y: &[f64], m: usize, from: usize, weights: &[f64], total: f64) -> Vec<f64> {
        let mut sums = vec![0.0; m];
        for (weight, y) in weights.iter().zip(y[from * m..].chunks_exact(m)) {
            sums.iter_mut().zip(y).for_each(|(sum, y)| *sum += weight * y);
        }
        for sum in &mut sums {
            *sum /= total;
        }
        sums
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

    fn by_regression(&self, y: &[f64], m: usize, k: usize) -> Estimates {
        let n1 = self.n_treated;
        let total: f64 = self.weights[..n1].iter().sum();
        let mut psi = y.to_vec();
        self.subtract(&mut psi, &self.coefficients(y, m, k, None), m, k);
        // the mean of what the model leaves of the treated
        let values = Self::means(&psi, m, 0, &self.weights[..n1], total);
        let m1 = self.sums(k, |at| if at < n1 { self.weights[at] } else { 0.0 });
        let lever = self.ols.as_ref().map_or_else(|| vec![0.0; k], |ols| ols.solve(&m1));
        for (at, psi) in psi.chunks_exact_mut(m).enumerate() {
            let weight = self.weights[at] / total;
            if at < n1 {
                psi.iter_mut().zip(&values).for_each(|(own, mean)| *own = weight * (*own - mean));
            } else {
                let pull = -weight * product(self.row(at, k), &lever);
                for own in psi {
                    *own *= pull;
                }
            }
        }
        Estimates { values, psi, trimmed: 0 }
    }

    /// By weighting, of outcomes or (doubly robust) of what a regression leaves of them.
    fn by_weighting(&self, mut left: Vec<f64>, with_ols: bool, m: usize, k: usize) -> Estimates {
        let Some(logit) = &self.logit else {
            return Estimates { values: vec![f64::NAN; m], psi: left, trimmed: 0 };
        };
        let n1 = self.n_treated;
        let Levers { odds, totals: [s1, s0], sums, by_ols, trimmed } = &self.levers;
        let eta1 = Self::means(&left, m, 0, &self.weights[..n1], *s1);
        let eta0 = Self::means(&left, m, n1, &odds[n1..], *s0);
        let mut m2 = vec![0.0; k * m];
        for (at, left) in left.chunks_exact(m).enumerate().skip(n1) {
            add_product(&mut m2, self.row(at, k), odds[at], left);
        }
        for (m2, sum) in m2.chunks_exact_mut(m).zip(sums) {
            m2.iter_mut().zip(&eta0).for_each(|(slot, eta0)| *slot -= eta0 * sum);
        }
        let mut by_logit = solve_columns(&logit.hessian, &m2, m, k);
        for own in &mut by_logit {
            *own /= s0;
        }
        let mut pull = vec![0.0; m];
        for (at, psi) in left.chunks_exact_mut(m).enumerate() {
            let (x, weight, p) = (self.row(at, k), self.weights[at], logit.p[at]);
            pull.fill(0.0);
            for (x, by_logit) in x.iter().zip(by_logit.chunks_exact(m)) {
                pull.iter_mut().zip(by_logit).for_each(|(slot, own)| *slot += x * own);
            }
            if at < n1 {
                let (own, other) = (weight / s1, -weight * (1.0 - p));
                for ((psi, pull), eta1) in psi.iter_mut().zip(&pull).zip(&eta1) {
                    *psi = own * (*psi - eta1) + other * pull;
                }
            } else {
                let by_ols = if with_ols { weight * product(x, by_ols) } else { 0.0 };
                let (own, other) = (odds[at] / s0, weight * p);
                for ((psi, pull), eta0) in psi.iter_mut().zip(&pull).zip(&eta0) {
                    *psi = other * pull - by_ols * *psi - own * (*psi - eta0);
                }
            }
        }
        let values = eta1.iter().zip(&eta0).map(|(one, other)| one - other).collect();
        Estimates { values, psi: left, trimmed: *trimmed }
    }
}

/// Adds `scale x y'`.
fn add_product(sums: &mut [f64], x: &[f64], scale: f64, y: &[f64]) {
    for (x, sums) in x.iter().zip(sums.chunks_exact_mut(y.len())) {
        let x = scale * x;
        sums.iter_mut().zip(y).for_each(|(sum, y)| *sum += x * y);
    }
}

/// Solves for each of `m` columns of a matrix of shape `(k, m)`.
fn solve_columns(triangle: &Triangle, right: &[f64], m: usize, k: usize) -> Vec<f64> {
    let mut solved = vec![0.0; k * m];
    for column in 0..m {
        let own: Vec<f64> = (0..k).map(|row| right[row * m + column]).collect();
        for (row, value) in triangle.solve(&own).into_iter().enumerate() {
            solved[row * m + column] = value;
        }
    }
    solved
}
