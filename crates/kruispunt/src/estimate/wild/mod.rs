//! The wild cluster bootstrap.
//!
//! A draw multiplies what each cluster contributes by a random number of mean 0 and variance 1.
//! With scores `s_h` of clusters, bread B and the tested direction r, a draw v has the numerator
//! `r'B sum v_h s_h` and, cluster by cluster, the deviation
//!
//! ```text
//! d_g = a_g v_g + l_g' sum over h of v_h s_h + sum over h of C_gh v_h
//! ```
//!
//! whose squares add up to its variance. `a`, `l` and `C` are made once, from the data; a draw costs
//! clusters times coefficients, never rows. C is there only where effects cross clusters: it holds
//! what sweeping out the effects takes of one cluster's residuals to the others.
//!
//! Imposing another value of the null moves `s` along a line, so that deviations of all values
//! follow from two of them, and the confidence set costs no further draws.

mod machine;

use super::EstimateError;
use super::absorption::{go_on, stage};
use super::vcov::{ModelParts, Parts, Pieces, is_nested, times};
use crate::data::{Factor, Fit, Seed, Table, Ticket};
use crate::math::crossprod::dot;
use crate::math::special::normal_quantile;
use machine::{Draw, Line, Machine};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Draws worked off together.
const BLOCK: usize = 64;
/// The random numbers that multiply clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WildWeights {
    /// 1 or -1.
    #[default]
    Rademacher,
    /// Two points with third moment 1 (Mammen 1993).
    Mammen,
    /// Six points, for few clusters (Webb 2023).
    Webb,
    /// Standard normal.
    Normal,
}

/// Whether draws are made as if the null hypothesis held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Null {
    /// They are (WCR).
    #[default]
    Imposed,
    /// They are made at the estimate (WCU).
    NotImposed,
}

/// With which residuals a cluster is drawn, and by which covariance a draw is studentised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Jackknifed {
    /// Residuals of the fit, CRV1: "11".
    #[default]
    None,
    /// Residuals of the fit without the cluster, CRV1: "31".
    Scores,
    /// Residuals of the fit, CRV3: "13".
    Variance,
    /// Both: "33".
    Both,
}

impl Jackknifed {
    const fn scores(self) -> bool {
        matches!(self, Self::Scores | Self::Both)
    }

    const fn variance(self) -> bool {
        matches!(self, Self::Variance | Self::Both)
    }
}

/// What a wild cluster bootstrap found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WildTest {
    /// The estimate of r'b.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// The t statistic.
    pub t: f64,
    /// Share of draws whose t is larger in absolute value.
    pub p_value: f64,
    /// Values that are not rejected at `alpha`; infinite where no bound was found.
    pub conf_int: (f64, f64),
    /// The t statistics of the draws.
    pub draws: Vec<f64>,
    /// Whether these are all possible sign patterns.
    pub enumerated: bool,
    /// The cluster variable.
    pub cluster: String,
    /// Its clusters.
    pub n_clusters: usize,
    /// What the variance was multiplied by.
    pub correction: f64,
}

/// The wild cluster bootstrap of one linear restriction of a linear regression.
///
/// Tests `r'b = q` with t statistics of samples in which every cluster's residuals are multiplied
/// by one random number. Effects stay swept out, also those that cross clusters; none becomes a
/// dummy. With few clusters and signs as weights, all sign patterns are enumerated when there are
/// no more of them than draws. Draws that equal the statistic (the sample itself is one) do not
/// count as larger. The variance of CRV1 has the corrections of the fit's
/// [`Ssc`](crate::data::Ssc), that of CRV3 `(G - 1)/G`; the p value depends on neither.
///
/// # References
///
/// - Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for
///   inference with clustered errors. *Review of Economics and Statistics* 90(3), 414-427.
/// - Roodman, D., Nielsen, M. O., `MacKinnon`, J. G. & Webb, M. D. (2019). Fast and wild: bootstrap
///   inference in Stata using boottest. *Stata Journal* 19(1), 4-60.
/// - `MacKinnon`, J. G., Nielsen, M. O. & Webb, M. D. (2023). Fast and reliable jackknife and
///   bootstrap methods for cluster-robust inference. *Journal of Applied Econometrics* 38, 671-694.
///
/// ```
/// use kruispunt::data::{Column, Table, Ticket};
/// use kruispunt::estimate::{FeOls, WildBootstrap};
/// let panel = Table::new([
///     ("region", Column::int((0..60).map(|row| row / 6).collect())),
///     ("hours", Column::float((0..60).map(|row| f64::from(row * 7 % 11)).collect())),
///     ("wage", Column::float((0..60).map(|row| f64::from(row * 5 % 13)).collect())),
/// ])?;
/// let fit = FeOls::new("wage ~ hours | region")?.fit(&panel)?;
/// let test = WildBootstrap::new("region").draws(999).seed(1);
/// let found = test.coefficient(&fit, "hours", &Table::default(), &Ticket::new())?;
/// assert!(found.conf_int.0 < found.estimate && found.estimate < found.conf_int.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct WildBootstrap {
    cluster: String,
    draws: usize,
    seed: u64,
    weights: WildWeights,
    null: Null,
    jackknifed: Jackknifed,
    at: f64,
    alpha: f64,
}

impl WildBootstrap {
    /// Clusters by this variable.
    pub fn new(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            draws: 9999,
            seed: 0,
            weights: WildWeights::default(),
            null: Null::default(),
            jackknifed: Jackknifed::default(),
            at: 0.0,
            alpha: 0.05,
        }
    }

    /// Samples to draw, 9,999 by default.
    pub const fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// The seed, 0 by default.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The random numbers that multiply clusters.
    pub const fn weights(mut self, weights: WildWeights) -> Self {
        self.weights = weights;
        self
    }

    /// Whether draws are made as if the null hypothesis held.
    pub const fn null(mut self, null: Null) -> Self {
        self.null = null;
        self
    }

    /// Where the jackknife stands in.
    pub const fn jackknifed(mut self, jackknifed: Jackknifed) -> Self {
        self.jackknifed = jackknifed;
        self
    }

    /// The value q under the null hypothesis, 0 by default.
    pub const fn at(mut self, q: f64) -> Self {
        self.at = q;
        self
    }

    /// One minus the probability of the confidence set, 0.05 by default.
    pub const fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Tests that one coefficient equals the value of [`at`](Self::at).
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSuchCoefficient`], and as [`restriction`](Self::restriction).
    pub fn coefficient(
        &self,
        fit: &Fit,
        name: &str,
        table: &Table,
        ticket: &Ticket,
    ) -> Result<WildTest, EstimateError> {
        let at = fit.names.iter().position(|own| own == name).ok_or_else(|| {
            EstimateError::NoSuchCoefficient {
                argument: "param",
                name: name.to_owned(),
                present: fit.names.clone(),
            }
        })?;
        let mut r = vec![0.0; fit.names.len()];
        r[at] = 1.0;
        self.restriction(fit, &r, table, ticket)
    }

    /// Tests r'b = q. `table` is the one the fit was made from; it is read when the cluster
    /// variable is not in the fit.
    ///
    /// # Errors
    ///
    /// [`EstimateError::BadArgument`] for a restriction, a number of draws or a level that makes no
    /// sense, for instruments and models that are not linear, and for the jackknife where effects
    /// cross clusters; [`EstimateError::NoSample`], [`EstimateError::TooFewClusters`],
    /// [`EstimateError::Data`], [`EstimateError::Cancelled`].
    pub fn restriction(
        &self,
        fit: &Fit,
        r: &[f64],
        table: &Table,
        ticket: &Ticket,
    ) -> Result<WildTest, EstimateError> {
        self.check(fit, r)?;
        let sample = fit.sample().ok_or(EstimateError::NoSample { what: "wildboottest" })?;
        if sample.instrumented || sample.working.is_some() {
            let got = if sample.instrumented { "instruments" } else { "another model" };
            return Err(bad("wildboottest", "a linear regression without instruments", got));
        }
        let factor = fit.variable_of(&self.cluster, table)?;
        if factor.n_levels() < 2 {
            let (cluster, n) = (self.cluster.clone(), factor.n_levels());
            return Err(EstimateError::TooFewClusters { cluster, n });
        }
        let parts = Parts {
            sample,
            coef: &fit.coef,
            ssc: fit.ssc,
            ticket,
            uncounted: 0,
            model: ModelParts::of(fit),
        };
        let machine = self.machine(&parts, &factor, r)?;
        stage(ticket, "wild bootstrap")?;
        self.test(&machine, ticket)
    }

    fn check(&self, fit: &Fit, r: &[f64]) -> Result<(), EstimateError> {
        let finite = r.iter().all(|value| value.is_finite()) && self.at.is_finite();
        if r.len() != fit.names.len() || r.iter().all(|value| *value == 0.0) || !finite {
            let expected = "one finite number a coefficient, not all zero";
            return Err(bad("R", expected, &format!("{} numbers", r.len())));
        }
        if self.draws == 0 || self.draws > 10_000_000 {
            return Err(bad("reps", "1 to 10,000,000 draws", &self.draws.to_string()));
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(bad("alpha", "a number between 0 and 1", &self.alpha.to_string()));
        }
        Ok(())
    }

    /// All that draws need.
    fn machine(
        &self,
        parts: &Parts<'_>,
        factor: &Factor,
        r: &[f64],
    ) -> Result<Machine, EstimateError> {
        let pieces = parts.pieces(factor);
        let (k, g) = (pieces.k, pieces.g);
        let effects = &parts.sample.effects;
        let nested: Vec<bool> =
            effects.iter().map(|effect| is_nested(&effect.factor, factor)).collect();
        let crossed = !nested.iter().all(|nested| *nested);
        if crossed && self.jackknifed != Jackknifed::None {
            let expected = "\"11\" where an effect crosses clusters; write small effects as C(...)";
            return Err(bad("bootstrap_type", expected, "a jackknife"));
        }
        let toward = times(&parts.sample.bread, r);
        let lines = self.lines(parts, &pieces, r, &toward);
        let mut machine = Machine {
            estimate: dot(r, parts.coef),
            reach: dot(r, &toward),
            std_error: 0.0,
            correction: self.correction(parts, &nested, g)?,
            toward: toward.clone(),
            left: vec![0.0; g * k],
            lines,
            crossing: None,
            g,
        };
        let mut spread = 0.0;
        for cluster in 0..g {
            let left = if self.jackknifed.variance() {
                let without = pieces.without(cluster);
                let gap = dot(r, &pieces.gap(cluster, &without, parts.coef));
                spread += gap * gap;
                let own = without.solve(r);
                machine.each(cluster, |score| -dot(&own, score));
                own.iter().zip(&toward).map(|(a, b)| a - b).collect()
            } else {
                let own = dot(&toward, pieces.score(cluster));
                spread += own * own;
                machine.each(cluster, |score| dot(&toward, score));
                let across = times(pieces.gram(cluster), &toward);
                times(&parts.sample.bread, &across).iter().map(|own| -own).collect::<Vec<_>>()
            };
            machine.left[cluster * k..(cluster + 1) * k].copy_from_slice(&left);
        }
        machine.std_error = (machine.correction * spread).sqrt();
        if crossed {
            machine.cross(parts, factor, self.null)?;
        }
        Ok(machine)
    }

    fn correction(
        &self,
        parts: &Parts<'_>,
        nested: &[bool],
        g: usize,
    ) -> Result<f64, EstimateError> {
        let g = g as f64;
        if self.jackknifed.variance() {
            return Ok((g - 1.0) / g);
        }
        let scale = parts.correction(parts.parameters(nested), parts.observations() - 1.0)?;
        Ok(if parts.ssc.g_adjust { scale * g / (g - 1.0) } else { scale })
    }

    /// Scores at the estimate, and how they move with the value imposed.
    fn lines(&self, parts: &Parts<'_>, pieces: &Pieces, r: &[f64], toward: &[f64]) -> Vec<Line> {
        let reach = dot(r, toward);
        let imposed = self.null == Null::Imposed;
        let of = |cluster: usize| {
            let (gram, mut base) = (pieces.gram(cluster), pieces.score(cluster).to_vec());
            let mut slope = if imposed { times(gram, toward) } else { vec![0.0; pieces.k] };
            if self.jackknifed.scores() {
                let without = pieces.without(cluster);
                let mut gap = pieces.gap(cluster, &without, parts.coef);
                if imposed {
                    let own = without.solve(r);
                    let own_reach = dot(&own, r);
                    let scale = if own_reach > 0.0 { own_reach.recip() } else { 0.0 };
                    let along = dot(&gap, r);
                    for (gap, own) in gap.iter_mut().zip(&own) {
                        *gap -= own * scale * along;
                    }
                    let moved: Vec<f64> = own.iter().map(|own| own * scale * reach).collect();
                    slope = times(gram, &moved);
                }
                for (base, shift) in base.iter_mut().zip(times(gram, &gap)) {
                    *base -= shift;
                }
            }
            Line { base, slope, diagonal: (0.0, 0.0) }
        };
        (0..pieces.g).into_par_iter().map(of).collect()
    }

    fn test(&self, machine: &Machine, ticket: &Ticket) -> Result<WildTest, EstimateError> {
        let signs = self.weights == WildWeights::Rademacher;
        let enumerated = signs && machine.g < 40 && 1_usize << machine.g <= self.draws;
        let draws = if enumerated { 1 << machine.g } else { self.draws };
        let seed = Seed::new(self.seed).stream(0x7769_6c64);
        ticket.stage("wild bootstrap", draws as u64);
        let found: Vec<Vec<Draw>> = (0..draws.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                go_on(ticket)?;
                let own = block * BLOCK..((block + 1) * BLOCK).min(draws);
                ticket.advance(own.len() as u64);
                let mut weights = vec![0.0; machine.g];
                Ok(own
                    .map(|draw| {
                        if enumerated {
                            for (at, weight) in weights.iter_mut().enumerate() {
                                *weight = if draw >> at & 1 == 1 { -1.0 } else { 1.0 };
                            }
                        } else {
                            self.weights.fill(seed, draw as u64, &mut weights);
                        }
                        machine.draw(&weights)
                    })
                    .collect())
            })
            .collect::<Result<_, EstimateError>>()?;
        let found: Vec<Draw> = found.into_iter().flatten().collect();
        let at = |q: f64| (machine.estimate - q) / machine.reach;
        let statistic = |q: f64| (machine.estimate - q) / machine.std_error;
        let p = |q: f64| {
            let size = statistic(q).abs() * (1.0 + 1e-10);
            let larger = found.iter().filter(|own| own.t(at(q), machine.correction).abs() > size);
            larger.count() as f64 / draws as f64
        };
        Ok(WildTest {
            estimate: machine.estimate,
            std_error: machine.std_error,
            t: statistic(self.at),
            p_value: p(self.at),
            conf_int: interval(&p, machine, self.alpha),
            draws: found.iter().map(|own| own.t(at(self.at), machine.correction)).collect(),
            enumerated,
            cluster: self.cluster.clone(),
            n_clusters: machine.g,
            correction: machine.correction,
        })
    }
}

/// Where p falls below alpha on both sides of the estimate.
fn interval(p: &impl Fn(f64) -> f64, machine: &Machine, alpha: f64) -> (f64, f64) {
    let bound = |side: f64| {
        let (mut inside, mut step) = (machine.estimate, machine.std_error);
        let mut outside = inside + side * step;
        while p(outside) > alpha {
            inside = outside;
            step *= 2.0;
            outside = inside + side * step;
            if step > machine.std_error * 1e6 || !step.is_finite() {
                return side * f64::INFINITY;
            }
        }
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            if (outside - inside).abs() <= 1e-10 * machine.std_error {
                break;
            }
            *(if p(middle) > alpha { &mut inside } else { &mut outside }) = middle;
        }
        0.5 * (inside + outside)
    };
    if machine.std_error > 0.0 { (bound(-1.0), bound(1.0)) } else { (f64::NAN, f64::NAN) }
}

impl WildWeights {
    fn fill(self, seed: Seed, draw: u64, weights: &mut [f64]) {
        let per_call = if self == Self::Rademacher { 256 } else { 4 };
        for (block, own) in weights.chunks_mut(per_call).enumerate() {
            let words = seed.words([draw, block as u64, 0, 0]);
            for (at, weight) in own.iter_mut().enumerate() {
                *weight = match self {
                    Self::Rademacher => {
                        if words[at / 64] >> (at % 64) & 1 == 1 {
                            -1.0
                        } else {
                            1.0
                        }
                    }
                    Self::Mammen => mammen(Seed::unit(words[at])),
                    Self::Webb => webb(words[at]),
                    Self::Normal => normal_quantile(Seed::unit(words[at])),
                };
            }
        }
    }
}

fn mammen(uniform: f64) -> f64 {
    let root = 5.0_f64.sqrt();
    if uniform < (root + 1.0) / (2.0 * root) { 0.5 * (1.0 - root) } else { 0.5 * (1.0 + root) }
}

fn webb(word: u64) -> f64 {
    let place = ((u128::from(word) * 6) >> 64) as usize;
    let size = [1.5_f64, 1.0, 0.5][place % 3].sqrt();
    if place < 3 { size } else { -size }
}

fn bad(argument: &'static str, expected: &'static str, got: &str) -> EstimateError {
    EstimateError::BadArgument { argument, expected, got: got.to_owned() }
}
