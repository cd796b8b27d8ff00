//! Which rows a fit rests on: missing values, numbers, effects, singletons.

use super::EstimateError;
use super::formula::{Function, Number, Operation};
use super::lags::Lags;
use crate::data::{Buffer, Column, Factor, Table, Values};
use crate::math::codes;
use rayon::prelude::*;
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

    /// Drops rows where `column` holds NaN or an infinite number; gives how many.
    pub(super) fn drop_not_finite(&mut self, column: &Column) -> usize {
        let Values::Float(values) = column.values() else { return 0 };
        let values: &[f64] = values;
        if beyond(values, f64::MAX).is_none() {
            return 0;
        }
        let fine: Vec<bool> = (0..self.n()).map(|at| values[self.row(at)].is_finite()).collect();
        self.retain(|at| fine[at])
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
            Values::Short(values) => self.gather(values, |&v| f64::from(v)),
            Values::Float(values) => self.gather(values, |&v| v),
            _ => return Err(column.wrong_type(argument, name, "numbers").into()),
        };
        if !self.nulls_are_nan {
            self.check_finite(argument, name, &values)?;
            return Ok(values);
        }
        let mut values = values;
        for (at, value) in values.iter_mut().enumerate() {
            if column.is_null(self.row(at)) {
                *value = f64::NAN;
            } else if !value.is_finite() {
                return Err(self.not_finite(argument, name, at));
            }
        }
        Ok(values)
    }

    /// As [`numbers`](Self::numbers), of the formula, without a copy where none is needed.
    pub(super) fn shared(&self, name: &str) -> Result<Buffer<f64>, EstimateError> {
        if let (None, false, Some(Values::Float(values))) =
            (&self.keep, self.nulls_are_nan, self.table.get(name).map(Column::values))
        {
            self.check_finite("fml", name, values)?;
            return Ok(values.clone());
        }
        self.numbers("fml", name).map(Buffer::from)
    }

    fn check_finite(
        &self,
        argument: &'static str,
        name: &str,
        values: &[f64],
    ) -> Result<(), EstimateError> {
        match beyond(values, f64::MAX) {
            None => Ok(()),
            Some(at) => Err(self.not_finite(argument, name, at)),
        }
    }

    fn not_finite(&self, argument: &'static str, name: &str, at: usize) -> EstimateError {
        EstimateError::NotFinite { argument, column: name.to_owned(), row: self.row(at) }
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

    /// A coordinate on the rows still in; each has one.
    pub(super) fn degrees(&self, name: &str) -> Result<Vec<f64>, EstimateError> {
        let column = self.table.column("vcov", name)?;
        if column.count_nulls() > 0
            && let Some(at) = (0..self.n()).find(|&at| column.is_null(self.row(at)))
        {
            return Err(crate::data::DataError::MissingCell {
                argument: "vcov".to_owned(),
                column: name.to_owned(),
                row: self.row(at),
                expected: "a coordinate in every row of the sample",
            }
            .into());
        }
        self.numbers("vcov", name)
    }

    /// As [`classify`](Self::classify), with codes in the natural order of the levels.
    pub(super) fn ordered(
        &self,
        argument: &'static str,
        name: &str,
    ) -> Result<Factor, EstimateError> {
        let (factor, levels) = self.classify(argument, name)?;
        let ranks = levels.first().map_or_else(Vec::new, |column| column.ranks().0);
        let rank = |&code: &u32| ranks[code as usize].unwrap_or_default();
        Ok(Factor::compact(&factor.codes().iter().map(rank).collect::<Vec<_>>()))
    }

    /// The levels of a column on the rows still in: dense codes, and one row for each level.
    pub(super) fn classify(
        &self,
        argument: &'static str,
        name: &str,
    ) -> Result<(Factor, Vec<Column>), EstimateError> {
        if let Some(factor) = self.factor(name) {
            let own = factor.codes();
            let coded = codes::bounded(self.n(), factor.n_levels(), |at| own[self.row(at)]);
            let rows: Vec<u32> =
                coded.first.iter().map(|&at| self.row(at as usize) as u32).collect();
            let levels = match self.table.get(name) {
                Some(column) => column.take(&rows),
                None => Column::int(rows.iter().map(|&row| i64::from(own[row as usize])).collect()),
            };
            return Ok((Factor::coded(coded.codes, rows.len()), vec![levels]));
        }
        let column = self.table.column(argument, name)?;
        if column.count_nulls() > 0
            && let Some(at) = (0..self.n()).find(|&at| column.is_null(self.row(at)))
        {
            return Err(crate::data::DataError::MissingCell {
                argument: argument.to_owned(),
                column: name.to_owned(),
                row: self.row(at),
                expected: "a level in every row of the sample",
            }
            .into());
        }
        let n = self.n();
        let coded = match column.values() {
            Values::Bool(values) => {
                let values: &[bool] = values;
                codes::bounded(n, 2, |at| u32::from(values[self.row(at)]))
            }
            Values::Int(values) => {
                let values: &[i64] = values;
                match &self.keep {
                    None => codes::integers(n, |at| values[at]),
                    Some(keep) => codes::integers(n, |at| values[keep[at] as usize]),
                }
            }
            Values::Short(values) => {
                let values: &[i16] = values;
                codes::integers(n, |at| i64::from(values[self.row(at)]))
            }
            Values::Date(values) | Values::Period(_, values) => {
                let values: &[i32] = values;
                codes::integers(n, |at| i64::from(values[self.row(at)]))
            }
            Values::Float(_) => {
                let values = self.numbers(argument, name)?;
                let bits = |v: f64| if v == 0.0 { 0 } else { v.to_bits() as i64 };
                codes::hashed(n, |at| bits(values[at]))
            }
            Values::Text(text) => {
                let canonical = canonical_levels(text.levels());
                let own: &[u32] = text.codes();
                codes::bounded(n, canonical.len(), |at| canonical[own[self.row(at)] as usize])
            }
        };
        let first = coded.first;
        let factor = Factor::coded(coded.codes, first.len());
        let rows: Vec<u32> = first.iter().map(|&at| self.row(at as usize) as u32).collect();
        Ok((factor, vec![column.take(&rows)]))
    }
}

/// The first value that is larger than `limit`, or not a number.
pub(super) fn beyond(values: &[f64], limit: f64) -> Option<usize> {
    let bad = |value: &f64| value.is_nan() || value.abs() > limit;
    let chunk = |chunk: &[f64]| chunk.iter().fold(false, |any, value| any | bad(value));
    let from = 1024 * values.chunks(1024).position(chunk)?;
    values[from..].iter().position(bad).map(|at| from + at)
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

/// Whether some level has one row.
fn has_single(factor: &Factor) -> bool {
    let mut counts = vec![0_u8; factor.n_levels()];
    for &code in factor.codes() {
        let count = &mut counts[code as usize];
        *count = (*count + 1).min(2);
    }
    counts.contains(&1)
}

/// Rows that are alone in a level of some factor, found again after each row that leaves.
///
/// Each level keeps how many rows it has and the exclusive or of their numbers, which names the
/// last one; the work is linear however long the chains are.
///
/// Rows count as often as `frequencies` say.
pub(super) fn singletons(factors: &[&Factor], frequencies: Option<&[f64]>) -> Option<Vec<bool>> {
    let n = factors.first().map_or(0, |factor| factor.len());
    if !factors.par_iter().any(|factor| has_single(factor)) {
        return None;
    }
    let often = |row: usize| frequencies.map_or(1, |own| own[row] as u64);
    let mut levels: Vec<Vec<(u64, usize)>> = factors
        .iter()
        .map(|factor| {
            let mut own = vec![(0, 0); factor.n_levels()];
            for (row, &code) in factor.codes().iter().enumerate() {
                let (count, rows) = &mut own[code as usize];
                *count += often(row);
                *rows ^= row;
            }
            own
        })
        .collect();
    let alone = |&&(count, _): &&(u64, usize)| count == 1;
    let mut leaving: Vec<usize> =
        levels.iter().flatten().filter(alone).map(|&(_, row)| row).collect();
    let mut stay = vec![true; n];
    while let Some(row) = leaving.pop() {
        if !std::mem::replace(&mut stay[row], false) {
            continue;
        }
        for (factor, own) in factors.iter().zip(&mut levels) {
            let (count, rows) = &mut own[factor.codes()[row] as usize];
            *count -= often(row);
            *rows ^= row;
            if *count == 1 {
                leaving.push(*rows);
            }
        }
    }
    Some(stay)
}
