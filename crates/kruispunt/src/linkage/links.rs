//! Verbs on links: clusters, a report by group, the waterfall of one link.

use super::{LinkageError, Truth, correlate};
use crate::data::{Column, Links, Table};
use crate::math::unionfind::UnionFind;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

/// How links become groups of rows; [`Links::grouping`] is the way that suits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Grouping {
    /// Rows connected over any number of links; one wrong link joins two persons.
    Connected,
    /// Rows connected over links that are the most probable of one of their two rows.
    BestLink,
    /// Rows that are all linked to each other, joined from the most probable link down: no link,
    /// no group.
    Complete,
    /// Groups that agree with most of the evidence (correlation clustering): a link counts with
    /// its bits, a pair that was compared and not linked against it with its own. Any other pair
    /// counts against it with what the model says of pairs that no rule finds: of matches they are
    /// the share `1 - completeness`, of others nearly all, which is `-log2(1 - completeness)` bits,
    /// and 5 at most. One wrong link does not join two persons when the other pairs speak against
    /// it.
    Correlation,
}

/// Bits by which a pair of one group that no rule found weighs against it at most.
const UNKNOWN: f64 = 5.0;

impl Links {
    /// The way of grouping that suits these links: [`Grouping::Correlation`] where the pairs of one
    /// table were weighed; [`Grouping::Connected`] where keys decided, and between two tables, where
    /// no two rows of one side were ever compared.
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        if self.is_within() && self.weighing().is_some() {
            Grouping::Correlation
        } else {
            Grouping::Connected
        }
    }

    /// Rows that belong together, by [`grouping`](Self::grouping).
    ///
    /// For links within one table: `row` and `cluster`, the smallest row of the cluster. For two
    /// tables: `side` (left or right), `row` and `cluster`, the smallest left row of the cluster;
    /// right rows without a link are numbered on from the left rows. The ids do not depend on
    /// the order of the links.
    ///
    /// # Errors
    ///
    /// None in practice; [`LinkageError::Data`] when a table cannot be made.
    pub fn clusters(&self) -> Result<Table, LinkageError> {
        self.clusters_by(self.grouping())
    }

    /// As [`clusters`](Self::clusters), by another way of grouping; ties between equally
    /// probable links go to the smaller rows.
    ///
    /// # Errors
    ///
    /// As [`clusters`](Self::clusters).
    pub fn clusters_by(&self, grouping: Grouping) -> Result<Table, LinkageError> {
        let n = if self.is_within() { self.n_left() } else { self.n_left() + self.n_right() };
        let cluster = grouped(self, grouping).into_iter().map(i64::from).collect();
        if self.is_within() {
            let row = Column::int((0..n as i64).collect());
            return Ok(Table::new([("row", row), ("cluster", Column::int(cluster))])?);
        }
        let side: Vec<Option<u32>> =
            (0..n).map(|node| Some(u32::from(node >= self.n_left()))).collect();
        let row = (0..self.n_left() as i64).chain(0..self.n_right() as i64).collect();
        Ok(Table::new([
            ("side", Column::category(&side, &["left", "right"])),
            ("row", Column::int(row)),
            ("cluster", Column::int(cluster)),
        ])?)
    }

    /// What each blocking rule adds to those before it: `rule`, `new_pairs`, `expected_matches`
    /// among them, and `alone`, the expected matches that no other rule finds.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Keyed`] when keys decided.
    pub fn rules_worth(&self) -> Result<Table, LinkageError> {
        let weighing = self.weighing().ok_or(LinkageError::Keyed { link: 0 })?;
        let all = &weighing.rules;
        Ok(Table::new([
            ("rule", Column::text(all.iter().map(|own| Some(own.rule.as_str())))),
            ("new_pairs", Column::int(all.iter().map(|own| own.new_pairs as i64).collect())),
            ("expected_matches", Column::float(all.iter().map(|own| own.expected).collect())),
            ("alone", Column::float(all.iter().map(|own| own.alone).collect())),
        ])?)
    }

    /// What whoever uses the links must know, each with a name before a colon: the model expects
    /// more than a fifth of the links to be wrong (`low_expected_precision`).
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let sure = self.probabilities();
        let expected = sure.iter().sum::<f64>() / sure.len().max(1) as f64;
        if self.weighing().is_none() || sure.is_empty() || expected >= 0.8 {
            return Vec::new();
        }
        vec![format!(
            "low_expected_precision: by the model's own probabilities only {expected:.3} of the links are right; look at linker.parameters() and at what the blocking rules find"
        )]
    }

    /// How well the left rows linked, by group: `group`, `n`, `linked`, `link_rate`,
    /// `expected_precision` (mean probability of the links), `expected_recall` (expected true
    /// links over expected matches, those that no rule finds included), what is missing to 1 of
    /// both, `expected_fdr` (false discovery rate) and `expected_fnr` (false negative rate), and,
    /// when the truth is known, `precision` and `recall`. Without `by` there is one row.
    ///
    /// `by` has one value for each left row; rows without a value form a group of their own.
    /// Expected recall is null when a key decided, and where a group expects no match.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `by` or `truth` has another length than the left table.
    pub fn report(
        &self,
        by: Option<&Column>,
        truth: Option<&Truth>,
    ) -> Result<Table, LinkageError> {
        let groups = Groups::new(by, self.n_left())?;
        let mut n = vec![0_i64; groups.len()];
        let mut linked = vec![0_i64; groups.len()];
        let (mut expected, mut found) = (vec![0.0; groups.len()], vec![0.0; groups.len()]);
        let mut links = vec![0_u64; groups.len()];
        for (row, &group) in groups.of.iter().enumerate() {
            n[group] += 1;
            if let Some(weighing) = self.weighing() {
                expected[group] += weighing.expected[row] / weighing.completeness;
            }
        }
        let mut before = None;
        for (at, &left) in self.left_rows().iter().enumerate() {
            let group = groups.of[left as usize];
            linked[group] += i64::from(before != Some(left));
            links[group] += 1;
            found[group] += self.probabilities()[at];
            before = Some(left);
        }
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let each = |with: &dyn Fn(usize) -> Option<f64>| {
            Column::floats(&(0..groups.len()).map(with).collect::<Vec<_>>())
        };
        let weighed = self.weighing().is_some();
        let mut table = Table::new([
            ("group", groups.column()),
            ("n", Column::int(n.clone())),
            ("linked", Column::int(linked.clone())),
            ("link_rate", each(&|g| share(linked[g] as f64, n[g] as f64))),
            ("expected_precision", each(&|g| share(found[g], links[g] as f64))),
            (
                "expected_recall",
                each(&|g| share(found[g], expected[g].max(found[g])).filter(|_| weighed)),
            ),
            ("expected_fdr", each(&|g| share(found[g], links[g] as f64).map(|own| 1.0 - own))),
            (
                "expected_fnr",
                each(&|g| {
                    let recall = share(found[g], expected[g].max(found[g]));
                    recall.filter(|_| weighed).map(|own| 1.0 - own)
                }),
            ),
        ])?;
        if let Some(truth) = truth {
            let (right, all) = truth.count(self, &groups)?;
            let precision = each(&|g| share(right[g] as f64, links[g] as f64));
            table.push("precision", precision)?;
            table.push("recall", each(&|g| share(right[g] as f64, all[g] as f64)))?;
        }
        Ok(table)
    }

    /// How the weight of link `at` came about: `step`, `level`, `m`, `u`, `weight`,
    /// `tf_adjustment` and `running` (bits), the prior first, pairs of comparisons that go
    /// together (`a & b`, with their `weight` alone) last.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when there is no such link, [`LinkageError::Keyed`] when a
    /// key decided.
    pub fn waterfall(&self, at: usize) -> Result<Table, LinkageError> {
        if at >= self.len() {
            return Err(LinkageError::OutOfRange { argument: "link", got: at, n: self.len() });
        }
        let Some(weighing) = self.weighing().filter(|own| own.weights[at].is_finite()) else {
            return Err(LinkageError::Keyed { link: at });
        };
        let width = weighing.evidence.len();
        let own = weighing
            .group
            .get(at)
            .and_then(|&group| weighing.groups.get(usize::from(group).checked_sub(1)?));
        let (prior, evidence, together) = own
            .map_or((weighing.prior, &weighing.evidence, &weighing.together), |own| {
                (own.prior, &own.evidence, &own.together)
            });
        let (mut steps, mut labels) = (vec![Some("prior")], vec![None]);
        let (mut m, mut u) = (vec![None], vec![None]);
        let (mut weights, mut adjustments) = (vec![prior], vec![0.0]);
        let mut running = vec![prior];
        for (k, evidence) in evidence.iter().enumerate() {
            let level = weighing.levels[at * width + k].map(usize::from);
            let weight = level.map_or(0.0, |l| (evidence.m[l] / evidence.u[l]).log2());
            let adjustment = weighing.adjustments[at * width + k];
            steps.push(Some(evidence.comparison.as_str()));
            labels.push(Some(level.map_or("missing", |l| evidence.labels[l].as_str())));
            m.push(level.map(|l| evidence.m[l]));
            u.push(level.map(|l| evidence.u[l]));
            weights.push(weight);
            adjustments.push(adjustment);
            running.push(running[k] + weight + adjustment);
        }
        let levels = |k: usize| weighing.levels[at * width + k].unwrap_or(u8::MAX);
        let pairs: Vec<String> = together
            .iter()
            .map(|tie| {
                let name = |k: usize| weighing.evidence[k].comparison.as_str();
                format!("{} & {}", name(tie.at.0), name(tie.at.1))
            })
            .collect();
        for (tie, name) in together.iter().zip(&pairs) {
            let bits = tie.of(levels);
            steps.push(Some(name));
            labels.push(None);
            m.push(None);
            u.push(None);
            weights.push(bits);
            adjustments.push(0.0);
            running.push(running[running.len() - 1] + bits);
        }
        Ok(Table::new([
            ("step", Column::text(steps)),
            ("level", Column::text(labels)),
            ("m", Column::floats(&m)),
            ("u", Column::floats(&u)),
            ("weight", Column::float(weights)),
            ("tf_adjustment", Column::float(adjustments)),
            ("running", Column::float(running)),
        ])?)
    }
}

/// The group of each node, named by its smallest node; right rows are numbered on from the left.
pub(super) fn grouped(links: &Links, grouping: Grouping) -> Vec<u32> {
    let offset = if links.is_within() { 0 } else { links.n_left() as u32 };
    let n = if links.is_within() { links.n_left() } else { links.n_left() + links.n_right() };
    let rights = links.right_rows().iter().map(|&right| right + offset);
    let mut edges: Vec<(u32, u32)> = links.left_rows().iter().copied().zip(rights).collect();
    let sure = links.probabilities();
    if grouping == Grouping::Correlation {
        let bits = |p: f64| (p / (1.0 - p)).log2().clamp(-30.0, 30.0);
        let mut weighed: Vec<(u32, u32, f64)> =
            edges.iter().zip(sure).map(|(&(a, b), &p)| (a.min(b), a.max(b), bits(p))).collect();
        let mut unknown = UNKNOWN;
        if let Some(weighing) = links.weighing() {
            weighed.extend(weighing.rest.iter().map(|&(a, b, bits)| (a, b, bits)));
            unknown = unknown.min(-(1.0 - weighing.completeness).log2());
        }
        return correlate::groups(n, &weighed, unknown);
    }
    if grouping != Grouping::Connected {
        let mut order: Vec<usize> = (0..edges.len()).collect();
        order.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]).then(edges[a].cmp(&edges[b])));
        edges = order.into_iter().map(|at| edges[at]).collect();
    }
    let mut groups = match grouping {
        Grouping::BestLink => best_links(n, &edges),
        Grouping::Complete => complete(n, &edges),
        Grouping::Connected | Grouping::Correlation => joined(n, &edges),
    };
    (0..n as u32).map(|node| groups.find(node)).collect()
}

/// Groups with some of their nodes joined, named by their smallest node.
pub(super) fn joined_with(group: &[u32], together: &[(u32, u32)]) -> Vec<u32> {
    let mut all = UnionFind::new(group.len());
    for (node, &own) in (0_u32..).zip(group) {
        all.join(node, own);
    }
    for &(a, b) in together {
        all.join(a, b);
    }
    (0..group.len() as u32).map(|node| all.find(node)).collect()
}

fn joined(n: usize, edges: &[(u32, u32)]) -> UnionFind {
    let mut groups = UnionFind::new(n);
    for &(a, b) in edges {
        groups.join(a, b);
    }
    groups
}

/// Edges, the best first, that are the first of one of their nodes.
fn best_links(n: usize, edges: &[(u32, u32)]) -> UnionFind {
    let (mut groups, mut met) = (UnionFind::new(n), vec![false; n]);
    for &(a, b) in edges {
        if !met[a as usize] || !met[b as usize] {
            groups.join(a, b);
        }
        (met[a as usize], met[b as usize]) = (true, true);
    }
    groups
}

/// Joins groups, over the best edges first, where every node of one has an edge to every node of
/// the other.
fn complete(n: usize, edges: &[(u32, u32)]) -> UnionFind {
    let mut groups = UnionFind::new(n);
    let known: FxHashSet<(u32, u32)> = edges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
    let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for &(a, b) in edges {
        let (a, b) = (groups.find(a), groups.find(b));
        if a == b {
            continue;
        }
        let of = |root: u32| members.get(&root).cloned().unwrap_or_else(|| vec![root]);
        let (mut own, others) = (of(a), of(b));
        let tied = |&x: &u32| others.iter().all(|&y| known.contains(&(x.min(y), x.max(y))));
        if own.iter().all(tied) {
            groups.join(a, b);
            own.extend(others);
            members.insert(a.min(b), own);
        }
    }
    groups
}

/// Left rows in groups.
pub(super) struct Groups {
    pub(super) of: Vec<usize>,
    labels: Vec<Option<String>>,
}

impl Groups {
    pub(super) fn new(by: Option<&Column>, n: usize) -> Result<Self, LinkageError> {
        let Some(by) = by else {
            return Ok(Self { of: vec![0; n], labels: vec![Some("all".to_owned())] });
        };
        if by.len() != n {
            return Err(LinkageError::OutOfRange { argument: "by", got: by.len(), n });
        }
        let (codes, first) = by.ranks();
        let mut labels: Vec<Option<String>> =
            first.iter().map(|&row| by.label(row as usize)).collect();
        if codes.iter().any(Option::is_none) {
            labels.push(None);
        }
        let missing = first.len();
        let of = codes.into_iter().map(|code| code.map_or(missing, |code| code as usize)).collect();
        Ok(Self { of, labels })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn labels(&self) -> &[Option<String>] {
        &self.labels
    }

    pub(super) fn column(&self) -> Column {
        Column::text(self.labels.iter().map(Option::as_deref))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain 0-1-2 with a weak second link, and a full triangle 3-4-5.
    #[test]
    fn groupings_differ_on_a_chain_and_agree_on_a_triangle() {
        let edges = [(0, 1), (3, 4), (4, 5), (3, 5), (1, 2)];
        let all = |mut groups: UnionFind, n| (0..n).map(|at| groups.find(at)).collect::<Vec<_>>();
        let roots = |groups| all(groups, 6);
        assert_eq!(roots(joined(6, &edges)), [0, 0, 0, 3, 3, 3]);
        assert_eq!(roots(complete(6, &edges)), [0, 0, 2, 3, 3, 3]);
        assert_eq!(roots(best_links(6, &edges)), [0, 0, 0, 3, 3, 3]);
        // 1-2 is best of neither once 2 has a better one.
        let edges = [(0, 1), (2, 3), (1, 2)];
        assert_eq!(all(best_links(4, &edges), 4), [0, 0, 2, 2]);
        assert_eq!(all(joined(4, &edges), 4), [0; 4]);
    }
}
