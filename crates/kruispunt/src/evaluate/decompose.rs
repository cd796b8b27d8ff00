//! What a two-way coefficient is made of.

use super::sample::{NEVER, Profile, Sample};
use super::{Did, EvaluateError, Gaps};
use crate::data::{Bitmap, Calendar, Column, Panel, Table, Ticket, Values};

/// The weight of a treated cell in the two-way coefficient.
pub(super) struct Weight {
    cohort: usize,
    t: usize,
    pub(super) value: f64,
    units: u64,
}

/// Weights of all treated cells; they sum to 1.
pub(super) fn weights(sample: &Sample) -> Vec<Weight> {
    use super::regression::{Class, Regression};
    // treatment without what unit and period effects explain: a regression of it on them
    let t = sample.n_periods();
    let mut indicator = sample.clone();
    for profile in &mut indicator.profiles {
        for at in 0..t {
            let treated = sample.treated(profile.cohort, at) && profile.present[at];
            profile.mean[at] = f64::from(u8::from(treated));
        }
    }
    let plain = Regression::fit(&indicator, 0, 0, |_, _| Class::Plain);
    let mut found: Vec<Weight> = Vec::new();
    for profile in &indicator.profiles {
        let seen: Vec<usize> = (0..t).filter(|&at| profile.present[at]).collect();
        let gap = |at: usize| profile.mean[at] - plain.period(at);
        let level = seen.iter().map(|&at| gap(at)).sum::<f64>() / seen.len().max(1) as f64;
        for &at in seen.iter().filter(|&&at| sample.treated(profile.cohort, at)) {
            let weight = profile.weight * (gap(at) - level);
            let units = profile.len() as u64;
            match found.iter_mut().find(|own| own.cohort == profile.cohort && own.t == at) {
                Some(own) => {
                    own.value += weight;
                    own.units += units;
                }
                None => found.push(Weight { cohort: profile.cohort, t: at, value: weight, units }),
            }
        }
    }
    let total: f64 = found.iter().map(|own| own.value).sum();
    for own in &mut found {
        own.value /= total;
    }
    found.sort_by_key(|own| (own.cohort, own.t));
    found
}

fn periods(calendar: &Calendar, numbers: &[Option<i32>]) -> Column {
    let filled: Vec<i32> = numbers.iter().map(|number| number.unwrap_or_default()).collect();
    Column::new(
        Values::Period(calendar.unit(), filled.into()),
        Bitmap::pack(numbers.iter().map(Option::is_some)),
    )
}

/// The weight of each treated cohort and period in the two-way coefficient.
///
/// ```text
/// beta = sum over treated (g, t) of w_gt ATT(g, t),     w_gt ~ N_gt e_gt
/// ```
///
/// with e what unit and period effects leave of treatment. Negative weights can make the
/// coefficient negative while every effect is positive. Columns: `cohort`, `period`, `weight`,
/// `n_treated`.
///
/// # Errors
///
/// As [`Did::fit`].
///
/// # References
///
/// - de Chaisemartin, C. & D'Haultfoeuille, X. (2020). Two-way fixed effects estimators with
///   heterogeneous treatment effects. *American Economic Review* 110(9), 2964-2996.
pub fn twfe_weights(did: &Did, panel: &Panel, ticket: &Ticket) -> Result<Table, EvaluateError> {
    let sample = Sample::read(did, panel, ticket)?;
    let weights = weights(&sample);
    let calendar = panel.calendar();
    let cohorts: Vec<Option<i32>> =
        weights.iter().map(|own| Some(sample.starts[own.cohort])).collect();
    let times: Vec<Option<i32>> = weights.iter().map(|own| Some(sample.periods[own.t])).collect();
    Ok(Table::new([
        ("cohort", periods(calendar, &cohorts)),
        ("period", periods(calendar, &times)),
        ("weight", Column::float(weights.iter().map(|own| own.value).collect())),
        ("n_treated", Column::int(weights.iter().map(|own| own.units as i64).collect())),
    ])?)
}

/// A cohort as the decomposition sees it.
struct Group {
    start: i32,
    weight: f64,
    mean: Vec<f64>,
    /// Share of the periods in which it is treated.
    treated: f64,
}

/// The two-way coefficient as a weighted mean of comparisons of two cohorts.
///
/// Columns: `kind` (`treated vs never`, `earlier vs later`, `later vs earlier`, the last with
/// already treated controls, and `treated vs always`), `treated` and `control` (first periods;
/// null for never), `estimate`, `weight`. Weights sum to 1, and the weighted mean is the
/// coefficient.
///
/// Units that are not seen in every period are left out.
///
/// # Errors
///
/// As [`Did::fit`].
///
/// # References
///
/// - Goodman-Bacon, A. (2021). Difference-in-differences with variation in treatment timing.
///   *Journal of Econometrics* 225(2), 254-277.
pub fn bacon(did: &Did, panel: &Panel, ticket: &Ticket) -> Result<Table, EvaluateError> {
    let did = did.clone().gaps(Gaps::Balanced);
    let sample = Sample::read(&did, panel, ticket)?;
    let t = sample.n_periods();
    let group = |profile: &Profile| {
        let treated = (0..t).filter(|&at| sample.treated(profile.cohort, at)).count();
        Group {
            start: sample.starts[profile.cohort],
            weight: profile.weight,
            mean: profile.mean.clone(),
            treated: treated as f64 / t as f64,
        }
    };
    let mut groups: Vec<Group> = sample.profiles.iter().map(group).collect();
    groups.sort_by_key(|group| group.start);
    let first = sample.periods.first().copied().unwrap_or(NEVER);
    let mut rows: Vec<(&str, i32, i32, f64, f64)> = Vec::new();
    for own in groups.iter().filter(|own| own.treated > 0.0 && own.start > first) {
        for other in groups.iter().filter(|other| other.start != own.start) {
            let found = if other.start == NEVER || other.start <= first {
                let kind =
                    if other.start == NEVER { "treated vs never" } else { "treated vs always" };
                Some((
                    kind,
                    change(&sample, own, other, i32::MIN, NEVER),
                    spread(own, other, 1.0, own.treated),
                ))
            } else if other.start > own.start {
                // before the later cohort is treated
                let part = 1.0 - other.treated;
                let share = (own.treated - other.treated) / part;
                let estimate = change(&sample, own, other, i32::MIN, other.start);
                Some(("earlier vs later", estimate, spread(own, other, part, share)))
            } else {
                // after the earlier cohort is treated
                let part = other.treated;
                let share = own.treated / part;
                let estimate = change(&sample, own, other, other.start, NEVER);
                Some(("later vs earlier", estimate, spread(own, other, part, share)))
            };
            if let Some((kind, estimate, weight)) = found {
                rows.push((kind, own.start, other.start, estimate, weight));
            }
        }
    }
    let total: f64 = rows.iter().map(|row| row.4).sum();
    let known = |start: i32| (start != NEVER).then_some(start);
    let calendar = panel.calendar();
    let treated: Vec<Option<i32>> = rows.iter().map(|row| known(row.1)).collect();
    let control: Vec<Option<i32>> = rows.iter().map(|row| known(row.2)).collect();
    Ok(Table::new([
        ("kind", Column::text(rows.iter().map(|row| Some(row.0)))),
        ("treated", periods(calendar, &treated)),
        ("control", periods(calendar, &control)),
        ("estimate", Column::float(rows.iter().map(|row| row.3).collect())),
        ("weight", Column::float(rows.iter().map(|row| row.4 / total).collect())),
    ])?)
}

/// The change of `own` at its start less that of `other`, over the periods `from..until`.
fn change(sample: &Sample, own: &Group, other: &Group, from: i32, until: i32) -> f64 {
    let mut sums = [[0.0; 2]; 2];
    for (at, &period) in sample.periods.iter().enumerate() {
        if (from..until).contains(&period) || (until == NEVER && period >= from) {
            let after = usize::from(period >= own.start);
            sums[after][0] += own.mean[at] - other.mean[at];
            sums[after][1] += 1.0;
        }
    }
    sums[1][0] / sums[1][1] - sums[0][0] / sums[0][1]
}

/// The variance of treatment in a comparison that spans `part` of the periods, in `share` of which
/// `own` is treated.
fn spread(own: &Group, other: &Group, part: f64, share: f64) -> f64 {
    let both = own.weight + other.weight;
    let n = own.weight / both;
    (both * part).powi(2) * n * (1.0 - n) * share * (1.0 - share)
}
