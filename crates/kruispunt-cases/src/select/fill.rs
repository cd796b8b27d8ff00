//! The best cases within groups and quotas.

use super::best::{Best, Block, Wanted, best};
use super::{Candidates, Listed, Quota, grouping};
use crate::CasesError;
use crate::groups::Coded;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Candidates of one group and one value of each quota.
struct Cell {
    group: usize,
    levels: Vec<usize>,
    /// For each kind the candidates, best first, with their scores.
    kinds: Vec<Vec<(u32, f64)>>,
}

/// No level of the quota.
pub(super) const OTHER: usize = usize::MAX;

pub(super) struct Fill<'a> {
    cells: Vec<Cell>,
    groups: usize,
    quotas: &'a [Quota],
    labels: Vec<String>,
    /// One over the standard deviation of the scores of each kind.
    scales: Vec<f64>,
}

pub(super) struct Taken {
    pub(super) listed: Vec<Listed>,
    pub(super) tied: u64,
    pub(super) notes: Vec<String>,
}

impl<'a> Fill<'a> {
    /// `orders` has the candidates with a score of each kind, best first.
    pub(super) fn new(
        kinds: &[&Candidates],
        quotas: &'a [Quota],
        orders: &[Vec<u32>],
    ) -> Result<Self, CasesError> {
        let groups = grouping(kinds)?;
        let mut coded = Vec::with_capacity(quotas.len());
        for quota in quotas {
            coded.push(Coded::named(&kinds[0].table, "quota", &quota.column)?);
        }
        let mut cells: BTreeMap<(usize, Vec<usize>), Cell> = BTreeMap::new();
        for (kind, (candidates, order)) in kinds.iter().zip(orders).enumerate() {
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
                    kinds: vec![Vec::new(); kinds.len()],
                });
                let score = candidates.scores[row as usize].unwrap_or(f64::NEG_INFINITY);
                cell.kinds[kind].push((row, score));
            }
        }
        let scales = match kinds {
            [_] => vec![1.0],
            several => several.iter().map(|own| scale(&own.scores)).collect(),
        };
        let cells: Vec<Cell> = cells.into_values().collect();
        let own =
            Self { cells, groups: groups.labels.len(), quotas, labels: groups.labels, scales };
        own.possible()?;
        Ok(own)
    }

    /// Refuses quotas for which there are too few candidates.
    fn possible(&self) -> Result<(), CasesError> {
        for (at, quota) in self.quotas.iter().enumerate() {
            for (level, (label, wanted)) in quota.levels.iter().enumerate() {
                let cells = self.cells.iter().filter(|cell| cell.levels[at] == level);
                let available: usize = cells.map(Cell::size).sum();
                if available < *wanted {
                    let got = format!("{available} candidates are there");
                    return Err(unmet(quota, label, *wanted, got));
                }
            }
        }
        Ok(())
    }

    /// The number of cases of each kind in each group: even shares, the first groups one more, and
    /// no more than a group has beside the kinds before.
    fn shares(&self, wanted: &[usize]) -> Result<Vec<Vec<usize>>, CasesError> {
        let mut size = vec![0; self.groups];
        self.cells.iter().for_each(|cell| size[cell.group] += cell.size());
        let mut share = vec![vec![0; wanted.len()]; self.groups];
        for (kind, &n) in wanted.iter().enumerate() {
            let mut most = vec![0; self.groups];
            self.cells.iter().for_each(|cell| most[cell.group] += cell.kinds[kind].len());
            for (most, (size, share)) in most.iter_mut().zip(size.iter().zip(&share)) {
                *most = (*most).min(size - share.iter().sum::<usize>());
            }
            let available: usize = most.iter().sum();
            if available < n {
                let place = "are there".to_owned();
                return Err(CasesError::TooFew { wanted: n, available, place });
            }
            let mut left = n;
            while left > 0 {
                for group in 0..self.groups {
                    if left > 0 && share[group][kind] < most[group] {
                        share[group][kind] += 1;
                        left -= 1;
                    }
                }
            }
        }
        Ok(share)
    }

    pub(super) fn take(&self, wanted: &[usize], reserves: usize) -> Result<Taken, CasesError> {
        let shares = self.shares(wanted)?;
        let found = self
            .search(&shares, self.quotas)
            .map_err(|certain| if certain { self.unmet(&shares) } else { self.not_found() })?;
        let mut notes = Vec::new();
        if self.groups > 1 {
            let told: Vec<String> = self
                .labels
                .iter()
                .zip(&shares)
                .map(|(label, share)| format!("{label}: {}", share.iter().sum::<usize>()))
                .collect();
            notes.push(format!("cases by group: {}", told.join(", ")));
        }
        if !self.quotas.is_empty() {
            notes.push(if found.exact {
                "the quotas leave no better choice than this one".to_owned()
            } else {
                "the search among choices within the quotas was cut short: a better one may be there"
                    .to_owned()
            });
        }
        let mut listed = self.cases(&found.counts);
        let tied = self.tied(&listed);
        self.reserve(&mut listed, reserves, &mut notes)?;
        Ok(Taken { listed, tied, notes })
    }

    /// The best numbers by cell and kind.
    fn search(&self, shares: &[Vec<usize>], quotas: &[Quota]) -> Result<Best, bool> {
        let mut number = Vec::new();
        let (mut demands, mut sets) = (Vec::new(), Vec::new());
        for quota in quotas {
            let from = demands.len();
            demands.extend(quota.levels.iter().map(|(_, wanted)| *wanted));
            sets.push((from..demands.len()).collect());
            number.push(from);
        }
        let kinds = self.scales.len();
        let block = |cell: &Cell| Block {
            group: cell.group,
            helps: number
                .iter()
                .zip(&cell.levels)
                .filter(|(_, level)| **level != OTHER)
                .map(|(from, level)| from + level)
                .collect(),
            most: (0..kinds)
                .map(|kind| cell.kinds[kind].len().min(shares[cell.group][kind]))
                .collect(),
            size: cell.size(),
        };
        let blocks: Vec<Block> = self.cells.iter().map(block).collect();
        let wanted = Wanted { shares, demands: &demands, quotas: &sets, persons: 1 };
        best(&blocks, &wanted, |at, taken| {
            let taken: Vec<usize> = taken.iter().map(|&n| usize::from(n)).collect();
            let picked = self.cells[at].pick(&taken)?;
            let worth = |(kind, _, score): &(usize, u32, f64)| score * self.scales[*kind];
            Some(picked.iter().map(worth).sum())
        })
    }

    /// The quota that stands in the way: the first without which the others can be met, with the
    /// most that can be had of it.
    fn unmet(&self, shares: &[Vec<usize>]) -> CasesError {
        let beside = "beside the other quotas and the groups";
        for (at, quota) in self.quotas.iter().enumerate() {
            for (level, (label, wanted)) in quota.levels.iter().enumerate() {
                let mut quotas = self.quotas.to_vec();
                for less in (0..*wanted).rev() {
                    quotas[at].levels[level].1 = less;
                    if self.search(shares, &quotas).is_ok() {
                        let got = format!("{less} can be had {beside}");
                        return unmet(quota, label, *wanted, got);
                    }
                }
            }
        }
        let Some((quota, (label, wanted))) =
            self.quotas.iter().find_map(|quota| quota.levels.first().map(|level| (quota, level)))
        else {
            let place = "are there in the groups".to_owned();
            return CasesError::TooFew {
                wanted: shares.iter().flatten().sum(),
                available: 0,
                place,
            };
        };
        let got = "no choice of cases meets it together with the others".to_owned();
        unmet(quota, label, *wanted, got)
    }

    /// The search was cut short and found nothing.
    fn not_found(&self) -> CasesError {
        let expected = "quotas that are fewer or lower: the search among all choices was cut short";
        let levels: usize = self.quotas.iter().map(|quota| quota.levels.len()).sum();
        CasesError::argument("quota", expected, format!("{levels} values and no choice found"))
    }

    /// The cases, kind by kind and group by group, best first.
    fn cases(&self, counts: &[Vec<usize>]) -> Vec<Listed> {
        let mut chosen: Vec<(usize, usize, f64, usize, u32)> = Vec::new();
        for (at, (cell, counts)) in self.cells.iter().zip(counts).enumerate() {
            for (kind, row, score) in cell.pick(counts).unwrap_or_default() {
                chosen.push((kind, cell.group, score, at, row));
            }
        }
        // candidates of one cell stay in their order
        chosen.sort_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)).then(a.3.cmp(&b.3))
        });
        chosen
            .into_iter()
            .enumerate()
            .map(|(case, (kind, _, score, _, row))| Listed {
                row,
                case,
                kind,
                pair: None,
                score,
                reserve: false,
            })
            .collect()
    }

    /// Adds reserves: the next best of the same kind and cell, else of the same group.
    fn reserve(
        &self,
        listed: &mut Vec<Listed>,
        reserves: usize,
        notes: &mut Vec<String>,
    ) -> Result<(), CasesError> {
        let cases = listed.clone();
        let mut used: FxHashSet<u32> = cases.iter().map(|case| case.row).collect();
        let home: Vec<Option<usize>> = cases.iter().map(|case| self.home(case)).collect();
        let (mut elsewhere, mut none) = (0_usize, 0_usize);
        for _ in 0..reserves {
            for (case, home) in cases.iter().zip(&home) {
                let Some(own) = *home else { continue };
                let open = |at: usize| {
                    let mut all = self.cells[at].kinds[case.kind].iter();
                    all.find(|(row, _)| !used.contains(row)).copied()
                };
                let unlike = |at: usize| {
                    let pairs = self.cells[at].levels.iter().zip(&self.cells[own].levels);
                    pairs.filter(|(a, b)| a != b).count()
                };
                let found = open(own).map(|next| (own, next)).or_else(|| {
                    (0..self.cells.len())
                        .filter(|&at| self.cells[at].group == self.cells[own].group)
                        .filter_map(|at| open(at).map(|next| (at, next)))
                        .min_by_key(|(at, _)| unlike(*at))
                });
                let Some((at, (row, score))) = found else {
                    none += 1;
                    continue;
                };
                elsewhere += usize::from(at != own);
                used.insert(row);
                listed.push(Listed { row, score, reserve: true, ..*case });
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

    /// The cell of a case.
    fn home(&self, case: &Listed) -> Option<usize> {
        self.cells
            .iter()
            .position(|cell| cell.kinds[case.kind].iter().any(|(row, _)| *row == case.row))
    }

    /// Candidates who are not chosen and have the score of the last one chosen of their cell.
    fn tied(&self, listed: &[Listed]) -> u64 {
        let chosen: FxHashSet<u32> = listed.iter().map(|case| case.row).collect();
        let mut tied = 0;
        for cell in &self.cells {
            for own in &cell.kinds {
                let inside = |row: u32| chosen.contains(&row);
                let last = own.iter().rev().find(|(row, _)| inside(*row)).map(|(_, score)| *score);
                let same = own.iter().filter(|(row, score)| last == Some(*score) && !inside(*row));
                let same = same.count() as u64;
                tied += if same > 0 { same } else { 0 };
            }
        }
        tied
    }
}

impl Cell {
    /// Different candidates.
    fn size(&self) -> usize {
        match self.kinds.as_slice() {
            [own] => own.len(),
            several => several.iter().flatten().map(|(row, _)| row).collect::<FxHashSet<_>>().len(),
        }
    }

    /// The best of each kind, none of them twice: earlier kinds choose first. `None` where there are
    /// too few.
    fn pick(&self, counts: &[usize]) -> Option<Vec<(usize, u32, f64)>> {
        let mut picked: Vec<(usize, u32, f64)> = Vec::with_capacity(counts.iter().sum());
        for (kind, (own, &count)) in self.kinds.iter().zip(counts).enumerate() {
            let before = picked.len();
            for &(row, score) in own {
                if picked.len() - before == count {
                    break;
                }
                if kind == 0 || !picked.iter().any(|(_, other, _)| *other == row) {
                    picked.push((kind, row, score));
                }
            }
            if picked.len() - before < count {
                return None;
            }
        }
        Some(picked)
    }
}

/// One over the standard deviation of scores, so that kinds can be weighed against each other.
fn scale(scores: &[Option<f64>]) -> f64 {
    let known: Vec<f64> = scores.iter().flatten().copied().filter(|x| x.is_finite()).collect();
    let n = known.len() as f64;
    let mean = known.iter().sum::<f64>() / n.max(1.0);
    let square: f64 = known.iter().map(|x| (x - mean) * (x - mean)).sum();
    if square > 0.0 { (n / square).sqrt() } else { 1.0 }
}

pub(super) fn level(quota: &Quota, coded: &Coded, row: usize) -> usize {
    let Some(code) = coded.codes[row] else { return OTHER };
    let label = &coded.labels[code as usize];
    quota.levels.iter().position(|(wanted, _)| wanted == label).unwrap_or(OTHER)
}

pub(super) fn unmet(quota: &Quota, level: &str, wanted: usize, got: String) -> CasesError {
    CasesError::Quota { column: quota.column.clone(), level: level.to_owned(), wanted, got }
}
