//! Kernels: slices in, slices out; no domain word, private to the crate.

pub(crate) mod sweep;
