//! Designs: refusals, cautions, placebos, parity, improved weights, against peers and twins.

use kruispunt::data::{By, Column, Effects, Panel, Phase, Seed, Table, Ticket, Unit};
use kruispunt::evaluate::{
    Aggregate, Bands, Base, Controls, Did, DoseCurve, DoseResponse, EvaluateError, Family, Gaps,
    Method, Nuisance, Placebo, Refusal, ShareRule,
};
use serde_json::Value;

/// One unit and period: person, year, first year or 0, outcome, weight, covariate.
type Row = (i64, i64, i64, f64, f64, f64);

fn panel_of(rows: &[Row]) -> Panel {
    let table = Table::new([
        ("person", Column::int(rows.iter().map(|row| row.0).collect())),
        ("year", Column::int(rows.iter().map(|row| row.1).collect())),
        ("first", Column::int(rows.iter().map(|row| row.2).collect())),
        ("wage", Column::float(rows.iter().map(|row| row.3).collect())),
        ("weight", Column::float(rows.iter().map(|row| row.4).collect())),
        ("age", Column::float(rows.iter().map(|row| row.5).collect())),
    ])
    .unwrap();
    Panel::from_table(&table, "person", "year", Unit::Year).unwrap()
}

/// Wages of `n` persons over 2001-2007; `gaps` of the rows are missing.
fn wages(seed: u64, n: u64, gaps: f64) -> Vec<Row> {
    let seed = Seed::new(seed);
    let mut rows = Vec::new();
    for person in 0..n {
        let draw = |what: u64, at: u64| seed.uniform([person, what, at]);
        let first = [0, 2003, 2004, 2006][seed.below([person, 0, 0], 4) as usize];
        let (level, weight, age) = (3.0 * draw(1, 0), 0.5 + draw(2, 0), draw(5, 0));
        for year in 2001..2008_i64 {
            if draw(3, year as u64) < gaps {
                continue;
            }
            let since = year - first;
            let effect = if first > 0 && since >= 0 { 1.0 + 0.3 * since as f64 } else { 0.0 };
            let trend = (0.2 + 0.3 * age) * (year - 2001) as f64;
            let wage = level + trend + effect + draw(4, year as u64);
            rows.push((person as i64, year, first, wage, weight, age));
        }
    }
    rows
}

fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got:e} is not {expected:e}");
}

fn codes(effects: &Effects) -> Vec<&str> {
    effects.cautions().iter().map(|own| own.code.as_str()).collect()
}

/// Infinitesimal jackknife: the influence of a unit is what its weight does to the estimate.
fn jackknife(rows: &[Row], fit: impl Fn(&Panel) -> Effects) {
    jackknife_scaled(rows, 1.0, fit);
}

/// The same for an estimator whose errors are `scale` times theirs.
fn jackknife_scaled(rows: &[Row], scale: f64, fit: impl Fn(&Panel) -> Effects) {
    let own = fit(&panel_of(rows));
    let mut variance = vec![0.0; own.len()];
    let mut persons: Vec<i64> = rows.iter().map(|row| row.0).collect();
    persons.dedup();
    for person in persons {
        let moved = |by: f64| {
            let scale = |row: &Row| if row.0 == person { row.4 * (1.0 + by) } else { row.4 };
            let rows: Vec<Row> =
                rows.iter().map(|row| (row.0, row.1, row.2, row.3, scale(row), row.5)).collect();
            fit(&panel_of(&rows)).estimates()
        };
        let (up, down) = (moved(1e-4), moved(-1e-4));
        for (slot, (up, down)) in variance.iter_mut().zip(up.iter().zip(down)) {
            *slot += ((up - down) / 2e-4).powi(2);
        }
    }
    let errors = own.std_errors();
    let mut compared = 0;
    for ((row, se), variance) in own.rows().iter().zip(errors).zip(variance) {
        if se.is_finite() && se > 0.0 {
            close(&format!("{row:?}"), se, scale * variance.sqrt(), 2e-6 * (1.0 + se));
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn errors_of_means_equal_the_infinitesimal_jackknife_also_with_gaps() {
    let rows = wages(3, 60, 0.2);
    for by in [By::Event, By::Group, By::Calendar, By::Simple] {
        jackknife(&rows, |panel| {
            let effects = Did::new("wage", "first").weights("weight").fit(panel).unwrap();
            effects.aggregate(&Aggregate::new(by)).unwrap()
        });
    }
}

#[test]
fn improved_weights_equal_the_infinitesimal_jackknife() {
    let rows = wages(4, 80, 0.0);
    for nuisance in [Nuisance::Improved, Nuisance::DoublyRobust] {
        jackknife(&rows, |panel| {
            let did = Did::new("wage", "first").covariates(["age"]).nuisance(nuisance);
            let effects = did.weights("weight").controls(Controls::Never).fit(panel).unwrap();
            effects.aggregate(&Aggregate::new(By::Event)).unwrap()
        });
    }
}

fn invented() -> Panel {
    let known: Value = serde_json::from_str(include_str!("../oracles/did/expected.json")).unwrap();
    let own = oracle();
    let numbers = |name: &str| floats(&known["data"][name]);
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
        ("count", Column::float(floats(&own["count"]))),
        ("high", Column::float(floats(&own["high"]))),
        ("woman", Column::float(floats(&own["woman"]))),
        ("hours", Column::float(floats(&own["hours"]))),
    ])
    .unwrap();
    Panel::from_table(&table, "person", "year", Unit::Year).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Cells of the oracle against rows.
fn cells_equal(name: &str, effects: &Effects, cells: &Value, tolerance: f64) {
    let errors = effects.std_errors();
    for cell in cells.as_array().unwrap() {
        let place = |row: &kruispunt::data::Effect| {
            row.cohort.map(i64::from) == cell["cohort"].as_i64()
                && row.period.map(i64::from) == cell["t"].as_i64()
        };
        let at = effects.rows().iter().position(place).unwrap();
        let number = |key: &str| cell[key].as_f64().unwrap();
        let text = format!("{name} {cell}");
        close(&text, effects.rows()[at].estimate, number("att"), tolerance);
        close(&text, errors[at], number("se"), tolerance);
    }
    assert!(!cells.as_array().unwrap().is_empty());
}

fn oracle() -> Value {
    serde_json::from_str(include_str!("../oracles/designs/expected.json")).unwrap()
}

#[test]
fn improved_weights_equal_drdid() {
    let (panel, oracle) = (invented(), oracle());
    let did = Did::new("wage", "first").covariates(["x1", "x2"]).nuisance(Nuisance::Improved);
    let did = did.controls(Controls::Never);
    for (name, did) in [("improved", did.clone()), ("improved_weights", did.weights("weight"))] {
        cells_equal(name, &did.fit(&panel).unwrap(), &oracle[name], 1e-6);
    }
}

/// Wooldridge's Poisson and logit regressions of diff-diff.
#[test]
fn counts_and_shares_equal_diff_diff() {
    let (panel, oracle) = (invented(), oracle());
    for (family, outcome, name) in
        [(Family::Poisson, "count", "poisson"), (Family::Logit, "high", "logit")]
    {
        let did = Did::new(outcome, "first").method(Method::ExtendedTwoWay).family(family);
        cells_equal(name, &did.clone().fit(&panel).unwrap(), &oracle[name], 1e-8);
    }
}

/// Against the never treated each cell is a ratio of ratios, and its error the delta method's.
#[test]
fn counts_against_the_never_treated_are_a_ratio_of_means() {
    let rows = counts(24, 120, 0.0);
    let did = Did::new("wage", "first").method(Method::ExtendedTwoWay).family(Family::Poisson);
    let effects = did.controls(Controls::Never).fit(&panel_of(&rows)).unwrap();
    let mean = |cohort: i64, year: i64| {
        let own: Vec<f64> =
            rows.iter().filter(|row| row.2 == cohort && row.1 == year).map(|row| row.3).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    let mut placebos = 0;
    for row in effects.rows() {
        let (g, t) = (i64::from(row.cohort.unwrap()), i64::from(row.period.unwrap()));
        let untreated = mean(g, g - 1) * mean(0, t) / mean(0, g - 1);
        close(&format!("{row:?}"), row.estimate, mean(g, t) - untreated, 1e-9);
        placebos += usize::from(row.phase == Phase::Before);
    }
    assert!(placebos > 3);
}

/// Counts with gaps and weights, from a multiplicative world.
fn counts(seed: u64, n: u64, gaps: f64) -> Vec<Row> {
    let seed = Seed::new(seed);
    let mut rows = wages(0, 0, 0.0);
    for person in 0..n {
        let draw = |what: u64, at: u64| seed.uniform([person, what, at]);
        let first = [0, 2003, 2004, 2006][seed.below([person, 0, 0], 4) as usize];
        for year in 2001..2008_i64 {
            let effect = if first > 0 && year >= first { 0.3 } else { 0.0 };
            let level = f64::from(u8::from(first > 0)) + 0.2 * (year - 2001) as f64;
            let noise = 0.5 + draw(4, year as u64);
            if draw(3, year as u64) >= gaps {
                let count = (level + effect).exp() * noise * (0.5 + draw(1, 0));
                rows.push((person as i64, year, first, count, 0.5 + draw(2, 0), 0.0));
            }
        }
    }
    rows
}

#[test]
fn errors_of_counts_equal_the_infinitesimal_jackknife_with_gaps_and_weights() {
    let rows = counts(21, 70, 0.15);
    let n_rows = rows.len() as f64;
    let did = Did::new("wage", "first").method(Method::ExtendedTwoWay).family(Family::Poisson);
    let did = did.weights("weight");
    let effects = did.fit(&panel_of(&rows)).unwrap();
    let known = effects.rows().iter().filter(|row| row.estimate.is_finite()).count() as f64;
    // four cohorts, seven periods less one, and the treated cells
    let (k, g) = (4.0 + 6.0 + known, 70.0);
    let scale = ((n_rows - 1.0) / (n_rows - k) * g / (g - 1.0)).sqrt();
    jackknife_scaled(&rows, scale, |panel| did.fit(panel).unwrap());
}

/// Trends that are parallel in logarithms: the linear model is wrong, the index is right.
#[test]
fn an_index_finds_what_a_linear_model_misses() {
    let rows = counts(22, 4000, 0.0);
    let did = Did::new("wage", "first").method(Method::ExtendedTwoWay);
    let simple = |did: Did| {
        let own = did.fit(&panel_of(&rows)).unwrap();
        let mean = own.aggregate(&Aggregate::new(By::Simple)).unwrap();
        (mean.rows()[0].estimate, mean.std_errors()[0])
    };
    let treated = rows.iter().filter(|row| row.2 > 0 && row.1 >= row.2);
    let truth: f64 = treated.clone().map(|row| row.3 * (1.0 - (-0.3_f64).exp())).sum();
    let truth = truth / treated.count() as f64;
    let (estimate, se) = simple(did.clone().family(Family::Poisson));
    assert!((estimate - truth).abs() < 3.0 * se, "{estimate} {se} {truth}");
    let (linear, se) = simple(did);
    assert!((linear - truth).abs() > 5.0 * se, "{linear} {se} {truth}");
}

#[test]
fn counts_that_tell_nothing_say_so() {
    let mut rows = counts(23, 80, 0.0);
    let did = Did::new("wage", "first").method(Method::ExtendedTwoWay).family(Family::Poisson);
    for row in rows.iter_mut().filter(|row| row.2 == 2004 && row.1 < 2004) {
        row.3 = 0.0;
    }
    let effects = did.fit(&panel_of(&rows)).unwrap();
    let of = |cohort: i32| effects.rows().iter().filter(move |row| row.cohort == Some(cohort));
    assert!(of(2004).all(|row| row.status.reason().unwrap().contains("at the edge")));
    assert!(of(2003).all(|row| row.estimate.is_finite()));
    rows[3].3 = -1.0;
    let error = did.fit(&panel_of(&rows)).unwrap_err();
    assert!(error.to_string().contains("row 3") && error.is_input(), "{error}");
    let logit = did.clone().family(Family::Logit).fit(&panel_of(&counts(1, 50, 0.0))).unwrap_err();
    assert!(logit.to_string().contains("from 0 to 1"), "{logit}");
    let other = did.method(Method::SunAbraham).fit(&panel_of(&rows)).unwrap_err();
    assert!(other.to_string().contains("family"), "{other}");
}

/// Persons who lose and find work; those in training enter when out of work.
fn careers(selected: bool) -> Panel {
    let seed = Seed::new(11);
    let mut rows = Vec::new();
    for person in 0..400_u64 {
        let mut works = seed.uniform([person, 0, 0]) < 0.6;
        let mut first = 0;
        let mut path = Vec::new();
        for year in 2001..2013_u64 {
            let draw = seed.uniform([person, 1, year]);
            works = if works { draw < 0.8 } else { draw < 0.4 };
            path.push(works);
            let may = if selected { !works } else { true };
            let enters = seed.uniform([person, 2, year]) < 0.15;
            if first == 0 && may && enters && year > 2003 && year < 2010 {
                first = year as i64 + 1;
            }
        }
        for (at, works) in path.into_iter().enumerate() {
            let wage = f64::from(u8::from(works));
            rows.push((person as i64, 2001 + at as i64, first, wage, 1.0, 0.0));
        }
    }
    panel_of(&rows)
}

#[test]
fn treatment_that_only_one_state_may_enter_is_refused_unless_forced() {
    let (selected, free) = (careers(true), careers(false));
    for method in [Method::CallawaySantAnna, Method::TwoWay, Method::Imputation] {
        let did = Did::new("wage", "first").method(method);
        let error = did.fit(&selected).unwrap_err();
        assert!(matches!(error, EvaluateError::EligibilityDependsOnOutcome { .. }), "{error}");
        assert!(!error.is_input());
        let text = error.to_string();
        assert!(text.contains("100.0 % of the treated") && text.contains("force"), "{text}");
        let forced = did.clone().force(Refusal::Eligibility).fit(&selected).unwrap();
        assert!(codes(&forced).contains(&"eligibility"));
        let fine = did.fit(&free).unwrap();
        assert!(!codes(&fine).contains(&"eligibility"));
    }
}

#[test]
fn effects_before_the_start_are_told_and_anticipation_takes_them_out() {
    let mut rows = wages(5, 400, 0.0);
    for row in &mut rows {
        if row.2 > 0 && row.1 == row.2 - 1 {
            row.3 += 0.8;
        }
    }
    let panel = panel_of(&rows);
    let did = || Did::new("wage", "first").covariates(Vec::<String>::new());
    for did in [
        did(),
        did().base(Base::Universal),
        did().method(Method::SunAbraham),
        did().method(Method::Imputation),
        did().method(Method::LocalProjections),
    ] {
        let effects = did.clone().fit(&panel).unwrap();
        assert!(codes(&effects).contains(&"anticipation"), "{}", effects.method());
        let effects = did.anticipation(1).fit(&panel).unwrap();
        assert!(!codes(&effects).contains(&"anticipation"), "{}", effects.method());
    }
    let calm = did().fit(&panel_of(&wages(5, 400, 0.0))).unwrap();
    assert!(!codes(&calm).contains(&"anticipation"));
}

#[test]
fn a_missing_base_period_is_told() {
    let rows = wages(6, 200, 0.0);
    let without: Vec<Row> = rows.iter().copied().filter(|row| row.1 != 2003).collect();
    let effects = Did::new("wage", "first").fit(&panel_of(&without)).unwrap();
    assert!(codes(&effects).contains(&"base_missing"));
    let unseen: Vec<Row> = rows
        .iter()
        .copied()
        .filter(|row| !(row.2 == 2004 && row.1 == 2003 && row.0 % 2 == 0))
        .collect();
    let effects = Did::new("wage", "first").fit(&panel_of(&unseen)).unwrap();
    assert!(codes(&effects).contains(&"base_unseen"));
    let whole = Did::new("wage", "first").fit(&panel_of(&rows)).unwrap();
    assert!(codes(&whole).is_empty(), "{:?}", codes(&whole));
}

#[test]
fn few_treated_clusters_are_told() {
    let rows: Vec<Row> = wages(7, 200, 0.0)
        .into_iter()
        .map(|row| if row.0 > 5 { (row.0, row.1, 0, row.3, row.4, row.5) } else { row })
        .collect();
    let effects = Did::new("wage", "first").fit(&panel_of(&rows)).unwrap();
    assert!(codes(&effects).contains(&"few_treated"), "{:?}", codes(&effects));
}

#[test]
fn a_placebo_in_time_is_the_design_on_the_outcomes_before() {
    let rows = wages(8, 300, 0.1);
    let did = Did::new("wage", "first").weights("weight");
    let own = did.clone().placebo(Placebo::Periods(2)).fit(&panel_of(&rows)).unwrap();
    let by_hand: Vec<Row> = rows
        .iter()
        .copied()
        .filter(|row| row.2 == 0 || row.1 < row.2)
        .map(|row| (row.0, row.1, if row.2 == 0 { 0 } else { row.2 - 2 }, row.3, row.4, row.5))
        .collect();
    let twin = did.clone().fit(&panel_of(&by_hand)).unwrap();
    assert_eq!(own.estimates().len(), twin.estimates().len());
    for (a, b) in own.estimates().iter().zip(twin.estimates()) {
        assert!((a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-14);
    }
    assert!(own.estimand().starts_with("placebo, as if treated 2 periods earlier"));
    let mean = own.aggregate(&Aggregate::new(By::Simple)).unwrap();
    assert!(mean.rows()[0].estimate.abs() < 3.0 * mean.std_errors()[0]);
    let error = did.placebo(Placebo::Periods(0)).fit(&panel_of(&rows)).unwrap_err();
    assert!(error.to_string().contains("placebo"));
}

#[test]
fn a_placebo_in_a_group_leaves_the_treated_out() {
    let rows = wages(9, 400, 0.0);
    // the column: half of the never treated as if they had started in 2004
    let pretend = |row: &Row| if row.2 == 0 && row.0 % 2 == 0 { 2004.0 } else { 0.0 };
    let with: Vec<Row> =
        rows.iter().map(|row| (row.0, row.1, row.2, row.3, row.4, pretend(row))).collect();
    let own = Did::new("wage", "first").placebo(Placebo::Group("age".to_owned()));
    let own = own.fit(&panel_of(&with)).unwrap();
    let by_hand: Vec<Row> = with
        .iter()
        .copied()
        .filter(|row| row.2 == 0)
        .map(|row| (row.0, row.1, row.5 as i64, row.3, row.4, row.5))
        .collect();
    let twin = Did::new("wage", "first").fit(&panel_of(&by_hand)).unwrap();
    assert_eq!(own.estimates(), twin.estimates());
    let step = own.account().steps().last().unwrap().clone();
    let left = step.excluded.iter().find(|out| out.reason.contains("placebo in a group"));
    assert!(left.is_some_and(|out| out.count.rows > 0));
}

#[test]
fn fixed_shares_leave_the_mean_of_fixed_weights() {
    let panel = invented();
    let did = Did::new("wage", "first").method(Method::SunAbraham);
    let (own, fixed) =
        (did.clone().fit(&panel).unwrap(), did.shares(ShareRule::Fixed).fit(&panel).unwrap());
    assert_eq!(own.std_errors(), fixed.std_errors());
    let simple = |effects: &Effects| effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    let after: Vec<usize> = (0..fixed.len())
        .filter(|&at| fixed.rows()[at].phase == Phase::After && fixed.estimates()[at].is_finite())
        .collect();
    let weight = |at: usize| fixed.rows()[at].n_treated as f64;
    let total: f64 = after.iter().map(|&at| weight(at)).sum();
    let (vcov, k) = (fixed.vcov(), fixed.len());
    let mut variance = 0.0;
    for &i in &after {
        for &j in &after {
            variance += weight(i) * weight(j) * vcov[i * k + j] / total / total;
        }
    }
    close("fixed", simple(&fixed).std_errors()[0], variance.sqrt(), 1e-12);
    assert!(simple(&own).std_errors()[0] > variance.sqrt());
}

/// fixest's `sunab` with `agg = "ATT"`, to printed digits.
#[test]
fn fixed_shares_equal_fixest_on_mpdta() {
    let Some((panel, reference)) = super::evaluate::mpdta() else { return };
    let did = Did::new("lemp", "first_treat").method(Method::SunAbraham);
    let effects = did.shares(ShareRule::Fixed).fit(&panel).unwrap();
    let simple = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
    let expected = reference["fixest"]["sunab_att"]["se"].as_f64().unwrap();
    close("se", simple.std_errors()[0], expected, 1e-12);
}

#[test]
fn errors_from_interquartile_ranges_come_near_the_analytic_ones() {
    let effects = Did::new("wage", "first").fit(&invented()).unwrap();
    let event = effects.aggregate(&Aggregate::new(By::Event)).unwrap();
    let ticket = Ticket::new();
    let bands = Bands::Quantiles { draws: 40_000, seed: Seed::new(1) };
    let table = event.tidy(bands, 0.05, &ticket).unwrap();
    let own = table.column("x", "std_error").unwrap().to_floats("x", "std_error").unwrap();
    for (own, analytic) in own.iter().zip(event.std_errors()) {
        assert!((own / analytic - 1.0).abs() < 0.03 && *own != analytic, "{own} {analytic}");
    }
    let sup = Bands::SupT { draws: 40_000, seed: Seed::new(1) };
    let (a, b) =
        (event.reach(bands, 0.05, &ticket).unwrap(), event.reach(sup, 0.05, &ticket).unwrap());
    assert!((a - b).abs() < 0.05, "{a} {b}");
    let few = Bands::Quantiles { draws: 10, seed: Seed::new(1) };
    assert!(event.tidy(few, 0.05, &ticket).is_err());
}

/// The slope that the test is said to find in 80 % of samples is found in 80 % of samples.
#[test]
fn the_power_of_the_pretest_is_what_it_says() {
    for base in [Base::Varying, Base::Universal] {
        let did = Did::new("wage", "first").base(base).controls(Controls::Never);
        let event = |rows: &[Row]| {
            let effects = did.fit(&panel_of(rows)).unwrap();
            effects.aggregate(&Aggregate::new(By::Event)).unwrap()
        };
        let slope = event(&wages(100, 300, 0.0)).pretest().unwrap().slope_80;
        let mut found = 0;
        for seed in 0..200 {
            let mut rows = wages(1000 + seed, 300, 0.0);
            for row in rows.iter_mut().filter(|row| row.2 > 0) {
                row.3 += slope * (row.1 - 2001) as f64;
            }
            found += u32::from(event(&rows).pretest().unwrap().p_value < 0.05);
        }
        assert!((140..=182).contains(&found), "{found} of 200");
    }
}

#[test]
fn what_peers_got_wrong_is_said_here() {
    // the never treated vanish when only complete units are taken: a reason, not silence
    let rows = wages(12, 120, 0.0);
    let gone: Vec<Row> = rows.iter().copied().filter(|row| row.2 > 0 || row.1 != 2005).collect();
    let did = Did::new("wage", "first").gaps(Gaps::Balanced).controls(Controls::Never);
    let error = did.fit(&panel_of(&gone)).unwrap_err();
    assert!(error.to_string().contains("no unit is never treated"), "{error}");
    // a covariate that is constant in one small comparison: that cell alone has no estimate
    let flat: Vec<Row> = rows
        .iter()
        .map(|row| (row.0, row.1, row.2, row.3, row.4, if row.2 == 2003 { 0.5 } else { row.5 }))
        .map(|row| if row.2 == 0 { (row.0, row.1, row.2, row.3, row.4, 0.5) } else { row })
        .collect();
    let did = Did::new("wage", "first").covariates(["age"]).controls(Controls::NotYet);
    let effects = did.fit(&panel_of(&flat)).unwrap();
    let lacking = effects.rows().iter().filter(|row| row.status.reason().is_some());
    assert!(lacking.clone().count() > 0);
    assert!(lacking.into_iter().all(|row| row.status.reason().unwrap().contains("collinear")));
    assert!(effects.estimates().iter().any(|value| value.is_finite()));
    // two rows of one person in one year are no panel
    let mut twice = rows.clone();
    twice.push(rows[0]);
    let table = Table::new([
        ("person", Column::int(twice.iter().map(|row| row.0).collect())),
        ("year", Column::int(twice.iter().map(|row| row.1).collect())),
    ])
    .unwrap();
    assert!(Panel::from_table(&table, "person", "year", Unit::Year).is_err());
}

/// Triple differences of moderndid's port of `triplediff`.
#[test]
fn triple_differences_equal_moderndid() {
    let (panel, oracle) = (invented(), oracle());
    let did = Did::new("wage", "first").method(Method::TripleDifference).partition("woman");
    let never = did.clone().controls(Controls::Never);
    cells_equal("never", &never.clone().fit(&panel).unwrap(), &oracle["triple_never"], 1e-9);
    let given = never.covariates(["x1"]);
    cells_equal("given x1", &given.fit(&panel).unwrap(), &oracle["triple_never_x1"], 1e-6);
    // several cohorts: the peer's precision weights are ours
    let effects = did.fit(&panel).unwrap();
    for cell in oracle["triple_notyet"].as_array().unwrap() {
        let place = |row: &kruispunt::data::Effect| {
            row.cohort.map(i64::from) == cell["cohort"].as_i64()
                && row.period.map(i64::from) == cell["t"].as_i64()
        };
        let at = effects.rows().iter().position(place).unwrap();
        let peer = cell["att"].as_f64().unwrap();
        close(&cell.to_string(), effects.rows()[at].estimate, peer, 1e-8);
    }
}

/// In two periods with one treated cohort it is the coefficient of the triple interaction.
#[test]
fn triple_differences_of_two_periods_are_a_difference_of_eight_means() {
    let rows: Vec<Row> = wages(31, 160, 0.0)
        .into_iter()
        .filter(|row| (row.2 == 0 || row.2 == 2004) && (row.1 == 2003 || row.1 == 2004))
        .map(|row| (row.0, row.1, row.2, row.3, row.4, (row.0 % 2) as f64))
        .collect();
    let did = Did::new("wage", "first").method(Method::TripleDifference).partition("age");
    let effects = did.clone().fit(&panel_of(&rows)).unwrap();
    let mean = |first: i64, kind: f64, year: i64| {
        let own = |row: &&Row| row.2 == first && row.5 == kind && row.1 == year;
        let own: Vec<f64> = rows.iter().filter(own).map(|row| row.3).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    let change = |first, kind| mean(first, kind, 2004) - mean(first, kind, 2003);
    let expected = (change(2004, 1.0) - change(2004, 0.0)) - (change(0, 1.0) - change(0, 0.0));
    let at = effects.rows().iter().position(|row| row.phase == Phase::After).unwrap();
    close("interaction", effects.rows()[at].estimate, expected, 1e-12);
    let missing = Did::new("wage", "first").method(Method::TripleDifference);
    let error = missing.fit(&panel_of(&rows)).unwrap_err();
    assert!(error.to_string().contains("partition"), "{error}");
    let error = did.partition("weight").fit(&panel_of(&rows)).unwrap_err();
    assert!(error.to_string().contains("neither 0 nor 1"), "{error}");
    let other = Did::new("wage", "first").partition("age").fit(&panel_of(&rows)).unwrap_err();
    assert!(other.to_string().contains("ddd"), "{other}");
}

/// A trend of one kind of unit that does not depend on treatment misleads double differences.
#[test]
fn triple_differences_take_out_what_one_kind_of_unit_goes_through() {
    let kind = |person: i64| person % 2 == 0;
    let rows: Vec<Row> = wages(32, 2000, 0.1)
        .into_iter()
        .map(|row| {
            let (since, person) = (row.1 - row.2, row.0);
            let effect = if row.2 > 0 && since >= 0 { 1.0 + 0.3 * since as f64 } else { 0.0 };
            // the policy is for one kind alone; cohorts have trends of their own
            let own = if kind(person) { 0.0 } else { -effect };
            let shock = 0.3 * (row.2 % 5) as f64 * (row.1 - 2001) as f64;
            let wage = row.3 + own + shock;
            (person, row.1, row.2, wage, row.4, f64::from(u8::from(kind(person))))
        })
        .collect();
    let treated = rows.iter().filter(|row| row.2 > 0 && row.1 >= row.2 && row.5 == 1.0);
    let truth: f64 = treated.clone().map(|row| 1.0 + 0.3 * (row.1 - row.2) as f64).sum();
    let truth = truth / treated.count() as f64;
    let simple = |did: Did| {
        let effects = did.fit(&panel_of(&rows)).unwrap();
        let mean = effects.aggregate(&Aggregate::new(By::Simple)).unwrap();
        (mean.rows()[0].estimate, mean.std_errors()[0])
    };
    let did = Did::new("wage", "first").method(Method::TripleDifference).partition("age");
    for controls in [Controls::Never, Controls::NotYet] {
        let (estimate, se) = simple(did.clone().controls(controls));
        assert!((estimate - truth).abs() < 3.0 * se + 0.02, "{estimate} {se} {truth}");
    }
    let (double, se) = simple(Did::new("wage", "first"));
    assert!((double - truth).abs() > 5.0 * se, "{double} {truth}");
}

#[test]
fn errors_of_triple_differences_equal_the_infinitesimal_jackknife() {
    let rows: Vec<Row> = wages(33, 90, 0.0)
        .into_iter()
        .map(|row| (row.0, row.1, row.2, row.3, row.4, (row.0 % 2) as f64))
        .collect();
    let did = Did::new("wage", "first").method(Method::TripleDifference).partition("age");
    let did = did.controls(Controls::Never).weights("weight");
    jackknife(&rows, |panel| {
        did.fit(panel).unwrap().aggregate(&Aggregate::new(By::Event)).unwrap()
    });
}

/// Doses of diff-diff's port of `contdid`, which takes shares of cohorts as fixed.
#[test]
fn doses_equal_diff_diff() {
    let (panel, oracle) = (invented(), oracle());
    let did = Did::new("wage", "first").shares(ShareRule::Fixed);
    let never = || did.clone().controls(Controls::Never);
    let cases = [
        ("dose_cubic", never(), DoseCurve::Spline { degree: 3, knots: 0 }),
        ("dose_cubic", never(), DoseCurve::Polynomial(3)),
        ("dose_knots", never(), DoseCurve::Spline { degree: 2, knots: 1 }),
        ("dose_line", never(), DoseCurve::Polynomial(1)),
        ("dose_notyet", did.clone(), DoseCurve::Polynomial(1)),
    ];
    for (name, did, curve) in cases {
        let expected = &oracle[name];
        let at = floats(&expected["at"]);
        let model = DoseResponse::new(did, "hours").curve(curve).at(at.clone());
        let own = model.fit(&panel).unwrap();
        let errors = own.std_errors();
        let m = at.len();
        for (key, values) in [
            ("level", own.levels()),
            ("slope", own.slopes()),
            ("level_error", &errors[..m]),
            ("slope_error", &errors[m..2 * m]),
            ("overall", &own.overall()),
        ] {
            for (value, peer) in values.iter().zip(floats(&expected[key])) {
                close(&format!("{name} {key}"), *value, peer, 1e-9);
            }
        }
        close(name, errors[2 * m], expected["overall_error"].as_f64().unwrap(), 1e-9);
    }
}

/// Wages that rise with the dose, in rows whose sixth number is the dose.
fn dosed(seed: u64, n: u64) -> Vec<Row> {
    let draws = Seed::new(seed);
    wages(seed, n, 0.0)
        .into_iter()
        .map(|row| {
            let dose = 1.0 + 9.0 * draws.uniform([row.0 as u64, 77, 0]);
            let treated = row.2 > 0 && row.1 >= row.2;
            let wage = row.3 + if treated { 0.1 * dose * dose } else { 0.0 };
            let wage = wage - 0.3 * row.5 * (row.1 - 2001) as f64;
            (row.0, row.1, row.2, wage, row.4, if row.2 > 0 { dose } else { 0.0 })
        })
        .collect()
}

#[test]
fn errors_of_doses_equal_the_infinitesimal_jackknife() {
    let rows = dosed(41, 70);
    let did = Did::new("wage", "first").weights("weight");
    let model = DoseResponse::new(did, "age").curve(DoseCurve::Polynomial(2)).at([2.0, 5.0, 8.0]);
    let fit = |rows: &[Row]| model.fit(&panel_of(rows)).unwrap();
    let all = |own: &kruispunt::evaluate::DoseEffects| {
        let mut values = [own.levels(), own.slopes()].concat();
        values.extend(own.overall());
        values
    };
    let own = fit(&rows);
    let mut variance = vec![0.0; 8];
    for person in 0..70_i64 {
        let moved = |by: f64| {
            let scale = |row: &Row| if row.0 == person { row.4 * (1.0 + by) } else { row.4 };
            let rows: Vec<Row> =
                rows.iter().map(|row| (row.0, row.1, row.2, row.3, scale(row), row.5)).collect();
            all(&fit(&rows))
        };
        for (slot, (up, down)) in variance.iter_mut().zip(moved(1e-4).iter().zip(moved(-1e-4))) {
            *slot += ((up - down) / 2e-4).powi(2);
        }
    }
    for (se, variance) in own.std_errors().iter().zip(variance) {
        close("jackknife", *se, variance.sqrt(), 1e-5);
    }
}

#[test]
fn the_curve_of_doses_is_found_and_nonsense_refused() {
    let rows = dosed(42, 6000);
    let did = || Did::new("wage", "first");
    let panel = panel_of(&rows);
    let truth = |dose: f64, years: f64| 0.1 * dose * dose + 1.0 + 0.3 * years;
    // years since treatment: a plain mean over each cohort's periods, cohorts alike
    let years = (f64::from((0..=4).sum::<i32>()) / 5.0 + 1.5 + 0.5) / 3.0;
    let model = DoseResponse::new(did(), "age").curve(DoseCurve::Spline { degree: 3, knots: 2 });
    let own = model.clone().at([2.0, 5.0, 9.0]).fit(&panel).unwrap();
    let errors = own.std_errors();
    for (at, dose) in [2.0, 5.0, 9.0].into_iter().enumerate() {
        let gap = own.levels()[at] - truth(dose, years);
        assert!(gap.abs() < 4.0 * errors[at] + 0.02, "{dose} {gap} {}", errors[at]);
        let gap = own.slopes()[at] - 0.2 * dose;
        assert!(gap.abs() < 4.0 * errors[at + 3], "{dose} {gap} {}", errors[at + 3]);
    }
    assert!(own.cautions().iter().any(|own| own.code == "strong_parallel_trends"));
    let table = own.tidy(0.05, 2000, Seed::new(1)).unwrap();
    assert_eq!(table.n_rows(), 4);
    // bins: the level of a bin is the mean comparison of its units
    let bins = model.clone().curve(DoseCurve::Bins(vec![5.0])).at([2.0, 8.0]).fit(&panel).unwrap();
    let high: Vec<Row> = rows.iter().copied().filter(|row| row.2 == 0 || row.5 > 5.0).collect();
    assert!(bins.slopes().iter().all(|slope| slope.is_nan()));
    let never = did().controls(Controls::Never);
    let alone = never.clone().fit(&panel_of(&high)).unwrap();
    let group = alone.aggregate(&Aggregate::new(By::Group)).unwrap();
    let model = DoseResponse::new(never, "age").curve(DoseCurve::Bins(vec![5.0])).at([8.0]);
    let level = model.fit(&panel).unwrap().levels()[0];
    // cohorts are weighted by all their treated there, by those above 5 here
    assert!((level - group.rows().last().unwrap().estimate).abs() < 0.05);
    let refused = |model: &DoseResponse| model.fit(&panel).unwrap_err().to_string();
    let base = DoseResponse::new(did(), "age");
    assert!(refused(&base.clone().at([1000.0])).contains("`at`"));
    assert!(refused(&base.clone().curve(DoseCurve::Polynomial(0))).contains("degree"));
    assert!(refused(&base.curve(DoseCurve::Bins(vec![3.0, 2.0]))).contains("ascending"));
    assert!(refused(&DoseResponse::new(did(), "wage")).contains("dose"));
    let sa = did().method(Method::SunAbraham);
    assert!(refused(&DoseResponse::new(sa, "age")).contains("dose"));
}
