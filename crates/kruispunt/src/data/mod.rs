//! Nouns: valid by construction, passive, shared by all verbs.
//!
//! A register arrives as a [`Table`] of typed [`Column`]s. A [`Calendar`] says which periods a
//! panel has. A [`Factor`] is a classification with dense codes. Every verb tells what it did in
//! an [`Account`]. A [`Seed`] is randomness that does not depend on threads, a [`Ticket`] carries
//! progress out of long work and cancellation in.

mod account;
mod arrays;
mod buffer;
mod calendar;
mod column;
mod day;
mod effects;
mod error;
mod factor;
mod fingerprint;
mod fit;
mod intern;
mod linked;
mod links;
pub(crate) mod pages;
mod panel;
mod persons;
mod rows;
mod seed;
mod spells;
mod stack;
mod table;
mod text;
mod ticket;
mod timeline;
mod vcov;

pub use account::{Account, Count, Exclusion, Step, Ties};
pub use buffer::{Bitmap, Buffer};
pub(crate) use buffer::{Bits, packed};
pub(crate) use calendar::WholePeriods;
pub use calendar::{Calendar, Period, Unit};
pub use column::{Column, Values};
pub use day::Day;
pub use effects::{By, Caution, Effect, Effects, Phase, Status};
pub use error::DataError;
pub use factor::Factor;
pub use fit::{
    ClusterCount, ClusterDf, Convergence, CountedEffects, EffectCount, EffectVariances, Fit,
    Goodness, Instrumental, Likelihood, Sample, SampleEffect, Ssc,
};
pub(crate) use fit::{Dispersion, Working, effect_parameters};
pub(crate) use intern::Interner;
pub use linked::{Linked, Register};
pub use links::{Evidence, GroupWeighing, Link, Links, RuleWorth, Together, Weighing};
pub(crate) use panel::REASON;
pub use panel::{Panel, ReferenceDay};
pub(crate) use persons::NOBODY;
pub use persons::Persons;
pub use seed::Seed;
pub use spells::Spells;
pub(crate) use spells::{Aside, Pieces, Roles, Rows};
pub use table::Table;
pub use text::{ITEM, Levels, Text, TextBuilder};
pub use ticket::{Progress, Ticket};
pub use timeline::Timeline;
pub use vcov::{Distance, Kernel, Vcov};
