//! The door to the measures of a linkage: `kruispunt::linkage`, clusters, thresholds, samples.

use crate::column::PyColumn;
use crate::error::{InputError, linkage_error};
use crate::linkage::{PyLinks, PyTruth, grouping, tabled};
use crate::table::PyTable;
use crate::{pickle, work};
use kruispunt::data::Column;
use kruispunt::linkage::{Check, Clerical, ClericalSample};
use pyo3::prelude::*;
use std::sync::Arc;

fn column(by: Option<&Bound<'_, PyColumn>>) -> Option<Arc<Column>> {
    by.map(|by| Arc::clone(&by.get().0))
}

/// Clusters beside persons.
#[pyfunction]
#[pyo3(signature = (links, truth, grouping=None, by=None))]
pub(crate) fn link_cluster_measures(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: &Bound<'_, PyTruth>,
    grouping: Option<&str>,
    by: Option<&Bound<'_, PyColumn>>,
) -> PyResult<PyTable> {
    let (links, truth) = (Arc::clone(&links.get().0), Arc::clone(&truth.get().0));
    let (by, grouping) = (column(by), self::grouping(grouping, &links)?);
    tabled(py, move || links.cluster_measures(&truth, grouping, by.as_deref()))
}

/// What every threshold would give.
#[pyfunction]
#[pyo3(signature = (links, truth=None, by=None, points=400))]
pub(crate) fn link_thresholds(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: Option<&Bound<'_, PyTruth>>,
    by: Option<&Bound<'_, PyColumn>>,
    points: usize,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    let truth = truth.map(|truth| Arc::clone(&truth.get().0));
    let by = column(by);
    tabled(py, move || links.thresholds(truth.as_deref(), by.as_deref(), points))
}

/// How well probabilities rank pairs.
#[pyfunction]
#[pyo3(signature = (links, truth, by=None))]
pub(crate) fn link_ranking(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: &Bound<'_, PyTruth>,
    by: Option<&Bound<'_, PyColumn>>,
) -> PyResult<PyTable> {
    let (links, truth) = (Arc::clone(&links.get().0), Arc::clone(&truth.get().0));
    let by = column(by);
    tabled(py, move || links.ranking(&truth, by.as_deref()))
}

/// Whether pairs are right as often as their probability says.
#[pyfunction]
pub(crate) fn link_calibration(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: &Bound<'_, PyTruth>,
) -> PyResult<PyTable> {
    let (links, truth) = (Arc::clone(&links.get().0), Arc::clone(&truth.get().0));
    tabled(py, move || links.calibration(&truth))
}

/// How many pairs have which weight.
#[pyfunction]
#[pyo3(signature = (links, truth=None, bins=60))]
pub(crate) fn link_histogram(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: Option<&Bound<'_, PyTruth>>,
    bins: usize,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    let truth = truth.map(|truth| Arc::clone(&truth.get().0));
    tabled(py, move || links.weight_histogram(truth.as_deref(), bins))
}

/// Whether each link is right.
#[pyfunction]
pub(crate) fn link_right_ones(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    truth: &Bound<'_, PyTruth>,
) -> PyResult<Vec<bool>> {
    let (links, truth) = (Arc::clone(&links.get().0), Arc::clone(&truth.get().0));
    work::run(py, None, move |_| links.right_ones(&truth).map_err(|error| linkage_error(&error)))
}

/// What the links agree on.
#[pyfunction]
pub(crate) fn link_patterns(py: Python<'_>, links: &Bound<'_, PyLinks>) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    tabled(py, move || links.patterns())
}

/// The waterfalls of several links, one after another.
#[pyfunction]
pub(crate) fn link_waterfalls(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    chosen: Vec<usize>,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    tabled(py, move || links.waterfalls(&chosen))
}

/// How the pairs were weighed.
#[pyfunction]
pub(crate) fn link_evidence(py: Python<'_>, links: &Bound<'_, PyLinks>) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    tabled(py, move || links.evidence())
}

/// Clusters with their weak spots.
#[pyfunction]
#[pyo3(signature = (links, grouping=None, truth=None))]
pub(crate) fn link_cluster_table(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    grouping: Option<&str>,
    truth: Option<&Bound<'_, PyTruth>>,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    let truth = truth.map(|truth| Arc::clone(&truth.get().0));
    let grouping = self::grouping(grouping, &links)?;
    tabled(py, move || links.cluster_table(grouping, truth.as_deref()))
}

/// How linked rows differ from those that were not linked.
#[pyfunction]
#[pyo3(signature = (links, left, by=None))]
pub(crate) fn link_balance(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    left: &Bound<'_, PyTable>,
    by: Option<&Bound<'_, PyColumn>>,
) -> PyResult<PyTable> {
    let (links, left) = (Arc::clone(&links.get().0), Arc::clone(&left.get().0));
    let by = column(by);
    tabled(py, move || links.balance(&left, by.as_deref()))
}

/// Kind, name, left column, right column, number, flags.
type Checked<'py> = (String, String, String, String, f64, Option<Bound<'py, PyColumn>>);

fn check((kind, name, left, right, number, flags): Checked<'_>) -> PyResult<Check> {
    Ok(match kind.as_str() {
        "same" => Check::same(&name, &left, &right),
        "before" => Check::ordered(&name, &left, &right, true),
        "after" => Check::ordered(&name, &left, &right, false),
        "near" => Check::near(&name, &left, &right, number),
        "crowded" => Check::crowded(&name, number as u32),
        _ => match flags {
            Some(flags) => Check::flagged(&name, (*flags.get().0).clone()),
            None => return Err(InputError::new_err(format!("`checks`: there is no \"{kind}\""))),
        },
    })
}

/// How many links are implausible.
#[pyfunction]
#[pyo3(signature = (links, left, right, checks, by=None))]
pub(crate) fn link_implausible(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    left: &Bound<'_, PyTable>,
    right: &Bound<'_, PyTable>,
    checks: Vec<Checked<'_>>,
    by: Option<&Bound<'_, PyColumn>>,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
    let checks = checks.into_iter().map(check).collect::<PyResult<Vec<_>>>()?;
    let by = column(by);
    tabled(py, move || links.implausible((&left, &right), &checks, by.as_deref()))
}

/// The links that a check finds implausible.
#[pyfunction]
pub(crate) fn link_implausible_rows(
    py: Python<'_>,
    links: &Bound<'_, PyLinks>,
    left: &Bound<'_, PyTable>,
    right: &Bound<'_, PyTable>,
    check: Checked<'_>,
) -> PyResult<PyTable> {
    let links = Arc::clone(&links.get().0);
    let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
    let check = self::check(check)?;
    tabled(py, move || links.implausible_links((&left, &right), &check))
}

/// Pairs for a person to look at.
#[pyclass(frozen, name = "ClericalSample", module = "kruispunt._core")]
pub(crate) struct PyClericalSample(Arc<ClericalSample>);

#[pymethods]
impl PyClericalSample {
    #[staticmethod]
    #[pyo3(signature = (links, compared, by, size, doubt, seed))]
    fn draw(
        py: Python<'_>,
        links: &Bound<'_, PyLinks>,
        compared: Option<&Bound<'_, PyLinks>>,
        by: Option<&Bound<'_, PyColumn>>,
        size: usize,
        doubt: f64,
        seed: u64,
    ) -> PyResult<Self> {
        let links = Arc::clone(&links.get().0);
        let compared = compared.map(|other| Arc::clone(&other.get().0));
        let by = column(by);
        work::run(py, None, move |_| {
            let designer = Clerical::new().size(size).doubt(doubt).seed(seed);
            let sample = designer.draw(&links, compared.as_deref(), by.as_deref());
            sample.map(|own| Self(Arc::new(own))).map_err(|error| linkage_error(&error))
        })
    }

    fn pairs(&self, py: Python<'_>) -> PyResult<PyTable> {
        let own = Arc::clone(&self.0);
        tabled(py, move || own.pairs())
    }

    fn design(&self, py: Python<'_>) -> PyResult<PyTable> {
        let own = Arc::clone(&self.0);
        tabled(py, move || own.design())
    }

    fn forecast(&self, py: Python<'_>) -> PyResult<PyTable> {
        let own = Arc::clone(&self.0);
        tabled(py, move || own.forecast())
    }

    fn estimate(&self, py: Python<'_>, labels: Vec<Option<bool>>) -> PyResult<PyTable> {
        let own = Arc::clone(&self.0);
        tabled(py, move || own.estimate(&labels))
    }

    fn to_json(&self) -> PyResult<String> {
        self.0.to_json().map_err(|error| linkage_error(&error))
    }

    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let sample = ClericalSample::from_json(text);
        sample.map(|own| Self(Arc::new(own))).map_err(|error| linkage_error(&error))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<ClericalSample>(py, data).map(|own| Self(Arc::new(own)))
    }
}
