//! Distinct texts as symbols, with what can be told of two of them at a glance.

use super::Measure;
use super::canon;
use super::comparer::Probe;
use crate::data::Interner;
use crate::data::Levels;
use crate::math::strings::{
    Alphabet, Pattern, damerau, dice, grams, jaccard, jaro, jaro_winkler, levenshtein, osa,
};
use std::ops::Range;

/// Symbols of all values, back to back.
#[derive(Debug, Default)]
pub(super) struct Words {
    symbols: Symbols,
    shapes: Vec<Shape>,
    /// The first four symbols, 16 bits of each; none where no measure looks at them.
    heads: Vec<u64>,
    /// A number for each stem; none where stems do not count.
    stems: Vec<u32>,
    pub(super) alphabet: usize,
}

/// Symbols in a byte each where the alphabet is small.
#[derive(Debug)]
enum Symbols {
    Narrow(Vec<u8>),
    Wide(Vec<u32>),
}

impl Default for Symbols {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Symbols {
    fn extend(&mut self, word: &[u32]) {
        if let Self::Narrow(own) = self {
            if word.iter().all(|&symbol| u8::try_from(symbol).is_ok()) {
                own.extend(word.iter().map(|&symbol| symbol as u8));
                return;
            }
            *self = Self::Wide(own.iter().map(|&symbol| symbol.into()).collect());
        }
        if let Self::Wide(own) = self {
            own.extend_from_slice(word);
        }
    }
}

/// Where a word stands and what it is made of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    bag: u64,
    start: u32,
    len: u32,
}

impl Shape {
    const fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// `$work` on the symbols of a word, whatever they are kept in.
macro_rules! on_symbols {
    ($words:expr, $code:expr, |$text:ident| $work:expr) => {{
        let range = $words.shapes[$code as usize].range();
        match &$words.symbols {
            Symbols::Narrow(all) => {
                let $text = &all[range];
                $work
            }
            Symbols::Wide(all) => {
                let $text = &all[range];
                $work
            }
        }
    }};
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
    /// The words of `texts`; stems are those of what was `written`, heads are kept for
    /// Winkler's measure.
    pub(super) fn new(texts: &Levels, written: Option<&Levels>, with_heads: bool) -> Self {
        let (mut alphabet, mut words) = (Alphabet::default(), Self::default());
        let (mut known, mut own, mut start) = (Interner::default(), Vec::new(), 0_u32);
        words.shapes.reserve_exact(texts.len());
        for (code, text) in texts.iter().enumerate() {
            own.clear();
            alphabet.encode(text, &mut own);
            if let Some(written) = written {
                let written = written.get(code as u32);
                words.stems.push(if written.chars().all(char::is_alphanumeric) {
                    known.code(text)
                } else {
                    known.code(&canon::stem(written))
                });
            }
            if with_heads {
                let first = own.iter().take(4).enumerate();
                let head = first
                    .fold(0, |head, (at, &symbol)| head | u64::from(symbol as u16) << (16 * at));
                words.heads.push(head);
            }
            let len = own.len() as u32;
            words.shapes.push(Shape { bag: bag(&own), start, len });
            words.symbols.extend(&own);
            start += len;
        }
        words.alphabet = alphabet.len();
        words
    }

    /// Loads a word into a pattern.
    pub(super) fn load(&self, pattern: &mut Pattern, code: u32) {
        on_symbols!(self, code, |text| pattern.load(text));
    }

    /// Whether a word has no symbols.
    pub(super) fn is_empty(&self, code: u32) -> bool {
        self.shapes[code as usize].len == 0
    }

    /// The different symbols of a word, ascending.
    #[allow(clippy::useless_conversion, reason = "symbols have one of two widths")]
    pub(super) fn letters(&self, code: u32) -> Vec<u32> {
        let mut own: Vec<u32> =
            on_symbols!(self, code, |text| text.iter().map(|&own| u32::from(own)).collect());
        own.sort_unstable();
        own.dedup();
        own
    }

    /// The pairs of neighbouring symbols of a word.
    pub(super) fn grams(&self, code: u32) -> Vec<u64> {
        on_symbols!(self, code, |text| grams(text))
    }

    /// Whether two words have a stem in common.
    pub(super) fn same_stem(&self, a: u32, b: u32) -> bool {
        let stem = |code: u32| self.stems.get(code as usize);
        stem(a).is_some() && stem(a) == stem(b)
    }

    fn loaded<'p>(&self, probe: &'p mut Probe, code: u32) -> &'p Pattern {
        if probe.loaded != code {
            self.load(&mut probe.pattern, code);
            probe.loaded = code;
        }
        &probe.pattern
    }

    /// The measure of two words, `a` loaded into the probe.
    pub(super) fn measure(&self, probe: &mut Probe, (a, b): (u32, u32), measure: Measure) -> f64 {
        let pattern = self.loaded(probe, a);
        on_symbols!(self, b, |text| match measure {
            Measure::Levenshtein => levenshtein(pattern, text) as f64,
            Measure::Osa => osa(pattern, text) as f64,
            Measure::Damerau => damerau(pattern, text) as f64,
            Measure::Jaro => jaro(pattern, text),
            Measure::JaroWinkler => jaro_winkler(pattern, text),
            Measure::Dice => dice(&self.grams(a), &grams(text)),
            Measure::Jaccard => jaccard(&self.grams(a), &grams(text)),
        })
    }

    /// The level of the Damerau-Levenshtein distance. It lies between half of Levenshtein's, since
    /// a swap saves one edit of two, and that of the optimal string alignment; its own table is
    /// filled only where these two do not settle the level.
    pub(super) fn damerau_level(
        &self,
        probe: &mut Probe,
        (a, b): (u32, u32),
        level: impl Fn(usize) -> u8,
    ) -> u8 {
        let pattern = self.loaded(probe, a);
        on_symbols!(self, b, |text| {
            let (least, most) = (levenshtein(pattern, text).div_ceil(2), osa(pattern, text));
            if level(least) == level(most) { level(most) } else { level(damerau(pattern, text)) }
        })
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
        let head = |code: u32| self.heads.get(code as usize);
        let prefix = match (head(a), head(b)) {
            (Some(one), Some(other)) => ((one ^ other).trailing_zeros() / 16).min(4),
            _ => 4,
        };
        let prefix = if measure == Measure::Jaro { 0.0 } else { f64::from(prefix) };
        let bound = jaro + 0.1 * prefix * (1.0 - jaro);
        bound < last - 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linkage::coded::MISSING;
    use proptest::prelude::*;

    proptest! {
        /// One text with very many characters takes all words from bytes to numbers.
        #[test]
        fn what_symbols_are_kept_in_changes_nothing(
            texts in proptest::collection::vec("[a-fé]{0,9}", 1..6), first: bool,
        ) {
            let many: String = (0x4E00..0x4F80).filter_map(char::from_u32).collect();
            let narrow: Levels = texts.iter().map(String::as_str).collect();
            let mut wide: Vec<&str> = texts.iter().map(String::as_str).collect();
            wide.insert(if first { 0 } else { texts.len() }, &many);
            let wide: Levels = wide.into_iter().collect();
            let (narrow, wide) = (Words::new(&narrow, None, true), Words::new(&wide, None, true));
            prop_assert!(matches!(narrow.symbols, Symbols::Narrow(_)));
            prop_assert!(matches!(wide.symbols, Symbols::Wide(_)));
            let [mut one, mut other] = [&narrow, &wide].map(|words| Probe {
                pattern: Pattern::new(words.alphabet), loaded: MISSING, memo: Vec::new(),
            });
            let (n, shift) = (texts.len() as u32, u32::from(first));
            for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
                for measure in [
                    Measure::Levenshtein, Measure::Osa, Measure::Damerau, Measure::Jaro,
                    Measure::JaroWinkler, Measure::Dice, Measure::Jaccard,
                ] {
                    let own = narrow.measure(&mut one, (a, b), measure);
                    let theirs = wide.measure(&mut other, (a + shift, b + shift), measure);
                    prop_assert_eq!(own.to_bits(), theirs.to_bits());
                }
            }
        }
    }
}
