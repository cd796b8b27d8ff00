//! Registers as lanes.

use crate::CasesError;
use crate::groups::Coded;
use kruispunt::data::{Day, Period, Spells, Table, Unit};
use kruispunt::trajectory::Sequences;

/// A stretch in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) start: i32,
    /// The day after the last; [`Day::OPEN`] while open.
    pub(crate) end: i32,
    pub(crate) state: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) day: i32,
    pub(crate) what: String,
}

/// What the numbers of a lane count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Days,
    /// Positions of sequences, by name.
    Positions(Vec<String>),
    /// Days or positions since a beginning of each person.
    Since(Box<Self>),
}

/// One register of spells.
#[derive(Clone, Debug)]
pub struct Lane {
    pub(crate) name: String,
    pub(crate) axis: Axis,
    pub(crate) persons: Vec<String>,
    pub(crate) bars: Vec<(u32, Bar)>,
}

impl Lane {
    /// Spells of days; without states all are in the state `name`.
    #[must_use]
    pub fn spells(name: &str, spells: &Spells) -> Self {
        let states = spells.state().and_then(|state| spells.columns().get(state));
        let persons = spells.persons();
        let labels = (0..persons.len()).map(|at| persons.ids().label(at).unwrap_or_default());
        let codes = spells.person_codes();
        let bars = (0..spells.len()).filter_map(|at| {
            let state = match states {
                Some(column) => column.label(at)?,
                None => name.to_owned(),
            };
            let bar = Bar { start: spells.starts()[at], end: spells.ends()[at], state };
            Some((codes[at], bar))
        });
        Self {
            name: name.to_owned(),
            axis: Axis::Days,
            bars: bars.collect(),
            persons: labels.collect(),
        }
    }

    /// Sequences of states; positions that are periods of a calendar become days.
    #[must_use]
    pub fn sequences(name: &str, sequences: &Sequences) -> Self {
        let positions = sequences.positions();
        let period = |unit| {
            positions.iter().map(|label| Period::parse(label, unit)).collect::<Option<Vec<_>>>()
        };
        let calendar = [Unit::Quarter, Unit::Month, Unit::Year].into_iter().find_map(period);
        let day = |at: usize| match &calendar {
            None => at as i32,
            Some(periods) if at < periods.len() => periods[at].first_day().0,
            Some(periods) => periods.last().map_or(0, |last| last.last_day().0 + 1),
        };
        let length = positions.len();
        let mut bars: Vec<(u32, Bar)> = Vec::new();
        for (person, codes) in sequences.codes().chunks(length.max(1)).enumerate() {
            let mut from = 0;
            for at in 1..=codes.len() {
                if at < codes.len() && codes[at] == codes[from] {
                    continue;
                }
                if let Some(state) = usize::try_from(codes[from])
                    .ok()
                    .and_then(|code| sequences.alphabet().states().get(code))
                {
                    let state = state.label.clone();
                    bars.push((person as u32, Bar { start: day(from), end: day(at), state }));
                }
                from = at;
            }
        }
        let axis =
            if calendar.is_some() { Axis::Days } else { Axis::Positions(positions.to_vec()) };
        let ids = sequences.ids();
        let persons = (0..ids.len()).map(|row| ids.label(row).unwrap_or_default()).collect();
        Self { name: name.to_owned(), axis, persons, bars }
    }
}

/// Days that are marked.
#[derive(Clone, Debug)]
pub struct Events {
    pub(crate) marks: Vec<(String, Mark)>,
}

impl Events {
    /// One row an event: person, day and what happened; rows without one of them are left out.
    ///
    /// # Errors
    ///
    /// [`CasesError::Data`].
    pub fn of(table: &Table, person: &str, day: &str, what: &str) -> Result<Self, CasesError> {
        let days: Vec<Option<Day>> = table.column("events", day)?.to_days("events", day)?;
        let (persons, words) =
            (Coded::named(table, "events", person)?, Coded::named(table, "events", what)?);
        let marks = days.into_iter().enumerate().filter_map(|(row, day)| {
            let person = persons.labels[persons.codes[row]? as usize].clone();
            let what = words.labels[words.codes[row]? as usize].clone();
            Some((person, Mark { day: day?.0, what }))
        });
        Ok(Self { marks: marks.collect() })
    }
}
