//! Clusters that keep their names.

use super::links::{Grouping, joined_with};
use super::{LinkageError, links};
use crate::data::{Column, Links, Table};
use rustc_hash::FxHashMap;

impl Links {
    /// Clusters of the rows of one table that keep the ids of an earlier run.
    ///
    /// `previous` has the id of each row in the earlier run, null for a row that was not there.
    /// With `keep`, rows of one earlier cluster stay together, as they must when old rows were not
    /// compared again; without it the links of today alone decide. An earlier id goes to the
    /// cluster that holds most of its rows (the one with the smallest row of several); a cluster
    /// that would get several takes that of most rows, then the smallest, and the others end. A
    /// cluster without one gets a new id above all earlier ones.
    ///
    /// Columns: `row`, `cluster` and `previous`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `previous` has another length than the table,
    /// [`LinkageError::Data`] when it holds no whole numbers, [`LinkageError::TwoTables`] for links
    /// of two tables.
    pub fn clusters_since(
        &self,
        previous: &Column,
        keep: bool,
        grouping: Grouping,
    ) -> Result<Table, LinkageError> {
        if !self.is_within() {
            return Err(LinkageError::TwoTables);
        }
        let n = self.n_left();
        if previous.len() != n {
            return Err(LinkageError::OutOfRange { argument: "previous", got: previous.len(), n });
        }
        let before = whole(previous)?;
        let mut first: FxHashMap<i64, u32> = FxHashMap::default();
        let mut together = Vec::new();
        for (row, id) in (0_u32..).zip(&before) {
            if let Some(id) = id {
                let root = *first.entry(*id).or_insert(row);
                if keep && root != row {
                    together.push((root, row));
                }
            }
        }
        let group = joined_with(&links::grouped(self, grouping), &together);
        // Rows that each earlier id has in each cluster.
        let mut shared: FxHashMap<(i64, u32), (u32, u32)> = FxHashMap::default();
        for ((row, id), &own) in (0_u32..).zip(&before).zip(&group) {
            if let Some(id) = id {
                let (count, first) = shared.entry((*id, own)).or_insert((0, row));
                *count += 1;
                *first = (*first).min(row);
            }
        }
        let mut heirs: Vec<(i64, u32, u32, u32)> =
            shared.into_iter().map(|((id, own), (count, first))| (id, own, count, first)).collect();
        // The heir of each id, then the id of each heir.
        heirs.sort_unstable_by_key(|&(id, _, count, first)| (id, u32::MAX - count, first));
        heirs.dedup_by_key(|heir| heir.0);
        heirs.sort_unstable_by_key(|&(id, own, count, _)| (own, u32::MAX - count, id));
        heirs.dedup_by_key(|heir| heir.1);
        let mut ids: FxHashMap<u32, i64> = heirs.iter().map(|heir| (heir.1, heir.0)).collect();
        let mut next =
            before.iter().flatten().copied().max().map_or(0, |most| most.saturating_add(1));
        let cluster: Vec<i64> = group
            .iter()
            .map(|own| {
                *ids.entry(*own).or_insert_with(|| {
                    next = next.saturating_add(1);
                    next - 1
                })
            })
            .collect();
        Ok(Table::new([
            ("row", Column::int((0..n as i64).collect())),
            ("cluster", Column::int(cluster)),
            ("previous", Column::ints(&before)),
        ])?)
    }
}

/// Whole numbers of a column; other types are refused by name.
fn whole(column: &Column) -> Result<Vec<Option<i64>>, LinkageError> {
    let floats = column.to_floats("previous", "previous")?;
    floats
        .into_iter()
        .enumerate()
        .map(|(row, number)| {
            if column.is_null(row) {
                return Ok(None);
            }
            if number.fract() != 0.0 || number.abs() >= 9e15 {
                return Err(crate::data::DataError::BadCell {
                    argument: "previous".to_owned(),
                    column: "previous".to_owned(),
                    row,
                    expected: "a whole number, the id of an earlier cluster",
                }
                .into());
            }
            Ok(Some(number as i64))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Account;

    fn clusters(pairs: &[(u32, u32)], previous: &[Option<i64>], keep: bool) -> Vec<i64> {
        let n = previous.len();
        let links = Links::certain(pairs.to_vec(), n, n, Account::default()).within();
        let table = links.clusters_since(&Column::ints(previous), keep, Grouping::Connected);
        let column = table.unwrap().get("cluster").unwrap().clone();
        column.to_floats("", "").unwrap().into_iter().map(|id| id as i64).collect()
    }

    #[test]
    fn ids_stay_through_growth_merges_and_splits() {
        // Rows 0-1 were 7, 2 was 4; row 3 is new and joins 7, row 4 is alone.
        let before = [Some(7), Some(7), Some(4), None, None];
        assert_eq!(clusters(&[(1, 3)], &before, true), [7, 7, 4, 7, 8]);
        // The new row is both: the larger one's id stays, 4 ends.
        assert_eq!(clusters(&[(1, 3), (2, 3)], &before, true), [7, 7, 7, 7, 8]);
        // Equally large: the smaller id stays.
        assert_eq!(clusters(&[(0, 1)], &[Some(7), Some(4)], true), [4, 4]);
        // A split: most rows keep the id, the others get a new one.
        let before = [Some(3), Some(3), Some(3), Some(5)];
        assert_eq!(clusters(&[(1, 2)], &before, false), [6, 3, 3, 5]);
        assert_eq!(clusters(&[(1, 2)], &before, true), [3, 3, 3, 5]);
        // Again from its own answer: nothing moves.
        let again: Vec<Option<i64>> = [7, 7, 7, 7, 8].map(Some).to_vec();
        assert_eq!(clusters(&[(1, 3), (2, 3)], &again, true), [7, 7, 7, 7, 8]);
    }
}
