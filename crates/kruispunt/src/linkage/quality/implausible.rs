//! Links that cannot be right, whatever their weight.

use super::interval::wilson;
use crate::data::{Column, Day, Links, Seed, Table, Values};
use crate::linkage::LinkageError;
use crate::linkage::links::Groups;
use rustc_hash::FxHashMap;

/// Random pairs of rows by which chance is told.
const DRAWS: u64 = 200_000;

/// Something that should not happen to the two rows of a link.
///
/// A right link is never implausible but for an error in the register, so that the share of
/// implausible links is about the least share of wrong ones (Harron, Doidge & Goldstein 2020).
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Same { left: String, right: String },
    Ordered { left: String, right: String, before: bool },
    Near { left: String, right: String, at_most: f64 },
    Crowded { at_most: u32 },
    Flagged(Column),
}

impl Check {
    /// The two values should be the same; case and surrounding space do not count.
    #[must_use]
    pub fn same(name: &str, left: &str, right: &str) -> Self {
        let (left, right) = (left.to_owned(), right.to_owned());
        Self { name: name.to_owned(), kind: Kind::Same { left, right } }
    }

    /// The left value should not be after the right one; with `before` false, not before it.
    #[must_use]
    pub fn ordered(name: &str, left: &str, right: &str, before: bool) -> Self {
        let (left, right) = (left.to_owned(), right.to_owned());
        Self { name: name.to_owned(), kind: Kind::Ordered { left, right, before } }
    }

    /// The two numbers (or dates, in days) should not be further apart than `at_most`.
    #[must_use]
    pub fn near(name: &str, left: &str, right: &str, at_most: f64) -> Self {
        let (left, right) = (left.to_owned(), right.to_owned());
        Self { name: name.to_owned(), kind: Kind::Near { left, right, at_most } }
    }

    /// A right row should not have more than `at_most` left rows.
    #[must_use]
    pub fn crowded(name: &str, at_most: u32) -> Self {
        Self { name: name.to_owned(), kind: Kind::Crowded { at_most } }
    }

    /// Links that the caller found implausible: one truth value for each link, null where it
    /// cannot be told.
    #[must_use]
    pub fn flagged(name: &str, values: Column) -> Self {
        Self { name: name.to_owned(), kind: Kind::Flagged(values) }
    }
}

/// What two rows say: implausible or not, `None` where a value is missing.
type Verdict<'a> = Box<dyn Fn(u32, u32) -> Option<bool> + 'a>;

impl Links {
    /// How many links are implausible, by check and group of left rows: `check`, `group`, `links`
    /// (those with all values), `implausible`, `share` with Wilson's interval at 95 percent (`low`,
    /// `high`), `by_chance` (the share among random pairs of linked rows, 200,000 drawn with a fixed
    /// seed; null for `crowded` and `flagged`) and `wrong_if_random`, `share / by_chance`: the share
    /// of wrong links if wrong links were like random pairs and right ones never implausible. Wrong
    /// links agree on more than random pairs, so that it is a lower bound too, a sharper one.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OtherTable`] when a table has other rows, [`LinkageError::Data`] when a column
    /// is not there or not of its kind (text of which some is no whole date counts as missing there), [`LinkageError::OutOfRange`] for a column of flags or a `by`
    /// of another length.
    pub fn implausible(
        &self,
        (left, right): (&Table, &Table),
        checks: &[Check],
        by: Option<&Column>,
    ) -> Result<Table, LinkageError> {
        self.check_sides(left, right)?;
        let groups = Groups::new(by, self.n_left())?;
        let (mut names, mut of, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let mut chance = Vec::new();
        for check in checks {
            let verdicts = self.verdicts((left, right), check)?;
            let mut found = vec![(0_u64, 0_u64); groups.len()];
            for (&row, verdict) in self.left_rows().iter().zip(&verdicts) {
                if let Some(hit) = verdict {
                    let own = &mut found[groups.of[row as usize]];
                    own.0 += 1;
                    own.1 += u64::from(*hit);
                }
            }
            let random = self.by_chance((left, right), check, &groups)?;
            for (group, own) in found.into_iter().enumerate() {
                names.push(Some(check.name.as_str()));
                of.push(group);
                counts.push(own);
                chance.push(random[group]);
            }
        }
        let real = |with: &dyn Fn(usize) -> Option<f64>| {
            Column::floats(&(0..counts.len()).map(with).collect::<Vec<_>>())
        };
        let share = |at: usize| {
            let (n, hits) = counts[at];
            (n > 0).then(|| hits as f64 / n as f64)
        };
        let bound = |at: usize, end: usize| {
            wilson(counts[at].1 as f64, counts[at].0 as f64).map(|w| w[end])
        };
        let ratio = |at: usize| Some((share(at)? / chance[at].filter(|&p| p > 0.0)?).min(1.0));
        let labels = groups.labels();
        Ok(Table::new([
            ("check", Column::text(names)),
            ("group", Column::text(of.iter().map(|&at| labels[at].as_deref()))),
            ("links", Column::int(counts.iter().map(|own| own.0 as i64).collect())),
            ("implausible", Column::int(counts.iter().map(|own| own.1 as i64).collect())),
            ("share", real(&share)),
            ("low", real(&|at| bound(at, 0))),
            ("high", real(&|at| bound(at, 1))),
            ("by_chance", real(&|at| chance[at])),
            ("wrong_if_random", real(&ratio)),
        ])?)
    }

    /// The links that a check finds implausible: `link`, `left_row`, `right_row` and `probability`.
    ///
    /// # Errors
    ///
    /// As [`implausible`](Self::implausible).
    pub fn implausible_links(
        &self,
        (left, right): (&Table, &Table),
        check: &Check,
    ) -> Result<Table, LinkageError> {
        self.check_sides(left, right)?;
        let verdicts = self.verdicts((left, right), check)?;
        let found: Vec<usize> = (0..self.len()).filter(|&at| verdicts[at] == Some(true)).collect();
        let rows =
            |rows: &[u32]| Column::int(found.iter().map(|&at| i64::from(rows[at])).collect());
        let sure: Vec<f64> = found.iter().map(|&at| self.probabilities()[at]).collect();
        Ok(Table::new([
            ("link", Column::int(found.iter().map(|&at| at as i64).collect())),
            ("left_row", rows(self.left_rows())),
            ("right_row", rows(self.right_rows())),
            ("probability", Column::float(sure)),
        ])?)
    }

    fn check_sides(&self, left: &Table, right: &Table) -> Result<(), LinkageError> {
        let sides = [("left", left, self.n_left()), ("right", right, self.n_right())];
        for (argument, table, expected) in sides {
            // A table of which no column is read has no rows to speak of.
            if table.n_rows() != expected && table.n_columns() > 0 {
                let got = table.n_rows();
                return Err(LinkageError::OtherTable { argument, expected, got });
            }
        }
        Ok(())
    }

    /// The verdict of each link.
    fn verdicts(
        &self,
        sides: (&Table, &Table),
        check: &Check,
    ) -> Result<Vec<Option<bool>>, LinkageError> {
        match &check.kind {
            Kind::Crowded { at_most } => {
                let mut count = vec![0_u32; self.n_right()];
                self.right_rows().iter().for_each(|&row| count[row as usize] += 1);
                let each = self.right_rows().iter();
                Ok(each.map(|&row| Some(count[row as usize] > *at_most)).collect())
            }
            Kind::Flagged(values) => {
                if values.len() != self.len() {
                    let (got, n) = (values.len(), self.len());
                    return Err(LinkageError::OutOfRange { argument: "flagged", got, n });
                }
                let flags = values.to_floats("checks", &check.name)?;
                Ok(flags.iter().map(|flag| (!flag.is_nan()).then_some(*flag != 0.0)).collect())
            }
            kind => {
                let verdict = of_rows(kind, sides)?;
                let each = self.left_rows().iter().zip(self.right_rows());
                Ok(each.map(|(&left, &right)| verdict(left, right)).collect())
            }
        }
    }

    /// Share of random pairs of linked rows that are implausible, by group.
    fn by_chance(
        &self,
        sides: (&Table, &Table),
        check: &Check,
        groups: &Groups,
    ) -> Result<Vec<Option<f64>>, LinkageError> {
        if matches!(check.kind, Kind::Crowded { .. } | Kind::Flagged(_)) || self.is_empty() {
            return Ok(vec![None; groups.len()]);
        }
        let verdict = of_rows(&check.kind, sides)?;
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); groups.len()];
        self.left_rows().iter().for_each(|&row| members[groups.of[row as usize]].push(row));
        let seed = Seed::new(9);
        let share = |(group, rows): (usize, &Vec<u32>)| {
            let (mut n, mut hits) = (0_u64, 0_u64);
            for at in 0..if rows.is_empty() { 0 } else { DRAWS } {
                let left = seed.below([at, group as u64, 0], rows.len() as u64);
                let right = seed.below([at, group as u64, 1], self.len() as u64);
                let right = self.right_rows()[right as usize];
                if let Some(hit) = verdict(rows[left as usize], right) {
                    n += 1;
                    hits += u64::from(hit);
                }
            }
            (n > 0).then(|| hits as f64 / n as f64)
        };
        Ok(members.iter().enumerate().map(share).collect())
    }
}

fn of_rows<'a>(kind: &Kind, (left, right): (&Table, &Table)) -> Result<Verdict<'a>, LinkageError> {
    let pair = |a: &str, b: &str| -> Result<(Vec<f64>, Vec<f64>), LinkageError> {
        let numbers = |argument: &str, table: &Table, name: &str| {
            numbers(argument, name, table.column(argument, name)?)
        };
        Ok((numbers("left", left, a)?, numbers("right", right, b)?))
    };
    match kind {
        Kind::Same { left: a, right: b } => {
            let mut known: FxHashMap<String, u32> = FxHashMap::default();
            let mut codes = |column: &Column| -> Vec<Option<u32>> {
                let of = |row: usize| {
                    let label = column.label(row)?.trim().to_lowercase();
                    let next = known.len() as u32;
                    (!label.is_empty()).then(|| *known.entry(label).or_insert(next))
                };
                (0..column.len()).map(of).collect()
            };
            let (a, b) = (codes(left.column("left", a)?), codes(right.column("right", b)?));
            Ok(Box::new(move |l, r| Some(a[l as usize]? != b[r as usize]?)))
        }
        Kind::Ordered { left: a, right: b, before } => {
            let ((a, b), before) = (pair(a, b)?, *before);
            Ok(Box::new(move |l, r| {
                let (a, b) = (a[l as usize], b[r as usize]);
                (!a.is_nan() && !b.is_nan()).then_some(if before { a > b } else { a < b })
            }))
        }
        Kind::Near { left: a, right: b, at_most } => {
            let ((a, b), at_most) = (pair(a, b)?, *at_most);
            Ok(Box::new(move |l, r| {
                let apart = (a[l as usize] - b[r as usize]).abs();
                (!apart.is_nan()).then_some(apart > at_most)
            }))
        }
        Kind::Crowded { .. } | Kind::Flagged(_) => Ok(Box::new(|_, _| None)),
    }
}

/// Numbers, or dates (also as text) as days; NaN where null and where a text is no whole date (an
/// unknown day). A column of text without any date is an error.
fn numbers(argument: &str, name: &str, column: &Column) -> Result<Vec<f64>, LinkageError> {
    let day = |day: Option<Day>| day.map_or(f64::NAN, |day| f64::from(day.0));
    match column.values() {
        Values::Text(_) => {
            let read = |row: usize| column.label(row).and_then(|label| Day::parse(&label));
            let days: Vec<f64> = (0..column.len()).map(|row| day(read(row))).collect();
            if days.iter().all(|own| own.is_nan()) && column.count_nulls() < column.len() {
                column.to_days(argument, name)?;
            }
            Ok(days)
        }
        Values::Date(_) => Ok(column.to_days(argument, name)?.into_iter().map(day).collect()),
        _ => Ok(column.to_floats(argument, name)?),
    }
}
