//! Rows on their way to a table.

use crate::SynthError;
use crate::schema::{Kind, TableSchema};
use kruispunt::data::{Bitmap, Buffer, Column, Day, Levels, Table, Text, Unit, Values};
use rustc_hash::FxHashMap;

/// One cell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Float(f64),
    Day(Day),
    /// A quarter or a year, as `Period::number`.
    Period(i32),
    /// A code, as its place in the list of the schema.
    Code(u32),
    Text(&'a str),
}

impl<T> From<Option<T>> for Cell<'_>
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<f64> for Cell<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Day> for Cell<'_> {
    fn from(value: Day) -> Self {
        Self::Day(value)
    }
}

impl From<u32> for Cell<'_> {
    fn from(value: u32) -> Self {
        Self::Code(value)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

#[derive(Debug, Default)]
struct TextCells {
    known: FxHashMap<Box<str>, u32>,
    levels: Vec<Box<str>>,
    codes: Vec<u32>,
}

impl TextCells {
    fn code(&mut self, text: &str) -> u32 {
        if let Some(&code) = self.known.get(text) {
            return code;
        }
        let code = self.levels.len() as u32;
        self.levels.push(text.into());
        self.known.insert(text.into(), code);
        code
    }

    fn append(&mut self, other: &Self) {
        let new: Vec<u32> = other.levels.iter().map(|level| self.code(level)).collect();
        // A null among texts has code 0, also where there is no text at all.
        self.codes.extend(
            other.codes.iter().map(|&code| new.get(code as usize).copied().unwrap_or_default()),
        );
    }
}

#[derive(Debug)]
enum Cells {
    Int(Vec<i64>),
    Float(Vec<f64>),
    Small(Vec<i32>),
    Code(Vec<u32>),
    Text(TextCells),
}

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct Rows {
    schema: &'static TableSchema,
    cells: Vec<Cells>,
    /// Per column, from the first null on.
    valid: Vec<Option<Vec<bool>>>,
    n: usize,
}

impl Rows {
    pub(crate) fn new(schema: &'static TableSchema) -> Self {
        let cells = schema.fields.iter().map(|field| match field.kind {
            Kind::Int => Cells::Int(Vec::new()),
            Kind::Float => Cells::Float(Vec::new()),
            Kind::Date | Kind::Quarter | Kind::Year => Cells::Small(Vec::new()),
            Kind::Code => Cells::Code(Vec::new()),
            Kind::Text => Cells::Text(TextCells::default()),
        });
        Self { schema, cells: cells.collect(), valid: vec![None; schema.fields.len()], n: 0 }
    }

    /// Appends a row; a cell of another type than the schema says counts as missing.
    pub(crate) fn push(&mut self, row: &[Cell<'_>]) {
        debug_assert_eq!(row.len(), self.cells.len(), "{}", self.schema.name);
        for (at, cells) in self.cells.iter_mut().enumerate() {
            let cell = row.get(at).copied().unwrap_or(Cell::Null);
            let there = match (cells, cell) {
                (Cells::Int(own), Cell::Int(value)) => push(own, value),
                (Cells::Float(own), Cell::Float(value)) => push(own, value),
                (Cells::Small(own), Cell::Day(value)) => push(own, value.0),
                (Cells::Small(own), Cell::Period(value)) => push(own, value),
                (Cells::Code(own), Cell::Code(value)) => push(own, value),
                (Cells::Text(own), Cell::Text(value)) => {
                    let code = own.code(value);
                    push(&mut own.codes, code)
                }
                (cells, cell) => {
                    debug_assert!(
                        matches!(cell, Cell::Null),
                        "{}.{}",
                        self.schema.name,
                        self.schema.fields[at].name
                    );
                    match cells {
                        Cells::Int(own) => own.push(0),
                        Cells::Float(own) => own.push(f64::NAN),
                        Cells::Small(own) => own.push(0),
                        Cells::Code(own) => own.push(0),
                        Cells::Text(own) => own.codes.push(0),
                    }
                    false
                }
            };
            match (&mut self.valid[at], there) {
                (Some(valid), there) => valid.push(there),
                (None, true) => {}
                (empty @ None, false) => {
                    let mut valid = vec![true; self.n];
                    valid.push(false);
                    *empty = Some(valid);
                }
            }
        }
        self.n += 1;
    }

    /// Appends the rows of another run of persons.
    pub(crate) fn append(&mut self, other: Self) {
        for (own, new) in self.cells.iter_mut().zip(other.cells) {
            match (own, new) {
                (Cells::Int(own), Cells::Int(new)) => own.extend(new),
                (Cells::Float(own), Cells::Float(new)) => own.extend(new),
                (Cells::Small(own), Cells::Small(new)) => own.extend(new),
                (Cells::Code(own), Cells::Code(new)) => own.extend(new),
                (Cells::Text(own), Cells::Text(new)) => own.append(&new),
                _ => {}
            }
        }
        for (own, new) in self.valid.iter_mut().zip(other.valid) {
            if own.is_none() && new.is_none() {
                continue;
            }
            let valid = own.get_or_insert_with(|| vec![true; self.n]);
            match new {
                Some(new) => valid.extend(new),
                None => valid.resize(self.n + other.n, true),
            }
        }
        self.n += other.n;
    }

    pub(crate) fn finish(self) -> Result<Table, SynthError> {
        let n = self.n;
        let fields = self.schema.fields.iter().zip(self.cells).zip(self.valid);
        let columns = fields.map(|((field, cells), valid)| {
            let values = match cells {
                Cells::Int(own) => Values::Int(own.into()),
                Cells::Float(own) => Values::Float(own.into()),
                Cells::Small(own) => match field.kind {
                    Kind::Quarter => Values::Period(Unit::Quarter, own.into()),
                    Kind::Year => Values::Period(Unit::Year, own.into()),
                    _ => Values::Date(own.into()),
                },
                Cells::Code(own) => {
                    text(own.into(), field.codes.iter().map(|code| code.0).collect(), n, true)
                }
                Cells::Text(own) => {
                    let levels = own.levels.iter().map(|level| &**level).collect();
                    text(own.codes.into(), levels, n, false)
                }
            };
            let validity = valid.and_then(|valid| Bitmap::pack(valid.into_iter()));
            (field.name, Column::new(values, validity))
        });
        Ok(Table::new(columns)?)
    }
}

fn push<T>(own: &mut Vec<T>, value: T) -> bool {
    own.push(value);
    true
}

fn text(codes: Buffer<u32>, levels: Levels, n: usize, categorical: bool) -> Values {
    let levels = if levels.is_empty() { [""].into_iter().collect() } else { levels };
    let known = Text::new(codes, levels, categorical);
    let none = || Text::new(vec![0; n].into(), [""].into_iter().collect(), categorical);
    known.or_else(none).map_or_else(|| Values::Int(vec![0; n].into()), Values::Text)
}
