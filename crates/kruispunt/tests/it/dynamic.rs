//! Dynamic matching against a slow twin, a regression, and the truth of simulated panels.

use kruispunt::data::{Calendar, Column, Panel, Period, Phase, Seed, Table, Unit};
use kruispunt::estimate::{FeOls, Vcov};
use kruispunt::evaluate::{Against, DynamicMatching, EvaluateError};
use std::collections::BTreeMap;

struct Person {
    start: Option<i32>,
    group: i64,
    eligible: Vec<bool>,
    y: Vec<f64>,
}

/// `n` persons over `t` quarters: who is eligible may start; the effect of a start is `effect`.
fn simulate(n: usize, t: usize, seed: u64, effect: f64) -> Vec<Person> {
    let seed = Seed::new(seed);
    (0..n)
        .map(|at| {
            let mut draws = 0;
            let mut next = || {
                draws += 1;
                seed.uniform([at as u64, draws, 0])
            };
            let group = (next() * 3.0) as i64;
            let mut eligible = Vec::new();
            let mut start = None;
            let mut y = Vec::new();
            let noise: f64 = next();
            let mut state = next() < 0.5;
            for period in 0..t {
                state = next() < if state { 0.8 } else { 0.3 };
                eligible.push(state);
                if state && start.is_none() && next() < 0.05 + 0.05 * group as f64 {
                    start = Some(period as i32);
                }
                let treated = start.is_some_and(|start| start < period as i32);
                let own = group as f64 + 0.1 * period as f64 + noise + next();
                y.push(own + if treated { effect } else { 0.0 });
            }
            Person { start, group, eligible, y }
        })
        .collect()
}

fn panel(persons: &[Person]) -> Panel {
    let calendar = Calendar::quarters("2005Q1", "2016Q4").unwrap();
    let base = calendar.period(0).number;
    let (mut pid, mut quarter, mut cohort) = (Vec::new(), Vec::new(), Vec::new());
    let (mut group, mut eligible, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for (at, person) in persons.iter().enumerate() {
        for t in 0..person.y.len() {
            pid.push(at as i64);
            quarter.push(base + t as i32);
            let label =
                |start: i32| Period { unit: Unit::Quarter, number: base + start }.to_string();
            cohort.push(person.start.map(label));
            group.push(person.group);
            eligible.push(person.eligible[t]);
            y.push(person.y[t]);
        }
    }
    let table = Table::new([
        ("pid", Column::int(pid)),
        ("quarter", Column::periods(Unit::Quarter, quarter)),
        ("cohort", Column::text(cohort.iter().map(Option::as_deref))),
        ("group", Column::int(group)),
        ("seeking", Column::bool(eligible)),
        ("y", Column::float(y)),
    ])
    .unwrap();
    Panel::from_table(&table, "pid", "quarter", Unit::Quarter).unwrap()
}

fn duration(person: &Person, t: usize) -> Option<usize> {
    let run = person.eligible[..=t].iter().rev().take_while(|eligible| **eligible).count();
    // A run from the start of the panel may be longer than it looks, unless 3 and more are one.
    (run <= t || run >= 3).then_some(run)
}

/// Period, duration and group.
type Cell = (usize, usize, i64);
/// Person, whether they start, cell, outcome.
type AtRisk = (usize, bool, Cell, f64);

/// Each risk set by hand.
fn risk_sets(persons: &[Person], e: usize) -> Vec<AtRisk> {
    let mut rows = Vec::new();
    for (at, person) in persons.iter().enumerate() {
        for t in 0..person.y.len() - e {
            if !person.eligible[t] || person.start.is_some_and(|start| start < t as i32) {
                continue;
            }
            let Some(run) = duration(person, t) else { continue };
            let starts = person.start == Some(t as i32);
            rows.push((at, starts, (t, run.min(3), person.group), person.y[t + e]));
        }
    }
    rows
}

#[test]
fn estimates_are_those_of_risk_sets_made_by_hand_and_of_a_weighted_regression() {
    let persons = simulate(600, 12, 7, 2.0);
    let panel = panel(&persons);
    let horizons = [1, 2, 4];
    let effects = DynamicMatching::new("y", "cohort", "seeking")
        .exact(["group"])
        .duration(3)
        .horizons(horizons)
        .fit(&panel)
        .unwrap();
    for (h, e) in horizons.into_iter().enumerate() {
        let rows = risk_sets(&persons, e as usize);
        let mut cells: BTreeMap<_, [Vec<f64>; 2]> = BTreeMap::new();
        for (_, starts, cell, y) in &rows {
            cells.entry(*cell).or_default()[usize::from(*starts)].push(*y);
        }
        cells.retain(|_, arms| arms.iter().all(|arm| !arm.is_empty()));
        let mean = |arm: &[f64]| arm.iter().sum::<f64>() / arm.len() as f64;
        let n: usize = cells.values().map(|arms| arms[1].len()).sum();
        let total: f64 =
            cells.values().map(|a| a[1].len() as f64 * (mean(&a[1]) - mean(&a[0]))).sum();
        let row = &effects.rows()[h];
        assert_eq!(row.n_treated as usize, n);
        assert!((row.estimate - total / n as f64).abs() < 1e-12, "{row:?}");

        let used: Vec<_> = rows.iter().filter(|row| cells.contains_key(&row.2)).collect();
        let weight = |row: &&&AtRisk| {
            let arms = &cells[&row.2];
            if row.1 { 1.0 } else { arms[1].len() as f64 / arms[0].len() as f64 }
        };
        let place = |cell| cells.keys().position(|own| own == cell).unwrap() as i64;
        let table = Table::new([
            ("y", Column::float(used.iter().map(|row| row.3).collect())),
            ("starts", Column::float(used.iter().map(|row| f64::from(u8::from(row.1))).collect())),
            ("cell", Column::int(used.iter().map(|row| place(&row.2)).collect())),
            ("pid", Column::int(used.iter().map(|row| row.0 as i64).collect())),
            ("w", Column::float(used.iter().map(|row| weight(&row)).collect())),
        ])
        .unwrap();
        let fit = FeOls::new("y ~ starts | cell")
            .unwrap()
            .weights("w")
            .vcov(Vcov::cluster("pid"))
            .fit(&table)
            .unwrap();
        assert!((row.estimate - fit.coef()[0]).abs() < 1e-10);
        let ratio = effects.std_errors()[h] / fit.std_errors()[0];
        assert!((0.9..1.15).contains(&ratio), "errors near those of the regression: {ratio}");
    }
    let step = effects.account().last().unwrap();
    assert!(step.adds_up(), "{step:?}");
    assert!(effects.comparison().contains("start later"), "{}", effects.comparison());
}

#[test]
fn the_truth_comes_back_and_intervals_cover_it() {
    let (mut covered, mut before, draws) = (0, 0, 100);
    for seed in 0..draws {
        let panel = panel(&simulate(300, 10, 100 + seed, 1.5));
        let effects = DynamicMatching::new("y", "cohort", "seeking")
            .exact(["group"])
            .duration(2)
            .horizons([-1, 0, 1])
            .fit(&panel)
            .unwrap();
        let (own, errors) = (effects.estimates(), effects.std_errors());
        // At the horizon 1 controls may have begun in the period after, which shows only later.
        covered += usize::from((own[2] - 1.5).abs() < 1.96 * errors[2]);
        before += usize::from(own[0].abs() < 1.96 * errors[0]);
        assert_eq!(effects.rows()[0].phase, Phase::Before);
    }
    for share in [covered, before] {
        assert!((88..=100).contains(&share), "{covered} and {before} of {draws}");
    }
}

#[test]
fn whom_one_compares_with_is_said_and_matters() {
    let panel = panel(&simulate(500, 12, 3, 1.0));
    let matching = || DynamicMatching::new("y", "cohort", "seeking").exact(["group"]).horizons([4]);
    let waiting = matching().fit(&panel).unwrap();
    let never = matching().against(Against::Never).fit(&panel).unwrap();
    assert!(never.rows()[0].n_control < waiting.rows()[0].n_control);
    assert!(waiting.estimand().contains("perhaps later"), "{}", waiting.estimand());
    assert!(never.cautions().iter().any(|own| own.code == "static_controls"));
    assert!(waiting.identified_share() > 0.5 && waiting.identified_share() <= 1.0);
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let panel = panel(&simulate(200, 8, 5, 1.0));
    let matching = || DynamicMatching::new("y", "cohort", "seeking");
    for bad in [
        matching().horizons([]),
        matching().horizons([1, 1]),
        matching().absent(f64::NAN),
        matching().kind("group", "nothing"),
        matching().exact(["nothing"]),
        DynamicMatching::new("quarter", "cohort", "seeking"),
        DynamicMatching::new("y", "cohort", "cohort"),
        DynamicMatching::new("y", "y", "seeking"),
    ] {
        let error = bad.fit(&panel).unwrap_err();
        assert!(error.is_input(), "{error}");
    }
    let nobody = panel.with_column("seeking", Column::bool(vec![false; panel.n_rows()])).unwrap();
    assert_eq!(matching().fit(&nobody).unwrap_err(), EvaluateError::NobodyTreated);
    let alone = matching().exact(["pid"]).fit(&panel).unwrap_err();
    assert!(matches!(alone, EvaluateError::NothingEstimable { .. }), "{alone}");
    let far = matching().exact(["group"]).horizons([1, 40]).fit(&panel).unwrap();
    assert!(far.estimates()[1].is_nan() && far.std_errors()[1].is_nan());
    let mut y = panel.column("y", "y").unwrap().to_floats("y", "y").unwrap();
    y[3] = f64::INFINITY;
    let infinite = panel.with_column("y", Column::float(y)).unwrap();
    assert!(matches!(matching().fit(&infinite), Err(EvaluateError::NotFinite { row: 3, .. })));
}
