//! Cases from a table of persons, and from effects by group.

use super::paired::{Pairing, Wanted};
use super::spread::{farthest, middle};
use super::{Candidates, Kind};
use crate::CasesError;
use crate::groups::{Coded, Unlike, numbers};
use kruispunt::data::{Account, Table, Ticket};

/// How far ahead the order of diverse cases is worked out.
pub(super) const SPREAD: usize = 1000;

/// Refuses a table whose identifiers are missing or occur twice.
pub(crate) fn identified(table: &Table, id: &str) -> Result<Coded, CasesError> {
    let coded = Coded::named(table, "person", id)?;
    let mut seen = vec![false; coded.labels.len()];
    for (row, code) in coded.codes.iter().enumerate() {
        let problem = match code {
            None => "is missing",
            Some(code) if seen[*code as usize] => "occurs before; give one row a person",
            Some(code) => {
                seen[*code as usize] = true;
                continue;
            }
        };
        return Err(CasesError::Identifier { argument: "person", row, problem });
    }
    Ok(coded)
}

/// Cases from columns of a table alone: `extreme`, `diverse`, `most-similar`, `most-different`
/// and `random`.
///
/// # Errors
///
/// [`CasesError::Undefined`] for kinds that need a model or types, [`CasesError::Identifier`],
/// [`CasesError::Argument`] or [`CasesError::Data`].
pub fn of_table(
    table: Table,
    id: &str,
    kind: Kind,
    on: &[String],
    contrast: Option<&str>,
    ticket: &Ticket,
) -> Result<Candidates, CasesError> {
    identified(&table, id)?;
    plain(table, id, kind, on, contrast, ticket, "a table")
}

/// The kinds that need no more than columns.
pub(super) fn plain(
    table: Table,
    id: &str,
    kind: Kind,
    on: &[String],
    contrast: Option<&str>,
    ticket: &Ticket,
    source_kind: &'static str,
) -> Result<Candidates, CasesError> {
    let n = table.n_rows();
    let mut found = Candidates {
        table,
        id: id.to_owned(),
        kind,
        scores: Vec::new(),
        group: None,
        definition: String::new(),
        unscored: "no value in `on`",
        pairs: None,
        account: None,
        notes: Vec::new(),
    };
    match kind {
        Kind::Random => {
            found.scores = vec![Some(0.0); n];
            found.definition.push_str("a draw, all candidates alike");
        }
        Kind::Extreme => {
            let [name] = on else {
                let got = format!("{} columns", on.len());
                return Err(CasesError::argument("on", "one column of numbers", got));
            };
            found.scores = extremity(&numbers(&found.table, "on", name)?);
            found.definition = format!("far from the mean of {name}, |x - mean| / sd");
        }
        Kind::Diverse => {
            let unlike = described(&found.table, on)?;
            let far = |a, b| unlike.between(a, b);
            found.scores = farthest(n, SPREAD, middle(n, far), far, ticket)?;
            found.definition = format!(
                "the middle case first, then each time the one farthest from all before, on {}",
                on.join(", ")
            );
        }
        Kind::MostSimilar | Kind::MostDifferent => {
            let unlike = described(&found.table, on)?;
            let Some(contrast) = contrast else {
                let expected = "the column in which pairs differ (most-similar) or agree";
                return Err(CasesError::argument("contrast", expected, "none"));
            };
            let codes = Coded::named(&found.table, "contrast", contrast)?.codes;
            let (wanted, words) = match kind {
                Kind::MostSimilar => (Wanted::Similar, "alike"),
                _ => (Wanted::Different, "unlike"),
            };
            found.pairs = Some(Pairing::new(codes, wanted, unlike, ticket));
            found.scores = vec![Some(0.0); n];
            let verb = if wanted == Wanted::Similar { "different" } else { "the same" };
            found.definition = format!(
                "pairs {words} on {} (Gower's coefficient) with {verb} {contrast}",
                on.join(", ")
            );
        }
        _ => {
            return Err(CasesError::Undefined {
                kind: kind.name(),
                source_kind,
                remedy: remedy(kind),
            });
        }
    }
    Ok(found)
}

pub(super) const fn remedy(kind: Kind) -> &'static str {
    match kind {
        Kind::Typical | Kind::Deviant => "give a typology, a fit or effects",
        Kind::Influential => "give a fit of least squares",
        Kind::Pathway => "give a fit with the cause and `without`, the fit without it",
        _ => "give a typology with its distances",
    }
}

fn described(table: &Table, on: &[String]) -> Result<Unlike, CasesError> {
    if on.is_empty() {
        return Err(CasesError::argument("on", "the columns that describe persons", "none"));
    }
    Unlike::of(table, "on", on)
}

/// `|x - mean| / sd`, with the denominator n - 1.
pub(super) fn extremity(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let n = values.iter().flatten().count() as f64;
    let mean = values.iter().flatten().sum::<f64>() / n;
    let square = values.iter().flatten().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let sd = (square / (n - 1.0)).sqrt();
    let score = |x: f64| if sd > 0.0 { (x - mean).abs() / sd } else { 0.0 };
    values.iter().map(|value| value.map(score)).collect()
}

/// Effects of a group of persons (a cohort).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupEffect {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub se: f64,
}

/// Cases from effects by group: persons carry the effect of their group. `typical` are those of
/// groups whose effect is near the overall one in standard errors, `deviant` those of groups far
/// from it, `extreme` those of groups with the largest effect in size.
///
/// # Errors
///
/// As [`of_table`], and [`CasesError::Argument`] when no person is of a group with an effect.
pub fn of_groups(
    table: Table,
    id: &str,
    group: &str,
    effects: &[(String, GroupEffect)],
    overall: f64,
    kind: Kind,
    account: Option<Account>,
) -> Result<Candidates, CasesError> {
    identified(&table, id)?;
    let groups = Coded::named(&table, "group", group)?;
    let by_code: Vec<Option<GroupEffect>> = groups
        .labels
        .iter()
        .map(|label| effects.iter().find(|(name, _)| name == label).map(|(_, effect)| *effect))
        .collect();
    let (definition, score): (String, fn(GroupEffect, f64) -> f64) = match kind {
        Kind::Typical => (
            format!(
                "the effect of the person's {group} near the overall effect, in standard errors"
            ),
            |own, all| -((own.estimate - all) / own.se).abs(),
        ),
        Kind::Deviant => (
            format!(
                "the effect of the person's {group} far from the overall effect, in standard errors"
            ),
            |own, all| ((own.estimate - all) / own.se).abs(),
        ),
        Kind::Extreme => (format!("the effect of the person's {group} large in size"), |own, _| {
            own.estimate.abs()
        }),
        _ => {
            let source_kind = "effects by group";
            return Err(CasesError::Undefined {
                kind: kind.name(),
                source_kind,
                remedy: remedy(kind),
            });
        }
    };
    let scores: Vec<Option<f64>> = groups
        .codes
        .iter()
        .map(|code| {
            let own = by_code[(*code)? as usize]?;
            Some(score(own, overall)).filter(|score| score.is_finite())
        })
        .collect();
    if scores.iter().all(Option::is_none) {
        let expected = "the column whose values are the groups of the effects";
        return Err(CasesError::argument("group", expected, "no value that has an effect"));
    }
    Ok(Candidates {
        table,
        id: id.to_owned(),
        kind,
        scores,
        group: None,
        definition,
        unscored: "of a group without an effect",
        pairs: None,
        account,
        notes: vec!["persons of one group carry one effect: within it the draw decides".to_owned()],
    })
}
