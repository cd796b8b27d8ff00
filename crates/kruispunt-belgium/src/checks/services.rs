//! The employment service and civic integration.

use super::registers::Registers;
use super::{Absent, Check, Seen};
use crate::insz;
use kruispunt::data::Day;
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "insz_errors",
        table: "vdab_klanten",
        look: wrong_numbers,
        what: "clients without a valid INSZ: missing, or the check digits do not fit",
        advice: "link by number first, then by name and birth date; do not drop them",
    },
    Check {
        name: "name_errors",
        table: "vdab_klanten",
        look: wrong_names,
        what: "clients whose name differs from the one the register of persons has for their INSZ",
        advice: "compare names by likeness, not as equal; look at recall by origin group",
    },
    Check {
        name: "birth_date_errors",
        table: "kbi_dossier",
        look: birth_dates,
        what: "birth dates that differ from the one in the valid INSZ beside them",
        advice: "compare birth dates with levels for swapped and mistyped parts",
    },
    Check {
        name: "open_vdab_spells",
        table: "vdab_inschrijving",
        look: open_spells,
        what: "registrations without an end, though the client registered again later",
        advice: "end them at the next registration or job: censor(...), and count them",
    },
    Check {
        name: "planned_end_used_as_actual",
        table: "vdab_acties",
        look: planned_end,
        what: "actions that outlive their registration and end on the planned day",
        advice: "do not use their length as a dose; treat the end as censored",
    },
    Check {
        name: "kbi_status_empty",
        table: "kbi_dossier",
        look: empty_status,
        what: "dossiers without a status",
        advice: "an empty status is no status: derive it from the parts",
    },
    Check {
        name: "kbi_renumber_allis",
        table: "kbi_dossier",
        look: renumbered,
        what: "dossiers that stand twice, under two numbers: same person, same first contact",
        advice: "take the dossiers of a person and a first contact as one, with the parts of both numbers",
    },
    Check {
        name: "nt2_without_traject",
        table: "kbi_onderdelen",
        look: lone_lessons,
        what: "Dutch lessons of dossiers without a contract",
        advice: "count them as lessons, not as a civic-integration trajectory",
    },
];

fn wrong_numbers(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let numbers = registers.texts("vdab_klanten", "insz")?;
    let valid = numbers.iter().flatten().filter(|text| insz::is_valid(text)).count();
    let rows = numbers.len() - valid;
    // one in 97 numbers with slips still fits by chance; a handful of blanks is no trap
    Ok(Seen::above(rows, numbers.len(), 0.002))
}

fn wrong_names(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let known = |name: &str| registers.texts("identities", name);
    let (numbers, surnames, firsts) = (known("insz")?, known("surname")?, known("first_name")?);
    let names: FxHashMap<&str, (Option<&str>, Option<&str>)> = (0..numbers.len())
        .filter_map(|row| Some((numbers.get(row)?, (surnames.get(row), firsts.get(row)))))
        .collect();
    let own = |name: &str| registers.texts("vdab_klanten", name);
    let (numbers, surnames, firsts) = (own("insz")?, own("achternaam")?, own("voornaam")?);
    let (mut rows, mut of) = (0, 0);
    for row in 0..numbers.len() {
        let Some(name) = numbers.get(row).and_then(|number| names.get(number)) else { continue };
        of += 1;
        rows += usize::from(*name != (surnames.get(row), firsts.get(row)));
    }
    Ok(Seen::above(rows, of, 0.01))
}

fn birth_dates(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let numbers = registers.texts("kbi_dossier", "insz")?;
    let births = registers.texts("kbi_dossier", "geboortedatum")?;
    let (mut rows, mut of) = (0, 0);
    for (number, birth) in numbers.iter().zip(births.iter()) {
        let said = number.and_then(|text| insz::Insz::parse(text).ok()?.birth_day());
        if let (Some(said), Some(birth)) = (said, birth) {
            of += 1;
            rows += usize::from(Day::parse(birth) != Some(said));
        }
    }
    Ok(Seen::above(rows, of, 0.01))
}

fn open_spells(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let clients = registers.texts("vdab_inschrijving", "vdab_id")?;
    let from = registers.days("vdab_inschrijving", "from")?;
    let to = registers.days("vdab_inschrijving", "to")?;
    let mut last: FxHashMap<&str, Day> = FxHashMap::default();
    for (client, from) in clients.iter().zip(&from) {
        if let (Some(client), Some(from)) = (client, from) {
            let latest = last.entry(client).or_insert(*from);
            *latest = (*latest).max(*from);
        }
    }
    let again = |row: &usize| {
        let client = clients.get(*row).and_then(|client| last.get(client));
        to[*row].is_none() && client.zip(from[*row]).is_some_and(|(last, from)| from < *last)
    };
    Ok(Seen::any((0..from.len()).filter(again).count(), from.len()))
}

/// An action outlives the registration it belongs to, and ends on its planned day.
fn planned_end(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let clients = registers.texts("vdab_inschrijving", "vdab_id")?;
    let from = registers.days("vdab_inschrijving", "from")?;
    let to = registers.days("vdab_inschrijving", "to")?;
    let mut registered: FxHashMap<&str, Vec<(Day, Day)>> = FxHashMap::default();
    for (row, client) in clients.iter().enumerate() {
        if let (Some(client), Some(from)) = (client, from[row]) {
            registered.entry(client).or_default().push((from, to[row].unwrap_or(Day::OPEN)));
        }
    }
    let owners = registers.texts("vdab_acties", "vdab_id")?;
    let start = registers.days("vdab_acties", "from")?;
    let planned = registers.days("vdab_acties", "planned_to")?;
    let end = registers.days("vdab_acties", "to")?;
    let (mut rows, mut of) = (0, 0);
    for row in 0..end.len() {
        let (Some(owner), Some(start), Some(end)) = (owners.get(row), start[row], end[row]) else {
            continue;
        };
        let within = |spell: &&(Day, Day)| spell.0 <= start && start <= spell.1;
        let Some(own) = registered.get(owner).and_then(|own| own.iter().find(within)) else {
            continue;
        };
        of += 1;
        rows += usize::from(own.1 < end && planned[row] == Some(end));
    }
    Ok(Seen::above(rows, of, 0.01))
}

fn empty_status(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let status = registers.texts("kbi_dossier", "status")?;
    Ok(Seen::any(status.iter().filter(Option::is_none).count(), status.len()))
}

fn renumbered(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let of = |name: &str| registers.texts("kbi_dossier", name);
    let (numbers, surnames, firsts) = (of("kbi_nr")?, of("achternaam")?, of("voornamen")?);
    let (births, sexes) = (of("geboortedatum")?, of("geslacht")?);
    let contact = registers.days("kbi_dossier", "aanmelding")?;
    let mut known: FxHashMap<_, FxHashSet<&str>> = FxHashMap::default();
    for (row, day) in contact.into_iter().enumerate() {
        let name = surnames.get(row).zip(firsts.get(row));
        let (Some(number), Some(name), Some(day)) = (numbers.get(row), name, day) else { continue };
        known.entry((name, births.get(row), sexes.get(row), day)).or_default().insert(number);
    }
    let rows = known.values().map(|numbers| numbers.len() - 1).sum();
    Ok(Seen::any(rows, numbers.len()))
}

fn lone_lessons(registers: &Registers<'_>) -> Result<Seen, Absent> {
    let numbers = registers.texts("kbi_dossier", "kbi_nr")?;
    let contracts = registers.days("kbi_dossier", "contract")?;
    let without: FxHashSet<&str> = numbers
        .iter()
        .zip(contracts)
        .filter_map(|(number, contract)| number.filter(|_| contract.is_none()))
        .collect();
    let parts = registers.texts("kbi_onderdelen", "kbi_nr")?;
    let kinds = registers.texts("kbi_onderdelen", "onderdeel")?;
    let (mut rows, mut of) = (0, 0);
    for (number, kind) in parts.iter().zip(kinds.iter()) {
        if kind == Some("NT2") {
            of += 1;
            rows += usize::from(number.is_some_and(|number| without.contains(number)));
        }
    }
    Ok(Seen::any(rows, of))
}
