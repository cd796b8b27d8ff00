//! Jaro and Jaro-Winkler similarity.

use super::Pattern;

/// Jaro similarity (Jaro 1989, *JASA* 84:414), 1 for equal strings, 0 for nothing in common.
///
/// Half transpositions are counted in whole numbers, as in Winkler's `strcmp95`. Two empty
/// strings are equal.
pub fn jaro(pattern: &Pattern, text: &[u32]) -> f64 {
    let (m, n) = (pattern.len(), text.len());
    if m == 0 || n == 0 {
        return if m == n { 1.0 } else { 0.0 };
    }
    let window = (m.max(n) / 2).saturating_sub(1);
    let (common, moved) = if m <= 64 && n <= 64 {
        in_words(pattern, text, window)
    } else {
        by_hand(pattern, text, window)
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
pub fn jaro_winkler(pattern: &Pattern, text: &[u32]) -> f64 {
    let similarity = jaro(pattern, text);
    if similarity <= 0.7 {
        return similarity;
    }
    let prefix = pattern.symbols.iter().zip(text).take(4).take_while(|(a, b)| a == b).count();
    similarity + prefix as f64 * 0.1 * (1.0 - similarity)
}

fn in_words(pattern: &Pattern, text: &[u32], window: usize) -> (usize, usize) {
    let (mut in_pattern, mut in_text) = (0_u64, 0_u64);
    for (at, &symbol) in text.iter().enumerate() {
        let high = at + window + 1;
        let below = if high >= 64 { !0 } else { (1_u64 << high) - 1 };
        let low = at.saturating_sub(window);
        let reach = if low >= 64 { 0 } else { below & (!0 << low) };
        let free = pattern.mask(symbol) & reach & !in_pattern;
        in_pattern |= free & free.wrapping_neg();
        in_text |= u64::from(free != 0) << at;
    }
    let common = in_text.count_ones() as usize;
    let mut moved = 0;
    while in_text != 0 {
        let symbol = text[in_text.trailing_zeros() as usize];
        let lowest = in_pattern & in_pattern.wrapping_neg();
        moved += usize::from(pattern.mask(symbol) & lowest == 0);
        in_pattern ^= lowest;
        in_text &= in_text - 1;
    }
    (common, moved)
}

/// For strings longer than a word.
fn by_hand(pattern: &Pattern, text: &[u32], window: usize) -> (usize, usize) {
    let mut taken = vec![false; pattern.len()];
    let mut found = Vec::new();
    for (at, symbol) in text.iter().enumerate() {
        let reach = at.saturating_sub(window)..(at + window + 1).min(pattern.len());
        for other in reach {
            if !taken[other] && pattern.symbols[other] == *symbol {
                taken[other] = true;
                found.push(*symbol);
                break;
            }
        }
    }
    let in_pattern = pattern.symbols.iter().zip(&taken).filter(|(_, taken)| **taken);
    let moved = in_pattern.zip(&found).filter(|((a, _), b)| a != b).count();
    (found.len(), moved)
}
