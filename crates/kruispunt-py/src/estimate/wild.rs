//! The wild cluster bootstrap, read from what Python asks for.

use super::request::bad;
use crate::error::estimate_error;
use kruispunt::data::{Fit, Table, Ticket};
use kruispunt::estimate::{Jackknifed, Null, WildBootstrap, WildTest, WildWeights};
use pyo3::prelude::*;

/// What a wild cluster bootstrap is asked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct WildRequest {
    param: Option<String>,
    r: Vec<f64>,
    q: f64,
    reps: usize,
    cluster: String,
    weights_type: String,
    impose_null: bool,
    bootstrap_type: String,
    seed: u64,
    alpha: f64,
}

impl WildRequest {
    pub(super) fn read(&self) -> PyResult<WildBootstrap> {
        let weights = match self.weights_type.as_str() {
            "rademacher" => WildWeights::Rademacher,
            "mammen" => WildWeights::Mammen,
            "webb" => WildWeights::Webb,
            "normal" => WildWeights::Normal,
            other => {
                return Err(bad("weights_type", other, "rademacher, mammen, webb or normal"));
            }
        };
        let jackknifed = match self.bootstrap_type.as_str() {
            "11" => Jackknifed::None,
            "31" => Jackknifed::Scores,
            "13" => Jackknifed::Variance,
            "33" => Jackknifed::Both,
            other => return Err(bad("bootstrap_type", other, "11, 13, 31 or 33")),
        };
        Ok(WildBootstrap::new(&self.cluster)
            .draws(self.reps)
            .seed(self.seed)
            .weights(weights)
            .null(if self.impose_null { Null::Imposed } else { Null::NotImposed })
            .jackknifed(jackknifed)
            .at(self.q)
            .alpha(self.alpha))
    }

    pub(super) fn run(
        &self,
        bootstrap: &WildBootstrap,
        fit: &Fit,
        table: &Table,
        ticket: &Ticket,
    ) -> PyResult<WildTest> {
        let found = match &self.param {
            Some(name) => bootstrap.coefficient(fit, name, table, ticket),
            None => bootstrap.restriction(fit, &self.r, table, ticket),
        };
        found.map_err(|error| estimate_error(&error))
    }
}
