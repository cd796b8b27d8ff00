//! What a person's answers say about all pairs.

use super::interval::of_finite;
use super::sample::{ClericalSample, Stratum};
use crate::data::{Column, Table};
use crate::linkage::LinkageError;
use crate::math::unionfind::UnionFind;

/// An estimate with its bounds: value, low, high.
type Bounded = [f64; 3];

impl ClericalSample {
    /// Precision, recall and F1 from answers about the pairs of the sample, in their order: match,
    /// no match, or `None` where nobody could tell.
    ///
    /// Columns, all pairs first and then by group: `group`, `pairs`, `labelled`, `unsure`, `links`,
    /// `matches`, `precision`, `recall` and `f1`, each with `_low` and `_high`, and
    /// `recall_of_all`, which counts the matches that no rule finds as the model estimates them
    /// (null, as matches, recall and F1, where only links were drawn).
    ///
    /// ```text
    /// A = sum_h N_h k_h / n_h over strata of links, B over those that were not linked
    /// precision = A / links,  recall = A / (A + B),  f1 = 2 A / (links + A + B)
    /// ```
    ///
    /// A stratum without an answer is taken as the model sees it, and may hold anything. Intervals
    /// are at 95 percent: mid-p limits of the hypergeometric distribution in each stratum, put
    /// together by the distances from the estimates (MOVER: Zou, Huang & Zhang 2009 for sums,
    /// Donner & Zou 2012 for ratios), so that they stay lopsided where shares are near 0 or 1.
    /// Recall is of the pairs that were compared. Answers of `None` count as not looked at.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] for another number of answers than pairs,
    /// [`LinkageError::LabelsContradict`] when rows are one person by some answers and two by
    /// another.
    pub fn estimate(&self, labels: &[Option<bool>]) -> Result<Table, LinkageError> {
        if labels.len() != self.len() {
            let (got, n) = (labels.len(), self.len());
            return Err(LinkageError::OutOfRange { argument: "labels", got, n });
        }
        self.check_labels(labels)?;
        let mut seen: Vec<Seen<'_>> =
            self.strata.iter().map(|own| Seen { hits: 0, looked: 0, unsure: 0, own }).collect();
        for (&stratum, label) in self.stratum.iter().zip(labels) {
            let own = &mut seen[stratum as usize];
            match label {
                Some(hit) => {
                    own.looked += 1;
                    own.hits += u64::from(*hit);
                }
                None => own.unsure += 1,
            }
        }
        let domains = self.domains();
        let rows: Vec<Estimated> =
            domains.iter().map(|(_, group)| self.estimated(&seen, *group)).collect();
        let whole = |with: &dyn Fn(&Estimated) -> u64| {
            Column::int(rows.iter().map(|row| with(row) as i64).collect())
        };
        let real = |with: &dyn Fn(&Estimated) -> Option<f64>| {
            Column::floats(&rows.iter().map(with).collect::<Vec<_>>())
        };
        let mut table = Table::new([
            ("group", Column::text(domains.iter().map(|(label, _)| label.as_deref()))),
            ("pairs", whole(&|row| row.pairs)),
            ("labelled", whole(&|row| row.labelled)),
            ("unsure", whole(&|row| row.unsure)),
            ("links", whole(&|row| row.links)),
        ])?;
        for (at, name) in ["matches", "precision", "recall", "f1"].into_iter().enumerate() {
            for (place, end) in ["", "_low", "_high"].into_iter().enumerate() {
                table.push(format!("{name}{end}"), real(&|row| Some(row.rates[at]?[place])))?;
            }
        }
        let found = self.completeness;
        table.push("recall_of_all", real(&|row| Some(row.rates[2]?[0] * found?)))?;
        Ok(table)
    }

    /// Refuses answers of which one says that rows are two persons whom others say are one.
    fn check_labels(&self, labels: &[Option<bool>]) -> Result<(), LinkageError> {
        let offset = if self.within { 0 } else { self.n_left as u32 };
        let total = self.n_left + if self.within { 0 } else { self.n_right };
        let mut persons = UnionFind::new(total);
        let each = || self.left.iter().zip(&self.right).zip(labels);
        for ((&left, &right), label) in each() {
            if *label == Some(true) {
                persons.join(left, right + offset);
            }
        }
        for ((&left, &right), label) in each() {
            if *label == Some(false) && persons.find(left) == persons.find(right + offset) {
                let (left, right) = (left as usize, right as usize);
                return Err(LinkageError::LabelsContradict { left, right });
            }
        }
        Ok(())
    }

    fn estimated(&self, seen: &[Seen<'_>], group: Option<u32>) -> Estimated {
        let own: Vec<&Seen<'_>> =
            seen.iter().filter(|one| group.is_none_or(|group| one.own.group == group)).collect();
        let count = |with: &dyn Fn(&Seen<'_>) -> u64| own.iter().map(|one| with(one)).sum();
        let links: u64 = count(&|one| if one.own.linked { one.own.pairs } else { 0 });
        let hits = sum(own.iter().filter(|one| one.own.linked).map(|one| one.matches()));
        let rest = sum(own.iter().filter(|one| !one.own.linked).map(|one| one.matches()));
        let missed = self.strata.iter().any(|own| !own.linked);
        let n = links as f64;
        let precision = (links > 0).then(|| hits.map(|matches| matches / n));
        // Recall and F1 fall with what they divide by.
        let turned = |over: Bounded, scale: f64| {
            (hits[0] > 0.0).then(|| {
                let [value, low, high] = ratio(over, hits);
                [value, high, low].map(|own| scale / (1.0 + own))
            })
        };
        let recall = turned(rest, 1.0);
        let f1 = turned(rest.map(|matches| n + matches), 2.0);
        Estimated {
            pairs: count(&|one| one.own.pairs),
            links,
            labelled: count(&|one| one.looked),
            unsure: count(&|one| one.unsure),
            rates: [
                Some(sum([hits, rest].into_iter())).filter(|_| missed),
                precision,
                recall.filter(|_| missed),
                f1.filter(|_| missed),
            ],
        }
    }
}

/// Answers about one stratum.
struct Seen<'a> {
    hits: u64,
    looked: u64,
    unsure: u64,
    own: &'a Stratum,
}

impl Seen<'_> {
    /// Matches of the stratum; as the model sees it where nobody looked.
    fn matches(&self) -> Bounded {
        let (all, n) = (self.own.pairs as f64, self.looked as f64);
        if self.looked == 0 {
            return [all * self.own.mean, 0.0, all];
        }
        let [low, high] = of_finite(self.own.pairs, self.looked, self.hits);
        [all * self.hits as f64 / n, low, high]
    }
}

struct Estimated {
    pairs: u64,
    labelled: u64,
    unsure: u64,
    links: u64,
    /// Matches, precision, recall, F1.
    rates: [Option<Bounded>; 4],
}

/// The sum of independent estimates (Zou, Huang & Zhang 2009).
fn sum(parts: impl Iterator<Item = Bounded>) -> Bounded {
    let (mut value, mut below, mut above) = (0.0, 0.0, 0.0);
    for [part, low, high] in parts {
        value += part;
        below += (part - low).powi(2);
        above += (high - part).powi(2);
    }
    [value, (value - below.sqrt()).max(0.0), value + above.sqrt()]
}

/// The ratio of two independent estimates that are not negative (Donner & Zou 2012).
fn ratio([a, a_low, a_high]: Bounded, [b, b_low, b_high]: Bounded) -> Bounded {
    let product = a * b;
    let end = |own: f64, other: f64, sign: f64| {
        let below = other * (2.0 * b - other);
        let rest = product * product - own * (2.0 * a - own) * below;
        if below > 0.0 { (product + sign * rest.max(0.0).sqrt()) / below } else { f64::INFINITY }
    };
    let low = if b_high < 2.0 * b { end(a_low, b_high, -1.0) } else { 0.0 };
    [a / b, low.clamp(0.0, a / b), end(a_high, b_low, 1.0).max(a / b)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With symmetric bounds the ratio is Fieller's, and the sum that of variances.
    #[test]
    fn bounds_are_fiellers_where_they_are_symmetric() {
        let (a, b, sa, sb) = (30.0_f64, 100.0_f64, 4.0_f64, 5.0_f64);
        let [value, low, high] = ratio([a, a - sa, a + sa], [b, b - sb, b + sb]);
        // (a - r b)^2 = sa^2 + r^2 sb^2 at both ends.
        for end in [low, high] {
            let gap = (a - end * b).powi(2) - (sa * sa + end * end * sb * sb);
            assert!(gap.abs() < 1e-8, "{end}: {gap}");
        }
        assert!(low < value && value < high);
        let [value, low, high] = sum([[3.0, 2.0, 4.0], [5.0, 3.0, 7.0]].into_iter());
        let half = 5.0_f64.sqrt();
        assert_eq!(value, 8.0);
        assert!((low - (8.0 - half)).abs() < 1e-12 && (high - (8.0 + half)).abs() < 1e-12);
    }

    #[test]
    fn nothing_seen_leaves_everything_open() {
        assert_eq!(ratio([0.0, 0.0, 3.0], [10.0, 10.0, 10.0]), [0.0, 0.0, 0.3]);
        let [_, low, high] = ratio([1.0, 0.0, 5.0], [4.0, 0.0, 9.0]);
        assert_eq!(low, 0.0);
        assert!(high.is_infinite());
    }
}
