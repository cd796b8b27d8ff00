//! The door to `kruispunt_synth`.

use crate::error::{InputError, KruispuntError};
use crate::evaluate::one_of;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt_synth::schema::schema;
use kruispunt_synth::{Imperfection, Imperfections, Registers, Rollout, Scale, SynthError, World};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

fn synth_error(error: &SynthError) -> PyErr {
    let message = error.to_string();
    match error {
        SynthError::Write { .. } => PyOSError::new_err(message),
        error if error.is_input() => InputError::new_err(message),
        _ => KruispuntError::new_err(message),
    }
}

/// Synthetic registers and the truth about them.
#[pyclass(frozen, name = "World", module = "kruispunt._core")]
pub(crate) struct PyWorld(Arc<World>);

#[pymethods]
impl PyWorld {
    /// Makes registers; `imperfections` are names, None stands for all.
    #[staticmethod]
    #[pyo3(signature = (scale, seed, imperfections, rho, worlds, progress=None))]
    fn build(
        py: Python<'_>,
        scale: &str,
        seed: u64,
        imperfections: Option<Vec<String>>,
        rho: f64,
        worlds: (String, bool),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let scale = Scale::parse(scale).map_err(|error| synth_error(&error))?;
        let rollout =
            one_of("rollout", &worlds.0, &[("some", Rollout::Some), ("all", Rollout::All)])?;
        let faults = match imperfections {
            None => Imperfections::all(),
            Some(names) => Imperfections::list(names).map_err(|error| synth_error(&error))?,
        };
        work::run(py, progress, move |ticket| {
            let registers = Registers::new(scale).seed(seed).imperfections(faults).rho(rho);
            let registers = registers.integration(worlds.1);
            let world = registers.rollout(rollout).ticket(ticket.clone()).build();
            world.map(|world| Self(Arc::new(world))).map_err(|error| synth_error(&error))
        })
    }

    /// The register tables.
    #[getter]
    fn names(&self) -> Vec<&'static str> {
        self.0.names().collect()
    }

    /// The truth tables.
    #[getter]
    fn truth_names(&self) -> Vec<&'static str> {
        self.0.truth_names().collect()
    }

    /// A register table.
    fn table(&self, name: &str) -> PyResult<PyTable> {
        let table = self.0.table(name).map_err(|error| synth_error(&error))?;
        Ok(PyTable::from(table.clone()))
    }

    /// A truth table.
    fn truth(&self, name: &str) -> PyResult<PyTable> {
        let table = self.0.truth(name).map_err(|error| synth_error(&error))?;
        Ok(PyTable::from(table.clone()))
    }

    /// The account, as JSON.
    fn account(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    /// The scale.
    #[getter]
    fn scale(&self) -> &'static str {
        self.0.scale().name()
    }

    /// The seed.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed()
    }

    /// Writes CSV files.
    fn write_csv(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        let world = Arc::clone(&self.0);
        work::run(py, None, move |_| world.write_csv(&folder).map_err(|error| synth_error(&error)))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<World>(py, data).map(|world| Self(Arc::new(world)))
    }
}

/// The schema of a table, as JSON.
#[pyfunction]
#[pyo3(signature = (name))]
pub(crate) fn synth_schema(name: &str) -> PyResult<String> {
    let known =
        schema(name).ok_or_else(|| InputError::new_err(format!("there is no table \"{name}\"")))?;
    serde_json::to_string(known).map_err(|error| InputError::new_err(error.to_string()))
}

/// Names and descriptions of the imperfections.
#[pyfunction]
pub(crate) fn synth_imperfections() -> Vec<(&'static str, &'static str)> {
    Imperfection::ALL.iter().map(|one| (one.name(), one.description())).collect()
}
