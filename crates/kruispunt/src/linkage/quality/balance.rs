//! How rows that were linked differ from those that were not.

use super::interval::wilson;
use crate::data::{Column, Links, Table, Values};
use crate::linkage::LinkageError;
use crate::linkage::links::Groups;

/// Categories of a column that are shown one by one, the commonest first.
const LEVELS: usize = 30;

/// One line of the table: a mean or a share, linked against not linked.
struct Line {
    group: usize,
    column: String,
    level: Option<String>,
    /// Sums of the linked and the unlinked rows: rows, values, squares.
    sums: [[f64; 3]; 2],
    /// Where values are counted from: squares of what is far from 0 (dates) would lose their digits.
    origin: f64,
    /// Whether a value is 0 or 1, so that a share of it is linked.
    share: bool,
}

impl Line {
    fn mean(&self, side: usize) -> Option<f64> {
        let [n, sum, _] = self.sums[side];
        (n > 0.0).then(|| self.origin + sum / n)
    }

    fn variance(&self, side: usize) -> Option<f64> {
        let [n, sum, squares] = self.sums[side];
        if self.share {
            return self.mean(side).map(|p| p * (1.0 - p));
        }
        (n > 1.0).then(|| ((squares - sum * sum / n) / (n - 1.0)).max(0.0))
    }

    fn all(&self) -> Option<f64> {
        let [a, b] = self.sums;
        (a[0] + b[0] > 0.0).then(|| self.origin + (a[1] + b[1]) / (a[0] + b[0]))
    }

    fn difference(&self) -> Option<f64> {
        Some(self.mean(0)? - self.mean(1)?)
    }

    /// Difference over the root of the mean of the two variances; 0 where nothing differs.
    fn standardised(&self) -> Option<f64> {
        let difference = self.difference()?;
        if difference == 0.0 {
            return Some(0.0);
        }
        let spread = f64::midpoint(self.variance(0)?, self.variance(1)?).sqrt();
        (spread > 0.0).then(|| difference / spread)
    }

    /// Rows with the property that are linked, and all rows with it.
    fn linked(&self) -> Option<(f64, f64)> {
        let [a, b] = self.sums;
        (self.share && a[1] + b[1] > 0.0).then_some((a[1], a[1] + b[1]))
    }
}

impl Links {
    /// How the left rows that were linked differ from those that were not, for each column of
    /// `table` (which has the left rows): numbers by their mean, text and truth values by the share
    /// of each level, and the share that is missing where some are.
    ///
    /// Columns: `group`, `column`, `level` (null for a mean), `n_linked`, `n_unlinked` (rows with a
    /// value), `linked`, `unlinked`, `all` (means or shares), `difference`, `standardised` (the
    /// difference over the root of the mean of the two variances, Austin 2009), `selection` (linked
    /// minus all: what reading the linked rows as everybody does to the mean) and, for levels,
    /// `link_rate` with Wilson's interval at 95 percent.
    ///
    /// Differences say that the rows that were found are other rows than all; part of that may be
    /// right (who is in the left register and not in the right one cannot be found). Text with more
    /// than 30 levels shows the 30 commonest and `other`. Dates are days since 1970-01-01.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OtherTable`] when `table` has other rows, [`LinkageError::OutOfRange`] when
    /// `by` has, [`LinkageError::NotFinite`] for a number that is none.
    pub fn balance(&self, table: &Table, by: Option<&Column>) -> Result<Table, LinkageError> {
        if table.n_rows() != self.n_left() {
            let (argument, expected) = ("left", self.n_left());
            return Err(LinkageError::OtherTable { argument, expected, got: table.n_rows() });
        }
        let groups = Groups::new(by, self.n_left())?;
        let mut side = vec![1_usize; self.n_left()];
        self.left_rows().iter().for_each(|&row| side[row as usize] = 0);
        let mut lines = Vec::new();
        for (name, column) in table.names().iter().zip(table.columns()) {
            lines.extend(column_lines(name, column, &side, &groups)?);
        }
        lines.sort_by_key(|line| line.group);
        let real = |with: &dyn Fn(&Line) -> Option<f64>| {
            Column::floats(&lines.iter().map(with).collect::<Vec<_>>())
        };
        let rows =
            |side: usize| Column::int(lines.iter().map(|line| line.sums[side][0] as i64).collect());
        let bound = |line: &Line, at: usize| {
            line.linked().and_then(|(part, whole)| wilson(part, whole)).map(|w| w[at])
        };
        let labels = groups.labels();
        Ok(Table::new([
            ("group", Column::text(lines.iter().map(|line| labels[line.group].as_deref()))),
            ("column", Column::text(lines.iter().map(|line| Some(line.column.as_str())))),
            ("level", Column::text(lines.iter().map(|line| line.level.as_deref()))),
            ("n_linked", rows(0)),
            ("n_unlinked", rows(1)),
            ("linked", real(&|line| line.mean(0))),
            ("unlinked", real(&|line| line.mean(1))),
            ("all", real(&Line::all)),
            ("difference", real(&Line::difference)),
            ("standardised", real(&Line::standardised)),
            ("selection", real(&|line| Some(line.mean(0)? - line.all()?))),
            ("link_rate", real(&|line| line.linked().map(|(part, whole)| part / whole))),
            ("link_rate_low", real(&|line| bound(line, 0))),
            ("link_rate_high", real(&|line| bound(line, 1))),
        ])?)
    }
}

fn column_lines(
    name: &str,
    column: &Column,
    side: &[usize],
    groups: &Groups,
) -> Result<Vec<Line>, LinkageError> {
    let n = groups.len();
    let fresh = |level: Option<&str>, share: bool| -> Vec<Line> {
        (0..n)
            .map(|group| Line {
                group,
                column: name.to_owned(),
                level: level.map(str::to_owned),
                sums: [[0.0; 3]; 2],
                origin: 0.0,
                share,
            })
            .collect()
    };
    let rows = || side.iter().zip(&groups.of).enumerate();
    let mut lines = Vec::new();
    if let Values::Text(_) | Values::Bool(_) | Values::Period(..) = column.values() {
        let (codes, first) = column.ranks();
        let (place, labels) = shown_levels(column, &codes, &first);
        let mut levels: Vec<Vec<Line>> =
            labels.iter().map(|label| fresh(Some(label), true)).collect();
        for (row, (&side, &group)) in rows() {
            let Some(code) = codes[row] else { continue };
            for (at, level) in levels.iter_mut().enumerate() {
                let hit = f64::from(u8::from(place[code as usize] == at));
                let sums = &mut level[group].sums[side];
                sums[0] += 1.0;
                sums[1] += hit;
            }
        }
        lines.extend(levels.into_iter().flatten());
    } else {
        let values = numbers(name, column)?;
        let origin = values.iter().copied().find(|value| !value.is_nan()).unwrap_or(0.0);
        let mut own = fresh(None, false);
        for (row, (&side, &group)) in rows() {
            if values[row].is_nan() {
                continue;
            }
            let sums = &mut own[group].sums[side];
            let value = values[row] - origin;
            sums[0] += 1.0;
            sums[1] += value;
            sums[2] += value * value;
        }
        for line in &mut own {
            line.origin = origin;
        }
        lines.extend(own);
    }
    if column.count_nulls() > 0 {
        let mut missing = fresh(Some("missing"), true);
        for (row, (&side, &group)) in rows() {
            let sums = &mut missing[group].sums[side];
            sums[0] += 1.0;
            sums[1] += f64::from(u8::from(column.is_null(row)));
        }
        lines.extend(missing);
    }
    Ok(lines)
}

/// The place of each code among the levels that are shown, and their labels.
fn shown_levels(
    column: &Column,
    codes: &[Option<u32>],
    first: &[u32],
) -> (Vec<usize>, Vec<String>) {
    let label = |code: usize| column.label(first[code] as usize).unwrap_or_default();
    if first.len() <= LEVELS {
        return ((0..first.len()).collect(), (0..first.len()).map(label).collect());
    }
    let mut count = vec![0_u64; first.len()];
    codes.iter().flatten().for_each(|&code| count[code as usize] += 1);
    let mut order: Vec<usize> = (0..first.len()).collect();
    order.sort_by(|&a, &b| count[b].cmp(&count[a]).then(a.cmp(&b)));
    let mut kept = order[..LEVELS].to_vec();
    kept.sort_unstable();
    let mut place = vec![LEVELS; first.len()];
    kept.iter().enumerate().for_each(|(at, &code)| place[code] = at);
    let labels = kept.into_iter().map(label).chain(["other".to_owned()]).collect();
    (place, labels)
}

/// Numbers of a column, dates as days; NaN where null.
fn numbers(name: &str, column: &Column) -> Result<Vec<f64>, LinkageError> {
    if let Values::Date(days) = column.values() {
        let day = |row: usize| if column.is_null(row) { f64::NAN } else { f64::from(days[row]) };
        return Ok((0..column.len()).map(day).collect());
    }
    let values = column.to_floats("left", name)?;
    let wrong = |row: &usize| !values[*row].is_finite() && !column.is_null(*row);
    match (0..values.len()).find(wrong) {
        Some(row) => Err(LinkageError::NotFinite {
            argument: "left".to_owned(),
            column: name.to_owned(),
            row,
        }),
        None => Ok(values),
    }
}
