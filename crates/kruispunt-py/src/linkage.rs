//! The door to `kruispunt::linkage`.
