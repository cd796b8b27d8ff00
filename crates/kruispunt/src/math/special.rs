//! Distribution functions on libm: normal, t, F and chi-squared, to about 1e-12 relative also in
//! the tails.
//!
//! Prefactors follow the saddle-point form of Loader (2000, *Fast and accurate computation of
//! binomial probabilities*), which keeps its digits where `lgamma` differences lose them; the
//! integrals are continued fractions (Lentz) or series.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

const EPS: f64 = 1e-17;
const TINY: f64 = 1e-300;
const MAX_TERMS: usize = 1_000_000;

/// e to the x, to one unit in the last place; not below e^-708 and not above e^709. Without
/// branches, so that a loop over rows does several side by side.
#[allow(clippy::inline_always, reason = "to be compiled for wide registers where it is called")]
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // x = n ln 2 + r; adding SHIFT leaves n in the last bits
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-708.0, 709.0);
    let shifted = x * std::f64::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let (r2, r4) = (r * r, (r * r) * (r * r));
    let low = (1.0 / 2.0 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0));
    let middle = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40_320.0 + r * (1.0 / 362_880.0));
    let high = (1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0))
        + r2 * (1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0));
    let fraction = 1.0 + (r + r2 * (low + r4 * (middle + r4 * high)));
    fraction * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// P(X > x) of the standard normal.
pub(crate) fn normal_sf(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// P(X <= x) of the standard normal.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    normal_sf(-x)
}

/// The x with P(X <= x) = `p`.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    two_sided(p, normal_sf)
}

/// P(T > t) of Student's t with `df` degrees of freedom.
pub(crate) fn t_sf(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if df.is_infinite() || df > 1e15 {
        return normal_sf(t);
    }
    let ratio = t * t / df;
    let x = 1.0 / (1.0 + ratio);
    let y = if ratio.is_infinite() { 1.0 } else { ratio / (1.0 + ratio) };
    let (tail, rest) = beta_parts(0.5 * df, 0.5, x, y);
    if t >= 0.0 { 0.5 * tail } else { 0.5 + 0.5 * rest }
}

/// P(|T| > |t|).
pub(crate) fn t_two_sided(t: f64, df: f64) -> f64 {
    2.0 * t_sf(t.abs(), df)
}

/// P(T <= t).
pub(crate) fn t_cdf(t: f64, df: f64) -> f64 {
    t_sf(-t, df)
}

/// The t with P(T <= t) = `p`.
pub(crate) fn t_quantile(p: f64, df: f64) -> f64 {
    two_sided(p, |t| t_sf(t, df))
}

/// P(F > f) with `d1` and `d2` degrees of freedom.
pub(crate) fn f_sf(f: f64, d1: f64, d2: f64) -> f64 {
    f_parts(f, d1, d2).1
}

/// P(F <= f).
pub(crate) fn f_cdf(f: f64, d1: f64, d2: f64) -> f64 {
    f_parts(f, d1, d2).0
}

/// The f with P(F <= f) = `p`.
pub(crate) fn f_quantile(p: f64, d1: f64, d2: f64) -> f64 {
    positive_quantile(p, |f| f_parts(f, d1, d2))
}

/// P(X > x) of chi-squared with `df` degrees of freedom.
pub(crate) fn chi2_sf(x: f64, df: f64) -> f64 {
    gamma_parts(0.5 * df, 0.5 * x).1
}

/// P(X <= x) of chi-squared.
pub(crate) fn chi2_cdf(x: f64, df: f64) -> f64 {
    gamma_parts(0.5 * df, 0.5 * x).0
}

/// The x with P(X <= x) = `p`.
pub(crate) fn chi2_quantile(p: f64, df: f64) -> f64 {
    positive_quantile(p, |x| gamma_parts(0.5 * df, 0.5 * x))
}

fn f_parts(f: f64, d1: f64, d2: f64) -> (f64, f64) {
    if [f, d1, d2].iter().any(|v| v.is_nan()) || d1 <= 0.0 || d2 <= 0.0 {
        return (f64::NAN, f64::NAN);
    }
    if f <= 0.0 {
        return (0.0, 1.0);
    }
    if d2.is_infinite() || d2 > 1e15 {
        return gamma_parts(0.5 * d1, 0.5 * d1 * f);
    }
    let ratio = d1 * f / d2;
    let x = 1.0 / (1.0 + ratio);
    let y = if ratio.is_infinite() { 1.0 } else { ratio / (1.0 + ratio) };
    let (upper, lower) = beta_parts(0.5 * d2, 0.5 * d1, x, y);
    (lower, upper)
}

/// ln n! minus Stirling's approximation of it.
fn stirling_error(n: f64) -> f64 {
    if n > 15.0 {
        let s = 1.0 / (n * n);
        let inner = 1.0 / 1680.0 - s * (1.0 / 1188.0 - s * 691.0 / 360_360.0);
        return (1.0 / 12.0 - s * (1.0 / 360.0 - s * (1.0 / 1260.0 - s * inner))) / n;
    }
    libm::lgamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * (2.0 * PI).ln()
}

/// x ln(x / m) + m - x without cancellation.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() < 0.1 * (x + m) {
        let v = (x - m) / (x + m);
        let mut sum = (x - m) * v;
        let mut term = 2.0 * x * v;
        let square = v * v;
        for j in 1..1000 {
            term *= square;
            let next = sum + term / f64::from(2 * j + 1);
            if next == sum {
                break;
            }
            sum = next;
        }
        return sum;
    }
    x * (x / m).ln() + m - x
}

/// The regularised incomplete beta `I_x(a, b)` and its complement, with y = 1 - x.
fn beta_parts(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let n = a + b;
    let log = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    let front = log.exp() * (a / n * b / (2.0 * PI)).sqrt();
    if x < (a + 1.0) / (n + 2.0) {
        let lower = front * beta_fraction(a, b, x, y);
        (lower, 1.0 - lower)
    } else {
        let upper = front * beta_fraction(b, a, y, x);
        (1.0 - upper, upper)
    }
}

/// The continued fraction of `DiDonato` & Morris (1992, *ACM TOMS* 18, eq. 9), whose terms are
/// formed from y where x is near 1.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let gap = if x > 0.5 { (a + b) * y - b } else { a - (a + b) * x };
    let denominator = |m: f64| {
        m + m * (b - m) * x / (a + 2.0 * m - 1.0)
            + (a + m) * (gap + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    let mut h = guard(a * (gap + 1.0) / (a + 1.0));
    let (mut c, mut d) = (h, 0.0);
    for step in 1..MAX_TERMS {
        let m = step as f64;
        let odd = a + 2.0 * m - 1.0;
        let above = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * (x / odd) * (x / odd);
        let below = denominator(m);
        d = 1.0 / guard(below + above * d);
        c = guard(below + above / c);
        let change = c * d;
        h *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 / h
}

/// The regularised incomplete gamma P(a, x) and Q(a, x).
fn gamma_parts(a: f64, x: f64) -> (f64, f64) {
    if x.is_nan() || a.is_nan() || a <= 0.0 {
        return (f64::NAN, f64::NAN);
    }
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x.is_infinite() {
        return (1.0, 0.0);
    }
    let front = (-stirling_error(a) - deviance(a, x)).exp() / (2.0 * PI * a).sqrt();
    if x < a + 1.0 {
        let (mut sum, mut term) = (1.0, 1.0);
        for n in 1..MAX_TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < EPS * sum {
                break;
            }
        }
        let lower = front * sum;
        return (lower, 1.0 - lower);
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for n in 1..MAX_TERMS {
        let i = n as f64;
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let change = d * c;
        h *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    let upper = front * a * h;
    (1.0 - upper, upper)
}

/// Inverts a distribution symmetric about 0 by its upper tail.
fn two_sided(p: f64, sf: impl Fn(f64) -> f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let tail = p.min(1.0 - p);
    if tail == 0.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let x = bisect(|x| sf(x) > tail);
    if p < 0.5 { -x } else { x }
}

/// Inverts a distribution on (0, inf) by whichever tail is smaller.
fn positive_quantile(p: f64, parts: impl Fn(f64) -> (f64, f64)) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return 0.0;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if p <= 0.5 { bisect(|x| parts(x).0 < p) } else { bisect(|x| parts(x).1 > 1.0 - p) }
}

/// The x >= 0 where `below` turns from true to false.
fn bisect(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    while below(high) && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..2000 {
        let mid = if low > 0.0 || high < 1e-290 { low.midpoint(high) } else { high / 16.0 };
        if mid <= low || mid >= high {
            break;
        }
        if below(mid) {
            low = mid;
        } else {
            high = mid;
        }
    }
    low.midpoint(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

    fn close(got: f64, expected: f64, rel: f64) {
        let gap = (got - expected).abs();
        assert!(gap <= rel * expected.abs(), "{got:e} is not {expected:e}");
    }

    /// `tests/oracles/special/make.py` (mpmath, 50 digits) writes the table.
    #[test]
    fn agrees_with_mpmath_in_the_middle_and_in_the_tails() {
        let text = include_str!("../../tests/oracles/special/expected.json");
        let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
        let number = |v: &serde_json::Value| v.as_str().unwrap().parse::<f64>().unwrap();
        for row in oracle["rows"].as_array().unwrap() {
            let args: Vec<f64> = row["args"].as_array().unwrap().iter().map(number).collect();
            let value = number(&row["value"]);
            let name = row["function"].as_str().unwrap();
            let got = match name {
                "normal_sf" => normal_sf(args[0]),
                "normal_quantile" => normal_quantile(args[0]),
                "t_sf" => t_sf(args[0], args[1]),
                "t_quantile" => t_quantile(args[0], args[1]),
                "f_sf" => f_sf(args[0], args[1], args[2]),
                "f_cdf" => f_cdf(args[0], args[1], args[2]),
                "chi2_sf" => chi2_sf(args[0], args[1]),
                "chi2_cdf" => chi2_cdf(args[0], args[1]),
                other => panic!("unknown function {other}"),
            };
            let gap = if got == value { 0.0 } else { (got - value).abs() / value.abs() };
            assert!(gap < 1e-12, "{name}{args:?}: {got:e} is not {value:e} ({gap:.1e})");
        }
    }

    #[test]
    fn exponentials_are_right_to_the_last_place() {
        for step in -70_800..=70_900 {
            let x = f64::from(step) * 0.01 + 1e-5 * f64::from(step % 7);
            let x = x.clamp(-708.0, 709.0);
            close(exp(x), libm::exp(x), 4.0 * f64::EPSILON);
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(1e4), exp(709.0));
        assert_eq!(exp(f64::NEG_INFINITY), exp(-708.0));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn quantiles_invert_their_distributions() {
        for p in [1e-12, 0.001, 0.2, 0.5, 0.77, 0.999] {
            close(normal_cdf(normal_quantile(p)), p, 1e-12);
            for df in [1.0, 2.5, 30.0, 1e6] {
                close(t_cdf(t_quantile(p, df), df), p, 1e-12);
                close(chi2_cdf(chi2_quantile(p, df), df), p, 1e-12);
                close(f_cdf(f_quantile(p, 3.0, df), 3.0, df), p, 1e-12);
            }
        }
        assert!(normal_quantile(0.5).abs() < 1e-15);
        assert!(t_quantile(1.5, 3.0).is_nan() && t_sf(f64::NAN, 3.0).is_nan());
        assert_eq!((f_sf(-1.0, 2.0, 3.0), chi2_sf(0.0, 2.0)), (1.0, 1.0));
    }

    #[test]
    fn agrees_with_statrs_where_it_is_good() {
        let f = FisherSnedecor::new(3.0, 17.0).unwrap();
        let chi2 = ChiSquared::new(7.0).unwrap();
        for x in [0.1, 0.9, 2.0, 5.0, 11.0] {
            close(f_cdf(x, 3.0, 17.0), f.cdf(x), 1e-10);
            close(chi2_cdf(x, 7.0), chi2.cdf(x), 1e-10);
        }
    }
}
