//! The best cases within groups and quotas.

use super::{Candidates, Listed, Quota, grouping};
use crate::CasesError;
use crate::groups::Coded;
use std::collections::BTreeMap;

/// Candidates of one group and one value of each quota, best first.
struct Cell {
    group: usize,
    levels: Vec<usize>,
    rows: Vec<u32>,
    scores: Vec<f64>,
}

/// No level of the quota.
const OTHER: usize = usize::MAX;
/// Exchanges tried before it is said that a quota cannot be met.
const PATIENCE: usize = 4_000;

pub(super) struct Fill<'a> {
    cells: Vec<Cell>,
    groups: usize,
    quotas: &'a [Quota],
    labels: Vec<String>,
}

pub(super) struct Taken {
    pub(super) listed: Vec<Listed>,
    pub(super) tied: u64,
    pub(super) notes: Vec<String>,
}

impl<'a> Fill<'a> {
    pub(super) fn new(
        candidates: &Candidates,
        quotas: &'a [Quota],
        order: &[u32],
    ) -> Result<Self, CasesError> {
        let groups = grouping(candidates)?;
        let mut coded = Vec::with_capacity(quotas.len());
        for quota in quotas {
            coded.push(Coded::named(&candidates.table, "quota", &quota.column)?);
        }
        let mut cells: BTreeMap<(usize, Vec<usize>), Cell> = BTreeMap::new();
        for &row in order {
            let Some(group) = groups.codes[row as usize] else { continue };
            let levels: Vec<usize> = quotas
                .iter()
                .zip(&coded)
                .map(|(quota, coded)| level(quota, coded, row as usize))
                .collect();
            let cell = cells.entry((group as usize, levels.clone())).or_insert_with(|| Cell {
                group: group as usize,
                levels,
                rows: Vec::new(),
                scores: Vec::new(),
            });
            cell.rows.push(row);
            cell.scores.push(candidates.scores[row as usize].unwrap_or(f64::NEG_INFINITY));
        }
        let cells: Vec<Cell> = cells.into_values().collect();
        let own = Self { cells, groups: groups.labels.len(), quotas, labels: groups.labels };
        own.possible()?;
        Ok(own)
    }

    /// Refuses quotas for which there are too few candidates.
    fn possible(&self) -> Result<(), CasesError> {
        for (at, quota) in self.quotas.iter().enumerate() {
            for (level, (label, wanted)) in quota.levels.iter().enumerate() {
                let cells = self.cells.iter().filter(|cell| cell.levels[at] == level);
                let available: usize = cells.map(|cell| cell.rows.len()).sum();
                if available < *wanted {
                    return Err(unmet(
                        quota,
                        label,
                        *wanted,
                        format!("{available} candidates are there"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The number of cases of each group: even shares, the first groups one more, and no more than
    /// a group has.
    fn shares(&self, n: usize) -> Result<Vec<usize>, CasesError> {
        let mut size = vec![0; self.groups];
        self.cells.iter().for_each(|cell| size[cell.group] += cell.rows.len());
        let available: usize = size.iter().sum();
        if available < n {
            let place = "are there".to_owned();
            return Err(CasesError::TooFew { wanted: n, available, place });
        }
        let mut share = vec![0; self.groups];
        let mut left = n;
        while left > 0 {
            for group in 0..self.groups {
                if left > 0 && share[group] < size[group] {
                    share[group] += 1;
                    left -= 1;
                }
            }
        }
        Ok(share)
    }

    pub(super) fn take(&self, n: usize, reserves: usize) -> Result<Taken, CasesError> {
        let shares = self.shares(n)?;
        let mut counts = self.best(&shares);
        self.meet(&mut counts)?;
        self.polish(&mut counts);
        let mut notes = Vec::new();
        if self.groups > 1 {
            let told: Vec<String> = self
                .labels
                .iter()
                .zip(&shares)
                .map(|(label, share)| format!("{label}: {share}"))
                .collect();
            notes.push(format!("cases by group: {}", told.join(", ")));
        }
        let mut listed = self.cases(&counts);
        self.reserve(&mut listed, &counts, reserves, &mut notes)?;
        Ok(Taken { listed, tied: self.tied(&counts), notes })
    }

    /// The best of each group, whatever the quotas.
    fn best(&self, shares: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.cells.len()];
        for (group, &share) in shares.iter().enumerate() {
            for _ in 0..share {
                let open = (0..self.cells.len()).filter(|&at| {
                    self.cells[at].group == group && counts[at] < self.cells[at].rows.len()
                });
                let next = |at: usize| self.cells[at].scores[counts[at]];
                if let Some(at) = open.reduce(|a, b| if next(b) > next(a) { b } else { a }) {
                    counts[at] += 1;
                }
            }
        }
        counts
    }

    /// How many cases each quota misses.
    fn missing(&self, counts: &[usize]) -> Vec<(usize, usize, usize)> {
        let mut missing = Vec::new();
        for (at, quota) in self.quotas.iter().enumerate() {
            for (level, (_, wanted)) in quota.levels.iter().enumerate() {
                let cells = self.cells.iter().zip(counts);
                let got: usize =
                    cells.filter(|(cell, _)| cell.levels[at] == level).map(|(_, n)| n).sum();
                if got < *wanted {
                    missing.push((at, level, wanted - got));
                }
            }
        }
        missing
    }

    fn deficit(&self, counts: &[usize]) -> usize {
        self.missing(counts).iter().map(|(_, _, short)| short).sum()
    }

    /// What an exchange costs in score, when it can be made.
    fn cost(&self, counts: &[usize], from: usize, to: usize) -> Option<f64> {
        let (out, into) = (&self.cells[from], &self.cells[to]);
        let can = from != to
            && out.group == into.group
            && counts[from] > 0
            && counts[to] < into.rows.len();
        can.then(|| out.scores[counts[from] - 1] - into.scores[counts[to]])
    }

    /// Exchanges cases within groups until the quotas are met.
    fn meet(&self, counts: &mut [usize]) -> Result<(), CasesError> {
        let mut forbidden: Vec<(usize, usize)> = Vec::new();
        for _ in 0..PATIENCE {
            if self.deficit(counts) == 0 {
                return Ok(());
            }
            let mut best: Option<(usize, f64, usize, usize)> = None;
            for from in 0..self.cells.len() {
                for to in 0..self.cells.len() {
                    let Some(cost) = self.cost(counts, from, to) else { continue };
                    if forbidden.contains(&(from, to)) {
                        continue;
                    }
                    counts[from] -= 1;
                    counts[to] += 1;
                    let short = self.deficit(counts);
                    counts[from] += 1;
                    counts[to] -= 1;
                    if best
                        .is_none_or(|(least, least_cost, ..)| (short, cost) < (least, least_cost))
                    {
                        best = Some((short, cost, from, to));
                    }
                }
            }
            let Some((_, _, from, to)) = best else { break };
            counts[from] -= 1;
            counts[to] += 1;
            // What was just done is not undone for a while, so that it gets over ridges.
            forbidden.push((to, from));
            if forbidden.len() > 12 {
                forbidden.remove(0);
            }
        }
        let Some(&(at, level, short)) = self.missing(counts).first() else { return Ok(()) };
        let (label, wanted) = &self.quotas[at].levels[level];
        let got = format!("{} can be had beside the other quotas and the groups", wanted - short);
        Err(unmet(&self.quotas[at], label, *wanted, got))
    }

    /// Exchanges that keep the quotas and raise the score, the best first.
    fn polish(&self, counts: &mut [usize]) {
        if self.quotas.is_empty() {
            return;
        }
        for _ in 0..PATIENCE {
            let mut best: Option<(f64, usize, usize)> = None;
            for from in 0..self.cells.len() {
                for to in 0..self.cells.len() {
                    let Some(cost) = self.cost(counts, from, to).filter(|cost| *cost < 0.0) else {
                        continue;
                    };
                    if best.is_some_and(|(least, ..)| cost >= least) {
                        continue;
                    }
                    counts[from] -= 1;
                    counts[to] += 1;
                    if self.deficit(counts) == 0 {
                        best = Some((cost, from, to));
                    }
                    counts[from] += 1;
                    counts[to] -= 1;
                }
            }
            let Some((_, from, to)) = best else { return };
            counts[from] -= 1;
            counts[to] += 1;
        }
    }

    /// The cases, group by group, best first.
    fn cases(&self, counts: &[usize]) -> Vec<Listed> {
        let mut chosen: Vec<(usize, f64, usize, u32)> = Vec::new();
        for (at, (cell, &count)) in self.cells.iter().zip(counts).enumerate() {
            for place in 0..count {
                chosen.push((cell.group, cell.scores[place], at, cell.rows[place]));
            }
        }
        chosen.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        chosen
            .into_iter()
            .enumerate()
            .map(|(case, (_, score, _, row))| Listed {
                row,
                case,
                pair: None,
                score,
                reserve: false,
            })
            .collect()
    }

    /// Adds reserves: the next best of the same cell, else of the same group.
    fn reserve(
        &self,
        listed: &mut Vec<Listed>,
        counts: &[usize],
        reserves: usize,
        notes: &mut Vec<String>,
    ) -> Result<(), CasesError> {
        let mut next = counts.to_vec();
        let cases = listed.clone();
        let home = |row: u32| self.cells.iter().position(|cell| cell.rows.contains(&row));
        let (mut elsewhere, mut none) = (0_usize, 0_usize);
        for _ in 0..reserves {
            for case in &cases {
                let Some(own) = home(case.row) else { continue };
                let open = |at: usize| next[at] < self.cells[at].rows.len();
                let at = if open(own) {
                    Some(own)
                } else {
                    let same =
                        |&at: &usize| self.cells[at].group == self.cells[own].group && open(at);
                    let unlike = |at: usize| {
                        let pairs = self.cells[at].levels.iter().zip(&self.cells[own].levels);
                        pairs.filter(|(a, b)| a != b).count()
                    };
                    (0..self.cells.len()).filter(same).min_by_key(|&at| unlike(at))
                };
                let Some(at) = at else {
                    none += 1;
                    continue;
                };
                elsewhere += usize::from(at != own);
                listed.push(Listed {
                    row: self.cells[at].rows[next[at]],
                    score: self.cells[at].scores[next[at]],
                    reserve: true,
                    ..*case
                });
                next[at] += 1;
            }
        }
        if elsewhere > 0 {
            notes.push(format!("{elsewhere} reserves differ from their case in a quota"));
        }
        if none > 0 {
            return Err(CasesError::TooFew {
                wanted: cases.len() * (1 + reserves),
                available: listed.len(),
                place: "are there in the groups of the cases; lower `reserves`".to_owned(),
            });
        }
        Ok(())
    }

    /// Candidates who have the score of the last one chosen of their cell.
    fn tied(&self, counts: &[usize]) -> u64 {
        let mut tied = 0;
        for (cell, &count) in self.cells.iter().zip(counts) {
            if count == 0
                || count >= cell.rows.len()
                || cell.scores[count] != cell.scores[count - 1]
            {
                continue;
            }
            tied += cell.scores.iter().filter(|score| **score == cell.scores[count]).count() as u64;
        }
        tied
    }
}

fn level(quota: &Quota, coded: &Coded, row: usize) -> usize {
    let Some(code) = coded.codes[row] else { return OTHER };
    let label = &coded.labels[code as usize];
    quota.levels.iter().position(|(wanted, _)| wanted == label).unwrap_or(OTHER)
}

fn unmet(quota: &Quota, level: &str, wanted: usize, got: String) -> CasesError {
    CasesError::Quota { column: quota.column.clone(), level: level.to_owned(), wanted, got }
}
