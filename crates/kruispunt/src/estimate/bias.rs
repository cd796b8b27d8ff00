//! Analytic bias correction of models with effects that are not linear.

use super::EstimateError;
use super::glm::Family;
use crate::data::{Count, Fit, Step};

impl Fit {
    /// Coefficients of a logit, probit or complementary log-log with effects, less the bias that
    /// estimating the effects from few observations each brings (the incidental parameters).
    ///
    /// ```text
    /// b + (X'WX)^-1 1/2 sum over effects f, levels g of (sum_(i in g) z_i x_i) / (sum_(i in g) w_i)
    /// ```
    ///
    /// with x the swept regressors, w the working weights and `z = h d2 mean / d eta2`,
    /// `h = (d mean / d eta) / variance`. For regressors that do not depend on past outcomes
    /// (strictly exogenous). The covariance stays: the correction is of smaller order. Poisson needs
    /// none for one or two effects, and gets none.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`]; [`EstimateError::BadArgument`] for other models and without
    /// effects.
    ///
    /// # References
    ///
    /// - Fernandez-Val, I. & Weidner, M. (2016). Individual and time effects in nonlinear panel
    ///   models with large N, T. *Journal of Econometrics* 192(1), 291-312.
    /// - Stammann, A. (2018). Fast and feasible estimation of generalized linear models with
    ///   high-dimensional k-way fixed effects. arXiv:1707.01815.
    pub fn bias_corrected(&self) -> Result<Self, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "bias_corrected" })?;
        let family = self.likelihood.as_ref().and_then(|own| Family::named(&own.family));
        let binary = matches!(family, Some(Family::Logit | Family::Probit | Family::Cloglog));
        let (Some(family), Some(working), true) = (family, &sample.working, binary) else {
            return Err(EstimateError::BadArgument {
                argument: "fit",
                expected: "a logit, probit or complementary log-log",
                got: "another model".to_owned(),
            });
        };
        if sample.effects.iter().any(|own| !own.slopes.is_empty()) {
            return Err(EstimateError::BadArgument {
                argument: "fit",
                expected: "a fit of effects without slopes by level",
                got: "f[x]".to_owned(),
            });
        }
        if sample.effects.is_empty() {
            return Err(EstimateError::BadArgument {
                argument: "fit",
                expected: "a fit with effects, which are what biases coefficients",
                got: "none".to_owned(),
            });
        }
        let (n, k) = (sample.residuals.len(), self.coef.len());
        let bend: Vec<f64> = (0..n)
            .map(|row| {
                let eta = working.link[row];
                let mean = family.mean(eta);
                let prior = sample.weights.as_ref().map_or(1.0, |own| own[row]);
                let h = family.slope(eta, mean) / family.variance(mean);
                prior * h * family.curvature(eta, mean)
            })
            .collect();
        let mut right = vec![0.0; k];
        for effect in &sample.effects {
            let (codes, levels) = (effect.factor.codes(), effect.factor.n_levels());
            let mut mass = vec![0.0; levels];
            for (&code, weight) in codes.iter().zip(&working.weights) {
                mass[code as usize] += weight;
            }
            for (sum, column) in right.iter_mut().zip(&sample.regressors) {
                let mut pulls = vec![0.0; levels];
                for ((&code, x), z) in codes.iter().zip(column).zip(&bend) {
                    pulls[code as usize] += x * z;
                }
                *sum += 0.5 * pulls.iter().zip(&mass).map(|(pull, mass)| pull / mass).sum::<f64>();
            }
        }
        let mut fit = self.clone().lean();
        for (i, b) in fit.coef.iter_mut().enumerate() {
            *b += (0..k).map(|j| sample.bread[i * k + j] * right[j]).sum::<f64>();
        }
        let rows = Count::rows(self.n_obs);
        fit.account = self.account.clone().then(Step::new(
            "bias_corrected",
            "incidental parameters",
            rows,
            rows,
        ));
        Ok(fit)
    }
}
