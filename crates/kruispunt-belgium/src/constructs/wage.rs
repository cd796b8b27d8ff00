//! The gross day wage of a job line.

use super::Card;
use crate::error::BelgiumError;
use kruispunt::data::{Column, Table};

pub(super) const CARD: Card = Card {
    name: "day_wage",
    definition: "full-time: (ordinary pay + lump-sum pay) / paid days; part-time: 7.6 x (ordinary \
                 pay + lump-sum pay) / paid hours, the wage of a full-time day at 38 hours a week; \
                 no paid work: 0",
    limits: "gross of employees' and net of employers' contributions; lines with corrections should \
             be summed into their quarter first; missing when days and hours are both missing",
    source: "definition of the wage variable of the national office (quarterly statistics)",
};

/// Where pay and paid time stand.
#[derive(Clone, Copy, Debug)]
pub struct PaidTime<'a> {
    /// Ordinary pay, euro a quarter.
    pub pay: &'a str,
    /// Lump-sum pay, euro a quarter; none when not named.
    pub lump: Option<&'a str>,
    /// Paid days of a full-timer.
    pub days: &'a str,
    /// Paid hours of a part-timer.
    pub hours: &'a str,
}

impl Default for PaidTime<'_> {
    fn default() -> Self {
        Self { pay: "wage_ord", lump: Some("wage_lump"), days: "days_ft", hours: "hours_pt" }
    }
}

/// The day wage of each line, euro a day.
///
/// Lines with paid days are full-time, lines with paid hours and no days part-time; a line with
/// neither gets 0, one whose pay is missing gets none.
///
/// # Errors
///
/// [`BelgiumError::Data`] when a column is not there or holds no numbers.
pub fn day_wage(jobs: &Table, columns: &PaidTime<'_>) -> Result<Column, BelgiumError> {
    let read = |argument: &str, name: &str| -> Result<Vec<f64>, BelgiumError> {
        Ok(jobs.column(argument, name)?.to_floats(argument, name)?)
    };
    let pay = read("pay", columns.pay)?;
    let lump = columns.lump.map(|name| read("lump", name)).transpose()?;
    let (days, hours) = (read("days", columns.days)?, read("hours", columns.hours)?);
    let wage = |row: usize| {
        let lump =
            lump.as_ref().map_or(0.0, |lump| if lump[row].is_nan() { 0.0 } else { lump[row] });
        let (total, days, hours) = (pay[row] + lump, days[row], hours[row]);
        if total.is_nan() || (days.is_nan() && hours.is_nan()) {
            None
        } else if days > 0.0 {
            Some(total / days)
        } else if hours > 0.0 {
            Some(7.6 * total / hours)
        } else {
            Some(0.0)
        }
    };
    Ok(Column::floats(&(0..jobs.n_rows()).map(wage).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_time_part_time_and_none() {
        let jobs = Table::new([
            ("wage_ord", Column::floats(&[Some(6500.0), Some(3000.0), Some(500.0), None])),
            ("wage_lump", Column::floats(&[Some(500.0), None, Some(0.0), Some(1.0)])),
            ("days_ft", Column::floats(&[Some(65.0), Some(0.0), Some(0.0), Some(65.0)])),
            ("hours_pt", Column::floats(&[Some(0.0), Some(228.0), Some(0.0), Some(0.0)])),
        ])
        .unwrap();
        let wage = day_wage(&jobs, &PaidTime::default()).unwrap();
        assert_eq!(
            wage,
            Column::floats(&[Some(7000.0 / 65.0), Some(7.6 * 3000.0 / 228.0), Some(0.0), None])
        );
        let gone = PaidTime { pay: "nothing", ..PaidTime::default() };
        assert!(day_wage(&jobs, &gone).unwrap_err().to_string().contains("nothing"));
    }
}
