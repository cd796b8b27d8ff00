use super::PanelError;
use crate::data::{Count, Day, Pieces, Spells, Step};

/// What happens to a spell that goes on over a day on which its register changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnBreak {
    /// Stop, with the row.
    #[default]
    Error,
    /// Leave it as it is; the account tells how many there are, and so does
    /// [`Spells::breaks`]'s answer.
    Warn,
    /// Cut it there, so that none lies on both sides.
    Cut,
}

impl Spells {
    /// Looks for spells that go on over days on which the register changed what it counts.
    ///
    /// `breaks` are names and first days after the change: `("dibiss", 2017-01-01)`. What a spell
    /// carries was written before the break; whether it means the same afterwards is for a
    /// [`crosswalk`](Self::crosswalk) to say. Gives the spells with one more step in the account,
    /// and for each break how many cross it.
    ///
    /// # Errors
    ///
    /// [`PanelError::CrossesBreak`] with the first such spell, if that is asked for.
    pub fn breaks(
        &self,
        breaks: &[(&str, Day)],
        on_break: OnBreak,
    ) -> Result<(Self, Vec<u64>), PanelError> {
        let mut ordered: Vec<(usize, i32)> =
            breaks.iter().enumerate().map(|(at, (_, day))| (at, day.0)).collect();
        ordered.sort_unstable_by_key(|(at, day)| (*day, *at));
        let mut counts = vec![0_u64; breaks.len()];
        let mut pieces = Pieces::default();
        for person in 0..self.persons.len() {
            let before = pieces.source.len();
            for at in self.of(person) {
                let (mut start, end) = (self.starts[at], self.ends[at]);
                for &(name, day) in &ordered {
                    if day <= self.starts[at] || day >= end {
                        continue;
                    }
                    counts[name] += 1;
                    match on_break {
                        OnBreak::Error => {
                            return Err(PanelError::CrossesBreak {
                                argument: "breaks".to_owned(),
                                name: breaks[name].0.to_owned(),
                                day: Day(day).to_string(),
                                row: self.rows[at] as usize,
                            });
                        }
                        OnBreak::Cut if day > start => {
                            pieces.push(at, start, day);
                            start = day;
                        }
                        OnBreak::Cut | OnBreak::Warn => {}
                    }
                }
                pieces.push(at, start, end);
            }
            pieces.close_person(before);
        }
        let told: Vec<String> =
            breaks.iter().map(|(name, day)| format!("{name} on {day}")).collect();
        let mut step = Step::new("breaks", told.join(", "), Count::default(), Count::default());
        for ((name, _), count) in breaks.iter().zip(&counts).filter(|(_, count)| **count > 0) {
            let what = if on_break == OnBreak::Cut { "cut at" } else { "that go on over" };
            step = step.note(format!("{count} spells {what} {name}"));
        }
        Ok((self.with_pieces(pieces, step), counts))
    }
}
