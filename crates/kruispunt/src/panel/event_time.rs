use super::attach::null_minimum;
use super::keys::flags;
use super::{PanelError, match_persons};
use crate::data::{Account, Bitmap, Column, Day, Panel, Period, Spells, Step, Values};

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
        self.nth_event_time(first, 1)
    }

    /// As [`event_time`](Self::event_time), since the n-th treatment, counted from 1: columns
    /// `event_time_<n>` and `cohort_<n>` for n above 1.
    ///
    /// The n-th spell in order of first day; of truth values in a column, the n-th time that it
    /// becomes true (a period without a row ends a run).
    ///
    /// # Errors
    ///
    /// As [`event_time`](Self::event_time), and [`PanelError::BadArgument`] for n = 0 and for an n
    /// above 1 of a column of periods or days, which has one.
    pub fn nth_event_time(&self, first: FirstTreatment<'_>, n: usize) -> Result<Self, PanelError> {
        let unit = self.calendar.unit();
        let (cohorts, joined) = self.first_periods(first, n)?;
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
        let which = if n == 1 { "first".to_owned() } else { format!("treatment number {n},") };
        let detail = if n == 1 {
            "since the first treatment".to_owned()
        } else {
            format!("since treatment {n}")
        };
        let mut step = Step::new("event_time", detail, self.count(), self.count())
            .note(format!("{treated} persons treated, {} never", cohorts.len() - treated))
            .note(format!("{outside} persons {which} treated outside the calendar"));
        if let Some(account) = joined {
            step = step.join(account);
        }
        let name = |word: &str| if n == 1 { word.to_owned() } else { format!("{word}_{n}") };
        Ok(self
            .new_column(&name("event_time"), null_minimum(time))?
            .new_column(
                &name("cohort"),
                Column::new(Values::Period(unit, numbers.into()), validity),
            )?
            .with_step(step))
    }

    /// The number of the period of the n-th treatment of each person, and the account to join.
    pub(super) fn first_periods(
        &self,
        first: FirstTreatment<'_>,
        n: usize,
    ) -> Result<(Vec<Option<i32>>, Option<Account>), PanelError> {
        if n == 0 {
            return Err(PanelError::BadArgument {
                argument: "nth".to_owned(),
                expected: "a number from 1 on",
                got: n.to_string(),
            });
        }
        let unit = self.calendar.unit();
        match first {
            FirstTreatment::Spells(spells) => {
                let found = match_persons("first", &self.persons, spells.persons())?;
                let start = |&code: &u32| {
                    let at = spells.spells_of(code).nth(n - 1)?;
                    Some(Period::of(Day(spells.starts()[at]), unit).number)
                };
                Ok((found.iter().map(start).collect(), Some(spells.account().clone())))
            }
            FirstTreatment::Column(name) => Ok((self.cohorts(name, n)?, None)),
        }
    }

    /// The period of the n-th treatment of each person, from a column.
    fn cohorts(&self, name: &str, n: usize) -> Result<Vec<Option<i32>>, PanelError> {
        let column = self.column("first", name)?;
        let base = self.calendar.period(0).number;
        if matches!(column.values(), Values::Bool(_) | Values::Int(_) | Values::Float(_)) {
            let flagged = flags("first", name, &column)?;
            let begins = |rows: &std::ops::Range<usize>, row: usize| {
                let goes_on = row > rows.start
                    && flagged[row - 1]
                    && self.positions[row - 1] + 1 == self.positions[row];
                flagged[row] && !goes_on
            };
            let nth = |person| {
                let rows = self.of(person);
                let row = rows.clone().filter(|&row| begins(&rows, row)).nth(n - 1)?;
                Some(base + self.positions[row] as i32)
            };
            return Ok((0..self.persons.len()).map(nth).collect());
        }
        if n > 1 {
            return Err(PanelError::BadArgument {
                argument: "nth".to_owned(),
                expected: "1 for a column of periods or days, which has one treatment a person",
                got: n.to_string(),
            });
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
