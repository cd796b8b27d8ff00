//! Dates at which policies and registers changed.

use kruispunt::data::Day;
use serde::Serialize;

/// How sure the date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Certainty {
    /// Read in a public source.
    Read,
    /// From memory; check before use.
    Unchecked,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Change {
    /// Who may or must do what.
    Policy,
    /// How a register counts or is filled: a break in the series.
    Register,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Year, month, day.
    pub date: (i32, u32, u32),
    /// A name to cite it by.
    pub name: &'static str,
    /// What changed.
    pub what: &'static str,
    /// Policy or register.
    pub change: Change,
    /// How sure the date is.
    pub certainty: Certainty,
}

impl Event {
    /// The day.
    #[must_use]
    pub fn day(&self) -> Day {
        let (year, month, day) = self.date;
        Day::new(year, month, day).unwrap_or_default()
    }
}

const fn event(
    date: (i32, u32, u32),
    name: &'static str,
    what: &'static str,
    change: Change,
    certainty: Certainty,
) -> Event {
    Event { date, name, what, change, certainty }
}

use Certainty::{Read, Unchecked};
use Change::{Policy, Register};

/// Asylum seekers come into the person file.
pub(crate) const WAITING_REGISTER: Event =
    event((2011, 1, 1), "waiting_register", "waiting register in the person file", Register, Read);

/// The events, by date.
pub const EVENTS: [Event; 16] = [
    event((2003, 1, 1), "nomenclature", "one labour-market position a quarter", Register, Read),
    event((2007, 6, 1), "card_c_excluded", "new asylum seekers excluded from card C", Policy, Read),
    event((2008, 3, 1), "it202", "reason of stay recorded; near complete in 2013", Register, Read),
    event((2009, 1, 1), "statistical_sector", "statistical sectors recoded", Register, Read),
    event((2009, 5, 1), "eu8_permits", "permits for EU-8 nationals end", Policy, Unchecked),
    event((2010, 1, 12), "card_c_6_months", "card C after six months", Policy, Unchecked),
    WAITING_REGISTER,
    event((2012, 1, 1), "insertion_allowance", "waiting becomes insertion allowance", Policy, Read),
    event((2013, 12, 31), "eu2_permits", "permits for RO and BG nationals end", Policy, Unchecked),
    event((2014, 7, 1), "state_reform", "target-group policy to the regions", Policy, Read),
    event((2014, 10, 1), "establishments", "several establishments a quarter", Register, Read),
    event((2015, 1, 1), "agencies", "civic-integration agencies merged", Policy, Read),
    event((2015, 11, 9), "card_c_4_months", "card C after four months", Policy, Read),
    event((2016, 2, 29), "integration_decree", "A2 and a result to attain", Policy, Read),
    event((2017, 1, 1), "dibiss", "local government joins the RSZ file", Register, Read),
    event((2019, 1, 1), "municipalities", "municipalities merge; single permit", Policy, Unchecked),
];

/// The event of a name.
#[must_use]
pub fn event_of(name: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|event| event.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_real_days_in_order_with_unique_names() {
        for pair in EVENTS.windows(2) {
            assert!(pair[0].day() < pair[1].day());
        }
        for event in &EVENTS {
            let (year, month, day) = event.date;
            assert_eq!(Day::new(year, month, day), Some(event.day()));
            assert_eq!(event_of(event.name), Some(event));
        }
    }
}
