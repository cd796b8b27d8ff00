use super::*;
use crate::math::crossprod::gram;
use crate::math::linalg::Triangle;
use proptest::prelude::*;

const STOP: Stop = Stop { tol: 1e-10, max_iter: 5000 };

/// The slow twin: residuals of a Householder regression on dense dummies.
fn dense(column: &[f64], sets: &[(Vec<u32>, usize)], weights: Option<&[f64]>) -> Vec<f64> {
    let n = column.len();
    let root = |row: usize| weights.map_or(1.0, |w: &[f64]| w[row].sqrt());
    let mut dummies = Vec::new();
    for (codes, levels) in sets {
        for level in 0..*levels {
            let dummy: Vec<f64> = (0..n)
                .map(|row| if codes[row] as usize == level { root(row) } else { 0.0 })
                .collect();
            dummies.push(dummy);
        }
    }
    let y: Vec<f64> = (0..n).map(|row| column[row] * root(row)).collect();
    let reference = vec![0.0; dummies.len()];
    let (triangle, qy) = Triangle::householder(&dummies, &y, &reference, 1e-12);
    let beta = triangle.back(&qy);
    (0..n)
        .map(|row| {
            let fit: f64 = triangle.kept.iter().zip(&beta).map(|(&j, b)| dummies[j][row] * b).sum();
            (y[row] - fit) / root(row)
        })
        .collect()
}

type Case = (Vec<(Vec<u32>, usize)>, Vec<f64>, Option<Vec<f64>>);

fn panel() -> impl Strategy<Value = Case> {
    (1_usize..4, 2_usize..60).prop_flat_map(|(n_sets, n)| {
        let codes = proptest::collection::vec(
            proptest::collection::vec(0_u32..7, n).prop_map(|codes| {
                let factor = crate::data::Factor::compact(&codes);
                (factor.codes().to_vec(), factor.n_levels())
            }),
            n_sets,
        );
        let column = proptest::collection::vec(-10.0..10.0_f64, n);
        let weights = proptest::option::of(proptest::collection::vec(0.1..5.0_f64, n));
        (codes, column, weights)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn residuals_equal_those_of_dense_dummies((sets, column, weights) in panel()) {
        let groups: Vec<Groups<'_>> =
            sets.iter().map(|(codes, n)| Groups { codes, n: *n }).collect();
        let mut absorber =
            Absorber::new(&groups, weights.as_deref(), &Ticket::new()).unwrap();
        let mut swept = column.clone();
        let outcome =
            absorber.sweep(&mut [&mut swept], STOP, &Ticket::new()).unwrap();
        prop_assert!(outcome.left <= STOP.tol);
        let expected = dense(&column, &sets, weights.as_deref());
        for (a, b) in swept.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-7, "{a} {b}");
        }
        let mut again = column.clone();
        let (coefficients, _) =
            absorber.coefficients(&mut again, STOP, &Ticket::new()).unwrap();
        for row in 0..column.len() {
            let fit: f64 =
                sets.iter().zip(&coefficients).map(|((c, _), v)| v[c[row] as usize]).sum();
            prop_assert!((column[row] - fit - swept[row]).abs() < 1e-7);
        }
        // other weights, warm: from the residual under the weights before
        let other: Vec<f64> = (0..column.len()).map(|row| 1.0 + f64::from(row as u32 % 3)).collect();
        absorber.reweigh(other.clone(), &Ticket::new()).unwrap();
        absorber.sweep(&mut [&mut swept], STOP, &Ticket::new()).unwrap();
        let expected = dense(&column, &sets, Some(&other));
        for (a, b) in swept.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-7, "{a} {b}");
        }
    }
}

/// A chain of movers: person i works at firms i and i + 1, the hardest graph for plain sweeps.
fn chain(n: u32) -> (Vec<u32>, Vec<u32>) {
    let person = (0..2 * n).map(|row| row / 2).collect();
    let firm = (0..2 * n).map(|row| row / 2 + row % 2).collect();
    (person, firm)
}

#[test]
fn a_long_chain_is_solved_and_a_single_step_is_refused() {
    for n in [1000, 3000] {
        solve_chain(n);
    }
}

/// With 1,000 movers by the dense factor, with 3,000 by the envelope.
fn solve_chain(n: u32) {
    let (person, firm) = chain(n);
    let column: Vec<f64> = (0..2 * n).map(|row| f64::from((row * 37) % 1013)).collect();
    let (persons, firms) = (n as usize, n as usize + 1);
    let sets = [Groups { codes: &person, n: persons }, Groups { codes: &firm, n: firms }];
    let mut absorber = Absorber::new(&sets, None, &Ticket::new()).unwrap();
    let mut swept = column.clone();
    let outcome = absorber.sweep(&mut [&mut swept], STOP, &Ticket::new()).unwrap();
    assert!(outcome.left <= 1e-10 && outcome.iterations < 200, "{outcome:?}");
    let short = Stop { tol: 1e-10, max_iter: 1 };
    let mut absorber = Absorber::new(&sets, None, &Ticket::new()).unwrap();
    let failed = absorber.sweep(&mut [&mut column.clone()], short, &Ticket::new());
    assert!(matches!(failed, Err(Failure::NotConverged(_))));
    let ticket = Ticket::new();
    ticket.cancel();
    let stopped = absorber.sweep(&mut [&mut column.clone()], STOP, &ticket);
    assert_eq!(stopped, Err(Failure::Cancelled));
}

/// Cells are made once: what they are under other weights is what an absorber of these makes.
#[test]
fn other_weights_are_as_good_as_an_absorber_of_their_own() {
    let n = 8000_u32;
    let hashed = |row: u32, salt: u32| row.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 16;
    let sorted: Vec<u32> = (0..n).map(|row| row / 8).collect();
    let mixed: Vec<u32> = (0..n).map(|row| hashed(row, 1) % 1000).collect();
    let firm: Vec<u32> = (0..n).map(|row| hashed(row, 2) % 400).collect();
    // spells, some at a firm where one has been before
    let spell: Vec<u32> = (0..n).map(|row| (row / 8 * 3 + row / 2 % 2) % 400).collect();
    let runs: Vec<u32> = (0..n).map(|row| hashed(row / 3, 3) % 400).collect();
    let town: Vec<u32> = (0..n).map(|row| hashed(row, 4) % 300).collect();
    let quarter: Vec<u32> = (0..n).map(|row| row % 8).collect();
    let ring: Vec<u32> = (0..n).map(|row| (row / 8 + row % 2) % 300).collect();
    let set = |codes: &Vec<u32>| crate::data::Factor::compact(codes);
    let cases: [Vec<&Vec<u32>>; 9] = [
        vec![&sorted, &firm],
        vec![&mixed, &firm],
        vec![&sorted, &firm, &quarter],
        vec![&mixed, &firm, &quarter],
        vec![&sorted, &spell, &quarter],
        vec![&sorted, &runs, &quarter],
        vec![&sorted, &firm, &town, &quarter],
        vec![&sorted, &quarter],
        vec![&sorted, &ring],
    ];
    let columns: Vec<Vec<f64>> = (0..3)
        .map(|salt| (0..n).map(|row| f64::from(hashed(row, 10 + salt) % 1009)).collect())
        .collect();
    for (number, case) in cases.iter().enumerate() {
        let factors: Vec<crate::data::Factor> = case.iter().map(|codes| set(codes)).collect();
        let sets: Vec<Groups<'_>> =
            factors.iter().map(|own| Groups { codes: own.codes(), n: own.n_levels() }).collect();
        let mut again = Absorber::new(&sets, None, &Ticket::new()).unwrap();
        let mut swept = columns.clone();
        for round in 1..4 {
            let weight = |row: u32| 0.1 + f64::from(hashed(row, 20 + round) % 100) / 40.0;
            let weights: Vec<f64> = (0..n).map(weight).collect();
            let mut fresh = Absorber::new(&sets, Some(&weights), &Ticket::new()).unwrap();
            let mut expected = columns.clone();
            let mut views: Vec<&mut [f64]> = expected.iter_mut().map(Vec::as_mut_slice).collect();
            fresh.sweep(&mut views, STOP, &Ticket::new()).unwrap();
            again.reweigh(weights, &Ticket::new()).unwrap();
            let mut views: Vec<&mut [f64]> = swept.iter_mut().map(Vec::as_mut_slice).collect();
            let outcome = again.sweep(&mut views, STOP, &Ticket::new()).unwrap();
            assert!(outcome.left <= STOP.tol, "case {number}: {outcome:?}");
            // what 1e-10 of a standard deviation of 300 leaves; a long ring makes more of it
            let near = if number == 8 { 1e-3 } else { 1e-5 };
            for (a, b) in swept.iter().flatten().zip(expected.iter().flatten()) {
                assert!((a - b).abs() < near, "case {number}, round {round}: {a} {b}");
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let n = 30_000_u32;
    let person: Vec<u32> = (0..n).map(|row| row.wrapping_mul(2_654_435_761) % 3000).collect();
    let firm: Vec<u32> = (0..n).map(|row| row.wrapping_mul(40_503) / 7 % 400).collect();
    let quarter: Vec<u32> = (0..n).map(|row| row % 12).collect();
    let column: Vec<f64> = (0..n).map(|row| f64::from(row.wrapping_mul(97) % 1009)).collect();
    let sets = [
        Groups { codes: &person, n: 3000 },
        Groups { codes: &firm, n: 400 },
        Groups { codes: &quarter, n: 12 },
    ];
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut swept = column.clone();
            let mut absorber = Absorber::new(&sets, None, &Ticket::new()).unwrap();
            absorber.sweep(&mut [&mut swept], STOP, &Ticket::new()).unwrap();
            let sum = gram(&[&swept], None)[0];
            (swept, sum)
        })
    };
    assert_eq!(run(1), run(3));
}

/// Persons by quarter with some gaps and spells at firms: cells are spells, the border is made
/// from what is missing.
fn careers(persons: u32, quarters: u32, firms: u32) -> [Vec<u32>; 3] {
    let mut codes = [Vec::new(), Vec::new(), Vec::new()];
    for person in 0..persons {
        let mut firm = person.wrapping_mul(2_654_435_761) >> 7;
        for quarter in 0..quarters {
            let draw = (person * 97 + quarter * 31).wrapping_mul(0x9E37_79B9) >> 8;
            if draw % 11 == 0 {
                firm = draw;
            }
            if draw % 13 != 1 {
                codes[0].push(person);
                codes[1].push(firm % firms);
                codes[2].push(quarter);
            }
        }
    }
    codes
}

#[test]
fn a_panel_with_gaps_is_swept_as_dense_dummies_are() {
    let codes = careers(40, 12, 7);
    let n = codes[0].len();
    let column: Vec<f64> = (0..n).map(|row| ((row * row) % 101) as f64).collect();
    let weights: Vec<f64> = (0..n).map(|row| 0.5 + (row % 4) as f64).collect();
    let sets: Vec<(Vec<u32>, usize)> = codes
        .iter()
        .map(|codes| {
            let factor = crate::data::Factor::compact(codes);
            (factor.codes().to_vec(), factor.n_levels())
        })
        .collect();
    for weights in [None, Some(weights.as_slice())] {
        let expected = dense(&column, &sets, weights);
        // in order, and with rows in any order
        for step in [1, 7] {
            assert_ne!(n % 7, 0);
            let order: Vec<usize> = (0..n).map(|at| at * step % n).collect();
            let pick = |codes: &[u32]| order.iter().map(|&row| codes[row]).collect::<Vec<u32>>();
            let own: Vec<(Vec<u32>, usize)> =
                sets.iter().map(|(codes, levels)| (pick(codes), *levels)).collect();
            let groups: Vec<Groups<'_>> =
                own.iter().map(|(codes, n)| Groups { codes, n: *n }).collect();
            let w: Option<Vec<f64>> = weights.map(|w| order.iter().map(|&row| w[row]).collect());
            let mut swept: Vec<f64> = order.iter().map(|&row| column[row]).collect();
            let mut absorber = Absorber::new(&groups, w.as_deref(), &Ticket::new()).unwrap();
            let outcome = absorber.sweep(&mut [&mut swept], STOP, &Ticket::new()).unwrap();
            assert!(outcome.left <= 1e-10);
            for (at, &row) in order.iter().enumerate() {
                assert!((swept[at] - expected[row]).abs() < 1e-8);
            }
        }
    }
}

/// Each column count has lanes of its own; columns do not influence each other.
#[test]
fn many_columns_are_swept_as_one_by_one() {
    let codes = careers(300, 9, 40);
    let n = codes[0].len();
    let sets: Vec<Groups<'_>> = [300, 40, 9]
        .iter()
        .zip(&codes)
        .map(|(&levels, codes)| Groups { codes, n: levels })
        .collect();
    let columns: Vec<Vec<f64>> =
        (0..13).map(|c| (0..n).map(|row| ((row * (c + 3)) % 23) as f64).collect()).collect();
    let sweep = |columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let mut swept = columns.to_vec();
        let mut views: Vec<&mut [f64]> = swept.iter_mut().map(Vec::as_mut_slice).collect();
        let mut absorber = Absorber::new(&sets, None, &Ticket::new()).unwrap();
        absorber.sweep(&mut views, STOP, &Ticket::new()).unwrap();
        assert_eq!(absorber.variation().len(), columns.len());
        swept
    };
    for k in [1, 2, 3, 4, 5, 8, 11, 13] {
        for (together, alone) in sweep(&columns[..k]).iter().zip(&columns) {
            let alone = &sweep(std::slice::from_ref(alone))[0];
            assert!(together.iter().zip(alone).all(|(a, b)| (a - b).abs() < 1e-8));
        }
    }
}

/// The slow twin with slopes: residuals of a Householder regression on dense columns.
/// Residuals by dense columns; none where rounding decides which columns there are.
fn dense_slopes(column: &[f64], sets: &[Sloped], weights: &[f64]) -> Option<Vec<f64>> {
    let mut all = Vec::new();
    for (codes, levels, constant, slopes) in sets {
        for level in 0..*levels {
            let inside = |row: usize| f64::from(u8::from(codes[row] as usize == level));
            let root = |row: usize| weights[row].sqrt() * inside(row);
            if *constant {
                all.push((0..column.len()).map(root).collect::<Vec<f64>>());
            }
            for slope in slopes {
                all.push((0..column.len()).map(|row| root(row) * slope[row]).collect());
            }
        }
    }
    let y: Vec<f64> = column.iter().zip(weights).map(|(y, w)| y * w.sqrt()).collect();
    let (triangle, qy) = Triangle::householder(&all, &y, &vec![0.0; all.len()], 1e-12);
    let (coarse, _) = Triangle::householder(&all, &y, &vec![0.0; all.len()], 1e-7);
    let beta = triangle.back(&qy);
    let residual = |row: usize| {
        let fit: f64 = triangle.kept.iter().zip(&beta).map(|(&j, b)| all[j][row] * b).sum();
        (y[row] - fit) / weights[row].sqrt()
    };
    (triangle.kept == coarse.kept).then(|| (0..column.len()).map(residual).collect())
}

type Sloped = (Vec<u32>, usize, bool, Vec<Vec<f64>>);

fn sloped_panel() -> impl Strategy<Value = (Vec<Sloped>, Vec<f64>, Vec<f64>)> {
    (1_usize..4, 4_usize..70).prop_flat_map(|(n_sets, n)| {
        let set = (
            proptest::collection::vec(0_u32..6, n),
            any::<bool>(),
            proptest::collection::vec(proptest::collection::vec(1.0..9.0_f64, n), 1..3),
        )
            .prop_map(|(codes, constant, slopes)| {
                let factor = crate::data::Factor::compact(&codes);
                (factor.codes().to_vec(), factor.n_levels(), constant, slopes)
            });
        let column = proptest::collection::vec(-10.0..10.0_f64, n);
        let weights = proptest::collection::vec(0.1..5.0_f64, n);
        (proptest::collection::vec(set, n_sets), column, weights)
    })
}

proptest! {
    #[test]
    fn slopes_are_swept_as_dense_columns_are((sets, column, weights) in sloped_panel()) {
        let varying: Vec<Varying<'_>> = sets
            .iter()
            .map(|(codes, n, constant, slopes)| Varying {
                groups: Groups { codes, n: *n },
                constant: *constant,
                slopes,
            })
            .collect();
        let (ticket, stop) = (Ticket::new(), Stop { tol: 1e-10, max_iter: 20_000 });
        let mut absorber = Absorber::varying(&varying, Some(&weights), &ticket).unwrap();
        let (mut swept, mut second) = (column.clone(), column.iter().map(|v| v * v).collect::<Vec<_>>());
        let outcome = absorber.sweep(&mut [&mut swept, &mut second], stop, &ticket).unwrap();
        prop_assert!(outcome.left <= stop.tol);
        let dense = dense_slopes(&column, &sets, &weights);
        prop_assume!(dense.is_some());
        for (a, b) in swept.iter().zip(dense.unwrap_or_default()) {
            prop_assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let mut again = column.clone();
        let (coefficients, _) = absorber.coefficients(&mut again, stop, &ticket).unwrap();
        for row in 0..column.len() {
            let mut fit = 0.0;
            for ((codes, _, constant, slopes), own) in sets.iter().zip(&coefficients) {
                let width = usize::from(*constant) + slopes.len();
                let own = &own[codes[row] as usize * width..][..width];
                fit += own[..usize::from(*constant)].iter().sum::<f64>();
                let rest = own[usize::from(*constant)..].iter().zip(slopes);
                fit += rest.map(|(b, slope)| b * slope[row]).sum::<f64>();
            }
            prop_assert!((column[row] - fit - again[row]).abs() < 1e-5);
        }
    }
}

#[test]
fn slopes_give_the_same_bits_on_any_number_of_threads() {
    let n = 200_000_u32;
    let codes: Vec<u32> = (0..n).map(|row| row * 7919 % 4000).collect();
    let other: Vec<u32> = (0..n).map(|row| row * 10_473 % 50).collect();
    let slopes = vec![(0..n).map(|row| f64::from(row * 31 % 97)).collect::<Vec<f64>>()];
    let column: Vec<f64> = (0..n).map(|row| f64::from(row * 37 % 1013)).collect();
    let swept = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let sets = [
                Varying {
                    groups: Groups { codes: &codes, n: 4000 },
                    constant: true,
                    slopes: &slopes,
                },
                Varying { groups: Groups { codes: &other, n: 50 }, constant: true, slopes: &[] },
            ];
            let mut absorber = Absorber::varying(&sets, None, &Ticket::new()).unwrap();
            let mut own = column.clone();
            absorber.sweep(&mut [&mut own], STOP, &Ticket::new()).unwrap();
            own
        })
    };
    assert!(swept(1) == swept(2));
}
