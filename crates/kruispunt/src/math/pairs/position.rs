//! Distances position by position.

use super::{Kernel, Real, Strings};

/// The codes of columns, one a lane, position by position; lanes beyond their number hold 0.
fn beside<const W: usize>(strings: &Strings, columns: &[u32], length: usize) -> Vec<[u8; W]> {
    let mut positions = vec![[0; W]; length];
    for (lane, &column) in columns.iter().enumerate() {
        for (codes, &code) in positions.iter_mut().zip(strings.get(column as usize)) {
            codes[lane] = code;
        }
    }
    positions
}

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
        let positions = beside::<W>(self.strings, columns, self.length);
        for (at, (costs, codes)) in
            profile.chunks_exact_mut(self.states.max(1)).zip(&positions).enumerate()
        {
            let table = &self.costs[if many { at * square } else { 0 }..][..square];
            for (lanes, row) in costs.iter_mut().zip(table.chunks_exact(self.states)) {
                for (lane, &code) in lanes.iter_mut().zip(codes) {
                    *lane = row[code as usize];
                }
            }
        }
        profile
    }

    #[inline(always)]
    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]) {
        let mut sum = [T::default(); W];
        let string = self.strings.get(row as usize);
        let costs = &block[..string.len() * self.states];
        for at in 0..string.len() {
            let cost = &costs[at * self.states + string[at] as usize];
            for lane in 0..W {
                sum[lane] = sum[lane] + cost[lane];
            }
        }
        *out = sum;
    }
}

/// The number of positions at which strings of one length differ, times one cost: the Hamming
/// distance where all substitutions cost the same.
pub(crate) struct Differing<'a> {
    strings: &'a Strings,
    cost: f64,
    length: usize,
}

impl<'a> Differing<'a> {
    /// A distance between strings of one length.
    pub(crate) fn new(strings: &'a Strings, cost: f64) -> Self {
        Self { strings, cost, length: strings.longest() }
    }
}

impl<T: Real, const W: usize> Kernel<T, W> for Differing<'_> {
    type Block = Vec<[u8; W]>;

    fn block(&self, columns: &[u32]) -> Self::Block {
        beside(self.strings, columns, self.length)
    }

    #[inline(always)]
    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]) {
        // a byte holds the count of as many positions as it can tell apart
        const MOST: usize = 255;
        let mut sum = [0_u32; W];
        let string = self.strings.get(row as usize);
        for (columns, own) in block.chunks(MOST).zip(string.chunks(MOST)) {
            let mut count = [0_u8; W];
            for (codes, &code) in columns.iter().zip(own) {
                for lane in 0..W {
                    count[lane] += u8::from(codes[lane] != code);
                }
            }
            for lane in 0..W {
                sum[lane] += u32::from(count[lane]);
            }
        }
        for lane in 0..W {
            out[lane] = T::of(f64::from(sum[lane]) * self.cost);
        }
    }
}
