//! Whether starters and their controls are alike.

use super::DynamicMatching;
use super::pairing::{Matcher, Ordered, Pairs};
use super::risk::RiskSets;
use super::score::Placed;
use crate::data::{Column, Panel, Table, Ticket};
use crate::evaluate::EvaluateError;

/// Weighted mean and variance.
fn moments(values: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let (mut sum, mut mass) = (0.0, 0.0);
    for (x, w) in values.clone() {
        sum += w * x;
        mass += w;
    }
    let mean = sum / mass;
    let square: f64 = values.map(|(x, w)| w * (x - mean) * (x - mean)).sum();
    (mean, square / mass)
}

impl DynamicMatching {
    /// Whether starters and controls are alike before and after matching.
    ///
    /// One row a covariate (those given, the record of the outcome, and columns of `exact` and
    /// `coarse` that hold numbers): means of starters that are matched and of controls, before
    /// among all who are at risk in the cells and after with the weights they serve with; the
    /// difference in standard deviations of starters (below 0.1 is the usual bar); and the ratio
    /// of variances after.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn balance_with(&self, panel: &Panel, ticket: &Ticket) -> Result<Table, EvaluateError> {
        self.check()?;
        let y = super::outcome(panel, &self.outcome)?;
        let sets = self.risk_sets(panel, &y, ticket)?;
        let Placed { place, caliper, .. } = self.placed(panel, &sets, ticket)?;
        let ordered = Ordered::new(&sets.risk, sets.n_cells, &place);
        let pairs = Matcher {
            pairing: self.pairing,
            reuse: self.reuse,
            caliper,
            place: &place,
            ordered: &ordered,
            times: None,
        }
        .pairs();
        self.compare(panel, &sets, &pairs)
    }

    fn compare(
        &self,
        panel: &Panel,
        sets: &RiskSets,
        pairs: &Pairs,
    ) -> Result<Table, EvaluateError> {
        let mut names = sets.covariates.names.clone();
        let mut columns: Vec<Vec<f64>> = sets
            .covariates
            .columns
            .iter()
            .map(|own| sets.risk.iter().map(|at| own[at.read as usize]).collect())
            .collect();
        let more = self.exact.iter().chain(self.coarse.iter().map(|own| &own.0));
        for name in more.filter(|name| !self.covariates.contains(name)) {
            if let Ok(values) = panel.column("exact", name)?.to_floats("exact", name) {
                names.push(name.clone());
                columns.push(sets.risk.iter().map(|at| values[at.row]).collect());
            }
        }
        let mut serves = vec![0.0; sets.risk.len()];
        let mut matched = vec![false; sets.risk.len()];
        for (starter, controls, weights) in pairs.each() {
            matched[starter as usize] = true;
            for (&control, weight) in controls.iter().zip(weights) {
                serves[control as usize] += weight;
            }
        }
        let mut out: [Vec<f64>; 6] = Default::default();
        for column in &columns {
            let there = |at: &usize| !column[*at].is_nan();
            let all = || (0..sets.risk.len()).filter(there);
            let (one, one_var) =
                moments(all().filter(|&at| matched[at]).map(|at| (column[at], 1.0)));
            let before =
                moments(all().filter(|&at| !sets.risk[at].starts).map(|at| (column[at], 1.0)));
            let after =
                moments(all().filter(|&at| serves[at] > 0.0).map(|at| (column[at], serves[at])));
            let sd = one_var.sqrt();
            let gap = |mean: f64| {
                let gap = one - mean;
                if gap.abs() <= 1e-12 * one.abs().max(1.0) { 0.0 } else { gap / sd }
            };
            let row = [one, before.0, after.0, gap(before.0), gap(after.0), one_var / after.1];
            for (slot, value) in out.iter_mut().zip(row) {
                slot.push(value);
            }
        }
        let labels = [
            "mean_starters",
            "mean_before",
            "mean_after",
            "difference_before",
            "difference_after",
            "variance_ratio",
        ];
        let mut table =
            Table::new([("covariate", Column::text(names.iter().map(|own| Some(own.as_str()))))])?;
        for (name, values) in labels.into_iter().zip(out) {
            let values: Vec<Option<f64>> =
                values.into_iter().map(|own| own.is_finite().then_some(own)).collect();
            table.push(name, Column::floats(&values))?;
        }
        Ok(table)
    }
}
