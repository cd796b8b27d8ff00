//! Dates as they are written down: parts may be unknown or impossible.

use crate::data::Day;

/// A date of eight digits; a part that is 0 is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    year: u32,
    month: u32,
    day: u32,
}

/// How far two dates are apart, nearest first.
pub(super) const LABELS: [&str; 5] =
    ["same day", "one slip", "two parts agree", "within a year", "else"];

impl Written {
    /// Reads eight digits year first, or day first when the separators say so; impossible months
    /// and days are kept, for they are often one slip away. `None` when there are no eight digits
    /// or nothing is known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split(['T', ' ']).next().unwrap_or_default();
        let bytes = text.as_bytes();
        let day_first =
            bytes.len() == 10 && matches!(bytes[2], b'-' | b'/' | b'.') && bytes[5] == bytes[2];
        let year_first =
            bytes.len() == 10 && matches!(bytes[4], b'-' | b'/' | b'.') && bytes[7] == bytes[4];
        let (mut digits, mut n) = ([0_u32; 8], 0);
        for byte in bytes.iter().filter(|byte| byte.is_ascii_digit()) {
            if let Some(digit) = digits.get_mut(n) {
                *digit = u32::from(byte - b'0');
            }
            n += 1;
        }
        if n != 8 || !(day_first || year_first || bytes.len() == 8) {
            return None;
        }
        let number = |at: std::ops::Range<usize>| digits[at].iter().fold(0, |n, d| n * 10 + d);
        let written = if day_first {
            Self { year: number(4..8), month: number(2..4), day: number(0..2) }
        } else {
            Self { year: number(0..4), month: number(4..6), day: number(6..8) }
        };
        (written.year != 0 || written.month != 0 || written.day != 0).then_some(written)
    }

    /// The date of a day.
    pub(super) fn of(day: Day) -> Self {
        let (year, month, day) = day.ymd();
        Self { year: year.unsigned_abs(), month, day }
    }

    /// Appends eight digits, year first.
    pub(super) fn write(self, out: &mut String) {
        if self.year > 9999 {
            out.push_str(&self.year.to_string());
        } else {
            out.extend(self.digits()[..4].iter().map(|&digit| char::from(b'0' + digit as u8)));
        }
        out.extend(self.digits()[4..].iter().map(|&digit| char::from(b'0' + digit as u8)));
    }

    /// Whether year, month and day are known.
    pub(super) const fn complete(self) -> bool {
        self.year != 0 && self.month != 0 && self.day != 0
    }

    /// Whether every part that the first `digits` of eight touch is known.
    pub(super) const fn known(self, digits: usize) -> bool {
        (digits == 0 || self.year != 0)
            && (digits <= 4 || self.month != 0)
            && (digits <= 6 || self.day != 0)
    }

    fn digits(self) -> [u32; 8] {
        let (y, m, d) = (self.year, self.month, self.day);
        [y / 1000 % 10, y / 100 % 10, y / 10 % 10, y % 10, m / 10 % 10, m % 10, d / 10 % 10, d % 10]
    }

    /// Days on a scale of 372 a year, near enough for "within a year".
    const fn days(self) -> i64 {
        self.year as i64 * 372 + self.month as i64 * 31 + self.day as i64
    }

    /// The level of [`LABELS`] two dates reach. Unknown parts never agree.
    pub(super) fn level(self, other: Self) -> u8 {
        if self.complete() && other.complete() {
            if self == other {
                return 0;
            }
            let swapped =
                self.year == other.year && self.month == other.day && self.day == other.month;
            if swapped || one_slip(&self.digits(), &other.digits()) {
                return 1;
            }
        }
        let same = |a: u32, b: u32| a != 0 && a == b;
        let year = same(self.year, other.year);
        let agreeing = u32::from(year)
            + u32::from(same(self.month, other.month))
            + u32::from(same(self.day, other.day));
        if agreeing >= 2 {
            return 2;
        }
        let complete = self.complete() && other.complete();
        if year || complete && (self.days() - other.days()).abs() <= 372 {
            return 3;
        }
        4
    }
}

/// Whether one digit was changed or two neighbours swapped (OSA distance 1 at equal length).
fn one_slip(a: &[u32; 8], b: &[u32; 8]) -> bool {
    let differ: Vec<usize> = (0..8).filter(|&at| a[at] != b[at]).collect();
    match differ[..] {
        [_] => true,
        [first, second] => second == first + 1 && a[first] == b[second] && a[second] == b[first],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(a: &str, b: &str) -> u8 {
        let (a, b) = (Written::parse(a).unwrap(), Written::parse(b).unwrap());
        assert_eq!(a.level(b), b.level(a));
        a.level(b)
    }

    #[test]
    fn levels_go_from_the_same_day_to_anything() {
        assert_eq!(level("1985-07-30", "30/07/1985"), 0);
        assert_eq!(level("19850730", "1985-07-31"), 1);
        assert_eq!(level("1985-07-04", "1985-04-07"), 1);
        assert_eq!(level("1985-07-30", "1958-07-30"), 1);
        assert_eq!(level("1985-07-30", "1985-07-12"), 2);
        assert_eq!(level("1985-07-30", "1991-07-30"), 2);
        assert_eq!(level("1985-12-30", "1986-01-11"), 3);
        assert_eq!(level("1985-07-30", "1999-01-02"), 4);
    }

    #[test]
    fn unknown_parts_never_agree() {
        assert_eq!(level("1985-00-00", "1985-00-00"), 3);
        assert_eq!(level("1985-07-00", "1985-07-30"), 2);
        assert_eq!(Written::parse("00000000"), None);
        assert_eq!(Written::parse("0000-00-00"), None);
    }

    #[test]
    fn impossible_dates_are_read_and_other_text_is_not() {
        assert_eq!(level("19371343", "19371243"), 1);
        for text in ["", "1985", "1985-7-30", "soon", "é985-07-3"] {
            assert_eq!(Written::parse(text), None, "{text}");
        }
        assert_eq!(Written::parse("1985-07-30T00:00:00"), Written::parse("19850730"));
    }
}
