//! The door to `kruispunt::linkage`.

use crate::account;
use crate::column::PyColumn;
use crate::error::{InputError, linkage_error};
use crate::linked::PyLinked;
use crate::table::PyTable;
use crate::{pickle, work};
use kruispunt::data::{Links, Table};
use kruispunt::linkage::{
    Assignment, Comparison, Dependence, Grouping, KeyLink, LinkageError, Linker, Measure, Rule,
    Threshold, Truth,
};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Kind, column, column on the right, term frequencies, thresholds.
type Compared = (String, String, String, bool, Vec<f64>);
/// Columns with the number of first letters, where not the whole counts.
type Blocked = Vec<(String, Option<usize>)>;

fn comparison((kind, column, right, tf, thresholds): Compared) -> PyResult<Comparison> {
    let made = match kind.as_str() {
        "exact" => Comparison::exact(column),
        "name" => Comparison::name(column),
        "date" => Comparison::date(column),
        "identifier" => Comparison::identifier(column),
        "numeric" => Comparison::numeric(column, thresholds),
        word => match Measure::parse(word) {
            Some(measure) => Comparison::text(column, measure, thresholds),
            None => return Err(InputError::new_err(format!("`kind`: there is no \"{word}\""))),
        },
    };
    let made = made.right(right);
    Ok(if tf { made.tf() } else { made })
}

fn assignment(word: &str) -> PyResult<Assignment> {
    match word {
        "one-to-one" => Ok(Assignment::OneToOne),
        "many-to-one" => Ok(Assignment::ManyToOne),
        "none" => Ok(Assignment::All),
        _ => Err(InputError::new_err(format!(
            "`assignment`: \"{word}\" is not \"one-to-one\", \"many-to-one\" or \"none\""
        ))),
    }
}

fn dependence(word: &str) -> PyResult<Dependence> {
    match word {
        "tree" => Ok(Dependence::Tree),
        "none" => Ok(Dependence::Independent),
        _ => Err(InputError::new_err(format!(
            "`dependence`: \"{word}\" is not \"tree\" or \"none\""
        ))),
    }
}

fn threshold(probability: Option<f64>, fdr: Option<f64>) -> Threshold {
    match (probability, fdr) {
        (_, Some(share)) => Threshold::Fdr(share),
        (Some(probability), None) => Threshold::Probability(probability),
        (None, None) => Threshold::Auto,
    }
}

pub(crate) fn grouping(word: &str) -> PyResult<Grouping> {
    match word {
        "connected" => Ok(Grouping::Connected),
        "best-link" => Ok(Grouping::BestLink),
        "complete" => Ok(Grouping::Complete),
        _ => Err(InputError::new_err(format!(
            "`grouping`: \"{word}\" is not \"connected\", \"best-link\" or \"complete\""
        ))),
    }
}

fn table(made: Result<Table, LinkageError>) -> PyResult<PyTable> {
    made.map(PyTable::from).map_err(|error| linkage_error(&error))
}

/// The table that `verb` makes without the GIL.
pub(crate) fn tabled(
    py: Python<'_>,
    verb: impl FnOnce() -> Result<Table, LinkageError> + Send + 'static,
) -> PyResult<PyTable> {
    work::run(py, None, move |_| table(verb()))
}

/// A model of linkage.
#[pyclass(frozen, name = "Linker", module = "kruispunt._core")]
pub(crate) struct PyLinker(Arc<Linker>);

impl PyLinker {
    fn of(linker: Linker) -> Self {
        Self(Arc::new(linker))
    }
}

#[pymethods]
impl PyLinker {
    #[new]
    #[pyo3(signature = (comparisons, blocking, cap, draws, dependence="tree"))]
    fn new(
        comparisons: Vec<Compared>,
        blocking: Vec<Blocked>,
        cap: u64,
        draws: u64,
        dependence: &str,
    ) -> PyResult<Self> {
        let mut linker =
            Linker::new().cap(cap).draws(draws).dependence(self::dependence(dependence)?);
        for compared in comparisons {
            linker = linker.compare(comparison(compared)?);
        }
        for blocked in blocking {
            let rule = blocked.into_iter().fold(Rule::new(), |rule, (column, first)| match first {
                Some(letters) => rule.on_first(column, letters),
                None => rule.on(column),
            });
            linker = linker.block(rule);
        }
        Ok(Self::of(linker))
    }

    /// Kind, column, column on the right, term frequencies and thresholds of each comparison.
    fn comparisons(&self) -> Vec<Compared> {
        let each = self.0.comparisons().iter();
        each.map(|comparison| {
            (
                comparison.kind().to_owned(),
                comparison.column().to_owned(),
                comparison.right_column().to_owned(),
                comparison.has_tf(),
                comparison.thresholds().to_vec(),
            )
        })
        .collect()
    }

    /// Columns of each blocking rule, with the number of first letters.
    fn blocking(&self) -> Vec<Blocked> {
        self.0.rules().iter().map(Rule::keys).collect()
    }

    /// Exact pair counts by rule; the pairs of rows of `left` without `right`.
    #[pyo3(signature = (left, right=None, progress=None))]
    fn forecast(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyTable> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone());
            table(match &right {
                Some(right) => linker.forecast(&left, right),
                None => linker.forecast_dedupe(&left),
            })
        })
    }

    /// The linker with what it learned from the pairs.
    #[pyo3(signature = (left, right=None, assignment="one-to-one", seed=1, progress=None))]
    fn train(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
        assignment: &str,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let assignment = self::assignment(assignment)?;
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone()).seed(seed).assignment(assignment);
            let trained = match &right {
                Some(right) => linker.train(&left, right),
                None => linker.train_dedupe(&left),
            };
            trained.map(Self::of).map_err(|error| linkage_error(&error))
        })
    }

    /// Links of two tables; of the rows of `left` without `right`.
    #[pyo3(signature = (left, right=None, assignment="one-to-one", probability=None, fdr=None, progress=None))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    fn link(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
        assignment: &str,
        probability: Option<f64>,
        fdr: Option<f64>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyLinks> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let assignment = self::assignment(assignment)?;
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone());
            let linker = linker.assignment(assignment).threshold(threshold(probability, fdr));
            let links = match &right {
                Some(right) => linker.link(&left, right),
                None => linker.dedupe(&left),
            };
            links.map(PyLinks::of).map_err(|error| linkage_error(&error))
        })
    }

    /// Configurations of links drawn from their posterior.
    #[pyo3(signature = (left, right, assignment, n, seed, progress=None))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    fn draws(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: &Bound<'_, PyTable>,
        assignment: &str,
        n: usize,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyTable> {
        let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
        let linker = (*self.0).clone().assignment(self::assignment(assignment)?);
        work::run(py, progress, move |ticket| {
            table(linker.ticket(ticket.clone()).draw(&left, &right, n, seed))
        })
    }

    #[getter]
    fn cautions(&self) -> Vec<String> {
        self.0.cautions().to_vec()
    }

    #[getter]
    fn probability(&self) -> Option<f64> {
        self.0.lambda()
    }

    #[getter]
    fn completeness(&self) -> Option<f64> {
        self.0.completeness()
    }

    fn parameters(&self) -> PyResult<PyTable> {
        table(self.0.parameters())
    }

    fn dependencies(&self) -> PyResult<PyTable> {
        table(self.0.dependencies())
    }

    fn to_json(&self) -> PyResult<String> {
        self.0.to_json().map_err(|error| linkage_error(&error))
    }

    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        Linker::from_json(text).map(Self::of).map_err(|error| linkage_error(&error))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Linker>(py, data).map(Self::of)
    }
}

/// A crosswalk of two tables.
#[pyclass(frozen, name = "Links", module = "kruispunt._core")]
pub(crate) struct PyLinks(pub(crate) Arc<Links>);

impl PyLinks {
    fn of(links: Links) -> Self {
        Self(Arc::new(links))
    }
}

#[pymethods]
impl PyLinks {
    #[getter]
    fn n_left(&self) -> usize {
        self.0.n_left()
    }

    #[getter]
    fn n_right(&self) -> usize {
        self.0.n_right()
    }

    #[getter]
    fn within(&self) -> bool {
        self.0.is_within()
    }

    #[getter]
    fn threshold(&self) -> Option<f64> {
        self.0.weighing().map(|weighing| weighing.threshold)
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn pairs(&self, py: Python<'_>) -> PyResult<PyTable> {
        let links = Arc::clone(&self.0);
        tabled(py, move || links.pairs().map_err(LinkageError::from))
    }

    #[getter]
    fn cautions(&self) -> Vec<String> {
        self.0.cautions()
    }

    #[pyo3(signature = (grouping="connected"))]
    fn clusters(&self, py: Python<'_>, grouping: &str) -> PyResult<PyTable> {
        let (links, grouping) = (Arc::clone(&self.0), self::grouping(grouping)?);
        tabled(py, move || links.clusters_by(grouping))
    }

    #[pyo3(signature = (by=None, truth=None))]
    fn report(
        &self,
        py: Python<'_>,
        by: Option<&Bound<'_, PyColumn>>,
        truth: Option<&Bound<'_, PyTruth>>,
    ) -> PyResult<PyTable> {
        let (links, by) = (Arc::clone(&self.0), by.map(|by| Arc::clone(&by.get().0)));
        let truth = truth.map(|truth| Arc::clone(&truth.get().0));
        tabled(py, move || links.report(by.as_deref(), truth.as_deref()))
    }

    fn waterfall(&self, py: Python<'_>, link: usize) -> PyResult<PyTable> {
        let links = Arc::clone(&self.0);
        tabled(py, move || links.waterfall(link))
    }

    #[pyo3(signature = (truth, by=None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        truth: &Bound<'_, PyTruth>,
        by: Option<&Bound<'_, PyColumn>>,
    ) -> PyResult<PyTable> {
        let (links, by) = (Arc::clone(&self.0), by.map(|by| Arc::clone(&by.get().0)));
        let truth = Arc::clone(&truth.get().0);
        tabled(py, move || links.evaluate(&truth, by.as_deref()))
    }

    /// The linked rows of `left` with columns of `right`.
    fn attach(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: &Bound<'_, PyTable>,
        columns: Vec<String>,
        name: String,
    ) -> PyResult<PyLinked> {
        let links = Arc::clone(&self.0);
        let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
        work::run(py, None, move |_| {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let linked = links.attach(&left, &right, &columns, &name);
            linked.map(PyLinked::of).map_err(|error| linkage_error(&error))
        })
    }

    /// The left rows without a link.
    fn unlinked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let links = Arc::clone(&self.0);
        Ok(work::run(py, None, move |_| Ok(links.unlinked()))?.into_pyarray(py))
    }

    /// These links, then those of the rows they left open.
    fn then(&self, py: Python<'_>, rest: &Bound<'_, Self>) -> PyResult<Self> {
        let (links, rest) = (Arc::clone(&self.0), Arc::clone(&rest.get().0));
        work::run(py, None, move |_| {
            links.then(&rest).map(Self::of).map_err(|error| linkage_error(&error))
        })
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Links>(py, data).map(Self::of)
    }
}

/// Which rows are one person.
#[pyclass(frozen, name = "Truth", module = "kruispunt._core")]
pub(crate) struct PyTruth(pub(crate) Arc<Truth>);

#[pymethods]
impl PyTruth {
    /// Rows with equal values are one person; the rows of one table without `right`.
    #[staticmethod]
    #[pyo3(signature = (left, right=None))]
    fn persons(
        py: Python<'_>,
        left: &Bound<'_, PyColumn>,
        right: Option<&Bound<'_, PyColumn>>,
    ) -> PyResult<Self> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        work::run(py, None, move |_| {
            Ok(Self(Arc::new(match right {
                Some(right) => Truth::persons(&left, &right),
                None => Truth::within(&left),
            })))
        })
    }

    /// The true pairs of rows.
    #[staticmethod]
    fn pairs(
        py: Python<'_>,
        left: PyReadonlyArray1<'_, i64>,
        right: PyReadonlyArray1<'_, i64>,
        links: &Bound<'_, PyLinks>,
    ) -> PyResult<Self> {
        let links = Arc::clone(&links.get().0);
        // A negative row becomes one beyond the table, which the core refuses.
        let row = |&row: &i64| usize::try_from(row).unwrap_or(usize::MAX);
        let left: Vec<usize> = left.as_array().iter().map(row).collect();
        let right: Vec<usize> = right.as_array().iter().map(row).collect();
        work::run(py, None, move |_| {
            let pairs: Vec<(usize, usize)> = left.into_iter().zip(right).collect();
            Truth::pairs(&pairs, links.n_left(), links.n_right(), links.is_within())
                .map(|truth| Self(Arc::new(truth)))
                .map_err(|error| linkage_error(&error))
        })
    }
}

/// Table, old, new and perhaps date.
type History<'py> = (Bound<'py, PyTable>, String, String, Option<String>);

fn keyed(on: String, right_on: String, history: Option<History<'_>>) -> KeyLink {
    let link = KeyLink::new(on).right(right_on);
    match history {
        None => link,
        Some((table, old, new, date)) => {
            let link = link.history((*table.get().0).clone(), &old, &new);
            match date {
                Some(date) => link.date(&date),
                None => link,
            }
        }
    }
}

/// Links by a number both tables have.
#[pyfunction]
#[pyo3(signature = (left, right, on, right_on, history=None))]
pub(crate) fn key_link(
    py: Python<'_>,
    left: &Bound<'_, PyTable>,
    right: &Bound<'_, PyTable>,
    on: String,
    right_on: String,
    history: Option<History<'_>>,
) -> PyResult<PyLinks> {
    let link = keyed(on, right_on, history);
    let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
    work::run(py, None, move |_| {
        link.link(&left, &right).map(PyLinks::of).map_err(|error| linkage_error(&error))
    })
}

/// The current number of every row.
#[pyfunction]
#[pyo3(signature = (data, on, history=None))]
pub(crate) fn resolve_key(
    py: Python<'_>,
    data: &Bound<'_, PyTable>,
    on: String,
    history: Option<History<'_>>,
) -> PyResult<PyColumn> {
    let link = keyed(on.clone(), on, history);
    let data = Arc::clone(&data.get().0);
    work::run(py, None, move |_| {
        let column = link.resolve(&data).map_err(|error| linkage_error(&error))?;
        Ok(PyColumn(Arc::new(column)))
    })
}
