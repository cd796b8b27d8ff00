//! Tables one below the other.

use super::{Column, DataError, Day, Table, Values};

impl Table {
    /// The rows of several tables, one table below the other, with the name of each row's table
    /// in the column `source`.
    ///
    /// Columns are those of all tables, in the order in which they are met; where a table lacks
    /// one, its rows have nulls there.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// let permits = Table::new([("surname", Column::text([Some("Nowak")]))])?;
    /// let courses = Table::new([("surname", Column::text([Some("Novak"), None]))])?;
    /// let all = Table::stack(&[("permits", &permits), ("courses", &courses)], "source")?;
    /// assert_eq!((all.n_rows(), all.names()), (3, ["source", "surname"].map(str::to_owned).as_slice()));
    /// # Ok::<(), kruispunt::data::DataError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::WrongType`] when a column has another type in another table,
    /// [`DataError::DuplicateColumn`] when a table has a column `source`,
    /// [`DataError::TooManyRows`].
    pub fn stack(tables: &[(&str, &Self)], source: &str) -> Result<Self, DataError> {
        let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
        let place = |name: &str| names.iter().position(|own| *own == name).unwrap_or_default();
        let of = tables.iter().flat_map(|(name, table)| {
            std::iter::repeat_n(Some(place(name) as u32), table.n_rows())
        });
        let mut all = Self::new([(source, Column::category(&of.collect::<Vec<_>>(), &names))])?;
        for (_, table) in tables {
            for name in table.names() {
                if name == source {
                    return Err(DataError::DuplicateColumn { column: name.clone() });
                }
                if all.get(name).is_none() {
                    all.push(name.clone(), stacked(tables, name)?)?;
                }
            }
        }
        Ok(all)
    }
}

/// One column of all tables.
fn stacked(tables: &[(&str, &Table)], name: &str) -> Result<Column, DataError> {
    let parts: Vec<(Option<&Column>, usize)> =
        tables.iter().map(|(_, table)| (table.get(name), table.n_rows())).collect();
    let Some(first) = parts.iter().find_map(|(column, _)| *column) else {
        return Ok(Column::text([]));
    };
    let kind = first.kind();
    let number = |column: &Column| matches!(column.values(), Values::Int(_) | Values::Short(_));
    let real = |column: &Column| matches!(column.values(), Values::Float(_)) || number(column);
    let each = || parts.iter().filter_map(|(column, _)| *column);
    let rows = || {
        parts.iter().flat_map(|(column, n)| {
            (0..*n).map(move |row| column.filter(|own| !own.is_null(row)).map(|own| (own, row)))
        })
    };
    if each().all(number) {
        let cell = |(column, row): (&Column, usize)| match column.values() {
            Values::Int(values) => values[row],
            Values::Short(values) => i64::from(values[row]),
            _ => 0,
        };
        return Ok(Column::ints(&rows().map(|cell_of| cell_of.map(cell)).collect::<Vec<_>>()));
    }
    if each().all(real) {
        let cell = |(column, row): (&Column, usize)| match column.values() {
            Values::Int(values) => values[row] as f64,
            Values::Short(values) => f64::from(values[row]),
            Values::Float(values) => values[row],
            _ => 0.0,
        };
        return Ok(Column::floats(&rows().map(|cell_of| cell_of.map(cell)).collect::<Vec<_>>()));
    }
    if let Some(other) = each().find(|column| column.kind() != kind) {
        return Err(other.wrong_type("tables", name, kind));
    }
    match first.values() {
        Values::Date(_) => {
            let cell = |(column, row): (&Column, usize)| match column.values() {
                Values::Date(values) => Day(values[row]),
                _ => Day(0),
            };
            Ok(Column::dates(&rows().map(|cell_of| cell_of.map(cell)).collect::<Vec<_>>()))
        }
        Values::Text(_) => Ok(Column::text(rows().map(|cell| {
            cell.and_then(|(column, row)| match column.values() {
                Values::Text(text) => Some(text.levels().get(text.codes()[row])),
                _ => None,
            })
        }))),
        _ => {
            let labels: Vec<Option<String>> =
                rows().map(|cell| cell.and_then(|(column, row)| column.label(row))).collect();
            Ok(Column::text(labels.iter().map(Option::as_deref)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_meet_by_name_and_type() {
        let one = Table::new([
            ("id", Column::int(vec![1, 2])),
            ("birth", Column::dates(&[Some(Day(10)), None])),
        ])
        .unwrap();
        let other = Table::new([
            ("name", Column::text([Some("Nowak")])),
            ("id", Column::float(vec![2.5])),
            ("birth", Column::dates(&[Some(Day(7))])),
        ])
        .unwrap();
        let all = Table::stack(&[("a", &one), ("b", &other)], "source").unwrap();
        assert_eq!(all.names(), ["source", "id", "birth", "name"]);
        assert_eq!(all.get("id"), Some(&Column::float(vec![1.0, 2.0, 2.5])));
        assert_eq!(all.get("birth"), Some(&Column::dates(&[Some(Day(10)), None, Some(Day(7))])));
        assert_eq!(all.get("name"), Some(&Column::text([None, None, Some("Nowak")])));
        let text = Table::new([("id", Column::text([Some("x")]))]).unwrap();
        let wrong = Table::stack(&[("a", &one), ("b", &text)], "source");
        assert!(matches!(wrong, Err(DataError::WrongType { .. })), "{wrong:?}");
        let taken = Table::stack(&[("a", &one)], "id");
        assert!(matches!(taken, Err(DataError::DuplicateColumn { .. })));
        assert_eq!(Table::stack(&[], "source").unwrap().n_rows(), 0);
    }
}
