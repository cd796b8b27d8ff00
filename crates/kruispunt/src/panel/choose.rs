//! Which spell of several is shown in a cell.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::blocks::{BLOCK, Lane, Run, each, write, write_bytes};
use super::cells::{Choice, NONE};
use super::fill::{Room, Sweep, Told};
use super::keys::real_key;
use super::order::{Ranking, Single};
use crate::math::sweep::Cells;
use std::ops::Range;

/// Nothing shown, and the key of nothing.
pub(super) const NOTHING: u64 = u64::MAX;

impl Sweep<'_> {
    /// The spell shown in each cell.
    #[inline(always)]
    pub(super) fn choose(
        &self,
        person: usize,
        rows: Range<usize>,
        cells: &mut Cells<'_>,
        room: &mut Room,
        told: &mut Told,
    ) {
        let Some(choice) = &self.wanted.choice else { return };
        let several = choice.ranking.is_some_and(|ranking| ranking.single().is_none());
        if several || self.paint(person, choice, room) {
            self.compare(choice, (person, rows.len()), room, told);
        }
        let Room { held, shown, bits, .. } = room;
        if choice.shown_as.is_some() {
            let n_rows = rows.len();
            let column = &mut cells.bytes[self.chosen][rows];
            write_bytes(
                column,
                bits,
                #[inline(always)]
                |at: usize| {
                    held[at].take(NOTHING);
                    each(shown[at].take(NOTHING), |value| value as u8)
                },
            );
            told.chosen.extend(bits, n_rows);
        } else {
            write(
                &mut cells.codes[self.chosen][rows],
                #[inline(always)]
                |at: usize| {
                    held[at].take(NOTHING);
                    each(shown[at].take(NOTHING), |value| value as u32)
                },
            );
        }
    }

    /// Shows the spell with the least key of those of each cell; whether two with equal keys met.
    #[inline(always)]
    fn paint(&self, person: usize, choice: &Choice<'_>, room: &mut Room) -> bool {
        match choice.ranking.and_then(Ranking::single) {
            None => self.paint_by(person, choice, room, |_| 0),
            Some(Single::Column(keys)) => self.paint_by(
                person,
                choice,
                room,
                #[inline(always)]
                |spell| keys[spell],
            ),
            Some(Single::Real(values, down)) => self.paint_by(
                person,
                choice,
                room,
                #[inline(always)]
                |spell| real_key(values[spell], down),
            ),
        }
    }

    /// As [`paint`](Self::paint), by the key that `key` gives of each spell.
    #[inline(always)]
    fn paint_by(
        &self,
        person: usize,
        choice: &Choice<'_>,
        room: &mut Room,
        key: impl Fn(usize) -> u64,
    ) -> bool {
        let Room { parts, held, shown, claimed, .. } = room;
        let (held, shown) = (&mut held[..], &mut shown[..]);
        let days = (&self.from[..], &self.to[..]);
        let (mut met, mut last) = (Lane::of(0_u64), false);
        for part in parts.iter() {
            let own = (key(part.spell), choice.value(part.spell));
            if own.0 == NOTHING {
                last = true;
                continue;
            }
            part.paint(own, days, (&mut held[part.block], &mut shown[part.block]), &mut met);
        }
        let mut even = met.0 != [0; BLOCK];
        if last {
            // the last of all is shown where nothing is
            claimed.fill(0);
            for run in self.runs(person).filter(|run| key(run.spell) == NOTHING) {
                for row in self.candidates(&run) {
                    let (block, at, bit) = (row / BLOCK, row % BLOCK, 1 << (row % 64));
                    if held[block].0[at] == NOTHING {
                        if claimed[row / 64] & bit == 0 {
                            shown[block].0[at] = choice.value(run.spell);
                        } else {
                            even = true;
                        }
                        claimed[row / 64] |= bit;
                    }
                }
            }
        }
        even && choice.ranking.is_some()
    }

    /// The rows of a run in which its spell may be shown.
    #[inline]
    fn candidates(&self, run: &Run) -> Range<usize> {
        // only the first and the last period can miss their reference day
        let missed = usize::from(self.to[run.first] <= run.start);
        let rows = run.row + missed..run.row + run.n;
        let short = !rows.is_empty() && self.from[run.first + run.n - 1] >= run.end;
        rows.start..rows.end - usize::from(short)
    }

    /// The spell shown in each cell, where several columns decide or the row number does.
    #[inline(never)]
    fn compare(
        &self,
        choice: &Choice<'_>,
        (person, n_rows): (usize, usize),
        room: &mut Room,
        told: &mut Told,
    ) {
        let Some(ranking) = choice.ranking else { return };
        let Room { best, best_key, best_days, tied, shown, .. } = room;
        let (best, tied) = (&mut best[..n_rows], &mut tied[..n_rows]);
        best.fill(NONE);
        tied.fill(false);
        if let Some(keys) = ranking.single() {
            for run in self.runs(person) {
                let key = keys.of(run.spell);
                for row in self.candidates(&run) {
                    let other = best[row];
                    let better = other == NONE || key < best_key[row];
                    let even = !better && key == best_key[row];
                    tied[row] = !better && (tied[row] || even);
                    if better || even && ranking.row(run.spell) < ranking.row(other as usize) {
                        (best[row], best_key[row]) = (run.spell as u32, key);
                    }
                }
            }
        } else {
            for run in self.runs(person) {
                let own = self.candidates(&run);
                let days = run.days(&self.layout.bounds).skip(own.start - run.row);
                for (row, days) in own.zip(days) {
                    let other = best[row];
                    let order = if other == NONE {
                        std::cmp::Ordering::Less
                    } else {
                        let other = (other as usize, best_days[row]);
                        ranking.compare_in_period((run.spell, days), other)
                    };
                    tied[row] = order.is_eq() || tied[row] && order.is_gt();
                    let earlier =
                        order.is_eq() && ranking.row(run.spell) < ranking.row(other as usize);
                    if order.is_lt() || earlier {
                        (best[row], best_days[row]) = (run.spell as u32, days);
                    }
                }
            }
        }
        told.tied += tied.iter().map(|tied| u64::from(*tied)).sum::<u64>();
        for (row, &spell) in best.iter().enumerate() {
            shown[row / BLOCK].0[row % BLOCK] =
                if spell == NONE { NOTHING } else { choice.value(spell as usize) };
        }
    }
}
