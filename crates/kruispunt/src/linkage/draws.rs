//! Whole configurations of links, drawn from their posterior.

use super::LinkageError;
use super::coded::Sides;
use super::decide::{Candidate, odds};
use super::linker::{Assignment, Linker};
use crate::data::{Column, Seed, Table};
use crate::math::assignment::Edge;
use crate::math::matchings;
use crate::math::unionfind::UnionFind;
use rayon::prelude::*;

/// Draws that may be asked for.
const MOST: usize = 100_000;

impl Linker {
    /// `n` configurations of links drawn from their posterior: what might have been linked, for
    /// estimates that take the uncertainty of the linkage with them (estimate on each, pool by
    /// Rubin's rules).
    ///
    /// ```text
    /// P(configuration) ~ product of the odds of its pairs, over all configurations allowed
    /// ```
    ///
    /// One-to-one: every row at most once; exact in connected groups of at most 12 candidate
    /// pairs, by a Markov chain beyond. Many-to-one: each left row draws its partner or none. All:
    /// each pair on its own. Pairs below a probability of 1e-4 are never drawn. The threshold
    /// plays no part.
    ///
    /// Columns: `draw` (from 0), `left_row` and `right_row`, in this order.
    ///
    /// # Errors
    ///
    /// As [`link`](Self::link); [`LinkageError::BadArgument`] for no draw or more than 100,000.
    pub fn draw(
        &self,
        left: &Table,
        right: &Table,
        n: usize,
        seed: u64,
    ) -> Result<Table, LinkageError> {
        if !(1..=MOST).contains(&n) {
            let (argument, expected) = ("n", "from 1 to 100,000 draws");
            return Err(LinkageError::BadArgument { argument, got: n as f64, expected });
        }
        let sides = Sides::two(left, right);
        let candidates = self.candidates(sides)?;
        self.ticket.stage("drawing links", 0);
        let groups = self.groups(&candidates, sides);
        let seed = Seed::new(seed);
        let drawn: Vec<Vec<(u32, u32, u32)>> = groups
            .par_iter()
            .map(|group| {
                if self.ticket.is_cancelled() {
                    return Err(LinkageError::Cancelled);
                }
                Ok(draw_group(&candidates, group, n, seed))
            })
            .collect::<Result<_, _>>()?;
        let mut all = drawn.concat();
        all.sort_unstable();
        let column = |part: &dyn Fn(&(u32, u32, u32)) -> u32| {
            Column::int(all.iter().map(|one| i64::from(part(one))).collect())
        };
        Ok(Table::new([
            ("draw", column(&|one| one.0)),
            ("left_row", column(&|one| one.1)),
            ("right_row", column(&|one| one.2)),
        ])?)
    }

    /// Candidates that cannot be drawn apart, as positions, sorted by left row.
    fn groups(&self, candidates: &[Candidate], sides: Sides<'_>) -> Vec<Vec<usize>> {
        let n = sides.left.n_rows();
        let key: Vec<u32> = match self.assignment {
            Assignment::All => (0..candidates.len() as u32).collect(),
            Assignment::ManyToOne => candidates.iter().map(|pair| pair.left).collect(),
            Assignment::OneToMany => candidates.iter().map(|pair| pair.right).collect(),
            Assignment::OneToOne => {
                let mut groups = UnionFind::new(n + sides.right.n_rows());
                for pair in candidates {
                    groups.join(pair.left, n as u32 + pair.right);
                }
                candidates.iter().map(|pair| groups.find(pair.left)).collect()
            }
        };
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|&at| key[at]);
        order.chunk_by(|&a, &b| key[a] == key[b]).map(<[usize]>::to_vec).collect()
    }
}

/// Draw, left row and right row of each link that the draws keep. Under many-to-one a group has
/// one left row, so that its right rows meet no rival.
fn draw_group(
    candidates: &[Candidate],
    group: &[usize],
    n: usize,
    seed: Seed,
) -> Vec<(u32, u32, u32)> {
    let pair = |at: usize| &candidates[group[at]];
    let rows = |side: &dyn Fn(&Candidate) -> u32| {
        let mut rows: Vec<u32> = group.iter().map(|&at| side(&candidates[at])).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    };
    let (lefts, rights) = (rows(&|pair| pair.left), rows(&|pair| pair.right));
    let place = |rows: &[u32], row: u32| rows.binary_search(&row).unwrap_or_default() as u32;
    let edges: Vec<Edge> = (0..group.len())
        .map(|at| Edge {
            left: place(&lefts, pair(at).left),
            right: place(&rights, pair(at).right),
            gain: odds(pair(at).weight).ln(),
        })
        .collect();
    let own = [u64::from(pair(0).left), u64::from(pair(0).right)];
    let mut at = 0;
    let mut random = || {
        at += 1;
        seed.uniform([own[0], own[1], at])
    };
    let sets = matchings::draw((lefts.len(), rights.len()), &edges, n, &mut random);
    let each = sets.into_iter().zip(0_u32..);
    each.flat_map(|(set, draw)| set.into_iter().map(move |at| (draw, at)))
        .map(|(draw, at)| (draw, pair(at).left, pair(at).right))
        .collect()
}
