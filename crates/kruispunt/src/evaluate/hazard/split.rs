//! How much of an effect runs through moves into a state.

use super::draws::draws;
use super::episodes::known;
use super::multistate::MultistateFit;
use super::occupation::{Act, Occupation, Policy};
use super::staged::{Staged, WORLDS, parts};
use crate::data::{Column, Table, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;

/// What is split, see [`MultistateFit::split`].
#[derive(Clone, Debug)]
pub struct Split {
    /// The regressor that says whether the programme began.
    pub programme: String,
    /// The state it may work through.
    pub through: String,
    /// The state of which to have been in it by the last period is the outcome.
    pub goal: String,
    /// Where persons begin, for how many periods, draws.
    pub ask: Occupation,
}

/// What the programme is in moves into the stage and in all others, by world.
const SET: [(f64, f64); 3] = [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)];

impl MultistateFit {
    /// Splits what a programme does to ever being in the state `goal` by whether it runs through
    /// moves into the state `through`.
    ///
    /// With `P(a, b)` the share who were in the goal by the last period when moves into the stage are
    /// those with programme `b` and all other moves those with programme `a`, averaged over
    /// `profiles` (one row a person),
    ///
    /// ```text
    /// total  P(1, 1) - P(0, 0)  =  via  P(1, 1) - P(1, 0)  +  direct  P(1, 0) - P(0, 0)
    /// ```
    ///
    /// Moves out of a state compete: whoever registers in a period does not begin a job in it. In
    /// the world in which registering does not react, those who would have registered are at risk of
    /// a job and of all else as the odds of the multinomial logit say. One may leave the stage and
    /// come back, or leave the country. Uncertainty comes from draws of the coefficients.
    ///
    /// It rests on what is observed: given the regressors and the clock, who begins the programme and
    /// who moves into the stage when must be as good as random. [`dependence`](Self::dependence)
    /// tests the second: who moves into the stage sooner than the model says should not reach the
    /// goal sooner too. Where it does, the caution `unobserved_selection` says so.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for states that are not there or the same, a programme that is
    /// no regressor, few draws, `alpha`; as [`occupation`](Self::occupation).
    ///
    /// # References
    ///
    /// - Pearl, J. (2001). Direct and indirect effects. *Proceedings of UAI*, 411-420.
    /// - `VanderWeele`, T. (2015). *Explanation in Causal Inference*, ch. 4. Oxford.
    pub fn split(
        &self,
        profiles: &Table,
        how: &Split,
        ticket: &Ticket,
    ) -> Result<Staged, EvaluateError> {
        let ask = &how.ask;
        let (from, through, goal) = self.ends(how)?;
        let places = self.places(how, profiles)?;
        let rising = self.rising(&ask.rising, profiles)?;
        let policies = SET.map(|(value_into, value)| Policy {
            acts: places
                .iter()
                .map(|own| own.map(|at| Act { at, into: through, value_into, value }))
                .collect(),
            stop: Some(goal),
            rising: rising.clone(),
        });
        let people = alike(self.regressors(profiles, None)?);
        let all: f64 = people.iter().map(|own| own.1).sum();
        let walk = |thetas: &[Option<Vec<f64>>], policy: &Policy| -> Vec<f64> {
            let mut mean = vec![0.0; (ask.periods as usize + 1) * self.states.len()];
            for (x, count) in &people {
                let walked = self.walk(thetas, x, from, ask, policy);
                for (slot, value) in mean.iter_mut().zip(walked) {
                    *slot += count / all * value;
                }
            }
            mean
        };
        let last = ask.periods as usize * self.states.len() + goal;
        let own = policies.each_ref().map(|policy| walk(&self.thetas(), policy));
        let estimate = parts(own.each_ref().map(|world| world[last]));
        let roots = self.roots();
        let found = draws(ask.draws, ticket, |draw| {
            let thetas = self.drawn(&roots, ask.seed, draw);
            parts(policies.each_ref().map(|policy| walk(&thetas, policy)[last]))
        })?;
        let occupation = self.worlds(&own, ask.periods as usize)?;
        let mut staged = Staged::from_draws(estimate, &found, ask.alpha, occupation);
        let z = self.dependence.z(through, goal);
        if z.abs() > 1.96 {
            let text = format!(
                "who moves to \"{}\" {} than the model says also moves to \"{}\" sooner (z = {z:.1}): \
                 something that is not recorded, or a clock that is missing, moves both, and the split \
                 counts it as running through the stage",
                how.through,
                if z > 0.0 { "sooner" } else { "later" },
                how.goal,
            );
            staged.cautions.push(caution("unobserved_selection", text));
        }
        Ok(staged)
    }

    /// The states a split starts in, runs through and leads to, after its numbers are checked.
    fn ends(&self, how: &Split) -> Result<(usize, usize, usize), EvaluateError> {
        let ask = &how.ask;
        crate::data::Effects::check_alpha(ask.alpha)?;
        if ask.draws < 50 {
            return Err(bad("draws", "at least 50", ask.draws.to_string()));
        }
        if ask.periods == 0 {
            return Err(bad("periods", "at least 1", "0".to_owned()));
        }
        let from = self.state("start", &ask.from)?;
        let through = self.state("through", &how.through)?;
        let goal = self.state("goal", &how.goal)?;
        if through == goal || from == goal {
            let expected = "a state other than the beginning and the stage";
            return Err(bad("goal", expected, how.goal.clone()));
        }
        Ok((from, through, goal))
    }

    /// Where each model has the programme.
    fn places(&self, how: &Split, profiles: &Table) -> Result<Vec<Option<usize>>, EvaluateError> {
        let places: Vec<Option<usize>> = self
            .models
            .iter()
            .map(|own| own.as_ref()?.fit.names.iter().position(|name| *name == how.programme))
            .collect();
        if places.iter().all(Option::is_none) {
            let got = format!("\"{}\"", how.programme);
            return Err(bad("programme", "a regressor of the model", got));
        }
        if profiles.get(&how.programme).is_some() {
            let got = format!("\"{}\", which the split sets itself", how.programme);
            return Err(bad("profiles", "the other regressors", got));
        }
        Ok(places)
    }

    /// One row a world, period and state.
    fn worlds(&self, worlds: &[Vec<f64>; 3], periods: usize) -> Result<Table, EvaluateError> {
        let n = self.states.len();
        let (width, rows) = ((periods + 1) * n, 3 * (periods + 1) * n);
        let code = |of: &dyn Fn(usize) -> usize| -> Vec<Option<u32>> {
            (0..rows).map(|at| Some(of(at) as u32)).collect()
        };
        let names: Vec<&str> = self.states.iter().map(String::as_str).collect();
        Ok(Table::new([
            ("programme", Column::category(&code(&|at| at / width), &WORLDS)),
            ("periods", Column::int((0..rows).map(|at| (at % width / n) as i64).collect())),
            ("state", Column::category(&code(&|at| at % n), &names)),
            ("share", known(&worlds.concat())),
        ])?)
    }
}

/// Regressors of a person, by model.
type Regressors = Vec<Vec<f64>>;

/// Persons with the same regressors are one, with their number.
fn alike(mut people: Vec<Regressors>) -> Vec<(Regressors, f64)> {
    let order = |a: &Regressors, b: &Regressors| {
        let (a, b) = (a.iter().flatten(), b.iter().flatten());
        a.zip(b)
            .map(|(a, b)| a.total_cmp(b))
            .find(|own| own.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    people.sort_by(order);
    let mut found: Vec<(Regressors, f64)> = Vec::new();
    for own in people {
        match found.last_mut() {
            Some((known, count)) if *known == own => *count += 1.0,
            _ => found.push((own, 1.0)),
        }
    }
    found
}

const fn bad(argument: &'static str, expected: &'static str, got: String) -> EvaluateError {
    EvaluateError::BadArgument { argument, expected, got }
}
