//! Parameters of the process that makes careers.
//!
//! Arrays run over the origin groups BE, EU14, EU13, TR, MA, other non-EU, or over the trainings
//! GCT, OCT, NCWT, CWT.

use kruispunt::data::{Calendar, Day, Period, Unit};

/// Quarters of the window, 2005Q1 to 2016Q4.
pub(crate) const QUARTERS: usize = 48;
/// `Period::number` of 2005Q1.
pub(crate) const FIRST: i32 = 2005 * 4;

pub(crate) const SHARE: [f64; 6] = [0.52, 0.08, 0.07, 0.08, 0.11, 0.14];
pub(crate) const EDU: [f64; 6] = [0.55, 0.55, 0.45, 0.35, 0.38, 0.40];
pub(crate) const SD_U: f64 = 0.5;
/// Penalty on entry into work and on staying, for those who came as adults.
pub(crate) const ENTRY: [f64; 6] = [0.0, -0.08, -0.16, -0.57, -0.56, -0.60];
pub(crate) const EXIT: [f64; 6] = [0.0, 0.08, 0.26, 0.56, 0.55, 0.60];
/// Share of that penalty by generation 0, 1, 1.5, 2.
pub(crate) const GENERATION: [f64; 4] = [1.0, 1.0, 0.85, 0.75];
pub(crate) const ABROAD: [f64; 6] = [0.0, 0.9, 1.2, 0.2, 0.0, 0.8];
pub(crate) const FIRST_STATE: [[f64; 3]; 6] = [
    [0.72, 0.06, 0.01],
    [0.62, 0.09, 0.02],
    [0.55, 0.11, 0.03],
    [0.45, 0.16, 0.05],
    [0.43, 0.17, 0.06],
    [0.40, 0.15, 0.10],
];
/// Growth of the entry into work per quarter since arrival, for newcomers, over 24 quarters.
pub(crate) const ASSIMILATION: f64 = 0.02;

pub(crate) const LENGTH: [usize; 4] = [1, 2, 2, 2];
pub(crate) const LOCK_IN: [f64; 4] = [-0.4, -1.0, -0.8, -1.5];
pub(crate) const TAU: [f64; 4] = [0.0, 0.40, 0.50, 0.90];
pub(crate) const HALF_LIFE: [f64; 4] = [1.0, 12.0, 16.0, 3.0];
pub(crate) const TAU_NON_EU: f64 = 0.3;
pub(crate) const KEEP_NCWT: f64 = -0.15;
pub(crate) const TAKE_UP: [f64; 4] = [-4.3, -4.2, -5.1, -5.3];
pub(crate) const TAKE_UP_U: [f64; 4] = [-0.3, 0.3, 0.5, 1.2];
pub(crate) const TAKE_UP_NON_EU: [f64; 4] = [0.25, -0.10, -0.25, -0.70];
pub(crate) const TAKE_UP_EDU: [f64; 4] = [-0.2, 0.1, 0.1, 0.2];

/// What a civic-integration programme adds, from the quarter of its contract on, to registering as a
/// job-seeker and, apart from that, to finding work; only in worlds made with `integration`.
pub(crate) const INTEGRATION_REGISTERS: f64 = 1.5;
pub(crate) const INTEGRATION_WORKS: f64 = 0.35;
/// In these worlds: how much unobserved attachment moves registering, for each unit of `rho`.
pub(crate) const INTEGRATION_REGISTERS_U: f64 = 1.0;

/// Effect of a finished training on the log day wage.
pub(crate) const TAU_WAGE: [f64; 4] = [0.0, 0.04, 0.03, 0.02];
pub(crate) const WAGE_BASE: f64 = 4.6;
pub(crate) const WAGE_PART_TIME: f64 = -0.05;
pub(crate) const WAGE_AGENCY: f64 = -0.08;
pub(crate) const SD_THETA: f64 = 0.25;
pub(crate) const THETA_U: f64 = 0.35;
pub(crate) const SD_WAGE: f64 = 0.1;

pub(crate) const ROLLOUT_SD: f64 = 0.25;
pub(crate) const ROLLOUT_SD_PERSON: f64 = 0.3;
pub(crate) const ROLLOUT_EARLY: f64 = 0.02;

/// Identifier errors in secondary files, by origin group.
pub(crate) const SURNAME_ERROR: [f64; 6] = [0.02, 0.04, 0.07, 0.09, 0.12, 0.18];
pub(crate) const FIRST_NAME_ERROR: [f64; 6] = [0.02, 0.03, 0.05, 0.06, 0.10, 0.15];
pub(crate) const BIRTH_ERROR: [f64; 6] = [0.002, 0.004, 0.006, 0.012, 0.020, 0.060];
pub(crate) const JANUARY_FIRST: [f64; 6] = [0.0, 0.0, 0.002, 0.01, 0.03, 0.15];
pub(crate) const NAME_SWAP: [f64; 6] = [0.001, 0.004, 0.005, 0.004, 0.008, 0.03];
pub(crate) const INSZ_MISSING: [f64; 6] = [0.002, 0.01, 0.03, 0.005, 0.005, 0.06];
pub(crate) const INSZ_SLIP: f64 = 0.001;

/// The business cycle.
pub(crate) const fn cycle(q: usize) -> f64 {
    match q {
        15..=21 => -0.30,
        28..=35 => -0.10,
        _ => 0.0,
    }
}

/// Quarter effect in the log day wage.
pub(crate) fn wage_trend(q: usize) -> f64 {
    0.005 * q as f64 + 0.01 * cycle(q)
}

/// Quarter effect of the roll-out outcome.
pub(crate) fn rollout_trend(q: usize) -> f64 {
    0.02 * (q as f64 / 6.0).sin() + 0.0005 * q as f64
}

/// Effect of the roll-out for the cohort that adopted in quarter `cohort`, `e` quarters later.
pub(crate) fn rollout_effect(cohort: usize, e: usize) -> f64 {
    (e + 1) as f64 * if cohort <= 16 { 0.010 } else { 0.002 }
}

/// The first day of quarter `q` of the window.
pub(crate) fn first_day(q: usize) -> Day {
    period(q).first_day()
}

pub(crate) const fn period(q: usize) -> Period {
    Period { unit: Unit::Quarter, number: FIRST + q as i32 }
}

/// First days of the quarters of the window and of the two after it.
pub(crate) fn bounds() -> [Day; QUARTERS + 2] {
    let mut days = [Day::default(); QUARTERS + 2];
    for (q, day) in days.iter_mut().enumerate() {
        *day = first_day(q);
    }
    days
}

/// The calendar of the window.
///
/// # Errors
///
/// Never.
pub(crate) fn calendar() -> Result<Calendar, kruispunt::data::DataError> {
    Calendar::between(period(0), period(QUARTERS - 1))
}
