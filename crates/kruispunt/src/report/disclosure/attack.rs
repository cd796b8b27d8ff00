//! What an attacker can work out: the smallest and largest value of each withheld cell.

use super::DisclosureError;
use super::cells::State;
use super::layout::Layout;
use crate::math::linear_program::{LinearProgram, Stopped};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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

impl Layout {
    /// The interval of each withheld variable that `of` picks: `(variable, low, high)`.
    pub(super) fn attack(
        &self,
        of: &dyn Fn(usize) -> bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<(usize, f64, f64)>, DisclosureError> {
        let mut found = Vec::new();
        for (own, rows) in self.components() {
            if !own.iter().any(|&at| of(at)) {
                continue;
            }
            let mut program = self.program(&own, &rows);
            for (at, &variable) in own.iter().enumerate() {
                if of(variable) {
                    let up = program.maximise(&[(at, 1.0)], stop).map_err(stopped)?;
                    let down = program.maximise(&[(at, -1.0)], stop).map_err(stopped)?;
                    let value = self.value[variable];
                    found.push((variable, value - down, value + up));
                }
            }
        }
        Ok(found)
    }

    /// What an attacker knows of withheld variables `own` that hang together by `rows`: changes
    /// that keep all sums and make nothing negative.
    fn program(&self, own: &[usize], rows: &[usize]) -> LinearProgram {
        let equations: Vec<Vec<(usize, f64)>> = rows
            .iter()
            .map(|&row| {
                self.equations[row]
                    .iter()
                    .filter(|(at, _)| self.state[*at] == State::Withheld)
                    .filter_map(|&(at, by)| Some((own.binary_search(&at).ok()?, by)))
                    .collect()
            })
            .collect();
        let lower = own.iter().map(|&at| (self.floor() - self.value[at]).min(0.0)).collect();
        LinearProgram::new(&equations, lower, vec![f64::INFINITY; own.len()])
    }

    /// Whether all that is withheld beside `cell`, which is shown, is still as uncertain as it must
    /// be.
    pub(super) fn stays_safe(
        &self,
        cell: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, DisclosureError> {
        let beside: BTreeSet<usize> = self
            .equations
            .iter()
            .filter(|equation| equation.iter().any(|(at, _)| *at == cell))
            .flat_map(|equation| equation.iter().map(|(at, _)| *at))
            .collect();
        for (own, rows) in self.components() {
            if !own.iter().any(|at| beside.contains(at)) {
                continue;
            }
            let mut program = self.program(&own, &rows);
            for (at, &variable) in own.iter().enumerate() {
                let need = self.need[variable];
                let slack = 1e-6 * (1.0 + self.value[variable].abs());
                for (sign, asked) in [(1.0, need.up), (-1.0, need.down)] {
                    if asked > 0.0
                        && program.maximise(&[(at, sign)], stop).map_err(stopped)? < asked - slack
                    {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}
