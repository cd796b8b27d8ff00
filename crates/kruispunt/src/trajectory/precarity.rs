use super::alphabet::MISSING;
use super::error::bad;
use super::{Indicator, Sequences, TrajectoryError};
use serde::{Deserialize, Serialize};

/// What a change of state counts for in [`Sequences::degradation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChangeWeight {
    /// The difference between the two degrees.
    #[default]
    Rank,
    /// One, whatever the states.
    One,
    /// One less how often the first state is followed by the second where states change, over all
    /// sequences: rare changes count.
    Rates,
}

/// Indices of how undesirable a career is, from a degree between 0 (best) and 1 (worst) of each
/// state; `None` is not comparable: a change into and out of such a state is the change between
/// the comparable states around it, and a career that begins in one begins at the mean degree.
///
/// Ritschard, Bussi & O'Reilly 2018, in *Sequence Analysis and Related Approaches*, Springer,
/// 279-295; Ritschard 2023, *Sociological Methods & Research* 52(4), 2016-2049.
impl Sequences {
    /// Changes for the worse less changes for the better, over all changes, each with its weight:
    /// from -1 to 1, 0 without a change.
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::BadArgument`] unless there is a degree a state, one of them known.
    pub fn degradation(
        &self,
        degrees: &[Option<f64>],
        weight: ChangeWeight,
    ) -> Result<Vec<f64>, TrajectoryError> {
        let own = Degrees::of(self, degrees)?;
        let rates = self.change_rates(&own);
        let states = self.alphabet.len();
        let of = |row: usize| {
            let spells = own.spells(self, row);
            let (mut signed, mut all) = (0.0, 0.0);
            for pair in spells.windows(2) {
                let (a, b) = (pair[0].0, pair[1].0);
                let gap = own.known(b) - own.known(a);
                let weight = match weight {
                    ChangeWeight::Rank => gap.abs(),
                    ChangeWeight::One => 1.0,
                    ChangeWeight::Rates => 1.0 - rates[a as usize * states + b as usize],
                };
                signed += weight * if gap > 0.0 { 1.0 } else { -1.0 };
                all += weight;
            }
            if all > 0.0 { signed / all } else { 0.0 }
        };
        Ok(self.of_different(of))
    }

    /// Precarity, `start a(x_1) + (1 - start) (1 + q(x))^correction c(x)^power`, with `a(x_1)` the
    /// degree of the first state, q the [`degradation`](Self::degradation) and c the complexity.
    /// With the defaults of the literature, 0.2, 1.2 and 1.
    ///
    /// # Errors
    ///
    /// As [`degradation`](Self::degradation), and for a trade-off outside 0 to 1 or exponents below 0.
    pub fn precarity(
        &self,
        degrees: &[Option<f64>],
        weight: ChangeWeight,
        start: f64,
        (correction, power): (f64, f64),
    ) -> Result<Vec<f64>, TrajectoryError> {
        if !(0.0..=1.0).contains(&start) {
            return Err(bad("start", "a number from 0 to 1", start));
        }
        for (argument, value) in [("correction", correction), ("power", power)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(bad(argument, "a finite number of at least 0", value));
            }
        }
        let own = Degrees::of(self, degrees)?;
        let worse = self.degradation(degrees, weight)?;
        let complexity = self.indicator(Indicator::Complexity);
        let first: Vec<f64> = self.of_different(|row| own.first(self, row));
        let of = |((first, worse), complexity): ((&f64, &f64), &f64)| {
            let changed = libm::pow(1.0 + worse, correction) * libm::pow(*complexity, power);
            start * first + (1.0 - start) * changed
        };
        Ok(first.iter().zip(&worse).zip(&complexity).map(of).collect())
    }

    /// Insecurity, `a(x_1) i_1 + c(x) + sum_s g_s i_s`: the degree of the first state, the complexity,
    /// and the change of degree at each change of state (for the worse above 0); each spell counts by
    /// its integration `i = sum_(t in spell) t^power / sum_t t^power`, so that what comes late and
    /// lasts weighs more.
    ///
    /// # Errors
    ///
    /// As [`degradation`](Self::degradation), and for an exponent below 0.
    pub fn insecurity(
        &self,
        degrees: &[Option<f64>],
        power: f64,
    ) -> Result<Vec<f64>, TrajectoryError> {
        if !(power.is_finite() && power >= 0.0) {
            return Err(bad("power", "a finite number of at least 0", power));
        }
        let own = Degrees::of(self, degrees)?;
        let complexity = self.indicator(Indicator::Complexity);
        let of = |row: usize| {
            let weigh = |at: usize| libm::pow(at as f64 + 1.0, power);
            let known: Vec<usize> =
                (0..self.positions.len()).filter(|&at| self.row(row)[at] < MISSING).collect();
            let all: f64 = known.iter().map(|&at| weigh(at)).sum();
            let mut sum = 0.0;
            let mut before: Option<f64> = None;
            for (code, places) in own.spells(self, row) {
                let share = places.iter().map(|&at| weigh(at)).sum::<f64>() / all;
                let degree = own.known(code);
                sum += share * before.map_or_else(|| own.first(self, row), |last| degree - last);
                before = Some(degree);
            }
            if before.is_none() { own.first(self, row) } else { sum }
        };
        let found = self.of_different(of);
        Ok(found.iter().zip(&complexity).map(|(sum, complexity)| sum + complexity).collect())
    }

    /// Undesirableness, `sum_t t^power a(x_t) / sum_t t^power`: 1 for a career in the worst state, 0 for
    /// one in the best; late positions weigh more where `power` is above 0.
    ///
    /// # Errors
    ///
    /// As [`insecurity`](Self::insecurity).
    pub fn badness(
        &self,
        degrees: &[Option<f64>],
        power: f64,
    ) -> Result<Vec<f64>, TrajectoryError> {
        if !(power.is_finite() && power >= 0.0) {
            return Err(bad("power", "a finite number of at least 0", power));
        }
        let own = Degrees::of(self, degrees)?;
        let of = |row: usize| {
            let (mut sum, mut all) = (0.0, 0.0);
            for (at, &code) in self.row(row).iter().enumerate() {
                if code < MISSING {
                    let weight = libm::pow(at as f64 + 1.0, power);
                    sum += weight * own.known(code);
                    all += weight;
                }
            }
            sum / all
        };
        Ok(self.of_different(of))
    }

    /// A number of each sequence, computed once for those that are the same.
    fn of_different(&self, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let own: Vec<f64> = self.firsts.iter().map(|&row| of(row as usize)).collect();
        self.unique.iter().map(|&unique| own[unique as usize]).collect()
    }

    /// How often a state is followed by each other where states change. Where a rate is all but 1
    /// (above 0.99) all are lowered by a tenth, so that no change has weight 0.
    fn change_rates(&self, degrees: &Degrees) -> Vec<f64> {
        let states = self.alphabet.len();
        let mut counts = vec![0.0; states * states];
        for row in 0..self.len() {
            for pair in degrees.spells(self, row).windows(2) {
                counts[pair[0].0 as usize * states + pair[1].0 as usize] += self.weights[row];
            }
        }
        for row in counts.chunks_exact_mut(states) {
            let total: f64 = row.iter().sum();
            for count in row {
                *count /= total.max(1e-300);
            }
        }
        if counts.iter().any(|rate| *rate > 0.99) {
            for rate in &mut counts {
                *rate *= 0.9;
            }
        }
        counts
    }
}

/// Degrees, those that are not known filled with the mean of those that are.
struct Degrees {
    comparable: Vec<bool>,
    filled: Vec<f64>,
}

impl Degrees {
    fn of(sequences: &Sequences, degrees: &[Option<f64>]) -> Result<Self, TrajectoryError> {
        let known: Vec<f64> = degrees.iter().flatten().copied().collect();
        let fine = known.iter().all(|degree| (0.0..=1.0).contains(degree));
        if degrees.len() != sequences.alphabet.len() || known.is_empty() || !fine {
            let expected = "a degree from 0 to 1 for each state, or none, and one that is known";
            return Err(bad("order", expected, format!("{} degrees", degrees.len())));
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        Ok(Self {
            comparable: degrees.iter().map(Option::is_some).collect(),
            filled: degrees.iter().map(|degree| degree.unwrap_or(mean)).collect(),
        })
    }

    fn known(&self, code: u8) -> f64 {
        self.filled[code as usize]
    }

    /// The degree of the first state that is known.
    fn first(&self, sequences: &Sequences, row: usize) -> f64 {
        let first = sequences.row(row).iter().find(|code| **code < MISSING);
        first.map_or(f64::NAN, |&code| self.known(code))
    }

    /// Spells of comparable states with their positions; states of one degree are one.
    fn spells(&self, sequences: &Sequences, row: usize) -> Vec<(u8, Vec<usize>)> {
        let mut spells: Vec<(u8, Vec<usize>)> = Vec::new();
        for (at, &code) in sequences.row(row).iter().enumerate() {
            if code >= MISSING || !self.comparable[code as usize] {
                continue;
            }
            match spells.last_mut() {
                Some((last, places)) if self.known(*last) == self.known(code) => places.push(at),
                _ => spells.push((code, vec![at])),
            }
        }
        spells
    }
}
