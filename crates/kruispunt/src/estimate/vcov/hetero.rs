//! Independent errors of any variance, with and without leverage.

use super::{Parts, Vcov};
use crate::estimate::EstimateError;
use crate::math::crossprod::gram_with;
use crate::math::linalg::sandwich;

impl Parts<'_> {
    /// The sandwich before corrections.
    pub(super) fn heteroskedastic(&self, vcov: &Vcov) -> Result<Vec<f64>, EstimateError> {
        let leverage = match vcov {
            Vcov::Hc2 | Vcov::Hc3 => Some(self.leverage()?),
            _ => None,
        };
        let residuals = self.residuals();
        let square = |row: usize| {
            let pull = self.weight(row) * residuals[row];
            let square = pull * (pull / self.count(row));
            let Some(leverage) = &leverage else { return square };
            let left = (1.0 - leverage[row]).max(1e-12);
            square / if *vcov == Vcov::Hc2 { left } else { left * left }
        };
        let meat = gram_with(&self.columns(), square);
        Ok(sandwich(&self.sample.bread, &meat, self.k()))
    }

    /// Observations that a row stands for.
    fn count(&self, row: usize) -> f64 {
        self.sample.weights.as_ref().filter(|_| self.sample.counted).map_or(1.0, |own| own[row])
    }

    /// The diagonal of the projection on regressors and effects.
    fn leverage(&self) -> Result<Vec<f64>, EstimateError> {
        if self.sample.instrumented {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "HC1 or clusters here; HC2 and HC3 take no instruments",
                got: "instruments".to_owned(),
            });
        }
        let mut leverage = self.effect_leverage()?;
        let (k, bread) = (self.k(), &self.sample.bread);
        let columns = self.columns();
        for (row, value) in leverage.iter_mut().enumerate() {
            let mut form = 0.0;
            for i in 0..k {
                let inner: f64 = (0..k).map(|j| bread[i * k + j] * columns[j][row]).sum();
                form += columns[i][row] * inner;
            }
            *value = (*value + self.weight(row) * form) / self.count(row);
        }
        Ok(leverage)
    }
}
