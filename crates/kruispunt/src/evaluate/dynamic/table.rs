//! Risk sets to look at: who could have started when, and how spells of eligibility end.

use super::DynamicMatching;
use super::risk::Standing;
use crate::data::{Account, Caution, Column, Count, Panel, Step, Table, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who could have started a treatment in each period, and at which elapsed duration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskTable {
    rows: Table,
    spells: Table,
    by_period: Table,
    by_duration: Table,
    account: Account,
    cautions: Vec<Caution>,
}

impl RiskTable {
    /// One row a person and a period at risk: `duration` in periods, `starts` now, `later` in the
    /// panel.
    #[must_use]
    pub const fn rows(&self) -> &Table {
        &self.rows
    }

    /// One row a spell of eligibility: the period it begins in, its length `time` in periods, how
    /// it ends (`event`: `start` or the kind that starts, `left` when eligibility ends, `gone` when
    /// the person leaves the registers, null when the panel ends), and whether it was there already
    /// when the panel begins (`truncated`), so that it is longer than can be seen.
    #[must_use]
    pub const fn spells(&self) -> &Table {
        &self.spells
    }

    /// One row a period: at risk, starts, who starts later, who never does, and who is eligible but
    /// in no risk set since the duration is unknown.
    #[must_use]
    pub const fn by_period(&self) -> &Table {
        &self.by_period
    }

    /// One row an elapsed duration, as [`by_period`](Self::by_period).
    #[must_use]
    pub const fn by_duration(&self) -> &Table {
        &self.by_duration
    }

    /// What happened to the rows of the panel.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }
}

/// Counts of a period or a duration.
#[derive(Clone, Copy, Default)]
struct Tally {
    risk: i64,
    starts: i64,
    later: i64,
    unknown: i64,
}

impl Tally {
    fn table(name: &str, keys: Column, all: &[Self]) -> Result<Table, EvaluateError> {
        let of = |get: fn(&Self) -> i64| Column::int(all.iter().map(get).collect());
        Ok(Table::new([
            (name, keys),
            ("at_risk", of(|own| own.risk)),
            ("starts", of(|own| own.starts)),
            ("later", of(|own| own.later)),
            ("never", of(|own| own.risk - own.starts - own.later)),
            ("unknown", of(|own| own.unknown)),
        ])?)
    }
}

/// Spells of eligibility, column by column.
#[derive(Default)]
struct Spelled {
    person: Vec<u32>,
    begin: Vec<i32>,
    time: Vec<i64>,
    event: Vec<Option<u32>>,
    truncated: Vec<bool>,
}

/// The spell a walk through a person's rows is in.
#[derive(Clone, Copy)]
struct Open {
    begin: u32,
    last: u32,
}

const LEFT: u32 = 0;
const GONE: u32 = 1;
const START: u32 = 2;

impl DynamicMatching {
    /// Who could have started when, without looking at outcomes.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with), but nobody needs to start.
    pub fn risk_table_with(
        &self,
        panel: &Panel,
        ticket: &Ticket,
    ) -> Result<RiskTable, EvaluateError> {
        super::go_on(ticket)?;
        let standings = self.standings(panel)?;
        let positions = panel.positions();
        let (mut by_period, mut by_duration) =
            (vec![Tally::default(); panel.calendar().len()], BTreeMap::<u32, Tally>::new());
        let (mut at, mut durations, mut starts, mut laters) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut lost = [0_usize; 5];
        for (row, standing) in standings.iter().enumerate() {
            let period = &mut by_period[positions[row] as usize];
            match *standing {
                Standing::Group => lost[0] += 1,
                Standing::Not => lost[1] += 1,
                Standing::Before => lost[2] += 1,
                Standing::Early => lost[3] += 1,
                Standing::Unknown => {
                    lost[4] += 1;
                    period.unknown += 1;
                }
                Standing::Risk { duration, begins, later } => {
                    for own in [period, by_duration.entry(duration).or_default()] {
                        own.risk += 1;
                        own.starts += i64::from(begins);
                        own.later += i64::from(later);
                    }
                    at.push(row as u32);
                    durations.push(i64::from(duration));
                    starts.push(begins);
                    laters.push(later);
                }
            }
        }
        let (spells, truncated) = self.spells(panel, &standings)?;
        let codes = panel.person_codes();
        let persons: Vec<u32> = at.iter().map(|&row| codes[row as usize]).collect();
        let mut different = persons.clone();
        different.dedup();
        let step = Step::new(
            "risk_sets",
            format!("eligible by {}", self.eligible),
            panel.count(),
            Count::of(at.len(), different.len()),
        )
        .exclude("of another group", Count::rows(lost[0]))
        .exclude("not eligible in the period", Count::rows(lost[1]))
        .exclude("treated before", Count::rows(lost[2]))
        .exclude("treated before the person is first seen", Count::rows(lost[3]))
        .exclude(
            "eligible since before the panel begins, for how long is unknown",
            Count::rows(lost[4]),
        );
        let cautions = older(truncated, spells.n_rows());
        let first = panel.calendar().period(0).number;
        let numbers = (0..panel.calendar().len()).map(|at| first + at as i32).collect();
        let keys = Column::periods(panel.calendar().unit(), numbers);
        let lengths = Column::int(by_duration.keys().map(|&own| i64::from(own)).collect());
        let lasting: Vec<Tally> = by_duration.values().copied().collect();
        Ok(RiskTable {
            rows: Table::new([
                (panel.persons().name(), panel.persons().ids().gather(&persons)),
                (panel.period_name(), panel.period_column().take(&at)),
                ("duration", Column::int(durations)),
                ("starts", Column::bool(starts)),
                ("later", Column::bool(laters)),
            ])?,
            spells,
            by_period: Tally::table(panel.period_name(), keys, &by_period)?,
            by_duration: Tally::table("duration", lengths, &lasting)?,
            account: panel.account().clone().then(step),
            cautions,
        })
    }

    /// Spells of eligibility up to their end or the first treatment, and how many are truncated.
    fn spells(
        &self,
        panel: &Panel,
        standings: &[Standing],
    ) -> Result<(Table, usize), EvaluateError> {
        let (kinds, labels) = match &self.kind_column {
            None => (None, Vec::new()),
            Some(name) => {
                let column = panel.column("kind", name)?;
                let (codes, first) = column.ranks();
                let label = |&row: &u32| column.label(row as usize).unwrap_or_default();
                (Some(codes), first.iter().map(label).collect::<Vec<String>>())
            }
        };
        let positions = panel.positions();
        let end = panel.calendar().len() as u32;
        let mut all = Spelled::default();
        for person in 0..panel.persons().len() {
            let mut open: Option<Open> = None;
            let rows = panel.of(person);
            let mut close = |own: Open, event: Option<u32>| {
                all.person.push(person as u32);
                all.begin.push(panel.calendar().period(own.begin as usize).number);
                all.time.push(i64::from(own.last - own.begin) + 1);
                all.event.push(event);
                all.truncated.push(own.begin <= self.gap);
            };
            for row in rows.clone() {
                let here = positions[row];
                if let Some(own) = open.filter(|own| here - own.last > self.gap + 1) {
                    // A hole in the rows, or a state that does not make eligible.
                    let seen = row > rows.start && positions[row - 1] + 1 == here;
                    close(own, Some(if seen || here - own.last == 1 { LEFT } else { GONE }));
                    open = None;
                }
                match standings[row] {
                    Standing::Unknown => {
                        let begin = open.map_or(here, |own| own.begin);
                        open = Some(Open { begin, last: here });
                    }
                    Standing::Risk { begins, .. } => {
                        let begin = open.map_or(here, |own| own.begin);
                        let own = Open { begin, last: here };
                        open = Some(own);
                        if begins {
                            let kind = kinds.as_ref().and_then(|kinds| kinds[row]);
                            close(own, Some(kind.map_or(START, |kind| START + 1 + kind)));
                            open = None;
                            break;
                        }
                    }
                    Standing::Before | Standing::Early => break,
                    Standing::Group | Standing::Not => {}
                }
            }
            if let Some(own) = open {
                let last = positions[rows.end - 1];
                let event = match own.last {
                    at if at + 1 == end => None,
                    at if at < last => Some(LEFT),
                    _ => Some(GONE),
                };
                close(own, event);
            }
        }
        let mut names = vec!["left", "gone", "start"];
        names.extend(labels.iter().map(String::as_str));
        let truncated = all.truncated.iter().filter(|own| **own).count();
        let table = Table::new([
            (panel.persons().name(), panel.persons().ids().gather(&all.person)),
            ("begin", Column::periods(panel.calendar().unit(), all.begin)),
            ("time", Column::int(all.time)),
            ("event", Column::text(all.event.iter().map(|own| own.map(|at| names[at as usize])))),
            ("truncated", Column::bool(all.truncated)),
        ])?;
        Ok((table, truncated))
    }
}

/// Says how many spells are older than the panel.
fn older(truncated: usize, all: usize) -> Vec<Caution> {
    if truncated == 0 {
        return Vec::new();
    }
    let text = format!(
        "{truncated} spells of {all} were there already when the panel begins: the short ones of \
         their time have ended unseen, so that what is left is longer than it should be; leave them \
         out where durations are compared (`truncated`)"
    );
    vec![caution("left_truncation", text)]
}

/// Paths through stages: in which order persons first reach them, how many, and after how long.
///
/// `stages` are labels and columns with the period in which a person first reaches the stage (null:
/// never). Stages of one period stand side by side with a plus. One row a path, the commonest first:
/// `path`, `persons`, `share`, `steps`, and the mean number of periods from the first stage to the
/// last.
///
/// # Errors
///
/// [`EvaluateError::Data`] for columns, [`EvaluateError::Varies`] for a period that changes within a
/// person, [`EvaluateError::BadArgument`] without stages.
pub fn stage_paths(panel: &Panel, stages: &[(String, String)]) -> Result<Table, EvaluateError> {
    if stages.is_empty() {
        let (argument, expected) = ("stages", "at least one stage");
        return Err(EvaluateError::BadArgument { argument, expected, got: "none".to_owned() });
    }
    let read: Vec<Vec<Option<i32>>> = stages
        .iter()
        .map(|(_, column)| super::risk::periods(panel, "stages", column))
        .collect::<Result<_, _>>()?;
    let mut found: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    for person in 0..panel.persons().len() {
        let row = panel.of(person).start;
        let mut own: Vec<(i32, usize)> = read
            .iter()
            .enumerate()
            .filter_map(|(stage, periods)| periods[row].map(|period| (period, stage)))
            .collect();
        own.sort_unstable();
        let mut path = String::new();
        for (at, &(period, stage)) in own.iter().enumerate() {
            if at > 0 {
                path.push_str(if own[at - 1].0 == period { " + " } else { " > " });
            }
            path.push_str(&stages[stage].0);
        }
        let lasts = own.last().map_or(0, |own| own.0) - own.first().map_or(0, |own| own.0);
        let slot = found.entry(if path.is_empty() { "none".to_owned() } else { path }).or_default();
        *slot = (slot.0 + 1, own.len() as i64, slot.2 + i64::from(lasts));
    }
    let mut rows: Vec<(String, (i64, i64, i64))> = found.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(&b.0)));
    let all = panel.persons().len().max(1) as f64;
    Ok(Table::new([
        ("path", Column::text(rows.iter().map(|own| Some(own.0.as_str())))),
        ("persons", Column::int(rows.iter().map(|own| own.1.0).collect())),
        ("share", Column::float(rows.iter().map(|own| own.1.0 as f64 / all).collect())),
        ("steps", Column::int(rows.iter().map(|own| own.1.1).collect())),
        (
            "mean_periods",
            Column::float(rows.iter().map(|own| own.1.2 as f64 / own.1.0 as f64).collect()),
        ),
    ])?)
}
