//! Numbers: who has which INSZ, and since when.

use crate::draw::{Draws, Purpose};
use crate::imperfection::{Imperfection, Imperfections};
use crate::misspell::registered_birth;
use crate::params::{JANUARY_FIRST, QUARTERS, first_day};
use crate::person::{Person, quarter_of};
use kruispunt::data::{Day, Seed};
use kruispunt_belgium::insz::{Birth, Insz, Kind};
use rustc_hash::FxHashSet;

/// The numbers of a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// The birth date as registered.
    pub(crate) birth: Birth,
    /// The number now.
    pub(crate) now: Insz,
    /// The number before, and the first day of the new one.
    pub(crate) before: Option<(Insz, Day)>,
    /// A second number nobody has connected.
    pub(crate) double: Option<Insz>,
}

impl Numbers {
    /// The number on a day.
    pub(crate) fn on(&self, day: Day) -> Insz {
        self.before.filter(|(_, until)| day < *until).map_or(self.now, |(old, _)| old)
    }
}

/// Gives numbers in the order of persons, so that a person's number does not depend on how many
/// come after.
pub(crate) fn give(seed: Seed, persons: &[Person], faults: &Imperfections) -> Vec<Numbers> {
    let mut taken = FxHashSet::default();
    persons.iter().map(|person| numbers(seed, person, faults, &mut taken)).collect()
}

fn numbers(
    seed: Seed,
    person: &Person,
    faults: &Imperfections,
    taken: &mut FxHashSet<Insz>,
) -> Numbers {
    let draws = Draws::new(seed, person.key);
    let unit = |what: u64| draws.unit(Purpose::Insz, 0, what);
    let heaped = faults.has(Imperfection::JanuaryFirst)
        && person.foreign_born()
        && unit(0) < JANUARY_FIRST[person.origin];
    let birth = registered_birth(person.birth, heaped.then(|| unit(1)));
    let now = fresh(draws, birth, person.woman, Kind::National, 0, taken);
    let arrived = quarter_of(person.arrival);
    let started_as_bis = faults.has(Imperfection::BisToNr)
        && person.foreign_born()
        && arrived > -20
        && unit(2) < 0.30;
    let replaced = !started_as_bis && faults.has(Imperfection::BisToNr) && unit(3) < 0.002;
    let before = if started_as_bis {
        let kind = if unit(4) < 0.15 { Kind::BisSexUnknown } else { Kind::Bis };
        let quarters = 2 + (unit(5) * 5.0) as i32;
        let date = person.arrival + (quarters * 91 + (unit(6) * 80.0) as i32);
        Some((fresh(draws, birth, person.woman, kind, 1, taken), date))
    } else if replaced {
        let date = first_day((unit(7) * QUARTERS as f64) as usize) + 17;
        let date = Day(date.0.max(person.arrival.0 + 30));
        Some((fresh(draws, birth, person.woman, Kind::National, 2, taken), date))
    } else {
        None
    };
    let double = (faults.has(Imperfection::DupBis)
        && person.origin == 5
        && person.foreign_born()
        && unit(8) < 0.015)
        .then(|| fresh(draws, birth, person.woman, Kind::Bis, 3, taken));
    Numbers { birth, now, before, double }
}

/// A number nobody has. When the serials of a day run out, month 00 and a running day serve.
fn fresh(
    draws: Draws,
    birth: Birth,
    woman: bool,
    kind: Kind,
    what: u64,
    taken: &mut FxHashSet<Insz>,
) -> Insz {
    let first = draws.below(Purpose::Insz, 1, what, 499) as u32;
    let mut spare = 0;
    loop {
        let asked = match spare {
            0 => birth,
            day => Birth { year: birth.year, month: None, day: Some(day) },
        };
        for step in 0..499 {
            let serial = (first + step * 211) % 499 * 2 + 1 + u32::from(woman);
            if let Ok(number) = Insz::make(asked, serial, kind)
                && taken.insert(number)
            {
                return number;
            }
        }
        spare += 1;
        if spare > 99 {
            // More persons of one sex and year than numbers exist; the next year serves.
            return fresh(
                draws,
                Birth { year: (birth.year + 1).min(2099), ..birth },
                woman,
                kind,
                what,
                taken,
            );
        }
    }
}
