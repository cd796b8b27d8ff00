//! Links beside the truth.

use super::LinkageError;
use super::links::Groups;
use crate::data::{Column, Links, Table};
use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Which rows are one person, as far as it is known.
///
/// ```
/// use kruispunt::data::Column;
/// use kruispunt::linkage::Truth;
/// let truth = Truth::persons(&Column::int(vec![7, 8, 9]), &Column::int(vec![9, 7]));
/// assert_eq!(truth.matches(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Truth {
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    within: bool,
}

impl Truth {
    /// Rows with equal values in the two columns are one person; rows without a value match
    /// nobody.
    #[must_use]
    pub fn persons(left: &Column, right: &Column) -> Self {
        let mut known: FxHashMap<String, u32> = FxHashMap::default();
        let mut codes = |column: &Column| {
            (0..column.len())
                .map(|row| {
                    let label = column.label(row)?;
                    let next = known.len() as u32;
                    Some(*known.entry(label).or_insert(next))
                })
                .collect()
        };
        let left = codes(left);
        Self { left, right: codes(right), within: false }
    }

    /// The persons of one table against itself.
    #[must_use]
    pub fn within(persons: &Column) -> Self {
        Self { within: true, ..Self::persons(persons, persons) }
    }

    /// The true pairs of rows; rows joined over several pairs are one person.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] for a row that does not exist.
    pub fn pairs(
        pairs: &[(usize, usize)],
        n_left: usize,
        n_right: usize,
        within: bool,
    ) -> Result<Self, LinkageError> {
        let offset = if within { 0 } else { n_left };
        let n = if within { n_left } else { n_left + n_right };
        let mut groups = UnionFind::new(n);
        for &(left, right) in pairs {
            for (got, n) in [(left, n_left), (right, if within { n_left } else { n_right })] {
                if got >= n {
                    return Err(LinkageError::OutOfRange { argument: "truth", got, n });
                }
            }
            groups.join(left as u32, (right + offset) as u32);
        }
        let all: Vec<Option<u32>> = (0..n as u32).map(|node| Some(groups.find(node))).collect();
        let right = if within { all.clone() } else { all[n_left..].to_vec() };
        Ok(Self { left: all[..n_left].to_vec(), right, within })
    }

    /// How many pairs of rows are one person.
    #[must_use]
    pub fn matches(&self) -> u64 {
        self.per_left().iter().sum()
    }

    /// True pairs of each left row; within one table, those with later rows.
    fn per_left(&self) -> Vec<u64> {
        let mut rest: FxHashMap<u32, u64> = FxHashMap::default();
        for person in self.right.iter().flatten() {
            *rest.entry(*person).or_insert(0) += 1;
        }
        let mut take = |person: &Option<u32>| {
            let Some(count) = person.and_then(|person| rest.get_mut(&person)) else { return 0 };
            if self.within {
                *count -= 1;
            }
            *count
        };
        self.left.iter().map(&mut take).collect()
    }

    fn check(&self, links: &Links) -> Result<(), LinkageError> {
        for (got, n) in [(self.left.len(), links.n_left()), (self.right.len(), links.n_right())] {
            if got != n {
                return Err(LinkageError::OutOfRange { argument: "truth", got, n });
            }
        }
        Ok(())
    }

    fn holds(&self, left: u32, right: u32) -> bool {
        let person = self.left[left as usize];
        person.is_some() && person == self.right[right as usize]
    }

    /// Right links and true pairs by group of left rows.
    pub(super) fn count(
        &self,
        links: &Links,
        groups: &Groups,
    ) -> Result<(Vec<u64>, Vec<u64>), LinkageError> {
        self.check(links)?;
        let (mut right, mut all) = (vec![0; groups.len()], vec![0; groups.len()]);
        for (&l, &r) in links.left_rows().iter().zip(links.right_rows()) {
            right[groups.of[l as usize]] += u64::from(self.holds(l, r));
        }
        for (row, count) in self.per_left().into_iter().enumerate() {
            all[groups.of[row]] += count;
        }
        Ok((right, all))
    }
}

impl Links {
    /// Precision, recall and F1 against the truth, by group of left rows.
    ///
    /// Columns: `group`, `links`, `matches`, `correct`, `precision`, `precision_low`,
    /// `precision_high`, `recall`, `recall_low`, `recall_high`, `f1`, `f1_low`, `f1_high`,
    /// `b3_precision`, `b3_recall` and `b3_f1`. Intervals are Wilson's at 95 percent, links and
    /// matches taken as independent; that of F1 follows from the share `F1 / (2 - F1)` of correct
    /// links among all links and matches. B3 (Bagga & Baldwin 1998) compares clusters row by row, over the left rows of
    /// the group and, without `by`, over the right rows too.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` or `by` has another length than the tables.
    pub fn evaluate(&self, truth: &Truth, by: Option<&Column>) -> Result<Table, LinkageError> {
        let groups = Groups::new(by, self.n_left())?;
        let (correct, matches) = truth.count(self, &groups)?;
        let mut links = vec![0_u64; groups.len()];
        for &left in self.left_rows() {
            links[groups.of[left as usize]] += 1;
        }
        let b3 = b3(self, truth, &groups, by.is_none());
        let each = |with: &dyn Fn(usize) -> Option<f64>| {
            Column::floats(&(0..groups.len()).map(with).collect::<Vec<_>>())
        };
        let whole = |counts: &[u64]| Column::int(counts.iter().map(|&n| n as i64).collect());
        let share = |a: u64, b: u64| (b > 0).then(|| a as f64 / b as f64);
        let harmonic = |a: Option<f64>, b: Option<f64>| {
            a.zip(b).map(|(a, b)| if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 })
        };
        let (c, l, t) = (&correct, &links, &matches);
        Ok(Table::new([
            ("group", groups.column()),
            ("links", whole(l)),
            ("matches", whole(t)),
            ("correct", whole(c)),
            ("precision", each(&|g| share(c[g], l[g]))),
            ("precision_low", each(&|g| wilson(c[g], l[g]).map(|w| w[0]))),
            ("precision_high", each(&|g| wilson(c[g], l[g]).map(|w| w[1]))),
            ("recall", each(&|g| share(c[g], t[g]))),
            ("recall_low", each(&|g| wilson(c[g], t[g]).map(|w| w[0]))),
            ("recall_high", each(&|g| wilson(c[g], t[g]).map(|w| w[1]))),
            ("f1", each(&|g| share(2 * c[g], l[g] + t[g]))),
            ("f1_low", each(&|g| f1_bounds(c[g], l[g] + t[g]).map(|w| w[0]))),
            ("f1_high", each(&|g| f1_bounds(c[g], l[g] + t[g]).map(|w| w[1]))),
            ("b3_precision", each(&|g| b3[g].map(|b| b[0]))),
            ("b3_recall", each(&|g| b3[g].map(|b| b[1]))),
            ("b3_f1", each(&|g| harmonic(b3[g].map(|b| b[0]), b3[g].map(|b| b[1])))),
        ])?)
    }
}

/// Wilson's interval of a share at 95 percent (Wilson 1927, *JASA* 22:209).
fn wilson(part: u64, whole: u64) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_963_984_540_054;
    if whole == 0 {
        return None;
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some([(middle - half).max(0.0), (middle + half).min(1.0)])
}

/// Interval of F1, which is `2 J / (1 + J)` of the share `J` of what links and matches have in
/// common.
fn f1_bounds(correct: u64, both: u64) -> Option<[f64; 2]> {
    wilson(correct, both - correct).map(|bounds| bounds.map(|j| 2.0 * j / (1.0 + j)))
}

/// Mean over rows of how much of a row's cluster is right, and how much of its person is found.
fn b3(links: &Links, truth: &Truth, groups: &Groups, whole: bool) -> Vec<Option<[f64; 2]>> {
    let within = links.is_within();
    let n = links.n_left();
    let total = if within { n } else { n + links.n_right() };
    let mut found = UnionFind::new(total);
    let offset = if within { 0 } else { n as u32 };
    for (&left, &right) in links.left_rows().iter().zip(links.right_rows()) {
        found.join(left, right + offset);
    }
    let person = |node: usize| {
        let person = if node < n { truth.left[node] } else { truth.right[node - n] };
        // A row without a person is a person of its own.
        person.map_or((1, node as u32), |person| (0, person))
    };
    let clusters: Vec<u32> = (0..total as u32).map(|node| found.find(node)).collect();
    let in_cluster = tally((0..total).map(|node| clusters[node]));
    let of_person = tally((0..total).map(person));
    let both = tally((0..total).map(|node| (clusters[node], person(node))));
    let mut sums = vec![([0.0; 2], 0_u64); groups.len()];
    for node in 0..if whole { total } else { n } {
        let group = if node < n { groups.of[node] } else { 0 };
        let right = both[&(clusters[node], person(node))] as f64;
        let (sum, count) = &mut sums[group];
        sum[0] += right / in_cluster[&clusters[node]] as f64;
        sum[1] += right / of_person[&person(node)] as f64;
        *count += 1;
    }
    sums.into_iter()
        .map(|(sum, count)| (count > 0).then(|| sum.map(|sum| sum / count as f64)))
        .collect()
}

fn tally<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> FxHashMap<K, u64> {
    let mut counts = FxHashMap::default();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Account;
    use rustc_hash::FxHashSet;

    #[test]
    fn wilson_gives_the_textbook_interval() {
        // Closed form at p = 1/2, n = 4: 1/2 -+ z / (2 sqrt(n + z^2)).
        let z: f64 = 1.959_963_984_540_054;
        let half = z / (2.0 * (4.0 + z * z).sqrt());
        let [low, high] = wilson(2, 4).unwrap();
        assert!((low - (0.5 - half)).abs() < 1e-12 && (high - (0.5 + half)).abs() < 1e-12);
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(5, 5).unwrap()[1], 1.0);
    }

    /// Bagga and Baldwin's own example: three persons of 5, 2 and 5 rows, answered as 5 and 7.
    #[test]
    fn b3_gives_the_published_example() {
        let persons: Vec<i64> = [vec![1; 5], vec![2; 2], vec![3; 5]].concat();
        let links: FxHashSet<(u32, u32)> = (0..4).chain(5..11).map(|row| (row, row + 1)).collect();
        let links =
            Links::certain(links.into_iter().collect(), 12, 12, Account::default()).within();
        let truth = Truth::within(&Column::int(persons));
        let table = links.evaluate(&truth, None).unwrap();
        let get = |name: &str| table.get(name).unwrap().to_floats("", "").unwrap()[0];
        let precision = (5.0 + 2.0 * 2.0 / 7.0 + 5.0 * 5.0 / 7.0) / 12.0;
        assert!((get("b3_precision") - precision).abs() < 1e-12);
        assert!((get("b3_recall") - 1.0).abs() < 1e-12);
        assert_eq!(truth.matches(), 10 + 1 + 10);
        assert_eq!((get("links"), get("correct")), (10.0, 9.0));
    }
}
