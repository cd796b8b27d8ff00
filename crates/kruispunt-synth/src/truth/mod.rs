//! What no register knows: effects, whose record it is, parameters.

mod att;
mod nested;
mod params;

pub(crate) use att::{Tally, att};
pub(crate) use nested::{Nested, integration};
pub(crate) use params::{links, params, rollout};

use crate::life::Life;
use crate::params::{FIRST, QUARTERS};
use crate::rows::Cell;
use crate::tables::Batch;

/// Writes what is true of one person.
pub(crate) fn person(batch: &mut Batch, life: &Life<'_>) {
    let person = life.person;
    let training = life.career.training;
    batch.sheets.latent.push(&[
        Cell::Int(person.pid),
        Cell::Int(person.household() as i64),
        Cell::Float(person.u),
        Cell::Float(person.theta),
        Cell::Int(person.edu as i64),
        Cell::Code(person.origin as u32),
        Cell::Code(person.generation as u32),
        Cell::from(training.map(|training| training.kind as u32)),
        training.map_or(Cell::Null, |training| Cell::Period(FIRST + training.start as i32)),
    ]);
    batch.nested.count(life);
    let (Some(training), Some(twins)) = (training, &life.career.twins) else { return };
    batch.tally.count(training, person.origin, &life.career.actual, twins);
    for q in training.start..QUARTERS {
        batch.sheets.worlds.push(&[
            Cell::Int(person.pid),
            Cell::Period(FIRST + q as i32),
            Cell::Code(life.career.actual[q] as u32),
            Cell::Code(twins[0][q] as u32),
            Cell::Code(twins[1][q] as u32),
        ]);
    }
}
