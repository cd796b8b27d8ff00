use super::PanelError;
use crate::data::{Account, Column, Count, DataError, NOBODY, Persons, Roles, Spells, Step, Table};
use crate::math::by_group;

impl Spells {
    /// Several registers in one: their spells side by side, and a column that says which register
    /// each comes from.
    ///
    /// Columns of the same name are one column and must have one type; where a register lacks a
    /// column its spells have nulls. `source` is the name of the new column; its values are the
    /// names of the registers, in the order given, which is the order that
    /// [`resolve`](Self::resolve) by `source` gives priority by. Row numbers go on from register
    /// to register.
    ///
    /// # Errors
    ///
    /// [`PanelError::BadArgument`] without registers or when two have one name,
    /// [`PanelError::PersonTypes`], and [`PanelError::Data`] for columns of different types, a
    /// column called `source` already, and more than 2^32 rows.
    pub fn stack(registers: &[&Self], source: &str) -> Result<Self, PanelError> {
        let bad = |expected: &'static str, got: String| PanelError::BadArgument {
            argument: "registers".to_owned(),
            expected,
            got,
        };
        let Some(first) = registers.first() else {
            return Err(bad("at least one register", "none".to_owned()));
        };
        for (at, one) in registers.iter().enumerate() {
            if registers[..at].iter().any(|other| other.name() == one.name()) {
                return Err(bad(
                    "registers of different names",
                    format!("\"{}\" twice", one.name()),
                ));
            }
        }
        let total: usize = registers.iter().map(|one| one.len()).sum();
        if total >= u32::MAX as usize {
            let argument = "registers".to_owned();
            return Err(DataError::TooManyRows { argument, rows: total }.into());
        }
        let (persons, codes) = everyone(registers)?;
        let mut columns = Table::default();
        let sources: Vec<Option<u32>> = (0_u32..)
            .zip(registers)
            .flat_map(|(at, one)| std::iter::repeat_n(Some(at), one.len()))
            .collect();
        let names: Vec<&str> = registers.iter().map(|one| one.name()).collect();
        columns.push(source, Column::category(&sources, &names))?;
        for (name, column) in side_by_side(registers)? {
            columns.push(name, column)?;
        }
        let all = |of: fn(&Self) -> &[i32]| -> Vec<i32> {
            registers.iter().flat_map(|one| of(one)).copied().collect()
        };
        let (starts, ends) = (all(|one| &one.starts), all(|one| &one.ends));
        let mut rows = Vec::with_capacity(total);
        let mut base = 0;
        for one in registers {
            rows.extend(one.rows.iter().map(|row| row + base));
            base += one.rows.iter().max().map_or(0, |row| row + 1);
        }
        let by_group::Sorted { order, offsets, starts, ends } =
            by_group::sort(persons.len(), &codes, starts, ends);
        let pick = |of: &[i32]| order.iter().map(|&at| of[at as usize]).collect::<Vec<_>>();
        let roles = Roles {
            start: first.roles.start.clone(),
            end: first.roles.end.clone(),
            state: registers.iter().find_map(|one| one.roles.state.clone()),
            source: Some(source.to_owned()),
        };
        let before = Count::rows(total);
        let step = Step::new("stack", names.join(", "), before, Count::of(total, persons.len()));
        let step = registers.iter().fold(step, |step, one| step.join(one.account.clone()));
        Ok(Self {
            offsets: offsets.into(),
            starts: starts.into(),
            ends: ends.into(),
            origins: pick(&all(|one| &one.origins)).into(),
            lengths: pick(&all(|one| &one.lengths)).into(),
            rows: order.iter().map(|&at| rows[at as usize]).collect::<Vec<_>>().into(),
            columns: columns.gather(&order),
            persons,
            roles,
            aside: Vec::new(),
            account: Account::new(names.join(" + ")).then(step),
        })
    }
}

/// Everyone in any of the registers, and the code of each spell's person.
fn everyone(registers: &[&Spells]) -> Result<(Persons, Vec<u32>), PanelError> {
    let first = registers[0].persons();
    let ids = registers.iter().map(|one| one.persons().ids());
    for ids in ids.clone() {
        if ids.kind() != first.ids().kind() {
            return Err(PanelError::PersonTypes {
                argument: "registers".to_owned(),
                own: first.ids().kind(),
                theirs: ids.kind(),
            });
        }
    }
    let name = first.name();
    let stacked = Column::stack(ids).unwrap_or_else(|| first.ids().take(&[]));
    let (persons, codes) = Persons::encode("person", name, &stacked)?;
    let mut of_spells = Vec::new();
    let mut base = 0;
    for one in registers {
        of_spells.extend(
            one.person_codes()
                .into_iter()
                .map(|person| codes.get(base + person as usize).copied().unwrap_or(NOBODY)),
        );
        base += one.persons().len();
    }
    Ok((persons, of_spells))
}

/// The columns of all registers, null where a register has none of that name.
fn side_by_side(registers: &[&Spells]) -> Result<Vec<(String, Column)>, PanelError> {
    let mut names: Vec<&String> = Vec::new();
    for name in registers.iter().flat_map(|one| one.columns().names()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let mut like: Option<&Column> = None;
        for column in registers.iter().filter_map(|one| one.columns().get(name)) {
            let known = *like.get_or_insert(column);
            if known.kind() != column.kind() {
                let expected = "the same type in all registers";
                return Err(column.wrong_type("registers", name, expected).into());
            }
        }
        let Some(like) = like else { continue };
        let parts: Vec<Column> = registers
            .iter()
            .map(|one| one.columns().get(name).cloned().unwrap_or_else(|| like.all_null(one.len())))
            .collect();
        let rows = parts.iter().map(Column::len).sum();
        let stacked = Column::stack(&parts)
            .ok_or_else(|| DataError::TooManyRows { argument: name.clone(), rows })?;
        columns.push((name.clone(), stacked));
    }
    Ok(columns)
}
