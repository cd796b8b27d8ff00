//! Hazards in discrete time: the chance of the event in a period, given that it did not happen before.

use super::frailty::{self, Frailty, Mixture};
use super::likelihood::Link;
use super::newton::{Top, gathered};
use super::person_periods::{Baseline, PersonPeriods, null_log_likelihood, start};
use crate::data::{
    Account, ClusterCount, Convergence, EffectCount, Fit, Goodness, Likelihood, Seed, Ssc, Table,
    Ticket,
};
use crate::estimate::{Formula, Sampled, Sampling};
use crate::evaluate::EvaluateError;
use crate::evaluate::cumulate::lower;
use crate::evaluate::inference::normals;
use serde::{Deserialize, Serialize};

/// Levels of the baseline at most: the information is one dense matrix.
const MOST_LEVELS: usize = 1500;

/// A hazard in discrete time, by maximum likelihood on person-period rows.
///
/// A row is a person in a period in which the event could happen; the outcome says whether it did,
/// or which of several. With `h_k` the chance of event k in the period,
///
/// ```text
/// one event     g(h_it) = alpha_d(it) + x_it'beta          g: logit or log(-log(1 - h))
/// K events      log(h_kit / h_0it) = alpha_kd(it) + x_it'beta_k          (multinomial logit)
/// ```
///
/// The baseline `alpha` is what stands after the bar of the formula, mostly the elapsed duration:
/// each level has its own, without a dummy being made. Coefficients of the complementary log-log
/// link are those of proportional hazards in continuous time (Prentice & Gloeckler 1978). Delayed
/// entry needs nothing: rows begin when the person is first seen, at the duration they then have.
/// Rows of a level in which the event never happens, or always, say nothing and are left out,
/// counted; with several events the chance of an event that never happens in a level is 0 there.
///
/// [`frailty`](Self::frailty) adds what persons bring that nobody recorded, the same in all their
/// rows: a normal effect, integrated out, or a few types of persons. Without it, who is left at long
/// durations is chosen by what is not recorded, so that the baseline falls too fast and coefficients
/// lie too near to 0.
///
/// # References
///
/// - Prentice, R. L. & Gloeckler, L. A. (1978). *Biometrics* 34, 57-67.
/// - Allison, P. D. (1982). *Sociological Methodology* 13, 61-98.
/// - Singer, J. D. & Willett, J. B. (1993). *Journal of Educational Statistics* 18, 155-195.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::evaluate::DiscreteHazard;
/// // Two quarters at risk each; the trained leave for work more often in the second.
/// let rows = Table::new([
///     ("to_work", Column::int(vec![1, 0, 0, 1, 1, 0, 1, 0, 1, 0])),
///     ("duration", Column::int(vec![1, 1, 1, 1, 2, 2, 2, 2, 2, 2])),
///     ("trained", Column::int(vec![0, 0, 1, 1, 1, 1, 1, 0, 0, 0])),
/// ])?;
/// let found = DiscreteHazard::new("to_work ~ trained | duration")?.fit(&rows)?;
/// assert!(found.fit().coef()[0] > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DiscreteHazard {
    formula: Formula,
    link: Link,
    several: bool,
    pub(super) cluster: Option<String>,
    pub(super) weights: Option<String>,
    offset: Option<String>,
    frailty: Frailty,
    pub(super) person: Option<String>,
}

/// A hazard model that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardFit {
    pub(super) fit: Fit,
    pub(super) link: Link,
    /// Labels of the events.
    pub(super) causes: Vec<String>,
    /// Regressors that stay, without the cause.
    pub(super) names: Vec<String>,
    pub(super) baseline: Option<Baseline>,
    /// Cause by cause: regressors, then the baseline; minus infinity where the event never happens.
    pub(super) theta: Vec<f64>,
    /// Covariance of all of these; NaN of those that are not free.
    pub(super) joint: Vec<f64>,
    /// Means of the regressors in the sample.
    pub(super) means: Vec<f64>,
    /// What was found about frailty.
    pub(super) mixture: Option<Mixture>,
}

/// What happened less what was expected.
pub(super) struct Residuals {
    /// Rows of the table that are used.
    pub(super) rows: Vec<u32>,
    /// Of these rows, event by event.
    pub(super) by_cause: Vec<Vec<f64>>,
}

impl DiscreteHazard {
    /// A model by its formula: the event on regressors, the baseline after the bar.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for a formula that cannot be read.
    pub fn new(formula: &str) -> Result<Self, EvaluateError> {
        Ok(Self {
            formula: Formula::parse(formula)?,
            link: Link::default(),
            several: false,
            cluster: None,
            weights: None,
            offset: None,
            frailty: Frailty::None,
            person: None,
        })
    }

    /// The link (default: logit).
    pub const fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Several events: the outcome is 0 for none, else the number of the event.
    pub const fn competing(mut self) -> Self {
        self.several = true;
        self
    }

    /// The column within whose values errors may depend on each other, mostly the person.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// The column of weights, above 0.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// A column that is added to the linear predictor.
    pub fn offset(mut self, column: impl Into<String>) -> Self {
        self.offset = Some(column.into());
        self
    }

    /// What persons of column `person` bring that nobody recorded (default: nothing).
    ///
    /// # References
    ///
    /// - Heckman, J. & Singer, B. (1984). *Econometrica* 52, 271-320.
    /// - Rabe-Hesketh, S., Skrondal, A. & Pickles, A. (2005). *Journal of Econometrics* 128, 301-323.
    /// - Gaure, S., Roed, K. & Zhang, T. (2007). *Journal of Econometrics* 141, 1159-1195 (types are
    ///   added while the AIC falls).
    pub fn frailty(mut self, frailty: Frailty, person: impl Into<String>) -> Self {
        self.frailty = frailty;
        self.person = Some(person.into());
        self
    }

    /// Fits the model.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit(&self, table: &Table) -> Result<HazardFit, EvaluateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with progress and cancellation.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Estimate`] for columns and formula, [`EvaluateError::NotBinary`] for an
    /// outcome that is no event, [`EvaluateError::BadArgument`] for more than one effect after the
    /// bar, several events with the complementary log-log link or a huge baseline,
    /// [`EvaluateError::Separated`], [`EvaluateError::NothingEstimable`],
    /// [`EvaluateError::TooFewClusters`], [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<HazardFit, EvaluateError> {
        Ok(self.fit_kept(table, false, ticket)?.0)
    }

    /// As [`fit_with`](Self::fit_with), with residuals of the rows that are used if `keep`.
    pub(super) fn fit_kept(
        &self,
        table: &Table,
        keep: bool,
        ticket: &Ticket,
    ) -> Result<(HazardFit, Residuals), EvaluateError> {
        let own = self.person_periods(table, ticket)?;
        let (rows, sample) = (own.rows(), &own.sample);
        let (start, free) = start(&rows);
        let top = rows.climb(start, &free, ticket)?;
        let residuals = if keep { rows.residuals(&top.theta) } else { Vec::new() };
        let missing = || EvaluateError::TooFewClusters { n: 0 };
        let cluster = self.cluster.as_ref().map(|name| sample.class(name).ok_or_else(missing));
        let cluster = cluster.transpose()?;
        let (null, means, shape) =
            (null_log_likelihood(&rows), rows.means(), (rows.k(), rows.each()));
        let person = self.person.as_ref().filter(|_| self.frailty != Frailty::None);
        let (top, joint, mixture) = if let Some(person) = person {
            let persons = sample.class(person).ok_or_else(missing)?;
            let weights = self.weights.as_deref().unwrap_or_default();
            let climbed = frailty::fit(
                &rows,
                &top,
                &free,
                (self.frailty, person, persons),
                (cluster, weights, &sample.rows),
                ticket,
            )?;
            (climbed.top, climbed.joint, Some((climbed.mixture, climbed.names)))
        } else {
            let joint = match cluster {
                None => top.inverse.clone(),
                Some(clusters) => rows.clustered(&top, &free, clusters)?,
            };
            (top, joint, None)
        };
        let found = Found { top, joint, null, means, shape, mixture };
        let kept = Residuals { rows: sample.rows.clone(), by_cause: residuals };
        Ok((self.result(found, own), kept))
    }

    /// Reads the rows and columns that are used.
    pub(super) fn person_periods(
        &self,
        table: &Table,
        ticket: &Ticket,
    ) -> Result<PersonPeriods, EvaluateError> {
        self.check()?;
        ticket.stage("reading columns", 0);
        let sample = self.sample(table, ticket)?;
        let events = self.events(&sample)?;
        PersonPeriods::new(sample, events, self.link)
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if self.several && self.link == Link::Cloglog {
            let expected =
                "the logit link for several events; or one event at a time, the others as censored";
            return bad("link", expected, "cloglog".to_owned());
        }
        self.frailty.check()?;
        if self.frailty != Frailty::None && self.several {
            let expected = "one event; fit each event by itself, the others as censored";
            return bad("frailty", expected, "several events".to_owned());
        }
        if self.formula.effects().len() > 1 {
            let expected = "one baseline after the bar, such as duration or duration^region";
            return bad("fml", expected, self.formula.effects().join(" + "));
        }
        Ok(())
    }

    fn sample(&self, table: &Table, ticket: &Ticket) -> Result<Sampled, EvaluateError> {
        let sampling = Sampling {
            verb: "hazard",
            formula: &self.formula,
            weights: self.weights.clone(),
            offset: self.offset.clone(),
            classes: self.classes().map(|own| own.1.clone()).collect(),
            present: self.classes().map(|(role, name)| (role, name.clone())).collect(),
        };
        let sample = sampling.draw(table, ticket)?;
        let levels = sample.effects.first().map_or(0, |own| own.factor.n_levels());
        if levels > MOST_LEVELS {
            return Err(EvaluateError::BadArgument {
                argument: "fml",
                expected: "a baseline of at most 1500 levels; feglm sweeps out larger sets",
                got: format!("{levels} levels"),
            });
        }
        Ok(sample)
    }

    /// Columns whose values are classes.
    fn classes(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let person = self.person.as_ref().filter(|_| self.frailty != Frailty::None);
        let person = person.filter(|own| self.cluster.as_ref() != Some(*own));
        let cluster = self.cluster.as_ref().map(|own| ("cluster", own));
        cluster.into_iter().chain(person.map(|own| ("person", own)))
    }

    /// The event of each row, and the labels of the events that happen.
    fn events(&self, sample: &Sampled) -> Result<(Vec<u32>, Vec<String>), EvaluateError> {
        let most = if self.several { 1e6 } else { 1.0 };
        let bad = |y: &f64| !(*y >= 0.0 && *y <= most && y.fract() == 0.0);
        if let Some(at) = sample.outcome.iter().position(bad) {
            let (column, row) = (self.formula.outcome().to_owned(), sample.rows[at] as usize);
            if self.several {
                return Err(EvaluateError::BadEvent { column, row });
            }
            return Err(EvaluateError::NotBinary { argument: "fml", column, row });
        }
        let mut codes: Vec<u32> = sample.outcome.iter().map(|&y| y as u32).collect();
        let mut there = codes.clone();
        there.sort_unstable();
        there.dedup();
        there.retain(|&code| code > 0);
        if there.is_empty() || codes.iter().all(|&code| code > 0) {
            let why = if there.is_empty() {
                "the event never happens"
            } else {
                "an event happens in every row"
            };
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        for code in codes.iter_mut().filter(|code| **code > 0) {
            *code = there.binary_search(code).unwrap_or_default() as u32 + 1;
        }
        Ok((codes, there.iter().map(u32::to_string).collect()))
    }

    fn result(&self, found: Found, own: PersonPeriods) -> HazardFit {
        let PersonPeriods { sample, causes, baseline, names, dropped, .. } = own;
        let several = causes.len() > 1;
        let (m, places, labels) = found.labels(&causes, &names);
        let p = places.len();
        let mut step = sample.step;
        if !dropped.is_empty() {
            step = step.note(format!("dropped as collinear: {}", dropped.join(", ")));
        }
        let family = if several { "multinomial logit" } else { self.link.name() };
        let clusters = self.cluster.iter().filter_map(|name| {
            let factor = sample.classes.iter().find(|(own, _)| own == name)?;
            Some(ClusterCount { name: name.clone(), clusters: factor.1.n_levels() })
        });
        let none = f64::NAN;
        let top = found.top;
        let fit = Fit {
            formula: self.formula.text().to_owned(),
            outcome: self.formula.outcome().to_owned(),
            names: labels,
            coef: places.iter().map(|&at| top.theta[at]).collect(),
            vcov: (0..p * p).map(|at| found.joint[places[at / p] * m + places[at % p]]).collect(),
            vcov_text: self.cluster.as_ref().map_or("iid".to_owned(), |_| "CRV1".to_owned()),
            ssc: Ssc::default().without_k(),
            df: f64::INFINITY,
            df_each: Vec::new(),
            n_obs: sample.rows.len(),
            weights: self.weights.clone(),
            effects: sample
                .effects
                .iter()
                .map(|own| EffectCount { name: own.name.clone(), levels: own.factor.n_levels() })
                .collect(),
            clusters: clusters.collect(),
            goodness: Goodness {
                r2: none,
                adj_r2: none,
                within_r2: none,
                adj_within_r2: none,
                rmse: none,
            },
            dropped,
            convergence: Convergence { iterations: top.steps, left: 0.0 },
            account: Account::new("data").then(step),
            sample: None,
            first_stage: Vec::new(),
            instruments: Vec::new(),
            weakest: Vec::new(),
            kind: None,
            offset: None,
            levels: Vec::new(),
            variances: None,
            transformed: false,
            sampled: false,
            likelihood: Some(Likelihood {
                family: family.to_owned(),
                deviance: -2.0 * top.log_likelihood,
                log_likelihood: top.log_likelihood,
                null_log_likelihood: found.null,
                pseudo_r2: 1.0 - top.log_likelihood / found.null,
                iterations: top.steps,
            }),
        };
        HazardFit {
            fit,
            link: self.link,
            causes,
            names,
            baseline,
            theta: top.theta,
            joint: found.joint,
            means: found.means,
            mixture: found.mixture.map(|own| own.0),
        }
    }
}

/// What the climb found.
struct Found {
    top: Top,
    joint: Vec<f64>,
    null: f64,
    means: Vec<f64>,
    /// Regressors, and parameters of a cause.
    shape: (usize, usize),
    /// What was found about frailty, and names of its parameters.
    mixture: Option<(Mixture, Vec<String>)>,
}

impl Found {
    /// Parameters in all, places of those that are shown, and their names.
    fn labels(&self, causes: &[String], names: &[String]) -> (usize, Vec<usize>, Vec<String>) {
        let (k, each) = self.shape;
        let all = each * causes.len();
        let more = self.mixture.as_ref().map_or(&[][..], |own| &own.1);
        let places: Vec<usize> = (0..causes.len())
            .flat_map(|cause| (0..k).map(move |j| cause * each + j))
            .chain(all..all + more.len())
            .collect();
        let label = |&at: &usize| match more.get(at.wrapping_sub(all)) {
            Some(own) => own.clone(),
            None if causes.len() > 1 => {
                format!("{}: {}", causes[at / each], names[at % each])
            }
            None => names[at % each].clone(),
        };
        let labels = places.iter().map(label).collect();
        (all + more.len(), places, labels)
    }
}

impl HazardFit {
    /// Places of the parameters that are free: others have no variance, which the diagonal of the
    /// covariance says by NaN.
    pub(super) fn free(&self) -> Vec<usize> {
        let m = self.theta.len();
        (0..m).filter(|&at| !self.joint[at * m + at].is_nan()).collect()
    }

    /// Places of the free parameters, and a root of their covariance.
    pub(super) fn root(&self) -> (Vec<usize>, Vec<f64>) {
        let (m, free) = (self.theta.len(), self.free());
        let root = lower(&gathered(&self.joint, m, &free), free.len());
        (free, root)
    }

    /// Parameters drawn from their distribution, `root` as [`root`](Self::root) gives it; those that
    /// are not free stay.
    pub(super) fn drawn(
        &self,
        (free, root): &(Vec<usize>, Vec<f64>),
        seed: Seed,
        draw: u32,
    ) -> Vec<f64> {
        let f = free.len();
        let mut z = vec![0.0; f];
        normals(seed, u64::from(draw), &mut z);
        let mut own = self.theta.clone();
        for (i, &at) in free.iter().enumerate() {
            own[at] += (0..=i).map(|j| root[i * f + j] * z[j]).sum::<f64>();
        }
        own
    }

    /// Coefficients, covariance, likelihood and account.
    #[must_use]
    pub const fn fit(&self) -> &Fit {
        &self.fit
    }

    /// The link.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// What was found about frailty.
    #[must_use]
    pub const fn mixture(&self) -> Option<&Mixture> {
        self.mixture.as_ref()
    }

    /// Labels of the events, `["1"]` for one.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }
}
