//! Placebos, fixed shares, and refusals that are set aside.

use super::multiplier::{Multiplier, Multipliers};
use super::sample::{Kept, NEVER, cohorts};
use super::{Did, EvaluateError};
use crate::data::{Panel, Seed};

/// A treatment that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placebo {
    /// In time: treatment starts so many periods before it did, and outcomes from the true start
    /// on (with anticipation: from its first affected period on) are left out.
    Periods(u32),
    /// In a group: this column holds first periods for units that were never treated, such as the
    /// neighbours of the treated in the period in which those start; the treated are left out.
    Group(String),
}

/// Whether averages carry the estimation of the shares that weigh them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ShareRule {
    /// As the estimator says: estimated in all but imputation and the extended two-way regression.
    #[default]
    Own,
    /// Taken as known, as fixest's `sunab` does: standard errors of means are smaller.
    Fixed,
}

/// What trends are parallel in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Family {
    /// Means of outcomes.
    #[default]
    Linear,
    /// Logarithms of means: counts, amounts from 0 on. For the extended two-way regression.
    Poisson,
    /// Log-odds of means: shares and truth values. For the extended two-way regression.
    Logit,
}

/// A refusal that may be set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// [`EvaluateError::EligibilityDependsOnOutcome`].
    Eligibility,
}

/// What is asked beside outcome, cohorts and estimator.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    placebo: Option<Placebo>,
    shares: ShareRule,
    forced: Vec<Refusal>,
    family: Family,
    partition: Option<String>,
    multipliers: Option<Multipliers>,
    premean: Option<Premean>,
    fixed_sample: bool,
}

/// The outcomes before treatment that local projections measure changes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Premean {
    /// The mean of so many last periods before treatment.
    Last(u32),
    /// The mean of all periods before treatment.
    All,
}

impl Extra {
    pub(super) const fn multipliers(&self) -> Option<Multipliers> {
        self.multipliers
    }

    pub(super) const fn premean(&self) -> Option<Premean> {
        self.premean
    }

    pub(super) const fn fixed_sample(&self) -> bool {
        self.fixed_sample
    }

    /// Takes the shares out of the draws when they are held fixed.
    pub(super) fn hold_drawn_shares(&self, k: usize, width: usize, drawn: &mut [f64]) {
        if self.shares == ShareRule::Fixed {
            drawn.chunks_exact_mut(width.max(1)).for_each(|own| own[k..].fill(0.0));
        }
    }

    pub(super) fn partition(&self) -> Option<&str> {
        self.partition.as_deref()
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    pub(super) fn forces(&self, refusal: Refusal) -> bool {
        self.forced.contains(&refusal)
    }

    /// The estimand, said to be a placebo where it is one.
    pub(super) fn estimand(&self, own: String) -> String {
        match &self.placebo {
            None => own,
            Some(Placebo::Periods(k)) => {
                let plural = if *k == 1 { "" } else { "s" };
                format!("placebo, as if treated {k} period{plural} earlier (truth: 0): {own}")
            }
            Some(Placebo::Group(column)) => {
                format!("placebo, untreated units as if treated from {column} (truth: 0): {own}")
            }
        }
    }

    pub(super) fn holds_shares(&self) -> bool {
        self.shares == ShareRule::Fixed
    }

    /// Takes the shares out of the covariance when they are held fixed.
    pub(super) fn hold_shares(&self, k: usize, joint: &mut [f64]) {
        if self.shares == ShareRule::Own || k == 0 {
            return;
        }
        let all = joint.len().isqrt();
        for (at, value) in joint.iter_mut().enumerate() {
            if at / all >= k || at % all >= k {
                *value = 0.0;
            }
        }
    }
}

impl Did {
    /// Pretends a treatment that did not happen; its effect should be zero.
    ///
    /// ```
    /// use kruispunt::data::{By, Column, Panel, Table, Unit};
    /// use kruispunt::evaluate::{Aggregate, Did, Placebo};
    /// let table = Table::new([
    ///     ("person", Column::int(vec![1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])),
    ///     ("year", Column::int([2011, 2012, 2013].repeat(4))),
    ///     ("training", Column::int(vec![2013, 2013, 2013, 2013, 2013, 2013, 0, 0, 0, 0, 0, 0])),
    ///     ("wage", Column::float(vec![10., 11., 19., 20., 21., 28., 9., 10., 11., 11., 12., 13.])),
    /// ])?;
    /// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
    /// let did = Did::new("wage", "training").placebo(Placebo::Periods(1));
    /// let mean = did.fit(&panel)?.aggregate(&Aggregate::new(By::Simple))?;
    /// assert!(mean.rows()[0].estimate.abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn placebo(mut self, placebo: Placebo) -> Self {
        self.extra.placebo = Some(placebo);
        self
    }

    /// Whether averages carry the estimation of the shares that weigh them.
    pub const fn shares(mut self, rule: ShareRule) -> Self {
        self.extra.shares = rule;
        self
    }

    /// What trends are parallel in.
    ///
    /// For Poisson and logit the index of untreated outcomes is that of cohort and period,
    /// `E[Y_t(never) | g] = G(b_g + c_t)`, and the effect is the cell's mean less `G(b_g + c_t)`,
    /// in the unit of the outcome; standard errors by the delta method, with the correction
    /// (N - 1) / (N - K) x G / (G - 1).
    ///
    /// ```
    /// use kruispunt::data::{By, Column, Panel, Table, Unit};
    /// use kruispunt::evaluate::{Aggregate, Did, Family, Method};
    /// let table = Table::new([
    ///     ("person", Column::int(vec![1, 1, 2, 2, 3, 3, 4, 4])),
    ///     ("year", Column::int(vec![2011, 2012, 2011, 2012, 2011, 2012, 2011, 2012])),
    ///     ("training", Column::int(vec![2012, 2012, 2012, 2012, 0, 0, 0, 0])),
    ///     ("contracts", Column::float(vec![1.0, 6.0, 3.0, 6.0, 2.0, 5.0, 4.0, 7.0])),
    /// ])?;
    /// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
    /// let did = Did::new("contracts", "training").method(Method::ExtendedTwoWay);
    /// let effects = did.family(Family::Poisson).fit(&panel)?;
    /// // contracts of the untreated double; those of the treated would have gone from 2 to 4
    /// assert!((effects.rows()[0].estimate - 2.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    ///
    /// - Wooldridge, J. (2023). Simple approaches to nonlinear difference-in-differences with
    ///   panel data. *Econometrics Journal* 26(3), C31-C66.
    pub const fn family(mut self, family: Family) -> Self {
        self.extra.family = family;
        self
    }

    /// The column of 0 and 1 that says which units of a cohort the policy is for, for triple
    /// differences.
    pub fn partition(mut self, column: impl Into<String>) -> Self {
        self.extra.partition = Some(column.into());
        self
    }

    /// Multiplier draws of all estimates (at least 100), for uniform bands that rest on them
    /// ([`Bands::SupT`](super::Bands::SupT), [`Bands::Quantiles`](super::Bands::Quantiles)).
    pub const fn multipliers(mut self, law: Multiplier, draws: u32, seed: Seed) -> Self {
        self.extra.multipliers = Some(Multipliers { law, draws, seed });
        self
    }

    /// For local projections: changes are measured from a mean of periods before treatment, not
    /// from the last one alone. Less noise where outcomes are not persistent, more bias where
    /// trends differ.
    pub const fn premean(mut self, premean: Premean) -> Self {
        self.extra.premean = Some(premean);
        self
    }

    /// For local projections: the same units at all horizons of the window after treatment, those
    /// seen at each of them, with controls untreated through the last.
    pub const fn fixed_sample(mut self) -> Self {
        self.extra.fixed_sample = true;
        self
    }

    /// Sets a refusal aside; a caution takes its place.
    pub fn force(mut self, refusal: Refusal) -> Self {
        self.extra.forced.push(refusal);
        self
    }
}

/// First periods of a pretended treatment; rows that the true one touches leave the sample.
pub(super) fn pretend(
    did: &Did,
    panel: &Panel,
    starts: Vec<i32>,
    kept: &mut Kept,
) -> Result<Vec<i32>, EvaluateError> {
    match &did.extra.placebo {
        None => Ok(starts),
        Some(Placebo::Periods(0)) => Err(EvaluateError::BadArgument {
            argument: "placebo",
            expected: "at least one period before treatment",
            got: "0".to_owned(),
        }),
        Some(Placebo::Periods(k)) => {
            let first = panel.calendar().period(0).number;
            let ahead = did.anticipation;
            let mut touched = vec![false; panel.n_rows()];
            for (person, &start) in starts.iter().enumerate().filter(|(_, start)| **start != NEVER)
            {
                for row in panel.of(person) {
                    let now = i64::from(first) + i64::from(panel.positions()[row]);
                    touched[row] = now + i64::from(ahead) >= i64::from(start);
                }
            }
            kept.leave(
                "treated: a placebo in time takes outcomes before treatment alone".to_owned(),
                |row| touched[row],
            );
            let earlier = |start: i32| {
                let moved = i64::from(start) - i64::from(*k) - i64::from(ahead);
                i32::try_from(moved).unwrap_or(i32::MIN)
            };
            let moved = |start| if start == NEVER { NEVER } else { earlier(start) };
            Ok(starts.into_iter().map(moved).collect())
        }
        Some(Placebo::Group(column)) => {
            let mut treated = vec![false; panel.n_rows()];
            for (person, _) in starts.iter().enumerate().filter(|(_, start)| **start != NEVER) {
                panel.of(person).for_each(|row| treated[row] = true);
            }
            kept.leave(
                "treated: a placebo in a group takes untreated units alone".to_owned(),
                |row| treated[row],
            );
            let (pretended, _) = cohorts(panel, column, kept)?;
            let units = starts.iter().filter(|start| **start == NEVER).count();
            kept.step.notes.push(format!("{units} untreated units take part in the placebo"));
            let pairs = pretended.into_iter().zip(starts);
            Ok(pairs.map(|(own, start)| if start == NEVER { own } else { NEVER }).collect())
        }
    }
}
