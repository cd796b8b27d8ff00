//! Quarters since arrival, leave eligibility, programme paths.

use super::Card;
use crate::error::BelgiumError;
use kruispunt::data::{Column, Panel, Spells};

pub(super) const ARRIVAL: Card = Card {
    name: "since_arrival",
    definition: "quarters since the first registration of residence and since the latest entry, \
                 where an entry is a registration after more than `absence` days without one; \
                 quarters present are those on whose last day the person was registered",
    limits: "who leaves without saying so looks present until struck off; who was there before the \
             first day of the calendar is marked `here_before`, and a clock that began before the \
             register did is too short",
    source: "definition of the package; the length of an absence that ends a stay is a parameter \
             (re-registration within a year is common)",
};

pub(super) const LEAVE: Card = Card {
    name: "leave_eligibility",
    definition: "on the reference day the person works for an employer with whom at least `days` of \
                 the last `months` months were spent (by default 365 days of 15 months: twelve \
                 months of the fifteen before)",
    limits: "eligibility by seniority with the employer alone: the age of the child, the days of \
             leave left and sector agreements are not seen; jobs that the register does not have \
             (abroad, public bodies outside it) shorten seniority",
    source: "parental leave in the private sector, royal decree of 29 October 1997: twelve months of \
             the fifteen before the request with the employer; thresholds are parameters",
};

pub(super) const PATHS: Card = Card {
    name: "programme_paths",
    definition: "the stages of a programme in the order in which a person began them, and the \
                 furthest stage reached through all stages before it, each beginning no earlier \
                 than the one before",
    limits: "a stage begins with its first day in its register; a stage outside the registers is \
             never reached, and stages after it are reached by nobody",
    source: "definition of the package",
};

/// Adds who may take leave: `<name>_days` (days with the present employer in the last months) and
/// `<name>` (enough of them; false without an employer).
///
/// # Errors
///
/// [`BelgiumError::OutOfRange`] for 0 months, [`BelgiumError::Panel`] for a missing column or a name
/// that is taken.
pub fn leave_eligibility(
    panel: &Panel,
    jobs: &Spells,
    by: &str,
    days: u32,
    months: u32,
    name: &str,
) -> Result<Panel, BelgiumError> {
    if months == 0 {
        return Err(BelgiumError::OutOfRange {
            argument: "months",
            got: "0".to_owned(),
            expected: "one or more",
        });
    }
    let counted = format!("{name}_days");
    let panel = panel.seniority(jobs, by, months, &counted)?;
    let with = panel.column("days", &counted)?.to_floats("days", &counted)?;
    let eligible = with.iter().map(|with| *with >= f64::from(days)).collect();
    Ok(panel.with_column(name, Column::bool(eligible))?)
}
