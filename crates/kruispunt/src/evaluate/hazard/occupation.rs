//! Where persons are by then: moves chained, period by period.

use super::draws::{draws, spread};
use super::episodes::{known, of_profiles};
use super::multistate::{Moves, MultistateFit};
use crate::data::{Column, Seed, Table, Ticket};
use crate::evaluate::EvaluateError;
use std::borrow::Cow;

/// What is set in a walk.
#[derive(Default)]
pub(super) struct Policy {
    /// By state from which persons move.
    pub(super) acts: Vec<Option<Act>>,
    /// A state that nobody leaves.
    pub(super) stop: Option<usize>,
    /// Regressors that rise by one each period: the state whose model has them, and their place.
    pub(super) rising: Vec<(usize, usize)>,
}

/// What asks for predicted shares.
#[derive(Clone, Debug)]
pub struct Occupation {
    /// The state in which persons begin.
    pub from: String,
    /// Periods to look ahead.
    pub periods: u32,
    /// The clock at the beginning, when it is a column.
    pub clock: f64,
    /// Draws of the coefficients for standard errors and intervals, 0 for none.
    pub draws: u32,
    /// The seed of the draws.
    pub seed: Seed,
    /// One minus the probability of the intervals.
    pub alpha: f64,
    /// Regressors that rise by one each period, such as quarters since arrival.
    pub rising: Vec<String>,
}

impl Moves {
    /// The level of the baseline at a clock: the last at or before it, else the first.
    fn level(&self, clock: f64) -> usize {
        self.clock.partition_point(|own| *own <= clock).saturating_sub(1)
    }

    /// Chances of each event for regressors `x` at a clock.
    fn chances(&self, theta: &[f64], x: &[f64], clock: f64, act: Option<Act>, out: &mut Vec<f64>) {
        let (k, l) = (self.fit.names.len(), self.clock.len());
        let each = k + l;
        let level = self.level(clock);
        let eta = |cause: usize| {
            let own = &theta[cause * each..(cause + 1) * each];
            let base = if l > 0 { own[k + level] } else { 0.0 };
            let more = act.map_or(0.0, |act| act.more(own, x, self.to[cause]));
            base + more + own.iter().zip(x).map(|(beta, x)| beta * x).sum::<f64>()
        };
        let etas: Vec<f64> = (0..self.to.len()).map(eta).collect();
        let top = etas.iter().fold(0.0_f64, |top, own| top.max(*own));
        let total = libm::exp(-top) + etas.iter().map(|own| libm::exp(own - top)).sum::<f64>();
        out.clear();
        out.extend(etas.iter().map(|own| libm::exp(own - top) / total));
    }
}

/// A regressor that is set, to one value for moves into a state and to another for other moves.
#[derive(Clone, Copy)]
pub(super) struct Act {
    /// Its place among the regressors.
    pub(super) at: usize,
    pub(super) into: usize,
    pub(super) value_into: f64,
    pub(super) value: f64,
}

impl Act {
    /// What setting it adds to a linear predictor.
    fn more(self, beta: &[f64], x: &[f64], to: usize) -> f64 {
        let value = if to == self.into { self.value_into } else { self.value };
        beta[self.at] * (value - x[self.at])
    }
}

impl MultistateFit {
    /// Shares of persons in each state, period by period, the beginning included.
    ///
    /// One row a profile, period (0 to `ask.periods`) and state. A profile is a row of `profiles`,
    /// whose columns are regressors of the models; a regressor that is not there stands at the mean
    /// of each model's sample. With `by`, a column of `profiles`, shares are means over the rows of
    /// each of its values. Regressors stay as they are, but those of `ask.rising`, which rise by one
    /// a period, and the clock goes on from `ask.clock`, or with
    /// [`duration`](super::Multistate::duration) from the first period in a state. With draws of the
    /// coefficients, each model's by itself, there are `std_error`, the standard deviation of the
    /// draws, and `conf_low` and `conf_high`, their middle `1 - ask.alpha`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for a state that is not there, few draws, `alpha`, or a column
    /// that is no regressor of any model; [`EvaluateError::NotFinite`];
    /// [`EvaluateError::Cancelled`].
    pub fn occupation(
        &self,
        profiles: &Table,
        by: Option<&str>,
        ask: &Occupation,
        ticket: &Ticket,
    ) -> Result<Table, EvaluateError> {
        crate::data::Effects::check_alpha(ask.alpha)?;
        if (1..50).contains(&ask.draws) {
            let (argument, expected) = ("draws", "0, or at least 50");
            return Err(EvaluateError::BadArgument {
                argument,
                expected,
                got: ask.draws.to_string(),
            });
        }
        let from = self.state("start", &ask.from)?;
        let rising = self.rising(&ask.rising, profiles)?;
        let policy = Policy { rising, ..Policy::default() };
        let x = self.regressors(profiles, by)?;
        let (group, shown) = match by {
            None => ((0..x.len() as u32).map(Some).collect(), profiles.clone()),
            Some(name) => {
                let column = profiles.column("by", name)?;
                let (codes, first) = column.ranks();
                (codes, Table::new([(name, column.take(&first))])?)
            }
        };
        let groups = group.iter().flatten().max().map_or(0, |own| *own as usize + 1);
        let mean = |thetas: &[Option<Vec<f64>>]| -> Vec<f64> {
            let width = (ask.periods as usize + 1) * self.states.len();
            let mut sums = vec![0.0; groups * width];
            let mut counts = vec![0.0; groups];
            for (own, group) in x.iter().zip(&group) {
                let Some(group) = group.map(|own| own as usize) else { continue };
                counts[group] += 1.0;
                let walked = self.walk(thetas, own, from, ask, &policy);
                for (slot, value) in sums[group * width..].iter_mut().zip(walked) {
                    *slot += value;
                }
            }
            sums.iter().enumerate().map(|(at, own)| own / counts[at / width]).collect()
        };
        let estimate = mean(&self.thetas());
        let roots = self.roots();
        let drawn = draws(ask.draws, ticket, |draw| mean(&self.drawn(&roots, ask.seed, draw)))?;
        self.table(&estimate, &drawn, &shown, ask)
    }

    /// Regressors of each profile, by model.
    pub(super) fn regressors(
        &self,
        profiles: &Table,
        by: Option<&str>,
    ) -> Result<Vec<Vec<Vec<f64>>>, EvaluateError> {
        let models: Vec<&Moves> = self.models.iter().flatten().collect();
        for name in profiles.names() {
            let known = models.iter().any(|own| own.fit.names.contains(name));
            if !known && by != Some(name.as_str()) {
                return Err(EvaluateError::BadArgument {
                    argument: "profiles",
                    expected: "columns named as the regressors of the models",
                    got: format!("\"{name}\""),
                });
            }
        }
        let mut x: Vec<Vec<Vec<f64>>> = vec![
            self.models
                .iter()
                .map(|own| own.as_ref().map_or(Vec::new(), |own| own.fit.means.clone()))
                .collect();
            profiles.n_rows().max(1)
        ];
        for (state, model) in self.models.iter().enumerate() {
            let Some(model) = model else { continue };
            for (at, name) in model.fit.names.iter().enumerate() {
                if profiles.get(name).is_none() {
                    continue;
                }
                let values = of_profiles(profiles, name)?;
                for (profile, value) in x.iter_mut().zip(values) {
                    profile[state][at] = value;
                }
            }
        }
        Ok(x)
    }

    /// Places of regressors that rise, by the state whose model has them. Refuses what cannot rise:
    /// no regressor, or one without a value at the beginning.
    pub(super) fn rising(
        &self,
        names: &[String],
        profiles: &Table,
    ) -> Result<Vec<(usize, usize)>, EvaluateError> {
        let mut places = Vec::new();
        for name in names {
            let before = places.len();
            for (state, own) in self.models.iter().enumerate() {
                let at =
                    own.as_ref().and_then(|own| own.fit.names.iter().position(|one| one == name));
                places.extend(at.map(|at| (state, at)));
            }
            if places.len() == before || profiles.get(name).is_none() {
                return Err(EvaluateError::BadArgument {
                    argument: "rising",
                    expected: "regressors of the model, with their values at the beginning in `profiles`",
                    got: format!("\"{name}\""),
                });
            }
        }
        Ok(places)
    }

    /// The place of a state.
    pub(super) fn state(&self, argument: &'static str, name: &str) -> Result<usize, EvaluateError> {
        let place = self.states.iter().position(|own| own == name);
        place.ok_or_else(|| EvaluateError::BadArgument {
            argument,
            expected: "a state that occurs",
            got: format!("\"{name}\"; the states are {}", self.states.join(", ")),
        })
    }

    /// Parameters of each model.
    pub(super) fn thetas(&self) -> Vec<Option<Vec<f64>>> {
        self.models.iter().map(|own| own.as_ref().map(|own| own.fit.theta.clone())).collect()
    }

    /// Places of free parameters and roots of their covariance, by model.
    pub(super) fn roots(&self) -> Vec<Option<(Vec<usize>, Vec<f64>)>> {
        self.models.iter().map(|own| own.as_ref().map(|own| own.fit.root())).collect()
    }

    /// Parameters drawn from their distribution, each model by itself.
    pub(super) fn drawn(
        &self,
        roots: &[Option<(Vec<usize>, Vec<f64>)>],
        seed: Seed,
        draw: u32,
    ) -> Vec<Option<Vec<f64>>> {
        let each = self.models.iter().zip(roots).enumerate();
        each.map(|(state, (own, root))| {
            let (own, root) = (own.as_ref()?, root.as_ref()?);
            Some(own.fit.drawn(root, seed.stream(state as u64 + 1), draw))
        })
        .collect()
    }

    /// Shares in each state, period by period, the beginning included.
    pub(super) fn walk(
        &self,
        thetas: &[Option<Vec<f64>>],
        x: &[Vec<f64>],
        from: usize,
        ask: &Occupation,
        policy: &Policy,
    ) -> Vec<f64> {
        let n = self.states.len();
        let mut x = Cow::Borrowed(x);
        // By state and elapsed time in it, when that is the clock.
        let deep = self.duration.map_or(1, |most| (most as usize).min(ask.periods as usize + 1));
        let mut now = vec![0.0; n * deep];
        now[from * deep] = 1.0;
        let mut out = Vec::with_capacity(n * (ask.periods as usize + 1));
        let mut p = Vec::new();
        let shares = |now: &[f64]| -> Vec<f64> {
            now.chunks(deep).map(|own| own.iter().sum::<f64>()).collect()
        };
        out.extend(shares(&now));
        for period in 0..ask.periods {
            let mut next = vec![0.0; n * deep];
            for state in 0..n {
                for elapsed in 0..deep {
                    let mass = now[state * deep + elapsed];
                    if mass == 0.0 {
                        continue;
                    }
                    let mut stays = mass;
                    let moves = policy.stop != Some(state);
                    let models = (&self.models[state], &thetas[state]);
                    if let (true, (Some(own), Some(theta))) = (moves, models) {
                        let clock = match self.duration {
                            Some(_) => elapsed as f64 + 1.0,
                            None => ask.clock + f64::from(period),
                        };
                        let act = policy.acts.get(state).copied().flatten();
                        own.chances(theta, &x[state], clock, act, &mut p);
                        for (&to, chance) in own.to.iter().zip(&p) {
                            next[to * deep] += mass * chance;
                            stays -= mass * chance;
                        }
                    }
                    next[state * deep + (elapsed + 1).min(deep - 1)] += stays;
                }
            }
            now = next;
            for &(state, at) in &policy.rising {
                x.to_mut()[state][at] += 1.0;
            }
            out.extend(shares(&now));
        }
        out
    }

    fn table(
        &self,
        estimate: &[f64],
        drawn: &[Vec<f64>],
        shown: &Table,
        ask: &Occupation,
    ) -> Result<Table, EvaluateError> {
        let (n, width) = (self.states.len(), (ask.periods as usize + 1) * self.states.len());
        let rows: Vec<u32> = (0..estimate.len()).map(|at| (at / width) as u32).collect();
        let mut table = Table::default();
        for (name, column) in shown.names().iter().zip(shown.columns()) {
            table.push(name.as_str(), column.take(&rows))?;
        }
        let periods = (0..estimate.len()).map(|at| (at % width / n) as i64).collect();
        table.push("periods", Column::int(periods))?;
        let labels: Vec<&str> = self.states.iter().map(String::as_str).collect();
        let codes: Vec<Option<u32>> = (0..estimate.len()).map(|at| Some((at % n) as u32)).collect();
        table.push("state", Column::category(&codes, &labels))?;
        table.push("share", known(estimate))?;
        if drawn.is_empty() {
            return Ok(table);
        }
        let mut found: [Vec<f64>; 3] = Default::default();
        for at in 0..estimate.len() {
            let own = spread(drawn.iter().map(|draw| draw[at]).collect(), ask.alpha);
            found.iter_mut().zip(own).for_each(|(column, value)| column.push(value));
        }
        for (name, values) in ["std_error", "conf_low", "conf_high"].into_iter().zip(&found) {
            table.push(name, known(values))?;
        }
        Ok(table)
    }
}
