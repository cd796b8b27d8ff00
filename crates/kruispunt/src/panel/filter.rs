use super::PanelError;
use crate::data::{Column, Count, Panel, Step, Values};

impl Panel {
    /// Keeps the rows where `mask` is true; the account gives `reason` for the others.
    ///
    /// A row whose mask is null is left out too, and counted apart.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] when the mask holds no truth values or has not the panel's rows.
    pub fn filter(&self, mask: &Column, reason: &str) -> Result<Self, PanelError> {
        self.check_len("mask", mask)?;
        let Values::Bool(values) = mask.values() else {
            return Err(mask.wrong_type("mask", "mask", "truth values").into());
        };
        let unknown = mask.count_nulls();
        let rows: Vec<u32> = (0..self.n_rows())
            .filter(|&row| !mask.is_null(row) && values[row])
            .map(|row| row as u32)
            .collect();
        let mut panel = self.take(&rows);
        let out = self.n_rows() - rows.len() - unknown;
        let step = Step::new("filter", reason, self.count(), panel.count())
            .exclude(reason, Count::rows(out))
            .exclude(format!("unknown: {reason}"), Count::rows(unknown));
        panel.account = panel.account.then(step);
        Ok(panel)
    }

    /// Keeps the rows where the column has one of these values, written as its labels.
    ///
    /// A null is none of them; such rows are left out and counted apart.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column.
    pub fn keep<V: AsRef<str>>(&self, name: &str, values: &[V]) -> Result<Self, PanelError> {
        let column = self.column("column", name)?;
        let (codes, first) = super::keys::codes(&column);
        let wanted: Vec<bool> = first
            .iter()
            .map(|&row| {
                let label = column.label(row as usize).unwrap_or_default();
                values.iter().any(|value| value.as_ref() == label)
            })
            .collect();
        let flags = codes.iter().map(|&code| wanted.get(code as usize).copied().unwrap_or(false));
        let mask =
            Column::new(Values::Bool(flags.collect::<Vec<_>>().into()), column.validity().cloned());
        self.filter(&mask, &format!("another {name} than asked for"))
    }

    /// The rows at `rows`, which must ascend.
    fn take(&self, rows: &[u32]) -> Self {
        let mut kept = Vec::new();
        let mut offsets = vec![0_u32];
        let mut at = 0;
        for person in 0..self.persons.len() {
            let end = self.offsets[person + 1];
            let n = rows[at..].partition_point(|&row| row < end);
            if n > 0 {
                at += n;
                kept.push(person as u32);
                offsets.push(at as u32);
            }
        }
        Self {
            calendar: self.calendar,
            persons: self.persons.take(&kept),
            period_name: self.period_name.clone(),
            offsets: offsets.into(),
            positions: rows
                .iter()
                .map(|&row| self.positions[row as usize])
                .collect::<Vec<_>>()
                .into(),
            columns: self.columns.take(rows),
            reference: self.reference,
            account: self.account.clone(),
        }
    }
}
