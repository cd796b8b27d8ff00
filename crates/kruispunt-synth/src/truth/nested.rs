//! What civic integration does, and how much of it runs through registering: nested worlds.

use crate::SynthError;
use crate::dynamics::{Integration, State, States, imagine};
use crate::life::Life;
use crate::params::QUARTERS;
use crate::person::quarter_of;
use crate::rows::{Cell, Rows};
use crate::schema::schema;
use kruispunt::data::Table;

/// Quarters since arrival that are counted.
const MOST: usize = 16;

/// Sums over newcomers, in whole numbers: who worked in each world, and of the differences
/// d (programme less none) and v (programme less direct only) d, v, d d, d v, v v.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nested([Sums; MOST + 1]);

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: i64,
    worked: [i64; 3],
    squares: [i64; 3],
}

impl Nested {
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, new) in self.0.iter_mut().zip(&other.0) {
            own.n += new.n;
            own.worked.iter_mut().zip(&new.worked).for_each(|(own, new)| *own += new);
            own.squares.iter_mut().zip(&new.squares).for_each(|(own, new)| *own += new);
        }
    }

    /// Counts one person, if a newcomer who neither works nor seeks work on arrival.
    pub(crate) fn count(&mut self, life: &Life<'_>) {
        let person = life.person;
        let arrival = quarter_of(person.arrival);
        if person.generation != 1 || person.origin < 2 || !(1..QUARTERS as i32).contains(&arrival) {
            return;
        }
        let arrival = arrival as usize;
        if !matches!(life.career.actual[arrival], State::Assistance | State::Inactive)
            || !person.active(arrival)
        {
            return;
        }
        let from = Integration::from(arrival);
        let worlds = if life.stage.integration {
            [Integration::NONE, from, Integration { registers: false, ..from }]
                .map(|own| first_job(&imagine(person, life.draws, life.stage.dial(), own), arrival))
        } else {
            [first_job(&life.career.actual, arrival); 3]
        };
        for (e, sums) in self.0.iter_mut().enumerate().take(QUARTERS - arrival) {
            let [none, both, direct] =
                worlds.map(|own| i64::from(own.is_some_and(|quarter| quarter <= arrival + e)));
            sums.n += 1;
            for (slot, value) in sums.worked.iter_mut().zip([none, both, direct]) {
                *slot += value;
            }
            let (d, v) = (both - none, both - direct);
            for (slot, value) in sums.squares.iter_mut().zip([d * d, d * v, v * v]) {
                *slot += value;
            }
        }
    }
}

fn first_job(states: &States, from: usize) -> Option<usize> {
    (from..QUARTERS).find(|&q| states[q] == State::Employed)
}

/// The table `integration`.
pub(crate) fn integration(nested: &Nested) -> Result<Table, SynthError> {
    let Some(own) = schema("integration") else { return Ok(Table::default()) };
    let mut rows = Rows::new(own);
    for (e, sums) in nested.0.iter().enumerate().filter(|own| own.1.n > 1) {
        let n = sums.n as f64;
        let [none, both, direct] = sums.worked.map(|own| own as f64 / n);
        let [dd, dv, vv] = sums.squares.map(|own| own as f64 / n);
        let (d, v) = (both - none, both - direct);
        let share = v / d;
        // Of a ratio of means, by the delta method.
        let spread = (vv - v * v) - 2.0 * share * (dv - d * v) + share * share * (dd - d * d);
        let known = |value: f64| Cell::from(value.is_finite().then_some(value));
        rows.push(&[
            Cell::Int(e as i64),
            Cell::Float(none),
            Cell::Float(both),
            Cell::Float(direct),
            Cell::Float(d),
            Cell::Float(((dd - d * d).max(0.0) / n).sqrt()),
            known(share),
            known((spread.max(0.0) / n).sqrt() / d.abs()),
            Cell::Int(sums.n),
        ]);
    }
    rows.finish()
}
