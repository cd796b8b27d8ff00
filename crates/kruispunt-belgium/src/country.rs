//! Countries under their register codes, and the groups of the tables.

use kruispunt::data::Day;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The origin groups used in tables of the labour market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Origin {
    /// Belgium.
    Belgium,
    /// The fourteen other members of the EU before 2004.
    Eu14,
    /// The thirteen members that joined from 2004 on.
    Eu13,
    /// Turkey.
    Turkey,
    /// Morocco.
    Morocco,
    /// Everywhere else.
    OtherNonEu,
}

impl Origin {
    /// All groups, in the order of the tables.
    pub const ALL: [Self; 6] =
        [Self::Belgium, Self::Eu14, Self::Eu13, Self::Turkey, Self::Morocco, Self::OtherNonEu];

    /// The short label: `BE`, `EU14`, `EU13`, `TR`, `MA`, `nonEU`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Belgium => "BE",
            Self::Eu14 => "EU14",
            Self::Eu13 => "EU13",
            Self::Turkey => "TR",
            Self::Morocco => "MA",
            Self::OtherNonEu => "nonEU",
        }
    }

    /// Whether the group lies outside the EU.
    #[must_use]
    pub const fn is_non_eu(self) -> bool {
        matches!(self, Self::Turkey | Self::Morocco | Self::OtherNonEu)
    }
}

/// A country, as a line of `data/countries.csv` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Country {
    /// The three-digit code in the style of GEOBEL (not ISO).
    pub code: &'static str,
    /// ISO 3166-1 alpha-2.
    pub iso2: &'static str,
    /// The English name.
    pub name: &'static str,
    /// The origin group of the labour-market tables.
    pub origin: Origin,
    /// The group of Arvastat: `BE`, `neighbour` (DE, FR, LU, NL), `west` and `south` (the other
    /// members before 2004), `EU28` (the members since), `nonEU`.
    pub arvastat: &'static str,
    /// First day of the code, where one is known.
    pub from: Option<Day>,
    /// Last day of the code, where one is known.
    pub to: Option<Day>,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let lines = include_str!("../data/countries.csv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).filter_map(country).collect()
});

/// One line of the list; `None` when it is not one (a test reads them all).
fn country(line: &'static str) -> Option<Country> {
    let mut cells = line.split(',');
    let mut cell = || cells.next();
    let (code, iso2, name, group) = (cell()?, cell()?, cell()?, cell()?);
    let origin = Origin::ALL.into_iter().find(|origin| origin.label() == group)?;
    let arvastat = cell()?;
    let (from, to) = (Day::parse(cell()?), Day::parse(cell()?));
    Some(Country { code, iso2, name, origin, arvastat, from, to })
}

/// The countries the pack knows; a part of the full list.
#[must_use]
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country of a register code or of an ISO 3166-1 alpha-2 code; `None` when the pack does not
/// know it.
#[must_use]
pub fn country_of(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code || country.iso2 == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_codes_are_unique_and_every_group_has_a_country() {
        let lines = include_str!("../data/countries.csv").lines();
        assert_eq!(countries().len(), lines.filter(|line| !line.starts_with('#')).count() - 1);
        for country in countries() {
            assert_eq!(country_of(country.code), Some(country));
            assert_eq!(country_of(country.iso2), Some(country));
            assert_eq!(country.code.len(), 3);
            let eu = matches!(country.arvastat, "neighbour" | "west" | "south");
            assert_eq!(eu, country.origin == Origin::Eu14, "{}", country.name);
            assert_eq!(country.arvastat == "EU28", country.origin == Origin::Eu13);
        }
        for origin in Origin::ALL {
            assert!(countries().iter().any(|country| country.origin == origin));
        }
        let of = |group| countries().iter().filter(|country| country.arvastat == group).count();
        assert_eq!((of("neighbour"), of("west"), of("south"), of("EU28")), (4, 6, 4, 13));
        assert_eq!(country_of(""), None);
    }
}
