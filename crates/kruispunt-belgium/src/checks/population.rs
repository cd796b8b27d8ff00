//! Persons, residence, deaths.

use super::registers::Registers;
use super::{Absent, Check, Seen};
use crate::calendar::WAITING_REGISTER;
use crate::country::country_of;
use crate::coverage::ASYLUM;
use kruispunt::data::Day;
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "wachtregister_missing_before_2011",
        table: "persons",
        look: waiting_register,
        what: "asylum seekers enter the person file on the day the waiting register joined it",
        advice: "leave asylum seekers out before 2011, or date their arrival by another register",
    },
    Check {
        name: "it202_blank",
        table: "persons",
        look: reason_blank,
        what: "the reason of stay is blank for foreign-born persons registered before 2010",
        advice: "use the reason of stay for arrivals from 2010 on only; keep unknown as a category",
    },
    Check {
        name: "january_first",
        table: "persons",
        look: january_first,
        what: "birth dates heap on 1 January or miss their month and day",
        advice: "compare birth dates with a level for 1 January; never match on it alone",
    },
    Check {
        name: "annual_attributes",
        table: "residence_spells",
        look: annual,
        what: "moves are dated 1 January: residence is known once a year only",
        advice: "do not date moves within the year; use lags of whole years",
    },
    Check {
        name: "statsec_recode_2009",
        table: "residence_spells",
        look: sector_break,
        what: "stays from before 2009 in statistical sectors of the old division",
        advice: "compare sectors within one side of 2009 only, or use municipalities",
    },
    Check {
        name: "nis_recode",
        table: "residence_spells",
        look: recoded_places,
        what: "stays from before 2019 with municipality codes of 2019, or codes no list has",
        advice: "bring all files to the codes of one day: crosswalk(...) with nis_crosswalk()",
    },
    Check {
        name: "silent_exit",
        table: "residence_spells",
        look: silent_exit,
        what: "stays that ended because the person was struck off: the departure came earlier",
        advice: "end residence at the last sign of life in any register, or do without the last year",
    },
    Check {
        name: "double_death",
        table: "deaths",
        look: double_death,
        what: "persons with more than one date of death",
        advice: "take the earliest",
    },
    Check {
        name: "life_after_death",
        table: "nomenc",
        look: life_after_death,
        what: "positions in a quarter after the one of death",
        advice: "censor at the earliest date of death",
    },
    Check {
        name: "bis_to_nr",
        table: "insz_history",
        look: replaced_numbers,
        what: "clients known under a number that was replaced",
        advice: "link with the history of numbers: key_link(..., history=...)",
    },
    Check {
        name: "dup_bis",
        table: "identities",
        look: duplicate_persons,
        what: "two numbers with the same name, birth date and sex, one of them a BIS number",
        advice: "deduplicate the identities before linking to them",
    },
];

fn belgian(code: &str) -> bool {
    country_of(code).is_some_and(|country| country.iso2 == "BE")
}

fn waiting_register(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let reasons = registers.texts("persons", "it202")?;
    let first = registers.days("persons", "first_reg_date")?;
    let joined = Some(WAITING_REGISTER.day());
    let asylum = |row: &usize| reasons.get(*row) == Some(ASYLUM) && first[*row].is_some();
    let of = (0..first.len()).filter(asylum).count();
    let heaped = (0..first.len()).filter(|row| asylum(row) && first[*row] == joined).count();
    Ok(Seen::above(heaped, of, 0.01))
}

fn reason_blank(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let reasons = registers.texts("persons", "it202")?;
    let born = registers.texts("persons", "birth_country")?;
    let first = registers.days("persons", "first_reg_date")?;
    let early = |row: &usize| {
        born.get(*row).is_some_and(|code| !belgian(code))
            && first[*row].is_some_and(|day| day.ymd().0 < 2010)
    };
    let of = (0..first.len()).filter(early).count();
    let blank = (0..first.len()).filter(|row| early(row) && reasons.get(*row).is_none()).count();
    Ok(Seen::above(blank, of, 0.10))
}

/// One birth in 365 falls on 1 January; found when the share is three times that.
fn january_first(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let births = registers.texts("persons", "birth_date")?;
    let of = births.iter().flatten().count();
    let heaped = |text: &&str| text.ends_with("-01-01") || text.contains("-00");
    let rows = births.iter().flatten().filter(heaped).count();
    Ok(Seen::above(rows, of, 3.0 / 365.25))
}

fn annual(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let persons = registers.texts("residence_spells", "pid")?;
    let from = registers.days("residence_spells", "from")?;
    let why = registers.texts("residence_spells", "reason_out")?;
    // a move: a spell that starts the day after another of the same person ended by a move
    let mut moved = FxHashSet::default();
    let to = registers.days("residence_spells", "to")?;
    for (row, end) in to.iter().enumerate() {
        if let (Some(person), Some(end), Some("0")) = (persons.get(row), end, why.get(row)) {
            moved.insert((person, *end + 1));
        }
    }
    let is_move =
        |row: &usize| persons.get(*row).zip(from[*row]).is_some_and(|key| moved.contains(&key));
    let moves: Vec<usize> = (0..from.len()).filter(is_move).collect();
    let first = |row: &&usize| from[**row].is_some_and(|day| matches!(day.ymd(), (_, 1, 1)));
    Ok(Seen::above(moves.iter().filter(first).count(), moves.len(), 0.25))
}

/// Sectors that two stays or more have: how many have all on one side of 2009, against how many
/// would if the side had nothing to do with the sector. With one stay a sector nobody can tell.
fn sector_break(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let sectors = registers.texts("residence_spells", "stat_sec")?;
    let from = registers.days("residence_spells", "from")?;
    let mut sides: FxHashMap<&str, [usize; 2]> = FxHashMap::default();
    let mut all = [0_usize; 2];
    for (row, from) in from.iter().enumerate() {
        if let (Some(sector), Some(from)) = (sectors.get(row), from) {
            let side = usize::from(from.ymd().0 >= 2009);
            sides.entry(sector).or_default()[side] += 1;
            all[side] += 1;
        }
    }
    let share = all[0] as f64 / (all[0] + all[1]).max(1) as f64;
    let (mut one_sided, mut expected, mut sectors) = (0_usize, 0.0, 0_usize);
    for [before, after] in sides.into_values().filter(|sides| sides[0] + sides[1] > 1) {
        let stays = (before + after) as f64;
        sectors += 1;
        one_sided += usize::from(before == 0 || after == 0);
        expected += share.powf(stays) + (1.0 - share).powf(stays);
    }
    let found =
        all[0] > 0 && all[1] > 0 && one_sided as f64 > f64::midpoint(expected, sectors as f64);
    Ok(Seen { rows: if found { all[0] } else { 0 }, of: all[0] + all[1], found })
}

/// Codes that the list of municipalities does not have (where there is a list), and codes of 2019 in
/// stays from before.
fn recoded_places(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let places = registers.texts("residence_spells", "nis5")?;
    let from = registers.days("residence_spells", "from")?;
    let list = registers.texts("municipalities", "nis5").ok();
    let list: Option<FxHashSet<&str>> = list.as_ref().map(|list| list.iter().flatten().collect());
    let changes = crate::codes::table("nis_changes").unwrap_or_default();
    let new = changes.get("new_code");
    let new: FxHashSet<String> =
        (0..changes.n_rows()).filter_map(|row| new.and_then(|new| new.label(row))).collect();
    let change = Day::new(2019, 1, 1).unwrap_or_default();
    let odd = |row: &usize| {
        places.get(*row).is_some_and(|place| {
            let early = from[*row].is_some_and(|from| from < change);
            list.as_ref().is_some_and(|list| !list.contains(place)) || early && new.contains(place)
        })
    };
    Ok(Seen::any((0..from.len()).filter(odd).count(), places.iter().flatten().count()))
}

fn silent_exit(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let why = registers.texts("residence_spells", "reason_out")?;
    let of = why.iter().filter(|why| matches!(why, Some("1" | "2"))).count();
    Ok(Seen::any(why.iter().filter(|why| *why == Some("2")).count(), of))
}

fn double_death(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let persons = registers.texts("deaths", "pid")?;
    let days = registers.days("deaths", "death_date")?;
    let mut dates: FxHashMap<&str, FxHashSet<Day>> = FxHashMap::default();
    for (person, day) in persons.iter().zip(days) {
        if let (Some(person), Some(day)) = (person, day) {
            dates.entry(person).or_default().insert(day);
        }
    }
    Ok(Seen::any(dates.values().filter(|days| days.len() > 1).count(), dates.len()))
}

fn life_after_death(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let persons = registers.texts("deaths", "pid")?;
    let days = registers.days("deaths", "death_date")?;
    let mut died: FxHashMap<&str, Day> = FxHashMap::default();
    for (person, day) in persons.iter().zip(days) {
        if let (Some(person), Some(day)) = (person, day) {
            let first = died.entry(person).or_insert(day);
            *first = day.min(*first);
        }
    }
    let seen = registers.texts("nomenc", "pid")?;
    let quarters = registers.quarters("nomenc", "quarter")?;
    let after = |(person, quarter): &(Option<&str>, Option<kruispunt::data::Period>)| {
        let death = person.and_then(|person| died.get(person));
        death.zip(*quarter).is_some_and(|(death, quarter)| *death < quarter.first_day())
    };
    let rows = seen.iter().zip(quarters.iter().copied()).filter(after).count();
    Ok(Seen::any(rows, quarters.len()))
}

fn replaced_numbers(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let old = registers.texts("insz_history", "old_insz")?;
    let old: FxHashSet<&str> = old.iter().flatten().collect();
    let clients = registers.texts("vdab_klanten", "insz")?;
    let of = clients.iter().flatten().count();
    Ok(Seen::any(clients.iter().flatten().filter(|insz| old.contains(insz)).count(), of))
}

fn duplicate_persons(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let of = |name: &str| registers.texts("identities", name);
    let (insz, surname, first) = (of("insz")?, of("surname")?, of("first_name")?);
    let (birth, sex) = (of("birth_date")?, of("sex")?);
    let mut alike: FxHashMap<_, (usize, bool)> = FxHashMap::default();
    for row in 0..insz.len() {
        let person = (surname.get(row), first.get(row), birth.get(row), sex.get(row));
        if person.0.is_none() || person.1.is_none() {
            continue;
        }
        let (count, bis) = alike.entry(person).or_default();
        *count += 1;
        *bis |= insz.get(row).is_some_and(is_bis);
    }
    let rows = alike.values().filter(|(count, bis)| *count > 1 && *bis).count();
    Ok(Seen::any(rows, insz.len()))
}

/// The month of a BIS number is raised by 20 or 40.
fn is_bis(insz: &str) -> bool {
    insz.as_bytes().get(2).is_some_and(|tens| (b'2'..=b'5').contains(tens))
}
