//! Distances computed pair by pair.

use super::{Kernel, Real};

/// A distance of two rows, with room to work in.
pub(crate) trait Pair: Sync {
    /// Room to work in.
    type Room: Default;
    /// The distance of rows `i` and `j`.
    fn distance(&self, room: &mut Self::Room, i: usize, j: usize) -> f64;
}

/// A distance computed pair by pair, as a kernel.
pub(crate) struct Each<P>(pub(crate) P);

impl<T: Real, P: Pair, const W: usize> Kernel<T, W> for Each<P> {
    type Block = (Vec<u32>, P::Room);

    fn block(&self, columns: &[u32]) -> Self::Block {
        (columns.to_vec(), P::Room::default())
    }

    fn row(&self, block: &mut Self::Block, row: u32, out: &mut [T; W]) {
        let (columns, room) = block;
        for (lane, &column) in out.iter_mut().zip(columns.iter()) {
            *lane = T::of(self.0.distance(room, row as usize, column as usize));
        }
    }
}
