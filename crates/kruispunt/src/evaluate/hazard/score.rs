//! The chance of a start, for those who are matched on it.

use super::discrete::independent;
use super::likelihood::{Link, Rows};
use crate::data::Ticket;
use crate::evaluate::EvaluateError;

/// Linear indices of a logit of `event` on `columns`, with a level of its own for each value of
/// `level`; NaN in levels where the event happens always or never.
pub(in crate::evaluate) fn log_odds(
    columns: &[Vec<f64>],
    names: &[String],
    (level, n_levels): (&[u32], usize),
    event: &[u32],
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    let n = event.len();
    let mut counts = vec![[0_u32; 2]; n_levels];
    for (&level, &event) in level.iter().zip(event) {
        counts[level as usize][event as usize] += 1;
    }
    let both = |level: u32| counts[level as usize].iter().all(|&n| n > 0);
    let weights: Vec<f64> = level.iter().map(|&level| f64::from(u8::from(both(level)))).collect();
    let mut rows = Rows {
        columns: columns.iter().map(Vec::as_slice).collect(),
        names,
        level,
        n_levels,
        event,
        causes: 1,
        weights: Some(&weights),
        offset: None,
        link: Link::Logit,
    };
    let (kept, _) = independent(&rows);
    rows.columns = kept.iter().map(|&at| columns[at].as_slice()).collect();
    let kept_names: Vec<String> = kept.iter().map(|&at| names[at].clone()).collect();
    rows.names = &kept_names;
    let k = rows.k();
    let mut theta = vec![0.0; rows.m()];
    let mut free: Vec<usize> = (0..k).collect();
    for at in 0..n_levels {
        if both(at as u32) {
            let [none, some] = counts[at].map(f64::from);
            theta[k + at] = libm::log(some / none);
            free.push(k + at);
        }
    }
    let top = rows.climb(theta, &free, ticket)?;
    let index = |row: usize| {
        if weights[row] == 0.0 {
            return f64::NAN;
        }
        let own = rows.columns.iter().zip(&top.theta).map(|(column, beta)| column[row] * beta);
        top.theta[k + level[row] as usize] + own.sum::<f64>()
    };
    Ok((0..n).map(index).collect())
}
