//! Two rows, one level: a comparison at work on codes.

use super::coded::{Coded, MISSING, Sides};
use super::comparison::{Comparison, NAME, Ruler};
use super::conditions::Conditions;
use super::date::Written;
use super::nicknames::{self, Nicknames};
use super::words::Words;
use super::{LinkageError, Measure, canon, sound};
use crate::data::{Interner, Levels};
use crate::math::em::NULL;
use crate::math::strings::{Pattern, dice, jaccard};
use std::sync::atomic::{AtomicU8, Ordering};

/// Distinct value pairs up to which levels are kept in a table.
const TABLE: usize = 1 << 21;

/// A level that is not known yet.
const OPEN: u8 = u8::MAX - 1;

/// A comparison of two encoded columns.
#[derive(Debug)]
pub(super) struct Comparer {
    pub(super) coded: Coded,
    values: Values,
    n_levels: u8,
    /// The level of a value that is missing on one side, where it is told; the next is both.
    missing: Option<u8>,
    /// Level + 1 by pair of codes, 0 where not computed; every thread would write the same.
    table: Vec<AtomicU8>,
}

#[derive(Debug)]
enum Values {
    Equal,
    Words {
        words: Words,
        measure: Measure,
        thresholds: Vec<f64>,
    },
    Grams {
        grams: Vec<Vec<u64>>,
        measure: Measure,
        thresholds: Vec<f64>,
    },
    Dates(Vec<Written>),
    Numbers {
        numbers: Vec<f64>,
        thresholds: Vec<f64>,
    },
    /// Words with what they sound like and the names that persons of that name go by.
    Person {
        words: Words,
        sounds: Vec<u32>,
        groups: Vec<Vec<u32>>,
    },
    /// Numbers and whether their check digits are right.
    Checked {
        words: Words,
        valid: Vec<bool>,
    },
    Conditions(Conditions),
}

/// The left value a thread has loaded.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) pattern: Pattern,
    pub(super) loaded: u32,
    /// What measures gave for the pair at hand, NaN where not asked yet.
    pub(super) memo: Vec<f64>,
}

impl Comparer {
    /// Encodes the columns of `comparison`.
    pub(super) fn new(sides: Sides<'_>, comparison: &Comparison) -> Result<Self, LinkageError> {
        comparison.check()?;
        let coded = Coded::new(sides, comparison, "comparisons")?;
        let values = Values::new(&coded, comparison);
        let n_levels = comparison.n_levels() as u8;
        let missing = comparison.options.missing.then(|| n_levels - 2);
        let n = coded.texts.len();
        let fuzzy = !matches!(values, Values::Equal | Values::Numbers { .. });
        let cells = if fuzzy && n.saturating_mul(n) <= TABLE { n * n } else { 0 };
        let table = (0..cells).map(|_| AtomicU8::new(0)).collect();
        Ok(Self { coded, values, n_levels, missing, table })
    }

    /// Working memory of one thread.
    pub(super) fn probe(&self) -> Probe {
        let (alphabet, memo) = match &self.values {
            Values::Words { words, .. }
            | Values::Person { words, .. }
            | Values::Checked { words, .. } => (words.alphabet, 0),
            Values::Conditions(own) => own.needs(),
            _ => (0, 0),
        };
        Probe { pattern: Pattern::new(alphabet), loaded: MISSING, memo: vec![f64::NAN; memo] }
    }

    /// Levels, the null level not counted.
    pub(super) const fn n_levels(&self) -> u8 {
        self.n_levels
    }

    /// The level of a value that is missing on one side, where missing values say something; the
    /// next level is both.
    pub(super) const fn missing_from(&self) -> Option<u8> {
        self.missing
    }

    /// Whether a value is the cells of several columns.
    pub(super) const fn is_joined(&self) -> bool {
        matches!(self.values, Values::Conditions(_))
    }

    /// Whether values are equal or not and nothing between.
    pub(super) const fn only_equal(&self) -> bool {
        matches!(self.values, Values::Equal)
    }

    /// The level of two codes.
    pub(super) fn level(&self, probe: &mut Probe, a: u32, b: u32) -> u8 {
        if a == MISSING || b == MISSING {
            let both = u8::from(a == b);
            return self.missing.map_or(NULL, |one| one + both);
        }
        if a == b {
            return match &self.values {
                Values::Dates(dates) => dates[a as usize].level(dates[b as usize]),
                Values::Conditions(own) => own.level(probe, a, b),
                _ => 0,
            };
        }
        if self.table.is_empty() {
            return self.compute(probe, a, b);
        }
        let slot = &self.table[a as usize * self.coded.texts.len() + b as usize];
        match slot.load(Ordering::Relaxed) {
            0 => {
                let level = self.compute(probe, a, b);
                // A pair that says nothing has no slot of its own and is computed again.
                slot.store(level.wrapping_add(1), Ordering::Relaxed);
                level
            }
            known => known - 1,
        }
    }

    /// The levels of one code and each of `others`.
    ///
    /// Words that are surely far apart are told in a first round, whose look-ups do not wait for
    /// each other; measures are computed in a second.
    pub(super) fn levels(
        &self,
        probe: &mut Probe,
        a: u32,
        others: impl Iterator<Item = u32> + Clone,
        levels: &mut Vec<u8>,
    ) {
        levels.clear();
        let Values::Words { words, measure, thresholds } = &self.values else {
            levels.extend(others.map(|b| self.level(probe, a, b)));
            return;
        };
        let (measure, thresholds, last) = (*measure, &thresholds[..], thresholds.len() as u8 + 1);
        if a == MISSING || !self.table.is_empty() {
            levels.extend(others.map(|b| self.level(probe, a, b)));
            return;
        }
        levels.extend(others.clone().map(|b| {
            let far = b != a && b != MISSING && words.far_or_other((a, b), measure, thresholds);
            if far { last } else { OPEN }
        }));
        for (level, b) in levels.iter_mut().zip(others).filter(|(level, _)| **level == OPEN) {
            *level = self.level(probe, a, b);
        }
    }

    fn compute(&self, probe: &mut Probe, a: u32, b: u32) -> u8 {
        match &self.values {
            Values::Equal => 1,
            Values::Dates(dates) => dates[a as usize].level(dates[b as usize]),
            Values::Numbers { numbers, thresholds } => {
                let apart = (numbers[a as usize] - numbers[b as usize]).abs();
                rung(thresholds, |&t| apart <= t)
            }
            Values::Grams { grams, measure, thresholds } => {
                let (x, y) = (&grams[a as usize], &grams[b as usize]);
                let alike = if *measure == Measure::Dice { dice(x, y) } else { jaccard(x, y) };
                rung(thresholds, |&t| alike >= t)
            }
            Values::Words { words, measure, thresholds } => {
                if words.same_stem(a, b) {
                    return 1;
                }
                if words.far_apart((a, b), *measure, thresholds) {
                    return thresholds.len() as u8 + 1;
                }
                if *measure == Measure::Damerau {
                    let level = |apart: usize| rung(thresholds, |&t| apart as f64 <= t);
                    return words.damerau_level(probe, (a, b), level);
                }
                let found = words.measure(probe, (a, b), *measure);
                let met = |t: &f64| if measure.is_distance() { found <= *t } else { found >= *t };
                rung(thresholds, met)
            }
            Values::Person { words, sounds, groups } => {
                let (x, y) = (a as usize, b as usize);
                let same_sound = sounds[x] != MISSING && sounds[x] == sounds[y];
                if same_sound || words.same_stem(a, b) || nicknames::shared(&groups[x], &groups[y])
                {
                    return 1;
                }
                if words.far_apart((a, b), Measure::JaroWinkler, &NAME) {
                    return NAME.len() as u8 + 2;
                }
                let alike = words.measure(probe, (a, b), Measure::JaroWinkler);
                rung(&NAME, |&t| alike >= t) + 1
            }
            Values::Checked { words, valid } => {
                let far = words.far_apart((a, b), Measure::Osa, &[1.0]);
                if far || words.measure(probe, (a, b), Measure::Osa) > 1.0 {
                    return 3;
                }
                if valid[a as usize] == valid[b as usize] { 2 } else { 1 }
            }
            Values::Conditions(own) => own.level(probe, a, b),
        }
    }

    /// The canonical value of a code is complete enough to block on it, or on its first letters.
    pub(super) fn can_block(&self, code: u32, first: Option<usize>) -> bool {
        match &self.values {
            Values::Dates(dates) => dates[code as usize].known(first.unwrap_or(8)),
            _ => true,
        }
    }
}

/// The first threshold that is met gives level 1 and on; none gives the last level.
fn rung(thresholds: &[f64], met: impl Fn(&f64) -> bool) -> u8 {
    thresholds.iter().position(met).unwrap_or(thresholds.len()) as u8 + 1
}

impl Values {
    fn new(coded: &Coded, comparison: &Comparison) -> Self {
        let (texts, as_is) = (&coded.texts, comparison.options.written);
        if as_is && let Ruler::Text { measure, thresholds } = &comparison.ruler {
            let bytes: Vec<String> = texts.iter().map(canon::bytes).collect();
            let bytes: Levels = bytes.iter().map(String::as_str).collect();
            return Self::measured(&bytes, *measure, thresholds);
        }
        let words = |measure, thresholds: &[f64], written| Self::Words {
            words: Words::new(texts, written, measure == Measure::JaroWinkler),
            measure,
            thresholds: thresholds.to_vec(),
        };
        match &comparison.ruler {
            Ruler::Exact => Self::Equal,
            Ruler::Person { listed, nicknames } => {
                let names = Nicknames::new(*listed, nicknames);
                let mut known = Interner::default();
                let sounds = coded.written.iter().map(|written| {
                    let key = sound::key(written);
                    if key.is_empty() { MISSING } else { known.code(&key) }
                });
                Self::Person {
                    sounds: sounds.collect(),
                    groups: texts.iter().map(|text| names.of(text)).collect(),
                    words: Words::new(texts, Some(&coded.written), true),
                }
            }
            Ruler::Checked => Self::Checked {
                valid: texts.iter().map(canon::checks).collect(),
                words: Words::new(texts, None, false),
            },
            Ruler::Levels(own) => Self::Conditions(Conditions::new(coded, comparison, own)),
            Ruler::Identifier => words(Measure::Osa, &[1.0], None),
            Ruler::Name => words(Measure::JaroWinkler, &NAME, Some(&coded.written)),
            Ruler::Date => Self::Dates(texts.iter().filter_map(Written::parse).collect()),
            Ruler::Numeric { thresholds } => Self::Numbers {
                numbers: texts.iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect(),
                thresholds: thresholds.clone(),
            },
            Ruler::Text { measure, thresholds } => Self::measured(texts, *measure, thresholds),
        }
    }

    fn measured(texts: &Levels, measure: Measure, thresholds: &[f64]) -> Self {
        let heads = measure == Measure::JaroWinkler;
        let (words, thresholds) = (Words::new(texts, None, heads), thresholds.to_vec());
        if matches!(measure, Measure::Dice | Measure::Jaccard) {
            let grams = (0..texts.len()).map(|at| words.grams(at as u32)).collect();
            return Self::Grams { grams, measure, thresholds };
        }
        Self::Words { words, measure, thresholds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn short_cuts_give_the_level_of_the_measure(
            texts in proptest::collection::vec("[a-dA-Dxéø0-9]{0,9}", 2..6), heads: bool,
        ) {
            let texts: Levels = texts.iter().map(String::as_str).collect();
            let words = Words::new(&texts, None, heads);
            let new = || Probe {
                pattern: Pattern::new(words.alphabet), loaded: MISSING, memo: Vec::new(),
            };
            let mut probe = new();
            for a in 0..texts.len() as u32 {
                for b in 0..texts.len() as u32 {
                    for measure in [Measure::Levenshtein, Measure::Damerau, Measure::Osa] {
                        let apart = words.measure(&mut probe, (a, b), measure);
                        for last in 0..5 {
                            let far = words.far_apart((a, b), measure, &[f64::from(last)]);
                            prop_assert!(!far || apart > f64::from(last));
                        }
                    }
                    let level = |apart: usize| rung(&[1.0, 2.0], |&t| apart as f64 <= t);
                    let apart = words.measure(&mut probe, (a, b), Measure::Damerau) as usize;
                    prop_assert_eq!(
                        words.damerau_level(&mut new(), (a, b), level),
                        level(apart)
                    );
                    for measure in [Measure::Jaro, Measure::JaroWinkler] {
                        let alike = words.measure(&mut probe, (a, b), measure);
                        for last in [0.3, 0.6, 0.85, 0.92, 1.0] {
                            let far = words.far_apart((a, b), measure, &[last]);
                            prop_assert!(!far || alike < last, "{alike} {last}");
                        }
                    }
                }
            }
        }
    }
}
