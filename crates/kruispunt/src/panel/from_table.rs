use super::PanelError;
use crate::data::{
    Account, Buffer, Calendar, Column, Count, DataError, NOBODY, Panel, Period, Persons,
    ReferenceDay, Step, Table, Unit, Values, WholePeriods,
};
use crate::math::by_group;

impl Panel {
    /// A panel from a table that already has a row for a person and a period, in any order.
    ///
    /// The calendar runs from the first period that occurs to the last. All other columns are
    /// kept.
    ///
    /// # Errors
    ///
    /// [`PanelError::DuplicatePersonPeriod`] with the two rows; [`PanelError::Data`] for a table
    /// without rows, missing columns and cells that are missing or do not parse.
    pub fn from_table(
        table: &Table,
        person: &str,
        period: &str,
        unit: Unit,
    ) -> Result<Self, PanelError> {
        table.require_rows("table")?;
        if let Some(own) = Self::sorted(table, person, period, unit)? {
            return Ok(own);
        }
        let (persons, codes) = Persons::encode("person", person, table.column("person", person)?)?;
        if let Some(row) = codes.iter().position(|&code| code == NOBODY) {
            return Err(missing("person", person, row, "an identifier in each row").into());
        }
        let numbers = numbers(table.column("period", period)?, period, unit)?;
        let Order { rows, offsets, numbers } = Order::of(persons.len(), &codes, numbers)?;
        let number = |number: Option<&i32>| Period { unit, number: *number.unwrap_or(&0) };
        let first = number(numbers.iter().min());
        let calendar = Calendar::between(first, number(numbers.iter().max()))?;
        let mut columns = Table::default();
        for (name, column) in table.names().iter().zip(table.columns()) {
            if name != person && name != period {
                let own = rows.as_ref().map_or_else(|| column.clone(), |rows| column.gather(rows));
                columns.push(name, own)?;
            }
        }
        let position = |number: &i32| (number - first.number) as u32;
        let count = Count::of(table.n_rows(), persons.len());
        let step =
            Step::new("read", format!("one row for a person and a {}", unit.name()), count, count);
        Ok(Self {
            calendar,
            persons,
            period_name: period.to_owned(),
            offsets: offsets.into(),
            positions: numbers.iter().map(position).collect::<Vec<_>>().into(),
            columns,
            reference: ReferenceDay::Last,
            account: Account::new("panel").then(step),
        })
    }

    /// The same, in one pass, of whole numbers without nulls whose rows stand in order; `None` for
    /// others, and where something is wrong.
    fn sorted(
        table: &Table,
        person: &str,
        period: &str,
        unit: Unit,
    ) -> Result<Option<Self>, PanelError> {
        let (ids, times) = (table.column("person", person)?, table.column("period", period)?);
        let (Values::Int(own), Values::Int(whole)) = (ids.values(), times.values()) else {
            return Ok(None);
        };
        if ids.validity().is_some() || times.validity().is_some() {
            return Ok(None);
        }
        let range = 12 / unit.months()..9999 * 12 / unit.months();
        let mut periods = WholePeriods::new(unit);
        if let Some(pattern) = same_periods(own, whole) {
            let number = |whole: &i64| periods.number(*whole).filter(|own| range.contains(own));
            let numbers: Option<Vec<i32>> = pattern.iter().map(number).collect();
            if let Some(numbers) = numbers.filter(|own| own.windows(2).all(|w| w[1] - w[0] == 1)) {
                let (t, n) = (pattern.len(), own.len());
                let offsets: Vec<u32> = (0..=n / t).map(|person| (person * t) as u32).collect();
                let positions = Buffer::later(n, move || {
                    let mut positions = Vec::with_capacity(n);
                    (0..n / t).for_each(|_| positions.extend(0..t as u32));
                    positions
                });
                let ends = (numbers[0], numbers[t - 1]);
                return Self::ordered(table, [person, period], unit, offsets, ends, positions)
                    .map(Some);
            }
        }
        let (mut offsets, mut numbers) = (Vec::new(), Vec::with_capacity(own.len()));
        let (mut least, mut most) = (i32::MAX, i32::MIN);
        let (mut before, mut last) = (i64::MIN, i32::MIN);
        for (row, (&id, &whole)) in own.iter().zip(whole.iter()).enumerate() {
            let Some(number) = periods.number(whole).filter(|number| range.contains(number)) else {
                return Ok(None);
            };
            if id != before || row == 0 {
                if id < before {
                    return Ok(None);
                }
                offsets.push(row as u32);
            } else if number <= last {
                return Ok(None);
            }
            (before, last) = (id, number);
            (least, most) = (least.min(number), most.max(number));
            numbers.push(number);
        }
        offsets.push(own.len() as u32);
        let positions: Vec<u32> =
            numbers.into_iter().map(|number| (number - least) as u32).collect();
        Self::ordered(table, [person, period], unit, offsets, (least, most), positions.into())
            .map(Some)
    }

    /// A panel of a table whose rows stand in order, from its first period to its last.
    fn ordered(
        table: &Table,
        [person, period]: [&str; 2],
        unit: Unit,
        offsets: Vec<u32>,
        (least, most): (i32, i32),
        positions: Buffer<u32>,
    ) -> Result<Self, PanelError> {
        let ids = table.column("person", person)?;
        let persons = Persons::ascending(person, ids, &offsets[..offsets.len() - 1]);
        let calendar =
            Calendar::between(Period { unit, number: least }, Period { unit, number: most })?;
        let mut columns = Table::default();
        for (name, column) in table.names().iter().zip(table.columns()) {
            if name != person && name != period {
                columns.push(name, column.clone())?;
            }
        }
        let count = Count::of(table.n_rows(), persons.len());
        let step =
            Step::new("read", format!("one row for a person and a {}", unit.name()), count, count);
        Ok(Self {
            calendar,
            persons,
            period_name: period.to_owned(),
            offsets: offsets.into(),
            positions,
            columns,
            reference: ReferenceDay::Last,
            account: Account::new("panel").then(step),
        })
    }
}

/// The periods of each person when all have the same in the same order, and persons ascend.
#[allow(clippy::needless_bitwise_bool, reason = "without branches rows go side by side")]
fn same_periods<'a>(ids: &[i64], whole: &'a [i64]) -> Option<&'a [i64]> {
    let first = *ids.first()?;
    let t = ids.iter().position(|id| *id != first).unwrap_or(ids.len());
    if !ids.len().is_multiple_of(t) {
        return None;
    }
    let pattern = &whole[..t];
    let mut before = None;
    for (own, periods) in ids.chunks_exact(t).zip(whole.chunks_exact(t)) {
        let id = own[0];
        let same = own.iter().fold(true, |same, other| same & (*other == id));
        if !same || periods != pattern || before.is_some_and(|before| before >= id) {
            return None;
        }
        before = Some(id);
    }
    Some(pattern)
}

/// Rows by person and period.
struct Order {
    /// The row at each place; `None` when they stand in order.
    rows: Option<Vec<u32>>,
    offsets: Vec<u32>,
    /// Numbers of the periods, in order.
    numbers: Vec<i32>,
}

impl Order {
    fn of(n_persons: usize, codes: &[u32], numbers: Vec<i32>) -> Result<Self, PanelError> {
        let ascends = |(codes, numbers): (&[u32], &[i32])| {
            codes[0] < codes[1] || (codes[0] == codes[1] && numbers[0] < numbers[1])
        };
        if codes.windows(2).zip(numbers.windows(2)).all(ascends) {
            let mut offsets = Vec::with_capacity(n_persons + 1);
            offsets.push(0);
            let ends = (1_u32..).zip(codes.windows(2)).filter(|(_, pair)| pair[0] != pair[1]);
            offsets.extend(ends.map(|(row, _)| row));
            offsets.push(codes.len() as u32);
            return Ok(Self { rows: None, offsets, numbers });
        }
        let by_group::Sorted { order, offsets, starts, .. } =
            by_group::sort(n_persons, codes, numbers.clone(), numbers);
        for pair in offsets.windows(2) {
            let own = pair[0] as usize..pair[1] as usize;
            if let Some(at) = starts[own.clone()].windows(2).position(|pair| pair[0] == pair[1]) {
                let rows = &order[own.start + at..];
                return Err(PanelError::DuplicatePersonPeriod {
                    argument: "table".to_owned(),
                    first: rows[0] as usize,
                    second: rows[1] as usize,
                });
            }
        }
        Ok(Self { rows: Some(order), offsets, numbers: starts })
    }
}

fn missing(argument: &str, column: &str, row: usize, expected: &'static str) -> DataError {
    DataError::MissingCell {
        argument: argument.to_owned(),
        column: column.to_owned(),
        row,
        expected,
    }
}

/// The number of the period of each row.
fn numbers(column: &Column, name: &str, unit: Unit) -> Result<Vec<i32>, DataError> {
    const EXPECTED: &str = "a period between the years 1 and 9998";
    let bad = |row| DataError::BadCell {
        argument: "period".to_owned(),
        column: name.to_owned(),
        row,
        expected: EXPECTED,
    };
    let months = i64::from(unit.months());
    let range = 12 / months..9999 * 12 / months;
    let within = |row: usize, number: i32| {
        if range.contains(&i64::from(number)) { Ok(number) } else { Err(bad(row)) }
    };
    match column.values() {
        Values::Period(own, values) if *own == unit && column.validity().is_none() => {
            values.iter().enumerate().map(|(row, number)| within(row, *number)).collect()
        }
        Values::Int(values) if column.validity().is_none() => {
            let mut periods = WholePeriods::new(unit);
            let mut read = |(row, value): (usize, &i64)| within(row, periods.number(*value)?).ok();
            let numbers: Option<Vec<i32>> = values.iter().enumerate().map(&mut read).collect();
            numbers.map_or_else(|| slowly(column, name, unit, within), Ok)
        }
        _ => slowly(column, name, unit, within),
    }
}

fn slowly(
    column: &Column,
    name: &str,
    unit: Unit,
    within: impl Fn(usize, i32) -> Result<i32, DataError>,
) -> Result<Vec<i32>, DataError> {
    let periods = column.to_periods(unit, "period", name)?;
    let read = |(row, period): (usize, Option<Period>)| {
        let period = period.ok_or_else(|| missing("period", name, row, "a period in each row"))?;
        within(row, period.number)
    };
    periods.into_iter().enumerate().map(read).collect()
}
