//! Treatments that switch against the authors' port, and by hand.

use kruispunt::data::{Column, Effects, Panel, Phase, Status, Table, Unit};
use kruispunt::evaluate::{Scale, Switching};
use serde_json::Value;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/switching/expected.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn ints(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

fn doses() -> Panel {
    let data = &oracle()["data"];
    let table = Table::new([
        ("unit", Column::int(ints(&data["unit"]))),
        ("year", Column::int(ints(&data["year"]))),
        ("dose", Column::int(ints(&data["dose"]))),
        ("town", Column::int(ints(&data["town"]))),
        ("y", Column::float(floats(&data["y"]))),
    ])
    .unwrap();
    Panel::from_table(&table, "unit", "year", Unit::Year).unwrap()
}

/// As the port orders them: effects, their mean, placebos from the nearest.
fn ordered(effects: &Effects) -> (Vec<f64>, Vec<f64>) {
    let errors = effects.std_errors();
    let rows: Vec<(f64, f64, &kruispunt::data::Effect)> =
        effects.rows().iter().zip(&errors).map(|(row, se)| (row.estimate, *se, row)).collect();
    let after = rows.iter().filter(|own| own.2.phase == Phase::After);
    let overall = rows.iter().filter(|own| own.2.phase == Phase::Overall);
    let before = |own: &&&(f64, f64, &kruispunt::data::Effect)| {
        own.2.phase == Phase::Before && own.2.status != Status::Reference
    };
    let mut placebos: Vec<_> = rows.iter().collect::<Vec<_>>();
    placebos.retain(|own| before(&own));
    placebos.reverse();
    after.chain(overall).chain(placebos).map(|own| (own.0, own.1)).unzip()
}

#[test]
fn doses_equal_the_authors_port() {
    let panel = doses();
    let oracle = oracle();
    let what = || Switching::new("y", "dose").effects(4).placebos(2);
    for (name, switching) in [
        ("doses", what()),
        ("doses_normalized", what().scale(Scale::Dose)),
        ("doses_town", what().cluster("town")),
    ] {
        let (estimates, errors) = ordered(&switching.fit(&panel).unwrap());
        let expected = &oracle[name];
        for (own, peer) in estimates.iter().zip(floats(&expected["estimate"])) {
            assert!((own - peer).abs() < 1e-10, "{name} {estimates:?} {expected}");
        }
        for (own, peer) in errors.iter().zip(floats(&expected["se"])) {
            assert!((own - peer).abs() < 1e-10, "{name} {errors:?} {expected}");
        }
    }
}

fn small(doses: &[[Option<f64>; 4]], y: &[[f64; 4]]) -> Panel {
    let (mut person, mut year, mut dose, mut wage) = (vec![], vec![], vec![], vec![]);
    for (at, (doses, y)) in doses.iter().zip(y).enumerate() {
        for t in 0..4 {
            person.push(at as i64);
            year.push(2011 + t as i64);
            dose.push(doses[t]);
            wage.push(y[t]);
        }
    }
    let table = Table::new([
        ("person", Column::int(person)),
        ("year", Column::int(year)),
        ("dose", Column::floats(&dose)),
        ("wage", Column::float(wage)),
    ])
    .unwrap();
    Panel::from_table(&table, "person", "year", Unit::Year).unwrap()
}

/// One rises and falls back below its first dose, one falls, two stay.
#[test]
fn crossing_and_gaps_are_left_out_and_counted() {
    let at = |values: [f64; 4]| values.map(Some);
    let mut gap = at([1.0, 1.0, 2.0, 2.0]);
    gap[1] = None;
    let panel = small(
        &[at([1.0, 2.0, 2.0, 0.0]), at([1.0, 1.0, 0.0, 0.0]), at([1.0; 4]), at([1.0; 4]), gap],
        &[
            [1.0, 4.0, 5.0, 9.0],
            [2.0, 2.0, 1.0, 0.0],
            [0.0, 1.0, 1.0, 2.0],
            [5.0, 6.0, 6.0, 7.0],
            [0.0; 4],
        ],
    );
    let effects = Switching::new("wage", "dose").effects(2).placebos(1).fit(&panel).unwrap();
    let estimate =
        |event: i32| effects.rows().iter().find(|row| row.event == Some(event)).unwrap().estimate;
    // first: 3 against the mean change of the two stayers and of the one that falls later (1, 1, 0)
    let first = 3.0 - 2.0 / 3.0;
    // second: -1 against 0, with the sign of a fall
    assert!((estimate(0) - f64::midpoint(first, 1.0)).abs() < 1e-12, "{}", estimate(0));
    // two periods: 4 against 1; the fall: -2 against 1, so +3
    assert!((estimate(1) - 3.0).abs() < 1e-12, "{}", estimate(1));
    let step = effects.account().last().unwrap();
    assert!(step.adds_up(), "{step:?}");
    let reasons: Vec<&str> = step.excluded.iter().map(|own| own.reason.as_str()).collect();
    assert!(reasons.iter().any(|own| own.contains("gap")), "{reasons:?}");
    assert!(reasons.iter().any(|own| own.contains("above and below")), "{reasons:?}");
    assert!(effects.cautions().iter().any(|own| own.code == "few_clusters"));
}

#[test]
fn what_gives_no_answer_is_refused() {
    let panel = doses();
    let none = Switching::new("y", "dose").effects(0).fit(&panel).unwrap_err();
    assert!(none.to_string().contains("at least one period"));
    let flat = small(&[[Some(1.0); 4]; 3], &[[1.0; 4]; 3]);
    let text = Switching::new("wage", "dose").fit(&flat).unwrap_err().to_string();
    assert!(text.contains("no unit's treatment changes"), "{text}");
    let mut alone = [[Some(1.0); 4]; 2];
    alone[1] = [0.0, 3.0, 3.0, 3.0].map(Some);
    let alone = small(&alone, &[[1.0; 4]; 2]);
    let text = Switching::new("wage", "dose").fit(&alone).unwrap_err().to_string();
    assert!(text.contains("same first treatment"), "{text}");
    assert!(Switching::new("y", "cure").fit(&panel).unwrap_err().is_input());
    let nan = small(&[[Some(f64::NAN), Some(1.0), Some(1.0), Some(0.0)]; 2], &[[1.0; 4]; 2]);
    assert!(Switching::new("wage", "dose").fit(&nan).unwrap_err().is_input());
}
