//! Intervals, bands, tables and tests of effects.

use super::EvaluateError;
use crate::data::{Bitmap, Column, Effects, Phase, Seed, Status, Table, Ticket, Values};
use crate::math::linalg::Triangle;
use crate::math::special::{chi2_sf, normal_quantile, normal_sf, t_quantile, t_two_sided};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How wide intervals are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Bands {
    /// Each row on its own.
    #[default]
    Pointwise,
    /// All rows together: the path lies in the band with the probability asked for.
    SupT {
        /// Draws of the largest t value.
        draws: u32,
        /// The seed of the draws.
        seed: Seed,
    },
    /// As R's `did` with its bootstrap: standard errors are interquartile ranges of draws over
    /// those of the normal, and the band's reach is the quantile of the largest |t| with these
    /// (quantiles of type 1). Draws come from the covariance, not from multipliers of persons.
    Quantiles {
        /// Draws of all estimates.
        draws: u32,
        /// The seed of the draws.
        seed: Seed,
    },
}

/// A test that all effects before treatment are zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pretest {
    /// b'V^-1 b over the rows before treatment.
    pub statistic: f64,
    /// Rows that are independent.
    pub df: usize,
    /// P(chi-squared > statistic).
    pub p_value: f64,
    /// The slope of a difference in trends that this test finds in 80 % of samples (at 5 %); NaN
    /// where placebos are not measured from one period.
    pub slope_80: f64,
    /// What such a trend would add to the mean effect after treatment.
    pub bias_80: f64,
}

/// Draws of one piece of parallel work; fixed, so that draws do not depend on threads.
const DRAWS: u32 = 256;

impl Effects {
    pub(super) fn check_alpha(alpha: f64) -> Result<(), EvaluateError> {
        if alpha > 0.0 && alpha < 1.0 {
            return Ok(());
        }
        Err(EvaluateError::BadArgument {
            argument: "alpha",
            expected: "a number between 0 and 1",
            got: alpha.to_string(),
        })
    }

    /// The number of standard errors that intervals of probability `1 - alpha` reach.
    ///
    /// Uniform bands take it from draws of the largest |t| over all rows with a standard error but
    /// the overall mean, with the correlation of the estimates (Montiel Olea & Plagborg-Moller
    /// 2019, *Journal of Applied Econometrics* 34(1), 1-17). It is never below the pointwise one.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `alpha` and for fewer than 100 draws,
    /// [`EvaluateError::Cancelled`].
    pub fn reach(&self, bands: Bands, alpha: f64, ticket: &Ticket) -> Result<f64, EvaluateError> {
        Self::check_alpha(alpha)?;
        let point = match self.df {
            None => normal_quantile(1.0 - alpha / 2.0),
            Some(df) => t_quantile(1.0 - alpha / 2.0, df),
        };
        let (Bands::SupT { draws, seed } | Bands::Quantiles { draws, seed }) = bands else {
            return Ok(point);
        };
        let own = self.drawn.len().checked_div(self.rows.len() + self.shares.len());
        let draws = own.filter(|own| *own > 0).map_or(draws, |own| own as u32);
        if draws < 100 {
            return Err(EvaluateError::BadArgument {
                argument: "draws",
                expected: "at least 100 draws",
                got: draws.to_string(),
            });
        }
        if let Bands::Quantiles { .. } = bands {
            return Ok(self.quantiles(draws, seed, alpha, ticket)?.1.max(point));
        }
        let rows = self.estimated(|phase| phase != Phase::Overall);
        if rows.len() < 2 {
            return Ok(point);
        }
        let largest = match self.standardised(&rows) {
            Some(drawn) => {
                let most = |own: &Vec<f64>| own.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                let mut largest: Vec<f64> = drawn.iter().map(most).collect();
                largest.sort_by(f64::total_cmp);
                largest
            }
            None => self.largest(&rows, draws, seed, ticket)?,
        };
        let at = ((1.0 - alpha) * f64::from(draws)).ceil() as usize;
        Ok(largest[at.clamp(1, largest.len()) - 1].max(point))
    }

    /// Multiplier draws of some rows over their standard errors; `None` without any.
    pub(super) fn standardised(&self, rows: &[usize]) -> Option<Vec<Vec<f64>>> {
        let errors = self.std_errors();
        let of = |draw: &[f64]| rows.iter().map(|&row| draw[row] / errors[row]).collect();
        let width = self.rows.len() + self.shares.len();
        let own = || self.drawn.chunks_exact(width.max(1)).map(of).collect();
        (!self.drawn.is_empty()).then(own)
    }

    /// Rows with a standard error above 0, in the phases wanted.
    pub(super) fn estimated(&self, wanted: impl Fn(Phase) -> bool) -> Vec<usize> {
        let errors = self.std_errors();
        (0..self.rows.len())
            .filter(|&at| self.rows[at].status == Status::Estimated && wanted(self.rows[at].phase))
            .filter(|&at| errors[at] > 0.0)
            .collect()
    }

    /// Sorted draws of the largest |t|.
    fn largest(
        &self,
        rows: &[usize],
        draws: u32,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let k = rows.len();
        let lower = self.lower(rows);
        ticket.stage("uniform bands", u64::from(draws));
        let mut largest: Vec<f64> = (0..draws.div_ceil(DRAWS))
            .into_par_iter()
            .flat_map_iter(|piece| {
                let own = if ticket.is_cancelled() { 0..0 } else { 0..DRAWS };
                let mut z = vec![0.0; k];
                let lower = &lower;
                own.map(move |at| {
                    normals(seed, u64::from(piece * DRAWS + at), &mut z);
                    (0..k)
                        .map(|i| {
                            let row = &lower[i * k..=i * k + i];
                            row.iter().zip(&z).map(|(l, z)| l * z).sum::<f64>().abs()
                        })
                        .fold(0.0, f64::max)
                })
                .collect::<Vec<f64>>()
            })
            .collect();
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        largest.truncate(draws as usize);
        largest.sort_by(f64::total_cmp);
        Ok(largest)
    }

    /// A lower factor of the correlation of some rows.
    pub(super) fn lower(&self, rows: &[usize]) -> Vec<f64> {
        let (errors, vcov) = (self.std_errors(), self.vcov());
        let (k, all) = (rows.len(), self.rows.len());
        let correlation = |i: usize, j: usize| {
            vcov[rows[i] * all + rows[j]] / (errors[rows[i]] * errors[rows[j]])
        };
        // a lower factor that allows for rows that depend on others
        let mut lower = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let done: f64 = (0..j).map(|l| lower[i * k + l] * lower[j * k + l]).sum();
                let left = correlation(i, j) - done;
                lower[i * k + j] = if i == j {
                    left.max(0.0).sqrt()
                } else if lower[j * k + j] > 1e-7 {
                    left / lower[j * k + j]
                } else {
                    0.0
                };
            }
        }
        lower
    }

    /// Two-sided p values, shape `(k,)`; NaN without a standard error.
    #[must_use]
    pub fn p_values(&self) -> Vec<f64> {
        self.p_values_with(&self.std_errors())
    }

    fn p_values_with(&self, errors: &[f64]) -> Vec<f64> {
        let p = |(b, &se): (f64, &f64)| {
            if se.is_nan() || se <= 0.0 {
                return f64::NAN;
            }
            match self.df {
                None => 2.0 * normal_sf((b / se).abs()),
                Some(df) => t_two_sided(b / se, df),
            }
        };
        self.estimates().into_iter().zip(errors).map(p).collect()
    }

    /// One row an effect.
    ///
    /// Columns: `cohort` and `period` (null in means over them), `event`, `phase` (`before`,
    /// `after`, `overall`), `estimate`, `std_error`, `statistic`, `p_value`, `conf_low`,
    /// `conf_high` (pointwise), `band_low`, `band_high` (as `bands` asks), `n_treated`,
    /// `n_control`, `status`, `reason`.
    ///
    /// # Errors
    ///
    /// As [`reach`](Self::reach).
    pub fn tidy(&self, bands: Bands, alpha: f64, ticket: &Ticket) -> Result<Table, EvaluateError> {
        let point = self.reach(Bands::Pointwise, alpha, ticket)?;
        let band = self.reach(bands, alpha, ticket)?;
        let estimates = self.estimates();
        let errors = match bands {
            Bands::Quantiles { draws, seed } => self.quantiles(draws, seed, alpha, ticket)?.0,
            Bands::Pointwise | Bands::SupT { .. } => self.std_errors(),
        };
        let known = |values: Vec<f64>| {
            let values: Vec<Option<f64>> =
                values.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect();
            Column::floats(&values)
        };
        let bound = |reach: f64| {
            let of = |(b, se): (&f64, &f64)| if *se > 0.0 { b + reach * se } else { f64::NAN };
            known(estimates.iter().zip(&errors).map(of).collect())
        };
        let error = |(se, row): (&f64, &crate::data::Effect)| {
            if row.status == Status::Reference { f64::NAN } else { *se }
        };
        let std_error: Vec<f64> = errors.iter().zip(&self.rows).map(error).collect();
        let ratio = estimates.iter().zip(&errors);
        let ratio = ratio.map(|(b, se)| if *se > 0.0 { b / se } else { f64::NAN }).collect();
        let periods = |of: &dyn Fn(&crate::data::Effect) -> Option<i32>| {
            let numbers: Vec<Option<i32>> = self.rows.iter().map(of).collect();
            let filled: Vec<i32> =
                numbers.iter().map(|number| number.unwrap_or_default()).collect();
            Column::new(
                Values::Period(self.calendar.unit(), filled.into()),
                Bitmap::pack(numbers.iter().map(Option::is_some)),
            )
        };
        let phase = |phase: Phase| match phase {
            Phase::Before => "before",
            Phase::After => "after",
            Phase::Overall => "overall",
        };
        let events: Vec<Option<i64>> =
            self.rows.iter().map(|row| row.event.map(i64::from)).collect();
        let count = |of: &dyn Fn(&crate::data::Effect) -> u64| {
            Column::int(self.rows.iter().map(|row| of(row) as i64).collect())
        };
        Ok(Table::new([
            ("cohort", periods(&|row| row.cohort)),
            ("period", periods(&|row| row.period)),
            ("event", Column::ints(&events)),
            ("phase", Column::text(self.rows.iter().map(|row| Some(phase(row.phase))))),
            ("estimate", known(estimates.clone())),
            ("std_error", known(std_error)),
            ("statistic", known(ratio)),
            ("p_value", known(self.p_values_with(&errors))),
            ("conf_low", bound(-point)),
            ("conf_high", bound(point)),
            ("band_low", bound(-band)),
            ("band_high", bound(band)),
            ("n_treated", count(&|row| row.n_treated)),
            ("n_control", count(&|row| row.n_control)),
            ("status", Column::text(self.rows.iter().map(|row| Some(row.status.name())))),
            ("reason", Column::text(self.rows.iter().map(|row| row.status.reason()))),
        ])?)
    }

    /// Tests that all effects before treatment are zero.
    ///
    /// A test that does not reject says little by itself: `slope_80` is the trend it finds in four
    /// of five samples, `bias_80` what that trend does to the effect.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::WrongRows`] when no row lies before treatment.
    pub fn pretest(&self) -> Result<Pretest, EvaluateError> {
        let rows = self.estimated(|phase| phase == Phase::Before);
        if rows.is_empty() {
            return Err(EvaluateError::WrongRows {
                verb: "pretest",
                by: self.by.name(),
                why: "none of them lies before treatment and has a standard error",
            });
        }
        let (vcov, all, k) = (self.vcov(), self.rows.len(), rows.len());
        let own: Vec<f64> = (0..k * k).map(|at| vcov[rows[at / k] * all + rows[at % k]]).collect();
        let triangle = Triangle::cholesky(&own, &vec![0.0; k], 1e-10);
        let b: Vec<f64> = triangle.kept.iter().map(|&at| self.rows[rows[at]].estimate).collect();
        let statistic: f64 = triangle.solve(&b).iter().zip(&b).map(|(x, b)| x * b).sum();
        let df = triangle.kept.len();
        let (slope_80, bias_80) = self.trend().map_or((f64::NAN, f64::NAN), |trend| {
            let x: Vec<f64> = triangle.kept.iter().map(|&at| trend[rows[at]]).collect();
            let scaled: f64 = triangle.solve(&x).iter().zip(&x).map(|(a, b)| a * b).sum();
            self.detectable(scaled, df, &trend)
        });
        Ok(Pretest { statistic, df, p_value: chi2_sf(statistic, df as f64), slope_80, bias_80 })
    }
}

/// Standard normal numbers of draw `at`.
pub(super) fn normals(seed: Seed, at: u64, out: &mut [f64]) {
    for (block, slots) in out.chunks_mut(4).enumerate() {
        let words = seed.words([at, block as u64, 0, 0x5EED]);
        for (pair, slots) in slots.chunks_mut(2).enumerate() {
            let radius = (-2.0 * libm::log(Seed::unit(words[2 * pair]))).sqrt();
            let angle = std::f64::consts::TAU * Seed::unit(words[2 * pair + 1]);
            slots[0] = radius * libm::cos(angle);
            if let Some(second) = slots.get_mut(1) {
                *second = radius * libm::sin(angle);
            }
        }
    }
}
