//! Intervals sorted by group and day.

use rayon::prelude::*;

/// Intervals in order of group, start, end and row.
pub(crate) struct Sorted {
    /// The row of each interval.
    pub order: Vec<u32>,
    /// Where each group starts, and last the number of intervals.
    pub offsets: Vec<u32>,
    pub starts: Vec<i32>,
    pub ends: Vec<i32>,
}

/// At most so many buckets: as many streams of writes the caches hold.
const BUCKETS: usize = 1024;
/// At least so many groups a bucket.
const GROUPS: usize = 256;

/// An interval on its way to its bucket.
#[derive(Clone, Copy, Default)]
struct Packed {
    group: u32,
    row: u32,
    /// Start and end, in one number of the same order.
    days: u64,
}

/// Start and end as one number that grows with start, then end.
const fn packed(start: i32, end: i32) -> u64 {
    const SIGN: u32 = 1 << 31;
    ((start as u32 ^ SIGN) as u64) << 32 | (end as u32 ^ SIGN) as u64
}

const fn unpacked(days: u64) -> (i32, i32) {
    const SIGN: u32 = 1 << 31;
    (((days >> 32) as u32 ^ SIGN) as i32, (days as u32 ^ SIGN) as i32)
}

/// Sorts rows by group, then start, end and row.
///
/// Rows of group `u32::MAX` are left out. Rows go to buckets of neighbouring groups first, in one
/// pass that writes in runs; each bucket then is sorted within the cache: O(n) when groups are small.
pub(crate) fn sort(n_groups: usize, groups: &[u32], starts: Vec<i32>, ends: Vec<i32>) -> Sorted {
    let mut offsets = vec![0_u32; n_groups + 1];
    for &group in groups.iter().filter(|group| **group != u32::MAX) {
        offsets[group as usize + 1] += 1;
    }
    for group in 0..n_groups {
        offsets[group + 1] += offsets[group];
    }
    let n = offsets[n_groups] as usize;
    if n == groups.len() && is_sorted(groups, &starts, &ends) {
        return Sorted { order: (0..n as u32).collect(), offsets, starts, ends };
    }
    let width = n_groups.div_ceil(BUCKETS).next_power_of_two().max(GROUPS);
    let shift = width.trailing_zeros();
    let mut next: Vec<usize> =
        (0..n_groups).step_by(width).map(|first| offsets[first] as usize).collect();
    let mut buckets = vec![Packed::default(); n];
    for (row, &group) in groups.iter().enumerate().filter(|(_, group)| **group != u32::MAX) {
        let slot = &mut next[(group >> shift) as usize];
        buckets[*slot] = Packed { group, row: row as u32, days: packed(starts[row], ends[row]) };
        *slot += 1;
    }
    drop((starts, ends));
    let (mut order, mut first, mut last) = (vec![0_u32; n], vec![0_i32; n], vec![0_i32; n]);
    let mut parts = Vec::with_capacity(next.len());
    let mut rests = (&buckets[..], &mut order[..], &mut first[..], &mut last[..]);
    for from in (0..n_groups).step_by(width) {
        let to = (from + width).min(n_groups);
        let rows = (offsets[to] - offsets[from]) as usize;
        let (packed, rest) = rests.0.split_at(rows);
        let (order, orders) = rests.1.split_at_mut(rows);
        let (first, firsts) = rests.2.split_at_mut(rows);
        let (last, lasts) = rests.3.split_at_mut(rows);
        parts.push((&offsets[from..=to], from, packed, order, first, last));
        rests = (rest, orders, firsts, lasts);
    }
    parts.into_par_iter().for_each_init(
        || (Vec::<u32>::new(), Vec::<(u64, u32)>::new()),
        |(next, keys), (offsets, from, packed, order, first, last)| {
            let base = offsets[0];
            next.clear();
            next.extend(offsets.iter().map(|at| at - base));
            keys.clear();
            keys.resize(packed.len(), (0, 0));
            for one in packed {
                let slot = &mut next[one.group as usize - from];
                keys[*slot as usize] = (one.days, one.row);
                *slot += 1;
            }
            for pair in offsets.windows(2) {
                // rows of a group come in order, so that only the days decide
                let own = (pair[0] - base) as usize..(pair[1] - base) as usize;
                keys[own].sort_unstable();
            }
            for (at, (days, row)) in keys.iter().enumerate() {
                order[at] = *row;
                (first[at], last[at]) = unpacked(*days);
            }
        },
    );
    Sorted { order, offsets, starts: first, ends: last }
}

/// Whether rows stand in order of group, start and end.
fn is_sorted(groups: &[u32], starts: &[i32], ends: &[i32]) -> bool {
    (1..groups.len()).all(|at| {
        groups[at - 1] < groups[at]
            || groups[at - 1] == groups[at]
                && packed(starts[at - 1], ends[at - 1]) <= packed(starts[at], ends[at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorting_gives_the_total_order(
            rows in proptest::collection::vec((0_u32..900, -5..5, 0..9), 0..60)
        ) {
            let absent = |group: u32| if group % 7 == 6 { u32::MAX } else { group };
            let groups: Vec<u32> = rows.iter().map(|row| absent(row.0)).collect();
            let starts: Vec<i32> = rows.iter().map(|row| row.1).collect();
            let ends: Vec<i32> = rows.iter().map(|row| row.1 + row.2).collect();
            let sorted = sort(900, &groups, starts.clone(), ends.clone());
            let mut naive: Vec<usize> =
                (0..rows.len()).filter(|&row| groups[row] != u32::MAX).collect();
            naive.sort_by_key(|&row| (groups[row], starts[row], ends[row], row));
            prop_assert_eq!(sorted.offsets[900] as usize, naive.len());
            for (at, &row) in naive.iter().enumerate() {
                prop_assert_eq!(sorted.order[at] as usize, row);
                prop_assert_eq!((sorted.starts[at], sorted.ends[at]), (starts[row], ends[row]));
            }
        }
    }

    #[test]
    fn the_ends_of_time_sort_too() {
        let starts = [i32::MAX, i32::MIN, 0, -1];
        let ends = [i32::MAX, i32::MIN, i32::MAX, 0];
        let sorted = sort(1, &[0; 4], starts.to_vec(), ends.to_vec());
        assert_eq!(sorted.order, [1, 3, 2, 0]);
        assert_eq!(sorted.starts, [i32::MIN, -1, 0, i32::MAX]);
        assert_eq!(sort(0, &[], Vec::new(), Vec::new()).order.len(), 0);
        assert_eq!(sort(2, &[u32::MAX; 2], vec![0; 2], vec![1; 2]).offsets, [0, 0, 0]);
    }
}
