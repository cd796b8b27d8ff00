//! Two columns in one dictionary of canonical values.

use super::comparison::{Comparison, Ladder, Ruler};
use super::conditions::{BETWEEN, EMPTY};
use super::date::Written;
use super::{LinkageError, canon};
use crate::data::{Column, DataError, Day, ITEM, Interner, Levels, Table, Text, Values};
use crate::math::codes;
use std::fmt::Write;
use std::sync::Arc;

/// Code of a missing value.
pub(super) const MISSING: u32 = u32::MAX;

/// The two sides of a linkage; one table against itself when rows are to be deduplicated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'a> {
    pub(super) left: &'a Table,
    pub(super) right: &'a Table,
    pub(super) dedupe: bool,
    pub(super) only: Only<'a>,
}

/// Which pairs of rows of one table are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Only<'a> {
    /// All.
    Any,
    /// Those of different sources.
    Between(&'a [u32]),
    /// Those with a row from this one on.
    Since(u32),
}

impl<'a> Only<'a> {
    pub(super) const fn sources(self) -> &'a [u32] {
        match self {
            Self::Between(sources) => sources,
            _ => &[],
        }
    }

    pub(super) const fn since(self) -> u32 {
        match self {
            Self::Since(row) => row,
            _ => 0,
        }
    }

    /// Whether two rows are looked at.
    pub(super) fn fits(self, a: u32, b: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Between(sources) => sources[a as usize] != sources[b as usize],
            Self::Since(row) => a.max(b) >= row,
        }
    }

    /// Where the new rows begin among ascending rows.
    pub(super) fn first_new(self, block: &[u32]) -> usize {
        let since = self.since();
        block.partition_point(|&row| row < since)
    }

    /// Pairs among ascending rows that are looked at.
    pub(super) fn pairs(self, block: &[u32]) -> u64 {
        let among = |n: u64| n * n.saturating_sub(1) / 2;
        let all = among(block.len() as u64);
        match self {
            Self::Any => all,
            Self::Since(_) => all - among(self.first_new(block) as u64),
            Self::Between(sources) => {
                let mut own: Vec<u32> = block.iter().map(|&row| sources[row as usize]).collect();
                own.sort_unstable();
                all - own.chunk_by(|a, b| a == b).map(|one| among(one.len() as u64)).sum::<u64>()
            }
        }
    }
}

impl<'a> Sides<'a> {
    /// Two tables.
    pub(super) const fn two(left: &'a Table, right: &'a Table) -> Self {
        Self { left, right, dedupe: false, only: Only::Any }
    }

    /// One table against itself.
    pub(super) const fn one(table: &'a Table, only: Only<'a>) -> Self {
        Self { left: table, right: table, dedupe: true, only }
    }

    /// Pairs of rows there are.
    pub(super) fn pairs(&self) -> f64 {
        let (n, m) = (self.left.n_rows() as f64, self.right.n_rows() as f64);
        if !self.dedupe {
            return n * m;
        }
        match self.only {
            Only::Between(sources) => {
                let rows: Vec<u32> = (0..sources.len() as u32).collect();
                self.only.pairs(&rows) as f64
            }
            // What is learned is learned of all pairs, old or new.
            _ => n * (n - 1.0) / 2.0,
        }
    }
}

/// Codes of the rows of one column. Those of several columns may stand in one piece of memory,
/// row by row.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    cells: Arc<Vec<u32>>,
    /// Where the first row stands.
    at: usize,
    /// From row to row.
    width: usize,
}

impl From<Vec<u32>> for Codes {
    fn from(codes: Vec<u32>) -> Self {
        Self { cells: Arc::new(codes), at: 0, width: 1 }
    }
}

impl Codes {
    pub(super) fn get(&self, row: u32) -> u32 {
        self.cells[row as usize * self.width + self.at]
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len() / self.width.max(1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + Clone {
        let own = self.cells.get(self.at..).unwrap_or_default();
        own.iter().step_by(self.width.max(1)).copied()
    }

    /// All cells of the piece of memory that it stands in.
    pub(super) fn cells(&self) -> &Arc<Vec<u32>> {
        &self.cells
    }

    /// Puts columns of one length into one piece of memory, row by row, so that a row is met in
    /// one place.
    pub(super) fn by_row(mut columns: Vec<&mut Self>) {
        let width = columns.len();
        let mut cells = Vec::new();
        for (at, column) in columns.iter_mut().enumerate() {
            cells.resize(column.len() * width, MISSING);
            for (cell, code) in cells.iter_mut().skip(at).step_by(width).zip(column.iter()) {
                *cell = code;
            }
            **column = Self::default();
        }
        let cells = Arc::new(cells);
        for (at, column) in columns.into_iter().enumerate() {
            *column = Self { cells: Arc::clone(&cells), at, width };
        }
    }
}

/// Codes of two columns into one list of distinct canonical values.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) left: Codes,
    /// Empty when one table is compared with itself.
    right: Codes,
    dedupe: bool,
    pub(super) texts: Levels,
    /// What each name was written like when it was met first; empty for all but names.
    pub(super) written: Levels,
    /// Cells that hold something which cannot be read.
    pub(super) unread: u64,
}

/// What canonical values are made with.
struct Maker<'a> {
    ruler: &'a Ruler,
    numeric: bool,
    /// Text stays as it is written.
    as_is: bool,
    known: Interner,
    written: Levels,
    unread: u64,
    canonical: String,
}

impl Coded {
    /// Encodes the columns that `comparison` asks for.
    pub(super) fn new(
        sides: Sides<'_>,
        comparison: &Comparison,
        argument: &str,
    ) -> Result<Self, LinkageError> {
        if let Ruler::Levels(ladder) = &comparison.ruler {
            return Self::joined(sides, comparison, ladder, argument);
        }
        let left = sides.left.column(argument, comparison.column())?;
        let right = if sides.dedupe {
            None
        } else {
            let name = comparison.right_column();
            Some((sides.right.column(argument, name)?, name))
        };
        let mut maker = Maker {
            ruler: &comparison.ruler,
            numeric: is_numeric(left) || right.is_some_and(|(column, _)| is_numeric(column)),
            as_is: comparison.options.written,
            known: Interner::default(),
            written: Levels::default(),
            unread: 0,
            canonical: String::new(),
        };
        let codes = maker.encode(left, argument, comparison.column())?;
        let right = match right {
            Some((column, name)) => maker.encode(column, argument, name)?,
            None => Vec::new(),
        };
        Ok(Self {
            left: codes.into(),
            right: right.into(),
            dedupe: sides.dedupe,
            texts: maker.known.into_levels(),
            written: maker.written,
            unread: maker.unread,
        })
    }

    /// Encodes the rows by the cells of all columns of conditions; no code is missing.
    fn joined(
        sides: Sides<'_>,
        comparison: &Comparison,
        ladder: &Ladder,
        argument: &str,
    ) -> Result<Self, LinkageError> {
        let (names, written) = (comparison.columns(), comparison.options.written);
        let (numeric, lists) = (ladder.numeric(), ladder.lists());
        let mut known = Interner::default();
        let mut encode = |table: &Table| -> Result<Vec<u32>, LinkageError> {
            let columns = names
                .iter()
                .map(|name| {
                    let column = table.column(argument, name)?;
                    if numeric.contains(name) {
                        column.to_floats(argument, name)?;
                    }
                    refuse_not_finite(column, argument, name)?;
                    if !lists.contains(name) {
                        refuse_lists(column, argument, name)?;
                    }
                    Ok(column)
                })
                .collect::<Result<Vec<&Column>, LinkageError>>()?;
            let (mut text, mut cell, mut own) = (String::new(), String::new(), String::new());
            let row = |row: usize| {
                text.clear();
                for (at, column) in columns.iter().enumerate() {
                    if at > 0 {
                        text.push(BETWEEN);
                    }
                    if column.is_null(row) {
                        continue;
                    }
                    cell.clear();
                    match column.values() {
                        Values::Text(text) => cell.push_str(text.levels().get(text.codes()[row])),
                        Values::Date(days) if written => {
                            let (year, month, day) = Day(days[row]).ymd();
                            write(&mut cell, format_args!("{year:04}-{month:02}-{day:02}"));
                        }
                        _ => show(column, row, &mut cell),
                    }
                    if written {
                        let before = text.len();
                        text.extend(cell.chars().filter(|&letter| letter != BETWEEN));
                        if text.len() == before {
                            text.push(EMPTY);
                        }
                    } else if canon::plain(&cell, &mut own) {
                        text.extend(own.chars().filter(|&letter| letter != BETWEEN));
                    }
                }
                known.code(&text)
            };
            Ok((0..table.n_rows()).map(row).collect())
        };
        let left = encode(sides.left)?;
        let right = if sides.dedupe { Vec::new() } else { encode(sides.right)? };
        Ok(Self {
            left: left.into(),
            right: right.into(),
            dedupe: sides.dedupe,
            texts: known.into_levels(),
            written: Levels::default(),
            unread: 0,
        })
    }

    /// Codes of the right rows.
    pub(super) const fn right(&self) -> &Codes {
        if self.dedupe { &self.left } else { &self.right }
    }

    /// Puts the codes of several columns into one piece of memory for each side.
    pub(super) fn by_row<'a>(all: impl Iterator<Item = &'a mut Self>) {
        let (left, right): (Vec<_>, Vec<_>) =
            all.map(|own| (&mut own.left, &mut own.right)).unzip();
        Codes::by_row(left);
        Codes::by_row(right);
    }
}

impl Maker<'_> {
    fn encode(
        &mut self,
        column: &Column,
        argument: &str,
        name: &str,
    ) -> Result<Vec<u32>, LinkageError> {
        if matches!(self.ruler, Ruler::Numeric { .. }) {
            column.to_floats(argument, name)?;
        }
        if matches!(self.ruler, Ruler::Identifier | Ruler::Checked) {
            refuse_no_identifier(column, argument, name)?;
        }
        refuse_not_finite(column, argument, name)?;
        refuse_lists(column, argument, name)?;
        Ok(match column.values() {
            Values::Text(text) => self.encode_text(column, text),
            Values::Int(values) => self.encode_numbers(
                column,
                |row| values[row],
                |row, out| {
                    write(out, format_args!("{}", values[row]));
                },
            ),
            _ => self.encode_numbers(
                column,
                |row| number(column, row),
                |row, out| {
                    show(column, row, out);
                },
            ),
        })
    }

    fn encode_text(&mut self, column: &Column, text: &Text) -> Vec<u32> {
        // Codes that no row uses get no number.
        const UNSEEN: u32 = MISSING - 1;
        let levels = text.levels();
        let mut codes = vec![UNSEEN; levels.len()];
        let mut out = Vec::with_capacity(column.len());
        for (row, &code) in text.codes().iter().enumerate() {
            if column.is_null(row) {
                out.push(MISSING);
                continue;
            }
            let slot = &mut codes[code as usize];
            if *slot == UNSEEN {
                *slot = self.code(levels.get(code));
            }
            self.unread += u64::from(*slot == MISSING && !levels.get(code).trim().is_empty());
            out.push(*slot);
        }
        out
    }

    /// Codes of what `key` tells apart and `show` writes.
    fn encode_numbers(
        &mut self,
        column: &Column,
        key: impl Fn(usize) -> i64,
        show: impl Fn(usize, &mut String),
    ) -> Vec<u32> {
        let coded = codes::integers(column.len(), key);
        let mut shown = String::new();
        let mut code_of = vec![None; coded.first.len()];
        let mut out = Vec::with_capacity(column.len());
        for (row, &code) in coded.codes.iter().enumerate() {
            if column.is_null(row) {
                out.push(MISSING);
                continue;
            }
            let code = *code_of[code as usize].get_or_insert_with(|| {
                shown.clear();
                show(row, &mut shown);
                self.code(&shown)
            });
            self.unread += u64::from(code == MISSING);
            out.push(code);
        }
        out
    }

    fn code(&mut self, text: &str) -> u32 {
        let out = &mut self.canonical;
        let read = match self.ruler {
            Ruler::Name | Ruler::Person { .. } => canon::name(text, out),
            Ruler::Identifier | Ruler::Checked => canon::identifier(text, self.numeric, out),
            Ruler::Exact | Ruler::Text { .. } if self.as_is => {
                out.clear();
                out.push_str(text);
                true
            }
            // Rows of conditions are encoded whole.
            Ruler::Exact | Ruler::Text { .. } | Ruler::Levels(_) => canon::plain(text, out),
            Ruler::Date => Written::parse(text).is_some_and(|date| {
                out.clear();
                date.write(out);
                true
            }),
            Ruler::Numeric { .. } => {
                out.clear();
                out.push_str(text);
                true
            }
        };
        if !read {
            return MISSING;
        }
        let code = self.known.code(out);
        if matches!(self.ruler, Ruler::Name | Ruler::Person { .. })
            && code as usize == self.written.len()
        {
            self.written.push(text);
        }
        code
    }
}

fn write(out: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(what);
}

/// What tells the cells of a column that holds no text apart.
fn number(column: &Column, row: usize) -> i64 {
    match column.values() {
        Values::Bool(values) => i64::from(values[row]),
        Values::Int(values) => values[row],
        Values::Short(values) => i64::from(values[row]),
        // The two zeros are one number.
        Values::Float(values) => (values[row] + 0.0).to_bits() as i64,
        Values::Date(values) | Values::Period(_, values) => i64::from(values[row]),
        Values::Text(text) => i64::from(text.codes()[row]),
    }
}

fn show(column: &Column, row: usize, out: &mut String) {
    match column.values() {
        Values::Int(values) => write(out, format_args!("{}", values[row])),
        Values::Float(values) if values[row] == 0.0 => out.push('0'),
        Values::Float(values) => write(out, format_args!("{}", values[row])),
        Values::Date(values) => Written::of(Day(values[row])).write(out),
        _ => out.push_str(&column.label(row).unwrap_or_default()),
    }
}

fn is_numeric(column: &Column) -> bool {
    matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
}

fn refuse_not_finite(column: &Column, argument: &str, name: &str) -> Result<(), LinkageError> {
    let Values::Float(values) = column.values() else { return Ok(()) };
    let there = |row: usize| !column.is_null(row);
    let bad = (0..values.len()).find(|&row| there(row) && !values[row].is_finite());
    bad.map_or(Ok(()), |row| {
        let (argument, column) = (argument.to_owned(), name.to_owned());
        Err(LinkageError::NotFinite { argument, column, row })
    })
}

/// Lists are compared by their items.
fn refuse_lists(column: &Column, argument: &str, name: &str) -> Result<(), LinkageError> {
    let Values::Text(text) = column.values() else { return Ok(()) };
    let list = |row: usize| text.levels().get(text.codes()[row]).starts_with(ITEM);
    // A column holds lists in all its rows or in none.
    let first = (0..column.len()).find(|&row| !column.is_null(row));
    first.filter(|&row| list(row)).map_or(Ok(()), |row| {
        Err(DataError::BadCell {
            argument: argument.to_owned(),
            column: name.to_owned(),
            row,
            expected: "one value: it is a list, which is compared by `overlap` or by conditions on items",
        }
        .into())
    })
}

/// A sign or a fraction would be lost with the punctuation, digits beyond 2^53 are lost already.
fn refuse_no_identifier(column: &Column, argument: &str, name: &str) -> Result<(), LinkageError> {
    let whole = |row: usize| match column.values() {
        Values::Int(values) => values[row] >= 0,
        Values::Short(values) => values[row] >= 0,
        Values::Float(values) => {
            !values[row].is_finite()
                || values[row].fract() == 0.0
                    && (0.0..=9_007_199_254_740_992.0).contains(&values[row])
        }
        _ => true,
    };
    let bad = (0..column.len()).find(|&row| !column.is_null(row) && !whole(row));
    bad.map_or(Ok(()), |row| {
        Err(DataError::BadCell {
            argument: argument.to_owned(),
            column: name.to_owned(),
            row,
            expected: "an identifier: a whole number from 0 to 2^53, or text; write a missing one as null",
        }
        .into())
    })
}
