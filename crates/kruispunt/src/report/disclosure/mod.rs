//! Outputs that may leave the room.
//!
//! A [`Disclosure`] is a profile: the rules of an institution as data, with none set that was not
//! asked for. It takes tables of counts, shares and magnitudes ([`Tabulated`]) and withholds
//! cells that would tell about few persons, then as many others as keep anybody from working the
//! first ones out of rows, columns and totals, within a table, across tables of one call and
//! across all that was [`Released`] before. Every answer carries its proof: for each withheld
//! cell the smallest and largest value it can have given all that is shown, by linear programs.
//!
//! ```text
//! table ──rules──▶ sensitive cells ──linear programs──▶ others that hide them ──attack──▶ proof
//! ```
//!
//! ```
//! use kruispunt::data::{Column, Table, Ticket};
//! use kruispunt::report::{Disclosure, Released, Tabulated};
//! let table = Table::new([
//!     ("origin", Column::text(["Belgian", "EU", "other", "total"].map(Some))),
//!     ("n", Column::int(vec![120, 41, 3, 164])),
//! ])?;
//! let profile = Disclosure::new().min_cell(5).rounding(5);
//! let asked = [Tabulated::new(&table, ["origin"], "n")];
//! let protected = profile.protect(&asked, &mut Released::default(), &Ticket::new())?;
//! let shown = protected[0].table().get("n").ok_or("no column n")?;
//! assert_eq!((shown.label(0), shown.label(1), shown.label(2)),
//!            (Some("120".into()), None, None));
//! assert!(protected[0].attacked().iter().all(|cell| cell.is_safe()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The heuristic is that of Kelly, Golden & Assad (1992), a linear program for each sensitive cell
//! whose solution is the cheapest change of other cells that keeps all totals and moves the cell
//! far enough; the audit is the attacker's problem of Fischetti & Salazar (2001). Hundepool et al.
//! (2012), *Statistical Disclosure Control*, chapter 4, tells both.

mod apply;
mod attack;
mod cells;
mod error;
mod estimates;
mod layout;
mod microdata;
mod profile;
mod proofs;
mod protect;
mod read;
mod released;
mod rules;
mod suppress;
mod thin;

pub use attack::Attacked;
pub use error::DisclosureError;
pub use microdata::Microdata;
pub use profile::Disclosure;
pub use protect::{Protected, Withheld};
pub use read::Tabulated;
pub use released::Released;
pub use rules::Reason;
