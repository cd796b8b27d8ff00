//! Regression discontinuity against rdrobust, and by construction.

use kruispunt::data::{Column, Day, Table};
use kruispunt::evaluate::{Discontinuity, Kernel};
use serde_json::Value;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/discontinuity/expected.json")).unwrap()
}

fn table(data: &Value) -> Table {
    let get = |name: &str| {
        data[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let x = get("x");
    let week: Vec<i64> = x.iter().map(|x| (x / 7.0).floor() as i64).collect();
    let mixed: Vec<i64> = (0..x.len() as i64).map(|row| row % 40).collect();
    let later = if data["later"].is_null() { "y" } else { "later" };
    Table::new([
        ("x", Column::float(x)),
        ("y", Column::float(get("y"))),
        ("later", Column::float(get(later))),
        ("week", Column::int(week)),
        ("mixed", Column::int(mixed)),
    ])
    .unwrap()
}

fn near(own: f64, peer: &Value, what: &str) {
    let peer = peer.as_f64().unwrap();
    assert!((own / peer - 1.0).abs() < 1e-6, "{what}: {own} {peer}");
}

#[test]
fn jumps_equal_rdrobust() {
    let oracle = oracle();
    let plain = || Discontinuity::new("y", "x", 0.0);
    let later = || Discontinuity::new("later", "x", 0.0);
    for (name, data, what) in [
        ("smooth_given", "smooth", plain().bandwidth(0.4, 0.6)),
        ("days_given", "days", plain().bandwidth(90.0, 150.0)),
        ("donut_given", "days", plain().donut(14.0).bandwidth(120.0, 200.0)),
        ("smooth", "smooth", plain()),
        ("smooth_uniform", "smooth", plain().kernel(Kernel::Uniform)),
        ("smooth_epanechnikov", "smooth", plain().kernel(Kernel::Epanechnikov)),
        ("days", "days", plain()),
        ("donut", "days", plain().donut(14.0)),
        ("week_given", "days", plain().cluster("week").bandwidth(90.0, 150.0)),
        ("mixed_given", "smooth", plain().cluster("mixed").bandwidth(0.4, 0.6)),
        ("week", "days", plain().cluster("week")),
        ("mixed", "smooth", plain().cluster("mixed")),
        ("later_given", "days", later().bandwidth(90.0, 150.0)),
        ("fuzzy_given", "days", later().treatment("y").bandwidth(90.0, 150.0)),
        ("fuzzy_week", "days", later().treatment("y").cluster("week").bandwidth(90.0, 150.0)),
        ("fuzzy", "days", later().treatment("y")),
    ] {
        let own = what.fit(&table(&oracle[data])).unwrap();
        let expected = &oracle["cases"][name];
        for (field, value) in [
            ("h", own.h),
            ("b", own.b),
            ("conventional", own.conventional),
            ("conventional_se", own.conventional_se),
            ("robust", own.robust),
            ("robust_se", own.robust_se),
            ("low", own.interval(0.05).0),
        ] {
            near(value, &expected[field], &format!("{name} {field}"));
        }
        let p = expected["p"].as_f64().unwrap();
        assert!((own.p_value() - p).abs() < 1e-8, "{name} {} {p}", own.p_value());
    }
}

/// What the cutoff moves is divided by, where it moves enough.
#[test]
fn a_treatment_that_hardly_jumps_is_told() {
    let oracle = oracle();
    let data = table(&oracle["days"]);
    let own = Discontinuity::new("later", "x", 0.0).treatment("y").fit(&data).unwrap();
    let (jump, error) = own.first_stage.unwrap();
    assert!(jump < -40.0 && error < 10.0);
    assert!(own.cautions.iter().all(|own| own.code != "weak_first_stage"));
    let far = Discontinuity::new("later", "x", 150.0).treatment("y").fit(&data).unwrap();
    assert!(far.cautions.iter().any(|own| own.code == "weak_first_stage"), "{far:?}");
    let same = Discontinuity::new("later", "x", 0.0).treatment("x").fit(&data).unwrap_err();
    assert!(same.to_string().contains("does not jump"), "{same}");
    let none = Discontinuity::new("y", "x", 0.0).treatment("cure").fit(&data).unwrap_err();
    assert!(none.is_input());
}

/// The number of observations is an outcome of its own, of all observations, donut or not.
#[test]
fn sorting_equals_rdrobust_on_counts() {
    let oracle = oracle();
    for (name, data) in [("days_counts", "days"), ("smooth_counts", "smooth")] {
        let what = Discontinuity::new("y", "x", 0.0).donut(if data == "days" { 14.0 } else { 0.0 });
        let sorting = what.fit(&table(&oracle[data])).unwrap().sorting.unwrap();
        let expected = &oracle["cases"][name];
        near(sorting.h, &expected["h"], name);
        near(sorting.jump, &expected["robust"], name);
        near(sorting.std_error, &expected["robust_se"], name);
        near(sorting.above - sorting.below, &expected["conventional"], name);
        assert!((sorting.p_value() - expected["p"].as_f64().unwrap()).abs() < 1e-8);
    }
}

/// Those who come just before the cutoff wait for it.
#[test]
fn people_who_choose_their_side_are_told() {
    let days: Vec<f64> = (0..4000_u32)
        .map(|at| f64::from(at * 37 % 601) - 300.0)
        .map(|day| if (-8.0..0.0).contains(&day) { day + 8.0 } else { day })
        .collect();
    let y = (0..4000).map(|at| days[at] + f64::sin(1.7 * at as f64)).collect();
    let table = Table::new([("y", Column::float(y)), ("x", Column::float(days))]).unwrap();
    let own = Discontinuity::new("y", "x", 0.0).fit(&table).unwrap();
    let sorting = own.sorting.unwrap();
    assert!(sorting.above > sorting.below);
    assert!(own.cautions.iter().any(|own| own.code == "sorting"), "{:?}", own.cautions);
    assert!(own.robust.abs() < 1.0 && own.p_value() > 0.05, "{own:?}");
    let wide = Discontinuity::new("y", "x", 0.0).donut(50.0).bandwidth(60.0, 90.0);
    let cautions = wide.fit(&table).unwrap().cautions;
    let codes: Vec<&str> = cautions.iter().map(|own| own.code.as_str()).collect();
    assert_eq!(codes, ["sorting", "extrapolation", "few_values"]);
}

/// Lines and parabolas are followed without error; the order of rows does not matter.
#[test]
fn curves_leave_the_jump() {
    let x: Vec<f64> = (-80..80).map(|at| f64::from(at) + 0.5).collect();
    let y: Vec<f64> = x
        .iter()
        .map(|x| 3.0 + 0.1 * x + 0.02 * x * x + if *x > 0.0 { 5.0 - 0.03 * x * x } else { 0.0 })
        .collect();
    let fit = |x: Vec<f64>, y: Vec<f64>| {
        let table = Table::new([("x", Column::float(x)), ("y", Column::float(y))]).unwrap();
        Discontinuity::new("y", "x", 0.0).bandwidth(30.0, 45.0).fit(&table).unwrap()
    };
    let own = fit(x.clone(), y.clone());
    assert!((own.robust - 5.0).abs() < 1e-9, "{}", own.robust);
    assert!((own.conventional - 5.0).abs() > 0.5);
    assert_eq!(own.within, (30, 30));
    let back = fit(x.into_iter().rev().collect(), y.into_iter().rev().collect());
    assert_eq!((own.robust, own.robust_se), (back.robust, back.robust_se));
    assert!(own.account.last().unwrap().adds_up());
}

/// Without noise there is nothing to trade curvature against; the jump is found all the same.
#[test]
fn an_outcome_without_noise_has_a_jump() {
    let x: Vec<f64> = (-60..60).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| if *x < 0.0 { 1.0 } else { 3.0 }).collect();
    let table = Table::new([("y", Column::float(y)), ("x", Column::float(x))]).unwrap();
    let own = Discontinuity::new("y", "x", 0.0).fit(&table).unwrap();
    assert!((own.robust - 2.0).abs() < 1e-9 && own.robust_se < 1e-9);
    assert!(own.p_value() < 1e-9);
    // one a day on either side: what rounding leaves is no jump
    assert!((own.sorting.unwrap().p_value() - 1.0).abs() < 1e-12);
    assert!(own.cautions.iter().all(|own| own.code != "sorting"), "{:?}", own.cautions);
}

#[test]
fn what_gives_no_jump_is_refused() {
    let make = |x: Vec<Option<f64>>| {
        let y = Column::float(vec![1.0; x.len()]);
        Table::new([("x", Column::floats(&x)), ("y", y)]).unwrap()
    };
    let days = Table::new([
        ("y", Column::float(vec![1.0; 3])),
        ("x", Column::text([Some("2015-11-08"), Some("2015-11-09"), None])),
    ])
    .unwrap();
    let text = Discontinuity::new("x", "y", 3.0).fit(&days).unwrap_err().to_string();
    assert!(text.contains("`outcome`") && text.contains("expected numbers"), "{text}");
    let text = Discontinuity::new("y", "x", 3.0).fit(&days).unwrap_err().to_string();
    assert!(text.contains("expected a date"), "{text}");
    let few = make((0..30).map(|at| Some(f64::from(at % 3))).collect());
    let text = Discontinuity::new("y", "x", 1.0).fit(&few).unwrap_err().to_string();
    assert!(text.contains("too few distinct values") && text.contains("below: 1, at"), "{text}");
    let alone = Discontinuity::new("y", "x", 1.0).cluster("y").bandwidth(5.0, 5.0).fit(&few);
    assert!(!alone.unwrap_err().to_string().is_empty());
    assert!(Discontinuity::new("y", "x", f64::NAN).fit(&few).unwrap_err().is_input());
    let day = Day::new(2015, 11, 9).unwrap();
    let text = Discontinuity::on_day("y", "x", day).fit(&few).unwrap_err().to_string();
    assert!(text.contains("expected a number") && text.contains("2015-11-09"), "{text}");
    let text = Discontinuity::on_day("y", "x", day).fit(&days).unwrap_err().to_string();
    assert!(text.contains("below: 1, at least 10"), "{text}");
    let what = Discontinuity::new("y", "x", 0.0);
    assert!(what.clone().donut(-1.0).fit(&few).unwrap_err().is_input());
    assert!(what.clone().donut(5.0).bandwidth(4.0, 9.0).fit(&few).unwrap_err().is_input());
    assert!(what.clone().fit(&make(vec![])).is_err());
    assert!(what.clone().fit(&make(vec![None; 4])).is_err());
    assert!(what.fit(&make(vec![Some(f64::NAN); 4])).unwrap_err().is_input());
}
