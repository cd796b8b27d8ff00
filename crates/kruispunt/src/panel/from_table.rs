use super::PanelError;
use crate::data::{
    Account, Calendar, Count, DataError, NOBODY, Panel, Period, Persons, ReferenceDay, Step, Table,
    Unit,
};
use crate::math::sweep;

impl Panel {
    /// A panel from a table that already has a row for a person and a period, in any order.
    ///
    /// The calendar runs from the first period that occurs to the last. All other columns are
    /// kept.
    ///
    /// # Errors
    ///
    /// [`PanelError::DuplicatePersonPeriod`] with the two rows; [`PanelError::Data`] for a table
    /// without rows, missing columns and cells that are missing or do not parse.
    pub fn from_table(
        table: &Table,
        person: &str,
        period: &str,
        unit: Unit,
    ) -> Result<Self, PanelError> {
        table.require_rows("table")?;
        let (persons, codes) = Persons::encode("person", person, table.column("person", person)?)?;
        let missing = |argument: &str, column: &str, row, expected| DataError::MissingCell {
            argument: argument.to_owned(),
            column: column.to_owned(),
            row,
            expected,
        };
        if let Some(row) = codes.iter().position(|&code| code == NOBODY) {
            return Err(missing("person", person, row, "an identifier in each row").into());
        }
        let numbers = table
            .column("period", period)?
            .to_periods(unit, "period", period)?
            .iter()
            .enumerate()
            .map(|(row, at)| {
                let at =
                    at.ok_or_else(|| missing("period", period, row, "a period in each row"))?;
                if (1..9999).contains(&at.year()) {
                    return Ok(at.number);
                }
                Err(DataError::BadCell {
                    argument: "period".to_owned(),
                    column: period.to_owned(),
                    row,
                    expected: "a period between the years 1 and 9998",
                })
            })
            .collect::<Result<Vec<i32>, DataError>>()?;
        let sweep::Sorted { order, offsets, .. } =
            sweep::sort(persons.len(), &codes, &numbers, &numbers);
        for pair in order.windows(2) {
            let (first, second) = (pair[0] as usize, pair[1] as usize);
            if codes[first] == codes[second] && numbers[first] == numbers[second] {
                let argument = "table".to_owned();
                return Err(PanelError::DuplicatePersonPeriod { argument, first, second });
            }
        }
        let number = |number: Option<&i32>| Period { unit, number: *number.unwrap_or(&0) };
        let first = number(numbers.iter().min());
        let calendar = Calendar::between(first, number(numbers.iter().max()))?;
        let sorted = order.is_sorted();
        let mut columns = Table::default();
        for (name, column) in table.names().iter().zip(table.columns()) {
            if name != person && name != period {
                columns.push(name, if sorted { column.clone() } else { column.gather(&order) })?;
            }
        }
        let position = |&row: &u32| (numbers[row as usize] - first.number) as u32;
        let count = Count::of(table.n_rows(), persons.len());
        let step =
            Step::new("read", format!("one row for a person and a {}", unit.name()), count, count);
        Ok(Self {
            calendar,
            persons,
            period_name: period.to_owned(),
            offsets: offsets.into(),
            positions: order.iter().map(position).collect::<Vec<_>>().into(),
            columns,
            reference: ReferenceDay::Last,
            account: Account::new("panel").then(step),
        })
    }
}
