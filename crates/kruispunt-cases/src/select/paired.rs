//! Pairs of cases: disjoint, within quotas, with the largest sum of scores.

use super::Quota;
use super::best::{Block, Wanted as Goal, best};
use super::fill::{OTHER, level, unmet};
use crate::CasesError;
use crate::groups::{Coded, Unlike};
use kruispunt::data::{Table, Ticket};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Steps of the search over pairs, each of which weighs all classes of pairs.
const NODES: usize = 4_000;
/// Classes weighed in the whole search.
const WORK: usize = 400_000;

/// Which pairs are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Near each other, of different contrast.
    Similar,
    /// Far from each other, of one contrast.
    Different,
}

/// What makes a pair and how good it is. Contrasts are codes; those without one are in no pair.
#[derive(Clone, Debug)]
pub(crate) struct Pairing {
    contrast: Vec<Option<u32>>,
    wanted: Wanted,
    unlike: Unlike,
    ticket: Ticket,
}

/// A pair of rows, and the pair of cases it is or stands in for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) one: u32,
    pub(super) other: u32,
    pub(super) score: f64,
    pub(super) at: usize,
    pub(super) reserve: bool,
}

/// Pairs, those of cases before reserves, and what is to be said of them.
pub(super) struct Chosen {
    pub(super) pairs: Vec<Pair>,
    pub(super) notes: Vec<String>,
}

/// A possible pair.
type Edge = (f64, u32, u32);

/// Possible pairs that help to meet the same demands, best first.
struct Class {
    helps: Vec<usize>,
    edges: Vec<Edge>,
}

/// The best choice found, as classes and places in them, and whether nothing better can be.
struct Found {
    picked: Vec<(usize, usize)>,
    exact: bool,
}

impl Pairing {
    pub(super) fn new(
        contrast: Vec<Option<u32>>,
        wanted: Wanted,
        unlike: Unlike,
        ticket: &Ticket,
    ) -> Self {
        Self { contrast, wanted, unlike, ticket: ticket.clone() }
    }

    /// So many disjoint pairs that meet the quotas, with the largest sum of scores, and so many
    /// reserves of each.
    pub(super) fn choose(
        &self,
        table: &Table,
        quotas: &[Quota],
        pairs: usize,
        reserves: usize,
    ) -> Result<Chosen, CasesError> {
        let mut coded = Vec::with_capacity(quotas.len());
        for quota in quotas {
            coded.push(Coded::named(table, "quota", &quota.column)?);
        }
        let levels = |row: usize| -> Vec<usize> {
            quotas.iter().zip(&coded).map(|(quota, coded)| level(quota, coded, row)).collect()
        };
        let levels: Vec<Vec<usize>> = (0..self.contrast.len()).map(levels).collect();
        for (at, quota) in quotas.iter().enumerate() {
            for (own, (label, wanted)) in quota.levels.iter().enumerate() {
                let available = levels.iter().filter(|levels| levels[at] == own).count();
                if available < *wanted {
                    let got = format!("{available} candidates are there");
                    return Err(unmet(quota, label, *wanted, got));
                }
            }
        }
        let classes = self.classes(quotas, &levels, pairs * (1 + reserves))?;
        let found = match search(&classes, quotas, pairs, &self.ticket)? {
            Ok(found) => found,
            Err(certain) => return Err(self.none(&classes, quotas, pairs, certain)?),
        };
        let mut notes = Vec::new();
        if !found.exact {
            let text = "the search among choices of pairs was cut short: a better one may be there";
            notes.push(text.to_owned());
        } else if !quotas.is_empty() {
            notes.push("the quotas leave no better choice than this one".to_owned());
        }
        let mut picked = found.picked;
        let edge = |&(class, at): &(usize, usize)| classes[class].edges[at];
        picked.sort_by(|a, b| better(&edge(a), &edge(b)));
        let mut listed: Vec<Pair> = picked
            .iter()
            .enumerate()
            .map(|(at, own)| {
                let (score, one, other) = edge(own);
                Pair { one, other, score, at, reserve: false }
            })
            .collect();
        self.reserve(&classes, &picked, reserves, &mut listed, &mut notes)?;
        Ok(Chosen { pairs: listed, notes })
    }

    /// Possible pairs by what they help to meet. Of each class only those are kept that can be in a
    /// best choice of `most` pairs: the others of a choice touch fewer than `2 most` persons, so a
    /// pair gives way to one of the `2 most` better partners of the same person, and to one of
    /// `2 most` disjoint better pairs.
    fn classes(
        &self,
        quotas: &[Quota],
        levels: &[Vec<usize>],
        most: usize,
    ) -> Result<Vec<Class>, CasesError> {
        let keep = 2 * most;
        let (cells, count) = cells(levels);
        let mut numbers: FxHashMap<Vec<usize>, usize> = FxHashMap::default();
        let mut classes: Vec<Class> = Vec::new();
        let mut floors: Vec<f64> = Vec::new();
        // the class of a pair by the cells of both
        let mut of = vec![usize::MAX; count * count];
        let mut from = vec![0; quotas.len()];
        for at in 1..quotas.len() {
            from[at] = from[at - 1] + quotas[at - 1].levels.len();
        }
        let rows: Vec<usize> =
            (0..self.contrast.len()).filter(|&row| self.contrast[row].is_some()).collect();
        let mut near: Vec<Vec<Edge>> = Vec::new();
        for (at, &one) in rows.iter().enumerate() {
            if at % 256 == 0 && self.ticket.is_cancelled() {
                return Err(CasesError::Cancelled);
            }
            for &other in &rows[at + 1..] {
                let same = self.contrast[one] == self.contrast[other];
                if same != (self.wanted == Wanted::Different) {
                    continue;
                }
                let slot = cells[one] * count + cells[other];
                if of[slot] == usize::MAX {
                    let mut helps: Vec<usize> = [one, other]
                        .iter()
                        .flat_map(|&row| from.iter().zip(&levels[row]))
                        .filter(|(_, level)| **level != OTHER)
                        .map(|(from, level)| from + level)
                        .collect();
                    helps.sort_unstable();
                    of[slot] = *numbers.entry(helps.clone()).or_insert_with(|| {
                        classes.push(Class { helps, edges: Vec::new() });
                        floors.push(f64::NEG_INFINITY);
                        near.push(Vec::new());
                        classes.len() - 1
                    });
                }
                let far = self.unlike.between(one, other);
                let score = if self.wanted == Wanted::Similar { -far } else { far };
                if score >= floors[of[slot]] {
                    near[of[slot]].push((score, one as u32, other as u32));
                }
            }
            for ((own, class), floor) in near.iter_mut().zip(&mut classes).zip(&mut floors) {
                if own.len() > keep {
                    own.select_nth_unstable_by(keep, better);
                    own.truncate(keep);
                }
                class.edges.append(own);
                if class.edges.len() > 16 * keep * keep + 4_096 {
                    class.trim(keep);
                    *floor = class.edges.last().map_or(*floor, |edge| edge.0);
                }
            }
        }
        for class in &mut classes {
            class.trim(keep);
        }
        Ok(classes)
    }

    /// Adds reserves: the next best pair that helps to meet the same, else the most alike in that.
    fn reserve(
        &self,
        classes: &[Class],
        picked: &[(usize, usize)],
        reserves: usize,
        listed: &mut Vec<Pair>,
        notes: &mut Vec<String>,
    ) -> Result<(), CasesError> {
        let cases = listed.clone();
        let mut used: FxHashSet<u32> = cases.iter().flat_map(|p| [p.one, p.other]).collect();
        let mut elsewhere = 0_usize;
        for _ in 0..reserves {
            for (case, &(own, _)) in cases.iter().zip(picked) {
                let open = |class: &Class| {
                    let mut all = class.edges.iter();
                    all.find(|(_, a, b)| !used.contains(a) && !used.contains(b)).copied()
                };
                let next = open(&classes[own]).or_else(|| {
                    elsewhere += 1;
                    let others = classes.iter().filter_map(|class| {
                        open(class).map(|edge| (unlike(&class.helps, &classes[own].helps), edge))
                    });
                    others.min_by(|a, b| a.0.cmp(&b.0).then(better(&a.1, &b.1))).map(|own| own.1)
                });
                let Some((score, one, other)) = next else {
                    return Err(CasesError::TooFew {
                        wanted: 2 * cases.len() * (1 + reserves),
                        available: 2 * listed.len(),
                        place: "in pairs; lower `reserves`".to_owned(),
                    });
                };
                used.extend([one, other]);
                let contrast = |row: u32| self.contrast[row as usize];
                // each stands in for the one of its contrast
                let turned = contrast(one) != contrast(case.one)
                    && contrast(other) == contrast(case.one)
                    || contrast(one) == contrast(case.other)
                        && contrast(other) != contrast(case.other);
                let (one, other) = if turned { (other, one) } else { (one, other) };
                listed.push(Pair { one, other, score, reserve: true, ..*case });
            }
        }
        if elsewhere > 0 {
            notes.push(format!("{elsewhere} pairs of reserves differ from their pair in a quota"));
        }
        Ok(())
    }

    /// Why there is no choice: too few pairs, or the first quota without which the others can be
    /// met, with the most that can be had of it.
    fn none(
        &self,
        classes: &[Class],
        quotas: &[Quota],
        pairs: usize,
        certain: bool,
    ) -> Result<CasesError, CasesError> {
        let plain: Vec<Quota> = quotas
            .iter()
            .map(|quota| {
                let levels = quota.levels.iter().map(|(label, _)| (label.clone(), 0));
                Quota { column: quota.column.clone(), levels: levels.collect() }
            })
            .collect();
        if search(classes, &plain, pairs, &self.ticket)?.is_err() {
            let mut used = FxHashSet::default();
            let mut all: Vec<Edge> = classes.iter().flat_map(|c| c.edges.iter().copied()).collect();
            all.sort_by(better);
            let there = all.iter().filter(|edge| disjoint(&mut used, edge)).count();
            let place = "in pairs".to_owned();
            return Ok(CasesError::TooFew { wanted: 2 * pairs, available: 2 * there, place });
        }
        if certain {
            for (at, quota) in quotas.iter().enumerate() {
                for (level, (label, wanted)) in quota.levels.iter().enumerate() {
                    let mut lower = quotas.to_vec();
                    for less in (0..*wanted).rev() {
                        lower[at].levels[level].1 = less;
                        if search(classes, &lower, pairs, &self.ticket)?.is_ok() {
                            let got = format!("{less} can be had beside the other quotas in pairs");
                            return Ok(unmet(quota, label, *wanted, got));
                        }
                    }
                }
            }
        }
        let expected =
            "quotas that are fewer or lower: no choice of pairs was found that meets all";
        let levels: usize = quotas.iter().map(|quota| quota.levels.len()).sum();
        Ok(CasesError::argument("quota", expected, format!("{levels} values")))
    }
}

impl Class {
    /// Best first, up to the place where that many disjoint pairs have been seen.
    fn trim(&mut self, keep: usize) {
        self.edges.sort_by(better);
        let (mut used, mut seen) = (FxHashSet::default(), 0);
        let mut partners: FxHashMap<u32, usize> = FxHashMap::default();
        self.edges.retain(|edge| {
            if seen >= keep {
                return false;
            }
            let full = |row: &u32| partners.get(row).is_some_and(|&n| n >= keep);
            if full(&edge.1) || full(&edge.2) {
                return false;
            }
            *partners.entry(edge.1).or_default() += 1;
            *partners.entry(edge.2).or_default() += 1;
            seen += usize::from(disjoint(&mut used, edge));
            true
        });
    }
}

/// Marks both persons of a pair as used; whether neither was.
fn disjoint(used: &mut FxHashSet<u32>, &(_, one, other): &Edge) -> bool {
    let free = !used.contains(&one) && !used.contains(&other);
    if free {
        used.extend([one, other]);
    }
    free
}

/// Rows by their levels, and how many different ones there are.
fn cells(levels: &[Vec<usize>]) -> (Vec<usize>, usize) {
    let mut numbers: FxHashMap<&[usize], usize> = FxHashMap::default();
    let mut cells = Vec::with_capacity(levels.len());
    for own in levels {
        let next = numbers.len();
        cells.push(*numbers.entry(own).or_insert(next));
    }
    (cells, numbers.len())
}

/// In how many places two sorted lists differ.
fn unlike(a: &[usize], b: &[usize]) -> usize {
    let count = |list: &[usize], what: usize| list.iter().filter(|&&own| own == what).count();
    let mut all: Vec<usize> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|what| count(a, what).abs_diff(count(b, what))).sum()
}

fn better(a: &Edge, b: &Edge) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
}

/// A part of all choices: those without the forbidden pairs.
struct Node {
    bound: f64,
    /// Earlier parts come first among those with one bound.
    number: usize,
    forbidden: FxHashSet<(usize, usize)>,
    picked: Vec<(usize, usize)>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then(other.number.cmp(&self.number))
    }
}

/// The choice of `pairs` disjoint pairs with the largest sum of scores that meets the quotas, by
/// branch and bound: numbers by class from dynamic programming as if pairs could share a person are a
/// bound; where two of them do, that person's pairs are parted in two halves, of which any choice
/// leaves out one. `Err` says whether it is certain that there is none.
fn search(
    classes: &[Class],
    quotas: &[Quota],
    pairs: usize,
    ticket: &Ticket,
) -> Result<Result<Found, bool>, CasesError> {
    let mut exact = true;
    let mut incumbent: Option<(f64, Vec<(usize, usize)>)> = None;
    let mut heap = BinaryHeap::new();
    let mut number = 0;
    let nodes = (WORK / classes.len().max(1)).clamp(20, NODES);
    let mut open = vec![FxHashSet::default()];
    loop {
        for forbidden in open.drain(..) {
            if ticket.is_cancelled() {
                return Err(CasesError::Cancelled);
            }
            number += 1;
            let (counts, bound) = match relaxed(classes, quotas, pairs, &forbidden) {
                Ok((counts, bound, certain)) => {
                    exact &= certain;
                    (counts, bound)
                }
                Err(certain) => {
                    exact &= certain;
                    continue;
                }
            };
            if incumbent.as_ref().is_some_and(|(value, _)| bound <= *value) {
                continue;
            }
            if let Some(own) = repaired(classes, &counts, &forbidden) {
                let value = total(classes, &own);
                if incumbent.as_ref().is_none_or(|(known, _)| value > *known) {
                    incumbent = Some((value, own));
                }
            }
            let picked = top(classes, &counts, &forbidden);
            heap.push(Node { bound, number, forbidden, picked });
        }
        let Some(node) = heap.pop() else { break };
        if incumbent.as_ref().is_some_and(|(value, _)| node.bound <= *value + 1e-12) {
            break;
        }
        if number >= nodes {
            exact = false;
            break;
        }
        let Some((first, second)) = clash(classes, &node.picked) else {
            // the bound itself is a choice
            incumbent = Some((total(classes, &node.picked), node.picked));
            break;
        };
        let person = shared(classes, first, second);
        let mut halves = [node.forbidden.clone(), node.forbidden.clone()];
        let mut side = 0;
        for (class, own) in classes.iter().enumerate() {
            for (at, edge) in own.edges.iter().enumerate() {
                if (edge.1 != person && edge.2 != person) || node.forbidden.contains(&(class, at)) {
                    continue;
                }
                let half = match (class, at) {
                    own if own == first => 0,
                    own if own == second => 1,
                    _ => {
                        side = 1 - side;
                        side
                    }
                };
                halves[half].insert((class, at));
            }
        }
        open.extend(halves);
    }
    Ok(match incumbent {
        Some((_, picked)) => Ok(Found { picked, exact }),
        None => Err(exact),
    })
}

/// Numbers by class that meet the quotas, as if pairs could share a person; their value; and whether
/// it is the largest.
fn relaxed(
    classes: &[Class],
    quotas: &[Quota],
    pairs: usize,
    forbidden: &FxHashSet<(usize, usize)>,
) -> Result<(Vec<usize>, f64, bool), bool> {
    let (mut demands, mut sets) = (Vec::new(), Vec::new());
    for quota in quotas {
        let from = demands.len();
        demands.extend(quota.levels.iter().map(|(_, wanted)| *wanted));
        sets.push((from..demands.len()).collect());
    }
    let sums: Vec<Vec<f64>> = classes
        .iter()
        .enumerate()
        .map(|(class, own)| {
            let free = |at: &usize| !forbidden.contains(&(class, *at));
            let mut sum = 0.0;
            (0..own.edges.len())
                .filter(free)
                .take(pairs)
                .map(|at| {
                    sum += own.edges[at].0;
                    sum
                })
                .collect()
        })
        .collect();
    let block = |(own, sums): (&Class, &Vec<f64>)| Block {
        group: 0,
        helps: own.helps.clone(),
        most: vec![sums.len()],
        size: sums.len(),
    };
    let blocks: Vec<Block> = classes.iter().zip(&sums).map(block).collect();
    let shares = [vec![pairs]];
    let goal = Goal { shares: &shares, demands: &demands, quotas: &sets, persons: 2 };
    let value = |at: usize, taken: usize| if taken == 0 { 0.0 } else { sums[at][taken - 1] };
    let found = best(&blocks, &goal, |at, taken| Some(value(at, usize::from(taken[0]))))?;
    let counts: Vec<usize> = found.counts.iter().map(|own| own[0]).collect();
    if counts.iter().sum::<usize>() != pairs {
        return Err(found.exact);
    }
    let bound = counts.iter().enumerate().map(|(at, &taken)| value(at, taken)).sum();
    Ok((counts, bound, found.exact))
}

/// The first pairs of each class that are not forbidden.
fn top(
    classes: &[Class],
    counts: &[usize],
    forbidden: &FxHashSet<(usize, usize)>,
) -> Vec<(usize, usize)> {
    let own = |(class, &count): (usize, &usize)| {
        let places = (0..classes[class].edges.len()).map(move |at| (class, at));
        places.filter(|place| !forbidden.contains(place)).take(count).collect::<Vec<_>>()
    };
    counts.iter().enumerate().flat_map(own).collect()
}

/// Disjoint pairs with these numbers by class, best first in each, scarce classes first.
fn repaired(
    classes: &[Class],
    counts: &[usize],
    forbidden: &FxHashSet<(usize, usize)>,
) -> Option<Vec<(usize, usize)>> {
    let mut order: Vec<usize> = (0..classes.len()).filter(|&class| counts[class] > 0).collect();
    order.sort_by_key(|&class| (classes[class].edges.len(), class));
    let mut used = FxHashSet::default();
    let mut picked = Vec::new();
    for class in order {
        let before = picked.len();
        for (at, edge) in classes[class].edges.iter().enumerate() {
            if picked.len() - before == counts[class] {
                break;
            }
            if !forbidden.contains(&(class, at)) && disjoint(&mut used, edge) {
                picked.push((class, at));
            }
        }
        if picked.len() - before < counts[class] {
            return None;
        }
    }
    Some(picked)
}

fn total(classes: &[Class], picked: &[(usize, usize)]) -> f64 {
    picked.iter().map(|&(class, at)| classes[class].edges[at].0).sum()
}

type Place = (usize, usize);

/// Two of the pairs that share a person.
fn clash(classes: &[Class], picked: &[Place]) -> Option<(Place, Place)> {
    let mut seen: FxHashMap<u32, Place> = FxHashMap::default();
    for &place in picked {
        let (_, one, other) = classes[place.0].edges[place.1];
        for row in [one, other] {
            if let Some(&before) = seen.get(&row) {
                return Some((before, place));
            }
        }
        seen.extend([(one, place), (other, place)]);
    }
    None
}

/// The person two pairs share.
fn shared(classes: &[Class], first: Place, second: Place) -> u32 {
    let (_, a, b) = classes[first.0].edges[first.1];
    let (_, c, d) = classes[second.0].edges[second.1];
    if a == c || a == d { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kruispunt::data::Seed;

    /// The largest sum over all choices, one after the other.
    fn slow(edges: &[(Edge, Vec<usize>)], demands: &[usize], pairs: usize) -> Option<f64> {
        let Some(((edge, helps), rest)) = edges.split_first() else {
            return (pairs == 0 && demands.iter().all(|&open| open == 0)).then_some(0.0);
        };
        let without = slow(rest, demands, pairs);
        if pairs == 0 {
            return without;
        }
        let mut open = demands.to_vec();
        for &demand in helps {
            open[demand] = open[demand].saturating_sub(1);
        }
        let apart = |other: &&(Edge, Vec<usize>)| {
            let (_, a, b) = other.0;
            a != edge.1 && a != edge.2 && b != edge.1 && b != edge.2
        };
        let left: Vec<(Edge, Vec<usize>)> = rest.iter().filter(apart).cloned().collect();
        let with = slow(&left, &open, pairs - 1).map(|value| value + edge.0);
        match (without, with) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }

    #[test]
    fn finds_what_trying_all_finds() {
        let (mut met, mut refused) = (0, 0);
        for case in 0..120_u64 {
            let seed = Seed::new(case);
            let below = |at: u64, n: u64| seed.below([at, 0, 0], n) as usize;
            let n = 9_u32;
            // two quotas of two values each, and others
            let levels: Vec<[usize; 2]> =
                (0..u64::from(n)).map(|row| [below(row, 3), below(40 + row, 3)]).collect();
            let helps = |row: u32| {
                let own = levels[row as usize];
                let of = |at: usize| (own[at] < 2).then_some(2 * at + own[at]);
                (0..2).filter_map(of).collect::<Vec<_>>()
            };
            let mut all: Vec<(Edge, Vec<usize>)> = Vec::new();
            for one in 0..n {
                for other in one + 1..n {
                    let place = u64::from(one * n + other);
                    if seed.below([place, 1, 0], 3) == 0 {
                        continue;
                    }
                    // many ties
                    let score = -(seed.below([place, 2, 0], 5) as f64);
                    let mut both: Vec<usize> = [helps(one), helps(other)].concat();
                    both.sort_unstable();
                    all.push(((score, one, other), both));
                }
            }
            let pairs = 1 + below(90, 3);
            let demands: Vec<usize> = (0..4).map(|at| below(95 + at, 3)).collect();
            let quota = |at: usize| Quota {
                column: format!("q{at}"),
                levels: (0..2).map(|level| (level.to_string(), demands[2 * at + level])).collect(),
            };
            let mut classes: Vec<Class> = Vec::new();
            for (edge, helps) in &all {
                match classes.iter_mut().find(|class| class.helps == *helps) {
                    Some(class) => class.edges.push(*edge),
                    None => classes.push(Class { helps: helps.clone(), edges: vec![*edge] }),
                }
            }
            for class in &mut classes {
                class.trim(2 * pairs);
            }
            let expected = slow(&all, &demands, pairs);
            let found = search(&classes, &[quota(0), quota(1)], pairs, &Ticket::new());
            match (expected, found.expect("not cancelled")) {
                (Some(expected), Ok(found)) => {
                    met += 1;
                    assert!(found.exact && clash(&classes, &found.picked).is_none());
                    assert!((total(&classes, &found.picked) - expected).abs() < 1e-12, "{case}");
                }
                (None, Err(certain)) => {
                    refused += 1;
                    assert!(certain, "{case}");
                }
                (expected, found) => panic!("case {case}: {expected:?}, {}", found.is_ok()),
            }
        }
        assert!(met > 25 && refused > 25, "{met}, {refused}");
    }
}
