use super::error::bad;
use super::{Sequences, TrajectoryError};
use serde::{Deserialize, Serialize};

/// What it costs to turn one state into another, and to insert or delete one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Costs {
    /// The same for every two states.
    Constant(f64),
    /// `2 - p(a|b) - p(b|a)` with p the transition rates: states between which many move are close.
    Rates,
    /// `1/f(a) + 1/f(b)` with f the share of time in a state; indels `1/f(a)`: rare states count
    /// (Studer & Ritschard 2016, *Journal of the Royal Statistical Society* A 179(2), 481-511).
    Indels,
    /// `g(a) + g(b)` with indels `g(a) = log(2 / (1 + f(a)))`.
    IndelsLog,
    /// The chi-square distance between the transition rates of two states: states with the same
    /// future are close.
    Future,
    /// Gower's distance between what the states are, shape `(states, features)` row by row, with a
    /// weight a feature.
    Features {
        /// Values, state by state.
        values: Vec<f64>,
        /// One a feature.
        weights: Vec<f64>,
    },
    /// A matrix of one's own, shape `(states, states)` row by row: symmetric, zero on the diagonal.
    Matrix(Vec<f64>),
    /// A matrix of one's own with what each state costs to insert.
    Own(Prices),
}

/// Costs as numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// `states x states`.
    pub substitution: Vec<f64>,
    /// One a state.
    pub indel: Vec<f64>,
}

impl Prices {
    /// The dearest substitution.
    #[must_use]
    pub fn dearest(&self) -> f64 {
        self.substitution.iter().copied().fold(0.0, f64::max)
    }

    /// The dearest insertion.
    #[must_use]
    pub fn dearest_indel(&self) -> f64 {
        self.indel.iter().copied().fold(0.0, f64::max)
    }

    /// Whether all states cost the same to insert.
    #[must_use]
    pub fn one_indel(&self) -> bool {
        self.indel.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// The cost of all substitutions, where it is one and the same.
    #[must_use]
    pub fn one_substitution(&self) -> Option<f64> {
        let n = self.indel.len();
        let mut apart = (0..n * n).filter(|at| at / n != at % n).map(|at| self.substitution[at]);
        let first = apart.next()?;
        let still = (0..n).all(|state| self.substitution[state * n + state] == 0.0);
        (still && apart.all(|cost| cost == first)).then_some(first)
    }

    /// Two states with a cheaper way over a third, if there are any.
    #[must_use]
    pub fn detour(&self) -> Option<(usize, usize, usize)> {
        let n = self.indel.len();
        let cost = |a: usize, b: usize| self.substitution[a * n + b];
        let slack = 1e-9 * self.dearest().max(1.0);
        (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).find_map(|(a, b)| {
            let cheaper = |&via: &usize| cost(a, via) + cost(via, b) < cost(a, b) - slack;
            (0..n).find(cheaper).map(|via| (a, b, via))
        })
    }
}

impl Sequences {
    /// Costs as numbers: those of [`Costs`], with half the dearest substitution as the cost of
    /// insertions where the costs name none. With `missing` the missing state comes last.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for costs that are negative, not finite, not symmetric,
    /// not zero on the diagonal or of another shape.
    pub fn prices(&self, costs: &Costs, missing: bool) -> Result<Prices, TrajectoryError> {
        let own = self.alphabet.len();
        let states = own + usize::from(missing);
        let rates = || {
            if missing { self.transition_rates_with_missing(1) } else { self.transition_rates(1) }
        };
        let substitution = match costs {
            Costs::Constant(cost) => {
                check("costs", &[*cost])?;
                square(states, |_, _| *cost)
            }
            Costs::Rates => {
                let p = rates();
                square(states, |a, b| 2.0 - p[a * states + b] - p[b * states + a])
            }
            Costs::Future => {
                let p = rates();
                let total = |to: usize| (0..states).map(|from| p[from * states + to]).sum::<f64>();
                let totals: Vec<f64> = (0..states).map(total).collect();
                square(states, |a, b| {
                    let part = |to: usize| {
                        let gap = p[a * states + to] - p[b * states + to];
                        if totals[to] > 0.0 { gap * gap / totals[to] } else { 0.0 }
                    };
                    (0..states).map(part).sum::<f64>().sqrt()
                })
            }
            Costs::Indels | Costs::IndelsLog => {
                let indel = self.rarity(states, *costs == Costs::IndelsLog)?;
                let substitution = square(states, |a, b| indel[a] + indel[b]);
                return Ok(Prices { substitution, indel });
            }
            Costs::Features { values, weights } => gower(values, weights, own, states)?,
            Costs::Matrix(own) => matrix(own, states)?,
            Costs::Own(own) => {
                let substitution = matrix(&own.substitution, states)?;
                if own.indel.len() != states {
                    return Err(bad("indel", "one cost a state", own.indel.len()));
                }
                check("indel", &own.indel)?;
                return Ok(Prices { substitution, indel: own.indel.clone() });
            }
        };
        let dearest = substitution.iter().copied().fold(0.0, f64::max);
        Ok(Prices { substitution, indel: vec![dearest / 2.0; states] })
    }

    /// Rare states are dear.
    fn rarity(&self, states: usize, log: bool) -> Result<Vec<f64>, TrajectoryError> {
        let mut time = vec![0.0; states];
        for (row, weight) in self.weights.iter().enumerate() {
            for &code in self.body(row) {
                let code = (code as usize).min(self.alphabet.len());
                if let Some(time) = time.get_mut(code) {
                    *time += weight;
                }
            }
        }
        let total: f64 = time.iter().sum();
        let price =
            |time: &f64| if log { libm::log(2.0 / (1.0 + time / total)) } else { total / time };
        let prices: Vec<f64> = time.iter().map(price).collect();
        if prices.iter().any(|price| !price.is_finite()) {
            let expected = "states that all occur, as rare states are dear";
            return Err(bad("costs", expected, "a state that never occurs"));
        }
        Ok(prices)
    }

    /// Costs that change over time, shape `(positions, states, states)`: `4` less the transition
    /// rates between two states, there and back, into and out of the position (Lesnard 2010,
    /// *Sociological Methods & Research* 38(3), 389-419); at the first and last position twice
    /// those of the one side there is.
    pub(super) fn changing_prices(&self) -> Vec<f64> {
        let (states, width) = (self.alphabet.len(), self.positions.len());
        let p = self.transition_rates_by_position();
        let square_of = |at: usize, a: usize, b: usize| {
            let rate = |from: usize, to: usize| p[(at * states + from) * states + to];
            rate(a, b) + rate(b, a)
        };
        let mut all = Vec::with_capacity(width * states * states);
        for at in 0..width {
            all.extend(square(states, |a, b| {
                let into = (at > 0).then(|| square_of(at - 1, a, b));
                let out = (at + 1 < width).then(|| square_of(at, a, b));
                match (into, out) {
                    (Some(into), Some(out)) => 4.0 - into - out,
                    (Some(one), None) | (None, Some(one)) => 4.0 - 2.0 * one,
                    (None, None) => 4.0,
                }
            }));
        }
        all
    }
}

/// A symmetric table with zeros on the diagonal.
fn square(states: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut table = vec![0.0; states * states];
    for a in 0..states {
        for b in 0..a {
            let cost = cost(b, a);
            table[a * states + b] = cost;
            table[b * states + a] = cost;
        }
    }
    table
}

fn check(argument: &'static str, values: &[f64]) -> Result<(), TrajectoryError> {
    match values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        Some(value) => Err(bad(argument, "finite costs of at least 0", value)),
        None => Ok(()),
    }
}

/// A matrix of one's own.
fn matrix(own: &[f64], states: usize) -> Result<Vec<f64>, TrajectoryError> {
    if own.len() != states * states {
        let expected = "a row and a column a state (and one for missing, where it is a state)";
        return Err(bad("costs", expected, format!("{} numbers for {states} states", own.len())));
    }
    check("costs", own)?;
    for a in 0..states {
        if own[a * states + a] != 0.0 {
            return Err(bad("costs", "zeros on the diagonal", own[a * states + a]));
        }
        for b in 0..a {
            let (one, other) = (own[a * states + b], own[b * states + a]);
            if (one - other).abs() > 1e-9 * one.abs().max(1.0) {
                return Err(bad("costs", "a symmetric matrix", format!("{one} and {other}")));
            }
        }
    }
    Ok(square(states, |a, b| own[a * states + b]))
}

/// Gower's distance; a missing state is as far from all as can be.
fn gower(
    values: &[f64],
    weights: &[f64],
    own: usize,
    states: usize,
) -> Result<Vec<f64>, TrajectoryError> {
    let features = weights.len();
    if features == 0 || values.len() != own * features {
        return Err(bad("features", "one row a state and one weight a feature", values.len()));
    }
    check("weights", weights)?;
    let total: f64 = weights.iter().sum();
    if values.iter().any(|value| !value.is_finite()) || total <= 0.0 {
        return Err(bad("features", "finite values and weights above 0", "others"));
    }
    let span = |feature: usize| {
        let column = || (0..own).map(|state| values[state * features + feature]);
        column().fold(f64::MIN, f64::max) - column().fold(f64::MAX, f64::min)
    };
    let spans: Vec<f64> = (0..features).map(span).collect();
    Ok(square(states, |a, b| {
        if a.max(b) >= own {
            return 1.0;
        }
        let part = |feature: usize| {
            let gap = (values[a * features + feature] - values[b * features + feature]).abs();
            if spans[feature] > 0.0 { weights[feature] * gap / spans[feature] } else { 0.0 }
        };
        (0..features).map(part).sum::<f64>() / total
    }))
}
