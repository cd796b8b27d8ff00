//! What a trusted party knows: coded numbers, INSZ, names.

use super::{Batch, Link};
use crate::draw::permute;
use crate::life::Life;
use crate::misspell::misspell;
use crate::params::QUARTERS;
use crate::rows::Cell;

/// Place of `identities` in the list of sources.
const SOURCE: u32 = 3;

pub(super) fn write(batch: &mut Batch, life: &Life<'_>) {
    let (person, numbers) = (life.person, life.numbers);
    let place = life.place_of(QUARTERS - 1);
    let mut row = |pid: i64, insz: &str, surname: &str, first_name: &str| {
        batch.sheets.identities.push(&[
            Cell::Int(pid),
            Cell::Text(insz),
            Cell::Text(surname),
            Cell::Text(first_name),
            Cell::Text(&life.identity.birth),
            Cell::Code(u32::from(person.woman)),
            Cell::Text(&place.postcode),
            Cell::Text(person.first_nationality()),
        ]);
        batch.links.push(Link { source: SOURCE, record: pid.to_string(), pid: person.pid });
    };
    let now = numbers.now.compact();
    row(person.pid, &now, &life.identity.surname, &life.identity.first_name);
    if let Some(double) = numbers.double {
        let other = misspell(&life.identity, person.origin, life.draws, 9, &life.stage.faults);
        let pid = permute(life.stage.seed, 1, person.key | 1 << 39) as i64;
        row(pid, &double.compact(), &other.surname, &other.first_name);
    }
    if let Some((old, date)) = numbers.before.filter(|(_, date)| *date <= life.stage.last_day()) {
        let old = old.compact();
        let row = [Cell::Text(&old), Cell::Text(&now), Cell::Day(date)];
        batch.sheets.insz_history.push(&row);
    }
}
