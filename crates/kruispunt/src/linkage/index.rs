//! Where the right rows of each left row stand.

/// The right rows of one pass, block by block, of blocks that hold a pair.
///
/// A left row knows where its right rows begin, if it has any; they end with their block, unless
/// they are those of a window. Rows that meet nobody, most of them under a rule that tells persons
/// apart, cost a bit.
#[derive(Debug, Default)]
pub(super) struct Index {
    rows: Vec<u32>,
    /// A bit for each of `rows`, set where its block ends.
    ends: Vec<u64>,
    /// A bit for each left row, set where it has right rows, and the set bits before each word.
    busy: Vec<u64>,
    before: Vec<u32>,
    /// Where the right rows of each left row that has some begin.
    from: Vec<u32>,
    /// Where they end; none of them where they end with their block.
    to: Vec<u32>,
    pub(super) pairs: u64,
    pub(super) largest: u64,
    /// A row of the largest block.
    pub(super) largest_row: u32,
    /// Whether the rows of a span ascend and, in a table against itself, come after the left row.
    pub(super) sorted: bool,
}

impl Index {
    /// The right rows of `left`.
    pub(super) fn of(&self, left: u32) -> &[u32] {
        let (word, bit) = (left as usize / 64, left % 64);
        let busy = self.busy.get(word).copied().unwrap_or_default();
        if busy >> bit & 1 == 0 {
            return &[];
        }
        let earlier = (busy & ((1 << bit) - 1)).count_ones();
        let at = (self.before[word] + earlier) as usize;
        let from = self.from[at] as usize;
        let to = self.to.get(at).map_or_else(|| self.end(from), |&to| to as usize);
        &self.rows[from..to]
    }

    /// Where the block that `from` stands in ends.
    fn end(&self, from: usize) -> usize {
        let first = from / 64;
        let own = self.ends[first] >> (from % 64);
        if own != 0 {
            return from + own.trailing_zeros() as usize + 1;
        }
        let later = (first + 1..).zip(&self.ends[first + 1..]).find(|(_, bits)| **bits != 0);
        later.map_or(self.rows.len(), |(at, bits)| 64 * at + bits.trailing_zeros() as usize + 1)
    }
}

/// No place.
const NOWHERE: u32 = u32::MAX;

/// An index in the making, block by block.
pub(super) struct Builder {
    index: Index,
    /// By left row.
    from: Vec<u32>,
    /// By left row, in windows.
    to: Vec<u32>,
}

impl Builder {
    /// For so many left rows; in windows, spans end before their block does.
    pub(super) fn new(n_left: usize, windows: bool) -> Self {
        Self {
            index: Index { sorted: !windows, ..Index::default() },
            from: vec![NOWHERE; n_left],
            to: vec![NOWHERE; if windows { n_left } else { 0 }],
        }
    }

    /// The right rows so far.
    pub(super) fn rows(&self) -> &[u32] {
        &self.index.rows
    }

    /// The right rows of a block, whose pairs are counted; one of its rows for messages.
    pub(super) fn block(&mut self, rows: impl Iterator<Item = u32>, pairs: u64, own: u32) {
        let index = &mut self.index;
        index.rows.extend(rows);
        index.ends.resize(index.rows.len().div_ceil(64), 0);
        if let Some(last) = index.rows.len().checked_sub(1) {
            index.ends[last / 64] |= 1 << (last % 64);
        }
        index.pairs += pairs;
        if pairs > index.largest {
            (index.largest, index.largest_row) = (pairs, own);
        }
    }

    /// The right rows of `left` stand from `from` on to the end of their block, or in windows
    /// to `to`.
    pub(super) fn place(&mut self, left: u32, from: usize, to: usize) {
        if from < to {
            self.from[left as usize] = from as u32;
            if let Some(end) = self.to.get_mut(left as usize) {
                *end = to as u32;
            }
        }
    }

    pub(super) fn finish(self) -> Index {
        let Self { mut index, mut from, mut to } = self;
        let bits = |rows: &[u32]| -> u64 {
            (0..).zip(rows).map(|(bit, &from)| u64::from(from != NOWHERE) << bit).sum()
        };
        index.busy = from.chunks(64).map(bits).collect();
        let mut all = 0;
        let counts = index.busy.iter().map(|bits| {
            all += bits.count_ones();
            all - bits.count_ones()
        });
        index.before = counts.collect();
        for places in [&mut from, &mut to] {
            places.retain(|&place| place != NOWHERE);
            places.shrink_to_fit();
        }
        index.rows.shrink_to_fit();
        (index.from, index.to) = (from, to);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Blocks of a table against itself, and windows in them, by a list for each left row.
        #[test]
        fn spans_are_those_that_were_placed(
            sizes in proptest::collection::vec(1_usize..90, 0..12), windows: bool, step in 1_usize..4,
        ) {
            let n: usize = sizes.iter().sum::<usize>() * step;
            let mut builder = Builder::new(n, windows);
            let (mut wanted, mut next) = (vec![Vec::new(); n], 0);
            for &size in &sizes {
                let block: Vec<u32> = (0..size).map(|at| (next + at * step) as u32).collect();
                let from = builder.rows().len();
                builder.block(block.iter().copied(), size as u64, block[0]);
                for (at, &row) in block.iter().enumerate() {
                    let to = if windows { (at + 3).min(size) } else { size };
                    builder.place(row, from + at + 1, from + to.max(at + 1));
                    wanted[row as usize] = block[at + 1..to.max(at + 1)].to_vec();
                }
                next += size * step;
            }
            let index = builder.finish();
            prop_assert_eq!(index.pairs, sizes.iter().sum::<usize>() as u64);
            prop_assert_eq!(index.largest, sizes.iter().copied().max().unwrap_or(0) as u64);
            for (row, wanted) in (0..).zip(&wanted) {
                prop_assert_eq!(index.of(row), &wanted[..]);
            }
            prop_assert!(index.of(n as u32 + 70).is_empty());
        }
    }
}
