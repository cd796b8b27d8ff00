//! Synthetic difference-in-differences: controls and periods weighted so that they look like the
//! treated before treatment.

use super::result::{Estimates, Texts, assemble, caution, not_estimable};
use super::sample::{NEVER, Sample};
use super::{Did, EvaluateError, Gaps};
use crate::data::{By, Effect, Effects, Panel, Phase, Seed, Status, Ticket};
use crate::math::simplex::Simplex;
use rayon::prelude::*;

/// What is weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Weighted {
    /// Units and periods, around a level of their own: synthetic difference-in-differences.
    #[default]
    UnitsAndPeriods,
    /// Units alone, levels included: synthetic control.
    Units,
}

/// Where standard errors come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Resampling {
    /// Controls in the place of the treated; for few treated units, which must vary as controls do.
    #[default]
    Placebo,
    /// One unit left out at a time, weights kept; two treated units or more in each cohort.
    Jackknife,
    /// Units drawn anew; many treated units.
    Bootstrap,
}

/// How far weights are optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Optimum {
    /// To the minimum.
    #[default]
    Exact,
    /// As far as the authors' R package `synthdid` goes: Frank and Wolfe's steps, small weights set
    /// to 0 after the first hundred.
    Published,
}

/// Synthetic difference-in-differences (Arkhangelsky and others 2021).
///
/// For each cohort, with weights `w` of never treated units and `l` of periods before treatment,
///
/// ```text
/// effect at t = [Y_tr,t - sum_i w_i Y_it] - sum_s l_s [Y_tr,s - sum_i w_i Y_is]
/// w = argmin sum_s (w0 + sum_i w_i Y_is - Y_tr,s)^2 + T0 z^2 |w|^2,   z = (N1 T1)^(1/4) sd
/// l = argmin sum_i (l0 + sum_s l_s Y_is - Ybar_i,after)^2 + N0 (1e-6 sd)^2 |l|^2
/// ```
///
/// over weights from 0 on that sum to 1, with sd the standard deviation of the controls' changes
/// from period to period before treatment. Their mean over the periods after treatment is the
/// authors' estimate; several cohorts are averaged by treated unit-periods, as Clarke and others
/// (2024) do. Differences before treatment are what the weights make small: they are no placebos
/// and are not reported.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`weighted`](Self::weighted) | units and periods, or units alone | both |
/// | [`errors`](Self::errors) | placebo, jackknife or bootstrap | placebo |
/// | [`draws`](Self::draws) | placebos or samples drawn | 200 |
/// | [`seed`](Self::seed) | the seed of the draws | 1 |
/// | [`optimum`](Self::optimum) | exact, or as far as `synthdid` goes | exact |
///
/// Units not seen in every period are left out and counted; weights, clusters, covariates and
/// anticipation are not taken.
///
/// # References
///
/// - Arkhangelsky, D., Athey, S., Hirshberg, D., Imbens, G. & Wager, S. (2021). Synthetic
///   difference-in-differences. *American Economic Review* 111(12), 4088-4118.
/// - Clarke, D., Pailanir, D., Athey, S. & Imbens, G. (2024). On synthetic
///   difference-in-differences and related estimation methods in Stata. *Stata Journal* 24(4).
///
/// ```
/// use kruispunt::data::{By, Column, Panel, Table, Unit};
/// use kruispunt::evaluate::{Aggregate, SyntheticDid};
/// let (mut person, mut year, mut first, mut wage) = (vec![], vec![], vec![], vec![]);
/// for p in 0..12_i64 {
///     for y in 2010..2016_i64 {
///         person.push(p);
///         year.push(y);
///         first.push(if p == 0 { 2014 } else { 0 });
///         let trend = p as f64 + (y - 2010) as f64 + 0.1 * ((p * 7 + y * 3) % 5) as f64;
///         wage.push(trend + if p == 0 && y >= 2014 { 2.0 } else { 0.0 });
///     }
/// }
/// let table = Table::new([
///     ("person", Column::int(person)),
///     ("year", Column::int(year)),
///     ("first", Column::int(first)),
///     ("wage", Column::float(wage)),
/// ])?;
/// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
/// let effects = SyntheticDid::new("wage", "first").fit(&panel)?;
/// let mean = effects.aggregate(&Aggregate::new(By::Simple))?;
/// assert!((mean.rows()[0].estimate - 2.0).abs() < 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SyntheticDid {
    outcome: String,
    cohort: String,
    weighted: Weighted,
    errors: Resampling,
    draws: u32,
    seed: Seed,
    optimum: Optimum,
}

/// One cohort that can be estimated.
struct Block {
    cohort: usize,
    /// Periods before treatment: those from `before` on are treated.
    before: usize,
    units: Vec<u32>,
}

/// Weights of one cohort, over donors and periods before treatment, and what they were found with.
#[derive(Clone)]
struct Weights {
    donors: Vec<f64>,
    periods: Vec<f64>,
    noise: f64,
    ridge: f64,
}

/// The units one estimate rests on: donors, and the treated of each block.
struct Draw {
    donors: Vec<u32>,
    treated: Vec<Vec<u32>>,
}

impl SyntheticDid {
    /// Effects on `outcome` of a treatment that starts in the period `cohort`; columns as for
    /// [`Did`].
    pub fn new(outcome: impl Into<String>, cohort: impl Into<String>) -> Self {
        Self {
            outcome: outcome.into(),
            cohort: cohort.into(),
            weighted: Weighted::default(),
            errors: Resampling::default(),
            draws: 200,
            seed: Seed::new(1),
            optimum: Optimum::default(),
        }
    }

    /// What is weighted.
    pub const fn weighted(mut self, weighted: Weighted) -> Self {
        self.weighted = weighted;
        self
    }

    /// Where standard errors come from.
    pub const fn errors(mut self, errors: Resampling) -> Self {
        self.errors = errors;
        self
    }

    /// Placebos or samples drawn.
    pub const fn draws(mut self, draws: u32) -> Self {
        self.draws = draws;
        self
    }

    /// The seed of the draws.
    pub const fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// How far weights are optimised.
    pub const fn optimum(mut self, optimum: Optimum) -> Self {
        self.optimum = optimum;
        self
    }

    /// Estimates the effects.
    ///
    /// # Errors
    ///
    /// Those of [`Did::fit`] for the columns; [`EvaluateError::NothingEstimable`] without a never
    /// treated unit or without two periods before treatment; [`EvaluateError::NotWithMethod`] for
    /// errors that the design cannot have; [`EvaluateError::BadArgument`] for `draws`.
    pub fn fit(&self, panel: &Panel) -> Result<Effects, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<Effects, EvaluateError> {
        if self.draws < 2 {
            return Err(EvaluateError::BadArgument {
                argument: "draws",
                expected: "at least 2 draws",
                got: self.draws.to_string(),
            });
        }
        let did = Did::new(self.outcome.clone(), self.cohort.clone()).gaps(Gaps::Balanced);
        let mut sample = Sample::read(&did, panel, ticket)?;
        sample.step.detail = format!("{} by {}, {}", self.outcome, self.cohort, self.name());
        let (blocks, donors) = Self::blocks(&sample)?;
        self.check(&blocks, &donors)?;
        let whole =
            Draw { treated: blocks.iter().map(|block| block.units.clone()).collect(), donors };
        let own = Problem { what: self, sample: &sample, blocks: &blocks };
        let weights = own.weights(&whole, None);
        let estimates = own.effects(&whole, &weights);
        let covariance = own.covariance(&whole, &weights, ticket)?;
        self.report(&did, panel, &own, &weights, &estimates, &covariance)
    }

    const fn name(&self) -> &'static str {
        match self.weighted {
            Weighted::UnitsAndPeriods => "synthetic difference-in-differences",
            Weighted::Units => "synthetic control",
        }
    }

    /// Cohorts with two periods before treatment, and the never treated.
    fn blocks(sample: &Sample) -> Result<(Vec<Block>, Vec<u32>), EvaluateError> {
        let of = |cohort: usize| -> Vec<u32> {
            (0..sample.n_units() as u32)
                .filter(|&unit| sample.cohort_of[unit as usize] as usize == cohort)
                .collect()
        };
        let never = sample.starts.len() - 1;
        let donors = of(never);
        let nothing = |why: &str| Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        if donors.len() < 2 {
            return nothing(
                "fewer than two units are never treated, and only those can be weighted; \
                 \"cs\" and \"imputation\" also use units not yet treated",
            );
        }
        let block = |(cohort, &start): (usize, &i32)| {
            let before = sample.periods.iter().filter(|&&period| period < start).count();
            (start != NEVER && before >= 2).then(|| Block { cohort, before, units: of(cohort) })
        };
        let blocks: Vec<Block> = sample.starts.iter().enumerate().filter_map(block).collect();
        if blocks.is_empty() {
            return nothing("no cohort has two periods before treatment");
        }
        Ok((blocks, donors))
    }

    /// Refuses errors that the design cannot have.
    fn check(&self, blocks: &[Block], donors: &[u32]) -> Result<(), EvaluateError> {
        let treated: usize = blocks.iter().map(|block| block.units.len()).sum();
        let lone = blocks.iter().any(|block| block.units.len() < 2);
        let refuse = |why| {
            Err(EvaluateError::NotWithMethod { argument: "errors", method: "synthetic", why })
        };
        match self.errors {
            Resampling::Placebo if donors.len() < treated + 2 => refuse(
                "placebos need more never treated than treated units; take the jackknife or the \
                 bootstrap",
            ),
            Resampling::Jackknife if lone => {
                refuse("the jackknife needs two treated units in each cohort; take placebos")
            }
            Resampling::Bootstrap if lone => {
                refuse("the bootstrap needs two treated units in each cohort; take placebos")
            }
            _ => Ok(()),
        }
    }

    fn report(
        &self,
        did: &Did,
        panel: &Panel,
        own: &Problem<'_>,
        weights: &[Weights],
        estimates: &[f64],
        covariance: &[f64],
    ) -> Result<Effects, EvaluateError> {
        let (sample, blocks) = (own.sample, own.blocks);
        let sizes = sample.cohort_weights();
        let n_donors = *sizes.last().unwrap_or(&0.0) as u64;
        let (mut rows, mut mass, mut place, mut share_of) = (vec![], vec![], vec![], vec![]);
        let mut next = 0;
        for (cohort, &start) in sample.starts.iter().enumerate().filter(|own| *own.1 != NEVER) {
            let known = blocks.iter().any(|block| block.cohort == cohort);
            for &period in sample.periods.iter().filter(|&&period| period >= start) {
                let row = Effect {
                    cohort: Some(start),
                    period: Some(period),
                    event: Some(period - start),
                    phase: Phase::After,
                    estimate: if known { estimates[next] } else { 0.0 },
                    status: Status::Estimated,
                    n_treated: sizes[cohort] as u64,
                    n_control: n_donors,
                };
                place.push(known.then_some(next));
                next += usize::from(known);
                mass.push(sizes[cohort]);
                share_of.push(cohort as u32);
                rows.push(if known {
                    row
                } else {
                    not_estimable(row, "the cohort has fewer than two periods before treatment")
                });
            }
        }
        let n_shares = sample.starts.len() - 1;
        let total = sample.total();
        let (k, all) = (estimates.len(), rows.len() + n_shares);
        let mut joint = vec![0.0; all * all];
        for (i, from) in place.iter().enumerate() {
            for (j, to) in place.iter().enumerate() {
                if let (Some(from), Some(to)) = (from, to) {
                    joint[i * all + j] = covariance[from * k + to];
                }
            }
        }
        let shares = sizes[..n_shares].iter().map(|size| size / total).collect();
        let texts = self.texts(weights);
        let found = Estimates { by: By::Cells, rows, mass, shares, share_of, joint };
        assemble(did, panel, sample, texts, found)
    }

    fn texts(&self, weights: &[Weights]) -> Texts {
        let effective = |weights: &[f64]| 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let mut notes = Vec::new();
        let mut cautions = Vec::new();
        for (at, own) in weights.iter().enumerate() {
            let (units, cohort) = (effective(&own.donors), at + 1);
            notes.push(format!("cohort {cohort}: weights as good as {units:.1} equal controls"));
        }
        let fewest = weights.iter().map(|own| effective(&own.donors)).fold(f64::MAX, f64::min);
        if fewest < 3.0 {
            let text = "the synthetic control of a cohort rests on few units: weights are as good \
                        as fewer than three equal ones";
            cautions.push(caution("few_donors", text));
        }
        let errors = match self.errors {
            Resampling::Placebo => "placebos",
            Resampling::Jackknife => "jackknife",
            Resampling::Bootstrap => "bootstrap",
        };
        if self.errors == Resampling::Placebo {
            let text = "standard errors from placebos hold when treated units vary as controls do";
            notes.push(text.to_owned());
        }
        Texts {
            method: format!("{}, errors by {errors}", self.name()),
            estimand: "effect on the treated by cohort and period".to_owned(),
            comparison: "never treated units, weighted to resemble the cohort before treatment"
                .to_owned(),
            df: None,
            notes,
            cautions,
        }
    }
}

/// The design met a sample.
struct Problem<'a> {
    what: &'a SyntheticDid,
    sample: &'a Sample,
    blocks: &'a [Block],
}

/// The mean path of some units.
fn mean_path(sample: &Sample, units: &[u32]) -> Vec<f64> {
    let mut mean = vec![0.0; sample.n_periods()];
    for &unit in units {
        mean.iter_mut().zip(sample.outcomes(unit as usize)).for_each(|(sum, y)| *sum += y);
    }
    for sum in &mut mean {
        *sum /= units.len() as f64;
    }
    mean
}

/// The standard deviation of changes from period to period.
fn noise(sample: &Sample, donors: &[u32], before: usize) -> f64 {
    let changes = || {
        donors.iter().flat_map(|&unit| {
            sample.outcomes(unit as usize)[..before].windows(2).map(|pair| pair[1] - pair[0])
        })
    };
    let n = (donors.len() * (before - 1)) as f64;
    let mean = changes().sum::<f64>() / n;
    let squares: f64 = changes().map(|change| (change - mean) * (change - mean)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

/// Takes its mean from each column.
fn centre(a: &mut [f64], k: usize) {
    let n = a.len() / k;
    for column in 0..k {
        let mean = (0..n).map(|row| a[row * k + column]).sum::<f64>() / n as f64;
        (0..n).for_each(|row| a[row * k + column] -= mean);
    }
}

impl Problem<'_> {
    /// Solves for weights over `k` columns of `a`, which has one more: the target.
    fn solve(&self, rows: &[f64], k: usize, scale: [f64; 2], start: Option<&[f64]>) -> Vec<f64> {
        let n = rows.len() / (k + 1);
        let (mut a, mut b) = (Vec::with_capacity(n * k), Vec::with_capacity(n));
        for row in rows.chunks_exact(k + 1) {
            a.extend_from_slice(&row[..k]);
            b.push(row[k]);
        }
        let [zeta, noise] = scale;
        let problem = Simplex { a: &a, b: &b, k, ridge: n as f64 * zeta * zeta };
        if self.what.optimum == Optimum::Exact {
            return problem.minimum();
        }
        let least = 1e-5 * noise;
        let gain = n as f64 * least * least;
        let start = start.map_or_else(|| vec![1.0 / k as f64; k], <[f64]>::to_vec);
        let mut x = problem.frank_wolfe(start, gain, 100);
        let most = x.iter().fold(0.0_f64, |a, b| a.max(*b));
        x.iter_mut().filter(|x| **x <= most / 4.0).for_each(|x| *x = 0.0);
        let sum: f64 = x.iter().sum();
        for x in &mut x {
            *x /= sum;
        }
        problem.frank_wolfe(x, gain, 10_000)
    }

    /// Weights of all blocks; in resamples penalties stay as they were, as do the weights where
    /// the published steps start.
    fn weights(&self, draw: &Draw, first: Option<&[Weights]>) -> Vec<Weights> {
        let both = self.what.weighted == Weighted::UnitsAndPeriods;
        let one = |(at, block): (usize, &Block)| {
            let (sample, t0) = (self.sample, block.before);
            let (n0, t1) = (draw.donors.len(), sample.n_periods() - t0);
            let old = first.map(|all| &all[at]);
            let noise = old.map_or_else(|| noise(sample, &draw.donors, t0), |own| own.noise);
            let size = (draw.treated[at].len() * t1) as f64;
            let strength = if both { size.sqrt().sqrt() } else { 1e-6 };
            let ridge = old.map_or(strength * noise, |own| own.ridge);
            let treated = mean_path(sample, &draw.treated[at]);
            let mut rows = Vec::with_capacity(t0 * (n0 + 1));
            for (t, own) in treated[..t0].iter().enumerate() {
                rows.extend(draw.donors.iter().map(|&unit| sample.outcomes(unit as usize)[t]));
                rows.push(*own);
            }
            if both {
                centre(&mut rows, n0 + 1);
            }
            let start = old.filter(|own| own.donors.len() == n0).map(|own| &own.donors[..]);
            let donors = self.solve(&rows, n0, [ridge, noise], start);
            let periods = if both {
                let mut rows = Vec::with_capacity(n0 * (t0 + 1));
                for &unit in &draw.donors {
                    let y = sample.outcomes(unit as usize);
                    rows.extend_from_slice(&y[..t0]);
                    rows.push(y[t0..].iter().sum::<f64>() / t1 as f64);
                }
                centre(&mut rows, t0 + 1);
                self.solve(&rows, t0, [1e-6 * noise, noise], old.map(|own| &own.periods[..]))
            } else {
                vec![0.0; t0]
            };
            Weights { donors, periods, noise, ridge }
        };
        self.blocks.iter().enumerate().map(one).collect()
    }

    /// Effects of all blocks, period by period from treatment on.
    fn effects(&self, draw: &Draw, weights: &[Weights]) -> Vec<f64> {
        let mut effects = Vec::new();
        for ((block, own), treated) in self.blocks.iter().zip(weights).zip(&draw.treated) {
            let mut gap = mean_path(self.sample, treated);
            for (&unit, weight) in draw.donors.iter().zip(&own.donors) {
                let y = self.sample.outcomes(unit as usize);
                gap.iter_mut().zip(y).for_each(|(gap, y)| *gap -= weight * y);
            }
            let level: f64 = own.periods.iter().zip(&gap).map(|(weight, gap)| weight * gap).sum();
            effects.extend(gap[block.before..].iter().map(|gap| gap - level));
        }
        effects
    }

    /// A random order of some units.
    fn shuffled(&self, units: &[u32], draw: u32) -> Vec<u32> {
        let mut order = units.to_vec();
        for at in (1..order.len()).rev() {
            let other = self.what.seed.below([u64::from(draw), at as u64, 1], at as u64 + 1);
            order.swap(at, other as usize);
        }
        order
    }

    /// Controls in the place of the treated.
    fn placebo(&self, whole: &Draw, draw: u32) -> Draw {
        let order = self.shuffled(&whole.donors, draw);
        let mut rest = &order[..];
        let mut treated = Vec::new();
        for own in &whole.treated {
            let (first, others) = rest.split_at(own.len());
            treated.push(first.to_vec());
            rest = others;
        }
        Draw { donors: rest.to_vec(), treated }
    }

    /// Units drawn anew, until every cohort and the controls have some.
    fn sample_anew(&self, whole: &Draw, draw: u32) -> Option<Draw> {
        const TRIES: u64 = 1000;
        let lists: Vec<&[u32]> = std::iter::once(&whole.donors[..])
            .chain(whole.treated.iter().map(|own| &own[..]))
            .collect();
        let n: usize = lists.iter().map(|own| own.len()).sum();
        for attempt in 0..TRIES {
            let mut drawn: Vec<Vec<u32>> = vec![Vec::new(); lists.len()];
            for at in 0..n as u64 {
                let counter = [u64::from(draw), at, 2 + attempt];
                let mut pick = self.what.seed.below(counter, n as u64) as usize;
                for (own, list) in drawn.iter_mut().zip(&lists) {
                    if let Some(&unit) = list.get(pick) {
                        own.push(unit);
                        break;
                    }
                    pick -= list.len();
                }
            }
            if drawn.iter().all(|own| !own.is_empty()) {
                let treated = drawn.split_off(1);
                return drawn.pop().map(|donors| Draw { donors, treated });
            }
        }
        None
    }

    /// One unit left out, weights kept.
    fn without(&self, whole: &Draw, weights: &[Weights], unit: usize) -> Vec<f64> {
        let drop = |list: &[u32], at: usize| -> Vec<u32> {
            list.iter().enumerate().filter(|(own, _)| *own != at).map(|(_, unit)| *unit).collect()
        };
        if unit < whole.donors.len() {
            let kept = weights.iter().map(|own| {
                let mut kept = own.clone();
                kept.donors.remove(unit);
                let sum: f64 = kept.donors.iter().sum();
                let n = kept.donors.len() as f64;
                // a control with all the weight leaves the others with equal shares
                let share = |w: &f64| if sum > 0.0 { w / sum } else { 1.0 / n };
                kept.donors = kept.donors.iter().map(share).collect();
                kept
            });
            let draw = Draw { donors: drop(&whole.donors, unit), treated: whole.treated.clone() };
            return self.effects(&draw, &kept.collect::<Vec<_>>());
        }
        let mut at = unit - whole.donors.len();
        let mut treated = whole.treated.clone();
        for own in &mut treated {
            if at < own.len() {
                own.remove(at);
                break;
            }
            at -= own.len();
        }
        self.effects(&Draw { donors: whole.donors.clone(), treated }, weights)
    }

    fn covariance(
        &self,
        whole: &Draw,
        weights: &[Weights],
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let n = whole.donors.len() + whole.treated.iter().map(Vec::len).sum::<usize>();
        let leave_out = self.what.errors == Resampling::Jackknife;
        let draws = if leave_out { n as u32 } else { self.what.draws };
        ticket.stage("standard errors", u64::from(draws));
        let again = |draw: &Draw| self.effects(draw, &self.weights(draw, Some(weights)));
        let one = |draw: u32| {
            if ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            ticket.advance(1);
            match self.what.errors {
                Resampling::Jackknife => Ok(self.without(whole, weights, draw as usize)),
                Resampling::Placebo => Ok(again(&self.placebo(whole, draw))),
                Resampling::Bootstrap => match self.sample_anew(whole, draw) {
                    Some(own) => Ok(again(&own)),
                    None => Err(EvaluateError::NoSolution {
                        what: "the bootstrap",
                        why: "a thousand samples in a row lacked a cohort; take placebos",
                    }),
                },
            }
        };
        let found: Vec<Vec<f64>> = (0..draws).into_par_iter().map(one).collect::<Result<_, _>>()?;
        let k = found.first().map_or(0, Vec::len);
        let count = f64::from(draws);
        let mean: Vec<f64> =
            (0..k).map(|at| found.iter().map(|own| own[at]).sum::<f64>() / count).collect();
        let scale = if leave_out { (count - 1.0) / count } else { 1.0 / count };
        let mut covariance = vec![0.0; k * k];
        for own in &found {
            for i in 0..k {
                for j in 0..k {
                    covariance[i * k + j] += scale * (own[i] - mean[i]) * (own[j] - mean[j]);
                }
            }
        }
        Ok(covariance)
    }
}
