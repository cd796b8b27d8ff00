//! The one place that knows both kinds of error.
//!
//! The exceptions are defined in Python, so that an [`InputError`] is a `ValueError` too and all
//! of them carry docstrings. Each room adds one function here that turns its error into the
//! exception of its family: `is_input()` decides between [`InputError`] and the room's own.

use kruispunt::data::DataError;
use kruispunt::estimate::EstimateError;
use kruispunt::evaluate::EvaluateError;
use kruispunt::linkage::LinkageError as CoreLinkageError;
use kruispunt::panel::PanelError as CorePanelError;
use kruispunt::report::DisclosureError as CoreDisclosureError;
use kruispunt::trajectory::TrajectoryError;
use kruispunt_cases::CasesError;
use pyo3::PyErr;

pyo3::import_exception!(kruispunt.exceptions, DisclosureError);
pyo3::import_exception!(kruispunt.exceptions, InputError);
pyo3::import_exception!(kruispunt.exceptions, InternalError);
pyo3::import_exception!(kruispunt.exceptions, KruispuntError);
pyo3::import_exception!(kruispunt.exceptions, LinkageError);
pyo3::import_exception!(kruispunt.exceptions, PanelError);
pyo3::import_exception!(kruispunt.exceptions, EstimationError);

/// The exception for a wrong table, column or cell.
pub(crate) fn data_error(error: &DataError) -> PyErr {
    InputError::new_err(error.to_string())
}

/// The exception for spells and panels.
pub(crate) fn panel_error(error: &CorePanelError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        PanelError::new_err(error.to_string())
    }
}

/// The exception of an estimator.
pub(crate) fn estimate_error(error: &EstimateError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        EstimationError::new_err(error.to_string())
    }
}

/// The exception of an evaluation.
pub(crate) fn evaluate_error(error: &EvaluateError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        EstimationError::new_err(error.to_string())
    }
}

/// The exception for a linkage.
pub(crate) fn linkage_error(error: &CoreLinkageError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        LinkageError::new_err(error.to_string())
    }
}

/// The exception of a trajectory analysis.
pub(crate) fn trajectory_error(error: &TrajectoryError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        EstimationError::new_err(error.to_string())
    }
}

/// The exception of the cases.
pub(crate) fn cases_error(error: &CasesError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        KruispuntError::new_err(error.to_string())
    }
}

/// The exception of disclosure control.
pub(crate) fn disclosure_error(error: &CoreDisclosureError) -> PyErr {
    if error.is_input() {
        InputError::new_err(error.to_string())
    } else {
        DisclosureError::new_err(error.to_string())
    }
}
