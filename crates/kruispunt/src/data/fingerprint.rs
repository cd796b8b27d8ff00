//! What a table holds, in 32 digits.

use super::{Column, Table, Text, Values};
use pulp::bytemuck::{NoUninit, cast_slice};
use rayon::prelude::*;
use twox_hash::XxHash3_128;

/// Rows hashed together; fixed, so that the number of threads changes nothing.
const CHUNK: usize = 1 << 16;

impl Table {
    /// The XXH3 digest (128 bits) of names, kinds and values, in 32 hexadecimal digits.
    ///
    /// Two tables have one fingerprint when they are equal (`==`) and their columns stand in one
    /// order: it does not depend on what library held the table, on what stands in the slot of a
    /// null, on the bits of NaN or the sign of 0, on how text was dictionary-encoded or on the
    /// number of threads. Rows in another order, another name or another kind of number give
    /// another fingerprint; of categories the declared levels count.
    ///
    /// A column is cut into chunks of 65,536 rows; a chunk's digest is of its bytes, a column's of
    /// its chunks' digests, the table's of its columns'. So it works on all threads and reads each
    /// value once; the floor is the memory's. It tells one delivery from another and is no seal
    /// against who wants two tables to look the same.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// let wages = |second| Table::new([("wage", Column::float(vec![101.5, second]))]);
    /// assert_eq!(wages(99.0)?.fingerprint(), wages(99.0)?.fingerprint());
    /// assert_ne!(wages(99.0)?.fingerprint(), wages(98.0)?.fingerprint());
    /// # Ok::<(), kruispunt::data::DataError>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut whole = b"kruispunt table 1\0".to_vec();
        whole.extend((self.n_rows() as u64).to_le_bytes());
        for (name, column) in self.names().iter().zip(self.columns()) {
            framed(&mut whole, name.as_bytes());
            whole.extend(column_digest(column));
        }
        format!("{:032x}", XxHash3_128::oneshot(&whole))
    }
}

/// Bytes with their number before them, so that no two lists of texts look the same.
fn framed(hashed: &mut Vec<u8>, bytes: &[u8]) {
    hashed.extend((bytes.len() as u64).to_le_bytes());
    hashed.extend(bytes);
}

fn column_digest(column: &Column) -> [u8; 16] {
    let mut hash = Vec::new();
    framed(&mut hash, column.kind().as_bytes());
    match column.values() {
        Values::Bool(values) => {
            chunks(&mut hash, column, values, straight, |value| [u8::from(*value)]);
        }
        Values::Int(values) => {
            chunks(&mut hash, column, values, straight, |value| value.to_le_bytes());
        }
        Values::Short(values) => {
            chunks(&mut hash, column, values, never, |value| i64::from(*value).to_le_bytes());
        }
        Values::Float(values) => {
            chunks(&mut hash, column, values, none_odd, |value| plain(*value).to_le_bytes());
        }
        Values::Date(values) | Values::Period(_, values) => {
            chunks(&mut hash, column, values, straight, |value| value.to_le_bytes());
        }
        // codes of one byte are not widened for this
        Values::Text(text) => match text.bytes() {
            Some(codes) => text_digests(&mut hash, column, text, &codes[..]),
            None => text_digests(&mut hash, column, text, text.codes()),
        },
    }
    XxHash3_128::oneshot(&hash).to_le_bytes()
}

/// Adds the digests of codes and what they stand for: of categories as they are, of text numbered
/// as it appears.
fn text_digests<C: Copy + Into<u32> + Sync>(
    hash: &mut Vec<u8>,
    column: &Column,
    text: &Text,
    codes: &[C],
) {
    let code = |code: &C| -> u32 { (*code).into() };
    if text.is_categorical() {
        chunks(hash, column, codes, never, |own| code(own).to_le_bytes());
        text.levels().iter().for_each(|level| framed(hash, level.as_bytes()));
        return;
    }
    let (place, order) = by_appearance(column, codes, text.levels().len());
    chunks(hash, column, codes, never, |own| place[code(own) as usize].to_le_bytes());
    for code in order {
        framed(hash, text.levels().get(code).as_bytes());
    }
}

/// One NaN, one zero.
#[inline]
fn plain(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    (value + 0.0).to_bits()
}

/// The bytes of values that stand in memory as they are hashed.
fn straight<T: NoUninit>(values: &[T]) -> Option<&[u8]> {
    cfg!(target_endian = "little").then(|| cast_slice(values))
}

/// The same of numbers, none of which is NaN or -0.
fn none_odd(values: &[f64]) -> Option<&[u8]> {
    let odd = |value: &f64| value.is_nan() | (value.to_bits() == (-0.0_f64).to_bits());
    let any = |own: &[f64]| own.iter().fold(false, |any, value| any | odd(value));
    if values.chunks(4096).any(any) { None } else { straight(values) }
}

/// Nothing of values that are not held as they are hashed.
const fn never<T>(_: &[T]) -> Option<&[u8]> {
    None
}

/// Numbers the codes in the order in which rows show them, and gives that order.
fn by_appearance<C: Copy + Into<u32>>(
    column: &Column,
    codes: &[C],
    levels: usize,
) -> (Vec<u32>, Vec<u32>) {
    let mut place = vec![u32::MAX; levels.max(1)];
    let mut order = Vec::new();
    for (row, &code) in codes.iter().enumerate() {
        if order.len() == levels {
            break;
        }
        let code: u32 = code.into();
        let own = &mut place[code as usize];
        if *own == u32::MAX && !column.is_null(row) {
            *own = order.len() as u32;
            order.push(code);
        }
    }
    (place, order)
}

/// Adds the digests of the chunks of a column; zeros and a mark where a row is null. `as_is` gives the
/// bytes of values where they stand, where they are those that `bytes` writes.
fn chunks<T: Sync, const N: usize>(
    hash: &mut Vec<u8>,
    column: &Column,
    values: &[T],
    as_is: impl Fn(&[T]) -> Option<&[u8]> + Sync,
    bytes: impl Fn(&T) -> [u8; N] + Sync,
) {
    let digests: Vec<[u8; 16]> = values
        .par_chunks(CHUNK)
        .enumerate()
        .map_init(Vec::<[u8; N]>::new, |buffer, (chunk, own)| {
            let first = chunk * CHUNK;
            let gone = |at: usize| column.validity().is_some() && column.is_null(first + at);
            let all = column.validity().is_none() || !(0..own.len()).any(gone);
            if all && let Some(bytes) = as_is(own) {
                return XxHash3_128::oneshot(bytes).to_le_bytes();
            }
            buffer.resize(own.len(), [0; N]);
            for (slot, value) in buffer.iter_mut().zip(own) {
                *slot = bytes(value);
            }
            if all {
                return XxHash3_128::oneshot(buffer.as_flattened()).to_le_bytes();
            }
            for at in (0..own.len()).filter(|&at| gone(at)) {
                buffer[at] = [0; N];
            }
            // a column whose nulls are elsewhere has the same digest here
            let mut marked = buffer.as_flattened().to_vec();
            marked.extend((0..own.len()).map(|at| u8::from(gone(at))));
            XxHash3_128::oneshot(&marked).to_le_bytes()
        })
        .collect();
    for digest in digests {
        hash.extend(digest);
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{Bitmap, Column, Table, Values};

    fn of(column: Column) -> String {
        Table::new([("x", column)]).unwrap().fingerprint()
    }

    #[test]
    fn equal_tables_have_one_fingerprint_however_they_are_held() {
        let validity = || Bitmap::pack([true, false, true].into_iter());
        let under =
            |slot: f64| Column::new(Values::Float(vec![1.0, slot, f64::NAN].into()), validity());
        assert_eq!(of(under(7.0)), of(under(8.0)));
        assert_eq!(of(Column::float(vec![0.0])), of(Column::float(vec![-0.0])));
        assert_eq!(of(Column::short(vec![4, 5])), of(Column::int(vec![4, 5])));
        let all_there =
            Column::new(Values::Int(vec![4, 5].into()), Bitmap::pack([true, true].into_iter()));
        assert_eq!(of(all_there), of(Column::int(vec![4, 5])));
        let text = |rows: &[u32], levels: &[&str]| {
            let held = crate::data::Text::new(
                rows.to_vec().into(),
                levels.iter().copied().collect(),
                false,
            );
            Column::new(Values::Text(held.unwrap()), None)
        };
        let other = text(&[1, 0, 1], &["Gent", "Antwerpen", "nowhere"]);
        assert_eq!(of(text(&[0, 1, 0], &["Antwerpen", "Gent"])), of(other));
    }

    #[test]
    fn what_differs_has_another_fingerprint() {
        let all = [
            of(Column::int(vec![1, 2])),
            of(Column::int(vec![2, 1])),
            of(Column::float(vec![1.0, 2.0])),
            of(Column::ints(&[Some(1), None])),
            of(Column::ints(&[Some(1), Some(0)])),
            of(Column::text([Some("ab"), Some("c")])),
            of(Column::text([Some("a"), Some("bc")])),
            of(Column::text([Some("a"), None])),
            of(Column::text([Some("a"), Some("")])),
            of(Column::category(&[Some(0)], &["a", "b"])),
            of(Column::category(&[Some(0)], &["a"])),
            of(Column::int(vec![])),
            Table::new([("y", Column::int(vec![1, 2]))]).unwrap().fingerprint(),
            Table::default().fingerprint(),
        ];
        let mut distinct = all.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }

    /// The digest of one small table, made with Python's xxhash from the description above.
    #[test]
    fn the_digest_is_that_of_its_description() {
        let table = Table::new([
            ("person", Column::ints(&[Some(7), None])),
            ("wage", Column::float(vec![101.5, -0.0])),
        ])
        .unwrap();
        assert_eq!(table.fingerprint(), include_str!("fingerprint.txt").trim());
    }

    #[test]
    fn threads_change_nothing() {
        let long = Column::int((0..200_000).map(|x| x * 7 % 1013).collect());
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let one = alone.install(|| of(long.clone()));
        assert_eq!(one, of(long));
    }
}
