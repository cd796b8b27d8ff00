//! Distances position by position.

use super::{Kernel, Real, Strings};

/// The sum over positions of a cost that may depend on the position (Hamming distances); strings
/// are of one length.
pub(crate) struct ByPosition<'a, T> {
    strings: &'a Strings,
    states: usize,
    /// `states x states` for all positions, or one such table a position.
    costs: Vec<T>,
    length: usize,
}

impl<'a, T: Real> ByPosition<'a, T> {
    /// A distance between strings of one length with codes below `states`.
    pub(crate) fn new(strings: &'a Strings, states: usize, costs: &[f64]) -> Self {
        let costs = costs.iter().map(|&cost| T::of(cost)).collect();
        Self { strings, states, costs, length: strings.longest() }
    }
}

impl<T: Real, const W: usize> Kernel<T, W> for ByPosition<'_, T> {
    /// Cost of each state against each position: `length x states`.
    type Block = Vec<[T; W]>;

    fn block(&self, columns: &[u32]) -> Self::Block {
        let square = self.states * self.states;
        let many = self.costs.len() > square;
        let mut profile = vec![[T::default(); W]; self.length * self.states];
        for (lane, &column) in columns.iter().enumerate() {
            for (at, &code) in self.strings.get(column as usize).iter().enumerate() {
                let table = &self.costs[if many { at * square } else { 0 }..];
                for state in 0..self.states {
                    profile[at * self.states + state][lane] =
                        table[state * self.states + code as usize];
                }
            }
        }
        profile
    }

    #[inline(always)]
    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]) {
        let mut sum = [T::default(); W];
        let string = self.strings.get(row as usize);
        for (costs, &code) in block.chunks_exact(self.states).zip(string) {
            let cost = &costs[code as usize];
            for lane in 0..W {
                sum[lane] = sum[lane] + cost[lane];
            }
        }
        *out = sum;
    }
}
