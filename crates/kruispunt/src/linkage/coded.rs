//! Two columns in one dictionary of canonical values.

use super::comparison::{Comparison, Ruler};
use super::date::Written;
use super::{LinkageError, canon};
use crate::data::{Column, DataError, Day, Table, Values};
use rustc_hash::FxHashMap;

/// Code of a missing value.
pub(super) const MISSING: u32 = u32::MAX;

/// The two sides of a linkage; one table against itself when rows are to be deduplicated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'a> {
    pub(super) left: &'a Table,
    pub(super) right: &'a Table,
    pub(super) dedupe: bool,
}

impl Sides<'_> {
    /// Pairs of rows there are.
    pub(super) fn pairs(&self) -> f64 {
        let (n, m) = (self.left.n_rows() as f64, self.right.n_rows() as f64);
        if self.dedupe { n * (n - 1.0) / 2.0 } else { n * m }
    }
}

/// Codes of two columns into one list of distinct canonical values.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    pub(super) texts: Vec<String>,
    /// What each value was written like when it was met first.
    pub(super) written: Vec<String>,
    /// Cells that hold something which cannot be read.
    pub(super) unread: u64,
    known: FxHashMap<String, u32>,
}

impl Coded {
    /// Encodes the columns that `comparison` asks for.
    pub(super) fn new(
        sides: Sides<'_>,
        comparison: &Comparison,
        argument: &str,
    ) -> Result<Self, LinkageError> {
        let left = sides.left.column(argument, comparison.column())?;
        let mut coded = Self {
            left: Vec::new(),
            right: Vec::new(),
            texts: Vec::new(),
            written: Vec::new(),
            unread: 0,
            known: FxHashMap::default(),
        };
        if sides.dedupe {
            let numeric = is_numeric(left);
            let name = comparison.column();
            coded.left = coded.encode(left, &comparison.ruler, numeric, argument, name)?;
            coded.right.clone_from(&coded.left);
            return Ok(coded);
        }
        let right = sides.right.column(argument, comparison.right_column())?;
        let numeric = is_numeric(left) || is_numeric(right);
        let name = comparison.column();
        coded.left = coded.encode(left, &comparison.ruler, numeric, argument, name)?;
        let name = comparison.right_column();
        coded.right = coded.encode(right, &comparison.ruler, numeric, argument, name)?;
        Ok(coded)
    }

    fn encode(
        &mut self,
        column: &Column,
        ruler: &Ruler,
        numeric: bool,
        argument: &str,
        name: &str,
    ) -> Result<Vec<u32>, LinkageError> {
        if matches!(ruler, Ruler::Numeric { .. }) {
            column.to_floats(argument, name)?;
        }
        if matches!(ruler, Ruler::Identifier) {
            refuse_no_identifier(column, argument, name)?;
        }
        let cells = cells(column, argument, name)?;
        let mut codes: Vec<Option<u32>> = vec![None; cells.texts.len()];
        let mut out = Vec::with_capacity(cells.codes.len());
        for code in cells.codes {
            let Some(code) = code else {
                out.push(MISSING);
                continue;
            };
            let at = code as usize;
            if codes[at].is_none() {
                codes[at] = Some(self.intern(ruler, numeric, &cells.texts[at]));
            }
            let code = codes[at].unwrap_or(MISSING);
            if code == MISSING && !cells.texts[at].trim().is_empty() {
                self.unread += 1;
            }
            out.push(code);
        }
        Ok(out)
    }

    fn intern(&mut self, ruler: &Ruler, numeric: bool, text: &str) -> u32 {
        let canonical = match ruler {
            Ruler::Name => canon::name(text),
            Ruler::Date => Written::parse(text).map(Written::text),
            Ruler::Identifier => canon::identifier(text, numeric),
            Ruler::Exact | Ruler::Text { .. } => canon::plain(text),
            Ruler::Numeric { .. } => Some(text.to_owned()),
        };
        let Some(canonical) = canonical else { return MISSING };
        if let Some(&code) = self.known.get(&canonical) {
            return code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(canonical.clone());
        self.written.push(text.to_owned());
        self.known.insert(canonical, code);
        code
    }
}

fn is_numeric(column: &Column) -> bool {
    matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
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

struct Cells {
    codes: Vec<Option<u32>>,
    texts: Vec<String>,
}

/// The cells of a column as codes into distinct texts.
fn cells(column: &Column, argument: &str, name: &str) -> Result<Cells, LinkageError> {
    let there = |row: usize| !column.is_null(row);
    if let Values::Text(text) = column.values() {
        let codes = text.codes().iter().enumerate();
        return Ok(Cells {
            codes: codes.map(|(row, &code)| there(row).then_some(code)).collect(),
            texts: text.levels().iter().map(str::to_owned).collect(),
        });
    }
    if let Values::Float(values) = column.values() {
        let bad = (0..values.len()).find(|&row| there(row) && !values[row].is_finite());
        if let Some(row) = bad {
            let (argument, column) = (argument.to_owned(), name.to_owned());
            return Err(LinkageError::NotFinite { argument, column, row });
        }
    }
    let write = |row: usize| match column.values() {
        Values::Int(values) => values[row].to_string(),
        Values::Float(values) if values[row] == 0.0 => "0".to_owned(),
        Values::Float(values) => values[row].to_string(),
        Values::Date(values) => Written::of(Day(values[row])).text(),
        _ => column.label(row).unwrap_or_default(),
    };
    let key = |row: usize| match column.values() {
        Values::Bool(values) => u64::from(values[row]),
        Values::Int(values) => values[row] as u64,
        Values::Short(values) => values[row] as u64,
        Values::Float(values) => values[row].to_bits(),
        Values::Date(values) | Values::Period(_, values) => values[row] as u64,
        Values::Text(text) => u64::from(text.codes()[row]),
    };
    let mut known: FxHashMap<u64, u32> = FxHashMap::default();
    let mut texts = Vec::new();
    let codes = (0..column.len())
        .map(|row| {
            there(row).then(|| {
                *known.entry(key(row)).or_insert_with(|| {
                    texts.push(write(row));
                    texts.len() as u32 - 1
                })
            })
        })
        .collect();
    Ok(Cells { codes, texts })
}
