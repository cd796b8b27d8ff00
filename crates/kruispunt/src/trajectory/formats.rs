use super::alphabet::{MISSING, VOID};
use super::error::bad;
use super::read::{Cells, check_size, range, times};
use super::{Reader, Sequences, TrajectoryError};
use crate::data::{Account, Column, NOBODY, Persons, Table};
use std::fmt::Write as _;

/// Sequences written out and read back in the formats the literature has (Ritschard, Gabadinho,
/// Studer & Muller 2009, "Converting between various sequence representations").
impl Sequences {
    /// STS: one column a position with the name of the state, null where there is none.
    #[must_use]
    pub fn to_sts(&self) -> Table {
        let names = self.alphabet.names();
        let mut table = Table::default();
        let _ = table.push(self.id.clone(), self.ids.clone());
        for (at, position) in self.positions.iter().enumerate() {
            let codes: Vec<Option<u32>> =
                (0..self.len()).map(|row| self.state(row, at).map(u32::from)).collect();
            let _ = table.push(position.clone(), Column::category(&codes, &names));
        }
        table
    }

    /// SPELL: one row a spell with person, `state`, and `begin` and `end`, positions counted from
    /// 1, both included. A missing position ends a spell.
    #[must_use]
    pub fn to_spells(&self) -> Table {
        let (mut who, mut state) = (Vec::new(), Vec::new());
        let (mut begin, mut end) = (Vec::new(), Vec::<i64>::new());
        for row in 0..self.len() {
            let body = self.body(row);
            for (at, &code) in body.iter().enumerate().filter(|&(_, &code)| code != MISSING) {
                if at > 0 && body[at - 1] == code {
                    if let Some(last) = end.last_mut() {
                        *last += 1;
                    }
                } else {
                    who.push(row as u32);
                    state.push(Some(u32::from(code)));
                    begin.push(at as i64 + 1);
                    end.push(at as i64 + 1);
                }
            }
        }
        let mut table = Table::default();
        let _ = table.push(self.id.clone(), self.ids.take(&who));
        let _ = table.push("begin", Column::int(begin));
        let _ = table.push("end", Column::int(end));
        let _ = table.push("state", Column::category(&state, &self.alphabet.names()));
        table
    }

    /// DSS: the distinct successive states and how long each lasts, `A-B-A` and `3-7-2`; missing
    /// positions are left out.
    #[must_use]
    pub fn to_dss(&self) -> Table {
        let names = self.alphabet.names();
        let join = |row: usize, part: &dyn Fn(&(u8, u32)) -> String| {
            self.spells(row).iter().map(part).collect::<Vec<_>>().join("-")
        };
        let states: Vec<String> = (0..self.len())
            .map(|row| join(row, &|(state, _)| names[*state as usize].to_owned()))
            .collect();
        let lengths: Vec<String> =
            (0..self.len()).map(|row| join(row, &|(_, length)| length.to_string())).collect();
        let mut table = Table::default();
        let _ = table.push(self.id.clone(), self.ids.clone());
        let _ = table.push("states", Column::text(states.iter().map(|text| Some(text.as_str()))));
        let _ = table.push("lengths", Column::text(lengths.iter().map(|text| Some(text.as_str()))));
        table
    }

    /// SPS: `(A,3)-(B,7)`, missing positions as `*`.
    #[must_use]
    pub fn to_sps(&self) -> Table {
        let names = self.alphabet.names();
        let texts: Vec<String> = (0..self.len())
            .map(|row| {
                let mut text = String::new();
                let body = self.body(row);
                let mut at = 0;
                while at < body.len() {
                    let length = body[at..].iter().take_while(|&&code| code == body[at]).count();
                    let name = if body[at] == MISSING { "*" } else { names[body[at] as usize] };
                    let dash = if at == 0 { "" } else { "-" };
                    let _ = write!(text, "{dash}({name},{length})");
                    at += length;
                }
                text
            })
            .collect();
        let mut table = Table::default();
        let _ = table.push(self.id.clone(), self.ids.clone());
        let _ = table.push("sequence", Column::text(texts.iter().map(|text| Some(text.as_str()))));
        table
    }

    /// The sequence as `A-A-B`, `*` for missing, nothing for positions after the end.
    #[must_use]
    pub fn text(&self, sequence: usize) -> String {
        let names = self.alphabet.names();
        let name = |&code: &u8| match code {
            MISSING | VOID => "*",
            code => names[code as usize],
        };
        self.body(sequence).iter().map(name).collect::<Vec<_>>().join("-")
    }
}

/// Where the positions of spells count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clock {
    /// The first begin of all: one position a unit of the calendar.
    #[default]
    Calendar,
    /// The first begin of each person.
    Person,
}

impl Reader {
    /// Sequences from SPELL: one row a spell, `begin` and `end` whole numbers or periods, both
    /// included. Where spells overlap the later row counts.
    ///
    /// # Errors
    ///
    /// As [`Reader::wide`], and [`TrajectoryError::BadArgument`] for a spell that ends before it
    /// begins.
    pub fn spells(
        &self,
        table: &Table,
        person: &str,
        span: (&str, &str),
        state: &str,
        clock: Clock,
    ) -> Result<Sequences, TrajectoryError> {
        table.require_rows("data")?;
        let (persons, who) = Persons::encode("person", person, table.column("person", person)?)?;
        let (begin, label) = times("begin", span.0, table.column("begin", span.0)?)?;
        let (end, _) = times("end", span.1, table.column("end", span.1)?)?;
        let states = table.column("state", state)?;
        let (codes, rows) = states.ranks();
        let names =
            rows.iter().map(|&row| states.label(row as usize).unwrap_or_default()).collect();
        let (first, last) = range(&[begin.clone(), end.clone()].concat())?;
        let mut origin = vec![first; persons.len()];
        let mut width = (last - first + 1) as usize;
        if clock == Clock::Person {
            origin = vec![i64::MAX; persons.len()];
            for (&who, begin) in who.iter().zip(&begin) {
                if let (Some(own), Some(begin)) = (origin.get_mut(who as usize), begin) {
                    *own = (*own).min(*begin);
                }
            }
            let reach = who.iter().zip(&end).filter_map(|(&who, end)| {
                let own = origin.get(who as usize).filter(|&&own| own != i64::MAX)?;
                end.map(|end| end - own + 1)
            });
            width = reach.max().unwrap_or(1).max(1) as usize;
        }
        check_size(persons.len(), width)?;
        let mut cells = vec![None; persons.len() * width];
        for row in 0..table.n_rows() {
            let (Some(begin), Some(end)) = (begin[row], end[row]) else { continue };
            if who[row] == NOBODY {
                continue;
            }
            if end < begin {
                return Err(bad("end", "not before `begin`", format!("earlier at row {row}")));
            }
            let own = who[row] as usize;
            let from = own * width + (begin - origin[own]) as usize;
            cells[from..=from + (end - begin) as usize].fill(codes[row]);
        }
        let positions = match clock {
            Clock::Calendar => (first..=last).map(label).collect(),
            Clock::Person => (1..=width).map(|at| at.to_string()).collect(),
        };
        self.build(Cells {
            codes: cells,
            names,
            positions,
            id: person.to_owned(),
            ids: persons.ids().clone(),
            weights: None,
            account: Account::new("sequences"),
        })
    }
}
