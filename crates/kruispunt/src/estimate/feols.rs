//! Linear regression with effects swept out.

use super::absorption::{Swept, go_on, stage, sweep};
use super::drawn::{Drawn, term_of};
use super::formula::Formula;
use super::least_squares::{combine, goodness, measure, solve, total_variation};
use super::request::{Request, Singletons, options};
use super::vcov::Parts;
use super::{EstimateError, Vcov};
use crate::data::{Account, Buffer, EffectCount, Factor, Fit, Sample, Ssc, Step, Table, Ticket};
use rayon::prelude::*;
use std::sync::Arc;

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
/// | [`tol`](Self::tol) | largest group mean left, in standard deviations | 1e-10 |
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
    request: Request,
}

impl FeOls {
    /// A regression by formula; see [`Formula`].
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] and [`EstimateError::NotSupported`], with the place.
    pub fn new(formula: &str) -> Result<Self, EstimateError> {
        Ok(Self { request: Request::new(Formula::parse(formula)?) })
    }

    /// The regressions of a formula that stands for several; see [`Formula::several`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn several(formula: &str) -> Result<Vec<Self>, EstimateError> {
        let all = Formula::several(formula)?;
        Ok(all.into_iter().map(|formula| Self { request: Request::new(formula) }).collect())
    }

    options!();

    /// Largest group mean left by the sweep, in standard deviations of the column.
    pub const fn tol(mut self, tol: f64) -> Self {
        self.request.tol = tol;
        self
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
        self.request.check()?;
        self.request.refuse_instruments()?;
        stage(ticket, "reading columns")?;
        let (drawn, step) = self.request.draw("feols", table, factors, ticket)?;
        go_on(ticket)?;
        self.estimate(drawn, step, ticket)
    }

    fn estimate(
        &self,
        drawn: Drawn,
        mut step: Step,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        let n = drawn.rows.len();
        let Drawn { rows, outcome, regressors, weights, effects, clusters } = drawn;
        let (names, raw): (Vec<String>, Vec<Buffer<f64>>) =
            regressors.into_iter().map(|own| (own.name, own.values)).unzip();
        stage(ticket, "sweeping out effects")?;
        let mut swept_y = outcome.clone();
        let mut swept: Vec<Vec<f64>> = raw.par_iter().map(|own| own.to_vec()).collect();
        let mut columns: Vec<&mut [f64]> = std::iter::once(swept_y.as_mut_slice())
            .chain(swept.iter_mut().map(Vec::as_mut_slice))
            .collect();
        let (tol, weights_of) = (self.request.collin_tol, weights.as_deref());
        let Swept { convergence, variation } =
            sweep(&effects, weights_of, &mut columns, self.request.stop(), ticket)?;
        let (reference, all) = match variation.split_first() {
            None => (vec![0.0; names.len()], total_variation(&outcome, weights_of)),
            Some((y, x)) => (x.iter().map(|own| measure(own, tol)).collect(), y.about_mean),
        };
        stage(ticket, "least squares")?;
        let solved = solve(swept, swept_y, weights_of, &reference, tol);
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
        let kept: Vec<&[f64]> = solved.kept.iter().map(|&j| &raw[j][..]).collect();
        let linear = combine(&kept, &solved.coef, n);
        let goodness = goodness(all, &solved, weights.as_deref(), &effects);
        let counts = effects
            .iter()
            .map(|effect| EffectCount {
                name: effect.name.clone(),
                levels: effect.factor.n_levels(),
            })
            .collect();
        let sample = Sample {
            rows,
            outcome,
            residuals: solved.residuals,
            linear,
            regressors: solved.columns,
            weights,
            effects,
            clusters,
            bread: solved.bread,
            ..Sample::default()
        };
        stage(ticket, "covariance")?;
        let parts = Parts { sample: &sample, coef: &solved.coef, ssc: self.request.ssc, ticket };
        let covariance = parts.covariance(&self.request.vcov)?;
        go_on(ticket)?;
        let mut fit = Fit {
            formula: self.request.formula.text().to_owned(),
            outcome: self.request.formula.outcome().to_owned(),
            names,
            coef: solved.coef,
            vcov: Vec::new(),
            vcov_text: String::new(),
            ssc: self.request.ssc,
            df: f64::NAN,
            n_obs: n,
            weights: self.request.weights.clone(),
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
}
