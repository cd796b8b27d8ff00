//! What adds up to what.

use super::cells::{Cells, Kind, State, TOTAL};
use super::rules::Need;
use super::{Disclosure, DisclosureError};
use std::collections::BTreeMap;

/// One quantity of all cells with the sums an attacker knows to hold.
///
/// Behind the cells stand *remainders*: where the parts that are shown fall short of their total,
/// the difference is a cell that nobody shows and anybody can work out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Each sums to zero: a total, less its parts, less the remainder.
    pub(super) equations: Vec<Vec<(usize, f64)>>,
    /// The equations of each variable.
    pub(super) among: Vec<Vec<usize>>,
    pub(super) value: Vec<f64>,
    pub(super) need: Vec<Need>,
    pub(super) state: Vec<State>,
    /// Whether values may be below zero.
    pub(super) signed: bool,
}

impl Layout {
    /// The sums that hold for the quantity `system`.
    pub(super) fn new(
        cells: &Cells,
        system: usize,
        profile: &Disclosure,
    ) -> Result<Self, DisclosureError> {
        let own = &cells.systems[system];
        let mut layout = Self {
            equations: Vec::new(),
            among: Vec::new(),
            value: own.value.clone(),
            need: own.need.clone(),
            state: cells.state.clone(),
            signed: own.value.iter().any(|value| *value < 0.0),
        };
        for (at, dimension) in cells.dimensions.iter().enumerate() {
            let children: Vec<Vec<u32>> =
                (0..dimension.labels.len() as u32).map(|code| dimension.children(code)).collect();
            let mut lines: BTreeMap<Vec<u32>, BTreeMap<u32, usize>> = BTreeMap::new();
            for (cell, codes) in cells.codes.iter().enumerate() {
                if !own.value[cell].is_nan() {
                    let mut line = codes.clone();
                    let code = std::mem::replace(&mut line[at], TOTAL);
                    lines.entry(line).or_default().insert(code, cell);
                }
            }
            for line in lines.values().filter(|line| line.len() > 1) {
                for (&code, &total) in line {
                    let mut parts = Vec::new();
                    gather(code, &children, line, &mut parts);
                    if !parts.is_empty() {
                        layout.add(total, &parts, cells, system, profile)?;
                    }
                }
            }
        }
        layout.among = vec![Vec::new(); layout.value.len()];
        for (number, equation) in layout.equations.iter().enumerate() {
            for (at, _) in equation {
                layout.among[*at].push(number);
            }
        }
        Ok(layout)
    }

    fn add(
        &mut self,
        total: usize,
        parts: &[usize],
        cells: &Cells,
        system: usize,
        profile: &Disclosure,
    ) -> Result<(), DisclosureError> {
        let own = &cells.systems[system];
        let size: f64 = parts.iter().map(|&part| own.value[part].abs()).sum();
        let sum: f64 = parts.iter().map(|&part| own.value[part]).sum();
        let left = own.value[total] - sum;
        let slack = match own.kind {
            Kind::Count => 0.25,
            Kind::Sum => 1e-6 * size.max(own.value[total].abs()),
            Kind::Share => 0.5 + 1e-3 * size,
            Kind::Mean => 1e-3 * size,
        };
        let mut equation: Vec<(usize, f64)> = vec![(total, 1.0)];
        equation.extend(parts.iter().map(|&part| (part, -1.0)));
        if left < -slack && !self.signed {
            if matches!(own.kind, Kind::Share | Kind::Mean) {
                return Ok(()); // weighted: it does not add up for anybody
            }
            let row = cells.rows[total].first().map_or(0, |(_, row)| *row);
            return Err(DisclosureError::NotAdditive { column: own.name.clone(), row });
        }
        if left.abs() > slack {
            let need = match own.kind {
                Kind::Count => profile.need_of_count(left).unwrap_or_default(),
                _ => Need::default(),
            };
            equation.push((self.value.len(), -1.0));
            self.value.push(left);
            self.need.push(need);
            self.state.push(State::Withheld);
        }
        self.equations.push(equation);
        Ok(())
    }

    /// The smallest a variable can be.
    pub(super) fn floor(&self) -> f64 {
        if self.signed { f64::NEG_INFINITY } else { 0.0 }
    }

    /// How far down a variable can go from where it is.
    pub(super) fn fall(&self, at: usize) -> f64 {
        (self.floor() - self.value[at]).min(0.0)
    }

    /// What nobody is told.
    pub(super) fn hidden(&self) -> Vec<bool> {
        let hidden = |(state, value): (&State, &f64)| *state == State::Withheld && !value.is_nan();
        self.state.iter().zip(&self.value).map(hidden).collect()
    }

    /// Takes out of `moves` what the sums alone hold in place: a variable that is the only one of a
    /// sum that could move.
    pub(super) fn settle(&self, moves: &mut [bool]) {
        let count =
            |equation: &Vec<(usize, f64)>| equation.iter().filter(|(at, _)| moves[*at]).count();
        let mut left: Vec<usize> = self.equations.iter().map(count).collect();
        let mut todo: Vec<usize> = (0..left.len()).filter(|&number| left[number] == 1).collect();
        while let Some(number) = todo.pop() {
            let Some(&(at, _)) = self.equations[number].iter().find(|(at, _)| moves[*at]) else {
                continue;
            };
            moves[at] = false;
            for &other in &self.among[at] {
                left[other] -= 1;
                if left[other] == 1 {
                    todo.push(other);
                }
            }
        }
    }

    /// What `moves`, in groups that hang together, each with its equations.
    pub(super) fn components(&self, moves: &[bool]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut found = Vec::new();
        let mut done = vec![false; moves.len()];
        let mut known = vec![false; self.equations.len()];
        for start in (0..moves.len()).filter(|&at| moves[at]) {
            if done[start] {
                continue;
            }
            done[start] = true;
            let (mut own, mut rows) = (vec![start], Vec::new());
            let mut next = 0;
            while next < own.len() {
                for &number in &self.among[own[next]] {
                    if std::mem::replace(&mut known[number], true) {
                        continue;
                    }
                    rows.push(number);
                    for &(at, _) in &self.equations[number] {
                        if moves[at] && !std::mem::replace(&mut done[at], true) {
                            own.push(at);
                        }
                    }
                }
                next += 1;
            }
            own.sort_unstable();
            rows.sort_unstable();
            found.push((own, rows));
        }
        found
    }
}

/// The parts of a total that the line shows: a label that is not there stands for its own parts.
fn gather(code: u32, children: &[Vec<u32>], line: &BTreeMap<u32, usize>, parts: &mut Vec<usize>) {
    for &child in &children[code as usize] {
        match line.get(&child) {
            Some(&cell) => parts.push(cell),
            None => gather(child, children, line, parts),
        }
    }
}
