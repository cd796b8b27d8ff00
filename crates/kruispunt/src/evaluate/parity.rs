//! Standard errors and bands as R's `did` draws them.

use super::EvaluateError;
use super::inference::normals;
use crate::data::{Effects, Phase, Seed, Ticket};
use crate::math::special::normal_quantile;
use rayon::prelude::*;

/// The quantile of type 1: the smallest value that a share `p` of sorted values does not exceed.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

impl Effects {
    /// Standard errors from interquartile ranges, and the reach of the uniform band.
    pub(super) fn quantiles(
        &self,
        draws: u32,
        seed: Seed,
        alpha: f64,
        ticket: &Ticket,
    ) -> Result<(Vec<f64>, f64), EvaluateError> {
        let mut errors = self.std_errors();
        let rows = self.estimated(|_| true);
        let k = rows.len();
        let made = self.standardised(&rows);
        if draws < 100 && made.is_none() {
            return Err(EvaluateError::BadArgument {
                argument: "draws",
                expected: "at least 100 draws",
                got: draws.to_string(),
            });
        }
        ticket.stage("draws of all estimates", u64::from(draws));
        let drawn = made.unwrap_or_else(|| self.drawn_normal(&rows, draws, seed, ticket));
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let apart = normal_quantile(0.75) - normal_quantile(0.25);
        let mut factors = vec![1.0; k];
        for (at, factor) in factors.iter_mut().enumerate() {
            let mut own: Vec<f64> = drawn.iter().map(|draw| draw[at]).collect();
            own.sort_by(f64::total_cmp);
            *factor = (quantile(&own, 0.75) - quantile(&own, 0.25)) / apart;
            errors[rows[at]] *= *factor;
        }
        let path: Vec<usize> =
            (0..k).filter(|&at| self.rows[rows[at]].phase != Phase::Overall).collect();
        let largest = |draw: &Vec<f64>| {
            path.iter().map(|&at| (draw[at] / factors[at]).abs()).fold(0.0, f64::max)
        };
        let mut tops: Vec<f64> = drawn.iter().map(largest).collect();
        tops.sort_by(f64::total_cmp);
        let reach = if path.len() < 2 { 0.0 } else { quantile(&tops, 1.0 - alpha) };
        Ok((errors, reach))
    }

    /// Draws of some rows over their standard errors, from their correlation.
    fn drawn_normal(
        &self,
        rows: &[usize],
        draws: u32,
        seed: Seed,
        ticket: &Ticket,
    ) -> Vec<Vec<f64>> {
        let (lower, k) = (self.lower(rows), rows.len());
        (0..draws)
            .into_par_iter()
            .map(|draw| {
                let mut z = vec![0.0; k];
                if !ticket.is_cancelled() {
                    normals(seed, u64::from(draw), &mut z);
                }
                let product = |i: usize| (0..=i).map(|j| lower[i * k + j] * z[j]).sum();
                (0..k).map(product).collect()
            })
            .collect()
    }
}
