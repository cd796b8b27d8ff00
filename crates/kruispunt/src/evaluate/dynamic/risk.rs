//! Risk sets: who could have started in a period, in cells of alike persons.

use super::score::{Covariates, finite};
use super::{Against, DynamicMatching, go_on};
use crate::data::{Column, Count, Panel, Step, Ticket, Values};
use crate::evaluate::EvaluateError;
use rustc_hash::FxHashMap;

/// A row of the panel that is in a risk set and in a cell with a starter.
pub(super) struct Risk {
    pub(super) row: usize,
    pub(super) person: usize,
    pub(super) cell: u32,
    pub(super) starts: bool,
    /// Starts later in the panel.
    pub(super) later: bool,
    /// Period and elapsed duration.
    pub(super) base: u32,
    /// Its row among those whose covariates were read.
    pub(super) read: u32,
}

/// Who is at risk, in which cells.
pub(super) struct RiskSets {
    pub(super) risk: Vec<Risk>,
    pub(super) n_cells: usize,
    pub(super) covariates: Covariates,
    pub(super) step: Step,
}

/// Rows that are in no risk set, by reason.
#[derive(Default)]
struct Lost {
    not: usize,
    before: usize,
    early: usize,
    unknown: usize,
    other: usize,
    twice: usize,
    group: usize,
}

/// How a row of the panel stands to the treatment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Of another group than the one asked for.
    Group,
    /// Not eligible.
    Not,
    /// Treated in an earlier period.
    Before,
    /// Treated before the person is first seen.
    Early,
    /// Eligible since before the panel begins, for how long is unknown.
    Unknown,
    /// At risk: for so many periods, and whether a treatment begins now or later.
    Risk { duration: u32, begins: bool, later: bool },
}

impl DynamicMatching {
    /// Rows in risk sets, in cells with a starter, with their covariates.
    pub(super) fn risk_sets(
        &self,
        panel: &Panel,
        y: &[f64],
        ticket: &Ticket,
    ) -> Result<RiskSets, EvaluateError> {
        let (found, lost) = self.at_risk(panel)?;
        go_on(ticket)?;
        let left_out = match (&self.versus, self.against) {
            (Some(_), _) => "neither kind of treatment begins in the period",
            (None, Against::Waiting | Against::Untreated) => {
                "another treatment began in the period"
            }
            (None, Against::Never) => "another treatment began in the period, or one begins later",
        };
        let (found, covariates, missing, short) = self.read_covariates(panel, y, found)?;
        let n = found.len();
        let mut risk = self.cells(panel, found)?;
        go_on(ticket)?;
        let starters = risk.iter().filter(|own| own.starts).count();
        if starters == 0 {
            return Err(EvaluateError::NobodyTreated);
        }
        let n_cells = keep_cells_with_starters(&mut risk);
        let persons = {
            let mut persons: Vec<usize> = risk.iter().map(|own| own.person).collect();
            persons.dedup();
            persons.len()
        };
        let after = Count::of(risk.len(), persons);
        let (count, lone) = (Count::rows, n - risk.len());
        let step = Step::new("dynamic_matching", self.told(), panel.count(), after)
            .exclude("of another group", count(lost.group))
            .exclude("not eligible in the period", count(lost.not))
            .exclude("treated before", count(lost.before))
            .exclude("treated before the person is first seen", count(lost.early))
            .exclude("two treatments begin in the period", count(lost.twice))
            .exclude(
                "eligible since before the panel begins, for how long is unknown",
                count(lost.unknown),
            )
            .exclude(left_out, count(lost.other))
            .exclude("the history window begins before the panel or has a gap", count(short))
            .exclude("a covariate is missing", count(missing))
            .exclude("nobody starts in the same cell", count(lone))
            .note(format!("{starters} starts in {n_cells} cells"));
        Ok(RiskSets { risk, n_cells, covariates, step })
    }

    /// How each row of the panel stands to the treatment.
    pub(super) fn standings(&self, panel: &Panel) -> Result<Vec<Standing>, EvaluateError> {
        let eligible = truths(panel, "eligible", &self.eligible)?;
        if !eligible.contains(&true) {
            return Err(EvaluateError::BadArgument {
                argument: "eligible",
                expected: "a column that is true in the rows in which a person may start",
                got: format!("\"{}\", which is true in no row", self.eligible),
            });
        }
        let starts = periods(panel, "treatment", &self.treatment)?;
        let group = match &self.only {
            None => None,
            Some((name, value)) => Some(rows_of(panel, "by", name, value)?),
        };
        let base = panel.calendar().period(0).number;
        let positions = panel.positions();
        let most = self.duration.unwrap_or(u32::MAX);
        let mut all = Vec::with_capacity(panel.n_rows());
        for person in 0..panel.persons().len() {
            // Where the spell of eligibility began and was last seen.
            let mut spell: Option<(u32, u32)> = None;
            let rows = panel.of(person);
            let entry = base + positions[rows.start] as i32;
            for row in rows {
                let here = positions[row];
                if eligible[row] {
                    let goes_on = spell.filter(|own| here - own.1 <= self.gap + 1);
                    spell = Some(goes_on.map_or((here, here), |own| (own.0, here)));
                }
                let now = base + here as i32;
                let start = starts[row];
                all.push(match spell.filter(|_| eligible[row]) {
                    _ if group.as_ref().is_some_and(|own| !own[row]) => Standing::Group,
                    None => Standing::Not,
                    Some(_) if start.is_some_and(|start| start < entry) => Standing::Early,
                    Some(_) if start.is_some_and(|start| start < now) => Standing::Before,
                    Some((begun, _)) => {
                        let duration = here - begun + 1;
                        // A spell that is there at the beginning may be older than the panel.
                        if begun <= self.gap && duration < most {
                            Standing::Unknown
                        } else {
                            Standing::Risk {
                                duration: duration.min(most),
                                begins: start == Some(now),
                                later: start.is_some_and(|start| start > now),
                            }
                        }
                    }
                });
            }
        }
        Ok(all)
    }

    /// Rows of persons who are eligible and not treated before, with the periods they have been
    /// eligible, and why other rows are not among them.
    fn at_risk(&self, panel: &Panel) -> Result<(Vec<(Risk, u32)>, Lost), EvaluateError> {
        let of_kind = match &self.kind {
            None => None,
            Some((name, value)) => Some(rows_of(panel, "kind", name, value)?),
        };
        let versus = match (&self.kind, &self.versus) {
            (Some((name, _)), Some(value)) => Some(rows_of(panel, "versus", name, value)?),
            _ => None,
        };
        let second = self.second_starts(panel)?;
        let base = panel.calendar().period(0).number;
        let positions = panel.positions();
        let standings = self.standings(panel)?;
        let (mut found, mut lost) = (Vec::new(), Lost::default());
        for person in 0..panel.persons().len() {
            for row in panel.of(person) {
                let (duration, begins, later) = match standings[row] {
                    Standing::Risk { duration, begins, later } => (duration, begins, later),
                    Standing::Group => {
                        lost.group += 1;
                        continue;
                    }
                    Standing::Not => {
                        lost.not += 1;
                        continue;
                    }
                    Standing::Before => {
                        lost.before += 1;
                        continue;
                    }
                    Standing::Early => {
                        lost.early += 1;
                        continue;
                    }
                    Standing::Unknown => {
                        lost.unknown += 1;
                        continue;
                    }
                };
                let now = base + positions[row] as i32;
                if begins && second.as_ref().is_some_and(|own| own[row] == Some(now)) {
                    lost.twice += 1;
                } else if versus.is_some() && !begins
                    || begins
                        && !of_kind.as_ref().is_none_or(|rows| rows[row])
                        && !versus.as_ref().is_some_and(|rows| rows[row])
                    || later && self.against == Against::Never
                {
                    lost.other += 1;
                } else {
                    let starts = begins && of_kind.as_ref().is_none_or(|rows| rows[row]);
                    let own = Risk { row, person, cell: 0, starts, later, base: 0, read: 0 };
                    found.push((own, duration));
                }
            }
        }
        Ok((found, lost))
    }

    /// The period in which a second treatment begins, row by row.
    pub(super) fn second_starts(
        &self,
        panel: &Panel,
    ) -> Result<Option<Vec<Option<i32>>>, EvaluateError> {
        self.second.as_ref().map(|name| periods(panel, "second", name)).transpose()
    }

    /// The cell of each row: period, duration and the columns `exact`.
    pub(super) fn cells(
        &self,
        panel: &Panel,
        found: Vec<(Risk, u32)>,
    ) -> Result<Vec<Risk>, EvaluateError> {
        let positions = panel.positions();
        let mut known: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let mut code = |left: u32, right: u32| {
            let next = known.len() as u32;
            *known.entry((left, right)).or_insert(next)
        };
        let mut risk: Vec<Risk> = found
            .into_iter()
            .map(|(own, duration)| {
                let base = code(positions[own.row], duration);
                Risk { cell: base, base, ..own }
            })
            .collect();
        for (name, cuts) in &self.coarse {
            let column = panel.column("coarse", name)?;
            let values = finite(&column, "coarse", name)?;
            let mut known: FxHashMap<(u32, u32), u32> = FxHashMap::default();
            for own in &mut risk {
                let value = values[own.row];
                // A missing value is a class of its own.
                let class = if value.is_nan() {
                    u32::MAX
                } else {
                    cuts.partition_point(|cut| *cut <= value) as u32
                };
                let next = known.len() as u32;
                own.cell = *known.entry((own.cell, class)).or_insert(next);
            }
        }
        for name in &self.exact {
            let (codes, _) = panel.column("exact", name)?.ranks();
            let mut known: FxHashMap<(u32, Option<u32>), u32> = FxHashMap::default();
            for own in &mut risk {
                let next = known.len() as u32;
                own.cell = *known.entry((own.cell, codes[own.row])).or_insert(next);
            }
        }
        Ok(risk)
    }
}

/// Leaves out rows in cells without a starter and numbers the other cells anew.
fn keep_cells_with_starters(risk: &mut Vec<Risk>) -> usize {
    let n = risk.iter().map(|own| own.cell as usize + 1).max().unwrap_or_default();
    let mut place = vec![u32::MAX; n];
    let mut cells = 0;
    for own in risk.iter().filter(|own| own.starts) {
        let slot = &mut place[own.cell as usize];
        if *slot == u32::MAX {
            *slot = cells;
            cells += 1;
        }
    }
    risk.retain_mut(|own| {
        own.cell = place[own.cell as usize];
        own.cell != u32::MAX
    });
    cells as usize
}

/// Rows where a column has a value, by its label.
fn rows_of(
    panel: &Panel,
    argument: &'static str,
    name: &str,
    value: &str,
) -> Result<Vec<bool>, EvaluateError> {
    let column = panel.column(argument, name)?;
    let (codes, first) = column.ranks();
    let is = |row: &u32| column.label(*row as usize).as_deref() == Some(value);
    let Some(wanted) = first.iter().position(is) else {
        return Err(EvaluateError::BadArgument {
            argument,
            expected: "a value that occurs in its column",
            got: format!("one that does not occur in \"{name}\""),
        });
    };
    Ok(codes.into_iter().map(|code| code == Some(wanted as u32)).collect())
}

fn truths(panel: &Panel, argument: &str, name: &str) -> Result<Vec<bool>, EvaluateError> {
    let column = panel.column(argument, name)?;
    let there = |row: usize| !column.is_null(row);
    match column.values() {
        Values::Bool(values) => {
            Ok((0..values.len()).map(|row| there(row) && values[row]).collect())
        }
        _ => match column.to_floats(argument, name) {
            Ok(values) => {
                Ok((0..values.len()).map(|row| there(row) && values[row] == 1.0).collect())
            }
            Err(_) => Err(column.wrong_type(argument, name, "truth values, or 0 and 1").into()),
        },
    }
}

/// The period of a treatment of each row, the same in all rows of a person.
pub(super) fn periods(
    panel: &Panel,
    argument: &'static str,
    name: &str,
) -> Result<Vec<Option<i32>>, EvaluateError> {
    let column: Column = panel.column(argument, name)?;
    let periods = column.to_periods(panel.calendar().unit(), argument, name)?;
    for person in 0..panel.persons().len() {
        let rows = panel.of(person);
        let first = periods[rows.start];
        if let Some(row) = rows.clone().find(|&row| periods[row] != first) {
            return Err(EvaluateError::Varies {
                argument,
                column: name.to_owned(),
                row,
                why: "it is the period in which the person's treatment begins, in each of their rows",
            });
        }
    }
    Ok(periods.into_iter().map(|period| period.map(|period| period.number)).collect())
}
