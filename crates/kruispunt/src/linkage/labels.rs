//! Pairs of rows whose status is known.

use super::LinkageError;
use super::coded::Sides;
use super::linker::Linker;
use super::pairs::Pairs;
use crate::math::em::NULL;
use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;

/// Pairs of rows that are one person, and pairs that are not.
///
/// ```
/// use kruispunt::linkage::Labels;
/// let labels = Labels::new(vec![(0, 3, true), (1, 3, false)]);
/// assert_eq!(labels.matches(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    pairs: Vec<(usize, usize, bool)>,
}

impl Labels {
    /// Left row, right row, and whether they are one person.
    #[must_use]
    pub const fn new(pairs: Vec<(usize, usize, bool)>) -> Self {
        Self { pairs }
    }

    /// Pairs that are one person.
    #[must_use]
    pub fn matches(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.2).count()
    }

    /// Refuses rows that do not exist and labels that cannot all be true: rows that are one person
    /// over some labels and two by another.
    pub(super) fn check(&self, sides: Sides<'_>) -> Result<(), LinkageError> {
        let (n, m) = (sides.left.n_rows(), sides.right.n_rows());
        let offset = if sides.dedupe { 0 } else { n };
        let mut persons = UnionFind::new(n + if sides.dedupe { 0 } else { m });
        let mut first: FxHashMap<(usize, usize), usize> = FxHashMap::default();
        for (at, &(left, right, one)) in self.pairs.iter().enumerate() {
            for (got, n) in [(left, n), (right, m)] {
                if got >= n {
                    return Err(LinkageError::OutOfRange { argument: "labels", got, n });
                }
            }
            if sides.dedupe && left == right && !one {
                return Err(LinkageError::Contradiction { left, right, first: at, second: at });
            }
            if one {
                persons.join(left as u32, (right + offset) as u32);
                for node in [left, right + offset] {
                    first.entry((node, 0)).or_insert(at);
                }
            }
        }
        for (at, &(left, right, one)) in self.pairs.iter().enumerate() {
            if !one && persons.find(left as u32) == persons.find((right + offset) as u32) {
                let second = first.get(&(left, 0)).copied().unwrap_or(at);
                return Err(LinkageError::Contradiction { left, right, first: at, second });
            }
        }
        Ok(())
    }
}

impl Linker {
    /// m of each comparison from the labelled matches.
    pub(super) fn labelled(
        &self,
        pairs: &Pairs,
        sides: Sides<'_>,
        labels: &Labels,
    ) -> Result<Vec<Vec<f64>>, LinkageError> {
        labels.check(sides)?;
        if labels.matches() == 0 {
            let why = "there is no pair of one person among them";
            return Err(LinkageError::BadLabels { why });
        }
        let mut hits: Vec<Vec<f64>> = self.shapes().into_iter().map(|shape| shape.prior).collect();
        let mut work = pairs.work();
        for &(left, right, _) in labels.pairs.iter().filter(|pair| pair.2) {
            let pattern = pairs.one(left as u32, right as u32, &mut work);
            for (k, hits) in hits.iter_mut().enumerate() {
                let level = pairs.layout().level(pattern, k);
                if level != NULL {
                    hits[level as usize] += 1.0;
                }
            }
        }
        for (k, shape) in self.shapes().iter().enumerate() {
            let total: f64 = hits[k].iter().sum();
            for hits in &mut hits[k] {
                *hits /= total;
            }
            let even = vec![1.0; hits[k].len()];
            if !shape.fixed.is_empty() {
                shape.fit(&mut hits[k], &even);
            }
        }
        Ok(hits)
    }
}
