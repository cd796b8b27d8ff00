//! The table as it is shown: withheld cells empty, counts rounded.

use super::attack::Attacked;
use super::cells::{Cells, State};
use super::protect::{Protected, Withheld};
use super::rules::Reason;
use super::{Disclosure, DisclosureError, Tabulated};
use crate::data::{Account, Column, Count, Step, Table};

impl Disclosure {
    pub(super) fn shown(
        &self,
        asked: &Tabulated<'_>,
        which: usize,
        cells: &Cells,
        attacked: &[Attacked],
        tried: bool,
    ) -> Result<Protected, DisclosureError> {
        let rows = asked.table.n_rows();
        let mut hidden: Vec<Option<Reason>> = vec![None; rows];
        for cell in (0..cells.len()).filter(|&at| cells.state[at] == State::Withheld) {
            for (_, row) in cells.rows[cell].iter().filter(|(table, _)| *table == which) {
                hidden[*row] = Some(cells.reason[cell].clone().unwrap_or(Reason::Others));
            }
        }
        let statistics = asked.statistics();
        let inner = asked.inner();
        let counts = asked.table.column("count", &asked.count)?.to_floats("count", &asked.count)?;
        let mut table = Table::default();
        for (name, column) in asked.table.names().iter().zip(asked.table.columns()) {
            if inner.contains(name.as_str()) {
                continue;
            }
            let own = if !statistics.contains(name.as_str()) {
                column.clone()
            } else if *name == asked.count || asked.contributors.as_ref() == Some(name) {
                let values = column.to_floats("table", name)?;
                let whole = |(value, gone): (&f64, &Option<Reason>)| {
                    let there = gone.is_none() && value.is_finite();
                    there.then(|| self.rounded(*value as u64) as i64)
                };
                Column::ints(&values.iter().zip(&hidden).map(whole).collect::<Vec<_>>())
            } else if let Ok(values) = column.to_floats("table", name) {
                let share = asked.shares.contains(name);
                let numbers = values.iter().zip(&hidden).enumerate().map(|(row, (value, gone))| {
                    let there = gone.is_none() && !value.is_nan();
                    there.then(|| {
                        if share {
                            self.shown_share(*value, counts[row])
                        } else {
                            self.shortened(*value)
                        }
                    })
                });
                Column::floats(&numbers.collect::<Vec<_>>())
            } else {
                let labels: Vec<Option<String>> = (0..rows)
                    .map(|row| column.label(row).filter(|_| hidden[row].is_none()))
                    .collect();
                Column::text(labels.iter().map(Option::as_deref))
            };
            table.push(name.clone(), own)?;
        }
        let withheld: Vec<Withheld> = hidden
            .into_iter()
            .enumerate()
            .filter_map(|(row, reason)| Some(Withheld { row, reason: reason? }))
            .collect();
        Ok(Protected {
            table,
            name: asked.name.clone(),
            by: asked.by.clone(),
            count: asked.count.clone(),
            account: self.account(asked, rows, &withheld, tried),
            withheld,
            attacked: attacked.to_vec(),
        })
    }

    /// A share in the precision that rounded counts leave.
    fn shown_share(&self, share: f64, count: f64) -> f64 {
        if self.rounding.is_none() {
            return self.shortened(share);
        }
        let whole = self.rounded(count as u64) as f64;
        let part = self.rounded((share * count).round() as u64) as f64;
        if whole == 0.0 { share.round() } else { self.shortened((part / whole).min(1.0)) }
    }

    fn account(
        &self,
        asked: &Tabulated<'_>,
        rows: usize,
        withheld: &[Withheld],
        tried: bool,
    ) -> Account {
        let others = withheld.iter().filter(|cell| cell.reason == Reason::Others).count();
        let own = withheld.len() - others;
        let mut step = Step::new("protect", self.said(), Count::rows(rows), Count::rows(rows))
            .note(format!("{} of {rows} cells withheld", withheld.len()));
        if own > 0 {
            step = step.note(format!("{own} by a rule"));
        }
        if others > 0 {
            step = step.note(format!("{others} because they would tell another"));
            step = step.note(if tried {
                "each of these is needed as long as the others are as they are; that no other choice \
                 would be smaller is not shown"
            } else {
                "not each of these was tried to be shown again; a smaller choice may exist"
            });
        }
        Account::new(asked.name.clone()).then(step)
    }

    /// The rules in words.
    #[must_use]
    pub fn said(&self) -> String {
        let mut rules = Vec::new();
        let mut add = |rule: Option<String>| rules.extend(rule);
        add(self.min_cell.map(|least| format!("at least {least} persons a cell")));
        add(self.min_contributors.map(|least| format!("at least {least} contributors a cell")));
        add(self.dominance.map(|(n, k)| format!("dominance ({n}, {k})")));
        add(self.p_percent.map(|p| format!("p-percent {}", p * 100.0)));
        add(self.rounding.map(|base| format!("counts in multiples of {base}")));
        add(self.hide_zeros.then(|| "zeros hidden".to_owned()));
        add(self.min_df.map(|df| format!("at least {df} degrees of freedom a model")));
        add(self.digits.map(|digits| format!("{digits} significant digits")));
        if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") }
    }
}
