//! The share of matches, and what no rule finds of them.

use crate::math::em::{self, Patterns, Tie};

/// Pairs of the union of all rules, by pattern and by how many rules find them (1, 2, more).
pub(super) struct Union {
    pub(super) patterns: Patterns,
    pub(super) found: Vec<u8>,
    /// One over the share of left rows that was looked at.
    pub(super) scale: f64,
    /// Rules.
    pub(super) occasions: f64,
}

/// P(all columns of some rule agree), columns agreeing independently; rules are bit masks.
/// 1 when the rules have more than 16 columns.
pub(super) fn found_share(agree: &[f64], rules: &[u64]) -> f64 {
    let used = rules.iter().fold(0, |all, rule| all | rule);
    let columns: Vec<usize> = (0..agree.len().min(64)).filter(|at| used >> at & 1 == 1).collect();
    if columns.len() > 16 {
        return 1.0;
    }
    let mut found = 0.0;
    for state in 0_u64..1 << columns.len() {
        let (mut mask, mut probability) = (0, 1.0);
        for (bit, &column) in columns.iter().enumerate() {
            if state >> bit & 1 == 1 {
                mask |= 1 << column;
                probability *= agree[column];
            } else {
                probability *= 1.0 - agree[column];
            }
        }
        if rules.iter().any(|rule| rule & mask == *rule) {
            found += probability;
        }
    }
    found
}

impl Union {
    /// The share of matches among all pairs, and of those the share that the rules find: at most
    /// `bound`, and at most what the numbers of rules that find each match tell (Chao 1987); then
    /// the expected matches found over the most there can be; last the relative standard error of
    /// the share.
    ///
    /// With `p` the probabilities of the pairs, `G = sum p` and `V = sum p (1 - p)`, an error of the
    /// expected matches of variance `V` moves the share that they were computed with, and so
    /// themselves: it counts `G / (G - V)` times. Chao's estimate of what no rule finds adds
    /// `f_2 (r^2 / 2 + r^3 + r^4 / 4)`, `r = f_1 / f_2`. Errors of m and u are not in it.
    pub(super) fn lambda(
        &self,
        (m, u, ties): (&[Vec<f64>], &[Vec<f64>], &[Tie]),
        start: f64,
        (most, pairs): (f64, f64),
        bound: f64,
    ) -> (f64, f64, f64, f64) {
        let (mut lambda, mut completeness, mut over) = (start, 1.0, 0.0);
        let mut error = 0.0;
        for _ in 0..500 {
            let (mut found, mut open) = ([0.0; 4], 0.0);
            for ((pattern, count), &times) in self.patterns.iter().zip(&self.found) {
                let share = em::posterior(pattern, m, u, ties, lambda);
                found[times as usize] += share * count as f64 * self.scale;
                open += share * (1.0 - share) * count as f64 * self.scale * self.scale;
            }
            let seen: f64 = found.iter().sum();
            over = seen / (most * pairs).max(1.0);
            let unseen = if self.occasions < 2.0 || found[2] < 1.0 {
                0.0
            } else {
                (self.occasions - 1.0) / self.occasions * found[1] * found[1] / (2.0 * found[2])
            };
            let ratio = if found[2] > 0.0 { found[1] / found[2] } else { 0.0 };
            let own = (open * (seen / (seen - open).max(1e-3 * seen.max(1e-9))).powi(2))
                / seen.max(1e-9).powi(2);
            let never = if seen / (seen + unseen) < bound && unseen > 0.0 {
                found[2] * ratio.powi(2) * (0.5 + ratio + ratio.powi(2) / 4.0)
                    / (seen + unseen).powi(2)
            } else {
                0.0
            };
            error = (own + never).sqrt();
            completeness = (seen / (seen + unseen)).min(bound).clamp(0.01, 1.0);
            let next = (seen / completeness / pairs).clamp(1e-3 / pairs, most.max(2e-3 / pairs));
            completeness = (seen / (next * pairs)).clamp(0.01, 1.0);
            let change = ((next - lambda) / lambda).abs();
            lambda = next.min(0.5);
            if change < 1e-10 {
                break;
            }
        }
        (lambda, completeness, over, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_of_three_columns_find_what_the_binomial_says() {
        let found = found_share(&[0.9, 0.9, 0.9], &[0b011, 0b101, 0b110]);
        assert!((found - (3.0 * 0.81 * 0.1 + 0.729)).abs() < 1e-12);
        assert!((found_share(&[0.9, 0.5], &[0b10]) - 0.5).abs() < 1e-12);
        assert_eq!(found_share(&[0.5; 20], &[(1 << 17) - 1]), 1.0);
    }
}
