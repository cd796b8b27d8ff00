//! Survival, cumulative hazard and cumulative incidence without a model.

use super::episodes::{Roles, known};
use super::quick::quick;
use super::tally::Tally;
use crate::data::{Account, Caution, Column, Count, Step, Table};
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;
use crate::math::special::normal_quantile;
use serde::{Deserialize, Serialize};

/// Curves of one group, at each time an episode ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The group; empty when there is no column of groups.
    pub group: String,
    /// Times, in order, shape `(m,)`.
    pub time: Vec<f64>,
    /// At risk just before: entered before, not ended before; sums of weights.
    pub at_risk: Vec<f64>,
    /// Events, row-major `(m, causes)`.
    pub events: Vec<f64>,
    /// Censored.
    pub censored: Vec<f64>,
    /// Probability that nothing happened up to and with the time.
    pub survival: Vec<f64>,
    /// Its standard error (Greenwood).
    pub survival_se: Vec<f64>,
    /// Cumulative hazard of any event (Nelson-Aalen).
    pub hazard: Vec<f64>,
    /// Its standard error.
    pub hazard_se: Vec<f64>,
    /// Probability of each cause up to and with the time (Aalen-Johansen), `(m, causes)`.
    pub incidence: Vec<f64>,
    /// Standard errors.
    pub incidence_se: Vec<f64>,
    enters: Vec<(f64, f64)>,
}

/// Mean time up to a horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restricted {
    /// The group.
    pub group: String,
    /// The area under the survival curve up to the horizon.
    pub mean: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// Survival, cumulative hazard and cumulative incidence by group.
///
/// With `d` events, of which `d_k` by cause k, among `n` at risk at a time,
///
/// ```text
/// S(t)   = prod (1 - d/n)                 Kaplan-Meier, Greenwood's variance
/// H(t)   = sum d/n                        Nelson-Aalen, variance sum d/n^2
/// F_k(t) = sum S(t-) d_k/n                Aalen-Johansen, delta-method variance
/// ```
///
/// At risk is who entered before the time and has not ended before it; without a column of
/// entries, everybody from the start. Times are equal when their numbers are. Weights count rows:
/// a weight of 2 is a row twice. Intervals of `S` are log-log, those of `F` too, so that they stay
/// within 0 and 1. One sort, or none when times are whole numbers.
///
/// # References
///
/// - Kaplan, E. L. & Meier, P. (1958). *Journal of the American Statistical Association* 53,
///   457-481.
/// - Aalen, O. & Johansen, S. (1978). *Scandinavian Journal of Statistics* 5, 141-150.
/// - Andersen, P. K. et al. (1993). *Statistical Models Based on Counting Processes*, ch. IV.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::evaluate::SurvivalCurves;
/// let spells = Table::new([
///     ("quarters", Column::int(vec![1, 2, 2, 4])),
///     ("to_work", Column::bool(vec![true, true, false, true])),
/// ])?;
/// let found = SurvivalCurves::new("quarters", "to_work").fit(&spells)?;
/// assert_eq!(found.curves()[0].survival, [0.75, 0.5, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SurvivalCurves {
    roles: Roles,
}

impl SurvivalCurves {
    /// Curves of episodes that end at `time`, with the event when `event` is true (or 1), censored
    /// when it is false (or 0).
    pub fn new(time: impl Into<String>, event: impl Into<String>) -> Self {
        Self {
            roles: Roles {
                time: time.into(),
                event: event.into(),
                entry: None,
                weights: None,
                by: None,
                several: false,
            },
        }
    }

    /// Competing events: `event` names the cause, by text (empty or null: censored) or by number
    /// (0: censored).
    pub const fn causes(mut self) -> Self {
        self.roles.several = true;
        self
    }

    /// The column of times from which episodes are seen (delayed entry, left truncation).
    pub fn entry(mut self, column: impl Into<String>) -> Self {
        self.roles.entry = Some(column.into());
        self
    }

    /// The column of weights, above 0; a weight of 2 is a row twice.
    pub fn weights(mut self, column: impl Into<String>) -> Self {
        self.roles.weights = Some(column.into());
        self
    }

    /// The column of groups; each has its own curves.
    pub fn by(mut self, column: impl Into<String>) -> Self {
        self.roles.by = Some(column.into());
        self
    }

    /// Computes the curves.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for missing columns, wrong types and an empty table,
    /// [`EvaluateError::NotFinite`], [`EvaluateError::BadTime`] below 0 without entries,
    /// [`EvaluateError::BadWeight`], [`EvaluateError::NotBinary`],
    /// [`EvaluateError::NothingEstimable`] when no episode is left.
    pub fn fit(&self, table: &Table) -> Result<Survival, EvaluateError> {
        let (tallies, groups, causes, step) = if let Some(own) = quick(&self.roles, table) {
            let all = Count::rows(table.n_rows());
            let step = Step::new("survival", "episodes", all, all);
            (own.tallies, own.groups, vec![self.roles.event.clone()], step)
        } else {
            let episodes = self.roles.read(table, "survival")?;
            let tallies = episodes.tallies();
            (tallies, episodes.groups, episodes.causes, episodes.step)
        };
        let k = causes.len();
        let mut cautions = Vec::new();
        let mut curves = Vec::with_capacity(tallies.len());
        for (tally, group) in tallies.into_iter().zip(&groups) {
            if tally.time.is_empty() {
                continue;
            }
            let curve = Curve::of(tally, group.clone(), k);
            let zero = curve.survival.iter().position(|&s| s <= 0.0);
            if zero.is_some_and(|at| at + 1 < curve.time.len()) {
                cautions.push(caution(
                    "small_early_risk_set",
                    "all who were at risk at an early time had the event, so that the curve is 0 \
                     while others enter later; begin where more are at risk",
                ));
            }
            curves.push(curve);
        }
        let account = Account::new("episodes").then(step);
        cautions.splice(0..0, self.truncated(table, &curves));
        Ok(Survival {
            by: self.roles.by.clone(),
            causes,
            several: self.roles.several,
            curves,
            cautions,
            account,
        })
    }
}

impl SurvivalCurves {
    /// Whether the table itself tells of entries after 0, or of spells older than the panel, that
    /// are not used.
    fn truncated(&self, table: &Table, curves: &[Curve]) -> Vec<Caution> {
        if self.roles.entry.is_some() {
            return Vec::new();
        }
        let later = |name: &str, is: &dyn Fn(f64) -> bool| -> usize {
            let column = table.get(name).filter(|_| *name != *self.roles.time);
            let values = column.and_then(|own| own.to_floats("data", name).ok());
            values.map_or(0, |own| own.into_iter().filter(|value| is(*value)).count())
        };
        let (entered, older) =
            (later("entry", &|own| own > 0.0), later("truncated", &|own| own == 1.0));
        let text = if entered > 0 {
            format!(
                "{entered} episodes are seen from a later time on (column \"entry\"), but are \
                 counted as at risk from the start{}: name the column in `entry`",
                self.too_high(table, curves).unwrap_or_default()
            )
        } else if older > 0 {
            format!(
                "{older} episodes were there already when the panel begins (column \"truncated\"): \
                 their length is unknown and the short ones are missing; leave them out"
            )
        } else {
            return Vec::new();
        };
        vec![caution("left_truncation", text)]
    }

    /// By how much survival is too high when entries are left out: the most, over groups and the
    /// times at which [`ENOUGH`] are at risk.
    fn too_high(&self, table: &Table, curves: &[Curve]) -> Option<String> {
        let own = self.clone().entry("entry").fit(table).ok()?;
        let most = own
            .curves
            .iter()
            .flat_map(|with| {
                let without = curves.iter().find(|other| other.group == with.group);
                let enough = (0..with.time.len()).filter(|&at| with.at_risk[at] >= ENOUGH);
                enough.filter_map(move |at| {
                    let time = with.time[at];
                    let naive =
                        without.map(|own| own.step_at(time).map_or(1.0, |at| own.survival[at]));
                    Some((naive? - with.survival[at], time))
                })
            })
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .filter(|most| most.0 > 0.0)?;
        Some(format!(", which makes survival too high by up to {:.3} (at {})", most.0, most.1))
    }
}

/// At risk, for a difference between curves to be worth telling.
const ENOUGH: f64 = 30.0;

impl Curve {
    fn of(tally: Tally, group: String, k: usize) -> Self {
        let m = tally.time.len();
        let mut own = Self {
            group,
            survival: Vec::with_capacity(m),
            survival_se: Vec::with_capacity(m),
            hazard: Vec::with_capacity(m),
            hazard_se: Vec::with_capacity(m),
            incidence: Vec::with_capacity(m * k),
            incidence_se: Vec::with_capacity(m * k),
            time: tally.time,
            at_risk: tally.at_risk,
            events: tally.events,
            censored: tally.censored,
            enters: tally.enters,
        };
        let (mut s, mut s_var, mut h, mut h_var) = (1.0, 0.0, 0.0, 0.0);
        // Incidence, its variance, its covariance with survival.
        let mut f = vec![(0.0, 0.0, 0.0); k];
        for at in 0..m {
            let n = own.at_risk[at];
            let events = &own.events[at * k..(at + 1) * k];
            let p = if n > 0.0 { (events.iter().sum::<f64>() / n).min(1.0) } else { 0.0 };
            if p > 0.0 {
                for (&d, (value, var, cov)) in events.iter().zip(&mut f) {
                    let q = d / n;
                    *var += 2.0 * q * *cov + q * q * s_var + s * s * q * (1.0 - q) / n;
                    *cov = (1.0 - p) * (*cov + q * s_var) - s * s * q * (1.0 - p) / n;
                    *value += s * q;
                }
                s_var = (1.0 - p) * (1.0 - p) * s_var + s * s * p * (1.0 - p) / n;
                s *= 1.0 - p;
                h += p;
                h_var += p / n;
            }
            own.survival.push(s);
            own.survival_se.push(s_var.sqrt());
            own.hazard.push(h);
            own.hazard_se.push(h_var.sqrt());
            own.incidence.extend(f.iter().map(|own| own.0));
            own.incidence_se.extend(f.iter().map(|own| own.1.max(0.0).sqrt()));
        }
        own
    }

    /// Where the curve stands at `time`: the last step at or before it.
    fn step_at(&self, time: f64) -> Option<usize> {
        self.time.partition_point(|&own| own <= time).checked_sub(1)
    }

    /// At risk at a time between the ends before `next` and the end at `next`.
    pub(super) fn between(&self, next: usize, time: f64) -> f64 {
        let Some(&end) = self.time.get(next) else { return 0.0 };
        let entered = |before: f64| {
            let at = self.enters.partition_point(|own| own.0 < before);
            at.checked_sub(1).map_or(0.0, |at| self.enters[at].1)
        };
        self.at_risk[next] - (entered(end) - entered(time))
    }

    /// The log-log interval of the survival at step `at`.
    fn interval(&self, at: usize, reach: f64) -> (f64, f64) {
        log_log(self.survival[at], self.survival_se[at], reach)
    }

    fn restricted(&self, horizon: f64) -> Restricted {
        let steps = self.time.partition_point(|&time| time < horizon);
        let mut area = 0.0;
        let mut areas = vec![0.0; steps]; // under the curve from each step to the horizon
        let mut end = horizon;
        for at in (0..steps).rev() {
            area += self.survival[at] * (end - self.time[at]);
            areas[at] = area;
            end = self.time[at];
        }
        let k = self.events.len() / self.time.len().max(1);
        let variance: f64 = (0..steps)
            .map(|at| {
                let (n, d) =
                    (self.at_risk[at], self.events[at * k..(at + 1) * k].iter().sum::<f64>());
                if n > d { areas[at] * areas[at] * d / (n * (n - d)) } else { 0.0 }
            })
            .sum();
        Restricted { group: self.group.clone(), mean: area + end, std_error: variance.sqrt() }
    }
}

/// The interval of a probability on the scale log(-log p).
pub(super) fn log_log(p: f64, se: f64, reach: f64) -> (f64, f64) {
    if se <= 0.0 || p <= 0.0 || p >= 1.0 {
        return if p >= 1.0 && se <= 0.0 { (1.0, 1.0) } else { (f64::NAN, f64::NAN) };
    }
    let log = libm::log(p);
    let wide = reach * se / (p * log.abs());
    (libm::exp(log * libm::exp(wide)), libm::exp(log * libm::exp(-wide)))
}

/// Curves by group, and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    pub(super) by: Option<String>,
    pub(super) causes: Vec<String>,
    pub(super) several: bool,
    pub(super) curves: Vec<Curve>,
    cautions: Vec<Caution>,
    account: Account,
}

impl Survival {
    /// One curve a group, in the natural order of the groups.
    #[must_use]
    pub fn curves(&self) -> &[Curve] {
        &self.curves
    }

    /// The causes.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
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

    fn name_of_groups(&self) -> &str {
        self.by.as_deref().unwrap_or("group")
    }

    /// One row a group and a time: at risk, events, censored, survival and cumulative hazard with
    /// standard errors and intervals of probability `1 - alpha`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `alpha`.
    pub fn tidy(&self, alpha: f64) -> Result<Table, EvaluateError> {
        let reach = reach(alpha)?;
        let k = self.causes.len();
        let each = |of: &dyn Fn(&Curve) -> Vec<f64>| known(&self.stacked(of));
        let low = |side: usize| {
            each(&|own| {
                let pair = |at| own.interval(at, reach);
                (0..own.time.len())
                    .map(|at| if side == 0 { pair(at).0 } else { pair(at).1 })
                    .collect()
            })
        };
        // The log scale keeps bounds of a cumulative hazard above 0.
        let hazard = |sign: f64| {
            each(&|own| {
                let bound = |(h, se): (&f64, &f64)| {
                    if *h > 0.0 { h * libm::exp(sign * reach * se / h) } else { f64::NAN }
                };
                own.hazard.iter().zip(&own.hazard_se).map(bound).collect()
            })
        };
        let events =
            |own: &Curve| own.events.chunks(k).map(|own| own.iter().sum()).collect::<Vec<f64>>();
        let mut columns = self.labels();
        columns.extend([
            ("time", each(&|own| own.time.clone())),
            ("n_risk", each(&|own| own.at_risk.clone())),
            ("n_event", each(&events)),
            ("n_censored", each(&|own| own.censored.clone())),
            ("survival", each(&|own| own.survival.clone())),
            ("std_error", each(&|own| own.survival_se.clone())),
            ("conf_low", low(0)),
            ("conf_high", low(1)),
            ("cumulative_hazard", each(&|own| own.hazard.clone())),
            ("hazard_std_error", each(&|own| own.hazard_se.clone())),
            ("hazard_low", hazard(-1.0)),
            ("hazard_high", hazard(1.0)),
        ]);
        Ok(Table::new(columns)?)
    }

    fn stacked(&self, of: &dyn Fn(&Curve) -> Vec<f64>) -> Vec<f64> {
        self.curves.iter().flat_map(of).collect()
    }

    fn labels(&self) -> Vec<(&str, Column)> {
        if self.by.is_none() {
            return Vec::new();
        }
        let levels: Vec<&str> = self.curves.iter().map(|own| own.group.as_str()).collect();
        let codes: Vec<Option<u32>> = self
            .curves
            .iter()
            .enumerate()
            .flat_map(|(at, own)| std::iter::repeat_n(Some(at as u32), own.time.len()))
            .collect();
        vec![(self.name_of_groups(), Column::category(&codes, &levels))]
    }

    /// One row a group, a cause and a time: the probability of the cause up to the time, with its
    /// standard error and interval of probability `1 - alpha`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `alpha`.
    pub fn incidence(&self, alpha: f64) -> Result<Table, EvaluateError> {
        let reach = reach(alpha)?;
        let k = self.causes.len();
        let (mut group, mut cause) = (Vec::new(), Vec::new());
        let mut numbers: [Vec<f64>; 7] = Default::default();
        for (at, own) in self.curves.iter().enumerate() {
            for j in 0..k {
                for (step, &time) in own.time.iter().enumerate() {
                    let here = step * k + j;
                    let (f, se) = (own.incidence[here], own.incidence_se[here]);
                    let (low, high) =
                        if f > 0.0 { log_log(f, se, reach) } else { (f64::NAN, f64::NAN) };
                    group.push(Some(at as u32));
                    cause.push(Some(j as u32));
                    let row = [time, own.at_risk[step], own.events[here], f, se, low, high];
                    for (column, value) in numbers.iter_mut().zip(row) {
                        column.push(value);
                    }
                }
            }
        }
        let levels: Vec<&str> = self.curves.iter().map(|own| own.group.as_str()).collect();
        let causes: Vec<&str> = self.causes.iter().map(String::as_str).collect();
        let names =
            ["time", "n_risk", "n_event", "incidence", "std_error", "conf_low", "conf_high"];
        let mut columns = Vec::new();
        if self.by.is_some() {
            columns.push((self.name_of_groups(), Column::category(&group, &levels)));
        }
        columns.push(("cause", Column::category(&cause, &causes)));
        columns.extend(names.into_iter().zip(numbers.iter().map(|values| known(values))));
        Ok(Table::new(columns)?)
    }

    /// Survival of each group at `times`, 1 before the first and NaN after the last time seen.
    #[must_use]
    pub fn at(&self, times: &[f64]) -> Vec<Vec<f64>> {
        let value = |own: &Curve, time: f64| {
            if own.time.last().is_some_and(|&last| time > last) {
                return own.survival.last().copied().filter(|&s| s == 0.0).unwrap_or(f64::NAN);
            }
            own.step_at(time).map_or(1.0, |at| own.survival[at])
        };
        self.curves.iter().map(|own| times.iter().map(|&time| value(own, time)).collect()).collect()
    }

    /// The time at which a share `p` has had the event, by group, with its interval of probability
    /// `1 - alpha` (the times at which the bounds of the curve reach it); null where the curve does
    /// not get there.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for `p` and `alpha`.
    pub fn quantile(&self, p: f64, alpha: f64) -> Result<Table, EvaluateError> {
        let reach = reach(alpha)?;
        if !(p > 0.0 && p < 1.0) {
            let (argument, expected) = ("p", "a share between 0 and 1");
            return Err(EvaluateError::BadArgument { argument, expected, got: p.to_string() });
        }
        let left = 1.0 - p;
        // A curve of rounded products may pass 0.5 by one unit in the last place.
        let passes = |own: &Curve, value: &dyn Fn(usize) -> f64| {
            (0..own.time.len())
                .find(|&at| value(at) <= left * (1.0 + 4.0 * f64::EPSILON))
                .map_or(f64::NAN, |at| own.time[at])
        };
        let all = |of: &dyn Fn(&Curve) -> f64| -> Column {
            known(&self.curves.iter().map(of).collect::<Vec<f64>>())
        };
        let mut columns = Vec::new();
        if self.by.is_some() {
            let labels = self.curves.iter().map(|own| Some(own.group.as_str()));
            columns.push((self.name_of_groups(), Column::text(labels)));
        }
        columns.extend([
            ("time", all(&|own| passes(own, &|at| own.survival[at]))),
            ("conf_low", all(&|own| passes(own, &|at| own.interval(at, reach).0))),
            ("conf_high", all(&|own| passes(own, &|at| own.interval(at, reach).1))),
        ]);
        Ok(Table::new(columns)?)
    }

    /// The mean time up to `horizon` by group: the area under the curve, with the standard error
    /// that follows from Greenwood's.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::BadArgument`] for a horizon that is not above 0 or after the last time of
    /// a group whose curve has not reached 0.
    pub fn restricted_mean(&self, horizon: f64) -> Result<Vec<Restricted>, EvaluateError> {
        let beyond = self.curves.iter().any(|own| {
            own.time.last().is_some_and(|&last| horizon > last)
                && own.survival.last().is_some_and(|&s| s > 0.0)
        });
        if !(horizon > 0.0 && horizon.is_finite()) || beyond {
            return Err(EvaluateError::BadArgument {
                argument: "horizon",
                expected: "a time above 0 and not after the last time of any group",
                got: horizon.to_string(),
            });
        }
        Ok(self.curves.iter().map(|own| own.restricted(horizon)).collect())
    }
}

pub(super) fn reach(alpha: f64) -> Result<f64, EvaluateError> {
    crate::data::Effects::check_alpha(alpha)?;
    Ok(normal_quantile(1.0 - alpha / 2.0))
}
