//! Countries under their register codes, and the origin groups of the tables.

use serde::{Deserialize, Serialize};

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

/// A country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Country {
    /// The three-digit code in the style of GEOBEL (not ISO). Written from memory: check against
    /// the delivery's own list before reading real files with it.
    pub code: &'static str,
    /// ISO 3166-1 alpha-2.
    pub iso2: &'static str,
    /// The English name.
    pub name: &'static str,
    /// The origin group.
    pub origin: Origin,
}

const fn country(
    code: &'static str,
    iso2: &'static str,
    name: &'static str,
    origin: Origin,
) -> Country {
    Country { code, iso2, name, origin }
}

/// The countries the pack knows; a part of the full list.
pub const COUNTRIES: [Country; 29] = [
    country("150", "BE", "Belgium", Origin::Belgium),
    country("129", "NL", "Netherlands", Origin::Eu14),
    country("111", "FR", "France", Origin::Eu14),
    country("128", "IT", "Italy", Origin::Eu14),
    country("103", "DE", "Germany", Origin::Eu14),
    country("109", "ES", "Spain", Origin::Eu14),
    country("123", "PT", "Portugal", Origin::Eu14),
    country("122", "PL", "Poland", Origin::Eu13),
    country("124", "RO", "Romania", Origin::Eu13),
    country("106", "BG", "Bulgaria", Origin::Eu13),
    country("141", "SK", "Slovakia", Origin::Eu13),
    country("262", "TR", "Turkey", Origin::Turkey),
    country("354", "MA", "Morocco", Origin::Morocco),
    country("306", "CD", "Congo (DR)", Origin::OtherNonEu),
    country("251", "AF", "Afghanistan", Origin::OtherNonEu),
    country("254", "IQ", "Iraq", Origin::OtherNonEu),
    country("261", "SY", "Syria", Origin::OtherNonEu),
    country("145", "RU", "Russia", Origin::OtherNonEu),
    country("207", "IN", "India", Origin::OtherNonEu),
    country("259", "PK", "Pakistan", Origin::OtherNonEu),
    country("314", "GH", "Ghana", Origin::OtherNonEu),
    country("323", "GN", "Guinea", Origin::OtherNonEu),
    country("329", "SO", "Somalia", Origin::OtherNonEu),
    country("220", "VN", "Vietnam", Origin::OtherNonEu),
    country("218", "CN", "China", Origin::OtherNonEu),
    country("214", "PH", "Philippines", Origin::OtherNonEu),
    country("235", "TH", "Thailand", Origin::OtherNonEu),
    country("303", "BI", "Burundi", Origin::OtherNonEu),
    country("509", "BR", "Brazil", Origin::OtherNonEu),
];

/// The country of a code; `None` when the pack does not know it.
#[must_use]
pub fn country_of(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_group_has_a_country() {
        for (at, country) in COUNTRIES.iter().enumerate() {
            assert_eq!(country_of(country.code), Some(&COUNTRIES[at]));
        }
        for origin in Origin::ALL {
            assert!(COUNTRIES.iter().any(|country| country.origin == origin));
        }
        assert_eq!(country_of(""), None);
    }
}
