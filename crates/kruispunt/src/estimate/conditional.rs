//! Conditional logit: the outcomes of a group, given how many of them are yes.

use super::absorption::{go_on, stage};
use super::assemble::{Found, Origin};
use super::drawn::Drawn;
use super::formula::Formula;
use super::least_squares::Solved;
use super::request::{NotFinite, Request, Singletons, options};
use super::{EstimateError, Vcov};
use crate::data::{Convergence, Count, Dispersion, Factor, Fit, Likelihood, Ssc, Table, Ticket};
use crate::math::linalg::Triangle;
use rayon::prelude::*;

/// Conditional logit (Chamberlain 1980): the effect of each group leaves the likelihood, and with it
/// the bias of estimating it.
///
/// ```text
/// P(y_g | sum y_g) = exp(sum_i y_i x_i'b) / sum over all d with sum d = sum y_g of exp(sum_i d_i x_i'b)
/// ```
///
/// Groups are the one effect of the formula (`employed ~ trained | person`); groups whose outcomes
/// are all the same say nothing and are left out, with a line in the account. The sum over all
/// orders is computed by recursion (Howard 1972), group size times number of yes. Standard errors
/// are those of the information.
///
/// # References
///
/// - Chamberlain, G. (1980). Analysis of covariance with qualitative data. *Review of Economic
///   Studies* 47(1), 225-238.
/// - Howard, S. (1972). Discussion of Professor Cox's paper. *Journal of the Royal Statistical
///   Society B* 34(2), 210-211.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::ConditionalLogit;
/// let panel = Table::new([
///     ("person", Column::int(vec![1, 1, 2, 2, 3, 3, 4, 4])),
///     ("trained", Column::int(vec![0, 1, 0, 1, 0, 1, 0, 1])),
///     ("employed", Column::int(vec![0, 1, 0, 1, 0, 1, 1, 0])),
/// ])?;
/// let fit = ConditionalLogit::new("employed ~ trained | person")?.fit(&panel)?;
/// assert!((fit.coef()[0] - 3.0_f64.ln()).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ConditionalLogit {
    request: Request,
}

/// Steps at most.
const MOST: usize = 100;

impl ConditionalLogit {
    /// A model by formula, with one effect: the groups.
    ///
    /// # Errors
    ///
    /// As [`FeOls::new`](super::FeOls::new); [`EstimateError::BadArgument`] unless there is one
    /// effect.
    pub fn new(formula: &str) -> Result<Self, EstimateError> {
        let mut request = Request::new(Formula::parse(formula)?);
        request.refuse_instruments()?;
        request.singletons = Singletons::Keep;
        let single = request.formula.effect_terms().len() == 1 && !request.formula.has_slopes();
        if !single {
            return Err(EstimateError::BadArgument {
                argument: "fml",
                expected: "one effect behind the bar, the groups: y ~ x | person",
                got: request.formula.effects().join(" + "),
            });
        }
        Ok(Self { request })
    }

    options!();

    /// Fits the model to a table.
    ///
    /// # Errors
    ///
    /// As [`FeGlm::fit`](super::FeGlm::fit); [`EstimateError::BadArgument`] for weights and for a
    /// covariance other than that of the information.
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
        if self.request.weights.is_some() || self.request.vcov != Vcov::Iid {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "no weights and the covariance of the information (iid)",
                got: "another".to_owned(),
            });
        }
        stage(ticket, "reading columns")?;
        let (mut drawn, mut step) = self.request.draw("clogit", table, factors, ticket)?;
        if let Some(at) = drawn.outcome.iter().position(|&y| y != 0.0 && y != 1.0) {
            return Err(EstimateError::BadOutcome {
                outcome: self.request.formula.outcome().to_owned(),
                row: drawn.rows[at] as usize,
                expected: "an outcome of 0 and 1",
            });
        }
        let before = drawn.rows.len();
        let stay = varied(&drawn);
        drawn.keep(&stay);
        let gone = before - drawn.rows.len();
        step = step.exclude("the outcome does not vary in the group", Count::rows(gone));
        step.after = Count::rows(drawn.rows.len());
        if drawn.rows.is_empty() {
            return Err(EstimateError::TooFewRows { n_obs: 0, parameters: drawn.regressors.len() });
        }
        stage(ticket, "steps of Newton")?;
        let found = climb(&drawn, self.request.collin_tol, ticket)?;
        // The groups are conditioned on, not estimated.
        let groups = std::mem::take(&mut drawn.effects);
        drawn.clusters.extend(groups.into_iter().map(|own| (own.name, own.factor)));
        let mut request = self.request.clone();
        request.ssc = Ssc::default().without_k().without_g();
        let solved = found.solved;
        let convergence = Convergence { iterations: found.steps, left: 0.0 };
        let likelihood = Some(Likelihood {
            family: "clogit".to_owned(),
            deviance: -2.0 * found.top,
            log_likelihood: found.top,
            null_log_likelihood: found.null,
            pseudo_r2: 1.0 - found.top / found.null,
            iterations: found.steps,
        });
        let origin = Origin { request: &request, drawn, step };
        let dispersion = Dispersion::One;
        let own = Found { solved, convergence, dispersion, likelihood, ..Found::default() };
        Ok(origin.fit(own, ticket)?.lean())
    }
}

/// Rows of groups with both outcomes.
fn varied(drawn: &Drawn) -> Vec<bool> {
    let factor = &drawn.effects[0].factor;
    let (mut yes, mut no) = (vec![false; factor.n_levels()], vec![false; factor.n_levels()]);
    for (&code, &y) in factor.codes().iter().zip(drawn.outcome.iter()) {
        if y == 1.0 { yes[code as usize] = true } else { no[code as usize] = true }
    }
    factor.codes().iter().map(|&code| yes[code as usize] && no[code as usize]).collect()
}

struct Climbed {
    solved: Solved,
    steps: usize,
    top: f64,
    null: f64,
}

/// Newton's steps, halved until the likelihood does not fall.
fn climb(drawn: &Drawn, tol: f64, ticket: &Ticket) -> Result<Climbed, EstimateError> {
    let problem = Groups::of(drawn);
    let all = drawn.regressors.len();
    let zero = vec![0.0; all];
    let start = problem.value(&zero);
    // What varies within groups: the information at zero, against the size of each regressor.
    let size: Vec<f64> =
        drawn.regressors.iter().map(|own| own.values.iter().map(|x| x * x).sum::<f64>()).collect();
    let triangle = Triangle::cholesky(&start.information, &size, tol.max(1e-12));
    let (kept, dropped) = (triangle.kept.clone(), triangle.dropped);
    if kept.is_empty() {
        return Err(EstimateError::AllCollinear {
            names: drawn.regressors.iter().map(|own| own.name.clone()).collect(),
        });
    }
    let mut full = zero;
    let mut here = start.clone();
    let k = kept.len();
    let pick = |matrix: &[f64]| -> Vec<f64> {
        (0..k * k).map(|at| matrix[kept[at / k] * all + kept[at % k]]).collect()
    };
    for step in 1..=MOST {
        go_on(ticket)?;
        let inner = Triangle::cholesky(&pick(&here.information), &vec![0.0; k], 1e-14);
        if inner.kept.len() < k {
            return Err(EstimateError::Diverged { iterations: step });
        }
        let score: Vec<f64> = kept.iter().map(|&at| here.score[at]).collect();
        let move_by = inner.solve(&score);
        let gain: f64 = move_by.iter().zip(&score).map(|(a, b)| a * b).sum();
        let mut share = 1.0;
        let next = loop {
            let mut trial = full.clone();
            kept.iter().zip(&move_by).for_each(|(&at, by)| trial[at] += share * by);
            let value = problem.value(&trial);
            if value.log_likelihood >= here.log_likelihood - 1e-9 || share < 1e-9 {
                full = trial;
                break value;
            }
            share *= 0.5;
        };
        here = next;
        if gain < 1e-18 * (1.0 + here.log_likelihood.abs()) || gain < 1e-16 {
            let inner = Triangle::cholesky(&pick(&here.information), &vec![0.0; k], 1e-14);
            let solved = Solved {
                coef: kept.iter().map(|&at| full[at]).collect(),
                bread: inner.inverse(),
                residuals: vec![0.0; drawn.rows.len()],
                columns: kept.iter().map(|&at| drawn.regressors[at].values.to_vec()).collect(),
                within: f64::NAN,
                kept,
                dropped,
            };
            let (top, null) = (here.log_likelihood, start.log_likelihood);
            return Ok(Climbed { solved, steps: step, top, null });
        }
    }
    Err(EstimateError::Diverged { iterations: MOST })
}

/// Rows by group.
struct Groups<'a> {
    drawn: &'a Drawn,
    rows: Vec<Vec<u32>>,
}

#[derive(Clone, Default)]
struct Value {
    log_likelihood: f64,
    score: Vec<f64>,
    information: Vec<f64>,
}

impl<'a> Groups<'a> {
    fn of(drawn: &'a Drawn) -> Self {
        let factor = &drawn.effects[0].factor;
        let mut rows = vec![Vec::new(); factor.n_levels()];
        for (row, &code) in factor.codes().iter().enumerate() {
            rows[code as usize].push(row as u32);
        }
        Self { drawn, rows }
    }

    /// Log-likelihood, score and information, added up in the order of groups.
    fn value(&self, b: &[f64]) -> Value {
        let k = b.len();
        let parts: Vec<Value> = self
            .rows
            .par_chunks(256)
            .map(|groups| {
                let mut sum = Value {
                    log_likelihood: 0.0,
                    score: vec![0.0; k],
                    information: vec![0.0; k * k],
                };
                for rows in groups {
                    self.add(rows, b, &mut sum);
                }
                sum
            })
            .collect();
        let mut all =
            Value { log_likelihood: 0.0, score: vec![0.0; k], information: vec![0.0; k * k] };
        for part in parts {
            all.log_likelihood += part.log_likelihood;
            all.score.iter_mut().zip(&part.score).for_each(|(a, b)| *a += b);
            all.information.iter_mut().zip(&part.information).for_each(|(a, b)| *a += b);
        }
        all
    }

    /// One group: weights `e_j(rows so far)` of j yes, with mean and second moment of the sum of
    /// regressors over those that are yes.
    fn add(&self, rows: &[u32], b: &[f64], sum: &mut Value) {
        let k = b.len();
        let x = |row: u32, j: usize| self.drawn.regressors[j].values[row as usize];
        let eta: Vec<f64> =
            rows.iter().map(|&row| (0..k).map(|j| x(row, j) * b[j]).sum()).collect();
        let top = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let yes = rows.iter().filter(|&&row| self.drawn.outcome[row as usize] == 1.0).count();
        // log of the weight, mean and central second moment, for each number of yes
        let width = 1 + k + k * k;
        let mut state = vec![0.0; (yes + 1) * width];
        for own in state.chunks_exact_mut(width).skip(1) {
            own[0] = f64::NEG_INFINITY;
        }
        for (at, &row) in rows.iter().enumerate() {
            let here: Vec<f64> = (0..k).map(|j| x(row, j)).collect();
            for j in (1..=yes.min(at + 1)).rev() {
                let (low, high) = state.split_at_mut(j * width);
                let (before, own) = (&low[(j - 1) * width..], &mut high[..width]);
                join(own, before, eta[at] - top, &here);
            }
        }
        let end = &state[yes * width..];
        for (&row, eta) in rows.iter().zip(&eta) {
            if self.drawn.outcome[row as usize] == 1.0 {
                sum.log_likelihood += eta - top;
                (0..k).for_each(|j| sum.score[j] += x(row, j));
            }
        }
        sum.log_likelihood -= end[0];
        (0..k).for_each(|j| sum.score[j] -= end[1 + j]);
        (0..k * k).for_each(|at| sum.information[at] += end[1 + k + at]);
    }
}

/// Joins what is with what comes about when this row is one more yes: weights add up, means and
/// second moments mix.
fn join(own: &mut [f64], before: &[f64], eta: f64, x: &[f64]) {
    let k = x.len();
    let new = before[0] + eta;
    if new == f64::NEG_INFINITY {
        return;
    }
    let high = own[0].max(new);
    let total = high + libm::log(libm::exp(own[0] - high) + libm::exp(new - high));
    let (old_share, share) = (libm::exp(own[0] - total), libm::exp(new - total));
    let gap: Vec<f64> = (0..k).map(|j| before[1 + j] + x[j] - own[1 + j]).collect();
    for i in 0..k {
        for j in 0..k {
            let at = 1 + k + i * k + j;
            own[at] =
                old_share * own[at] + share * before[at] + old_share * share * gap[i] * gap[j];
        }
    }
    for (j, gap) in gap.iter().enumerate() {
        own[1 + j] += share * gap;
    }
    own[0] = total;
}
