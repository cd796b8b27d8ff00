//! Event studies that were estimated elsewhere.

use super::EvaluateError;
use crate::data::{Account, By, Calendar, Effect, Effects, Period, Phase, Status, Unit};

/// Estimates by event time from another source, for bounds, bands and power.
///
/// ```
/// use kruispunt::data::Unit;
/// use kruispunt::evaluate::{Departure, EventStudy};
/// let vcov = [0.01, 0.002, 0.002, 0.01];
/// let study = EventStudy::new(&[-2, 0], &[0.01, 0.4], &vcov, -1, Unit::Year)?;
/// let bounds = study.honest(Departure::Relative, &[1.0], &[], 0.05)?;
/// assert!(bounds[0].low < 0.4 && bounds[0].high > 0.4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventStudy;

impl EventStudy {
    /// Effects by event time measured from the period `reference`, which has no row of its own.
    ///
    /// `vcov` is their covariance, row-major.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for event times that repeat or name the reference, for sizes
    /// that do not fit, and for a covariance that is not one.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(
        events: &[i32],
        estimates: &[f64],
        vcov: &[f64],
        reference: i32,
        unit: Unit,
    ) -> Result<Effects, EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        let k = events.len();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by_key(|&at| events[at]);
        if k == 0 || order.windows(2).any(|pair| events[pair[0]] == events[pair[1]]) {
            return bad("events", "different event times, at least one", format!("{events:?}"));
        }
        if events.contains(&reference) {
            let expected = "an event time without an estimate, which the others are measured from";
            return bad("reference", expected, reference.to_string());
        }
        if estimates.len() != k || estimates.iter().any(|value| !value.is_finite()) {
            let got = format!("{} numbers for {k} event times", estimates.len());
            return bad("estimates", "one finite number an event time", got);
        }
        let at = |i: usize, j: usize| vcov[i * k + j];
        let sound = vcov.len() == k * k
            && vcov.iter().all(|value| value.is_finite())
            && (0..k).all(|i| {
                at(i, i) > 0.0
                    && (0..i).all(|j| {
                        let size = (at(i, i) * at(j, j)).sqrt();
                        (at(i, j) - at(j, i)).abs() <= 1e-8 * size
                            && at(i, j).abs() <= size * (1.0 + 1e-8)
                    })
            });
        if !sound {
            let got = format!("{} numbers for {k} event times", vcov.len());
            return bad("vcov", "a covariance: symmetric, variances above 0", got);
        }
        let place = order.iter().position(|&own| events[own] > reference).unwrap_or(k);
        let mut rows: Vec<Effect> = order
            .iter()
            .map(|&own| Effect {
                estimate: estimates[own],
                status: Status::Estimated,
                ..blank(events[own])
            })
            .collect();
        rows.insert(place, blank(reference));
        let mut joint = vec![0.0; (k + 1) * (k + 1)];
        let row = |own: usize| own + usize::from(own >= place);
        for (i, &one) in order.iter().enumerate() {
            for (j, &other) in order.iter().enumerate() {
                joint[row(i) * (k + 1) + row(j)] = 0.5 * (at(one, other) + at(other, one));
            }
        }
        // rows by event time need a unit, not a date
        let somewhere = Period { unit, number: 2000 * 12 / unit.months() };
        Ok(Effects {
            calendar: Calendar::between(somewhere, somewhere)?,
            outcome: "the outcome".to_owned(),
            method: "given estimates".to_owned(),
            by: By::Event,
            rows,
            shares: Vec::new(),
            share_of: Vec::new(),
            joint,
            drawn: Vec::new(),
            df: None,
            n_units: 0,
            n_obs: 0,
            cluster: String::new(),
            n_clusters: 0,
            estimand: "effects by periods since treatment, as given".to_owned(),
            comparison: format!("the period {reference} from treatment, as given"),
            identified: f64::NAN,
            cautions: Vec::new(),
            account: Account::new("given"),
        })
    }
}

fn blank(event: i32) -> Effect {
    Effect {
        cohort: None,
        period: None,
        event: Some(event),
        phase: if event < 0 { Phase::Before } else { Phase::After },
        estimate: 0.0,
        status: Status::Reference,
        n_treated: 0,
        n_control: 0,
    }
}
