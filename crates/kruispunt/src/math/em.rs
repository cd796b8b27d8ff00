//! Mixture of matches and non-matches over counted patterns.

/// Level of a comparison that says nothing.
pub const NULL: u8 = u8::MAX;

/// Patterns of levels, row by row, and how many pairs show each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patterns {
    /// Levels, `n_patterns x n_comparisons`.
    pub levels: Vec<u8>,
    /// Pairs with the pattern.
    pub counts: Vec<u64>,
    /// Comparisons.
    pub width: usize,
}

impl Patterns {
    /// The patterns with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.levels.chunks_exact(self.width.max(1)).zip(self.counts.iter().copied())
    }

    /// Pairs in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// How much more often the levels of two comparisons go together among matches than among other
/// pairs, beyond what each says alone: `c_m(level_a, level_b) / c_u(level_a, level_b)` with `c` the
/// joint probability over the product of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Tie {
    /// Places of the two comparisons in a pattern.
    pub at: (usize, usize),
    /// The ratio, levels of the first by levels of the second.
    pub ratio: Vec<f64>,
    /// Levels of the second.
    pub width: usize,
}

impl Tie {
    /// The ratio for the levels of a pattern; 1 where one of them is missing.
    fn of(&self, pattern: &[u8]) -> f64 {
        match (pattern[self.at.0], pattern[self.at.1]) {
            (NULL, _) | (_, NULL) => 1.0,
            (a, b) => self.ratio[a as usize * self.width + b as usize],
        }
    }
}

/// What m of one comparison must keep to.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Pairs given beforehand to each level.
    pub prior: Vec<f64>,
    /// Fixed probabilities by level; none where short.
    pub fixed: Vec<Option<f64>>,
    /// Levels from the top whose m / u may not rise.
    pub ordered: usize,
}

impl Shape {
    /// `levels` levels with `prior` pairs each, nothing fixed, in any order.
    pub fn free(levels: usize, prior: f64) -> Self {
        Self { prior: vec![prior; levels], fixed: Vec::new(), ordered: 0 }
    }

    fn fixed(&self, level: usize) -> Option<f64> {
        self.fixed.get(level).copied().flatten()
    }

    /// Makes `p` fit: fixed levels have their value, ordered ones are pooled until p / u does not
    /// rise (the maximum of the likelihood under that order; Barlow et al. 1972), the free levels
    /// share what is left.
    pub fn fit(&self, p: &mut [f64], u: &[f64]) {
        let free: Vec<usize> = (0..p.len()).filter(|&at| self.fixed(at).is_none()).collect();
        let ordered: Vec<usize> = free.iter().copied().filter(|&at| at < self.ordered).collect();
        // Blocks of levels: p, u and how many; neighbours out of order are joined.
        let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
        for &at in &ordered {
            blocks.push((p[at], u[at], 1));
            while let [.., a, b] = blocks[..]
                && b.0 * a.1 > a.0 * b.1
            {
                blocks.truncate(blocks.len() - 2);
                blocks.push((a.0 + b.0, a.1 + b.1, a.2 + b.2));
            }
        }
        let ratios = blocks.iter().flat_map(|&(p, u, n)| std::iter::repeat_n(p / u, n));
        for (&at, ratio) in ordered.iter().zip(ratios) {
            p[at] = ratio * u[at];
        }
        let taken: f64 = (0..p.len()).filter_map(|at| self.fixed(at)).sum();
        let rest: f64 = free.iter().map(|&at| p[at]).sum();
        for (at, p) in p.iter_mut().enumerate() {
            *p = self.fixed(at).unwrap_or(*p / rest * (1.0 - taken));
        }
    }
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// P(level | match) of each comparison.
    pub m: Vec<Vec<f64>>,
    /// Share of matches among the pairs.
    pub lambda: f64,
    /// Iterations used.
    pub iterations: u32,
    /// Whether the change fell below the tolerance.
    pub converged: bool,
    /// Expected matches that tell about each comparison.
    pub weight: Vec<f64>,
}

/// When a run stops.
const TOLERANCE: f64 = 1e-8;
const MOST_ITERATIONS: u32 = 2000;
/// How often the interval of a share is halved.
const HALVED: u32 = 40;

/// Estimates m and lambda by expectation-maximisation with `u` and `ties` held fixed.
///
/// ```text
/// P(pattern) = lambda prod_k m_k(level) prod_(k,l) c_kl + (1 - lambda) prod_k u_k(level)
/// ```
///
/// Missing at random: a null level is left out of the products and of the comparison's own
/// update. Every level of m gets pairs beforehand by its shape, so that none is 0.
pub fn fit(
    patterns: &Patterns,
    start: &[Vec<f64>],
    u: &[Vec<f64>],
    ties: &[Tie],
    (lambda, shapes): (f64, &[Shape]),
) -> Fit {
    let total = patterns.total() as f64;
    let mut first = start.to_vec();
    for ((m, u), shape) in first.iter_mut().zip(u).zip(shapes) {
        shape.fit(m, u);
    }
    let mut state = Fit {
        m: first,
        lambda,
        iterations: 0,
        converged: total == 0.0,
        weight: vec![0.0; start.len()],
    };
    while !state.converged && state.iterations < MOST_ITERATIONS {
        state.iterations += 1;
        let mut hits: Vec<Vec<f64>> = shapes.iter().map(|shape| shape.prior.clone()).collect();
        let mut matches = 0.0;
        for (pattern, count) in patterns.iter() {
            let share = posterior(pattern, &state.m, u, ties, state.lambda) * count as f64;
            matches += share;
            for (hits, &level) in hits.iter_mut().zip(pattern) {
                if level != NULL {
                    hits[level as usize] += share;
                }
            }
        }
        let lambda = (matches / total).clamp(1e-12, 1.0 - 1e-9);
        let mut change = ((lambda - state.lambda) / state.lambda).abs();
        for (k, mut hits) in hits.into_iter().enumerate() {
            let sum: f64 = hits.iter().sum();
            state.weight[k] = sum - shapes[k].prior.iter().sum::<f64>();
            for hits in &mut hits {
                *hits /= sum;
            }
            if shapes[k].ordered > 0 || !shapes[k].fixed.is_empty() {
                shapes[k].fit(&mut hits, &u[k]);
            }
            for (m, hits) in state.m[k].iter_mut().zip(hits) {
                change = change.max((hits - *m).abs());
                *m = hits;
            }
        }
        state.lambda = lambda;
        state.converged = change < TOLERANCE;
    }
    state
}

/// Mean log-likelihood of a pair, and the share of matches, where the share explains the patterns
/// best; m, u and what goes together on each side are given (a tie's ratio is that of its side).
pub fn explained(
    patterns: &Patterns,
    (m, u): (&[Vec<f64>], &[Vec<f64>]),
    (matches, others): (&[Tie], &[Tie]),
) -> (f64, f64) {
    let side = |pattern: &[u8], p: &[Vec<f64>], ties: &[Tie]| {
        let levels = p.iter().zip(pattern).filter(|(_, level)| **level != NULL);
        let own: f64 = levels.map(|(p, &level)| p[level as usize]).product();
        ties.iter().fold(own, |own, tie| own * tie.of(pattern)).max(f64::MIN_POSITIVE)
    };
    let of = |(pattern, count): (&[u8], u64)| {
        (side(pattern, m, matches), side(pattern, u, others), count as f64)
    };
    let all: Vec<(f64, f64, f64)> = patterns.iter().map(of).collect();
    let total = patterns.total().max(1) as f64;
    // The likelihood is concave in the share, so that its slope falls.
    let slope = |lambda: f64| {
        let own = |&(m, u, n): &(f64, f64, f64)| n * (m - u) / (lambda * m + (1.0 - lambda) * u);
        all.iter().map(own).sum::<f64>()
    };
    let (mut low, mut high) = (1e-12, 1.0 - 1e-12);
    for _ in 0..HALVED {
        let middle = f64::midpoint(low, high);
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let lambda = f64::midpoint(low, high);
    let log = |&(m, u, n): &(f64, f64, f64)| n * (lambda * m + (1.0 - lambda) * u).ln();
    (all.iter().map(log).sum::<f64>() / total, lambda)
}

/// P(match | pattern).
pub fn posterior(pattern: &[u8], m: &[Vec<f64>], u: &[Vec<f64>], ties: &[Tie], lambda: f64) -> f64 {
    let mut odds = ties.iter().fold(lambda / (1.0 - lambda), |odds, tie| odds * tie.of(pattern));
    for ((m, u), &level) in m.iter().zip(u).zip(pattern) {
        if level != NULL {
            odds *= m[level as usize] / u[level as usize];
        }
    }
    if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs made from known m, u and lambda are given back.
    #[test]
    fn recovers_the_parameters_it_was_made_from() {
        let m = vec![vec![0.9, 0.06, 0.04], vec![0.8, 0.2], vec![0.95, 0.05]];
        let u = vec![vec![0.01, 0.04, 0.95], vec![0.1, 0.9], vec![0.3, 0.7]];
        let (lambda, n) = (0.1, 1e12);
        let mut patterns = Patterns { width: 3, ..Patterns::default() };
        for a in 0..3_u8 {
            for b in [0, 1, NULL] {
                for c in 0..2_u8 {
                    let seen = if b == NULL { 0.25 } else { 0.75 };
                    let part = |p: &[Vec<f64>]| {
                        let second = if b == NULL { 1.0 } else { p[1][b as usize] };
                        p[0][a as usize] * second * p[2][c as usize]
                    };
                    let share = seen * (lambda * part(&m) + (1.0 - lambda) * part(&u));
                    patterns.levels.extend([a, b, c]);
                    patterns.counts.push((share * n).round() as u64);
                }
            }
        }
        let start = vec![vec![0.7, 0.2, 0.1], vec![0.7, 0.3], vec![0.7, 0.3]];
        let shapes: Vec<Shape> = start.iter().map(|m| Shape::free(m.len(), 0.1)).collect();
        let fit = fit(&patterns, &start, &u, &[], (0.01, &shapes));
        assert!(fit.converged);
        assert!((fit.lambda - lambda).abs() < 1e-6, "{}", fit.lambda);
        for (ours, truth) in fit.m.iter().flatten().zip(m.iter().flatten()) {
            assert!((ours - truth).abs() < 1e-6, "{ours} {truth}");
        }
    }

    /// At the maximum, over a fine grid of the share, of the likelihood written out.
    #[test]
    fn what_is_explained_is_the_greatest_likelihood() {
        let (m, u) = (vec![vec![0.7, 0.3], vec![0.9, 0.1]], vec![vec![0.2, 0.8], vec![0.1, 0.9]]);
        let patterns = Patterns {
            levels: vec![0, 0, 0, 1, 1, NULL, 1, 1],
            counts: vec![40, 10, 7, 60],
            width: 2,
        };
        let tie = |ratio: [f64; 4]| Tie { at: (0, 1), ratio: ratio.to_vec(), width: 2 };
        let (matches, others) = (tie([1.1, 0.7, 0.9, 1.4]), tie([2.0, 0.9, 0.8, 1.1]));
        let log = |lambda: f64| {
            let pair = |m: f64, u: f64| (lambda * m + (1.0 - lambda) * u).ln();
            40.0 * pair(0.63 * 1.1, 0.02 * 2.0)
                + 10.0 * pair(0.07 * 0.7, 0.18 * 0.9)
                + 7.0 * pair(0.3, 0.8)
                + 60.0 * pair(0.03 * 1.4, 0.72 * 1.1)
        };
        let best = (1..10_000).map(|at| log(f64::from(at) / 1e4)).fold(f64::MIN, f64::max);
        let ours = explained(&patterns, (&m, &u), (&[matches], &[others])).0 * 117.0;
        assert!((ours - best).abs() < 1e-5, "{ours} {best}");
    }

    /// A slow twin that lists every pair.
    #[test]
    fn counted_patterns_equal_pairs_one_by_one() {
        let pairs: Vec<[u8; 2]> =
            (0..400_u32).map(|i| [(i % 3) as u8, u8::from(i % 7 >= 4)]).collect();
        let u = vec![vec![0.2, 0.3, 0.5], vec![0.25, 0.75]];
        let (mut m, mut lambda) = (vec![vec![0.6, 0.3, 0.1], vec![0.8, 0.2]], 0.2);
        let listed = Patterns { levels: pairs.concat(), counts: vec![1; 400], width: 2 };
        let mut counted = Patterns { width: 2, ..Patterns::default() };
        for a in 0..3 {
            for b in 0..2 {
                counted.levels.extend([a, b]);
                counted.counts.push(pairs.iter().filter(|p| **p == [a, b]).count() as u64);
            }
        }
        let shapes: Vec<Shape> = m.iter().map(|m| Shape::free(m.len(), 0.1)).collect();
        let from = (lambda, &shapes[..]);
        let (one, two) = (fit(&listed, &m, &u, &[], from), fit(&counted, &m, &u, &[], from));
        for _ in 0..one.iterations {
            let z: Vec<f64> =
                pairs.iter().map(|pair| posterior(pair, &m, &u, &[], lambda)).collect();
            lambda = z.iter().sum::<f64>() / 400.0;
            for (k, m) in m.iter_mut().enumerate() {
                let total: f64 = z.iter().sum::<f64>() + 0.1 * m.len() as f64;
                for (level, m) in m.iter_mut().enumerate() {
                    let hit = |(pair, z): (&[u8; 2], &f64)| {
                        if pair[k] as usize == level { *z } else { 0.0 }
                    };
                    *m = (0.1 + pairs.iter().zip(&z).map(hit).sum::<f64>()) / total;
                }
            }
        }
        for other in [&two.m, &m] {
            for (a, b) in one.m.iter().flatten().zip(other.iter().flatten()) {
                assert!((a - b).abs() < 1e-9);
            }
        }
        assert!((one.lambda - lambda).abs() < 1e-9 && (two.lambda - lambda).abs() < 1e-9);
    }
    /// Fixed levels stay, the rest sums to what is left, and the ratio does not rise.
    #[test]
    fn shapes_are_kept() {
        let shape = Shape { fixed: vec![None, Some(0.1)], ..Shape::free(3, 0.1) };
        let mut p = [0.5, 0.4, 0.1];
        shape.fit(&mut p, &[0.1, 0.2, 0.7]);
        assert_eq!(p[1], 0.1);
        assert!((p[0] - 0.75).abs() < 1e-12 && (p[2] - 0.15).abs() < 1e-12, "{p:?}");
        let shape = Shape { ordered: 3, ..Shape::free(4, 0.1) };
        let (mut p, u) = ([0.1, 0.3, 0.2, 0.4], [0.1, 0.1, 0.4, 0.4]);
        shape.fit(&mut p, &u);
        // Levels 0 and 1 are pooled: 0.4 over 0.2; the last is free to be above its neighbour.
        for (p, expected) in p.iter().zip([0.2, 0.2, 0.2, 0.4]) {
            assert!((p - expected).abs() < 1e-12, "{p} {expected}");
        }
        let whole = Shape { fixed: vec![Some(0.7), Some(0.3)], ..Shape::free(2, 0.1) };
        let mut p = [0.5, 0.5];
        whole.fit(&mut p, &[0.1, 0.9]);
        assert_eq!(p, [0.7, 0.3]);
    }

    /// The order is that of the greatest likelihood: no m on a fine grid that keeps it is better.
    #[test]
    fn ordered_levels_are_those_of_the_greatest_likelihood() {
        let (hits, u) = ([20.0, 50.0, 10.0, 20.0], [0.05, 0.3, 0.01, 0.64]);
        let mut best = hits.map(|h: f64| h / 100.0);
        Shape { ordered: 4, ..Shape::free(4, 0.1) }.fit(&mut best, &u);
        let log = |m: &[f64; 4]| hits.iter().zip(m).map(|(h, m)| h * m.ln()).sum::<f64>();
        for a in 1..100 {
            for b in 1..100 - a {
                for c in 1..100 - a - b {
                    let m = [a, b, c, 100 - a - b - c].map(|m| f64::from(m) / 100.0);
                    let kept = (0..3).all(|k| m[k] / u[k] >= m[k + 1] / u[k + 1] - 1e-12);
                    assert!(!kept || log(&m) <= log(&best) + 1e-9, "{m:?} {best:?}");
                }
            }
        }
    }
}
