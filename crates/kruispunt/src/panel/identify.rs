use super::{PanelError, match_persons};
use crate::data::{Buffer, Column, Count, DataError, NOBODY, Persons, Register, Spells, Step};
use crate::math::by_group;

impl Spells {
    /// Puts persons in the place of the identifiers the spells were read with.
    ///
    /// A register of actions knows clients, and who the clients are was linked; `crosswalk` has a
    /// row for each of them, its column `key` holds the identifiers of these spells, its column
    /// `person` those of the persons. Spells whose identifier is not in the crosswalk, or has no
    /// person there, are left out and counted. Two identifiers of one person give one person with
    /// the spells of both. What happened to the rows of the crosswalk (its linkage) joins the
    /// account.
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table};
    /// use kruispunt::panel::SpellColumns;
    /// let actions = Table::new([
    ///     ("client", Column::int(vec![101, 102, 103])),
    ///     ("day", Column::text([Some("2012-01-09"), Some("2012-03-01"), Some("2012-02-01")])),
    /// ])?;
    /// let clients = Table::new([
    ///     ("client", Column::int(vec![101, 102])),
    ///     ("pid", Column::int(vec![7, 7])),
    /// ])?;
    /// let spells = Spells::read(&actions, &SpellColumns::event("client", "day"))?
    ///     .identify(&clients, "client", "pid")?;
    /// assert_eq!((spells.len(), spells.persons().len()), (2, 1));
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::DuplicateKey`] when an identifier has two rows with different persons,
    /// [`PanelError::PersonTypes`] when identifiers are numbers here and text there,
    /// [`PanelError::Data`] for a missing column, a null key, and a name that is taken.
    pub fn identify(
        &self,
        crosswalk: &dyn Register,
        key: &str,
        person: &str,
    ) -> Result<Self, PanelError> {
        let table = crosswalk.table();
        let (keys, key_codes) = Persons::encode("key", key, table.column("key", key)?)?;
        let who: &Column = table.column("person", person)?;
        let (persons, person_codes) = Persons::encode("person", person, who)?;
        if self.columns.get(person).is_some()
            || [&self.roles.start, &self.roles.end].iter().any(|own| *own == person)
        {
            return Err(DataError::DuplicateColumn { column: person.to_owned() }.into());
        }
        let known = one_person_each(keys.len(), &key_codes, &person_codes, key)?;
        let found = match_persons("crosswalk", &self.persons, &keys)?;
        let (mut absent, mut nobody) = (Count::of(0, 0), Count::of(0, 0));
        let mut codes = Vec::with_capacity(self.len());
        for (own, &at) in found.iter().enumerate() {
            let spells = self.of(own).len();
            let code = known.get(at as usize).copied().unwrap_or(NOBODY);
            if code == NOBODY {
                let count = if at == NOBODY { &mut absent } else { &mut nobody };
                *count = Count {
                    rows: count.rows + spells as u64,
                    persons: count.persons.map(|persons| persons + 1),
                };
            }
            codes.resize(codes.len() + spells, code);
        }
        Ok(self.with_persons(&persons, &codes, |before, after| {
            let step = Step::new(
                "identify",
                format!("{} of each {}", person, self.persons.name()),
                before,
                after,
            )
            .exclude(format!("the {} is not in the crosswalk", self.persons.name()), absent)
            .exclude(format!("the {} has no {person} there", self.persons.name()), nobody);
            match crosswalk.account() {
                Some(account) => step.join(account.clone()),
                None => step,
            }
        }))
    }

    /// The same spells with other persons, one code a spell.
    fn with_persons(
        &self,
        persons: &Persons,
        codes: &[u32],
        step: impl FnOnce(Count, Count) -> Step,
    ) -> Self {
        let by_group::Sorted { order, offsets, starts, ends: last } =
            by_group::sort(persons.len(), codes, self.starts.to_vec(), self.ends.to_vec());
        let kept: Vec<u32> = (0..persons.len() as u32)
            .filter(|&at| offsets[at as usize] < offsets[at as usize + 1])
            .collect();
        let pick = |of: &[i32]| -> Buffer<i32> {
            order.iter().map(|&at| of[at as usize]).collect::<Vec<_>>().into()
        };
        let ends = kept.iter().map(|&at| offsets[at as usize + 1]);
        let count = Count::of(order.len(), kept.len());
        Self {
            persons: persons.take(&kept),
            offsets: std::iter::once(0).chain(ends).collect::<Vec<_>>().into(),
            starts: starts.into(),
            ends: last.into(),
            origins: pick(&self.origins),
            lengths: pick(&self.lengths),
            rows: order.iter().map(|&at| self.rows[at as usize]).collect::<Vec<_>>().into(),
            columns: self.columns.gather(&order),
            roles: self.roles.clone(),
            aside: self.aside.clone(),
            account: self.account.clone().then(step(self.count(), count)),
        }
    }
}

/// The person of each key; a key may stand in several rows if all say the same.
fn one_person_each(
    n_keys: usize,
    keys: &[u32],
    persons: &[u32],
    name: &str,
) -> Result<Vec<u32>, PanelError> {
    let mut first_row = vec![NOBODY; n_keys];
    for (row, &key) in keys.iter().enumerate() {
        if key == NOBODY {
            return Err(DataError::MissingCell {
                argument: "key".to_owned(),
                column: name.to_owned(),
                row,
                expected: "an identifier in each row",
            }
            .into());
        }
        let first = &mut first_row[key as usize];
        if *first == NOBODY {
            *first = row as u32;
        } else if persons[*first as usize] != persons[row] {
            return Err(PanelError::DuplicateKey {
                argument: "crosswalk".to_owned(),
                column: name.to_owned(),
                first: *first as usize,
                second: row,
            });
        }
    }
    Ok(first_row.into_iter().map(|row| persons[row as usize]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;
    use crate::panel::SpellColumns;

    fn actions() -> Spells {
        let table = Table::new([
            ("client", Column::int(vec![104, 101, 102, 103, 101])),
            (
                "day",
                Column::text(
                    ["2012-05-01", "2012-04-01", "2012-03-01", "2012-02-01", "2012-01-01"]
                        .map(Some),
                ),
            ),
            ("kind", Column::text(["e", "d", "c", "b", "a"].map(Some))),
        ])
        .unwrap();
        Spells::read(&table, &SpellColumns::event("client", "day").name("actions").carry(["kind"]))
            .unwrap()
    }

    fn crosswalk(clients: &[i64], persons: &[Option<&str>]) -> Table {
        Table::new([
            ("client", Column::int(clients.to_vec())),
            ("pid", Column::text(persons.iter().copied())),
        ])
        .unwrap()
    }

    #[test]
    fn spells_of_two_clients_become_those_of_one_person_in_order_of_time() {
        let walk = crosswalk(&[103, 102, 101, 102], &[None, Some("P"), Some("P"), Some("P")]);
        let spells = actions().identify(&walk, "client", "pid").unwrap();
        let table = spells.table();
        assert_eq!(table.get("pid"), Some(&Column::text(["P", "P", "P"].map(Some))));
        assert_eq!(table.get("kind"), Some(&Column::text(["a", "c", "d"].map(Some))));
        assert_eq!(spells.rows(), [4, 2, 1]);
        let step = spells.account().last().unwrap();
        assert!(step.adds_up());
        assert_eq!((step.before, step.after), (Count::of(5, 4), Count::of(3, 1)));
        assert_eq!(step.excluded[0].count, Count::of(1, 1));
        assert!(step.excluded[0].reason.contains("not in the crosswalk"));
        assert!(step.excluded[1].reason.contains("no pid there"));
    }

    #[test]
    fn nobody_known_gives_no_spells() {
        let spells = actions().identify(&crosswalk(&[1], &[Some("P")]), "client", "pid").unwrap();
        assert!(spells.is_empty() && spells.persons().is_empty());
    }

    #[test]
    fn a_crosswalk_that_contradicts_itself_or_does_not_fit_is_refused() {
        let two = crosswalk(&[101, 102, 101], &[Some("P"), Some("Q"), Some("R")]);
        assert!(matches!(
            actions().identify(&two, "client", "pid"),
            Err(PanelError::DuplicateKey { first: 0, second: 2, .. })
        ));
        let fits = crosswalk(&[101], &[Some("P")]);
        assert!(matches!(
            actions().identify(&fits, "pid", "client"),
            Err(PanelError::PersonTypes { .. })
        ));
        assert!(actions().identify(&fits, "client", "wage").is_err());
        let taken =
            Table::new([("client", Column::int(vec![101])), ("kind", Column::text([Some("P")]))])
                .unwrap();
        assert!(matches!(
            actions().identify(&taken, "client", "kind"),
            Err(PanelError::Data(DataError::DuplicateColumn { .. }))
        ));
        let hole = Table::new([
            ("client", Column::ints(&[Some(101), None])),
            ("pid", Column::text([Some("P"), Some("Q")])),
        ])
        .unwrap();
        assert!(matches!(
            actions().identify(&hole, "client", "pid"),
            Err(PanelError::Data(DataError::MissingCell { row: 1, .. }))
        ));
    }
}
