//! Dynamic matching against a slow twin, a regression, and the truth of simulated panels.

use kruispunt::data::{Calendar, Column, Panel, Period, Phase, Seed, Table, Ticket, Unit};
use kruispunt::estimate::{FeOls, Vcov};
use kruispunt::evaluate::{Against, Distance, DynamicMatching, EvaluateError, Reuse};
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
    let error = matching().fit(&nobody).unwrap_err();
    assert!(matches!(error, EvaluateError::BadArgument { argument: "eligible", .. }), "{error}");
    let alone = matching().exact(["pid"]).fit(&panel).unwrap_err();
    assert!(matches!(alone, EvaluateError::NothingEstimable { .. }), "{alone}");
    let far = matching().exact(["group"]).horizons([1, 40]).fit(&panel).unwrap();
    assert!(far.estimates()[1].is_nan() && far.std_errors()[1].is_nan());
    let mut y = panel.column("y", "y").unwrap().to_floats("y", "y").unwrap();
    y[3] = f64::INFINITY;
    let infinite = panel.with_column("y", Column::float(y)).unwrap();
    assert!(matches!(matching().fit(&infinite), Err(EvaluateError::NotFinite { row: 3, .. })));
}

/// Starters of a cell and the controls a slow hand would give them.
#[test]
fn nearest_controls_are_those_found_by_hand() {
    let persons = simulate(500, 10, 11, 1.0);
    let panel = panel(&persons);
    // A number per person and period that decides who is near.
    let x: Vec<f64> = (0..panel.n_rows()).map(|row| ((row * 7919) % 101) as f64 / 7.0).collect();
    let panel = panel.with_column("x", Column::float(x.clone())).unwrap();
    let effects = DynamicMatching::new("y", "cohort", "seeking")
        .exact(["group"])
        .duration(3)
        .horizons([2])
        .covariates(["x"])
        .distance(Distance::Mahalanobis)
        .nearest(2)
        .fit(&panel)
        .unwrap();
    let rows = risk_sets(&persons, 2);
    let place = |own: &AtRisk| x[own.0 * 10 + own.2.0];
    let (mut total, mut n) = (0.0, 0);
    for own in rows.iter().filter(|own| own.1) {
        let mut near: Vec<(f64, f64)> = rows
            .iter()
            .filter(|other| !other.1 && other.2 == own.2)
            .map(|other| ((place(other) - place(own)).abs(), other.3))
            .collect();
        if near.is_empty() {
            continue;
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let last = near[1.min(near.len() - 1)].0;
        near.retain(|other| other.0 <= last + 1e-9);
        total += own.3 - near.iter().map(|own| own.1).sum::<f64>() / near.len() as f64;
        n += 1;
    }
    let row = &effects.rows()[0];
    assert_eq!(row.n_treated, n);
    assert!((row.estimate - total / n as f64).abs() < 1e-12, "{row:?} {}", total / n as f64);
}

#[test]
fn ways_to_match_agree_where_they_must_and_find_the_truth() {
    let panel = panel(&simulate(2500, 12, 21, 1.5));
    let z: Vec<f64> = panel.column("", "group").unwrap().to_floats("", "group").unwrap();
    let panel = panel.with_column("z", Column::float(z)).unwrap();
    let base = || DynamicMatching::new("y", "cohort", "seeking").duration(2).horizons([-1, 1, 2]);
    let cells = base().exact(["group"]).fit(&panel).unwrap();
    // A covariate of three values: the nearest, with all ties, are the cell.
    let ties = base().covariates(["z"]).nearest(1).caliper(0.01).fit(&panel).unwrap();
    let coarse = base().coarse("z", [0.5, 1.5]).fit(&panel).unwrap();
    for h in 0..3 {
        assert!((cells.estimates()[h] - coarse.estimates()[h]).abs() < 1e-12);
        assert!((cells.estimates()[h] - ties.estimates()[h]).abs() < 1e-9);
        let ratio = ties.std_errors()[h] / cells.std_errors()[h];
        assert!((0.85..1.15).contains(&ratio), "{ratio}");
    }
    let ways = [
        base().covariates(["z"]).nearest(3).reuse(Reuse::Without),
        base().covariates(["z"]).history(1).kernel(0.05),
        base().history(1).exact(["group"]).nearest(5),
        base().exact(["group"]).bootstrap(60, Seed::new(4)),
        base().covariates(["z"]).nearest(1).bootstrap(60, Seed::new(4)),
        base().covariates(["z"]).nearest(2).distance(Distance::Mahalanobis),
    ];
    for way in ways {
        let own = way.fit(&panel).unwrap();
        let se = own.std_errors()[1];
        assert!((own.estimates()[1] - 1.5).abs() < 4.0 * se, "{}: {se}", own.method());
        assert!((0.5..2.0).contains(&(se / cells.std_errors()[1])), "{}: {se}", own.method());
        assert!(own.account().last().unwrap().adds_up());
    }
}

#[test]
fn formula_errors_of_matching_cover() {
    let (mut covered, draws) = (0, 60);
    for seed in 0..draws {
        let panel = panel(&simulate(400, 8, 900 + seed, 1.0));
        let z = panel.column("", "group").unwrap();
        let x: Vec<f64> = z
            .to_floats("", "group")
            .unwrap()
            .iter()
            .enumerate()
            .map(|(row, z)| z + ((row / 8 * 31) % 17) as f64 / 40.0)
            .collect();
        let panel = panel.with_column("x", Column::float(x)).unwrap();
        let own = DynamicMatching::new("y", "cohort", "seeking")
            .duration(2)
            .horizons([1])
            .covariates(["x"])
            .nearest(1)
            .fit(&panel)
            .unwrap();
        covered += usize::from((own.estimates()[0] - 1.0).abs() < 1.96 * own.std_errors()[0]);
    }
    assert!((52..=60).contains(&covered), "{covered} of {draws}");
}

#[test]
fn balance_groups_sums_and_pairs() {
    let panel = panel(&simulate(1500, 12, 31, 1.0));
    let z: Vec<f64> = panel.column("", "group").unwrap().to_floats("", "group").unwrap();
    let panel = panel.with_column("z", Column::float(z)).unwrap();
    let base = || {
        DynamicMatching::new("y", "cohort", "seeking").duration(2).covariates(["z"]).horizons(1..=4)
    };
    let near = base().nearest(1);
    let table = near.balance_with(&panel, &Ticket::new()).unwrap();
    let of = |name: &str| table.get(name).unwrap().to_floats("", name).unwrap();
    // Starting depends on the group: before, starters and others differ; after, they do not.
    assert!(of("difference_before")[0] > 0.1, "{:?}", of("difference_before"));
    assert!(of("difference_after")[0].abs() < 0.02, "{:?}", of("difference_after"));
    let groups = base().fit_by(&panel, "group", &Ticket::new()).unwrap();
    assert_eq!(groups.iter().map(|own| own.0.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    let n: u64 = groups.iter().map(|own| own.1.rows()[0].n_treated).sum();
    assert_eq!(n, base().exact(["group"]).fit(&panel).unwrap().rows()[0].n_treated);
    let effects = near.fit(&panel).unwrap();
    let sums = effects.cumulate().unwrap();
    assert!((sums.estimates()[3] - effects.estimates().iter().sum::<f64>()).abs() < 1e-12);
    let total: f64 = effects.vcov().iter().sum();
    assert!((sums.std_errors()[3].powi(2) - total).abs() < 1e-12);
    let even = effects.break_even(0.05, Seed::new(1), &Ticket::new()).unwrap();
    assert_eq!((even.at, even.low, even.never), (Some(1), Some(1), 0.0));
    let gaps = near.differences_with(&panel, 1, &Ticket::new()).unwrap();
    assert!(gaps.len() > 100 && gaps.iter().sum::<f64>() / gaps.len() as f64 > 0.5);
}

#[test]
fn matching_that_makes_no_sense_is_refused_by_name() {
    let panel = panel(&simulate(200, 8, 5, 1.0));
    let base = || DynamicMatching::new("y", "cohort", "seeking");
    for bad in [
        base().nearest(1),
        base().nearest(0).covariates(["group"]),
        base().kernel(0.0).covariates(["group"]),
        base().kernel(0.1).covariates(["group"]).distance(Distance::Mahalanobis),
        base().caliper(-1.0).covariates(["group"]).nearest(1),
        base().coarse("y", []),
        base().coarse("y", [2.0, 1.0]),
        base().versus("x"),
        base().bootstrap(3, Seed::new(1)),
        base().covariates(["nothing"]).nearest(1),
        base().only("group", "9"),
    ] {
        let error = bad.fit(&panel).unwrap_err();
        assert!(error.is_input(), "{error}");
    }
    // Who has no complete record is counted.
    let own = base().history(3).exact(["group"]).fit(&panel).unwrap();
    let step = own.account().last().unwrap();
    assert!(step.excluded.iter().any(|own| own.reason.contains("history window")), "{step:?}");
    // A covariate that tells starters apart.
    let starts: Vec<bool> = (0..panel.n_rows())
        .map(|row| {
            let cohort = panel.column("", "cohort").unwrap();
            let quarter = panel.period_column();
            cohort.label(row).is_some() && cohort.label(row) == quarter.label(row)
        })
        .collect();
    let told = panel.with_column("told", Column::bool(starts)).unwrap();
    let error = base().covariates(["told"]).nearest(1).fit(&told).unwrap_err();
    assert!(matches!(error, EvaluateError::Separated { .. }), "{error}");
}
