//! The linkage room.

use super::{NUMBER, SECRET, Walk, odd_texts};
use kruispunt::data::{Account, Column, Day, Links, Table, Unit};
use kruispunt::linkage::{
    Assignment, Comparison, Condition, Grouping, KeyLink, Labels, LinkageError, Linker, Measure,
    Rule, RuleLink, Threshold, Truth,
};

const NAMES: [&str; 8] =
    ["Janssens", "Peeters", "El Amrani", "Diallo", "Nowak", "Yıldız", "Maes", SECRET];

fn people(n: usize) -> Table {
    let names: Vec<String> = (0..n).map(|row| format!("{} {}", NAMES[row % 8], row / 8)).collect();
    let births: Vec<Option<Day>> = (0..n)
        .map(|row| Day::new(1950 + (row * 7 % 50) as i32, 1 + (row % 12) as u32, 3))
        .collect();
    Table::new([
        ("surname", Column::text(names.iter().map(|name| Some(name.as_str())))),
        ("birth_date", Column::dates(&births)),
        ("insz", Column::int((0..n as i64).map(|row| NUMBER + row).collect())),
    ])
    .unwrap()
}

fn linker() -> Linker {
    Linker::new()
        .compare(Comparison::name("surname").tf())
        .compare(Comparison::date("birth_date"))
        .block(["surname"])
        .block(["birth_date"])
}

fn with(name: &str, column: Column) -> Table {
    let mut table = people(column.len());
    table.set(name, column).unwrap();
    table
}

fn nulls(n: usize) -> Column {
    Column::text(vec![None; n])
}

/// Trains and links.
fn both(linker: &Linker, left: &Table, right: &Table) -> Result<Links, LinkageError> {
    linker.train(left, right)?.link(left, right)
}

#[test]
fn tables_that_a_linker_cannot_use() {
    let mut walk = Walk::default();
    let good = people(40);
    let empty = good.take(&[]);
    for verb in ["forecast", "train", "link"] {
        let run = |left: &Table, right: &Table| -> Result<(), LinkageError> {
            match verb {
                "forecast" => linker().forecast(left, right).map(|_| ()),
                "train" => linker().train(left, right).map(|_| ()),
                _ => linker().train(&good, &good)?.link(left, right).map(|_| ()),
            }
        };
        let without = Table::new([("surname", good.get("surname").unwrap().clone())]).unwrap();
        walk.refused(verb, "MissingColumn", &["`comparisons`", "\"birth_date\""], || {
            run(&without, &good)
        });
        walk.refused(verb, "MissingColumn", &["\"birth_date\""], || run(&good, &without));
        walk.refused(verb, "EmptyTable", &["`left`"], || run(&empty, &good));
        walk.refused(verb, "EmptyTable", &["`right`"], || run(&good, &empty));
        walk.refused(verb, "EmptyTable", &["`left`"], || run(&Table::default(), &good));
        let nan = with("birth_date", Column::float(vec![19_850_730.0, f64::NAN]));
        walk.refused(verb, "NotFinite", &["\"birth_date\"", "row 1"], || run(&nan, &good));
    }
    let null = with("surname", nulls(40));
    walk.refused("null", "Untrainable", &["\"surname\""], || linker().train(&null, &good));
    let mut bare = null.clone();
    bare.set("birth_date", Column::dates(&[None; 40])).unwrap();
    walk.refused("all null", "NoPairs", &["`blocking`", "40 of 40 left rows"], || {
        linker().train(&bare, &good)
    });
    walk.refused("all null", "NoPairs", &["`blocking`"], || {
        linker().train(&good, &good)?.link(&good, &bare)
    });
    let one = people(1);
    walk.ends("one row", || both(&linker(), &one, &one));
    walk.refused("one row", "NoPairs", &[], || linker().train_dedupe(&one));
    walk.refused("wrong type", "WrongType", &["\"surname\"", "numbers"], || {
        linker().compare(Comparison::numeric("surname", [1.0])).train(&good, &good)
    });
    walk.refused("extra key", "MissingColumn", &["`blocking`", "\"town\""], || {
        linker().block(["town"]).train(&good, &good)
    });
    walk.done();
}

#[test]
fn a_linker_that_makes_no_sense() {
    let mut walk = Walk::default();
    let good = people(40);
    walk.refused("nothing", "NoComparisons", &[], || Linker::new().train(&good, &good));
    let bare = Linker::new().compare(Comparison::name("surname"));
    walk.refused("no rule", "NoBlocking", &[], || bare.train(&good, &good));
    walk.refused("no key", "NoBlocking", &[], || {
        bare.clone().block(Rule::new()).train(&good, &good)
    });
    walk.refused("one rule for all", "Untrainable", &["\"surname\""], || {
        bare.clone().block(["surname"]).train(&good, &good)
    });
    walk.refused("untrained", "Untrained", &[], || linker().link(&good, &good));
    walk.refused("untrained", "Untrained", &[], || linker().parameters());
    for draws in [0, u64::MAX] {
        walk.refused("draws", "BadArgument", &["`draws`"], || {
            linker().draws(draws).train(&good, &good)
        });
    }
    walk.refused("cap", "TooManyPairs", &["cap of 3"], || linker().cap(3).train(&good, &good));
    for thresholds in
        [vec![f64::NAN], vec![0.5, 0.9], vec![-1.0], vec![f64::INFINITY], vec![0.9; 200]]
    {
        walk.refused("thresholds", "BadThresholds", &["surname"], || {
            linker()
                .compare(Comparison::text("surname", Measure::Jaro, thresholds))
                .train(&good, &good)
        });
    }
    let trained = linker().train(&good, &good).unwrap();
    for p in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        walk.refused("threshold", "BadArgument", &["`threshold`"], || {
            trained.clone().threshold(Threshold::Probability(p)).link(&good, &good)
        });
    }
    for weight in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        walk.refused("threshold", "BadArgument", &["`threshold`"], || {
            trained.clone().threshold(Threshold::Weight(weight)).link(&good, &good)
        });
    }
    for assignment in [Assignment::OneToOne, Assignment::ManyToOne, Assignment::All] {
        for threshold in [
            Threshold::Probability(0.0),
            Threshold::Probability(1.0),
            Threshold::Weight(-1e300),
            Threshold::Weight(1e300),
        ] {
            let linker = trained.clone().assignment(assignment).threshold(threshold);
            walk.gives(
                "edge of the threshold",
                || linker.link(&good, &good),
                |links| links.probabilities().iter().all(|p| (0.0..=1.0).contains(p)),
            );
        }
    }
    walk.done();
}

#[test]
fn text_nobody_expects_in_every_comparison() {
    let mut walk = Walk::default();
    let texts = odd_texts();
    let mut odd = Vec::new();
    (0..3).for_each(|_| odd.extend(texts.iter().map(|text| Some(text.as_str()))));
    let table = with("surname", Column::text(odd.clone()));
    let all = [
        Comparison::exact("surname"),
        Comparison::name("surname").tf(),
        Comparison::date("surname"),
        Comparison::identifier("surname"),
        Comparison::text("surname", Measure::Levenshtein, [1.0]),
        Comparison::text("surname", Measure::Osa, [1.0]),
        Comparison::text("surname", Measure::Damerau, [1.0]),
        Comparison::text("surname", Measure::Jaro, [0.9]),
        Comparison::text("surname", Measure::JaroWinkler, [0.9]),
        Comparison::text("surname", Measure::Dice, [0.9]),
        Comparison::text("surname", Measure::Jaccard, [0.9]),
        Comparison::text("surname", Measure::Osa, []),
        Comparison::person("surname", true, [vec!["\u{0}".to_owned(), String::new()]]).tf(),
        Comparison::insz("surname"),
        Comparison::exact("surname").missing_levels(),
        Comparison::levels(
            "all",
            [
                Condition::same("surname"),
                Condition::sound("surname").and(Condition::missing_both("insz").not()),
                Condition::alike("surname", Measure::Damerau, 1.0),
                Condition::alike("surname", Measure::Dice, 0.9),
                Condition::crossed("surname", "birth_date"),
                Condition::cosine(["surname"], 0.5),
                Condition::overlap("surname", 1.0, '\u{1f}'),
                Condition::missing_one("surname").or(Condition::within("insz", 1.0)),
            ]
            .map(|own| (own.label(), own)),
        ),
    ];
    for comparison in all {
        let linker = Linker::new()
            .compare(comparison)
            .compare(Comparison::identifier("insz"))
            .block(["insz"])
            .block(["surname"])
            .block(["birth_date"])
            .block(Rule::new().on_first("surname", 1).on_first("birth_date", 4))
            .block(Rule::new().on_first("insz", usize::MAX))
            .block(Rule::new().on_sound("surname"))
            .block(Rule::new().neighbours("surname", 2))
            .block(Rule::new().similar("surname", 2, 2));
        walk.ends("odd text", || both(&linker, &table, &table));
        walk.ends("odd text in one table", || linker.train_dedupe(&table)?.dedupe(&table));
    }
    let days =
        [i32::MIN, -800_000, -25_568, 0, 2_932_896, 2_932_897, i32::MAX].map(|day| Some(Day(day)));
    let dated = with("birth_date", Column::dates(&days.repeat(6)));
    walk.ends("days beyond the calendar", || both(&linker(), &dated, &dated));
    let periods =
        with("birth_date", Column::periods(Unit::Quarter, vec![i32::MIN, i32::MAX, 0, 8048]));
    walk.ends("quarters beyond the calendar", || both(&linker(), &periods, &periods));
    let floats = with("birth_date", Column::float(vec![1e300, -0.0, 5e-324, 19_850_730.0]));
    walk.ends("dates as real numbers", || both(&linker(), &floats, &floats));
    walk.done();
}

#[test]
fn what_is_asked_of_rules_levels_and_labels_must_make_sense() {
    let mut walk = Walk::default();
    let good = people(80);
    let with = |comparison: Comparison| linker().compare(comparison);
    let sex = || Comparison::exact("insz");
    for bad in [
        sex().fix_m(0, 1.5),
        sex().fix_m(usize::MAX, 0.5),
        sex().fix_m(0, 0.5).fix_m(1, 0.6),
        sex().fix_u(0, f64::NAN),
        sex().prior([1.0]),
        sex().prior([0.0, f64::INFINITY]),
        sex().tf_levels(0),
        Comparison::levels("x", Vec::<(String, Condition)>::new()),
        Comparison::levels("x", [("x", Condition::alike("insz", Measure::Jaro, f64::NAN))]),
        Comparison::levels("x", [("x", Condition::cosine(Vec::<String>::new(), 0.5))]),
        Comparison::levels("x", [("x", Condition::same("insz"))]).missing_levels(),
        Comparison::levels("x", [("x", (0..50).fold(Condition::same("insz"), |own, _| own.not()))]),
    ] {
        walk.refused("levels", "BadLevels", &[], || with(bad).train(&good, &good));
    }
    walk.refused("levels", "MissingColumn", &["\"wage\""], || {
        with(Comparison::levels("x", [("x", Condition::same("wage"))])).train(&good, &good)
    });
    walk.refused("levels", "WrongType", &["\"surname\""], || {
        with(Comparison::levels("x", [("x", Condition::within("surname", 1.0))]))
            .train(&good, &good)
    });
    for (rule, name) in [
        (Rule::new().neighbours("surname", 0), "`window`"),
        (Rule::new().neighbours("surname", u32::MAX), "`window`"),
        (Rule::new().similar("surname", 0, 3), "`bands`"),
        (Rule::new().similar("surname", 3, 99), "`rows`"),
    ] {
        walk.refused("rule", "BadArgument", &[name], || linker().block(rule).train(&good, &good));
    }
    walk.refused("giant", "GiantBlock", &["[sex]", "a block of 6400 pairs"], || {
        let mut all = good.clone();
        all.push("sex", Column::text([Some("f"); 80])).unwrap();
        linker().block("sex").block_cap(100).train(&all, &all)
    });
    walk.refused("by", "MissingColumn", &["`by`"], || linker().by("origin").train(&good, &good));
    walk.refused("between", "MissingColumn", &["`between`"], || {
        linker().between("source").train_dedupe(&good)
    });
    walk.done();
}

#[test]
fn what_is_asked_of_labels_clusters_and_passes_must_make_sense() {
    let mut walk = Walk::default();
    let good = people(80);
    let labels = |pairs: &[(usize, usize, bool)]| {
        linker().train_labelled(&good, &good, &Labels::new(pairs.to_vec()))
    };
    walk.refused("labels", "Contradiction", &["`labels`"], || {
        labels(&[(0, 1, true), (0, 1, false)])
    });
    walk.refused("labels", "Contradiction", &["rows 0 and 3"], || {
        labels(&[(0, 1, true), (2, 1, true), (2, 3, true), (0, 3, false)])
    });
    walk.refused("labels", "BadLabels", &[], || labels(&[(0, 1, false)]));
    walk.refused("labels", "BadLabels", &[], || labels(&[]));
    walk.refused("labels", "OutOfRange", &["`labels`"], || labels(&[(0, usize::MAX, true)]));
    walk.refused("labels", "Contradiction", &[], || {
        let twice = good.take(&(0..80).flat_map(|row| [row, row]).collect::<Vec<u32>>());
        linker().train_dedupe_labelled(&twice, &Labels::new(vec![(3, 3, false)]))
    });
    let trained = linker().train(&good, &good).unwrap();
    walk.refused("score", "OutOfRange", &["`right`"], || trained.score(&good, &good, &[(0, 80)]));
    walk.refused("since", "OutOfRange", &["`since`"], || trained.dedupe_since(&good, 80));
    let links = Links::certain(vec![(0, 1)], 80, 80, Account::new("links")).within();
    let before = |ids: Column| links.clusters_since(&ids, true, Grouping::Connected);
    walk.refused("ids", "OutOfRange", &["`previous`"], || before(Column::int(vec![1])));
    walk.refused("ids", "WrongType", &["`previous`"], || before(Column::text([Some(SECRET); 80])));
    walk.refused("ids", "BadCell", &["row 0"], || before(Column::float(vec![0.5; 80])));
    walk.ends("ids", || before(Column::int(vec![i64::MAX >> 11; 80])));
    for (matches, recall, name) in [
        (vec![], 0.9, "BadLabels"),
        (vec![(0, 99)], 0.9, "OutOfRange"),
        (vec![(0, 0)], 0.0, "BadArgument"),
        (vec![(0, 0)], f64::NAN, "BadArgument"),
    ] {
        walk.refused("cover", name, &[], || {
            trained.learn_rules(&good, &good, &matches, recall, 1000)
        });
    }
    walk.refused("passes", "NoBlocking", &[], || RuleLink::new().link(&good, &good));
    walk.refused("passes", "BadArgument", &["`assignment`"], || {
        RuleLink::new().pass("surname").assignment(Assignment::All).link(&good, &good)
    });
    walk.refused("passes", "MissingColumn", &["\"wage\""], || {
        RuleLink::new().pass("wage").link(&good, &good)
    });
    for junk in ["", "{", "null", "{\"keys\": 3}", "{\"keys\": [], \"x\": 1}"] {
        walk.refused("rule", "Stored", &[], || Rule::from_json(junk));
        walk.refused("settings", "Stored", &[], || Comparison::exact("x").with_settings(junk));
    }
    walk.done();
}

#[test]
fn dates_with_unknown_parts_make_no_block() {
    let births = ["0000-07-30", "0000-01-12", "1978-00-00", "1978-11-03"];
    let table = with("birth_date", Column::text(births.map(Some)));
    let pairs = |first: usize| {
        let rule = Rule::new().on_first("birth_date", first);
        let linker = Linker::new().compare(Comparison::date("birth_date")).block(rule);
        let forecast = linker.forecast_dedupe(&table).unwrap();
        forecast.get("pairs").unwrap().to_floats("", "").unwrap()[0]
    };
    assert_eq!((pairs(4), pairs(6)), (1.0, 0.0));
}

#[test]
fn keys_that_do_not_identify() {
    let mut walk = Walk::default();
    let good = people(5);
    let link = KeyLink::new("insz");
    let text = |keys: &[Option<&str>]| Table::new([("insz", Column::text(keys.to_vec()))]).unwrap();
    walk.refused("missing", "MissingColumn", &["`on`", "\"pid\""], || {
        KeyLink::new("pid").link(&good, &good)
    });
    walk.refused("empty", "EmptyTable", &["`right`"], || link.link(&good, &good.take(&[])));
    let twice = text(&[Some("7"), Some(SECRET), None, Some(SECRET)]);
    walk.refused("twice", "DuplicateKey", &["`right`", "\"insz\"", "rows 1 and 3"], || {
        link.link(&good, &twice)
    });
    walk.gives(
        "twice on the left",
        || link.link(&twice, &text(&[Some(SECRET)])),
        |links| links.left_rows() == [1, 3],
    );
    walk.gives(
        "nulls",
        || link.link(&text(&[None, Some("000"), Some("  ")]), &good),
        Links::is_empty,
    );
    for bad in [
        Column::int(vec![1, -NUMBER]),
        Column::int(vec![1, i64::MIN]),
        Column::float(vec![1.0, NUMBER as f64 + 0.5]),
        Column::float(vec![1.0, 1e300]),
    ] {
        let table = Table::new([("insz", bad)]).unwrap();
        walk.refused("no identifier", "BadCell", &["`on`", "\"insz\"", "row 1"], || {
            link.link(&table, &good)
        });
    }
    for bad in [f64::NAN, f64::INFINITY] {
        let table = Table::new([("insz", Column::float(vec![1.0, bad]))]).unwrap();
        walk.refused("nan", "NotFinite", &["\"insz\"", "row 1"], || link.link(&table, &good));
    }
    let huge = Table::new([("insz", Column::int(vec![i64::MAX, 0, NUMBER]))]).unwrap();
    walk.gives("huge", || link.link(&huge, &huge), |links| links.left_rows() == [0, 2]);
    let odd = odd_texts();
    let odd = text(&odd.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>());
    walk.ends("odd text", || link.link(&odd, &odd));
    walk.done();
}

fn history(pairs: &[(String, String)], days: Option<Vec<Option<&str>>>) -> Table {
    let mut table = Table::new([
        ("old", Column::text(pairs.iter().map(|pair| Some(pair.0.as_str())))),
        ("new", Column::text(pairs.iter().map(|pair| Some(pair.1.as_str())))),
    ])
    .unwrap();
    if let Some(days) = days {
        table.push("day", Column::text(days)).unwrap();
    }
    table
}

#[test]
fn histories_of_numbers_that_go_wrong() {
    let mut walk = Walk::default();
    let good = people(5);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let link = |history: Table| KeyLink::new("insz").history(history, "old", "new");
    let circle = [pair("x", SECRET), pair(SECRET, "b"), pair("b", "c"), pair("c", SECRET)];
    walk.refused("circle", "Cycle", &["`history`", "[1, 2, 3]"], || {
        link(history(&circle, None)).link(&good, &good)
    });
    let two = [pair(SECRET, "a"), pair(SECRET, "b")];
    walk.refused("two", "AmbiguousReplacement", &["rows 0 and 1"], || {
        link(history(&two, None)).link(&good, &good)
    });
    for days in [vec![Some("2012-01-01"); 2], vec![None, Some("2012-01-01")]] {
        walk.refused("undecided", "AmbiguousReplacement", &[], || {
            link(history(&two, Some(days))).date("day").link(&good, &good)
        });
    }
    walk.refused("no date", "BadCell", &["`history`", "\"day\"", "row 1"], || {
        link(history(&two, Some(vec![None, Some(SECRET)]))).date("day").link(&good, &good)
    });
    walk.refused("no column", "MissingColumn", &["`history`"], || {
        KeyLink::new("insz").history(Table::default(), "old", "new").link(&good, &good)
    });
    walk.gives("of nothing", || link(history(&[], None)).link(&good, &good), |l| l.len() == 5);
    // with a numeric key leading zeros do not count, so this replaces nothing
    walk.gives(
        "of itself",
        || link(history(&[pair("007", "7")], None)).link(&good, &good),
        |l| l.len() == 5,
    );
    // a chain of 50,000 numbers, the last step first
    let n = 50_000;
    let chain: Vec<_> =
        (0..n).rev().map(|at| pair(&format!("{}", at + 1), &format!("{}", at + 2))).collect();
    let ends = Table::new([("insz", Column::int(vec![i64::from(n) + 1]))]).unwrap();
    let starts = Table::new([("insz", Column::int(vec![1, 777, 50_000]))]).unwrap();
    walk.gives(
        "a long chain",
        || link(history(&chain, None)).link(&starts, &ends),
        |l| l.len() == 3,
    );
    walk.done();
}

#[test]
fn stored_linkers_that_were_damaged() {
    let mut walk = Walk::default();
    let good = people(40);
    let text = linker().train(&good, &good).unwrap().to_json().unwrap();
    for end in (0..text.len()).step_by(7).filter(|&end| text.is_char_boundary(end)) {
        walk.refused("cut off", "Stored", &[], || Linker::from_json(&text[..end]));
    }
    for (what, with, name) in [
        ("\"version\": 1", "\"version\": 2", "Version"),
        ("\"version\": 1", "\"version\": -1", "Stored"),
        ("\"version\": 1", "\"version\": \"SECRET-93051822361\"", "Stored"),
        ("\"Name\"", "\"SECRET-93051822361\"", "Stored"),
        ("\"OneToOne\"", "93051822361", "Stored"),
        ("\"lambda\": ", "\"lambda\": -", "Stored"),
        ("\"lambda\": ", "\"lambda\": \"SECRET-93051822361\", \"x\": ", "Stored"),
        ("\"completeness\": ", "\"completeness\": 1e999, \"x\": ", "Stored"),
        ("\"m\": [", "\"m\": [0.1, ", "Stored"),
        ("\"m\": [", "\"m\": [], \"x\": [", "Stored"),
        ("\"comparisons\": [", "\"comparisons\": [], \"x\": [", "Stored"),
    ] {
        let damaged = text.replacen(what, with, 1);
        assert_ne!(damaged, text, "{what}");
        walk.refused(with, name, &[], || Linker::from_json(&damaged));
    }
    for junk in ["", "null", "[]", "{}", "\0", &"[".repeat(100_000), SECRET] {
        walk.refused("junk", "Stored", &[], || Linker::from_json(junk));
    }
    let whole = Linker::from_json(&text).unwrap();
    assert_eq!(whole.to_json().unwrap(), text);
    walk.done();
}

#[test]
fn verbs_on_links_and_truths_of_the_wrong_size() {
    let mut walk = Walk::default();
    let good = people(40);
    let links = both(&linker(), &good, &good).unwrap();
    let short = Column::text([Some(SECRET)]);
    let all = good.get("insz").unwrap();
    walk.refused("by", "OutOfRange", &["`by`"], || links.report(Some(&short), None));
    walk.refused("truth", "OutOfRange", &["`truth`"], || {
        links.evaluate(&Truth::persons(&short, all), None)
    });
    walk.refused("by", "OutOfRange", &["`by`"], || {
        links.evaluate(&Truth::persons(all, all), Some(&short))
    });
    for at in [links.len(), usize::MAX] {
        walk.refused("waterfall", "OutOfRange", &["`link`"], || links.waterfall(at));
    }
    let certain = KeyLink::new("insz").link(&good, &good).unwrap();
    walk.refused("waterfall", "Keyed", &["`link`"], || certain.waterfall(0));
    walk.refused("pairs", "OutOfRange", &["`truth`"], || Truth::pairs(&[(0, 3)], 3, 3, false));
    walk.refused("pairs", "OutOfRange", &["`truth`"], || Truth::pairs(&[(0, 5)], 3, 10, true));
    walk.ends("no truth", || links.evaluate(&Truth::persons(&nulls(40), &nulls(40)), None));
    walk.ends("every row a group", || links.evaluate(&Truth::persons(all, all), Some(all)));
    for column in ["insz", "nowhere"] {
        walk.refused("attach", "Data", &[column], || {
            certain.attach(&good, &good, &[column], "clients")
        });
    }
    let few = good.take(&[0]);
    walk.refused("attach", "OtherTable", &["`left`"], || certain.attach(&few, &good, &[], "few"));
    walk.refused("then", "OtherTable", &["`left`"], || certain.then(&certain));
    walk.gives("clusters", || links.clusters(), |table| table.n_rows() == 80);
    walk.done();
}

#[test]
fn a_giant_block_is_refused_before_it_runs_and_a_popular_name_is_not() {
    let mut walk = Walk::default();
    let giant = |n: usize| with("surname", Column::text(vec![Some("Nguyen"); n]));
    walk.refused("giant", "TooManyPairs", &["[surname]"], || {
        linker().train(&giant(40_000), &giant(40_000))
    });
    walk.gives(
        "popular",
        || both(&linker(), &giant(2000), &giant(800)),
        |links| links.len() <= 800,
    );
    walk.done();
}
