//! What a drawing hides.

use super::{Axis, Events, Lane, Life};
use crate::CasesError;
use kruispunt::data::{Day, Period, Seed, Unit};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

/// Dates coarsened or shifted, rare states hidden. There are never identifiers on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privacy {
    unit: Option<Unit>,
    jitter: u32,
    rare: usize,
    seed: u64,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { unit: Some(Unit::Quarter), jitter: 0, rare: 5, seed: 1 }
    }
}

/// What a hidden state is called.
const HIDDEN: &str = "other";

impl Privacy {
    /// Dates to the first day of their quarter; states of fewer than 5 persons hidden.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Dates to the first day of this unit; none leaves them.
    #[must_use]
    pub const fn coarsen(mut self, unit: Option<Unit>) -> Self {
        self.unit = unit;
        self
    }

    /// All dates of a person shifted by the same number of days, drawn from `-days` to `days`, so
    /// that durations stay.
    #[must_use]
    pub const fn jitter(mut self, days: u32) -> Self {
        self.jitter = days;
        self
    }

    /// States that fewer persons than this have, in all of the source, become "other".
    #[must_use]
    pub const fn rare(mut self, persons: usize) -> Self {
        self.rare = persons;
        self
    }

    /// The seed of the shifts.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// States of too few persons, lane by lane.
    pub(super) fn rare_states(&self, lanes: &[Lane]) -> Vec<FxHashSet<String>> {
        lanes
            .iter()
            .map(|lane| {
                let mut persons: FxHashMap<&str, FxHashSet<u32>> = FxHashMap::default();
                for (person, bar) in &lane.bars {
                    persons.entry(&bar.state).or_default().insert(*person);
                }
                persons
                    .into_iter()
                    .filter(|(_, own)| own.len() < self.rare)
                    .map(|(state, _)| state.to_owned())
                    .collect()
            })
            .collect()
    }

    /// Events of too few persons.
    pub(super) fn rare_events(&self, events: Option<&Events>) -> FxHashSet<String> {
        let mut persons: FxHashMap<&str, FxHashSet<&str>> = FxHashMap::default();
        for (person, mark) in events.iter().flat_map(|events| &events.marks) {
            persons.entry(&mark.what).or_default().insert(person);
        }
        let few = persons.into_iter().filter(|(_, own)| own.len() < self.rare);
        few.map(|(what, _)| what.to_owned()).collect()
    }

    /// The unit of dates.
    pub(super) const fn unit(&self) -> Option<Unit> {
        self.unit
    }

    fn round(&self, day: i32) -> i32 {
        match self.unit {
            Some(unit) if day != Day::OPEN.0 => Period::of(Day(day), unit).first_day().0,
            _ => day,
        }
    }

    /// Does it, and says what was done.
    pub(super) fn apply(
        &self,
        lives: &mut [Life],
        rare: &[FxHashSet<String>],
        events: &FxHashSet<String>,
        axis: &Axis,
    ) -> Result<Vec<String>, CasesError> {
        let days = *axis == Axis::Days;
        if !days && self.jitter > 0 {
            let got = "sequences of positions";
            return Err(CasesError::argument("privacy", "spells of days to shift", got));
        }
        let seed = Seed::new(self.seed).stream(0x0CA5_E5E4);
        let mut hidden = 0_usize;
        for (at, life) in lives.iter_mut().enumerate() {
            let range = u64::from(self.jitter) * 2 + 1;
            let shift = seed.below([at as u64, 0, 0], range) as i32 - self.jitter as i32;
            for (lane, bars) in life.bars.iter_mut().enumerate() {
                for bar in bars.iter_mut() {
                    if rare[lane].contains(&bar.state) {
                        HIDDEN.clone_into(&mut bar.state);
                        hidden += 1;
                    }
                    if days {
                        bar.start = self.round(bar.start + shift);
                        let end = if bar.end == Day::OPEN.0 { bar.end } else { bar.end + shift };
                        bar.end = self.round(end);
                    }
                }
                bars.retain(|bar| bar.start < bar.end);
            }
            for mark in &mut life.marks {
                if events.contains(&mark.what) {
                    HIDDEN.clone_into(&mut mark.what);
                    hidden += 1;
                }
                mark.day = self.round(mark.day + shift);
            }
            life.zero = life.zero.map(|zero| self.round(zero + shift));
            life.marks.sort_by(|a, b| (a.day, &a.what).cmp(&(b.day, &b.what)));
        }
        let mut notes = Vec::new();
        if let Some(unit) = self.unit.filter(|_| days) {
            let name = unit.name();
            notes.push(format!("Dates are those of the first day of their {name}; what lies within one {name} is not shown."));
        }
        if self.jitter > 0 {
            notes.push(format!(
                "All dates of a person are shifted by one number of days, at most {}.",
                self.jitter
            ));
        }
        if self.rare > 1 {
            notes.push(format!(
                "States and events of fewer than {} persons are shown as \"{HIDDEN}\" ({hidden} here).",
                self.rare
            ));
        }
        notes.push("There are no identifiers in this file.".to_owned());
        Ok(notes)
    }
}
