//! Parameters, links, and the closed-form effect of the roll-out.

use crate::SynthError;
use crate::life::Stage;
use crate::params::{
    ENTRY, EXIT, FIRST, HALF_LIFE, INTEGRATION_REGISTERS, INTEGRATION_REGISTERS_U,
    INTEGRATION_WORKS, LENGTH, LOCK_IN, QUARTERS, ROLLOUT_SD, SD_WAGE, TAKE_UP, TAKE_UP_EDU,
    TAKE_UP_NON_EU, TAKE_UP_U, TAU, TAU_WAGE, WAGE_AGENCY, WAGE_BASE, WAGE_PART_TIME,
    rollout_effect, rollout_trend, wage_trend,
};
use crate::rows::{Cell, Rows};
use crate::schema::schema;
use crate::tables::Link;
use kruispunt::data::{Table, Values};
use kruispunt_belgium::country::Origin;

const TRAININGS: [&str; 4] = ["GCT", "OCT", "NCWT", "CWT"];

pub(crate) fn params(stage: &Stage) -> Result<Table, SynthError> {
    let Some(own) = schema("params") else { return Ok(Table::default()) };
    let mut rows = Rows::new(own);
    let mut row = |name: &str, value: f64| rows.push(&[Cell::Text(name), Cell::Float(value)]);
    row("rho", stage.rho);
    for (kind, name) in TRAININGS.iter().enumerate() {
        row(&format!("wage.tau.{name}"), TAU_WAGE[kind]);
        row(&format!("length.{name}"), LENGTH[kind] as f64);
        row(&format!("lock_in.{name}"), LOCK_IN[kind]);
        row(&format!("tau.{name}"), TAU[kind]);
        row(&format!("half_life.{name}"), HALF_LIFE[kind]);
        row(&format!("take_up.{name}"), TAKE_UP[kind]);
        row(&format!("take_up.u.{name}"), TAKE_UP_U[kind]);
        row(&format!("take_up.non_eu.{name}"), TAKE_UP_NON_EU[kind]);
        row(&format!("take_up.edu.{name}"), TAKE_UP_EDU[kind]);
    }
    for (group, origin) in Origin::ALL.iter().enumerate() {
        row(&format!("entry.{}", origin.label()), ENTRY[group]);
        row(&format!("exit.{}", origin.label()), EXIT[group]);
    }
    if stage.integration {
        row("integration.registers", INTEGRATION_REGISTERS);
        row("integration.works", INTEGRATION_WORKS);
        row("integration.registers_u", stage.rho * INTEGRATION_REGISTERS_U);
    }
    row("wage.base", WAGE_BASE);
    row("wage.part_time", WAGE_PART_TIME);
    row("wage.agency", WAGE_AGENCY);
    row("wage.sd", SD_WAGE);
    row("rollout.sd", ROLLOUT_SD);
    for q in 0..QUARTERS {
        let label = crate::params::period(q);
        row(&format!("wage.quarter.{label}"), wage_trend(q));
        row(&format!("rollout.quarter.{label}"), rollout_trend(q));
    }
    rows.finish()
}

/// The table `links`, with the row each record has in its table.
pub(crate) fn links(links: &[Link]) -> Result<Table, SynthError> {
    let Some(own) = schema("links") else { return Ok(Table::default()) };
    let mut rows = Rows::new(own);
    for source in 0..4 {
        for (row, link) in links.iter().filter(|link| link.source == source).enumerate() {
            rows.push(&[
                Cell::Code(source),
                Cell::Text(&link.record),
                Cell::Int(row as i64),
                Cell::Int(link.pid),
            ]);
        }
    }
    rows.finish()
}

/// The table `rollout`: the effect by cohort and time, and how many rows show it.
pub(crate) fn rollout(stage: &Stage, outcome: &Table) -> Result<Table, SynthError> {
    let Some(own) = schema("rollout") else { return Ok(Table::default()) };
    let mut counts = vec![[0_i64; QUARTERS]; QUARTERS];
    let places = outcome.get("nis5").map(kruispunt::data::Column::values);
    let quarters = outcome.get("quarter").map(kruispunt::data::Column::values);
    if let (Some(Values::Text(places)), Some(Values::Period(_, quarters))) = (places, quarters) {
        let adopted: Vec<Option<usize>> = places
            .levels()
            .iter()
            .map(|nis5| stage.municipalities.iter().find(|place| place.nis5 == nis5)?.adoption)
            .collect();
        for (code, quarter) in places.codes().iter().zip(quarters.iter()) {
            let q = (quarter - FIRST) as usize;
            if let Some(Some(cohort)) = adopted.get(*code as usize)
                && let Some(e) = q.checked_sub(*cohort)
            {
                counts[*cohort][e] += 1;
            }
        }
    }
    let mut rows = Rows::new(own);
    for (cohort, counts) in counts.iter().enumerate() {
        for (e, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            rows.push(&[
                Cell::Period(FIRST + cohort as i32),
                Cell::Int(e as i64),
                Cell::Float(rollout_effect(cohort, e)),
                Cell::Int(*n),
            ]);
        }
    }
    rows.finish()
}
