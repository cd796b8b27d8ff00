use super::{PanelError, match_persons};
use crate::data::{Column, DataError, NOBODY, Panel, Persons, Register, Step};

impl Panel {
    /// Adds what does not change over time: every column of `register` but the key, by person.
    ///
    /// Persons who are not in the table get nulls; the account says how many.
    ///
    /// # Errors
    ///
    /// [`PanelError::DuplicateKey`] when a person has two rows, [`PanelError::PersonTypes`],
    /// [`PanelError::Data`] for a missing or null key and a name that is taken.
    pub fn attach_person(&self, register: &dyn Register, key: &str) -> Result<Self, PanelError> {
        let table = register.table();
        let column = table.column("key", key)?;
        let (persons, codes) = Persons::encode("key", key, column)?;
        let mut row_of = vec![NOBODY; persons.len()];
        for (row, &code) in codes.iter().enumerate() {
            if code == NOBODY {
                return Err(DataError::MissingCell {
                    argument: "key".to_owned(),
                    column: key.to_owned(),
                    row,
                    expected: "an identifier in each row",
                }
                .into());
            }
            let slot = &mut row_of[code as usize];
            if *slot != NOBODY {
                return Err(PanelError::DuplicateKey {
                    argument: "table".to_owned(),
                    column: key.to_owned(),
                    first: *slot as usize,
                    second: row,
                });
            }
            *slot = row as u32;
        }
        let found = match_persons("table", &self.persons, &persons)?;
        let person_rows: Vec<u32> = found
            .iter()
            .map(|&code| row_of.get(code as usize).copied().unwrap_or(NOBODY))
            .collect();
        let rows: Vec<u32> =
            self.person_codes().into_iter().map(|person| person_rows[person as usize]).collect();
        let mut panel = self.clone();
        let mut names = Vec::new();
        let others = table.names().iter().zip(table.columns()).filter(|(name, _)| *name != key);
        for (name, column) in others {
            let column: Column = column.gather(&rows);
            panel = panel.new_column(name, column)?;
            names.push(name.as_str());
        }
        let absent = person_rows.iter().filter(|row| **row == NOBODY).count();
        let step = Step::new(
            "attach_person",
            format!("{} by person", names.join(", ")),
            self.count(),
            self.count(),
        )
        .note(format!("{absent} persons are not in the table"));
        let step = match register.account() {
            Some(account) => step.join(account.clone()),
            None => step,
        };
        Ok(panel.with_step(step))
    }
}
