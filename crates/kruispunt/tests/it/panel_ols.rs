//! Instruments, random effects and marginal effects against linearmodels and statsmodels.

use kruispunt::data::{Column, Fit, Table, Ticket};
use kruispunt::estimate::{
    ConditionalLogit, EstimateError, Family, FeGlm, FeOls, Instrumental, PanelModel, PanelOls,
    Scale, VarianceComponents, Vcov, hausman,
};
use serde_json::Value;

/// `tests/oracles/panels/make.py` writes the expectations.
fn oracle() -> (Value, Table) {
    let all: Value = serde_json::from_str(include_str!("../oracles/panels/expected.json")).unwrap();
    let column = |values: &Value| {
        let values = values.as_array().unwrap();
        if values.iter().all(Value::is_i64) {
            Column::int(values.iter().map(|v| v.as_i64().unwrap()).collect())
        } else {
            Column::float(values.iter().map(|v| v.as_f64().unwrap()).collect())
        }
    };
    let data = all["data"].as_object().unwrap();
    let table = Table::new(data.iter().map(|(name, own)| (name.as_str(), column(own)))).unwrap();
    (all, table)
}

fn vcov(kind: &Value) -> Vcov {
    match kind.as_str().unwrap() {
        "iid" => Vcov::Iid,
        "HC1" => Vcov::Hc1,
        cluster => Vcov::cluster(cluster),
    }
}

fn near(got: f64, expected: &Value, rel: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() <= rel * expected.abs(), "{got:e} is not {expected:e}");
}

fn equal(fit: &Fit, expected: &Value) {
    for (at, name) in expected["names"].as_array().unwrap().iter().enumerate() {
        let own = fit.names().iter().position(|own| own == name.as_str().unwrap()).unwrap();
        near(fit.coef()[own], &expected["coef"][at], 1e-8);
        near(fit.std_errors()[own], &expected["se"][at], 1e-6);
    }
}

#[test]
fn instruments_equal_linearmodels() {
    let (all, table) = oracle();
    for case in all["instruments"].as_array().unwrap() {
        for own in case["kinds"].as_array().unwrap() {
            let model = FeOls::new(case["fml"].as_str().unwrap()).unwrap();
            let model = model.vcov(vcov(&own["kind"]));
            let liml = model.clone().instrumental(Instrumental::LimitedInformation);
            equal(&liml.fit(&table).unwrap(), &own["liml"]);
            let fuller = model.clone().instrumental(Instrumental::Fuller(1.0));
            equal(&fuller.fit(&table).unwrap(), &own["fuller"]);
            let tests = model.fit(&table).unwrap().iv_tests().unwrap();
            near(tests.cragg_donald, &own["rank"]["cragg_donald"], 1e-8);
            near(tests.kleibergen_paap_f, &own["rank"]["wald_f"], 1e-7);
            near(tests.kleibergen_paap.statistic, &own["rank"]["lm"], 1e-7);
            assert_eq!(tests.hansen.is_some(), own["hansen"].is_object());
            if let Some(hansen) = tests.hansen {
                near(hansen.statistic, &own["hansen"]["statistic"], 1e-6);
            }
        }
    }
}

#[test]
fn panel_models_equal_linearmodels() {
    let (all, table) = oracle();
    for own in all["panels"].as_array().unwrap() {
        let model = match own["model"].as_str().unwrap() {
            "random" => PanelModel::Random,
            "mundlak" => PanelModel::Mundlak,
            "between" => PanelModel::Between,
            _ => PanelModel::FirstDifferences,
        };
        let components = if own["small"] == true {
            VarianceComponents::BaltagiChang
        } else {
            VarianceComponents::SwamyArora
        };
        let female = if model == PanelModel::FirstDifferences { "" } else { " + female" };
        let formula = format!("wage ~ hours + age{female}");
        let fit = PanelOls::new(&formula, "person", "year")
            .unwrap()
            .model(model)
            .components(components)
            .vcov(vcov(&own["kind"]))
            .fit(&table)
            .unwrap();
        equal(&fit, own);
        assert!(fit.account().steps()[0].adds_up() || model == PanelModel::Between);
        if let Some(found) = fit.variances() {
            near(found.error, &own["error"], 1e-9);
            near(found.effect, &own["effect"], 1e-8);
        }
    }
    let random =
        PanelOls::new("wage ~ hours + age", "person", "year").unwrap().fit(&table).unwrap();
    let within = FeOls::new("wage ~ hours + age | person").unwrap().fit(&table).unwrap();
    assert!(hausman(&within, &random).unwrap().statistic > 0.0);
    assert!(matches!(hausman(&random, &within), Err(EstimateError::BadArgument { .. })));
}

#[test]
fn marginal_effects_equal_statsmodels() {
    let (all, table) = oracle();
    for own in all["margins"].as_array().unwrap() {
        let family = Family::named(own["family"].as_str().unwrap()).unwrap();
        let effects: Vec<&str> =
            own["effects"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let bar = if effects.is_empty() { "" } else { " | " };
        let outcome = own["outcome"].as_str().unwrap();
        let formula = format!("{outcome} ~ hours + age{bar}{}", effects.join(" + "));
        let mut model = FeGlm::new(&formula, family).unwrap().vcov(vcov(&own["kind"]));
        if own["kind"] == "iid" {
            model = model.ssc(kruispunt::data::Ssc::default().without_k());
        }
        let fit = model.fit(&table).unwrap().marginal_effects(&Ticket::new()).unwrap();
        for at in 0..2 {
            near(fit.coef()[at], &own["coef"][at], 1e-7);
            near(fit.std_errors()[at], &own["se"][at], 1e-6);
        }
    }
}

#[test]
fn frequencies_stand_for_rows_and_predictions_for_fitted_values() {
    let (_, table) = oracle();
    let times = match table.get("times").unwrap().values() {
        kruispunt::data::Values::Int(values) => values.to_vec(),
        _ => panic!("whole numbers"),
    };
    let rows: Vec<u32> = times
        .iter()
        .enumerate()
        .flat_map(|(row, &times)| std::iter::repeat_n(row as u32, times as usize))
        .collect();
    let names = ["wage", "hours", "age", "person", "region"];
    let long = Table::new(names.map(|name| (name, table.get(name).unwrap().take(&rows)))).unwrap();
    for vcov in [Vcov::Iid, Vcov::Hc3, Vcov::cluster("region")] {
        let model = FeOls::new("wage ~ hours + age | person").unwrap().vcov(vcov);
        let short = model.clone().frequencies("times").fit(&table).unwrap();
        let whole = model.fit(&long).unwrap();
        assert_eq!(short.n_obs(), rows.len());
        for (a, b) in short.std_errors().iter().zip(whole.std_errors()) {
            assert!((a - b).abs() < 1e-8 * b);
        }
        let again = short.predict_at(&table, Scale::Response).unwrap();
        for (at, value) in short.predict().unwrap().iter().enumerate() {
            let row = short.sample().unwrap().rows()[at] as usize;
            assert!((again[row] - value).abs() < 1e-8);
        }
    }
}

/// Pairs of rows with x 0 and 1: 30 whose outcome rises, 12 whose outcome falls, 8 without change.
fn pairs() -> Table {
    let (mut person, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..50 {
        person.extend([at, at]);
        x.extend([0, 1]);
        y.extend(match at {
            0..30 => [0, 1],
            30..42 => [1, 0],
            _ => [at % 2, at % 2],
        });
    }
    let columns = [("person", person), ("x", x), ("y", y)];
    Table::new(columns.map(|(name, own)| (name, Column::int(own)))).unwrap()
}

#[test]
fn matched_pairs_have_a_closed_form() {
    let (rise, fall) = (30.0_f64, 12.0_f64);
    let fit = ConditionalLogit::new("y ~ x | person").unwrap().fit(&pairs()).unwrap();
    assert!((fit.coef()[0] - (rise / fall).ln()).abs() < 1e-9);
    assert!((fit.std_errors()[0] - (1.0 / rise + 1.0 / fall).sqrt()).abs() < 1e-7);
    for bad in ["y ~ x", "y ~ x | person + x", "y ~ x | person[x]"] {
        assert!(ConditionalLogit::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn two_periods_have_twice_the_log_odds_and_a_known_correction() {
    let fit = FeGlm::new("y ~ x | person", Family::Logit).unwrap().fit(&pairs()).unwrap();
    let b = 2.0 * (30.0_f64 / 12.0).ln();
    assert!((fit.coef()[0] - b).abs() < 1e-7);
    let p = 1.0 / (1.0 + (-b / 2.0).exp());
    let corrected = b - (2.0 * p - 1.0) / (2.0 * p * (1.0 - p));
    let found = fit.bias_corrected().unwrap();
    assert!((found.coef()[0] - corrected).abs() < 1e-7, "{} {corrected}", found.coef()[0]);
    assert_eq!(found.std_errors(), fit.std_errors());
    let plain = FeOls::new("y ~ x | person").unwrap().fit(&pairs()).unwrap();
    assert!(plain.bias_corrected().is_err());
}

#[test]
fn fits_of_transformed_rows_predict_no_others() {
    let table = pairs();
    for model in [PanelModel::Between, PanelModel::FirstDifferences] {
        let fit = PanelOls::new("y ~ x", "person", "x").unwrap().model(model).fit(&table);
        let Ok(fit) = fit else { continue };
        let refused = fit.predict_at(&table, Scale::Response);
        assert!(matches!(refused, Err(EstimateError::BadArgument { argument: "newdata", .. })));
    }
    let fit = PanelOls::new("y ~ x", "person", "x").unwrap().model(PanelModel::FirstDifferences);
    assert!(fit.fit(&table).unwrap().predict_at(&table, Scale::Link).is_err());
}
