//! Effects added up over horizons, and when they are paid back.

use super::EvaluateError;
use super::inference::normals;
use crate::data::{By, Caution, Effects, Phase, Seed, Status, Ticket};
use serde::{Deserialize, Serialize};

/// When what was lost at first is made up for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    /// The first horizon from which the sum is not below 0 to the end; `None` when it is.
    pub at: Option<i32>,
    /// The same in draws of the estimates: bounds of the middle `1 - alpha`; `None` for later than
    /// seen.
    pub low: Option<i32>,
    /// The upper bound.
    pub high: Option<i32>,
    /// The share of draws in which it is not made up for within sight.
    pub never: f64,
}

impl Effects {
    /// Effects added up over horizons from the first one after the start: days or quarters gained
    /// by then, with their covariance.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::WrongRows`] unless rows stand by event time, each horizon after the one
    /// before, all estimated.
    pub fn cumulate(&self) -> Result<Self, EvaluateError> {
        let refuse = |why| EvaluateError::WrongRows { verb: "cumulate", by: self.by.name(), why };
        if self.by != By::Event {
            return Err(refuse("sums are over event time: aggregate to it first"));
        }
        let mut order: Vec<usize> =
            (0..self.rows.len()).filter(|&at| self.rows[at].phase == Phase::After).collect();
        order.sort_by_key(|&at| self.rows[at].event);
        let steps = order.windows(2).all(|pair| {
            self.rows[pair[1]].event == self.rows[pair[0]].event.map(|event| event + 1)
        });
        let whole = order.iter().all(|&at| self.rows[at].status == Status::Estimated);
        if order.is_empty() || !steps || !whole {
            return Err(refuse("each horizon must follow the one before and be estimated"));
        }
        let (k, all) = (order.len(), self.rows.len() + self.shares.len());
        let mut sums = self.clone();
        sums.rows = order.iter().map(|&at| self.rows[at].clone()).collect();
        let mut total = 0.0;
        for row in &mut sums.rows {
            total += row.estimate;
            row.estimate = total;
        }
        let mut joint = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..k {
                joint[i * k + j] = (0..=i)
                    .map(|a| (0..=j).map(|b| self.joint[order[a] * all + order[b]]).sum::<f64>())
                    .sum();
            }
        }
        sums.joint = joint;
        let added = |draw: &[f64]| {
            let mut sum = 0.0;
            let step = |&row: &usize| {
                sum += draw[row];
                sum
            };
            order.iter().map(step).collect::<Vec<f64>>()
        };
        sums.drawn = self.drawn.chunks_exact(all.max(1)).flat_map(added).collect();
        (sums.shares, sums.share_of) = (Vec::new(), Vec::new());
        sums.estimand = format!("added up from the first horizon on: {}", self.estimand);
        sums.cautions.retain(|own: &Caution| own.code != "unobserved_selection");
        Ok(sums)
    }

    /// The horizon from which effects that are added up are not below 0, with an interval from
    /// draws of the estimates; of effects that are not added up yet, theirs.
    ///
    /// # Errors
    ///
    /// As [`cumulate`](Self::cumulate), and [`EvaluateError::BadArgument`] for `alpha`.
    pub fn break_even(
        &self,
        alpha: f64,
        seed: Seed,
        ticket: &Ticket,
    ) -> Result<BreakEven, EvaluateError> {
        const DRAWS: u64 = 4000;
        Self::check_alpha(alpha)?;
        let sums = self.cumulate()?;
        let (k, vcov) = (sums.rows.len(), sums.vcov());
        let events: Vec<i32> = sums.rows.iter().filter_map(|row| row.event).collect();
        let back = |path: &[f64]| match path.iter().rposition(|value| *value < 0.0) {
            None => 0,
            Some(at) => at + 1,
        };
        let lower = lower(&vcov, k);
        let estimates = sums.estimates();
        let mut places = Vec::with_capacity(DRAWS as usize);
        let (mut z, mut path) = (vec![0.0; k], vec![0.0; k]);
        for draw in 0..DRAWS {
            if draw % 256 == 0 && ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            normals(seed, draw, &mut z);
            for i in 0..k {
                let noise: f64 = (0..=i).map(|j| lower[i * k + j] * z[j]).sum();
                path[i] = estimates[i] + noise;
            }
            places.push(back(&path));
        }
        places.sort_unstable();
        let bound = |share: f64| {
            let at = ((places.len() - 1) as f64 * share).round() as usize;
            events.get(places[at]).copied()
        };
        let never = places.iter().filter(|own| **own == k).count() as f64 / places.len() as f64;
        Ok(BreakEven {
            at: events.get(back(&estimates)).copied(),
            low: bound(alpha / 2.0),
            high: bound(1.0 - alpha / 2.0),
            never,
        })
    }
}

/// A lower triangular root of a covariance; directions without variance get 0.
pub(super) fn lower(vcov: &[f64], k: usize) -> Vec<f64> {
    let mut lower = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let done: f64 = (0..j).map(|l| lower[i * k + l] * lower[j * k + l]).sum();
            let left = vcov[i * k + j] - done;
            lower[i * k + j] = if i == j {
                if left > 1e-12 * vcov[i * k + i] { left.sqrt() } else { 0.0 }
            } else if lower[j * k + j] > 0.0 {
                left / lower[j * k + j]
            } else {
                0.0
            };
        }
    }
    lower
}
