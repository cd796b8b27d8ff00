//! Covariances of coefficients.

mod cluster;
mod conley;
mod hac;
mod hetero;
mod jackknife;
mod leverage;
mod pieces;
mod reduced_bias;

pub(super) use cluster::is_nested;
pub(super) use pieces::{Pieces, times};

use super::EstimateError;
use super::glm::Family;
pub use crate::data::Vcov;
use crate::data::{
    ClusterCount, CountedEffects, Dispersion, Factor, Fit, Sample, Ssc, Step, Table, Ticket,
    effect_parameters,
};
use crate::math::crossprod::sum_rows;

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
    /// Columns that are no parameters of their own.
    pub(super) uncounted: usize,
    pub(super) model: ModelParts<'a>,
}

/// What estimating again without some rows needs besides.
#[derive(Clone, Copy, Default)]
pub(super) struct ModelParts<'a> {
    pub(super) family: Option<Family>,
    pub(super) first_stage: &'a [Fit],
    pub(super) instruments: &'a [String],
}

impl<'a> ModelParts<'a> {
    pub(super) fn of(fit: &'a Fit) -> Self {
        Self {
            family: fit.likelihood.as_ref().and_then(|own| Family::named(&own.family)),
            first_stage: &fit.first_stage,
            instruments: &fit.instruments,
        }
    }
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
        if self.sampled && *vcov == Vcov::Iid {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "HC1, clusters or another robust covariance with sampling weights",
                got: "iid".to_owned(),
            });
        }
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
        for name in vcov.coordinates() {
            let sample = extended.as_ref().unwrap_or(sample);
            if !sample.places.iter().any(|(own, _)| *own == name) {
                let mut more = sample.clone();
                more.places.push((name.clone(), rows_of(sample, &name, table)?.degrees(&name)?));
                extended = Some(more);
            }
        }
        let used = extended.as_ref().unwrap_or(sample);
        let model = ModelParts::of(self);
        let (coef, ssc) = (self.coef.as_slice(), self.ssc);
        let parts = Parts { sample: used, coef, ssc, ticket, uncounted: 0, model };
        let covariance = parts.covariance(vcov)?;
        let anew = |fits: &[Self]| {
            fits.iter()
                .map(|own| own.vcov_heard(vcov, table, ticket))
                .collect::<Result<Vec<_>, EstimateError>>()
        };
        let (first_stage, weakest) = (anew(&self.first_stage)?, anew(&self.weakest)?);
        let mut fit = self.clone();
        (fit.first_stage, fit.weakest) = (first_stage, weakest);
        if let Some(sample) = extended {
            fit.sample = Some(std::sync::Arc::new(sample));
        }
        fit.take_covariance(vcov, covariance);
        Ok(fit)
    }

    pub(super) fn take_covariance(&mut self, vcov: &Vcov, covariance: Covariance) {
        self.kind = Some(vcov.clone());
        if covariance.repaired {
            let rows = crate::data::Count::rows(self.n_obs);
            self.account = self.account.clone().then(
                Step::new("vcov", covariance.text.clone(), rows, rows)
                    .note("negative eigenvalues of the covariance were set to zero"),
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
    rows_of(sample, name, table)?.ordered("vcov", name)
}

/// The rows of the sample in the table the fit was made from.
fn rows_of<'t>(
    sample: &Sample,
    name: &str,
    table: &'t Table,
) -> Result<super::sample::Rows<'t>, EstimateError> {
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
    Ok(rows)
}

impl Parts<'_> {
    pub(super) fn k(&self) -> usize {
        self.coef.len()
    }

    pub(super) fn n(&self) -> usize {
        self.sample.residuals.len()
    }

    /// Observations that rows stand for.
    pub(super) fn observations(&self) -> f64 {
        self.sample.observations()
    }

    /// Parameters counted, given which effects are nested.
    pub(super) fn parameters(&self, nested: &[bool]) -> usize {
        let counted = |all: bool| {
            let own = self.sample.effects.iter().zip(nested);
            effect_parameters(own.map(|(effect, nested)| (effect, all || !nested)))
        };
        self.k() - self.uncounted
            + match self.ssc.effects {
                CountedEffects::None => 0,
                CountedEffects::Full => counted(true),
                CountedEffects::NonNested => counted(false),
            }
    }

    pub(super) fn correction(&self, parameters: usize, top: f64) -> Result<f64, EstimateError> {
        let n = self.observations();
        if n <= parameters as f64 {
            return Err(EstimateError::TooFewRows { n_obs: n as usize, parameters });
        }
        let left = n - parameters as f64;
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
        let n = self.observations();
        let none = vec![false; self.sample.effects.len()];
        let simple = |matrix: Vec<f64>, parameters: usize| Covariance {
            matrix,
            df: n - parameters as f64,
            df_each: Vec::new(),
            clusters: Vec::new(),
            text: vcov.text(),
            repaired: false,
        };
        let by_rows = matches!(vcov, Vcov::NeweyWest { .. } | Vcov::Crv2(_));
        if self.sample.counted && by_rows {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "iid, HC1 to HC3 or clusters with frequency weights",
                got: vcov.text(),
            });
        }
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
            Vcov::Conley { latitude, longitude, cutoff, distance, kernel } => {
                let (cutoff, distance, kernel) = (*cutoff, *distance, *kernel);
                self.conley(vcov, &conley::Reach { latitude, longitude, cutoff, distance, kernel })
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
