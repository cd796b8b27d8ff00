//! Accounts cross the border as JSON.

use crate::error::InputError;
use kruispunt::data::Account;
use pyo3::prelude::*;

/// An account as JSON, for `kruispunt.Account`.
pub(crate) fn json(account: &Account) -> PyResult<String> {
    serde_json::to_string(account)
        .map_err(|error| InputError::new_err(format!("the account cannot be written: {error}")))
}

/// Reads an account from JSON.
pub(crate) fn read(json: &str) -> PyResult<Account> {
    serde_json::from_str(json)
        .map_err(|error| InputError::new_err(format!("`json` is not an account: {error}")))
}

/// Reads an account from JSON and writes it back: what comes out is complete and well-formed.
#[pyfunction]
#[pyo3(signature = (json))]
pub(crate) fn check_account(json: &str) -> PyResult<String> {
    self::json(&read(json)?)
}
