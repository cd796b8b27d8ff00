//! Linear programmes of few unknowns and many constraints, by the dual simplex method.

use super::crossprod::dot;

/// Below this a value counts as zero; rows and objective are of unit size.
const ZERO: f64 = 1e-9;

/// `max c'x` subject to `a_i'x >= 0` and `-1 <= x_j <= 1`: the vertex where it is largest.
///
/// The method starts at the corner of the box that is best for c and takes in the constraint
/// violated most, until there is none; after many exchanges the first one instead (Bland). `None`
/// when a basis cannot be inverted any more.
pub(crate) fn cone_maximum(c: &[f64], rows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let q = c.len();
    // Constraints `a'x <= b`: the upper and lower sides of the box, then the rows.
    let side = |at: usize| -> (Vec<f64>, f64) {
        if at >= 2 * q {
            return (rows[at - 2 * q].iter().map(|v| -v).collect(), 0.0);
        }
        let mut a = vec![0.0; q];
        a[at % q] = if at < q { 1.0 } else { -1.0 };
        (a, 1.0)
    };
    let mut basis: Vec<usize> = (0..q).map(|j| if c[j] >= 0.0 { j } else { q + j }).collect();
    for exchange in 0..(200 + 20 * (q + rows.len())) {
        let active: Vec<(Vec<f64>, f64)> = basis.iter().map(|&at| side(at)).collect();
        let matrix: Vec<f64> = active.iter().flat_map(|(a, _)| a.iter().copied()).collect();
        let right: Vec<f64> = active.iter().map(|(_, b)| *b).collect();
        let x = solve(matrix.clone(), right, q)?;
        let bland = exchange > 50 + 10 * q;
        let mut worst = (ZERO, None);
        for at in 0..2 * q + rows.len() {
            let gap = if at < 2 * q {
                (if at < q { x[at] } else { -x[at - q] }) - 1.0
            } else {
                -dot(&rows[at - 2 * q], &x)
            };
            if gap > worst.0 && !basis.contains(&at) {
                worst = (gap, Some(at));
                if bland {
                    break;
                }
            }
        }
        let Some(entering) = worst.1 else { return Some(x) };
        let turned: Vec<f64> = (0..q * q).map(|at| matrix[at % q * q + at / q]).collect();
        let y = solve(turned.clone(), c.to_vec(), q)?;
        let w = solve(turned, side(entering).0, q)?;
        let mut leaving: Option<(f64, usize)> = None;
        for k in (0..q).filter(|&k| w[k] > ZERO) {
            let ratio = y[k].max(0.0) / w[k];
            let first = leaving.is_none_or(|(best, at)| {
                ratio < best - 1e-14 || (ratio <= best + 1e-14 && basis[k] < basis[at])
            });
            if first {
                leaving = Some((ratio, k));
            }
        }
        basis[leaving?.1] = entering;
    }
    None
}

/// Solves `a x = b` by elimination with pivots; `None` when a is singular.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for column in 0..n {
        let size = |row: &usize| a[row * n + column].abs();
        let pivot = (column..n).max_by(|i, j| size(i).total_cmp(&size(j)))?;
        if a[pivot * n + column].abs() < 1e-13 {
            return None;
        }
        if pivot != column {
            (0..n).for_each(|j| a.swap(pivot * n + j, column * n + j));
            b.swap(pivot, column);
        }
        for row in column + 1..n {
            let share = a[row * n + column] / a[column * n + column];
            if share != 0.0 {
                (column..n).for_each(|j| a[row * n + j] -= share * a[column * n + j]);
                b[row] -= share * b[column];
            }
        }
    }
    for row in (0..n).rev() {
        let above: f64 = (row + 1..n).map(|j| a[row * n + j] * b[j]).sum();
        b[row] = (b[row] - above) / a[row * n + row];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::cone_maximum;

    #[test]
    fn a_cone_with_an_inside_is_found() {
        let rows = vec![vec![1.0, -0.5], vec![-0.2, 1.0], vec![1.0, 1.0]];
        let x = cone_maximum(&[1.0, -1.0], &rows).unwrap();
        assert!(rows.iter().all(|row| row[0] * x[0] + row[1] * x[1] > -1e-9));
        // the vertex (1, .2) of the box and the second row
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_cone_of_the_origin_alone_gives_the_origin() {
        let rows = vec![vec![1.0, 0.0], vec![-1.0, 0.0], vec![0.0, 1.0], vec![0.3, -1.0]];
        let x = cone_maximum(&[0.3, 0.0], &rows).unwrap();
        assert!(x.iter().all(|v| v.abs() < 1e-9));
    }
}
