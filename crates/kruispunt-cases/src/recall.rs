//! What is told, beside what the register says.

use crate::CasesError;
use crate::groups::Coded;
use kruispunt::data::{Account, Column, Count, Day, Linked, Spells, Step, Table};

/// How near is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// Days apart at most for a match.
    pub days: i32,
    /// Days apart at most for an event that is remembered at another time.
    pub telescoped: i32,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { days: 92, telescoped: 1096 }
    }
}

/// Compares told events with the starts of spells of the same person and state.
///
/// Pairs are taken in the order of the days between them, each event and each spell once: `matched`
/// within `days`, `telescoped forward` when told later than the register says (remembered as more
/// recent; Neter & Waksberg 1964, *JASA* 59(305), 18-55), `telescoped backward` when told earlier.
/// Told events without a spell are `not in register`, spells without an event, of persons who told
/// anything, `not told`. The answer has `person`, `event`, `told`, `register`, `days` (told less
/// register) and `outcome`.
///
/// # Errors
///
/// [`CasesError::Argument`] for spells without states or a negative tolerance, [`CasesError::Data`].
pub fn recall(
    told: &Table,
    (person, day, event): (&str, &str, &str),
    register: &Spells,
    tolerance: Tolerance,
) -> Result<Linked, CasesError> {
    if tolerance.days < 0 || tolerance.telescoped < tolerance.days {
        let expected = "days of 0 or more, and no fewer for what is telescoped";
        return Err(CasesError::argument("tolerance", expected, "less"));
    }
    let Some(states) = register.state().and_then(|state| register.columns().get(state)) else {
        return Err(CasesError::argument("register", "spells with a state", "none"));
    };
    let days = told.column("day", day)?.to_days("day", day)?;
    let who = Coded::named(told, "person", person)?;
    let what = Coded::named(told, "event", event)?;
    let persons = register.persons();
    let ids: Vec<String> =
        (0..persons.len()).map(|at| persons.ids().label(at).unwrap_or_default()).collect();
    let mut rows: Vec<Row> = Vec::new();
    let mut incomplete = 0_usize;
    let mut events: Vec<Vec<(usize, i32, String)>> = vec![Vec::new(); who.labels.len()];
    for (row, day) in days.iter().enumerate() {
        match (who.codes[row], *day, what.codes[row]) {
            (Some(who), Some(day), Some(code)) => {
                events[who as usize].push((row, day.0, what.labels[code as usize].clone()));
            }
            _ => incomplete += 1,
        }
    }
    let mut nobody = 0_usize;
    let mut ties = 0_u64;
    for (own, events) in who.labels.iter().zip(events) {
        if events.is_empty() {
            continue;
        }
        let spells = ids.iter().position(|id| id == own).map_or(0..0, |at| register.of(at));
        nobody += usize::from(spells.is_empty());
        let spells: Vec<(i32, String)> =
            spells.filter_map(|at| Some((register.starts()[at], states.label(at)?))).collect();
        compare(own, &events, &spells, tolerance, &mut rows, &mut ties);
    }
    finish(told, &rows, (incomplete, nobody, ties), tolerance)
}

struct Row {
    person: String,
    event: String,
    told: Option<i32>,
    register: Option<i32>,
    outcome: &'static str,
}

fn compare(
    person: &str,
    events: &[(usize, i32, String)],
    spells: &[(i32, String)],
    tolerance: Tolerance,
    rows: &mut Vec<Row>,
    ties: &mut u64,
) {
    let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
    for (at, (_, day, what)) in events.iter().enumerate() {
        for (place, (start, state)) in spells.iter().enumerate() {
            let apart = (i64::from(*day) - i64::from(*start)).abs();
            if what == state && apart <= i64::from(tolerance.telescoped) {
                pairs.push((apart, at, place));
            }
        }
    }
    pairs.sort_unstable();
    *ties +=
        pairs.windows(2).filter(|two| two[0].0 == two[1].0 && two[0].1 == two[1].1).count() as u64;
    let mut of = vec![None; events.len()];
    let mut taken = vec![false; spells.len()];
    for (_, at, place) in pairs {
        if of[at].is_none() && !taken[place] {
            of[at] = Some(place);
            taken[place] = true;
        }
    }
    for (at, (_, day, what)) in events.iter().enumerate() {
        let register = of[at].map(|place| spells[place].0);
        let outcome = match register.map(|start| day - start) {
            None => "not in register",
            Some(apart) if apart.abs() <= tolerance.days => "matched",
            Some(apart) if apart > 0 => "telescoped forward",
            Some(_) => "telescoped backward",
        };
        let (person, event) = (person.to_owned(), what.clone());
        rows.push(Row { person, event, told: Some(*day), register, outcome });
    }
    for (place, (start, state)) in spells.iter().enumerate() {
        if !taken[place] {
            let (person, event) = (person.to_owned(), state.clone());
            rows.push(Row {
                person,
                event,
                told: None,
                register: Some(*start),
                outcome: "not told",
            });
        }
    }
}

fn finish(
    told: &Table,
    rows: &[Row],
    (incomplete, nobody, ties): (usize, usize, u64),
    tolerance: Tolerance,
) -> Result<Linked, CasesError> {
    let days = |of: fn(&Row) -> Option<i32>| {
        Column::dates(&rows.iter().map(|row| of(row).map(Day)).collect::<Vec<_>>())
    };
    let apart = |row: &Row| Some(i64::from(row.told?) - i64::from(row.register?));
    let table = Table::new([
        ("person", Column::text(rows.iter().map(|row| Some(row.person.as_str())))),
        ("event", Column::text(rows.iter().map(|row| Some(row.event.as_str())))),
        ("told", days(|row| row.told)),
        ("register", days(|row| row.register)),
        ("days", Column::ints(&rows.iter().map(apart).collect::<Vec<_>>())),
        ("outcome", Column::text(rows.iter().map(|row| Some(row.outcome)))),
    ])?;
    let mut step = Step::new(
        "recall",
        format!(
            "within {} days matched, within {} telescoped",
            tolerance.days, tolerance.telescoped
        ),
        Count::rows(told.n_rows()),
        Count::rows(told.n_rows() - incomplete),
    )
    .exclude("person, day or event is missing", Count::rows(incomplete))
    .tied("events as near to two spells", ties, "the earlier spell");
    for outcome in
        ["matched", "telescoped forward", "telescoped backward", "not in register", "not told"]
    {
        let count = rows.iter().filter(|row| row.outcome == outcome).count();
        step = step.note(format!("{outcome}: {count}"));
    }
    if nobody > 0 {
        step = step.note(format!("{nobody} persons have no spell in the register"));
    }
    Ok(Linked::new(table, Account::new("told events").then(step)))
}
