//! What a fit says: tests, intervals, predictions, effects.

use super::EstimateError;
use super::absorption::{failed, sets};
use super::design::label;
use crate::data::{Column, Factor, Fit, SampleEffect, Table, Ticket};
use crate::math::absorb::{Absorber, Stop};
use crate::math::linalg::Triangle;
use crate::math::special::{chi2_sf, f_sf, t_quantile, t_two_sided};
use serde::{Deserialize, Serialize};

/// A Wald test of linear restrictions R b = q.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaldTest {
    /// (R b - q)' (R V R')^-1 (R b - q), distributed as chi-squared in large samples.
    pub chi2: f64,
    /// The same divided by the number of restrictions, distributed as F.
    pub f: f64,
    /// Restrictions that are independent.
    pub df1: usize,
    /// Degrees of freedom of the denominator of F, those of the t tests.
    pub df2: f64,
    /// P(F > f).
    pub p_f: f64,
    /// P(chi-squared > chi2).
    pub p_chi2: f64,
}

/// Values of one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectValues {
    /// The effect, as in the formula.
    pub name: String,
    /// The levels: one column a part of `f^g`.
    pub levels: Vec<Column>,
    /// One value a level.
    pub values: Vec<f64>,
}

impl EffectValues {
    /// The label of a level; parts of `f^g` are joined by `^`.
    #[must_use]
    pub fn label(&self, level: usize) -> String {
        self.levels.iter().map(|column| label(column, level)).collect::<Vec<_>>().join("^")
    }
}

impl Fit {
    /// Coefficients over their standard errors, shape `(k,)`.
    #[must_use]
    pub fn t_values(&self) -> Vec<f64> {
        self.coef.iter().zip(self.std_errors()).map(|(b, se)| b / se).collect()
    }

    /// Two-sided p values by the t distribution, shape `(k,)`.
    #[must_use]
    pub fn p_values(&self) -> Vec<f64> {
        self.t_values().into_iter().zip(self.dfs()).map(|(t, df)| t_two_sided(t, df)).collect()
    }

    /// Confidence intervals of probability `1 - alpha`, one pair a coefficient.
    ///
    /// # Errors
    ///
    /// [`EstimateError::BadArgument`] when `alpha` does not lie between 0 and 1.
    pub fn confint(&self, alpha: f64) -> Result<Vec<(f64, f64)>, EstimateError> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(EstimateError::BadArgument {
                argument: "alpha",
                expected: "a number between 0 and 1",
                got: alpha.to_string(),
            });
        }
        let both = |((b, se), df): ((&f64, f64), f64)| {
            let reach = t_quantile(1.0 - alpha / 2.0, df) * se;
            (b - reach, b + reach)
        };
        Ok(self.coef.iter().zip(self.std_errors()).zip(self.dfs()).map(both).collect())
    }

    /// One row a coefficient: `Coefficient`, `Estimate`, `Std. Error`, `t value`, `Pr(>|t|)` and
    /// the bounds of the interval, named as percentages.
    ///
    /// # Errors
    ///
    /// As [`confint`](Self::confint).
    pub fn tidy(&self, alpha: f64) -> Result<Table, EstimateError> {
        let bounds = self.confint(alpha)?;
        let percent = |p: f64| format!("{}%", (p * 1e6).round() / 1e4);
        Ok(Table::new([
            ("Coefficient".to_owned(), Column::text(self.names.iter().map(|n| Some(n.as_str())))),
            ("Estimate".to_owned(), Column::float(self.coef.clone())),
            ("Std. Error".to_owned(), Column::float(self.std_errors())),
            ("t value".to_owned(), Column::float(self.t_values())),
            ("Pr(>|t|)".to_owned(), Column::float(self.p_values())),
            (percent(alpha / 2.0), Column::float(bounds.iter().map(|b| b.0).collect())),
            (percent(1.0 - alpha / 2.0), Column::float(bounds.iter().map(|b| b.1).collect())),
        ])?)
    }

    /// Tests that the named coefficients are all zero.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSuchCoefficient`], [`EstimateError::BadArgument`] when none is named.
    pub fn wald_test(&self, names: &[&str]) -> Result<WaldTest, EstimateError> {
        let k = self.names.len();
        let rows = names
            .iter()
            .map(|name| {
                let at = self.names.iter().position(|own| own == name).ok_or_else(|| {
                    EstimateError::NoSuchCoefficient {
                        argument: "names",
                        name: (*name).to_owned(),
                        present: self.names.clone(),
                    }
                })?;
                let mut row = vec![0.0; k];
                row[at] = 1.0;
                Ok(row)
            })
            .collect::<Result<Vec<_>, EstimateError>>()?;
        self.wald_test_of(&rows, &vec![0.0; names.len()])
    }

    /// Tests R b = q; each row of `r` has one number a coefficient.
    ///
    /// # Errors
    ///
    /// [`EstimateError::BadArgument`] when shapes do not fit or there is no restriction.
    pub fn wald_test_of(&self, r: &[Vec<f64>], q: &[f64]) -> Result<WaldTest, EstimateError> {
        let (k, m) = (self.names.len(), r.len());
        let shapes = m > 0 && q.len() == m && r.iter().all(|row| row.len() == k);
        if !shapes || r.iter().flatten().chain(q).any(|value| !value.is_finite()) {
            return Err(EstimateError::BadArgument {
                argument: "R",
                expected: "restrictions with one finite number a coefficient, and one q each",
                got: format!("{m} restrictions, {} of q, {k} coefficients", q.len()),
            });
        }
        let gap: Vec<f64> = r
            .iter()
            .zip(q)
            .map(|(row, q)| row.iter().zip(&self.coef).map(|(r, b)| r * b).sum::<f64>() - q)
            .collect();
        let mut middle = vec![0.0; m * m];
        for (i, a) in r.iter().enumerate() {
            for (j, b) in r.iter().enumerate() {
                for (at, value) in self.vcov.iter().enumerate() {
                    middle[i * m + j] += a[at / k] * value * b[at % k];
                }
            }
        }
        let triangle = Triangle::cholesky(&middle, &vec![0.0; m], 1e-12);
        let kept: Vec<f64> = triangle.kept.iter().map(|&i| gap[i]).collect();
        let chi2: f64 = triangle.solve(&kept).iter().zip(&kept).map(|(a, b)| a * b).sum();
        let df1 = triangle.kept.len();
        if df1 == 0 {
            return Err(EstimateError::BadArgument {
                argument: "R",
                expected: "a restriction of a coefficient with a variance above 0",
                got: "none".to_owned(),
            });
        }
        let f = chi2 / df1 as f64;
        let p_chi2 = chi2_sf(chi2, df1 as f64);
        let p_f = if self.df.is_infinite() { p_chi2 } else { f_sf(f, df1 as f64, self.df) };
        Ok(WaldTest { chi2, f, df1, df2: self.df, p_f, p_chi2 })
    }

    /// Residuals, one a row of the sample.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`].
    pub fn resid(&self) -> Result<Vec<f64>, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "resid" })?;
        Ok(sample.residuals.clone())
    }

    /// Linear predictors with effects and offset, one a row of the sample; fitted values where the
    /// link is the identity.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`].
    pub fn predict_link(&self) -> Result<Vec<f64>, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "predict" })?;
        match &sample.working {
            Some(working) => Ok(working.link.clone()),
            None => self.predict(),
        }
    }

    /// Fitted values with effects, one a row of the sample.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`].
    pub fn predict(&self) -> Result<Vec<f64>, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "predict" })?;
        Ok(sample.outcome.iter().zip(&sample.residuals).map(|(y, u)| y - u).collect())
    }

    /// Values of the effects.
    ///
    /// They solve `y - x'b - u = sum of effects`. With several effects only differences within
    /// connected levels are determined: the largest effect carries the level, and in every other
    /// one the first level in natural order is 0 (with two effects: the first of each connected
    /// set). Slopes by level come after their effect, as `person[[age]]`; where other effects span
    /// them they are not normalised. Empty without effects.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`], [`EstimateError::NotConverged`].
    pub fn fixef(&self) -> Result<Vec<EffectValues>, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "fixef" })?;
        if sample.effects.is_empty() {
            return Ok(Vec::new());
        }
        let mut sums: Vec<f64> = sample
            .outcome
            .iter()
            .zip(&sample.linear)
            .zip(&sample.residuals)
            .map(|((y, xb), u)| y - xb - u)
            .collect();
        if let Some(working) = &sample.working {
            sums = working.link.iter().zip(&sample.linear).map(|(eta, xb)| eta - xb).collect();
            if let Some(offset) = &working.offset {
                sums.iter_mut().zip(offset).for_each(|(sum, offset)| *sum -= offset);
            }
        }
        let sets = sets(&sample.effects);
        let (stop, ticket) = (Stop { tol: 1e-10, max_iter: 20_000 }, Ticket::new());
        let (mut values, _) = Absorber::varying(&sets, sample.weights.as_deref(), &ticket)
            .and_then(|mut absorber| absorber.coefficients(&mut sums, stop, &ticket))
            .map_err(failed)?;
        normalise(&sample.effects, &mut values);
        let mut all = Vec::new();
        for (effect, values) in sample.effects.iter().zip(values) {
            let (order, width) = (natural_order(&effect.levels), effect.width());
            for (at, name) in effect.labels().into_iter().enumerate() {
                all.push(EffectValues {
                    name,
                    levels: effect.levels.iter().map(|column| column.take(&order)).collect(),
                    values: order.iter().map(|&own| values[own as usize * width + at]).collect(),
                });
            }
        }
        Ok(all)
    }
}

/// Levels sorted by the values of their columns.
fn natural_order(levels: &[Column]) -> Vec<u32> {
    let ranks: Vec<Vec<Option<u32>>> = levels.iter().map(|column| column.ranks().0).collect();
    let n = levels.first().map_or(0, Column::len) as u32;
    let mut order: Vec<u32> = (0..n).collect();
    order.sort_by_key(|&level| {
        (ranks.iter().map(|own| own[level as usize]).collect::<Vec<_>>(), level)
    });
    order
}

/// Moves constants to the largest effect so that the others start at 0.
fn normalise(effects: &[SampleEffect], values: &mut [Vec<f64>]) {
    let own: Vec<usize> = (0..effects.len()).filter(|&s| effects[s].constant).collect();
    let n = |s: usize| effects[s].factor.n_levels();
    let Some(&largest) = own.iter().max_by_key(|&&s| (n(s), usize::MAX - s)) else { return };
    let others: Vec<usize> = own.into_iter().filter(|&s| s != largest).collect();
    let width = |s: usize| effects[s].width();
    if let [other] = others.as_slice() {
        let (big, small) = (&effects[largest].factor, &effects[*other].factor);
        let component = components(big, small);
        let mut base: Vec<Option<f64>> = vec![None; n(*other)];
        for level in natural_order(&effects[*other].levels) {
            let slot = &mut base[component[level as usize] as usize];
            slot.get_or_insert(values[*other][level as usize * width(*other)]);
        }
        let shift = |level: usize| base[component[level] as usize].unwrap_or_default();
        let mut home = vec![0.0; n(largest)];
        for (&big, &small) in big.codes().iter().zip(small.codes()) {
            home[big as usize] = shift(small as usize);
        }
        for (value, home) in values[largest].iter_mut().step_by(width(largest)).zip(&home) {
            *value += home;
        }
        for (level, value) in values[*other].iter_mut().step_by(width(*other)).enumerate() {
            *value -= shift(level);
        }
        return;
    }
    for other in others {
        let first = natural_order(&effects[other].levels).first().copied();
        let shift = first.map_or(0.0, |level| values[other][level as usize * width(other)]);
        values[other].iter_mut().step_by(width(other)).for_each(|value| *value -= shift);
        values[largest].iter_mut().step_by(width(largest)).for_each(|value| *value += shift);
    }
}

/// For each level of `small`, a level that stands for its connected set.
fn components(big: &Factor, small: &Factor) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..small.n_levels() as u32).collect();
    let mut seen = vec![u32::MAX; big.n_levels()];
    for (&big, &small) in big.codes().iter().zip(small.codes()) {
        let before = std::mem::replace(&mut seen[big as usize], small);
        if before != u32::MAX {
            let (a, b) = (root(&mut parent, before), root(&mut parent, small));
            parent[a.max(b) as usize] = a.min(b);
        }
    }
    (0..small.n_levels() as u32).map(|level| root(&mut parent, level)).collect()
}

fn root(parent: &mut [u32], mut at: u32) -> u32 {
    while parent[at as usize] != at {
        parent[at as usize] = parent[parent[at as usize] as usize];
        at = parent[at as usize];
    }
    at
}
