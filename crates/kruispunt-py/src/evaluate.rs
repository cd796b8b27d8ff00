//! The door to `kruispunt::evaluate`.

use crate::error::{InputError, evaluate_error};
use crate::estimate::PyFit;
use crate::linked::PyLinked;
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::{By, Effects, Seed, Unit};
use kruispunt::evaluate::{
    Adjustment, Against, Aggregate, Bands, Base, Controls, Departure, Did, Distance,
    DynamicMatching, EventStudy, Family, Gap, GapMethod, Gaps, HonestTest, Method, Multiplier,
    Nuisance, OnTreated, Placebo, Premean, Refusal, Reuse, ShareRule, bacon as decompose,
    e_value as strength, oster as proportional, rosenbaum, twfe_weights as weigh,
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// One of a few words.
pub(crate) fn one_of<T: Copy>(argument: &str, word: &str, words: &[(&str, T)]) -> PyResult<T> {
    words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        InputError::new_err(format!("`{argument}`: \"{word}\" is none of {}", known.join(", ")))
    })
}

const METHODS: [(&str, Method); 10] = [
    ("cs", Method::CallawaySantAnna),
    ("sa", Method::SunAbraham),
    ("imputation", Method::Imputation),
    ("did2s", Method::TwoStage),
    ("lpdid", Method::LocalProjections),
    ("lpdid_rw", Method::LocalProjectionsReweighted),
    ("stacked", Method::Stacked),
    ("etwfe", Method::ExtendedTwoWay),
    ("twfe", Method::TwoWay),
    ("ddd", Method::TripleDifference),
];

/// A design before it meets a panel.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Design {
    outcome: String,
    cohort: String,
    method: String,
    controls: Option<String>,
    nuisance: String,
    covariates: Vec<String>,
    anticipation: u32,
    base: Option<String>,
    window: (u32, u32),
    leads: u32,
    gaps: String,
    cluster: Option<String>,
    weights: Option<String>,
    extra: Extra,
}

/// What is asked beside outcome, cohorts and estimator.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Extra {
    placebo_periods: Option<u32>,
    placebo_group: Option<String>,
    shares: String,
    force: Vec<String>,
    family: String,
    partition: Option<String>,
    multipliers: Option<(String, u32, u64)>,
    premean: Option<u32>,
    fixed_sample: bool,
}

impl Extra {
    fn add(self, mut did: Did) -> PyResult<Did> {
        let shares = [("own", ShareRule::Own), ("fixed", ShareRule::Fixed)];
        did = did.shares(one_of("shares", &self.shares, &shares)?);
        if let Some(periods) = self.placebo_periods {
            did = did.placebo(Placebo::Periods(periods));
        }
        if let Some(column) = self.placebo_group {
            did = did.placebo(Placebo::Group(column));
        }
        let families =
            [("linear", Family::Linear), ("poisson", Family::Poisson), ("logit", Family::Logit)];
        did = did.family(one_of("family", &self.family, &families)?);
        if let Some(column) = self.partition {
            did = did.partition(column);
        }
        if let Some((law, draws, seed)) = self.multipliers {
            let laws = [("rademacher", Multiplier::Rademacher), ("mammen", Multiplier::Mammen)];
            did = did.multipliers(one_of("multiplier", &law, &laws)?, draws, Seed::new(seed));
        }
        if let Some(periods) = self.premean {
            let all = periods == u32::MAX;
            did = did.premean(if all { Premean::All } else { Premean::Last(periods) });
        }
        if self.fixed_sample {
            did = did.fixed_sample();
        }
        for word in &self.force {
            did = did.force(one_of("force", word, &[("eligibility", Refusal::Eligibility)])?);
        }
        Ok(did)
    }
}

impl Design {
    pub(crate) fn build(self) -> PyResult<Did> {
        let controls = [("not_yet", Controls::NotYet), ("never", Controls::Never)];
        let nuisances = [
            ("dr", Nuisance::DoublyRobust),
            ("reg", Nuisance::Regression),
            ("ipw", Nuisance::Weighting),
            ("dr_imp", Nuisance::Improved),
        ];
        let bases = [("varying", Base::Varying), ("universal", Base::Universal)];
        let gaps = [
            ("pairs", Gaps::Pairs),
            ("balanced", Gaps::Balanced),
            ("cross_sections", Gaps::CrossSections),
        ];
        let mut did = Did::new(self.outcome, self.cohort)
            .method(one_of("method", &self.method, &METHODS)?)
            .window(self.window.0, self.window.1)
            .leads(self.leads)
            .nuisance(one_of("nuisance", &self.nuisance, &nuisances)?)
            .covariates(self.covariates)
            .anticipation(self.anticipation)
            .gaps(one_of("gaps", &self.gaps, &gaps)?);
        if let Some(word) = self.controls {
            did = did.controls(one_of("controls", &word, &controls)?);
        }
        if let Some(word) = self.base {
            did = did.base(one_of("base", &word, &bases)?);
        }
        if let Some(cluster) = self.cluster {
            did = did.cluster(cluster);
        }
        if let Some(weights) = self.weights {
            did = did.weights(weights);
        }
        self.extra.add(did)
    }
}

/// Difference-in-differences.
#[pyfunction]
#[pyo3(signature = (panel, design, progress=None))]
pub(crate) fn did(
    panel: &Bound<'_, PyPanel>,
    design: Design,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyEffects> {
    let did = design.build()?;
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        did.fit_with(&data, ticket).map(PyEffects::from).map_err(|error| evaluate_error(&error))
    })
}

/// A comparison of starters with others in the same risk set, before it meets a panel.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Matching {
    outcome: String,
    treatment: String,
    eligible: String,
    kind: Option<(String, String)>,
    exact: Vec<String>,
    horizons: Vec<i32>,
    duration: Option<u32>,
    against: String,
    absent: Option<f64>,
    versus: Option<String>,
    coarse: Vec<(String, Vec<f64>)>,
    covariates: Vec<String>,
    history: u32,
    nearest: Option<u32>,
    kernel: Option<f64>,
    distance: String,
    reuse: String,
    caliper: Option<f64>,
    bootstrap: Option<(u32, u64)>,
    more: MoreMatching,
}

/// Further options of a comparison of starters.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct MoreMatching {
    odds: bool,
    gap: u32,
    second: Option<String>,
    record_of: Option<String>,
    kinds: Option<String>,
}

impl Matching {
    pub(crate) fn build(self) -> PyResult<DynamicMatching> {
        let against = [
            ("waiting", Against::Waiting),
            ("never", Against::Never),
            ("untreated", Against::Untreated),
        ];
        let distances =
            [("propensity", Distance::Propensity), ("mahalanobis", Distance::Mahalanobis)];
        let reuses = [("with", Reuse::With), ("without", Reuse::Without)];
        let mut what = DynamicMatching::new(self.outcome, self.treatment, self.eligible)
            .exact(self.exact)
            .horizons(self.horizons)
            .against(one_of("against", &self.against, &against)?)
            .covariates(self.covariates)
            .history(self.history)
            .distance(one_of("distance", &self.distance, &distances)?)
            .reuse(one_of("replacement", &self.reuse, &reuses)?);
        if let Some((column, value)) = self.kind {
            what = what.kind(column, value);
        }
        if let Some(value) = self.versus {
            what = what.versus(value);
        }
        if let Some(most) = self.duration {
            what = what.duration(most);
        }
        if let Some(value) = self.absent {
            what = what.absent(value);
        }
        for (column, cuts) in self.coarse {
            what = what.coarse(column, cuts);
        }
        if let Some(neighbours) = self.nearest {
            what = what.nearest(neighbours);
        }
        if let Some(width) = self.kernel {
            what = what.kernel(width);
        }
        if let Some(distance) = self.caliper {
            what = what.caliper(distance);
        }
        if let Some((draws, seed)) = self.bootstrap {
            what = what.bootstrap(draws, Seed::new(seed));
        }
        let more = self.more;
        what = what.gap(more.gap);
        if more.odds {
            what = what.odds();
        }
        if let Some(column) = more.second {
            what = what.second(column);
        }
        if let Some(column) = more.record_of {
            what = what.record_of(column);
        }
        if let Some(column) = more.kinds {
            what = what.kinds(column);
        }
        Ok(what)
    }
}

/// Whether starters and controls are alike, before and after matching.
#[pyfunction]
pub(crate) fn matching_balance(
    panel: &Bound<'_, PyPanel>,
    matching: Matching,
) -> PyResult<PyTable> {
    let (what, data) = (matching.build()?, Arc::clone(&panel.get().0));
    work::run(panel.py(), None, move |ticket| {
        what.balance_with(&data, ticket).map(PyTable::from).map_err(|error| evaluate_error(&error))
    })
}

/// Dynamic matching within each group of a column.
#[pyfunction]
#[pyo3(signature = (panel, matching, by, progress=None))]
pub(crate) fn dynamic_matching_by(
    panel: &Bound<'_, PyPanel>,
    matching: Matching,
    by: String,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<(String, PyEffects)>> {
    let (what, data) = (matching.build()?, Arc::clone(&panel.get().0));
    work::run(panel.py(), progress, move |ticket| {
        let found = what.fit_by(&data, &by, ticket).map_err(|error| evaluate_error(&error))?;
        Ok(found.into_iter().map(|(label, own)| (label, PyEffects::from(own))).collect())
    })
}

/// Rosenbaum's bounds for the pairs of a matching at a horizon.
#[pyfunction]
pub(crate) fn matching_rosenbaum(
    panel: &Bound<'_, PyPanel>,
    matching: Matching,
    horizon: i32,
    gammas: Vec<f64>,
) -> PyResult<PyTable> {
    let (what, data) = (matching.build()?, Arc::clone(&panel.get().0));
    work::run(panel.py(), None, move |ticket| {
        let found = what.differences_with(&data, horizon, ticket);
        let found = found.and_then(|own| rosenbaum(&own, &gammas));
        found.map(PyTable::from).map_err(|error| evaluate_error(&error))
    })
}

/// Of the estimate and of the nearer bound.
#[pyfunction]
pub(crate) fn e_value(ratio: f64, interval: (f64, f64)) -> PyResult<(f64, f64)> {
    let own = strength(ratio, interval).map_err(|error| evaluate_error(&error))?;
    Ok((own.estimate, own.bound))
}

/// The adjusted coefficient, and how much more selective the unobserved would have to be.
#[pyfunction]
pub(crate) fn oster(short: (f64, f64), long: (f64, f64), r_max: f64) -> PyResult<(f64, f64)> {
    let own = proportional(short, long, r_max).map_err(|error| evaluate_error(&error))?;
    Ok((own.adjusted, own.delta))
}

/// An effect on the treated, before it meets data.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct TreatedRequest {
    formula: String,
    treated: String,
    method: String,
    weights: Option<String>,
    cluster: Option<String>,
}

/// The fit, its rows, their weights, the balance, the effective number of controls, cautions.
type OnTreatedFound<'py> = (
    PyFit,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<f64>>,
    PyTable,
    f64,
    Vec<(String, String)>,
);

/// The effect on the treated given covariates.
#[pyfunction]
pub(crate) fn att<'py>(
    table: &Bound<'py, PyTable>,
    request: TreatedRequest,
) -> PyResult<OnTreatedFound<'py>> {
    let methods = [
        ("entropy", Adjustment::Entropy),
        ("ipw", Adjustment::Weighting),
        ("regression", Adjustment::Regression),
        ("dr", Adjustment::DoublyRobust),
    ];
    let model = OnTreated::new(&request.formula, request.treated)
        .map_err(|error| evaluate_error(&error))?;
    let mut model = model.adjustment(one_of("method", &request.method, &methods)?);
    if let Some(column) = request.weights {
        model = model.weights(column);
    }
    if let Some(column) = request.cluster {
        model = model.cluster(column);
    }
    let data = Arc::clone(&table.get().0);
    let py = table.py();
    let own = work::run(py, None, move |ticket| {
        model.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))
    })?;
    Ok((
        PyFit::of(own.fit().clone()),
        own.rows().to_vec().into_pyarray(py),
        own.weights().to_vec().into_pyarray(py),
        PyTable::from(own.balance().clone()),
        own.effective_controls(),
        own.cautions().iter().map(|one| (one.code.clone(), one.text.clone())).collect(),
    ))
}

/// Effects by event time that were estimated elsewhere.
#[pyfunction]
pub(crate) fn event_study(
    events: Vec<i32>,
    estimates: Vec<f64>,
    vcov: Vec<f64>,
    reference: i32,
    unit: &str,
) -> PyResult<PyEffects> {
    let units = [("year", Unit::Year), ("quarter", Unit::Quarter), ("month", Unit::Month)];
    EventStudy::new(&events, &estimates, &vcov, reference, one_of("unit", unit, &units)?)
        .map(PyEffects::from)
        .map_err(|error| evaluate_error(&error))
}

/// Dynamic matching.
#[pyfunction]
#[pyo3(signature = (panel, matching, progress=None))]
pub(crate) fn dynamic_matching(
    panel: &Bound<'_, PyPanel>,
    matching: Matching,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyEffects> {
    let what = matching.build()?;
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        what.fit_with(&data, ticket).map(PyEffects::from).map_err(|error| evaluate_error(&error))
    })
}

/// The two-way coefficient as a mean of comparisons of two cohorts.
#[pyfunction]
pub(crate) fn bacon(panel: &Bound<'_, PyPanel>, design: Design) -> PyResult<PyTable> {
    let did = design.build()?;
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), None, move |ticket| {
        decompose(&did, &data, ticket).map(PyTable::from).map_err(|error| evaluate_error(&error))
    })
}

/// The weights of treated cells in the two-way coefficient.
#[pyfunction]
pub(crate) fn twfe_weights(panel: &Bound<'_, PyPanel>, design: Design) -> PyResult<PyTable> {
    let did = design.build()?;
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), None, move |ticket| {
        weigh(&did, &data, ticket).map(PyTable::from).map_err(|error| evaluate_error(&error))
    })
}

/// Pointwise intervals, or a uniform band with draws and seed.
fn bands(kind: &str, draws: u32, seed: u64) -> PyResult<Bands> {
    let sup = Bands::SupT { draws, seed: Seed::new(seed) };
    let did = Bands::Quantiles { draws, seed: Seed::new(seed) };
    one_of("bands", kind, &[("pointwise", Bands::Pointwise), ("sup-t", sup), ("did", did)])
}

/// Effects with their covariance.
#[pyclass(frozen, name = "Effects", module = "kruispunt._core")]
pub(crate) struct PyEffects(Arc<Effects>);

impl From<Effects> for PyEffects {
    fn from(effects: Effects) -> Self {
        Self(Arc::new(effects))
    }
}

impl PyEffects {
    pub(crate) fn shared(&self) -> Arc<Effects> {
        Arc::clone(&self.0)
    }
}

#[pymethods]
impl PyEffects {
    #[getter]
    fn outcome(&self) -> &str {
        self.0.outcome()
    }

    #[getter]
    fn method(&self) -> &str {
        self.0.method()
    }

    #[getter]
    fn by(&self) -> &'static str {
        self.0.by().name()
    }

    #[getter]
    fn unit(&self) -> &'static str {
        self.0.calendar().unit().name()
    }

    #[getter]
    fn estimand(&self) -> &str {
        self.0.estimand()
    }

    #[getter]
    fn comparison(&self) -> &str {
        self.0.comparison()
    }

    #[getter]
    fn identified_share(&self) -> f64 {
        self.0.identified_share()
    }

    #[getter]
    fn n_units(&self) -> u64 {
        self.0.n_units()
    }

    #[getter]
    fn n_obs(&self) -> u64 {
        self.0.n_obs()
    }

    /// The level of clustering and its number of clusters.
    #[getter]
    fn clusters(&self) -> (String, u64) {
        let (name, n) = self.0.clusters();
        (name.to_owned(), n)
    }

    /// Names and texts of what a reader must know.
    #[getter]
    fn cautions(&self) -> Vec<(String, String)> {
        self.0.cautions().iter().map(|own| (own.code.clone(), own.text.clone())).collect()
    }

    fn estimates<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.estimates().into_pyarray(py)
    }

    fn std_errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.std_errors().into_pyarray(py)
    }

    /// The covariance of the estimates, row by row.
    fn covariance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.vcov().into_pyarray(py)
    }

    #[pyo3(signature = (by, window=None, balance=None))]
    fn aggregate(
        &self,
        py: Python<'_>,
        by: &str,
        window: Option<(i32, i32)>,
        balance: Option<u32>,
    ) -> PyResult<Self> {
        let words = [
            ("simple", By::Simple),
            ("group", By::Group),
            ("calendar", By::Calendar),
            ("event", By::Event),
        ];
        let mut what = Aggregate::new(one_of("by", by, &words)?);
        if let Some((first, last)) = window {
            what = what.window(first, last);
        }
        if let Some(periods) = balance {
            what = what.balance(periods);
        }
        let effects = Arc::clone(&self.0);
        work::run(py, None, move |_| {
            effects.aggregate(&what).map(Self::from).map_err(|error| evaluate_error(&error))
        })
    }

    /// How many standard errors intervals reach.
    fn reach(
        &self,
        py: Python<'_>,
        kind: &str,
        alpha: f64,
        draws: u32,
        seed: u64,
    ) -> PyResult<f64> {
        let (bands, effects) = (bands(kind, draws, seed)?, Arc::clone(&self.0));
        work::run(py, None, move |ticket| {
            effects.reach(bands, alpha, ticket).map_err(|error| evaluate_error(&error))
        })
    }

    fn tidy(
        &self,
        py: Python<'_>,
        kind: &str,
        alpha: f64,
        draws: u32,
        seed: u64,
    ) -> PyResult<PyTable> {
        let (bands, effects) = (bands(kind, draws, seed)?, Arc::clone(&self.0));
        work::run(py, None, move |ticket| {
            effects
                .tidy(bands, alpha, ticket)
                .map(PyTable::from)
                .map_err(|error| evaluate_error(&error))
        })
    }

    fn cumulate(&self) -> PyResult<Self> {
        self.0.cumulate().map(Self::from).map_err(|error| evaluate_error(&error))
    }

    /// The horizon, its bounds, the share of draws without.
    #[allow(clippy::type_complexity, reason = "four numbers that stand together")]
    fn break_even(
        &self,
        py: Python<'_>,
        alpha: f64,
        seed: u64,
    ) -> PyResult<(Option<i32>, Option<i32>, Option<i32>, f64)> {
        let effects = Arc::clone(&self.0);
        work::run(py, None, move |ticket| {
            let own = effects
                .break_even(alpha, Seed::new(seed), ticket)
                .map_err(|error| evaluate_error(&error))?;
            Ok((own.at, own.low, own.high, own.never))
        })
    }

    /// Statistic, degrees of freedom, p value.
    fn pretest(&self) -> PyResult<(f64, usize, f64, f64, f64)> {
        let test = self.0.pretest().map_err(|error| evaluate_error(&error))?;
        Ok((test.statistic, test.df, test.p_value, test.slope_80, test.bias_80))
    }

    /// Bounds that hold when trends are not quite parallel: m, low, high.
    fn honest(
        &self,
        py: Python<'_>,
        kind: &str,
        m: Vec<f64>,
        weights: Vec<f64>,
        test: Option<&str>,
        alpha: f64,
    ) -> PyResult<Vec<(f64, f64, f64)>> {
        let kinds = [
            ("smoothness", Departure::Smooth),
            ("rm", Departure::Relative),
            ("smoothness_rm", Departure::RelativeBends),
        ];
        let tests = [
            ("flci", HonestTest::FixedLength),
            ("c-lf", HonestTest::LeastFavourable),
            ("c-f", HonestTest::FixedLengthHybrid),
        ];
        let (kind, effects) = (one_of("kind", kind, &kinds)?, Arc::clone(&self.0));
        let test = test.map(|test| one_of("test", test, &tests)).transpose()?.unwrap_or_default();
        work::run(py, None, move |_| {
            let found = effects
                .honest_by(test, kind, &m, &weights, alpha)
                .map_err(|error| evaluate_error(&error))?;
            Ok(found.into_iter().map(|own| (own.m, own.low, own.high)).collect())
        })
    }

    /// Slopes found in 50 and 80 % of samples, and the bias the second would bring.
    fn power(&self, py: Python<'_>, alpha: f64) -> PyResult<(f64, f64, f64)> {
        let effects = Arc::clone(&self.0);
        work::run(py, None, move |ticket| {
            let own = effects.power(alpha, ticket).map_err(|error| evaluate_error(&error))?;
            Ok((own.slope_50, own.slope_80, own.bias_80))
        })
    }

    /// Power, Bayes factor and likelihood ratio of a trend, and what those that pass look like.
    fn passing<'py>(
        &self,
        py: Python<'py>,
        trend: Vec<f64>,
        alpha: f64,
    ) -> PyResult<(f64, f64, f64, Bound<'py, PyArray1<f64>>)> {
        let effects = Arc::clone(&self.0);
        let own = work::run(py, None, move |_| {
            effects.passing(&trend, alpha).map_err(|error| evaluate_error(&error))
        })?;
        let expected = own.expected.into_pyarray(py);
        Ok((own.power, own.bayes_factor, own.likelihood_ratio, expected))
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    /// Multiplier draws of the estimates, one row a draw.
    fn draws<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        self.0.draws().map(|own| own.into_pyarray(py))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Effects>(py, data).map(Self::from)
    }
}

const GAPS: [(&str, GapMethod); 4] = [
    ("raw", GapMethod::Raw),
    ("standardised", GapMethod::Standardised),
    ("kitagawa", GapMethod::Kitagawa),
    ("oaxaca_blinder", GapMethod::OaxacaBlinder),
];

/// Gaps between groups, one row for each value of `by`, group and component.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the arguments of kp.gap")]
pub(crate) fn gap(
    data: &Bound<'_, PyTable>,
    outcome: &str,
    groups: Vec<String>,
    several: bool,
    reference: &str,
    method: &str,
    adjust: Vec<String>,
    by: Vec<String>,
    weights: Option<&str>,
    cluster: Option<&str>,
    level: f64,
) -> PyResult<PyLinked> {
    let method = one_of("method", method, &GAPS)?;
    let group = groups.first().map_or("", String::as_str);
    let mut gap = Gap::new(outcome, group, reference).adjust(method, adjust).by(by).level(level);
    if let Some(column) = weights {
        gap = gap.weights(column);
    }
    if let Some(column) = cluster {
        gap = gap.cluster(column);
    }
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |ticket| {
        let found =
            if several { gap.under(&groups, &table, ticket) } else { gap.of(&table, ticket) };
        found.map(PyLinked::of).map_err(|error| evaluate_error(&error))
    })
}
