//! The estimate room against its peers, certified values and invariances.

use kruispunt::data::{ClusterDf, Column, CountedEffects, Factor, Fit, Ssc, Table, Ticket};
use kruispunt::estimate::{EstimateError, Family, FeGlm, FeOls, Singletons, Vcov, split_levels};
use serde_json::Value;

/// `tests/oracles/feols/make.py` (pyfixest) writes the expectations.
fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/feols/expected.json")).unwrap()
}

fn column(values: &[Value]) -> Column {
    if values.iter().any(Value::is_string) {
        return Column::text(values.iter().map(Value::as_str));
    }
    if values.iter().all(|value| value.is_i64() || value.is_null()) {
        return Column::ints(&values.iter().map(Value::as_i64).collect::<Vec<_>>());
    }
    Column::floats(&values.iter().map(Value::as_f64).collect::<Vec<_>>())
}

fn table(oracle: &Value) -> Table {
    let data = oracle["data"].as_object().unwrap();
    Table::new(
        data.iter().map(|(name, values)| (name.as_str(), column(values.as_array().unwrap()))),
    )
    .unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn close(what: &str, got: &[f64], expected: &[f64], rel: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: {got:?} {expected:?}");
    for (a, b) in got.iter().zip(expected) {
        let gap = (a - b).abs();
        assert!(gap <= rel * b.abs().max(1e-12), "{what}: {a:e} is not {b:e}");
    }
}

fn ssc(options: &Value) -> Ssc {
    let mut ssc = Ssc::default();
    if options["k_adj"] == false {
        ssc = ssc.without_k();
    }
    if options["G_adj"] == false {
        ssc = ssc.without_g();
    }
    match options["k_fixef"].as_str() {
        Some("none") => ssc = ssc.effects(CountedEffects::None),
        Some("full") => ssc = ssc.effects(CountedEffects::Full),
        _ => {}
    }
    if options["G_df"] == "conventional" {
        ssc = ssc.cluster_df(ClusterDf::Conventional);
    }
    ssc
}

fn vcov(expected: &Value) -> Vcov {
    let clusters = strings(&expected["clusters"]);
    match expected["kind"].as_str().unwrap() {
        "iid" => Vcov::Iid,
        "hetero" => Vcov::Hc1,
        "HC2" => Vcov::Hc2,
        "HC3" => Vcov::Hc3,
        "CRV3" => Vcov::Crv3(clusters[0].clone()),
        _ => Vcov::clusters(clusters),
    }
}

#[test]
fn equals_pyfixest_on_an_unbalanced_panel() {
    let oracle = oracle();
    let table = table(&oracle);
    for case in oracle["cases"].as_array().unwrap() {
        let formula = case["formula"].as_str().unwrap();
        let mut model = FeOls::new(formula).unwrap().ssc(ssc(&case["ssc"]));
        if let Some(weights) = case["weights"].as_str() {
            model = model.weights(weights);
        }
        let base = model.fit(&table).unwrap_or_else(|error| panic!("{formula}: {error}"));
        if let Some(names) = case.get("names") {
            assert_eq!(base.names(), strings(names), "{formula}");
            close(formula, base.coef(), &floats(&case["coef"]), 1e-8);
            assert_eq!(base.n_obs() as u64, case["n"].as_u64().unwrap(), "{formula}");
            assert_eq!(base.dropped(), strings(&case["dropped"]), "{formula}");
            let goodness = base.goodness();
            for (name, got) in [
                ("r2", goodness.r2),
                ("adj_r2", goodness.adj_r2),
                ("within_r2", goodness.within_r2),
                ("rmse", goodness.rmse),
            ] {
                if let Some(expected) = case[name].as_f64() {
                    close(&format!("{formula} {name}"), &[got], &[expected], 1e-8);
                }
            }
        }
        for expected in case["vcov"].as_array().unwrap() {
            let vcov = vcov(expected);
            let fit = model.clone().vcov(vcov.clone()).fit(&table).unwrap();
            let what = format!("{formula} {}", fit.vcov_text());
            close(&what, &fit.std_errors(), &floats(&expected["se"]), 1e-8);
            let low: Vec<f64> = fit.confint(0.05).unwrap().iter().map(|bounds| bounds.0).collect();
            close(&format!("{what} 2.5%"), &low, &floats(&expected["low"]), 1e-7);
            for (got, expected) in fit.p_values().iter().zip(floats(&expected["p"])) {
                assert!((got - expected).abs() < 1e-9, "{what} p: {got} {expected}");
            }
            let again = base.vcov_with(&vcov, &table).unwrap();
            assert_eq!(again.vcov_matrix(), fit.vcov_matrix(), "{what}");
        }
        assert!(base.account().steps()[0].adds_up());
        assert!(base.convergence().left <= 1e-8);
    }
}

#[test]
fn errors_dependent_over_periods_equal_pyfixest() {
    let oracle = oracle();
    let table = table(&oracle);
    let label = |name: &str, row: usize| table.get(name).unwrap().label(row).unwrap();
    let rows = 0..table.n_rows();
    let whole = |row: usize| {
        rows.clone().filter(|&own| label("person", own) == label("person", row)).count() == 12
    };
    let whole: Vec<u32> = rows.clone().filter(|&row| whole(row)).map(|row| row as u32).collect();
    let mut seen = Vec::new();
    let mut first = |row: &u32| {
        let quarter = label("quarter", *row as usize);
        let new = !seen.contains(&quarter);
        seen.push(quarter);
        new
    };
    let series: Vec<u32> = whole.iter().copied().filter(|row| first(row)).collect();
    for case in oracle["periods"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().map(str::to_owned);
        let lag = case["lag"].as_u64().map(|lag| lag as usize);
        let vcov = match case["kind"].as_str().unwrap() {
            "NW" => {
                Vcov::NeweyWest { time: text("time_id").unwrap(), panel: text("panel_id"), lag }
            }
            _ => Vcov::DriscollKraay { time: text("time_id").unwrap(), lag },
        };
        let formula = case["formula"].as_str().unwrap();
        let mut model = FeOls::new(formula).unwrap().vcov(vcov.clone());
        if let Some(weights) = text("weights") {
            model = model.weights(weights);
        }
        let own = table.take(if case["series"] == true { &series } else { &whole });
        let fit = model.fit(&own).unwrap();
        let what = format!("{formula} {}", fit.vcov_text());
        close(&what, &fit.std_errors(), &floats(&case["se"]), 1e-8);
        let low: Vec<f64> = fit.confint(0.05).unwrap().iter().map(|bounds| bounds.0).collect();
        close(&what, &low, &floats(&case["low"]), 1e-7);
        let again = model.clone().vcov(Vcov::Iid).fit(&own).unwrap().vcov_with(&vcov, &own);
        assert_eq!(again.unwrap().vcov_matrix(), fit.vcov_matrix());
    }
}

#[test]
fn leverage_counts_the_effect() {
    let table = table(&oracle());
    for vcov in [Vcov::Hc2, Vcov::Hc3] {
        for weights in [None, Some("weight")] {
            let fit = |formula: &str| {
                let model = FeOls::new(formula).unwrap().vcov(vcov.clone());
                let model = model.singletons(Singletons::Keep);
                let model = match weights {
                    Some(weights) => model.weights(weights),
                    None => model,
                };
                model.fit(&table).unwrap()
            };
            let (swept, dummies) =
                (fit("wage ~ age + trained | firm"), fit("wage ~ age + trained + C(firm)"));
            let k = dummies.names().iter().position(|name| name == "age").unwrap();
            close("leverage", &swept.std_errors()[..2], &dummies.std_errors()[k..k + 2], 1e-9);
        }
    }
}

/// `tests/oracles/models/make.py` (pyfixest) writes the expectations.
#[test]
fn instruments_and_likelihoods_equal_pyfixest() {
    let mut table = table(&oracle());
    let oracle: Value =
        serde_json::from_str(include_str!("../oracles/models/expected.json")).unwrap();
    for (name, values) in oracle["more"].as_object().unwrap() {
        table.push(name.as_str(), column(values.as_array().unwrap())).unwrap();
    }
    for case in oracle["cases"].as_array().unwrap() {
        let formula = case["formula"].as_str().unwrap();
        let weights = case["weights"].as_str();
        let fit = |vcov: Vcov| {
            let family = match case["family"].as_str() {
                None => {
                    let model = FeOls::new(formula).unwrap().vcov(vcov);
                    let model = match weights {
                        Some(weights) => model.weights(weights),
                        None => model,
                    };
                    return model.fit(&table);
                }
                Some("logit") => Family::Logit,
                Some("probit") => Family::Probit,
                _ => Family::Poisson,
            };
            let model = FeGlm::new(formula, family).unwrap().vcov(vcov);
            let model = match weights {
                Some(weights) => model.weights(weights),
                None => model,
            };
            model.fit(&table)
        };
        for expected in case["vcov"].as_array().unwrap() {
            let vcov = vcov(expected);
            let own = fit(vcov.clone()).unwrap_or_else(|error| panic!("{formula}: {error}"));
            let what = format!("{formula} {}", own.vcov_text());
            assert_eq!(own.names(), strings(&case["names"]), "{what}");
            assert_eq!(own.n_obs() as u64, case["n"].as_u64().unwrap(), "{what}");
            let rel = if case["family"].is_null() { 1e-8 } else { 1e-7 };
            close(&what, own.coef(), &floats(&case["coef"]), rel);
            close(&what, &own.std_errors(), &floats(&expected["se"]), 1e-6);
            for (got, expected) in own.p_values().iter().zip(floats(&expected["p"])) {
                assert!((got - expected).abs() < 1e-6, "{what} p: {got} {expected}");
            }
            if let Some(deviance) = case["deviance"].as_f64() {
                close(&what, &[own.likelihood().unwrap().deviance], &[deviance], 1e-9);
            }
            if let Some(f) = expected["first_stage_f"].as_f64() {
                let tests = own.iv_tests().unwrap();
                close(&what, &[tests.first_stage[0].robust_f.statistic], &[f], 1e-6);
            }
            let again = fit(Vcov::Iid).unwrap().vcov_with(&vcov, &table).unwrap();
            assert_eq!(again.vcov_matrix(), own.vcov_matrix(), "{what}");
            assert_eq!(again.p_values(), own.p_values(), "{what}");
            assert!(own.account().steps()[0].adds_up());
        }
    }
}

/// Rows that a Poisson likelihood fits perfectly at infinity, from the definition.
#[test]
fn separated_rows_are_found() {
    let case = |formula: &str, columns: &[(&str, &[i64])]| {
        let columns = columns.iter().map(|(name, values)| (*name, Column::int(values.to_vec())));
        let table = Table::new(columns).unwrap();
        let model = FeGlm::poisson(formula).unwrap().singletons(Singletons::Keep);
        let fit = model.fit(&table).unwrap();
        let kept: Vec<u32> = fit.sample().unwrap().rows().to_vec();
        (0..table.n_rows() as u32).filter(|row| !kept.contains(row)).collect::<Vec<_>>()
    };
    let y: &[i64] = &[0, 0, 0, 1, 2, 3];
    // x is 0 wherever y is above 0
    assert_eq!(case("y ~ x", &[("y", y), ("x", &[2, 0, 1, 0, 0, 0])]), [0, 2]);
    // of both signs: nothing is separated
    let none: [u32; 0] = [];
    assert_eq!(case("y ~ x", &[("y", y), ("x", &[2, -1, 1, 0, 0, 0])]), none);
    // a combination of two: a + b is 0 where y is above 0
    let (a, b): (&[i64], &[i64]) = (&[1, 1, 0, 1, -2, 5], &[0, -1, 0, -1, 2, -5]);
    assert_eq!(case("y ~ a + b", &[("y", y), ("a", a), ("b", b)]), [0]);
    // a level of an effect without any outcome above 0
    assert_eq!(
        case("y ~ a | f", &[("y", y), ("a", &[1, 2, 3, 1, 5, 2]), ("f", &[1, 2, 1, 2, 2, 1])]),
        none
    );
    assert_eq!(
        case("y ~ a | f", &[("y", y), ("a", &[1, 2, 3, 1, 5, 2]), ("f", &[1, 2, 1, 2, 2, 2])]),
        [0, 2]
    );
}

/// Digits that agree: -log10 of the relative error.
fn digits(got: &[f64], expected: &[f64]) -> f64 {
    let worst = got
        .iter()
        .zip(expected)
        .map(|(a, b)| if *b == 0.0 { a.abs() } else { ((a - b) / b).abs() })
        .fold(1e-16, f64::max);
    -worst.log10()
}

/// `tests/oracles/nist/make.py` (certified values of `StRD`).
#[test]
fn reaches_the_certified_digits_of_nist() {
    let oracle: Value =
        serde_json::from_str(include_str!("../oracles/nist/expected.json")).unwrap();
    for (name, case) in oracle["sets"].as_object().unwrap() {
        let x = case["x"].as_array().unwrap();
        let expected = floats(&case["coef"]);
        let mut columns = vec![("y".to_owned(), Column::float(floats(&case["y"])))];
        let mut terms = Vec::new();
        for (j, column) in x.iter().enumerate() {
            columns.push((format!("x{j}"), Column::float(floats(column))));
            terms.push(format!("x{j}"));
        }
        let degree = if x.len() == 1 { expected.len().max(2) - 1 } else { 1 };
        terms.extend((2..=degree).map(|power| format!("I(x0 ** {power})")));
        let intercept = if name.starts_with("NoInt") { " - 1" } else { "" };
        let formula = format!("y ~ {}{intercept}", terms.join(" + "));
        let table = Table::new(columns).unwrap();
        let fit = FeOls::new(&formula).unwrap().collin_tol(1e-30).fit(&table).unwrap();
        let (coef, se) =
            (digits(fit.coef(), &expected), digits(&fit.std_errors(), &floats(&case["se"])));
        let least = match name.as_str() {
            "Filip" => 6.0,
            "Longley" => 10.0,
            "Wampler1" | "Wampler2" => 8.0,
            "Wampler5" => 5.5, // residuals are 10^6 times the fit; a double holds no more
            _ => 7.0,
        };
        assert!(coef >= least, "{name}: {coef:.1} digits of the coefficients");
        let exact = matches!(name.as_str(), "Wampler1" | "Wampler2");
        assert!(exact || se >= least, "{name}: {se:.1} digits of the standard errors");
    }
}

const PANEL: &str = "wage ~ trained + age | person + quarter";

fn fitted(table: &Table) -> Fit {
    FeOls::new(PANEL).unwrap().vcov(Vcov::cluster("person")).fit(table).unwrap()
}

#[test]
fn order_of_rows_and_names_of_levels_do_not_matter() {
    let table = table(&oracle());
    let fit = fitted(&table);
    let n = table.n_rows() as u32;
    let shuffled: Vec<u32> = (0..n).map(|row| (row * 191 + 7) % n).collect();
    let mixed = fitted(&table.take(&shuffled));
    close("coef", mixed.coef(), fit.coef(), 1e-10);
    close("se", &mixed.std_errors(), &fit.std_errors(), 1e-9);
    let mut renamed = table.clone();
    let person = table.get("person").unwrap();
    let names: Vec<String> =
        (0..n as usize).map(|row| format!("p{}", person.label(row).unwrap())).collect();
    renamed.set("person", Column::text(names.iter().map(|name| Some(name.as_str())))).unwrap();
    close("coef", fitted(&renamed).coef(), fit.coef(), 1e-10);
    let factor = person.factor().unwrap();
    let names: Vec<&str> =
        table.names().iter().map(String::as_str).filter(|name| *name != "person").collect();
    let rest = table.select("data", &names).unwrap();
    let model = FeOls::new(PANEL).unwrap().vcov(Vcov::cluster("person"));
    let ready = model.fit_with(&rest, &[("person", &factor)], &Ticket::new()).unwrap();
    assert_eq!((ready.coef(), ready.vcov_matrix()), (fit.coef(), fit.vcov_matrix()));
}

#[test]
fn adding_effects_to_the_outcome_changes_nothing() {
    let table = table(&oracle());
    let fit = fitted(&table);
    let wage = table.get("wage").unwrap().to_floats("", "").unwrap();
    let person = table.get("person").unwrap().to_floats("", "").unwrap();
    let moved = wage.iter().zip(person).map(|(w, p)| w + 1e4 * (p * 1.7).sin()).collect();
    let mut other = table.clone();
    other.set("wage", Column::float(moved)).unwrap();
    let again = fitted(&other);
    close("coef", again.coef(), fit.coef(), 1e-8);
    close("se", &again.std_errors(), &fit.std_errors(), 1e-8);
}

#[test]
fn whole_weights_are_duplicated_rows() {
    let table = table(&oracle());
    let n = table.n_rows();
    let copies: Vec<i64> = (0..n as i64).map(|row| 1 + row % 3).collect();
    let rows: Vec<u32> =
        (0..n).flat_map(|row| std::iter::repeat_n(row as u32, copies[row] as usize)).collect();
    let mut weighted = table.clone();
    weighted.push("copies", Column::int(copies)).unwrap();
    let model = FeOls::new(PANEL).unwrap();
    let a = model.clone().weights("copies").fit(&weighted).unwrap();
    let b = model.fit(&table.take(&rows)).unwrap();
    close("coef", a.coef(), b.coef(), 1e-9);
}

#[test]
fn effects_and_predictions_add_up() {
    let table = table(&oracle());
    let fit = fitted(&table);
    let sample = fit.sample().unwrap();
    let (fitted, residuals) = (fit.predict().unwrap(), fit.resid().unwrap());
    let effects = fit.fixef().unwrap();
    let value = |effect: usize, label: &str| {
        let own = &effects[effect];
        let level = (0..own.values.len()).find(|&level| own.label(level) == label).unwrap();
        own.values[level]
    };
    assert_eq!(value(1, "0"), 0.0);
    for (at, &row) in sample.rows().iter().enumerate() {
        let row = row as usize;
        let number = |name: &str| table.get(name).unwrap().to_floats("", "").unwrap()[row];
        let label = |name: &str| table.get(name).unwrap().label(row).unwrap();
        let effects = value(0, &label("person")) + value(1, &label("quarter"));
        let linear = fit.coef()[0] * number("trained") + fit.coef()[1] * number("age");
        assert!((fitted[at] - linear - effects).abs() < 1e-6);
        assert!((fitted[at] + residuals[at] - number("wage")).abs() < 1e-9);
    }
    assert_eq!(fit.clone().lean().resid(), Err(EstimateError::NoSample { what: "resid" }));
}

#[test]
fn a_single_restriction_is_the_squared_t_value() {
    let fit = fitted(&table(&oracle()));
    let test = fit.wald_test(&["age"]).unwrap();
    close("F", &[test.f], &[fit.t_values()[1].powi(2)], 1e-12);
    close("p", &[test.p_f], &[fit.p_values()[1]], 1e-10);
    let joint = fit.wald_test_of(&[vec![1.0, 1.0], vec![2.0, 2.0]], &[0.0, 0.0]).unwrap();
    assert_eq!(joint.df1, 1);
    assert!(matches!(fit.wald_test(&["nope"]), Err(EstimateError::NoSuchCoefficient { .. })));
    assert!(fit.wald_test_of(&[vec![1.0]], &[0.0]).is_err());
}

#[test]
fn lags_go_by_period_and_not_by_row() {
    let table = Table::new([
        ("person", Column::int(vec![3, 1, 1, 3, 1, 3, 2, 1])),
        ("quarter", Column::int(vec![4, 2, 1, 5, 4, 7, 4, 5])),
        ("x", Column::floats(&[10.0, 2.0, 1.0, 14.0, 5.0, 9.0, 30.0, 7.0].map(Some))),
        ("y", Column::float(vec![1.0, 2.5, 2.0, 3.0, 4.5, 1.5, 0.5, 6.0])),
    ])
    .unwrap();
    let model = FeOls::new("y ~ l(x)").unwrap().panel_id("person", "quarter");
    let fit = model.fit(&table).unwrap();
    assert_eq!(fit.names(), ["Intercept", "l(x, 1)"]);
    assert_eq!(fit.sample().unwrap().rows(), [1, 3, 7]);
    let plain = FeOls::new("y ~ before").unwrap();
    let by_hand = Table::new([
        ("y", Column::float(vec![2.5, 3.0, 6.0])),
        ("before", Column::float(vec![1.0, 10.0, 5.0])),
    ]);
    assert_eq!(plain.fit(&by_hand.unwrap()).unwrap().coef(), fit.coef());
    let excluded = &fit.account().last().unwrap().excluded;
    assert_eq!(excluded[0].reason, "l(x, 1) has no value");
    let lead = FeOls::new("f(y) ~ d(x, 2)").unwrap().panel_id("person", "quarter");
    assert!(matches!(lead.fit(&table), Err(EstimateError::TooFewRows { .. })));
    let error = FeOls::new("y ~ l(x)").unwrap().fit(&table).unwrap_err();
    assert!(error.to_string().starts_with("`panel_id`"), "{error}");
    let twice = FeOls::new("y ~ l(x)").unwrap().panel_id("person", "person").fit(&table);
    assert!(twice.unwrap_err().to_string().contains("two, at rows 1 and 2"));
}

#[test]
fn several_estimations_and_subsamples() {
    let table = table(&oracle());
    let levels = split_levels(&table, "sector").unwrap();
    assert_eq!(levels, ["care", "industry", "trade"]);
    let models = FeOls::several("wage ~ csw(trained, age) | sw(person, quarter)").unwrap();
    assert_eq!(models.len(), 4);
    let fit = models[1].clone().subsample("sector", "care").fit(&table).unwrap();
    let rows: Vec<u32> = (0..table.n_rows())
        .filter(|&row| table.get("sector").unwrap().label(row).as_deref() == Some("care"))
        .map(|row| row as u32)
        .collect();
    let taken =
        FeOls::new("wage ~ trained + age | person").unwrap().fit(&table.take(&rows)).unwrap();
    assert_eq!((fit.coef(), fit.n_obs()), (taken.coef(), taken.n_obs()));
    assert!(fit.account().last().unwrap().adds_up());
    assert!(models[0].clone().subsample("sector", "zoo").fit(&table).is_err());
}

#[test]
fn what_is_left_out_is_told() {
    let fit = FeOls::new("log(y) ~ x | f")
        .unwrap()
        .fit(
            &Table::new([
                (
                    "y",
                    Column::floats(&[Some(1.0), None, Some(-1.0), Some(2.0), Some(3.0), Some(4.5)]),
                ),
                ("x", Column::int(vec![0, 1, 2, 3, 5, 4])),
                (
                    "f",
                    Column::text([
                        Some("a"),
                        Some("a"),
                        Some("a"),
                        Some("a"),
                        Some("b"),
                        Some("a"),
                    ]),
                ),
            ])
            .unwrap(),
        )
        .unwrap();
    let step = fit.account().last().unwrap();
    let told: Vec<(&str, u64)> =
        step.excluded.iter().map(|e| (e.reason.as_str(), e.count.rows)).collect();
    assert_eq!(
        told,
        [
            ("y is missing", 1),
            ("log(y) is not a finite number", 1),
            ("alone in a level of an effect (singleton)", 1)
        ]
    );
    assert_eq!(fit.sample().unwrap().rows(), [0, 3, 5]);
}

fn small() -> Table {
    Table::new([
        ("y", Column::float(vec![1.0, 2.0, 4.0, 3.0])),
        ("x", Column::float(vec![0.5, 1.0, 2.0, 8.0])),
        ("w", Column::float(vec![1.0, 0.0, 2.0, 1.0])),
        ("f", Column::int(vec![1, 1, 2, 2])),
        ("t", Column::text([Some("a"), Some("b"), Some("a"), Some("b")])),
        ("empty", Column::floats(&[None, None, None, None])),
        ("bad", Column::float(vec![0.0, f64::NAN, 1.0, 2.0])),
        ("one", Column::int(vec![3, 3, 3, 3])),
    ])
    .unwrap()
}

#[test]
fn bad_input_is_an_error_by_name() {
    let table = small();
    let run = |formula: &str| FeOls::new(formula).and_then(|model| model.fit(&table));
    let says = |formula: &str, text: &str| {
        let error = run(formula).unwrap_err();
        assert!(error.to_string().contains(text), "{formula}: {error}");
        assert!(error.is_input());
    };
    says("y ~ nope", "there is no column \"nope\"");
    says("y ~ emtpy", "did you mean \"empty\"?");
    says("y ~ bad", "\"bad\" at row 1 is not a finite number");
    says("t ~ x", "holds text; expected numbers");
    says("y ~ empty", "0 observations remain");
    says("y ~ one | f", "every regressor is collinear");
    says("y ~ i(t, ref='z')", "no row has the level \"z\"");
    says("y ~ x | one + t + f", "observations remain for");
    let model = FeOls::new("y ~ x").unwrap();
    let error = model.clone().weights("w").fit(&table).unwrap_err();
    assert_eq!(error, EstimateError::BadWeight { column: "w".to_owned(), row: 1 });
    let error = model.clone().vcov(Vcov::cluster("one")).fit(&table).unwrap_err();
    assert!(matches!(error, EstimateError::TooFewClusters { .. }));
    assert!(model.clone().fit(&table.take(&[])).is_err());
    assert!(model.clone().fit(&table.take(&[0])).is_err());
    assert!(model.clone().fit(&Table::default()).is_err());
    assert!(model.tol(f64::NAN).fit(&table).is_err());
    let huge = Table::new([
        ("y", Column::float(vec![1.0, 5.0, 2.0, 9.0, 3.0])),
        ("x", Column::int(vec![1, 2, 4, 4, 1])),
        ("f", Column::int(vec![i64::MIN, i64::MAX, i64::MIN, i64::MAX, i64::MIN])),
    ])
    .unwrap();
    let kept = FeOls::new("y ~ x | f").unwrap().singletons(Singletons::Keep).fit(&huge).unwrap();
    assert_eq!(kept.n_obs(), 5);
}

#[test]
fn a_cancelled_ticket_stops_the_work() {
    let ticket = Ticket::new();
    ticket.cancel();
    let table = table(&oracle());
    let result = FeOls::new("wage ~ age | person + firm").unwrap().fit_with(&table, &[], &ticket);
    assert_eq!(result, Err(EstimateError::Cancelled));
    let factor = Factor::compact(&[0, 1]);
    let wrong = FeOls::new("wage ~ age | person").unwrap().fit_with(
        &table,
        &[("person", &factor)],
        &Ticket::new(),
    );
    assert!(wrong.is_err());
}
