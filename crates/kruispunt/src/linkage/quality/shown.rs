//! What a viewer shows of links: patterns of agreement, and clusters with their weak spots.

use crate::data::{Column, Links, Table};
use crate::linkage::{Grouping, LinkageError, Truth};
use rustc_hash::FxHashMap;

impl Links {
    /// What the links agree on: one row for each pattern of levels, the heaviest first, with
    /// `links`, `weight` and `probability` (means), `example` (the first such link) and the level
    /// of each comparison, `level_...`; null where a value is missing.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Keyed`] when a key decided all.
    pub fn patterns(&self) -> Result<Table, LinkageError> {
        let weighing = self.weighing().ok_or(LinkageError::Keyed { link: 0 })?;
        let width = weighing.evidence.len();
        let levels = |at: usize| &weighing.levels[at * width..(at + 1) * width];
        let mut places: FxHashMap<&[Option<u8>], usize> = FxHashMap::default();
        let mut found: Vec<(usize, u64, f64, f64)> = Vec::new();
        for at in (0..self.len()).filter(|&at| weighing.weights[at].is_finite()) {
            let place = *places.entry(levels(at)).or_insert_with(|| {
                found.push((at, 0, 0.0, 0.0));
                found.len() - 1
            });
            found[place].1 += 1;
            found[place].2 += weighing.weights[at];
            found[place].3 += self.probabilities()[at];
        }
        let mean = |own: &(usize, u64, f64, f64)| own.2 / own.1 as f64;
        found.sort_by(|a, b| mean(b).total_cmp(&mean(a)).then(a.0.cmp(&b.0)));
        let mut table = Table::new([
            ("links", Column::int(found.iter().map(|own| own.1 as i64).collect())),
            ("weight", Column::float(found.iter().map(mean).collect::<Vec<_>>())),
            (
                "probability",
                Column::float(found.iter().map(|own| own.3 / own.1 as f64).collect::<Vec<_>>()),
            ),
            ("example", Column::int(found.iter().map(|own| own.0 as i64).collect())),
        ])?;
        for (k, evidence) in weighing.evidence.iter().enumerate() {
            let codes: Vec<Option<u32>> =
                found.iter().map(|own| levels(own.0)[k].map(u32::from)).collect();
            let labels: Vec<&str> = evidence.labels.iter().map(String::as_str).collect();
            let mut name = format!("level_{}", evidence.comparison);
            while table.get(&name).is_some() {
                name.push('_');
            }
            table.push(name, Column::category(&codes, &labels))?;
        }
        Ok(table)
    }

    /// The waterfalls of several links one after another: those of
    /// [`waterfall`](Self::waterfall) with the `link` before them.
    ///
    /// # Errors
    ///
    /// As [`waterfall`](Self::waterfall).
    pub fn waterfalls(&self, links: &[usize]) -> Result<Table, LinkageError> {
        const NAMES: [&str; 5] = ["m", "u", "weight", "tf_adjustment", "running"];
        let (mut link, mut steps, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        let mut numbers: [Vec<Option<f64>>; 5] = Default::default();
        for &at in links {
            let own = self.waterfall(at)?;
            let (step, level) =
                (own.column("waterfall", "step")?, own.column("waterfall", "level")?);
            for row in 0..own.n_rows() {
                link.push(at as i64);
                steps.push(step.label(row));
                levels.push(level.label(row));
            }
            for (all, name) in numbers.iter_mut().zip(NAMES) {
                let values = own.column("waterfall", name)?.to_floats("waterfall", name)?;
                all.extend(values.into_iter().map(|value| Some(value).filter(|v| !v.is_nan())));
            }
        }
        let mut table = Table::new([
            ("link", Column::int(link)),
            ("step", Column::text(steps.iter().map(Option::as_deref))),
            ("level", Column::text(levels.iter().map(Option::as_deref))),
        ])?;
        for (values, name) in numbers.iter().zip(NAMES) {
            table.push(name, Column::floats(values))?;
        }
        Ok(table)
    }

    /// How the pairs were weighed: `comparison`, `level`, `m`, `u`, `weight` (log2 m/u) and the
    /// number of `links` at the level.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Keyed`] when a key decided all.
    pub fn evidence(&self) -> Result<Table, LinkageError> {
        let weighing = self.weighing().ok_or(LinkageError::Keyed { link: 0 })?;
        let width = weighing.evidence.len();
        let (mut names, mut labels) = (Vec::new(), Vec::new());
        let (mut m, mut u, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for (k, evidence) in weighing.evidence.iter().enumerate() {
            let mut counts = vec![0_i64; evidence.labels.len()];
            for level in weighing.levels.iter().skip(k).step_by(width).flatten() {
                counts[usize::from(*level)] += 1;
            }
            for (level, label) in evidence.labels.iter().enumerate() {
                names.push(Some(evidence.comparison.as_str()));
                labels.push(Some(label.as_str()));
                m.push(evidence.m[level]);
                u.push(evidence.u[level]);
                links.push(counts[level]);
            }
        }
        let weight: Vec<f64> = m.iter().zip(&u).map(|(m, u)| (m / u).log2()).collect();
        Ok(Table::new([
            ("comparison", Column::text(names)),
            ("level", Column::text(labels)),
            ("m", Column::float(m)),
            ("u", Column::float(u)),
            ("weight", Column::float(weight)),
            ("links", Column::int(links)),
        ])?)
    }

    /// The clusters of two rows or more: `cluster`, `rows`, `links`, `density` (links over the
    /// pairs that could be linked), `weakest` (the smallest probability of its links), `bridges`
    /// (links without which it falls apart) and, with `truth`, `persons`.
    ///
    /// A cluster that hangs together by a weak bridge is the first place to look for two persons
    /// taken for one.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` has another length than the tables.
    pub fn cluster_table(
        &self,
        grouping: Grouping,
        truth: Option<&Truth>,
    ) -> Result<Table, LinkageError> {
        let table = self.clusters_by(grouping)?;
        let roots = table.column("clusters", "cluster")?.to_floats("clusters", "cluster")?;
        let n = roots.len();
        let offset = if self.is_within() { 0 } else { self.n_left() };
        let persons = match truth {
            Some(truth) => {
                truth.check(self)?;
                Some(truth.persons_of(n))
            }
            None => None,
        };
        let mut edges: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (at, (&left, &right)) in self.left_rows().iter().zip(self.right_rows()).enumerate() {
            let root = roots[left as usize];
            if root == roots[right as usize + offset] {
                edges.entry(root as u32).or_default().push(at);
            }
        }
        let mut rows: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (row, &root) in roots.iter().enumerate() {
            rows.entry(root as u32).or_default().push(row as u32);
        }
        let mut ids: Vec<u32> = edges.keys().copied().collect();
        ids.sort_unstable();
        let sure = self.probabilities();
        let own = |id: &u32| (&rows[id], &edges[id]);
        let possible = |rows: &[u32]| {
            let left = rows.iter().filter(|&&row| (row as usize) < self.n_left()).count();
            let pairs = if self.is_within() {
                rows.len() * (rows.len() - 1) / 2
            } else {
                left * (rows.len() - left)
            };
            pairs.max(1) as f64
        };
        let ends = |at: usize| (self.left_rows()[at], self.right_rows()[at] + offset as u32);
        let whole = |with: &dyn Fn(&u32) -> i64| Column::int(ids.iter().map(with).collect());
        let real =
            |with: &dyn Fn(&u32) -> f64| Column::float(ids.iter().map(with).collect::<Vec<_>>());
        let mut table = Table::new([
            ("cluster", whole(&|id| i64::from(*id))),
            ("rows", whole(&|id| own(id).0.len() as i64)),
            ("links", whole(&|id| own(id).1.len() as i64)),
            ("density", real(&|id| own(id).1.len() as f64 / possible(own(id).0))),
            ("weakest", real(&|id| own(id).1.iter().map(|&at| sure[at]).fold(1.0, f64::min))),
            (
                "bridges",
                whole(&|id| {
                    let (rows, edges) = own(id);
                    bridges(rows, &edges.iter().map(|&at| ends(at)).collect::<Vec<_>>()) as i64
                }),
            ),
        ])?;
        if let Some(persons) = persons {
            let count = |id: &u32| {
                let mut of: Vec<u32> = own(id).0.iter().map(|&row| persons[row as usize]).collect();
                of.sort_unstable();
                of.dedup();
                of.len() as i64
            };
            table.push("persons", whole(&count))?;
        }
        Ok(table)
    }
}

/// Edges without which the graph over `nodes` (ascending) falls apart (Tarjan 1974).
fn bridges(nodes: &[u32], edges: &[(u32, u32)]) -> usize {
    let place = |node: u32| nodes.binary_search(&node).unwrap_or_default();
    let mut next: Vec<Vec<(usize, usize)>> = vec![Vec::new(); nodes.len()];
    for (at, &(a, b)) in edges.iter().enumerate() {
        next[place(a)].push((place(b), at));
        next[place(b)].push((place(a), at));
    }
    let (mut met, mut low) = (vec![0_usize; nodes.len()], vec![0_usize; nodes.len()]);
    let (mut clock, mut found) = (0, 0);
    for start in 0..nodes.len() {
        if met[start] > 0 {
            continue;
        }
        // Node, the edge it was reached by, and the next of its neighbours.
        let mut path = vec![(start, usize::MAX, 0)];
        clock += 1;
        (met[start], low[start]) = (clock, clock);
        while let Some(&mut (node, by, ref mut at)) = path.last_mut() {
            let Some(&(other, edge)) = next[node].get(*at) else {
                path.pop();
                if let Some(&(above, ..)) = path.last() {
                    found += usize::from(low[node] > met[above]);
                    low[above] = low[above].min(low[node]);
                }
                continue;
            };
            *at += 1;
            if edge == by {
                continue;
            }
            if met[other] > 0 {
                low[node] = low[node].min(met[other]);
            } else {
                clock += 1;
                (met[other], low[other]) = (clock, clock);
                path.push((other, edge, 0));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_what_holds_two_triangles_together() {
        let triangles = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)];
        assert_eq!(bridges(&[0, 1, 2, 3, 4, 5], &triangles), 1);
        assert_eq!(bridges(&[0, 1, 2, 3], &[(0, 1), (1, 2), (2, 3)]), 3);
        assert_eq!(bridges(&[7, 9], &[(7, 9), (9, 7)]), 0);
    }

    /// Taking each edge away in turn says the same.
    #[test]
    fn bridges_are_those_of_a_slow_search() {
        use crate::data::Seed;
        use crate::math::unionfind::UnionFind;
        for case in 0..200 {
            let pick = |at: u64, n: u64| Seed::new(5).below([case, at, 0], n) as u32;
            let n = 2 + pick(0, 7);
            let edges: Vec<(u32, u32)> = (0..u64::from(pick(1, 10)))
                .map(|at| (pick(2 + 2 * at, u64::from(n)), pick(3 + 2 * at, u64::from(n))))
                .filter(|(a, b)| a != b)
                .collect();
            let parts = |skip: Option<usize>| {
                let mut groups = UnionFind::new(n as usize);
                let kept = edges.iter().enumerate().filter(|(at, _)| Some(*at) != skip);
                kept.for_each(|(_, &(a, b))| groups.join(a, b));
                (0..n).filter(|&node| groups.find(node) == node).count()
            };
            let slow = (0..edges.len()).filter(|&at| parts(Some(at)) > parts(None)).count();
            let nodes: Vec<u32> = (0..n).collect();
            assert_eq!(bridges(&nodes, &edges), slow, "case {case}");
        }
    }
}
