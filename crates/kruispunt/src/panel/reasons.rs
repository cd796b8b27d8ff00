//! Why a cell of a panel has no record.

use super::attach::covered;
use super::cells::NO_BYTE;
use super::to_panel::ToPanel;
use super::{PanelError, match_persons};
use crate::data::{Bitmap, Bits, Buffer, Column, NOBODY, Panel, REASON, Spells, Step};
use crate::math::sweep;
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

/// What records alone tell of cells without one.
pub(super) struct Reasons {
    records: Bits,
    /// Cells before the first record of their person, and after the last.
    outside: [u64; 2],
    offsets: Buffer<u32>,
}

impl Reasons {
    pub fn new(records: Bits, outside: [u64; 2], panel: &Panel) -> Self {
        Self { records, outside, offsets: panel.offsets.clone() }
    }

    /// How many cells each reason has.
    fn counts(&self) -> [u64; REASONS.len()] {
        let [before, after] = self.outside;
        let gaps = (self.records.len() - self.records.ones()) as u64 - before - after;
        let mut counts = [0; REASONS.len()];
        counts[..3].copy_from_slice(&[gaps, before, after]);
        counts
    }

    /// The reason of each cell, `record` where there is a record.
    fn each(records: &Bitmap, offsets: &[u32], record: u8) -> Vec<u8> {
        let mut reasons = vec![0; records.len()];
        for own in offsets.windows(2) {
            let own = own[0] as usize..own[1] as usize;
            let first = own.clone().find(|&row| records.get(row)).unwrap_or(own.end);
            let next = own.clone().rev().find(|&row| records.get(row)).map_or(own.end, |at| at + 1);
            reasons[own.start..first].fill(1);
            reasons[next..own.end].fill(2);
            for (row, reason) in (first..next).zip(&mut reasons[first..next]) {
                *reason = if records.get(row) { record } else { 0 };
            }
        }
        reasons
    }
}

/// Adds the column of reasons and what the account tells of them.
///
/// Birth comes before arrival, arrival before death, death before residence, and these before
/// what records alone can tell.
pub(super) fn explain(
    mut panel: Panel,
    known: Reasons,
    what: &ToPanel,
    mut step: Step,
) -> Result<Panel, PanelError> {
    let validity = known.records.inverted().validity();
    let limits = [(6, &what.died, true), (5, &what.arrived, false), (4, &what.born, false)];
    let (counts, codes) = if what.presence.is_none() && limits.iter().all(|of| of.1.is_none()) {
        // made when somebody looks at them
        let counts = known.counts();
        let (records, offsets) = (known.records.bitmap(), known.offsets);
        let codes = Buffer::later(records.len(), move || Reasons::each(&records, &offsets, 0));
        (counts, codes)
    } else {
        let mut reasons = Reasons::each(&known.records.bitmap(), &known.offsets, NO_BYTE);
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
        for (reason, days, after) in limits {
            let Some(days) = days else { continue };
            Limit { reason, days, after }.apply(&panel, &mut reasons)?;
            step = step.join(days.account().clone());
        }
        let mut counts = [0; REASONS.len()];
        for reason in &mut reasons {
            match counts.get_mut(usize::from(*reason)) {
                Some(count) => *count += 1,
                None => *reason = 0,
            }
        }
        (counts, reasons.into())
    };
    for (reason, count) in REASONS.iter().zip(counts).filter(|(_, count)| *count > 0) {
        step = step.note(format!("{count} rows without a record: {reason}"));
    }
    let column = Column::coded(codes, validity, Arc::new(REASONS.into_iter().collect()), true);
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
