//! The evaluate room against its peers, closed forms and invariances.

use kruispunt::data::{By, Column, Effects, Panel, Phase, Seed, Status, Table, Ticket, Unit};
use kruispunt::evaluate::{
    Aggregate, Bands, Base, Controls, Departure, Did, Method, Nuisance, bacon, twfe_weights,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder of reference data that may not be redistributed: tests that need it are skipped
/// unless `KRUISPUNT_ORACLES` names it.
fn reference(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("KRUISPUNT_ORACLES")?).join(name);
    folder.is_dir().then_some(folder)
}

/// Numbers of a CSV file with a header, by column.
fn csv(path: &std::path::Path, separator: char) -> Vec<(String, Vec<Option<f64>>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let clean = |cell: &str| cell.trim().trim_matches('"').to_owned();
    let mut columns: Vec<(String, Vec<Option<f64>>)> =
        lines.next().unwrap().split(separator).map(|name| (clean(name), Vec::new())).collect();
    for line in lines {
        for (cell, (_, column)) in line.split(separator).zip(&mut columns) {
            column.push(clean(cell).parse().ok());
        }
    }
    columns
}

fn expected(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path.join("reference.json")).unwrap()).unwrap()
}

fn whole(values: &[Option<f64>]) -> Column {
    Column::ints(&values.iter().map(|v| v.map(|v| v as i64)).collect::<Vec<_>>())
}

pub(crate) fn mpdta() -> Option<(Panel, Value)> {
    let folder = reference("mpdta")?;
    let data = csv(&folder.join("mpdta.csv"), ',');
    let get = |name: &str| &data.iter().find(|(own, _)| own == name).unwrap().1;
    let table = Table::new([
        ("county", whole(get("countyreal"))),
        ("year", whole(get("year"))),
        ("first_treat", whole(get("first.treat"))),
        ("lemp", Column::floats(get("lemp"))),
        ("lpop", Column::floats(get("lpop"))),
    ])
    .unwrap();
    Some((Panel::from_table(&table, "county", "year", Unit::Year).unwrap(), expected(&folder)))
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: {got:?} {expected:?}");
    for (a, b) in got.iter().zip(expected) {
        let both = a.is_nan() && b.is_nan();
        assert!(both || (a - b).abs() <= tolerance, "{what}: {a:e} is not {b:e}");
    }
}

/// Rows but the overall mean; errors of reference periods are NaN, as R prints them.
fn shown(effects: &Effects) -> (Vec<f64>, Vec<f64>) {
    let errors = effects.std_errors();
    effects
        .rows()
        .iter()
        .zip(errors)
        .filter(|(row, _)| row.phase != Phase::Overall)
        .map(|(row, se)| {
            (row.estimate, if row.status == Status::Reference { f64::NAN } else { se })
        })
        .unzip()
}

fn estimable(effects: &Effects) -> (Vec<f64>, Vec<f64>) {
    let (estimates, errors) = shown(effects);
    estimates.into_iter().zip(errors).filter(|(estimate, _)| estimate.is_finite()).unzip()
}

/// `did` 2.1.2 of R on its own data: every cell, every mean, every analytic error.
#[test]
fn callaway_santanna_equals_r_did_on_mpdta() {
    let Some((panel, reference)) = mpdta() else { return };
    let did = || Did::new("lemp", "first_treat").controls(Controls::Never);
    let lpop = || did().covariates(["lpop"]);
    // R stops its logit at a deviance step of 1e-8: errors of weighted cells differ in the 8th digit
    let cases = [
        ("nocov_never_dr", did(), 1e-12),
        ("nocov_notyet", did().controls(Controls::NotYet), 1e-12),
        ("cov_never_dr", lpop(), 1e-7),
        ("cov_never_reg", lpop().nuisance(Nuisance::Regression), 1e-12),
        ("cov_never_ipw", lpop().nuisance(Nuisance::Weighting), 1e-7),
        ("cov_notyet_dr", lpop().controls(Controls::NotYet), 1e-7),
        ("cov_never_universal", lpop().base(Base::Universal), 1e-7),
        ("cov_never_anticip1", lpop().anticipation(1), 1e-7),
    ];
    for (name, did, tolerance) in cases {
        let expected = &reference["did"][name];
        let effects = did.fit(&panel).unwrap();
        let (estimates, errors) = estimable(&effects);
        close(&format!("{name} att"), &estimates, &floats(&expected["att"]), tolerance);
        close(&format!("{name} se"), &errors, &floats(&expected["se"]), tolerance);
        for (by, key) in
            [(By::Event, "dynamic"), (By::Group, "group_agg"), (By::Calendar, "calendar")]
        {
            let expected = &expected[key];
            let mean = effects.aggregate(&Aggregate::new(by)).unwrap();
            let (estimates, errors) = estimable(&mean);
            close(&format!("{name} {key}"), &estimates, &floats(&expected["att"]), tolerance);
            close(&format!("{name} {key} se"), &errors, &floats(&expected["se"]), tolerance);
            let overall = mean.rows().last().unwrap();
            let (value, se) = (overall.estimate, *mean.std_errors().last().unwrap());
            let both =
                [expected["overall"].as_f64().unwrap(), expected["overall_se"].as_f64().unwrap()];
            close(&format!("{name} {key} overall"), &[value], &both[..1], tolerance);
            // `did` 2.1.2 left the shares of cohorts out of this error; 2.5.1 has them
            if key != "group_agg" {
                close(&format!("{name} {key} overall se"), &[se], &both[1..], tolerance);
            }
        }
        let mean = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
        let both = [&expected["simple"]["overall"], &expected["simple"]["overall_se"]];
        let both: Vec<f64> = both.iter().map(|v| v.as_f64().unwrap()).collect();
        let own = [mean.rows()[0].estimate, mean.std_errors()[0]];
        close(&format!("{name} simple"), &own, &both, tolerance);
        let w = effects.pretest().unwrap();
        let (statistic, p) = (expected["W"].as_f64().unwrap(), expected["Wpval"].as_f64().unwrap());
        close(&format!("{name} pretest"), &[w.statistic], &[statistic], 1e-6);
        close(&format!("{name} pretest p"), &[w.p_value], &[p], 1e-5);
    }
}

/// `did` 2.5.1 of R, as csdid's tests store it: the group mean's error with estimated shares.
#[test]
fn the_mean_over_cohorts_carries_the_estimation_of_their_shares() {
    let Some((panel, _)) = mpdta() else { return };
    for (controls, se) in
        [(Controls::Never, 0.012_446_059_320_997_9), (Controls::NotYet, 0.012_575_120_131_681_8)]
    {
        let did = Did::new("lemp", "first_treat").controls(controls);
        let mean = did.fit(&panel).unwrap().aggregate(&Aggregate::new(By::Group)).unwrap();
        close("group overall", &[*mean.std_errors().last().unwrap()], &[se], 1e-12);
    }
}

#[test]
fn uniform_bands_are_wider_than_pointwise_and_narrower_than_bonferroni() {
    let Some((panel, _)) = mpdta() else { return };
    let effects = Did::new("lemp", "first_treat").fit(&panel).unwrap();
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let bands = Bands::SupT { draws: 20_000, seed: Seed::new(1) };
    let reach = event.reach(bands, 0.05, &Ticket::new()).unwrap();
    assert!(reach > 2.3 && reach < 2.69, "{reach}");
    assert_eq!(reach, event.reach(bands, 0.05, &Ticket::new()).unwrap());
}

/// `tests/oracles/did/make.py` (csdid) writes the expectations.
fn invented() -> (Panel, Value) {
    let oracle: Value = serde_json::from_str(include_str!("../oracles/did/expected.json")).unwrap();
    let numbers = |name: &str| floats(&oracle["data"][name]);
    let int = |name: &str| Column::int(numbers(name).iter().map(|v| *v as i64).collect());
    let table = Table::new([
        ("person", int("person")),
        ("year", int("year")),
        ("first", int("first")),
        ("town", int("town")),
        ("wage", Column::float(numbers("y"))),
        ("x1", Column::float(numbers("x1"))),
        ("x2", Column::float(numbers("x2"))),
        ("weight", Column::float(numbers("weight"))),
    ])
    .unwrap();
    (Panel::from_table(&table, "person", "year", Unit::Year).unwrap(), oracle)
}

#[test]
fn callaway_santanna_equals_csdid_with_covariates_weights_and_clusters() {
    let (panel, oracle) = invented();
    let did = || Did::new("wage", "first");
    let given = || did().covariates(["x1", "x2"]);
    let cases = [
        ("never", did().controls(Controls::Never), 1e-9),
        ("notyet", did(), 1e-9),
        ("weights", did().weights("weight"), 1e-9),
        ("town", did().cluster("town"), 1e-9),
        ("dr_never", given().controls(Controls::Never), 1e-6),
        ("dr_notyet_weights", given().weights("weight"), 1e-6),
        ("reg_never", given().controls(Controls::Never).nuisance(Nuisance::Regression), 1e-9),
        ("ipw_notyet", given().nuisance(Nuisance::Weighting), 1e-6),
        ("anticipation", did().anticipation(1), 1e-9),
    ];
    for (name, did, tolerance) in cases {
        let expected = &oracle["cases"][name];
        let effects = did.fit(&panel).unwrap();
        let (estimates, errors) = estimable(&effects);
        close(&format!("{name} att"), &estimates, &floats(&expected["att"]), tolerance);
        close(&format!("{name} se"), &errors, &floats(&expected["se"]), tolerance);
        for (by, key) in [
            (By::Event, "dynamic"),
            (By::Group, "group"),
            (By::Calendar, "calendar"),
            (By::Simple, "simple"),
        ] {
            let expected = &expected[if key == "group" { "group_agg" } else { key }];
            let mean = effects.aggregate(&Aggregate::new(by)).unwrap();
            if by != By::Simple {
                let (estimates, errors) = estimable(&mean);
                close(&format!("{name} {key}"), &estimates, &floats(&expected["att"]), tolerance);
                close(&format!("{name} {key} se"), &errors, &floats(&expected["se"]), tolerance);
            }
            let overall = mean.rows().last().unwrap().estimate;
            let own = [overall, *mean.std_errors().last().unwrap()];
            let both = [&expected["overall"], &expected["overall_se"]].map(|v| v.as_f64().unwrap());
            close(&format!("{name} {key} overall"), &own, &both, tolerance);
        }
    }
}

/// A panel with gaps and weights: rows (person, year, first year or 0, wage, weight).
fn gappy(seed: u64, n: u64) -> Vec<(i64, i64, i64, f64, f64)> {
    let seed = Seed::new(seed);
    let mut rows = Vec::new();
    for person in 0..n {
        let draw = |what: u64, at: u64| seed.uniform([person, what, at]);
        let first = [0, 2003, 2004, 2006][seed.below([person, 0, 0], 4) as usize];
        let (level, weight) = (3.0 * draw(1, 0), 0.5 + draw(2, 0));
        for year in 2001..2008_i64 {
            if draw(3, year as u64) < 0.25 {
                continue;
            }
            let effect =
                if first > 0 && year >= first { 1.0 + 0.3 * (year - first) as f64 } else { 0.0 };
            let wage = level + 0.2 * (year - 2001) as f64 + effect + draw(4, year as u64);
            rows.push((person as i64 * 3 + 1, year, first, wage, weight));
        }
    }
    rows
}

fn panel_of(rows: &[(i64, i64, i64, f64, f64)]) -> Panel {
    let table = Table::new([
        ("person", Column::int(rows.iter().map(|row| row.0).collect())),
        ("year", Column::int(rows.iter().map(|row| row.1).collect())),
        ("first", Column::int(rows.iter().map(|row| row.2).collect())),
        ("wage", Column::float(rows.iter().map(|row| row.3).collect())),
        ("weight", Column::float(rows.iter().map(|row| row.4).collect())),
    ])
    .unwrap();
    Panel::from_table(&table, "person", "year", Unit::Year).unwrap()
}

/// One cell by the formula, and the influence of each person on it.
fn naive(
    rows: &[(i64, i64, i64, f64, f64)],
    cohort: i64,
    t: i64,
    base: i64,
) -> Option<(f64, Vec<(i64, f64)>)> {
    let at = |person: i64, year: i64| rows.iter().find(|row| row.0 == person && row.1 == year);
    let mut sides = [Vec::new(), Vec::new()];
    for row in rows.iter().filter(|row| row.1 == t) {
        let Some(before) = at(row.0, base) else { continue };
        let side = if row.2 == cohort {
            0
        } else if row.2 == 0 || row.2 > t.max(base) {
            1
        } else {
            continue;
        };
        sides[side].push((row.0, row.3 - before.3, row.4));
    }
    let mut estimate = 0.0;
    let mut psi = Vec::new();
    for (side, sign) in sides.iter().zip([1.0, -1.0]) {
        let total: f64 = side.iter().map(|own| own.2).sum();
        if side.is_empty() {
            return None;
        }
        let mean = side.iter().map(|own| own.1 * own.2).sum::<f64>() / total;
        estimate += sign * mean;
        psi.extend(side.iter().map(|own| (own.0, sign * own.2 * (own.1 - mean) / total)));
    }
    Some((estimate, psi))
}

#[test]
fn cells_with_gaps_and_weights_equal_the_formula() {
    for seed in 0..5 {
        let rows = gappy(seed, 60);
        let effects = Did::new("wage", "first").weights("weight").fit(&panel_of(&rows)).unwrap();
        let (vcov, k) = (effects.vcov(), effects.len());
        let found: Vec<_> = effects
            .rows()
            .iter()
            .map(|row| {
                let (g, t) = (i64::from(row.cohort.unwrap()), i64::from(row.period.unwrap()));
                naive(&rows, g, t, if t >= g { g - 1 } else { t - 1 })
            })
            .collect();
        for (i, one) in found.iter().enumerate() {
            let Some((estimate, psi)) = one else {
                assert!(effects.rows()[i].estimate.is_nan());
                continue;
            };
            close("estimate", &[effects.rows()[i].estimate], &[*estimate], 1e-12);
            for (j, two) in found.iter().enumerate() {
                let Some((_, other)) = two else { continue };
                let both: f64 = psi
                    .iter()
                    .flat_map(|a| other.iter().filter(|b| b.0 == a.0).map(move |b| a.1 * b.1))
                    .sum();
                if !vcov[i * k + j].is_nan() {
                    close("covariance", &[vcov[i * k + j]], &[both], 1e-12);
                }
            }
        }
    }
}

#[test]
fn the_order_of_rows_and_the_number_of_threads_do_not_matter() {
    let rows = gappy(7, 3000);
    let one = Did::new("wage", "first").weights("weight").fit(&panel_of(&rows)).unwrap();
    let mut turned = rows.clone();
    turned.reverse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    let panel = panel_of(&turned);
    let two = pool.install(|| Did::new("wage", "first").weights("weight").fit(&panel).unwrap());
    assert_eq!((one.estimates(), one.vcov().len()), (two.estimates(), two.vcov().len()));
    for (a, b) in one.vcov().iter().zip(two.vcov()) {
        assert_eq!(a.to_bits(), b.to_bits());
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let rows = gappy(1, 40);
    let panel = panel_of(&rows);
    let column = |values: Vec<f64>| Column::float(values);
    let n = panel.n_rows();
    let message = |panel: &Panel, did: Did| did.fit(panel).unwrap_err().to_string();
    let did = || Did::new("wage", "first");
    let with = |name: &str, values: Vec<f64>| panel.with_column(name, column(values)).unwrap();
    let mut wage = vec![1.0; n];
    wage[3] = f64::INFINITY;
    assert!(
        message(&with("wage", wage.clone()), did()).contains("\"wage\" at row 3 is not a finite")
    );
    wage[3] = f64::NAN;
    assert!(message(&with("wage", wage), did()).contains("NaN is not missing"));
    let mut weight = vec![1.0; n];
    weight[5] = 0.0;
    let zero = with("w", weight.clone());
    assert!(message(&zero, did().weights("w")).contains("\"w\" at row 5 is not above 0"));
    weight[5] = 2.0;
    let varies = with("w", weight);
    assert!(message(&varies, did().weights("w")).contains("a unit has one weight"));
    assert!(message(&varies, did().cluster("w")).contains("nested in clusters"));
    let years: Vec<f64> = (0..n).map(|row| 2004.0 + f64::from(row == 7)).collect();
    assert!(message(&with("g", years), Did::new("wage", "g")).contains("belongs to the unit"));
    let on_off: Vec<f64> = (0..n).map(|row| f64::from(row % 2 == 0)).collect();
    assert!(message(&with("d", on_off), Did::new("wage", "d")).contains("turns off"));
    for nobody in [vec![0.0; n], vec![2040.0; n], vec![2001.0; n], vec![1990.0; n]] {
        let text = message(&with("g", nobody), Did::new("wage", "g"));
        assert!(text.contains("nobody is first treated"), "{text}");
    }
    assert!(message(&with("g", vec![2003.5; n]), Did::new("wage", "g")).contains("first period"));
    assert!(message(&panel, Did::new("pay", "first")).contains("no column \"pay\""));
    assert!(message(&panel, did().covariates(["age"])).contains("no column \"age\""));
    let one = with("town", vec![1.0; n]);
    assert!(message(&one, did().cluster("town")).contains("1 cluster"));
    let all = with("g", vec![2004.0; n]);
    let text = message(&all, Did::new("wage", "g"));
    assert!(text.contains("no unit is still untreated"), "{text}");
    let text = message(&panel, did().anticipation(u32::MAX));
    assert!(text.contains("no period before treatment"), "{text}");
}

#[test]
fn all_treated_in_the_end_says_what_share_is_identified() {
    let rows: Vec<_> = gappy(3, 80).into_iter().filter(|row| row.2 > 0).collect();
    let effects = Did::new("wage", "first").fit(&panel_of(&rows)).unwrap();
    assert!(effects.cautions().iter().any(|own| own.code == "all_treated"));
    let treated = |row: &&(i64, i64, i64, f64, f64)| row.1 >= row.2;
    let all = rows.iter().filter(treated).count() as f64;
    let seen = |row: &(i64, i64, i64, f64, f64)| {
        row.1 < 2006 && rows.iter().any(|own| own.0 == row.0 && own.1 == row.2 - 1)
    };
    let own = rows.iter().filter(treated).filter(|row| seen(row)).count() as f64;
    close("share", &[effects.identified_share()], &[own / all], 1e-12);
    let late =
        effects.rows().iter().filter(|row| row.period >= Some(2006) && row.phase == Phase::After);
    for row in late {
        assert_eq!(row.status.reason(), Some("no unit is still untreated"));
        assert!(row.estimate.is_nan());
    }
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    assert!(event.cautions().iter().any(|own| own.code == "cells_left_out"));
}

#[test]
fn a_cohort_of_one_has_an_estimate_and_no_standard_error() {
    let mut rows: Vec<_> = gappy(3, 80).into_iter().filter(|row| row.2 != 2003).collect();
    rows.extend((2001..2008).map(|year| (9999, year, 2005, year as f64, 1.0)));
    let effects = Did::new("wage", "first").fit(&panel_of(&rows)).unwrap();
    assert!(effects.cautions().iter().any(|own| own.code == "cohort_of_one"));
    for (row, se) in effects.rows().iter().zip(effects.std_errors()) {
        if row.cohort == Some(2005) {
            assert!(row.estimate.is_finite() && se.is_nan());
            assert!(row.status.reason().unwrap().starts_with("one treated unit"));
        }
    }
}

#[test]
fn a_treatment_indicator_and_its_first_period_are_one_design() {
    let rows = gappy(4, 90);
    let panel = panel_of(&rows);
    let start = panel.column("first", "first").unwrap().to_floats("first", "first").unwrap();
    let year = panel.column("year", "year").unwrap().to_floats("year", "year");
    let year: Vec<f64> = year.unwrap_or_else(|_| {
        panel.positions().iter().map(|position| 2001.0 + f64::from(*position)).collect()
    });
    // persons whose first treated year is a gap are treated later by the indicator: keep the rest
    let treated: Vec<bool> = start.iter().zip(&year).map(|(g, t)| *g > 0.0 && t >= g).collect();
    let panel = panel.with_column("treated", Column::bool(treated)).unwrap();
    let by_flag = Did::new("wage", "treated").fit(&panel).unwrap();
    assert!(by_flag.len() >= 18);
    assert!(by_flag.rows().iter().any(|row| row.status == Status::Estimated));
}

fn numbers(value: &Value) -> BTreeMap<String, f64> {
    value.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_f64().unwrap())).collect()
}

/// `sunab` of fixest on the data of `did`; fixest takes shares as fixed, so only its cells' errors
/// are ours.
#[test]
fn sun_abraham_equals_fixest_on_mpdta() {
    let Some((panel, reference)) = mpdta() else { return };
    let expected = &reference["fixest"]["sunab"];
    let effects = Did::new("lemp", "first_treat").method(Method::SunAbraham).fit(&panel).unwrap();
    let errors = numbers(&expected["vcov"]["cl"]);
    let mut compared = 0;
    for (row, se) in effects.rows().iter().zip(effects.std_errors()) {
        if row.status == Status::Estimated {
            let name = format!("year::{}:cohort::{}", row.event.unwrap(), row.cohort.unwrap());
            close(&name, &[se], &[errors[&name]], 1e-12);
            compared += 1;
        }
    }
    assert_eq!(compared, errors.len());
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let coefficients = numbers(&expected["coef"]);
    for row in event.rows().iter().filter(|row| row.phase != Phase::Overall) {
        let name = format!("year::{}", row.event.unwrap());
        close(&name, &[row.estimate], &[*coefficients.get(&name).unwrap_or(&0.0)], 1e-12);
    }
    let simple = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    let att = reference["fixest"]["sunab_att"]["att"].as_f64().unwrap();
    close("att", &[simple.rows()[0].estimate], &[att], 1e-12);
    // the shares are estimated here
    assert!(simple.std_errors()[0] > reference["fixest"]["sunab_att"]["se"].as_f64().unwrap());
}

#[test]
fn imputation_equals_didimputation_on_mpdta() {
    let Some((panel, reference)) = mpdta() else { return };
    let did = || Did::new("lemp", "first_treat").method(Method::Imputation);
    // the peer drops units with one untreated period as singletons, and with them the cohort of
    // 2004 without a word; one period is enough to impute
    let whole = did().fit(&panel).unwrap();
    assert_eq!(whole.identified_share(), 1.0);
    let first = panel.column("first_treat", "first_treat").unwrap();
    let first = first.to_floats("first_treat", "first_treat").unwrap();
    let mask = Column::bool(first.iter().map(|first| *first != 2004.0).collect());
    let effects = did().fit(&panel.filter(&mask, "as the peer").unwrap()).unwrap();
    let expected = &reference["didimputation"];
    let simple = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    close(
        "overall",
        &simple.estimates(),
        &[expected["overall"]["estimate"].as_f64().unwrap()],
        1e-7,
    );
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let (estimates, errors) = shown(&event);
    close("event", &estimates, &floats(&expected["event"]["estimate"])[..5], 1e-7);
    close("se", &simple.std_errors(), &[expected["overall"]["std.error"].as_f64().unwrap()], 1e-7);
    close("se", &errors[3..5], &floats(&expected["event"]["std.error"])[3..5], 1e-7);
}

#[test]
fn two_way_equals_fixest_on_mpdta() {
    let Some((panel, reference)) = mpdta() else { return };
    let effects = Did::new("lemp", "first_treat").method(Method::TwoWay).fit(&panel).unwrap();
    let expected = &reference["fixest"]["twfe"];
    let key = "treat:I(year >= first.treat)";
    let own = [*effects.estimates().last().unwrap(), *effects.std_errors().last().unwrap()];
    let both =
        [expected["coef"][key].as_f64().unwrap(), expected["vcov"]["cl"][key].as_f64().unwrap()];
    close("twfe", &own, &both, 1e-12);
    assert!(effects.cautions().iter().any(|own| own.code == "two_way"));
}

fn castle() -> Option<(Panel, Value)> {
    let folder = reference("castle")?;
    let data = csv(&folder.join("castle.csv"), ',');
    let get = |name: &str| &data.iter().find(|(own, _)| own == name).unwrap().1;
    let table = Table::new([
        ("year", whole(get("year"))),
        ("post", whole(get("post"))),
        ("l_homicide", Column::float(get("l_homicide").iter().map(|v| v.unwrap()).collect())),
        ("state", {
            let text = std::fs::read_to_string(folder.join("castle.csv")).unwrap();
            let at = data.iter().position(|(own, _)| own == "state").unwrap();
            let names: Vec<String> = text
                .lines()
                .skip(1)
                .map(|line| line.split(',').nth(at).unwrap().trim_matches('"').to_owned())
                .collect();
            Column::text(names.iter().map(|name| Some(name.as_str())))
        }),
    ])
    .unwrap();
    Some((Panel::from_table(&table, "state", "year", Unit::Year).unwrap(), expected(&folder)))
}

#[test]
fn goodman_bacon_equals_bacondecomp_and_sums_to_the_coefficient() {
    let Some((panel, reference)) = castle() else { return };
    let did = Did::new("l_homicide", "post");
    let table = bacon(&did, &panel, &Ticket::new()).unwrap();
    let get = |name: &str| table.get(name).unwrap().to_floats("a", name).unwrap();
    let label = |name: &str, row: usize| table.get(name).unwrap().label(row);
    let (estimate, weight) = (get("estimate"), get("weight"));
    let expected = &reference["bacondecomp"];
    let key = |value: f64| if value > 9000.0 { None } else { Some(format!("{value}")) };
    let (treated, control) = (floats(&expected["treated"]), floats(&expected["untreated"]));
    assert_eq!(treated.len(), table.n_rows());
    for at in 0..treated.len() {
        let row = (0..table.n_rows())
            .find(|&row| {
                label("treated", row) == key(treated[at])
                    && label("control", row) == key(control[at])
            })
            .unwrap();
        close("estimate", &[estimate[row]], &[floats(&expected["estimate"])[at]], 1e-12);
        close("weight", &[weight[row]], &[floats(&expected["weight"])[at]], 1e-12);
    }
    let sum: f64 = estimate.iter().zip(&weight).map(|(a, b)| a * b).sum();
    let two_way = did.clone().method(Method::TwoWay).fit(&panel).unwrap();
    close("sum", &[sum], &[*two_way.estimates().last().unwrap()], 1e-12);
    let se = reference["bacondecomp"]["se_cl_state"]["post"].as_f64().unwrap();
    close("se", &[*two_way.std_errors().last().unwrap()], &[se], 1e-10);
}

#[test]
fn two_way_weights_sum_to_one_and_give_the_coefficient() {
    for seed in 0..3 {
        let rows = gappy(seed, 60);
        let panel = panel_of(&rows);
        let did = Did::new("wage", "first").weights("weight");
        let table = twfe_weights(&did, &panel, &Ticket::new()).unwrap();
        let weight = table.get("weight").unwrap().to_floats("a", "weight").unwrap();
        close("sum", &[weight.iter().sum()], &[1.0], 1e-12);
        // an outcome that is an effect by cell and nothing else has the weighted mean of effects
        let effect = |g: i64, t: i64| if g > 0 && t >= g { (g % 5 + t % 3) as f64 } else { 0.0 };
        let made: Vec<_> =
            rows.iter().map(|row| (row.0, row.1, row.2, effect(row.2, row.1), row.4)).collect();
        let two_way = did.method(Method::TwoWay).fit(&panel_of(&made)).unwrap();
        let label = |name: &str, row: usize| {
            table.get(name).unwrap().label(row).unwrap().parse::<i64>().unwrap()
        };
        let mean: f64 = weight
            .iter()
            .enumerate()
            .map(|(row, weight)| weight * effect(label("cohort", row), label("period", row)))
            .sum();
        close("coefficient", &[*two_way.estimates().last().unwrap()], &[mean], 1e-10);
    }
}

/// On a panel without gaps the saturated regressions are the comparisons of means.
#[test]
fn estimators_agree_where_theory_says_they_do() {
    let (panel, _) = invented();
    let did = |method| Did::new("wage", "first").method(method);
    let cs = did(Method::CallawaySantAnna).controls(Controls::Never).base(Base::Universal);
    let cs = cs.fit(&panel).unwrap();
    let sa = did(Method::SunAbraham).fit(&panel).unwrap();
    let etwfe = did(Method::ExtendedTwoWay).controls(Controls::Never).fit(&panel).unwrap();
    close("sa", &sa.estimates(), &cs.estimates(), 1e-10);
    close("etwfe", &etwfe.estimates(), &cs.estimates(), 1e-10);
    let scale = sa.std_errors()[3] / cs.std_errors()[3];
    let scaled: Vec<f64> = cs.std_errors().iter().map(|se| se * scale).collect();
    close("sa se", &sa.std_errors(), &scaled, 1e-10);
    // two-stage and imputation share their effects; two-stage adds the estimation of the shares
    let imputation = did(Method::Imputation).fit(&panel).unwrap();
    let two_stage = did(Method::TwoStage).fit(&panel).unwrap();
    assert_eq!(imputation.estimates(), two_stage.estimates());
    let simple = |effects: &Effects| effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    assert!(simple(&two_stage).std_errors()[0] > simple(&imputation).std_errors()[0]);
    // the extended two-way regression with not-yet treated controls imputes
    let etwfe = did(Method::ExtendedTwoWay).fit(&panel).unwrap();
    let imputed: Vec<f64> = imputation
        .rows()
        .iter()
        .filter(|row| row.cohort.is_some())
        .map(|row| row.estimate)
        .collect();
    close("etwfe not yet", &etwfe.estimates(), &imputed, 1e-10);
    // local projections with one cohort and never treated controls are comparisons of means
    let lp = did(Method::LocalProjectionsReweighted).controls(Controls::Never).fit(&panel).unwrap();
    let event = cs.aggregate(&Aggregate::new(By::Event)).unwrap();
    let own: Vec<f64> = event.rows()[..event.len() - 1].iter().map(|row| row.estimate).collect();
    close("lpdid", &lp.estimates()[..lp.len() - 1], &own, 1e-10);
    // a stack whose controls are never treated holds the same cells
    let stacked = did(Method::Stacked).controls(Controls::Never).window(2, 1).fit(&panel).unwrap();
    let mut compared = 0;
    for row in stacked.rows().iter().filter(|row| row.status == Status::Estimated) {
        let same =
            cs.rows().iter().find(|own| (own.cohort, own.period) == (row.cohort, row.period));
        close("stacked", &[row.estimate], &[same.unwrap().estimate], 1e-12);
        compared += 1;
    }
    assert!(compared >= 9, "{compared}");
}

/// Imputation by brute force: least squares with dummies on untreated outcomes.
#[test]
fn imputation_with_gaps_and_weights_equals_the_regression_with_dummies() {
    for seed in 0..3 {
        let rows = gappy(seed, 40);
        let panel = panel_of(&rows);
        let effects = Did::new("wage", "first")
            .weights("weight")
            .method(Method::Imputation)
            .fit(&panel)
            .unwrap();
        // sweep unit and period means of untreated outcomes until nothing is left
        let untreated: Vec<_> =
            rows.iter().filter(|row| row.2 == 0 || row.1 < row.2).copied().collect();
        let mut unit: BTreeMap<i64, f64> = BTreeMap::default();
        let mut year: BTreeMap<i64, f64> = BTreeMap::default();
        for _ in 0..4000 {
            let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::default();
            for row in &untreated {
                let own = sums.entry(row.0).or_default();
                own.0 += row.4 * (row.3 - year.get(&row.1).unwrap_or(&0.0));
                own.1 += row.4;
            }
            unit = sums.iter().map(|(k, v)| (*k, v.0 / v.1)).collect();
            let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::default();
            for row in &untreated {
                let own = sums.entry(row.1).or_default();
                own.0 += row.4 * (row.3 - unit[&row.0]);
                own.1 += row.4;
            }
            year = sums.iter().map(|(k, v)| (*k, v.0 / v.1)).collect();
        }
        for row in effects.rows().iter().filter(|row| row.cohort.is_some()) {
            let (g, t) = (i64::from(row.cohort.unwrap()), i64::from(row.period.unwrap()));
            let own: Vec<_> = rows
                .iter()
                .filter(|row| row.2 == g && row.1 == t && unit.contains_key(&row.0))
                .collect();
            let total: f64 = own.iter().map(|row| row.4).sum();
            let mean = own.iter().map(|row| row.4 * (row.3 - unit[&row.0] - year[&t])).sum::<f64>()
                / total;
            close("imputed", &[row.estimate], &[mean], 1e-8);
        }
    }
}

/// The published intervals of `HonestDiD` on the Medicaid expansion of 2014, and the digits of a
/// second implementation.
#[test]
fn smoothness_intervals_equal_the_published_ones() {
    let Some(folder) = reference("ehec_medicaid") else { return };
    let data = csv(&folder.join("ehec.csv"), ',');
    let get = |name: &str| &data.iter().find(|(own, _)| own == name).unwrap().1;
    let keep: Vec<usize> = (0..get("year").len())
        .filter(|&row| get("year")[row].unwrap() < 2016.0 && get("yexp2")[row] != Some(2015.0))
        .collect();
    let pick = |name: &str| keep.iter().map(|&row| get(name)[row]).collect::<Vec<_>>();
    // who expands after the window is not treated in it
    let first: Vec<Option<f64>> =
        pick("yexp2").iter().map(|year| year.filter(|year| *year == 2014.0)).collect();
    let table = Table::new([
        ("state", whole(&pick("stfips"))),
        ("year", whole(&pick("year"))),
        ("first", whole(&first)),
        ("dins", Column::float(pick("dins").iter().map(|v| v.unwrap()).collect())),
    ])
    .unwrap();
    let panel = Panel::from_table(&table, "state", "year", Unit::Year).unwrap();
    let event = Did::new("dins", "first").method(Method::TwoWay).fit(&panel).unwrap();
    let reference = expected(&folder);
    let fixest = numbers(&reference["fixest_twfe_nonstaggered"]["coef"]);
    for row in event.rows().iter().filter(|row| row.status == Status::Estimated) {
        let Some(since) = row.event else { continue };
        let name = format!("year::{}:D", 2014 + since);
        close(&name, &[row.estimate], &[fixest[&name]], 1e-10);
    }
    let peer = reference["moderndid_honestdid"]["smoothness_FLCI"].as_array().unwrap();
    let m: Vec<f64> = peer.iter().map(|own| own["m"].as_f64().unwrap()).collect();
    let own = event.honest(Departure::Smooth, &m, &[], 0.05).unwrap();
    let published = &reference["published_honestdid"]["smoothness"];
    for (at, interval) in own.iter().enumerate() {
        let both = [interval.low, interval.high];
        let peer = [&peer[at]["lb"], &peer[at]["ub"]].map(|v| v.as_f64().unwrap());
        close("second implementation", &both, &peer, 2e-4);
        let published = [floats(&published["lb"])[at], floats(&published["ub"])[at]];
        close("published", &both, &published, 6e-4);
        assert!(
            both[1] - both[0] <= peer[1] - peer[0] + 2e-5,
            "not the shortest: {both:?} {peer:?}"
        );
    }
    // the peers test 1000 points 40 standard errors apart, with 1000 draws for a critical value
    let published = &reference["published_honestdid"]["relative_magnitudes"];
    let stored: Value =
        serde_json::from_str(include_str!("../oracles/honest/expected.json")).unwrap();
    let many = &stored["many_draws"];
    let peer = reference["moderndid_honestdid"]["relmag_CLF"].as_array().unwrap();
    let own = event.honest(Departure::Relative, &floats(&published["Mbar"]), &[], 0.05).unwrap();
    for (at, interval) in own.iter().enumerate() {
        let both = [interval.low, interval.high];
        let published = [floats(&published["lb"])[at], floats(&published["ub"])[at]];
        if peer[at]["Mbar"].as_f64() == many["m"].as_f64() {
            // printed .00859; with 20 times the draws, on a finer grid, the peer gives .00815
            close("many draws", &both[..1], &[many["low"].as_f64().unwrap()], 1e-4);
            close("published", &both[1..], &published[1..], 4e-4);
        } else {
            close("published", &both, &published, 4e-4);
        }
        let peer = [&peer[at]["lb"], &peer[at]["ub"]].map(|v| v.as_f64().unwrap());
        close("second implementation", &both, &peer, 5e-4);
    }
    let power = event.power(0.05, &Ticket::new()).unwrap();
    assert!(0.0 < power.slope_50 && power.slope_50 < power.slope_80);
}

#[test]
fn bounds_and_power_refuse_effects_without_one_reference() {
    let (panel, _) = invented();
    let effects = Did::new("wage", "first").fit(&panel).unwrap();
    assert!(
        effects
            .honest(Departure::Smooth, &[0.0], &[], 0.05)
            .unwrap_err()
            .to_string()
            .contains("by event")
    );
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let text = event.power(0.05, &Ticket::new()).unwrap_err().to_string();
    assert!(text.contains("`base` be universal"), "{text}");
    let effects = Did::new("wage", "first").base(Base::Universal).fit(&panel).unwrap();
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let own = event.honest(Departure::Smooth, &[0.0, 0.1, 0.2], &[], 0.05).unwrap();
    assert!(own.windows(2).all(|pair| pair[0].high - pair[0].low < pair[1].high - pair[1].low));
    assert!(event.honest(Departure::Smooth, &[-1.0], &[], 0.05).is_err());
    assert!(event.honest(Departure::Smooth, &[1.0], &[1.0], 0.05).is_err());
    // a slope found in 80 % of samples lies where one placebo alone would need 2.8 errors
    let power = event.power(0.05, &Ticket::new()).unwrap();
    let se = event.std_errors()[event.rows().iter().position(|row| row.event == Some(-2)).unwrap()];
    assert!(power.slope_80 < 2.81 * se && power.slope_50 < 1.97 * se);
}

/// A unit of weight 2 is two units of one cluster: estimates and errors are the same.
#[test]
fn weights_equal_copies_in_one_cluster() {
    let rows: Vec<_> = gappy(5, 60)
        .into_iter()
        .map(|row| (row.0, row.1, row.2, row.3, if row.0 % 2 == 0 { 2.0 } else { 1.0 }))
        .collect();
    let mut copies: Vec<_> = rows.iter().map(|row| (row.0, *row)).collect();
    let twice = rows.iter().filter(|row| row.4 == 2.0);
    copies.extend(twice.map(|row| (row.0, (row.0 + 1_000_000, row.1, row.2, row.3, row.4))));
    let copied: Vec<_> = copies.iter().map(|copy| copy.1).collect();
    let mut order: Vec<usize> = (0..copied.len()).collect();
    order.sort_by_key(|&at| (copied[at].0, copied[at].1));
    let original: Vec<i64> = order.iter().map(|&at| copies[at].0).collect();
    let panel = panel_of(&copied).with_column("original", Column::int(original)).unwrap();
    for method in [
        Method::CallawaySantAnna,
        Method::Imputation,
        Method::TwoStage,
        Method::Stacked,
        Method::SunAbraham,
        Method::ExtendedTwoWay,
        Method::LocalProjectionsReweighted,
    ] {
        let did = || Did::new("wage", "first").method(method).window(1, 1);
        let weighted = did().weights("weight").fit(&panel_of(&rows)).unwrap();
        let copied = did().cluster("original").fit(&panel).unwrap();
        let name = format!("{method:?}");
        close(&name, &weighted.estimates(), &copied.estimates(), 1e-9);
        let mean = |effects: &Effects| {
            let by = if effects.by() == By::Event { By::Event } else { By::Simple };
            let mean = effects.aggregate(&Aggregate::new(by)).unwrap();
            mean.std_errors().iter().copied().fold(0.0, f64::max)
        };
        // regressions count rows in their small-sample correction, which copies have more of
        let regression = !matches!(
            method,
            Method::CallawaySantAnna | Method::Imputation | Method::TwoStage | Method::Stacked
        );
        let tolerance = if regression { 0.02 } else { 1e-9 };
        let ratio = mean(&weighted) / mean(&copied);
        close(&name, &[ratio], &[1.0], tolerance);
    }
}
