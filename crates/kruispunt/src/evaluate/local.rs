//! Local projections: long differences of the newly treated against clean controls.

use super::influence::{Coefficients, Linear, covariance};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Controls, Did, EvaluateError, Method};
use crate::data::{By, Effect, Effects, Panel, Phase, Status, Ticket};

/// One cohort at one horizon.
#[derive(Clone)]
struct Entry {
    cohort: usize,
    t: usize,
    base: usize,
    /// The latest period through which controls are untreated.
    clean: i64,
    /// Weights of treated and controls, and their mean changes.
    weight: [f64; 2],
    mean: [f64; 2],
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
            for entry in &horizon.entries {
                if !(profile.present[entry.t] && profile.present[entry.base]) {
                    continue;
                }
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
                row[entry.t] += value;
                row[entry.base] -= value;
                let change = profile.mean[entry.t] - profile.mean[entry.base];
                row[t] += value * (change - entry.mean[side] + left);
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
    for profile in &sample.profiles {
        if !(profile.present[entry.t] && profile.present[entry.base]) {
            continue;
        }
        let Some(side) = side(sample, controls, &entry, profile.cohort) else { continue };
        entry.weight[side] += profile.weight;
        entry.mean[side] += profile.weight * (profile.mean[entry.t] - profile.mean[entry.base]);
    }
    if entry.weight.contains(&0.0) {
        return None;
    }
    for side in 0..2 {
        entry.mean[side] /= entry.weight[side];
    }
    let units = |wanted: usize| {
        sample
            .profiles
            .iter()
            .filter(|own| own.present[entry.t] && own.present[entry.base])
            .filter(|own| side(sample, controls, &entry, own.cohort) == Some(wanted))
            .map(|own| own.len() as u64)
            .sum::<u64>()
    };
    counts.0 += units(0);
    counts.1 += units(1);
    Some(entry)
}

/// Clusters that take part in a horizon.
fn clusters(sample: &Sample, controls: Controls, entries: &[Entry]) -> usize {
    let takes_part = |own: &Profile| {
        entries.iter().any(|entry| {
            own.present[entry.t]
                && own.present[entry.base]
                && side(sample, controls, entry, own.cohort).is_some()
        })
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

/// Estimates one horizon.
fn horizon(did: &Did, sample: &Sample, event: i64, equal: bool) -> Option<Horizon> {
    let controls = did.controls.unwrap_or_default();
    let anticipation = i64::from(did.anticipation);
    let mut counts = (0, 0);
    let mut entries = Vec::new();
    for (cohort, &start) in sample.starts.iter().enumerate().filter(|(_, own)| **own != NEVER) {
        let wanted = i64::from(start) + event;
        let t = sample.periods.iter().position(|&period| i64::from(period) == wanted);
        let before = |at: &usize| i64::from(sample.periods[*at]) + anticipation < i64::from(start);
        let base = (0..sample.n_periods()).take_while(before).last();
        let Some((t, base)) = t.zip(base) else { continue };
        let clean = i64::from(start) + event.max(0) + anticipation;
        let blank = Entry { cohort, t, base, clean, weight: [0.0; 2], mean: [0.0; 2] };
        entries.extend(entry(sample, controls, blank, &mut counts));
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
    let reference = -1 - i64::from(did.anticipation);
    let mut events: Vec<i64> = sample
        .starts
        .iter()
        .filter(|start| **start != NEVER)
        .flat_map(|start| sample.periods.iter().map(|t| i64::from(*t) - i64::from(*start)))
        .collect();
    events.sort_unstable();
    events.dedup();
    let (mut rows, mut horizons, mut mass) = (Vec::new(), Vec::new(), Vec::new());
    for &event in &events {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let mut row = Effect {
            cohort: None,
            period: None,
            event: Some(event as i32),
            phase: if event < 0 { Phase::Before } else { Phase::After },
            estimate: 0.0,
            status: Status::Reference,
            n_treated: 0,
            n_control: 0,
        };
        let found = if event == reference { None } else { horizon(did, sample, event, equal) };
        if let Some(own) = &found {
            row.estimate = own.estimate;
            row.status = Status::Estimated;
            (row.n_treated, row.n_control) = (own.n_treated, own.n_control);
        } else if event != reference {
            row = not_estimable(row, "no entry has clean controls at this horizon");
        }
        let weight = |own: &Horizon| own.entries.iter().map(|entry| entry.weight[0]).sum();
        mass.push(found.as_ref().map_or(0.0, weight));
        rows.push(row);
        horizons.push(found);
    }
    let controls = did.controls.unwrap_or_default();
    let linear = Projections { sample, controls, equal, horizons };
    let joint = covariance(sample, &linear, ticket)?;
    let weights = if equal { "each treated unit alike" } else { "cohorts by their precision" };
    let texts = Texts {
        method: format!("local projections, {weights}"),
        estimand: format!("mean effect on the treated by periods since treatment, {weights}"),
        comparison: match controls {
            Controls::Never => "units not treated in any period of the panel",
            Controls::NotYet => "units not yet treated at the horizon",
        }
        .to_owned(),
        df: Some(sample.n_clusters as f64 - 1.0),
        notes: Vec::new(),
        cautions: Vec::new(),
    };
    let found =
        Estimates { by: By::Event, rows, mass, shares: Vec::new(), share_of: Vec::new(), joint };
    assemble(did, panel, sample, texts, found)
}
