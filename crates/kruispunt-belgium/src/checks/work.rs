//! Jobs, positions, benefits.

use super::registers::{Registers, Texts};
use super::{Absent, Check, Seen};
use crate::country::{Origin, country_of};
use kruispunt::data::{Day, Period};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "estab_only_q2q4",
        table: "dmfa_jobs",
        look: establishment,
        what: "the establishment is missing in the first and third quarters until 2014",
        advice: "carry it over from the next quarter of the same job, or use even quarters only",
    },
    Check {
        name: "several_lines_same_job",
        table: "dmfa_jobs",
        look: several_lines,
        what: "jobs with more than one line over the same days of a quarter",
        advice: "sum the lines of a person, employer and quarter before counting jobs",
    },
    Check {
        name: "job_line_split_on_contract_change",
        table: "dmfa_jobs",
        look: split_lines,
        what: "jobs with lines for successive parts of a quarter",
        advice: "merge the spells of a person and employer (gap = 0) before counting jobs",
    },
    Check {
        name: "days_over_65",
        table: "dmfa_jobs",
        look: many_days,
        what: "lines with more than 65 paid days in a quarter",
        advice: "cap days at 65 when they become a working volume; leave day wages as they are",
    },
    Check {
        name: "neg_correction_wage",
        table: "dmfa_jobs",
        look: negative_wage,
        what: "lines that correct an earlier wage downwards",
        advice: "sum them into the quarter they correct; never take the log of a line",
    },
    Check {
        name: "dibiss_break_2017",
        table: "dmfa_jobs",
        look: dibiss,
        what: "the panel crosses 1 January 2017, when local government joined the national file",
        advice: "read both sources before 2017 (RSZ and RSZPPO) or end at 2016Q4",
    },
    Check {
        name: "nomenclature_2003",
        table: "nomenc",
        look: nomenclature,
        what: "positions from before 2003, when a person could hold several",
        advice: "start at 2003Q1, or resolve the positions of a quarter by a declared order",
    },
    Check {
        name: "eu_staff_as_inactive",
        table: "nomenc",
        look: eu_staff,
        what: "staff of European institutions who never work by the register",
        advice: "leave persons with it210 out of rates, or count them as employed",
    },
    Check {
        name: "crossborder_workers_as_inactive",
        table: "nomenc",
        look: cross_border,
        what: "persons of border municipalities who never work, far more than elsewhere",
        advice: "show rates without border municipalities beside those with them",
    },
    Check {
        name: "informal_work_hidden",
        table: "nomenc",
        look: undeclared,
        what: "newcomers from outside the European Union whose position is unknown, far more than others",
        advice: "unknown is not inactive: show bounds with all of them at work and none",
    },
    Check {
        name: "student_jobs_in_dmfa",
        table: "dmfa_jobs",
        look: student_jobs,
        what: "lines of pupils and students (worker codes 840 and 841)",
        advice: "leave them out of regular work: stable_employment(..., exclude=...)",
    },
    Check {
        name: "coverage_hole",
        table: "nomenc",
        look: coverage,
        what: "quarters without rows, or with less than half of those of their neighbours",
        advice: "ask for the missing quarters; do not read their absence as inactivity",
    },
];

fn establishment(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let quarters = registers.quarters("dmfa_jobs", "quarter")?;
    let places = registers.texts("dmfa_jobs", "nis_estab")?;
    let (mut odd, mut odd_blank, mut even, mut even_blank) = (0, 0, 0, 0);
    for (row, quarter) in quarters.iter().enumerate() {
        let Some(quarter) = quarter.filter(|quarter| quarter.year() <= 2014) else { continue };
        let blank = usize::from(places.get(row).is_none());
        if matches!(quarter.first_day().ymd().1, 1 | 7) {
            odd += 1;
            odd_blank += blank;
        } else {
            even += 1;
            even_blank += blank;
        }
    }
    let share = |blank: usize, of: usize| blank as f64 / of.max(1) as f64;
    let found = share(odd_blank, odd) > share(even_blank, even) + 0.25;
    Ok(Seen { rows: odd_blank, of: odd, found })
}

type Line<'a> = (&'a str, &'a str, Period);

/// For each job and quarter: its lines, whether two cover the same day, whether one follows another.
fn lines(registers: &Registers<'_>, look: impl Fn(&[(i32, i32)]) -> bool) -> Result<Seen, Absent> {
    let of = |name: &str| registers.texts("dmfa_jobs", name);
    let (persons, employers) = (of("pid")?, of("matric")?);
    let quarters = registers.quarters("dmfa_jobs", "quarter")?;
    let (start, end) = (registers.days("dmfa_jobs", "start")?, registers.days("dmfa_jobs", "end")?);
    let mut jobs: FxHashMap<Line<'_>, Vec<(i32, i32)>> = FxHashMap::default();
    for row in 0..quarters.len() {
        let key = persons.get(row).zip(employers.get(row)).zip(quarters[row]);
        let Some(((person, employer), quarter)) = key else { continue };
        if let (Some(start), Some(end)) = (start[row], end[row]) {
            jobs.entry((person, employer, quarter)).or_default().push((start.0, end.0));
        }
    }
    let mut rows = 0;
    for lines in jobs.values_mut().filter(|lines| lines.len() > 1) {
        lines.sort_unstable();
        rows += usize::from(look(lines));
    }
    Ok(Seen::above(rows, jobs.len(), 0.001))
}

fn several_lines(registers: &Registers<'_>) -> Result<Seen, Absent> {
    lines(registers, |lines| lines.windows(2).any(|pair| pair[1].0 <= pair[0].1))
}

fn split_lines(registers: &Registers<'_>) -> Result<Seen, Absent> {
    lines(registers, |lines| lines.windows(2).any(|pair| pair[1].0 == pair[0].1 + 1))
}

fn many_days(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let days = registers.numbers("dmfa_jobs", "days_ft")?;
    Ok(Seen::any(days.iter().filter(|days| **days > 65.0).count(), days.len()))
}

fn negative_wage(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let wages = registers.numbers("dmfa_jobs", "wage_ord")?;
    Ok(Seen::any(wages.iter().filter(|wage| **wage < 0.0).count(), wages.len()))
}

fn dibiss(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let quarters = registers.quarters("dmfa_jobs", "quarter")?;
    let after = quarters.iter().flatten().filter(|quarter| quarter.year() >= 2017).count();
    Ok(Seen { rows: after, of: quarters.len(), found: after > 0 && after < quarters.len() })
}

fn nomenclature(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let quarters = registers.quarters("nomenc", "quarter")?;
    let before = quarters.iter().flatten().filter(|quarter| quarter.year() < 2003).count();
    Ok(Seen::any(before, quarters.len()))
}

fn eu_staff(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let of = |name: &str| registers.texts("persons", name);
    let (persons, staff) = (of("pid")?, of("it210")?);
    let staff: FxHashSet<&str> = persons
        .iter()
        .zip(staff.iter())
        .filter_map(|(pid, it210)| pid.filter(|_| it210.is_some()))
        .collect();
    let seen = registers.texts("nomenc", "pid")?;
    let careers = careers(registers, &seen)?;
    let own = careers.iter().filter(|(person, _)| staff.contains(*person));
    let (mut rows, mut of) = (0, 0);
    for (_, (_, works)) in own.filter(|(_, (quarters, _))| *quarters >= LONG) {
        of += 1;
        rows += usize::from(!works);
    }
    Ok(Seen { rows, of, found: 2 * rows > of })
}

/// Quarters with a position that tell whether somebody works.
const LONG: usize = 12;

/// Quarters of positions of each person, children and pensioners aside, and whether any is at work.
fn careers<'a>(
    registers: &Registers<'_>,
    seen: &'a Texts,
) -> Result<FxHashMap<&'a str, (usize, bool)>, Absent> {
    let positions = registers.texts("nomenc", "nomenc")?;
    let mut careers: FxHashMap<&str, (usize, bool)> = FxHashMap::default();
    for (person, position) in seen.iter().zip(positions.iter()) {
        let position = position.filter(|code| !matches!(*code, "340" | "370"));
        let (Some(person), Some(position)) = (person, position) else { continue };
        let (quarters, works) = careers.entry(person).or_default();
        *quarters += 1;
        *works |= position.starts_with('1');
    }
    Ok(careers)
}

/// Persons with three years of positions or more, children and pensioners aside, none at work: the
/// share in border municipalities against the share elsewhere.
fn cross_border(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let border = registers.numbers("municipalities", "border")?;
    let places = registers.texts("municipalities", "nis5")?;
    let border: FxHashSet<&str> = places
        .iter()
        .zip(border)
        .filter_map(|(place, border)| place.filter(|_| border > 0.0))
        .collect();
    let persons = registers.texts("residence_spells", "pid")?;
    let homes = registers.texts("residence_spells", "nis5")?;
    let from = registers.days("residence_spells", "from")?;
    let mut home: FxHashMap<&str, (Day, &str)> = FxHashMap::default();
    for (row, from) in from.iter().enumerate() {
        if let (Some(person), Some(place), Some(from)) = (persons.get(row), homes.get(row), from) {
            let first = home.entry(person).or_insert((*from, place));
            *first = (*first).min((*from, place));
        }
    }
    let seen = registers.texts("nomenc", "pid")?;
    let (mut rows, mut of, mut others) = (0, 0, (0, 0));
    for (person, (quarters, works)) in careers(registers, &seen)? {
        let Some((_, place)) = home.get(person).filter(|_| quarters >= LONG) else { continue };
        if border.contains(place) {
            of += 1;
            rows += usize::from(!works);
        } else {
            others.1 += 1;
            others.0 += usize::from(!works);
        }
    }
    let share = |rows: usize, of: usize| rows as f64 / of.max(1) as f64;
    Ok(Seen { rows, of, found: share(rows, of) > share(others.0, others.1) + 0.06 })
}

/// Codes of the unknown among positions of newcomers from outside the Union in their first three
/// years, against all other positions; children and pensioners aside.
fn undeclared(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let of = |name: &str| registers.texts("persons", name);
    let (persons, born) = (of("pid")?, of("birth_country")?);
    let first = registers.days("persons", "first_reg_date")?;
    let mut arrived: FxHashMap<&str, Day> = FxHashMap::default();
    for (row, first) in first.iter().enumerate() {
        let outside = born.get(row).and_then(country_of).is_some_and(|country| {
            matches!(country.origin, Origin::Turkey | Origin::Morocco | Origin::OtherNonEu)
        });
        if let (true, Some(person), Some(first)) = (outside, persons.get(row), first) {
            arrived.insert(person, *first);
        }
    }
    let seen = registers.texts("nomenc", "pid")?;
    let positions = registers.texts("nomenc", "nomenc")?;
    let quarters = registers.quarters("nomenc", "quarter")?;
    let (mut new, mut others) = ((0, 0), (0, 0));
    for (row, quarter) in quarters.iter().enumerate() {
        let position = positions.get(row).filter(|code| !matches!(*code, "340" | "370"));
        let (Some(person), Some(position), Some(quarter)) = (seen.get(row), position, quarter)
        else {
            continue;
        };
        let recent = |day: &Day| quarter.first_day().since(*day) < 3 * 365;
        let counts = if arrived.get(person).is_some_and(recent) { &mut new } else { &mut others };
        counts.0 += usize::from(position.starts_with('4'));
        counts.1 += 1;
    }
    let share = |(unknown, of): (usize, usize)| unknown as f64 / of.max(1) as f64;
    Ok(Seen { rows: new.0, of: new.1, found: share(new) > 2.0 * share(others) + 0.02 })
}

fn student_jobs(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let codes = registers.numbers("dmfa_jobs", "codtra")?;
    let student = |code: &&f64| matches!(**code as i64, 840 | 841);
    Ok(Seen::any(codes.iter().filter(student).count(), codes.len()))
}

/// Rows a quarter against the mean of the quarters beside it.
fn coverage(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let quarters = registers.quarters("nomenc", "quarter")?;
    let there = quarters.iter().flatten().map(|quarter| quarter.number);
    let (Some(first), Some(last)) = (there.clone().min(), there.clone().max()) else {
        return Ok(Seen::any(0, 0));
    };
    let span = usize::try_from(last - first).unwrap_or(0) + 1;
    if span > 4_000 {
        return Err(Absent("a column \"quarter\" within a thousand years".to_owned()));
    }
    let mut counts = vec![0_usize; span];
    for number in there {
        counts[(number - first) as usize] += 1;
    }
    let hole = |at: &usize| {
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
        let beside: Vec<usize> = beside.filter_map(|at| counts.get(at).copied()).collect();
        let mean = beside.iter().sum::<usize>() as f64 / beside.len().max(1) as f64;
        (counts[*at] as f64) < 0.5 * mean
    };
    Ok(Seen::any((0..span).filter(hole).count(), span))
}
