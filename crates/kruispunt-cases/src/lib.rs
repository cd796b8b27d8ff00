//! Cases: from a million careers to the twelve people worth an interview.
//!
//! - [`select`]: whom to interview, from a typology, a model or effects, with quotas and reserves
//! - [`pairs`](mod@pairs): two persons alike in all but one thing

mod error;
mod groups;
pub mod pairs;
pub mod select;

pub use error::CasesError;
