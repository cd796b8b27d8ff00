//! Errors dependent over periods: Newey-West and Driscoll-Kraay.

use super::{Covariance, Parts, Vcov};
use crate::data::ClusterCount;
use crate::estimate::EstimateError;
use crate::math::linalg::sandwich;

impl Parts<'_> {
    pub(super) fn newey_west(
        &self,
        vcov: &Vcov,
        (time, panel): (&str, Option<&str>),
        lag: Option<usize>,
    ) -> Result<Covariance, EstimateError> {
        let periods = self.periods(time)?;
        let n_periods = count(&periods);
        let units: Vec<u32> = match panel {
            None => vec![0; self.n()],
            Some(panel) => self.variable(panel)?.codes().to_vec(),
        };
        let mut order: Vec<u32> = (0..self.n() as u32).collect();
        order.sort_by_key(|&row| (units[row as usize], periods[row as usize]));
        let key = |at: usize| (units[order[at] as usize], periods[order[at] as usize]);
        if let Some(at) = (1..order.len()).find(|&at| key(at) == key(at - 1)) {
            return Err(self.twice(panel.is_some(), order[at - 1], order[at]));
        }
        let lag = self.lag(lag, n_periods)?;
        let k = self.k();
        let scores = self.scores(|row| row, self.n());
        let mut meat = vec![0.0; k * k];
        let mut start = 0;
        for at in 0..order.len() {
            let (unit, period) = key(at);
            while key(start) < (unit, period.saturating_sub(lag as u32)) {
                start += 1;
            }
            for before in start..=at {
                let distance = f64::from(period - key(before).1);
                let weight = 1.0 - distance / (lag as f64 + 1.0);
                let (a, b) = (order[at] as usize * k, order[before] as usize * k);
                add(&mut meat, &scores[a..a + k], &scores[b..b + k], weight, before < at);
            }
        }
        let variables = panel.iter().copied().chain([time]);
        self.hac(vcov, &meat, n_periods, variables)
    }

    pub(super) fn driscoll_kraay(
        &self,
        vcov: &Vcov,
        time: &str,
        lag: Option<usize>,
    ) -> Result<Covariance, EstimateError> {
        let periods = self.periods(time)?;
        let n_periods = count(&periods);
        let lag = self.lag(lag, n_periods)?;
        let k = self.k();
        let sums = self.scores(|row| periods[row] as usize, n_periods);
        let mut meat = vec![0.0; k * k];
        for at in 0..n_periods {
            for before in at.saturating_sub(lag)..=at {
                let weight = 1.0 - (at - before) as f64 / (lag as f64 + 1.0);
                let (a, b) = (&sums[at * k..(at + 1) * k], &sums[before * k..(before + 1) * k]);
                add(&mut meat, a, b, weight, before < at);
            }
        }
        self.hac(vcov, &meat, n_periods, std::iter::once(time))
    }

    fn hac<'a>(
        &self,
        vcov: &Vcov,
        meat: &[f64],
        n_periods: usize,
        variables: impl Iterator<Item = &'a str>,
    ) -> Result<Covariance, EstimateError> {
        let none = vec![false; self.sample.effects.len()];
        let mut scale = self.correction(self.parameters(&none), self.observations() - 1.0)?;
        let periods = n_periods as f64;
        if self.ssc.g_adjust {
            scale *= periods / (periods - 1.0);
        }
        let mut matrix = sandwich(&self.sample.bread, meat, self.k());
        for value in &mut matrix {
            *value *= scale;
        }
        let counts = variables
            .map(|name| {
                let clusters = self.variable(name)?.n_levels();
                Ok(ClusterCount { name: name.to_owned(), clusters })
            })
            .collect::<Result<Vec<_>, EstimateError>>()?;
        Ok(Covariance {
            matrix,
            df: periods - 1.0,
            df_each: Vec::new(),
            clusters: counts,
            text: vcov.text(),
            repaired: false,
        })
    }

    /// The period of each row, counted among the periods of the sample in their order.
    fn periods(&self, time: &str) -> Result<Vec<u32>, EstimateError> {
        let factor = self.variable(time)?;
        if factor.n_levels() < 2 {
            return Err(EstimateError::TooFewClusters {
                cluster: time.to_owned(),
                n: factor.n_levels(),
            });
        }
        let effect = self.sample.effects.iter().find(|effect| effect.name == time);
        let Some(effect) = effect else { return Ok(factor.codes().to_vec()) };
        let [levels] = effect.levels.as_slice() else {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "one column of periods",
                got: time.to_owned(),
            });
        };
        let ranks = levels.ranks().0;
        let rank = |&code: &u32| ranks[code as usize].unwrap_or_default();
        Ok(factor.codes().iter().map(rank).collect())
    }

    fn lag(&self, lag: Option<usize>, n_periods: usize) -> Result<usize, EstimateError> {
        let lag = lag.unwrap_or_else(|| libm::floor(libm::pow(n_periods as f64, 0.25)) as usize);
        if lag >= n_periods.min(self.n().max(1)) {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "a lag below the number of periods",
                got: lag.to_string(),
            });
        }
        Ok(lag)
    }

    fn twice(&self, units: bool, first: u32, second: u32) -> EstimateError {
        let row = |at: u32| self.sample.rows[at as usize];
        EstimateError::BadArgument {
            argument: "vcov",
            expected: if units {
                "one row for each unit and period"
            } else {
                "one row for each period; name the units with panel_id"
            },
            got: format!("two, at rows {} and {}", row(first), row(second)),
        }
    }

    /// Scores summed by group, row-major `(groups, k)`.
    fn scores(&self, group: impl Fn(usize) -> usize, groups: usize) -> Vec<f64> {
        let (k, pulls, columns) = (self.k(), self.pulls(), self.columns());
        let mut sums = vec![0.0; groups * k];
        for (row, pull) in pulls.iter().enumerate() {
            let own = &mut sums[group(row) * k..(group(row) + 1) * k];
            for (sum, column) in own.iter_mut().zip(&columns) {
                *sum += column[row] * pull;
            }
        }
        sums
    }
}

fn count(periods: &[u32]) -> usize {
    periods.iter().copied().max().map_or(0, |last| last as usize + 1)
}

/// Adds `weight (a b')`, and its transpose when `both`.
fn add(meat: &mut [f64], a: &[f64], b: &[f64], weight: f64, both: bool) {
    let k = a.len();
    for i in 0..k {
        for j in 0..k {
            let mut product = a[i] * b[j];
            if both {
                product += b[i] * a[j];
            }
            meat[i * k + j] += weight * product;
        }
    }
}
