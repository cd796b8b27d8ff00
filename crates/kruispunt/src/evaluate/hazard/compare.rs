//! Whether curves differ.

use super::curves::Survival;
use crate::data::{Column, Table};
use crate::evaluate::EvaluateError;
use crate::math::linalg::Triangle;
use crate::math::special::chi2_sf;
use serde::{Deserialize, Serialize};

/// A test that the curves of all groups are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRank {
    /// The groups.
    pub groups: Vec<String>,
    /// Events seen in each, weighted as the test is.
    pub observed: Vec<f64>,
    /// Events expected in each if curves were one.
    pub expected: Vec<f64>,
    /// The statistic.
    pub statistic: f64,
    /// Groups less one.
    pub df: usize,
    /// P(chi-squared > statistic).
    pub p_value: f64,
}

impl LogRank {
    /// One row a group: observed and expected.
    ///
    /// # Errors
    ///
    /// Never for groups of a test.
    pub fn tidy(&self) -> Result<Table, EvaluateError> {
        Ok(Table::new([
            ("group", Column::text(self.groups.iter().map(|own| Some(own.as_str())))),
            ("observed", Column::float(self.observed.clone())),
            ("expected", Column::float(self.expected.clone())),
        ])?)
    }
}

impl Survival {
    /// The log-rank test over groups, of the family of Harrington & Fleming (1982, *Biometrika* 69,
    /// 553-566): differences at a time weigh `S(t-)^rho`, so that 0 is the log-rank test and 1
    /// looks at early times more (Peto & Peto).
    ///
    /// # Errors
    ///
    /// [`EvaluateError::WrongRows`] with fewer than two groups or several causes,
    /// [`EvaluateError::NothingEstimable`] without an event.
    pub fn logrank(&self, rho: f64) -> Result<LogRank, EvaluateError> {
        let refuse = |why| Err(EvaluateError::WrongRows { verb: "logrank", by: "groups", why });
        let g = self.curves.len();
        if g < 2 {
            return refuse("a test needs two groups or more: name a column in `by`");
        }
        if self.several {
            return refuse("the test is for one event; compare one cause at a time");
        }
        if !rho.is_finite() {
            let (argument, expected) = ("rho", "a finite number");
            return Err(EvaluateError::BadArgument { argument, expected, got: rho.to_string() });
        }
        let mut times: Vec<f64> = self.curves.iter().flat_map(|own| own.time.clone()).collect();
        times.sort_unstable_by(f64::total_cmp);
        times.dedup();
        let mut found = LogRank {
            groups: self.curves.iter().map(|own| own.group.clone()).collect(),
            observed: vec![0.0; g],
            expected: vec![0.0; g],
            statistic: 0.0,
            df: g - 1,
            p_value: f64::NAN,
        };
        let mut variance = vec![0.0; g * g];
        let mut survival = 1.0;
        let mut next = vec![0_usize; g];
        let mut risk = vec![0.0; g];
        for &time in &times {
            let mut ends = vec![0.0; g];
            for (at, own) in self.curves.iter().enumerate() {
                while next[at] < own.time.len() && own.time[next[at]] < time {
                    next[at] += 1;
                }
                let here = next[at];
                let now = own.time.get(here) == Some(&time);
                ends[at] = if now { own.events[here] } else { 0.0 };
                risk[at] = self.risk_at(at, here, time);
            }
            let (n, d): (f64, f64) = (risk.iter().sum(), ends.iter().sum());
            if d <= 0.0 || n <= 0.0 {
                continue;
            }
            let weight = if rho == 0.0 { 1.0 } else { libm::pow(survival, rho) };
            let spread = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
            for i in 0..g {
                found.observed[i] += weight * ends[i];
                found.expected[i] += weight * d * risk[i] / n;
                for j in 0..g {
                    let own = if i == j { risk[i] / n } else { 0.0 };
                    variance[i * g + j] +=
                        weight * weight * spread * (own - risk[i] * risk[j] / (n * n));
                }
            }
            survival *= 1.0 - d / n;
        }
        let gaps: Vec<f64> =
            found.observed.iter().zip(&found.expected).map(|(o, e)| o - e).collect();
        let reference: Vec<f64> = (0..g).map(|at| variance[at * g + at]).collect();
        let triangle = Triangle::cholesky(&variance, &reference, 1e-9);
        if triangle.kept.is_empty() {
            let why = "no event happens while two groups are at risk".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let own: Vec<f64> = triangle.kept.iter().map(|&at| gaps[at]).collect();
        found.statistic = triangle.solve(&own).iter().zip(&own).map(|(x, gap)| x * gap).sum();
        found.df = triangle.kept.len();
        found.p_value = chi2_sf(found.statistic, found.df as f64);
        Ok(found)
    }

    /// At risk in group `at` at `time`, of which `here` is the next time the group has.
    fn risk_at(&self, at: usize, here: usize, time: f64) -> f64 {
        let own = &self.curves[at];
        if own.time.get(here) == Some(&time) {
            return own.at_risk[here];
        }
        own.between(here, time)
    }
}
