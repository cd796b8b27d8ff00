//! What small sets add to the reduced system: a dense border.

use crate::math::linalg::Semidefinite;

/// What small sets add to the reduced system.
pub(super) struct Border {
    /// Small levels.
    pub(super) t: usize,
    /// Big x small, row-major.
    pub(super) cross: Vec<f64>,
    /// Small x small.
    factor: Semidefinite,
}

impl Border {
    /// From big x small, the upper triangle of small x small without the weights of the levels, and
    /// these.
    pub(super) fn new(cross: Vec<f64>, upper: &[f64], mass: &[f64]) -> Self {
        Self { t: mass.len(), cross, factor: small_factor(upper, mass) }
    }

    /// Replaces each lane of `b` by a solution of (small x small) x = b.
    pub(super) fn solve<const K: usize>(&self, b: &mut [[f64; K]]) {
        let mut lane_of = vec![0.0; self.t];
        for lane in 0..K {
            for (value, b) in lane_of.iter_mut().zip(b.iter()) {
                *value = b[lane];
            }
            self.factor.solve(&mut lane_of);
            for (value, b) in lane_of.iter().zip(b.iter_mut()) {
                b[lane] = *value;
            }
        }
    }

    /// `cross' x`.
    pub(super) fn down<const K: usize>(&self, x: &[[f64; K]]) -> Vec<[f64; K]> {
        let mut sum = vec![[0.0; K]; self.t];
        for (row, x) in self.cross.chunks_exact(self.t).zip(x) {
            for (sum, cross) in sum.iter_mut().zip(row) {
                (0..K).for_each(|lane| sum[lane] += cross * x[lane]);
            }
        }
        sum
    }

    /// `out -= cross g`.
    pub(super) fn up<const K: usize>(&self, g: &[[f64; K]], out: &mut [[f64; K]]) {
        for (row, out) in self.cross.chunks_exact(self.t).zip(out) {
            let mut sum = [0.0; K];
            for (g, cross) in g.iter().zip(row) {
                (0..K).for_each(|lane| sum[lane] += cross * g[lane]);
            }
            (0..K).for_each(|lane| out[lane] -= sum[lane]);
        }
    }
}

/// The factor of small x small, from the upper triangle without the weights of the levels.
fn small_factor(upper: &[f64], mass: &[f64]) -> Semidefinite {
    let t = mass.len();
    let mut square = vec![0.0; t * t];
    for a in 0..t {
        for b in 0..t {
            square[a * t + b] = upper[a * t + b] + if a == b { mass[a] } else { upper[b * t + a] };
        }
    }
    // Levels that the eliminated groups determine: what is left of them is rounding.
    for a in (0..t).filter(|&a| square[a * t + a] <= 1e-11 * mass[a]).collect::<Vec<_>>() {
        for b in 0..t {
            square[a * t + b] = 0.0;
            square[b * t + a] = 0.0;
        }
    }
    Semidefinite::new(square, t)
}
