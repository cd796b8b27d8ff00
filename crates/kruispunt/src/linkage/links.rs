//! Verbs on links: clusters, a report by group, the waterfall of one link.

use super::{LinkageError, Truth};
use crate::data::{Column, Links, Table};
use crate::math::unionfind::UnionFind;

impl Links {
    /// Rows that belong together over any number of links, by connected components.
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
        let offset = if self.is_within() { 0 } else { self.n_left() as u32 };
        let n = if self.is_within() { self.n_left() } else { self.n_left() + self.n_right() };
        let mut groups = UnionFind::new(n);
        for (&left, &right) in self.left_rows().iter().zip(self.right_rows()) {
            groups.join(left, right + offset);
        }
        let cluster = (0..n as u32).map(|node| i64::from(groups.find(node))).collect();
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

    /// How well the left rows linked, by group: `group`, `n`, `linked`, `link_rate`,
    /// `expected_precision` (mean probability of the links), `expected_recall` (expected true
    /// links over expected matches, those that no rule finds included) and, when the truth is
    /// known, `precision` and `recall`. Without `by` there is one row.
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
    /// `tf_adjustment` and `running` (bits), the prior first.
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
        let (mut steps, mut labels) = (vec![Some("prior")], vec![None]);
        let (mut m, mut u) = (vec![None], vec![None]);
        let (mut weights, mut adjustments) = (vec![weighing.prior], vec![0.0]);
        let mut running = vec![weighing.prior];
        for (k, evidence) in weighing.evidence.iter().enumerate() {
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

    pub(super) fn column(&self) -> Column {
        Column::text(self.labels.iter().map(Option::as_deref))
    }
}
