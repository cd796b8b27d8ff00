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
