use super::PanelError;
use super::keys::{NONE, codes};
use crate::data::{Column, Panel, Table};
use crate::math::sweep;
use rustc_hash::FxHashMap;

/// Where a person is one period later.
const OBSERVED: u32 = 0;
const MISSING: u32 = 1;
const NO_RECORD: u32 = 2;
const GAP: u32 = 3;
const END: u32 = 4;
const KINDS: [&str; 5] = ["observed", "missing", "no record", "gap", "end"];

impl Panel {
    /// Patterns of participation: which periods persons have a record in.
    ///
    /// One row a pattern, the most frequent first (then by pattern): `pattern` (`1` where there is
    /// a record, `.` where not, one character a period of the calendar), `persons`, `share` and
    /// `cumulative` share. What Stata's `xtdescribe` shows.
    #[must_use]
    pub fn patterns(&self) -> Table {
        let words = self.calendar.len().div_ceil(64);
        let (positions, recorded) = (self.positions(), self.recorded());
        let mut counts: FxHashMap<Vec<u64>, i64> = FxHashMap::default();
        let mut bits = vec![0_u64; words];
        for person in 0..self.persons.len() {
            bits.fill(0);
            for row in self.of(person).filter(|&row| recorded(row)) {
                let at = positions[row] as usize;
                bits[at / 64] |= 1 << (at % 64);
            }
            if let Some(count) = counts.get_mut(&bits) {
                *count += 1;
            } else {
                counts.insert(bits.clone(), 1);
            }
        }
        let written = |bits: Vec<u64>| -> String {
            let mark = |at: usize| if bits[at / 64] >> (at % 64) & 1 == 1 { '1' } else { '.' };
            (0..self.calendar.len()).map(mark).collect()
        };
        let mut patterns: Vec<(i64, String)> =
            counts.into_iter().map(|(bits, count)| (-count, written(bits))).collect();
        patterns.sort_unstable();
        let total = self.persons.len() as f64;
        let mut reached = 0;
        let cumulative: Vec<f64> = patterns
            .iter()
            .map(|(count, _)| {
                reached -= count;
                reached as f64 / total
            })
            .collect();
        Table::new([
            ("pattern", Column::text(patterns.iter().map(|(_, pattern)| Some(pattern.as_str())))),
            ("persons", Column::int(patterns.iter().map(|(count, _)| -count).collect())),
            ("share", Column::float(patterns.iter().map(|(n, _)| -n as f64 / total).collect())),
            ("cumulative", Column::float(cumulative)),
        ])
        .unwrap_or_default()
    }

    /// Transitions of a column from each period to the next.
    ///
    /// One row for `from`, `to` and `kind`, with `count` and `share` of all transitions from
    /// `from`. `to` is the value one period later and `kind` is `observed`; otherwise `to` is null
    /// and `kind` says why: `missing` (a record without a value), `no record` (a row made by
    /// balancing), `gap` (no row, but later ones) or `end` (no later row). `from` is null for rows
    /// without a value.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, [`PanelError::BadArgument`] for a column with
    /// more than 2000 values.
    pub fn transitions(&self, name: &str) -> Result<Table, PanelError> {
        const MOST: usize = 2000;
        let column = self.column("column", name)?;
        let (codes, first) = codes(&column);
        if first.len() > MOST {
            return Err(PanelError::BadArgument {
                argument: "column".to_owned(),
                expected: "a column with at most 2000 values",
                got: first.len().to_string(),
            });
        }
        let (positions, recorded) = (self.positions(), self.recorded());
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            let mut counts: FxHashMap<(u32, u32, u32), i64> = FxHashMap::default();
            for person in persons {
                let rows = self.of(person);
                for row in rows.clone() {
                    let (kind, to) = if row + 1 == rows.end {
                        (END, NONE)
                    } else if positions[row + 1] != positions[row] + 1 {
                        (GAP, NONE)
                    } else if codes[row + 1] != NONE {
                        (OBSERVED, codes[row + 1])
                    } else if recorded(row + 1) {
                        (MISSING, NONE)
                    } else {
                        (NO_RECORD, NONE)
                    };
                    *counts.entry((codes[row], kind, to)).or_insert(0) += 1;
                }
            }
            counts
        });
        let mut all: FxHashMap<(u32, u32, u32), i64> = FxHashMap::default();
        for (key, count) in parts.into_iter().flatten() {
            *all.entry(key).or_insert(0) += count;
        }
        let mut all: Vec<((u32, u32, u32), i64)> = all.into_iter().collect();
        all.sort_unstable();
        let mut totals: FxHashMap<u32, i64> = FxHashMap::default();
        for ((from, ..), n) in &all {
            *totals.entry(*from).or_insert(0) += n;
        }
        let show = |code: u32| first.get(code as usize).copied().unwrap_or(NONE);
        let from: Vec<u32> = all.iter().map(|((from, ..), _)| show(*from)).collect();
        let to: Vec<u32> = all.iter().map(|((.., to), _)| show(*to)).collect();
        let kinds: Vec<Option<u32>> = all.iter().map(|((_, kind, _), _)| Some(*kind)).collect();
        let share = all.iter().map(|((from, ..), n)| *n as f64 / totals[from] as f64);
        Ok(Table::new([
            ("from", column.gather(&from)),
            ("to", column.gather(&to)),
            ("kind", Column::category(&kinds, &KINDS)),
            ("count", Column::int(all.iter().map(|(_, count)| *count).collect())),
            ("share", Column::float(share.collect())),
        ])?)
    }
}
