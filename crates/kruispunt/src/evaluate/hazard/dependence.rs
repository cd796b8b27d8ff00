//! Whether what happens to a person in one period tells of another beyond the model.

use super::discrete::Residuals;
use crate::data::{Column, Table};
use crate::evaluate::EvaluateError;
use crate::evaluate::cumulate::lower;
use serde::{Deserialize, Serialize};

/// Sums of residuals by person and state moved into, and of their products within rows.
pub(super) struct Shocks {
    states: usize,
    sums: Vec<f64>,
    within: Vec<f64>,
}

/// By pair of states `a <= b`: the mean product of a person's residuals of different periods, and
/// its z value; NaN where nobody moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dependence {
    states: usize,
    excess: Vec<f64>,
    z: Vec<f64>,
}

/// The place of the pair `a <= b`.
fn place(states: usize, a: usize, b: usize) -> usize {
    a * states - a * (a + 1) / 2 + b
}

impl Shocks {
    pub(super) fn new(states: usize, persons: usize) -> Self {
        let pairs = states * (states + 1) / 2;
        Self { states, sums: vec![0.0; persons * states], within: vec![0.0; persons * pairs] }
    }

    /// Adds the moves out of a state; event `c` leads to `to[c]`, `person` gives that of a row.
    pub(super) fn add(&mut self, to: &[usize], kept: &Residuals, person: impl Fn(u32) -> usize) {
        let n = self.states;
        let pairs = n * (n + 1) / 2;
        for (at, &row) in kept.rows.iter().enumerate() {
            let person = person(row);
            for (i, (&a, own)) in to.iter().zip(&kept.by_cause).enumerate() {
                self.sums[person * n + a] += own[at];
                for (&b, other) in to.iter().zip(&kept.by_cause).skip(i) {
                    self.within[person * pairs + place(n, a.min(b), a.max(b))] +=
                        own[at] * other[at];
                }
            }
        }
    }

    /// Means and z values; errors allow for estimated intercepts, not for slopes, which makes z
    /// values somewhat too small.
    pub(super) fn dependence(&self) -> Dependence {
        let n = self.states;
        let pairs = n * (n + 1) / 2;
        let persons = self.sums.len() / n.max(1);
        let mut found =
            Dependence { states: n, excess: vec![f64::NAN; pairs], z: vec![f64::NAN; pairs] };
        // Sums of residuals add up to 0 over persons: what of a product they explain is the error
        // of the intercepts.
        let mut gram = vec![0.0; n * n];
        for own in self.sums.chunks(n.max(1)) {
            for i in 0..n {
                for j in 0..n {
                    gram[i * n + j] += own[i] * own[j];
                }
            }
        }
        let root = lower(&gram, n);
        for a in 0..n {
            for b in a..n {
                let pair = place(n, a, b);
                let (mut sum, mut square) = (0.0, 0.0);
                let mut cross = vec![0.0; n];
                for person in 0..persons {
                    let own = &self.sums[person * n..(person + 1) * n];
                    let product = own[a] * own[b] - self.within[person * pairs + pair];
                    sum += product;
                    square += product * product;
                    for (slot, value) in cross.iter_mut().zip(own) {
                        *slot += product * value;
                    }
                }
                for i in 0..n {
                    let done: f64 = (0..i).map(|j| root[i * n + j] * cross[j]).sum();
                    let diagonal = root[i * n + i];
                    cross[i] = if diagonal > 0.0 { (cross[i] - done) / diagonal } else { 0.0 };
                    square -= cross[i] * cross[i];
                }
                if square > 0.0 {
                    found.excess[pair] = sum / persons as f64;
                    found.z[pair] = sum / square.sqrt();
                }
            }
        }
        found
    }
}

impl Dependence {
    /// The z value of two states.
    pub(super) fn z(&self, a: usize, b: usize) -> f64 {
        self.z[place(self.states, a.min(b), a.max(b))]
    }

    pub(super) fn table(&self, states: &[String]) -> Result<Table, EvaluateError> {
        let n = self.states;
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|a| (a..n).map(move |b| (a, b))).collect();
        let pairs: Vec<(usize, usize)> =
            pairs.into_iter().filter(|&(a, b)| self.z(a, b).is_finite()).collect();
        let label = |of: &dyn Fn(&(usize, usize)) -> usize| {
            Column::text(pairs.iter().map(|own| Some(states[of(own)].as_str())))
        };
        let of = |values: &[f64]| {
            Column::float(pairs.iter().map(|&(a, b)| values[place(n, a, b)]).collect())
        };
        Ok(Table::new([
            ("into", label(&|own| own.0)),
            ("and_into", label(&|own| own.1)),
            ("excess", of(&self.excess)),
            ("z", of(&self.z)),
        ])?)
    }
}
