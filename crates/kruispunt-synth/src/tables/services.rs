//! The employment service: clients, registrations, actions.

use super::{Batch, Link};
use crate::draw::{Purpose, permute};
use crate::dynamics::State;
use crate::imperfection::Imperfection;
use crate::life::{Life, Run};
use crate::misspell::{misspell, written_insz};
use crate::params::{LENGTH, QUARTERS};
use crate::rows::Cell;
use kruispunt::data::Day;

/// Place of `vdab_klanten` in the list of sources.
const SOURCE: u32 = 0;
/// The file's own draws for errors.
const FILE: u64 = 0;

const GUIDANCE: u32 = 0;
const REFERRAL: u32 = 5;
const TENDER: u32 = 6;

pub(super) fn write(batch: &mut Batch, life: &Life<'_>, worked: Option<usize>) {
    let seeking = |run: &&Run| run.state == State::Seeking;
    let Some(first) = life.runs.iter().find(seeking) else { return };
    let id = permute(life.stage.seed, 4, life.person.key) as i64;
    let insz = client(batch, life, id, begin(life, first));
    for run in life.runs.iter().filter(seeking) {
        registration(batch, life, id, insz.as_deref(), run, worked);
        actions(batch, life, id, run);
    }
}

/// The first day of a registration; before the window for those registered when it starts.
fn begin(life: &Life<'_>, run: &Run) -> Day {
    if run.first > 0 {
        return run.from;
    }
    let earlier = run.from + -(life.draws.below(Purpose::Vdab, 0, 0, 400) as i32);
    earlier.max(Day((life.person.arrival.0 + 1).min(run.from.0)))
}

/// The client record; gives the INSZ on it.
fn client(batch: &mut Batch, life: &Life<'_>, id: i64, since: Day) -> Option<String> {
    let person = life.person;
    let faults = &life.stage.faults;
    let known = life
        .numbers
        .double
        .filter(|_| life.chance(Purpose::Vdab, 0, 1, 0.5))
        .unwrap_or_else(|| life.numbers.on(since));
    let insz = written_insz(&known.compact(), person.origin, life.draws, FILE, faults);
    let written = misspell(&life.identity, person.origin, life.draws, FILE, faults);
    let quarter = crate::person::quarter_of(since).clamp(0, QUARTERS as i32 - 1) as usize;
    batch.sheets.vdab_klanten.push(&[
        Cell::Int(id),
        Cell::from(insz.as_deref()),
        Cell::Text(&written.surname),
        Cell::Text(&written.first_name),
        Cell::Text(&written.birth),
        Cell::Code(u32::from(person.woman)),
        Cell::Text(person.first_nationality()),
        Cell::Text(&life.place_of(quarter).postcode),
    ]);
    batch.links.push(Link { source: SOURCE, record: id.to_string(), pid: person.pid });
    insz
}

fn registration(
    batch: &mut Batch,
    life: &Life<'_>,
    id: i64,
    insz: Option<&str>,
    run: &Run,
    worked: Option<usize>,
) {
    let person = life.person;
    let before = worked.is_some_and(|first| first < run.first);
    let u = life.unit(Purpose::Vdab, run.first, 2);
    let category = match u {
        _ if person.age(run.first) < 25 && !before => 1_u32,
        u if u < 0.72 || run.first == 0 => 0,
        u if u < 0.84 => 2,
        u if u < 0.92 => 3,
        u if u < 0.95 => 4,
        _ => 5,
    };
    let here = person.quarters_here(run.first).unwrap_or(40);
    let dutch = match person.generation {
        1 => (here / 6 + life.draws.below(Purpose::Vdab, 0, 3, 3)).min(4),
        _ => 4,
    };
    let open =
        life.has(Imperfection::OpenVdabSpells) && life.chance(Purpose::Fault, run.first, 70, 0.02);
    let occupation = 100 * (1 + life.draws.below(Purpose::Vdab, 0, 4, 9))
        + 10 * (1 + life.draws.below(Purpose::Vdab, 0, 5, 4))
        + 1;
    batch.sheets.vdab_inschrijving.push(&[
        Cell::Int(id),
        Cell::from(insz),
        Cell::Day(begin(life, run)),
        Cell::from(run.to.filter(|_| !open)),
        Cell::Code(category),
        Cell::Code(person.edu as u32),
        Cell::Int(dutch as i64),
        Cell::from(life.chance(Purpose::Vdab, 0, 6, 0.65)),
        Cell::Text(&occupation.to_string()),
    ]);
}

fn actions(batch: &mut Batch, life: &Life<'_>, id: i64, run: &Run) {
    let mut number = 0;
    let mut action = |kind: u32, from: Day, days: i32, hours: f64| {
        if run.to.is_some_and(|to| from > to) || from > life.stage.last_day() {
            return;
        }
        let key = life.person.key << 12 | (run.first as u64) << 4 | number;
        number += 1;
        let span = Action { kind, key, from, planned: from + days, hours };
        push(batch, life, id, run, &span);
    };
    let unit = |what: u64| life.unit(Purpose::Vdab, run.first, what);
    let start = run.from + (30.0 * unit(10)) as i32;
    if unit(11) < 0.8 {
        action(GUIDANCE, start, 180, 6.0);
    }
    if let Some(training) =
        life.career.training.filter(|t| (run.first..=run.last).contains(&t.start))
    {
        let q = training.start;
        let open = life.stage.bounds[q].max(run.from);
        let days = life.stage.bounds[q + 1].since(open).max(1) as usize;
        let from = open + life.draws.below(Purpose::Vdab, q as u64, 12, days) as i32;
        let length = 91 * LENGTH[training.kind] as i32 - (20.0 * unit(13)) as i32;
        let hours = (60.0 + 180.0 * unit(14)).round() * LENGTH[training.kind] as f64;
        action(training.kind as u32 + 1, from, length, hours);
    }
    let long = run.last - run.first >= 3;
    if long && unit(15) < 0.2 {
        action(TENDER, start + 270, 180, 20.0);
    }
    if long && unit(16) < 0.08 {
        action(REFERRAL, start + 200, 0, 0.0);
    }
}

struct Action {
    kind: u32,
    key: u64,
    from: Day,
    planned: Day,
    hours: f64,
}

fn push(batch: &mut Batch, life: &Life<'_>, id: i64, run: &Run, action: &Action) {
    let stopped = run.to.filter(|to| *to < action.planned);
    let mut to = Some(stopped.unwrap_or(action.planned));
    let mut completion = if stopped.is_some() { 2_u32 } else { 1 };
    if to.is_some_and(|to| to > life.stage.last_day()) {
        (to, completion) = (None, 0);
    }
    let unit = |what: u64| life.draws.unit(Purpose::Fault, action.key, what);
    if life.has(Imperfection::PlannedEnd) && stopped.is_some() && unit(1) < 0.3 {
        (to, completion) = (Some(action.planned), 1);
    }
    batch.sheets.vdab_acties.push(&[
        Cell::Int(id),
        Cell::Int(permute(life.stage.seed, 5, action.key & ((1 << 40) - 1)) as i64),
        Cell::Code(action.kind),
        Cell::Day(action.from),
        Cell::Day(action.planned),
        Cell::from(to),
        Cell::Float(action.hours),
        Cell::Int(1 + (unit(2) * 60.0) as i64),
        Cell::Code(completion),
    ]);
}
