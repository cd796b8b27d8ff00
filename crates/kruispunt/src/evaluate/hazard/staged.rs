//! How much of an effect runs through an earlier stage.

use super::discrete::HazardFit;
use super::draws::{draws, spread};
use super::episodes::{known, of_profiles};
use crate::data::{Caution, Column, Seed, Table, Ticket};
use crate::evaluate::EvaluateError;
use serde::{Deserialize, Serialize};

/// A number with its standard error and the bounds of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The estimate.
    pub estimate: f64,
    /// The standard deviation over draws of the coefficients.
    pub std_error: f64,
    /// The middle `1 - alpha` of the draws.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// What a programme does to reaching a goal, split by whether it runs through a stage.
///
/// Two hazards in discrete time on the same clock: of the stage (registering with the employment
/// service) given the programme (civic integration), among persons who reached neither stage nor
/// goal; and of the goal (a job) given programme and stage. In a period the stage comes first: who
/// reaches it may reach the goal in the same period, and does not leave it. Where a state is seen once
/// a period, so that who registers in a quarter is not at work in it, and where one may leave the
/// stage or the country, use [`MultistateFit::split`](super::MultistateFit::split). With
/// `P(a, b)` the chance to reach the goal by the last period when the hazard of the goal is that
/// with programme `a` and the hazard of the stage that with programme `b`, averaged over profiles,
///
/// ```text
/// total  P(1, 1) - P(0, 0)  =  via  P(1, 1) - P(1, 0)  +  direct  P(1, 0) - P(0, 0)
/// ```
///
/// It rests on what is observed: given the regressors, who starts the programme and who reaches
/// the stage when must be as good as random, and the programme must not change what confounds
/// stage and goal. Uncertainty comes from draws of the coefficients of both models.
///
/// # References
///
/// - Pearl, J. (2001). Direct and indirect effects. *Proceedings of UAI*, 411-420.
/// - `VanderWeele`, T. (2015). *Explanation in Causal Inference*, ch. 4. Oxford.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    /// What the programme does to the chance to reach the goal.
    pub total: Share,
    /// The part through the stage.
    pub via: Share,
    /// The part that does not run through it.
    pub direct: Share,
    /// `via` over `total`.
    pub share: Share,
    occupation: Table,
    pub(super) cautions: Vec<Caution>,
}

/// A hazard ready to be looked up: by period, for each profile.
struct Lookup<'a> {
    fit: &'a HazardFit,
    /// The level of the baseline in each period, if the event happens there.
    level: Vec<Option<usize>>,
    /// Regressors of each profile.
    x: Vec<Vec<f64>>,
    programme: usize,
    stage: Option<usize>,
}

impl Lookup<'_> {
    /// Linear predictors but for the baseline, when programme and stage are as given.
    fn line(&self, theta: &[f64], profile: usize, programme: f64, stage: f64) -> f64 {
        let mut sum = 0.0;
        for (at, (x, beta)) in self.x[profile].iter().zip(theta).enumerate() {
            let value = match at {
                _ if at == self.programme => programme,
                _ if Some(at) == self.stage => stage,
                _ => *x,
            };
            sum += value * beta;
        }
        sum
    }

    fn hazard(&self, theta: &[f64], line: f64, period: usize) -> f64 {
        let k = self.fit.names.len();
        self.level[period].map_or(0.0, |level| self.fit.link.chance(line + theta[k + level]).0)
    }
}

/// Worlds that a split compares.
pub(super) const WORLDS: [&str; 3] = ["without", "with", "with, the stage as without"];

/// Shares of persons: neither, in the stage, at the goal.
type Shares = [f64; 3];

/// Where persons are in each period, on average over profiles.
fn walk(
    stage: &Lookup<'_>,
    goal: &Lookup<'_>,
    (gamma, theta): (&[f64], &[f64]),
    (a, b): (f64, f64),
) -> Vec<Shares> {
    let (periods, n) = (goal.level.len(), goal.x.len());
    let mut mean = vec![[0.0; 3]; periods];
    for profile in 0..n {
        let to_stage = stage.line(gamma, profile, b, 0.0);
        let (outside, inside) =
            (goal.line(theta, profile, a, 0.0), goal.line(theta, profile, a, 1.0));
        let [mut neither, mut within, mut there] = [1.0, 0.0, 0.0];
        for (period, mean) in mean.iter_mut().enumerate() {
            let moves = neither * stage.hazard(gamma, to_stage, period);
            (neither, within) = (neither - moves, within + moves);
            let first = neither * goal.hazard(theta, outside, period);
            let second = within * goal.hazard(theta, inside, period);
            (neither, within, there) = (neither - first, within - second, there + first + second);
            for (slot, value) in mean.iter_mut().zip([neither, within, there]) {
                *slot += value / n as f64;
            }
        }
    }
    mean
}

/// Total, via, direct, share.
fn split(worlds: &[Vec<Shares>; 3]) -> [f64; 4] {
    parts([0, 1, 2].map(|world: usize| worlds[world].last().map_or(0.0, |own| own[2])))
}

/// The same of the shares at the goal without the programme, with it, and with it but for the stage.
pub(super) fn parts([none, both, half]: [f64; 3]) -> [f64; 4] {
    let (total, via, direct) = (both - none, both - half, half - none);
    [total, via, direct, via / total]
}

impl Staged {
    /// Splits the effect of `programme` on the goal, of which `goal` is the hazard, by the stage,
    /// of which `stage.0` is the hazard and `stage.1` the regressor of `goal`.
    ///
    /// `profiles` has one row a person and the other regressors of both models as columns; what is
    /// not there stands at its mean. `n` draws of the coefficients, intervals of probability
    /// `1 - alpha`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for regressors that are not there, several events, few draws
    /// or `alpha`; [`EvaluateError::WrongRows`] without a baseline of durations;
    /// [`EvaluateError::Cancelled`].
    pub fn new(
        (stage, name): (&HazardFit, &str),
        goal: &HazardFit,
        programme: &str,
        profiles: &Table,
        (n, seed, alpha): (u32, Seed, f64),
        ticket: &Ticket,
    ) -> Result<Self, EvaluateError> {
        crate::data::Effects::check_alpha(alpha)?;
        if n < 50 {
            let (argument, expected) = ("draws", "at least 50");
            return Err(EvaluateError::BadArgument { argument, expected, got: n.to_string() });
        }
        let periods = periods(goal)?;
        let first = lookup(stage, &periods, profiles, (programme, None))?;
        let second = lookup(goal, &periods, profiles, (programme, Some(name)))?;
        let worlds = |gamma: &[f64], theta: &[f64]| {
            [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0)]
                .map(|world| walk(&first, &second, (gamma, theta), world))
        };
        let own = worlds(&stage.theta, &goal.theta);
        let estimate = split(&own);
        let roots = [stage, goal].map(HazardFit::root);
        let found = draws(n, ticket, |draw| {
            let gamma = stage.drawn(&roots[0], seed.stream(1), draw);
            let theta = goal.drawn(&roots[1], seed.stream(2), draw);
            split(&worlds(&gamma, &theta))
        })?;
        Ok(Self::from_draws(estimate, &found, alpha, occupation(&own, goal)?))
    }

    /// Numbers of the split with their errors: those of the estimate, and of draws.
    pub(super) fn from_draws(
        estimate: [f64; 4],
        found: &[[f64; 4]],
        alpha: f64,
        occupation: Table,
    ) -> Self {
        let [total, via, direct, share] = [0, 1, 2, 3].map(|at| {
            let [std_error, low, high] = spread(found.iter().map(|draw| draw[at]).collect(), alpha);
            Share { estimate: estimate[at], std_error, low, high }
        });
        Self { total, via, direct, share, occupation, cautions: Vec::new() }
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// One row a world and period: the shares that reached neither stage nor goal, the stage alone,
    /// the goal.
    #[must_use]
    pub const fn occupation(&self) -> &Table {
        &self.occupation
    }
}

/// Labels of the periods, in order.
fn periods(goal: &HazardFit) -> Result<Vec<String>, EvaluateError> {
    let own = goal.baseline.as_ref().filter(|own| own.levels.len() == 1);
    let own = own.ok_or(EvaluateError::WrongRows {
        verb: "staged",
        by: "regressors",
        why: "both hazards need a baseline of durations after the bar of the formula",
    })?;
    Ok((0..own.len()).map(|at| own.levels[0].label(at).unwrap_or_default()).collect())
}

fn lookup<'a>(
    fit: &'a HazardFit,
    wanted: &[String],
    profiles: &Table,
    (programme, stage): (&str, Option<&str>),
) -> Result<Lookup<'a>, EvaluateError> {
    if fit.mixture.is_some() {
        let (argument, expected) = ("frailty", "hazards without frailty");
        return Err(EvaluateError::BadArgument { argument, expected, got: "some".to_owned() });
    }
    if fit.causes.len() > 1 {
        let (argument, expected) = ("link", "hazards of one event");
        return Err(EvaluateError::BadArgument { argument, expected, got: "several".to_owned() });
    }
    let place = |argument, name: &str| {
        fit.names.iter().position(|own| own == name).ok_or_else(|| EvaluateError::BadArgument {
            argument,
            expected: "a regressor of the model",
            got: format!("\"{name}\"; the regressors are {}", fit.names.join(", ")),
        })
    };
    let programme = place("programme", programme)?;
    let stage = stage.map(|name| place("stage", name)).transpose()?;
    let own = periods(fit)?;
    let level = wanted.iter().map(|label| own.iter().position(|one| one == label)).collect();
    let mut x = vec![fit.means.clone(); profiles.n_rows().max(1)];
    for (at, name) in fit.names.iter().enumerate() {
        if profiles.get(name).is_some() && at != programme && Some(at) != stage {
            let values = of_profiles(profiles, name)?;
            for (profile, value) in x.iter_mut().zip(values) {
                profile[at] = value;
            }
        }
    }
    Ok(Lookup { fit, level, x, programme, stage })
}

fn occupation(worlds: &[Vec<Shares>; 3], goal: &HazardFit) -> Result<Table, EvaluateError> {
    let Some(baseline) = &goal.baseline else { return Ok(Table::default()) };
    let l = baseline.len();
    let codes: Vec<Option<u32>> = (0..3 * l).map(|at| Some((at / l) as u32)).collect();
    let rows: Vec<u32> = (0..3 * l).map(|at| (at % l) as u32).collect();
    let of = |state: usize| -> Vec<f64> {
        worlds.iter().flat_map(|own| own.iter().map(move |shares| shares[state])).collect()
    };
    let mut table = Table::new([("programme", Column::category(&codes, &WORLDS))])?;
    table.push(baseline.name.as_str(), baseline.levels[0].take(&rows))?;
    for (state, name) in ["neither", "stage", "goal"].into_iter().enumerate() {
        table.push(name, known(&of(state)))?;
    }
    Ok(table)
}
