//! Hand-worked cases and hostile input of the panel room.

use kruispunt::data::{
    Account, Calendar, Column, DataError, Day, Panel, Seed, Spells, Table, Unit, Values,
};
use kruispunt::linkage::KeyLink;
use kruispunt::panel::{
    Attach, Balance, Ends, FirstTreatment, Merge, PanelError, Policy, SpellColumns, Spread,
    StateRule, ToPanel,
};

fn register(rows: &[(i64, &str, Option<&str>, &str, f64)]) -> Table {
    Table::new([
        ("pid", Column::int(rows.iter().map(|row| row.0).collect())),
        ("start", Column::text(rows.iter().map(|row| Some(row.1)))),
        ("end", Column::text(rows.iter().map(|row| row.2))),
        ("status", Column::text(rows.iter().map(|row| Some(row.3)))),
        ("wage", Column::float(rows.iter().map(|row| row.4).collect())),
    ])
    .unwrap()
}

fn columns() -> SpellColumns {
    SpellColumns::new("pid", "start", "end").state("status").carry(["wage"])
}

fn read(rows: &[(i64, &str, Option<&str>, &str, f64)]) -> Spells {
    Spells::read(&register(rows), &columns()).unwrap()
}

fn labels(panel: &Panel, name: &str) -> Vec<Option<String>> {
    let column = panel.column("test", name).unwrap();
    (0..panel.n_rows()).map(|row| column.label(row)).collect()
}

fn shown(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect()
}

#[test]
fn a_leap_quarter_a_first_of_january_and_an_open_end_by_hand() {
    let spells = read(&[
        (1, "2011-12-31", Some("2012-03-31"), "employee", 92.0),
        (1, "2012-04-01", Some("2012-06-29"), "jobseeker", 0.0),
        (2, "2012-01-01", None, "student", 0.0),
    ]);
    let calendar = Calendar::quarters("2011Q4", "2012Q3").unwrap();
    let what = ToPanel::new().state(StateRule::LastDay).days();
    let panel = spells.to_panel(&calendar, &what).unwrap();
    assert_eq!(labels(&panel, "pid"), shown(&["1", "1", "1", "2", "2", "2"]));
    assert_eq!(
        labels(&panel, "quarter"),
        shown(&["2011Q4", "2012Q1", "2012Q2", "2012Q1", "2012Q2", "2012Q3"])
    );
    assert_eq!(labels(&panel, "days"), shown(&["1", "91", "90", "91", "91", "92"]));
    assert_eq!(
        labels(&panel, "state"),
        shown(&["employee", "employee", "", "student", "student", "student"])
    );
    assert_eq!(panel.person_factor().codes(), [0, 0, 0, 1, 1, 1]);
    assert_eq!(panel.period_factor().codes(), [0, 1, 2, 1, 2, 3]);
    // 92 euro over 92 days: one a day; clipping does not make the days left dearer
    let clipped = read(&[(1, "2011-12-31", Some("2012-03-31"), "employee", 92.0)])
        .clip(&Calendar::quarters("2012Q1", "2012Q1").unwrap());
    let sum = ToPanel::new().sum(["wage"]);
    let panel = clipped.to_panel(&calendar, &sum).unwrap();
    assert_eq!(labels(&panel, "wage"), shown(&["91"]));
    let start = ToPanel::new().sum_with(["wage"], Spread::Start);
    assert_eq!(labels(&clipped.to_panel(&calendar, &start).unwrap(), "wage"), [None]);
    let end = ToPanel::new().sum_with(["wage"], Spread::End);
    assert_eq!(labels(&clipped.to_panel(&calendar, &end).unwrap(), "wage"), shown(&["92"]));
    let daily = ToPanel::new().sum_with(["wage"], Spread::Daily);
    assert_eq!(labels(&clipped.to_panel(&calendar, &daily).unwrap(), "wage"), shown(&["8372"]));
}

#[test]
fn an_amount_of_an_open_spell_cannot_be_divided() {
    let spells = read(&[(2, "2012-01-01", None, "student", 5.0)]);
    let calendar = Calendar::quarters("2012Q1", "2012Q1").unwrap();
    for spells in [spells.clip(&calendar), spells] {
        let error = spells.to_panel(&calendar, &ToPanel::new().sum(["wage"])).unwrap_err();
        assert!(matches!(error, PanelError::OpenAmount { row: 0, .. }), "{error}");
    }
}

#[test]
fn days_before_1900_and_a_quarterly_register() {
    let old = read(&[(1, "1899-12-31", Some("1900-03-01"), "miner", 1.0)]);
    let calendar = Calendar::quarters("1899Q4", "1900Q1").unwrap();
    let panel = old.to_panel(&calendar, &ToPanel::new().days()).unwrap();
    // 1900 was no leap year: 31 + 28 + 1 days
    assert_eq!(labels(&panel, "days"), shown(&["1", "60"]));
    let table = Table::new([
        ("pid", Column::text([Some("b"), Some("a"), Some("a")])),
        ("kwartaal", Column::text([Some("2012Q1"), Some("2012Q2"), Some("2012Q1")])),
        ("pay", Column::float(vec![10.0, 20.0, 30.0])),
    ])
    .unwrap();
    let columns = SpellColumns::period("pid", "kwartaal", Unit::Quarter).carry(["pay"]);
    let spells = Spells::read(&table, &columns).unwrap();
    let calendar = Calendar::quarters("2012Q1", "2012Q2").unwrap();
    let panel = spells.to_panel(&calendar, &ToPanel::new().sum(["pay"]).days()).unwrap();
    assert_eq!(labels(&panel, "pid"), shown(&["a", "a", "b"]));
    assert_eq!(labels(&panel, "pay"), shown(&["30", "20", "10"]));
    assert_eq!(labels(&panel, "days"), shown(&["91", "91", "91"]));
}

#[test]
fn spells_that_touch_merge_at_gap_zero_and_a_day_apart_at_gap_one() {
    let spells = read(&[
        (1, "2012-01-01", Some("2012-01-31"), "employee", 1.0),
        (1, "2012-02-01", Some("2012-02-29"), "employee", 2.0),
        (1, "2012-03-02", Some("2012-03-31"), "employee", 4.0),
    ]);
    assert_eq!(spells.merge(&Merge::days(0)).unwrap().len(), 2);
    let merged = spells.merge(&Merge::days(1).sum(["wage"])).unwrap();
    assert_eq!(
        (merged.len(), merged.columns().get("wage").unwrap().label(0)),
        (1, Some("7".into()))
    );
    assert_eq!(merged.ends()[0], Day::new(2012, 4, 1).unwrap().0);
}

#[test]
fn checking_finds_each_kind_once() {
    let rows = [
        (1, "2012-01-01", Some("2012-01-31"), "a", 1.0),
        (1, "2012-01-15", Some("2012-02-15"), "b", 1.0),
        (2, "2012-01-01", Some("2012-01-31"), "a", 1.0),
        (2, "2012-03-01", Some("2012-03-31"), "a", 1.0),
        (2, "2012-05-01", Some("2012-05-31"), "b", 1.0),
        (2, "2012-05-01", Some("2012-05-31"), "b", 1.0),
        (3, "2011-01-01", None, "a", 1.0),
        (4, "2012-02-02", Some("2012-02-01"), "a", 1.0),
    ];
    let spells = Spells::read(&register(&rows), &columns().on_inverted(Policy::Drop)).unwrap();
    let check = spells.check(Some(&Calendar::years("2012", "2012").unwrap())).unwrap();
    for (finding, n) in [
        ("overlap", 2),
        ("duplicate", 1),
        ("gap", 1),
        ("jump", 1),
        ("outside", 1),
        ("open", 1),
        ("inverted", 1),
    ] {
        assert_eq!(check.spells(finding), n, "{finding}");
    }
    assert_eq!(check.table().n_rows(), 10);
    assert!(spells.account().last().unwrap().adds_up());
}

#[test]
fn cells_without_a_record_say_why() {
    let spells = read(&[
        (1, "2012-04-01", Some("2012-06-30"), "a", 1.0),
        (1, "2012-10-01", Some("2012-12-31"), "a", 1.0),
    ]);
    let residence = read(&[(1, "2012-03-31", Some("2013-01-01"), "here", 0.0)]);
    let calendar = Calendar::quarters("2011Q4", "2013Q2").unwrap();
    let full = ToPanel::new().balance(Balance::Full);
    let panel = spells.to_panel(&calendar, &full).unwrap();
    let (before, after) = ("before entry", "after exit");
    assert_eq!(
        labels(&panel, "reason"),
        shown(&[before, before, "", "no record", "", after, after])
    );
    let panel = spells.to_panel(&calendar, &full.presence(&residence)).unwrap();
    assert_eq!(
        labels(&panel, "reason"),
        shown(&["not resident", before, "", "no record", "", after, "not resident"])
    );
    let none = spells.to_panel(&calendar, &ToPanel::new().balance(Balance::None)).unwrap();
    assert_eq!(labels(&none, "quarter"), shown(&["2012Q2", "2012Q4"]));
}

#[test]
fn death_ends_spells_on_its_day_and_the_earliest_of_two_counts() {
    let spells = read(&[
        (1, "2012-01-01", None, "a", 1.0),
        (1, "2013-01-01", None, "b", 1.0),
        (2, "2012-01-01", None, "a", 1.0),
    ]);
    let deaths = Table::new([
        ("id", Column::int(vec![1, 1, 9])),
        ("day", Column::text([Some("2012-05-05"), Some("2012-05-03"), None])),
    ])
    .unwrap();
    let censored = spells.censor(&deaths, "id", "day", "death").unwrap();
    assert_eq!(censored.ends(), [Day::new(2012, 5, 4).unwrap().0, Day::OPEN.0]);
    let step = censored.account().last().unwrap();
    assert!(step.adds_up());
    assert_eq!(step.ties[0].met, 1);
}

#[test]
fn event_time_patterns_transitions_and_filters() {
    let table = Table::new([
        ("pid", Column::int(vec![1, 1, 1, 2, 2, 3])),
        ("q", Column::text(["20121", "20122", "20124", "20121", "20122", "20123"].map(Some))),
        ("state", Column::text([Some("a"), Some("b"), Some("b"), Some("a"), None, Some("a")])),
    ])
    .unwrap();
    let panel = Panel::from_table(&table, "pid", "q", Unit::Quarter).unwrap();
    assert_eq!(panel.calendar().len(), 4);
    let patterns = panel.patterns();
    assert_eq!(patterns.column("t", "pattern").unwrap().label(0), Some("..1.".into()));
    let transitions = panel.transitions("state").unwrap();
    let told: Vec<String> = (0..transitions.n_rows())
        .map(|row| {
            let label = |name| transitions.get(name).unwrap().label(row).unwrap_or_default();
            format!("{}>{} {} {}", label("from"), label("to"), label("kind"), label("count"))
        })
        .collect();
    assert_eq!(
        told,
        ["a>b observed 1", "a> missing 1", "a> end 1", "b> gap 1", "b> end 1", "> end 1"]
    );
    let events = Table::new([
        ("pid", Column::int(vec![2, 1, 1])),
        ("day", Column::text([Some("2011-12-31"), Some("2012-05-01"), Some("2013-01-01")])),
    ])
    .unwrap();
    let training =
        Spells::read(&events, &SpellColumns::event("pid", "day").name("training")).unwrap();
    let timed = panel.event_time(FirstTreatment::Spells(&training)).unwrap();
    assert_eq!(labels(&timed, "event_time"), shown(&["-1", "0", "2", "1", "2", ""]));
    assert_eq!(labels(&timed, "cohort")[0].as_deref(), Some("2012Q2"));
    let ever = panel.attach(&training, &Attach::Ever, "trained").unwrap();
    let flagged = ever.event_time(FirstTreatment::Column("trained")).unwrap();
    assert_eq!(labels(&flagged, "event_time"), shown(&["-1", "0", "2", "0", "1", ""]));
    let kept = panel.keep("state", &["a"]).unwrap();
    assert_eq!(kept.n_rows(), 3);
    let step = kept.account().last().unwrap();
    assert!(step.adds_up());
    assert_eq!((step.excluded.len(), kept.persons().len()), (2, 3));
    assert!(matches!(
        panel.event_time(FirstTreatment::Column("state")),
        Err(PanelError::Data(DataError::BadCell { .. }))
    ));
}

#[test]
fn person_columns_need_one_row_a_person() {
    let panel = read(&[
        (1, "2012-01-01", Some("2012-06-30"), "a", 1.0),
        (2, "2012-01-01", Some("2012-01-02"), "b", 1.0),
    ])
    .to_panel(&Calendar::quarters("2012Q1", "2012Q2").unwrap(), &ToPanel::new())
    .unwrap();
    let persons = |ids: Vec<i64>| {
        let n = ids.len();
        Table::new([("id", Column::int(ids)), ("birth", Column::int(vec![1970; n]))]).unwrap()
    };
    let attached = panel.attach_person(&persons(vec![2, 7]), "id").unwrap();
    assert_eq!(labels(&attached, "birth"), shown(&["", "", "1970"]));
    let error = panel.attach_person(&persons(vec![2, 7, 2]), "id").unwrap_err();
    assert!(matches!(error, PanelError::DuplicateKey { first: 0, second: 2, .. }));
    let text = Table::new([("id", Column::text([Some("2")]))]).unwrap();
    assert!(matches!(panel.attach_person(&text, "id"), Err(PanelError::PersonTypes { .. })));
}

#[test]
fn bad_input_is_refused_by_name_and_row_without_the_identifier() {
    let inverted = register(&[
        (1, "2012-01-01", None, "a", 1.0),
        (8_812_345, "2012-02-02", Some("2012-02-01"), "a", 1.0),
    ]);
    let error = Spells::read(&inverted, &columns()).unwrap_err();
    assert!(matches!(error, PanelError::Inverted { row: 1, .. }));
    assert!(!error.to_string().contains("8812345"));
    let exclusive = register(&[(1, "2012-01-01", Some("2012-01-01"), "a", 1.0)]);
    let error = Spells::read(&exclusive, &columns().ends(Ends::Exclusive)).unwrap_err();
    assert!(matches!(error, PanelError::EmptySpell { row: 0, .. }));
    let empty = register(&[]);
    let error = Spells::read(&empty, &columns()).unwrap_err();
    assert!(matches!(error, PanelError::Data(DataError::EmptyTable { .. })));
    let spells = read(&[
        (1, "2012-01-01", Some("2012-03-01"), "a", f64::NAN),
        (1, "2012-02-01", None, "b", 1.0),
    ]);
    assert!(matches!(spells.resolve(["-wage"]), Err(PanelError::NotFinite { row: 0, .. })));
    assert!(matches!(
        spells.resolve(["tenure"]),
        Err(PanelError::Data(DataError::MissingColumn { .. }))
    ));
    let calendar = Calendar::years("2012", "2012").unwrap();
    let state = ToPanel::new().state(StateRule::LastDay);
    let error = spells.to_panel(&calendar, &state).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`state`: the spells of one person at rows 0 and 1 overlap; say which wins with resolve(order)"
    );
    let nulls = Table::new([
        ("pid", Column::ints(&[Some(1), None])),
        ("start", Column::dates(&[None, Some(Day(0))])),
        ("end", Column::dates(&[None, Some(Day(i32::MIN))])),
    ])
    .unwrap();
    let plain = || SpellColumns::new("pid", "start", "end");
    assert!(matches!(
        Spells::read(&nulls, &plain()),
        Err(PanelError::Data(DataError::MissingCell { row: 0, .. }))
    ));
    let none = Spells::read(&nulls, &plain().on_missing(Policy::Drop)).unwrap();
    assert!(none.is_empty() && none.persons().is_empty());
    let panel = none
        .clip(&calendar)
        .resolve(["start"])
        .unwrap()
        .to_panel(&calendar, &ToPanel::new().days())
        .unwrap();
    assert_eq!((panel.n_rows(), panel.patterns().n_rows()), (0, 0));
    let twice = Table::new([
        ("pid", Column::int(vec![4, 4])),
        ("q", Column::text([Some("2012Q1"), Some("31/03/2012")])),
    ])
    .unwrap();
    assert!(matches!(
        Panel::from_table(&twice, "pid", "q", Unit::Quarter),
        Err(PanelError::DuplicatePersonPeriod { first: 0, second: 1, .. })
    ));
}

/// Spells of 3000 persons, from a fixed seed; persons fill several chunks of the sweeps.
fn many(order: impl Fn(usize) -> usize) -> Table {
    const N: usize = 12_000;
    let seed = Seed::new(7);
    let draw = |row: usize, k: u64, below: u64| seed.below([order(row) as u64, k, 0], below);
    let start = |row| Day(15_000 + draw(row, 1, 900) as i32);
    Table::new([
        ("pid", Column::int((0..N).map(|row| draw(row, 0, 3000) as i64).collect())),
        ("start", Column::dates(&(0..N).map(|row| Some(start(row))).collect::<Vec<_>>())),
        (
            "end",
            Column::dates(
                &(0..N).map(|row| Some(start(row) + draw(row, 2, 400) as i32)).collect::<Vec<_>>(),
            ),
        ),
        (
            "status",
            Column::category(
                &(0..N).map(|row| Some(draw(row, 3, 3) as u32)).collect::<Vec<_>>(),
                &["a", "b", "c"],
            ),
        ),
        // distinct, so that no tie is left to the row number
        ("wage", Column::float((0..N).map(|row| order(row) as f64 / 7.0).collect())),
    ])
    .unwrap()
}

fn long_way(table: &Table) -> Panel {
    let calendar = Calendar::months("2011-01", "2013-06").unwrap();
    let what = ToPanel::new()
        .state(StateRule::Dominant)
        .days_by_state()
        .sum(["wage"])
        .mean(["wage"])
        .balance(Balance::Full);
    let spells = Spells::read(table, &columns()).unwrap();
    let timeline =
        spells.clip(&calendar).merge(&Merge::days(3)).unwrap().resolve(["-wage"]).unwrap();
    let panel = timeline.to_panel(&calendar, &what).unwrap();
    panel
        .attach(&spells, &Attach::Days, "spell_days")
        .unwrap()
        .as_of(&spells, &["status"])
        .unwrap()
        .lag("spell_days", 2)
        .unwrap()
}

#[test]
fn neither_the_number_of_threads_nor_the_order_of_rows_changes_a_bit() {
    const N: usize = 12_000;
    let table = many(|row| row);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        serde_json::to_string(&pool.install(|| long_way(&table))).unwrap()
    };
    let one = on(1);
    assert!(one == on(2) && one == on(5));
    let upside_down = many(|row| N - 1 - row);
    let (panel, other) = (long_way(&table), long_way(&upside_down));
    assert_eq!(panel.positions(), other.positions());
    for name in ["state", "days_a", "days_b", "wage", "wage_mean", "spell_days", "spell_days_lag2"]
    {
        assert!(panel.column("t", name).unwrap() == other.column("t", name).unwrap(), "{name}");
    }
}

#[test]
fn the_account_of_a_panel_begins_with_the_linkage() {
    let clients = Table::new([
        ("client", Column::int(vec![101, 102, 103])),
        ("insz", Column::text([Some("85073003328"), None, Some("75460100123")])),
    ])
    .unwrap();
    let persons = Table::new([
        ("pid", Column::int(vec![7, 9])),
        ("insz", Column::text([Some("75460100123"), Some("85073003328")])),
    ])
    .unwrap();
    let links = KeyLink::new("insz").link(&clients, &persons).unwrap();
    let linked = links.attach(&clients, &persons, &["pid"], "clients").unwrap();
    let actions = Table::new([
        ("client", Column::int(vec![101, 102, 103])),
        ("day", Column::text([Some("2012-02-01"); 3])),
    ])
    .unwrap();
    let courses = Spells::read(&actions, &SpellColumns::event("client", "day").name("courses"))
        .unwrap()
        .identify(&linked, "client", "pid")
        .unwrap();
    let days = Table::new([
        ("pid", Column::int(vec![7, 9])),
        ("from", Column::text([Some("2012-01-01"); 2])),
        ("to", Column::text([Some("2012-12-31"); 2])),
    ])
    .unwrap();
    let calendar = Calendar::quarters("2012Q1", "2012Q4").unwrap();
    let panel = Spells::read(&days, &SpellColumns::new("pid", "from", "to").name("residence"))
        .unwrap()
        .resolve(["-from"])
        .unwrap()
        .to_panel(&calendar, &ToPanel::new())
        .unwrap()
        .event_time(FirstTreatment::Spells(&courses))
        .unwrap()
        .attach_person(&linked, "pid")
        .unwrap();
    let joined: Vec<&Account> =
        panel.account().steps().iter().flat_map(|step| &step.joined).collect();
    let [events, traits] = joined[..] else { panic!("two registers joined") };
    assert_eq!((events.source(), events.last().unwrap().verb.as_str()), ("courses", "identify"));
    let walk = &events.last().unwrap().joined[0];
    assert_eq!(walk, traits);
    assert_eq!(walk.steps()[0].excluded[0].reason, "the key is missing");
}

fn quarters(rows: &[(i64, &str, Option<f64>, Option<bool>)]) -> Panel {
    let truths: Vec<bool> = rows.iter().map(|row| row.3.unwrap_or_default()).collect();
    let table = Table::new([
        ("pid", Column::int(rows.iter().map(|row| row.0).collect())),
        ("quarter", Column::text(rows.iter().map(|row| Some(row.1)))),
        ("wage", Column::floats(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
        ("trained", Column::bool(truths)),
    ])
    .unwrap();
    Panel::from_table(&table, "pid", "quarter", Unit::Quarter).unwrap()
}

fn labels_of(panel: &Panel, name: &str) -> Vec<Option<String>> {
    let column = panel.column("column", name).unwrap();
    (0..panel.n_rows()).map(|row| column.label(row)).collect()
}

#[test]
fn growth_sums_and_time_since_go_by_period() {
    let panel = quarters(&[
        (7, "2012Q1", Some(100.0), Some(false)),
        (7, "2012Q2", Some(150.0), Some(true)),
        (7, "2012Q4", Some(300.0), Some(false)),
        (7, "2013Q1", None, None),
        (7, "2013Q2", Some(0.0), Some(true)),
        (7, "2013Q3", Some(5.0), Some(false)),
        (9, "2012Q1", Some(1.0), Some(false)),
    ]);
    let text = |words: [&str; 7]| -> Vec<Option<String>> {
        words.iter().map(|word| (*word != "-").then(|| (*word).to_owned())).collect()
    };
    let panel =
        panel.growth("wage", 1).unwrap().cumulate("wage").unwrap().since("trained").unwrap();
    assert_eq!(labels_of(&panel, "wage_growth1"), text(["-", "0.5", "-", "-", "-", "-", "-"]));
    assert_eq!(
        labels_of(&panel, "wage_cumulated"),
        text(["100", "250", "550", "-", "550", "555", "1"])
    );
    assert_eq!(labels_of(&panel, "trained_since"), text(["-", "0", "2", "3", "0", "1", "-"]));
    assert!(panel.growth("trained", 1).is_ok(), "truth values count as 0 and 1");
    for result in [panel.cumulate("pid"), panel.cumulate("quarter"), panel.since("wage")] {
        assert!(matches!(result, Err(PanelError::Data(_))), "{result:?}");
    }
}

#[test]
fn variation_splits_into_between_and_within_persons() {
    // Worked by hand: means 2 and 6, overall mean 4.4 (weighted by rows).
    let panel = quarters(&[
        (7, "2012Q1", Some(1.0), None),
        (7, "2012Q2", Some(3.0), None),
        (9, "2012Q1", Some(4.0), None),
        (9, "2012Q2", Some(6.0), None),
        (9, "2012Q3", Some(8.0), None),
        (11, "2012Q3", None, None),
    ]);
    let table = panel.variation(&["wage"]).unwrap();
    let number = |name: &str| table.get(name).unwrap().to_floats(name, name).unwrap();
    let close = |got: Vec<f64>, want: [f64; 3]| {
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
    };
    close(number("mean"), [4.4; 3]);
    // Squares about 4.4: 11.56 + 1.96 + 0.16 + 2.56 + 12.96 = 29.2, over 4; between: 8 over 1;
    // within: 1 + 1 + 4 + 0 + 4 = 10, over 4.
    close(number("sd"), [(29.2_f64 / 4.0).sqrt(), 8.0_f64.sqrt(), (10.0_f64 / 4.0).sqrt()]);
    close(number("min"), [1.0, 2.0, 2.4]);
    close(number("max"), [8.0, 6.0, 6.4]);
    close(number("n"), [5.0, 2.0, 2.5]);
    assert!(panel.variation(&["nothing"]).is_err());
}

#[test]
fn flows_tell_entry_stay_return_and_exit_apart() {
    let panel = quarters(&[
        (7, "2012Q1", None, None),
        (7, "2012Q2", None, None),
        (7, "2012Q4", None, None),
        (9, "2012Q2", None, None),
    ]);
    let flows = panel.flows();
    let whole = |name: &str| -> Vec<Option<String>> {
        let column = flows.get(name).unwrap();
        (0..column.len()).map(|row| column.label(row)).collect()
    };
    let text = |words: [&str; 4]| -> Vec<Option<String>> {
        words.iter().map(|word| (*word != "-").then(|| (*word).to_owned())).collect()
    };
    assert_eq!(whole("period"), text(["2012Q1", "2012Q2", "2012Q3", "2012Q4"]));
    assert_eq!(whole("persons"), text(["1", "2", "0", "1"]));
    assert_eq!(whole("entered"), text(["1", "1", "0", "0"]));
    assert_eq!(whole("stayed"), text(["0", "1", "0", "0"]));
    assert_eq!(whole("returned"), text(["0", "0", "0", "1"]));
    assert_eq!(whole("left"), text(["0", "2", "0", "-"]));
    assert_eq!(whole("left_for_good"), text(["0", "1", "0", "-"]));
}

#[test]
fn stacks_and_wide_tables_that_do_not_fit_are_refused() {
    let one = |name: &str, column: Column| {
        let table = Table::new([
            ("pid", Column::int(vec![7])),
            ("day", Column::text([Some("2012-01-01")])),
            ("wage", column),
        ])
        .unwrap();
        Spells::read(&table, &SpellColumns::event("pid", "day").name(name).carry_all()).unwrap()
    };
    let (a, b) = (one("a", Column::int(vec![1])), one("b", Column::text([Some("x")])));
    assert!(matches!(Spells::stack(&[&a, &b], "from"), Err(PanelError::Data(_))));
    assert!(matches!(Spells::stack(&[&a, &a], "from"), Err(PanelError::BadArgument { .. })));
    assert!(matches!(Spells::stack(&[], "from"), Err(PanelError::BadArgument { .. })));
    assert!(matches!(Spells::stack(&[&a], "wage"), Err(PanelError::Data(_))));
    assert_eq!(Spells::stack(&[&a], "from").unwrap().len(), 1);

    let wide = Table::new([
        ("pid", Column::ints(&[Some(7), None])),
        ("q1", Column::text([Some("work"), Some("work")])),
        ("q2", Column::int(vec![1, 2])),
    ])
    .unwrap();
    let read = |columns: &[(&str, &str)]| {
        Spells::from_wide(&wide, "pid", columns, Unit::Quarter, "status", "survey")
    };
    for columns in [
        &[("q1", "2012Q1"), ("q2", "2012Q2")][..],
        &[("q1", "2012Q5")],
        &[("q1", "2012Q1"), ("q1", "2012Q1")],
        &[],
        &[("q3", "2012Q1")],
        &[("q1", "2012Q1")],
    ] {
        assert!(read(columns).is_err(), "{columns:?}");
    }
}

#[test]
fn counts_take_two_bytes_and_more_when_they_need_more() {
    let table = |spells: usize| {
        Table::new([
            ("pid", Column::int(vec![1; spells])),
            ("start", Column::text(vec![Some("2012-01-01"); spells])),
            ("end", Column::text(vec![Some("2012-12-31"); spells])),
        ])
        .unwrap()
    };
    let year = Calendar::years("2012", "2012").unwrap();
    let what = ToPanel::new().days().count();
    let days = |spells: usize| {
        let read = Spells::read(&table(spells), &SpellColumns::new("pid", "start", "end")).unwrap();
        let panel = read.to_panel(&year, &what).unwrap();
        let days = panel.columns().get("days").unwrap().clone();
        assert_eq!(panel.columns().get("count").unwrap().label(0).unwrap(), spells.to_string());
        days
    };
    // 89 spells of 366 days fit into two bytes, 90 do not
    let (few, many) = (days(89), days(90));
    assert!(matches!(few.values(), Values::Short(_)));
    assert!(matches!(many.values(), Values::Int(_)));
    assert_eq!((few.label(0), many.label(0)), (Some("32574".into()), Some("32940".into())));
}

#[test]
fn whole_numbers_are_equal_whatever_their_width() {
    let (short, int) = (Column::short(vec![3, -1, 3]), Column::int(vec![3, -1, 3]));
    assert_eq!(short, int);
    assert_eq!(short.kind(), int.kind());
    assert_eq!(short.ranks(), int.ranks());
    assert_eq!(short.widened(), int);
    assert!(matches!(short.widened().values(), Values::Int(_)));
    assert_eq!(short.to_floats("x", "x"), int.to_floats("x", "x"));
    assert_eq!(short.take(&[2, 1]), int.take(&[2, 1]));
    assert_eq!(short.gather(&[0, u32::MAX]), int.gather(&[0, u32::MAX]));
    assert_eq!(short.label(1), int.label(1));
    let panel = |column: &Column| {
        let table = Table::new([
            ("pid", column.clone()),
            ("quarter", Column::text([Some("2012Q1"), Some("2012Q1"), Some("2012Q2")])),
            ("x", column.clone()),
        ])
        .unwrap();
        let panel = Panel::from_table(&table, "pid", "quarter", Unit::Quarter).unwrap();
        panel.lag("x", 1).unwrap().diff("x", 1).unwrap().cumulate("x").unwrap()
    };
    assert_eq!(panel(&short).table(), panel(&int).table());
}
