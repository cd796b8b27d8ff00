//! Average marginal effects of models that are not linear.

use super::absorption::sweep;
use super::glm::Family;
use super::vcov::{ModelParts, Parts};
use super::{EstimateError, Vcov};
use crate::data::{Fit, Ticket};
use crate::math::absorb::Stop;
use crate::math::crossprod::{dot, sum_rows};

impl Fit {
    /// Average marginal effects: how much the mean of the outcome changes with each regressor, on
    /// average over the sample.
    ///
    /// ```text
    /// m_j = b_j x average of d mean(eta_i) / d eta
    /// ```
    ///
    /// Every regressor counts as a number of its own: that of a dummy is a slope, not a step, and
    /// an interaction is one regressor more. With weights the average is weighted. Standard errors
    /// are those of the delta method with the covariance of the fit. The effects swept out are
    /// estimates too; their part in the variance is that of a model with dummies in their place.
    /// The result is a fit of its own (without a sample), for `tidy`, `confint` and `wald_test`.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`]; [`EstimateError::BadArgument`] for a linear model, whose
    /// coefficients are its marginal effects.
    ///
    /// # References
    ///
    /// - Fernandez-Val, I. & Weidner, M. (2016). Individual and time effects in nonlinear panel
    ///   models with large N, T. *Journal of Econometrics* 192(1), 291-312.
    pub fn marginal_effects(&self, ticket: &Ticket) -> Result<Self, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "marginal_effects" })?;
        let family = self.likelihood.as_ref().and_then(|own| Family::named(&own.family));
        let (Some(family), Some(working)) = (family, &sample.working) else {
            return Err(EstimateError::BadArgument {
                argument: "fit",
                expected: "a generalised linear model",
                got: "least squares, whose coefficients are its marginal effects".to_owned(),
            });
        };
        let (n, k) = (sample.residuals.len(), self.coef.len());
        let prior = |row: usize| sample.weights.as_ref().map_or(1.0, |own| own[row]);
        let mass = sum_rows(n, prior);
        let mean = |row: usize| family.mean(working.link[row]);
        let slope = sum_rows(n, |row| prior(row) * family.slope(working.link[row], mean(row)));
        let bend: Vec<f64> = (0..n)
            .map(|row| prior(row) * family.curvature(working.link[row], mean(row)) / mass)
            .collect();
        let turns: Vec<f64> = sample.regressors.iter().map(|x| dot(x, &bend)).collect();
        // What the effects add: the part of bend / weights that they span, as a further regressor.
        let mut extended = sample.clone();
        let mut own = 0.0;
        if !sample.effects.is_empty() {
            let whole: Vec<f64> =
                bend.iter().zip(&working.weights).map(|(bend, weight)| bend / weight).collect();
            let mut left = whole.clone();
            let stop = Stop { tol: 1e-10, max_iter: 20_000 };
            let columns = &mut [left.as_mut_slice()];
            sweep(&sample.effects, Some(&working.weights), columns, stop, ticket)?;
            let part: Vec<f64> = whole.iter().zip(&left).map(|(a, b)| a - b).collect();
            own = sum_rows(n, |row| working.weights[row] * part[row] * part[row]).sqrt();
            if own > 0.0 {
                extended.regressors.push(part.iter().map(|value| value / own).collect());
                extended.bread = widened(&sample.bread, k);
            }
        }
        let wide = extended.regressors.len();
        let mut coef = self.coef.clone();
        coef.resize(wide, 0.0);
        let parts = Parts {
            sample: &extended,
            coef: &coef,
            ssc: self.ssc,
            ticket,
            uncounted: wide - k,
            model: ModelParts::default(),
        };
        let covariance = parts.covariance(self.kind.as_ref().unwrap_or(&Vcov::Iid))?;
        let slope = slope / mass;
        let gradient = |j: usize| -> Vec<f64> {
            let mut row: Vec<f64> = turns.iter().map(|turn| self.coef[j] * turn).collect();
            row[j] += slope;
            row.resize(wide, self.coef[j] * own);
            row
        };
        let shown: Vec<usize> = (0..k).filter(|&j| self.names[j] != "Intercept").collect();
        let rows: Vec<Vec<f64>> = shown.iter().map(|&j| gradient(j)).collect();
        let mut fit = self.clone().lean();
        fit.names = shown.iter().map(|&j| self.names[j].clone()).collect();
        fit.coef = shown.iter().map(|&j| slope * self.coef[j]).collect();
        fit.vcov = Vec::with_capacity(rows.len() * rows.len());
        for a in &rows {
            let product: Vec<f64> =
                (0..wide).map(|j| dot(&covariance.matrix[j * wide..(j + 1) * wide], a)).collect();
            fit.vcov.extend(rows.iter().map(|b| dot(&product, b)));
        }
        fit.df_each = Vec::new();
        fit.vcov_text = format!("{}, delta method", self.vcov_text);
        Ok(fit)
    }
}

/// A matrix with one more row and column, those of the unit matrix.
fn widened(matrix: &[f64], k: usize) -> Vec<f64> {
    let mut wide = vec![0.0; (k + 1) * (k + 1)];
    for (at, value) in matrix.iter().enumerate() {
        wide[at / k * (k + 1) + at % k] = *value;
    }
    wide[k * (k + 1) + k] = 1.0;
    wide
}
