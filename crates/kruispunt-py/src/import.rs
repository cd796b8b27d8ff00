//! Arrow arrays become core columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, TimeUnit};
use kruispunt::data::{
    Bitmap, Buffer, Column, DataError, ITEM, Levels, Table, Text, TextBuilder, Ticket, Unit, Values,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const MIDNIGHT: &str = "a day; cut the time of day off first";
const WHOLE: &str = "a whole number below 2^63";

/// Where a column stands, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The argument that handed the table in.
    pub argument: &'a str,
    /// The column.
    pub column: &'a str,
}

impl Place<'_> {
    fn bad(self, row: usize, expected: &'static str) -> DataError {
        DataError::BadCell {
            argument: self.argument.to_owned(),
            column: self.column.to_owned(),
            row,
            expected,
        }
    }

    fn unsupported(self, got: impl Into<String>) -> DataError {
        DataError::UnsupportedType {
            argument: self.argument.to_owned(),
            column: self.column.to_owned(),
            got: got.into(),
        }
    }
}

/// A table from the chunks of a stream of structs; `columns` are read, in that order.
pub(crate) fn table(
    field: &Field,
    chunks: &[ArrayRef],
    columns: Option<&[String]>,
    (argument, lists): (&str, bool),
    ticket: &Ticket,
) -> Result<Table, DataError> {
    let DataType::Struct(fields) = field.data_type() else {
        return Err(Place { argument, column: field.name() }
            .unsupported(format!("{}, not columns", field.data_type())));
    };
    if chunks.iter().any(|chunk| chunk.null_count() > 0) {
        return Err(Place { argument, column: field.name() }.unsupported("rows null as a whole"));
    }
    let wanted: Vec<usize> = match columns {
        None => (0..fields.len()).collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                fields.iter().position(|field| field.name() == name).ok_or_else(|| {
                    DataError::MissingColumn {
                        argument: argument.to_owned(),
                        column: name.clone(),
                        present: fields.iter().map(|field| field.name().clone()).collect(),
                    }
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let mut table = Table::default();
    for at in wanted {
        if ticket.is_cancelled() {
            break; // the caller raises the interrupt and drops what is here
        }
        let name = fields[at].name();
        let parts: Vec<ArrayRef> =
            chunks.iter().map(|chunk| Arc::clone(chunk.as_struct().column(at))).collect();
        let values = any(&fields[at], &parts, Place { argument, column: name }, lists)?;
        table.push(name, values)?;
    }
    Ok(table)
}

/// A column from its chunks, lists included where they are wanted.
pub(crate) fn any(
    field: &Field,
    chunks: &[ArrayRef],
    place: Place<'_>,
    lists: bool,
) -> Result<Column, DataError> {
    match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if lists =>
        {
            listed(item, chunks, place)
        }
        _ => column(field, chunks, place),
    }
}

/// Lists as text: each item with its end, an empty list not a missing one. Items that are missing
/// are left out.
fn listed(item: &Field, chunks: &[ArrayRef], place: Place<'_>) -> Result<Column, DataError> {
    let (mut builder, mut text, mut at) = (TextBuilder::default(), String::new(), 0);
    for chunk in chunks {
        let (values, ends): (ArrayRef, Vec<usize>) = match chunk.data_type() {
            DataType::List(_) => {
                let own = chunk.as_list::<i32>();
                (Arc::clone(own.values()), own.offsets().iter().map(|&at| at as usize).collect())
            }
            DataType::LargeList(_) => {
                let own = chunk.as_list::<i64>();
                (Arc::clone(own.values()), own.offsets().iter().map(|&at| at as usize).collect())
            }
            _ => {
                let own = chunk.as_fixed_size_list();
                let width = own.value_length() as usize;
                (Arc::clone(own.values()), (0..=own.len()).map(|at| at * width).collect())
            }
        };
        let items = column(item, &[values], place)?;
        for (row, span) in ends.windows(2).enumerate() {
            if chunk.is_null(row) {
                builder.push(None);
                at += 1;
                continue;
            }
            text.clear();
            text.push(ITEM);
            for one in (span[0]..span[1]).filter_map(|one| items.label(one)) {
                if one.contains(ITEM) {
                    return Err(
                        place.bad(at, "a list of items without the control character U+001D")
                    );
                }
                text.push_str(&one);
                text.push(ITEM);
            }
            builder.push(Some(text.as_str()));
            at += 1;
        }
    }
    Ok(builder.finish(false))
}

/// A column from its chunks.
pub(crate) fn column(
    field: &Field,
    chunks: &[ArrayRef],
    place: Place<'_>,
) -> Result<Column, DataError> {
    let rows: usize = chunks.iter().map(Array::len).sum();
    if rows >= u32::MAX as usize {
        return Err(DataError::TooManyRows { argument: place.argument.to_owned(), rows });
    }
    if field.extension_type_name() == Some("pandas.period") {
        return periods(field, chunks, place);
    }
    sound(field.data_type(), chunks, place)?;
    let validity = || validity(chunks);
    Ok(match field.data_type() {
        DataType::Boolean => {
            let bits = chunks.iter().flat_map(|chunk| chunk.as_boolean().values().iter());
            Column::new(Values::Bool(bits.collect::<Vec<bool>>().into()), validity())
        }
        DataType::Int64 => Column::new(Values::Int(shared::<Int64Type>(chunks)), validity()),
        DataType::Int8 => ints::<Int8Type>(chunks),
        DataType::Int16 => ints::<Int16Type>(chunks),
        DataType::Int32 => ints::<Int32Type>(chunks),
        DataType::UInt8 => ints::<UInt8Type>(chunks),
        DataType::UInt16 => ints::<UInt16Type>(chunks),
        DataType::UInt32 => ints::<UInt32Type>(chunks),
        DataType::UInt64 => {
            let whole = |value: u64| i64::try_from(value).ok();
            let values = converted::<UInt64Type, i64>(chunks, whole, place, WHOLE)?;
            Column::new(Values::Int(values.into()), validity())
        }
        DataType::Float64 => Column::new(Values::Float(shared::<Float64Type>(chunks)), validity()),
        DataType::Float32 => floats::<Float32Type>(chunks, f64::from),
        DataType::Float16 => {
            floats::<Float16Type>(chunks, <Float16Type as ArrowPrimitiveType>::Native::to_f64)
        }
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => decimals(field, chunks, place)?,
        DataType::Date32 => Column::new(Values::Date(shared::<Date32Type>(chunks)), validity()),
        DataType::Date64 => days::<Date64Type>(chunks, 86_400_000, place)?,
        DataType::Timestamp(unit, zone) => timestamps(*unit, zone.as_deref(), chunks, place)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            texts(chunks, place)?.finish(false)
        }
        DataType::Null => {
            let mut builder = TextBuilder::default();
            (0..rows).for_each(|_| builder.push(None));
            builder.finish(false)
        }
        DataType::Dictionary(_, values) => dictionary(values, chunks, place)?,
        other => return Err(place.unsupported(other.to_string())),
    })
}

/// Refuses text that is not UTF-8 and codes beyond their dictionary.
///
/// A file in Latin-1 that was read as UTF-8 without a check is such text.
fn sound(kind: &DataType, chunks: &[ArrayRef], place: Place<'_>) -> Result<(), DataError> {
    let got = match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text that is not UTF-8",
        DataType::Dictionary(..) => "a dictionary with damaged codes or text that is not UTF-8",
        _ => return Ok(()),
    };
    if chunks.iter().any(|chunk| chunk.to_data().validate_full().is_err()) {
        return Err(place.unsupported(got));
    }
    Ok(())
}

/// Arrow memory as a core buffer.
struct Kept<T: ArrowNativeType>(ScalarBuffer<T>);

impl<T: ArrowNativeType> AsRef<[T]> for Kept<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

struct KeptBytes(arrow_buffer::Buffer);

impl AsRef<[u8]> for KeptBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// The values as they are: one chunk without a copy, several appended.
fn shared<T: ArrowPrimitiveType>(chunks: &[ArrayRef]) -> Buffer<T::Native> {
    match chunks {
        [one] => Buffer::shared(Arc::new(Kept(one.as_primitive::<T>().values().clone()))),
        many => {
            let mut values = Vec::with_capacity(many.iter().map(Array::len).sum());
            for chunk in many {
                values.extend_from_slice(chunk.as_primitive::<T>().values());
            }
            values.into()
        }
    }
}

/// The values, widened; null slots hold anything.
fn widened<T: ArrowPrimitiveType, U>(
    chunks: &[ArrayRef],
    widen: impl Fn(T::Native) -> U + Copy,
) -> Vec<U> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.as_primitive::<T>().values().iter().map(move |&value| widen(value)))
        .collect()
}

fn ints<T: ArrowPrimitiveType>(chunks: &[ArrayRef]) -> Column
where
    i64: From<T::Native>,
{
    Column::new(Values::Int(widened::<T, i64>(chunks, i64::from).into()), validity(chunks))
}

fn floats<T: ArrowPrimitiveType>(
    chunks: &[ArrayRef],
    widen: impl Fn(T::Native) -> f64 + Copy,
) -> Column {
    Column::new(Values::Float(widened::<T, f64>(chunks, widen).into()), validity(chunks))
}

/// The values, each converted or refused with its row.
fn converted<T: ArrowPrimitiveType, U: Default>(
    chunks: &[ArrayRef],
    convert: impl Fn(T::Native) -> Option<U>,
    place: Place<'_>,
    expected: &'static str,
) -> Result<Vec<U>, DataError> {
    let mut values = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let array = chunk.as_primitive::<T>();
        for row in 0..array.len() {
            if array.is_null(row) {
                values.push(U::default());
                continue;
            }
            let value =
                convert(array.value(row)).ok_or_else(|| place.bad(values.len(), expected))?;
            values.push(value);
        }
    }
    Ok(values)
}

/// Days from a count of `per_day` ticks since 1970.
fn days<T: ArrowPrimitiveType<Native = i64>>(
    chunks: &[ArrayRef],
    per_day: i64,
    place: Place<'_>,
) -> Result<Column, DataError> {
    let day = |ticks: i64| {
        let day = i32::try_from(ticks.div_euclid(per_day)).ok()?;
        (ticks.rem_euclid(per_day) == 0).then_some(day)
    };
    let values = converted::<T, i32>(chunks, day, place, MIDNIGHT)?;
    Ok(Column::new(Values::Date(values.into()), validity(chunks)))
}

/// Timestamps at midnight are days. In another zone than UTC midnight is not where the stored
/// number says, so such a column is refused rather than shifted by a day in silence.
fn timestamps(
    unit: TimeUnit,
    zone: Option<&str>,
    chunks: &[ArrayRef],
    place: Place<'_>,
) -> Result<Column, DataError> {
    if let Some(zone) = zone
        && !matches!(zone, "UTC" | "Z" | "+00:00" | "Etc/UTC" | "utc")
    {
        return Err(place.unsupported(format!(
            "timestamps in the zone {zone}; turn them into local dates first"
        )));
    }
    match unit {
        TimeUnit::Second => days::<TimestampSecondType>(chunks, 86_400, place),
        TimeUnit::Millisecond => days::<TimestampMillisecondType>(chunks, 86_400_000, place),
        TimeUnit::Microsecond => days::<TimestampMicrosecondType>(chunks, 86_400_000_000, place),
        TimeUnit::Nanosecond => days::<TimestampNanosecondType>(chunks, 86_400_000_000_000, place),
    }
}

/// Decimals as the nearest real number.
fn decimals(field: &Field, chunks: &[ArrayRef], place: Place<'_>) -> Result<Column, DataError> {
    const EXACT: u128 = 1 << 53;
    let text = |written: String| written.parse::<f64>().ok();
    let mut values = Vec::new();
    for chunk in chunks {
        for row in 0..chunk.len() {
            if chunk.is_null(row) {
                values.push(f64::NAN);
                continue;
            }
            let value = match field.data_type() {
                DataType::Decimal128(_, scale) => {
                    let array = chunk.as_primitive::<Decimal128Type>();
                    let digits = array.value(row);
                    if (0..=22).contains(scale) && digits.unsigned_abs() < EXACT {
                        Some(digits as f64 / 10_f64.powi(i32::from(*scale)))
                    } else {
                        text(array.value_as_string(row))
                    }
                }
                DataType::Decimal32(..) => text(
                    chunk.as_primitive::<arrow_array::types::Decimal32Type>().value_as_string(row),
                ),
                DataType::Decimal64(..) => text(
                    chunk.as_primitive::<arrow_array::types::Decimal64Type>().value_as_string(row),
                ),
                _ => text(
                    chunk.as_primitive::<arrow_array::types::Decimal256Type>().value_as_string(row),
                ),
            };
            values.push(value.ok_or_else(|| place.bad(values.len(), "a number"))?);
        }
    }
    Ok(Column::new(Values::Float(values.into()), validity(chunks)))
}

/// pandas periods: numbers since 1970 with their frequency beside them.
fn periods(field: &Field, chunks: &[ArrayRef], place: Place<'_>) -> Result<Column, DataError> {
    let note = field.extension_type_metadata().unwrap_or_default();
    let unit = if note.contains("\"M\"") || note.contains("\"ME\"") {
        Unit::Month
    } else if note.contains("\"Q-DEC\"") || note.contains("\"QE-DEC\"") {
        Unit::Quarter
    } else if ["\"Y-DEC\"", "\"A-DEC\"", "\"YE-DEC\""].iter().any(|freq| note.contains(freq)) {
        Unit::Year
    } else {
        return Err(place.unsupported(
            "periods other than calendar months, quarters or years; convert them to dates first",
        ));
    };
    let epoch = match unit {
        Unit::Month => 1970 * 12,
        Unit::Quarter => 1970 * 4,
        Unit::Year => 1970,
    };
    if *field.data_type() != DataType::Int64 {
        return Err(place.unsupported(field.data_type().to_string()));
    }
    let number = |value: i64| i32::try_from(value.checked_add(epoch)?).ok();
    let numbers = converted::<Int64Type, i32>(chunks, number, place, "a period after year 0")?;
    Ok(Column::new(Values::Period(unit, numbers.into()), validity(chunks)))
}

fn texts(chunks: &[ArrayRef], place: Place<'_>) -> Result<TextBuilder, DataError> {
    let mut builder = TextBuilder::default();
    for chunk in chunks {
        match chunk.data_type() {
            DataType::Utf8 => chunk.as_string::<i32>().iter().for_each(|text| builder.push(text)),
            DataType::LargeUtf8 => {
                chunk.as_string::<i64>().iter().for_each(|text| builder.push(text));
            }
            DataType::Utf8View => chunk.as_string_view().iter().for_each(|text| builder.push(text)),
            other => return Err(place.unsupported(other.to_string())),
        }
    }
    Ok(builder)
}

/// Dictionaries: text stays codes (a category), anything else is looked up.
fn dictionary(
    values: &DataType,
    chunks: &[ArrayRef],
    place: Place<'_>,
) -> Result<Column, DataError> {
    let is_text = matches!(values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if !is_text {
        return looked_up(values, chunks, place);
    }
    if let [one] = chunks
        && let Some(column) = few_categories(one, place)?
    {
        return Ok(column);
    }
    let mut levels = Levels::default();
    let mut known: HashMap<String, u32> = HashMap::new();
    let (mut codes, mut valid) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let dictionary = chunk.as_any_dictionary();
        let own: Vec<Option<String>> = strings(dictionary.values(), place)?;
        let mut place_of = Vec::with_capacity(own.len());
        for text in own {
            place_of.push(match text {
                None => None,
                Some(text) => Some(if let Some(&code) = known.get(&text) {
                    code
                } else {
                    let code = levels
                        .push(&text)
                        .ok_or_else(|| place.unsupported("more than 4 GiB of categories"))?;
                    known.insert(text, code);
                    code
                }),
            });
        }
        if place_of.is_empty() {
            codes.resize(codes.len() + chunk.len(), 0);
            valid.resize(valid.len() + chunk.len(), false);
            continue;
        }
        for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
            let code = if chunk.is_null(row) { None } else { place_of[key] };
            codes.push(code.unwrap_or_default());
            valid.push(code.is_some());
        }
    }
    let validity = Bitmap::pack(valid.into_iter());
    let text = Text::new(codes.into(), levels, true)
        .ok_or_else(|| place.unsupported("a dictionary with codes beyond its values"))?;
    Ok(Column::new(Values::Text(text), validity))
}

/// One dictionary of fewer than 255 distinct strings, without nulls: keys in one byte each.
fn few_categories(chunk: &ArrayRef, place: Place<'_>) -> Result<Option<Column>, DataError> {
    let dictionary = chunk.as_any_dictionary();
    let (keys, values) = (dictionary.keys(), dictionary.values());
    if keys.null_count() > 0 || values.null_count() > 0 || values.len() >= usize::from(u8::MAX) {
        return Ok(None);
    }
    let own: Vec<String> = strings(values, place)?.into_iter().flatten().collect();
    if own.iter().collect::<HashSet<_>>().len() < own.len() {
        return Ok(None);
    }
    let bytes = match keys.data_type() {
        DataType::UInt8 => {
            let keys = keys.as_primitive::<UInt8Type>().values();
            Some(Buffer::shared(Arc::new(Kept(keys.clone()))))
        }
        DataType::Int8 => {
            thin(keys.as_primitive::<Int8Type>().values(), |key| u8::try_from(key).ok())
        }
        DataType::UInt16 => {
            thin(keys.as_primitive::<UInt16Type>().values(), |key| u8::try_from(key).ok())
        }
        DataType::Int16 => {
            thin(keys.as_primitive::<Int16Type>().values(), |key| u8::try_from(key).ok())
        }
        DataType::UInt32 => {
            thin(keys.as_primitive::<UInt32Type>().values(), |key| u8::try_from(key).ok())
        }
        DataType::Int32 => {
            thin(keys.as_primitive::<Int32Type>().values(), |key| u8::try_from(key).ok())
        }
        _ => None,
    };
    let levels: Levels = own.iter().map(String::as_str).collect();
    let text = bytes.and_then(|bytes| Text::of_bytes(bytes, levels, true));
    Ok(text.map(|text| Column::new(Values::Text(text), None)))
}

/// Keys in one byte each; `None` when one does not fit.
fn thin<K: Copy>(keys: &[K], byte: impl Fn(K) -> Option<u8>) -> Option<Buffer<u8>> {
    keys.iter().map(|&key| byte(key)).collect::<Option<Vec<u8>>>().map(Buffer::from)
}

fn strings(values: &ArrayRef, place: Place<'_>) -> Result<Vec<Option<String>>, DataError> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => values.as_string::<i64>().iter().map(owned).collect(),
        DataType::Utf8View => values.as_string_view().iter().map(owned).collect(),
        other => return Err(place.unsupported(other.to_string())),
    })
}

/// A dictionary of something else than text, as a column of that something.
fn looked_up(
    values: &DataType,
    chunks: &[ArrayRef],
    place: Place<'_>,
) -> Result<Column, DataError> {
    let field = Field::new("", values.clone(), true);
    let mut dictionaries = Vec::new();
    let (mut rows, mut before) = (Vec::new(), 0_u32);
    for chunk in chunks {
        let dictionary = chunk.as_any_dictionary();
        let n_values = dictionary.values().len();
        if n_values == 0 {
            rows.extend((0..chunk.len()).map(|_| None));
            continue;
        }
        let keys = dictionary.normalized_keys();
        rows.extend(
            keys.iter()
                .enumerate()
                .map(|(row, &key)| (!chunk.is_null(row)).then_some(before + key as u32)),
        );
        before += n_values as u32;
        dictionaries.push(Arc::clone(dictionary.values()));
    }
    Ok(column(&field, &dictionaries, place)?.take_or_null(&rows))
}

/// Which rows hold a value; `None` when all do.
fn validity(chunks: &[ArrayRef]) -> Option<Bitmap> {
    let rows: usize = chunks.iter().map(Array::len).sum();
    if chunks.iter().all(|chunk| chunk.null_count() == 0) {
        return None;
    }
    if let [one] = chunks {
        let nulls = one.logical_nulls()?;
        let bytes = Buffer::shared(Arc::new(KeptBytes(nulls.buffer().clone())));
        return Bitmap::new(bytes, nulls.offset(), rows);
    }
    let mut valid = Vec::with_capacity(rows);
    for chunk in chunks {
        match chunk.logical_nulls() {
            Some(nulls) => valid.extend(NullBuffer::iter(&nulls)),
            None => valid.resize(valid.len() + chunk.len(), true),
        }
    }
    Bitmap::pack(valid.into_iter())
}
