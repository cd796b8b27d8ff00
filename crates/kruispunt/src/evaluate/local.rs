//! Local projections: long differences of the newly treated against clean controls.

use super::influence::{Coefficients, Linear, covariance};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Controls, Did, EvaluateError, Method, Premean};
use crate::data::{By, Effect, Effects, Panel, Phase, Status, Ticket};

/// One cohort at one horizon.
#[derive(Clone)]
struct Entry {
    cohort: usize,
    /// Periods whose mean outcome is compared, and those it is measured from.
    late: Vec<usize>,
    base: Vec<usize>,
    /// Periods in which units must be seen beside these.
    seen: Vec<usize>,
    /// The latest period through which controls are untreated.
    clean: i64,
    /// Weights of treated and controls, and their mean changes.
    weight: [f64; 2],
    mean: [f64; 2],
}

impl Entry {
    fn holds(&self, profile: &Profile) -> bool {
        let mut own = self.late.iter().chain(&self.base).chain(&self.seen);
        own.all(|&at| profile.present[at])
    }

    /// The change of a profile's mean outcome.
    fn change(&self, profile: &Profile) -> f64 {
        let mean = |periods: &[usize]| {
            periods.iter().map(|&at| profile.mean[at]).sum::<f64>() / periods.len() as f64
        };
        mean(&self.late) - mean(&self.base)
    }
}

/// What stands in a row: one horizon, or all of the window after treatment.
#[derive(Clone, Copy)]
enum Of {
    Event(i64),
    Window(i64),
}

/// One regression: all cohorts at one horizon.
struct Horizon {
    entries: Vec<Entry>,
    estimate: f64,
    /// Sum of squares of treatment.
    total: f64,
    scale: f64,
    n_treated: u64,
    n_control: u64,
}

struct Projections<'a> {
    sample: &'a Sample,
    controls: Controls,
    equal: bool,
    /// By row; `None` in the reference period and where nothing is estimable.
    horizons: Vec<Option<Horizon>>,
}

/// On which side of an entry a cohort stands: treated 0, control 1.
fn side(sample: &Sample, controls: Controls, entry: &Entry, cohort: usize) -> Option<usize> {
    let start = sample.starts[cohort];
    if cohort == entry.cohort {
        return Some(0);
    }
    let clean = match controls {
        Controls::Never => start == NEVER,
        Controls::NotYet => start == NEVER || i64::from(start) > entry.clean,
    };
    clean.then_some(1)
}

impl Linear for Projections<'_> {
    fn width(&self) -> usize {
        self.horizons.len()
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        let t = self.sample.n_periods();
        for (id, horizon) in self.horizons.iter().enumerate() {
            let Some(horizon) = horizon else { continue };
            let (mut row, mut any) = (vec![0.0; t + 1], false);
            for entry in horizon.entries.iter().filter(|entry| entry.holds(profile)) {
                let Some(side) = side(self.sample, self.controls, entry, profile.cohort) else {
                    continue;
                };
                let both = entry.weight[0] + entry.weight[1];
                let share = entry.weight[0] / both;
                let effect = entry.mean[0] - entry.mean[1];
                // what is left of treatment beside the period effect, and what a common effect
                // leaves of this cohort's own
                let gap = effect - horizon.estimate;
                let (own, left) = match (self.equal, side) {
                    (true, 0) => (1.0, gap),
                    (true, _) => (-entry.weight[0] / entry.weight[1], 0.0),
                    (false, 0) => (1.0 - share, (1.0 - share) * gap),
                    (false, _) => (-share, -share * gap),
                };
                any = true;
                let value = horizon.scale * own / horizon.total;
                entry.late.iter().for_each(|&at| row[at] += value / entry.late.len() as f64);
                entry.base.iter().for_each(|&at| row[at] -= value / entry.base.len() as f64);
                row[t] += value * (entry.change(profile) - entry.mean[side] + left);
            }
            if any {
                out.push(id).copy_from_slice(&row);
            }
        }
    }
}

/// The comparison of one cohort at one horizon; `None` when a side is empty.
fn entry(
    sample: &Sample,
    controls: Controls,
    mut entry: Entry,
    counts: &mut (u64, u64),
) -> Option<Entry> {
    let mut units = [0, 0];
    for profile in &sample.profiles {
        if !entry.holds(profile) {
            continue;
        }
        let Some(side) = side(sample, controls, &entry, profile.cohort) else { continue };
        entry.weight[side] += profile.weight;
        entry.mean[side] += profile.weight * entry.change(profile);
        units[side] += profile.len() as u64;
    }
    if entry.weight.contains(&0.0) {
        return None;
    }
    for side in 0..2 {
        entry.mean[side] /= entry.weight[side];
    }
    counts.0 += units[0];
    counts.1 += units[1];
    Some(entry)
}

/// Clusters that take part in a horizon.
fn clusters(sample: &Sample, controls: Controls, entries: &[Entry]) -> usize {
    let takes_part = |own: &Profile| {
        entries
            .iter()
            .any(|entry| entry.holds(own) && side(sample, controls, entry, own.cohort).is_some())
    };
    let mut seen = vec![false; sample.n_clusters];
    for own in sample.profiles.iter().filter(|own| takes_part(own)) {
        for &unit in &sample.members[own.first..own.last] {
            let cluster = sample.clusters.as_ref().map_or(unit, |all| all[unit as usize]);
            seen[cluster as usize] = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

/// Periods of a cohort's comparison; `None` where one of them does not occur.
fn periods(did: &Did, sample: &Sample, cohort: usize, of: Of) -> Option<Entry> {
    let start = i64::from(sample.starts[cohort]);
    let ahead = i64::from(did.anticipation);
    let at =
        |event: i64| sample.periods.iter().position(|&period| i64::from(period) == start + event);
    let before = |at: &usize| i64::from(sample.periods[*at]) + ahead < start;
    let earlier: Vec<usize> = (0..sample.n_periods()).take_while(before).collect();
    let base = match did.extra.premean() {
        None => earlier.last().map(|&last| vec![last])?,
        Some(Premean::All) => earlier,
        Some(Premean::Last(n)) => {
            let from = earlier.len().checked_sub(n as usize)?;
            earlier[from..].to_vec()
        }
    };
    let last = i64::from(did.window.1);
    let (late, clean): (Vec<usize>, i64) = match of {
        Of::Event(event) => (vec![at(event)?], event.max(0)),
        Of::Window(last) => ((0..=last).map(at).collect::<Option<_>>()?, last),
    };
    let (mut seen, mut clean) = (Vec::new(), start + clean + ahead);
    if did.extra.fixed_sample() && !matches!(of, Of::Event(event) if event < 0) {
        seen = (0..=last).map(at).collect::<Option<_>>()?;
        clean = start + last + ahead;
    }
    let none = base.is_empty() || late.is_empty();
    (!none).then_some(Entry { cohort, late, base, seen, clean, weight: [0.0; 2], mean: [0.0; 2] })
}

/// Estimates one horizon.
fn horizon(did: &Did, sample: &Sample, of: Of, equal: bool) -> Option<Horizon> {
    let controls = did.controls.unwrap_or_default();
    let mut counts = (0, 0);
    let mut entries = Vec::new();
    for (cohort, _) in sample.starts.iter().enumerate().filter(|(_, own)| **own != NEVER) {
        if let Some(blank) = periods(did, sample, cohort, of) {
            entries.extend(entry(sample, controls, blank, &mut counts));
        }
    }
    if entries.is_empty() {
        return None;
    }
    let weight = |own: &Entry| {
        if equal {
            own.weight[0]
        } else {
            own.weight[0] * own.weight[1] / (own.weight[0] + own.weight[1])
        }
    };
    let total: f64 = entries.iter().map(weight).sum();
    let effect = |own: &Entry| own.mean[0] - own.mean[1];
    let estimate = entries.iter().map(|own| weight(own) * effect(own)).sum::<f64>() / total;
    let (n, k) = ((counts.0 + counts.1) as f64, entries.len() as f64 + 1.0);
    let g = clusters(sample, controls, &entries) as f64;
    let scale = if n > k && g > 1.0 { ((n - 1.0) / (n - k) * g / (g - 1.0)).sqrt() } else { 1.0 };
    let (n_treated, n_control) = counts;
    Some(Horizon { entries, estimate, total, scale, n_treated, n_control })
}

/// Estimates the effects of all horizons.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("local projections", 0);
    let equal = did.method == Method::LocalProjectionsReweighted;
    // a mean of several periods is no period of its own to measure from
    let single = did.extra.premean().is_none_or(|own| own == Premean::Last(1));
    let reference = single.then_some(-1 - i64::from(did.anticipation));
    let mut events: Vec<i64> = sample
        .starts
        .iter()
        .filter(|start| **start != NEVER)
        .flat_map(|start| sample.periods.iter().map(|t| i64::from(*t) - i64::from(*start)))
        .collect();
    events.sort_unstable();
    events.dedup();
    let (mut rows, mut horizons, mut mass) = (Vec::new(), Vec::new(), Vec::new());
    let pooled = i64::from(did.window.1);
    let fixed = did.extra.fixed_sample();
    events.retain(|event| !fixed || *event <= pooled);
    let plan = events.iter().map(|&event| Of::Event(event)).chain([Of::Window(pooled)]);
    for of in plan {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let event = match of {
            Of::Event(event) => Some(event),
            Of::Window(_) => None,
        };
        let mut row = Effect {
            cohort: None,
            period: None,
            event: event.map(|event| event as i32),
            phase: match event {
                None => Phase::Overall,
                Some(event) if event < 0 => Phase::Before,
                Some(_) => Phase::After,
            },
            estimate: 0.0,
            status: Status::Reference,
            n_treated: 0,
            n_control: 0,
        };
        let refers = event.is_some() && event == reference;
        let found = if refers { None } else { horizon(did, sample, of, equal) };
        if let Some(own) = &found {
            row.estimate = own.estimate;
            row.status = Status::Estimated;
            (row.n_treated, row.n_control) = (own.n_treated, own.n_control);
        } else if event.is_none() {
            row = not_estimable(row, "no entry has clean controls through the whole window");
        } else if !refers {
            row = not_estimable(row, "no entry has clean controls at this horizon");
        }
        let weight = |own: &Horizon| own.entries.iter().map(|entry| entry.weight[0]).sum();
        mass.push(found.as_ref().filter(|_| event.is_some()).map_or(0.0, weight));
        rows.push(row);
        horizons.push(found);
    }
    let controls = did.controls.unwrap_or_default();
    let linear = Projections { sample, controls, equal, horizons };
    let joint = covariance(sample, &linear, ticket)?;
    let weights = if equal { "each treated unit alike" } else { "cohorts by their precision" };
    let texts = Texts {
        method: format!("local projections, {weights}"),
        estimand: format!(
            "mean effect on the treated by periods since treatment, {weights}; overall: mean \
             outcome of periods 0 to {pooled} in one regression"
        ),
        comparison: comparison(did, controls),
        df: Some(sample.n_clusters as f64 - 1.0),
        notes: Vec::new(),
        cautions: Vec::new(),
    };
    let found =
        Estimates { by: By::Event, rows, mass, shares: Vec::new(), share_of: Vec::new(), joint };
    assemble(did, panel, sample, texts, found)
}

fn comparison(did: &Did, controls: Controls) -> String {
    let whom = match (controls, did.extra.fixed_sample()) {
        (Controls::Never, _) => "units not treated in any period of the panel",
        (Controls::NotYet, true) => "units not treated through the window",
        (Controls::NotYet, false) => "units not yet treated at the horizon",
    };
    match did.extra.premean() {
        None => whom.to_owned(),
        Some(Premean::All) => format!("{whom}; changes since the mean of all periods before"),
        Some(Premean::Last(n)) => {
            format!("{whom}; changes since the mean of the last {n} periods before treatment")
        }
    }
}
