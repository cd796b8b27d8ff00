//! Stable regular employment.

use super::Card;
use crate::error::BelgiumError;
use kruispunt::data::{Column, Panel, Values};

pub(super) const CARD: Card = Card {
    name: "stable_employment",
    definition: "a person-quarter is in stable employment when it belongs to a run of at least \
                 `quarters` consecutive quarters, each in regular work with at least `days` paid days",
    limits: "quarters marked by `exclude` (trainees, students, subsidised work) break a run; so does \
             a quarter without a record; runs cut off by the window are judged by what is seen and \
             told apart in `stable_censored`",
    source: "the four-quarter rule of sustainable employment used in follow-up studies of the \
             employment service; thresholds are parameters",
};

/// How long a run must be, and what breaks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stable {
    quarters: usize,
    days: Option<(String, f64)>,
    exclude: Vec<String>,
}

impl Default for Stable {
    fn default() -> Self {
        Self { quarters: 4, days: None, exclude: Vec::new() }
    }
}

impl Stable {
    /// Runs of at least so many periods.
    #[must_use]
    pub const fn quarters(mut self, quarters: usize) -> Self {
        self.quarters = quarters;
        self
    }

    /// A period counts with at least so many paid days in `column`.
    #[must_use]
    pub fn days(mut self, column: &str, at_least: f64) -> Self {
        self.days = Some((column.to_owned(), at_least));
        self
    }

    /// Periods in which one of these columns is true break a run.
    #[must_use]
    pub fn exclude(mut self, columns: &[&str]) -> Self {
        self.exclude = columns.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Adds `stable` (in a run that is long enough), `stable_run` (periods of the run so far) and
    /// `stable_censored` (the run is too short, and touches the end of what is seen of the person).
    ///
    /// A missing value of `employed`, of the days or of an excluded column counts as no regular work.
    ///
    /// # Errors
    ///
    /// [`BelgiumError::OutOfRange`] for a run of no period; [`BelgiumError::Data`] when a column is
    /// not there, or holds something else than truth values or numbers.
    pub fn apply(&self, panel: &Panel, employed: &str) -> Result<Panel, BelgiumError> {
        if self.quarters == 0 {
            return Err(BelgiumError::OutOfRange {
                argument: "quarters",
                got: "0".to_owned(),
                expected: "one or more",
            });
        }
        let mut regular = truths(panel, "employed", employed)?;
        if let Some((name, least)) = &self.days {
            let days = panel.column("days", name)?.to_floats("days", name)?;
            regular.iter_mut().zip(days).for_each(|(regular, days)| *regular &= days >= *least);
        }
        for name in &self.exclude {
            let out = truths(panel, "exclude", name)?;
            regular.iter_mut().zip(out).for_each(|(regular, out)| *regular &= !out);
        }
        let (mut stable, mut censored) = (vec![false; regular.len()], vec![false; regular.len()]);
        let mut runs = vec![0_i64; regular.len()];
        let positions = panel.positions();
        for person in 0..panel.persons().len() {
            let own = panel.of(person);
            let mut at = own.start;
            while at < own.end {
                let start = at;
                while at < own.end
                    && regular[at]
                    && positions[at] as usize == positions[start] as usize + (at - start)
                {
                    runs[at] = (at - start) as i64 + 1;
                    at += 1;
                }
                let long = at - start >= self.quarters;
                stable[start..at].fill(long);
                censored[start..at].fill(!long && (at == own.end || start == own.start));
                at = at.max(start + usize::from(at == start));
            }
        }
        let panel = panel.with_column("stable", Column::bool(stable))?;
        let panel = panel.with_column("stable_run", Column::int(runs))?;
        Ok(panel.with_column("stable_censored", Column::bool(censored))?)
    }
}

/// Which rows are true; missing is not.
fn truths(panel: &Panel, argument: &str, name: &str) -> Result<Vec<bool>, BelgiumError> {
    let column = panel.column(argument, name)?;
    if let Values::Bool(values) = column.values() {
        return Ok((0..values.len()).map(|row| values[row] && !column.is_null(row)).collect());
    }
    if !matches!(column.values(), Values::Int(_) | Values::Float(_)) {
        return Err(column.wrong_type(argument, name, "truth values, or 0 and 1").into());
    }
    Ok(column.to_floats(argument, name)?.into_iter().map(|value| value > 0.0).collect())
}
