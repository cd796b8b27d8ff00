//! The door to `kruispunt_cases`.

use crate::error::{InputError, cases_error, estimate_error};
use crate::estimate::PyFit;
use crate::linked::PyLinked;
use crate::panel::PySpells;
use crate::table::PyTable;
use crate::trajectory::{PyDistances, PySequences, PyTypology};
use crate::work;
use kruispunt::data::{Account, Ticket};
use kruispunt_cases::CasesError;
use kruispunt_cases::pairs::Pairs;
use kruispunt_cases::picture::{Align, Events, Lane, Picture, Privacy};
use kruispunt_cases::select::{
    Candidates, GroupEffect, Kind, Model, Quota, Select, of_fit, of_groups, of_table, of_typology,
    people,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// What cases are chosen from.
#[derive(FromPyObject)]
pub(crate) enum PySource<'py> {
    Typology(Bound<'py, PyTypology>, Option<Bound<'py, PyDistances>>),
    Fit(Bound<'py, PyFit>, Option<Bound<'py, PyFit>>),
    /// The column of groups, groups with estimate and standard error, the overall effect, and an
    /// account.
    Effects(String, Vec<(String, f64, f64)>, f64, String),
}

/// A minimum by value of a column.
type PyQuota = (String, Vec<(String, usize)>);

/// What is asked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Request {
    /// Kinds with the number of cases of each.
    kinds: Vec<(String, usize)>,
    reserves: usize,
    quotas: Vec<PyQuota>,
    printed: Vec<String>,
    k: usize,
    seed: u64,
    person: Option<String>,
    on: Vec<String>,
    contrast: Option<String>,
    cause: Option<String>,
}

impl Request {
    fn select(&self) -> Select {
        let quotas = self.quotas.iter().cloned();
        let quotas = quotas.map(|(column, levels)| Quota { column, levels }).collect();
        Select::new(self.kinds.iter().map(|(_, n)| n).sum())
            .reserves(self.reserves)
            .quotas(quotas)
            .printed(self.printed.clone(), self.k)
            .seed(self.seed)
    }

    fn person(&self) -> Result<&str, CasesError> {
        self.person.as_deref().ok_or_else(|| CasesError::Argument {
            argument: "person",
            expected: "the column that names persons".to_owned(),
            got: "none".to_owned(),
        })
    }
}

/// A source that owns what it needs on another thread.
enum Source {
    Typology(Arc<kruispunt::trajectory::Typology>, Option<Arc<kruispunt::trajectory::Distances>>),
    Fit(Arc<kruispunt::data::Fit>, Option<Arc<kruispunt::data::Fit>>),
    Effects(String, Vec<(String, GroupEffect)>, f64, Account),
    Table,
}

impl Source {
    fn of(source: Option<PySource<'_>>) -> PyResult<Self> {
        let Some(source) = source else { return Ok(Self::Table) };
        Ok(match source {
            PySource::Typology(types, distances) => Self::Typology(
                Arc::clone(&types.get().0),
                distances.map(|distances| Arc::clone(&distances.get().0)),
            ),
            PySource::Fit(fit, without) => Self::Fit(
                Arc::clone(&fit.get().0),
                without.map(|without| Arc::clone(&without.get().0)),
            ),
            PySource::Effects(group, effects, overall, account) => {
                let effect = |(name, estimate, se)| (name, GroupEffect { estimate, se });
                let effects = effects.into_iter().map(effect).collect();
                Self::Effects(group, effects, overall, crate::account::read(&account)?)
            }
        })
    }

    fn candidates(
        &self,
        data: Option<&Arc<kruispunt::data::Table>>,
        request: &Request,
        kind: Kind,
        ticket: &Ticket,
    ) -> PyResult<Candidates> {
        let wrong = |error: CasesError| cases_error(&error);
        let table = || {
            data.ok_or_else(|| InputError::new_err("`data`: the table of persons is needed here"))
        };
        let (on, contrast) = (&request.on, request.contrast.as_deref());
        match self {
            Self::Typology(types, distances) => {
                let (people, id) = people(types, data.map(|data| &**data)).map_err(wrong)?;
                of_typology(people, &id, types, distances.as_deref(), kind, on, ticket)
            }
            Self::Fit(fit, without) => {
                let of = |fit: &kruispunt::data::Fit| fit.resid().map_err(|e| estimate_error(&e));
                let residuals = of(fit)?;
                let other = without.as_deref().map(of).transpose()?;
                let model = Model {
                    fit,
                    residuals: &residuals,
                    without: without.as_deref().zip(other.as_deref()),
                    cause: request.cause.as_deref().or(contrast),
                };
                let person = request.person().map_err(wrong)?;
                of_fit(table()?, person, model, kind, on, ticket)
            }
            Self::Effects(group, effects, overall, account) => {
                let person = request.person().map_err(wrong)?;
                let table = table()?.as_ref().clone();
                let account = Some(account.clone());
                of_groups(table, person, group, effects, *overall, kind, account)
            }
            Self::Table => {
                let person = request.person().map_err(wrong)?;
                of_table(table()?.as_ref().clone(), person, kind, on, contrast, ticket)
            }
        }
        .map_err(wrong)
    }
}

/// The list of cases, and how the score of each kind is defined.
#[pyfunction]
#[pyo3(signature = (source, data, request))]
pub(crate) fn cases_select(
    py: Python<'_>,
    source: Option<PySource<'_>>,
    data: Option<&Bound<'_, PyTable>>,
    request: Request,
) -> PyResult<(PyLinked, Vec<String>)> {
    let parse = |(name, _): &(String, usize)| {
        Kind::parse(name).ok_or_else(|| {
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            InputError::new_err(format!("`kind`: \"{name}\" is none of {}", kinds.join(", ")))
        })
    };
    let kinds = request.kinds.iter().map(parse).collect::<PyResult<Vec<Kind>>>()?;
    let source = Source::of(source)?;
    let data = data.map(|data| Arc::clone(&data.get().0));
    work::run(py, None, move |ticket| {
        let each =
            kinds.iter().map(|&kind| source.candidates(data.as_ref(), &request, kind, ticket));
        let candidates = each.collect::<PyResult<Vec<Candidates>>>()?;
        let list = match candidates.as_slice() {
            [own] => request.select().from(own),
            several => {
                let numbers = request.kinds.iter().map(|(_, n)| *n);
                request.select().from_kinds(&several.iter().zip(numbers).collect::<Vec<_>>())
            }
        };
        let list = list.map_err(|error| cases_error(&error))?;
        let definitions = candidates.iter().map(|own| own.definition().to_owned()).collect();
        Ok((PyLinked::of(list), definitions))
    })
}

/// Pairs that differ in `contrast`, and their balance.
#[pyfunction]
#[pyo3(signature = (data, person, contrast, n, alike, near, caliper, seed))]
#[allow(clippy::too_many_arguments, reason = "the arguments of the Python function")]
pub(crate) fn cases_pairs(
    py: Python<'_>,
    data: &Bound<'_, PyTable>,
    person: String,
    contrast: String,
    n: usize,
    alike: Vec<String>,
    near: Vec<String>,
    caliper: Option<f64>,
    seed: u64,
) -> PyResult<(PyLinked, PyTable)> {
    let data = Arc::clone(&data.get().0);
    work::run(py, None, move |ticket| {
        let pairs = Pairs::new(n).alike(alike).near(near).caliper(caliper).seed(seed);
        let found =
            pairs.find(&data, &person, &contrast, ticket).map_err(|error| cases_error(&error))?;
        Ok((PyLinked::of(found.pairs), PyTable::from(found.balance)))
    })
}

/// A register to draw.
#[derive(FromPyObject)]
pub(crate) enum PyLane<'py> {
    Spells(Bound<'py, PySpells>),
    Sequences(Bound<'py, PySequences>),
}

/// How it is drawn.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Drawn {
    title: String,
    people: Option<Vec<(String, String)>>,
    start: bool,
    days: Option<Vec<(String, i32)>>,
    /// Unit, days of shift, persons of a state, seed.
    privacy: Option<(Option<String>, u32, usize, u64)>,
    labels: Vec<(String, String)>,
    colours: Vec<(String, String)>,
    /// First day and the day after the last.
    window: Option<(i32, i32)>,
}

impl Drawn {
    fn build(self) -> PyResult<Picture> {
        let mut picture = Picture::new(self.title).labels(self.labels).colours(self.colours);
        if let Some(people) = self.people {
            picture = picture.people(people);
        }
        picture = match self.days {
            Some(days) => picture.align(Align::Days(days)),
            None if self.start => picture.align(Align::Start),
            None => picture,
        };
        if let Some((from, to)) = self.window {
            picture = picture.window(from, to);
        }
        if let Some((unit, jitter, rare, seed)) = self.privacy {
            let unit = unit.map(|unit| crate::column::unit(&unit)).transpose()?;
            let privacy = Privacy::new().coarsen(unit).jitter(jitter).rare(rare).seed(seed);
            picture = picture.privacy(privacy);
        }
        Ok(picture)
    }
}

/// The SVG, the page, what was done, and the account.
#[pyfunction]
#[pyo3(signature = (lanes, events, drawn))]
pub(crate) fn cases_timeline(
    py: Python<'_>,
    lanes: Vec<(String, PyLane<'_>)>,
    events: Option<(Bound<'_, PyTable>, String, String, String)>,
    drawn: Drawn,
) -> PyResult<(String, String, Vec<String>, String)> {
    let mut picture = drawn.build()?;
    for (name, lane) in &lanes {
        picture = picture.lane(match lane {
            PyLane::Spells(spells) => Lane::spells(name, &spells.get().0),
            PyLane::Sequences(sequences) => Lane::sequences(name, &sequences.get().0),
        });
    }
    if let Some((table, person, day, what)) = events {
        let read = Events::of(&table.get().0, &person, &day, &what);
        picture = picture.events(read.map_err(|error| cases_error(&error))?);
    }
    work::run(py, None, move |_| {
        let drawing = picture.draw().map_err(|error| cases_error(&error))?;
        let account = crate::account::json(&drawing.account)?;
        Ok((drawing.svg, drawing.html, drawing.notes, account))
    })
}
