//! Durations against lifelines, statsmodels, slow twins and closed forms.

use kruispunt::data::{Column, Table};
use kruispunt::evaluate::{Cox, DiscreteHazard, EvaluateError, Link, SurvivalCurves, Ties};
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

/// Person-period rows from entry on; durations of 12 and more are one.
fn periods(oracle: &Value) -> Table {
    let data = table(oracle);
    let of = |name: &str| column(&data, name);
    let (entry, end, cause) = (of("entry"), of("quarters"), of("cause"));
    let (x1, x2, town) = (of("x1"), of("x2"), of("town"));
    let mut rows: [Vec<f64>; 8] = Default::default();
    for person in 0..end.len() {
        for t in entry[person] as i64 + 1..=end[person] as i64 {
            let why = if t as f64 == end[person] { cause[person] } else { 0.0 };
            let exit = f64::from(u8::from(why > 0.0));
            let own = t.min(12);
            let phase = if own <= 3 {
                1.0
            } else if own <= 8 {
                2.0
            } else {
                3.0
            };
            let row =
                [person as f64, own as f64, exit, why, phase, x1[person], x2[person], town[person]];
            for (column, value) in rows.iter_mut().zip(row) {
                column.push(value);
            }
        }
    }
    let names = ["person", "duration", "exit", "why", "phase", "x1", "x2", "town"];
    Table::new(names.into_iter().zip(rows.into_iter().map(Column::float))).unwrap()
}

fn map(value: &Value, names: &[String]) -> Vec<f64> {
    names.iter().map(|name| value[name].as_f64().unwrap()).collect()
}

#[test]
fn discrete_hazards_equal_statsmodels() {
    let oracle = oracle();
    let rows = periods(&oracle);
    for (link, name) in [(Link::Logit, "logit"), (Link::Cloglog, "cloglog")] {
        let own = &oracle["expected"][name];
        let model = DiscreteHazard::new("exit ~ x1 + x2 | duration").unwrap().link(link);
        let found = model.clone().fit(&rows).unwrap();
        close(name, found.fit().coef(), &numbers(&own["coef"])[..2], 1e-8);
        close(name, &found.fit().std_errors(), &numbers(&own["se"])[..2], 1e-8);
        let likelihood = found.fit().likelihood().unwrap();
        close(name, &[likelihood.log_likelihood], &[own["log_likelihood"].as_f64().unwrap()], 1e-9);
        let clustered = model.cluster("town").fit(&rows).unwrap();
        close(name, &clustered.fit().std_errors(), &numbers(&own["cluster_se"])[..2], 1e-8);
        // Dummies of the formula are the baseline of the bar.
        let dummies = DiscreteHazard::new("exit ~ x1 + x2 + C(duration)").unwrap().link(link);
        let other = dummies.fit(&rows).unwrap();
        close(name, &other.fit().coef()[1..3], found.fit().coef(), 1e-8);
        close(name, &other.fit().std_errors()[1..3], &found.fit().std_errors(), 1e-8);
    }
    let own = &oracle["expected"]["multinomial"];
    let model = DiscreteHazard::new("why ~ x1 + x2 | phase").unwrap().competing();
    let found = model.fit(&rows).unwrap();
    assert_eq!(found.fit().names(), ["1: x1", "1: x2", "2: x1", "2: x2"]);
    for cause in 0..2 {
        let at = 2 * cause..2 * cause + 2;
        close("coef", &found.fit().coef()[at.clone()], &numbers(&own["coef"][cause])[..2], 1e-8);
        close("se", &found.fit().std_errors()[at], &numbers(&own["se"][cause])[..2], 1e-7);
    }
}

#[test]
fn a_model_without_regressors_gives_the_curves() {
    let rows = periods(&oracle());
    let data = table(&oracle());
    let capped: Vec<f64> = column(&data, "quarters");
    for (formula, several) in [("exit ~ 1 | duration", false), ("why ~ 1 | duration", true)] {
        let model = DiscreteHazard::new(formula).unwrap();
        let model = if several { model.competing() } else { model };
        let found = model.fit(&rows).unwrap().curves(&Table::default(), 0.05).unwrap();
        let event = if several { "cause" } else { "event" };
        let curves = SurvivalCurves::new("quarters", event).entry("entry");
        let curves = if several { curves.causes() } else { curves };
        let curve = &curves.fit(&data).unwrap().curves()[0].clone();
        let causes = if several { 2 } else { 1 };
        for cause in 0..causes {
            let pick = |name: &str| -> Vec<f64> {
                column(&found, name).into_iter().skip(cause).step_by(causes).take(8).collect()
            };
            let of = |own: &[f64]| -> Vec<f64> {
                own.iter().skip(cause).step_by(causes).take(8).copied().collect()
            };
            close("survival", &pick("survival"), &curve.survival[..8], 1e-9);
            close("greenwood", &pick("survival_se"), &curve.survival_se[..8], 1e-8);
            close("incidence", &pick("incidence"), &of(&curve.incidence), 1e-9);
            close("its error", &pick("incidence_se"), &of(&curve.incidence_se), 1e-8);
        }
    }
    assert_eq!(capped.len(), 240);
}

#[test]
fn hazards_without_an_answer_say_so() {
    let rows = |event: Vec<i64>, x: Vec<f64>| {
        let duration = (0..event.len()).map(|at| at as i64 % 2).collect();
        Table::new([
            ("e", Column::int(event)),
            ("x", Column::float(x)),
            ("d", Column::int(duration)),
        ])
        .unwrap()
    };
    let fit = |fml: &str, data: &Table| DiscreteHazard::new(fml).unwrap().fit(data);
    let split = rows(vec![0, 0, 1, 1, 0, 1], vec![0.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    let found = fit("e ~ x | d", &split);
    assert!(matches!(found, Err(EvaluateError::Separated { .. })), "{found:?}");
    let slopes = rows(vec![0, 0, 0, 1, 1, 1], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let found = fit("e ~ x", &slopes);
    assert!(matches!(found, Err(EvaluateError::Separated { .. })), "{found:?}");
    let found = fit("e ~ x | d", &rows(vec![0, 2, 1, 0], vec![0.0; 4]));
    assert!(matches!(found, Err(EvaluateError::NotBinary { row: 1, .. })), "{found:?}");
    let found = fit("e ~ x | d", &rows(vec![0; 4], vec![0.0; 4]));
    assert!(matches!(found, Err(EvaluateError::NothingEstimable { .. })), "{found:?}");
    // At duration 1 nobody leaves: these rows say nothing.
    let half = rows(vec![1, 0, 0, 0, 1, 0, 0, 0], (0..8).map(|at| f64::from(at % 3)).collect());
    let found = fit("e ~ x | d", &half).unwrap();
    let step = found.fit().account().last().unwrap();
    assert_eq!((step.after.rows, step.excluded[0].count.rows), (4, 4));
    assert!(step.adds_up(), "{step:?}");
    let twice = Table::new([("e", Column::int(vec![1, 0])), ("x", Column::float(vec![1.0, 2.0]))]);
    assert!(fit("e ~ x | nothing", &twice.unwrap()).is_err());
    assert!(
        DiscreteHazard::new("e ~ x").unwrap().competing().link(Link::Cloglog).fit(&half).is_err()
    );
}

#[test]
fn cox_equals_lifelines() {
    let oracle = oracle();
    let data = table(&oracle);
    let model = || Cox::new("quarters ~ x1 + x2", "event").unwrap();
    let check = |name: &str, model: Cox, data: &Table| {
        let (own, found) = (&oracle["expected"][name], model.fit(data).unwrap());
        let names = found.fit().names();
        close(name, found.fit().coef(), &map(&own["coef"], names), 1e-8);
        close(name, &found.fit().std_errors(), &map(&own["se"], names), 1e-8);
        let top = found.fit().likelihood().unwrap().log_likelihood;
        close(name, &[top], &[own["log_likelihood"].as_f64().unwrap()], 1e-9);
        if own["vcov"].is_array() && found.fit().vcov_text() == "iid" {
            close(name, found.fit().vcov_matrix(), &numbers(&own["vcov"]), 1e-8);
        }
    };
    check("cox", model(), &data);
    check("cox_entry", model().entry("entry"), &data);
    check("cox_weights", model().weights("weight"), &data);
    check("cox_strata", Cox::new("quarters ~ x1 + x2 | group", "event").unwrap(), &data);
    let untied = || Cox::new("exact ~ x1 + x2", "event").unwrap();
    check("cox_robust", untied().robust(), &data);
    check("cox_cluster", untied().cluster("town"), &data);
    check(
        "cox_varying",
        Cox::new("stop ~ x1 + late", "event").unwrap().entry("start"),
        &split(&data),
    );
}

/// Two rows a person: a covariate that changes after four quarters.
fn split(data: &Table) -> Table {
    let of = |name: &str| column(data, name);
    let (end, event, x1, x2) = (of("quarters"), of("event"), of("x1"), of("x2"));
    let mut rows: [Vec<f64>; 5] = Default::default();
    for person in 0..end.len() {
        let more = end[person] > 4.0;
        let first =
            [0.0, end[person].min(4.0), if more { 0.0 } else { event[person] }, x1[person], 0.0];
        let second = [4.0, end[person], event[person], x1[person], x2[person]];
        for row in [Some(first), more.then_some(second)].into_iter().flatten() {
            for (column, value) in rows.iter_mut().zip(row) {
                column.push(value);
            }
        }
    }
    let names = ["start", "stop", "event", "x1", "late"];
    Table::new(names.into_iter().zip(rows.into_iter().map(Column::float))).unwrap()
}

/// Therneau & Grambsch (2000), *Modeling Survival Data*, appendix E: worked by hand there.
#[test]
fn cox_equals_the_worked_examples() {
    let one = Table::new([
        ("time", Column::int(vec![9, 1, 1, 6, 6, 8])),
        ("event", Column::int(vec![1, 1, 0, 1, 1, 0])),
        ("x", Column::int(vec![0, 1, 1, 1, 0, 0])),
    ])
    .unwrap();
    let two = Table::new([
        ("start", Column::int(vec![1, 2, 5, 2, 1, 7, 3, 4, 8, 8])),
        ("time", Column::int(vec![2, 3, 6, 7, 8, 9, 9, 9, 14, 17])),
        ("event", Column::int(vec![1, 1, 1, 1, 1, 1, 1, 0, 0, 0])),
        ("x", Column::int(vec![1, 0, 0, 1, 0, 1, 1, 1, 0, 0])),
    ])
    .unwrap();
    let model = || Cox::new("time ~ x", "event").unwrap();
    // Breslow: exp(beta) solves a quadratic; beta = log((3 + sqrt(33)) / 2).
    let found = model().ties(Ties::Breslow).fit(&one).unwrap();
    let root = f64::midpoint(3.0, 33.0_f64.sqrt()).ln();
    close("breslow", found.fit().coef(), &[root], 1e-10);
    close("efron", model().fit(&one).unwrap().fit().coef(), &[1.676_857_485_598_2], 1e-10);
    let late = model().entry("start");
    let found = late.clone().ties(Ties::Breslow).fit(&two).unwrap();
    close("breslow, entry", found.fit().coef(), &[-0.084_526_080_661_309_2], 1e-9);
    close("efron, entry", late.fit(&two).unwrap().fit().coef(), &[-0.021_105_209_632_544_7], 1e-9);
}

#[test]
fn cox_curves_without_an_effect_are_nelson_aalen() {
    // With Breslow's ties, at beta = 0 the baseline is the Nelson-Aalen estimator.
    let data = table(&oracle());
    let found = Cox::new("quarters ~ x1", "event").unwrap().ties(Ties::Breslow).fit(&data).unwrap();
    let at_mean = found.curves(&Table::default(), 0.05).unwrap();
    let curve = &SurvivalCurves::new("quarters", "event").fit(&data).unwrap().curves()[0].clone();
    let (h, na) = (column(&at_mean, "cumulative_hazard"), &curve.hazard);
    assert!((h[0] / na[0] - 1.0).abs() < 0.1, "{} {}", h[0], na[0]);
    close("at risk", &column(&at_mean, "n_risk")[..8], &curve.at_risk[..8], 0.0);
    let profiles = Table::new([("x1", Column::float(vec![0.0, 1.0]))]).unwrap();
    let both = found.curves(&profiles, 0.05).unwrap();
    let h = column(&both, "cumulative_hazard");
    let m = h.len() / 2;
    for at in 0..m {
        assert!((h[m + at] / h[at] - found.fit().coef()[0].exp()).abs() < 1e-12);
    }
    assert!(found.curves(&Table::new([("z", Column::int(vec![1]))]).unwrap(), 0.05).is_err());
}

#[test]
fn cox_without_an_answer_says_so() {
    let data = Table::new([
        ("t", Column::int(vec![1, 2, 3, 4])),
        ("e", Column::int(vec![1, 1, 1, 1])),
        ("x", Column::int(vec![4, 3, 2, 1])),
        ("c", Column::int(vec![1, 1, 1, 1])),
        ("late", Column::int(vec![1, 2, 3, 4])),
        ("two", Column::int(vec![0, 2, 1, 1])),
    ])
    .unwrap();
    let fit = |fml: &str, event: &str| Cox::new(fml, event).unwrap().fit(&data);
    assert!(matches!(fit("t ~ x", "e"), Err(EvaluateError::Separated { .. })));
    assert!(matches!(fit("t ~ c", "e"), Err(EvaluateError::NothingEstimable { .. })));
    assert!(matches!(fit("t ~ x", "two"), Err(EvaluateError::NotBinary { row: 1, .. })));
    let late = Cox::new("t ~ x", "e").unwrap().entry("late").fit(&data);
    assert!(late.is_err(), "{late:?}");
    assert!(Cox::new("t ~ x + ", "e").is_err());
}
