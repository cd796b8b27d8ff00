//! The panel room, and the days and periods under it.

use super::{NUMBER, SECRET, Walk, odd_texts};
use kruispunt::data::{Calendar, Column, Day, Panel, Period, Spells, Table, Unit};
use kruispunt::panel::{
    Aggregates, Attach, Balance, Ends, FirstTreatment, Merge, PanelError, Policy, SpellColumns,
    Spread, StateRule, ToPanel,
};
use proptest::prelude::*;

fn register() -> Table {
    let text = |cells: [Option<&str>; 4]| Column::text(cells);
    Table::new([
        ("pid", Column::int(vec![NUMBER, NUMBER, 7, i64::MIN])),
        (
            "start",
            text([Some("2012-01-01"), Some("2012-03-01"), Some("2011-05-05"), Some("2012-02-02")]),
        ),
        ("end", text([Some("2012-02-29"), None, Some("2012-12-31"), Some("2012-02-02")])),
        ("status", text([Some("employee"), Some("jobseeker"), None, Some(SECRET)])),
        ("wage", Column::floats(&[Some(80.0), None, Some(120.0), Some(0.0)])),
    ])
    .unwrap()
}

fn columns() -> SpellColumns {
    SpellColumns::new("pid", "start", "end").state("status").carry(["wage"])
}

fn with(name: &str, column: Column) -> Table {
    let mut table = register();
    table.set(name, column).unwrap();
    table
}

fn spells() -> Spells {
    Spells::read(&register(), &columns()).unwrap()
}

fn calendar() -> Calendar {
    Calendar::quarters("2012Q1", "2012Q4").unwrap()
}

fn panel() -> Panel {
    let what = ToPanel::new().state(StateRule::LastDay).days().mean(["wage"]);
    spells().to_panel(&calendar(), &what).unwrap()
}

#[test]
fn registers_that_hold_no_spells() {
    let mut walk = Walk::default();
    let read = |table: &Table| Spells::read(table, &columns());
    let column = |cells: [Option<&str>; 4]| Column::text(cells);
    let day = Some("2012-01-01");
    for name in ["pid", "start", "end", "status", "wage"] {
        let others: Vec<&str> = ["pid", "start", "end", "status", "wage"]
            .into_iter()
            .filter(|own| *own != name)
            .collect();
        let table = register().select("test", &others).unwrap();
        walk.refused(name, "MissingColumn", &[name], || read(&table));
    }
    walk.refused("no rows", "EmptyTable", &["`table`"], || read(&register().take(&[])));
    let cases: [(&str, Column, &str, &[&str]); 10] = [
        ("end", column([day, day, Some("2011-01-01"), day]), "Inverted", &["`end`", "row 1"]),
        ("start", column([day, day, Some(SECRET), day]), "BadCell", &["`start`", "row 2", "date"]),
        ("end", column([day, Some("2012-02-30"), None, None]), "BadCell", &["`end`", "row 1"]),
        ("start", column([None; 4]), "MissingCell", &["`start`", "row 0"]),
        (
            "pid",
            Column::ints(&[Some(1), Some(2), None, Some(3)]),
            "MissingCell",
            &["`person`", "row 2"],
        ),
        ("pid", Column::float(vec![1.0, 2.0, f64::NAN, 3.0]), "BadCell", &["`person`", "row 2"]),
        ("pid", Column::float(vec![1.0, NUMBER as f64 + 0.5, 1.0, 3.0]), "BadCell", &["row 1"]),
        ("pid", Column::bool(vec![true; 4]), "WrongType", &["`person`", "booleans"]),
        ("start", Column::int(vec![NUMBER; 4]), "WrongType", &["`start`", "dates"]),
        ("start", Column::dates(&[Some(Day(i32::MIN)); 4]), "BadCell", &["`start`", "row 0"]),
    ];
    for (name, bad, error, says) in cases {
        walk.refused(name, error, says, || read(&with(name, bad)));
    }
    let quarterly = SpellColumns::period("pid", "start", Unit::Quarter);
    walk.refused("quarter", "BadCell", &["`period`", "row 0", "2012Q1"], || {
        Spells::read(&with("start", column([Some("2012Q5"), day, day, day])), &quarterly)
    });
    let far = Column::periods(Unit::Quarter, vec![0, i32::MAX, i32::MIN, 8048]);
    walk.refused("quarter", "BadCell", &["`period`", "row 0"], || {
        Spells::read(&with("start", far), &quarterly)
    });
    let all_out = columns().on_inverted(Policy::Drop).on_missing(Policy::Drop);
    walk.gives(
        "nothing left",
        || {
            let nobody = Spells::read(&with("pid", Column::ints(&[None; 4])), &all_out)?;
            let empty = nobody
                .clip(&calendar())
                .merge(&Merge::any_gap())?
                .split(&Aggregates::new().count())?;
            empty
                .resolve(["-wage"])?
                .to_panel(&calendar(), &ToPanel::new().state(StateRule::Dominant))
        },
        |panel: &Panel| panel.n_rows() == 0,
    );
    walk.refused("clash", "DuplicateColumn", &["\"start\""], || {
        Spells::read(
            &register(),
            &SpellColumns::period("pid", "status", Unit::Year).carry(["start"]),
        )
    });
    walk.done();
}

#[test]
fn spells_of_all_time_go_through_every_verb() {
    let mut walk = Walk::default();
    let n = 12;
    let days = [i32::MAX, 2_932_896, 2_932_895, 0, -25_568, i32::MIN];
    let table = Table::new([
        ("pid", Column::int((0..n).map(|row| [0, -1, NUMBER][row % 3]).collect())),
        (
            "start",
            Column::dates(
                &(0..n).map(|row| Some(Day([-719_162, -700_000, 0][row % 3]))).collect::<Vec<_>>(),
            ),
        ),
        ("end", Column::dates(&(0..n).map(|row| Some(Day(days[row % 6]))).collect::<Vec<_>>())),
        ("status", Column::text((0..n).map(|row| [Some("a"), None, Some(SECRET)][row % 3]))),
        ("wage", Column::float((0..n).map(|row| row as f64).collect())),
    ])
    .unwrap();
    for ends in [Ends::Inclusive, Ends::Exclusive] {
        let columns = columns().ends(ends).on_inverted(Policy::Drop);
        let spells = Spells::read(&table, &columns).unwrap();
        let years = Calendar::years("0001", "9998").unwrap();
        let aggregates = Aggregates::new().count().sum(["wage"]).mean(["wage"]).max(["wage"]);
        walk.gives("check", || spells.check(Some(&years)), |_| true);
        walk.gives("split", || spells.split(&aggregates), |split| split.len() >= spells.len());
        walk.gives("episodes", || spells.episodes(&aggregates), |line| !line.spells().is_empty());
        walk.refused("amount", "OpenAmount", &["\"wage\""], || {
            spells.split(&Aggregates::new().amount(["wage"]))
        });
        walk.gives("merge", || spells.merge(&Merge::days(u32::MAX).sum(["wage"])), |_| true);
        walk.gives(
            "merge",
            || spells.merge(&Merge::any_gap().by(["wage"]).across_states()),
            |_| true,
        );
        let timeline = spells.resolve(["-wage", "start", "-end", "state"]).unwrap();
        for rule in [StateRule::Dominant, StateRule::Day(0), StateRule::Day(u16::MAX)] {
            for balance in [Balance::EntryExit, Balance::Full, Balance::None] {
                let what =
                    ToPanel::new().state(rule).days().count().days_by_state().balance(balance);
                walk.gives(
                    "years",
                    || timeline.to_panel(&years, &what.mean(["wage"])),
                    |panel| panel.n_rows() > 0,
                );
            }
        }
        let what = ToPanel::new().sum_with(["wage"], Spread::Daily);
        walk.gives("daily", || spells.to_panel(&years, &what), |_| true);
        for spread in [Spread::Start, Spread::End] {
            let what = ToPanel::new().sum_with(["wage"], spread);
            walk.gives("at once", || spells.to_panel(&years, &what), |_| true);
        }
        walk.refused("sum", "OpenAmount", &["`sum`", "row"], || {
            spells.to_panel(&years, &ToPanel::new().sum(["wage"]))
        });
        walk.refused("overlap", "Overlap", &["`state`", "resolve"], || {
            spells.to_panel(&years, &ToPanel::new().state(StateRule::LastDay))
        });
        let limits = Table::new([
            ("pid", Column::int(vec![0, -1, NUMBER])),
            ("died", Column::dates(&[Some(Day(i32::MAX)), Some(Day(i32::MIN)), None])),
        ])
        .unwrap();
        walk.gives("censor", || spells.censor(&limits, "pid", "died", "death"), |_| true);
        let _ = spells.clip(&years).clip(&calendar());
    }
    walk.done();
}

#[test]
fn arguments_that_the_panel_verbs_refuse() {
    let mut walk = Walk::default();
    let nan = with("wage", Column::float(vec![1.0, f64::NAN, f64::INFINITY, 1.0]));
    let bad = Spells::read(&nan, &columns()).unwrap();
    // spells stand by person: the third row of the table comes before the second
    walk.refused("merge", "NotFinite", &["\"wage\"", "row 2"], || {
        bad.merge(&Merge::days(0).sum(["wage"]))
    });
    let sum = Aggregates::new().sum(["wage"]);
    walk.refused("split", "NotFinite", &["`aggregates`", "row 2"], || bad.split(&sum));
    walk.refused("resolve", "NotFinite", &["`order`", "row 1"], || bad.resolve(["-wage"]));
    for what in [ToPanel::new().mean(["wage"]), ToPanel::new().sum_with(["wage"], Spread::Daily)] {
        walk.refused("panel", "NotFinite", &["\"wage\"", "row"], || {
            bad.to_panel(&calendar(), &what)
        });
    }
    let good = spells();
    walk.refused("order", "MissingColumn", &["`order`", "\"nothing\""], || {
        good.resolve(["-nothing"])
    });
    walk.refused("by", "MissingColumn", &["`by`"], || good.merge(&Merge::days(1).by(["nothing"])));
    walk.refused("sum", "WrongType", &["\"status\""], || {
        good.to_panel(&calendar(), &ToPanel::new().mean(["status"]))
    });
    let stateless = Spells::read(&register(), &SpellColumns::new("pid", "start", "end")).unwrap();
    for what in [ToPanel::new().state(StateRule::LastDay), ToPanel::new().days_by_state()] {
        walk.refused("state", "NoState", &[], || stateless.to_panel(&calendar(), &what));
    }
    walk.refused("names", "DuplicateColumn", &["\"pid\""], || {
        good.to_panel(&calendar(), &ToPanel::new().period_name("pid"))
    });
    let text = Spells::read(
        &with("pid", Column::text([Some(SECRET), Some("b"), Some("c"), Some("")])),
        &columns(),
    )
    .unwrap();
    walk.refused("presence", "PersonTypes", &["text", "whole numbers"], || {
        good.to_panel(&calendar(), &ToPanel::new().presence(&text))
    });
    let deaths =
        Table::new([("pid", Column::int(vec![7])), ("died", Column::text([Some(SECRET)]))])
            .unwrap();
    walk.refused("censor", "BadCell", &["`day`", "\"died\"", "row 0"], || {
        good.censor(&deaths, "pid", "died", "death")
    });
    walk.done();
}

#[test]
fn arguments_that_a_panel_refuses() {
    let mut walk = Walk::default();
    let (panel, good) = (panel(), spells());
    for k in [0, 1, u32::MAX] {
        walk.gives("lag", || panel.lag("wage_mean", k), |lagged| lagged.n_rows() == panel.n_rows());
        walk.gives(
            "lead",
            || panel.lead("wage_mean", k),
            |lagged| lagged.n_rows() == panel.n_rows(),
        );
        walk.ends("diff", || panel.diff("days", k));
    }
    walk.refused("lag", "MissingColumn", &["`column`"], || panel.lag("nothing", 1));
    walk.refused("diff", "WrongType", &["\"state\""], || panel.diff("state", 1));
    let extremes = (0..panel.n_rows()).map(|row| if row % 2 == 0 { i64::MAX } else { i64::MIN });
    let extreme = panel.with_column("x", Column::int(extremes.collect())).unwrap();
    walk.refused("diff", "Overflow", &["\"x\"", "row"], || extreme.diff("x", 1));
    for mask in [Column::bool(vec![true]), Column::text([Some(SECRET)])] {
        walk.refused("filter", "LengthMismatch", &["mask"], || panel.filter(&mask, "no reason"));
    }
    let words = Column::text(vec![Some(SECRET); panel.n_rows()]);
    walk.refused("filter", "WrongType", &["`mask`"], || panel.filter(&words, "no reason"));
    let null = panel.column("test", "days").unwrap().take_or_null(&vec![None; panel.n_rows()]);
    let unknown = Column::new(
        Column::bool(vec![true; panel.n_rows()]).values().clone(),
        null.validity().cloned(),
    );
    walk.gives("null mask", || panel.filter(&unknown, "no reason"), |none| none.n_rows() == 0);
    let none = panel.filter(&unknown, "no reason").unwrap();
    walk.gives(
        "nobody",
        || none.lag("days", 1)?.attach(&good, &Attach::Since, "since"),
        |none| none.n_rows() == 0,
    );
    walk.gives(
        "nobody",
        || none.event_time(FirstTreatment::Spells(&good)),
        |none| none.n_rows() == 0,
    );
    walk.gives("nobody", || none.transitions("state"), |table| table.n_rows() == 0);
    assert_eq!(none.patterns().n_rows(), 0);
    let words = panel.with_column("x", Column::text(vec![Some(SECRET); panel.n_rows()])).unwrap();
    walk.refused("event time", "BadCell", &["`first`", "\"x\"", "row 0"], || {
        words.event_time(FirstTreatment::Column("x"))
    });
    walk.refused("event time", "BadCell", &["`first`", "0 or 1"], || {
        panel.event_time(FirstTreatment::Column("pid"))
    });
    let varies = (0..panel.n_rows()).map(|row| Some(Day(row as i32))).collect::<Vec<_>>();
    let varies = panel.with_column("x", Column::dates(&varies)).unwrap();
    walk.ends("event time", || varies.event_time(FirstTreatment::Column("x")));
    let far = Column::periods(Unit::Quarter, vec![i32::MIN; panel.n_rows()]);
    let far = panel.with_column("x", far).unwrap();
    walk.gives(
        "far away",
        || far.event_time(FirstTreatment::Column("x")),
        |panel| panel.column("test", "cohort").unwrap().label(0).is_some(),
    );
    walk.done();
}

#[test]
fn what_a_panel_does_not_take_from_elsewhere() {
    let mut walk = Walk::default();
    let (panel, good) = (panel(), spells());
    let twice = Table::new([
        ("pid", Column::int(vec![7, NUMBER, NUMBER])),
        ("sex", Column::int(vec![1, 2, 3])),
    ])
    .unwrap();
    walk.refused("twice", "DuplicateKey", &["`table`", "\"pid\"", "rows 1 and 2"], || {
        panel.attach_person(&twice, "pid")
    });
    let null = Table::new([("pid", Column::ints(&[None])), ("sex", Column::int(vec![1]))]).unwrap();
    walk.refused("no key", "MissingCell", &["`key`", "row 0"], || {
        panel.attach_person(&null, "pid")
    });
    walk.gives(
        "no rows",
        || panel.attach_person(&twice.take(&[]), "pid"),
        |panel| panel.n_rows() > 0,
    );
    walk.refused("name taken", "DuplicateColumn", &["\"days\""], || {
        panel.attach(&good, &Attach::Days, "days")
    });
    for how in [Attach::Value("nothing".to_owned()), Attach::Current("nothing".to_owned())] {
        walk.refused("no column", "MissingColumn", &["\"nothing\""], || {
            panel.attach(&good, &how, "x")
        });
    }
    walk.refused("as of", "MissingColumn", &["`columns`"], || panel.as_of(&good, &["nothing"]));
    walk.done();
}

#[test]
fn tables_that_are_no_panel() {
    let mut walk = Walk::default();
    let table = |pids: Column, quarters: [Option<&str>; 3]| {
        Table::new([("pid", pids), ("quarter", Column::text(quarters))]).unwrap()
    };
    let read = |table: &Table| Panel::from_table(table, "pid", "quarter", Unit::Quarter);
    let (q, pids) = (Some("2012Q1"), || Column::int(vec![NUMBER, NUMBER, 1]));
    walk.refused("twice", "DuplicatePersonPeriod", &["`table`", "rows 0 and 1"], || {
        read(&table(pids(), [q, q, q]))
    });
    walk.refused("quarter", "BadCell", &["`period`", "row 1", "2012Q1"], || {
        read(&table(pids(), [q, Some(SECRET), q]))
    });
    walk.refused("null", "MissingCell", &["`period`", "row 2"], || {
        read(&table(pids(), [q, Some("2012Q2"), None]))
    });
    walk.refused("nobody", "MissingCell", &["`person`", "row 0"], || {
        read(&table(Column::ints(&[None; 3]), [q; 3]))
    });
    walk.refused("far", "BadCell", &["row 0"], || read(&table(pids(), [Some("9999Q4"), q, q])));
    walk.refused("no rows", "EmptyTable", &[], || read(&table(pids(), [q; 3]).take(&[])));
    walk.refused("no column", "MissingColumn", &["`period`"], || {
        Panel::from_table(&table(pids(), [q; 3]), "pid", "year", Unit::Year)
    });
    let odd = odd_texts();
    let odd = Table::new([
        ("pid", Column::text(odd.iter().map(|text| Some(text.as_str())))),
        ("quarter", Column::text(vec![q; odd.len()])),
    ])
    .unwrap();
    walk.gives("odd persons", || read(&odd), |panel| panel.persons().len() == odd.n_rows());
    walk.done();
}

#[test]
fn calendars_at_the_ends_of_time() {
    let mut walk = Walk::default();
    for (first, last, name) in [
        ("9999Q4", "9999Q4", "PeriodOutOfRange"),
        ("2012Q4", "2012Q1", "EmptyCalendar"),
        ("soon", "2012Q1", "BadPeriod"),
        ("2012Q1", "", "BadPeriod"),
    ] {
        walk.refused(first, name, &[], || Calendar::quarters(first, last));
    }
    let period = |number| Period { unit: Unit::Quarter, number };
    for (first, last) in [(i32::MIN, i32::MAX), (i32::MIN, i32::MIN), (8000, i32::MAX), (-4, 8000)]
    {
        walk.refused("numbers", "PeriodOutOfRange", &[], || {
            Calendar::between(period(first), period(last))
        });
    }
    for number in [i32::MIN, -1, 0, i32::MAX] {
        for unit in [Unit::Month, Unit::Quarter, Unit::Year] {
            let period = Period { unit, number };
            let _ = (period.to_string(), period.first_day(), period.last_day(), period + i32::MAX);
        }
        for unit in [Unit::Month, Unit::Quarter, Unit::Year] {
            let _ = (Period::of(Day(number), unit).to_string(), Day(number).to_string());
        }
    }
    walk.gives(
        "all months",
        || {
            let months = Calendar::months("0001-01", "9998-12")?;
            let what = ToPanel::new().state(StateRule::LastDay).balance(Balance::Full);
            spells().to_panel(&months, &what)
        },
        |panel| panel.n_rows() == 3 * 9998 * 12,
    );
    walk.done();
}

#[test]
fn a_person_of_ten_thousand_spells_is_not_slow() {
    let n = 10_000;
    let spells = Table::new([
        ("pid", Column::int(vec![NUMBER; n])),
        (
            "start",
            Column::dates(
                &(0..n).map(|row| Some(Day((row * 7919 % n) as i32))).collect::<Vec<_>>(),
            ),
        ),
        (
            "end",
            Column::dates(
                &(0..n).map(|row| Some(Day((row * 7919 % n + 20) as i32))).collect::<Vec<_>>(),
            ),
        ),
        ("status", Column::text((0..n).map(|row| Some(["a", "b", "c"][row % 3])))),
        ("wage", Column::float((0..n).map(|row| (row % 97) as f64).collect())),
    ])
    .unwrap();
    let begun = std::time::Instant::now();
    let spells = Spells::read(&spells, &columns()).unwrap();
    let run = || -> Result<usize, PanelError> {
        let split = spells.split(&Aggregates::new().sum(["wage"]))?;
        let timeline = spells.resolve(["-wage"])?;
        let months = Calendar::months("1970-01", "1999-12")?;
        let panel =
            timeline.to_panel(&months, &ToPanel::new().state(StateRule::Dominant).days())?;
        let panel = panel.as_of(&spells, &["wage"])?.attach(&spells, &Attach::Days, "covered")?;
        Ok(split.len() + panel.n_rows() + spells.merge(&Merge::days(3))?.len())
    };
    assert!(run().unwrap() > 0 && spells.check(None).is_ok());
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_of_time_panic(text in "\\PC{0,14}|[0-9QMTqmt/. -]{0,12}") {
        let _ = Day::parse(&text);
        for unit in [Unit::Month, Unit::Quarter, Unit::Year] {
            if let Some(period) = Period::parse(&text, unit) {
                prop_assert!((1..=9999).contains(&period.year()));
            }
        }
    }
}
