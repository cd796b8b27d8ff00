//! What was solved, put together to a fit.

use super::EstimateError;
use super::absorption::{go_on, stage};
use super::drawn::{Drawn, term_of};
use super::glm::Family;
use super::least_squares::{Solved, goodness, total_variation};
use super::request::Request;
use super::vcov::{ModelParts, Parts};
use crate::data::{
    Account, Convergence, Dispersion, EffectCount, EffectVariances, Fit, Goodness, Instrumental,
    Likelihood, Sample, SampleEffect, Step, Ticket, Working,
};
use std::sync::Arc;

/// What was asked for, and on which data.
pub(super) struct Origin<'a> {
    pub(super) request: &'a Request,
    pub(super) drawn: Drawn,
    pub(super) step: Step,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Its places count the regressors of the data.
    pub(super) solved: Solved,
    pub(super) convergence: Convergence,
    /// Sum of squares of the outcome about its mean, when it is known.
    pub(super) variation: Option<f64>,
    pub(super) working: Option<Working>,
    pub(super) dispersion: Dispersion,
    pub(super) likelihood: Option<Likelihood>,
    pub(super) first_stage: Vec<Fit>,
    pub(super) instrumental: Instrumental,
    pub(super) instruments: Vec<String>,
    pub(super) weakest: Vec<Fit>,
    pub(super) variances: Option<EffectVariances>,
    /// Whether rows are means, differences or partly demeaned.
    pub(super) transformed: bool,
    /// Memory of a number a row, no longer needed.
    pub(super) room: Vec<f64>,
}

fn counts(effects: &[SampleEffect]) -> Vec<EffectCount> {
    let count = |effect: &SampleEffect| -> Vec<EffectCount> {
        let levels = effect.factor.n_levels();
        effect.labels().into_iter().map(|name| EffectCount { name, levels }).collect()
    };
    effects.iter().flat_map(count).collect()
}

/// Refuses a model of which nothing is left.
fn some_is_left(kept: &[usize], dropped: &[String]) -> Result<(), EstimateError> {
    if !kept.is_empty() || dropped.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = dropped.iter().map(|own| term_of(own).to_owned()).collect();
    names.dedup();
    Err(EstimateError::AllCollinear { names })
}

impl Origin<'_> {
    pub(super) fn fit(self, found: Found, ticket: &Ticket) -> Result<Fit, EstimateError> {
        let Self { request, drawn, mut step } = self;
        let (counted, n) = (request.counted, drawn.rows.len());
        let solved = found.solved;
        let name = |&at: &usize| drawn.regressors[at].name.clone();
        let dropped: Vec<String> = solved.dropped.iter().map(name).collect();
        some_is_left(&solved.kept, &dropped)?;
        if !dropped.is_empty() {
            step = step.note(format!("dropped as collinear: {}", dropped.join(", ")));
        }
        let names: Vec<String> = solved.kept.iter().map(name).collect();
        let linear = drawn.linear(found.room, &solved.kept, &solved.coef);
        let weights = drawn.weights.as_deref();
        let all = found.variation.unwrap_or_else(|| total_variation(&drawn.outcome, weights));
        let observations = weights.filter(|_| counted).map_or(n as f64, |own| own.iter().sum());
        let mut goodness = goodness(all, &solved, (weights, observations), &drawn.effects);
        if found.likelihood.is_some() || !found.first_stage.is_empty() {
            goodness = Goodness { within_r2: f64::NAN, adj_within_r2: f64::NAN, ..goodness };
        }
        let effects = counts(&drawn.effects);
        let sample = Sample {
            counted,
            rows: drawn.rows,
            outcome: drawn.outcome,
            residuals: solved.residuals,
            linear,
            regressors: solved.columns,
            weights: drawn.weights,
            effects: drawn.effects,
            clusters: drawn.clusters,
            places: drawn.places,
            bread: solved.bread,
            working: found.working,
            dispersion: found.dispersion,
            instrumented: !found.first_stage.is_empty(),
            instrumental: found.instrumental,
        };
        stage(ticket, "covariance")?;
        let model = ModelParts {
            family: found.likelihood.as_ref().and_then(|own| Family::named(&own.family)),
            first_stage: &found.first_stage,
            instruments: &found.instruments,
        };
        let (coef, ssc) = (&solved.coef[..], request.ssc);
        let parts = Parts { sample: &sample, coef, ssc, ticket, uncounted: 0, model };
        let covariance = parts.covariance(&request.vcov)?;
        go_on(ticket)?;
        let mut fit = Fit {
            formula: request.formula.text().to_owned(),
            outcome: request.formula.outcome().to_owned(),
            names,
            coef: solved.coef,
            vcov: Vec::new(),
            vcov_text: String::new(),
            ssc: request.ssc,
            df: f64::NAN,
            df_each: Vec::new(),
            n_obs: observations as usize,
            weights: request.weights.clone(),
            effects,
            clusters: Vec::new(),
            goodness,
            dropped,
            convergence: found.convergence,
            account: Account::new("data").then(step),
            sample: Some(Arc::new(sample)),
            first_stage: found.first_stage,
            instruments: found.instruments,
            weakest: found.weakest,
            kind: None,
            offset: request.offset.clone(),
            levels: drawn.levels,
            variances: found.variances,
            transformed: found.transformed,
            sampled: request.sampled,
            likelihood: found.likelihood,
        };
        fit.take_covariance(&request.vcov, covariance);
        Ok(fit)
    }
}
