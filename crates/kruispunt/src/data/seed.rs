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
                [
                    0x1655_4d9e_ca36_314c,
                    0xdb20_fe9d_672d_0fdc,
                    0xd7e7_72ce_e186_176b,
                    0x7e68_b68a_ec7b_a23b,
                ],
            ),
            (
                [u64::MAX; 4],
                [u64::MAX; 2],
                [
                    0x87b0_92c3_013f_e90b,
                    0x438c_3c67_be8d_0224,
                    0x9cc7_d7c6_9cd7_77b6,
                    0xa09c_aebf_594f_0ba0,
                ],
            ),
            (
                [
                    0x243f_6a88_85a3_08d3,
                    0x1319_8a2e_0370_7344,
                    0xa409_3822_299f_31d0,
                    0x082e_fa98_ec4e_6c89,
                ],
                [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c],
                [
                    0xa528_f454_03e6_1d95,
                    0x38c7_2dbd_566e_9788,
                    0xa5a1_610e_72fd_18b5,
                    0x57bd_43b5_e52b_7fe6,
                ],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(Seed { key }.words(counter), expected);
        }
    }
}
