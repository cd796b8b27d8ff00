//! Moves between several states, and where persons are by then.

use super::dependence::{Dependence, Shocks};
use super::discrete::{DiscreteHazard, HazardFit, Residuals};
use super::episodes::{finite, known};
use crate::data::{Account, Caution, Column, Count, Panel, Seed, Step, Table, Ticket};
use crate::estimate::Formula;
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A model of moves between states in discrete time.
///
/// From each state `s` there is a multinomial logit of where a person is in the next period,
///
/// ```text
/// log(p_sr / p_ss) = alpha_sr(clock) + x' beta_sr          for each other state r
/// ```
///
/// with a clock of its own: the column after the bar of the formula (periods since arrival, age), or
/// with [`duration`](Self::duration) the elapsed time in the state, which makes the process
/// semi-Markov. Without regressors, and a clock after the bar, its chances are the shares of moves
/// (Aalen & Johansen 1978, in discrete time). Regressors are those of the period before the move.
/// Standard errors are clustered by person.
///
/// [`occupation`](MultistateFit::occupation) chains the moves: where are persons with given
/// regressors `t` periods after they began in a state?
///
/// # References
///
/// - Aalen, O. & Johansen, S. (1978). *Scandinavian Journal of Statistics* 5, 141-150.
/// - Putter, H., Fiocco, M. & Geskus, R. (2007). *Statistics in Medicine* 26, 2389-2430.
#[derive(Clone, Debug)]
#[must_use]
pub struct Multistate {
    text: String,
    formula: Formula,
    duration: Option<u32>,
    absent: Option<String>,
}

/// A model of moves that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultistateFit {
    pub(super) states: Vec<String>,
    pub(super) models: Vec<Option<Moves>>,
    /// Values of the clock by model, in the order of its levels.
    duration: Option<u32>,
    moves: Table,
    pub(super) dependence: Dependence,
    account: Account,
    cautions: Vec<Caution>,
}

/// What is set in a walk.
#[derive(Default)]
pub(super) struct Policy {
    /// By state from which persons move.
    pub(super) acts: Vec<Option<Act>>,
    /// A state that nobody leaves.
    pub(super) stop: Option<usize>,
}

/// Moves out of one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moves {
    pub(super) fit: HazardFit,
    /// The state each event leads to.
    to: Vec<usize>,
    /// The clock at each level of the baseline; empty without.
    clock: Vec<f64>,
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

/// Why a row says nothing about a move.
#[derive(Default)]
struct Lost {
    missing: usize,
    last: usize,
    gone: usize,
    unknown: usize,
}

impl Multistate {
    /// A model by its formula: the column of states, regressors, the clock after the bar.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for a formula that cannot be read.
    pub fn new(formula: &str) -> Result<Self, EvaluateError> {
        let own = Formula::parse(formula)?;
        Ok(Self { text: formula.to_owned(), formula: own, duration: None, absent: None })
    }

    /// The clock is the elapsed time in the state; so many periods and more are one. Spells that
    /// began before the panel are left out until they are that long.
    pub const fn duration(mut self, most: u32) -> Self {
        self.duration = Some(most);
        self
    }

    /// Who has no row in a period after an own one is in this state (abroad, dead); by default such
    /// rows are left out, as if who leaves were like those who stay.
    pub fn absent(mut self, state: impl Into<String>) -> Self {
        self.absent = Some(state.into());
        self
    }

    /// Fits the model.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit(&self, panel: &Panel) -> Result<MultistateFit, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with progress and cancellation.
    ///
    /// # Errors
    ///
    /// As [`DiscreteHazard::fit_with`], and [`EvaluateError::BadArgument`] for a clock both after the
    /// bar and by duration, or more than 30 states.
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<MultistateFit, EvaluateError> {
        if self.duration.is_some() && !self.formula.effects().is_empty() {
            let (argument, expected) =
                ("duration", "one clock: the duration, or what is after the bar");
            return Err(EvaluateError::BadArgument { argument, expected, got: "both".to_owned() });
        }
        let column = panel.column("fml", self.formula.outcome())?;
        let (codes, first) = column.ranks();
        let mut states: Vec<String> =
            first.iter().map(|&row| column.label(row as usize).unwrap_or_default()).collect();
        let absent = self.absent.as_ref().map(|label| {
            states.iter().position(|own| own == label).unwrap_or_else(|| {
                states.push(label.clone());
                states.len() - 1
            }) as u32
        });
        if states.len() > 30 {
            let (argument, expected) = ("fml", "at most 30 states");
            let got = states.len().to_string();
            return Err(EvaluateError::BadArgument { argument, expected, got });
        }
        let (rows, lost) = self.moves(panel, &codes, absent);
        let n = states.len();
        let mut counts = vec![0_i64; n * n];
        for own in &rows {
            counts[own.from as usize * n + own.to as usize] += 1;
        }
        let mut step =
            Step::new("multistate", self.text.clone(), panel.count(), Count::rows(rows.len()))
                .exclude(
                    "the state is missing, now or in the next period",
                    Count::rows(lost.missing),
                )
                .exclude("the last period of the panel", Count::rows(lost.last))
                .exclude("the person has no row in the next period", Count::rows(lost.gone))
                .exclude(
                    "in the state since before the panel begins, for how long is unknown",
                    Count::rows(lost.unknown),
                );
        let table = panel.table();
        let mut models = Vec::with_capacity(n);
        let mut shocks = Shocks::new(n, panel.persons().len());
        let persons = panel.person_codes();
        for (from, state) in states.iter().enumerate() {
            let leaves = (0..n).any(|to| to != from && counts[from * n + to] > 0);
            if !leaves {
                models.push(None);
                continue;
            }
            let own: Vec<&Move> = rows.iter().filter(|own| own.from as usize == from).collect();
            let (model, kept) = self.model(panel, &table, &own, ticket)?;
            shocks.add(&model.to, &kept, |row| persons[own[row as usize].row as usize] as usize);
            step = step.note(format!("from {state}: {} rows", own.len()));
            models.push(Some(model));
        }
        let cautions = left(rows.len(), lost.gone);
        let moves = moved(&states, &counts)?;
        let account = panel.account().clone().then(step);
        let dependence = shocks.dependence();
        let duration = self.duration;
        Ok(MultistateFit { states, models, duration, moves, dependence, account, cautions })
    }

    /// Rows with a known move, and why others have none.
    fn moves(
        &self,
        panel: &Panel,
        codes: &[Option<u32>],
        absent: Option<u32>,
    ) -> (Vec<Move>, Lost) {
        let (positions, end) = (panel.positions(), panel.calendar().len() as u32);
        let most = self.duration.unwrap_or(u32::MAX);
        let (mut rows, mut lost) = (Vec::new(), Lost::default());
        for person in 0..panel.persons().len() {
            let own = panel.of(person);
            // Elapsed time in the state, and whether its beginning was seen.
            let (mut elapsed, mut seen) = (0_u32, true);
            for row in own.clone() {
                let joins = row > own.start && positions[row - 1] + 1 == positions[row];
                let stays = joins && codes[row] == codes[row - 1];
                (elapsed, seen) = match (stays, joins) {
                    (true, _) => (elapsed.saturating_add(1), seen),
                    (false, true) => (1, true),
                    // Who comes into sight later than the panel begins comes into the state.
                    (false, false) => (1, positions[row] > 0),
                };
                let next = (row + 1 < own.end && positions[row + 1] == positions[row] + 1)
                    .then(|| codes[row + 1]);
                let to = match next {
                    Some(code) => code,
                    None if positions[row] + 1 == end => {
                        lost.last += 1;
                        continue;
                    }
                    None if absent.is_some() => absent,
                    None => {
                        lost.gone += 1;
                        continue;
                    }
                };
                let (Some(from), Some(to)) = (codes[row], to) else {
                    lost.missing += 1;
                    continue;
                };
                if self.duration.is_some() && !seen && elapsed < most {
                    lost.unknown += 1;
                    continue;
                }
                rows.push(Move { row: row as u32, from, to, elapsed: elapsed.min(most) });
            }
        }
        (rows, lost)
    }

    fn model(
        &self,
        panel: &Panel,
        table: &Table,
        own: &[&Move],
        ticket: &Ticket,
    ) -> Result<(Moves, Residuals), EvaluateError> {
        const EVENT: &str = "next_state";
        const ELAPSED: &str = "elapsed";
        let mut to: Vec<usize> =
            own.iter().filter(|own| own.to != own.from).map(|own| own.to as usize).collect();
        to.sort_unstable();
        to.dedup();
        let event: Vec<i64> = own
            .iter()
            .map(|own| match to.binary_search(&(own.to as usize)) {
                Ok(at) if own.to != own.from => at as i64 + 1,
                _ => 0,
            })
            .collect();
        let rows: Vec<u32> = own.iter().map(|own| own.row).collect();
        let mut data = Table::new([(EVENT, Column::int(event))])?;
        for name in self.formula.columns().iter().filter(|own| *own != self.formula.outcome()) {
            data.push(name.as_str(), table.column("fml", name)?.widened().take(&rows))?;
        }
        let person = panel.persons().name();
        if data.get(person).is_none() {
            data.push(person, table.column("fml", person)?.take(&rows))?;
        }
        let side = self.text.split_once('~').map_or("1", |own| own.1).trim();
        let mut formula = format!("{EVENT} ~ {side}");
        if self.duration.is_some() {
            let elapsed = own.iter().map(|own| i64::from(own.elapsed)).collect();
            data.push(ELAPSED, Column::int(elapsed))?;
            formula = format!("{formula} | {ELAPSED}");
        }
        let model = DiscreteHazard::new(&formula)?.competing().cluster(person);
        let (fit, kept) = model.fit_kept(&data, true, ticket)?;
        let clock = match &fit.baseline {
            None => Vec::new(),
            Some(baseline) => match baseline.levels.as_slice() {
                [levels] => levels.to_floats("fml", &baseline.name)?,
                _ => {
                    return Err(EvaluateError::BadArgument {
                        argument: "fml",
                        expected: "one column of whole numbers after the bar, the clock",
                        got: baseline.name.clone(),
                    });
                }
            },
        };
        // Events that never happen among the rows the model keeps are not numbered.
        let to =
            fit.causes().iter().filter_map(|own| own.parse::<usize>().ok()).map(|own| to[own - 1]);
        let to = to.collect();
        Ok((Moves { fit, to, clock }, kept))
    }
}

/// Says who leaves the registers.
fn left(rows: usize, gone: usize) -> Vec<Caution> {
    let shown = rows + gone;
    if (gone as f64) <= 0.02 * shown as f64 {
        return Vec::new();
    }
    let text = format!(
        "{gone} of {shown} rows have none after them though the panel goes on: these are left out as \
         if who leaves the registers were like those who stay; make leaving a state of its own \
         (`absent`)"
    );
    vec![caution("emigration", text)]
}

/// One row a pair of states.
fn moved(states: &[String], counts: &[i64]) -> Result<Table, EvaluateError> {
    let n = states.len();
    let label = |of: &dyn Fn(usize) -> usize| {
        Column::text((0..n * n).map(|at| Some(states[of(at)].as_str())))
    };
    let all: Vec<f64> = counts.chunks(n.max(1)).map(|own| own.iter().sum::<i64>() as f64).collect();
    let shares: Vec<f64> = (0..n * n).map(|at| counts[at] as f64 / all[at / n]).collect();
    Ok(Table::new([
        ("from", label(&|at| at / n)),
        ("to", label(&|at| at % n)),
        ("n", Column::int(counts.to_vec())),
        ("share", known(&shares)),
    ])?)
}

/// A row and the state of the next period.
struct Move {
    row: u32,
    from: u32,
    to: u32,
    elapsed: u32,
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
    /// The states.
    #[must_use]
    pub fn states(&self) -> &[String] {
        &self.states
    }

    /// The model of moves out of a state, and the states its events lead to; `None` for a state
    /// nobody leaves.
    #[must_use]
    pub fn model(&self, state: &str) -> Option<(&HazardFit, Vec<&str>)> {
        let at = self.states.iter().position(|own| own == state)?;
        let own = self.models[at].as_ref()?;
        Some((&own.fit, own.to.iter().map(|&to| self.states[to].as_str()).collect()))
    }

    /// One row a pair of states: how many moved, and which share of those in the first.
    #[must_use]
    pub const fn moves(&self) -> &Table {
        &self.moves
    }

    /// Whether who moves into one state sooner than the model says also moves into another sooner:
    /// one row a pair of states, with the mean product of a person's surprises and its z value.
    ///
    /// Under the model what happens to a person in one period tells nothing about another, so that
    /// products of residuals of different periods are 0 on average. What persons bring that nobody
    /// recorded makes them positive (a score test of shared frailty, Commenges & Andersen 1995); a
    /// clock or an interaction that is missing may too.
    ///
    /// # Errors
    ///
    /// None in practice.
    ///
    /// # References
    ///
    /// - Commenges, D. & Andersen, P. K. (1995). *Lifetime Data Analysis* 1, 145-156.
    pub fn dependence(&self) -> Result<Table, EvaluateError> {
        self.dependence.table(&self.states)
    }

    /// What happened to the rows of the panel.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// Shares of persons in each state, period by period, for persons whose regressors stay as they
    /// are: one row a profile (a row of `profiles`, averaged over the values of `by` when it is
    /// given), period and state, with standard errors and intervals from draws of the coefficients.
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
        self.check_rising(&ask.rising, profiles)?;
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
                let walked = self.walk(thetas, own, from, ask, &Policy::default());
                for (slot, value) in sums[group * width..].iter_mut().zip(walked) {
                    *slot += value;
                }
            }
            sums.iter().enumerate().map(|(at, own)| own / counts[at / width]).collect()
        };
        let estimate = mean(&self.thetas());
        ticket.stage("drawing coefficients", u64::from(ask.draws));
        let roots = self.roots();
        let drawn: Option<Vec<Vec<f64>>> = (0..ask.draws)
            .into_par_iter()
            .map(|draw| {
                if ticket.is_cancelled() {
                    return None;
                }
                let own = self.drawn(&roots, ask.seed, draw);
                ticket.advance(1);
                Some(mean(&own))
            })
            .collect();
        let drawn = drawn.ok_or(EvaluateError::Cancelled)?;
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
                let values = finite(profiles, "profiles", name)?;
                if let Some(row) = values.iter().position(|value| value.is_nan()) {
                    let column = name.clone();
                    return Err(EvaluateError::NotFinite { argument: "profiles", column, row });
                }
                for (profile, value) in x.iter_mut().zip(values) {
                    profile[state][at] = value;
                }
            }
        }
        Ok(x)
    }

    /// Places of regressors in models, by state.
    fn rising(&self, names: &[String]) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (state, own) in self.models.iter().enumerate() {
            let Some(own) = own else { continue };
            let of = |name: &String| own.fit.names.iter().position(|known| known == name);
            places.extend(names.iter().filter_map(of).map(|at| (state, at)));
        }
        places
    }

    /// Refuses what cannot rise: no regressor, or one without a value at the beginning.
    pub(super) fn check_rising(
        &self,
        names: &[String],
        profiles: &Table,
    ) -> Result<(), EvaluateError> {
        for name in names {
            let (own, there) = (std::slice::from_ref(name), profiles.get(name).is_some());
            if self.rising(own).is_empty() || !there {
                return Err(EvaluateError::BadArgument {
                    argument: "rising",
                    expected: "regressors of the model, with their values at the beginning in `profiles`",
                    got: format!("\"{name}\""),
                });
            }
        }
        Ok(())
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
        let mut x = x.to_vec();
        let rising = self.rising(&ask.rising);
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
            for &(state, at) in &rising {
                x[state][at] += 1.0;
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
            let mut own: Vec<f64> = drawn.iter().map(|draw| draw[at]).collect();
            own.sort_unstable_by(f64::total_cmp);
            let count = own.len() as f64;
            let mean = own.iter().sum::<f64>() / count;
            let square: f64 = own.iter().map(|value| (value - mean) * (value - mean)).sum();
            let bound = |share: f64| own[((count - 1.0) * share).round() as usize];
            found[0].push((square / (count - 1.0)).sqrt());
            found[1].push(bound(ask.alpha / 2.0));
            found[2].push(bound(1.0 - ask.alpha / 2.0));
        }
        for (name, values) in ["std_error", "conf_low", "conf_high"].into_iter().zip(&found) {
            table.push(name, known(values))?;
        }
        Ok(table)
    }
}
