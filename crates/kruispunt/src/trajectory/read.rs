use super::alphabet::{MISSING, VOID};
use super::error::bad;
use super::{Alphabet, Sequences, TrajectoryError};
use crate::data::{
    Account, Column, Count, DataError, NOBODY, Panel, Period, Persons, Step, Table, Values,
};

/// What a missing position at the start, in the middle or at the end of a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A state that is not known.
    Missing,
    /// No position at all: what follows moves up.
    Delete,
}

/// What to do with a sequence that has no state at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Empty {
    /// An error.
    #[default]
    Refuse,
    /// Leave it out, and say so in the account.
    Drop,
    /// Keep it, with length 0.
    Keep,
}

/// What a panel's positions count from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The calendar: one position a period.
    Calendar,
    /// A column of the panel: a period or day that is the same in all rows of a person, truth
    /// values of which the first true period counts, or whole numbers that are the position
    /// themselves (as `event_time` makes them). Position 0 is the period of the event.
    Event(String),
}

/// Reads sequences from a table or a panel.
///
/// By default missing positions at the start and in the middle are missing, those at the end are
/// no part of the sequence, as `TraMineR`'s `seqdef` has it (Gabadinho, Ritschard, Muller & Studer
/// 2011, *Journal of Statistical Software* 40(4)).
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::trajectory::Reader;
/// let table = Table::new([
///     ("person", Column::int(vec![7, 9])),
///     ("q1", Column::text([Some("school"), Some("school")])),
///     ("q2", Column::text([Some("school"), Some("work")])),
///     ("q3", Column::text([Some("work"), None])),
/// ])?;
/// let careers = Reader::new().id("person").wide(&table, &["q1", "q2", "q3"])?;
/// assert_eq!(careers.alphabet().names(), ["school", "work"]);
/// assert_eq!(careers.state(1, 2), None);
/// # Ok::<(), kruispunt::trajectory::TrajectoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    states: Option<Vec<String>>,
    labels: Option<Vec<String>>,
    colours: Option<Vec<String>>,
    id: Option<String>,
    weights: Option<String>,
    left: Edge,
    gaps: Edge,
    right: Edge,
    empty: Empty,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            states: None,
            labels: None,
            colours: None,
            id: None,
            weights: None,
            left: Edge::Missing,
            gaps: Edge::Missing,
            right: Edge::Delete,
            empty: Empty::Refuse,
        }
    }
}

/// Cells by sequence and position before they are sequences.
pub(super) struct Cells {
    pub(super) codes: Vec<Option<u32>>,
    pub(super) names: Vec<String>,
    pub(super) positions: Vec<String>,
    pub(super) id: String,
    pub(super) ids: Column,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) account: Account,
}

impl Reader {
    /// A reader with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The states in the order wanted; by default all that occur, categories in their own order,
    /// numbers by size, text by Unicode.
    #[must_use]
    pub fn states(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.states = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What readers see in place of the names.
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.labels = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// Colours as `#rrggbb`.
    #[must_use]
    pub fn colours(mut self, colours: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.colours = Some(colours.into_iter().map(Into::into).collect());
        self
    }

    /// The column that says who a row is of; by default the number of the row.
    #[must_use]
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.id = Some(column.into());
        self
    }

    /// The column of weights: finite, not negative; with a panel the same in all rows of a person.
    #[must_use]
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// Missing positions before the first state.
    #[must_use]
    pub const fn left(mut self, edge: Edge) -> Self {
        self.left = edge;
        self
    }

    /// Missing positions between states.
    #[must_use]
    pub const fn gaps(mut self, edge: Edge) -> Self {
        self.gaps = edge;
        self
    }

    /// Missing positions after the last state.
    #[must_use]
    pub const fn right(mut self, edge: Edge) -> Self {
        self.right = edge;
        self
    }

    /// Sequences without a state.
    #[must_use]
    pub const fn empty(mut self, empty: Empty) -> Self {
        self.empty = empty;
        self
    }

    /// Sequences from a table with a row a person and a column a position.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::Data`] for a column that is not there, a bad weight or an empty table,
    /// [`TrajectoryError::OutsideAlphabet`], [`TrajectoryError::EmptySequence`],
    /// [`TrajectoryError::TooManyStates`].
    pub fn wide(&self, table: &Table, columns: &[&str]) -> Result<Sequences, TrajectoryError> {
        table.require_rows("data")?;
        if columns.is_empty() {
            return Err(bad("columns", "at least one column", "none"));
        }
        let n = table.n_rows();
        let read: Vec<&Column> = columns
            .iter()
            .map(|name| table.column("columns", name))
            .collect::<Result<_, DataError>>()?;
        let (codes, names) = common_codes(&read, columns)?;
        let cells = (0..n).flat_map(|row| codes.iter().map(move |column| column[row])).collect();
        let weights = self.weights.as_ref().map(|name| weights(table, name)).transpose()?;
        let (id, ids) = match &self.id {
            Some(name) => (name.clone(), table.column("id", name)?.clone()),
            None => ("row".to_owned(), Column::int((0..n as i64).collect())),
        };
        let positions = columns.iter().map(|&name| name.to_owned()).collect();
        let account = Account::new("sequences");
        self.build(Cells { codes: cells, names, positions, id, ids, weights, account })
    }

    /// Sequences from a table with a row a person and a position.
    ///
    /// `time` holds whole numbers or periods; positions run from the first to the last that occur.
    ///
    /// # Errors
    ///
    /// As [`wide`](Self::wide), and [`TrajectoryError::SecondState`].
    pub fn long(
        &self,
        table: &Table,
        person: &str,
        time: &str,
        state: &str,
    ) -> Result<Sequences, TrajectoryError> {
        table.require_rows("data")?;
        let (persons, who) = Persons::encode("person", person, table.column("person", person)?)?;
        let (at, label) = times("time", time, table.column("time", time)?)?;
        let (first, last) = range(&at)?;
        let width = (last - first + 1) as usize;
        check_size(persons.len(), width)?;
        let (codes, names) = common_codes(&[table.column("state", state)?], &[state])?;
        let mut cells = vec![None; persons.len() * width];
        let mut filled = vec![false; cells.len()];
        for row in 0..table.n_rows() {
            let (Some(time), person) = (at[row], who[row]) else { continue };
            if person == NOBODY {
                continue;
            }
            let cell = person as usize * width + (time - first) as usize;
            if filled[cell] {
                return Err(TrajectoryError::SecondState { row });
            }
            filled[cell] = true;
            cells[cell] = codes[0][row];
        }
        let lost = (0..table.n_rows()).filter(|&r| at[r].is_none() || who[r] == NOBODY).count();
        let all = Count::rows(table.n_rows());
        let step =
            Step::new("sequences", "from a long table", all, Count::rows(all.rows as usize - lost))
                .exclude("no person or no time", Count::rows(lost));
        let weights = match &self.weights {
            Some(name) => Some(weights_of(&weights(table, name)?, name, &who, persons.len())?),
            None => None,
        };
        self.build(Cells {
            codes: cells,
            names: names.clone(),
            positions: (first..=last).map(label).collect(),
            id: person.to_owned(),
            ids: persons.ids().clone(),
            weights,
            account: Account::new("sequences").then(step),
        })
    }

    /// Sequences from a panel: the states in its column `state`, one sequence a person.
    ///
    /// With [`Since::Event`] positions count from the event, `length` of them (by default as far as
    /// anyone is seen), and persons without the event are left out; cells without a row are
    /// missing.
    ///
    /// # Errors
    ///
    /// As [`wide`](Self::wide).
    pub fn panel(
        &self,
        panel: &Panel,
        state: &str,
        since: &Since,
        length: Option<usize>,
    ) -> Result<Sequences, TrajectoryError> {
        if panel.n_rows() == 0 {
            return Err(DataError::EmptyTable { argument: "panel".to_owned() }.into());
        }
        let column = panel.column("state", state)?;
        let (codes, names) = common_codes(&[&column], &[state])?;
        let places = places(panel, since)?;
        let seen = places.iter().flatten().copied().filter(|&at| at >= 0).max();
        let width = match (length, since) {
            (Some(0), _) => return Err(bad("length", "at least one position", 0)),
            (Some(length), _) => length,
            (None, Since::Calendar) => panel.calendar().len(),
            (None, Since::Event(_)) => seen.map_or(1, |last| last as usize + 1),
        };
        let starts: Vec<usize> = (0..panel.persons().len())
            .filter(|&person| panel.of(person).any(|row| places[row].is_some()))
            .collect();
        check_size(starts.len(), width)?;
        let mut cells = vec![None; starts.len() * width];
        for (sequence, &person) in starts.iter().enumerate() {
            for row in panel.of(person) {
                if let Some(at) = places[row].and_then(|at| usize::try_from(at).ok())
                    && at < width
                {
                    cells[sequence * width + at] = codes[0][row];
                }
            }
        }
        let positions = match since {
            Since::Calendar => (0..width).map(|at| panel.calendar().label(at)).collect(),
            Since::Event(_) => (0..width).map(|at| at.to_string()).collect(),
        };
        let persons: Vec<u32> = starts.iter().map(|&person| person as u32).collect();
        let (before, after) = (Count::rows(panel.persons().len()), Count::rows(starts.len()));
        let what = match since {
            Since::Calendar => format!("column {state}, by calendar"),
            Since::Event(event) => format!("column {state}, since {event}"),
        };
        let left = before.rows as usize - starts.len();
        let step = Step::new("sequences", what, before, after)
            .exclude("without the event", Count::rows(left));
        let weights = match &self.weights {
            Some(name) => {
                let own = weights(&panel.table(), name)?;
                let all = weights_of(&own, name, &panel.person_codes(), panel.persons().len())?;
                Some(starts.iter().map(|&person| all[person]).collect())
            }
            None => None,
        };
        self.build(Cells {
            codes: cells,
            names,
            positions,
            id: panel.persons().name().to_owned(),
            ids: panel.persons().ids().take(&persons),
            weights,
            account: panel.account().clone().then(step),
        })
    }

    /// The column of identifiers.
    pub(super) fn id_column(&self) -> Option<String> {
        self.id.clone()
    }

    /// Sequences from cells: states coded, edges settled, empty ones refused, left out or kept.
    pub(super) fn build(&self, cells: Cells) -> Result<Sequences, TrajectoryError> {
        let width = cells.positions.len();
        let names = self.states.as_ref().unwrap_or(&cells.names);
        if names.is_empty() {
            return Err(TrajectoryError::EmptySequence { row: 0 });
        }
        let alphabet = Alphabet::new(names, self.labels.as_deref(), self.colours.as_deref())?;
        let code: Vec<Option<u8>> = cells.names.iter().map(|name| alphabet.code(name)).collect();
        let n = cells.codes.len() / width.max(1);
        let mut codes = Vec::with_capacity(n * width);
        let mut kept: Vec<u32> = Vec::with_capacity(n);
        for sequence in 0..n {
            let row = &cells.codes[sequence * width..(sequence + 1) * width];
            let outside = |at: &usize| row[*at].is_some_and(|c| code[c as usize].is_none());
            if let Some(at) = (0..width).find(outside) {
                let column = cells.positions[at].clone();
                return Err(TrajectoryError::OutsideAlphabet { column, row: sequence });
            }
            let states = row.iter().map(|cell| cell.and_then(|c| code[c as usize]));
            match (self.settle(&states.collect::<Vec<_>>(), &mut codes), self.empty) {
                (true, _) | (false, Empty::Keep) => kept.push(sequence as u32),
                (false, Empty::Refuse) => {
                    return Err(TrajectoryError::EmptySequence { row: sequence });
                }
                (false, Empty::Drop) => codes.truncate(kept.len() * width),
            }
        }
        let step = Step::new("states", "sequences", Count::rows(n), Count::rows(kept.len()))
            .exclude("no state at any position", Count::rows(n - kept.len()));
        let weighted = cells.weights.is_some();
        let weights = match cells.weights {
            Some(all) => kept.iter().map(|&at| all[at as usize]).collect(),
            None => vec![1.0; kept.len()],
        };
        Ok(Sequences {
            alphabet,
            positions: cells.positions,
            codes,
            weights,
            weighted,
            id: cells.id,
            ids: cells.ids.take(&kept),
            unique: Vec::new(),
            firsts: Vec::new(),
            account: cells.account.then(step),
        }
        .index())
    }

    /// Appends one sequence, edges settled; whether it has a state.
    fn settle(&self, row: &[Option<u8>], codes: &mut Vec<u8>) -> bool {
        let first = row.iter().position(Option::is_some);
        let last = row.iter().rposition(Option::is_some);
        let start = codes.len();
        for (at, state) in row.iter().enumerate() {
            let edge = match (first, last) {
                (Some(first), _) if at < first => self.left,
                (Some(_), Some(last)) if at <= last => self.gaps,
                _ => self.right,
            };
            match (state, edge) {
                (Some(state), _) => codes.push(*state),
                (None, Edge::Missing) => codes.push(MISSING),
                (None, Edge::Delete) => {}
            }
        }
        codes.resize(start + row.len(), VOID);
        first.is_some()
    }
}

/// Codes, column by column, and the names of the states.
type Coded = (Vec<Vec<Option<u32>>>, Vec<String>);

/// Codes of several columns in one list of names.
fn common_codes(columns: &[&Column], names: &[&str]) -> Result<Coded, TrajectoryError> {
    let mut all: Vec<(Option<u32>, f64, String)> = Vec::new();
    let mut ranked = Vec::with_capacity(columns.len());
    for (column, name) in columns.iter().zip(names) {
        if let Values::Float(values) = column.values()
            && let Some(row) =
                (0..values.len()).find(|&row| !column.is_null(row) && !values[row].is_finite())
        {
            let (argument, column) = ("data".to_owned(), (*name).to_owned());
            return Err(DataError::BadCell { argument, column, row, expected: "a state" }.into());
        }
        let (codes, rows) = column.ranks();
        let labels: Vec<String> =
            rows.iter().map(|&row| column.label(row as usize).unwrap_or_default()).collect();
        for (label, &row) in labels.iter().zip(&rows) {
            let own = match column.values() {
                Values::Text(text) if text.is_categorical() => Some(text.codes()[row as usize]),
                _ => None,
            };
            if !all.iter().any(|(_, _, known)| known == label) {
                all.push((own, label.parse().unwrap_or(f64::INFINITY), label.clone()));
            }
        }
        if all.len() > 10_000 {
            return Err(TrajectoryError::TooManyStates {
                got: all.len(),
                most: super::alphabet::MOST,
            });
        }
        ranked.push((codes, labels));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let place = |label: &String| all.iter().position(|(_, _, known)| known == label);
    let coded = ranked.into_iter().map(|(codes, labels)| {
        let to: Vec<Option<u32>> =
            labels.iter().map(|label| place(label).map(|at| at as u32)).collect();
        codes.into_iter().map(|code| code.and_then(|code| to[code as usize])).collect()
    });
    Ok((coded.collect(), all.iter().map(|(_, _, label)| label.clone()).collect()))
}

/// Weights: finite and not negative.
fn weights(table: &Table, name: &str) -> Result<Vec<f64>, TrajectoryError> {
    let column = table.column("weights", name)?;
    let values = column.to_floats("weights", name)?;
    match values.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
        Some(row) => Err(DataError::BadCell {
            argument: "weights".to_owned(),
            column: name.to_owned(),
            row,
            expected: "a finite number of at least 0",
        }
        .into()),
        None => Ok(values),
    }
}

/// The weight of each person, which is the same in all rows.
fn weights_of(
    rows: &[f64],
    name: &str,
    who: &[u32],
    persons: usize,
) -> Result<Vec<f64>, TrajectoryError> {
    let mut weights: Vec<Option<f64>> = vec![None; persons];
    for (row, (&weight, &person)) in rows.iter().zip(who).enumerate() {
        let Some(own) = weights.get_mut(person as usize) else { continue };
        if own.is_some_and(|own| own != weight) {
            return Err(DataError::BadCell {
                argument: "weights".to_owned(),
                column: name.to_owned(),
                row,
                expected: "the same in all rows of a person",
            }
            .into());
        }
        *own = Some(weight);
    }
    Ok(weights.into_iter().map(|weight| weight.unwrap_or(1.0)).collect())
}

/// Names a point in time.
type Labelled = Box<dyn Fn(i64) -> String>;

/// Points in time as whole numbers, and how to name them.
pub(super) fn times(
    argument: &str,
    name: &str,
    column: &Column,
) -> Result<(Vec<Option<i64>>, Labelled), TrajectoryError> {
    let there = |row: usize, value: i64| (!column.is_null(row)).then_some(value);
    match column.values() {
        Values::Int(values) => Ok((
            values.iter().enumerate().map(|(row, &value)| there(row, value)).collect(),
            Box::new(|at| at.to_string()),
        )),
        Values::Float(values) => {
            let whole = |value: f64| value.fract() == 0.0 && value.abs() < 9e15;
            if let Some(row) =
                (0..values.len()).find(|&row| !column.is_null(row) && !whole(values[row]))
            {
                let (argument, column) = (argument.to_owned(), name.to_owned());
                let expected = "a whole number";
                return Err(DataError::BadCell { argument, column, row, expected }.into());
            }
            let whole = values.iter().enumerate().map(|(row, &value)| there(row, value as i64));
            Ok((whole.collect(), Box::new(|at| at.to_string())))
        }
        Values::Period(unit, values) => {
            let unit = *unit;
            let label = move |at: i64| Period { unit, number: at as i32 }.to_string();
            let numbers = values.iter().enumerate().map(|(row, &v)| there(row, i64::from(v)));
            Ok((numbers.collect(), Box::new(label)))
        }
        _ => Err(column.wrong_type(argument, name, "whole numbers or periods").into()),
    }
}

/// First and last point in time.
pub(super) fn range(at: &[Option<i64>]) -> Result<(i64, i64), TrajectoryError> {
    let first = at.iter().flatten().min().copied();
    let last = at.iter().flatten().max().copied();
    match (first, last) {
        (Some(first), Some(last)) if last.checked_sub(first).is_some_and(|span| span < 1 << 20) => {
            Ok((first, last))
        }
        (Some(_), Some(_)) => Err(bad("time", "at most 1,048,576 positions", "more")),
        _ => Err(bad("time", "at least one point in time", "none")),
    }
}

/// Refuses sequences that no memory holds.
pub(super) fn check_size(n: usize, width: usize) -> Result<(), TrajectoryError> {
    if n.saturating_mul(width) > 1 << 33 {
        return Err(bad("data", "at most 2^33 positions in all", n.saturating_mul(width)));
    }
    Ok(())
}

/// The position of each row of a panel; `None` for persons without the event.
fn places(panel: &Panel, since: &Since) -> Result<Vec<Option<i64>>, TrajectoryError> {
    let positions = panel.positions();
    let Since::Event(name) = since else {
        return Ok(positions.iter().map(|&at| Some(i64::from(at))).collect());
    };
    let column = panel.column("since", name)?;
    if let Values::Int(values) = column.values() {
        let own = |(row, &at): (usize, &i64)| (!column.is_null(row)).then_some(at);
        return Ok(values.iter().enumerate().map(own).collect());
    }
    let mut starts: Vec<Option<i64>> = vec![None; panel.persons().len()];
    if let Values::Bool(flags) = column.values() {
        for (person, start) in starts.iter_mut().enumerate() {
            let first = panel.of(person).find(|&row| !column.is_null(row) && flags[row]);
            *start = first.map(|row| i64::from(positions[row]));
        }
    } else {
        let periods = column.to_periods(panel.calendar().unit(), "since", name)?;
        let base = i64::from(panel.calendar().period(0).number);
        for (person, start) in starts.iter_mut().enumerate() {
            let rows = panel.of(person);
            let first = periods[rows.start];
            if let Some(row) = rows.into_iter().find(|&row| periods[row] != first) {
                return Err(DataError::BadCell {
                    argument: "since".to_owned(),
                    column: name.clone(),
                    row,
                    expected: "the same in all rows of a person",
                }
                .into());
            }
            *start = first.map(|period| i64::from(period.number) - base);
        }
    }
    let who = panel.person_codes();
    let place =
        |(&at, &person): (&u32, &u32)| starts[person as usize].map(|start| i64::from(at) - start);
    Ok(positions.iter().zip(&who).map(place).collect())
}
