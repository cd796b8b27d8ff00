use super::PanelError;
use super::keys::{NONE, codes, numbers};
use crate::data::{Column, Panel, Table};

/// Sums of one column in one group.
#[derive(Clone, Copy, Default)]
struct Sums {
    rows: i64,
    known: i64,
    mean: f64,
    squares: f64,
}

impl Sums {
    /// Welford's update.
    fn add(&mut self, value: f64) {
        self.rows += 1;
        if value.is_nan() {
            return;
        }
        self.known += 1;
        let off = value - self.mean;
        self.mean += off / self.known as f64;
        self.squares += off * (value - self.mean);
    }

    fn mean(&self) -> Option<f64> {
        (self.known > 0).then_some(self.mean)
    }

    fn variance(&self) -> Option<f64> {
        (self.known > 1).then(|| self.squares / (self.known - 1) as f64)
    }
}

impl Panel {
    /// Columns side by side in groups: who the groups are made of, and how far apart they are.
    ///
    /// One row for a column and a group: `column`, `group`, `rows`, `missing` (rows without a
    /// value), `mean`, `sd`, and against the group `reference` (by default the first) the
    /// standardised difference `(m - m0) / sqrt((s^2 + s0^2) / 2)` and the ratio of variances
    /// `s^2 / s0^2`. Truth values count as 0 and 1. Rows without a group are left out.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for missing columns and columns that hold no numbers,
    /// [`PanelError::NotFinite`], [`PanelError::BadArgument`] for a reference that is no group and
    /// more than 1000 groups.
    pub fn balance_table<N: AsRef<str>>(
        &self,
        columns: &[N],
        by: &str,
        reference: Option<&str>,
    ) -> Result<Table, PanelError> {
        const MOST: usize = 1000;
        let group = self.column("by", by)?;
        let (groups, first) = codes(&group);
        let bad = |argument: &str, expected, got: String| PanelError::BadArgument {
            argument: argument.to_owned(),
            expected,
            got,
        };
        if first.len() > MOST {
            return Err(bad("by", "a column of at most 1000 groups", first.len().to_string()));
        }
        let label = |row: &u32| group.label(*row as usize).unwrap_or_default();
        let labels: Vec<String> = first.iter().map(label).collect();
        let base = match reference {
            None => 0,
            Some(name) => labels
                .iter()
                .position(|label| label == name)
                .ok_or_else(|| bad("reference", "one of the groups", format!("\"{name}\"")))?,
        };
        let mut rows = Rows::default();
        for name in columns {
            let name = name.as_ref();
            let own = Table::new([(name, self.column("columns", name)?)])?;
            let values = numbers(&own, "columns", name, None)?;
            let mut sums = vec![Sums::default(); labels.len()];
            for (value, &group) in values.iter().zip(&groups).filter(|(_, group)| **group != NONE) {
                sums[group as usize].add(*value);
            }
            for (label, own) in labels.iter().zip(&sums) {
                rows.push(name, label, own, &sums[base]);
            }
        }
        rows.table()
    }
}

#[derive(Default)]
struct Rows {
    column: Vec<String>,
    group: Vec<String>,
    counts: Vec<i64>,
    missing: Vec<i64>,
    numbers: [Vec<Option<f64>>; 4],
}

impl Rows {
    fn push(&mut self, column: &str, group: &str, own: &Sums, base: &Sums) {
        self.column.push(column.to_owned());
        self.group.push(group.to_owned());
        self.counts.push(own.rows);
        self.missing.push(own.rows - own.known);
        let both = own.variance().zip(base.variance());
        let apart = own.mean().zip(base.mean()).zip(both).and_then(|((m, m0), (v, v0))| {
            let scale = f64::midpoint(v, v0).sqrt();
            (scale > 0.0).then(|| (m - m0) / scale)
        });
        let ratio = both.filter(|(_, base)| *base > 0.0).map(|(own, base)| own / base);
        let sd = own.variance().map(f64::sqrt);
        for (into, value) in self.numbers.iter_mut().zip([own.mean(), sd, apart, ratio]) {
            into.push(value);
        }
    }

    fn table(self) -> Result<Table, PanelError> {
        let text = |of: &[String]| Column::text(of.iter().map(|one| Some(one.as_str())));
        let [mean, sd, apart, ratio] = &self.numbers;
        Ok(Table::new([
            ("column", text(&self.column)),
            ("group", text(&self.group)),
            ("rows", Column::int(self.counts.clone())),
            ("missing", Column::int(self.missing.clone())),
            ("mean", Column::floats(mean)),
            ("sd", Column::floats(sd)),
            ("difference", Column::floats(apart)),
            ("variance_ratio", Column::floats(ratio)),
        ])?)
    }
}
