use crate::data::{Calendar, Column, DataError, Day, Spells, Table};
use serde::{Deserialize, Serialize};

/// How many rows a finding shows.
pub(super) const SHOWN: usize = 5;

/// What [`Spells::check`] found, finding by finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    findings: Vec<Finding>,
}

/// One kind of finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `overlap`, `duplicate`, `gap`, `jump`, `teleport`, `outside`, `open`, `inverted`, `empty`,
    /// `no person` or `no first day`.
    pub finding: String,
    /// Spells concerned.
    pub spells: u64,
    /// Persons concerned; unknown for rows that never became spells.
    pub persons: Option<u64>,
    /// The rows of the first spells concerned, at most five.
    pub first_rows: Vec<u32>,
}

impl Check {
    /// The findings, also those that found nothing.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many spells the finding of this name concerns.
    #[must_use]
    pub fn spells(&self, finding: &str) -> u64 {
        self.findings.iter().find(|own| own.finding == finding).map_or(0, |own| own.spells)
    }

    /// One row a finding: its name, spells and persons concerned, the first rows.
    #[must_use]
    pub fn table(&self) -> Table {
        let of = |pick: fn(&Finding) -> i64| self.findings.iter().map(pick).collect::<Vec<_>>();
        let persons: Vec<Option<i64>> =
            self.findings.iter().map(|own| own.persons.map(|n| n as i64)).collect();
        let rows: Vec<String> = self
            .findings
            .iter()
            .map(|own| own.first_rows.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
            .collect();
        Table::new([
            ("finding", Column::text(self.findings.iter().map(|own| Some(own.finding.as_str())))),
            ("spells", Column::int(of(|own| own.spells as i64))),
            ("persons", Column::ints(&persons)),
            ("first_rows", Column::text(rows.iter().map(|row| Some(row.as_str())))),
        ])
        .unwrap_or_default()
    }
}

struct Tally {
    finding: Finding,
    last_person: usize,
}

impl Tally {
    fn new(finding: &str) -> Self {
        let finding = Finding {
            finding: finding.to_owned(),
            spells: 0,
            persons: Some(0),
            first_rows: vec![],
        };
        Self { finding, last_person: usize::MAX }
    }

    fn add(&mut self, person: usize, row: u32) {
        self.finding.spells += 1;
        if self.last_person != person {
            self.last_person = person;
            self.finding.persons = self.finding.persons.map(|n| n + 1);
        }
        if self.finding.first_rows.len() < SHOWN {
            self.finding.first_rows.push(row);
        }
    }
}

impl Spells {
    /// Looks for what commonly is wrong with spells, and changes nothing.
    ///
    /// Within a person, spells in order of start:
    /// - `overlap`: it starts while an earlier spell lasts;
    /// - `duplicate`: days and all carried columns equal those of an earlier spell;
    /// - `gap`: days lie between the end of all earlier spells and its start, and the state after
    ///   is the state before (or there is no state);
    /// - `jump`: as a gap, but the state is another after it, so that a transition went unseen
    ///   (the words of `survcheck` in Therneau's *survival* package);
    /// - `teleport`: it abuts the spell before, which said where the person goes next, and is
    ///   somewhere else; only looked for by [`check_moves`](Self::check_moves);
    /// - `outside`: some of its days lie outside the calendar, when one is given;
    /// - `open`: it has no end;
    /// - `inverted`, `empty`, `no person`, `no first day`: rows set aside by the reader.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingColumn`] never, in spells that were read.
    pub fn check(&self, calendar: Option<&Calendar>) -> Result<Check, DataError> {
        self.check_moves(calendar, None)
    }

    /// As [`check`](Self::check); `next` names a column that says in which state the person is
    /// after the spell. A spell that abuts the one before and has another state than that one said
    /// is a `teleport` (`survcheck`). A null says nothing.
    ///
    /// # Errors
    ///
    /// [`DataError::MissingColumn`]; [`DataError::WrongType`] when spells have no state.
    pub fn check_moves(
        &self,
        calendar: Option<&Calendar>,
        next: Option<&str>,
    ) -> Result<Check, DataError> {
        let state = self.state().map(|name| self.columns.column("state", name)).transpose()?;
        let states = state.map(|column| column.ranks().0);
        let next = match (next, state) {
            (None, _) => None,
            (Some(name), Some(_)) => Some(self.columns.column("next", name)?),
            (Some(name), None) => {
                let column = self.columns.column("next", name)?;
                return Err(column.wrong_type(
                    "next",
                    name,
                    "a next state, of spells with a state",
                ));
            }
        };
        let teleports = |at: usize, last: usize| {
            let (Some(next), Some(state)) = (next, state) else { return false };
            !next.is_null(last) && next.label(last) != state.label(at)
        };
        let window = calendar.map(|calendar| (calendar.first_day().0, calendar.last_day().0 + 1));
        let mut tallies =
            ["overlap", "duplicate", "gap", "jump", "outside", "open", "teleport"].map(Tally::new);
        for person in 0..self.persons.len() {
            let mut reach: Option<(i32, usize)> = None;
            for at in self.of(person) {
                let (start, end) = (self.starts[at], self.ends[at]);
                let mut found = [false; 7];
                if let Some((until, last)) = reach {
                    found[0] = start < until;
                    found[1] = self.repeats(person, at);
                    let changed = states.as_ref().is_some_and(|of| of[at] != of[last]);
                    found[2] = start > until && !changed;
                    found[3] = start > until && changed;
                    found[6] = start == until && teleports(at, last);
                }
                found[4] = window.is_some_and(|(first, next)| {
                    start < first || end > next && end != Day::OPEN.0 || start >= next
                });
                found[5] = end == Day::OPEN.0;
                for (tally, _) in tallies.iter_mut().zip(found).filter(|(_, found)| *found) {
                    tally.add(person, self.rows[at]);
                }
                if reach.is_none_or(|(until, _)| end >= until) {
                    reach = Some((end, at));
                }
            }
        }
        let mut findings: Vec<Finding> = tallies.into_iter().map(|tally| tally.finding).collect();
        if next.is_none() {
            findings.retain(|finding| finding.finding != "teleport");
        }
        for kind in ["inverted", "empty", "no person", "no first day"] {
            let aside = self.aside.iter().find(|aside| aside.finding == kind);
            findings.push(Finding {
                finding: kind.to_owned(),
                spells: aside.map_or(0, |aside| aside.spells),
                persons: None,
                first_rows: aside.map(|aside| aside.first_rows.clone()).unwrap_or_default(),
            });
        }
        Ok(Check { findings })
    }

    /// Whether an earlier spell of the person has the same days and carried values.
    fn repeats(&self, person: usize, at: usize) -> bool {
        let same = |other: &usize| {
            self.columns.columns().iter().all(|column| column.same(*other, column, at))
        };
        (self.of(person).start..at)
            .rev()
            .take_while(|&other| {
                self.starts[other] == self.starts[at] && self.ends[other] == self.ends[at]
            })
            .any(|other| same(&other))
    }
}
