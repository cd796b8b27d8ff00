//! The wild cluster bootstrap against samples that are drawn and estimated one by one.

use kruispunt::data::{Column, Table, Ticket};
use kruispunt::estimate::{
    EstimateError, FeOls, Jackknifed, Null, Vcov, WildBootstrap, WildWeights,
};

const REGIONS: i64 = 7;

struct Data {
    region: Vec<i64>,
    person: Vec<i64>,
    quarter: Vec<i64>,
    hours: Vec<f64>,
    age: Vec<f64>,
    weight: Vec<f64>,
    wage: Vec<f64>,
}

fn data() -> Data {
    let n = 150_i64;
    let noise = |row: i64, a: i64| ((row * row * a + 17 * row) % 101) as f64 / 50.0 - 1.0;
    let region: Vec<i64> = (0..n).map(|row| (row * 5 + row / 9) % REGIONS).collect();
    let person = (0..n).map(|row| region[row as usize] * 4 + row % 4).collect();
    let quarter = (0..n).map(|row| row % 5).collect();
    let hours: Vec<f64> = (0..n).map(|row| noise(row, 7) + noise(row, 3) * 0.5).collect();
    let age: Vec<f64> = (0..n).map(|row| noise(row, 11)).collect();
    let weight = (0..n).map(|row| 1.0 + (row % 3) as f64).collect();
    let wage = (0..n as usize)
        .map(|row| {
            let shock = noise(region[row] * 13, 5);
            0.3 * hours[row] - 0.2 * age[row] + shock * hours[row] + noise(row as i64, 23)
        })
        .collect();
    Data { region, person, quarter, hours, age, weight, wage }
}

impl Data {
    fn table(&self, wage: &[f64]) -> Table {
        Table::new([
            ("region", Column::int(self.region.clone())),
            ("person", Column::int(self.person.clone())),
            ("quarter", Column::int(self.quarter.clone())),
            ("hours", Column::float(self.hours.clone())),
            ("age", Column::float(self.age.clone())),
            ("weight", Column::float(self.weight.clone())),
            ("wage", Column::float(wage.to_vec())),
        ])
        .unwrap()
    }
}

/// t statistics of all sign patterns, each sample estimated from its data.
fn one_by_one(data: &Data, effects: &str, weights: bool, at: Option<f64>) -> Vec<f64> {
    let model = |formula: &str| {
        let model = FeOls::new(formula).unwrap().vcov(Vcov::cluster("region"));
        if weights { model.weights("weight") } else { model }
    };
    let full = format!("wage ~ hours + age | {effects}");
    let estimate = model(&full).fit(&data.table(&data.wage)).unwrap().coef()[0];
    let (base, resid) = if let Some(q) = at {
        let moved: Vec<f64> =
            data.wage.iter().zip(&data.hours).map(|(wage, hours)| wage - q * hours).collect();
        let small = format!("wage ~ age | {effects}");
        let fit = model(&small).fit(&data.table(&moved)).unwrap();
        (q, fit.resid().unwrap())
    } else {
        (estimate, model(&full).fit(&data.table(&data.wage)).unwrap().resid().unwrap())
    };
    (0..1 << REGIONS)
        .map(|draw| {
            let wage: Vec<f64> = (0..resid.len())
                .map(|row| {
                    let sign = if draw >> data.region[row] & 1 == 1 { -1.0 } else { 1.0 };
                    data.wage[row] - resid[row] + sign * resid[row]
                })
                .collect();
            let fit = model(&full).fit(&data.table(&wage)).unwrap();
            (fit.coef()[0] - base) / fit.std_errors()[0]
        })
        .collect()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn equals_samples_estimated_one_by_one() {
    let data = data();
    let table = data.table(&data.wage);
    let cases =
        [("person", false), ("person", true), ("quarter", false), ("person + quarter", true)];
    for (effects, weights) in cases {
        for (null, q) in [(Null::Imposed, 0.0), (Null::Imposed, 0.25), (Null::NotImposed, 0.0)] {
            let model = FeOls::new(&format!("wage ~ hours + age | {effects}")).unwrap();
            let model = if weights { model.weights("weight") } else { model };
            let fit = model.vcov(Vcov::cluster("region")).fit(&table).unwrap();
            let test = WildBootstrap::new("region").draws(200).null(null).at(q);
            let found = test.coefficient(&fit, "hours", &table, &Ticket::new()).unwrap();
            assert!(found.enumerated && found.draws.len() == 128);
            let expected = (found.estimate - q) / fit.std_errors()[0];
            assert!((found.t - expected).abs() < 1e-8 * expected.abs().max(1.0));
            let twin = one_by_one(&data, effects, weights, (null == Null::Imposed).then_some(q));
            for (own, twin) in sorted(found.draws).into_iter().zip(sorted(twin)) {
                assert!((own - twin).abs() < 1e-5 * twin.abs().max(1.0), "{effects}: {own} {twin}");
            }
        }
    }
}

#[test]
fn the_confidence_set_ends_where_p_crosses_alpha() {
    let data = data();
    let table = data.table(&data.wage);
    let fit = FeOls::new("wage ~ hours + age | person").unwrap().fit(&table).unwrap();
    for jackknifed in [Jackknifed::None, Jackknifed::Scores, Jackknifed::Variance, Jackknifed::Both]
    {
        for weights in [WildWeights::Webb, WildWeights::Mammen, WildWeights::Normal] {
            let test = WildBootstrap::new("region")
                .draws(1999)
                .seed(3)
                .weights(weights)
                .jackknifed(jackknifed)
                .alpha(0.1);
            let run = |q: f64| {
                test.clone().at(q).coefficient(&fit, "hours", &table, &Ticket::new()).unwrap()
            };
            let (low, high) = run(0.0).conf_int;
            assert!(low < fit.coef()[0] && fit.coef()[0] < high);
            for (bound, out) in [(low, -1e-4), (high, 1e-4)] {
                if bound.is_finite() {
                    assert!(run(bound + out).p_value <= 0.1, "{jackknifed:?} {weights:?}");
                    assert!(run(bound - out).p_value >= 0.1 - 1e-9, "{jackknifed:?} {weights:?}");
                }
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let data = data();
    let table = data.table(&data.wage);
    let fit = FeOls::new("wage ~ hours + age | quarter").unwrap().fit(&table).unwrap();
    let run =
        |test: WildBootstrap, name: &str| test.coefficient(&fit, name, &table, &Ticket::new());
    let region = || WildBootstrap::new("region");
    assert!(matches!(run(region(), "hour"), Err(EstimateError::NoSuchCoefficient { .. })));
    assert!(matches!(run(WildBootstrap::new("town"), "hours"), Err(EstimateError::Data(_))));
    let wrong = [region().draws(0), region().alpha(1.0), region().at(f64::NAN)];
    for test in wrong.into_iter().chain([region().jackknifed(Jackknifed::Both)]) {
        assert!(matches!(run(test, "hours"), Err(EstimateError::BadArgument { .. })));
    }
    let cancelled = Ticket::new();
    cancelled.cancel();
    let found = region().coefficient(&fit, "hours", &table, &cancelled);
    assert_eq!(found.unwrap_err(), EstimateError::Cancelled);
}
