use super::read::{Cells, check_size};
use super::{Reader, Sequences, TrajectoryError};
use crate::data::{Account, Column, DataError, Table};

/// States in order, each with the positions it lasts.
type Spelled = Vec<(String, usize)>;

/// More positions than anyone lives.
const LONGEST: usize = 1 << 20;

/// Sequences from rows that name each spell once: DSS and SPS.
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
        let (words, numbers) = (table.column("states", states)?, table.column("lengths", lengths)?);
        self.spelled(table, |row| {
            let names = words.label(row).unwrap_or_default();
            let times = numbers.label(row).unwrap_or_default();
            if names.is_empty() && times.is_empty() {
                return Ok(Vec::new());
            }
            let expected = "whole numbers of positions joined by -, such as 3-7-2";
            let times = durations(&times).ok_or(("lengths", lengths, expected))?;
            let names: Vec<&str> = names.split('-').map(str::trim).collect();
            if names.len() != times.len() || names.contains(&"") {
                let expected = "as many states joined by - as there are lengths";
                return Err(("states", states, expected));
            }
            Ok(names.into_iter().map(str::to_owned).zip(times).collect())
        })
    }

    /// Sequences from SPS, a column of `(A,3)-(B,7)`. `*` is missing.
    ///
    /// # Errors
    ///
    /// As [`Reader::wide`], and a bad cell that is not so written.
    pub fn sps(&self, table: &Table, column: &str) -> Result<Sequences, TrajectoryError> {
        let texts = table.column("column", column)?;
        let expected = "spells written as (state,length)-(state,length)";
        self.spelled(table, |row| {
            let text = texts.label(row).unwrap_or_default();
            parenthesised(&text).ok_or(("column", column, expected))
        })
    }

    /// Sequences from the spells of each row; what is wrong with one is an argument, its column and
    /// what is expected.
    fn spelled<'a>(
        &self,
        table: &Table,
        read: impl Fn(usize) -> Result<Spelled, (&'a str, &'a str, &'static str)>,
    ) -> Result<Sequences, TrajectoryError> {
        table.require_rows("data")?;
        let mut rows: Vec<Spelled> = Vec::with_capacity(table.n_rows());
        for row in 0..table.n_rows() {
            rows.push(read(row).map_err(|(argument, column, expected)| DataError::BadCell {
                argument: argument.to_owned(),
                column: column.to_owned(),
                row,
                expected,
            })?);
        }
        let width = rows.iter().map(|own| own.iter().map(|(_, n)| n).sum::<usize>()).max();
        let width = width.unwrap_or(0).max(1);
        check_size(rows.len(), width)?;
        let mut names: Vec<String> =
            rows.iter().flatten().map(|(name, _)| name.clone()).filter(|n| n != "*").collect();
        names.sort_unstable();
        names.dedup();
        let mut cells = Vec::with_capacity(rows.len() * width);
        for (row, spells) in rows.iter().enumerate() {
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

/// Whole numbers from 1 on, joined by `-`; `None` when it is not so written.
fn durations(text: &str) -> Option<Vec<usize>> {
    let time = |part: &str| part.trim().parse().ok().filter(|n| (1..LONGEST).contains(n));
    text.split('-').map(time).collect()
}

/// Spells of `(A,3)-(B,7)`; `None` when it is not so written or longer than anyone lives.
fn parenthesised(text: &str) -> Option<Spelled> {
    let mut spells = Vec::new();
    let mut rest = text.trim();
    let mut total = 0_usize;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('(')?;
        let close = inner.find(')')?;
        let (name, length) = inner[..close].rsplit_once(',')?;
        let length: usize = length.trim().parse().ok().filter(|&length| length > 0)?;
        total = total.checked_add(length).filter(|&total| total < LONGEST)?;
        spells.push((name.trim().to_owned(), length));
        rest = &inner[close + 1..];
        rest = match rest.strip_prefix('-') {
            Some("") => return None,
            Some(more) => more,
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(spells)
}
