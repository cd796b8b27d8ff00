//! Hazards in discrete time: the chance of the event in a period, given that it did not happen before.

use super::frailty::{self, Frailty, Mixture};
use super::likelihood::{Link, Rows};
use super::newton::Top;
use crate::data::{
    Account, ClusterCount, Column, Convergence, EffectCount, Factor, Fit, Goodness, Likelihood,
    Seed, Ssc, Table, Ticket,
};
use crate::estimate::{Formula, Sampled, Sampling};
use crate::evaluate::EvaluateError;
use crate::evaluate::cumulate::lower;
use crate::evaluate::inference::normals;
use crate::math::crossprod::gram;
use crate::math::linalg::{Triangle, sandwich};
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
    cluster: Option<String>,
    weights: Option<String>,
    offset: Option<String>,
    frailty: Frailty,
    person: Option<String>,
}

/// The chance of each event by level of the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) name: String,
    /// Levels in their natural order, one column a part of `f^g`.
    pub(super) levels: Vec<Column>,
}

impl Baseline {
    pub(super) fn len(&self) -> usize {
        self.levels.first().map_or(0, Column::len)
    }
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
        self.check()?;
        ticket.stage("reading columns", 0);
        let mut sample = self.sample(table, ticket)?;
        let (event, causes) = self.events(&mut sample)?;
        let event = if causes.len() == 1 { settle(&mut sample, event)? } else { event };
        let (level, baseline) = baseline(&sample);
        let (level, n_levels) =
            level.as_ref().map_or((&[][..], 0), |own| (own.codes(), own.n_levels()));
        let mut rows = Rows {
            columns: sample.columns.iter().map(|own| &own[..]).collect(),
            names: &sample.names,
            level,
            n_levels,
            event: &event,
            causes: causes.len(),
            weights: sample.weights.as_deref(),
            offset: sample.offset.as_deref(),
            link: self.link,
        };
        let (kept, dropped) = independent(&rows);
        rows.columns = kept.iter().map(|&at| &sample.columns[at][..]).collect();
        let names: Vec<String> = kept.iter().map(|&at| sample.names[at].clone()).collect();
        let dropped: Vec<String> = dropped.iter().map(|&at| sample.names[at].clone()).collect();
        rows.names = &names;
        refuse_settled(&rows)?;
        let (start, free) = start(&rows);
        let top = rows.climb(start, &free, ticket)?;
        let residuals = if keep { rows.residuals(&top.theta) } else { Vec::new() };
        let missing = || EvaluateError::TooFewClusters { n: 0 };
        let cluster = self.cluster.as_ref().map(|name| sample.class(name).ok_or_else(missing));
        let cluster = cluster.transpose()?;
        let (null, means, shape) =
            (null_log_likelihood(&rows), rows.means(), (rows.k(), rows.each()));
        let person = self.person.as_ref().filter(|_| self.frailty != Frailty::None);
        let found = if let Some(person) = person {
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
            let mixture = Some((climbed.mixture, climbed.names));
            let (top, joint) = (climbed.top, climbed.joint);
            Found { top, joint, names, dropped, null, means, shape, mixture }
        } else {
            let joint = match cluster {
                None => top.inverse.clone(),
                Some(clusters) => rows.clustered(&top, &free, clusters)?,
            };
            Found { top, joint, names, dropped, null, means, shape, mixture: None }
        };
        let kept = Residuals { rows: sample.rows.clone(), by_cause: residuals };
        Ok((self.result(found, sample, causes, baseline), kept))
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
    fn events(&self, sample: &mut Sampled) -> Result<(Vec<u32>, Vec<String>), EvaluateError> {
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

    fn result(
        &self,
        found: Found,
        sample: Sampled,
        causes: Vec<String>,
        baseline: Option<Baseline>,
    ) -> HazardFit {
        let several = causes.len() > 1;
        let (m, places, labels) = found.labels(&causes);
        let p = places.len();
        let mut step = sample.step;
        if !found.dropped.is_empty() {
            step = step.note(format!("dropped as collinear: {}", found.dropped.join(", ")));
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
            dropped: found.dropped,
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
            names: found.names,
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
    names: Vec<String>,
    dropped: Vec<String>,
    null: f64,
    means: Vec<f64>,
    /// Regressors, and parameters of a cause.
    shape: (usize, usize),
    /// What was found about frailty, and names of its parameters.
    mixture: Option<(Mixture, Vec<String>)>,
}

impl Found {
    /// Parameters in all, places of those that are shown, and their names.
    fn labels(&self, causes: &[String]) -> (usize, Vec<usize>, Vec<String>) {
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
                format!("{}: {}", causes[at / each], self.names[at % each])
            }
            None => self.names[at % each].clone(),
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
        let f = free.len();
        let own: Vec<f64> =
            (0..f * f).map(|at| self.joint[free[at / f] * m + free[at % f]]).collect();
        (free, lower(&own, f))
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

/// Leaves out levels of the baseline where the event never or always happens.
fn settle(sample: &mut Sampled, event: Vec<u32>) -> Result<Vec<u32>, EvaluateError> {
    let Some(effect) = sample.effects.first() else { return Ok(event) };
    let n = effect.factor.n_levels();
    let (mut rows, mut events) = (vec![0_usize; n], vec![0_usize; n]);
    for (&level, &event) in effect.factor.codes().iter().zip(&event) {
        rows[level as usize] += 1;
        events[level as usize] += usize::from(event > 0);
    }
    for (reason, gone) in [
        ("the event never happens at this level of the baseline", 0),
        ("the event always happens at this level of the baseline", 1),
    ] {
        let codes = sample.effects[0].factor.codes();
        let stays = |level: u32| {
            let level = level as usize;
            if gone == 0 {
                events[level] > 0
            } else {
                events[level] < rows[level] || events[level] == 0
            }
        };
        let stay: Vec<bool> = codes.iter().map(|&level| stays(level)).collect();
        if gone == 0 {
            sample.keep(&stay, reason);
            // Levels were numbered anew.
            let alive: Vec<usize> = (0..n).filter(|&level| events[level] > 0).collect();
            rows = alive.iter().map(|&level| rows[level]).collect();
            events = alive.iter().map(|&level| events[level]).collect();
        } else {
            sample.keep(&stay, reason);
        }
        if sample.rows.is_empty() {
            let why = "at each level of the baseline the event happens never or always".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
    }
    Ok(sample.outcome.iter().map(|&y| y as u32).collect())
}

/// The baseline with levels in their natural order.
fn baseline(sample: &Sampled) -> (Option<Factor>, Option<Baseline>) {
    let Some(effect) = sample.effects.first() else { return (None, None) };
    let n = effect.factor.n_levels();
    let ranks: Vec<Vec<Option<u32>>> = effect.levels.iter().map(|own| own.ranks().0).collect();
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(|&at| ranks.iter().map(|own| own[at as usize]).collect::<Vec<_>>());
    let mut place = vec![0_u32; n];
    for (to, &from) in order.iter().enumerate() {
        place[from as usize] = to as u32;
    }
    let codes: Vec<u32> = effect.factor.codes().iter().map(|&at| place[at as usize]).collect();
    let levels = effect.levels.iter().map(|own| own.take(&order)).collect();
    (Some(Factor::compact(&codes)), Some(Baseline { name: effect.name.clone(), levels }))
}

/// Regressors that others and the baseline do not determine, and those they do.
pub(super) fn independent(rows: &Rows<'_>) -> (Vec<usize>, Vec<usize>) {
    let k = rows.k();
    let mut total = gram(&rows.columns, rows.weights);
    let reference: Vec<f64> = (0..k).map(|at| total[at * k + at]).collect();
    if rows.n_levels > 0 {
        let mut sums = vec![0.0; rows.n_levels * (k + 1)];
        for (at, &level) in rows.level.iter().enumerate() {
            let w = rows.weights.map_or(1.0, |weights| weights[at]);
            let own = &mut sums[level as usize * (k + 1)..(level as usize + 1) * (k + 1)];
            for (slot, column) in own.iter_mut().zip(&rows.columns) {
                *slot += w * column[at];
            }
            own[k] += w;
        }
        for own in sums.chunks(k + 1) {
            for i in 0..k {
                for j in 0..k {
                    total[i * k + j] -= own[i] * own[j] / own[k];
                }
            }
        }
    }
    let triangle = Triangle::cholesky(&total, &reference, 1e-9);
    (triangle.kept, triangle.dropped)
}

/// Refuses a dummy whose rows all have one outcome.
fn refuse_settled(rows: &Rows<'_>) -> Result<(), EvaluateError> {
    for (column, name) in rows.columns.iter().zip(rows.names) {
        if column.iter().any(|&x| x != 0.0 && x != 1.0) || name == "Intercept" {
            continue;
        }
        for value in [0.0, 1.0] {
            let mut own =
                column.iter().zip(rows.event).filter(|(x, _)| **x == value).map(|(_, &e)| e);
            let first = own.next();
            if rows.causes == 1 && first.is_some_and(|first| own.all(|event| event == first)) {
                return Err(EvaluateError::Separated { what: format!("\"{name}\"") });
            }
        }
    }
    Ok(())
}

/// Where the climb starts, and which parameters move: not those of events that never happen at a
/// level.
fn start(rows: &Rows<'_>) -> (Vec<f64>, Vec<usize>) {
    let (k, each) = (rows.k(), rows.each());
    let mut theta = vec![0.0; rows.m()];
    let mut counts = vec![0.0; (rows.causes + 1) * rows.n_levels.max(1)];
    for (at, &event) in rows.event.iter().enumerate() {
        let level = if rows.n_levels > 0 { rows.level[at] as usize } else { 0 };
        counts[event as usize * rows.n_levels.max(1) + level] +=
            rows.weights.map_or(1.0, |weights| weights[at]);
    }
    let mut free = Vec::with_capacity(rows.m());
    for cause in 0..rows.causes {
        free.extend(cause * each..cause * each + k);
        for level in 0..rows.n_levels {
            let (here, none) = (counts[(cause + 1) * rows.n_levels + level], counts[level]);
            let at = cause * each + k + level;
            if here > 0.0 {
                let share = (here / (here + none)).clamp(1e-6, 1.0 - 1e-6);
                theta[at] = rows.link.of(share);
                free.push(at);
            } else {
                theta[at] = f64::NEG_INFINITY;
            }
        }
    }
    (theta, free)
}

fn null_log_likelihood(rows: &Rows<'_>) -> f64 {
    let mut mass = vec![0.0; rows.causes + 1];
    for (at, &event) in rows.event.iter().enumerate() {
        mass[event as usize] += rows.weights.map_or(1.0, |weights| weights[at]);
    }
    let all: f64 = mass.iter().sum();
    mass.iter().filter(|own| **own > 0.0).map(|own| own * libm::log(own / all)).sum()
}

impl Rows<'_> {
    fn means(&self) -> Vec<f64> {
        let weight = |at: usize| self.weights.map_or(1.0, |weights| weights[at]);
        let all: f64 = (0..self.n()).map(weight).sum();
        let mean = |column: &&[f64]| {
            column.iter().enumerate().map(|(at, x)| weight(at) * x).sum::<f64>() / all
        };
        self.columns.iter().map(mean).collect()
    }

    /// The covariance when rows of a cluster may depend on each other.
    fn clustered(
        &self,
        top: &Top,
        free: &[usize],
        clusters: &Factor,
    ) -> Result<Vec<f64>, EvaluateError> {
        let g = clusters.n_levels();
        if g < 2 {
            return Err(EvaluateError::TooFewClusters { n: g });
        }
        let (k, each, m) = (self.k(), self.each(), self.m());
        let residuals = self.residuals(&top.theta);
        let mut starts = vec![0_usize; g + 1];
        for &code in clusters.codes() {
            starts[code as usize + 1] += 1;
        }
        for at in 0..g {
            starts[at + 1] += starts[at];
        }
        let mut order = vec![0_u32; self.n()];
        let mut next = starts.clone();
        for (row, &code) in clusters.codes().iter().enumerate() {
            order[next[code as usize]] = row as u32;
            next[code as usize] += 1;
        }
        let mut meat = vec![0.0; m * m];
        let mut score = vec![0.0; m];
        let mut touched: Vec<usize> = Vec::new();
        for cluster in 0..g {
            touched.clear();
            for (cause, residual) in residuals.iter().enumerate() {
                touched.extend(cause * each..cause * each + k);
                for &row in &order[starts[cluster]..starts[cluster + 1]] {
                    let row = row as usize;
                    for (slot, column) in score[cause * each..].iter_mut().zip(&self.columns) {
                        *slot += residual[row] * column[row];
                    }
                    if self.n_levels > 0 {
                        let at = cause * each + k + self.level[row] as usize;
                        if score[at] == 0.0 {
                            touched.push(at);
                        }
                        score[at] += residual[row];
                    }
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for &i in &touched {
                for &j in &touched {
                    meat[i * m + j] += score[i] * score[j];
                }
            }
            for &at in &touched {
                score[at] = 0.0;
            }
        }
        let f = free.len();
        let own = |full: &[f64]| -> Vec<f64> {
            (0..f * f).map(|at| full[free[at / f] * m + free[at % f]]).collect()
        };
        let small = sandwich(&own(&top.inverse), &own(&meat), f);
        let scale = g as f64 / (g as f64 - 1.0);
        let mut full = vec![f64::NAN; m * m];
        for (i, &row) in free.iter().enumerate() {
            for (j, &column) in free.iter().enumerate() {
                full[row * m + column] = scale * small[i * f + j];
            }
        }
        Ok(full)
    }
}
