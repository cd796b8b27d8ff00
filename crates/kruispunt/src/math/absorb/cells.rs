//! Rows compressed to cells, and the dense border of the small sets.

use super::border::Border;
use super::maker::{Maker, Part};
use super::rows::Rows;
use rayon::prelude::*;
use std::ops::Range;

/// Groups of the eliminated set with more than one cell; the others say nothing about big levels.
#[derive(Default)]
pub(super) struct Cells {
    /// Where each group's cells start.
    pub(super) starts: Vec<u32>,
    /// `width` levels a cell.
    pub(super) levels: Vec<u32>,
    pub(super) weight: Vec<f64>,
    /// One over each group's weight.
    pub(super) share: Vec<f64>,
    pub(super) width: usize,
    /// Which group of the eliminated set each one is.
    pub(super) group: Vec<u32>,
    /// Whether cells no longer stand as they were made.
    pub(super) moved: bool,
}

impl Cells {
    pub(super) fn groups(&self) -> usize {
        self.share.len()
    }

    pub(super) fn of(&self, cell: usize) -> &[u32] {
        &self.levels[cell * self.width..(cell + 1) * self.width]
    }

    pub(super) fn range(&self, group: usize) -> Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }
}

/// Cells of the first `big` of the other sets, and the border of the rest.
pub(super) fn make(rows: &Rows<'_>, big: usize) -> (Cells, Option<Border>) {
    let merge = big == 1 && merging_pays(rows);
    let bounds = bounds(rows, big);
    let made: Vec<(Maker<'_>, Cells)> = bounds
        .par_windows(2)
        .map(|pair| {
            let mut maker = Maker::new(rows, big, merge);
            let mut cells = room(rows, big, pair[0]..pair[1]);
            for group in pair[0]..pair[1] {
                maker.group(group, &mut cells);
            }
            maker.finish();
            (maker, cells)
        })
        .collect();
    let mut cells = Cells { starts: vec![0], width: big, ..Cells::default() };
    let mut makers = Vec::with_capacity(made.len());
    for (maker, part) in made {
        let before = cells.weight.len() as u32;
        cells.starts.extend(part.starts.iter().map(|end| end + before));
        append(&mut cells.levels, part.levels);
        append(&mut cells.weight, part.weight);
        append(&mut cells.share, part.share);
        append(&mut cells.group, part.group);
        makers.push(maker);
    }
    (cells, border(rows, makers))
}

/// Writes other weights over those of `cells`, which [`make`] made; gives the border under these.
pub(super) fn reweigh(rows: &Rows<'_>, big: usize, cells: &mut Cells) -> Option<Border> {
    let merge = big == 1 && merging_pays(rows);
    let bounds = bounds(rows, big);
    let Cells { starts, levels, weight, share, group, .. } = cells;
    let (mut weight, mut share) = (weight.as_mut_slice(), share.as_mut_slice());
    let mut parts = Vec::with_capacity(bounds.len());
    for pair in bounds.windows(2) {
        let from = group.partition_point(|own| (*own as usize) < pair[0]);
        let to = group.partition_point(|own| (*own as usize) < pair[1]);
        let of = starts[from] as usize..starts[to] as usize;
        let (own_weight, other_weight) = weight.split_at_mut(of.len());
        let (own_share, other_share) = share.split_at_mut(to - from);
        (weight, share) = (other_weight, other_share);
        parts.push(Part {
            groups: pair[0]..pair[1],
            group: &group[from..to],
            starts: &starts[from..=to],
            levels: &levels[of.start * big..of.end * big],
            weight: own_weight,
            share: own_share,
        });
    }
    let makers: Vec<Maker<'_>> = parts
        .into_par_iter()
        .map(|mut part| {
            let mut maker = Maker::new(rows, big, merge);
            maker.again(&mut part);
            maker.finish();
            maker
        })
        .collect();
    border(rows, makers)
}

/// Where parts of about equally many rows start: groups.
fn bounds(rows: &Rows<'_>, big: usize) -> Vec<usize> {
    let groups = rows.mass.len();
    let m = rows.offsets.get(big).copied().unwrap_or(rows.other_mass.len());
    let t = rows.other_mass.len() - m;
    let parts = (rows.n() / (4 * m * t).max(1)).clamp(1, 4);
    let parts = if rows.n() < 20_000 { 1 } else { parts };
    let bound = |part: usize| -> usize {
        let row = (part * rows.n() / parts) as u32;
        if part == parts { groups } else { rows.starts[..groups].partition_point(|&s| s < row) }
    };
    (0..=parts).map(bound).collect()
}

/// Room for a cell a row, as far as there are groups with several: what is not used is never
/// touched.
fn room(rows: &Rows<'_>, big: usize, groups: Range<usize>) -> Cells {
    let mut cells = Cells { width: big, ..Cells::default() };
    if big > 0 && !groups.is_empty() {
        let rows = (rows.starts[groups.end] - rows.starts[groups.start]) as usize;
        cells.weight.reserve_exact(rows);
        cells.levels.reserve_exact(rows * big);
        cells.share.reserve_exact(groups.len());
        cells.starts.reserve_exact(groups.len());
        cells.group.reserve_exact(groups.len());
    }
    cells
}

fn border(rows: &Rows<'_>, makers: Vec<Maker<'_>>) -> Option<Border> {
    let mut makers = makers.into_iter();
    let Maker { m, t, mut cross, mut square, .. } = makers.next()?;
    for maker in makers {
        cross.iter_mut().zip(maker.cross).for_each(|(sum, part)| *sum += part);
        square.iter_mut().zip(maker.square).for_each(|(sum, part)| *sum += part);
    }
    (t > 0).then(|| Border::new(cross, &square, &rows.other_mass[m..]))
}

fn append<T>(all: &mut Vec<T>, mut part: Vec<T>) {
    if all.is_empty() {
        *all = part;
    } else {
        all.append(&mut part);
    }
}

/// Whether groups come back to levels often enough that sorting their rows pays: from a few groups.
fn merging_pays(rows: &Rows<'_>) -> bool {
    let codes = rows.sets[1].codes;
    let (mut runs, mut distinct) = (0, 0);
    let step = (rows.mass.len() / 256).max(1);
    for group in (0..rows.mass.len()).step_by(step) {
        let range = rows.starts[group] as usize..rows.starts[group + 1] as usize;
        let range = range.start..range.end.min(range.start + 1024);
        let mut own: Vec<u32> =
            range.map(|at| codes[if rows.sorted { at } else { rows.order[at] as usize }]).collect();
        own.dedup();
        runs += own.len();
        own.sort_unstable();
        own.dedup();
        distinct += own.len();
    }
    5 * distinct < 4 * runs
}
