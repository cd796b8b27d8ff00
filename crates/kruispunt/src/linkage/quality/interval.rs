//! Intervals of shares.

/// The 97.5 percent point of the standard normal.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval of a share at 95 percent (Wilson 1927, *JASA* 22:209); `part` and `whole`
/// may be effective numbers.
pub(in crate::linkage) fn wilson(part: f64, whole: f64) -> Option<[f64; 2]> {
    if whole.is_nan() || whole <= 0.0 {
        return None;
    }
    let (n, p) = (whole, part / whole);
    let scale = 1.0 + Z * Z / n;
    let middle = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the bound is the share itself, whatever the rounding.
    let low = if p <= 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if p >= 1.0 { 1.0 } else { (middle + half).min(1.0) };
    Some([low, high])
}

/// At 95 percent, how many of `all` units have what `hits` of `looked` drawn without replacement
/// have: mid-p limits of the hypergeometric distribution (Lancaster 1961, *JASA* 56:223).
///
/// Wilson's interval is too short at the far end where few are seen that differ from the rest: of
/// 1 in 100 it says at least 0.18 percent, and samples with one stray unit are drawn from fewer.
pub(super) fn of_finite(all: u64, looked: u64, hits: u64) -> [f64; 2] {
    let low = |with: u64| tail(all, looked, with, hits) >= TAIL;
    // looked at the other way round, hits are misses
    let high = |with: u64| tail(all, looked, all - with, looked - hits) >= TAIL;
    let (least, most) = (hits, all - (looked - hits));
    [first(least, most, &low) as f64, last(least, most, &high) as f64]
}

/// Half of 5 percent.
const TAIL: f64 = 0.025;

/// The chance to draw more than `hits` of those `with` it, and half of that to draw as many.
fn tail(all: u64, looked: u64, with: u64, hits: u64) -> f64 {
    let choose = |n: u64, k: u64| {
        let ln = |n: u64| libm::lgamma(n as f64 + 1.0);
        ln(n) - ln(k) - ln(n - k)
    };
    let total = choose(all, looked);
    let chance = |own: u64| {
        if own > with || looked - own > all - with {
            return 0.0;
        }
        libm::exp(choose(with, own) + choose(all - with, looked - own) - total)
    };
    // the sum over the shorter side
    if 2 * hits >= looked {
        0.5 * chance(hits) + (hits + 1..=looked).map(chance).sum::<f64>()
    } else {
        1.0 - 0.5 * chance(hits) - (0..hits).map(chance).sum::<f64>()
    }
}

/// The first place from which on it holds; the last of all when nowhere else.
fn first(mut low: u64, mut high: u64, holds: &dyn Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// The last place up to which it holds; the first of all when nowhere else.
fn last(mut low: u64, mut high: u64, holds: &dyn Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = high - (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

/// Wilson's interval of a share with this variance: of as many independent units as would have
/// it. At 0 and 1, and without variance, of `units`.
pub(super) fn effective(share: f64, variance: f64, units: f64) -> Option<[f64; 2]> {
    let spread = share * (1.0 - share);
    let n = if spread > 0.0 && variance > 0.0 { spread / variance } else { units };
    wilson(share * n, n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_gives_the_textbook_interval() {
        // Closed form at p = 1/2, n = 4: 1/2 -+ z / (2 sqrt(n + z^2)).
        let half = Z / (2.0 * (4.0 + Z * Z).sqrt());
        let [low, high] = wilson(2.0, 4.0).unwrap();
        assert!((low - (0.5 - half)).abs() < 1e-12 && (high - (0.5 + half)).abs() < 1e-12);
        assert_eq!(wilson(0.0, 0.0), None);
        assert_eq!(wilson(5.0, 5.0).unwrap()[1], 1.0);
    }

    #[test]
    fn independent_units_give_back_wilsons_interval() {
        let plain = wilson(30.0, 40.0).unwrap();
        let same = effective(0.75, 0.75 * 0.25 / 40.0, 40.0).unwrap();
        assert!((plain[0] - same[0]).abs() < 1e-12 && (plain[1] - same[1]).abs() < 1e-12);
        assert_eq!(effective(1.0, 0.0, 12.0), wilson(12.0, 12.0));
    }

    /// By counting: all draws of `looked` out of `all`, as whole numbers.
    #[test]
    fn finite_limits_are_those_of_counting() {
        let choose = |n: u64, k: u64| -> u128 {
            if k > n { 0 } else { (0..k).fold(1, |c, i| c * u128::from(n - i) / u128::from(i + 1)) }
        };
        for (all, looked) in [(1, 1), (7, 3), (20, 12), (40, 9), (33, 33)] {
            for hits in 0..=looked {
                let draws = |with: u64, range: std::ops::Range<u64>| -> f64 {
                    let count = |own: u64| choose(with, own) * choose(all - with, looked - own);
                    range.map(count).sum::<u128>() as f64 / choose(all, looked) as f64
                };
                let possible: Vec<u64> = (hits..=all - (looked - hits))
                    .filter(|&with| {
                        let same = 0.5 * draws(with, hits..hits + 1);
                        let (above, below) =
                            (draws(with, hits + 1..looked + 1), draws(with, 0..hits));
                        above + same >= TAIL - 1e-9 && below + same >= TAIL - 1e-9
                    })
                    .collect();
                let [low, high] = of_finite(all, looked, hits);
                assert_eq!(low, possible[0] as f64, "{hits} of {looked} of {all}");
                assert_eq!(
                    high,
                    possible[possible.len() - 1] as f64,
                    "{hits} of {looked} of {all}"
                );
            }
        }
    }

    /// Of very many units they are those of the binomial distribution.
    #[test]
    fn finite_limits_of_many_units_are_binomial() {
        let all = 4_000_000_000_u64;
        let [low, high] = of_finite(all, 100, 1).map(|own| own / all as f64);
        let below = |p: f64| libm::pow(1.0 - p, 100.0);
        let same = |p: f64| 100.0 * p * libm::pow(1.0 - p, 99.0);
        assert!((1.0 - below(low) - 0.5 * same(low) - TAIL).abs() < 1e-4);
        assert!((below(high) + 0.5 * same(high) - TAIL).abs() < 1e-4);
        assert_eq!(of_finite(all, 100, 0)[0], 0.0);
        assert_eq!(of_finite(all, 100, 100)[1], all as f64);
    }
}
