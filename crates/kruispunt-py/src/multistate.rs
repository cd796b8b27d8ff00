//! The door to moves between states, and to weights of treatments that change in time.

use crate::error::evaluate_error;
use crate::hazard::{Parts, PyHazardFit, parts};
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::Seed;
use kruispunt::evaluate::{Multistate, MultistateFit, Occupation, Split, TreatmentWeights};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Fits moves between states.
#[pyfunction]
#[pyo3(signature = (panel, formula, duration, absent, progress=None))]
pub(crate) fn multistate(
    panel: &Bound<'_, PyPanel>,
    formula: &str,
    duration: Option<u32>,
    absent: Option<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyMultistate> {
    let mut what = Multistate::new(formula).map_err(|error| evaluate_error(&error))?;
    if let Some(most) = duration {
        what = what.duration(most);
    }
    if let Some(state) = absent {
        what = what.absent(state);
    }
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        let found = what.fit_with(&data, ticket);
        found.map(|own| PyMultistate(Arc::new(own))).map_err(|error| evaluate_error(&error))
    })
}

/// The state and the clock at the beginning, periods, draws, seed, regressors that rise.
type Ask = (String, f64, u32, u32, u64, Vec<String>);

fn asked((from, clock, periods, draws, seed, rising): Ask, alpha: f64) -> Occupation {
    Occupation { from, clock, periods, draws, seed: Seed::new(seed), alpha, rising }
}

/// Moves between states that were fitted.
#[pyclass(frozen, name = "Multistate", module = "kruispunt._core")]
pub(crate) struct PyMultistate(Arc<MultistateFit>);

#[pymethods]
impl PyMultistate {
    #[getter]
    fn states(&self) -> Vec<String> {
        self.0.states().to_vec()
    }

    fn moves(&self) -> PyTable {
        PyTable::from(self.0.moves().clone())
    }

    /// The model of moves out of a state, with the states its events lead to.
    fn model(&self, state: &str) -> Option<(PyHazardFit, Vec<String>)> {
        let (fit, to) = self.0.model(state)?;
        Some((PyHazardFit::of(fit.clone()), to.into_iter().map(str::to_owned).collect()))
    }

    /// `ask` is what is said of its type.
    #[pyo3(signature = (profiles, by, ask, alpha, progress=None))]
    fn occupation(
        &self,
        profiles: &Bound<'_, PyTable>,
        by: Option<String>,
        ask: Ask,
        alpha: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyTable> {
        let (own, table) = (Arc::clone(&self.0), Arc::clone(&profiles.get().0));
        let ask = asked(ask, alpha);
        work::run(profiles.py(), progress, move |ticket| {
            let found = own.occupation(&table, by.as_deref(), &ask, ticket);
            found.map(PyTable::from).map_err(|error| evaluate_error(&error))
        })
    }

    /// Splits an effect by moves into a state; `names` are the programme, the stage and the goal,
    /// `ask` as in `occupation`.
    #[pyo3(signature = (profiles, names, ask, alpha, progress=None))]
    fn split(
        &self,
        profiles: &Bound<'_, PyTable>,
        names: (String, String, String),
        ask: Ask,
        alpha: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Parts> {
        let (own, table) = (Arc::clone(&self.0), Arc::clone(&profiles.get().0));
        let ask = asked(ask, alpha);
        let (programme, through, goal) = names;
        let how = Split { programme, through, goal, ask };
        work::run(profiles.py(), progress, move |ticket| {
            let found = own.split(&table, &how, ticket);
            found.map(|own| parts(&own)).map_err(|error| evaluate_error(&error))
        })
    }

    /// Whether moves of a person depend on each other beyond the model.
    fn dependence(&self) -> PyResult<PyTable> {
        self.0.dependence().map(PyTable::from).map_err(|error| evaluate_error(&error))
    }

    /// Names and texts of what a reader must know.
    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<MultistateFit>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// Weights, by period, models, names and texts of cautions, the account as JSON.
type Weighted<'py> = (Bound<'py, PyArray1<f64>>, PyTable, PyTable, Vec<(String, String)>, String);

/// Stabilised weights of treatments that change in time.
#[pyfunction]
#[pyo3(signature = (panel, treatments, sides, dropout, truncate, progress=None))]
pub(crate) fn treatment_weights<'py>(
    panel: &Bound<'py, PyPanel>,
    treatments: Vec<String>,
    sides: (String, String),
    dropout: bool,
    truncate: Option<f64>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Weighted<'py>> {
    let mut what = TreatmentWeights::new(treatments, sides.0, sides.1);
    if dropout {
        what = what.dropout();
    }
    if let Some(share) = truncate {
        what = what.truncate(share);
    }
    let (data, py) = (Arc::clone(&panel.get().0), panel.py());
    let own = work::run(py, progress, move |ticket| {
        what.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))
    })?;
    let cautions = own.cautions().iter().map(|one| (one.code.clone(), one.text.clone()));
    Ok((
        own.weights().to_vec().into_pyarray(py),
        PyTable::from(own.by_period().clone()),
        PyTable::from(own.models().clone()),
        cautions.collect(),
        account::json(own.account())?,
    ))
}
