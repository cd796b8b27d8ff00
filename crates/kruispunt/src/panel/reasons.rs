//! Why a cell of a panel has no record.

use super::attach::covered;
use super::cells::NO_BYTE;
use super::to_panel::ToPanel;
use super::{PanelError, match_persons};
use crate::data::{Column, NOBODY, Panel, REASON, Spells, Step};
use crate::math::sweep;
use rayon::prelude::*;
use std::sync::Arc;

/// The reasons, by code.
const REASONS: [&str; 7] =
    ["no record", "before entry", "after exit", "not resident", "not born", "not arrived", "dead"];

/// What a first day says of the periods on one side of it.
struct Limit<'a> {
    reason: u8,
    days: &'a Spells,
    /// Whether the periods after it, rather than before it, are concerned.
    after: bool,
}

/// Adds the column of reasons and what the account tells of them.
///
/// Birth comes before arrival, arrival before death, death before residence, and these before
/// what records alone can tell.
pub(super) fn explain(
    mut panel: Panel,
    mut reasons: Vec<u8>,
    what: &ToPanel,
    mut step: Step,
) -> Result<Panel, PanelError> {
    if let Some(presence) = &what.presence {
        let found = match_persons("presence", &panel.persons, presence.persons())?;
        let unknown = found.iter().filter(|code| **code == NOBODY).count();
        let present = covered(&panel, presence, &found);
        let absent = reasons.iter_mut().zip(present);
        for (reason, _) in absent.filter(|(reason, present)| !present && **reason != NO_BYTE) {
            *reason = 3;
        }
        step = step
            .join(presence.account().clone())
            .note(format!("{unknown} persons have no spell of presence"));
    }
    let limits = [(6, &what.died, true), (5, &what.arrived, false), (4, &what.born, false)];
    for (reason, days, after) in limits {
        let Some(days) = days else { continue };
        Limit { reason, days, after }.apply(&panel, &mut reasons)?;
        step = step.join(days.account().clone());
    }
    let counts = reasons
        .par_chunks(1 << 16)
        .map(|reasons| {
            let mut counts = [0_u64; REASONS.len()];
            for reason in reasons {
                if let Some(count) = counts.get_mut(*reason as usize) {
                    *count += 1;
                }
            }
            counts
        })
        .reduce(|| [0; REASONS.len()], |one, other| std::array::from_fn(|at| one[at] + other[at]));
    for (reason, count) in REASONS.iter().zip(counts).filter(|(_, count)| *count > 0) {
        step = step.note(format!("{count} rows without a record: {reason}"));
    }
    let column = Column::coded(reasons, Arc::new(REASONS.into_iter().collect()), true);
    panel.columns.push(REASON, column)?;
    Ok(panel.with_step(step))
}

impl Limit<'_> {
    fn apply(&self, panel: &Panel, reasons: &mut [u8]) -> Result<(), PanelError> {
        let argument = REASONS[self.reason as usize];
        let found = match_persons(argument, &panel.persons, self.days.persons())?;
        let bounds: Vec<i32> = panel.calendar.bounds().iter().map(|day| day.0).collect();
        sweep::fill_chunks(panel.offsets(), reasons, |persons, reasons| {
            let base = panel.of(persons.start).start;
            for person in persons {
                let Some(first) = self.days.spells_of(found[person]).next() else { continue };
                let day = self.days.starts()[first];
                for row in panel.of(person) {
                    let position = panel.positions()[row] as usize;
                    let beyond = if self.after {
                        bounds[position] > day
                    } else {
                        bounds[position + 1] <= day
                    };
                    let reason = &mut reasons[row - base];
                    if beyond && *reason != NO_BYTE {
                        *reason = self.reason;
                    }
                }
            }
        });
        Ok(())
    }
}
