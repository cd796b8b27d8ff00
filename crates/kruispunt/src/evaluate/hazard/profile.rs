//! Intervals by the likelihood ratio, where persons differ by a normal effect.

use super::curves::reach;
use super::discrete::{DiscreteHazard, HazardFit};
use super::frailty::{Frailty, POINTS, State, climb, grouped};
use super::mixing::{Grouped, Mixing, Peak};
use super::person_periods::start;
use crate::data::{Table, Ticket};
use crate::evaluate::EvaluateError;
use crate::math::hermite::gauss_hermite;

/// A standard deviation is not looked for beyond this, on the scale of log odds (nor beyond twice the
/// estimate): the odds of one person in six are then 150 times those of the median or more.
const LARGEST: f64 = 5.0;
/// Values at which a profile is computed, a bound.
const MOST: usize = 40;
/// Where a climb for the standard deviation begins at least: at 0 the likelihood has no slope.
const OFF: f64 = 0.5;
/// A log-likelihood that more points of the quadrature move by less is settled.
const SETTLED: f64 = 2e-3;
/// A log-likelihood beside the estimates that is higher by more says that they are not the largest.
const HIGHER: f64 = 1e-2;

impl DiscreteHazard {
    /// Intervals of probability `1 - alpha` by the likelihood ratio, in the order of the names of
    /// `fit`, which this model gave for `table`.
    ///
    /// The interval of a parameter `c` holds the values at which the largest likelihood over all
    /// other parameters is not too low,
    ///
    /// ```text
    /// 2 (l(estimate) - max l(c, others)) <= z^2        z: the normal quantile of 1 - alpha/2
    /// ```
    ///
    /// It needs no standard error, may be longer on one side, and holds where a standard deviation
    /// of frailty is hardly told from the baseline: there it begins at 0 when 0 is not too unlikely,
    /// is infinite above when no value up to 5 is, and intervals of slopes allow for all values the
    /// standard deviation may have: a bound that only a larger one would give is infinite too.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for a model without normal frailty or with clusters, another
    /// table and `alpha`; [`EvaluateError::NoSolution`] where the estimate is not the largest
    /// likelihood; as [`fit_with`](Self::fit_with).
    ///
    /// # References
    ///
    /// - Venzon, D. J. & Moolgavkar, S. H. (1988). *Applied Statistics* 37, 87-94.
    /// - Self, S. G. & Liang, K.-Y. (1987). *JASA* 82, 605-610 (a variance at its bound).
    pub fn profile(
        &self,
        table: &Table,
        fit: &HazardFit,
        alpha: f64,
        ticket: &Ticket,
    ) -> Result<Vec<(f64, f64)>, EvaluateError> {
        let reach = reach(alpha)?;
        let bad = |argument, expected, got: &str| {
            Err(EvaluateError::BadArgument { argument, expected, got: got.to_owned() })
        };
        let found = fit.mixture.as_ref().map(|own| own.frailty);
        let (Some(person), Some(Frailty::Normal { points: Some(points) })) = (&self.person, found)
        else {
            let expected = "\"profile\" for a hazard with normal frailty, \"wald\" for others";
            return bad("method", expected, "a model without");
        };
        if self.cluster.is_some() {
            let expected = "\"wald\" with clusters: the likelihood takes persons as independent";
            return bad("method", expected, "\"profile\"");
        }
        let own = self.person_periods(table, ticket)?;
        let free = start(&own.rows()).1;
        let persons = own.sample.class(person).ok_or(EvaluateError::TooFewClusters { n: 0 })?;
        let weights = self.weights.as_deref().unwrap_or_default();
        let own = grouped(&own.rows(), persons, weights, &own.sample.rows)?;
        let told = fit.fit.likelihood.as_ref().map_or(f64::NAN, |own| own.log_likelihood);
        let same = own.k + own.n_levels + 1 == fit.theta.len() && own.k == fit.names.len();
        if same {
            let mut profile = Profile::new(&own, fit, &free, points, ticket)?;
            if (profile.top - told).abs() < 1e-6 * (1.0 + told.abs()) {
                return profile.intervals(reach);
            }
        }
        bad("data", "the table the fit was made from", "another")
    }
}

/// The largest likelihood over all parameters but one.
struct Profile<'a> {
    own: &'a Grouped,
    free: Vec<usize>,
    points: u32,
    nodes: (Vec<f64>, Vec<f64>),
    peaks: Vec<Peak>,
    /// The estimate, its standard errors, and its log-likelihood.
    theta: Vec<f64>,
    errors: Vec<f64>,
    top: f64,
    /// No standard deviation beyond this is looked at.
    largest: f64,
    ticket: &'a Ticket,
}

/// A value of the held parameter, with all parameters and how far the likelihood has fallen there, on
/// the scale of standard errors.
struct Held {
    theta: Vec<f64>,
    below: f64,
    /// By how much it falls with the value.
    slope: f64,
}

impl<'a> Profile<'a> {
    fn new(
        own: &'a Grouped,
        fit: &HazardFit,
        free: &[usize],
        points: u32,
        ticket: &'a Ticket,
    ) -> Result<Self, EvaluateError> {
        let m = fit.theta.len();
        let mut made = Self {
            own,
            free: free.iter().copied().chain([m - 1]).collect(),
            points,
            nodes: gauss_hermite(points as usize),
            peaks: vec![Peak { mode: 0.0, spread: 1.0 }; own.persons()],
            theta: fit.theta.clone(),
            errors: (0..m).map(|at| fit.joint[at * m + at].sqrt()).collect(),
            top: f64::NAN,
            largest: LARGEST.max(2.0 * fit.theta[m - 1]),
            ticket,
        };
        made.settle()?;
        Ok(made)
    }

    /// Finds the top.
    fn settle(&mut self) -> Result<(), EvaluateError> {
        let state = self.climb(self.theta.clone(), &self.free.clone())?;
        (self.theta, self.top) = (state.theta, state.sums.log_likelihood);
        Ok(())
    }

    /// Where the standard deviation stands among the parameters.
    fn sd(&self) -> usize {
        self.theta.len() - 1
    }

    fn climb(&mut self, theta: Vec<f64>, free: &[usize]) -> Result<State, EvaluateError> {
        let (nodes, weights) = (&self.nodes.0[..], &self.nodes.1[..]);
        let mixing = Mixing::Normal { nodes, weights, most: self.largest };
        climb(self.own, &mixing, theta, free, (&mut self.peaks, false), self.ticket)
    }

    /// The top where a parameter is held at a value, the climb from `theta`; `None` when more points
    /// of the quadrature were needed, which move the top too.
    fn held(
        &mut self,
        at: usize,
        value: f64,
        theta: &[f64],
    ) -> Result<Option<Held>, EvaluateError> {
        let (mut theta, sd) = (theta.to_vec(), self.sd());
        theta[sd] = theta[sd].abs().clamp(OFF, self.largest);
        theta[at] = value;
        let free: Vec<usize> = self.free.iter().copied().filter(|own| *own != at).collect();
        let state = self.climb(theta, &free)?;
        if let Some(finer) = POINTS.into_iter().find(|own| *own > self.points) {
            let nodes = gauss_hermite(finer as usize);
            let mixing = Mixing::normal(&nodes.0, &nodes.1);
            let there = self.own.value(&state.theta, &mixing, &self.peaks);
            if (there - state.sums.log_likelihood).abs() > SETTLED {
                (self.points, self.nodes) = (finer, nodes);
                self.settle()?;
                return Ok(None);
            }
        }
        let fall = self.top - state.sums.log_likelihood;
        if fall < -HIGHER {
            return Err(EvaluateError::NoSolution {
                what: "the profile of the likelihood",
                why: "the estimates are not at its largest; fit again with more `points`",
            });
        }
        let below = (2.0 * fall.max(0.0)).sqrt();
        let slope = state.sums.score[at].abs() / below;
        Ok(Some(Held { theta: state.theta, below, slope }))
    }

    /// Intervals of what is shown.
    fn intervals(&mut self, reach: f64) -> Result<Vec<(f64, f64)>, EvaluateError> {
        let mut found = Vec::with_capacity(self.own.k + 1);
        for at in (0..self.own.k).chain([self.sd()]) {
            let mut bounds = [f64::NAN; 2];
            for (bound, side) in bounds.iter_mut().zip([-1.0, 1.0]) {
                *bound = loop {
                    if let Some(own) = self.bound(at, side, reach)? {
                        break own;
                    }
                };
            }
            found.push((bounds[0], bounds[1]));
        }
        Ok(found)
    }

    /// A bound; `None` when more points of the quadrature were taken on the way.
    ///
    /// The root of twice the fall is nearly a straight line in the value, and the score of the held
    /// parameter is its slope, so that a few steps within a bracket find where it is `reach`.
    fn bound(&mut self, at: usize, side: f64, reach: f64) -> Result<Option<f64>, EvaluateError> {
        let (centre, is_sd) = (self.theta[at], at == self.sd());
        let error = if self.errors[at] > 0.0 { self.errors[at] } else { 1.0 };
        let (mut near, mut far) = (centre, None);
        if is_sd {
            let (end, beyond) = if side < 0.0 { (0.0, 0.0) } else { (self.largest, f64::INFINITY) };
            let Some(own) = self.held(at, end, &self.theta.clone())? else { return Ok(None) };
            if own.below <= reach {
                return Ok(Some(beyond));
            }
            far = Some(end);
        }
        let mut value = centre + side * reach * error;
        // Where the last two tops lay: the next lies about on their line.
        let mut last = (centre, self.theta.clone());
        let mut guess = self.theta.clone();
        for _ in 0..MOST {
            if let Some(far) = far
                && (value - near) * (value - far) >= 0.0
            {
                value = 0.5 * (near + far);
            }
            let Some(own) = self.held(at, value, &guess)? else { return Ok(None) };
            if !is_sd && own.below < reach && own.theta[self.sd()].abs() >= self.largest {
                return Ok(Some(side * f64::INFINITY));
            }
            let longest = 2.0 * (value - centre).abs();
            // Near the top the line has no slope yet.
            let near_top = own.below < 0.05 * reach;
            let step = if near_top { longest } else { (reach - own.below) / own.slope };
            let step = side * step;
            if (own.below - reach).abs() < 1e-3 * reach {
                return Ok(Some(value + step));
            }
            if own.below < reach {
                near = value;
            } else {
                far = Some(value);
            }
            let next = value + step.clamp(-longest, longest);
            let along = ((next - value) / (value - last.0)).clamp(-1.0, 1.0);
            guess = own.theta.iter().zip(&last.1).map(|(a, b)| a + along * (a - b)).collect();
            last = (value, own.theta);
            value = next;
        }
        Err(EvaluateError::NoSolution {
            what: "the profile of the likelihood",
            why: "no bound was found; take a coarser baseline",
        })
    }
}
