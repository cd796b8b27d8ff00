//! Regression under exchangeable linkage errors.

use super::super::absorption::{go_on, stage, sweep};
use super::super::assemble::{Found, Origin};
use super::super::drawn::Drawn;
use super::super::formula::Formula;
use super::super::least_squares::Solved;
use super::super::request::{Request, Singletons};
use super::super::{EstimateError, Family, Vcov};
use super::equations::{Equations, Here};
use super::exchange::Exchange;
use super::rates::{LinkRate, Rate, RowRates, WrongLinks};
use super::response::Response;
use crate::data::{
    Caution, Column, Convergence, Count, Dispersion, Fit, Seed, Step, Table, Ticket,
};
use crate::math::crossprod::{dot, gram};
use crate::math::linalg::Triangle;
use serde::{Deserialize, Serialize};

/// How the estimating equations weigh rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LinkWeighting {
    /// `G = X`: the ratio-type estimator.
    Ratio,
    /// `G = E X` (Lahiri & Larsen 2005).
    #[default]
    LahiriLarsen,
    /// `G = Var(y*)^-1 E df/db`: best linear unbiased (Chambers 2009).
    Best,
}

/// Which covariance.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum LinkedVariance {
    /// The variance that the model of wrong links says; not with effects.
    #[default]
    Model,
    /// From squared residuals (HC1).
    Robust,
    /// From residuals summed by cluster; several variables by inclusion and exclusion.
    Cluster(Vec<String>),
}

/// A regression whose outcome came by linkage and is another row's with a known probability.
///
/// ```text
/// E[y* | X] = E f(X b),    solve G'(y* - E f(X b)) = 0
/// ```
///
/// where row i of `E` keeps its own value with the rate of correct links `l_i` and takes that of
/// each other row of its pool with `(1 - l_i)/(M - 1)` (exchangeable linkage errors). `E` is never
/// made: it costs a pass over the rows. Rates by group together with a pool that crosses groups
/// are allowed: `E[y*_i] = l_g f_i + (1 - l_g) mean of f over the others of the pool`.
///
/// **Effects** (linear outcomes only) are absorbed where that is valid: where `E` keeps the span of
/// the effects, `E D = D A`, so that `M y* = M E M X b` in expectation with the sweep `M`. This
/// holds when each pool lies in one level of the effect (pools are municipality x quarter, effects
/// the quarter), and when effects and pools cross in balance at one rate (a balanced panel linked
/// quarter by quarter, effects of persons). It is checked on the data, on a random combination of
/// levels of each effect, and anything else is refused
/// ([`EstimateError::EffectsNotKept`]). With effects, [`LinkWeighting::Best`] and
/// [`LinkedVariance::Model`] are refused: both need the effects' own values.
///
/// **Variance**: `J^-1 (G'SG + D) J^-T` with `J = G'E df/db`; `S` from the model or from residuals;
/// `D` adds what an audit sample leaves uncertain of the rates, `sum_g l(1 - l)/m_g u_g u_g'`,
/// `u_g = sum over rows of g of G_i (f_i - mean of the others)`.
///
/// Where wrong links are a permutation within a pool the model's variance is somewhat too large,
/// because rows that swap values err in opposite directions.
///
/// # References
///
/// - Chambers, R. (2009). Regression analysis of probability-linked data. *Official Statistics
///   Research Series* 4, Statistics New Zealand.
/// - Lahiri, P. & Larsen, M. D. (2005). Regression analysis with linked data. *JASA* 100(469),
///   222-230.
/// - Kim, G. & Chambers, R. (2012). Regression analysis under incomplete linkage. *Computational
///   Statistics & Data Analysis* 56(9), 2756-2770.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::{AfterLinkage, LinkRate, Rate, WrongLinks};
/// // Two of ten wages are those of somebody else.
/// let linked = Table::new([
///     ("age", Column::int((0..10).collect())),
///     ("wage", Column::float(vec![10.0, 13.0, 12.0, 11.0, 14.0, 15.0, 16.0, 19.0, 18.0, 17.0])),
/// ])?;
/// let rate = LinkRate::Same(Rate::known(0.8));
/// let found = AfterLinkage::new("wage ~ age", rate, WrongLinks::Everybody)?.fit(&linked)?;
/// assert!(found.fit().coef()[1] > found.naive().coef()[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AfterLinkage {
    request: Request,
    family: Family,
    rate: LinkRate,
    wrong: WrongLinks,
    weighting: LinkWeighting,
    variance: LinkedVariance,
}

/// An estimate with and without regard to wrong links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkedFit {
    pub(super) fit: Fit,
    pub(super) naive: Fit,
    pub(super) cautions: Vec<Caution>,
}

impl LinkedFit {
    /// The adjusted estimate.
    #[must_use]
    pub const fn fit(&self) -> &Fit {
        &self.fit
    }

    /// The same regression as if all links were right.
    #[must_use]
    pub const fn naive(&self) -> &Fit {
        &self.naive
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }
}

/// What an estimate rests on.
struct Prepared {
    drawn: Drawn,
    step: Step,
    rates: RowRates,
    exchange: Exchange,
    response: Response,
    /// Columns of the regressors that stay, effects swept out.
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    kept: Vec<usize>,
    dropped: Vec<usize>,
}

impl AfterLinkage {
    /// A regression by formula, the rates of correct links and the pool of wrong ones.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`], [`EstimateError::NotSupported`] for instruments.
    pub fn new(formula: &str, rate: LinkRate, wrong: WrongLinks) -> Result<Self, EstimateError> {
        let mut request = Request::new(Formula::parse(formula)?);
        request.refuse_instruments()?;
        request.singletons = Singletons::Keep;
        Ok(Self {
            request,
            family: Family::Gaussian,
            rate,
            wrong,
            weighting: LinkWeighting::default(),
            variance: LinkedVariance::default(),
        })
    }

    /// Gaussian (default), logit or Poisson.
    pub const fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// How rows are weighed (default: Lahiri-Larsen).
    pub const fn weighting(mut self, weighting: LinkWeighting) -> Self {
        self.weighting = weighting;
        self
    }

    /// Which covariance (default: the model's).
    pub fn variance(mut self, variance: LinkedVariance) -> Self {
        self.variance = variance;
        self
    }

    /// A column added to the linear predictor.
    pub fn offset(mut self, column: impl Into<String>) -> Self {
        self.request.offset = Some(column.into());
        self
    }

    /// The columns it reads.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let mut names = self.asking().columns();
        let more = self.rate.column().into_iter().chain(self.wrong.columns().iter().map(|s| &**s));
        for name in more {
            if !names.iter().any(|own| own == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Estimates on a table.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Data`], [`EstimateError::BadArgument`] for rates outside (0, 1] or groups
    /// without a rate, [`EstimateError::EffectsNotKept`], [`EstimateError::BadOutcome`],
    /// [`EstimateError::Diverged`] when no root is found (rates near one over the pool's size leave
    /// nothing to solve).
    pub fn fit(&self, table: &Table) -> Result<LinkedFit, EstimateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EstimateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<LinkedFit, EstimateError> {
        let prepared = self.prepare(table, ticket)?;
        stage(ticket, "estimating equations")?;
        let none = Exchange::none(prepared.y.len());
        let start = vec![0.0; prepared.x.len()];
        let plain = LinkWeighting::Ratio;
        let (b, here, steps) = prepared.equations(&none, plain, self, ticket).solve(start)?;
        let naive = self.assemble(&prepared, (&b, here, steps), &none, ticket)?;
        let equations = prepared.equations(&prepared.exchange, self.weighting, self, ticket);
        let (b, here, steps) = equations.solve(b)?;
        let fit = self.assemble(&prepared, (&b, here, steps), &prepared.exchange, ticket)?;
        let cautions = Self::cautions(&prepared);
        Ok(LinkedFit { fit, naive, cautions })
    }

    /// Estimates along rates of correct links: one row a rate and coefficient.
    ///
    /// `group` moves the rate of one group and leaves the others; without it all rows get the rate.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with); [`EstimateError::BadArgument`] for a group without a rate.
    pub fn sensitivity(
        &self,
        table: &Table,
        rates: &[f64],
        group: Option<&str>,
        ticket: &Ticket,
    ) -> Result<Table, EstimateError> {
        let (mut rate, mut terms) = (Vec::new(), Vec::new());
        let (mut estimate, mut error) = (Vec::new(), Vec::new());
        for &own in rates {
            let moved = match (group, &self.rate) {
                (None, _) => LinkRate::Same(Rate::known(own)),
                (Some(label), LinkRate::By(column, all)) if all.iter().any(|a| a.0 == label) => {
                    let other = |(name, old): &(String, Rate)| {
                        let new = if name == label { Rate::known(own) } else { *old };
                        (name.clone(), new)
                    };
                    LinkRate::By(column.clone(), all.iter().map(other).collect())
                }
                (Some(label), _) => {
                    return Err(EstimateError::BadArgument {
                        argument: "group",
                        expected: "the label of a group with a rate of its own",
                        got: label.to_owned(),
                    });
                }
            };
            let found = Self { rate: moved, ..self.clone() }.fit_with(table, ticket)?;
            let errors = found.fit.std_errors();
            for (at, name) in found.fit.names.iter().enumerate() {
                rate.push(own);
                terms.push(name.clone());
                estimate.push(found.fit.coef[at]);
                error.push(errors[at]);
            }
        }
        Ok(Table::new([
            ("rate", Column::float(rate)),
            ("Coefficient", Column::text(terms.iter().map(|own| Some(own.as_str())))),
            ("Estimate", Column::float(estimate)),
            ("Std. Error", Column::float(error)),
        ])?)
    }

    fn asking(&self) -> Request {
        let mut request = self.request.clone();
        request.vcov = match &self.variance {
            LinkedVariance::Model | LinkedVariance::Robust => Vcov::Hc1,
            LinkedVariance::Cluster(names) => Vcov::Crv1(names.clone()),
        };
        request
    }

    fn prepare(&self, table: &Table, ticket: &Ticket) -> Result<Prepared, EstimateError> {
        let response = Response::of(self.family)?;
        let request = self.asking();
        stage(ticket, "reading columns")?;
        let (mut drawn, mut step) = request.draw("after_linkage", table, &[], ticket)?;
        self.check_effects(&drawn, response)?;
        let more = self.rate.column().map(|own| ("rate", own));
        let pools = self.wrong.columns().iter().map(|own| ("wrong_links", own.as_str()));
        for (argument, name) in more.into_iter().chain(pools) {
            let column = table.column(argument, name)?;
            let stay: Vec<bool> =
                drawn.rows.iter().map(|&row| !column.is_null(row as usize)).collect();
            let left = stay.iter().filter(|own| !**own).count();
            if left > 0 {
                drawn.keep(&stay);
                step = step.exclude(format!("{name} is missing"), Count::rows(left));
            }
        }
        step.after = Count::rows(drawn.rows.len());
        response.check(self.request.formula.outcome(), &drawn.outcome, &drawn.rows)?;
        let rates = self.rate.read(table, &drawn.rows)?;
        let pool = self.wrong.read(table, &drawn.rows)?;
        let exchange = Exchange::new(rates.rate.clone(), pool.codes().to_vec(), pool.n_levels());
        keeps_effects(&drawn, &exchange, &request, ticket)?;
        step = step.note(format!(
            "wrong links come from {} ({} pools)",
            self.wrong.text(),
            exchange.sizes().len()
        ));
        prepare_columns(drawn, step, rates, exchange, (response, &request), ticket)
    }

    fn check_effects(&self, drawn: &Drawn, response: Response) -> Result<(), EstimateError> {
        if drawn.effects.is_empty() {
            return Ok(());
        }
        let bad = |argument, expected, got: &str| {
            Err(EstimateError::BadArgument { argument, expected, got: got.to_owned() })
        };
        if drawn.effects.iter().any(|own| !own.slopes.is_empty()) {
            return bad("fml", "effects without slopes by level", "f[x]");
        }
        if response != Response::Linear {
            return bad("family", "gaussian, or a formula without effects", response.name());
        }
        if self.weighting == LinkWeighting::Best {
            return bad("weighting", "ratio or lahiri-larsen with effects", "blue");
        }
        if self.variance == LinkedVariance::Model {
            return bad("vcov", "hetero or CRV1 with effects", "the model's");
        }
        Ok(())
    }

    fn cautions(prepared: &Prepared) -> Vec<Caution> {
        let mut all = Vec::new();
        let mut say = |code: &str, text: String| {
            all.push(Caution { code: code.to_owned(), text });
        };
        let rates = prepared.exchange.rates();
        let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rates.iter().copied().fold(0.0, f64::max);
        if high - low > 1e-9 {
            let crossing = if prepared.exchange.is_uniform() { "" } else { ", within pools too" };
            say(
                "differential_linkage",
                format!(
                    "links are right at rates from {low:.3} to {high:.3}{crossing}: differences between groups are biased without adjustment, and adjusted only as well as the rates and the pool of wrong links are known"
                ),
            );
        }
        let alone = prepared.exchange.pools().iter();
        let alone = alone.filter(|&&p| prepared.exchange.sizes()[p as usize] < 2.0).count();
        if alone > 0 {
            say("alone_in_pool", format!("{alone} rows are alone in their pool: taken as right"));
        }
        if prepared.rates.groups.iter().all(|own| own.1.audited.is_none()) {
            say(
                "rates_taken_as_known",
                "no audit sample: standard errors leave out what is not known of the rates"
                    .to_owned(),
            );
        }
        all
    }

    fn assemble(
        &self,
        prepared: &Prepared,
        (b, here, steps): (&[f64], Here, usize),
        exchange: &Exchange,
        ticket: &Ticket,
    ) -> Result<Fit, EstimateError> {
        let k = b.len();
        let n = prepared.y.len();
        // Rows of G J^-T: with the identity as bread they give J^-1 G' S G J^-T.
        let influence: Vec<Vec<f64>> = (0..k)
            .map(|i| {
                let mut own = vec![0.0; n];
                for (j, column) in here.weighted.iter().enumerate() {
                    let share = here.inverse[i * k + j];
                    own.iter_mut().zip(column).for_each(|(own, g)| *own += share * g);
                }
                own
            })
            .collect();
        let audit = prepared.audit(&influence, &here.mean, exchange);
        let model = matches!(self.variance, LinkedVariance::Model).then(|| {
            let columns: Vec<&[f64]> = influence.iter().map(Vec::as_slice).collect();
            gram(&columns, Some(&here.variance))
        });
        let identity = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
        let solved = Solved {
            kept: prepared.kept.clone(),
            dropped: prepared.dropped.clone(),
            coef: b.to_vec(),
            bread: identity,
            residuals: here.residuals,
            within: dot(&prepared.y, &prepared.y),
            columns: influence,
        };
        let request = self.asking();
        let dispersion = match prepared.response {
            Response::Linear => Dispersion::Estimated,
            _ => Dispersion::One,
        };
        let convergence = Convergence { iterations: steps, left: 0.0 };
        let origin = Origin {
            request: &request,
            drawn: prepared.drawn.clone(),
            step: prepared.step.clone(),
        };
        let found = Found { solved, convergence, dispersion, ..Found::default() };
        let mut fit = origin.fit(found, ticket)?.lean();
        if let Some(own) = model {
            fit.vcov = own;
            "linkage model".clone_into(&mut fit.vcov_text);
        }
        if let Some(audit) = audit {
            fit.vcov.iter_mut().zip(&audit).for_each(|(own, more)| *own += more);
            fit.vcov_text.push_str(" + audit");
        }
        fit.kind = None;
        Ok(fit)
    }
}

impl Prepared {
    fn equations<'a>(
        &'a self,
        exchange: &'a Exchange,
        weighting: LinkWeighting,
        model: &AfterLinkage,
        ticket: &'a Ticket,
    ) -> Equations<'a> {
        Equations {
            response: self.response,
            weighting,
            y: &self.y,
            x: &self.x,
            offset: self.drawn.offset.as_deref(),
            exchange,
            effects: &self.drawn.effects,
            stop: model.request.stop(),
            ticket,
        }
    }

    /// What the audit sample leaves uncertain.
    fn audit(&self, influence: &[Vec<f64>], mean: &[f64], used: &Exchange) -> Option<Vec<f64>> {
        let group = self.rates.group.as_ref()?;
        let known = used.rates().iter().all(|&rate| rate >= 1.0);
        if known || self.rates.groups.iter().all(|own| own.1.audited.is_none()) {
            return None;
        }
        let k = influence.len();
        let apart = used.contrast(mean);
        let mut all = vec![0.0; k * k];
        for (at, (_, rate)) in self.rates.groups.iter().enumerate() {
            let Some(audited) = rate.audited.filter(|&m| m > 0) else { continue };
            let pull: Vec<f64> = influence
                .iter()
                .map(|column| {
                    let rows = column.iter().zip(&apart).zip(group);
                    rows.filter(|own| *own.1 as usize == at).map(|((g, f), _)| g * f).sum()
                })
                .collect();
            let variance = rate.correct * (1.0 - rate.correct) / audited as f64;
            for i in 0..k {
                for j in 0..k {
                    all[i * k + j] += variance * pull[i] * pull[j];
                }
            }
        }
        Some(all)
    }
}

/// Refuses effects that wrong links carry out of their span: a random combination of the levels
/// of each effect is linked wrongly and swept.
fn keeps_effects(
    drawn: &Drawn,
    exchange: &Exchange,
    request: &Request,
    ticket: &Ticket,
) -> Result<(), EstimateError> {
    const TOLERANCE: f64 = 1e-6;
    for (at, effect) in drawn.effects.iter().enumerate() {
        go_on(ticket)?;
        let seed = Seed::new(at as u64);
        let level: Vec<f64> = (0..effect.factor.n_levels())
            .map(|level| seed.uniform([0, 0, level as u64]) - 0.5)
            .collect();
        let own: Vec<f64> =
            effect.factor.codes().iter().map(|&code| level[code as usize]).collect();
        let mut moved = exchange.apply(&own);
        sweep(&drawn.effects, None, &mut [&mut moved], request.stop(), ticket)?;
        let size = dot(&own, &own).sqrt();
        let left = dot(&moved, &moved).sqrt();
        if left > TOLERANCE * size {
            let effect = effect.name.clone();
            return Err(EstimateError::EffectsNotKept { effect, left: left / size });
        }
    }
    Ok(())
}

fn prepare_columns(
    drawn: Drawn,
    step: Step,
    rates: RowRates,
    exchange: Exchange,
    (response, request): (Response, &Request),
    ticket: &Ticket,
) -> Result<Prepared, EstimateError> {
    let mut x: Vec<Vec<f64>> = drawn.regressors.iter().map(|own| own.values.to_vec()).collect();
    let mut y = drawn.outcome.to_vec();
    let parameters = x.len();
    if y.len() <= parameters {
        return Err(EstimateError::TooFewRows { n_obs: y.len(), parameters });
    }
    let reference: Vec<f64> = x.iter().map(|own| dot(own, own)).collect();
    if !drawn.effects.is_empty() {
        stage(ticket, "sweeping out effects")?;
        let mut columns: Vec<&mut [f64]> = x.iter_mut().map(Vec::as_mut_slice).collect();
        columns.push(&mut y);
        sweep(&drawn.effects, None, &mut columns, request.stop(), ticket)?;
    }
    let columns: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
    let triangle = Triangle::cholesky(&gram(&columns, None), &reference, request.collin_tol);
    let (kept, dropped) = (triangle.kept, triangle.dropped);
    if kept.is_empty() {
        let names = drawn.regressors.iter().map(|own| own.name.clone()).collect();
        return Err(EstimateError::AllCollinear { names });
    }
    let x = kept.iter().map(|&at| std::mem::take(&mut x[at])).collect();
    Ok(Prepared { drawn, step, rates, exchange, response, x, y, kept, dropped })
}
