//! Treatments that switch on and off, or have several doses: effects of a first change.

use super::EvaluateError;
use super::result::{caution, not_estimable};
use super::switches::{Kind, Row, Units};
use crate::data::{By, Caution, Effect, Effects, Panel, Phase, Status, Step, Ticket};
use rayon::prelude::*;

/// Clusters below which a normal approximation has little to rest on.
const FEW_CLUSTERS: usize = 30;

/// What an effect is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scale {
    /// Nothing: the effect of having been exposed, whatever the dose.
    #[default]
    Exposure,
    /// The dose received since the change, in units of the treatment and periods.
    Dose,
}

/// Which changes of treatment count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Switchers {
    /// All, falls with their sign turned.
    #[default]
    All,
    /// First changes to a higher treatment.
    In,
    /// First changes to a lower treatment; effects are of the treatment that was left.
    Out,
}

/// Which changing units each effect is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Over {
    /// All whose effect can be estimated at that distance.
    #[default]
    Each,
    /// Those whose effects can be estimated at all distances, so that a path is one of the same units.
    Same,
}

/// How units are compared that began with different treatments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum First {
    /// Not at all: controls have the same first treatment.
    #[default]
    Alike,
    /// For first treatments of which hardly two are equal: trends differ by a polynomial of this
    /// degree in the first treatment, its slopes estimated period by period among units that have
    /// not changed. Errors carry that they are estimated.
    Polynomial(u32),
}

/// Where treatment comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A treatment in each period.
    Path(String),
    /// A first period of a treatment that stays.
    Cohort(String),
}

/// Effects of a first change of treatment (de Chaisemartin & D'Haultfoeuille 2024).
///
/// Unit g starts at treatment `D_g1` and first leaves it in period `F_g`. With `S_g` = 1 where
/// treatment rises and -1 where it falls,
///
/// ```text
/// effect_l = mean over g of S_g [ Y_g,F-1+l - Y_g,F-1 - mean of the same change over controls ]
/// ```
///
/// controls being the units with the same first treatment that have not left it by then: the effect
/// of `l` periods of other treatment than the first one, of whatever path. It stands in the row of
/// event `l - 1`; placebos compare `Y_g,F-1-l` with `Y_g,F-1` and stand in the row of event
/// `-1 - l`. The last row is the mean effect per unit of treatment: the sum of effects over all
/// units and periods, divided by the sum of the doses `S_g (D_gt - D_g1)` they received.
/// [`Scale::Dose`] divides each effect by the mean dose summed over the `l` periods.
///
/// Standard errors are the authors': influence functions around means of the cohort (first
/// treatment, period of change, new treatment) or, for controls, of the period and first treatment,
/// with n / (n - 1); a cohort of one is taken together with its controls. A row that rests on one
/// changing unit or cluster alone, or on one control, has no standard error.
///
/// A unit leaves the sample, counted, when its treatment has been on both sides of its first one,
/// and from the gap on when its first change lies in a gap; so do the periods before its treatment
/// is first known and, without a change, after it is last known. A dose that is missing after the
/// change is taken to be that of the change.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`effects`](Self::effects) | periods from the change on | 3 |
/// | [`placebos`](Self::placebos) | periods before it | 2 |
/// | [`scale`](Self::scale) | exposure, or a unit of dose | exposure |
/// | [`switchers`](Self::switchers) | rises, falls, or both | both |
/// | [`over`](Self::over) | the same units in all effects, or those there are | those there are |
/// | [`first`](Self::first) | controls that began alike, or trends by first treatment | alike |
/// | [`within`](Self::within) | column in which controls must be equal | none |
/// | [`weights`](Self::weights) | column of positive weights, one a unit | all alike |
/// | [`cluster`](Self::cluster) | column of clusters, in which units are nested | the unit |
///
/// # References
///
/// - de Chaisemartin, C. & D'Haultfoeuille, X. (2024). Difference-in-differences estimators of
///   intertemporal treatment effects. *Review of Economics and Statistics*, section 3.
///
/// ```
/// use kruispunt::data::{Column, Panel, Table, Unit};
/// use kruispunt::evaluate::Switching;
/// let table = Table::new([
///     ("person", Column::int(vec![1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])),
///     ("year", Column::int([2011, 2012, 2013].repeat(4))),
///     ("coached", Column::int(vec![0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0])),
///     ("wage", Column::float(vec![9., 12., 12., 8., 10., 13., 7., 7., 8., 5., 6., 6.])),
/// ])?;
/// let panel = Panel::from_table(&table, "person", "year", Unit::Year)?;
/// let effects = Switching::new("wage", "coached").effects(1).placebos(0).fit(&panel)?;
/// assert!((effects.rows()[1].estimate - 2.0).abs() < 1e-12); // 2.5 against .5
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Switching {
    pub(super) outcome: String,
    pub(super) source: Source,
    effects: u32,
    placebos: u32,
    scale: Scale,
    switchers: Switchers,
    over: Over,
    pub(super) first: First,
    pub(super) within: Option<String>,
    pub(super) weights: Option<String>,
    pub(super) cluster: Option<String>,
}

impl Switching {
    /// Effects on `outcome` of changes in `treatment`, a column of numbers or truth values.
    pub fn new(outcome: impl Into<String>, treatment: impl Into<String>) -> Self {
        Self {
            outcome: outcome.into(),
            source: Source::Path(treatment.into()),
            effects: 3,
            placebos: 2,
            scale: Scale::default(),
            switchers: Switchers::default(),
            over: Over::default(),
            first: First::default(),
            within: None,
            weights: None,
            cluster: None,
        }
    }

    /// Effects on `outcome` of a treatment that stays once begun, from its first period: a column
    /// as [`Did`](super::Did) takes.
    pub fn staying(outcome: impl Into<String>, cohort: impl Into<String>) -> Self {
        let mut own = Self::new(outcome, "");
        own.source = Source::Cohort(cohort.into());
        own
    }

    /// Periods from the change on.
    pub const fn effects(mut self, periods: u32) -> Self {
        self.effects = periods;
        self
    }

    /// Periods before the change.
    pub const fn placebos(mut self, periods: u32) -> Self {
        self.placebos = periods;
        self
    }

    /// What effects are divided by.
    pub const fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// Which changes count.
    pub const fn switchers(mut self, switchers: Switchers) -> Self {
        self.switchers = switchers;
        self
    }

    /// Which changing units each effect is over.
    pub const fn over(mut self, over: Over) -> Self {
        self.over = over;
        self
    }

    /// How units are compared that began with different treatments.
    pub const fn first(mut self, first: First) -> Self {
        self.first = first;
        self
    }

    /// A column, the same in all rows of a unit, in which controls must be equal.
    pub fn within(mut self, column: impl Into<String>) -> Self {
        self.within = Some(column.into());
        self
    }

    /// A column of positive weights, the same in all rows of a unit.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// The column of clusters.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// Estimates the effects.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for columns that are missing or of the wrong type,
    /// [`EvaluateError::NotFinite`], [`EvaluateError::BadWeight`], [`EvaluateError::Varies`] for
    /// cluster, weight and category, [`EvaluateError::BadArgument`] where these are missing, or
    /// without a period to estimate, [`EvaluateError::TurnsOff`] for a cohort,
    /// [`EvaluateError::NothingEstimable`] when no unit changes or none has controls,
    /// [`EvaluateError::TooFewClusters`].
    pub fn fit(&self, panel: &Panel) -> Result<Effects, EvaluateError> {
        self.fit_with(panel, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, panel: &Panel, ticket: &Ticket) -> Result<Effects, EvaluateError> {
        if self.effects == 0 {
            return Err(EvaluateError::BadArgument {
                argument: "effects",
                expected: "at least one period from the change on",
                got: "0".to_owned(),
            });
        }
        if let First::Polynomial(degree) = self.first
            && !(1..=5).contains(&degree)
        {
            return Err(EvaluateError::BadArgument {
                argument: "continuous",
                expected: "a degree from 1 to 5",
                got: degree.to_string(),
            });
        }
        ticket.stage("reading the panel", 0);
        let (units, step) = self.read(panel)?;
        if units.changers(self.switchers) == 0 {
            let why = match self.switchers {
                Switchers::All => "no unit's treatment changes",
                Switchers::In => "no unit's treatment first rises",
                Switchers::Out => "no unit's treatment first falls",
            };
            return Err(EvaluateError::NothingEstimable { why: why.to_owned() });
        }
        if units.n_clusters < 2 {
            return Err(EvaluateError::TooFewClusters { n: units.n_clusters });
        }
        let rows = self.estimate(&units, ticket)?;
        self.report(panel, &units, &rows, step)
    }

    /// Placebos from the farthest, then effects.
    fn estimate(&self, units: &Units, ticket: &Ticket) -> Result<Vec<Found>, EvaluateError> {
        let periods = |n: u32| (n as usize).min(units.t);
        let placebos = (1..=periods(self.placebos)).rev().map(|l| (l, Kind::Placebo));
        let wanted: Vec<(usize, Kind)> =
            placebos.chain((1..=periods(self.effects)).map(|l| (l, Kind::Effect))).collect();
        ticket.stage("effects of changes", wanted.len() as u64);
        let same = (self.over == Over::Same).then(|| {
            let mut all = vec![true; units.n];
            for l in 1..=periods(self.effects) {
                for (own, here) in all.iter_mut().zip(units.estimable(l, self.switchers)) {
                    *own &= here;
                }
            }
            all
        });
        let rows = wanted
            .into_par_iter()
            .map(|(l, kind)| {
                if ticket.is_cancelled() {
                    return Err(EvaluateError::Cancelled);
                }
                let row = units.row(l, kind, self.switchers, same.as_deref());
                ticket.advance(1);
                let event = match kind {
                    Kind::Effect => l as i32 - 1,
                    Kind::Placebo => -1 - l as i32,
                };
                Ok(Found { event, row })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(rows)
    }

    /// Effects with their influence functions, one number a unit.
    fn rows(&self, units: &Units, rows: &[Found]) -> (Vec<Effect>, Vec<Option<Vec<f64>>>) {
        let divisor = |row: &Row| match self.scale {
            Scale::Exposure => row.weight,
            Scale::Dose => row.total,
        };
        let mut effects = Vec::new();
        let mut influences: Vec<Option<Vec<f64>>> = Vec::new();
        for found in rows {
            if found.event == 0 {
                effects.push(blank(Some(-1), Phase::Before));
                influences.push(None);
            }
            let phase = if found.event < 0 { Phase::Before } else { Phase::After };
            let mut own = blank(Some(found.event), phase);
            match &found.row {
                Ok(row) if divisor(row) > 0.0 => {
                    let scale = 1.0 / divisor(row);
                    own.estimate = row.sum * scale;
                    own.status = row.status();
                    (own.n_treated, own.n_control) = (row.switchers, row.controls);
                    influences.push(Some(row.influence.iter().map(|v| v * scale).collect()));
                }
                Ok(_) => {
                    own = not_estimable(own, "the doses add up to nothing");
                    influences.push(None);
                }
                Err(reason) => {
                    own = not_estimable(own, reason.as_str());
                    influences.push(None);
                }
            }
            effects.push(own);
        }
        let (overall, influence) = overall(units, rows);
        effects.push(overall);
        influences.push(influence);
        (effects, influences)
    }

    fn comparison(&self, alike: &str) -> String {
        match self.first {
            First::Alike => {
                format!("units with the same first treatment{alike} that have not left it")
            }
            First::Polynomial(degree) => {
                let alike = alike.replacen(" and ", ", with the same ", 1);
                format!(
                    "units that have not left their first treatment{alike}, less a trend by first \
                     treatment (degree {degree})"
                )
            }
        }
    }

    fn report(
        &self,
        panel: &Panel,
        units: &Units,
        rows: &[Found],
        mut step: Step,
    ) -> Result<Effects, EvaluateError> {
        let after = || rows.iter().filter(|own| own.event >= 0);
        if after().all(|own| own.row.is_err()) {
            let why = after().find_map(|own| own.row.as_ref().err()).cloned().unwrap_or_default();
            return Err(EvaluateError::NothingEstimable { why });
        }
        let (effects, influences) = self.rows(units, rows);
        let joint = units.covariance(&influences);
        let compared: u64 =
            after().filter_map(|own| own.row.as_ref().ok()).map(|row| row.switchers).sum();
        let seen: usize =
            after().map(|own| units.seen(own.event.unsigned_abs() as usize, self.switchers)).sum();
        let share = if seen > 0 { compared as f64 / seen as f64 } else { 0.0 };
        let cautions = cautions(units, &effects, (share, units.alone(self.switchers)));
        for caution in &cautions {
            step.notes.push(caution.text.clone());
        }
        let per = match self.scale {
            Scale::Exposure => "effect of having left the first treatment",
            Scale::Dose => "effect per unit of treatment and period since the change",
        };
        let whose = match self.switchers {
            Switchers::All => "",
            Switchers::In => " for a higher one",
            Switchers::Out => " for a lower one (sign turned)",
        };
        let alike = self.within.as_ref().map_or(String::new(), |name| format!(" and {name}"));
        Ok(Effects {
            calendar: *panel.calendar(),
            outcome: self.outcome.clone(),
            method: "intertemporal effects of a first change of treatment".to_owned(),
            by: By::Event,
            rows: effects,
            shares: Vec::new(),
            share_of: Vec::new(),
            joint,
            drawn: Vec::new(),
            df: None,
            n_units: units.n as u64,
            n_obs: units.n_obs as u64,
            cluster: self.cluster.clone().unwrap_or_else(|| panel.persons().name().to_owned()),
            n_clusters: units.n_clusters as u64,
            estimand: format!(
                "{per}{whose}, by periods since; overall: sum of effects per unit of treatment \
                 received"
            ),
            comparison: self.comparison(&alike),
            identified: share,
            cautions,
            account: panel.account().clone().then(step),
        })
    }
}

/// An effect or placebo, by event, or why there is none.
struct Found {
    event: i32,
    row: Result<Row, String>,
}

impl Row {
    fn status(&self) -> Status {
        self.lone.map_or(Status::Estimated, |why| Status::NoError(why.to_owned()))
    }
}

/// A row without an effect yet.
const fn blank(event: Option<i32>, phase: Phase) -> Effect {
    Effect {
        cohort: None,
        period: None,
        event,
        phase,
        estimate: 0.0,
        status: Status::Reference,
        n_treated: 0,
        n_control: 0,
    }
}

/// The mean effect per unit of treatment, and its influence function.
fn overall(units: &Units, rows: &[Found]) -> (Effect, Option<Vec<f64>>) {
    let after: Vec<&Row> =
        rows.iter().filter(|own| own.event >= 0).filter_map(|own| own.row.as_ref().ok()).collect();
    let dose: f64 = after.iter().map(|row| row.dose).sum();
    let mut own = blank(None, Phase::Overall);
    own.n_treated = after.iter().map(|row| row.switchers).max().unwrap_or(0);
    own.n_control = after.iter().map(|row| row.controls).max().unwrap_or(0);
    if dose <= 0.0 {
        return (not_estimable(own, "the doses add up to nothing"), None);
    }
    own.estimate = after.iter().map(|row| row.sum).sum::<f64>() / dose;
    let lone = after.iter().all(|row| row.lone.is_some());
    own.status = match after.first() {
        Some(row) if lone => row.status(),
        _ => Status::Estimated,
    };
    let sum = |at: usize| after.iter().map(|row| row.influence[at]).sum::<f64>() / dose;
    (own, Some((0..units.n).map(sum).collect()))
}

/// What a reader must know.
fn cautions(units: &Units, effects: &[Effect], (share, alone): (f64, f64)) -> Vec<Caution> {
    let mut all = Vec::new();
    if share < 1.0 - 1e-12 {
        let text = format!(
            "effects of {:.1} % of the unit-periods from a change on, within the window, are \
             identified: the others have no control with the same first treatment, or are not seen \
             right before their change; means are over these alone",
            100.0 * share
        );
        all.push(caution("identified_share", text));
    }
    let lone = effects.iter().filter(|row| matches!(row.status, Status::NoError(_))).count();
    if lone > 0 {
        let text = format!(
            "{lone} rows rest on one changing unit or cluster, or on one control: their standard \
             errors are missing"
        );
        all.push(caution("cohort_of_one", text));
    }
    if alone > 0.5 {
        let text = format!(
            "{:.1} % of changing units (or clusters) are alone in when they changed, from what and \
             to what: their variance is taken around a mean with their controls, so that standard \
             errors are too large where effects are large",
            100.0 * alone
        );
        all.push(caution("changes_alone", text));
    }
    if units.n_clusters < FEW_CLUSTERS {
        let text = format!(
            "{} clusters are few: standard errors and bands are likely too small",
            units.n_clusters
        );
        all.push(caution("few_clusters", text));
    }
    all
}
