use super::PanelError;
use super::keys::{nan_is_null, numbers};
use crate::data::{Column, Count, Day, Pieces, Spells, Step, Table, Timeline};
use crate::math::sweep;
use std::ops::Range;

/// What to compute over the spells that cover an elementary episode.
///
/// ```
/// use kruispunt::panel::Aggregates;
/// let parallel_jobs = Aggregates::new().count().sum(["daily_wage"]).max(["daily_wage"]);
/// # let _ = parallel_jobs;
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Aggregates(Vec<(Kind, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Amount,
    Mean,
    Max,
}

impl Aggregates {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many spells cover the episode: column `count`.
    pub fn count(self) -> Self {
        self.all(Kind::Count, [""])
    }

    /// The sum of values as they stand (daily wages, working time): columns `<name>_sum`.
    pub fn sum<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.all(Kind::Sum, columns)
    }

    /// The sum of each spell's share of its amount, by days: columns `<name>_amount`.
    pub fn amount<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.all(Kind::Amount, columns)
    }

    /// The mean of values as they stand: columns `<name>_mean`.
    pub fn mean<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.all(Kind::Mean, columns)
    }

    /// The largest value: columns `<name>_max`.
    pub fn max<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.all(Kind::Max, columns)
    }

    fn all<N: Into<String>>(mut self, kind: Kind, columns: impl IntoIterator<Item = N>) -> Self {
        self.0.extend(columns.into_iter().map(|name| (kind, name.into())));
        self
    }
}

/// One row for each covering spell, or one for the episode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Spells,
    Episodes,
}

impl Spells {
    /// Cuts spells at every day on which a spell of the same person starts or ends.
    ///
    /// Afterwards two spells of a person have the same days or no day in common: the elementary
    /// episodes. An episode has one row for each spell that covers it, in the order of the spells;
    /// what is computed over them stands in each of these rows.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for missing columns and columns that hold no numbers,
    /// [`PanelError::NotFinite`] for NaN and infinity, [`PanelError::OpenAmount`].
    pub fn split(&self, aggregates: &Aggregates) -> Result<Self, PanelError> {
        self.cut_elementary(aggregates, Rows::Spells)
    }

    /// The elementary episodes, one row each, with what is computed over the covering spells.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split).
    pub fn episodes(&self, aggregates: &Aggregates) -> Result<Timeline, PanelError> {
        let spells = self.cut_elementary(aggregates, Rows::Episodes)?;
        Timeline::prove(spells).ok_or(PanelError::Overlap {
            argument: "episodes".to_owned(),
            first: 0,
            second: 0,
        })
    }

    fn cut_elementary(&self, aggregates: &Aggregates, rows: Rows) -> Result<Self, PanelError> {
        let values = aggregates
            .0
            .iter()
            .map(|(kind, name)| self.values(*kind, name))
            .collect::<Result<Vec<_>, _>>()?;
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            self.cut_persons(persons, aggregates, &values, rows)
        });
        let (pieces, computed): (Vec<Pieces>, Vec<Vec<Vec<f64>>>) = parts.into_iter().unzip();
        let pieces = Pieces::concat(pieces);
        let made = pieces.source.len().saturating_sub(self.len());
        let step = Step::new(
            if rows == Rows::Spells { "split" } else { "episodes" },
            "at each day on which a spell of the person starts or ends",
            Count::default(),
            Count::default(),
        )
        .note(format!("{made} more rows than spells, by cutting"));
        let mut result = if rows == Rows::Spells {
            self.with_pieces(pieces, step)
        } else {
            let mut bare = self.clone();
            bare.columns = Table::default();
            bare.roles.state = None;
            bare.roles.source = None;
            let mut bare = bare.with_pieces(pieces, step);
            bare.origins = bare.starts.clone();
            let length = |at| bare.days(at).unwrap_or(Day::OPEN.0);
            bare.lengths = (0..bare.len()).map(length).collect::<Vec<_>>().into();
            bare
        };
        for (at, (kind, name)) in aggregates.0.iter().enumerate() {
            let column: Vec<f64> =
                computed.iter().flat_map(|part| part[at].iter().copied()).collect();
            let (name, column) = match kind {
                Kind::Count => {
                    ("count".to_owned(), Column::int(column.iter().map(|&n| n as i64).collect()))
                }
                Kind::Sum => (format!("{name}_sum"), nan_is_null(column)),
                Kind::Amount => (format!("{name}_amount"), nan_is_null(column)),
                Kind::Mean => (format!("{name}_mean"), nan_is_null(column)),
                Kind::Max => (format!("{name}_max"), nan_is_null(column)),
            };
            result.columns.push(name, column)?;
        }
        Ok(result)
    }

    /// The values behind one aggregate: for amounts, those of one day.
    fn values(&self, kind: Kind, name: &str) -> Result<Vec<f64>, PanelError> {
        if kind == Kind::Count {
            return Ok(Vec::new());
        }
        let mut values = numbers(&self.columns, "aggregates", name, Some(&self.rows))?;
        if kind == Kind::Amount {
            for (at, value) in values.iter_mut().enumerate().filter(|(_, value)| !value.is_nan()) {
                if self.lengths[at] == Day::OPEN.0 {
                    return Err(PanelError::OpenAmount {
                        argument: "amount".to_owned(),
                        column: name.to_owned(),
                        row: self.rows[at] as usize,
                    });
                }
                *value /= f64::from(self.lengths[at]);
            }
        }
        Ok(values)
    }

    fn cut_persons(
        &self,
        persons: Range<usize>,
        aggregates: &Aggregates,
        values: &[Vec<f64>],
        rows: Rows,
    ) -> (Pieces, Vec<Vec<f64>>) {
        let mut pieces = Pieces::default();
        let mut computed = vec![Vec::new(); values.len()];
        for person in persons {
            let own = self.of(person);
            let before = pieces.source.len();
            sweep::elementary(
                &self.starts[own.clone()],
                &self.ends[own.clone()],
                |start, end, covering| {
                    let n = if rows == Rows::Spells { covering.len() } else { 1 };
                    for &at in &covering[..n] {
                        pieces.push(own.start + at as usize, start, end);
                    }
                    for ((into, (kind, _)), values) in
                        computed.iter_mut().zip(&aggregates.0).zip(values)
                    {
                        let of = covering.iter().map(|&at| own.start + at as usize);
                        let value = if *kind == Kind::Count {
                            covering.len() as f64
                        } else {
                            aggregate(*kind, of.map(|at| values[at]), end.saturating_sub(start))
                        };
                        into.extend(std::iter::repeat_n(value, n));
                    }
                },
            );
            pieces.close_person(before);
        }
        (pieces, computed)
    }
}

/// Over the values that are there; NaN when none is.
fn aggregate(kind: Kind, values: impl Iterator<Item = f64>, days: i32) -> f64 {
    let (mut n, mut sum, mut max) = (0_u32, 0.0, f64::NEG_INFINITY);
    for value in values.filter(|value| !value.is_nan()) {
        n += 1;
        sum += value;
        max = value.max(max);
    }
    if n == 0 {
        return f64::NAN;
    }
    match kind {
        Kind::Count | Kind::Sum => sum,
        Kind::Amount => sum * f64::from(days),
        Kind::Mean => sum / f64::from(n),
        Kind::Max => max,
    }
}
