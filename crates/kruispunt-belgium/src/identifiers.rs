//! Numbers that were replaced by others, followed to the last.

use crate::error::BelgiumError;
use crate::insz::Insz;
use kruispunt::data::{Account, Column, Count, Linked, Step, Table};
use rustc_hash::{FxHashMap, FxHashSet};

/// What became of each number of a history: the number its person has in the end.
///
/// `old` and `new` are the columns of numbers before and after, as text or whole numbers; where
/// `new` is missing the number was cancelled. One row for each number that occurs: `identifier`,
/// `person` (the last number of the chain; missing when it was cancelled or the chain goes round),
/// `steps` (replacements on the way), `identifier_kind` (`national`, `bis`,
/// `bis_sex_unknown`, as [`Insz`] reads it; missing for coded numbers) and `identifier_reason` (`replaced`, `current`,
/// `cancelled`, `replaced by two numbers`, `goes round`). The account counts them.
///
/// The result is a crosswalk for [`Spells::identify`](kruispunt::data::Spells::identify).
///
/// # Errors
///
/// [`BelgiumError::Data`] when a column is not there.
pub fn identifiers(history: &Table, old: &str, new: &str) -> Result<Linked, BelgiumError> {
    let (before, after) = (history.column("old", old)?, history.column("new", new)?);
    let mut next: FxHashMap<String, Vec<Option<String>>> = FxHashMap::default();
    let mut all: Vec<String> = Vec::new();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    let text = |column: &Column, row: usize| {
        column.label(row).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let mut blank = 0;
    for row in 0..history.n_rows() {
        let Some(number) = text(before, row) else {
            blank += 1;
            continue;
        };
        let became = text(after, row);
        for one in std::iter::once(&number).chain(became.as_ref()) {
            if seen.insert(one.clone()) {
                all.push(one.clone());
            }
        }
        let known = next.entry(number).or_default();
        if !known.contains(&became) {
            known.push(became);
        }
    }
    all.sort_unstable();
    let follow = |number: &String| -> (Option<String>, i64, &'static str) {
        let (mut at, mut steps) = (number.clone(), 0);
        let mut met: FxHashSet<String> = FxHashSet::default();
        loop {
            if !met.insert(at.clone()) {
                return (None, steps, "goes round");
            }
            match next.get(&at).map(Vec::as_slice) {
                None => {
                    let reason = if steps == 0 { "current" } else { "replaced" };
                    return (Some(at), steps, reason);
                }
                Some([Some(new)]) => (at, steps) = (new.clone(), steps + 1),
                Some([None]) => return (None, steps, "cancelled"),
                Some(_) => return (None, steps, "replaced by two numbers"),
            }
        }
    };
    let answers: Vec<_> = all.iter().map(follow).collect();
    let kind = |number: &String| Insz::parse(number).ok().map(|number| number.kind().name());
    let persons: FxHashSet<&str> = answers.iter().filter_map(|one| one.0.as_deref()).collect();
    let step = Step::new(
        "identifiers",
        format!("{old} to {new}, followed to the last"),
        Count::rows(history.n_rows()),
        Count::of(all.len(), persons.len()),
    )
    .note(format!("{blank} rows without a number before"))
    .note(format!("numbers: {}", crate::tally(answers.iter().map(|one| one.2))));
    let table = Table::new([
        ("identifier", Column::text(all.iter().map(|one| Some(one.as_str())))),
        ("person", Column::text(answers.iter().map(|one| one.0.as_deref()))),
        ("steps", Column::int(answers.iter().map(|one| one.1).collect())),
        ("identifier_kind", Column::text(all.iter().map(kind))),
        ("identifier_reason", Column::text(answers.iter().map(|one| Some(one.2)))),
    ])?;
    Ok(Linked::new(table, Account::new("identifiers").then(step)))
}
