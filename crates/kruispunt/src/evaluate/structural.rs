//! Weights under which treatments that change in time are as good as random.

use super::EvaluateError;
use super::hazard::scored;
use super::result::caution;
use crate::data::{Account, Caution, Column, Count, Panel, Step, Table, Ticket};
use crate::estimate::{Formula, Sampling};
use serde::{Deserialize, Serialize};

/// Stabilised inverse probability weights of treatments that begin, overlap and end.
///
/// With `A_t` a treatment in period t, `L_t` what drives it (a record that earlier treatment may
/// have changed) and `V` what is fixed,
///
/// ```text
/// w_it = prod_{s <= t}  P(A_s | A_{s-1}, V) / P(A_s | A_{s-1}, L_s, V)
/// ```
///
/// over all treatments, and, on request, over staying in the registers. In the weighted rows
/// treatment does not depend on `L`, so that a regression of the outcome on treatment, weighted and
/// clustered by person, is a marginal structural model: adjusting for `L` in the regression itself
/// would take away what treatment does through it. This holds when, given `A_{s-1}`, `L_s` and `V`,
/// treatment is as good as random, and nobody's chance is 0 or 1.
///
/// Chances are logits of their own for those who were treated the period before and those who were
/// not; where a level after the bar, or all of them, have one and the same treatment, the chance is
/// 1 and changes nothing.
///
/// # References
///
/// - Robins, J., Hernan, M. & Brumback, B. (2000). *Epidemiology* 11, 550-560.
/// - Cole, S. & Hernan, M. (2008). *American Journal of Epidemiology* 168, 656-664.
#[derive(Clone, Debug)]
#[must_use]
pub struct TreatmentWeights {
    treatments: Vec<String>,
    given: String,
    fixed: String,
    dropout: bool,
    truncate: Option<f64>,
}

/// Weights of the rows of a panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightedRows {
    weights: Vec<f64>,
    by_period: Table,
    models: Table,
    account: Account,
    cautions: Vec<Caution>,
}

impl WeightedRows {
    /// One a row of the panel; NaN where it cannot be known.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// One row a period: how many, mean (about 1), standard deviation, smallest, largest, and the
    /// number of rows that would say as much without weights.
    #[must_use]
    pub const fn by_period(&self) -> &Table {
        &self.by_period
    }

    /// One row a model of treatment: rows, how many are treated, the smallest chance of what
    /// happened.
    #[must_use]
    pub const fn models(&self) -> &Table {
        &self.models
    }

    /// What happened to the rows.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }
}

/// A row of the table of models.
struct Told {
    name: String,
    rows: usize,
    treated: usize,
    smallest: f64,
    /// Rows whose chance is nearly 0 or 1.
    settled: usize,
}

impl TreatmentWeights {
    /// Weights for `treatments` (columns of 0 and 1) given what the right-hand sides say: `given`
    /// what drives treatment, `fixed` what of it does not change in time, `"1"` for nothing.
    /// `"x + C(edu) | quarter"` gives each quarter its own level.
    pub fn new<N: Into<String>>(
        treatments: impl IntoIterator<Item = N>,
        given: impl Into<String>,
        fixed: impl Into<String>,
    ) -> Self {
        Self {
            treatments: treatments.into_iter().map(Into::into).collect(),
            given: given.into(),
            fixed: fixed.into(),
            dropout: false,
            truncate: None,
        }
    }

    /// Weighs those who stay in the registers for those who leave, too.
    pub const fn dropout(mut self) -> Self {
        self.dropout = true;
        self
    }

    /// Weights beyond this share of either tail are set to where it begins (0.01 is usual): less
    /// variance, some bias.
    pub const fn truncate(mut self, share: f64) -> Self {
        self.truncate = Some(share);
        self
    }

    /// Computes the weights.
    ///
    /// # Errors
    ///
    /// As [`fit_with`](Self::fit_with).
    pub fn fit(&self, panel: &Panel) -> Result<WeightedRows, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with progress and cancellation.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] without treatments, with a right-hand side that has
    /// instruments or an outcome, or a wrong share; [`EvaluateError::NotBinary`];
    /// [`EvaluateError::Estimate`] for columns and formulas; [`EvaluateError::Separated`] when what
    /// is given predicts treatment perfectly; [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<WeightedRows, EvaluateError> {
        self.check()?;
        let n = panel.n_rows();
        let (mut factor, mut missing) = (vec![1.0; n], vec![false; n]);
        let mut told = Vec::new();
        let table = panel.table();
        for name in &self.treatments {
            let treated = indicator(panel, name)?;
            let before = previous(panel, &treated);
            for was in [false, true] {
                let rows: Vec<u32> =
                    (0..n).filter(|&at| before[at] == was).map(|at| at as u32).collect();
                let event: Vec<bool> = rows.iter().map(|&at| treated[at as usize]).collect();
                let so = if was { "treated before" } else { "not treated before" };
                let ratio = self.ratio(
                    &table,
                    (&rows, &event),
                    format!("{name}, {so}"),
                    &mut told,
                    ticket,
                )?;
                spread(&rows, &ratio, |row| row, (&mut factor, &mut missing));
            }
        }
        if self.dropout {
            let next = stays(panel);
            let rows: Vec<u32> =
                (0..n).filter(|&at| next[at].is_some()).map(|at| at as u32).collect();
            let event: Vec<bool> =
                rows.iter().map(|&at| next[at as usize] == Some(false)).collect();
            let ratio =
                self.ratio(&table, (&rows, &event), "leaving".to_owned(), &mut told, ticket)?;
            // Who stayed counts in the row after.
            spread(&rows, &ratio, |row| row + 1, (&mut factor, &mut missing));
        }
        let mut weights = vec![f64::NAN; n];
        for person in 0..panel.persons().len() {
            let mut product = 1.0;
            for row in panel.of(person) {
                product *= if missing[row] { f64::NAN } else { factor[row] };
                weights[row] = product;
            }
        }
        let cut = self.truncate.map(|share| truncated(&mut weights, share));
        self.result(panel, weights, &told, cut)
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if self.treatments.is_empty() {
            return bad("treatment", "at least one column", "none".to_owned());
        }
        for (argument, side) in [("given", &self.given), ("fixed", &self.fixed)] {
            if side.contains('~') {
                return bad(
                    argument,
                    "a right-hand side such as x + C(edu) | quarter",
                    side.clone(),
                );
            }
        }
        match self.truncate {
            Some(share) if !(share > 0.0 && share < 0.5) => {
                bad("truncate", "a share above 0 and below 0.5", share.to_string())
            }
            _ => Ok(()),
        }
    }

    /// The chance of what happened given what is fixed over that given all, row by row of `rows`;
    /// NaN where a value is missing.
    fn ratio(
        &self,
        table: &Table,
        (rows, event): (&[u32], &[bool]),
        name: String,
        told: &mut Vec<Told>,
        ticket: &Ticket,
    ) -> Result<Vec<f64>, EvaluateError> {
        let treated = event.iter().filter(|own| **own).count();
        let (mut smallest, mut settled) = (1.0_f64, 0);
        let mut ratio = vec![1.0; rows.len()];
        if treated > 0 && treated < rows.len() {
            let all = chances(table, (rows, event), &self.given, ticket)?;
            let own = chances(table, (rows, event), &self.fixed, ticket)?;
            for ((slot, below), above) in ratio.iter_mut().zip(&all).zip(&own) {
                *slot = above / below;
                if !below.is_nan() {
                    smallest = smallest.min(*below);
                    settled += usize::from(below.min(1.0 - below) < 1e-3);
                }
            }
        }
        told.push(Told { name, rows: rows.len(), treated, smallest, settled });
        Ok(ratio)
    }

    fn result(
        &self,
        panel: &Panel,
        weights: Vec<f64>,
        told: &[Told],
        cut: Option<usize>,
    ) -> Result<WeightedRows, EvaluateError> {
        let known = weights.iter().filter(|own| !own.is_nan()).count();
        if known == 0 {
            let why = "every row lacks a value of what drives treatment".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let mut step = Step::new(
            "treatment_weights",
            format!(
                "{} given {}, over given {}",
                self.treatments.join(", "),
                self.given,
                self.fixed
            ),
            Count::rows(weights.len()),
            Count::rows(known),
        )
        .exclude(
            "a value of what drives treatment is missing, now or in an earlier period",
            Count::rows(weights.len() - known),
        );
        if let Some(cut) = cut {
            step = step.note(format!("{cut} weights set to where the tails begin"));
        }
        let there = || weights.iter().copied().filter(|own| !own.is_nan());
        let mean = there().sum::<f64>() / known as f64;
        let most = there().fold(0.0_f64, f64::max);
        let mut cautions = Vec::new();
        if !(0.9..=1.1).contains(&mean) {
            cautions.push(caution(
                "weights_off_one",
                format!(
                    "the mean weight is {mean:.3}, not 1: the models of treatment do not fit, or \
                     some have nearly no chance of what they did"
                ),
            ));
        }
        if most > 20.0 * mean {
            cautions.push(caution(
                "extreme_weights",
                format!(
                    "the largest weight is {:.0} times the mean: a few rows decide; look at who \
                     they are, or set the tails to where they begin (`truncate`)",
                    most / mean
                ),
            ));
        }
        let settled: usize = told.iter().map(|own| own.settled).sum();
        let all: usize = told.iter().map(|own| own.rows).sum();
        if settled as f64 > 0.01 * all as f64 {
            cautions.push(caution(
                "no_overlap",
                format!(
                    "in {settled} of {all} rows the chance of treatment is below 1 in 1,000 or above \
                     999: for these there is no comparison"
                ),
            ));
        }
        let by_period = by_period(panel, &weights)?;
        let text = |own: &Told| own.name.clone();
        let names: Vec<String> = told.iter().map(text).collect();
        let models = Table::new([
            ("model", Column::text(names.iter().map(|own| Some(own.as_str())))),
            ("rows", Column::int(told.iter().map(|own| own.rows as i64).collect())),
            ("events", Column::int(told.iter().map(|own| own.treated as i64).collect())),
            ("smallest", Column::float(told.iter().map(|own| own.smallest).collect())),
        ])?;
        let account = panel.account().clone().then(step);
        Ok(WeightedRows { weights, by_period, models, account, cautions })
    }
}

/// Truth values, or 0 and 1; null counts as 0.
fn indicator(panel: &Panel, name: &str) -> Result<Vec<bool>, EvaluateError> {
    let column = panel.column("treatment", name)?;
    let values = column.to_floats("treatment", name)?;
    (0..values.len())
        .map(|row| match values[row] {
            _ if column.is_null(row) => Ok(false),
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => {
                let column = name.to_owned();
                Err(EvaluateError::NotBinary { argument: "treatment", column, row })
            }
        })
        .collect()
}

/// Whether treated in the row before of the same person.
fn previous(panel: &Panel, treated: &[bool]) -> Vec<bool> {
    let mut before = vec![false; treated.len()];
    for person in 0..panel.persons().len() {
        for row in panel.of(person).skip(1) {
            before[row] = treated[row - 1];
        }
    }
    before
}

/// Whether the person has a row in the next period; `None` in the last of the panel.
fn stays(panel: &Panel) -> Vec<Option<bool>> {
    let (positions, end) = (panel.positions(), panel.calendar().len() as u32);
    let mut all = vec![None; panel.n_rows()];
    for person in 0..panel.persons().len() {
        let rows = panel.of(person);
        for row in rows.clone() {
            if positions[row] + 1 < end {
                all[row] = Some(row + 1 < rows.end);
            }
        }
    }
    all
}

fn spread(
    rows: &[u32],
    ratio: &[f64],
    place: impl Fn(usize) -> usize,
    (factor, missing): (&mut [f64], &mut [bool]),
) {
    for (&row, ratio) in rows.iter().zip(ratio) {
        let Some(slot) = factor.get_mut(place(row as usize)) else { continue };
        if ratio.is_nan() {
            missing[place(row as usize)] = true;
        } else {
            *slot *= ratio;
        }
    }
}

/// The chance of what happened, by a logit; NaN where a value is missing.
fn chances(
    table: &Table,
    (rows, event): (&[u32], &[bool]),
    side: &str,
    ticket: &Ticket,
) -> Result<Vec<f64>, EvaluateError> {
    const EVENT: &str = "what_happens";
    let formula = Formula::parse(&format!("{EVENT} ~ {side}"))?;
    let mut own = Table::default();
    own.push(EVENT, Column::float(event.iter().map(|own| f64::from(u8::from(*own))).collect()))?;
    for name in formula.columns().iter().filter(|name| *name != EVENT) {
        own.push(name.as_str(), table.column("given", name)?.widened().take(rows))?;
    }
    let sampling = Sampling {
        verb: "treatment_weights",
        formula: &formula,
        weights: None,
        offset: None,
        classes: Vec::new(),
        present: Vec::new(),
    };
    let sample = sampling.draw(&own, ticket)?;
    if sample.effects.len() > 1 {
        let (argument, expected) = ("given", "one set of levels after the bar");
        let got = formula.effects().join(" + ");
        return Err(EvaluateError::BadArgument { argument, expected, got });
    }
    let happened: Vec<u32> = sample.outcome.iter().map(|&own| own as u32).collect();
    let (level, n_levels) = sample.effects.first().map_or_else(
        || (vec![0; happened.len()], 1),
        |own| (own.factor.codes().to_vec(), own.factor.n_levels()),
    );
    let columns: Vec<Vec<f64>> = sample.columns.iter().map(|own| own.to_vec()).collect();
    let odds = scored(&columns, &sample.names, (&level, n_levels), &happened, ticket)?.odds;
    let mut chance = vec![f64::NAN; rows.len()];
    for ((&row, odds), happened) in sample.rows.iter().zip(odds).zip(happened) {
        // Levels with one and the same treatment leave nothing to chance.
        chance[row as usize] = if odds.is_nan() {
            1.0
        } else if happened == 1 {
            1.0 / (1.0 + libm::exp(-odds))
        } else {
            1.0 / (1.0 + libm::exp(odds))
        };
    }
    Ok(chance)
}

/// Sets the tails to where they begin; gives how many weights that changes.
fn truncated(weights: &mut [f64], share: f64) -> usize {
    let mut sorted: Vec<f64> = weights.iter().copied().filter(|own| !own.is_nan()).collect();
    if sorted.is_empty() {
        return 0;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(share), at(1.0 - share));
    let mut changed = 0;
    for own in weights.iter_mut().filter(|own| **own < low || **own > high) {
        *own = own.clamp(low, high);
        changed += 1;
    }
    changed
}

/// How many, their sum, the sum of squares, the smallest, the largest.
type Sums = (i64, f64, f64, f64, f64);

fn by_period(panel: &Panel, weights: &[f64]) -> Result<Table, EvaluateError> {
    let t = panel.calendar().len();
    let mut sums: Vec<Sums> = vec![(0, 0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY); t];
    for (&at, &own) in panel.positions().iter().zip(weights).filter(|own| !own.1.is_nan()) {
        let slot = &mut sums[at as usize];
        *slot = (slot.0 + 1, slot.1 + own, slot.2 + own * own, slot.3.min(own), slot.4.max(own));
    }
    let first = panel.calendar().period(0).number;
    let there: Vec<usize> = (0..t).filter(|&at| sums[at].0 > 0).collect();
    let of = |get: &dyn Fn(&Sums) -> f64| {
        Column::float(there.iter().map(|&at| get(&sums[at])).collect())
    };
    let periods = there.iter().map(|&at| first + at as i32).collect();
    Ok(Table::new([
        (panel.period_name(), Column::periods(panel.calendar().unit(), periods)),
        ("n", Column::int(there.iter().map(|&at| sums[at].0).collect())),
        ("mean", of(&|own| own.1 / own.0 as f64)),
        (
            "sd",
            of(&|own| {
                let n = own.0 as f64;
                ((own.2 - own.1 * own.1 / n) / (n - 1.0).max(1.0)).max(0.0).sqrt()
            }),
        ),
        ("smallest", of(&|own| own.3)),
        ("largest", of(&|own| own.4)),
        ("effective", of(&|own| own.1 * own.1 / own.2)),
    ])?)
}
