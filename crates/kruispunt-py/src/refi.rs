//! The door to `kruispunt_cases::refi`.

use crate::error::InputError;
use crate::pickle;
use crate::table::PyTable;
use crate::work;
use kruispunt::data::Table;
use kruispunt_cases::refi::{Limits, NewCode, NewCoding, NewValue, Project, RefiError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

fn refi_error(error: &RefiError) -> PyErr {
    InputError::new_err(error.to_string())
}

/// A project or a codebook.
#[pyclass(frozen, name = "Project", module = "kruispunt._core")]
pub(crate) struct PyProject(Arc<Project>);

impl PyProject {
    fn change(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&Project) -> Result<Project, RefiError> + Send + 'static,
    ) -> PyResult<Self> {
        let own = Arc::clone(&self.0);
        let made = work::run(py, None, move |_| change(&own).map_err(|error| refi_error(&error)))?;
        Ok(Self(Arc::new(made)))
    }
}

/// Name, parent, colour, description.
type Code = (String, Option<String>, Option<String>, Option<String>);

/// Source, code, range of characters.
type Coding = (String, String, Option<(u64, u64)>);

fn code((name, parent, colour, description): Code) -> NewCode {
    NewCode { name, parent, colour, description }
}

const KINDS: [&str; 6] = ["Text", "Boolean", "Integer", "Float", "Date", "DateTime"];

#[pymethods]
impl PyProject {
    #[staticmethod]
    fn create(name: &str) -> Self {
        Self(Arc::new(Project::new(name)))
    }

    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf, limit: u64) -> PyResult<Self> {
        let limits = Limits { bytes: limit, ..Limits::default() };
        let read = work::run(py, None, move |_| {
            Project::read(&path, limits).map_err(|error| refi_error(&error))
        })?;
        Ok(Self(Arc::new(read)))
    }

    fn write(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let own = Arc::clone(&self.0);
        work::run(py, None, move |_| own.write(&path).map_err(|error| refi_error(&error)))
    }

    #[getter]
    fn is_codebook(&self) -> bool {
        self.0.is_codebook()
    }

    fn table(&self, py: Python<'_>, what: &str) -> PyResult<PyTable> {
        let read: fn(&Project) -> Result<Table, RefiError> = match what {
            "codes" => Project::codes,
            "sources" => Project::sources,
            "selections" => Project::selections,
            "codings" => Project::codings,
            "cases" => Project::cases,
            "variables" => Project::variables,
            "notes" => Project::notes,
            _ => Project::users,
        };
        let own = Arc::clone(&self.0);
        work::run(py, None, move |_| {
            read(&own).map(PyTable::from).map_err(|error| refi_error(&error))
        })
    }

    fn text(&self, source: &str) -> PyResult<Option<String>> {
        self.0.text(source).map_err(|error| refi_error(&error))
    }

    fn with_codes(&self, py: Python<'_>, codes: Vec<Code>) -> PyResult<Self> {
        let codes: Vec<NewCode> = codes.into_iter().map(code).collect();
        self.change(py, move |own| own.with_codes(&codes))
    }

    fn recoded(&self, py: Python<'_>, codes: Vec<(String, Code)>) -> PyResult<Self> {
        let codes: Vec<(String, NewCode)> =
            codes.into_iter().map(|(which, own)| (which, code(own))).collect();
        self.change(py, move |own| own.recoded(&codes))
    }

    fn with_text(&self, py: Python<'_>, name: String, text: String) -> PyResult<Self> {
        self.change(py, move |own| own.with_text(&name, &text))
    }

    fn with_codings(&self, py: Python<'_>, codings: Vec<Coding>) -> PyResult<Self> {
        let read = |(source, code, range): Coding| NewCoding { source, code, range };
        let codings: Vec<NewCoding> = codings.into_iter().map(read).collect();
        self.change(py, move |own| own.with_codings(&codings))
    }

    fn with_cases(&self, py: Python<'_>, cases: Vec<(String, Vec<String>)>) -> PyResult<Self> {
        self.change(py, move |own| own.with_cases(&cases))
    }

    fn with_values(
        &self,
        py: Python<'_>,
        values: Vec<(String, String, String, Option<String>)>,
    ) -> PyResult<Self> {
        let read = |(case, variable, kind, value): (String, String, String, Option<String>)| {
            let kind = KINDS.into_iter().find(|own| *own == kind).unwrap_or("Text");
            NewValue { case, variable, kind, value }
        };
        let values: Vec<NewValue> = values.into_iter().map(read).collect();
        self.change(py, move |own| own.with_values(&values))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Project>(py, data).map(|own| Self(Arc::new(own)))
    }
}
