//! Damerau-Levenshtein distance proper.

use super::Pattern;
use rustc_hash::FxHashMap;

/// Cells of the table at most: two texts of 4096 letters.
const MOST_CELLS: usize = 1 << 24;

/// Damerau-Levenshtein distance without the restriction of [`osa`](super::osa): a swapped pair
/// may be edited further (Lowrance & Wagner 1975, *J. ACM* 22:177).
///
/// Its table has a cell for each pair of letters; texts of thousands of letters, for which it
/// would not fit into memory, get the distance of `osa`.
pub fn damerau(pattern: &Pattern, text: &[u32]) -> usize {
    let a = &pattern.symbols;
    let (m, n) = (a.len(), text.len());
    if m.saturating_mul(n) > MOST_CELLS {
        return super::osa(pattern, text);
    }
    let width = n + 2;
    let far = m + n;
    let mut table = vec![far; (m + 2) * width];
    for i in 0..=m {
        table[(i + 1) * width + 1] = i;
    }
    for j in 0..=n {
        table[width + j + 1] = j;
    }
    let mut last_row: FxHashMap<u32, usize> = FxHashMap::default();
    for i in 1..=m {
        let mut last_column = 0;
        for j in 1..=n {
            let row = last_row.get(&text[j - 1]).copied().unwrap_or(0);
            let column = last_column;
            let change = usize::from(a[i - 1] != text[j - 1]);
            if change == 0 {
                last_column = j;
            }
            let swap = table[row * width + column] + (i - row - 1) + 1 + (j - column - 1);
            table[(i + 1) * width + j + 1] = (table[i * width + j] + change)
                .min(table[(i + 1) * width + j] + 1)
                .min(table[i * width + j + 1] + 1)
                .min(swap);
        }
        last_row.insert(a[i - 1], i);
    }
    table[(m + 1) * width + n + 1]
}
