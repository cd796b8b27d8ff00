//! The countries people of the synthetic registers come from.
//!
//! A list of its own: codes added to the Belgian pack must not change a world.

use kruispunt_belgium::country::{Country, country_of};
use std::sync::LazyLock;

const CODES: [&str; 29] = [
    "150", "129", "111", "128", "103", "109", "123", "122", "124", "106", "141", "262", "354",
    "306", "251", "254", "261", "145", "207", "259", "314", "323", "329", "220", "218", "214",
    "235", "303", "509",
];

/// The countries, Belgium first.
pub(crate) static COUNTRIES: LazyLock<Vec<&'static Country>> =
    LazyLock::new(|| CODES.iter().filter_map(|code| country_of(code)).collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_belgian_pack_knows_every_code() {
        assert_eq!(COUNTRIES.len(), CODES.len());
        assert_eq!(COUNTRIES[0].iso2, "BE");
    }
}
