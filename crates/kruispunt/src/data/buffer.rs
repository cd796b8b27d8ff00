//! Shared memory in Arrow's layout, without Arrow.

use rayon::prelude::*;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A read-only run of values, shared and never copied.
///
/// It may own a `Vec` or borrow memory that something else keeps alive (an Arrow buffer handed in
/// by a data frame); the core sees a slice either way.
pub struct Buffer<T: 'static>(Arc<dyn AsRef<[T]> + Send + Sync>);

impl<T> Buffer<T> {
    /// Wraps memory owned by something else.
    #[must_use]
    pub fn shared(owner: Arc<dyn AsRef<[T]> + Send + Sync>) -> Self {
        Self(owner)
    }

    /// The owner, to hand the same memory on.
    #[must_use]
    pub fn owner(&self) -> Arc<dyn AsRef<[T]> + Send + Sync> {
        Arc::clone(&self.0)
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        (*self.0).as_ref()
    }
}

impl<T: Send + Sync> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Arc::new(values))
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer of {} values", self.len())
    }
}

impl<T: PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: serde::Serialize> serde::Serialize for Buffer<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize(serializer)
    }
}

impl<'de, T: serde::Deserialize<'de> + Send + Sync> serde::Deserialize<'de> for Buffer<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<T>::deserialize(deserializer).map(Self::from)
    }
}

/// Which rows hold a value: one bit a row, lowest bit first, as Arrow packs it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Bitmap {
    bytes: Buffer<u8>,
    offset: usize,
    len: usize,
}

impl Bitmap {
    /// A bitmap over packed bytes; `None` when the bytes are too few.
    #[must_use]
    pub fn new(bytes: Buffer<u8>, offset: usize, len: usize) -> Option<Self> {
        let needed = offset.checked_add(len)?.div_ceil(8);
        (bytes.len() >= needed).then_some(Self { bytes, offset, len })
    }

    /// Packs `flags`; `None` when all are true, since then no bitmap is needed.
    #[must_use]
    pub fn pack(flags: impl ExactSizeIterator<Item = bool>) -> Option<Self> {
        let len = flags.len();
        let mut bytes = vec![0_u8; len.div_ceil(8)];
        let mut flags = flags;
        let mut set = 0;
        for byte in &mut bytes {
            for (bit, flag) in flags.by_ref().take(8).enumerate() {
                *byte |= u8::from(flag) << bit;
            }
            set += byte.count_ones() as usize;
        }
        (set < len).then(|| Self { bytes: bytes.into(), offset: 0, len })
    }

    /// Packs what `is_there` says of each value, which it may change, in parallel; `None` when all
    /// are there.
    pub(crate) fn of_chunks<T: Send>(
        values: &mut [T],
        is_there: impl Fn(&mut T) -> bool + Sync,
    ) -> Option<Self> {
        const CHUNK: usize = 1 << 16;
        let len = values.len();
        let mut bytes = vec![0_u8; len.div_ceil(8)];
        let chunks = bytes.par_chunks_mut(CHUNK / 8).zip(values.par_chunks_mut(CHUNK));
        let there: usize = chunks
            .map(|(bytes, values)| {
                let mut there = 0;
                for (byte, values) in bytes.iter_mut().zip(values.chunks_mut(8)) {
                    let mut flags = [0_u8; 8];
                    for (flag, value) in flags.iter_mut().zip(values) {
                        *flag = u8::from(is_there(value));
                    }
                    // a product that moves flag i to bit 56 + i
                    let moved = u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080);
                    *byte = (moved >> 56) as u8;
                    there += byte.count_ones() as usize;
                }
                there
            })
            .sum();
        (there < len).then(|| Self { bytes: bytes.into(), offset: 0, len })
    }

    /// Whether `row` holds a value.
    #[must_use]
    pub fn get(&self, row: usize) -> bool {
        let bit = self.offset + row;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it covers no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Rows without a value.
    #[must_use]
    pub fn count_nulls(&self) -> usize {
        (0..self.len).filter(|&row| !self.get(row)).count()
    }

    /// The packed bytes and the bit at which row 0 stands.
    #[must_use]
    pub fn packed(&self) -> (&Buffer<u8>, usize) {
        (&self.bytes, self.offset)
    }
}

impl PartialEq for Bitmap {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && (0..self.len).all(|row| self.get(row) == other.get(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_in_parallel_is_packing_one_by_one() {
        for n in [0, 1, 7, 8, 9, 63, 1000, (1 << 16) + 5] {
            for every in [1, 2, 3, 11] {
                let mut values: Vec<usize> = (0..n).collect();
                let packed = Bitmap::of_chunks(&mut values, |at| *at % every == 0);
                let plain = Bitmap::pack((0..n).map(|at| at % every == 0));
                assert_eq!(packed, plain, "{n} {every}");
            }
        }
    }
}
