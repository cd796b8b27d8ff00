//! The door to durations: curves and hazards of `kruispunt::evaluate`.

use crate::error::{InputError, estimate_error, evaluate_error};
use crate::estimate::PyFit;
use crate::evaluate::one_of;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::Seed;
use kruispunt::estimate::Formula;
use kruispunt::evaluate::{
    Cox, CoxFit, DiscreteHazard, EvaluateError, Frailty, HazardFit, Link, Share, Staged, Survival,
    SurvivalCurves, Ties,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// Names and texts of what a reader must know.
type Cautions = Vec<(String, String)>;

/// The columns a formula reads.
#[pyfunction]
pub(crate) fn formula_columns(formula: &str) -> PyResult<Vec<String>> {
    Formula::parse(formula).map(|own| own.columns()).map_err(|error| estimate_error(&error))
}

/// Which columns of episodes hold what.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Episodes {
    time: String,
    event: String,
    entry: Option<String>,
    weights: Option<String>,
    by: Option<String>,
    causes: bool,
}

/// Curves of durations.
#[pyfunction]
pub(crate) fn survival(table: &Bound<'_, PyTable>, episodes: Episodes) -> PyResult<PySurvival> {
    let mut what = SurvivalCurves::new(episodes.time, episodes.event);
    if episodes.causes {
        what = what.causes();
    }
    if let Some(column) = episodes.entry {
        what = what.entry(column);
    }
    if let Some(column) = episodes.weights {
        what = what.weights(column);
    }
    if let Some(column) = episodes.by {
        what = what.by(column);
    }
    let data = Arc::clone(&table.get().0);
    work::run(table.py(), None, move |_| {
        what.fit(&data).map(|own| PySurvival(Arc::new(own))).map_err(|error| evaluate_error(&error))
    })
}

/// Curves of durations by group.
#[pyclass(frozen, name = "Survival", module = "kruispunt._core")]
pub(crate) struct PySurvival(Arc<Survival>);

impl PySurvival {
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&Survival) -> Result<T, EvaluateError> + Send + 'static,
    ) -> PyResult<T> {
        let own = Arc::clone(&self.0);
        work::run(py, None, move |_| verb(&own).map_err(|error| evaluate_error(&error)))
    }
}

#[pymethods]
impl PySurvival {
    #[getter]
    fn causes(&self) -> Vec<String> {
        self.0.causes().to_vec()
    }

    #[getter]
    fn groups(&self) -> Vec<String> {
        self.0.curves().iter().map(|own| own.group.clone()).collect()
    }

    #[getter]
    fn cautions(&self) -> Cautions {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    fn tidy(&self, py: Python<'_>, alpha: f64) -> PyResult<PyTable> {
        self.run(py, move |own| own.tidy(alpha).map(PyTable::from))
    }

    fn incidence(&self, py: Python<'_>, alpha: f64) -> PyResult<PyTable> {
        self.run(py, move |own| own.incidence(alpha).map(PyTable::from))
    }

    fn quantile(&self, py: Python<'_>, p: f64, alpha: f64) -> PyResult<PyTable> {
        self.run(py, move |own| own.quantile(p, alpha).map(PyTable::from))
    }

    /// Group, mean, standard error.
    fn restricted_mean(&self, py: Python<'_>, horizon: f64) -> PyResult<Vec<(String, f64, f64)>> {
        self.run(py, move |own| {
            let found = own.restricted_mean(horizon)?;
            Ok(found.into_iter().map(|own| (own.group, own.mean, own.std_error)).collect())
        })
    }

    /// Statistic, degrees of freedom, p value, and observed and expected by group.
    fn logrank(&self, py: Python<'_>, rho: f64) -> PyResult<(f64, usize, f64, PyTable)> {
        self.run(py, move |own| {
            let test = own.logrank(rho)?;
            Ok((test.statistic, test.df, test.p_value, PyTable::from(test.tidy()?)))
        })
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Survival>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// A hazard in discrete time, before it meets data.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct HazardRequest {
    formula: String,
    link: String,
    cluster: Option<String>,
    weights: Option<String>,
    offset: Option<String>,
    frailty: Option<String>,
    points: Option<u32>,
    person: Option<String>,
}

impl HazardRequest {
    fn model(self) -> PyResult<DiscreteHazard> {
        let links = [
            ("logit", (Link::Logit, false)),
            ("cloglog", (Link::Cloglog, false)),
            ("multinomial", (Link::Logit, true)),
        ];
        let (link, several) = one_of("link", &self.link, &links)?;
        let model = DiscreteHazard::new(&self.formula).map_err(|error| evaluate_error(&error))?;
        let mut model = model.link(link);
        if several {
            model = model.competing();
        }
        if let Some(column) = self.cluster {
            model = model.cluster(column);
        }
        if let Some(column) = self.weights {
            model = model.weights(column);
        }
        if let Some(column) = self.offset {
            model = model.offset(column);
        }
        if let (Some(word), Some(person)) = (self.frailty, self.person) {
            let normal = Frailty::Normal { points: self.points };
            let types = Frailty::Points { types: self.points };
            let kinds = [("normal", normal), ("points", types)];
            model = model.frailty(one_of("frailty", &word, &kinds)?, person);
        }
        Ok(model)
    }
}

/// Fits a hazard in discrete time.
#[pyfunction]
#[pyo3(signature = (table, request, progress=None))]
pub(crate) fn hazard(
    table: &Bound<'_, PyTable>,
    request: HazardRequest,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyHazardFit> {
    let (model, data) = (request.model()?, Arc::clone(&table.get().0));
    work::run(table.py(), progress, move |ticket| {
        let found = model.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))?;
        Ok(PyHazardFit(Arc::new(found)))
    })
}

/// A hazard in discrete time that was fitted.
#[pyclass(frozen, name = "HazardFit", module = "kruispunt._core")]
pub(crate) struct PyHazardFit(Arc<HazardFit>);

impl PyHazardFit {
    pub(crate) fn of(fit: HazardFit) -> Self {
        Self(Arc::new(fit))
    }
}

#[pymethods]
impl PyHazardFit {
    fn fit(&self) -> PyFit {
        PyFit::of(self.0.fit().clone())
    }

    #[getter]
    fn causes(&self) -> Vec<String> {
        self.0.causes().to_vec()
    }

    /// Intervals by the likelihood ratio, by coefficient, of the model and the table the fit came
    /// from.
    #[pyo3(signature = (table, request, alpha, progress=None))]
    fn profile(
        &self,
        table: &Bound<'_, PyTable>,
        request: HazardRequest,
        alpha: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(f64, f64)>> {
        let (model, own, data) =
            (request.model()?, Arc::clone(&self.0), Arc::clone(&table.get().0));
        work::run(table.py(), progress, move |ticket| {
            model.profile(&data, &own, alpha, ticket).map_err(|error| evaluate_error(&error))
        })
    }

    #[getter]
    fn cautions(&self) -> Cautions {
        let own = self.0.cautions();
        own.into_iter().map(|own| (own.code, own.text)).collect()
    }

    /// What was found about frailty, as JSON.
    #[getter]
    fn mixture(&self) -> PyResult<Option<String>> {
        let own = self.0.mixture().map(serde_json::to_string).transpose();
        own.map_err(|error| InputError::new_err(error.to_string()))
    }

    #[pyo3(signature = (profiles, by, alpha))]
    fn curves(
        &self,
        py: Python<'_>,
        profiles: &Bound<'_, PyTable>,
        by: Option<String>,
        alpha: f64,
    ) -> PyResult<PyTable> {
        let (own, profiles) = (Arc::clone(&self.0), Arc::clone(&profiles.get().0));
        work::run(py, None, move |_| {
            let found = own.curves_by(&profiles, by.as_deref(), alpha);
            found.map(PyTable::from).map_err(|error| evaluate_error(&error))
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<HazardFit>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// Proportional hazards, before they meet data.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct CoxRequest {
    formula: String,
    event: String,
    entry: Option<String>,
    weights: Option<String>,
    offset: Option<String>,
    ties: String,
    robust: bool,
    cluster: Option<String>,
}

/// Fits proportional hazards.
#[pyfunction]
#[pyo3(signature = (table, request, progress=None))]
pub(crate) fn cox(
    table: &Bound<'_, PyTable>,
    request: CoxRequest,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyCoxFit> {
    let ties = [("efron", Ties::Efron), ("breslow", Ties::Breslow)];
    let model =
        Cox::new(&request.formula, request.event).map_err(|error| evaluate_error(&error))?;
    let mut model = model.ties(one_of("ties", &request.ties, &ties)?);
    if request.robust {
        model = model.robust();
    }
    if let Some(column) = request.entry {
        model = model.entry(column);
    }
    if let Some(column) = request.weights {
        model = model.weights(column);
    }
    if let Some(column) = request.offset {
        model = model.offset(column);
    }
    if let Some(column) = request.cluster {
        model = model.cluster(column);
    }
    let data = Arc::clone(&table.get().0);
    work::run(table.py(), progress, move |ticket| {
        let found = model.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))?;
        Ok(PyCoxFit(Arc::new(found)))
    })
}

/// A Cox model that was fitted.
#[pyclass(frozen, name = "CoxFit", module = "kruispunt._core")]
pub(crate) struct PyCoxFit(Arc<CoxFit>);

#[pymethods]
impl PyCoxFit {
    fn fit(&self) -> PyFit {
        PyFit::of(self.0.fit().clone())
    }

    fn curves(
        &self,
        py: Python<'_>,
        profiles: &Bound<'_, PyTable>,
        alpha: f64,
    ) -> PyResult<PyTable> {
        let (own, profiles) = (Arc::clone(&self.0), Arc::clone(&profiles.get().0));
        work::run(py, None, move |_| {
            own.curves(&profiles, alpha).map(PyTable::from).map_err(|error| evaluate_error(&error))
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<CoxFit>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// Estimate, standard error, bounds.
type Number = (f64, f64, f64, f64);

/// Total, through the stage, direct, the share through the stage; where persons are; cautions.
pub(crate) type Parts = ([Number; 4], PyTable, Vec<(String, String)>);

pub(crate) fn parts(found: &Staged) -> Parts {
    let number = |own: Share| (own.estimate, own.std_error, own.low, own.high);
    let numbers = [found.total, found.via, found.direct, found.share].map(number);
    let cautions = found.cautions().iter().map(|own| (own.code.clone(), own.text.clone()));
    (numbers, PyTable::from(found.occupation().clone()), cautions.collect())
}

/// Splits an effect by whether it runs through a stage.
#[pyfunction]
#[pyo3(signature = (stage, goal, names, profiles, draws, alpha, progress=None))]
pub(crate) fn staged(
    stage: &Bound<'_, PyHazardFit>,
    goal: &Bound<'_, PyHazardFit>,
    names: (String, String),
    profiles: &Bound<'_, PyTable>,
    draws: (u32, u64),
    alpha: f64,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Parts> {
    let (first, second) = (Arc::clone(&stage.get().0), Arc::clone(&goal.get().0));
    let table = Arc::clone(&profiles.get().0);
    work::run(stage.py(), progress, move |ticket| {
        let how = (draws.0, Seed::new(draws.1), alpha);
        let found = Staged::new((&first, &names.1), &second, &names.0, &table, how, ticket)
            .map_err(|error| evaluate_error(&error))?;
        Ok(parts(&found))
    })
}
