//! Two rows, one level: a comparison at work on codes.

use super::LinkageError;
use super::canon;
use super::coded::{Coded, MISSING, Sides};
use super::comparison::{Comparison, Measure, NAME, Ruler};
use super::date::Written;
use super::intern::Interner;
use crate::data::{Levels, Seed};
use crate::math::em::NULL;
use crate::math::strings::{
    Alphabet, Pattern, damerau, dice, grams, jaccard, jaro, jaro_winkler, levenshtein, osa,
};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};

/// Distinct value pairs up to which levels are kept in a table.
const TABLE: usize = 1 << 21;
/// Distinct value pairs up to which u is counted in full instead of sampled.
const FULL: u64 = 2_000_000;
/// Rows of each side that are compared crosswise when pairs are drawn.
const SIDE: u64 = 64;

/// A comparison of two encoded columns.
#[derive(Debug)]
pub(super) struct Comparer {
    pub(super) coded: Coded,
    values: Values,
    n_levels: u8,
    /// Level + 1 by pair of codes, 0 where not computed; every thread would write the same.
    table: Vec<AtomicU8>,
}

#[derive(Debug)]
enum Values {
    Equal,
    Words { words: Words, measure: Measure, thresholds: Vec<f64> },
    Grams { grams: Vec<Vec<u64>>, measure: Measure, thresholds: Vec<f64> },
    Dates(Vec<Written>),
    Numbers { numbers: Vec<f64>, thresholds: Vec<f64> },
}

/// Symbols of all values, back to back.
#[derive(Debug, Default)]
struct Words {
    symbols: Vec<u32>,
    shapes: Vec<Shape>,
    alphabet: usize,
}

/// Where a word stands and what it is made of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    bag: u64,
    start: u32,
    len: u32,
    /// A number for the stem, [`MISSING`] where stems do not count.
    stem: u32,
}

/// What a word is made of: two bits for each of 32 classes of symbols, for one of the class and
/// for two or more.
fn bag(symbols: &[u32]) -> u64 {
    symbols.iter().fold(0, |bag, symbol| {
        let place = symbol % 32 * 2;
        bag | if bag >> place & 1 == 0 { 1 << place } else { 2 << place }
    })
}

impl Words {
    fn new(texts: &Levels, written: Option<&Levels>) -> Self {
        let (mut alphabet, mut words) = (Alphabet::default(), Self::default());
        let mut known = Interner::default();
        for (code, text) in texts.iter().enumerate() {
            let start = words.symbols.len();
            alphabet.encode(text, &mut words.symbols);
            let stem = written.map_or(MISSING, |written| {
                let written = written.get(code as u32);
                if written.chars().all(char::is_alphanumeric) {
                    known.code(text)
                } else {
                    known.code(&canon::stem(written))
                }
            });
            let own = &words.symbols[start..];
            let (start, len) = (start as u32, own.len() as u32);
            words.shapes.push(Shape { bag: bag(own), start, len, stem });
        }
        words.alphabet = alphabet.len();
        words
    }

    fn get(&self, code: u32) -> &[u32] {
        let Shape { start, len, .. } = self.shapes[code as usize];
        &self.symbols[start as usize..start as usize + len as usize]
    }

    /// Whether two words are surely too far apart for every threshold, seen from their lengths and
    /// from what they are made of alone.
    ///
    /// An edit changes at most two bits of a bag, a swap none, so the distance is at least half
    /// the bits that differ. Symbols that one word has more of than the other have no match there,
    /// which bounds the Jaro similarity, and with at most four equal first letters Winkler's.
    fn far_apart(&self, (a, b): (u32, u32), measure: Measure, thresholds: &[f64]) -> bool {
        let (one, other) = (self.shapes[a as usize], self.shapes[b as usize]);
        let Some(&last) = thresholds.last() else { return false };
        let (x, y, m, n) = (one.bag, other.bag, one.len as usize, other.len as usize);
        if measure.is_distance() {
            let least = m.abs_diff(n).max((x ^ y).count_ones().div_ceil(2) as usize);
            return least as f64 > last;
        }
        if m == 0 || n == 0 {
            return false;
        }
        let lone = |own: u64, other: u64| (own & !other).count_ones() as usize;
        let most = m.saturating_sub(lone(x, y)).min(n.saturating_sub(lone(y, x))) as f64;
        let jaro = (most / m as f64 + most / n as f64 + 1.0) / 3.0;
        let bound = if measure == Measure::Jaro { jaro } else { jaro + 0.4 * (1.0 - jaro) };
        bound < last - 1e-9
    }
}

/// The left value a thread has loaded.
#[derive(Debug)]
pub(super) struct Probe {
    pattern: Pattern,
    loaded: u32,
}

/// Shares of all pairs of rows at each level.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) levels: Vec<f64>,
    /// No share below this can be told from 0.
    pub(super) floor: f64,
}

impl Comparer {
    /// Encodes the columns of `comparison`.
    pub(super) fn new(sides: Sides<'_>, comparison: &Comparison) -> Result<Self, LinkageError> {
        comparison.check()?;
        let coded = Coded::new(sides, comparison, "comparisons")?;
        let values = Values::new(&coded, &comparison.ruler);
        let n = coded.texts.len();
        let fuzzy = !matches!(values, Values::Equal | Values::Numbers { .. });
        let cells = if fuzzy && n.saturating_mul(n) <= TABLE { n * n } else { 0 };
        let table = (0..cells).map(|_| AtomicU8::new(0)).collect();
        Ok(Self { coded, values, n_levels: comparison.n_levels() as u8, table })
    }

    /// Working memory of one thread.
    pub(super) fn probe(&self) -> Probe {
        let alphabet = match &self.values {
            Values::Words { words, .. } => words.alphabet,
            _ => 0,
        };
        Probe { pattern: Pattern::new(alphabet), loaded: MISSING }
    }

    /// Levels, the null level not counted.
    pub(super) const fn n_levels(&self) -> u8 {
        self.n_levels
    }

    /// The level of two codes.
    pub(super) fn level(&self, probe: &mut Probe, a: u32, b: u32) -> u8 {
        if a == MISSING || b == MISSING {
            return NULL;
        }
        if a == b {
            return match &self.values {
                Values::Dates(dates) => dates[a as usize].level(dates[b as usize]),
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
                slot.store(level + 1, Ordering::Relaxed);
                level
            }
            known => known - 1,
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
                let stem = words.shapes[a as usize].stem;
                if stem != MISSING && stem == words.shapes[b as usize].stem {
                    return 1;
                }
                if words.far_apart((a, b), *measure, thresholds) {
                    return thresholds.len() as u8 + 1;
                }
                if probe.loaded != a {
                    probe.pattern.load(words.get(a));
                    probe.loaded = a;
                }
                let (pattern, text) = (&probe.pattern, words.get(b));
                if measure.is_distance() {
                    let level = |apart: usize| rung(thresholds, |&t| apart as f64 <= t);
                    return match measure {
                        Measure::Levenshtein => level(levenshtein(pattern, text)),
                        Measure::Damerau => damerau_level(pattern, text, level),
                        _ => level(osa(pattern, text)),
                    };
                }
                let alike = match measure {
                    Measure::Jaro => jaro(pattern, text),
                    _ => jaro_winkler(pattern, text),
                };
                rung(thresholds, |&t| alike >= t)
            }
        }
    }

    /// How often each code occurs on the left and on the right.
    pub(super) fn counts(&self) -> [Vec<u64>; 2] {
        [&self.coded.left, self.coded.right()].map(|codes: &[u32]| {
            let mut counts = vec![0; self.coded.texts.len()];
            for &code in codes.iter().filter(|&&code| code != MISSING) {
                counts[code as usize] += 1;
            }
            counts
        })
    }

    /// Shares of the levels among all pairs of rows that both have a value: equality from value
    /// frequencies, the rest from all pairs of distinct values when they are few and from
    /// `draws` random pairs of rows otherwise. `None` when no pair has a value on both sides.
    pub(super) fn shares(&self, dedupe: bool, seed: Seed, draws: u64) -> Option<Shares> {
        let [left, right] = self.counts();
        let (n, m): (u64, u64) = (left.iter().sum(), right.iter().sum());
        let pairs = if dedupe { n * n.saturating_sub(1) / 2 } else { n * m };
        if pairs == 0 {
            return None;
        }
        let mut probe = self.probe();
        let mut counts = vec![0_u64; self.n_levels as usize];
        let mut equal = 0;
        for code in 0..left.len() {
            let (a, b) = (left[code], right[code]);
            let both = if dedupe { a * a.saturating_sub(1) / 2 } else { a * b };
            counts[self.level(&mut probe, code as u32, code as u32) as usize] += both;
            equal += both;
        }
        let total = pairs as f64;
        let mut levels: Vec<f64> = counts.iter().map(|&count| count as f64 / total).collect();
        let floor = 0.5 / total;
        if matches!(self.values, Values::Equal) {
            levels[1] = (pairs - equal) as f64 / total;
            return Some(Shares { levels, floor });
        }
        let distinct = |counts: &[u64]| counts.iter().filter(|&&count| count > 0).count() as u64;
        if distinct(&left) * distinct(&right) <= FULL {
            let unequal = self.count_unequal(dedupe, &left, &right);
            for (level, count) in levels.iter_mut().zip(unequal) {
                *level += count as f64 / total;
            }
            return Some(Shares { levels, floor });
        }
        let rest = (pairs - equal) as f64 / total;
        let (sampled, used) = self.sample_unequal(seed, draws);
        for (level, count) in levels.iter_mut().zip(sampled) {
            *level += rest * count as f64 / used.max(1) as f64;
        }
        Some(Shares { levels, floor: floor.max(0.5 / used.max(1) as f64) })
    }

    fn count_unequal(&self, dedupe: bool, left: &[u64], right: &[u64]) -> Vec<u64> {
        let codes = 0..left.len();
        let rows: Vec<Vec<u64>> = codes
            .into_par_iter()
            .with_min_len(16)
            .filter(|&a| left[a] > 0)
            .map_init(
                || self.probe(),
                |probe, a| {
                    let mut counts = vec![0; self.n_levels as usize];
                    let start = if dedupe { a + 1 } else { 0 };
                    for b in (start..right.len()).filter(|&b| b != a && right[b] > 0) {
                        let level = self.level(probe, a as u32, b as u32);
                        counts[level as usize] += left[a] * right[b];
                    }
                    counts
                },
            )
            .collect();
        add_up(rows, self.n_levels as usize)
    }

    /// Levels of random pairs of rows with unequal values, and how many there were: each of
    /// [`SIDE`] random left rows with each of as many right rows, then others.
    fn sample_unequal(&self, seed: Seed, draws: u64) -> (Vec<u64>, u64) {
        let there = |codes: &[u32]| -> Vec<u32> {
            codes.iter().copied().filter(|&code| code != MISSING).collect()
        };
        let (left, right) = (there(&self.coded.left), there(self.coded.right()));
        let rows: Vec<Vec<u64>> = (0..draws.div_ceil(SIDE * SIDE))
            .into_par_iter()
            .map_init(
                || self.probe(),
                |probe, chunk| {
                    let mut counts = vec![0; self.n_levels as usize];
                    let pick = |side: u64, codes: &[u32]| -> Vec<u32> {
                        let place = |at| seed.below([chunk, at, side], codes.len() as u64) as usize;
                        (0..SIDE).map(|at| codes[place(at)]).collect()
                    };
                    let (left, right) = (pick(0, &left), pick(1, &right));
                    let most = (draws - chunk * SIDE * SIDE).min(SIDE * SIDE) as usize;
                    let pairs = left.iter().flat_map(|&a| right.iter().map(move |&b| (a, b)));
                    for (a, b) in pairs.take(most).filter(|(a, b)| a != b) {
                        counts[self.level(probe, a, b) as usize] += 1;
                    }
                    counts
                },
            )
            .collect();
        let counts = add_up(rows, self.n_levels as usize);
        let used = counts.iter().sum();
        (counts, used)
    }

    /// The share of pairs of rows with a value on both sides.
    pub(super) fn both_there(&self) -> f64 {
        let share = |codes: &[u32]| {
            let there = codes.iter().filter(|&&code| code != MISSING).count();
            there as f64 / codes.len().max(1) as f64
        };
        share(&self.coded.left) * share(self.coded.right())
    }

    /// The canonical value of a code is complete enough to block on it, or on its first letters.
    pub(super) fn can_block(&self, code: u32, first: Option<usize>) -> bool {
        match &self.values {
            Values::Dates(dates) => dates[code as usize].known(first.unwrap_or(8)),
            _ => true,
        }
    }
}

/// The level of the Damerau-Levenshtein distance. It lies between half of Levenshtein's, since a
/// swap saves one edit of two, and that of the optimal string alignment; its own table is filled
/// only where these two do not settle the level.
fn damerau_level(pattern: &Pattern, text: &[u32], level: impl Fn(usize) -> u8) -> u8 {
    let (least, most) = (levenshtein(pattern, text).div_ceil(2), osa(pattern, text));
    if level(least) == level(most) { level(most) } else { level(damerau(pattern, text)) }
}

fn add_up(rows: Vec<Vec<u64>>, n: usize) -> Vec<u64> {
    rows.into_iter().fold(vec![0; n], |mut sum, row| {
        sum.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        sum
    })
}

/// The first threshold that is met gives level 1 and on; none gives the last level.
fn rung(thresholds: &[f64], met: impl Fn(&f64) -> bool) -> u8 {
    thresholds.iter().position(met).unwrap_or(thresholds.len()) as u8 + 1
}

impl Values {
    fn new(coded: &Coded, ruler: &Ruler) -> Self {
        let texts = &coded.texts;
        let words = |measure, thresholds: &[f64], written| Self::Words {
            words: Words::new(texts, written),
            measure,
            thresholds: thresholds.to_vec(),
        };
        match ruler {
            Ruler::Exact => Self::Equal,
            Ruler::Identifier => words(Measure::Osa, &[1.0], None),
            Ruler::Name => words(Measure::JaroWinkler, &NAME, Some(&coded.written)),
            Ruler::Date => Self::Dates(texts.iter().filter_map(Written::parse).collect()),
            Ruler::Numeric { thresholds } => Self::Numbers {
                numbers: texts.iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect(),
                thresholds: thresholds.clone(),
            },
            Ruler::Text { measure: measure @ (Measure::Dice | Measure::Jaccard), thresholds } => {
                let words = Words::new(texts, None);
                Self::Grams {
                    grams: (0..texts.len()).map(|at| grams(words.get(at as u32))).collect(),
                    measure: *measure,
                    thresholds: thresholds.clone(),
                }
            }
            Ruler::Text { measure, thresholds } => words(*measure, thresholds, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn short_cuts_give_the_level_of_the_measure(
            texts in proptest::collection::vec("[a-dA-Dxéø0-9]{0,9}", 2..6),
        ) {
            let texts: Levels = texts.iter().map(String::as_str).collect();
            let words = Words::new(&texts, None);
            let mut pattern = Pattern::new(words.alphabet);
            for a in 0..texts.len() as u32 {
                pattern.load(words.get(a));
                for b in 0..texts.len() as u32 {
                    let text = words.get(b);
                    let distances = [
                        (Measure::Levenshtein, levenshtein(&pattern, text)),
                        (Measure::Damerau, damerau(&pattern, text)),
                        (Measure::Osa, osa(&pattern, text)),
                    ];
                    for (measure, apart) in distances {
                        for last in 0..5 {
                            let far = words.far_apart((a, b), measure, &[f64::from(last)]);
                            prop_assert!(!far || apart as f64 > f64::from(last));
                        }
                    }
                    let level = |apart: usize| rung(&[1.0, 2.0], |&t| apart as f64 <= t);
                    prop_assert_eq!(
                        damerau_level(&pattern, text, level),
                        level(damerau(&pattern, text))
                    );
                    let similar = [
                        (Measure::Jaro, jaro(&pattern, text)),
                        (Measure::JaroWinkler, jaro_winkler(&pattern, text)),
                    ];
                    for (measure, alike) in similar {
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
