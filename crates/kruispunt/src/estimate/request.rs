//! What every regression is asked for, whatever its model.

use super::formula::Formula;
use super::{EstimateError, Vcov};
use crate::data::Ssc;
use crate::math::absorb::Stop;

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

/// What happens to numbers that are not finite (a null is missing, and left out in any case).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NotFinite {
    /// They are an error, with the row.
    #[default]
    Refuse,
    /// Their rows are left out and counted, as fixest and pyfixest do.
    LeaveOut,
}

/// Formula, sample, covariance and tolerances of a regression.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) formula: Formula,
    pub(super) vcov: Vcov,
    pub(super) weights: Option<String>,
    /// Whether weights count observations.
    pub(super) counted: bool,
    /// Whether weights are one over the probability to be in the sample.
    pub(super) sampled: bool,
    pub(super) not_finite: NotFinite,
    pub(super) ssc: Ssc,
    pub(super) singletons: Singletons,
    pub(super) collin_tol: f64,
    pub(super) tol: f64,
    pub(super) max_iter: usize,
    /// Added to the linear predictor with coefficient 1.
    pub(super) offset: Option<String>,
    pub(super) panel_id: Option<(String, String)>,
    /// A column, and the one level of it that stays.
    pub(super) only: Option<(String, String)>,
    /// Whether there is no intercept, and classifications lack a level all the same.
    pub(super) drop_intercept: bool,
}

impl Request {
    pub(super) fn new(formula: Formula) -> Self {
        Self {
            formula,
            vcov: Vcov::default(),
            weights: None,
            counted: false,
            sampled: false,
            not_finite: NotFinite::default(),
            ssc: Ssc::default(),
            singletons: Singletons::default(),
            collin_tol: 1e-9,
            tol: 1e-10,
            max_iter: 10_000,
            offset: None,
            panel_id: None,
            only: None,
            drop_intercept: false,
        }
    }

    /// The columns of the data: formula, weights and clusters.
    pub(super) fn columns(&self) -> Vec<String> {
        let mut names = self.formula.columns();
        let mut more: Vec<String> = self.weights.iter().cloned().collect();
        more.extend(self.offset.clone());
        more.extend(self.vcov.variables());
        more.extend(self.vcov.coordinates());
        if let Some((person, period)) = self.panel_id.clone() {
            more.extend([person, period]);
        }
        more.extend(self.only.iter().map(|(column, _)| column.clone()));
        for name in more {
            let crossed = self.formula.effects().contains(&name);
            if !names.contains(&name) && !crossed {
                names.push(name);
            }
        }
        names
    }

    /// For models without instruments.
    pub(super) fn refuse_instruments(&self) -> Result<(), EstimateError> {
        if self.formula.endogenous().is_empty() {
            return Ok(());
        }
        let formula = self.formula.text().to_owned();
        let bar = formula.chars().rev().position(|c| c == '|').unwrap_or_default();
        let column = formula.chars().count() - bar;
        let what = "instruments (endogenous ~ instruments)";
        Err(EstimateError::NotSupported { what, formula, column, width: bar })
    }

    /// For models without slopes by level.
    pub(super) fn refuse_slopes(&self) -> Result<(), EstimateError> {
        if !self.formula.has_slopes() {
            return Ok(());
        }
        Err(EstimateError::BadArgument {
            argument: "fml",
            expected: "effects without slopes by level in this model",
            got: self.formula.effects().join(" + "),
        })
    }

    pub(super) const fn stop(&self) -> Stop {
        Stop { tol: self.tol, max_iter: self.max_iter }
    }

    pub(super) fn check(&self) -> Result<(), EstimateError> {
        let bad = |argument, expected, got: f64| {
            Err(EstimateError::BadArgument { argument, expected, got: got.to_string() })
        };
        if self.sampled && self.vcov == Vcov::Iid {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "HC1, clusters or another robust covariance with sampling weights",
                got: "iid".to_owned(),
            });
        }
        if !(self.tol > 0.0 && self.tol < 1.0) {
            return bad("tol", "a number between 0 and 1", self.tol);
        }
        if !(self.collin_tol >= 0.0 && self.collin_tol < 1.0) {
            return bad("collin_tol", "a number from 0 to below 1", self.collin_tol);
        }
        Ok(())
    }
}

/// The options that every model has, as methods of its builder.
macro_rules! options {
    () => {
        /// The covariance of the coefficients.
        pub fn vcov(mut self, vcov: Vcov) -> Self {
            self.request.vcov = vcov;
            self
        }

        /// The column of analytic weights.
        pub fn weights(mut self, column: impl Into<String>) -> Self {
            self.request.weights = Some(column.into());
            self.request.counted = false;
            self
        }

        /// The column of frequency weights, whole numbers: each row stands for so many equal
        /// ones, and all numbers are those of the table with so many rows.
        pub fn frequencies(mut self, column: impl Into<String>) -> Self {
            self.request.weights = Some(column.into());
            self.request.counted = true;
            self
        }

        /// The column of sampling weights, one over the probability to be in the sample. Errors
        /// are then robust: HC1 unless others are asked for; `Vcov::Iid` is refused.
        pub fn sampling(mut self, column: impl Into<String>) -> Self {
            self.request.weights = Some(column.into());
            (self.request.counted, self.request.sampled) = (false, true);
            if self.request.vcov == Vcov::Iid {
                self.request.vcov = Vcov::Hc1;
            }
            self
        }

        /// What happens to rows with NaN or an infinite number.
        pub const fn not_finite(mut self, what: NotFinite) -> Self {
            self.request.not_finite = what;
            self
        }

        /// Small-sample corrections.
        pub const fn ssc(mut self, ssc: Ssc) -> Self {
            self.request.ssc = ssc;
            self
        }

        /// Rows alone in a level of an effect.
        pub const fn singletons(mut self, singletons: Singletons) -> Self {
            self.request.singletons = singletons;
            self
        }

        /// Share of its own sum of squares a regressor must keep beside the others.
        pub const fn collin_tol(mut self, tol: f64) -> Self {
            self.request.collin_tol = tol;
            self
        }

        /// Steps of the solver at most.
        pub const fn max_iter(mut self, steps: usize) -> Self {
            self.request.max_iter = steps;
            self
        }

        /// The columns of person and period, for `l()`, `f()` and `d()`.
        pub fn panel_id(mut self, person: impl Into<String>, period: impl Into<String>) -> Self {
            self.request.panel_id = Some((person.into(), period.into()));
            self
        }

        /// Leaves the intercept out after classifications were coded beside it: unlike `0 + ...`
        /// they lack their first level, as they do where effects stand in its place.
        pub const fn drop_intercept(mut self) -> Self {
            self.request.drop_intercept = true;
            self
        }

        /// Only the rows where `column` has the level with this label; see
        /// [`split_levels`](crate::estimate::split_levels).
        pub fn subsample(mut self, column: impl Into<String>, level: impl Into<String>) -> Self {
            self.request.only = Some((column.into(), level.into()));
            self
        }

        /// The columns of the data this regression needs: formula, weights and clusters.
        #[must_use]
        pub fn columns(&self) -> Vec<String> {
            self.request.columns()
        }
    };
}
pub(super) use options;
