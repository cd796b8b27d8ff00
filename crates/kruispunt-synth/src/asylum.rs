//! Asylum seekers who wait for access to work, in two worlds: with and without the reform.

use crate::countries::COUNTRIES;
use crate::draw::{Draws, Purpose, pick, scaled};
use crate::life::Stage;
use crate::params::QUARTERS;
use crate::rows::{Cell, Rows};
use crate::schema::schema;
use crate::{Scale, SynthError};
use kruispunt::data::{Day, Table};
use kruispunt_belgium::country::Origin;

/// Days to wait before the reform and after it.
const WAIT: [i32; 2] = [180, 120];
/// Days that are counted after the application.
const COUNTED: i32 = 360;
/// Mean days from access to a first job, of a job, and between jobs.
const SEARCH: f64 = 240.0;
const JOB: f64 = 200.0;
const BETWEEN: f64 = 120.0;

/// The day of the reform: who has waited 120 days by then has access.
fn reform() -> Day {
    Day::new(2015, 11, 9).unwrap_or_default()
}

fn opening() -> Day {
    Day::new(2013, 1, 1).unwrap_or_default()
}

pub(crate) const fn applicants(scale: Scale) -> usize {
    match scale {
        Scale::Mini => 200,
        Scale::Test => 6_000,
        Scale::Chair => 24_000,
        Scale::Bench | Scale::Stress => 96_000,
    }
}

/// Access to work: 180 days after the application, from the reform on 120.
fn access(application: Day) -> Day {
    (application + WAIT[1]).max(reform()).min(application + WAIT[0])
}

struct Applicant {
    draws: Draws,
    application: Day,
    woman: bool,
    age: i32,
    edu: usize,
    country: usize,
}

impl Applicant {
    fn new(stage: &Stage, number: usize, days: &[f64], countries: &[usize]) -> Self {
        let draws = Draws::new(stage.seed, number as u64);
        let unit = |what: u64| draws.unit(Purpose::Asylum, 0, what);
        let edu = usize::from(unit(4) < 0.4) + usize::from(unit(5) < 0.4);
        Self {
            draws,
            application: opening() + pick(unit(0), days) as i32,
            woman: unit(1) < 0.32,
            age: 18 + scaled(unit(2).powf(1.6), 42) as i32,
            edu,
            country: countries[scaled(unit(3), countries.len())],
        }
    }

    /// First days and last days of the jobs within the counted days, when access comes on `from`.
    fn jobs(&self, from: Day) -> Vec<(Day, Day)> {
        let since = f64::from(self.application.since(opening()));
        let season = 0.1 * (since * std::f64::consts::TAU / 365.25).sin();
        let years = since / 365.25;
        let pull = 0.3 * (self.edu as f64 - 1.0)
            - 0.35 * f64::from(u8::from(self.woman))
            - 0.02 * f64::from(self.age - 30)
            + season
            + 0.1 * years;
        let time = |what: u64, mean: f64| {
            (-mean * self.draws.unit(Purpose::Asylum, 1, what).ln()).min(10_000.0) as i32
        };
        let mut start = from + time(0, SEARCH * (-pull).exp());
        let end = self.application + COUNTED;
        let mut jobs = Vec::new();
        for number in 1.. {
            if start >= end && number > 1 {
                break;
            }
            let last = start + time(2 * number, JOB);
            jobs.push((start, last));
            start = last + 1 + time(2 * number + 1, BETWEEN);
        }
        jobs
    }

    /// Days at work among the counted ones.
    fn days(&self, jobs: &[(Day, Day)]) -> i64 {
        let end = self.application + COUNTED;
        let within =
            |(first, last): &(Day, Day)| i64::from(end.min(*last + 1).since(*first).max(0));
        jobs.iter().map(within).sum()
    }
}

/// `asylum_seekers`, and the truth `asylum`.
pub(crate) fn tables(stage: &Stage, scale: Scale) -> Result<[Table; 2], SynthError> {
    let (Some(own), Some(truth)) = (schema("asylum_seekers"), schema("asylum")) else {
        return Ok([Table::default(), Table::default()]);
    };
    let (mut rows, mut known) = (Rows::new(own), Rows::new(truth));
    let last = stage.bounds[QUARTERS] + -1;
    // many more in the second half of 2015, without a jump on any day
    let peak = Day::new(2015, 10, 15).unwrap_or_default().since(opening());
    let weight = |day: i32| 1.0 + 2.0 * (-(f64::from(day - peak) / 90.0).powi(2)).exp();
    let days: Vec<f64> = (0..=last.since(opening())).map(weight).collect();
    let other = |&at: &usize| COUNTRIES[at].origin == Origin::ALL[5];
    let countries: Vec<usize> = (0..COUNTRIES.len()).filter(other).collect();
    for number in 0..applicants(scale) {
        let own = Applicant::new(stage, number, &days, &countries);
        let actual = access(own.application);
        let jobs = own.jobs(actual);
        let twin = own.jobs(own.application + WAIT[0]);
        let first = |jobs: &[(Day, Day)]| jobs.first().map(|job| job.0).filter(|day| *day <= last);
        let seen = own.application + COUNTED <= last + 1;
        let id = crate::draw::permute(stage.seed, 8, number as u64) as i64;
        rows.push(&[
            Cell::Int(id),
            Cell::Day(own.application),
            Cell::Text(COUNTRIES[own.country].code),
            Cell::Code(u32::from(own.woman)),
            Cell::Int(i64::from(own.age)),
            Cell::from(first(&jobs)),
            Cell::from(seen.then(|| own.days(&jobs))),
        ]);
        known.push(&[
            Cell::Int(id),
            Cell::Day(actual),
            Cell::Int(i64::from(actual.since(own.application))),
            Cell::from(first(&twin)),
            Cell::from(seen.then(|| own.days(&twin))),
            Cell::Int(own.edu as i64),
        ]);
    }
    Ok([rows.finish()?, known.finish()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_that_of_the_law_around_the_reform() {
        let day = |text: &str| Day::parse(text).unwrap();
        for (application, expected) in [
            ("2014-01-01", "2014-06-30"),
            ("2015-05-12", "2015-11-08"),
            ("2015-05-13", "2015-11-09"),
            ("2015-06-20", "2015-11-09"),
            ("2015-07-12", "2015-11-09"),
            ("2015-07-13", "2015-11-10"),
        ] {
            assert_eq!(access(day(application)), day(expected), "{application}");
        }
    }
}
