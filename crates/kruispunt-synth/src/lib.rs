//! Synthetic Belgian registers with known truth.
//!
//! A [`World`] holds the tables that a study of careers gets from the Crossroads Bank, the
//! employment service, civic integration and the permit office, quarterly from 2005 to 2016, and
//! beside them the truth: what each training did, whose record each record is. See
//! `docs/registers.md` for the tables and [`Registers`] for making them.
//!
//! Every draw depends on seed, person, quarter and purpose alone: a person is the same at every
//! scale and for every number of threads.

mod asylum;
mod countries;
mod csv;
mod draw;
mod dynamics;
mod error;
mod firms;
mod identity;
mod imperfection;
mod life;
mod misspell;
mod names;
mod params;
mod person;
mod places;
mod rows;
mod scale;
pub mod schema;
mod tables;
mod truth;
mod world;

pub use error::SynthError;
pub use imperfection::{Imperfection, Imperfections};
pub use scale::Scale;
pub use world::{Registers, Rollout, World};
