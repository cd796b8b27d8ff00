//! Regression discontinuity, also in time: who arrived just before a reform, and just after.

use super::EvaluateError;
use super::boundary::{Limit, Shortage, Side, bandwidths, limits};
use super::result::caution;
use super::sample::LARGEST;
use crate::data::{Account, Caution, Count, Day, Step, Table, Ticket, Values};
use crate::math::special::{normal_quantile, normal_sf};
use serde::{Deserialize, Serialize};

pub use super::boundary::Kernel;

/// Clusters below which a normal approximation has little to rest on.
const FEW_CLUSTERS: usize = 30;
/// Distinct values of the running variable below which a line rests on few places.
const FEW_VALUES: usize = 20;
/// Standard errors that a jump must have to be divided by: an F statistic of 10.
const WEAK: f64 = 3.162_277_660_168_379_5;
/// Size of the test for sorting.
const SIZE: f64 = 0.05;
/// Bins of a picture, a side.
const BINS: u32 = 20;
/// Most bins of a count.
const MOST_BINS: f64 = 20_000.0;

/// The jump of an outcome where a running variable passes a cutoff, by local linear regression with
/// robust bias correction (Calonico, Cattaneo & Titiunik 2014).
///
/// ```text
/// jump = lim E[Y | X -> c from above] - lim E[Y | X -> c from below]
/// ```
///
/// Each side is fitted by a line within the bandwidth h; its curvature, from a parabola within the
/// bandwidth b, is taken out of the estimate and its noise put into the standard error (`robust`).
/// Bandwidths minimise the mean squared error of the jump unless given. Variances are from the three
/// nearest neighbours of each observation on its side, ties included; with clusters they are from
/// residuals of the lines and parabolas, summed by cluster. A `donut` leaves out those nearer to the
/// cutoff than that: people who could have chosen their side. Whether they did is asked of the number
/// of observations, whose jump is estimated in the same way from counts by equal bins of the running
/// variable, one a day for whole numbers (a density test); the donut's observations count there.
///
/// With a [`treatment`](Self::treatment) that the cutoff moves (days waited, say) the effect is that
/// of one unit of it, on those whom the cutoff moves: the jump of the outcome divided by that of the
/// treatment, with the same bandwidths, its error and bias by the delta method.
///
/// In time, the running variable is a date or a number of days: all that changes on that date besides
/// the reform changes the outcome too, and seasons look like slopes. Try other cutoffs where nothing
/// happened, and outcomes the reform cannot touch.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`donut`](Self::donut) | distance from the cutoff left out | none |
/// | [`bandwidth`](Self::bandwidth) | of the line and of the parabola | chosen |
/// | [`kernel`](Self::kernel) | weights by distance | triangular |
/// | [`treatment`](Self::treatment) | what the cutoff moves | the cutoff itself |
/// | [`cluster`](Self::cluster) | column of clusters | rows are independent |
///
/// # References
///
/// - Calonico, S., Cattaneo, M. & Titiunik, R. (2014). Robust nonparametric confidence intervals for
///   regression-discontinuity designs. *Econometrica* 82(6), 2295-2326.
/// - Calonico, S., Cattaneo, M., Farrell, M. & Titiunik, R. (2017). rdrobust: software for
///   regression-discontinuity designs. *Stata Journal* 17(2), 372-404 (errors by cluster).
/// - `McCrary`, J. (2008). Manipulation of the running variable in the regression discontinuity
///   design: a density test. *Journal of Econometrics* 142(2), 698-714.
/// - Hausman, C. & Rapson, D. (2018). Regression discontinuity in time. *Annual Review of Resource
///   Economics* 10, 533-552.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::evaluate::Discontinuity;
/// let day: Vec<f64> = (-100..100).map(|day| f64::from(day) + 0.5).collect();
/// let wage = day.iter().map(|day| 10.0 + 0.01 * day + if *day > 0.0 { 2.0 } else { 0.0 });
/// let table = Table::new([
///     ("wage", Column::float(wage.collect())),
///     ("day", Column::float(day)),
/// ])?;
/// let jump = Discontinuity::new("wage", "day", 0.0).bandwidth(40.0, 60.0).fit(&table)?;
/// assert!((jump.robust - 2.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Discontinuity {
    outcome: String,
    running: String,
    cutoff: f64,
    day: Option<Day>,
    donut: f64,
    bandwidth: Option<(f64, f64)>,
    kernel: Kernel,
    treatment: Option<String>,
    cluster: Option<String>,
}

/// How many observations there are, a unit of the running variable, right at the cutoff.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sorting {
    /// Just below it.
    pub below: f64,
    /// From it on.
    pub above: f64,
    /// The corrected jump, and its standard error.
    pub jump: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Bandwidth of the lines, and width of a bin.
    pub h: f64,
    /// Width of a bin.
    pub bin: f64,
}

impl Sorting {
    /// P(|Z| > |jump / standard error|).
    #[must_use]
    pub fn p_value(&self) -> f64 {
        two_sided(self.jump, self.std_error, self.below.abs() + self.above.abs())
    }
}

/// A jump at a cutoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jump {
    /// The jump of the lines (divided by that of the treatment, if there is one).
    pub conventional: f64,
    /// Its standard error when curvature is taken to be none.
    pub conventional_se: f64,
    /// The jump less the bias that curvature brings.
    pub robust: f64,
    /// Its standard error, which knows that the bias is estimated.
    pub robust_se: f64,
    /// The jump of the treatment, and its standard error (both corrected); `None` without one.
    pub first_stage: Option<(f64, f64)>,
    /// Bandwidth of the lines.
    pub h: f64,
    /// Bandwidth of the parabolas.
    pub b: f64,
    /// Where the lines of the outcome meet the cutoff, and their slopes, below and above.
    pub lines: [(f64, f64); 2],
    /// Observations within h below the cutoff, and from it on.
    pub within: (u64, u64),
    /// Observations in all, below and from the cutoff on.
    pub observed: (u64, u64),
    /// The middle of each of twenty equal bins a side within h, the mean outcome, and the
    /// observations there; empty bins are left out.
    pub bins: Vec<(f64, f64, u64)>,
    /// Clusters within both bandwidths; `None` when rows are taken to be independent.
    pub clusters: Option<u64>,
    /// Whether people sorted around the cutoff; `None` when bins are too few to say.
    pub sorting: Option<Sorting>,
    /// What a reader must know, by name.
    pub cautions: Vec<Caution>,
    /// What happened to the rows.
    pub account: Account,
}

/// A z statistic's p value; without noise either nothing or everything is due to chance. What is
/// rounding beside `size` is no jump.
fn two_sided(estimate: f64, std_error: f64, size: f64) -> f64 {
    if estimate.abs() <= 1e-10 * size {
        1.0
    } else if std_error > 0.0 {
        2.0 * normal_sf((estimate / std_error).abs())
    } else {
        0.0
    }
}

impl Jump {
    /// The interval around the corrected jump.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let reach = normal_quantile(1.0 - alpha / 2.0) * self.robust_se;
        (self.robust - reach, self.robust + reach)
    }

    /// P(|Z| > |jump / standard error|), corrected.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let size = match self.first_stage {
            None => self.lines[0].0.abs() + self.lines[1].0.abs(),
            Some(_) => 0.0,
        };
        two_sided(self.robust, self.robust_se, size)
    }
}

/// Mean outcomes by bin.
fn binned(side: &Side, h: f64) -> Vec<(f64, f64, u64)> {
    let width = h / f64::from(BINS);
    let near = side.x.partition_point(|x| *x < -h)..side.x.partition_point(|x| *x <= h);
    let mut all: Vec<(f64, f64, u64)> = Vec::new();
    for at in near {
        // the outermost observation lies in the last bin
        let most = f64::from(BINS) - 1.0;
        let place = (side.x[at] / width).floor().clamp(-f64::from(BINS), most);
        let middle = (place + 0.5) * width;
        match all.last_mut() {
            Some(own) if own.0 == middle => {
                own.1 += side.y[at];
                own.2 += 1;
            }
            _ => all.push((middle, side.y[at], 1)),
        }
    }
    all.into_iter().map(|(middle, sum, n)| (middle, sum / n as f64, n)).collect()
}

/// Days since 1970-01-01.
fn number(day: Day) -> f64 {
    Day::new(1970, 1, 1).map_or(f64::NAN, |epoch| f64::from(day.since(epoch)))
}

/// The running variable: numbers or dates; NaN where missing.
fn places(table: &Table, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let column = table.column("running", name)?;
    if matches!(column.values(), Values::Date(_) | Values::Text(_)) {
        let days = column.to_days("running", name)?;
        return Ok(days.into_iter().map(|day| day.map_or(f64::NAN, number)).collect());
    }
    numbers(table, "running", name)
}

/// A column of numbers or truth values; NaN where missing.
fn numbers(table: &Table, argument: &'static str, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let column = table.column(argument, name)?;
    let mut values: Vec<f64> = match column.values() {
        Values::Bool(flags) => flags.iter().map(|flag| f64::from(u8::from(*flag))).collect(),
        _ => column.to_floats(argument, name)?,
    };
    for (row, value) in values.iter_mut().enumerate() {
        if column.is_null(row) {
            *value = f64::NAN;
        } else if value.abs().partial_cmp(&LARGEST).is_none_or(std::cmp::Ordering::is_gt) {
            return Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row });
        }
    }
    Ok(values)
}

impl From<Shortage> for EvaluateError {
    fn from(own: Shortage) -> Self {
        if own.got >= own.needed {
            return Self::NoSolution {
                what: "the jump",
                why: "the values of the running variable near the cutoff lie too close together",
            };
        }
        let side = if own.side == 0 { "below" } else { "from it on" };
        let within = if own.reach.is_finite() {
            format!("within {:.4} of the cutoff, {side}", own.reach)
        } else {
            format!("on the side of the cutoff that is {side}")
        };
        Self::TooFewNear { within, got: own.got, needed: own.needed }
    }
}

/// Both sides of the cutoff, what stands there before the donut is taken out, and the account.
struct Read {
    sides: [Side; 2],
    /// Treatments in the order of the sides' outcomes; empty without one.
    treatment: [Vec<f64>; 2],
    /// Distances of all observations, ascending, and how many lie below.
    all: Vec<f64>,
    below: usize,
    step: Step,
}

impl Discontinuity {
    /// The jump of `outcome` where `running` reaches `cutoff`.
    pub fn new(outcome: impl Into<String>, running: impl Into<String>, cutoff: f64) -> Self {
        Self {
            outcome: outcome.into(),
            running: running.into(),
            cutoff,
            day: None,
            donut: 0.0,
            bandwidth: None,
            kernel: Kernel::default(),
            treatment: None,
            cluster: None,
        }
    }

    /// The jump of `outcome` where the date `running` reaches `day`; distances are in days.
    pub fn on_day(outcome: impl Into<String>, running: impl Into<String>, day: Day) -> Self {
        let mut own = Self::new(outcome, running, number(day));
        own.day = Some(day);
        own
    }

    /// The distance from the cutoff within which observations are left out.
    pub const fn donut(mut self, distance: f64) -> Self {
        self.donut = distance;
        self
    }

    /// Bandwidths of the line and of the parabola that corrects it.
    pub const fn bandwidth(mut self, h: f64, b: f64) -> Self {
        self.bandwidth = Some((h, b));
        self
    }

    /// Weights by distance.
    pub const fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// A column of numbers or truth values that the cutoff moves.
    pub fn treatment(mut self, column: impl Into<String>) -> Self {
        self.treatment = Some(column.into());
        self
    }

    /// The column of clusters, such as the week of arrival.
    pub fn cluster(mut self, column: impl Into<String>) -> Self {
        self.cluster = Some(column.into());
        self
    }

    /// Estimates the jump.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for columns that are missing or no numbers,
    /// [`EvaluateError::NotFinite`], [`EvaluateError::BadArgument`] for cutoff, donut and bandwidth,
    /// [`EvaluateError::TooFewNear`] when a side has too few distinct values near the cutoff,
    /// [`EvaluateError::TooFewClusters`], [`EvaluateError::NoSolution`] where the numbers give none.
    pub fn fit(&self, table: &Table) -> Result<Jump, EvaluateError> {
        self.fit_with(table, &Ticket::new())
    }

    /// As [`fit`](Self::fit), with a ticket.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and [`EvaluateError::Cancelled`].
    pub fn fit_with(&self, table: &Table, ticket: &Ticket) -> Result<Jump, EvaluateError> {
        self.check()?;
        let mut read = self.read(table)?;
        let live = || if ticket.is_cancelled() { Err(EvaluateError::Cancelled) } else { Ok(()) };
        live()?;
        let sides = &read.sides;
        let (h, b) = match self.bandwidth {
            Some(both) => both,
            None => bandwidths(sides, self.kernel)?,
        };
        live()?;
        let [low, high] = limits(sides, self.kernel, (h, b))?;
        let (found, first_stage) = self.divided([low, high], &read, (h, b))?;
        let clusters = Self::clusters(sides, h.max(b))?;
        live()?;
        let sorting = self.sorting(&read.all, read.below);
        let near = |side: &Side| side.x.iter().filter(|x| x.abs() <= h).count() as u64;
        let mut own = Jump {
            conventional: found.plain,
            conventional_se: found.plain_variance.sqrt(),
            robust: found.corrected,
            robust_se: found.corrected_variance.sqrt(),
            first_stage,
            h,
            b,
            lines: [low, high].map(|own: Limit| (own.plain, own.slope)),
            within: (near(&sides[0]), near(&sides[1])),
            observed: (sides[0].x.len() as u64, sides[1].x.len() as u64),
            bins: sides.iter().flat_map(|side| binned(side, h)).collect(),
            clusters,
            sorting,
            cautions: Vec::new(),
            account: Account::default(),
        };
        let numbers = [own.robust, own.robust_se, own.conventional, own.conventional_se, h, b];
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(EvaluateError::NoSolution {
                what: "the jump",
                why: "numbers overflow; give the running variable or the outcome another unit",
            });
        }
        own.cautions = self.cautions(&own, sides);
        for caution in &own.cautions {
            read.step.notes.push(caution.text.clone());
        }
        if own.sorting.is_none() {
            let note = "too few bins on a side to tell whether people sorted around the cutoff";
            read.step.notes.push(note.to_owned());
        }
        own.account = Account::new("table").then(read.step);
        Ok(own)
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: f64| {
            Err(EvaluateError::BadArgument { argument, expected, got: got.to_string() })
        };
        if !self.cutoff.is_finite() {
            return bad("cutoff", "a finite number", self.cutoff);
        }
        if !(self.donut.is_finite() && self.donut >= 0.0) {
            return bad("donut", "a distance from 0 on", self.donut);
        }
        let given = self.bandwidth.map_or(Vec::new(), |(h, b)| vec![h, b]);
        if let Some(wrong) = given.into_iter().find(|own| !(own.is_finite() && *own > self.donut)) {
            return bad("bandwidth", "two distances above the donut", wrong);
        }
        Ok(())
    }

    /// Refuses a date as the cutoff of numbers, and a number as that of dates.
    fn same_kind(&self, table: &Table) -> Result<(), EvaluateError> {
        let column = table.column("running", &self.running)?;
        let dates = matches!(column.values(), Values::Date(_) | Values::Text(_));
        if column.count_nulls() == column.len() {
            return Ok(());
        }
        let (expected, got) = match (dates, self.day) {
            (true, None) => ("a date, as the running variable", self.cutoff.to_string()),
            (false, Some(day)) => ("a number, as the running variable", day.to_string()),
            _ => return Ok(()),
        };
        Err(EvaluateError::BadArgument { argument: "cutoff", expected, got })
    }

    /// Both sides, from the cutoff on last.
    fn read(&self, table: &Table) -> Result<Read, EvaluateError> {
        let y = numbers(table, "outcome", &self.outcome)?;
        self.same_kind(table)?;
        let x = places(table, &self.running)?;
        let clusters = match &self.cluster {
            Some(name) => Some(table.column("cluster", name)?.ranks().0),
            None => None,
        };
        let treatment = match &self.treatment {
            Some(name) => Some(numbers(table, "treatment", name)?),
            None => None,
        };
        let (mut missing, mut lost, mut hole) = (0, 0, 0);
        let mut all = Vec::with_capacity(y.len());
        let mut rows: Vec<(f64, f64, u32, f64)> = Vec::with_capacity(y.len());
        for row in 0..y.len() {
            let distance = x[row] - self.cutoff;
            let cluster = clusters.as_ref().map_or(Some(0), |codes| codes[row]);
            let t = treatment.as_ref().map_or(0.0, |values| values[row]);
            if y[row].is_nan() || x[row].is_nan() || t.is_nan() {
                missing += 1;
                continue;
            }
            let Some(cluster) = cluster else {
                lost += 1;
                continue;
            };
            all.push(distance);
            if distance.abs() < self.donut {
                hole += 1;
            } else {
                rows.push((distance, y[row], cluster, t));
            }
        }
        all.sort_by(f64::total_cmp);
        rows.sort_by(|a, b| {
            let near = a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
            near.then(a.2.cmp(&b.2)).then(a.3.total_cmp(&b.3))
        });
        let cut = rows.partition_point(|own| own.0 < 0.0);
        let side = |own: &[(f64, f64, u32, f64)]| Side {
            x: own.iter().map(|own| own.0).collect(),
            y: own.iter().map(|own| own.1).collect(),
            cluster: clusters.is_some().then(|| own.iter().map(|own| own.2).collect()),
        };
        let at = self.day.map_or_else(|| self.cutoff.to_string(), |day| day.to_string());
        let detail = format!("{} at {} = {at}", self.outcome, self.running);
        let step = Step::new("rd_in_time", detail, Count::rows(y.len()), Count::rows(rows.len()))
            .exclude("outcome, running variable or treatment is missing", Count::rows(missing))
            .exclude("the cluster is missing", Count::rows(lost))
            .exclude("nearer to the cutoff than the donut", Count::rows(hole));
        let below = all.partition_point(|own| *own < 0.0);
        let treated = |own: &[(f64, f64, u32, f64)]| match treatment {
            Some(_) => own.iter().map(|own| own.3).collect(),
            None => Vec::new(),
        };
        let treatment = [treated(&rows[..cut]), treated(&rows[cut..])];
        Ok(Read { sides: [side(&rows[..cut]), side(&rows[cut..])], treatment, all, below, step })
    }

    /// The jump of the outcome, divided by that of the treatment if there is one, and the latter.
    fn divided(
        &self,
        [low, high]: [Limit; 2],
        read: &Read,
        both: (f64, f64),
    ) -> Result<(Limit, Option<(f64, f64)>), EvaluateError> {
        let of_outcome = high.less(low);
        if self.treatment.is_none() {
            return Ok((of_outcome, None));
        }
        let other = |side: usize, y: Vec<f64>| Side {
            x: read.sides[side].x.clone(),
            y,
            cluster: read.sides[side].cluster.clone(),
        };
        let sides = [0, 1].map(|side| other(side, read.treatment[side].clone()));
        let [low, high] = limits(&sides, self.kernel, both)?;
        let first = high.less(low);
        // what rounding leaves beside the treatment's size is no jump
        let all = || read.treatment.iter().flatten();
        let size = all().map(|own| own.abs()).fold(0.0, f64::max);
        if first.plain.abs() <= 1e-10 * size {
            return Err(EvaluateError::NoSolution {
                what: "the effect of the treatment",
                why: "the treatment does not jump at the cutoff",
            });
        }
        // the ratio's derivatives make one outcome of both, with the ratio's bias and variance
        let ratio = of_outcome.plain / first.plain;
        let linear = |side: usize| {
            let pairs = read.sides[side].y.iter().zip(&read.treatment[side]);
            other(side, pairs.map(|(y, t)| (y - ratio * t) / first.plain).collect())
        };
        let [low, high] = limits(&[linear(0), linear(1)], self.kernel, both)?;
        let mut found = high.less(low);
        found.plain = ratio;
        found.corrected += ratio;
        Ok((found, Some((first.corrected, first.corrected_variance.sqrt()))))
    }

    /// Clusters within reach, of which each side needs two.
    fn clusters(sides: &[Side; 2], reach: f64) -> Result<Option<u64>, EvaluateError> {
        let mut all = Vec::new();
        for side in sides {
            let Some(codes) = &side.cluster else { return Ok(None) };
            let near = codes.iter().zip(&side.x).filter(|(_, x)| x.abs() <= reach);
            let mut own: Vec<u32> = near.map(|(code, _)| *code).collect();
            own.sort_unstable();
            own.dedup();
            if own.len() < 2 {
                return Err(EvaluateError::TooFewClusters { n: own.len() });
            }
            all.extend(own);
        }
        all.sort_unstable();
        all.dedup();
        Ok(Some(all.len() as u64))
    }

    /// The jump in the number of observations, from counts by equal bins.
    fn sorting(&self, all: &[f64], below: usize) -> Option<Sorting> {
        let (first, last) = (*all.first()?, *all.last()?);
        let n = all.len() as f64;
        let whole = all.iter().all(|x| x.fract() == 0.0);
        let mean = all.iter().sum::<f64>() / n;
        let deviation = (all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
        let wide = 2.0 * deviation / n.sqrt();
        let single = whole && last - first < MOST_BINS;
        let bin = match (single, whole) {
            (true, _) => 1.0,
            (false, true) => wide.ceil(),
            (false, false) => wide,
        };
        if !(bin > 0.0 && (last - first) / bin < MOST_BINS) {
            return None;
        }
        let count = |own: &[f64], from: i64, to: i64| {
            let mut counts = vec![0.0; usize::try_from(to - from).unwrap_or(0)];
            for x in own {
                let at = (x / bin).floor() as i64 - from;
                if let Some(count) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1.0 / bin;
                }
            }
            // in bins, so that neighbours are equally near to the last digit
            let x = (0..counts.len()).map(|at| (from + at as i64) as f64 + 0.5).collect();
            Side { x, y: counts, cluster: None }
        };
        // the outermost bins are surely full only when they hold one value
        let edge = i64::from(!single);
        let ends = ((first / bin).floor() as i64 + edge, (last / bin).floor() as i64 + 1 - edge);
        let sides = [count(&all[..below], ends.0, 0), count(&all[below..], 0, ends.1)];
        let (h, b) = bandwidths(&sides, self.kernel).ok()?;
        let [low, high] = limits(&sides, self.kernel, (h, b)).ok()?;
        let own = Sorting {
            below: low.plain,
            above: high.plain,
            jump: high.corrected - low.corrected,
            std_error: (high.corrected_variance + low.corrected_variance).sqrt(),
            h: h * bin,
            bin,
        };
        (own.jump.is_finite() && own.std_error.is_finite()).then_some(own)
    }

    /// What a reader must know.
    fn cautions(&self, own: &Jump, sides: &[Side; 2]) -> Vec<Caution> {
        let mut all = Vec::new();
        if let Some(sorting) = own.sorting.filter(|sorting| sorting.p_value() < SIZE) {
            let p = sorting.p_value();
            let p = if p < 1e-4 { "p < .0001".to_owned() } else { format!("p = {p:.4}") };
            let text = format!(
                "observations a unit of the running variable go from {:.3} to {:.3} at the cutoff \
                 ({p}): people may have chosen their side, or the reform came with other \
                 numbers; compare who they are, and try a donut",
                sorting.below, sorting.above,
            );
            all.push(caution("sorting", text));
        }
        if 2.0 * self.donut > own.h {
            let text = format!(
                "the donut of {} takes more than half of the bandwidth of {:.4}: the jump is read \
                 off lines drawn far beyond the observations",
                self.donut, own.h
            );
            all.push(caution("extrapolation", text));
        }
        if let Some((jump, error)) = own.first_stage.filter(|own| own.0.abs() < WEAK * own.1) {
            let text = format!(
                "the treatment jumps by {jump:.4} (standard error {error:.4}): too little against \
                 its noise to divide by, so that the interval holds the effect less often than it \
                 says; look at the jump of the outcome alone"
            );
            all.push(caution("weak_first_stage", text));
        }
        let near = |side: &Side| side.distinct().iter().filter(|x| **x <= own.h).count();
        let values = near(&sides[0]).min(near(&sides[1]));
        if values < FEW_VALUES {
            let text = format!(
                "{values} distinct values of the running variable within the bandwidth on a side \
                 are few: a line through so few places may miss a curve that no standard error shows"
            );
            all.push(caution("few_values", text));
        }
        if let Some(n) = own.clusters.filter(|n| *n < FEW_CLUSTERS as u64) {
            let text = format!("{n} clusters are few: standard errors are likely too small");
            all.push(caution("few_clusters", text));
        }
        all
    }
}
