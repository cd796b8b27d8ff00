//! Regression discontinuity against rdrobust, and by construction.

use kruispunt::data::{Column, Table};
use kruispunt::evaluate::{Discontinuity, Kernel};
use serde_json::Value;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/discontinuity/expected.json")).unwrap()
}

fn table(data: &Value) -> Table {
    let get = |name: &str| {
        data[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>()
    };
    Table::new([("x", Column::float(get("x"))), ("y", Column::float(get("y")))]).unwrap()
}

#[test]
fn jumps_equal_rdrobust() {
    let oracle = oracle();
    let plain = || Discontinuity::new("y", "x", 0.0);
    for (name, data, what) in [
        ("smooth_given", "smooth", plain().bandwidth(0.4, 0.6)),
        ("days_given", "days", plain().bandwidth(90.0, 150.0)),
        ("donut_given", "days", plain().donut(14.0).bandwidth(120.0, 200.0)),
        ("smooth", "smooth", plain()),
        ("smooth_uniform", "smooth", plain().kernel(Kernel::Uniform)),
        ("smooth_epanechnikov", "smooth", plain().kernel(Kernel::Epanechnikov)),
        ("days", "days", plain()),
        ("donut", "days", plain().donut(14.0)),
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
        ] {
            let peer = expected[field].as_f64().unwrap();
            assert!((value / peer - 1.0).abs() < 1e-6, "{name} {field}: {value} {peer}");
        }
    }
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

#[test]
fn what_gives_no_jump_is_refused() {
    let make = |x: Vec<Option<f64>>| {
        let y = Column::float(vec![1.0; x.len()]);
        Table::new([("x", Column::floats(&x)), ("y", y)]).unwrap()
    };
    let few = make((0..30).map(|at| Some(f64::from(at % 3))).collect());
    assert!(Discontinuity::new("y", "x", 1.0).fit(&few).is_err());
    assert!(Discontinuity::new("y", "x", f64::NAN).fit(&few).unwrap_err().is_input());
    let what = Discontinuity::new("y", "x", 0.0);
    assert!(what.clone().donut(-1.0).fit(&few).unwrap_err().is_input());
    assert!(what.clone().donut(5.0).bandwidth(4.0, 9.0).fit(&few).unwrap_err().is_input());
    assert!(what.clone().fit(&make(vec![])).is_err());
    assert!(what.clone().fit(&make(vec![None; 4])).is_err());
    assert!(what.fit(&make(vec![Some(f64::NAN); 4])).unwrap_err().is_input());
}
