//! What Python asks for, read once.

use crate::error::{InputError, estimate_error};
use kruispunt::data::{ClusterDf, CountedEffects, Factor, Fit, Ssc, Table, Ticket};
use kruispunt::estimate::{EstimateError, FeOls, Singletons, Vcov, split_levels};
use pyo3::prelude::*;

/// Small-sample corrections: `k_adj`, `k_fixef`, `G_adj`, `G_df`.
type Corrections = (bool, String, bool, String);

pub(super) fn bad(argument: &str, text: &str, expected: &str) -> PyErr {
    InputError::new_err(format!("`{argument}`: \"{text}\" is not {expected}"))
}

/// Which covariance, before it is read.
#[derive(Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct CovarianceRequest {
    kind: String,
    variables: Vec<String>,
    lag: Option<usize>,
}

impl CovarianceRequest {
    pub(super) fn read(&self) -> PyResult<Vcov> {
        match (self.kind.as_str(), self.variables.as_slice()) {
            ("iid", []) => Ok(Vcov::Iid),
            ("hetero" | "HC1", []) => Ok(Vcov::Hc1),
            ("CRV1", [_, ..]) => Ok(Vcov::clusters(self.variables.iter().cloned())),
            ("CRV3", [cluster]) => Ok(Vcov::Crv3(cluster.clone())),
            ("CRV3", [_, ..]) => {
                Err(InputError::new_err("`vcov`: CRV3 takes one cluster variable"))
            }
            ("HC2", []) => Ok(Vcov::Hc2),
            ("HC3", []) => Ok(Vcov::Hc3),
            ("NW", [time, panel @ ..]) => Ok(Vcov::NeweyWest {
                time: time.clone(),
                panel: panel.first().cloned(),
                lag: self.lag,
            }),
            ("DK", [time, ..]) => Ok(Vcov::DriscollKraay { time: time.clone(), lag: self.lag }),
            (kind, _) => Err(bad(
                "vcov",
                kind,
                "iid, hetero, HC1, HC2, HC3, NW, DK, {\"CRV1\": ...} or {\"CRV3\": ...}",
            )),
        }
    }
}

fn ssc((k_adj, k_fixef, g_adj, g_df): &Corrections) -> PyResult<Ssc> {
    let counted = match k_fixef.as_str() {
        "none" => CountedEffects::None,
        "nonnested" | "nested" => CountedEffects::NonNested,
        "full" => CountedEffects::Full,
        other => return Err(bad("k_fixef", other, "none, nonnested or full")),
    };
    let df = match g_df.as_str() {
        "min" => ClusterDf::Min,
        "conventional" => ClusterDf::Conventional,
        other => return Err(bad("G_df", other, "min or conventional")),
    };
    let ssc = Ssc::default().effects(counted).cluster_df(df);
    let ssc = if *k_adj { ssc } else { ssc.without_k() };
    Ok(if *g_adj { ssc } else { ssc.without_g() })
}

/// Regressions before they meet data.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Request {
    fml: String,
    vcov: CovarianceRequest,
    weights: Option<String>,
    ssc: Corrections,
    singletons: bool,
    collin_tol: f64,
    tol: f64,
    max_iter: usize,
    panel_id: Option<(String, String)>,
    pub(super) split: Option<String>,
    /// Whether the whole sample comes before the subsamples.
    full: bool,
    pub(super) lean: bool,
}

/// A model of any kind.
#[derive(Clone)]
pub(super) enum Model {
    Linear(FeOls),
}

impl Model {
    pub(super) fn subsample(&self, column: Option<&str>, level: Option<&str>) -> Self {
        match (self, column, level) {
            (Self::Linear(model), Some(column), Some(level)) => {
                Self::Linear(model.clone().subsample(column, level))
            }
            (own, ..) => own.clone(),
        }
    }

    /// `factors` stand ready beside the table: the codes of a panel.
    pub(super) fn fit(
        &self,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        match self {
            Self::Linear(model) => model.fit_with(table, factors, ticket),
        }
    }

    fn columns(&self) -> Vec<String> {
        match self {
            Self::Linear(model) => model.columns(),
        }
    }
}

impl Request {
    pub(super) fn models(&self) -> PyResult<Vec<Model>> {
        let singletons = if self.singletons { Singletons::Drop } else { Singletons::Keep };
        let (vcov, ssc) = (self.vcov.read()?, ssc(&self.ssc)?);
        let all = FeOls::several(&self.fml).map_err(|error| estimate_error(&error))?;
        let set = |model: FeOls| {
            let mut model = model
                .vcov(vcov.clone())
                .ssc(ssc)
                .singletons(singletons)
                .collin_tol(self.collin_tol)
                .tol(self.tol)
                .max_iter(self.max_iter);
            if let Some(weights) = &self.weights {
                model = model.weights(weights);
            }
            if let Some((person, period)) = &self.panel_id {
                model = model.panel_id(person, period);
            }
            Model::Linear(model)
        };
        Ok(all.into_iter().map(set).collect())
    }

    pub(super) fn columns(&self) -> PyResult<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for name in self.models()?.iter().flat_map(Model::columns).chain(self.split.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Levels to estimate in, one by one; none is the whole sample.
    pub(super) fn subsamples(&self, table: &Table) -> PyResult<Vec<Option<String>>> {
        let mut levels = Vec::new();
        if self.full || self.split.is_none() {
            levels.push(None);
        }
        if let Some(column) = &self.split {
            let own = split_levels(table, column).map_err(|error| estimate_error(&error))?;
            levels.extend(own.into_iter().map(Some));
        }
        Ok(levels)
    }
}
