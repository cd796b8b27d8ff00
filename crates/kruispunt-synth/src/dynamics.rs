//! How states follow each other, in worlds with the same draws.
//!
//! Each quarter the next state is `argmax_s (V_s + G_s)` with standard Gumbel draws `G`, a
//! multinomial logit. The draws are those of the person and the quarter, the same in every world,
//! so that two worlds differ by the programme alone (common random numbers).

use crate::draw::{Draws, Purpose, gumbel};
use crate::params::{
    ABROAD, ASSIMILATION, ENTRY, EXIT, FIRST_STATE, GENERATION, HALF_LIFE, INTEGRATION_REGISTERS,
    INTEGRATION_REGISTERS_U, INTEGRATION_WORKS, KEEP_NCWT, LENGTH, LOCK_IN, QUARTERS, TAKE_UP,
    TAKE_UP_EDU, TAKE_UP_NON_EU, TAKE_UP_U, TAU, TAU_NON_EU, cycle,
};
use crate::person::Person;

/// The state of a person on the last day of a quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum State {
    Employed,
    Seeking,
    Assistance,
    Inactive,
    Abroad,
    NotYet,
    Dead,
}

use State::{Abroad, Assistance, Dead, Employed, Inactive, NotYet, Seeking};

impl State {
    pub(crate) const fn resident(self) -> bool {
        matches!(self, Employed | Seeking | Assistance | Inactive)
    }
}

pub(crate) type States = [State; QUARTERS];

/// A training: its kind (0 GCT, 1 OCT, 2 NCWT, 3 CWT) and the quarter of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Training {
    pub(crate) kind: usize,
    pub(crate) start: usize,
}

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Actual,
    Never,
    Block(usize),
}

/// What civic integration does in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integration {
    /// The quarter in which it starts; beyond the window for never.
    pub(crate) start: usize,
    /// Whether registering as a job-seeker reacts to it.
    pub(crate) registers: bool,
    /// Whether finding work does, apart from registering.
    pub(crate) works: bool,
}

impl Integration {
    pub(crate) const NONE: Self = Self { start: usize::MAX, registers: false, works: false };

    pub(crate) const fn from(start: usize) -> Self {
        Self { start, registers: true, works: true }
    }
}

/// What all persons of a world share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    /// How much programmes are chosen by what nobody recorded.
    pub(crate) rho: f64,
    /// Whether civic integration changes careers.
    pub(crate) integration: bool,
}

/// What became of a person.
#[derive(Clone, Debug)]
pub(crate) struct Career {
    pub(crate) actual: States,
    pub(crate) training: Option<Training>,
    /// The states without programmes and with the own start suppressed, for the trained.
    pub(crate) twins: Option<Box<[States; 2]>>,
}

/// Where a simulation stands.
#[derive(Clone, Copy)]
struct Now {
    state: State,
    in_state: usize,
    training: Option<Training>,
}

/// The states of one person in all worlds.
pub(crate) fn simulate(
    person: &Person,
    draws: Draws,
    dial: Dial,
    integration: Integration,
) -> Career {
    let how = How { dial, integration };
    let mut actual = [NotYet; QUARTERS];
    let begin = Now { state: NotYet, in_state: 0, training: None };
    let (end, at_start) = run(person, draws, how, World::Actual, (0, begin), &mut actual);
    let Some(training) = end.training else {
        return Career { actual, training: None, twins: None };
    };
    let mut twins = Box::new([actual; 2]);
    let from = (training.start, at_start);
    run(person, draws, how, World::Never, from, &mut twins[0]);
    run(person, draws, how, World::Block(training.start), from, &mut twins[1]);
    Career { actual, training: Some(training), twins: Some(twins) }
}

/// The states of one person in a world with other effects of civic integration.
pub(crate) fn imagine(
    person: &Person,
    draws: Draws,
    dial: Dial,
    integration: Integration,
) -> States {
    let mut states = [NotYet; QUARTERS];
    let begin = Now { state: NotYet, in_state: 0, training: None };
    run(person, draws, How { dial, integration }, World::Actual, (0, begin), &mut states);
    states
}

/// What else a world is made of.
#[derive(Clone, Copy)]
struct How {
    dial: Dial,
    integration: Integration,
}

/// Runs from quarter `from.0`, where the person is as `from.1` says; also gives the situation in
/// the quarter in which a training started.
fn run(
    person: &Person,
    draws: Draws,
    how: How,
    world: World,
    from: (usize, Now),
    states: &mut States,
) -> (Now, Now) {
    let (first, mut now) = from;
    let mut at_start = now;
    for (q, seen) in states.iter_mut().enumerate().skip(first) {
        if let Some(forced) = person.forced(q) {
            // Who left does not come back by growing old.
            let stays = now.state == Abroad && forced == Inactive;
            now = now.step(if stays { Abroad } else { forced });
        } else if !now.state.resident() && now.state != Abroad || person.enters(q) {
            now = Now { state: first_state(person, draws, q), in_state: 0, ..now };
        }
        *seen = now.state;
        if now.state == Dead || now.state == NotYet {
            continue;
        }
        let may = now.state == Seeking && now.training.is_none() && q > 0 && person.active(q);
        if may
            && world != World::Never
            && world != World::Block(q)
            && let Some(kind) = take_up(person, draws, how.dial.rho, q, now.in_state)
        {
            at_start = now;
            now.training = Some(Training { kind, start: q });
        }
        if q + 1 < QUARTERS && person.active(q) {
            now = now.step(next_state(person, draws, q, now, how));
        }
    }
    (now, at_start)
}

impl Now {
    fn step(self, state: State) -> Self {
        let in_state = if state == self.state { self.in_state + 1 } else { 0 };
        Self { state, in_state, ..self }
    }
}

fn first_state(person: &Person, draws: Draws, q: usize) -> State {
    let [work, seek, help] = FIRST_STATE[person.origin];
    let (work, seek) = if q == 0 { (work, seek) } else { (work * 0.75, seek + 0.15) };
    let u = draws.unit(Purpose::Start, 0, 0);
    if u < work {
        Employed
    } else if u < work + seek {
        Seeking
    } else if u < work + seek + help {
        Assistance
    } else {
        Inactive
    }
}

/// The training that starts in quarter `q`, if any.
fn take_up(person: &Person, draws: Draws, rho: f64, q: usize, in_state: usize) -> Option<usize> {
    let non_eu = f64::from(u8::from(person.origin >= 3));
    let wave = 0.35 * (-((in_state as f64 - 2.0) / 2.0).powi(2)).exp();
    let weight = |kind: usize| {
        (TAKE_UP[kind]
            + rho * TAKE_UP_U[kind] * person.u
            + TAKE_UP_NON_EU[kind] * non_eu
            + TAKE_UP_EDU[kind] * (person.edu as f64 - 1.0)
            + wave)
            .exp()
    };
    let weights = [weight(0), weight(1), weight(2), weight(3)];
    let total = 1.0 + weights.iter().sum::<f64>();
    let mut target = draws.unit(Purpose::State, q as u64, 1) * total;
    for (kind, weight) in weights.iter().enumerate() {
        if target < *weight {
            return Some(kind);
        }
        target -= weight;
    }
    None
}

/// The state of quarter `q + 1`.
fn next_state(person: &Person, draws: Draws, q: usize, now: Now, how: How) -> State {
    let mut v = utilities(person, q, now, how.dial);
    if q >= how.integration.start {
        integrate(&mut v, now.state, how.integration);
    }
    if let Some(training) = now.training {
        add_training(&mut v, person, q, now.state, training);
    }
    let words = draws.words(Purpose::State, q as u64, 0);
    let half = |at: usize| {
        let word = words[at / 2] >> (32 * (at % 2)) & 0xFFFF_FFFF;
        (word as f64 + 0.5) / 4_294_967_296.0
    };
    let mut best = (f64::NEG_INFINITY, 0);
    for (at, v) in v.iter().enumerate() {
        let value = v + gumbel(half(at));
        if value > best.0 {
            best = (value, at);
        }
    }
    [Employed, Seeking, Assistance, Inactive, Abroad][best.1]
}

fn utilities(person: &Person, q: usize, now: Now, dial: Dial) -> [f64; 5] {
    let (o, edu) = (person.origin, person.edu as f64 - 1.0);
    let share = GENERATION[person.generation];
    let woman = f64::from(u8::from(person.woman));
    let grown = person.quarters_here(q).map_or(0.0, |t| ASSIMILATION * (t.min(24) as f64 - 12.0));
    let e = share * ENTRY[o] + 0.25 * edu - 0.15 * woman + person.u + cycle(q) + grown;
    let x = share * EXIT[o] - 0.20 * edu + 0.10 * woman - person.u - 0.6 * cycle(q);
    let m = ABROAD[o];
    // Where registering is a stage of a programme, it depends on what nobody recorded by `rho` alone.
    let (known, chosen) = if dial.integration {
        (e - person.u, dial.rho * INTEGRATION_REGISTERS_U * person.u)
    } else {
        (e, 0.0)
    };
    match now.state {
        Employed => [0.0, -3.85 + x, -7.0 + x, -4.7 + 0.4 * x, -6.6 + m],
        Seeking => {
            let work = -1.35 + e - 0.28 * (now.in_state as f64).ln_1p();
            [work, 0.0, -4.8 - 0.3 * known, -3.3 - 0.3 * known, -5.8 + m]
        }
        Assistance => [-2.9 + e, -3.2 + 0.3 * known + chosen, 0.0, -3.2, -6.0 + m],
        Inactive => [-3.0 + e, -3.6 + 0.3 * known + chosen, -5.2 - 0.3 * known, 0.0, -6.2 + m],
        Abroad | NotYet | Dead => [-4.2, -4.8, -7.0, -4.4, 0.0],
    }
}

fn integrate(v: &mut [f64; 5], state: State, integration: Integration) {
    if integration.works && matches!(state, Seeking | Assistance | Inactive) {
        v[0] += INTEGRATION_WORKS;
    }
    if integration.registers && matches!(state, Assistance | Inactive) {
        v[1] += INTEGRATION_REGISTERS;
    }
}

fn add_training(v: &mut [f64; 5], person: &Person, q: usize, state: State, training: Training) {
    let Training { kind, start } = training;
    let since = q - start;
    if since < LENGTH[kind] {
        if state == Seeking {
            v[0] += LOCK_IN[kind];
        }
        return;
    }
    let faded = (-std::f64::consts::LN_2 * (since - LENGTH[kind]) as f64 / HALF_LIFE[kind]).exp();
    let more = if person.origin >= 3 { 1.0 + TAU_NON_EU } else { 1.0 };
    match state {
        Seeking | Assistance | Inactive => v[0] += TAU[kind] * faded * more,
        Employed if kind == 2 => v[1] += KEEP_NCWT,
        _ => {}
    }
}
