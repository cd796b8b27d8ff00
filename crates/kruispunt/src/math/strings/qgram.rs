//! Pairs of neighbouring letters in common.

use super::Symbol;

/// The pairs of neighbouring symbols of a string, sorted, repeats kept.
pub fn grams<S: Symbol>(symbols: &[S]) -> Vec<u64> {
    let number = |symbol: S| u64::from(symbol.number());
    let mut pairs: Vec<u64> =
        symbols.windows(2).map(|two| number(two[0]) << 32 | number(two[1])).collect();
    pairs.sort_unstable();
    pairs
}

/// How many pairs two sorted lists have in common, each used once.
fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                (i, j, count) = (i + 1, j + 1, count + 1);
            }
        }
    }
    count
}

/// Dice coefficient `2 |A and B| / (|A| + |B|)`; 0 when both are empty.
pub fn dice(a: &[u64], b: &[u64]) -> f64 {
    2.0 * common(a, b) as f64 / (a.len() + b.len()).max(1) as f64
}

/// Jaccard coefficient `|A and B| / |A or B|`; 0 when both are empty.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let both = common(a, b);
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}
