//! A table to the data of a regression: rows with missing values and singletons left out, columns
//! computed, effects and clusters coded.

use super::EstimateError;
use super::absorption::go_on;
use super::design::{Regressor, design, known_levels};
use super::formula::{EffectTerm, Formula, Function, Number};
use super::lags::Lags;
use super::least_squares::combine_in;
use super::request::{NotFinite, Request, Singletons};
use super::sample::{Rows, beyond, singletons};
use crate::data::{Buffer, Column, Count, Factor, SampleEffect, Step, Table, Ticket};
use rayon::prelude::*;
use std::ops::Range;

/// The largest value: weighted squares of many still are finite.
const LARGEST: f64 = 1e90;

/// The name of a regressor without its level, which may be the number of a person.
pub(super) fn term_of(name: &str) -> &str {
    let end = name.find("::").unwrap_or(name.len()).min(name.find('[').unwrap_or(name.len()));
    &name[..end]
}

/// The levels of a column in their natural order, as labels: one subsample each.
///
/// # Errors
///
/// [`EstimateError::Data`] for an unknown column, [`EstimateError::BadArgument`] for more than
/// 1,000 levels.
pub fn split_levels(table: &Table, column: &str) -> Result<Vec<String>, EstimateError> {
    let values = table.column("split", column)?;
    let (_, first) = values.ranks();
    if first.len() > 1000 {
        return Err(EstimateError::BadArgument {
            argument: "split",
            expected: "a column of at most 1,000 levels",
            got: format!("{} levels in \"{column}\"", first.len()),
        });
    }
    Ok(first.iter().filter_map(|&row| values.label(row as usize)).collect())
}

impl Rows<'_> {
    /// Keeps the rows where `column` has the level `level`; gives how many left.
    fn keep_level(&mut self, column: &str, level: &str) -> Result<usize, EstimateError> {
        let values = self.table.column("split", column)?;
        let (ranks, first) = values.ranks();
        let rank = first
            .iter()
            .position(|&row| values.label(row as usize).as_deref() == Some(level))
            .map(|rank| rank as u32);
        if rank.is_none() {
            return Err(EstimateError::NoSuchLevel {
                column: column.to_owned(),
                level: level.to_owned(),
            });
        }
        let stays: Vec<bool> = (0..self.n()).map(|at| ranks[self.row(at)] == rank).collect();
        Ok(self.retain(|at| stays[at]))
    }
}

/// The data of a regression on its sample.
#[derive(Clone)]
pub(super) struct Drawn {
    /// Rows of the table, counted from 0.
    pub(super) rows: Vec<u32>,
    pub(super) outcome: Buffer<f64>,
    /// Exogenous variables, endogenous variables, instruments.
    pub(super) regressors: Vec<Regressor>,
    /// Whether their values are those of all rows of the table, as [`Request::sketch`] leaves them.
    pub(super) whole: bool,
    pub(super) n_endogenous: usize,
    pub(super) n_instruments: usize,
    pub(super) offset: Option<Vec<f64>>,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) effects: Vec<SampleEffect>,
    pub(super) clusters: Vec<(String, Factor)>,
    /// Coordinates in degrees, by column.
    pub(super) places: Vec<(String, Vec<f64>)>,
    /// Whether weights count observations.
    pub(super) counted: bool,
    /// Labels of the levels of classifications among the regressors, by column.
    pub(super) levels: Vec<(String, Vec<String>)>,
}

impl Request {
    /// Draws the sample; `step` gets what was left out.
    pub(super) fn draw(
        &self,
        verb: &'static str,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<(Drawn, Step), EstimateError> {
        let (mut drawn, step) = self.sketch(verb, table, factors, ticket)?;
        drawn.settle();
        Ok((drawn, step))
    }

    /// As [`draw`](Self::draw), but regressors without missing values are not copied when rows leave:
    /// [`Drawn::column`] and [`Drawn::linear`] read them where they are, [`Drawn::settle`] copies them
    /// after all.
    pub(super) fn sketch(
        &self,
        verb: &'static str,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<(Drawn, Step), EstimateError> {
        let mut rows = Rows::new(table, factors)?;
        let mut step =
            Step::new(verb, self.formula.text(), Count::rows(rows.n_all), Count::default());
        step = self.leave_out_missing(&mut rows, step)?;
        go_on(ticket)?;
        let mut drawn = self.columns_of(&rows)?;
        drawn.whole = rows.keep.is_none();
        go_on(ticket)?;
        step = drawn.leave_out_singletons(&mut rows, self.singletons, step);
        drawn.refuse_large(&self.formula, self.weights.as_deref(), &rows)?;
        if rows.n() == 0 {
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters: drawn.regressors.len() });
        }
        step.after = Count::rows(rows.n());
        drawn.clusters = self.clusters(&rows, &drawn.effects)?;
        for name in self.vcov.coordinates() {
            let degrees = rows.degrees(&name)?;
            drawn.places.push((name, degrees));
        }
        drawn.levels = known_levels(&self.formula, &rows)?;
        drawn.rows = (0..rows.n()).map(|at| rows.row(at) as u32).collect();
        Ok((drawn, step))
    }

    /// Rows with a missing value, and rows where a function of the formula is not finite.
    fn leave_out_missing(
        &self,
        rows: &mut Rows<'_>,
        mut step: Step,
    ) -> Result<Step, EstimateError> {
        if let Some((person, period)) = &self.panel_id
            && self.formula.has_lags()
        {
            rows.lags = Some(Lags::new(rows, person, period)?);
        }
        if let Some((column, level)) = &self.only {
            let left = rows.keep_level(column, level)?;
            step = step.exclude(format!("{column} is not {level}"), Count::rows(left));
        }
        let formula = self.formula.columns_of_the_row();
        for name in formula.iter().chain(&self.weights).chain(&self.offset) {
            let argument = if formula.contains(name) {
                "fml"
            } else if self.weights.as_ref() == Some(name) {
                "weights"
            } else {
                "offset"
            };
            match rows.table.get(name) {
                Some(column) => {
                    let left = rows.drop_nulls(column);
                    step = step.exclude(format!("{name} is missing"), Count::rows(left));
                    if self.not_finite == NotFinite::LeaveOut {
                        let left = rows.drop_not_finite(column);
                        let reason = format!("{name} is not a finite number");
                        step = step.exclude(reason, Count::rows(left));
                    }
                }
                None if rows.factor(name).is_some() => {}
                None => {
                    rows.table.column(argument, name)?;
                }
            }
        }
        let numbers = self.formula.all_terms().flatten().filter_map(|factor| match factor {
            super::formula::Factor::Number { number, label } => Some((number, label.as_str())),
            _ => None,
        });
        let outcome = (self.formula.outcome_number(), self.formula.outcome());
        let slopes = self.formula.effect_terms().iter().flat_map(|own| &own.slopes);
        let slopes = slopes.map(|(number, label)| (number, label.as_str()));
        for (number, label) in std::iter::once(outcome).chain(numbers).chain(slopes) {
            if may_fail(number) {
                let values = rows.evaluate(number)?;
                let left = rows.retain(|at| values[at].is_finite());
                let reason =
                    if number.has_lags() { "has no value" } else { "is not a finite number" };
                step = step.exclude(format!("{label} {reason}"), Count::rows(left));
            }
        }
        Ok(step)
    }

    fn columns_of(&self, rows: &Rows<'_>) -> Result<Drawn, EstimateError> {
        let weights = match &self.weights {
            None => None,
            Some(name) => {
                let weights = rows.numbers("weights", name)?;
                if let Some(at) = weights.iter().position(|&weight| weight <= 0.0) {
                    return Err(EstimateError::BadWeight {
                        column: name.clone(),
                        row: rows.row(at),
                    });
                }
                let broken = weights.iter().position(|weight| weight.fract() != 0.0);
                if let Some(at) = broken.filter(|_| self.counted) {
                    return Err(EstimateError::BadArgument {
                        argument: "weights",
                        expected: "whole numbers as frequency weights",
                        got: format!("another number in \"{name}\" at row {}", rows.row(at)),
                    });
                }
                Some(weights)
            }
        };
        let effects = self
            .formula
            .effect_terms()
            .iter()
            .map(|own| effect_with_slopes(rows, own))
            .collect::<Result<Vec<_>, _>>()?;
        // slopes alone leave the intercept where it is
        let absorbed = self.drop_intercept || effects.iter().any(|own| own.constant);
        let mut regressors = design(self.formula.terms(), absorbed, rows)?;
        let own = design(self.formula.endogenous(), true, rows)?;
        let causes = design(self.formula.instruments(), true, rows)?;
        let (endogenous, instruments) = (own.len(), causes.len());
        regressors.extend(own.into_iter().chain(causes));
        Ok(Drawn {
            rows: Vec::new(),
            outcome: match self.formula.outcome_number() {
                Number::Column(name) => rows.shared(name)?,
                number => rows.evaluate(number)?.into(),
            },
            regressors,
            whole: false,
            n_endogenous: endogenous,
            n_instruments: instruments,
            offset: self.offset.as_ref().map(|name| rows.numbers("offset", name)).transpose()?,
            weights,
            effects,
            clusters: Vec::new(),
            places: Vec::new(),
            counted: self.counted,
            levels: Vec::new(),
        })
    }

    fn clusters(
        &self,
        rows: &Rows<'_>,
        effects: &[SampleEffect],
    ) -> Result<Vec<(String, Factor)>, EstimateError> {
        let known = |name: &String| effects.iter().any(|effect| effect.name == *name);
        self.vcov
            .variables()
            .into_iter()
            .filter(|name| !known(name))
            .map(|name| {
                let factor = rows.ordered("vcov", &name)?;
                Ok((name, factor))
            })
            .collect()
    }
}

impl Drawn {
    /// Refuses values whose squares, added up, would not be finite.
    fn refuse_large(
        &self,
        formula: &Formula,
        weights: Option<&str>,
        rows: &Rows<'_>,
    ) -> Result<(), EstimateError> {
        let outcome = ("fml", formula.outcome(), &self.outcome[..]);
        let weighed =
            self.weights.iter().zip(weights).map(|(own, name)| ("weights", name, own.as_slice()));
        let regressors =
            self.regressors.iter().map(|own| ("fml", term_of(&own.name), &own.values[..]));
        let slopes = self.effects.iter().flat_map(|own| own.slope_names.iter().zip(&own.slopes));
        let slopes = slopes.map(|(name, values)| ("fml", name.as_str(), values.as_slice()));
        let all = std::iter::once(outcome).chain(regressors).chain(weighed).chain(slopes);
        for (argument, column, values) in all {
            if beyond(values, LARGEST).is_none() {
                continue;
            }
            let place = |at: usize| if values.len() == rows.n() { at } else { rows.row(at) };
            let large = |at: &usize| beyond(&values[place(*at)..=place(*at)], LARGEST).is_some();
            if let Some(at) = (0..rows.n()).find(large) {
                let column = column.to_owned();
                return Err(EstimateError::TooLarge { argument, column, row: rows.row(at) });
            }
        }
        Ok(())
    }

    /// A copy of a regressor.
    pub(super) fn column(&self, at: usize) -> Vec<f64> {
        let values = &self.regressors[at].values;
        if values.len() == self.rows.len() {
            return values.to_vec();
        }
        self.rows.iter().map(|&row| values[row as usize]).collect()
    }

    /// Regressors times coefficients, in memory that is there already.
    pub(super) fn linear(&self, room: Vec<f64>, kept: &[usize], coef: &[f64]) -> Vec<f64> {
        let columns: Vec<&[f64]> = kept.iter().map(|&at| &self.regressors[at].values[..]).collect();
        let n = self.rows.len();
        if columns.iter().all(|own| own.len() == n) {
            return combine_in(room, &columns, coef, n);
        }
        let mut total = room;
        total.resize(n, 0.0);
        total.par_chunks_mut(8192).zip(self.rows.par_chunks(8192)).for_each(|(total, rows)| {
            total.fill(0.0);
            for (column, b) in columns.iter().zip(coef) {
                for (sum, &row) in total.iter_mut().zip(rows) {
                    *sum += b * column[row as usize];
                }
            }
        });
        total
    }

    /// Copies the regressors that are still those of the whole table.
    pub(super) fn settle(&mut self) {
        if !std::mem::take(&mut self.whole) {
            return;
        }
        for at in 0..self.regressors.len() {
            if self.regressors[at].values.len() > self.rows.len() {
                self.regressors[at].values = self.column(at).into();
            }
        }
    }

    /// Regressors that are neither endogenous nor instruments.
    pub(super) const fn n_exogenous(&self) -> usize {
        self.regressors.len() - self.n_endogenous - self.n_instruments
    }

    fn leave_out_singletons(
        &mut self,
        rows: &mut Rows<'_>,
        singletons_go: Singletons,
        step: Step,
    ) -> Step {
        let Some(stay) = self.alone(singletons_go) else { return step };
        self.keep(&stay);
        let left = rows.retain(|at| stay[at]);
        step.exclude("alone in a level of an effect (singleton)", Count::rows(left))
    }

    /// Which rows stay when singletons go.
    pub(super) fn alone(&self, singletons_go: Singletons) -> Option<Vec<bool>> {
        if singletons_go == Singletons::Keep || self.effects.is_empty() {
            return None;
        }
        let factors: Vec<&Factor> = self.effects.iter().map(|effect| &effect.factor).collect();
        singletons(&factors, self.weights.as_deref().filter(|_| self.counted))
    }

    /// Leaves out the rows that do not stay.
    pub(super) fn keep(&mut self, stay: &[bool]) {
        let kept: Vec<u32> = (0..stay.len()).filter(|&at| stay[at]).map(|at| at as u32).collect();
        // long runs of rows stay: each is copied whole
        let mut runs: Vec<Range<usize>> = Vec::new();
        for &at in &kept {
            let at = at as usize;
            match runs.last_mut() {
                Some(run) if run.end == at => run.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        let pick = |values: &[f64]| -> Vec<f64> {
            let mut picked = Vec::with_capacity(kept.len());
            for run in &runs {
                picked.extend_from_slice(&values[run.clone()]);
            }
            picked
        };
        if !self.rows.is_empty() {
            close_up(&mut self.rows, &runs);
        }
        self.outcome = pick(&self.outcome).into();
        if !self.whole {
            self.regressors.iter_mut().for_each(|own| own.values = pick(&own.values).into());
        }
        self.weights.iter_mut().chain(&mut self.offset).for_each(|own| close_up(own, &runs));
        for effect in &mut self.effects {
            *effect = effect.take(&kept);
        }
        for (_, cluster) in &mut self.clusters {
            *cluster = cluster.take(&kept);
        }
        self.places.iter_mut().for_each(|(_, own)| close_up(own, &runs));
    }
}

/// Leaves of `values` what stands in some runs.
fn close_up<T: Copy>(values: &mut Vec<T>, runs: &[Range<usize>]) {
    let mut to = 0;
    for run in runs {
        values.copy_within(run.clone(), to);
        to += run.len();
    }
    values.truncate(to);
    values.shrink_to_fit();
}

/// One effect: a column's levels, or all pairs of levels of several.
pub(super) fn effect(rows: &Rows<'_>, parts: &[String]) -> Result<SampleEffect, EstimateError> {
    let mut all: Option<(Factor, Vec<Column>)> = None;
    for name in parts {
        let (factor, levels) = rows.classify("fml", name)?;
        all = Some(match all {
            None => (factor, levels),
            Some((before, mut columns)) => {
                let crossed = before.cross(&factor);
                let mut first = vec![u32::MAX; crossed.n_levels()];
                for (row, &code) in crossed.codes().iter().enumerate().rev() {
                    first[code as usize] = row as u32;
                }
                let place = |codes: &[u32]| -> Vec<u32> {
                    first.iter().map(|&row| codes[row as usize]).collect()
                };
                for column in &mut columns {
                    *column = column.take(&place(before.codes()));
                }
                columns.extend(levels.iter().map(|column| column.take(&place(factor.codes()))));
                (crossed, columns)
            }
        });
    }
    let (factor, levels) = all.unwrap_or_else(|| (Factor::compact(&[]), Vec::new()));
    Ok(SampleEffect::plain(parts.join("^"), factor, levels))
}

/// One effect with the slopes that differ between its levels.
fn effect_with_slopes(rows: &Rows<'_>, term: &EffectTerm) -> Result<SampleEffect, EstimateError> {
    let mut own = effect(rows, &term.parts)?;
    own.constant = term.constant;
    for (number, label) in &term.slopes {
        own.slope_names.push(label.clone());
        own.slopes.push(rows.evaluate(number)?);
    }
    Ok(own)
}

/// Whether finite columns can give a number that is not.
fn may_fail(number: &Number) -> bool {
    match number {
        Number::Column(_) | Number::Constant(_) => false,
        Number::Function(Function::Identity | Function::Minus | Function::Abs, inner) => {
            may_fail(inner)
        }
        _ => true,
    }
}
