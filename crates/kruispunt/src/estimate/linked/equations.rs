//! The estimating equations `G'(y - E f(b)) = 0` and their root.

use super::super::EstimateError;
use super::super::absorption::{go_on, sweep};
use super::exchange::Exchange;
use super::model::LinkWeighting;
use super::response::Response;
use crate::data::{SampleEffect, Ticket};
use crate::math::absorb::Stop;
use crate::math::crossprod::dot;
use crate::math::linalg::inverse_of;

/// Steps at most.
const MOST: usize = 200;

/// The data of the equations; effects are swept out of outcome and regressors already.
pub(super) struct Equations<'a> {
    pub(super) response: Response,
    pub(super) weighting: LinkWeighting,
    pub(super) y: &'a [f64],
    pub(super) x: &'a [Vec<f64>],
    pub(super) offset: Option<&'a [f64]>,
    pub(super) exchange: &'a Exchange,
    pub(super) effects: &'a [SampleEffect],
    pub(super) stop: Stop,
    pub(super) ticket: &'a Ticket,
}

/// Everything at one value of the coefficients.
pub(super) struct Here {
    pub(super) mean: Vec<f64>,
    /// y - E f.
    pub(super) residuals: Vec<f64>,
    /// Columns of G.
    pub(super) weighted: Vec<Vec<f64>>,
    /// (G'E df/db)^-1.
    pub(super) inverse: Vec<f64>,
    /// Variance of each outcome under the model.
    pub(super) variance: Vec<f64>,
}

impl Equations<'_> {
    fn k(&self) -> usize {
        self.x.len()
    }

    /// E applied to columns, effects swept out again.
    fn exchanged(&self, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, EstimateError> {
        let mut all: Vec<Vec<f64>> =
            columns.iter().map(|column| self.exchange.apply(column)).collect();
        if !self.effects.is_empty() {
            let mut slices: Vec<&mut [f64]> = all.iter_mut().map(Vec::as_mut_slice).collect();
            sweep(self.effects, None, &mut slices, self.stop, self.ticket)?;
        }
        Ok(all)
    }

    fn residuals(&self, b: &[f64]) -> (Vec<f64>, Result<Vec<f64>, EstimateError>) {
        let n = self.y.len();
        let mut eta = self.offset.map_or_else(|| vec![0.0; n], <[f64]>::to_vec);
        for (column, b) in self.x.iter().zip(b) {
            eta.iter_mut().zip(column).for_each(|(eta, x)| *eta += x * b);
        }
        let mean: Vec<f64> = eta.iter().map(|&eta| self.response.mean(eta)).collect();
        let moved = self.exchanged(std::slice::from_ref(&mean)).map(|mut own| {
            let moved = own.swap_remove(0);
            self.y.iter().zip(&moved).map(|(y, f)| y - f).collect()
        });
        (mean, moved)
    }

    /// Variance of the error of a linear outcome: what is left of the squares when the part of
    /// wrong links is taken out.
    fn error_variance(&self, mean: &[f64], residuals: &[f64], spread: &[f64]) -> f64 {
        let n = self.y.len() as f64;
        let plain = dot(residuals, residuals) / n;
        let own = if self.exchange.is_uniform() {
            let off: Vec<f64> = self.y.iter().zip(mean).map(|(y, f)| y - f).collect();
            let moved = self.exchange.apply(mean);
            let lost: f64 = mean.iter().zip(&moved).map(|(f, m)| f * (f - m)).sum();
            (dot(&off, &off) - 2.0 * lost) / n
        } else {
            plain - spread.iter().sum::<f64>() / n
        };
        if own > 0.0 { own } else { plain }
    }

    fn variance(&self, mean: &[f64], residuals: &[f64]) -> Vec<f64> {
        let spread = self.exchange.spread(mean);
        let own: Vec<f64> = match self.response {
            Response::Linear => {
                vec![self.error_variance(mean, residuals, &spread); mean.len()]
            }
            response => {
                let slopes: Vec<f64> = mean.iter().map(|&mean| response.slope(mean)).collect();
                self.exchange.apply(&slopes)
            }
        };
        own.iter().zip(&spread).map(|(a, b)| (a + b).max(f64::MIN_POSITIVE)).collect()
    }

    pub(super) fn at(&self, b: &[f64]) -> Result<Here, EstimateError> {
        let (mean, residuals) = self.residuals(b);
        let residuals = residuals?;
        let variance = self.variance(&mean, &residuals);
        let slopes: Vec<f64> = mean.iter().map(|&mean| self.response.slope(mean)).collect();
        let tilted: Vec<Vec<f64>> = self
            .x
            .iter()
            .map(|column| column.iter().zip(&slopes).map(|(x, slope)| x * slope).collect())
            .collect();
        let moved = self.exchanged(&tilted)?;
        let weighted = match self.weighting {
            LinkWeighting::Ratio => self.x.to_vec(),
            LinkWeighting::LahiriLarsen => self.exchanged(self.x)?,
            LinkWeighting::Best => moved
                .iter()
                .map(|column| column.iter().zip(&variance).map(|(x, v)| x / v).collect())
                .collect(),
        };
        let k = self.k();
        let jacobian: Vec<f64> =
            (0..k * k).map(|at| dot(&weighted[at / k], &moved[at % k])).collect();
        let inverse = inverse_of(&jacobian, k).ok_or(EstimateError::Diverged { iterations: 0 })?;
        Ok(Here { mean, residuals, weighted, inverse, variance })
    }

    fn step(&self, inverse: &[f64], weighted: &[Vec<f64>], residuals: &[f64]) -> Vec<f64> {
        let k = self.k();
        let moments: Vec<f64> = weighted.iter().map(|column| dot(column, residuals)).collect();
        (0..k).map(|i| dot(&inverse[i * k..(i + 1) * k], &moments)).collect()
    }

    /// The root, from `start`, by steps of Newton that are halved until the step after them, with
    /// the weights and slopes of before, is shorter (Deuflhard's natural test).
    pub(super) fn solve(&self, start: Vec<f64>) -> Result<(Vec<f64>, Here, usize), EstimateError> {
        let n = self.y.len() as f64;
        let size: Vec<f64> = self.x.iter().map(|own| (dot(own, own) / n).sqrt()).collect();
        let length = |step: &[f64]| -> f64 {
            step.iter().zip(&size).map(|(step, size)| (step * size).abs()).fold(0.0, f64::max)
        };
        let mut b = start;
        for iteration in 1..=MOST {
            go_on(self.ticket)?;
            let here = self.at(&b).map_err(|error| match error {
                EstimateError::Diverged { .. } => EstimateError::Diverged { iterations: iteration },
                other => other,
            })?;
            let step = self.step(&here.inverse, &here.weighted, &here.residuals);
            let long = length(&step);
            if !long.is_finite() {
                return Err(EstimateError::Diverged { iterations: iteration });
            }
            if long <= 1e-11 * (1.0 + length(&b)) {
                return Ok((b, here, iteration));
            }
            let mut share = 1.0;
            b = loop {
                let trial: Vec<f64> =
                    b.iter().zip(&step).map(|(b, step)| b + share * step).collect();
                if self.response == Response::Linear || share < 1e-6 {
                    break trial;
                }
                let next = self.step(&here.inverse, &here.weighted, &self.residuals(&trial).1?);
                if length(&next) <= (1.0 - 0.5 * share) * long {
                    break trial;
                }
                share *= 0.5;
            };
        }
        Err(EstimateError::Diverged { iterations: MOST })
    }
}
