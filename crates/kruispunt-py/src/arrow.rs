//! Arrow's C interface: the one module of the binding with unsafe code (decision 0003).
//!
//! A data frame hands its memory over in a capsule that holds a C structure with a `release`
//! callback (the Arrow C stream and C data interfaces, behind the `PyCapsule` protocol). Three
//! things here cannot be checked by the compiler; each is stated where it happens:
//!
//! 1. a capsule *of the protocol's name* holds the structure the protocol says
//!    ([`take`]);
//! 2. the producer's buffers are as long as the structure says (the contract of Arrow's
//!    interface; `arrow-array` reads them under it, [`read_array`]); what can be checked, that
//!    text is UTF-8 and codes lie within their dictionary, [`crate::import`] checks before it
//!    makes a `&str` or looks a code up;
//! 3. memory lent to Arrow outlives the Arrow buffer ([`lend`]).
#![allow(unsafe_code, reason = "the Arrow C interface is a contract between raw pointers")]

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, make_array};
use arrow_schema::{ArrowError, Field, Schema};
use kruispunt::data::Buffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::CStr;
use std::panic::RefUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

const STREAM: &CStr = c"arrow_array_stream";
const ARRAY: &CStr = c"arrow_array";
const SCHEMA: &CStr = c"arrow_schema";

/// A C structure of the Arrow interface that can be moved out of the memory of its owner.
///
/// # Safety
///
/// `move_out` must leave a released structure behind, so that the owner frees it without calling
/// the producer's `release` a second time.
unsafe trait Movable: Sized {
    /// # Safety
    ///
    /// `place` must point to a valid structure of this type that nobody else uses meanwhile.
    unsafe fn move_out(place: *mut Self) -> Self;
}

// SAFETY: `from_raw` of each structure replaces the pointee by an empty, released one.
unsafe impl Movable for FFI_ArrowArrayStream {
    unsafe fn move_out(place: *mut Self) -> Self {
        // SAFETY: the caller's promise is the one `from_raw` asks for.
        unsafe { Self::from_raw(place) }
    }
}

// SAFETY: as above.
unsafe impl Movable for FFI_ArrowArray {
    unsafe fn move_out(place: *mut Self) -> Self {
        // SAFETY: the caller's promise is the one `from_raw` asks for.
        unsafe { Self::from_raw(place) }
    }
}

// SAFETY: as above.
unsafe impl Movable for FFI_ArrowSchema {
    unsafe fn move_out(place: *mut Self) -> Self {
        // SAFETY: the caller's promise is the one `from_raw` asks for.
        unsafe { Self::from_raw(place) }
    }
}

/// Moves the structure out of a capsule called `name`.
fn take<T: Movable>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<T> {
    let capsule = capsule.cast::<PyCapsule>()?;
    let place: NonNull<T> = capsule.pointer_checked(Some(name))?.cast();
    if !place.is_aligned() {
        return Err(PyTypeError::new_err("the Arrow capsule holds a misaligned pointer"));
    }
    // SAFETY: `pointer_checked` compared the capsule's name; the PyCapsule protocol reserves the
    // three names used here for exactly these C structures, so the pointer is valid for `T`. The
    // thread is attached to the interpreter and no Python code runs between the check and the
    // move, and a second consumer of the same capsule finds a released structure, which the
    // readers below refuse.
    Ok(unsafe { T::move_out(place.as_ptr()) })
}

/// The chunks behind `__arrow_c_stream__` or `__arrow_c_array__`, with their field; `None` when
/// `object` has neither.
pub(crate) fn read(object: &Bound<'_, PyAny>) -> PyResult<Option<(Field, Vec<ArrayRef>)>> {
    if object.hasattr("__arrow_c_stream__")? {
        read_stream(&object.call_method0("__arrow_c_stream__")?).map(Some)
    } else if object.hasattr("__arrow_c_array__")? {
        read_array(&object.call_method0("__arrow_c_array__")?).map(Some)
    } else {
        Ok(None)
    }
}

fn read_stream(capsule: &Bound<'_, PyAny>) -> PyResult<(Field, Vec<ArrayRef>)> {
    let stream: FFI_ArrowArrayStream = take(capsule, STREAM)?;
    if stream.get_next().is_none() && stream.release().is_some() {
        return Err(PyTypeError::new_err("the Arrow stream has no `get_next` callback"));
    }
    // A stream may compute while it is read (a DuckDB relation does), so other threads may run.
    capsule
        .py()
        .detach(|| {
            let mut reader = ArrayStreamReader::try_new(stream)?;
            let chunks = reader.by_ref().collect::<Result<Vec<_>, ArrowError>>()?;
            let field = arrow_array::ArrayReader::field(&reader).as_ref().clone();
            Ok((field, chunks))
        })
        .map_err(|error: ArrowError| broken(&error))
}

fn read_array(capsules: &Bound<'_, PyAny>) -> PyResult<(Field, Vec<ArrayRef>)> {
    let pair = capsules.cast::<PyTuple>()?;
    let schema: FFI_ArrowSchema = take(&pair.get_item(0)?, SCHEMA)?;
    let array: FFI_ArrowArray = take(&pair.get_item(1)?, ARRAY)?;
    if array.is_released() || schema.release().is_none() {
        return Err(PyTypeError::new_err("the Arrow array was consumed before"));
    }
    let field = Field::try_from(&schema).map_err(|error| broken(&error))?;
    // SAFETY: both structures came from one `__arrow_c_array__` call, so `schema` describes
    // `array`; that its buffers are as long as it says is the producer's side of the contract.
    let data = unsafe { from_ffi(array, &schema) }.map_err(|error| broken(&error))?;
    Ok((field, vec![make_array(data)]))
}

/// A capsule with a stream of one batch.
pub(crate) fn write_stream(py: Python<'_>, batch: RecordBatch) -> PyResult<Bound<'_, PyCapsule>> {
    let schema = batch.schema();
    let batches = RecordBatchIterator::new([Ok(batch)], schema);
    // The capsule's destructor drops the structure, whose own drop calls `release` unless a
    // consumer moved it out.
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(batches)), STREAM)
}

/// A capsule with a schema.
pub(crate) fn write_schema<'py>(
    py: Python<'py>,
    schema: &Schema,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(|error| broken(&error))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

fn broken(error: &ArrowError) -> PyErr {
    PyTypeError::new_err(format!("the Arrow data cannot be read: {error}"))
}

/// Keeps a core buffer alive while Arrow reads it.
struct Owner<T: 'static>(#[expect(dead_code, reason = "held, never read")] Buffer<T>);

// The buffer is never written to, so a panic elsewhere cannot leave it half-written.
impl<T> RefUnwindSafe for Owner<T> {}

/// Plain numbers without padding: each of their bytes may be read.
///
/// # Safety
///
/// Only for types without padding and without invalid byte patterns.
pub(crate) unsafe trait Plain: Send + Sync + 'static {}
// SAFETY: integers and floats have neither padding nor invalid patterns.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for i64 {}
// SAFETY: as above.
unsafe impl Plain for f64 {}

/// The memory of a core buffer as an Arrow buffer, without a copy.
pub(crate) fn lend<T: Plain>(buffer: &Buffer<T>) -> arrow_buffer::Buffer {
    let owner = buffer.clone();
    let values: &[T] = &owner;
    let (start, bytes) = (NonNull::from(values).cast::<u8>(), size_of_val(values));
    // SAFETY: `start` is valid for `bytes` bytes for as long as the slice it was made from, which
    // borrows from the object inside the `Arc` of `owner`. That object neither moves (the `Arc`
    // holds it on the heap) nor is ever borrowed mutably (a clone of the `Arc` lives in `Owner`
    // until Arrow drops it), so the slice lives as long as the Arrow buffer. `T: Plain` makes
    // every byte readable. The pointer is aligned for `T`, as the typed Arrow buffer over it
    // needs.
    unsafe { arrow_buffer::Buffer::from_custom_allocation(start, bytes, Arc::new(Owner(owner))) }
}
