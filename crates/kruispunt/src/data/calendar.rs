//! The periods of a panel: months, quarters or years in a row.

use super::{DataError, Day};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Calendar months, written `2012-03`.
    Month,
    /// Calendar quarters, written `2012Q1`.
    Quarter,
    /// Calendar years, written `2012`.
    Year,
}

impl Unit {
    pub(crate) const fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }

    /// The word for one such period.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// One month, quarter or year: a whole number of units since year 0.
///
/// `later.number - earlier.number` is the distance in periods, so lags, event time and
/// durations are integer arithmetic.
///
/// ```
/// use kruispunt::data::{Day, Period, Unit};
/// let q = Period::parse("2012Q4", Unit::Quarter).unwrap();
/// assert_eq!((q + 1).to_string(), "2013Q1");
/// assert_eq!(q.last_day().to_string(), "2012-12-31");
/// assert_eq!(Period::of(Day::parse("2012-10-01").unwrap(), Unit::Quarter), q);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The unit counted.
    pub unit: Unit,
    /// Units since the start of year 0.
    pub number: i32,
}

impl Period {
    /// The period in which `day` lies.
    #[must_use]
    pub fn of(day: Day, unit: Unit) -> Self {
        let (year, month, _) = day.ymd();
        Self { unit, number: (year * 12 + month as i32 - 1).div_euclid(unit.months()) }
    }

    /// Parses a period in the field's notations.
    ///
    /// Months `2012-03`, `2012M3`, `201203`; quarters `2012Q1`, `2012-Q1`, `2012q1`, `2012T1`,
    /// `20121`, `1/2012`, `Q1 2012`; years `2012`. A full date (see [`Day::parse`]) stands for
    /// the period it lies in. `None` when the text is none of these.
    #[must_use]
    pub fn parse(text: &str, unit: Unit) -> Option<Self> {
        let text = text.trim();
        if let Some(day) = Day::parse(text) {
            return Some(Self::of(day, unit));
        }
        let is_mark = |c: char| !c.is_ascii_digit();
        let mut runs = text.split(is_mark).filter(|run| !run.is_empty());
        let (first, second, rest) = (runs.next()?, runs.next(), runs.next());
        if rest.is_some() {
            return None;
        }
        let marks: String = text.chars().filter(|c| is_mark(*c) && *c != ' ').collect();
        let (year, part) = match (first, second) {
            (year, None) if year.len() == 4 && marks.is_empty() => (year, None),
            (joined, None) if joined.len() > 4 && marks.is_empty() => {
                let (year, part) = joined.split_at(4);
                (year, Some(part))
            }
            (year, Some(part)) if year.len() == 4 => (year, Some(part)),
            (part, Some(year)) if year.len() == 4 => (year, Some(part)),
            _ => return None,
        };
        let year: i32 = year.parse().ok()?;
        if year < 1 {
            return None;
        }
        let number = match (unit, part) {
            (Unit::Year, None) => year,
            (Unit::Quarter, Some(part)) => {
                let marked = matches!(
                    marks.to_ascii_uppercase().as_str(),
                    "Q" | "-Q" | "T" | "-T" | "K" | "-K" | "" | "/" | "-" | "."
                );
                let quarter: i32 = part.parse().ok().filter(|q| (1..=4).contains(q))?;
                if !marked || part.len() != 1 {
                    return None;
                }
                year * 4 + quarter - 1
            }
            (Unit::Month, Some(part)) => {
                let marked = matches!(
                    marks.to_ascii_uppercase().as_str(),
                    "M" | "-M" | "-" | "/" | "." | ""
                );
                let month: i32 = part.parse().ok().filter(|m| (1..=12).contains(m))?;
                if !marked || part.len() > 2 {
                    return None;
                }
                year * 12 + month - 1
            }
            _ => return None,
        };
        Some(Self { unit, number })
    }

    /// The calendar year it lies in (for years: itself).
    #[must_use]
    pub const fn year(self) -> i32 {
        (self.number as i64 * self.unit.months() as i64).div_euclid(12) as i32
    }

    /// The first day.
    #[must_use]
    pub fn first_day(self) -> Day {
        let months = self.number.saturating_mul(self.unit.months());
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
        Day::new(year.clamp(1, 9999), month, 1).unwrap_or_default()
    }

    /// The last day.
    #[must_use]
    pub fn last_day(self) -> Day {
        (self + 1).first_day() + -1
    }
}

impl std::ops::Add<i32> for Period {
    type Output = Self;
    fn add(self, periods: i32) -> Self {
        Self { unit: self.unit, number: self.number.saturating_add(periods) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = self.year();
        match self.unit {
            Unit::Year => write!(f, "{year:04}"),
            Unit::Quarter => write!(f, "{year:04}Q{}", self.number.rem_euclid(4) + 1),
            Unit::Month => write!(f, "{year:04}-{:02}", self.number.rem_euclid(12) + 1),
        }
    }
}

/// Reads whole numbers as periods, as [`Period::parse`] reads their digits; a number seen shortly
/// before is not read again.
pub(crate) struct WholePeriods {
    unit: Unit,
    known: [Option<(i64, Option<i32>)>; 64],
}

impl WholePeriods {
    pub(crate) const fn new(unit: Unit) -> Self {
        Self { unit, known: [None; 64] }
    }

    /// The number of the period.
    pub(crate) fn number(&mut self, whole: i64) -> Option<i32> {
        let slot = &mut self.known[(whole & 63) as usize];
        match slot {
            Some((own, number)) if *own == whole => *number,
            _ => {
                let number = Period::parse(&whole.to_string(), self.unit).map(|own| own.number);
                *slot = Some((whole, number));
                number
            }
        }
    }
}

/// A run of periods without gaps: the time axis of a panel.
///
/// ```
/// use kruispunt::data::{Calendar, Day};
/// let calendar = Calendar::quarters("2005Q1", "2016Q4")?;
/// assert_eq!(calendar.len(), 48);
/// assert_eq!(calendar.position(Day::parse("2005-04-01").unwrap()), Some(1));
/// assert_eq!(calendar.label(47), "2016Q4");
/// # Ok::<(), kruispunt::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Calendar {
    first: Period,
    len: u32,
}

impl Calendar {
    /// The periods from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// [`DataError::BadPeriod`] when one does not parse, [`DataError::EmptyCalendar`] when the
    /// last lies before the first.
    pub fn new(unit: Unit, first: &str, last: &str) -> Result<Self, DataError> {
        let parse = |argument, text: &str| {
            Period::parse(text, unit).ok_or_else(|| DataError::BadPeriod {
                argument,
                text: text.to_owned(),
                unit,
            })
        };
        let (first, last) = (parse("first", first)?, parse("last", last)?);
        Self::between(first, last)
    }

    /// The periods from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// [`DataError::EmptyCalendar`] when `last` lies before `first` or their units differ,
    /// [`DataError::PeriodOutOfRange`] outside the years 1 to 9998.
    pub fn between(first: Period, last: Period) -> Result<Self, DataError> {
        if last < first || first.unit != last.unit {
            return Err(DataError::EmptyCalendar {
                first: first.to_string(),
                last: last.to_string(),
            });
        }
        for (argument, period) in [("first", first), ("last", last)] {
            if !(1..9999).contains(&period.year()) {
                let period = period.to_string();
                return Err(DataError::PeriodOutOfRange { argument, period });
            }
        }
        Ok(Self { first, len: (last.number - first.number + 1) as u32 })
    }

    /// Quarters, for example `("2005Q1", "2016Q4")`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn quarters(first: &str, last: &str) -> Result<Self, DataError> {
        Self::new(Unit::Quarter, first, last)
    }

    /// Months, for example `("2005-01", "2016-12")`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn months(first: &str, last: &str) -> Result<Self, DataError> {
        Self::new(Unit::Month, first, last)
    }

    /// Years, for example `("2005", "2016")`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn years(first: &str, last: &str) -> Result<Self, DataError> {
        Self::new(Unit::Year, first, last)
    }

    /// Number of periods; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a calendar is never empty by construction")]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// The unit of its periods.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.first.unit
    }

    /// The period at `position` (0 is the first); may lie outside.
    #[must_use]
    pub fn period(&self, position: usize) -> Period {
        self.first + i32::try_from(position).unwrap_or(i32::MAX)
    }

    /// The label of the period at `position`, for example `2005Q1`.
    #[must_use]
    pub fn label(&self, position: usize) -> String {
        self.period(position).to_string()
    }

    /// Where `day` lies; `None` outside.
    #[must_use]
    pub fn position(&self, day: Day) -> Option<usize> {
        self.position_of(Period::of(day, self.unit()))
    }

    /// Where `period` lies; `None` outside or of another unit.
    #[must_use]
    pub fn position_of(&self, period: Period) -> Option<usize> {
        let offset = period.number.checked_sub(self.first.number)?;
        (period.unit == self.unit() && (0..self.len as i32).contains(&offset))
            .then_some(offset as usize)
    }

    /// The first day of the first period.
    #[must_use]
    pub fn first_day(&self) -> Day {
        self.first.first_day()
    }

    /// The last day of the last period.
    #[must_use]
    pub fn last_day(&self) -> Day {
        self.period(self.len() - 1).last_day()
    }

    /// First days of all periods and, last, the first day after: `len + 1` days.
    ///
    /// Period `i` is the half-open run `bounds[i]..bounds[i + 1]`.
    #[must_use]
    pub fn bounds(&self) -> Vec<Day> {
        (0..=self.len()).map(|i| self.period(i).first_day()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_are_read_in_every_notation_of_the_field() {
        let q = Period { unit: Unit::Quarter, number: 2012 * 4 };
        for text in [
            "2012Q1",
            "2012q1",
            "2012-Q1",
            "2012T1",
            "20121",
            "1/2012",
            "Q1 2012",
            "31-03-2012",
            " 2012Q1 ",
        ] {
            assert_eq!(Period::parse(text, Unit::Quarter), Some(q), "{text}");
        }
        for text in
            ["2012Q5", "2012Q0", "2012", "Q1", "12Q1", "2012Q1Q2", "201203", "2012x1", "kwartaal"]
        {
            assert_eq!(Period::parse(text, Unit::Quarter), None, "{text}");
        }
    }

    #[test]
    fn months_and_years_are_read_too() {
        for text in ["2012-03", "2012M3", "201203", "3/2012"] {
            assert_eq!(Period::parse(text, Unit::Month).unwrap().to_string(), "2012-03", "{text}");
        }
        assert_eq!(Period::parse("2012", Unit::Year).unwrap().year(), 2012);
        assert_eq!(Period::parse("2012Q1", Unit::Year), None);
    }

    #[test]
    fn each_day_lies_in_the_period_whose_bounds_hold_it() {
        for unit in [Unit::Month, Unit::Quarter, Unit::Year] {
            let first = Period::of(Day::new(2003, 1, 1).unwrap(), unit);
            let calendar = Calendar::between(first, first + 40).unwrap();
            let bounds = calendar.bounds();
            for day in bounds[0].0..bounds[calendar.len()].0 {
                let at = calendar.position(Day(day)).unwrap();
                assert!(bounds[at].0 <= day && day < bounds[at + 1].0);
                assert!(calendar.period(at).first_day().0 <= day);
                assert!(day <= calendar.period(at).last_day().0);
            }
            assert_eq!(calendar.position(Day(bounds[0].0 - 1)), None);
            assert_eq!(calendar.position(bounds[calendar.len()]), None);
        }
    }
}
