//! Cases: from a million careers to the twelve people worth an interview.
//!
//! - [`select`]: whom to interview, from a typology, a model or effects, with quotas and reserves
//! - [`pairs`](mod@pairs): two persons alike in all but one thing
//! - [`registry`]: keyed one-way pseudonyms, consent, a sealed log
//! - [`recall`](mod@recall): told events beside register spells
//! - [`agreement`](mod@agreement): how far coders agree
//! - [`prevalence`](mod@prevalence): codes by group, and joint displays
//! - [`refi`]: projects and codebooks of the REFI-QDA standard, read, changed, written
//! - [`picture`]: lives as lines, one page of SVG or HTML

pub mod agreement;
mod error;
mod groups;
mod hex;
pub mod pairs;
pub mod picture;
pub mod prevalence;
pub mod recall;
pub mod refi;
pub mod registry;
pub mod select;
mod whole;

pub use error::CasesError;
