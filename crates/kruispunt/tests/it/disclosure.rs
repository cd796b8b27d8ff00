//! What an attacker finds in protected tables: nothing under the minimum.

use kruispunt::data::{Column, Seed, Table, Ticket};
use kruispunt::report::{
    Disclosure, DisclosureError, Microdata, Protected, Reason, Released, Tabulated, Withheld,
};
use std::collections::BTreeMap;

/// A full table of counts with all totals over `sizes` labels.
fn counts(sizes: &[usize], seed: u64, most: f64) -> Table {
    let mut cells: Vec<(Vec<usize>, i64)> = vec![(Vec::new(), 0)];
    for size in sizes {
        cells = cells
            .iter()
            .flat_map(|(key, _)| (0..=*size).map(move |at| ([key.clone(), vec![at]].concat(), 0)))
            .collect();
    }
    let mut leaves = BTreeMap::new();
    let inner = cells.iter().filter(|(key, _)| key.iter().zip(sizes).all(|(k, n)| k < n));
    for (number, (key, _)) in (0..).zip(inner) {
        let draw = Seed::new(seed).uniform([number, 7, 0]);
        leaves.insert(key.clone(), (draw * draw * most) as i64);
    }
    for (key, n) in &mut cells {
        let fits = |leaf: &[usize]| {
            leaf.iter().zip(&*key).zip(sizes).all(|((leaf, own), size)| own == size || leaf == own)
        };
        *n = leaves.iter().filter(|(leaf, _)| fits(leaf)).map(|(_, n)| n).sum();
    }
    let mut table = Table::default();
    for (at, size) in sizes.iter().enumerate() {
        let labels: Vec<String> = cells
            .iter()
            .map(|(key, _)| if key[at] == *size { "total".into() } else { format!("l{}", key[at]) })
            .collect();
        table
            .push(format!("v{at}"), Column::text(labels.iter().map(|l| Some(l.as_str()))))
            .unwrap();
    }
    table.push("n", Column::int(cells.iter().map(|(_, n)| *n).collect())).unwrap();
    table
}

fn names(k: usize) -> Vec<String> {
    (0..k).map(|at| format!("v{at}")).collect()
}

fn shown(table: &Table, row: usize) -> Option<i64> {
    table.get("n").and_then(|n| n.label(row)).map(|n| n.parse().unwrap())
}

fn key(table: &Table, by: &[String], row: usize) -> Vec<String> {
    by.iter().map(|name| table.get(name).unwrap().label(row).unwrap()).collect()
}

/// An attacker who knows all labels and subtracts: takes every total whose parts are all known but
/// one, until nothing more is found. It shares no code with the library.
fn subtract(tables: &[(&Table, Vec<String>)], all: &[String]) -> BTreeMap<Vec<String>, i64> {
    let mut cells: BTreeMap<Vec<String>, Option<i64>> = BTreeMap::new();
    for (table, by) in tables {
        for row in 0..table.n_rows() {
            let own = key(table, by, row);
            let full: Vec<String> = all
                .iter()
                .map(|name| {
                    by.iter().position(|b| b == name).map_or("total".into(), |at| own[at].clone())
                })
                .collect();
            let value = shown(table, row);
            let entry = cells.entry(full).or_insert(value);
            *entry = entry.or(value);
        }
    }
    let mut found = BTreeMap::new();
    loop {
        let mut news = Vec::new();
        for at in 0..all.len() {
            let mut lines: BTreeMap<Vec<String>, Vec<(String, Option<i64>)>> = BTreeMap::new();
            for (key, value) in &cells {
                let mut line = key.clone();
                let label = std::mem::replace(&mut line[at], "*".into());
                lines.entry(line).or_default().push((label, *value));
            }
            for (line, own) in lines {
                let Some((_, total)) = own.iter().find(|(label, _)| label == "total") else {
                    continue;
                };
                let parts: Vec<_> = own.iter().filter(|(label, _)| label != "total").collect();
                let unknown: Vec<_> = parts.iter().filter(|(_, value)| value.is_none()).collect();
                let sum: i64 = parts.iter().filter_map(|(_, value)| *value).sum();
                let mut say = |label: &str, value: i64| {
                    let mut key = line.clone();
                    key[at] = label.into();
                    news.push((key, value));
                };
                match (total, unknown.len()) {
                    (None, 0) if !parts.is_empty() => say("total", sum),
                    (Some(total), 1) => say(&unknown[0].0, total - sum),
                    // nothing is left for those that are unknown
                    (Some(total), 2..) if *total == sum => {
                        for (label, _) in &unknown {
                            say(label, 0);
                        }
                    }
                    _ => {}
                }
            }
        }
        if news.is_empty() {
            return found;
        }
        for (key, value) in news {
            cells.insert(key.clone(), Some(value));
            found.insert(key, value);
        }
    }
}

fn protect(table: &Table, by: &[String], profile: &Disclosure) -> Protected {
    let asked = [Tabulated::new(table, by.to_vec(), "n")];
    profile.protect(&asked, &mut Released::default(), &Ticket::new()).unwrap().remove(0)
}

#[test]
fn subtracting_finds_nothing_under_the_minimum() {
    let profile = Disclosure::new().min_cell(5);
    let (mut withheld, mut own) = (0, 0);
    for (seed, sizes) in
        [vec![4, 5], vec![3, 3, 3], vec![9], vec![2, 2], vec![6, 8], vec![3, 2, 2, 3]]
            .iter()
            .cycle()
            .take(48)
            .enumerate()
    {
        let table = counts(sizes, seed as u64, 40.0);
        let by = names(sizes.len());
        let protected = protect(&table, &by, &profile);
        withheld += protected.withheld().len();
        own += protected.withheld().iter().filter(|c| *c.reason() == Reason::FewPersons).count();
        for row in 0..table.n_rows() {
            let n = shown(&table, row).unwrap();
            match shown(protected.table(), row) {
                Some(value) => assert!(value == n && (n == 0 || n >= 5), "{sizes:?} {seed}: {n}"),
                None => assert!(protected.withheld().iter().any(|cell| cell.row() == row)),
            }
        }
        let found = subtract(&[(protected.table(), by.clone())], &by);
        assert!(found.values().all(|n| *n == 0 || *n >= 5), "{sizes:?} {seed}: {found:?}");
        for cell in protected.attacked() {
            let (low, high) = cell.interval();
            assert!(cell.is_safe() && low <= cell.value() && cell.value() <= high);
            if cell.value() > 0.0 && cell.value() < 5.0 {
                assert!(low < cell.value() && high >= 5.0, "{sizes:?} {seed}: {cell:?}");
            }
        }
    }
    assert!(own > 200, "{own} sensitive cells are no test");
    // not everything is withheld for the sake of the rest
    assert!(withheld < 3 * own, "{withheld} withheld for {own}");
}

/// All tables of whole numbers that fit what is shown of a 3 x 3 table, counted one by one.
#[test]
fn the_attack_gives_the_bounds_of_all_tables_that_fit() {
    for seed in 0..12 {
        let table = counts(&[3, 3], seed, 14.0);
        let by = names(2);
        let protected = protect(&table, &by, &Disclosure::new().min_cell(4));
        let cell = |i: usize, j: usize| shown(protected.table(), i * 4 + j);
        let mut bounds = [[(i64::MAX, i64::MIN); 3]; 3];
        let mut fits = |x: [[i64; 3]; 3]| {
            let row = |i: usize| x[i].iter().sum::<i64>();
            let column = |j: usize| x.iter().map(|own| own[j]).sum::<i64>();
            let agrees = (0..3).all(|i| cell(i, 3).is_none_or(|n| n == row(i)))
                && (0..3).all(|j| cell(3, j).is_none_or(|n| n == column(j)))
                && cell(3, 3).is_none_or(|n| n == row(0) + row(1) + row(2));
            if agrees {
                for (i, own) in bounds.iter_mut().enumerate() {
                    for (j, bound) in own.iter_mut().enumerate() {
                        *bound = (bound.0.min(x[i][j]), bound.1.max(x[i][j]));
                    }
                }
            }
            agrees
        };
        let most = shown(&table, 15).unwrap().min(24);
        let unknown: Vec<(usize, usize)> =
            (0..9).map(|at| (at / 3, at % 3)).filter(|(i, j)| cell(*i, *j).is_none()).collect();
        if unknown.len() > 4 {
            continue;
        }
        let mut any = false;
        for code in 0..(most + 1).pow(unknown.len() as u32) {
            let mut x = [[0; 3]; 3];
            for (at, own) in (0..9).map(|at| (at, cell(at / 3, at % 3))) {
                x[at / 3][at % 3] = own.unwrap_or_default();
            }
            for (at, (i, j)) in unknown.iter().enumerate() {
                x[*i][*j] = code / (most + 1).pow(at as u32) % (most + 1);
            }
            any |= fits(x);
        }
        assert!(any, "{seed}: the table itself fits");
        for (i, j) in unknown {
            let labels = [("v0".to_owned(), format!("l{i}")), ("v1".to_owned(), format!("l{j}"))];
            let attacked = protected
                .attacked()
                .iter()
                .find(|cell| cell.labels() == labels && cell.quantity() == "count")
                .unwrap();
            let (low, high) = attacked.interval();
            let (least, largest) = bounds[i][j];
            // two-way tables have whole corners, so that the bounds are attained
            assert!((low - least as f64).abs() < 1e-6, "{seed} {i} {j}: {low} {least}");
            if high < most as f64 - 0.5 {
                assert!((high - largest as f64).abs() < 1e-6, "{seed} {i} {j}: {high} {largest}");
            }
        }
    }
}

/// Rows of `table` whose label in each variable not in `by` is the total.
fn margin(table: &Table, all: &[String], by: &[String]) -> Table {
    let rows: Vec<u32> = (0..table.n_rows())
        .filter(|&row| {
            all.iter()
                .filter(|name| !by.contains(name))
                .all(|name| table.get(name).unwrap().label(row).as_deref() == Some("total"))
        })
        .map(|row| row as u32)
        .collect();
    let names: Vec<&str> = by.iter().map(String::as_str).chain(["n"]).collect();
    table.take(&rows).select("by", &names).unwrap()
}

#[test]
fn tables_released_one_after_the_other_do_not_tell_each_other() {
    let profile = Disclosure::new().min_cell(5);
    for seed in 0..12 {
        let whole = counts(&[3, 4, 3], 100 + seed, 50.0);
        let all = names(3);
        let parts: Vec<Vec<String>> = [vec![0, 1], vec![1, 2], vec![0, 2], vec![0, 1, 2]]
            .iter()
            .map(|own: &Vec<usize>| own.iter().map(|at| all[*at].clone()).collect())
            .collect();
        let mut released = Released::default();
        let mut out: Vec<(Table, Vec<String>)> = Vec::new();
        for by in &parts {
            let table = margin(&whole, &all, by);
            let asked = [Tabulated::new(&table, by.clone(), "n").called(by.join(" "))];
            match profile.protect(&asked, &mut released, &Ticket::new()) {
                Ok(mut own) => out.push((own.remove(0).table().clone(), by.clone())),
                Err(error) => {
                    // honest: it says so and releases nothing
                    assert!(matches!(error, DisclosureError::Unprotectable { .. }), "{error}");
                }
            }
        }
        assert!(out.len() >= 3);
        let seen: Vec<(&Table, Vec<String>)> = out.iter().map(|(t, by)| (t, by.clone())).collect();
        let found = subtract(&seen, &all);
        assert!(found.values().all(|n| *n == 0 || *n >= 5), "{seed}: {found:?}");
        // one population: the same cells were read as such
        let (told, kept) = released.counts();
        assert!(told > 20 && kept > 5, "{told} {kept}");
    }
}

#[test]
fn a_total_less_its_shown_parts_is_a_cell_too() {
    let table = Table::new([
        ("origin", Column::text(["Belgian", "EU", "total"].map(Some))),
        ("n", Column::int(vec![60, 38, 100])),
    ])
    .unwrap();
    let protected = protect(&table, &["origin".to_owned()], &Disclosure::new().min_cell(5));
    assert!(!protected.withheld().is_empty());
    let remainder = protected.attacked().iter().find(|cell| cell.labels().is_empty()).unwrap();
    assert_eq!(remainder.value(), 2.0);
    assert!(remainder.interval().1 >= 5.0);
}

#[test]
fn almost_the_same_population_is_not_subtracted() {
    let of = |n: [i64; 2]| {
        Table::new([
            ("origin", Column::text(["Belgian", "EU"].map(Some))),
            ("n", Column::int(n.to_vec())),
        ])
        .unwrap()
    };
    let profile = Disclosure::new().min_cell(5);
    let mut released = Released::default();
    let (all, known) = (of([120, 41]), of([117, 41]));
    let first = [Tabulated::new(&all, ["origin"], "n").called("everybody")];
    let own = profile.protect(&first, &mut released, &Ticket::new()).unwrap();
    assert!(own[0].withheld().is_empty());
    let second = [Tabulated::new(&known, ["origin"], "n").called("with a wage")];
    let own = profile.protect(&second, &mut released, &Ticket::new()).unwrap();
    assert_eq!(own[0].withheld().len(), 1);
    assert_eq!(own[0].withheld()[0].reason(), &Reason::Differencing("everybody".into()));
}

#[test]
fn hierarchies_add_up_at_each_level() {
    let labels = ["Antwerpen", "Geel", "Mol", "prov A", "Gent", "Aalst", "prov O", "total"];
    let table = Table::new([
        ("place", Column::text(labels.map(Some))),
        ("n", Column::int(vec![50, 3, 20, 73, 40, 30, 70, 143])),
    ])
    .unwrap();
    let ask = || {
        let mut asked = Tabulated::new(&table, ["place"], "n");
        for (part, whole) in [
            ("Antwerpen", "prov A"),
            ("Geel", "prov A"),
            ("Mol", "prov A"),
            ("Gent", "prov O"),
            ("Aalst", "prov O"),
        ] {
            asked = asked.within("place", part, whole);
        }
        asked
    };
    let profile = Disclosure::new().min_cell(5);
    let own = profile.protect(&[ask()], &mut Released::default(), &Ticket::new()).unwrap();
    let rows: Vec<usize> = own[0].withheld().iter().map(Withheld::row).collect();
    // Geel and the smallest beside it; nothing in the other province
    assert_eq!(rows, [1, 2]);
    let circle = ask().within("place", "prov A", "Geel");
    let error = profile.protect(&[circle], &mut Released::default(), &Ticket::new()).unwrap_err();
    assert!(matches!(error, DisclosureError::Circle { .. }), "{error}");
}

#[test]
fn shares_sums_and_zeros_are_looked_at_too() {
    let rows = Table::new([
        ("origin", Column::text((0..60).map(|at| Some(if at < 40 { "Belgian" } else { "EU" })))),
        ("employed", Column::bool((0..60).map(|at| at != 41 && at != 42 && at > 9).collect())),
        ("wage", Column::float((0..60).map(|at| if at == 3 { 1e6 } else { 100.0 }).collect())),
    ])
    .unwrap();
    let asked = Microdata::new(["origin"]).share("employed").mean("wage");
    let table = asked.table(&rows).unwrap();
    let tabulated = [asked.tabulated(&table)];
    let go = |profile: &Disclosure| {
        profile.protect(&tabulated, &mut Released::default(), &Ticket::new()).unwrap().remove(0)
    };
    // two of the EU are out of work; the Belgians hide that when the total is known
    let own = go(&Disclosure::new().min_cell(5));
    assert!(own.withheld().iter().any(|cell| *cell.reason() == Reason::Share("employed".into())));
    assert!(own.withheld().len() >= 2);
    let own = go(&Disclosure::new().dominance(1, 0.8));
    assert!(own.withheld().iter().any(|cell| *cell.reason() == Reason::Dominance("wage".into())));
    let wage = own.attacked().iter().find(|cell| cell.quantity() == "mean:wage").unwrap();
    let (low, high) = wage.interval();
    assert!(high - wage.value() >= 0.2 * wage.value() && low < wage.value());
    // contributions are never shown
    assert!(own.table().names().iter().all(|name| !name.contains("largest")));
    let own = go(&Disclosure::new().rounding(5));
    assert_eq!(own.table().get("n").unwrap().label(2), Some("60".to_owned()));
    let employed = own.table().get("employed").unwrap().label(1).unwrap();
    assert_eq!(employed, "1"); // 18 of 20 in fives: 20 of 20
}

#[test]
fn a_person_in_several_cells_is_counted_once_and_has_no_total() {
    let rows = Table::new([
        ("person", Column::int(vec![1, 1, 2, 2, 3])),
        ("quarter", Column::text(["q1", "q2", "q1", "q2", "q1"].map(Some))),
        ("origin", Column::text(["EU", "EU", "EU", "EU", "other"].map(Some))),
    ])
    .unwrap();
    let table = Microdata::new(["origin", "quarter"]).person("person").table(&rows).unwrap();
    let quarters: Vec<Option<String>> =
        (0..table.n_rows()).map(|row| table.get("quarter").unwrap().label(row)).collect();
    assert!(!quarters.contains(&Some("total".to_owned())));
    let origins: Vec<Option<String>> =
        (0..table.n_rows()).map(|row| table.get("origin").unwrap().label(row)).collect();
    assert!(origins.contains(&Some("total".to_owned())));
}

#[test]
fn hostile_tables_get_an_error_by_name() {
    let profile = Disclosure::new().min_cell(5);
    let go = |table: &Table, by: &[&str]| {
        let asked = [Tabulated::new(table, by.to_vec(), "n")];
        profile.protect(&asked, &mut Released::default(), &Ticket::new())
    };
    let of = |n: Column| Table::new([("v", Column::text(["a", "b"].map(Some))), ("n", n)]).unwrap();
    let said = |result: Result<Vec<Protected>, DisclosureError>| result.unwrap_err().to_string();
    assert!(said(go(&of(Column::int(vec![-1, 3])), &["v"])).contains("at row 0"));
    assert!(said(go(&of(Column::float(vec![f64::NAN, 3.0])), &["v"])).contains("whole number"));
    assert!(said(go(&of(Column::float(vec![1.5, 3.0])), &["v"])).contains("\"n\" at row 0"));
    assert!(said(go(&of(Column::int(vec![1, 3])), &["w"])).contains("\"w\""));
    assert!(said(go(&of(Column::int(vec![1, 3])), &[])).contains("\"v\""));
    let twice =
        Table::new([("v", Column::text(["a", "a"].map(Some))), ("n", Column::int(vec![7, 8]))])
            .unwrap();
    assert!(said(go(&twice, &["v"])).contains("rows 0 and 1"));
    let over = Table::new([
        ("v", Column::text(["a", "b", "total"].map(Some))),
        ("n", Column::int(vec![70, 80, 100])),
    ])
    .unwrap();
    assert!(said(go(&over, &["v"])).contains("more than the total at row 2"));
    let empty = Table::new([("v", Column::text([])), ("n", Column::int(vec![]))]).unwrap();
    assert!(go(&empty, &["v"]).unwrap()[0].withheld().is_empty());
    for bad in [
        Disclosure::new().min_cell(0),
        Disclosure::new().dominance(0, 0.8),
        Disclosure::new().dominance(1, 1.2),
        Disclosure::new().p_percent(f64::NAN),
        Disclosure::new().rounding(0),
        Disclosure::new().min_df(-1.0),
        Disclosure::new().digits(0),
    ] {
        assert!(matches!(bad.check(), Err(DisclosureError::BadRule { .. })), "{bad:?}");
    }
    let huge = of(Column::int(vec![i64::MAX, 3]));
    assert!(go(&huge, &["v"]).is_ok());
    let ticket = Ticket::new();
    ticket.cancel();
    let table = counts(&[4, 4], 1, 20.0);
    let asked = [Tabulated::new(&table, names(2), "n")];
    let error = profile.protect(&asked, &mut Released::default(), &ticket).unwrap_err();
    assert_eq!(error, DisclosureError::Cancelled);
}

#[test]
fn curves_step_where_enough_had_an_event() {
    let table = Table::new([
        ("time", Column::int((0..8).collect())),
        ("n_risk", Column::int(vec![100, 98, 90, 60, 30, 12, 6, 3])),
        ("n_event", Column::int(vec![2, 8, 3, 20, 5, 1, 3, 1])),
        ("survival", Column::float((0..8).map(|at| 1.0 - f64::from(at) / 10.0).collect())),
    ])
    .unwrap();
    let profile = Disclosure::new().min_cell(5);
    let keep = ["time".to_owned()];
    let (shown, few) = profile.protect_curve(&table, "n_risk", "n_event", &keep).unwrap();
    // two events, then ten since the start, three, ...
    assert_eq!(few, [0, 2, 5, 6, 7]);
    assert!(
        shown.get("survival").unwrap().is_null(0) && !shown.get("survival").unwrap().is_null(1)
    );
    assert!((0..8).all(|row| !shown.get("time").unwrap().is_null(row)));
    let counts = ["n_risk".to_owned()];
    let (_, few) = profile.protect_estimates(&table, &counts, &keep).unwrap();
    assert_eq!(few, [7]);
    assert!(Disclosure::new().min_df(10.0).refuses_model(100, 9.0).is_some());
    assert!(Disclosure::new().min_df(10.0).refuses_model(100, 10.0).is_none());
    assert!(profile.refuses_model(4, 100.0).is_some());
}
