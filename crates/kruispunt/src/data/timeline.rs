//! Spells of which no two of one person overlap.

use super::Spells;
use serde::{Deserialize, Serialize};

/// [`Spells`] proven without overlap within a person: on every day a person is in one state at
/// most. Only a timeline becomes the states of a panel.
///
/// Made by [`Spells::resolve`](Spells::resolve), [`Spells::episodes`](Spells::episodes), or by
/// [`Timeline::prove`] when the spells do not overlap as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(Spells);

impl Timeline {
    /// The spells as a timeline; `None` when two of one person overlap.
    #[must_use]
    pub fn prove(spells: Spells) -> Option<Self> {
        spells.first_overlap().is_none().then_some(Self(spells))
    }

    /// The spells.
    #[must_use]
    pub const fn spells(&self) -> &Spells {
        &self.0
    }

    /// The spells, by value.
    #[must_use]
    pub fn into_spells(self) -> Spells {
        self.0
    }
}
