//! The door to `kruispunt::trajectory`.

use crate::column::PyColumn;
use crate::error::{InputError, data_error, trajectory_error};
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::Seed;
use kruispunt::trajectory::{
    Clara, Clock, Costs, Dissimilarity, Distances, Edge, Empty, Indicator, Link, Linkage, Measure,
    MissingStates, Normalisation, Precision, Prices, Reader, Sequences, Since, Tree, Typology,
    Values,
};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use std::sync::Arc;

/// A factor: its name, degrees of freedom, F, share explained and p value.
type Explaining = (String, usize, f64, f64, f64);

/// One of a few words.
pub(crate) fn one_of<T: Copy>(argument: &str, word: &str, words: &[(&str, T)]) -> PyResult<T> {
    words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        InputError::new_err(format!("`{argument}`: \"{word}\" is none of {}", known.join(", ")))
    })
}

/// How cells become sequences.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Reading {
    states: Option<Vec<String>>,
    labels: Option<Vec<String>>,
    colours: Option<Vec<String>>,
    id: Option<String>,
    weights: Option<String>,
    left: String,
    gaps: String,
    right: String,
    empty: String,
}

impl Reading {
    pub(crate) fn build(self) -> PyResult<Reader> {
        let edges = [("missing", Edge::Missing), ("delete", Edge::Delete)];
        let empties = [("refuse", Empty::Refuse), ("drop", Empty::Drop), ("keep", Empty::Keep)];
        let mut reader = Reader::new()
            .left(one_of("left", &self.left, &edges)?)
            .gaps(one_of("gaps", &self.gaps, &edges)?)
            .right(one_of("right", &self.right, &edges)?)
            .empty(one_of("empty", &self.empty, &empties)?);
        if let Some(states) = self.states {
            reader = reader.states(states);
        }
        if let Some(labels) = self.labels {
            reader = reader.labels(labels);
        }
        if let Some(colours) = self.colours {
            reader = reader.colours(colours);
        }
        if let Some(id) = self.id {
            reader = reader.id(id);
        }
        if let Some(weights) = self.weights {
            reader = reader.weights(weights);
        }
        Ok(reader)
    }
}

/// Costs by name.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Pricing {
    kind: String,
    value: f64,
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Pricing {
    pub(crate) fn build(self) -> PyResult<Costs> {
        Ok(match self.kind.as_str() {
            "constant" => Costs::Constant(self.value),
            "trate" => Costs::Rates,
            "indels" => Costs::Indels,
            "indelslog" => Costs::IndelsLog,
            "future" => Costs::Future,
            "features" => Costs::Features { values: self.values, weights: self.weights },
            "matrix" => Costs::Matrix(self.values),
            "own" => Costs::Own(Prices { substitution: self.values, indel: self.weights }),
            other => {
                return Err(InputError::new_err(format!(
                    "`costs`: \"{other}\" is none of \"constant\", \"trate\", \"indels\", \
                     \"indelslog\", \"future\"; a number, a matrix or a table of features will do \
                     too"
                )));
            }
        })
    }
}

/// A measure before it meets sequences.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Measuring {
    method: String,
    costs: Option<Pricing>,
    indel: Option<f64>,
    norm: String,
    missing: String,
    precision: String,
    limit: Option<u64>,
    expansion: f64,
    context: Option<f64>,
    h: f64,
    link: String,
    power: f64,
    origin: f64,
    stiffness: f64,
    penalty: f64,
    step: usize,
}

impl Measuring {
    fn measure(&self) -> PyResult<Measure> {
        let link = one_of("link", &self.link, &[("mean", Link::Mean), ("gmean", Link::Geometric)])?;
        let expansion = self.expansion;
        let context = self.context.unwrap_or((1.0 - 2.0 * expansion).max(0.0));
        Ok(match self.method.to_ascii_lowercase().as_str() {
            "om" => Measure::Om,
            "ham" => Measure::Hamming,
            "dhd" => Measure::DynamicHamming,
            "lcs" => Measure::Lcs,
            "lcp" => Measure::Prefix,
            "rlcp" => Measure::Suffix,
            "omloc" => Measure::Local { expansion, context },
            "omslen" => Measure::SpellLength { h: self.h, link },
            "omspell" => Measure::Spell { expansion, power: self.power },
            "omstran" => Measure::Transitions { origin: self.origin },
            "twed" => Measure::Twed { stiffness: self.stiffness, penalty: self.penalty },
            "nms" => Measure::Subsequences,
            "nmsmst" => Measure::SharedTime,
            "svrspell" => Measure::SpellVectors { power: self.power },
            "chi2" => Measure::ChiSquare { step: self.step },
            "euclid" => Measure::Euclid { step: self.step },
            other => {
                return Err(InputError::new_err(format!(
                    "`method`: \"{other}\" is none of \"om\", \"ham\", \"dhd\", \"lcs\", \"lcp\", \
                     \"rlcp\", \"omloc\", \"omslen\", \"omspell\", \"omstran\", \"twed\", \"nms\", \
                     \"nmsmst\", \"svrspell\", \"chi2\", \"euclid\""
                )));
            }
        })
    }

    pub(crate) fn build(self) -> PyResult<Dissimilarity> {
        let norms = [
            ("none", Normalisation::None),
            ("auto", Normalisation::Auto),
            ("maxlength", Normalisation::Longest),
            ("gmean", Normalisation::Geometric),
            ("maxdist", Normalisation::Largest),
            ("yujianbo", Normalisation::YujianBo),
        ];
        let widths =
            [("auto", Precision::Auto), ("f32", Precision::Single), ("f64", Precision::Double)];
        let missing = [("refuse", MissingStates::Refuse), ("state", MissingStates::State)];
        let mut own = Dissimilarity::new(self.measure()?)
            .normalise(one_of("norm", &self.norm.to_ascii_lowercase(), &norms)?)
            .precision(one_of("precision", &self.precision, &widths)?)
            .missing(one_of("missing", &self.missing, &missing)?);
        if let Some(bytes) = self.limit {
            own = own.limit(bytes);
        }
        if let Some(cost) = self.indel {
            own = own.indel(cost);
        }
        if let Some(costs) = self.costs {
            own = own.costs(costs.build()?);
        }
        Ok(own)
    }
}

/// Careers as sequences of states.
#[pyclass(frozen, name = "Sequences", module = "kruispunt._core")]
pub(crate) struct PySequences(pub(crate) Arc<Sequences>);

impl From<Sequences> for PySequences {
    fn from(sequences: Sequences) -> Self {
        Self(Arc::new(sequences))
    }
}

#[pymethods]
impl PySequences {
    #[staticmethod]
    fn wide(table: &Bound<'_, PyTable>, columns: Vec<String>, reading: Reading) -> PyResult<Self> {
        let (data, reader) = (Arc::clone(&table.get().0), reading.build()?);
        work::run(table.py(), None, move |_| {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            reader.wide(&data, &columns).map(Self::from).map_err(|error| trajectory_error(&error))
        })
    }

    #[staticmethod]
    fn long(
        table: &Bound<'_, PyTable>,
        person: String,
        time: String,
        state: String,
        reading: Reading,
    ) -> PyResult<Self> {
        let (data, reader) = (Arc::clone(&table.get().0), reading.build()?);
        work::run(table.py(), None, move |_| {
            let read = reader.long(&data, &person, &time, &state);
            read.map(Self::from).map_err(|error| trajectory_error(&error))
        })
    }

    #[staticmethod]
    fn spells(
        table: &Bound<'_, PyTable>,
        person: String,
        span: (String, String),
        state: String,
        clock: &str,
        reading: Reading,
    ) -> PyResult<Self> {
        let clocks = [("calendar", Clock::Calendar), ("person", Clock::Person)];
        let clock = one_of("clock", clock, &clocks)?;
        let (data, reader) = (Arc::clone(&table.get().0), reading.build()?);
        work::run(table.py(), None, move |_| {
            let read = reader.spells(&data, &person, (&span.0, &span.1), &state, clock);
            read.map(Self::from).map_err(|error| trajectory_error(&error))
        })
    }

    #[staticmethod]
    fn sps(table: &Bound<'_, PyTable>, column: String, reading: Reading) -> PyResult<Self> {
        let (data, reader) = (Arc::clone(&table.get().0), reading.build()?);
        work::run(table.py(), None, move |_| {
            reader.sps(&data, &column).map(Self::from).map_err(|error| trajectory_error(&error))
        })
    }

    #[staticmethod]
    #[pyo3(signature = (panel, state, since, length, reading))]
    fn panel(
        panel: &Bound<'_, PyPanel>,
        state: String,
        since: Option<String>,
        length: Option<usize>,
        reading: Reading,
    ) -> PyResult<Self> {
        let (data, reader) = (Arc::clone(&panel.get().0), reading.build()?);
        let since = since.map_or(Since::Calendar, Since::Event);
        work::run(panel.py(), None, move |_| {
            let read = reader.panel(&data, &state, &since, length);
            read.map(Self::from).map_err(|error| trajectory_error(&error))
        })
    }

    /// Name, label and colour of each state.
    #[getter]
    fn states(&self) -> Vec<(String, String, String)> {
        let states = self.0.alphabet().states().iter();
        states.map(|own| (own.name.clone(), own.label.clone(), own.colour.clone())).collect()
    }

    #[getter]
    fn positions(&self) -> Vec<String> {
        self.0.positions().to_vec()
    }

    #[getter]
    fn weighted(&self) -> bool {
        self.0.is_weighted()
    }

    #[getter]
    fn id(&self) -> &str {
        self.0.id_name()
    }

    fn ids(&self) -> PyColumn {
        PyColumn(Arc::new(self.0.ids().clone()))
    }

    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.weights().to_vec().into_pyarray(py)
    }

    fn codes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i16>> {
        self.0.codes().into_pyarray(py)
    }

    fn unique_of<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.unique_of().to_vec().into_pyarray(py)
    }

    fn unique_rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.unique_rows().to_vec().into_pyarray(py)
    }

    fn text(&self, sequence: usize) -> PyResult<String> {
        if sequence >= self.0.len() {
            return Err(InputError::new_err(format!(
                "`sequence`: there is no sequence {sequence}"
            )));
        }
        Ok(self.0.text(sequence))
    }

    /// Shares state by state, weights and numbers of sequences, entropies, most frequent states.
    #[allow(clippy::type_complexity, reason = "one tuple for one call")]
    fn cross_section<'py>(
        &self,
        py: Python<'py>,
    ) -> (
        Bound<'py, PyArray1<f64>>,
        Bound<'py, PyArray1<f64>>,
        Bound<'py, PyArray1<u64>>,
        Bound<'py, PyArray1<f64>>,
        Vec<Option<u8>>,
    ) {
        let cross = self.0.cross_section();
        (
            cross.distribution.into_pyarray(py),
            cross.valid.into_pyarray(py),
            cross.n.into_pyarray(py),
            cross.entropy.into_pyarray(py),
            cross.modal,
        )
    }

    fn mean_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.mean_time().into_pyarray(py)
    }

    fn transition_rates<'py>(
        &self,
        py: Python<'py>,
        lag: usize,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        if lag == 0 {
            return Err(InputError::new_err("`lag`: expected at least one position, got 0"));
        }
        Ok(self.0.transition_rates(lag).into_pyarray(py))
    }

    fn indicator<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let indicator = one_of("indicator", name, &Indicator::ALL)?;
        let own = Arc::clone(&self.0);
        let values = work::run(py, None, move |_| Ok(own.indicator(indicator)))?;
        Ok(values.into_pyarray(py))
    }

    fn times<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.times().into_pyarray(py)
    }

    fn integration<'py>(
        &self,
        py: Python<'py>,
        states: Vec<String>,
        power: f64,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let alphabet = self.0.alphabet();
        let code = |name: &String| {
            alphabet.code(name).ok_or_else(|| {
                InputError::new_err(format!("`states`: \"{name}\" is not in the alphabet"))
            })
        };
        let codes = states.iter().map(code).collect::<PyResult<Vec<u8>>>()?;
        Ok(self.0.integration(&codes, power).into_pyarray(py))
    }

    /// Substitution costs row by row, and what each state costs to insert.
    #[allow(clippy::type_complexity, reason = "one tuple for one call")]
    fn costs<'py>(
        &self,
        py: Python<'py>,
        pricing: Pricing,
        missing: bool,
    ) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>)> {
        let prices = self.0.prices(&pricing.build()?, missing);
        let prices = prices.map_err(|error| trajectory_error(&error))?;
        Ok((prices.substitution.into_pyarray(py), prices.indel.into_pyarray(py)))
    }

    fn table(&self, form: &str) -> PyResult<PyTable> {
        type Format = fn(&Sequences) -> kruispunt::data::Table;
        let formats: [(&str, Format); 4] = [
            ("sts", Sequences::to_sts),
            ("spell", Sequences::to_spells),
            ("dss", Sequences::to_dss),
            ("sps", Sequences::to_sps),
        ];
        Ok(PyTable::from(one_of("format", form, &formats)?(&self.0)))
    }

    #[pyo3(signature = (measuring, progress=None))]
    fn distances(
        &self,
        py: Python<'_>,
        measuring: Measuring,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyDistances> {
        let (measure, sequences) = (measuring.build()?, Arc::clone(&self.0));
        work::run(py, progress, move |ticket| {
            let distances = measure.between_with(&sequences, ticket);
            distances.map(PyDistances::from).map_err(|error| trajectory_error(&error))
        })
    }

    #[pyo3(signature = (measuring, ks, samples, size, seed, progress=None))]
    #[allow(clippy::too_many_arguments, reason = "a call from Python has its arguments one by one")]
    fn clara(
        &self,
        py: Python<'_>,
        measuring: Measuring,
        ks: Vec<usize>,
        samples: usize,
        size: Option<usize>,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PyTypology>> {
        let (measure, sequences) = (measuring.build()?, Arc::clone(&self.0));
        let mut clara = Clara::new().samples(samples).seed(Seed::new(seed));
        if let Some(size) = size {
            clara = clara.size(size);
        }
        work::run(py, progress, move |ticket| {
            typologies(clara.fit(&measure, &sequences, &ks, ticket))
        })
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.0 == other.get().0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Sequences>(py, data).map(Self::from)
    }
}

type Found = Result<Vec<Typology>, kruispunt::trajectory::TrajectoryError>;

fn typologies(found: Found) -> PyResult<Vec<PyTypology>> {
    let found = found.map_err(|error| trajectory_error(&error))?;
    Ok(found.into_iter().map(PyTypology::from).collect())
}

const LINKAGES: [(&str, Linkage); 6] = [
    ("ward", Linkage::Ward),
    ("ward_unsquared", Linkage::WardUnsquared),
    ("average", Linkage::Average),
    ("weighted", Linkage::Weighted),
    ("single", Linkage::Single),
    ("complete", Linkage::Complete),
];

/// Distances between sequences.
#[pyclass(frozen, name = "Distances", module = "kruispunt._core")]
pub(crate) struct PyDistances(pub(crate) Arc<Distances>);

impl From<Distances> for PyDistances {
    fn from(distances: Distances) -> Self {
        Self(Arc::new(distances))
    }
}

#[pymethods]
impl PyDistances {
    #[getter]
    fn method(&self) -> &str {
        self.0.method()
    }

    #[getter]
    fn n_unique(&self) -> usize {
        self.0.n_unique()
    }

    #[getter]
    fn precision(&self) -> &'static str {
        match self.0.values() {
            Values::Single(_) => "f32",
            Values::Double(_) => "f64",
        }
    }

    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().to_vec()
    }

    /// The upper triangle of the different sequences, row by row.
    fn condensed<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self.0.values() {
            Values::Single(values) => values.clone().into_pyarray(py).into_any(),
            Values::Double(values) => values.clone().into_pyarray(py).into_any(),
        }
    }

    fn square<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let own = Arc::clone(&self.0);
        Ok(work::run(py, None, move |_| Ok(own.square()))?.into_pyarray(py))
    }

    fn get(&self, one: usize, other: usize) -> PyResult<f64> {
        match [one, other].iter().find(|&&at| at >= self.0.len()) {
            Some(at) => Err(InputError::new_err(format!("there is no sequence {at}"))),
            None => Ok(self.0.get(one, other)),
        }
    }

    fn unique_of<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.unique_of().to_vec().into_pyarray(py)
    }

    #[pyo3(signature = (ks, progress=None))]
    fn pam(
        &self,
        py: Python<'_>,
        ks: Vec<usize>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PyTypology>> {
        let own = Arc::clone(&self.0);
        work::run(py, progress, move |ticket| typologies(own.pam(&ks, ticket)))
    }

    #[pyo3(signature = (linkage, progress=None))]
    fn tree(
        &self,
        py: Python<'_>,
        linkage: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyTree> {
        let (linkage, own) = (one_of("linkage", linkage, &LINKAGES)?, Arc::clone(&self.0));
        work::run(py, progress, move |ticket| {
            let tree = own.tree(linkage, ticket).map_err(|error| trajectory_error(&error))?;
            Ok(PyTree(Arc::new(tree)))
        })
    }

    #[pyo3(signature = (tree, ks, progress=None))]
    fn cut(
        &self,
        tree: &Bound<'_, PyTree>,
        ks: Vec<usize>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PyTypology>> {
        let (own, merges) = (Arc::clone(&self.0), Arc::clone(&tree.get().0));
        work::run(tree.py(), progress, move |ticket| typologies(own.cut(&merges, &ks, ticket)))
    }

    /// Measures by name, typology by typology.
    fn quality(
        &self,
        py: Python<'_>,
        typologies: Vec<Py<PyTypology>>,
    ) -> PyResult<Vec<Vec<(&'static str, f64)>>> {
        let own = Arc::clone(&self.0);
        let types: Vec<_> = typologies.iter().map(|one| Arc::clone(&one.get().0)).collect();
        work::run(py, None, move |ticket| {
            let types: Vec<&Typology> = types.iter().map(|one| &**one).collect();
            let found = own.quality(&types, ticket).map_err(|error| trajectory_error(&error))?;
            Ok(found.iter().map(|quality| quality.named().to_vec()).collect())
        })
    }

    #[getter]
    fn discrepancy(&self) -> f64 {
        self.0.discrepancy()
    }

    /// Weights and discrepancies of groups, discrepancy of all, F and its p value, R2, Levene's
    /// statistic and its p value.
    #[allow(clippy::type_complexity, reason = "one tuple for one call")]
    #[pyo3(signature = (groups, permutations, seed, progress=None))]
    fn compare(
        &self,
        py: Python<'_>,
        groups: Vec<u32>,
        permutations: usize,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<f64>, Vec<f64>, f64, (f64, f64), f64, (f64, f64))> {
        let own = Arc::clone(&self.0);
        work::run(py, progress, move |ticket| {
            let compared = own.compare(&groups, permutations, Seed::new(seed), ticket);
            let own = compared.map_err(|error| trajectory_error(&error))?;
            Ok((own.weights, own.discrepancy, own.total, own.f, own.r2, own.levene))
        })
    }

    /// Factor, degrees of freedom, F, R2 and p value, row by row.
    #[pyo3(signature = (factors, permutations, seed, progress=None))]
    fn explain(
        &self,
        py: Python<'_>,
        factors: Vec<(String, Vec<u32>)>,
        permutations: usize,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Explaining>> {
        let own = Arc::clone(&self.0);
        work::run(py, progress, move |ticket| {
            let factors: Vec<(&str, &[u32])> =
                factors.iter().map(|(name, codes)| (name.as_str(), codes.as_slice())).collect();
            let rows = own.explain(&factors, permutations, Seed::new(seed), ticket);
            let rows = rows.map_err(|error| trajectory_error(&error))?;
            Ok(rows.into_iter().map(|row| (row.factor, row.df, row.f, row.r2, row.p)).collect())
        })
    }

    /// Overlap of each type with what draws find; membership row by row.
    #[pyo3(signature = (typology, draws, seed, progress=None))]
    fn stability(
        &self,
        typology: &Bound<'_, PyTypology>,
        draws: usize,
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<f64>, Py<PyArray1<f64>>)> {
        let (py, own, types) = (typology.py(), Arc::clone(&self.0), Arc::clone(&typology.get().0));
        let found = work::run(py, progress, move |ticket| {
            let found = own.stability(&types, draws, Seed::new(seed), ticket);
            found.map_err(|error| trajectory_error(&error))
        })?;
        Ok((found.jaccard, found.membership.into_pyarray(py).unbind()))
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Distances>(py, data).map(Self::from)
    }
}

/// Who joins whom.
#[pyclass(frozen, name = "Tree", module = "kruispunt._core")]
pub(crate) struct PyTree(Arc<Tree>);

#[pymethods]
impl PyTree {
    #[getter]
    fn linkage(&self) -> &'static str {
        self.0.linkage().name()
    }

    /// The two groups, their distance, the weight of both.
    fn merges(&self) -> Vec<(u32, u32, f64, f64)> {
        self.0.merges().to_vec()
    }

    fn __len__(&self) -> usize {
        self.0.merges().len() + 1
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        Ok(Self(Arc::new(pickle::from_bytes(py, data)?)))
    }
}

/// Types of sequences.
#[pyclass(frozen, name = "Typology", module = "kruispunt._core")]
pub(crate) struct PyTypology(pub(crate) Arc<Typology>);

impl From<Typology> for PyTypology {
    fn from(typology: Typology) -> Self {
        Self(Arc::new(typology))
    }
}

#[pymethods]
impl PyTypology {
    #[getter]
    fn k(&self) -> usize {
        self.0.k()
    }

    #[getter]
    fn method(&self) -> &str {
        self.0.method()
    }

    #[getter]
    fn total(&self) -> f64 {
        self.0.total()
    }

    /// One number a sequence, from 0.
    fn types<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.types().to_vec().into_pyarray(py)
    }

    fn medoids<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.0.medoids().to_vec().into_pyarray(py)
    }

    fn sizes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        self.0.sizes().to_vec().into_pyarray(py)
    }

    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.weights().to_vec().into_pyarray(py)
    }

    fn table(&self, name: &str) -> PyResult<PyTable> {
        self.0.table(name).map(PyTable::from).map_err(|error| data_error(&error))
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __len__(&self) -> usize {
        self.0.types().len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Typology>(py, data).map(Self::from)
    }
}
