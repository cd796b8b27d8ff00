//! Record linkage, panel construction, fixed effects and policy evaluation on administrative
//! registers.
//!
//! *Registers meet at a crossroads; careers leave it.* One value's way through the house:
//!
//! ```text
//! register rows ──linkage──▶ Links ──panel──▶ Timeline ──▶ Panel ──estimate──▶ Fit ──▶ report
//! ```
//!
//! | stage | takes | gives | begin at |
//! |---|---|---|---|
//! | [`data`] | columns | [`Table`](data::Table), [`Calendar`](data::Calendar), [`Account`](data::Account) | [`Table`](data::Table) |
//! | [`linkage`] | two tables | [`Links`](data::Links): which rows are one person | [`Linker`](linkage::Linker), [`KeyLink`](linkage::KeyLink) |
//! | [`panel`] | spells of days | [`Panel`](data::Panel): a row a person and period | [`SpellColumns`](panel::SpellColumns) |
//! | [`estimate`] | a panel or table | [`Fit`](data::Fit): coefficients, covariance, sample | [`FeOls`](estimate::FeOls), [`FeGlm`](estimate::FeGlm) |
//! | [`evaluate`] | a panel | [`Effects`](data::Effects): what a policy did | [`Did`](evaluate::Did) |
//! | [`trajectory`] | states by person and period | [`Sequences`](trajectory::Sequences), distances, types | [`Reader`](trajectory::Reader) |
//! | [`report`] | all of these | tables, a page, what may leave the room, what made it | [`Page`](report::Page), [`Disclosure`](report::Disclosure), [`Manifest`](report::Manifest) |
//!
//! Each name in the last column has an example that runs. The whole way on one page:
//!
//! ```
//! use kruispunt::data::{Calendar, Column, Spells, Table, Ticket};
//! use kruispunt::estimate::FeOls;
//! use kruispunt::panel::{SpellColumns, ToPanel};
//! use kruispunt::report::{Disclosure, Microdata, Released, RegressionTable};
//!
//! // who worked when: closed days, as registers have them
//! let jobs = Table::new([
//!     ("pid", Column::int(vec![1, 2, 3, 4])),
//!     ("start", Column::text(["2012-01-01", "2012-02-15", "2012-01-01", "2012-05-01"].map(Some))),
//!     ("end", Column::text(["2012-12-31", "2012-10-31", "2012-08-15", "2012-12-31"].map(Some))),
//!     ("wage", Column::float(vec![101.0, 96.5, 120.0, 88.0])),
//! ])?;
//! // spells become person-quarters
//! let quarters = Calendar::quarters("2012Q1", "2012Q4")?;
//! let panel = Spells::read(&jobs, &SpellColumns::new("pid", "start", "end").carry(["wage"]))?
//!     .clip(&quarters)
//!     .resolve(["-wage"])?
//!     .to_panel(&quarters, &ToPanel::new().days())?;
//! // a regression, and how it is shown
//! let women = Column::bool(panel.person_codes().iter().map(|code| code % 2 == 0).collect());
//! let panel = panel.with_column("woman", women)?;
//! let fit = FeOls::new("days ~ woman | quarter")?.fit(&panel.table())?;
//! assert!(RegressionTable::new(&[&fit]).text().contains("woman"));
//! // what may leave the room: nobody's own row
//! let counted = Microdata::new(["quarter"]).table(&panel.table())?;
//! let asked = [Microdata::new(["quarter"]).tabulated(&counted)];
//! let profile = Disclosure::new().min_cell(5);
//! let shown = profile.protect(&asked, &mut Released::default(), &Ticket::new())?;
//! assert!(shown[0].withheld().len() >= 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`RegressionTable`](report::RegressionTable) shows fits side by side; the examples of the
//! repository (`examples/registers_to_effect.rs`) go from synthetic registers to a report.

pub mod data;
pub mod estimate;
pub mod evaluate;
pub mod linkage;
mod math;
pub mod panel;
pub mod report;
pub mod trajectory;
