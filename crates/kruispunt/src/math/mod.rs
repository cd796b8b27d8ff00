//! Kernels: slices in, slices out; no domain word, private to the crate.

pub(crate) mod absorb;
pub(crate) mod crossprod;
pub(crate) mod linalg;
pub(crate) mod special;
pub(crate) mod sweep;
