//! Spells of days become a person x period panel.
//!
//! A register of spells is read ([`SpellColumns`]), looked at ([`Spells::check`]) and shaped
//! ([`clip`](Spells::clip), [`censor`](Spells::censor), [`merge`](Spells::merge),
//! [`split`](Spells::split), [`cut`](Spells::cut), [`intersect`](Spells::intersect),
//! [`subtract`](Spells::subtract), [`complement`](Spells::complement)). Where a person does several things on a day, an order says which
//! counts ([`Spells::resolve`]); the result is a [`Timeline`], and only a timeline becomes the
//! states of a panel ([`Timeline::to_panel`]). Quantities that may overlap (days, amounts, counts)
//! come from spells directly ([`Spells::to_panel`]). The panel then takes what other registers
//! say ([`Panel::attach`], [`Panel::as_of`], [`Panel::attach_person`]), looks back by period and
//! never by row ([`Panel::lag`]), finds event time ([`Panel::event_time`]), and describes itself
//! ([`Panel::patterns`], [`Panel::transitions`], [`Panel::flow`]).
//!
//! Every verb leaves its input as it is and adds a step to the account of its result. Spells are
//! sorted once, when they are read; all verbs sweep over persons in that order, in parallel over
//! fixed groups of persons, so results do not depend on the number of threads.

mod algebra;
mod attach;
mod attach_person;
mod balance_table;
mod blocks;
mod breaks;
mod cells;
mod censor;
mod changes;
mod check;
mod choose;
mod clip;
mod crosswalk;
mod describe;
mod episodes;
mod error;
mod event_time;
mod fill;
mod filter;
mod from_table;
mod from_wide;
mod identify;
mod keys;
mod lag;
mod layout;
mod linkage_errors;
mod merge;
mod order;
mod over_time;
mod paths;
mod read;
mod reasons;
mod resolve;
mod split;
mod stack;
mod standing;
mod to_panel;
mod treatment;
mod variation;

pub use attach::Attach;
pub use breaks::OnBreak;
pub use changes::Change;
pub use check::{Check, Finding};
pub use crosswalk::{Crosswalk, Unknown};
pub use error::PanelError;
pub use event_time::FirstTreatment;
pub use layout::Balance;
pub use merge::Merge;
pub use order::Order;
pub use paths::paths;
pub use read::{Ends, Policy, SpellColumns};
pub use split::Aggregates;
pub use to_panel::{Spread, StateRule, ToPanel};

#[allow(unused_imports, reason = "the story above links to the nouns the verbs belong to")]
use crate::data::{Panel, Persons, Spells, Timeline};

/// For each of `own` the code in `other`.
fn match_persons(argument: &str, own: &Persons, other: &Persons) -> Result<Vec<u32>, PanelError> {
    own.find_in(other).ok_or_else(|| PanelError::PersonTypes {
        argument: argument.to_owned(),
        own: own.ids().kind(),
        theirs: other.ids().kind(),
    })
}
