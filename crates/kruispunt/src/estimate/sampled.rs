//! The data of a formula on its sample, for models that stand in the rooms above.

use super::formula::Formula;
use super::request::{Request, Singletons};
use super::{EstimateError, Vcov};
use crate::data::{Buffer, Count, Factor, SampleEffect, Step, Table, Ticket};

/// What a formula asks for.
pub(crate) struct Sampling<'a> {
    pub(crate) verb: &'static str,
    pub(crate) formula: &'a Formula,
    pub(crate) weights: Option<String>,
    pub(crate) offset: Option<String>,
    /// Columns to classify beside the effects.
    pub(crate) classes: Vec<String>,
    /// Other columns a row of the sample must have a value in.
    pub(crate) present: Vec<(&'static str, String)>,
}

/// The sample.
pub(crate) struct Sampled {
    /// Rows of the table, counted from 0.
    pub(crate) rows: Vec<u32>,
    pub(crate) outcome: Buffer<f64>,
    pub(crate) names: Vec<String>,
    pub(crate) columns: Vec<Buffer<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) offset: Option<Vec<f64>>,
    pub(crate) effects: Vec<SampleEffect>,
    pub(crate) classes: Vec<(String, Factor)>,
    pub(crate) step: Step,
}

impl Sampling<'_> {
    /// Draws the sample.
    ///
    /// # Errors
    ///
    /// As [`FeOls::fit`](super::FeOls::fit) on the way to its sample.
    pub(crate) fn draw(&self, table: &Table, ticket: &Ticket) -> Result<Sampled, EstimateError> {
        let mut request = Request::new(self.formula.clone());
        request.refuse_instruments()?;
        request.refuse_slopes()?;
        request.weights.clone_from(&self.weights);
        request.offset.clone_from(&self.offset);
        request.singletons = Singletons::Keep;
        if !self.classes.is_empty() {
            request.vcov = Vcov::Crv1(self.classes.clone());
        }
        let mut missing = Vec::new();
        for (argument, name) in &self.present {
            missing.push((name, table.column(argument, name)?));
        }
        let (mut drawn, mut step) = request.draw(self.verb, table, &[], ticket)?;
        for (name, column) in missing {
            if column.count_nulls() == 0 {
                continue;
            }
            let before = drawn.rows.len();
            let stay: Vec<bool> =
                drawn.rows.iter().map(|&row| !column.is_null(row as usize)).collect();
            drawn.keep(&stay);
            let left = before - drawn.rows.len();
            step = step.exclude(format!("{name} is missing"), Count::rows(left));
        }
        if drawn.rows.is_empty() {
            let parameters = drawn.regressors.len();
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters });
        }
        step.after = Count::rows(drawn.rows.len());
        // A class that is an effect too was classified there.
        let mut classes = std::mem::take(&mut drawn.clusters);
        for name in &self.classes {
            if let Some(own) = drawn.effects.iter().find(|own| own.name == *name) {
                classes.push((name.clone(), own.factor.clone()));
            }
        }
        let (names, columns) =
            drawn.regressors.into_iter().map(|own| (own.name, own.values)).unzip();
        Ok(Sampled {
            rows: drawn.rows,
            outcome: drawn.outcome,
            names,
            columns,
            weights: drawn.weights,
            offset: drawn.offset,
            effects: drawn.effects,
            classes,
            step,
        })
    }
}

impl Sampled {
    /// Leaves out rows that do not stay, for `reason`.
    pub(crate) fn keep(&mut self, stay: &[bool], reason: &str) {
        let kept: Vec<u32> = (0..stay.len()).filter(|&at| stay[at]).map(|at| at as u32).collect();
        let left = stay.len() - kept.len();
        if left == 0 {
            return;
        }
        let pick =
            |values: &[f64]| -> Vec<f64> { kept.iter().map(|&at| values[at as usize]).collect() };
        self.rows = kept.iter().map(|&at| self.rows[at as usize]).collect();
        self.outcome = pick(&self.outcome).into();
        for column in &mut self.columns {
            *column = pick(column).into();
        }
        self.weights.iter_mut().chain(&mut self.offset).for_each(|own| *own = pick(own));
        for effect in &mut self.effects {
            *effect = effect.take(&kept);
        }
        for (_, class) in &mut self.classes {
            *class = class.take(&kept);
        }
        let step = std::mem::take(&mut self.step);
        self.step = step.exclude(reason, Count::rows(left));
        self.step.after = Count::rows(self.rows.len());
    }

    /// The class `name`.
    pub(crate) fn class(&self, name: &str) -> Option<&Factor> {
        self.classes.iter().find(|(own, _)| own == name).map(|(_, factor)| factor)
    }
}
