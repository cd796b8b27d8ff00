use super::Sequences;
use super::alphabet::MISSING;
use super::describe::{entropy, relative_entropy};

/// One number a sequence.
///
/// Missing positions count for the length alone: spells are of known states, and a state before a
/// gap and the same state after it are one spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indicator {
    /// Positions up to the end, missing ones included.
    Length,
    /// Changes of state.
    Transitions,
    /// Changes of state over the most there could be, `length - 1`.
    TransitionShare,
    /// Entropy of the time in each state over its largest value, 0 to 1.
    Entropy,
    /// That entropy in nats.
    EntropyRaw,
    /// `log2(phi (s2max + 1) / (s2 + 1))` with phi the number of different subsequences of the
    /// distinct successive states, s2 the variance of the lengths of spells and
    /// `s2max = (spells - 1)(1 - mean)^2` (Elzinga & Liefbroer 2007, *European Journal of
    /// Population* 23, 225-250).
    Turbulence,
    /// `(T - 1) / (Tmax - 1)` with Tmax that of the longest sequence in which the states take turns.
    TurbulenceRelative,
    /// `sqrt(transition share x relative entropy)` (Gabadinho, Ritschard, Studer & Muller 2010).
    Complexity,
    /// Different subsequences of the distinct successive states, the empty one included.
    Subsequences,
    /// Different states.
    Visited,
    /// Spells a visited state.
    Recurrence,
    /// Mean length of spells.
    MeanSpell,
    /// Standard deviation of the length of spells (over n).
    SpellDeviation,
    /// Mean length of spells, with a spell of length 0 for each state never visited.
    MeanSpellAll,
    /// Standard deviation with those spells.
    SpellDeviationAll,
    /// The mean of the share of states visited (less one, over the alphabet less one) and of the
    /// transition share (Brzinsky-Fay 2007, *European Sociological Review* 23(4), 409-422).
    Volatility,
}

impl Indicator {
    /// The indicators with their names, as tables write them.
    pub const ALL: [(&'static str, Self); 16] = [
        ("length", Self::Length),
        ("transitions", Self::Transitions),
        ("transition_share", Self::TransitionShare),
        ("entropy", Self::Entropy),
        ("entropy_raw", Self::EntropyRaw),
        ("turbulence", Self::Turbulence),
        ("turbulence_relative", Self::TurbulenceRelative),
        ("complexity", Self::Complexity),
        ("subsequences", Self::Subsequences),
        ("visited", Self::Visited),
        ("recurrence", Self::Recurrence),
        ("mean_spell", Self::MeanSpell),
        ("spell_deviation", Self::SpellDeviation),
        ("mean_spell_all", Self::MeanSpellAll),
        ("spell_deviation_all", Self::SpellDeviationAll),
        ("volatility", Self::Volatility),
    ];
}

impl Sequences {
    /// One number a sequence, shape `(n,)`; NaN where a sequence without a state has none.
    #[must_use]
    pub fn indicator(&self, indicator: Indicator) -> Vec<f64> {
        let longest = (0..self.len()).map(|row| self.body(row).len()).max().unwrap_or(0);
        let states = self.alphabet.len();
        let most = log2_subsequences((0..longest).map(|at| (at % states.max(1)) as u8));
        let own: Vec<f64> = self
            .firsts
            .iter()
            .map(|&row| Profile::of(self, row as usize).indicator(indicator, states, most))
            .collect();
        self.unique.iter().map(|&unique| own[unique as usize]).collect()
    }

    /// Positions in each state, shape `(n, states)` row by row.
    #[must_use]
    pub fn times(&self) -> Vec<u32> {
        let states = self.alphabet.len();
        let mut times = vec![0; self.len() * states];
        for row in 0..self.len() {
            for &code in self.row(row).iter().filter(|&&code| code < MISSING) {
                times[row * states + code as usize] += 1;
            }
        }
        times
    }

    /// How far a sequence has come to be in `states` for good: the share of its (known) positions,
    /// later ones weighing more, that are in one of them,
    /// `sum_t t^power [x_t in states] / sum_t t^power` (Ritschard 2023, *Sociological Methods &
    /// Research* 52(4)); NaN without a state.
    #[must_use]
    pub fn integration(&self, states: &[u8], power: f64) -> Vec<f64> {
        let share = |row: usize| {
            let known = self.row(row).iter().enumerate().filter(|(_, code)| **code < MISSING);
            let (mut within, mut all) = (0.0, 0.0);
            for (at, code) in known {
                let weight = libm::pow(at as f64 + 1.0, power);
                all += weight;
                within += if states.contains(code) { weight } else { 0.0 };
            }
            within / all
        };
        (0..self.len()).map(share).collect()
    }
}

/// What indicators are made of.
struct Profile {
    length: usize,
    spells: Vec<(u8, u32)>,
    times: Vec<f64>,
}

impl Profile {
    fn of(sequences: &Sequences, row: usize) -> Self {
        let spells = sequences.spells(row);
        let mut times = vec![0.0; sequences.alphabet.len()];
        for &(state, length) in &spells {
            times[state as usize] += f64::from(length);
        }
        Self { length: sequences.body(row).len(), spells, times }
    }

    fn indicator(&self, indicator: Indicator, states: usize, most: f64) -> f64 {
        match indicator {
            Indicator::Length => self.length as f64,
            Indicator::Transitions => self.transitions(),
            Indicator::TransitionShare => self.transition_share(),
            Indicator::Entropy => relative_entropy(self.shares(), states),
            Indicator::EntropyRaw => entropy(self.shares()),
            Indicator::Turbulence => self.turbulence(),
            Indicator::TurbulenceRelative => match most - 1.0 {
                span if span > 0.0 => (self.turbulence() - 1.0) / span,
                _ => self.turbulence() - 1.0,
            },
            Indicator::Complexity => {
                (self.transition_share() * relative_entropy(self.shares(), states)).sqrt()
            }
            Indicator::Subsequences => libm::exp2(self.log2_subsequences()).round(),
            Indicator::Visited => self.visited(),
            Indicator::Recurrence => self.spells.len() as f64 / self.visited(),
            Indicator::MeanSpell => self.spell_moments(0.0).0,
            Indicator::SpellDeviation => self.spell_moments(0.0).1.sqrt(),
            Indicator::MeanSpellAll => self.spell_moments(states as f64 - self.visited()).0,
            Indicator::SpellDeviationAll => {
                self.spell_moments(states as f64 - self.visited()).1.sqrt()
            }
            Indicator::Volatility => {
                let others = (states.max(2) - 1) as f64;
                let visited = (self.visited() - 1.0).max(0.0) / others;
                f64::midpoint(visited, self.transition_share())
            }
        }
    }

    fn transitions(&self) -> f64 {
        self.spells.len().saturating_sub(1) as f64
    }

    fn transition_share(&self) -> f64 {
        if self.length < 2 { 0.0 } else { self.transitions() / (self.length - 1) as f64 }
    }

    fn visited(&self) -> f64 {
        self.times.iter().filter(|&&time| time > 0.0).count() as f64
    }

    fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        let total: f64 = self.times.iter().sum();
        self.times.iter().map(move |&time| if total > 0.0 { time / total } else { 0.0 })
    }

    /// Mean and variance (over n) of the lengths of spells and of `empty` spells of length 0.
    fn spell_moments(&self, empty: f64) -> (f64, f64) {
        let n = self.spells.len() as f64 + empty;
        let sum: f64 = self.spells.iter().map(|&(_, length)| f64::from(length)).sum();
        let mean = sum / n;
        let square = |length: f64| (length - mean) * (length - mean);
        let squares: f64 = self.spells.iter().map(|&(_, length)| square(f64::from(length))).sum();
        (mean, (squares + empty * mean * mean) / n)
    }

    fn log2_subsequences(&self) -> f64 {
        log2_subsequences(self.spells.iter().map(|&(state, _)| state))
    }

    fn turbulence(&self) -> f64 {
        let (mean, variance) = self.spell_moments(0.0);
        let most = (self.spells.len() as f64 - 1.0) * (1.0 - mean) * (1.0 - mean);
        self.log2_subsequences() + libm::log2((most + 1.0) / (variance + 1.0))
    }
}

/// Binary logarithm of the number of different subsequences, the empty one included.
///
/// With `N_0 = 1`: `N_i = 2 N_(i-1) - N_(l-1)`, where l is where the state stood last, if it did.
fn log2_subsequences(states: impl Iterator<Item = u8>) -> f64 {
    const LARGE: f64 = 1e200;
    let mut before = [0.0_f64; 256];
    let (mut count, mut exponent) = (1.0_f64, 0.0);
    for state in states {
        let now = 2.0 * count - before[state as usize];
        before[state as usize] = count;
        count = now;
        if count > LARGE {
            exponent += libm::log2(LARGE);
            count /= LARGE;
            for value in &mut before {
                *value /= LARGE;
            }
        }
    }
    libm::log2(count) + exponent
}
