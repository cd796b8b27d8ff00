//! Triple differences: a cohort's units that a policy is for, beside those that it is not for.
//!
//! Ortiz-Villavicencio & Sant'Anna (2025, arXiv:2505.09942): with S the cohort and Q whether the
//! policy is for the unit, each comparison cohort c gives
//!
//! ```text
//! ATT_c(g, t) = D[(g, 1), (g, 0)] + D[(g, 1), (c, 1)] - D[(g, 1), (c, 0)]
//! ```
//!
//! with D a difference in differences of its own (given covariates: doubly robust). Cohorts not yet
//! treated may not be pooled; their answers are combined by how precise they are.

use super::callaway::{Cell, Rule, blank, cells, lone};
use super::influence::gram;
use super::nuisance::{Covariates, Group};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Sample};
use super::{Controls, Did, EvaluateError, Gaps, Nuisance};
use crate::data::{By, Effect, Effects, Panel, Ticket};
use crate::math::linalg::Triangle;
use rayon::prelude::*;

/// Whether the policy is for each unit.
fn partition(did: &Did, panel: &Panel, sample: &Sample) -> Result<Vec<bool>, EvaluateError> {
    let Some(name) = did.extra.partition() else {
        return Err(EvaluateError::BadArgument {
            argument: "partition",
            expected: "a column that says which units of a cohort the policy is for",
            got: "none".to_owned(),
        });
    };
    let argument = "partition";
    let column = panel.column(argument, name)?;
    let values = column.to_floats(argument, name)?;
    (0..sample.n_units())
        .map(|unit| {
            let mut own = None;
            for row in sample.rows_of(unit) {
                let value = values[row];
                let column = name.to_owned();
                if column_is_bad(value) || panel.column(argument, name)?.is_null(row) {
                    return Err(EvaluateError::NotBinary { argument, column, row });
                }
                if *own.get_or_insert(value) != value {
                    let why = "whom the policy is for belongs to the unit";
                    return Err(EvaluateError::Varies { argument, column, row, why });
                }
            }
            Ok(own == Some(1.0))
        })
        .collect()
}

fn column_is_bad(value: f64) -> bool {
    value != 0.0 && value != 1.0
}

/// Works on cells.
struct Worker<'a> {
    sample: &'a Sample,
    covariates: &'a Covariates,
    eligible: &'a [bool],
    rule: Rule,
    nuisance: Nuisance,
    cluster_counts: Vec<usize>,
}

/// One difference in differences: the effect and each unit's influence.
struct Part {
    value: f64,
    units: std::sync::Arc<Vec<u32>>,
    psi: Vec<f64>,
    trimmed: usize,
}

/// An estimated cell.
struct Found {
    row: Effect,
    /// By cluster.
    psi: Vec<f64>,
    mass: f64,
    trimmed: usize,
}

impl Worker<'_> {
    /// Units of a cohort and kind that are seen in both periods.
    fn units(&self, cohort: usize, eligible: bool, t: usize, base: usize) -> Vec<u32> {
        let sample = self.sample;
        let profiles = sample
            .profiles
            .iter()
            .filter(|own| own.cohort == cohort && own.present[t] && own.present[base]);
        profiles
            .flat_map(|own| &sample.members[own.first..own.last])
            .copied()
            .filter(|&unit| self.eligible[unit as usize] == eligible)
            .collect()
    }

    fn part(
        &self,
        treated: &[u32],
        controls: &[u32],
        t: usize,
        base: usize,
    ) -> Result<Part, &'static str> {
        let units: Vec<u32> = treated.iter().chain(controls).copied().collect();
        let early = base.min(t);
        let group =
            Group::build(self.sample, self.covariates, units, treated.len(), early, self.nuisance);
        if let Some(reason) = group.lack {
            return Err(reason);
        }
        let change = |&unit: &u32| {
            let y = self.sample.outcomes(unit as usize);
            y[t] - y[base]
        };
        let changes: Vec<f64> = group.units.iter().map(change).collect();
        let found = group.estimate(changes, 1, self.covariates.width(), self.nuisance);
        let value = found.values.first().copied().unwrap_or(f64::NAN);
        Ok(Part { value, units: group.units, psi: found.psi, trimmed: found.trimmed })
    }

    fn add(&self, part: &Part, sign: f64, psi: &mut [f64]) {
        for (&unit, value) in part.units.iter().zip(&part.psi) {
            let unit = unit as usize;
            let at = self.sample.clusters.as_ref().map_or(unit, |codes| codes[unit] as usize);
            psi[at] += sign * value;
        }
    }

    fn cell(&self, cell: &Cell) -> Found {
        let row = blank(self.sample, cell);
        let none = |row| Found { row, psi: Vec::new(), mass: 0.0, trimmed: 0 };
        let Some(base) = cell.base else {
            return none(not_estimable(row, "no period before treatment to compare with"));
        };
        if base == cell.t {
            return none(Effect { estimate: 0.0, ..row });
        }
        match self.compare(cell, base, row.clone()) {
            Ok(found) => found,
            Err(reason) => none(not_estimable(row, reason)),
        }
    }

    fn compare(&self, cell: &Cell, base: usize, mut row: Effect) -> Result<Found, &'static str> {
        let of = |cohort, eligible| self.units(cohort, eligible, cell.t, base);
        let (own, others) = (of(cell.cohort, true), of(cell.cohort, false));
        if own.is_empty() {
            return Err("no unit of the cohort that the policy is for is seen in both periods");
        }
        if others.is_empty() {
            return Err("no unit of the cohort that the policy is not for is seen in both periods");
        }
        let first = self.part(&own, &others, cell.t, base)?;
        let mut trimmed = first.trimmed;
        row.n_treated = own.len() as u64;
        row.n_control = others.len() as u64;
        let (mut values, mut psis, mut smallest) = (Vec::new(), Vec::new(), others.len());
        let mut lack = "no cohort is still untreated that has units of both kinds";
        for cohort in 0..self.sample.starts.len() {
            if !self.rule.allows(self.sample, cell, base, cohort) {
                continue;
            }
            let (same, different) = (of(cohort, true), of(cohort, false));
            if same.is_empty() || different.is_empty() {
                continue;
            }
            let parts = self
                .part(&own, &same, cell.t, base)
                .and_then(|second| Ok((second, self.part(&own, &different, cell.t, base)?)));
            match parts {
                Err(reason) => lack = reason,
                Ok((second, third)) => {
                    let mut psi = vec![0.0; self.sample.n_clusters];
                    self.add(&first, 1.0, &mut psi);
                    self.add(&second, 1.0, &mut psi);
                    self.add(&third, -1.0, &mut psi);
                    values.push(first.value + second.value - third.value);
                    psis.push(psi);
                    trimmed += second.trimmed + third.trimmed;
                    row.n_control += (same.len() + different.len()) as u64;
                    smallest = smallest.min(same.len()).min(different.len());
                }
            }
        }
        if values.is_empty() {
            return Err(lack);
        }
        let weights = precise(&psis);
        row.estimate = values.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
        let mut psi = vec![0.0; self.sample.n_clusters];
        for (own, weight) in psis.iter().zip(&weights) {
            psi.iter_mut().zip(own).for_each(|(slot, value)| *slot += weight * value);
        }
        let counts = Effect { n_control: smallest as u64, ..row.clone() };
        row.status = lone(self.sample, &counts, &self.cluster_counts, cell);
        let mass = |own: &&super::sample::Profile| own.cohort == cell.cohort && own.present[cell.t];
        let mass = self.sample.profiles.iter().filter(mass).map(|own| own.weight).sum();
        Ok(Found { row, psi, mass, trimmed })
    }
}

/// Weights of answers to one question that give the smallest variance.
fn precise(psis: &[Vec<f64>]) -> Vec<f64> {
    let k = psis.len();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let omega: Vec<f64> = (0..k * k).map(|at| product(&psis[at / k], &psis[at % k])).collect();
    let triangle = Triangle::cholesky(&omega, &vec![0.0; k], 1e-10);
    let solved = triangle.solve(&vec![1.0; triangle.kept.len()]);
    let total: f64 = solved.iter().sum();
    let mut weights = vec![0.0; k];
    if solved.is_empty() || total.abs() < f64::MIN_POSITIVE || !total.is_finite() {
        return vec![1.0 / k as f64; k];
    }
    for (&at, value) in triangle.kept.iter().zip(solved) {
        weights[at] = value / total;
    }
    weights
}

/// Estimates the effects of all cells.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    if did.gaps == Gaps::CrossSections {
        return Err(EvaluateError::NotWithMethod {
            argument: "gaps",
            method: "ddd",
            why: "it follows units over time; let `gaps` be pairs or balanced",
        });
    }
    let eligible = partition(did, panel, sample)?;
    let covariates = Covariates::read(did, panel, sample)?;
    let plan = cells(sample, did.base.unwrap_or_default(), did.anticipation);
    let nuisance = if did.covariates.is_empty() { Nuisance::Regression } else { did.nuisance };
    let worker = Worker {
        sample,
        covariates: &covariates,
        eligible: &eligible,
        rule: Rule::of(did),
        nuisance,
        cluster_counts: sample.cohort_clusters(),
    };
    ticket.stage("comparing cohorts", plan.len() as u64);
    let found: Vec<Found> = plan
        .par_iter()
        .map(|cell| {
            if ticket.is_cancelled() {
                let row = blank(sample, cell);
                return Found { row, psi: Vec::new(), mass: 0.0, trimmed: 0 };
            }
            ticket.advance(1);
            worker.cell(cell)
        })
        .collect();
    if ticket.is_cancelled() {
        return Err(EvaluateError::Cancelled);
    }
    let (shares, moves) = shares(sample, &eligible);
    let width = plan.len() + shares.len();
    let mut psi = vec![0.0; sample.n_clusters * width];
    for (id, own) in found.iter().enumerate() {
        for (cluster, value) in own.psi.iter().enumerate() {
            psi[cluster * width + id] = *value;
        }
    }
    for (cluster, own) in moves.chunks_exact(shares.len().max(1)).enumerate() {
        for (at, value) in own.iter().enumerate().take(shares.len()) {
            psi[cluster * width + plan.len() + at] = *value;
        }
    }
    if let Some(own) = &sample.multipliers {
        let drawn = own.of_rows(&psi, width, ticket)?;
        sample.drawn.get_or_init(|| drawn);
    }
    let joint = gram(&psi, sample.n_clusters, width, ticket)?;
    let trimmed: usize = found.iter().map(|own| own.trimmed).sum();
    let mut notes = covariates.notes;
    if trimmed > 0 {
        notes.push(format!(
            "{trimmed} untreated units with a propensity of 0.995 or more get no weight, over all \
             comparisons"
        ));
    }
    let texts = texts(did, notes);
    let share_of = plan.iter().map(|cell| cell.cohort as u32).collect();
    let (rows, mass) = found.into_iter().map(|own| (own.row, own.mass)).unzip();
    let found = Estimates { by: By::Cells, rows, mass, shares, share_of, joint };
    assemble(did, panel, sample, texts, found)
}

/// Shares of the treated cohorts among all units that the policy is for, and how each cluster
/// moves them.
fn shares(sample: &Sample, eligible: &[bool]) -> (Vec<f64>, Vec<f64>) {
    let mut values = vec![0.0; sample.starts.len()];
    let mut total = 0.0;
    for unit in (0..sample.n_units()).filter(|&unit| eligible[unit]) {
        values[sample.cohort_of[unit] as usize] += sample.weight(unit);
        total += sample.weight(unit);
    }
    values.pop_if(|_| sample.starts.last() == Some(&NEVER));
    for value in &mut values {
        *value /= total;
    }
    let k = values.len();
    let mut moves = vec![0.0; sample.n_clusters * k];
    for unit in (0..sample.n_units()).filter(|&unit| eligible[unit]) {
        let at = sample.clusters.as_ref().map_or(unit, |codes| codes[unit] as usize);
        for (cohort, share) in values.iter().enumerate() {
            let own = f64::from(u8::from(sample.cohort_of[unit] as usize == cohort));
            moves[at * k + cohort] += sample.weight(unit) * (own - share) / total;
        }
    }
    (values, moves)
}

fn texts(did: &Did, notes: Vec<String>) -> Texts {
    let whom = match did.controls.unwrap_or_default() {
        Controls::Never => "units not treated in any period of the panel",
        Controls::NotYet => "each cohort not yet treated, weighted by precision",
    };
    let given = if did.covariates.is_empty() {
        "without covariates".to_owned()
    } else {
        format!("given {}", did.covariates.join(", "))
    };
    let name = did.extra.partition().unwrap_or_default();
    Texts {
        method: format!("triple differences, {given}"),
        estimand: format!(
            "average effect on the treated whom the policy is for ({name}), by cohort and period"
        ),
        comparison: format!(
            "units of the same cohort whom the policy is not for, less the same gap among {whom}"
        ),
        df: None,
        notes,
        cautions: Vec::new(),
    }
}
