use super::attach::null_minimum;
use super::keys::flags;
use super::{PanelError, match_persons};
use crate::data::{Bitmap, Column, Day, NOBODY, Panel, Period, Spells, Step, Values};

/// What makes the first treatment of a person.
#[derive(Clone, Copy, Debug)]
pub enum FirstTreatment<'a> {
    /// The first day of the person's first spell (of training, say).
    Spells(&'a Spells),
    /// A column of the panel: a period or a day that is the same in all rows of a person (null:
    /// never treated), or truth values or 0/1, of which the first true period counts.
    Column(&'a str),
}

impl Panel {
    /// Adds event time and cohort: how many periods since the first treatment.
    ///
    /// Column `event_time` is 0 in the period of the first treatment, negative before, null for
    /// persons never treated; column `cohort` is that period, null for the never treated. A first
    /// treatment outside the calendar is kept: event time then never is 0.
    ///
    /// # Errors
    ///
    /// [`PanelError::Varies`] when a period or day differs within a person,
    /// [`PanelError::PersonTypes`], and [`PanelError::Data`] for a missing column, one of the
    /// wrong type, and names that are taken.
    pub fn event_time(&self, first: FirstTreatment<'_>) -> Result<Self, PanelError> {
        let unit = self.calendar.unit();
        let cohorts = match first {
            FirstTreatment::Spells(spells) => {
                let found = match_persons("first", &self.persons, spells.persons())?;
                let start = |&code: &u32| {
                    let at = spells.spells_of(code).next()?;
                    Some(Period::of(Day(spells.starts()[at]), unit).number)
                };
                found.iter().map(|code| if *code == NOBODY { None } else { start(code) }).collect()
            }
            FirstTreatment::Column(name) => self.cohorts(name)?,
        };
        let base = self.calendar.period(0).number;
        let mut time = vec![i64::MIN; self.n_rows()];
        let mut cohort: Vec<Option<i32>> = vec![None; self.n_rows()];
        for (person, start) in cohorts.iter().enumerate() {
            let Some(start) = *start else { continue };
            for row in self.of(person) {
                let now = i64::from(base) + i64::from(self.positions[row]);
                time[row] = now - i64::from(start);
                cohort[row] = Some(start);
            }
        }
        let validity = Bitmap::pack(cohort.iter().map(Option::is_some));
        let numbers: Vec<i32> = cohort.iter().map(|number| number.unwrap_or_default()).collect();
        let treated = cohorts.iter().filter(|start| start.is_some()).count();
        let within = |start: &&Option<i32>| {
            start.is_some_and(|number| self.calendar.position_of(Period { unit, number }).is_some())
        };
        let outside = treated - cohorts.iter().filter(within).count();
        let mut step =
            Step::new("event_time", "since the first treatment", self.count(), self.count())
                .note(format!("{treated} persons treated, {} never", cohorts.len() - treated))
                .note(format!("{outside} persons first treated outside the calendar"));
        if let FirstTreatment::Spells(spells) = first {
            step = step.join(spells.account().clone());
        }
        Ok(self
            .new_column("event_time", null_minimum(time))?
            .new_column("cohort", Column::new(Values::Period(unit, numbers.into()), validity))?
            .with_step(step))
    }

    /// The period of the first treatment of each person, from a column.
    fn cohorts(&self, name: &str) -> Result<Vec<Option<i32>>, PanelError> {
        let column = self.column("first", name)?;
        let base = self.calendar.period(0).number;
        if matches!(column.values(), Values::Bool(_) | Values::Int(_) | Values::Float(_)) {
            let flagged = flags("first", name, &column)?;
            let first = |person| {
                let row = self.of(person).find(|&row| flagged[row])?;
                Some(base + self.positions[row] as i32)
            };
            return Ok((0..self.persons.len()).map(first).collect());
        }
        let periods = column.to_periods(self.calendar.unit(), "first", name)?;
        (0..self.persons.len())
            .map(|person| {
                let rows = self.of(person);
                let first = periods[rows.start];
                match rows.into_iter().find(|&row| periods[row] != first) {
                    Some(row) => Err(PanelError::Varies {
                        argument: "first".to_owned(),
                        column: name.to_owned(),
                        row,
                    }),
                    None => Ok(first.map(|period| period.number)),
                }
            })
            .collect()
    }
}
