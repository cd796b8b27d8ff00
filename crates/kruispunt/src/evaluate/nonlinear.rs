//! Extended two-way regressions of counts and shares.
//!
//! Wooldridge (2023, *Econometrics Journal* 26(3), C31-C66): parallel trends hold for an index,
//!
//! ```text
//! E[Y_t(never) | cohort g] = G(b_g + c_t),      G = exp, or the logistic function,
//! ```
//!
//! so untreated outcomes alone give b and c, and the effect of a treated cell is its mean outcome
//! less what the index says. All units of a cell share the index, so cell means are enough, and
//! the influence of a unit stays linear in its outcomes.

use super::callaway::{Cell, blank, cells, lone};
use super::influence::{Coefficients, Linear, covariance};
use super::regression::CellShares;
use super::result::{Estimates, Texts, assemble, not_estimable};
use super::sample::{NEVER, Profile, Sample};
use super::{Base, Controls, Did, EvaluateError, Family};
use crate::data::{By, Effect, Effects, Panel, Ticket};
use crate::math::linalg::Triangle;

const NO_BASE: &str = "no period before treatment to compare with";
const NO_CONTROL: &str = "no unit is still untreated";
const APART: &str = "its untreated outcomes share no period with those of the others";

/// What the outcomes of a cohort in a period are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Out,
    /// They tell the index of the untreated.
    Untreated,
    /// Their mean is compared with it: the place in the plan.
    Treated(usize),
}

impl Family {
    pub(super) fn mean(self, index: f64) -> f64 {
        match self {
            Self::Poisson => libm::exp(index),
            Self::Logit => 1.0 / (1.0 + libm::exp(-index)),
            Self::Linear => index,
        }
    }

    pub(super) fn slope(self, mean: f64) -> f64 {
        match self {
            Self::Poisson => mean,
            Self::Logit => mean * (1.0 - mean),
            Self::Linear => 1.0,
        }
    }

    /// Whether a mean has no finite index.
    pub(super) fn is_extreme(self, mean: f64) -> bool {
        match self {
            Self::Poisson => mean <= 0.0,
            Self::Logit => mean <= 0.0 || mean >= 1.0,
            Self::Linear => false,
        }
    }

    pub(super) fn index(self, mean: f64) -> f64 {
        match self {
            Self::Poisson => libm::log(mean),
            Self::Logit => libm::log(mean / (1.0 - mean)),
            Self::Linear => mean,
        }
    }

    /// The integral of the mean over the index.
    pub(super) fn cumulant(self, eta: f64) -> f64 {
        match self {
            Self::Poisson => libm::exp(eta),
            Self::Logit if eta > 0.0 => eta + libm::log1p(libm::exp(-eta)),
            Self::Logit => libm::log1p(libm::exp(eta)),
            Self::Linear => eta * eta / 2.0,
        }
    }

    fn allows(self, outcome: f64) -> bool {
        match self {
            Self::Poisson => outcome >= 0.0,
            Self::Logit => (0.0..=1.0).contains(&outcome),
            Self::Linear => true,
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Poisson => "outcomes of 0 or more (family \"poisson\")",
            Self::Logit => "outcomes from 0 to 1 (family \"logit\")",
            Self::Linear => "numbers",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Poisson => "extended two-way Poisson regression",
            Self::Logit => "extended two-way logit",
            Self::Linear => "extended two-way regression",
        }
    }
}

/// Weights and means by cohort and period.
pub(super) struct Table {
    pub(super) weight: Vec<f64>,
    pub(super) mean: Vec<f64>,
    pub(super) uses: Vec<Use>,
    periods: usize,
}

impl Table {
    pub(super) fn of(sample: &Sample, uses: Vec<Use>) -> Self {
        let (periods, size) = (sample.n_periods(), sample.starts.len() * sample.n_periods());
        let (mut weight, mut mean) = (vec![0.0; size], vec![0.0; size]);
        for own in &sample.profiles {
            for at in (0..periods).filter(|&at| own.present[at]) {
                let cell = own.cohort * periods + at;
                weight[cell] += own.weight;
                mean[cell] += own.weight * own.mean[at];
            }
        }
        for (mean, weight) in mean.iter_mut().zip(&weight).filter(|(_, weight)| **weight > 0.0) {
            *mean /= weight;
        }
        Self { weight, mean, uses, periods }
    }

    pub(super) fn untreated(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let periods = self.periods;
        (0..self.uses.len())
            .filter(|&at| self.uses[at] == Use::Untreated && self.weight[at] > 0.0)
            .map(move |at| (at, at / periods, at % periods))
    }

    /// Takes out cohorts and periods whose untreated outcomes are all at the edge: their index is
    /// infinite. Says which.
    pub(super) fn settle(&mut self, family: Family, cohorts: usize) -> Vec<bool> {
        let mut edge = vec![false; cohorts + self.periods];
        loop {
            let mut sums = vec![[0.0; 2]; cohorts + self.periods];
            for (at, cohort, t) in self.untreated() {
                for place in [cohort, cohorts + t] {
                    sums[place][0] += self.weight[at];
                    sums[place][1] += self.weight[at] * self.mean[at];
                }
            }
            let found: Vec<usize> = (0..sums.len())
                .filter(|&at| sums[at][0] > 0.0 && family.is_extreme(sums[at][1] / sums[at][0]))
                .collect();
            if found.is_empty() {
                return edge;
            }
            for place in found {
                edge[place] = true;
                for at in 0..self.uses.len() {
                    let own = [at / self.periods, cohorts + at % self.periods];
                    if own.contains(&place) && self.uses[at] == Use::Untreated {
                        self.uses[at] = Use::Out;
                    }
                }
            }
        }
    }
}

impl Table {
    /// Cohorts, then periods, with the first place that untreated outcomes tie each to.
    pub(super) fn tied(&self, cohorts: usize) -> Vec<usize> {
        let mut group: Vec<usize> = (0..cohorts + self.periods).collect();
        loop {
            let mut changed = false;
            for (_, cohort, t) in self.untreated() {
                let least = group[cohort].min(group[cohorts + t]);
                changed |= group[cohort] != least || group[cohorts + t] != least;
                (group[cohort], group[cohorts + t]) = (least, least);
            }
            if !changed {
                return group;
            }
        }
    }

    /// Why a cell has no effect.
    pub(super) fn lack(&self, cell: &Cell, edge: &[bool], group: &[usize]) -> Option<&'static str> {
        let at = cell.cohort * self.periods + cell.t;
        let cohorts = edge.len() - self.periods;
        let told = |place: usize| {
            self.untreated().any(|(_, cohort, t)| [cohort, cohorts + t].contains(&place))
        };
        let [own, period] = [cell.cohort, cohorts + cell.t];
        if self.weight[at] == 0.0 {
            Some("no unit of the cohort is seen in the period")
        } else if edge[own] {
            Some(
                "all outcomes of the cohort before treatment are at the edge: its index is infinite",
            )
        } else if edge[period] {
            Some("all untreated outcomes of the period are at the edge: its index is infinite")
        } else if self.uses[at] == Use::Out || !told(own) {
            Some(NO_BASE)
        } else if !told(period) {
            Some(NO_CONTROL)
        } else if group[own] != group[period] {
            Some(APART)
        } else {
            None
        }
    }

    /// Counts the units that a cell compares.
    pub(super) fn count(&self, sample: &Sample, cell: &Cell, row: &mut Effect) {
        for profile in sample.profiles.iter().filter(|own| own.present[cell.t]) {
            if profile.cohort == cell.cohort {
                row.n_treated += profile.len() as u64;
            } else if self.uses[profile.cohort * self.periods + cell.t] == Use::Untreated {
                row.n_control += profile.len() as u64;
            }
        }
    }
}

/// The index of the untreated.
struct Index<'a> {
    sample: &'a Sample,
    table: Table,
    family: Family,
    cohorts: usize,
    /// Cohorts, then periods.
    coef: Vec<f64>,
    /// Inverse of the information, zero where dropped.
    inverse: Vec<f64>,
    /// Which places depend on each other through untreated outcomes.
    group: Vec<usize>,
    shares: &'a CellShares,
    n_cells: usize,
    /// Cells with an effect.
    known: Vec<Option<(usize, usize)>>,
    scale: f64,
}

impl Index<'_> {
    const fn places(&self, cohort: usize, t: usize) -> [usize; 2] {
        [cohort, self.cohorts + t]
    }

    fn eta(&self, cohort: usize, t: usize) -> f64 {
        self.places(cohort, t).iter().map(|&at| self.coef[at]).sum()
    }

    /// Newton's method on cell means.
    fn fit(&mut self) -> Result<(), EvaluateError> {
        const STEPS: usize = 100;
        let size = self.coef.len();
        for (at, cohort, _) in self.table.untreated() {
            // a first guess: the index of the cohort's mean
            let own: Vec<usize> =
                self.table.untreated().filter(|cell| cell.1 == cohort).map(|cell| cell.0).collect();
            let total: f64 = own.iter().map(|&at| self.table.weight[at]).sum();
            let sum: f64 = own.iter().map(|&at| self.table.weight[at] * self.table.mean[at]).sum();
            debug_assert!(own.contains(&at));
            self.coef[cohort] = self.family.index(sum / total);
        }
        let mut now = self.loss(&self.coef);
        for _ in 0..STEPS {
            let (mut information, mut score) = (vec![0.0; size * size], vec![0.0; size]);
            for (at, cohort, t) in self.table.untreated() {
                let mean = self.family.mean(self.eta(cohort, t));
                let weight = self.table.weight[at];
                for row in self.places(cohort, t) {
                    score[row] += weight * (self.table.mean[at] - mean);
                    for column in self.places(cohort, t) {
                        information[row * size + column] += weight * self.family.slope(mean);
                    }
                }
            }
            let raw: Vec<f64> = (0..size).map(|at| information[at * size + at]).collect();
            let triangle = Triangle::cholesky(&information, &raw, 1e-11);
            let kept: Vec<f64> = triangle.kept.iter().map(|&at| score[at]).collect();
            let step = triangle.solve(&kept);
            let mut part = 1.0;
            loop {
                let mut next = self.coef.clone();
                for (value, &at) in step.iter().zip(&triangle.kept) {
                    next[at] += part * value;
                }
                let then = self.loss(&next);
                if then.is_finite() && then <= now + 1e-12 * now.abs().max(1.0) {
                    (self.coef, now) = (next, then);
                    break;
                }
                part /= 2.0;
                if part < 1e-8 {
                    return Err(Self::unsolved());
                }
            }
            let largest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            if self.coef.iter().any(|value| value.abs() > 300.0) {
                return Err(Self::unsolved());
            }
            if largest < 1e-11 {
                self.invert(&triangle);
                return Ok(());
            }
        }
        Err(Self::unsolved())
    }

    const fn unsolved() -> EvaluateError {
        EvaluateError::NoSolution {
            what: "the index of the untreated",
            why: "some cohort or period predicts the untreated outcomes perfectly",
        }
    }

    fn invert(&mut self, triangle: &Triangle) {
        let (size, m, inverse) = (self.coef.len(), triangle.kept.len(), triangle.inverse());
        self.inverse = vec![0.0; size * size];
        for (i, &row) in triangle.kept.iter().enumerate() {
            for (j, &column) in triangle.kept.iter().enumerate() {
                self.inverse[row * size + column] = inverse[i * m + j];
            }
        }
    }

    /// The negative log-likelihood, up to a constant.
    fn loss(&self, coef: &[f64]) -> f64 {
        self.table
            .untreated()
            .map(|(at, cohort, t)| {
                let eta: f64 = self.places(cohort, t).iter().map(|&at| coef[at]).sum();
                self.table.weight[at] * (self.family.cumulant(eta) - self.table.mean[at] * eta)
            })
            .sum()
    }

    /// Outcomes and parameters of the regression.
    fn size(&self) -> (f64, f64) {
        let t = self.table.periods;
        let mut n = 0;
        for own in &self.sample.profiles {
            let used = |&at: &usize| {
                own.present[at]
                    && match self.table.uses[own.cohort * t + at] {
                        Use::Untreated => true,
                        Use::Treated(id) => self.known[id].is_some(),
                        Use::Out => false,
                    }
            };
            n += (0..t).filter(used).count() * own.len();
        }
        let size = self.coef.len();
        let kept = (0..size).filter(|at| self.inverse[at * size + at] > 0.0).count();
        let k = kept + self.known.iter().flatten().count();
        (n as f64, k as f64)
    }
}

impl Linear for Index<'_> {
    fn width(&self) -> usize {
        self.n_cells + self.shares.values().len()
    }

    fn fill(&self, profile: &Profile, out: &mut Coefficients) {
        let (t, size) = (self.table.periods, self.coef.len());
        let used: Vec<usize> = (0..t)
            .filter(|&at| profile.present[at])
            .filter(|&at| self.table.uses[profile.cohort * t + at] == Use::Untreated)
            .collect();
        for (id, cell) in self.known.iter().enumerate() {
            let Some((cohort, period)) = *cell else { continue };
            let own = cohort == profile.cohort && profile.present[period];
            let tied = used.iter().any(|_| self.group[profile.cohort] == self.group[cohort]);
            if !own && !tied {
                continue;
            }
            let row = out.push(id);
            let mut constant = 0.0;
            if own {
                let at = cohort * t + period;
                let value = self.scale / self.table.weight[at];
                row[period] += value;
                constant += value * (profile.mean[period] - self.table.mean[at]);
            }
            let slope = self.family.slope(self.family.mean(self.eta(cohort, period)));
            for &at in &used {
                let mut lever = 0.0;
                for left in self.places(cohort, period) {
                    for right in self.places(profile.cohort, at) {
                        lever += self.inverse[left * size + right];
                    }
                }
                let value = -self.scale * slope * lever;
                row[at] += value;
                constant +=
                    value * (profile.mean[at] - self.family.mean(self.eta(profile.cohort, at)));
            }
            row[t] = constant;
        }
        debug_assert!(self.sample.n_periods() == t);
    }
}

pub(super) fn check(did: &Did, panel: &Panel, sample: &Sample) -> Result<(), EvaluateError> {
    let column = panel.column("outcome", &did.outcome)?;
    let values = column.to_floats("outcome", &did.outcome)?;
    let bad = |row: &usize| !did.extra.family().allows(values[*row]);
    match (0..sample.n_units()).flat_map(|unit| sample.rows_of(unit)).filter(bad).min() {
        None => Ok(()),
        Some(row) => Err(EvaluateError::OutOfRange {
            argument: "outcome",
            column: did.outcome.clone(),
            row,
            expected: did.extra.family().expected(),
        }),
    }
}

/// The cells, and what each cohort and period is for.
pub(super) fn place(did: &Did, sample: &Sample) -> (Vec<Cell>, Vec<Use>) {
    let all_leads = did.controls == Some(Controls::Never);
    let ahead = i64::from(did.anticipation);
    let mut plan = cells(sample, Base::Universal, did.anticipation);
    plan.retain(|cell| {
        all_leads
            || i64::from(sample.periods[cell.t]) + ahead >= i64::from(sample.starts[cell.cohort])
    });
    let t = sample.n_periods();
    let first = i64::from(sample.periods.first().copied().unwrap_or(NEVER));
    let mut uses = vec![Use::Untreated; sample.starts.len() * t];
    for (cohort, &start) in sample.starts.iter().enumerate() {
        if i64::from(start) - ahead <= first {
            uses[cohort * t..(cohort + 1) * t].fill(Use::Out);
        }
    }
    for (at, cell) in plan.iter().enumerate() {
        let slot = &mut uses[cell.cohort * t + cell.t];
        if cell.base != Some(cell.t) && *slot != Use::Out {
            *slot = Use::Treated(at);
        }
    }
    (plan, uses)
}

/// Effects on counts or shares, in their own unit.
pub(super) fn fit(
    did: &Did,
    panel: &Panel,
    sample: &Sample,
    ticket: &Ticket,
) -> Result<Effects, EvaluateError> {
    ticket.stage("index of the untreated", 0);
    check(did, panel, sample)?;
    let family = did.extra.family();
    let (plan, uses) = place(did, sample);
    let cohorts = sample.starts.len();
    let mut table = Table::of(sample, uses);
    let edge = table.settle(family, cohorts);
    let group = table.tied(cohorts);
    let shares = CellShares::new(sample, &plan);
    let size = cohorts + sample.n_periods();
    let g = sample.n_clusters as f64;
    let mut index = Index {
        sample,
        table,
        family,
        cohorts,
        coef: vec![0.0; size],
        inverse: Vec::new(),
        group,
        shares: &shares,
        n_cells: plan.len(),
        known: vec![None; plan.len()],
        scale: 1.0,
    };
    index.fit()?;
    let rows = rows(sample, &plan, &mut index, &edge);
    // (N - 1) / (N - K) x G / (G - 1), as for the linear regression
    let (n, k) = index.size();
    if n > k && g > 1.0 {
        index.scale = ((n - 1.0) / (n - k) * g / (g - 1.0)).sqrt();
    }
    let mass = rows.iter().zip(&plan);
    let t = sample.n_periods();
    let mass = mass.map(|(_, cell)| index.table.weight[cell.cohort * t + cell.t]).collect();
    let joint = covariance(sample, &index, ticket)?;
    let found = Estimates {
        by: By::Cells,
        rows,
        mass,
        share_of: shares.of(&plan),
        shares: shares.values().to_vec(),
        joint,
    };
    assemble(did, panel, sample, texts(did, family), found)
}

pub(super) fn texts(did: &Did, family: Family) -> Texts {
    let whom = match did.controls {
        Some(Controls::Never) => "units not treated in any period of the panel",
        _ => "all outcomes before treatment",
    };
    let anticipation = match did.anticipation {
        0 => String::new(),
        n => format!(", with {n} periods of anticipation"),
    };
    let link = if family == Family::Poisson { "logarithms" } else { "log-odds" };
    Texts {
        method: format!("{}{}", family.words(), given(did)),
        estimand: "average effect on the treated in the unit of the outcome, by cohort and period"
            .to_owned(),
        comparison: format!("{whom}, trends parallel in {link} of means{anticipation}"),
        df: None,
        notes: Vec::new(),
        cautions: Vec::new(),
    }
}

/// The covariates, in words.
pub(super) fn given(did: &Did) -> String {
    if did.covariates.is_empty() {
        return String::new();
    }
    format!(" given {}", did.covariates.join(", "))
}

fn rows(sample: &Sample, plan: &[Cell], index: &mut Index<'_>, edge: &[bool]) -> Vec<Effect> {
    let clusters = sample.cohort_clusters();
    let t = sample.n_periods();
    let mut rows = Vec::with_capacity(plan.len());
    for (id, cell) in plan.iter().enumerate() {
        let mut row = blank(sample, cell);
        let at = cell.cohort * t + cell.t;
        if cell.base == Some(cell.t) {
            row.estimate = 0.0;
            rows.push(row);
            continue;
        }
        if let Some(reason) = index.table.lack(cell, edge, &index.group) {
            rows.push(not_estimable(row, reason));
            continue;
        }
        row.estimate = index.table.mean[at] - index.family.mean(index.eta(cell.cohort, cell.t));
        index.table.count(sample, cell, &mut row);
        row.status = lone(sample, &row, &clusters, cell);
        index.known[id] = Some((cell.cohort, cell.t));
        rows.push(row);
    }
    rows
}
