//! The door to the estimators of `kruispunt::evaluate` that are no [`kruispunt::evaluate::Did`].

use crate::error::evaluate_error;
use crate::evaluate::{PyEffects, one_of};
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::{account, work};
use kruispunt::data::{Day, Seed};
use kruispunt::evaluate::{
    Discontinuity, First, Jump, Kernel, Optimum, Over, Resampling, Scale, Switchers, Switching,
    SyntheticDid, Weighted,
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
    cohort: Option<String>,
    treatment: Option<String>,
    window: (u32, u32),
    normalized: bool,
    switchers: String,
    gaps: String,
    within: Option<String>,
    continuous: Option<u32>,
    weights: Option<String>,
    cluster: Option<String>,
}

impl Switches {
    fn design(self) -> PyResult<Switching> {
        let (before, after) = self.window;
        let switchers = [("all", Switchers::All), ("in", Switchers::In), ("out", Switchers::Out)];
        let over = [("pairs", Over::Each), ("balanced", Over::Same)];
        let what = match (self.cohort, self.treatment) {
            (Some(cohort), _) => Switching::staying(self.outcome, cohort),
            (None, treatment) => Switching::new(self.outcome, treatment.unwrap_or_default()),
        };
        let mut what = what
            .placebos(before)
            .effects(after.saturating_add(1))
            .scale(if self.normalized { Scale::Dose } else { Scale::Exposure })
            .switchers(one_of("switchers", &self.switchers, &switchers)?)
            .over(one_of("gaps", &self.gaps, &over)?);
        if let Some(degree) = self.continuous {
            what = what.first(First::Polynomial(degree));
        }
        if let Some(column) = self.within {
            what = what.within(column);
        }
        if let Some(column) = self.weights {
            what = what.weights(column);
        }
        if let Some(column) = self.cluster {
            what = what.cluster(column);
        }
        Ok(what)
    }
}

/// Effects of a first change of treatment.
#[pyfunction]
#[pyo3(signature = (panel, design, progress=None))]
pub(crate) fn switching_did(
    panel: &Bound<'_, PyPanel>,
    design: Switches,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyEffects> {
    let what = design.design()?;
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
    dates: bool,
    donut: f64,
    bandwidth: Option<(f64, f64)>,
    kernel: String,
    treatment: Option<String>,
    cluster: Option<String>,
}

/// What a jump is: numbers by name, means by bin, cautions, and the account.
type Found =
    (Vec<(&'static str, Option<f64>)>, Vec<(f64, f64, u64)>, Vec<(String, String)>, String);

fn numbers(own: &Jump, alpha: f64) -> PyResult<Found> {
    let (low, high) = own.interval(alpha);
    let sorting = own.sorting;
    let all = vec![
        ("estimate", Some(own.robust)),
        ("std_error", Some(own.robust_se)),
        ("conf_low", Some(low)),
        ("conf_high", Some(high)),
        ("p_value", Some(own.p_value())),
        ("conventional", Some(own.conventional)),
        ("conventional_se", Some(own.conventional_se)),
        ("first_stage", own.first_stage.map(|own| own.0)),
        ("first_stage_se", own.first_stage.map(|own| own.1)),
        ("h", Some(own.h)),
        ("b", Some(own.b)),
        ("n_below", Some(own.within.0 as f64)),
        ("n_above", Some(own.within.1 as f64)),
        ("n_clusters", own.clusters.map(|n| n as f64)),
        ("limit_below", Some(own.lines[0].0)),
        ("limit_above", Some(own.lines[1].0)),
        ("slope_below", Some(own.lines[0].1)),
        ("slope_above", Some(own.lines[1].1)),
        ("density_below", sorting.map(|own| own.below)),
        ("density_above", sorting.map(|own| own.above)),
        ("density_jump", sorting.map(|own| own.jump)),
        ("density_jump_se", sorting.map(|own| own.std_error)),
        ("density_p_value", sorting.map(|own| own.p_value())),
    ];
    let cautions = own.cautions.iter().map(|own| (own.code.clone(), own.text.clone())).collect();
    Ok((all, own.bins.clone(), cautions, account::json(&own.account)?))
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
    let epoch = Day::new(1970, 1, 1).filter(|_| design.dates);
    let what = match epoch {
        Some(epoch) => {
            Discontinuity::on_day(design.outcome, design.running, epoch + design.cutoff as i32)
        }
        None => Discontinuity::new(design.outcome, design.running, design.cutoff),
    };
    let mut what = what.donut(design.donut).kernel(one_of("kernel", &design.kernel, &kernels)?);
    if let Some((h, b)) = design.bandwidth {
        what = what.bandwidth(h, b);
    }
    if let Some(column) = design.treatment {
        what = what.treatment(column);
    }
    if let Some(column) = design.cluster {
        what = what.cluster(column);
    }
    let data = Arc::clone(&table.get().0);
    let own = work::run(table.py(), None, move |ticket| {
        what.fit_with(&data, ticket).map_err(|error| evaluate_error(&error))
    })?;
    numbers(&own, alpha)
}
