//! The chance not to have started since, of those who did not start.

use super::risk::{Risk, Standing};
use super::{DynamicMatching, go_on};
use crate::data::{Panel, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::hazard::log_odds;
use rustc_hash::FxHashMap;

impl DynamicMatching {
    /// One over the chance not to have started after the row up to each horizon, row by row of
    /// `risk`.
    ///
    /// The chance to start in a period, any kind of treatment, is that of the cell; with covariates
    /// that of a logit on them, with a level for each period and duration. Rows that lack a covariate
    /// have the chance of their period and duration.
    pub(super) fn not_started(
        &self,
        panel: &Panel,
        y: &[f64],
        risk: &[Risk],
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let stays = self.stays(panel, y, ticket)?;
        // Sums of logarithms over a person's rows, up to and with each.
        let mut sums = vec![0.0; stays.len()];
        for person in 0..panel.persons().len() {
            let mut sum = 0.0;
            for row in panel.of(person) {
                sum += stays[row];
                sums[row] = sum;
            }
        }
        let positions = panel.positions();
        let mut all = Vec::with_capacity(risk.len() * self.horizons.len());
        for own in risk {
            let rows = panel.of(own.person);
            for &e in &self.horizons {
                if own.starts || e <= 0 {
                    all.push(1.0);
                    continue;
                }
                let until = i64::from(positions[own.row]) + i64::from(e);
                let last = rows.start
                    + positions[rows.clone()].partition_point(|&at| i64::from(at) <= until)
                    - 1;
                all.push(libm::exp(sums[own.row] - sums[last]));
            }
        }
        Ok(all)
    }

    /// The logarithm of the chance not to start in the period of each row; 0 where nobody could.
    fn stays(&self, panel: &Panel, y: &[f64], ticket: &Ticket) -> Result<Vec<f64>, EvaluateError> {
        let standings = self.standings(panel)?;
        let mut found = Vec::new();
        for person in 0..panel.persons().len() {
            for row in panel.of(person) {
                if let Standing::Risk { duration, begins, later } = standings[row] {
                    let own =
                        Risk { row, person, cell: 0, starts: begins, later, base: 0, read: 0 };
                    found.push((own, duration));
                }
            }
        }
        let all = self.cells(panel, found)?;
        let mut stays = vec![0.0; panel.n_rows()];
        let matched = !self.covariates.is_empty() || self.history > 0;
        let mut counts: FxHashMap<u32, [f64; 2]> = FxHashMap::default();
        let key = |own: &Risk| if matched { own.base } else { own.cell };
        for own in &all {
            counts.entry(key(own)).or_default()[usize::from(own.starts)] += 1.0;
        }
        let floor = |p: f64| libm::log((1.0 - p).max(1e-3));
        for own in &all {
            let [waits, starts] = counts.get(&key(own)).copied().unwrap_or([1.0, 0.0]);
            stays[own.row] = floor(starts / (starts + waits));
        }
        if !matched {
            return Ok(stays);
        }
        go_on(ticket)?;
        let again = all.into_iter().map(|own| (own, 0)).collect();
        let (kept, covariates, _, _) = self.read_covariates(panel, y, again)?;
        let risk: Vec<Risk> = kept.into_iter().map(|own| own.0).collect();
        let columns: Vec<Vec<f64>> = covariates
            .columns
            .iter()
            .map(|own| risk.iter().map(|at| own[at.read as usize]).collect())
            .collect();
        let (level, n_levels) = super::score::levels(panel, &risk);
        let event: Vec<u32> = risk.iter().map(|own| u32::from(own.starts)).collect();
        let odds = log_odds(&columns, &covariates.names, (&level, n_levels), &event, ticket)?;
        for (own, odds) in risk.iter().zip(odds) {
            if odds.is_finite() {
                stays[own.row] = floor(1.0 / (1.0 + libm::exp(-odds)));
            }
        }
        Ok(stays)
    }
}
