//! A career as the registers see it, in days.

use crate::Rollout;
use crate::draw::{Draws, Purpose};
use crate::dynamics::{Career, Dial, Integration, State, States};
use crate::firms::Firms;
use crate::identity::Numbers;
use crate::imperfection::{Imperfection, Imperfections};
use crate::misspell::Identity;
use crate::names::Names;
use crate::params::{QUARTERS, bounds};
use crate::person::{Person, quarter_of};
use crate::places::{Municipality, neighbour};
use kruispunt::data::{Day, Seed};

/// What all persons of a world share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) seed: Seed,
    pub(crate) rho: f64,
    /// Whether civic integration changes careers.
    pub(crate) integration: bool,
    pub(crate) faults: Imperfections,
    pub(crate) firms: Firms,
    pub(crate) municipalities: Vec<Municipality>,
    pub(crate) names: Names,
    pub(crate) bounds: [Day; QUARTERS + 2],
}

impl Stage {
    pub(crate) fn new(
        seed: Seed,
        (rho, integration): (f64, bool),
        rollout: Rollout,
        faults: Imperfections,
    ) -> Self {
        Self {
            seed,
            rho,
            integration,
            faults,
            firms: Firms::new(seed),
            municipalities: crate::places::municipalities(seed, rollout),
            names: Names::new(),
            bounds: bounds(),
        }
    }

    pub(crate) fn has(&self, one: Imperfection) -> bool {
        self.faults.has(one)
    }

    pub(crate) const fn dial(&self) -> Dial {
        Dial { rho: self.rho, integration: self.integration }
    }

    pub(crate) fn last_day(&self) -> Day {
        self.bounds[QUARTERS] + -1
    }
}

/// An unbroken stay in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) state: State,
    /// First and last quarter at whose end the person is in it.
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) from: Day,
    /// `None` when it goes on after the window.
    pub(crate) to: Option<Day>,
    /// The state after it.
    pub(crate) next: Option<State>,
}

/// A person with everything the tables are made from.
#[derive(Debug)]
pub(crate) struct Life<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) person: &'a Person,
    pub(crate) numbers: &'a Numbers,
    pub(crate) draws: Draws,
    pub(crate) career: Career,
    pub(crate) identity: Identity,
    /// The states as the registers see them.
    pub(crate) seen: States,
    pub(crate) runs: Vec<Run>,
    /// Quarters of work that nobody declared.
    pub(crate) undeclared: [bool; QUARTERS],
    /// The municipality at the end of each quarter.
    pub(crate) home: [usize; QUARTERS],
}

impl<'a> Life<'a> {
    pub(crate) fn new(stage: &'a Stage, person: &'a Person, numbers: &'a Numbers) -> Self {
        let draws = Draws::new(stage.seed, person.key);
        let career = crate::dynamics::simulate(
            person,
            draws,
            stage.dial(),
            integration(stage, person, draws),
        );
        let undeclared = undeclared(stage, person, draws, &career.actual);
        let seen = seen(stage, person, draws, &career.actual, &undeclared);
        let mut home = [person.municipality; QUARTERS];
        for q in 1..QUARTERS {
            let moves = seen[q].resident()
                && seen[q - 1].resident()
                && draws.chance(Purpose::Place, q as u64, 0, 0.008);
            let to = neighbour(draws.unit(Purpose::Place, q as u64, 1), home[q - 1]);
            home[q] = if moves { to } else { home[q - 1] };
        }
        let (surname, first_name) = stage.names.of(draws, person.origin, person.woman);
        let identity = Identity { surname, first_name, birth: numbers.birth.text() };
        let runs = runs(stage, person, draws, &seen);
        Self { stage, person, numbers, draws, career, identity, seen, runs, undeclared, home }
    }

    pub(crate) fn has(&self, one: Imperfection) -> bool {
        self.stage.has(one)
    }

    pub(crate) fn unit(&self, purpose: Purpose, a: usize, b: u64) -> f64 {
        self.draws.unit(purpose, a as u64, b)
    }

    pub(crate) fn chance(&self, purpose: Purpose, a: usize, b: u64, p: f64) -> bool {
        self.unit(purpose, a, b) < p
    }

    /// A day in quarter `q`.
    pub(crate) fn day_in(&self, purpose: Purpose, q: usize, b: u64) -> Day {
        day_in(self.stage, self.draws, purpose, q, b)
    }

    /// The last day of the window or of life in Belgium, whichever comes first.
    pub(crate) fn place_of(&self, q: usize) -> &'a Municipality {
        &self.stage.municipalities[self.home[q.min(QUARTERS - 1)]]
    }
}

fn day_in(stage: &Stage, draws: Draws, purpose: Purpose, q: usize, b: u64) -> Day {
    let days = stage.bounds[q + 1].since(stage.bounds[q]) as usize;
    stage.bounds[q] + draws.below(purpose, q as u64, b, days) as i32
}

/// What civic integration does to the person.
fn integration(stage: &Stage, person: &Person, draws: Draws) -> Integration {
    if !stage.integration {
        return Integration::NONE;
    }
    crate::tables::contract(stage, person, draws)
        .map_or(Integration::NONE, |day| Integration::from(quarter_of(day).max(0) as usize))
}

/// The states with what registers hide.
fn seen(
    stage: &Stage,
    person: &Person,
    draws: Draws,
    actual: &States,
    undeclared: &[bool; QUARTERS],
) -> States {
    let mut seen = *actual;
    let eu = stage.has(Imperfection::EuStaff) && international(person, draws);
    let border = stage.has(Imperfection::CrossBorder) && crosses(stage, person, draws);
    let silent = stage.has(Imperfection::SilentExit);
    let mut hidden = 0;
    for q in 0..QUARTERS {
        match actual[q] {
            State::Employed if eu || border || undeclared[q] => seen[q] = State::Inactive,
            State::Abroad => {
                let left = q > 0 && actual[q - 1].resident();
                if left && silent && draws.chance(Purpose::Silent, q as u64, 0, 0.35) {
                    let u = draws.unit(Purpose::Silent, q as u64, 1);
                    hidden = 1 + (u.ln() / 0.75_f64.ln()) as usize;
                } else if left {
                    hidden = 0;
                }
                if hidden > 0 {
                    seen[q] = State::Inactive;
                    hidden -= 1;
                }
            }
            _ => hidden = 0,
        }
    }
    seen
}

/// Quarters of work that nobody declared: some of the jobs that newcomers from outside the European
/// Union begin in their first three years, as long as they last.
fn undeclared(stage: &Stage, person: &Person, draws: Draws, actual: &States) -> [bool; QUARTERS] {
    let mut hidden = [false; QUARTERS];
    if !stage.has(Imperfection::InformalWork) || person.origin < 3 || !person.foreign_born() {
        return hidden;
    }
    for q in 0..QUARTERS {
        let before = q.checked_sub(1).map(|before| (actual[before], hidden[before]));
        hidden[q] = actual[q] == State::Employed
            && match before {
                Some((State::Employed, hidden)) => hidden,
                _ => {
                    person.quarters_here(q).is_some_and(|here| here < 12)
                        && draws.chance(Purpose::Silent, q as u64, 2, 0.25)
                }
            };
    }
    hidden
}

/// Whether the person works for an EU institution.
pub(crate) fn international(person: &Person, draws: Draws) -> bool {
    person.origin == 1 && person.foreign_born() && draws.chance(Purpose::Code, 0, 90, 0.05)
}

/// Whether the person works across the border.
fn crosses(stage: &Stage, person: &Person, draws: Draws) -> bool {
    stage.municipalities[person.municipality].border && draws.chance(Purpose::Code, 0, 91, 0.15)
}

fn runs(stage: &Stage, person: &Person, draws: Draws, seen: &States) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (q, &state) in seen.iter().enumerate() {
        if let Some(run) = runs.last_mut() {
            if run.state == state {
                run.last = q;
                continue;
            }
            let day = turn(stage, person, draws, q, state);
            run.to = Some(day + -1);
            run.next = Some(state);
            runs.push(Run { state, first: q, last: q, from: day, to: None, next: None });
        } else {
            let from = stage.bounds[0];
            runs.push(Run { state, first: q, last: q, from, to: None, next: None });
        }
    }
    runs
}

/// The day in quarter `q` on which the state changes.
fn turn(stage: &Stage, person: &Person, draws: Draws, q: usize, state: State) -> Day {
    if state == State::Dead
        && let Some(day) = person.death
    {
        return day.max(stage.bounds[q]);
    }
    if quarter_of(person.arrival) == q as i32 {
        return person.arrival;
    }
    day_in(stage, draws, Purpose::Start, q, 2)
}
