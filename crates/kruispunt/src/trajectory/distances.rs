use super::alphabet::{MISSING, MOST};
use super::error::bad;
use super::pairwise::{Ends, Lengthened, Localized, Spells, shares, timed};
use super::{Costs, Measure, MissingStates, Normalisation, Prices, Sequences, TrajectoryError};
use crate::data::{Account, Column, Count, Step, Ticket};
use crate::math::pairs::{
    Align, ByPosition, Common, Counted, Differing, Each, Edit, Kernel, Lcs, Pair, Real, Strings,
    Twed, condensed, rectangle, triangle,
};
use serde::{Deserialize, Serialize};

/// Half or full width of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Precision {
    /// `f64` up to 10,000 different sequences, `f32` (about seven digits) for more.
    #[default]
    Auto,
    /// `f32`.
    Single,
    /// `f64`.
    Double,
}

/// Distances, row by row of the upper triangle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Seven digits.
    Single(Vec<f32>),
    /// Fifteen digits.
    Double(Vec<f64>),
}

/// A measure with its costs, before it meets sequences.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::trajectory::{Costs, Dissimilarity, Measure, Reader};
/// let table = Table::new([
///     ("q1", Column::text([Some("school"), Some("school")])),
///     ("q2", Column::text([Some("school"), Some("work")])),
/// ])?;
/// let careers = Reader::new().wide(&table, &["q1", "q2"])?;
/// let om = Dissimilarity::new(Measure::Om).costs(Costs::Constant(2.0)).between(&careers)?;
/// assert_eq!(om.get(0, 1), 2.0);
/// # Ok::<(), kruispunt::trajectory::TrajectoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dissimilarity {
    pub(super) measure: Measure,
    costs: Option<Costs>,
    indel: Option<f64>,
    normalisation: Normalisation,
    missing: MissingStates,
    precision: Precision,
    limit: u64,
}

/// Distances between all sequences; those that are the same are stored once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distances {
    pub(super) values: Values,
    pub(super) n: usize,
    pub(super) unique: Vec<u32>,
    pub(super) firsts: Vec<u32>,
    pub(super) weights: Vec<f64>,
    pub(super) id: String,
    pub(super) ids: Column,
    pub(super) method: String,
    pub(super) prices: Option<Prices>,
    pub(super) cautions: Vec<(String, String)>,
    pub(super) account: Account,
}

/// Strings, costs and cautions.
pub(super) type Prepared = (Strings, Option<Prices>, Vec<(String, String)>);

/// What normalisation needs of each different sequence, and of a pair.
struct Scale {
    lengths: Vec<f64>,
    /// The largest distance there could be, of two lengths in positions.
    most: Box<dyn Fn(usize, usize) -> f64 + Sync>,
}

impl Dissimilarity {
    /// A measure with the defaults: costs of `TraMineR` (constant 2, 1 for HAM), insertions at half
    /// the dearest substitution, not normalised.
    #[must_use]
    pub const fn new(measure: Measure) -> Self {
        Self {
            measure,
            costs: None,
            indel: None,
            normalisation: Normalisation::None,
            missing: MissingStates::Refuse,
            precision: Precision::Auto,
            limit: 8 << 30,
        }
    }

    /// Costs of substitution.
    #[must_use]
    pub fn costs(mut self, costs: Costs) -> Self {
        self.costs = Some(costs);
        self
    }

    /// The cost of an insertion or deletion, in place of the one that goes with the costs.
    #[must_use]
    pub const fn indel(mut self, cost: f64) -> Self {
        self.indel = Some(cost);
        self
    }

    /// Normalisation.
    #[must_use]
    pub const fn normalise(mut self, normalisation: Normalisation) -> Self {
        self.normalisation = normalisation;
        self
    }

    /// Missing states.
    #[must_use]
    pub const fn missing(mut self, missing: MissingStates) -> Self {
        self.missing = missing;
        self
    }

    /// Width of the numbers.
    #[must_use]
    pub const fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The most bytes the distances may take; 8 GiB without.
    #[must_use]
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Distances between all different sequences.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::MissingStates`], [`TrajectoryError::UnequalLength`],
    /// [`TrajectoryError::NotWithMethod`], and [`TrajectoryError::BadArgument`] for costs that are
    /// none and for more distances than `limit` holds.
    pub fn between(&self, sequences: &Sequences) -> Result<Distances, TrajectoryError> {
        self.between_with(sequences, &Ticket::new())
    }

    /// As [`between`](Self::between); the ticket reports progress and stops the work.
    ///
    /// # Errors
    ///
    /// As [`between`](Self::between), and [`TrajectoryError::Cancelled`].
    pub fn between_with(
        &self,
        sequences: &Sequences,
        ticket: &Ticket,
    ) -> Result<Distances, TrajectoryError> {
        let n = sequences.firsts.len();
        let single = match self.precision {
            Precision::Auto => n > 10_000,
            Precision::Single => true,
            Precision::Double => false,
        };
        let bytes = triangle(n, n.max(1) - 1) as u64 * if single { 4 } else { 8 };
        if bytes > self.limit {
            let got = format!("{bytes} bytes for {n} different sequences");
            let expected = "distances that fit in memory; take `clara`, which never holds them all";
            return Err(bad("limit", expected, got));
        }
        let (strings, prices, cautions) = self.prepare(sequences)?;
        let values = if single {
            Values::Single(self.compute(
                sequences,
                (&strings, prices.as_ref()),
                Job::All,
                ticket,
            )?)
        } else {
            Values::Double(self.compute(
                sequences,
                (&strings, prices.as_ref()),
                Job::All,
                ticket,
            )?)
        };
        let (all, different) = (Count::rows(sequences.len()), sequences.firsts.len());
        let step = Step::new("distances", self.measure.name(), all, all)
            .note(format!("{different} different sequences"))
            .note(if single { "in f32, about seven digits" } else { "in f64" });
        Ok(Distances {
            values,
            n,
            unique: sequences.unique.clone(),
            firsts: sequences.firsts.clone(),
            weights: sequences.weights.clone(),
            id: sequences.id.clone(),
            ids: sequences.ids.clone(),
            method: self.measure.name().to_owned(),
            prices,
            cautions,
            account: sequences.account.clone().then(step),
        })
    }

    /// The different sequences as strings of codes, and what it costs to change them.
    pub(super) fn prepare(&self, sequences: &Sequences) -> Result<Prepared, TrajectoryError> {
        if sequences.is_empty() {
            return Err(bad("sequences", "at least one sequence", 0));
        }
        self.check_parameters()?;
        let last = sequences.alphabet.len() as u8;
        let mut bodies: Vec<Vec<u8>> = Vec::with_capacity(sequences.firsts.len());
        for &row in &sequences.firsts {
            let mut body = sequences.body(row as usize).to_vec();
            for code in body.iter_mut().filter(|code| **code == MISSING) {
                if self.missing == MissingStates::Refuse {
                    return Err(TrajectoryError::MissingStates { row: row as usize });
                }
                *code = last;
            }
            bodies.push(body);
        }
        let strings = Strings::new(bodies.iter().map(Vec::as_slice));
        if matches!(self.measure, Measure::Hamming | Measure::DynamicHamming) {
            let expected = strings.get(0).len();
            if let Some(at) = (0..strings.len()).find(|&at| strings.get(at).len() != expected) {
                let (method, row) = (self.measure.name(), sequences.firsts[at] as usize);
                let got = strings.get(at).len();
                return Err(TrajectoryError::UnequalLength { method, row, got, expected });
            }
        }
        if self.measure.without_costs() {
            let method = self.measure.name();
            let why = "this measure has no costs to choose";
            let argument = if self.costs.is_some() { "costs" } else { "indel" };
            if self.costs.is_some() || self.indel.is_some() {
                return Err(TrajectoryError::NotWithMethod { argument, method, why });
            }
            if self.measure == Measure::DynamicHamming && self.missing == MissingStates::State {
                let why = "transition rates by position are of known states";
                return Err(TrajectoryError::NotWithMethod { argument: "missing", method, why });
            }
            return Ok((strings, None, Vec::new()));
        }
        let usual = Costs::Constant(if self.measure == Measure::Hamming { 1.0 } else { 2.0 });
        let missing = self.missing == MissingStates::State;
        let mut prices = sequences.prices(self.costs.as_ref().unwrap_or(&usual), missing)?;
        if let Some(cost) = self.indel {
            if !(cost.is_finite() && cost >= 0.0) {
                return Err(bad("indel", "a finite cost of at least 0", cost));
            }
            prices.indel.fill(cost);
        }
        let cautions = warn(sequences, &prices, &self.measure);
        Ok((strings, Some(prices), cautions))
    }

    fn check_parameters(&self) -> Result<(), TrajectoryError> {
        let parts: &[(&'static str, f64, f64)] = match &self.measure {
            Measure::Local { expansion, context } => {
                &[("expansion", *expansion, f64::MAX), ("context", *context, f64::MAX)]
            }
            Measure::SpellLength { h, .. } => &[("h", *h, 100.0)],
            Measure::Spell { expansion, power } => {
                &[("expansion", *expansion, f64::MAX), ("power", *power, 100.0)]
            }
            Measure::Transitions { origin } => &[("origin", *origin, 1.0)],
            Measure::Twed { stiffness, penalty } => {
                &[("stiffness", *stiffness, f64::MAX), ("penalty", *penalty, f64::MAX)]
            }
            Measure::SpellVectors { power } => &[("power", *power, 100.0)],
            _ => &[],
        };
        match parts.iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            Some((argument, value, _)) => {
                Err(bad(argument, "a number of at least 0 (`origin` at most 1)", value))
            }
            None => Ok(()),
        }
    }

    /// The distances that `job` asks for.
    pub(super) fn compute<T: Real>(
        &self,
        sequences: &Sequences,
        (strings, prices): (&Strings, Option<&Prices>),
        job: Job<'_>,
        ticket: &Ticket,
    ) -> Result<Vec<T>, TrajectoryError> {
        let states = sequences.alphabet.len() + usize::from(self.missing == MissingStates::State);
        let run = Run { strings, states, job, ticket };
        let scale;
        let values = match (&self.measure, prices) {
            (Measure::Om, Some(prices)) => {
                scale = Scale::of(strings, prices);
                run.align(prices)
            }
            (Measure::Hamming, Some(prices)) => {
                scale = Scale::by_position(strings, prices.dearest());
                match prices.one_substitution() {
                    Some(cost) => run.run::<T, _, 64>(&Differing::new(strings, cost)),
                    None => run.lanes(&ByPosition::<T>::new(strings, states, &prices.substitution)),
                }
            }
            (Measure::DynamicHamming, _) => {
                let costs = sequences.changing_prices();
                let dearest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
                let most: f64 = costs.chunks_exact(states * states).map(dearest).sum();
                scale = Scale::with(strings, 1.0, move |_, _| most);
                run.lanes(&ByPosition::<T>::new(strings, states, &costs))
            }
            (Measure::Lcs, _) => {
                scale = Scale::with(strings, 1.0, |n, m| (n + m) as f64);
                run.lcs(1.0)
            }
            (Measure::Prefix | Measure::Suffix, _) => {
                scale = Scale::with(strings, 1.0, |n, m| (n + m) as f64);
                run.each(Ends { strings, from_end: self.measure == Measure::Suffix })
            }
            (measure, prices) => {
                let (own, values) = self.others(sequences, &run, measure, prices)?;
                scale = own;
                values
            }
        };
        let mut values = values.ok_or(TrajectoryError::Cancelled)?;
        self.rescale(strings, &scale, job, &mut values);
        Ok(values)
    }

    /// The measures computed pair by pair.
    fn others<T: Real>(
        &self,
        sequences: &Sequences,
        run: &Run<'_>,
        measure: &Measure,
        prices: Option<&Prices>,
    ) -> Result<(Scale, Option<Vec<T>>), TrajectoryError> {
        let (strings, states) = (run.strings, run.states);
        let empty = Prices { substitution: Vec::new(), indel: Vec::new() };
        let prices = prices.unwrap_or(&empty);
        let mut scale = Scale::of(strings, prices);
        let values = match *measure {
            Measure::Local { expansion, context } => {
                let base = expansion * prices.dearest();
                scale = Scale::with(strings, base, |_, _| 0.0);
                run.each(Edit(Localized { strings, prices, base, context }))
            }
            Measure::SpellLength { h, link } => {
                let kernel = Lengthened::new(strings, prices, h, link);
                let total = |row: usize| {
                    let weights = kernel.weights[row].iter().zip(strings.get(row));
                    weights.map(|(w, &code)| w * prices.indel[code as usize]).sum()
                };
                scale.lengths = (0..strings.len()).map(total).collect();
                run.each(Edit(kernel))
            }
            Measure::Spell { expansion, power } => {
                let spells = Spells::of(strings, expansion, power);
                run.each(Edit(Spells { spells, prices }))
            }
            Measure::Transitions { origin } => {
                let (moves, prices) = moves(strings, prices, origin)?;
                scale = Scale::of(&moves, &prices);
                Run { strings: &moves, states: prices.indel.len(), ..*run }.align(&prices)
            }
            Measure::Twed { stiffness, penalty } => {
                let dearest = prices.dearest();
                let indel = self.indel.unwrap_or(2.0 * dearest + stiffness + penalty);
                let substitution = &prices.substitution;
                scale = Scale::with(strings, indel, move |n, m| {
                    n.abs_diff(m) as f64 * (stiffness + penalty + dearest)
                        + 2.0 * (dearest + stiffness) * n.min(m) as f64
                });
                run.each(Twed { strings, substitution, states, stiffness, penalty, indel })
            }
            Measure::Subsequences => {
                let plain = |row: usize| strings.get(row).iter().map(|&code| (code, 1.0)).collect();
                let rows = (0..strings.len()).map(plain).collect();
                run.each(Common::new(rows, Counted::One))
            }
            Measure::SharedTime => run.each(Common::new(timed(strings, |t| t), Counted::Shared)),
            Measure::SpellVectors { power } => {
                let rows = timed(strings, |length| libm::pow(length, power));
                run.each(Common::new(rows, Counted::Product))
            }
            Measure::ChiSquare { step } | Measure::Euclid { step } => {
                let chi = matches!(measure, Measure::ChiSquare { .. });
                let mut rows = shares(sequences, strings, states, step, chi)?;
                if self.normalisation != Normalisation::None {
                    let intervals = sequences.positions.len().div_ceil(step) as f64;
                    rows.factor = 1.0 / (if chi { intervals } else { 2.0 * intervals }).sqrt();
                }
                run.each(rows)
            }
            _ => None,
        };
        Ok((scale, values))
    }

    /// Normalises distances in place.
    fn rescale<T: Real>(&self, strings: &Strings, scale: &Scale, job: Job<'_>, values: &mut [T]) {
        let how = match self.normalisation {
            Normalisation::Auto => self.measure.usual(),
            own => own,
        };
        if matches!(how, Normalisation::None | Normalisation::Auto) {
            return;
        }
        let scaled = |i: usize, j: usize, value: T| {
            let most = (scale.most)(strings.get(i).len(), strings.get(j).len());
            T::of(how.apply(value.into(), most, scale.lengths[i], scale.lengths[j]))
        };
        let n = strings.len();
        match job {
            Job::All => {
                for i in 0..n.saturating_sub(1) {
                    let row = &mut values[triangle(n, i)..triangle(n, i + 1)];
                    for (j, value) in (i + 1..n).zip(row) {
                        *value = scaled(i, j, *value);
                    }
                }
            }
            Job::Some { rows, columns } => {
                for (&i, row) in rows.iter().zip(values.chunks_exact_mut(columns.len().max(1))) {
                    for (&j, value) in columns.iter().zip(row) {
                        *value = scaled(i as usize, j as usize, *value);
                    }
                }
            }
        }
    }
}

impl Scale {
    /// Lengths in the dearest insertion, as `TraMineR` has them; the most is to delete or substitute
    /// all.
    fn of(strings: &Strings, prices: &Prices) -> Self {
        let (indel, dearest) = (prices.dearest_indel(), prices.dearest());
        Self::with(strings, if prices.indel.is_empty() { 1.0 } else { indel }, move |n, m| {
            let both = n.min(m) as f64 * dearest.min(2.0 * indel);
            n.abs_diff(m) as f64 * indel + both
        })
    }

    fn by_position(strings: &Strings, dearest: f64) -> Self {
        Self::with(strings, 1.0, move |n, _| n as f64 * dearest)
    }

    fn with(
        strings: &Strings,
        position: f64,
        most: impl Fn(usize, usize) -> f64 + Sync + 'static,
    ) -> Self {
        let lengths =
            (0..strings.len()).map(|row| strings.get(row).len() as f64 * position).collect();
        Self { lengths, most: Box::new(most) }
    }
}

/// Which distances.
#[derive(Clone, Copy)]
pub(super) enum Job<'a> {
    /// The upper triangle.
    All,
    /// Each of some with each of others, row by row.
    Some { rows: &'a [u32], columns: &'a [u32] },
}

/// Strings on their way through a kernel.
#[derive(Clone, Copy)]
struct Run<'a> {
    strings: &'a Strings,
    states: usize,
    job: Job<'a>,
    ticket: &'a Ticket,
}

impl Run<'_> {
    /// As many lanes as are fastest for the type.
    fn lanes<T: Real, K: Kernel<T, 32> + Kernel<T, 16>>(&self, kernel: &K) -> Option<Vec<T>> {
        if size_of::<T>() == 4 {
            self.run::<T, K, 32>(kernel)
        } else {
            self.run::<T, K, 16>(kernel)
        }
    }

    fn each<T: Real, P: Pair>(&self, pair: P) -> Option<Vec<T>> {
        self.run::<T, _, 16>(&Each(pair))
    }

    fn run<T: Real, K: Kernel<T, W>, const W: usize>(&self, kernel: &K) -> Option<Vec<T>> {
        match self.job {
            Job::All => condensed::<T, K, W>(self.strings.len(), kernel, self.ticket),
            Job::Some { rows, columns } => rectangle::<T, K, W>(rows, columns, kernel, self.ticket),
        }
    }

    /// Edit distance; where a substitution never beats deleting and inserting, by the longest
    /// common subsequence.
    fn align<T: Real>(&self, prices: &Prices) -> Option<Vec<T>> {
        let (one, indel) = (prices.one_indel(), prices.dearest_indel());
        let n = self.states;
        let differ = |at: &usize| at / n != at % n;
        let cheapest = (0..n * n)
            .filter(differ)
            .map(|at| prices.substitution[at])
            .fold(f64::INFINITY, f64::min);
        if one && cheapest >= 2.0 * indel && self.strings.longest() <= 256 {
            return self.lcs(indel);
        }
        let Prices { substitution, indel } = prices;
        if one {
            self.lanes(&Align::<T, true>::new(self.strings, substitution, indel))
        } else {
            self.lanes(&Align::<T, false>::new(self.strings, substitution, indel))
        }
    }

    /// `unit (n + m - 2 L)`.
    fn lcs<T: Real>(&self, unit: f64) -> Option<Vec<T>> {
        let value = move |n: usize, m: usize, common: usize| unit * (n + m - 2 * common) as f64;
        let (strings, states) = (self.strings, self.states);
        match strings.longest().div_ceil(64) {
            0 | 1 => self.run::<T, _, 32>(&Lcs::<_, 1>::new(strings, states, value)),
            2 => self.run::<T, _, 16>(&Lcs::<_, 2>::new(strings, states, value)),
            3 => self.run::<T, _, 8>(&Lcs::<_, 3>::new(strings, states, value)),
            4 => self.run::<T, _, 8>(&Lcs::<_, 4>::new(strings, states, value)),
            _ => {
                let differ = |at: usize| if at / states == at % states { 0.0 } else { 2.0 * unit };
                let costs: Vec<f64> = (0..states * states).map(differ).collect();
                self.lanes(&Align::<T, true>::new(strings, &costs, &vec![unit; states]))
            }
        }
    }
}

/// Sequences as moves from each position to the next (the last stays), and what they cost.
fn moves(
    strings: &Strings,
    prices: &Prices,
    origin: f64,
) -> Result<(Strings, Prices), TrajectoryError> {
    let states = prices.indel.len();
    let (dearest, most_indel) = (prices.dearest(), prices.dearest_indel());
    if dearest <= 0.0 {
        return Err(bad("costs", "some substitution that costs", 0));
    }
    let follow = |string: &[u8], at: usize| (string[at], string[(at + 1).min(string.len() - 1)]);
    let mut seen: Vec<(u8, u8)> = Vec::new();
    let mut place = vec![usize::MAX; states * states];
    let mut coded: Vec<Vec<u8>> = Vec::with_capacity(strings.len());
    for row in 0..strings.len() {
        let string = strings.get(row);
        let mut codes = Vec::with_capacity(string.len());
        for at in 0..string.len() {
            let (from, to) = follow(string, at);
            let slot = &mut place[from as usize * states + to as usize];
            if *slot == usize::MAX {
                *slot = seen.len();
                seen.push((from, to));
            }
            codes.push(*slot as u8);
        }
        if seen.len() > MOST {
            return Err(TrajectoryError::TooManyStates { got: seen.len(), most: MOST });
        }
        coded.push(codes);
    }
    let rate = most_indel / dearest;
    let stay = |state: u8| origin * rate * prices.indel[state as usize] / most_indel.max(1e-300);
    let moved = |(from, to): (u8, u8)| if from == to { 0.0 } else { (1.0 - origin) * rate };
    let indel: Vec<f64> = seen.iter().map(|&pair| stay(pair.0) + moved(pair)).collect();
    let mut substitution = vec![0.0; seen.len() * seen.len()];
    for (i, &one) in seen.iter().enumerate() {
        for (j, &other) in seen.iter().enumerate().filter(|(j, _)| *j != i) {
            let cost = prices.substitution[one.0 as usize * states + other.0 as usize] / dearest;
            substitution[i * seen.len() + j] = origin * cost + moved(one) + moved(other);
        }
    }
    let strings = Strings::new(coded.iter().map(Vec::as_slice));
    Ok((strings, Prices { substitution, indel }))
}

/// What a reader must know about costs.
fn warn(sequences: &Sequences, prices: &Prices, measure: &Measure) -> Vec<(String, String)> {
    let mut cautions = Vec::new();
    let name = |state: usize| {
        sequences.alphabet.states().get(state).map_or("missing", |state| state.name.as_str())
    };
    if let Some((a, b, via)) = prices.detour() {
        let text = format!(
            "turning {} into {} costs more than going over {}; distances may break the triangle inequality",
            name(a),
            name(b),
            name(via)
        );
        cautions.push(("triangle_inequality".to_owned(), text));
    }
    let dear = prices.dearest() > 2.0 * prices.dearest_indel() + 1e-12;
    if dear && matches!(measure, Measure::Om) {
        let text = "some substitutions cost more than deleting and inserting and are never made";
        cautions.push(("substitution_never_made".to_owned(), text.to_owned()));
    }
    cautions
}

impl Distances {
    /// How many sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unique.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unique.is_empty()
    }

    /// How many different sequences.
    #[must_use]
    pub const fn n_unique(&self) -> usize {
        self.n
    }

    /// The distances between different sequences.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// The number of each sequence among the different ones.
    #[must_use]
    pub fn unique_of(&self) -> &[u32] {
        &self.unique
    }

    /// The measure.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The costs, where the measure has any.
    #[must_use]
    pub const fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> &[(String, String)] {
        &self.cautions
    }

    /// What happened to the rows so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The distance of two sequences.
    ///
    /// # Panics
    ///
    /// When there is no such sequence.
    #[must_use]
    pub fn get(&self, one: usize, other: usize) -> f64 {
        self.of_unique(self.unique[one] as usize, self.unique[other] as usize)
    }

    /// The distance of two different sequences.
    pub(super) fn of_unique(&self, i: usize, j: usize) -> f64 {
        if i == j {
            return 0.0;
        }
        let at = triangle(self.n, i.min(j)) + i.max(j) - i.min(j) - 1;
        match &self.values {
            Values::Single(values) => f64::from(values[at]),
            Values::Double(values) => values[at],
        }
    }

    /// All distances as a square, shape `(n, n)`.
    #[must_use]
    pub fn square(&self) -> ndarray::Array2<f64> {
        let n = self.len();
        ndarray::Array2::from_shape_fn((n, n), |(one, other)| self.get(one, other))
    }
}
