//! Columns as the numbers the sweeps work with.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::PanelError;
use crate::data::{Buffer, Column, DataError, Spells, Table, Values};
use crate::math::widest::widest;

/// No value.
pub(super) const NONE: u32 = u32::MAX;

/// One code a spell.
pub(super) enum Coded {
    /// All have code 0.
    One,
    /// A code each, or [`NONE`].
    Wide(Vec<u32>),
    /// What the register writes in one byte, and the code of that.
    Bytes(Buffer<u8>, Box<[u32; 256]>),
}

/// [`Coded`], looked at.
#[derive(Clone, Copy)]
pub(super) enum CodesOf<'a> {
    One,
    Wide(&'a [u32]),
    Bytes(&'a [u8], &'a [u32; 256]),
}

impl Coded {
    pub fn each(&self) -> CodesOf<'_> {
        match self {
            Self::One => CodesOf::One,
            Self::Wide(codes) => CodesOf::Wide(codes),
            Self::Bytes(bytes, codes) => CodesOf::Bytes(bytes, codes),
        }
    }
}

impl CodesOf<'_> {
    /// The code of a spell; [`NONE`] for none.
    #[inline]
    pub fn of(self, spell: usize) -> u32 {
        match self {
            Self::One => 0,
            Self::Wide(codes) => codes[spell],
            Self::Bytes(bytes, codes) => codes[usize::from(bytes[spell])],
        }
    }
}

/// The column as real numbers, null as NaN; a NaN or infinity that is not null is an error with
/// its row. `rows` gives the row numbers to report, if they are not those of the column.
pub(super) fn numbers(
    table: &Table,
    argument: &str,
    name: &str,
    rows: Option<&[u32]>,
) -> Result<Vec<f64>, PanelError> {
    let column = table.column(argument, name)?;
    let floats = column.to_floats(argument, name)?;
    if matches!(column.values(), Values::Float(_)) {
        let bad = |row: &usize| !floats[*row].is_finite() && !column.is_null(*row);
        if let Some(at) = (0..floats.len()).find(bad) {
            let row = rows.map_or(at, |rows| rows[at] as usize);
            let (argument, column) = (argument.to_owned(), name.to_owned());
            return Err(PanelError::NotFinite { argument, column, row });
        }
    }
    Ok(floats)
}

/// As [`numbers`], of spells, without a copy where the column holds real numbers without nulls; whether it
/// does, so that none is NaN.
pub(super) fn shared_numbers(
    spells: &Spells,
    argument: &str,
    name: &str,
) -> Result<(Buffer<f64>, bool), PanelError> {
    let column = spells.columns().column(argument, name)?;
    if let (Values::Float(values), None) = (column.values(), column.validity())
        && all(values, f64::is_finite)
    {
        return Ok((values.clone(), true));
    }
    let values = numbers(spells.columns(), argument, name, Some(spells.rows()))?;
    Ok((values.into(), false))
}

/// Whether something holds of all values, found out many at a time.
pub(super) fn all(values: &[f64], holds: impl Fn(f64) -> bool) -> bool {
    widest(
        #[inline(always)]
        || {
            values.chunks(1024).all(
                #[inline(always)]
                |own| own.iter().fold(true, |all, &value| all & holds(value)),
            )
        },
    )
}

/// Real numbers as a column, NaN as null.
pub(super) fn nan_is_null(mut values: Vec<f64>) -> Column {
    let validity = crate::data::Bitmap::of_chunks(&mut values, |value| !value.is_nan());
    Column::new(Values::Float(values.into()), validity)
}

/// Which rows are true (1).
pub(super) fn flags(argument: &str, name: &str, column: &Column) -> Result<Vec<bool>, PanelError> {
    let bad = |row: usize| {
        PanelError::Data(DataError::BadCell {
            argument: argument.to_owned(),
            column: name.to_owned(),
            row,
            expected: "true or false, or 0 or 1",
        })
    };
    let one = |row: usize| match column.values() {
        Values::Bool(values) => Ok(values[row]),
        Values::Int(values) if values[row] == 0 || values[row] == 1 => Ok(values[row] == 1),
        Values::Float(values) if values[row] == 0.0 || values[row] == 1.0 => Ok(values[row] == 1.0),
        Values::Short(values) if values[row] == 0 || values[row] == 1 => Ok(values[row] == 1),
        _ => Err(bad(row)),
    };
    let numeric = matches!(
        column.values(),
        Values::Bool(_) | Values::Int(_) | Values::Float(_) | Values::Short(_)
    );
    if !numeric {
        return Err(column.wrong_type(argument, name, "truth values, or 0 and 1").into());
    }
    (0..column.len()).map(|row| if column.is_null(row) { Ok(false) } else { one(row) }).collect()
}

/// Codes in natural order, [`NONE`] for nulls, and for each code a row that shows it.
pub(super) fn codes(column: &Column) -> (Vec<u32>, Vec<u32>) {
    if let (Values::Int(values), None) = (column.values(), column.validity())
        && let Some(found) = small_codes(values)
    {
        return found;
    }
    let Values::Text(text) = column.values() else {
        let (codes, first) = column.ranks();
        return (codes.into_iter().map(|code| code.unwrap_or(NONE)).collect(), first);
    };
    if let (Some(bytes), None) = (text.bytes(), column.validity()) {
        let (place, first) = codes_of_bytes(column, bytes);
        return (bytes.iter().map(|&code| place[usize::from(code)]).collect(), first);
    }
    let mut shown = vec![NONE; text.levels().len()];
    for (row, &code) in text.codes().iter().enumerate() {
        if !column.is_null(row) && shown[code as usize] == NONE {
            shown[code as usize] = row as u32;
        }
    }
    let mut used: Vec<u32> = shown.iter().copied().filter(|row| *row != NONE).collect();
    used.sort_unstable();
    let (ranks, first) = column.take(&used).ranks();
    let mut place = vec![NONE; shown.len()];
    for (&row, rank) in used.iter().zip(ranks) {
        place[text.codes()[row as usize] as usize] = rank.unwrap_or(NONE);
    }
    let code = |row: usize| {
        if column.is_null(row) { NONE } else { place[text.codes()[row] as usize] }
    };
    let codes = (0..column.len()).map(code).collect();
    (codes, first.into_iter().map(|at| used[at as usize]).collect())
}

/// Of text whose codes stand in bytes, without nulls: the code in natural order of each byte, and
/// for each code a row that shows it.
pub(super) fn codes_of_bytes(column: &Column, bytes: &[u8]) -> ([u32; 256], Vec<u32>) {
    let mut shown = [NONE; 256];
    for (row, &code) in (0_u32..).zip(bytes) {
        if shown[usize::from(code)] == NONE {
            shown[usize::from(code)] = row;
        }
    }
    let mut used: Vec<u32> = shown.iter().copied().filter(|row| *row != NONE).collect();
    used.sort_unstable();
    let (ranks, first) = column.take(&used).ranks();
    let mut place = [NONE; 256];
    for (&row, rank) in used.iter().zip(ranks) {
        place[usize::from(bytes[row as usize])] = rank.unwrap_or(NONE);
    }
    (place, first.into_iter().map(|at| used[at as usize]).collect())
}

/// Codes of whole numbers in a small range.
fn small_codes(values: &[i64]) -> Option<(Vec<u32>, Vec<u32>)> {
    const RANGE: i64 = 1 << 16;
    let (low, high) = (*values.iter().min()?, *values.iter().max()?);
    let range = high.checked_sub(low).filter(|range| *range < RANGE)? as usize;
    let mut place = vec![NONE; range + 1];
    for (row, value) in values.iter().enumerate() {
        let slot = &mut place[(value - low) as usize];
        if *slot == NONE {
            *slot = row as u32;
        }
    }
    let mut first = Vec::new();
    for slot in place.iter_mut().filter(|slot| **slot != NONE) {
        first.push(*slot);
        *slot = first.len() as u32 - 1;
    }
    Some((values.iter().map(|value| place[(value - low) as usize]).collect(), first))
}

/// One code for the values of all `names` together; [`NONE`] when one of them is null.
pub(super) fn group_codes(
    table: &Table,
    argument: &str,
    names: &[String],
) -> Result<Vec<u32>, PanelError> {
    let mut all: Option<Vec<u32>> = None;
    for name in names {
        let (mut codes, _) = codes(table.column(argument, name)?);
        if let Some(before) = all {
            let pairs: Vec<u64> = before
                .iter()
                .zip(&codes)
                .map(|(a, b)| u64::from(*a) << 32 | u64::from(*b))
                .collect();
            let crossed = crate::data::Factor::encode(&pairs);
            for ((code, before), crossed) in codes.iter_mut().zip(before).zip(crossed.codes()) {
                *code = if *code == NONE || before == NONE { NONE } else { *crossed };
            }
        }
        all = Some(codes);
    }
    Ok(all.unwrap_or_else(|| vec![0; table.n_rows()]))
}

/// A key that ascends as real numbers do (descends, if `down`).
#[inline]
pub(super) fn real_key(value: f64, down: bool) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (value + 0.0).to_bits();
    let key = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    if down { !key } else { key }
}

/// Keys that ascend as the values do (descend, if `down`), null last either way.
pub(super) fn sort_keys(column: &Column, down: bool) -> Vec<u64> {
    const SIGN: u64 = 1 << 63;
    let mut keys: Vec<u64> = match column.values() {
        Values::Bool(values) => values.iter().map(|&value| u64::from(value)).collect(),
        Values::Int(values) => values.iter().map(|&value| value as u64 ^ SIGN).collect(),
        Values::Float(values) => values.iter().map(|&value| real_key(value, false)).collect(),
        Values::Date(values) | Values::Period(_, values) => {
            values.iter().map(|&value| i64::from(value) as u64 ^ SIGN).collect()
        }
        Values::Short(values) => {
            values.iter().map(|&value| i64::from(value) as u64 ^ SIGN).collect()
        }
        Values::Text(_) => codes(column).0.into_iter().map(u64::from).collect(),
    };
    for (row, key) in keys.iter_mut().enumerate() {
        *key = if column.is_null(row) {
            u64::MAX
        } else if down {
            !*key
        } else {
            *key
        };
    }
    keys
}

impl Spells {
    /// The carried column `name`; `start`, `end`, `state` and `source` also name the columns of
    /// that meaning.
    pub(super) fn look_up(&self, argument: &str, name: &str) -> Result<Column, DataError> {
        if let Some(column) = self.columns.get(name) {
            return Ok(column.clone());
        }
        let days = |days: &[i32]| Column::new(Values::Date(days.to_vec().into()), None);
        match (name, &self.roles.state, &self.roles.source) {
            _ if name == self.roles.start || name == "start" => Ok(days(&self.starts)),
            _ if name == self.roles.end || name == "end" => Ok(days(&self.ends)),
            ("state", Some(own), _) | ("source", _, Some(own)) => {
                self.columns.column(argument, own).cloned()
            }
            _ => self.columns.column(argument, name).cloned(),
        }
    }
}
