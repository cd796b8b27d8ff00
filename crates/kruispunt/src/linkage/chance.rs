//! Other rows with a value that are there by chance.

/// How many of the other rows with a row's value hold it by chance, and not because they are rows
/// of the same person: E[c | c + o = t], with `c` negative binomial and `o` Poisson over rows.
///
/// The mean of `c` is what u says, that of `o` the rest; all that the numbers vary beyond Poisson
/// is taken as variation of `c` (some values are common).
#[derive(Debug)]
pub(super) struct Chance {
    own: f64,
    expected: Vec<f64>,
}

impl Chance {
    /// Other rows up to which the sum is made; beyond, the mean of the own rows is taken away.
    const SUMMED: usize = 100;

    /// From the rows by value and u of equality.
    pub(super) fn new(counts: &[u64], u: f64) -> Self {
        let n = counts.iter().sum::<u64>() as f64;
        let moment = |power: i32| {
            let each = counts.iter().map(|&n| n as f64 * (n as f64 - 1.0).powi(power));
            each.sum::<f64>() / n.max(1.0)
        };
        let (mean, square) = (moment(1), moment(2));
        let chance = (u * (n - 1.0)).clamp(0.0, mean);
        let own = mean - chance;
        let spread = (square - mean * mean - mean).max(1e-9 * mean.max(1e-9));
        let shape = (chance * chance / spread).clamp(1e-6, 1e6);
        if chance <= 0.0 || own <= 1e-3 * mean {
            return Self { own: 0.0, expected: Vec::new() };
        }
        let by_chance = logs(Self::SUMMED, shape * (shape / (shape + chance)).ln(), |at| {
            ((shape + at) / (at + 1.0) * chance / (shape + chance)).ln()
        });
        let by_own = logs(Self::SUMMED, -own, |at| (own / (at + 1.0)).ln());
        let expected = (0..=Self::SUMMED).map(|total| {
            let logs = (0..=total).map(|c| by_chance[c] + by_own[total - c]);
            let top = logs.clone().fold(f64::NEG_INFINITY, f64::max);
            let (mut sum, mut all) = (0.0, 0.0);
            for (c, log) in logs.enumerate() {
                let weight = (log - top).exp();
                sum += c as f64 * weight;
                all += weight;
            }
            sum / all
        });
        Self { own, expected: expected.collect() }
    }

    /// The rows expected to hold the value by chance, of `total` others that do.
    pub(super) fn of(&self, total: u64) -> f64 {
        let there = usize::try_from(total).ok().and_then(|at| self.expected.get(at));
        there.copied().unwrap_or_else(|| (total as f64 - self.own).max(0.0))
    }
}

/// Logs of a distribution by the ratio of each probability to the one before.
fn logs(n: usize, first: f64, ratio: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut last = first;
    let rest = (0..n).map(|at| {
        last += ratio(at as f64);
        last
    });
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without more variation than Poisson's, each other row is there by chance with the share of
    /// chance among the other rows: E[c | t] = t chance / (chance + own).
    #[test]
    fn poisson_and_poisson_share_in_proportion() {
        // Every value has 3 rows: 2 others, no variation at all.
        let counts = vec![3_u64; 1000];
        let u = 0.5 / 2999.0;
        let chance = Chance::new(&counts, u);
        for total in 0..20 {
            let expected = total as f64 * 0.5 / 2.0;
            assert!((chance.of(total) - expected).abs() < 1e-3 * (1.0 + expected), "{total}");
        }
    }

    /// A common value is common by chance, a rare one held by one person's rows.
    #[test]
    fn common_values_are_chance_and_rare_ones_are_not() {
        let mut counts = vec![2_u64; 5000];
        counts.extend([400, 900, 1500]);
        let n: u64 = counts.iter().sum();
        let pairs: f64 = [400.0, 900.0, 1500.0].iter().map(|n: &f64| n * (n - 1.0)).sum();
        let u = pairs / (n * (n - 1)) as f64;
        let chance = Chance::new(&counts, u);
        assert!(chance.of(1) < 0.5, "{}", chance.of(1));
        assert!((chance.of(1499) / 1499.0 - 1.0).abs() < 0.01);
        let all: Vec<f64> = (0..200).map(|total| chance.of(total)).collect();
        assert!(all.windows(2).all(|two| two[0] <= two[1] + 1.0));
    }

    #[test]
    fn where_all_is_chance_nothing_is_taken_away() {
        let counts = [10_u64, 20, 30];
        let equal = counts.iter().map(|n| n * (n - 1)).sum::<u64>() as f64 / (60.0 * 59.0);
        let chance = Chance::new(&counts, equal);
        assert_eq!(chance.of(7), 7.0);
        assert_eq!(Chance::new(&[], 0.5).of(3), 3.0);
    }
}
