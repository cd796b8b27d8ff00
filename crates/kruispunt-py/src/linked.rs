//! Registers with a past.

use crate::table::PyTable;
use crate::{account, pickle};
use kruispunt::data::{Linked, Register};
use pyo3::prelude::*;
use std::sync::Arc;

/// The linked rows of a register, and how they were linked.
#[pyclass(frozen, name = "Linked", module = "kruispunt._core")]
pub(crate) struct PyLinked(Arc<Linked>);

impl PyLinked {
    pub(crate) fn of(linked: Linked) -> Self {
        Self(Arc::new(linked))
    }
}

#[pymethods]
impl PyLinked {
    fn table(&self) -> PyTable {
        self.0.table().clone().into()
    }

    #[getter]
    fn account(&self) -> PyResult<String> {
        self.0.account().map_or_else(|| Ok(String::new()), account::json)
    }

    fn __len__(&self) -> usize {
        self.0.table().n_rows()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Linked>(py, data).map(Self::of)
    }
}

/// What a verb reads rows from.
#[derive(FromPyObject)]
pub(crate) enum PyRegister<'py> {
    Table(Bound<'py, PyTable>),
    Linked(Bound<'py, PyLinked>),
}

impl PyRegister<'_> {
    /// The register, for work on another thread.
    pub(crate) fn shared(&self) -> Arc<dyn Register + Send + Sync> {
        match self {
            Self::Table(table) => Arc::<kruispunt::data::Table>::clone(&table.get().0),
            Self::Linked(linked) => Arc::<Linked>::clone(&linked.get().0),
        }
    }
}
