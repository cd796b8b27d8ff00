//! What an attacker can work out: the smallest and largest value of each withheld cell.

use super::DisclosureError;
use super::layout::Layout;
use crate::math::linear_program::{LinearProgram, Stopped};
use serde::{Deserialize, Serialize};

/// What can be worked out about a withheld cell from all that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attacked {
    pub(super) labels: Vec<(String, String)>,
    pub(super) quantity: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) down: f64,
    pub(super) up: f64,
}

impl Attacked {
    /// The cell: label by variable, totals left out; nothing for a remainder.
    #[must_use]
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// What is attacked: `count`, or the column.
    #[must_use]
    pub fn quantity(&self) -> &str {
        &self.quantity
    }

    /// The value itself, which is not shown.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// The smallest and the largest value that fit all that is shown.
    #[must_use]
    pub const fn interval(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The interval that the rules ask for at least.
    #[must_use]
    pub fn needed(&self) -> (f64, f64) {
        (self.value - self.down, self.value + self.up)
    }

    /// Whether the interval is as wide as the rules ask for.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let slack = 1e-6 * (1.0 + self.value.abs());
        let (down, up) = self.needed();
        self.low <= down + slack && self.high >= up - slack
    }
}

pub(super) fn stopped(error: Stopped) -> DisclosureError {
    match error {
        Stopped::Cancelled => DisclosureError::Cancelled,
        Stopped::Stalled => DisclosureError::Stalled,
    }
}

/// Rounds of passing bounds from sum to sum.
const ROUNDS: usize = 4;
/// Entries of a program, at most: what is larger does not end, and does not fit.
pub(super) const MOST_ENTRIES: usize = 150_000_000;

impl Layout {
    /// The interval of each withheld variable: `(variable, low, high)`.
    ///
    /// Each bound is the optimum of a linear program over all that fits what is shown. A program is
    /// not solved when the optimum is known without it: a point that satisfies all sums was seen to
    /// reach a bound that a single sum sets (Fréchet).
    pub(super) fn attack(
        &self,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<(usize, f64, f64)>, DisclosureError> {
        let hidden = self.hidden();
        let mut moves = hidden.clone();
        self.settle(&mut moves);
        let mut found: Vec<(usize, f64, f64)> = (0..moves.len())
            .filter(|&at| hidden[at] && !moves[at])
            .map(|at| (at, self.value[at], self.value[at]))
            .collect();
        for (own, rows) in self.components(&moves) {
            let bounds = self.bounds(&own, &rows);
            let mut program = self.program(&own, &rows)?;
            for (at, &variable) in own.iter().enumerate() {
                let value = self.value[variable];
                let slack = 1e-9 * (1.0 + value.abs());
                let (low, high) = bounds[at];
                let mut up = program.seen(at).1;
                if up < high - slack {
                    up = solved(&mut program, &[(at, 1.0)], stop)?;
                }
                let mut down = -program.seen(at).0;
                if down < -low - slack {
                    down = solved(&mut program, &[(at, -1.0)], stop)?;
                }
                found.push((variable, value - down, value + up));
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        Ok(found)
    }

    /// What an attacker knows of withheld variables `own` that hang together by `rows`: changes
    /// that keep all sums and make nothing negative.
    pub(super) fn program(
        &self,
        own: &[usize],
        rows: &[usize],
    ) -> Result<LinearProgram, DisclosureError> {
        if own.len().saturating_mul(rows.len()) > MOST_ENTRIES {
            return Err(DisclosureError::Stalled);
        }
        let equations = self.among_own(own, rows);
        let lower = own.iter().map(|&at| self.fall(at)).collect();
        Ok(LinearProgram::new(equations, lower, vec![f64::INFINITY; own.len()]))
    }

    /// The equations `rows` over places in `own`.
    fn among_own(&self, own: &[usize], rows: &[usize]) -> Vec<Vec<(usize, f64)>> {
        let place = |&(at, by): &(usize, f64)| Some((own.binary_search(&at).ok()?, by));
        rows.iter().map(|&row| self.equations[row].iter().filter_map(place).collect()).collect()
    }

    /// How far each variable could go at most, as far as single sums tell.
    fn bounds(&self, own: &[usize], rows: &[usize]) -> Vec<(f64, f64)> {
        let equations = self.among_own(own, rows);
        let mut bounds: Vec<(f64, f64)> =
            own.iter().map(|&at| (self.fall(at), f64::INFINITY)).collect();
        for _ in 0..ROUNDS {
            for equation in &equations {
                // what the others add at least and at most, and how many have no end
                let term = |&(at, by): &(usize, f64)| {
                    let (low, high) = bounds[at];
                    if by > 0.0 { (by * low, by * high) } else { (by * high, by * low) }
                };
                let terms: Vec<(f64, f64)> = equation.iter().map(term).collect();
                for (which, &(at, by)) in equation.iter().enumerate() {
                    let others = || terms.iter().enumerate().filter(|(own, _)| *own != which);
                    let least: f64 = others().map(|(_, term)| term.0).sum();
                    let most: f64 = others().map(|(_, term)| term.1).sum();
                    let (a, b) = (-most / by, -least / by);
                    let (low, high) = (a.min(b), a.max(b));
                    bounds[at] = (bounds[at].0.max(low), bounds[at].1.min(high));
                }
            }
        }
        bounds
    }
}

/// Solves a program from where it stands; from the start when rounding has gathered.
pub(super) fn solved(
    program: &mut LinearProgram,
    objective: &[(usize, f64)],
    stop: &dyn Fn() -> bool,
) -> Result<f64, DisclosureError> {
    for _ in 0..2 {
        let found = program.maximise(objective, stop).map_err(stopped)?;
        if program.is_exact() {
            return Ok(found);
        }
        program.refresh();
    }
    Err(DisclosureError::Stalled)
}
