//! Clustered covariances: sums of the scores by cluster.

use super::{Covariance, Parts, Vcov};
use crate::data::{ClusterCount, ClusterDf, Factor};
use crate::estimate::EstimateError;
use crate::math::crossprod::gram;
use crate::math::linalg::{positive_part, sandwich};
use rayon::prelude::*;

impl Parts<'_> {
    pub(super) fn clustered(
        &self,
        vcov: &Vcov,
        variables: &[String],
    ) -> Result<Covariance, EstimateError> {
        if variables.is_empty() || variables.len() > 4 {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "one to four cluster variables",
                got: variables.len().to_string(),
            });
        }
        let factors = variables
            .iter()
            .map(|name| {
                let factor = self.variable(name)?;
                if factor.n_levels() < 2 {
                    return Err(EstimateError::TooFewClusters {
                        cluster: name.clone(),
                        n: factor.n_levels(),
                    });
                }
                Ok(factor)
            })
            .collect::<Result<Vec<_>, EstimateError>>()?;
        let nested: Vec<bool> = self
            .sample
            .effects
            .iter()
            .map(|effect| factors.iter().any(|factor| is_nested(&effect.factor, factor)))
            .collect();
        let scale = self.correction(self.parameters(&nested), self.observations() - 1.0)?;
        let smallest = factors.iter().map(|factor| factor.n_levels()).min().unwrap_or(0);
        let mut matrix = vec![0.0; self.k() * self.k()];
        for subset in 1_u32..1 << factors.len() {
            let chosen: Vec<&Factor> = (0..factors.len())
                .filter(|at| subset >> at & 1 == 1)
                .map(|at| factors[at])
                .collect();
            let crossed = cross(&chosen);
            let factor = crossed.as_ref().unwrap_or(chosen[0]);
            let part = match vcov {
                Vcov::Crv3(_) => self.jackknife(factor, &nested)?,
                _ => self.cluster_sandwich(factor),
            };
            let g = match self.ssc.g_df {
                ClusterDf::Min => smallest,
                ClusterDf::Conventional => factor.n_levels(),
            } as f64;
            let correction = if self.ssc.g_adjust { g / (g - 1.0) } else { 1.0 };
            let sign = if chosen.len() % 2 == 1 { 1.0 } else { -1.0 };
            for (total, part) in matrix.iter_mut().zip(part) {
                *total += sign * scale * correction * part;
            }
        }
        let fixed = if factors.len() > 1 { positive_part(&matrix, self.k()) } else { None };
        let repaired = fixed.is_some();
        let count = |(name, factor): (&String, &&Factor)| ClusterCount {
            name: name.clone(),
            clusters: factor.n_levels(),
        };
        Ok(Covariance {
            matrix: fixed.unwrap_or(matrix),
            df: smallest as f64 - 1.0,
            df_each: Vec::new(),
            clusters: variables.iter().zip(&factors).map(count).collect(),
            text: vcov.text(),
            repaired,
        })
    }

    /// Sums of the scores by cluster, one column a regressor.
    fn cluster_sandwich(&self, factor: &Factor) -> Vec<f64> {
        let (weights, residuals, codes) = (self.weights(), self.residuals(), factor.codes());
        let sums: Vec<Vec<f64>> = self
            .sample
            .regressors
            .par_iter()
            .map(|column| {
                let mut sums = vec![0.0; factor.n_levels()];
                let rows = codes.iter().zip(column).zip(residuals);
                match weights {
                    None => rows.for_each(|((&code, x), u)| sums[code as usize] += x * u),
                    Some(weights) => rows.zip(weights).for_each(|(((&code, x), u), w)| {
                        sums[code as usize] += x * (w * u);
                    }),
                }
                sums
            })
            .collect();
        let views: Vec<&[f64]> = sums.iter().map(Vec::as_slice).collect();
        sandwich(&self.sample.bread, &gram(&views, None), self.k())
    }
}

fn cross(factors: &[&Factor]) -> Option<Factor> {
    let (first, rest) = factors.split_first()?;
    let mut all: Option<Factor> = None;
    for factor in rest {
        all = Some(all.as_ref().unwrap_or(first).cross(factor));
    }
    all
}

/// Whether every level of `inner` lies in one level of `outer`.
pub(in crate::estimate) fn is_nested(inner: &Factor, outer: &Factor) -> bool {
    if std::ptr::eq(inner, outer) {
        return true;
    }
    if inner.n_levels() < outer.n_levels() {
        return false; // every level of `outer` occurs
    }
    let mut home = vec![u32::MAX; inner.n_levels()];
    inner.codes().iter().zip(outer.codes()).all(|(&inner, &outer)| {
        let slot = &mut home[inner as usize];
        let fits = *slot == u32::MAX || *slot == outer;
        *slot = outer;
        fits
    })
}
