//! Survival and uptake that a model of the hazard says.

use super::curves::{log_log, reach};
use super::discrete::HazardFit;
use super::episodes::known;
use crate::data::{Column, Table};
use crate::evaluate::EvaluateError;

/// A probability and how it moves with the parameters.
#[derive(Clone)]
struct Moving {
    value: f64,
    slope: Vec<f64>,
}

impl HazardFit {
    /// Survival and cumulative incidence at each level of the baseline, in order, for persons
    /// whose regressors stay at given values.
    ///
    /// `profiles` has one row a profile and columns named as the regressors; a regressor without a
    /// column stands at its mean in the sample. The table has one row a profile and level: hazard
    /// and cumulative incidence of each event with standard errors by the delta method and
    /// intervals on the log-log scale, and survival. With coefficients `theta`,
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
        let reach = reach(alpha)?;
        let baseline = self.baseline.as_ref().filter(|own| own.levels.len() == 1).ok_or(
            EvaluateError::WrongRows {
                verb: "curves",
                by: "regressors",
                why: "a curve needs a baseline of durations after the bar of the formula",
            },
        )?;
        let x = self::profiles(profiles, &self.names, &self.means)?;
        let (k, l, causes) = (self.names.len(), baseline.len(), self.causes.len());
        let (each, m) = (k + l, (k + l) * causes);
        let mut out = Stacked::default();
        for (profile, x) in x.iter().enumerate() {
            let mut s = Moving { value: 1.0, slope: vec![0.0; m] };
            let mut f = vec![Moving { value: 0.0, slope: vec![0.0; m] }; causes];
            for level in 0..l {
                let chances = self.chances(x, level);
                let mut all = Moving { value: 0.0, slope: vec![0.0; m] };
                for (cause, own) in f.iter_mut().enumerate() {
                    let (h, by) = &chances[cause];
                    // How the chance moves with each parameter, through each linear predictor.
                    let slope = |at: usize| {
                        let (b, j) = (at / each, at % each);
                        let z = if j < k { x[j] } else { f64::from(u8::from(j - k == level)) };
                        by[b] * z
                    };
                    own.value += s.value * h;
                    all.value += h;
                    for at in 0..m {
                        let own_slope = slope(at);
                        own.slope[at] += s.slope[at] * h + s.value * own_slope;
                        all.slope[at] += own_slope;
                    }
                }
                for at in 0..m {
                    s.slope[at] = s.slope[at] * (1.0 - all.value) - s.value * all.slope[at];
                }
                s.value *= 1.0 - all.value;
                for (cause, own) in f.iter().enumerate() {
                    out.push([profile as f64, level as f64, cause as f64], chances[cause].0);
                    out.add([0, 2], own, self, reach);
                    out.add([1, 6], &s, self, reach);
                }
            }
        }
        self.table(&out, profiles, &baseline.levels[0], &baseline.name)
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
    fn chances(&self, x: &[f64], level: usize) -> Vec<(f64, Vec<f64>)> {
        let (k, causes) = (self.names.len(), self.causes.len());
        let each = self.theta.len() / causes;
        let eta = |cause: usize| {
            let own = &self.theta[cause * each..(cause + 1) * each];
            own[k + level] + own.iter().zip(x).map(|(beta, x)| beta * x).sum::<f64>()
        };
        if causes == 1 {
            let (h, slope) = self.link.chance(eta(0));
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
        let moves: Vec<usize> = (0..m).filter(|&at| slope[at] != 0.0).collect();
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
    regressors: &[String],
    means: &[f64],
) -> Result<Vec<Vec<f64>>, EvaluateError> {
    let mut x = vec![means.to_vec(); table.n_rows().max(1)];
    for name in table.names() {
        let Some(at) = regressors.iter().position(|own| own == name) else {
            return Err(EvaluateError::BadArgument {
                argument: "profiles",
                expected: "columns named as the regressors of the model",
                got: format!("\"{name}\"; the regressors are {}", regressors.join(", ")),
            });
        };
        let values = super::episodes::finite(table, "profiles", name)?;
        if let Some(row) = values.iter().position(|value| value.is_nan()) {
            let column = name.clone();
            return Err(EvaluateError::NotFinite { argument: "profiles", column, row });
        }
        for (profile, value) in x.iter_mut().zip(values) {
            profile[at] = value;
        }
    }
    Ok(x)
}
