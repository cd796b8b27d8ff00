//! Constructs of labour-market research, each with a definition card.
//!
//! A definition card says in words what a construct counts, what it leaves out and where the
//! definition comes from, so that a methods section can quote it. [`CARDS`] has them all.

mod access;
mod employment;
mod obligation;
mod standing;
mod wage;

pub use access::{AsylumRule, Wait, asylum_access, work_access};
pub use employment::Stable;
pub use obligation::{Newcomers, Obligation, obligation};
pub use standing::leave_eligibility;
pub use wage::{PaidTime, day_wage};

use serde::Serialize;

/// What a construct means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The name of the function.
    pub name: &'static str,
    /// What it counts.
    pub definition: &'static str,
    /// What it leaves out, and what it assumes.
    pub limits: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
}

/// The cards.
pub const CARDS: [Card; 8] = [
    wage::CARD,
    employment::CARD,
    access::CARD,
    access::GROUNDS,
    obligation::CARD,
    standing::ARRIVAL,
    standing::LEAVE,
    standing::PATHS,
];

/// The card of a construct.
#[must_use]
pub fn card(name: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.name == name)
}
