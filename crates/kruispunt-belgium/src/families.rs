//! The origin of families: of the parents in a household.

use crate::codes;
use crate::error::BelgiumError;
use kruispunt::data::{Account, Column, Count, DataError, Linked, Step, Table};
use std::collections::BTreeMap;

/// When a family counts as of foreign origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FamilyRule {
    /// At least one parent figure has such an origin.
    #[default]
    Any,
    /// All parent figures have.
    All,
    /// The reference person of the household has.
    Reference,
}

/// Where the columns stand that a family is read from.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// The key of the household (the reference person's number).
    pub household: &'a str,
    /// The person.
    pub person: &'a str,
    /// The position in the household (LIPRO).
    pub position: &'a str,
    /// The group of origin.
    pub group: &'a str,
}

#[derive(Default)]
struct Family {
    parents: i64,
    foreign: i64,
    unknown: i64,
    #[allow(
        clippy::option_option,
        reason = "none seen; seen, with an origin that is known or not"
    )]
    reference: Option<Option<bool>>,
}

impl Family {
    /// Whether the family has such an origin, or why that is not known.
    fn answer(&self, rule: FamilyRule) -> (Option<bool>, Option<&'static str>) {
        if rule == FamilyRule::Reference {
            return match self.reference {
                None => (None, Some("the reference person is not in the table")),
                Some(None) => (None, Some("origin of the reference person unknown")),
                Some(known) => (known, None),
            };
        }
        if self.parents == 0 {
            return (None, Some("no parent figure"));
        }
        let decided = match rule {
            FamilyRule::Any if self.foreign > 0 => Some(true),
            FamilyRule::All if self.foreign + self.unknown < self.parents => Some(false),
            _ if self.unknown > 0 => None,
            FamilyRule::Any => Some(false),
            _ => Some(true),
        };
        (decided, decided.is_none().then_some("origin of a parent unknown"))
    }
}

/// Which households are families of an origin: one row a household, in the order of its key.
///
/// Parent figures are the members whose position says so (`role` parent in `data/lipro.csv`: MAR+,
/// UNM+, H1PA), whether they are parents by birth or not. `groups` are the groups that count
/// (`nonEU`, `TR`, `MA`, say). The answer has the household, `family_foreign`, `parents`,
/// `parents_foreign`, `parents_unknown` and `family_reason` (why there is no answer).
///
/// # Errors
///
/// [`BelgiumError::Data`] when a column is not there or a row has no household;
/// [`BelgiumError::OutOfRange`] without groups.
pub fn families(
    data: &Table,
    columns: &Members<'_>,
    groups: &[&str],
    rule: FamilyRule,
) -> Result<Linked, BelgiumError> {
    if groups.is_empty() {
        return Err(BelgiumError::OutOfRange {
            argument: "groups",
            got: "no group".to_owned(),
            expected: "one group or more that count as of that origin",
        });
    }
    let household = data.column("household", columns.household)?;
    let person = data.column("person", columns.person)?;
    let position = data.column("position", columns.position)?;
    let group = data.column("group", columns.group)?;
    let parental = parental();
    let (codes, first) = household.ranks();
    let mut families: BTreeMap<u32, Family> = BTreeMap::new();
    for (row, &code) in codes.iter().enumerate() {
        let Some(code) = code else {
            return Err(BelgiumError::Data(DataError::MissingCell {
                argument: "household".to_owned(),
                column: columns.household.to_owned(),
                row,
                expected: "a household in each row",
            }));
        };
        let family = families.entry(code).or_default();
        let foreign = group.label(row).map(|own| groups.contains(&own.trim()));
        if person.label(row).is_some() && person.label(row) == household.label(row) {
            family.reference = Some(foreign);
        }
        let is_parent = position.label(row).is_some_and(|own| parental.contains(&own));
        if is_parent {
            family.parents += 1;
            family.foreign += i64::from(foreign == Some(true));
            family.unknown += i64::from(foreign.is_none());
        }
    }
    let answers: Vec<_> = families.values().map(|family| family.answer(rule)).collect();
    let count = |of: fn(&Family) -> i64| Column::int(families.values().map(of).collect());
    let told = match rule {
        FamilyRule::Any => "any parent figure",
        FamilyRule::All => "all parent figures",
        FamilyRule::Reference => "the reference person",
    };
    let detail = format!("{told} of {}", groups.join(", "));
    let foreign = answers.iter().filter(|one| one.0 == Some(true)).count();
    let mut step =
        Step::new("families", detail, Count::rows(data.n_rows()), Count::rows(families.len()))
            .note(format!("{foreign} households of that origin"));
    let reasons = answers.iter().filter_map(|one| one.1);
    if reasons.clone().next().is_some() {
        step = step.note(format!("no answer: {}", crate::tally(reasons)));
    }
    let flags: Vec<Option<u32>> = answers.iter().map(|one| one.0.map(u32::from)).collect();
    let table = Table::new([
        (columns.household, household.take(&first)),
        (
            "family_foreign",
            Column::ints(&flags.iter().map(|one| one.map(i64::from)).collect::<Vec<_>>()),
        ),
        ("parents", count(|family| family.parents)),
        ("parents_foreign", count(|family| family.foreign)),
        ("parents_unknown", count(|family| family.unknown)),
        ("family_reason", Column::text(answers.iter().map(|one| one.1))),
    ])?;
    Ok(Linked::new(table, Account::new("households").then(step)))
}

/// The positions of parent figures.
fn parental() -> Vec<String> {
    let Some(list) = codes::table("lipro") else { return Vec::new() };
    let (Some(code), Some(role)) = (list.get("code"), list.get("role")) else {
        return Vec::new();
    };
    (0..list.n_rows())
        .filter(|&row| role.label(row).as_deref() == Some("parent"))
        .filter_map(|row| code.label(row))
        .collect()
}
