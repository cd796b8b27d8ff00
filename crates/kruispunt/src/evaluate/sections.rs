//! Comparisons of repeated cross-sections given covariates.
//!
//! Each row counts by itself, as one of four groups: treated or untreated (D), in the period of the
//! outcome or in the base period (T). Sant'Anna & Zhao (2020, *Journal of Econometrics* 219(1),
//! 101-122, section 2.2 and 3.2). With m1t, m0t the linear models of the treated and of the
//! untreated in period t, and o = p / (1 - p) the odds of being treated:
//!
//! ```text
//! regression   change of the treated - mean over all treated of m01(X) - m00(X)
//! weighting    change of the treated - change of the untreated, weighted by o(X)
//! doubly       change of y - m0(X) of the treated - the same of the untreated by o(X)
//!  robust      + [mean over all treated - over the treated of T = 1] of m11(X) - m01(X)
//!              - [mean over all treated - over the treated of T = 0] of m10(X) - m00(X)
//! ```
//!
//! The last two lines make it locally efficient: who the treated are is known from both periods.
//! The influence of a row is that of the means, and what it does to the models: the derivative of
//! the effect in their coefficients times the row's influence on these.

use super::Nuisance;
use super::callaway::{Cell, Rule, blank, lone};
use super::nuisance::{Covariates, Group, Influence, TRIM, add_outer, factorise, product};
use super::result::not_estimable;
use super::sample::{Profile, Sample};
use crate::data::Effect;
use crate::math::linalg::Triangle;
use std::sync::Arc;

/// The rows of one comparison, treated first.
struct Rows {
    group: Group,
    units: Vec<u32>,
    outcomes: Vec<f64>,
    /// Whether a row lies in the period of the outcome.
    late: Vec<bool>,
    k: usize,
}

/// A linear model fitted to some rows.
struct Line {
    gram: Triangle,
    coef: Vec<f64>,
}

/// A weighted mean.
#[derive(Clone, Copy)]
struct Mean {
    value: f64,
    total: f64,
}

/// The effect of one cell, and the influence of the rows on it.
pub(super) fn cell(
    sample: &Sample,
    covariates: &Covariates,
    rule: Rule,
    nuisance: Nuisance,
    cell: &Cell,
    clusters: &[usize],
) -> (Effect, Influence) {
    let mut row = blank(sample, cell);
    let Some(base) = cell.base else {
        let row = not_estimable(row, "no period before treatment to compare with");
        return (row, Influence::default());
    };
    if base == cell.t {
        row.estimate = 0.0;
        return (row, Influence::default());
    }
    let controls: Vec<bool> =
        (0..sample.starts.len()).map(|other| rule.allows(sample, cell, base, other)).collect();
    let rows = Rows::collect(sample, covariates, cell, base, &controls);
    let late = |from: usize, to: usize| rows.late[from..to].iter().filter(|late| **late).count();
    let (n1, n) = (rows.group.n_treated, rows.units.len());
    let (treated, control) = (late(0, n1), late(n1, n));
    (row.n_treated, row.n_control) = (treated as u64, control as u64);
    if treated == 0 || treated == n1 {
        let row = not_estimable(row, "no unit of the cohort is seen in both periods");
        return (row, Influence::default());
    }
    if control == 0 || control == n - n1 {
        return (not_estimable(row, rule.lack()), Influence::default());
    }
    let found = match nuisance {
        Nuisance::Regression => rows.by_regression(),
        Nuisance::Weighting => rows.by_weighting(),
        Nuisance::DoublyRobust => rows.doubly_robust(),
        Nuisance::Improved => rows.improved(),
    };
    match found {
        Err(reason) => (not_estimable(row, reason), Influence::default()),
        Ok((estimate, psi, trimmed)) => {
            row.estimate = estimate;
            row.status = lone(sample, &row, clusters, cell);
            let mass = (0..n1).filter(|&at| rows.late[at]).map(|at| rows.group.weights[at]).sum();
            (row, Influence { units: Arc::new(rows.units), psi, trimmed, mass })
        }
    }
}

type Found = Result<(f64, Vec<f64>, usize), &'static str>;

const UNTREATED: &str = "covariates are collinear among the untreated of one of the periods";
const TREATED: &str = "covariates are collinear among the treated of one of the periods";

impl Rows {
    fn collect(
        sample: &Sample,
        covariates: &Covariates,
        cell: &Cell,
        base: usize,
        controls: &[bool],
    ) -> Self {
        let (mut units, mut outcomes, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let (mut x, mut weights) = (Vec::new(), Vec::new());
        let mut add = |wanted: &dyn Fn(&Profile) -> bool| {
            for profile in sample.profiles.iter().filter(|own| wanted(own)) {
                for at in [cell.t, base].into_iter().filter(|&at| profile.present[at]) {
                    for &unit in &sample.members[profile.first..profile.last] {
                        covariates.push(sample, unit as usize, at, &mut x);
                        units.push(unit);
                        outcomes.push(sample.outcomes(unit as usize)[at]);
                        weights.push(sample.weight(unit as usize));
                        late.push(at == cell.t);
                    }
                }
            }
            units.len()
        };
        let n_treated = add(&|own| own.cohort == cell.cohort);
        add(&|own| controls[own.cohort]);
        let group = Group::of_rows(x, weights, n_treated);
        Self { group, units, outcomes, late, k: covariates.width() }
    }

    fn treated(&self, at: usize) -> bool {
        at < self.group.n_treated
    }

    /// Rows of the treated or the untreated in one of the periods.
    fn of(&self, treated: bool, late: bool) -> impl Iterator<Item = usize> + '_ {
        let n1 = self.group.n_treated;
        let own = if treated { 0..n1 } else { n1..self.units.len() };
        own.filter(move |&at| self.late[at] == late)
    }

    fn x(&self, at: usize) -> &[f64] {
        self.group.row(at, self.k)
    }

    /// Weighted least squares on some rows.
    fn line(
        &self,
        treated: bool,
        late: bool,
        weight: impl Fn(usize) -> f64,
    ) -> Result<Line, &'static str> {
        let k = self.k;
        let (mut gram, mut score) = (vec![0.0; k * k], vec![0.0; k]);
        for at in self.of(treated, late) {
            let (x, own) = (self.x(at), weight(at));
            add_outer(&mut gram, x, own);
            let value = own * self.outcomes[at];
            score.iter_mut().zip(x).for_each(|(slot, x)| *slot += value * x);
        }
        let gram = factorise(gram, k).ok_or(if treated { TREATED } else { UNTREATED })?;
        Ok(Line { coef: gram.solve(&score), gram })
    }

    fn mean(rows: impl Iterator<Item = (usize, f64)>, value: impl Fn(usize) -> f64) -> Mean {
        let (mut sum, mut total) = (0.0, 0.0);
        for (at, weight) in rows {
            sum += weight * value(at);
            total += weight;
        }
        Mean { value: sum / total, total }
    }

    /// The weighted mean of covariates.
    fn centre(&self, rows: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
        let (mut sums, mut total) = (vec![0.0; self.k], 0.0);
        for (at, weight) in rows {
            total += weight;
            sums.iter_mut().zip(self.x(at)).for_each(|(slot, x)| *slot += weight * x);
        }
        for slot in &mut sums {
            *slot /= total;
        }
        sums
    }

    /// The influence of rows on a mean, signed.
    fn spread(
        psi: &mut [f64],
        sign: f64,
        mean: Mean,
        rows: impl Iterator<Item = (usize, f64)>,
        value: impl Fn(usize) -> f64,
    ) {
        for (at, weight) in rows {
            psi[at] += sign * weight * (value(at) - mean.value) / mean.total;
        }
    }

    /// What a linear model's rows do to the effect through its coefficients.
    fn through(&self, psi: &mut [f64], line: &Line, treated: bool, late: bool, slope: &[f64]) {
        let lever = line.gram.solve(slope);
        for at in self.of(treated, late) {
            let left = self.outcomes[at] - product(self.x(at), &line.coef);
            psi[at] += self.group.weights[at] * left * product(self.x(at), &lever);
        }
    }

    fn weighted(&self, treated: bool, late: bool) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.of(treated, late).map(|at| (at, self.group.weights[at]))
    }

    fn all_treated(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        (0..self.group.n_treated).map(|at| (at, self.group.weights[at]))
    }

    fn by_regression(&self) -> Found {
        let weight = |at: usize| self.group.weights[at];
        let after = self.line(false, true, weight)?;
        let before = self.line(false, false, weight)?;
        let model =
            |at: usize| product(self.x(at), &after.coef) - product(self.x(at), &before.coef);
        let y = |at: usize| self.outcomes[at];
        let own = [true, false].map(|late| Self::mean(self.weighted(true, late), y));
        let other = Self::mean(self.all_treated(), model);
        let mut psi = vec![0.0; self.units.len()];
        Self::spread(&mut psi, 1.0, own[0], self.weighted(true, true), y);
        Self::spread(&mut psi, -1.0, own[1], self.weighted(true, false), y);
        Self::spread(&mut psi, -1.0, other, self.all_treated(), model);
        let centre = self.centre(self.all_treated());
        let against: Vec<f64> = centre.iter().map(|value| -value).collect();
        self.through(&mut psi, &after, false, true, &against);
        self.through(&mut psi, &before, false, false, &centre);
        Ok((own[0].value - own[1].value - other.value, psi, 0))
    }

    /// Odds of the untreated times their weights; none for the trimmed.
    fn odds(&self, p: &[f64]) -> (Vec<f64>, usize) {
        let own = |at: usize| {
            let out = self.treated(at) || p[at] >= TRIM;
            if out { 0.0 } else { self.group.weights[at] * p[at] / (1.0 - p[at]) }
        };
        let trimmed = p[self.group.n_treated..].iter().filter(|p| **p >= TRIM).count();
        ((0..p.len()).map(own).collect(), trimmed)
    }

    /// Changes of the treated less changes of the untreated by their odds, of what `value` leaves;
    /// with the influence of the means.
    fn difference(
        &self,
        odds: &[f64],
        value: &dyn Fn(usize) -> f64,
        psi: &mut [f64],
    ) -> Result<(f64, [Mean; 2]), &'static str> {
        let by_odds = |late: bool| self.of(false, late).map(|at| (at, odds[at]));
        let own = [true, false].map(|late| Self::mean(self.weighted(true, late), value));
        let other = [true, false].map(|late| Self::mean(by_odds(late), value));
        if other.iter().any(|mean| mean.total <= 0.0) {
            return Err("no untreated unit of one of the periods has a weight");
        }
        for (at, late) in [true, false].into_iter().enumerate() {
            let sign = if late { 1.0 } else { -1.0 };
            Self::spread(psi, sign, own[at], self.weighted(true, late), value);
            Self::spread(psi, -sign, other[at], by_odds(late), value);
        }
        let change = (own[0].value - own[1].value) - (other[0].value - other[1].value);
        Ok((change, other))
    }

    /// What the estimation of the odds does to the effect.
    fn through_odds(
        &self,
        psi: &mut [f64],
        (p, hessian): (&[f64], &Triangle),
        odds: &[f64],
        other: [Mean; 2],
        value: &dyn Fn(usize) -> f64,
    ) {
        let mut slope = vec![0.0; self.k];
        for (at, late) in [true, false].into_iter().enumerate() {
            let sign = if late { -1.0 } else { 1.0 };
            for row in self.of(false, late) {
                let pull = sign * odds[row] * (value(row) - other[at].value) / other[at].total;
                slope.iter_mut().zip(self.x(row)).for_each(|(slot, x)| *slot += pull * x);
            }
        }
        let lever = hessian.solve(&slope);
        for at in 0..psi.len() {
            let left = f64::from(u8::from(self.treated(at))) - p[at];
            psi[at] += self.group.weights[at] * left * product(self.x(at), &lever);
        }
    }

    fn by_weighting(&self) -> Found {
        let logit = self.group.fit_logit(self.k)?;
        let (odds, trimmed) = self.odds(&logit.p);
        let y = |at: usize| self.outcomes[at];
        let mut psi = vec![0.0; self.units.len()];
        let (estimate, other) = self.difference(&odds, &y, &mut psi)?;
        self.through_odds(&mut psi, (&logit.p, &logit.hessian), &odds, other, &y);
        Ok((estimate, psi, trimmed))
    }

    /// What knowing the treated of both periods adds; with the influence of the means.
    fn known(&self, own: &[Line; 2], other: &[Line; 2], psi: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (at, late) in [true, false].into_iter().enumerate() {
            let sign = if late { 1.0 } else { -1.0 };
            let model = |row: usize| {
                product(self.x(row), &own[at].coef) - product(self.x(row), &other[at].coef)
            };
            let all = Self::mean(self.all_treated(), model);
            let seen = Self::mean(self.weighted(true, late), model);
            Self::spread(psi, sign, all, self.all_treated(), model);
            Self::spread(psi, -sign, seen, self.weighted(true, late), model);
            sum += sign * (all.value - seen.value);
        }
        sum
    }

    fn doubly_robust(&self) -> Found {
        let weight = |at: usize| self.group.weights[at];
        let other = [self.line(false, true, weight)?, self.line(false, false, weight)?];
        let own = [self.line(true, true, weight)?, self.line(true, false, weight)?];
        let logit = self.group.fit_logit(self.k)?;
        let (odds, trimmed) = self.odds(&logit.p);
        let left = |at: usize| {
            let line = &other[usize::from(!self.late[at])];
            self.outcomes[at] - product(self.x(at), &line.coef)
        };
        let mut psi = vec![0.0; self.units.len()];
        let (change, means) = self.difference(&odds, &left, &mut psi)?;
        let estimate = change + self.known(&own, &other, &mut psi);
        self.through_odds(&mut psi, (&logit.p, &logit.hessian), &odds, means, &left);
        let all = self.centre(self.all_treated());
        for (at, late) in [true, false].into_iter().enumerate() {
            let sign = if late { 1.0 } else { -1.0 };
            let pulled = self.centre(self.of(false, late).map(|row| (row, odds[row])));
            let seen = self.centre(self.weighted(true, late));
            let apart = |a: &[f64], b: &[f64]| -> Vec<f64> {
                a.iter().zip(b).map(|(a, b)| sign * (a - b)).collect()
            };
            self.through(&mut psi, &other[at], false, late, &apart(&pulled, &all));
            self.through(&mut psi, &own[at], true, late, &apart(&all, &seen));
        }
        Ok((estimate, psi, trimmed))
    }

    /// Weights that balance the covariates, and regressions with them: estimating either does
    /// not move the effect at first order.
    fn improved(&self) -> Found {
        let balancing = self.group.balancing_odds(self.k)?;
        let by_odds = |at: usize| self.group.weights[at] * balancing[at];
        let other = [self.line(false, true, by_odds)?, self.line(false, false, by_odds)?];
        let weight = |at: usize| self.group.weights[at];
        let own = [self.line(true, true, weight)?, self.line(true, false, weight)?];
        let p: Vec<f64> = balancing.iter().map(|odds| odds / (1.0 + odds)).collect();
        let (odds, trimmed) = self.odds(&p);
        let left = |at: usize| {
            let line = &other[usize::from(!self.late[at])];
            self.outcomes[at] - product(self.x(at), &line.coef)
        };
        let mut psi = vec![0.0; self.units.len()];
        let (change, _) = self.difference(&odds, &left, &mut psi)?;
        let estimate = change + self.known(&own, &other, &mut psi);
        Ok((estimate, psi, trimmed))
    }
}
