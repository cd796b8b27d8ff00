//! Native results as bytes: a format version, then `postcard`.
//!
//! Every `f64` keeps its bits, NaN included, so a pickle round-trips exactly. The form is not
//! self-describing: types that are pickled keep plain serde derives (no `flatten`, `untagged` or
//! `skip_serializing_if`).

use crate::error::InputError;
use crate::work;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Raised with each change that an older reader would misread.
const VERSION: u8 = 1;

/// What `__reduce__` gives: the class's `_from_bytes`, and its one argument.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyBytes>,));

/// The answer of `__reduce__` of class `C`, which holds `result` and has a static `_from_bytes`.
pub(crate) fn reduce<'py, C: PyTypeInfo>(
    py: Python<'py>,
    result: &Arc<impl Serialize + Send + Sync + 'static>,
) -> PyResult<Reduced<'py>> {
    let read = py.get_type::<C>().getattr("_from_bytes")?;
    let result = Arc::clone(result);
    let bytes = work::run(py, None, move |_| to_bytes(&*result))?;
    Ok((read, (PyBytes::new(py, &bytes),)))
}

/// The bytes of a result.
fn to_bytes<T: Serialize + ?Sized>(result: &T) -> PyResult<Vec<u8>> {
    postcard::to_extend(result, vec![VERSION])
        .map_err(|error| InputError::new_err(format!("cannot be pickled: {error}")))
}

/// The result behind the bytes.
pub(crate) fn from_bytes<T>(py: Python<'_>, bytes: &[u8]) -> PyResult<T>
where
    T: DeserializeOwned + Send + 'static,
{
    let bytes = bytes.to_vec();
    work::run(py, None, move |_| read(&bytes))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> PyResult<T> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest)
            .map_err(|error| InputError::new_err(format!("the pickle is damaged: {error}"))),
        Some((version, _)) => Err(InputError::new_err(format!(
            "the pickle has format {version}; this version of kruispunt reads format {VERSION}"
        ))),
        None => Err(InputError::new_err("the pickle is empty")),
    }
}
