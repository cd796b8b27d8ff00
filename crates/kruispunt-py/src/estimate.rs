//! The door to `kruispunt::estimate`.
