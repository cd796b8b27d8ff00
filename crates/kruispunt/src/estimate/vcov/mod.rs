//! Covariances of coefficients.

mod cluster;
mod hac;
mod hetero;
mod jackknife;
mod leverage;
mod pieces;
mod reduced_bias;

pub(super) use cluster::is_nested;
pub(super) use pieces::{Pieces, times};

use super::EstimateError;
use crate::data::{
    ClusterCount, CountedEffects, Dispersion, Factor, Fit, Sample, Ssc, Step, Table, Ticket,
};
use crate::math::crossprod::sum_rows;
use serde::{Deserialize, Serialize};

/// Which covariance of the coefficients.
///
/// With bread `B = (X'WX)^-1`, scores `s_i = w_i u_i x_i` after sweeping and the corrections of
/// [`Ssc`]:
///
/// | variant | covariance |
/// |---|---|
/// | `Iid` | `B sum(w u^2) / (N - 1)` |
/// | `Hc1` | `B (sum s_i s_i') B`, corrected by N/(N - K) |
/// | `Hc2`, `Hc3` | the same with `s_i` divided by `(1 - h_i)^(1/2)` and `1 - h_i`, h the leverage, effects included |
/// | `Crv1` | `B (sum over clusters S_g S_g') B`; several variables by inclusion and exclusion |
/// | `Crv2` | `B (sum over clusters T_g S_g S_g' T_g') B`, where `T_g` is the root of `(I - H_gg)^-1`; t tests have Satterthwaite's degrees of freedom, one number a coefficient |
/// | `Crv3` | `sum over clusters (b_(-g) - b)(b_(-g) - b)'`, the jackknife; effects that cross clusters are swept out again without each cluster |
/// | `NeweyWest` | `B (sum over l of (1 - l/(L + 1)) (C_l + C_l')) B`, `C_l` the products of scores of one unit l periods apart |
/// | `DriscollKraay` | the same with scores summed within periods |
///
/// Distances between periods count the periods of the sample in their order; a unit without a row
/// in a period has no product there, whatever rows stand next to each other (pyfixest and fixest
/// pair neighbouring rows of a unit). The lag L is `floor(T^(1/4))` when not given. As in pyfixest,
/// HC2 and HC3 are corrected by N/(N - K) as HC1 is; [`Ssc::without_k`] gives the textbook's.
///
/// A several-way covariance with negative eigenvalues has them set to zero, as fixest does
/// (pyfixest does not), and the account says so.
///
/// # References
///
/// - Liang, K.-Y. & Zeger, S. L. (1986). *Biometrika* 73(1), 13-22.
/// - `MacKinnon`, J. G. & White, H. (1985). Some heteroskedasticity-consistent covariance matrix
///   estimators with improved finite sample properties. *Journal of Econometrics* 29(3), 305-325.
/// - Newey, W. K. & West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
///   autocorrelation consistent covariance matrix. *Econometrica* 55(3), 703-708.
/// - Driscoll, J. C. & Kraay, A. C. (1998). Consistent covariance matrix estimation with spatially
///   dependent panel data. *Review of Economics and Statistics* 80(4), 549-560.
/// - Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2011). Robust inference with multiway
///   clustering. *Journal of Business & Economic Statistics* 29(2), 238-249.
/// - Bell, R. M. & `McCaffrey`, D. F. (2002). Bias reduction in standard errors for linear regression
///   with multi-stage samples. *Survey Methodology* 28(2), 169-181.
/// - Pustejovsky, J. E. & Tipton, E. (2018). Small-sample methods for cluster-robust variance
///   estimation and hypothesis testing in fixed effects models. *Journal of Business & Economic
///   Statistics* 36(4), 672-683.
/// - `MacKinnon`, J. G., Nielsen, M. O. & Webb, M. D. (2023). Fast and reliable jackknife and
///   bootstrap methods for cluster-robust inference. *Journal of Applied Econometrics* 38, 671-694.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Vcov {
    /// Independent errors of one variance.
    #[default]
    Iid,
    /// Independent errors of any variance (White).
    Hc1,
    /// As `Hc1`, each residual divided by the root of one minus its leverage.
    Hc2,
    /// As `Hc1`, each residual divided by one minus its leverage.
    Hc3,
    /// Errors dependent within clusters, by one variable or more.
    Crv1(Vec<String>),
    /// As `Crv1`, without bias where errors are independent (Bell & `McCaffrey`), by one variable.
    Crv2(String),
    /// The cluster jackknife, by one variable.
    Crv3(String),
    /// Errors dependent over periods, within units; without units over one series.
    NeweyWest {
        /// The column of periods.
        time: String,
        /// The column of units.
        panel: Option<String>,
        /// The longest distance in periods.
        lag: Option<usize>,
    },
    /// Errors dependent over periods, across all units.
    DriscollKraay {
        /// The column of periods.
        time: String,
        /// The longest distance in periods.
        lag: Option<usize>,
    },
}

impl Vcov {
    /// Clustered by one variable.
    #[must_use]
    pub fn cluster(variable: impl Into<String>) -> Self {
        Self::Crv1(vec![variable.into()])
    }

    /// Clustered by several variables.
    #[must_use]
    pub fn clusters<S: Into<String>>(variables: impl IntoIterator<Item = S>) -> Self {
        Self::Crv1(variables.into_iter().map(Into::into).collect())
    }

    /// The cluster variables.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        match self {
            Self::Iid | Self::Hc1 | Self::Hc2 | Self::Hc3 => Vec::new(),
            Self::NeweyWest { time, panel, .. } => {
                std::iter::once(time).chain(panel).cloned().collect()
            }
            Self::DriscollKraay { time, .. } => vec![time.clone()],
            Self::Crv1(variables) => variables.clone(),
            Self::Crv2(variable) | Self::Crv3(variable) => vec![variable.clone()],
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Iid => "iid".to_owned(),
            Self::Hc1 => "HC1".to_owned(),
            Self::Hc2 => "HC2".to_owned(),
            Self::Hc3 => "HC3".to_owned(),
            Self::Crv1(variables) => format!("CRV1 by {}", variables.join(" + ")),
            Self::Crv2(variable) => format!("CRV2 by {variable}"),
            Self::Crv3(variable) => format!("CRV3 by {variable}"),
            Self::NeweyWest { time, panel, lag } => {
                let units = panel.as_ref().map_or_else(String::new, |panel| format!(" by {panel}"));
                format!("Newey-West{units} over {time}{}", lag_text(*lag))
            }
            Self::DriscollKraay { time, lag } => {
                format!("Driscoll-Kraay over {time}{}", lag_text(*lag))
            }
        }
    }
}

fn lag_text(lag: Option<usize>) -> String {
    lag.map_or_else(String::new, |lag| format!(", lag {lag}"))
}

/// A covariance and what belongs to it.
pub(super) struct Covariance {
    pub(super) matrix: Vec<f64>,
    pub(super) df: f64,
    /// One number a coefficient, where they differ.
    pub(super) df_each: Vec<f64>,
    pub(super) clusters: Vec<ClusterCount>,
    pub(super) text: String,
    pub(super) repaired: bool,
}

/// What a covariance is made of.
pub(super) struct Parts<'a> {
    pub(super) sample: &'a Sample,
    pub(super) coef: &'a [f64],
    pub(super) ssc: Ssc,
    pub(super) ticket: &'a Ticket,
}

impl Fit {
    /// The same fit with another covariance; nothing is estimated again.
    ///
    /// Cluster variables may be effects of the fit or variables it was clustered by before; for
    /// any other use [`vcov_with`](Self::vcov_with).
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSample`], [`EstimateError::TooFewClusters`],
    /// [`EstimateError::Data`] for an unknown variable.
    pub fn vcov(&self, vcov: &Vcov) -> Result<Self, EstimateError> {
        self.vcov_with(vcov, &Table::default())
    }

    /// As [`vcov`](Self::vcov), with cluster variables from `table`, which has the rows of the
    /// table the fit was made from.
    ///
    /// # Errors
    ///
    /// As [`vcov`](Self::vcov).
    pub fn vcov_with(&self, vcov: &Vcov, table: &Table) -> Result<Self, EstimateError> {
        self.vcov_heard(vcov, table, &Ticket::new())
    }

    /// As [`vcov_with`](Self::vcov_with), with a ticket for the jackknife of many clusters.
    ///
    /// # Errors
    ///
    /// As [`vcov`](Self::vcov), and [`EstimateError::Cancelled`].
    pub fn vcov_heard(
        &self,
        vcov: &Vcov,
        table: &Table,
        ticket: &Ticket,
    ) -> Result<Self, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "vcov" })?;
        let mut extended = None;
        for name in vcov.variables() {
            let sample = extended.as_ref().unwrap_or(sample);
            if find(sample, &name).is_none() {
                let factor = cluster_of(sample, &name, table)?;
                let mut more = sample.clone();
                more.clusters.push((name, factor));
                extended = Some(more);
            }
        }
        let used = extended.as_ref().unwrap_or(sample);
        let parts = Parts { sample: used, coef: &self.coef, ssc: self.ssc, ticket };
        let covariance = parts.covariance(vcov)?;
        let first_stage = self
            .first_stage
            .iter()
            .map(|first| first.vcov_heard(vcov, table, ticket))
            .collect::<Result<Vec<_>, EstimateError>>()?;
        let mut fit = self.clone();
        fit.first_stage = first_stage;
        if let Some(sample) = extended {
            fit.sample = Some(std::sync::Arc::new(sample));
        }
        fit.take_covariance(covariance);
        Ok(fit)
    }

    pub(super) fn take_covariance(&mut self, covariance: Covariance) {
        if covariance.repaired {
            let rows = crate::data::Count::rows(self.n_obs);
            self.account = self.account.clone().then(
                Step::new("vcov", covariance.text.clone(), rows, rows)
                    .note("negative eigenvalues of the several-way covariance were set to zero"),
            );
        }
        self.vcov = covariance.matrix;
        let known = self.sample().is_some_and(|own| own.dispersion == Dispersion::One);
        self.df = if known { f64::INFINITY } else { covariance.df };
        self.df_each = covariance.df_each;
        self.clusters = covariance.clusters;
        self.vcov_text = covariance.text;
    }
}

impl Fit {
    /// The classes of a variable on the sample: an effect, a cluster variable, or a column of
    /// `table`.
    pub(super) fn variable_of(&self, name: &str, table: &Table) -> Result<Factor, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "clusters" })?;
        match find(sample, name) {
            Some(factor) => Ok(factor.clone()),
            None => cluster_of(sample, name, table),
        }
    }
}

fn find<'a>(sample: &'a Sample, name: &str) -> Option<&'a Factor> {
    let effect = sample.effects.iter().find(|effect| effect.name == name);
    effect
        .map(|effect| &effect.factor)
        .or_else(|| sample.clusters.iter().find(|(own, _)| own == name).map(|(_, factor)| factor))
}

fn cluster_of(sample: &Sample, name: &str, table: &Table) -> Result<Factor, EstimateError> {
    let mut rows = super::sample::Rows::new(table, &[]).map_err(|_| {
        EstimateError::Data(crate::data::DataError::MissingColumn {
            argument: "vcov".to_owned(),
            column: name.to_owned(),
            present: sample.effects.iter().map(|effect| effect.name.clone()).collect(),
        })
    })?;
    if sample.rows.last().is_some_and(|&row| row as usize >= table.n_rows()) {
        return Err(EstimateError::BadArgument {
            argument: "data",
            expected: "the table the fit was made from",
            got: format!("a table of {} rows", table.n_rows()),
        });
    }
    rows.keep = Some(sample.rows.clone());
    rows.ordered("vcov", name)
}

impl Parts<'_> {
    pub(super) fn k(&self) -> usize {
        self.coef.len()
    }

    pub(super) fn n(&self) -> usize {
        self.sample.residuals.len()
    }

    /// Parameters counted, given which effects are nested.
    pub(super) fn parameters(&self, nested: &[bool]) -> usize {
        let levels: Vec<usize> =
            self.sample.effects.iter().map(|effect| effect.factor.n_levels()).collect();
        let all: usize = levels.iter().sum();
        let free = all - levels.len().saturating_sub(1);
        let inside = |levels: &[usize]| -> (usize, usize) {
            let own = levels.iter().zip(nested).filter(|(_, nested)| **nested);
            own.fold((0, 0), |(sum, n), (levels, _)| (sum + levels, n + 1))
        };
        self.k()
            + match self.ssc.effects {
                CountedEffects::None => 0,
                CountedEffects::Full => free,
                CountedEffects::NonNested => {
                    let (sum, n) = inside(&levels);
                    (free + n).saturating_sub(sum)
                }
            }
    }

    pub(super) fn correction(&self, parameters: usize, top: f64) -> Result<f64, EstimateError> {
        if self.n() <= parameters {
            return Err(EstimateError::TooFewRows { n_obs: self.n(), parameters });
        }
        let left = (self.n() - parameters) as f64;
        Ok(if self.ssc.k_adjust { top / left } else { 1.0 })
    }

    /// Weights of the rows, those of the last step where there were several.
    pub(super) fn weights(&self) -> Option<&[f64]> {
        match &self.sample.working {
            Some(working) => Some(&working.weights),
            None => self.sample.weights.as_deref(),
        }
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights().map_or(1.0, |weights| weights[row])
    }

    pub(super) fn residuals(&self) -> &[f64] {
        self.sample.working.as_ref().map_or(&self.sample.residuals, |working| &working.residuals)
    }

    /// Weight times residual, row by row: what a regressor is multiplied by in its score.
    fn pulls(&self) -> Vec<f64> {
        let residuals = self.residuals();
        (0..self.n()).map(|row| self.weight(row) * residuals[row]).collect()
    }

    /// The factor of a cluster or time variable.
    pub(super) fn variable(&self, name: &str) -> Result<&Factor, EstimateError> {
        find(self.sample, name).ok_or_else(|| {
            EstimateError::Data(crate::data::DataError::MissingColumn {
                argument: "vcov".to_owned(),
                column: name.to_owned(),
                present: Vec::new(),
            })
        })
    }

    pub(super) fn covariance(&self, vcov: &Vcov) -> Result<Covariance, EstimateError> {
        let n = self.n() as f64;
        let none = vec![false; self.sample.effects.len()];
        let simple = |matrix: Vec<f64>, parameters: usize| Covariance {
            matrix,
            df: n - parameters as f64,
            df_each: Vec::new(),
            clusters: Vec::new(),
            text: vcov.text(),
            repaired: false,
        };
        if self.k() == 0 {
            return Ok(simple(Vec::new(), self.parameters(&none)));
        }
        match vcov {
            Vcov::Iid => {
                let parameters = self.parameters(&none);
                let scale = self.correction(parameters, n - 1.0)? / (n - 1.0);
                let spread = match self.sample.dispersion {
                    Dispersion::One => n - 1.0,
                    Dispersion::Estimated => {
                        let u = self.residuals();
                        sum_rows(self.n(), |row| self.weight(row) * u[row] * u[row])
                    }
                };
                let matrix = self.sample.bread.iter().map(|b| b * spread * scale).collect();
                Ok(simple(matrix, parameters))
            }
            Vcov::Hc1 | Vcov::Hc2 | Vcov::Hc3 => {
                let parameters = self.parameters(&none);
                let scale = self.correction(parameters, n)?;
                let mut matrix = self.heteroskedastic(vcov)?;
                for value in &mut matrix {
                    *value *= scale;
                }
                Ok(simple(matrix, parameters))
            }
            Vcov::NeweyWest { time, panel, lag } => {
                self.newey_west(vcov, (time, panel.as_deref()), *lag)
            }
            Vcov::DriscollKraay { time, lag } => self.driscoll_kraay(vcov, time, *lag),
            Vcov::Crv1(variables) => self.clustered(vcov, variables),
            Vcov::Crv2(variable) => self.bias_reduced(vcov, variable),
            Vcov::Crv3(variable) => self.clustered(vcov, std::slice::from_ref(variable)),
        }
    }

    pub(super) fn columns(&self) -> Vec<&[f64]> {
        self.sample.regressors.iter().map(Vec::as_slice).collect()
    }
}
