//! Spells of days become a person x period panel.
