//! Randomness that depends on what is drawn, not on when.

use serde::{Deserialize, Serialize};

/// A counter-based source of randomness: the same seed and the same counter give the same
/// numbers, in any order and on any thread.
///
/// Philox4x64-10 (Salmon, Moraes, Dror & Shaw 2011, *SC '11*), as `numpy.random.Philox` computes
/// it. The counter names what is drawn (person, quarter, purpose); the key is seed and stream.
///
/// ```
/// use kruispunt::data::Seed;
/// let seed = Seed::new(1);
/// let draw = seed.stream(7).uniform([42, 3, 0]);
/// assert_eq!(draw, seed.stream(7).uniform([42, 3, 0]));
/// assert!(0.0 < draw && draw < 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed {
    key: [u64; 2],
}

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];

impl Seed {
    /// A seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { key: [seed, 0] }
    }

    /// An independent stream of the same seed.
    #[must_use]
    pub const fn stream(self, stream: u64) -> Self {
        Self { key: [self.key[0], stream] }
    }

    /// Four random words for a counter.
    #[must_use]
    pub const fn words(self, counter: [u64; 4]) -> [u64; 4] {
        let (mut c, mut key) = (counter, self.key);
        let mut round = 0;
        while round < 10 {
            let low = MULTIPLIERS[0] as u128 * c[0] as u128;
            let high = MULTIPLIERS[1] as u128 * c[2] as u128;
            c = [
                (high >> 64) as u64 ^ c[1] ^ key[0],
                high as u64,
                (low >> 64) as u64 ^ c[3] ^ key[1],
                low as u64,
            ];
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
            round += 1;
        }
        c
    }

    /// One number strictly between 0 and 1.
    #[must_use]
    pub fn uniform(self, counter: [u64; 3]) -> f64 {
        Self::unit(self.words([counter[0], counter[1], counter[2], 0])[0])
    }

    /// A random word as a number strictly between 0 and 1.
    #[must_use]
    pub fn unit(word: u64) -> f64 {
        ((word >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number below `n`; 0 when `n` is 0. The bias is below `n / 2^64`.
    #[must_use]
    pub fn below(self, counter: [u64; 3], n: u64) -> u64 {
        let word = self.words([counter[0], counter[1], counter[2], 1])[0];
        ((u128::from(word) * u128::from(n)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' library (Random123 `kat_vectors`, philox4x64 10).
    #[test]
    fn gives_the_known_answers_of_random123() {
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b],
            ),
            (
                [u64::MAX; 4],
                [u64::MAX; 2],
                [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0],
            ),
            (
                [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89],
                [0x452821e638d01377, 0xbe5466cf34e90c6c],
                [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(Seed { key }.words(counter), expected);
        }
    }
}
