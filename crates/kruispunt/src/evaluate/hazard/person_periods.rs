//! What a hazard in discrete time finds in a table: rows and regressors that say something, the
//! baseline, and where the climb starts.

use super::likelihood::{Link, Rows};
use crate::data::{Column, Factor};
use crate::estimate::Sampled;
use crate::evaluate::EvaluateError;
use crate::math::crossprod::gram;
use crate::math::linalg::Triangle;
use serde::{Deserialize, Serialize};

/// The chance of each event by level of the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) name: String,
    /// Levels in their natural order, one column a part of `f^g`.
    pub(super) levels: Vec<Column>,
}

impl Baseline {
    pub(super) fn len(&self) -> usize {
        self.levels.first().map_or(0, Column::len)
    }
}

/// Outcome, regressors and baseline of the rows that are used.
pub(super) struct PersonPeriods {
    pub(super) sample: Sampled,
    /// 0 for none, else the cause counted from 1.
    event: Vec<u32>,
    /// Labels of the events.
    pub(super) causes: Vec<String>,
    level: Option<Factor>,
    pub(super) baseline: Option<Baseline>,
    /// Places of the regressors that others and the baseline do not determine, and their names.
    kept: Vec<usize>,
    pub(super) names: Vec<String>,
    /// Names of the others.
    pub(super) dropped: Vec<String>,
    link: Link,
}

impl PersonPeriods {
    pub(super) fn new(
        mut sample: Sampled,
        (event, causes): (Vec<u32>, Vec<String>),
        link: Link,
    ) -> Result<Self, EvaluateError> {
        let event = if causes.len() == 1 { settle(&mut sample, event)? } else { event };
        let (level, baseline) = baseline(&sample);
        let (kept, names) = ((0..sample.columns.len()).collect(), sample.names.clone());
        let dropped = Vec::new();
        let mut own = Self { sample, event, causes, level, baseline, kept, names, dropped, link };
        let (kept, dropped) = independent(&own.rows());
        let named = |places: &[usize]| places.iter().map(|&at| own.names[at].clone()).collect();
        (own.dropped, own.names) = (named(&dropped), named(&kept));
        own.kept = kept;
        refuse_settled(&own.rows())?;
        Ok(own)
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        let level = self.level.as_ref();
        Rows {
            columns: self.kept.iter().map(|&at| &self.sample.columns[at][..]).collect(),
            names: &self.names,
            level: level.map_or(&[], Factor::codes),
            n_levels: level.map_or(0, Factor::n_levels),
            event: &self.event,
            causes: self.causes.len(),
            weights: self.sample.weights.as_deref(),
            offset: self.sample.offset.as_deref(),
            link: self.link,
        }
    }
}

/// Leaves out levels of the baseline where the event never or always happens.
fn settle(sample: &mut Sampled, event: Vec<u32>) -> Result<Vec<u32>, EvaluateError> {
    let Some(effect) = sample.effects.first() else { return Ok(event) };
    let n = effect.factor.n_levels();
    let (mut rows, mut events) = (vec![0_usize; n], vec![0_usize; n]);
    for (&level, &event) in effect.factor.codes().iter().zip(&event) {
        rows[level as usize] += 1;
        events[level as usize] += usize::from(event > 0);
    }
    for (reason, gone) in [
        ("the event never happens at this level of the baseline", 0),
        ("the event always happens at this level of the baseline", 1),
    ] {
        let codes = sample.effects[0].factor.codes();
        let stays = |level: u32| {
            let level = level as usize;
            if gone == 0 {
                events[level] > 0
            } else {
                events[level] < rows[level] || events[level] == 0
            }
        };
        let stay: Vec<bool> = codes.iter().map(|&level| stays(level)).collect();
        if gone == 0 {
            sample.keep(&stay, reason);
            // Levels were numbered anew.
            let alive: Vec<usize> = (0..n).filter(|&level| events[level] > 0).collect();
            rows = alive.iter().map(|&level| rows[level]).collect();
            events = alive.iter().map(|&level| events[level]).collect();
        } else {
            sample.keep(&stay, reason);
        }
        if sample.rows.is_empty() {
            let why = "at each level of the baseline the event happens never or always".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
    }
    Ok(sample.outcome.iter().map(|&y| y as u32).collect())
}

/// The baseline with levels in their natural order.
fn baseline(sample: &Sampled) -> (Option<Factor>, Option<Baseline>) {
    let Some(effect) = sample.effects.first() else { return (None, None) };
    let n = effect.factor.n_levels();
    let ranks: Vec<Vec<Option<u32>>> = effect.levels.iter().map(|own| own.ranks().0).collect();
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(|&at| ranks.iter().map(|own| own[at as usize]).collect::<Vec<_>>());
    let mut place = vec![0_u32; n];
    for (to, &from) in order.iter().enumerate() {
        place[from as usize] = to as u32;
    }
    let codes: Vec<u32> = effect.factor.codes().iter().map(|&at| place[at as usize]).collect();
    let levels = effect.levels.iter().map(|own| own.take(&order)).collect();
    (Some(Factor::compact(&codes)), Some(Baseline { name: effect.name.clone(), levels }))
}

/// Regressors that others and the baseline do not determine, and those they do.
pub(super) fn independent(rows: &Rows<'_>) -> (Vec<usize>, Vec<usize>) {
    let k = rows.k();
    let mut total = gram(&rows.columns, rows.weights);
    let reference: Vec<f64> = (0..k).map(|at| total[at * k + at]).collect();
    if rows.n_levels > 0 {
        let mut sums = vec![0.0; rows.n_levels * (k + 1)];
        for (at, &level) in rows.level.iter().enumerate() {
            let w = rows.weights.map_or(1.0, |weights| weights[at]);
            let own = &mut sums[level as usize * (k + 1)..(level as usize + 1) * (k + 1)];
            for (slot, column) in own.iter_mut().zip(&rows.columns) {
                *slot += w * column[at];
            }
            own[k] += w;
        }
        for own in sums.chunks(k + 1) {
            for i in 0..k {
                for j in 0..k {
                    total[i * k + j] -= own[i] * own[j] / own[k];
                }
            }
        }
    }
    let triangle = Triangle::cholesky(&total, &reference, 1e-9);
    (triangle.kept, triangle.dropped)
}

/// Refuses a dummy whose rows all have one outcome.
fn refuse_settled(rows: &Rows<'_>) -> Result<(), EvaluateError> {
    for (column, name) in rows.columns.iter().zip(rows.names) {
        if column.iter().any(|&x| x != 0.0 && x != 1.0) || name == "Intercept" {
            continue;
        }
        for value in [0.0, 1.0] {
            let mut own =
                column.iter().zip(rows.event).filter(|(x, _)| **x == value).map(|(_, &e)| e);
            let first = own.next();
            if rows.causes == 1 && first.is_some_and(|first| own.all(|event| event == first)) {
                return Err(EvaluateError::Separated { what: format!("\"{name}\"") });
            }
        }
    }
    Ok(())
}

/// Where the climb starts, and which parameters move: not those of events that never happen at a
/// level.
pub(super) fn start(rows: &Rows<'_>) -> (Vec<f64>, Vec<usize>) {
    let (k, each) = (rows.k(), rows.each());
    let mut theta = vec![0.0; rows.m()];
    let mut counts = vec![0.0; (rows.causes + 1) * rows.n_levels.max(1)];
    for (at, &event) in rows.event.iter().enumerate() {
        let level = if rows.n_levels > 0 { rows.level[at] as usize } else { 0 };
        counts[event as usize * rows.n_levels.max(1) + level] +=
            rows.weights.map_or(1.0, |weights| weights[at]);
    }
    let mut free = Vec::with_capacity(rows.m());
    for cause in 0..rows.causes {
        free.extend(cause * each..cause * each + k);
        for level in 0..rows.n_levels {
            let (here, none) = (counts[(cause + 1) * rows.n_levels + level], counts[level]);
            let at = cause * each + k + level;
            if here > 0.0 {
                let share = (here / (here + none)).clamp(1e-6, 1.0 - 1e-6);
                theta[at] = rows.link.of(share);
                free.push(at);
            } else {
                theta[at] = f64::NEG_INFINITY;
            }
        }
    }
    (theta, free)
}

pub(super) fn null_log_likelihood(rows: &Rows<'_>) -> f64 {
    let mut mass = vec![0.0; rows.causes + 1];
    for (at, &event) in rows.event.iter().enumerate() {
        mass[event as usize] += rows.weights.map_or(1.0, |weights| weights[at]);
    }
    let all: f64 = mass.iter().sum();
    mass.iter().filter(|own| **own > 0.0).map(|own| own * libm::log(own / all)).sum()
}
