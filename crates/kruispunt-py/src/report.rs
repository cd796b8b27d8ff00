//! The door to `kruispunt::report`.
