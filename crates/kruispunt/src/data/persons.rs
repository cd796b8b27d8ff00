//! Who the rows are about.

use super::{Column, DataError, Text, Values};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The code of a person that is not there.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Distinct person identifiers in natural order: numbers by size, text by Unicode.
///
/// The position in the list is the person's code, so codes do not depend on the order of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Persons {
    name: String,
    ids: Column,
}

impl Persons {
    /// Codes the identifiers in `column`; null rows get [`NOBODY`].
    ///
    /// Real numbers are taken when they are whole (a data frame with nulls holds integers so).
    pub(crate) fn encode(
        argument: &str,
        name: &str,
        column: &Column,
    ) -> Result<(Self, Vec<u32>), DataError> {
        let whole;
        let column = match column.values() {
            Values::Int(_) | Values::Text(_) => column,
            Values::Short(_) => {
                whole = column.widened();
                &whole
            }
            Values::Float(values) => {
                whole = whole_numbers(argument, name, column, values)?;
                &whole
            }
            _ => {
                return Err(column.wrong_type(
                    argument,
                    name,
                    "identifiers: whole numbers or text",
                ));
            }
        };
        let (codes, first) = match column.values() {
            Values::Int(values) => encode_ints(column, values),
            Values::Text(text) => encode_text(column, text),
            _ => (Vec::new(), Vec::new()),
        };
        Ok((Self { name: name.to_owned(), ids: column.take(&first) }, codes))
    }

    /// Persons whose identifiers ascend in the column, and the first row of each.
    pub(crate) fn ascending(name: &str, column: &Column, first: &[u32]) -> Self {
        Self { name: name.to_owned(), ids: column.take(first) }
    }

    /// Persons whose identifiers are these, which ascend.
    pub(crate) fn numbered(name: &str, ids: Vec<i64>) -> Self {
        Self { name: name.to_owned(), ids: Column::int(ids) }
    }

    /// The name of the identifier's column.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The distinct identifiers, ascending.
    #[must_use]
    pub const fn ids(&self) -> &Column {
        &self.ids
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The persons at `codes`, which must ascend.
    pub(crate) fn take(&self, codes: &[u32]) -> Self {
        Self { name: self.name.clone(), ids: self.ids.take(codes) }
    }

    /// For each own person the code in `other`, or [`NOBODY`]; `None` when one holds text and the
    /// other numbers.
    pub(crate) fn find_in(&self, other: &Self) -> Option<Vec<u32>> {
        match (self.ids.values(), other.ids.values()) {
            (Values::Int(own), Values::Int(theirs)) => {
                let mut at = 0;
                Some(
                    own.iter()
                        .map(|id| {
                            while at < theirs.len() && theirs[at] < *id {
                                at += 1;
                            }
                            if theirs.get(at) == Some(id) { at as u32 } else { NOBODY }
                        })
                        .collect(),
                )
            }
            (Values::Text(own), Values::Text(theirs)) => {
                let known: FxHashMap<&str, u32> = (0_u32..)
                    .zip(theirs.codes())
                    .map(|(at, &code)| (theirs.levels().get(code), at))
                    .collect();
                let find = |&code: &u32| known.get(own.levels().get(code)).copied();
                Some(own.codes().iter().map(|code| find(code).unwrap_or(NOBODY)).collect())
            }
            _ => None,
        }
    }
}

fn whole_numbers(
    argument: &str,
    name: &str,
    column: &Column,
    values: &[f64],
) -> Result<Column, DataError> {
    let whole = |row: usize| {
        let value = values[row];
        if column.is_null(row) {
            return Ok(None);
        }
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            return Ok(Some(value as i64));
        }
        Err(DataError::BadCell {
            argument: argument.to_owned(),
            column: name.to_owned(),
            row,
            expected: "an identifier: a whole number or text",
        })
    };
    Ok(Column::ints(&(0..values.len()).map(whole).collect::<Result<Vec<_>, _>>()?))
}

/// Codes by size, and for each code a row that shows it.
fn encode_ints(column: &Column, values: &[i64]) -> (Vec<u32>, Vec<u32>) {
    if column.validity().is_none() && values.is_sorted() {
        let mut first: Vec<u32> = Vec::new();
        let codes = (0..values.len())
            .map(|row| {
                if row == 0 || values[row] != values[row - 1] {
                    first.push(row as u32);
                }
                first.len() as u32 - 1
            })
            .collect();
        return (codes, first);
    }
    let there = || (0..values.len()).filter(|&row| !column.is_null(row));
    let (low, high) =
        there().fold((i64::MAX, i64::MIN), |(l, h), row| (l.min(values[row]), h.max(values[row])));
    let range = high.checked_sub(low).and_then(|range| usize::try_from(range).ok());
    let Some(range) = range.filter(|&range| range < values.len().saturating_mul(4) + 1024) else {
        let (codes, first) = column.ranks();
        return (codes.into_iter().map(|code| code.unwrap_or(NOBODY)).collect(), first);
    };
    let mut place = vec![NOBODY; range + 1];
    for row in there() {
        let slot = &mut place[(values[row] - low) as usize];
        *slot = (*slot).min(row as u32);
    }
    let mut first = Vec::new();
    for slot in place.iter_mut().filter(|slot| **slot != NOBODY) {
        first.push(*slot);
        *slot = first.len() as u32 - 1;
    }
    let code = |row: usize| {
        if column.is_null(row) { NOBODY } else { place[(values[row] - low) as usize] }
    };
    ((0..values.len()).map(code).collect(), first)
}

/// Codes by Unicode order, whatever order the levels of a categorical column have.
fn encode_text(column: &Column, text: &Text) -> (Vec<u32>, Vec<u32>) {
    let mut shown = vec![NOBODY; text.levels().len()];
    for (row, &code) in text.codes().iter().enumerate() {
        if !column.is_null(row) && shown[code as usize] == NOBODY {
            shown[code as usize] = row as u32;
        }
    }
    let mut used: Vec<u32> =
        (0_u32..).zip(&shown).filter(|(_, row)| **row != NOBODY).map(|(code, _)| code).collect();
    used.sort_by_key(|&code| text.levels().get(code));
    let mut place = vec![NOBODY; shown.len()];
    let mut first: Vec<u32> = Vec::new();
    let mut previous = None;
    for &code in &used {
        let level = text.levels().get(code);
        if previous != Some(level) {
            first.push(shown[code as usize]);
        }
        previous = Some(level);
        place[code as usize] = first.len() as u32 - 1;
    }
    let code = |row: usize| {
        if column.is_null(row) { NOBODY } else { place[text.codes()[row] as usize] }
    };
    ((0..text.codes().len()).map(code).collect(), first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_do_not_depend_on_row_order_or_type_of_number() {
        for ids in [vec![7, 7, 9, 12], vec![12, 7, 9, 7], vec![i64::MAX, i64::MIN, 0, 0]] {
            let mut sorted = ids.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let (persons, codes) =
                Persons::encode("person", "pid", &Column::int(ids.clone())).unwrap();
            assert_eq!(persons.ids(), &Column::int(sorted.clone()));
            for (id, code) in ids.iter().zip(codes) {
                assert_eq!(sorted[code as usize], *id);
            }
        }
        let floats = Column::floats(&[Some(3.0), None, Some(1.0)]);
        let (persons, codes) = Persons::encode("person", "pid", &floats).unwrap();
        assert_eq!((persons.len(), codes), (2, vec![1, NOBODY, 0]));
        assert!(Persons::encode("person", "pid", &Column::float(vec![1.5])).is_err());
    }

    #[test]
    fn persons_are_found_across_tables_by_value() {
        let a = Column::text([Some("b"), Some("c"), Some("a")]);
        let b = Column::category(&[Some(0), Some(1)], &["z", "a"]);
        let (a, _) = Persons::encode("person", "pid", &a).unwrap();
        let (b, codes) = Persons::encode("person", "id", &b).unwrap();
        assert_eq!(codes, [1, 0]);
        assert_eq!(a.find_in(&b), Some(vec![0, NOBODY, NOBODY]));
        let (n, _) = Persons::encode("person", "pid", &Column::int(vec![1])).unwrap();
        assert_eq!(n.find_in(&a), None);
    }
}
