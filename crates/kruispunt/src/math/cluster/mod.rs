//! Groups from distances: around medoids, and trees.

mod medoids;
mod tree;

pub(crate) use medoids::{Medoids, build, refine};
pub(crate) use tree::{Linkage, Merge, cut, join};

/// Distances by rows.
pub(crate) trait Rows: Sync {
    /// How many points.
    fn len(&self) -> usize;
    /// All distances of a point, its own included.
    fn row(&self, at: usize, out: &mut [f64]);
}
