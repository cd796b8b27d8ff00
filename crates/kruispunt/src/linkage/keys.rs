//! Keys of rows as numbers, and the blocks that they make.

use super::coded::{Coded, MISSING, Only};
use super::intern::Interner;
use super::rule::Key;
use super::sound;
use crate::data::Seed;
use crate::math::radix;
use rustc_hash::FxHashMap;

/// The right rows of one pass, block by block.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) rows: Vec<u32>,
    pub(super) pairs: u64,
    pub(super) largest: u64,
    /// A row of the largest block.
    pub(super) largest_row: u32,
    /// Whether the rows of a span ascend and, in a table against itself, come after the left row.
    pub(super) sorted: bool,
}

/// The key of a row that a rule cannot use.
pub(super) const MISSING_KEY: u64 = u64::MAX;

/// The keys of one rule as numbers below `range`.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) left: Vec<u64>,
    pub(super) right: Vec<u64>,
    range: u64,
}

impl Keys {
    pub(super) fn new(n_left: usize, n_right: usize) -> Self {
        Self { left: vec![0; n_left], right: vec![0; n_right], range: 1 }
    }

    /// Puts one more column to the keys: the place of each code, [`MISSING`] where there is none,
    /// and how many there may be.
    pub(super) fn add(&mut self, coded: &Coded, (place, n): (&[u32], u64)) {
        if self.range.checked_mul(n).is_none_or(|range| range == MISSING_KEY) {
            self.renumber();
        }
        for (keys, codes) in [(&mut self.left, &coded.left[..]), (&mut self.right, coded.right())] {
            for (key, &code) in keys.iter_mut().zip(codes) {
                let own = place.get(code as usize).copied().unwrap_or(MISSING);
                *key = if *key == MISSING_KEY || own == MISSING {
                    MISSING_KEY
                } else {
                    *key * n + u64::from(own)
                };
            }
        }
        self.range *= n;
    }

    /// Numbers the keys that occur, so that the range is at most the number of rows.
    fn renumber(&mut self) {
        let mut known: Vec<u64> = self.left.iter().chain(&self.right).copied().collect();
        known.sort_unstable();
        known.dedup();
        for key in self.left.iter_mut().chain(&mut self.right).filter(|key| **key != MISSING_KEY) {
            *key = known.binary_search(key).unwrap_or_default() as u64;
        }
        self.range = known.len() as u64;
    }

    /// The right rows by key; `place` hears where those of each left row stand.
    pub(super) fn index(
        self,
        dedupe: bool,
        only: Only<'_>,
        mut place: impl FnMut(u32, u32, u32),
    ) -> Index {
        let n = self.left.len();
        let mut index = Index { sorted: true, ..Index::default() };
        let mut put = |block: &[u32]| {
            let split = if dedupe { 0 } else { block.partition_point(|&row| (row as usize) < n) };
            let from = index.rows.len() as u32;
            let offset = if dedupe { 0 } else { n as u32 };
            index.rows.extend(block[split..].iter().map(|&row| row - offset));
            let to = index.rows.len() as u32;
            let size = (block.len() - split) as u64;
            let pairs = if dedupe {
                let new = from + only.first_new(block) as u32;
                for (&row, next) in block.iter().zip(from + 1..) {
                    place(row, next.max(new), to);
                }
                only.pairs(block)
            } else {
                block[..split].iter().for_each(|&row| place(row, from, to));
                size * split as u64
            };
            index.pairs += pairs;
            if pairs > index.largest {
                (index.largest, index.largest_row) = (pairs, block[0]);
            }
        };
        each_block(self, &mut put);
        index
    }

    /// The right rows by key and then by `rank` of their value; `place` hears where those of each
    /// left row stand that are at most `window` places from it, both sides in one order.
    pub(super) fn neighbours(
        mut self,
        coded: &Coded,
        (dedupe, only): (bool, Only<'_>),
        window: usize,
        mut place: impl FnMut(u32, u32, u32),
    ) -> Index {
        let mut order: Vec<u32> = (0..coded.texts.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| coded.texts.get(a).cmp(coded.texts.get(b)));
        let mut rank = vec![0_u32; order.len()];
        for (at, &code) in order.iter().enumerate() {
            rank[code as usize] = at as u32;
        }
        let n = self.left.len() as u32;
        let codes = |row: u32| {
            if row < n { coded.left[row as usize] } else { coded.right()[(row - n) as usize] }
        };
        for (keys, codes) in [(&mut self.left, &coded.left[..]), (&mut self.right, coded.right())] {
            for (key, _) in keys.iter_mut().zip(codes).filter(|(_, code)| **code == MISSING) {
                *key = MISSING_KEY;
            }
        }
        let mut index = Index::default();
        let mut put = |block: &[u32]| {
            let mut block = block.to_vec();
            block.sort_by_key(|&row| rank[codes(row) as usize]);
            let from = index.rows.len();
            // Right rows before each place of the block.
            let mut before = Vec::with_capacity(block.len() + 1);
            before.push(0_usize);
            for &row in &block {
                let right = dedupe || row >= n;
                before.push(before[before.len() - 1] + usize::from(right));
                if right {
                    index.rows.push(if dedupe { row } else { row - n });
                }
            }
            let (mut pairs, mut met) = (0, Vec::<u32>::new());
            for (at, &row) in block.iter().enumerate().filter(|(_, row)| dedupe || **row < n) {
                let low = at.saturating_sub(window);
                let high = (at + window + 1).min(block.len());
                let (low, high) = (from + before[low], from + before[high]);
                place(row, low as u32, high as u32);
                if dedupe {
                    met.clear();
                    let later = |&&other: &&u32| other > row && only.fits(row, other);
                    met.extend(index.rows[low..high].iter().filter(later).copied());
                    pairs += met.len() as u64;
                } else {
                    pairs += (high - low) as u64;
                }
            }
            index.pairs += pairs;
            if pairs > index.largest {
                (index.largest, index.largest_row) = (pairs, block[0].min(n.saturating_sub(1)));
            }
        };
        each_block(self, &mut put);
        index
    }
}

/// Calls `put` with the rows of each key, ascending; right rows are numbered on from the left.
fn each_block(keys: Keys, put: &mut impl FnMut(&[u32])) {
    let total = (keys.left.len() + keys.right.len()) as u64;
    let (low, high) = (bits(total), bits(keys.range));
    let rows = keys.left.into_iter().chain(keys.right).zip(0_u32..);
    let rows = rows.filter(|(key, _)| *key != MISSING_KEY);
    let mut block = Vec::new();
    if low + high <= 64 {
        let mut packed: Vec<u64> = rows.map(|(key, row)| key << low | u64::from(row)).collect();
        radix::sort(&mut packed, low, low + high);
        for own in packed.chunk_by(|a, b| a >> low == b >> low) {
            block.clear();
            block.extend(own.iter().map(|packed| (packed & ((1 << low) - 1)) as u32));
            put(&block);
        }
        return;
    }
    let mut pairs: Vec<(u64, u32)> = rows.collect();
    pairs.sort_unstable();
    for own in pairs.chunk_by(|a, b| a.0 == b.0) {
        block.clear();
        block.extend(own.iter().map(|pair| pair.1));
        put(&block);
    }
}

/// Bits of the numbers below `range`; at least one.
const fn bits(range: u64) -> u32 {
    let most = if range > 1 { range - 1 } else { 1 };
    64 - most.leading_zeros()
}

/// The key of each code, and how many keys there may be.
pub(super) fn places(coded: &Coded, key: &Key, usable: impl Fn(u32) -> bool) -> (Vec<u32>, u64) {
    let mut known = Interner::default();
    let whole = key.first.is_none() && !key.sound;
    let mut n = if whole { coded.texts.len() as u64 } else { 0 };
    let mut place = |code: u32, text: &str| {
        if !usable(code) {
            return MISSING;
        }
        let own = if key.sound {
            let written = if coded.written.is_empty() { text } else { coded.written.get(code) };
            let heard = sound::key(written);
            if heard.is_empty() {
                return MISSING;
            }
            known.code(&heard)
        } else if let Some(letters) = key.first {
            let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
            known.code(&text[..end])
        } else {
            return code;
        };
        n = n.max(u64::from(own) + 1);
        own
    };
    let places = (0_u32..).zip(coded.texts.iter()).map(|(code, text)| place(code, text)).collect();
    (places, n.max(1))
}

/// The key of each code in each of `bands`, from the smallest hashes of its pairs of letters.
pub(super) fn bands(coded: &Coded, bands: u32, rows: u32) -> Vec<(Vec<u32>, u64)> {
    let seed = Seed::new(0x6B72_7569);
    let mixers: Vec<u64> =
        (0..u64::from(bands * rows)).map(|at| seed.words([at, 0, 0, 0])[0] | 1).collect();
    let mut signatures: Vec<Option<Vec<u64>>> = Vec::with_capacity(coded.texts.len());
    for text in coded.texts.iter() {
        let letters: Vec<u64> = std::iter::once(1)
            .chain(text.chars().map(|letter| u64::from(u32::from(letter)) + 2))
            .chain(std::iter::once(1))
            .collect();
        let grams: Vec<u64> = letters.windows(2).map(|two| mix(two[0] << 32 | two[1])).collect();
        let least = |mixer: &u64| grams.iter().map(|gram| mix(gram.wrapping_mul(*mixer))).min();
        signatures.push(if text.is_empty() { None } else { mixers.iter().map(least).collect() });
    }
    (0..bands as usize)
        .map(|band| {
            let mut known: FxHashMap<&[u64], u32> = FxHashMap::default();
            let own = band * rows as usize..(band + 1) * rows as usize;
            let place = |signature: &Option<Vec<u64>>| match signature {
                None => MISSING,
                Some(_) => 0,
            };
            let mut places: Vec<u32> = signatures.iter().map(place).collect();
            for (place, signature) in places.iter_mut().zip(&signatures) {
                if let Some(signature) = signature {
                    let next = known.len() as u32;
                    *place = *known.entry(&signature[own.clone()]).or_insert(next);
                }
            }
            let n = (known.len() as u64).max(1);
            (places, n)
        })
        .collect()
}

/// A permutation of the 64-bit words (the finalizer of splitmix64).
const fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}
