//! Kernels: slices in, slices out; no domain word, private to the crate.

pub(crate) mod absorb;
pub(crate) mod assignment;
pub(crate) mod by_group;
pub(crate) mod by_number;
pub(crate) mod cluster;
pub(crate) mod codes;
pub(crate) mod crossprod;
pub(crate) mod em;
pub(crate) mod hermite;
pub(crate) mod linalg;
pub(crate) mod linear_program;
pub(crate) mod matchings;
pub(crate) mod pairs;
pub(crate) mod programme;
pub(crate) mod radix;
pub(crate) mod simplex;
#[allow(dead_code, reason = "a complete set of distributions; each verb uses its part")]
pub(crate) mod special;
pub(crate) mod strings;
pub(crate) mod sweep;
pub(crate) mod unionfind;
pub(crate) mod widest;
