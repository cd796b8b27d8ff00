//! What every threshold would give.

use super::interval::wilson;
use crate::data::{Column, Links, Table};
use crate::linkage::links::Groups;
use crate::linkage::{LinkageError, Truth};

/// Edges of the classes of probability in which calibration is looked at.
const EDGES: [f64; 13] =
    [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

/// The pairs of one group, the most probable first.
struct Ranked {
    order: Vec<usize>,
    /// Pairs of rows there could be.
    possible: f64,
    /// Matches the model expects, those that no rule finds included.
    expected: f64,
    /// Matches there are, where they are known.
    matches: f64,
}

impl Links {
    /// What links that begin at each probability give, by group of left rows, at most about
    /// `points` rows a group.
    ///
    /// Columns: `group`, `threshold`, `bits` (log2 odds of the threshold, null at 1), `links`,
    /// `expected_precision`, `expected_recall`, `expected_f1` (from the probabilities alone; recall
    /// counts the matches that no rule finds and is null where a key decided) and, with `truth`,
    /// `correct`, `precision`, `recall` (with Wilson intervals, `_low` and `_high`), `f1` and
    /// `false_positive_rate`, the share of the pairs of rows that are no match and are linked.
    ///
    /// The pairs are those of these links: make them with a low threshold to see a long curve. A
    /// threshold keeps the pairs at or above it as they are; links that are assigned anew at each
    /// threshold may differ where a better rival falls below it.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` or `by` has another length than the tables;
    /// [`LinkageError::BadArgument`] for fewer than two points.
    pub fn thresholds(
        &self,
        truth: Option<&Truth>,
        by: Option<&Column>,
        points: usize,
    ) -> Result<Table, LinkageError> {
        if !(2..=100_000).contains(&points) {
            let (argument, expected) = ("points", "from 2 to 100,000");
            return Err(LinkageError::BadArgument { argument, got: points as f64, expected });
        }
        let groups = Groups::new(by, self.n_left())?;
        let right = truth.map(|truth| self.right_ones(truth)).transpose()?;
        let mut rows: Vec<(usize, Point)> = Vec::new();
        for (group, ranked) in self.ranked(truth, &groups)?.iter().enumerate() {
            let curve = self.curve(ranked, right.as_deref());
            rows.extend(thinned(curve, points).into_iter().map(|point| (group, point)));
        }
        let labels = groups.labels();
        let each = |with: &dyn Fn(&Point) -> Option<f64>| {
            Column::floats(&rows.iter().map(|(_, point)| with(point)).collect::<Vec<_>>())
        };
        let known = self.weighing().is_some();
        let mut table = Table::new([
            ("group", Column::text(rows.iter().map(|(at, _)| labels[*at].as_deref()))),
            ("threshold", each(&|own| Some(own.threshold))),
            ("bits", each(&|own| Some(bits(own.threshold)).filter(|bits| bits.is_finite()))),
            ("links", Column::int(rows.iter().map(|(_, own)| own.links as i64).collect())),
            ("expected_precision", each(&|own| Some(own.hoped / own.links))),
            ("expected_recall", each(&|own| own.share(own.hoped, own.expected).filter(|_| known))),
            (
                "expected_f1",
                each(&|own| own.share(2.0 * own.hoped, own.links + own.expected).filter(|_| known)),
            ),
        ])?;
        if truth.is_some() {
            let wrong = |own: &Point| own.share(own.links - own.correct, own.others);
            let within = |part: f64, whole: f64, at: usize| wilson(part, whole).map(|w| w[at]);
            let correct = rows.iter().map(|(_, own)| own.correct as i64).collect();
            table.push("correct", Column::int(correct))?;
            table.push("precision", each(&|own| own.share(own.correct, own.links)))?;
            table.push("precision_low", each(&|own| within(own.correct, own.links, 0)))?;
            table.push("precision_high", each(&|own| within(own.correct, own.links, 1)))?;
            table.push("recall", each(&|own| own.share(own.correct, own.matches)))?;
            table.push("recall_low", each(&|own| within(own.correct, own.matches, 0)))?;
            table.push("recall_high", each(&|own| within(own.correct, own.matches, 1)))?;
            table.push("f1", each(&|own| own.share(2.0 * own.correct, own.links + own.matches)))?;
            table.push("false_positive_rate", each(&wrong))?;
        }
        Ok(table)
    }

    /// How well the probabilities rank pairs, by group of left rows: `group`, `links`, `matches`,
    /// `average_precision`, `auc` (area under the receiver operating characteristic over all pairs
    /// of rows; those that are not among the links stand last, together), and the threshold with
    /// the best F1, `best_threshold` and `best_f1`.
    ///
    /// # Errors
    ///
    /// As [`thresholds`](Self::thresholds).
    pub fn ranking(&self, truth: &Truth, by: Option<&Column>) -> Result<Table, LinkageError> {
        let groups = Groups::new(by, self.n_left())?;
        let right = self.right_ones(truth)?;
        let all = self.ranked(Some(truth), &groups)?;
        let rows: Vec<[Option<f64>; 4]> =
            all.iter().map(|ranked| areas(&self.curve(ranked, Some(&right)), ranked)).collect();
        let each = |at: usize| Column::floats(&rows.iter().map(|row| row[at]).collect::<Vec<_>>());
        Ok(Table::new([
            ("group", groups.column()),
            ("links", Column::int(all.iter().map(|own| own.order.len() as i64).collect())),
            ("matches", Column::int(all.iter().map(|own| own.matches as i64).collect())),
            ("average_precision", each(0)),
            ("auc", each(1)),
            ("best_threshold", each(2)),
            ("best_f1", each(3)),
        ])?)
    }

    /// Whether pairs are right as often as their probability says: by class of probability `low`,
    /// `high`, `pairs`, `mean_probability`, `correct`, `share`, `share_low` and `share_high`
    /// (Wilson, pairs taken as independent). Classes without a pair are left out.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` has another length than the tables.
    pub fn calibration(&self, truth: &Truth) -> Result<Table, LinkageError> {
        let right = self.right_ones(truth)?;
        let mut classes = vec![(0_u64, 0.0, 0_u64); EDGES.len() - 1];
        for (&sure, &right) in self.probabilities().iter().zip(&right) {
            let at = EDGES[1..EDGES.len() - 1].partition_point(|&edge| edge <= sure);
            classes[at].0 += 1;
            classes[at].1 += sure;
            classes[at].2 += u64::from(right);
        }
        let held: Vec<usize> = (0..classes.len()).filter(|&at| classes[at].0 > 0).collect();
        let each = |with: &dyn Fn(usize) -> f64| {
            Column::float(held.iter().map(|&at| with(at)).collect::<Vec<_>>())
        };
        let whole = |with: &dyn Fn(usize) -> u64| {
            Column::int(held.iter().map(|&at| with(at) as i64).collect())
        };
        let share = |at: usize, bound: usize| {
            wilson(classes[at].2 as f64, classes[at].0 as f64).map_or(f64::NAN, |w| w[bound])
        };
        Ok(Table::new([
            ("low", each(&|at| EDGES[at])),
            ("high", each(&|at| EDGES[at + 1])),
            ("pairs", whole(&|at| classes[at].0)),
            ("mean_probability", each(&|at| classes[at].1 / classes[at].0 as f64)),
            ("correct", whole(&|at| classes[at].2)),
            ("share", each(&|at| classes[at].2 as f64 / classes[at].0 as f64)),
            ("share_low", each(&|at| share(at, 0))),
            ("share_high", each(&|at| share(at, 1))),
        ])?)
    }

    /// How many pairs have which match weight, in at most `bins` classes of equal width: `low`,
    /// `high` (bits), `pairs`, `expected_matches` (sum of probabilities) and, with `truth`,
    /// `matches`. Pairs that a key decided have no weight and are left out.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Keyed`] when a key decided all, [`LinkageError::BadArgument`] for no bins.
    pub fn weight_histogram(
        &self,
        truth: Option<&Truth>,
        bins: usize,
    ) -> Result<Table, LinkageError> {
        if !(1..=10_000).contains(&bins) {
            let (argument, expected) = ("bins", "from 1 to 10,000");
            return Err(LinkageError::BadArgument { argument, got: bins as f64, expected });
        }
        let right = truth.map(|truth| self.right_ones(truth)).transpose()?;
        let weighing = self.weighing().ok_or(LinkageError::Keyed { link: 0 })?;
        let held: Vec<usize> =
            (0..self.len()).filter(|&at| weighing.weights[at].is_finite()).collect();
        let weight = |&at: &usize| weighing.weights[at];
        let least = held.iter().map(weight).fold(f64::INFINITY, f64::min);
        let most = held.iter().map(weight).fold(f64::NEG_INFINITY, f64::max);
        let (start, width, n) = if held.is_empty() {
            (0.0, 1.0, 0)
        } else {
            let width = round_width((most - least) / bins as f64);
            let start = (least / width).floor() * width;
            (start, width, ((most - start) / width).floor() as usize + 1)
        };
        let mut classes = vec![(0_i64, 0.0, 0_i64); n];
        for at in held {
            let place = (((weighing.weights[at] - start) / width).floor() as usize).min(n - 1);
            classes[place].0 += 1;
            classes[place].1 += self.probabilities()[at];
            classes[place].2 += right.as_ref().map_or(0, |right| i64::from(right[at]));
        }
        let edge = |at: usize| start + at as f64 * width;
        let mut table = Table::new([
            ("low", Column::float((0..n).map(edge).collect::<Vec<_>>())),
            ("high", Column::float((0..n).map(|at| edge(at + 1)).collect::<Vec<_>>())),
            ("pairs", Column::int(classes.iter().map(|own| own.0).collect())),
            (
                "expected_matches",
                Column::float(classes.iter().map(|own| own.1).collect::<Vec<_>>()),
            ),
        ])?;
        if truth.is_some() {
            table.push("matches", Column::int(classes.iter().map(|own| own.2).collect()))?;
        }
        Ok(table)
    }

    /// Whether each link is right.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` has another length than the tables.
    pub fn right_ones(&self, truth: &Truth) -> Result<Vec<bool>, LinkageError> {
        truth.check(self)?;
        let each = self.left_rows().iter().zip(self.right_rows());
        Ok(each.map(|(&left, &right)| truth.holds(left, right)).collect())
    }

    fn ranked(&self, truth: Option<&Truth>, groups: &Groups) -> Result<Vec<Ranked>, LinkageError> {
        let mut all: Vec<Ranked> = (0..groups.len())
            .map(|_| Ranked { order: Vec::new(), possible: 0.0, expected: 0.0, matches: 0.0 })
            .collect();
        for (at, &left) in self.left_rows().iter().enumerate() {
            all[groups.of[left as usize]].order.push(at);
        }
        let matches = match truth {
            Some(truth) => Some(truth.count(self, groups)?.1),
            None => None,
        };
        for (row, &group) in groups.of.iter().enumerate() {
            let rows = if self.is_within() { self.n_left() - 1 - row } else { self.n_right() };
            all[group].possible += rows as f64;
            if let Some(weighing) = self.weighing() {
                all[group].expected += weighing.expected[row] / weighing.completeness;
            }
        }
        let sure = self.probabilities();
        for (group, own) in all.iter_mut().enumerate() {
            own.order.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]));
            own.matches = matches.as_ref().map_or(0.0, |matches| matches[group] as f64);
        }
        Ok(all)
    }

    /// One point for each distinct probability.
    fn curve(&self, ranked: &Ranked, right: Option<&[bool]>) -> Vec<Point> {
        let sure = self.probabilities();
        let hoped: f64 = ranked.order.iter().map(|&at| sure[at]).sum();
        let mut point = Point {
            expected: ranked.expected.max(hoped),
            matches: ranked.matches,
            others: ranked.possible - ranked.matches,
            ..Point::default()
        };
        let mut points = Vec::new();
        for same in ranked.order.chunk_by(|&a, &b| sure[a] == sure[b]) {
            point.threshold = sure[same[0]];
            point.links += same.len() as f64;
            point.hoped += same.iter().map(|&at| sure[at]).sum::<f64>();
            let hits = same.iter().filter(|&&at| right.is_some_and(|right| right[at])).count();
            point.correct += hits as f64;
            points.push(point);
        }
        points
    }
}

/// Links that begin at a threshold.
#[derive(Clone, Copy, Default)]
struct Point {
    threshold: f64,
    links: f64,
    /// Sum of their probabilities.
    hoped: f64,
    correct: f64,
    expected: f64,
    matches: f64,
    others: f64,
}

impl Point {
    #[allow(clippy::unused_self, reason = "reads as a method beside the fields it divides")]
    fn share(&self, part: f64, whole: f64) -> Option<f64> {
        (whole > 0.0).then(|| part / whole)
    }
}

fn bits(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}

/// Average precision, area under the curve, best threshold and best F1.
fn areas(curve: &[Point], ranked: &Ranked) -> [Option<f64>; 4] {
    let (matches, others) = (ranked.matches, ranked.possible - ranked.matches);
    let (mut precision, mut area) = (0.0, 0.0);
    let mut before = Point::default();
    let mut best: Option<(f64, f64)> = None;
    for point in curve {
        let new = point.correct - before.correct;
        precision += new * point.correct / point.links;
        area += (point.links - before.links - new) * f64::midpoint(point.correct, before.correct);
        let f1 = 2.0 * point.correct / (point.links + matches);
        if best.is_none_or(|(_, other)| f1 > other) {
            best = Some((point.threshold, f1));
        }
        before = *point;
    }
    // All other pairs of rows stand last, together.
    precision += (matches - before.correct) * matches / ranked.possible;
    area += (others - (before.links - before.correct)) * f64::midpoint(matches, before.correct);
    let known = matches > 0.0;
    [
        known.then(|| precision / matches),
        (known && others > 0.0).then(|| area / (matches * others)),
        best.filter(|_| known).map(|own| own.0),
        best.filter(|_| known).map(|own| own.1),
    ]
}

/// At most about `points` of them, spread over ranks and over the odds of the threshold.
fn thinned(curve: Vec<Point>, points: usize) -> Vec<Point> {
    if curve.len() <= points {
        return curve;
    }
    let half = (points / 2).max(1) as f64;
    let place = |threshold: f64| bits(threshold).clamp(-20.0, 40.0);
    let (most, n) = (place(curve[0].threshold), curve.len());
    let span = (most - place(curve[n - 1].threshold)).max(1e-9);
    let rank = |at: usize| (at as f64 / n as f64 * half) as u64;
    let odds = |at: usize| ((most - place(curve[at].threshold)) / span * half) as u64;
    let kept =
        |at: usize| at == 0 || at + 1 == n || rank(at) != rank(at - 1) || odds(at) != odds(at - 1);
    (0..n).filter(|&at| kept(at)).map(|at| curve[at]).collect()
}

/// The next of 1, 2, 5 times a power of ten.
fn round_width(width: f64) -> f64 {
    let width = width.max(1e-3);
    let power = 10_f64.powf(width.log10().floor());
    let rest = width / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|&step| rest <= step * (1.0 + 1e-9)).unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_round_edges() {
        for (width, round) in [(0.3, 0.5), (0.11, 0.2), (6.0, 10.0), (1.0, 1.0), (0.0, 0.001)] {
            assert!((round_width(width) - round).abs() < 1e-12, "{width}");
        }
    }
}
