//! Which cells are sensitive, and how far an attacker must stay away.

use super::Disclosure;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a cell is withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// Fewer persons than the minimum.
    FewPersons,
    /// Fewer distinct contributors than the minimum.
    FewContributors,
    /// A share tells that few persons have something, or have it not.
    Share(String),
    /// A few contributions make up most of a total.
    Dominance(String),
    /// The second largest contributor could estimate the largest.
    PPercent(String),
    /// Nobody is there, or everybody.
    Zero,
    /// The difference to a cell released before is a few persons.
    Differencing(String),
    /// It was withheld in an earlier table.
    Before,
    /// It would tell another withheld cell.
    Others,
}

impl Reason {
    /// The reason in words of a language: `en` or `nl`.
    #[must_use]
    pub fn text(&self, dutch: bool) -> String {
        let (english, other) = match self {
            Self::FewPersons => ("too few persons".into(), "te weinig personen".into()),
            Self::FewContributors => {
                ("too few contributors".into(), "te weinig eenheden met een bijdrage".into())
            }
            Self::Share(name) => (
                format!("{name}: too few persons with it, or without it"),
                format!("{name}: te weinig personen ermee, of erzonder"),
            ),
            Self::Dominance(name) => (
                format!("{name}: a few persons make up most of it"),
                format!("{name}: enkele personen maken het meeste ervan uit"),
            ),
            Self::PPercent(name) => (
                format!("{name}: one contribution can be estimated too well"),
                format!("{name}: een bijdrage is te goed te schatten"),
            ),
            Self::Zero => ("nobody, or everybody".into(), "niemand, of iedereen".into()),
            Self::Differencing(table) => (
                format!("differs by a few persons from \"{table}\""),
                format!("verschilt enkele personen van \"{table}\""),
            ),
            Self::Before => ("withheld before".into(), "eerder al weggelaten".into()),
            Self::Others => {
                ("would tell another cell".into(), "zou een andere cel verraden".into())
            }
        };
        if dutch { other } else { english }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// How far below and above its value a cell must seem possible.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Need {
    pub(super) down: f64,
    pub(super) up: f64,
}

impl Need {
    /// The changes it asks for: up, and down below zero.
    pub(super) fn both(self) -> impl Iterator<Item = f64> {
        [self.up, -self.down].into_iter().filter(|by| *by != 0.0)
    }

    pub(super) fn or(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            down: self.down.max(other.down),
            up: self.up.max(other.up),
        })
    }
}

impl Disclosure {
    /// What a count of few persons needs: that it may be the minimum, and that it may be less.
    pub(super) fn need_of_count(&self, count: f64) -> Option<Need> {
        let least = self.min_cell? as f64;
        (count > 0.0 && count < least).then_some(Need { down: 1.0, up: least - count })
    }

    /// What nobody at all needs, when that is to be hidden.
    pub(super) fn need_of_zero(&self, count: f64) -> Option<Need> {
        let up = self.min_cell.unwrap_or(1) as f64;
        (self.hide_zeros && count == 0.0).then_some(Need { down: 0.0, up })
    }

    /// What concentration asks for: the reason, and how far a total must seem uncertain.
    pub(super) fn concentrated(
        &self,
        name: &str,
        total: f64,
        largest: &[f64],
    ) -> Option<(Reason, Need)> {
        let mut found: Option<(Reason, Need)> = None;
        if let Some((n, k)) = self.dominance {
            let top: f64 = largest.iter().take(n).sum();
            let up = top / k - total;
            if total > 0.0 && up > 1e-9 * total {
                found = Some((Reason::Dominance(name.to_owned()), Need { down: up, up }));
            }
        }
        if let Some(p) = self.p_percent {
            let first = largest.first().copied().unwrap_or_default();
            let second = largest.get(1).copied().unwrap_or_default();
            let up = p * first - (total - first - second);
            if first > 0.0 && up > 1e-9 * total.abs() {
                let need = Need { down: up, up };
                found = Some(match found {
                    Some((reason, other)) => (reason, need.or(Some(other))),
                    None => (Reason::PPercent(name.to_owned()), need),
                });
            }
        }
        found.map(|(reason, need)| (reason, Need { down: need.down.min(total.max(0.0)), ..need }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_concentration_are_those_of_the_handbook() {
        // Hundepool et al. (2012), section 4.2.2: X = 100, contributions 50, 30, 10, 10
        let largest = [50.0, 30.0, 10.0, 10.0];
        let sensitive = |profile: Disclosure| profile.concentrated("x", 100.0, &largest);
        assert!(sensitive(Disclosure::new().dominance(2, 0.85)).is_none());
        let (reason, need) = sensitive(Disclosure::new().dominance(2, 0.75)).unwrap();
        assert_eq!(reason, Reason::Dominance("x".into()));
        assert!((need.up - (80.0 / 0.75 - 100.0)).abs() < 1e-12);
        assert!(sensitive(Disclosure::new().p_percent(0.4)).is_none());
        let (_, need) = sensitive(Disclosure::new().p_percent(0.5)).unwrap();
        assert!((need.up - 5.0).abs() < 1e-12);
        assert!(Disclosure::new().concentrated("x", 100.0, &largest).is_none());
    }

    #[test]
    fn a_small_count_may_seem_the_minimum_or_less_than_it_is() {
        let profile = Disclosure::new().min_cell(5);
        assert_eq!(profile.need_of_count(3.0), Some(Need { down: 1.0, up: 2.0 }));
        assert_eq!(profile.need_of_count(5.0), None);
        assert_eq!(profile.need_of_count(0.0), None);
        assert_eq!(Disclosure::new().need_of_count(1.0), None);
    }
}
