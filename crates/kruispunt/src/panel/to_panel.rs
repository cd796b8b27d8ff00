use super::PanelError;
use super::cells::{self, Amounts, Choice, Codes, NONE, Wanted};
use super::keys::{Coded, all, codes, codes_of_bytes, nan_is_null, shared_numbers};
use super::layout::{Balance, Layout};
use super::order::{Order, Ranking};
use super::reasons::Reasons;
use crate::data::{
    Buffer, Calendar, Column, Count, Day, Panel, Persons, ReferenceDay, Spells, Step, Table,
    Timeline, Values,
};

/// Which state of a period a panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StateRule {
    /// The state on the last day, as the quarter-end nomenclatures do.
    #[default]
    LastDay,
    /// The state on the first day.
    FirstDay,
    /// The state on the n-th day, counted from 1 (the last, where the period is shorter).
    Day(u16),
    /// The state with most days; equal days go to the first state in natural order, counted. Where
    /// spells overlap each counts its own days.
    Dominant,
    /// The state of the first spell by [`ToPanel::order`] among those that touch the period (the
    /// main job); ties go to the lowest row number, counted.
    Main,
}

impl StateRule {
    const fn reference(self) -> ReferenceDay {
        match self {
            Self::LastDay | Self::Dominant | Self::Main => ReferenceDay::Last,
            Self::FirstDay => ReferenceDay::First,
            Self::Day(n) => ReferenceDay::Nth(n),
        }
    }
}

/// How a number that belongs to a spell falls into periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Spread {
    /// An amount of the whole spell, divided evenly over the days the spell had when it was read:
    /// each period gets the share of the days that lie in it. Days clipped off or lost to a better
    /// spell take their share along.
    #[default]
    Days,
    /// A rate per day: each period gets the rate times the days that lie in it.
    Daily,
    /// The whole amount, in the period in which the spell starts (nothing if that day was cut off).
    Start,
    /// The whole amount, in the period in which the spell ends (nothing if that day was cut off).
    End,
}

impl Spread {
    /// Whether each period gets what its days bring.
    #[inline]
    pub(super) const fn by_days(self) -> bool {
        matches!(self, Self::Days | Self::Daily)
    }
}

/// What the cells of a panel hold, and which there are.
///
/// ```
/// use kruispunt::panel::{Balance, StateRule, ToPanel};
/// let quarterly = ToPanel::new()
///     .state(StateRule::LastDay)
///     .days()
///     .sum(["wage"])
///     .balance(Balance::EntryExit);
/// # let _ = quarterly;
/// ```
#[must_use]
#[allow(clippy::struct_excessive_bools, reason = "each says whether one column is made")]
#[derive(Clone, Debug)]
pub struct ToPanel {
    state: Option<StateRule>,
    values: Vec<String>,
    days: bool,
    days_by_state: bool,
    count: bool,
    sums: Vec<(String, Spread)>,
    means: Vec<String>,
    balance: Balance,
    pub(super) presence: Option<Spells>,
    pub(super) born: Option<Spells>,
    pub(super) arrived: Option<Spells>,
    pub(super) died: Option<Spells>,
    period: Option<String>,
    order: Vec<Order>,
    dominant: bool,
}

impl Default for ToPanel {
    fn default() -> Self {
        Self {
            state: None,
            values: Vec::new(),
            days: false,
            days_by_state: false,
            count: false,
            sums: Vec::new(),
            means: Vec::new(),
            balance: Balance::EntryExit,
            presence: None,
            born: None,
            arrived: None,
            died: None,
            period: None,
            order: Vec::new(),
            dominant: false,
        }
    }
}

impl ToPanel {
    /// Person and period alone, from each person's first record to the last.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state: column `state`, null where no spell covers the day. Needs spells without overlap,
    /// or an [`order`](Self::order).
    pub fn state(mut self, rule: StateRule) -> Self {
        self.state = Some(rule);
        self
    }

    /// What the spell that gives the state carries in these columns (for
    /// [`StateRule::Dominant`], the spell on the last day). Needs spells without overlap, or an
    /// [`order`](Self::order).
    pub fn values<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.values.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Which spell of a person counts where several do: the first in this order, as in
    /// [`Spells::resolve`]; ties go to the lowest row number and are counted.
    ///
    /// For [`StateRule::Main`] the order may use `days`, the days of the spell in the period:
    /// `["-days", "-wage", "employer"]` is the main job by most days, then pay, then employer.
    pub fn order<O: Into<Order>>(mut self, order: impl IntoIterator<Item = O>) -> Self {
        self.order = order.into_iter().map(Into::into).collect();
        self
    }

    /// The state with most days beside the one asked for: column `dominant`. As
    /// [`StateRule::Dominant`].
    pub fn dominant(mut self) -> Self {
        self.dominant = true;
        self
    }

    /// Days covered: column `days`. Where spells overlap each counts its own days.
    pub fn days(mut self) -> Self {
        self.days = true;
        self
    }

    /// Days in each state: columns `days_<state>`.
    pub fn days_by_state(mut self) -> Self {
        self.days_by_state = true;
        self
    }

    /// Spells that touch the period: column `count`.
    pub fn count(mut self) -> Self {
        self.count = true;
        self
    }

    /// Amounts of whole spells, by [`Spread::Days`]: columns of the same names.
    ///
    /// A missing amount adds nothing; a cell of which no spell has an amount is null.
    pub fn sum<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.sum_with(columns, Spread::Days)
    }

    /// Amounts or rates, with a spread of your own: columns of the same names.
    pub fn sum_with<N: Into<String>>(
        mut self,
        columns: impl IntoIterator<Item = N>,
        spread: Spread,
    ) -> Self {
        self.sums.extend(columns.into_iter().map(|name| (name.into(), spread)));
        self
    }

    /// Means of values as they stand, weighted by days: columns `<name>_mean`.
    pub fn mean<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.means.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Which periods of a person become rows (default: [`Balance::EntryExit`]).
    ///
    /// Unless it is [`Balance::None`], column `reason` says of each cell without a record why it
    /// has none: `no record`, `before entry`, `after exit`, and with more known of persons
    /// `not resident`, `not born`, `not arrived` or `dead`.
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// Spells of presence (residence): a cell without a record and without a day of presence has
    /// the reason `not resident`.
    pub fn presence(mut self, spells: &Spells) -> Self {
        self.presence = Some(spells.clone());
        self
    }

    /// Births, as events: a cell without a record in a period before it has the reason `not born`.
    pub fn born(mut self, events: &Spells) -> Self {
        self.born = Some(events.clone());
        self
    }

    /// First arrivals, as events: a cell without a record in a period before it has the reason
    /// `not arrived`.
    pub fn arrived(mut self, events: &Spells) -> Self {
        self.arrived = Some(events.clone());
        self
    }

    /// Deaths, as events: a cell without a record in a period after the first has the reason
    /// `dead`.
    pub fn died(mut self, events: &Spells) -> Self {
        self.died = Some(events.clone());
        self
    }

    /// The name of the period column (default: `month`, `quarter` or `year`).
    pub fn period_name(mut self, name: impl Into<String>) -> Self {
        self.period = Some(name.into());
        self
    }
}

impl Timeline {
    /// The panel of a timeline: one row for a person and a period.
    ///
    /// # Errors
    ///
    /// [`PanelError::NoState`] when a state is asked of spells without one,
    /// [`PanelError::OpenAmount`], [`PanelError::NotFinite`], [`PanelError::PersonTypes`] for
    /// presence, and [`PanelError::Data`] for missing columns, names that occur twice and more
    /// rows than a table can hold.
    pub fn to_panel(&self, calendar: &Calendar, what: &ToPanel) -> Result<Panel, PanelError> {
        build(self.spells(), calendar, what)
    }
}

impl Spells {
    /// The panel of spells: for quantities that may overlap (days, amounts, counts).
    ///
    /// # Errors
    ///
    /// [`PanelError::Overlap`] when a state or a value is asked for and spells of one person
    /// overlap: say which wins with [`ToPanel::order`] or [`resolve`](Self::resolve). Otherwise as
    /// [`Timeline::to_panel`].
    pub fn to_panel(&self, calendar: &Calendar, what: &ToPanel) -> Result<Panel, PanelError> {
        if what.state == Some(StateRule::Main) && what.order.is_empty() {
            return Err(no_order());
        }
        let shows = what.state.is_some_and(|rule| rule != StateRule::Dominant);
        let needs_timeline = (shows || !what.values.is_empty()) && what.order.is_empty();
        if let Some((first, second)) = self.first_overlap().filter(|_| needs_timeline) {
            return Err(PanelError::Overlap {
                argument: "state".to_owned(),
                first: self.rows()[first] as usize,
                second: self.rows()[second] as usize,
            });
        }
        build(self, calendar, what)
    }
}

#[allow(clippy::too_many_lines, reason = "one line of thought from spells to columns, in order")]
fn build(spells: &Spells, calendar: &Calendar, what: &ToPanel) -> Result<Panel, PanelError> {
    let layout = Layout::new(spells, calendar, what.balance)?;
    let reference = what.state.unwrap_or_default().reference();
    let shown = what.state.filter(|rule| *rule != StateRule::Dominant);
    let dominates = what.dominant || what.state == Some(StateRule::Dominant);
    let states = states(spells, what, dominates)?;
    let ranking = ranking(spells, what)?;
    let chooses = shown.is_some() || !what.values.is_empty();
    let narrow = narrow_states(spells);
    let dominant_as: Option<Vec<u8>> = narrow
        .as_ref()
        .zip(states.as_ref())
        .map(|(codes, own)| own.shows.iter().map(|&spell| codes[spell as usize]).collect());
    let shown_as = narrow
        .as_ref()
        .filter(|_| shown.is_some() && what.values.is_empty())
        .map(|codes| &codes[..]);
    let choice = chooses.then(|| Choice {
        shown_as,
        days: (shown != Some(StateRule::Main))
            .then(|| layout.bounds.windows(2).map(|pair| reference.of(pair[0], pair[1])).collect()),
        ranking: ranking.as_ref(),
    });
    let wanted = Wanted {
        days: what.days,
        count: what.count,
        states: states.as_ref().map(|states| (states.codes.each(), &states.shows[..])),
        all_stated: spells
            .state()
            .and_then(|name| spells.columns().get(name))
            .is_some_and(|states| states.validity().is_none()),
        by_state: what.days_by_state,
        dominant: dominates,
        dominant_as: dominant_as.as_deref(),
        sums: what
            .sums
            .iter()
            .map(|(name, spread)| amounts(spells, name, *spread))
            .collect::<Result<_, PanelError>>()?,
        means: what
            .means
            .iter()
            .map(|name| shared_numbers(spells, "mean", name).map(|(values, _)| values))
            .collect::<Result<_, PanelError>>()?,
        choice,
    };
    let mut filled = cells::fill(spells, &layout, &wanted);
    let (labels, counts) = counted(spells, &layout, &wanted, &mut filled, states.as_ref());
    drop(wanted);
    let settled = ranking.map(|ranking| ranking.told());
    let mut columns = Table::default();
    let mut values = Table::default();
    for name in &what.values {
        let Codes::Spells(chosen) = &filled.chosen else { continue };
        values.push(name, spells.columns().column("values", name)?.gather(chosen))?;
    }
    let state_column = || spells.columns().column("state", spells.state().unwrap_or_default());
    match what.state {
        None => {}
        Some(StateRule::Dominant) => {
            let dominant = if what.dominant {
                match &filled.dominant {
                    Codes::Spells(spells) => state_column()?.gather(spells),
                    Codes::Bytes(bytes, there) => {
                        state_column()?.of_bytes(bytes.clone(), there.clone())
                    }
                }
            } else {
                stated(state_column()?, std::mem::take(&mut filled.dominant))
            };
            columns.push("state", dominant)?;
        }
        Some(StateRule::Main) if spells.state().is_none() => {}
        Some(_) => {
            columns.push("state", stated(state_column()?, std::mem::take(&mut filled.chosen)))?;
        }
    }
    drop(std::mem::take(&mut filled.chosen));
    for (name, column) in values.names().to_vec().into_iter().zip(values.columns()) {
        columns.push(name, column.clone())?;
    }
    if what.dominant {
        columns.push("dominant", stated(state_column()?, std::mem::take(&mut filled.dominant)))?;
    }
    for (name, column) in labels.into_iter().zip(counts) {
        columns.push(name, column)?;
    }
    for ((name, _), (sums, there)) in what.sums.iter().zip(std::mem::take(&mut filled.sums)) {
        columns.push(name, Column::new(Values::Float(sums.into()), there))?;
    }
    for (name, [mut sums, days]) in what.means.iter().zip(std::mem::take(&mut filled.means)) {
        for (sum, days) in sums.iter_mut().zip(days) {
            *sum = if days > 0.0 { *sum / days } else { f64::NAN };
        }
        columns.push(format!("{name}_mean"), nan_is_null(sums))?;
    }
    let everyone = layout.who.len() == spells.persons().len();
    let persons: Persons =
        if everyone { spells.persons().clone() } else { spells.persons().take(&layout.who) };
    let period_name = what.period.clone().unwrap_or_else(|| calendar.unit().name().to_owned());
    for name in [persons.name(), &period_name] {
        if columns.get(name).is_some() || persons.name() == period_name {
            return Err(crate::data::DataError::DuplicateColumn { column: name.to_owned() }.into());
        }
    }
    let panel = Panel {
        calendar: *calendar,
        persons,
        period_name,
        offsets: layout.offsets,
        positions: layout.positions,
        columns,
        reference,
        account: spells.account().clone(),
    };
    let label = format!("{}-{}", calendar.label(0), calendar.label(calendar.len() - 1));
    let unit = calendar.unit().name();
    let mut step = Step::new(
        "to_panel",
        format!("a row for a person and a {unit}, {label}"),
        spells.count(),
        panel.count(),
    )
    .exclude(format!("no day in {label}"), Count::rows(layout.outside))
    .tied("dominant states", filled.even, "the first state in natural order")
    .tied("spells shown", filled.tied, "the lowest row number");
    if let Some(order) = settled {
        step = step.note(format!("of several spells the first by {order}"));
    }
    if what.balance == Balance::None {
        return Ok(panel.with_step(step));
    }
    let reasons = Reasons::new(filled.records, filled.outside, &panel);
    super::reasons::explain(panel, reasons, what, step)
}

/// The states of spells in one byte each, [`NO_BYTE`](cells::NO_BYTE) for none; `None` where there
/// are too many, or they are no text.
fn narrow_states(spells: &Spells) -> Option<Buffer<u8>> {
    let column = spells.columns().get(spells.state()?)?;
    let Values::Text(text) = column.values() else { return None };
    let codes = text.bytes().filter(|_| text.levels().len() < usize::from(cells::NO_BYTE))?;
    if column.validity().is_none() {
        return Some(codes.clone());
    }
    let code = |(row, &code): (usize, &u8)| if column.is_null(row) { cells::NO_BYTE } else { code };
    Some(codes.iter().enumerate().map(code).collect::<Vec<_>>().into())
}

/// States as the column of spells writes them.
fn stated(column: &Column, codes: Codes) -> Column {
    match codes {
        Codes::Spells(spells) => column.gather_into(spells),
        Codes::Bytes(bytes, there) => column.of_bytes(bytes, there),
    }
}

/// The states of spells.
struct States {
    labels: Vec<String>,
    codes: Coded,
    /// For each state a spell that shows it.
    shows: Vec<u32>,
}

fn states(spells: &Spells, what: &ToPanel, dominates: bool) -> Result<Option<States>, PanelError> {
    const MOST: usize = 1000;
    let argument = match (what.state, dominates, what.days_by_state) {
        (None, false, false) => return Ok(None),
        (Some(StateRule::Main), false, false) if spells.state().is_none() => return Ok(None),
        (None, _, true) => "days_by_state",
        (None, true, _) => "dominant",
        (Some(_), ..) => "state",
    };
    let none = || PanelError::NoState { argument: argument.to_owned() };
    let column = spells.columns().column("state", spells.state().ok_or_else(none)?)?;
    if !dominates && !what.days_by_state {
        return Ok(None);
    }
    let (codes, shows) = match column.values() {
        Values::Text(text) if column.validity().is_none() && text.bytes().is_some() => {
            let bytes = text.bytes().cloned().unwrap_or_default();
            let (place, shows) = codes_of_bytes(column, &bytes);
            (Coded::Bytes(bytes, Box::new(place)), shows)
        }
        _ => {
            let (codes, shows) = codes(column);
            (Coded::Wide(codes), shows)
        }
    };
    if shows.len() > MOST {
        return Err(PanelError::BadArgument {
            argument: if what.days_by_state { "days_by_state" } else { argument }.to_owned(),
            expected: "at most 1000 states",
            got: shows.len().to_string(),
        });
    }
    let label = |row: &u32| format!("days_{}", column.label(*row as usize).unwrap_or_default());
    Ok(Some(States { labels: shows.iter().map(label).collect(), codes, shows }))
}

fn no_order() -> PanelError {
    PanelError::BadArgument {
        argument: "order".to_owned(),
        expected: "an order that says which spell is the main one",
        got: "none".to_owned(),
    }
}

/// The order that says which of several spells is shown.
fn ranking(spells: &Spells, what: &ToPanel) -> Result<Option<Ranking>, PanelError> {
    let main = what.state == Some(StateRule::Main);
    if main && what.order.is_empty() {
        return Err(no_order());
    }
    if what.order.is_empty() {
        return Ok(None);
    }
    Ranking::read(spells, what.order.clone(), main).map(Some)
}

/// The names and columns of days, days by state and spells, those that are asked for.
fn counted(
    spells: &Spells,
    layout: &Layout,
    wanted: &Wanted<'_>,
    filled: &mut cells::Filled,
    states: Option<&States>,
) -> (Vec<String>, Vec<Column>) {
    let by_state = states.filter(|_| wanted.by_state);
    let mut names = Vec::new();
    if wanted.days {
        names.push("days".to_owned());
    }
    let first = names.len();
    names.extend(by_state.iter().flat_map(|states| states.labels.clone()));
    if wanted.count {
        names.push("count".to_owned());
    }
    if let Some(counts) = filled.counts.take() {
        return (names, counts.into_iter().map(Column::short).collect());
    }
    let last = names.len().saturating_sub(1);
    let code_of = by_state.map(|states| states.codes.each());
    let columns = layout.counts(spells, names.len(), |part, add| {
        let days = part.to - part.from;
        if wanted.days {
            add(0, days);
        }
        let code = code_of.map(|codes| codes.of(part.spell)).filter(|code| *code != NONE);
        if let Some(code) = code {
            add(first + code as usize, days);
        }
        if wanted.count {
            add(last, 1);
        }
    });
    (names, columns.into_iter().map(Column::int).collect())
}

/// The numbers behind a sum, NaN where a spell brings nothing.
fn amounts(spells: &Spells, name: &str, spread: Spread) -> Result<Amounts, PanelError> {
    let (values, shared) = shared_numbers(spells, "sum", name)?;
    let whole = spread.by_days() && (shared || all(&values, |value| !value.is_nan()));
    if spread == Spread::Daily {
        return Ok(Amounts { values, spread, whole });
    }
    let (starts, ends, lengths) = (spells.starts(), spells.ends(), &spells.lengths[..]);
    if spread == Spread::Days {
        let open = |at: &usize| lengths[*at] == Day::OPEN.0 && !values[*at].is_nan();
        if let Some(at) = (0..values.len()).find(open) {
            return Err(PanelError::OpenAmount {
                argument: "sum".to_owned(),
                column: name.to_owned(),
                row: spells.rows()[at] as usize,
            });
        }
    }
    if matches!(spread, Spread::Start | Spread::End) {
        let mut values = values.to_vec();
        for (at, value) in values.iter_mut().enumerate() {
            let start = spells.origins[at];
            let end = start.saturating_add(lengths[at]);
            let cut = spread == Spread::Start && starts[at] != start
                || spread == Spread::End && (ends[at] != end || end == Day::OPEN.0);
            if cut {
                *value = f64::NAN;
            }
        }
        return Ok(Amounts { values: values.into(), spread, whole });
    }
    Ok(Amounts { values, spread, whole })
}
