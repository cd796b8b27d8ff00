//! The door to risk sets and paths of `kruispunt::evaluate`.

use crate::error::evaluate_error;
use crate::evaluate::Matching;
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::evaluate::{RiskTable, stage_paths as walk};
use pyo3::prelude::*;
use std::sync::Arc;

/// Who could have started when.
#[pyfunction]
pub(crate) fn risk_sets(panel: &Bound<'_, PyPanel>, matching: Matching) -> PyResult<PyRiskTable> {
    let (what, data) = (matching.build()?, Arc::clone(&panel.get().0));
    work::run(panel.py(), None, move |ticket| {
        let found = what.risk_table_with(&data, ticket);
        found.map(|own| PyRiskTable(Arc::new(own))).map_err(|error| evaluate_error(&error))
    })
}

/// Paths through stages.
#[pyfunction]
pub(crate) fn stage_paths(
    panel: &Bound<'_, PyPanel>,
    stages: Vec<(String, String)>,
) -> PyResult<PyTable> {
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), None, move |_| {
        walk(&data, &stages).map(PyTable::from).map_err(|error| evaluate_error(&error))
    })
}

/// Risk sets to look at.
#[pyclass(frozen, name = "RiskTable", module = "kruispunt._core")]
pub(crate) struct PyRiskTable(Arc<RiskTable>);

#[pymethods]
impl PyRiskTable {
    fn rows(&self) -> PyTable {
        PyTable::from(self.0.rows().clone())
    }

    fn spells(&self) -> PyTable {
        PyTable::from(self.0.spells().clone())
    }

    fn by_period(&self) -> PyTable {
        PyTable::from(self.0.by_period().clone())
    }

    fn by_duration(&self) -> PyTable {
        PyTable::from(self.0.by_duration().clone())
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
        pickle::from_bytes::<RiskTable>(py, data).map(|own| Self(Arc::new(own)))
    }
}
