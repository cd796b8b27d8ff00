//! Rows of columns: picked, gathered, stacked.

use super::{Bitmap, Buffer, Column, Levels, Text, TextBuilder, Values, pages};
use rayon::prelude::*;
use std::sync::Arc;

impl Column {
    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    ///
    /// When a row does not exist; callers pass rows they took from this table.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        fn pick<T: Copy + Send + Sync>(values: &[T], rows: &[u32]) -> Buffer<T> {
            rows.iter().map(|&row| values[row as usize]).collect::<Vec<T>>().into()
        }
        let values = match &self.values {
            Values::Bool(values) => Values::Bool(pick(values, rows)),
            Values::Int(values) => Values::Int(pick(values, rows)),
            Values::Short(values) => Values::Short(pick(values, rows)),
            Values::Float(values) => Values::Float(pick(values, rows)),
            Values::Date(values) => Values::Date(pick(values, rows)),
            Values::Period(unit, values) => Values::Period(*unit, pick(values, rows)),
            Values::Text(text) => {
                let (levels, categorical) = (Arc::clone(&text.levels), text.categorical);
                Values::Text(match &text.narrow {
                    Some(codes) => Text::thin(pick(codes, rows), levels, categorical),
                    None => Text::wide(pick(&text.codes, rows), levels, categorical),
                })
            }
        };
        let validity = self
            .validity
            .as_ref()
            .and_then(|bitmap| Bitmap::pack(rows.iter().map(|&row| bitmap.get(row as usize))));
        Self { values, validity }
    }

    /// As [`take`](Self::take), with null rows where `rows` is `None`.
    ///
    /// # Panics
    ///
    /// When a row does not exist.
    #[must_use]
    pub fn take_or_null(&self, rows: &[Option<u32>]) -> Self {
        if self.is_empty() {
            return self.all_null(rows.len());
        }
        let filled: Vec<u32> = rows.iter().map(|row| row.unwrap_or_default()).collect();
        let taken = self.take(&filled);
        let there = rows.iter().map(|row| row.is_some_and(|row| !self.is_null(row as usize)));
        Self { values: taken.values, validity: Bitmap::pack(there) }
    }

    /// The rows at `rows`, null where the row number is `u32::MAX`.
    ///
    /// As [`take_or_null`](Self::take_or_null) with half the memory, in parallel.
    ///
    /// # Panics
    ///
    /// When a row does not exist.
    #[must_use]
    pub fn gather(&self, rows: &[u32]) -> Self {
        const CHUNK: usize = 1 << 16;
        fn pick<T: Copy + Default + Send + Sync>(values: &[T], rows: &[u32]) -> Buffer<T> {
            let mut picked = vec![T::default(); rows.len()];
            let chunks = picked.par_chunks_mut(CHUNK).zip(rows.par_chunks(CHUNK));
            chunks.for_each(|(slots, rows)| {
                pages::ask_for(slots);
                for (slot, &row) in slots.iter_mut().zip(rows) {
                    if row != u32::MAX {
                        *slot = values[row as usize];
                    }
                }
            });
            picked.into()
        }
        if self.is_empty() {
            return self.all_null(rows.len());
        }
        let values = match &self.values {
            Values::Bool(values) => Values::Bool(pick(values, rows)),
            Values::Int(values) => Values::Int(pick(values, rows)),
            Values::Short(values) => Values::Short(pick(values, rows)),
            Values::Float(values) => Values::Float(pick(values, rows)),
            Values::Date(values) => Values::Date(pick(values, rows)),
            Values::Period(unit, values) => Values::Period(*unit, pick(values, rows)),
            Values::Text(text) => {
                let (levels, categorical) = (Arc::clone(&text.levels), text.categorical);
                Values::Text(match &text.narrow {
                    Some(codes) => Text::thin(pick(codes, rows), levels, categorical),
                    None => Text::wide(pick(&text.codes, rows), levels, categorical),
                })
            }
        };
        if self.validity.is_none() && !rows.contains(&u32::MAX) {
            return Self { values, validity: None };
        }
        let mut bytes = vec![0_u8; rows.len().div_ceil(8)];
        let chunks = bytes.par_chunks_mut(CHUNK / 8).zip(rows.par_chunks(CHUNK));
        let nulls: usize = chunks
            .map(|(bytes, rows)| {
                let mut nulls = 0;
                for (byte, rows) in bytes.iter_mut().zip(rows.chunks(8)) {
                    for (bit, &row) in rows.iter().enumerate() {
                        let there = row != u32::MAX && !self.is_null(row as usize);
                        *byte |= u8::from(there) << bit;
                        nulls += usize::from(!there);
                    }
                }
                nulls
            })
            .sum();
        let validity = if nulls == 0 { None } else { Bitmap::new(bytes.into(), 0, rows.len()) };
        Self { values, validity }
    }

    /// As [`gather`](Self::gather), in the memory of the row numbers where the column is text.
    pub(crate) fn gather_into(&self, mut rows: Vec<u32>) -> Self {
        let Values::Text(text) = &self.values else { return self.gather(&rows) };
        if self.is_empty() {
            return self.all_null(rows.len());
        }
        let codes = text.codes();
        let validity = Bitmap::of_chunks(&mut rows, |row| {
            let there = *row != u32::MAX && !self.is_null(*row as usize);
            *row = if there { codes[*row as usize] } else { 0 };
            there
        });
        let (levels, categorical) = (Arc::clone(&text.levels), text.categorical);
        Self { values: Values::Text(Text::wide(rows.into(), levels, categorical)), validity }
    }

    /// Categories of one byte each, all with a level, in the memory of the codes.
    pub(crate) fn coded(
        codes: impl Into<Buffer<u8>>,
        validity: Option<Bitmap>,
        levels: Arc<Levels>,
        categorical: bool,
    ) -> Self {
        Self { values: Values::Text(Text::thin(codes.into(), levels, categorical)), validity }
    }

    /// As [`coded`](Self::coded), of the levels of this column of text.
    pub(crate) fn of_bytes(&self, codes: Vec<u8>, validity: Option<Bitmap>) -> Self {
        match &self.values {
            Values::Text(text) => {
                Self::coded(codes, validity, Arc::clone(&text.levels), text.categorical)
            }
            _ => self.all_null(codes.len()),
        }
    }

    /// A column of `n` nulls of the same type.
    #[must_use]
    pub(crate) fn all_null(&self, n: usize) -> Self {
        let values = match &self.values {
            Values::Bool(_) => Values::Bool(vec![false; n].into()),
            Values::Int(_) => Values::Int(vec![0; n].into()),
            Values::Short(_) => Values::Short(vec![0; n].into()),
            Values::Float(_) => Values::Float(vec![f64::NAN; n].into()),
            Values::Date(_) => Values::Date(vec![0; n].into()),
            Values::Period(unit, _) => Values::Period(*unit, vec![0; n].into()),
            Values::Text(text) => Values::Text(Text::wide(
                vec![0; n].into(),
                Arc::clone(&text.levels),
                text.categorical,
            )),
        };
        Self { values, validity: Bitmap::pack((0..n).map(|_| false)) }
    }

    /// The columns one below the other; `None` when they are not of one type, or there are none,
    /// or together they are too long.
    #[must_use]
    pub(crate) fn stack<'a>(columns: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        fn all<T: Copy + Send + Sync>(
            parts: &[&Column],
            of: fn(&Values) -> Option<&[T]>,
        ) -> Option<Buffer<T>> {
            let parts: Option<Vec<&[T]>> = parts.iter().map(|part| of(&part.values)).collect();
            Some(parts?.concat().into())
        }
        let wide: Vec<Self> = columns.into_iter().map(Self::widened).collect();
        let parts: Vec<&Self> = wide.iter().collect();
        let first = parts.first()?;
        let rows: usize = parts.iter().map(|part| part.len()).sum();
        if rows >= u32::MAX as usize || parts.iter().any(|part| part.kind() != first.kind()) {
            return None;
        }
        let values = match &first.values {
            Values::Bool(_) => Values::Bool(all(&parts, |of| match of {
                Values::Bool(values) => Some(values),
                _ => None,
            })?),
            Values::Int(_) | Values::Short(_) => Values::Int(all(&parts, |of| match of {
                Values::Int(values) => Some(values),
                _ => None,
            })?),
            Values::Float(_) => Values::Float(all(&parts, |of| match of {
                Values::Float(values) => Some(values),
                _ => None,
            })?),
            Values::Date(_) => Values::Date(all(&parts, |of| match of {
                Values::Date(values) => Some(values),
                _ => None,
            })?),
            Values::Period(unit, _) => Values::Period(
                *unit,
                all(&parts, |of| match of {
                    Values::Period(_, values) => Some(values),
                    _ => None,
                })?,
            ),
            Values::Text(text) => return Some(stacked_text(&parts, text.categorical)),
        };
        let there = parts.iter().flat_map(|part| (0..part.len()).map(|row| !part.is_null(row)));
        let there: Vec<bool> = there.collect();
        Some(Self { values, validity: Bitmap::pack(there.into_iter()) })
    }
}

/// Text columns one below the other, levels in the order they are met, column by column.
fn stacked_text(parts: &[&Column], categorical: bool) -> Column {
    let mut builder = TextBuilder::default();
    for part in parts {
        let Values::Text(text) = &part.values else { continue };
        let codes: Vec<u32> = text.levels.iter().map(|level| builder.level(level)).collect();
        for row in 0..part.len() {
            let code = text.codes[row] as usize;
            builder.push_code((!part.is_null(row)).then(|| codes[code]));
        }
    }
    builder.finish(categorical)
}
