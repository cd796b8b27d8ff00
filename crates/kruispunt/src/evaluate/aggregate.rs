//! Means of effects, each with the standard error its weights deserve.

use super::EvaluateError;
use super::result::caution;
use crate::data::{By, Effect, Effects, Phase, Status};

/// Which mean of effects by cohort and period.
///
/// With `p_g` the share of cohort g:
///
/// | by | rows | last row |
/// |---|---|---|
/// | event | mean over cohorts of the effects e periods after treatment, weights `p_g` | plain mean over event times >= 0 |
/// | group | plain mean of a cohort's effects from treatment on | mean over cohorts, weights `p_g` |
/// | calendar | mean over the cohorts treated by t of the effects at t, weights `p_g` | plain mean over t |
/// | simple | | mean of all effects from treatment on, weights `p_g` |
///
/// Cells that are not estimable are left out, and the remaining weights scaled up; the row says
/// so. The definitions are those of Callaway & Sant'Anna (2021, *Journal of Econometrics* 225(2),
/// 200-230, section 3).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Aggregate {
    by: By,
    window: Option<(i32, i32)>,
    balance: Option<u32>,
}

impl Aggregate {
    /// Means by event time, cohort, period, or one number.
    pub const fn new(by: By) -> Self {
        Self { by, window: None, balance: None }
    }

    /// Event times from `first` to `last` alone, both included.
    pub const fn window(mut self, first: i32, last: i32) -> Self {
        self.window = Some((first, last));
        self
    }

    /// Cohorts alone that are seen at least `periods` periods after treatment, and event times up
    /// to that, so that each row is over the same cohorts.
    pub const fn balance(mut self, periods: u32) -> Self {
        self.balance = Some(periods);
        self
    }
}

/// An estimate as a combination of rows and shares.
#[derive(Clone, Default)]
struct Mean {
    value: f64,
    gradient: Vec<f64>,
    n_treated: u64,
    n_control: u64,
    cells: usize,
    lost: usize,
    lone: usize,
}

struct Combiner<'a> {
    effects: &'a Effects,
    k: usize,
}

impl Combiner<'_> {
    fn share(&self, row: usize) -> usize {
        self.effects.share_of.get(row).map_or(0, |&share| share as usize)
    }

    fn start(&self, rows: &[usize]) -> (Mean, Vec<usize>) {
        let estimable =
            |row: &usize| !matches!(self.effects.rows[*row].status, Status::NotEstimable(_));
        let kept: Vec<usize> = rows.iter().copied().filter(|row| estimable(row)).collect();
        let lone = |row: &&usize| matches!(self.effects.rows[**row].status, Status::NoError(_));
        let mean = Mean {
            value: f64::NAN,
            gradient: vec![0.0; self.k + self.effects.shares.len()],
            n_treated: kept.iter().map(|&row| self.effects.rows[row].n_treated).sum(),
            n_control: kept.iter().map(|&row| self.effects.rows[row].n_control).max().unwrap_or(0),
            cells: kept.len(),
            lost: rows.len() - kept.len(),
            lone: kept.iter().filter(lone).count(),
        };
        (mean, kept)
    }

    /// The mean of rows weighted by their shares.
    fn weighted(&self, rows: &[usize]) -> Mean {
        let (mut mean, kept) = self.start(rows);
        let shares = &self.effects.shares;
        let total: f64 = kept.iter().map(|&row| shares[self.share(row)]).sum();
        if kept.is_empty() || total <= 0.0 {
            return mean;
        }
        let value = |row: usize| self.effects.rows[row].estimate;
        mean.value =
            kept.iter().map(|&row| shares[self.share(row)] * value(row)).sum::<f64>() / total;
        for &row in &kept {
            mean.gradient[row] += shares[self.share(row)] / total;
            mean.gradient[self.k + self.share(row)] += (value(row) - mean.value) / total;
        }
        mean
    }

    /// The plain mean of rows.
    fn plain(&self, rows: &[usize]) -> Mean {
        let (mut mean, kept) = self.start(rows);
        let n = kept.len() as f64;
        if kept.is_empty() {
            return mean;
        }
        mean.value = kept.iter().map(|&row| self.effects.rows[row].estimate).sum::<f64>() / n;
        for &row in &kept {
            mean.gradient[row] = 1.0 / n;
        }
        mean
    }

    /// The plain mean of means.
    fn over(means: &[&Mean]) -> Mean {
        let known: Vec<&&Mean> = means.iter().filter(|mean| mean.value.is_finite()).collect();
        let Some(first) = known.first() else { return Mean { value: f64::NAN, ..Mean::default() } };
        let n = known.len() as f64;
        let mut over = Mean { gradient: vec![0.0; first.gradient.len()], ..Mean::default() };
        for mean in &known {
            over.value += mean.value / n;
            over.gradient.iter_mut().zip(&mean.gradient).for_each(|(a, b)| *a += b / n);
            over.count(mean);
        }
        over.lost +=
            means.iter().filter(|mean| !mean.value.is_finite()).map(|m| m.lost).sum::<usize>();
        over
    }

    /// The mean of cohorts' means, weighted by the cohorts' shares.
    fn over_cohorts(&self, groups: &[(Mean, Vec<usize>)]) -> Mean {
        let known: Vec<&(Mean, Vec<usize>)> =
            groups.iter().filter(|(mean, _)| mean.value.is_finite()).collect();
        let Some((first, _)) = known.first() else {
            return Mean { value: f64::NAN, ..Mean::default() };
        };
        // the share of a cohort: the mean of the shares of its rows
        let of = |rows: &[usize]| {
            rows.iter().map(|&row| self.effects.shares[self.share(row)]).sum::<f64>()
                / rows.len() as f64
        };
        let total: f64 = known.iter().map(|(_, rows)| of(rows)).sum();
        let mut over = Mean { gradient: vec![0.0; first.gradient.len()], ..Mean::default() };
        for (mean, rows) in &known {
            over.value += of(rows) / total * mean.value;
        }
        for (mean, rows) in &known {
            let weight = of(rows) / total;
            over.gradient.iter_mut().zip(&mean.gradient).for_each(|(a, b)| *a += weight * b);
            let pull = (mean.value - over.value) / total / rows.len() as f64;
            for &row in rows {
                over.gradient[self.k + self.share(row)] += pull;
            }
            over.count(mean);
        }
        over
    }
}

impl Mean {
    fn count(&mut self, other: &Self) {
        self.n_treated += other.n_treated;
        self.n_control = self.n_control.max(other.n_control);
        self.cells += other.cells;
        self.lost += other.lost;
        self.lone += other.lone;
    }

    fn row(&self, blank: &Effect, reference: bool) -> Effect {
        let status = if reference {
            Status::Reference
        } else if self.cells == 0 || !self.value.is_finite() {
            Status::NotEstimable("none of its cells is estimable".to_owned())
        } else if self.lone == self.cells {
            Status::NoError("all its cells rest on one unit or cluster".to_owned())
        } else {
            Status::Estimated
        };
        Effect {
            estimate: self.value,
            status,
            n_treated: self.n_treated,
            n_control: self.n_control,
            ..blank.clone()
        }
    }
}

fn blank(phase: Phase) -> Effect {
    Effect {
        cohort: None,
        period: None,
        event: None,
        phase,
        estimate: f64::NAN,
        status: Status::Estimated,
        n_treated: 0,
        n_control: 0,
    }
}

impl Effects {
    /// Means of the effects by cohort and period, with their covariance.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::WrongRows`] when the rows do not stand by cohort and period;
    /// [`EvaluateError::BadArgument`] for a window or balance that leaves nothing.
    pub fn aggregate(&self, what: &Aggregate) -> Result<Self, EvaluateError> {
        if self.by == what.by && self.by != By::Cells && what.window.is_none() {
            return Ok(self.clone());
        }
        if self.by != By::Cells || what.by == By::Cells {
            return Err(EvaluateError::WrongRows {
                verb: "aggregate",
                by: self.by.name(),
                why: "means are taken of effects by cohort and period",
            });
        }
        let rows = self.chosen(what)?;
        let combiner = Combiner { effects: self, k: self.rows.len() };
        let after: Vec<usize> =
            rows.iter().copied().filter(|&row| self.rows[row].phase == Phase::After).collect();
        let (mut means, overall) = match what.by {
            By::Event => self.by_event(&combiner, &rows),
            By::Group => self.by_group(&combiner, &after),
            By::Calendar => self.by_calendar(&combiner, &after),
            By::Simple | By::Cells => (Vec::new(), combiner.weighted(&after)),
        };
        let total = overall.row(&blank(Phase::Overall), false);
        means.push((overall, total));
        Ok(self.with_means(what, means))
    }

    /// The rows that take part.
    fn chosen(&self, what: &Aggregate) -> Result<Vec<usize>, EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if let Some((first, last)) = what.window
            && first > last
        {
            return bad(
                "window",
                "the first event time, then the last",
                format!("{first}, {last}"),
            );
        }
        let latest = |cohort: Option<i32>| {
            let own = self.rows.iter().filter(|row| row.cohort == cohort);
            own.filter(|row| !matches!(row.status, Status::NotEstimable(_)))
                .filter_map(|row| row.event)
                .max()
        };
        let mut reach = std::collections::BTreeMap::new();
        for row in &self.rows {
            reach.entry(row.cohort).or_insert_with(|| latest(row.cohort));
        }
        let balanced = |row: &Effect| {
            what.balance.is_none_or(|periods| {
                let periods = i64::from(periods);
                let long = reach.get(&row.cohort).copied().flatten();
                if row.cohort.is_none() {
                    return row.phase == Phase::Before;
                }
                long.is_some_and(|long| i64::from(long) >= periods)
                    && row.event.is_some_and(|event| i64::from(event) <= periods)
            })
        };
        let within = |row: &Effect| {
            let event = row.event.unwrap_or(0);
            what.window.is_none_or(|(first, last)| (first..=last).contains(&event))
        };
        let rows: Vec<usize> = (0..self.rows.len())
            .filter(|&at| within(&self.rows[at]) && balanced(&self.rows[at]))
            .collect();
        if rows.is_empty() {
            let got = "none".to_owned();
            return bad("window", "a window and balance that some cohort falls into", got);
        }
        Ok(rows)
    }

    fn by_event(&self, combiner: &Combiner<'_>, rows: &[usize]) -> (Vec<(Mean, Effect)>, Mean) {
        let mut events: Vec<i32> = rows.iter().filter_map(|&row| self.rows[row].event).collect();
        events.sort_unstable();
        events.dedup();
        let mut means = Vec::new();
        for event in events {
            let own: Vec<usize> =
                rows.iter().copied().filter(|&row| self.rows[row].event == Some(event)).collect();
            let phase = if event < 0 { Phase::Before } else { Phase::After };
            let mean = combiner.weighted(&own);
            let reference = own.iter().all(|&row| self.rows[row].status == Status::Reference);
            let row = mean.row(&Effect { event: Some(event), ..blank(phase) }, reference);
            means.push((mean, row));
        }
        let after: Vec<&Mean> = means
            .iter()
            .filter(|(_, row)| row.phase == Phase::After)
            .map(|(mean, _)| mean)
            .collect();
        let overall = Combiner::over(&after);
        (means, overall)
    }

    fn by_group(&self, combiner: &Combiner<'_>, after: &[usize]) -> (Vec<(Mean, Effect)>, Mean) {
        let mut cohorts: Vec<i32> = after.iter().filter_map(|&row| self.rows[row].cohort).collect();
        cohorts.sort_unstable();
        cohorts.dedup();
        let mut groups = Vec::new();
        let mut means = Vec::new();
        for cohort in cohorts {
            let own: Vec<usize> = after
                .iter()
                .copied()
                .filter(|&row| self.rows[row].cohort == Some(cohort))
                .collect();
            let mean = combiner.plain(&own);
            let row = mean.row(&Effect { cohort: Some(cohort), ..blank(Phase::After) }, false);
            groups.push((mean.clone(), combiner.start(&own).1));
            means.push((mean, row));
        }
        let overall = combiner.over_cohorts(&groups);
        (means, overall)
    }

    fn by_calendar(&self, combiner: &Combiner<'_>, after: &[usize]) -> (Vec<(Mean, Effect)>, Mean) {
        let mut periods: Vec<i32> = after.iter().filter_map(|&row| self.rows[row].period).collect();
        periods.sort_unstable();
        periods.dedup();
        let mut means = Vec::new();
        for period in periods {
            let own: Vec<usize> = after
                .iter()
                .copied()
                .filter(|&row| self.rows[row].period == Some(period))
                .collect();
            let mean = combiner.weighted(&own);
            let row = mean.row(&Effect { period: Some(period), ..blank(Phase::After) }, false);
            means.push((mean, row));
        }
        let overall = Combiner::over(&means.iter().map(|(mean, _)| mean).collect::<Vec<_>>());
        (means, overall)
    }

    fn with_means(&self, what: &Aggregate, means: Vec<(Mean, Effect)>) -> Self {
        let all = self.rows.len() + self.shares.len();
        let k = means.len();
        let moved: Vec<Vec<f64>> = means
            .iter()
            .map(|(mean, _)| {
                let mut sums = vec![0.0; all];
                for (weight, line) in mean.gradient.iter().zip(self.joint.chunks_exact(all.max(1)))
                {
                    if *weight != 0.0 {
                        sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
                    }
                }
                sums
            })
            .collect();
        let mut joint = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..k {
                let pairs = moved[i].iter().zip(&means[j].0.gradient);
                joint[i * k + j] = pairs.map(|(a, b)| a * b).sum();
            }
        }
        let mut drawn = Vec::new();
        for draw in self.drawn.chunks_exact(all.max(1)) {
            let of = |(mean, _): &(Mean, Effect)| -> f64 {
                mean.gradient.iter().zip(draw).map(|(weight, value)| weight * value).sum()
            };
            drawn.extend(means.iter().map(of));
        }
        let mut cautions = self.cautions.clone();
        let lost: usize = means.last().map_or(0, |(mean, _)| mean.lost);
        if lost > 0 {
            cautions.push(caution(
                "cells_left_out",
                format!("{lost} cells that are not estimable are left out of the overall mean"),
            ));
        }
        let overall = match what.by {
            By::Event => "plain mean over event times from 0 on",
            By::Group => "mean over cohorts, weighted by their shares",
            By::Calendar => "plain mean over periods",
            By::Simple | By::Cells => "mean over all treated cells, weighted by cohort shares",
        };
        Self {
            by: what.by,
            rows: means.into_iter().map(|(_, row)| row).collect(),
            shares: Vec::new(),
            share_of: Vec::new(),
            joint,
            drawn,
            estimand: format!(
                "average effect on the treated, by {}; overall: {overall}",
                match what.by {
                    By::Event => "periods since treatment",
                    By::Group => "cohort",
                    By::Calendar => "period",
                    By::Simple | By::Cells => "nothing",
                }
            )
            .replace(", by nothing", ""),
            cautions,
            ..self.clone()
        }
    }
}
