//! What is asked: outcome, cohorts, method and comparison.

use super::options::Extra;
use super::sample::Sample;
use super::{
    EvaluateError, Family, Premean, callaway, concerns, extended, imputation, local, nonlinear,
    regression, triple, two_way,
};
use crate::data::{Effects, Panel, Ticket};

/// How effects are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// Callaway & Sant'Anna (2021): each cohort against the untreated, period by period.
    #[default]
    CallawaySantAnna,
    /// Sun & Abraham (2021): one regression with a coefficient for each cohort and period but the
    /// last before treatment, against the never treated (without any, the last cohort before it
    /// is treated). Averages carry the estimation of the shares.
    SunAbraham,
    /// Borusyak, Jaravel & Spiess (2024): unit and period effects from untreated outcomes alone
    /// impute what the treated would have had. Shares are taken as fixed, and variances are
    /// conservative, as theirs.
    Imputation,
    /// Gardner (2022): as imputation, with shares estimated.
    TwoStage,
    /// Dube, Girardi, Jorda & Taylor (2025): long differences of the newly treated against clean
    /// controls, entry by entry; cohorts weighted by how precise they are.
    LocalProjections,
    /// The same with each treated unit weighted alike.
    LocalProjectionsReweighted,
    /// Wing, Freedman & Hollingsworth (2024): a window around each cohort's start with controls
    /// untreated through all of it; only cohorts with the whole window.
    Stacked,
    /// Wooldridge (2021): one regression with a coefficient for each cohort and treated period
    /// (with never treated controls, for each period but the last before treatment). Covariates
    /// are interacted with cohorts, with periods and, less their mean, with the cells.
    ExtendedTwoWay,
    /// Ortiz-Villavicencio & Sant'Anna (2025): triple differences, for a policy that treats one kind
    /// of unit ([`Did::partition`]) in the cohorts it reaches.
    TripleDifference,
    /// Two-way fixed effects with event-time dummies, for comparison: biased where effects differ
    /// between cohorts or grow.
    TwoWay,
}

impl Method {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallawaySantAnna => "cs",
            Self::SunAbraham => "sa",
            Self::Imputation => "imputation",
            Self::TwoStage => "did2s",
            Self::LocalProjections => "lpdid",
            Self::LocalProjectionsReweighted => "lpdid_rw",
            Self::Stacked => "stacked",
            Self::ExtendedTwoWay => "etwfe",
            Self::TripleDifference => "ddd",
            Self::TwoWay => "twfe",
        }
    }
}

/// Whom the treated are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Controls {
    /// Units not treated in any period of the comparison, whether later treated or never.
    #[default]
    NotYet,
    /// Units not treated in any period of the panel.
    Never,
}

/// The period before treatment that effects are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Base {
    /// The last period before treatment for effects; the period before for placebos.
    #[default]
    Varying,
    /// The last period before treatment for all.
    Universal,
}

/// What covariates are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Nuisance {
    /// Both: consistent when either model is right.
    #[default]
    DoublyRobust,
    /// A linear model of how outcomes of the untreated change.
    Regression,
    /// A logit of who is treated; weights normalised to mean 1.
    Weighting,
    /// Both, improved (Sant'Anna & Zhao 2020): weights that balance the covariates exactly and a
    /// regression with these weights, so that estimating both leaves the variance as it is.
    Improved,
}

/// What is done with units that are not seen in every period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Each comparison takes the units seen in both of its periods.
    #[default]
    Pairs,
    /// Only units seen in every period are taken.
    Balanced,
    /// Each mean takes the units seen in its period: repeated cross-sections.
    CrossSections,
}

/// Difference-in-differences on one panel.
///
/// See [`Method`] for the estimators and their models; all give one [`Effects`].
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`method`](Self::method) | the estimator | Callaway & Sant'Anna |
/// | [`controls`](Self::controls) | whom the treated are compared with | not yet treated |
/// | [`nuisance`](Self::nuisance) | what covariates are used for | doubly robust |
/// | [`covariates`](Self::covariates) | columns of numbers, truth values or classes | none |
/// | [`anticipation`](Self::anticipation) | periods before treatment that may be affected | 0 |
/// | [`base`](Self::base) | the period effects are measured from | varying |
/// | [`window`](Self::window) | periods before and after treatment of a stack | 3 and 3 |
/// | [`leads`](Self::leads) | placebo periods of imputation | 3 |
/// | [`gaps`](Self::gaps) | units not seen in every period | pairs |
/// | [`cluster`](Self::cluster) | column of clusters, in which units are nested | the unit |
/// | [`weights`](Self::weights) | column of weights, one number a unit | none |
/// | [`placebo`](Self::placebo) | pretended treatment in time or in a group | none |
/// | [`shares`](Self::shares) | whether averages carry the estimation of shares | estimated |
/// | [`partition`](Self::partition) | column of 0 and 1: whom the policy is for | none |
/// | [`family`](Self::family) | what trends are parallel in | means |
/// | [`force`](Self::force) | a refusal to set aside, with a caution instead | none |
///
/// ```
/// use kruispunt::data::{By, Column, Panel, Table, Unit};
/// use kruispunt::evaluate::{Aggregate, Did};
/// let table = Table::new([
///     ("person", Column::int(vec![1, 1, 2, 2, 3, 3, 4, 4])),
///     ("year", Column::int(vec![2011, 2012, 2011, 2012, 2011, 2012, 2011, 2012])),
///     ("training", Column::int(vec![2012, 2012, 2012, 2012, 0, 0, 0, 0])),
///     ("wage", Column::float(vec![10.0, 14.0, 20.0, 26.0, 9.0, 10.0, 11.0, 13.0])),
/// ])?;
/// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
/// let effects = Did::new("wage", "training").fit(&panel)?;
/// let mean = effects.aggregate(&Aggregate::new(By::Simple))?;
/// assert!((mean.rows()[0].estimate - 3.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Did {
    pub(super) outcome: String,
    pub(super) cohort: String,
    pub(super) method: Method,
    pub(super) controls: Option<Controls>,
    pub(super) nuisance: Nuisance,
    pub(super) covariates: Vec<String>,
    pub(super) anticipation: u32,
    pub(super) base: Option<Base>,
    pub(super) window: (u32, u32),
    pub(super) leads: u32,
    pub(super) gaps: Gaps,
    pub(super) cluster: Option<String>,
    pub(super) weights: Option<String>,
    pub(super) extra: Extra,
}

impl Did {
    /// Effects on `outcome` of a treatment that starts in the period `cohort`.
    ///
    /// `cohort` is a column with the first period of treatment of each unit (null, 0 or infinity
    /// for never), or one of truth values or 0 and 1, of which the first true period counts.
    pub fn new(outcome: impl Into<String>, cohort: impl Into<String>) -> Self {
        Self {
            outcome: outcome.into(),
            cohort: cohort.into(),
            method: Method::default(),
            controls: None,
            nuisance: Nuisance::default(),
            covariates: Vec::new(),
            anticipation: 0,
            base: None,
            window: (3, 3),
            leads: 3,
            gaps: Gaps::default(),
            cluster: None,
            weights: None,
            extra: Extra::default(),
        }
    }

    /// The estimator.
    pub const fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Whom the treated are compared with.
    pub const fn controls(mut self, controls: Controls) -> Self {
        self.controls = Some(controls);
        self
    }

    /// What covariates are used for.
    pub const fn nuisance(mut self, nuisance: Nuisance) -> Self {
        self.nuisance = nuisance;
        self
    }

    /// Covariates, taken in the earlier period of each comparison; in the extended two-way
    /// regression in the period of the outcome, interacted with cohorts, periods and cells.
    pub fn covariates<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.covariates = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Periods before treatment that may already be affected.
    pub const fn anticipation(mut self, periods: u32) -> Self {
        self.anticipation = periods;
        self
    }

    /// The period effects are measured from.
    pub const fn base(mut self, base: Base) -> Self {
        self.base = Some(base);
        self
    }

    /// Periods before and after treatment that a stack holds.
    pub const fn window(mut self, before: u32, after: u32) -> Self {
        self.window = (before, after);
        self
    }

    /// Periods before treatment whose placebo effects imputation estimates.
    pub const fn leads(mut self, periods: u32) -> Self {
        self.leads = periods;
        self
    }

    /// What is done with units that are not seen in every period.
    pub const fn gaps(mut self, gaps: Gaps) -> Self {
        self.gaps = gaps;
        self
    }

    /// The column of clusters.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// The column of weights.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// Estimates the effects.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for columns that are missing or of the wrong type,
    /// [`EvaluateError::NotFinite`], [`EvaluateError::Varies`], [`EvaluateError::TurnsOff`],
    /// [`EvaluateError::BadWeight`], [`EvaluateError::NobodyTreated`],
    /// [`EvaluateError::NothingEstimable`], [`EvaluateError::TooFewClusters`],
    /// [`EvaluateError::NotWithMethod`], [`EvaluateError::EligibilityDependsOnOutcome`].
    pub fn fit(&self, panel: &Panel) -> Result<Effects, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<Effects, EvaluateError> {
        self.check()?;
        let sample = Sample::read(self, panel, ticket)?;
        concerns::refuse(self, &sample)?;
        match self.method {
            Method::CallawaySantAnna | Method::Stacked => {
                callaway::fit(self, panel, &sample, ticket)
            }
            Method::ExtendedTwoWay if !self.covariates.is_empty() => {
                extended::fit(self, panel, &sample, ticket)
            }
            Method::ExtendedTwoWay if self.extra.family() != Family::Linear => {
                nonlinear::fit(self, panel, &sample, ticket)
            }
            Method::SunAbraham | Method::ExtendedTwoWay => {
                regression::fit(self, panel, &sample, ticket)
            }
            Method::TripleDifference => triple::fit(self, panel, &sample, ticket),
            Method::TwoWay => two_way::fit(self, panel, &sample, ticket),
            Method::Imputation | Method::TwoStage => imputation::fit(self, panel, &sample, ticket),
            Method::LocalProjections | Method::LocalProjectionsReweighted => {
                local::fit(self, panel, &sample, ticket)
            }
        }
    }

    /// Refuses what the method has no use for.
    fn check(&self) -> Result<(), EvaluateError> {
        let method = self.method.name();
        let refuse = |argument, why| Err(EvaluateError::NotWithMethod { argument, method, why });
        let triple = self.method == Method::TripleDifference;
        let cs = self.method == Method::CallawaySantAnna || triple;
        if self.extra.partition().is_some() && !triple {
            return refuse("partition", "only \"ddd\" tells units apart that the policy is for");
        }
        if !self.covariates.is_empty() && !cs && self.method != Method::ExtendedTwoWay {
            return refuse("covariates", "only \"cs\", \"ddd\" and \"etwfe\" take covariates");
        }
        if self.base.is_some() && !cs {
            return refuse("base", "its base period is the last before treatment");
        }
        if self.extra.family() != Family::Linear && self.method != Method::ExtendedTwoWay {
            return refuse("family", "only \"etwfe\" has other families than the linear");
        }
        let local =
            matches!(self.method, Method::LocalProjections | Method::LocalProjectionsReweighted);
        if !local && (self.extra.premean().is_some() || self.extra.fixed_sample()) {
            let argument = if self.extra.premean().is_some() { "premean" } else { "fixed_sample" };
            return refuse(argument, "only local projections have this choice");
        }
        if self.extra.premean() == Some(Premean::Last(0)) {
            return Err(EvaluateError::BadArgument {
                argument: "premean",
                expected: "at least one period before treatment",
                got: "0".to_owned(),
            });
        }
        if self.extra.multipliers().is_some() && self.method == Method::TwoWay {
            return refuse("errors", "its overall row is a second regression; errors are analytic");
        }
        if self.extra.multipliers().is_some_and(|own| own.draws < 100) {
            return Err(EvaluateError::BadArgument {
                argument: "draws",
                expected: "at least 100 multiplier draws",
                got: self.extra.multipliers().map_or(0, |own| own.draws).to_string(),
            });
        }
        if self.gaps == Gaps::CrossSections && !cs {
            return refuse("gaps", "it follows units over time; let `gaps` be pairs or balanced");
        }
        match (self.method, self.controls) {
            (Method::SunAbraham, Some(Controls::NotYet)) => {
                refuse("controls", "it compares with the never treated (or the last cohort)")
            }
            (Method::Imputation | Method::TwoStage, Some(Controls::Never)) => {
                refuse("controls", "it uses every outcome before treatment")
            }
            (Method::TwoWay, Some(_)) => refuse("controls", "it uses every outcome"),
            _ => Ok(()),
        }
    }
}
