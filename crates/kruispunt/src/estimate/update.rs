//! Coefficients with more rows, without the rows there were.

use super::EstimateError;
use crate::data::Fit;

impl Fit {
    /// The coefficients once more rows are in the sample: `x` holds their regressors one row after
    /// the other, in the order of [`names`](Self::names), `outcome` one value a row.
    ///
    /// Each row changes the inverse of the cross-products by one product (Sherman & Morrison 1950),
    /// so that it costs `k^2` and the sample is not read. In a weighted fit a new row weighs 1.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`] for a fit stored without it; [`EstimateError::BadArgument`] for
    /// models with effects or instruments, or not of least squares on rows as they stand, for rows
    /// of another number of columns and for values that are not finite.
    ///
    /// # References
    ///
    /// Sherman, J. & Morrison, W. J. (1950). Adjustment of an inverse matrix corresponding to a
    /// change in one element of a given matrix. *Annals of Mathematical Statistics* 21(1), 124-127.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// use kruispunt::estimate::FeOls;
    /// let three = Table::new([
    ///     ("hours", Column::float(vec![1.0, 2.0, 3.0])),
    ///     ("wage", Column::float(vec![1.0, 2.5, 3.0])),
    /// ])?;
    /// let fit = FeOls::new("wage ~ hours")?.fit(&three)?;
    /// let four = Table::new([
    ///     ("hours", Column::float(vec![1.0, 2.0, 3.0, 5.0])),
    ///     ("wage", Column::float(vec![1.0, 2.5, 3.0, 4.0])),
    /// ])?;
    /// let whole = FeOls::new("wage ~ hours")?.fit(&four)?;
    /// let updated = fit.updated(&[1.0, 5.0], &[4.0])?;
    /// assert!(updated.iter().zip(whole.coef()).all(|(a, b)| (a - b).abs() < 1e-12));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn updated(&self, x: &[f64], outcome: &[f64]) -> Result<Vec<f64>, EstimateError> {
        let bad = |argument: &'static str, expected: &'static str, got: String| {
            EstimateError::BadArgument { argument, expected, got }
        };
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "update" })?;
        let expected = "least squares on rows as they stand, without effects or instruments";
        if !self.effects.is_empty() {
            return Err(bad("update", expected, "a model with effects".to_owned()));
        }
        if self.likelihood.is_some() || self.transformed || sample.instrumented {
            return Err(bad("update", expected, "another model".to_owned()));
        }
        let k = self.coef.len();
        if x.len() != k * outcome.len() {
            let got = format!("{} values for {} rows", x.len(), outcome.len());
            return Err(bad("X_new", "one column a coefficient, one row an outcome", got));
        }
        if let Some(at) = x.iter().position(|value| !value.is_finite()) {
            let got = format!("another value at row {}", at / k.max(1));
            return Err(bad("X_new", "finite numbers", got));
        }
        if let Some(row) = outcome.iter().position(|value| !value.is_finite()) {
            return Err(bad("y_new", "finite numbers", format!("another value at row {row}")));
        }
        let (mut coef, mut bread) = (self.coef.clone(), sample.bread.clone());
        for (x, y) in x.chunks_exact(k.max(1)).zip(outcome) {
            let dot = |a: &[f64]| -> f64 { a.iter().zip(x).map(|(a, x)| a * x).sum() };
            let along: Vec<f64> = bread.chunks_exact(k.max(1)).map(dot).collect();
            let share = 1.0 / (1.0 + dot(&along));
            let step = (y - dot(&coef)) * share;
            for (i, own) in along.iter().enumerate() {
                coef[i] += step * own;
                for (slot, other) in bread[i * k..(i + 1) * k].iter_mut().zip(&along) {
                    *slot -= share * own * other;
                }
            }
        }
        Ok(coef)
    }
}
