//! Conditions at work on the values of several columns.

use super::Condition;
use super::Measure;
use super::canon;
use super::coded::{Coded, MISSING};
use super::comparer::Probe;
use super::comparison::{Comparison, Ladder};
use super::made;
use super::sound;
use super::words::Words;
use crate::data::{ITEM, Interner, Levels};
use crate::math::em::NULL;
use rustc_hash::FxHashMap;

/// What stands between the cells of a row in the text of its code.
pub(super) const BETWEEN: char = '\u{1f}';

/// An empty text that is there.
pub(super) const EMPTY: char = '\u{1e}';

/// What a cell holds, nothing where it is missing.
pub(super) fn cell(text: &str) -> Option<&str> {
    match text {
        "" => None,
        text => Some(text.strip_suffix(EMPTY).unwrap_or(text)),
    }
}

/// What stands between the items of a list written as text, unless told.
const SEPARATOR: char = ';';

/// Code of a text that no row has.
const NOBODY: u32 = MISSING - 1;

/// Radius of the earth in kilometres (IUGG mean).
const EARTH: f64 = 6371.0088;

/// Compiled conditions.
#[derive(Debug)]
pub(super) struct Conditions {
    tests: Vec<Test>,
    /// Where a pair says nothing, if it was told.
    nothing: Option<Test>,
    /// Whether a pair where nothing holds has the last level in any case.
    always: bool,
    columns: Vec<Part>,
    words: Words,
    /// By name: the code of its sound; its different letters.
    sounds: Vec<u32>,
    letters: Vec<Vec<u32>>,
    /// Names of the texts that conditions give.
    given: Vec<u32>,
    asked: Vec<Asked>,
}

/// The values of one column by code; what no condition asks for is empty.
#[derive(Debug, Default)]
struct Part {
    there: Vec<bool>,
    names: Vec<u32>,
    numbers: Vec<f64>,
    lists: Vec<Vec<u32>>,
    /// Names of the items.
    items: Vec<Vec<u32>>,
    vectors: Vec<Vec<f64>>,
}

/// What is computed at most once for a pair.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Alike(usize, Measure),
    Kilometres(usize, usize),
    Cosine(Vec<usize>),
    Overlap(usize),
    Items(usize, Measure),
    Letters(usize),
}

#[derive(Debug)]
enum Test {
    Same(usize),
    Across(usize, usize),
    /// A column, a text that is given, and whether it is of the right row.
    Reads(usize, usize, bool),
    Missing(usize, bool),
    Subset(usize),
    Sound(usize),
    Crossed(usize, usize),
    AtLeast(usize, f64),
    AtMost(usize, f64),
    Within(usize, f64),
    Share(usize, f64),
    MissingOne(usize),
    MissingBoth(usize),
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
}

impl Conditions {
    pub(super) fn new(coded: &Coded, comparison: &Comparison, ladder: &Ladder) -> Self {
        let (names, read, as_is) =
            (ladder.asked(), comparison.columns(), comparison.options.written);
        let mut maker = Maker {
            names: &names,
            asked: Vec::new(),
            wants: vec![Wants::default(); names.len()],
            given: Vec::new(),
        };
        let tests = ladder.conditions.iter().map(|(_, own)| maker.test(own)).collect();
        let nothing = ladder.nothing.as_ref().map(|own| maker.test(own));
        let (wants, asked, given) = (maker.wants, maker.asked, maker.given);
        // Where the cell of each stands, and what is made of it.
        let sources: Vec<(usize, Option<made::Maker>)> = names
            .iter()
            .map(|name| {
                let own = ladder.made(name);
                let column = own.map_or(*name, |own| &own.column);
                let place = read.iter().position(|name| *name == column).unwrap_or_default();
                (place, own.and_then(made::Made::maker))
            })
            .collect();
        let mut columns: Vec<Part> = names.iter().map(|_| Part::default()).collect();
        let (mut known, mut written) = (Interner::default(), Levels::default());
        let (mut items, mut own) = (FxHashMap::default(), String::new());
        let mut name = |text: &str| {
            if !canonical(text, as_is, &mut own) {
                return MISSING;
            }
            let code = known.code(&own);
            if code as usize == written.len() {
                written.push(text);
            }
            code
        };
        for text in coded.texts.iter() {
            let cells: Vec<&str> = text.split(BETWEEN).collect();
            for ((part, wants), (place, maker)) in columns.iter_mut().zip(&wants).zip(&sources) {
                let own = cells.get(*place).copied().and_then(cell);
                let made = maker.as_ref().map(|maker| maker.make(own?));
                let own = made.as_ref().map_or(own, Option::as_deref);
                part.there.push(own.is_some());
                if wants.name {
                    part.names.push(own.map_or(MISSING, &mut name));
                }
                let own = own.unwrap_or_default();
                if wants.number {
                    part.numbers.push(own.parse().unwrap_or(f64::NAN));
                }
                if let Some(separator) = wants.list {
                    part.lists.push(list(own, separator, &mut items));
                }
                if wants.items {
                    part.items.push(split(own, SEPARATOR).map(&mut name).collect());
                }
                if wants.vector {
                    part.vectors.push(vector(own));
                }
            }
        }
        let texts = known.into_levels();
        // Texts that conditions give have no sound of their own: they are those of rows, or nobody's.
        let given = given.iter().map(|text| {
            let there = canonical(text, as_is, &mut own);
            let code = || texts.iter().position(|known| known == own);
            if there { code().map_or(NOBODY, |code| code as u32) } else { MISSING }
        });
        let given = given.collect();
        let mut heard = Interner::default();
        let sounds = if wants.iter().any(|wants| wants.sound) {
            let each = written.iter().map(|own| heard.code(&sound::key(own)));
            each.collect()
        } else {
            Vec::new()
        };
        let words = Words::new(&texts, (!as_is).then_some(&written), true);
        let letters = if asked.iter().any(|own| matches!(own, Asked::Letters(_))) {
            (0..texts.len() as u32).map(|name| words.letters(name)).collect()
        } else {
            Vec::new()
        };
        Self { tests, nothing, always: as_is, columns, words, sounds, letters, given, asked }
    }

    /// The alphabet and the values to remember that a probe needs.
    pub(super) const fn needs(&self) -> (usize, usize) {
        (self.words.alphabet, self.asked.len())
    }

    /// The first condition that holds for the rows with codes `a` and `b`.
    pub(super) fn level(&self, probe: &mut Probe, a: u32, b: u32) -> u8 {
        probe.memo.fill(f64::NAN);
        let pair = (a as usize, b as usize);
        if self.nothing.as_ref().is_some_and(|own| self.holds(own, probe, pair)) {
            return NULL;
        }
        match self.tests.iter().position(|test| self.holds(test, probe, pair)) {
            Some(level) => level as u8,
            None if self.always || self.nothing.is_some() => self.tests.len() as u8,
            None if self.columns.iter().any(|part| part.both(pair)) => self.tests.len() as u8,
            None => NULL,
        }
    }

    fn holds(&self, test: &Test, probe: &mut Probe, pair: (usize, usize)) -> bool {
        let (a, b) = pair;
        let there = |at: usize| self.columns[at].both(pair);
        let name = |column: usize, code: usize| self.columns[column].names[code];
        let numbers = |at: usize| (self.columns[at].numbers[a], self.columns[at].numbers[b]);
        match test {
            Test::Same(at) => name(*at, a) != MISSING && name(*at, a) == name(*at, b),
            Test::Sound(at) => {
                let (x, y) = (name(*at, a), name(*at, b));
                x != MISSING
                    && y != MISSING
                    && (x == y
                        || self.words.same_stem(x, y)
                        || self.sounds[x as usize] == self.sounds[y as usize])
            }
            Test::Crossed(one, other) => {
                let (x, y) = (name(*one, a), name(*other, a));
                x != MISSING && y != MISSING && x == name(*other, b) && y == name(*one, b)
            }
            Test::Across(one, other) => {
                name(*one, a) != MISSING && name(*one, a) == name(*other, b)
            }
            Test::Reads(at, text, right) => {
                name(*at, if *right { b } else { a }) == self.given[*text]
            }
            Test::Missing(at, right) => !self.columns[*at].there[if *right { b } else { a }],
            Test::Subset(at) => {
                let lists = &self.columns[*at].lists;
                let (x, y) = (&lists[a], &lists[b]);
                let least = x.len().min(y.len());
                least > 0 && common(x, y) == least
            }
            Test::AtLeast(at, least) => self.ask(*at, probe, pair) >= *least,
            Test::AtMost(at, most) => self.ask(*at, probe, pair) <= *most,
            Test::Within(at, most) => {
                let (x, y) = numbers(*at);
                there(*at) && (x - y).abs() <= *most
            }
            Test::Share(at, most) => {
                let (x, y) = numbers(*at);
                there(*at) && (x - y).abs() <= most * x.abs().max(y.abs())
            }
            Test::MissingOne(at) => self.columns[*at].there[a] != self.columns[*at].there[b],
            Test::MissingBoth(at) => !self.columns[*at].there[a] && !self.columns[*at].there[b],
            Test::All(of) => of.iter().all(|own| self.holds(own, probe, pair)),
            Test::Any(of) => of.iter().any(|own| self.holds(own, probe, pair)),
            Test::Not(of) => !self.holds(of, probe, pair),
        }
    }

    /// What was asked of the pair, computed once; below and above every threshold at once (NaN)
    /// where a value is missing.
    fn ask(&self, at: usize, probe: &mut Probe, pair: (usize, usize)) -> f64 {
        if !probe.memo[at].is_nan() {
            return probe.memo[at];
        }
        let (a, b) = pair;
        let found = match &self.asked[at] {
            Asked::Alike(column, measure) => {
                let names = &self.columns[*column].names;
                if names[a] == MISSING || names[b] == MISSING {
                    return f64::NAN;
                }
                let empty = |code: u32| self.words.is_empty(code);
                let nothing = self.always && (empty(names[a]) || empty(names[b]));
                if nothing && !measure.is_distance() {
                    // As DuckDB has it, also of two empty texts.
                    0.0
                } else {
                    self.words.measure(probe, (names[a], names[b]), *measure)
                }
            }
            Asked::Kilometres(latitude, longitude) => {
                let place = |at: usize| {
                    (self.columns[*latitude].numbers[at], self.columns[*longitude].numbers[at])
                };
                kilometres(place(a), place(b))
            }
            Asked::Cosine(columns) => {
                if let [one] = columns[..] {
                    let vectors = &self.columns[one].vectors;
                    cosine(vectors[a].iter().copied(), vectors[b].iter().copied())
                } else {
                    let of = |at: usize| columns.iter().map(move |&c| self.columns[c].numbers[at]);
                    cosine(of(a), of(b))
                }
            }
            Asked::Overlap(column) => {
                if !self.columns[*column].both(pair) {
                    return f64::NAN;
                }
                let lists = &self.columns[*column].lists;
                common(&lists[a], &lists[b]) as f64
            }
            Asked::Items(column, measure) => {
                let items = &self.columns[*column].items;
                let mut best = f64::NAN;
                for &x in &items[a] {
                    for &y in &items[b] {
                        let found = self.words.measure(probe, (x, y), *measure);
                        best =
                            if measure.is_distance() { best.min(found) } else { best.max(found) };
                    }
                }
                best
            }
            Asked::Letters(column) => {
                let names = &self.columns[*column].names;
                if names[a] == MISSING || names[b] == MISSING {
                    return f64::NAN;
                }
                let letters = |row: usize| &self.letters[names[row] as usize];
                let (x, y) = (letters(a), letters(b));
                let both = common(x, y);
                both as f64 / (x.len() + y.len() - both).max(1) as f64
            }
        };
        probe.memo[at] = found;
        found
    }
}

impl Part {
    fn both(&self, (a, b): (usize, usize)) -> bool {
        self.there[a] && self.there[b]
    }
}

/// What conditions ask of a column.
#[derive(Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "one for each form of a value")]
struct Wants {
    name: bool,
    sound: bool,
    number: bool,
    list: Option<char>,
    items: bool,
    vector: bool,
}

struct Maker<'a> {
    names: &'a [&'a str],
    asked: Vec<Asked>,
    wants: Vec<Wants>,
    /// Texts that conditions give.
    given: Vec<&'a str>,
}

impl<'a> Maker<'a> {
    fn place(&self, column: &str) -> usize {
        self.names.iter().position(|name| *name == column).unwrap_or_default()
    }

    fn name(&mut self, column: &str) -> usize {
        let at = self.place(column);
        self.wants[at].name = true;
        at
    }

    fn number(&mut self, column: &str) -> usize {
        let at = self.place(column);
        self.wants[at].number = true;
        at
    }

    fn ask(&mut self, asked: Asked) -> usize {
        self.asked.iter().position(|own| *own == asked).unwrap_or_else(|| {
            self.asked.push(asked);
            self.asked.len() - 1
        })
    }

    /// Whether what is asked is as alike as a threshold says.
    fn alike(&mut self, asked: Asked, measure: Measure, threshold: f64) -> Test {
        let at = self.ask(asked);
        if measure.is_distance() {
            Test::AtMost(at, threshold)
        } else {
            Test::AtLeast(at, threshold)
        }
    }

    fn test(&mut self, own: &'a Condition) -> Test {
        match own {
            Condition::Same { column } => Test::Same(self.name(column)),
            Condition::Sound { column } => {
                let at = self.name(column);
                self.wants[at].sound = true;
                Test::Sound(at)
            }
            Condition::Crossed { first, second } => {
                Test::Crossed(self.name(first), self.name(second))
            }
            Condition::Alike { column, measure, threshold } => {
                let at = self.name(column);
                self.alike(Asked::Alike(at, *measure), *measure, *threshold)
            }
            Condition::Within { column, most } => Test::Within(self.number(column), *most),
            Condition::Share { column, most } => Test::Share(self.number(column), *most),
            Condition::Kilometres { latitude, longitude, most } => {
                let place = (self.number(latitude), self.number(longitude));
                Test::AtMost(self.ask(Asked::Kilometres(place.0, place.1)), *most)
            }
            Condition::Cosine { columns, least } => {
                let places = if let [one] = &columns[..] {
                    let at = self.place(one);
                    self.wants[at].vector = true;
                    vec![at]
                } else {
                    columns.iter().map(|name| self.number(name)).collect()
                };
                Test::AtLeast(self.ask(Asked::Cosine(places)), *least)
            }
            Condition::Overlap { column, least, separator } => {
                let at = self.place(column);
                self.wants[at].list = Some(*separator);
                Test::AtLeast(self.ask(Asked::Overlap(at)), *least)
            }
            Condition::Subset { column } => {
                let at = self.place(column);
                self.wants[at].list.get_or_insert(SEPARATOR);
                Test::Subset(at)
            }
            Condition::Items { column, measure, threshold } => {
                let at = self.place(column);
                self.wants[at].items = true;
                self.alike(Asked::Items(at, *measure), *measure, *threshold)
            }
            Condition::Letters { column, least } => {
                let at = self.name(column);
                Test::AtLeast(self.ask(Asked::Letters(at)), *least)
            }
            Condition::Across { first, second } => {
                Test::Across(self.name(first), self.name(second))
            }
            Condition::Reads { column, value, right } => {
                self.given.push(value);
                let text = self.given.len() - 1;
                Test::Reads(self.name(column), text, *right)
            }
            Condition::Missing { column, right } => Test::Missing(self.place(column), *right),
            Condition::MissingOne { column } => Test::MissingOne(self.place(column)),
            Condition::MissingBoth { column } => Test::MissingBoth(self.place(column)),
            Condition::All { of } => Test::All(of.iter().map(|own| self.test(own)).collect()),
            Condition::Any { of } => Test::Any(of.iter().map(|own| self.test(own)).collect()),
            Condition::Not { of } => Test::Not(Box::new(self.test(of))),
        }
    }
}

/// A text as conditions compare it, into `out`: as a name, or its bytes as they are; false when nothing
/// is left.
fn canonical(text: &str, as_is: bool, out: &mut String) -> bool {
    if !as_is {
        return canon::name(text, out);
    }
    *out = canon::bytes(text);
    true
}

/// The items of a list: a list of a table, or text that is cut at the separator.
fn split(cell: &str, separator: char) -> impl Iterator<Item = &str> {
    let (cell, separator) = match cell.strip_prefix(ITEM) {
        Some(cell) => (cell, ITEM),
        None => (cell, separator),
    };
    cell.split(separator).map(str::trim).filter(|item| !item.is_empty())
}

/// The different items of a list, numbered and ascending.
fn list(cell: &str, separator: char, known: &mut FxHashMap<String, u32>) -> Vec<u32> {
    let mut items: Vec<u32> = split(cell, separator)
        .map(|item| {
            let next = known.len() as u32;
            *known.entry(item.to_owned()).or_insert(next)
        })
        .collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// The numbers of a vector written down; empty when something else stands there.
fn vector(cell: &str) -> Vec<f64> {
    let parts =
        cell.split(|letter: char| letter.is_whitespace() || ",;[]()\u{1d}".contains(letter));
    let numbers: Result<Vec<f64>, _> =
        parts.filter(|part| !part.is_empty()).map(str::parse).collect();
    numbers.unwrap_or_default()
}

/// Items that two ascending lists have in common.
fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().filter(|item| b.binary_search(item).is_ok()).count()
}

/// Cosine of the angle between two vectors; NaN where they have no or another length.
fn cosine(a: impl ExactSizeIterator<Item = f64>, b: impl ExactSizeIterator<Item = f64>) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let (dot, x, y) =
        a.zip(b).fold((0.0, 0.0, 0.0), |(dot, x, y), (a, b)| (dot + a * b, x + a * a, y + b * b));
    dot / (x * y).sqrt()
}

/// Kilometres between two places (latitude, longitude in degrees) by the haversine formula.
fn kilometres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let (from, to) = (a.0.to_radians(), b.0.to_radians());
    let turned = (b.1 - a.1).to_radians();
    let inner = half(to - from) + from.cos() * to.cos() * half(turned);
    2.0 * EARTH * inner.sqrt().clamp(0.0, 1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, Table};
    use crate::linkage::coded::Sides;
    use crate::linkage::comparer::Comparer;

    /// A quarter of a meridian, and Brussels to Antwerp beside the law of cosines.
    #[test]
    fn great_circles_have_their_length() {
        let quarter = std::f64::consts::FRAC_PI_2 * EARTH;
        assert!((kilometres((0.0, 4.0), (90.0, 4.0)) - quarter).abs() < 1e-9);
        let (a, b) = ((50.8503_f64, 4.3517_f64), (51.2194_f64, 4.4025_f64));
        let (x, y) = (a.0.to_radians(), b.0.to_radians());
        let angle = (x.sin() * y.sin() + x.cos() * y.cos() * (b.1 - a.1).to_radians().cos()).acos();
        assert!((kilometres(a, b) - angle * EARTH).abs() < 1e-6);
        assert_eq!(kilometres(a, a), 0.0);
        assert!(kilometres((f64::NAN, 4.0), b).is_nan());
    }

    /// Texts that conditions give sound as they do where none gives them.
    #[test]
    fn texts_that_conditions_give_keep_their_sound() {
        let one = |town: &str| Table::new([("town", Column::text([Some(town)]))]).unwrap();
        let reads = |value: &str, right| {
            let (column, value) = ("town".to_owned(), value.to_owned());
            Condition::Reads { column, value, right }
        };
        let given = reads("El Amrani", false).or(reads("Gent", false)).or(reads("Aalst", true));
        let compared =
            Comparison::levels("towns", [("sound", Condition::sound("town")), ("given", given)]);
        for (a, b, level) in [
            ("El Amrani", "Amrani", 0),
            ("Gent", "Aalst", 1),
            ("Lier", "Aalst", 1),
            ("Lier", "Gent", 2),
        ] {
            let (left, right) = (one(a), one(b));
            let own = Comparer::new(Sides::two(&left, &right), &compared).unwrap();
            let (a, b) = (own.coded.left.get(0), own.coded.right().get(0));
            assert_eq!(own.level(&mut own.probe(), a, b), level);
        }
    }

    #[test]
    fn vectors_and_lists_are_read_and_compared() {
        assert_eq!(vector("[1, -2.5e0]"), [1.0, -2.5]);
        assert_eq!(vector("1;x"), [0.0; 0]);
        let angle = |a: &str, b: &str| cosine(vector(a).into_iter(), vector(b).into_iter());
        assert!((angle("1 0", "1 1") - 0.5_f64.sqrt()).abs() < 1e-15);
        assert!(angle("1 0", "1").is_nan() && angle("0 0", "1 1").is_nan());
        let mut known = FxHashMap::default();
        let (a, b) = (list("a; b;a;;", SEPARATOR, &mut known), list("b;c", SEPARATOR, &mut known));
        assert_eq!((a.len(), common(&a, &b)), (2, 1));
    }
}
