//! The chance not to have started since, of those who did not start.

use super::risk::{Risk, Standing};
use super::score::Logit;
use super::{DynamicMatching, go_on};
use crate::data::{Panel, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::hazard::scored;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// The chance not to have started since, and how it was found.
pub(super) struct Later {
    /// One over the chance, by row of `risk` and horizon.
    pub(super) weights: Vec<f64>,
    /// By row of `risk` and horizon, the rows of the panel whose chances are in it.
    spans: Vec<Range<usize>>,
    chances: Chances,
}

/// Chances to start in the period of a row.
struct Chances {
    /// The logarithm of the chance not to start, by row of the panel; 0 where nobody could.
    stays: Vec<f64>,
    /// Rows of the panel that are at risk, with their persons, whether they start, and their cells.
    rows: Vec<(usize, usize, bool, u32)>,
    /// The model, of the first of these rows, with a row of the panel and a person each.
    logit: Option<(Logit, Vec<(usize, usize)>)>,
}

/// Chances not to start are at least this.
const LEAST: f64 = 1e-3;

impl Later {
    /// What errors of the chances bring to numbers that move with the logarithm of the weights by
    /// `slopes` (row by row of `risk`, `k` each): by person, `k` each.
    ///
    /// Chances by cell are shares, those by covariates a logit (Lunceford & Davidian 2004). With
    /// covariates, rows that lack one have a share as chance, and what its errors bring is left out.
    pub(super) fn influence(&self, slopes: &[f64], k: usize, persons: usize) -> Vec<f64> {
        let mut found = vec![0.0; persons * k];
        let own = &self.chances;
        let chance = |row: usize| 1.0 - libm::exp(own.stays[row]);
        for h in 0..k {
            // Sums of slopes by row of the panel, as differences first.
            let mut by_row = vec![0.0; own.stays.len() + 1];
            for (at, span) in self.spans.iter().enumerate().filter(|own| own.0 % k == h) {
                if !span.is_empty() {
                    by_row[span.start] += slopes[at];
                    by_row[span.end] -= slopes[at];
                }
            }
            let mut sum = 0.0;
            for slot in &mut by_row {
                sum += *slot;
                *slot = sum;
            }
            // The logarithm of the weight falls with log(1 - p), which moves with the index by -p.
            let moves = |row: usize| {
                let p = chance(row);
                if 1.0 - p > LEAST { by_row[row] * p } else { 0.0 }
            };
            if let Some((logit, rows)) = &own.logit {
                let slopes: Vec<f64> = rows.iter().map(|&(row, _)| moves(row)).collect();
                for (value, &(_, person)) in logit.influence(&slopes).into_iter().zip(rows) {
                    found[person * k + h] += value;
                }
                continue;
            }
            let mut cells: FxHashMap<u32, [f64; 2]> = FxHashMap::default();
            for &(row, _, _, cell) in &own.rows {
                let slot = cells.entry(cell).or_default();
                slot[0] += 1.0;
                let p = chance(row);
                slot[1] += if 1.0 - p > LEAST { by_row[row] / (1.0 - p) } else { 0.0 };
            }
            for &(row, person, starts, cell) in &own.rows {
                let [n, slope] = cells[&cell];
                let p = chance(row);
                found[person * k + h] += slope * (f64::from(u8::from(starts)) - p) / n;
            }
        }
        found
    }
}

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
    ) -> Result<Later, EvaluateError> {
        let chances = self.stays(panel, y, ticket)?;
        let stays = &chances.stays;
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
        let mut weights = Vec::with_capacity(risk.len() * self.horizons.len());
        let mut spans = Vec::with_capacity(weights.capacity());
        for own in risk {
            let rows = panel.of(own.person);
            for &e in &self.horizons {
                if own.starts || e <= 0 {
                    weights.push(1.0);
                    spans.push(0..0);
                    continue;
                }
                let until = i64::from(positions[own.row]) + i64::from(e);
                let last = rows.start
                    + positions[rows.clone()].partition_point(|&at| i64::from(at) <= until)
                    - 1;
                weights.push(libm::exp(sums[own.row] - sums[last]));
                spans.push(own.row + 1..last + 1);
            }
        }
        Ok(Later { weights, spans, chances })
    }

    /// The logarithm of the chance not to start in the period of each row; 0 where nobody could.
    fn stays(&self, panel: &Panel, y: &[f64], ticket: &Ticket) -> Result<Chances, EvaluateError> {
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
        let floor = |p: f64| libm::log((1.0 - p).max(LEAST));
        for own in &all {
            let [waits, starts] = counts.get(&key(own)).copied().unwrap_or([1.0, 0.0]);
            stays[own.row] = floor(starts / (starts + waits));
        }
        let rows = all.iter().map(|own| (own.row, own.person, own.starts, own.cell)).collect();
        if !matched {
            return Ok(Chances { stays, rows, logit: None });
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
        let levels = (&level[..], n_levels);
        let mut scored = scored(&columns, &covariates.names, levels, &event, ticket)?;
        for (own, odds) in risk.iter().zip(std::mem::take(&mut scored.odds)) {
            if odds.is_finite() {
                stays[own.row] = floor(1.0 / (1.0 + libm::exp(-odds)));
            }
        }
        let used = risk.iter().map(|own| (own.row, own.person)).collect();
        let logit = Some((Logit { scored, columns, level, n_levels }, used));
        Ok(Chances { stays, rows, logit })
    }
}
