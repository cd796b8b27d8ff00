//! The trajectory room against `TraMineR`, closed forms and slow twins.

use kruispunt::data::{Column, Seed, Table, Ticket};
use kruispunt::trajectory::{
    Algorithm, Candidacy, Clara, Costs, Dissimilarity, Distances, Edge, Empty, Factor,
    FuzzyOptions, Growth, Indicator, Link, Linkage, Measure, MissingStates, Normalisation,
    NullModel, Precision, Reader, Sequences, TrajectoryError, Typology,
};
use serde_json::Value;
use std::path::PathBuf;

/// Reference results that may not be redistributed: tests that need them say so and stop unless
/// `KRUISPUNT_ORACLES` names their folder.
fn reference(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("KRUISPUNT_ORACLES").unwrap_or_default());
    let found = Some(folder.join(name)).filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: KRUISPUNT_ORACLES has no folder {name}");
    }
    found
}

/// Cells of a CSV file, quotes respected; empty cells are null.
fn csv(path: &std::path::Path) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
        }
        cells.push(cell);
        cells
    });
    let header = lines.next().unwrap();
    let rows = lines
        .map(|cells| cells.into_iter().map(|cell| Some(cell).filter(|c| !c.is_empty())).collect())
        .collect();
    (header, rows)
}

fn table(path: &std::path::Path, most: usize) -> (Vec<String>, Table) {
    let (header, rows) = csv(path);
    let column = |at: usize| {
        Column::text(rows.iter().take(most).map(|row: &Vec<Option<String>>| row[at].as_deref()))
    };
    let table = Table::new((0..header.len()).map(|at| (header[at].as_str(), column(at)))).unwrap();
    (header, table)
}

fn read(
    name: &str,
    columns: std::ops::Range<usize>,
    states: &[&str],
    most: usize,
) -> Option<(Sequences, Value)> {
    let folder = reference(name)?;
    let (header, table) = table(&folder.join(format!("{name}.csv")), most);
    let names: Vec<&str> = header[columns].iter().map(String::as_str).collect();
    let sequences = Reader::new().states(states.iter().copied()).wide(&table, &names).unwrap();
    let text = std::fs::read_to_string(folder.join("reference.json")).unwrap();
    Some((sequences, serde_json::from_str(&text).unwrap()))
}

const MVAD: [&str; 6] = ["employment", "FE", "HE", "joblessness", "school", "training"];

fn mvad() -> Option<(Sequences, Value)> {
    read("mvad", 14..86, &MVAD, usize::MAX)
}

fn actcal(most: usize) -> Option<(Sequences, Value)> {
    read("actcal", 12..24, &["A", "B", "C", "D"], most)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    let same = (got.is_nan() && expected.is_nan())
        || (got - expected).abs() <= tolerance * expected.abs().max(1.0);
    assert!(same, "{what}: {got} is not {expected}");
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(flat).collect(),
        other => vec![number(other)],
    }
}

fn all_near(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        near(&format!("{what} at {at}"), *got, *expected, tolerance);
    }
}

/// The variants of `how.R`, by the name they are stored under.
fn variants(step: usize) -> Vec<(&'static str, Dissimilarity)> {
    let om = || Dissimilarity::new(Measure::Om);
    let constant = || om().costs(Costs::Constant(2.0)).indel(1.0);
    let two = |measure| Dissimilarity::new(measure).costs(Costs::Constant(2.0));
    vec![
        ("OM_const2_indel1", constant()),
        ("OM_trate_indel1", om().costs(Costs::Rates).indel(1.0)),
        ("OM_indels", om().costs(Costs::Indels)),
        ("OM_norm_maxlength", constant().normalise(Normalisation::Longest)),
        ("OM_norm_YujianBo", constant().normalise(Normalisation::YujianBo)),
        ("OM_norm_auto", om().costs(Costs::Rates).indel(1.0).normalise(Normalisation::Auto)),
        ("LCS", Dissimilarity::new(Measure::Lcs)),
        ("LCS_norm_gmean", Dissimilarity::new(Measure::Lcs).normalise(Normalisation::Geometric)),
        ("LCP", Dissimilarity::new(Measure::Prefix)),
        ("RLCP", Dissimilarity::new(Measure::Suffix)),
        ("HAM", Dissimilarity::new(Measure::Hamming)),
        ("DHD", Dissimilarity::new(Measure::DynamicHamming)),
        ("CHI2", Dissimilarity::new(Measure::ChiSquare { step })),
        ("CHI2_step1", Dissimilarity::new(Measure::ChiSquare { step: 1 })),
        ("EUCLID", Dissimilarity::new(Measure::Euclid { step: 1 })),
        ("EUCLID_breaks1", Dissimilarity::new(Measure::Euclid { step: usize::MAX })),
        ("OMloc", two(Measure::Local { expansion: 0.5, context: 0.0 })),
        ("OMslen", two(Measure::SpellLength { h: 0.5, link: Link::Mean }).indel(1.0)),
        ("OMspell", two(Measure::Spell { expansion: 0.5, power: 1.0 }).indel(1.0)),
        ("OMstran", two(Measure::Transitions { origin: 0.5 }).indel(1.0)),
        ("SVRspell", Dissimilarity::new(Measure::SpellVectors { power: 1.0 })),
        ("NMS", Dissimilarity::new(Measure::Subsequences)),
        ("NMSMST", Dissimilarity::new(Measure::SharedTime)),
        ("TWED", two(Measure::Twed { stiffness: 0.5, penalty: 0.5 }).indel(2.0)),
    ]
}

fn check_variants(sequences: &Sequences, expected: &Value) {
    let width = sequences.positions().len();
    for (name, measure) in variants(width / 5) {
        let measure = match name {
            "EUCLID_breaks1" => Dissimilarity::new(Measure::Euclid { step: width }),
            _ => measure,
        };
        let widths = [(Precision::Double, 1e-9), (Precision::Single, 1e-4)];
        for (precision, tolerance) in widths {
            let distances = measure.clone().precision(precision).between(sequences).unwrap();
            let what = format!("{name} {precision:?}");
            let stored = &expected[name];
            let n = number(&stored["n"]) as usize;
            assert_eq!(n, distances.len(), "{what}");
            let square = distances.square();
            let sum: f64 = square.iter().sum();
            let squares: f64 = square.iter().map(|d| d * d).sum();
            let most = square.iter().copied().fold(0.0, f64::max);
            near(&format!("{what} max"), most, number(&stored["max"]), tolerance);
            near(&format!("{what} sum"), sum, number(&stored["sum"]), tolerance);
            near(&format!("{what} squares"), squares, number(&stored["sumsq"]), tolerance);
            let first: Vec<f64> = (0..625).map(|at| square[[at / 25, at % 25]]).collect();
            all_near(&what, &first, &flat(&stored["first"]), tolerance);
        }
    }
}

#[test]
fn distances_are_those_of_traminer_on_school_to_work() {
    let Some((sequences, expected)) = mvad() else { return };
    check_variants(&sequences, &expected["distances_unweighted"]);
}

#[test]
fn distances_are_those_of_traminer_on_the_activity_calendar() {
    let Some((sequences, expected)) = actcal(400) else { return };
    check_variants(&sequences, &expected["distances_first400"]);
}

#[test]
fn costs_are_those_of_traminer() {
    let Some((sequences, expected)) = mvad() else { return };
    let expected = &expected["distances_unweighted"];
    all_near("rates", &sequences.transition_rates(1), &flat(&expected["trate"]), 1e-12);
    let prices = |costs| sequences.prices(&costs, false).unwrap();
    let trate = prices(Costs::Rates);
    all_near("TRATE", &trate.substitution, &flat(&expected["TRATE_sm"]), 1e-12);
    near("TRATE indel", trate.indel[0], number(&expected["TRATE_indel"]), 1e-12);
    for (costs, name) in [(Costs::Indels, "INDELS"), (Costs::IndelsLog, "INDELSLOG")] {
        let own = prices(costs);
        all_near(name, &own.substitution, &flat(&expected[format!("{name}_sm")]), 1e-12);
        all_near(name, &own.indel, &flat(&expected[format!("{name}_indel")]), 1e-12);
    }
    let future = prices(Costs::Future).substitution;
    all_near("FUTURE", &future, &flat(&expected["FUTURE_sm"]), 1e-12);
}

/// The indicators under the names of `how.R`.
const INDICATORS: [(&str, Indicator); 16] = [
    ("length", Indicator::Length),
    ("transitions", Indicator::Transitions),
    ("transitions_norm", Indicator::TransitionShare),
    ("entropy", Indicator::Entropy),
    ("entropy_raw", Indicator::EntropyRaw),
    ("turbulence", Indicator::Turbulence),
    ("turbulence_norm", Indicator::TurbulenceRelative),
    ("complexity", Indicator::Complexity),
    ("subsequences", Indicator::Subsequences),
    ("seqindic_visited", Indicator::Visited),
    ("seqindic_recu", Indicator::Recurrence),
    ("seqindic_meand", Indicator::MeanSpell),
    ("seqindic_dustd", Indicator::SpellDeviation),
    ("seqindic_meand2", Indicator::MeanSpellAll),
    ("seqindic_dustd2", Indicator::SpellDeviationAll),
    ("seqindic_volat", Indicator::Volatility),
];

fn check_indicators(sequences: &Sequences, expected: &Value) {
    for (name, indicator) in INDICATORS {
        let got = sequences.indicator(indicator);
        let stored = &expected[name];
        if let Value::Array(all) = stored {
            // an empty sequence: TraMineR writes null where there is no number
            let all: Vec<f64> = all.iter().map(number).collect();
            all_near(name, &got, &all, 1e-9);
            continue;
        }
        all_near(name, &got[..60], &flat(&stored["head60"]), 1e-9);
        near(name, got.iter().sum(), number(&stored["sum"]), 1e-9);
        near(name, got.iter().map(|v| v * v).sum(), number(&stored["sumsq"]), 1e-9);
    }
}

fn check_cross(sequences: &Sequences, expected: &Value) {
    let cross = sequences.cross_section();
    all_near("distribution", &cross.distribution, &flat(&expected["distribution"]), 1e-12);
    all_near("entropy", &cross.entropy, &flat(&expected["entropy"]), 1e-12);
    all_near("valid", &cross.valid, &flat(&expected["valid"]), 1e-9);
    all_near("mean time", &sequences.mean_time(), &flat(&expected["mean_time"]), 1e-9);
    let rows: Vec<&str> =
        expected["rows"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    for (got, stored) in cross.modal.iter().zip(expected["modal"].as_array().unwrap()) {
        assert_eq!(rows[usize::from(got.unwrap())], stored.as_str().unwrap());
    }
}

#[test]
fn descriptions_are_those_of_traminer() {
    let Some((sequences, expected)) = mvad() else { return };
    check_indicators(&sequences, &expected["indicators"]);
    check_cross(&sequences, &expected["cross_sectional"]);
    let head = &expected["indicators"]["longitudinal_state_time_head"];
    let times = sequences.times();
    // stored column by column for the first 20 sequences
    let first: Vec<f64> = (0..60).map(|at| f64::from(times[at % 20 * 6 + at / 20])).collect();
    all_near("times", &first, &flat(&head["head60"]), 0.0);
    let Some((sequences, expected)) = actcal(usize::MAX) else { return };
    check_indicators(&sequences, &expected["indicators"]);
    check_cross(&sequences, &expected["cross_sectional"]);
}

fn small(edge: Edge) -> Option<(Sequences, Value)> {
    let folder = reference("seq_small")?;
    let (header, rows) = csv(&folder.join("ex1.csv"));
    let column = |at: usize| Column::text(rows.iter().map(|row| row[at].as_deref()));
    let mut table = Table::new((0..13).map(|at| (header[at].as_str(), column(at)))).unwrap();
    let weight = |row: &Vec<Option<String>>| row[13].as_deref().unwrap().parse().unwrap();
    table.push("weights", Column::float(rows.iter().map(weight).collect())).unwrap();
    let names: Vec<&str> = header[..13].iter().map(String::as_str).collect();
    let mut reader = Reader::new().empty(Empty::Keep).left(edge).gaps(edge);
    if edge == Edge::Missing {
        reader = reader.weights("weights");
    }
    let sequences = reader.wide(&table, &names).unwrap();
    let text = std::fs::read_to_string(folder.join("reference.json")).unwrap();
    Some((sequences, serde_json::from_str(&text).unwrap()))
}

#[test]
fn missing_states_and_ends_are_those_of_traminer() {
    let Some((sequences, expected)) = small(Edge::Missing) else { return };
    let expected = &expected["ex1_default_gaps"];
    check_cross(&sequences, &expected["statd"]);
    check_indicators(&sequences, &expected["indicators"]);
    for (measure, name) in [(Measure::Lcs, "LCS"), (Measure::Om, "OM")] {
        let distances =
            Dissimilarity::new(measure).missing(MissingStates::State).between(&sequences).unwrap();
        all_near(
            name,
            &distances.square().into_iter().collect::<Vec<_>>(),
            &flat(&expected[name]),
            0.0,
        );
    }
    let stored: Vec<String> = expected["seq"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().trim_end_matches("-%").trim_end_matches('%').to_owned())
        .collect();
    let own: Vec<String> = (0..7).map(|row| sequences.text(row)).collect();
    assert_eq!(own, stored);
    let (sequences, expected) = small(Edge::Delete).unwrap();
    let expected = &expected["ex1_gaps_DEL"];
    for (measure, name) in [(Measure::Lcs, "LCS"), (Measure::Om, "OM")] {
        let distances = Dissimilarity::new(measure).between(&sequences).unwrap();
        all_near(
            name,
            &distances.square().into_iter().collect::<Vec<_>>(),
            &flat(&expected[name]),
            0.0,
        );
    }
}

fn distance(distances: &Distances, a: usize, b: usize) -> f64 {
    distances.get(a, b)
}

/// Random sequences of unequal length.
fn drawn(n: usize, longest: usize, states: u64, seed: u64) -> Sequences {
    let seed = Seed::new(seed);
    let columns: Vec<(String, Column)> = (0..longest)
        .map(|at| {
            let codes: Vec<Option<u32>> = (0..n as u64)
                .map(|row| {
                    let end = seed.below([row, 0, 1], longest as u64) + 1;
                    let state = seed.below([row, at as u64, 2], states) as u32;
                    ((at as u64) < end).then_some(state)
                })
                .collect();
            let names: Vec<String> = (0..states).map(|state| format!("s{state}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (format!("t{at}"), Column::category(&codes, &names))
        })
        .collect();
    let table = Table::new(columns).unwrap();
    let names: Vec<&str> = table.names().iter().map(String::as_str).collect();
    Reader::new().states((0..states).map(|state| format!("s{state}"))).wide(&table, &names).unwrap()
}

/// The table of the definition, in full.
fn slow_om(a: &[u8], b: &[u8], sub: &[f64], indel: &[f64]) -> f64 {
    let s = indel.len();
    let mut d = vec![vec![0.0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 && j == 0 {
                continue;
            }
            let mut best = f64::INFINITY;
            if i > 0 {
                best = best.min(d[i - 1][j] + indel[a[i - 1] as usize]);
            }
            if j > 0 {
                best = best.min(d[i][j - 1] + indel[b[j - 1] as usize]);
            }
            if i > 0 && j > 0 {
                best = best.min(d[i - 1][j - 1] + sub[a[i - 1] as usize * s + b[j - 1] as usize]);
            }
            d[i][j] = best;
        }
    }
    d[a.len()][b.len()]
}

fn body(sequences: &Sequences, row: usize) -> Vec<u8> {
    (0..sequences.positions().len()).map_while(|at| sequences.state(row, at)).collect()
}

#[test]
fn lanes_equal_the_slow_twin_at_any_length() {
    for (n, longest, states) in [(2, 1, 2), (70, 9, 3), (131, 30, 5), (40, 130, 4), (20, 300, 3)] {
        let sequences = drawn(n, longest, states, longest as u64);
        for costs in [Costs::Rates, Costs::Constant(2.0), Costs::IndelsLog] {
            let om = Dissimilarity::new(Measure::Om).costs(costs.clone());
            let prices = sequences.prices(&costs, false);
            let Ok(prices) = prices else { continue };
            let double = om.clone().between(&sequences).unwrap();
            let single = om.precision(Precision::Single).between(&sequences).unwrap();
            for i in 0..n {
                for j in 0..i {
                    let (a, b) = (body(&sequences, i), body(&sequences, j));
                    let slow = slow_om(&a, &b, &prices.substitution, &prices.indel);
                    near("f64", distance(&double, i, j), slow, 1e-12);
                    near("f32", distance(&single, i, j), slow, 1e-5);
                }
            }
        }
    }
}

#[test]
fn threads_do_not_touch_a_bit() {
    let sequences = drawn(300, 24, 6, 9);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let om = Dissimilarity::new(Measure::Om).costs(Costs::Rates).precision(Precision::Single);
        pool.install(|| om.between(&sequences).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn threads_do_not_touch_a_bit_of_what_follows_from_distances() {
    let sequences = drawn(90, 12, 4, 3);
    let codes: Vec<u32> = (0..90).map(|row| row % 5).collect();
    let levels = (0..5).map(|level| level.to_string()).collect();
    let factor = Factor { name: "place".to_owned(), codes, levels, ordered: false };
    let growth = Growth { permutations: 39, level: 1.0, depth: 2, ..Growth::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (distances, ticket) = (trate(&sequences), Ticket::new());
            let om = Dissimilarity::new(Measure::Om).costs(Costs::Rates);
            let null = (NullModel::Combined, 3);
            let seed = Seed::new(4);
            (
                distances.fuzzy(3, FuzzyOptions::default(), &ticket).unwrap(),
                distances.branches(std::slice::from_ref(&factor), growth, &ticket).unwrap(),
                distances.representatives(Candidacy::Density, 0.5, 0.2, &ticket).unwrap(),
                distances.relative_frequency(9, None, &ticket).unwrap(),
                sequences.against(&om, Algorithm::Medoids, &[2, 3], null, seed, &ticket).unwrap(),
            )
        })
    };
    assert_eq!(run(1), run(3));
}

fn trate(sequences: &Sequences) -> Distances {
    let om = Dissimilarity::new(Measure::Om).costs(Costs::Rates).indel(1.0);
    om.precision(Precision::Double).between(sequences).unwrap()
}

#[test]
fn types_are_those_of_r() {
    let Some((sequences, expected)) = mvad() else { return };
    let stored = &expected["clustering_OM_trate_indel1"];
    let (distances, ticket) = (trate(&sequences), Ticket::new());
    let pam = &distances.pam(&[4], &ticket).unwrap()[0];
    near("pam", pam.total() / 712.0, flat(&stored["pam4"]["objective"])[1], 1e-12);
    let quality = distances.quality(&[pam], &ticket).unwrap()[0];
    near("silhouette", quality.asw, number(&stored["pam4"]["avg_sil"]), 1e-12);
    let mut sizes = pam.sizes().to_vec();
    sizes.sort_unstable();
    assert_eq!(sizes, [65, 136, 215, 296]);
    let linkages = [
        (Linkage::WardUnsquared, "wardD"),
        (Linkage::Ward, "wardD2"),
        (Linkage::Average, "average"),
    ];
    for (linkage, name) in linkages {
        let tree = distances.tree(linkage, &ticket).unwrap();
        let heights: Vec<f64> = tree.merges().iter().map(|merge| merge.2).collect();
        let tail = flat(&stored["height_tail"][name]);
        all_near(name, &heights[heights.len() - 10..], &tail, 1e-9);
        for typology in distances.cut(&tree, &[2, 3, 4, 5, 6], &ticket).unwrap() {
            let mut sizes: Vec<f64> = typology.sizes().iter().map(|&n| n as f64).collect();
            sizes.sort_by(f64::total_cmp);
            let cut = &stored[format!("cut{}", typology.k())][name];
            all_near(&format!("{name} {}", typology.k()), &sizes, &flat(cut), 0.0);
        }
    }
}

/// The definitions, pair by pair of sequences, those that are the same included.
fn slow_quality(distances: &Distances, typology: &Typology) -> [f64; 10] {
    let (n, k, types) = (distances.len(), typology.k(), typology.types());
    let (mut within, mut between) = (Vec::new(), Vec::new());
    let mut inside = vec![(0.0, 0.0); k];
    for i in 0..n {
        for j in 0..i {
            let d = distances.get(i, j);
            if types[i] == types[j] {
                within.push(d);
                inside[types[i] as usize].0 += d;
                inside[types[i] as usize].1 += d * d;
            } else {
                between.push(d);
            }
        }
    }
    let (mut more, mut less) = (0.0, 0.0);
    for one in &within {
        for two in &between {
            more += f64::from(u8::from(one < two));
            less += f64::from(u8::from(one > two));
        }
    }
    let mut all: Vec<f64> = within.iter().chain(&between).copied().collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let share = between.len() as f64 / all.len() as f64;
    let gap = between.iter().sum::<f64>() / between.len() as f64
        - within.iter().sum::<f64>() / within.len() as f64;
    let variance = all.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / all.len() as f64;
    let pbc = gap * (share * (1.0 - share)).sqrt() / variance.sqrt();
    let size = |t: usize| types.iter().filter(|&&own| own as usize == t).count() as f64;
    let explained = |all: f64, left: f64| {
        let (k, n) = (k as f64, n as f64);
        (1.0 - left / all, (all - left) / (k - 1.0) / (left / (n - k)))
    };
    let total = |power: i32| all.iter().map(|d| d.powi(power)).sum::<f64>() / n as f64;
    let (r2, ch) = explained(total(1), (0..k).map(|t| inside[t].0 / size(t)).sum());
    let (r2sq, chsq) = explained(total(2), (0..k).map(|t| inside[t].1 / size(t)).sum());
    let (mut asw, mut asww) = (0.0, 0.0);
    for i in 0..n {
        let sum = |t: usize| -> f64 {
            (0..n).filter(|&j| types[j] as usize == t).map(|j| distances.get(i, j)).sum()
        };
        let own = types[i] as usize;
        let other =
            (0..k).filter(|&t| t != own).map(|t| sum(t) / size(t)).fold(f64::INFINITY, f64::min);
        let width = |a: f64| if a.max(other) > 0.0 { (other - a) / a.max(other) } else { 0.0 };
        asw += if size(own) > 1.0 { width(sum(own) / (size(own) - 1.0)) } else { 0.0 };
        asww += width(sum(own) / size(own));
    }
    all.sort_by(f64::total_cmp);
    let least: f64 = all[..within.len()].iter().sum();
    let most: f64 = all[between.len()..].iter().sum();
    let hc = (within.iter().sum::<f64>() - least) / (most - least);
    let pairs = (within.len() * between.len()) as f64;
    let (hg, hgsd) = ((more - less) / (more + less), (more - less) / pairs);
    [pbc, hg, hgsd, asw / n as f64, asww / n as f64, ch, r2, chsq, r2sq, hc]
}

#[test]
fn quality_equals_the_definitions() {
    let sequences = drawn(60, 4, 3, 3);
    assert!(sequences.unique_rows().len() < 60, "some are the same");
    let distances = trate(&sequences);
    for typology in distances.pam(&[2, 3, 5], &Ticket::new()).unwrap() {
        let slow = slow_quality(&distances, &typology);
        let quality = distances.quality(&[&typology], &Ticket::new()).unwrap()[0];
        for ((name, fast), slow) in quality.named().into_iter().zip(slow) {
            near(name, fast, slow, 1e-10);
        }
    }
}

#[test]
fn samples_of_all_find_what_medoids_find() {
    let sequences = drawn(80, 12, 4, 5);
    let om = Dissimilarity::new(Measure::Om).costs(Costs::Rates).precision(Precision::Single);
    let ks = [1, 2, 4];
    let pam = om.between(&sequences).unwrap().pam(&ks, &Ticket::new()).unwrap();
    let clara = Clara::new().samples(1).size(80).seed(Seed::new(2));
    let found = clara.fit(&om, &sequences, &ks, &Ticket::new()).unwrap();
    for (pam, found) in pam.iter().zip(&found) {
        near("total", found.total(), pam.total(), 1e-6);
        assert_eq!(pam.medoids(), found.medoids());
    }
}

#[test]
fn bad_input_is_named() {
    let table = Table::new([
        ("q1", Column::text([Some("a"), None])),
        ("q2", Column::text([Some("b"), None])),
    ])
    .unwrap();
    let columns = ["q1", "q2"];
    let read = |reader: Reader| reader.wide(&table, &columns);
    assert_eq!(read(Reader::new()), Err(TrajectoryError::EmptySequence { row: 1 }));
    let outside = read(Reader::new().states(["a"]));
    assert!(matches!(outside, Err(TrajectoryError::OutsideAlphabet { row: 0, .. })));
    let sequences = read(Reader::new().empty(Empty::Drop)).unwrap();
    assert_eq!(sequences.account().last().unwrap().excluded[0].count.rows, 1);
    let distances = Dissimilarity::new(Measure::Om).between(&sequences).unwrap();
    let many = distances.pam(&[2], &Ticket::new());
    assert_eq!(many, Err(TrajectoryError::TooManyClusters { k: 2, unique: 1 }));
    let gap = Table::new([
        ("q1", Column::text([Some("a"), None])),
        ("q2", Column::text([Some("b"), Some("b")])),
    ]);
    let gap = Reader::new().wide(&gap.unwrap(), &columns).unwrap();
    let om = Dissimilarity::new(Measure::Om);
    assert!(matches!(om.between(&gap), Err(TrajectoryError::MissingStates { row: 1 })));
    let three = ["a", "b", "c"].map(Some);
    let three = Table::new([("q1", Column::text(three))]).unwrap();
    let three = Reader::new().wide(&three, &["q1"]).unwrap();
    let detour = Costs::Matrix(vec![0.0, 1.0, 5.0, 1.0, 0.0, 1.0, 5.0, 1.0, 0.0]);
    let detour = om.clone().costs(detour).between(&three).unwrap();
    assert_eq!(detour.cautions()[0].0, "triangle_inequality");
    for wrong in [vec![0.0; 4], vec![-1.0; 9], vec![1.0; 9]] {
        let wrong = om.clone().costs(Costs::Matrix(wrong)).between(&three);
        assert!(matches!(wrong, Err(TrajectoryError::BadArgument { argument: "costs", .. })));
    }
    let unequal = drawn(20, 5, 2, 1);
    let hamming = Dissimilarity::new(Measure::Hamming).between(&unequal);
    assert!(matches!(hamming, Err(TrajectoryError::UnequalLength { .. })));
    let small = om.limit(10).between(&unequal);
    assert!(matches!(small, Err(TrajectoryError::BadArgument { argument: "limit", .. })));
}

#[test]
fn formats_come_back_as_they_went() {
    let sequences = drawn(30, 8, 3, 4);
    let sps = sequences.to_sps();
    let names = ["s0", "s1", "s2"];
    let back = Reader::new().states(names).id("row").sps(&sps, "sequence").unwrap();
    let texts = |of: &Sequences| (0..30).map(|row| of.text(row)).collect::<Vec<_>>();
    assert_eq!(texts(&back), texts(&sequences));
    let spells = sequences.to_spells();
    let clock = kruispunt::trajectory::Clock::Person;
    let back = Reader::new()
        .states(names)
        .spells(&spells, "row", ("begin", "end"), "state", clock)
        .unwrap();
    assert_eq!(texts(&back), texts(&sequences));
    let sts = sequences.to_sts();
    let columns: Vec<&str> = sts.names()[1..].iter().map(String::as_str).collect();
    let back = Reader::new().states(names).id("row").wide(&sts, &columns).unwrap();
    assert_eq!(texts(&back), texts(&sequences));
}

#[test]
fn spells_are_read_as_traminer_reads_them() {
    let Some(folder) = reference("seq_small") else { return };
    let text = std::fs::read_to_string(folder.join("reference.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let (_, rows) = csv(&folder.join("bfspell20.csv"));
    let whole = |at: usize| {
        Column::int(
            rows.iter().map(|r| r[at].as_deref().unwrap().parse::<f64>().unwrap() as i64).collect(),
        )
    };
    let spells = Table::new([
        ("id", whole(0)),
        ("begin", whole(1)),
        ("end", whole(2)),
        ("state", Column::text(rows.iter().map(|row| row[3].as_deref()))),
    ])
    .unwrap();
    let read = |clock| {
        let keep = Reader::new().right(Edge::Missing);
        keep.spells(&spells, "id", ("begin", "end"), "state", clock).unwrap()
    };
    let stored = &expected["bfspell_SPELL_to_STS_calendar"];
    let sequences = read(kruispunt::trajectory::Clock::Calendar);
    let ids: Vec<String> = (0..20).map(|row| sequences.ids().label(row).unwrap()).collect();
    for (id, row) in
        stored["ids"].as_array().unwrap().iter().zip(stored["rows"].as_array().unwrap())
    {
        let at = ids.iter().position(|own| own == id.as_str().unwrap()).unwrap();
        let own = sequences.text(at).replace('-', "|").replace('*', "NA");
        assert_eq!(own, row.as_str().unwrap());
    }
}

#[test]
fn discrepancy_is_that_of_traminer() {
    let Some((sequences, expected)) = mvad() else { return };
    let (distances, ticket) = (trate(&sequences), Ticket::new());
    let centre = &expected["disscenter"];
    near("discrepancy", distances.discrepancy(), number(&centre["dissvar"]), 1e-10);
    let to = distances.to_centres(&[0; 712], 1);
    all_near("to the centre", &to[..30], &flat(&centre["head"]), 1e-9);
    let folder = reference("mvad").unwrap();
    let (header, rows) = csv(&folder.join("mvad.csv"));
    let factor = |name: &str| -> Vec<u32> {
        let at = header.iter().position(|own| own == name).unwrap();
        rows.iter().map(|row| u32::from(row[at].as_deref() == Some("yes"))).collect()
    };
    let stored = &expected["dissassoc_gcse5eq"];
    let own = distances.compare(&factor("gcse5eq"), 99, Seed::new(1), &ticket).unwrap();
    near("F", own.f.0, number(&stored["pseudoF"]), 1e-9);
    near("R2", own.r2, number(&stored["pseudoR2"]), 1e-9);
    near("p", own.f.1, 0.01, 1e-12);
    let groups = flat(&stored["groups"]);
    all_near("groups", &own.discrepancy, &[groups[1], groups[3]], 1e-9);
    let names = ["male", "Grammar", "funemp", "gcse5eq", "fmpr", "livboth"];
    let codes: Vec<Vec<u32>> = names.iter().map(|name| factor(name)).collect();
    let factors: Vec<(&str, &[u32])> =
        names.iter().copied().zip(codes.iter().map(Vec::as_slice)).collect();
    let own = distances.explain(&factors, 0, Seed::new(1), &ticket).unwrap();
    let stored = flat(&expected["dissmfacw"]["values"]);
    for (at, row) in own.iter().enumerate() {
        near(&row.factor, row.f, stored[3 * at], 1e-8);
        near(&row.factor, row.r2, stored[3 * at + 1], 1e-8);
    }
}

#[test]
fn distances_are_those_of_sequenzo() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/trajectory/expected.json");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows: Vec<&str> =
        expected["sequences"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    let names: Vec<String> = (0..10).map(|at| format!("t{at}")).collect();
    let column = |at: usize| Column::text(rows.iter().map(|row| Some(&row[at..=at])));
    let table = Table::new((0..10).map(|at| (names[at].as_str(), column(at)))).unwrap();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let sequences = Reader::new().wide(&table, &columns).unwrap();
    let stored = expected["distances"].as_object().unwrap();
    assert_eq!(stored.len(), 13);
    let om = || Dissimilarity::new(Measure::Om).costs(Costs::Rates).indel(1.0);
    for (name, own) in stored {
        let measure = match name.as_str() {
            "OM_trate" => om(),
            "OM_trate_auto" => om().normalise(Normalisation::Auto),
            "CHI2" => Dissimilarity::new(Measure::ChiSquare { step: 1 }),
            other => {
                let other = if other == "OM_constant" { "OM_const2_indel1" } else { other };
                let found = variants(2).into_iter().find(|(name, _)| *name == other);
                found.unwrap_or_else(|| panic!("{other}")).1
            }
        };
        let distances = measure.between(&sequences).unwrap();
        let pairs = (0..24).flat_map(|i| (i + 1..24).map(move |j| (i, j)));
        let got: Vec<f64> = pairs.map(|(i, j)| distances.get(i, j)).collect();
        all_near(name, &got, &flat(own), 1e-10);
    }
}
