//! Units whose treatment changes, their controls, and what each adds to an effect.

use super::switching::Switchers;
use super::trends::Trends;
use rustc_hash::FxHashMap;

/// No cell, no cluster.
const NONE: u32 = u32::MAX;

/// Why a unit is left out from a period on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Treatment has been on both sides of the first one.
    Crossed,
    /// The first change lies between two periods in which treatment is known.
    Gap,
    /// Treatment has not changed and is not known any more.
    Unknown,
}

/// The first change of a path of treatment.
pub(super) struct Change {
    pub(super) first: f64,
    pub(super) new: f64,
    /// The period of the change; the number of periods when there is none.
    pub(super) at: usize,
    /// Periods before this one and from the other on are left out.
    pub(super) from: usize,
    pub(super) until: usize,
    pub(super) left: Left,
}

impl Change {
    /// `None` when nothing is known.
    pub(super) fn of(path: &[f64]) -> Option<Self> {
        let t = path.len();
        let known = |at: &usize| !path[*at].is_nan();
        let from = (0..t).find(known)?;
        let first = path[from];
        let Some(change) = (from..t).find(|at| known(at) && path[*at] != first) else {
            let until = (from..t).rev().find(known)? + 1;
            return Some(Self { first, new: first, at: t, from, until, left: Left::Unknown });
        };
        if path[change - 1].is_nan() {
            // it may serve as a control as long as it is known not to have changed
            let until = (from..change).rev().find(known)? + 1;
            return Some(Self { first, new: first, at: t, from, until, left: Left::Gap });
        }
        let new = path[change];
        let crosses = |at: &usize| (path[*at] - first) * (new - first) < 0.0;
        let until = (change..t).find(crosses).unwrap_or(t);
        Some(Self { first, new, at: change, from, until, left: Left::Crossed })
    }
}

/// Units, by period of the panel; NaN where absent.
pub(super) struct Units {
    pub(super) n: usize,
    pub(super) t: usize,
    pub(super) y: Vec<f64>,
    pub(super) d: Vec<f64>,
    /// Code of the first treatment (and of what units must have in common besides), how many codes,
    /// the period of the first change (`t` for none), its direction, and code of first treatment,
    /// period and new treatment.
    pub(super) group: Vec<u32>,
    pub(super) n_groups: usize,
    pub(super) change: Vec<usize>,
    pub(super) sign: Vec<f64>,
    pub(super) cohort: Vec<u32>,
    pub(super) n_cohorts: usize,
    pub(super) weight: Vec<f64>,
    pub(super) cluster: Option<Vec<u32>>,
    pub(super) n_clusters: usize,
    pub(super) n_obs: usize,
    /// Trends by first treatment, taken out of outcomes already.
    pub(super) trends: Option<Trends>,
}

/// Codes of groups and cohorts.
#[derive(Default)]
pub(super) struct Keys {
    group: FxHashMap<(u64, u32), u32>,
    cohort: FxHashMap<(u32, usize, u64), u32>,
}

/// Which changes of the outcome: since the change, or before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Effect,
    Placebo,
}

/// Effects or placebos at one distance.
pub(super) struct Row {
    /// Switching units and controls.
    pub(super) switchers: u64,
    pub(super) controls: u64,
    /// Which side is one cluster or unit alone, if any.
    pub(super) lone: Option<&'static str>,
    /// Weight of switchers; sum of effects, and of doses in the period and since the change.
    pub(super) weight: f64,
    pub(super) sum: f64,
    pub(super) dose: f64,
    pub(super) total: f64,
    /// One number a unit: its part in the sum, around means.
    pub(super) influence: Vec<f64>,
}

/// A unit that has changed, in the period of the outcome.
#[derive(Clone, Copy)]
struct Switched {
    unit: usize,
    at: usize,
    cell: u32,
    change: f64,
}

/// Long differences of some units: how many pieces, and their mean.
#[derive(Clone, Copy, Default)]
struct Cell {
    n: usize,
    weight: f64,
    sum: f64,
    pieces: usize,
}

impl Cell {
    fn add(&mut self, weight: f64, change: f64) {
        self.n += 1;
        self.weight += weight;
        self.sum += weight * change;
    }

    fn joined(self, other: Self, pieces: usize) -> Self {
        Self {
            n: self.n + other.n,
            weight: self.weight + other.weight,
            sum: self.sum + other.sum,
            pieces,
        }
    }

    fn mean(self) -> f64 {
        self.sum / self.weight
    }

    /// Around which mean a change lies and by how much it is stretched: of the cell, or of it and
    /// the other side when it is alone.
    fn centre(self, both: Self) -> Centre {
        let of = |cell: Self| {
            let n = cell.pieces as f64;
            Centre { mean: cell.mean(), stretch: (n / (n - 1.0)).sqrt() }
        };
        match (self.pieces, both.pieces) {
            (n, _) if n > 1 => of(self),
            (_, n) if n > 1 => of(both),
            _ => Centre { mean: 0.0, stretch: 1.0 },
        }
    }
}

#[derive(Clone, Copy)]
struct Centre {
    mean: f64,
    stretch: f64,
}

/// What is compared at one distance.
struct Compared {
    l: usize,
    kind: Kind,
    /// The cell of a period and a group; `NONE` where nobody changed `l` periods ago.
    index: Vec<u32>,
    switched: Vec<Switched>,
    controls: Vec<Cell>,
}

/// Distinct clusters by cell.
fn pieces(mut pairs: Vec<(u32, u32)>, n_cells: usize) -> Vec<usize> {
    pairs.sort_unstable();
    pairs.dedup();
    let mut counts = vec![0; n_cells];
    for (cell, _) in pairs {
        counts[cell as usize] += 1;
    }
    counts
}

impl Units {
    pub(super) fn empty(n: usize, t: usize, clustered: bool) -> Self {
        Self {
            n: 0,
            t,
            y: Vec::with_capacity(n * t),
            d: Vec::with_capacity(n * t),
            group: Vec::with_capacity(n),
            n_groups: 0,
            change: Vec::with_capacity(n),
            sign: Vec::with_capacity(n),
            cohort: Vec::with_capacity(n),
            n_cohorts: 0,
            weight: Vec::with_capacity(n),
            cluster: clustered.then(Vec::new),
            n_clusters: 0,
            n_obs: 0,
            trends: None,
        }
    }

    /// Adds a unit whose outcomes and treatments stand at the end already.
    pub(super) fn push(
        &mut self,
        path: &Change,
        (first, within): (f64, u32),
        weight: f64,
        keys: &mut Keys,
    ) {
        let next = keys.group.len() as u32;
        // 0 and -0 are one treatment
        let group = *keys.group.entry(((first + 0.0).to_bits(), within)).or_insert(next);
        let next = keys.cohort.len() as u32;
        let key = (group, path.at, (path.new + 0.0).to_bits());
        self.cohort.push(*keys.cohort.entry(key).or_insert(next));
        self.n_cohorts = keys.cohort.len();
        self.group.push(group);
        self.n_groups = keys.group.len();
        self.change.push(path.at);
        self.sign.push(if path.new > path.first { 1.0 } else { -1.0 });
        self.weight.push(weight);
        self.n += 1;
    }

    /// Units whose treatment changes in one of these directions.
    pub(super) fn changers(&self, switchers: Switchers) -> usize {
        let changes = |unit: &usize| self.change[*unit] < self.t && self.counts(*unit, switchers);
        (0..self.n).filter(changes).count()
    }

    /// The share of changing units that are alone, or one cluster, in when and what they changed.
    pub(super) fn alone(&self, switchers: Switchers) -> f64 {
        let changes = |unit: &usize| self.change[*unit] < self.t && self.counts(*unit, switchers);
        let all: Vec<usize> = (0..self.n).filter(changes).collect();
        let pairs = all.iter().map(|&unit| (self.cohort[unit], self.clusters(unit))).collect();
        let counts = pieces(pairs, self.n_cohorts);
        let alone = all.iter().filter(|&&unit| counts[self.cohort[unit] as usize] == 1).count();
        alone as f64 / all.len().max(1) as f64
    }

    /// Changing units that are seen so many periods after their change.
    pub(super) fn seen(&self, after: usize, switchers: Switchers) -> usize {
        let here = |unit: &usize| {
            let at = self.change[*unit] + after;
            at < self.t && self.counts(*unit, switchers) && !self.y[*unit * self.t + at].is_nan()
        };
        (0..self.n).filter(here).count()
    }

    fn counts(&self, unit: usize, switchers: Switchers) -> bool {
        match switchers {
            Switchers::All => true,
            Switchers::In => self.sign[unit] > 0.0,
            Switchers::Out => self.sign[unit] < 0.0,
        }
    }

    fn clusters(&self, unit: usize) -> u32 {
        self.cluster.as_ref().map_or(unit as u32, |all| all[unit])
    }

    fn place(&self, at: usize, unit: usize) -> usize {
        at * self.n_groups + self.group[unit] as usize
    }

    /// The change of a unit's outcome to period `at`: from `l` periods before, or, for a placebo,
    /// back from there by `l` more.
    fn difference(&self, unit: usize, at: usize, l: usize, kind: Kind) -> f64 {
        let y = &self.y[unit * self.t..(unit + 1) * self.t];
        let base = y[at - l];
        match (kind, at.checked_sub(2 * l)) {
            (Kind::Effect, _) => y[at] - base,
            // a placebo rests on units whose effect is estimated too
            (Kind::Placebo, Some(back)) if !y[at].is_nan() => y[back] - base,
            (Kind::Placebo, _) => f64::NAN,
        }
    }

    /// Calls `each` with a unit that has not changed, its cell and its change of the outcome.
    fn controls(&self, of: &Compared, mut each: impl FnMut(usize, u32, f64)) {
        for unit in 0..self.n {
            for at in of.l..self.change[unit].min(self.t) {
                let cell = of.index[self.place(at, unit)];
                if cell != NONE {
                    let change = self.difference(unit, at, of.l, of.kind);
                    if !change.is_nan() {
                        each(unit, cell, change);
                    }
                }
            }
        }
    }

    /// Switching units and their controls at a distance, or why there are none.
    fn compare(
        &self,
        l: usize,
        kind: Kind,
        switchers: Switchers,
        allowed: Option<&[bool]>,
    ) -> Result<Compared, String> {
        let mut index = vec![NONE; self.t * self.n_groups];
        let mut switched = Vec::new();
        let mut n_cells = 0;
        for unit in (0..self.n).filter(|&unit| allowed.is_none_or(|own| own[unit])) {
            let (from, at) = (self.change[unit], self.change[unit] + l - 1);
            if from == 0 || at >= self.t || at < l || !self.counts(unit, switchers) {
                continue;
            }
            let change = self.difference(unit, at, l, kind);
            if !change.is_nan() {
                let cell = &mut index[self.place(at, unit)];
                if *cell == NONE {
                    *cell = n_cells;
                    n_cells += 1;
                }
                switched.push(Switched { unit, at, cell: *cell, change });
            }
        }
        if switched.is_empty() {
            return Err(match kind {
                Kind::Effect => {
                    format!("no changing unit is seen right before its change and {l} periods on")
                }
                Kind::Placebo => {
                    format!("no changing unit is seen {l} periods before, right before and {l} on")
                }
            });
        }
        let mut of = Compared {
            l,
            kind,
            index,
            switched,
            controls: vec![Cell::default(); n_cells as usize],
        };
        let mut controls = vec![Cell::default(); n_cells as usize];
        let mut pairs = Vec::new();
        self.controls(&of, |unit, cell, change| {
            controls[cell as usize].add(self.weight[unit], change);
            if self.cluster.is_some() {
                pairs.push((cell, self.clusters(unit)));
            }
        });
        let counts = self.cluster.is_some().then(|| pieces(pairs, controls.len()));
        for (at, cell) in controls.iter_mut().enumerate() {
            cell.pieces = counts.as_ref().map_or(cell.n, |all| all[at]);
        }
        of.switched.retain(|own| controls[own.cell as usize].n > 0);
        of.controls = controls;
        if of.switched.is_empty() {
            return Err(
                "no changing unit has a control with the same first treatment that has not left \
                 it by then"
                    .to_owned(),
            );
        }
        Ok(of)
    }

    /// Units whose effect can be estimated at this distance.
    pub(super) fn estimable(&self, l: usize, switchers: Switchers) -> Vec<bool> {
        let mut all = vec![false; self.n];
        if let Ok(of) = self.compare(l, Kind::Effect, switchers, None) {
            for own in of.switched {
                all[own.unit] = true;
            }
        }
        all
    }

    /// The effect or placebo at one distance, or why there is none.
    pub(super) fn row(
        &self,
        l: usize,
        kind: Kind,
        switchers: Switchers,
        allowed: Option<&[bool]>,
    ) -> Result<Row, String> {
        let of = self.compare(l, kind, switchers, allowed)?;
        let mut used: Vec<u32> = of.switched.iter().map(|own| own.cell).collect();
        used.sort_unstable();
        used.dedup();
        let mut row = Row {
            switchers: of.switched.len() as u64,
            controls: used.iter().map(|&cell| of.controls[cell as usize].n as u64).sum(),
            lone: self.lone(&of),
            weight: of.switched.iter().map(|own| self.weight[own.unit]).sum(),
            sum: 0.0,
            dose: 0.0,
            total: 0.0,
            influence: vec![0.0; self.n],
        };
        for sign in [1.0, -1.0] {
            self.direction(&of, sign, &mut row);
        }
        if let Some(trends) = &self.trends {
            trends.influence(self, &self.gaps(&of, trends), &mut row.influence);
        }
        Ok(row)
    }

    /// The side of a comparison that is one cluster or unit, whose variance cannot be known.
    fn lone(&self, of: &Compared) -> Option<&'static str> {
        let mut first = None;
        let mut several = false;
        for own in &of.switched {
            let cluster = self.clusters(own.unit);
            several |= *first.get_or_insert(cluster) != cluster;
        }
        if !several {
            return Some("one changing unit or cluster, whose variance cannot be known");
        }
        (first, several) = (None, false);
        let mut used = vec![false; of.controls.len()];
        for own in &of.switched {
            used[own.cell as usize] = true;
        }
        self.controls(of, |unit, cell, _| {
            if used[cell as usize] {
                let cluster = self.clusters(unit);
                several |= *first.get_or_insert(cluster) != cluster;
            }
        });
        (!several).then_some("one control unit or cluster, whose variance cannot be known")
    }

    /// Adds the units whose treatment rises, or falls.
    fn direction(&self, of: &Compared, sign: f64, row: &mut Row) {
        let own = || of.switched.iter().filter(|own| self.sign[own.unit] == sign);
        let mut cohorts = vec![Cell::default(); self.n_cohorts];
        let mut arrived = vec![Cell::default(); of.controls.len()];
        for one in own() {
            let weight = self.weight[one.unit];
            cohorts[self.cohort[one.unit] as usize].add(weight, one.change);
            arrived[one.cell as usize].add(weight, one.change);
        }
        let both = self.joined(of, sign, &mut cohorts, &arrived);
        for one in own() {
            let weight = self.weight[one.unit];
            let cell = one.cell as usize;
            let centre = cohorts[self.cohort[one.unit] as usize].centre(both[cell]);
            row.influence[one.unit] += sign * weight * centre.stretch * (one.change - centre.mean);
            row.sum += sign * weight * (one.change - of.controls[cell].mean());
            let d = &self.d[one.unit * self.t..(one.unit + 1) * self.t];
            let from = self.change[one.unit];
            // a dose that is not known is taken to be that of the change
            let known = |at: usize| if d[at].is_nan() { d[from] } else { d[at] };
            let dose = |at: usize| sign * weight * (known(at) - d[from - 1]);
            row.dose += dose(one.at);
            row.total += (from..=one.at).map(dose).sum::<f64>();
        }
        let centres: Vec<Centre> =
            of.controls.iter().zip(&both).map(|(cell, both)| cell.centre(*both)).collect();
        self.controls(of, |unit, cell, change| {
            let (cell, centre) = (cell as usize, centres[cell as usize]);
            if arrived[cell].n > 0 {
                let share = arrived[cell].weight / of.controls[cell].weight;
                row.influence[unit] -=
                    sign * share * self.weight[unit] * centre.stretch * (change - centre.mean);
            }
        });
    }

    /// By period: how far first treatments of changing units lie from those of their controls.
    fn gaps(&self, of: &Compared, trends: &Trends) -> Vec<Vec<f64>> {
        let mut own: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.t];
        let mut signed = vec![0.0; of.controls.len()];
        let mut period = vec![0; of.controls.len()];
        for one in &of.switched {
            let weight = self.sign[one.unit] * self.weight[one.unit];
            own[one.at].push((one.unit, weight));
            signed[one.cell as usize] += weight;
            period[one.cell as usize] = one.at;
        }
        self.controls(of, |unit, cell, _| {
            let cell = cell as usize;
            let weight = signed[cell] / of.controls[cell].weight * self.weight[unit];
            own[period[cell]].push((unit, -weight));
        });
        let mut gaps = vec![trends.gap(std::iter::empty()); self.t];
        for (at, own) in own.into_iter().enumerate().filter(|(_, own)| !own.is_empty()) {
            let gap = trends.gap(own.into_iter());
            // an effect runs over the periods since the change, a placebo back from it
            let (over, sign) = match of.kind {
                Kind::Effect => (at - of.l + 1..=at, 1.0),
                Kind::Placebo => (at - 2 * of.l + 1..=at - of.l, -1.0),
            };
            for step in over {
                for (sum, own) in gaps[step].iter_mut().zip(&gap) {
                    *sum += sign * own;
                }
            }
        }
        gaps
    }

    /// Switching units and controls taken together, by cell; counts the pieces of all.
    fn joined(
        &self,
        of: &Compared,
        sign: f64,
        cohorts: &mut [Cell],
        arrived: &[Cell],
    ) -> Vec<Cell> {
        let n_cells = arrived.len();
        if self.cluster.is_none() {
            for cell in cohorts.iter_mut() {
                cell.pieces = cell.n;
            }
            let both = |(own, other): (&Cell, &Cell)| own.joined(*other, own.n + other.n);
            return arrived.iter().zip(&of.controls).map(both).collect();
        }
        let mut of_cohort = Vec::new();
        let mut of_cell = Vec::new();
        for one in of.switched.iter().filter(|own| self.sign[own.unit] == sign) {
            of_cohort.push((self.cohort[one.unit], self.clusters(one.unit)));
            of_cell.push((one.cell, self.clusters(one.unit)));
        }
        self.controls(of, |unit, cell, _| of_cell.push((cell, self.clusters(unit))));
        for (cell, n) in cohorts.iter_mut().zip(pieces(of_cohort, self.n_cohorts)) {
            cell.pieces = n;
        }
        let counts = pieces(of_cell, n_cells);
        let both = |at: usize| arrived[at].joined(of.controls[at], counts[at]);
        (0..n_cells).map(both).collect()
    }

    /// Covariance of rows from their influence functions, summed by cluster.
    pub(super) fn covariance(&self, influences: &[Option<Vec<f64>>]) -> Vec<f64> {
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
