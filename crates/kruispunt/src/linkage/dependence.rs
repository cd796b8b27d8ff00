//! Comparisons that go together among matches: who moved has another street *and* another postcode.

use super::LinkageError;
use super::linker::{Learned, Linker};
use super::pairs::Layout;
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
/// Pairs of rows given beforehand to every cell, on both sides of the ratio.
const PRIOR: f64 = 5.0;

/// What two comparisons say together beyond what each says alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Learnt {
    /// Places of the two comparisons.
    pub(super) at: (usize, usize),
    /// Mutual information in nats among matches and among other pairs.
    pub(super) information: (f64, f64),
    /// Whether the pair is part of the model.
    pub(super) used: bool,
    /// c_m / c_u, levels of the first by levels of the second; empty where not used.
    pub(super) ratio: Vec<f64>,
}

impl Learnt {
    /// The same for a run that looks at the comparisons `used` only.
    pub(super) fn within(&self, used: &[usize], levels: &[usize]) -> Option<Tie> {
        let place = |k: usize| used.iter().position(|&own| own == k);
        let at = (place(self.at.0)?, place(self.at.1)?);
        let ratio = self.ratio.clone();
        self.used.then(|| Tie { at, ratio, width: levels[self.at.1] })
    }
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
        let rows: Vec<f64> = self.seen.chunks_exact(self.width).map(|row| row.iter().sum()).collect();
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

    /// Whether there is too much of it for chance or to leave out.
    fn plain(&self) -> bool {
        let (information, total) = (self.information(), self.total());
        let freedom = (self.width - 1) * (self.seen.len() / self.width - 1);
        information >= PLAIN && 2.0 * total * information > freedom as f64 * total.ln()
    }
}

impl Linker {
    /// The pairs of comparisons that go together, from pairs of rows whose match status is plain
    /// without the two, found by a rule that uses neither.
    ///
    /// Among those the other comparisons make surely matches, the few others are taken out by
    /// what `u` says of them.
    pub(super) fn dependence_of(
        &self,
        layout: &Layout,
        counts: &[(u64, u64, u64)],
        learned: &[Learned],
        lambda: f64,
    ) -> Vec<Learnt> {
        let n = learned.len();
        let logs: Vec<Vec<f64>> = learned
            .iter()
            .map(|own| own.m.iter().zip(&own.u).map(|(m, u)| (m / u).ln()).collect())
            .collect();
        let prior = (lambda / (1.0 - lambda)).ln();
        let part = |pattern: u64, k: usize| match layout.level(pattern, k) {
            NULL => 0.0,
            level => logs[k][level as usize],
        };
        let whole: Vec<f64> = counts
            .iter()
            .map(|&(pattern, ..)| prior + (0..n).map(|k| part(pattern, k)).sum::<f64>())
            .collect();
        let mut found = Vec::new();
        for a in 0..n {
            for b in a + 1..n {
                let rules = self.rules_without(&[a, b]);
                let cells = (learned[a].m.len(), learned[b].m.len());
                let mut joints = [cells, cells]
                    .map(|(a, b)| Joint { seen: vec![0.0; a * b], width: b });
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
                    } else if share <= 1.0 - SURE {
                        joints[1].seen[cell] += count as f64;
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
        forest(n, &mut found);
        found
    }

    fn rules_without(&self, comparisons: &[usize]) -> u64 {
        let free = |rule: &super::Rule| {
            !comparisons.iter().any(|&k| rule.uses(&self.comparisons[k]))
        };
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
            ("in_model", Column::bool(all.iter().map(|own| own.used).collect())),
        ])?)
    }
}

fn learnt(at: (usize, usize), [matches, others]: &[Joint; 2]) -> Learnt {
    let (of_m, of_u) = (matches.plain(), others.plain());
    let ones = || vec![1.0; matches.seen.len()];
    let m = if of_m { matches.ratio() } else { ones() };
    let u = if of_u { others.ratio() } else { ones() };
    Learnt {
        at,
        information: (matches.information(), others.information()),
        used: of_m || of_u,
        ratio: m.iter().zip(&u).map(|(m, u)| m / u).collect(),
    }
}

/// Keeps the pairs of the forest with the most information.
fn forest(n: usize, pairs: &mut [Learnt]) {
    let mut order: Vec<usize> = (0..pairs.len()).filter(|&at| pairs[at].used).collect();
    let worth = |at: usize| pairs[at].information.0 + pairs[at].information.1;
    order.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)).then(a.cmp(&b)));
    let mut trees = UnionFind::new(n);
    let mut kept = vec![false; pairs.len()];
    for at in order {
        let (a, b) = (pairs[at].at.0 as u32, pairs[at].at.1 as u32);
        if trees.find(a) != trees.find(b) {
            trees.join(a, b);
            kept[at] = true;
        }
    }
    for (pair, kept) in pairs.iter_mut().zip(kept) {
        pair.used = kept;
        if !kept {
            pair.ratio = Vec::new();
        }
    }
}
