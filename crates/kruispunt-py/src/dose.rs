//! The door to effects by dose.

use crate::error::evaluate_error;
use crate::evaluate::{Design, one_of};
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::Seed;
use kruispunt::evaluate::{DoseCurve, DoseEffects, DoseResponse};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// A curve before it meets a panel.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct CurveRequest {
    kind: String,
    degree: u32,
    knots: u32,
    edges: Vec<f64>,
    at: Vec<f64>,
}

/// Effects by dose.
#[pyfunction]
#[pyo3(signature = (panel, design, dose, curve, progress=None))]
pub(crate) fn dose_response(
    panel: &Bound<'_, PyPanel>,
    design: Design,
    dose: String,
    curve: CurveRequest,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyDoseEffects> {
    let kinds = [
        ("spline", DoseCurve::Spline { degree: curve.degree, knots: curve.knots }),
        ("polynomial", DoseCurve::Polynomial(curve.degree)),
        ("bins", DoseCurve::Bins(curve.edges)),
    ];
    let names: Vec<(&str, usize)> = kinds.iter().enumerate().map(|(at, own)| (own.0, at)).collect();
    let at = one_of("curve", &curve.kind, &names)?;
    let model = DoseResponse::new(design.build()?, dose).curve(kinds[at].1.clone()).at(curve.at);
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        let found = model.fit_with(&data, ticket);
        found.map(|own| PyDoseEffects(Arc::new(own))).map_err(|error| evaluate_error(&error))
    })
}

/// Effects by dose with their covariance.
#[pyclass(frozen, name = "DoseEffects", module = "kruispunt._core")]
pub(crate) struct PyDoseEffects(Arc<DoseEffects>);

#[pymethods]
impl PyDoseEffects {
    #[getter]
    fn estimand(&self) -> &str {
        self.0.estimand()
    }

    #[getter]
    fn comparison(&self) -> &str {
        self.0.comparison()
    }

    /// Treated units, units, clusters.
    #[getter]
    fn sizes(&self) -> (u64, u64, u64) {
        let (units, clusters) = self.0.sizes();
        (self.0.n_treated(), units, clusters)
    }

    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    #[getter]
    fn overall(&self) -> [f64; 2] {
        self.0.overall()
    }

    fn doses<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.doses().to_vec().into_pyarray(py)
    }

    fn levels<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.levels().to_vec().into_pyarray(py)
    }

    fn slopes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.slopes().to_vec().into_pyarray(py)
    }

    /// Of levels, slopes, mean level and mean slope.
    fn std_errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.std_errors().into_pyarray(py)
    }

    /// Row-major.
    fn covariance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.vcov().to_vec().into_pyarray(py)
    }

    fn tidy(&self, py: Python<'_>, alpha: f64, draws: u32, seed: u64) -> PyResult<PyTable> {
        let own = Arc::clone(&self.0);
        work::run(py, None, move |_| {
            let table = own.tidy(alpha, draws, Seed::new(seed));
            table.map(PyTable::from).map_err(|error| evaluate_error(&error))
        })
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        Ok(Self(Arc::new(pickle::from_bytes(py, data)?)))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }
}
