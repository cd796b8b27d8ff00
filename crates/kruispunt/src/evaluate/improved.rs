//! Doubly robust comparisons whose weights balance the covariates exactly.
//!
//! Sant'Anna & Zhao (2020, *Journal of Econometrics* 219(1), 101-122, section 3.2): the odds of
//! treatment solve
//!
//! ```text
//! sum over treated of w x = sum over untreated of w exp(x'g) x
//! ```
//!
//! and the untreated's regression is weighted by these odds. Neither estimation then moves the
//! effect at first order, so its influence function is that of known models.

use super::nuisance::{Estimates, Group, HIGHEST, TRIM, add_outer, factorise, product};

const OUTSIDE: &str =
    "covariates of the treated lie beyond those of the untreated: no weights balance them";

impl Group {
    /// Fits the balancing odds and the regression's cross-product; says why it cannot.
    pub(super) fn balance(&mut self, k: usize) -> Option<&'static str> {
        let odds = match self.balancing_odds(k) {
            Ok(odds) => odds,
            Err(reason) => return Some(reason),
        };
        let mut gram = vec![0.0; k * k];
        for ((_, weight, x), odds) in self.rows(k).zip(&odds).filter(|(row, _)| !row.0) {
            add_outer(&mut gram, x, weight * odds);
        }
        self.ols = factorise(gram, k);
        self.odds = Some(odds);
        let lack = "covariates are collinear among the untreated of this comparison";
        self.ols.is_none().then_some(lack)
    }

    /// Newton's method on a convex function, with halved steps where a whole one does not descend.
    pub(super) fn balancing_odds(&self, k: usize) -> Result<Vec<f64>, &'static str> {
        const STEPS: usize = 200;
        let value = |gamma: &[f64]| -> f64 {
            self.rows(k)
                .map(|(treated, weight, x)| {
                    let eta = product(x, gamma);
                    if treated { -weight * eta } else { weight * libm::exp(eta) }
                })
                .sum()
        };
        let total: f64 = self.weights.iter().sum();
        let treated: f64 = self.weights[..self.n_treated].iter().sum();
        let mut gamma = vec![0.0; k];
        gamma[0] = libm::log(treated / (total - treated));
        let mut now = value(&gamma);
        for _ in 0..STEPS {
            let (mut gram, mut score) = (vec![0.0; k * k], vec![0.0; k]);
            for (treated, weight, x) in self.rows(k) {
                if treated {
                    score.iter_mut().zip(x).for_each(|(slot, x)| *slot += weight * x);
                } else {
                    let odds = weight * libm::exp(product(x, &gamma));
                    add_outer(&mut gram, x, odds);
                    score.iter_mut().zip(x).for_each(|(slot, x)| *slot -= odds * x);
                }
            }
            let hessian = factorise(gram, k).ok_or(OUTSIDE)?;
            let step = hessian.solve(&score);
            let (mut part, mut moved) = (1.0, None);
            while part > 1e-6 {
                let next: Vec<f64> = gamma.iter().zip(&step).map(|(g, s)| g + part * s).collect();
                let then = value(&next);
                // rounding may hide the descent of the last steps
                if then.is_finite() && then <= now + 1e-12 * now.abs() {
                    moved = Some((next, then));
                    break;
                }
                part /= 2.0;
            }
            let Some((next, then)) = moved else { return Err(OUTSIDE) };
            (gamma, now) = (next, then);
            if gamma.iter().any(|value| !value.is_finite() || value.abs() > 1e3) {
                return Err(OUTSIDE);
            }
            let largest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            if largest < 1e-10 {
                let most = HIGHEST / (1.0 - HIGHEST);
                let odds = self.rows(k).map(|(_, _, x)| libm::exp(product(x, &gamma)).min(most));
                return Ok(odds.collect());
            }
        }
        Err(OUTSIDE)
    }

    /// Effects, their influence functions, and how many untreated units get no weight.
    pub(super) fn by_balance(&self, mut left: Vec<f64>, m: usize, k: usize) -> Estimates {
        let (Some(odds), Some(_)) = (&self.odds, &self.ols) else {
            return Estimates { values: vec![f64::NAN; m], psi: left, trimmed: 0 };
        };
        let beta = self.coefficients(&left, m, k, Some(odds));
        self.subtract(&mut left, &beta, m, k);
        let n1 = self.n_treated;
        let total: f64 = self.weights[..n1].iter().sum();
        let extreme = |odds: f64| odds / (1.0 + odds) >= TRIM;
        let mut values = vec![0.0; m];
        for (at, psi) in left.chunks_exact_mut(m).enumerate() {
            let scale = if at < n1 {
                self.weights[at]
            } else if extreme(odds[at]) {
                0.0
            } else {
                -self.weights[at] * odds[at]
            };
            for (value, psi) in values.iter_mut().zip(psi) {
                *psi *= scale / total;
                *value += *psi;
            }
        }
        for (psi, weight) in left.chunks_exact_mut(m).zip(&self.weights[..n1]) {
            psi.iter_mut().zip(&values).for_each(|(own, value)| *own -= weight * value / total);
        }
        let trimmed = odds[n1..].iter().filter(|odds| extreme(**odds)).count();
        Estimates { values, psi: left, trimmed }
    }
}
