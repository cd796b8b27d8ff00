//! Sorting by counting.

/// Bits of a digit.
const DIGIT: u32 = 11;

/// Sorts numbers by their bits from `low` up to `high`, keeping the order of equals.
pub fn sort(numbers: &mut Vec<u64>, low: u32, high: u32) {
    let mut other = vec![0_u64; numbers.len()];
    let mut shift = low;
    while shift < high {
        let mask = (1_u64 << DIGIT.min(high - shift)) - 1;
        let mut starts = vec![0_u32; mask as usize + 2];
        for number in numbers.iter() {
            starts[(number >> shift & mask) as usize + 1] += 1;
        }
        for digit in 0..=mask as usize {
            starts[digit + 1] += starts[digit];
        }
        for &number in numbers.iter() {
            let place = &mut starts[(number >> shift & mask) as usize];
            other[*place as usize] = number;
            *place += 1;
        }
        std::mem::swap(numbers, &mut other);
        shift += DIGIT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library(mut numbers in proptest::collection::vec(0_u64..u64::MAX, 0..200), low in 0_u32..30, width in 0_u32..34) {
            let high = low + width;
            let part = |number: &u64| number >> low & ((1_u64 << width) - 1);
            let mut expected = numbers.clone();
            expected.sort_by_key(part);
            sort(&mut numbers, low, high);
            prop_assert_eq!(numbers, expected);
        }
    }
}
