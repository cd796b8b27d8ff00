//! Which regressors explain a coefficient away: Gelbach's decomposition.

use super::EstimateError;
use super::design::named;
use super::formula::Formula;
use super::least_squares::{combine, solve};
use super::sample::Rows;
use crate::data::{Fit, Table};
use crate::math::crossprod::dot;
use serde::{Deserialize, Serialize};

/// A contribution with its standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The regressor or group of regressors; for effects their names joined by ` + `.
    pub name: String,
    /// What it takes away from the coefficient of the short regression.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// How the coefficient of a variable changes between a short and a full regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decomposition {
    /// The variable.
    pub variable: String,
    /// Its coefficient in the short regression.
    pub direct: Contribution,
    /// Its coefficient in the full regression.
    pub full: Contribution,
    /// The difference, the sum of `parts`.
    pub explained: Contribution,
    /// What each group of regressors contributes to it.
    pub parts: Vec<Contribution>,
    /// Observations.
    pub n_obs: usize,
}

/// Estimates and their influence on each row.
type Influence = (f64, Vec<f64>);

impl Fit {
    /// Gelbach's decomposition of a coefficient: how much of the difference between a short
    /// regression and this one each regressor explains, whatever their order.
    ///
    /// ```text
    /// b_short - b = sum over k of gamma_k b_k
    /// ```
    ///
    /// with `gamma_k` the coefficient of the variable in a regression of regressor k on the short
    /// regression's regressors (a constant, the variable and `also`). Effects are not in the short
    /// regression; what they explain together is one part. Standard errors come from the influence
    /// of each row, summed by the fit's cluster if it has one (pyfixest draws a bootstrap), and
    /// corrected by `G/(G - 1)`.
    ///
    /// `groups` adds regressors up under a name; what stands in none is a part of its own if there
    /// are no groups, and else is left to `"other"`. `table` is the one the fit was made from.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSuchCoefficient`], [`EstimateError::NoSample`],
    /// [`EstimateError::BadArgument`] for other models than least squares, a regressor in two
    /// groups, or a formula with lags.
    ///
    /// # References
    ///
    /// - Gelbach, J. B. (2016). When do covariates matter? And which ones, and how much? *Journal
    ///   of Labor Economics* 34(2), 509-543.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// use kruispunt::estimate::FeOls;
    /// let panel = Table::new([
    ///     ("trained", Column::int(vec![0, 0, 0, 1, 1, 1])),
    ///     ("age", Column::float(vec![20.0, 30.0, 40.0, 30.0, 40.0, 51.0])),
    ///     ("wage", Column::float(vec![10.0, 13.0, 15.0, 15.0, 18.0, 20.0])),
    /// ])?;
    /// let fit = FeOls::new("wage ~ trained + age")?.fit(&panel)?;
    /// let found = fit.decompose("trained", &[], &[], &panel)?;
    /// assert!((found.direct.estimate - 5.0).abs() < 1e-9);
    /// let age = found.parts[0].estimate;
    /// assert!((found.direct.estimate - found.full.estimate - age).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::too_many_lines, reason = "one formula with its checks")]
    pub fn decompose(
        &self,
        variable: &str,
        also: &[&str],
        groups: &[(&str, &[&str])],
        table: &Table,
    ) -> Result<Decomposition, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "decompose" })?;
        let bad = |argument, expected, got: &str| {
            Err(EstimateError::BadArgument { argument, expected, got: got.to_owned() })
        };
        let formula = Formula::parse(&self.formula)?;
        if !sample.is_least_squares() || self.transformed || formula.has_lags() {
            return bad("fit", "least squares of rows as they stand", "another model");
        }
        let place = |argument: &'static str, name: &str| {
            self.names.iter().position(|own| own == name).ok_or_else(|| {
                let (name, present) = (name.to_owned(), self.names.clone());
                EstimateError::NoSuchCoefficient { argument, name, present }
            })
        };
        let focal = place("decomp_var", variable)?;
        let mut short = vec![focal];
        for name in also {
            short.push(place("x1_vars", name)?);
        }
        if sample.rows.last().is_some_and(|&row| row as usize >= table.n_rows()) {
            return bad("data", "the table the fit was made from", "a shorter one");
        }
        let mut rows = Rows::new(table, &[])?;
        rows.keep = Some(sample.rows.clone());
        let raw = named(&formula, &self.names, &rows)?;
        let (n, weights) = (sample.residuals.len(), sample.weights());
        let weight = |row: usize| weights.map_or(1.0, |own| own[row]);
        let mut first = vec![vec![1.0; n]];
        first.extend(short.iter().map(|&at| raw[at].clone()));
        let reference: Vec<f64> = first.iter().map(|x| dot(x, x)).collect();
        let solved = solve(first.clone(), sample.outcome.to_vec(), weights, &reference, 1e-12);
        if solved.kept.len() < first.len() {
            return bad("x1_vars", "variables that do not determine each other", variable);
        }
        let q = first.len();
        let views: Vec<&[f64]> = first.iter().map(Vec::as_slice).collect();
        // w a: what the variable beside the others of the short regression gives to its coefficient
        let mut pull = combine(&views, &solved.bread[q..2 * q], n);
        pull.iter_mut().enumerate().for_each(|(row, own)| *own *= weight(row));
        let times = |u: &[f64]| -> Vec<f64> { pull.iter().zip(u).map(|(a, u)| a * u).collect() };
        let direct: Influence = (solved.coef[1], times(&solved.residuals));
        let k = self.coef.len();
        let of_coefficient = |at: usize| -> Vec<f64> {
            let own: Vec<&[f64]> = sample.regressors.iter().map(Vec::as_slice).collect();
            let along = combine(&own, &sample.bread[at * k..(at + 1) * k], n);
            (0..n).map(|row| along[row] * weight(row) * sample.residuals[row]).collect()
        };
        let full: Influence = (self.coef[focal], of_coefficient(focal));
        let explained: Influence = (
            direct.0 - full.0,
            direct.1.iter().zip(&full.1).map(|(short, full)| short - full).collect(),
        );
        let contribution = |at: usize| -> Influence {
            let aside = solve(first.clone(), raw[at].clone(), weights, &reference, 1e-12);
            let (gamma, b) = (aside.coef[1], self.coef[at]);
            let of_b = of_coefficient(at);
            let own = times(&aside.residuals);
            (gamma * b, own.iter().zip(&of_b).map(|(own, of_b)| b * own + gamma * of_b).collect())
        };
        let mediators: Vec<usize> =
            (0..k).filter(|at| !short.contains(at) && self.names[*at] != "Intercept").collect();
        let mut named_groups: Vec<(String, Vec<usize>)> = Vec::new();
        let mut used = Vec::new();
        for (name, members) in groups {
            let mut own = Vec::new();
            for member in *members {
                let at = place("combine_covariates", member)?;
                if used.contains(&at) || !mediators.contains(&at) {
                    let expected = "each regressor once, and none of the short regression";
                    return bad("combine_covariates", expected, member);
                }
                used.push(at);
                own.push(at);
            }
            named_groups.push(((*name).to_owned(), own));
        }
        let rest: Vec<usize> = mediators.into_iter().filter(|at| !used.contains(at)).collect();
        if groups.is_empty() {
            named_groups.extend(rest.iter().map(|&at| (self.names[at].clone(), vec![at])));
        } else if !rest.is_empty() {
            named_groups.push(("other".to_owned(), rest));
        }
        let mut parts: Vec<(String, Influence)> = Vec::new();
        let mut left = explained.clone();
        for (name, members) in named_groups {
            let mut sum: Influence = (0.0, vec![0.0; n]);
            for at in members {
                let own = contribution(at);
                sum.0 += own.0;
                sum.1.iter_mut().zip(own.1).for_each(|(sum, own)| *sum += own);
            }
            left.0 -= sum.0;
            left.1.iter_mut().zip(&sum.1).for_each(|(left, own)| *left -= own);
            parts.push((name, sum));
        }
        if !self.effects.is_empty() {
            let names: Vec<&str> = self.effects.iter().map(|own| own.name.as_str()).collect();
            parts.push((names.join(" + "), left));
        }
        let spread = |own: &Influence| self.spread_of(&own.1);
        let told = |name: &str, own: &Influence| -> Result<Contribution, EstimateError> {
            let (name, std_error) = (name.to_owned(), spread(own)?);
            Ok(Contribution { name, estimate: own.0, std_error })
        };
        Ok(Decomposition {
            variable: variable.to_owned(),
            direct: told("direct_effect", &direct)?,
            full: told("full_effect", &full)?,
            explained: told("explained_effect", &explained)?,
            parts: parts
                .iter()
                .map(|(name, own)| told(name, own))
                .collect::<Result<Vec<_>, EstimateError>>()?,
            n_obs: self.n_obs,
        })
    }

    /// The standard error of an estimate from its influence on each row, by cluster if there is one.
    fn spread_of(&self, influence: &[f64]) -> Result<f64, EstimateError> {
        let sums = match self.clusters.as_slice() {
            [cluster] => {
                let factor = self.variable_of(&cluster.name, &Table::default())?;
                let mut sums = vec![0.0; factor.n_levels()];
                for (&code, own) in factor.codes().iter().zip(influence) {
                    sums[code as usize] += own;
                }
                sums
            }
            _ => influence.to_vec(),
        };
        let g = sums.len() as f64;
        Ok((dot(&sums, &sums) * g / (g - 1.0)).sqrt())
    }
}
