//! Shared memory in Arrow's layout, without Arrow.

use pulp::bytemuck::cast_slice;
use rayon::prelude::*;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A read-only run of values, shared and never copied.
///
/// It may own a `Vec`, borrow memory that something else keeps alive (an Arrow buffer handed in by
/// a data frame), or make its values when they are first looked at (row numbers in order, the
/// periods of a full panel); the core sees a slice in any case.
pub struct Buffer<T: 'static> {
    owner: Arc<dyn AsRef<[T]> + Send + Sync>,
    len: usize,
}

/// Values that are made when first looked at.
struct Later<T, F> {
    made: OnceLock<Vec<T>>,
    make: F,
}

impl<T, F: Fn() -> Vec<T>> AsRef<[T]> for Later<T, F> {
    fn as_ref(&self) -> &[T] {
        self.made.get_or_init(&self.make)
    }
}

impl<T> Buffer<T> {
    /// Wraps memory owned by something else.
    #[must_use]
    pub fn shared(owner: Arc<dyn AsRef<[T]> + Send + Sync>) -> Self {
        let len = (*owner).as_ref().len();
        Self { owner, len }
    }

    /// `len` values that `make` gives when they are first looked at.
    ///
    /// `make` must work in one thread: a thread that waits for others may take up work that looks
    /// at the same buffer.
    pub(crate) fn later(len: usize, make: impl Fn() -> Vec<T> + Send + Sync + 'static) -> Self
    where
        T: Send + Sync,
    {
        Self { owner: Arc::new(Later { made: OnceLock::new(), make }), len }
    }

    /// The owner, to hand the same memory on.
    #[must_use]
    pub fn owner(&self) -> Arc<dyn AsRef<[T]> + Send + Sync> {
        Arc::clone(&self.owner)
    }

    /// How many values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        (*self.owner).as_ref()
    }
}

impl<T: Send + Sync> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self { len: values.len(), owner: Arc::new(values) }
    }
}

impl<T: Send + Sync + 'static> Default for Buffer<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self { owner: Arc::clone(&self.owner), len: self.len }
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
                    *byte = packed(flags) as u8;
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
        let (whole, from) = (self.len / 8, self.offset / 8);
        if !self.offset.is_multiple_of(8) {
            return (0..self.len).filter(|&row| !self.get(row)).count();
        }
        let bytes = &self.bytes[from..from + whole];
        let there: usize = bytes.iter().map(|byte| byte.count_ones() as usize).sum();
        whole * 8 - there + (whole * 8..self.len).filter(|&row| !self.get(row)).count()
    }

    /// The packed bytes and the bit at which row 0 stands.
    #[must_use]
    pub fn packed(&self) -> (&Buffer<u8>, usize) {
        (&self.bytes, self.offset)
    }
}

/// Bits written one after the other, until they are a [`Bitmap`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// None yet, with room for `n`.
    pub fn with_capacity(n: usize) -> Self {
        Self { words: Vec::with_capacity(n.div_ceil(64)), len: 0 }
    }

    /// The lowest `n` bits of `word`, at most 64.
    #[inline]
    pub fn push(&mut self, word: u64, n: usize) {
        if n == 0 {
            return;
        }
        let (word, at) = (word & (u64::MAX >> (64 - n)), self.len % 64);
        self.len += n;
        match self.words.last_mut().filter(|_| at > 0) {
            None => self.words.push(word),
            Some(last) => {
                *last |= word << at;
                if at + n > 64 {
                    self.words.push(word >> (64 - at));
                }
            }
        }
    }

    /// The lowest `n` bits of `words`.
    #[inline]
    pub fn extend(&mut self, words: &[u64], n: usize) {
        for (at, word) in words[..n.div_ceil(64)].iter().enumerate() {
            self.push(*word, (n - 64 * at).min(64));
        }
    }

    /// One bit a flag, which is 0 or 1.
    #[inline]
    pub fn extend_flags(&mut self, flags: &[u8]) {
        for flags in flags.chunks(64) {
            let (mut word, mut at) = (0, 0);
            let whole = flags.chunks_exact(8);
            let mut rest = [0_u8; 8];
            rest[..whole.remainder().len()].copy_from_slice(whole.remainder());
            for flags in whole {
                let mut eight = [0_u8; 8];
                eight.copy_from_slice(flags);
                word |= packed(eight) << at;
                at += 8;
            }
            if at < flags.len() {
                word |= packed(rest) << at;
            }
            self.push(word, flags.len());
        }
    }

    /// These bits, one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.extend(&part.words, part.len);
        }
        all
    }

    /// The bits turned round.
    pub fn inverted(&self) -> Self {
        let mut all = Self::default();
        for (at, word) in self.words.iter().enumerate() {
            all.push(!word, (self.len - 64 * at).min(64));
        }
        all
    }

    /// The bits as a bitmap, in their memory.
    pub fn bitmap(self) -> Bitmap {
        let bytes = if cfg!(target_endian = "big") {
            self.words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>().into()
        } else {
            Buffer::shared(Arc::new(Words(self.words)))
        };
        Bitmap { bytes, offset: 0, len: self.len }
    }

    /// The bits as a bitmap; `None` when all are set, since then no bitmap is needed.
    pub fn validity(self) -> Option<Bitmap> {
        (self.ones() < self.len).then(|| self.bitmap())
    }

    /// How many bits.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// How many are set.
    pub fn ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// Words, looked at as bytes.
struct Words(Vec<u64>);

impl AsRef<[u8]> for Words {
    fn as_ref(&self) -> &[u8] {
        cast_slice(&self.0)
    }
}

/// Eight flags, each 0 or 1, as the bits of one byte.
#[inline]
pub(crate) fn packed(flags: [u8; 8]) -> u64 {
    // a product that moves flag i to bit 56 + i
    u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080) >> 56
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
    fn what_is_made_later_is_made_once_and_knows_its_length() {
        let times = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&times);
        let buffer = Buffer::later(3, move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            vec![5_u32, 6, 7]
        });
        let other = buffer.clone();
        assert_eq!((buffer.len(), times.load(std::sync::atomic::Ordering::Relaxed)), (3, 0));
        assert_eq!((&buffer[..], other[1]), (&[5, 6, 7][..], 6));
        assert_eq!(times.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(buffer, Buffer::from(vec![5, 6, 7]));
    }

    #[test]
    fn nulls_are_counted_over_whole_bytes_and_the_rest() {
        for n in [0, 1, 8, 21] {
            for every in [1, 2, 3] {
                let packed = Bitmap::pack((0..n).map(|at| at % every == 0));
                let nulls = packed.map_or(0, |packed| packed.count_nulls());
                assert_eq!(nulls, (0..n).filter(|at| at % every != 0).count());
            }
        }
    }

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

    #[test]
    fn bits_written_in_pieces_are_those_written_at_once() {
        let flag = |at: usize| u8::from(at * at % 7 < 3);
        for n in [0, 1, 5, 63, 64, 65, 200] {
            let plain = Bitmap::pack((0..n).map(|at| flag(at) == 1));
            for piece in [1, 3, 64, 70] {
                let (mut flags, mut words, mut parts) =
                    (Bits::default(), Bits::default(), Vec::new());
                for from in (0..n).step_by(piece) {
                    let own: Vec<u8> = (from..(from + piece).min(n)).map(flag).collect();
                    flags.extend_flags(&own);
                    let mut wide = vec![u64::MAX << (own.len() % 64); own.len() / 64 + 1];
                    for word in &mut wide[..own.len() / 64] {
                        *word = 0;
                    }
                    for (at, flag) in own.iter().enumerate() {
                        wide[at / 64] |= u64::from(*flag) << (at % 64);
                    }
                    words.extend(&wide, own.len());
                    let mut part = Bits::default();
                    part.extend_flags(&own);
                    parts.push(part);
                }
                let joined = Bits::concat(&parts);
                for bits in [flags, words, joined] {
                    let turned = bits.inverted().bitmap();
                    assert_eq!(bits.validity(), plain, "{n} by {piece}");
                    assert!((0..n).all(|at| turned.get(at) == (flag(at) == 0)));
                }
            }
        }
    }
}
