//! The door to `kruispunt_belgium`.

use crate::error::InputError;
use kruispunt_belgium::insz::{Century, Insz, Sex, is_valid};
use pyo3::prelude::*;

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
