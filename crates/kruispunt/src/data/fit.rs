//! What an estimator found.

use super::{Account, Buffer, Column, Factor, Vcov};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which effects count as parameters in small-sample corrections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CountedEffects {
    /// None.
    None,
    /// Those not nested in a cluster variable.
    #[default]
    NonNested,
    /// All.
    Full,
}

/// Which number of clusters corrects several-way clustering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ClusterDf {
    /// Each summand its own.
    Conventional,
    /// The smallest for all.
    #[default]
    Min,
}

/// Small-sample corrections of a covariance matrix.
///
/// ```text
/// V = (N - 1)/(N - K) x G/(G - 1) x bread meat bread
/// ```
///
/// with K counting coefficients and effects as [`CountedEffects`] says. The defaults are those of
/// fixest and pyfixest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Ssc {
    pub(crate) k_adjust: bool,
    pub(crate) effects: CountedEffects,
    pub(crate) g_adjust: bool,
    pub(crate) g_df: ClusterDf,
}

impl Default for Ssc {
    fn default() -> Self {
        Self {
            k_adjust: true,
            effects: CountedEffects::default(),
            g_adjust: true,
            g_df: ClusterDf::default(),
        }
    }
}

impl Ssc {
    /// Without the correction (N - 1)/(N - K).
    pub const fn without_k(mut self) -> Self {
        self.k_adjust = false;
        self
    }

    /// Without the correction G/(G - 1).
    pub const fn without_g(mut self) -> Self {
        self.g_adjust = false;
        self
    }

    /// Which effects count as parameters.
    pub const fn effects(mut self, counted: CountedEffects) -> Self {
        self.effects = counted;
        self
    }

    /// Which number of clusters corrects several-way clustering.
    pub const fn cluster_df(mut self, df: ClusterDf) -> Self {
        self.g_df = df;
        self
    }
}

/// A set of effects and its number of levels in the sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectCount {
    /// The effect, as in the formula.
    pub name: String,
    /// Levels in the sample.
    pub levels: usize,
}

/// A cluster variable and its number of clusters in the sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterCount {
    /// The variable.
    pub name: String,
    /// Clusters in the sample.
    pub clusters: usize,
}

/// The certificate of the solver.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Convergence {
    /// Steps taken; 0 where the answer is exact.
    pub iterations: usize,
    /// Largest group mean left in any swept column, in standard deviations of that column.
    pub left: f64,
}

/// How well the model describes the sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goodness {
    /// Share of the variance explained, effects included.
    pub r2: f64,
    /// The same, adjusted for the number of parameters.
    pub adj_r2: f64,
    /// Share of the variance within effects explained; NaN without effects.
    pub within_r2: f64,
    /// The same, adjusted; NaN without effects.
    pub adj_within_r2: f64,
    /// Root of the mean squared residual.
    pub rmse: f64,
}

/// One set of effects, row by row of the sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleEffect {
    pub(crate) name: String,
    pub(crate) factor: Factor,
    /// The level's values, one row a level, one column a part of `f^g`.
    pub(crate) levels: Vec<Column>,
    /// Whether levels have a constant; without, they have slopes alone.
    pub(crate) constant: bool,
    /// What slopes that differ between levels are called, and their values, row by row.
    pub(crate) slope_names: Vec<String>,
    pub(crate) slopes: Vec<Vec<f64>>,
}

impl SampleEffect {
    /// An effect without slopes.
    pub(crate) fn plain(name: String, factor: Factor, levels: Vec<Column>) -> Self {
        let none = Vec::new();
        Self { name, factor, levels, constant: true, slope_names: Vec::new(), slopes: none }
    }

    /// The same on some of the rows.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let (codes, mut place) = (self.factor.codes(), vec![u32::MAX; self.factor.n_levels()]);
        for &at in rows {
            place[codes[at as usize] as usize] = 0;
        }
        let mut alive: Vec<u32> = Vec::new();
        for (level, place) in place.iter_mut().enumerate().filter(|(_, place)| **place == 0) {
            *place = alive.len() as u32;
            alive.push(level as u32);
        }
        let kept = rows.iter().map(|&at| place[codes[at as usize] as usize]).collect();
        let pick = |values: &Vec<f64>| rows.iter().map(|&at| values[at as usize]).collect();
        Self {
            name: self.name.clone(),
            factor: Factor::coded(kept, alive.len()),
            levels: self.levels.iter().map(|column| column.take(&alive)).collect(),
            constant: self.constant,
            slope_names: self.slope_names.clone(),
            slopes: self.slopes.iter().map(pick).collect(),
        }
    }

    /// What a level has: a constant, slopes.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.constant) + self.slopes.len()
    }

    /// What it is called in tables: `person`, or `person[[age]]` for a slope.
    pub(crate) fn labels(&self) -> Vec<String> {
        let constant = self.constant.then(|| self.name.clone());
        let slope = |own: &String| format!("{}[[{own}]]", self.name);
        constant.into_iter().chain(self.slope_names.iter().map(slope)).collect()
    }
}

/// Parameters of effects, given which of them count: levels, less one for each effect but the
/// first, and slopes, which count in any case (as in fixest).
pub(crate) fn effect_parameters<'e>(
    effects: impl Iterator<Item = (&'e SampleEffect, bool)>,
) -> usize {
    let (mut all, mut constants, mut left_out, mut inside) = (0, 0_usize, 0, 0);
    for (effect, counts) in effects {
        let own = effect.factor.n_levels() * effect.width();
        all += own;
        constants += usize::from(effect.constant);
        if !counts && effect.constant {
            left_out += effect.factor.n_levels();
            inside += 1;
        }
    }
    (all + inside).saturating_sub(constants.saturating_sub(1)).saturating_sub(left_out)
}

/// How a regression with instruments is estimated.
///
/// With M and P the projections off and on exogenous variables and instruments, all estimators
/// solve `X'(I - kappa M)X b = X'(I - kappa M)y`. Standard errors use the bread of the estimator and
/// the scores of `P X`, as in Stata and linearmodels.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Instrumental {
    /// Two-stage least squares, kappa = 1.
    #[default]
    TwoStage,
    /// Limited information maximum likelihood (Anderson & Rubin 1949): kappa is the smallest
    /// root of `|Y'M_X Y - kappa Y'M Y| = 0`, Y the outcome and the endogenous variables.
    LimitedInformation,
    /// The same less `alpha / (N - instruments - exogenous variables - effects)` (Fuller 1977),
    /// which has finite moments; alpha of 1 leaves the least bias.
    Fuller(f64),
}

/// Whether the variance of an error is estimated or follows from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Dispersion {
    #[default]
    Estimated,
    One,
}

/// Weights and residuals of the last of several weighted regressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Working {
    pub(crate) weights: Vec<f64>,
    pub(crate) residuals: Vec<f64>,
    /// The linear predictor, effects and offset included.
    pub(crate) link: Vec<f64>,
    pub(crate) offset: Option<Vec<f64>>,
}

/// How well a model of the likelihood describes the sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// The family, as in pyfixest.
    pub family: String,
    /// Twice the log-likelihood lost against a perfect fit.
    pub deviance: f64,
    /// The log-likelihood.
    pub log_likelihood: f64,
    /// That of one mean for all.
    pub null_log_likelihood: f64,
    /// One minus their ratio, the measure of `McFadden` (1974).
    pub pseudo_r2: f64,
    /// Weighted regressions it took.
    pub iterations: usize,
}

/// The rows a fit rests on, kept for residuals, effects and other covariances.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Rows of the table, counted from 0.
    pub(crate) rows: Vec<u32>,
    pub(crate) outcome: Buffer<f64>,
    pub(crate) residuals: Vec<f64>,
    /// The regressors' part of the prediction.
    pub(crate) linear: Vec<f64>,
    /// Regressors after sweeping, by column.
    pub(crate) regressors: Vec<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) effects: Vec<SampleEffect>,
    pub(crate) clusters: Vec<(String, Factor)>,
    /// Coordinates in degrees, by column.
    pub(crate) places: Vec<(String, Vec<f64>)>,
    /// (X'WX)^-1, row-major.
    pub(crate) bread: Vec<f64>,
    pub(crate) working: Option<Working>,
    pub(crate) dispersion: Dispersion,
    /// Whether the regressors are what first stages fitted.
    pub(crate) instrumented: bool,
    /// How instruments were used.
    pub(crate) instrumental: Instrumental,
    /// Whether weights count observations.
    pub(crate) counted: bool,
}

impl Sample {
    /// Rows of the table, counted from 0.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// What was observed, row by row.
    #[must_use]
    pub fn outcome(&self) -> &[f64] {
        &self.outcome
    }

    /// What the model leaves, row by row.
    #[must_use]
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Regressors with the effects swept out, one column a coefficient.
    #[must_use]
    pub fn regressors(&self) -> &[Vec<f64>] {
        &self.regressors
    }

    /// Weights, row by row.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The inverse of `X'WX` of the swept regressors, row-major.
    #[must_use]
    pub fn bread(&self) -> &[f64] {
        &self.bread
    }

    /// Whether it is plain or weighted least squares: no instruments, no likelihood.
    #[must_use]
    pub const fn is_least_squares(&self) -> bool {
        self.working.is_none() && !self.instrumented
    }

    /// Observations that the rows stand for.
    pub(crate) fn observations(&self) -> f64 {
        match &self.weights {
            Some(weights) if self.counted => weights.iter().sum(),
            _ => self.residuals.len() as f64,
        }
    }
}

/// Variances of a model with random effects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectVariances {
    /// Of the errors.
    pub error: f64,
    /// Of the persons' effects.
    pub effect: f64,
}

/// Coefficients, their covariance, and the sample they rest on.
///
/// Every estimator gives one; its verbs (`tidy`, `confint`, `wald_test`, another `vcov`, ...)
/// stand with [`crate::estimate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    pub(crate) formula: String,
    pub(crate) outcome: String,
    pub(crate) names: Vec<String>,
    pub(crate) coef: Vec<f64>,
    pub(crate) vcov: Vec<f64>,
    pub(crate) vcov_text: String,
    pub(crate) kind: Option<Vcov>,
    pub(crate) ssc: Ssc,
    pub(crate) df: f64,
    /// One number a coefficient, where they differ.
    pub(crate) df_each: Vec<f64>,
    pub(crate) n_obs: usize,
    pub(crate) weights: Option<String>,
    pub(crate) effects: Vec<EffectCount>,
    pub(crate) clusters: Vec<ClusterCount>,
    pub(crate) goodness: Goodness,
    pub(crate) dropped: Vec<String>,
    pub(crate) convergence: Convergence,
    pub(crate) account: Account,
    pub(crate) sample: Option<Arc<Sample>>,
    pub(crate) first_stage: Vec<Self>,
    pub(crate) instruments: Vec<String>,
    /// The combination of endogenous variables that the instruments explain least, as two first
    /// stages: with its own residuals, and with those under the hypothesis that they explain
    /// nothing of it.
    pub(crate) weakest: Vec<Self>,
    /// The column added to the linear predictor.
    pub(crate) offset: Option<String>,
    /// Labels of the levels of classifications among the regressors, by column.
    pub(crate) levels: Vec<(String, Vec<String>)>,
    pub(crate) variances: Option<EffectVariances>,
    /// Whether its rows are means, differences or partly demeaned ones.
    pub(crate) transformed: bool,
    /// Whether its weights are one over the probability to be in the sample.
    pub(crate) sampled: bool,
    pub(crate) likelihood: Option<Likelihood>,
}

impl Fit {
    /// The formula as written.
    #[must_use]
    pub fn formula(&self) -> &str {
        &self.formula
    }

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Names of the coefficients, `k` of them.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Coefficients, shape `(k,)`.
    #[must_use]
    pub fn coef(&self) -> &[f64] {
        &self.coef
    }

    /// Covariance of the coefficients, row-major `(k, k)`.
    #[must_use]
    pub fn vcov_matrix(&self) -> &[f64] {
        &self.vcov
    }

    /// What kind of covariance it is, in words.
    #[must_use]
    pub fn vcov_text(&self) -> &str {
        &self.vcov_text
    }

    /// Standard errors, shape `(k,)`.
    #[must_use]
    pub fn std_errors(&self) -> Vec<f64> {
        let k = self.names.len();
        (0..k).map(|j| self.vcov[j * k + j].sqrt()).collect()
    }

    /// Degrees of freedom of the t distribution.
    #[must_use]
    pub const fn df(&self) -> f64 {
        self.df
    }

    /// Degrees of freedom of each coefficient's t distribution, shape `(k,)`.
    #[must_use]
    pub fn dfs(&self) -> Vec<f64> {
        if self.df_each.is_empty() { vec![self.df; self.names.len()] } else { self.df_each.clone() }
    }

    /// Observations in the sample.
    #[must_use]
    pub const fn n_obs(&self) -> usize {
        self.n_obs
    }

    /// The column of weights, if any.
    #[must_use]
    pub fn weights(&self) -> Option<&str> {
        self.weights.as_deref()
    }

    /// Effects swept out, with their levels.
    #[must_use]
    pub fn effects(&self) -> &[EffectCount] {
        &self.effects
    }

    /// Cluster variables, with their clusters.
    #[must_use]
    pub fn clusters(&self) -> &[ClusterCount] {
        &self.clusters
    }

    /// How well the model describes the sample.
    #[must_use]
    pub const fn goodness(&self) -> &Goodness {
        &self.goodness
    }

    /// Regressors dropped because others, or the effects, determine them.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The certificate of the solver.
    #[must_use]
    pub const fn convergence(&self) -> &Convergence {
        &self.convergence
    }

    /// What happened to the rows.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The rows the fit rests on, unless it was stored without.
    #[must_use]
    pub fn sample(&self) -> Option<&Sample> {
        self.sample.as_deref()
    }

    /// Regressions of the endogenous variables on exogenous variables and instruments, one each;
    /// none without instruments.
    #[must_use]
    pub fn first_stage(&self) -> &[Self] {
        &self.first_stage
    }

    /// Names of the instruments.
    #[must_use]
    pub fn instruments(&self) -> &[String] {
        &self.instruments
    }

    /// Variances of errors and effects, of models with random effects.
    #[must_use]
    pub const fn variances(&self) -> Option<EffectVariances> {
        self.variances
    }

    /// Deviance and likelihood, of models that have them.
    #[must_use]
    pub const fn likelihood(&self) -> Option<&Likelihood> {
        self.likelihood.as_ref()
    }

    /// The fit without its sample: coefficients and covariance stay, and little memory is used.
    #[must_use]
    pub fn lean(mut self) -> Self {
        self.sample = None;
        self.first_stage = self.first_stage.into_iter().map(Self::lean).collect();
        self.weakest = self.weakest.into_iter().map(Self::lean).collect();
        self
    }
}
