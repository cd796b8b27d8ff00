//! The Belgian pack: identification numbers, countries and origin groups, policy dates.
//!
//! - [`insz`]: parse, check and make national-register and BIS numbers
//! - [`origin`]: countries under their register codes and the origin groups used in tables
//! - [`calendar`]: dates at which policies and registers changed, as data
//!
//! Rules that derive a person's origin from parents and nationalities (monitoring, Arvastat,
//! Statbel) are not built yet.

pub mod calendar;
pub mod insz;
pub mod origin;
