//! Synthetic difference-in-differences against its published numbers and a second implementation.

use kruispunt::data::{By, Column, Effects, Panel, Seed, Status, Table, Ticket, Unit};
use kruispunt::evaluate::{Aggregate, Did, Method, Optimum, Resampling, SyntheticDid, Weighted};
use serde_json::Value;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/synthetic/expected.json")).unwrap()
}

fn ints(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// One row a unit and period, units with a first year `skip` left out.
fn panel(case: &Value, skip: i64) -> Panel {
    let (periods, first) = (ints(&case["periods"]), ints(&case["first"]));
    let (mut unit, mut year, mut start, mut y) = (vec![], vec![], vec![], vec![]);
    for (at, row) in case["y"].as_array().unwrap().iter().enumerate() {
        if first[at] == skip {
            continue;
        }
        for (value, period) in floats(row).iter().zip(&periods) {
            unit.push(at as i64);
            year.push(*period);
            start.push(first[at]);
            y.push(*value);
        }
    }
    let table = Table::new([
        ("unit", Column::int(unit)),
        ("year", Column::int(year)),
        ("first", Column::int(start)),
        ("y", Column::float(y)),
    ])
    .unwrap();
    Panel::from_table(&table, "unit", "year", Unit::Year).unwrap()
}

fn overall(effects: &Effects) -> (f64, f64) {
    let mean = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    (mean.rows()[0].estimate, mean.std_errors()[0])
}

/// -15.60383, -19.61966, -27.34911: R's synthdid 0.0.9 on California's tobacco tax.
#[test]
fn california_equals_r_synthdid() {
    let case = &oracle()["california"];
    let panel = panel(case, -1);
    let r = |name: &str| case["r"][name].as_f64().unwrap();
    let quick = || SyntheticDid::new("y", "first").draws(2);
    let (published, _) = overall(&quick().optimum(Optimum::Published).fit(&panel).unwrap());
    assert!((published - r("synthdid")).abs() < 1e-9, "{published}");
    let control = quick().optimum(Optimum::Published).weighted(Weighted::Units);
    let (control, _) = overall(&control.fit(&panel).unwrap());
    assert!((control - r("sc")).abs() < 1e-9, "{control}");
    let plain = Did::new("y", "first").method(Method::Imputation).fit(&panel).unwrap();
    assert!((overall(&plain).0 - r("did")).abs() < 1e-9);
    // the minimum itself lies a hundredth of a per cent away, that of the control alone 0.5 %
    let (exact, _) = overall(&quick().fit(&panel).unwrap());
    assert!((exact - r("synthdid")).abs() < 2e-3, "{exact}");
    let (exact, _) = overall(&quick().weighted(Weighted::Units).fit(&panel).unwrap());
    assert!((exact + 19.513_629_8).abs() < 1e-4, "{exact}");
}

/// The paper's Table 1 has a standard error of 8.4 from placebos.
#[test]
fn placebos_of_california() {
    let panel = panel(&oracle()["california"], -1);
    let (_, error) = overall(&SyntheticDid::new("y", "first").fit(&panel).unwrap());
    assert!((7.0..11.0).contains(&error), "{error}");
}

#[test]
fn invented_panel_equals_the_port() {
    let case = &oracle()["invented"];
    let number = |name: &str| case[name].as_f64().unwrap();
    let all = panel(case, -1);
    let quick = || SyntheticDid::new("y", "first").draws(2).optimum(Optimum::Published);
    assert!((overall(&quick().fit(&all).unwrap()).0 - number("staggered")).abs() < 1e-9);
    let one = panel(case, 2010);
    let fit = quick().errors(Resampling::Jackknife).fit(&one).unwrap();
    let (estimate, error) = overall(&fit);
    assert!((estimate - number("single")).abs() < 1e-9);
    assert!((error - number("single_jackknife")).abs() < 1e-9, "{error}");
    let control = overall(&quick().weighted(Weighted::Units).fit(&one).unwrap()).0;
    assert!((control - number("control")).abs() < 1e-9);
    for (own, peer) in fit.estimates().iter().zip(floats(&case["curve"])) {
        assert!((own - peer).abs() < 1e-9, "{own} {peer}");
    }
    // drawn errors: the peer's draws are others
    for (errors, name, near) in [
        (Resampling::Placebo, "single_placebo_200", 0.25),
        (Resampling::Bootstrap, "single_bootstrap_100", 0.3),
    ] {
        let (_, own) = overall(&quick().draws(200).errors(errors).fit(&one).unwrap());
        assert!((own / number(name) - 1.0).abs() < near, "{name} {own} {}", number(name));
    }
}

#[test]
fn draws_do_not_depend_on_threads() {
    let panel = panel(&oracle()["invented"], -1);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let what = SyntheticDid::new("y", "first").draws(20).seed(Seed::new(3));
        pool.install(|| what.fit(&panel).unwrap().vcov())
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn what_it_cannot_do_is_refused_by_name() {
    let case = &oracle()["california"];
    let whole = panel(case, -1);
    let error = SyntheticDid::new("y", "first").errors(Resampling::Jackknife).fit(&whole);
    assert!(error.unwrap_err().to_string().contains("two treated units in each cohort"));
    let donors = panel(case, 0);
    let error = SyntheticDid::new("y", "first").fit(&donors).unwrap_err();
    assert!(error.to_string().contains("cluster") || error.to_string().contains("never treated"));
    assert!(SyntheticDid::new("y", "first").draws(1).fit(&whole).unwrap_err().is_input());
    let error = SyntheticDid::new("packs", "first").fit(&whole).unwrap_err();
    assert!(error.is_input());
    let ticket = Ticket::new();
    ticket.cancel();
    assert!(SyntheticDid::new("y", "first").fit_with(&whole, &ticket).unwrap_err().is_cancelled());
    let effects = SyntheticDid::new("y", "first").draws(2).fit(&whole).unwrap();
    assert!(effects.pretest().is_err());
    assert!(effects.rows().iter().all(|row| row.status == Status::Estimated));
    assert!((effects.identified_share() - 1.0).abs() < 1e-12);
}
