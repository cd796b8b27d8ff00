//! Core columns become Arrow arrays.

use crate::arrow::lend;
use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int32Array,
    Int64Array, LargeStringArray, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use kruispunt::data::{Column, Period, Table, Text, Unit, Values};
use std::sync::Arc;

/// The table as one batch: numbers and dates without a copy, periods as ordered categories.
pub(crate) fn batch(table: &Table) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(table.n_columns());
    let mut arrays = Vec::with_capacity(table.n_columns());
    for (name, column) in table.names().iter().zip(table.columns()) {
        let array = array(column)?;
        let ordered = matches!(column.values(), Values::Period(..));
        fields
            .push(Field::new(name, array.data_type().clone(), true).with_dict_is_ordered(ordered));
        arrays.push(array);
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(table.n_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)
}

/// The schema of [`batch`].
pub(crate) fn schema(table: &Table) -> Result<Schema, ArrowError> {
    batch(&table.take(&[])).map(|batch| batch.schema().as_ref().clone())
}

fn array(column: &Column) -> Result<ArrayRef, ArrowError> {
    let nulls = nulls(column);
    let rows = column.len();
    Ok(match column.values() {
        Values::Bool(values) => {
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, |row| values[row]), nulls))
        }
        Values::Int(values) => {
            Arc::new(Int64Array::try_new(ScalarBuffer::new(lend(values), 0, rows), nulls)?)
        }
        // Frames add and multiply in the width they are given: two bytes would overflow there.
        Values::Short(values) => {
            let wide: ScalarBuffer<i64> = values.iter().map(|&value| i64::from(value)).collect();
            Arc::new(Int64Array::try_new(wide, nulls)?)
        }
        Values::Float(values) => {
            Arc::new(Float64Array::try_new(ScalarBuffer::new(lend(values), 0, rows), nulls)?)
        }
        Values::Date(values) => {
            Arc::new(Date32Array::try_new(ScalarBuffer::new(lend(values), 0, rows), nulls)?)
        }
        Values::Period(unit, numbers) => periods(*unit, numbers, column, nulls)?,
        Values::Text(text) if text.is_categorical() => categories(text, nulls)?,
        Values::Text(text) if text.is_lists() => lists(text, column),
        Values::Text(text) => strings(text, column),
    })
}

fn nulls(column: &Column) -> Option<NullBuffer> {
    column.validity().map(|bitmap| {
        let (bytes, offset) = bitmap.packed();
        NullBuffer::new(BooleanBuffer::new(lend(bytes), offset, bitmap.len()))
    })
}

/// Periods as an ordered dictionary of their labels, in order of time.
fn periods(
    unit: Unit,
    numbers: &[i32],
    column: &Column,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let (codes, first) = column.ranks();
    let keys: Vec<i32> = codes.iter().map(|code| code.unwrap_or_default() as i32).collect();
    let labels =
        first.iter().map(|&row| Period { unit, number: numbers[row as usize] }.to_string());
    let labels = StringArray::from_iter_values(labels);
    let keys = Int32Array::try_new(keys.into(), nulls)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(labels))?))
}

fn categories(text: &Text, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let keys: Vec<i32> = match text.bytes() {
        Some(bytes) => bytes.iter().map(|&code| i32::from(code)).collect(),
        None => text.codes().iter().map(|&code| code as i32).collect(),
    };
    let labels = StringArray::from_iter_values(text.levels().iter());
    let keys = Int32Array::try_new(keys.into(), nulls)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(labels))?))
}

/// Plain text; wide offsets only where 2 GiB of text need them.
fn strings(text: &Text, column: &Column) -> ArrayRef {
    let rows = (0..column.len())
        .map(|row| (!column.is_null(row)).then(|| text.levels().get(text.codes()[row])));
    let bytes: usize = rows.clone().flatten().map(str::len).sum();
    if bytes < i32::MAX as usize {
        Arc::new(rows.collect::<StringArray>())
    } else {
        Arc::new(rows.collect::<LargeStringArray>())
    }
}

/// Lists as lists of text; a missing one is not an empty one.
fn lists(text: &Text, column: &Column) -> ArrayRef {
    let mut made = LargeListBuilder::new(LargeStringBuilder::new());
    for row in 0..column.len() {
        let there = !column.is_null(row);
        if there {
            for item in Text::items(text.levels().get(text.codes()[row])) {
                made.values().append_value(item);
            }
        }
        made.append(there);
    }
    Arc::new(made.finish())
}
