//! Columns made orthonormal one by one, under weights (modified Gram-Schmidt, twice).

/// Length of what is left of a column of at most unit length, below which it is dropped.
const LEFT: f64 = 1e-10;

/// Orthonormal columns and the triangle that leads to those they were made of.
#[derive(Default)]
pub(super) struct Orthogonal {
    units: Vec<Vec<f64>>,
    /// For each column that was pushed: its unit, if it has one, and its coordinates in all units so far.
    pushed: Vec<(bool, Vec<f64>)>,
}

impl Orthogonal {
    /// Adds a column.
    pub(super) fn push(&mut self, mut column: Vec<f64>, weights: Option<&[f64]>) {
        let mut along = vec![0.0; self.units.len()];
        self.take(&mut column, &mut along, weights);
        let length = dot(&column, &column, weights).sqrt();
        let kept = length > LEFT;
        if kept {
            for v in &mut column {
                *v /= length;
            }
            self.units.push(column);
            along.push(length);
        }
        self.pushed.push((kept, along));
    }

    /// Takes the units out of a column; their coordinates are added to `along`.
    fn take(&self, column: &mut [f64], along: &mut [f64], weights: Option<&[f64]>) {
        for _ in 0..2 {
            for (unit, along) in self.units.iter().zip(along.iter_mut()) {
                let own = dot(unit, column, weights);
                column.iter_mut().zip(unit).for_each(|(v, u)| *v -= own * u);
                *along += own;
            }
        }
    }

    /// Takes the columns out of others; returns their coefficients, 0 for columns that were dropped.
    pub(super) fn sweep<const K: usize>(
        &self,
        columns: &mut [&mut [f64]],
        weights: Option<&[f64]>,
    ) -> Vec<[f64; K]> {
        let mut x = vec![[0.0; K]; self.pushed.len()];
        for (lane, column) in columns.iter_mut().enumerate() {
            let mut left = vec![0.0; self.units.len()];
            self.take(column, &mut left, weights);
            let mut last = self.units.len();
            for (x, (kept, along)) in x.iter_mut().zip(&self.pushed).rev() {
                if *kept {
                    last -= 1;
                    let own = left[last] / along[last];
                    left.iter_mut().zip(along).for_each(|(left, along)| *left -= own * along);
                    x[lane] = own;
                }
            }
        }
        x
    }
}

fn dot(a: &[f64], b: &[f64], weights: Option<&[f64]>) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |own| own[row]);
    a.iter().zip(b).enumerate().map(|(row, (a, b))| weight(row) * a * b).sum()
}
