//! The native fit.

use super::request::CovarianceRequest;
use super::wild::WildRequest;
use crate::account;
use crate::error::{InputError, estimate_error};
use crate::table::PyTable;
use crate::{pickle, work};
use kruispunt::data::{Fit, Seed};
use kruispunt::estimate::{
    Drawing, EffectValues, EstimateError, RandomisationStatistic, Scale, TestResult, WaldTest,
    WeakCriterion, hausman,
};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Coefficient, standard error, effects and their like, by name.
type Floats<'py> = Bound<'py, PyArray1<f64>>;

/// Statistic, degrees of freedom, those of the denominator, p value.
type Test = (f64, usize, Option<f64>, f64);
/// First stages.
type FirstTests = Vec<(String, Test, Test, f64)>;
/// Wu-Hausman, Kleibergen-Paap (LM), Sargan, Wooldridge, Hansen.
type IvTests = (Test, Test, Option<Test>, Option<Test>, Option<Test>);
/// Cragg-Donald, Kleibergen-Paap (Wald F), critical values: whether of size, bound, value.
type Weakness = (f64, f64, Vec<(bool, f64, f64)>);

/// Estimate, standard error, t, p, interval, clusters, correction, whether all sign patterns were
/// drawn, and the draws.
type Wild<'py> = (f64, f64, f64, f64, (f64, f64), usize, f64, bool, Floats<'py>);

/// Standard errors, intervals, draws, draws lost.
type Pairs<'py> = (Vec<f64>, Vec<(f64, f64)>, Floats<'py>, usize);

const fn test(own: TestResult) -> Test {
    (own.statistic, own.df1, own.df2, own.p_value)
}

/// Coefficients, their covariance, and the sample they rest on.
#[pyclass(frozen, name = "Fit", module = "kruispunt._core")]
pub(crate) struct PyFit(pub(crate) Arc<Fit>);

impl PyFit {
    pub(crate) fn of(fit: Fit) -> Self {
        Self(Arc::new(fit))
    }

    /// Runs a verb of the fit without the GIL.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&Fit) -> Result<T, EstimateError> + Send + 'static,
    ) -> PyResult<T> {
        let fit = Arc::clone(&self.0);
        work::run(py, None, move |_| verb(&fit).map_err(|error| estimate_error(&error)))
    }
}

#[pymethods]
impl PyFit {
    #[getter]
    fn formula(&self) -> &str {
        self.0.formula()
    }

    #[getter]
    fn outcome(&self) -> &str {
        self.0.outcome()
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.names().to_vec()
    }

    #[getter]
    fn n_obs(&self) -> usize {
        self.0.n_obs()
    }

    #[getter]
    fn df(&self) -> f64 {
        self.0.df()
    }

    /// Degrees of freedom of each coefficient.
    fn dfs<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.dfs().into_pyarray(py)
    }

    #[getter]
    fn vcov_text(&self) -> &str {
        self.0.vcov_text()
    }

    #[getter]
    fn weights(&self) -> Option<&str> {
        self.0.weights()
    }

    /// Effects and their levels.
    #[getter]
    fn effects(&self) -> Vec<(String, usize)> {
        self.0.effects().iter().map(|effect| (effect.name.clone(), effect.levels)).collect()
    }

    /// Cluster variables and their clusters.
    #[getter]
    fn clusters(&self) -> Vec<(String, usize)> {
        self.0.clusters().iter().map(|own| (own.name.clone(), own.clusters)).collect()
    }

    #[getter]
    fn dropped(&self) -> Vec<String> {
        self.0.dropped().to_vec()
    }

    /// R2, adjusted R2, within R2, adjusted within R2, RMSE.
    #[getter]
    fn goodness(&self) -> (f64, f64, f64, f64, f64) {
        let own = self.0.goodness();
        (own.r2, own.adj_r2, own.within_r2, own.adj_within_r2, own.rmse)
    }

    /// Steps of the solver and the largest group mean left.
    #[getter]
    fn convergence(&self) -> (usize, f64) {
        let own = self.0.convergence();
        (own.iterations, own.left)
    }

    fn coef<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.coef().to_vec().into_pyarray(py)
    }

    fn se<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.std_errors().into_pyarray(py)
    }

    fn tstat<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.t_values().into_pyarray(py)
    }

    fn pvalue<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.p_values().into_pyarray(py)
    }

    /// The covariance of the coefficients, row by row.
    fn covariance<'py>(&self, py: Python<'py>) -> Floats<'py> {
        self.0.vcov_matrix().to_vec().into_pyarray(py)
    }

    fn confint(&self, alpha: f64) -> PyResult<Vec<(f64, f64)>> {
        self.0.confint(alpha).map_err(|error| estimate_error(&error))
    }

    fn tidy(&self, alpha: f64) -> PyResult<PyTable> {
        self.0.tidy(alpha).map(PyTable::from).map_err(|error| estimate_error(&error))
    }

    /// The same fit with another covariance.
    #[pyo3(signature = (covariance, table=None))]
    fn with_vcov(
        &self,
        py: Python<'_>,
        covariance: CovarianceRequest,
        table: Option<&Bound<'_, PyTable>>,
    ) -> PyResult<Self> {
        let vcov = covariance.read()?;
        let table = table.map_or_else(Arc::default, |table| Arc::clone(&table.get().0));
        let fit = Arc::clone(&self.0);
        work::run(py, None, move |ticket| {
            fit.vcov_heard(&vcov, &table, ticket).map(Self::of).map_err(|e| estimate_error(&e))
        })
    }

    /// Chi-squared, F, its degrees of freedom, p of F, p of chi-squared; of named coefficients.
    fn wald_named(&self, names: Vec<String>) -> PyResult<(f64, f64, usize, f64, f64, f64)> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.0.wald_test(&names).map(wald).map_err(|error| estimate_error(&error))
    }

    /// The same for R b = q.
    fn wald_of(&self, r: Vec<Vec<f64>>, q: Vec<f64>) -> PyResult<(f64, f64, usize, f64, f64, f64)> {
        self.0.wald_test_of(&r, &q).map(wald).map_err(|error| estimate_error(&error))
    }

    /// The wild cluster bootstrap of one restriction.
    #[pyo3(signature = (request, table=None, progress=None))]
    fn wild<'py>(
        &self,
        py: Python<'py>,
        request: WildRequest,
        table: Option<&Bound<'_, PyTable>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Wild<'py>> {
        let bootstrap = request.read()?;
        let table = table.map_or_else(Arc::default, |table| Arc::clone(&table.get().0));
        let fit = Arc::clone(&self.0);
        let own =
            work::run(py, progress, move |ticket| request.run(&bootstrap, &fit, &table, ticket))?;
        Ok((
            own.estimate,
            own.std_error,
            own.t,
            own.p_value,
            own.conf_int,
            own.n_clusters,
            own.correction,
            own.enumerated,
            own.draws.into_pyarray(py),
        ))
    }

    fn resid<'py>(&self, py: Python<'py>) -> PyResult<Floats<'py>> {
        let values = self.run(py, Fit::resid)?;
        Ok(values.into_pyarray(py))
    }

    fn predict<'py>(&self, py: Python<'py>) -> PyResult<Floats<'py>> {
        let values = self.run(py, Fit::predict)?;
        Ok(values.into_pyarray(py))
    }

    fn predict_link<'py>(&self, py: Python<'py>) -> PyResult<Floats<'py>> {
        let values = self.run(py, Fit::predict_link)?;
        Ok(values.into_pyarray(py))
    }

    /// Predictions for the rows of another table.
    fn predict_at<'py>(
        &self,
        table: &Bound<'py, PyTable>,
        response: bool,
    ) -> PyResult<Floats<'py>> {
        let data = Arc::clone(&table.get().0);
        let scale = if response { Scale::Response } else { Scale::Link };
        let values = self.run(table.py(), move |fit| fit.predict_at(&data, scale))?;
        Ok(values.into_pyarray(table.py()))
    }

    /// Standard errors of predictions for the rows of another table.
    fn predict_errors_at<'py>(&self, table: &Bound<'py, PyTable>) -> PyResult<Floats<'py>> {
        let data = Arc::clone(&table.get().0);
        let values = self.run(table.py(), move |fit| fit.predict_errors_at(&data))?;
        Ok(values.into_pyarray(table.py()))
    }

    /// The coefficients with more rows: regressors row by row, outcomes.
    fn updated<'py>(
        &self,
        py: Python<'py>,
        x: Vec<f64>,
        outcome: Vec<f64>,
    ) -> PyResult<Floats<'py>> {
        let coef = self.0.updated(&x, &outcome).map_err(|error| estimate_error(&error))?;
        Ok(coef.into_pyarray(py))
    }

    /// The columns that predictions for other rows need.
    fn predict_columns(&self) -> PyResult<Vec<String>> {
        self.0.columns_at().map_err(|error| estimate_error(&error))
    }

    /// Average marginal effects, as a fit.
    fn marginal_effects(&self, py: Python<'_>) -> PyResult<Self> {
        let fit = Arc::clone(&self.0);
        work::run(py, None, move |ticket| {
            fit.marginal_effects(ticket).map(Self::of).map_err(|error| estimate_error(&error))
        })
    }

    /// The fit with the bias of estimated effects taken out.
    fn bias_corrected(&self, py: Python<'_>) -> PyResult<Self> {
        self.run(py, Fit::bias_corrected).map(Self::of)
    }

    /// Hausman's test against an efficient fit.
    fn hausman(&self, efficient: &Bound<'_, Self>) -> PyResult<Test> {
        hausman(&self.0, &efficient.get().0).map(test).map_err(|error| estimate_error(&error))
    }

    /// The bootstrap of pairs: standard errors, intervals, draws row by row, draws lost.
    #[pyo3(signature = (cluster, table, draws, alpha, progress=None))]
    fn pairs<'py>(
        &self,
        py: Python<'py>,
        cluster: String,
        table: Option<&Bound<'py, PyTable>>,
        draws: (usize, u64),
        alpha: f64,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Pairs<'py>> {
        let table = table.map_or_else(Arc::default, |table| Arc::clone(&table.get().0));
        let fit = Arc::clone(&self.0);
        let own = work::run(py, progress, move |ticket| {
            let random = (Seed::new(draws.1), alpha);
            fit.pairs_bootstrap((&cluster, &table), draws.0, random, ticket)
                .map_err(|error| estimate_error(&error))
        })?;
        Ok((own.std_errors, own.conf_int, own.draws.into_pyarray(py), own.lost))
    }

    /// Randomisation inference: estimate, p value, draws.
    #[pyo3(signature = (treatment, table, groups, studentised, random, progress=None))]
    fn randomise<'py>(
        &self,
        treatment: String,
        table: &Bound<'py, PyTable>,
        groups: (Option<String>, Option<String>),
        studentised: bool,
        random: (usize, u64),
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(f64, f64, Floats<'py>)> {
        let (py, data) = (table.py(), Arc::clone(&table.get().0));
        let fit = Arc::clone(&self.0);
        let own = work::run(py, progress, move |ticket| {
            let (cluster, strata) = (groups.0.as_deref(), groups.1.as_deref());
            let random = (random.0, Seed::new(random.1));
            let of = if studentised {
                RandomisationStatistic::T
            } else {
                RandomisationStatistic::Coefficient
            };
            fit.randomisation_test(&treatment, &data, (cluster, strata), of, random, ticket)
                .map_err(|error| estimate_error(&error))
        })?;
        Ok((own.estimate, own.p_value, own.draws.into_pyarray(py)))
    }

    /// The critical value of bands that hold together.
    fn joint(&self, names: Vec<String>, alpha: f64, draws: usize, seed: u64) -> PyResult<f64> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.0
            .joint_critical_value(&names, (alpha, draws), Seed::new(seed))
            .map_err(|error| estimate_error(&error))
    }

    /// Gelbach's decomposition: name, estimate, standard error; of the short regression, the full
    /// one, the difference, and then its parts.
    fn decompose(
        &self,
        variable: String,
        also: Vec<String>,
        groups: Vec<(String, Vec<String>)>,
        table: &Bound<'_, PyTable>,
    ) -> PyResult<Vec<(String, f64, f64)>> {
        let data = Arc::clone(&table.get().0);
        let found = self.run(table.py(), move |fit| {
            let also: Vec<&str> = also.iter().map(String::as_str).collect();
            let members: Vec<Vec<&str>> =
                groups.iter().map(|(_, own)| own.iter().map(String::as_str).collect()).collect();
            let named: Vec<(&str, &[&str])> = groups
                .iter()
                .zip(&members)
                .map(|((name, _), own)| (name.as_str(), own.as_slice()))
                .collect();
            fit.decompose(&variable, &also, &named, &data)
        })?;
        let all = [found.direct, found.full, found.explained].into_iter().chain(found.parts);
        Ok(all.map(|own| (own.name, own.estimate, own.std_error)).collect())
    }

    /// The causal cluster variance: estimate, its standard error, that of CRV1, clusters.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    #[pyo3(signature = (treatment, cluster, table, drawing, seed, progress=None))]
    fn causal_cluster(
        &self,
        py: Python<'_>,
        treatment: String,
        cluster: String,
        table: Option<&Bound<'_, PyTable>>,
        drawing: (usize, f64, f64),
        seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(f64, f64, f64, usize)> {
        let table = table.map_or_else(Arc::default, |table| Arc::clone(&table.get().0));
        let fit = Arc::clone(&self.0);
        let (splits, clusters, units) = drawing;
        let own = work::run(py, progress, move |ticket| {
            let drawing = Drawing { splits, clusters, units };
            fit.causal_cluster(&treatment, (&cluster, &table), drawing, Seed::new(seed), ticket)
                .map_err(|error| estimate_error(&error))
        })?;
        Ok((own.estimate, own.std_error, own.clustered, own.n_clusters))
    }

    /// Variances of errors and of random effects.
    #[getter]
    fn variances(&self) -> Option<(f64, f64)> {
        self.0.variances().map(|own| (own.error, own.effect))
    }

    /// The first stages, one an endogenous variable.
    fn first_stage(&self) -> Vec<Self> {
        self.0.first_stage().iter().cloned().map(Self::of).collect()
    }

    #[getter]
    fn instruments(&self) -> Vec<String> {
        self.0.instruments().to_vec()
    }

    /// First stages (name, F, F with the covariance of the fit, effective F); tests; how weak the
    /// instruments are.
    fn iv_tests(&self, py: Python<'_>) -> PyResult<(FirstTests, IvTests, Weakness)> {
        let tests = self.run(py, Fit::iv_tests)?;
        let first = tests
            .first_stage
            .into_iter()
            .map(|own| (own.endogenous, test(own.f), test(own.robust_f), own.effective_f));
        let others = (
            test(tests.wu_hausman),
            test(tests.kleibergen_paap),
            tests.sargan.map(test),
            tests.wooldridge.map(test),
            tests.hansen.map(test),
        );
        let critical = tests
            .stock_yogo
            .iter()
            .map(|own| (own.criterion == WeakCriterion::Size, own.bound, own.critical_value));
        let weakness = (tests.cragg_donald, tests.kleibergen_paap_f, critical.collect());
        Ok((first.collect(), others, weakness))
    }

    /// Family, deviance, log-likelihood, that of the mean alone, pseudo R2, steps.
    #[getter]
    fn likelihood(&self) -> Option<(String, f64, f64, f64, f64, usize)> {
        self.0.likelihood().map(|own| {
            (
                own.family.clone(),
                own.deviance,
                own.log_likelihood,
                own.null_log_likelihood,
                own.pseudo_r2,
                own.iterations,
            )
        })
    }

    /// The rows of the table that are in the sample.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let sample = self.0.sample().ok_or_else(|| {
            InputError::new_err("`rows` needs the sample, and this fit was stored without it")
        })?;
        Ok(sample.rows().to_vec().into_pyarray(py))
    }

    /// Effect by effect: name, labels of the levels, values.
    fn fixef<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Vec<String>, Floats<'py>)>> {
        let labelled = |own: EffectValues| {
            let labels: Vec<String> = (0..own.values.len()).map(|level| own.label(level)).collect();
            (own.name, labels, own.values)
        };
        let found = self
            .run(py, move |fit| Ok(fit.fixef()?.into_iter().map(labelled).collect::<Vec<_>>()))?;
        Ok(found
            .into_iter()
            .map(|(name, labels, values)| (name, labels, values.into_pyarray(py)))
            .collect())
    }

    /// The fit without its sample.
    fn lean(&self) -> Self {
        Self::of((*self.0).clone().lean())
    }

    fn account_json(&self) -> PyResult<String> {
        account::json(self.0.account())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<pickle::Reduced<'py>> {
        pickle::reduce::<Self>(py, &self.0)
    }

    #[staticmethod]
    fn _from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        pickle::from_bytes::<Fit>(py, data).map(Self::of)
    }
}

fn wald(test: WaldTest) -> (f64, f64, usize, f64, f64, f64) {
    (test.chi2, test.f, test.df1, test.df2, test.p_f, test.p_chi2)
}
