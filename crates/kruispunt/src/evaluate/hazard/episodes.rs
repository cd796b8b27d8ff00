//! Episodes of a table: when they begin to be seen, when and how they end.

use crate::data::{Bitmap, Column, Count, Step, Table, Values};
use crate::evaluate::EvaluateError;

/// Episodes without missing values and of positive length.
pub(super) struct Episodes {
    pub(super) time: Vec<f64>,
    pub(super) entry: Option<Vec<f64>>,
    /// 0 for censored, else the cause counted from 1.
    pub(super) event: Vec<u32>,
    pub(super) weight: Option<Vec<f64>>,
    pub(super) group: Vec<u32>,
    /// Labels of the groups; one without a name when there is no column of groups.
    pub(super) groups: Vec<String>,
    /// Labels of the causes.
    pub(super) causes: Vec<String>,
    pub(super) step: Step,
}

/// Which columns hold what.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    pub(super) time: String,
    pub(super) event: String,
    pub(super) entry: Option<String>,
    pub(super) weights: Option<String>,
    pub(super) by: Option<String>,
    pub(super) several: bool,
}

/// Real numbers of a column of profiles, as [`finite`]; nulls are refused too.
pub(super) fn of_profiles(profiles: &Table, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let argument = "profiles";
    let values = finite(profiles, argument, name)?;
    match values.iter().position(|value| value.is_nan()) {
        Some(row) => Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row }),
        None => Ok(values),
    }
}

/// Real numbers, null as NaN; NaN that is not null and infinities are refused.
pub(super) fn finite(
    table: &Table,
    argument: &'static str,
    name: &str,
) -> Result<Vec<f64>, EvaluateError> {
    let column = table.column(argument, name)?;
    let values = match column.values() {
        Values::Date(days) | Values::Period(_, days) => (0..days.len())
            .map(|row| if column.is_null(row) { f64::NAN } else { f64::from(days[row]) })
            .collect(),
        _ => column.to_floats(argument, name)?,
    };
    match (0..values.len()).find(|&row| !values[row].is_finite() && !column.is_null(row)) {
        Some(row) => Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row }),
        None => Ok(values),
    }
}

/// Truth values as 0 and 1; `u32::MAX` for null.
pub(super) fn truths(
    column: &Column,
    argument: &'static str,
    name: &str,
) -> Result<Vec<u32>, EvaluateError> {
    let values = column.to_floats(argument, name)?;
    (0..values.len())
        .map(|row| match values[row] {
            _ if column.is_null(row) => Ok(u32::MAX),
            0.0 => Ok(0),
            1.0 => Ok(1),
            _ => Err(EvaluateError::NotBinary { argument, column: name.to_owned(), row }),
        })
        .collect()
}

/// Causes: 0, false and null of a text are censored. `u32::MAX` for a missing number.
fn causes(column: &Column) -> (Vec<u32>, Vec<String>) {
    let (codes, first) = column.ranks();
    let text = matches!(column.values(), Values::Text(_));
    let labels: Vec<String> = first.iter().filter_map(|&row| column.label(row as usize)).collect();
    let none = |label: &String| !text && matches!(label.as_str(), "0" | "0.0" | "-0" | "false");
    let mut places = Vec::with_capacity(labels.len());
    let mut named = Vec::new();
    for label in labels {
        if none(&label) || (text && label.is_empty()) {
            places.push(0);
        } else {
            named.push(label);
            places.push(named.len() as u32);
        }
    }
    let missing = if text { 0 } else { u32::MAX };
    let codes =
        codes.into_iter().map(|code| code.map_or(missing, |code| places[code as usize])).collect();
    (codes, named)
}

impl Roles {
    /// Reads the episodes; what is missing or has no length is left out and counted.
    pub(super) fn read(&self, table: &Table, verb: &str) -> Result<Episodes, EvaluateError> {
        table.require_rows("data")?;
        let time = finite(table, "time", &self.time)?;
        let entry = self.entry.as_ref().map(|name| finite(table, "entry", name)).transpose()?;
        let weight =
            self.weights.as_ref().map(|name| finite(table, "weights", name)).transpose()?;
        if let (Some(name), Some(weight)) = (&self.weights, &weight)
            && let Some(row) = weight.iter().position(|&weight| weight <= 0.0)
        {
            return Err(EvaluateError::BadWeight { column: name.clone(), row });
        }
        if entry.is_none()
            && let Some(row) = time.iter().position(|&time| time < 0.0)
        {
            return Err(EvaluateError::BadTime { column: self.time.clone(), row });
        }
        let ends = table.column("event", &self.event)?;
        let (event, causes) = if self.several {
            causes(ends)
        } else {
            (truths(ends, "event", &self.event)?, vec![self.event.clone()])
        };
        let (group, groups) = match &self.by {
            None => (vec![Some(0); time.len()], vec![String::new()]),
            Some(name) => {
                let column = table.column("by", name)?;
                let (codes, first) = column.ranks();
                let label = |&row: &u32| column.label(row as usize).unwrap_or_default();
                (codes, first.iter().map(label).collect())
            }
        };
        let all = time.len();
        let (mut missing, mut nothing) = (0, 0);
        let seen = |values: &Option<Vec<f64>>, row: usize| {
            values.as_ref().is_none_or(|values| !values[row].is_nan())
        };
        let kept: Vec<u32> = (0..all)
            .filter(|&row| {
                let there = !time[row].is_nan()
                    && event[row] != u32::MAX
                    && group[row].is_some()
                    && seen(&entry, row)
                    && seen(&weight, row);
                let lasts = entry.as_ref().is_none_or(|entry| time[row] > entry[row]);
                missing += usize::from(!there);
                nothing += usize::from(there && !lasts);
                there && lasts
            })
            .map(|row| row as u32)
            .collect();
        let step = Step::new(verb, "episodes", Count::rows(all), Count::rows(kept.len()))
            .exclude("a value is missing", Count::rows(missing))
            .exclude("no length: the end is not after the entry", Count::rows(nothing));
        if kept.is_empty() {
            let why = "no episode is left: all have a missing value or no length";
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        let whole = kept.len() == all;
        let pick = |values: Vec<f64>| {
            if whole { values } else { kept.iter().map(|&row| values[row as usize]).collect() }
        };
        Ok(Episodes {
            time: pick(time),
            entry: entry.map(pick),
            event: kept.iter().map(|&row| event[row as usize]).collect(),
            weight: weight.map(pick),
            group: kept.iter().map(|&row| group[row as usize].unwrap_or_default()).collect(),
            groups,
            causes,
            step,
        })
    }
}

/// Numbers, null where NaN.
pub(super) fn known(values: &[f64]) -> Column {
    let there = Bitmap::pack(values.iter().map(|value| !value.is_nan()));
    Column::new(Values::Float(values.to_vec().into()), there)
}
