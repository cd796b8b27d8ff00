//! Which other cells to withhold so that the sensitive ones stay hidden.

use super::DisclosureError;
use super::attack::stopped;
use super::cells::{Cells, State, TOTAL};
use super::layout::Layout;
use crate::math::linear_program::LinearProgram;
use std::collections::BTreeSet;

/// Labels tried at first around a sensitive cell, by variable; then more, then all.
const AROUND: [usize; 3] = [4, 16, usize::MAX];

/// What it costs to withhold a cell that would be shown: information, roughly.
fn price(value: f64) -> f64 {
    (2.0 + value.abs()).ln()
}

impl Layout {
    /// Further cells to withhold so that `at` may be `by` more (less, when below zero) than it is;
    /// nothing when no choice of cells does that.
    pub(super) fn hide(
        &self,
        cells: &Cells,
        at: usize,
        by: f64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<usize>>, DisclosureError> {
        for around in AROUND {
            for zeros in [false, true] {
                if zeros && around != usize::MAX {
                    continue;
                }
                let near = self.near(cells, at, around);
                if let Some(found) = self.cheapest(&near, at, by, zeros, stop)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The cells among which partners are looked for.
    fn near(&self, cells: &Cells, at: usize, around: usize) -> Vec<bool> {
        let mut chosen = vec![true; self.value.len()];
        if around == usize::MAX || at >= cells.len() {
            return chosen;
        }
        let codes = &cells.codes[at];
        let mut allowed: Vec<BTreeSet<u32>> = Vec::with_capacity(codes.len());
        for (which, dimension) in cells.dimensions.iter().enumerate() {
            let mut own = BTreeSet::from([codes[which]]);
            let cost = |code: u32| {
                let mut other = codes.clone();
                other[which] = code;
                match cells.find(&other) {
                    Some(cell) if self.state[cell] == State::Withheld => 0.0,
                    Some(cell) if self.state[cell] == State::Open && self.value[cell] != 0.0 => {
                        price(self.value[cell])
                    }
                    Some(_) => 1e6,
                    None => 1e9,
                }
            };
            let best = |mut list: Vec<u32>| {
                list.sort_by(|a, b| cost(*a).total_cmp(&cost(*b)).then(a.cmp(b)));
                list.truncate(around);
                list
            };
            // down from here and from those beside it, and up to the total
            let mut todo = vec![codes[which]];
            if codes[which] != TOTAL {
                let above = dimension.parent[codes[which] as usize];
                todo.extend(best(dimension.children(above)));
                let mut up = above;
                while up != TOTAL {
                    own.insert(up);
                    let next = dimension.parent[up as usize];
                    todo.extend(best(dimension.children(next)));
                    up = next;
                }
                own.insert(TOTAL);
            }
            while let Some(code) = todo.pop() {
                if own.insert(code) || code == codes[which] {
                    todo.extend(
                        best(dimension.children(code))
                            .into_iter()
                            .filter(|own| *own != codes[which]),
                    );
                }
            }
            allowed.push(own);
        }
        for (cell, codes) in cells.codes.iter().enumerate() {
            chosen[cell] = codes.iter().zip(&allowed).all(|(code, own)| own.contains(code));
        }
        chosen
    }

    /// The cheapest change of near cells that moves `at` by `by` and keeps every sum.
    fn cheapest(
        &self,
        near: &[bool],
        at: usize,
        by: f64,
        zeros: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<usize>>, DisclosureError> {
        let moves = |at: usize| {
            near[at]
                && !self.value[at].is_nan()
                && match self.state[at] {
                    State::Told => false,
                    State::Withheld => true,
                    State::Open => zeros || self.value[at] != 0.0,
                }
        };
        // a withheld cell is one variable without a price, an open one two with it
        let mut variables: Vec<(usize, f64)> = Vec::new();
        let mut place = vec![usize::MAX; self.value.len()];
        for cell in (0..self.value.len()).filter(|&cell| moves(cell)) {
            place[cell] = variables.len();
            if self.state[cell] == State::Withheld {
                variables.push((cell, 0.0));
            } else {
                variables.push((cell, 1.0));
                variables.push((cell, -1.0));
            }
        }
        let equations: Vec<Vec<(usize, f64)>> = self
            .equations
            .iter()
            .filter(|equation| equation.iter().any(|(at, _)| place[*at] != usize::MAX))
            .map(|equation| {
                let mut own = Vec::new();
                for &(cell, sign) in equation.iter().filter(|(at, _)| place[*at] != usize::MAX) {
                    own.push((place[cell], sign));
                    if self.state[cell] != State::Withheld {
                        own.push((place[cell] + 1, -sign));
                    }
                }
                own
            })
            .collect();
        let scale = by.abs();
        let fall = |cell: usize| ((self.floor() - self.value[cell]) / scale).min(0.0);
        let mut lower = Vec::with_capacity(variables.len());
        let mut upper = Vec::with_capacity(variables.len());
        for &(cell, side) in &variables {
            let (low, high) = if cell == at {
                (by.min(0.0) / scale, by.max(0.0) / scale)
            } else if side == 0.0 {
                (fall(cell), f64::INFINITY)
            } else if side > 0.0 {
                (0.0, f64::INFINITY)
            } else {
                (0.0, -fall(cell))
            };
            lower.push(low);
            upper.push(high);
        }
        let own = place[at];
        let mut program = LinearProgram::new(&equations, lower, upper);
        let reached = program.maximise(&[(own, by.signum())], stop).map_err(stopped)?;
        if reached < 1.0 - 1e-7 {
            return Ok(None);
        }
        program.hold(own);
        let costs: Vec<(usize, f64)> = variables
            .iter()
            .enumerate()
            .filter(|(_, (_, side))| *side != 0.0)
            .map(|(place, (cell, _))| (place, -price(self.value[*cell])))
            .collect();
        program.maximise(&costs, stop).map_err(stopped)?;
        let mut found: Vec<usize> = costs
            .iter()
            .filter(|(place, _)| program.value(*place).abs() > 1e-7)
            .map(|(place, _)| variables[*place].0)
            .collect();
        found.dedup();
        Ok(Some(found))
    }
}
