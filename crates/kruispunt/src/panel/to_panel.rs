use super::keys::{NONE, codes, nan_is_null, numbers};
use super::layout::{Balance, Layout};
use super::{PanelError, match_persons};
use crate::data::{
    Bitmap, Calendar, Column, Count, Day, NOBODY, Panel, Persons, REASON, ReferenceDay, Spells,
    Step, Table, Text, Timeline, Values,
};
use crate::math::sweep;

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
    /// The state with most days; equal days go to the first state in natural order, counted.
    Dominant,
}

impl StateRule {
    const fn reference(self) -> ReferenceDay {
        match self {
            Self::LastDay | Self::Dominant => ReferenceDay::Last,
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
    presence: Option<Spells>,
    period: Option<String>,
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
            period: None,
        }
    }
}

impl ToPanel {
    /// Person and period alone, from each person's first record to the last.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state: column `state`, null where no spell covers the day. Needs spells without overlap.
    pub fn state(mut self, rule: StateRule) -> Self {
        self.state = Some(rule);
        self
    }

    /// What the spell on the reference day carries in these columns. Needs spells without overlap.
    pub fn values<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.values.extend(columns.into_iter().map(Into::into));
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
    /// has none: `no record`, `before entry`, `after exit` or `not resident`.
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
    /// overlap: say which wins with [`resolve`](Self::resolve). Otherwise as
    /// [`Timeline::to_panel`].
    pub fn to_panel(&self, calendar: &Calendar, what: &ToPanel) -> Result<Panel, PanelError> {
        let needs_timeline = what.state.is_some() || !what.values.is_empty();
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

fn build(spells: &Spells, calendar: &Calendar, what: &ToPanel) -> Result<Panel, PanelError> {
    let layout = Layout::new(spells, calendar, what.balance)?;
    let mut columns = Table::default();
    let mut ties = 0;
    if let Some(rule) = what.state {
        let (column, tied) = state(spells, &layout, rule)?;
        columns.push("state", column)?;
        ties = tied;
    }
    let reference = what.state.unwrap_or_default().reference();
    if !what.values.is_empty() {
        let at = on_reference_day(spells, &layout, reference);
        for name in &what.values {
            columns.push(name, spells.columns().column("values", name)?.gather(&at))?;
        }
    }
    for (name, column) in counts(spells, &layout, what)? {
        columns.push(name, column)?;
    }
    for (name, spread) in &what.sums {
        columns.push(name, sum(spells, &layout, name, *spread)?)?;
    }
    for name in &what.means {
        columns.push(format!("{name}_mean"), mean(spells, &layout, name)?)?;
    }
    let everyone = layout.who.len() == spells.persons().len();
    let persons: Persons =
        if everyone { spells.persons().clone() } else { spells.persons().take(&layout.who) };
    let recorded = (what.balance != Balance::None)
        .then(|| layout.fill(spells, false, |recorded, _| *recorded = true));
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
        offsets: layout.offsets.into(),
        positions: layout.positions.into(),
        columns,
        reference,
        account: spells.account().clone(),
    };
    balanced(panel, spells, what, recorded.as_deref(), ties)
}

/// The spell that covers the reference day of each cell.
fn on_reference_day(spells: &Spells, layout: &Layout, reference: ReferenceDay) -> Vec<u32> {
    let days: Vec<i32> =
        layout.bounds.windows(2).map(|pair| reference.of(pair[0], pair[1])).collect();
    layout.fill(spells, NONE, |cell, part| {
        if (part.from..part.to).contains(&days[part.period]) {
            *cell = part.spell as u32;
        }
    })
}

fn state(spells: &Spells, layout: &Layout, rule: StateRule) -> Result<(Column, u64), PanelError> {
    let none = || PanelError::NoState { argument: "state".to_owned() };
    let column = spells.columns().column("state", spells.state().ok_or_else(none)?)?;
    if rule != StateRule::Dominant {
        return Ok((column.gather(&on_reference_day(spells, layout, rule.reference())), 0));
    }
    let (codes, _) = codes(column);
    let mut best = vec![NONE; layout.n_rows()];
    let tied = sweep::fill_chunks(&layout.offsets, &mut best, |persons, best| {
        let base = layout.offsets[persons.start] as usize;
        let mut tied = 0_u64;
        let mut parts: Vec<(usize, u32, i32, u32)> = Vec::new();
        for person in persons {
            let first_row = layout.offsets[person] as usize - base;
            parts.clear();
            layout.parts(spells, person, |row, part| {
                if codes[part.spell] != NONE {
                    let days = part.to - part.from;
                    parts.push((first_row + row, codes[part.spell], days, part.spell as u32));
                }
            });
            parts.sort_unstable();
            for cell in parts.chunk_by(|a, b| a.0 == b.0) {
                let (mut most, mut even) = ((0, NONE), false);
                for state in cell.chunk_by(|a, b| a.1 == b.1) {
                    let days = state.iter().map(|part| part.2).sum::<i32>();
                    even = if days > most.0 { false } else { even || days == most.0 };
                    if days > most.0 {
                        most = (days, state[0].3);
                    }
                }
                best[cell[0].0] = most.1;
                tied += u64::from(even);
            }
        }
        tied
    });
    Ok((column.gather(&best), tied.into_iter().sum()))
}

/// The columns of days, days by state and spells, those that are asked for.
fn counts(
    spells: &Spells,
    layout: &Layout,
    what: &ToPanel,
) -> Result<Vec<(String, Column)>, PanelError> {
    let (states, codes) =
        if what.days_by_state { state_labels(spells)? } else { (Vec::new(), Vec::new()) };
    let mut names = Vec::new();
    if what.days {
        names.push("days".to_owned());
    }
    let first = names.len();
    names.extend(states);
    if what.count {
        names.push("count".to_owned());
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let last = names.len() - 1;
    let columns = layout.counts(spells, names.len(), |part, add| {
        let days = part.to - part.from;
        if what.days {
            add(0, days);
        }
        if let Some(&code) = codes.get(part.spell).filter(|code| **code != NONE) {
            add(first + code as usize, days);
        }
        if what.count {
            add(last, 1);
        }
    });
    Ok(names.into_iter().zip(columns).collect())
}

/// The columns of days in each state, and the state of each spell.
fn state_labels(spells: &Spells) -> Result<(Vec<String>, Vec<u32>), PanelError> {
    const MOST: usize = 1000;
    let none = || PanelError::NoState { argument: "days_by_state".to_owned() };
    let column = spells.columns().column("state", spells.state().ok_or_else(none)?)?;
    let (codes, first) = codes(column);
    if first.len() > MOST {
        return Err(PanelError::BadArgument {
            argument: "days_by_state".to_owned(),
            expected: "at most 1000 states",
            got: first.len().to_string(),
        });
    }
    let label = |row: &u32| format!("days_{}", column.label(*row as usize).unwrap_or_default());
    Ok((first.iter().map(label).collect(), codes))
}

fn sum(spells: &Spells, layout: &Layout, name: &str, spread: Spread) -> Result<Column, PanelError> {
    let mut values = numbers(spells.columns(), "sum", name, Some(spells.rows()))?;
    if spread == Spread::Days {
        let lengths = &spells.lengths[..];
        let open = |at: &usize| lengths[*at] == Day::OPEN.0 && !values[*at].is_nan();
        if let Some(at) = (0..values.len()).find(open) {
            return Err(PanelError::OpenAmount {
                argument: "sum".to_owned(),
                column: name.to_owned(),
                row: spells.rows()[at] as usize,
            });
        }
    }
    let (starts, ends, lengths) = (spells.starts(), spells.ends(), &spells.lengths[..]);
    if matches!(spread, Spread::Start | Spread::End) {
        for (at, value) in values.iter_mut().enumerate() {
            let start = spells.origins[at];
            let end = start.saturating_add(lengths[at]);
            let cut = spread == Spread::Start && starts[at] != start
                || spread == Spread::End && (ends[at] != end || end == Day::OPEN.0);
            if cut {
                *value = f64::NAN;
            }
        }
    }
    let add = |cell: &mut f64, value: f64| {
        if !value.is_nan() {
            *cell = if cell.is_nan() { value } else { *cell + value };
        }
    };
    Ok(nan_is_null(layout.fill(spells, f64::NAN, |cell, part| {
        let (value, days) = (values[part.spell], f64::from(part.to - part.from));
        match spread {
            Spread::Days => add(cell, value * (days / f64::from(lengths[part.spell]))),
            Spread::Daily => add(cell, value * days),
            Spread::Start if part.from == starts[part.spell] => add(cell, value),
            Spread::End if part.to == ends[part.spell] => add(cell, value),
            Spread::Start | Spread::End => {}
        }
    })))
}

fn mean(spells: &Spells, layout: &Layout, name: &str) -> Result<Column, PanelError> {
    let values = numbers(spells.columns(), "mean", name, Some(spells.rows()))?;
    let cells = layout.fill(spells, (0.0, 0.0), |(sum, days), part| {
        let (value, own) = (values[part.spell], f64::from(part.to - part.from));
        if !value.is_nan() {
            *sum += value * own;
            *days += own;
        }
    });
    let mean = |(sum, days): (f64, f64)| if days > 0.0 { sum / days } else { f64::NAN };
    Ok(nan_is_null(cells.into_iter().map(mean).collect()))
}

/// Adds the reasons of cells without a record, and the step of the account.
fn balanced(
    panel: Panel,
    spells: &Spells,
    what: &ToPanel,
    recorded: Option<&[bool]>,
    ties: u64,
) -> Result<Panel, PanelError> {
    const REASONS: [&str; 4] = ["no record", "before entry", "after exit", "not resident"];
    let calendar = panel.calendar;
    let (first, next) = (calendar.first_day().0, calendar.last_day().0 + 1);
    let days = spells.starts().iter().zip(spells.ends());
    let outside = days.filter(|(start, end)| **end <= first || **start >= next);
    let label = format!("{}-{}", calendar.label(0), calendar.label(calendar.len() - 1));
    let unit = calendar.unit().name();
    let mut step = Step::new(
        "to_panel",
        format!("a row for a person and a {unit}, {label}"),
        spells.count(),
        panel.count(),
    )
    .exclude(format!("no day in {label}"), Count::rows(outside.count()))
    .tied("dominant states", ties, "the first state in natural order");
    let Some(recorded) = recorded else { return Ok(panel.with_step(step)) };
    let mut reasons = vec![0_u32; panel.n_rows()];
    sweep::fill_chunks(panel.offsets(), &mut reasons, |persons, reasons| {
        let base = panel.of(persons.start).start;
        for person in persons {
            let rows = panel.of(person);
            for row in rows.clone().take_while(|&row| !recorded[row]) {
                reasons[row - base] = 1;
            }
            for row in rows.rev().take_while(|&row| !recorded[row]) {
                reasons[row - base] = 2;
            }
        }
    });
    if let Some(presence) = &what.presence {
        let found = match_persons("presence", &panel.persons, presence.persons())?;
        let unknown = found.iter().filter(|code| **code == NOBODY).count();
        let days = super::attach::days_present(&panel, presence, &found);
        for ((reason, _), _) in reasons
            .iter_mut()
            .zip(days)
            .zip(recorded)
            .filter(|((_, days), seen)| *days == 0 && !**seen)
        {
            *reason = 3;
        }
        step = step
            .join(presence.account().clone())
            .note(format!("{unknown} persons have no spell of presence"));
    }
    let mut counts = [0_u64; 4];
    for (&reason, _) in reasons.iter().zip(recorded).filter(|(_, recorded)| !**recorded) {
        counts[reason as usize] += 1;
    }
    for (reason, count) in REASONS.iter().zip(counts).filter(|(_, count)| *count > 0) {
        step = step.note(format!("{count} rows without a record: {reason}"));
    }
    let mut panel = panel;
    let validity = Bitmap::pack(recorded.iter().map(|recorded| !recorded));
    if let Some(text) = Text::new(reasons.into(), REASONS.into_iter().collect(), true) {
        panel.columns.push(REASON, Column::new(Values::Text(text), validity))?;
    }
    Ok(panel.with_step(step))
}
