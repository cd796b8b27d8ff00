//! Elementary episodes, one row each, in one sweep.

use super::keys::nan_is_null;
use super::order::Ranking;
use super::split::{Aggregates, Kind, sum};
use super::{PanelError, Spells};
use crate::data::{Buffer, Column, Pieces, Timeline};
use crate::math::sweep;
use std::ops::Range;

impl Spells {
    /// The elementary episodes, one row each, with what is computed over the covering spells.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split).
    pub fn episodes(&self, aggregates: &Aggregates) -> Result<Timeline, PanelError> {
        let asked = self.asked(aggregates)?;
        let swept = Sweep { spells: self, values: &asked.values, ranking: asked.ranking.as_ref() };
        let Some(episodes) = swept.all() else {
            // more covering spells than two bytes count
            return self.cut_elementary(aggregates, super::split::Rows::Episodes).and_then(proven);
        };
        let step = self.step_of_cutting("episodes", episodes.pieces.source.len(), episodes.tied);
        let mut result = self.anew(episodes.pieces, step);
        let (mut counts, mut floats) = (episodes.counts.into_iter(), episodes.floats.into_iter());
        for (kind, name) in aggregates.kinds() {
            let column = match kind {
                Kind::Count => Column::short(counts.next().unwrap_or_default()),
                _ => nan_is_null(floats.next().unwrap_or_default()),
            };
            result.columns.push(kind.column(name), column)?;
        }
        self.push_tops(&mut result, asked.tops, &episodes.best, true)?;
        proven(result)
    }
}

fn proven(spells: Spells) -> Result<Timeline, PanelError> {
    Timeline::prove(spells).ok_or(PanelError::Overlap {
        argument: "episodes".to_owned(),
        first: 0,
        second: 0,
    })
}

/// What is asked of which spells.
struct Sweep<'a> {
    spells: &'a Spells,
    values: &'a [(Kind, Buffer<f64>)],
    ranking: Option<&'a Ranking>,
}

/// Episodes, and what is computed over them.
struct Swept {
    pieces: Pieces,
    counts: Vec<Vec<i16>>,
    floats: Vec<Vec<f64>>,
    best: Vec<u32>,
    tied: u64,
}

/// What one run of persons gives beside its rows.
#[derive(Default)]
struct Told {
    n: usize,
    counts: Vec<u32>,
    tied: u64,
    outgrown: bool,
}

impl Sweep<'_> {
    /// All episodes; `None` when more spells cover one than two bytes count.
    fn all(&self) -> Option<Swept> {
        // k spells make at most 2 k - 1 episodes; room that is not reached costs nothing
        let room: Option<Vec<u32>> =
            self.spells.offsets.iter().map(|offset| offset.checked_mul(2)).collect();
        let room = room?;
        let n = 2 * self.spells.len();
        let n_counts = self.values.iter().filter(|(kind, _)| *kind == Kind::Count).count();
        let (mut source, mut best) =
            (vec![0_u32; n], vec![0_u32; if self.ranking.is_some() { n } else { 0 }]);
        let (mut starts, mut ends) = (vec![0_i32; n], vec![0_i32; n]);
        let mut counts: Vec<Vec<i16>> = (0..n_counts).map(|_| vec![0; n]).collect();
        let mut floats: Vec<Vec<f64>> =
            (n_counts..self.values.len()).map(|_| vec![0.0; n]).collect();
        let mut codes = vec![&mut source[..]];
        codes.extend(self.ranking.map(|_| &mut best[..]));
        let cells = sweep::Cells {
            codes,
            days: vec![&mut starts[..], &mut ends[..]],
            shorts: counts.iter_mut().map(Vec::as_mut_slice).collect(),
            floats: floats.iter_mut().map(Vec::as_mut_slice).collect(),
            ..sweep::Cells::default()
        };
        let mut told = sweep::fill_cells(&room, cells, |persons, cells| self.some(persons, cells));
        if told.iter().any(|own| own.outgrown) {
            return None;
        }
        let written = sweep::Written::new(&room, told.iter().map(|own| own.n));
        written.close_up(&mut source);
        written.close_up(&mut starts);
        written.close_up(&mut ends);
        for column in &mut counts {
            written.close_up(column);
        }
        for column in &mut floats {
            written.close_up(column);
        }
        if self.ranking.is_some() {
            written.close_up(&mut best);
        }
        let tied = told.iter().map(|own| own.tied).sum();
        let per_person = told.iter_mut().flat_map(|own| std::mem::take(&mut own.counts)).collect();
        let pieces = Pieces { source, starts, ends, counts: per_person };
        Some(Swept { pieces, counts, floats, best, tied })
    }

    /// The episodes of some persons.
    fn some(&self, persons: Range<usize>, cells: &mut sweep::Cells<'_>) -> Told {
        let mut told = Told { counts: Vec::with_capacity(persons.len()), ..Told::default() };
        let mut elementary = sweep::Elementary::default();
        let (starts, ends) = (self.spells.starts(), self.spells.ends());
        let offsets = &self.spells.offsets[..];
        // the keys of the person's spells, where one column says which is the best
        let single = self.ranking.and_then(Ranking::single);
        let mut keys = Vec::new();
        let mut ahead = sweep::Ahead::default();
        let values: Vec<(Kind, &[f64])> =
            self.values.iter().map(|(kind, values)| (*kind, &values[..])).collect();
        for person in persons {
            let own = offsets[person] as usize..offsets[person + 1] as usize;
            let before = told.n;
            ahead.reach(before + 2 * own.len(), cells);
            if let Some(single) = single {
                keys.clear();
                keys.extend(own.clone().map(|spell| single.of(spell)));
            }
            elementary.visit(&starts[own.clone()], &ends[own.clone()], |start, end, cover| {
                let at = told.n;
                told.n += 1;
                cells.codes[0][at] = own.start as u32 + cover[0];
                (cells.days[0][at], cells.days[1][at]) = (start, end);
                let (mut count, mut float) = (0, 0);
                for (kind, values) in &values {
                    if *kind == Kind::Count {
                        told.outgrown |= cover.len() > i16::MAX as usize;
                        cells.shorts[count][at] = cover.len() as i16;
                        count += 1;
                        continue;
                    }
                    let own = values.get(own.clone()).unwrap_or_default();
                    cells.floats[float][at] =
                        computed(*kind, own, cover, end.saturating_sub(start));
                    float += 1;
                }
                if let Some(ranking) = self.ranking {
                    let (best, even) = if single.is_some() {
                        least_of(&keys, ranking, own.start, cover)
                    } else {
                        first_of(ranking, own.start, cover)
                    };
                    cells.codes[1][at] = best;
                    told.tied += u64::from(even);
                }
            });
            told.counts.push((told.n - before) as u32);
        }
        told
    }
}

/// One number over the spells that cover an episode, from the values of the person's spells.
#[inline]
fn computed(kind: Kind, values: &[f64], cover: &[u32], days: i32) -> f64 {
    match kind {
        Kind::Count => cover.len() as f64,
        Kind::Sum => sum(values, cover).0,
        Kind::Amount => sum(values, cover).0 * f64::from(days),
        Kind::Mean => {
            let (sum, n) = sum(values, cover);
            sum / f64::from(n)
        }
        Kind::Max => {
            let there = cover.iter().map(|&at| values[at as usize]);
            there.filter(|value| !value.is_nan()).fold(f64::NAN, f64::max)
        }
    }
}

/// The first of the covering spells in the order, and whether another is its equal.
#[inline]
fn first_of(ranking: &Ranking, base: usize, cover: &[u32]) -> (u32, bool) {
    let (mut best, mut even) = (base + cover[0] as usize, false);
    for &at in &cover[1..] {
        let at = base + at as usize;
        let order = ranking.compare(at, best);
        even = if order.is_lt() { false } else { even || order.is_eq() };
        if order.is_lt() || order.is_eq() && ranking.row(at) < ranking.row(best) {
            best = at;
        }
    }
    (best as u32, even)
}

/// As [`first_of`], where `keys` of the person's spells decide.
#[inline]
fn least_of(keys: &[u64], ranking: &Ranking, base: usize, cover: &[u32]) -> (u32, bool) {
    let (mut best, mut least, mut even) = (cover[0], keys[cover[0] as usize], false);
    for &at in &cover[1..] {
        let key = keys[at as usize];
        let tied = key == least;
        even = key >= least && (even || tied);
        let earlier = tied && ranking.row(base + at as usize) < ranking.row(base + best as usize);
        if key < least || earlier {
            (best, least) = (at, key);
        }
    }
    (base as u32 + best, even)
}
