//! Which codes are spoken of by whom, and what stands side by side.

use crate::CasesError;
use crate::groups::Coded;
use crate::select::identified;
use kruispunt::data::{Account, Column, Count, Linked, Seed, Step, Table, Ticket};
use rustc_hash::{FxHashMap, FxHashSet};

/// Cases with their groups, and which codes each has.
struct Spoken {
    group: Vec<u32>,
    groups: Vec<String>,
    codes: Vec<String>,
    /// The cases of each code.
    cases: Vec<Vec<u32>>,
    ids: FxHashMap<String, u32>,
    unknown: usize,
    missing: usize,
}

impl Spoken {
    fn of(
        people: &Table,
        id: &str,
        group: &str,
        codings: &Table,
        case: &str,
        code: &str,
    ) -> Result<Self, CasesError> {
        people.require_rows("people")?;
        let named = identified(people, id)?;
        let grouped = Coded::named(people, "group", group)?;
        let (mut own, mut ids) = (Vec::new(), FxHashMap::default());
        let mut missing = 0;
        for row in 0..people.n_rows() {
            match (named.codes[row], grouped.codes[row]) {
                (Some(name), Some(group)) => {
                    ids.insert(named.labels[name as usize].clone(), own.len() as u32);
                    own.push(group);
                }
                _ => missing += 1,
            }
        }
        let who = Coded::named(codings, "case", case)?;
        let what = Coded::named(codings, "code", code)?;
        let mut cases: Vec<FxHashSet<u32>> = vec![FxHashSet::default(); what.labels.len()];
        let mut unknown = 0;
        for row in 0..codings.n_rows() {
            let place = who.codes[row].and_then(|at| ids.get(&who.labels[at as usize]));
            match (place, what.codes[row]) {
                (Some(&place), Some(code)) => {
                    cases[code as usize].insert(place);
                }
                _ => unknown += 1,
            }
        }
        let sorted = |own: FxHashSet<u32>| {
            let mut own: Vec<u32> = own.into_iter().collect();
            own.sort_unstable();
            own
        };
        let cases = cases.into_iter().map(sorted).collect();
        Ok(Self {
            group: own,
            groups: grouped.labels,
            codes: what.labels,
            cases,
            ids,
            unknown,
            missing,
        })
    }
}

/// The share of the cases of each group that have each code, and whether groups differ.
///
/// The statistic of a code is Pearson's chi-squared of code by group. Groups are permuted among
/// cases; `p` is `(1 + #{permuted >= observed}) / (1 + draws)` (Phipson & Smyth 2010, *Statistical
/// Applications in Genetics and Molecular Biology* 9(1)), `p_adjusted` the same for the largest
/// statistic of all codes (Westfall & Young 1993), so that the chance of any false finding is kept.
///
/// # Errors
///
/// [`CasesError::Identifier`], [`CasesError::Cancelled`] or [`CasesError::Data`].
#[allow(clippy::too_many_arguments, reason = "two tables with the names of their columns")]
pub fn prevalence(
    people: &Table,
    id: &str,
    group: &str,
    codings: &Table,
    case: &str,
    code: &str,
    (draws, seed): (usize, u64),
    ticket: &Ticket,
) -> Result<Linked, CasesError> {
    let spoken = Spoken::of(people, id, group, codings, case, code)?;
    let groups = spoken.groups.len();
    let mut size = vec![0.0; groups];
    spoken.group.iter().for_each(|&group| size[group as usize] += 1.0);
    let n = spoken.group.len() as f64;
    let count = |labels: &[u32], cases: &[u32]| {
        let mut own = vec![0.0; groups];
        for &case in cases {
            own[labels[case as usize] as usize] += 1.0;
        }
        own
    };
    let squared = |own: &[f64]| {
        let with: f64 = own.iter().sum();
        let share = with / n;
        let scale = share * (1.0 - share);
        let part = |(own, size): (&f64, &f64)| {
            if *size > 0.0 { (own - size * share) * (own - size * share) / size } else { 0.0 }
        };
        if scale > 0.0 { own.iter().zip(&size).map(part).sum::<f64>() / scale } else { 0.0 }
    };
    let observed: Vec<Vec<f64>> =
        spoken.cases.iter().map(|cases| count(&spoken.group, cases)).collect();
    let statistic: Vec<f64> = observed.iter().map(|own| squared(own)).collect();
    let (mut beyond, mut beyond_all) =
        (vec![1_usize; statistic.len()], vec![1_usize; statistic.len()]);
    let source = Seed::new(seed).stream(0x0CA5_E5F1);
    let mut labels = spoken.group.clone();
    for draw in 0..draws as u64 {
        if ticket.is_cancelled() {
            return Err(CasesError::Cancelled);
        }
        for at in (1..labels.len()).rev() {
            labels.swap(at, source.below([draw, at as u64, 0], at as u64 + 1) as usize);
        }
        let drawn: Vec<f64> =
            spoken.cases.iter().map(|cases| squared(&count(&labels, cases))).collect();
        let most = drawn.iter().copied().fold(0.0, f64::max);
        for (at, own) in statistic.iter().enumerate() {
            let edge = own * (1.0 - 1e-12);
            beyond[at] += usize::from(drawn[at] >= edge);
            beyond_all[at] += usize::from(most >= edge);
        }
    }
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for code in 0..observed.len() {
        rows.extend((0..groups).map(|group| (code, group)));
    }
    let p = |beyond: usize| beyond as f64 / (1 + draws) as f64;
    let float = |value: &dyn Fn(usize, usize) -> f64| {
        Column::float(rows.iter().map(|&(code, group)| value(code, group)).collect())
    };
    let table = Table::new([
        ("code", Column::text(rows.iter().map(|row| Some(spoken.codes[row.0].as_str())))),
        ("group", Column::text(rows.iter().map(|row| Some(spoken.groups[row.1].as_str())))),
        ("cases", Column::int(rows.iter().map(|row| size[row.1] as i64).collect())),
        ("with_code", Column::int(rows.iter().map(|row| observed[row.0][row.1] as i64).collect())),
        ("share", float(&|code, group| observed[code][group] / size[group])),
        ("statistic", float(&|code, _| statistic[code])),
        ("p", float(&|code, _| p(beyond[code]))),
        ("p_adjusted", float(&|code, _| p(beyond_all[code]))),
    ])?;
    let detail = format!("codes by {group}; {draws} permutations, seed {seed}");
    let all = codings.n_rows();
    let step = Step::new("prevalence", detail, Count::rows(all), Count::rows(all - spoken.unknown))
        .exclude("of no case in `people`, or without a code", Count::rows(spoken.unknown))
        .note(format!("{} cases, {} without a group left out", spoken.group.len(), spoken.missing));
    Ok(Linked::new(table, Account::new("codings").then(step)))
}

/// What stands beside each other in a joint display.
#[derive(Clone, Copy, Debug)]
pub struct Joint<'a> {
    /// One row a person: identifier and group.
    pub people: (&'a Table, &'a str, &'a str),
    /// One row a group, its name in that column.
    pub estimates: Option<(&'a Table, &'a str)>,
    /// One row a coding: case, code.
    pub codings: (&'a Table, &'a str, &'a str),
    /// The column of `codings` with words to quote.
    pub quote: Option<&'a str>,
    /// Identifiers of those who may be quoted.
    pub consented: &'a [String],
    /// Identifiers of all who were interviewed; without them those with a coding.
    pub interviewed: Option<&'a [String]>,
    /// Groups with fewer persons, and shares of fewer cases, are not shown.
    pub least: usize,
}

/// One row a group: `group`, `n` persons, the columns of `estimates`, for each code the share of
/// the interviewed that have it, and one quote of a case that consented, with its code. What rests on
/// fewer than `least` persons is missing.
///
/// # Errors
///
/// [`CasesError::Identifier`], [`CasesError::Argument`] or [`CasesError::Data`].
pub fn joint(display: Joint<'_>) -> Result<Linked, CasesError> {
    let (people, id, group) = display.people;
    let (codings, case, code) = display.codings;
    let spoken = Spoken::of(people, id, group, codings, case, code)?;
    let groups = spoken.groups.len();
    let mut size = vec![0_usize; groups];
    spoken.group.iter().for_each(|&group| size[group as usize] += 1);
    let mut coded = vec![FxHashSet::default(); groups];
    for &who in spoken.cases.iter().flatten() {
        coded[spoken.group[who as usize] as usize].insert(who);
    }
    for one in display.interviewed.unwrap_or_default() {
        if let Some(&who) = spoken.ids.get(one) {
            coded[spoken.group[who as usize] as usize].insert(who);
        }
    }
    let shown: Vec<bool> = size.iter().map(|&n| n >= display.least).collect();
    let mut hidden = shown.iter().filter(|shown| !**shown).count();
    let mut table = Table::default();
    table.push("group", Column::text(spoken.groups.iter().map(|own| Some(own.as_str()))))?;
    let n = |at: usize| shown[at].then_some(size[at] as i64);
    table.push("n", Column::ints(&(0..groups).map(n).collect::<Vec<_>>()))?;
    if let Some((estimates, name)) = display.estimates {
        beside(&mut table, estimates, name, &spoken.groups, &shown)?;
    }
    let interviewed = |at: usize| shown[at].then_some(coded[at].len() as i64);
    table.push("interviewed", Column::ints(&(0..groups).map(interviewed).collect::<Vec<_>>()))?;
    for (code, cases) in spoken.codes.iter().zip(&spoken.cases) {
        let mut with = vec![0_usize; groups];
        for &who in cases {
            with[spoken.group[who as usize] as usize] += 1;
        }
        let share = |at: usize| {
            let enough = shown[at] && coded[at].len() >= display.least;
            enough.then(|| with[at] as f64 / coded[at].len() as f64)
        };
        let shares: Vec<Option<f64>> = (0..groups).map(share).collect();
        hidden += shares.iter().filter(|share| share.is_none()).count();
        table.push(format!("code: {code}"), Column::floats(&shares))?;
    }
    let mut withheld = 0;
    if let Some(quote) = display.quote {
        let (quotes, kept) = quotes(display, &spoken, quote, &shown)?;
        withheld = kept;
        table.push("quote", Column::text(quotes.iter().map(Option::as_deref)))?;
    }
    let detail = format!("{group} beside estimates, codes and quotes");
    let step = Step::new(
        "joint display",
        detail,
        Count::of(people.n_rows(), people.n_rows()),
        Count::rows(groups),
    )
    .note(format!("{hidden} cells rest on fewer than {} persons and are not shown", display.least))
    .note(format!("{withheld} quotes of those who did not consent are not used"))
    .note(format!("{} codings are of no person of the table", spoken.unknown));
    Ok(Linked::new(table, Account::new("persons").then(step)))
}

/// Puts the columns of the estimates of each group beside it.
fn beside(
    table: &mut Table,
    estimates: &Table,
    name: &str,
    groups: &[String],
    shown: &[bool],
) -> Result<(), CasesError> {
    let named = identified(estimates, name)?;
    for (own, column) in estimates.names().iter().zip(estimates.columns()) {
        if own == name {
            continue;
        }
        let place = |at: usize| {
            let same =
                |code: &Option<u32>| code.is_some_and(|c| named.labels[c as usize] == groups[at]);
            named.codes.iter().position(same).filter(|_| shown[at])
        };
        let rows: Vec<Option<usize>> = (0..groups.len()).map(place).collect();
        let made = if crate::groups::is_number(column) {
            let values = crate::groups::numbers(estimates, "estimates", own)?;
            Column::floats(
                &rows.iter().map(|row| row.and_then(|row| values[row])).collect::<Vec<_>>(),
            )
        } else {
            let labels: Vec<Option<String>> =
                rows.iter().map(|row| row.and_then(|row| column.label(row))).collect();
            Column::text(labels.iter().map(Option::as_deref))
        };
        table.push(own.clone(), made)?;
    }
    Ok(())
}

/// The first quote of each group among those who consented, and how many others there are.
fn quotes(
    display: Joint<'_>,
    spoken: &Spoken,
    quote: &str,
    shown: &[bool],
) -> Result<(Vec<Option<String>>, usize), CasesError> {
    let (codings, case, code) = display.codings;
    let words = codings.column("quote", quote)?;
    let who = codings.column("case", case)?;
    let what = codings.column("code", code)?;
    let consented: FxHashSet<&str> = display.consented.iter().map(String::as_str).collect();
    let mut found: Vec<Option<String>> = vec![None; spoken.groups.len()];
    let mut withheld = 0;
    for row in 0..codings.n_rows() {
        let (Some(text), Some(own)) = (words.label(row), who.label(row)) else { continue };
        let Some(&place) = spoken.ids.get(&own) else { continue };
        if !consented.contains(own.as_str()) {
            withheld += 1;
            continue;
        }
        let group = spoken.group[place as usize] as usize;
        if shown[group] && found[group].is_none() {
            let code = what.label(row).unwrap_or_default();
            found[group] = Some(format!("\u{201c}{text}\u{201d} ({code})"));
        }
    }
    Ok((found, withheld))
}
