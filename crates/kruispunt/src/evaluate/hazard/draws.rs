//! Uncertainty by draws of the coefficients.

use crate::data::Ticket;
use crate::evaluate::EvaluateError;
use rayon::prelude::*;

/// What each of `n` draws gives, in their order.
pub(super) fn draws<T: Send>(
    n: u32,
    ticket: &Ticket,
    one: impl Fn(u32) -> T + Sync,
) -> Result<Vec<T>, EvaluateError> {
    ticket.stage("drawing coefficients", u64::from(n));
    let found: Option<Vec<T>> = (0..n)
        .into_par_iter()
        .map(|draw| {
            if ticket.is_cancelled() {
                return None;
            }
            let own = one(draw);
            ticket.advance(1);
            Some(own)
        })
        .collect();
    found.ok_or(EvaluateError::Cancelled)
}

/// The standard deviation of a number over draws, and the bounds of its middle `1 - alpha`.
pub(super) fn spread(mut drawn: Vec<f64>, alpha: f64) -> [f64; 3] {
    drawn.sort_by(f64::total_cmp);
    let n = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / n;
    let square: f64 = drawn.iter().map(|value| (value - mean) * (value - mean)).sum();
    let bound = |share: f64| drawn[((n - 1.0) * share).round() as usize];
    [(square / (n - 1.0)).sqrt(), bound(alpha / 2.0), bound(1.0 - alpha / 2.0)]
}
