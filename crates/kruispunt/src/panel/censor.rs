use super::PanelError;
use crate::data::{Count, Day, NOBODY, Persons, Pieces, Spells, Step, Table};

impl Spells {
    /// Ends each person's spells on a last day: death, emigration, end of follow-up.
    ///
    /// The day itself still belongs to the spell. Where the table has several days for a person
    /// the earliest counts, and the account says for how many persons; a null day is no limit,
    /// and so is a person who does not occur.
    ///
    /// # Arguments
    ///
    /// - `table`, `person`, `day`: a table with a person and a day column;
    /// - `reason`: why spells end there, for the account, for example `death`.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for missing columns and cells that are no day,
    /// [`PanelError::PersonTypes`] when identifiers cannot be compared.
    pub fn censor(
        &self,
        table: &Table,
        person: &str,
        day: &str,
        reason: &str,
    ) -> Result<Self, PanelError> {
        let (persons, codes) = Persons::encode("person", person, table.column("person", person)?)?;
        let days = table.column("day", day)?.to_days("day", day)?;
        let mut last = vec![i32::MAX; persons.len()];
        let mut several = vec![false; persons.len()];
        for (code, day) in codes.iter().zip(&days).filter(|(code, _)| **code != NOBODY) {
            let Some(day) = day else { continue };
            let slot = &mut last[*code as usize];
            several[*code as usize] |= *slot != i32::MAX && *slot != day.0;
            *slot = (*slot).min(day.0);
        }
        let found = super::match_persons("table", &self.persons, &persons)?;
        let mut pieces = Pieces::default();
        let (mut after, mut cut) = (0, 0_u64);
        for (person, &code) in found.iter().enumerate() {
            let before = pieces.source.len();
            let limit = last.get(code as usize).map_or(i32::MAX, |day| day.saturating_add(1));
            for at in self.of(person) {
                if self.starts[at] >= limit {
                    after += 1;
                    continue;
                }
                cut += u64::from(self.ends[at] > limit && limit != Day::OPEN.0);
                pieces.push(at, self.starts[at], self.ends[at].min(limit));
            }
            pieces.close_person(before);
        }
        let picked = several.iter().filter(|several| **several).count() as u64;
        let step = Step::new("censor", format!("at {reason}"), Count::default(), Count::default())
            .exclude(format!("started after {reason}"), Count::rows(after))
            .tied("persons with several days", picked, "the earliest day")
            .note(format!("{cut} spells shortened"));
        Ok(self.with_pieces(pieces, step))
    }
}
