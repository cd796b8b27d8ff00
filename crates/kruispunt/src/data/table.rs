//! Columns of one length.

use super::{Column, DataError};
use serde::{Deserialize, Serialize};

/// Named columns of one length: what every verb takes and gives.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// let wages = Table::new([
///     ("person", Column::int(vec![7, 7, 9])),
///     ("wage", Column::float(vec![101.5, 99.0, 120.25])),
/// ])?;
/// assert_eq!((wages.n_rows(), wages.names()[1].as_str()), (3, "wage"));
/// # Ok::<(), kruispunt::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    n_rows: usize,
}

impl Table {
    /// A table of named columns.
    ///
    /// # Errors
    ///
    /// [`DataError::LengthMismatch`], [`DataError::DuplicateColumn`] or
    /// [`DataError::TooManyRows`].
    pub fn new<N: Into<String>>(
        columns: impl IntoIterator<Item = (N, Column)>,
    ) -> Result<Self, DataError> {
        let mut table = Self::default();
        for (name, column) in columns {
            table.push(name, column)?;
        }
        Ok(table)
    }

    /// Appends a column.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn push(&mut self, name: impl Into<String>, column: Column) -> Result<(), DataError> {
        let name = name.into();
        if column.len() >= u32::MAX as usize {
            return Err(DataError::TooManyRows { argument: name, rows: column.len() });
        }
        if self.names.contains(&name) {
            return Err(DataError::DuplicateColumn { column: name });
        }
        if self.columns.is_empty() {
            self.n_rows = column.len();
        } else if column.len() != self.n_rows {
            return Err(DataError::LengthMismatch {
                column: name,
                expected: self.n_rows,
                got: column.len(),
            });
        }
        self.names.push(name);
        self.columns.push(column);
        Ok(())
    }

    /// Puts a column in the place of the one of that name, or appends it.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn set(&mut self, name: &str, column: Column) -> Result<(), DataError> {
        match self.names.iter().position(|own| own == name) {
            Some(at) if column.len() == self.n_rows => {
                self.columns[at] = column;
                Ok(())
            }
            Some(_) => Err(DataError::LengthMismatch {
                column: name.to_owned(),
                expected: self.n_rows,
                got: column.len(),
            }),
            None => self.push(name, column),
        }
    }

    /// Number of rows.
    #[must_use]
    pub const fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.names.iter().position(|own| own == name).map(|at| &self.columns[at])
    }

    /// The column `name` that `argument` asks for.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingColumn`], listing the columns there are.
    pub fn column(&self, argument: &str, name: &str) -> Result<&Column, DataError> {
        self.get(name).ok_or_else(|| DataError::MissingColumn {
            argument: argument.to_owned(),
            column: name.to_owned(),
            present: self.names.clone(),
        })
    }

    /// Refuses a table without rows.
    ///
    /// # Errors
    ///
    /// [`DataError::EmptyTable`].
    pub fn require_rows(&self, argument: &str) -> Result<(), DataError> {
        if self.n_rows == 0 {
            return Err(DataError::EmptyTable { argument: argument.to_owned() });
        }
        Ok(())
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    ///
    /// When a row does not exist; callers pass rows they took from this table.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self {
            names: self.names.clone(),
            columns: self.columns.iter().map(|column| column.take(rows)).collect(),
            n_rows: if self.columns.is_empty() { 0 } else { rows.len() },
        }
    }

    /// As [`take`](Self::take) in parallel, null where the row number is `u32::MAX`.
    #[must_use]
    pub(crate) fn gather(&self, rows: &[u32]) -> Self {
        Self {
            names: self.names.clone(),
            columns: self.columns.iter().map(|column| column.gather(rows)).collect(),
            n_rows: if self.columns.is_empty() { 0 } else { rows.len() },
        }
    }

    /// The columns `names`, in that order.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingColumn`].
    pub fn select(&self, argument: &str, names: &[&str]) -> Result<Self, DataError> {
        Self::new(
            names
                .iter()
                .map(|name| Ok((*name, self.column(argument, name)?.clone())))
                .collect::<Result<Vec<_>, DataError>>()?,
        )
    }
}
