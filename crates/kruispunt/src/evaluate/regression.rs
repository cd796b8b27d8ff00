//! Regressions with unit and period effects and a dummy for sets of cells.
//!
//! Unit effects are swept out exactly within each profile, so that a system of the size of the
//! dummies and periods remains; residuals stay linear in outcomes.

use super::callaway::{Cell, Shares, blank, cells, lone};
use super::influence::{Coefficients, Linear, covariance};
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Base, Controls, Did, EvaluateError, Method};
use crate::data::{By, Effect, Effects, Panel, Ticket};
use crate::math::linalg::Triangle;

/// Share of itself a dummy must keep beside the others.
const COLLINEAR: f64 = 1e-10;
pub(super) const DETERMINED: &str = "unit and period effects and the other cells determine it";

/// What an outcome of a cohort in a period is to the regression.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It takes no part.
    Out,
    /// It has no dummy.
    Plain,
    /// It has this dummy.
    Dummy(usize),
}

/// A fitted regression.
pub(super) struct Regression<'a> {
    sample: &'a Sample,
    /// By cohort and period.
    classes: Vec<Class>,
    pub(super) n_dummies: usize,
    /// Coefficients of periods, then of dummies; 0 where dropped.
    coef: Vec<f64>,
    /// Inverse of the normal matrix, rows of dropped columns zero.
    inverse: Vec<f64>,
    kept: Vec<bool>,
    /// Columns whose coefficient rests on which others were dropped.
    open: Vec<usize>,
    /// Where the dummies stand among the estimates.
    first: usize,
    scale: f64,
    n_obs: usize,
}

impl<'a> Regression<'a> {
    /// Fits by weighted least squares.
    pub(super) fn fit(
        sample: &'a Sample,
        n_dummies: usize,
        first: usize,
        class: impl Fn(usize, usize) -> Class,
    ) -> Self {
        let t = sample.n_periods();
        let classes = (0..sample.starts.len() * t).map(|at| class(at / t, at % t)).collect();
        let size = t + n_dummies;
        let mut own = Self {
            sample,
            classes,
            n_dummies,
            coef: vec![0.0; size],
            inverse: vec![0.0; size * size],
            kept: vec![false; size],
            open: Vec::new(),
            first,
            scale: 1.0,
            n_obs: 0,
        };
        let (mut normal, mut right, mut raw) =
            (vec![0.0; size * size], vec![0.0; size], vec![0.0; size]);
        for profile in &sample.profiles {
            own.add(profile, &mut normal, &mut right, &mut raw);
        }
        let triangle = Triangle::cholesky(&normal, &raw, COLLINEAR);
        let kept: Vec<f64> = triangle.kept.iter().map(|&at| right[at]).collect();
        for (value, &at) in triangle.solve(&kept).iter().zip(&triangle.kept) {
            own.coef[at] = *value;
            own.kept[at] = true;
        }
        own.open = undetermined(&normal, &triangle);
        let (inverse, m) = (triangle.inverse(), triangle.kept.len());
        for (i, &row) in triangle.kept.iter().enumerate() {
            for (j, &column) in triangle.kept.iter().enumerate() {
                own.inverse[row * size + column] = inverse[i * m + j];
            }
        }
        own
    }

    /// With the small-sample correction (N - 1)/(N - K) x G/(G - 1) of regressions with clusters,
    /// unit effects nested in the clusters.
    pub(super) fn corrected(mut self) -> Self {
        let (n, g) = (self.n_obs as f64, self.sample.n_clusters as f64);
        // the period that is dropped beside unit effects stands for their level
        let k = self.kept.iter().filter(|kept| **kept).count() as f64 + 1.0;
        if n > k && g > 1.0 {
            self.scale = ((n - 1.0) / (n - k) * g / (g - 1.0)).sqrt();
        }
        self
    }

    /// Without the dummies that the data do not determine: where all cohorts are treated, dropping
    /// one dummy of a period would leave the others as differences from it.
    pub(super) fn determined(mut self) -> Self {
        for &at in &self.open {
            self.kept[at] = false;
        }
        self
    }

    /// Periods of a profile that take part, with the places of their regressors.
    fn places(&self, profile: &Profile) -> Vec<(usize, Option<usize>)> {
        let t = self.sample.n_periods();
        (0..t)
            .filter(|&at| profile.present[at])
            .filter_map(|at| match self.classes[profile.cohort * t + at] {
                Class::Out => None,
                Class::Plain => Some((at, None)),
                Class::Dummy(dummy) => Some((at, Some(t + dummy))),
            })
            .collect()
    }

    /// Each regressor of a profile with the number of periods in which it is 1.
    fn counts(places: &[(usize, Option<usize>)]) -> Vec<(usize, f64)> {
        let mut all: Vec<usize> =
            places.iter().flat_map(|&(at, dummy)| std::iter::once(at).chain(dummy)).collect();
        all.sort_unstable();
        all.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)).collect()
    }

    fn add(&mut self, profile: &Profile, normal: &mut [f64], right: &mut [f64], raw: &mut [f64]) {
        let places = self.places(profile);
        if places.is_empty() {
            return;
        }
        self.n_obs += places.len() * profile.len();
        let (size, n, weight) = (right.len(), places.len() as f64, profile.weight);
        let mean = places.iter().map(|&(at, _)| profile.mean[at]).sum::<f64>() / n;
        for &(at, dummy) in &places {
            for row in std::iter::once(at).chain(dummy) {
                right[row] += weight * (profile.mean[at] - mean);
                raw[row] += weight;
                for column in std::iter::once(at).chain(dummy) {
                    normal[row * size + column] += weight;
                }
            }
        }
        let counts = Self::counts(&places);
        for &(row, one) in &counts {
            for &(column, other) in &counts {
                normal[row * size + column] -= weight * one * other / n;
            }
        }
    }

    pub(super) fn coefficient(&self, dummy: usize) -> Option<f64> {
        let at = self.sample.n_periods() + dummy;
        self.kept[at].then(|| self.coef[at])
    }

    /// The effect of a period.
    pub(super) fn period(&self, at: usize) -> f64 {
        self.coef[at]
    }

    /// The influence of a profile's units on the coefficients of the dummies.
    pub(super) fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        let (t, size) = (self.sample.n_periods(), self.coef.len());
        let places = self.places(profile);
        if places.len() < 2 {
            return;
        }
        let counts = Self::counts(&places);
        let fitted = |&(at, dummy): &(usize, Option<usize>)| {
            self.coef[at] + dummy.map_or(0.0, |dummy| self.coef[dummy])
        };
        let left: Vec<f64> =
            places.iter().map(|place| profile.mean[place.0] - fitted(place)).collect();
        for dummy in (0..self.n_dummies).filter(|dummy| self.kept[t + dummy]) {
            let line = &self.inverse[(t + dummy) * size..(t + dummy + 1) * size];
            let mean = counts.iter().map(|&(at, count)| line[at] * count).sum::<f64>()
                / places.len() as f64;
            let row = out.push(self.first + dummy);
            let mut constant = 0.0;
            for (&(at, own), left) in places.iter().zip(&left) {
                let value = self.scale * (line[at] + own.map_or(0.0, |own| line[own]) - mean);
                row[at] = value;
                constant += value * left;
            }
            row[t] = constant;
        }
    }
}

/// Kept columns whose coefficients would change if a dropped one had another: their values are a
/// matter of which column was dropped. Columns are of the order of 1.
pub(super) fn undetermined(normal: &[f64], triangle: &Triangle) -> Vec<usize> {
    const MOVES: f64 = 1e-6;
    let size = triangle.kept.len() + triangle.dropped.len();
    let mut open = vec![false; size];
    for &out in &triangle.dropped {
        let right: Vec<f64> = triangle.kept.iter().map(|&at| normal[at * size + out]).collect();
        for (value, &at) in triangle.solve(&right).iter().zip(&triangle.kept) {
            open[at] |= value.abs() > MOVES;
        }
    }
    (0..size).filter(|&at| open[at]).collect()
}

/// Shares of cells among treated unit-periods: of cohorts when every unit is seen in all periods.
pub(super) enum CellShares {
    Cohorts(Shares),
    Cells { places: Vec<(usize, usize)>, values: Vec<f64>, total: f64 },
}

impl CellShares {
    pub(super) fn new(sample: &Sample, plan: &[Cell]) -> Self {
        if sample.profiles.iter().all(|own| own.present.iter().all(|seen| *seen)) {
            return Self::Cohorts(Shares::new(sample));
        }
        let total = sample.total();
        let of = |cell: &Cell| {
            let own = |own: &&Profile| own.cohort == cell.cohort && own.present[cell.t];
            sample.profiles.iter().filter(own).map(|own| own.weight).sum::<f64>() / total
        };
        Self::Cells {
            places: plan.iter().map(|cell| (cell.cohort, cell.t)).collect(),
            values: plan.iter().map(of).collect(),
            total,
        }
    }

    pub(super) fn values(&self) -> &[f64] {
        match self {
            Self::Cohorts(shares) => shares.values(),
            Self::Cells { values, .. } => values,
        }
    }

    /// Which share each cell has.
    pub(super) fn of(&self, plan: &[Cell]) -> Vec<u32> {
        match self {
            Self::Cohorts(_) => plan.iter().map(|cell| cell.cohort as u32).collect(),
            Self::Cells { .. } => (0..plan.len() as u32).collect(),
        }
    }

    pub(super) fn fill(&self, first: usize, profile: &Profile, out: &mut Coefficients) {
        match self {
            Self::Cohorts(shares) => shares.fill(first, profile, out),
            Self::Cells { places, total, .. } => {
                // means do not change when all shares grow alike, so that what is common to all
                // units can be left out
                for (at, &(cohort, t)) in places.iter().enumerate() {
                    if profile.cohort == cohort
                        && profile.present[t]
                        && let Some(constant) = out.push(first + at).last_mut()
                    {
                        *constant = 1.0 / total;
                    }
                }
            }
        }
    }
}

/// A regression and the shares of its cells.
struct Saturated<'a> {
    regression: Regression<'a>,
    shares: &'a CellShares,
    n_cells: usize,
    fixed: bool,
}

impl Linear for Saturated<'_> {
    fn width(&self) -> usize {
        self.n_cells + self.shares.values().len()
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        self.regression.fill(profile, out);
        if !self.fixed {
            self.shares.fill(self.n_cells, profile, out);
        }
    }
}

/// Which outcomes have a dummy, and the rows of the cells before they are estimated.
pub(super) struct Layout {
    pub(super) plan: Vec<Cell>,
    pub(super) rows: Vec<Effect>,
    /// By cohort and period.
    pub(super) place: Vec<Class>,
    pub(super) wording: Texts,
}

impl Layout {
    pub(super) fn new(did: &Did, sample: &Sample) -> Self {
        let sa = did.method == Method::SunAbraham;
        let never = sample.profiles.iter().any(|own| sample.starts[own.cohort] == NEVER);
        let all_leads = sa || did.controls == Some(Controls::Never);
        let anticipation = i64::from(did.anticipation);
        let mut plan = cells(sample, Base::Universal, did.anticipation);
        plan.retain(|cell| {
            all_leads
                || i64::from(sample.periods[cell.t]) + anticipation
                    >= i64::from(sample.starts[cell.cohort])
        });
        // without a never treated group the last cohort stands in, until it is treated
        let stand_in = if never || !all_leads {
            None
        } else {
            let last = |own: &&Profile| sample.starts[own.cohort] != NEVER;
            sample.profiles.iter().filter(last).map(|own| own.cohort).max()
        };
        let ends = |cohort: usize| i64::from(sample.starts[cohort]) - anticipation;
        let mut place = vec![Class::Plain; sample.starts.len() * sample.n_periods()];
        let mut rows: Vec<Effect> = plan.iter().map(|cell| blank(sample, cell)).collect();
        for cohort in 0..sample.starts.len() {
            for t in 0..sample.n_periods() {
                let now = i64::from(sample.periods[t]);
                let early = ends(cohort) <= i64::from(sample.periods[0]);
                let beyond = stand_in.is_some_and(|last| now >= ends(last));
                if early || beyond {
                    place[cohort * sample.n_periods() + t] = Class::Out;
                }
            }
        }
        for (at, (cell, row)) in plan.iter().zip(&mut rows).enumerate() {
            let slot = &mut place[cell.cohort * sample.n_periods() + cell.t];
            if cell.base == Some(cell.t) {
                row.estimate = 0.0;
            } else if Some(cell.cohort) == stand_in {
                *row = not_estimable(
                    row.clone(),
                    "the last cohort to be treated stands in as control",
                );
            } else if *slot == Class::Out {
                let reason = if cell.base.is_none() {
                    "no period before treatment to compare with"
                } else {
                    "no unit is still untreated"
                };
                *row = not_estimable(row.clone(), reason);
            } else {
                *slot = Class::Dummy(at);
            }
        }
        let wording = texts(did, sa, all_leads, stand_in.is_some(), sample);
        Self { plan, rows, place, wording }
    }
}

/// Sun & Abraham, and the extended two-way regression.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("regression", 0);
    let Layout { plan, mut rows, place, wording } = Layout::new(did, sample);
    let fixed = did.method != Method::SunAbraham;
    let n_periods = sample.n_periods();
    let class = |cohort: usize, t: usize| place[cohort * n_periods + t];
    let regression = Regression::fit(sample, plan.len(), 0, class).corrected().determined();
    let coefficient = |at: usize| regression.coefficient(at);
    let mass = fill_rows(sample, &plan, &place, coefficient, &mut rows);
    let shares = CellShares::new(sample, &plan);
    let linear = Saturated { regression, shares: &shares, n_cells: plan.len(), fixed };
    let joint = covariance(sample, &linear, ticket)?;
    let found = Estimates {
        by: By::Cells,
        rows,
        mass,
        share_of: shares.of(&plan),
        shares: shares.values().to_vec(),
        joint,
    };
    assemble(did, panel, sample, wording, found)
}

/// Estimates and counts of the cells with a dummy; gives the weight of each cell.
pub(super) fn fill_rows(
    sample: &Sample,
    plan: &[Cell],
    place: &[Class],
    coefficient: impl Fn(usize) -> Option<f64>,
    rows: &mut [Effect],
) -> Vec<f64> {
    let class_of = |cohort: usize, t: usize| place[cohort * sample.n_periods() + t];
    let clusters = sample.cohort_clusters();
    let mut mass = Vec::with_capacity(plan.len());
    for (at, (cell, row)) in plan.iter().zip(rows).enumerate() {
        let (mut weight, mut treated, mut control) = (0.0, 0, 0);
        for profile in sample.profiles.iter().filter(|own| own.present[cell.t]) {
            if profile.cohort == cell.cohort {
                weight += profile.weight;
                treated += profile.len() as u64;
            } else if !sample.treated(profile.cohort, cell.t)
                && class_of(profile.cohort, cell.t) == Class::Plain
            {
                control += profile.len() as u64;
            }
        }
        mass.push(weight);
        if class_of(cell.cohort, cell.t) != Class::Dummy(at) {
            continue;
        }
        (row.n_treated, row.n_control) = (treated, control);
        match coefficient(at) {
            Some(value) => {
                row.estimate = value;
                row.status = lone(sample, row, &clusters, cell);
            }
            None if treated == 0 => {
                *row = not_estimable(row.clone(), "no unit of the cohort is seen in the period");
            }
            None if control == 0 => *row = not_estimable(row.clone(), "no unit is still untreated"),
            None => *row = not_estimable(row.clone(), DETERMINED),
        }
    }
    mass
}

fn texts(did: &Did, sa: bool, all_leads: bool, stand_in: bool, sample: &Sample) -> Texts {
    let comparison = match (all_leads, stand_in) {
        (_, true) => "the last cohort to be treated, before it is",
        (true, false) => "units not treated in any period of the panel",
        (false, false) => "all outcomes before treatment",
    };
    let method = if sa { "Sun & Abraham" } else { "extended two-way regression" };
    let method = format!("{method}{}", super::nonlinear::given(did));
    let anticipation = match did.anticipation {
        0 => String::new(),
        n => format!(", with {n} periods of anticipation"),
    };
    Texts {
        method,
        estimand: "average effect on the treated, by cohort and period".to_owned(),
        comparison: format!("{comparison}{anticipation}"),
        df: Some(sample.n_clusters as f64 - 1.0),
        notes: Vec::new(),
        cautions: Vec::new(),
    }
}
