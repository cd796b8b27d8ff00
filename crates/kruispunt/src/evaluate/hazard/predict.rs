//! Survival and uptake that a model of the hazard says.

use super::curves::{log_log, reach};
use super::discrete::HazardFit;
use super::episodes::known;
use crate::data::{Column, Table};
use crate::evaluate::EvaluateError;
use rayon::prelude::*;

/// A probability and how it moves with the parameters.
#[derive(Clone)]
struct Moving {
    value: f64,
    slope: Vec<f64>,
}

/// Survival and the incidence of each event after a level.
#[derive(Clone)]
struct Step {
    survival: Moving,
    incidence: Vec<Moving>,
}

impl Step {
    fn first(m: usize, causes: usize) -> Self {
        Self {
            survival: Moving { value: 1.0, slope: vec![0.0; m] },
            incidence: vec![Moving { value: 0.0, slope: vec![0.0; m] }; causes],
        }
    }
}

/// Adds a path to a mean.
fn add(mean: &mut Vec<Step>, path: &[Step], weight: f64) {
    if mean.is_empty() {
        mean.extend(path.iter().map(|step| {
            let mut step = step.clone();
            for own in std::iter::once(&mut step.survival).chain(&mut step.incidence) {
                own.value = 0.0;
                own.slope.fill(0.0);
            }
            step
        }));
    }
    let add = |into: &mut Moving, from: &Moving| {
        into.value += weight * from.value;
        into.slope.iter_mut().zip(&from.slope).for_each(|(slot, value)| *slot += weight * value);
    };
    for (into, from) in mean.iter_mut().zip(path) {
        add(&mut into.survival, &from.survival);
        into.incidence.iter_mut().zip(&from.incidence).for_each(|(into, from)| add(into, from));
    }
}

impl HazardFit {
    /// Survival and cumulative incidence at each level of the baseline, in order, for persons
    /// whose regressors stay at given values.
    ///
    /// `profiles` has one row a profile and columns named as the regressors; a regressor without a
    /// column stands at its mean in the sample. The table has one row a profile and level: hazard
    /// and cumulative incidence of each event with standard errors by the delta method and
    /// intervals on the log-log scale, and survival. With frailty these are means over persons.
    /// With coefficients `theta`,
    ///
    /// ```text
    /// S(d) = S(d - 1) (1 - sum_k h_k(d)),   F_k(d) = F_k(d - 1) + S(d - 1) h_k(d)
    /// ```
    ///
    /// # Errors
    ///
    /// [`EvaluateError::WrongRows`] without a baseline of one column,
    /// [`EvaluateError::BadArgument`] for `alpha` or a column that is no regressor,
    /// [`EvaluateError::Data`], [`EvaluateError::NotFinite`].
    pub fn curves(&self, profiles: &Table, alpha: f64) -> Result<Table, EvaluateError> {
        self.curves_by(profiles, None, alpha)
    }

    /// As [`curves`](Self::curves), averaged over the profiles of each value of the column `by`,
    /// which need not be a regressor: what a group as it is would do (adjusted curves). With one
    /// row a person this is standardisation. The hazard is that of those of the group who are left.
    ///
    /// # Errors
    ///
    /// As [`curves`](Self::curves), and [`EvaluateError::Data`] for `by`.
    pub fn curves_by(
        &self,
        profiles: &Table,
        by: Option<&str>,
        alpha: f64,
    ) -> Result<Table, EvaluateError> {
        let reach = reach(alpha)?;
        let baseline = self.baseline.as_ref().filter(|own| own.levels.len() == 1).ok_or(
            EvaluateError::WrongRows {
                verb: "curves",
                by: "regressors",
                why: "a curve needs a baseline of durations after the bar of the formula",
            },
        )?;
        let x = self::profiles(profiles, by, &self.names, &self.means)?;
        let (group, shown) = match by {
            None => ((0..x.len() as u32).collect(), profiles.clone()),
            Some(name) => {
                let column = profiles.column("by", name)?;
                let (codes, first) = column.ranks();
                let codes: Vec<u32> =
                    codes.into_iter().map(|own| own.unwrap_or(u32::MAX)).collect();
                (codes, Table::new([(name, column.take(&first))])?)
            }
        };
        let groups = group.iter().filter(|own| **own != u32::MAX).max().map_or(0, |own| *own + 1);
        let mut out = Stacked::default();
        for wanted in 0..groups {
            let own: Vec<usize> = (0..x.len()).filter(|&at| group[at] == wanted).collect();
            let mut mean: Vec<Step> = Vec::new();
            // A few at a time: a path holds a slope for each parameter at each level.
            for some in own.chunks(64) {
                let paths: Vec<Vec<Step>> = some.par_iter().map(|&at| self.path(&x[at])).collect();
                for path in &paths {
                    add(&mut mean, path, 1.0 / own.len() as f64);
                }
            }
            let mut before = Step::first(self.theta_len(), self.causes.len());
            for (level, step) in mean.into_iter().enumerate() {
                for cause in 0..self.causes.len() {
                    let key = [f64::from(wanted), level as f64, cause as f64];
                    let rise = step.incidence[cause].value - before.incidence[cause].value;
                    out.push(key, rise / before.survival.value);
                    out.add([0, 2], &step.incidence[cause], self, reach);
                    out.add([1, 6], &step.survival, self, reach);
                }
                before = step;
            }
        }
        self.table(&out, &shown, &baseline.levels[0], &baseline.name)
    }

    /// Parameters in all, with those of frailty.
    fn theta_len(&self) -> usize {
        self.theta.len()
    }

    /// Parameters of one cause.
    fn each(&self) -> usize {
        self.names.len() + self.baseline.as_ref().map_or(0, super::person_periods::Baseline::len)
    }

    /// Where a person with regressors `x` is at each level, averaged over frailty.
    fn path(&self, x: &[f64]) -> Vec<Step> {
        let Some(mixture) = &self.mixture else { return self.walk(x, 0.0, &[]) };
        let mut mean: Vec<Step> = Vec::new();
        let all = self.each() * self.causes.len();
        for node in mixture.nodes() {
            let mut own = self.walk(x, node.shift, &node.shift_by);
            let by = |own: &mut Moving| {
                for (slope, change) in own.slope[all..].iter_mut().zip(&node.weight_by) {
                    *slope += own.value * change / node.weight;
                }
            };
            for step in &mut own {
                by(&mut step.survival);
                step.incidence.iter_mut().for_each(by);
            }
            add(&mut mean, &own, node.weight);
        }
        mean
    }

    /// Where a person is at each level whose linear predictor is `shift` higher, which moves with
    /// the parameters of frailty by `shift_by`.
    fn walk(&self, x: &[f64], shift: f64, shift_by: &[f64]) -> Vec<Step> {
        let (k, causes, each, m) =
            (self.names.len(), self.causes.len(), self.each(), self.theta_len());
        let all_regular = each * causes;
        let Step { mut survival, mut incidence } = Step::first(m, causes);
        let mut path = Vec::with_capacity(each - k);
        for level in 0..each - k {
            let chances = self.chances(x, level, shift);
            let mut all = Moving { value: 0.0, slope: vec![0.0; m] };
            for (cause, own) in incidence.iter_mut().enumerate() {
                let (h, by) = &chances[cause];
                // How the chance moves with each parameter, through each linear predictor.
                let slope = |at: usize| {
                    if at >= all_regular {
                        return by[0] * shift_by[at - all_regular];
                    }
                    let (b, j) = (at / each, at % each);
                    let z = if j < k { x[j] } else { f64::from(u8::from(j - k == level)) };
                    by[b] * z
                };
                own.value += survival.value * h;
                all.value += h;
                for at in 0..m {
                    let own_slope = slope(at);
                    own.slope[at] += survival.slope[at] * h + survival.value * own_slope;
                    all.slope[at] += own_slope;
                }
            }
            for at in 0..m {
                survival.slope[at] =
                    survival.slope[at] * (1.0 - all.value) - survival.value * all.slope[at];
            }
            survival.value *= 1.0 - all.value;
            path.push(Step { survival: survival.clone(), incidence: incidence.clone() });
        }
        path
    }

    fn table(
        &self,
        out: &Stacked,
        profiles: &Table,
        levels: &Column,
        name: &str,
    ) -> Result<Table, EvaluateError> {
        let codes = |at: usize| -> Vec<u32> { out.keys.iter().map(|key| key[at] as u32).collect() };
        let mut table = Table::default();
        let rows = codes(0);
        if profiles.n_rows() == 0 {
            table.push("profile", Column::int(rows.iter().map(|&row| i64::from(row)).collect()))?;
        }
        for (own, column) in profiles.names().iter().zip(profiles.columns()) {
            table.push(own.as_str(), column.take(&rows))?;
        }
        table.push(name, levels.take(&codes(1)))?;
        if self.causes.len() > 1 {
            let labels: Vec<&str> = self.causes.iter().map(String::as_str).collect();
            let codes: Vec<Option<u32>> = codes(2).into_iter().map(Some).collect();
            table.push("cause", Column::category(&codes, &labels))?;
        }
        table.push("hazard", known(&out.hazard))?;
        let names = [
            "incidence",
            "survival",
            "incidence_se",
            "incidence_low",
            "incidence_high",
            "",
            "survival_se",
            "survival_low",
            "survival_high",
        ];
        for at in [0, 2, 3, 4, 1, 6, 7, 8] {
            table.push(names[at], known(&out.numbers[at]))?;
        }
        Ok(table)
    }

    /// The chance of each event at a level, with its slope in each event's linear predictor.
    fn chances(&self, x: &[f64], level: usize, shift: f64) -> Vec<(f64, Vec<f64>)> {
        let (k, causes, each) = (self.names.len(), self.causes.len(), self.each());
        let eta = |cause: usize| {
            let own = &self.theta[cause * each..(cause + 1) * each];
            own[k + level] + own.iter().zip(x).map(|(beta, x)| beta * x).sum::<f64>()
        };
        if causes == 1 {
            let (h, slope) = self.link.chance(eta(0) + shift);
            return vec![(h, vec![slope])];
        }
        let etas: Vec<f64> = (0..causes).map(eta).collect();
        let top = etas.iter().fold(0.0_f64, |top, own| top.max(*own));
        let total = libm::exp(-top) + etas.iter().map(|own| libm::exp(own - top)).sum::<f64>();
        let p: Vec<f64> = etas.iter().map(|own| libm::exp(own - top) / total).collect();
        (0..causes)
            .map(|a| {
                let slope = |b: usize| if a == b { p[a] * (1.0 - p[a]) } else { -p[a] * p[b] };
                (p[a], (0..causes).map(slope).collect())
            })
            .collect()
    }

    fn error(&self, slope: &[f64]) -> f64 {
        let m = slope.len();
        // What is not free has no error: it is held, or its event never happens.
        let moves: Vec<usize> = self.free().into_iter().filter(|&at| slope[at] != 0.0).collect();
        let sum: f64 = moves
            .iter()
            .map(|&i| {
                moves.iter().map(|&j| slope[i] * self.joint[i * m + j] * slope[j]).sum::<f64>()
            })
            .sum();
        sum.max(0.0).sqrt()
    }
}

/// The rows of the table, column by column.
#[derive(Default)]
struct Stacked {
    /// Profile, level, cause.
    keys: Vec<[f64; 3]>,
    hazard: Vec<f64>,
    numbers: [Vec<f64>; 9],
}

impl Stacked {
    fn push(&mut self, key: [f64; 3], hazard: f64) {
        self.keys.push(key);
        self.hazard.push(hazard);
    }

    /// The value in column `at[0]`; standard error and bounds from column `at[1]` on.
    fn add(&mut self, at: [usize; 2], own: &Moving, model: &HazardFit, reach: f64) {
        let se = model.error(&own.slope);
        let (low, high) = log_log(own.value, se, reach);
        self.numbers[at[0]].push(own.value);
        for (place, value) in [se, low, high].into_iter().enumerate() {
            self.numbers[at[1] + place].push(value);
        }
    }
}

/// Regressors of each profile, one at the means when there is none.
pub(super) fn profiles(
    table: &Table,
    by: Option<&str>,
    regressors: &[String],
    means: &[f64],
) -> Result<Vec<Vec<f64>>, EvaluateError> {
    let mut x = vec![means.to_vec(); table.n_rows().max(1)];
    for name in table.names() {
        let Some(at) = regressors.iter().position(|own| own == name) else {
            if by == Some(name.as_str()) {
                continue;
            }
            return Err(EvaluateError::BadArgument {
                argument: "profiles",
                expected: "columns named as the regressors of the model",
                got: format!("\"{name}\"; the regressors are {}", regressors.join(", ")),
            });
        };
        let values = super::episodes::of_profiles(table, name)?;
        for (profile, value) in x.iter_mut().zip(values) {
            profile[at] = value;
        }
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use crate::data::{Column, Seed, Table};
    use crate::evaluate::DiscreteHazard;

    #[test]
    fn what_is_not_free_has_no_error_and_is_not_drawn() {
        let event = vec![1, 0, 0, 1, 1, 0, 1, 0, 1, 0];
        let duration = vec![1, 1, 1, 1, 2, 2, 2, 2, 2, 2];
        let trained = vec![0, 0, 1, 1, 1, 1, 1, 0, 0, 0];
        let rows = Table::new([
            ("exit", Column::int(event)),
            ("duration", Column::int(duration)),
            ("trained", Column::int(trained)),
        ])
        .unwrap();
        let fit = DiscreteHazard::new("exit ~ trained | duration").unwrap().fit(&rows).unwrap();
        let (m, held) = (fit.theta.len(), fit.theta.len() - 1);
        let (mut none, mut zero) = (fit.clone(), fit);
        for at in 0..m {
            for place in [held * m + at, at * m + held] {
                none.joint[place] = f64::NAN;
                zero.joint[place] = 0.0;
            }
        }
        let [a, b] = [&none, &zero].map(|own| own.curves(&Table::default(), 0.05).unwrap());
        assert_eq!(a, b);
        let root = none.root();
        assert_eq!(root.0, vec![0, 1]);
        let drawn = none.drawn(&root, Seed::new(1), 0);
        assert_eq!(drawn[held].to_bits(), none.theta[held].to_bits());
        assert!((drawn[0] - none.theta[0]).abs() > 1e-9);
        assert!(drawn.iter().all(|own| own.is_finite()));
    }
}
