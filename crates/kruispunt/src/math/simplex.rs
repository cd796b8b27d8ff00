//! Least squares with weights from 0 on that sum to 1.
//!
//! ```text
//! min over x >= 0, sum x = 1 of |A x - b|^2 + ridge |x|^2
//! ```

use super::crossprod::dot;
use super::linalg::Triangle;

/// The problem: `a` row-major `(n, k)`.
pub(crate) struct Simplex<'a> {
    pub(crate) a: &'a [f64],
    pub(crate) b: &'a [f64],
    pub(crate) k: usize,
    pub(crate) ridge: f64,
}

impl Simplex<'_> {
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.a.chunks_exact(self.k)
    }

    fn residual(&self, x: &[f64]) -> Vec<f64> {
        self.rows().zip(self.b).map(|(row, b)| dot(row, x) - b).collect()
    }

    /// The objective.
    pub(crate) fn value(&self, x: &[f64]) -> f64 {
        let left = self.residual(x);
        dot(&left, &left) + self.ridge * dot(x, x)
    }

    /// Half the gradient.
    fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let left = self.residual(x);
        let mut gradient: Vec<f64> = x.iter().map(|x| self.ridge * x).collect();
        for (row, left) in self.rows().zip(&left) {
            gradient.iter_mut().zip(row).for_each(|(sum, a)| *sum += a * left);
        }
        gradient
    }

    /// Frank and Wolfe's steps with exact line search, until a step gains less than `gain` or
    /// `most` steps are done.
    pub(crate) fn frank_wolfe(&self, mut x: Vec<f64>, gain: f64, most: usize) -> Vec<f64> {
        let mut before = f64::INFINITY;
        for step in 0..most {
            let gradient = self.gradient(&x);
            let Some(to) = (0..self.k).min_by(|i, j| gradient[*i].total_cmp(&gradient[*j])) else {
                return x;
            };
            let mut along: Vec<f64> = x.iter().map(|x| -x).collect();
            along[to] += 1.0;
            let move_of = |row: &[f64]| dot(row, &along);
            let bend: f64 = self.rows().map(|row| move_of(row) * move_of(row)).sum::<f64>()
                + self.ridge * dot(&along, &along);
            if bend > 0.0 {
                let length = (-dot(&gradient, &along) / bend).clamp(0.0, 1.0);
                x.iter_mut().zip(&along).for_each(|(x, d)| *x += length * d);
            }
            let now = self.value(&x);
            if step >= 2 && before - now <= gain {
                return x;
            }
            before = now;
        }
        x
    }

    /// The minimum with only `free` above 0 and the sum 1, their signs left open.
    fn equality(&self, free: &[usize]) -> Vec<f64> {
        let (p, n) = (free.len(), self.b.len());
        // columns of A less the last one's: one weight follows from the sum
        let last = free[p - 1];
        let m = p - 1;
        let mut gram = vec![0.0; m * m];
        let mut right = vec![0.0; m];
        let mut columns = vec![0.0; m * n];
        for (at, row) in self.rows().enumerate() {
            for (j, &own) in free[..m].iter().enumerate() {
                columns[j * n + at] = row[own] - row[last];
            }
        }
        let left: Vec<f64> = self.rows().zip(self.b).map(|(row, b)| b - row[last]).collect();
        for i in 0..m {
            let own = &columns[i * n..(i + 1) * n];
            for j in 0..=i {
                let sum = dot(own, &columns[j * n..(j + 1) * n]) + self.ridge;
                gram[i * m + j] = sum + if i == j { self.ridge } else { 0.0 };
                gram[j * m + i] = gram[i * m + j];
            }
            right[i] = dot(own, &left) + self.ridge;
        }
        let triangle = Triangle::cholesky(&gram, &vec![0.0; m], 1e-13);
        let own: Vec<f64> = triangle.kept.iter().map(|&at| right[at]).collect();
        let mut z = vec![0.0; p];
        for (value, &at) in triangle.solve(&own).iter().zip(&triangle.kept) {
            z[at] = *value;
        }
        z[m] = 1.0 - z[..m].iter().sum::<f64>();
        z
    }

    /// The minimum, exactly: an active set from where Frank and Wolfe's steps lead.
    pub(crate) fn minimum(&self) -> Vec<f64> {
        const CHANGES: usize = 2000;
        let k = self.k;
        if k < 2 {
            return vec![1.0; k];
        }
        let mut x = self.frank_wolfe(vec![1.0 / k as f64; k], 0.0, 300);
        let most = x.iter().fold(0.0_f64, |a, b| a.max(*b));
        x.iter_mut().filter(|x| **x < 1e-3 * most).for_each(|x| *x = 0.0);
        let sum: f64 = x.iter().sum();
        for x in &mut x {
            *x /= sum;
        }
        let mut free: Vec<usize> = (0..k).filter(|&i| x[i] > 0.0).collect();
        let (mut best, mut bulk) = (f64::INFINITY, true);
        for _ in 0..CHANGES {
            // to the minimum over the free weights, dropping those that would fall below 0
            loop {
                let z = self.equality(&free);
                let reach = |(at, &own): (usize, &usize)| {
                    (z[at] <= 0.0).then(|| x[own] / (x[own] - z[at]).max(f64::MIN_POSITIVE))
                };
                let stop = free.iter().enumerate().filter_map(reach).fold(1.0_f64, f64::min);
                for (value, &own) in z.iter().zip(&free) {
                    x[own] += stop * (value - x[own]);
                }
                if stop >= 1.0 {
                    break;
                }
                free.retain(|&own| {
                    let stays = x[own] > 1e-14;
                    if !stays {
                        x[own] = 0.0;
                    }
                    stays
                });
            }
            let now = self.value(&x);
            let gradient = self.gradient(&x);
            let level: f64 = free.iter().map(|&i| x[i] * gradient[i]).sum();
            let scale = gradient.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            let mut out: Vec<usize> =
                (0..k).filter(|&i| x[i] == 0.0 && gradient[i] < level - 1e-10 * scale).collect();
            if out.is_empty() || (!bulk && now >= best) {
                break;
            }
            // several at a time while that helps, else the one that promises most
            bulk = now < best;
            best = best.min(now);
            out.sort_by(|i, j| gradient[*i].total_cmp(&gradient[*j]));
            out.truncate(if bulk { (free.len() / 4).max(1) } else { 1 });
            free.extend(out);
            free.sort_unstable();
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Seed;

    /// No direction into the simplex goes down.
    #[test]
    fn minimum_satisfies_its_conditions() {
        for seed in 0..40_u64 {
            let (n, k) = (3 + seed as usize % 9, 1 + seed as usize % 23);
            let draw = |at: u64| Seed::new(seed).uniform([at, 0, 0]) - 0.5;
            let a: Vec<f64> = (0..(n * k) as u64).map(draw).collect();
            let b: Vec<f64> = (0..n as u64).map(|at| draw(at + 100_000)).collect();
            let ridge = if seed % 2 == 0 { 1e-6 } else { 0.5 };
            let problem = Simplex { a: &a, b: &b, k, ridge };
            let x = problem.minimum();
            assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(x.iter().all(|x| *x >= 0.0));
            let gradient = problem.gradient(&x);
            let level: f64 = x.iter().zip(&gradient).map(|(x, g)| x * g).sum();
            for i in 0..k {
                assert!(gradient[i] >= level - 1e-8, "{seed}: {i}");
                assert!(x[i] == 0.0 || (gradient[i] - level).abs() < 1e-6, "{seed}: {i}");
            }
            let slow = problem.frank_wolfe(vec![1.0 / k as f64; k], 0.0, 20_000);
            assert!(problem.value(&x) <= problem.value(&slow) + 1e-12);
        }
    }
}
