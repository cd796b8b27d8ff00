//! The door to `kruispunt::panel`.
