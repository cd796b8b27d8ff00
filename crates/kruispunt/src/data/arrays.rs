//! The way in and out for `ndarray`: matrices become tables, results become arrays.
//!
//! Only here and where a room gives arrays of its own does the crate meet `ndarray`; inside, columns
//! are slices.

use super::{Column, DataError, Effects, Fit, Table};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ShapeBuilder};

impl From<ArrayView1<'_, f64>> for Column {
    /// A column of real numbers. NaN stays NaN, and verbs count it as missing.
    fn from(values: ArrayView1<'_, f64>) -> Self {
        Self::float(values.to_vec())
    }
}

impl From<Array1<f64>> for Column {
    /// As from a view, without a copy when the array is all of its memory, in order.
    fn from(values: Array1<f64>) -> Self {
        let rows = values.len();
        if !values.is_standard_layout() {
            return Self::from(values.view());
        }
        let (mut values, start) = values.into_raw_vec_and_offset();
        values.truncate(start.unwrap_or(0) + rows);
        values.drain(..start.unwrap_or(0));
        Self::float(values)
    }
}

impl Table {
    /// A table of the columns of a matrix, shape `(rows, columns)`, with a name each.
    ///
    /// NaN stays NaN, and verbs count it as missing.
    ///
    /// # Errors
    ///
    /// [`DataError::NamesMismatch`], and as [`new`](Self::new).
    ///
    /// ```
    /// use kruispunt::{data::{Table, Vcov}, estimate::FeOls};
    /// use ndarray::array;
    /// let rows = array![[1.0, 10.0], [2.0, 12.0], [3.0, 15.0], [4.0, 15.0]];
    /// let table = Table::from_array(["course", "wage"], &rows.view())?;
    /// let fit = FeOls::new("wage ~ course")?.vcov(Vcov::Iid).fit(&table)?;
    /// assert!((fit.coef_array()[1] - 1.8).abs() < 1e-12);
    /// assert_eq!(fit.vcov_array().dim(), (2, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_array<N: Into<String>>(
        names: impl IntoIterator<Item = N>,
        values: &ArrayView2<'_, f64>,
    ) -> Result<Self, DataError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != values.ncols() {
            return Err(DataError::NamesMismatch { expected: values.ncols(), got: names.len() });
        }
        Self::new(names.into_iter().zip(values.columns().into_iter().map(Column::from)))
    }

    /// Columns as a matrix, shape `(rows, names)`, columns together in memory; null becomes NaN.
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select), and [`DataError::WrongType`] for text, dates and periods.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// let table = Table::new([("age", Column::ints(&[Some(30), None]))])?;
    /// let ages = table.to_array("names", &["age"])?;
    /// assert!(ages[[0, 0]] == 30.0 && ages[[1, 0]].is_nan());
    /// # Ok::<(), kruispunt::data::DataError>(())
    /// ```
    pub fn to_array(&self, argument: &str, names: &[&str]) -> Result<Array2<f64>, DataError> {
        let mut array = Array2::zeros((self.n_rows(), names.len()).f());
        for (name, mut into) in names.iter().zip(array.columns_mut()) {
            let values = self.column(argument, name)?.to_floats(argument, name)?;
            into.assign(&ArrayView1::from(&values[..]));
        }
        Ok(array)
    }
}

impl Fit {
    /// Coefficients, shape `(k,)`.
    #[must_use]
    pub fn coef_array(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(self.coef())
    }

    /// Covariance of the coefficients, shape `(k, k)`.
    #[must_use]
    pub fn vcov_array(&self) -> Array2<f64> {
        square(self.names().len(), self.vcov_matrix())
    }
}

impl Effects {
    /// Covariance of the estimates, shape `(k, k)`; NaN where a standard error is missing.
    #[must_use]
    pub fn vcov_array(&self) -> Array2<f64> {
        square(self.len(), &self.vcov())
    }
}

/// Row-major `(k, k)`.
fn square(k: usize, values: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((k, k), |(row, column)| values[row * k + column])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};

    #[test]
    fn a_matrix_becomes_a_table_and_back_whatever_its_order() -> Result<(), DataError> {
        let rows = array![[1.0, f64::NAN, 5.0], [2.0, 4.0, 6.0]];
        for view in [rows.view(), rows.t().to_owned().t()] {
            let table = Table::from_array(["a", "b", "c"], &view)?;
            assert_eq!(table.n_rows(), 2);
            let back = table.to_array("names", &["c", "a"])?;
            assert_eq!(back, array![[5.0, 1.0], [6.0, 2.0]]);
            assert!(table.to_array("names", &["b"])?[[0, 0]].is_nan());
        }
        let every_other = rows.slice(s![..;-1, 1..]);
        let table = Table::from_array(["b", "c"], &every_other)?;
        assert_eq!(table.to_array("names", &["c"])?, array![[6.0], [5.0]]);
        Ok(())
    }

    #[test]
    fn columns_are_taken_over_with_their_own_part_of_memory() {
        let long = array![1.0, 2.0, 3.0, 4.0];
        assert_eq!(Column::from(long.clone()), Column::float(vec![1.0, 2.0, 3.0, 4.0]));
        let tail = long.clone().slice_move(s![2..]);
        assert_eq!(Column::from(tail), Column::float(vec![3.0, 4.0]));
        let head = long.clone().slice_move(s![..1]);
        assert_eq!(Column::from(head), Column::float(vec![1.0]));
        let back = long.slice_move(s![..;-1]);
        assert_eq!(Column::from(back), Column::float(vec![4.0, 3.0, 2.0, 1.0]));
    }

    #[test]
    fn names_must_be_as_many_as_columns() {
        let error = Table::from_array(["a"], &array![[1.0, 2.0]].view()).unwrap_err();
        assert_eq!(error.to_string(), "`names`: 1 name(s) for 2 column(s); give one a column");
        let error = Table::from_array(["a", "a"], &array![[1.0, 2.0]].view()).unwrap_err();
        assert!(error.to_string().contains('a'), "{error}");
        let text = Table::new([("word", Column::text([Some("x")]))]).unwrap_or_default();
        let error = text.to_array("columns", &["word"]).unwrap_err().to_string();
        assert!(error.contains("columns") && error.contains("word"), "{error}");
    }
}
