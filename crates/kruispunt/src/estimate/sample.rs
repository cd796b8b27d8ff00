//! Which rows a fit rests on: missing values, numbers, effects, singletons.

use super::EstimateError;
use super::formula::{Function, Number, Operation};
use super::lags::Lags;
use crate::data::{Column, Factor, Table, Values};
use rustc_hash::FxHashMap;

/// The table, the rows still in it, and classifications handed in beside it.
pub(super) struct Rows<'a> {
    pub(super) table: &'a Table,
    pub(super) factors: &'a [(&'a str, &'a Factor)],
    /// Rows of the table still in; `None` while all are.
    pub(super) keep: Option<Vec<u32>>,
    pub(super) n_all: usize,
    /// Which row holds which period of whom, when the formula has lags.
    pub(super) lags: Option<Lags>,
    /// Nulls are NaN, rather than left out before.
    nulls_are_nan: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        table: &'a Table,
        factors: &'a [(&'a str, &'a Factor)],
    ) -> Result<Self, EstimateError> {
        let n_all = if table.n_columns() == 0 {
            factors.first().map_or(0, |(_, factor)| factor.len())
        } else {
            table.n_rows()
        };
        if n_all == 0 {
            table.require_rows("data")?;
        }
        for (name, factor) in factors {
            if factor.len() != n_all {
                return Err(crate::data::DataError::LengthMismatch {
                    column: (*name).to_owned(),
                    expected: n_all,
                    got: factor.len(),
                }
                .into());
            }
        }
        Ok(Self { table, factors, keep: None, n_all, lags: None, nulls_are_nan: false })
    }

    pub(super) fn n(&self) -> usize {
        self.keep.as_ref().map_or(self.n_all, Vec::len)
    }

    /// The table's row of the sample's row `at`.
    pub(super) fn row(&self, at: usize) -> usize {
        self.keep.as_ref().map_or(at, |keep| keep[at] as usize)
    }

    pub(super) fn factor(&self, name: &str) -> Option<&'a Factor> {
        self.factors.iter().find(|(own, _)| *own == name).map(|(_, factor)| *factor)
    }

    /// Keeps the rows of the sample where `stay` holds; gives how many left.
    pub(super) fn retain(&mut self, stay: impl Fn(usize) -> bool) -> usize {
        let n = self.n();
        let kept: Vec<u32> = (0..n).filter(|&at| stay(at)).map(|at| self.row(at) as u32).collect();
        let left = n - kept.len();
        if left > 0 {
            self.keep = Some(kept);
        }
        left
    }

    /// Drops rows where `column` is null; gives how many.
    pub(super) fn drop_nulls(&mut self, column: &Column) -> usize {
        if column.count_nulls() == 0 {
            return 0;
        }
        let keep = self.keep.take();
        let row = |at: usize| keep.as_ref().map_or(at, |keep| keep[at] as usize);
        let n = keep.as_ref().map_or(self.n_all, Vec::len);
        let kept: Vec<u32> =
            (0..n).map(row).filter(|&row| !column.is_null(row)).map(|row| row as u32).collect();
        let left = n - kept.len();
        self.keep = Some(kept);
        left
    }

    /// A column as numbers on the rows still in.
    pub(super) fn numbers(
        &self,
        argument: &'static str,
        name: &str,
    ) -> Result<Vec<f64>, EstimateError> {
        if let Some(factor) = self.factor(name).filter(|_| self.table.get(name).is_none()) {
            return Ok(self.gather(factor.codes(), |&code| f64::from(code)));
        }
        let column = self.table.column(argument, name)?;
        let values = match column.values() {
            Values::Bool(values) => self.gather(values, |&v| f64::from(u8::from(v))),
            Values::Int(values) => self.gather(values, |&v| v as f64),
            Values::Float(values) => self.gather(values, |&v| v),
            _ => return Err(column.wrong_type(argument, name, "numbers").into()),
        };
        let null = |at: usize| self.nulls_are_nan && column.is_null(self.row(at));
        match (0..values.len()).find(|&at| !values[at].is_finite() && !null(at)) {
            None => {
                let mut values = values;
                if self.nulls_are_nan {
                    let nulls = (0..values.len()).filter(|&at| null(at)).collect::<Vec<_>>();
                    for at in nulls {
                        values[at] = f64::NAN;
                    }
                }
                Ok(values)
            }
            Some(at) => Err(EstimateError::NotFinite {
                argument,
                column: name.to_owned(),
                row: self.row(at),
            }),
        }
    }

    fn gather<T, U>(&self, values: &[T], f: impl Fn(&T) -> U) -> Vec<U> {
        match &self.keep {
            None => values.iter().map(f).collect(),
            Some(keep) => keep.iter().map(|&row| f(&values[row as usize])).collect(),
        }
    }

    /// An expression on the rows still in; it may be NaN or infinite where a function is.
    pub(super) fn evaluate(&self, number: &Number) -> Result<Vec<f64>, EstimateError> {
        match number {
            Number::Column(name) => self.numbers("fml", name),
            Number::Constant(value) => Ok(vec![*value; self.n()]),
            Number::Function(function, inner) => {
                let mut values = self.evaluate(inner)?;
                for value in &mut values {
                    *value = apply(*function, *value);
                }
                Ok(values)
            }
            Number::Operation(operation, left, right) => {
                let mut values = self.evaluate(left)?;
                let right = self.evaluate(right)?;
                for (value, right) in values.iter_mut().zip(right) {
                    *value = combine(*operation, *value, right);
                }
                Ok(values)
            }
            Number::Lag(inner, step) => {
                let Some(lags) = &self.lags else {
                    return Err(EstimateError::BadArgument {
                        argument: "panel_id",
                        expected: "the columns of person and period, for l(), f() and d()",
                        got: "none".to_owned(),
                    });
                };
                let whole = Rows { keep: None, lags: None, nulls_are_nan: true, ..*self };
                let values = whole.evaluate(inner)?;
                let value = |row: usize| lags.before(row, *step).map_or(f64::NAN, |at| values[at]);
                Ok((0..self.n()).map(|at| value(self.row(at))).collect())
            }
        }
    }

    /// The levels of a column on the rows still in: dense codes, and one row for each level.
    pub(super) fn classify(
        &self,
        argument: &'static str,
        name: &str,
    ) -> Result<(Factor, Vec<Column>), EstimateError> {
        if let Some(factor) = self.factor(name) {
            let codes = self.gather(factor.codes(), |&code| code);
            let (codes, first) = dense(&codes, factor.n_levels());
            let levels = first.iter().map(|&at| i64::from(factor.codes()[self.row(at as usize)]));
            return Ok((codes, vec![Column::int(levels.collect())]));
        }
        let column = self.table.column(argument, name)?;
        if let Some(at) = (0..self.n()).find(|&at| column.is_null(self.row(at))) {
            return Err(crate::data::DataError::MissingCell {
                argument: argument.to_owned(),
                column: name.to_owned(),
                row: self.row(at),
                expected: "a level in every row of the sample",
            }
            .into());
        }
        let (factor, first) = match column.values() {
            Values::Bool(values) => dense(&self.gather(values, |&v| u32::from(v)), 2),
            Values::Int(values) => wide(&self.gather(values, |&v| v)),
            Values::Date(values) | Values::Period(_, values) => {
                wide(&self.gather(values, |&v| i64::from(v)))
            }
            Values::Float(_) => {
                let values = self.numbers(argument, name)?;
                let bits = |v: &f64| if *v == 0.0 { 0 } else { v.to_bits() as i64 };
                hashed(&values.iter().map(bits).collect::<Vec<_>>())
            }
            Values::Text(text) => {
                let canonical = canonical_levels(text.levels());
                let codes = self.gather(text.codes(), |&code| canonical[code as usize]);
                dense(&codes, text.levels().len())
            }
        };
        let rows: Vec<u32> = first.iter().map(|&at| self.row(at as usize) as u32).collect();
        Ok((factor, vec![column.take(&rows)]))
    }
}

/// Equal strings share their first code.
fn canonical_levels(levels: &crate::data::Levels) -> Vec<u32> {
    let mut known: FxHashMap<&str, u32> = FxHashMap::default();
    levels
        .iter()
        .enumerate()
        .map(|(code, level)| *known.entry(level).or_insert(code as u32))
        .collect()
}

/// Closes gaps in codes below `n`, in order; gives also the first row of each level.
fn dense(codes: &[u32], n: usize) -> (Factor, Vec<u32>) {
    let mut first = vec![u32::MAX; n];
    for (row, &code) in codes.iter().enumerate().rev() {
        first[code as usize] = row as u32;
    }
    first.retain(|&row| row != u32::MAX);
    (Factor::compact(codes), first)
}

/// Whole numbers: by a table where their range is small, else hashed.
fn wide(values: &[i64]) -> (Factor, Vec<u32>) {
    let low = values.iter().copied().min().unwrap_or_default();
    let high = values.iter().copied().max().unwrap_or_default();
    let room = (4 * values.len()).max(1 << 16) as i128;
    let range = i128::from(high) - i128::from(low) + 1;
    if range <= room.min(1 << 31) {
        let codes: Vec<u32> = values.iter().map(|&value| (value - low) as u32).collect();
        return dense(&codes, range as usize);
    }
    hashed(values)
}

fn hashed(values: &[i64]) -> (Factor, Vec<u32>) {
    let factor = Factor::encode(values);
    let (_, first) = dense(factor.codes(), factor.n_levels());
    (factor, first)
}

fn apply(function: Function, value: f64) -> f64 {
    match function {
        Function::Identity => value,
        Function::Minus => -value,
        Function::Log => libm::log(value),
        Function::Log2 => libm::log2(value),
        Function::Log10 => libm::log10(value),
        Function::Log1p => libm::log1p(value),
        Function::Exp => libm::exp(value),
        Function::Sqrt => value.sqrt(),
        Function::Abs => value.abs(),
    }
}

fn combine(operation: Operation, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide => left / right,
        Operation::Power => libm::pow(left, right),
        Operation::Less => truth(left < right),
        Operation::LessEqual => truth(left <= right),
        Operation::More => truth(left > right),
        Operation::MoreEqual => truth(left >= right),
        Operation::Equal => truth(left == right),
        Operation::NotEqual => truth(left != right),
    }
}

/// Rows that are alone in a level of some factor, found again after each row that leaves.
///
/// Each level keeps how many rows it has and the exclusive or of their numbers, which names the
/// last one; the work is linear however long the chains are.
pub(super) fn singletons(factors: &[&Factor]) -> Option<Vec<bool>> {
    let n = factors.first().map_or(0, |factor| factor.len());
    let mut levels: Vec<Vec<(u32, usize)>> = factors
        .iter()
        .map(|factor| {
            let mut own = vec![(0, 0); factor.n_levels()];
            for (row, &code) in factor.codes().iter().enumerate() {
                let (count, rows) = &mut own[code as usize];
                *count += 1;
                *rows ^= row;
            }
            own
        })
        .collect();
    let alone = |&&(count, _): &&(u32, usize)| count == 1;
    let mut leaving: Vec<usize> =
        levels.iter().flatten().filter(alone).map(|&(_, row)| row).collect();
    if leaving.is_empty() {
        return None;
    }
    let mut stay = vec![true; n];
    while let Some(row) = leaving.pop() {
        if !std::mem::replace(&mut stay[row], false) {
            continue;
        }
        for (factor, own) in factors.iter().zip(&mut levels) {
            let (count, rows) = &mut own[factor.codes()[row] as usize];
            *count -= 1;
            *rows ^= row;
            if *count == 1 {
                leaving.push(*rows);
            }
        }
    }
    Some(stay)
}
