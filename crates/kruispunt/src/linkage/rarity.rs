//! What agreement on a value adds by how rare the value is.

use super::chance::Chance;
use super::comparer::Comparer;
use super::comparison::Comparison;
use super::conditions::{BETWEEN, cell};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// How the share of rows with a value adjusts a level: `weight * log2(u / share)`, with u of the
/// level `base` and the larger share of the two values, at least `least`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    /// The column of the values.
    pub(super) column: String,
    pub(super) weight: f64,
    pub(super) least: f64,
    pub(super) base: usize,
}

impl Common {
    /// Whether it makes sense in a comparison of `n` levels.
    pub(super) fn check(&self, n: usize) -> bool {
        self.weight.is_finite() && (0.0..=1.0).contains(&self.least) && self.base < n
    }
}

/// A level's adjustment at work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adjusted {
    /// Which list of shares.
    slot: usize,
    weight: f64,
    least: f64,
    /// log2 u.
    base: f64,
}

impl Adjusted {
    /// Bits for two shares; NaN stands for a value that is missing or that nobody has.
    fn bits(self, a: f64, b: f64) -> f64 {
        let most = a.max(b);
        if most.is_nan() {
            return 0.0;
        }
        self.weight * (self.base - most.max(self.least).log2())
    }
}

/// Adjustments of one comparison by the codes of two values.
#[derive(Debug)]
pub(super) enum Rarity {
    /// log2 u / share of other rows: where both have the value, where one of two similar ones is it.
    Others([Vec<f64>; 2]),
    /// By level; by slot, the place of the cell and the shares of rows by code.
    Shares { levels: Vec<Option<Adjusted>>, slots: Vec<(usize, Vec<f64>)> },
}

impl Rarity {
    /// From how often values occur among the rows, or the rows of a group.
    pub(super) fn new(
        comparison: &Comparison,
        comparer: &Comparer,
        u: &[f64],
        dedupe: bool,
        group: Option<(&[u16], u16)>,
    ) -> Self {
        let [left, right] = comparer.counts(&comparer.rows(dedupe, group));
        let count = |code: usize| if dedupe { left[code] } else { left[code] + right[code] };
        let counts: Vec<u64> = (0..left.len()).map(count).collect();
        let common = &comparison.options.common;
        if common.is_empty() {
            return Self::Others(others(&counts, u[0], dedupe.then_some(&left[..])));
        }
        let mut slots: Vec<(usize, Vec<f64>)> = Vec::new();
        let columns = comparison.columns();
        let mut levels = Vec::with_capacity(common.len());
        for own in common {
            let Some(own) = own else {
                levels.push(None);
                continue;
            };
            let place = columns.iter().position(|name| *name == own.column).unwrap_or_default();
            let known = slots.iter().position(|slot| slot.0 == place);
            let slot = known.unwrap_or_else(|| {
                slots.push((place, shares_of(comparer, place, &counts)));
                slots.len() - 1
            });
            let base = u.get(own.base).copied().unwrap_or(1.0).log2();
            levels.push(Some(Adjusted { slot, weight: own.weight, least: own.least, base }));
        }
        Self::Shares { levels, slots }
    }

    /// Bits for two values at a level.
    pub(super) fn bits(&self, level: u8, a: u32, b: u32) -> f64 {
        let of = |bits: &[f64], code: u32| bits.get(code as usize).copied();
        match self {
            Self::Others([equal, _]) if level == 0 => of(equal, a).unwrap_or_default(),
            Self::Others([_, similar]) => {
                let of = |code: u32| of(similar, code).unwrap_or_default();
                of(a).min(of(b))
            }
            Self::Shares { levels, slots } => {
                let Some(Some(own)) = levels.get(level as usize) else { return 0.0 };
                let of = |code: u32| of(&slots[own.slot].1, code).unwrap_or(f64::NAN);
                own.bits(of(a), of(b))
            }
        }
    }

    /// The same by the texts of values, for rows that are in no table.
    pub(super) fn by_text(&self, comparer: &Comparer) -> Texts {
        let texts = &comparer.coded.texts;
        match self {
            Self::Others([equal, similar]) => {
                let each = texts.iter().zip(equal.iter().zip(similar));
                // A value that nobody has is as rare as can be.
                let most = |bits: &[f64]| bits.iter().copied().fold(0.0, f64::max);
                Texts::Others {
                    by: each.map(|(text, (&a, &b))| (text.to_owned(), [a, b])).collect(),
                    unseen: [most(equal), most(similar)],
                }
            }
            Self::Shares { levels, slots } => {
                let each = slots.iter().map(|&(place, ref shares)| {
                    let there = texts.iter().zip(shares).filter(|(_, share)| !share.is_nan());
                    let by = there.map(|(text, &share)| (nth(text, place).to_owned(), share));
                    (place, by.collect())
                });
                Texts::Shares { levels: levels.clone(), slots: each.collect() }
            }
        }
    }
}

fn nth(text: &str, place: usize) -> &str {
    text.split(BETWEEN).nth(place).unwrap_or_default()
}

/// By code: the share of the rows with a value in a column that have this one.
fn shares_of(comparer: &Comparer, place: usize, counts: &[u64]) -> Vec<f64> {
    let texts = &comparer.coded.texts;
    let plain = !comparer.is_joined();
    let there = |own: &str| plain || cell(own).is_some();
    let (mut rows, mut all) = (FxHashMap::<&str, u64>::default(), 0);
    for (text, &count) in texts.iter().zip(counts) {
        let own = nth(text, place);
        if there(own) {
            *rows.entry(own).or_default() += count;
            all += count;
        }
    }
    let share = |text| {
        let own = nth(text, place);
        if there(own) { rows[own] as f64 / all.max(1) as f64 } else { f64::NAN }
    };
    texts.iter().map(share).collect()
}

/// log2 u / share of other rows with the value, for equal and for similar values.
///
/// Within one table, the other rows with a value are chance and the person's own further rows;
/// only what chance is expected to hold counts.
fn others(counts: &[u64], u: f64, one_table: Option<&[u64]>) -> [Vec<f64>; 2] {
    let n = counts.iter().sum::<u64>().max(1) as f64;
    let floor = u.min(1.0 / n);
    let chance = one_table.map(|counts| Chance::new(counts, u));
    let others = |count: u64| chance.as_ref().map_or(count as f64, |own| own.of(count));
    let bits = |count: u64| (u / (others(count) / n).max(floor)).log2();
    [2, 1].map(|own| counts.iter().map(|count| bits(count.saturating_sub(own))).collect())
}

/// Adjustments by the texts of two values.
pub(super) enum Texts {
    Others {
        by: FxHashMap<String, [f64; 2]>,
        unseen: [f64; 2],
    },
    /// The place of the cell and shares by its text.
    Shares {
        levels: Vec<Option<Adjusted>>,
        slots: Vec<(usize, FxHashMap<String, f64>)>,
    },
}

impl Texts {
    /// Bits for two values at a level.
    pub(super) fn bits(&self, level: u8, a: &str, b: &str) -> f64 {
        match self {
            Self::Others { by, unseen } => {
                let of = |text, which: usize| by.get(text).unwrap_or(unseen)[which];
                if level == 0 { of(a, 0) } else { of(a, 1).min(of(b, 1)) }
            }
            Self::Shares { levels, slots } => {
                let Some(Some(own)) = levels.get(level as usize) else { return 0.0 };
                let (place, by) = &slots[own.slot];
                let of = |text| by.get(nth(text, *place)).copied().unwrap_or(f64::NAN);
                own.bits(of(a), of(b))
            }
        }
    }
}
