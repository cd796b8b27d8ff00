//! Civic integration: dossiers and their parts.

use super::{Batch, Link};
use crate::draw::{Draws, Purpose, permute};
use crate::imperfection::Imperfection;
use crate::life::{Life, Stage};
use crate::misspell::{misspell, written_insz};
use crate::params::QUARTERS;
use crate::person::{Person, quarter_of};
use crate::rows::Cell;
use kruispunt::data::Day;

/// Place of `kbi_dossier` in the list of sources.
const SOURCE: u32 = 1;
const FILE: u64 = 1;
/// Chance that a newcomer of an origin group has a dossier.
const HAS: [f64; 6] = [0.0, 0.05, 0.25, 0.80, 0.80, 0.75];
const NT2: u32 = 1;

/// The day on which a newcomer applies, of those who ever do.
fn application(stage: &Stage, person: &Person, draws: Draws) -> Option<Day> {
    let unit = |what: u64| draws.unit(Purpose::Kbi, 0, what);
    if person.generation != 1 || !person.newcomer() || unit(0) >= HAS[person.origin] {
        return None;
    }
    let first = person.arrival + 30 + (270.0 * unit(1)) as i32;
    let gone = first > stage.last_day() || person.death.is_some_and(|day| day <= first);
    (!gone).then_some(first)
}

/// The day of the contract, of those who sign one.
pub(crate) fn contract(stage: &Stage, person: &Person, draws: Draws) -> Option<Day> {
    let unit = |what: u64| draws.unit(Purpose::Kbi, 0, what);
    let day = application(stage, person, draws)? + 20 + (70.0 * unit(2)) as i32;
    (unit(4) < 0.85 && day <= stage.last_day()).then_some(day)
}

pub(super) fn write(batch: &mut Batch, life: &Life<'_>) {
    let person = life.person;
    let unit = |what: u64| life.unit(Purpose::Kbi, 0, what);
    let Some(first) = application(life.stage, person, life.draws) else { return };
    let last = life.stage.last_day();
    let numbers = Numbers::of(life, first);
    let contract = first + 20 + (70.0 * unit(2)) as i32;
    let loose = life.has(Imperfection::Nt2WithoutTraject) && unit(3) < 0.08;
    let signed = !loose && unit(4) < 0.85 && contract <= last;
    let parts = if signed || loose { parts(batch, life, &numbers, contract, loose) } else { None };
    let course = Course { first, contract, signed, parts };
    match parts {
        Some((end, passed)) if end >= numbers.changed => {
            // As it stood at the change, without an end; and under its new number.
            let parts = Some((last + 1, passed));
            dossier(batch, life, &numbers.old, &Course { parts, ..course });
            dossier(batch, life, &numbers.new, &course);
        }
        _ => dossier(batch, life, &numbers.old, &course),
    }
}

/// Numbers of a dossier: of the old application, and of the new one from a day on.
struct Numbers {
    old: String,
    new: String,
    /// When the dossier gets its new number; never for those that have one from the beginning.
    changed: Day,
}

impl Numbers {
    fn of(life: &Life<'_>, first: Day) -> Self {
        let series = |domain: u64| {
            let number = permute(life.stage.seed, domain, life.person.key);
            let letter = char::from(b'A' + (number / 10_000_000 % 26) as u8);
            format!("{letter}{:07}", number % 10_000_000)
        };
        let (old, new, change) = (series(6), series(7), year(2015));
        match (life.has(Imperfection::KbiRenumber), first < change) {
            (true, true) => Self { old, new, changed: change },
            (true, false) => Self { old: new.clone(), new, changed: Day::OPEN },
            (false, _) => Self { new: old.clone(), old, changed: Day::OPEN },
        }
    }

    fn on(&self, day: Day) -> &str {
        if day < self.changed { &self.old } else { &self.new }
    }
}

#[derive(Clone, Copy)]
struct Course {
    first: Day,
    contract: Day,
    signed: bool,
    /// Last day of the parts and whether all were passed.
    parts: Option<(Day, bool)>,
}

fn dossier(batch: &mut Batch, life: &Life<'_>, number: &str, course: &Course) {
    let person = life.person;
    let faults = &life.stage.faults;
    let unit = |what: u64| life.unit(Purpose::Kbi, 0, what);
    let written = misspell(&life.identity, person.origin, life.draws, FILE, faults);
    let known = life.numbers.on(course.first).compact();
    let without = life.has(Imperfection::InszErrors) && unit(10) < 0.25;
    let insz = written_insz(&known, person.origin, life.draws, FILE, faults).filter(|_| !without);
    let last = life.stage.last_day();
    let done = course.parts.filter(|(end, _)| course.signed && *end <= last);
    let attest = done.filter(|(_, passed)| *passed).map(|(end, _)| end + 14);
    let status = match (course.signed, done, attest) {
        (false, ..) => 0_u32,
        (_, None, _) => 1,
        (_, _, Some(_)) => 2,
        _ => 3,
    };
    let empty = life.has(Imperfection::KbiStatusEmpty) && course.parts.is_none();
    let obliged = person.origin >= 3 && person.reason.is_some_and(|why| why < 3);
    let q = quarter_of(course.first).clamp(0, QUARTERS as i32 - 1) as usize;
    let org = match (life.place_of(q).province, course.first < year(2015)) {
        ("Antwerpen", _) if unit(11) < 0.6 => 1_u32,
        ("Oost-Vlaanderen", true) if unit(11) < 0.5 => 3,
        ("Oost-Vlaanderen", false) if unit(11) < 0.5 => 2,
        ("Vlaams-Brabant", _) if unit(11) < 0.3 => 4,
        _ => 0,
    };
    batch.sheets.kbi_dossier.push(&[
        Cell::Text(number),
        Cell::Text(&written.surname),
        Cell::Text(&written.first_name),
        Cell::Int(0),
        Cell::Text(&written.birth),
        Cell::Code(u32::from(person.woman)),
        Cell::Text(person.first_nationality()),
        Cell::Text(&life.place_of(q).postcode),
        Cell::from(insz.as_deref()),
        Cell::Code(org),
        Cell::Code(u32::from(!obliged)),
        Cell::Day(course.first),
        Cell::from(course.signed.then_some(course.contract)),
        Cell::from(attest.filter(|day| *day <= last)),
        Cell::from(attest.filter(|day| *day <= last).map(|_| 0_u32)),
        Cell::from((!empty).then_some(status)),
    ]);
    let link = Link { source: SOURCE, record: number.to_owned(), pid: person.pid };
    batch.links.push(link);
}

fn year(year: i32) -> Day {
    Day::new(year, 1, 1).unwrap_or_default()
}

/// Writes the parts; gives their last day and whether all were passed.
fn parts(
    batch: &mut Batch,
    life: &Life<'_>,
    numbers: &Numbers,
    from: Day,
    loose: bool,
) -> Option<(Day, bool)> {
    let last = life.stage.last_day();
    let unit = |what: u64| life.unit(Purpose::Kbi, 1, what);
    let track = [0_u32, 1, 2][crate::draw::pick(unit(0), &[0.55, 0.28, 0.17])];
    let goal = if from < year(2016) { 1 } else { 2 };
    let mut end: Option<(Day, bool)> = None;
    let mut part = |what: u32, level: Option<u32>, start: Day, days: i32, hours: f64, u: f64| {
        if start > last {
            return;
        }
        let stop = start + days;
        let result = match u {
            _ if stop > last => 2_u32,
            u if u < 0.78 => 0,
            u if u < 0.93 => 1,
            _ => 2,
        };
        let language = what == NT2;
        batch.sheets.kbi_onderdelen.push(&[
            Cell::Text(numbers.on(start)),
            Cell::Code(what),
            Cell::from(level),
            Cell::from(language.then_some(track)),
            Cell::Day(start),
            Cell::from((stop <= last).then_some(stop)),
            Cell::Float(hours),
            Cell::Code(result),
        ]);
        let (known, passed) = end.unwrap_or((stop, true));
        end = Some((known.max(stop), passed && result == 0));
    };
    if !loose {
        part(0, None, from + 15 + (60.0 * unit(1)) as i32, 75, 60.0, unit(2));
        part(3, None, from, 200, 12.0, unit(3) * 0.7);
    }
    let mut start = from + 30 + (90.0 * unit(4)) as i32;
    for level in 1..=goal {
        let (days, hours) = [(110, 120.0), (160, 180.0), (300, 300.0)][track as usize];
        part(NT2, Some(level), start, days, hours, unit(10 + u64::from(level)));
        start = start + days + 20 + (60.0 * unit(20 + u64::from(level))) as i32;
    }
    end
}
