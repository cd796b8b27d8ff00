//! The registers as their users see them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]
#![allow(clippy::needless_range_loop, reason = "rows of several columns at once")]

mod belgium;
mod calibration;
mod consistency;
mod imperfections;
mod repeatable;
mod schema;
mod wages;

use kruispunt::data::{Column, Period, Table, Unit, Values};
use kruispunt_synth::{Imperfections, Registers, Scale, World};

fn world(scale: Scale, faults: Imperfections) -> World {
    Registers::new(scale).seed(1).imperfections(faults).build().unwrap()
}

fn ints<'a>(table: &'a Table, name: &str) -> &'a [i64] {
    match table.get(name).map(Column::values) {
        Some(Values::Int(values)) => values,
        _ => panic!("{name} holds no whole numbers"),
    }
}

fn floats<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    match table.get(name).map(Column::values) {
        Some(Values::Float(values)) => values,
        _ => panic!("{name} holds no real numbers"),
    }
}

/// Days, or numbers of periods; `None` where missing.
fn days(table: &Table, name: &str) -> Vec<Option<i32>> {
    let column = table.get(name).unwrap();
    match column.values() {
        Values::Date(values) | Values::Period(_, values) => {
            (0..values.len()).map(|row| (!column.is_null(row)).then(|| values[row])).collect()
        }
        _ => panic!("{name} holds no days"),
    }
}

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    let column = table.get(name).unwrap();
    (0..column.len()).map(|row| column.label(row)).collect()
}

fn last_day(quarter: i32) -> i32 {
    Period { unit: Unit::Quarter, number: quarter }.last_day().0
}

/// Quarters since 2005Q1.
fn since_2005(quarter: i32) -> usize {
    (quarter - 2005 * 4) as usize
}
