//! Treatments that switch on and off, or have several doses: effects of a first change.

use super::EvaluateError;
use super::result::caution;
use super::sample::LARGEST;
use crate::data::{By, Count, Effect, Effects, Factor, Panel, Phase, Status, Step, Ticket, Values};
use rustc_hash::FxHashMap;

/// What an effect is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scale {
    /// Nothing: the effect of having been exposed, whatever the dose.
    #[default]
    Exposure,
    /// The dose received since the change, in units of the treatment and periods.
    Dose,
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
/// with n / (n - 1); a cohort of one is taken together with its controls. A unit leaves the sample
/// when its treatment has been on both sides of its first one.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`effects`](Self::effects) | periods from the change on | 3 |
/// | [`placebos`](Self::placebos) | periods before it | 2 |
/// | [`scale`](Self::scale) | exposure, or a unit of dose | exposure |
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
    outcome: String,
    treatment: String,
    effects: u32,
    placebos: u32,
    scale: Scale,
    cluster: Option<String>,
}

/// One unit, by period of the panel; NaN where absent.
struct Units {
    n: usize,
    t: usize,
    y: Vec<f64>,
    d: Vec<f64>,
    /// Code of the first treatment, the period of the first change (`t` for none), its direction,
    /// and code of the new treatment.
    first: Vec<u32>,
    change: Vec<usize>,
    sign: Vec<f64>,
    cohort: Vec<u32>,
    cluster: Option<Vec<u32>>,
    n_clusters: usize,
    n_obs: usize,
    /// Units that change, and those among them whose change can be compared.
    changers: usize,
}

/// Effects or placebos at one distance.
struct Row {
    /// Switching units and controls.
    switchers: u64,
    controls: u64,
    /// Sum of effects, and of doses in the period and since the change.
    sum: f64,
    dose: f64,
    total: f64,
    /// One number a unit: its part in the sum, around means.
    influence: Vec<f64>,
}

/// Sums of long differences: count of units, of clusters, and their mean.
#[derive(Clone, Default)]
struct Cell {
    n: usize,
    sum: f64,
    clusters: Vec<u32>,
}

impl Cell {
    fn add(&mut self, change: f64, cluster: Option<u32>) {
        self.n += 1;
        self.sum += change;
        self.clusters.extend(cluster);
    }

    /// Independent pieces: clusters, or units.
    fn pieces(&self) -> usize {
        if self.clusters.is_empty() {
            return self.n;
        }
        let mut all = self.clusters.clone();
        all.sort_unstable();
        all.dedup();
        all.len()
    }

    fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }
}

/// Where to centre a change, and by how much to stretch it.
#[derive(Clone, Copy)]
struct Centre {
    mean: f64,
    stretch: f64,
}

impl Centre {
    /// Of a cohort, or of it and the other side when it is alone.
    fn of(own: &Cell, both: &Cell) -> Self {
        let centre = |cell: &Cell, pieces: usize| Self {
            mean: cell.mean(),
            stretch: (pieces as f64 / (pieces as f64 - 1.0)).sqrt(),
        };
        match (own.pieces(), both.pieces()) {
            (n, _) if n > 1 => centre(own, n),
            (_, n) if n > 1 => centre(both, n),
            _ => Self { mean: 0.0, stretch: 1.0 },
        }
    }
}

/// A column of numbers or truth values; NaN where missing.
fn numbers(panel: &Panel, argument: &'static str, name: &str) -> Result<Vec<f64>, EvaluateError> {
    let column = panel.column(argument, name)?;
    let mut values = if let Values::Bool(flags) = column.values() {
        flags.iter().map(|flag| f64::from(u8::from(*flag))).collect()
    } else {
        column.to_floats(argument, name)?
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

impl Switching {
    /// Effects on `outcome` of changes in `treatment`, a column of numbers or truth values.
    pub fn new(outcome: impl Into<String>, treatment: impl Into<String>) -> Self {
        Self {
            outcome: outcome.into(),
            treatment: treatment.into(),
            effects: 3,
            placebos: 2,
            scale: Scale::default(),
            cluster: None,
        }
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
    /// [`EvaluateError::NotFinite`], [`EvaluateError::Varies`] for the cluster,
    /// [`EvaluateError::BadArgument`] without a period to estimate,
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
        ticket.stage("reading the panel", 0);
        let (units, step) = self.read(panel)?;
        if units.changers == 0 {
            let why = "no unit's treatment changes".to_owned();
            return Err(EvaluateError::NothingEstimable { why });
        }
        if units.n_clusters < 2 {
            return Err(EvaluateError::TooFewClusters { n: units.n_clusters });
        }
        ticket.stage("effects of changes", u64::from(self.effects + self.placebos));
        let most = units.t;
        let mut rows: Vec<(i32, Option<Row>)> = Vec::new();
        for l in (1..=(self.placebos as usize).min(most)).rev() {
            rows.push((-1 - l as i32, units.row(l, true)));
            ticket.advance(1);
        }
        for l in 1..=(self.effects as usize).min(most) {
            if ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            rows.push((l as i32 - 1, units.row(l, false)));
            ticket.advance(1);
        }
        self.report(panel, &units, &rows, step)
    }

    fn read(&self, panel: &Panel) -> Result<(Units, Step), EvaluateError> {
        let detail = format!("{} by changes of {}", self.outcome, self.treatment);
        let step = Step::new("did", detail, panel.count(), Count::default());
        let y = numbers(panel, "outcome", &self.outcome)?;
        let d = numbers(panel, "treatment", &self.treatment)?;
        let codes = self.clusters(panel)?;
        let (n, t) = (panel.persons().len(), panel.calendar().len());
        let mut units = Units::empty(n, t, codes.is_some());
        let (mut gaps, mut empty, mut crossed) = (Count::of(0, 0), Count::of(0, 0), Count::rows(0));
        let mut keys = Keys::default();
        for person in 0..n {
            let at = units.y.len();
            let rows = panel.of(person).len() as u64;
            units.y.resize(at + t, f64::NAN);
            units.d.resize(at + t, f64::NAN);
            for row in panel.of(person) {
                let slot = at + panel.positions()[row] as usize;
                (units.y[slot], units.d[slot]) = (y[row], d[row]);
            }
            let Some(path) = Change::of(&units.d[at..]) else {
                units.y.truncate(at);
                units.d.truncate(at);
                let all = panel.of(person).all(|row| d[row].is_nan());
                let left = if all { &mut empty } else { &mut gaps };
                left.rows += rows;
                left.persons = left.persons.map(|persons| persons + 1);
                continue;
            };
            for slot in at + path.until..at + t {
                crossed.rows += u64::from(!units.d[slot].is_nan());
                units.y[slot] = f64::NAN;
                units.d[slot] = f64::NAN;
            }
            units.push(&path, at, &mut keys);
            if let (Some(all), Some(own)) = (&codes, &mut units.cluster) {
                own.push(all[person]);
            }
        }
        units.n_clusters = units.n;
        if let Some(own) = &mut units.cluster {
            let factor = Factor::compact(own);
            units.n_clusters = factor.n_levels();
            *own = factor.codes().to_vec();
        }
        let unseen = Count::rows(panel.n_rows())
            .rows
            .saturating_sub(gaps.rows + empty.rows + crossed.rows + units.n_obs as u64);
        let mut step = step
            .exclude("the treatment is never known", empty)
            .exclude("the first change of treatment lies in a gap of the unit", gaps)
            .exclude("the treatment has been above and below the first one", crossed)
            .exclude("the treatment is missing", Count::rows(unseen as usize));
        step.after = Count::of(units.n_obs, units.n);
        Ok((units, step))
    }

    /// One cluster a person.
    fn clusters(&self, panel: &Panel) -> Result<Option<Vec<u32>>, EvaluateError> {
        let Some(name) = &self.cluster else { return Ok(None) };
        if name == panel.persons().name() {
            return Ok(None);
        }
        let column = panel.column("cluster", name)?;
        let (codes, _) = column.ranks();
        let one = |person: usize| {
            let mut own = None;
            for row in panel.of(person) {
                let code = codes[row].ok_or_else(|| EvaluateError::BadArgument {
                    argument: "cluster",
                    expected: "a cluster in every row",
                    got: format!("none in row {row}"),
                })?;
                if *own.get_or_insert(code) != code {
                    return Err(EvaluateError::Varies {
                        argument: "cluster",
                        column: name.clone(),
                        row,
                        why: "units must be nested in clusters",
                    });
                }
            }
            Ok(own.unwrap_or_default())
        };
        (0..panel.persons().len()).map(one).collect::<Result<_, _>>().map(Some)
    }

    /// Effects with their influence functions, one number a unit.
    fn rows(
        &self,
        units: &Units,
        rows: &[(i32, Option<Row>)],
        nothing: &str,
    ) -> (Vec<Effect>, Vec<Option<Vec<f64>>>) {
        let divisor = |row: &Row| match self.scale {
            Scale::Exposure => row.switchers as f64,
            Scale::Dose => row.total,
        };
        let after =
            || rows.iter().filter(|(event, _)| *event >= 0).filter_map(|(_, row)| row.as_ref());
        let dose: f64 = after().map(|row| row.dose).sum();
        let mut effects = Vec::new();
        let mut influences: Vec<Option<Vec<f64>>> = Vec::new();
        let blank = |event: Option<i32>, phase: Phase| Effect {
            cohort: None,
            period: None,
            event,
            phase,
            estimate: 0.0,
            status: Status::Reference,
            n_treated: 0,
            n_control: 0,
        };
        for (event, row) in rows {
            if *event == 0 {
                effects.push(blank(Some(-1), Phase::Before));
                influences.push(None);
            }
            let phase = if *event < 0 { Phase::Before } else { Phase::After };
            let mut own = blank(Some(*event), phase);
            if let Some(row) = row {
                own.estimate = row.sum / divisor(row);
                own.status = Status::Estimated;
                (own.n_treated, own.n_control) = (row.switchers, row.controls);
                let scale = 1.0 / divisor(row);
                influences.push(Some(row.influence.iter().map(|value| value * scale).collect()));
            } else {
                own = super::result::not_estimable(own, nothing);
                influences.push(None);
            }
            effects.push(own);
        }
        let mut overall = blank(None, Phase::Overall);
        if dose > 0.0 {
            overall.estimate = after().map(|row| row.sum).sum::<f64>() / dose;
            overall.status = Status::Estimated;
            let sum = |at: usize| after().map(|row| row.influence[at]).sum::<f64>() / dose;
            influences.push(Some((0..units.n).map(sum).collect()));
        } else {
            overall = super::result::not_estimable(overall, "the doses add up to nothing");
            influences.push(None);
        }
        overall.n_treated = after().map(|row| row.switchers).max().unwrap_or(0);
        overall.n_control = after().map(|row| row.controls).max().unwrap_or(0);
        effects.push(overall);
        (effects, influences)
    }

    fn report(
        &self,
        panel: &Panel,
        units: &Units,
        rows: &[(i32, Option<Row>)],
        mut step: Step,
    ) -> Result<Effects, EvaluateError> {
        let nothing = "no changing unit has a control with the same first treatment";
        if !rows.iter().any(|(event, row)| *event >= 0 && row.is_some()) {
            return Err(EvaluateError::NothingEstimable { why: nothing.to_owned() });
        }
        let (effects, influences) = self.rows(units, rows, nothing);
        let joint = units.covariance(&influences);
        let after = rows.iter().filter(|(event, _)| *event >= 0);
        let compared =
            after.filter_map(|(_, row)| row.as_ref()).map(|row| row.switchers).max().unwrap_or(0);
        let identified = compared as f64 / units.changers as f64;
        let mut cautions = Vec::new();
        if compared < units.changers as u64 {
            let text = format!(
                "{} of {} changing units have no control with the same first treatment, or are \
                 not seen at their change",
                units.changers as u64 - compared,
                units.changers
            );
            cautions.push(caution("identified_share", text));
        }
        if units.n_clusters < 30 {
            let text = format!(
                "{} clusters are few: standard errors and bands are likely too small",
                units.n_clusters
            );
            cautions.push(caution("few_clusters", text));
        }
        for caution in &cautions {
            step.notes.push(caution.text.clone());
        }
        let per = match self.scale {
            Scale::Exposure => "effect of having left the first treatment",
            Scale::Dose => "effect per unit of treatment and period since the change",
        };
        Ok(Effects {
            calendar: *panel.calendar(),
            outcome: self.outcome.clone(),
            method: "intertemporal effects of a first change of treatment".to_owned(),
            by: By::Event,
            rows: effects,
            shares: Vec::new(),
            share_of: Vec::new(),
            joint,
            df: None,
            n_units: units.n as u64,
            n_obs: units.n_obs as u64,
            cluster: self.cluster.clone().unwrap_or_else(|| panel.persons().name().to_owned()),
            n_clusters: units.n_clusters as u64,
            estimand: format!(
                "{per}, by periods since; overall: sum of effects per unit of treatment received"
            ),
            comparison: "units with the same first treatment that have not left it".to_owned(),
            identified,
            cautions,
            account: panel.account().clone().then(step),
        })
    }
}

/// The first change of a path of treatment.
struct Change {
    first: f64,
    new: f64,
    /// The period of the change; the number of periods when there is none.
    at: usize,
    /// Periods from here on are left out: treatment has been on both sides of the first one.
    until: usize,
}

impl Change {
    /// `None` when nothing is known, or the change lies in a gap.
    fn of(path: &[f64]) -> Option<Self> {
        let t = path.len();
        let start = path.iter().position(|d| !d.is_nan())?;
        let first = path[start];
        let differs = |at: &usize| !path[*at].is_nan() && path[*at] != first;
        let Some(change) = (start..t).find(differs) else {
            return Some(Self { first, new: first, at: t, until: t });
        };
        if path[change - 1].is_nan() {
            return None;
        }
        let new = path[change];
        let crosses = |at: &usize| (path[*at] - first) * (new - first) < 0.0;
        let until = (change..t).find(crosses).unwrap_or(t);
        Some(Self { first, new, at: change, until })
    }
}

/// Codes of first treatments, and of cohorts.
#[derive(Default)]
struct Keys {
    first: FxHashMap<u64, u32>,
    cohort: FxHashMap<(u32, usize, u64), u32>,
}

impl Units {
    fn empty(n: usize, t: usize, clustered: bool) -> Self {
        Self {
            n: 0,
            t,
            y: Vec::with_capacity(n * t),
            d: Vec::with_capacity(n * t),
            first: Vec::with_capacity(n),
            change: Vec::with_capacity(n),
            sign: Vec::with_capacity(n),
            cohort: Vec::with_capacity(n),
            cluster: clustered.then(Vec::new),
            n_clusters: 0,
            n_obs: 0,
            changers: 0,
        }
    }

    /// Adds a unit whose outcomes and treatments stand from `at` on.
    fn push(&mut self, path: &Change, at: usize, keys: &mut Keys) {
        self.n_obs += self.d[at..].iter().filter(|d| !d.is_nan()).count();
        let next = keys.first.len() as u32;
        // 0 and -0 are one treatment
        let first = *keys.first.entry((path.first + 0.0).to_bits()).or_insert(next);
        let next = keys.cohort.len() as u32;
        let key = (first, path.at, (path.new + 0.0).to_bits());
        self.cohort.push(*keys.cohort.entry(key).or_insert(next));
        self.first.push(first);
        self.change.push(path.at);
        self.sign.push(if path.new > path.first { 1.0 } else { -1.0 });
        self.changers += usize::from(path.at < self.t);
        self.n += 1;
    }

    /// The change of a unit's outcome to period `at`: from `l` periods before, or, for a placebo,
    /// back from there by `l` more.
    fn difference(&self, unit: usize, at: usize, l: usize, placebo: bool) -> f64 {
        let y = &self.y[unit * self.t..(unit + 1) * self.t];
        let base = y[at - l];
        match (placebo, at.checked_sub(2 * l)) {
            (false, _) => y[at] - base,
            // a placebo rests on units whose effect is estimated too
            (true, Some(back)) if !y[at].is_nan() => y[back] - base,
            (true, _) => f64::NAN,
        }
    }

    fn row(&self, l: usize, placebo: bool) -> Option<Row> {
        let cluster = |unit: usize| self.cluster.as_ref().map(|all| all[unit]);
        let n_first = self.first.iter().max().map_or(0, |code| *code as usize + 1);
        // controls: not yet changed, by period and first treatment
        let mut controls = vec![Cell::default(); self.t * n_first];
        let place = |at: usize, unit: usize| at * n_first + self.first[unit] as usize;
        // periods in which units with this first treatment change, `l` periods ago
        let mut wanted = vec![false; self.t * n_first];
        for unit in 0..self.n {
            let at = self.change[unit] + l - 1;
            if self.change[unit] < self.t && at < self.t {
                wanted[place(at, unit)] = true;
            }
        }
        for unit in 0..self.n {
            for at in l..self.change[unit] {
                if wanted[place(at, unit)] {
                    let change = self.difference(unit, at, l, placebo);
                    if !change.is_nan() {
                        controls[place(at, unit)].add(change, cluster(unit));
                    }
                }
            }
        }
        let mut switching: Vec<(usize, usize, f64)> = Vec::new();
        for unit in 0..self.n {
            let at = self.change[unit] + l - 1;
            if self.change[unit] == 0 || self.change[unit] >= self.t || at >= self.t || at < l {
                continue;
            }
            let change = self.difference(unit, at, l, placebo);
            if !change.is_nan() && controls[place(at, unit)].n > 0 {
                switching.push((unit, at, change));
            }
        }
        if switching.is_empty() {
            return None;
        }
        let mut row = Row {
            switchers: switching.len() as u64,
            controls: 0,
            sum: 0.0,
            dose: 0.0,
            total: 0.0,
            influence: vec![0.0; self.n],
        };
        for sign in [1.0, -1.0] {
            self.direction(&switching, &controls, sign, [l, usize::from(placebo)], &mut row);
        }
        let mut used: Vec<usize> = switching.iter().map(|own| place(own.1, own.0)).collect();
        used.sort_unstable();
        used.dedup();
        row.controls = used.iter().map(|&at| controls[at].n as u64).sum();
        Some(row)
    }

    /// Adds the units whose treatment rises, or falls.
    fn direction(
        &self,
        switching: &[(usize, usize, f64)],
        controls: &[Cell],
        sign: f64,
        kind: [usize; 2],
        row: &mut Row,
    ) {
        let [l, placebo] = [kind[0], kind[1]];
        let n_first = controls.len() / self.t;
        let place = |at: usize, unit: usize| at * n_first + self.first[unit] as usize;
        let cluster = |unit: usize| self.cluster.as_ref().map(|all| all[unit]);
        let own = || switching.iter().filter(|(unit, ..)| self.sign[*unit] == sign);
        let mut cohorts: FxHashMap<u32, Cell> = FxHashMap::default();
        let mut both: FxHashMap<usize, Cell> = FxHashMap::default();
        let mut arrived: FxHashMap<usize, f64> = FxHashMap::default();
        for &(unit, at, change) in own() {
            cohorts.entry(self.cohort[unit]).or_default().add(change, cluster(unit));
            let cell = place(at, unit);
            let union = both.entry(cell).or_insert_with(|| controls[cell].clone());
            union.add(change, cluster(unit));
            *arrived.entry(cell).or_default() += 1.0;
        }
        for &(unit, at, change) in own() {
            let cell = place(at, unit);
            let centre = Centre::of(&cohorts[&self.cohort[unit]], &both[&cell]);
            row.influence[unit] += sign * centre.stretch * (change - centre.mean);
            row.sum += sign * (change - controls[cell].mean());
            let d = &self.d[unit * self.t..(unit + 1) * self.t];
            let first = d[self.change[unit] - 1];
            let dose = |at: usize| if d[at].is_nan() { 0.0 } else { sign * (d[at] - first) };
            row.dose += dose(at);
            row.total += (self.change[unit]..=at).map(dose).sum::<f64>();
        }
        if arrived.is_empty() {
            return;
        }
        for unit in 0..self.n {
            for at in l..self.change[unit].min(self.t) {
                let cell = place(at, unit);
                let Some(count) = arrived.get(&cell) else { continue };
                let change = self.difference(unit, at, l, placebo == 1);
                if change.is_nan() {
                    continue;
                }
                let centre = Centre::of(&controls[cell], &both[&cell]);
                let weight = count / controls[cell].n as f64;
                row.influence[unit] -= sign * weight * centre.stretch * (change - centre.mean);
            }
        }
    }

    /// Covariance of rows from their influence functions, summed by cluster.
    fn covariance(&self, influences: &[Option<Vec<f64>>]) -> Vec<f64> {
        let by_cluster = |values: &Vec<f64>| -> Vec<f64> {
            let Some(codes) = &self.cluster else { return values.clone() };
            let mut sums = vec![0.0; self.n_clusters];
            for (value, &code) in values.iter().zip(codes) {
                sums[code as usize] += value;
            }
            sums
        };
        let sums: Vec<Option<Vec<f64>>> =
            influences.iter().map(|own| own.as_ref().map(by_cluster)).collect();
        let k = sums.len();
        let mut joint = vec![0.0; k * k];
        for (i, left) in sums.iter().enumerate() {
            for (j, right) in sums.iter().enumerate().skip(i) {
                if let (Some(left), Some(right)) = (left, right) {
                    let value = left.iter().zip(right).map(|(a, b)| a * b).sum();
                    joint[i * k + j] = value;
                    joint[j * k + i] = value;
                }
            }
        }
        joint
    }
}
