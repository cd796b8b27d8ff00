use super::PanelError;
use super::keys::{flags, nan_is_null, numbers};
use crate::data::{Bitmap, Column, Panel, Values};

impl Panel {
    /// Adds the relative change since `k` periods earlier: column `<name>_growth<k>`.
    ///
    /// `x_t / x_{t-k} - 1`; null over a gap, beside a null, and where the earlier value is 0.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, one that holds no numbers, or a name that is
    /// taken; [`PanelError::NotFinite`].
    pub fn growth(&self, name: &str, k: u32) -> Result<Self, PanelError> {
        let values = self.numbers_of(name)?;
        let growth = |(row, &before): (usize, &u32)| match values.get(before as usize) {
            Some(&old) if old != 0.0 => values[row] / old - 1.0,
            _ => f64::NAN,
        };
        let before = self.rows_before(i64::from(k));
        let column = nan_is_null(before.iter().enumerate().map(growth).collect());
        self.shifted(name, &format!("{name}_growth{k}"), "growth", column)
    }

    /// Adds the sum of the person's values up to and with the period: column `<name>_cumulated`.
    ///
    /// A null adds nothing and is null itself, so that what is unknown does not look like a
    /// number; the account counts such rows. A period without a row adds nothing either.
    ///
    /// # Errors
    ///
    /// As [`growth`](Self::growth).
    pub fn cumulate(&self, name: &str) -> Result<Self, PanelError> {
        let values = self.numbers_of(name)?;
        let mut sums = vec![f64::NAN; values.len()];
        for person in 0..self.persons.len() {
            let mut sum = 0.0;
            for row in self.of(person).filter(|&row| !values[row].is_nan()) {
                sum += values[row];
                sums[row] = sum;
            }
        }
        self.shifted(name, &format!("{name}_cumulated"), "cumulate", nan_is_null(sums))
    }

    /// Adds the periods since the column was last true: column `<name>_since`.
    ///
    /// 0 where it is true, null before the first time. The distance is counted in periods of the
    /// calendar, also over a gap; a null counts as not true. Numbers are true when they are 1.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, one that holds neither truth values nor 0 and 1,
    /// or a name that is taken.
    pub fn since(&self, name: &str) -> Result<Self, PanelError> {
        let column = self.column("column", name)?;
        let flagged = flags("column", name, &column)?;
        let positions = self.positions();
        let mut since = vec![0_i64; flagged.len()];
        let mut known = vec![false; flagged.len()];
        for person in 0..self.persons.len() {
            let mut last = None;
            for row in self.of(person) {
                if flagged[row] {
                    last = Some(positions[row]);
                }
                if let Some(last) = last {
                    since[row] = i64::from(positions[row] - last);
                    known[row] = true;
                }
            }
        }
        let validity = Bitmap::pack(known.into_iter());
        let column = Column::new(Values::Int(since.into()), validity);
        self.shifted(name, &format!("{name}_since"), "since", column)
    }

    /// A column as real numbers, null as NaN.
    fn numbers_of(&self, name: &str) -> Result<Vec<f64>, PanelError> {
        if self.columns.get(name).is_none() {
            // Person and period are columns too, but no numbers to calculate with.
            let column = self.column("column", name)?;
            return Err(column
                .wrong_type("column", name, "numbers beside person and period")
                .into());
        }
        numbers(&self.columns, "column", name, None)
    }
}
