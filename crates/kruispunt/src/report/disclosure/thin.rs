//! Which of the cells that were withheld for the sake of others can be shown again.

use super::attack::solved;
use super::cells::{Cells, State};
use super::layout::Layout;
use super::proofs::Proofs;
use super::rules::Reason;
use super::{Disclosure, DisclosureError};
use crate::data::Ticket;
use crate::math::linear_program::LinearProgram;

/// Multiplications spent on showing cells again, roughly; then the rest stays withheld.
const EFFORT: u64 = 4_000_000_000;

impl Disclosure {
    /// Shows again what turned out not to be needed, the dearest first; says whether all were tried.
    ///
    /// Each sensitive cell was hidden at least cost given those before it; what later ones withheld
    /// often makes earlier choices superfluous.
    pub(super) fn thin(
        &self,
        cells: &mut Cells,
        proofs: Vec<Proofs>,
        ticket: &Ticket,
    ) -> Result<bool, DisclosureError> {
        let stop = || ticket.is_cancelled();
        ticket.stage("showing cells again", 0);
        let worth = |at: usize| cells.systems.first().map_or(0.0, |own| own.value[at]);
        let mut others: Vec<usize> =
            (0..cells.len()).filter(|&at| cells.reason[at] == Some(Reason::Others)).collect();
        others.sort_by(|a, b| worth(*b).total_cmp(&worth(*a)).then(a.cmp(b)));
        if others.is_empty() {
            return Ok(true);
        }
        let mut all = Vec::with_capacity(proofs.len());
        for (system, proofs) in proofs.into_iter().enumerate() {
            all.push(Standing::new(Layout::new(cells, system, self)?, proofs, &stop)?);
        }
        // to show a cell and to withhold it again, until a whole round shows none
        let mut tried = true;
        for at in others {
            tried = all.iter().map(Standing::work).sum::<u64>() < EFFORT;
            if !tried {
                break;
            }
            let mut safe = Vec::with_capacity(all.len());
            for own in &mut all {
                match own.without(at, &stop)? {
                    Some(needs) => safe.push(needs),
                    None => break,
                }
            }
            let shown = safe.len() == all.len();
            if shown {
                cells.state[at] = State::Open;
                cells.reason[at] = None;
            }
            let mut safe = safe.into_iter();
            for own in &mut all {
                own.settled(at, safe.next().filter(|_| shown));
            }
            ticket.advance(1);
        }
        Ok(tried)
    }
}

/// A need that is met: a variable, how far it can move, and the change that proves it.
type Met = (usize, f64, usize);

/// A quantity with a program for each group of withheld variables that hang together, and what
/// proves that each need is met.
struct Standing {
    layout: Layout,
    proofs: Proofs,
    moves: Vec<bool>,
    programs: Vec<(Vec<usize>, LinearProgram)>,
    /// The program of a variable and its place there.
    home: Vec<Option<(usize, usize)>>,
    needs: Vec<Met>,
}

impl Standing {
    fn new(
        layout: Layout,
        proofs: Proofs,
        stop: &dyn Fn() -> bool,
    ) -> Result<Self, DisclosureError> {
        let mut moves = layout.hidden();
        layout.settle(&mut moves);
        let mut home = vec![None; moves.len()];
        let mut programs = Vec::new();
        for (own, rows) in layout.components(&moves) {
            for (place, &at) in own.iter().enumerate() {
                home[at] = Some((programs.len(), place));
            }
            programs.push((own.clone(), layout.program(&own, &rows)?));
        }
        let mut standing = Self { layout, proofs, moves, programs, home, needs: Vec::new() };
        for at in 0..standing.moves.len() {
            if !standing.moves[at] {
                continue;
            }
            for by in standing.layout.need[at].both() {
                let moves = std::mem::take(&mut standing.moves);
                // a need that cannot be met is left to the audit
                if let Some(number) = standing.met(at, by, &moves, stop)? {
                    standing.needs.push((at, by, number));
                }
                standing.moves = moves;
            }
        }
        Ok(standing)
    }

    fn work(&self) -> u64 {
        self.programs.iter().map(|(_, program)| program.work()).sum()
    }

    /// The number of a change that moves `at` by `by` and nothing but what `moves`.
    fn met(
        &mut self,
        at: usize,
        by: f64,
        moves: &[bool],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<usize>, DisclosureError> {
        if let Some(number) = self.proofs.find(&self.layout, at, by, moves) {
            return Ok(Some(number));
        }
        let Some((group, place)) = self.home[at] else { return Ok(None) };
        let (own, program) = &mut self.programs[group];
        let fall = self.layout.fall(at);
        program.restart();
        if by > 0.0 {
            program.bound(place, fall, by);
        } else {
            program.bound(place, by, f64::INFINITY);
        }
        let reached = solved(program, &[(place, by.signum())], stop)?;
        let slack = 1e-7 * (1.0 + by.abs());
        let mut found = None;
        if reached >= by.abs() - slack {
            let moved = |(place, at): (usize, &usize)| (*at, program.value(place));
            let change = own.iter().enumerate().map(moved).filter(|(_, by)| by.abs() > slack);
            found = Some(self.proofs.note(change.collect()));
        }
        program.restart();
        program.bound(place, fall, f64::INFINITY);
        Ok(found)
    }

    /// Holds `at` where it is, as if it were shown: what proves that each need is still met, by
    /// number of the need; nothing when one is not.
    fn without(
        &mut self,
        at: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<(usize, usize)>>, DisclosureError> {
        if self.layout.value[at].is_nan() || !self.moves[at] {
            return Ok(Some(Vec::new()));
        }
        let touched: Vec<usize> =
            (0..self.needs.len()).filter(|own| self.proofs.moves(self.needs[*own].2, at)).collect();
        let mut moves = self.moves.clone();
        moves[at] = false;
        self.layout.settle(&mut moves);
        if touched.iter().any(|own| !moves[self.needs[*own].0]) {
            return Ok(None);
        }
        if let Some((group, place)) = self.home[at] {
            let program = &mut self.programs[group].1;
            program.restart();
            program.bound(place, 0.0, 0.0);
        }
        let mut found = Vec::with_capacity(touched.len());
        for need in touched {
            let (own, by, _) = self.needs[need];
            match self.met(own, by, &moves, stop)? {
                Some(number) => found.push((need, number)),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// Leaves `at` shown with what proves all needs now, or lets it move again.
    fn settled(&mut self, at: usize, shown: Option<Vec<(usize, usize)>>) {
        if let Some(needs) = shown {
            for (need, number) in needs {
                self.needs[need].2 = number;
            }
            self.layout.state[at] = State::Open;
            if !self.layout.value[at].is_nan() {
                self.moves[at] = false;
                self.layout.settle(&mut self.moves);
            }
        } else if let Some((group, place)) = self.home[at] {
            let fall = self.layout.fall(at);
            let program = &mut self.programs[group].1;
            program.restart();
            program.bound(place, fall, f64::INFINITY);
        }
    }
}
