//! The door to the estimators of `kruispunt::evaluate` that are no [`kruispunt::evaluate::Did`].

use crate::error::evaluate_error;
use crate::evaluate::{PyEffects, one_of};
use crate::panel::PyPanel;
use crate::work;
use kruispunt::data::Seed;
use kruispunt::evaluate::{Optimum, Resampling, SyntheticDid, Weighted};
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
