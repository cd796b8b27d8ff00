//! Estimates after an uncertain linkage: against the formulas with E made, closed forms, and
//! invented files whose truth is known.

use kruispunt::data::{Column, Seed, Table};
use kruispunt::estimate::{
    AfterLinkage, EstimateError, Family, FeOls, LinkRate, LinkWeighting, LinkedVariance,
    MismatchMixture, Rate, WrongLinks,
};
use serde_json::Value;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/linked/expected.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|own| own.as_f64().unwrap()).collect()
}

fn near(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what} {at}: {a} {b}");
    }
}

const FAMILIES: [(&str, Family); 3] =
    [("gaussian", Family::Gaussian), ("logit", Family::Logit), ("poisson", Family::Poisson)];
const WEIGHTINGS: [(&str, LinkWeighting); 3] = [
    ("ratio", LinkWeighting::Ratio),
    ("lahiri-larsen", LinkWeighting::LahiriLarsen),
    ("blue", LinkWeighting::Best),
];

fn linked(oracle: &Value, family: &str) -> Table {
    let block: Vec<i64> =
        oracle["block"].as_array().unwrap().iter().map(|own| own.as_i64().unwrap()).collect();
    Table::new([
        ("y", Column::float(floats(&oracle["outcomes"][family]))),
        ("age", Column::float(floats(&oracle["age"]))),
        ("migrant", Column::float(floats(&oracle["migrant"]))),
        ("block", Column::int(block)),
    ])
    .unwrap()
}

fn rates(oracle: &Value, audited: bool) -> LinkRate {
    let audits = floats(&oracle["audit"]);
    let rate = |(at, correct): (usize, f64)| {
        let audited = audited.then_some(audits[at] as u64);
        (at.to_string(), Rate { correct, audited })
    };
    let all = floats(&oracle["rates"]).into_iter().enumerate().map(rate).collect();
    LinkRate::By("block".to_owned(), all)
}

fn within() -> WrongLinks {
    WrongLinks::Within(vec!["block".to_owned()])
}

#[test]
fn every_family_and_weighting_equals_the_formulas_with_the_matrix_made() {
    let oracle = oracle();
    for (name, family) in FAMILIES {
        let table = linked(&oracle, name);
        for (kind, weighting) in WEIGHTINGS {
            let expected = &oracle["found"][name][kind];
            let fit = |audited: bool, variance: LinkedVariance| {
                let model =
                    AfterLinkage::new("y ~ age + migrant", rates(&oracle, audited), within());
                let model = model.unwrap().family(family).weighting(weighting).variance(variance);
                model.fit(&table).unwrap()
            };
            let what = format!("{name} {kind}");
            let plain = fit(false, LinkedVariance::Model);
            near(plain.fit().coef(), &floats(&expected["coef"]), 1e-9, &what);
            near(plain.naive().coef(), &floats(&oracle["plain"][name]), 1e-7, &what);
            near(plain.fit().vcov_matrix(), &floats(&expected["model"]), 1e-9, &what);
            let audited = fit(true, LinkedVariance::Model);
            near(audited.fit().vcov_matrix(), &floats(&expected["audit"]), 1e-9, &what);
            let robust = fit(false, LinkedVariance::Robust);
            near(robust.fit().vcov_matrix(), &floats(&expected["robust"]), 1e-9, &what);
        }
    }
}

#[test]
fn without_wrong_links_it_is_the_plain_regression() {
    let oracle = oracle();
    let table = linked(&oracle, "gaussian");
    let sure = LinkRate::Same(Rate::known(1.0));
    let found = AfterLinkage::new("y ~ age + migrant", sure, WrongLinks::Everybody).unwrap();
    let found = found.fit(&table).unwrap();
    let plain = FeOls::new("y ~ age + migrant").unwrap().fit(&table).unwrap();
    near(found.fit().coef(), plain.coef(), 1e-10, "coefficients");
    near(found.naive().coef(), plain.coef(), 1e-10, "naive");
}

#[derive(Clone, Copy)]
enum Whose {
    Neighbour,
    Anybody,
}

/// People of two groups in towns; the outcome of some is that of somebody else.
fn towns(seed: u64, n: usize, rate: [f64; 2], whose: Whose) -> Table {
    let seed = Seed::new(seed);
    let unit = |row: usize, what: u64| seed.uniform([row as u64, what, 0]);
    let normal = |row: usize, what: u64| {
        let (u, v) = (unit(row, what), unit(row, what + 1));
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut group = Vec::new();
    let mut town = Vec::new();
    let mut age = Vec::new();
    let mut wage = Vec::new();
    for row in 0..n {
        let own = usize::from(unit(row, 0) < 0.4);
        let at = row % 20;
        let years = normal(row, 1) + 0.5 * own as f64;
        group.push(if own == 1 { "migrant" } else { "BE" });
        town.push(at as i64);
        age.push(years);
        wage.push(100.0 - 12.0 * own as f64 + 5.0 * years + 2.0 * at as f64 + 3.0 * normal(row, 3));
    }
    let truth = wage.clone();
    for row in 0..n {
        let right = rate[usize::from(group[row] == "migrant")];
        if unit(row, 5) >= right {
            let others = n / 20;
            let other = (unit(row, 6) * (others - 1) as f64) as usize;
            let place = (row / 20 + 1 + other) % others;
            wage[row] = truth[match whose {
                Whose::Neighbour => row % 20 + 20 * place,
                Whose::Anybody => (unit(row, 6) * n as f64) as usize,
            }];
        }
    }
    Table::new([
        ("wage", Column::float(wage)),
        ("age", Column::float(age)),
        ("group", Column::text(group.into_iter().map(Some))),
        ("town", Column::int(town)),
    ])
    .unwrap()
}

fn by_group() -> LinkRate {
    let rates = [("BE", 0.98), ("migrant", 0.85)];
    let all = rates.iter().map(|(label, rate)| ((*label).to_owned(), Rate::known(*rate)));
    LinkRate::By("group".to_owned(), all.collect())
}

#[test]
fn a_gap_between_groups_comes_back_where_the_naive_one_does_not() {
    let table = towns(1, 20_000, [0.98, 0.85], Whose::Neighbour);
    let pool = WrongLinks::Within(vec!["town".to_owned()]);
    let model = AfterLinkage::new("wage ~ i(group) + age | town", by_group(), pool).unwrap();
    let found = model.variance(LinkedVariance::Robust).fit(&table).unwrap();
    let at = found.fit().names().iter().position(|own| own.contains("migrant")).unwrap();
    let (gap, error) = (found.fit().coef()[at], found.fit().std_errors()[at]);
    assert!((gap + 12.0).abs() < 3.0 * error, "{gap} {error}");
    assert!(error < 0.2, "{error}");
    assert!((found.naive().coef()[at] + 12.0).abs() > 0.8, "{}", found.naive().coef()[at]);
    assert!(found.cautions().iter().any(|own| own.code == "differential_linkage"));
}

#[test]
fn what_has_no_answer_is_refused_by_name() {
    let table = towns(2, 400, [0.98, 0.85], Whose::Neighbour);
    let bad = |formula: &str, rate: LinkRate, wrong: WrongLinks| {
        AfterLinkage::new(formula, rate, wrong)
            .and_then(|model| model.variance(LinkedVariance::Robust).fit(&table).map(|_| ()))
    };
    for rate in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        let own = bad("wage ~ age", LinkRate::Same(Rate::known(rate)), WrongLinks::Everybody);
        assert!(matches!(own, Err(EstimateError::BadArgument { argument: "rate", .. })), "{rate}");
    }
    let some = LinkRate::By("group".to_owned(), vec![("BE".to_owned(), Rate::known(0.9))]);
    let own = bad("wage ~ age", some, WrongLinks::Everybody).unwrap_err();
    assert!(own.to_string().contains("row") && !own.to_string().contains("migrant"), "{own}");
    // wrong links from anywhere do not leave a town's effect a town's effect
    let own = bad("wage ~ age | town", by_group(), WrongLinks::Everybody);
    assert!(matches!(own, Err(EstimateError::EffectsNotKept { .. })));
    let nobody = WrongLinks::Within(vec!["nowhere".to_owned()]);
    assert!(bad("wage ~ age", by_group(), nobody).is_err());
}

#[test]
fn a_mixture_finds_the_coefficients_and_the_rows_that_look_wrong() {
    let table = towns(3, 8_000, [0.9, 0.9], Whose::Anybody);
    let found = MismatchMixture::new("wage ~ i(group) + age + i(town)").unwrap();
    let found = found.fit(&table).unwrap();
    let at = |name: &str| found.fit().names().iter().position(|own| own.contains(name)).unwrap();
    for (name, truth) in [("migrant", -12.0), ("age", 5.0)] {
        let (own, error) = (found.fit().coef()[at(name)], found.fit().std_errors()[at(name)]);
        assert!((own - truth).abs() < 3.0 * error, "{name}: {own} {error}");
        let naive = found.naive().coef()[at(name)];
        assert!((own - truth).abs() < 0.5 * (naive - truth).abs(), "{name}: {own} {naive}");
    }
    // wrong links sometimes hit an outcome much like the own one
    assert!((found.mean_mismatch() - 0.1).abs() < 0.04, "{}", found.mean_mismatch());
    let held = MismatchMixture::new("wage ~ i(group) + age + i(town)").unwrap();
    let held = held.max_mismatch(0.02).fit(&table).unwrap();
    assert!(held.mean_mismatch() <= 0.02 + 1e-9);
    assert!(held.cautions().iter().any(|own| own.code == "mismatch_at_bound"));
}

#[test]
fn safe_rows_all_make_the_mixture_the_plain_regression() {
    let mut table = towns(4, 1_000, [1.0, 1.0], Whose::Anybody);
    table.push("sure", Column::bool(vec![true; 1_000])).unwrap();
    let found = MismatchMixture::new("wage ~ age").unwrap().safe("sure").fit(&table).unwrap();
    let plain = FeOls::new("wage ~ age").unwrap().fit(&table).unwrap();
    near(found.fit().coef(), plain.coef(), 1e-9, "coefficients");
    assert!(found.mean_mismatch().abs() < 1e-12);
}
