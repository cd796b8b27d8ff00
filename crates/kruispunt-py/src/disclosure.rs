//! The door to disclosure control and manifests.

use crate::error::{InputError, disclosure_error};
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::report::{Disclosure, Manifest, Microdata, Protected, Released, Tabulated};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What was released before.
#[pyclass(frozen, name = "Released", module = "kruispunt._core")]
#[derive(Default)]
pub(crate) struct PyReleased(Mutex<Released>);

#[pymethods]
impl PyReleased {
    #[new]
    #[pyo3(signature = (json=None))]
    fn new(json: Option<&str>) -> PyResult<Self> {
        let Some(json) = json else { return Ok(Self::default()) };
        serde_json::from_str(json)
            .map(|released| Self(Mutex::new(released)))
            .map_err(|error| InputError::new_err(format!("`released` cannot be read: {error}")))
    }

    /// How many cells were told and how many withheld.
    fn counts(&self) -> (usize, usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }

    /// All of it; it tells withheld cells.
    fn to_json(&self) -> PyResult<String> {
        serde_json::to_string(&*self.0.lock().unwrap_or_else(PoisonError::into_inner))
            .map_err(|error| InputError::new_err(format!("`released` cannot be written: {error}")))
    }
}

/// A table and the roles of its columns, as Python hands them over.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Asked {
    table: Py<PyTable>,
    name: String,
    by: Option<Vec<String>>,
    count: Option<String>,
    contributors: Option<String>,
    shares: Vec<String>,
    sums: Vec<String>,
    means: Vec<String>,
    other: Vec<String>,
    largest: BTreeMap<String, Vec<String>>,
    total: String,
    within: BTreeMap<String, BTreeMap<String, String>>,
    known_totals: bool,
}

impl Asked {
    fn tabulated(&self) -> PyResult<Tabulated<'_>> {
        let table = &self.table.get().0;
        let guess = || Tabulated::guess(table).map_err(|error| disclosure_error(&error));
        let mut asked = match (&self.by, &self.count) {
            (Some(by), Some(count)) => Tabulated::new(table, by.clone(), count),
            (None, None) => guess()?,
            (Some(by), None) => guess()?.classified(by.clone()),
            (None, Some(count)) => Tabulated::classes(table, count),
        };
        asked = asked.called(&self.name).total(&self.total).known_totals(self.known_totals);
        if let Some(column) = &self.contributors {
            asked = asked.contributors(column);
        }
        let inner = |name: &String| self.largest.get(name).cloned().unwrap_or_default();
        for name in &self.shares {
            asked = asked.share(name);
        }
        for name in &self.sums {
            let own = inner(name);
            asked = asked.sum(name, &own.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for name in &self.means {
            let own = inner(name);
            asked = asked.mean(name, &own.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for name in &self.other {
            asked = asked.other(name);
        }
        for (variable, parts) in &self.within {
            for (part, whole) in parts {
                asked = asked.within(variable, part, whole);
            }
        }
        Ok(asked)
    }
}

/// Rules of disclosure control.
#[pyclass(frozen, name = "Disclosure", module = "kruispunt._core")]
pub(crate) struct PyDisclosure(Disclosure);

#[pymethods]
impl PyDisclosure {
    #[new]
    #[pyo3(signature = (min_cell, min_contributors, dominance, p_percent, rounding, hide_zeros, min_df, digits))]
    #[allow(clippy::too_many_arguments, reason = "one a rule; Python names them")]
    fn new(
        min_cell: Option<u64>,
        min_contributors: Option<u64>,
        dominance: Option<(usize, f64)>,
        p_percent: Option<f64>,
        rounding: Option<u64>,
        hide_zeros: bool,
        min_df: Option<f64>,
        digits: Option<usize>,
    ) -> PyResult<Self> {
        let mut own = Disclosure::new().hide_zeros(hide_zeros);
        if let Some(persons) = min_cell {
            own = own.min_cell(persons);
        }
        if let Some(contributors) = min_contributors {
            own = own.min_contributors(contributors);
        }
        if let Some((n, k)) = dominance {
            own = own.dominance(n, k);
        }
        if let Some(p) = p_percent {
            own = own.p_percent(p);
        }
        if let Some(base) = rounding {
            own = own.rounding(base);
        }
        if let Some(df) = min_df {
            own = own.min_df(df);
        }
        if let Some(digits) = digits {
            own = own.digits(digits);
        }
        own.check().map_err(|error| disclosure_error(&error))?;
        Ok(Self(own))
    }

    /// The rules in words.
    fn said(&self) -> String {
        self.0.said()
    }

    /// Whether so few persons are too few to show.
    fn is_few(&self, persons: u64) -> bool {
        self.0.is_few(persons)
    }

    /// Why a model may not be shown; None when it may.
    fn refuses_model(&self, observations: u64, df: f64) -> Option<String> {
        self.0.refuses_model(observations, df)
    }

    /// Protects tables together.
    #[pyo3(signature = (tables, released, progress=None))]
    fn protect(
        &self,
        py: Python<'_>,
        tables: Vec<Asked>,
        released: &Bound<'_, PyReleased>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PyProtected>> {
        let (profile, released) = (self.0.clone(), released.clone().unbind());
        work::run(py, progress, move |ticket| {
            let asked = tables.iter().map(Asked::tabulated).collect::<PyResult<Vec<_>>>()?;
            let mut known = released.get().0.lock().unwrap_or_else(PoisonError::into_inner);
            let own = profile
                .protect(&asked, &mut known, ticket)
                .map_err(|error| disclosure_error(&error))?;
            Ok(own.into_iter().map(|own| PyProtected(Arc::new(own))).collect())
        })
    }

    /// Counts persons and protects the table.
    #[pyo3(signature = (data, asked, person, totals, released, progress=None))]
    #[allow(clippy::too_many_arguments, reason = "Python names them")]
    fn tabulate(
        &self,
        py: Python<'_>,
        data: &PyTable,
        asked: Asked,
        person: Option<String>,
        totals: bool,
        released: &Bound<'_, PyReleased>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyProtected> {
        let (profile, released) = (self.0.clone(), released.clone().unbind());
        let data = Arc::clone(&data.0);
        work::run(py, progress, move |ticket| {
            let mut rows = Microdata::new(asked.by.clone().unwrap_or_default())
                .largest(profile.contributions())
                .totals(totals);
            if let Some(person) = &person {
                rows = rows.person(person);
            }
            rows = asked.shares.iter().fold(rows, Microdata::share);
            rows = asked.sums.iter().fold(rows, Microdata::sum);
            rows = asked.means.iter().fold(rows, Microdata::mean);
            let table = rows.table(&data).map_err(|error| disclosure_error(&error))?;
            let mut tabulated =
                rows.tabulated(&table).called(&asked.name).known_totals(asked.known_totals);
            for (variable, parts) in &asked.within {
                for (part, whole) in parts {
                    tabulated = tabulated.within(variable, part, whole);
                }
            }
            let mut known = released.get().0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut own = profile
                .protect(&[tabulated], &mut known, ticket)
                .map_err(|error| disclosure_error(&error))?;
            Ok(PyProtected(Arc::new(own.remove(0))))
        })
    }

    /// A table of estimates without what rests on few, and the rows emptied.
    fn estimates(
        &self,
        table: &PyTable,
        counts: Vec<String>,
        keep: Vec<String>,
    ) -> PyResult<(PyTable, Vec<usize>)> {
        let (own, rows) = self
            .0
            .protect_estimates(&table.0, &counts, &keep)
            .map_err(|error| disclosure_error(&error))?;
        Ok((PyTable::from(own), rows))
    }

    /// A curve with steps where enough had an event, and the rows emptied.
    fn curve(
        &self,
        table: &PyTable,
        at_risk: &str,
        events: &str,
        keep: Vec<String>,
    ) -> PyResult<(PyTable, Vec<usize>)> {
        let (own, rows) = self
            .0
            .protect_curve(&table.0, at_risk, events, &keep)
            .map_err(|error| disclosure_error(&error))?;
        Ok((PyTable::from(own), rows))
    }
}

/// A protected table.
#[pyclass(frozen, name = "Protected", module = "kruispunt._core")]
pub(crate) struct PyProtected(Arc<Protected>);

#[pymethods]
impl PyProtected {
    /// The table as it may leave.
    fn table(&self) -> PyTable {
        PyTable::from(self.0.table().clone())
    }

    /// Its name.
    #[getter]
    fn name(&self) -> String {
        self.0.name().to_owned()
    }

    /// The variables that classify.
    #[getter]
    fn by(&self) -> Vec<String> {
        self.0.by().to_vec()
    }

    /// The column that counts.
    #[getter]
    fn count(&self) -> String {
        self.0.count().to_owned()
    }

    /// What was done, as JSON.
    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    /// The withheld rows with their reasons, in English or Dutch.
    fn reasons(&self, dutch: bool) -> PyResult<PyTable> {
        self.0.reasons(dutch).map(PyTable::from).map_err(|error| disclosure_error(&error))
    }

    /// What an attacker can work out.
    fn audit(&self) -> PyResult<PyTable> {
        self.0.audit().map(PyTable::from).map_err(|error| disclosure_error(&error))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Protected>(py, data).map(|own| Self(Arc::new(own)))
    }
}

/// Reads a manifest and writes it back: what comes out is complete and well-formed.
#[pyfunction]
#[pyo3(signature = (json))]
pub(crate) fn check_manifest(json: &str) -> PyResult<String> {
    Manifest::from_json(json)
        .map(|manifest| manifest.to_json())
        .map_err(|error| InputError::new_err(error.to_string()))
}

/// The paragraph on methods that a manifest gives.
#[pyfunction]
#[pyo3(signature = (json, language))]
pub(crate) fn manifest_methods(json: &str, language: &str) -> PyResult<String> {
    Manifest::from_json(json)
        .and_then(|manifest| manifest.methods(language))
        .map_err(|error| InputError::new_err(error.to_string()))
}
