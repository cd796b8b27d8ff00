//! How good a linkage is: measured against labels, a clerical sample, or its own plausibility.
//!
//! [`measures`](self) compares clusters with persons, [`curve`](self) follows every threshold,
//! [`sample`](self) draws pairs for a person to look at and [`clerical`](self) turns the answers
//! into rates with intervals; `balance` and `implausible` need no labels at all. Each is a method
//! of `Links`, or of the sample that was drawn from them.

mod balance;
mod clerical;
mod curve;
mod implausible;
mod interval;
mod measures;
mod sample;
mod shown;

pub use implausible::Check;
pub(super) use interval::wilson;
pub(super) use measures::b3;
pub use sample::{Clerical, ClericalSample};
