//! The native half of `kruispunt.Table`.

use crate::column::PyColumn;
use crate::error::{InputError, data_error};
use crate::{arrow, export, import, pickle, work};
use arrow_schema::ArrowError;
use kruispunt::data::Table;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::Arc;

/// Columns of one length, in the core's memory.
#[pyclass(frozen, name = "Table", module = "kruispunt._core")]
pub(crate) struct PyTable(pub(crate) Arc<Table>);

impl From<Table> for PyTable {
    fn from(table: Table) -> Self {
        Self(Arc::new(table))
    }
}

fn unwritable(error: &ArrowError) -> PyErr {
    InputError::new_err(format!("the table cannot be handed out: {error}"))
}

#[pymethods]
impl PyTable {
    /// A table from anything with `__arrow_c_stream__` or `__arrow_c_array__`; None without.
    #[staticmethod]
    #[pyo3(signature = (data, columns=None, argument="data", lists=false))]
    fn from_arrow(
        data: &Bound<'_, PyAny>,
        columns: Option<Vec<String>>,
        argument: &str,
        lists: bool,
    ) -> PyResult<Option<Self>> {
        let Some((field, chunks)) = arrow::read(data)? else { return Ok(None) };
        let argument = argument.to_owned();
        work::run(data.py(), None, move |ticket| {
            import::table(&field, &chunks, columns.as_deref(), (&argument, lists), ticket)
                .map(|table| Some(Self::from(table)))
                .map_err(|error| data_error(&error))
        })
    }

    /// A table of named columns.
    #[staticmethod]
    fn from_columns(columns: Vec<(String, Py<PyColumn>)>) -> PyResult<Self> {
        Table::new(columns.iter().map(|(name, column)| (name.as_str(), (*column.get().0).clone())))
            .map(Self::from)
            .map_err(|error| data_error(&error))
    }

    /// The names, in order.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.0.names().to_vec()
    }

    /// The column `name`.
    #[pyo3(signature = (name, argument="column"))]
    fn column(&self, name: &str, argument: &str) -> PyResult<PyColumn> {
        match self.0.column(argument, name) {
            Ok(column) => Ok(PyColumn(Arc::new(column.clone()))),
            Err(error) => Err(data_error(&error)),
        }
    }

    /// The columns `names`, in that order.
    #[pyo3(signature = (names, argument="columns"))]
    fn select(&self, names: Vec<String>, argument: &str) -> PyResult<Self> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.0.select(argument, &names).map(Self::from).map_err(|error| data_error(&error))
    }

    /// The XXH3 digest of names, kinds and values.
    fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let table = Arc::clone(&self.0);
        work::run(py, None, move |_| Ok(table.fingerprint()))
    }

    /// The rows from `start` on, at most `rows`, as text cell by cell; None where null.
    fn cells(&self, start: usize, rows: usize) -> Vec<Vec<Option<String>>> {
        let end = start.saturating_add(rows).min(self.0.n_rows());
        (start..end)
            .map(|row| self.0.columns().iter().map(|column| column.label(row)).collect())
            .collect()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer ignore a wish it cannot fulfil.
        let _ = requested_schema;
        let table = Arc::clone(&self.0);
        let batch = work::run(py, None, move |_| {
            export::batch(&table).map_err(|error| unwritable(&error))
        })?;
        arrow::write_stream(py, batch)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = export::schema(&self.0).map_err(|error| unwritable(&error))?;
        arrow::write_schema(py, &schema)
    }

    fn __len__(&self) -> usize {
        self.0.n_rows()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> PyResult<bool> {
        let (one, two) = (Arc::clone(&self.0), Arc::clone(&other.get().0));
        work::run(other.py(), None, move |_| Ok(*one == *two))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Table>(py, data).map(Self::from)
    }

    fn __repr__(&self) -> String {
        format!("<Table of {} rows and {} columns>", self.0.n_rows(), self.0.n_columns())
    }
}
