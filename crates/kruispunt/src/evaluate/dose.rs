//! Effects of a treatment that comes in doses.
//!
//! Callaway, Goodman-Bacon & Sant'Anna (2024, NBER working paper 32117): with D the dose of a unit,
//! constant over time,
//!
//! ```text
//! ATT(d | g, t)  = E[Y_t - Y_b | cohort g, D = d] - E[Y_t - Y_b | untreated]
//! ACRT(d | g, t) = its derivative in d
//! ```
//!
//! The level compares each dose with none and needs parallel trends of the treated at that dose and
//! the untreated. The derivative compares doses with each other and needs *strong* parallel trends:
//! units at other doses would have had the same effect at this one.

use super::callaway::{Cell, Rule, cells};
use super::inference::normals;
use super::influence::gram;
use super::result::caution;
use super::sample::{NEVER, Sample};
use super::{Base, Did, EvaluateError, Gaps, Method, concerns};
use crate::data::{Account, Caution, Column, DataError, Effects, Panel, Seed, Table, Ticket};
use crate::math::linalg::Triangle;
use crate::math::special::normal_quantile;
use serde::{Deserialize, Serialize};

/// What the effect is as a function of the dose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DoseCurve {
    /// A polynomial of this degree; 1 for a line.
    Polynomial(u32),
    /// A B-spline of this degree with so many inner knots, at quantiles of the doses.
    Spline {
        /// Degree of the pieces.
        degree: u32,
        /// Inner knots.
        knots: u32,
    },
    /// One effect for each bin between these edges, ascending: doses up to the first edge, up to
    /// the second, ..., above the last. Has no derivative.
    Bins(Vec<f64>),
}

/// The effect of a treatment by dose.
///
/// The [`Did`] says outcome, cohorts, controls, anticipation, clusters, weights and gaps; effects
/// of cohorts and periods are averaged as its mean over cohorts: each cohort by its share of the
/// treated, each of its periods alike.
///
/// ```
/// use kruispunt::data::{Column, Panel, Table, Unit};
/// use kruispunt::evaluate::{Did, DoseCurve, DoseResponse};
/// let table = Table::new([
///     ("person", Column::int(vec![1, 1, 2, 2, 3, 3, 4, 4, 5, 5])),
///     ("year", Column::int([2011, 2012].repeat(5))),
///     ("training", Column::int(vec![2012, 2012, 2012, 2012, 2012, 2012, 0, 0, 0, 0])),
///     ("hours", Column::float(vec![10., 10., 20., 20., 30., 30., 0., 0., 0., 0.])),
///     ("wage", Column::float(vec![9., 12., 8., 13., 10., 17., 9., 10., 11., 12.])),
/// ])?;
/// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
/// let model = DoseResponse::new(Did::new("wage", "training"), "hours");
/// let effects = model.curve(DoseCurve::Polynomial(1)).at([10.0, 30.0]).fit(&panel)?;
/// assert!((effects.levels()[0] - 2.0).abs() < 1e-9);
/// assert!((effects.slopes()[0] - 0.2).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DoseResponse {
    did: Did,
    dose: String,
    curve: DoseCurve,
    at: Vec<f64>,
}

/// Effects by dose, with their covariance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoseEffects {
    doses: Vec<f64>,
    levels: Vec<f64>,
    slopes: Vec<f64>,
    overall: [f64; 2],
    /// Levels, slopes, mean level, mean slope; row-major.
    vcov: Vec<f64>,
    curve: DoseCurve,
    n_treated: u64,
    n_units: u64,
    n_clusters: u64,
    estimand: String,
    comparison: String,
    cautions: Vec<Caution>,
    account: Account,
}

impl DoseResponse {
    /// The effect of a treatment whose dose, one number a unit, stands in this column.
    pub fn new(did: Did, dose: impl Into<String>) -> Self {
        let curve = DoseCurve::Spline { degree: 3, knots: 0 };
        Self { did, dose: dose.into(), curve, at: Vec::new() }
    }

    /// What the effect is as a function of the dose; by default a cubic.
    pub fn curve(mut self, curve: DoseCurve) -> Self {
        self.curve = curve;
        self
    }

    /// Doses at which the curve is given; by default the deciles of the doses of the treated.
    pub fn at(mut self, doses: impl IntoIterator<Item = f64>) -> Self {
        self.at = doses.into_iter().collect();
        self
    }

    /// Estimates the curve.
    ///
    /// # Errors
    ///
    /// As [`Did::fit`]; [`EvaluateError::OutOfRange`] for a treated unit without a dose above 0,
    /// [`EvaluateError::Varies`] for a dose that does, [`EvaluateError::BadArgument`] for the
    /// curve and for doses beyond those of the treated.
    pub fn fit(&self, panel: &Panel) -> Result<DoseEffects, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<DoseEffects, EvaluateError> {
        self.check()?;
        let sample = Sample::read(&self.did, panel, ticket)?;
        concerns::refuse(&self.did, &sample)?;
        let doses = self.doses(panel, &sample)?;
        let basis = Basis::new(&self.curve, &sample, &doses)?;
        let at = self.places(&basis)?;
        let plan: Vec<Cell> = cells(&sample, Base::Varying, self.did.anticipation)
            .into_iter()
            .filter(|cell| sample.treated(cell.cohort, cell.t))
            .collect();
        ticket.stage("dose response", plan.len() as u64);
        let mut work = Work::new(&self.did, &sample, &doses, &basis, &at);
        let mut reasons = Vec::new();
        for cell in &plan {
            if ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            if let Err(reason) = work.add(cell) {
                reasons.push(reason);
            }
            ticket.advance(1);
        }
        work.finish(self, panel, &reasons, ticket)
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let method = self.did.method.name();
        let refuse = |argument, why| Err(EvaluateError::NotWithMethod { argument, method, why });
        let bad = |expected, got: String| {
            Err(EvaluateError::BadArgument { argument: "curve", expected, got })
        };
        if self.did.method != Method::CallawaySantAnna {
            return refuse("dose", "doses are compared with the untreated, method \"cs\"");
        }
        if !self.did.covariates.is_empty() {
            return refuse("covariates", "the curve takes no covariates");
        }
        if self.did.gaps == Gaps::CrossSections {
            return refuse("gaps", "it follows units over time; let `gaps` be pairs or balanced");
        }
        match &self.curve {
            DoseCurve::Polynomial(degree) | DoseCurve::Spline { degree, .. }
                if !(1..=8).contains(degree) =>
            {
                bad("a degree from 1 to 8", degree.to_string())
            }
            DoseCurve::Spline { knots, .. } if *knots > 50 => {
                bad("at most 50 knots", knots.to_string())
            }
            DoseCurve::Bins(edges)
                if edges.is_empty()
                    || edges.iter().any(|edge| !edge.is_finite())
                    || edges.windows(2).any(|pair| pair[0] >= pair[1]) =>
            {
                bad("edges of bins, ascending", format!("{edges:?}"))
            }
            _ => Ok(()),
        }
    }

    /// The dose of each unit; 0 for the untreated.
    fn doses(&self, panel: &Panel, sample: &Sample) -> Result<Vec<f64>, EvaluateError> {
        let argument = "dose";
        let column = panel.column(argument, &self.dose)?;
        let values = column.to_floats(argument, &self.dose)?;
        let last = sample.periods.last().copied().unwrap_or(NEVER);
        (0..sample.n_units())
            .map(|unit| {
                let start = sample.starts[sample.cohort_of[unit] as usize];
                if start > last {
                    return Ok(0.0);
                }
                let mut own: Option<f64> = None;
                for row in sample.rows_of(unit) {
                    let column_name = self.dose.clone();
                    if column.is_null(row) || !(values[row] > 0.0 && values[row] < 1e90) {
                        return Err(EvaluateError::OutOfRange {
                            argument,
                            column: column_name,
                            row,
                            expected: "a dose above 0 in each row of a treated unit",
                        });
                    }
                    if own.is_some_and(|known| known.to_bits() != values[row].to_bits()) {
                        let why = "the dose belongs to the unit: give the same in all its periods";
                        return Err(EvaluateError::Varies {
                            argument,
                            column: column_name,
                            row,
                            why,
                        });
                    }
                    own = Some(values[row]);
                }
                Ok(own.unwrap_or(0.0))
            })
            .collect()
    }

    /// The doses at which the curve is given.
    fn places(&self, basis: &Basis) -> Result<Vec<f64>, EvaluateError> {
        if self.at.is_empty() {
            return Ok((1..10).map(|at| quantile(&basis.sorted, f64::from(at) / 10.0)).collect());
        }
        let beyond = |dose: &&f64| !(basis.low..=basis.high).contains(*dose);
        match self.at.iter().find(beyond) {
            None => Ok(self.at.clone()),
            Some(dose) => Err(EvaluateError::BadArgument {
                argument: "at",
                expected: "doses within those of the treated",
                got: dose.to_string(),
            }),
        }
    }
}

/// The quantile of sorted numbers, between neighbours by a straight line.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}

/// Functions of the dose that the curve is a sum of.
struct Basis {
    curve: DoseCurve,
    low: f64,
    high: f64,
    /// With the ends repeated.
    knots: Vec<f64>,
    sorted: Vec<f64>,
}

impl Basis {
    fn new(curve: &DoseCurve, sample: &Sample, doses: &[f64]) -> Result<Self, EvaluateError> {
        let first = sample.periods.first().copied().unwrap_or(NEVER);
        let mut sorted: Vec<f64> = (0..sample.n_units())
            .filter(|&unit| sample.starts[sample.cohort_of[unit] as usize] > first)
            .map(|unit| doses[unit])
            .filter(|dose| *dose > 0.0)
            .collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
            return Err(EvaluateError::NobodyTreated);
        };
        let mut knots = Vec::new();
        if let DoseCurve::Spline { degree, knots: inner } = curve {
            knots.extend(vec![low; *degree as usize + 1]);
            let between = |at: u32| quantile(&sorted, f64::from(at) / f64::from(inner + 1));
            knots.extend((1..=*inner).map(between));
            knots.extend(vec![high; *degree as usize + 1]);
        }
        if low >= high && !matches!(curve, DoseCurve::Bins(_)) {
            return Err(EvaluateError::NothingEstimable {
                why: "all treated units have the same dose".to_owned(),
            });
        }
        Ok(Self { curve: curve.clone(), low, high, knots, sorted })
    }

    fn len(&self) -> usize {
        match &self.curve {
            DoseCurve::Polynomial(degree) => *degree as usize + 1,
            DoseCurve::Spline { degree, knots } => (*degree + *knots) as usize + 1,
            DoseCurve::Bins(edges) => edges.len() + 1,
        }
    }

    /// The dose on a scale from -1 to 1, for powers.
    fn scaled(&self, dose: f64) -> f64 {
        (2.0 * dose - self.low - self.high) / (self.high - self.low)
    }

    fn values(&self, dose: f64) -> Vec<f64> {
        match &self.curve {
            DoseCurve::Polynomial(degree) => {
                let x = self.scaled(dose);
                (0..=*degree).map(|power| x.powi(power as i32)).collect()
            }
            DoseCurve::Spline { degree, .. } => self.spline(dose, *degree as usize),
            DoseCurve::Bins(edges) => {
                let own = edges.iter().take_while(|edge| dose > **edge).count();
                (0..=edges.len()).map(|bin| f64::from(u8::from(bin == own))).collect()
            }
        }
    }

    fn derivatives(&self, dose: f64) -> Vec<f64> {
        match &self.curve {
            DoseCurve::Polynomial(degree) => {
                let (x, inner) = (self.scaled(dose), 2.0 / (self.high - self.low));
                let power = |p: u32| match p {
                    0 => 0.0,
                    p => inner * f64::from(p) * x.powi(p as i32 - 1),
                };
                (0..=*degree).map(power).collect()
            }
            DoseCurve::Spline { degree, .. } => {
                let p = *degree as usize;
                let lower = self.spline_of(dose, p - 1);
                let k = &self.knots;
                let part = |at: usize| {
                    let apart = k[at + p] - k[at];
                    if apart > 0.0 { lower[at] / apart } else { 0.0 }
                };
                (0..self.len()).map(|at| p as f64 * (part(at) - part(at + 1))).collect()
            }
            DoseCurve::Bins(edges) => vec![f64::NAN; edges.len() + 1],
        }
    }

    fn spline(&self, dose: f64, degree: usize) -> Vec<f64> {
        self.spline_of(dose, degree)
    }

    /// All B-splines of a degree on the knots (de Boor's recursion).
    fn spline_of(&self, dose: f64, degree: usize) -> Vec<f64> {
        let k = &self.knots;
        let last = (0..k.len() - 1).rev().find(|&at| k[at] < k[at + 1]).unwrap_or(0);
        let within =
            |at: usize| (k[at] <= dose && dose < k[at + 1]) || (at == last && dose >= k[at + 1]);
        let mut values: Vec<f64> =
            (0..k.len() - 1).map(|at| f64::from(u8::from(within(at)))).collect();
        for p in 1..=degree {
            values = (0..k.len() - 1 - p)
                .map(|at| {
                    let (left, right) = (k[at + p] - k[at], k[at + p + 1] - k[at + 1]);
                    let up = if left > 0.0 { (dose - k[at]) / left * values[at] } else { 0.0 };
                    let down = if right > 0.0 {
                        (k[at + p + 1] - dose) / right * values[at + 1]
                    } else {
                        0.0
                    };
                    up + down
                })
                .collect();
        }
        values
    }
}

/// The mean over a cohort's periods of what each says.
struct Cohort {
    weight: f64,
    periods: usize,
    values: Vec<f64>,
    psi: Vec<f64>,
}

/// The curve of one cohort and period.
struct Fitted {
    /// Functions of the dose of the treated, and their derivatives.
    rows: Vec<Vec<f64>>,
    steep: Vec<Vec<f64>>,
    mean_x: Vec<f64>,
    mean_slope: Vec<f64>,
    triangle: Triangle,
    beta: Vec<f64>,
    /// The mean change of the untreated.
    untreated: f64,
    /// Weights of the treated and the untreated.
    w1: f64,
    w0: f64,
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Sums over cells.
struct Work<'a> {
    did: &'a Did,
    sample: &'a Sample,
    doses: &'a [f64],
    basis: &'a Basis,
    at: &'a [f64],
    rule: Rule,
    /// Levels and slopes at the doses asked, row-major.
    design: Vec<Vec<f64>>,
    cohorts: Vec<Option<Cohort>>,
}

impl<'a> Work<'a> {
    fn new(
        did: &'a Did,
        sample: &'a Sample,
        doses: &'a [f64],
        basis: &'a Basis,
        at: &'a [f64],
    ) -> Self {
        let levels = at.iter().map(|&dose| basis.values(dose));
        let slopes = at.iter().map(|&dose| basis.derivatives(dose));
        let design = levels.chain(slopes).collect();
        let cohorts = sample.starts.iter().map(|_| None).collect();
        Self { did, sample, doses, basis, at, rule: Rule::of(did), design, cohorts }
    }

    /// Levels, slopes, mean level, mean slope.
    const fn width(&self) -> usize {
        2 * self.at.len() + 2
    }

    fn group(&self, unit: u32) -> usize {
        self.sample.clusters.as_ref().map_or(unit as usize, |codes| codes[unit as usize] as usize)
    }

    /// The treated and the untreated of a cell.
    fn sides(&self, cell: &Cell, base: usize) -> Result<(Vec<u32>, Vec<u32>), &'static str> {
        let sample = self.sample;
        let (mut treated, mut controls) = (Vec::new(), Vec::new());
        for own in sample.profiles.iter().filter(|own| own.present[cell.t] && own.present[base]) {
            let members = &sample.members[own.first..own.last];
            if own.cohort == cell.cohort {
                treated.extend_from_slice(members);
            } else if self.rule.allows(sample, cell, base, own.cohort) {
                controls.extend_from_slice(members);
            }
        }
        if treated.is_empty() {
            return Err("no unit of the cohort is seen in both periods");
        }
        if controls.is_empty() {
            return Err("no unit is still untreated");
        }
        Ok((treated, controls))
    }

    /// The curve of one cohort and period.
    fn regress(
        &self,
        treated: &[u32],
        controls: &[u32],
        change: &dyn Fn(u32) -> f64,
    ) -> Result<Fitted, &'static str> {
        let (sample, p) = (self.sample, self.basis.len());
        let weight = |unit: u32| sample.weight(unit as usize);
        let total = |units: &[u32]| units.iter().map(|&unit| weight(unit)).sum::<f64>();
        let (w1, w0) = (total(treated), total(controls));
        let untreated = controls.iter().map(|&unit| weight(unit) * change(unit)).sum::<f64>() / w0;
        let at = |unit: &u32| self.doses[*unit as usize];
        let rows: Vec<Vec<f64>> = treated.iter().map(|unit| self.basis.values(at(unit))).collect();
        let steep: Vec<Vec<f64>> =
            treated.iter().map(|unit| self.basis.derivatives(at(unit))).collect();
        let mut normal = vec![0.0; p * p];
        let (mut score, mut mean_x, mut mean_slope) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
        for ((&unit, x), dx) in treated.iter().zip(&rows).zip(&steep) {
            let (w, y) = (weight(unit), change(unit) - untreated);
            for i in 0..p {
                score[i] += w * y * x[i];
                mean_x[i] += w * x[i] / w1;
                mean_slope[i] += w * dx[i] / w1;
                for j in 0..p {
                    normal[i * p + j] += w * x[i] * x[j];
                }
            }
        }
        let triangle = Triangle::cholesky(&normal, &vec![0.0; p], 1e-12);
        if !triangle.dropped.is_empty() {
            return Err("the cohort has too few different doses for the curve");
        }
        let beta = triangle.solve(&score);
        Ok(Fitted { rows, steep, mean_x, mean_slope, triangle, beta, untreated, w1, w0 })
    }

    /// Adds one cohort and period; says why it cannot.
    fn add(&mut self, cell: &Cell) -> Result<(), &'static str> {
        let base = cell.base.ok_or("no period before treatment to compare with")?;
        let sample = self.sample;
        let change = |unit: u32| {
            let y = sample.outcomes(unit as usize);
            y[cell.t] - y[base]
        };
        let (treated, controls) = self.sides(cell, base)?;
        let fit = self.regress(&treated, &controls, &change)?;
        let lines = || self.design.iter().chain([&fit.mean_x, &fit.mean_slope]);
        let levers: Vec<Vec<f64>> = lines().map(|line| fit.triangle.solve(line)).collect();
        let values: Vec<f64> = lines().map(|line| product(line, &fit.beta)).collect();
        let width = self.width();
        let means = [values[width - 2], values[width - 1]];
        let weight = |unit: u32| sample.weight(unit as usize);
        let clusters = sample.clusters.as_deref();
        let group =
            |unit: u32| clusters.map_or(unit as usize, |codes| codes[unit as usize] as usize);
        let own = self.cohorts[cell.cohort].get_or_insert_with(|| Cohort {
            weight: fit.w1,
            periods: 0,
            values: vec![0.0; width],
            psi: vec![0.0; sample.n_clusters * width],
        });
        own.periods += 1;
        own.weight = own.weight.max(fit.w1);
        own.values.iter_mut().zip(&values).for_each(|(slot, value)| *slot += value);
        for ((&unit, x), dx) in treated.iter().zip(&fit.rows).zip(&fit.steep) {
            let (w, at) = (weight(unit), group(unit) * width);
            let fitted = product(x, &fit.beta);
            let left = w * (change(unit) - fit.untreated - fitted);
            let slots = &mut own.psi[at..at + width];
            for (slot, lever) in slots.iter_mut().zip(&levers) {
                *slot += left * product(lever, x);
            }
            // the means move with who is treated at which dose, too
            slots[width - 2] += w * (fitted - means[0]) / fit.w1;
            slots[width - 1] += w * (product(dx, &fit.beta) - means[1]) / fit.w1;
        }
        let pulls: Vec<f64> =
            levers.iter().map(|lever| fit.w1 * product(lever, &fit.mean_x)).collect();
        for &unit in &controls {
            let left = weight(unit) * (change(unit) - fit.untreated) / fit.w0;
            let at = group(unit) * width;
            for (slot, pull) in own.psi[at..at + width].iter_mut().zip(&pulls) {
                *slot -= left * pull;
            }
        }
        Ok(())
    }

    /// The mean over cohorts, with its covariance.
    fn finish(
        self,
        model: &DoseResponse,
        panel: &Panel,
        reasons: &[&'static str],
        ticket: &Ticket,
    ) -> Result<DoseEffects, EvaluateError> {
        let (width, sample) = (self.width(), self.sample);
        let known: Vec<(usize, &Cohort)> = self
            .cohorts
            .iter()
            .enumerate()
            .filter_map(|(at, own)| Some((at, own.as_ref()?)))
            .collect();
        let total: f64 = known.iter().map(|(_, own)| own.weight).sum();
        if known.is_empty() {
            let why = reasons.first().copied().unwrap_or("no cohort has a period after treatment");
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        let mean = |own: &Cohort, at: usize| own.values[at] / own.periods as f64;
        let mut values = vec![0.0; width];
        for (_, own) in &known {
            for (at, slot) in values.iter_mut().enumerate() {
                *slot += own.weight / total * mean(own, at);
            }
        }
        let mut psi = vec![0.0; sample.n_clusters * width];
        for (_, own) in &known {
            let scale = own.weight / total / own.periods as f64;
            psi.iter_mut().zip(&own.psi).for_each(|(slot, value)| *slot += scale * value);
        }
        let mut n_treated = 0;
        for unit in 0..sample.n_units() {
            let cohort = sample.cohort_of[unit] as usize;
            let Some((_, own)) = known.iter().find(|(at, _)| *at == cohort) else { continue };
            n_treated += 1;
            if !self.did.extra.holds_shares() {
                let group = self.group(unit as u32);
                for at in 0..width {
                    let gap = mean(own, at) - values[at];
                    psi[group * width + at] += sample.weight(unit) * gap / total;
                }
            }
        }
        let vcov = gram(&psi, sample.n_clusters, width, ticket)?;
        let m = self.at.len();
        let mut step = sample.step.clone();
        let mut cautions = vec![caution(
            "strong_parallel_trends",
            "slopes compare doses with each other: they are effects of a larger dose only where \
             units at other doses would have had the same effect at this one",
        )];
        if !reasons.is_empty() {
            cautions.push(caution(
                "cells_left_out",
                format!("{} cohorts and periods are left out: {}", reasons.len(), reasons[0]),
            ));
        }
        step.notes.extend(cautions.iter().map(|own| own.text.clone()));
        Ok(DoseEffects {
            doses: self.at.to_vec(),
            levels: values[..m].to_vec(),
            slopes: values[m..2 * m].to_vec(),
            overall: [values[width - 2], values[width - 1]],
            vcov,
            curve: model.curve.clone(),
            n_treated,
            n_units: sample.n_units() as u64,
            n_clusters: sample.n_clusters as u64,
            estimand: self.did.extra.estimand(format!(
                "average effect of each dose ({}) on those who had it, mean over cohorts of the \
                 mean over their treated periods",
                model.dose
            )),
            comparison: "units not treated at any dose in the later of the two periods compared; \
                         changes since the last period before treatment"
                .to_owned(),
            cautions,
            account: panel.account().clone().then(step),
        })
    }
}

impl DoseEffects {
    /// The doses, shape `(m,)`.
    #[must_use]
    pub fn doses(&self) -> &[f64] {
        &self.doses
    }

    /// ATT(d) in the unit of the outcome, shape `(m,)`.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// ACRT(d) in units of the outcome a unit of the dose, shape `(m,)`; NaN for bins.
    #[must_use]
    pub fn slopes(&self) -> &[f64] {
        &self.slopes
    }

    /// Standard errors of levels, slopes, mean level and mean slope, shape `(2m + 2,)`.
    #[must_use]
    pub fn std_errors(&self) -> Vec<f64> {
        let width = 2 * self.doses.len() + 2;
        (0..width).map(|at| self.vcov[at * width + at].max(0.0).sqrt()).collect()
    }

    /// Covariance of levels, slopes, mean level and mean slope, row-major `(2m + 2, 2m + 2)`.
    #[must_use]
    pub fn vcov(&self) -> &[f64] {
        &self.vcov
    }

    /// The mean of levels and that of slopes over the doses of the treated.
    #[must_use]
    pub const fn overall(&self) -> [f64; 2] {
        self.overall
    }

    /// Treated units of the cohorts with an estimate.
    #[must_use]
    pub const fn n_treated(&self) -> u64 {
        self.n_treated
    }

    /// Units in the sample, and clusters.
    #[must_use]
    pub const fn sizes(&self) -> (u64, u64) {
        (self.n_units, self.n_clusters)
    }

    /// What is estimated, in words.
    #[must_use]
    pub fn estimand(&self) -> &str {
        &self.estimand
    }

    /// Whom the treated are compared with, in words.
    #[must_use]
    pub fn comparison(&self) -> &str {
        &self.comparison
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// What happened to the rows.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The reach of a band that holds a whole curve with probability `1 - alpha`.
    fn reach(&self, rows: &[usize], alpha: f64, draws: u32, seed: Seed) -> f64 {
        let width = 2 * self.doses.len() + 2;
        let errors = self.std_errors();
        let point = normal_quantile(1.0 - alpha / 2.0);
        let used: Vec<usize> = rows.iter().copied().filter(|&at| errors[at] > 0.0).collect();
        let k = used.len();
        if k < 2 || draws < 100 {
            return point;
        }
        let correlation: Vec<f64> = (0..k * k)
            .map(|at| (used[at / k], used[at % k]))
            .map(|(i, j)| self.vcov[i * width + j] / (errors[i] * errors[j]))
            .collect();
        let factor =
            crate::math::linalg::with_eigenvalues(&correlation, k, |value| value.max(0.0).sqrt());
        let mut z = vec![0.0; k];
        let mut largest: Vec<f64> = (0..draws)
            .map(|draw| {
                normals(seed, u64::from(draw), &mut z);
                factor
                    .chunks_exact(k)
                    .map(|line| line.iter().zip(&z).map(|(a, b)| a * b).sum::<f64>().abs())
                    .fold(0.0, f64::max)
            })
            .collect();
        largest.sort_by(f64::total_cmp);
        let at = ((1.0 - alpha) * f64::from(draws)).ceil() as usize;
        largest[at.clamp(1, largest.len()) - 1].max(point)
    }

    /// One row a dose, and a last one for the means (`dose` missing).
    ///
    /// Columns: `dose`, `level`, `level_error`, `level_low`, `level_high` (pointwise),
    /// `level_band_low`, `level_band_high` (the whole curve), and the same of `slope`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `alpha`.
    pub fn tidy(&self, alpha: f64, draws: u32, seed: Seed) -> Result<Table, EvaluateError> {
        Effects::check_alpha(alpha)?;
        let (m, errors) = (self.doses.len(), self.std_errors());
        let point = normal_quantile(1.0 - alpha / 2.0);
        let known = |values: Vec<f64>| {
            let values: Vec<Option<f64>> =
                values.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect();
            Column::floats(&values)
        };
        let dose: Vec<Option<f64>> = self.doses.iter().copied().map(Some).chain([None]).collect();
        let mut columns = vec![("dose", Column::floats(&dose))];
        let names = [
            [
                "level",
                "level_error",
                "level_low",
                "level_high",
                "level_band_low",
                "level_band_high",
            ],
            [
                "slope",
                "slope_error",
                "slope_low",
                "slope_high",
                "slope_band_low",
                "slope_band_high",
            ],
        ];
        for (side, own) in names.into_iter().enumerate() {
            let curve = if side == 0 { &self.levels } else { &self.slopes };
            let values: Vec<f64> = curve.iter().copied().chain([self.overall[side]]).collect();
            let rows: Vec<usize> = (side * m..(side + 1) * m).collect();
            let own_errors: Vec<f64> =
                rows.iter().copied().chain([2 * m + side]).map(|at| errors[at]).collect();
            let band = self.reach(&rows, alpha, draws, seed);
            let bound = |reach: f64, last: f64| {
                let reach = |at: usize| if at == m { last } else { reach };
                let pairs = values.iter().zip(&own_errors).enumerate();
                known(pairs.map(|(at, (value, se))| value + reach(at) * se).collect())
            };
            columns.push((own[0], known(values.clone())));
            columns.push((own[2], bound(-point, -point)));
            columns.push((own[3], bound(point, point)));
            columns.push((own[4], bound(-band, -point)));
            columns.push((own[5], bound(band, point)));
            columns.push((own[1], known(own_errors)));
        }
        Table::new(columns).map_err(|error: DataError| error.into())
    }
}
