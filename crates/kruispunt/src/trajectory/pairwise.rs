use super::error::bad;
use super::{Link, Prices, Sequences, TrajectoryError};
use crate::math::pairs::{Edits, Pair, Strings};

/// The longest common beginning of two strings, or their longest common end.
pub(super) struct Ends<'a> {
    pub(super) strings: &'a Strings,
    pub(super) from_end: bool,
}

impl Pair for Ends<'_> {
    type Room = ();

    fn distance(&self, (): &mut (), a: usize, b: usize) -> f64 {
        let (a, b) = (self.strings.get(a), self.strings.get(b));
        let common = if self.from_end {
            a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
        } else {
            a.iter().zip(b).take_while(|(x, y)| x == y).count()
        };
        (a.len() + b.len() - 2 * common) as f64
    }
}

/// `OMloc`.
pub(super) struct Localized<'a> {
    pub(super) strings: &'a Strings,
    pub(super) prices: &'a Prices,
    pub(super) base: f64,
    pub(super) context: f64,
}

impl Edits for Localized<'_> {
    fn len(&self, row: usize) -> usize {
        self.strings.get(row).len()
    }

    fn substitute(&self, a: usize, i: usize, b: usize, j: usize) -> f64 {
        let states = self.prices.indel.len();
        let (x, y) = (self.strings.get(a)[i], self.strings.get(b)[j]);
        self.prices.substitution[x as usize * states + y as usize]
    }

    fn insert(&self, a: usize, i: usize, b: usize, j: usize) -> f64 {
        let states = self.prices.indel.len();
        let (state, other) = (self.strings.get(a)[i] as usize, self.strings.get(b));
        if other.is_empty() {
            return self.base;
        }
        let next = other[j.min(other.len() - 1)] as usize;
        let before = other[j.max(1) - 1] as usize;
        let cost = |own: usize| self.prices.substitution[own * states + state];
        self.base + self.context * f64::midpoint(cost(before), cost(next))
    }
}

/// `OMslen`: each position with the weight that the length of its spell gives it.
pub(super) struct Lengthened<'a> {
    pub(super) strings: &'a Strings,
    pub(super) prices: &'a Prices,
    pub(super) weights: Vec<Vec<f64>>,
    pub(super) link: Link,
}

impl<'a> Lengthened<'a> {
    pub(super) fn new(strings: &'a Strings, prices: &'a Prices, h: f64, link: Link) -> Self {
        let weigh = |row: usize| {
            let string = strings.get(row);
            let mut weights = Vec::with_capacity(string.len());
            while weights.len() < string.len() {
                let at = weights.len();
                let length = string[at..].iter().take_while(|&&code| code == string[at]).count();
                weights.resize(at + length, libm::pow(length as f64, -h));
            }
            weights
        };
        let weights = (0..strings.len()).map(weigh).collect();
        Self { strings, prices, weights, link }
    }
}

impl Edits for Lengthened<'_> {
    fn len(&self, row: usize) -> usize {
        self.strings.get(row).len()
    }

    fn substitute(&self, a: usize, i: usize, b: usize, j: usize) -> f64 {
        let states = self.prices.indel.len();
        let (x, y) = (self.strings.get(a)[i], self.strings.get(b)[j]);
        let cost = self.prices.substitution[x as usize * states + y as usize];
        let (one, other) = (self.weights[a][i], self.weights[b][j]);
        cost * match self.link {
            Link::Mean => one + other,
            Link::Geometric => (one * other).sqrt(),
        }
    }

    fn insert(&self, a: usize, i: usize, _: usize, _: usize) -> f64 {
        self.prices.indel[self.strings.get(a)[i] as usize] * self.weights[a][i]
    }
}

/// `OMspell`.
pub(super) struct Spells<'a> {
    /// State, and what its length costs.
    pub(super) spells: Vec<Vec<(u8, f64)>>,
    pub(super) prices: &'a Prices,
}

impl Spells<'_> {
    /// Spells with their length to a power less one, times the cost of a position.
    pub(super) fn of(strings: &Strings, expansion: f64, power: f64) -> Vec<Vec<(u8, f64)>> {
        let cost = |length: f64| expansion * (libm::pow(length, power) - 1.0);
        timed(strings, cost)
    }
}

/// Spells of each string, with a value of their length.
pub(super) fn timed(strings: &Strings, value: impl Fn(f64) -> f64) -> Vec<Vec<(u8, f64)>> {
    let spells = |row: usize| {
        let (string, mut at, mut spells) = (strings.get(row), 0, Vec::new());
        while at < string.len() {
            let length = string[at..].iter().take_while(|&&code| code == string[at]).count();
            spells.push((string[at], value(length as f64)));
            at += length;
        }
        spells
    };
    (0..strings.len()).map(spells).collect()
}

impl Edits for Spells<'_> {
    fn len(&self, row: usize) -> usize {
        self.spells[row].len()
    }

    fn substitute(&self, a: usize, i: usize, b: usize, j: usize) -> f64 {
        let states = self.prices.indel.len();
        let ((x, s), (y, t)) = (self.spells[a][i], self.spells[b][j]);
        if x == y {
            (s - t).abs()
        } else {
            self.prices.substitution[x as usize * states + y as usize] + s + t
        }
    }

    fn insert(&self, a: usize, i: usize, _: usize, _: usize) -> f64 {
        let (state, length) = self.spells[a][i];
        self.prices.indel[state as usize] + length
    }
}

/// Distances between rows of numbers, weighted by column.
pub(super) struct Rows {
    pub(super) values: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) factor: f64,
}

impl Pair for Rows {
    type Room = ();

    fn distance(&self, (): &mut (), a: usize, b: usize) -> f64 {
        let width = self.weights.len();
        let row = |at: usize| &self.values[at * width..(at + 1) * width];
        let part = |((x, y), weight): ((&f64, &f64), &f64)| (x - y) * (x - y) * weight;
        let sum: f64 = row(a).iter().zip(row(b)).zip(&self.weights).map(part).sum();
        self.factor * sum.sqrt()
    }
}

/// Shares of states in intervals, and one over the marginal share (CHI2) or one (EUCLID).
pub(super) fn shares(
    sequences: &Sequences,
    strings: &Strings,
    states: usize,
    step: usize,
    chi: bool,
) -> Result<Rows, TrajectoryError> {
    let width = sequences.positions.len();
    if step == 0 || step > width {
        return Err(bad("step", "positions an interval, from 1 to the length of sequences", step));
    }
    let intervals = width.div_ceil(step);
    let columns = intervals * states;
    let mut values = vec![0.0; strings.len() * columns];
    for row in 0..strings.len() {
        for (at, part) in strings.get(row).chunks(step).enumerate() {
            for &code in part {
                values[row * columns + at * states + code as usize] += 1.0 / part.len() as f64;
            }
        }
    }
    let mut marginal = vec![0.0; columns];
    let sums = sequences.unique_weights();
    for (row, weight) in values.chunks_exact(columns).zip(&sums) {
        for (sum, value) in marginal.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    for part in marginal.chunks_exact_mut(states) {
        let total: f64 = part.iter().sum();
        for sum in part {
            *sum /= if total > 0.0 { total } else { 1.0 };
        }
    }
    let weigh = |share: &f64| match (*share > 0.0, chi) {
        (true, true) => 1.0 / share,
        (false, true) => 0.0,
        (_, false) => 1.0,
    };
    let weights = marginal.iter().map(weigh).collect();
    Ok(Rows { values, weights, factor: 1.0 })
}
