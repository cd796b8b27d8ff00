//! What the treated would have had, from unit and period effects of untreated outcomes.
//!
//! ```text
//! Y_it(0) = a_i + b_t + e_it;    tau_gt = mean over the cohort of Y_it - a_i - b_t
//! ```
//!
//! Unit effects are swept out within each profile, so one system of the size of the periods serves
//! all cells.

use super::callaway::{Cell, blank, cells, lone};
use super::influence::{Coefficients, Linear, covariance};
use super::regression::{CellShares, Class, Regression};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Base, Did, EvaluateError, Method};
use crate::data::{By, Effect, Effects, Panel, Phase, Status, Ticket};
use crate::math::linalg::Semidefinite;
use crate::math::unionfind::UnionFind;

/// Period effects from untreated outcomes.
struct Untreated<'a> {
    sample: &'a Sample,
    anticipation: i64,
    system: Semidefinite,
    effects: Vec<f64>,
    /// Periods that untreated outcomes of common units connect.
    component: Vec<u32>,
    seen: Vec<bool>,
}

impl<'a> Untreated<'a> {
    fn new(did: &Did, sample: &'a Sample) -> Self {
        let (t, anticipation) = (sample.n_periods(), i64::from(did.anticipation));
        let (mut normal, mut right) = (vec![0.0; t * t], vec![0.0; t]);
        let mut sets = UnionFind::new(t);
        let mut seen = vec![false; t];
        for profile in &sample.profiles {
            let own = before(sample, anticipation, profile);
            let (n, weight) = (own.len() as f64, profile.weight);
            let mean = own.iter().map(|&at| profile.mean[at]).sum::<f64>() / n;
            for &at in &own {
                seen[at] = true;
                sets.join(own[0] as u32, at as u32);
                right[at] += weight * (profile.mean[at] - mean);
                normal[at * t + at] += weight;
                for &other in &own {
                    normal[at * t + other] -= weight / n;
                }
            }
        }
        let system = Semidefinite::new(normal, t);
        system.solve(&mut right);
        let component = (0..t as u32).map(|at| sets.find(at)).collect();
        Self { sample, anticipation, system, effects: right, component, seen }
    }

    fn before(&self, profile: &Profile) -> Vec<usize> {
        before(self.sample, self.anticipation, profile)
    }

    /// Whether the outcomes of a profile in period `t` can be imputed.
    fn imputes(&self, profile: &Profile, own: &[usize], t: usize) -> bool {
        profile.present[t]
            && self.seen[t]
            && own.first().is_some_and(|&at| self.component[at] == self.component[t])
    }

    /// What untreated outcomes of a profile leave for the unit effect.
    fn level(&self, profile: &Profile, own: &[usize]) -> f64 {
        own.iter().map(|&at| profile.mean[at] - self.effects[at]).sum::<f64>() / own.len() as f64
    }
}

/// Periods in which a profile is seen untreated, `anticipation` kept clear.
fn before(sample: &Sample, anticipation: i64, profile: &Profile) -> Vec<usize> {
    let start = i64::from(sample.starts[profile.cohort]);
    let untreated = |at: &usize| {
        start == i64::from(NEVER) || i64::from(sample.periods[*at]) + anticipation < start
    };
    (0..sample.n_periods()).filter(|&at| profile.present[at]).filter(untreated).collect()
}

/// One cell: its total weight, its effect, and how period effects move it.
struct Imputed {
    cell: Cell,
    weight: f64,
    effect: f64,
    pull: Vec<f64>,
}

struct Imputation<'a> {
    untreated: Untreated<'a>,
    cells: Vec<Option<Imputed>>,
    leads: Regression<'a>,
    shares: CellShares,
    fixed: bool,
    n_rows: usize,
}

impl Linear for Imputation<'_> {
    fn width(&self) -> usize {
        self.n_rows + self.shares.values().len()
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        let own = self.untreated.before(profile);
        let t = self.untreated.sample.n_periods();
        if !own.is_empty() {
            let level = self.untreated.level(profile, &own);
            let n = own.len() as f64;
            for (id, cell) in self.cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let row = out.push(id);
                let mut constant = 0.0;
                let mean = own.iter().map(|&at| cell.pull[at]).sum::<f64>() / n;
                for &at in &own {
                    let value = cell.pull[at] - mean;
                    row[at] += value;
                    constant += value * (profile.mean[at] - self.untreated.effects[at]);
                }
                let at = cell.cell.t;
                if profile.cohort == cell.cell.cohort && self.untreated.imputes(profile, &own, at) {
                    row[at] += 1.0 / cell.weight;
                    for &at in &own {
                        row[at] -= 1.0 / (cell.weight * n);
                    }
                    let effect = profile.mean[at] - self.untreated.effects[at] - level;
                    constant += (effect - cell.effect) / cell.weight;
                }
                row[t] = constant;
            }
        }
        self.leads.fill(profile, out);
        if !self.fixed {
            // the leads have a share of 1 that is known
            self.shares.fill(self.n_rows, profile, out);
        }
    }
}

/// Imputes one cell.
fn impute(untreated: &Untreated<'_>, cell: &Cell) -> Result<Imputed, &'static str> {
    let sample = untreated.sample;
    let t = sample.n_periods();
    let (mut weight, mut effect, mut any, mut pull) = (0.0, 0.0, false, vec![0.0; t]);
    for profile in sample.profiles.iter().filter(|own| own.cohort == cell.cohort) {
        if !profile.present[cell.t] {
            continue;
        }
        let own = untreated.before(profile);
        any |= !own.is_empty();
        if !untreated.imputes(profile, &own, cell.t) {
            continue;
        }
        weight += profile.weight;
        let level = untreated.level(profile, &own);
        effect += profile.weight * (profile.mean[cell.t] - untreated.effects[cell.t] - level);
        pull[cell.t] -= profile.weight;
        for &at in &own {
            pull[at] += profile.weight / own.len() as f64;
        }
    }
    if weight == 0.0 {
        return Err(if !any {
            "no period before treatment to compare with"
        } else if untreated.seen[cell.t] {
            "no chain of untreated units connects the period with those before treatment"
        } else {
            "no unit is still untreated"
        });
    }
    for value in &mut pull {
        *value /= weight;
    }
    untreated.system.solve(&mut pull);
    Ok(Imputed { cell: cell.clone(), weight, effect: effect / weight, pull })
}

/// Estimates the effects of all cells, and placebo effects before treatment.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("imputation", 0);
    let anticipation = i64::from(did.anticipation);
    let mut plan = cells(sample, Base::Universal, did.anticipation);
    plan.retain(|cell| {
        i64::from(sample.periods[cell.t]) + anticipation >= i64::from(sample.starts[cell.cohort])
    });
    let untreated = Untreated::new(did, sample);
    let clusters = sample.cohort_clusters();
    let (mut rows, mut found, mut mass) = (Vec::new(), Vec::new(), Vec::new());
    for cell in &plan {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let mut row = blank(sample, cell);
        let own = impute(&untreated, cell);
        mass.push(own.as_ref().map_or(0.0, |own| own.weight));
        match own {
            Err(reason) => {
                rows.push(not_estimable(row, reason));
                found.push(None);
            }
            Ok(own) => {
                row.estimate = own.effect;
                (row.n_treated, row.n_control) = counts(&untreated, cell);
                row.status = lone(sample, &row, &clusters, cell);
                rows.push(row);
                found.push(Some(own));
            }
        }
    }
    let (leads, placebo) = leads(did, sample, rows.len());
    rows.extend(placebo);
    mass.resize(rows.len(), 0.0);
    let n_rows = rows.len();
    let shares = CellShares::new(sample, &plan);
    let mut share_of = shares.of(&plan);
    let mut values = shares.values().to_vec();
    let fixed = did.method == Method::Imputation;
    let linear = Imputation { untreated, cells: found, leads, shares, fixed, n_rows };
    let joint = covariance(sample, &linear, ticket)?;
    // one more share, of the leads, which is known
    share_of.resize(n_rows, values.len() as u32);
    values.push(1.0);
    let joint = widen(&joint, linear.width());
    let texts = Texts {
        method: if fixed { "imputation" } else { "two-stage" }.to_owned(),
        estimand: "average effect on the treated, by cohort and period".to_owned(),
        comparison: "outcomes imputed from unit and period effects of all untreated outcomes; \
                     placebos: the periods before the leads"
            .to_owned(),
        df: None,
        notes: Vec::new(),
        cautions: Vec::new(),
    };
    let found = Estimates { by: By::Cells, rows, mass, shares: values, share_of, joint };
    assemble(did, panel, sample, texts, found)
}

/// A square matrix with one more row and column of zeros.
fn widen(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut wide = vec![0.0; (size + 1) * (size + 1)];
    for (row, line) in matrix.chunks_exact(size).enumerate() {
        wide[row * (size + 1)..row * (size + 1) + size].copy_from_slice(line);
    }
    wide
}

fn counts(untreated: &Untreated<'_>, cell: &Cell) -> (u64, u64) {
    let (mut treated, mut control) = (0, 0);
    for profile in &untreated.sample.profiles {
        let own = untreated.before(profile);
        if profile.cohort == cell.cohort && untreated.imputes(profile, &own, cell.t) {
            treated += profile.len() as u64;
        } else if own.contains(&cell.t) {
            control += profile.len() as u64;
        }
    }
    (treated, control)
}

/// Placebo effects: a regression on untreated outcomes with dummies for the last periods before
/// treatment.
fn leads<'a>(did: &Did, sample: &'a Sample, first: usize) -> (Regression<'a>, Vec<Effect>) {
    let n = did.leads.min(sample.n_periods() as u32) as usize;
    let anticipation = i64::from(did.anticipation);
    let class = |cohort: usize, t: usize| {
        let start = sample.starts[cohort];
        if start == NEVER {
            return Class::Plain;
        }
        let left = i64::from(start) - anticipation - i64::from(sample.periods[t]);
        match usize::try_from(left - 1) {
            Ok(lead) if lead < n => Class::Dummy(lead),
            Ok(_) => Class::Plain,
            Err(_) => Class::Out,
        }
    };
    let regression = Regression::fit(sample, n, first, class);
    let treated = |lead: usize| {
        let own = |own: &&Profile| {
            (0..sample.n_periods())
                .any(|t| own.present[t] && class(own.cohort, t) == Class::Dummy(lead))
        };
        sample.profiles.iter().filter(own).map(|own| own.len() as u64).sum()
    };
    let rows = (0..n)
        .map(|lead| {
            let row = Effect {
                cohort: None,
                period: None,
                event: Some(-1 - lead as i32 - did.anticipation.min(i32::MAX as u32 / 2) as i32),
                phase: Phase::Before,
                estimate: f64::NAN,
                status: Status::Estimated,
                n_treated: treated(lead),
                n_control: 0,
            };
            match regression.coefficient(lead) {
                Some(estimate) => Effect { estimate, ..row },
                None => not_estimable(row, "no earlier period of these cohorts to compare with"),
            }
        })
        .collect();
    (regression, rows)
}
