//! The door to `kruispunt_synth`.
