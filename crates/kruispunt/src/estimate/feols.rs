//! Linear regression with effects swept out.

use super::EstimateError;
use super::design::{Regressor, design};
use super::formula::{Formula, Function, Number};
use super::sample::{Rows, singletons};
use super::vcov::{Parts, Vcov};
use crate::data::{
    Account, Convergence, Count, EffectCount, Factor, Fit, Goodness, Sample, SampleEffect, Ssc,
    Step, Table, Ticket,
};
use crate::math::absorb::{Absorber, Failure, Groups, Stop};
use crate::math::crossprod::{gram, sum_rows};
use crate::math::linalg::Triangle;
use rayon::prelude::*;
use std::sync::Arc;

/// What happens to rows that are alone in a level of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Singletons {
    /// They are left out, again and again until none remains; they say nothing about the
    /// coefficients and would understate clustered standard errors (Correia 2015).
    #[default]
    Drop,
    /// They stay.
    Keep,
}

/// Linear regression with any number of effects swept out.
///
/// Estimates beta in
///
/// ```text
/// y_i = x_i'beta + sum over f of alpha_f(i) + e_i,      i = 1, ..., n
/// ```
///
/// by removing the effects from y and every column of x and regressing the one on the other
/// (Frisch-Waugh-Lovell). The dialect, the order of coefficients, the treatment of singletons and
/// the small-sample corrections are those of fixest and pyfixest. Where these differ from us: a
/// regressor counts as collinear when what remains of it after the columns before it is below
/// `collin_tol` *of itself* (pyfixest compares with an absolute number, so that units matter); NaN
/// is an error, not a missing value; a several-way covariance is made positive semidefinite, as in
/// fixest.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`vcov`](Self::vcov) | covariance of the coefficients | iid |
/// | [`weights`](Self::weights) | column of analytic weights, all above 0 | none |
/// | [`ssc`](Self::ssc) | small-sample corrections | those of fixest |
/// | [`singletons`](Self::singletons) | rows alone in a level | dropped |
/// | [`collin_tol`](Self::collin_tol) | share of its own sum of squares a regressor must keep | 1e-9 |
/// | [`tol`](Self::tol) | largest group mean left, in standard deviations | 1e-8 |
/// | [`max_iter`](Self::max_iter) | steps of the solver | 10,000 |
///
/// # References
///
/// - Guimaraes, P. & Portugal, P. (2010). A simple feasible procedure to fit models with
///   high-dimensional fixed effects. *Stata Journal* 10(4), 628-649.
/// - Correia, S. (2015). Singletons, cluster-robust standard errors and fixed effects: a bad mix.
///   Working paper, Duke University.
/// - Berge, L. (2018). Efficient estimation of maximum likelihood models with multiple
///   fixed-effects. CREA discussion paper 2018-13.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::{FeOls, Vcov};
/// let panel = Table::new([
///     ("person", Column::int(vec![7, 7, 9, 9, 4, 4])),
///     ("trained", Column::int(vec![0, 1, 0, 1, 0, 0])),
///     ("wage", Column::float(vec![10.0, 12.0, 20.0, 24.0, 15.0, 15.0])),
/// ])?;
/// let fit = FeOls::new("wage ~ trained | person")?.vcov(Vcov::cluster("person")).fit(&panel)?;
/// assert!((fit.coef()[0] - 3.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FeOls {
    formula: Formula,
    vcov: Vcov,
    weights: Option<String>,
    ssc: Ssc,
    singletons: Singletons,
    collin_tol: f64,
    tol: f64,
    max_iter: usize,
}

impl FeOls {
    /// A regression by formula; see [`Formula`].
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] and [`EstimateError::NotSupported`], with the place.
    pub fn new(formula: &str) -> Result<Self, EstimateError> {
        Ok(Self {
            formula: Formula::parse(formula)?,
            vcov: Vcov::default(),
            weights: None,
            ssc: Ssc::default(),
            singletons: Singletons::default(),
            collin_tol: 1e-9,
            tol: 1e-8,
            max_iter: 10_000,
        })
    }

    /// The covariance of the coefficients.
    pub fn vcov(mut self, vcov: Vcov) -> Self {
        self.vcov = vcov;
        self
    }

    /// The column of analytic weights.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// Small-sample corrections.
    pub const fn ssc(mut self, ssc: Ssc) -> Self {
        self.ssc = ssc;
        self
    }

    /// Rows alone in a level of an effect.
    pub const fn singletons(mut self, singletons: Singletons) -> Self {
        self.singletons = singletons;
        self
    }

    /// Share of its own sum of squares a regressor must keep beside the others.
    pub const fn collin_tol(mut self, tol: f64) -> Self {
        self.collin_tol = tol;
        self
    }

    /// Largest group mean left by the sweep, in standard deviations of the column.
    pub const fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// Steps of the solver at most.
    pub const fn max_iter(mut self, steps: usize) -> Self {
        self.max_iter = steps;
        self
    }

    /// The columns of the data this regression needs: formula, weights and clusters.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let mut names = self.formula.columns();
        for name in self.weights.iter().cloned().chain(self.vcov.variables()) {
            let crossed = self.formula.effects().contains(&name);
            if !names.contains(&name) && !crossed {
                names.push(name);
            }
        }
        names
    }

    /// Fits the regression to a table.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Data`] for columns that are missing or of the wrong type,
    /// [`EstimateError::NotFinite`], [`EstimateError::TooLarge`], [`EstimateError::BadWeight`],
    /// [`EstimateError::NoSuchLevel`], [`EstimateError::TooFewRows`],
    /// [`EstimateError::AllCollinear`], [`EstimateError::TooFewClusters`],
    /// [`EstimateError::NotConverged`].
    pub fn fit(&self, table: &Table) -> Result<Fit, EstimateError> {
        self.fit_with(table, &[], &Ticket::new())
    }

    /// As [`fit`](Self::fit), with classifications that stand ready beside the table (a panel's
    /// persons and quarters: dense codes are used as they are) and a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EstimateError::Cancelled`].
    pub fn fit_with(
        &self,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        self.check()?;
        stage(ticket, "reading columns")?;
        let mut rows = Rows::new(table, factors)?;
        let mut step =
            Step::new("feols", self.formula.text(), Count::rows(rows.n_all), Count::default());
        step = self.leave_out_missing(&mut rows, step)?;
        go_on(ticket)?;
        let mut drawn = self.draw(&rows)?;
        go_on(ticket)?;
        step = drawn.leave_out_singletons(&mut rows, self.singletons, step);
        drawn.refuse_large(&self.formula, self.weights.as_deref(), &rows)?;
        if rows.n() == 0 {
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters: drawn.regressors.len() });
        }
        step.after = Count::rows(rows.n());
        drawn.clusters = self.clusters(&rows, &drawn.effects)?;
        go_on(ticket)?;
        self.estimate(drawn, &rows, step, ticket)
    }

    fn check(&self) -> Result<(), EstimateError> {
        let bad = |argument, expected, got: f64| {
            Err(EstimateError::BadArgument { argument, expected, got: got.to_string() })
        };
        if !(self.tol > 0.0 && self.tol < 1.0) {
            return bad("tol", "a number between 0 and 1", self.tol);
        }
        if !(self.collin_tol >= 0.0 && self.collin_tol < 1.0) {
            return bad("collin_tol", "a number from 0 to below 1", self.collin_tol);
        }
        Ok(())
    }

    /// Rows with a missing value, and rows where a function of the formula is not finite.
    fn leave_out_missing(
        &self,
        rows: &mut Rows<'_>,
        mut step: Step,
    ) -> Result<Step, EstimateError> {
        let formula = self.formula.columns();
        for name in formula.iter().chain(&self.weights) {
            let argument = if formula.contains(name) { "fml" } else { "weights" };
            match rows.table.get(name) {
                Some(column) => {
                    let left = rows.drop_nulls(column);
                    step = step.exclude(format!("{name} is missing"), Count::rows(left));
                }
                None if rows.factor(name).is_some() => {}
                None => {
                    rows.table.column(argument, name)?;
                }
            }
        }
        let numbers = self.formula.terms().iter().flatten().filter_map(|factor| match factor {
            super::formula::Factor::Number { number, label } => Some((number, label.as_str())),
            _ => None,
        });
        let outcome = (self.formula.outcome_number(), self.formula.outcome());
        for (number, label) in std::iter::once(outcome).chain(numbers) {
            if may_fail(number) {
                let values = rows.evaluate(number)?;
                let left = rows.retain(|at| values[at].is_finite());
                step = step.exclude(format!("{label} is not a finite number"), Count::rows(left));
            }
        }
        Ok(step)
    }

    fn draw(&self, rows: &Rows<'_>) -> Result<Drawn, EstimateError> {
        let weights = match &self.weights {
            None => None,
            Some(name) => {
                let weights = rows.numbers("weights", name)?;
                if let Some(at) = weights.iter().position(|&weight| weight <= 0.0) {
                    return Err(EstimateError::BadWeight {
                        column: name.clone(),
                        row: rows.row(at),
                    });
                }
                Some(weights)
            }
        };
        let effects = self
            .formula
            .effect_parts()
            .iter()
            .map(|parts| effect(rows, parts))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Drawn {
            outcome: rows.evaluate(self.formula.outcome_number())?,
            regressors: design(&self.formula, rows)?,
            weights,
            effects,
            clusters: Vec::new(),
        })
    }

    fn clusters(
        &self,
        rows: &Rows<'_>,
        effects: &[SampleEffect],
    ) -> Result<Vec<(String, Factor)>, EstimateError> {
        let known = |name: &String| effects.iter().any(|effect| effect.name == *name);
        self.vcov
            .variables()
            .into_iter()
            .filter(|name| !known(name))
            .map(|name| {
                let factor = rows.classify("vcov", &name)?.0;
                Ok((name, factor))
            })
            .collect()
    }

    fn estimate(
        &self,
        drawn: Drawn,
        rows: &Rows<'_>,
        mut step: Step,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        let n = rows.n();
        let Drawn { outcome, regressors, weights, effects, clusters } = drawn;
        let (names, raw): (Vec<String>, Vec<Vec<f64>>) =
            regressors.into_iter().map(|own| (own.name, own.values)).unzip();
        stage(ticket, "sweeping out effects")?;
        let mut swept_y = outcome.clone();
        let mut swept = raw.clone();
        let reference = if effects.is_empty() {
            vec![0.0; names.len()]
        } else {
            raw.par_iter()
                .map(|column| measure(column, weights.as_deref(), self.collin_tol))
                .collect()
        };
        let convergence =
            self.sweep(&effects, weights.as_deref(), &mut swept_y, &mut swept, ticket)?;
        stage(ticket, "least squares")?;
        let solved = solve(swept, &swept_y, weights.as_deref(), &reference, self.collin_tol);
        let dropped: Vec<String> =
            solved.dropped.iter().map(|&column| names[column].clone()).collect();
        if !names.is_empty() && solved.kept.is_empty() {
            let mut names: Vec<String> = names.iter().map(|own| term_of(own).to_owned()).collect();
            names.dedup();
            return Err(EstimateError::AllCollinear { names });
        }
        if !dropped.is_empty() {
            step = step.note(format!("dropped as collinear: {}", dropped.join(", ")));
        }
        let names: Vec<String> = solved.kept.iter().map(|&j| names[j].clone()).collect();
        let kept: Vec<&Vec<f64>> = solved.kept.iter().map(|&j| &raw[j]).collect();
        let linear = combine(&kept, &solved.coef, n);
        let goodness = goodness(&outcome, &swept_y, &solved, weights.as_deref(), &effects);
        let counts = effects
            .iter()
            .map(|effect| EffectCount {
                name: effect.name.clone(),
                levels: effect.factor.n_levels(),
            })
            .collect();
        let sample = Sample {
            rows: (0..n).map(|at| rows.row(at) as u32).collect(),
            outcome,
            residuals: solved.residuals,
            linear,
            regressors: solved.columns,
            weights,
            effects,
            clusters,
            bread: solved.bread,
        };
        stage(ticket, "covariance")?;
        let parts = Parts { sample: &sample, coef: &solved.coef, ssc: self.ssc };
        let covariance = parts.covariance(&self.vcov)?;
        go_on(ticket)?;
        let mut fit = Fit {
            formula: self.formula.text().to_owned(),
            outcome: self.formula.outcome().to_owned(),
            names,
            coef: solved.coef,
            vcov: Vec::new(),
            vcov_text: String::new(),
            ssc: self.ssc,
            df: f64::NAN,
            n_obs: n,
            weights: self.weights.clone(),
            effects: counts,
            clusters: Vec::new(),
            goodness,
            dropped,
            convergence,
            account: Account::new("data").then(step),
            sample: Some(Arc::new(sample)),
        };
        fit.take_covariance(covariance);
        Ok(fit)
    }

    fn sweep(
        &self,
        effects: &[SampleEffect],
        weights: Option<&[f64]>,
        y: &mut [f64],
        x: &mut [Vec<f64>],
        ticket: &Ticket,
    ) -> Result<Convergence, EstimateError> {
        let groups = groups(effects);
        let mut columns: Vec<&mut [f64]> =
            std::iter::once(y).chain(x.iter_mut().map(Vec::as_mut_slice)).collect();
        let stop = Stop { tol: self.tol, max_iter: self.max_iter };
        let outcome = Absorber::new(&groups, weights, ticket)
            .and_then(|mut absorber| absorber.sweep(&mut columns, stop, ticket))
            .map_err(failed)?;
        Ok(Convergence { iterations: outcome.iterations, left: outcome.left })
    }
}

/// Hears a cancelled ticket.
fn go_on(ticket: &Ticket) -> Result<(), EstimateError> {
    if ticket.is_cancelled() { Err(EstimateError::Cancelled) } else { Ok(()) }
}

/// Hears a cancelled ticket and starts the next stage.
fn stage(ticket: &Ticket, name: &'static str) -> Result<(), EstimateError> {
    ticket.stage(name, 0);
    go_on(ticket)
}

pub(super) fn groups(effects: &[SampleEffect]) -> Vec<Groups<'_>> {
    effects
        .iter()
        .map(|effect| Groups { codes: effect.factor.codes(), n: effect.factor.n_levels() })
        .collect()
}

pub(super) const fn failed(failure: Failure) -> EstimateError {
    match failure {
        Failure::Cancelled => EstimateError::Cancelled,
        Failure::NotConverged(outcome) => {
            EstimateError::NotConverged { iterations: outcome.iterations, left: outcome.left }
        }
    }
}

/// The largest value: weighted squares of many still are finite.
const LARGEST: f64 = 1e90;

/// The name of a regressor without its level, which may be the number of a person.
fn term_of(name: &str) -> &str {
    let end = name.find("::").unwrap_or(name.len()).min(name.find('[').unwrap_or(name.len()));
    &name[..end]
}

/// The data of a regression on its sample.
struct Drawn {
    outcome: Vec<f64>,
    regressors: Vec<Regressor>,
    weights: Option<Vec<f64>>,
    effects: Vec<SampleEffect>,
    clusters: Vec<(String, Factor)>,
}

impl Drawn {
    /// Refuses values whose squares, added up, would not be finite.
    fn refuse_large(
        &self,
        formula: &Formula,
        weights: Option<&str>,
        rows: &Rows<'_>,
    ) -> Result<(), EstimateError> {
        let outcome = ("fml", formula.outcome(), &self.outcome);
        let weighed = self.weights.iter().zip(weights).map(|(own, name)| ("weights", name, own));
        let regressors = self.regressors.iter().map(|own| ("fml", term_of(&own.name), &own.values));
        for (argument, column, values) in std::iter::once(outcome).chain(regressors).chain(weighed)
        {
            if let Some(at) = values.iter().position(|value| value.abs() > LARGEST) {
                let column = column.to_owned();
                return Err(EstimateError::TooLarge { argument, column, row: rows.row(at) });
            }
        }
        Ok(())
    }

    fn leave_out_singletons(
        &mut self,
        rows: &mut Rows<'_>,
        singletons_go: Singletons,
        step: Step,
    ) -> Step {
        if singletons_go == Singletons::Keep || self.effects.is_empty() {
            return step;
        }
        let factors: Vec<&Factor> = self.effects.iter().map(|effect| &effect.factor).collect();
        let Some(stay) = singletons(&factors) else { return step };
        let kept: Vec<u32> = (0..stay.len()).filter(|&at| stay[at]).map(|at| at as u32).collect();
        let pick = |values: &mut Vec<f64>| {
            *values = kept.iter().map(|&at| values[at as usize]).collect();
        };
        pick(&mut self.outcome);
        self.regressors.iter_mut().for_each(|own| pick(&mut own.values));
        self.weights.iter_mut().for_each(pick);
        for effect in &mut self.effects {
            let mut lives = vec![false; effect.factor.n_levels()];
            for &at in &kept {
                lives[effect.factor.codes()[at as usize] as usize] = true;
            }
            let alive: Vec<u32> =
                (0..lives.len()).filter(|&level| lives[level]).map(|level| level as u32).collect();
            effect.factor = effect.factor.take(&kept);
            effect.levels = effect.levels.iter().map(|column| column.take(&alive)).collect();
        }
        let left = rows.retain(|at| stay[at]);
        step.exclude("alone in a level of an effect (singleton)", Count::rows(left))
    }
}

/// One effect: a column's levels, or all pairs of levels of several.
fn effect(rows: &Rows<'_>, parts: &[String]) -> Result<SampleEffect, EstimateError> {
    let mut all: Option<(Factor, Vec<crate::data::Column>)> = None;
    for name in parts {
        let (factor, levels) = rows.classify("fml", name)?;
        all = Some(match all {
            None => (factor, levels),
            Some((before, mut columns)) => {
                let crossed = before.cross(&factor);
                let mut first = vec![u32::MAX; crossed.n_levels()];
                for (row, &code) in crossed.codes().iter().enumerate().rev() {
                    first[code as usize] = row as u32;
                }
                let place = |codes: &[u32]| -> Vec<u32> {
                    first.iter().map(|&row| codes[row as usize]).collect()
                };
                for column in &mut columns {
                    *column = column.take(&place(before.codes()));
                }
                columns.extend(levels.iter().map(|column| column.take(&place(factor.codes()))));
                (crossed, columns)
            }
        });
    }
    let (factor, levels) = all.unwrap_or_else(|| (Factor::compact(&[]), Vec::new()));
    Ok(SampleEffect { name: parts.join("^"), factor, levels })
}

/// Whether finite columns can give a number that is not.
fn may_fail(number: &Number) -> bool {
    match number {
        Number::Column(_) | Number::Constant(_) => false,
        Number::Function(Function::Identity | Function::Minus | Function::Abs, inner) => {
            may_fail(inner)
        }
        _ => true,
    }
}

/// What a regressor is measured by: its sum of squares about the mean, but no less than what is
/// left of a constant by rounding.
fn measure(column: &[f64], weights: Option<&[f64]>, tol: f64) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let squares = sum_rows(column.len(), |row| weight(row) * column[row].powi(2));
    total_variation(column, weights).max(squares * (1e-28 / tol.max(1e-12)))
}

/// Sum of squares about the mean.
fn total_variation(column: &[f64], weights: Option<&[f64]>) -> f64 {
    let mass = weights.map_or(column.len() as f64, |weights| weights.iter().sum());
    let spread = crate::math::absorb::spread(column, weights);
    spread * spread * mass
}

struct Solved {
    kept: Vec<usize>,
    dropped: Vec<usize>,
    coef: Vec<f64>,
    bread: Vec<f64>,
    residuals: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

/// Least squares of y on the columns that are not collinear: by cross-products, or by Householder
/// reflections where these would lose more than four digits.
fn solve(
    mut columns: Vec<Vec<f64>>,
    y: &[f64],
    weights: Option<&[f64]>,
    reference: &[f64],
    tol: f64,
) -> Solved {
    let k = columns.len();
    let mut views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    views.push(y);
    let all = gram(&views, weights);
    let g: Vec<f64> = (0..k).flat_map(|i| all[i * (k + 1)..i * (k + 1) + k].to_vec()).collect();
    let mut triangle = Triangle::cholesky(&g, reference, tol);
    let coef;
    if k > 0 && (triangle.weakest < 1e-4 || tol < 1e-13) {
        let root: Option<Vec<f64>> =
            weights.map(|weights| weights.iter().map(|w| w.sqrt()).collect());
        let scaled = |column: &[f64]| match &root {
            None => column.to_vec(),
            Some(root) => column.iter().zip(root).map(|(x, r)| x * r).collect(),
        };
        let work: Vec<Vec<f64>> = columns.iter().map(|column| scaled(column)).collect();
        let (by_columns, qy) = Triangle::householder(&work, &scaled(y), reference, tol);
        coef = by_columns.back(&qy);
        triangle = by_columns;
    } else {
        let right: Vec<f64> = triangle.kept.iter().map(|&j| all[j * (k + 1) + k]).collect();
        coef = triangle.solve(&right);
    }
    let mut at = 0;
    columns.retain(|_| {
        at += 1;
        triangle.kept.contains(&(at - 1))
    });
    let fitted = combine(&columns.iter().collect::<Vec<_>>(), &coef, y.len());
    let residuals = y.iter().zip(fitted).map(|(y, fitted)| y - fitted).collect();
    let bread = triangle.inverse();
    Solved { kept: triangle.kept, dropped: triangle.dropped, coef, bread, residuals, columns }
}

fn combine(columns: &[&Vec<f64>], coef: &[f64], n: usize) -> Vec<f64> {
    let mut total = vec![0.0; n];
    total.par_chunks_mut(8192).enumerate().for_each(|(chunk, total)| {
        let from = chunk * 8192;
        for (column, b) in columns.iter().zip(coef) {
            for (sum, x) in total.iter_mut().zip(&column[from..]) {
                *sum += b * x;
            }
        }
    });
    total
}

fn goodness(
    y: &[f64],
    swept_y: &[f64],
    solved: &Solved,
    weights: Option<&[f64]>,
    effects: &[SampleEffect],
) -> Goodness {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let n = y.len() as f64;
    let left = sum_rows(y.len(), |row| weight(row) * solved.residuals[row].powi(2));
    let all = total_variation(y, weights);
    let k = solved.coef.len() as f64;
    let r2 = 1.0 - left / all;
    let rmse = (left / n).sqrt();
    if effects.is_empty() {
        let adj_r2 = 1.0 - left / all * (n - 1.0) / (n - k);
        return Goodness { r2, adj_r2, within_r2: f64::NAN, adj_within_r2: f64::NAN, rmse };
    }
    let levels: f64 = effects.iter().map(|effect| effect.factor.n_levels() as f64 - 1.0).sum();
    let k_effects = levels + 1.0;
    let within = sum_rows(y.len(), |row| weight(row) * swept_y[row].powi(2));
    let room = n - k - k_effects;
    Goodness {
        r2,
        adj_r2: 1.0 - left / all * (n - 1.0) / room,
        within_r2: 1.0 - left / within,
        adj_within_r2: 1.0 - left / within * (n - k_effects) / room,
        rmse,
    }
}
