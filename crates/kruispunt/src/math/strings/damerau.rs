//! Damerau-Levenshtein distance proper.

use super::{Pattern, Symbol};

/// Cells that are looked at at most: two texts of 4096 letters.
const MOST_CELLS: usize = 1 << 24;
/// More than any distance, with room to add to.
const FAR: i32 = 1 << 28;
/// Cells of a column for a pattern of one word, with one before the first.
const ONE_WORD: usize = 66;

/// Damerau-Levenshtein distance without the restriction of [`osa`](super::osa): a swapped pair
/// may be edited further (Lowrance & Wagner 1975, *J. ACM* 22:177).
///
/// Its time grows with the product of the lengths; texts of thousands of letters get the distance
/// of `osa`.
///
/// Two columns of the table are kept, a column a letter of `text`. A swap of letters that both have
/// others between them is never better than edits without it, so that its two letters are
/// neighbours in one of the texts (Zhao & Sahni 2019, *BMC Bioinformatics* 20:277): what it starts
/// from stands one row up in the column of the row's last match, kept by row, or two columns back,
/// where the current one is being written. Letters that both begin or end with cost nothing.
pub fn damerau<S: Symbol>(pattern: &Pattern, text: &[S]) -> usize {
    let all = &pattern.symbols[..];
    let same = |(a, b): &(&u32, &S)| **a == b.number();
    let prefix = all.iter().zip(text).take_while(same).count();
    let (own, rest) = (&all[prefix..], &text[prefix..]);
    let suffix = own.iter().rev().zip(rest.iter().rev()).take_while(same).count();
    let (m, rest) = (own.len() - suffix, &rest[..rest.len() - suffix]);
    if m == 0 || rest.is_empty() {
        return m + rest.len();
    }
    if m.saturating_mul(rest.len()) > MOST_CELLS {
        return super::osa(pattern, text);
    }
    if pattern.words == 1 && m + 2 <= ONE_WORD {
        let [mut before, mut here, mut kept] = [[FAR; ONE_WORD]; 3];
        let rows = [&mut before[..m + 2], &mut here[..m + 2], &mut kept[..m]];
        table::<true, S>(pattern, prefix, rest, rows)
    } else {
        let [mut before, mut here, mut kept] = [m + 2, m + 2, m].map(|n| vec![FAR; n]);
        table::<false, S>(pattern, prefix, rest, [&mut before, &mut here, &mut kept])
    }
}

/// What one cell of a column leaves to the next. Row i stands at i + 1, so that there is one before
/// the first.
struct Cell {
    /// The cell above.
    above: i32,
    /// The column before: the cell of the row above, and of the row above that.
    corner: i32,
    far_corner: i32,
    /// Two columns before: the cell of the row above.
    last: i32,
    /// Where a swap with the row's letter begins, less the row: two columns back at the last match
    /// in this column.
    two_back: i32,
    /// Whether the letter of the row above is that of the column.
    matched: bool,
}

fn table<const ONE: bool, S: Symbol>(
    pattern: &Pattern,
    prefix: usize,
    text: &[S],
    [mut before, mut here, kept]: [&mut [i32]; 3],
) -> usize {
    let m = kept.len();
    for (row, cell) in (0..).zip(&mut before[1..]) {
        *cell = row;
    }
    let words = if ONE { 0..1 } else { prefix / 64..(prefix + m).div_ceil(64) };
    let mut earlier: Option<u32> = None;
    for (column, symbol) in (1_i32..).zip(text.iter().map(|symbol| symbol.number())) {
        let mut cell = Cell {
            above: column,
            corner: before[1],
            far_corner: FAR,
            last: here[1],
            two_back: FAR,
            matched: false,
        };
        here[1] = column;
        for word in words.clone() {
            let from = prefix.max(64 * word);
            let to = if ONE { prefix + m } else { (prefix + m).min(64 * word + 64) };
            let mask = |symbol: u32| {
                let own = if ONE { pattern.mask(symbol) } else { pattern.masks(symbol)[word] };
                own >> (from % 64)
            };
            let masks = (mask(symbol), earlier.map_or(0, mask));
            let (low, high) = (from - prefix, to - prefix);
            let part =
                (&before[low + 2..high + 2], &mut here[low + 2..high + 2], &mut kept[low..high]);
            cells(masks, (column, low as i32 + 1), &mut cell, part);
        }
        earlier = Some(symbol);
        std::mem::swap(&mut before, &mut here);
    }
    before[m + 1] as usize
}

/// Rows from `first` on of a column; `masks` are the rows with its letter, and those with the letter
/// of the column before.
#[inline]
fn cells(
    (mut equal, mut was_equal): (u64, u64),
    (column, first): (i32, i32),
    cell: &mut Cell,
    (before, here, kept): (&[i32], &mut [i32], &mut [i32]),
) {
    let Cell { mut above, mut corner, mut far_corner, mut last, mut two_back, mut matched } = *cell;
    for (row, ((&left, here), kept)) in (first..).zip(before.iter().zip(here).zip(kept)) {
        let same = equal & 1 != 0;
        let edited = (corner + i32::from(!same)).min(left + 1);
        let one = if matched { *kept + column } else { FAR };
        let other = if was_equal & 1 != 0 { two_back + row } else { FAR };
        // The cell above comes last: it is the one that has to be waited for.
        let best = edited.min(one.min(other)).min(above + 1);
        *kept = if same { far_corner - column } else { *kept };
        two_back = if same { last - row } else { two_back };
        (far_corner, corner, last, above, matched) = (corner, left, *here, best, same);
        *here = best;
        equal >>= 1;
        was_equal >>= 1;
    }
    *cell = Cell { above, corner, far_corner, last, two_back, matched };
}
