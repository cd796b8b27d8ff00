//! Keys of rows as numbers, and the blocks that they make.

use super::coded::{Coded, MISSING, Only};
use super::index::{Builder, Index};
use super::rule::Key;
use super::sound;
use crate::data::Interner;
use crate::data::Seed;
use crate::math::radix;
use rustc_hash::FxHashMap;

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
        for (keys, codes) in [(&mut self.left, &coded.left), (&mut self.right, coded.right())] {
            for (key, code) in keys.iter_mut().zip(codes.iter()) {
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

    /// The right rows by key.
    pub(super) fn index(self, dedupe: bool, only: Only<'_>) -> Index {
        let n = self.left.len();
        let mut index = Builder::new(n, false);
        each_block(self, &mut |block: &[u32]| {
            let from = index.rows().len();
            if dedupe {
                let pairs = only.pairs(block);
                if pairs == 0 {
                    return;
                }
                index.block(block.iter().copied(), pairs, block[0]);
                let (new, to) = (from + only.first_new(block), index.rows().len());
                for (&row, next) in block.iter().zip(from + 1..) {
                    index.place(row, next.max(new), to);
                }
                return;
            }
            let split = block.partition_point(|&row| (row as usize) < n);
            let (left, right) = block.split_at(split);
            if left.is_empty() || right.is_empty() {
                return;
            }
            let pairs = left.len() as u64 * right.len() as u64;
            index.block(right.iter().map(|&row| row - n as u32), pairs, block[0]);
            let to = index.rows().len();
            for &row in left {
                index.place(row, from, to);
            }
        });
        index.finish()
    }

    /// The right rows by key and then by `rank` of their value; those of a left row are at most
    /// `window` places from it, both sides in one order.
    pub(super) fn neighbours(
        mut self,
        coded: &Coded,
        (dedupe, only): (bool, Only<'_>),
        window: usize,
    ) -> Index {
        let mut order: Vec<u32> = (0..coded.texts.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| coded.texts.get(a).cmp(coded.texts.get(b)));
        let mut rank = vec![0_u32; order.len()];
        for (at, &code) in order.iter().enumerate() {
            rank[code as usize] = at as u32;
        }
        let n = self.left.len() as u32;
        let code = |row: u32| {
            if row < n { coded.left.get(row) } else { coded.right().get(row - n) }
        };
        for (keys, codes) in [(&mut self.left, &coded.left), (&mut self.right, coded.right())] {
            for (key, _) in keys.iter_mut().zip(codes.iter()).filter(|(_, code)| *code == MISSING) {
                *key = MISSING_KEY;
            }
        }
        let mut index = Builder::new(n as usize, true);
        each_block(self, &mut |block: &[u32]| {
            let mut block = block.to_vec();
            block.sort_by_key(|&row| rank[code(row) as usize]);
            let from = index.rows().len();
            // Right rows before each place of the block.
            let mut before = Vec::with_capacity(block.len() + 1);
            before.push(0_usize);
            let mut own = Vec::with_capacity(block.len());
            for &row in &block {
                let right = dedupe || row >= n;
                before.push(before[before.len() - 1] + usize::from(right));
                if right {
                    own.push(if dedupe { row } else { row - n });
                }
            }
            let (mut pairs, mut spans) = (0, Vec::with_capacity(block.len()));
            for (at, &row) in block.iter().enumerate().filter(|(_, row)| dedupe || **row < n) {
                let low = before[at.saturating_sub(window)];
                let high = before[(at + window + 1).min(block.len())];
                let later = |&&other: &&u32| other > row && only.fits(row, other);
                let met = &own[low..high];
                pairs += if dedupe { met.iter().filter(later).count() } else { met.len() } as u64;
                spans.push((row, from + low, from + high));
            }
            if pairs > 0 {
                index.block(own.into_iter(), pairs, block[0].min(n.saturating_sub(1)));
                for (row, from, to) in spans {
                    index.place(row, from, to);
                }
            }
        });
        index.finish()
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
