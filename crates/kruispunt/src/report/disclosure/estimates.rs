//! Estimates and curves: what rests on few persons is not shown.

use super::{Disclosure, DisclosureError};
use crate::data::{Column, Table};

impl Disclosure {
    /// A table of estimates, empty where one of the columns `counts` says that few persons stand
    /// behind the row; counts are rounded. Gives the rows that were emptied too.
    ///
    /// Estimates do not add up over rows, so that nothing else need be withheld.
    ///
    /// # Errors
    ///
    /// [`DisclosureError::Data`] when a column is not there or counts nothing.
    pub fn protect_estimates(
        &self,
        table: &Table,
        counts: &[String],
        keep: &[String],
    ) -> Result<(Table, Vec<usize>), DisclosureError> {
        self.check()?;
        let mut few = vec![false; table.n_rows()];
        for name in counts {
            let own = table.column("counts", name)?.to_floats("counts", name)?;
            for (few, count) in few.iter_mut().zip(own) {
                *few |= count > 0.0 && self.is_few(count.ceil() as u64);
            }
        }
        self.emptied(table, counts, keep, &few)
    }

    /// A survival curve (or incidence, or hazard), with steps only where enough persons had an
    /// event or left since the last step, and cut where few are at risk.
    ///
    /// A step of a curve tells at what time somebody had an event: `at_risk` and `events` are
    /// counts by row, rows stand by time within each group of the columns `keep` but the first,
    /// which is the time.
    ///
    /// # Errors
    ///
    /// As [`protect_estimates`](Self::protect_estimates).
    pub fn protect_curve(
        &self,
        table: &Table,
        at_risk: &str,
        events: &str,
        keep: &[String],
    ) -> Result<(Table, Vec<usize>), DisclosureError> {
        self.check()?;
        let risk = table.column("at_risk", at_risk)?.to_floats("at_risk", at_risk)?;
        let event = table.column("events", events)?.to_floats("events", events)?;
        let groups: Vec<&Column> =
            keep.iter().skip(1).map(|name| table.column("keep", name)).collect::<Result<_, _>>()?;
        let least = self.min_cell.unwrap_or(0) as f64;
        let mut few = vec![false; table.n_rows()];
        let (mut since, mut shown_risk) = (0.0, f64::NAN);
        for row in 0..table.n_rows() {
            let starts = row == 0 || groups.iter().any(|own| !own.same(row, own, row - 1));
            if starts {
                (since, shown_risk) = (0.0, f64::NAN);
            }
            since += event[row];
            let left = shown_risk - risk[row];
            let enough = since == 0.0 || since >= least;
            let enough = enough && (left.is_nan() || left == 0.0 || left >= least);
            if risk[row] < least || !enough {
                few[row] = true;
            } else {
                (since, shown_risk) = (0.0, risk[row]);
            }
        }
        let counts = [at_risk.to_owned(), events.to_owned()];
        self.emptied(table, &counts, keep, &few)
    }

    fn emptied(
        &self,
        table: &Table,
        counts: &[String],
        keep: &[String],
        few: &[bool],
    ) -> Result<(Table, Vec<usize>), DisclosureError> {
        let mut shown = Table::default();
        for (name, column) in table.names().iter().zip(table.columns()) {
            let own = if keep.contains(name) {
                column.clone()
            } else if let Ok(values) = column.to_floats("table", name) {
                let rows = values.iter().zip(few);
                if counts.contains(name) {
                    let whole = |(value, few): (&f64, &bool)| {
                        let there = !few && value.is_finite() && *value >= 0.0;
                        there.then(|| self.rounded(value.round() as u64) as i64)
                    };
                    Column::ints(&rows.map(whole).collect::<Vec<_>>())
                } else {
                    let number = |(value, few): (&f64, &bool)| {
                        (!few && !value.is_nan()).then(|| self.shortened(*value))
                    };
                    Column::floats(&rows.map(number).collect::<Vec<_>>())
                }
            } else {
                column.clone()
            };
            shown.push(name.clone(), own)?;
        }
        let rows = few.iter().enumerate().filter_map(|(row, few)| few.then_some(row));
        Ok((shown, rows.collect()))
    }
}
