//! How alike two strings are, over symbols numbered from 0.
//!
//! Strings are compared as slices of symbols of one [`Alphabet`] (Unicode scalar values numbered
//! as they appear), so that every kernel has one table-driven path for ASCII and for everything
//! else. The first string of a comparison is loaded into a [`Pattern`] once and met by many.

mod damerau;
mod edit;
mod jaro;
mod qgram;
#[cfg(test)]
mod speed;

pub use damerau::damerau;
pub use edit::{levenshtein, osa};
pub use jaro::{jaro, jaro_winkler};
pub use qgram::{dice, grams, jaccard};

use rustc_hash::FxHashMap;

/// A symbol as it is kept: in a byte where an alphabet is small.
pub trait Symbol: Copy {
    /// Its number.
    fn number(self) -> u32;

    /// Looks symbols up among the masks of a pattern of one word.
    fn mask(masks: &[u64]) -> impl Fn(Self) -> u64;
}

/// Symbols that a byte can hold.
const BYTES: usize = 256;

impl Symbol for u8 {
    #[inline]
    fn number(self) -> u32 {
        u32::from(self)
    }

    #[inline]
    fn mask(masks: &[u64]) -> impl Fn(Self) -> u64 {
        // Known to hold every byte, so that no look-up is checked.
        let masks = masks.first_chunk::<BYTES>().unwrap_or(&[0; BYTES]);
        move |symbol| masks[usize::from(symbol)]
    }
}

impl Symbol for u32 {
    #[inline]
    fn number(self) -> u32 {
        self
    }

    #[inline]
    fn mask(masks: &[u64]) -> impl Fn(Self) -> u64 {
        move |symbol| masks[symbol as usize]
    }
}

/// Numbers for the characters that occur.
#[derive(Debug, Default)]
pub struct Alphabet {
    known: FxHashMap<char, u32>,
}

impl Alphabet {
    /// The symbols of `text`; new characters get the next numbers.
    pub fn encode(&mut self, text: &str, into: &mut Vec<u32>) {
        for letter in text.chars() {
            let next = self.known.len() as u32;
            into.push(*self.known.entry(letter).or_insert(next));
        }
    }

    /// How many characters occur.
    pub fn len(&self) -> usize {
        self.known.len()
    }
}

/// A string prepared for bit-parallel comparison: for each symbol, the positions it stands at.
#[derive(Debug, Default)]
pub struct Pattern {
    masks: Vec<u64>,
    symbols: Vec<u32>,
    words: usize,
}

impl Pattern {
    /// A pattern over `alphabet` symbols, empty; at least those of a byte have their place.
    pub fn new(alphabet: usize) -> Self {
        Self { masks: vec![0; alphabet.max(BYTES)], symbols: Vec::new(), words: 1 }
    }

    /// Takes in another string. Costs its length, not the size of the alphabet.
    pub fn load<S: Symbol>(&mut self, symbols: &[S]) {
        let alphabet = self.masks.len() / self.words.max(1);
        for &symbol in &self.symbols {
            let at = symbol as usize * self.words;
            self.masks[at..at + self.words].fill(0);
        }
        let words = symbols.len().div_ceil(64).max(1);
        if words != self.words {
            self.masks.clear();
            self.masks.resize(alphabet * words, 0);
            self.words = words;
        }
        self.symbols.clear();
        self.symbols.extend(symbols.iter().map(|symbol| symbol.number()));
        for (position, &symbol) in self.symbols.iter().enumerate() {
            self.masks[symbol as usize * words + position / 64] |= 1 << (position % 64);
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Positions of `symbol`, for patterns of one word.
    #[inline]
    fn mask(&self, symbol: u32) -> u64 {
        self.masks[symbol as usize]
    }

    /// Positions of `symbol`, word by word.
    #[inline]
    fn masks(&self, symbol: u32) -> &[u64] {
        let at = symbol as usize * self.words;
        &self.masks[at..at + self.words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pattern of `a`, with the symbols of `b`.
    pub(super) fn pair(a: &str, b: &str) -> (Pattern, Vec<u32>) {
        let (mut alphabet, mut first, mut second) = (Alphabet::default(), Vec::new(), Vec::new());
        alphabet.encode(a, &mut first);
        alphabet.encode(b, &mut second);
        let mut pattern = Pattern::new(alphabet.len());
        pattern.load(&first);
        (pattern, second)
    }

    /// Edit distance by the full table; `swap` counts adjacent transpositions as one edit.
    fn table_distance(a: &[char], b: &[char], swap: bool) -> usize {
        let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                if i == 0 || j == 0 {
                    d[i][j] = i + j;
                    continue;
                }
                let change = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (d[i - 1][j] + 1).min(d[i][j - 1] + 1).min(d[i - 1][j - 1] + change);
                if swap && i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(d[i - 2][j - 2] + 1);
                }
                d[i][j] = best;
            }
        }
        d[a.len()][b.len()]
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab]{0,9}",
            "[a-e]{0,20}",
            "[abcé]{55,75}",
            "[ab]{120,140}",
            "[a-zşğıİéØ中文]{0,12}"
        ]
    }

    proptest! {
        #[test]
        fn bit_parallel_distances_equal_the_full_table(a in word(), b in word()) {
            let (pattern, text) = pair(&a, &b);
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            prop_assert_eq!(levenshtein(&pattern, &text), table_distance(&x, &y, false));
            prop_assert_eq!(osa(&pattern, &text), table_distance(&x, &y, true));
        }

        #[test]
        fn agree_with_rapidfuzz_and_strsim(a in word(), b in word()) {
            let (pattern, text) = pair(&a, &b);
            prop_assert_eq!(
                osa(&pattern, &text),
                rapidfuzz::distance::osa::distance(a.chars(), b.chars())
            );
            prop_assert_eq!(damerau(&pattern, &text), strsim::damerau_levenshtein(&a, &b));
            if !(a.is_empty() && b.is_empty()) {
                let theirs = rapidfuzz::distance::jaro::similarity(a.chars(), b.chars());
                prop_assert!((jaro(&pattern, &text) - theirs).abs() < 1e-12);
                let theirs = rapidfuzz::distance::jaro_winkler::similarity(a.chars(), b.chars());
                prop_assert!((jaro_winkler(&pattern, &text) - theirs).abs() < 1e-12);
            }
        }

        #[test]
        fn a_pattern_that_is_loaded_again_forgets_the_first(a in word(), b in word(), c in word()) {
            let mut alphabet = Alphabet::default();
            let mut words = [Vec::new(), Vec::new(), Vec::new()];
            for (text, symbols) in [&a, &b, &c].into_iter().zip(&mut words) {
                alphabet.encode(text, symbols);
            }
            let mut used = Pattern::new(alphabet.len());
            used.load(&words[0]);
            used.load(&words[1]);
            let mut fresh = Pattern::new(alphabet.len());
            fresh.load(&words[1]);
            prop_assert_eq!(osa(&used, &words[2]), osa(&fresh, &words[2]));
            prop_assert_eq!(jaro(&used, &words[2]).to_bits(), jaro(&fresh, &words[2]).to_bits());
        }
    }

    #[test]
    fn restricted_and_true_transpositions_differ_where_they_should() {
        let (pattern, text) = pair("ca", "abc");
        assert_eq!((osa(&pattern, &text), damerau(&pattern, &text)), (3, 2));
    }

    #[test]
    fn bigrams_of_night_and_nacht_share_one_of_seven() {
        let mut alphabet = Alphabet::default();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        alphabet.encode("night", &mut a);
        alphabet.encode("nacht", &mut b);
        let (a, b) = (grams(&a), grams(&b));
        assert!((dice(&a, &b) - 0.25).abs() < 1e-15);
        assert!((jaccard(&a, &b) - 1.0 / 7.0).abs() < 1e-15);
        assert_eq!(dice(&[], &[]), 0.0);
    }
}
