//! Who is compared: units with their outcomes, cohorts, weights and clusters.

use super::multiplier::Multipliers;
use super::{Did, EvaluateError};
use crate::data::{
    Buffer, Column, Count, DataError, Panel, Step, Ticket, Unit, Values, WholePeriods,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// Units of one piece of parallel work; fixed, so that sums do not depend on threads.
const CHUNK: usize = 2048;

/// Units of one cohort that are seen in the same periods: all sums run over these.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    /// Position in [`Sample::starts`].
    pub(super) cohort: usize,
    /// Whether the units are seen, by period.
    pub(super) present: Vec<bool>,
    /// Their places in [`Sample::members`].
    pub(super) first: usize,
    pub(super) last: usize,
    /// Sum of weights.
    pub(super) weight: f64,
    /// Weighted mean outcome by period; 0 where not seen.
    pub(super) mean: Vec<f64>,
}

impl Profile {
    pub(super) const fn len(&self) -> usize {
        self.last - self.first
    }
}

/// The units of a panel, ready to be compared.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Numbers of the periods that occur, ascending.
    pub(super) periods: Vec<i32>,
    /// First period of treatment by cohort, ascending; `i32::MAX`, always last, for none within
    /// the periods.
    pub(super) starts: Vec<i32>,
    /// Outcomes, one row a unit; 0 where absent.
    y: Buffer<f64>,
    /// The row of the panel behind each outcome, `u32::MAX` where absent; `None` when every unit
    /// is seen in every period and no row is left out, so that outcomes stand as in the panel.
    source: Option<Vec<u32>>,
    pub(super) profiles: Vec<Profile>,
    /// Units, sorted by profile.
    pub(super) members: Vec<u32>,
    pub(super) cohort_of: Vec<u32>,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) clusters: Option<Vec<u32>>,
    pub(super) n_clusters: usize,
    pub(super) n_obs: usize,
    pub(super) step: Step,
    /// Multiplier draws that are asked for, and those that were made: one row a draw.
    pub(super) multipliers: Option<Multipliers>,
    pub(super) drawn: OnceLock<Vec<f64>>,
}

/// The start of the units that are never treated within the periods.
pub(super) const NEVER: i32 = i32::MAX;

/// Which rows stay, and why the others do not.
pub(super) struct Kept {
    pub(super) keep: Vec<bool>,
    pub(super) step: Step,
}

impl Kept {
    /// Leaves out the rows for which `out` holds.
    pub(super) fn leave(&mut self, reason: String, out: impl Fn(usize) -> bool) {
        let mut rows = 0;
        for (row, keep) in self.keep.iter_mut().enumerate() {
            if *keep && out(row) {
                *keep = false;
                rows += 1;
            }
        }
        let step = std::mem::take(&mut self.step);
        self.step = step.exclude(reason, Count::rows(rows));
    }

    fn leave_nulls(&mut self, name: &str, column: &Column) {
        if column.count_nulls() > 0 {
            self.leave(format!("{name} is missing"), |row| column.is_null(row));
        }
    }
}

/// Numbers whose squares can be summed.
pub(super) const LARGEST: f64 = 1e90;

/// The values of a column; those of a column of numbers without nulls are not copied.
pub(super) fn floats(
    column: &Column,
    argument: &str,
    name: &str,
) -> Result<Buffer<f64>, EvaluateError> {
    match (column.values(), column.validity()) {
        (Values::Float(values), None) => Ok(values.clone()),
        _ => Ok(column.to_floats(argument, name)?.into()),
    }
}

/// Whether all values are numbers whose squares can be summed, by blocks.
pub(super) fn all_sound(values: &[f64]) -> bool {
    values
        .chunks(4096)
        .all(|block| block.iter().fold(true, |all, value| all & (value.abs() <= LARGEST)))
}

/// A column of numbers; rows without a value leave the sample.
fn numbers(
    panel: &Panel,
    argument: &'static str,
    name: &str,
    kept: &mut Kept,
) -> Result<Buffer<f64>, EvaluateError> {
    let column = panel.column(argument, name)?;
    let values = floats(&column, argument, name)?;
    kept.leave_nulls(name, &column);
    if all_sound(&values) {
        return Ok(values);
    }
    let bad = |row: &usize| {
        kept.keep[*row]
            && values[*row].abs().partial_cmp(&LARGEST).is_none_or(std::cmp::Ordering::is_gt)
    };
    if let Some(row) = (0..values.len()).find(bad) {
        return Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row });
    }
    Ok(values)
}

/// The first period of treatment of each person; `NEVER` for none within the calendar.
pub(super) fn cohorts(
    panel: &Panel,
    name: &str,
    kept: &mut Kept,
) -> Result<(Vec<i32>, usize), EvaluateError> {
    let column = panel.column("cohort", name)?;
    let flag = |row: usize| match column.values() {
        Values::Bool(values) => Some(values[row]),
        Values::Int(values) if values[row] == 0 || values[row] == 1 => Some(values[row] == 1),
        Values::Float(values) if values[row] == 0.0 || values[row] == 1.0 => {
            Some(values[row] == 1.0)
        }
        _ => None,
    };
    let n = panel.n_rows();
    let flags = match column.values() {
        Values::Bool(_) | Values::Int(_) | Values::Float(_) => {
            (0..n).all(|row| column.is_null(row) || flag(row).is_some())
        }
        _ => false,
    };
    let last = panel.calendar().period(panel.calendar().len() - 1).number;
    let mut later = 0;
    let all_null = column.count_nulls() == n;
    let starts = if flags && !all_null {
        kept.leave_nulls(name, &column);
        first_flags(panel, name, kept, |row| flag(row) == Some(true))?
    } else {
        if let Some(row) = column.first_change(panel.offsets()) {
            return Err(EvaluateError::Varies {
                argument: "cohort",
                column: name.to_owned(),
                row,
                why: "the first period of treatment belongs to the unit",
            });
        }
        let unit = panel.calendar().unit();
        let mut read = Start { unit, name, column: &column, periods: WholePeriods::new(unit) };
        let firsts = &panel.offsets()[..panel.persons().len()];
        firsts.iter().map(|&row| read.at(row as usize)).collect::<Result<Vec<_>, _>>()?
    };
    let clipped = starts
        .into_iter()
        .map(|start| {
            later += usize::from(start > last && start != NEVER);
            if start > last { NEVER } else { start }
        })
        .collect();
    Ok((clipped, later))
}

fn first_flags(
    panel: &Panel,
    name: &str,
    kept: &Kept,
    treated: impl Fn(usize) -> bool,
) -> Result<Vec<i32>, EvaluateError> {
    let base = panel.calendar().period(0).number;
    (0..panel.persons().len())
        .map(|person| {
            let mut start = NEVER;
            for row in panel.of(person).filter(|&row| kept.keep[row]) {
                if treated(row) {
                    start = start.min(base + panel.positions()[row] as i32);
                } else if start != NEVER {
                    return Err(EvaluateError::TurnsOff { column: name.to_owned(), row });
                }
            }
            Ok(start)
        })
        .collect()
}

/// Reads the first period of treatment from a column of periods.
struct Start<'a> {
    unit: Unit,
    name: &'a str,
    column: &'a Column,
    periods: WholePeriods,
}

impl Start<'_> {
    /// The period in one row: null, 0 and infinity stand for never.
    fn at(&mut self, row: usize) -> Result<i32, EvaluateError> {
        if self.column.is_null(row) {
            return Ok(NEVER);
        }
        let unit = self.unit;
        let name = self.name;
        let bad = || -> EvaluateError {
            DataError::BadCell {
                argument: "cohort".to_owned(),
                column: name.to_owned(),
                row,
                expected: "the first period of treatment (null, 0 or infinity for never)",
            }
            .into()
        };
        let mut whole = |number: i64| match number {
            0 => Ok(NEVER),
            _ => self.periods.number(number).ok_or_else(bad),
        };
        match self.column.values() {
            Values::Int(values) => whole(values[row]),
            Values::Float(values) if values[row] == f64::INFINITY => Ok(NEVER),
            Values::Float(values) if values[row].fract() == 0.0 && values[row].abs() < 1e9 => {
                whole(values[row] as i64)
            }
            Values::Float(_) | Values::Bool(_) => Err(bad()),
            _ => {
                let own = self.column.take(&[row as u32]);
                let period = own.to_periods(unit, "cohort", name).map_err(|error| match error {
                    DataError::BadCell { .. } => bad(),
                    other => other.into(),
                })?;
                Ok(period.first().copied().flatten().map_or(NEVER, |period| period.number))
            }
        }
    }
}

/// A value of each person that must not vary between its rows.
fn constant<T: PartialEq + Copy + Default>(
    panel: &Panel,
    kept: &Kept,
    value: impl Fn(usize) -> T,
    error: impl Fn(usize) -> EvaluateError,
) -> Result<Vec<T>, EvaluateError> {
    (0..panel.persons().len())
        .map(|person| {
            let mut own = None;
            for row in panel.of(person).filter(|&row| kept.keep[row]) {
                let here = value(row);
                if *own.get_or_insert(here) != here {
                    return Err(error(row));
                }
            }
            Ok(own.unwrap_or_default())
        })
        .collect()
}

/// What is read from the panel, one value a row or a person.
struct Read {
    kept: Kept,
    outcome: Buffer<f64>,
    starts: Vec<i32>,
    weights: Option<Vec<f64>>,
    clusters: Option<Vec<u32>>,
}

impl Sample {
    /// Reads the panel as the design asks.
    pub(super) fn read(did: &Did, panel: &Panel, ticket: &Ticket) -> Result<Self, EvaluateError> {
        ticket.stage("reading the panel", 0);
        let n = panel.n_rows();
        let detail = format!("{} by {}, method {}", did.outcome, did.cohort, did.method.name());
        let step = Step::new("did", detail, panel.count(), Count::default());
        let mut kept = Kept { keep: vec![true; n], step };
        let outcome = numbers(panel, "outcome", &did.outcome, &mut kept)?;
        for name in &did.covariates {
            kept.leave_nulls(name, &panel.column("covariates", name)?);
        }
        let weights = Self::read_weights(did, panel, &mut kept)?;
        let (starts, later) = cohorts(panel, &did.cohort, &mut kept)?;
        if later > 0 {
            let note = "first treated after the last period, which counts as not treated";
            kept.step.notes.push(format!("{later} units {note}"));
        }
        let starts = super::options::pretend(did, panel, starts, &mut kept)?;
        let clusters = Self::read_clusters(did, panel, &mut kept)?;
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let read = Read { kept, outcome, starts, weights, clusters };
        Self::arrange(did, panel, read)
    }

    fn read_weights(
        did: &Did,
        panel: &Panel,
        kept: &mut Kept,
    ) -> Result<Option<Vec<f64>>, EvaluateError> {
        let Some(name) = &did.weights else { return Ok(None) };
        let values = numbers(panel, "weights", name, kept)?;
        if let Some(row) = (0..values.len()).find(|&row| kept.keep[row] && values[row] <= 0.0) {
            return Err(EvaluateError::BadWeight { column: name.clone(), row });
        }
        let varies = |row| EvaluateError::Varies {
            argument: "weights",
            column: name.clone(),
            row,
            why: "a unit has one weight in a comparison of its own periods",
        };
        constant(panel, kept, |row| values[row], varies).map(Some)
    }

    fn read_clusters(
        did: &Did,
        panel: &Panel,
        kept: &mut Kept,
    ) -> Result<Option<Vec<u32>>, EvaluateError> {
        let Some(name) = &did.cluster else { return Ok(None) };
        if name == panel.persons().name() {
            return Ok(None);
        }
        let column = panel.column("cluster", name)?;
        kept.leave_nulls(name, &column);
        let (codes, _) = column.ranks();
        let varies = |row| EvaluateError::Varies {
            argument: "cluster",
            column: name.clone(),
            row,
            why: "units must be nested in clusters",
        };
        constant(panel, kept, |row| codes[row].unwrap_or_default(), varies).map(Some)
    }

    /// Puts the outcomes into one row a unit.
    fn arrange(did: &Did, panel: &Panel, read: Read) -> Result<Self, EvaluateError> {
        let complete = panel.n_rows() == panel.persons().len() * panel.calendar().len();
        if complete && read.kept.keep.chunks(4096).all(|rows| rows.iter().fold(true, |a, b| a & b))
        {
            let own = Self::whole(panel, read)?;
            return Ok(Self { multipliers: did.extra.multipliers(), ..own });
        }
        let Read { kept, outcome, starts, weights, clusters } = read;
        let mut used = vec![false; panel.calendar().len()];
        let mut n_obs = 0;
        for (row, &position) in panel.positions().iter().enumerate() {
            if kept.keep[row] {
                used[position as usize] = true;
                n_obs += 1;
            }
        }
        let base = panel.calendar().period(0).number;
        let (mut index, mut periods) = (vec![0_u32; used.len()], Vec::new());
        for (position, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            index[position] = periods.len() as u32;
            periods.push(base + position as i32);
        }
        let t = periods.len();
        let complete = did.gaps == super::Gaps::Balanced;
        let (offsets, positions) = (panel.offsets(), panel.positions());
        let mut y = Vec::with_capacity(panel.persons().len() * t);
        let mut source = Vec::with_capacity(panel.persons().len() * t);
        let mut sample = Self {
            periods,
            starts: Vec::new(),
            y: Vec::new().into(),
            source: None,
            profiles: Vec::new(),
            members: Vec::new(),
            cohort_of: Vec::new(),
            weights: weights.as_ref().map(|_| Vec::new()),
            clusters: clusters.as_ref().map(|_| Vec::new()),
            n_clusters: 0,
            n_obs,
            step: kept.step,
            multipliers: did.extra.multipliers(),
            drawn: OnceLock::new(),
        };
        let (mut own_starts, mut left) = (Vec::new(), Count::of(0, 0));
        for (person, &start) in starts.iter().enumerate() {
            let own = offsets[person] as usize..offsets[person + 1] as usize;
            let keep = &kept.keep[own.clone()];
            let seen = keep.iter().filter(|keep| **keep).count();
            if seen == 0 {
                continue;
            }
            if complete && seen < t {
                left.rows += seen as u64;
                left.persons = left.persons.map(|persons| persons + 1);
                continue;
            }
            let at = y.len();
            y.resize(at + t, 0.0);
            source.resize(at + t, u32::MAX);
            let rows = own.clone().zip(keep).zip(&positions[own.clone()]).zip(&outcome[own]);
            for (((row, _), &position), &value) in rows.filter(|(((_, keep), _), _)| **keep) {
                let slot = at + index[position as usize] as usize;
                y[slot] = value;
                source[slot] = row as u32;
            }
            own_starts.push(start);
            if let (Some(all), Some(own)) = (&weights, &mut sample.weights) {
                own.push(all[person]);
            }
            if let (Some(all), Some(own)) = (&clusters, &mut sample.clusters) {
                own.push(all[person]);
            }
        }
        (sample.y, sample.source) = (y.into(), Some(source));
        sample.n_obs -= left.rows as usize;
        let step = std::mem::take(&mut sample.step);
        sample.step = step.exclude("the unit is not seen in every period", left);
        sample.classify(&own_starts);
        sample.step.after = Count::of(sample.n_obs, own_starts.len());
        sample.check()?;
        Ok(sample)
    }

    /// Every unit in every period: outcomes stand as they are.
    fn whole(panel: &Panel, read: Read) -> Result<Self, EvaluateError> {
        let Read { kept, outcome, starts, weights, clusters } = read;
        let base = panel.calendar().period(0).number;
        let step = kept.step.exclude("the unit is not seen in every period", Count::of(0, 0));
        let mut sample = Self {
            periods: (base..).take(panel.calendar().len()).collect(),
            starts: Vec::new(),
            y: outcome,
            source: None,
            profiles: Vec::new(),
            members: Vec::new(),
            cohort_of: Vec::new(),
            weights,
            clusters,
            n_clusters: 0,
            n_obs: panel.n_rows(),
            step,
            multipliers: None,
            drawn: OnceLock::new(),
        };
        sample.classify(&starts);
        sample.step.after = Count::of(sample.n_obs, starts.len());
        sample.check()?;
        Ok(sample)
    }

    /// Whether every unit is seen in every period, so that outcomes stand as in the panel.
    pub(super) const fn is_whole(&self) -> bool {
        self.source.is_none()
    }

    /// The row of the panel behind an outcome; `None` where it is absent.
    pub(super) fn row(&self, unit: usize, period: usize) -> Option<usize> {
        let at = unit * self.periods.len() + period;
        match &self.source {
            None => Some(at),
            Some(source) => (source[at] != u32::MAX).then_some(source[at] as usize),
        }
    }

    /// The rows of the panel of a unit.
    pub(super) fn rows_of(&self, unit: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.periods.len()).filter_map(move |period| self.row(unit, period))
    }

    /// Cohorts, clusters and profiles.
    fn classify(&mut self, starts: &[i32]) {
        self.starts = starts.to_vec();
        self.starts.push(NEVER);
        self.starts.sort_unstable();
        self.starts.dedup();
        self.cohort_of = starts
            .iter()
            .map(|start| self.starts.binary_search(start).unwrap_or_default() as u32)
            .collect();
        if let Some(codes) = &mut self.clusters {
            let factor = crate::data::Factor::compact(codes);
            self.n_clusters = factor.n_levels();
            *codes = factor.codes().to_vec();
        } else {
            self.n_clusters = starts.len();
        }
        let t = self.periods.len();
        let mut known: FxHashMap<(u32, Vec<u64>), u32> = FxHashMap::default();
        let mut whole = vec![u32::MAX; self.starts.len()];
        let mut keys: Vec<(u32, Vec<bool>)> = Vec::new();
        let profile_of: Vec<u32> = (0..starts.len())
            .map(|unit| {
                let cohort = self.cohort_of[unit];
                let seen =
                    self.source.as_ref().map_or(&[][..], |rows| &rows[unit * t..(unit + 1) * t]);
                let next = keys.len() as u32;
                let full = seen.iter().all(|&row| row != u32::MAX);
                let slot = if full {
                    &mut whole[cohort as usize]
                } else {
                    let mut bits = vec![0_u64; t.div_ceil(64)];
                    for (at, _) in seen.iter().enumerate().filter(|(_, row)| **row != u32::MAX) {
                        bits[at / 64] |= 1 << (at % 64);
                    }
                    known.entry((cohort, bits)).or_insert(u32::MAX)
                };
                if *slot == u32::MAX {
                    *slot = next;
                    let seen = seen.iter().map(|&row| row != u32::MAX);
                    let present = if full { vec![true; t] } else { seen.collect() };
                    keys.push((cohort, present));
                }
                *slot
            })
            .collect();
        let mut counts = vec![0_usize; keys.len() + 1];
        for &profile in &profile_of {
            counts[profile as usize + 1] += 1;
        }
        for at in 0..keys.len() {
            counts[at + 1] += counts[at];
        }
        let mut next = counts.clone();
        self.members = vec![0; starts.len()];
        for (unit, &profile) in profile_of.iter().enumerate() {
            self.members[next[profile as usize]] = unit as u32;
            next[profile as usize] += 1;
        }
        self.profiles = keys
            .into_iter()
            .enumerate()
            .map(|(at, (cohort, present))| Profile {
                cohort: cohort as usize,
                present,
                first: counts[at],
                last: counts[at + 1],
                weight: 0.0,
                mean: vec![0.0; t],
            })
            .collect();
        self.average();
    }

    /// Pieces of work: a profile and some of its members.
    pub(super) fn pieces(&self) -> Vec<(usize, usize, usize)> {
        let cut = |(at, profile): (usize, &Profile)| {
            (profile.first..profile.last)
                .step_by(CHUNK)
                .map(move |first| (at, first, (first + CHUNK).min(profile.last)))
                .collect::<Vec<_>>()
        };
        self.profiles.iter().enumerate().flat_map(cut).collect()
    }

    /// The same in tasks. Where profiles are few, a task takes all pieces of units that lie side
    /// by side, so that memory is read once and not once a profile.
    pub(super) fn tasks(&self) -> Vec<Vec<(usize, usize, usize)>> {
        const FEW: usize = 64;
        if self.profiles.len() > FEW {
            return self.pieces().into_iter().map(|piece| vec![piece]).collect();
        }
        let mut next: Vec<usize> = self.profiles.iter().map(|profile| profile.first).collect();
        (0..self.n_units())
            .step_by(2 * CHUNK)
            .map(|from| {
                let to = (from + 2 * CHUNK) as u32;
                let cut = |(at, profile): (usize, &Profile)| {
                    let first = next[at];
                    let own = &self.members[first..profile.last];
                    next[at] += own.partition_point(|&unit| unit < to);
                    (first < next[at]).then_some((at, first, next[at]))
                };
                self.profiles.iter().enumerate().filter_map(cut).collect()
            })
            .collect()
    }

    fn average(&mut self) {
        let (tasks, t) = (self.tasks(), self.periods.len());
        let sum = |&(_, first, last): &(usize, usize, usize)| {
            let mut sums = vec![0.0; t + 1];
            for &unit in &self.members[first..last] {
                let weight = self.weight(unit as usize);
                sums[t] += weight;
                for (sum, y) in sums.iter_mut().zip(self.outcomes(unit as usize)) {
                    *sum += weight * y;
                }
            }
            sums
        };
        let sums: Vec<Vec<Vec<f64>>> =
            tasks.par_iter().map(|pieces| pieces.iter().map(sum).collect()).collect();
        for ((profile, ..), sums) in tasks.iter().flatten().zip(sums.into_iter().flatten()) {
            let profile = &mut self.profiles[*profile];
            profile.weight += sums[t];
            for (mean, sum) in profile.mean.iter_mut().zip(&sums) {
                *mean += sum;
            }
        }
        for profile in &mut self.profiles {
            for mean in &mut profile.mean {
                *mean /= profile.weight;
            }
        }
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let n = self.periods.len();
        let within = |start: &i32| self.periods.iter().skip(1).any(|period| period >= start);
        let first = self.periods.first().copied().unwrap_or(NEVER);
        if n == 0 || !self.starts.iter().any(|start| *start > first && within(start)) {
            return Err(EvaluateError::NobodyTreated);
        }
        if self.n_clusters < 2 {
            return Err(EvaluateError::TooFewClusters { n: self.n_clusters });
        }
        Ok(())
    }

    pub(super) fn n_units(&self) -> usize {
        self.cohort_of.len()
    }

    pub(super) fn n_periods(&self) -> usize {
        self.periods.len()
    }

    /// The outcomes of a unit, by period.
    pub(super) fn outcomes(&self, unit: usize) -> &[f64] {
        let t = self.periods.len();
        &self.y[unit * t..(unit + 1) * t]
    }

    pub(super) fn weight(&self, unit: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[unit])
    }

    /// Sum of all weights.
    pub(super) fn total(&self) -> f64 {
        self.profiles.iter().map(|profile| profile.weight).sum()
    }

    /// Whether a cohort is treated in a period.
    pub(super) fn treated(&self, cohort: usize, period: usize) -> bool {
        self.starts[cohort] <= self.periods[period]
    }

    /// Sum of weights of each cohort.
    pub(super) fn cohort_weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.starts.len()];
        for profile in &self.profiles {
            weights[profile.cohort] += profile.weight;
        }
        weights
    }

    /// Clusters that each cohort has units in.
    pub(super) fn cohort_clusters(&self) -> Vec<usize> {
        let mut counts = vec![0; self.starts.len()];
        let Some(codes) = &self.clusters else {
            self.cohort_of.iter().for_each(|&cohort| counts[cohort as usize] += 1);
            return counts;
        };
        let mut pairs: Vec<(u32, u32)> =
            self.cohort_of.iter().copied().zip(codes.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (cohort, _) in pairs {
            counts[cohort as usize] += 1;
        }
        counts
    }
}
