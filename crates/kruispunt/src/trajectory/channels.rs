use super::alphabet::{MISSING, MOST, VOID};
use super::error::bad;
use super::{Alphabet, Costs, Distances, Prices, Sequences, TrajectoryError, Values};
use crate::data::{Account, Count, Step, Ticket};
use crate::math::pairs::triangle;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Several sequences a person side by side: work and family, say, position by position.
///
/// ```text
/// Channels ──combined──▶ Sequences over pairs of states      (one alphabet of all that occur)
///          ──prices────▶ costs of pairs, added up over channels ──▶ one alignment for all
///          ──parts─────▶ distances a channel ──Distances::sum──▶ an alignment each
/// ```
///
/// Costs added up (`D(x, y) = sum_c w_c d_c(x_c, y_c)` for states, aligned together) are those of
/// Pollock (2007, *Journal of the Royal Statistical Society* A 170(1), 167-183) and Gauthier,
/// Widmer, Bucher & Notredame (2010, *Sociological Methodology* 40(1), 1-38); Ritschard, Liao &
/// Struffolino (2023, *Sociological Methodology* 53(2), 288-322) compare them with distances added
/// up and with costs of the combined alphabet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    names: Vec<String>,
    parts: Vec<Sequences>,
    combined: Sequences,
    /// The states of a combined state, one a channel; `MISSING` where a channel has none.
    states: Vec<Vec<u8>>,
}

impl Channels {
    /// Puts channels side by side. Persons are met by their identifier, in the order of the first
    /// channel; those who are not in all channels are left out and counted. Where a channel has no
    /// state at a position of a person and another has, the combined state says so (`work + *`).
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for fewer than two channels, a person who comes twice,
    /// other positions, other weights, nobody in all channels, and
    /// [`TrajectoryError::TooManyStates`] for more than 250 combined states.
    pub fn new(channels: &[(&str, &Sequences)]) -> Result<Self, TrajectoryError> {
        if channels.len() < 2 {
            return Err(bad("channels", "two channels or more", channels.len()));
        }
        let names: Vec<String> = channels.iter().map(|(name, _)| (*name).to_owned()).collect();
        let width = channels[0].1.positions.len();
        if let Some((_, other)) = channels.iter().find(|(_, own)| own.positions.len() != width) {
            let got = format!("{width} and {}", other.positions.len());
            return Err(bad("channels", "the same number of positions in each", got));
        }
        let rows = common(channels)?;
        let parts: Vec<Sequences> =
            channels.iter().zip(&rows).map(|((_, own), rows)| own.take(rows)).collect();
        if parts.iter().any(|own| own.weights != parts[0].weights) {
            return Err(bad("channels", "the same weight of a person in each", "others"));
        }
        let (codes, states) = combine(&parts)?;
        let label = |codes: &Vec<u8>, part: &dyn Fn(&Sequences, usize) -> String| {
            let each = parts.iter().zip(codes).map(|(own, &code)| match code {
                MISSING => "*".to_owned(),
                code => part(own, code as usize),
            });
            each.collect::<Vec<_>>().join(" + ")
        };
        let of = |part: &dyn Fn(&Sequences, usize) -> String| -> Vec<String> {
            states.iter().map(|codes| label(codes, part)).collect()
        };
        let named = of(&|own, code| own.alphabet.states()[code].name.clone());
        let labels = of(&|own, code| own.alphabet.states()[code].label.clone());
        let alphabet = Alphabet::new(&named, Some(&labels), None)?;
        let (before, after) = (Count::rows(channels[0].1.len()), Count::rows(parts[0].len()));
        let left = channels[0].1.len() - parts[0].len();
        let step = Step::new("channels", names.join(", "), before, after)
            .exclude("not in all channels", Count::rows(left))
            .note(format!("{} combined states occur", states.len()));
        let first = &parts[0];
        let combined = Sequences {
            alphabet,
            positions: first.positions.clone(),
            codes,
            weights: first.weights.clone(),
            weighted: first.weighted,
            id: first.id.clone(),
            ids: first.ids.clone(),
            unique: Vec::new(),
            firsts: Vec::new(),
            account: first.account.clone().then(step),
        }
        .index();
        Ok(Self { names, parts, combined, states })
    }

    /// The names of the channels.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The channels, the same persons in each.
    #[must_use]
    pub fn parts(&self) -> &[Sequences] {
        &self.parts
    }

    /// Sequences of combined states.
    #[must_use]
    pub const fn combined(&self) -> &Sequences {
        &self.combined
    }

    /// Costs of combined states: those of each channel times its weight, added up. `indels` takes
    /// the place of what goes with a channel's costs.
    ///
    /// # Errors
    ///
    /// As [`Sequences::prices`]; [`TrajectoryError::BadArgument`] unless there are costs, a weight
    /// and an indel a channel; [`TrajectoryError::MissingStates`] where a channel lacks a state and
    /// `missing` does not make one of it.
    pub fn prices(
        &self,
        costs: &[Costs],
        indels: &[Option<f64>],
        weights: &[f64],
        missing: bool,
    ) -> Result<Prices, TrajectoryError> {
        check_weights(weights, self.parts.len())?;
        if costs.len() != self.parts.len() || indels.len() != self.parts.len() {
            return Err(bad("costs", "costs and an indel for each channel", costs.len()));
        }
        let gap = |codes: &Vec<u8>| codes.contains(&MISSING);
        if !missing && let Some(state) = self.states.iter().position(gap) {
            let row = (0..self.combined.len())
                .find(|&row| self.combined.row(row).contains(&(state as u8)))
                .unwrap_or_default();
            return Err(TrajectoryError::MissingStates { row });
        }
        let n = self.states.len() + usize::from(missing);
        let mut all = Prices { substitution: vec![0.0; n * n], indel: vec![0.0; n] };
        for (channel, own) in self.parts.iter().enumerate() {
            let mut prices = own.prices(&costs[channel], missing)?;
            if let Some(cost) = indels[channel] {
                if !(cost.is_finite() && cost >= 0.0) {
                    return Err(bad("indel", "a finite cost of at least 0", cost));
                }
                prices.indel.fill(cost);
            }
            let last = own.alphabet.len();
            let states = prices.indel.len();
            // the combined missing state is missing in every channel
            let code = |state: usize| match self.states.get(state).map(|codes| codes[channel]) {
                None | Some(MISSING) => last,
                Some(code) => code as usize,
            };
            for a in 0..n {
                all.indel[a] += weights[channel] * prices.indel[code(a)];
                for b in 0..n {
                    all.substitution[a * n + b] +=
                        weights[channel] * prices.substitution[code(a) * states + code(b)];
                }
            }
        }
        Ok(all)
    }
}

/// The rows of each channel of those who are in all.
fn common(channels: &[(&str, &Sequences)]) -> Result<Vec<Vec<u32>>, TrajectoryError> {
    let mut places: Vec<FxHashMap<String, u32>> = Vec::with_capacity(channels.len());
    for (_, own) in channels {
        let mut at = FxHashMap::default();
        for row in 0..own.len() {
            let label = own.ids.label(row).unwrap_or_default();
            if at.insert(label, row as u32).is_some() {
                let got = format!("one who comes twice, at row {row}");
                return Err(bad("channels", "each person once in a channel", got));
            }
        }
        places.push(at);
    }
    let mut rows = vec![Vec::new(); channels.len()];
    for row in 0..channels[0].1.len() {
        let label = channels[0].1.ids.label(row).unwrap_or_default();
        let found: Option<Vec<u32>> = places.iter().map(|at| at.get(&label).copied()).collect();
        for (rows, found) in rows.iter_mut().zip(found.into_iter().flatten()) {
            rows.push(found);
        }
    }
    if rows[0].is_empty() {
        return Err(bad("channels", "persons who are in all channels", "nobody"));
    }
    Ok(rows)
}

/// Codes of combined states and what they stand for, in the order of the channels' states.
fn combine(parts: &[Sequences]) -> Result<(Vec<u8>, Vec<Vec<u8>>), TrajectoryError> {
    let cells = parts[0].codes.len();
    let tuple = |cell: usize| -> Vec<u8> { parts.iter().map(|own| own.codes[cell]).collect() };
    // after the end in all channels; missing in all, or over in some and missing in the others
    let whole = |codes: &[u8]| {
        if codes.iter().all(|&code| code == VOID) {
            Some(VOID)
        } else if codes.iter().all(|&code| code >= MISSING) {
            Some(MISSING)
        } else {
            None
        }
    };
    let mut seen: FxHashMap<Vec<u8>, u8> = FxHashMap::default();
    for cell in 0..cells {
        let codes = tuple(cell);
        if whole(&codes).is_none() {
            let codes: Vec<u8> = codes.into_iter().map(|code| code.min(MISSING)).collect();
            seen.insert(codes, 0);
        }
        if seen.len() > MOST {
            return Err(TrajectoryError::TooManyStates { got: seen.len(), most: MOST });
        }
    }
    let mut states: Vec<Vec<u8>> = seen.keys().cloned().collect();
    states.sort_unstable();
    for (at, codes) in states.iter().enumerate() {
        seen.insert(codes.clone(), at as u8);
    }
    let code = |cell: usize| {
        let codes = tuple(cell);
        whole(&codes).unwrap_or_else(|| {
            let codes: Vec<u8> = codes.into_iter().map(|code| code.min(MISSING)).collect();
            seen.get(&codes).copied().unwrap_or(MISSING)
        })
    };
    Ok(((0..cells).map(code).collect(), states))
}

fn check_weights(weights: &[f64], n: usize) -> Result<(), TrajectoryError> {
    let fine = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    if weights.len() == n && fine && weights.iter().any(|&weight| weight > 0.0) {
        return Ok(());
    }
    let expected = "a finite weight of at least 0 for each channel, one of them above 0";
    Err(bad("weights", expected, format!("{weights:?}")))
}

impl Sequences {
    /// Some of the sequences, in the order given.
    pub(super) fn take(&self, rows: &[u32]) -> Self {
        let codes = rows.iter().flat_map(|&row| self.row(row as usize).iter().copied()).collect();
        Self {
            alphabet: self.alphabet.clone(),
            positions: self.positions.clone(),
            codes,
            weights: rows.iter().map(|&row| self.weights[row as usize]).collect(),
            weighted: self.weighted,
            id: self.id.clone(),
            ids: self.ids.take(rows),
            unique: Vec::new(),
            firsts: Vec::new(),
            account: self.account.clone(),
        }
        .index()
    }
}

impl Distances {
    /// Distances added up, each times its weight: of the channels of [`Channels::parts`], say.
    /// Persons are the same and in the same order in all.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] for none, other persons, or weights that are none;
    /// [`TrajectoryError::Cancelled`].
    pub fn sum(parts: &[(&Self, f64)], ticket: &Ticket) -> Result<Self, TrajectoryError> {
        let weights: Vec<f64> = parts.iter().map(|(_, weight)| *weight).collect();
        let Some((first, _)) = parts.first() else {
            return Err(bad("parts", "distances to add up", "none"));
        };
        check_weights(&weights, parts.len())?;
        let other =
            parts.iter().find(|(own, _)| own.ids != first.ids || own.weights != first.weights);
        if let Some((other, _)) = other {
            let got = format!("{} and {}", first.len(), other.len());
            return Err(bad("parts", "the same persons in the same order", got));
        }
        // those the same in all parts are the same
        let n = first.len();
        let key = |row: u32| -> Vec<u32> {
            parts.iter().map(|(own, _)| own.unique[row as usize]).collect()
        };
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by(|&a, &b| key(a).cmp(&key(b)).then(a.cmp(&b)));
        let (mut unique, mut firsts) = (vec![0; n], Vec::<u32>::new());
        for &row in &order {
            if firsts.last().is_none_or(|&last| key(last) != key(row)) {
                firsts.push(row);
            }
            unique[row as usize] = firsts.len() as u32 - 1;
        }
        let different = firsts.len();
        let single = parts.iter().all(|(own, _)| matches!(own.values, Values::Single(_)));
        ticket.stage("distances", different as u64);
        let row = |i: usize| -> Vec<f64> {
            if ticket.is_cancelled() {
                return Vec::new();
            }
            let one = firsts[i] as usize;
            let of = |&other: &u32| -> f64 {
                parts.iter().map(|(own, weight)| weight * own.get(one, other as usize)).sum()
            };
            ticket.advance(1);
            firsts[i + 1..].iter().map(of).collect()
        };
        let rows: Vec<Vec<f64>> =
            (0..different.saturating_sub(1)).into_par_iter().map(row).collect();
        if ticket.is_cancelled() {
            return Err(TrajectoryError::Cancelled);
        }
        let mut values = Vec::with_capacity(triangle(different, different.max(1) - 1));
        for row in rows {
            values.extend(row);
        }
        let values = if single {
            Values::Single(values.into_iter().map(|value| value as f32).collect())
        } else {
            Values::Double(values)
        };
        let names: Vec<&str> = parts.iter().map(|(own, _)| own.method.as_str()).collect();
        let all = Count::rows(n);
        let step = Step::new("distances", format!("sum of {}", names.join(", ")), all, all)
            .note(format!("{different} different sequences"));
        let account: Account = first.account.clone().then(step);
        Ok(Self {
            values,
            n: different,
            unique,
            firsts,
            weights: first.weights.clone(),
            id: first.id.clone(),
            ids: first.ids.clone(),
            method: format!("sum of {}", names.join(", ")),
            prices: None,
            cautions: parts.iter().flat_map(|(own, _)| own.cautions.clone()).collect(),
            account,
        })
    }
}
