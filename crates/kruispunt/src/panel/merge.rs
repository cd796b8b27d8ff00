use super::keys::{NONE, group_codes, nan_is_null, numbers};
use super::{PanelError, Spells};
use crate::data::{Count, Day, Pieces, Step};
use crate::math::sweep;
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
        Self { gap, by: Vec::new(), sum: Vec::new(), across_states: false }
    }

    /// Bridges gaps of any length: "ever since".
    pub fn any_gap() -> Self {
        Self::days(u32::MAX)
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

/// The merged spells of some persons.
#[derive(Default)]
struct Eras {
    pieces: Pieces,
    /// Last spell of the chain of each merged spell, by merged spell: all members in order.
    members: Vec<u32>,
    /// Members of each merged spell.
    sizes: Vec<u32>,
}

/// Spells of one person that become one; its members stand side by side.
struct Chain {
    start: i32,
    end: i32,
    row: u32,
    members: Range<usize>,
}

/// Room to work in, used again for each person.
#[derive(Default)]
struct Scratch {
    /// Group and number of each spell of the person.
    order: Vec<(u32, u32)>,
    chains: Vec<Chain>,
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
    /// [`PanelError::Data`] for a missing column, [`PanelError::NotFinite`] in a summed column.
    pub fn merge(&self, merge: &Merge) -> Result<Self, PanelError> {
        let mut by = merge.by.clone();
        if let (Some(state), false) = (self.state(), merge.across_states) {
            by.push(state.to_owned());
        }
        by.sort_unstable();
        by.dedup();
        let codes = if by.is_empty() { None } else { Some(group_codes(&self.columns, "by", &by)?) };
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            let (mut eras, mut scratch) = (Eras::default(), Scratch::default());
            for person in persons {
                self.merge_person(person, merge.gap, codes.as_deref(), &mut scratch, &mut eras);
            }
            eras
        });
        let mut pieces = Vec::with_capacity(parts.len());
        let (mut members, mut sizes) = (Vec::with_capacity(self.len()), Vec::new());
        for part in parts {
            pieces.push(part.pieces);
            members.extend(part.members);
            sizes.extend(part.sizes);
        }
        let pieces = Pieces::concat(pieces);
        let merged = self.len() - pieces.source.len();
        let mut step = Step::new("merge", told(merge, &by), Count::default(), Count::default())
            .exclude("became part of an earlier spell", Count::rows(merged));
        for (name, column) in self.columns.names().iter().zip(self.columns.columns()) {
            if by.contains(name) || merge.sum.contains(name) || merged == 0 {
                continue;
            }
            let n = chains(&members, &sizes)
                .filter(|of| {
                    of.iter().skip(1).any(|&at| !column.same(of[0] as usize, column, at as usize))
                })
                .count();
            step = step.tied(
                &format!("merged spells that disagree on {name}"),
                n as u64,
                "the value of the first spell",
            );
        }
        let sums = merge
            .sum
            .iter()
            .map(|name| Ok((name, self.amounts(name, &members, &sizes)?)))
            .collect::<Result<Vec<_>, PanelError>>()?;
        let mut result = self.with_pieces(pieces, step);
        let length = |(at, &size): (usize, &u32)| {
            if size == 1 && sums.is_empty() {
                result.lengths[at]
            } else {
                result.days(at).unwrap_or(Day::OPEN.0)
            }
        };
        result.lengths = sizes.iter().enumerate().map(length).collect::<Vec<_>>().into();
        let origin = |(at, &size): (usize, &u32)| {
            if size == 1 && sums.is_empty() { result.origins[at] } else { result.starts[at] }
        };
        result.origins = sizes.iter().enumerate().map(origin).collect::<Vec<_>>().into();
        for (name, sum) in sums {
            result.columns.set(name, nan_is_null(sum))?;
        }
        Ok(result)
    }

    fn merge_person(
        &self,
        person: usize,
        gap: i32,
        codes: Option<&[u32]>,
        scratch: &mut Scratch,
        eras: &mut Eras,
    ) {
        let (starts, ends, rows) = (self.starts(), self.ends(), self.rows());
        let Scratch { order, chains } = scratch;
        order.clear();
        order.extend(self.of(person).map(|at| (codes.map_or(0, |codes| codes[at]), at as u32)));
        if codes.is_some() {
            // spells stand in order of their days, and their number breaks the tie
            order.sort_unstable();
        }
        chains.clear();
        let mut previous = NONE;
        for (place, &(own, at)) in order.iter().enumerate() {
            let (start, end) = (starts[at as usize], ends[at as usize]);
            let joins = own != NONE && own == previous || codes.is_none();
            match chains.last_mut() {
                Some(chain) if joins && start <= chain.end.saturating_add(gap) => {
                    chain.end = chain.end.max(end);
                    chain.members.end = place + 1;
                }
                _ => {
                    let row = rows[at as usize];
                    chains.push(Chain { start, end, row, members: place..place + 1 });
                }
            }
            previous = own;
        }
        chains.sort_unstable_by_key(|chain| (chain.start, chain.end, chain.row));
        let before = eras.pieces.source.len();
        for chain in chains {
            let members = order[chain.members.clone()].iter().map(|(_, at)| *at);
            eras.pieces.push(order[chain.members.start].1 as usize, chain.start, chain.end);
            eras.sizes.push(chain.members.len() as u32);
            eras.members.extend(members);
        }
        eras.pieces.close_person(before);
    }

    /// The amounts of merged spells: each member brings the share of the days it still has.
    fn amounts(&self, name: &str, members: &[u32], sizes: &[u32]) -> Result<Vec<f64>, PanelError> {
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
        let share = |at: &u32| {
            let at = *at as usize;
            let days = self.days(at).filter(|&days| days != self.lengths[at]);
            let part = days.map_or(1.0, |days| f64::from(days) / f64::from(self.lengths[at]));
            values[at] * part
        };
        let sum = |of: &[u32]| {
            let known = of.iter().map(share).filter(|value| !value.is_nan());
            known.fold(f64::NAN, |sum, value| if sum.is_nan() { value } else { sum + value })
        };
        Ok(chains(members, sizes).map(sum).collect())
    }
}

fn chains<'a>(members: &'a [u32], sizes: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let mut rest = members;
    sizes.iter().map(move |&size| {
        let (own, after) = rest.split_at(size as usize);
        rest = after;
        own
    })
}

fn told(merge: &Merge, by: &[String]) -> String {
    let gap = match merge.gap {
        i32::MAX => "gaps of any length".to_owned(),
        gap => format!("gaps of at most {gap} days"),
    };
    if by.is_empty() { gap } else { format!("{gap}, by {}", by.join(", ")) }
}
