//! Risk sets counted straight from the columns, where these are whole numbers without a gap.
//!
//! Each number is read once. A block of rows is turned into places of a table of counters, without
//! a branch, so that the loop is done several rows at once; the same loop finds whether all numbers
//! of the block lie in the table. Where one does not, the table is made wider and the block is read
//! again.

use super::episodes::Roles;
use super::tally::Tally;
use crate::data::{Column, Table, Text, Values};
use rayon::prelude::*;
use std::collections::HashSet;

/// Rows counted at once; fixed, so that nothing depends on the threads.
const CHUNK: usize = 1 << 20;
/// Rows whose places are found before they are counted.
const BLOCK: usize = 1024;
/// A table has `2^ROOM` pairs of a group and a time at most.
const ROOM: u32 = 18;
/// From here on, 2^52, not all whole numbers below a real one are real numbers of their own kind.
const BEYOND: i64 = 1 << 52;

/// What was counted.
pub(super) struct Quick {
    pub(super) tallies: Vec<Tally>,
    pub(super) groups: Vec<String>,
}

/// A value as a whole number, its negative sign in the highest bit: what is no whole number of 0 or
/// more is then below 0 or not below [`BEYOND`].
trait Whole: Copy + Sync {
    fn whole(self) -> u64;
}

/// No groups.
impl Whole for () {
    #[inline]
    fn whole(self) -> u64 {
        0
    }
}

impl Whole for i64 {
    #[inline]
    fn whole(self) -> u64 {
        self as u64
    }
}

impl Whole for u32 {
    #[inline]
    fn whole(self) -> u64 {
        u64::from(self)
    }
}

impl Whole for u8 {
    #[inline]
    fn whole(self) -> u64 {
        u64::from(self)
    }
}

impl Whole for bool {
    #[inline]
    fn whole(self) -> u64 {
        u64::from(self)
    }
}

impl Whole for f64 {
    /// 2^52 more than a whole number has that number in its lowest bits; what is no whole number
    /// is rounded there, and does not come back.
    #[inline]
    fn whole(self) -> u64 {
        const MORE: f64 = BEYOND as f64;
        let more = self + MORE;
        let odd = u64::from(more - MORE != self).wrapping_neg();
        more.to_bits().wrapping_sub(MORE.to_bits()) | odd
    }
}

/// The numbers `first..first + 2^bits`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    first: i64,
    bits: u32,
}

impl Span {
    fn last(self) -> i64 {
        self.first + ((1_i64 << self.bits) - 1)
    }

    /// With `low..=high` in it too; twice as wide at least when it must be wider, on the side where
    /// numbers were found, but not below 0 for that. `None` when that is more than a table has room
    /// for.
    fn with(self, low: i64, high: i64) -> Option<Self> {
        if low >= self.first && high <= self.last() {
            return Some(self);
        }
        let (first, last) = (low.min(self.first), high.max(self.last()));
        let n = last.checked_sub(first)?.checked_add(1).filter(|n| *n <= 1 << ROOM)?;
        let bits = (n as u64).next_power_of_two().trailing_zeros();
        let below = last.checked_sub((1 << bits) - 1)?.max(low.min(0));
        let first = if low < self.first { below } else { first };
        first.checked_add(1 << bits)?;
        Some(Self { first, bits })
    }
}

/// Numbers of rows by group, time and event, in that order.
struct Counts {
    groups: Span,
    times: Span,
    slots: Vec<u32>,
}

impl Counts {
    fn new(group: i64, time: i64) -> Self {
        let (groups, times) = (Span { first: group, bits: 0 }, Span { first: time, bits: 0 });
        Self { groups, times, slots: vec![0; 2] }
    }

    /// Has room for other groups and times too.
    fn widen(self, group: (i64, i64), time: (i64, i64)) -> Option<Self> {
        let groups = self.groups.with(group.0, group.1)?;
        let times = self.times.with(time.0, time.1).filter(|own| own.last() < BEYOND)?;
        if (groups, times) == (self.groups, self.times) {
            return Some(self);
        }
        let size = groups.bits + times.bits;
        let slots = (size <= ROOM).then(|| vec![0; 2 << size])?;
        let mut wide = Self { groups, times, slots };
        wide.add(&self);
        Some(wide)
    }

    /// Adds counts that lie within.
    fn add(&mut self, other: &Self) {
        for (group, own) in other.slots.chunks(2 << other.times.bits).enumerate() {
            let group = group as i64 + other.groups.first - self.groups.first;
            // Groups of room alone may lie outside.
            if own.iter().all(|&n| n == 0) {
                continue;
            }
            let to = (group << self.times.bits) + other.times.first - self.times.first;
            for (at, &n) in own.iter().enumerate().filter(|(_, n)| **n > 0) {
                self.slots[(2 * to + at as i64) as usize] += n;
            }
        }
    }

    /// Places of the rows of a block; whether all lie in the table.
    fn places<T: Whole, E: Whole, G: Whole>(
        &self,
        (times, events, groups): (&[T], &[E], &[G]),
        places: &mut [u32; BLOCK],
    ) -> bool {
        let (mut any_time, mut any_event, mut any_group) = (0, 0, 0);
        let (first, lowest) = (self.times.first as u64, self.groups.first as u64);
        let rows = times.iter().zip(events).zip(groups);
        for (place, ((time, event), group)) in places.iter_mut().zip(rows) {
            let time = time.whole().wrapping_sub(first);
            let group = group.whole().wrapping_sub(lowest);
            let event = event.whole();
            any_time |= time;
            any_group |= group;
            any_event |= event;
            *place = ((((group << self.times.bits) | time) << 1) | event) as u32;
        }
        any_time >> self.times.bits == 0 && any_group >> self.groups.bits == 0 && any_event <= 1
    }

    /// Counts the rows of a chunk; `None` when something needs a closer look.
    fn of<T: Whole, E: Whole, G: Whole>(
        (times, events, groups): (&[T], &[E], &[G]),
    ) -> Option<Self> {
        let (group, time) = (groups.first()?.whole() as i64, times.first()?.whole() as i64);
        if !(0..BEYOND).contains(&time) {
            return None;
        }
        let mut own = Self::new(group, time);
        let mut places = [0; BLOCK];
        let blocks = times.chunks(BLOCK).zip(events.chunks(BLOCK)).zip(groups.chunks(BLOCK));
        for ((times, events), groups) in blocks {
            if !own.places((times, events, groups), &mut places) {
                let time = bounds(times).filter(|own| own.0 >= 0)?;
                own = own.widen(bounds(groups)?, time)?;
                if !own.places((times, events, groups), &mut places) {
                    return None; // an event that is none
                }
            }
            for &place in &places[..times.len()] {
                if let Some(slot) = own.slots.get_mut(place as usize) {
                    *slot += 1;
                }
            }
        }
        Some(own)
    }
}

fn bounds<T: Whole>(values: &[T]) -> Option<(i64, i64)> {
    let all = values.iter().map(|value| value.whole() as i64);
    Some((all.clone().min()?, all.max()?))
}

fn count<T: Whole, E: Whole, G: Whole>(
    (times, events, groups): (&[T], &[E], &[G]),
) -> Option<Counts> {
    let parts: Vec<Option<Counts>> = times
        .par_chunks(CHUNK)
        .zip(events.par_chunks(CHUNK))
        .zip(groups.par_chunks(CHUNK))
        .map(|((times, events), groups)| Counts::of((times, events, groups)))
        .collect();
    let mut parts = parts.into_iter();
    parts.next()?.and_then(|first| {
        parts.try_fold(first, |total, part| {
            let part = part?;
            let group = (part.groups.first, part.groups.last());
            let mut total = total.widen(group, (part.times.first, part.times.last()))?;
            total.add(&part);
            Some(total)
        })
    })
}

fn with_events<T: Whole, G: Whole>(times: &[T], events: &Column, groups: &[G]) -> Option<Counts> {
    match events.values() {
        Values::Int(own) => count((times, &own[..], groups)),
        Values::Bool(own) => count((times, &own[..], groups)),
        Values::Float(own) => count((times, &own[..], groups)),
        _ => None,
    }
}

fn with_times<G: Whole>(times: &Column, events: &Column, groups: &[G]) -> Option<Counts> {
    match times.values() {
        Values::Int(own) => with_events(&own[..], events, groups),
        Values::Float(own) => with_events(&own[..], events, groups),
        _ => None,
    }
}

/// Labels of categories, if no two are the same.
fn levels(text: &Text) -> Option<Vec<&str>> {
    let labels: Vec<&str> = text.levels().iter().collect();
    (labels.iter().collect::<HashSet<_>>().len() == labels.len()).then_some(labels)
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
    let Some(name) = &roles.by else {
        let counts = with_times(times, events, &vec![(); times.len()])?;
        return Some(counts.tallies(|_| String::new()));
    };
    match column(name)?.values() {
        Values::Int(groups) => {
            let counts = with_times(times, events, &groups[..])?;
            Some(counts.tallies(|group| group.to_string()))
        }
        Values::Text(text) if text.is_categorical() => {
            let labels = levels(text)?;
            let counts = match text.bytes() {
                Some(codes) => with_times(times, events, &codes[..])?,
                None => with_times(times, events, text.codes())?,
            };
            Some(counts.tallies(|group| labels[group as usize].to_owned()))
        }
        _ => None,
    }
}

impl Counts {
    /// Risk sets of the groups that have rows.
    fn tallies(&self, label: impl Fn(i64) -> String) -> Quick {
        let mut found = Quick { tallies: Vec::new(), groups: Vec::new() };
        for (group, slots) in self.slots.chunks(2 << self.times.bits).enumerate() {
            let mut left: u64 = slots.iter().map(|own| u64::from(*own)).sum();
            if left == 0 {
                continue;
            }
            let mut tally = Tally::default();
            for (step, own) in slots.chunks(2).enumerate() {
                let ended = u64::from(own[0]) + u64::from(own[1]);
                if ended > 0 {
                    tally.time.push((self.times.first + step as i64) as f64);
                    tally.at_risk.push(left as f64);
                    tally.events.push(f64::from(own[1]));
                    tally.censored.push(f64::from(own[0]));
                    left -= ended;
                }
            }
            found.tallies.push(tally);
            found.groups.push(label(self.groups.first + group as i64));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, CHUNK, Quick, quick};
    use crate::data::{Bitmap, Column, Table, Values};
    use crate::evaluate::hazard::episodes::Roles;
    use proptest::prelude::*;

    fn roles(by: bool) -> Roles {
        Roles {
            time: "time".to_owned(),
            event: "event".to_owned(),
            entry: None,
            weights: None,
            by: by.then(|| "group".to_owned()),
            several: false,
        }
    }

    fn numbers(found: Quick) -> Vec<(String, [Vec<f64>; 4])> {
        let own = found.groups.into_iter().zip(found.tallies);
        own.map(|(group, own)| (group, [own.time, own.at_risk, own.events, own.censored])).collect()
    }

    /// What is counted row by row from episodes that were read; `None` where these are refused or
    /// some are left out.
    fn slow(roles: &Roles, table: &Table) -> Option<Quick> {
        let read = roles.read(table, "survival").ok()?;
        let whole = read.time.len() == table.n_rows();
        let (tallies, groups) = read
            .tallies()
            .into_iter()
            .zip(read.groups)
            .filter(|own| !own.0.time.is_empty())
            .unzip();
        whole.then_some(Quick { tallies, groups })
    }

    fn column(kind: u8, values: &[Option<f64>]) -> Column {
        let label = |value: f64| if value.is_nan() { "none".to_owned() } else { value.to_string() };
        match kind {
            0 => Column::floats(values),
            1 => Column::ints(&values.iter().map(|own| own.map(|x| x as i64)).collect::<Vec<_>>()),
            2 => Column::new(
                Values::Bool(values.iter().map(|own| *own == Some(1.0)).collect::<Vec<_>>().into()),
                Bitmap::pack(values.iter().map(Option::is_some)),
            ),
            _ => {
                let labels: Vec<String> = values.iter().flatten().map(|x| label(*x)).collect();
                let mut levels: Vec<&str> = labels.iter().map(String::as_str).collect();
                levels.sort_unstable();
                levels.dedup();
                let code = |x: f64| levels.binary_search(&label(x).as_str()).unwrap() as u32;
                let codes: Vec<Option<u32>> = values.iter().map(|own| own.map(code)).collect();
                Column::category(&codes, &levels)
            }
        }
    }

    fn odd() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            Just(None),
            Just(Some(f64::NAN)),
            Just(Some(f64::INFINITY)),
            Just(Some(f64::NEG_INFINITY)),
            Just(Some(-0.0)),
            Just(Some(0.5)),
            Just(Some(-1.0)),
            Just(Some(2.0)),
            Just(Some(9_007_199_254_740_992.0)),
            Just(Some(1e300)),
        ]
    }

    fn values(usual: std::ops::Range<i32>, odds: u32) -> impl Strategy<Value = Option<f64>> {
        prop_oneof![60 => usual.prop_map(|x| Some(f64::from(x))), odds => odd()]
    }

    proptest! {
        #[test]
        fn counts_are_those_of_episodes_read_row_by_row(
            odds in 0_u32..2,
            runs in prop::collection::vec(
                (values(0..70, 1), values(0..2, 1), values(-3..40, 1), 1_usize..BLOCK), 1..12),
            kinds in (0_u8..2, 0_u8..3, 1_u8..4),
            by in any::<bool>(),
        ) {
            let usual = |own: Option<f64>, else_: f64| match own {
                Some(x) if x.is_finite() && x.fract() == 0.0 && (0.0..1e6).contains(&x) => own,
                _ if odds > 0 => own,
                _ => Some(else_),
            };
            let of = |pick: &dyn Fn(usize) -> Option<f64>| -> Vec<Option<f64>> {
                (0..runs.len()).flat_map(|at| std::iter::repeat_n(pick(at), runs[at].3)).collect()
            };
            let table = Table::new([
                ("time", column(kinds.0, &of(&|at| usual(runs[at].0, 3.0)))),
                ("event", column(kinds.1, &of(&|at| usual(runs[at].1, 1.0).map(|x| if odds == 0 { x.min(1.0) } else { x })))),
                ("group", column(kinds.2, &of(&|at| runs[at].2.filter(|x| x.abs() < 1e6).or((odds == 0).then_some(1.0))))),
            ]).unwrap();
            let (found, expected) = (quick(&roles(by), &table), slow(&roles(by), &table));
            if let Some(found) = found {
                prop_assert!(expected.is_some(), "counted what is refused");
                prop_assert_eq!(Some(numbers(found)), expected.map(numbers));
            } else {
                prop_assert!(odds > 0 || kinds.2 == 2, "not counted");
            }
        }
    }

    #[test]
    fn chunks_whose_numbers_lie_elsewhere_are_added() {
        let n = 2 * CHUNK + 5;
        let time = (0..n).map(|row| (900 - row / 3000) as f64).collect();
        let event = (0..n).map(|row| row % 3 == 0).collect();
        let group = (0..n).map(|row| (row / 700_000) as i64 - 1).collect();
        let table = Table::new([
            ("time", Column::float(time)),
            ("event", Column::bool(event)),
            ("group", Column::int(group)),
        ]);
        let table = table.unwrap();
        let found = numbers(quick(&roles(true), &table).unwrap());
        assert_eq!(found, numbers(slow(&roles(true), &table).unwrap()));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn numbers_far_apart_are_left_to_the_sort() {
        for (time, event) in [
            (vec![1.0, 2.0, 300_000.0], vec![1, 0, 1]),
            (vec![1.0, 2.5, 3.0], vec![1, 0, 1]),
            (vec![1.0, 2.0, -3.0], vec![1, 0, 1]),
            (vec![-3.0, 2.0, 3.0], vec![1, 0, 1]),
            (vec![1.0, 2.0, f64::NAN], vec![1, 0, 1]),
            (vec![f64::NAN, 2.0, 2.0], vec![1, 0, 1]),
            (vec![9_007_199_254_740_992.0; 3], vec![1, 0, 1]),
            (vec![f64::INFINITY; 3], vec![1, 0, 1]),
            (vec![1.0, 2.0, 3.0], vec![1, 0, 2]),
            (vec![1.0, 2.0, 3.0], vec![1, 0, -1]),
        ] {
            let table = Table::new([("time", Column::float(time)), ("event", Column::int(event))]);
            assert!(quick(&roles(false), &table.unwrap()).is_none());
        }
    }
}
