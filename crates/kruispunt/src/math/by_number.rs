//! Intervals sorted by a whole number that names their group, and by day.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::by_group::Sorted;
use super::widest::widest;
use rayon::prelude::*;

/// At most so many buckets: the lines they are written to stay in the nearest cache.
const BUCKETS: usize = 256;
/// Bits of a day.
const DAY_BITS: u32 = 22;
/// Bits that tell the numbers of one bucket apart.
const NUMBER_BITS: u32 = 64 - 2 * DAY_BITS;

/// The largest day that can be sorted so.
pub(crate) const TOP: u32 = (1 << DAY_BITS) - 1;

/// Start and end of an interval, each at most [`TOP`].
#[derive(Clone, Copy)]
pub(crate) struct Days {
    pub start: u32,
    pub end: u32,
}

/// Sorts rows by number, then start, end and row; the distinct numbers ascend.
///
/// `days` gives the interval of a row, `day` what stands for a day in the result. `None` when a
/// row has no interval, or the numbers lie too far apart for this way of sorting.
///
/// Rows go to at most 256 buckets of neighbouring numbers, in one pass, twelve bytes each, in the
/// memory that holds the answer later; each bucket then is sorted within the cache.
pub(crate) fn sort(
    numbers: &[i64],
    days: impl Fn(usize) -> Option<Days>,
    day: impl Fn(u32) -> i32 + Sync,
) -> Option<(Vec<i64>, Sorted)> {
    let (low, high) =
        numbers.iter().fold((i64::MAX, i64::MIN), |(low, high), &n| (low.min(n), high.max(n)));
    let range = usize::try_from(high.checked_sub(low)?).ok()?;
    if range >= numbers.len().saturating_mul(4) + 1024 {
        return None;
    }
    let width = (range + 1).div_ceil(BUCKETS).next_power_of_two().max(64);
    let shift = width.trailing_zeros();
    if shift > NUMBER_BITS {
        return None;
    }
    let bucket = |number: i64| ((number - low) as usize) >> shift;
    let mut ends = [0_usize; BUCKETS];
    for &number in numbers {
        ends[bucket(number)] += 1;
    }
    let mut next = [0_usize; BUCKETS];
    for at in 1..BUCKETS {
        next[at] = next[at - 1] + ends[at - 1];
    }
    let n = numbers.len();
    // until its bucket is sorted, a key of number, start and end stands in the two columns of days
    let (mut order, mut starts, mut stops) = (vec![0_u32; n], vec![0_i32; n], vec![0_i32; n]);
    for (row, &number) in numbers.iter().enumerate() {
        let Days { start, end } = days(row)?;
        let own = (number - low) as usize & (width - 1);
        let key = (own as u64) << (2 * DAY_BITS) | u64::from(start) << DAY_BITS | u64::from(end);
        let slot = &mut next[bucket(number)];
        order[*slot] = row as u32;
        (starts[*slot], stops[*slot]) = ((key >> 32) as i32, key as i32);
        *slot += 1;
    }
    let mut parts = Vec::with_capacity(BUCKETS);
    let mut rests = (&mut order[..], &mut starts[..], &mut stops[..]);
    for (at, &rows) in ends.iter().enumerate().filter(|(_, rows)| **rows > 0) {
        let (order, orders) = rests.0.split_at_mut(rows);
        let (first, firsts) = rests.1.split_at_mut(rows);
        let (last, lasts) = rests.2.split_at_mut(rows);
        let first_number = low + ((at as i64) << shift);
        parts.push((first_number, Bucket { order, starts: first, ends: last }));
        rests = (orders, firsts, lasts);
    }
    let found: Vec<(Vec<i64>, Vec<u32>)> = parts
        .into_par_iter()
        .map_init(Room::default, |room, (first, bucket)| bucket.sort(first, width, &day, room))
        .collect();
    let n_numbers = found.iter().map(|(numbers, _)| numbers.len()).sum();
    let (mut distinct, mut offsets) =
        (Vec::with_capacity(n_numbers), Vec::with_capacity(n_numbers + 1));
    offsets.push(0);
    let mut total = 0;
    for (numbers, counts) in found {
        distinct.extend(numbers);
        offsets.extend(counts.into_iter().map(|count| {
            total += count;
            total
        }));
    }
    Some((distinct, Sorted { order, offsets, starts, ends: stops }))
}

/// Room for one bucket, used again for the next.
#[derive(Default)]
struct Room {
    next: Vec<u32>,
    keys: Vec<u64>,
    rows: Vec<u32>,
}

/// The rows of one bucket, each with its key in the columns of days.
struct Bucket<'a> {
    order: &'a mut [u32],
    starts: &'a mut [i32],
    ends: &'a mut [i32],
}

impl Bucket<'_> {
    /// Puts rows and days in order: the numbers there are, and how many rows each has.
    fn sort(
        self,
        first: i64,
        width: usize,
        day: &impl Fn(u32) -> i32,
        room: &mut Room,
    ) -> (Vec<i64>, Vec<u32>) {
        let Self { order, starts, ends } = self;
        let Room { next, keys, rows } = room;
        let key = |start: i32, end: i32| u64::from(start as u32) << 32 | u64::from(end as u32);
        next.clear();
        next.resize(width + 1, 0);
        for &start in &*starts {
            next[(start as u32 >> (2 * DAY_BITS - 32)) as usize + 1] += 1;
        }
        let (mut numbers, mut counts) = (Vec::new(), Vec::new());
        for at in 0..width {
            if next[at + 1] > 0 {
                numbers.push(first + at as i64);
                counts.push(next[at + 1]);
            }
            next[at + 1] += next[at];
        }
        keys.resize(order.len(), 0);
        rows.resize(order.len(), 0);
        for ((&row, &start), &end) in order.iter().zip(&*starts).zip(&*ends) {
            let key = key(start, end);
            let slot = &mut next[(key >> (2 * DAY_BITS)) as usize];
            keys[*slot as usize] = key;
            rows[*slot as usize] = row;
            *slot += 1;
        }
        widest(
            #[inline(always)]
            || {
                by_days(&counts, keys, rows, order);
                for ((key, start), end) in keys.iter().zip(starts).zip(ends) {
                    *start = day((key >> (64 - DAY_BITS)) as u32);
                    *end = day((key >> NUMBER_BITS & u64::from(TOP)) as u32);
                }
            },
        );
        (numbers, counts)
    }
}

/// Sorts the rows of each number by their days, with the days at the top of the keys from now on.
#[inline(always)]
fn by_days(counts: &[u32], keys: &mut [u64], rows: &[u32], order: &mut [u32]) {
    let mut from = 0;
    for &count in counts {
        let own = from..from + count as usize;
        from = own.end;
        let (keys, rows) = (&mut keys[own.clone()], &rows[own.clone()]);
        let order = &mut order[own];
        if count as usize >> NUMBER_BITS > 0 {
            // more rows than can be told apart in a key
            let mut both: Vec<(u64, u32)> =
                keys.iter().copied().zip(rows.iter().copied()).collect();
            both.sort_unstable();
            for ((key, slot), (days, row)) in keys.iter_mut().zip(order).zip(both) {
                (*key, *slot) = (days << NUMBER_BITS, row);
            }
            continue;
        }
        // rows of a number come in order, so that their places settle what days leave open
        for (at, key) in keys.iter_mut().enumerate() {
            *key = *key << NUMBER_BITS | at as u64;
        }
        sort_distinct(keys);
        for (key, slot) in keys.iter().zip(order) {
            *slot = rows[(*key & ((1 << NUMBER_BITS) - 1)) as usize];
        }
    }
}

/// Sorts keys of which no two are equal. Of a few, each is compared with all: how many are less is
/// its place, and nothing is to be guessed.
#[inline(always)]
fn sort_distinct(keys: &mut [u64]) {
    const FEW: usize = 16;
    if keys.len() > FEW {
        keys.sort_unstable();
        return;
    }
    let mut all = [u64::MAX; FEW];
    for (slot, key) in all.iter_mut().zip(&*keys) {
        *slot = *key;
    }
    let mut places = [0_u64; FEW];
    for &key in &*keys {
        for (place, other) in places.iter_mut().zip(&all) {
            *place += u64::from(key < *other);
        }
    }
    for (place, key) in places.iter().zip(all).take(keys.len()) {
        keys[*place as usize] = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(numbers: &[i64], days: &[(u32, u32)]) -> Option<(Vec<i64>, Sorted)> {
        let of = |row: usize| Some(Days { start: days[row].0, end: days[row].1 });
        sort(numbers, of, |day| day as i32 - 5)
    }

    proptest! {
        #[test]
        fn sorting_gives_the_total_order(
            rows in proptest::collection::vec((-400_i64..400, 0_u32..6, 0_u32..3), 1..80),
            far in any::<bool>(),
        ) {
            let numbers: Vec<i64> =
                rows.iter().map(|row| if far { row.0 } else { row.0 / 100 }).collect();
                let days: Vec<(u32, u32)> = rows
                .iter()
                .map(|row| (row.1, if row.2 == 2 { TOP } else { row.1 + row.2 }))
                .collect();
            let (distinct, found) = sorted(&numbers, &days).unwrap();
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by_key(|&row| (numbers[row], days[row], row));
            for (at, &row) in order.iter().enumerate() {
                prop_assert_eq!(found.order[at] as usize, row);
                prop_assert_eq!(found.starts[at], days[row].0 as i32 - 5);
                prop_assert_eq!(found.ends[at], days[row].1 as i32 - 5);
            }
            let mut known = numbers.clone();
            known.sort_unstable();
            known.dedup();
            prop_assert_eq!(&distinct, &known);
            for (at, number) in known.iter().enumerate() {
                let own = found.offsets[at] as usize..found.offsets[at + 1] as usize;
                let all = numbers.iter().filter(|own| *own == number).count();
                prop_assert!(own.len() == all);
                prop_assert!(own.clone().all(|at| numbers[found.order[at] as usize] == *number));
            }
        }
    }

    #[test]
    fn what_cannot_be_sorted_so_is_left() {
        assert!(sorted(&[0, i64::MAX], &[(0, 1), (0, 1)]).is_none());
        assert!(sorted(&[i64::MIN, i64::MAX], &[(0, 1), (0, 1)]).is_none());
        assert!(
            sort(&[1, 2], |row| (row == 0).then_some(Days { start: 0, end: 1 }), |day| day as i32)
                .is_none()
        );
        assert!(sorted(&[7], &[(0, 1)]).is_some());
    }
}
