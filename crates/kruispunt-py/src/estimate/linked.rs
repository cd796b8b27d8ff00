//! The door to estimates that know about wrong links.

use super::{PyFit, request::bad};
use crate::error::estimate_error;
use crate::evaluate::PyEffects;
use crate::table::PyTable;
use crate::{pickle, work};
use kruispunt::data::Table;
use kruispunt::estimate::{
    AfterLinkage, Family, LinkRate, LinkWeighting, LinkedFit, LinkedVariance, MismatchFit,
    MismatchMixture, Rate, WrongLinks, pool_effects, pool_fits,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// Rates of correct links: one, by label of a column, or a column.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct RateRequest {
    column: Option<String>,
    /// Label, rate, size of the audit sample.
    rates: Vec<(String, f64, Option<u64>)>,
}

impl RateRequest {
    fn read(self) -> PyResult<LinkRate> {
        let rate = |correct: f64, audited: Option<u64>| Rate { correct, audited };
        match (self.column, self.rates.as_slice()) {
            (Some(column), []) => Ok(LinkRate::Column(column)),
            (None, [(_, correct, audited)]) => Ok(LinkRate::Same(rate(*correct, *audited))),
            (Some(column), all) => {
                let own = all.iter().map(|(label, c, m)| (label.clone(), rate(*c, *m)));
                Ok(LinkRate::By(column, own.collect()))
            }
            (None, _) => Err(bad("rate", "several rates", "one rate, or rates by a column")),
        }
    }
}

/// A regression on linked data, before it meets them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct LinkedRequest {
    formula: String,
    family: String,
    rate: RateRequest,
    /// Columns that bound the pool; none for everybody.
    wrong_links: Vec<String>,
    weighting: String,
    vcov: String,
    clusters: Vec<String>,
    offset: Option<String>,
}

pub(super) fn family(name: &str) -> PyResult<Family> {
    match name {
        "gaussian" => Ok(Family::Gaussian),
        "logit" => Ok(Family::Logit),
        "poisson" => Ok(Family::Poisson),
        other => Err(bad("family", other, "gaussian, logit or poisson")),
    }
}

impl LinkedRequest {
    fn build(self) -> PyResult<AfterLinkage> {
        let wrong = match self.wrong_links.as_slice() {
            [] => WrongLinks::Everybody,
            columns => WrongLinks::Within(columns.to_vec()),
        };
        let weighting = match self.weighting.as_str() {
            "ratio" => LinkWeighting::Ratio,
            "lahiri-larsen" => LinkWeighting::LahiriLarsen,
            "blue" => LinkWeighting::Best,
            other => return Err(bad("weighting", other, "ratio, lahiri-larsen or blue")),
        };
        let variance = match (self.vcov.as_str(), self.clusters.as_slice()) {
            ("model" | "iid", []) => LinkedVariance::Model,
            ("hetero" | "HC1", []) => LinkedVariance::Robust,
            ("CRV1", [_, ..]) => LinkedVariance::Cluster(self.clusters.clone()),
            (other, _) => {
                return Err(bad("vcov", other, "model, hetero or {\"CRV1\": \"person\"}"));
            }
        };
        let family = family(&self.family)?;
        let model = AfterLinkage::new(&self.formula, self.rate.read()?, wrong)
            .map_err(|error| estimate_error(&error))?;
        let model = model.family(family).weighting(weighting).variance(variance);
        Ok(match self.offset {
            Some(column) => model.offset(column),
            None => model,
        })
    }
}

/// The columns that a regression on linked data reads.
#[pyfunction]
pub(crate) fn linked_columns(request: LinkedRequest) -> PyResult<Vec<String>> {
    Ok(request.build()?.columns())
}

/// Fits a regression on linked data.
#[pyfunction]
#[pyo3(signature = (table, request, progress=None))]
pub(crate) fn after_linkage(
    table: &Bound<'_, PyTable>,
    request: LinkedRequest,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyLinkedFit> {
    let (model, data) = (request.build()?, Arc::clone(&table.get().0));
    work::run(table.py(), progress, move |ticket| {
        let found = model.fit_with(&data, ticket).map_err(|error| estimate_error(&error))?;
        Ok(PyLinkedFit(Arc::new(found)))
    })
}

/// Estimates along rates of correct links.
#[pyfunction]
#[pyo3(signature = (table, request, rates, group, progress=None))]
pub(crate) fn linkage_sensitivity(
    table: &Bound<'_, PyTable>,
    request: LinkedRequest,
    rates: Vec<f64>,
    group: Option<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyTable> {
    let (model, data) = (request.build()?, Arc::clone(&table.get().0));
    work::run(table.py(), progress, move |ticket| {
        let along: Result<Table, _> = model.sensitivity(&data, &rates, group.as_deref(), ticket);
        along.map(PyTable::from).map_err(|error| estimate_error(&error))
    })
}

/// An estimate with and without regard to wrong links.
#[pyclass(frozen, name = "LinkedFit", module = "kruispunt._core")]
pub(crate) struct PyLinkedFit(Arc<LinkedFit>);

#[pymethods]
impl PyLinkedFit {
    fn fit(&self) -> PyFit {
        PyFit::of(self.0.fit().clone())
    }

    fn naive(&self) -> PyFit {
        PyFit::of(self.0.naive().clone())
    }

    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<LinkedFit>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// A mixture of right and wrong links, before it meets the file.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct MixtureRequest {
    formula: String,
    family: String,
    predictors: Option<String>,
    safe: Option<String>,
    max_mismatch: Option<f64>,
    cluster: Option<String>,
}

impl MixtureRequest {
    fn build(self) -> PyResult<MismatchMixture> {
        let family = family(&self.family)?;
        let mut model = MismatchMixture::new(&self.formula)
            .map_err(|error| estimate_error(&error))?
            .family(family);
        if let Some(terms) = &self.predictors {
            model = model.predictors(terms).map_err(|error| estimate_error(&error))?;
        }
        if let Some(column) = self.safe {
            model = model.safe(column);
        }
        if let Some(rate) = self.max_mismatch {
            model = model.max_mismatch(rate);
        }
        Ok(match self.cluster {
            Some(column) => model.cluster(column),
            None => model,
        })
    }
}

/// The columns that a mixture reads.
#[pyfunction]
pub(crate) fn mixture_columns(request: MixtureRequest) -> PyResult<Vec<String>> {
    Ok(request.build()?.columns())
}

/// Fits a mixture of right and wrong links.
#[pyfunction]
#[pyo3(signature = (table, request, progress=None))]
pub(crate) fn mismatch_mixture(
    table: &Bound<'_, PyTable>,
    request: MixtureRequest,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyMismatchFit> {
    let (model, data) = (request.build()?, Arc::clone(&table.get().0));
    work::run(table.py(), progress, move |ticket| {
        let found = model.fit_with(&data, ticket).map_err(|error| estimate_error(&error))?;
        Ok(PyMismatchFit(Arc::new(found)))
    })
}

/// A regression, and which rows look wrong.
#[pyclass(frozen, name = "MismatchFit", module = "kruispunt._core")]
pub(crate) struct PyMismatchFit(Arc<MismatchFit>);

#[pymethods]
impl PyMismatchFit {
    fn fit(&self) -> PyFit {
        PyFit::of(self.0.fit().clone())
    }

    fn naive(&self) -> PyFit {
        PyFit::of(self.0.naive().clone())
    }

    /// Name, coefficient, standard error of the logistic regression of a right link.
    #[getter]
    fn correct_links(&self) -> Vec<(String, f64, f64)> {
        self.0.correct_links()
    }

    fn posterior(&self) -> PyResult<PyTable> {
        self.0.posterior().map(PyTable::from).map_err(|error| estimate_error(&error))
    }

    #[getter]
    fn mean_mismatch(&self) -> f64 {
        self.0.mean_mismatch()
    }

    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<MismatchFit>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// Rubin's rules for fits.
#[pyfunction]
pub(crate) fn pooled_fit(py: Python<'_>, fits: Vec<Py<PyFit>>) -> PyResult<PyFit> {
    let all: Vec<_> = fits.iter().map(|own| Arc::clone(&own.get().0)).collect();
    work::run(py, None, move |_| {
        let own: Vec<_> = all.iter().map(|fit| &**fit).collect();
        pool_fits(&own).map(PyFit::of).map_err(|error| estimate_error(&error))
    })
}

/// Rubin's rules for effects.
#[pyfunction]
pub(crate) fn pooled_effects(py: Python<'_>, effects: Vec<Py<PyEffects>>) -> PyResult<PyEffects> {
    let all: Vec<_> = effects.iter().map(|own| own.get().shared()).collect();
    work::run(py, None, move |_| {
        let own: Vec<_> = all.iter().map(|own| &**own).collect();
        pool_effects(&own).map(PyEffects::from).map_err(|error| estimate_error(&error))
    })
}
