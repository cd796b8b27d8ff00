//! The best numbers of cases from each cell, quotas met.

use rustc_hash::FxHashMap;

/// States kept of the whole search; at each block that many over the number of blocks, and at most
/// [`WIDE`].
const ALL: usize = 2_000_000;
/// More states after a block than this are cut down to the most promising ones.
const WIDE: usize = 30_000;

/// Candidates alike in group and quota values: how many of each kind may be taken, and what it
/// gives.
pub(super) struct Block {
    /// The group.
    pub(super) group: usize,
    /// The demands that a case from here helps to meet, by number; twice where it helps by two.
    pub(super) helps: Vec<usize>,
    /// For each kind the most that may be taken.
    pub(super) most: Vec<usize>,
    /// Different candidates.
    pub(super) size: usize,
}

/// What is wanted.
pub(super) struct Wanted<'a> {
    /// For each group the cases of each kind.
    pub(super) shares: &'a [Vec<usize>],
    /// Cases that must be had of each demand (a value of a quota).
    pub(super) demands: &'a [usize],
    /// The demands of each quota (its values).
    pub(super) quotas: &'a [Vec<usize>],
    /// By how much a case helps the demands of one quota at most: its persons.
    pub(super) persons: usize,
}

/// Numbers by block and kind, and whether nothing better can be.
pub(super) struct Best {
    pub(super) counts: Vec<Vec<usize>>,
    pub(super) exact: bool,
}

/// What is still to be done: cases of each kind in this group, then demands.
type State = Vec<u16>;

/// Where a state came from: the state before, and what was taken from the block.
type Step = (State, Vec<u16>);

/// The numbers with the largest value that give each group its cases and meet all demands, block by
/// block over all states that can be reached (dynamic programming). It is exact as long as there are
/// not too many states (30,000 after a block); then the most promising are followed. `Err` says whether it
/// is certain that there is none.
pub(super) fn best(
    blocks: &[Block],
    wanted: &Wanted<'_>,
    value: impl Fn(usize, &[u16]) -> Option<f64>,
) -> Result<Best, bool> {
    let kinds = wanted.shares.first().map_or(0, Vec::len);
    let rest = Rest::of(blocks, wanted);
    let wide = (ALL / blocks.len().max(1)).clamp(1_000, WIDE);
    let mut exact = true;
    let mut layer: Vec<(State, f64)> = Vec::new();
    let demands = wanted.demands.iter().map(|&demand| demand as u16);
    let first: State = std::iter::repeat_n(0, kinds).chain(demands).collect();
    layer.push((first, 0.0));
    let mut trails: Vec<FxHashMap<State, Step>> = Vec::with_capacity(blocks.len());
    let mut group = usize::MAX;
    for (at, block) in blocks.iter().enumerate() {
        if block.group != group {
            group = block.group;
            for (state, _) in &mut layer {
                for (slot, &share) in state.iter_mut().zip(&wanted.shares[group]) {
                    *slot = share as u16;
                }
            }
        }
        let shares: Vec<u16> = wanted.shares[group].iter().map(|&share| share as u16).collect();
        let options: Vec<(Vec<u16>, f64)> = takes(block, &shares)
            .into_iter()
            .filter_map(|taken| value(at, &taken).map(|gain| (taken, gain)))
            .collect();
        let mut reached: FxHashMap<State, f64> = FxHashMap::default();
        let mut trail: FxHashMap<State, Step> = FxHashMap::default();
        for (state, so_far) in &layer {
            for (taken, gain) in &options {
                if taken.iter().zip(state).any(|(taken, left)| taken > left) {
                    continue;
                }
                let mut next = state.clone();
                let all: u16 = taken.iter().sum();
                next.iter_mut().zip(taken).for_each(|(slot, taken)| *slot -= taken);
                for &demand in &block.helps {
                    let slot = &mut next[kinds + demand];
                    *slot = slot.saturating_sub(all);
                }
                if !rest.possible(at, &next, kinds, wanted) {
                    continue;
                }
                let total = so_far + gain;
                let known = reached.get(&next).copied();
                if known.is_none_or(|known| total > known) {
                    reached.insert(next.clone(), total);
                    trail.insert(next, (state.clone(), taken.clone()));
                }
            }
        }
        layer = reached.into_iter().collect();
        // in an order that does not hang on the hash
        layer.sort_by(|a, b| a.0.cmp(&b.0));
        if layer.len() > wide {
            exact = false;
            let open = |state: &State| state[kinds..].iter().map(|&n| u32::from(n)).sum::<u32>();
            layer.sort_by(|a, b| {
                open(&a.0).cmp(&open(&b.0)).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
            });
            layer.truncate(wide);
            layer.sort_by(|a, b| a.0.cmp(&b.0));
            trail.retain(|state, _| layer.binary_search_by(|own| own.0.cmp(state)).is_ok());
        }
        trails.push(trail);
        if layer.is_empty() {
            return Err(exact);
        }
    }
    let Some((mut state, _)) = layer.into_iter().find(|(state, _)| state.iter().all(|&n| n == 0))
    else {
        return Err(exact);
    };
    let mut counts = vec![vec![0; kinds]; blocks.len()];
    for at in (0..blocks.len()).rev() {
        let Some((before, taken)) = trails[at].get(&state) else { break };
        counts[at] = taken.iter().map(|&n| usize::from(n)).collect();
        state.clone_from(before);
        // where a group begins its cases were not yet wanted
        if at > 0 && blocks[at - 1].group != blocks[at].group {
            state[..kinds].fill(0);
        }
    }
    Ok(Best { counts, exact })
}

/// All numbers that may be taken from a block, kind by kind.
fn takes(block: &Block, left: &[u16]) -> Vec<Vec<u16>> {
    let mut all: Vec<Vec<u16>> = vec![Vec::new()];
    for (&most, &left) in block.most.iter().zip(left) {
        let most = most.min(usize::from(left)) as u16;
        all = all
            .into_iter()
            .flat_map(|own| {
                (0..=most).map(move |n| own.iter().copied().chain([n]).collect::<Vec<u16>>())
            })
            .collect();
    }
    all.retain(|own| own.iter().map(|&n| usize::from(n)).sum::<usize>() <= block.size);
    all
}

/// What the blocks after each one can still give.
struct Rest {
    /// By block: candidates of each kind in its group.
    kinds: Vec<Vec<usize>>,
    /// By block: candidates for each demand.
    demands: Vec<Vec<usize>>,
    /// By block: cases of the groups after its own.
    cases: Vec<usize>,
}

impl Rest {
    fn of(blocks: &[Block], wanted: &Wanted<'_>) -> Self {
        let kinds = wanted.shares.first().map_or(0, Vec::len);
        let mut own = Self {
            kinds: vec![vec![0; kinds]; blocks.len()],
            demands: vec![vec![0; wanted.demands.len()]; blocks.len()],
            cases: vec![0; blocks.len()],
        };
        let all: usize = wanted.shares.iter().flatten().sum();
        let mut seen = 0;
        for at in 0..blocks.len() {
            if at == 0 || blocks[at].group != blocks[at - 1].group {
                seen += wanted.shares[blocks[at].group].iter().sum::<usize>();
            }
            own.cases[at] = all - seen.min(all);
        }
        for at in (0..blocks.len().saturating_sub(1)).rev() {
            let next = &blocks[at + 1];
            let (before, after) = own.demands.split_at_mut(at + 1);
            before[at].clone_from(&after[0]);
            for &demand in &next.helps {
                own.demands[at][demand] += next.size;
            }
            if next.group == blocks[at].group {
                let (before, after) = own.kinds.split_at_mut(at + 1);
                before[at].clone_from(&after[0]);
                for (sum, most) in own.kinds[at].iter_mut().zip(&next.most) {
                    *sum += most;
                }
            }
        }
        own
    }

    /// Whether what is open after a block may still be met, as far as this sees.
    fn possible(&self, at: usize, state: &State, kinds: usize, wanted: &Wanted<'_>) -> bool {
        let (left, open) = state.split_at(kinds);
        let own = left.iter().zip(&self.kinds[at]);
        if own.into_iter().any(|(&left, &there)| usize::from(left) > there) {
            return false;
        }
        let mut pairs = open.iter().zip(&self.demands[at]);
        if pairs.any(|(&open, &there)| usize::from(open) > there) {
            return false;
        }
        let cases = left.iter().map(|&n| usize::from(n)).sum::<usize>() + self.cases[at];
        wanted.quotas.iter().all(|demands| {
            let open: usize = demands.iter().map(|&demand| usize::from(open[demand])).sum();
            open <= cases * wanted.persons
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kruispunt::data::Seed;

    /// All numbers, one after the other.
    fn slow(
        blocks: &[Block],
        wanted: &Wanted<'_>,
        value: &dyn Fn(usize, &[u16]) -> Option<f64>,
        at: usize,
        counts: &mut Vec<usize>,
        best: &mut Option<f64>,
    ) {
        if at == blocks.len() {
            let mut shares: Vec<Vec<usize>> = vec![vec![0]; wanted.shares.len()];
            let mut met = vec![0; wanted.demands.len()];
            let mut total = 0.0;
            for (block, (own, &count)) in blocks.iter().zip(counts.iter()).enumerate() {
                shares[own.group][0] += count;
                own.helps.iter().for_each(|&demand| met[demand] += count);
                total += value(block, &[count as u16]).unwrap_or(f64::NAN);
            }
            let enough = met.iter().zip(wanted.demands).all(|(met, wanted)| met >= wanted);
            if shares == wanted.shares && enough && best.is_none_or(|best| total > best) {
                *best = Some(total);
            }
            return;
        }
        for count in 0..=blocks[at].most[0] {
            counts.push(count);
            slow(blocks, wanted, value, at + 1, counts, best);
            counts.pop();
        }
    }

    #[test]
    fn finds_what_trying_all_finds() {
        let mut feasible = 0;
        for case in 0..300_u64 {
            let seed = Seed::new(case);
            let below = |at: u64, n: u64| seed.below([at, 0, 0], n) as usize;
            // two groups, two quotas of two values and others
            let mut blocks = Vec::new();
            for group in 0..2 {
                for cell in 0..4_u64 {
                    let place = group as u64 * 4 + cell;
                    let mut helps = Vec::new();
                    let (a, b) = (below(10 + place, 3), below(30 + place, 3));
                    if a < 2 {
                        helps.push(a);
                    }
                    if b < 2 {
                        helps.push(2 + b);
                    }
                    let most = 1 + below(50 + place, 3);
                    blocks.push(Block { group, helps, most: vec![most], size: most });
                }
            }
            let shares = vec![vec![1 + below(1, 4)], vec![1 + below(2, 4)]];
            let demands: Vec<usize> = (0..4).map(|at| below(70 + at, 4)).collect();
            let quotas = [vec![0, 1], vec![2, 3]];
            let wanted = Wanted { shares: &shares, demands: &demands, quotas: &quotas, persons: 1 };
            let value = |block: usize, taken: &[u16]| {
                let each = (0..taken[0]).map(|n| seed.uniform([block as u64, u64::from(n), 9]));
                Some(each.sum::<f64>())
            };
            let mut expected = None;
            slow(&blocks, &wanted, &value, 0, &mut Vec::new(), &mut expected);
            let found = best(&blocks, &wanted, value);
            match (expected, found) {
                (None, Err(certain)) => assert!(certain),
                (Some(expected), Ok(found)) => {
                    feasible += 1;
                    let total: f64 = found
                        .counts
                        .iter()
                        .enumerate()
                        .map(|(at, own)| value(at, &[own[0] as u16]).unwrap_or(f64::NAN))
                        .sum();
                    assert!(found.exact && (total - expected).abs() < 1e-12, "case {case}");
                }
                (expected, found) => panic!("case {case}: {expected:?}, {}", found.is_ok()),
            }
        }
        assert!((60..280).contains(&feasible), "{feasible}");
    }
}
