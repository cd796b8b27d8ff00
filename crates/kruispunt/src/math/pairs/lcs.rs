//! The longest common subsequence, 64 positions a word.

use super::{Kernel, Real, Strings, shared};

/// Length of the longest common subsequence (Hyyro 2004, "Bit-parallel LCS-length computation
/// revisited", AWOCA), with `WORDS` words for strings of up to `64 * WORDS` codes; `value` makes a
/// distance of both lengths and that one.
pub(crate) struct Lcs<'a, F, const WORDS: usize> {
    strings: &'a Strings,
    states: usize,
    value: F,
}

impl<'a, F: Fn(usize, usize, usize) -> f64 + Sync, const WORDS: usize> Lcs<'a, F, WORDS> {
    /// A distance between strings with codes below `states`.
    pub(crate) fn new(strings: &'a Strings, states: usize, value: F) -> Self {
        Self { strings, states, value }
    }
}

/// Columns laid out: where each state stands, and the word after each prefix of the row before.
pub(crate) struct Block<const W: usize, const WORDS: usize> {
    lengths: [u32; W],
    /// One a state.
    masks: Vec<[[u64; W]; WORDS]>,
    /// One a prefix of the row.
    table: Vec<[[u64; W]; WORDS]>,
    previous: Option<u32>,
}

impl<T: Real, F, const W: usize, const WORDS: usize> Kernel<T, W> for Lcs<'_, F, WORDS>
where
    F: Fn(usize, usize, usize) -> f64 + Sync,
{
    type Block = Block<W, WORDS>;

    fn block(&self, columns: &[u32]) -> Self::Block {
        let mut lengths = [0; W];
        let mut masks = vec![[[0; W]; WORDS]; self.states];
        for (lane, &column) in columns.iter().enumerate() {
            let string = self.strings.get(column as usize);
            lengths[lane] = string.len() as u32;
            for (at, &code) in string.iter().enumerate() {
                masks[code as usize][at / 64][lane] |= 1 << (at % 64);
            }
        }
        let table = vec![[[u64::MAX; W]; WORDS]; self.strings.longest() + 1];
        Block { lengths, masks, table, previous: None }
    }

    #[inline(always)]
    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]) {
        let string = self.strings.get(row as usize);
        let kept = block.previous.map_or(0, |at| shared(self.strings.get(at as usize), string));
        block.previous = Some(row);
        // carried in registers: what is stored is read again by later rows alone
        let (masks, table) = (&block.masks[..], &mut block.table[..=string.len()]);
        let mut word = table[kept];
        for at in kept..string.len() {
            word = step(&word, &masks[string[at] as usize]);
            table[at + 1] = word;
        }
        let last = &block.table[string.len()];
        for lane in 0..W {
            let mut common = 0;
            for word in last {
                // Bits beyond the end of a column are never cleared.
                common += word[lane].count_zeros();
            }
            let length = block.lengths[lane] as usize;
            out[lane] = T::of((self.value)(string.len(), length, common as usize));
        }
    }
}

/// `V = (V + (V and M)) or (V and not M)`, carried over the words.
#[inline(always)]
fn step<const W: usize, const WORDS: usize>(
    before: &[[u64; W]; WORDS],
    mask: &[[u64; W]; WORDS],
) -> [[u64; W]; WORDS] {
    let mut after = [[0; W]; WORDS];
    let mut carry = [0; W];
    for word in 0..WORDS {
        for lane in 0..W {
            let (v, m) = (before[word][lane], mask[word][lane]);
            let u = v & m;
            if WORDS == 1 {
                after[word][lane] = v.wrapping_add(u) | (v & !m);
            } else {
                let part = v.wrapping_add(u);
                let sum = part.wrapping_add(carry[lane]);
                carry[lane] = u64::from(part < v) | u64::from(sum < part);
                after[word][lane] = sum | (v & !m);
            }
        }
    }
    after
}
