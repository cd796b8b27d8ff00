//! Moves between several states, and where persons are by then.

use super::dependence::{Dependence, Shocks};
use super::discrete::{DiscreteHazard, HazardFit, Residuals};
use super::episodes::known;
use crate::data::{Account, Caution, Column, Count, Panel, Step, Table, Ticket};
use crate::estimate::Formula;
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;
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
    /// The clock is the time in the state, which counts up to so many periods; `None` when it is a column.
    pub(super) duration: Option<u32>,
    moves: Table,
    pub(super) dependence: Dependence,
    account: Account,
    cautions: Vec<Caution>,
}

/// Moves out of one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moves {
    pub(super) fit: HazardFit,
    /// The state each event leads to.
    pub(super) to: Vec<usize>,
    /// The clock at each level of the baseline; empty without.
    pub(super) clock: Vec<f64>,
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
}
