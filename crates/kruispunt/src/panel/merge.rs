use super::keys::{Coded, CodesOf, NONE, codes_of_bytes, group_codes, nan_is_null, numbers};
use super::{PanelError, Spells};
use crate::data::{Column, Count, Day, Pieces, Step, Values};
use crate::math::sweep;
use rustc_hash::FxHashMap;
use std::hint::select_unpredictable;
use std::ops::Range;

/// Which spells [`Spells::merge`] makes one.
///
/// ```
/// use kruispunt::panel::Merge;
/// let tenure = Merge::days(30).by(["employer"]).sum(["wage"]);
/// # let _ = tenure;
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Merge {
    gap: i32,
    gap_after: Option<String>,
    by: Vec<String>,
    sum: Vec<String>,
    across_states: bool,
}

impl Merge {
    /// Bridges at most `gap` days without a spell.
    ///
    /// With 0, spells merge when they overlap or one ends the day before the next starts.
    pub fn days(gap: u32) -> Self {
        let gap = i32::try_from(gap).unwrap_or(i32::MAX);
        Self { gap, gap_after: None, by: Vec::new(), sum: Vec::new(), across_states: false }
    }

    /// Bridges gaps of any length: "ever since".
    pub fn any_gap() -> Self {
        Self::days(u32::MAX)
    }

    /// Bridges after each spell at most the days this column of it says; a null bridges none.
    ///
    /// A job that its employer ended may be taken up again within 92 days, another within 366: the
    /// gap depends on the spell before it, that is on the member that ends last (the longest gap of
    /// those that end on one day).
    pub fn days_after(column: impl Into<String>) -> Self {
        Self { gap_after: Some(column.into()), ..Self::days(0) }
    }

    /// Only spells that agree on these columns merge. A null agrees with nothing.
    pub fn by<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.by.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Adds up these amounts; other columns keep the value of the first spell.
    pub fn sum<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.sum.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Merges spells of different states too (the state of the first is kept). Without this,
    /// the state counts as a column of [`by`](Self::by).
    pub fn across_states(mut self) -> Self {
        self.across_states = true;
        self
    }
}

/// Where the merged spells of some persons are written.
struct Eras<'a, 'b> {
    cells: &'a mut sweep::Cells<'b>,
    /// How many there are so far.
    n: usize,
    /// For how many spells it is written which merged spell they became.
    placed: usize,
    /// Merged spells of each person.
    counts: Vec<u32>,
    /// How far pages were asked for.
    ahead: sweep::Ahead,
}

impl Eras<'_, '_> {
    fn push(&mut self, chain: &Chain) {
        self.cells.codes[0][self.n] = chain.first;
        self.cells.days[0][self.n] = chain.start;
        self.cells.days[1][self.n] = chain.end;
        self.cells.bytes[0][self.n] = u8::from(chain.several);
        self.n += 1;
    }

    fn place_all(&mut self, eras: impl Iterator<Item = u32>) {
        for era in eras {
            self.place(era);
        }
    }

    /// Makes sure that the pages of so many spells more were asked for, one a spell at most.
    fn reach(&mut self, spells: usize) {
        self.ahead.reach(self.n.max(self.placed) + spells, self.cells);
    }

    fn push_all(&mut self, chains: &[Chain]) {
        for chain in chains {
            self.push(chain);
        }
    }

    /// The merged spell of the next spell, counted from the first of the run of persons.
    fn place(&mut self, era: u32) {
        self.cells.codes[1][self.placed] = era;
        self.placed += 1;
    }
}

/// Spells of one person that become one.
#[derive(Clone, Copy)]
struct Chain {
    code: u32,
    start: i32,
    end: i32,
    /// The gap it bridges.
    gap: i32,
    /// Its first spell.
    first: u32,
    several: bool,
}

/// Room to work in, used again for each person.
#[derive(Default)]
struct Scratch {
    chains: Vec<Chain>,
    /// The chains that may go on.
    open: Vec<u32>,
    /// The chain of each spell of the person.
    of: Vec<u32>,
    order: Vec<u32>,
    place: Vec<u32>,
    /// The last chain of each code, for persons with very many spells.
    by_code: FxHashMap<u32, u32>,
}

/// With more spells than this a person's chains are looked up by code.
const MANY: usize = 256;

/// The days each spell lets follow without another.
enum Gap {
    All(i32),
    Each(Vec<i32>),
}

impl Gap {
    fn after(&self, spell: usize) -> i32 {
        match self {
            Self::All(gap) => *gap,
            Self::Each(gaps) => gaps[spell],
        }
    }
}

impl Spells {
    /// Makes one spell of spells of a person that overlap or follow within a gap of days.
    ///
    /// The gap is counted in days without a spell: from a last day of 31 March to a first day of
    /// 1 April it is 0, to 2 April 1. The merged spell runs from the first day to the last, its
    /// carried values are those of its first spell (the account counts where they disagreed),
    /// its row is that of its first spell.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, [`PanelError::NotFinite`] in a summed column,
    /// [`PanelError::BadArgument`] for a gap that is no whole number of days.
    pub fn merge(&self, merge: &Merge) -> Result<Self, PanelError> {
        let mut by = merge.by.clone();
        if let (Some(state), false) = (self.state(), merge.across_states) {
            by.push(state.to_owned());
        }
        by.sort_unstable();
        by.dedup();
        let groups = self.groups(&by)?;
        let gap = self.gap(merge)?;
        let told_apart = |name: &String| by.contains(name) || merge.sum.contains(name);
        let members =
            self.columns.names().iter().any(|name| !told_apart(name)) || !merge.sum.is_empty();
        let fresh = !merge.sum.is_empty();
        let (pieces, several, of) = self.chains(&gap, &groups, members);
        let merged = self.len() - pieces.source.len();
        let mut step = Step::new("merge", told(merge, &by), Count::default(), Count::default())
            .exclude("became part of an earlier spell", Count::rows(merged));
        for (name, column) in self.columns.names().iter().zip(self.columns.columns()) {
            if told_apart(name) || merged == 0 {
                continue;
            }
            let n = disagreeing(column, &of, &pieces.source);
            step = step.tied(
                &format!("merged spells that disagree on {name}"),
                n,
                "the value of the first spell",
            );
        }
        let sums = merge
            .sum
            .iter()
            .map(|name| Ok((name, self.amounts(name, &of, pieces.source.len())?)))
            .collect::<Result<Vec<_>, PanelError>>()?;
        if merged == 0 && sums.is_empty() {
            return Ok(self.with_step(step));
        }
        // sums belong to the days of merged spells, whatever these had
        let kept = move |at: usize| !fresh && several[at] == 0;
        let mut result = self.with_measured(pieces, kept, step);
        for (name, sum) in sums {
            result.columns.set(name, nan_is_null(sum))?;
        }
        Ok(result)
    }

    /// The merged spells, which of them have several members, and (if asked) which one each spell
    /// became part of.
    fn chains(&self, gap: &Gap, groups: &Coded, members: bool) -> (Pieces, Vec<u8>, Vec<u32>) {
        let n = self.len();
        let (mut starts, mut ends, mut several) = (vec![0_i32; n], vec![0_i32; n], vec![0_u8; n]);
        let (mut source, mut of) = (vec![0_u32; n], vec![0_u32; if members { n } else { 0 }]);
        let mut numbers = vec![&mut source[..]];
        numbers.extend(members.then_some(&mut of[..]));
        let cells = sweep::Cells {
            codes: numbers,
            days: vec![&mut starts[..], &mut ends[..]],
            bytes: vec![&mut several[..]],
            ..sweep::Cells::default()
        };
        let told = sweep::fill_cells(&self.offsets, cells, |persons, cells| {
            let counts = Vec::with_capacity(persons.len());
            let ahead = sweep::Ahead::default();
            let mut eras = Eras { cells, n: 0, placed: 0, counts, ahead };
            match (gap, groups.each()) {
                (Gap::All(gap), CodesOf::One) => {
                    self.merge_few(persons, *gap, |_| 0, CodesOf::One, members, &mut eras);
                }
                (Gap::All(gap), codes @ CodesOf::Bytes(bytes, place)) => {
                    // at most 256 codes, so that each fits a byte
                    let code = |spell: usize| place[usize::from(bytes[spell])] as u8;
                    self.merge_few(persons, *gap, code, codes, members, &mut eras);
                }
                (_, codes) => {
                    let mut scratch = Scratch::default();
                    for person in persons {
                        let own = self.of(person);
                        eras.reach(own.len());
                        self.merge_person(own, gap, codes, members, &mut scratch, &mut eras);
                    }
                }
            }
            (eras.n, eras.placed, eras.counts)
        });
        let written = sweep::Written::new(&self.offsets, told.iter().map(|own| own.0));
        written.close_up(&mut source);
        written.close_up(&mut starts);
        written.close_up(&mut ends);
        written.close_up(&mut several);
        let mut rest = &mut of[..];
        for ((first, _), (_, placed, _)) in written.places().zip(&told) {
            let (own, after) = rest.split_at_mut(*placed);
            for era in own {
                *era += first as u32;
            }
            rest = after;
        }
        let counts = told.into_iter().flat_map(|own| own.2).collect();
        (Pieces { source, starts, ends, counts }, several, of)
    }

    /// Codes that are equal for spells that may become one: those that agree on these columns.
    fn groups(&self, by: &[String]) -> Result<Coded, PanelError> {
        let Some(first) = by.first() else { return Ok(Coded::One) };
        let column = self.columns.column("by", first)?;
        if let (Values::Text(text), None, 1) = (column.values(), column.validity(), by.len())
            && let Some(bytes) = text.bytes()
        {
            let (place, _) = codes_of_bytes(column, bytes);
            return Ok(Coded::Bytes(bytes.clone(), Box::new(place)));
        }
        Ok(Coded::Wide(group_codes(&self.columns, "by", by)?))
    }

    /// As [`merge_person`](Self::merge_person) for each of some persons, where spells are told
    /// apart by a byte and all let the same gap follow: what a spell may join is looked up, and
    /// merged spells are written where they stay.
    #[allow(clippy::needless_bitwise_bool, reason = "without branches nothing is to be guessed")]
    fn merge_few(
        &self,
        persons: Range<usize>,
        gap: i32,
        code: impl Fn(usize) -> u8,
        codes: CodesOf<'_>,
        members: bool,
        eras: &mut Eras<'_, '_>,
    ) {
        // the last merged spell of each code, counted from 1
        let mut last = [0_u32; 256];
        let mut scratch = Scratch::default();
        let (starts, ends, offsets) = (self.starts(), self.ends(), &self.offsets[..]);
        for person in persons {
            let own = offsets[person] as usize..offsets[person + 1] as usize;
            eras.reach(own.len());
            let (base, placed) = (eras.n, eras.placed);
            let (mut n, mut newest, mut same_start) = (base, i32::MIN, false);
            let sweep::Cells { codes: numbers, days, bytes: several, .. } = &mut *eras.cells;
            let (source, of) = numbers.split_at_mut(1);
            let (firsts, lasts) = days.split_at_mut(1);
            let (source, firsts, lasts) = (&mut source[0], &mut firsts[0], &mut lasts[0]);
            let several = &mut several[0];
            let days = starts[own.clone()].iter().zip(&ends[own.clone()]);
            for (at, (&start, &end)) in own.clone().zip(days) {
                // no branch: what joins is anybody's guess. What is written and not kept is written
                // over by the next
                let slot = &mut last[usize::from(code(at))];
                let known = (*slot as usize).saturating_sub(1);
                // those of other persons stand before
                let own_chain = *slot as usize > base;
                let joined = own_chain & (start <= lasts[known].saturating_add(gap));
                let before = select_unpredictable(joined, lasts[known], end);
                let era = select_unpredictable(joined, known, n);
                same_start |= !joined & (start == newest);
                newest = select_unpredictable(joined, newest, start);
                (source[n], firsts[n]) = (at as u32, start);
                (lasts[era], several[era]) = (before.max(end), u8::from(joined));
                n += usize::from(!joined);
                *slot = era as u32 + 1;
                if members {
                    of[0][eras.placed] = era as u32;
                    eras.placed += 1;
                }
            }
            if same_start {
                // their ends and rows decide which comes first
                eras.placed = placed;
                let gap = Gap::All(gap);
                self.merge_person(own, &gap, codes, members, &mut scratch, eras);
                continue;
            }
            eras.n = n;
            eras.counts.push((n - base) as u32);
        }
    }

    /// What [`Merge`] says of gaps.
    fn gap(&self, merge: &Merge) -> Result<Gap, PanelError> {
        let Some(name) = &merge.gap_after else { return Ok(Gap::All(merge.gap)) };
        let values = numbers(&self.columns, "gap", name, Some(&self.rows))?;
        let days = |(at, value): (usize, &f64)| {
            if value.is_nan() {
                return Ok(0);
            }
            if value.fract() != 0.0 || *value < 0.0 {
                return Err(PanelError::BadArgument {
                    argument: "gap".to_owned(),
                    expected: "a column of whole numbers of days, 0 or more",
                    got: format!("another number at row {}", self.rows[at]),
                });
            }
            Ok(value.min(f64::from(i32::MAX)) as i32)
        };
        Ok(Gap::Each(values.iter().enumerate().map(days).collect::<Result<_, _>>()?))
    }

    fn merge_person(
        &self,
        own: Range<usize>,
        gap: &Gap,
        codes: CodesOf<'_>,
        members: bool,
        scratch: &mut Scratch,
        eras: &mut Eras<'_, '_>,
    ) {
        let (starts, ends) = (self.starts(), self.ends());
        let Scratch { chains, open, of, order, place, by_code } = scratch;
        chains.clear();
        open.clear();
        of.clear();
        by_code.clear();
        let many = own.len() > MANY;
        for at in own {
            let (start, end) = (starts[at], ends[at]);
            let code = codes.of(at);
            let mut joined = None;
            let mut slot = 0;
            if many {
                open.clear();
                open.extend(by_code.get(&code));
            }
            while slot < open.len() {
                let number = open[slot];
                let chain = &mut chains[number as usize];
                if start > chain.end.saturating_add(chain.gap) {
                    // starts only grow: it is over
                    open.swap_remove(slot);
                    continue;
                }
                if chain.code == code {
                    let bridged = gap.after(at);
                    if end > chain.end {
                        (chain.end, chain.gap) = (end, bridged);
                    } else if end == chain.end {
                        chain.gap = chain.gap.max(bridged);
                    }
                    chain.several = true;
                    joined = Some(number);
                    break;
                }
                slot += 1;
            }
            of.push(joined.unwrap_or_else(|| {
                let number = chains.len() as u32;
                let chain = Chain {
                    code,
                    start,
                    end,
                    gap: gap.after(at),
                    first: at as u32,
                    several: false,
                };
                chains.push(chain);
                // a null agrees with nothing
                if code != NONE && many {
                    by_code.insert(code, number);
                } else if code != NONE {
                    open.push(number);
                }
                number
            }));
        }
        // rows are looked at only where days leave the order open
        let compare = |a: &Chain, b: &Chain| {
            (a.start, a.end)
                .cmp(&(b.start, b.end))
                .then_with(|| self.rows.at(a.first as usize).cmp(&self.rows.at(b.first as usize)))
        };
        let base = eras.n as u32;
        eras.counts.push(chains.len() as u32);
        if chains.is_sorted_by(|a, b| compare(a, b).is_le()) {
            if members {
                eras.place_all(of.iter().map(|chain| base + *chain));
            }
        } else {
            order.clear();
            order.extend(0..chains.len() as u32);
            order.sort_unstable_by(|&a, &b| compare(&chains[a as usize], &chains[b as usize]));
            place.resize(chains.len(), 0);
            for (rank, &at) in (base..).zip(order.iter()) {
                place[at as usize] = rank;
            }
            if members {
                eras.place_all(of.iter().map(|chain| place[*chain as usize]));
            }
            chains.sort_unstable_by(compare);
        }
        eras.push_all(chains);
    }

    /// The amounts of merged spells: each member brings the share of the days it still has.
    fn amounts(&self, name: &str, of: &[u32], eras: usize) -> Result<Vec<f64>, PanelError> {
        let values = numbers(&self.columns, "sum", name, Some(&self.rows))?;
        let cut_open = |at: &usize| {
            self.lengths[*at] == Day::OPEN.0 && self.days(*at).is_some() && !values[*at].is_nan()
        };
        if let Some(at) = (0..self.len()).find(cut_open) {
            return Err(PanelError::OpenAmount {
                argument: "sum".to_owned(),
                column: name.to_owned(),
                row: self.rows[at] as usize,
            });
        }
        let mut sums = vec![f64::NAN; eras];
        for (at, &value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let days = self.days(at).filter(|&days| days != self.lengths[at]);
            let part = days.map_or(1.0, |days| f64::from(days) / f64::from(self.lengths[at]));
            let sum = &mut sums[of[at] as usize];
            *sum = if sum.is_nan() { value * part } else { *sum + value * part };
        }
        Ok(sums)
    }
}

/// How many merged spells have members with another value than their first.
fn disagreeing(column: &Column, of: &[u32], firsts: &[u32]) -> u64 {
    fn count(of: &[u32], firsts: &[u32], same: impl Fn(usize, usize) -> bool) -> u64 {
        let mut differ = vec![false; firsts.len()];
        for (at, &era) in of.iter().enumerate() {
            let first = firsts[era as usize] as usize;
            differ[era as usize] |= first != at && !same(first, at);
        }
        differ.iter().map(|differ| u64::from(*differ)).sum()
    }
    match (column.values(), column.validity()) {
        (Values::Int(values), None) => count(of, firsts, |a, b| values[a] == values[b]),
        (Values::Text(text), None) if text.is_categorical() => {
            let codes = text.codes();
            let same = |a: usize, b: usize| {
                codes[a] == codes[b] || text.levels().get(codes[a]) == text.levels().get(codes[b])
            };
            count(of, firsts, same)
        }
        _ => count(of, firsts, |a, b| column.same(a, column, b)),
    }
}

fn told(merge: &Merge, by: &[String]) -> String {
    let gap = match (&merge.gap_after, merge.gap) {
        (Some(column), _) => format!("gaps of at most the days in {column} of the spell before"),
        (None, i32::MAX) => "gaps of any length".to_owned(),
        (None, gap) => format!("gaps of at most {gap} days"),
    };
    if by.is_empty() { gap } else { format!("{gap}, by {}", by.join(", ")) }
}
