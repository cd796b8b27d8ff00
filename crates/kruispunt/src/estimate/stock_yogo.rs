//! Critical values of Stock and Yogo, as published.

use serde::{Deserialize, Serialize};

/// What weak instruments may do at most, and the Cragg-Donald statistic that rules out more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockYogo {
    /// What is bounded.
    pub criterion: WeakCriterion,
    /// The bound: a share of the bias of least squares, or the size of a 5 per cent test.
    pub bound: f64,
    /// A statistic above this rules out more, in tests of 5 per cent.
    pub critical_value: f64,
}

/// What weak instruments do to two-stage least squares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeakCriterion {
    /// Its bias, relative to that of least squares.
    RelativeBias,
    /// The size of its 5 per cent Wald test.
    Size,
}

const BOUNDS: [(WeakCriterion, [f64; 4]); 2] = [
    (WeakCriterion::RelativeBias, [0.05, 0.10, 0.20, 0.30]),
    (WeakCriterion::Size, [0.10, 0.15, 0.20, 0.25]),
];

/// Bias, one endogenous variable, from three instruments on.
const BIAS_1: [[f64; 4]; 8] = [
    [13.91, 9.08, 6.46, 5.39],
    [16.85, 10.27, 6.71, 5.34],
    [18.37, 10.83, 6.77, 5.25],
    [19.28, 11.12, 6.76, 5.15],
    [19.86, 11.29, 6.73, 5.07],
    [20.25, 11.39, 6.69, 4.99],
    [20.53, 11.46, 6.65, 4.92],
    [20.74, 11.49, 6.61, 4.86],
];

/// Bias, two endogenous variables, from four instruments on.
const BIAS_2: [[f64; 4]; 7] = [
    [11.04, 7.56, 5.57, 4.73],
    [13.97, 8.78, 5.91, 4.79],
    [15.72, 9.48, 6.08, 4.78],
    [16.88, 9.92, 6.16, 4.76],
    [17.70, 10.22, 6.20, 4.73],
    [18.30, 10.43, 6.22, 4.69],
    [18.76, 10.58, 6.23, 4.66],
];

/// Size, one endogenous variable, from one instrument on.
#[allow(clippy::approx_constant, reason = "published values, none of them a constant of nature")]
const SIZE_1: [[f64; 4]; 10] = [
    [16.38, 8.96, 6.66, 5.53],
    [19.93, 11.59, 8.75, 7.25],
    [22.30, 12.83, 9.54, 7.80],
    [24.58, 13.96, 10.26, 8.31],
    [26.87, 15.09, 10.98, 8.84],
    [29.18, 16.23, 11.72, 9.38],
    [31.50, 17.38, 12.48, 9.93],
    [33.84, 18.54, 13.24, 10.50],
    [36.19, 19.71, 14.01, 11.07],
    [38.54, 20.88, 14.78, 11.65],
];

/// Size, two endogenous variables, from two instruments on.
#[allow(clippy::approx_constant, reason = "published values, none of them a constant of nature")]
const SIZE_2: [[f64; 4]; 9] = [
    [7.03, 4.58, 3.95, 3.63],
    [13.43, 8.18, 6.40, 5.45],
    [16.87, 9.93, 7.54, 6.28],
    [19.45, 11.22, 8.38, 6.89],
    [21.68, 12.33, 9.10, 7.42],
    [23.72, 13.34, 9.77, 7.91],
    [25.64, 14.31, 10.41, 8.39],
    [27.51, 15.24, 11.03, 8.85],
    [29.32, 16.16, 11.65, 9.31],
];

/// The critical values for so many endogenous variables (at most two) and instruments (at most
/// ten); none beyond.
pub(super) fn critical_values(endogenous: usize, instruments: usize) -> Vec<StockYogo> {
    let row = |table: &'static [[f64; 4]], first: usize| {
        instruments.checked_sub(first).and_then(|at| table.get(at))
    };
    let rows = match endogenous {
        1 => [row(&BIAS_1, 3), row(&SIZE_1, 1)],
        2 => [row(&BIAS_2, 4), row(&SIZE_2, 2)],
        _ => [None, None],
    };
    let mut found = Vec::new();
    for ((criterion, bounds), row) in BOUNDS.into_iter().zip(rows) {
        for (bound, &critical_value) in bounds.into_iter().zip(row.into_iter().flatten()) {
            found.push(StockYogo { criterion, bound, critical_value });
        }
    }
    found
}
