//! What wrong links do to a column in expectation: the matrix E, never made.

/// Row i keeps its own value with probability `rate[i]`, else it gets that of another row of its
/// pool, each with the same probability.
///
/// ```text
/// (E v)_i = l_i v_i + (1 - l_i) (S_p - v_i) / (M_p - 1)
/// ```
///
/// with the sum `S_p` over the pool p of row i and its size `M_p`; a row alone in its pool keeps
/// its value.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    rate: Vec<f64>,
    pool: Vec<u32>,
    size: Vec<f64>,
}

impl Exchange {
    pub(super) fn new(rate: Vec<f64>, pool: Vec<u32>, n_pools: usize) -> Self {
        let mut size = vec![0.0; n_pools];
        for &own in &pool {
            size[own as usize] += 1.0;
        }
        Self { rate, pool, size }
    }

    /// No wrong links.
    pub(super) fn none(n: usize) -> Self {
        Self::new(vec![1.0; n], vec![0; n], 1)
    }

    pub(super) fn sizes(&self) -> &[f64] {
        &self.size
    }

    pub(super) fn pools(&self) -> &[u32] {
        &self.pool
    }

    pub(super) fn rates(&self) -> &[f64] {
        &self.rate
    }

    /// Sums by pool.
    fn sums(&self, v: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.size.len()];
        self.pool.iter().zip(v).for_each(|(&pool, value)| sums[pool as usize] += value);
        sums
    }

    /// The mean of the pool, row by row.
    pub(super) fn pool_means(&self, v: &[f64]) -> Vec<f64> {
        let sums = self.sums(v);
        let mean = |&pool: &u32| sums[pool as usize] / self.size[pool as usize];
        self.pool.iter().map(mean).collect()
    }

    /// E v.
    pub(super) fn apply(&self, v: &[f64]) -> Vec<f64> {
        let apart = self.contrast(v);
        v.iter()
            .zip(&apart)
            .zip(&self.rate)
            .map(|((value, apart), rate)| value - (1.0 - rate) * apart)
            .collect()
    }

    /// What E v gains a unit of the rate: the value less the mean of the others of the pool.
    pub(super) fn contrast(&self, v: &[f64]) -> Vec<f64> {
        let means = self.pool_means(v);
        let scale = |&pool: &u32| {
            let size = self.size[pool as usize];
            if size > 1.0 { size / (size - 1.0) } else { 0.0 }
        };
        self.pool
            .iter()
            .zip(v)
            .zip(&means)
            .map(|((pool, value), mean)| scale(pool) * (value - mean))
            .collect()
    }

    /// The variance that not knowing whose value it is gives to a row, of values `f`:
    /// `(1 - l) (l (f - m)^2 + var)`, with mean and variance of the pool (Chambers 2009).
    pub(super) fn spread(&self, f: &[f64]) -> Vec<f64> {
        let means = self.pool_means(f);
        let squares: Vec<f64> = f.iter().zip(&means).map(|(f, m)| (f - m).powi(2)).collect();
        let variance = self.pool_means(&squares);
        (0..f.len())
            .map(|i| {
                let rate = if self.size[self.pool[i] as usize] > 1.0 { self.rate[i] } else { 1.0 };
                (1.0 - rate) * (rate * squares[i] + variance[i])
            })
            .collect()
    }

    /// Whether each pool has one rate, so that wrong links can be a permutation.
    pub(super) fn is_uniform(&self) -> bool {
        let mut first = vec![f64::NAN; self.size.len()];
        self.pool.iter().zip(&self.rate).all(|(&pool, &rate)| {
            let own = &mut first[pool as usize];
            if own.is_nan() {
                *own = rate;
            }
            own.to_bits() == rate.to_bits()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Exchange;
    use proptest::prelude::*;

    /// The matrix, made.
    fn dense(rate: &[f64], pool: &[u32]) -> Vec<Vec<f64>> {
        let n = rate.len();
        let size = |p: u32| pool.iter().filter(|&&own| own == p).count() as f64;
        (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| match (i == j, pool[i] == pool[j], size(pool[i])) {
                        (true, _, 1.0) => 1.0,
                        (true, ..) => rate[i],
                        (false, true, m) => (1.0 - rate[i]) / (m - 1.0),
                        (false, false, _) => 0.0,
                    })
                    .collect()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn equals_the_matrix(
            rows in prop::collection::vec((0.0..1.0_f64, 0_u32..4, -5.0..5.0_f64), 1..40)
        ) {
            let rate: Vec<f64> = rows.iter().map(|own| own.0).collect();
            let pool: Vec<u32> = rows.iter().map(|own| own.1).collect();
            let v: Vec<f64> = rows.iter().map(|own| own.2).collect();
            let quick = Exchange::new(rate.clone(), pool.clone(), 4).apply(&v);
            for (row, own) in dense(&rate, &pool).iter().zip(&quick) {
                let slow: f64 = row.iter().zip(&v).map(|(a, b)| a * b).sum();
                prop_assert!((slow - own).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn spread_is_that_of_a_mixture_in_large_pools() {
        let f: Vec<f64> = (0..10_000).map(|i| f64::from(i % 10)).collect();
        let spread = Exchange::new(vec![0.8; 10_000], vec![0; 10_000], 1).spread(&f);
        // Row 0: own value 0 with .8, one of 0..9 (mean 4.5, mean square 28.5) with .2.
        let mean = 0.2 * 4.5;
        assert!((spread[0] - (0.2 * 28.5 - mean * mean)).abs() < 1e-9);
    }
}
