//! Orders of magnitude: the gap, the trained, their effects, the names.

use crate::{days, floats, ints, since_2005, texts, world};
use kruispunt::data::Table;
use kruispunt_synth::{Imperfections, Registers, Scale, World};
use std::collections::HashMap;

const GROUPS: [&str; 6] = ["BE", "EU14", "EU13", "TR", "MA", "nonEU"];

fn origins(world: &World) -> HashMap<i64, String> {
    let persons = world.table("persons").unwrap();
    ints(persons, "pid")
        .iter()
        .copied()
        .zip(texts(persons, "origin").into_iter().flatten())
        .collect()
}

/// The value of `att` for all, employed.
fn effect(world: &World, kind: &str, estimand: &str, e: i64) -> (f64, f64) {
    let att = world.truth("att").unwrap();
    let is = |name: &str, value: &str, row: usize| {
        att.get(name).unwrap().label(row).as_deref() == Some(value)
    };
    let row = (0..att.n_rows())
        .find(|&row| {
            ints(att, "e")[row] == e
                && is("type", kind, row)
                && is("estimand", estimand, row)
                && is("group", "all", row)
                && is("outcome", "employed", row)
        })
        .unwrap();
    (floats(att, "value")[row], floats(att, "mc_se")[row])
}

#[test]
fn the_chair_panel_looks_like_flanders() {
    let world = world(Scale::Chair, Imperfections::all());
    let persons = world.table("persons").unwrap();
    assert!((44_000..50_000).contains(&persons.n_rows()));
    assert_eq!(ints(persons, "focal").iter().sum::<i64>(), 17_991);
    employment(&world, persons);
    trained(&world, persons);
    names(&world);
    let (one, _) = effect(&world, "OCT", "waiting", 1);
    let (two, _) = effect(&world, "OCT", "waiting", 2);
    let (eight, _) = effect(&world, "OCT", "waiting", 8);
    let (sixteen, error) = effect(&world, "OCT", "waiting", 16);
    assert!(one < -0.03 && two < -0.05 && eight > 0.0 && sixteen > 0.0);
    assert!((0.001..0.02).contains(&error));
    assert_eq!(effect(&world, "OCT", "never", -1).0, 0.0);
    assert_eq!(effect(&world, "OCT", "never", 0).0, 0.0);
}

/// Employment of residents of 20 to 64 in 2015 and 2016.
fn employment(world: &World, persons: &Table) {
    let origin = origins(world);
    let born: HashMap<i64, i32> = ints(persons, "pid")
        .iter()
        .copied()
        .zip(texts(persons, "birth_date").into_iter().flatten())
        .map(|(pid, date)| (pid, date[..4].parse().unwrap()))
        .collect();
    let nomenc = world.table("nomenc").unwrap();
    let (codes, quarters) = (nomenc.get("nomenc").unwrap(), days(nomenc, "quarter"));
    let mut counts: HashMap<&str, (f64, f64)> = HashMap::new();
    for row in 0..nomenc.n_rows() {
        let (pid, quarter) = (ints(nomenc, "pid")[row], quarters[row].unwrap());
        let age = quarter / 4 - born[&pid];
        if since_2005(quarter) >= 40 && (20..65).contains(&age) {
            let count = counts.entry(&origin[&pid]).or_default();
            let working = codes.label(row).unwrap().starts_with('1');
            *count = (count.0 + f64::from(u8::from(working)), count.1 + 1.0);
        }
    }
    let rate = |group: &str| counts[group].0 / counts[group].1;
    assert!((0.60..0.70).contains(&rate("BE")));
    assert!((0.02..0.08).contains(&(rate("BE") - rate("EU14"))));
    assert!((0.05..0.12).contains(&(rate("BE") - rate("EU13"))));
    for group in ["TR", "MA", "nonEU"] {
        assert!((0.16..0.25).contains(&(rate("BE") - rate(group))), "{group} {}", rate(group));
    }
}

fn trained(world: &World, persons: &Table) {
    let latent = world.truth("latent").unwrap();
    let took = latent.n_rows() - latent.get("training").unwrap().count_nulls();
    let share = took as f64 / persons.n_rows() as f64;
    assert!((0.10..0.25).contains(&share), "{share}");
}

/// Share of clients whose name and birth date stand exactly so in `identities`, once.
fn names(world: &World) {
    let identities = world.table("identities").unwrap();
    let key = |table: &Table, names: [&str; 3]| -> Vec<String> {
        let [a, b, c] = names.map(|name| texts(table, name));
        (0..table.n_rows()).map(|row| format!("{:?}|{:?}|{:?}", a[row], b[row], c[row])).collect()
    };
    let mut known: HashMap<String, Option<i64>> = HashMap::new();
    let pids = ints(identities, "pid");
    for (row, key) in
        key(identities, ["surname", "first_name", "birth_date"]).into_iter().enumerate()
    {
        known.entry(key).and_modify(|pid| *pid = None).or_insert(Some(pids[row]));
    }
    let clients = world.table("vdab_klanten").unwrap();
    let links = world.truth("links").unwrap();
    let origin = origins(world);
    let mut recall: HashMap<&str, (f64, f64)> = HashMap::new();
    for (row, key) in
        key(clients, ["achternaam", "voornaam", "geboortedatum"]).into_iter().enumerate()
    {
        // Links of clients come first, in the order of the clients.
        let pid = ints(links, "pid")[row];
        let found = known.get(&key).copied().flatten() == Some(pid);
        let count = recall.entry(&origin[&pid]).or_default();
        *count = (count.0 + f64::from(u8::from(found)), count.1 + 1.0);
    }
    let rates: Vec<f64> = GROUPS.iter().map(|group| recall[group].0 / recall[group].1).collect();
    assert!(rates.windows(2).all(|pair| pair[0] > pair[1]), "{rates:?}");
    assert!(rates[0] > 0.94 && (0.58..0.75).contains(&rates[5]), "{rates:?}");
}

#[test]
fn cream_skimming_shows_in_who_is_trained() {
    let chosen = |rho: f64| {
        let world = Registers::new(Scale::Test).seed(3).rho(rho).build().unwrap();
        let latent = world.truth("latent").unwrap();
        let kinds = texts(latent, "training");
        let rows = (0..latent.n_rows()).filter(|&row| kinds[row].as_deref() == Some("CWT"));
        let values: Vec<f64> = rows.map(|row| floats(latent, "u")[row]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(chosen(3.0) > chosen(0.0) + 0.2);
}

#[test]
fn the_truth_is_the_difference_of_the_worlds() {
    let world = world(Scale::Test, Imperfections::all());
    let (worlds, latent) = (world.truth("worlds").unwrap(), world.truth("latent").unwrap());
    let start: HashMap<i64, (String, i32)> = ints(latent, "pid")
        .iter()
        .zip(texts(latent, "training"))
        .zip(days(latent, "start"))
        .filter_map(|((pid, kind), start)| Some((*pid, (kind?, start?))))
        .collect();
    let quarters = days(worlds, "quarter");
    for (kind, estimand, column, e) in [
        ("OCT", "never", "never", 2),
        ("NCWT", "waiting", "block", 8),
        ("GCT", "waiting", "block", 0),
    ] {
        let (actual, twin) = (texts(worlds, "actual"), texts(worlds, column));
        let differences: Vec<f64> = (0..worlds.n_rows())
            .filter(|&row| {
                let (own, start) = &start[&ints(worlds, "pid")[row]];
                own == kind && i64::from(quarters[row].unwrap() - start) == e
            })
            .map(|row| {
                let works =
                    |state: &Option<String>| f64::from(u8::from(state.as_deref() == Some("E")));
                works(&actual[row]) - works(&twin[row])
            })
            .collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        assert!((mean - effect(&world, kind, estimand, e).0).abs() < 1e-12);
    }
}
