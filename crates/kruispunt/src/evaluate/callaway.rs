//! Each cohort against the untreated, period by period.

use super::influence::{Coefficients, Linear, covariance};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{
    Base, Controls, Did, EvaluateError, Gaps, Method, Nuisance, joint, nuisance, sections,
};
use crate::data::{By, Effect, Effects, Panel, Phase, Status, Ticket};
use rayon::prelude::*;

/// One cohort in one period, compared with a base period.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) cohort: usize,
    pub(super) t: usize,
    /// `None` when there is no period before treatment.
    pub(super) base: Option<usize>,
}

/// Which cohorts serve as controls.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    controls: Controls,
    anticipation: i64,
    /// Periods after treatment through which controls stay untreated, in a stack.
    through: Option<i64>,
}

impl Rule {
    pub(super) fn of(did: &Did) -> Self {
        Self {
            controls: did.controls.unwrap_or_default(),
            anticipation: i64::from(did.anticipation),
            through: (did.method == Method::Stacked).then_some(i64::from(did.window.1)),
        }
    }

    /// Whether units of cohort `other` are controls of a cell.
    pub(super) fn allows(self, sample: &Sample, cell: &Cell, base: usize, other: usize) -> bool {
        let start = sample.starts[other];
        if other == cell.cohort {
            return false;
        }
        match self.controls {
            Controls::Never => start == NEVER,
            Controls::NotYet => {
                let both = i64::from(sample.periods[cell.t.max(base)]);
                let own = i64::from(sample.starts[cell.cohort]);
                let latest = self.through.map_or(both, |periods| own + periods);
                start == NEVER || i64::from(start) > latest + self.anticipation
            }
        }
    }

    pub(super) fn lack(self) -> &'static str {
        match self.controls {
            Controls::Never => "no unit is never treated",
            Controls::NotYet => "no unit is still untreated",
        }
    }
}

/// The cells of all cohorts, in order of cohort and period.
pub(super) fn cells(sample: &Sample, base: Base, anticipation: u32) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (cohort, &start) in sample.starts.iter().enumerate().filter(|(_, start)| **start != NEVER) {
        let before = |&at: &usize| {
            i64::from(sample.periods[at]) + i64::from(anticipation) < i64::from(start)
        };
        let last = (0..sample.n_periods()).take_while(before).last();
        let first = usize::from(base == Base::Varying);
        for t in first..sample.n_periods() {
            let varies = base == Base::Varying && sample.periods[t] < start;
            let base = if varies { Some(t - 1) } else { last };
            cells.push(Cell { cohort, t, base });
        }
    }
    cells
}

/// Sums that a comparison of means needs.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// Sums of weights at t and base.
    weight: [f64; 2],
    /// Weighted means at t and base.
    mean: [f64; 2],
    units: u64,
}

impl Side {
    fn add(&mut self, profile: &Profile, cell: &Cell, base: usize, gaps: Gaps) {
        let seen = [profile.present[cell.t], profile.present[base]];
        let both = seen[0] && seen[1];
        let counts = match gaps {
            Gaps::CrossSections => seen,
            Gaps::Pairs | Gaps::Balanced => [both, both],
        };
        for (at, period) in [cell.t, base].into_iter().enumerate().filter(|(at, _)| counts[*at]) {
            self.weight[at] += profile.weight;
            self.mean[at] += profile.weight * profile.mean[period];
        }
        if counts[0] {
            self.units += profile.len() as u64;
        }
    }

    fn finish(&mut self) {
        for (mean, weight) in self.mean.iter_mut().zip(self.weight) {
            *mean /= weight;
        }
    }

    fn is_empty(&self) -> bool {
        self.weight.contains(&0.0)
    }
}

/// A cell whose two sides have units.
struct Comparison {
    cell: Cell,
    base: usize,
    treated: Side,
    control: Side,
    controls: Vec<bool>,
}

/// Comparisons of means, and shares of cohorts.
struct Means<'a> {
    sample: &'a Sample,
    gaps: Gaps,
    /// By estimate; `None` where the row is a reference or cannot be estimated.
    cells: Vec<Option<Comparison>>,
    shares: Shares,
}

impl Linear for Means<'_> {
    fn width(&self) -> usize {
        self.cells.len() + self.shares.len()
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        for (id, own) in self.cells.iter().enumerate() {
            let Some(own) = own else { continue };
            let (side, sign) = if own.cell.cohort == profile.cohort {
                (&own.treated, 1.0)
            } else if own.controls[profile.cohort] {
                (&own.control, -1.0)
            } else {
                continue;
            };
            let seen = [profile.present[own.cell.t], profile.present[own.base]];
            let counts = match self.gaps {
                Gaps::CrossSections => seen,
                Gaps::Pairs | Gaps::Balanced => [seen[0] && seen[1]; 2],
            };
            if !counts[0] && !counts[1] {
                continue;
            }
            let row = out.push(id);
            let constant = row.len() - 1;
            for (at, period) in [own.cell.t, own.base].into_iter().enumerate() {
                if counts[at] {
                    let own_sign = if at == 0 { sign } else { -sign };
                    let scale = own_sign / side.weight[at];
                    row[period] += scale;
                    row[constant] += scale * (profile.mean[period] - side.mean[at]);
                }
            }
        }
        self.shares.fill(self.cells.len(), profile, out);
        debug_assert!(self.sample.n_periods() == profile.present.len());
    }
}

/// Shares of the cohorts among all units.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    values: Vec<f64>,
    total: f64,
}

impl Shares {
    pub(super) fn new(sample: &Sample) -> Self {
        let total = sample.total();
        let mut values = sample.cohort_weights();
        values.pop_if(|_| sample.starts.last() == Some(&NEVER));
        for value in &mut values {
            *value /= total;
        }
        Self { values, total }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The influence of each unit on the shares, from estimate `first` on.
    pub(super) fn fill(&self, first: usize, profile: &Profile, out: &mut Coefficients) {
        for (cohort, share) in self.values.iter().enumerate() {
            let row = out.push(first + cohort);
            if let Some(constant) = row.last_mut() {
                *constant = (f64::from(u8::from(profile.cohort == cohort)) - share) / self.total;
            }
        }
    }

    pub(super) fn of_unit(&self, cohort: usize, own: usize) -> f64 {
        (f64::from(u8::from(own == cohort)) - self.values[cohort]) / self.total
    }
}

fn compare(sample: &Sample, cell: &Cell, rule: Rule, gaps: Gaps) -> Result<Comparison, String> {
    let Some(base) = cell.base else {
        return Err("no period before treatment to compare with".to_owned());
    };
    let controls: Vec<bool> =
        (0..sample.starts.len()).map(|other| rule.allows(sample, cell, base, other)).collect();
    let (mut treated, mut control) = (Side::default(), Side::default());
    for profile in &sample.profiles {
        if profile.cohort == cell.cohort {
            treated.add(profile, cell, base, gaps);
        } else if controls[profile.cohort] {
            control.add(profile, cell, base, gaps);
        }
    }
    if treated.is_empty() {
        return Err("no unit of the cohort is seen in both periods".to_owned());
    }
    if control.is_empty() {
        return Err(rule.lack().to_owned());
    }
    treated.finish();
    control.finish();
    Ok(Comparison { cell: cell.clone(), base, treated, control, controls })
}

/// The row of a cell, before it is estimated.
pub(super) fn blank(sample: &Sample, cell: &Cell) -> Effect {
    let (period, start) = (sample.periods[cell.t], sample.starts[cell.cohort]);
    Effect {
        cohort: Some(start),
        period: Some(period),
        event: Some(period - start),
        phase: if period < start { Phase::Before } else { Phase::After },
        estimate: f64::NAN,
        status: Status::Reference,
        n_treated: 0,
        n_control: 0,
    }
}

/// A cohort or its controls in one cluster: their own variation cannot be estimated.
pub(super) fn lone(sample: &Sample, row: &Effect, clusters: &[usize], cell: &Cell) -> Status {
    let reason = if row.n_treated == 1 || clusters[cell.cohort] == 1 {
        if row.n_treated == 1 {
            "one treated unit: how much it varies cannot be estimated"
        } else {
            "all treated units lie in one cluster: how much it varies cannot be estimated"
        }
    } else if row.n_control == 1 {
        "one untreated unit: how much it varies cannot be estimated"
    } else {
        return Status::Estimated;
    };
    debug_assert!(sample.n_clusters > 1);
    Status::NoError(reason.to_owned())
}

/// Estimates the effects of all cells.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    let stacked = did.method == Method::Stacked;
    let base = if stacked { Base::Universal } else { did.base.unwrap_or_default() };
    let mut plan = cells(sample, base, did.anticipation);
    let notes = if stacked { window(did, sample, &mut plan) } else { Vec::new() };
    let (rows, mass, joint, more) = if did.covariates.is_empty() {
        without_covariates(did, sample, &plan, ticket)?
    } else {
        with_covariates(did, panel, sample, &plan, ticket)?
    };
    let shares = Shares::new(sample);
    let texts = Texts {
        method: method_text(did),
        estimand: "average effect on the treated, by cohort and period".to_owned(),
        comparison: comparison_text(did),
        df: None,
        notes: notes.into_iter().chain(more).collect(),
        cautions: Vec::new(),
    };
    let share_of = plan.iter().map(|cell| cell.cohort as u32).collect();
    let shares = shares.values().to_vec();
    let found = Estimates { by: By::Cells, rows, mass, shares, share_of, joint };
    assemble(did, panel, sample, texts, found)
}

/// Keeps the window around treatment, of the cohorts that have all of it; says who has not.
fn window(did: &Did, sample: &Sample, plan: &mut Vec<Cell>) -> Vec<String> {
    let (before, after) = (i64::from(did.window.0), i64::from(did.window.1));
    let event =
        |cell: &Cell| i64::from(sample.periods[cell.t]) - i64::from(sample.starts[cell.cohort]);
    let within = |cell: &Cell| (-before..=after).contains(&event(cell));
    let mut notes = Vec::new();
    for cohort in 0..sample.starts.len() {
        let own = || plan.iter().filter(|cell| cell.cohort == cohort).map(event);
        let whole = own().min().is_some_and(|first| first <= -before)
            && own().max().is_some_and(|last| last >= after);
        let any = own().next().is_some();
        for cell in plan.iter_mut().filter(|cell| cell.cohort == cohort && !whole) {
            cell.base = None;
        }
        if any && !whole {
            notes.push(format!(
                "cohort {} has not the whole window and is left out",
                sample.starts[cohort]
            ));
        }
    }
    plan.retain(within);
    notes
}

type Estimated = (Vec<Effect>, Vec<f64>, Vec<f64>, Vec<String>);

fn without_covariates(
    did: &Did,
    sample: &Sample,
    plan: &[Cell],
    ticket: &Ticket,
) -> Result<Estimated, EvaluateError> {
    ticket.stage("comparing cohorts", plan.len() as u64);
    let rule = Rule::of(did);
    let clusters = sample.cohort_clusters();
    let found: Vec<_> = plan
        .par_iter()
        .map(|cell| {
            let mut row = blank(sample, cell);
            if cell.base == Some(cell.t) {
                row.estimate = 0.0;
                return (row, None);
            }
            if ticket.is_cancelled() {
                return (row, None);
            }
            match compare(sample, cell, rule, did.gaps) {
                Err(reason) => (not_estimable(row, reason), None),
                Ok(own) => {
                    let (one, other) = (&own.treated, &own.control);
                    row.estimate = (one.mean[0] - one.mean[1]) - (other.mean[0] - other.mean[1]);
                    (row.n_treated, row.n_control) = (one.units, other.units);
                    row.status = lone(sample, &row, &clusters, cell);
                    (row, Some(own))
                }
            }
        })
        .collect();
    if ticket.is_cancelled() {
        return Err(EvaluateError::Cancelled);
    }
    let (rows, cells): (Vec<_>, Vec<Option<Comparison>>) = found.into_iter().unzip();
    let weight = |own: &Option<Comparison>| own.as_ref().map_or(0.0, |own| own.treated.weight[0]);
    let mass = cells.iter().map(weight).collect();
    let means = Means { sample, gaps: did.gaps, cells, shares: Shares::new(sample) };
    let joint = covariance(sample, &means, ticket)?;
    Ok((rows, mass, joint, Vec::new()))
}

fn with_covariates(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    plan: &[Cell],
    ticket: &Ticket,
) -> Result<Estimated, EvaluateError> {
    let mut covariates = nuisance::Covariates::read(did, panel, sample)?;
    let rule = Rule::of(did);
    let clusters = sample.cohort_clusters();
    let mut notes = std::mem::take(&mut covariates.notes);
    ticket.stage("comparing cohorts", plan.len() as u64);
    let (rows, joint, trimmed) = if did.gaps == Gaps::CrossSections {
        let found: Vec<(Effect, nuisance::Influence)> = plan
            .par_iter()
            .map(|cell| {
                if ticket.is_cancelled() {
                    return (blank(sample, cell), nuisance::Influence::default());
                }
                ticket.advance(1);
                sections::cell(sample, &covariates, rule, did.nuisance, cell, &clusters)
            })
            .collect();
        let trimmed: usize = found.iter().map(|(_, own)| own.trimmed).sum();
        let joint = joint::of_cells(sample, &found, ticket)?;
        let rows = found.into_iter().map(|(row, own)| (row, own.mass)).collect();
        (rows, joint, trimmed)
    } else {
        let worker = nuisance::Worker::new(did, sample, &covariates, rule);
        let mut first = 0;
        let mut by_cohort: Vec<(usize, &[Cell])> = Vec::new();
        for cells in plan.chunk_by(|a, b| a.cohort == b.cohort) {
            by_cohort.push((first, cells));
            first += cells.len();
        }
        let found: Vec<(Vec<nuisance::Estimated>, Vec<nuisance::Batch>)> = by_cohort
            .par_iter()
            .map(|(first, cells)| worker.cells(*first, cells, &clusters, ticket))
            .collect();
        let (rows, batches): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let batches: Vec<nuisance::Batch> = batches.into_iter().flatten().collect();
        let trimmed = batches.iter().map(nuisance::Batch::trimmed).sum();
        let joint = joint::of_batches(sample, &batches, plan.len(), ticket)?;
        (rows.into_iter().flatten().collect::<Vec<_>>(), joint, trimmed)
    };
    if ticket.is_cancelled() {
        return Err(EvaluateError::Cancelled);
    }
    if trimmed > 0 {
        let note =
            "untreated units with a propensity of 0.995 or more get no weight, over all cells";
        notes.push(format!("{trimmed} {note}"));
    }
    let (rows, mass) = rows.into_iter().unzip();
    Ok((rows, mass, joint, notes))
}

fn method_text(did: &Did) -> String {
    if did.method == Method::Stacked {
        let (before, after) = did.window;
        return format!("stacked, {before} periods before and {after} after treatment");
    }
    let how = match (did.covariates.is_empty(), did.nuisance) {
        (true, _) => "without covariates".to_owned(),
        (false, Nuisance::DoublyRobust) => {
            format!("doubly robust given {}", did.covariates.join(", "))
        }
        (false, Nuisance::Improved) => {
            format!("improved doubly robust given {}", did.covariates.join(", "))
        }
        (false, Nuisance::Regression) => {
            format!("outcome regression on {}", did.covariates.join(", "))
        }
        (false, Nuisance::Weighting) => {
            format!("inverse probability weighting by {}", did.covariates.join(", "))
        }
    };
    format!("Callaway & Sant'Anna, {how}")
}

fn comparison_text(did: &Did) -> String {
    let whom = match did.controls.unwrap_or_default() {
        Controls::Never => "units not treated in any period of the panel",
        Controls::NotYet if did.method == Method::Stacked => {
            "units not treated through the whole window"
        }
        Controls::NotYet => "units not yet treated in the later of the two periods compared",
    };
    let base = match did.base.unwrap_or_default() {
        _ if did.method == Method::Stacked => "the last period before treatment",
        Base::Varying => "the last period before treatment (before treatment: the period before)",
        Base::Universal => "the last period before treatment",
    };
    let plural = if did.anticipation == 1 { "" } else { "s" };
    match did.anticipation {
        0 => format!("{whom}; changes since {base}"),
        n => format!("{whom}; changes since {base}, with {n} period{plural} of anticipation"),
    }
}
