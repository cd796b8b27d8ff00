//! The door to what was told and coded: registry, recall, agreement, prevalence.

use crate::column::PyColumn;
use crate::error::{InputError, cases_error};
use crate::linked::PyLinked;
use crate::panel::PySpells;
use crate::table::PyTable;
use crate::work;
use kruispunt::data::Day;
use kruispunt_cases::agreement::{Columns, agreement};
use kruispunt_cases::prevalence::{Joint, joint, prevalence};
use kruispunt_cases::recall::{Tolerance, recall};
use kruispunt_cases::registry::{Act, Registry, RegistryError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

fn registry_error(error: &RegistryError) -> PyErr {
    InputError::new_err(error.to_string())
}

/// The registry of a study.
#[pyclass(frozen, name = "Registry", module = "kruispunt._core")]
pub(crate) struct PyRegistry(Mutex<Registry>);

impl PyRegistry {
    fn with<T>(&self, work: impl FnOnce(&mut Registry) -> Result<T, RegistryError>) -> PyResult<T> {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut own).map_err(|error| registry_error(&error))
    }
}

#[pymethods]
impl PyRegistry {
    #[staticmethod]
    fn open(path: PathBuf, key: &[u8]) -> PyResult<Self> {
        let own = Registry::open(&path, key).map_err(|error| registry_error(&error))?;
        Ok(Self(Mutex::new(own)))
    }

    fn pseudonym(&self, identifier: &str) -> PyResult<String> {
        self.with(|own| own.pseudonym(identifier))
    }

    fn pseudonyms(&self, column: &Bound<'_, PyColumn>) -> PyResult<PyColumn> {
        let column = Arc::clone(&column.get().0);
        self.with(|own| own.pseudonyms(&column)).map(|made| PyColumn(Arc::new(made)))
    }

    #[allow(clippy::needless_pass_by_value, reason = "arguments of Python functions arrive owned")]
    fn append(&self, act: &str, who: Vec<String>, uses: Vec<String>, on: i32) -> PyResult<()> {
        let act = match act {
            "register" => Act::Register,
            "consent" => Act::Consent,
            _ => Act::Revoke,
        };
        self.with(|own| own.append(act, &who, &uses, Day(on)))
    }

    fn consented(&self, to: &str) -> PyResult<Vec<String>> {
        self.with(|own| Ok(own.consented(to)))
    }

    fn head(&self) -> PyResult<(usize, String)> {
        self.with(|own| Ok(own.head()))
    }

    #[pyo3(signature = (head))]
    fn verify(&self, head: Option<(usize, String)>) -> PyResult<()> {
        self.with(|own| own.verify(head.as_ref()))
    }

    fn table(&self) -> PyResult<PyTable> {
        self.with(|own| own.table()).map(PyTable::from)
    }
}

/// How far coders agree.
#[pyfunction]
#[pyo3(signature = (data, columns, draws, level, seed))]
pub(crate) fn cases_agreement(
    py: Python<'_>,
    data: &Bound<'_, PyTable>,
    columns: (String, String, String, Option<String>),
    draws: usize,
    level: f64,
    seed: u64,
) -> PyResult<PyLinked> {
    let data = Arc::clone(&data.get().0);
    work::run(py, None, move |ticket| {
        let (unit, coder, value, by) = &columns;
        let columns = Columns { unit, coder, value, by: by.as_deref() };
        agreement(&data, columns, draws, level, seed, ticket)
            .map(PyLinked::of)
            .map_err(|error| cases_error(&error))
    })
}

/// Codes by group, with a test by permutation.
#[pyfunction]
#[pyo3(signature = (people, of_people, codings, of_codings, draws, seed))]
pub(crate) fn cases_prevalence(
    py: Python<'_>,
    people: &Bound<'_, PyTable>,
    of_people: (String, String),
    codings: &Bound<'_, PyTable>,
    of_codings: (String, String),
    draws: usize,
    seed: u64,
) -> PyResult<PyLinked> {
    let (people, codings) = (Arc::clone(&people.get().0), Arc::clone(&codings.get().0));
    work::run(py, None, move |ticket| {
        let ((id, group), (case, code)) = (&of_people, &of_codings);
        prevalence(&people, id, group, &codings, case, code, (draws, seed), ticket)
            .map(PyLinked::of)
            .map_err(|error| cases_error(&error))
    })
}

/// What stands beside each other, group by group.
#[pyfunction]
#[pyo3(signature = (people, of_people, estimates, codings, of_codings, consented, interviewed, least))]
#[allow(clippy::too_many_arguments, reason = "three tables with the names of their columns")]
pub(crate) fn cases_joint(
    py: Python<'_>,
    people: &Bound<'_, PyTable>,
    of_people: (String, String),
    estimates: Option<(Bound<'_, PyTable>, String)>,
    codings: &Bound<'_, PyTable>,
    of_codings: (String, String, Option<String>),
    consented: Vec<String>,
    interviewed: Option<Vec<String>>,
    least: usize,
) -> PyResult<PyLinked> {
    let (people, codings) = (Arc::clone(&people.get().0), Arc::clone(&codings.get().0));
    let estimates = estimates.map(|(table, name)| (Arc::clone(&table.get().0), name));
    work::run(py, None, move |_| {
        let display = Joint {
            people: (&people, &of_people.0, &of_people.1),
            estimates: estimates.as_ref().map(|(table, name)| (&**table, name.as_str())),
            codings: (&codings, &of_codings.0, &of_codings.1),
            quote: of_codings.2.as_deref(),
            consented: &consented,
            interviewed: interviewed.as_deref(),
            least,
        };
        joint(display).map(PyLinked::of).map_err(|error| cases_error(&error))
    })
}

/// Told events beside register spells.
#[pyfunction]
#[pyo3(signature = (told, columns, register, days, telescoped))]
pub(crate) fn cases_recall(
    py: Python<'_>,
    told: &Bound<'_, PyTable>,
    columns: (String, String, String),
    register: &Bound<'_, PySpells>,
    days: i32,
    telescoped: i32,
) -> PyResult<PyLinked> {
    let (told, register) = (Arc::clone(&told.get().0), Arc::clone(&register.get().0));
    work::run(py, None, move |_| {
        let (person, day, event) = &columns;
        recall(&told, (person, day, event), &register, Tolerance { days, telescoped })
            .map(PyLinked::of)
            .map_err(|error| cases_error(&error))
    })
}
