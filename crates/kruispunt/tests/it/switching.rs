//! Treatments that switch against the authors' port, and by hand.

use kruispunt::data::{Column, Effect, Effects, Panel, Phase, Status, Table, Unit};
use kruispunt::evaluate::{Did, First, Method, Over, Scale, Switchers, Switching};
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

/// The panel of doses; `lost` rows are left out, or lack a value in one column.
fn panel(lost: Option<&str>) -> Panel {
    let oracle = oracle();
    let data = &oracle["data"];
    let missing = ints(&oracle["missing"]);
    let gone = |row: usize, name: &str| lost == Some(name) && missing.contains(&(row as i64));
    let town = ints(&data["town"]);
    let rows: Vec<usize> = (0..town.len()).filter(|&row| !gone(row, "row")).collect();
    let whole = |all: Vec<i64>| Column::int(rows.iter().map(|&row| all[row]).collect::<Vec<_>>());
    let doses = ints(&data["dose"]);
    let y = floats(&data["y"]);
    let dose = |&row: &usize| (!gone(row, "dose")).then_some(doses[row] as f64);
    let wage = |&row: &usize| (!gone(row, "y")).then_some(y[row]);
    let table = Table::new([
        ("unit", whole(ints(&data["unit"]))),
        ("year", whole(ints(&data["year"]))),
        ("dose", Column::floats(&rows.iter().map(dose).collect::<Vec<_>>())),
        ("town", whole(town.clone())),
        ("weight", whole(town.iter().map(|own| own + 1).collect())),
        ("y", Column::floats(&rows.iter().map(wage).collect::<Vec<_>>())),
    ])
    .unwrap();
    Panel::from_table(&table, "unit", "year", Unit::Year).unwrap()
}

fn doses() -> Panel {
    panel(None)
}

/// As the port orders them: effects, their mean, placebos from the nearest.
fn ordered(effects: &Effects) -> (Vec<f64>, Vec<f64>) {
    let errors = effects.std_errors();
    let rows: Vec<(f64, f64, &Effect)> =
        effects.rows().iter().zip(&errors).map(|(row, se)| (row.estimate, *se, row)).collect();
    let after = rows.iter().filter(|own| own.2.phase == Phase::After);
    let overall = rows.iter().filter(|own| own.2.phase == Phase::Overall);
    let before = |own: &&&(f64, f64, &Effect)| {
        own.2.phase == Phase::Before && own.2.status != Status::Reference
    };
    let mut placebos: Vec<_> = rows.iter().collect::<Vec<_>>();
    placebos.retain(|own| before(&own));
    placebos.reverse();
    after.chain(overall).chain(placebos).map(|own| (own.0, own.1)).unzip()
}

fn equal(name: &str, effects: &Effects, oracle: &Value) {
    let (estimates, errors) = ordered(effects);
    let expected = &oracle[name];
    let peers = floats(&expected["estimate"]);
    assert_eq!(estimates.len(), peers.len(), "{name}");
    for (own, peer) in estimates.iter().zip(peers) {
        assert!((own - peer).abs() < 1e-10, "{name} {estimates:?} {expected}");
    }
    for (own, peer) in errors.iter().zip(floats(&expected["se"])) {
        assert!((own - peer).abs() < 1e-10, "{name} {errors:?} {expected}");
    }
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
        ("doses_in", what().switchers(Switchers::In)),
        ("doses_out", what().switchers(Switchers::Out)),
        ("doses_same", what().over(Over::Same)),
        ("doses_within", what().within("town")),
        ("doses_weights", what().weights("weight")),
    ] {
        equal(name, &switching.fit(&panel).unwrap(), &oracle);
    }
}

/// Trends by first dose: the port's effects; its errors take the trends as known.
#[test]
fn trends_by_first_dose_equal_the_authors_port() {
    let (panel, oracle) = (doses(), oracle());
    for (name, degree) in [("doses_trend", 1), ("doses_trend_2", 2)] {
        let what = Switching::new("y", "dose").effects(4).placebos(2);
        let effects = what.first(First::Polynomial(degree)).fit(&panel).unwrap();
        for (own, peer) in ordered(&effects).0.iter().zip(floats(&oracle[name]["estimate"])) {
            assert!((own - peer).abs() < 1e-10, "{name} {own} {peer}");
        }
        assert!(effects.comparison().contains("trend by first treatment"));
    }
    for degree in [0, 6] {
        let what = Switching::new("y", "dose").first(First::Polynomial(degree));
        assert!(what.fit(&panel).unwrap_err().is_input());
    }
}

/// First doses of which no two are equal, trends that differ by them, no effect.
fn drifting(without: Option<usize>) -> Panel {
    let mut state = 7_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut unit, mut year, mut dose, mut y) = (vec![], vec![], vec![], vec![]);
    for own in 0..240 {
        let first = draw();
        let change = if draw() < 0.6 { 2 + (4.0 * draw()) as i64 } else { 99 };
        for t in 0..6 {
            let noise: f64 = (0..4).map(|_| draw() - 0.5).sum();
            if without != Some(own) {
                unit.push(own as i64);
                year.push(2011 + t);
                dose.push(if t >= change { first + 1.0 } else { first });
                y.push(first * (t * t) as f64 + noise);
            }
        }
    }
    let table = Table::new([
        ("unit", Column::int(unit)),
        ("year", Column::int(year)),
        ("dose", Column::float(dose)),
        ("y", Column::float(y)),
    ])
    .unwrap();
    Panel::from_table(&table, "unit", "year", Unit::Year).unwrap()
}

#[test]
fn errors_carry_that_trends_are_estimated() {
    let fit = |without| {
        let what = Switching::new("y", "dose").effects(3).placebos(1);
        what.first(First::Polynomial(1)).fit(&drifting(without)).unwrap()
    };
    let alike = Switching::new("y", "dose").fit(&drifting(None)).unwrap_err();
    assert!(alike.to_string().contains("same first treatment"), "{alike}");
    let whole = fit(None);
    assert!(whole.cautions().iter().any(|own| own.code == "changes_alone"));
    let left: Vec<Vec<f64>> = (0..240).map(|unit| fit(Some(unit)).estimates()).collect();
    for (at, se) in whole.std_errors().iter().enumerate() {
        let mean = left.iter().map(|own| own[at]).sum::<f64>() / 240.0;
        let squares: f64 = left.iter().map(|own| (own[at] - mean).powi(2)).sum();
        let jackknife = (squares * 239.0 / 240.0).sqrt();
        assert!((se - jackknife).abs() <= 0.04 * jackknife, "{at}: {se} {jackknife}");
        assert!(whole.estimates()[at].abs() < 3.5 * se + 1e-12, "{at}");
    }
}

/// Rows, outcomes and doses that are missing mean what they mean to the authors.
#[test]
fn gaps_equal_the_authors_port() {
    let oracle = oracle();
    let what = || Switching::new("y", "dose").effects(4).placebos(2);
    for (name, lost, scale) in [
        ("no_outcome", "y", Scale::Exposure),
        ("no_dose", "dose", Scale::Exposure),
        ("no_dose_normalized", "dose", Scale::Dose),
        ("no_row", "row", Scale::Exposure),
    ] {
        let effects = what().scale(scale).fit(&panel(Some(lost))).unwrap();
        assert!(effects.account().last().unwrap().adds_up());
        equal(name, &effects, &oracle);
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

/// A treatment that stays once begun has the event study of Callaway & Sant'Anna against units not
/// yet treated, also with weights and gaps in what is seen.
#[test]
fn a_treatment_that_stays_has_the_event_study_of_cohorts() {
    let oracle = oracle();
    let data = &oracle["data"];
    let (unit, year) = (ints(&data["unit"]), ints(&data["year"]));
    let start = |unit: i64| [2004, 2006, 0, 2007, 0, 2001][(unit % 6) as usize];
    let here: Vec<usize> = (0..unit.len()).filter(|row| row % 17 != 3).collect();
    let whole =
        |f: &dyn Fn(usize) -> i64| Column::int(here.iter().map(|&r| f(r)).collect::<Vec<_>>());
    let y = floats(&data["y"]);
    let table = Table::new([
        ("unit", whole(&|row| unit[row])),
        ("year", whole(&|row| year[row])),
        ("first", whole(&|row| start(unit[row]))),
        ("weight", whole(&|row| 1 + unit[row] % 4)),
        ("y", Column::float(here.iter().map(|&row| y[row]).collect::<Vec<_>>())),
    ])
    .unwrap();
    let panel = Panel::from_table(&table, "unit", "year", Unit::Year).unwrap();
    let own = Switching::staying("y", "first").effects(2).placebos(0).weights("weight");
    let own = own.fit(&panel).unwrap();
    let cells = Did::new("y", "first").method(Method::CallawaySantAnna).weights("weight");
    let cells = cells.fit(&panel).unwrap();
    for event in 0..2 {
        let find = |all: &Effects| all.rows().iter().find(|row| row.event == Some(event)).cloned();
        // each cell weighs what its treated units weigh, those seen in both periods
        let (mut sum, mut weight) = (0.0, 0.0);
        let now = |row: &&Effect| row.event == Some(event) && !row.estimate.is_nan();
        for cell in cells.rows().iter().filter(now) {
            let first = 2001 + i64::from(cell.cohort.unwrap() - panel.calendar().period(0).number);
            let seen = |unit_: i64, year_: i64| {
                here.iter().any(|&row| unit[row] == unit_ && year[row] == year_)
            };
            let mass: f64 = (0..150)
                .filter(|&unit| start(unit) == first)
                .filter(|&unit| seen(unit, first - 1) && seen(unit, first + i64::from(event)))
                .map(|unit| (1 + unit % 4) as f64)
                .sum();
            sum += mass * cell.estimate;
            weight += mass;
        }
        let effect = find(&own).unwrap();
        assert!((effect.estimate - sum / weight).abs() < 1e-12, "{event}");
        assert_eq!(effect.status, Status::Estimated);
    }
    let off = Switching::staying("y", "dose").fit(&doses()).unwrap_err();
    assert!(off.is_input(), "{off}");
}

/// One changing unit has an effect and no standard error; where nobody is seen, the row says so.
#[test]
fn rows_without_an_answer_say_why() {
    let at = |values: [f64; 4]| values.map(Some);
    let panel = small(
        &[at([0.0, 0.0, 1.0, 1.0]), at([0.0; 4]), at([0.0; 4])],
        &[[1.0, 1.0, 4.0, 5.0], [0.0, 1.0, 2.0, 2.0], [3.0, 3.0, 3.0, 4.0]],
    );
    let effects = Switching::new("wage", "dose").effects(4).placebos(2).fit(&panel).unwrap();
    let row = |event: i32| effects.rows().iter().find(|row| row.event == Some(event)).unwrap();
    assert!((row(0).estimate - 2.5).abs() < 1e-12);
    assert!(matches!(&row(0).status, Status::NoError(why) if why.contains("one changing unit")));
    for event in [-3, 2, 3] {
        let why = row(event).status.reason().unwrap();
        assert!(why.contains("no changing unit is seen"), "{why}");
        assert!(row(event).estimate.is_nan());
    }
    assert!(effects.cautions().iter().any(|own| own.code == "cohort_of_one"));
    let falls = Switching::new("wage", "dose").switchers(Switchers::Out).fit(&panel).unwrap_err();
    assert!(falls.to_string().contains("first falls"), "{falls}");
    let codes = effects.vcov();
    assert!(codes.iter().any(|value| value.is_nan()));
}
