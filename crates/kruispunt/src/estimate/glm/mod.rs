//! Generalised linear models with effects swept out.

mod family;
mod irls;
pub(super) mod leave;
mod levels;
mod separation;
mod start;
mod step;

use super::absorption::{go_on, stage};
use super::assemble::{Found, Origin};
use super::design::Regressor;
use super::drawn::{Drawn, term_of};
use super::formula::Formula;
use super::request::{NotFinite, Request, Singletons, options};
use super::{EstimateError, Vcov};
use crate::data::{
    Convergence, Count, Dispersion, Factor, Fit, Likelihood, Ssc, Step, Table, Ticket, Working,
};
use crate::math::crossprod::{sum_rows, sums_of_rows};
pub use family::Family;
use family::tabled_all;
use irls::Problem;

/// How separated observations are found and left out.
///
/// By default levels of effects and, for Poisson, the rectifier where the steps of the estimation
/// do not show that it would find nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Separation {
    pub(super) effects: bool,
    pub(super) rectifier: bool,
    pub(super) simplex: bool,
}

impl Default for Separation {
    fn default() -> Self {
        Self::keep().effects().rectifier()
    }
}

impl Separation {
    /// They stay; the estimates of some coefficients may then be infinite.
    pub const fn keep() -> Self {
        Self { effects: false, rectifier: false, simplex: false }
    }

    /// Levels of an effect where the outcome is always at its bound.
    pub const fn effects(self) -> Self {
        Self { effects: true, ..self }
    }

    /// The iterative rectifier (of [`Family::Poisson`]): projections that end in a combination of
    /// regressors and effects that separates, if there is one (Correia, Guimaraes & Zylkin 2019).
    pub const fn rectifier(self) -> Self {
        Self { rectifier: true, ..self }
    }

    /// A linear programme over the combinations of regressors that the effects span where the
    /// outcome is above 0 (of [`Family::Poisson`]), solved by the simplex method. With two effects
    /// or more it may miss what only the rectifier finds.
    pub const fn simplex(self) -> Self {
        Self { simplex: true, ..self }
    }
}

/// A generalised linear model with any number of effects swept out.
///
/// Maximises the likelihood of
///
/// ```text
/// g(E y_i) = x_i'beta + offset_i + sum over f of alpha_f(i)
/// ```
///
/// by iterated weighted least squares, the effects swept out at each step from what the step
/// before left (Correia, Guimaraes & Zylkin 2020) and every level of the largest effect fitted once
/// more by itself. It ends when the deviance changes by less than `tol` of itself *and* the linear
/// predictor by less than 1e-7, so that coefficients are exact to about ten digits; pyfixest looks
/// at the deviance alone. Standard errors use the information of
/// the last step; the normal distribution stands in for t. `Gaussian` estimates the error variance
/// and uses t, as fixest does.
///
/// Observations that can be fitted perfectly at infinity are *separated*: they carry no information
/// on the other coefficients and are left out, with a line in the account.
///
/// # References
///
/// - Correia, S., Guimaraes, P. & Zylkin, T. (2020). Fast Poisson estimation with high-dimensional
///   fixed effects. *Stata Journal* 20(1), 95-115.
/// - Correia, S., Guimaraes, P. & Zylkin, T. (2019). Verifying the existence of maximum likelihood
///   estimates for generalized linear models. arXiv:1903.01633.
/// - Gourieroux, C., Monfort, A. & Trognon, A. (1984). Pseudo maximum likelihood methods:
///   applications to Poisson models. *Econometrica* 52(3), 701-720.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::FeGlm;
/// let panel = Table::new([
///     ("person", Column::int(vec![7, 7, 9, 9, 4, 4])),
///     ("trained", Column::int(vec![0, 1, 0, 1, 0, 1])),
///     ("days", Column::int(vec![10, 20, 30, 60, 5, 10])),
/// ])?;
/// let fit = FeGlm::poisson("days ~ trained | person")?.fit(&panel)?;
/// assert!((fit.coef()[0] - 2.0_f64.ln()).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FeGlm {
    request: Request,
    family: Family,
    separation: Separation,
    iwls_tol: f64,
    iwls_max_iter: usize,
}

impl FeGlm {
    /// A model by formula and family; see [`Formula`].
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] and [`EstimateError::NotSupported`], with the place.
    pub fn new(formula: &str, family: Family) -> Result<Self, EstimateError> {
        Self::of(Formula::parse(formula)?, family)
    }

    /// Poisson pseudo maximum likelihood.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn poisson(formula: &str) -> Result<Self, EstimateError> {
        Self::new(formula, Family::Poisson)
    }

    /// The models of a formula that stands for several; see [`Formula::several`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn several(formula: &str, family: Family) -> Result<Vec<Self>, EstimateError> {
        Formula::several(formula)?.into_iter().map(|own| Self::of(own, family)).collect()
    }

    fn of(formula: Formula, family: Family) -> Result<Self, EstimateError> {
        let request = Request::new(formula);
        request.refuse_instruments()?;
        Ok(Self {
            request,
            family,
            separation: Separation::default(),
            iwls_tol: 1e-8,
            iwls_max_iter: 100,
        })
    }

    options!();

    /// A column that is added to the linear predictor with coefficient 1.
    pub fn offset(mut self, column: impl Into<String>) -> Self {
        self.request.offset = Some(column.into());
        self
    }

    /// Which separated observations are left out.
    pub const fn separation(mut self, separation: Separation) -> Self {
        self.separation = separation;
        self
    }

    /// Largest relative change of the deviance in the last step.
    pub const fn iwls_tol(mut self, tol: f64) -> Self {
        self.iwls_tol = tol;
        self
    }

    /// Weighted regressions at most.
    pub const fn iwls_max_iter(mut self, steps: usize) -> Self {
        self.iwls_max_iter = steps;
        self
    }

    /// Largest group mean left by a sweep, in standard deviations of the column.
    pub const fn tol(mut self, tol: f64) -> Self {
        self.request.tol = tol;
        self
    }

    /// Fits the model to a table.
    ///
    /// # Errors
    ///
    /// As [`FeOls::fit`](super::FeOls::fit), and [`EstimateError::BadOutcome`],
    /// [`EstimateError::Diverged`].
    pub fn fit(&self, table: &Table) -> Result<Fit, EstimateError> {
        self.fit_with(table, &[], &Ticket::new())
    }

    /// As [`fit`](Self::fit), with classifications that stand ready beside the table and a ticket.
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
        if !(self.iwls_tol > 0.0 && self.iwls_tol < 1.0) || self.iwls_max_iter == 0 {
            return Err(EstimateError::BadArgument {
                argument: "iwls_tol",
                expected: "a number between 0 and 1, and at least one step",
                got: self.iwls_tol.to_string(),
            });
        }
        stage(ticket, "reading columns")?;
        let verb = if self.family == Family::Poisson { "fepois" } else { "feglm" };
        let (mut drawn, step) = self.request.sketch(verb, table, factors, ticket)?;
        if let Some(at) = drawn.outcome.iter().position(|&y| !self.family.allows(y)) {
            return Err(EstimateError::BadOutcome {
                outcome: self.request.formula.outcome().to_owned(),
                row: drawn.rows[at] as usize,
                expected: self.family.expects(),
            });
        }
        let step = self.leave_out_separated(&mut drawn, step, ticket)?;
        go_on(ticket)?;
        self.estimate(drawn, step, ticket)
    }

    fn leave_out_separated(
        &self,
        drawn: &mut Drawn,
        mut step: Step,
        ticket: &Ticket,
    ) -> Result<Step, EstimateError> {
        if self.family == Family::Gaussian {
            return Ok(step);
        }
        stage(ticket, "looking for separation")?;
        let go = |drawn: &mut Drawn, step: Step, stay: &[bool], reason: &str| {
            let before = drawn.rows.len();
            drawn.keep(stay);
            step.exclude(reason, Count::rows(before - drawn.rows.len()))
        };
        if self.separation.effects {
            while let Some(stay) =
                separation::by_effect(self.family, &drawn.outcome, &drawn.effects)
            {
                let reason =
                    "separated: the outcome is always at its bound in a level of an effect";
                step = go(drawn, step, &stay, reason);
                let Some(stay) = drawn.alone(self.request.singletons) else { break };
                let reason = "alone in a level of an effect (singleton) once others are left out";
                step = go(drawn, step, &stay, reason);
            }
        }
        if self.separation.simplex && self.family == Family::Poisson {
            drawn.settle();
            while let Some(stay) = separation::by_simplex(drawn, ticket)? {
                let reason = "separated: fitted perfectly at infinity (by the simplex method)";
                step = go(drawn, step, &stay, reason);
            }
        }
        self.some_left(drawn)?;
        step.after = Count::rows(drawn.rows.len());
        Ok(step)
    }

    const fn looks_for_separation(&self) -> bool {
        self.separation.rectifier && matches!(self.family, Family::Poisson)
    }

    /// Leaves out what the rectifier finds.
    fn look_for_separation(
        &self,
        drawn: &mut Drawn,
        mut step: Step,
        ticket: &Ticket,
    ) -> Result<Step, EstimateError> {
        stage(ticket, "looking for separation")?;
        drawn.settle();
        while let Some(stay) = separation::by_rectifier(drawn, ticket)? {
            let before = drawn.rows.len();
            drawn.keep(&stay);
            let left = Count::rows(before - drawn.rows.len());
            step = step.exclude("separated: fitted perfectly at infinity", left);
        }
        self.some_left(drawn)?;
        step.after = Count::rows(drawn.rows.len());
        Ok(step)
    }

    /// Refuses a sample without rows, or whose outcome is always at its bound.
    fn some_left(&self, drawn: &Drawn) -> Result<(), EstimateError> {
        let Some(&first) = drawn.outcome.first() else {
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters: drawn.regressors.len() });
        };
        let bound = first == 0.0 || (self.family.is_binary() && first == 1.0);
        if self.family != Family::Gaussian && bound && drawn.outcome.iter().all(|&y| y == first) {
            return Err(EstimateError::BadOutcome {
                outcome: self.request.formula.outcome().to_owned(),
                row: drawn.rows.first().map_or(0, |&row| row as usize),
                expected: "an outcome that varies among the observations that are not separated",
            });
        }
        Ok(())
    }

    fn estimate(
        &self,
        mut drawn: Drawn,
        mut step: Step,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        let looks = self.looks_for_separation();
        let mut found = self.solve(&drawn, looks, ticket);
        // Where the steps do not rule separation out, it is looked for.
        if looks && !found.as_ref().is_ok_and(|own| own.certified) {
            if matches!(found, Err(EstimateError::Cancelled)) {
                go_on(ticket)?;
            }
            step = self.look_for_separation(&mut drawn, step, ticket)?;
            found = self.solve(&drawn, false, ticket);
        }
        let found = found?;
        let likelihood = self.likelihood(&drawn, &found);
        let (mut residuals, mut solved) = (found.mean, found.solved);
        residuals.iter_mut().zip(drawn.outcome.iter()).for_each(|(own, y)| *own = y - *own);
        let working = Working {
            weights: found.working_weights,
            residuals: std::mem::replace(&mut solved.residuals, residuals),
            link: found.link,
            offset: drawn.offset.clone(),
        };
        (solved.kept, solved.dropped) = (found.kept, found.dropped);
        let dispersion =
            if self.family == Family::Gaussian { Dispersion::Estimated } else { Dispersion::One };
        let origin = Origin { request: &self.request, drawn, step };
        let convergence =
            Convergence { iterations: found.sweep.iterations, left: found.sweep.left };
        let found = Found {
            solved,
            convergence,
            working: Some(working),
            dispersion,
            likelihood: Some(likelihood),
            room: found.room,
            ..Found::default()
        };
        origin.fit(found, ticket)
    }

    fn solve(
        &self,
        drawn: &Drawn,
        certify: bool,
        ticket: &Ticket,
    ) -> Result<irls::Found, EstimateError> {
        let problem = Problem {
            family: self.family,
            outcome: &drawn.outcome,
            regressors: (0..drawn.regressors.len()).map(|at| drawn.column(at)).collect(),
            weights: drawn.weights.as_deref(),
            offset: drawn.offset.as_deref(),
            effects: &drawn.effects,
            collin_tol: self.request.collin_tol,
            stop: self.request.stop(),
            tol: self.iwls_tol,
            max_iter: self.iwls_max_iter,
            start: None,
            certify,
        };
        let term = |own: &Regressor| term_of(&own.name).to_owned();
        problem.solve(ticket).map_err(|error| match error {
            EstimateError::AllCollinear { .. } => {
                EstimateError::AllCollinear { names: drawn.regressors.iter().map(term).collect() }
            }
            other => other,
        })
    }

    fn likelihood(&self, drawn: &Drawn, found: &irls::Found) -> Likelihood {
        let y: &[f64] = &drawn.outcome;
        let n = y.len();
        let weight = |row: usize| drawn.weights.as_ref().map_or(1.0, |weights| weights[row]);
        // of Poisson what a mean as large as the outcome gives, and the factorials
        let poisson = tabled_all(|y| {
            let factorial = libm::lgamma(y + 1.0);
            let log = if y > 0.0 { y * libm::log(y) } else { 0.0 };
            [log - y - factorial, factorial]
        });
        let counts = self.family == Family::Poisson;
        let [mass, total, perfect, factorials] = sums_of_rows(n, |row| {
            let (y, weight) = (y[row], weight(row));
            let [perfect, factorial] = if counts { poisson(y) } else { [0.0; 2] };
            [weight, weight * y, weight * perfect, weight * factorial]
        });
        let average = total / mass;
        let (log_likelihood, null) = match self.family {
            Family::Gaussian => {
                let value = |mean: &(dyn Fn(usize) -> f64 + Sync)| {
                    let gap = |row: usize| (y[row] - mean(row)).powi(2);
                    let spread = sum_rows(n, |row| weight(row) * gap(row)) / mass;
                    -0.5 * mass * (libm::log(2.0 * std::f64::consts::PI * spread) + 1.0)
                };
                (value(&|row| found.mean[row]), value(&|_| average))
            }
            Family::Poisson => {
                (perfect - 0.5 * found.deviance, total * (libm::log(average) - 1.0) - factorials)
            }
            _ => {
                let one = self.family.deviance(1.0, average);
                let zero = self.family.deviance(0.0, average);
                (-0.5 * found.deviance, -0.5 * (total * one + (mass - total) * zero))
            }
        };
        Likelihood {
            family: self.family.name().to_owned(),
            deviance: found.deviance,
            log_likelihood,
            null_log_likelihood: null,
            pseudo_r2: 1.0 - log_likelihood / null,
            iterations: found.iterations,
        }
    }
}
