//! The door to `kruispunt::panel`: calendars, spells, timelines and panels.

use crate::column::{PyColumn, unit};
use crate::error::{InputError, data_error, panel_error};
use crate::linked::PyRegister;
use crate::table::PyTable;
use crate::{account, pickle, work};
use kruispunt::data::{Calendar, Day, Panel, Spells, Timeline};
use kruispunt::panel::{
    Aggregates, Attach, Balance, Change, Crosswalk, Ends, FirstTreatment, Merge, OnBreak, Order,
    PanelError, Policy, SpellColumns, Spread, StateRule, ToPanel, Unknown,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// One of a few words.
fn one_of<T: Copy>(argument: &str, word: &str, words: &[(&str, T)]) -> PyResult<T> {
    words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        InputError::new_err(format!("`{argument}`: \"{word}\" is none of {}", known.join(", ")))
    })
}

fn policy(argument: &str, word: &str) -> PyResult<Policy> {
    one_of(argument, word, &[("error", Policy::Error), ("drop", Policy::Drop)])
}

/// Runs a verb of `noun` without the GIL.
fn run<N, T>(
    py: Python<'_>,
    noun: &Arc<N>,
    verb: impl FnOnce(&N) -> Result<T, PanelError> + Send + 'static,
) -> PyResult<T>
where
    N: Send + Sync + 'static,
    T: Send + 'static,
{
    let noun = Arc::clone(noun);
    taking(py, move || verb(&noun))
}

/// Runs a verb that owns all it reads without the GIL.
fn taking<T: Send + 'static>(
    py: Python<'_>,
    verb: impl FnOnce() -> Result<T, PanelError> + Send + 'static,
) -> PyResult<T> {
    work::run(py, None, move |_| verb().map_err(|error| panel_error(&error)))
}

/// Whether two nouns are equal, found out without the GIL.
fn equal<N>(py: Python<'_>, one: &Arc<N>, other: &Arc<N>) -> PyResult<bool>
where
    N: PartialEq + Send + Sync + 'static,
{
    let other = Arc::clone(other);
    run(py, one, move |one| Ok(*one == *other))
}

/// The periods of a panel.
#[pyclass(frozen, name = "Calendar", module = "kruispunt._core")]
pub(crate) struct PyCalendar(Arc<Calendar>);

impl PyCalendar {
    fn of(calendar: Calendar) -> Self {
        Self(Arc::new(calendar))
    }
}

#[pymethods]
impl PyCalendar {
    #[new]
    fn new(unit: &str, first: &str, last: &str) -> PyResult<Self> {
        let unit = self::unit(unit)?;
        Calendar::new(unit, first, last).map(Self::of).map_err(|error| data_error(&error))
    }

    #[getter]
    fn unit(&self) -> &'static str {
        self.0.unit().name()
    }

    fn labels(&self) -> Vec<String> {
        (0..self.0.len()).map(|at| self.0.label(at)).collect()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.0 == other.get().0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes(py, data).map(Self::of)
    }
}

/// How the columns of a table make spells.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Roles {
    name: String,
    person: String,
    start: Option<String>,
    end: Option<String>,
    day: Option<String>,
    period: Option<String>,
    unit: String,
    state: Option<String>,
    source: Option<String>,
    carry: Option<Vec<String>>,
    ends: String,
    on_inverted: String,
    on_missing: String,
}

impl Roles {
    fn columns(self) -> PyResult<SpellColumns> {
        let person = self.person;
        let mut columns = match (self.start, self.end, self.day, self.period) {
            (Some(start), Some(end), None, None) => SpellColumns::new(person, start, end),
            (None, None, Some(day), None) => SpellColumns::event(person, day),
            (None, None, None, Some(period)) => {
                SpellColumns::period(person, period, unit(&self.unit)?)
            }
            _ => {
                return Err(InputError::new_err(
                    "give `start` and `end`, or `day` for events, or `period` for a periodic register",
                ));
            }
        };
        if let Some(state) = self.state {
            columns = columns.state(state);
        }
        if let Some(source) = self.source {
            columns = columns.source(source);
        }
        columns = match self.carry {
            Some(carry) => columns.carry(carry),
            None => columns.carry_all(),
        };
        let ends = [("inclusive", Ends::Inclusive), ("exclusive", Ends::Exclusive)];
        Ok(columns
            .name(self.name)
            .ends(one_of("ends", &self.ends, &ends)?)
            .on_inverted(policy("on_inverted", &self.on_inverted)?)
            .on_missing(policy("on_missing", &self.on_missing)?))
    }
}

/// What is computed over covering spells: (kind, column), and the order that says which is best.
fn aggregates(of: Vec<(String, String)>, order: &[String]) -> PyResult<Aggregates> {
    of.into_iter().try_fold(Aggregates::new(), |made, (kind, column)| {
        Ok(match kind.as_str() {
            "count" => made.count(),
            "sum" => made.sum([column]),
            "amount" => made.amount([column]),
            "mean" => made.mean([column]),
            "max" => made.max([column]),
            "top" => made.top([column], order.to_vec()),
            _ => return Err(InputError::new_err(format!("\"{kind}\" is no aggregate"))),
        })
    })
}

/// What the cells of a panel hold.
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of the Python function")]
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Cells {
    state: Option<String>,
    state_day: u16,
    values: Vec<String>,
    days: bool,
    days_by_state: bool,
    count: bool,
    sum: Vec<String>,
    spread: String,
    mean: Vec<String>,
    balance: String,
    presence: Option<Py<PySpells>>,
    born: Option<Py<PySpells>>,
    arrived: Option<Py<PySpells>>,
    died: Option<Py<PySpells>>,
    period_name: Option<String>,
    order: Vec<String>,
    dominant: bool,
}

impl Cells {
    fn what(self) -> PyResult<ToPanel> {
        let balance =
            [("entry_exit", Balance::EntryExit), ("full", Balance::Full), ("none", Balance::None)];
        let spread = [
            ("days", Spread::Days),
            ("daily", Spread::Daily),
            ("start", Spread::Start),
            ("end", Spread::End),
        ];
        let rules = [
            ("last_day", StateRule::LastDay),
            ("first_day", StateRule::FirstDay),
            ("day", StateRule::Day(self.state_day)),
            ("dominant", StateRule::Dominant),
            ("main", StateRule::Main),
        ];
        let mut what = ToPanel::new()
            .values(self.values)
            .sum_with(self.sum, one_of("spread", &self.spread, &spread)?)
            .mean(self.mean)
            .order(self.order)
            .balance(one_of("balance", &self.balance, &balance)?);
        if let Some(state) = self.state {
            what = what.state(one_of("state", &state, &rules)?);
        }
        if self.days {
            what = what.days();
        }
        if self.days_by_state {
            what = what.days_by_state();
        }
        if self.count {
            what = what.count();
        }
        if self.dominant {
            what = what.dominant();
        }
        if let Some(presence) = self.presence {
            what = what.presence(&presence.get().0);
        }
        if let Some(events) = self.born {
            what = what.born(&events.get().0);
        }
        if let Some(events) = self.arrived {
            what = what.arrived(&events.get().0);
        }
        if let Some(events) = self.died {
            what = what.died(&events.get().0);
        }
        if let Some(name) = self.period_name {
            what = what.period_name(name);
        }
        Ok(what)
    }
}

/// Which gaps are bridged: so many days, or as many as a column of the spell before says.
#[derive(FromPyObject)]
enum Gap {
    Days(u32),
    After(String),
}

/// Spells of days.
#[pyclass(frozen, name = "Spells", module = "kruispunt._core")]
pub(crate) struct PySpells(pub(crate) Arc<Spells>);

impl From<Spells> for PySpells {
    fn from(spells: Spells) -> Self {
        Self(Arc::new(spells))
    }
}

#[pymethods]
impl PySpells {
    #[staticmethod]
    fn read(py: Python<'_>, register: PyRegister<'_>, roles: Roles) -> PyResult<Self> {
        let (register, columns) = (register.shared(), roles.columns()?);
        taking(py, move || Spells::read(&*register, &columns)).map(Self::from)
    }

    fn identify(
        &self,
        py: Python<'_>,
        crosswalk: PyRegister<'_>,
        key: String,
        person: String,
    ) -> PyResult<Self> {
        let crosswalk = crosswalk.shared();
        run(py, &self.0, move |own| own.identify(&*crosswalk, &key, &person)).map(Self::from)
    }

    #[staticmethod]
    fn from_wide(
        py: Python<'_>,
        register: PyRegister<'_>,
        person: String,
        columns: Vec<(String, String)>,
        unit: &str,
        state: String,
        name: String,
    ) -> PyResult<Self> {
        let (register, unit) = (register.shared(), self::unit(unit)?);
        taking(py, move || {
            let columns: Vec<(&str, &str)> =
                columns.iter().map(|(name, period)| (name.as_str(), period.as_str())).collect();
            Spells::from_wide(&*register, &person, &columns, unit, &state, &name)
        })
        .map(Self::from)
    }

    #[staticmethod]
    fn stack(py: Python<'_>, registers: Vec<Py<Self>>, source: String) -> PyResult<Self> {
        let registers: Vec<Arc<Spells>> =
            registers.iter().map(|one| Arc::clone(&one.get().0)).collect();
        taking(py, move || {
            let registers: Vec<&Spells> = registers.iter().map(AsRef::as_ref).collect();
            Spells::stack(&registers, &source)
        })
        .map(Self::from)
    }

    fn cut(&self, py: Python<'_>, calendar: &PyCalendar) -> PyResult<Self> {
        let calendar = *calendar.0;
        run(py, &self.0, move |own| Ok(own.cut(&calendar).into()))
    }

    fn complement(&self, py: Python<'_>, calendar: &PyCalendar) -> PyResult<Self> {
        let calendar = *calendar.0;
        run(py, &self.0, move |own| Ok(own.complement(&calendar).into()))
    }

    fn intersect(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        let other = Arc::clone(&other.0);
        run(py, &self.0, move |own| own.intersect(&other)).map(Self::from)
    }

    fn subtract(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        let other = Arc::clone(&other.0);
        run(py, &self.0, move |own| own.subtract(&other)).map(Self::from)
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn person(&self) -> &str {
        self.0.persons().name()
    }

    #[getter]
    fn persons(&self) -> usize {
        self.0.persons().len()
    }

    #[getter]
    fn has_state(&self) -> bool {
        self.0.state().is_some()
    }

    #[getter]
    fn columns(&self) -> Vec<String> {
        self.0.columns().names().to_vec()
    }

    #[getter]
    fn account(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn table(&self, py: Python<'_>) -> PyResult<PyTable> {
        run(py, &self.0, |own| Ok(own.table().into()))
    }

    #[pyo3(signature = (calendar=None, next_state=None))]
    fn check(
        &self,
        py: Python<'_>,
        calendar: Option<&PyCalendar>,
        next_state: Option<String>,
    ) -> PyResult<PyTable> {
        let calendar = calendar.map(|calendar| *calendar.0);
        run(py, &self.0, move |own| {
            Ok(own.check_moves(calendar.as_ref(), next_state.as_deref())?.table().into())
        })
    }

    fn crosswalk(
        &self,
        py: Python<'_>,
        column: String,
        register: PyRegister<'_>,
        codes: (String, String),
        valid: Option<(String, String)>,
        on_unknown: &str,
    ) -> PyResult<Self> {
        let words = [("error", Unknown::Error), ("keep", Unknown::Keep), ("null", Unknown::Null)];
        let mut walk =
            Crosswalk::new(codes.0, codes.1).on_unknown(one_of("on_unknown", on_unknown, &words)?);
        if let Some((first, last)) = valid {
            walk = walk.valid(first, last);
        }
        let register = register.shared();
        run(py, &self.0, move |own| own.crosswalk(&column, &*register, &walk)).map(Self::from)
    }

    /// The spells, and for each break how many cross it.
    fn breaks(
        &self,
        py: Python<'_>,
        breaks: Vec<(String, String)>,
        on_break: &str,
    ) -> PyResult<(Self, Vec<u64>)> {
        let words = [("error", OnBreak::Error), ("warn", OnBreak::Warn), ("cut", OnBreak::Cut)];
        let on_break = one_of("on_break", on_break, &words)?;
        let days = breaks
            .into_iter()
            .map(|(name, day)| {
                let parsed = Day::parse(&day).ok_or_else(|| {
                    InputError::new_err(format!(
                        "`breaks`: \"{day}\" is no day; write it as 2017-01-01"
                    ))
                })?;
                Ok((name, parsed))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let (spells, counts) = run(py, &self.0, move |own| {
            let named: Vec<(&str, Day)> =
                days.iter().map(|(name, day)| (name.as_str(), *day)).collect();
            own.breaks(&named, on_break)
        })?;
        Ok((spells.into(), counts))
    }

    fn clip(&self, py: Python<'_>, calendar: &PyCalendar) -> PyResult<Self> {
        let calendar = *calendar.0;
        run(py, &self.0, move |own| Ok(own.clip(&calendar).into()))
    }

    fn censor(
        &self,
        py: Python<'_>,
        table: &PyTable,
        person: String,
        day: String,
        reason: String,
    ) -> PyResult<Self> {
        let table = Arc::clone(&table.0);
        run(py, &self.0, move |own| own.censor(&table, &person, &day, &reason)).map(Self::from)
    }

    fn merge(
        &self,
        py: Python<'_>,
        gap: Option<Gap>,
        by: Vec<String>,
        amounts: Vec<String>,
        across_states: bool,
    ) -> PyResult<Self> {
        let merge = match gap {
            None => Merge::any_gap(),
            Some(Gap::Days(days)) => Merge::days(days),
            Some(Gap::After(column)) => Merge::days_after(column),
        };
        let merge = merge.by(by).sum(amounts);
        let merge = if across_states { merge.across_states() } else { merge };
        run(py, &self.0, move |own| own.merge(&merge)).map(Self::from)
    }

    fn split(
        &self,
        py: Python<'_>,
        of: Vec<(String, String)>,
        order: Vec<String>,
    ) -> PyResult<Self> {
        let aggregates = aggregates(of, &order)?;
        run(py, &self.0, move |own| own.split(&aggregates)).map(Self::from)
    }

    fn episodes(
        &self,
        py: Python<'_>,
        of: Vec<(String, String)>,
        order: Vec<String>,
    ) -> PyResult<PyTimeline> {
        let aggregates = aggregates(of, &order)?;
        run(py, &self.0, move |own| own.episodes(&aggregates)).map(PyTimeline::from)
    }

    fn resolve(&self, py: Python<'_>, order: Vec<String>) -> PyResult<PyTimeline> {
        run(py, &self.0, move |own| own.resolve(order.into_iter().map(Order::from)))
            .map(PyTimeline::from)
    }

    fn to_panel(&self, py: Python<'_>, calendar: &PyCalendar, cells: Cells) -> PyResult<PyPanel> {
        let (calendar, what) = (*calendar.0, cells.what()?);
        run(py, &self.0, move |own| own.to_panel(&calendar, &what)).map(PyPanel::from)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> PyResult<bool> {
        equal(other.py(), &self.0, &other.get().0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Spells>(py, data).map(Self::from)
    }
}

/// Spells without overlap.
#[pyclass(frozen, name = "Timeline", module = "kruispunt._core")]
pub(crate) struct PyTimeline(Arc<Timeline>);

impl From<Timeline> for PyTimeline {
    fn from(timeline: Timeline) -> Self {
        Self(Arc::new(timeline))
    }
}

#[pymethods]
impl PyTimeline {
    fn spells(&self, py: Python<'_>) -> PyResult<PySpells> {
        run(py, &self.0, |own| Ok(own.spells().clone().into()))
    }

    #[pyo3(signature = (changes, how, name, column=None))]
    fn attach(
        &self,
        py: Python<'_>,
        changes: &PySpells,
        how: &str,
        name: String,
        column: Option<String>,
    ) -> PyResult<Self> {
        let how = match (how, column) {
            ("value", Some(column)) => Change::Value(column),
            ("value", None) => {
                return Err(InputError::new_err("`column`: \"value\" needs a column"));
            }
            ("cumulative", None) => Change::Cumulative,
            ("count", None) => Change::Count,
            ("since", None) => Change::Since,
            ("cumulative" | "count" | "since", Some(_)) => {
                return Err(InputError::new_err(format!("`column`: \"{how}\" takes no column")));
            }
            _ => {
                return Err(InputError::new_err(format!(
                    "`how`: \"{how}\" is none of \"value\", \"cumulative\", \"count\", \"since\""
                )));
            }
        };
        let changes = Arc::clone(&changes.0);
        run(py, &self.0, move |own| own.attach(&changes, &how, &name)).map(Self::from)
    }

    fn to_panel(&self, py: Python<'_>, calendar: &PyCalendar, cells: Cells) -> PyResult<PyPanel> {
        let (calendar, what) = (*calendar.0, cells.what()?);
        run(py, &self.0, move |own| own.to_panel(&calendar, &what)).map(PyPanel::from)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> PyResult<bool> {
        equal(other.py(), &self.0, &other.get().0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let spells = Arc::new(pickle::from_bytes::<Spells>(py, data)?);
        run(py, &spells, |spells| Ok(Timeline::prove(spells.clone())))?
            .map(Self::from)
            .ok_or_else(|| InputError::new_err("the pickle is damaged: its spells overlap"))
    }
}

/// What makes the first treatment: spells, or else a column.
fn first<'a>(spells: Option<&'a Spells>, column: Option<&'a str>) -> FirstTreatment<'a> {
    match spells {
        Some(spells) => FirstTreatment::Spells(spells),
        None => FirstTreatment::Column(column.unwrap_or_default()),
    }
}

/// Person x period.
#[pyclass(frozen, name = "Panel", module = "kruispunt._core")]
pub(crate) struct PyPanel(pub(crate) Arc<Panel>);

impl From<Panel> for PyPanel {
    fn from(panel: Panel) -> Self {
        Self(Arc::new(panel))
    }
}

#[pymethods]
impl PyPanel {
    #[staticmethod]
    fn from_table(
        py: Python<'_>,
        table: &PyTable,
        person: String,
        period: String,
        unit: &str,
    ) -> PyResult<Self> {
        let unit = self::unit(unit)?;
        run(py, &table.0, move |table| Panel::from_table(table, &person, &period, unit))
            .map(Self::from)
    }

    #[getter]
    fn person(&self) -> &str {
        self.0.persons().name()
    }

    #[getter]
    fn period(&self) -> &str {
        self.0.period_name()
    }

    #[getter]
    fn persons(&self) -> usize {
        self.0.persons().len()
    }

    #[getter]
    fn columns(&self) -> Vec<String> {
        let own = [self.person(), self.period()].map(str::to_owned);
        own.into_iter().chain(self.0.columns().names().to_vec()).collect()
    }

    #[getter]
    fn calendar(&self) -> PyCalendar {
        PyCalendar::of(*self.0.calendar())
    }

    #[getter]
    fn account(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn table(&self, py: Python<'_>) -> PyResult<PyTable> {
        run(py, &self.0, |own| Ok(own.table().into()))
    }

    fn column(&self, py: Python<'_>, name: String) -> PyResult<PyColumn> {
        let column = run(py, &self.0, move |own| Ok(own.column("column", &name)?))?;
        Ok(PyColumn(Arc::new(column)))
    }

    fn with_column(&self, py: Python<'_>, name: String, column: &PyColumn) -> PyResult<Self> {
        let column = Arc::clone(&column.0);
        run(py, &self.0, move |own| Ok(own.with_column(&name, (*column).clone())?)).map(Self::from)
    }

    #[pyo3(signature = (spells, how, name, column=None))]
    fn attach(
        &self,
        py: Python<'_>,
        spells: &PySpells,
        how: &str,
        name: String,
        column: Option<String>,
    ) -> PyResult<Self> {
        let how = match (how, column) {
            ("ever", None) => Attach::Ever,
            ("cumulative", None) => Attach::Cumulative,
            ("days", None) => Attach::Days,
            ("since", None) => Attach::Since,
            ("value", Some(column)) => Attach::Value(column),
            ("current", Some(column)) => Attach::Current(column),
            ("value" | "current", None) => {
                return Err(InputError::new_err(format!("`column`: \"{how}\" needs a column")));
            }
            ("ever" | "cumulative" | "days" | "since", Some(_)) => {
                return Err(InputError::new_err(format!("`column`: \"{how}\" takes no column")));
            }
            _ => {
                return Err(InputError::new_err(format!(
                    "`how`: \"{how}\" is none of \"ever\", \"cumulative\", \"days\", \"since\", \
                     \"value\", \"current\""
                )));
            }
        };
        let spells = Arc::clone(&spells.0);
        run(py, &self.0, move |own| own.attach(&spells, &how, &name)).map(Self::from)
    }

    fn as_of(
        &self,
        py: Python<'_>,
        spells: &PySpells,
        columns: Vec<String>,
        tolerance: u32,
    ) -> PyResult<Self> {
        let spells = Arc::clone(&spells.0);
        run(py, &self.0, move |own| own.as_of_within(&spells, &columns, tolerance)).map(Self::from)
    }

    fn treatment(
        &self,
        py: Python<'_>,
        spells: Option<&PySpells>,
        column: Option<String>,
    ) -> PyResult<Self> {
        let spells = spells.map(|spells| Arc::clone(&spells.0));
        run(py, &self.0, move |own| own.treatment(first(spells.as_deref(), column.as_deref())))
            .map(Self::from)
    }

    fn dose(
        &self,
        py: Python<'_>,
        spells: &PySpells,
        amount: Option<String>,
        name: String,
    ) -> PyResult<Self> {
        let spells = Arc::clone(&spells.0);
        run(py, &self.0, move |own| own.dose(&spells, amount.as_deref(), &name)).map(Self::from)
    }

    fn risk_set(
        &self,
        py: Python<'_>,
        eligible: String,
        spells: Option<&PySpells>,
        column: Option<String>,
    ) -> PyResult<Self> {
        let spells = spells.map(|spells| Arc::clone(&spells.0));
        run(py, &self.0, move |own| {
            own.risk_set(&eligible, first(spells.as_deref(), column.as_deref()))
        })
        .map(Self::from)
    }

    fn since_entry(&self, py: Python<'_>, spells: &PySpells, absence: u32) -> PyResult<Self> {
        let spells = Arc::clone(&spells.0);
        run(py, &self.0, move |own| own.since_entry(&spells, absence)).map(Self::from)
    }

    fn balance_table(
        &self,
        py: Python<'_>,
        columns: Vec<String>,
        by: String,
        reference: Option<String>,
    ) -> PyResult<PyTable> {
        run(py, &self.0, move |own| own.balance_table(&columns, &by, reference.as_deref()))
            .map(PyTable::from)
    }

    fn attach_person(
        &self,
        py: Python<'_>,
        register: PyRegister<'_>,
        key: String,
    ) -> PyResult<Self> {
        let register = register.shared();
        run(py, &self.0, move |own| own.attach_person(&*register, &key)).map(Self::from)
    }

    fn lag(&self, py: Python<'_>, column: String, k: u32) -> PyResult<Self> {
        run(py, &self.0, move |own| own.lag(&column, k)).map(Self::from)
    }

    fn lead(&self, py: Python<'_>, column: String, k: u32) -> PyResult<Self> {
        run(py, &self.0, move |own| own.lead(&column, k)).map(Self::from)
    }

    fn diff(&self, py: Python<'_>, column: String, k: u32) -> PyResult<Self> {
        run(py, &self.0, move |own| own.diff(&column, k)).map(Self::from)
    }

    fn growth(&self, py: Python<'_>, column: String, k: u32) -> PyResult<Self> {
        run(py, &self.0, move |own| own.growth(&column, k)).map(Self::from)
    }

    fn cumulate(&self, py: Python<'_>, column: String) -> PyResult<Self> {
        run(py, &self.0, move |own| own.cumulate(&column)).map(Self::from)
    }

    fn since(&self, py: Python<'_>, column: String) -> PyResult<Self> {
        run(py, &self.0, move |own| own.since(&column)).map(Self::from)
    }

    fn variation(&self, py: Python<'_>, columns: Vec<String>) -> PyResult<PyTable> {
        run(py, &self.0, move |own| own.variation(&columns)).map(PyTable::from)
    }

    #[pyo3(signature = (constant, moves, by, gap, short))]
    fn linkage_errors(
        &self,
        py: Python<'_>,
        constant: Vec<String>,
        moves: Option<String>,
        by: Option<String>,
        gap: u32,
        short: u32,
    ) -> PyResult<PyTable> {
        run(py, &self.0, move |own| {
            own.linkage_errors(&constant, moves.as_deref(), by.as_deref(), gap, short)
        })
        .map(PyTable::from)
    }

    fn flows(&self, py: Python<'_>) -> PyResult<PyTable> {
        run(py, &self.0, |own| Ok(own.flows().into()))
    }

    fn event_time(
        &self,
        py: Python<'_>,
        spells: Option<&PySpells>,
        column: Option<String>,
        nth: usize,
    ) -> PyResult<Self> {
        let spells = spells.map(|spells| Arc::clone(&spells.0));
        run(py, &self.0, move |own| {
            own.nth_event_time(first(spells.as_deref(), column.as_deref()), nth)
        })
        .map(Self::from)
    }

    fn filter(&self, py: Python<'_>, mask: &PyColumn, reason: String) -> PyResult<Self> {
        let mask = Arc::clone(&mask.0);
        run(py, &self.0, move |own| own.filter(&mask, &reason)).map(Self::from)
    }

    fn keep(&self, py: Python<'_>, column: String, values: Vec<String>) -> PyResult<Self> {
        run(py, &self.0, move |own| own.keep(&column, &values)).map(Self::from)
    }

    fn patterns(&self, py: Python<'_>) -> PyResult<PyTable> {
        run(py, &self.0, |own| Ok(own.patterns().into()))
    }

    fn transitions(&self, py: Python<'_>, column: String) -> PyResult<PyTable> {
        run(py, &self.0, move |own| own.transitions(&column)).map(PyTable::from)
    }

    fn __len__(&self) -> usize {
        self.0.n_rows()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> PyResult<bool> {
        equal(other.py(), &self.0, &other.get().0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Panel>(py, data).map(Self::from)
    }
}
