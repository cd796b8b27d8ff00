//! Jaro and Jaro-Winkler similarity.

use super::{Pattern, Symbol};

/// Jaro similarity (Jaro 1989, *JASA* 84:414), 1 for equal strings, 0 for nothing in common.
///
/// Half transpositions are counted in whole numbers, as in Winkler's `strcmp95`. Two empty
/// strings are equal.
pub fn jaro<S: Symbol>(pattern: &Pattern, text: &[S]) -> f64 {
    let (m, n) = (pattern.len(), text.len());
    if m == 0 || n == 0 {
        return if m == n { 1.0 } else { 0.0 };
    }
    let window = (m.max(n) / 2).saturating_sub(1);
    let (common, moved) = match m.max(n) {
        0..=64 => in_a_word(pattern, text, window),
        65..=128 => in_two_words(pattern, text, window),
        _ => in_many_words(pattern, text, window),
    };
    if common == 0 {
        return 0.0;
    }
    let c = common as f64;
    let in_order = (common - moved / 2) as f64;
    (c / m as f64 + c / n as f64 + in_order / c) / 3.0
}

/// Jaro-Winkler similarity (Winkler 1990): up to four equal first letters raise a Jaro
/// similarity above 0.7 by a tenth of what is missing each.
pub fn jaro_winkler<S: Symbol>(pattern: &Pattern, text: &[S]) -> f64 {
    let similarity = jaro(pattern, text);
    if similarity <= 0.7 {
        return similarity;
    }
    let prefix = pattern.symbols.iter().zip(text).take(4).take_while(|(a, b)| **a == b.number());
    let prefix = prefix.count();
    similarity + prefix as f64 * 0.1 * (1.0 - similarity)
}

/// Looks up where symbols stand in a pattern of one word.
#[inline]
fn in_one<S: Symbol>(pattern: &Pattern) -> impl Fn(S) -> u64 {
    S::mask(&pattern.masks)
}

/// The same in a pattern of up to two words.
#[inline]
fn in_two<S: Symbol>(pattern: &Pattern) -> impl Fn(S) -> u128 {
    move |symbol: S| match pattern.masks(symbol.number()) {
        [low, high] => u128::from(*high) << 64 | u128::from(*low),
        own => own.first().copied().unwrap_or_default().into(),
    }
}

/// Common letters, and those of them that stand in another order, with flags in one number of type
/// `$flags`; `$mask` looks up the positions of a symbol in the pattern.
macro_rules! in_flags {
    ($name:ident, $flags:ty, $mask:ident) => {
        fn $name<S: Symbol>(pattern: &Pattern, text: &[S], window: usize) -> (usize, usize) {
            let mask = $mask(pattern);
            let (mut in_pattern, mut in_text): ($flags, $flags) = (0, 0);
            // The window moves on by a letter, and grows until it leaves the pattern's first.
            let (mut reach, mut here): ($flags, $flags) = ((1 << (window + 1)) - 1, 1);
            for (at, &symbol) in text.iter().enumerate() {
                let free = mask(symbol) & reach & !in_pattern;
                in_pattern |= free & free.wrapping_neg();
                in_text |= if free == 0 { 0 } else { here };
                reach = reach << 1 | <$flags>::from(at < window);
                here <<= 1;
            }
            let common = in_text.count_ones() as usize;
            let mut moved = 0;
            while in_text != 0 {
                let symbol = text[in_text.trailing_zeros() as usize];
                let lowest = in_pattern & in_pattern.wrapping_neg();
                moved += usize::from(mask(symbol) & lowest == 0);
                in_pattern ^= lowest;
                in_text &= in_text - 1;
            }
            (common, moved)
        }
    };
}

in_flags!(in_a_word, u64, in_one);
in_flags!(in_two_words, u128, in_two);

/// Words of flags that need no memory of their own: 512 letters.
const FEW: usize = 8;

/// For strings longer than a word: the same, word by word, of the window alone.
fn in_many_words<S: Symbol>(pattern: &Pattern, text: &[S], window: usize) -> (usize, usize) {
    let (m, n) = (pattern.len(), text.len());
    let (mut few, mut many) = ([[0_u64; FEW]; 2], [Vec::new(), Vec::new()]);
    let (in_pattern, in_text) = if m.max(n) <= 64 * FEW {
        let [one, other] = &mut few;
        (&mut one[..], &mut other[..])
    } else {
        many[0].resize(m.div_ceil(64), 0);
        many[1].resize(n.div_ceil(64), 0);
        let [one, other] = &mut many;
        (&mut one[..], &mut other[..])
    };
    for (at, &symbol) in text.iter().enumerate() {
        let (low, high) = (at.saturating_sub(window), (at + window).min(m - 1));
        if low > high {
            break;
        }
        let (first, last) = (low / 64, high / 64);
        let masks = &pattern.masks(symbol.number())[first..=last];
        for (word, (&mask, taken)) in (first..).zip(masks.iter().zip(&mut in_pattern[first..])) {
            let from = if word == first { !0 << (low % 64) } else { !0 };
            let to = if word == last { !0 >> (63 - high % 64) } else { !0 };
            let free = mask & from & to & !*taken;
            if free != 0 {
                *taken |= free & free.wrapping_neg();
                in_text[at / 64] |= 1 << (at % 64);
                break;
            }
        }
    }
    let (mut common, mut moved) = (0, 0);
    let (mut word, mut places) = (0, in_pattern[0]);
    for (part, &flags) in in_text.iter().enumerate() {
        let mut flags = flags;
        while flags != 0 {
            while places == 0 {
                word += 1;
                places = in_pattern[word];
            }
            let place = 64 * word + places.trailing_zeros() as usize;
            let other = 64 * part + flags.trailing_zeros() as usize;
            moved += usize::from(pattern.symbols[place] != text[other].number());
            common += 1;
            places &= places - 1;
            flags &= flags - 1;
        }
    }
    (common, moved)
}
