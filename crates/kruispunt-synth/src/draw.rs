//! Draws that depend on who and what, never on when or on which thread.

use kruispunt::data::Seed;

/// What is drawn; each has its own stream.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Purpose {
    Household = 1,
    Person,
    State,
    Start,
    Death,
    Wage,
    Job,
    Employer,
    Place,
    Name,
    Insz,
    Misspell,
    Vdab,
    Kbi,
    Permit,
    Municipality,
    Rollout,
    Fault,
    Code,
    Silent,
    Asylum,
}

/// The draws of one person (or household, employer, municipality).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    seed: Seed,
    key: u64,
}

impl Draws {
    pub(crate) const fn new(seed: Seed, key: u64) -> Self {
        Self { seed, key }
    }

    pub(crate) const fn words(self, purpose: Purpose, a: u64, b: u64) -> [u64; 4] {
        self.seed.stream(purpose as u64).words([self.key, a, b, 2])
    }

    pub(crate) fn unit(self, purpose: Purpose, a: u64, b: u64) -> f64 {
        Seed::unit(self.words(purpose, a, b)[0])
    }

    pub(crate) fn chance(self, purpose: Purpose, a: u64, b: u64, p: f64) -> bool {
        self.unit(purpose, a, b) < p
    }

    /// A whole number below `n`.
    pub(crate) fn below(self, purpose: Purpose, a: u64, b: u64, n: usize) -> usize {
        scaled(self.unit(purpose, a, b), n)
    }

    pub(crate) fn normal(self, purpose: Purpose, a: u64, b: u64) -> f64 {
        normal(self.unit(purpose, a, b))
    }
}

/// A uniform number as a whole number below `n`.
pub(crate) fn scaled(u: f64, n: usize) -> usize {
    ((u * n as f64) as usize).min(n.saturating_sub(1))
}

/// The index at which the running sum of `weights` passes `u` times their total.
pub(crate) fn pick(u: f64, weights: &[f64]) -> usize {
    let target = u * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    for (at, weight) in weights.iter().enumerate() {
        sum += weight;
        if target < sum {
            return at;
        }
    }
    weights.len().saturating_sub(1)
}

/// Standard Gumbel of a uniform number.
pub(crate) fn gumbel(u: f64) -> f64 {
    -(-u.ln()).ln()
}

/// Quantile of the standard normal distribution.
///
/// Acklam's rational approximation (relative error below 1.2e-9), which is ample for simulation.
pub(crate) fn normal(u: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const TAIL: f64 = 0.024_25;
    let tail = |q: f64| {
        let top = C.iter().fold(0.0, |sum, c| sum * q + c);
        let bottom = D.iter().fold(0.0, |sum, d| sum * q + d) * q + 1.0;
        top / bottom
    };
    if u < TAIL {
        tail((-2.0 * u.ln()).sqrt())
    } else if u > 1.0 - TAIL {
        -tail((-2.0 * (1.0 - u).ln()).sqrt())
    } else {
        let q = u - 0.5;
        let r = q * q;
        let top = A.iter().fold(0.0, |sum, a| sum * r + a) * q;
        let bottom = B.iter().fold(0.0, |sum, b| sum * r + b) * r + 1.0;
        top / bottom
    }
}

/// A keyed permutation of the numbers below `2^40`: different keys give different numbers, and
/// the numbers tell nothing about order.
pub(crate) fn permute(seed: Seed, domain: u64, number: u64) -> u64 {
    const HALF: u64 = (1 << 20) - 1;
    let round_key = seed.stream(9_000 + domain);
    let (mut left, mut right) = (number >> 20 & HALF, number & HALF);
    for round in 0..6 {
        let mixed = round_key.words([right, round, domain, 7])[0] & HALF;
        (left, right) = (right, left ^ mixed);
    }
    left << 20 | right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of Abramowitz & Stegun 1964, table 26.1 read backwards.
    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (u, z) in [
            (0.5, 0.0),
            (0.841_344_746_068_542_9, 1.0),
            (0.977_249_868_051_820_8, 2.0),
            (0.998_650_101_968_369_9, 3.0),
        ] {
            assert!((normal(u) - z).abs() < 1e-8 * (1.0 + z.abs()) + 4e-9);
            assert!((normal(1.0 - u) + z).abs() < 1e-8 * (1.0 + z.abs()) + 4e-9);
        }
    }

    #[test]
    fn permuted_numbers_stay_different() {
        let seed = Seed::new(1);
        let mut made: Vec<u64> = (0..20_000).map(|n| permute(seed, 1, n)).collect();
        assert!(made.windows(2).filter(|pair| pair[0] < pair[1]).count() < 11_000);
        made.sort_unstable();
        made.dedup();
        assert_eq!(made.len(), 20_000);
    }
}
