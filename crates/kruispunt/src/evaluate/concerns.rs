//! What a design is refused for, and what it is warned of, beyond its cells.

use super::options::Refusal;
use super::result::caution;
use super::sample::{NEVER, Profile, Sample};
use super::{Controls, Did, EvaluateError, Method};
use crate::data::{Caution, Effect, Status};
use crate::math::special::normal_sf;

/// Units below which the share of one value says nothing about a rule.
const FEW_UNITS: usize = 20;
/// A state that eligibility asks for is that of nearly all who enter ...
const NEARLY_ALL: f64 = 0.95;
/// ... and of clearly fewer elsewhere.
const CLEARLY: f64 = 0.15;
/// Clusters below which their number is no basis for a normal approximation.
const FEW_TREATED: usize = 10;
/// Size of the test for effects before treatment.
const SIZE: f64 = 0.01;
/// Share of the treated without the base period above which a reader is told.
const UNSEEN: f64 = 0.05;

/// Refuses a design whose treated were chosen by their outcome.
pub(super) fn refuse(did: &Did, sample: &Sample) -> Result<(), EvaluateError> {
    match Selected::of(did, sample) {
        Some(found) if !did.extra.forces(Refusal::Eligibility) => {
            Err(EvaluateError::EligibilityDependsOnOutcome {
                outcome: did.outcome.clone(),
                when: found.when,
                at_entry: percent(found.at_entry),
                untreated: percent(found.untreated),
                earlier: percent(found.earlier),
            })
        }
        _ => Ok(()),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Shares of the value that most of the treated have when they enter.
struct Selected {
    /// The period of entry, in words.
    when: &'static str,
    at_entry: f64,
    untreated: f64,
    earlier: f64,
}

/// How many of some outcomes have a value.
#[derive(Default)]
struct Tally {
    all: usize,
    same: usize,
}

impl Tally {
    fn add(&mut self, same: bool) {
        self.all += 1;
        self.same += usize::from(same);
    }

    fn share(&self) -> f64 {
        self.same as f64 / self.all as f64
    }

    /// Whether clearly fewer have it than `share`; `None` when there are too few to say.
    fn below(&self, share: f64) -> Option<bool> {
        (self.all >= FEW_UNITS).then(|| self.share() <= share - CLEARLY)
    }
}

/// The last period before treatment (and anticipation) that occurs, by cohort.
fn bases(did: &Did, sample: &Sample) -> Vec<Option<usize>> {
    let ahead = i64::from(did.anticipation);
    let of = |&start: &i32| {
        let before = |&at: &usize| i64::from(sample.periods[at]) + ahead < i64::from(start);
        let treated = start != NEVER && sample.periods.last().is_some_and(|last| *last >= start);
        let last = (0..sample.n_periods()).take_while(before).last();
        if treated { last } else { None }
    };
    sample.starts.iter().map(of).collect()
}

impl Selected {
    /// The shares, where they look like a rule of who may enter: nearly all who enter have one
    /// value in the last period before treatment; or they have it in the first period of it, and
    /// came to it before, so that it is no effect.
    fn of(did: &Did, sample: &Sample) -> Option<Self> {
        let bases = bases(did, sample);
        Self::at(did, sample, &bases, &bases, "the last period before treatment").or_else(|| {
            let first = |(cohort, base): (usize, &Option<usize>)| {
                let from = (*base)?;
                (from..sample.n_periods()).find(|&at| sample.treated(cohort, at))
            };
            let entries: Vec<Option<usize>> = bases.iter().enumerate().map(first).collect();
            Self::at(did, sample, &bases, &entries, "the first period of treatment")
        })
    }

    fn at(
        did: &Did,
        sample: &Sample,
        bases: &[Option<usize>],
        entries: &[Option<usize>],
        when: &'static str,
    ) -> Option<Self> {
        let units = |own: &Profile| sample.members[own.first..own.last].iter();
        // zero has one pattern of bits
        let bits = |unit: u32, at: usize| (sample.outcomes(unit as usize)[at] + 0.0).to_bits();
        let entering = || {
            let profiles = sample.profiles.iter().filter_map(|own| {
                let at = entries[own.cohort].filter(|&at| own.present[at])?;
                Some(units(own).map(move |&unit| bits(unit, at)))
            });
            profiles.flatten()
        };
        let n: usize = sample
            .profiles
            .iter()
            .filter(|own| entries[own.cohort].is_some_and(|at| own.present[at]))
            .map(|own| own.last - own.first)
            .sum();
        if n < FEW_UNITS {
            return None;
        }
        // The only value that most can have (Boyer & Moore), then how many have it. Of two values
        // that cancel one is another value: with too many of them, nobody needs to look further.
        let spare = (1.0 - NEARLY_ALL) * n as f64 + 0.5;
        let (mut mode, mut lead, mut others) = (0_u64, 0_usize, 0_usize);
        for value in entering() {
            if lead == 0 {
                (mode, lead) = (value, 1);
            } else if value == mode {
                lead += 1;
            } else {
                (lead, others) = (lead - 1, others + 1);
                if others as f64 > spare {
                    return None;
                }
            }
        }
        let at_entry = entering().filter(|value| *value == mode).count() as f64 / n as f64;
        if at_entry < NEARLY_ALL {
            return None;
        }
        let mut used = vec![false; sample.n_periods()];
        entries.iter().flatten().for_each(|&at| used[at] = true);
        let mut tallies: [Tally; 3] = Default::default();
        for own in &sample.profiles {
            let start = i64::from(sample.starts[own.cohort]);
            for at in (0..sample.n_periods()).filter(|&at| own.present[at]) {
                let now = i64::from(sample.periods[at]) + i64::from(did.anticipation);
                let place = match bases[own.cohort] {
                    Some(base) if at < base => Some(0),
                    Some(base) if at == base => Some(1),
                    _ => None,
                };
                let control = used[at] && entries[own.cohort] != Some(at) && now + 1 < start;
                if place.is_none() && !control {
                    continue;
                }
                for &unit in units(own) {
                    let same = bits(unit, at) == mode;
                    if let Some(place) = place {
                        tallies[place].add(same);
                    }
                    if control {
                        tallies[2].add(same);
                    }
                }
            }
        }
        let [earlier, base, untreated] = tallies;
        let (one, two) = (untreated.below(at_entry), earlier.below(at_entry));
        let rule = one.unwrap_or(true) && two.unwrap_or(true) && (one.is_some() || two.is_some());
        let came = entries == bases
            || (two.is_some()
                && base.all >= FEW_UNITS
                && base.share() >= earlier.share() + CLEARLY);
        let found = Self { when, at_entry, untreated: untreated.share(), earlier: earlier.share() };
        (rule && came).then_some(found)
    }
}

/// Cautions about who is compared and when.
pub(super) fn cautions(did: &Did, sample: &Sample, rows: &[Effect], joint: &[f64]) -> Vec<Caution> {
    let mut found = Vec::new();
    if let Some(own) = Selected::of(did, sample) {
        found.push(caution(
            "eligibility",
            format!(
                "who is treated depends on the outcome: {} of the treated have the same value in \
                 {}, of the untreated {}; the estimates mix the effect with the end of that state",
                percent(own.at_entry),
                own.when,
                percent(own.untreated)
            ),
        ));
    }
    found.extend(anticipation(did, sample, rows, joint));
    found.extend(missing_base(did, sample));
    found.extend(few_treated(sample));
    found
}

/// Whether the treated already change in the last period before treatment.
fn anticipation(did: &Did, sample: &Sample, rows: &[Effect], joint: &[f64]) -> Option<Caution> {
    if sample.n_clusters < FEW_TREATED {
        return None;
    }
    let last = -1 - i64::from(did.anticipation);
    let reference = rows.iter().any(|row| row.status == Status::Reference);
    let modelled = matches!(did.method, Method::Imputation | Method::TwoStage);
    // the change into the last period: its placebo, or what the period before it differs from it
    let (plus, minus) = match (reference, modelled) {
        (true, _) => (None, Some(last - 1)),
        (false, true) => (Some(last), Some(last - 1)),
        (false, false) => (Some(last), None),
    };
    let mut weights = vec![0.0; rows.len()];
    let sides = [(plus, 1.0), (minus, -1.0)];
    for (event, sign) in sides.into_iter().filter_map(|(event, sign)| Some((event?, sign))) {
        let own: Vec<usize> = (0..rows.len())
            .filter(|&at| rows[at].event.is_some_and(|own| i64::from(own) == event))
            .filter(|&at| rows[at].status == Status::Estimated)
            .collect();
        let total: u64 = own.iter().map(|&at| rows[at].n_treated).sum();
        if total == 0 {
            return None;
        }
        for at in own {
            weights[at] += sign * rows[at].n_treated as f64 / total as f64;
        }
    }
    let all = joint.len().isqrt();
    let used: Vec<usize> = (0..rows.len()).filter(|&at| weights[at] != 0.0).collect();
    let change: f64 = used.iter().map(|&at| weights[at] * rows[at].estimate).sum();
    let mut variance = 0.0;
    for &i in &used {
        for &j in &used {
            variance += weights[i] * joint[i * all + j] * weights[j];
        }
    }
    let p = 2.0 * normal_sf(change.abs() / variance.sqrt());
    (variance > 0.0 && p < SIZE).then(|| {
        caution(
            "anticipation",
            format!(
                "the treated change by {change:.3} more than the untreated in the last period \
                 before treatment (p = {p:.1e}): they act in advance, or trends differ; with \
                 `anticipation` comparisons start from an earlier period"
            ),
        )
    })
}

/// Cohorts and units that lack the period their effects are measured from.
fn missing_base(did: &Did, sample: &Sample) -> Vec<Caution> {
    let mut found = Vec::new();
    let early = !matches!(
        (did.method, did.controls),
        (Method::Imputation | Method::TwoStage | Method::TwoWay, _)
            | (Method::ExtendedTwoWay, None | Some(Controls::NotYet))
    );
    if !early {
        return found;
    }
    let bases = bases(did, sample);
    let ahead = i64::from(did.anticipation);
    let lacking = |(cohort, base): &(usize, &Option<usize>)| {
        base.is_some_and(|base| {
            i64::from(sample.periods[base]) + 1 + ahead < i64::from(sample.starts[*cohort])
        })
    };
    let cohorts = bases.iter().enumerate().filter(lacking).count();
    if cohorts > 0 {
        found.push(caution(
            "base_missing",
            format!(
                "nobody is seen in the last period before treatment of {cohorts} cohorts; their \
                 effects are measured from an earlier period"
            ),
        ));
    }
    let (mut seen, mut all) = (0, 0);
    for own in &sample.profiles {
        if let Some(base) = bases[own.cohort] {
            all += own.len();
            seen += if own.present[base] { own.len() } else { 0 };
        }
    }
    let share = 1.0 - seen as f64 / f64::from(u32::try_from(all.max(1)).unwrap_or(u32::MAX));
    if all > 0 && share > UNSEEN {
        found.push(caution(
            "base_unseen",
            format!(
                "{} of the treated units are not seen in the period their cohort's effects are \
                 measured from and are compared in no period after treatment",
                percent(share)
            ),
        ));
    }
    found
}

/// Many clusters, few of them treated.
fn few_treated(sample: &Sample) -> Option<Caution> {
    let first = *sample.periods.first()?;
    let last = *sample.periods.last()?;
    let treated = |cohort: usize| {
        let start = sample.starts[cohort];
        start > first && start <= last
    };
    let own = (0..sample.n_units()).filter(|&unit| treated(sample.cohort_of[unit] as usize));
    let group = |unit: usize| sample.clusters.as_ref().map_or(unit as u32, |codes| codes[unit]);
    let mut groups: Vec<u32> = own.map(group).collect();
    groups.sort_unstable();
    groups.dedup();
    let n = groups.len();
    (n > 1 && n < FEW_TREATED && sample.n_clusters >= 3 * FEW_TREATED).then(|| {
        caution(
            "few_treated",
            format!(
                "{n} of the {} clusters are treated: standard errors are likely too small; see \
                 what placebo treatments of others give",
                sample.n_clusters
            ),
        )
    })
}
