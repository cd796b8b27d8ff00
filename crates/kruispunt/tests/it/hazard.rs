//! Durations against lifelines, statsmodels, slow twins and closed forms.

use kruispunt::data::{Column, Table};
use kruispunt::evaluate::{EvaluateError, SurvivalCurves};
use proptest::prelude::*;
use serde_json::Value;

/// `tests/oracles/hazard/make.py` (lifelines, statsmodels) writes the expectations.
fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/hazard/expected.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|own| own.as_f64().unwrap_or(f64::NAN)).collect()
}

fn table(oracle: &Value) -> Table {
    let mut table = Table::default();
    for (name, values) in oracle["data"].as_object().unwrap() {
        let cells = values.as_array().unwrap();
        let column = if cells[0].is_string() {
            Column::text(cells.iter().map(Value::as_str))
        } else if cells.iter().all(Value::is_i64) {
            Column::int(cells.iter().filter_map(Value::as_i64).collect())
        } else {
            Column::float(numbers(values))
        };
        table.push(name, column).unwrap();
    }
    table
}

fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (a, b)) in got.iter().zip(expected).enumerate() {
        let same = (a - b).abs() <= tolerance * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
        assert!(same, "{what}[{at}]: {a} is not {b}");
    }
}

fn column(table: &Table, name: &str) -> Vec<f64> {
    table.get(name).unwrap().to_floats("test", name).unwrap()
}

#[test]
fn curves_equal_lifelines() {
    let oracle = oracle();
    let (data, expected) = (table(&oracle), &oracle["expected"]);
    let found = SurvivalCurves::new("quarters", "event").by("group").fit(&data).unwrap();
    let tidy = found.tidy(0.05).unwrap();
    let medians = found.quantile(0.5, 0.05).unwrap();
    let mut start = 0;
    for (at, curve) in found.curves().iter().enumerate() {
        let own = &expected["km"][&curve.group];
        let rows = start..start + curve.time.len();
        close("time", &curve.time, &numbers(&own["time"]), 0.0);
        close("survival", &curve.survival, &numbers(&own["survival"]), 1e-12);
        close("hazard", &curve.hazard, &numbers(&own["hazard"]), 1e-12);
        // lifelines says 0 and 1 where the log-log interval does not exist
        for (name, other) in [("conf_low", "low"), ("conf_high", "high")] {
            let (got, wanted) = (column(&tidy, name), numbers(&own[other]));
            for (got, wanted) in got[rows.clone()].iter().zip(wanted) {
                assert!(got.is_nan() || (got - wanted).abs() < 1e-8, "{name}: {got} {wanted}");
            }
        }
        close(
            "median",
            &column(&medians, "time")[at..=at],
            &[own["median"].as_f64().unwrap()],
            0.0,
        );
        start = rows.end;
    }
    let late = SurvivalCurves::new("quarters", "event").entry("entry").fit(&data).unwrap();
    let heavy = SurvivalCurves::new("quarters", "event").weights("weight").fit(&data).unwrap();
    for (found, name) in [(late, "km_entry"), (heavy, "km_weights")] {
        close(name, &found.curves()[0].survival, &numbers(&expected[name]["survival"]), 1e-12);
        close(name, &found.curves()[0].hazard, &numbers(&expected[name]["hazard"]), 1e-12);
    }
    for (name, rho) in [("logrank", 0.0), ("logrank_rho1", 1.0)] {
        let test = found.logrank(rho).unwrap();
        let own = &expected[name];
        close(name, &[test.statistic], &[own["statistic"].as_f64().unwrap()], 1e-9);
        close(name, &[test.p_value], &[own["p_value"].as_f64().unwrap()], 1e-9);
    }
}

#[test]
fn cumulative_incidence_equals_lifelines() {
    let oracle = oracle();
    let (data, expected) = (table(&oracle), &oracle["expected"]);
    let found = SurvivalCurves::new("exact", "cause").causes().fit(&data).unwrap();
    let curve = &found.curves()[0];
    assert_eq!(found.causes(), ["1", "2"]);
    for (k, name) in ["aj_1", "aj_2"].into_iter().enumerate() {
        let of = |values: &[f64]| values.iter().skip(k).step_by(2).copied().collect::<Vec<f64>>();
        close(name, &of(&curve.incidence), &numbers(&expected[name]["incidence"]), 1e-12);
        let variance: Vec<f64> = of(&curve.incidence_se).iter().map(|se| se * se).collect();
        close(name, &variance, &numbers(&expected[name]["variance"]), 1e-12);
    }
    // What happened and what did not add up to one.
    for (at, s) in curve.survival.iter().enumerate() {
        assert!((s + curve.incidence[2 * at] + curve.incidence[2 * at + 1] - 1.0).abs() < 1e-12);
    }
}

type Episode = (i64, i64, u32, bool);

/// Curves by their definitions, at every time anew.
fn twin(rows: &[Episode], cause: u32) -> Vec<(f64, f64, f64, f64)> {
    let mut times: Vec<i64> = rows.iter().map(|own| own.1).collect();
    times.sort_unstable();
    times.dedup();
    let at_risk = |t: i64| rows.iter().filter(|own| own.0 < t && own.1 >= t).count() as f64;
    let ends = |t: i64, k: Option<u32>| {
        rows.iter().filter(|own| own.1 == t && own.2 > 0 && k.is_none_or(|k| own.2 == k)).count()
            as f64
    };
    let survival = |t: i64| -> f64 {
        times
            .iter()
            .filter(|&&own| own < t)
            .map(|&own| 1.0 - ends(own, None) / at_risk(own))
            .product()
    };
    let incidence = |t: i64| -> f64 {
        times
            .iter()
            .filter(|&&own| own <= t)
            .map(|&own| survival(own) * ends(own, Some(cause)) / at_risk(own))
            .sum()
    };
    times
        .iter()
        .map(|&t| {
            let until = || times.iter().filter(|&&own| own <= t);
            // Marubini & Valsecchi (1995), p. 341; a risk set that is used up ends all sums.
            let variance: f64 = until()
                .map(|&own| {
                    let (n, d, k) = (at_risk(own), ends(own, None), ends(own, Some(cause)));
                    let (s, left) = (survival(own), incidence(t) - incidence(own));
                    let used = if n > d { left * left * d / (n * (n - d)) } else { 0.0 };
                    used + s * s * (n - k) * k / (n * n * n) - 2.0 * left * s * k / (n * n)
                })
                .sum();
            (t as f64, survival(t + 1), incidence(t), variance.max(0.0).sqrt())
        })
        .collect()
}

proptest! {
    #[test]
    fn curves_equal_their_definitions(
        rows in prop::collection::vec((0_i64..6, 1_i64..8, 0_u32..3), 1..40),
        stretched in any::<bool>(),
    ) {
        let rows: Vec<Episode> =
            rows.into_iter().map(|(entry, length, cause)| (entry, entry + length, cause, true)).collect();
        // Times that are not whole take the sorted way.
        let scale = if stretched { 0.37 } else { 1.0 };
        let data = Table::new([
            ("entry", Column::float(rows.iter().map(|own| own.0 as f64 * scale).collect())),
            ("end", Column::float(rows.iter().map(|own| own.1 as f64 * scale).collect())),
            ("cause", Column::int(rows.iter().map(|own| i64::from(own.2)).collect())),
        ]).unwrap();
        let found = SurvivalCurves::new("end", "cause").causes().entry("entry").fit(&data).unwrap();
        let curve = &found.curves()[0];
        for (k, label) in found.causes().iter().enumerate() {
            let expected = twin(&rows, label.parse().unwrap());
            prop_assert_eq!(expected.len(), curve.time.len());
            for (at, (time, survival, incidence, se)) in expected.into_iter().enumerate() {
                let here = at * found.causes().len() + k;
                prop_assert!((curve.time[at] - time * scale).abs() < 1e-12);
                prop_assert!((curve.survival[at] - survival).abs() < 1e-12);
                prop_assert!((curve.incidence[here] - incidence).abs() < 1e-12);
                prop_assert!((curve.incidence_se[here] - se).abs() < 1e-7);
            }
        }
    }
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let once = Table::new([
        ("t", Column::float(vec![1.5, 2.0, 2.0, 3.25])),
        ("e", Column::int(vec![1, 0, 1, 1])),
        ("w", Column::int(vec![2, 1, 3, 1])),
    ])
    .unwrap();
    let rows: Vec<u32> = vec![0, 0, 1, 2, 2, 2, 3];
    let twice = once.take(&rows);
    let a = SurvivalCurves::new("t", "e").weights("w").fit(&once).unwrap();
    let b = SurvivalCurves::new("t", "e").fit(&twice).unwrap();
    assert_eq!(a.curves(), b.curves());
    let mean = a.restricted_mean(3.0).unwrap()[0].mean;
    assert!((mean - (1.5 + 0.5 * 5.0 / 7.0 + 2.0 / 7.0)).abs() < 1e-12, "{mean}");
}

#[test]
fn bad_episodes_are_refused_or_counted() {
    let data = |t: Vec<f64>, e: Vec<i64>, s: Vec<f64>| {
        Table::new([("t", Column::float(t)), ("e", Column::int(e)), ("s", Column::float(s))])
            .unwrap()
    };
    let verb = || SurvivalCurves::new("t", "e");
    let found = verb().fit(&data(vec![1.0, 2.0], vec![1, 2], vec![0.0, 0.0]));
    assert!(matches!(found, Err(EvaluateError::NotBinary { row: 1, .. })), "{found:?}");
    let found = verb().fit(&data(vec![1.0, f64::NAN], vec![1, 0], vec![0.0, 0.0]));
    assert!(matches!(found, Err(EvaluateError::NotFinite { row: 1, .. })), "{found:?}");
    let found = verb().fit(&data(vec![1.0, -2.0], vec![1, 0], vec![0.0, 0.0]));
    assert!(matches!(found, Err(EvaluateError::BadTime { row: 1, .. })), "{found:?}");
    let found = verb().fit(&data(vec![], vec![], vec![]));
    assert!(matches!(found, Err(EvaluateError::Data(_))), "{found:?}");
    let found = verb().entry("s").fit(&data(vec![1.0, 2.0], vec![1, 0], vec![1.0, 2.0]));
    assert!(matches!(found, Err(EvaluateError::NothingEstimable { .. })), "{found:?}");
    let found = verb().weights("s").fit(&data(vec![1.0], vec![1], vec![0.0]));
    assert!(matches!(found, Err(EvaluateError::BadWeight { row: 0, .. })), "{found:?}");
    let found = verb()
        .entry("s")
        .fit(&data(vec![1.0, 2.0, 3.0], vec![1, 0, 1], vec![1.0, 0.0, 2.0]))
        .unwrap();
    let step = found.account().last().unwrap();
    assert_eq!((step.after.rows, step.excluded[0].count.rows), (2, 1));
    assert!(step.excluded[0].reason.contains("no length") && step.adds_up());
    // Everybody at risk at 2 ends there while another enters later.
    let codes: Vec<&str> = found.cautions().iter().map(|own| own.code.as_str()).collect();
    assert!(codes.is_empty(), "{codes:?}");
    let early = verb().entry("s").fit(&data(vec![1.0, 3.0], vec![1, 0], vec![0.0, 1.0])).unwrap();
    assert_eq!(early.cautions()[0].code, "small_early_risk_set");
    assert!(found.logrank(0.0).is_err() && found.tidy(1.5).is_err());
    assert!(found.restricted_mean(f64::NAN).is_err() && found.quantile(0.0, 0.05).is_err());
}
