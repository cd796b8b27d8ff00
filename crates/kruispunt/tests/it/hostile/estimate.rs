//! The estimate room and the report.

use super::{NUMBER, SECRET, Walk};
use kruispunt::data::{Account, Column, Factor, Fit, Table, Ticket};
use kruispunt::estimate::{EstimateError, FeOls, Formula, Singletons, Vcov};
use kruispunt::report::{Flow, HtmlTable, Own, Page, RegressionTable};
use proptest::prelude::*;

fn wages(n: usize) -> Table {
    let noise = |row: usize| (row * 7919 % 101) as f64 / 101.0;
    Table::new([
        ("wage", Column::float((0..n).map(|row| 10.0 + noise(row)).collect())),
        ("age", Column::float((0..n).map(|row| 20.0 + noise(row * row + 3)).collect())),
        ("person", Column::int((0..n).map(|row| NUMBER + (row / 4) as i64).collect())),
        ("quarter", Column::int((0..n).map(|row| (row % 4) as i64).collect())),
        ("name", Column::text((0..n).map(|row| Some(if row % 2 == 0 { SECRET } else { "b" })))),
        ("w", Column::float(vec![1.0; n])),
    ])
    .unwrap()
}

fn with(name: &str, column: Column) -> Table {
    let mut table = wages(column.len());
    table.set(name, column).unwrap();
    table
}

fn fit(formula: &str, table: &Table) -> Result<Fit, EstimateError> {
    FeOls::new(formula)?.fit(table)
}

fn spoiled(at: usize, value: f64) -> Column {
    let mut values: Vec<f64> = (0..40).map(|row| f64::from(row * 31 % 17) + 1.0).collect();
    values[at] = value;
    Column::float(values)
}

#[test]
fn cells_that_cannot_be_regressed() {
    let mut walk = Walk::default();
    let model = "wage ~ age | person";
    for name in ["wage", "age", "person"] {
        let others: Vec<&str> =
            ["wage", "age", "person"].into_iter().filter(|own| *own != name).collect();
        let table = wages(40).select("test", &others).unwrap();
        walk.refused(name, "MissingColumn", &["`fml`", name], || fit(model, &table));
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for name in ["wage", "age", "person"] {
            walk.refused(name, "NotFinite", &["`fml`", name, "row 7"], || {
                fit(model, &with(name, spoiled(7, value)))
            });
        }
        walk.refused("weights", "NotFinite", &["`weights`", "\"w\"", "row 7"], || {
            FeOls::new(model)?.weights("w").fit(&with("w", spoiled(7, value)))
        });
    }
    for value in [0.0, -1.0, -0.0] {
        walk.refused("weights", "BadWeight", &["`weights`", "\"w\"", "row 7"], || {
            FeOls::new(model)?.weights("w").fit(&with("w", spoiled(7, value)))
        });
    }
    for value in [1e300, -1e200] {
        walk.refused("large", "TooLarge", &["`fml`", "\"age\"", "row 7"], || {
            fit(model, &with("age", spoiled(7, value)))
        });
        walk.refused("large", "TooLarge", &["`fml`", "row 7"], || {
            fit(model, &with("wage", spoiled(7, value)))
        });
    }
    walk.refused("large", "TooLarge", &["`fml`"], || {
        fit("wage ~ exp(I(age * 20)) | person", &wages(40))
    });
    walk.refused("text", "WrongType", &["\"name\"", "numbers"], || fit("name ~ age", &wages(40)));
    walk.refused("text", "WrongType", &["\"name\""], || fit("wage ~ log(name)", &wages(40)));
    walk.refused("weights", "WrongType", &["`weights`"], || {
        FeOls::new(model)?.weights("name").fit(&wages(40))
    });
    walk.refused("weights", "MissingColumn", &["`weights`"], || {
        FeOls::new(model)?.weights("x").fit(&wages(40))
    });
    walk.refused("no rows", "EmptyTable", &["`data`"], || fit(model, &wages(40).take(&[])));
    walk.refused("no table", "EmptyTable", &["`data`"], || fit(model, &Table::default()));
    let null = with("age", Column::floats(&[None; 40]));
    walk.refused("all null", "TooFewRows", &[], || fit(model, &null));
    walk.refused("logs of nothing", "TooFewRows", &[], || {
        fit("wage ~ log(age)", &with("age", Column::float(vec![0.0; 40])))
    });
    walk.refused("no such level", "NoSuchLevel", &["\"quarter\""], || {
        fit("wage ~ i(quarter, ref=9)", &wages(40))
    });
    walk.refused("factor", "LengthMismatch", &["person"], || {
        let persons = Factor::encode(&[1, 2]);
        FeOls::new(model)?.fit_with(&wages(40), &[("person", &persons)], &Ticket::new())
    });
    walk.done();
}

#[test]
fn designs_that_say_nothing() {
    let mut walk = Walk::default();
    let own = |n: usize| with("person", Column::int((0..n as i64).collect()));
    walk.refused("all singletons", "TooFewRows", &[], || fit("wage ~ age | person", &own(40)));
    walk.refused("singletons kept", "AllCollinear", &["age"], || {
        FeOls::new("wage ~ age | person")?.singletons(Singletons::Keep).fit(&own(40))
    });
    walk.refused("one row", "TooFewRows", &["1 observations"], || fit("wage ~ age", &wages(1)));
    walk.refused("n < k", "TooFewRows", &["3 observations"], || {
        fit("wage ~ i(quarter) + age", &wages(3))
    });
    let one = with("person", Column::int(vec![NUMBER; 40]));
    for vcov in [Vcov::cluster("person"), Vcov::Crv3("person".to_owned())] {
        walk.refused("one cluster", "TooFewClusters", &["`vcov`", "person"], || {
            FeOls::new("wage ~ age")?.vcov(vcov).fit(&one)
        });
    }
    walk.gives("one level", || fit("wage ~ age | person", &one), |fit| fit.std_errors()[0] > 0.0);
    let gaps = with(
        "person",
        Column::ints(&(0..40).map(|row| (row > 3).then_some(row / 4)).collect::<Vec<_>>()),
    );
    walk.refused("null cluster", "MissingCell", &["`vcov`", "\"person\"", "row 0"], || {
        FeOls::new("wage ~ age")?.vcov(Vcov::cluster("person")).fit(&gaps)
    });
    walk.refused("no cluster", "BadArgument", &["`vcov`"], || {
        FeOls::new("wage ~ age")?.vcov(Vcov::Crv1(vec![])).fit(&gaps)
    });
    walk.gives(
        "effects across clusters",
        || {
            let crv3 = Vcov::Crv3("person".to_owned());
            FeOls::new("wage ~ age | quarter")?.vcov(crv3).fit(&wages(40))
        },
        |fit| fit.std_errors()[0] > 0.0,
    );
    for (what, vcov) in [
        (
            "two rows a period",
            Vcov::NeweyWest { time: "quarter".to_owned(), panel: None, lag: Some(1) },
        ),
        ("lag too long", Vcov::DriscollKraay { time: "quarter".to_owned(), lag: Some(99) }),
    ] {
        walk.refused(what, "BadArgument", &["`vcov`"], || {
            FeOls::new("wage ~ age")?.vcov(vcov.clone()).fit(&wages(40))
        });
    }
    // levels of a classification may be persons; the message names the term alone
    walk.refused("names", "AllCollinear", &["C(name)"], || {
        fit(
            "wage ~ C(name) | person",
            &with("person", Column::int((0..40).map(|row| row % 2).collect())),
        )
    });
    walk.refused("too many", "BadArgument", &["`fml`", "5,000"], || {
        fit("wage ~ C(person)", &with("person", Column::int((0..6000).collect())))
    });
    let crossed: Vec<String> = (0..12).map(|at| format!("c{at}")).collect();
    let mut wide = wages(40);
    for name in &crossed {
        wide.push(name, wides()).unwrap();
    }
    walk.refused("too deep", "BadArgument", &["`fml`", "8 classifications"], || {
        fit(&format!("wage ~ {}", crossed.join(":")), &wide)
    });
    for (tol, collin) in [(0.0, 1e-9), (f64::NAN, 1e-9), (1e-8, -1.0), (1e-8, f64::NAN)] {
        walk.refused("tolerance", "BadArgument", &["tol"], || {
            FeOls::new("wage ~ age | person")?.tol(tol).collin_tol(collin).fit(&wages(40))
        });
    }
    walk.refused("no steps", "NotConverged", &[], || {
        FeOls::new("wage ~ age | person + quarter")?.max_iter(0).fit(&wages(42))
    });
    walk.done();
}

fn wides() -> Column {
    Column::text((0..40).map(|row| Some(if row % 3 == 0 { "a" } else { "b" })))
}

#[test]
fn constants_are_collinear_and_nothing_else_happens() {
    let mut walk = Walk::default();
    let n = 8000;
    for value in [0.0, 0.1, 1.0 / 3.0, 1e9 + 0.1, 1e-200] {
        let mut table = wages(n);
        table.push("constant", Column::float(vec![value; n])).unwrap();
        // a number of each person, beside the effect of persons
        let numbers = (0..n).map(|row| 0.1 * (row / 4 % 977) as f64).collect();
        table.push("number", Column::float(numbers)).unwrap();
        // another classification, with enough levels for the long way
        let firms = (0..n).map(|row| (row * 31 % 2003) as i64).collect();
        table.push("firm", Column::int(firms)).unwrap();
        for effects in
            ["person", "quarter", "person + quarter", "person + firm", "person + firm + quarter"]
        {
            walk.gives(
                &format!("{value} beside {effects}"),
                || fit(&format!("wage ~ age + constant | {effects}"), &table),
                |fit| fit.names() == ["age"] && fit.dropped() == ["constant"],
            );
            walk.refused("alone", "AllCollinear", &["constant"], || {
                fit(&format!("wage ~ constant | {effects}"), &table)
            });
            walk.ends("outcome", || fit(&format!("constant ~ age | {effects}"), &table));
            if effects.contains("person") {
                walk.gives(
                    &format!("a number of persons beside {effects}"),
                    || fit(&format!("wage ~ age + number | {effects}"), &table),
                    |fit| fit.names() == ["age"],
                );
            }
        }
    }
    walk.done();
}

#[test]
fn verbs_on_a_fit_refuse_by_name() {
    let mut walk = Walk::default();
    let table = wages(40);
    let fit = fit("wage ~ age | person + quarter", &table).unwrap();
    for alpha in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
        walk.refused("alpha", "BadArgument", &["`alpha`"], || fit.confint(alpha));
        walk.refused("alpha", "BadArgument", &["`alpha`"], || fit.tidy(alpha));
    }
    walk.refused("name", "NoSuchCoefficient", &["`names`"], || fit.wald_test(&["nothing"]));
    walk.refused("none", "BadArgument", &["`R`"], || fit.wald_test(&[]));
    for (r, q) in [
        (vec![vec![0.0]], vec![0.0]),
        (vec![vec![1.0, 2.0]], vec![0.0]),
        (vec![vec![f64::NAN]], vec![0.0]),
        (vec![vec![1.0]], vec![]),
        (vec![vec![1.0]], vec![f64::INFINITY]),
    ] {
        walk.refused("R", "BadArgument", &["`R`"], || fit.wald_test_of(&r, &q));
    }
    walk.refused("unknown", "MissingColumn", &["`vcov`"], || fit.vcov(&Vcov::cluster("nothing")));
    walk.refused("short", "BadArgument", &["`data`", "3 rows"], || {
        fit.vcov_with(&Vcov::cluster("name"), &wages(3))
    });
    let lean = fit.clone().lean();
    walk.refused("lean", "NoSample", &["`resid`"], || lean.resid());
    walk.refused("lean", "NoSample", &["`predict`"], || lean.predict());
    walk.refused("lean", "NoSample", &["`fixef`"], || lean.fixef());
    walk.refused("lean", "NoSample", &["`vcov`"], || lean.vcov(&Vcov::Hc1));
    walk.done();
}

#[test]
fn long_chains_of_singletons_and_many_levels_are_not_slow() {
    // a path: each row shares one level with the row before and one with the row after
    let n = 200_000;
    let place = |at: usize| (at * 99_991) % n;
    let mut firms = vec![0; n];
    let mut persons = vec![0; n];
    for at in 0..n {
        persons[place(at)] = (at / 2) as i64;
        firms[place(at)] = at.div_ceil(2) as i64;
    }
    let mut table = wages(n);
    table.set("person", Column::int(persons)).unwrap();
    table.push("firm", Column::int(firms)).unwrap();
    let begun = std::time::Instant::now();
    assert!(matches!(
        fit("wage ~ age | person + firm", &table),
        Err(EstimateError::TooFewRows { n_obs: 0, .. })
    ));
    let levels = (0..n).map(|row| (row * 7919 % 50_000) as i64).collect();
    table.set("firm", Column::int(levels)).unwrap();
    table.set("person", Column::int((0..n as i64).map(|row| row / 2).collect())).unwrap();
    let found = fit("wage ~ age | person + firm", &table).unwrap();
    assert!(found.coef()[0].is_finite());
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn reports_of_odd_content() {
    let mut walk = Walk::default();
    let bad = "<script>alert('&')</script>\0";
    let text = super::odd_texts();
    let table = Table::new([
        (bad, Column::text(text.iter().map(|text| Some(text.as_str())))),
        (
            "x",
            Column::float(
                (0..text.len()).map(|row| [f64::NAN, f64::INFINITY, 1e300][row % 3]).collect(),
            ),
        ),
    ])
    .unwrap();
    let page = Page::new(bad)
        .table(&HtmlTable::new(&table).caption(bad).digits(usize::MAX).max_rows(0))
        .table(&HtmlTable::new(&Table::default()))
        .flow(&Account::default(), bad)
        .flow(&Account::new(bad), bad);
    assert!(!page.html().contains("<script"));
    let _ = (Flow::new(&Account::default()).svg(), Flow::new(&Account::new(bad)).text());
    for svg in ["", "<svg", bad] {
        walk.refused("figure", "NotSvg", &["`figure`"], || page.clone().figure(svg, "wages"));
    }
    walk.refused("figure", "NotSelfContained", &["wages"], || {
        page.clone().figure("<svg><script/></svg>", "wages")
    });
    let etable = RegressionTable::new(&[]).digits(usize::MAX).stars(&[f64::NAN, -1.0]);
    let _ = (etable.text(), etable.markdown(), etable.html(), etable.latex());
    let found = fit("wage ~ age + name | person", &wages(40)).unwrap();
    let etable =
        RegressionTable::new(&[&found]).heads(&[bad]).keep(&["", bad]).labels(&[("age", bad)]);
    let _ = (etable.text(), etable.markdown(), etable.latex());
    assert!(!etable.html().contains("<script"));
    let etable = etable.category(bad).effects(Some((bad, bad))).note(bad).heads(&[bad]);
    assert!(!etable.html().contains("<script"));
    for format in
        ["", "\\", "b:", "b:,", "b:.", "b:.9", "beta", bad, "*", "b:.99999999999999999999f"]
    {
        walk.refused("cells", "Format", &["`coef_fmt`"], || etable.clone().cells(format, &[]));
    }
    let own = Own { name: "n".to_owned(), cells: Vec::new() };
    walk.refused("cells", "Length", &["`custom_stats`", "\"n\""], || {
        etable.clone().cells("n", std::slice::from_ref(&own))
    });
    walk.refused("below", "Length", &["`custom_model_stats`"], || etable.clone().below("F", &[]));
    walk.done();
}

proptest! {
    #[test]
    fn no_words_make_the_formula_parser_panic(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "y", "x", "~", "|", "+", "-", "*", "/", ":", "^", "**", "(", ")", "[", "]", ",", "=",
                "<", "==", "i", "C", "I", "log", "sw", "ref", "0", "1", "2", "8", "1e", "1e999", ".5",
                "'", "\"", "`", "'a'", "é", "👩", "\0", " ", "\n", "l", "np.log", "True",
            ]),
            0..24,
        ),
        glue in proptest::sample::select(vec!["", " "]),
    ) {
        let text = words.join(glue);
        if let Err(error) = Formula::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_words_make_a_regression_panic(
        left in proptest::collection::vec(
            proptest::sample::select(vec![
                "age", "name", "C(quarter)", "i(quarter)", "i(quarter, age)", "i(quarter, ref=0)", "log(age)",
                "I(age ** 2)", "1", "0", "w", "quarter", "wage", "i(name, quarter)", "I(age / 0)", "C(w)",
            ]),
            1..5,
        ),
        glue in proptest::sample::select(vec![" + ", ":", "*", " - ", "/"]),
        right in proptest::sample::select(vec!["", " | person", " | quarter", " | person + quarter", " | person^quarter", " | name + w"]),
    ) {
        if let Ok(fit) = fit(&format!("wage ~ {}{right}", left.join(glue)), &wages(60)) {
            prop_assert!(fit.coef().iter().all(|b| b.is_finite()));
        }
    }

    #[test]
    fn no_text_makes_the_formula_parser_panic(text in "\\PC{0,40}") {
        let _ = Formula::parse(&text);
    }
}

#[test]
fn formulas_beyond_any_use_end_soon() {
    let begun = std::time::Instant::now();
    for text in [
        "(".repeat(100_000),
        "-".repeat(100_000),
        format!("y ~ {}x", "(".repeat(3000)),
        format!("y ~ {}", "x**8**8**8 + ".repeat(90)),
        format!("y ~ ({})**8", (0..60).map(|at| format!("x{at}")).collect::<Vec<_>>().join(" + ")),
        format!("y ~ {}", (0..90).map(|at| format!("x{at}")).collect::<Vec<_>>().join("*")),
        format!("y ~ {}", (0..1900).map(|at| format!("x{at}")).collect::<Vec<_>>().join(":")),
        format!("y ~ x | {}", (0..1900).map(|at| format!("f{at}")).collect::<Vec<_>>().join(" + ")),
        "y ~ x[".repeat(1000),
    ] {
        if let Err(error) = Formula::parse(&text) {
            assert!(!error.to_string().is_empty());
        }
    }
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
