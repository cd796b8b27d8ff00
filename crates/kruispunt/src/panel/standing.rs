//! How long a person has been there, and with whom.

use super::attach::null_minimum;
use super::keys::{NONE, group_codes};
use super::{PanelError, match_persons};
use crate::data::{Column, Day, Panel, Period, Spells, Step};
use crate::math::sweep;

impl Panel {
    /// Adds clocks that know of leaving and coming back: `since_arrival`, `since_entry`, `entries`,
    /// `periods_present` and `here_before`.
    ///
    /// `spells` say when a person was there (residence). The first begins the arrival; a spell that
    /// begins after more than `absence` days without one is a new entry, a shorter absence is none
    /// (a registration that was late, a move). In each row, as of the last day of the period:
    /// periods since the period of arrival and since that of the latest entry, the number of
    /// entries, and the number of periods up to this one on whose last day the person was there;
    /// null, and 0, before the arrival. `here_before` is true in all rows of persons who were there
    /// before the first day of the calendar: their clocks began unseen if their spells do.
    ///
    /// # Errors
    ///
    /// [`PanelError::PersonTypes`], and [`PanelError::Data`] for names that are taken.
    pub fn since_entry(&self, spells: &Spells, absence: u32) -> Result<Self, PanelError> {
        let found = match_persons("spells", &self.persons, spells.persons())?;
        let absence = i32::try_from(absence).unwrap_or(i32::MAX);
        let (unit, n) = (self.calendar.unit(), self.n_rows());
        let base = self.calendar.period(0).number;
        let bounds: Vec<i32> = self.calendar.bounds().iter().map(|day| day.0).collect();
        let (mut arrival, mut entry) = (vec![i64::MIN; n], vec![i64::MIN; n]);
        let (mut entries, mut present) = (vec![0_i64; n], vec![0_i64; n]);
        let mut before = vec![false; n];
        let (mut returned, mut early) = (0_u64, 0_u64);
        let period = |day: i32| i64::from(Period::of(Day(day), unit).number);
        for (person, &code) in found.iter().enumerate() {
            // entries and runs of presence, in order
            let (mut begun, mut runs): (Vec<i32>, Vec<(i32, i32)>) = (Vec::new(), Vec::new());
            for spell in spells.spells_of(code) {
                let (start, end) = (spells.starts()[spell], spells.ends()[spell]);
                match runs.last_mut() {
                    Some(run) if start <= run.1 => run.1 = run.1.max(end),
                    last => {
                        if last.is_none_or(|run| start > run.1.saturating_add(absence)) {
                            begun.push(start);
                        }
                        runs.push((start, end));
                    }
                }
            }
            let Some(&first) = begun.first() else { continue };
            returned += u64::from(begun.len() > 1);
            early += u64::from(first < bounds[0]);
            let there = |day: i32| {
                let at = runs.partition_point(|run| run.0 <= day);
                at > 0 && runs[at - 1].1 > day
            };
            // periods of presence before the calendar count too
            let mut so_far = 0;
            let mut next = period(first);
            for row in self.of(person) {
                before[row] = first < bounds[0];
                let now = i64::from(base) + i64::from(self.positions[row]);
                let last = bounds[self.positions[row] as usize + 1] - 1;
                while next <= now {
                    let number = i32::try_from(next).unwrap_or(i32::MAX);
                    so_far += i64::from(there(Period { unit, number }.last_day().0));
                    next += 1;
                }
                let known = begun.partition_point(|&day| day <= last);
                if known == 0 {
                    continue;
                }
                arrival[row] = now - period(first);
                entry[row] = now - period(begun[known - 1]);
                (entries[row], present[row]) = (known as i64, so_far);
            }
        }
        let step = Step::new(
            "since_entry",
            format!("of {}, absences of up to {absence} days passed over", spells.name()),
            self.count(),
            self.count(),
        )
        .note(format!("{returned} persons entered more than once"))
        .note(format!("{early} persons were there before the first day of the calendar"))
        .join(spells.account().clone());
        Ok(self
            .new_column("since_arrival", null_minimum(arrival))?
            .new_column("since_entry", null_minimum(entry))?
            .new_column("entries", Column::int(entries))?
            .new_column("periods_present", Column::int(present))?
            .new_column("here_before", Column::bool(before))?
            .with_step(step))
    }

    /// Adds the days a person spent with the one they are with on the reference day (an employer,
    /// say), out of the `months` months that end on that day.
    ///
    /// Of several on that day, the most; null when no spell covers the day, or none says with whom.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn seniority(
        &self,
        spells: &Spells,
        by: &str,
        months: u32,
        name: &str,
    ) -> Result<Self, PanelError> {
        let found = match_persons("spells", &self.persons, spells.persons())?;
        let codes = group_codes(spells.columns(), "by", &[by.to_owned()])?;
        let (starts, ends) = (spells.starts(), spells.ends());
        let windows: Vec<(i32, i32)> = (0..self.calendar.len())
            .map(|at| {
                let day = self.reference_day(at);
                // of half-open bounds, so that months that end with a month begin with one
                (months_before(Day(day + 1), months).0, day + 1)
            })
            .collect();
        let mut days = vec![0_i64; self.n_rows()];
        sweep::fill_chunks(&self.offsets, &mut days, |persons, out| {
            let base = self.offsets[persons.start] as usize;
            let mut runs: Vec<(u32, i32, i32)> = Vec::new();
            for person in persons {
                let own = spells.spells_of(found[person]);
                for row in self.of(person) {
                    let (from, to) = windows[self.positions[row] as usize];
                    let holds =
                        |at: &usize| starts[*at] < to && ends[*at] >= to && codes[*at] != NONE;
                    let mut most = i64::MIN;
                    for now in own.clone().filter(holds) {
                        runs.clear();
                        runs.extend(
                            own.clone()
                                .filter(|&at| codes[at] == codes[now])
                                .map(|at| (codes[at], starts[at].max(from), ends[at].min(to)))
                                .filter(|run| run.1 < run.2),
                        );
                        let (mut sum, mut reach) = (0_i64, from);
                        for &(_, start, end) in &runs {
                            sum += i64::from((end - start.max(reach)).max(0));
                            reach = reach.max(end);
                        }
                        most = most.max(sum);
                    }
                    out[row - base] = most;
                }
            }
        });
        let step = Step::new(
            "seniority",
            format!("{name}: days by {by} of {}, of {months} months", spells.name()),
            self.count(),
            self.count(),
        )
        .join(spells.account().clone());
        Ok(self.new_column(name, null_minimum(days))?.with_step(step))
    }
}

/// The same day of the month so many months earlier; the last of the month when there is none.
fn months_before(day: Day, months: u32) -> Day {
    let (year, month, date) = day.ymd();
    let all = i64::from(year) * 12 + i64::from(month) - 1 - i64::from(months);
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) as u32 + 1);
    let year = i32::try_from(year).unwrap_or(1).max(1);
    let found = (0..4).find_map(|less| Day::new(year, month, date.saturating_sub(less)));
    found.unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_back_over_years_and_short_months() {
        let before =
            |text: &str, months| months_before(Day::parse(text).unwrap(), months).to_string();
        assert_eq!(before("2012-03-31", 1), "2012-02-29");
        assert_eq!(before("2012-03-31", 15), "2010-12-31");
        assert_eq!(before("2012-01-15", 12), "2011-01-15");
        assert_eq!(before("0001-01-15", 12), "0001-01-15");
    }
}
