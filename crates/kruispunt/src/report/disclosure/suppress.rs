//! Which other cells to withhold so that the sensitive ones stay hidden.

use super::DisclosureError;
use super::attack::{MOST_ENTRIES, stopped};
use super::cells::{Cells, State, TOTAL};
use super::layout::Layout;
use super::proofs::Change;
use crate::math::linear_program::LinearProgram;
use std::collections::BTreeSet;

/// Cells tried at first around a sensitive cell, and labels by variable at most; then more.
const AROUND: [(f64, usize); 2] = [(300.0, 6), (1500.0, 16)];
/// Boxes of cells looked at, at most.
const BOXES: usize = 4000;

/// What it costs to withhold a cell that would be shown: information, roughly.
fn price(value: f64) -> f64 {
    (2.0 + value.abs()).ln()
}

/// Chooses cells to withhold; what it makes of the whole table stays for the next choice.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    whole: Option<Choice>,
}

impl Chooser {
    /// The cheapest change that lets `at` be `by` more (less, when below zero) than it is; nothing
    /// when no choice of cells does that.
    pub(super) fn hide(
        &mut self,
        layout: &Layout,
        cells: &Cells,
        at: usize,
        by: f64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Change>, DisclosureError> {
        if at < cells.len() {
            for (all, most) in AROUND {
                let each = all.powf(1.0 / cells.dimensions.len().max(1) as f64) as usize;
                let around = each.saturating_sub(2).clamp(1, most);
                let mut near = layout.near(cells, at, by, around);
                near.iter_mut().enumerate().for_each(|(at, near)| *near &= layout.gives(at, false));
                layout.settle(&mut near);
                if !near[at] {
                    continue;
                }
                let found = Choice::new(layout, &near)?.cheapest(layout, at, by, false, stop)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        let whole = match &mut self.whole {
            Some(whole) => whole,
            none => {
                let all = 0..layout.value.len();
                let mut all: Vec<bool> = all.map(|at| layout.gives(at, true)).collect();
                layout.settle(&mut all);
                none.insert(Choice::new(layout, &all)?)
            }
        };
        for zeros in [false, true] {
            let found = whole.cheapest(layout, at, by, zeros, stop)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl Layout {
    /// Whether a variable may change: it is withheld, or may be.
    fn gives(&self, at: usize, zeros: bool) -> bool {
        !self.value[at].is_nan()
            && match self.state[at] {
                State::Told => false,
                State::Withheld => true,
                State::Open => zeros || self.value[at] != 0.0,
            }
    }

    /// The cells among which partners are looked for.
    fn near(&self, cells: &Cells, at: usize, by: f64, around: usize) -> Vec<bool> {
        let codes = &cells.codes[at];
        let mut allowed: Vec<BTreeSet<u32>> = Vec::with_capacity(codes.len());
        for (which, dimension) in cells.dimensions.iter().enumerate() {
            let mut own = BTreeSet::from([codes[which]]);
            let best = |list: Vec<u32>| {
                let mut list = self.by_price(cells, codes, which, list);
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
        for (own, code) in allowed.iter_mut().zip(self.cheapest_box(cells, at, by)) {
            own.insert(code);
        }
        let mut near = vec![true; self.value.len()];
        for (cell, codes) in cells.codes.iter().enumerate() {
            near[cell] = codes.iter().zip(&allowed).all(|(code, own)| own.contains(code));
        }
        near
    }

    /// Labels of variable `which` by the price of the cell that has them, all else as in `codes`.
    fn by_price(&self, cells: &Cells, codes: &[u32], which: usize, mut list: Vec<u32>) -> Vec<u32> {
        let cost = |code: &u32| {
            let mut other = codes.to_vec();
            other[which] = *code;
            match cells.find(&other) {
                Some(cell) if self.state[cell] == State::Withheld => 0.0,
                Some(cell) if self.gives(cell, false) => price(self.value[cell]),
                Some(_) => 1e6,
                None => 1e9,
            }
        };
        list.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.cmp(b)));
        list
    }

    /// The other corner of the cheapest box of cells whose corners, up and down by turns, can move
    /// `at` by `by`; nothing when there is none, or where labels have parts.
    fn cheapest_box(&self, cells: &Cells, at: usize, by: f64) -> Vec<u32> {
        let codes = &cells.codes[at];
        let mut choices: Vec<Vec<u32>> = Vec::with_capacity(codes.len());
        let each = (BOXES as f64).powf(1.0 / codes.len().max(1) as f64) as usize;
        for (which, dimension) in cells.dimensions.iter().enumerate() {
            let own = codes[which];
            let leaf = |code: &u32| *code != own && !dimension.parent.contains(code);
            let beside = if own == TOTAL { TOTAL } else { dimension.parent[own as usize] };
            if own != TOTAL && dimension.parent.contains(&own) {
                return Vec::new();
            }
            let list = dimension.children(beside).into_iter().filter(leaf).collect();
            let mut list = self.by_price(cells, codes, which, list);
            list.truncate(each.max(2));
            choices.push(list);
        }
        let mut best = (f64::INFINITY, Vec::new());
        let many: usize = choices.iter().map(Vec::len).product();
        let mut corner = codes.clone();
        for number in 0..many {
            let mut rest = number;
            let other: Vec<u32> = choices
                .iter()
                .map(|list| {
                    let code = list[rest % list.len()];
                    rest /= list.len();
                    code
                })
                .collect();
            let mut cost = 0.0;
            for turn in 0..1_u32 << codes.len() {
                let mut sign = by;
                for which in 0..codes.len() {
                    let over = turn >> which & 1 == 1;
                    corner[which] = if over { other[which] } else { codes[which] };
                    // a total moves with its part, labels beside each other against each other
                    if over && codes[which] != TOTAL {
                        sign = -sign;
                    }
                }
                let fits = |cell: &usize| self.gives(*cell, false) && sign >= self.fall(*cell);
                match cells.find(&corner).filter(fits) {
                    Some(cell) if self.state[cell] == State::Withheld => {}
                    Some(cell) => cost += price(self.value[cell]),
                    None => cost = f64::INFINITY,
                }
                if cost >= best.0 {
                    break;
                }
            }
            if cost < best.0 {
                best = (cost, other);
            }
        }
        best.1
    }
}

/// The program of the cheapest change among some cells.
///
/// A cell that was withheld when it was made is one variable, others are two: what is added and
/// what is taken away, each at a price.
#[derive(Debug)]
struct Choice {
    variables: Vec<(usize, f64)>,
    place: Vec<usize>,
    program: LinearProgram,
}

impl Choice {
    fn new(layout: &Layout, moves: &[bool]) -> Result<Self, DisclosureError> {
        let mut variables: Vec<(usize, f64)> = Vec::new();
        let mut place = vec![usize::MAX; moves.len()];
        for cell in (0..moves.len()).filter(|&cell| moves[cell]) {
            place[cell] = variables.len();
            if layout.state[cell] == State::Withheld {
                variables.push((cell, 0.0));
            } else {
                variables.push((cell, 1.0));
                variables.push((cell, -1.0));
            }
        }
        let term = |&(cell, sign): &(usize, f64)| {
            let at = place[cell];
            let pair = at != usize::MAX && variables[at].1 != 0.0;
            [(at, sign), (at + usize::from(pair), -sign)].into_iter().take(match at {
                usize::MAX => 0,
                _ => 1 + usize::from(pair),
            })
        };
        let equations: Vec<Vec<(usize, f64)>> = layout
            .equations
            .iter()
            .map(|equation| equation.iter().flat_map(term).collect::<Vec<_>>())
            .filter(|equation| !equation.is_empty())
            .collect();
        if equations.len().saturating_mul(variables.len()) > MOST_ENTRIES {
            return Err(DisclosureError::Stalled);
        }
        let still = vec![0.0; variables.len()];
        let program = LinearProgram::new(equations, still.clone(), still);
        Ok(Self { variables, place, program })
    }

    /// The cheapest change that moves `at` by `by` and keeps every sum.
    fn cheapest(
        &mut self,
        layout: &Layout,
        at: usize,
        by: f64,
        zeros: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Change>, DisclosureError> {
        let own = self.place[at];
        if own == usize::MAX {
            return Ok(None);
        }
        for again in [true, false] {
            if !self.reach(layout, at, by, zeros, stop)? {
                return Ok(None);
            }
            self.program.hold(own);
            let costs: Vec<(usize, f64)> = self
                .variables
                .iter()
                .enumerate()
                .filter(|(_, (cell, side))| *side != 0.0 && layout.state[*cell] != State::Withheld)
                .map(|(place, (cell, _))| (place, -price(layout.value[*cell])))
                .collect();
            self.program.maximise(&costs, stop).map_err(stopped)?;
            if self.program.is_exact() {
                break;
            }
            if !again {
                return Err(DisclosureError::Stalled);
            }
            self.program.refresh();
        }
        let mut found: Change = Vec::new();
        for (place, &(cell, side)) in self.variables.iter().enumerate() {
            let moved = if side < 0.0 { -1.0 } else { 1.0 } * self.program.value(place);
            match found.last_mut() {
                Some((last, sum)) if *last == cell => *sum += moved,
                _ => found.push((cell, moved)),
            }
        }
        found.retain(|(_, moved)| moved.abs() > 1e-7);
        for (_, moved) in &mut found {
            *moved *= by.abs();
        }
        Ok(Some(found))
    }

    /// Starts over and moves `at` by `by` (the scale of the program), whatever it costs; says
    /// whether it can.
    fn reach(
        &mut self,
        layout: &Layout,
        at: usize,
        by: f64,
        zeros: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, DisclosureError> {
        self.program.restart();
        for (place, &(cell, side)) in self.variables.iter().enumerate() {
            let fall = layout.fall(cell) / by.abs();
            let (low, high) = if cell == at {
                if by < 0.0 { (-1.0, 0.0) } else { (0.0, 1.0) }
            } else if !layout.gives(cell, zeros) {
                (0.0, 0.0)
            } else if side == 0.0 {
                (fall, f64::INFINITY)
            } else if side > 0.0 {
                (0.0, f64::INFINITY)
            } else {
                (0.0, -fall)
            };
            self.program.bound(place, low, high);
        }
        let own = self.place[at];
        let reached = self.program.maximise(&[(own, by.signum())], stop).map_err(stopped)?;
        Ok(reached >= 1.0 - 1e-7)
    }
}
