//! Dynamic matching: who starts now against who waits, in the same risk set.

mod balance;
mod later;
mod options;
mod paired;
mod pairing;
mod resample;
mod risk;
mod score;
mod spread;
mod table;
mod weighted;

use super::EvaluateError;
use super::result::{caution, not_estimable};
use crate::data::{By, Caution, Effect, Effects, Panel, Phase, Seed, Status, Ticket};
pub use pairing::{Distance, Reuse};
use pairing::{Matcher, Ordered, Pairing};
use resample::Drawing;
use risk::{Risk, RiskSets};
use score::Placed;
use spread::{Arm, Found, Spread};
pub use table::{RiskTable, stage_paths};

/// Whom those who start are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Against {
    /// Everyone of the risk set who does not start in that period, whatever they do later.
    #[default]
    Waiting,
    /// Those of the risk set who are never treated in the panel. This conditions on the future:
    /// who never starts is, in part, who did well without.
    Never,
    /// Those of the risk set who do not start up to the period of the outcome, weighed by one over
    /// their chance not to have started in each period since in which they could: what would have
    /// been without any start. Who leaves the state can start no more and keeps their weight, so
    /// that outcomes after leaving are compared too (van den Berg & Vikstroem 2022, *Econometrica*
    /// 90, 1337-1354).
    Untreated,
}

/// Effects of starting a treatment now, by periods since the start.
///
/// In each period the risk set holds the persons who are eligible and not treated before. Those
/// who start in the period are compared with those of the same risk set and the same cell who do
/// not: cells are equal in the period, the elapsed duration of eligibility and the columns
/// `exact`. With `n1` starters in a cell,
///
/// ```text
/// ATT(e) = sum_c n1_c (mean y_{q+e} of starters in c - mean y_{q+e} of controls in c) / sum_c n1_c
/// ```
///
/// over cells that hold both (Sianesi 2004; Fredriksson & Johansson 2008). It is the coefficient
/// of a regression with an effect for each cell in which a control weighs `n1/n0`.
///
/// Errors are clustered by person, for one person stands in many risk sets: a starter brings
/// `y - mean of controls - ATT`, a control `-(n1/n0) (y - mean of controls)`, widened by
/// `sqrt(n0/(n0-1))`; a control that is alone in its cell shows no variation and gets the mean
/// variance of the others.
///
/// A null in a column of `exact` is a value of its own.
///
/// # References
///
/// Sianesi, B. (2004). *Review of Economics and Statistics* 86(1), 133-155.
/// Fredriksson, P. & Johansson, P. (2008). *Journal of Business & Economic Statistics* 26(4),
/// 435-445.
#[derive(Clone, Debug)]
#[must_use]
pub struct DynamicMatching {
    outcome: String,
    treatment: String,
    eligible: String,
    kind: Option<(String, String)>,
    exact: Vec<String>,
    horizons: Vec<i32>,
    duration: Option<u32>,
    against: Against,
    absent: Option<f64>,
    versus: Option<String>,
    only: Option<(String, String)>,
    coarse: Vec<(String, Vec<f64>)>,
    covariates: Vec<String>,
    history: u32,
    pairing: Pairing,
    distance: Distance,
    reuse: Reuse,
    caliper: Option<f64>,
    bootstrap: Option<(u32, Seed)>,
    gap: u32,
    second: Option<String>,
    record_of: Option<String>,
    kind_column: Option<String>,
}

/// Estimates, how many they rest on, and their covariance.
struct Answer {
    estimates: Vec<f64>,
    /// Controls and starters, by horizon.
    counts: Vec<[u64; 2]>,
    spread: Spread,
    notes: Vec<String>,
}

impl DynamicMatching {
    /// Estimates the effects, one row a horizon.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit(&self, panel: &Panel) -> Result<Effects, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with progress and cancellation.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for missing columns and wrong types, [`EvaluateError::NotFinite`],
    /// [`EvaluateError::BadArgument`] without horizons or with one twice,
    /// [`EvaluateError::NobodyTreated`] when nobody starts from a risk set,
    /// [`EvaluateError::NothingEstimable`] when no starter has a control,
    /// [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<Effects, EvaluateError> {
        self.check()?;
        ticket.stage("risk sets", 0);
        let y = outcome(panel, &self.outcome)?;
        let sets = self.risk_sets(panel, &y, ticket)?;
        let k = self.horizons.len();
        ticket.stage("comparing", 0);
        let at = self.outcomes(panel, &y, &sets.risk, &self.horizons)?;
        let later = match self.against {
            Against::Untreated => Some(self.not_started(panel, &y, &sets.risk, ticket)?),
            _ => None,
        };
        go_on(ticket)?;
        let Placed { place, caliper, logit } = self.placed(panel, &sets, ticket)?;
        let weighs = self.pairing == Pairing::Odds || later.is_some();
        let since = later.as_ref().map(|own| &own.weights[..]);
        let weights = weighs.then(|| weighted::weights(&sets.risk, &place, since, k));
        let matches = !weighs && self.pairing != Pairing::Cells;
        let needs = matches || !weighs && self.bootstrap.is_some();
        let ordered = needs.then(|| Ordered::new(&sets.risk, sets.n_cells, &place));
        let mut pairs = None;
        let mut answer = match &ordered {
            Some(ordered) if matches => {
                let (pairing, reuse) = (self.pairing, self.reuse);
                let matcher =
                    Matcher { pairing, reuse, caliper, place: &place, ordered, times: None };
                let own = pairs.insert(matcher.pairs());
                go_on(ticket)?;
                let (found, spread) = paired::paired(own, &sets.risk, ordered, &place, (&at, k));
                let mut notes =
                    vec![format!("{} starts have a control near enough", own.starter.len())];
                if own.ties > 0 {
                    notes.push(format!(
                        "{} ties among nearest controls, all of them taken",
                        own.ties
                    ));
                }
                let counts = found.controls.iter().zip(&found.compared);
                let counts = counts.map(|(&n, &m)| [n, m as u64]).collect();
                Answer { estimates: found.estimates, counts, spread, notes }
            }
            _ => match &weights {
                Some(weights) => {
                    let models = (logit.as_ref(), later.as_ref(), panel.persons().len());
                    self.by_weights(&sets, &at, weights, models)
                }
                None => self.by_cells(&sets, &at, ticket)?,
            },
        };
        if answer.estimates.iter().all(|estimate| estimate.is_nan()) {
            let why = "no starter has a control in the same cell; compare on fewer columns";
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        if let Some(bootstrap) = self.bootstrap {
            let drawing = Drawing {
                risk: &sets.risk,
                n_cells: sets.n_cells,
                at: &at,
                place: &place,
                ordered: ordered.as_ref(),
                weights: weights.as_deref(),
                pairs: pairs.as_ref(),
                caliper,
                persons: panel.persons().len(),
            };
            answer.spread.vcov = self.resampled(&drawing, bootstrap, ticket)?;
            answer.notes.push(format!("standard errors from {} samples of persons", bootstrap.0));
        }
        let trainees = self.trainees(panel, &y, &sets.risk);
        let gone = self.gone(panel, &sets.risk, &at);
        Ok(self.result(panel, sets, answer, (trainees, gone)))
    }

    /// Estimates the effects for each group of `column`, in its natural order.
    ///
    /// Persons of one group alone are compared with each other. Groups of different persons are
    /// independent: bands of level `(1 - alpha)^(1/G)` for each hold together.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit_by(
        &self,
        panel: &Panel,
        column: &str,
        ticket: &Ticket,
    ) -> Result<Vec<(String, Effects)>, EvaluateError> {
        let values = panel.column("by", column)?;
        let (_, first) = values.ranks();
        let labels = first.iter().filter_map(|&row| values.label(row as usize));
        labels
            .map(|label| {
                let own = self.clone().only(column, label.clone());
                own.fit_with(panel, ticket).map(|effects| (label, effects))
            })
            .collect()
    }

    /// Outcomes of starters minus those of their controls at `horizon`, pair by pair.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with), and [`EvaluateError::BadArgument`] unless each starter has
    /// one nearest control.
    pub fn differences_with(
        &self,
        panel: &Panel,
        horizon: i32,
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        self.check()?;
        if self.pairing != Pairing::Nearest(1) {
            return Err(EvaluateError::BadArgument {
                argument: "nearest",
                expected: "one nearest control for each starter: pairs",
                got: "cells, several or a kernel".to_owned(),
            });
        }
        let y = outcome(panel, &self.outcome)?;
        let sets = self.risk_sets(panel, &y, ticket)?;
        let Placed { place, caliper, .. } = self.placed(panel, &sets, ticket)?;
        let ordered = Ordered::new(&sets.risk, sets.n_cells, &place);
        let (pairing, reuse) = (self.pairing, self.reuse);
        let matcher =
            Matcher { pairing, reuse, caliper, place: &place, ordered: &ordered, times: None };
        let at = self.outcomes(panel, &y, &sets.risk, &[horizon])?;
        let pairs = matcher.pairs();
        Ok(paired::gaps(&pairs, &at))
    }

    /// Means within cells.
    fn by_cells(
        &self,
        sets: &RiskSets,
        at: &[Option<f64>],
        ticket: &Ticket,
    ) -> Result<Answer, EvaluateError> {
        let (risk, k) = (&sets.risk, self.horizons.len());
        let mut arms = vec![Arm::default(); sets.n_cells * k];
        for (own, at) in risk.iter().zip(at.chunks(k)) {
            for (h, value) in at.iter().enumerate().filter_map(|(h, v)| v.map(|v| (h, v))) {
                let arm = &mut arms[own.cell as usize * k + h];
                arm.n[usize::from(own.starts)] += 1;
                arm.sum[usize::from(own.starts)] += value;
            }
        }
        go_on(ticket)?;
        let (mut estimates, mut compared) = (vec![0.0; k], vec![0.0; k]);
        let mut counts = vec![[0_u64; 2]; k];
        for cell in arms.chunks(k) {
            for (h, arm) in cell.iter().enumerate().filter(|(_, arm)| arm.both()) {
                compared[h] += f64::from(arm.n[1]);
                estimates[h] += f64::from(arm.n[1]) * (arm.mean(1) - arm.mean(0));
                counts[h] =
                    [counts[h][0] + u64::from(arm.n[0]), counts[h][1] + u64::from(arm.n[1])];
            }
        }
        for h in 0..k {
            estimates[h] /= compared[h];
        }
        let found = Found { risk, at, arms: &arms, estimates: &estimates, compared };
        let spread = found.covariance(k, ticket)?;
        Ok(Answer { estimates, counts, spread, notes: Vec::new() })
    }

    /// Outcomes at `horizons`, row by row of `risk`; `None` when they are not to be used.
    fn outcomes(
        &self,
        panel: &Panel,
        y: &[f64],
        risk: &[Risk],
        horizons: &[i32],
    ) -> Result<Vec<Option<f64>>, EvaluateError> {
        let second = self.second_starts(panel)?;
        let starts = match self.against {
            Against::Untreated => Some(risk::periods(panel, "treatment", &self.treatment)?),
            _ => None,
        };
        let base = panel.calendar().period(0).number;
        let positions = panel.positions();
        let mut all = Vec::with_capacity(risk.len() * horizons.len());
        for own in risk {
            let now = base + positions[own.row] as i32;
            let after = |start: Option<i32>, e: i32| start.is_some_and(|start| start <= now + e);
            for &e in horizons {
                let twice =
                    second.as_ref().is_some_and(|second| e > 0 && after(second[own.row], e));
                let begun = starts.as_ref().is_some_and(|starts| after(starts[own.row], e));
                let started = begun && !own.starts && e > 0;
                let used = !twice && !started;
                all.push(if used { self.outcome_at(panel, y, own, e) } else { None });
            }
        }
        Ok(all)
    }

    /// Shares of starters and of controls without a row or a value at the last horizon within the
    /// panel, when these are left out.
    fn gone(&self, panel: &Panel, risk: &[Risk], at: &[Option<f64>]) -> Option<(i32, [f64; 2])> {
        let k = self.horizons.len();
        let (h, &e) = self.horizons.iter().enumerate().max_by_key(|own| own.1)?;
        if self.absent.is_some()
            || self.second.is_some()
            || self.against == Against::Untreated
            || e <= 0
        {
            return None;
        }
        let (mut missing, mut all) = ([0.0; 2], [0.0; 2]);
        for (row, own) in risk.iter().enumerate() {
            let side = usize::from(own.starts);
            if i64::from(panel.positions()[own.row]) + i64::from(e) < panel.calendar().len() as i64
            {
                all[side] += 1.0;
                missing[side] += f64::from(u8::from(at[row * k + h].is_none()));
            }
        }
        (all[0] > 0.0 && all[1] > 0.0).then(|| (e, [missing[0] / all[0], missing[1] / all[1]]))
    }

    /// How much likelier starters than controls are to have the outcome in the period of the start
    /// itself, when it is 0 or 1: more than a little means that it counts taking part.
    fn trainees(&self, panel: &Panel, y: &[f64], risk: &[Risk]) -> f64 {
        let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
        for own in risk {
            match self.outcome_at(panel, y, own, 0) {
                Some(value) if value == 0.0 || value == 1.0 => {
                    sums[usize::from(own.starts)] += value;
                    counts[usize::from(own.starts)] += 1.0;
                }
                Some(_) => return 0.0,
                None => {}
            }
        }
        sums[1] / counts[1] - sums[0] / counts[0]
    }

    /// The outcome of a row's person `e` periods later; `None` when it is not to be used.
    fn outcome_at(&self, panel: &Panel, y: &[f64], own: &Risk, e: i32) -> Option<f64> {
        let positions = panel.positions();
        let wanted = i64::from(positions[own.row]) + i64::from(e);
        if wanted < 0 || wanted >= panel.calendar().len() as i64 {
            return None;
        }
        let rows = panel.of(own.person);
        let likely = own.row as i64 + i64::from(e);
        let is = |row: usize| i64::from(positions[row]) == wanted;
        let row = if rows.contains(&(likely.max(0) as usize)) && is(likely as usize) {
            Some(likely as usize)
        } else {
            let at =
                rows.start + positions[rows.clone()].partition_point(|&p| i64::from(p) < wanted);
            (at < rows.end && is(at)).then_some(at)
        };
        row.map(|row| y[row]).filter(|value| !value.is_nan()).or(self.absent)
    }

    fn result(
        &self,
        panel: &Panel,
        sets: RiskSets,
        answer: Answer,
        (trainees, gone): (f64, Option<(i32, [f64; 2])>),
    ) -> Effects {
        let RiskSets { risk, mut step, .. } = sets;
        let starters = risk.iter().filter(|own| own.starts).count() as f64;
        let rows: Vec<Effect> = (0..self.horizons.len()).map(|h| self.row(h, &answer)).collect();
        let after = |row: &&Effect| row.phase == Phase::After;
        let (matched, all) = rows.iter().filter(after).fold((0.0, 0.0), |(matched, all), row| {
            (matched + row.n_treated as f64, all + starters)
        });
        let identified = if all > 0.0 { matched / all } else { 1.0 };
        let mut cautions = self.cautions(&rows, starters, answer.spread.clusters);
        cautions.extend(self.told_by(&rows, &answer, trainees));
        cautions.extend(left_behind(panel, gone));
        step.notes.extend(answer.notes);
        step.notes.extend(cautions.iter().map(|own| own.text.clone()));
        let second =
            if self.second.is_some() { "; as long as there is no second treatment" } else { "" };
        let spread = answer.spread;
        let unit = panel.calendar().unit().name();
        let (than, comparison) = match self.against {
            _ if self.versus.is_some() => (
                "had they started the other kind in that period",
                "eligible persons of the same cell who start the other kind in the period"
                    .to_owned(),
            ),
            Against::Waiting => {
                let controls = risk.iter().filter(|own| !own.starts);
                let later = controls.clone().filter(|own| own.later).count();
                let share = 100.0 * later as f64 / controls.count().max(1) as f64;
                (
                    "had they not started in that period, though perhaps later",
                    format!(
                        "eligible persons of the same cell who do not start in the period; \
                         {share:.1} % of them start later in the panel"
                    ),
                )
            }
            Against::Untreated => (
                "had they not started in that period nor later",
                "eligible persons of the same cell who do not start up to the period of the \
                 outcome, weighed by one over the chance of that"
                    .to_owned(),
            ),
            Against::Never => (
                "had they never started, if who never starts were like them",
                "eligible persons of the same cell who are never treated in the panel".to_owned(),
            ),
        };
        Effects {
            calendar: *panel.calendar(),
            outcome: self.outcome.clone(),
            method: format!("dynamic matching, {}", self.told()),
            by: By::Event,
            shares: Vec::new(),
            share_of: Vec::new(),
            joint: spread.vcov,
            drawn: Vec::new(),
            df: None,
            n_units: spread.clusters,
            n_obs: risk.len() as u64,
            cluster: panel.persons().name().to_owned(),
            n_clusters: spread.clusters,
            estimand: format!(
                "of those who start and have a control: mean {} so many {unit}s after the start, \
                 minus what it would have been {than}{second}",
                self.outcome
            ),
            comparison,
            identified,
            cautions,
            account: panel.account().clone().then(step),
            rows,
        }
    }

    fn row(&self, h: usize, answer: &Answer) -> Effect {
        let e = self.horizons[h];
        let row = Effect {
            cohort: None,
            period: None,
            event: Some(e),
            phase: if e < 0 { Phase::Before } else { Phase::After },
            estimate: answer.estimates[h],
            status: Status::Estimated,
            n_treated: answer.counts[h][1],
            n_control: answer.counts[h][0],
        };
        if row.estimate.is_nan() {
            return not_estimable(row, "no starter has a control with an outcome at this horizon");
        }
        row
    }

    /// What the numbers themselves give reason to warn of.
    fn told_by(&self, rows: &[Effect], answer: &Answer, trainees: f64) -> Vec<Caution> {
        let mut cautions = Vec::new();
        if trainees > 0.2 {
            cautions.push(caution(
                "outcome_counts_trainees",
                format!(
                    "in the period of the start {} is {:.0} points likelier for those who start: it \
                     seems to count taking part; use an outcome that does not",
                    self.outcome,
                    100.0 * trainees
                ),
            ));
        }
        let k = rows.len();
        let gone = (0..k)
            .filter(|&h| rows[h].phase == Phase::Before)
            .map(|h| (h, rows[h].estimate / answer.spread.vcov[h * k + h].sqrt()))
            .find(|(_, ratio)| ratio.abs() > 3.0);
        if let Some((h, ratio)) = gone {
            cautions.push(caution(
                "unobserved_selection",
                format!(
                    "{} periods before the start those who start differ from their controls \
                     already, by {:.3} ({ratio:.1} standard errors): what sets them apart then may do \
                     so later",
                    -self.horizons[h], rows[h].estimate
                ),
            ));
        }
        cautions
    }

    fn cautions(&self, rows: &[Effect], starters: f64, clusters: u64) -> Vec<Caution> {
        let mut cautions = Vec::new();
        if self.against == Against::Never {
            cautions.push(caution(
                "static_controls",
                "controls are chosen by what they do later: who is never treated is, in part, who \
                 did well without; read this beside the comparison with those who wait",
            ));
        }
        let first = rows.iter().find(|row| row.phase == Phase::After);
        if let Some(row) = first.filter(|row| (row.n_treated as f64) < starters) {
            cautions.push(caution(
                "common_support",
                format!(
                    "at the first horizon {} of {starters:.0} starts are compared; the others have \
                     no control in their cell or no outcome",
                    row.n_treated
                ),
            ));
        }
        if clusters < 30 {
            cautions.push(caution(
                "few_clusters",
                format!("{clusters} persons are few: standard errors are likely too small"),
            ));
        }
        cautions
    }
}

/// Says who leaves the registers, as censoring that may depend on the outcome.
fn left_behind(panel: &Panel, gone: Option<(i32, [f64; 2])>) -> Option<Caution> {
    let (e, [controls, starters]) = gone?;
    if controls.max(starters) < 0.02 {
        return None;
    }
    Some(caution(
        "emigration",
        format!(
            "{e} {}s after the start {:.1} % of starters and {:.1} % of controls have left the \
             registers and are left out, as if they were like those who stay; who emigrates is not: \
             say what outcome is theirs (`absent`), or show both",
            panel.calendar().unit().name(),
            100.0 * starters,
            100.0 * controls
        ),
    ))
}

fn go_on(ticket: &Ticket) -> Result<(), EvaluateError> {
    if ticket.is_cancelled() { Err(EvaluateError::Cancelled) } else { Ok(()) }
}

/// The outcome, null as NaN; what is not null must be finite.
fn outcome(panel: &Panel, name: &str) -> Result<Vec<f64>, EvaluateError> {
    numbers(panel, "outcome", name)
}

/// A column of numbers, null as NaN; what is not null must be finite.
fn numbers(panel: &Panel, argument: &'static str, name: &str) -> Result<Vec<f64>, EvaluateError> {
    score::finite(&panel.column(argument, name)?, argument, name)
}
