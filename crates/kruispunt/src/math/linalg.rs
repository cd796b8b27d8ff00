//! Small dense linear algebra (the only user of nalgebra).

use super::crossprod::dot;
use nalgebra::DMatrix;

/// An upper-triangular factor R with R'R = X'X over the columns kept.
#[derive(Clone, Debug)]
pub(crate) struct Triangle {
    /// Columns kept, in order.
    pub(crate) kept: Vec<usize>,
    /// Columns dropped because they depend on the ones before them.
    pub(crate) dropped: Vec<usize>,
    /// Row-major, `(kept, kept)`.
    r: Vec<f64>,
    /// The smallest share of a kept column that is its own.
    pub(crate) weakest: f64,
}

impl Triangle {
    /// Factorises a symmetric matrix, dropping column j when what remains of it after the columns
    /// before is below `tol` of itself, or when all of it is below `tol` of `reference[j]`.
    pub(crate) fn cholesky(gram: &[f64], reference: &[f64], tol: f64) -> Self {
        let k = reference.len();
        let scale: Vec<f64> = (0..k).map(|j| gram[j * k + j].max(0.0).sqrt()).collect();
        let mut rows: Vec<Vec<f64>> = Vec::new();
        let (mut kept, mut dropped, mut weakest) = (Vec::new(), Vec::new(), 1.0_f64);
        for j in 0..k {
            if scale[j] * scale[j] <= tol * reference[j] || scale[j] == 0.0 {
                dropped.push(j);
                continue;
            }
            let mut column = Vec::with_capacity(kept.len() + 1);
            for (at, &i) in kept.iter().enumerate() {
                let done: f64 = (0..at).map(|l| rows[at][l] * column[l]).sum();
                let unit = gram[i * k + j] / (scale[i] * scale[j]);
                column.push((unit - done) / rows[at][at]);
            }
            let own: f64 = 1.0 - column.iter().map(|v| v * v).sum::<f64>();
            if own < tol.max(f64::EPSILON) {
                dropped.push(j);
                continue;
            }
            weakest = weakest.min(own);
            column.push(own.sqrt());
            rows.push(column);
            kept.push(j);
        }
        let m = kept.len();
        let mut r = vec![0.0; m * m];
        for (j, column) in rows.iter().enumerate() {
            for (i, value) in column.iter().enumerate() {
                r[i * m + j] = value * scale[kept[j]];
            }
        }
        Self { kept, dropped, r, weakest }
    }

    /// As [`cholesky`](Self::cholesky), from the columns themselves by Householder reflections:
    /// twice the digits, for ill-conditioned columns. Also gives Q'y of the kept columns.
    pub(crate) fn householder(
        columns: &[Vec<f64>],
        y: &[f64],
        reference: &[f64],
        tol: f64,
    ) -> (Self, Vec<f64>) {
        let n = y.len();
        let mut reflectors: Vec<Vec<f64>> = Vec::new();
        let mut tops: Vec<Vec<f64>> = Vec::new();
        let (mut kept, mut dropped, mut weakest) = (Vec::new(), Vec::new(), 1.0_f64);
        for (j, column) in columns.iter().enumerate() {
            let mut work = column.clone();
            let all = dot(&work, &work);
            for (at, v) in reflectors.iter().enumerate() {
                reflect(&mut work[at..], v);
            }
            let at = reflectors.len();
            let own = if at < n { dot(&work[at..], &work[at..]) } else { 0.0 };
            if own <= tol * all || all <= tol * reference[j] || own == 0.0 {
                dropped.push(j);
                continue;
            }
            weakest = weakest.min(own / all);
            let norm = if work[at] > 0.0 { -own.sqrt() } else { own.sqrt() };
            let mut v = work[at..].to_vec();
            v[0] -= norm;
            let length = dot(&v, &v).sqrt();
            for value in &mut v {
                *value /= length;
            }
            work.truncate(at);
            work.push(norm);
            tops.push(work);
            reflectors.push(v);
            kept.push(j);
        }
        let m = kept.len();
        let mut r = vec![0.0; m * m];
        for (j, top) in tops.iter().enumerate() {
            for (i, value) in top.iter().enumerate() {
                r[i * m + j] = *value;
            }
        }
        let mut qy = y.to_vec();
        for (at, v) in reflectors.iter().enumerate() {
            reflect(&mut qy[at..], v);
        }
        qy.truncate(m);
        (Self { kept, dropped, r, weakest }, qy)
    }

    fn m(&self) -> usize {
        self.kept.len()
    }

    /// Solves R x = b.
    pub(crate) fn back(&self, b: &[f64]) -> Vec<f64> {
        let m = self.m();
        let mut x = b.to_vec();
        for i in (0..m).rev() {
            let done: f64 = (i + 1..m).map(|j| self.r[i * m + j] * x[j]).sum();
            x[i] = (x[i] - done) / self.r[i * m + i];
        }
        x
    }

    /// Solves R'R x = b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let m = self.m();
        let mut x = b.to_vec();
        for i in 0..m {
            let done: f64 = (0..i).map(|j| self.r[j * m + i] * x[j]).sum();
            x[i] = (x[i] - done) / self.r[i * m + i];
        }
        self.back(&x)
    }

    /// R^-1, upper triangular, row-major.
    pub(crate) fn inverse_of_factor(&self) -> Vec<f64> {
        let m = self.m();
        let mut inverse = vec![0.0; m * m];
        for j in 0..m {
            let mut unit = vec![0.0; m];
            unit[j] = 1.0;
            for (i, value) in self.back(&unit).into_iter().enumerate() {
                inverse[i * m + j] = value;
            }
        }
        inverse
    }

    /// (R'R)^-1, row-major.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let m = self.m();
        let mut rows = vec![0.0; m * m]; // rows of (R^-1)'
        for j in 0..m {
            let mut unit = vec![0.0; m];
            unit[j] = 1.0;
            for (i, value) in self.back(&unit).into_iter().enumerate() {
                rows[i * m + j] = value;
            }
        }
        let mut inverse = vec![0.0; m * m];
        for i in 0..m {
            for j in 0..m {
                inverse[i * m + j] = dot(&rows[i * m..(i + 1) * m], &rows[j * m..(j + 1) * m]);
            }
        }
        inverse
    }
}

fn reflect(work: &mut [f64], v: &[f64]) {
    let twice = 2.0 * dot(work, v);
    for (value, v) in work.iter_mut().zip(v) {
        *value -= twice * v;
    }
}

/// The inverse of a square matrix, symmetric or not, row-major; `None` when it has none.
pub(crate) fn inverse_of(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
    let scale: Vec<f64> = (0..k)
        .map(|i| matrix[i * k..(i + 1) * k].iter().fold(0.0_f64, |top, v| top.max(v.abs())))
        .collect();
    if scale.iter().any(|own| !own.is_finite() || *own == 0.0) {
        return None;
    }
    let inverse = DMatrix::from_fn(k, k, |i, j| matrix[i * k + j] / scale[i]).try_inverse()?;
    let values: Vec<f64> = (0..k * k).map(|at| inverse[(at / k, at % k)] / scale[at % k]).collect();
    values.iter().all(|own| own.is_finite()).then_some(values)
}

/// A B A for symmetric row-major `(k, k)` matrices.
pub(crate) fn sandwich(bread: &[f64], meat: &[f64], k: usize) -> Vec<f64> {
    let bread = DMatrix::from_row_slice(k, k, bread);
    let meat = DMatrix::from_row_slice(k, k, meat);
    let product = &bread * meat * &bread;
    (0..k * k).map(|at| 0.5 * (product[(at / k, at % k)] + product[(at % k, at / k)])).collect()
}

/// Sets negative eigenvalues of a symmetric matrix to zero; `None` when there are none.
pub(crate) fn positive_part(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
    if k == 0 || matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut eigen = DMatrix::from_row_slice(k, k, matrix).symmetric_eigen();
    let largest = eigen.eigenvalues.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    if eigen.eigenvalues.iter().all(|&value| value >= -1e-12 * largest) {
        return None;
    }
    eigen.eigenvalues.iter_mut().for_each(|value| *value = value.max(0.0));
    let fixed = eigen.recompose();
    Some((0..k * k).map(|at| fixed[(at / k, at % k)]).collect())
}

/// Eigenvalues of a symmetric row-major `(k, k)` matrix and, one row each, their vectors.
pub(crate) fn eigen(matrix: &[f64], k: usize) -> (Vec<f64>, Vec<f64>) {
    if k == 0 || matrix.iter().any(|value| !value.is_finite()) {
        return (vec![f64::NAN; k], vec![f64::NAN; k * k]);
    }
    let found = DMatrix::from_row_slice(k, k, matrix).symmetric_eigen();
    (found.eigenvalues.iter().copied().collect(), found.eigenvectors.iter().copied().collect())
}

/// Eigenvalues of A v = lambda B v from the smallest on and, one row each, vectors with v'Bv = 1,
/// for symmetric row-major `(k, k)` A and positive definite B; NaN where B is not.
pub(crate) fn relative_eigen(a: &[f64], b: &[f64], k: usize) -> (Vec<f64>, Vec<f64>) {
    let triangle = Triangle::cholesky(b, &vec![0.0; k], 1e-14);
    if k == 0 || triangle.kept.len() < k {
        return (vec![f64::NAN; k], vec![f64::NAN; k * k]);
    }
    let inverse = DMatrix::from_row_slice(k, k, &triangle.inverse_of_factor());
    let middle = inverse.transpose() * DMatrix::from_row_slice(k, k, a) * &inverse;
    let even: Vec<f64> = (0..k * k)
        .map(|at| f64::midpoint(middle[(at / k, at % k)], middle[(at % k, at / k)]))
        .collect();
    let (values, vectors) = eigen(&even, k);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut rows = Vec::with_capacity(k * k);
    for &at in &order {
        let own = &vectors[at * k..(at + 1) * k];
        rows.extend((0..k).map(|i| (0..k).map(|j| inverse[(i, j)] * own[j]).sum::<f64>()));
    }
    (order.iter().map(|&at| values[at]).collect(), rows)
}

/// A symmetric matrix with `f` of its eigenvalues in their place.
pub(crate) fn with_eigenvalues(matrix: &[f64], k: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let (values, vectors) = eigen(matrix, k);
    let mut out = vec![0.0; k * k];
    for (value, vector) in values.iter().zip(vectors.chunks_exact(k.max(1))) {
        let value = f(*value);
        for i in 0..k {
            for j in 0..k {
                out[i * k + j] += value * vector[i] * vector[j];
            }
        }
    }
    out
}

/// Cholesky factor of a large positive semidefinite matrix; directions without weight get 0.
pub(crate) struct Semidefinite {
    m: usize,
    lower: Vec<f64>,
    free: Vec<bool>,
}

impl Semidefinite {
    /// Factorises row-major `a` `(m, m)` in place.
    pub(crate) fn new(mut a: Vec<f64>, m: usize) -> Self {
        let mut free = vec![false; m];
        for i in 0..m {
            let (above, row) = a.split_at_mut(i * m);
            let start = row[i];
            for j in 0..i {
                let other = &above[j * m..j * m + j];
                row[j] =
                    if free[j] { 0.0 } else { (row[j] - dot(&row[..j], other)) / above[j * m + j] };
            }
            let own = start - dot(&row[..i], &row[..i]);
            free[i] = own <= 1e-11 * start || start <= 0.0;
            row[i] = if free[i] { 1.0 } else { own.sqrt() };
            if free[i] {
                row[..i].fill(0.0);
            }
        }
        Self { m, lower: a, free }
    }

    /// One solution of A x = b, for consistent b.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        let m = self.m;
        for i in 0..m {
            let row = &self.lower[i * m..(i + 1) * m];
            b[i] = if self.free[i] { 0.0 } else { (b[i] - dot(&row[..i], &b[..i])) / row[i] };
        }
        for i in (0..m).rev() {
            if self.free[i] {
                b[i] = 0.0;
                continue;
            }
            let row = &self.lower[i * m..(i + 1) * m];
            b[i] /= row[i];
            let x = b[i];
            for (value, l) in b[..i].iter_mut().zip(row) {
                *value -= l * x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::crossprod::gram;

    fn columns() -> Vec<Vec<f64>> {
        let one = vec![1.0; 6];
        let a = vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0];
        let twice: Vec<f64> = a.iter().map(|v| 2.0 * v + 1.0).collect();
        let b = vec![0.5, -1.0, 2.0, 0.0, 1.0, 3.0];
        vec![one, a, twice, b]
    }

    #[test]
    fn drops_the_later_of_dependent_columns_both_ways() {
        let x = columns();
        let views: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
        let g = gram(&views, None);
        let reference: Vec<f64> = (0..4).map(|j| g[j * 5]).collect();
        let by_gram = Triangle::cholesky(&g, &reference, 1e-9);
        let y = vec![1.0, 0.0, 2.0, 5.0, 1.0, 3.0];
        let (by_columns, qy) = Triangle::householder(&x, &y, &reference, 1e-9);
        assert_eq!(by_gram.kept, [0, 1, 3]);
        assert_eq!((&by_gram.kept, &by_gram.dropped), (&by_columns.kept, &by_columns.dropped));
        let rhs: Vec<f64> = by_gram.kept.iter().map(|&j| dot(&x[j], &y)).collect();
        let (one, two) = (by_gram.solve(&rhs), by_columns.back(&qy));
        for (a, b) in one.iter().zip(&two) {
            assert!((a - b).abs() < 1e-12, "{one:?} {two:?}");
        }
        for (a, b) in by_gram.inverse().iter().zip(by_columns.inverse()) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn a_singular_laplacian_is_solved_up_to_a_constant() {
        let a = vec![2.0, -1.0, -1.0, -1.0, 2.0, -1.0, -1.0, -1.0, 2.0];
        let factor = Semidefinite::new(a, 3);
        let mut b = [3.0, 0.0, -3.0];
        factor.solve(&mut b);
        assert!((b[0] - b[1] - 1.0).abs() < 1e-12 && (b[1] - b[2] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn negative_eigenvalues_become_zero() {
        let fixed = positive_part(&[1.0, 2.0, 2.0, 1.0], 2).unwrap();
        for value in fixed {
            assert!((value - 1.5).abs() < 1e-12);
        }
        assert!(positive_part(&[2.0, 1.0, 1.0, 2.0], 2).is_none());
    }
}
