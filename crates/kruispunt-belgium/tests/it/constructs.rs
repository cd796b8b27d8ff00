//! Constructs on cases made by hand.

use kruispunt::data::{Column, Panel, Register, Table, Unit};
use kruispunt_belgium::constructs::{CARDS, Newcomers, Stable, card, obligation};

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    let column = table.get(name).unwrap();
    (0..table.n_rows()).map(|row| column.label(row)).collect()
}

/// One person a string: `E` regular work, `t` work as a trainee, `.` none, ` ` no row.
fn panel(persons: &[&str]) -> Panel {
    let (mut pid, mut quarter, mut employed, mut trainee, mut days) =
        (vec![], vec![], vec![], vec![], vec![]);
    for (person, states) in (0_i64..).zip(persons) {
        for (q, state) in states.chars().enumerate().filter(|(_, state)| *state != ' ') {
            pid.push(person);
            quarter.push(format!("{}Q{}", 2010 + q / 4, q % 4 + 1));
            employed.push(state != '.');
            trainee.push(state == 't');
            days.push(if state == 'E' { 60.0 } else { 20.0 });
        }
    }
    let table = Table::new([
        ("pid", Column::int(pid)),
        ("quarter", Column::text(quarter.iter().map(|text| Some(text.as_str())))),
        ("employed", Column::bool(employed)),
        ("trainee", Column::bool(trainee)),
        ("days", Column::float(days)),
    ])
    .unwrap();
    Panel::from_table(&table, "pid", "quarter", Unit::Quarter).unwrap()
}

fn marks(panel: &Panel, name: &str) -> String {
    let column = panel.column("column", name).unwrap();
    (0..panel.n_rows())
        .map(|row| if column.label(row).unwrap() == "true" { 'x' } else { '-' })
        .collect()
}

#[test]
fn stable_employment_needs_consecutive_quarters_of_regular_work() {
    let long = panel(&["EEEE.EEE", "EEtEEEE.", "EE EEEEE", "EEEE"]);
    let found = Stable::default().exclude(&["trainee"]).apply(&long, "employed").unwrap();
    assert_eq!(marks(&found, "stable"), "xxxx----".to_owned() + "---xxxx-" + "--xxxxx" + "xxxx");
    assert_eq!(
        marks(&found, "stable_censored"),
        "-----xxx".to_owned() + "xx------" + "xx-----" + "----"
    );
    let run = found.column("column", "stable_run").unwrap();
    let run: Vec<String> = (0..8).map(|row| run.label(row).unwrap()).collect();
    assert_eq!(run.join(""), "12340123");

    let any = Stable::default().quarters(2).apply(&long, "employed").unwrap();
    assert_eq!(marks(&any, "stable"), "xxxx-xxx".to_owned() + "xxxxxxx-" + "xxxxxxx" + "xxxx");
    let days = Stable::default().days("days", 50.0).apply(&long, "employed").unwrap();
    assert_eq!(marks(&days, "stable"), marks(&found, "stable"));
}

#[test]
fn stable_employment_refuses_what_it_cannot_read() {
    let panel = panel(&["EE"]);
    assert!(Stable::default().quarters(0).apply(&panel, "employed").is_err());
    let error = Stable::default().apply(&panel, "emploied").unwrap_err().to_string();
    assert!(error.contains("employed"), "{error}");
    assert!(Stable::default().exclude(&["quarter"]).apply(&panel, "employed").is_err());
}

#[test]
fn obligation_follows_status_age_and_the_decree() {
    // nationality reason birth arrival settled | group level reason
    let cases = [
        (["MA", "1", "1985-01-01", "2012-05-01", ""], ["verplicht", "A1", ""]),
        (["MA", "1", "1985-01-01", "2016-02-28", ""], ["verplicht", "A1", ""]),
        (["MA", "1", "1985-01-01", "2016-02-29", ""], ["verplicht", "A2", ""]),
        (["MA", "4", "1985-01-01", "2012-05-01", ""], ["rechthebbend", "", ""]),
        (["SY", "2", "1985-01-01", "2015-05-01", ""], ["verplicht", "A1", ""]),
        (["PL", "1", "1985-01-01", "2012-05-01", ""], ["rechthebbend", "", ""]),
        (["PL", "", "1985-01-01", "2012-05-01", ""], ["rechthebbend", "", ""]),
        (["BE", "1", "1985-01-01", "2012-05-01", ""], ["", "", "Belgian"]),
        (["MA", "1", "2000-01-01", "2012-05-01", ""], ["", "", "younger than 18"]),
        (["MA", "1", "1945-01-01", "2012-05-01", ""], ["rechthebbend", "", ""]),
        (["MA", "", "1985-01-01", "2012-05-01", ""], ["", "", "reason of stay unknown"]),
        // moved from another region: before the decree, after it, after it but too late
        (["MA", "1", "1985-01-01", "2012-05-01", "2014-01-01"], ["rechthebbend", "", ""]),
        (["MA", "1", "1985-01-01", "2012-05-01", "2016-03-01"], ["verplicht", "A2", ""]),
        (["MA", "1", "1985-01-01", "2010-05-01", "2016-03-01"], ["rechthebbend", "", ""]),
        (["XX", "1", "1985-01-01", "2012-05-01", ""], ["", "", "country code not in the list"]),
    ];
    let column = |at: usize| {
        Column::text(cases.iter().map(|(facts, _)| Some(facts[at]).filter(|text| !text.is_empty())))
    };
    let names = ["nationality", "reason", "birth_date", "arrival", "settled"];
    let mut table = Table::new([("pid", Column::int((0..15).collect()))]).unwrap();
    for (at, name) in names.iter().enumerate() {
        table.push(*name, column(at)).unwrap();
    }
    let columns = Newcomers {
        nationality: "nationality",
        reason: "reason",
        birth_date: "birth_date",
        arrival: "arrival",
        settled: Some("settled"),
    };
    let found = obligation(&table, "pid", &columns).unwrap();
    for (at, name) in ["doelgroep", "nt2_level", "doelgroep_reason"].iter().enumerate() {
        let got = texts(found.table(), name);
        for (row, (_, expected)) in cases.iter().enumerate() {
            assert_eq!(got[row].as_deref().unwrap_or(""), expected[at], "{name}, person {row}");
        }
    }
}

#[test]
fn every_construct_has_a_card() {
    for one in &CARDS {
        assert_eq!(card(one.name), Some(one));
        assert!(one.definition.len() > 20 && one.limits.len() > 20 && one.source.len() > 10);
    }
    assert_eq!(card("luck"), None);
}
