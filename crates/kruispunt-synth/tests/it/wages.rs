//! The linear outcomes follow their formula, so estimators can be held to it.

use crate::{days, floats, ints, since_2005, texts, world};
use kruispunt_synth::{Imperfections, Scale, World};
use std::collections::HashMap;

fn params(world: &World) -> HashMap<String, f64> {
    let table = world.truth("params").unwrap();
    let names = texts(table, "name").into_iter().flatten();
    names.zip(floats(table, "value").iter().copied()).collect()
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (spread / n).sqrt())
}

#[test]
fn the_log_day_wage_is_the_sum_of_its_parts_and_noise() {
    let world = world(Scale::Test, Imperfections::none());
    let params = params(&world);
    let latent = world.truth("latent").unwrap();
    let (kinds, starts) = (texts(latent, "training"), days(latent, "start"));
    let row_of: HashMap<i64, usize> =
        ints(latent, "pid").iter().enumerate().map(|(row, pid)| (*pid, row)).collect();
    let effects = world.truth("employer_effects").unwrap();
    let psi: HashMap<i64, f64> = ints(effects, "matric")
        .iter()
        .copied()
        .zip(floats(effects, "psi").iter().copied())
        .collect();
    let jobs = world.table("dmfa_jobs").unwrap();
    let quarters = days(jobs, "quarter");
    let mut noise = Vec::new();
    let mut trained: HashMap<String, Vec<f64>> = HashMap::new();
    for row in 0..jobs.n_rows() {
        let own = row_of[&ints(jobs, "pid")[row]];
        let quarter = quarters[row].unwrap();
        let full_time = ints(jobs, "ft_flag")[row] == 1;
        let (wage, days, hours) = (
            floats(jobs, "wage_ord")[row],
            floats(jobs, "days_ft")[row],
            floats(jobs, "hours_pt")[row],
        );
        let day_wage = if full_time { wage / days } else { wage * 7.6 / hours };
        let label = format!("{}Q{}", quarter / 4, quarter % 4 + 1);
        let mut rest = day_wage.ln()
            - params["wage.base"]
            - params[&format!("wage.quarter.{label}")]
            - floats(latent, "theta")[own]
            - psi[&ints(jobs, "matric")[row]]
            - ints(jobs, "temp_agency")[row] as f64 * params["wage.agency"];
        if !full_time {
            rest -= params["wage.part_time"];
        }
        if let (Some(kind), Some(start)) = (&kinds[own], starts[own]) {
            let done = start + params[&format!("length.{kind}")] as i32;
            if quarter >= done {
                trained.entry(kind.clone()).or_default().push(rest);
                rest -= params[&format!("wage.tau.{kind}")];
            }
        }
        noise.push(rest);
    }
    let (centre, error) = mean(&noise);
    assert!(centre.abs() < 4.0 * error);
    let spread = error * (noise.len() as f64).sqrt();
    assert!((spread - params["wage.sd"]).abs() < 0.002);
    for (kind, rests) in trained {
        let (value, error) = mean(&rests);
        assert!((value - params[&format!("wage.tau.{kind}")]).abs() < 4.0 * error, "{kind}");
    }
}

#[test]
fn the_roll_out_has_its_effect_by_cohort_and_time() {
    let world = world(Scale::Chair, Imperfections::none());
    let params = params(&world);
    let truth = world.truth("rollout").unwrap();
    let cohorts = days(truth, "cohort");
    let effect: HashMap<(usize, i64), f64> = (0..truth.n_rows())
        .map(|row| {
            let key = (since_2005(cohorts[row].unwrap()), ints(truth, "e")[row]);
            (key, floats(truth, "value")[row])
        })
        .collect();
    assert_eq!(effect[&(8, 0)], 0.010);
    assert!((effect[&(28, 4)] - 0.010).abs() < 1e-12);
    let places = world.table("municipalities").unwrap();
    let adopted: HashMap<String, Option<i32>> =
        texts(places, "nis5").into_iter().flatten().zip(days(places, "adoption")).collect();
    let outcome = world.table("rollout_outcome").unwrap();
    let (nis5, quarters) = (texts(outcome, "nis5"), days(outcome, "quarter"));
    let mut before: HashMap<i64, (f64, f64)> = HashMap::new();
    let mut after: HashMap<i64, (f64, f64)> = HashMap::new();
    for row in 0..outcome.n_rows() {
        let quarter = quarters[row].unwrap();
        let Some(adoption) = adopted[nis5[row].as_ref().unwrap()] else { continue };
        let label = format!("{}Q{}", quarter / 4, quarter % 4 + 1);
        let mut rest =
            floats(outcome, "service_index")[row] - params[&format!("rollout.quarter.{label}")];
        let side = if quarter >= adoption {
            rest -= effect[&(since_2005(adoption), i64::from(quarter - adoption))];
            &mut after
        } else {
            &mut before
        };
        let sums = side.entry(ints(outcome, "pid")[row]).or_default();
        *sums = (sums.0 + rest, sums.1 + 1.0);
    }
    let changes: Vec<f64> = before
        .iter()
        .filter_map(|(pid, (sum, n))| {
            let (later, m) = after.get(pid)?;
            Some(later / m - sum / n)
        })
        .collect();
    let (change, error) = mean(&changes);
    assert!(changes.len() > 5_000 && change.abs() < 4.0 * error);
}
