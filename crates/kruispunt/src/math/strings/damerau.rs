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
    if m <= 64 && n <= 64 {
        return narrow(pattern, text);
    }
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

/// Three rows of the table, for texts of at most 64 letters.
///
/// A swap of letters that both have others between them is never better than edits without it, so
/// that its two letters are neighbours in one of the texts (Zhao & Sahni 2019, *BMC
/// Bioinformatics* 20:277): what it starts from stands one column back in the row of the letter's
/// last match, kept by column, or two rows back, where the current row is being written. The last
/// row that holds a letter is the highest bit of its positions.
fn narrow(pattern: &Pattern, text: &[u32]) -> usize {
    let a = &pattern.symbols;
    let (m, n) = (a.len(), text.len());
    let far = (m + n) as u32;
    // Column j stands at j + 1, so that there is one before the first.
    let (mut before, mut here, mut kept) = ([far; 66], [far; 66], [far; 66]);
    for (j, cell) in before[1..=n + 1].iter_mut().enumerate() {
        *cell = j as u32;
    }
    for i in 1..=m {
        let above = (1_u64 << (i - 1)) - 1;
        let (mut column, mut two_back) = (0, far);
        let mut last = here[1];
        here[1] = i as u32;
        for j in 1..=n {
            let equal = a[i - 1] == text[j - 1];
            let mut best = (before[j] + u32::from(!equal)).min(here[j] + 1).min(before[j + 1] + 1);
            if equal {
                column = j;
                kept[j] = before[j - 1];
                two_back = last;
            } else if column > 0 {
                let rows = pattern.mask(text[j - 1]) & above;
                let row = 64 - rows.leading_zeros() as usize;
                if rows != 0 && j - column == 1 {
                    best = best.min(kept[j] + (i - row) as u32);
                } else if rows != 0 && i - row == 1 {
                    best = best.min(two_back + (j - column) as u32);
                }
            }
            last = here[j + 1];
            here[j + 1] = best;
        }
        std::mem::swap(&mut before, &mut here);
    }
    before[n + 1] as usize
}
