use super::PanelError;
use super::keys::NONE;
use crate::data::{Bitmap, Bits, Column, DataError, Panel, Step, Values};
use crate::math::sweep;

impl Panel {
    /// Adds the value of `k` periods earlier: column `<name>_lag<k>`.
    ///
    /// By period, never by row: where the person has no row `k` periods earlier, it is null.
    ///
    /// ```
    /// use kruispunt::data::{Column, Panel, Table, Unit};
    /// let table = Table::new([
    ///     ("pid", Column::int(vec![7, 7, 7])),
    ///     ("quarter", Column::text([Some("2012Q1"), Some("2012Q2"), Some("2012Q4")])),
    ///     ("wage", Column::float(vec![100.0, 110.0, 120.0])),
    /// ])?;
    /// let panel = Panel::from_table(&table, "pid", "quarter", Unit::Quarter)?.lag("wage", 1)?;
    /// let lag = panel.column("doc", "wage_lag1")?;
    /// assert_eq!((lag.is_null(0), lag.label(1), lag.is_null(2)), (true, Some("100".into()), true));
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column or a name that is taken.
    pub fn lag(&self, name: &str, k: u32) -> Result<Self, PanelError> {
        let lagged = self.moved(&self.column("column", name)?, i64::from(k));
        self.shifted(name, &format!("{name}_lag{k}"), "lag", lagged)
    }

    /// Adds the value of `k` periods later: column `<name>_lead<k>`. As [`lag`](Self::lag).
    ///
    /// # Errors
    ///
    /// As [`lag`](Self::lag).
    pub fn lead(&self, name: &str, k: u32) -> Result<Self, PanelError> {
        let led = self.moved(&self.column("column", name)?, -i64::from(k));
        self.shifted(name, &format!("{name}_lead{k}"), "lead", led)
    }

    /// Adds the change since `k` periods earlier: column `<name>_diff<k>`, null over a gap.
    ///
    /// Whole numbers stay whole; truth values count as 0 and 1.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, one that holds no numbers, or a name that is
    /// taken; [`PanelError::Overflow`].
    pub fn diff(&self, name: &str, k: u32) -> Result<Self, PanelError> {
        let column = self.column("column", name)?;
        let before = self.rows_before(i64::from(k));
        let there = |row: usize| {
            let old = before[row];
            (old != NONE && !column.is_null(row) && !column.is_null(old as usize))
                .then_some(old as usize)
        };
        let validity = Bitmap::pack((0..self.n_rows()).map(|row| there(row).is_some()));
        let values = match column.values() {
            Values::Float(values) => {
                let diff = |row| there(row).map_or(f64::NAN, |old| values[row] - values[old]);
                Values::Float((0..self.n_rows()).map(diff).collect::<Vec<_>>().into())
            }
            Values::Int(values) => {
                let diff = |row: usize| match there(row) {
                    None => Ok(0),
                    Some(old) => {
                        values[row].checked_sub(values[old]).ok_or_else(|| PanelError::Overflow {
                            argument: "column".to_owned(),
                            column: name.to_owned(),
                            row,
                        })
                    }
                };
                Values::Int((0..self.n_rows()).map(diff).collect::<Result<Vec<_>, _>>()?.into())
            }
            Values::Bool(values) => {
                let diff = |row: usize| {
                    there(row).map_or(0, |old| i64::from(values[row]) - i64::from(values[old]))
                };
                Values::Int((0..self.n_rows()).map(diff).collect::<Vec<_>>().into())
            }
            _ => return Err(column.wrong_type("column", name, "numbers").into()),
        };
        let column = Column::new(values, validity);
        self.shifted(name, &format!("{name}_diff{k}"), "diff", column)
    }

    /// The column of `k` periods earlier.
    fn moved(&self, column: &Column, k: i64) -> Column {
        let (Values::Float(values), None) = (column.values(), column.validity()) else {
            return column.gather(&self.rows_before(k));
        };
        let (values, positions, offsets): (&[f64], _, _) =
            (values, self.positions(), &self.offsets[..]);
        let mut moved = vec![0.0; self.n_rows()];
        let there = sweep::fill_chunks(offsets, &mut moved, |persons, out| {
            let base = offsets[persons.start] as usize;
            let mut flags = vec![0_u8; out.len()];
            if k == 1 {
                // only the row before can be that of the period before
                for person in persons {
                    let own = offsets[person] as usize..offsets[person + 1] as usize;
                    let flags = &mut flags[own.start - base..];
                    let out = &mut out[own.start - base..][..own.len()];
                    let (at, values) = (&positions[own.clone()], &values[own]);
                    let Some((first, out)) = out.split_first_mut() else { continue };
                    *first = f64::NAN;
                    let pairs = at[1..].iter().zip(at.iter().zip(values));
                    let slots = out.iter_mut().zip(&mut flags[1..]);
                    for ((slot, flag), (&now, (&then, &value))) in slots.zip(pairs) {
                        let there = now == then + 1;
                        *slot = if there { value } else { f64::NAN };
                        *flag = u8::from(there);
                    }
                }
            } else {
                out.fill(f64::NAN);
                self.each_before(persons, k, |row, at| {
                    (out[row - base], flags[row - base]) = (values[at], 1);
                });
            }
            let mut there = Bits::default();
            there.extend_flags(&flags);
            there
        });
        Column::new(Values::Float(moved.into()), Bits::concat(&there).validity())
    }

    /// Calls `pair` with each row of these persons that has one `k` periods earlier, and that one.
    fn each_before(
        &self,
        persons: std::ops::Range<usize>,
        k: i64,
        mut pair: impl FnMut(usize, usize),
    ) {
        let positions = self.positions();
        for person in persons {
            let own = self.of(person);
            let mut at = own.start;
            for row in own.clone() {
                let wanted = i64::from(positions[row]) - k;
                while at < own.end && i64::from(positions[at]) < wanted {
                    at += 1;
                }
                if at < own.end && i64::from(positions[at]) == wanted {
                    pair(row, at);
                }
            }
        }
    }

    pub(super) fn shifted(
        &self,
        of: &str,
        name: &str,
        verb: &str,
        column: Column,
    ) -> Result<Self, PanelError> {
        let step = Step::new(
            verb,
            format!("{name}: {of}, by {}", self.calendar.unit().name()),
            self.count(),
            self.count(),
        )
        .note(format!("{} rows are null", column.count_nulls()));
        Ok(self.new_column(name, column)?.with_step(step))
    }

    /// The row of the same person `k` periods earlier (later, if negative), or `u32::MAX`.
    pub(super) fn rows_before(&self, k: i64) -> Vec<u32> {
        let mut rows = vec![0; self.n_rows()];
        sweep::fill_chunks(&self.offsets, &mut rows, |persons, out| {
            out.fill(NONE);
            let base = self.offsets[persons.start] as usize;
            self.each_before(persons, k, |row, at| out[row - base] = at as u32);
        });
        rows
    }

    /// Refuses a column that is not there, or has not the rows of the panel.
    pub(super) fn check_len(&self, name: &str, column: &Column) -> Result<(), DataError> {
        if column.len() == self.n_rows() {
            return Ok(());
        }
        Err(DataError::LengthMismatch {
            column: name.to_owned(),
            expected: self.n_rows(),
            got: column.len(),
        })
    }
}
