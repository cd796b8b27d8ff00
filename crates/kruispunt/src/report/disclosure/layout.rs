//! What adds up to what.

use super::cells::{Cells, Kind, State, TOTAL};
use super::rules::Need;
use super::{Disclosure, DisclosureError};
use std::collections::{BTreeMap, BTreeSet};

/// One quantity of all cells with the sums an attacker knows to hold.
///
/// Behind the cells stand *remainders*: where the parts that are shown fall short of their total,
/// the difference is a cell that nobody shows and anybody can work out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Each sums to zero: a total, less its parts, less the remainder.
    pub(super) equations: Vec<Vec<(usize, f64)>>,
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

    /// Variables that share an equation with withheld ones, in groups that hang together.
    pub(super) fn components(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        fn root(group: &mut [usize], mut at: usize) -> usize {
            while group[at] != at {
                group[at] = group[group[at]];
                at = group[at];
            }
            at
        }
        let mut group: Vec<usize> = (0..self.value.len()).collect();
        let withheld = |at: usize| self.state[at] == State::Withheld;
        for equation in &self.equations {
            let mut own = equation.iter().map(|(at, _)| *at).filter(|&at| withheld(at));
            if let Some(first) = own.next() {
                for at in own {
                    let (a, b) = (root(&mut group, first), root(&mut group, at));
                    group[a.max(b)] = a.min(b);
                }
            }
        }
        let mut found: BTreeMap<usize, (BTreeSet<usize>, Vec<usize>)> = BTreeMap::new();
        for at in (0..self.value.len()).filter(|&at| withheld(at) && !self.value[at].is_nan()) {
            found.entry(root(&mut group, at)).or_default().0.insert(at);
        }
        for (number, equation) in self.equations.iter().enumerate() {
            if let Some((at, _)) = equation.iter().find(|(at, _)| withheld(*at)) {
                found.entry(root(&mut group, *at)).or_default().1.push(number);
            }
        }
        found.into_values().map(|(own, rows)| (own.into_iter().collect(), rows)).collect()
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
