//! Paths of treatment read from a panel.

use super::EvaluateError;
use super::sample::{self, Kept, LARGEST, NEVER};
use super::switches::{Change, Keys, Left, Units};
use super::switching::{First, Source, Switching};
use super::trends::Trends;
use crate::data::{Count, Factor, Panel, Step, Values};

/// A column of numbers or truth values; NaN where missing.
fn numbers(panel: &Panel, argument: &'static str, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let column = panel.column(argument, name)?;
    let mut values = if let Values::Bool(flags) = column.values() {
        flags.iter().map(|flag| f64::from(u8::from(*flag))).collect()
    } else {
        column.to_floats(argument, name)?
    };
    for (row, value) in values.iter_mut().enumerate() {
        if column.is_null(row) {
            *value = f64::NAN;
        } else if value.abs().partial_cmp(&LARGEST).is_none_or(std::cmp::Ordering::is_gt) {
            return Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row });
        }
    }
    Ok(values)
}

/// One value a unit, which may not vary.
fn constant<T: Copy + PartialEq + Default>(
    panel: &Panel,
    argument: &'static str,
    name: &str,
    value: impl Fn(usize) -> Option<T>,
) -> Result<Vec<T>, EvaluateError> {
    let one = |person: usize| {
        let mut own = None;
        for row in panel.of(person) {
            let here = value(row).ok_or_else(|| EvaluateError::BadArgument {
                argument,
                expected: "a column with a value in every row",
                got: format!("none in row {row} of \"{name}\""),
            })?;
            if *own.get_or_insert(here) != here {
                let (column, why) = (name.to_owned(), "it belongs to the unit");
                return Err(EvaluateError::Varies { argument, column, row, why });
            }
        }
        Ok(own.unwrap_or_default())
    };
    (0..panel.persons().len()).map(one).collect()
}

/// Codes of a column, one a unit; `None` where it is not given or the unit itself.
fn codes(
    panel: &Panel,
    argument: &'static str,
    name: Option<&String>,
) -> Result<Option<Vec<u32>>, EvaluateError> {
    let Some(name) = name.filter(|name| *name != panel.persons().name()) else { return Ok(None) };
    let column = panel.column(argument, name)?;
    let (codes, _) = column.ranks();
    constant(panel, argument, name, |row| codes[row]).map(Some)
}

/// Rows left out, and units of which no row is left.
struct Tally {
    rows: [usize; 5],
    persons: [usize; 5],
}

const REASONS: [&str; 5] = [
    "the treatment is never known",
    "from a gap on in which the treatment first changed",
    "the treatment has been above and below the first one",
    "the treatment is missing",
    "the outcome is missing",
];

impl Switching {
    /// Treatment by row; NaN where missing. For a first period also that of units by person.
    fn treatment(&self, panel: &Panel) -> Result<Path, EvaluateError> {
        match &self.source {
            Source::Path(name) => Ok(Path::Rows(numbers(panel, "treatment", name)?)),
            Source::Cohort(name) => {
                let n = panel.n_rows();
                let mut kept = Kept { keep: vec![true; n], step: Step::default() };
                let (starts, _) = sample::cohorts(panel, name, &mut kept)?;
                Ok(Path::Starts(starts, kept.keep))
            }
        }
    }

    pub(super) fn read(&self, panel: &Panel) -> Result<(Units, Step), EvaluateError> {
        let (Source::Path(name) | Source::Cohort(name)) = &self.source;
        let detail = format!("{} by changes of {name}", self.outcome);
        let step = Step::new("did", detail, panel.count(), Count::default());
        let y = numbers(panel, "outcome", &self.outcome)?;
        let treatment = self.treatment(panel)?;
        let clusters = codes(panel, "cluster", self.cluster.as_ref())?;
        let within = codes(panel, "within", self.within.as_ref())?;
        let weights = self.read_weights(panel)?;
        let (n, t) = (panel.persons().len(), panel.calendar().len());
        let mut units = Units::empty(n, t, clusters.is_some());
        let mut tally = Tally { rows: [0; 5], persons: [0; 5] };
        let mut keys = Keys::default();
        let mut firsts = Vec::new();
        for person in 0..n {
            let at = units.y.len();
            treatment.spread(panel, person, &y, &mut units);
            let path = Change::of(&units.d[at..]);
            let reason = |row: usize| {
                let slot = panel.positions()[row] as usize;
                let Some(path) = &path else { return Some(0) };
                match path.left {
                    _ if slot < path.from || !treatment.known(row) => Some(3),
                    Left::Gap if slot >= path.until => Some(1),
                    Left::Crossed if slot >= path.until => Some(2),
                    Left::Unknown if slot >= path.until => Some(3),
                    _ => units.y[at + slot].is_nan().then_some(4),
                }
            };
            let reasons: Vec<Option<usize>> = panel.of(person).map(reason).collect();
            for reason in reasons.iter().flatten() {
                tally.rows[*reason] += 1;
            }
            let kept = reasons.iter().filter(|reason| reason.is_none()).count();
            let Some(path) = path.filter(|_| kept > 0) else {
                units.y.truncate(at);
                units.d.truncate(at);
                if let Some(reason) = reasons.first().copied().flatten() {
                    tally.persons[reason] += 1;
                }
                continue;
            };
            for slot in (at..at + path.from).chain(at + path.until..at + t) {
                (units.y[slot], units.d[slot]) = (f64::NAN, f64::NAN);
            }
            units.n_obs += kept;
            let category = within.as_ref().map_or(0, |all| all[person]);
            let weight = weights.as_ref().map_or(1.0, |all| all[person]);
            firsts.push(path.first);
            let group = if self.first == First::Alike { path.first } else { 0.0 };
            units.push(&path, (group, category), weight, &mut keys);
            if let (Some(all), Some(own)) = (&clusters, &mut units.cluster) {
                own.push(all[person]);
            }
        }
        units.n_clusters = units.n;
        if let Some(own) = &mut units.cluster {
            let factor = Factor::compact(own);
            units.n_clusters = factor.n_levels();
            *own = factor.codes().to_vec();
        }
        if let First::Polynomial(degree) = self.first {
            units.trends = Some(Trends::take_out(&mut units, &firsts, degree as usize));
        }
        let step = tally.count(step, &units);
        Ok((units, step))
    }

    fn read_weights(&self, panel: &Panel) -> Result<Option<Vec<f64>>, EvaluateError> {
        let Some(name) = &self.weights else { return Ok(None) };
        let values = numbers(panel, "weights", name)?;
        if let Some(row) = values.iter().position(|value| *value <= 0.0) {
            return Err(EvaluateError::BadWeight { column: name.clone(), row });
        }
        constant(panel, "weights", name, |row| Some(values[row]).filter(|own| !own.is_nan()))
            .map(Some)
    }
}

/// Treatment as it was given.
enum Path {
    /// One value a row of the panel, NaN where missing.
    Rows(Vec<f64>),
    /// The first period of each person, and the rows in which it is known.
    Starts(Vec<i32>, Vec<bool>),
}

impl Path {
    /// Whether a first period, or flags of it, are there; a treatment may be missing for a while.
    fn known(&self, row: usize) -> bool {
        match self {
            Self::Rows(_) => true,
            Self::Starts(_, known) => known[row],
        }
    }

    /// Adds a person's outcomes and treatments by period.
    fn spread(&self, panel: &Panel, person: usize, y: &[f64], units: &mut Units) {
        let (at, t) = (units.y.len(), panel.calendar().len());
        units.y.resize(at + t, f64::NAN);
        units.d.resize(at + t, f64::NAN);
        if let Self::Starts(starts, _) = self {
            // a first period says when treatment began, also where the unit is not seen
            let start = starts[person];
            let base = panel.calendar().period(0).number;
            for (slot, d) in units.d[at..].iter_mut().enumerate() {
                let treated = start != NEVER && base + slot as i32 >= start;
                *d = f64::from(u8::from(treated));
            }
        }
        for row in panel.of(person) {
            let slot = at + panel.positions()[row] as usize;
            if let Self::Rows(values) = self {
                units.d[slot] = values[row];
            }
            if self.known(row) {
                units.y[slot] = y[row];
            }
        }
    }
}

impl Tally {
    fn count(&self, mut step: Step, units: &Units) -> Step {
        for (at, reason) in REASONS.into_iter().enumerate() {
            let (rows, persons) = (self.rows[at], self.persons[at]);
            let count = if persons > 0 { Count::of(rows, persons) } else { Count::rows(rows) };
            step = step.exclude(reason, count);
        }
        step.after = Count::of(units.n_obs, units.n);
        step
    }
}
