use super::PanelError;
use super::keys::numbers;
use crate::data::{Column, Panel, Table};

/// Sums for a mean and a deviation, updated value by value (Welford 1962).
#[derive(Default)]
struct Spread {
    n: f64,
    mean: f64,
    squares: f64,
    low: f64,
    high: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        (self.low, self.high) = if self.n == 0.0 {
            (value, value)
        } else {
            (self.low.min(value), self.high.max(value))
        };
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.squares += off * (value - self.mean);
    }

    fn sd(&self) -> Option<f64> {
        (self.n > 1.0).then(|| (self.squares / (self.n - 1.0)).sqrt())
    }
}

impl Panel {
    /// Where columns vary: over all rows, between persons, within persons.
    ///
    /// With `x_i` the mean of person `i` over their rows and `x` the mean of all rows, *between*
    /// is about `x_i`, *within* about `x_it - x_i + x`: the standard deviations, minima and maxima
    /// that Stata's `xtsum` shows. Deviations divide by one less than the number of values; nulls
    /// are left out.
    ///
    /// One row a column and part: `column`, `part` (`overall`, `between`, `within`), `mean`, `sd`,
    /// `min`, `max`, `n` (rows, persons, and rows per person for `within`).
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column or one that holds no numbers,
    /// [`PanelError::NotFinite`].
    pub fn variation<N: AsRef<str>>(&self, columns: &[N]) -> Result<Table, PanelError> {
        let mut names = Vec::new();
        let mut parts = Vec::new();
        let mut shown: Vec<[Option<f64>; 5]> = Vec::new();
        for name in columns {
            let name = name.as_ref();
            let values = numbers(&self.columns, "columns", name, None)?;
            let (mut overall, mut between, mut within) =
                (Spread::default(), Spread::default(), Spread::default());
            let known = |row: &usize| !values[*row].is_nan();
            for row in (0..values.len()).filter(known) {
                overall.add(values[row]);
            }
            for person in 0..self.persons.len() {
                let mut own = Spread::default();
                for row in self.of(person).filter(known) {
                    own.add(values[row]);
                }
                if own.n == 0.0 {
                    continue;
                }
                between.add(own.mean);
                for row in self.of(person).filter(known) {
                    within.add(values[row] - own.mean + overall.mean);
                }
            }
            let there = |spread: &Spread, value: f64| (spread.n > 0.0).then_some(value);
            let row = |spread: &Spread, n: Option<f64>| {
                [
                    there(spread, overall.mean),
                    spread.sd(),
                    there(spread, spread.low),
                    there(spread, spread.high),
                    n,
                ]
            };
            shown.push(row(&overall, Some(overall.n)));
            shown.push(row(&between, Some(between.n)));
            shown.push(row(&within, there(&between, overall.n / between.n.max(1.0))));
            names.extend([Some(name); 3]);
            parts.extend([Some(0), Some(1), Some(2)]);
        }
        let column =
            |at: usize| Column::floats(&shown.iter().map(|row| row[at]).collect::<Vec<_>>());
        Ok(Table::new([
            ("column", Column::text(names)),
            ("part", Column::category(&parts, &["overall", "between", "within"])),
            ("mean", column(0)),
            ("sd", column(1)),
            ("min", column(2)),
            ("max", column(3)),
            ("n", column(4)),
        ])?)
    }

    /// Who enters, stays, leaves and comes back, period by period.
    ///
    /// One row a period of the calendar: `period`, `persons` with a record, of whom `entered`
    /// (their first record), `stayed` (a record in the period before too) and `returned` (an
    /// earlier record, but none in the period before); and `left`: of those, how many have no
    /// record in the next period, of whom `left_for_good` never have one again. In the last period
    /// both are null, for nobody knows. Rows that balancing made are no records.
    #[must_use]
    pub fn flows(&self) -> Table {
        let (n, positions, recorded) = (self.calendar.len(), self.positions(), self.recorded());
        let mut counts = vec![[0_i64; 6]; n];
        for person in 0..self.persons.len() {
            let rows: Vec<usize> = self.of(person).filter(|&row| recorded(row)).collect();
            for (at, &row) in rows.iter().enumerate() {
                let period = positions[row] as usize;
                let before = at.checked_sub(1).map(|at| positions[rows[at]] as usize + 1);
                let how = match before {
                    None => 1,
                    Some(next) if next == period => 2,
                    Some(_) => 3,
                };
                counts[period][0] += 1;
                counts[period][how] += 1;
                let stays =
                    rows.get(at + 1).is_some_and(|&row| positions[row] as usize == period + 1);
                counts[period][4] += i64::from(!stays);
                counts[period][5] += i64::from(at + 1 == rows.len());
            }
        }
        let column = |of: usize| Column::int(counts.iter().map(|row| row[of]).collect());
        let but_last = |of: usize| {
            let known = |(at, row): (usize, &[i64; 6])| (at + 1 < n).then_some(row[of]);
            Column::ints(&counts.iter().enumerate().map(known).collect::<Vec<_>>())
        };
        let first = self.calendar.period(0).number;
        let periods = (0..n as i32).map(|at| first + at).collect();
        Table::new([
            ("period", Column::periods(self.calendar.unit(), periods)),
            ("persons", column(0)),
            ("entered", column(1)),
            ("stayed", column(2)),
            ("returned", column(3)),
            ("left", but_last(4)),
            ("left_for_good", but_last(5)),
        ])
        .unwrap_or_default()
    }
}
