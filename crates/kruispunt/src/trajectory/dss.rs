use super::read::{Cells, check_size};
use super::{Reader, Sequences, TrajectoryError};
use crate::data::{Account, Column, DataError, Table};

impl Reader {
    /// Sequences from DSS: a column of distinct successive states, `A-B-A`, and one of how long each
    /// lasts, `3-7-2`, as [`Sequences::to_dss`] writes them. `*` is missing.
    ///
    /// # Errors
    ///
    /// As [`Reader::wide`], and a bad cell for lengths that are no whole numbers from 1 on, or not
    /// as many as states.
    pub fn dss(
        &self,
        table: &Table,
        states: &str,
        lengths: &str,
    ) -> Result<Sequences, TrajectoryError> {
        table.require_rows("data")?;
        let (words, numbers) = (table.column("states", states)?, table.column("lengths", lengths)?);
        let wrong = |argument: &str, column: &str, row: usize, expected: &'static str| {
            let (argument, column) = (argument.to_owned(), column.to_owned());
            TrajectoryError::from(DataError::BadCell { argument, column, row, expected })
        };
        let mut read: Vec<Vec<(String, usize)>> = Vec::with_capacity(table.n_rows());
        for row in 0..table.n_rows() {
            let (names, times) =
                (words.label(row).unwrap_or_default(), numbers.label(row).unwrap_or_default());
            if names.is_empty() && times.is_empty() {
                read.push(Vec::new());
                continue;
            }
            let times: Option<Vec<usize>> = times
                .split('-')
                .map(|n| n.trim().parse().ok().filter(|n| (1..1_usize << 20).contains(n)))
                .collect();
            let expected = "whole numbers of positions joined by -, such as 3-7-2";
            let times = times.ok_or_else(|| wrong("lengths", lengths, row, expected))?;
            let names: Vec<&str> = names.split('-').map(str::trim).collect();
            if names.len() != times.len() || names.contains(&"") {
                let expected = "as many states joined by - as there are lengths";
                return Err(wrong("states", states, row, expected));
            }
            read.push(names.into_iter().map(str::to_owned).zip(times).collect());
        }
        let width = read.iter().map(|own| own.iter().map(|(_, n)| n).sum::<usize>()).max();
        let width = width.unwrap_or(0).max(1);
        check_size(read.len(), width)?;
        let mut names: Vec<String> =
            read.iter().flatten().map(|(name, _)| name.clone()).filter(|n| n != "*").collect();
        names.sort_unstable();
        names.dedup();
        let mut cells = Vec::with_capacity(read.len() * width);
        for (row, spells) in read.iter().enumerate() {
            for (name, length) in spells {
                let code = names.binary_search(name).ok().map(|at| at as u32);
                cells.extend(std::iter::repeat_n(code, *length));
            }
            cells.resize((row + 1) * width, None);
        }
        let (id, ids) = match self.id_column() {
            Some(name) => {
                let ids = table.column("id", &name)?.clone();
                (name, ids)
            }
            None => ("row".to_owned(), Column::int((0..table.n_rows() as i64).collect())),
        };
        self.build(Cells {
            codes: cells,
            names,
            positions: (1..=width).map(|at| at.to_string()).collect(),
            id,
            ids,
            weights: None,
            account: Account::new("sequences"),
        })
    }
}
