//! Days and the periods made of them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A calendar day, stored as days since 1 January 1970.
///
/// ```
/// use kruispunt::data::Day;
/// let hired = Day::parse("2012-02-29").unwrap();
/// assert_eq!(hired.ymd(), (2012, 2, 29));
/// assert_eq!((hired + 1).to_string(), "2012-03-01");
/// assert!(Day::parse("2013-02-29").is_none());
/// ```
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The end of a spell that has not ended yet.
    pub const OPEN: Self = Self(i32::MAX);

    /// The day `year`-`month`-`day`; `None` when there is no such day.
    ///
    /// Years from 1 to 9999 are accepted.
    #[must_use]
    pub const fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        if day > days_in_month(year, month) {
            return None;
        }
        Some(Self(days_from_civil(year, month, day)))
    }

    /// Parses `2012-03-31`, `31/03/2012`, `31-03-2012`, `31.03.2012` or `20120331`.
    ///
    /// Belgian deliveries write the day first; a month-first date is never guessed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = text.as_bytes();
        if bytes.len() == 8 && bytes.iter().all(u8::is_ascii_digit) {
            return Self::new(number(&bytes[..4])?, part(&bytes[4..6])?, part(&bytes[6..])?);
        }
        if bytes.len() != 10 {
            return None;
        }
        if bytes[4] == b'-' && bytes[7] == b'-' {
            return Self::new(number(&bytes[..4])?, part(&bytes[5..7])?, part(&bytes[8..])?);
        }
        let separator = bytes[2];
        if matches!(separator, b'-' | b'/' | b'.') && bytes[5] == separator {
            return Self::new(number(&bytes[6..])?, part(&bytes[3..5])?, part(&bytes[..2])?);
        }
        None
    }

    /// Year, month (1 to 12) and day of the month.
    #[must_use]
    pub const fn ymd(self) -> (i32, u32, u32) {
        civil_from_days(self.0)
    }

    /// Days from `earlier` to this day; negative when it lies before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<i32> for Day {
    type Output = Self;
    fn add(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn number(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |n, d| n * 10 + i32::from(d - b'0')))
}

fn part(digits: &[u8]) -> Option<u32> {
    number(digits).map(|n| n as u32)
}

const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant 2013, `days_from_civil`).
const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 } as i32;
    let doy = (153 * shifted + 2) / 5 + day as i32 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

const fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let z = days as i64 + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year as i32, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        let mut expected = Day::new(1800, 1, 1).unwrap();
        for year in 1800..2200 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    let made = Day::new(year, month, day).unwrap();
                    assert_eq!(made, expected);
                    assert_eq!(made.ymd(), (year, month, day));
                    expected = expected + 1;
                }
            }
        }
    }

    #[test]
    fn reads_the_notations_of_belgian_deliveries_and_nothing_else() {
        let day = Day::new(2012, 3, 31);
        for text in ["2012-03-31", "31/03/2012", "31-03-2012", "31.03.2012", "20120331"] {
            assert_eq!(Day::parse(text), day, "{text}");
        }
        for text in
            ["", "2012-3-31", "31/03-2012", "2012-02-30", "2012Q1", "12/31/2012", "é2-03-2012"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
