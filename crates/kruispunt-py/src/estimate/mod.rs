//! The door to `kruispunt::estimate`.

mod fit;
mod linked;
mod request;
mod tables;
mod wild;

use crate::error::estimate_error;
use crate::panel::PyPanel;
use crate::table::PyTable;
use crate::work;
use kruispunt::data::Factor;
use pyo3::prelude::*;
use std::sync::Arc;

pub(crate) use fit::PyFit;
pub(crate) use linked::{
    PyLinkedFit, PyMismatchFit, after_linkage, linkage_sensitivity, linked_columns,
    mismatch_mixture, mixture_columns, pooled_effects, pooled_fit,
};
use request::Request;
pub(crate) use tables::{etable, etable_rows};

/// The columns that regressions need.
#[pyfunction]
pub(crate) fn model_columns(request: Request) -> PyResult<Vec<String>> {
    request.columns()
}

/// A fit, and the level of the subsample it rests on.
type Labelled = (PyFit, Option<String>);

/// Fits the regressions of a formula, in each subsample; a subsample stands with its level. The
/// codes of a panel's persons and periods are used as they are.
#[pyfunction]
#[pyo3(signature = (table, request, progress=None, panel=None))]
pub(crate) fn fit_models(
    table: &Bound<'_, PyTable>,
    request: Request,
    progress: Option<&Bound<'_, PyAny>>,
    panel: Option<&Bound<'_, PyPanel>>,
) -> PyResult<Vec<Labelled>> {
    let data = Arc::clone(&table.get().0);
    let panel = panel.map(|panel| Arc::clone(&panel.get().0));
    let models = request.models()?;
    work::run(table.py(), progress, move |ticket| {
        let own = panel.as_ref().map(|panel| (panel.person_factor(), panel.period_factor()));
        let factors: Vec<(&str, &Factor)> = match (&panel, &own) {
            (Some(panel), Some((person, period))) => {
                vec![(panel.persons().name(), person), (panel.period_name(), period)]
            }
            _ => Vec::new(),
        };
        let mut fits = Vec::new();
        for level in request.subsamples(&data)? {
            for model in &models {
                let model = model.subsample(request.split.as_deref(), level.as_deref());
                let fit =
                    model.fit(&data, &factors, ticket).map_err(|error| estimate_error(&error))?;
                let fit = if request.lean { fit.lean() } else { fit };
                fits.push((PyFit::of(fit), level.clone()));
            }
        }
        Ok(fits)
    })
}
