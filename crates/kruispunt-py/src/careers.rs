//! The door to what is done with sequences and distances beyond their own methods.

use crate::error::{InputError, trajectory_error};
use crate::table::PyTable;
use crate::trajectory::{
    Measuring, Pricing, PyDistances, PySequences, PyTypology, Reading, one_of,
};
use crate::work;
use kruispunt::data::Seed;
use kruispunt::trajectory::{
    Algorithm, Candidacy, ChangeWeight, Channels, Distances, Factor, FuzzyOptions, Growth, Linkage,
    NullModel, TrajectoryError, Typology,
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

type Array<T> = Py<PyArray1<T>>;
/// Types, measure, observed, mean, standard deviation, percentiles.
type Spread = (usize, &'static str, f64, f64, f64, f64, f64);
/// The same with two p values.
type Against = (usize, &'static str, f64, f64, f64, (f64, f64), f64, f64);
/// Memberships, objective, partition coefficient, steps, whether they ended by themselves.
type Memberships = (PyTypology, Array<f64>, f64, f64, usize, bool);
/// Parent, depth, n, weight, discrepancy, medoid, factor, R2, F, p, rule.
type Branch =
    (Option<usize>, usize, usize, f64, f64, u32, Option<String>, Option<(f64, f64, f64)>, String);
/// Name, codes, levels, whether levels are in order.
type PyFactor = (String, Vec<u32>, Vec<String>, bool);
type Progress<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

fn wrong(error: TrajectoryError) -> PyErr {
    trajectory_error(&error)
}

/// Sequences side by side.
#[pyclass(frozen, name = "Channels", module = "kruispunt._core")]
pub(crate) struct PyChannels(Arc<Channels>);

#[pymethods]
impl PyChannels {
    #[new]
    fn new(py: Python<'_>, channels: Vec<(String, Py<PySequences>)>) -> PyResult<Self> {
        let own: Vec<_> =
            channels.iter().map(|(name, own)| (name.clone(), Arc::clone(&own.get().0))).collect();
        work::run(py, None, move |_| {
            let each: Vec<_> = own.iter().map(|(name, own)| (name.as_str(), &**own)).collect();
            Ok(Self(Arc::new(Channels::new(&each).map_err(wrong)?)))
        })
    }

    fn combined(&self) -> PySequences {
        PySequences::from(self.0.combined().clone())
    }

    fn parts(&self) -> Vec<PySequences> {
        self.0.parts().iter().cloned().map(PySequences::from).collect()
    }

    /// Costs of combined states row by row, and what each costs to insert.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn costs(
        &self,
        py: Python<'_>,
        pricing: Vec<Pricing>,
        indels: Vec<Option<f64>>,
        weights: Vec<f64>,
        missing: bool,
    ) -> PyResult<(Array<f64>, Array<f64>)> {
        let costs = pricing.into_iter().map(Pricing::build).collect::<PyResult<Vec<_>>>()?;
        let prices = self.0.prices(&costs, &indels, &weights, missing).map_err(wrong)?;
        let array = |values: Vec<f64>| values.into_pyarray(py).unbind();
        Ok((array(prices.substitution), array(prices.indel)))
    }
}

/// Distances added up.
#[pyfunction]
#[pyo3(signature = (parts, progress=None))]
pub(crate) fn trajectory_sum(
    py: Python<'_>,
    parts: Vec<(Py<PyDistances>, f64)>,
    progress: Progress<'_, '_>,
) -> PyResult<PyDistances> {
    let own: Vec<_> = parts.iter().map(|(own, w)| (Arc::clone(&own.get().0), *w)).collect();
    work::run(py, progress, move |ticket| {
        let each: Vec<_> = own.iter().map(|(own, weight)| (&**own, *weight)).collect();
        Distances::sum(&each, ticket).map(PyDistances::from).map_err(wrong)
    })
}

/// Sequences from distinct successive states and their lengths.
#[pyfunction]
pub(crate) fn trajectory_dss(
    table: &Bound<'_, PyTable>,
    states: String,
    lengths: String,
    reading: Reading,
) -> PyResult<PySequences> {
    let (data, reader) = (Arc::clone(&table.get().0), reading.build()?);
    work::run(table.py(), None, move |_| {
        reader.dss(&data, &states, &lengths).map(PySequences::from).map_err(wrong)
    })
}

/// Types with a degree of membership.
#[pyfunction]
#[pyo3(signature = (distances, k, exponent, tolerance, steps, progress=None))]
pub(crate) fn trajectory_fuzzy(
    distances: &Bound<'_, PyDistances>,
    k: usize,
    exponent: f64,
    tolerance: f64,
    steps: usize,
    progress: Progress<'_, '_>,
) -> PyResult<Memberships> {
    let (py, own) = (distances.py(), Arc::clone(&distances.get().0));
    let options = FuzzyOptions { exponent, tolerance, steps };
    let found =
        work::run(py, progress, move |ticket| own.fuzzy(k, options, ticket).map_err(wrong))?;
    let (steps, converged) = found.steps();
    let membership = found.membership().to_vec().into_pyarray(py).unbind();
    let (objective, partition) = (found.objective(), found.partition());
    Ok((
        PyTypology::from(found.typology().clone()),
        membership,
        objective,
        partition,
        steps,
        converged,
    ))
}

const MODELS: [(&str, NullModel); 5] = [
    ("sequencing", NullModel::Sequencing),
    ("duration", NullModel::Duration),
    ("combined", NullModel::Combined),
    ("states", NullModel::States),
    ("markov", NullModel::Markov),
];

/// Sequences drawn from a null model.
#[pyfunction]
pub(crate) fn trajectory_drawn(
    sequences: &Bound<'_, PySequences>,
    model: &str,
    seed: u64,
) -> PyResult<PySequences> {
    let (model, own) = (one_of("model", model, &MODELS)?, Arc::clone(&sequences.get().0));
    work::run(sequences.py(), None, move |_| {
        Ok(PySequences::from(own.drawn(model, Seed::new(seed))))
    })
}

/// Quality beside that of types in sequences without types.
#[pyfunction]
#[pyo3(signature = (sequences, measuring, algorithm, ks, model, draws, seed, progress=None))]
#[allow(clippy::too_many_arguments, reason = "a call from Python has its arguments one by one")]
pub(crate) fn trajectory_against(
    sequences: &Bound<'_, PySequences>,
    measuring: Measuring,
    algorithm: &str,
    ks: Vec<usize>,
    model: &str,
    draws: usize,
    seed: u64,
    progress: Progress<'_, '_>,
) -> PyResult<Vec<Against>> {
    let algorithms = [
        ("pam", Algorithm::Medoids),
        ("ward", Algorithm::Tree(Linkage::Ward)),
        ("average", Algorithm::Tree(Linkage::Average)),
        ("complete", Algorithm::Tree(Linkage::Complete)),
    ];
    let algorithm = one_of("by", algorithm, &algorithms)?;
    let (model, measure) = (one_of("model", model, &MODELS)?, measuring.build()?);
    let own = Arc::clone(&sequences.get().0);
    work::run(sequences.py(), progress, move |ticket| {
        let seed = Seed::new(seed);
        let rows = own.against(&measure, algorithm, &ks, (model, draws), seed, ticket);
        let row = |r: kruispunt::trajectory::Against| {
            (r.k, r.measure, r.observed, r.mean, r.sd, r.interval, r.p, r.p_any)
        };
        Ok(rows.map_err(wrong)?.into_iter().map(row).collect())
    })
}

/// Quality over draws of persons.
#[pyfunction]
#[pyo3(signature = (distances, typologies, draws, level, seed, progress=None))]
pub(crate) fn trajectory_quality_drawn(
    distances: &Bound<'_, PyDistances>,
    typologies: Vec<Py<PyTypology>>,
    draws: usize,
    level: f64,
    seed: u64,
    progress: Progress<'_, '_>,
) -> PyResult<Vec<Spread>> {
    let own = Arc::clone(&distances.get().0);
    let types: Vec<_> = typologies.iter().map(|one| Arc::clone(&one.get().0)).collect();
    work::run(distances.py(), progress, move |ticket| {
        let types: Vec<&Typology> = types.iter().map(|one| &**one).collect();
        let rows = own.quality_drawn(&types, draws, level, Seed::new(seed), ticket);
        let row = |r: kruispunt::trajectory::Spread| {
            (r.k, r.measure, r.observed, r.mean, r.sd, r.interval.0, r.interval.1)
        };
        Ok(rows.map_err(wrong)?.into_iter().map(row).collect())
    })
}

/// The overlap of each type with what draws find, and the type of each sequence in each draw.
#[pyfunction]
#[pyo3(signature = (distances, typology, draws, seed, progress=None))]
pub(crate) fn trajectory_types_drawn(
    distances: &Bound<'_, PyDistances>,
    typology: &Bound<'_, PyTypology>,
    draws: usize,
    seed: u64,
    progress: Progress<'_, '_>,
) -> PyResult<(Vec<f64>, Array<u32>)> {
    let (own, types) = (Arc::clone(&distances.get().0), Arc::clone(&typology.get().0));
    let found = work::run(distances.py(), progress, move |ticket| {
        own.stability(&types, draws, Seed::new(seed), ticket).map_err(wrong)
    })?;
    Ok((found.jaccard, found.types.into_pyarray(distances.py()).unbind()))
}

/// A tree of splits by factors: its branches, the leaf of each sequence, R2.
#[pyfunction]
#[pyo3(signature = (distances, factors, growth, progress=None))]
pub(crate) fn trajectory_branches(
    distances: &Bound<'_, PyDistances>,
    factors: Vec<PyFactor>,
    growth: (f64, usize, usize, f64, u64),
    progress: Progress<'_, '_>,
) -> PyResult<(Vec<Branch>, Array<u32>, f64)> {
    let (least, depth, permutations, level, seed) = growth;
    let growth = Growth { least, depth, permutations, level, seed: Seed::new(seed) };
    let own = Arc::clone(&distances.get().0);
    let factors: Vec<Factor> = factors
        .into_iter()
        .map(|(name, codes, levels, ordered)| Factor { name, codes, levels, ordered })
        .collect();
    let found = work::run(distances.py(), progress, move |ticket| {
        own.branches(&factors, growth, ticket).map_err(wrong)
    })?;
    let row = |(at, own): (usize, &kruispunt::trajectory::Branch)| {
        let split = own.split.as_ref();
        (
            own.parent,
            own.depth,
            own.n,
            own.weight,
            own.discrepancy,
            own.medoid,
            split.map(|split| found.factors[split.factor].name.clone()),
            split.map(|split| (split.r2, split.f.0, split.f.1)),
            found.rule(at),
        )
    };
    let rows = found.branches.iter().enumerate().map(row).collect();
    Ok((rows, found.leaf.clone().into_pyarray(distances.py()).unbind(), found.r2))
}

/// Sequences that stand for others: rows, shares near, shares assigned, mean distances, coverage,
/// quality, radius, the nearest of each sequence.
#[pyfunction]
#[pyo3(signature = (distances, criterion, coverage, radius, progress=None))]
#[allow(clippy::type_complexity, reason = "one tuple for one call")]
pub(crate) fn trajectory_representatives(
    distances: &Bound<'_, PyDistances>,
    criterion: &str,
    coverage: f64,
    radius: f64,
    progress: Progress<'_, '_>,
) -> PyResult<(Vec<u32>, Vec<f64>, Vec<f64>, Vec<f64>, f64, f64, f64, Array<u32>)> {
    let candidacies = [
        ("density", Candidacy::Density),
        ("frequency", Candidacy::Frequency),
        ("centrality", Candidacy::Centrality),
    ];
    let candidacy = one_of("criterion", criterion, &candidacies)?;
    let own = Arc::clone(&distances.get().0);
    let r = work::run(distances.py(), progress, move |ticket| {
        own.representatives(candidacy, coverage, radius, ticket).map_err(wrong)
    })?;
    let nearest = r.nearest.into_pyarray(distances.py()).unbind();
    Ok((r.rows, r.near, r.assigned, r.mean, r.coverage, r.quality, r.radius, nearest))
}

/// Groups along an order: group and distance to its medoid of each sequence, medoids, R2, F.
#[pyfunction]
#[pyo3(signature = (distances, groups, order, progress=None))]
#[allow(clippy::type_complexity, reason = "one tuple for one call")]
pub(crate) fn trajectory_relative(
    distances: &Bound<'_, PyDistances>,
    groups: usize,
    order: Option<Vec<f64>>,
    progress: Progress<'_, '_>,
) -> PyResult<(Array<u32>, Array<f64>, Vec<u32>, f64, f64)> {
    let (py, own) = (distances.py(), Arc::clone(&distances.get().0));
    let found = work::run(py, progress, move |ticket| {
        own.relative_frequency(groups, order.as_deref(), ticket).map_err(wrong)
    })?;
    let group = found.group.into_pyarray(py).unbind();
    Ok((group, found.apart.into_pyarray(py).unbind(), found.medoids, found.r2, found.f))
}

/// An index of how undesirable careers are.
#[pyfunction]
pub(crate) fn trajectory_undesirable(
    sequences: &Bound<'_, PySequences>,
    what: &str,
    degrees: Vec<Option<f64>>,
    weight: &str,
    start: f64,
    powers: (f64, f64),
) -> PyResult<Array<f64>> {
    let weights =
        [("rank", ChangeWeight::Rank), ("one", ChangeWeight::One), ("rates", ChangeWeight::Rates)];
    let weight = one_of("weight", weight, &weights)?;
    let (py, own, what) = (sequences.py(), Arc::clone(&sequences.get().0), what.to_owned());
    let found = work::run(py, None, move |_| match what.as_str() {
        "degradation" => own.degradation(&degrees, weight).map_err(wrong),
        "precarity" => own.precarity(&degrees, weight, start, powers).map_err(wrong),
        "insecurity" => own.insecurity(&degrees, powers.1).map_err(wrong),
        "badness" => own.badness(&degrees, powers.1).map_err(wrong),
        other => Err(InputError::new_err(format!("there is no index \"{other}\""))),
    })?;
    Ok(found.into_pyarray(py).unbind())
}
