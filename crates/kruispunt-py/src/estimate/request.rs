//! What Python asks for, read once.

use crate::error::{InputError, estimate_error};
use kruispunt::data::{
    ClusterDf, CountedEffects, Distance, Factor, Fit, Kernel, Ssc, Table, Ticket,
};
use kruispunt::estimate::{
    ConditionalLogit, EstimateError, Family, FeGlm, FeOls, Instrumental, NotFinite, PanelModel,
    PanelOls, Separation, Singletons, VarianceComponents, Vcov, split_levels,
};
use pyo3::prelude::*;

/// Small-sample corrections: `k_adj`, `k_fixef`, `G_adj`, `G_df`.
type Corrections = (bool, String, bool, String);

pub(super) fn bad(argument: &str, text: &str, expected: &str) -> PyErr {
    InputError::new_err(format!("`{argument}`: \"{text}\" is not {expected}"))
}

/// Which covariance, before it is read.
#[derive(Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct CovarianceRequest {
    kind: String,
    variables: Vec<String>,
    lag: Option<usize>,
    /// The longest distance in km, how it is measured, what pairs within it count.
    space: Option<(f64, String, String)>,
}

impl CovarianceRequest {
    pub(super) fn read(&self) -> PyResult<Vcov> {
        match (self.kind.as_str(), self.variables.as_slice()) {
            ("iid", []) => Ok(Vcov::Iid),
            ("hetero" | "HC1", []) => Ok(Vcov::Hc1),
            ("CRV1", [_, ..]) => Ok(Vcov::clusters(self.variables.iter().cloned())),
            ("CRV2", [cluster]) => Ok(Vcov::Crv2(cluster.clone())),
            ("CRV3", [cluster]) => Ok(Vcov::Crv3(cluster.clone())),
            (kind @ ("CRV2" | "CRV3"), [_, ..]) => {
                Err(InputError::new_err(format!("`vcov`: {kind} takes one cluster variable")))
            }
            ("HC2", []) => Ok(Vcov::Hc2),
            ("HC3", []) => Ok(Vcov::Hc3),
            ("NW", [time, panel @ ..]) => Ok(Vcov::NeweyWest {
                time: time.clone(),
                panel: panel.first().cloned(),
                lag: self.lag,
            }),
            ("DK", [time, ..]) => Ok(Vcov::DriscollKraay { time: time.clone(), lag: self.lag }),
            ("conley", [latitude, longitude]) => self.conley(latitude, longitude),
            (kind, _) => Err(bad(
                "vcov",
                kind,
                "iid, hetero, HC1, HC2, HC3, NW, DK, conley, {\"CRV1\": ...}, {\"CRV2\": ...} or {\"CRV3\": ...}",
            )),
        }
    }
}

impl CovarianceRequest {
    fn conley(&self, latitude: &str, longitude: &str) -> PyResult<Vcov> {
        let (cutoff, distance, kernel) = self.space.clone().unwrap_or_default();
        let distance = match distance.as_str() {
            "triangular" => Distance::Triangular,
            "spherical" => Distance::Spherical,
            other => return Err(bad("distance", other, "triangular or spherical")),
        };
        let kernel = match kernel.as_str() {
            "uniform" => Kernel::Uniform,
            "bartlett" => Kernel::Bartlett,
            other => return Err(bad("kernel", other, "uniform or bartlett")),
        };
        let (latitude, longitude) = (latitude.to_owned(), longitude.to_owned());
        Ok(Vcov::Conley { latitude, longitude, cutoff, distance, kernel })
    }
}

fn ssc((k_adj, k_fixef, g_adj, g_df): &Corrections) -> PyResult<Ssc> {
    let counted = match k_fixef.as_str() {
        "none" => CountedEffects::None,
        "nonnested" | "nested" => CountedEffects::NonNested,
        "full" => CountedEffects::Full,
        other => return Err(bad("k_fixef", other, "none, nonnested or full")),
    };
    let df = match g_df.as_str() {
        "min" => ClusterDf::Min,
        "conventional" => ClusterDf::Conventional,
        other => return Err(bad("G_df", other, "min or conventional")),
    };
    let ssc = Ssc::default().effects(counted).cluster_df(df);
    let ssc = if *k_adj { ssc } else { ssc.without_k() };
    Ok(if *g_adj { ssc } else { ssc.without_g() })
}

/// Regressions before they meet data.
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of the Python function")]
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Request {
    fml: String,
    vcov: CovarianceRequest,
    weights: Option<String>,
    ssc: Corrections,
    singletons: bool,
    collin_tol: f64,
    tol: f64,
    max_iter: usize,
    panel_id: Option<(String, String)>,
    pub(super) split: Option<String>,
    /// Whether the whole sample comes before the subsamples.
    full: bool,
    pub(super) lean: bool,
    glm: Option<GlmRequest>,
    /// How instruments are used.
    iv: String,
    /// What weights mean: `aweights`, `fweights` or `pweights`.
    weights_type: String,
    /// Whether rows with numbers that are not finite are left out.
    drop_not_finite: bool,
    /// Whether the intercept is left out once classifications are coded beside it.
    drop_intercept: bool,
    /// Random effects and their like: the model, and how variances are estimated.
    panel: Option<(String, String)>,
}

/// What a generalised linear model is asked for besides.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct GlmRequest {
    family: String,
    separation: Vec<String>,
    offset: Option<String>,
    iwls_tol: f64,
    iwls_maxiter: usize,
}

impl GlmRequest {
    fn family(&self) -> PyResult<Family> {
        let all =
            [Family::Poisson, Family::Logit, Family::Probit, Family::Cloglog, Family::Gaussian];
        let found = all.into_iter().find(|family| family.name() == self.family);
        found.ok_or_else(|| {
            bad("family", &self.family, "poisson, logit, probit, cloglog or gaussian")
        })
    }

    fn separation(&self) -> PyResult<Separation> {
        let mut chosen = Separation::keep();
        for name in &self.separation {
            match name.as_str() {
                "fe" => chosen = chosen.effects(),
                "ir" => chosen = chosen.rectifier(),
                "simplex" => chosen = chosen.simplex(),
                other => return Err(bad("separation_check", other, "fe, ir or simplex")),
            }
        }
        Ok(chosen)
    }
}

/// A model of any kind.
#[derive(Clone)]
pub(super) enum Model {
    Linear(FeOls),
    Generalised(FeGlm),
    Panel(PanelOls),
    Conditional(ConditionalLogit),
}

impl Model {
    pub(super) fn subsample(&self, column: Option<&str>, level: Option<&str>) -> Self {
        match (self, column, level) {
            (Self::Linear(model), Some(column), Some(level)) => {
                Self::Linear(model.clone().subsample(column, level))
            }
            (Self::Generalised(model), Some(column), Some(level)) => {
                Self::Generalised(model.clone().subsample(column, level))
            }
            (Self::Panel(model), Some(column), Some(level)) => {
                Self::Panel(model.clone().subsample(column, level))
            }
            (Self::Conditional(model), Some(column), Some(level)) => {
                Self::Conditional(model.clone().subsample(column, level))
            }
            (own, ..) => own.clone(),
        }
    }

    /// `factors` stand ready beside the table: the codes of a panel.
    pub(super) fn fit(
        &self,
        table: &Table,
        factors: &[(&str, &Factor)],
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        match self {
            Self::Linear(model) => model.fit_with(table, factors, ticket),
            Self::Generalised(model) => model.fit_with(table, factors, ticket),
            Self::Panel(model) => model.fit_with(table, factors, ticket),
            Self::Conditional(model) => model.fit_with(table, factors, ticket),
        }
    }

    fn columns(&self) -> Vec<String> {
        match self {
            Self::Linear(model) => model.columns(),
            Self::Generalised(model) => model.columns(),
            Self::Panel(model) => model.columns(),
            Self::Conditional(model) => model.columns(),
        }
    }
}

/// The options that every model has.
macro_rules! set {
    ($request:expr, $model:expr) => {{
        let request: &Request = $request;
        let singletons = if request.singletons { Singletons::Drop } else { Singletons::Keep };
        let mut model = $model
            .vcov(request.vcov.read()?)
            .ssc(ssc(&request.ssc)?)
            .singletons(singletons)
            .collin_tol(request.collin_tol)
            .max_iter(request.max_iter);
        if request.drop_not_finite {
            model = model.not_finite(NotFinite::LeaveOut);
        }
        if request.drop_intercept {
            model = model.drop_intercept();
        }
        if let Some(weights) = &request.weights {
            model = match request.weights_type.as_str() {
                "fweights" => model.frequencies(weights),
                "pweights" => model.sampling(weights),
                _ => model.weights(weights),
            };
        }
        if let Some((person, period)) = &request.panel_id {
            model = model.panel_id(person, period);
        }
        model
    }};
}

impl Request {
    pub(super) fn models(&self) -> PyResult<Vec<Model>> {
        let failed = |error| estimate_error(&error);
        if let Some((model, components)) = &self.panel {
            if model == "clogit" {
                let own = ConditionalLogit::new(&self.fml).map_err(failed)?;
                return Ok(vec![Model::Conditional(own.collin_tol(self.collin_tol))]);
            }
            let model = self.panel_model(model, components)?;
            return Ok(vec![Model::Panel(set!(self, model))]);
        }
        let Some(glm) = &self.glm else {
            let how = match self.iv.as_str() {
                "2sls" => Instrumental::TwoStage,
                "liml" => Instrumental::LimitedInformation,
                "fuller" => Instrumental::Fuller(1.0),
                other => return Err(bad("iv", other, "2sls, liml or fuller")),
            };
            let all = FeOls::several(&self.fml).map_err(failed)?;
            let linear =
                |model: FeOls| Ok(Model::Linear(set!(self, model.instrumental(how)).tol(self.tol)));
            return all.into_iter().map(linear).collect();
        };
        let separation = glm.separation()?;
        let all = FeGlm::several(&self.fml, glm.family()?).map_err(failed)?;
        all.into_iter()
            .map(|model| {
                let mut model = set!(self, model)
                    .tol(self.tol)
                    .separation(separation)
                    .iwls_tol(glm.iwls_tol)
                    .iwls_max_iter(glm.iwls_maxiter);
                if let Some(offset) = &glm.offset {
                    model = model.offset(offset);
                }
                Ok(Model::Generalised(model))
            })
            .collect()
    }

    fn panel_model(&self, model: &str, components: &str) -> PyResult<PanelOls> {
        let model = match model {
            "random" => PanelModel::Random,
            "mundlak" => PanelModel::Mundlak,
            "between" => PanelModel::Between,
            "first-differences" => PanelModel::FirstDifferences,
            other => {
                return Err(bad("model", other, "random, mundlak, between or first-differences"));
            }
        };
        let components = match components {
            "swamy-arora" => VarianceComponents::SwamyArora,
            "baltagi-chang" => VarianceComponents::BaltagiChang,
            other => return Err(bad("components", other, "swamy-arora or baltagi-chang")),
        };
        let (person, period) = self.panel_id.clone().ok_or_else(|| {
            InputError::new_err("`panel_id`: name the columns of person and period")
        })?;
        let own =
            PanelOls::new(&self.fml, person, period).map_err(|error| estimate_error(&error))?;
        Ok(own.model(model).components(components))
    }

    pub(super) fn columns(&self) -> PyResult<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for name in self.models()?.iter().flat_map(Model::columns).chain(self.split.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Levels to estimate in, one by one; none is the whole sample.
    pub(super) fn subsamples(&self, table: &Table) -> PyResult<Vec<Option<String>>> {
        let mut levels = Vec::new();
        if self.full || self.split.is_none() {
            levels.push(None);
        }
        if let Some(column) = &self.split {
            let own = split_levels(table, column).map_err(|error| estimate_error(&error))?;
            levels.extend(own.into_iter().map(Some));
        }
        Ok(levels)
    }
}
