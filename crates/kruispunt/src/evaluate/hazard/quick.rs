//! Risk sets counted straight from the columns, where these are whole numbers without a gap.

use super::episodes::Roles;
use super::tally::Tally;
use crate::data::{Column, Table, Values};
use rayon::prelude::*;
use std::collections::HashSet;

/// Rows counted at once; fixed, so that nothing depends on the threads.
const CHUNK: usize = 1 << 20;
/// Pairs of a group and a time at most.
const ROOM: i64 = 1 << 16;

/// What was counted.
pub(super) struct Quick {
    pub(super) tallies: Vec<Tally>,
    pub(super) groups: Vec<String>,
}

/// A value as a whole number, if it is one.
trait Whole: Copy + Sync {
    fn whole(self) -> Option<i64>;
}

impl Whole for i64 {
    fn whole(self) -> Option<i64> {
        Some(self)
    }
}

impl Whole for u32 {
    fn whole(self) -> Option<i64> {
        Some(i64::from(self))
    }
}

impl Whole for bool {
    fn whole(self) -> Option<i64> {
        Some(i64::from(self))
    }
}

impl Whole for f64 {
    fn whole(self) -> Option<i64> {
        let own = self as i64;
        (own as f64 == self).then_some(own)
    }
}

/// The bounds of whole numbers; `None` when there is another.
fn bounds<T: Whole>(values: &[T]) -> Option<(i64, i64)> {
    let parts: Vec<Option<(i64, i64)>> = values
        .par_chunks(CHUNK)
        .map(|own| {
            let (mut low, mut high, mut all) = (i64::MAX, i64::MIN, true);
            for value in own {
                match value.whole() {
                    Some(value) => (low, high) = (low.min(value), high.max(value)),
                    None => all = false,
                }
            }
            all.then_some((low, high))
        })
        .collect();
    parts.into_iter().try_fold((i64::MAX, i64::MIN), |(low, high), own| {
        own.map(|own| (low.min(own.0), high.max(own.1)))
    })
}

/// Ends and events by group and time.
struct Counts {
    ended: Vec<u32>,
    events: Vec<u32>,
}

fn count<T: Whole, E: Whole, G: Whole>(
    (times, events, groups): (&[T], &[E], Option<&[G]>),
    (first, range): (i64, i64),
    (lowest, n): (i64, i64),
) -> Option<Counts> {
    let size = (range * n) as usize;
    let one = |from: usize| -> Option<Counts> {
        let to = (from + CHUNK).min(times.len());
        let mut own = Counts { ended: vec![0; size], events: vec![0; size] };
        for row in from..to {
            let time = times[row].whole()? - first;
            let group = match groups {
                Some(groups) => groups[row].whole()? - lowest,
                None => 0,
            };
            let at = (group * range + time) as usize;
            let event = events[row].whole()?;
            if !(0..=1).contains(&event) {
                return None;
            }
            own.ended[at] += 1;
            own.events[at] += event as u32;
        }
        Some(own)
    };
    let starts: Vec<usize> = (0..times.len()).step_by(CHUNK).collect();
    let parts: Vec<Option<Counts>> = starts.into_par_iter().map(one).collect();
    let mut total = Counts { ended: vec![0; size], events: vec![0; size] };
    for part in parts {
        let part = part?;
        total.ended.iter_mut().zip(&part.ended).for_each(|(slot, own)| *slot += own);
        total.events.iter_mut().zip(&part.events).for_each(|(slot, own)| *slot += own);
    }
    Some(total)
}

fn with_events<T: Whole, G: Whole>(
    times: &[T],
    events: &Column,
    groups: Option<&[G]>,
    time: (i64, i64),
    group: (i64, i64),
) -> Option<Counts> {
    match events.values() {
        Values::Int(own) => count((times, &own[..], groups), time, group),
        Values::Bool(own) => count((times, &own[..], groups), time, group),
        Values::Float(own) => count((times, &own[..], groups), time, group),
        _ => None,
    }
}

fn with_times<G: Whole>(
    times: &Column,
    events: &Column,
    groups: Option<&[G]>,
    group: (i64, i64),
) -> Option<(Counts, i64, i64)> {
    let range = |(low, high): (i64, i64)| -> Option<(i64, i64)> {
        let range = high.checked_sub(low)?.checked_add(1)?;
        (low >= 0 && range.checked_mul(group.1)? <= ROOM).then_some((low, range))
    };
    match times.values() {
        Values::Int(own) => {
            let time = range(bounds(own)?)?;
            Some((with_events(&own[..], events, groups, time, group)?, time.0, time.1))
        }
        Values::Float(own) => {
            let time = range(bounds(own)?)?;
            Some((with_events(&own[..], events, groups, time, group)?, time.0, time.1))
        }
        _ => None,
    }
}

/// Counts without a copy of a column; `None` when something needs a closer look: missing values,
/// entries, weights, several causes, times that are no whole numbers, wrong events.
pub(super) fn quick(roles: &Roles, table: &Table) -> Option<Quick> {
    if roles.several || roles.entry.is_some() || roles.weights.is_some() {
        return None;
    }
    let column = |name: &str| table.get(name).filter(|own| own.count_nulls() == 0);
    let (times, events) = (column(&roles.time)?, column(&roles.event)?);
    if times.is_empty() || times.len() >= u32::MAX as usize {
        return None;
    }
    let (counts, (first, range), labels) = match &roles.by {
        None => {
            let (own, first, range) = with_times::<i64>(times, events, None, (0, 1))?;
            (own, (first, range), vec![String::new()])
        }
        Some(name) => match column(name)?.values() {
            Values::Int(groups) => {
                let (low, high) = bounds(groups)?;
                let n = high.checked_sub(low)?.checked_add(1).filter(|own| *own <= ROOM)?;
                let (own, first, range) = with_times(times, events, Some(&groups[..]), (low, n))?;
                (own, (first, range), (low..=high).map(|own| own.to_string()).collect())
            }
            Values::Text(text) if text.is_categorical() => {
                let labels: Vec<String> = text.levels().iter().map(str::to_owned).collect();
                if labels.iter().collect::<HashSet<_>>().len() < labels.len() {
                    return None;
                }
                let n = labels.len() as i64;
                let (own, first, range) = with_times(times, events, Some(text.codes()), (0, n))?;
                (own, (first, range), labels)
            }
            _ => return None,
        },
    };
    let mut found = Quick { tallies: Vec::new(), groups: Vec::new() };
    for (at, label) in labels.into_iter().enumerate() {
        let own = at * range as usize..(at + 1) * range as usize;
        let (ended, events) = (&counts.ended[own.clone()], &counts.events[own]);
        let mut left: u64 = ended.iter().map(|own| u64::from(*own)).sum();
        if left == 0 {
            continue;
        }
        let mut tally = Tally::default();
        for (step, (&ended, &events)) in ended.iter().zip(events).enumerate() {
            if ended > 0 {
                tally.time.push((first + step as i64) as f64);
                tally.at_risk.push(left as f64);
                tally.events.push(f64::from(events));
                tally.censored.push(f64::from(ended - events));
                left -= u64::from(ended);
            }
        }
        found.tallies.push(tally);
        found.groups.push(label);
    }
    Some(found)
}
