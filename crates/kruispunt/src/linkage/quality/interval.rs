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
}
