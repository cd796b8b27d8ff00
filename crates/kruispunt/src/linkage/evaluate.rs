//! Links beside the truth.

use super::LinkageError;
use super::links::Groups;
use super::quality::{b3, wilson};
use crate::data::{Column, Links, Table};
use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;

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

    pub(super) fn check(&self, links: &Links) -> Result<(), LinkageError> {
        for (got, n) in [(self.left.len(), links.n_left()), (self.right.len(), links.n_right())] {
            if got != n {
                return Err(LinkageError::OutOfRange { argument: "truth", got, n });
            }
        }
        Ok(())
    }

    pub(super) fn holds(&self, left: u32, right: u32) -> bool {
        let person = self.left[left as usize];
        person.is_some() && person == self.right[right as usize]
    }

    /// The person of every row, left rows first (rows of one table once); a row without a person is
    /// a person of its own.
    pub(super) fn persons_of(&self, n: usize) -> Vec<u32> {
        let known = self.left.iter().chain(if self.within { [].iter() } else { self.right.iter() });
        let most = self.left.iter().chain(&self.right).flatten().max().map_or(0, |&most| most + 1);
        known.take(n).zip(0_u32..).map(|(person, row)| person.unwrap_or(most + row)).collect()
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
    /// `b3_precision`, `b3_recall` and `b3_f1` (with `_low` and `_high`). Intervals are Wilson's at
    /// 95 percent, links and matches taken as independent; that of F1 follows from the share `F1 / (2 - F1)` of correct
    /// links among all links and matches. B3 (Bagga & Baldwin 1998) compares clusters row by row, over the left rows of
    /// the group and, without `by`, over the right rows too; its intervals know which rows hang
    /// together, see [`cluster_measures`](Self::cluster_measures).
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
        let b3 = b3(self, truth, &groups, by.is_none())?;
        let each = |with: &dyn Fn(usize) -> Option<f64>| {
            Column::floats(&(0..groups.len()).map(with).collect::<Vec<_>>())
        };
        let whole = |counts: &[u64]| Column::int(counts.iter().map(|&n| n as i64).collect());
        let share = |a: u64, b: u64| (b > 0).then(|| a as f64 / b as f64);
        let bound = |a: u64, b: u64, end: usize| wilson(a as f64, b as f64).map(|w| w[end]);
        let (c, l, t) = (&correct, &links, &matches);
        let mut table = Table::new([
            ("group", groups.column()),
            ("links", whole(l)),
            ("matches", whole(t)),
            ("correct", whole(c)),
            ("precision", each(&|g| share(c[g], l[g]))),
            ("precision_low", each(&|g| bound(c[g], l[g], 0))),
            ("precision_high", each(&|g| bound(c[g], l[g], 1))),
            ("recall", each(&|g| share(c[g], t[g]))),
            ("recall_low", each(&|g| bound(c[g], t[g], 0))),
            ("recall_high", each(&|g| bound(c[g], t[g], 1))),
            ("f1", each(&|g| share(2 * c[g], l[g] + t[g]))),
            ("f1_low", each(&|g| f1_bounds(c[g], l[g] + t[g]).map(|w| w[0]))),
            ("f1_high", each(&|g| f1_bounds(c[g], l[g] + t[g]).map(|w| w[1]))),
        ])?;
        for (at, name) in ["b3_precision", "b3_recall", "b3_f1"].into_iter().enumerate() {
            for (end, suffix) in ["", "_low", "_high"].into_iter().enumerate() {
                table.push(format!("{name}{suffix}"), each(&|g| b3[g][at][end]))?;
            }
        }
        Ok(table)
    }
}

/// Interval of F1, which is `2 J / (1 + J)` of the share `J` of what links and matches have in
/// common.
fn f1_bounds(correct: u64, both: u64) -> Option<[f64; 2]> {
    wilson(correct as f64, (both - correct) as f64)
        .map(|bounds| bounds.map(|j| 2.0 * j / (1.0 + j)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Account;
    use rustc_hash::FxHashSet;

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
