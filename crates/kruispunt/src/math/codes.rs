//! Dense codes for values: equal values share a code, codes have no gaps.

use rustc_hash::FxHashMap;

/// Codes and, for each level, the first row that has it.
pub(crate) struct Coded {
    pub(crate) codes: Vec<u32>,
    pub(crate) first: Vec<u32>,
}

/// Codes of the whole numbers `value(0), ..., value(n - 1)`: in the order of the numbers where
/// their range is small beside `n`, else in the order of first appearance.
pub(crate) fn integers(n: usize, value: impl Fn(usize) -> i64) -> Coded {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for row in 0..n {
        let own = value(row);
        low = low.min(own);
        high = high.max(own);
    }
    if n == 0 {
        return Coded { codes: Vec::new(), first: Vec::new() };
    }
    let range = i128::from(high) - i128::from(low) + 1;
    let room = (4 * n).clamp(1 << 16, 1 << 31) as i128;
    if range <= room {
        return bounded(n, range as usize, |row| (value(row) - low) as u32);
    }
    hashed(n, value)
}

/// Codes of numbers below `range`, in their order.
pub(crate) fn bounded(n: usize, range: usize, value: impl Fn(usize) -> u32) -> Coded {
    let mut first = vec![u32::MAX; range];
    let mut codes = Vec::with_capacity(n);
    for row in 0..n {
        let own = value(row);
        let slot = &mut first[own as usize];
        *slot = (*slot).min(row as u32);
        codes.push(own);
    }
    if first.contains(&u32::MAX) {
        let mut next = 0;
        let mut place = Vec::with_capacity(range);
        for &row in &first {
            place.push(next);
            next += u32::from(row != u32::MAX);
        }
        for code in &mut codes {
            *code = place[*code as usize];
        }
        first.retain(|&row| row != u32::MAX);
    }
    Coded { codes, first }
}

/// Codes in the order of first appearance.
pub(crate) fn hashed(n: usize, value: impl Fn(usize) -> i64) -> Coded {
    let mut known: FxHashMap<i64, u32> = FxHashMap::default();
    let mut first = Vec::new();
    let mut codes = Vec::with_capacity(n);
    let mut last: Option<(i64, u32)> = None;
    for row in 0..n {
        let own = value(row);
        let code = match last {
            Some((before, code)) if before == own => code,
            _ => *known.entry(own).or_insert_with(|| {
                first.push(row as u32);
                first.len() as u32 - 1
            }),
        };
        last = Some((own, code));
        codes.push(code);
    }
    Coded { codes, first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The slow twin: levels in order, then a look-up for each row.
    fn obvious(values: &[i64]) -> (Vec<u32>, Vec<u32>) {
        let mut first = BTreeMap::new();
        for (row, value) in values.iter().enumerate() {
            first.entry(*value).or_insert(row as u32);
        }
        let codes = values
            .iter()
            .map(|value| first.keys().position(|own| own == value).unwrap() as u32)
            .collect();
        (codes, first.into_values().collect())
    }

    proptest! {
        #[test]
        fn equals_the_slow_twin(values in proptest::collection::vec(-40_i64..40, 0..80)) {
            let coded = integers(values.len(), |row| values[row]);
            let (codes, first) = obvious(&values);
            prop_assert_eq!(&coded.codes, &codes);
            prop_assert_eq!(&coded.first, &first);
            // by hashing: the same partition, levels by first appearance
            let hashed = hashed(values.len(), |row| values[row]);
            for (row, code) in hashed.codes.iter().enumerate() {
                prop_assert_eq!(values[hashed.first[*code as usize] as usize], values[row]);
            }
            let mut order = first;
            order.sort_unstable();
            prop_assert_eq!(hashed.first, order);
        }
    }

    #[test]
    fn far_apart_numbers_are_hashed() {
        let values = [i64::MAX, i64::MIN, 0, i64::MAX];
        let coded = integers(4, |row| values[row]);
        assert_eq!(coded.codes, [0, 1, 2, 0]);
        assert_eq!(coded.first, [0, 1, 2]);
        assert!(integers(0, |_| 0).codes.is_empty());
    }
}
