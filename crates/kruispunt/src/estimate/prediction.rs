//! What a fit expects of rows it was not made from.

use super::EstimateError;
use super::design::{label, named};
use super::drawn::effect;
use super::formula::Formula;
use super::glm::Family;
use super::least_squares::combine;
use super::sample::Rows;
use crate::data::{Fit, Table};
use rustc_hash::{FxHashMap, FxHashSet};

/// On which scale a prediction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scale {
    /// That of the outcome: its mean.
    #[default]
    Response,
    /// That of the linear predictor.
    Link,
}

fn not_of_rows(got: String) -> EstimateError {
    EstimateError::BadArgument {
        argument: "newdata",
        expected: "a model of rows as they stand; predict() gives those of the sample",
        got,
    }
}

/// Values of rows at their places, NaN elsewhere.
fn spread(rows: &Rows<'_>, values: &[f64], n: usize) -> Vec<f64> {
    let mut all = vec![f64::NAN; n];
    for (at, value) in values.iter().enumerate() {
        all[rows.row(at)] = if value.is_finite() { *value } else { f64::NAN };
    }
    all
}

impl Fit {
    /// Predictions for the rows of another table: regressors times coefficients, plus the effects
    /// of their levels and the offset.
    ///
    /// NaN where a column is null, a function of the formula has no value, or a level did not
    /// occur in the sample. The outcome need not be there.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Data`] for columns that are missing or of the wrong type,
    /// [`EstimateError::NotFinite`], [`EstimateError::NoSample`] for a fit with effects that was
    /// stored without it, [`EstimateError::BadArgument`] for a formula with lags or a fit of
    /// transformed rows.
    ///
    /// ```
    /// use kruispunt::data::{Column, Table};
    /// use kruispunt::estimate::{FeOls, Scale};
    /// let panel = Table::new([
    ///     ("person", Column::int(vec![7, 7, 9, 9])),
    ///     ("hours", Column::float(vec![1.0, 2.0, 1.0, 3.0])),
    ///     ("wage", Column::float(vec![10.0, 12.0, 20.0, 24.0])),
    /// ])?;
    /// let fit = FeOls::new("wage ~ hours | person")?.fit(&panel)?;
    /// let new = Table::new([
    ///     ("person", Column::int(vec![9, 5])),
    ///     ("hours", Column::float(vec![5.0, 5.0])),
    /// ])?;
    /// let wage = fit.predict_at(&new, Scale::Response)?;
    /// assert!((wage[0] - 28.0).abs() < 1e-9 && wage[1].is_nan());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn predict_at(&self, table: &Table, scale: Scale) -> Result<Vec<f64>, EstimateError> {
        let formula = Formula::parse(&self.formula)?;
        let (rows, columns) = self.design_at(&formula, table)?;
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut link = combine(&views, &self.coef, rows.n());
        if let Some(offset) = &self.offset {
            let values = rows.numbers("newdata", offset)?;
            link.iter_mut().zip(values).for_each(|(sum, own)| *sum += own);
        }
        self.add_effects(&formula, &rows, &mut link)?;
        if let (Scale::Response, Some(likelihood)) = (scale, &self.likelihood) {
            let family = Family::named(&likelihood.family)
                .ok_or_else(|| not_of_rows("another model".to_owned()))?;
            for value in &mut link {
                *value = family.mean(*value);
            }
        }
        Ok(spread(&rows, &link, table.n_rows()))
    }

    /// Standard errors of what [`predict_at`](Self::predict_at) gives: the root of `x'Vx`, with the
    /// covariance of this fit. NaN where there is no prediction.
    ///
    /// # Errors
    ///
    /// As [`predict_at`](Self::predict_at); [`EstimateError::BadArgument`] for models with effects,
    /// whose values have no covariance, and for models other than least squares.
    pub fn predict_errors_at(&self, table: &Table) -> Result<Vec<f64>, EstimateError> {
        let bad = |got: &str| EstimateError::BadArgument {
            argument: "se_fit",
            expected: "least squares without effects",
            got: got.to_owned(),
        };
        if !self.effects.is_empty() {
            return Err(bad("a model with effects"));
        }
        if self.likelihood.is_some() {
            return Err(bad("another model"));
        }
        let formula = Formula::parse(&self.formula)?;
        let (rows, columns) = self.design_at(&formula, table)?;
        let k = columns.len();
        let error = |row: usize| -> f64 {
            let along = |i: usize| -> f64 {
                (0..k).map(|j| self.vcov[i * k + j] * columns[j][row]).sum::<f64>()
            };
            (0..k).map(|i| columns[i][row] * along(i)).sum::<f64>().max(0.0).sqrt()
        };
        let errors: Vec<f64> = (0..rows.n()).map(error).collect();
        Ok(spread(&rows, &errors, table.n_rows()))
    }

    /// The rows of another table that can be predicted, and their regressors.
    fn design_at<'t>(
        &self,
        formula: &Formula,
        table: &'t Table,
    ) -> Result<(Rows<'t>, Vec<Vec<f64>>), EstimateError> {
        if formula.has_lags() {
            return Err(not_of_rows("lags".to_owned()));
        }
        if self.variances.is_some() {
            return Err(not_of_rows("random effects".to_owned()));
        }
        if self.transformed {
            return Err(not_of_rows("means or differences of rows".to_owned()));
        }
        let mut rows = Rows::new(table, &[])?;
        for name in formula.columns_of_causes().iter().chain(&self.offset) {
            rows.drop_nulls(table.column("newdata", name)?);
        }
        for (column, known) in &self.levels {
            let known: FxHashSet<&str> = known.iter().map(String::as_str).collect();
            let (factor, levels) = rows.classify("newdata", column)?;
            let fine: Vec<bool> = (0..factor.n_levels())
                .map(|level| known.contains(label(&levels[0], level).as_str()))
                .collect();
            rows.retain(|at| fine[factor.codes()[at] as usize]);
        }
        let columns = named(formula, &self.names, &rows)?;
        Ok((rows, columns))
    }

    /// The columns that predictions for other rows need.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] for a fit whose formula is not of this dialect.
    pub fn columns_at(&self) -> Result<Vec<String>, EstimateError> {
        let mut names = Formula::parse(&self.formula)?.columns_of_causes();
        names.extend(self.offset.clone());
        Ok(names)
    }

    fn add_effects(
        &self,
        formula: &Formula,
        rows: &Rows<'_>,
        link: &mut [f64],
    ) -> Result<(), EstimateError> {
        if formula.effect_terms().is_empty() {
            return Ok(());
        }
        let values = self.fixef()?;
        let mut values = values.iter();
        let terms = formula.effect_terms().iter().flat_map(|term| {
            let constant = term.constant.then_some((term, None));
            constant.into_iter().chain(term.slopes.iter().map(move |(x, _)| (term, Some(x))))
        });
        for (term, slope) in terms {
            let Some(own) = values.next() else { break };
            let known: FxHashMap<String, f64> =
                own.values.iter().enumerate().map(|(at, value)| (own.label(at), *value)).collect();
            let new = effect(rows, &term.parts)?;
            let value: Vec<f64> = (0..new.factor.n_levels())
                .map(|level| {
                    let labels: Vec<String> =
                        new.levels.iter().map(|column| label(column, level)).collect();
                    known.get(&labels.join("^")).copied().unwrap_or(f64::NAN)
                })
                .collect();
            let along = slope.map(|x| rows.evaluate(x)).transpose()?;
            for (row, (sum, &code)) in link.iter_mut().zip(new.factor.codes()).enumerate() {
                *sum += value[code as usize] * along.as_ref().map_or(1.0, |x| x[row]);
            }
        }
        Ok(())
    }
}
