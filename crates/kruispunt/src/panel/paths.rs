use super::{PanelError, match_persons};
use crate::data::{
    Account, Column, Count, DataError, Day, Linked, NOBODY, Persons, Spells, Step, Table,
};

/// Which way persons went through the stages of a programme.
///
/// `stages` are registers in the order in which the programme means them: integration, registration
/// with the employment service, training, job. One row a person who occurs in one of them:
///
/// - a column a stage, `first_<name>`: the first day in that register;
/// - `path`: the names in the order in which they began, as `integration > service > job`; stages that
///   began on one day stand in the order of the programme;
/// - `reached`: the furthest stage that was reached through all stages before it, each beginning on
///   the day the one before began or later (a later spell counts when an earlier one came too soon);
///   null when the person was never in the first;
/// - `in_order`: whether the person's stages began in the order of the programme.
///
/// # Errors
///
/// [`PanelError::BadArgument`] with no stage or two of one name, [`PanelError::PersonTypes`].
pub fn paths(stages: &[(&str, &Spells)]) -> Result<Linked, PanelError> {
    let bad = |expected: &'static str, got: String| PanelError::BadArgument {
        argument: "stages".to_owned(),
        expected,
        got,
    };
    let Some((_, first)) = stages.first() else {
        return Err(bad("at least one stage", "none".to_owned()));
    };
    for (at, (name, _)) in stages.iter().enumerate() {
        if stages[..at].iter().any(|(other, _)| other == name) {
            return Err(bad("stages of different names", format!("\"{name}\" twice")));
        }
    }
    for (_, spells) in stages {
        match_persons("stages", first.persons(), spells.persons())?;
    }
    let ids = Column::stack(stages.iter().map(|(_, spells)| spells.persons().ids()));
    let ids =
        ids.ok_or_else(|| DataError::TooManyRows { argument: "stages".to_owned(), rows: 0 })?;
    let (persons, _) = Persons::encode("person", first.persons().name(), &ids)?;
    let found = stages
        .iter()
        .map(|(_, spells)| match_persons("stages", &persons, spells.persons()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut firsts: Vec<Vec<Option<Day>>> = vec![Vec::with_capacity(persons.len()); stages.len()];
    let (mut written, mut reached, mut in_order) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = vec![0_u64; stages.len()];
    #[allow(clippy::needless_range_loop, reason = "one person in the finds of all stages")]
    for person in 0..persons.len() {
        let mut begun: Vec<(i32, usize)> = Vec::new();
        let (mut after, mut furthest, mut whole) = (i32::MIN, None, true);
        for (at, (_, spells)) in stages.iter().enumerate() {
            let own = match found[at][person] {
                NOBODY => 0..0,
                code => spells.of(code as usize),
            };
            let starts = &spells.starts()[own];
            firsts[at].push(starts.first().map(|&day| Day(day)));
            begun.extend(starts.first().map(|&day| (day, at)));
            let later = starts.iter().find(|day| **day >= after).filter(|_| whole);
            match later {
                Some(&day) => {
                    (after, furthest) = (day, Some(at));
                    counts[at] += 1;
                }
                None => whole = false,
            }
        }
        begun.sort_unstable();
        in_order.push(begun.is_sorted_by_key(|(_, at)| *at));
        reached.push(furthest.map(|at| at as u32));
        let names: Vec<&str> = begun.iter().map(|(_, at)| stages[*at].0).collect();
        written.push(names.join(" > "));
    }
    let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
    let mut table = Table::new([(first.persons().name(), persons.ids().clone())])?;
    for ((name, _), days) in stages.iter().zip(&firsts) {
        table.push(format!("first_{name}"), Column::dates(days))?;
    }
    table.push("path", Column::text(written.iter().map(|path| Some(path.as_str()))))?;
    table.push("reached", Column::category(&reached, &names))?;
    table.push("in_order", Column::bool(in_order.clone()))?;
    let total: usize = stages.iter().map(|(_, spells)| spells.len()).sum();
    let mut step = Step::new(
        "paths",
        names.join(", "),
        Count::of(total, persons.len()),
        Count::of(persons.len(), persons.len()),
    )
    .note(format!(
        "{} persons whose stages began in another order",
        in_order.iter().filter(|own| !**own).count()
    ));
    for (name, count) in names.iter().zip(counts) {
        step = step.note(format!("{count} persons reached {name} through all stages before it"));
    }
    let step = stages.iter().fold(step, |step, (_, spells)| step.join(spells.account().clone()));
    Ok(Linked::new(table, Account::new("paths").then(step)))
}
