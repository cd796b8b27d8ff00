//! The cluster jackknife.

use super::Parts;
use crate::data::{Factor, Instrumental, SampleEffect, effect_parameters};
use crate::estimate::EstimateError;
use crate::estimate::absorption::sweep;
use crate::estimate::glm::leave::coefficients;
use crate::estimate::iv::{Places, by_products};
use crate::estimate::least_squares::{combine, measure, solve};
use crate::math::absorb::Stop;
use crate::math::crossprod::gram;
use rayon::prelude::*;

impl Parts<'_> {
    /// The cluster jackknife.
    pub(super) fn jackknife(
        &self,
        factor: &Factor,
        nested: &[bool],
    ) -> Result<Vec<f64>, EstimateError> {
        let within = nested.iter().all(|nested| *nested);
        let gaps = if self.sample.instrumented {
            self.gaps_instrumented(factor, within)?
        } else if self.sample.working.is_some() {
            self.gaps_fitted(factor)?
        } else if within {
            self.gaps_within(factor)
        } else {
            self.gaps_swept(factor)?
        };
        let k = self.k();
        let mut matrix = vec![0.0; k * k];
        for gap in &gaps {
            for i in 0..k {
                for j in 0..k {
                    matrix[i * k + j] += gap[i] * gap[j];
                }
            }
        }
        Ok(matrix)
    }

    /// What leaving out each cluster changes, where no effect crosses clusters: from cross-products.
    fn gaps_within(&self, factor: &Factor) -> Vec<Vec<f64>> {
        let pieces = self.pieces(factor);
        (0..pieces.g)
            .into_par_iter()
            .map(|cluster| pieces.gap(cluster, &pieces.without(cluster), self.coef))
            .collect()
    }

    /// The same where effects cross clusters: they are swept out again without each cluster.
    fn gaps_swept(&self, factor: &Factor) -> Result<Vec<Vec<f64>>, EstimateError> {
        let stop = Stop { tol: 1e-9, max_iter: 20_000 };
        let mut gaps = Vec::with_capacity(factor.n_levels());
        self.ticket.stage("jackknife", factor.n_levels() as u64);
        for cluster in 0..factor.n_levels() as u32 {
            let stay: Vec<u32> = (0..self.n() as u32)
                .filter(|&row| factor.codes()[row as usize] != cluster)
                .collect();
            let pick = |column: &[f64]| -> Vec<f64> {
                stay.iter().map(|&row| column[row as usize]).collect()
            };
            let effects: Vec<SampleEffect> =
                self.sample.effects.iter().map(|effect| effect.take(&stay)).collect();
            let weights = self.weights().map(pick);
            let mut left = pick(self.residuals());
            let mut columns: Vec<Vec<f64>> =
                self.sample.regressors.iter().map(|column| pick(column)).collect();
            let mut all: Vec<&mut [f64]> = std::iter::once(left.as_mut_slice())
                .chain(columns.iter_mut().map(Vec::as_mut_slice))
                .collect();
            let swept = sweep(&effects, weights.as_deref(), &mut all, stop, self.ticket)?;
            let reference: Vec<f64> =
                swept.variation.iter().skip(1).map(|own| measure(own, 1e-9)).collect();
            let solved = solve(columns, left, weights.as_deref(), &reference, 1e-9);
            let mut gap: Vec<f64> = self.coef.iter().map(|b| -b).collect();
            for (&j, value) in solved.kept.iter().zip(solved.coef) {
                gap[j] = value;
            }
            gaps.push(gap);
            self.ticket.advance(1);
        }
        Ok(gaps)
    }

    /// Rows outside a cluster.
    fn outside(&self, factor: &Factor, cluster: u32) -> Vec<u32> {
        (0..self.n() as u32).filter(|&row| factor.codes()[row as usize] != cluster).collect()
    }

    /// From coefficients without a cluster: what cannot be told there counts as 0.
    fn gap(&self, without: Vec<Option<f64>>) -> Vec<f64> {
        self.coef.iter().zip(without).map(|(b, own)| own.unwrap_or(0.0) - b).collect()
    }

    /// The same for models of the likelihood, fitted again from where they stand.
    fn gaps_fitted(&self, factor: &Factor) -> Result<Vec<Vec<f64>>, EstimateError> {
        let Some(family) = self.model.family else {
            return Err(refused("a covariance without jackknife, for this model"));
        };
        self.ticket.stage("jackknife", factor.n_levels() as u64);
        let mut gaps = Vec::with_capacity(factor.n_levels());
        for cluster in 0..factor.n_levels() as u32 {
            let stay = self.outside(factor, cluster);
            let quiet = self.ticket;
            gaps.push(self.gap(coefficients(family, self.sample, stay, quiet)?));
        }
        Ok(gaps)
    }

    /// The same with instruments: from cross-products, after sweeping again where effects cross
    /// clusters (and for Fuller's correction, which counts the effects that are left).
    fn gaps_instrumented(
        &self,
        factor: &Factor,
        within: bool,
    ) -> Result<Vec<Vec<f64>>, EstimateError> {
        let (columns, places) = self.instrumented_columns()?;
        let how = self.sample.instrumental;
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let g = factor.n_levels();
        if within && !matches!(how, Instrumental::Fuller(_)) {
            let whole = gram(&views, self.weights());
            let parts = by_cluster(&views, factor, self.weights());
            let own = |part: &[f64]| -> Vec<f64> {
                let rest: Vec<f64> = whole.iter().zip(part).map(|(all, own)| all - own).collect();
                self.gap(by_products(&rest, places, how, 0.0))
            };
            return Ok(parts.par_chunks(whole.len()).map(own).collect());
        }
        let stop = Stop { tol: 1e-9, max_iter: 20_000 };
        self.ticket.stage("jackknife", g as u64);
        let mut gaps = Vec::with_capacity(g);
        for cluster in 0..g as u32 {
            let stay = self.outside(factor, cluster);
            let pick = |column: &[f64]| -> Vec<f64> {
                stay.iter().map(|&row| column[row as usize]).collect()
            };
            let effects: Vec<SampleEffect> =
                self.sample.effects.iter().map(|effect| effect.take(&stay)).collect();
            let weights = self.weights().map(pick);
            let mut own: Vec<Vec<f64>> = views.iter().map(|column| pick(column)).collect();
            let mut all: Vec<&mut [f64]> = own.iter_mut().map(Vec::as_mut_slice).collect();
            sweep(&effects, weights.as_deref(), &mut all, stop, self.ticket)?;
            let left: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
            let causes = places.exogenous + places.instruments;
            let counted = effect_parameters(effects.iter().map(|own| (own, true)));
            let room = stay.len() as f64 - (causes + counted) as f64;
            gaps.push(self.gap(by_products(&gram(&left, weights.as_deref()), places, how, room)));
            self.ticket.advance(1);
        }
        Ok(gaps)
    }

    /// Exogenous variables, endogenous ones, instruments and the outcome, swept.
    fn instrumented_columns(&self) -> Result<(Vec<Vec<f64>>, Places), EstimateError> {
        let lost = EstimateError::NoSample { what: "CRV3" };
        let Some((first, own)) =
            self.model.first_stage.first().and_then(|fit| Some((fit, fit.sample()?)))
        else {
            return Err(lost);
        };
        let (mut exogenous, mut instruments) = (Vec::new(), Vec::new());
        for (name, column) in first.names().iter().zip(&own.regressors) {
            let to = if self.model.instruments.contains(name) {
                &mut instruments
            } else {
                &mut exogenous
            };
            to.push(column.clone());
        }
        let mut endogenous = Vec::new();
        for stage in self.model.first_stage {
            let own = stage.sample().ok_or(EstimateError::NoSample { what: "CRV3" })?;
            let columns: Vec<&[f64]> = own.regressors.iter().map(Vec::as_slice).collect();
            let fitted = combine(&columns, stage.coef(), self.n());
            endogenous
                .push(fitted.iter().zip(&own.residuals).map(|(a, b)| a + b).collect::<Vec<f64>>());
        }
        if self.k() != exogenous.len() + endogenous.len() {
            return Err(refused(
                "a covariance without jackknife where the second stage drops regressors",
            ));
        }
        let places = Places {
            exogenous: exogenous.len(),
            endogenous: endogenous.len(),
            instruments: instruments.len(),
        };
        let explained: Vec<&[f64]> =
            exogenous.iter().chain(&endogenous).map(Vec::as_slice).collect();
        let fitted = combine(&explained, self.coef, self.n());
        let y: Vec<f64> = fitted.iter().zip(self.residuals()).map(|(a, b)| a + b).collect();
        let all = exogenous.into_iter().chain(endogenous).chain(instruments);
        Ok((all.chain(std::iter::once(y)).collect(), places))
    }
}

fn refused(expected: &'static str) -> EstimateError {
    EstimateError::BadArgument { argument: "vcov", expected, got: "CRV3".to_owned() }
}

/// Cross-products of each cluster, one after another.
fn by_cluster(columns: &[&[f64]], factor: &Factor, weights: Option<&[f64]>) -> Vec<f64> {
    let wide = columns.len();
    let mut all = vec![0.0; factor.n_levels() * wide * wide];
    for (row, &code) in factor.codes().iter().enumerate() {
        let weight = weights.map_or(1.0, |own| own[row]);
        let own = &mut all[code as usize * wide * wide..(code as usize + 1) * wide * wide];
        for (i, a) in columns.iter().enumerate() {
            for (j, b) in columns.iter().enumerate() {
                own[i * wide + j] += weight * a[row] * b[row];
            }
        }
    }
    all
}
