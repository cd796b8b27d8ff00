//! From estimates to effects: cautions, identified share, account.

use super::sample::{NEVER, Sample};
use super::{Did, EvaluateError};
use crate::data::{By, Caution, Effect, Effects, Panel, Phase, Status};

/// Clusters below which standard errors that rest on their number are not to be trusted.
const FEW_CLUSTERS: usize = 30;

/// What the effects say about themselves.
pub(super) struct Texts {
    pub(super) method: String,
    pub(super) estimand: String,
    pub(super) comparison: String,
    pub(super) df: Option<f64>,
    pub(super) notes: Vec<String>,
    pub(super) cautions: Vec<Caution>,
}

pub(super) fn not_estimable(mut row: Effect, reason: impl Into<String>) -> Effect {
    row.estimate = f64::NAN;
    row.status = Status::NotEstimable(reason.into());
    row
}

pub(super) fn caution(code: &str, text: impl Into<String>) -> Caution {
    Caution { code: code.to_owned(), text: text.into() }
}

/// Treated unit-periods, and those whose effect was estimated, by weight.
fn identified(sample: &Sample, rows: &[Effect], mass: &[f64]) -> f64 {
    let own: f64 = rows
        .iter()
        .zip(mass)
        .filter(|(row, _)| row.phase == Phase::After)
        .filter(|(row, _)| !matches!(row.status, Status::NotEstimable(_)))
        .map(|(_, mass)| mass)
        .sum();
    let mut all = 0.0;
    for profile in &sample.profiles {
        let treated = |t: &usize| profile.present[*t] && sample.treated(profile.cohort, *t);
        all += profile.weight * (0..sample.n_periods()).filter(treated).count() as f64;
    }
    if all > 0.0 { own / all } else { 0.0 }
}

/// What the design itself gives reason to warn of.
fn design_cautions(sample: &Sample, rows: &[Effect], share: f64) -> Vec<Caution> {
    let mut cautions = Vec::new();
    let never = sample.profiles.iter().any(|profile| sample.starts[profile.cohort] == NEVER);
    if !never {
        cautions.push(caution(
            "all_treated",
            "every unit is treated in the end; effects after the last cohort starts are not \
             identified and are not extrapolated",
        ));
    }
    if share < 1.0 - 1e-12 {
        let percent = 100.0 * share;
        cautions.push(caution(
            "identified_share",
            format!(
                "effects of {percent:.1} % of the treated unit-periods are identified; means are \
                 over these alone"
            ),
        ));
    }
    let first = sample.periods.first().copied().unwrap_or(NEVER);
    let early: usize = sample
        .profiles
        .iter()
        .filter(|profile| sample.starts[profile.cohort] <= first)
        .map(super::sample::Profile::len)
        .sum();
    if early > 0 {
        cautions.push(caution(
            "treated_at_start",
            format!(
                "{early} units are treated in the first period already: they have no period \
                 before treatment and no effect of theirs is identified"
            ),
        ));
    }
    let lone: std::collections::BTreeSet<i32> = rows
        .iter()
        .filter(|row| matches!(row.status, Status::NoError(_)))
        .filter_map(|row| row.cohort)
        .collect();
    if !lone.is_empty() {
        cautions.push(caution(
            "cohort_of_one",
            format!(
                "{} cohorts rest on one treated unit or cluster: their standard errors are \
                 missing, and those of means that use them are too small",
                lone.len()
            ),
        ));
    }
    if sample.n_clusters < FEW_CLUSTERS {
        cautions.push(caution(
            "few_clusters",
            format!(
                "{} clusters are few: standard errors and bands are likely too small",
                sample.n_clusters
            ),
        ));
    }
    cautions
}

/// What an estimator found.
pub(super) struct Estimates {
    pub(super) by: By,
    pub(super) rows: Vec<Effect>,
    /// The treated weight behind each row.
    pub(super) mass: Vec<f64>,
    pub(super) shares: Vec<f64>,
    pub(super) share_of: Vec<u32>,
    /// Covariance of rows and shares.
    pub(super) joint: Vec<f64>,
}

/// Multiplier draws of rows and shares; shares beyond those that were drawn are known.
fn drawn(did: &Did, sample: &Sample, k: usize, width: usize) -> Vec<f64> {
    let (Some(own), Some(plan)) = (sample.drawn.get(), sample.multipliers) else {
        return Vec::new();
    };
    let made = own.len().checked_div(plan.draws as usize).unwrap_or(0);
    if made == 0 || made > width {
        return Vec::new();
    }
    let mut drawn = vec![0.0; plan.draws as usize * width];
    for (to, from) in drawn.chunks_exact_mut(width).zip(own.chunks_exact(made)) {
        to[..made].copy_from_slice(from);
    }
    did.extra.hold_drawn_shares(k, width, &mut drawn);
    drawn
}

/// Effects by cohort and period.
pub(super) fn assemble(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    texts: Texts,
    found: Estimates,
) -> Result<Effects, EvaluateError> {
    let Estimates { by, rows, mass, shares, share_of, mut joint } = found;
    did.extra.hold_shares(rows.len(), &mut joint);
    let width = rows.len() + shares.len();
    let drawn = drawn(did, sample, rows.len(), width);
    let after = |row: &&Effect| row.phase == Phase::After;
    let lacking = |row: &Effect| matches!(row.status, Status::NotEstimable(_));
    if rows.iter().filter(after).all(lacking) {
        let why = rows.iter().filter(after).find_map(|row| row.status.reason());
        let why = why.unwrap_or("no cohort has a period after treatment").to_owned();
        return Err(EvaluateError::NothingEstimable { why });
    }
    // a regression that pools event times identifies no treated cell by itself
    let pooled = by == By::Event && mass.iter().all(|mass| *mass == 0.0);
    let share = if pooled { f64::NAN } else { identified(sample, &rows, &mass) };
    let mut step = sample.step.clone();
    for note in texts.notes {
        step.notes.push(note);
    }
    let mut cautions = texts.cautions;
    cautions.extend(design_cautions(sample, &rows, share));
    cautions.extend(super::concerns::cautions(did, sample, &rows, &joint));
    for caution in &cautions {
        step.notes.push(caution.text.clone());
    }
    Ok(Effects {
        calendar: *panel.calendar(),
        outcome: did.outcome.clone(),
        method: texts.method,
        by,
        rows,
        shares,
        share_of,
        joint,
        drawn,
        df: texts.df,
        n_units: sample.n_units() as u64,
        n_obs: sample.n_obs as u64,
        cluster: did.cluster.clone().unwrap_or_else(|| panel.persons().name().to_owned()),
        n_clusters: sample.n_clusters as u64,
        estimand: did.extra.estimand(texts.estimand),
        comparison: texts.comparison,
        identified: share,
        cautions,
        account: panel.account().clone().then(step),
    })
}
