//! Edit distances, 64 cells of the table at a time.

use super::{Pattern, Symbol};

/// Levenshtein distance (Myers 1999, *J. ACM* 46:395; Hyyrö 2003), any length.
pub fn levenshtein<S: Symbol>(pattern: &Pattern, text: &[S]) -> usize {
    distance::<false, S>(pattern, text)
}

/// Optimal string alignment: Levenshtein with swaps of neighbours, no part edited twice
/// (Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances",
/// *Nordic J. of Computing* 10:29-39), any length.
pub fn osa<S: Symbol>(pattern: &Pattern, text: &[S]) -> usize {
    distance::<true, S>(pattern, text)
}

fn distance<const SWAP: bool, S: Symbol>(pattern: &Pattern, text: &[S]) -> usize {
    if pattern.len() == 0 || text.is_empty() {
        return pattern.len() + text.len();
    }
    match pattern.words {
        1 => one_word::<SWAP, S>(pattern, text),
        2 => words::<SWAP, _, S>(pattern, text, [Word::START; 2]),
        3 => words::<SWAP, _, S>(pattern, text, [Word::START; 3]),
        4 => words::<SWAP, _, S>(pattern, text, [Word::START; 4]),
        more => words::<SWAP, _, S>(pattern, text, vec![Word::START; more]),
    }
}

/// The recurrences with `vn` and `hp` held as what they are not, so that a column waits for fewer
/// steps on the one before; the differences down the last column add up to the distance.
#[inline]
fn one_word<const SWAP: bool, S: Symbol>(pattern: &Pattern, text: &[S]) -> usize {
    let (mut vp, mut not_vn, mut d0, mut before) = (!0_u64, !0_u64, !0_u64, 0_u64);
    let mask = S::mask(&pattern.masks);
    for &symbol in text {
        let here = mask(symbol);
        let own = if SWAP { here | ((!d0 & here) << 1) & before } else { here };
        let sum = (here & vp).wrapping_add(vp);
        d0 = (sum ^ vp) | own | !not_vn;
        let hn = (d0 & vp) << 1;
        // `d0 | vp` is `sum | vp | own` outside `vn`; the first row grows by one a letter.
        let not_hp = ((sum | vp | own) & not_vn) << 1;
        vp = hn | (!d0 & not_hp);
        not_vn = not_hp | !d0;
        before = here;
    }
    let rows = !0 >> (64 - pattern.len());
    text.len() + (vp & rows).count_ones() as usize - (!not_vn & rows).count_ones() as usize
}

#[derive(Clone, Copy)]
struct Word {
    vp: u64,
    vn: u64,
    d0: u64,
    before: u64,
}

impl Word {
    const START: Self = Self { vp: !0, vn: 0, d0: !0, before: 0 };
}

/// The same recurrences with carries from word to word, in registers where words are few.
fn words<const SWAP: bool, C: AsMut<[Word]>, S: Symbol>(
    pattern: &Pattern,
    text: &[S],
    mut column: C,
) -> usize {
    let column = column.as_mut();
    let last = 1_u64 << ((pattern.len() - 1) % 64);
    let mut score = pattern.len();
    for &symbol in text {
        let (mut plus, mut hp_in, mut hn_in, mut swap_in) = (false, 1_u64, 0_u64, 0_u64);
        let top = column.len() - 1;
        for (at, (word, &here)) in column.iter_mut().zip(pattern.masks(symbol.number())).enumerate()
        {
            let free = !word.d0 & here;
            let swapped = if SWAP { (free << 1 | swap_in) & word.before } else { 0 };
            swap_in = free >> 63;
            let (sum, first) = (here & word.vp).overflowing_add(word.vp);
            let (sum, second) = sum.overflowing_add(u64::from(plus));
            plus = first || second;
            word.d0 = (sum ^ word.vp) | here | word.vn | swapped;
            let (hp, hn) = (word.vn | !(word.d0 | word.vp), word.d0 & word.vp);
            if at == top {
                score = score + usize::from(hp & last != 0) - usize::from(hn & last != 0);
            }
            let (hp_next, hn_next) = (hp >> 63, hn >> 63);
            let hp = hp << 1 | hp_in;
            word.vp = (hn << 1 | hn_in) | !(word.d0 | hp);
            word.vn = hp & word.d0;
            word.before = here;
            (hp_in, hn_in) = (hp_next, hn_next);
        }
    }
    score
}
