//! Cross-products X'WX of long columns.

#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for wide registers only where it is inlined into the dispatch"
)]

use super::widest::widest;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Rows of one chunk; the partition is fixed, so sums do not depend on the number of threads.
const CHUNK: usize = 4096;

/// The symmetric matrix of all `X_i' W X_j`, row-major `(k, k)`; `weights` of 1 when `None`.
pub(crate) fn gram(columns: &[&[f64]], weights: Option<&[f64]>) -> Vec<f64> {
    let of = |rows: Range<usize>| weights.map(|own| Cow::Borrowed(&own[rows]));
    gram_by(columns, of)
}

/// As [`gram`], with the weight of each row computed where it is needed.
pub(crate) fn gram_with(columns: &[&[f64]], weight: impl Fn(usize) -> f64 + Sync) -> Vec<f64> {
    gram_by(columns, |rows: Range<usize>| Some(Cow::Owned(rows.map(&weight).collect())))
}

fn gram_by<'w>(
    columns: &[&[f64]],
    weights: impl Fn(Range<usize>) -> Option<Cow<'w, [f64]>> + Sync,
) -> Vec<f64> {
    let k = columns.len();
    let n = columns.first().map_or(0, |column| column.len());
    let parts: Vec<Vec<f64>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(n);
            let weights = weights(rows.clone());
            widest(
                #[inline(always)]
                || gram_of(columns, weights.as_deref(), rows),
            )
        })
        .collect();
    let mut total = vec![0.0; k * k];
    for part in &parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
    for i in 0..k {
        for j in 0..i {
            total[i * k + j] = total[j * k + i];
        }
    }
    total
}

/// Of some rows, `weights` being theirs.
#[inline(always)]
fn gram_of(columns: &[&[f64]], weights: Option<&[f64]>, rows: Range<usize>) -> Vec<f64> {
    let k = columns.len();
    let mut part = vec![0.0; k * k];
    let mut weighted = vec![0.0; rows.len()];
    for (i, column) in columns.iter().enumerate() {
        let left = match weights {
            None => &column[rows.clone()],
            Some(weights) => {
                let pairs = column[rows.clone()].iter().zip(weights);
                for (slot, (x, w)) in weighted.iter_mut().zip(pairs) {
                    *slot = x * w;
                }
                &weighted[..]
            }
        };
        for j in i..k {
            part[i * k + j] = dot(left, &columns[j][rows.clone()]);
        }
    }
    part
}

/// Sum of products in a fixed order with eight running sums.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

/// Sum over rows of `f(row)`, in fixed chunks.
pub(crate) fn sum_rows(n: usize, f: impl Fn(usize) -> f64 + Sync) -> f64 {
    sums_of_rows(n, |row| [f(row)])[0]
}

/// As [`sum_rows`], several sums at once.
pub(crate) fn sums_of_rows<const S: usize>(
    n: usize,
    f: impl Fn(usize) -> [f64; S] + Sync,
) -> [f64; S] {
    let add = |mut all: [f64; S], own: [f64; S]| {
        all.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        all
    };
    let parts: Vec<[f64; S]> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| (chunk * CHUNK..((chunk + 1) * CHUNK).min(n)).map(&f).fold([0.0; S], add))
        .collect();
    parts.into_iter().fold([0.0; S], add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_obvious_sums() {
        let n = 10_007;
        let columns: Vec<Vec<f64>> =
            (0..5).map(|c| (0..n).map(|r| ((r * (c + 3)) % 17) as f64 - 8.0).collect()).collect();
        let weights: Vec<f64> = (0..n).map(|r| (r % 5) as f64).collect();
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        for w in [None, Some(&weights[..])] {
            let got = gram(&views, w);
            for i in 0..5 {
                for j in 0..5 {
                    let expected: f64 = (0..n)
                        .map(|r| columns[i][r] * columns[j][r] * w.map_or(1.0, |w| w[r]))
                        .sum();
                    assert_eq!(got[i * 5 + j], expected);
                }
            }
        }
        assert!(gram(&[], None).is_empty());
    }
}
