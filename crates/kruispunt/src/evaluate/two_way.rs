//! Two-way fixed effects, for comparison: by event time, and the one coefficient.

use super::influence::{Coefficients, Linear, covariance};
use super::regression::{Class, DETERMINED, Regression};
use super::result::{Estimates, Texts, assemble, caution, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Did, EvaluateError};
use crate::data::{By, Caution, Effect, Effects, Panel, Phase, Status, Ticket};

/// Two regressions on the same sample, one after the other.
struct Two<'a>(Regression<'a>, Regression<'a>);

impl Linear for Two<'_> {
    fn width(&self) -> usize {
        self.0.n_dummies + self.1.n_dummies
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        self.0.fill(profile, out);
        self.1.fill(profile, out);
    }
}

/// Event times, and which dummy each has: the farthest lead is the last to come and the first to
/// be dropped where dummies depend on each other.
struct Timeline {
    events: Vec<i64>,
    dummies: Vec<Option<usize>>,
}

impl Timeline {
    fn new(sample: &Sample, reference: i64) -> Self {
        let mut events: Vec<i64> = Vec::new();
        for profile in &sample.profiles {
            let own = (0..sample.n_periods()).filter(|&at| profile.present[at]);
            events.extend(own.filter_map(|at| event(sample, profile.cohort, at)));
        }
        events.sort_unstable();
        events.dedup();
        let mut order: Vec<usize> =
            (0..events.len()).filter(|&at| events[at] != reference).collect();
        order.sort_by_key(|&at| if events[at] >= 0 { (0, events[at]) } else { (1, -events[at]) });
        let mut dummies = vec![None; events.len()];
        for (dummy, &at) in order.iter().enumerate() {
            dummies[at] = Some(dummy);
        }
        Self { events, dummies }
    }

    fn n_dummies(&self) -> usize {
        self.dummies.iter().flatten().count()
    }

    fn class(&self, event: Option<i64>) -> Class {
        let place = event.and_then(|event| self.events.binary_search(&event).ok());
        place.and_then(|place| self.dummies[place]).map_or(Class::Plain, Class::Dummy)
    }
}

fn event(sample: &Sample, cohort: usize, t: usize) -> Option<i64> {
    let start = sample.starts[cohort];
    (start != NEVER).then(|| i64::from(sample.periods[t]) - i64::from(start))
}

/// Two-way fixed effects: event-time dummies, and one for treatment.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("regression", 0);
    let times = Timeline::new(sample, -1 - i64::from(did.anticipation));
    let n = times.n_dummies();
    let class = |cohort: usize, at: usize| times.class(event(sample, cohort, at));
    let dynamic = Regression::fit(sample, n, 0, class).corrected();
    let treated = |cohort: usize, at: usize| {
        if sample.treated(cohort, at) { Class::Dummy(0) } else { Class::Plain }
    };
    let fixed = Regression::fit(sample, 1, n, treated).corrected();
    let n_control = count(sample, |cohort, at| !sample.treated(cohort, at));
    let row = |own: Option<i64>, coefficient: Option<Option<f64>>| {
        let phase = match own {
            None => Phase::Overall,
            Some(event) if event < 0 => Phase::Before,
            Some(_) => Phase::After,
        };
        let n_treated = count(sample, |cohort, at| match own {
            Some(own) => event(sample, cohort, at) == Some(own),
            None => sample.treated(cohort, at),
        });
        let row = Effect {
            cohort: None,
            period: None,
            event: own.map(|event| event as i32),
            phase,
            estimate: 0.0,
            status: Status::Reference,
            n_treated,
            n_control,
        };
        match coefficient {
            None => row,
            Some(Some(estimate)) => Effect { estimate, status: Status::Estimated, ..row },
            Some(None) => not_estimable(row, DETERMINED),
        }
    };
    let mut rows: Vec<Effect> = times
        .events
        .iter()
        .zip(&times.dummies)
        .map(|(&event, dummy)| row(Some(event), dummy.map(|dummy| dynamic.coefficient(dummy))))
        .collect();
    rows.push(row(None, Some(fixed.coefficient(0))));
    let ids: Vec<Option<usize>> = times.dummies.iter().copied().chain([Some(n)]).collect();
    let all = covariance(sample, &Two(dynamic, fixed), ticket)?;
    let k = rows.len();
    let joint = (0..k * k)
        .map(|at| match (ids[at / k], ids[at % k]) {
            (Some(i), Some(j)) => all[i * (n + 1) + j],
            _ => 0.0,
        })
        .collect();
    let texts = Texts {
        method: "two-way fixed effects".to_owned(),
        estimand: "coefficients of event-time dummies; overall: coefficient of treatment"
            .to_owned(),
        comparison: "all other outcomes, those of the already treated included".to_owned(),
        df: Some(sample.n_clusters as f64 - 1.0),
        notes: Vec::new(),
        cautions: two_way_cautions(sample),
    };
    let found = Estimates {
        by: By::Event,
        mass: vec![0.0; k],
        rows,
        shares: Vec::new(),
        share_of: Vec::new(),
        joint,
    };
    assemble(did, panel, sample, texts, found)
}

fn two_way_cautions(sample: &Sample) -> Vec<Caution> {
    let mut cautions = vec![caution(
        "two_way",
        "two-way fixed effects compare the treated with the already treated; where effects differ \
         between cohorts or grow, the coefficients are no averages of effects",
    )];
    let weights = super::decompose::weights(sample);
    let negative: Vec<f64> =
        weights.iter().map(|own| own.value).filter(|weight| *weight < 0.0).collect();
    if !negative.is_empty() {
        let share = 100.0 * negative.len() as f64 / weights.len() as f64;
        let sum: f64 = negative.iter().sum();
        cautions.push(caution(
            "negative_weights",
            format!(
                "{} of {} treated cells ({share:.1} %) have a negative weight in the overall \
                 coefficient; they sum to {sum:.3}",
                negative.len(),
                weights.len()
            ),
        ));
    }
    cautions
}

/// Units with a period for which `wanted` holds.
fn count(sample: &Sample, wanted: impl Fn(usize, usize) -> bool) -> u64 {
    let any = |own: &&Profile| {
        (0..sample.n_periods()).any(|at| own.present[at] && wanted(own.cohort, at))
    };
    sample.profiles.iter().filter(any).map(|own| own.len() as u64).sum()
}
