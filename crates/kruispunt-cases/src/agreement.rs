//! How far coders agree.

use crate::CasesError;
use crate::groups::Coded;
use kruispunt::data::{Account, Column, Count, Linked, Seed, Step, Table, Ticket};
use std::collections::BTreeMap;

/// Which columns hold what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns<'a> {
    /// What is judged: a segment, a case.
    pub unit: &'a str,
    /// Who judged.
    pub coder: &'a str,
    /// The judgement, a value without order.
    pub value: &'a str,
    /// A row of the answer for each value: a code.
    pub by: Option<&'a str>,
}

/// The judgements of each unit: coder and value.
type Units = Vec<Vec<(u32, u32)>>;

/// Agreement of several coders on values without order: `percent` (the mean over units of the share
/// of pairs of coders that agree), `kappa` (Cohen 1960, *Educational and Psychological Measurement*
/// 20(1), 37-46; with more than two coders the mean over pairs, Light 1971) and `alpha`
/// (Krippendorff 2018, *Content Analysis*, 4th ed., chapter 12):
///
/// ```text
/// alpha = 1 - (n - 1) (n - sum_c o_cc) / (n^2 - sum_c n_c^2)
/// ```
///
/// with coincidences `o_cc`, each unit's pairs divided by its judgements less one, and `n_c` values
/// c in units judged more than once, `n` in all. `low` and `high` are percentiles of alpha over
/// samples of units with replacement. Missing judgements are no judgements.
///
/// # Errors
///
/// [`CasesError::Argument`] when a coder judged a unit twice or `level` is no share,
/// [`CasesError::Cancelled`] or [`CasesError::Data`].
pub fn agreement(
    data: &Table,
    columns: Columns<'_>,
    draws: usize,
    level: f64,
    seed: u64,
    ticket: &Ticket,
) -> Result<Linked, CasesError> {
    data.require_rows("data")?;
    if !(level > 0.0 && level < 1.0) {
        return Err(CasesError::argument("level", "a share between 0 and 1", level.to_string()));
    }
    let unit = Coded::named(data, "unit", columns.unit)?;
    let coder = Coded::named(data, "coder", columns.coder)?;
    let value = Coded::named(data, "value", columns.value)?;
    let by = columns.by.map(|by| Coded::named(data, "by", by)).transpose()?;
    let groups = by.as_ref().map_or(1, |by| by.labels.len());
    let mut judged: Vec<BTreeMap<u32, Vec<(u32, u32)>>> = vec![BTreeMap::new(); groups];
    let mut missing = 0_usize;
    for row in 0..data.n_rows() {
        let group = by.as_ref().map_or(Some(0), |by| by.codes[row]);
        let (Some(group), Some(unit), Some(coder), Some(value)) =
            (group, unit.codes[row], coder.codes[row], value.codes[row])
        else {
            missing += 1;
            continue;
        };
        let own = judged[group as usize].entry(unit).or_default();
        if own.iter().any(|(other, _)| *other == coder) {
            let expected = "one judgement of a coder for a unit";
            return Err(CasesError::argument(
                "data",
                expected,
                format!("a second one at row {row}"),
            ));
        }
        own.push((coder, value));
    }
    let (coders, values) = (coder.labels.len(), value.labels.len());
    let mut found: Vec<[f64; 5]> = Vec::with_capacity(groups);
    let mut counts: Vec<[i64; 2]> = Vec::with_capacity(groups);
    for (at, own) in judged.into_iter().enumerate() {
        let units: Units = own.into_values().filter(|own| own.len() > 1).collect();
        counts.push([units.len() as i64, units.iter().map(Vec::len).sum::<usize>() as i64]);
        let seed = Seed::new(seed).stream(0x0CA5_E5F0 + at as u64);
        let (low, high) = interval(&units, values, draws, level, seed, ticket)?;
        let all: Vec<usize> = (0..units.len()).collect();
        found.push([
            percent(&units),
            kappa(&units, coders, values),
            alpha(&units, &all, values),
            low,
            high,
        ]);
    }
    let column = |at: usize| {
        let value = |row: &[f64; 5]| Some(row[at]).filter(|value| value.is_finite());
        Column::floats(&found.iter().map(value).collect::<Vec<_>>())
    };
    let mut table = Table::default();
    if let (Some(by), Some(name)) = (&by, columns.by) {
        table.push(name, Column::text(by.labels.iter().map(|label| Some(label.as_str()))))?;
    }
    table.push("units", Column::int(counts.iter().map(|row| row[0]).collect()))?;
    table.push("judgements", Column::int(counts.iter().map(|row| row[1]).collect()))?;
    for (at, name) in ["percent", "kappa", "alpha", "low", "high"].into_iter().enumerate() {
        table.push(name, column(at))?;
    }
    let used: i64 = counts.iter().map(|row| row[1]).sum();
    let alone = data.n_rows() - missing - used as usize;
    let detail = format!("{coders} coders; {draws} samples of units, seed {seed}");
    let step =
        Step::new("agreement", detail, Count::rows(data.n_rows()), Count::rows(used as usize))
            .exclude("a value is missing", Count::rows(missing))
            .exclude("the only judgement of its unit", Count::rows(alone));
    Ok(Linked::new(table, Account::new("judgements").then(step)))
}

fn percent(units: &Units) -> f64 {
    let share = |own: &Vec<(u32, u32)>| {
        let mut same = 0.0;
        for (at, one) in own.iter().enumerate() {
            same += own[at + 1..].iter().filter(|other| other.1 == one.1).count() as f64;
        }
        same / (own.len() * (own.len() - 1) / 2) as f64
    };
    units.iter().map(share).sum::<f64>() / units.len() as f64
}

/// The mean over pairs of coders; pairs that never differ from chance by definition are left out.
fn kappa(units: &Units, coders: usize, values: usize) -> f64 {
    let (mut sum, mut pairs) = (0.0, 0.0);
    for one in 0..coders as u32 {
        for other in one + 1..coders as u32 {
            let mut first = vec![0.0; values];
            let mut second = vec![0.0; values];
            let (mut same, mut n) = (0.0, 0.0);
            for own in units {
                let of = |coder: u32| own.iter().find(|judged| judged.0 == coder).map(|own| own.1);
                if let (Some(a), Some(b)) = (of(one), of(other)) {
                    first[a as usize] += 1.0;
                    second[b as usize] += 1.0;
                    same += f64::from(u8::from(a == b));
                    n += 1.0;
                }
            }
            let chance = first.iter().zip(&second).map(|(a, b)| a * b).sum::<f64>() / (n * n);
            let own = (same / n - chance) / (1.0 - chance);
            if own.is_finite() {
                sum += own;
                pairs += 1.0;
            }
        }
    }
    sum / pairs
}

/// Krippendorff's alpha of some units, with repetitions.
fn alpha(units: &Units, chosen: &[usize], values: usize) -> f64 {
    let mut count = vec![0.0; values];
    let (mut same, mut n) = (0.0, 0.0);
    for &at in chosen {
        let own = &units[at];
        let m = own.len() as f64;
        n += m;
        for (place, one) in own.iter().enumerate() {
            count[one.1 as usize] += 1.0;
            let alike = own.iter().enumerate().filter(|(at, two)| *at != place && two.1 == one.1);
            same += alike.count() as f64 / (m - 1.0);
        }
    }
    let squares: f64 = count.iter().map(|count| count * count).sum();
    1.0 - (n - 1.0) * (n - same) / (n * n - squares)
}

fn interval(
    units: &Units,
    values: usize,
    draws: usize,
    level: f64,
    seed: Seed,
    ticket: &Ticket,
) -> Result<(f64, f64), CasesError> {
    let n = units.len();
    if n == 0 || draws == 0 {
        return Ok((f64::NAN, f64::NAN));
    }
    let mut found = Vec::with_capacity(draws);
    for draw in 0..draws as u64 {
        if ticket.is_cancelled() {
            return Err(CasesError::Cancelled);
        }
        let chosen: Vec<usize> =
            (0..n as u64).map(|at| seed.below([draw, at, 0], n as u64) as usize).collect();
        let own = alpha(units, &chosen, values);
        // A sample in which all values are one says nothing of agreement beyond chance.
        if own.is_finite() {
            found.push(own);
        }
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (found.len() as f64 - 1.0);
        let (low, part) = (place.floor() as usize, place.fract());
        match (found.get(low), found.get(low + 1)) {
            (Some(a), Some(b)) => a + part * (b - a),
            (Some(a), None) => *a,
            _ => f64::NAN,
        }
    };
    let tail = f64::midpoint(1.0, -level);
    Ok((at(tail), at(1.0 - tail)))
}
