//! Panels without swept effects: random effects, means, differences.

use super::absorption::{go_on, stage};
use super::assemble::{Found, Origin};
use super::design::Regressor;
use super::drawn::Drawn;
use super::formula::Formula;
use super::lags::Lags;
use super::least_squares::{solve, total_variation};
use super::request::{NotFinite, Request, Singletons, options};
use super::sample::Rows;
use super::weak::TestResult;
use super::{EstimateError, Vcov};
use crate::data::{Count, EffectVariances, Factor, Fit, Ssc, Table, Ticket};
use crate::math::linalg::Triangle;
use crate::math::special::chi2_sf;
use rustc_hash::FxHashMap;

/// What a regression of a panel does with its persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PanelModel {
    /// Random effects: rows less a share of their person's mean, which makes them independent.
    #[default]
    Random,
    /// Random effects with the persons' means of the regressors that vary within persons beside
    /// them, as `mean(x)` (Mundlak 1978, correlated random effects).
    Mundlak,
    /// The persons' means, one row a person.
    Between,
    /// Differences with the period before; rows without it are left out, and so is the intercept.
    FirstDifferences,
}

/// How the variance of the persons' effects is estimated, from the residuals of the regression of
/// means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VarianceComponents {
    /// Swamy and Arora's, with the harmonic mean of the numbers of rows of persons.
    #[default]
    SwamyArora,
    /// Baltagi and Chang's for persons with different numbers of rows: means weigh as many rows as
    /// they stand for.
    BaltagiChang,
}

/// A regression of a panel by generalised least squares or on means or differences.
///
/// ```text
/// y_it = x_it'beta + u_i + e_it
/// ```
///
/// With random effects u, rows `z_it - theta_i mean(z_i)` are independent for
/// `theta_i = 1 - sqrt(s_e / (T_i s_u + s_e))`, with `s_e` the variance of e from the regression
/// within persons and `s_u` that of u from the regression of means, as linearmodels estimates them
/// (Swamy & Arora 1972); a negative `s_u` becomes 0. Residuals and predictions are those of the
/// transformed rows.
///
/// # References
///
/// - Baltagi, B. H. & Chang, Y.-J. (1994). Incomplete panels. *Journal of Econometrics* 62(2), 67-89.
/// - Mundlak, Y. (1978). On the pooling of time series and cross section data. *Econometrica* 46(1),
///   69-85.
/// - Swamy, P. A. V. B. & Arora, S. S. (1972). The exact finite sample properties of the estimators
///   of coefficients in the error components regression models. *Econometrica* 40(2), 261-275.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::{PanelModel, PanelOls};
/// let panel = Table::new([
///     ("person", Column::int(vec![7, 7, 9, 9, 4, 4])),
///     ("year", Column::int(vec![1, 2, 1, 2, 1, 2])),
///     ("trained", Column::int(vec![0, 1, 0, 1, 0, 0])),
///     ("wage", Column::float(vec![10.0, 12.0, 20.0, 24.0, 15.0, 15.0])),
/// ])?;
/// let fit = PanelOls::new("wage ~ trained", "person", "year")?
///     .model(PanelModel::FirstDifferences)
///     .fit(&panel)?;
/// assert!((fit.coef()[0] - 3.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PanelOls {
    request: Request,
    model: PanelModel,
    components: VarianceComponents,
    person: String,
    period: String,
}

impl PanelOls {
    /// A regression by formula, without effects, on the panel of these persons and periods.
    ///
    /// # Errors
    ///
    /// As [`FeOls::new`](super::FeOls::new); [`EstimateError::BadArgument`] for a formula with
    /// effects or instruments.
    pub fn new(
        formula: &str,
        person: impl Into<String>,
        period: impl Into<String>,
    ) -> Result<Self, EstimateError> {
        let mut request = Request::new(Formula::parse(formula)?);
        request.refuse_instruments()?;
        if !request.formula.effect_terms().is_empty() {
            return Err(EstimateError::BadArgument {
                argument: "fml",
                expected: "no effects behind a bar; the model says what is done with persons",
                got: request.formula.effects().join(" + "),
            });
        }
        let (person, period) = (person.into(), period.into());
        request.panel_id = Some((person.clone(), period.clone()));
        let (model, components) = (PanelModel::default(), VarianceComponents::default());
        Ok(Self { request, model, components, person, period })
    }

    options!();

    /// What is done with persons.
    pub const fn model(mut self, model: PanelModel) -> Self {
        self.model = model;
        self
    }

    /// How the variance of random effects is estimated.
    pub const fn components(mut self, how: VarianceComponents) -> Self {
        self.components = how;
        self
    }

    /// Fits the regression to a table.
    ///
    /// # Errors
    ///
    /// As [`FeOls::fit`](super::FeOls::fit).
    pub fn fit(&self, table: &Table) -> Result<Fit, EstimateError> {
        self.fit_with(table, &[], &Ticket::new())
    }

    /// As [`fit`](Self::fit), with classifications that stand ready beside the table and a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EstimateError::Cancelled`].
    pub fn fit_with(
        &self,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        self.request.check()?;
        if self.request.weights.is_some() {
            return Err(EstimateError::BadArgument {
                argument: "weights",
                expected: "none in a regression of persons' means, differences or random effects",
                got: "a column".to_owned(),
            });
        }
        stage(ticket, "reading columns")?;
        let (mut drawn, mut step) = self.request.draw("panel_ols", table, factors, ticket)?;
        let mut rows = Rows::new(table, factors)?;
        rows.keep = Some(drawn.rows.clone());
        let persons = Persons::of(rows.ordered("panel_id", &self.person)?);
        go_on(ticket)?;
        stage(ticket, "means and differences")?;
        let before = drawn.rows.len();
        let mut variances = None;
        match self.model {
            PanelModel::Between => {
                drawn.apply(|values| persons.means(values));
                drawn.stay(&persons.first());
                step = step.note(format!("{before} rows became {} means", drawn.rows.len()));
            }
            PanelModel::FirstDifferences => {
                let lags = Lags::new(&rows, &self.person, &self.period)?;
                let pairs = differences(&drawn.rows, &lags);
                drawn.regressors.retain(|own| own.name != "Intercept");
                let gap = |values: &[f64]| -> Vec<f64> {
                    pairs.iter().map(|&(at, old)| values[at] - values[old]).collect()
                };
                drawn.apply(gap);
                let later: Vec<u32> = pairs.iter().map(|&(at, _)| at as u32).collect();
                drawn.stay(&later);
                step =
                    step.exclude("no row in the period before", Count::rows(before - later.len()));
            }
            PanelModel::Random | PanelModel::Mundlak => {
                if self.model == PanelModel::Mundlak {
                    drawn.add_means(&persons);
                }
                let found = self.variances(&drawn, &persons)?;
                let ratio =
                    |rows: f64| 1.0 - (found.error / (rows * found.effect + found.error)).sqrt();
                let shares: Vec<f64> = persons.rows.iter().map(|&rows| ratio(rows)).collect();
                drawn.apply(|values| persons.less(values, &shares));
                variances = Some(found);
            }
        }
        step.after = Count::rows(drawn.rows.len());
        if drawn.rows.is_empty() {
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters: drawn.regressors.len() });
        }
        let columns = drawn.regressors.iter().map(|own| own.values.to_vec()).collect();
        let reference = vec![0.0; drawn.regressors.len()];
        let solved =
            solve(columns, drawn.outcome.to_vec(), None, &reference, self.request.collin_tol);
        let origin = Origin { request: &self.request, drawn, step };
        origin.fit(Found { solved, variances, transformed: true, ..Found::default() }, ticket)
    }

    /// Variances of errors and effects, from the regressions within persons and of their means.
    fn variances(
        &self,
        drawn: &Drawn,
        persons: &Persons,
    ) -> Result<EffectVariances, EstimateError> {
        let tol = self.request.collin_tol;
        let full = vec![1.0; persons.rows.len()];
        let (mut columns, mut reference) = (Vec::new(), Vec::new());
        for own in &drawn.regressors {
            columns.push(persons.less(&own.values, &full));
            reference.push(total_variation(&own.values, None).max(1e-20 * squares(&own.values)));
        }
        let within = solve(columns, persons.less(&drawn.outcome, &full), None, &reference, tol);
        let (n, g) = (drawn.rows.len() as f64, persons.rows.len() as f64);
        let means = drawn.regressors.iter().map(|own| persons.means(&own.values)).collect();
        let zero = vec![0.0; drawn.regressors.len()];
        let between = solve(means, persons.means(&drawn.outcome), None, &zero, tol);
        let df_within = n - g - within.kept.len() as f64;
        let df_between = g - between.kept.len() as f64;
        if df_within <= 0.0 || df_between <= 0.0 {
            let parameters = drawn.regressors.len() + persons.rows.len();
            return Err(EstimateError::TooFewRows { n_obs: drawn.rows.len(), parameters });
        }
        let error = squares(&within.residuals) / df_within;
        let effect = match self.components {
            VarianceComponents::SwamyArora => {
                let harmonic = g / persons.rows.iter().map(|rows| 1.0 / rows).sum::<f64>();
                squares(&between.residuals) / df_between - error / harmonic
            }
            VarianceComponents::BaltagiChang => {
                let means: Vec<Vec<f64>> =
                    drawn.regressors.iter().map(|own| persons.means(&own.values)).collect();
                let heavy = Some(persons.rows.as_slice());
                let y = persons.means(&drawn.outcome);
                let solved = solve(means, y, heavy, &zero, tol);
                let left: f64 =
                    solved.residuals.iter().zip(&persons.rows).map(|(u, rows)| rows * u * u).sum();
                (left - df_between * error) / (n - spent(&solved.columns, &solved.bread, persons))
            }
        };
        Ok(EffectVariances { error, effect: effect.max(0.0) })
    }
}

/// The trace of `(X'TX)^-1 X'T^2 X`, T the numbers of rows.
fn spent(columns: &[Vec<f64>], bread: &[f64], persons: &Persons) -> f64 {
    let k = columns.len();
    let mut trace = 0.0;
    for i in 0..k {
        for j in 0..k {
            let product: f64 = (0..persons.rows.len())
                .map(|at| columns[i][at] * columns[j][at] * persons.rows[at] * persons.rows[at])
                .sum();
            trace += bread[i * k + j] * product;
        }
    }
    trace
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// Rows of the sample with that of the period before.
fn differences(rows: &[u32], lags: &Lags) -> Vec<(usize, usize)> {
    let places: FxHashMap<u32, usize> =
        rows.iter().enumerate().map(|(at, &row)| (row, at)).collect();
    let pair = |(at, &row): (usize, &u32)| {
        let old = lags.before(row as usize, 1)?;
        Some((at, *places.get(&(old as u32))?))
    };
    rows.iter().enumerate().filter_map(pair).collect()
}

/// Whose rows are whose.
struct Persons {
    of: Factor,
    /// Numbers of rows, as weights.
    rows: Vec<f64>,
}

impl Persons {
    fn of(of: Factor) -> Self {
        let mut rows = vec![0.0; of.n_levels()];
        for &code in of.codes() {
            rows[code as usize] += 1.0;
        }
        Self { of, rows }
    }

    /// The first row of each.
    fn first(&self) -> Vec<u32> {
        let mut first = vec![u32::MAX; self.rows.len()];
        for (row, &code) in self.of.codes().iter().enumerate().rev() {
            first[code as usize] = row as u32;
        }
        first
    }

    fn means(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.rows.len()];
        for (&code, value) in self.of.codes().iter().zip(values) {
            sums[code as usize] += value;
        }
        sums.iter().zip(&self.rows).map(|(sum, rows)| sum / rows).collect()
    }

    /// Values less a share of their person's mean.
    fn less(&self, values: &[f64], shares: &[f64]) -> Vec<f64> {
        let means = self.means(values);
        let own =
            |(value, &code): (&f64, &u32)| value - shares[code as usize] * means[code as usize];
        values.iter().zip(self.of.codes()).map(own).collect()
    }
}

impl Drawn {
    fn apply(&mut self, change: impl Fn(&[f64]) -> Vec<f64>) {
        self.outcome = change(&self.outcome).into();
        for own in &mut self.regressors {
            own.values = change(&own.values).into();
        }
    }

    /// Rows and clusters become those of `kept`; values are so already.
    fn stay(&mut self, kept: &[u32]) {
        self.rows = kept.iter().map(|&at| self.rows[at as usize]).collect();
        for (_, cluster) in &mut self.clusters {
            *cluster = cluster.take(kept);
        }
        for (_, own) in &mut self.places {
            *own = kept.iter().map(|&at| own[at as usize]).collect();
        }
    }

    /// Persons' means of the regressors that vary within persons.
    fn add_means(&mut self, persons: &Persons) {
        let full = vec![1.0; persons.rows.len()];
        let means: Vec<Regressor> = self
            .regressors
            .iter()
            .filter(|own| squares(&persons.less(&own.values, &full)) > 1e-20 * squares(&own.values))
            .map(|own| {
                let means = persons.means(&own.values);
                let values: Vec<f64> =
                    persons.of.codes().iter().map(|&code| means[code as usize]).collect();
                Regressor { name: format!("mean({})", own.name), values: values.into() }
            })
            .collect();
        self.regressors.extend(means);
    }
}

/// Hausman's test that two fits estimate the same coefficients, one of them efficiently.
///
/// ```text
/// (a - b)'(V_a - V_b)^-1 (a - b)
/// ```
///
/// over the coefficients both have (without the intercept), as in plm. A difference of covariances
/// that is not positive definite gives no test; [`PanelModel::Mundlak`] with clustered errors and a
/// Wald test of the means then answers the same question.
///
/// # Errors
///
/// [`EstimateError::BadArgument`] when no coefficient is common or the difference of covariances is
/// not positive definite.
///
/// # References
///
/// - Hausman, J. A. (1978). Specification tests in econometrics. *Econometrica* 46(6), 1251-1271.
pub fn hausman(consistent: &Fit, efficient: &Fit) -> Result<TestResult, EstimateError> {
    let places: Vec<(usize, usize)> = consistent
        .names()
        .iter()
        .enumerate()
        .filter(|(_, name)| *name != "Intercept")
        .filter_map(|(a, name)| {
            efficient.names().iter().position(|other| other == name).map(|b| (a, b))
        })
        .collect();
    let m = places.len();
    let bad = |expected| EstimateError::BadArgument {
        argument: "efficient",
        expected,
        got: "another".to_owned(),
    };
    if m == 0 {
        return Err(bad("a fit with a coefficient in common"));
    }
    let (p, q) = (consistent.names().len(), efficient.names().len());
    let gap: Vec<f64> =
        places.iter().map(|&(a, b)| consistent.coef()[a] - efficient.coef()[b]).collect();
    let mut spread = vec![0.0; m * m];
    for (i, &(a, b)) in places.iter().enumerate() {
        for (j, &(c, d)) in places.iter().enumerate() {
            spread[i * m + j] =
                consistent.vcov_matrix()[a * p + c] - efficient.vcov_matrix()[b * q + d];
        }
    }
    let triangle = Triangle::cholesky(&spread, &vec![0.0; m], 1e-12);
    if triangle.kept.len() < m {
        return Err(bad(
            "a fit whose covariance is below that of the consistent one; test Mundlak's means instead",
        ));
    }
    let statistic: f64 = triangle.solve(&gap).iter().zip(&gap).map(|(a, b)| a * b).sum();
    Ok(TestResult { statistic, df1: m, df2: None, p_value: chi2_sf(statistic, m as f64) })
}
