//! The door to `kruispunt_belgium`.

use crate::column::PyColumn;
use crate::error::{InputError, panel_error};
use crate::linked::PyLinked;
use crate::panel::{PyPanel, PySpells};
use crate::table::PyTable;
use crate::work;
use kruispunt::data::{Day, Table};
use kruispunt_belgium::constructs::{
    AsylumRule, CARDS, Newcomers, PaidTime, Stable, asylum_access, day_wage, leave_eligibility,
    obligation, work_access,
};
use kruispunt_belgium::coverage::coverage;
use kruispunt_belgium::families::{FamilyRule, Members, families};
use kruispunt_belgium::generation::{Generations, Roots};
use kruispunt_belgium::insz::{Century, Insz, Sex, is_valid};
use kruispunt_belgium::numbers::{Numbers, read_numbers};
use kruispunt_belgium::origin::{Criterion, Groups, OriginRule, Unknown};
use kruispunt_belgium::{BelgiumError, calendar, checks, codes, country, identifiers};
use pyo3::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// The exception of the Belgian pack.
fn belgium_error(error: &BelgiumError) -> PyErr {
    match error {
        BelgiumError::Panel(error) => panel_error(error),
        error => InputError::new_err(error.to_string()),
    }
}

/// What a number says: digits, printed form, kind, sex, first year of its century, year, month
/// and day of birth.
type Said = (String, String, &'static str, Option<&'static str>, i32, Option<i32>, Option<String>);

/// Reads an INSZ; `born` is a year of birth that settles the century.
#[pyfunction]
#[pyo3(signature = (text, born=None))]
pub(crate) fn insz_parse(text: &str, born: Option<i32>) -> PyResult<Said> {
    let read = match born {
        None => Insz::parse(text),
        Some(year) if year < 2000 => Insz::parse_born(text, Century::Nineteen),
        Some(_) => Insz::parse_born(text, Century::Twenty),
    };
    let number = read.map_err(|error| InputError::new_err(error.to_string()))?;
    let sex = number.sex().map(|sex| match sex {
        Sex::Male => "M",
        Sex::Female => "F",
    });
    Ok((
        number.compact(),
        number.formatted(),
        number.kind().name(),
        sex,
        number.century().first_year(),
        number.birth_year(),
        number.birth_day().map(|day| day.to_string()),
    ))
}

/// Which texts are valid numbers; missing ones are not.
#[pyfunction]
#[pyo3(signature = (texts))]
pub(crate) fn insz_valid(texts: Vec<Option<String>>) -> Vec<bool> {
    texts.iter().map(|text| text.as_deref().is_some_and(is_valid)).collect()
}

/// Reads, checks and repairs a column of numbers.
#[pyfunction]
pub(crate) fn insz_read(
    data: &Bound<'_, PyTable>,
    person: String,
    number: String,
    birth_date: Option<String>,
    sex: Option<String>,
) -> PyResult<PyLinked> {
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |_| {
        let columns =
            Numbers { number: &number, birth_date: birth_date.as_deref(), sex: sex.as_deref() };
        read_numbers(&table, &person, &columns)
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// A rule by name, or a priority of criteria.
fn origin_rule(rule: &[String]) -> PyResult<OriginRule> {
    match rule {
        [one] if one == "monitoring" => Ok(OriginRule::monitoring()),
        [one] if one == "statbel" => Ok(OriginRule::statbel()),
        [one] if one == "arvastat" => Ok(OriginRule::arvastat()),
        [one] if one == "country_of_birth" => Ok(OriginRule::country_of_birth()),
        words => {
            let read = |word: &String| {
                criterion(word).ok_or_else(|| {
                    InputError::new_err(format!(
                        "`rule`: \"{word}\" is none of \"monitoring\", \"statbel\", \"arvastat\", \"country_of_birth\", and no criterion (father, mother, own, now, born, father_born, mother_born)"
                    ))
                })
            };
            let priority = words.iter().map(read).collect::<PyResult<Vec<_>>>()?;
            OriginRule::custom(&priority).map_err(|error| belgium_error(&error))
        }
    }
}

fn criterion(word: &str) -> Option<Criterion> {
    Criterion::ALL.into_iter().find(|criterion| criterion.name() == word)
}

/// Groups by name, or a mapping of codes.
#[derive(FromPyObject)]
pub(crate) enum PyGroups {
    Name(String),
    Own(HashMap<String, String>),
}

fn groups(groups: PyGroups) -> PyResult<Groups> {
    match groups {
        PyGroups::Own(own) => Ok(Groups::Own(own.into_iter().collect())),
        PyGroups::Name(name) => match name.as_str() {
            "register" => Ok(Groups::Register),
            "arvastat" => Ok(Groups::Arvastat),
            "eu" => Ok(Groups::Eu),
            _ => Err(InputError::new_err(format!(
                "`groups`: \"{name}\" is none of \"register\", \"arvastat\", \"eu\"; or give a mapping of codes to groups"
            ))),
        },
    }
}

/// Origin by a rule: the person, origin, its group, what decided, why it is not determined.
#[pyfunction]
#[pyo3(signature = (data, person, rule, columns, unknown, group))]
pub(crate) fn origin(
    data: &Bound<'_, PyTable>,
    person: String,
    rule: Vec<String>,
    columns: Vec<(String, String)>,
    unknown: Option<&str>,
    group: Option<PyGroups>,
) -> PyResult<PyLinked> {
    let mut rule = origin_rule(&rule)?;
    rule = match unknown {
        None => rule,
        Some("separate") => rule.unknown(Unknown::Separate),
        Some("belgian") => rule.unknown(Unknown::Belgian),
        Some(word) => {
            return Err(InputError::new_err(format!(
                "`unknown`: \"{word}\" is none of \"separate\", \"belgian\""
            )));
        }
    };
    if let Some(group) = group {
        rule = rule.groups(groups(group)?);
    }
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |_| {
        let columns: Vec<(Criterion, &str)> = columns
            .iter()
            .filter_map(|(word, name)| Some((criterion(word)?, name.as_str())))
            .collect();
        rule.apply(&table, &person, &columns)
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// Where the columns stand that generations are read from.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct PyRoots {
    born: String,
    birth_date: String,
    arrival: String,
    father: String,
    mother: String,
    grandparents: Vec<String>,
    schooled: Option<String>,
}

/// Generations by bands of age at arrival.
#[pyfunction]
pub(crate) fn generation(
    data: &Bound<'_, PyTable>,
    person: String,
    roots: PyRoots,
    bands: Vec<(String, u32)>,
) -> PyResult<PyLinked> {
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |_| {
        let grandparents: Vec<&str> = roots.grandparents.iter().map(String::as_str).collect();
        let roots = Roots {
            born: &roots.born,
            birth_date: &roots.birth_date,
            arrival: &roots.arrival,
            father: &roots.father,
            mother: &roots.mother,
            grandparents: &grandparents,
            schooled: roots.schooled.as_deref(),
        };
        Generations::new(bands)
            .and_then(|bands| bands.apply(&table, &person, &roots))
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// What the checks found, as a table.
#[pyfunction]
pub(crate) fn register_checks(
    py: Python<'_>,
    registers: Vec<(String, Bound<'_, PyTable>)>,
) -> PyResult<PyTable> {
    let tables: Vec<(String, Arc<Table>)> =
        registers.into_iter().map(|(name, table)| (name, Arc::clone(&table.get().0))).collect();
    work::run(py, None, move |_| {
        let tables: Vec<(&str, &Table)> =
            tables.iter().map(|(name, table)| (name.as_str(), &**table)).collect();
        Ok(checks::table(&checks::checks(&tables)).into())
    })
}

/// The gross day wage of each line of a table.
#[pyfunction]
pub(crate) fn wage_a_day(
    jobs: &Bound<'_, PyTable>,
    pay: String,
    lump: Option<String>,
    days: String,
    hours: String,
) -> PyResult<PyColumn> {
    let table = Arc::clone(&jobs.get().0);
    work::run(jobs.py(), None, move |_| {
        let columns = PaidTime { pay: &pay, lump: lump.as_deref(), days: &days, hours: &hours };
        day_wage(&table, &columns)
            .map(|wage| PyColumn(Arc::new(wage)))
            .map_err(|error| belgium_error(&error))
    })
}

/// Stable employment, three more columns of a panel.
#[pyfunction]
pub(crate) fn stable_employment(
    panel: &Bound<'_, PyPanel>,
    employed: String,
    quarters: usize,
    days: Option<(String, f64)>,
    exclude: Vec<String>,
) -> PyResult<PyPanel> {
    let inner = Arc::clone(&panel.get().0);
    work::run(panel.py(), None, move |_| {
        let exclude: Vec<&str> = exclude.iter().map(String::as_str).collect();
        let mut rule = Stable::default().quarters(quarters).exclude(&exclude);
        if let Some((column, least)) = &days {
            rule = rule.days(column, *least);
        }
        rule.apply(&inner, &employed).map(PyPanel::from).map_err(|error| belgium_error(&error))
    })
}

/// The first day of access to work of each claim, and the rules' days.
#[pyfunction]
#[pyo3(signature = (claims, rules=None))]
pub(crate) fn access_to_work(
    claims: &Bound<'_, PyColumn>,
    rules: Option<&Bound<'_, PyTable>>,
) -> PyResult<PyColumn> {
    let column = Arc::clone(&claims.get().0);
    let rules = rules.map(|rules| Arc::clone(&rules.get().0));
    work::run(claims.py(), None, move |_| {
        let access = || -> Result<_, BelgiumError> {
            let days: Vec<Option<Day>> = column.to_days("claims", "claims")?;
            let rules =
                rules.map_or_else(|| Ok(AsylumRule::belgian()), |own| AsylumRule::read(&own))?;
            asylum_access(&days, &rules)
        };
        access()
            .map(|access| PyColumn(Arc::new(kruispunt::data::Column::dates(&access))))
            .map_err(|error| belgium_error(&error))
    })
}

/// On which grounds persons may work.
#[pyfunction]
pub(crate) fn work_grounds(
    panel: &Bound<'_, PyPanel>,
    grounds: Vec<Py<PySpells>>,
    name: String,
) -> PyResult<PyPanel> {
    let inner = Arc::clone(&panel.get().0);
    let grounds: Vec<Arc<kruispunt::data::Spells>> =
        grounds.iter().map(|own| Arc::clone(&own.get().0)).collect();
    work::run(panel.py(), None, move |_| {
        let grounds: Vec<&kruispunt::data::Spells> = grounds.iter().map(|own| &**own).collect();
        work_access(&inner, &grounds, &name)
            .map(PyPanel::from)
            .map_err(|error| belgium_error(&error))
    })
}

/// Which rows of a panel the person file covers, and how many it does not: rows, persons.
#[pyfunction]
pub(crate) fn waiting_register_mask(
    panel: &Bound<'_, PyPanel>,
    reason: String,
    name: String,
) -> PyResult<(PyPanel, usize, usize)> {
    let inner = Arc::clone(&panel.get().0);
    work::run(panel.py(), None, move |_| {
        coverage(&inner, &reason, &name)
            .map(|(panel, rows, persons)| (PyPanel::from(panel), rows, persons))
            .map_err(|error| belgium_error(&error))
    })
}

/// Who must and who may follow civic integration.
#[pyfunction]
pub(crate) fn integration_obligation(
    data: &Bound<'_, PyTable>,
    person: String,
    columns: [String; 4],
    settled: Option<String>,
) -> PyResult<PyLinked> {
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |_| {
        let [nationality, reason, birth_date, arrival] = &columns;
        let columns =
            Newcomers { nationality, reason, birth_date, arrival, settled: settled.as_deref() };
        obligation(&table, &person, &columns)
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// Name, definition, limits and source of every construct.
#[pyfunction]
pub(crate) fn construct_cards() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    CARDS.iter().map(|card| (card.name, card.definition, card.limits, card.source)).collect()
}

/// Date, name, what, kind and certainty of every event of the policy calendar.
#[pyfunction]
pub(crate) fn policy_events() -> Vec<(String, &'static str, &'static str, String, String)> {
    let word = |of: &dyn std::fmt::Debug| format!("{of:?}").to_lowercase();
    calendar::EVENTS
        .iter()
        .map(|event| {
            let kind = (word(&event.change), word(&event.certainty));
            (event.day().to_string(), event.name, event.what, kind.0, kind.1)
        })
        .collect()
}

/// Code, ISO code, name, group and group of Arvastat of every country known.
#[pyfunction]
pub(crate) fn country_list()
-> Vec<(&'static str, &'static str, &'static str, &'static str, &'static str)> {
    let line =
        |one: &country::Country| (one.code, one.iso2, one.name, one.origin.label(), one.arvastat);
    country::countries().iter().map(line).collect()
}

/// A code list as a table.
#[pyfunction]
pub(crate) fn code_list(name: &str) -> PyResult<PyTable> {
    codes::table(name).map(PyTable::from).ok_or_else(|| {
        let known: Vec<String> = codes::names().iter().map(|name| format!("\"{name}\"")).collect();
        InputError::new_err(format!("`name`: \"{name}\" is none of {}", known.join(", ")))
    })
}

/// Municipality codes before and after 2019, with days of validity.
#[pyfunction]
pub(crate) fn nis_crosswalk() -> PyTable {
    codes::nis_crosswalk().into()
}

/// The last number of each number of a history.
#[pyfunction]
pub(crate) fn resolve_identifiers(
    history: &Bound<'_, PyTable>,
    old: String,
    new: String,
) -> PyResult<PyLinked> {
    let table = Arc::clone(&history.get().0);
    work::run(history.py(), None, move |_| {
        identifiers::identifiers(&table, &old, &new)
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// Families by the origin of the parents in a household.
#[pyfunction]
pub(crate) fn family_origin(
    data: &Bound<'_, PyTable>,
    columns: [String; 4],
    groups: Vec<String>,
    rule: &str,
) -> PyResult<PyLinked> {
    let rule = match rule {
        "any" => FamilyRule::Any,
        "all" => FamilyRule::All,
        "reference" => FamilyRule::Reference,
        word => {
            return Err(InputError::new_err(format!(
                "`rule`: \"{word}\" is none of \"any\", \"all\", \"reference\""
            )));
        }
    };
    let table = Arc::clone(&data.get().0);
    work::run(data.py(), None, move |_| {
        let [household, person, position, group] = &columns;
        let columns = Members { household, person, position, group };
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        families(&table, &columns, &groups, rule)
            .map(PyLinked::of)
            .map_err(|error| belgium_error(&error))
    })
}

/// Who may take leave, by seniority with the present employer.
#[pyfunction]
pub(crate) fn eligible_for_leave(
    panel: &Bound<'_, PyPanel>,
    jobs: &Bound<'_, PySpells>,
    by: String,
    days: u32,
    months: u32,
    name: String,
) -> PyResult<PyPanel> {
    let (inner, spells) = (Arc::clone(&panel.get().0), Arc::clone(&jobs.get().0));
    work::run(panel.py(), None, move |_| {
        leave_eligibility(&inner, &spells, &by, days, months, &name)
            .map(PyPanel::from)
            .map_err(|error| belgium_error(&error))
    })
}

/// Which way persons went through the stages of a programme.
#[pyfunction]
pub(crate) fn programme_paths(
    py: Python<'_>,
    stages: Vec<(String, Py<PySpells>)>,
) -> PyResult<PyLinked> {
    let stages: Vec<(String, Arc<kruispunt::data::Spells>)> =
        stages.iter().map(|(name, spells)| (name.clone(), Arc::clone(&spells.get().0))).collect();
    work::run(py, None, move |_| {
        let stages: Vec<(&str, &kruispunt::data::Spells)> =
            stages.iter().map(|(name, spells)| (name.as_str(), &**spells)).collect();
        kruispunt::panel::paths(&stages).map(PyLinked::of).map_err(|error| panel_error(&error))
    })
}
