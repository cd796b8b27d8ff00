//! One column, for frames that do not speak Arrow and for NumPy on the way out.

use crate::error::{InputError, data_error};
use crate::{arrow, import, work};
use kruispunt::data::{Bitmap, Column, Period, Text, TextBuilder, Unit, Values};
use numpy::{IntoPyArray, PyArrayMethods, PyReadonlyArray1, PyUntypedArray};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::sync::Arc;

/// A column on its way in or out.
#[pyclass(frozen, name = "Column", module = "kruispunt._core")]
pub(crate) struct PyColumn(pub(crate) Arc<Column>);

impl PyColumn {
    fn of(values: Values, validity: Option<Bitmap>) -> Self {
        Self(Arc::new(Column::new(values, validity)))
    }

    /// The ranks of the values and the first row of each, found without the GIL.
    fn ranks(&self, py: Python<'_>) -> PyResult<(Vec<Option<u32>>, Vec<u32>)> {
        let column = Arc::clone(&self.0);
        work::run(py, None, move |_| Ok(column.ranks()))
    }
}

/// How many Python objects are read or made between two looks at signals.
const SIGNALS: usize = 1 << 16;

/// Which rows hold a value.
fn pack(valid: Option<&PyReadonlyArray1<'_, bool>>, rows: usize) -> PyResult<Option<Bitmap>> {
    let Some(valid) = valid else { return Ok(None) };
    let valid = valid.as_array();
    if valid.len() != rows {
        return Err(InputError::new_err(format!("{} marks for {rows} rows", valid.len())));
    }
    Ok(Bitmap::pack(valid.iter().copied()))
}

pub(crate) fn unit(name: &str) -> PyResult<Unit> {
    match name {
        "month" => Ok(Unit::Month),
        "quarter" => Ok(Unit::Quarter),
        "year" => Ok(Unit::Year),
        _ => Err(InputError::new_err(format!("\"{name}\" is not month, quarter or year"))),
    }
}

#[pymethods]
impl PyColumn {
    /// A column from anything with `__arrow_c_stream__` or `__arrow_c_array__`; None without.
    #[staticmethod]
    #[pyo3(signature = (data, argument, column, lists=false))]
    fn from_arrow(
        data: &Bound<'_, PyAny>,
        argument: String,
        column: String,
        lists: bool,
    ) -> PyResult<Option<Self>> {
        let Some((field, chunks)) = arrow::read(data)? else { return Ok(None) };
        work::run(data.py(), None, move |_| {
            let place = import::Place { argument: &argument, column: &column };
            import::any(&field, &chunks, place, lists)
                .map(|column| Some(Self(Arc::new(column))))
                .map_err(|error| data_error(&error))
        })
    }

    /// Truth values.
    #[staticmethod]
    #[pyo3(signature = (values, valid=None))]
    fn bools(
        values: PyReadonlyArray1<'_, bool>,
        valid: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let values = values.as_array().to_vec();
        let validity = pack(valid.as_ref(), values.len())?;
        Ok(Self::of(Values::Bool(values.into()), validity))
    }

    /// Whole numbers.
    #[staticmethod]
    #[pyo3(signature = (values, valid=None))]
    fn ints(
        values: PyReadonlyArray1<'_, i64>,
        valid: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let values = values.as_array().to_vec();
        let validity = pack(valid.as_ref(), values.len())?;
        Ok(Self::of(Values::Int(values.into()), validity))
    }

    /// Real numbers.
    #[staticmethod]
    #[pyo3(signature = (values, valid=None))]
    fn floats(
        values: PyReadonlyArray1<'_, f64>,
        valid: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let values = values.as_array().to_vec();
        let validity = pack(valid.as_ref(), values.len())?;
        Ok(Self::of(Values::Float(values.into()), validity))
    }

    /// Days since 1970-01-01.
    #[staticmethod]
    #[pyo3(signature = (values, valid=None))]
    fn dates(
        values: PyReadonlyArray1<'_, i32>,
        valid: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let values = values.as_array().to_vec();
        let validity = pack(valid.as_ref(), values.len())?;
        Ok(Self::of(Values::Date(values.into()), validity))
    }

    /// Periods: months, quarters or years since year 0.
    #[staticmethod]
    #[pyo3(signature = (values, unit, valid=None))]
    fn periods(
        values: PyReadonlyArray1<'_, i32>,
        unit: &str,
        valid: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<Self> {
        let values = values.as_array().to_vec();
        let validity = pack(valid.as_ref(), values.len())?;
        Ok(Self::of(Values::Period(self::unit(unit)?, values.into()), validity))
    }

    /// Text; None is missing.
    #[staticmethod]
    fn texts(values: &Bound<'_, PyList>) -> PyResult<Self> {
        let mut builder = TextBuilder::default();
        for (row, text) in values.iter().enumerate() {
            if row % SIGNALS == 0 {
                values.py().check_signals()?;
            }
            match text.cast::<PyString>() {
                Ok(text) => builder.push(Some(&*text.to_cow()?)),
                Err(_) if text.is_none() => builder.push(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(Arc::new(builder.finish(false))))
    }

    /// Categories: codes into distinct levels; a negative code is missing.
    #[staticmethod]
    fn categories(codes: PyReadonlyArray1<'_, i64>, levels: Vec<String>) -> PyResult<Self> {
        let known = i64::try_from(levels.len()).unwrap_or(i64::MAX);
        let codes = codes.as_array();
        if codes.iter().any(|&code| code >= known) {
            return Err(InputError::new_err("a category code has no level"));
        }
        let codes: Vec<Option<u32>> = codes.iter().map(|&code| u32::try_from(code).ok()).collect();
        let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
        Ok(Self(Arc::new(Column::category(&codes, &levels))))
    }

    /// What the column holds: bool, int, float, date, month, quarter, year, text or category.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.values() {
            Values::Bool(_) => "bool",
            Values::Int(_) | Values::Short(_) => "int",
            Values::Float(_) => "float",
            Values::Date(_) => "date",
            Values::Period(unit, _) => unit.name(),
            Values::Text(text) if text.is_categorical() => "category",
            Values::Text(text) if text.is_lists() => "list",
            Values::Text(_) => "text",
        }
    }

    /// The values as a new NumPy array: for text and categories the codes, for dates the days
    /// since 1970, for periods the codes into `levels`.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyUntypedArray>> {
        Ok(match self.0.values() {
            Values::Bool(values) => values.to_vec().into_pyarray(py).as_untyped().clone(),
            Values::Int(values) => values.to_vec().into_pyarray(py).as_untyped().clone(),
            Values::Short(values) => {
                let wide: Vec<i64> = values.iter().map(|&value| i64::from(value)).collect();
                wide.into_pyarray(py).as_untyped().clone()
            }
            Values::Float(values) => values.to_vec().into_pyarray(py).as_untyped().clone(),
            Values::Date(values) => values.to_vec().into_pyarray(py).as_untyped().clone(),
            Values::Period(..) => {
                let (codes, _) = self.ranks(py)?;
                let codes: Vec<u32> = codes.into_iter().map(Option::unwrap_or_default).collect();
                codes.into_pyarray(py).as_untyped().clone()
            }
            Values::Text(text) => text.codes().to_vec().into_pyarray(py).as_untyped().clone(),
        })
    }

    /// Which rows hold a value; None when all do.
    fn valid<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyUntypedArray>> {
        self.0.validity().map(|bitmap| {
            let valid: Vec<bool> = (0..bitmap.len()).map(|row| bitmap.get(row)).collect();
            valid.into_pyarray(py).as_untyped().clone()
        })
    }

    /// The strings behind the codes of text, categories and periods, the items of lists; empty for
    /// other kinds.
    fn levels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let levels = PyList::empty(py);
        match self.0.values() {
            Values::Text(text) => {
                let lists = text.is_lists();
                for (code, level) in text.levels().iter().enumerate() {
                    if code % SIGNALS == 0 {
                        py.check_signals()?;
                    }
                    if lists {
                        levels.append(PyList::new(py, Text::items(level).collect::<Vec<_>>())?)?;
                    } else {
                        levels.append(level)?;
                    }
                }
            }
            Values::Period(unit, numbers) => {
                let (_, first) = self.ranks(py)?;
                for row in first {
                    let period = Period { unit: *unit, number: numbers[row as usize] };
                    levels.append(period.to_string())?;
                }
            }
            _ => {}
        }
        Ok(levels)
    }

    /// Where the values stand in memory; to show that nothing was copied.
    #[getter]
    fn address(&self) -> usize {
        match self.0.values() {
            Values::Bool(values) => values.as_ptr().addr(),
            Values::Int(values) => values.as_ptr().addr(),
            Values::Short(values) => values.as_ptr().addr(),
            Values::Float(values) => values.as_ptr().addr(),
            Values::Date(values) | Values::Period(_, values) => values.as_ptr().addr(),
            Values::Text(text) => text.codes().as_ptr().addr(),
        }
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("<Column of {} rows, {}>", self.0.len(), self.0.kind())
    }
}
