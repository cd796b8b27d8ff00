//! Draws from what a fit rests on: clusters with replacement, treatments given anew, coefficients.

use super::EstimateError;
use super::absorption::{failed, go_on, sets, stage};
use super::least_squares::solve;
use super::sample::Rows;
use super::vcov::{ModelParts, Parts};
use crate::data::{Factor, Fit, Seed, Table, Ticket};
use crate::math::absorb::{Absorber, Stop};
use crate::math::crossprod::gram;
use crate::math::linalg::{Triangle, eigen};
use crate::math::special::normal_quantile;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Treatments swept at a time.
const LANES: usize = 16;

/// The bootstrap of pairs by clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairsBootstrap {
    /// Standard deviations of the draws, one a coefficient.
    pub std_errors: Vec<f64>,
    /// Percentile intervals, one a coefficient.
    pub conf_int: Vec<(f64, f64)>,
    /// The draws, row-major `(draws, k)`; those in which a coefficient is not determined are left
    /// out.
    pub draws: Vec<f64>,
    /// How many were left out.
    pub lost: usize,
}

/// What is compared with what it is when treatments are given anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RandomisationStatistic {
    /// The coefficient: exact where the treatment changes nothing for anybody.
    #[default]
    Coefficient,
    /// The coefficient over its robust standard error, summed by cluster if there is one: right in
    /// large samples also where the treatment changes something, but nothing on average (Wu & Ding
    /// 2021).
    T,
}

/// Randomisation inference of one coefficient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomisationTest {
    /// The coefficient of the treatment as it was.
    pub estimate: f64,
    /// The statistic of the treatment as it was, without a correction for small samples.
    pub statistic: f64,
    /// Share of draws, and of the treatment as it was, whose statistic is at least as far from 0.
    pub p_value: f64,
    /// Statistics of the draws.
    pub draws: Vec<f64>,
}

fn bad<T>(
    argument: &'static str,
    expected: &'static str,
    got: &dyn ToString,
) -> Result<T, EstimateError> {
    Err(EstimateError::BadArgument { argument, expected, got: got.to_string() })
}

impl Fit {
    /// Draws clusters with replacement and estimates again, from sums by cluster.
    ///
    /// ```text
    /// b* = b + (sum_g n_g X_g'WX_g)^-1 sum_g n_g X_g'Wu_g
    /// ```
    ///
    /// with `n_g` how often cluster g was drawn. With effects this is exact where they lie within
    /// clusters, each drawn cluster bringing effects of its own; effects that cross clusters are
    /// refused. A draw costs clusters, never rows.
    ///
    /// # Errors
    ///
    /// [`EstimateError::BadArgument`] for no draws, an `alpha` that is not between 0 and 1, effects
    /// that cross clusters, instruments and models that are not linear;
    /// [`EstimateError::TooFewClusters`], [`EstimateError::NoSample`], [`EstimateError::Data`],
    /// [`EstimateError::Cancelled`].
    ///
    /// # References
    ///
    /// - Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for
    ///   inference with clustered errors. *Review of Economics and Statistics* 90(3), 414-427.
    pub fn pairs_bootstrap(
        &self,
        (cluster, table): (&str, &Table),
        draws: usize,
        (seed, alpha): (Seed, f64),
        ticket: &Ticket,
    ) -> Result<PairsBootstrap, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "pairs_bootstrap" })?;
        if sample.instrumented || sample.working.is_some() {
            return bad("fit", "a linear regression without instruments", &"another model");
        }
        if draws == 0 || !(alpha > 0.0 && alpha < 1.0) {
            return bad("reps", "at least one draw, and an alpha between 0 and 1", &draws);
        }
        let factor = self.variable_of(cluster, table)?;
        if factor.n_levels() < 2 {
            let (cluster, n) = (cluster.to_owned(), factor.n_levels());
            return Err(EstimateError::TooFewClusters { cluster, n });
        }
        let crossing =
            |own: &&crate::data::SampleEffect| !super::vcov::is_nested(&own.factor, &factor);
        if let Some(effect) = sample.effects.iter().find(crossing) {
            return bad("cluster", "clusters that no effect crosses", &&effect.name);
        }
        let parts = Parts {
            sample,
            coef: &self.coef,
            ssc: self.ssc,
            ticket,
            uncounted: 0,
            model: ModelParts::of(self),
        };
        let pieces = parts.pieces(&factor);
        stage(ticket, "bootstrap of pairs")?;
        let (k, g) = (pieces.k, pieces.g);
        let found: Vec<Option<Vec<f64>>> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                if ticket.is_cancelled() {
                    return None;
                }
                let (mut whole, mut right) = (vec![0.0; k * k], vec![0.0; k]);
                for slot in 0..g {
                    let own = seed.below([draw as u64, slot as u64, 0], g as u64) as usize;
                    whole.iter_mut().zip(pieces.gram(own)).for_each(|(sum, x)| *sum += x);
                    right.iter_mut().zip(pieces.score(own)).for_each(|(sum, x)| *sum += x);
                }
                let triangle = Triangle::cholesky(&whole, &vec![0.0; k], 1e-12);
                let gap = (triangle.kept.len() == k).then(|| triangle.solve(&right))?;
                Some(gap.iter().zip(&self.coef).map(|(gap, b)| gap + b).collect())
            })
            .collect();
        go_on(ticket)?;
        let kept: Vec<Vec<f64>> = found.into_iter().flatten().collect();
        if kept.len() < 2 {
            return bad("reps", "two draws or more that determine every coefficient", &kept.len());
        }
        let n = kept.len() as f64;
        let (mut std_errors, mut conf_int) = (Vec::new(), Vec::new());
        for j in 0..k {
            let mut own: Vec<f64> = kept.iter().map(|draw| draw[j]).collect();
            let mean = own.iter().sum::<f64>() / n;
            let spread: f64 = own.iter().map(|b| (b - mean) * (b - mean)).sum();
            std_errors.push((spread / (n - 1.0)).sqrt());
            own.sort_by(f64::total_cmp);
            conf_int.push((quantile(&own, alpha / 2.0), quantile(&own, 1.0 - alpha / 2.0)));
        }
        let lost = draws - kept.len();
        Ok(PairsBootstrap { std_errors, conf_int, draws: kept.concat(), lost })
    }

    /// The value that the largest of all |t| stays below with probability `1 - alpha`, for bands
    /// that hold for all named coefficients together (sup-t).
    ///
    /// Draws of a normal distribution with the correlations of the estimates. Coefficients without
    /// variance have no part.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSuchCoefficient`], [`EstimateError::BadArgument`] for no draws or an
    /// `alpha` that is not between 0 and 1.
    ///
    /// # References
    ///
    /// - Montiel Olea, J. L. & Plagborg-Moller, M. (2019). Simultaneous confidence bands: theory,
    ///   implementation, and an application to SVARs. *Journal of Applied Econometrics* 34(1), 1-17.
    pub fn joint_critical_value(
        &self,
        names: &[&str],
        (alpha, draws): (f64, usize),
        seed: Seed,
    ) -> Result<f64, EstimateError> {
        if draws == 0 || !(alpha > 0.0 && alpha < 1.0) {
            return bad("alpha", "a number between 0 and 1, and at least one draw", &alpha);
        }
        let k = self.names.len();
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.names.iter().position(|own| own == name).ok_or_else(|| {
                EstimateError::NoSuchCoefficient {
                    argument: "names",
                    name: (*name).to_owned(),
                    present: self.names.clone(),
                }
            })?;
            if self.vcov[place * k + place] > 0.0 {
                places.push(place);
            }
        }
        let m = places.len();
        if m == 0 {
            return bad("names", "coefficients with a variance", &"none");
        }
        let cell = |i: usize, j: usize| self.vcov[places[i] * k + places[j]];
        let correlation: Vec<f64> = (0..m * m)
            .map(|at| cell(at / m, at % m) / (cell(at / m, at / m) * cell(at % m, at % m)).sqrt())
            .collect();
        let (values, vectors) = eigen(&correlation, m);
        let root: Vec<f64> = values.iter().map(|value| value.max(0.0).sqrt()).collect();
        let mut largest: Vec<f64> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let normal: Vec<f64> = (0..m)
                    .map(|at| root[at] * normal_quantile(seed.uniform([draw as u64, at as u64, 0])))
                    .collect();
                let along =
                    |i: usize| -> f64 { (0..m).map(|at| normal[at] * vectors[at * m + i]).sum() };
                (0..m).map(|i| along(i).abs()).fold(0.0, f64::max)
            })
            .collect();
        largest.sort_by(f64::total_cmp);
        Ok(quantile(&largest, 1.0 - alpha))
    }

    /// Randomisation inference: the treatment is given anew, by permutation, and its coefficient
    /// estimated again with the same other regressors and effects (Fisher 1935).
    ///
    /// With a cluster variable whole clusters swap treatments, which must not vary within them;
    /// with strata only within strata. `table` is the one the fit was made from.
    ///
    /// # Errors
    ///
    /// [`EstimateError::NoSuchCoefficient`], [`EstimateError::BadArgument`] for no draws, a
    /// treatment that is not a column of numbers or varies within clusters, strata that clusters
    /// cross, instruments and models that are not linear; [`EstimateError::NoSample`],
    /// [`EstimateError::Data`], [`EstimateError::NotConverged`], [`EstimateError::Cancelled`].
    ///
    /// # References
    ///
    /// - Hess, S. (2017). Randomization inference with Stata. *Stata Journal* 17(3), 630-651.
    /// - Wu, J. & Ding, P. (2021). Randomization tests for weak null hypotheses in randomized
    ///   experiments. *Journal of the American Statistical Association* 116(536), 1898-1913.
    pub fn randomisation_test(
        &self,
        treatment: &str,
        table: &Table,
        (cluster, strata): (Option<&str>, Option<&str>),
        of: RandomisationStatistic,
        (draws, seed): (usize, Seed),
        ticket: &Ticket,
    ) -> Result<RandomisationTest, EstimateError> {
        let sample = self.sample().ok_or(EstimateError::NoSample { what: "ritest" })?;
        if sample.instrumented || sample.working.is_some() {
            return bad("fit", "a linear regression without instruments", &"another model");
        }
        if draws == 0 {
            return bad("reps", "at least one draw", &draws);
        }
        let place = self.names.iter().position(|own| own == treatment).ok_or_else(|| {
            EstimateError::NoSuchCoefficient {
                argument: "resampvar",
                name: treatment.to_owned(),
                present: self.names.clone(),
            }
        })?;
        let mut rows = Rows::new(table, &[])?;
        rows.keep = Some(sample.rows.clone());
        let given = rows.numbers("resampvar", treatment)?;
        let n = given.len();
        let weights = sample.weights.as_deref();
        let (mut others, mut y) = (Vec::new(), sample.residuals.clone());
        for (at, column) in sample.regressors.iter().enumerate() {
            if at == place {
                y.iter_mut().zip(column).for_each(|(y, x)| *y += self.coef[at] * x);
            } else {
                others.push(column.clone());
            }
        }
        let zero = vec![0.0; others.len()];
        let y = solve(others.clone(), y, weights, &zero, 1e-12).residuals;
        let units = match cluster {
            Some(name) => self.variable_of(name, table)?,
            None => Factor::compact(&(0..n as u32).collect::<Vec<_>>()),
        };
        let strata = strata.map(|name| self.variable_of(name, table)).transpose()?;
        let urn = Urn::new(&given, &units, strata.as_ref())?;
        stage(ticket, "randomisation")?;
        let sets = sets(&sample.effects);
        let stop = Stop { tol: 1e-9, max_iter: 20_000 };
        let mut absorber = Absorber::varying(&sets, weights, ticket).map_err(failed)?;
        let statistic = |column: Vec<f64>| {
            let x = solve(others.clone(), column, weights, &zero, 1e-12).residuals;
            match of {
                RandomisationStatistic::Coefficient => slope(&x, &y, weights),
                RandomisationStatistic::T => studentised(&x, &y, weights, &units),
            }
        };
        let actual = statistic(sample.regressors[place].clone());
        let mut found = Vec::with_capacity(draws);
        for start in (0..draws).step_by(LANES) {
            go_on(ticket)?;
            let lanes = LANES.min(draws - start);
            let mut columns: Vec<Vec<f64>> = (start..start + lanes)
                .into_par_iter()
                .map(|draw| urn.draw(&units, seed, draw as u64))
                .collect();
            if !sets.is_empty() {
                let mut views: Vec<&mut [f64]> =
                    columns.iter_mut().map(Vec::as_mut_slice).collect();
                absorber.sweep(&mut views, stop, ticket).map_err(failed)?;
            }
            let own: Vec<f64> = columns.into_par_iter().map(statistic).collect();
            found.extend(own);
            ticket.advance(lanes as u64);
        }
        let estimate = self.coef[place];
        let limit = actual.abs() * (1.0 - 1e-10);
        let far = found.iter().filter(|b| b.abs() >= limit).count();
        let p_value = (far + 1) as f64 / (draws + 1) as f64;
        Ok(RandomisationTest { estimate, statistic: actual, p_value, draws: found })
    }
}

fn slope(x: &[f64], y: &[f64], weights: Option<&[f64]>) -> f64 {
    let all = gram(&[x, y], weights);
    if all[0] > 0.0 { all[1] / all[0] } else { 0.0 }
}

/// The slope over its robust standard error; scores are added up by unit.
fn studentised(x: &[f64], y: &[f64], weights: Option<&[f64]>, units: &Factor) -> f64 {
    let b = slope(x, y, weights);
    let (mut scores, mut bread) = (vec![0.0; units.n_levels()], 0.0);
    for (row, (&x, &y)) in x.iter().zip(y).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        scores[units.codes()[row] as usize] += weight * x * (y - b * x);
        bread += weight * x * x;
    }
    let error = scores.iter().map(|score| score * score).sum::<f64>().sqrt() / bread;
    if error > 0.0 { b / error } else { 0.0 }
}

/// Treatments of units, by stratum.
struct Urn {
    /// The treatment of each unit.
    given: Vec<f64>,
    /// The units of each stratum.
    strata: Vec<Vec<u32>>,
}

impl Urn {
    fn new(given: &[f64], units: &Factor, strata: Option<&Factor>) -> Result<Self, EstimateError> {
        let m = units.n_levels();
        let (mut own, mut home) = (vec![f64::NAN; m], vec![u32::MAX; m]);
        for (row, &unit) in units.codes().iter().enumerate() {
            let unit = unit as usize;
            if !own[unit].is_nan() && own[unit].to_bits() != given[row].to_bits() {
                return bad(
                    "cluster",
                    "a treatment that does not vary within clusters",
                    &"another",
                );
            }
            own[unit] = given[row];
            let stratum = strata.map_or(0, |strata| strata.codes()[row]);
            if home[unit] != u32::MAX && home[unit] != stratum {
                return bad("strata", "clusters that lie within strata", &"others");
            }
            home[unit] = stratum;
        }
        let mut by = vec![Vec::new(); strata.map_or(1, Factor::n_levels)];
        for (unit, &stratum) in home.iter().enumerate() {
            by[stratum as usize].push(unit as u32);
        }
        Ok(Self { given: own, strata: by })
    }

    /// Treatments permuted among the units of each stratum, one a row.
    fn draw(&self, units: &Factor, seed: Seed, draw: u64) -> Vec<f64> {
        let mut own = self.given.clone();
        for (stratum, members) in self.strata.iter().enumerate() {
            for last in (1..members.len()).rev() {
                let counter = [draw, stratum as u64, last as u64];
                let other = seed.below(counter, last as u64 + 1) as usize;
                own.swap(members[last] as usize, members[other] as usize);
            }
        }
        units.codes().iter().map(|&unit| own[unit as usize]).collect()
    }
}

/// The quantile of sorted numbers, by linear interpolation.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = p * last as f64;
    let (low, share) = (place.floor() as usize, place.fract());
    sorted[low] + share * (sorted[(low + 1).min(last)] - sorted[low])
}
