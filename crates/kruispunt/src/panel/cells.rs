//! The cells of a panel: one pass over persons fills all columns.

#![allow(clippy::inline_always, reason = "compiled for the widest registers, see math::widest")]

use super::fill::{Room, Sweep, Told};
use super::keys::CodesOf;
use super::layout::{Layout, Part};
use super::order::Ranking;
use super::to_panel::Spread;
use crate::data::{Bitmap, Bits, Buffer, Spells};
use crate::math::{sweep, widest::widest};
use rustc_hash::FxHashMap;

/// No spell.
pub(super) const NONE: u32 = u32::MAX;
/// Nothing, in one byte.
pub(super) const NO_BYTE: u8 = u8::MAX;

/// What the cells are to hold.
#[allow(clippy::struct_excessive_bools, reason = "each says whether one column is made")]
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// Days covered.
    pub days: bool,
    /// Spells that touch the period.
    pub count: bool,
    /// The state of each spell, and for each state a spell that shows it.
    pub states: Option<(CodesOf<'a>, &'a [u32])>,
    /// Whether each spell has a state.
    pub all_stated: bool,
    /// Days in each state.
    pub by_state: bool,
    /// The state with most days.
    pub dominant: bool,
    /// What each state is written as, where one byte will do.
    pub dominant_as: Option<&'a [u8]>,
    /// Numbers of spells to add up.
    pub sums: Vec<Amounts>,
    /// Values to weigh by days.
    pub means: Vec<Buffer<f64>>,
    /// Which one spell of the period is shown.
    pub choice: Option<Choice<'a>>,
}

/// Numbers of spells to add up.
pub(super) struct Amounts {
    /// NaN where a spell brings nothing.
    pub values: Buffer<f64>,
    pub spread: Spread,
    /// Whether each record adds to them.
    pub whole: bool,
}

/// Which one spell of a period is shown.
pub(super) struct Choice<'a> {
    /// The reference day of each period; `None` where any day of the period will do.
    pub days: Option<Vec<i32>>,
    /// Who wins where several could be; `None` where that cannot be.
    pub ranking: Option<&'a Ranking>,
    /// What each spell is shown as, where one byte will do; else the spell is given.
    pub shown_as: Option<&'a [u8]>,
}

impl Choice<'_> {
    /// What a spell is shown as.
    #[inline]
    pub fn value(&self, spell: usize) -> u64 {
        self.shown_as.map_or(spell as u64, |written| written[spell].into())
    }
}

/// The columns, in the order in which they were wanted.
#[derive(Default)]
pub(super) struct Filled {
    /// Days, days by state, count; `None` when one outgrew two bytes.
    pub counts: Option<Vec<Vec<i16>>>,
    /// Sums, and where something was added.
    pub sums: Vec<(Vec<f64>, Option<Bitmap>)>,
    /// Value times days, and days.
    pub means: Vec<[Vec<f64>; 2]>,
    /// A spell that shows the state with most days, or what that state is written as.
    pub dominant: Codes,
    /// The spell shown, or what it is shown as.
    pub chosen: Codes,
    /// Which cells have a record.
    pub records: Bits,
    /// Cells before the first record of their person, and after the last.
    pub outside: [u64; 2],
    /// Cells in which states have equally many days.
    pub even: u64,
    /// Cells in which only the row number decided which spell is shown.
    pub tied: u64,
}

/// One code a cell, in as many bytes as they need.
pub(super) enum Codes {
    /// Spells; [`NONE`] where there is none.
    Spells(Vec<u32>),
    /// What is written, and where something is.
    Bytes(Vec<u8>, Option<Bitmap>),
}

impl Default for Codes {
    fn default() -> Self {
        Self::Spells(Vec::new())
    }
}

/// Fills what is wanted of the cells of `layout`.
pub(super) fn fill(spells: &Spells, layout: &Layout, wanted: &Wanted<'_>) -> Filled {
    let n_rows = layout.n_rows();
    let n_states = wanted.states.map_or(0, |(_, shows)| shows.len());
    let n_counts = usize::from(wanted.days)
        + if wanted.by_state { n_states } else { 0 }
        + usize::from(wanted.count);
    // Fresh zeroed memory costs nothing until it is touched, which happens in parallel. It is
    // written before it is read: a page read first is mapped twice.
    let mut counts: Vec<Vec<i16>> = (0..n_counts).map(|_| vec![0; n_rows]).collect();
    let mut floats: Vec<Vec<f64>> =
        (0..wanted.sums.len() + 2 * wanted.means.len()).map(|_| vec![0.0; n_rows]).collect();
    let narrow = [
        wanted.dominant && wanted.dominant_as.is_some(),
        wanted.choice.as_ref().is_some_and(|choice| choice.shown_as.is_some()),
    ];
    let asked = [wanted.dominant && !narrow[0], wanted.choice.is_some() && !narrow[1]];
    let mut codes: Vec<Vec<u32>> =
        asked.iter().map(|&there| vec![0; if there { n_rows } else { 0 }]).collect();
    let mut bytes: Vec<Vec<u8>> =
        narrow.iter().map(|&there| vec![0; if there { n_rows } else { 0 }]).collect();
    let cells = sweep::Cells {
        shorts: counts.iter_mut().map(Vec::as_mut_slice).collect(),
        floats: floats.iter_mut().map(Vec::as_mut_slice).collect(),
        codes: parts(&mut codes, &asked),
        bytes: parts(&mut bytes, &narrow),
        days: Vec::new(),
    };
    let one = Sweep::new(spells, layout, wanted, [narrow[0], narrow[1]]);
    let offsets = &layout.offsets[..];
    let told = sweep::fill_cells(offsets, cells, |persons, cells| {
        let base = offsets[persons.start] as usize;
        let n_rows = offsets[persons.end] as usize - base;
        let (mut told, mut room) = (Told::new(wanted, n_rows), Room::new(&one));
        let mut ahead = sweep::Ahead::default();
        widest(
            #[inline(always)]
            || {
                for person in persons {
                    let rows = offsets[person] as usize - base..offsets[person + 1] as usize - base;
                    ahead.reach(rows.end, cells);
                    one.person(person, rows, cells, &mut room, &mut told);
                }
            },
        );
        told
    });
    let joined = |of: fn(&Told) -> &Bits| Bits::concat(told.iter().map(of));
    let outgrown = told.iter().any(|own| own.outgrown);
    let records = joined(|own| &own.records);
    let everywhere = records.clone().validity();
    let mut means = floats.split_off(wanted.sums.len()).into_iter();
    let sums = floats.into_iter().enumerate().map(|(at, sums)| {
        let whole = wanted.sums[at].whole;
        let own = || Bits::concat(told.iter().map(|own| &own.sums[at])).validity();
        (sums, if whole { everywhere.clone() } else { own() })
    });
    let mut filled = Filled {
        counts: (!outgrown).then_some(counts),
        sums: sums.collect(),
        outside: std::array::from_fn(|at| told.iter().map(|own| own.outside[at]).sum()),
        even: told.iter().map(|own| own.even).sum(),
        tied: told.iter().map(|own| own.tied).sum(),
        ..Filled::default()
    };
    while let (Some(sum), Some(days)) = (means.next(), means.next()) {
        filled.means.push([sum, days]);
    }
    let mut either = |narrow: bool, there: fn(&Told) -> &Bits| {
        let (wide, thin) = (codes.pop().unwrap_or_default(), bytes.pop().unwrap_or_default());
        if narrow { Codes::Bytes(thin, joined(there).validity()) } else { Codes::Spells(wide) }
    };
    filled.chosen = either(narrow[1], |own| &own.chosen);
    filled.dominant = either(narrow[0], |own| &own.dominant);
    if let (true, Codes::Bytes(_, there)) = (wanted.all_stated, &mut filled.dominant) {
        *there = everywhere;
    }
    filled.records = records;
    if let (true, true, Some((of, shows))) = (outgrown, wanted.dominant, wanted.states) {
        let (dominant, even) = dominant_in_wide_numbers(spells, layout, of, shows);
        (filled.dominant, filled.even) = (Codes::Spells(dominant), even);
    }
    filled
}

/// The columns that are asked for.
fn parts<'a, T>(columns: &'a mut [Vec<T>], asked: &[bool]) -> Vec<&'a mut [T]> {
    let there = columns.iter_mut().zip(asked).filter(|(_, there)| **there);
    there.map(|(column, _)| column.as_mut_slice()).collect()
}

/// A spell that shows the state with most days of each cell, where days outgrow two bytes, and in
/// how many cells several states have as many.
fn dominant_in_wide_numbers(
    spells: &Spells,
    layout: &Layout,
    codes: CodesOf<'_>,
    shows: &[u32],
) -> (Vec<u32>, u64) {
    let mut dominant = vec![NONE; layout.n_rows()];
    let even = sweep::fill_chunks(&layout.offsets, &mut dominant, |persons, dominant| {
        let base = layout.offsets[persons.start] as usize;
        let mut even = 0_u64;
        for person in persons {
            let mut days: FxHashMap<(usize, u32), i64> = FxHashMap::default();
            layout.parts(spells, person, |row, Part { spell, from, to }| {
                if codes.of(spell) != NONE {
                    *days.entry((row, codes.of(spell))).or_default() += i64::from(to - from);
                }
            });
            let mut days: Vec<_> =
                days.into_iter().map(|((row, code), n)| (row, -n, code)).collect();
            days.sort_unstable();
            for cell in days.chunk_by(|a, b| a.0 == b.0) {
                let at = layout.offsets[person] as usize - base + cell[0].0;
                dominant[at] = shows[cell[0].2 as usize];
                even += u64::from(cell.get(1).is_some_and(|next| next.1 == cell[0].1));
            }
        }
        even
    });
    (dominant, even.into_iter().sum())
}
