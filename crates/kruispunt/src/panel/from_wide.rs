use super::{PanelError, SpellColumns};
use crate::data::{Column, DataError, Day, Period, Register, Spells, Table, Unit};

impl Spells {
    /// Reads a register with a column for each period: equal states in neighbouring periods become
    /// one spell.
    ///
    /// The other way round from one row a spell: weekly or monthly status columns as statistical
    /// offices deliver them. A null is no spell. A period that is not among the columns ends a
    /// spell, as does another state.
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table, Unit};
    /// let wide = Table::new([
    ///     ("pid", Column::int(vec![7, 9])),
    ///     ("y_2012Q1", Column::text([Some("work"), None])),
    ///     ("y_2012Q2", Column::text([Some("work"), Some("study")])),
    /// ])?;
    /// let columns = [("y_2012Q1", "2012Q1"), ("y_2012Q2", "2012Q2")];
    /// let spells = Spells::from_wide(&wide, "pid", &columns, Unit::Quarter, "status", "survey")?;
    /// assert_eq!(spells.len(), 2);
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Arguments
    ///
    /// - `columns`: the columns with the period of each, in any order;
    /// - `state`: the name of the column of states the spells get; `name`: the register's.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, columns of different types, a null person and a
    /// table without rows; [`PanelError::BadArgument`] for a period that does not parse or is
    /// there twice.
    pub fn from_wide(
        register: &dyn Register,
        person: &str,
        columns: &[(&str, &str)],
        unit: Unit,
        state: &str,
        name: &str,
    ) -> Result<Self, PanelError> {
        let table = register.table();
        table.require_rows("table")?;
        let bad = |expected: &'static str, got: &str| PanelError::BadArgument {
            argument: "columns".to_owned(),
            expected,
            got: got.to_owned(),
        };
        let mut wide: Vec<(Period, &Column)> = Vec::with_capacity(columns.len());
        for &(column, period) in columns {
            let period = Period::parse(period, unit)
                .filter(|period| (1..9999).contains(&period.year()))
                .ok_or_else(|| bad("periods such as 2012Q1", period))?;
            wide.push((period, table.column("columns", column)?));
        }
        wide.sort_by_key(|(period, _)| *period);
        if let Some(twice) = wide.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(bad("each period once", &twice[0].0.to_string()));
        }
        let Some((_, first)) = wide.first() else { return Err(bad("at least one column", "none")) };
        if let Some((_, other)) = wide.iter().find(|(_, other)| other.kind() != first.kind()) {
            let expected = "states of one type in all columns";
            return Err(PanelError::Data(other.wrong_type("columns", state, expected)));
        }
        let stacked = Column::stack(wide.iter().map(|(_, column)| *column))
            .ok_or_else(|| bad("fewer cells than 2^32", "more"))?;
        let n = table.n_rows();
        let (mut rows, mut cells) = (Vec::new(), Vec::new());
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for row in 0..n {
            let mut open: Option<(usize, Day, Period)> = None;
            for (at, (period, column)) in wide.iter().enumerate() {
                let goes_on = open.is_some_and(|(from, _, last)| {
                    last + 1 == *period && wide[from].1.same(row, column, row)
                });
                if let (Some((_, _, last)), true) = (&mut open, goes_on) {
                    *last = *period;
                    continue;
                }
                if let Some((from, start, last)) = open.take() {
                    rows.push(row as u32);
                    cells.push((from * n + row) as u32);
                    starts.push(Some(start));
                    ends.push(Some(last.last_day()));
                }
                if !column.is_null(row) {
                    open = Some((at, period.first_day(), *period));
                }
            }
            if let Some((from, start, last)) = open {
                rows.push(row as u32);
                cells.push((from * n + row) as u32);
                starts.push(Some(start));
                ends.push(Some(last.last_day()));
            }
        }
        let who = table.column("person", person)?;
        if let Some(row) = (0..n).find(|&row| who.is_null(row)) {
            return Err(PanelError::Data(DataError::MissingCell {
                argument: "person".to_owned(),
                column: person.to_owned(),
                row,
                expected: "an identifier in each row",
            }));
        }
        let long = Table::new([
            (person, who.take(&rows)),
            ("start", Column::dates(&starts)),
            ("end", Column::dates(&ends)),
            (state, stacked.take(&cells)),
        ])?;
        let roles = SpellColumns::new(person, "start", "end").state(state).name(name);
        let mut spells = Self::read(&long, &roles)?;
        // Rows are those of the table that was handed in.
        let origin: Vec<u32> = spells.rows.iter().map(|&at| rows[at as usize]).collect();
        spells.rows = origin.into();
        Ok(spells)
    }
}
