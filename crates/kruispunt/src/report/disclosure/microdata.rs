//! Tables from rows of persons, with what the rules need to know.

use super::{DisclosureError, Tabulated};
use crate::data::{Column, Table};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// Rows of persons, to be counted by variables: makes a table with totals, distinct persons and
/// the largest contributions, ready for [`Disclosure::protect`](super::Disclosure::protect).
///
/// The table has a row for each combination of labels that occurs, `total` included, and the
/// columns `n` (distinct persons where [`person`](Self::person) names them, rows otherwise) and
/// one for each share, sum and mean.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::report::Microdata;
/// let rows = Table::new([
///     ("origin", Column::text([Some("EU"), Some("EU"), Some("other")])),
///     ("wage", Column::float(vec![100.0, 140.0, 90.0])),
/// ])?;
/// let table = Microdata::new(["origin"]).mean("wage").table(&rows)?;
/// assert_eq!(table.get("n").and_then(|n| n.label(2)), Some("3".to_owned()));
/// assert_eq!(table.get("wage").and_then(|wage| wage.label(0)), Some("120".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Microdata {
    by: Vec<String>,
    person: Option<String>,
    shares: Vec<String>,
    sums: Vec<String>,
    means: Vec<String>,
    largest: usize,
    totals: bool,
}

/// One cell while it is counted.
#[derive(Default)]
struct Group {
    people: FxHashSet<u32>,
    /// By column: the sum, the rows that have it, and what each person contributes.
    sums: Vec<(f64, u64, FxHashMap<u32, f64>)>,
}

/// The labels of each variable and, for each variable, the code of each row.
type Coded = (Vec<Vec<String>>, Vec<Vec<u32>>);

impl Group {
    fn new(columns: usize) -> Self {
        let mut group = Self::default();
        group.sums.resize_with(columns, Default::default);
        group
    }

    fn add(&mut self, other: &Self) {
        self.people.extend(&other.people);
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            sum.0 += more.0;
            sum.1 += more.1;
            for (person, value) in &more.2 {
                *sum.2.entry(*person).or_default() += value;
            }
        }
    }
}

impl Microdata {
    /// Rows counted by the variables `by`, with totals.
    pub fn new<S: Into<String>>(by: impl IntoIterator<Item = S>) -> Self {
        let by = by.into_iter().map(Into::into).collect();
        Self { by, largest: 2, totals: true, ..Self::default() }
    }

    /// The column that names the person of a row; by default each row is a person.
    pub fn person(mut self, column: impl Into<String>) -> Self {
        self.person = Some(column.into());
        self
    }

    /// A column of truth values, or of 0 and 1, whose share is shown.
    pub fn share(mut self, column: impl Into<String>) -> Self {
        self.shares.push(column.into());
        self
    }

    /// A column whose sum is shown.
    pub fn sum(mut self, column: impl Into<String>) -> Self {
        self.sums.push(column.into());
        self
    }

    /// A column whose mean is shown.
    pub fn mean(mut self, column: impl Into<String>) -> Self {
        self.means.push(column.into());
        self
    }

    /// How many of the largest contributions are kept (default 2).
    pub fn largest(mut self, contributions: usize) -> Self {
        self.largest = contributions;
        self
    }

    /// Whether totals are made (default yes); never where one person stands in several cells.
    pub fn totals(mut self, totals: bool) -> Self {
        self.totals = totals;
        self
    }

    fn measures(&self) -> impl Iterator<Item = &String> {
        self.shares.iter().chain(&self.sums).chain(&self.means)
    }

    /// The names of the columns with the largest contributions to `column`.
    fn inner(&self, column: &str) -> Vec<String> {
        (1..=self.largest).map(|at| format!("{column} (largest {at})")).collect()
    }

    /// The table.
    ///
    /// # Errors
    ///
    /// [`DisclosureError`]: a column that is not there or holds no numbers, or no column in `by`.
    pub fn table(&self, rows: &Table) -> Result<Table, DisclosureError> {
        let (labels, codes) = self.coded(rows)?;
        let people: Vec<u32> = match &self.person {
            Some(name) => {
                let (own, _) = rows.column("person", name)?.ranks();
                own.iter().map(|code| code.unwrap_or(u32::MAX)).collect()
            }
            None => (0..rows.n_rows() as u32).collect(),
        };
        let mut values = Vec::new();
        for name in self.measures() {
            let own = rows.column("values", name)?.to_floats("values", name)?;
            if let Some(row) = own.iter().position(|value| value.is_infinite()) {
                let (argument, column) = ("values", name.clone());
                let expected = "a finite number";
                return Err(DisclosureError::BadCell { argument, column, row, expected });
            }
            values.push(own);
        }
        // A person in two cells is two parts of no total.
        let mut own_cell: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut moves = vec![false; self.by.len()];
        for row in 0..rows.n_rows() {
            let here: Vec<u32> = codes.iter().map(|own| own[row]).collect();
            let first = own_cell.entry(people[row]).or_insert_with(|| here.clone());
            for (at, moves) in moves.iter_mut().enumerate() {
                *moves |= first[at] != here[at];
            }
        }
        let total: Vec<bool> = moves.iter().map(|moves| self.totals && !moves).collect();
        // one pass for the inner cells, whose sums are those of all totals
        let mut inner: BTreeMap<Vec<u32>, Group> = BTreeMap::new();
        let mut places: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let mut counted: Vec<Group> = Vec::new();
        let mut key = vec![0; self.by.len()];
        for row in 0..rows.n_rows() {
            key.iter_mut().zip(&codes).for_each(|(key, own)| *key = own[row]);
            let at = if let Some(&at) = places.get(&key) {
                at
            } else {
                places.insert(key.clone(), counted.len());
                counted.push(Group::new(values.len()));
                counted.len() - 1
            };
            let group = &mut counted[at];
            group.people.insert(people[row]);
            for (sum, own) in group.sums.iter_mut().zip(&values) {
                if !own[row].is_nan() {
                    sum.0 += own[row];
                    sum.1 += 1;
                    *sum.2.entry(people[row]).or_default() += own[row];
                }
            }
        }
        for (key, at) in places {
            inner.insert(key, std::mem::take(&mut counted[at]));
        }
        let mut groups: BTreeMap<Vec<u32>, Group> = BTreeMap::new();
        for subset in 1_u32..1 << self.by.len().min(16) {
            if (0..self.by.len()).any(|at| subset >> at & 1 == 1 && !total[at]) {
                continue;
            }
            for (codes, group) in &inner {
                let key = codes
                    .iter()
                    .enumerate()
                    .map(|(at, code)| match subset >> at & 1 {
                        1 => labels[at].len() as u32 - 1,
                        _ => *code,
                    })
                    .collect();
                groups.entry(key).or_insert_with(|| Group::new(values.len())).add(group);
            }
        }
        groups.append(&mut inner);
        self.columns(&labels, &groups)
    }

    /// The labels of each variable, with "(missing)" and "total" last, and the code of each row.
    fn coded(&self, rows: &Table) -> Result<Coded, DisclosureError> {
        let (mut labels, mut codes) = (Vec::new(), Vec::new());
        for name in &self.by {
            let column = rows.column("by", name)?;
            let (own, first) = column.ranks();
            let mut texts: Vec<String> =
                first.iter().map(|&row| column.label(row as usize).unwrap_or_default()).collect();
            let missing = texts.len() as u32;
            texts.push("(missing)".to_owned());
            texts.push("total".to_owned());
            labels.push(texts);
            codes.push(own.iter().map(|code| code.unwrap_or(missing)).collect());
        }
        Ok((labels, codes))
    }

    fn columns(
        &self,
        labels: &[Vec<String>],
        groups: &BTreeMap<Vec<u32>, Group>,
    ) -> Result<Table, DisclosureError> {
        let mut table = Table::default();
        for (at, name) in self.by.iter().enumerate() {
            let own = groups.keys().map(|key| Some(labels[at][key[at] as usize].as_str()));
            table.push(name.clone(), Column::text(own))?;
        }
        table
            .push("n", Column::int(groups.values().map(|own| own.people.len() as i64).collect()))?;
        for (at, name) in self.measures().enumerate() {
            let summed = (self.shares.len()..self.shares.len() + self.sums.len()).contains(&at);
            let own = groups.values().map(|group| {
                let (sum, rows, _) = &group.sums[at];
                if summed { Some(*sum) } else { (*rows > 0).then(|| sum / *rows as f64) }
            });
            table.push(name.clone(), Column::floats(&own.collect::<Vec<_>>()))?;
        }
        for (at, name) in self.measures().enumerate().skip(self.shares.len()) {
            let sorted: Vec<Vec<f64>> = groups
                .values()
                .map(|group| {
                    let mut own: Vec<f64> = group.sums[at].2.values().copied().collect();
                    own.sort_by(|a, b| b.total_cmp(a));
                    own
                })
                .collect();
            for (place, column) in self.inner(name).into_iter().enumerate() {
                let own = sorted.iter().map(|own| own.get(place).copied().unwrap_or(0.0));
                table.push(column, Column::float(own.collect()))?;
            }
        }
        Ok(table)
    }

    /// The table that [`table`](Self::table) made, with the roles of its columns.
    pub fn tabulated<'a>(&self, table: &'a Table) -> Tabulated<'a> {
        let mut asked = Tabulated::new(table, self.by.clone(), "n");
        for name in &self.shares {
            asked = asked.share(name.clone());
        }
        for name in &self.sums {
            let inner = self.inner(name);
            asked = asked.sum(name.clone(), &inner.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for name in &self.means {
            let inner = self.inner(name);
            asked = asked.mean(name.clone(), &inner.iter().map(String::as_str).collect::<Vec<_>>());
        }
        asked
    }
}
