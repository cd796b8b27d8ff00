//! INSZ numbers: national register and BIS.
//!
//! Eleven digits `YYMMDD SSS CC`. With `n` the first nine digits, the check is
//! `CC = 97 - n mod 97` for births before 2000 and `CC = 97 - (2e9 + n) mod 97` from 2000 on.
//! Because `2e9 mod 97 = 68`, one check never fits both centuries, so the century is part of the
//! answer. The month is raised by 20 in a BIS number given before the sex was known and by 40 in
//! one given with the sex; month and day may be 00 when unknown, and month 00 also serves when the
//! serials of a day ran out.

use kruispunt::data::Day;
use std::fmt;

/// Who gave the number, and what was known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The National Register.
    National,
    /// The KSZ, sex unknown (month + 20).
    BisSexUnknown,
    /// The KSZ, sex known (month + 40).
    Bis,
}

impl Kind {
    const fn shift(self) -> u32 {
        match self {
            Self::National => 0,
            Self::BisSexUnknown => 20,
            Self::Bis => 40,
        }
    }

    /// The word for it: `national`, `bis` or `bis_sex_unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::BisSexUnknown => "bis_sex_unknown",
            Self::Bis => "bis",
        }
    }
}

/// The sex a serial number states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Odd serials.
    Male,
    /// Even serials.
    Female,
}

/// The century the check digits prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Century {
    /// Born 1900 to 1999.
    Nineteen,
    /// Born 2000 to 2099.
    Twenty,
}

impl Century {
    const fn prefix(self) -> u64 {
        match self {
            Self::Nineteen => 0,
            Self::Twenty => 2_000_000_000,
        }
    }

    /// The year at which it starts.
    #[must_use]
    pub const fn first_year(self) -> i32 {
        match self {
            Self::Nineteen => 1900,
            Self::Twenty => 2000,
        }
    }
}

/// What is wrong with a number. The number itself is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InszError {
    /// Not eleven digits.
    #[error("an INSZ has 11 digits; got {got}")]
    Length {
        /// Digits found.
        got: usize,
    },
    /// Something else than digits, dots, spaces and dashes.
    #[error("an INSZ holds digits, dots, spaces and dashes only; found another character at {at}")]
    Character {
        /// Where, in characters from 0.
        at: usize,
    },
    /// The check digits fit neither century.
    #[error("the check digits of this INSZ are wrong for both centuries")]
    Check,
    /// The check digits fit the other century than the one asked for.
    #[error("the check digits of this INSZ do not fit a birth in the century asked for")]
    WrongCentury,
    /// Month or day cannot be.
    #[error("the birth date in this INSZ does not exist")]
    BirthDate,
    /// Serial 000 or 999.
    #[error("the serial in this INSZ must lie between 001 and 998")]
    Serial,
    /// The year lies outside 1900 to 2099.
    #[error("an INSZ can state births from 1900 to 2099 only")]
    Year,
}

/// A birth date with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Birth {
    /// The year, 1900 to 2099.
    pub year: i32,
    /// The month, 1 to 12, if known.
    pub month: Option<u32>,
    /// The day of the month, if known.
    pub day: Option<u32>,
}

impl Birth {
    /// A birth date of which everything is known.
    #[must_use]
    pub fn on(day: Day) -> Self {
        let (year, month, day) = day.ymd();
        Self { year, month: Some(month), day: Some(day) }
    }

    /// The day, when everything is known.
    #[must_use]
    pub fn day(self) -> Option<Day> {
        Day::new(self.year, self.month?, self.day?)
    }

    /// `YYYY-MM-DD` with `00` for unknown parts, as the registers write it.
    #[must_use]
    pub fn text(self) -> String {
        format!(
            "{:04}-{:02}-{:02}",
            self.year,
            self.month.unwrap_or_default(),
            self.day.unwrap_or_default()
        )
    }
}

/// A valid number. Its `Debug` form hides the digits.
///
/// ```
/// use kruispunt_belgium::insz::{Century, Insz, Sex};
/// let number = Insz::parse("93.05.18-223.61")?;
/// assert_eq!(number.sex(), Some(Sex::Male));
/// assert_eq!(number.century(), Century::Nineteen);
/// assert_eq!(number.birth_day().unwrap().to_string(), "1993-05-18");
/// # Ok::<(), kruispunt_belgium::insz::InszError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Insz {
    number: u64,
    twenty: bool,
}

impl Insz {
    /// Reads a number, with or without dots, spaces and dashes, and tries both centuries.
    ///
    /// A slip in one digit passes as the other century in 0.4 % of cases: where the year of birth
    /// is known, use [`parse_born`](Self::parse_born).
    ///
    /// # Errors
    ///
    /// Every [`InszError`] but `WrongCentury` and `Year`.
    pub fn parse(text: &str) -> Result<Self, InszError> {
        let number = digits(text)?;
        let (body, check) = (number / 100, number % 100);
        let century = [Century::Nineteen, Century::Twenty]
            .into_iter()
            .find(|century| check_of(body, *century) == check)
            .ok_or(InszError::Check)?;
        let read = Self { number, twenty: century == Century::Twenty };
        read.plausible()?;
        Ok(read)
    }

    /// Reads the number of somebody born in a known century.
    ///
    /// All slips of one digit and all swaps of neighbouring digits are caught.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and [`InszError::WrongCentury`].
    pub fn parse_born(text: &str, century: Century) -> Result<Self, InszError> {
        let read = Self::parse(text)?;
        if read.century() == century { Ok(read) } else { Err(InszError::WrongCentury) }
    }

    /// Makes a number from a birth date, a serial (1 to 998; odd for men, even for women) and a
    /// kind.
    ///
    /// # Errors
    ///
    /// [`InszError::Year`], [`InszError::BirthDate`] or [`InszError::Serial`].
    pub fn make(birth: Birth, serial: u32, kind: Kind) -> Result<Self, InszError> {
        let century = match birth.year {
            1900..2000 => Century::Nineteen,
            2000..2100 => Century::Twenty,
            _ => return Err(InszError::Year),
        };
        let (month, day) = (birth.month.unwrap_or_default(), birth.day.unwrap_or_default());
        if month > 12 || day > 99 {
            return Err(InszError::BirthDate);
        }
        let year = birth.year.rem_euclid(100) as u64;
        let date = year * 10_000 + u64::from(month + kind.shift()) * 100 + u64::from(day);
        if !(1..=998).contains(&serial) {
            return Err(InszError::Serial);
        }
        let body = date * 1000 + u64::from(serial);
        let number = body * 100 + check_of(body, century);
        let made = Self { number, twenty: century == Century::Twenty };
        made.plausible()?;
        Ok(made)
    }

    fn plausible(self) -> Result<(), InszError> {
        let (month, day) = (self.raw_month(), self.raw_day());
        let month = month % 20;
        let exists = match (month, day) {
            (0, _) | (1..=12, 0) => self.raw_month() < 60,
            (1..=12, day) => {
                self.raw_month() < 60 && Day::new(self.full_year(), month, day).is_some()
            }
            _ => false,
        };
        if !exists {
            return Err(InszError::BirthDate);
        }
        if (1..=998).contains(&self.serial()) { Ok(()) } else { Err(InszError::Serial) }
    }

    const fn raw_month(self) -> u32 {
        (self.number / 10_000_000 % 100) as u32
    }

    const fn raw_day(self) -> u32 {
        (self.number / 100_000 % 100) as u32
    }

    const fn full_year(self) -> i32 {
        self.century().first_year() + (self.number / 1_000_000_000) as i32
    }

    /// Who gave it.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self.raw_month() / 20 {
            0 => Kind::National,
            1 => Kind::BisSexUnknown,
            _ => Kind::Bis,
        }
    }

    /// The century the check digits prove.
    #[must_use]
    pub const fn century(self) -> Century {
        if self.twenty { Century::Twenty } else { Century::Nineteen }
    }

    /// The year of birth; `None` for the number of a wholly unknown date (`00.00.01`).
    #[must_use]
    pub const fn birth_year(self) -> Option<i32> {
        if self.number / 100_000 % 1_000_000 == 1 { None } else { Some(self.full_year()) }
    }

    /// The month of birth, when stated.
    #[must_use]
    pub const fn birth_month(self) -> Option<u32> {
        match self.raw_month() % 20 {
            0 => None,
            month => Some(month),
        }
    }

    /// The day of birth, when year, month and day are stated.
    #[must_use]
    pub fn birth_day(self) -> Option<Day> {
        Day::new(self.birth_year()?, self.birth_month()?, self.raw_day())
    }

    /// The sex, unless the number was given before it was known.
    #[must_use]
    pub const fn sex(self) -> Option<Sex> {
        match (self.kind(), self.serial() % 2) {
            (Kind::BisSexUnknown, _) => None,
            (_, 1) => Some(Sex::Male),
            _ => Some(Sex::Female),
        }
    }

    /// The serial, 1 to 998.
    #[must_use]
    pub const fn serial(self) -> u32 {
        (self.number / 100 % 1000) as u32
    }

    /// The eleven digits.
    #[must_use]
    pub fn compact(self) -> String {
        format!("{:011}", self.number)
    }

    /// The digits as printed on cards: `93.05.18-223.61`.
    #[must_use]
    pub fn formatted(self) -> String {
        let d = self.compact();
        format!("{}.{}.{}-{}.{}", &d[..2], &d[2..4], &d[4..6], &d[6..9], &d[9..])
    }
}

impl fmt::Debug for Insz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Insz({}, digits hidden)", self.kind().name())
    }
}

fn check_of(body: u64, century: Century) -> u64 {
    97 - (century.prefix() + body) % 97
}

fn digits(text: &str) -> Result<u64, InszError> {
    let (mut number, mut got) = (0_u64, 0);
    for (at, c) in text.trim().chars().enumerate() {
        match c {
            '0'..='9' => {
                got += 1;
                if got <= 11 {
                    number = number * 10 + u64::from(c as u32 - '0' as u32);
                }
            }
            '.' | ' ' | '-' => {}
            _ => return Err(InszError::Character { at }),
        }
    }
    if got == 11 { Ok(number) } else { Err(InszError::Length { got }) }
}

/// Whether the text is a valid number of either kind and century.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    Insz::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_worked_example_has_check_61() {
        let birth = Birth { year: 1993, month: Some(5), day: Some(18) };
        let made = Insz::make(birth, 223, Kind::National).unwrap();
        assert_eq!(made.compact(), "93051822361");
        assert_eq!(made.formatted(), "93.05.18-223.61");
    }

    /// Doctests of python-stdnum 2.2, modules `be.nn` and `be.bis`.
    #[test]
    fn agrees_with_the_documented_examples_of_python_stdnum() {
        for (text, compact, day, kind, sex) in [
            ("85.07.30-033 28", "85073003328", "1985-07-30", Kind::National, Some(Sex::Male)),
            ("17 07 30 033 84", "17073003384", "2017-07-30", Kind::National, Some(Sex::Male)),
            ("98.47.28-997.65", "98472899765", "1998-07-28", Kind::Bis, Some(Sex::Male)),
            ("01 49 07 001 85", "01490700185", "2001-09-07", Kind::Bis, Some(Sex::Male)),
        ] {
            let read = Insz::parse(text).unwrap();
            assert_eq!(read.compact(), compact);
            assert_eq!(read.birth_day().unwrap().to_string(), day);
            assert_eq!((read.kind(), read.sex()), (kind, sex));
        }
        assert_eq!(Insz::parse("12345678901"), Err(InszError::Check));
    }

    #[test]
    fn each_fault_is_named_and_no_message_holds_the_number() {
        for (text, expected) in [
            ("", InszError::Length { got: 0 }),
            ("9305182236", InszError::Length { got: 10 }),
            ("930518223611", InszError::Length { got: 12 }),
            ("93O51822361", InszError::Character { at: 2 }),
            ("93é51822361", InszError::Character { at: 2 }),
            ("93051822362", InszError::Check),
        ] {
            let error = Insz::parse(text).unwrap_err();
            assert_eq!(error, expected);
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        let birth = Birth { year: 1990, month: Some(2), day: Some(30) };
        assert_eq!(Insz::make(birth, 1, Kind::Bis), Err(InszError::BirthDate));
        let birth = Birth { year: 1990, month: Some(2), day: None };
        assert_eq!(Insz::make(birth, 999, Kind::Bis), Err(InszError::Serial));
        let birth = Birth { year: 1899, month: None, day: None };
        assert_eq!(Insz::make(birth, 1, Kind::Bis), Err(InszError::Year));
        let shown = format!("{:?}", Insz::parse("93051822361").unwrap());
        assert!(!shown.contains("930518"));
    }

    #[test]
    fn unknown_parts_stay_unknown() {
        let year_only = Birth { year: 1978, month: None, day: None };
        let number = Insz::make(year_only, 12, Kind::BisSexUnknown).unwrap();
        assert_eq!((number.birth_year(), number.birth_month()), (Some(1978), None));
        assert_eq!((number.birth_day(), number.sex()), (None, None));
        let nothing = Birth { year: 2000, month: None, day: Some(1) };
        assert_eq!(Insz::make(nothing, 3, Kind::National).unwrap().birth_year(), None);
        assert_eq!(year_only.text(), "1978-00-00");
    }

    fn any_number() -> impl Strategy<Value = Insz> {
        (1900..2100_i32, 0..13_u32, 0..29_u32, 1..999_u32, 0..3_usize).prop_map(
            |(year, month, day, serial, kind)| {
                let kind = [Kind::National, Kind::BisSexUnknown, Kind::Bis][kind];
                let birth = Birth { year, month: Some(month), day: Some(day) };
                Insz::make(birth, serial, kind).unwrap()
            },
        )
    }

    proptest! {
        #[test]
        fn reading_gives_back_what_was_made(number in any_number()) {
            prop_assert_eq!(Insz::parse(&number.compact()), Ok(number));
            prop_assert_eq!(Insz::parse_born(&number.formatted(), number.century()), Ok(number));
        }

        #[test]
        fn one_slip_or_swap_is_always_caught_when_the_century_is_known(number in any_number()) {
            let digits = number.compact().into_bytes();
            let refused = |bytes: &[u8]| {
                Insz::parse_born(std::str::from_utf8(bytes).unwrap(), number.century()).is_err()
            };
            for at in 0..11 {
                for digit in b'0'..=b'9' {
                    let mut wrong = digits.clone();
                    wrong[at] = digit;
                    prop_assert!(wrong == digits || refused(&wrong));
                }
                if at < 10 {
                    let mut wrong = digits.clone();
                    wrong.swap(at, at + 1);
                    prop_assert!(wrong == digits || refused(&wrong));
                }
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = Insz::parse(&text);
            let _ = is_valid(&text);
        }
    }
}
