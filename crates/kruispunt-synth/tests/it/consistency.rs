//! Registers tell one story, to the day.

use crate::{days, ints, last_day, texts, world};
use kruispunt::data::Table;
use kruispunt_synth::{Imperfections, Scale, World};
use std::collections::{HashMap, HashSet};

/// Persons in a position that starts with `prefix` on the last day of each quarter.
fn positions(world: &World, prefixes: &[&str]) -> HashSet<(i32, i64)> {
    let table = world.table("nomenc").unwrap();
    let codes = texts(table, "nomenc");
    let quarters = days(table, "quarter");
    let pids = ints(table, "pid");
    let has = |code: &str| prefixes.iter().any(|prefix| code.starts_with(prefix));
    (0..table.n_rows())
        .filter(|&row| codes[row].as_deref().is_some_and(has))
        .map(|row| (quarters[row].unwrap(), pids[row]))
        .collect()
}

/// The person behind each client of the employment service.
fn clients(world: &World) -> HashMap<i64, i64> {
    let links = world.truth("links").unwrap();
    let (records, sources) = (texts(links, "record"), texts(links, "source"));
    (0..links.n_rows())
        .filter(|&row| sources[row].as_deref() == Some("vdab_klanten"))
        .map(|row| (records[row].as_ref().unwrap().parse().unwrap(), ints(links, "pid")[row]))
        .collect()
}

#[test]
fn registrations_cover_exactly_the_quarter_ends_of_job_seekers() {
    for faults in [Imperfections::none(), Imperfections::list(["silent_exit"]).unwrap()] {
        let world = world(Scale::Test, faults);
        let person = clients(&world);
        let spells = world.table("vdab_inschrijving").unwrap();
        let (from, to) = (days(spells, "from"), days(spells, "to"));
        let mut covered = HashSet::new();
        for row in 0..spells.n_rows() {
            let (from, to) = (from[row].unwrap(), to[row].unwrap_or(i32::MAX));
            assert!(from <= to);
            for quarter in 2005 * 4..2017 * 4 {
                if (from..=to).contains(&last_day(quarter)) {
                    let new = covered.insert((quarter, person[&ints(spells, "vdab_id")[row]]));
                    assert!(new, "two registrations at once");
                }
            }
        }
        assert!(covered == positions(&world, &["2"]));
    }
}

#[test]
fn job_lines_reach_the_quarter_end_of_employees_and_of_nobody_else() {
    let world = world(Scale::Test, Imperfections::none());
    let jobs = world.table("dmfa_jobs").unwrap();
    let (quarters, start, end) = (days(jobs, "quarter"), days(jobs, "start"), days(jobs, "end"));
    let mut covered = HashSet::new();
    for row in 0..jobs.n_rows() {
        let quarter = quarters[row].unwrap();
        let (start, end) = (start[row].unwrap(), end[row].unwrap());
        assert!(last_day(quarter - 1) < start && start <= end && end <= last_day(quarter));
        if end == last_day(quarter) {
            covered.insert((quarter, ints(jobs, "pid")[row]));
        }
    }
    assert!(covered == positions(&world, &["111", "112"]));
}

#[test]
fn a_training_starts_in_its_quarter_while_its_taker_seeks_work() {
    let world = world(Scale::Test, Imperfections::none());
    let person = clients(&world);
    let latent = world.truth("latent").unwrap();
    let (kinds, starts) = (texts(latent, "training"), days(latent, "start"));
    let truth: HashMap<i64, (String, i32)> = (0..latent.n_rows())
        .filter_map(|row| Some((ints(latent, "pid")[row], (kinds[row].clone()?, starts[row]?))))
        .collect();
    let seekers = positions(&world, &["2"]);
    let actions = world.table("vdab_acties").unwrap();
    let kinds = texts(actions, "type");
    let mut seen = 0;
    for row in 0..actions.n_rows() {
        let kind = kinds[row].as_deref().unwrap();
        if !["GCT", "OCT", "NCWT", "CWT"].contains(&kind) {
            continue;
        }
        let pid = person[&ints(actions, "vdab_id")[row]];
        let (own, quarter) = &truth[&pid];
        assert_eq!(own, kind);
        let from = days(actions, "from")[row].unwrap();
        assert!(last_day(quarter - 1) < from && from <= last_day(*quarter));
        assert!(seekers.contains(&(*quarter, pid)));
        seen += 1;
    }
    assert_eq!(seen, truth.len());
}

/// No two spells of a person share a day, and none ends before it starts.
fn no_overlap(table: &Table, key: &str) {
    let (from, to) = (days(table, "from"), days(table, "to"));
    let mut spells: HashMap<i64, Vec<(i32, i32)>> = HashMap::new();
    for row in 0..table.n_rows() {
        let spell = (from[row].unwrap(), to[row].unwrap_or(i32::MAX));
        spells.entry(ints(table, key)[row]).or_default().push(spell);
    }
    for mut spells in spells.into_values() {
        spells.sort_unstable();
        assert!(spells.iter().all(|(from, to)| from <= to));
        assert!(spells.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}

#[test]
fn stays_do_not_overlap_with_or_without_faults() {
    for faults in [Imperfections::none(), Imperfections::all()] {
        let world = world(Scale::Test, faults);
        no_overlap(world.table("residence_spells").unwrap(), "pid");
        no_overlap(world.table("nationality_spells").unwrap(), "pid");
    }
}

#[test]
fn residents_have_one_position_a_quarter_and_a_stay_around_it() {
    let world = world(Scale::Test, Imperfections::none());
    let stays = world.table("residence_spells").unwrap();
    let (from, to) = (days(stays, "from"), days(stays, "to"));
    let mut resident = HashSet::new();
    for row in 0..stays.n_rows() {
        let (from, to) = (from[row].unwrap(), to[row].unwrap_or(i32::MAX));
        let covers = |quarter: &i32| (from..=to).contains(&last_day(*quarter));
        for quarter in (2005 * 4..2017 * 4).filter(covers) {
            resident.insert((quarter, ints(stays, "pid")[row]));
        }
    }
    let all = positions(&world, &["1", "2", "3", "4"]);
    assert_eq!(all.len(), world.table("nomenc").unwrap().n_rows());
    assert!(all == resident);
}

#[test]
fn coded_numbers_are_unique_and_tell_nothing_of_order() {
    let world = world(Scale::Test, Imperfections::all());
    let pids = ints(world.table("persons").unwrap(), "pid");
    let rising = pids.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((rising as f64 / pids.len() as f64 - 0.5).abs() < 0.03);
    assert_eq!(pids.iter().collect::<HashSet<_>>().len(), pids.len());
}
