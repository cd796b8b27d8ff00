//! Who must, and who may, follow civic integration in Flanders.

use super::Card;
use crate::country::country_of;
use crate::error::BelgiumError;
use kruispunt::data::{Account, Column, Count, Day, Linked, Step, Table};

pub(super) const CARD: Card = Card {
    name: "obligation",
    definition: "obliged: adults (18 to 64) from outside the EU who settle in Flanders for family, \
                 protection or regularisation; from 29 February 2016 also those who move there from \
                 Brussels or Wallonia within five years of their arrival in Belgium. Entitled: other \
                 adult newcomers of foreign nationality. The level of Dutch to reach is A1, and A2 \
                 for obligations from 29 February 2016 on",
    limits: "nationality at arrival decides; exemptions (earlier diploma, illness, 65 and over) are \
             not seen; the reason of stay is near complete from 2013 only, and without it there is no \
             answer",
    source: "Flemish decrees on civic integration of 28 February 2003 and 7 June 2013 (in force 29 \
             February 2016)",
};

/// Where the columns stand that an obligation is read from.
#[derive(Clone, Copy, Debug)]
pub struct Newcomers<'a> {
    /// The nationality at arrival: a country code.
    pub nationality: &'a str,
    /// The reason of stay, codes of IT202: 1 family, 2 protection, 3 regularisation, 4 worker...
    pub reason: &'a str,
    /// The birth date.
    pub birth_date: &'a str,
    /// The first registration in Belgium.
    pub arrival: &'a str,
    /// The first registration in Flanders; where the arrival was in Flanders, not needed.
    pub settled: Option<&'a str>,
}

/// What civic integration asks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// Must follow it.
    Obliged,
    /// May follow it.
    Entitled,
}

impl Obligation {
    /// The word of the register: `verplicht`, `rechthebbend`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Obliged => "verplicht",
            Self::Entitled => "rechthebbend",
        }
    }
}

/// What is known of one newcomer.
struct Newcomer<'a> {
    nationality: Option<&'a str>,
    reason: Option<&'a str>,
    birth: Option<Day>,
    arrival: Option<Day>,
    settled: Option<Day>,
}

/// The day the decree of 7 June 2013 came into force.
fn decree() -> Day {
    Day::new(2016, 2, 29).unwrap_or_default()
}

/// Whole years between two days.
fn years(from: Day, to: Day) -> i32 {
    let ((fy, fm, fd), (ty, tm, td)) = (from.ymd(), to.ymd());
    ty - fy - i32::from((tm, td) < (fm, fd))
}

/// Text as codes, and the strings they stand for.
type Labels = (Vec<Option<u32>>, Vec<String>);

/// The text of a row; an empty one is missing.
fn at(of: &Labels, row: usize) -> Option<&str> {
    of.0[row].map(|code| of.1[code as usize].as_str()).filter(|text| !text.is_empty())
}

type Answer = (Option<Obligation>, Option<&'static str>, Option<&'static str>);

impl Newcomer<'_> {
    /// The obligation, the level of Dutch, and why there is none.
    fn answer(&self) -> Answer {
        let none = |why| (None, None, Some(why));
        let Some(arrival) = self.arrival else { return none("arrival unknown") };
        let settled = self.settled.unwrap_or(arrival);
        let Some(birth) = self.birth else { return none("birth date unknown") };
        let Some(country) = self.nationality else { return none("nationality unknown") };
        let Some(country) = country_of(country) else {
            return none("country code not in the list");
        };
        if country.iso2 == "BE" {
            return none("Belgian");
        }
        let age = years(birth, settled);
        if age < 18 {
            return none("younger than 18");
        }
        let obliged_by_status = match (country.origin.is_non_eu(), self.reason) {
            (false, _) => false,
            (true, None) => return none("reason of stay unknown"),
            (true, Some(reason)) => matches!(reason, "1" | "2" | "3") && age < 65,
        };
        // who came to Flanders from another region was not obliged before the decree of 2013
        let moved = settled > arrival + 31;
        let in_time = !moved || (settled >= decree() && years(arrival, settled) < 5);
        if obliged_by_status && in_time {
            let level = if settled >= decree() { "A2" } else { "A1" };
            return (Some(Obligation::Obliged), Some(level), None);
        }
        (Some(Obligation::Entitled), None, None)
    }
}

/// What civic integration asks of each row of `data`.
///
/// The answer has the column `person`, `doelgroep` (`verplicht`, `rechthebbend`), `nt2_level` (the
/// level an obligation asks for) and `doelgroep_reason` (why there is no answer).
///
/// # Errors
///
/// [`BelgiumError::Data`] when a column is not there or holds something else.
pub fn obligation(
    data: &Table,
    person: &str,
    columns: &Newcomers<'_>,
) -> Result<Linked, BelgiumError> {
    let ids = data.column("person", person)?;
    let labels = |argument: &str, name: &str| -> Result<Labels, BelgiumError> {
        let column = data.column(argument, name)?;
        let (codes, first) = column.ranks();
        let level = |row: &u32| column.label(*row as usize).unwrap_or_default().trim().to_owned();
        Ok((codes, first.iter().map(level).collect::<Vec<_>>()))
    };
    let days = |argument: &str, name: &str| -> Result<Vec<Option<Day>>, BelgiumError> {
        Ok(data.column(argument, name)?.to_days(argument, name)?)
    };
    let nationality = labels("nationality", columns.nationality)?;
    let reason = labels("reason", columns.reason)?;
    let birth = days("birth_date", columns.birth_date)?;
    let arrival = days("arrival", columns.arrival)?;
    let settled = columns.settled.map(|name| days("settled", name)).transpose()?;
    let answer = |row: usize| {
        let newcomer = Newcomer {
            nationality: at(&nationality, row),
            reason: at(&reason, row),
            birth: birth[row],
            arrival: arrival[row],
            settled: settled.as_ref().and_then(|days| days[row]),
        };
        newcomer.answer()
    };
    let answers: Vec<Answer> = (0..data.n_rows()).map(answer).collect();
    let words = answers.iter().map(|(group, ..)| group.map(Obligation::word));
    let rows = Count::rows(answers.len());
    let mut step =
        Step::new("obligation", "civic integration, rules by date of settlement", rows, rows)
            .note(format!("by group: {}", crate::tally(words.clone().flatten())));
    let reasons = answers.iter().filter_map(|(_, _, reason)| *reason);
    if reasons.clone().next().is_some() {
        step = step.note(format!("no answer: {}", crate::tally(reasons)));
    }
    let table = Table::new([
        (person, ids.clone()),
        ("doelgroep", Column::text(words)),
        ("nt2_level", Column::text(answers.iter().map(|(_, level, _)| *level))),
        ("doelgroep_reason", Column::text(answers.iter().map(|(_, _, reason)| *reason))),
    ])?;
    Ok(Linked::new(table, Account::new(person).then(step)))
}
