//! The same bits on any number of threads.

use kruispunt::data::{Calendar, Column, Day, Spells, Table};
use kruispunt::estimate::{FeOls, Vcov};
use kruispunt::linkage::{Comparison, Linker, Measure};
use kruispunt::panel::{Attach, Merge, SpellColumns, StateRule, ToPanel};
use std::fmt::Debug;

/// Runs in pools of 1, 2 and 7 threads; all see the same. Debug writes numbers to the last bit.
fn same(run: impl Fn() -> String + Sync) {
    let seen: Vec<String> = [1, 2, 7]
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&run)
        })
        .to_vec();
    assert!(!seen[0].is_empty());
    assert!(seen[0] == seen[1] && seen[0] == seen[2]);
}

fn bits(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn mixed(row: usize, salt: usize) -> usize {
    let mut z = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (salt as u64) << 32;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as usize
}

fn people(n: usize, slips: usize) -> Table {
    let names: Vec<String> = (0..n)
        .map(|row| {
            let (a, b) = (mixed(row, 1) % 300, mixed(row, 2) % 7);
            let slip = if mixed(row, 3) % 10 < slips { "x" } else { "" };
            format!("na{a}me{slip}{b}")
        })
        .collect();
    let births: Vec<Option<Day>> = (0..n)
        .map(|row| Some(Day((mixed(row, 4) % 9000) as i32 + i32::from(mixed(row, 5) % 20 < slips))))
        .collect();
    Table::new([
        ("surname", Column::text(names.iter().map(|name| Some(name.as_str())))),
        ("birth_date", Column::dates(&births)),
        ("postcode", Column::int((0..n).map(|row| 1000 + (mixed(row, 6) % 90) as i64).collect())),
    ])
    .unwrap()
}

#[test]
fn linkage_does_not_depend_on_threads() {
    let (left, right) = (people(4000, 2), people(3000, 0));
    let linker = Linker::new()
        .compare(Comparison::name("surname").tf())
        .compare(Comparison::date("birth_date"))
        .compare(Comparison::text("postcode", Measure::Osa, [1.0, 2.0]))
        .block(["surname"])
        .block(["birth_date"])
        .draws(50_000);
    same(|| {
        let trained = linker.train(&left, &right).unwrap();
        let links = trained.link(&left, &right).unwrap();
        let twice = trained.train_dedupe(&left).unwrap().dedupe(&left).unwrap();
        format!("{}{}{}", trained.to_json().unwrap(), bits(&links), bits(&twice))
    });
}

#[test]
fn panels_and_fits_do_not_depend_on_threads() {
    let n = 30_000;
    let starts: Vec<i32> = (0..n).map(|row| (mixed(row, 7) % 3000) as i32).collect();
    let days = |more: fn(usize) -> i32| {
        Column::dates(&(0..n).map(|row| Some(Day(starts[row] + more(row)))).collect::<Vec<_>>())
    };
    let table = Table::new([
        ("pid", Column::int((0..n).map(|row| (mixed(row, 8) % 6000) as i64).collect())),
        ("start", days(|_| 0)),
        ("end", days(|row| (mixed(row, 9) % 400) as i32)),
        ("status", Column::text((0..n).map(|row| Some(["a", "b", "c"][mixed(row, 10) % 3])))),
        (
            "wage",
            Column::float((0..n).map(|row| (mixed(row, 11) % 100_003) as f64 / 7.0).collect()),
        ),
        ("firm", Column::int((0..n).map(|row| (mixed(row, 12) % 2500) as i64).collect())),
    ])
    .unwrap();
    let columns = SpellColumns::new("pid", "start", "end").state("status").carry(["wage", "firm"]);
    let calendar = Calendar::quarters("1970Q1", "1978Q4").unwrap();
    same(|| {
        let spells = Spells::read(&table, &columns).unwrap();
        let merged = spells.merge(&Merge::days(10)).unwrap();
        let what = ToPanel::new().state(StateRule::Dominant).days().values(["firm"]).sum(["wage"]);
        let timeline = spells.resolve(["-wage"]).unwrap();
        let panel = timeline.to_panel(&calendar, &what).unwrap();
        let panel =
            panel.attach(&merged, &Attach::Cumulative, "jobs").unwrap().lag("wage", 1).unwrap();
        let cells: Vec<String> = panel
            .table()
            .columns()
            .iter()
            .map(|column| (0..panel.n_rows()).map(|row| bits(&column.label(row))).collect())
            .collect();
        let vcov = Vcov::clusters(["pid", "quarter"]);
        let fit = |formula: &str| {
            let fit = FeOls::new(formula).unwrap().vcov(vcov.clone()).fit(&panel.table()).unwrap();
            bits(&(fit.coef(), fit.vcov_matrix(), fit.resid().unwrap(), fit.fixef().unwrap()))
        };
        let fits = fit("wage ~ days + jobs | pid + quarter + firm")
            + &fit("wage ~ days*jobs | pid + quarter");
        format!("{cells:?}{:?}{fits}", panel.account())
    });
}
