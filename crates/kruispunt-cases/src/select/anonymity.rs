//! What is printed of a case is shared by others.

use crate::CasesError;
use crate::groups::Coded;
use kruispunt::data::{Column, Table};
use rustc_hash::FxHashMap;

/// Columns that may be printed.
#[derive(Clone, Debug)]
pub struct Protected {
    /// Their names, in order.
    pub names: Vec<String>,
    /// What is left of them for the rows listed.
    pub columns: Vec<(String, Column)>,
    /// Candidates that share what is printed of each row.
    pub sizes: Vec<i64>,
    /// The smallest of these.
    pub smallest: i64,
    /// Cells emptied.
    pub emptied: usize,
}

/// More columns than this would make more subsets than can be tried.
const MOST: usize = 12;

/// Empties as few cells as possible so that at least `k` rows of `table` share what is left of
/// each of `rows`; among equally few, those columns that stand last.
pub(super) fn protect(
    table: &Table,
    names: &[String],
    rows: &[u32],
    k: usize,
) -> Result<Protected, CasesError> {
    if names.len() > MOST {
        let expected = format!("at most {MOST} columns, the group and the quotas included");
        return Err(CasesError::argument("printed", expected, names.len().to_string()));
    }
    if table.n_rows() < k {
        let available = table.n_rows();
        let place = "to hide each other among (`k`)".to_owned();
        return Err(CasesError::TooFew { wanted: k, available, place });
    }
    let coded = names
        .iter()
        .map(|name| Coded::named(table, "printed", name))
        .collect::<Result<Vec<_>, _>>()?;
    let subsets = subsets(names.len());
    let mut counted: FxHashMap<u32, FxHashMap<Vec<Option<u32>>, i64>> = FxHashMap::default();
    let (mut kept, mut sizes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for &row in rows {
        for &subset in &subsets {
            let classes = counted.entry(subset).or_insert_with(|| classes(table, &coded, subset));
            let size = classes.get(&key(&coded, subset, row as usize)).copied().unwrap_or_default();
            if size >= k as i64 || subset == 0 {
                kept.push(subset);
                sizes.push(if subset == 0 { table.n_rows() as i64 } else { size });
                break;
            }
        }
    }
    let mut emptied = 0;
    let mut columns = Vec::with_capacity(names.len());
    for (at, (name, coded)) in names.iter().zip(&coded).enumerate() {
        let labels: Vec<&str> = coded.labels.iter().map(String::as_str).collect();
        let codes: Vec<Option<u32>> = rows
            .iter()
            .zip(&kept)
            .map(|(&row, subset)| {
                let own = coded.codes[row as usize];
                emptied += usize::from(subset >> at & 1 == 0 && own.is_some());
                own.filter(|_| subset >> at & 1 == 1)
            })
            .collect();
        let text = codes.iter().map(|code| code.map(|code| labels[code as usize]));
        columns.push((name.clone(), Column::text(text)));
    }
    let smallest = sizes.iter().copied().min().unwrap_or_default();
    Ok(Protected { names: names.to_vec(), columns, sizes, smallest, emptied })
}

/// Sets of columns to keep as bits, the largest first, among equals those with first columns.
fn subsets(columns: usize) -> Vec<u32> {
    let mut all: Vec<u32> = (0..1_u32 << columns).collect();
    all.sort_by_key(|set| (std::cmp::Reverse(set.count_ones()), set.reverse_bits().wrapping_neg()));
    all
}

fn key(coded: &[Coded], subset: u32, row: usize) -> Vec<Option<u32>> {
    let kept = coded.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1);
    kept.map(|(_, coded)| coded.codes[row]).collect()
}

fn classes(table: &Table, coded: &[Coded], subset: u32) -> FxHashMap<Vec<Option<u32>>, i64> {
    let mut classes = FxHashMap::default();
    for row in 0..table.n_rows() {
        *classes.entry(key(coded, subset, row)).or_insert(0) += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_first_columns_longest() {
        assert_eq!(subsets(2), [0b11, 0b01, 0b10, 0b00]);
    }

    #[test]
    fn empties_as_few_cells_as_it_can() {
        let table = Table::new([
            ("origin", Column::text([Some("BE"), Some("BE"), Some("BE"), Some("MA"), Some("MA")])),
            ("sex", Column::text([Some("F"), Some("F"), Some("M"), Some("F"), Some("M")])),
        ])
        .expect("a table");
        let names = ["origin".to_owned(), "sex".to_owned()];
        let found = protect(&table, &names, &[0, 2, 3], 2).expect("protected");
        assert_eq!(found.sizes, [2, 3, 2]);
        assert_eq!(found.emptied, 2);
        let kept: Vec<Option<String>> = (0..3).map(|row| found.columns[1].1.label(row)).collect();
        assert_eq!(kept, [Some("F".to_owned()), None, None]);
    }
}
