//! Clustered errors of a treatment when clusters are many of a finite population.

use super::EstimateError;
use super::least_squares::solve;
use crate::data::{Factor, Fit, Seed, Table, Ticket};
use crate::math::crossprod::dot;
use serde::{Deserialize, Serialize};

/// A treatment's coefficient with the causal cluster variance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CausalCluster {
    /// The coefficient.
    pub estimate: f64,
    /// Its standard error by the causal cluster variance.
    pub std_error: f64,
    /// That clustered by CRV1 alone.
    pub clustered: f64,
    /// Clusters.
    pub n_clusters: usize,
}

/// What is drawn from which population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Halves of the sample drawn and averaged over.
    pub splits: usize,
    /// Share of the population's clusters that are in the sample.
    pub clusters: f64,
    /// Share of a cluster's units that are in the sample.
    pub units: f64,
}

impl Fit {
    /// The causal cluster variance of Abadie, Athey, Imbens and Wooldridge for a treatment of 0
    /// and 1: clustering matters as far as treatment is assigned by cluster and clusters are
    /// drawn from more of them; the usual errors are too large where it is assigned within.
    ///
    /// On one random half of the rows the model is estimated, over all and by cluster; the other
    /// half gives the products of residuals. Averaged over `drawing.splits` halves; the formula is
    /// that of pyfixest and Stata's `ccv`, with its term for clusters that were not drawn.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`], [`EstimateError::NoSuchCoefficient`],
    /// [`EstimateError::BadArgument`] for effects, weights, other models than least squares, or a
    /// treatment that is not 0 and 1, [`EstimateError::Cancelled`].
    ///
    /// # References
    ///
    /// - Abadie, A., Athey, S., Imbens, G. W. & Wooldridge, J. M. (2023). When should you adjust
    ///   standard errors for clustering? *Quarterly Journal of Economics* 138(1), 1-35.
    pub fn causal_cluster(
        &self,
        treatment: &str,
        (cluster, table): (&str, &Table),
        drawing: Drawing,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<CausalCluster, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "ccv" })?;
        let bad = |argument, expected, got: &str| {
            Err(EstimateError::BadArgument { argument, expected, got: got.to_owned() })
        };
        if !sample.is_least_squares() || !self.effects.is_empty() || sample.weights.is_some() {
            let expected = "least squares without effects, weights and instruments";
            return bad("fit", expected, "another model");
        }
        let shares = [drawing.clusters, drawing.units];
        if drawing.splits == 0 || shares.iter().any(|own| !(0.0..=1.0).contains(own)) {
            return bad("pk", "shares from 0 to 1, and at least one split", "others");
        }
        let Some(at) = self.names.iter().position(|own| own == treatment) else {
            let (name, present) = (treatment.to_owned(), self.names.clone());
            return Err(EstimateError::NoSuchCoefficient { argument: "treatment", name, present });
        };
        let treated = &sample.regressors[at];
        if treated.iter().any(|own| *own != 0.0 && *own != 1.0) {
            return bad("treatment", "a column of 0 and 1", treatment);
        }
        let factor = self.variable_of(cluster, table)?;
        let g = factor.n_levels();
        if g < 2 {
            return Err(EstimateError::TooFewClusters { cluster: cluster.to_owned(), n: g });
        }
        let work = Work::new(self, at, &factor, drawing.clusters);
        let mut total = 0.0;
        ticket.stage("halves", drawing.splits as u64);
        for split in 0..drawing.splits as u64 {
            super::absorption::go_on(ticket)?;
            let Some(own) = work.split(seed, split) else {
                return bad(
                    "treatment",
                    "a treatment that varies in any half of the rows",
                    treatment,
                );
            };
            total += own;
            ticket.advance(1);
        }
        let crv = self.vcov_heard(&super::Vcov::cluster(cluster), table, ticket)?;
        let clustered = crv.vcov[at * self.coef.len() + at];
        let n = sample.residuals.len() as f64;
        let own = total / drawing.splits as f64 / n;
        let variance = drawing.units * own + (1.0 - drawing.units) * clustered;
        Ok(CausalCluster {
            estimate: self.coef[at],
            std_error: variance.sqrt(),
            clustered: clustered.sqrt(),
            n_clusters: g,
        })
    }
}

struct Work<'a> {
    outcome: &'a [f64],
    columns: &'a [Vec<f64>],
    at: usize,
    whole: f64,
    members: Vec<Vec<u32>>,
    /// The coefficient in each cluster, where the treatment varies there.
    alone: Vec<Option<f64>>,
    missed: f64,
}

impl<'a> Work<'a> {
    fn new(fit: &'a Fit, at: usize, factor: &Factor, drawn: f64) -> Self {
        let none: (&[f64], &[Vec<f64>]) = (&[], &[]);
        let (outcome, columns) = fit.sample().map_or(none, |own| (own.outcome(), own.regressors()));
        let mut members = vec![Vec::new(); factor.n_levels()];
        for (row, &code) in factor.codes().iter().enumerate() {
            members[code as usize].push(row as u32);
        }
        let (whole, missed) = (fit.coef[at], 1.0 - drawn);
        let mut this = Self { outcome, columns, at, whole, members, alone: Vec::new(), missed };
        this.alone = this.members.iter().map(|rows| this.effect(rows).map(|own| own.0)).collect();
        this
    }

    /// The treatment's coefficient on some rows, and all of them by column; `None` where it does
    /// not vary.
    fn effect(&self, rows: &[u32]) -> Option<(f64, Vec<f64>)> {
        let pick = |own: &[f64]| -> Vec<f64> { rows.iter().map(|&at| own[at as usize]).collect() };
        let treated = pick(&self.columns[self.at]);
        if treated.iter().all(|own| *own == *treated.first().unwrap_or(&0.0)) {
            return None;
        }
        let columns: Vec<Vec<f64>> = self.columns.iter().map(|own| pick(own)).collect();
        let reference: Vec<f64> = columns.iter().map(|own| dot(own, own)).collect();
        let solved = solve(columns, pick(self.outcome), None, &reference, 1e-9);
        let mut coef = vec![0.0; self.columns.len()];
        for (&place, b) in solved.kept.iter().zip(&solved.coef) {
            coef[place] = *b;
        }
        solved.kept.contains(&self.at).then(|| (coef[self.at], coef))
    }

    fn split(&self, seed: Seed, split: u64) -> Option<f64> {
        let n = self.outcome.len();
        let mut half = vec![false; n];
        for (block, own) in half.chunks_mut(256).enumerate() {
            let words = seed.words([split, block as u64, 0, 0]);
            for (at, inside) in own.iter_mut().enumerate() {
                *inside = words[at / 64] >> (at % 64) & 1 == 1;
            }
        }
        let inside: Vec<u32> = (0..n as u32).filter(|&row| half[row as usize]).collect();
        let (tau, coef) = self.effect(&inside)?;
        let treated = &self.columns[self.at];
        let share =
            inside.iter().map(|&row| treated[row as usize]).sum::<f64>() / inside.len() as f64;
        let out = 1.0 - inside.len() as f64 / n as f64;
        let scale = n as f64 * share.powi(2) * (1.0 - share).powi(2);
        let mut between = 0.0;
        let mut sum = 0.0;
        for (rows, alone) in self.members.iter().zip(&self.alone) {
            between += rows.len() as f64 * (alone.unwrap_or(self.whole) - tau).powi(2);
            let own: Vec<u32> = rows.iter().copied().filter(|&row| half[row as usize]).collect();
            let own = self.effect(&own).map_or(tau, |own| own.0);
            let shift = (own - tau) * share * (1.0 - share);
            let (mut line, mut squares) = (0.0, 0.0);
            for &row in rows.iter().filter(|&&row| !half[row as usize]) {
                let row = row as usize;
                let fitted: f64 = self.columns.iter().zip(&coef).map(|(x, b)| x[row] * b).sum();
                let gap = (treated[row] - share) * (self.outcome[row] - fitted) - shift;
                line += gap;
                squares += gap * gap;
            }
            sum += (line * line - (1.0 - out) * squares) / (out * out);
        }
        between *= self.missed / n as f64;
        Some(sum / scale + self.members.len() as f64 * between)
    }
}
