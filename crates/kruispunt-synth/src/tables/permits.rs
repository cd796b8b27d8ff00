//! Work permits, which carry names but no INSZ.

use super::{Batch, Link};
use crate::draw::{Purpose, permute};
use crate::life::Life;
use crate::misspell::misspell;
use crate::params::QUARTERS;
use crate::person::quarter_of;
use crate::rows::Cell;
use kruispunt::data::Day;

/// Place of `permits` in the list of sources.
const SOURCE: u32 = 2;
const FILE: u64 = 2;
const ASYLUM: u32 = 1;
const WORKER: u32 = 3;

const A: u32 = 0;
const B: u32 = 1;
const C: u32 = 2;

pub(super) fn write(batch: &mut Batch, life: &Life<'_>) {
    let person = life.person;
    let unit = |what: u64| life.unit(Purpose::Permit, 0, what);
    let free = Day::new(2014, 1, 1).unwrap_or_default();
    let (card, article, share) = match (person.origin, person.reason) {
        (2, Some(WORKER)) if person.arrival < free => (B, "38quater", 0.6),
        (3..=5, Some(ASYLUM)) => (C, "17.1", 0.6),
        (3..=5, Some(0)) => (C, "17.6", 0.35),
        (3..=5, Some(5)) => (C, "17.8", 0.5),
        (3..=5, Some(WORKER)) => (B, "9.6", 0.9),
        (3..=5, _) => (A, "9.16", 0.05),
        _ => return,
    };
    if !person.newcomer() || person.generation != 1 || unit(0) >= share {
        return;
    }
    // Asylum seekers wait 180 days, from 9 November 2015 on 120.
    let short = person.arrival >= Day::new(2015, 7, 12).unwrap_or_default();
    let wait = match (article, short) {
        ("17.1", true) => 120,
        ("17.1", false) => 180,
        _ => 10,
    };
    let mut from = person.arrival + wait + (60.0 * unit(1)) as i32;
    let renewals = (unit(2) * 3.0) as u64;
    for number in 0..=renewals {
        if from > life.stage.last_day() || person.death.is_some_and(|day| day <= from) {
            return;
        }
        permit(batch, life, &Permit { card, article, number, from });
        from = from + 365;
    }
}

struct Permit {
    card: u32,
    article: &'static str,
    number: u64,
    from: Day,
}

fn permit(batch: &mut Batch, life: &Life<'_>, permit: &Permit) {
    let person = life.person;
    let unit = |what: u64| life.unit(Purpose::Permit, 1 + permit.number as usize, what);
    // Each decision is typed anew.
    let file = FILE + 100 * permit.number;
    let written = misspell(&life.identity, person.origin, life.draws, file, &life.stage.faults);
    let id = format!("WSE{:013}", permute(life.stage.seed, 7, person.key << 3 | permit.number));
    let q = quarter_of(permit.from).clamp(0, QUARTERS as i32 - 1) as usize;
    let firm = (permit.card == B).then(|| {
        let firms = &life.stage.firms;
        &firms.all[firms.choose(life.draws, 2000 + permit.number, person.theta)]
    });
    let kbo = firm.map(crate::firms::Firm::kbo_text);
    let decision = match unit(0) {
        u if u < 0.91 => 0_u32,
        u if u < 0.99 => 1,
        _ => 2,
    };
    batch.sheets.permits.push(&[
        Cell::Text(&id),
        Cell::Text(&written.surname),
        Cell::Text(&written.first_name),
        Cell::Text(&written.birth),
        Cell::Text(person.first_nationality()),
        Cell::Code(u32::from(person.woman)),
        Cell::Text(&life.place_of(q).postcode),
        Cell::Code(permit.card),
        Cell::Text(permit.article),
        Cell::Day(permit.from),
        Cell::Day(permit.from + 364),
        Cell::from(kbo.as_deref()),
        Cell::from(firm.map(|firm| &firm.nace()[..2])),
        Cell::from(permit.number == 0),
        Cell::Code(decision),
        Cell::Text(life.place_of(q).province),
    ]);
    batch.links.push(Link { source: SOURCE, record: id, pid: person.pid });
}
