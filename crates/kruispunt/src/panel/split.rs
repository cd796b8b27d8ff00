use super::PanelError;
use super::keys::{nan_is_null, shared_numbers};
use super::order::{Order, Ranking};
use crate::data::{Buffer, Column, Count, Day, Pieces, Spells, Step};
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
pub struct Aggregates {
    of: Vec<(Kind, String)>,
    top: Vec<String>,
    order: Vec<Order>,
}

/// What is computed over covering spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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

    /// What the best of the covering spells carries: columns `<name>_top`.
    ///
    /// The best is the first by `order`, as in [`Spells::resolve`]; ties go to the lowest row
    /// number and are counted. Of several calls the last order counts.
    pub fn top<N: Into<String>, O: Into<Order>>(
        mut self,
        columns: impl IntoIterator<Item = N>,
        order: impl IntoIterator<Item = O>,
    ) -> Self {
        self.top.extend(columns.into_iter().map(Into::into));
        self.order = order.into_iter().map(Into::into).collect();
        self
    }

    /// Each kind with the column it is computed from.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.of.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    fn all<N: Into<String>>(mut self, kind: Kind, columns: impl IntoIterator<Item = N>) -> Self {
        self.of.extend(columns.into_iter().map(|name| (kind, name.into())));
        self
    }
}

impl Kind {
    /// The name of the column, made of that of the values.
    pub(super) fn column(self, name: &str) -> String {
        match self {
            Self::Count => "count".to_owned(),
            Self::Sum => format!("{name}_sum"),
            Self::Amount => format!("{name}_amount"),
            Self::Mean => format!("{name}_mean"),
            Self::Max => format!("{name}_max"),
        }
    }
}

/// What aggregates ask of spells, read.
pub(super) struct Asked<'a> {
    pub values: Vec<(Kind, Buffer<f64>)>,
    pub ranking: Option<Ranking>,
    pub tops: Vec<(&'a str, Column)>,
}

/// One row for each covering spell, or one for the episode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
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

    /// What `aggregates` ask, with the errors there are in it.
    pub(super) fn asked<'a>(&self, aggregates: &'a Aggregates) -> Result<Asked<'a>, PanelError> {
        let values = aggregates
            .kinds()
            .map(|(kind, name)| Ok((kind, self.values(kind, name)?)))
            .collect::<Result<Vec<_>, PanelError>>()?;
        let ranking = if aggregates.top.is_empty() {
            None
        } else {
            Some(Ranking::read(self, aggregates.order.clone(), false)?)
        };
        let tops = aggregates
            .top
            .iter()
            .map(|name| Ok((name.as_str(), self.look_up("top", name)?)))
            .collect::<Result<Vec<_>, PanelError>>()?;
        Ok(Asked { values, ranking, tops })
    }

    /// The step of a verb that cuts into `rows` rows.
    pub(super) fn step_of_cutting(&self, verb: &str, rows: usize, tied: u64) -> Step {
        let made = rows.saturating_sub(self.len());
        Step::new(
            verb,
            "at each day on which a spell of the person starts or ends",
            Count::default(),
            Count::default(),
        )
        .note(format!("{made} more rows than spells, by cutting"))
        .tied("best spells of an episode", tied, "the lowest row number")
    }

    /// Adds what the best spells carry; of episodes, the state is that of the best.
    pub(super) fn push_tops(
        &self,
        result: &mut Self,
        tops: Vec<(&str, Column)>,
        best: &[u32],
        episodes: bool,
    ) -> Result<(), PanelError> {
        for (name, column) in tops {
            let top = format!("{name}_top");
            if episodes && self.state() == Some(name) {
                result.roles.state = Some(top.clone());
            }
            result.columns.push(top, column.gather(best))?;
        }
        Ok(())
    }

    pub(super) fn cut_elementary(
        &self,
        aggregates: &Aggregates,
        rows: Rows,
    ) -> Result<Self, PanelError> {
        let Asked { values, ranking, tops } = self.asked(aggregates)?;
        let mut all = Cut { computed: vec![Vec::new(); values.len()], ..Cut::default() };
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            self.cut_persons(persons, &values, ranking.as_ref(), rows)
        });
        let mut pieces = Vec::with_capacity(parts.len());
        let mut computed = vec![Vec::with_capacity(parts.len()); values.len()];
        for part in parts {
            pieces.push(part.pieces);
            all.tied += part.tied;
            all.best.extend(part.best);
            for (into, own) in computed.iter_mut().zip(part.computed) {
                into.push(own);
            }
        }
        all.pieces = Pieces::concat(pieces);
        for (into, parts) in all.computed.iter_mut().zip(computed) {
            *into = parts.concat();
        }
        let verb = if rows == Rows::Spells { "split" } else { "episodes" };
        let step = self.step_of_cutting(verb, all.pieces.source.len(), all.tied);
        let mut result = match rows {
            Rows::Spells => self.with_pieces(all.pieces, step),
            Rows::Episodes => self.anew(all.pieces, step),
        };
        for ((kind, name), column) in aggregates.kinds().zip(all.computed) {
            let made = match kind {
                Kind::Count => Column::int(column.iter().map(|&n| n as i64).collect()),
                _ => nan_is_null(column),
            };
            result.columns.push(kind.column(name), made)?;
        }
        self.push_tops(&mut result, tops, &all.best, rows == Rows::Episodes)?;
        Ok(result)
    }

    /// The values behind one aggregate: for amounts, those of one day.
    fn values(&self, kind: Kind, name: &str) -> Result<Buffer<f64>, PanelError> {
        if kind == Kind::Count {
            return Ok(Vec::new().into());
        }
        let (values, _) = shared_numbers(self, "aggregates", name)?;
        if kind == Kind::Amount {
            let mut values = values.to_vec();
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
            return Ok(values.into());
        }
        Ok(values)
    }

    fn cut_persons(
        &self,
        persons: Range<usize>,
        values: &[(Kind, Buffer<f64>)],
        ranking: Option<&Ranking>,
        rows: Rows,
    ) -> Cut {
        let (mut cut, mut sweep) = (Cut::default(), sweep::Elementary::default());
        // the spells that cover each episode, one episode after the other
        let (mut covering, mut ends, mut days) = (Vec::new(), vec![0], Vec::new());
        for person in persons {
            let own = self.of(person);
            let before = cut.pieces.source.len();
            let (starts, stops) = (&self.starts[own.clone()], &self.ends[own.clone()]);
            sweep.visit(starts, stops, |start, end, cover| {
                let n = if rows == Rows::Spells { cover.len() } else { 1 };
                for &at in &cover[..n] {
                    cut.pieces.push(own.start + at as usize, start, end);
                }
                covering.extend(cover.iter().map(|at| own.start as u32 + at));
                ends.push(covering.len() as u32);
                days.push(end.saturating_sub(start));
            });
            cut.pieces.close_person(before);
        }
        let episodes = Episodes { covering: &covering, ends: &ends, repeat: rows == Rows::Spells };
        for (kind, values) in values {
            cut.computed.push(match kind {
                Kind::Count => episodes.each(|_, cover| cover.len() as f64),
                Kind::Sum => episodes.each(|_, cover| sum(values, cover).0),
                Kind::Amount => {
                    episodes.each(|at, cover| sum(values, cover).0 * f64::from(days[at]))
                }
                Kind::Mean => episodes.each(|_, cover| {
                    let (sum, n) = sum(values, cover);
                    sum / f64::from(n)
                }),
                Kind::Max => episodes.each(|_, cover| {
                    let there = cover.iter().map(|&at| values[at as usize]);
                    there.filter(|value| !value.is_nan()).fold(f64::NAN, f64::max)
                }),
            });
        }
        if let Some(ranking) = ranking {
            let row = |at: u32| self.rows[at as usize];
            cut.best = episodes.each(|_, cover| {
                let (mut best, mut even) = (cover[0], false);
                for &at in &cover[1..] {
                    let order = ranking.compare(at as usize, best as usize);
                    even = if order.is_lt() { false } else { even || order.is_eq() };
                    if order.is_lt() || order.is_eq() && row(at) < row(best) {
                        best = at;
                    }
                }
                cut.tied += u64::from(even);
                best
            });
        }
        cut
    }
}

/// Episodes of some persons, and what is computed over them.
#[derive(Default)]
struct Cut {
    pieces: Pieces,
    computed: Vec<Vec<f64>>,
    best: Vec<u32>,
    tied: u64,
}

/// The spells that cover each episode.
struct Episodes<'a> {
    covering: &'a [u32],
    ends: &'a [u32],
    /// Whether a value stands in the row of each covering spell.
    repeat: bool,
}

impl Episodes<'_> {
    /// One value an episode (or a covering spell).
    fn each<T: Copy>(&self, mut of: impl FnMut(usize, &[u32]) -> T) -> Vec<T> {
        let rows = if self.repeat { self.covering.len() } else { self.ends.len() - 1 };
        let mut values = Vec::with_capacity(rows);
        for (at, pair) in self.ends.windows(2).enumerate() {
            let cover = &self.covering[pair[0] as usize..pair[1] as usize];
            let value = of(at, cover);
            values.extend(std::iter::repeat_n(value, if self.repeat { cover.len() } else { 1 }));
        }
        values
    }
}

/// The sum of the values that are there, and how many are; NaN when none is.
#[inline]
pub(super) fn sum(values: &[f64], cover: &[u32]) -> (f64, u32) {
    let (mut sum, mut n) = (0.0, 0);
    for &at in cover {
        let value = values[at as usize];
        if !value.is_nan() {
            sum += value;
            n += 1;
        }
    }
    (if n == 0 { f64::NAN } else { sum }, n)
}
