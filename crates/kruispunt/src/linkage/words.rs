//! Distinct texts as symbols, with what can be told of two of them at a glance.

use super::Measure;
use super::canon;
use super::coded::MISSING;
use super::comparer::Probe;
use super::intern::Interner;
use crate::data::Levels;
use crate::math::strings::{
    Alphabet, damerau, dice, grams, jaccard, jaro, jaro_winkler, levenshtein, osa,
};

/// Symbols of all values, back to back.
#[derive(Debug, Default)]
pub(super) struct Words {
    symbols: Vec<u32>,
    shapes: Vec<Shape>,
    pub(super) alphabet: usize,
}

/// Where a word stands and what it is made of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    bag: u64,
    /// The first four symbols, 16 bits of each.
    head: u64,
    start: u32,
    len: u32,
    /// A number for the stem, [`MISSING`] where stems do not count.
    stem: u32,
}

/// What a word is made of: two bits for each of 32 classes of symbols, for one of the class and
/// for two or more.
fn bag(symbols: &[u32]) -> u64 {
    symbols.iter().fold(0, |bag, symbol| {
        let place = symbol % 32 * 2;
        bag | if bag >> place & 1 == 0 { 1 << place } else { 2 << place }
    })
}

impl Words {
    pub(super) fn new(texts: &Levels, written: Option<&Levels>) -> Self {
        let (mut alphabet, mut words) = (Alphabet::default(), Self::default());
        let mut known = Interner::default();
        for (code, text) in texts.iter().enumerate() {
            let start = words.symbols.len();
            alphabet.encode(text, &mut words.symbols);
            let stem = written.map_or(MISSING, |written| {
                let written = written.get(code as u32);
                if written.chars().all(char::is_alphanumeric) {
                    known.code(text)
                } else {
                    known.code(&canon::stem(written))
                }
            });
            let own = &words.symbols[start..];
            let (start, len) = (start as u32, own.len() as u32);
            let first = own.iter().take(4).enumerate();
            let head =
                first.fold(0, |head, (at, &symbol)| head | u64::from(symbol as u16) << (16 * at));
            words.shapes.push(Shape { bag: bag(own), head, start, len, stem });
        }
        words.alphabet = alphabet.len();
        words
    }

    pub(super) fn get(&self, code: u32) -> &[u32] {
        let Shape { start, len, .. } = self.shapes[code as usize];
        &self.symbols[start as usize..start as usize + len as usize]
    }

    /// Whether two words have a stem in common.
    pub(super) fn same_stem(&self, a: u32, b: u32) -> bool {
        let stem = self.shapes[a as usize].stem;
        stem != MISSING && stem == self.shapes[b as usize].stem
    }

    /// The measure of two words, `a` loaded into the probe.
    pub(super) fn measure(&self, probe: &mut Probe, (a, b): (u32, u32), measure: Measure) -> f64 {
        if probe.loaded != a {
            probe.pattern.load(self.get(a));
            probe.loaded = a;
        }
        let (pattern, text) = (&probe.pattern, self.get(b));
        match measure {
            Measure::Levenshtein => levenshtein(pattern, text) as f64,
            Measure::Osa => osa(pattern, text) as f64,
            Measure::Damerau => damerau(pattern, text) as f64,
            Measure::Jaro => jaro(pattern, text),
            Measure::JaroWinkler => jaro_winkler(pattern, text),
            Measure::Dice => dice(&grams(self.get(a)), &grams(text)),
            Measure::Jaccard => jaccard(&grams(self.get(a)), &grams(text)),
        }
    }

    /// Whether two words have no stem in common and are surely too far apart.
    #[inline]
    pub(super) fn far_or_other(
        &self,
        (a, b): (u32, u32),
        measure: Measure,
        thresholds: &[f64],
    ) -> bool {
        !self.same_stem(a, b) && self.far_apart((a, b), measure, thresholds)
    }

    /// Whether two words are surely too far apart for every threshold, seen from their lengths and
    /// from what they are made of alone.
    ///
    /// An edit changes at most two bits of a bag, a swap none, so the distance is at least half
    /// the bits that differ. Symbols that one word has more of than the other have no match there,
    /// which bounds the Jaro similarity, and with the first letters that are equal Winkler's.
    pub(super) fn far_apart(
        &self,
        (a, b): (u32, u32),
        measure: Measure,
        thresholds: &[f64],
    ) -> bool {
        let (one, other) = (self.shapes[a as usize], self.shapes[b as usize]);
        let Some(&last) = thresholds.last() else { return false };
        let (x, y, m, n) = (one.bag, other.bag, one.len as usize, other.len as usize);
        if measure.is_distance() {
            let least = m.abs_diff(n).max((x ^ y).count_ones().div_ceil(2) as usize);
            return least as f64 > last;
        }
        if m == 0 || n == 0 {
            return false;
        }
        let lone = |own: u64, other: u64| (own & !other).count_ones() as usize;
        let most = m.saturating_sub(lone(x, y)).min(n.saturating_sub(lone(y, x))) as f64;
        let jaro = (most / m as f64 + most / n as f64 + 1.0) / 3.0;
        // As many equal first letters as there may be: what is cut off or not there looks equal.
        let prefix = ((one.head ^ other.head).trailing_zeros() / 16).min(4);
        let prefix = if measure == Measure::Jaro { 0.0 } else { f64::from(prefix) };
        let bound = jaro + 0.1 * prefix * (1.0 - jaro);
        bound < last - 1e-9
    }
}
