//! The door to `kruispunt::linkage`.

use crate::account;
use crate::column::PyColumn;
use crate::error::{InputError, linkage_error};
use crate::linked::PyLinked;
use crate::table::PyTable;
use crate::{pickle, work};
use kruispunt::data::{Links, Table};
use kruispunt::linkage::{
    Assignment, Comparison, Condition, Dependence, Grouping, KeyLink, Labels, LinkageError, Linker,
    Measure, PairScorer, Rule, RuleLink, Threshold, Truth,
};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Kind, column, column on the right, term frequencies, thresholds, settings as JSON.
type Compared = (String, String, String, bool, Vec<f64>, String);

fn comparison((kind, column, right, tf, thresholds, settings): Compared) -> PyResult<Comparison> {
    let made = match kind.as_str() {
        "exact" => Comparison::exact(column),
        "name" => Comparison::name(column),
        "person" => Comparison::person(column, true, []),
        "date" => Comparison::date(column),
        "identifier" => Comparison::identifier(column),
        "insz" => Comparison::insz(column),
        "levels" => Comparison::levels(column, Vec::<(String, Condition)>::new()),
        "numeric" => Comparison::numeric(column, thresholds),
        word => match Measure::parse(word) {
            Some(measure) => Comparison::text(column, measure, thresholds),
            None => return Err(InputError::new_err(format!("`kind`: there is no \"{word}\""))),
        },
    };
    let made = made.right(right);
    let made = if tf { made.tf() } else { made };
    made.with_settings(&settings).map_err(|error| linkage_error(&error))
}

fn rule(json: &str) -> PyResult<Rule> {
    Rule::from_json(json).map_err(|error| linkage_error(&error))
}

fn labels(rows: Option<Vec<(usize, usize, bool)>>) -> Option<Labels> {
    rows.map(Labels::new)
}

fn assignment(word: &str) -> PyResult<Assignment> {
    match word {
        "one-to-one" => Ok(Assignment::OneToOne),
        "many-to-one" => Ok(Assignment::ManyToOne),
        "one-to-many" => Ok(Assignment::OneToMany),
        "none" => Ok(Assignment::All),
        _ => Err(InputError::new_err(format!(
            "`assignment`: \"{word}\" is not \"one-to-one\", \"many-to-one\", \"one-to-many\" or \"none\""
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

/// A way of grouping by its name; without one, the way that suits the links.
pub(crate) fn grouping(word: Option<&str>, links: &Links) -> PyResult<Grouping> {
    let Some(word) = word else { return Ok(links.grouping()) };
    match word {
        "connected" => Ok(Grouping::Connected),
        "best-link" => Ok(Grouping::BestLink),
        "complete" => Ok(Grouping::Complete),
        "correlation" => Ok(Grouping::Correlation),
        _ => Err(InputError::new_err(format!(
            "`grouping`: \"{word}\" is not \"connected\", \"best-link\", \"complete\" or \"correlation\""
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
    #[pyo3(signature = (comparisons, blocking, cap, draws, dependence="tree", block_cap=None, between=None, by=None))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python class")]
    fn new(
        comparisons: Vec<Compared>,
        blocking: Vec<String>,
        cap: u64,
        draws: u64,
        dependence: &str,
        block_cap: Option<u64>,
        between: Option<String>,
        by: Option<String>,
    ) -> PyResult<Self> {
        let mut linker =
            Linker::new().cap(cap).draws(draws).dependence(self::dependence(dependence)?);
        if let Some(pairs) = block_cap {
            linker = linker.block_cap(pairs);
        }
        if let Some(column) = between {
            linker = linker.between(column);
        }
        if let Some(column) = by {
            linker = linker.by(column);
        }
        for compared in comparisons {
            linker = linker.compare(comparison(compared)?);
        }
        for blocked in &blocking {
            linker = linker.block(rule(blocked)?);
        }
        Ok(Self::of(linker))
    }

    /// Kind, column, column on the right, term frequencies, thresholds and settings of each
    /// comparison.
    fn comparisons(&self) -> PyResult<Vec<Compared>> {
        let each = self.0.comparisons().iter();
        each.map(|comparison| {
            Ok((
                comparison.kind().to_owned(),
                comparison.column().to_owned(),
                comparison.right_column().to_owned(),
                comparison.has_tf(),
                comparison.thresholds().to_vec(),
                comparison.settings().map_err(|error| linkage_error(&error))?,
            ))
        })
        .collect()
    }

    /// The blocking rules as JSON.
    fn blocking(&self) -> PyResult<Vec<String>> {
        let each = self.0.rules().iter();
        each.map(|rule| rule.to_json().map_err(|error| linkage_error(&error))).collect()
    }

    /// The columns that are read on the left and on the right.
    fn columns(&self) -> (Vec<String>, Vec<String>) {
        self.0.columns()
    }

    /// Another linker with the same settings and other rules.
    fn with_blocking(&self, blocking: Vec<String>) -> PyResult<Self> {
        let rules: Vec<Rule> = blocking.iter().map(|own| rule(own)).collect::<PyResult<_>>()?;
        Ok(Self::of((*self.0).clone().blocked(rules)))
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

    /// The linker with what it learned from the pairs, and from labels.
    #[pyo3(signature = (left, right=None, assignment="one-to-one", seed=1, progress=None, labels=None))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    fn train(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
        assignment: &str,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
        labels: Option<Vec<(usize, usize, bool)>>,
    ) -> PyResult<Self> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let (assignment, labels) = (self::assignment(assignment)?, self::labels(labels));
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone()).seed(seed).assignment(assignment);
            let trained = match (&right, &labels) {
                (Some(right), None) => linker.train(&left, right),
                (Some(right), Some(labels)) => linker.train_labelled(&left, right, labels),
                (None, None) => linker.train_dedupe(&left),
                (None, Some(labels)) => linker.train_dedupe_labelled(&left, labels),
            };
            trained.map(Self::of).map_err(|error| linkage_error(&error))
        })
    }

    /// Links of what is new in one table.
    #[pyo3(signature = (table, since, probability=None, fdr=None, progress=None))]
    fn link_since(
        &self,
        py: Python<'_>,
        table: &Bound<'_, PyTable>,
        since: usize,
        probability: Option<f64>,
        fdr: Option<f64>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyLinks> {
        let table = Arc::clone(&table.get().0);
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone()).threshold(threshold(probability, fdr));
            let links = linker.dedupe_since(&table, since);
            links.map(PyLinks::of).map_err(|error| linkage_error(&error))
        })
    }

    /// What named pairs of rows weigh.
    fn score(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: &Bound<'_, PyTable>,
        rows: Vec<(usize, usize)>,
    ) -> PyResult<PyTable> {
        let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
        let linker = Arc::clone(&self.0);
        tabled(py, move || linker.score(&left, &right, &rows))
    }

    /// A scorer of single pairs.
    #[pyo3(signature = (left, right=None))]
    fn scorer(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
    ) -> PyResult<PyPairScorer> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let linker = Arc::clone(&self.0);
        work::run(py, None, move |_| {
            let made = match &right {
                Some(right) => linker.pair_scorer(&left, right),
                None => linker.pair_scorer_dedupe(&left),
            };
            made.map(PyPairScorer).map_err(|error| linkage_error(&error))
        })
    }

    /// Rules learned from matches, as JSON, and what each finds and costs.
    #[pyo3(signature = (left, right, matches, recall, cap, progress=None))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    fn learn_rules(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: Option<&Bound<'_, PyTable>>,
        matches: Vec<(usize, usize)>,
        recall: f64,
        cap: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<String>, PyTable)> {
        let (left, right) =
            (Arc::clone(&left.get().0), right.map(|right| Arc::clone(&right.get().0)));
        let linker = (*self.0).clone();
        work::run(py, progress, move |ticket| {
            let linker = linker.ticket(ticket.clone());
            let cover = match &right {
                Some(right) => linker.learn_rules(&left, right, &matches, recall, cap),
                None => linker.learn_rules_dedupe(&left, &matches, recall, cap),
            }
            .map_err(|error| linkage_error(&error))?;
            let rules = cover.rules().iter().map(Rule::to_json).collect::<Result<_, _>>();
            let rules = rules.map_err(|error| linkage_error(&error))?;
            Ok((rules, PyTable::from(cover.table().clone())))
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

    /// Relative standard error of the share of matches.
    #[getter]
    fn probability_error(&self) -> Option<f64> {
        self.0.lambda_error()
    }

    #[getter]
    fn by(&self) -> Option<String> {
        self.0.group_column().map(str::to_owned)
    }

    #[getter]
    fn between(&self) -> Option<String> {
        self.0.source_column().map(str::to_owned)
    }

    /// The share of matches by group.
    fn match_shares(&self) -> PyResult<PyTable> {
        table(self.0.match_shares())
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

    #[pyo3(signature = (grouping=None, previous=None, keep=true))]
    fn clusters(
        &self,
        py: Python<'_>,
        grouping: Option<&str>,
        previous: Option<&Bound<'_, PyColumn>>,
        keep: bool,
    ) -> PyResult<PyTable> {
        let (links, grouping) = (Arc::clone(&self.0), self::grouping(grouping, &self.0)?);
        let previous = previous.map(|own| Arc::clone(&own.get().0));
        tabled(py, move || match &previous {
            Some(previous) => links.clusters_since(previous, keep, grouping),
            None => links.clusters_by(grouping),
        })
    }

    /// What each blocking rule adds.
    fn rules(&self, py: Python<'_>) -> PyResult<PyTable> {
        let links = Arc::clone(&self.0);
        tabled(py, move || links.rules_worth())
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

    /// All candidate pairs of `left` with columns of `right` and their posteriors.
    #[pyo3(signature = (left, right, columns, name, means))]
    fn candidates(
        &self,
        py: Python<'_>,
        left: &Bound<'_, PyTable>,
        right: &Bound<'_, PyTable>,
        columns: Vec<String>,
        name: String,
        means: bool,
    ) -> PyResult<PyLinked> {
        let links = Arc::clone(&self.0);
        let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
        work::run(py, None, move |_| {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let linked = links.candidates(&left, &right, &columns, &name, means);
            linked.map(PyLinked::of).map_err(|error| linkage_error(&error))
        })
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

/// A scorer of single pairs of records.
#[pyclass(frozen, name = "PairScorer", module = "kruispunt._core")]
pub(crate) struct PyPairScorer(PairScorer);

#[pymethods]
impl PyPairScorer {
    /// Weight, probability and levels of two records, given as columns and values.
    #[allow(clippy::needless_pass_by_value, reason = "pyo3 hands texts over")]
    fn score(
        &self,
        left: Vec<(String, String)>,
        right: Vec<(String, String)>,
    ) -> PyResult<(f64, f64, Vec<Option<u8>>)> {
        let left: Vec<(&str, &str)> =
            left.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let right: Vec<(&str, &str)> =
            right.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let score = self.0.score(&left, &right).map_err(|error| linkage_error(&error))?;
        Ok((score.weight, score.probability, score.levels))
    }

    #[getter]
    fn comparisons(&self) -> Vec<String> {
        self.0.comparisons().into_iter().map(str::to_owned).collect()
    }
}

/// Links by rules alone, one pass after the other.
#[pyfunction]
#[pyo3(signature = (left, right, spelled, passes, assignment, progress=None))]
pub(crate) fn rule_link(
    py: Python<'_>,
    left: &Bound<'_, PyTable>,
    right: &Bound<'_, PyTable>,
    spelled: Vec<Compared>,
    passes: Vec<String>,
    assignment: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyLinks> {
    let (left, right) = (Arc::clone(&left.get().0), Arc::clone(&right.get().0));
    let mut linkage = RuleLink::new().assignment(self::assignment(assignment)?);
    for compared in spelled {
        linkage = linkage.spell(comparison(compared)?);
    }
    for json in &passes {
        linkage = linkage.pass(rule(json)?);
    }
    work::run(py, progress, move |ticket| {
        let links = linkage.ticket(ticket.clone()).link(&left, &right);
        links.map(PyLinks::of).map_err(|error| linkage_error(&error))
    })
}

/// Tables one below the other, with the source of each row.
#[pyfunction]
pub(crate) fn stack(
    py: Python<'_>,
    names: Vec<String>,
    tables: Vec<Bound<'_, PyTable>>,
    source: String,
) -> PyResult<PyTable> {
    let tables: Vec<Arc<Table>> = tables.iter().map(|table| Arc::clone(&table.get().0)).collect();
    tabled(py, move || {
        let tables: Vec<(&str, &Table)> =
            names.iter().map(String::as_str).zip(tables.iter().map(|table| &**table)).collect();
        Ok(Table::stack(&tables, &source)?)
    })
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
