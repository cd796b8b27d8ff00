//! Typed columns in Arrow's layout.

use super::{
    Bitmap, Buffer, DataError, Day, Factor, Levels, Period, Text, TextBuilder, Unit, WholePeriods,
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The values of a column; where a row is null its slot holds anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// True or false.
    Bool(Buffer<bool>),
    /// Whole numbers.
    Int(Buffer<i64>),
    /// Real numbers.
    Float(Buffer<f64>),
    /// Days since 1970-01-01.
    Date(Buffer<i32>),
    /// Periods of one unit, as [`Period::number`].
    Period(Unit, Buffer<i32>),
    /// Text, each distinct string stored once.
    Text(Text),
    /// Whole numbers of two bytes: the counts of days and spells in the cells of a panel.
    Short(Buffer<i16>),
}

/// One column: values and which of them are there.
///
/// Two columns are equal when they hold the same kind and the same values: what stands in the slot
/// of a null does not matter, NaN equals NaN, text is compared string by string.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    pub(super) values: Values,
    pub(super) validity: Option<Bitmap>,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.kind() == other.kind()
            && (0..self.len()).all(|row| self.same(row, other, row))
    }
}

impl Column {
    /// A column; `validity` is `None` when no row is null.
    #[must_use]
    pub fn new(values: Values, validity: Option<Bitmap>) -> Self {
        Self { values, validity }
    }

    /// Whole numbers without nulls.
    #[must_use]
    pub fn int(values: Vec<i64>) -> Self {
        Self::new(Values::Int(values.into()), None)
    }

    /// Whole numbers of two bytes, without nulls.
    #[must_use]
    pub fn short(values: Vec<i16>) -> Self {
        Self::new(Values::Short(values.into()), None)
    }

    /// The column, with whole numbers of two bytes as those of eight.
    #[must_use]
    pub fn widened(&self) -> Self {
        match &self.values {
            Values::Short(values) => {
                let wide: Vec<i64> = values.iter().map(|&value| i64::from(value)).collect();
                Self { values: Values::Int(wide.into()), validity: self.validity.clone() }
            }
            _ => self.clone(),
        }
    }

    /// The whole number at `row`, whatever its width; `None` for other types.
    fn whole(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Int(values) => Some(values[row]),
            Values::Short(values) => Some(i64::from(values[row])),
            _ => None,
        }
    }

    /// Real numbers without nulls.
    #[must_use]
    pub fn float(values: Vec<f64>) -> Self {
        Self::new(Values::Float(values.into()), None)
    }

    /// Truth values without nulls.
    #[must_use]
    pub fn bool(values: Vec<bool>) -> Self {
        Self::new(Values::Bool(values.into()), None)
    }

    /// Days, null where `None`.
    #[must_use]
    pub fn dates(values: &[Option<Day>]) -> Self {
        let days: Vec<i32> = values.iter().map(|day| day.unwrap_or_default().0).collect();
        Self::new(Values::Date(days.into()), Bitmap::pack(values.iter().map(Option::is_some)))
    }

    /// Whole numbers, null where `None`.
    #[must_use]
    pub fn ints(values: &[Option<i64>]) -> Self {
        let filled: Vec<i64> = values.iter().map(|value| value.unwrap_or_default()).collect();
        Self::new(Values::Int(filled.into()), Bitmap::pack(values.iter().map(Option::is_some)))
    }

    /// Real numbers, null where `None`.
    #[must_use]
    pub fn floats(values: &[Option<f64>]) -> Self {
        let filled: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        Self::new(Values::Float(filled.into()), Bitmap::pack(values.iter().map(Option::is_some)))
    }

    /// Text, null where `None`.
    #[must_use]
    pub fn text<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut builder = TextBuilder::default();
        values.into_iter().for_each(|value| builder.push(value));
        builder.finish(false)
    }

    /// Codes into `levels`, null where `None`; codes without a level become null.
    #[must_use]
    pub fn category(codes: &[Option<u32>], levels: &[&str]) -> Self {
        let known = |code: &Option<u32>| code.filter(|&code| (code as usize) < levels.len());
        let filled: Vec<u32> = codes.iter().map(|code| known(code).unwrap_or_default()).collect();
        let levels: Levels = levels.iter().copied().collect();
        let validity = Bitmap::pack(codes.iter().map(|code| known(code).is_some()));
        let text = Text::wide(filled.into(), Arc::new(levels), true);
        Self::new(Values::Text(text), validity)
    }

    /// Periods without nulls, as [`Period::number`].
    #[must_use]
    pub fn periods(unit: Unit, numbers: Vec<i32>) -> Self {
        Self::new(Values::Period(unit, numbers.into()), None)
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Which rows hold a value; `None` when all do.
    #[must_use]
    pub const fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Bool(values) => values.len(),
            Values::Int(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Date(values) | Values::Period(_, values) => values.len(),
            Values::Text(text) => text.codes.len(),
            Values::Short(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `row` is null.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        self.validity.as_ref().is_some_and(|bitmap| !bitmap.get(row))
    }

    /// How many rows are null.
    #[must_use]
    pub fn count_nulls(&self) -> usize {
        self.validity.as_ref().map_or(0, Bitmap::count_nulls)
    }

    /// What the column holds, in words for an error message.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.values {
            Values::Bool(_) => "booleans",
            Values::Int(_) | Values::Short(_) => "whole numbers",
            Values::Float(_) => "real numbers",
            Values::Date(_) => "dates",
            Values::Period(Unit::Month, _) => "months",
            Values::Period(Unit::Quarter, _) => "quarters",
            Values::Period(Unit::Year, _) => "years",
            Values::Text(text) if text.categorical => "categories",
            Values::Text(_) => "text",
        }
    }

    /// Whether `row` here and `other_row` of `other` hold the same value; two nulls do.
    #[must_use]
    pub(crate) fn same(&self, row: usize, other: &Self, other_row: usize) -> bool {
        match (self.is_null(row), other.is_null(other_row)) {
            (true, true) => return true,
            (false, false) => {}
            _ => return false,
        }
        match (&self.values, &other.values) {
            (Values::Bool(a), Values::Bool(b)) => a[row] == b[other_row],
            (Values::Int(_) | Values::Short(_), Values::Int(_) | Values::Short(_)) => {
                self.whole(row) == other.whole(other_row)
            }
            (Values::Float(a), Values::Float(b)) => ordered(a[row]) == ordered(b[other_row]),
            (Values::Date(a), Values::Date(b)) => a[row] == b[other_row],
            (Values::Period(unit, a), Values::Period(other, b)) => {
                unit == other && a[row] == b[other_row]
            }
            (Values::Text(a), Values::Text(b)) => {
                a.levels.get(a.code(row)) == b.levels.get(b.code(other_row))
            }
            _ => false,
        }
    }

    /// The first row that differs from the first row of its group; group `g` owns the rows
    /// `offsets[g]..offsets[g + 1]`.
    pub(crate) fn first_change(&self, offsets: &[u32]) -> Option<usize> {
        fn find<T>(values: &[T], offsets: &[u32], same: impl Fn(&T, &T) -> bool) -> Option<usize> {
            offsets.windows(2).find_map(|pair| {
                let own = &values[pair[0] as usize..pair[1] as usize];
                let (first, rest) = own.split_first()?;
                let at = rest.iter().position(|value| !same(first, value))?;
                Some(pair[0] as usize + 1 + at)
            })
        }
        match (&self.validity, &self.values) {
            (None, Values::Int(values)) => find(values, offsets, |a, b| a == b),
            (None, Values::Float(values)) => {
                find(values, offsets, |a, b| ordered(*a) == ordered(*b))
            }
            (None, Values::Date(values) | Values::Period(_, values)) => {
                find(values, offsets, |a, b| a == b)
            }
            _ => offsets.windows(2).find_map(|pair| {
                let first = pair[0] as usize;
                (first + 1..pair[1] as usize).find(|&row| !self.same(row, self, first))
            }),
        }
    }

    /// The value at `row` as text, for labels and CSV; `None` when null.
    #[must_use]
    pub fn label(&self, row: usize) -> Option<String> {
        if self.is_null(row) {
            return None;
        }
        Some(match &self.values {
            Values::Bool(values) => values[row].to_string(),
            Values::Int(values) => values[row].to_string(),
            Values::Float(values) => values[row].to_string(),
            Values::Date(values) => Day(values[row]).to_string(),
            Values::Period(unit, values) => Period { unit: *unit, number: values[row] }.to_string(),
            Values::Text(text) => text.levels.get(text.code(row)).to_owned(),
            Values::Short(values) => values[row].to_string(),
        })
    }

    /// Codes in the natural order of the values (numbers by size, text by Unicode), with the row
    /// that shows each level first; `None` for null rows.
    ///
    /// Levels that do not occur get no code. Float `-0.0` equals `0.0`; every NaN is one level,
    /// last. The order does not depend on the order of the rows.
    #[must_use]
    pub fn ranks(&self) -> (Vec<Option<u32>>, Vec<u32>) {
        match &self.values {
            Values::Bool(values) => self.rank_by(|row| u64::from(values[row])),
            Values::Int(values) => self.rank_by(|row| values[row]),
            Values::Short(values) => self.rank_by(|row| values[row]),
            Values::Float(values) => self.rank_by(|row| ordered(values[row])),
            Values::Date(values) | Values::Period(_, values) => self.rank_by(|row| values[row]),
            Values::Text(text) => {
                let mut order: Vec<u32> = (0..text.levels.len() as u32).collect();
                if !text.categorical {
                    order.sort_unstable_by_key(|&code| text.levels.get(code));
                }
                let mut place = vec![0_u32; order.len()];
                let mut previous: Option<&str> = None;
                let mut next = 0;
                for &code in &order {
                    let level = text.levels.get(code);
                    if previous.is_some_and(|previous| previous != level) {
                        next += 1;
                    }
                    previous = Some(level);
                    place[code as usize] = next;
                }
                self.rank_by(|row| place[text.code(row) as usize])
            }
        }
    }

    fn rank_by<K: Ord + std::hash::Hash + Copy>(
        &self,
        key: impl Fn(usize) -> K,
    ) -> (Vec<Option<u32>>, Vec<u32>) {
        let mut known: FxHashMap<K, u32> = FxHashMap::default();
        let mut first = Vec::new();
        let mut codes: Vec<Option<u32>> = Vec::with_capacity(self.len());
        for row in 0..self.len() {
            codes.push((!self.is_null(row)).then(|| {
                *known.entry(key(row)).or_insert_with(|| {
                    first.push(row as u32);
                    first.len() as u32 - 1
                })
            }));
        }
        let mut order: Vec<u32> = (0..first.len() as u32).collect();
        order.sort_unstable_by_key(|&code| key(first[code as usize] as usize));
        let mut place = vec![0_u32; order.len()];
        for (rank, &code) in order.iter().enumerate() {
            place[code as usize] = rank as u32;
        }
        for code in codes.iter_mut().flatten() {
            *code = place[*code as usize];
        }
        (codes, order.iter().map(|&code| first[code as usize]).collect())
    }

    /// The column as a factor with levels in natural order.
    ///
    /// # Errors
    ///
    /// The first null row.
    pub fn factor(&self) -> Result<Factor, usize> {
        let (codes, _) = self.ranks();
        let filled = codes
            .iter()
            .enumerate()
            .map(|(row, code)| code.ok_or(row))
            .collect::<Result<Vec<u32>, usize>>()?;
        Ok(Factor::compact(&filled))
    }

    /// The column as real numbers; null becomes NaN.
    ///
    /// # Errors
    ///
    /// [`DataError::WrongType`] for text, dates and periods.
    pub fn to_floats(&self, argument: &str, name: &str) -> Result<Vec<f64>, DataError> {
        let mut floats: Vec<f64> = match &self.values {
            Values::Bool(values) => values.iter().map(|&v| f64::from(u8::from(v))).collect(),
            Values::Int(values) => values.iter().map(|&v| v as f64).collect(),
            Values::Short(values) => values.iter().map(|&v| f64::from(v)).collect(),
            Values::Float(values) => values.to_vec(),
            _ => return Err(self.wrong_type(argument, name, "numbers")),
        };
        if self.validity.is_some() {
            for (row, value) in floats.iter_mut().enumerate() {
                if self.is_null(row) {
                    *value = f64::NAN;
                }
            }
        }
        Ok(floats)
    }

    /// The column as days; text is parsed (see [`Day::parse`]), null stays `None`.
    ///
    /// # Errors
    ///
    /// [`DataError::WrongType`] for other types, [`DataError::BadCell`] for text that is no date.
    pub fn to_days(&self, argument: &str, name: &str) -> Result<Vec<Option<Day>>, DataError> {
        match &self.values {
            Values::Date(values) => Ok((0..self.len())
                .map(|row| (!self.is_null(row)).then(|| Day(values[row])))
                .collect()),
            Values::Text(text) => {
                self.parse_levels(text, argument, name, "a date such as 2012-03-31", Day::parse)
            }
            _ => Err(self.wrong_type(argument, name, "dates")),
        }
    }

    /// The column as periods of `unit`; dates and text are converted, null stays `None`.
    ///
    /// # Errors
    ///
    /// [`DataError::WrongType`] for other types or another unit, [`DataError::BadCell`] for text
    /// that is no such period.
    pub fn to_periods(
        &self,
        unit: Unit,
        argument: &str,
        name: &str,
    ) -> Result<Vec<Option<Period>>, DataError> {
        let expected = match unit {
            Unit::Month => "a month such as 2012-03",
            Unit::Quarter => "a quarter such as 2012Q1",
            Unit::Year => "a year such as 2012",
        };
        let wrap = |row: usize, period: Period| (!self.is_null(row)).then_some(period);
        match &self.values {
            Values::Period(own, values) if *own == unit => Ok((0..self.len())
                .map(|row| wrap(row, Period { unit, number: values[row] }))
                .collect()),
            Values::Date(values) => Ok((0..self.len())
                .map(|row| wrap(row, Period::of(Day(values[row]), unit)))
                .collect()),
            Values::Text(text) => {
                self.parse_levels(text, argument, name, expected, |text| Period::parse(text, unit))
            }
            Values::Int(values) => {
                let mut periods = WholePeriods::new(unit);
                let read = |(row, value): (usize, &i64)| {
                    if self.is_null(row) {
                        return Ok(None);
                    }
                    let number = periods.number(*value).ok_or_else(|| DataError::BadCell {
                        argument: argument.to_owned(),
                        column: name.to_owned(),
                        row,
                        expected,
                    })?;
                    Ok(Some(Period { unit, number }))
                };
                values.iter().enumerate().map(read).collect()
            }
            _ => Err(self.wrong_type(argument, name, expected)),
        }
    }

    fn parse_levels<T: Copy>(
        &self,
        text: &Text,
        argument: &str,
        name: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<Option<T>>, DataError> {
        let parsed: Vec<Option<T>> = text.levels.iter().map(parse).collect();
        (0..self.len())
            .map(|row| {
                if self.is_null(row) {
                    return Ok(None);
                }
                parsed[text.codes[row] as usize].map(Some).ok_or_else(|| DataError::BadCell {
                    argument: argument.to_owned(),
                    column: name.to_owned(),
                    row,
                    expected,
                })
            })
            .collect()
    }

    /// The error for a column of the wrong type.
    #[must_use]
    pub fn wrong_type(&self, argument: &str, name: &str, expected: &'static str) -> DataError {
        DataError::WrongType {
            argument: argument.to_owned(),
            column: name.to_owned(),
            expected,
            got: self.kind(),
        }
    }
}

/// Maps a float to an integer of the same order.
fn ordered(value: f64) -> u64 {
    let value = if value == 0.0 { 0.0 } else { value };
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_values_whatever_the_order_of_rows() {
        let column = Column::text([Some("b"), None, Some("a"), Some("b"), Some("é")]);
        let (codes, first) = column.ranks();
        assert_eq!(codes, [Some(1), None, Some(0), Some(1), Some(2)]);
        assert_eq!(first, [2, 0, 4]);
        let floats = Column::float(vec![1.5, -3.0, f64::NAN, 0.0, -0.0]);
        assert_eq!(floats.ranks().0, [Some(2), Some(0), Some(3), Some(1), Some(1)]);
    }

    #[test]
    fn equality_looks_at_values_and_not_at_what_stands_under_a_null() {
        let nulls = |under: f64| {
            Column::new(
                Values::Float(vec![1.0, under].into()),
                Bitmap::pack([true, false].into_iter()),
            )
        };
        assert_eq!(nulls(f64::NAN), nulls(0.0));
        assert_ne!(nulls(0.0), Column::float(vec![1.0, 0.0]));
        assert_eq!(Column::float(vec![f64::NAN]), Column::float(vec![f64::NAN]));
        assert_ne!(Column::int(vec![1]), Column::float(vec![1.0]));
    }

    #[test]
    fn categories_keep_the_order_of_their_levels() {
        let column = Column::category(&[Some(1), Some(0), None, Some(7)], &["low", "high"]);
        assert_eq!(column.ranks().0, [Some(1), Some(0), None, None]);
        assert_eq!(column.kind(), "categories");
    }

    #[test]
    fn taking_rows_keeps_nulls() {
        let column = Column::ints(&[Some(4), None, Some(6)]);
        let taken = column.take(&[2, 1, 0]);
        assert_eq!((taken.label(0), taken.label(1)), (Some("6".to_owned()), None));
        let padded = column.take_or_null(&[None, Some(1), Some(0)]);
        assert_eq!((padded.is_null(0), padded.is_null(1), padded.is_null(2)), (true, true, false));
        let gathered = column.gather(&[u32::MAX, 1, 0]);
        assert_eq!(
            (0..3).map(|row| gathered.label(row)).collect::<Vec<_>>(),
            [None, None, Some("4".to_owned())]
        );
    }

    #[test]
    fn a_quarter_that_does_not_parse_names_column_and_row() {
        let column = Column::text([Some("2012Q1"), None, Some("2012Q5")]);
        let error = column.to_periods(Unit::Quarter, "period", "kwartaal").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`period`: column \"kwartaal\" at row 2 is not a quarter such as 2012Q1"
        );
    }
}
