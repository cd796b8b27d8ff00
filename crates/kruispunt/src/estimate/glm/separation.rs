//! Observations that a likelihood fits perfectly at infinity.

use super::Family;
use crate::data::{SampleEffect, Ticket};
use crate::estimate::EstimateError;
use crate::estimate::absorption::{failed, go_on, sets, sweep};
use crate::estimate::drawn::Drawn;
use crate::estimate::least_squares::{combine, measure, solve};
use crate::math::absorb::{Absorber, Stop};
use crate::math::crossprod::{dot, gram};
use crate::math::linalg::Triangle;
use crate::math::programme::cone_maximum;
use rayon::prelude::*;

/// Rows in a level of an effect where the outcome never differs from its bound.
pub(super) fn by_effect(
    family: Family,
    outcome: &[f64],
    effects: &[SampleEffect],
) -> Option<Vec<bool>> {
    let effects: Vec<_> = effects.iter().filter(|effect| effect.constant).collect();
    // rows above the lower bound and below the upper one, by level
    let mut inside: Vec<[Vec<u32>; 2]> = effects
        .par_iter()
        .map(|effect| {
            let n = effect.factor.n_levels();
            let mut own = [vec![0_u32; n], vec![u32::from(!family.is_binary()); n]];
            for (&code, &y) in effect.factor.codes().iter().zip(outcome) {
                own[0][code as usize] += u32::from(y != 0.0);
                own[1][code as usize] += u32::from(y != 1.0);
            }
            own
        })
        .collect();
    let mut stay = vec![true; outcome.len()];
    let mut any = false;
    // again after each pass in which rows left: they may have been all that a level had inside
    loop {
        let mut more = false;
        for (at, effect) in effects.iter().enumerate() {
            if !inside[at].iter().any(|own| own.contains(&0)) {
                continue;
            }
            for row in 0..outcome.len() {
                let code = effect.factor.codes()[row] as usize;
                if !stay[row] || inside[at].iter().all(|own| own[code] > 0) {
                    continue;
                }
                (stay[row], more) = (false, true);
                for (other, inside) in effects.iter().zip(&mut inside) {
                    let code = other.factor.codes()[row] as usize;
                    let [above, below] = inside;
                    above[code] = above[code].saturating_sub(u32::from(outcome[row] != 0.0));
                    below[code] = below[code].saturating_sub(u32::from(outcome[row] != 1.0));
                }
            }
        }
        if !more {
            return any.then_some(stay);
        }
        any = true;
    }
}

/// Below this a fitted value counts as zero.
const ZERO: f64 = 1e-4;
/// Projections at most.
const MOST: usize = 1000;
/// Weighted columns differ by many orders; only what rounding leaves is collinear.
const COLLINEAR: f64 = 1e-24;

/// Rows with outcome 0 that some combination of regressors and effects sends to minus infinity
/// while it leaves all others alone: the iterative rectifier.
///
/// A combination that is 0 where the outcome is above 0, and nowhere below 0 elsewhere, separates
/// the rows where it is above 0. It is found by projecting 1(y = 0) on the regressors with much
/// weight on the rows above 0, setting what is negative to 0, and projecting again.
pub(super) fn by_rectifier(
    drawn: &Drawn,
    ticket: &Ticket,
) -> Result<Option<Vec<bool>>, EstimateError> {
    let (outcome, effects) = (&drawn.outcome[..], drawn.effects.as_slice());
    let zeros = outcome.iter().filter(|&&y| y == 0.0).count();
    if zeros == 0 || zeros == outcome.len() || (drawn.regressors.is_empty() && effects.len() < 2) {
        return Ok(None);
    }
    let heavy = (outcome.len() - zeros) as f64 / (ZERO * ZERO);
    let weights: Vec<f64> = outcome.iter().map(|&y| if y > 0.0 { heavy } else { 1.0 }).collect();
    let mut target: Vec<f64> = outcome.iter().map(|&y| f64::from(u8::from(y == 0.0))).collect();
    let stop = Stop { tol: 1e-6, max_iter: 20_000 };
    let mut columns: Vec<Vec<f64>> =
        drawn.regressors.iter().map(|own| own.values.to_vec()).collect();
    let mut left = target.clone();
    let mut all: Vec<&mut [f64]> = std::iter::once(left.as_mut_slice())
        .chain(columns.iter_mut().map(Vec::as_mut_slice))
        .collect();
    let swept = sweep(effects, Some(&weights), &mut all, stop, ticket)?;
    let reference: Vec<f64> = if effects.is_empty() {
        vec![0.0; columns.len()]
    } else {
        swept.variation.iter().skip(1).map(|own| measure(own, COLLINEAR)).collect()
    };
    for _ in 0..MOST {
        go_on(ticket)?;
        let solved = solve(columns.clone(), left.clone(), Some(&weights), &reference, COLLINEAR);
        let fitted: Vec<f64> =
            target.iter().zip(&solved.residuals).map(|(target, own)| target - own).collect();
        let zero = |row: usize| outcome[row] == 0.0;
        let lowest =
            (0..fitted.len()).filter(|&row| zero(row)).fold(0.0_f64, |m, row| m.min(fitted[row]));
        let highest =
            (0..fitted.len()).filter(|&row| zero(row)).fold(0.0_f64, |m, row| m.max(fitted[row]));
        if highest < ZERO {
            return Ok(None);
        }
        if lowest > -0.1 * ZERO {
            let stay: Vec<bool> =
                (0..fitted.len()).map(|row| !(zero(row) && fitted[row] > ZERO)).collect();
            return Ok(stay.contains(&false).then_some(stay));
        }
        for row in 0..fitted.len() {
            target[row] = if zero(row) { fitted[row].max(0.0) } else { 0.0 };
        }
        left.clone_from(&target);
        sweep(effects, Some(&weights), &mut [left.as_mut_slice()], stop, ticket)?;
    }
    Ok(None)
}

/// A null combination on the rows above 0 has less than this share of its own sum of squares left.
const SPANNED: f64 = 1e-16;
/// Values of a separating combination below this share of the largest count as zero.
const TOUCHED: f64 = 1e-7;

/// Rows with outcome 0 that some combination of regressors separates, by a linear programme: of the
/// combinations z that the effects span where the outcome is above 0, less these effects, the one
/// with the largest sum that is nowhere below 0; what it separates goes, and again.
pub(super) fn by_simplex(
    drawn: &Drawn,
    ticket: &Ticket,
) -> Result<Option<Vec<bool>>, EstimateError> {
    let outcome = &drawn.outcome[..];
    let above: Vec<u32> =
        (0..outcome.len()).filter(|&row| outcome[row] > 0.0).map(|r| r as u32).collect();
    if above.is_empty() || above.len() == outcome.len() || drawn.regressors.is_empty() {
        return Ok(None);
    }
    let effects: Vec<SampleEffect> = drawn.effects.iter().map(|own| own.take(&above)).collect();
    let pick = |own: &[f64]| -> Vec<f64> { above.iter().map(|&row| own[row as usize]).collect() };
    let own: Vec<Vec<f64>> = drawn.regressors.iter().map(|own| pick(&own.values)).collect();
    let mut swept = own.clone();
    let stop = Stop { tol: 1e-10, max_iter: 20_000 };
    let mut views: Vec<&mut [f64]> = swept.iter_mut().map(Vec::as_mut_slice).collect();
    sweep(&effects, None, &mut views, stop, ticket)?;
    let reference: Vec<f64> = own.iter().map(|x| dot(x, x)).collect();
    let views: Vec<&[f64]> = swept.iter().map(Vec::as_slice).collect();
    let all = gram(&views, None);
    let triangle = Triangle::cholesky(&all, &reference, SPANNED.sqrt());
    let k = swept.len();
    let mut lines: Vec<Vec<f64>> = Vec::new();
    for &lost in &triangle.dropped {
        let right: Vec<f64> = triangle.kept.iter().map(|&j| all[j * k + lost]).collect();
        let mut mix = vec![0.0; k];
        mix[lost] = 1.0;
        for (&j, b) in triangle.kept.iter().zip(triangle.solve(&right)) {
            mix[j] = -b;
        }
        let line = beside_effects(drawn, &mix, (&effects, &above), ticket)?;
        let most = |own: &[f64]| own.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let parts = drawn.regressors.iter().zip(&mix).map(|(own, b)| most(&own.values) * b.abs());
        // what the whole sample determines is rounding
        if most(&line) > 1e-9 * parts.sum::<f64>() {
            lines.push(line);
        }
    }
    Ok(separated(lines, outcome))
}

/// A combination of regressors less the effects that fit it on the rows `above`, row by row of the
/// sample; NaN in levels that do not occur there.
fn beside_effects(
    drawn: &Drawn,
    mix: &[f64],
    (effects, above): (&[SampleEffect], &[u32]),
    ticket: &Ticket,
) -> Result<Vec<f64>, EstimateError> {
    let columns: Vec<&[f64]> = drawn.regressors.iter().map(|own| &own.values[..]).collect();
    let mut z = combine(&columns, mix, drawn.outcome.len());
    if effects.is_empty() {
        return Ok(z);
    }
    let stop = Stop { tol: 1e-11, max_iter: 20_000 };
    let mut inside: Vec<f64> = above.iter().map(|&row| z[row as usize]).collect();
    let sets = sets(effects);
    let mut absorber = Absorber::varying(&sets, None, ticket).map_err(failed)?;
    let (values, _) = absorber.coefficients(&mut inside, stop, ticket).map_err(failed)?;
    for ((whole, own), values) in drawn.effects.iter().zip(effects).zip(values) {
        let mut place = vec![u32::MAX; whole.factor.n_levels()];
        for (&row, &code) in above.iter().zip(own.factor.codes()) {
            place[whole.factor.codes()[row as usize] as usize] = code;
        }
        let width = own.width();
        for (row, z) in z.iter_mut().enumerate() {
            let at = place[whole.factor.codes()[row] as usize];
            if at == u32::MAX {
                *z = f64::NAN;
                continue;
            }
            let own = &values[at as usize * width..(at as usize + 1) * width];
            let constant = usize::from(whole.constant);
            *z -= own[..constant].iter().sum::<f64>();
            for (slope, b) in whole.slopes.iter().zip(&own[constant..]) {
                *z -= slope[row] * b;
            }
        }
    }
    Ok(z)
}

/// Which rows stay, given combinations that are 0 where the outcome is above 0.
fn separated(mut lines: Vec<Vec<f64>>, outcome: &[f64]) -> Option<Vec<bool>> {
    let size = |line: &Vec<f64>| line.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    lines.retain(|line| size(line) > 0.0);
    for line in &mut lines {
        let most = size(line);
        for v in line {
            *v /= most;
        }
    }
    let mut open: Vec<usize> = (0..outcome.len())
        .filter(|&row| outcome[row] == 0.0 && lines.iter().all(|line| line[row].is_finite()))
        .collect();
    let mut stay = vec![true; outcome.len()];
    for _ in 0..=lines.len() {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for &row in &open {
            let mut own: Vec<f64> = lines.iter().map(|line| line[row]).collect();
            let most = own.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            if most > TOUCHED {
                for v in &mut own {
                    *v /= most;
                }
                rows.push(own);
            }
        }
        rows.sort_by(|a, b| {
            a.iter()
                .zip(b)
                .map(|(a, b)| a.total_cmp(b))
                .find(|o| o.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        rows.dedup();
        let mut c = vec![0.0; lines.len()];
        for row in &rows {
            c.iter_mut().zip(row).for_each(|(sum, v)| *sum += v / rows.len() as f64);
        }
        let Some(x) = cone_maximum(&c, &rows).filter(|_| !rows.is_empty()) else { break };
        let before = open.len();
        open.retain(|&row| {
            let z: f64 = lines.iter().zip(&x).map(|(line, x)| line[row] * x).sum();
            stay[row] = z <= TOUCHED;
            stay[row]
        });
        if open.len() == before {
            break;
        }
    }
    stay.contains(&false).then_some(stay)
}
