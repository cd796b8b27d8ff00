//! The door to the estimators of `kruispunt::evaluate` that are no [`kruispunt::evaluate::Did`].

use crate::error::evaluate_error;
use crate::evaluate::{PyEffects, one_of};
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, work};
use kruispunt::data::Seed;
use kruispunt::evaluate::{
    Discontinuity, Jump, Kernel, Optimum, Resampling, Scale, Switching, SyntheticDid, Weighted,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// A synthetic control before it meets a panel.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Synthetic {
    outcome: String,
    cohort: String,
    method: String,
    errors: String,
    draws: u32,
    seed: u64,
    parity: Option<String>,
}

impl Synthetic {
    fn build(self) -> PyResult<SyntheticDid> {
        let weighted = [("synthetic", Weighted::UnitsAndPeriods), ("sc", Weighted::Units)];
        let errors = [
            ("placebo", Resampling::Placebo),
            ("jackknife", Resampling::Jackknife),
            ("bootstrap", Resampling::Bootstrap),
        ];
        let optimum = match self.parity {
            None => Optimum::Exact,
            Some(word) => one_of("parity", &word, &[("synthdid", Optimum::Published)])?,
        };
        Ok(SyntheticDid::new(self.outcome, self.cohort)
            .weighted(one_of("method", &self.method, &weighted)?)
            .errors(one_of("errors", &self.errors, &errors)?)
            .draws(self.draws)
            .seed(Seed::new(self.seed))
            .optimum(optimum))
    }
}

/// Synthetic difference-in-differences and synthetic control.
#[pyfunction]
#[pyo3(signature = (panel, design, progress=None))]
pub(crate) fn synthetic_did(
    panel: &Bound<'_, PyPanel>,
    design: Synthetic,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyEffects> {
    let what = design.build()?;
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        what.fit_with(&data, ticket).map(PyEffects::from).map_err(|error| evaluate_error(&error))
    })
}

/// Changes of treatment before they meet a panel.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Switches {
    outcome: String,
    treatment: String,
    window: (u32, u32),
    normalized: bool,
    cluster: Option<String>,
}

/// Effects of a first change of treatment.
#[pyfunction]
#[pyo3(signature = (panel, design, progress=None))]
pub(crate) fn switching_did(
    panel: &Bound<'_, PyPanel>,
    design: Switches,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyEffects> {
    let (before, after) = design.window;
    let mut what = Switching::new(design.outcome, design.treatment)
        .placebos(before)
        .effects(after.saturating_add(1))
        .scale(if design.normalized { Scale::Dose } else { Scale::Exposure });
    if let Some(column) = design.cluster {
        what = what.cluster(column);
    }
    let data = Arc::clone(&panel.get().0);
    work::run(panel.py(), progress, move |ticket| {
        what.fit_with(&data, ticket).map(PyEffects::from).map_err(|error| evaluate_error(&error))
    })
}

/// A jump at a cutoff before it meets a table.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Threshold {
    outcome: String,
    running: String,
    cutoff: f64,
    donut: f64,
    bandwidth: Option<(f64, f64)>,
    kernel: String,
}

/// What a jump is: numbers by name, interval and p value, and the account.
type Found = (Vec<(&'static str, f64)>, String);

fn numbers(own: &Jump, alpha: f64) -> PyResult<Found> {
    let (low, high) = own.interval(alpha);
    let all = vec![
        ("estimate", own.robust),
        ("std_error", own.robust_se),
        ("conf_low", low),
        ("conf_high", high),
        ("p_value", own.p_value()),
        ("conventional", own.conventional),
        ("conventional_se", own.conventional_se),
        ("h", own.h),
        ("b", own.b),
        ("n_below", own.within.0 as f64),
        ("n_above", own.within.1 as f64),
    ];
    Ok((all, account::json(&own.account)?))
}

/// Regression discontinuity.
#[pyfunction]
pub(crate) fn discontinuity(
    table: &Bound<'_, PyTable>,
    design: Threshold,
    alpha: f64,
) -> PyResult<Found> {
    let kernels = [
        ("triangular", Kernel::Triangular),
        ("uniform", Kernel::Uniform),
        ("epanechnikov", Kernel::Epanechnikov),
    ];
    let mut what = Discontinuity::new(design.outcome, design.running, design.cutoff)
        .donut(design.donut)
        .kernel(one_of("kernel", &design.kernel, &kernels)?);
    if let Some((h, b)) = design.bandwidth {
        what = what.bandwidth(h, b);
    }
    let data = Arc::clone(&table.get().0);
    let own = work::run(table.py(), None, move |ticket| {
        what.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))
    })?;
    numbers(&own, alpha)
}
