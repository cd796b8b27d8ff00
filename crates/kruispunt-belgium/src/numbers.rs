//! A column of identification numbers: read, checked against birth date and sex, repaired.

use crate::error::BelgiumError;
use crate::insz::{Century, Insz, Sex};
use kruispunt::data::{Account, Column, Count, Day, Linked, Step, Table};

/// Where the columns stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers<'a> {
    /// The numbers: text, or whole numbers that lost their leading zeros.
    pub number: &'a str,
    /// Birth dates from elsewhere: days, or text `YYYY-MM-DD`.
    pub birth_date: Option<&'a str>,
    /// The sex from elsewhere: 1, M or 2, F, V.
    pub sex: Option<&'a str>,
}

/// Reads a column of numbers.
///
/// The answer has the column `person`, `insz` (eleven digits, repaired where that is possible;
/// missing otherwise), `insz_kind`, `insz_sex` (`M`, `F`), `insz_birth_date` and `insz_quality`:
///
/// - `valid`, or `other birth date`, `other sex` for a valid number that disagrees with the columns;
/// - `zeros lost`: eight to ten digits that are valid with the zeros in front;
/// - `digit repaired`, `digits swapped`: the only valid number one digit, or one swap of neighbours,
///   away that has the birth date (and the sex, where both are known);
/// - `ambiguous`: several such numbers; `invalid`: none; `missing`.
///
/// Without a birth date nothing is repaired but zeros: about two valid numbers lie one digit away
/// from any eleven digits.
///
/// # Errors
///
/// [`BelgiumError::Data`] when a column is not there or holds something else.
pub fn read_numbers(
    data: &Table,
    person: &str,
    columns: &Numbers<'_>,
) -> Result<Linked, BelgiumError> {
    let ids = data.column("person", person)?;
    let numbers = data.column("number", columns.number)?;
    let births = match columns.birth_date {
        Some(name) => dates(data.column("birth_date", name)?, name)?,
        None => vec![None; data.n_rows()],
    };
    let sexes = match columns.sex {
        Some(name) => {
            let column = data.column("sex", name)?;
            (0..data.n_rows()).map(|row| sex_of(column.label(row)?.trim())).collect()
        }
        None => vec![None; data.n_rows()],
    };
    let found: Vec<(Option<Insz>, &'static str)> = (0..data.n_rows())
        .map(|row| {
            let text = numbers.label(row).unwrap_or_default();
            judge(text.trim(), births[row], sexes[row])
        })
        .collect();
    let text = |of: fn(&Insz) -> Option<String>| {
        let cells: Vec<Option<String>> = found.iter().map(|one| of(&one.0?)).collect();
        Column::text(cells.iter().map(Option::as_deref))
    };
    let born: Vec<Option<Day>> = found.iter().map(|one| one.0?.birth_day()).collect();
    let read = found.iter().filter(|one| one.0.is_some()).count();
    let step = Step::new(
        "numbers",
        format!("{}: {read} of {} are known", columns.number, data.n_rows()),
        Count::rows(data.n_rows()),
        Count::rows(data.n_rows()),
    )
    .note(crate::tally(found.iter().map(|one| one.1)));
    let sex = |number: &Insz| {
        number.sex().map(|sex| if sex == Sex::Male { "M".to_owned() } else { "F".to_owned() })
    };
    let table = Table::new([
        (person, ids.clone()),
        ("insz", text(|number| Some(number.compact()))),
        ("insz_kind", text(|number| Some(number.kind().name().to_owned()))),
        ("insz_sex", text(sex)),
        ("insz_birth_date", Column::dates(&born)),
        ("insz_quality", Column::text(found.iter().map(|one| Some(one.1)))),
    ])?;
    Ok(Linked::new(table, Account::new(person).then(step)))
}

/// Days; of text, those that are whole dates.
fn dates(column: &Column, name: &str) -> Result<Vec<Option<Day>>, BelgiumError> {
    if let Ok(days) = column.to_days("birth_date", name) {
        return Ok(days);
    }
    if !matches!(column.values(), kruispunt::data::Values::Text(_)) {
        let expected = "dates, or text YYYY-MM-DD with 00 for what is unknown";
        return Err(column.wrong_type("birth_date", name, expected).into());
    }
    Ok((0..column.len()).map(|row| Day::parse(column.label(row)?.trim())).collect())
}

fn sex_of(text: &str) -> Option<Sex> {
    match text {
        "1" | "M" | "m" => Some(Sex::Male),
        "2" | "F" | "f" | "V" | "v" => Some(Sex::Female),
        _ => None,
    }
}

fn judge(text: &str, birth: Option<Day>, sex: Option<Sex>) -> (Option<Insz>, &'static str) {
    if text.is_empty() {
        return (None, "missing");
    }
    let other_birth = |number: &Insz| match (birth, number.birth_day()) {
        (None, _) => false,
        (Some(birth), Some(stated)) => birth != stated,
        (Some(birth), None) => number.birth_year().is_some_and(|year| year != birth.ymd().0),
    };
    let other_sex =
        |number: &Insz| sex.zip(number.sex()).is_some_and(|(sex, stated)| sex != stated);
    if let Ok(number) = Insz::parse(text) {
        let quality = match (other_birth(&number), other_sex(&number)) {
            (true, _) => "other birth date",
            (_, true) => "other sex",
            _ => "valid",
        };
        return (Some(number), quality);
    }
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    let odd = text.chars().any(|c| !c.is_ascii_digit() && !matches!(c, '.' | ' ' | '-'));
    if odd {
        return (None, "invalid");
    }
    if matches!(digits.len(), 8..=10) {
        let padded = format!("{:0>11}", String::from_utf8_lossy(&digits));
        let number = Insz::parse(&padded).ok();
        let fits = number.filter(|number| !other_birth(number) && !other_sex(number));
        return fits.map_or((None, "invalid"), |number| (Some(number), "zeros lost"));
    }
    let Some(birth) = birth.filter(|_| digits.len() == 11) else {
        return (None, "invalid");
    };
    let century = if birth.ymd().0 < 2000 { Century::Nineteen } else { Century::Twenty };
    let right = |digits: &[u8]| {
        let number = Insz::parse_born(&String::from_utf8_lossy(digits), century).ok()?;
        (number.birth_day() == Some(birth) && !other_sex(&number)).then_some(number)
    };
    let mut found: Vec<(Insz, &'static str)> = Vec::new();
    let mut add = |digits: &[u8], how: &'static str| {
        if let Some(number) = right(digits)
            && !found.iter().any(|one| one.0 == number)
        {
            found.push((number, how));
        }
    };
    for at in 0..10 {
        let mut swapped = digits.clone();
        swapped.swap(at, at + 1);
        add(&swapped, "digits swapped");
    }
    for at in 0..11 {
        for digit in b'0'..=b'9' {
            let mut other = digits.clone();
            other[at] = digit;
            add(&other, "digit repaired");
        }
    }
    match found.as_slice() {
        [] => (None, "invalid"),
        [(number, how)] => (Some(*number), *how),
        _ => (None, "ambiguous"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insz::{Birth, Kind};
    use kruispunt::data::Register;
    use proptest::prelude::*;

    fn born() -> Option<Day> {
        Day::new(1993, 5, 18)
    }

    #[test]
    fn each_quality_by_hand() {
        let said = |text: &str, sex| judge(text, born(), sex);
        let compact = |text: &str| said(text, None).0.map(Insz::compact);
        let right = Some("93051822361".to_owned());
        assert_eq!(said("93.05.18-223.61", Some(Sex::Male)).1, "valid");
        assert_eq!(said("93051822361", Some(Sex::Female)).1, "other sex");
        assert_eq!(judge("93051822361", Day::new(1993, 5, 19), None).1, "other birth date");
        // month and day of the number do not exist: one digit away there is one
        assert_eq!(
            (compact("93051922361"), said("93051922361", None).1),
            (right.clone(), "digit repaired")
        );
        assert_eq!(
            (compact("93015822361"), said("93015822361", None).1),
            (right, "digits swapped")
        );
        assert_eq!(judge("93051922361", None, None), (None, "invalid"));
        assert_eq!(said("12345678901", None), (None, "invalid"));
        assert_eq!(said("93051822x61", None), (None, "invalid"));
        assert_eq!(said("", None), (None, "missing"));
        let birth = Birth::on(Day::new(2003, 4, 2).unwrap());
        let number = Insz::make(birth, 12, Kind::National).unwrap();
        let short = number.compact().trim_start_matches('0').to_owned();
        assert_eq!(judge(&short, None, None), (Some(number), "zeros lost"));
        assert_eq!(judge(&short, born(), None), (None, "invalid"));
    }

    #[test]
    fn a_table_is_read_with_its_account() {
        let table = Table::new([
            ("pid", Column::int(vec![1, 2])),
            ("insz", Column::text([Some("93051922361"), None])),
            ("born", Column::text([Some("1993-05-18"), Some("1993-00-00")])),
        ])
        .unwrap();
        let columns = Numbers { number: "insz", birth_date: Some("born"), sex: None };
        let found = read_numbers(&table, "pid", &columns).unwrap();
        let label = |name: &str| found.table().get(name).unwrap().label(0);
        assert_eq!(label("insz").as_deref(), Some("93051822361"));
        assert_eq!(label("insz_sex").as_deref(), Some("M"));
        assert_eq!(label("insz_birth_date").as_deref(), Some("1993-05-18"));
        let step = found.account().unwrap().last().unwrap().clone();
        assert!(step.notes.iter().any(|note| note.contains("digit repaired 1, missing 1")));
        let odd = Numbers { number: "insz", birth_date: Some("pid"), sex: None };
        assert!(read_numbers(&table, "pid", &odd).unwrap_err().to_string().contains("pid"));
    }

    proptest! {
        #[test]
        fn what_is_repaired_is_right(
            days in 0..40_000_i32, serial in 1..998_u32, at in 0..11_usize, digit in 0..10_u8,
            swap in any::<bool>(),
        ) {
            let day = Day::new(1905, 1, 1).unwrap() + days;
            let number = Insz::make(Birth::on(day), serial, Kind::National).unwrap();
            let mut digits = number.compact().into_bytes();
            if swap {
                digits.swap(at.min(9), at.min(9) + 1);
            } else {
                digits[at] = b'0' + digit;
            }
            let text = String::from_utf8(digits).unwrap();
            let (found, quality) = judge(&text, Some(day), number.sex());
            match quality {
                "other birth date" | "other sex" => {}
                "ambiguous" => prop_assert!(found.is_none()),
                _ => prop_assert_eq!(found, Some(number), "{}", quality),
            }
        }
    }
}
