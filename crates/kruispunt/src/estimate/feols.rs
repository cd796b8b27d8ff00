//! Linear regression with effects swept out.

use super::absorption::{Swept, go_on, stage, sweep};
use super::assemble::{Found, Origin};
use super::design::Regressor;
use super::drawn::Drawn;
use super::formula::Formula;
use super::iv::{self, Instrumental};
use super::least_squares::{Solved, measure, solve};
use super::request::{NotFinite, Request, Singletons, options};
use super::{EstimateError, Vcov};
use crate::data::{Convergence, Count, Factor, Fit, Ssc, Step, Table, Ticket, effect_parameters};
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
/// With instruments (`y ~ x | f | d ~ z`) it is two-stage least squares: x is [`Fit::names`] before
/// d, the first stages are [`Fit::first_stage`] and tests of the instruments [`Fit::iv_tests`].
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`vcov`](Self::vcov) | covariance of the coefficients | iid |
/// | [`weights`](Self::weights) | column of analytic weights, all above 0 | none |
/// | [`ssc`](Self::ssc) | small-sample corrections | those of fixest |
/// | [`singletons`](Self::singletons) | rows alone in a level | dropped |
/// | [`instrumental`](Self::instrumental) | how instruments are used | two-stage least squares |
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
    instrumental: Instrumental,
}

impl FeOls {
    /// A regression by formula; see [`Formula`].
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] and [`EstimateError::NotSupported`], with the place.
    pub fn new(formula: &str) -> Result<Self, EstimateError> {
        Ok(Self::of(Formula::parse(formula)?))
    }

    /// The regressions of a formula that stands for several; see [`Formula::several`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn several(formula: &str) -> Result<Vec<Self>, EstimateError> {
        let all = Formula::several(formula)?;
        Ok(all.into_iter().map(Self::of).collect())
    }

    fn of(formula: Formula) -> Self {
        Self { request: Request::new(formula), instrumental: Instrumental::default() }
    }

    /// How a regression with instruments is estimated.
    pub const fn instrumental(mut self, how: Instrumental) -> Self {
        self.instrumental = how;
        self
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
        stage(ticket, "reading columns")?;
        let (drawn, step) = self.request.sketch("feols", table, factors, ticket)?;
        go_on(ticket)?;
        self.estimate(drawn, step, ticket)
    }

    fn estimate(
        &self,
        mut drawn: Drawn,
        step: Step,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        stage(ticket, "sweeping out effects")?;
        let mut swept_y = drawn.outcome.to_vec();
        if drawn.n_endogenous > 0 {
            drawn.settle();
        }
        let all = 0..drawn.regressors.len();
        let mut swept: Vec<Vec<f64>> = all.into_par_iter().map(|at| drawn.column(at)).collect();
        let mut columns: Vec<&mut [f64]> = std::iter::once(swept_y.as_mut_slice())
            .chain(swept.iter_mut().map(Vec::as_mut_slice))
            .collect();
        let (tol, weights) = (self.request.collin_tol, drawn.weights.as_deref());
        let Swept { convergence, variation } =
            sweep(&drawn.effects, weights, &mut columns, self.request.stop(), ticket)?;
        let (reference, variation) = match variation.split_first() {
            None => (vec![0.0; swept.len()], None),
            Some((y, x)) => (x.iter().map(|own| measure(own, tol)).collect(), Some(y.about_mean)),
        };
        stage(ticket, "least squares")?;
        if drawn.n_endogenous == 0 {
            let solved = solve(swept, swept_y, weights, &reference, tol);
            let origin = Origin { request: &self.request, drawn, step };
            let found = Found { solved, convergence, variation, ..Found::default() };
            return origin.fit(found, ticket);
        }
        let k = drawn.n_exogenous();
        let (exogenous, rest) = swept.split_at(k);
        let (endogenous, instruments) = rest.split_at(drawn.n_endogenous);
        let columns = iv::Swept {
            outcome: swept_y,
            exogenous,
            endogenous,
            instruments,
            reference: &reference,
        };
        let effects = effect_parameters(drawn.effects.iter().map(|own| (own, true)));
        let stages = iv::two_stages(&columns, weights, tol, (self.instrumental, effects))?;
        let (first_stage, instruments) =
            self.first_stages(&drawn, stages.first, convergence, ticket)?;
        let weakest = self.weakest(&first_stage, stages.weakest, ticket)?;
        drawn.regressors.truncate(k + drawn.n_endogenous);
        let origin = Origin { request: &self.request, drawn, step };
        let solved = stages.second;
        let found = Found {
            solved,
            convergence,
            variation,
            instrumental: self.instrumental,
            first_stage,
            instruments,
            weakest,
            ..Found::default()
        };
        origin.fit(found, ticket)
    }

    /// The weakest combination of endogenous variables as first stages of its own; the second has
    /// the residuals under the null hypothesis and no small-sample corrections.
    fn weakest(
        &self,
        first: &[Fit],
        found: iv::Weakest,
        ticket: &Ticket,
    ) -> Result<Vec<Fit>, EstimateError> {
        let Some((own, sample)) = first.first().and_then(|own| Some((own, own.sample()?))) else {
            return Ok(Vec::new());
        };
        let with = |residuals: Vec<f64>, ssc: Ssc| {
            let mut fit = own.clone();
            let mut sample = sample.clone();
            sample.residuals = residuals;
            fit.coef.clone_from(&found.coef);
            (fit.sample, fit.ssc) = (Some(Arc::new(sample)), ssc);
            fit.vcov_heard(&self.request.vcov, &Table::default(), ticket)
        };
        let plain = Ssc::default().without_k().without_g();
        Ok(vec![with(found.residuals, self.request.ssc)?, with(found.under_null, plain)?])
    }

    /// The first stages as fits, and the names of the instruments that stay.
    fn first_stages(
        &self,
        drawn: &Drawn,
        solved: Vec<Solved>,
        convergence: Convergence,
        ticket: &Ticket,
    ) -> Result<(Vec<Fit>, Vec<String>), EstimateError> {
        let (k, m) = (drawn.n_exogenous(), drawn.n_endogenous);
        let regressors: Vec<Regressor> =
            drawn.regressors[..k].iter().chain(&drawn.regressors[k + m..]).cloned().collect();
        let stays = |at: &usize| (*at >= k).then(|| regressors[*at].name.clone());
        let instruments: Vec<String> =
            solved.first().map_or_else(Vec::new, |own| own.kept.iter().filter_map(stays).collect());
        let mut fits = Vec::with_capacity(m);
        for (at, solved) in solved.into_iter().enumerate() {
            let own = &drawn.regressors[k + at];
            let data = Drawn {
                outcome: own.values.clone(),
                regressors: regressors.clone(),
                n_endogenous: 0,
                n_instruments: 0,
                ..drawn.clone()
            };
            let count = Count::rows(drawn.rows.len());
            let step = Step::new("feols", format!("first stage of {}", own.name), count, count);
            let origin = Origin { request: &self.request, drawn: data, step };
            let found = Found { solved, convergence, ..Found::default() };
            let mut fit = origin.fit(found, ticket)?;
            fit.outcome.clone_from(&own.name);
            fits.push(fit);
        }
        Ok((fits, instruments))
    }
}
