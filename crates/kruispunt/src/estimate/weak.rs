//! What the instruments of a fit are worth: weak, invalid, needed.

use super::EstimateError;
use super::least_squares::{combine, solve};
use super::stock_yogo::{StockYogo, critical_values};
use crate::data::{Fit, Sample, Table, effect_parameters};
use crate::math::crossprod::gram;
use crate::math::linalg::{Triangle, relative_eigen};
use crate::math::special::{chi2_sf, f_sf};
use serde::{Deserialize, Serialize};

/// A statistic with its degrees of freedom and p value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom of the numerator, or of chi-squared.
    pub df1: usize,
    /// Degrees of freedom of the denominator; none for chi-squared.
    pub df2: Option<f64>,
    /// The probability of a larger statistic when the hypothesis holds.
    pub p_value: f64,
}

/// How strong the instruments of one endogenous variable are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstStageTest {
    /// The endogenous variable.
    pub endogenous: String,
    /// That all instruments have no effect, with independent errors of one variance.
    pub f: TestResult,
    /// The same with the covariance of the fit; with one endogenous variable it is the F form of
    /// Kleibergen and Paap's rank test.
    pub robust_f: TestResult,
    /// The effective F of Montiel Olea and Pflueger, with HC1 where the covariance is iid.
    pub effective_f: f64,
}

/// Tests of instruments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstrumentTests {
    /// One an endogenous variable.
    pub first_stage: Vec<FirstStageTest>,
    /// That the endogenous variables are exogenous (Wu 1973, Hausman 1978).
    pub wu_hausman: TestResult,
    /// That the instruments beyond those needed are valid, with errors of one variance; none when
    /// there are no more than needed.
    pub sargan: Option<TestResult>,
    /// The same whatever the variance of the errors (Wooldridge 1995).
    pub wooldridge: Option<TestResult>,
    /// The same by two-step GMM, with the moments' variance by rows or by clusters as in the fit
    /// (Hansen 1982); none with errors of one variance, several clusters or dependence over time.
    pub hansen: Option<TestResult>,
    /// Cragg and Donald's Wald F: how well the instruments explain the combination of endogenous
    /// variables that they explain least, with errors of one variance.
    pub cragg_donald: f64,
    /// Critical values for it (Stock & Yogo 2005), for up to two endogenous variables and ten
    /// instruments.
    pub stock_yogo: Vec<StockYogo>,
    /// Kleibergen and Paap's Wald F: the same with the covariance of the fit.
    pub kleibergen_paap_f: f64,
    /// Kleibergen and Paap's LM test that the equation is not identified, with the covariance of
    /// the fit without corrections; with errors of one variance that of Anderson's canonical
    /// correlations.
    pub kleibergen_paap: TestResult,
}

fn chi2(statistic: f64, df: usize) -> TestResult {
    let p_value = chi2_sf(statistic, df as f64);
    TestResult { statistic, df1: df, df2: None, p_value }
}

fn f_test(statistic: f64, df1: usize, df2: f64) -> TestResult {
    TestResult { statistic, df1, df2: Some(df2), p_value: f_sf(statistic, df1 as f64, df2) }
}

/// Columns of both stages, each row times the root of its weight.
struct Stages {
    n: f64,
    /// One over the observations a row stands for, where that is not one.
    shares: Option<Vec<f64>>,
    /// Effects count as parameters here.
    free_effects: f64,
    residuals: Vec<f64>,
    /// Exogenous variables and fitted endogenous ones.
    second: Vec<Vec<f64>>,
    exogenous: Vec<Vec<f64>>,
    instruments: Vec<Vec<f64>>,
    /// Residuals of the first stages.
    left: Vec<Vec<f64>>,
    /// Endogenous variables.
    endogenous: Vec<Vec<f64>>,
}

impl Fit {
    /// Tests of the instruments.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoInstruments`], [`EstimateError::NoSample`].
    ///
    /// # References
    ///
    /// - Montiel Olea, J. L. & Pflueger, C. (2013). A robust test for weak instruments. *Journal of
    ///   Business & Economic Statistics* 31(3), 358-369.
    /// - Cragg, J. G. & Donald, S. G. (1993). Testing identifiability and specification in
    ///   instrumental variable models. *Econometric Theory* 9(2), 222-240.
    /// - Hansen, L. P. (1982). Large sample properties of generalized method of moments estimators.
    ///   *Econometrica* 50(4), 1029-1054.
    /// - Kleibergen, F. & Paap, R. (2006). Generalized reduced rank tests using the singular value
    ///   decomposition. *Journal of Econometrics* 133(1), 97-126.
    /// - Stock, J. H. & Yogo, M. (2005). Testing for weak instruments in linear IV regression. In
    ///   *Identification and Inference for Econometric Models*, 80-108.
    /// - Sargan, J. D. (1958). *Econometrica* 26(3), 393-415.
    /// - Wooldridge, J. M. (1995). Score diagnostics for linear models estimated by two stage least
    ///   squares. In *Advances in Econometrics and Quantitative Economics*, 66-87.
    pub fn iv_tests(&self) -> Result<InstrumentTests, EstimateError> {
        if self.first_stage.is_empty() {
            return Err(EstimateError::NoInstruments);
        }
        let stages = self.stages()?;
        let first_stage = self
            .first_stage
            .iter()
            .map(|first| self.first_stage_test(first, &stages))
            .collect::<Result<Vec<_>, EstimateError>>()?;
        let (m, l) = (stages.endogenous.len(), stages.instruments.len());
        let (cragg_donald, mixes) = stages.roots();
        let (kleibergen_paap_f, kleibergen_paap) = self.kleibergen_paap(&mixes)?;
        Ok(InstrumentTests {
            first_stage,
            wu_hausman: stages.wu_hausman(),
            sargan: stages.sargan(),
            wooldridge: stages.wooldridge(),
            hansen: self.hansen(&stages)?,
            cragg_donald,
            stock_yogo: critical_values(m, l),
            kleibergen_paap_f,
            kleibergen_paap,
        })
    }

    /// The rank statistics: the first-stage coefficients of the weakest combination, in the
    /// directions that those of the other combinations leave free, are all zero.
    fn kleibergen_paap(&self, mixes: &[f64]) -> Result<(f64, TestResult), EstimateError> {
        let [free, null] = self.weakest.as_slice() else {
            return Err(EstimateError::NoSample { what: "iv_tests" });
        };
        let names = &free.names;
        let places: Vec<usize> =
            (0..names.len()).filter(|&at| self.instruments.contains(&names[at])).collect();
        let (m, l) = (self.first_stage.len(), places.len());
        let others: Vec<Vec<f64>> = (1..m)
            .map(|at| {
                let mix = &mixes[at * m..(at + 1) * m];
                places
                    .iter()
                    .map(|&z| {
                        self.first_stage.iter().zip(mix).map(|(own, c)| c * own.coef[z]).sum()
                    })
                    .collect()
            })
            .collect();
        let rows: Vec<Vec<f64>> = complement(&others, l)
            .into_iter()
            .map(|direction| {
                let mut row = vec![0.0; names.len()];
                places.iter().zip(direction).for_each(|(&at, value)| row[at] = value);
                row
            })
            .collect();
        let zero = vec![0.0; rows.len()];
        let wald = free.wald_test_of(&rows, &zero)?;
        let mut lm = null.wald_test_of(&rows, &zero)?.chi2;
        if null.vcov_text == "iid" {
            let n = self.n_obs as f64;
            lm *= n / (n - 1.0);
        }
        Ok((wald.chi2 / l as f64, chi2(lm, rows.len())))
    }

    /// Hansen's J: the smallest weighted length of the moments, weighted by the inverse of their
    /// variance at the fit.
    fn hansen(&self, stages: &Stages) -> Result<Option<TestResult>, EstimateError> {
        let extra = stages.extra();
        let clustered = self.vcov_text.starts_with("CRV");
        let by_rows = self.vcov_text.starts_with("HC");
        if extra == 0 || !(by_rows || clustered && self.clusters.len() == 1) {
            return Ok(None);
        }
        let moments: Vec<Vec<f64>> = stages
            .exogenous
            .iter()
            .chain(&stages.instruments)
            .map(|z| z.iter().zip(&stages.residuals).map(|(z, u)| z * u).collect())
            .collect();
        let mut shares = stages.shares.as_deref();
        let sums = match self.clusters.first() {
            Some(cluster) if clustered => {
                let factor = self.variable_of(&cluster.name, &Table::default())?;
                let by_cluster = |own: &Vec<f64>| {
                    let mut sums = vec![0.0; factor.n_levels()];
                    for (&code, value) in factor.codes().iter().zip(own) {
                        sums[code as usize] += value;
                    }
                    sums
                };
                shares = None;
                moments.iter().map(by_cluster).collect()
            }
            _ => moments,
        };
        Ok(stages.shortest(&sums, shares).map(|statistic| chi2(statistic, extra)))
    }

    fn first_stage_test(
        &self,
        first: &Self,
        stages: &Stages,
    ) -> Result<FirstStageTest, EstimateError> {
        let names: Vec<&str> = first
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| self.instruments.iter().any(|own| own == name))
            .collect();
        let mut plain = first.clone();
        plain.sampled = false;
        let iid = plain.vcov(&super::Vcov::Iid)?;
        let (plain, robust) = (iid.wald_test(&names)?, first.wald_test(&names)?);
        let sigma = if first.vcov_text == iid.vcov_text {
            first.vcov(&super::Vcov::Hc1)?
        } else {
            first.clone()
        };
        // Instruments beyond exogenous variables: Z'Z - Z'X (X'X)^-1 X'Z.
        let beyond: Vec<Vec<f64>> =
            stages.instruments.iter().map(|z| beyond(&stages.exogenous, z)).collect();
        let views: Vec<&[f64]> = beyond.iter().map(Vec::as_slice).collect();
        let q = gram(&views, None);
        let places: Vec<usize> = names
            .iter()
            .filter_map(|name| first.names.iter().position(|own| own == name))
            .collect();
        let (l, k) = (places.len(), first.names.len());
        let (mut top, mut trace) = (0.0, 0.0);
        for (i, &a) in places.iter().enumerate() {
            for (j, &b) in places.iter().enumerate() {
                top += first.coef[a] * q[i * l + j] * first.coef[b];
                trace += sigma.vcov[a * k + b] * q[j * l + i];
            }
        }
        Ok(FirstStageTest {
            endogenous: first.outcome.clone(),
            f: TestResult {
                statistic: plain.f,
                df1: plain.df1,
                df2: Some(plain.df2),
                p_value: plain.p_f,
            },
            robust_f: TestResult {
                statistic: robust.f,
                df1: robust.df1,
                df2: Some(robust.df2),
                p_value: robust.p_f,
            },
            effective_f: top / trace,
        })
    }

    fn stages(&self) -> Result<Stages, EstimateError> {
        let of = |fit: &Self| -> Result<std::sync::Arc<Sample>, EstimateError> {
            fit.sample.clone().ok_or(EstimateError::NoSample { what: "iv_tests" })
        };
        let sample = of(self)?;
        let n = sample.residuals.len();
        let scaled = |column: &[f64]| -> Vec<f64> {
            match &sample.weights {
                None => column.to_vec(),
                Some(weights) => column.iter().zip(weights).map(|(x, w)| x * w.sqrt()).collect(),
            }
        };
        let first = of(&self.first_stage[0])?;
        let is_instrument = |name: &String| self.instruments.contains(name);
        let (mut exogenous, mut instruments) = (Vec::new(), Vec::new());
        for (name, column) in self.first_stage[0].names.iter().zip(&first.regressors) {
            if is_instrument(name) {
                instruments.push(scaled(column));
            } else {
                exogenous.push(scaled(column));
            }
        }
        let (mut left, mut endogenous) = (Vec::new(), Vec::new());
        for stage in &self.first_stage {
            let own = of(stage)?;
            let columns: Vec<&[f64]> = own.regressors.iter().map(Vec::as_slice).collect();
            let fitted = combine(&columns, &stage.coef, n);
            let value: Vec<f64> = fitted.iter().zip(&own.residuals).map(|(a, b)| a + b).collect();
            endogenous.push(scaled(&value));
            left.push(scaled(&own.residuals));
        }
        let free_effects = effect_parameters(sample.effects.iter().map(|own| (own, true))) as f64;
        let shares = sample.weights.as_ref().filter(|_| sample.counted);
        Ok(Stages {
            n: sample.observations(),
            shares: shares.map(|own| own.iter().map(|count| count.recip()).collect()),
            free_effects,
            residuals: scaled(&sample.residuals),
            second: sample.regressors.iter().map(|column| scaled(column)).collect(),
            exogenous,
            instruments,
            left,
            endogenous,
        })
    }
}

/// What remains of `column` beside `others`.
fn beyond(others: &[Vec<f64>], column: &[f64]) -> Vec<f64> {
    let reference = vec![0.0; others.len()];
    solve(others.to_vec(), column.to_vec(), None, &reference, 1e-12).residuals
}

/// Orthonormal directions of `l` that no vector of `others` has a part in.
fn complement(others: &[Vec<f64>], l: usize) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let without = |basis: &[Vec<f64>], vector: &[f64]| {
        let mut rest = vector.to_vec();
        for _ in 0..2 {
            for own in basis {
                let share = crate::math::crossprod::dot(own, &rest);
                rest.iter_mut().zip(own).for_each(|(value, own)| *value -= share * own);
            }
        }
        let length = squares(&rest).sqrt();
        (length, rest)
    };
    let put = |basis: &mut Vec<Vec<f64>>, (length, mut rest): (f64, Vec<f64>)| {
        if length > 0.0 {
            for value in &mut rest {
                *value /= length;
            }
            basis.push(rest);
        }
    };
    for vector in others {
        let rest = without(&basis, vector);
        put(&mut basis, rest);
    }
    let known = basis.len();
    while basis.len() < l {
        let unit = |at: usize| {
            let mut unit = vec![0.0; l];
            unit[at] = 1.0;
            unit
        };
        let rests = (0..l).map(|at| without(&basis, &unit(at)));
        let Some(longest) = rests.max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        if longest.0.is_nan() || longest.0 <= 1e-8 {
            break;
        }
        put(&mut basis, longest);
    }
    basis.split_off(known.min(basis.len()))
}

fn squares(column: &[f64]) -> f64 {
    crate::math::crossprod::dot(column, column)
}

impl Stages {
    /// The first-stage residuals beside the regressors, in a regression of the outcome.
    fn wu_hausman(&self) -> TestResult {
        let own: Vec<Vec<f64>> = self.exogenous.iter().chain(&self.endogenous).cloned().collect();
        // The outcome less what the fit explains has the same residuals beside the regressors.
        let restricted = squares(&beyond(&own, &self.residuals));
        let more: Vec<Vec<f64>> = own.iter().chain(&self.left).cloned().collect();
        let free = squares(&beyond(&more, &self.residuals));
        let m = self.left.len();
        let df2 = self.n - more.len() as f64 - self.free_effects;
        f_test((restricted - free) / m as f64 / (free / df2), m, df2)
    }

    /// Cragg and Donald's statistic, and combinations of the endogenous variables from that which
    /// the instruments explain least on, one row each.
    fn roots(&self) -> (f64, Vec<f64>) {
        let m = self.endogenous.len();
        let alone: Vec<Vec<f64>> =
            self.endogenous.iter().map(|own| beyond(&self.exogenous, own)).collect();
        let products = |columns: &[Vec<f64>]| {
            gram(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), None)
        };
        let (roots, mixes) = relative_eigen(&products(&alone), &products(&self.left), m);
        let l = self.instruments.len() as f64;
        let df = self.n - self.exogenous.len() as f64 - l - self.free_effects;
        ((roots[0] - 1.0) * df / l, mixes)
    }

    /// The smallest weighted length of the sums of moments, over all coefficients.
    fn shortest(&self, moments: &[Vec<f64>], shares: Option<&[f64]>) -> Option<f64> {
        let causes: Vec<&[f64]> =
            self.exogenous.iter().chain(&self.instruments).map(Vec::as_slice).collect();
        let l = causes.len();
        let views: Vec<&[f64]> = moments.iter().map(Vec::as_slice).collect();
        let variance = Triangle::cholesky(&gram(&views, shares), &vec![0.0; l], 1e-13);
        if variance.kept.len() < l {
            return None;
        }
        let sums: Vec<f64> = moments.iter().map(|own| own.iter().sum()).collect();
        let slopes: Vec<Vec<f64>> = self
            .exogenous
            .iter()
            .chain(&self.endogenous)
            .map(|x| causes.iter().map(|z| crate::math::crossprod::dot(z, x)).collect())
            .collect();
        let weighted: Vec<Vec<f64>> = slopes.iter().map(|own| variance.solve(own)).collect();
        let k = slopes.len();
        let dot = crate::math::crossprod::dot;
        let matrix: Vec<f64> =
            (0..k * k).map(|at| dot(&slopes[at / k], &weighted[at % k])).collect();
        let right: Vec<f64> = weighted.iter().map(|own| dot(own, &sums)).collect();
        let inner = Triangle::cholesky(&matrix, &vec![0.0; k], 1e-13);
        let kept: Vec<f64> = inner.kept.iter().map(|&at| right[at]).collect();
        let gained = dot(&inner.solve(&kept), &kept);
        Some(dot(&variance.solve(&sums), &sums) - gained)
    }

    fn extra(&self) -> usize {
        self.instruments.len().saturating_sub(self.endogenous.len())
    }

    fn sargan(&self) -> Option<TestResult> {
        let extra = self.extra();
        let causes: Vec<Vec<f64>> =
            self.exogenous.iter().chain(&self.instruments).cloned().collect();
        let left = squares(&beyond(&causes, &self.residuals));
        let all = squares(&self.residuals);
        (extra > 0).then(|| chi2(self.n * (1.0 - left / all), extra))
    }

    fn wooldridge(&self) -> Option<TestResult> {
        let extra = self.extra();
        if extra == 0 {
            return None;
        }
        let products: Vec<Vec<f64>> = self.instruments[..extra]
            .iter()
            .map(|instrument| {
                let own = beyond(&self.second, instrument);
                own.iter().zip(&self.residuals).map(|(r, u)| r * u).collect()
            })
            .collect();
        let views: Vec<&[f64]> = products.iter().map(Vec::as_slice).collect();
        let (sums, gram) =
            (products.iter().map(|own| own.iter().sum()), gram(&views, self.shares.as_deref()));
        let sums: Vec<f64> = sums.collect();
        let triangle = Triangle::cholesky(&gram, &vec![0.0; extra], 1e-12);
        let kept: Vec<f64> = triangle.kept.iter().map(|&at| sums[at]).collect();
        let solved = triangle.solve(&kept);
        Some(chi2(solved.iter().zip(&kept).map(|(a, b)| a * b).sum(), extra))
    }
}
