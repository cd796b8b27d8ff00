//! What persons are matched on: covariates, the record of the outcome, the chance to start.

use super::pairing::{Distance, Pairing, Place};
use super::risk::{Risk, RiskSets};
use super::{DynamicMatching, go_on};
use crate::data::{Column, Panel, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::hazard::{Scored, scored};
use crate::math::crossprod::gram;
use crate::math::linalg::Triangle;
use rustc_hash::FxHashMap;

/// Covariates of those at risk, by column.
pub(super) struct Covariates {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Vec<f64>>,
}

/// A logit of the start, on rows at risk.
pub(super) struct Logit {
    pub(super) scored: Scored,
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) level: Vec<u32>,
    pub(super) n_levels: usize,
}

/// Where those at risk stand.
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) caliper: f64,
    pub(super) logit: Option<Logit>,
}

impl Logit {
    /// How numbers move with each row through the coefficients, when row `at` has `slopes[at]` in
    /// what the numbers make of its linear index.
    pub(super) fn influence(&self, slopes: &[f64]) -> Vec<f64> {
        let k = self.columns.len();
        let mut gradient = vec![0.0; k + self.n_levels];
        for (slot, column) in gradient.iter_mut().zip(&self.columns) {
            *slot = column.iter().zip(slopes).map(|(x, slope)| x * slope).sum();
        }
        for (&level, slope) in self.level.iter().zip(slopes) {
            gradient[k + level as usize] += slope;
        }
        self.scored.influence(&self.columns, &self.level, &gradient)
    }
}

/// A row at risk and its elapsed duration.
type Lasting = (Risk, u32);

/// Numbers, null as NaN; what is not null must be finite.
pub(super) fn finite(
    column: &Column,
    argument: &'static str,
    name: &str,
) -> Result<Vec<f64>, EvaluateError> {
    let values = column.to_floats(argument, name)?;
    match (0..values.len()).find(|&row| !values[row].is_finite() && !column.is_null(row)) {
        Some(row) => Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row }),
        None => Ok(values),
    }
}

/// Levels of base cells beyond which periods alone have their own chance to start.
const MOST_LEVELS: usize = 400;

impl DynamicMatching {
    /// Reads covariates; rows that lack one are left out. Gives how many lack a covariate, and how
    /// many the record.
    pub(super) fn read_covariates(
        &self,
        panel: &Panel,
        y: &[f64],
        found: Vec<Lasting>,
    ) -> Result<(Vec<Lasting>, Covariates, usize, usize), EvaluateError> {
        let mut names = self.covariates.clone();
        let mut read: Vec<Vec<f64>> = Vec::new();
        for name in &self.covariates {
            let column = panel.column("covariates", name)?;
            let values = finite(&column, "covariates", name)?;
            read.push(found.iter().map(|own| values[own.0.row]).collect());
        }
        let given = read.len();
        let other = match &self.record_of {
            Some(name) if self.history > 0 => Some(super::numbers(panel, "record_of", name)?),
            _ => None,
        };
        let record = other.as_deref().unwrap_or(y);
        for back in 1..=self.history as i32 {
            let of = self.record_of.as_ref().unwrap_or(&self.outcome);
            names.push(format!("{of} {back} before"));
            let value =
                |own: &Lasting| self.outcome_at(panel, record, &own.0, -back).unwrap_or(f64::NAN);
            read.push(found.iter().map(value).collect());
        }
        let lacks = |columns: &[Vec<f64>], at: usize| columns.iter().any(|own| own[at].is_nan());
        let (mut missing, mut short) = (0, 0);
        let mut stay = Vec::with_capacity(found.len());
        for at in 0..found.len() {
            let (a, b) = (lacks(&read[given..], at), lacks(&read[..given], at));
            short += usize::from(a);
            missing += usize::from(b && !a);
            stay.push(!a && !b);
        }
        if missing + short > 0 {
            for column in &mut read {
                let mut at = 0;
                column.retain(|_| {
                    at += 1;
                    stay[at - 1]
                });
            }
        }
        let mut kept = Vec::with_capacity(found.len());
        for (at, (own, duration)) in found.into_iter().enumerate() {
            if stay[at] {
                let read = kept.len() as u32;
                kept.push((Risk { read, ..own }, duration));
            }
        }
        Ok((kept, Covariates { names, columns: read }, missing, short))
    }

    /// Where those at risk stand, the largest distance allowed in its unit, and the logit of which
    /// the place is the log odds.
    pub(super) fn placed(
        &self,
        panel: &Panel,
        sets: &RiskSets,
        ticket: &Ticket,
    ) -> Result<Placed, EvaluateError> {
        go_on(ticket)?;
        let columns: Vec<Vec<f64>> = sets
            .covariates
            .columns
            .iter()
            .map(|own| sets.risk.iter().map(|at| own[at.read as usize]).collect())
            .collect();
        let without = |place, caliper| Placed { place, caliper, logit: None };
        let caliper = self.caliper.unwrap_or(f64::INFINITY);
        if self.pairing == Pairing::Cells {
            return Ok(without(Place::Odds(vec![0.0; sets.risk.len()]), caliper));
        }
        if self.distance == Distance::Mahalanobis {
            return Ok(without(whitened(&columns, sets.risk.len()), caliper));
        }
        let event: Vec<u32> = sets.risk.iter().map(|own| u32::from(own.starts)).collect();
        let (level, n_levels) = levels(panel, &sets.risk);
        let levels = (&level[..], n_levels);
        let mut scored = scored(&columns, &sets.covariates.names, levels, &event, ticket)?;
        let odds = std::mem::take(&mut scored.odds);
        // In standard deviations of the log odds among those at risk.
        let there: Vec<f64> = odds.iter().copied().filter(|own| !own.is_nan()).collect();
        let mean = there.iter().sum::<f64>() / there.len() as f64;
        let variance =
            there.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / there.len() as f64;
        let unit = variance.sqrt().max(f64::MIN_POSITIVE);
        let caliper = if caliper.is_finite() { caliper * unit } else { caliper };
        let logit = Some(Logit { scored, columns, level, n_levels });
        Ok(Placed { place: Place::Odds(odds), caliper, logit })
    }
}

/// Dense codes of period and duration; of the period alone when they are many.
pub(super) fn levels(panel: &Panel, risk: &[Risk]) -> (Vec<u32>, usize) {
    let positions = panel.positions();
    let codes = |of: &dyn Fn(&Risk) -> u32| {
        let mut known: FxHashMap<u32, u32> = FxHashMap::default();
        let codes: Vec<u32> = risk
            .iter()
            .map(|own| {
                let next = known.len() as u32;
                *known.entry(of(own)).or_insert(next)
            })
            .collect();
        (codes, known.len())
    };
    let fine = codes(&|own| own.base);
    if fine.1 <= MOST_LEVELS { fine } else { codes(&|own| positions[own.row]) }
}

/// Points whose plain distance is the Mahalanobis distance of the covariates.
fn whitened(columns: &[Vec<f64>], n: usize) -> Place {
    let means: Vec<f64> =
        columns.iter().map(|own| own.iter().sum::<f64>() / n.max(1) as f64).collect();
    let centred: Vec<Vec<f64>> = columns
        .iter()
        .zip(&means)
        .map(|(own, mean)| own.iter().map(|x| x - mean).collect())
        .collect();
    let views: Vec<&[f64]> = centred.iter().map(Vec::as_slice).collect();
    let mut covariance = gram(&views, None);
    for value in &mut covariance {
        *value /= n.max(2) as f64 - 1.0;
    }
    let reference: Vec<f64> = (0..columns.len())
        .map(|at| covariance[at * columns.len() + at] + means[at] * means[at])
        .collect();
    let triangle = Triangle::cholesky(&covariance, &reference, 1e-9);
    let k = triangle.kept.len();
    // x' S^-1 x = |R'^-1 x|^2
    let inverse = triangle.inverse_of_factor();
    let mut points = vec![0.0; n * k];
    for row in 0..n {
        let x: Vec<f64> = triangle.kept.iter().map(|&at| centred[at][row]).collect();
        for (j, slot) in points[row * k..(row + 1) * k].iter_mut().enumerate() {
            *slot = (0..=j).map(|i| x[i] * inverse[i * k + j]).sum();
        }
    }
    Place::Points(points, k)
}
