//! Before, in and after treatment: status, dose and risk sets.

use super::attach::null_minimum;
use super::event_time::FirstTreatment;
use super::keys::{flags, numbers};
use super::layout::for_persons;
use super::{PanelError, match_persons};
use crate::data::{Column, Panel, Spells, Step};
use std::ops::Range;

const STATUS: [&str; 4] = ["never", "not yet", "treated", "before the panel"];

impl Panel {
    /// Adds where each row stands with a first treatment: column `treatment`.
    ///
    /// `never` for persons who are never treated in what is known of them, `not yet` before the
    /// period of the first treatment, `treated` from it on; `before the panel` for persons whose
    /// first treatment lies before their first row, who tell nothing about a start.
    ///
    /// # Errors
    ///
    /// As [`event_time`](Self::event_time).
    pub fn treatment(&self, first: FirstTreatment<'_>) -> Result<Self, PanelError> {
        let (cohorts, joined) = self.first_periods(first, 1)?;
        let base = self.calendar.period(0).number;
        let mut codes = vec![Some(0); self.n_rows()];
        let mut persons = [0_u64; 3];
        for (person, cohort) in cohorts.iter().enumerate() {
            let rows = self.of(person);
            let Some(cohort) = cohort else {
                persons[0] += 1;
                continue;
            };
            let before =
                rows.clone().next().is_some_and(|row| *cohort < base + self.positions[row] as i32);
            persons[if before { 2 } else { 1 }] += 1;
            for row in rows {
                let now = base + self.positions[row] as i32;
                codes[row] = Some(if before { 3 } else { 1 + u32::from(now >= *cohort) });
            }
        }
        let mut step = Step::new("treatment", "by the first treatment", self.count(), self.count())
            .note(format!(
                "{} persons never treated, {} treated in the panel, {} before their first row",
                persons[0], persons[1], persons[2]
            ));
        if let Some(account) = joined {
            step = step.join(account);
        }
        let column = Column::category(&codes, &STATUS);
        Ok(self.new_column("treatment", column)?.with_step(step))
    }

    /// Adds how much of a treatment a person has had by the end of each period: the days that at
    /// least one spell covers, or with `amount` the sum of that column, shared out by days.
    ///
    /// Days and amounts before the panel count too.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach), and [`PanelError::OpenAmount`] for an amount of an open spell.
    pub fn dose(
        &self,
        spells: &Spells,
        amount: Option<&str>,
        name: &str,
    ) -> Result<Self, PanelError> {
        let found = match_persons("spells", &self.persons, spells.persons())?;
        let bounds: Vec<i32> = self.calendar.bounds().iter().map(|day| day.0).collect();
        let (starts, ends) = (spells.starts(), spells.ends());
        let column = match amount {
            None => {
                let days = |at: &[u32], own: Range<usize>, out: &mut [i64]| {
                    for (slot, &at) in out.iter_mut().zip(at) {
                        let (until, mut reach) = (bounds[at as usize + 1], i32::MIN);
                        for spell in own.clone().take_while(|&spell| starts[spell] < until) {
                            let (from, to) = (starts[spell].max(reach), ends[spell].min(until));
                            *slot += i64::from((to - from.min(to)).max(0));
                            reach = reach.max(to);
                        }
                    }
                    0
                };
                Column::int(for_persons(self, spells, &found, 0, days).0)
            }
            Some(column) => {
                let values = numbers(spells.columns(), "amount", column, Some(spells.rows()))?;
                let lengths = &spells.lengths[..];
                let open = |at: &usize| lengths[*at] == i32::MAX && !values[*at].is_nan();
                if let Some(at) = (0..values.len()).find(open) {
                    return Err(PanelError::OpenAmount {
                        argument: "amount".to_owned(),
                        column: column.to_owned(),
                        row: spells.rows()[at] as usize,
                    });
                }
                let sums = |at: &[u32], own: Range<usize>, out: &mut [f64]| {
                    for (slot, &at) in out.iter_mut().zip(at) {
                        let until = bounds[at as usize + 1];
                        for spell in own.clone().take_while(|&spell| starts[spell] < until) {
                            let days = f64::from(ends[spell].min(until) - starts[spell]);
                            if !values[spell].is_nan() {
                                *slot += values[spell] * (days / f64::from(lengths[spell]));
                            }
                        }
                    }
                    0
                };
                Column::float(for_persons(self, spells, &found, 0.0, sums).0)
            }
        };
        let what = amount.map_or_else(|| "days".to_owned(), |column| format!("sum of {column}"));
        let step = Step::new(
            "dose",
            format!("{name}: {what} of {} so far", spells.name()),
            self.count(),
            self.count(),
        )
        .join(spells.account().clone());
        Ok(self.new_column(name, column)?.with_step(step))
    }

    /// Adds who could start a first treatment when: columns `at_risk`, `starts` and `elapsed`.
    ///
    /// A row is at risk when `eligible` is true there and the person was not treated in an earlier
    /// period; `starts` is true in the period of the first treatment, if the row is at risk.
    /// `elapsed` counts the periods since the present run of eligible periods began (0 in its
    /// first), null where the row is not at risk. A period without a row ends a run. The account
    /// counts rows and persons at risk, starts, and first treatments of persons not eligible then.
    ///
    /// # Errors
    ///
    /// As [`event_time`](Self::event_time), and for a column of other than truth values.
    pub fn risk_set(&self, eligible: &str, first: FirstTreatment<'_>) -> Result<Self, PanelError> {
        let may = flags("eligible", eligible, &self.column("eligible", eligible)?)?;
        let (cohorts, joined) = self.first_periods(first, 1)?;
        let base = self.calendar.period(0).number;
        let n = self.n_rows();
        let (mut at_risk, mut starts) = (vec![false; n], vec![false; n]);
        let mut elapsed = vec![i64::MIN; n];
        let (mut persons, mut rows_at_risk, mut started, mut outside) =
            (0_u64, 0_u64, 0_u64, 0_u64);
        for (person, cohort) in cohorts.iter().enumerate() {
            let mut run: Option<(u32, u32)> = None;
            let before = rows_at_risk;
            for row in self.of(person) {
                let at = self.positions[row];
                let goes_on = run.filter(|(_, last)| last + 1 == at);
                run = may[row].then(|| (goes_on.map_or(at, |(first, _)| first), at));
                let now = base + at as i32;
                let starting = *cohort == Some(now);
                outside += u64::from(starting && !may[row]);
                let Some((first, _)) = run else { continue };
                if cohort.is_some_and(|cohort| cohort < now) {
                    continue;
                }
                at_risk[row] = true;
                starts[row] = starting;
                elapsed[row] = i64::from(at - first);
                rows_at_risk += 1;
                started += u64::from(starting);
            }
            persons += u64::from(rows_at_risk > before);
        }
        let mut step = Step::new(
            "risk_set",
            format!("{eligible}, and not treated before"),
            self.count(),
            self.count(),
        )
        .note(format!("{rows_at_risk} rows of {persons} persons at risk, {started} starts"))
        .note(format!("{outside} first treatments of persons not eligible in that period"));
        if let Some(account) = joined {
            step = step.join(account);
        }
        Ok(self
            .new_column("at_risk", Column::bool(at_risk))?
            .new_column("starts", Column::bool(starts))?
            .new_column("elapsed", null_minimum(elapsed))?
            .with_step(step))
    }
}
