//! Persons, nationalities, parents, residence, households, deaths, and the roll-out outcome.

use super::Sheets;
use crate::countries::COUNTRIES;
use crate::draw::Purpose;
use crate::dynamics::State;
use crate::imperfection::Imperfection;
use crate::life::{Life, international};
use crate::params::{FIRST, QUARTERS, ROLLOUT_SD, rollout_effect, rollout_trend};
use crate::person::quarter_of;
use crate::places::rollout_person;
use crate::rows::Cell;
use kruispunt::data::Day;

pub(super) fn write(sheets: &mut Sheets, life: &Life<'_>, household: &[Life<'_>]) {
    person(sheets, life, household);
    nationalities(sheets, life);
    parents(sheets, life);
    residence(sheets, life);
    deaths(sheets, life);
    if life.person.is_focal() {
        rollout(sheets, life);
    }
}

fn person(sheets: &mut Sheets, life: &Life<'_>, household: &[Life<'_>]) {
    let person = life.person;
    let pid_of = |key: Option<u64>| {
        household.iter().find(|other| Some(other.person.key) == key).map(|other| other.person.pid)
    };
    let last = life.seen[QUARTERS - 1];
    let register = match last {
        State::Abroad => 3,
        State::NotYet => 2,
        _ => u32::from(life.chance(Purpose::Code, 0, 1, 0.1)),
    };
    let eu = international(person, life.draws);
    sheets.persons.push(&[
        Cell::Int(person.pid),
        Cell::from(person.is_focal()),
        Cell::Code(register),
        Cell::Text(&life.identity.birth),
        Cell::Code(u32::from(person.woman)),
        Cell::Text(person.born_in()),
        Cell::Text(person.first_nationality()),
        Cell::Code(person.origin as u32),
        Cell::Code(person.generation as u32),
        Cell::Day(registered_arrival(life)),
        Cell::from(reason(life)),
        Cell::from(eu.then_some(0_u32)),
        Cell::from(pid_of(person.father)),
        Cell::from(pid_of(person.mother)),
    ]);
}

/// The reason of stay, as far as it is filled in.
fn reason(life: &Life<'_>) -> Option<u32> {
    let person = life.person;
    let reason = person.reason?;
    if !life.has(Imperfection::It202Blank) {
        return Some(reason);
    }
    let (year, _, _) = person.arrival.ymd();
    let mut blank: f64 = match year {
        ..=2008 => 0.9,
        2009 => 0.5,
        2010..=2012 => 0.15,
        _ => 0.03,
    };
    if person.generation == 2 {
        blank = blank.max(0.5);
    }
    (!life.chance(Purpose::Fault, 0, 1, blank)).then_some(reason)
}

/// The first day in the person file.
fn registered_arrival(life: &Life<'_>) -> Day {
    let person = life.person;
    let hidden = life.has(Imperfection::WachtregisterMissing) && person.reason == Some(1);
    let open = Day::new(2011, 1, 1).unwrap_or_default();
    if hidden && person.arrival < open {
        return Day((person.arrival.0 + 6 * 91).min(open.0));
    }
    person.arrival
}

fn nationalities(sheets: &mut Sheets, life: &Life<'_>) {
    let person = life.person;
    let first = person.first_nationality();
    let belgian = COUNTRIES[0].code;
    let here = person.arrival;
    let years = 5.0 + 15.0 * life.unit(Purpose::Code, 0, 10);
    let change = here + (years * 365.25) as i32;
    let changes = first != belgian
        && change <= life.stage.last_day()
        && person.death.is_none_or(|day| change < day)
        && life.chance(Purpose::Code, 0, 11, 0.5);
    let mut spell = |nat: &str, from: Day, to: Option<Day>| {
        let row = [Cell::Int(person.pid), Cell::Text(nat), Cell::Day(from), Cell::from(to)];
        sheets.nationality_spells.push(&row);
    };
    if changes {
        spell(first, here, Some(change + -1));
        spell(belgian, change, None);
    } else {
        spell(first, here, None);
    }
}

fn parents(sheets: &mut Sheets, life: &Life<'_>) {
    let person = life.person;
    let belgian = COUNTRIES[0].code;
    let own = COUNTRIES[person.country].code;
    let unknown = if person.origin == 0 { 0.03 } else { 0.08 };
    let no_father = life.chance(Purpose::Code, 0, 20, unknown);
    let no_mother = life.chance(Purpose::Code, 0, 21, unknown / 4.0);
    // The origin rule takes the father first: where only one parent is from abroad and the father
    // is known, it is he.
    let mixed = life.chance(Purpose::Code, 0, 22, 0.18);
    let mother = if mixed && !no_father { belgian } else { own };
    let of = |nat: &'static str, missing: bool| Cell::from((!missing).then_some(nat));
    sheets.parents.push(&[
        Cell::Int(person.pid),
        of(own, no_father),
        of(mother, no_mother),
        of(own, no_father),
        of(own, no_father),
        of(mother, no_mother),
        of(mother, no_mother),
        Cell::from(no_father),
        Cell::from(no_mother),
    ]);
}

/// Stays in Belgium, cut at moves.
fn residence(sheets: &mut Sheets, life: &Life<'_>) {
    let person = life.person;
    let annual = life.has(Imperfection::AnnualAttributes);
    let recoded = life.has(Imperfection::NisRecode);
    let old_sectors = life.has(Imperfection::StatSec);
    let year_2009 = Day::new(2009, 1, 1).unwrap_or_default();
    let registered = registered_arrival(life);
    let mut open: Option<(Day, usize)> = None;
    let mut close = |open: &mut Option<(Day, usize)>, to: Option<Day>, why: Option<u32>| {
        let Some((from, home)) = open.take() else { return };
        let from = from.max(registered);
        if to.is_some_and(|to| to < from) {
            return;
        }
        let place = &life.stage.municipalities[home];
        let nis5 = if recoded { &place.nis5_2019 } else { &place.nis5 };
        let sector = if old_sectors && from < year_2009 {
            format!("{nis5}{}{:02}-", ["K", "L", "M"][home % 3], person.key * 7 % 20)
        } else {
            format!("{nis5}{}{:02}-", ["A", "B", "C"][home % 3], person.key % 20)
        };
        sheets.residence_spells.push(&[
            Cell::Int(person.pid),
            Cell::Text(nis5),
            Cell::Day(from),
            Cell::from(to),
            Cell::from(why),
            Cell::Text(&sector),
        ]);
    };
    for run in &life.runs {
        if !run.state.resident() {
            let why = match run.state {
                State::Dead => 3,
                _ if life.career.actual[run.first.saturating_sub(1)] == State::Abroad => 2,
                _ => 1,
            };
            close(&mut open, Some(run.from + -1), Some(why));
            continue;
        }
        if open.is_none() {
            let from = if run.first == 0 { person.arrival } else { run.from };
            open = Some((from, life.home[run.first]));
        }
        for q in run.first..=run.last {
            let Some((from, home)) = open else { continue };
            if life.home[q] == home {
                continue;
            }
            let mut day = life.day_in(Purpose::Place, q, 2);
            if annual {
                let (year, _, _) = day.ymd();
                day = Day::new(year + 1, 1, 1).unwrap_or(day);
            }
            // The stay must outlast the day of the move.
            let lasts = run.to.is_none_or(|to| day <= to) || run.next.is_some_and(State::resident);
            if day > from && lasts && day <= life.stage.last_day() {
                close(&mut open, Some(day + -1), Some(0));
                open = Some((day, life.home[q]));
            }
        }
    }
    close(&mut open, None, None);
}

/// Everybody resident on 31 December, with the place in the household.
pub(super) fn households(sheets: &mut Sheets, household: &[Life<'_>]) {
    for q in (3..QUARTERS).step_by(4) {
        let here = |life: &&Life<'_>| life.seen[q].resident();
        let adults = household.iter().filter(here).filter(|life| life.person.key % 8 < 2).count();
        let home = |life: &Life<'_>| life.person.key % 8 >= 2 && life.person.age(q) < 25;
        let children = household.iter().filter(here).filter(|life| home(life)).count();
        let Some(first) = household.iter().find(|life| life.seen[q].resident()) else { continue };
        let married = first.chance(Purpose::Code, 0, 30, 0.7);
        for life in household.iter().filter(here) {
            let left = life.person.key % 8 >= 2 && !home(life);
            let lipro = match (left, home(life), adults, children) {
                (true, ..) => 0,
                (_, true, 2, _) if married => 3,
                (_, true, 2, _) => 6,
                (_, true, ..) => 8,
                (_, _, 2, 0) => {
                    if married {
                        1
                    } else {
                        4
                    }
                }
                (_, _, 2, _) => {
                    if married {
                        2
                    } else {
                        5
                    }
                }
                (_, _, _, 0) => 0,
                _ => 7,
            };
            let reference = if left { life.person.pid } else { first.person.pid };
            sheets.households.push(&[
                Cell::Period((FIRST + q as i32) / 4),
                Cell::Int(life.person.pid),
                Cell::Int(reference),
                Cell::Code(lipro),
            ]);
        }
    }
}

fn deaths(sheets: &mut Sheets, life: &Life<'_>) {
    let Some(day) = life.person.death.filter(|day| quarter_of(*day) < QUARTERS as i32) else {
        return;
    };
    // The registers know the death of residents only.
    let q = quarter_of(day).max(1) as usize;
    if !life.seen[q - 1].resident() {
        return;
    }
    let mut row = |day: Day| sheets.deaths.push(&[Cell::Int(life.person.pid), Cell::Day(day)]);
    row(day);
    if life.has(Imperfection::DoubleDeath) && life.chance(Purpose::Fault, 0, 2, 0.03) {
        row(day + 1 + life.draws.below(Purpose::Fault, 0, 3, 40) as i32);
    }
}

fn rollout(sheets: &mut Sheets, life: &Life<'_>) {
    let place = &life.stage.municipalities[life.person.municipality];
    let own = rollout_person(life.draws, place.adoption);
    for q in (0..QUARTERS).filter(|&q| life.career.actual[q].resident()) {
        let since = place.adoption.and_then(|adoption| Some((adoption, q.checked_sub(adoption)?)));
        let effect = since.map_or(0.0, |(cohort, e)| rollout_effect(cohort, e));
        let noise = ROLLOUT_SD * life.draws.normal(Purpose::Rollout, q as u64, 1);
        sheets.rollout_outcome.push(&[
            Cell::Period(FIRST + q as i32),
            Cell::Int(life.person.pid),
            Cell::Text(&place.nis5),
            Cell::Float(own + rollout_trend(q) + effect + noise),
        ]);
    }
}
