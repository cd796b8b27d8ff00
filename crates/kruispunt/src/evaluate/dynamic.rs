//! Dynamic matching: who starts now against who waits, in the same risk set.

mod risk;
mod spread;

use super::EvaluateError;
use super::result::{caution, not_estimable};
use crate::data::{By, Caution, Effect, Effects, Panel, Phase, Status, Step, Ticket};
use risk::Risk;
use spread::{Arm, Found, Spread};

/// Whom those who start are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Against {
    /// Everyone of the risk set who does not start in that period, whatever they do later.
    #[default]
    Waiting,
    /// Those of the risk set who are never treated in the panel. This conditions on the future:
    /// who never starts is, in part, who did well without.
    Never,
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
}

impl DynamicMatching {
    /// Effects on `outcome` of a treatment that begins in the period in column `treatment` (null:
    /// never), among persons for whom `eligible` is true (or 1) in the period.
    pub fn new(
        outcome: impl Into<String>,
        treatment: impl Into<String>,
        eligible: impl Into<String>,
    ) -> Self {
        Self {
            outcome: outcome.into(),
            treatment: treatment.into(),
            eligible: eligible.into(),
            kind: None,
            exact: Vec::new(),
            horizons: (1..=16).collect(),
            duration: None,
            against: Against::default(),
            absent: None,
        }
    }

    /// Only treatments of one kind: those whose `column` is `value`. Who begins another kind in a
    /// period is neither treated nor a control in it.
    pub fn kind(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.kind = Some((column.into(), value.into()));
        self
    }

    /// Columns that must be equal within a cell, beside the period and the elapsed duration.
    pub fn exact<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.exact = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Periods since the start at which the outcome is looked at (default 1 to 16); negative ones
    /// look back and should show nothing.
    pub fn horizons(mut self, horizons: impl IntoIterator<Item = i32>) -> Self {
        self.horizons = horizons.into_iter().collect();
        self
    }

    /// Durations of this many periods and more are one (default: each is its own).
    pub fn duration(mut self, most: u32) -> Self {
        self.duration = Some(most);
        self
    }

    /// Whom those who start are compared with (default: those who wait).
    pub fn against(mut self, against: Against) -> Self {
        self.against = against;
        self
    }

    /// The outcome of a person without a row or a value at the horizon: abroad or dead is not
    /// employed, 0 (default: such persons are left out at that horizon, and counted).
    pub fn absent(mut self, value: f64) -> Self {
        self.absent = Some(value);
        self
    }

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
        let (risk, n_cells, step) = self.risk_sets(panel, ticket)?;
        let k = self.horizons.len();
        ticket.stage("comparing", 0);
        let at: Vec<Option<f64>> = risk
            .iter()
            .flat_map(|own| self.horizons.iter().map(|&e| self.outcome_at(panel, &y, own, e)))
            .collect();
        go_on(ticket)?;
        let mut arms = vec![Arm::default(); n_cells * k];
        for (own, at) in risk.iter().zip(at.chunks(k)) {
            for (h, value) in at.iter().enumerate().filter_map(|(h, v)| v.map(|v| (h, v))) {
                let arm = &mut arms[own.cell as usize * k + h];
                arm.n[usize::from(own.starts)] += 1;
                arm.sum[usize::from(own.starts)] += value;
            }
        }
        go_on(ticket)?;
        let (mut estimates, mut compared) = (vec![0.0; k], vec![0.0; k]);
        for cell in arms.chunks(k) {
            for (h, arm) in cell.iter().enumerate().filter(|(_, arm)| arm.both()) {
                compared[h] += f64::from(arm.n[1]);
                estimates[h] += f64::from(arm.n[1]) * (arm.mean(1) - arm.mean(0));
            }
        }
        for h in 0..k {
            estimates[h] /= compared[h];
        }
        if estimates.iter().all(|estimate| estimate.is_nan()) {
            let why = "no starter has a control in the same cell; compare on fewer columns";
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        let found = Found { risk: &risk, at: &at, arms: &arms, estimates: &estimates, compared };
        let spread = found.covariance(k, ticket)?;
        Ok(self.result(panel, &found, spread, step))
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if self.horizons.is_empty() {
            return bad("horizons", "at least one horizon", "none".to_owned());
        }
        let mut sorted = self.horizons.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return bad("horizons", "each horizon once", format!("{:?}", self.horizons));
        }
        match self.absent {
            Some(value) if !value.is_finite() => {
                bad("absent", "a finite outcome", value.to_string())
            }
            _ => Ok(()),
        }
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

    fn told(&self) -> String {
        let mut told = format!("same period and duration of {}", self.eligible);
        if !self.exact.is_empty() {
            told = format!("{told}, same {}", self.exact.join(", "));
        }
        told
    }

    fn result(&self, panel: &Panel, found: &Found<'_>, spread: Spread, step: Step) -> Effects {
        let starters = found.risk.iter().filter(|own| own.starts).count() as f64;
        let rows: Vec<Effect> = (0..self.horizons.len()).map(|h| self.row(h, found)).collect();
        let after = |row: &&Effect| row.phase == Phase::After;
        let (matched, all) = rows.iter().filter(after).fold((0.0, 0.0), |(matched, all), row| {
            (matched + row.n_treated as f64, all + starters)
        });
        let identified = if all > 0.0 { matched / all } else { 1.0 };
        let mut step = step;
        let cautions = self.cautions(&rows, starters, spread.clusters);
        step.notes.extend(cautions.iter().map(|own| own.text.clone()));
        let unit = panel.calendar().unit().name();
        let (than, comparison) = match self.against {
            Against::Waiting => {
                let controls = found.risk.iter().filter(|own| !own.starts);
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
            df: None,
            n_units: spread.clusters,
            n_obs: found.risk.len() as u64,
            cluster: panel.persons().name().to_owned(),
            n_clusters: spread.clusters,
            estimand: format!(
                "of those who start and have a control: mean {} so many {unit}s after the start, \
                 minus what it would have been {than}",
                self.outcome
            ),
            comparison,
            identified,
            cautions,
            account: panel.account().clone().then(step),
            rows,
        }
    }

    fn row(&self, h: usize, found: &Found<'_>) -> Effect {
        let k = self.horizons.len();
        let e = self.horizons[h];
        let mut counts = [0_u64; 2];
        for arm in found.arms.chunks(k).map(|cell| cell[h]).filter(Arm::both) {
            counts = [counts[0] + u64::from(arm.n[0]), counts[1] + u64::from(arm.n[1])];
        }
        let row = Effect {
            cohort: None,
            period: None,
            event: Some(e),
            phase: if e < 0 { Phase::Before } else { Phase::After },
            estimate: found.estimates[h],
            status: Status::Estimated,
            n_treated: counts[1],
            n_control: counts[0],
        };
        if row.estimate.is_nan() {
            return not_estimable(row, "no starter has a control with an outcome at this horizon");
        }
        row
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

fn go_on(ticket: &Ticket) -> Result<(), EvaluateError> {
    if ticket.is_cancelled() { Err(EvaluateError::Cancelled) } else { Ok(()) }
}

/// The outcome, null as NaN; what is not null must be finite.
fn outcome(panel: &Panel, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let column = panel.column("outcome", name)?;
    let values = column.to_floats("outcome", name)?;
    let bad = |row: &usize| !values[*row].is_finite() && !column.is_null(*row);
    match (0..values.len()).find(bad) {
        Some(row) => {
            Err(EvaluateError::NotFinite { argument: "outcome", column: name.to_owned(), row })
        }
        None => Ok(values),
    }
}
