//! What the Belgian pack says of the registers: checks, origin, generation, obligation.

use crate::{days, ints, texts, world};
use kruispunt::data::{Column, Day, Register, Table};
use kruispunt_belgium::checks::{Finding, Status, checks};
use kruispunt_belgium::constructs::{Newcomers, obligation};
use kruispunt_belgium::generation::{Generations, Roots};
use kruispunt_belgium::origin::{Criterion, OriginRule, Unknown};
use kruispunt_synth::{Imperfection, Imperfections, Scale, World};
use std::collections::HashMap;

fn findings(world: &World) -> Vec<Finding> {
    let tables: Vec<(&str, &Table)> =
        world.names().map(|name| (name, world.table(name).unwrap())).collect();
    checks(&tables)
}

#[test]
fn a_clean_delivery_is_clean() {
    let found = findings(&world(Scale::Test, Imperfections::none()));
    for finding in &found {
        let counts = (finding.rows, finding.of);
        assert_eq!(finding.status, Status::Clean, "{}: {counts:?}", finding.check);
    }
}

#[test]
fn each_check_fires_on_its_imperfection() {
    let faulty = findings(&world(Scale::Test, Imperfections::all()));
    for name in Imperfection::ALL.iter().map(|fault| fault.name()) {
        let finding = faulty.iter().find(|finding| finding.check == name).unwrap();
        assert_eq!(finding.status, Status::Found, "{name}: {} of {}", finding.rows, finding.of);
        assert!(finding.rows > 0 && finding.rows <= finding.of);
    }
    let alone = [
        "double_death",
        "estab_only_q2q4",
        "kbi_status_empty",
        "bis_to_nr",
        "crossborder_workers_as_inactive",
        "name_errors",
        "dibiss_break_2017",
        "statsec_recode_2009",
        "nis_recode",
        "kbi_renumber_allis",
        "informal_work_hidden",
        "student_jobs_in_dmfa",
    ];
    for name in alone {
        let faults = Imperfections::list([name]).unwrap();
        for finding in findings(&world(Scale::Test, faults)) {
            let found = finding.status == Status::Found;
            assert_eq!(found, finding.check == name, "{name}: {}", finding.check);
        }
    }
}

#[test]
fn a_check_without_its_tables_was_not_made() {
    for finding in checks(&[]) {
        assert_eq!(finding.status, Status::NotChecked);
        assert!(finding.what.contains("is not there"), "{}", finding.what);
    }
    let odd = Table::new([("pid", Column::int(vec![1])), ("death_date", Column::bool(vec![true]))]);
    let found = checks(&[("deaths", &odd.unwrap())]);
    let double = found.iter().find(|finding| finding.check == "double_death").unwrap();
    assert_eq!(double.status, Status::NotChecked);
}

/// The persons with their parents' nationalities and the one they have at the end.
fn persons(world: &World) -> Table {
    let mut table = world.table("persons").unwrap().clone();
    let place: HashMap<i64, u32> =
        ints(&table, "pid").iter().zip(0..).map(|(pid, row)| (*pid, row)).collect();
    let parents = world.table("parents").unwrap();
    let mut rows = vec![None; table.n_rows()];
    for (row, pid) in (0..).zip(ints(parents, "pid")) {
        rows[place[pid] as usize] = Some(row);
    }
    for name in ["father_nat_first", "mother_nat_first", "ff_nat_first", "mm_nat_first"] {
        table.push(name, parents.get(name).unwrap().take_or_null(&rows)).unwrap();
    }
    let nationalities = world.table("nationality_spells").unwrap();
    let mut now = vec![None; table.n_rows()];
    let open = days(nationalities, "to");
    for (row, pid) in (0_u32..).zip(ints(nationalities, "pid")) {
        if open[row as usize].is_none() {
            now[place[pid] as usize] = Some(row);
        }
    }
    table.push("now", nationalities.get("nat").unwrap().take_or_null(&now)).unwrap();
    table
}

#[test]
fn origin_equals_the_truth_wherever_it_is_determined() {
    let world = world(Scale::Test, Imperfections::none());
    let table = persons(&world);
    let columns = [
        (Criterion::Father, "father_nat_first"),
        (Criterion::Mother, "mother_nat_first"),
        (Criterion::Own, "nat_first"),
        (Criterion::Now, "now"),
    ];
    let truth = texts(&table, "origin");
    let separate = OriginRule::monitoring().apply(&table, "pid", &columns).unwrap();
    let groups = texts(separate.table(), "origin_group");
    let reasons = texts(separate.table(), "origin_reason");
    let mut unknown = 0;
    for row in 0..table.n_rows() {
        if let Some(group) = &groups[row] {
            assert_eq!(Some(group), truth[row].as_ref(), "row {row}");
        } else {
            unknown += 1;
            assert!(reasons[row].as_deref().unwrap().contains("unknown"));
        }
    }
    // three in a hundred of Belgian origin have an unknown father, fewer an unknown mother
    let share = f64::from(unknown) / table.n_rows() as f64;
    assert!((0.01..0.06).contains(&share), "{share}");

    let belgian = OriginRule::monitoring().unknown(Unknown::Belgian);
    let groups = texts(belgian.apply(&table, "pid", &columns).unwrap().table(), "origin_group");
    let wrong = groups.iter().zip(&truth).filter(|(group, truth)| group != truth).count();
    // both parents unknown, born Belgian: the second generation that looks like the first group
    assert!(groups.iter().all(Option::is_some));
    assert!(wrong as f64 / (table.n_rows() as f64) < 0.01, "{wrong}");
}

#[test]
fn generation_equals_the_truth() {
    let world = world(Scale::Test, Imperfections::none());
    let table = persons(&world);
    let roots = Roots {
        born: "birth_country",
        birth_date: "birth_date",
        arrival: "first_reg_date",
        father: "father_nat_first",
        mother: "mother_nat_first",
        grandparents: &["ff_nat_first", "mm_nat_first"],
        schooled: None,
    };
    let truth = texts(&table, "generation");
    let found = Generations::default().apply(&table, "pid", &roots).unwrap();
    let (got, ages) = (texts(found.table(), "generation"), texts(found.table(), "arrival_age"));
    let mut compared = 0;
    for row in 0..table.n_rows() {
        let Some(got) = &got[row] else { continue };
        compared += 1;
        let whole = if got == "2.5" { "2" } else { got.as_str() };
        assert_eq!(Some(whole), truth[row].as_deref(), "row {row}");
    }
    assert!(compared * 10 > table.n_rows() * 9);
    // the cut-off is a parameter: counts equal those of the ages themselves
    let born = texts(&table, "birth_date");
    let arrived = days(&table, "first_reg_date");
    for below in [6_i32, 12, 18] {
        let bands = vec![("1.5".to_owned(), below as u32)];
        let found = Generations::new(bands).unwrap().apply(&table, "pid", &roots).unwrap();
        let got = texts(found.table(), "generation");
        let young = |row: &usize| {
            let (by, bm, bd) = Day::parse(born[*row].as_deref().unwrap()).unwrap().ymd();
            let (y, m, d) = Day(arrived[*row].unwrap()).ymd();
            ages[*row].is_some() && y - by - i32::from((m, d) < (bm, bd)) < below
        };
        let expected = (0..table.n_rows()).filter(young).count();
        let count = got.iter().filter(|label| label.as_deref() == Some("1.5")).count();
        assert_eq!(count, expected);
        assert!(count > 0);
    }
}

#[test]
fn the_obligation_equals_the_target_group_of_every_dossier() {
    let world = world(Scale::Test, Imperfections::none());
    let table = persons(&world);
    let columns = Newcomers {
        nationality: "nat_first",
        reason: "it202",
        birth_date: "birth_date",
        arrival: "first_reg_date",
        settled: None,
    };
    let found = obligation(&table, "pid", &columns).unwrap();
    let groups = texts(found.table(), "doelgroep");
    let of: HashMap<i64, Option<&str>> = ints(&table, "pid")
        .iter()
        .zip(&groups)
        .map(|(pid, group)| (*pid, group.as_deref()))
        .collect();
    let dossiers = world.table("kbi_dossier").unwrap();
    let truth = texts(dossiers, "doelgroep");
    let owner: HashMap<String, i64> = {
        let links = world.truth("links").unwrap();
        texts(links, "record")
            .into_iter()
            .flatten()
            .zip(ints(links, "pid").iter().copied())
            .collect()
    };
    let numbers = texts(dossiers, "kbi_nr");
    assert!(dossiers.n_rows() > 20);
    for row in 0..dossiers.n_rows() {
        let person = owner[numbers[row].as_ref().unwrap()];
        assert_eq!(of[&person], truth[row].as_deref(), "dossier {row}");
    }
}
