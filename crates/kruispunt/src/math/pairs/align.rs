//! Edit distance with costs (optimal matching).

use super::{Kernel, Real, Strings, least, shared};

/// The least cost of turning one string into another by substitutions, insertions and deletions:
/// `D[i][j] = min(D[i-1][j-1] + sub[a_i][b_j], D[i-1][j] + indel[a_i], D[i][j-1] + indel[b_j])`.
pub(crate) struct Align<'a, T, const ONE: bool> {
    strings: &'a Strings,
    /// `states x states`.
    substitution: Vec<T>,
    /// One a state; with `ONE` they are all the same.
    indel: Vec<T>,
}

impl<'a, T: Real, const ONE: bool> Align<'a, T, ONE> {
    /// A distance between strings with codes below `indel.len()`.
    pub(crate) fn new(strings: &'a Strings, substitution: &[f64], indel: &[f64]) -> Self {
        let real = |values: &[f64]| values.iter().map(|&value| T::of(value)).collect();
        Self { strings, substitution: real(substitution), indel: real(indel) }
    }
}

/// Columns laid out, and all rows of the table of the row string before.
pub(crate) struct Block<T, const W: usize> {
    /// Length of the longest column, plus one.
    width: usize,
    lengths: [u32; W],
    /// Cost of each state against each position: `states x (width - 1)`.
    profile: Vec<[T; W]>,
    /// Cost of inserting each position.
    insert: Vec<[T; W]>,
    /// `(longest row + 1) x width`.
    table: Vec<[T; W]>,
    previous: Option<u32>,
}

impl<T: Real, const W: usize, const ONE: bool> Kernel<T, W> for Align<'_, T, ONE> {
    type Block = Block<T, W>;

    fn block(&self, columns: &[u32]) -> Block<T, W> {
        let states = self.indel.len();
        let mut lengths = [0; W];
        for (length, &column) in lengths.iter_mut().zip(columns) {
            *length = self.strings.get(column as usize).len() as u32;
        }
        let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
        let width = longest + 1;
        let mut profile = vec![[T::default(); W]; states * longest];
        let mut insert = vec![[T::default(); W]; longest];
        for (lane, &column) in columns.iter().enumerate() {
            for (at, &code) in self.strings.get(column as usize).iter().enumerate() {
                insert[at][lane] = self.indel[code as usize];
                for state in 0..states {
                    let cost = self.substitution[state * states + code as usize];
                    profile[state * longest + at][lane] = cost;
                }
            }
        }
        let mut table = vec![[T::default(); W]; (self.strings.longest() + 1) * width];
        for at in 0..longest {
            for lane in 0..W {
                table[at + 1][lane] = table[at][lane] + insert[at][lane];
            }
        }
        Block { width, lengths, profile, insert, table, previous: None }
    }

    #[inline(always)]
    fn row(&self, block: &mut Block<T, W>, row: u32, out: &mut [T; W]) {
        let string = self.strings.get(row as usize);
        let kept = block.previous.map_or(0, |at| shared(self.strings.get(at as usize), string));
        block.previous = Some(row);
        let width = block.width;
        for (at, &code) in string.iter().enumerate().skip(kept) {
            let (above, below) = block.table.split_at_mut((at + 1) * width);
            let cost = code as usize * (width - 1);
            step::<T, W, ONE>(
                &above[at * width..],
                &mut below[..width],
                &block.profile[cost..cost + width - 1],
                &block.insert,
                self.indel[code as usize],
            );
        }
        let last = &block.table[string.len() * width..(string.len() + 1) * width];
        for lane in 0..W {
            out[lane] = last[block.lengths[lane] as usize][lane];
        }
    }
}

/// One row of the table from the one above it.
#[inline(always)]
fn step<T: Real, const W: usize, const ONE: bool>(
    above: &[[T; W]],
    below: &mut [[T; W]],
    cost: &[[T; W]],
    insert: &[[T; W]],
    delete: T,
) {
    let n = cost.len();
    let (above, below, insert) = (&above[..=n], &mut below[..=n], &insert[..n]);
    let mut diagonal = above[0];
    let mut left = diagonal.map(|value| value + delete);
    below[0] = left;
    for at in 0..n {
        let up = above[at + 1];
        for lane in 0..W {
            let substituted = diagonal[lane] + cost[at][lane];
            let moved = if ONE {
                least(up[lane], left[lane]) + delete
            } else {
                least(up[lane] + delete, left[lane] + insert[at][lane])
            };
            left[lane] = least(substituted, moved);
        }
        below[at + 1] = left;
        diagonal = up;
    }
}
