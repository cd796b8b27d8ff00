//! Comparisons that go together among matches: who moved has another street *and* another postcode.

use super::LinkageError;
use super::coded::Sides;
use super::linker::{Learned, Linker};
use super::pairs::{Pairs, RIGHTS};
use crate::data::{Column, Table};
use crate::math::em::{NULL, Tie};
use crate::math::unionfind::UnionFind;
use serde::{Deserialize, Serialize};

/// Whether comparisons may depend on each other, given the match status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Dependence {
    /// A tree of those pairs of comparisons that plainly go together (Chow & Liu 1968). The
    /// default; without such pairs it is independence.
    #[default]
    Tree,
    /// None, as Fellegi and Sunter assume.
    Independent,
}

/// Odds of a match, by all other comparisons, from which a pair of rows tells how two go together.
const SURE: f64 = 0.99;
/// Expected pairs of rows that must tell.
const ENOUGH: f64 = 200.0;
/// Information in nats from which two comparisons go together.
const PLAIN: f64 = 0.01;
/// Random left rows, each compared with 128 others, that tell how comparisons go together among
/// pairs that are no matches.
const LEFTS: u64 = 512;
/// Pairs of rows in a cell, and bits by which it must differ, for other pairs to go together.
const CELL: (f64, f64) = (30.0, 0.5);
/// Pairs of rows given beforehand to every cell, on both sides of the ratio.
const PRIOR: f64 = 5.0;

/// Rounds in which a joint distribution is fitted to its margins.
const FITTED: usize = 200;

/// What two comparisons say together beyond what each says alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Learnt {
    /// Places of the two comparisons.
    pub(super) at: (usize, usize),
    /// Mutual information in nats among matches and among other pairs.
    pub(super) information: (f64, f64),
    /// Joint probability among matches over the product of the two, levels of the first by levels
    /// of the second; empty where not part of the model.
    pub(super) m: Vec<f64>,
    /// The same among other pairs.
    pub(super) u: Vec<f64>,
}

impl Learnt {
    /// Whether the pair is part of the model.
    pub(super) const fn used(&self) -> bool {
        !self.m.is_empty() || !self.u.is_empty()
    }

    /// Where the two stand among the comparisons `used`.
    fn places(&self, used: &[usize]) -> Option<(usize, usize)> {
        let place = |k: usize| used.iter().position(|&own| own == k);
        Some((place(self.at.0)?, place(self.at.1)?))
    }

    /// `c_m / c_u` by cell; empty where the pair is not part of the model.
    pub(super) fn ratio(&self) -> Vec<f64> {
        let n = self.m.len().max(self.u.len());
        let of = |own: &[f64], at: usize| own.get(at).copied().unwrap_or(1.0);
        (0..n).map(|at| of(&self.m, at) / of(&self.u, at)).collect()
    }

    /// The same for a run that looks at the comparisons `used` only.
    pub(super) fn within(&self, used: &[usize], levels: &[usize]) -> Option<Tie> {
        let at = self.places(used)?;
        self.used().then(|| Tie { at, ratio: self.ratio(), width: levels[self.at.1] })
    }

    /// What goes together among matches and among others, each as a tie of its own side that
    /// leaves the probabilities `p` of the levels of a single comparison as they are.
    pub(super) fn sides(&self, used: &[usize], p: [&[Vec<f64>]; 2]) -> [Option<Tie>; 2] {
        let side = |ratio: &[f64], p: &[Vec<f64>]| {
            let at = self.places(used)?;
            let (first, second) = (&p[self.at.0], &p[self.at.1]);
            let own = || Tie { at, ratio: leaving(ratio, first, second), width: second.len() };
            (!ratio.is_empty()).then(own)
        };
        [side(&self.m, p[0]), side(&self.u, p[1])]
    }

    /// Leaves it out of the model.
    pub(super) fn leave_out(&mut self) {
        (self.m, self.u) = (Vec::new(), Vec::new());
    }

    /// Makes u of a comparison that of pairs in which the comparison `equal` agrees.
    pub(super) fn given(&self, equal: usize, u: &mut [Vec<f64>]) {
        let (a, b) = self.at;
        if self.u.is_empty() || equal != a && equal != b {
            return;
        }
        let other = if equal == a { b } else { a };
        let width = u[b].len();
        for (level, u) in u[other].iter_mut().enumerate() {
            *u *= self.u[if equal == a { level } else { level * width }];
        }
        let total: f64 = u[other].iter().sum();
        u[other].iter_mut().for_each(|u| *u /= total);
    }
}

/// Joint over product of two comparisons, with the least change that makes the joint a distribution
/// of these two (iterative proportional fitting).
fn leaving(ratio: &[f64], first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut own = ratio.to_vec();
    for _ in 0..FITTED {
        for row in own.chunks_exact_mut(second.len()) {
            let sum: f64 = row.iter().zip(second).map(|(c, p)| c * p).sum();
            for c in row {
                *c /= sum.max(f64::MIN_POSITIVE);
            }
        }
        for at in 0..second.len() {
            let column = || own.iter().skip(at).step_by(second.len());
            let sum: f64 = column().zip(first).map(|(c, p)| c * p).sum();
            let column = own.iter_mut().skip(at).step_by(second.len());
            column.for_each(|c| *c /= sum.max(f64::MIN_POSITIVE));
        }
    }
    own
}

/// Pairs of rows by the levels of two comparisons, and what independence expects.
struct Joint {
    seen: Vec<f64>,
    width: usize,
}

impl Joint {
    fn total(&self) -> f64 {
        self.seen.iter().sum()
    }

    /// What independence expects in each cell.
    fn expected(&self) -> Vec<f64> {
        let total = self.total().max(f64::MIN_POSITIVE);
        let rows: Vec<f64> =
            self.seen.chunks_exact(self.width).map(|row| row.iter().sum()).collect();
        let column = |at: usize| self.seen.iter().skip(at).step_by(self.width).sum::<f64>();
        let columns: Vec<f64> = (0..self.width).map(column).collect();
        rows.iter().flat_map(|row| columns.iter().map(move |column| row * column / total)).collect()
    }

    /// Mutual information in nats.
    fn information(&self) -> f64 {
        let total = self.total();
        if total < ENOUGH {
            return 0.0;
        }
        let cells = self.seen.iter().zip(self.expected());
        let sum: f64 =
            cells.filter(|(seen, _)| **seen > 0.0).map(|(&seen, e)| seen * (seen / e).ln()).sum();
        (sum / total).max(0.0)
    }

    /// Seen over expected, 1 where neither says much.
    fn ratio(&self) -> Vec<f64> {
        let cells = self.seen.iter().zip(self.expected());
        cells.map(|(seen, expected)| (seen + PRIOR) / (expected + PRIOR)).collect()
    }

    /// Whether there is too much of it for chance.
    fn significant(&self) -> bool {
        let (information, total) = (self.information(), self.total());
        let freedom = (self.width - 1) * (self.seen.len() / self.width - 1);
        2.0 * total * information > freedom as f64 * total.ln()
    }

    /// Whether some cell that is not rare is off by much.
    fn off(&self) -> bool {
        let mut cells = self.seen.iter().zip(self.expected());
        cells.any(|(seen, expected)| {
            seen.max(expected) >= CELL.0
                && ((seen + PRIOR) / (expected + PRIOR)).log2().abs() >= CELL.1
        })
    }
}

impl Linker {
    /// The pairs of comparisons that go together: among matches, from pairs of rows that are
    /// plainly matches without the two and found by a rule that uses neither, the few others
    /// taken out by what `u` says of them; among other pairs, from random pairs of rows.
    pub(super) fn dependence_of(
        &self,
        pairs: &Pairs,
        counts: &[(u64, u64, u64)],
        random: &[(u64, u64)],
        learned: &[Learned],
        lambda: f64,
    ) -> Vec<Learnt> {
        let (n, layout) = (learned.len(), pairs.layout());
        let logs: Vec<Vec<f64>> = learned
            .iter()
            .map(|own| own.m.iter().zip(&own.u).map(|(m, u)| (m / u).ln()).collect())
            .collect();
        let prior = (lambda / (1.0 - lambda)).ln();
        let part = |pattern: u64, k: usize| match layout.level(pattern, k) {
            NULL => 0.0,
            level => logs[k][level as usize],
        };
        let total = |pattern: u64| prior + (0..n).map(|k| part(pattern, k)).sum::<f64>();
        let whole: Vec<f64> = counts.iter().map(|&(pattern, ..)| total(pattern)).collect();
        let no_match: Vec<f64> =
            random.iter().map(|&(pattern, _)| 1.0 / (1.0 + total(pattern).exp())).collect();
        let mut found = Vec::new();
        for a in 0..n {
            for b in a + 1..n {
                let rules = self.rules_without(&[a, b]);
                let cells = (learned[a].m.len(), learned[b].m.len());
                let mut joints =
                    [cells, cells].map(|(a, b)| Joint { seen: vec![0.0; a * b], width: b });
                let mut others = 0.0;
                for (&(pattern, by, count), whole) in counts.iter().zip(&whole) {
                    let (x, y) = (layout.level(pattern, a), layout.level(pattern, b));
                    if by & rules == 0 || x == NULL || y == NULL {
                        continue;
                    }
                    let odds = (whole - part(pattern, a) - part(pattern, b)).exp();
                    let share = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
                    let cell = x as usize * cells.1 + y as usize;
                    if share >= SURE {
                        joints[0].seen[cell] += count as f64;
                        others += (1.0 - share) * count as f64;
                    }
                }
                for (&(pattern, count), no_match) in random.iter().zip(&no_match) {
                    let (x, y) = (layout.level(pattern, a), layout.level(pattern, b));
                    if x != NULL && y != NULL {
                        joints[1].seen[x as usize * cells.1 + y as usize] +=
                            no_match * count as f64;
                    }
                }
                let [matches, _] = &mut joints;
                for (x, u) in learned[a].u.iter().enumerate() {
                    for (y, v) in learned[b].u.iter().enumerate() {
                        let seen = &mut matches.seen[x * cells.1 + y];
                        *seen = (*seen - others * u * v).max(0.0);
                    }
                }
                found.push(learnt((a, b), &joints));
            }
        }
        forest(n, &mut found, |own| own.information.0, |own| &mut own.m);
        forest(n, &mut found, |own| own.information.1, |own| &mut own.u);
        found
    }

    /// Random pairs for [`dependence_of`](Self::dependence_of).
    ///
    /// At most a quarter of all pairs: the same pair met twice tells nothing new.
    pub(super) fn random_pairs(&self, pairs: &Pairs, sides: Sides<'_>) -> Vec<(u64, u64)> {
        let lefts = LEFTS.min((sides.pairs() / (4.0 * RIGHTS as f64)) as u64);
        pairs.random(self.seed.stream(1 << 32), lefts, sides.dedupe)
    }

    fn rules_without(&self, comparisons: &[usize]) -> u64 {
        let free =
            |rule: &super::Rule| !comparisons.iter().any(|&k| rule.uses(&self.comparisons[k]));
        let each = self.rules.iter().enumerate().take(64);
        each.fold(0, |bits, (at, rule)| bits | u64::from(free(rule)) << at)
    }

    /// Which comparisons go together, given the match status: `first`, `second`, `matches` and
    /// `others` (mutual information in bits) and `in_model`. Without training there is none.
    ///
    /// Information among matches makes probabilities of borderline pairs too low, among others
    /// too high, where the model leaves it out.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`].
    pub fn dependencies(&self) -> Result<Table, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let all = &model.dependence;
        let name = |k: usize| Some(self.comparisons[k].column());
        let bits = |nats: f64| nats / std::f64::consts::LN_2;
        Ok(Table::new([
            ("first", Column::text(all.iter().map(|own| name(own.at.0)))),
            ("second", Column::text(all.iter().map(|own| name(own.at.1)))),
            ("matches", Column::float(all.iter().map(|own| bits(own.information.0)).collect())),
            ("others", Column::float(all.iter().map(|own| bits(own.information.1)).collect())),
            ("in_model", Column::bool(all.iter().map(Learnt::used).collect())),
        ])?)
    }
}

fn learnt(at: (usize, usize), [matches, others]: &[Joint; 2]) -> Learnt {
    let information = (matches.information(), others.information());
    let of_m = information.0 >= PLAIN && matches.significant();
    let of_u = others.significant() && others.off();
    Learnt {
        at,
        information,
        m: if of_m { matches.ratio() } else { Vec::new() },
        u: if of_u { others.ratio() } else { Vec::new() },
    }
}

/// Keeps the cells of the pairs in the forest with the most information.
fn forest(
    n: usize,
    pairs: &mut [Learnt],
    worth: impl Fn(&Learnt) -> f64,
    cells: impl Fn(&mut Learnt) -> &mut Vec<f64>,
) {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|&a, &b| worth(&pairs[b]).total_cmp(&worth(&pairs[a])).then(a.cmp(&b)));
    let mut trees = UnionFind::new(n);
    for at in order {
        let (a, b) = (pairs[at].at.0 as u32, pairs[at].at.1 as u32);
        let own = cells(&mut pairs[at]);
        if own.is_empty() {
            continue;
        }
        if trees.find(a) == trees.find(b) {
            own.clear();
        } else {
            trees.join(a, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_joint_has_its_margins_and_keeps_its_odds_ratios() {
        let (p, q) = ([0.7, 0.2, 0.1], [0.6, 0.4]);
        let given = [1.2, 0.5, 0.9, 1.4, 0.4, 2.0];
        let fitted = leaving(&given, &p, &q);
        for (row, c) in fitted.chunks_exact(2).enumerate() {
            assert!((c[0] * q[0] + c[1] * q[1] - 1.0).abs() < 1e-9, "row {row}");
        }
        for at in 0..2 {
            let sum: f64 = (0..3).map(|row| fitted[row * 2 + at] * p[row]).sum();
            assert!((sum - 1.0).abs() < 1e-9, "column {at}");
        }
        let odds = |c: &[f64], row: usize| c[row * 2] * c[1] / (c[row * 2 + 1] * c[0]);
        for row in 1..3 {
            assert!((odds(&fitted, row) / odds(&given, row) - 1.0).abs() < 1e-9);
        }
    }
}
