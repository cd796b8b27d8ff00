//! Labour-market positions, jobs, self-employment and benefits.

use super::Sheets;
use crate::draw::Purpose;
use crate::dynamics::State;
use crate::firms::Firm;
use crate::imperfection::Imperfection;
use crate::life::{Life, Run};
use crate::params::{
    FIRST, LENGTH, QUARTERS, SD_WAGE, TAU_WAGE, WAGE_AGENCY, WAGE_BASE, WAGE_PART_TIME, wage_trend,
};
use crate::rows::Cell;
use kruispunt::data::Day;

const SALARIED: u32 = 0;
const SEVERAL: u32 = 1;
const SELF_EMPLOYED: u32 = 2;
const AFTER_WORK: u32 = 3;
const AFTER_STUDIES: u32 = 4;
const ASSISTANCE: u32 = 5;
const PENSION: u32 = 6;
const CHILD: u32 = 7;
const INCAPACITY: u32 = 8;
const OTHER: u32 = 9;
const UNKNOWN: u32 = 10;
/// Worker codes by class, and that of students.
const CODTRA: [i64; 3] = [15, 495, 675];
const STUDENT: i64 = 840;

/// Writes the person's work; gives the first quarter with work, if any.
pub(super) fn write(sheets: &mut Sheets, life: &Life<'_>) -> Option<usize> {
    let worked = life.seen.iter().position(|state| *state == State::Employed);
    for run in &life.runs {
        match run.state {
            State::Employed => employed(sheets, life, run),
            State::Seeking | State::Assistance | State::Inactive => {
                not_employed(sheets, life, run, worked);
            }
            _ => {}
        }
    }
    if life.has(Imperfection::StudentJobs) {
        holidays(sheets, life);
    }
    worked
}

fn position(sheets: &mut Sheets, life: &Life<'_>, q: usize, code: u32) {
    let row = [Cell::Period(FIRST + q as i32), Cell::Int(life.person.pid), Cell::Code(code)];
    sheets.nomenc.push(&row);
}

fn not_employed(sheets: &mut Sheets, life: &Life<'_>, run: &Run, worked: Option<usize>) {
    let kind = life.unit(Purpose::Code, run.first, 40);
    for q in run.first..=run.last {
        let age = life.person.age(q);
        let school = life.person.forced(q).is_some() && age < 65;
        let code = match run.state {
            State::Seeking if worked.is_some_and(|first| first < q) || q == 0 => AFTER_WORK,
            State::Seeking => AFTER_STUDIES,
            State::Assistance => ASSISTANCE,
            _ if life.undeclared[q] => UNKNOWN,
            _ if age >= 65 => PENSION,
            _ if age < 18 || (school && age < 25) => CHILD,
            _ if kind < 0.22 => INCAPACITY,
            _ if kind < 0.25 => UNKNOWN,
            _ => OTHER,
        };
        position(sheets, life, q, code);
        let rva = match code {
            AFTER_WORK => Some(0_u32),
            AFTER_STUDIES => Some(1),
            _ => None,
        };
        if matches!(code, AFTER_WORK | AFTER_STUDIES | ASSISTANCE | INCAPACITY | CHILD) {
            sheets.benefits.push(&[
                Cell::Period(FIRST + q as i32),
                Cell::Int(life.person.pid),
                Cell::from(rva),
                Cell::from(code == ASSISTANCE),
                Cell::from(code == INCAPACITY),
                Cell::from(code == CHILD),
            ]);
        }
    }
}

fn employed(sheets: &mut Sheets, life: &Life<'_>, run: &Run) {
    if life.chance(Purpose::Job, run.first, 0, 0.10) {
        let kind = [0_u32, 2][usize::from(life.chance(Purpose::Job, run.first, 20, 0.08))];
        for q in run.first..=run.last {
            position(sheets, life, q, SELF_EMPLOYED);
            let pid = Cell::Int(life.person.pid);
            sheets.rsvz.push(&[Cell::Period(FIRST + q as i32), pid, Cell::Code(kind)]);
        }
        return;
    }
    let firms = &life.stage.firms;
    let choose = |q: usize| &firms.all[firms.choose(life.draws, q as u64, life.person.theta)];
    let mut job = Contract::new(life, choose(run.first), run.first);
    let end = run.to.unwrap_or(life.stage.last_day());
    for q in run.first..=(run.last + 1).min(QUARTERS - 1) {
        let from = run.from.max(life.stage.bounds[q]);
        let to = end.min(life.stage.bounds[q + 1] + -1);
        if to < from {
            continue;
        }
        let dip = dip(run, q);
        let change = life.day_in(Purpose::Job, q, 2);
        let changes = q > run.first
            && q <= run.last
            && change > from
            && change <= to
            && life.chance(Purpose::Job, q, 1, 0.03);
        if changes {
            lines(sheets, life, &job, &Span { q, from, to: change + -1, dip, job: 0 });
            job = Contract::new(life, choose(q), q);
            lines(sheets, life, &job, &Span { q, from: change, to, dip, job: 1 });
        } else {
            lines(sheets, life, &job, &Span { q, from, to, dip, job: 0 });
        }
        let second = q <= run.last && life.chance(Purpose::Job, q, 5, 0.04);
        if second {
            let firm = &firms.all[firms.choose(life.draws, 1000 + q as u64, life.person.theta)];
            let extra = Contract { firm, part_time: Some(0.2), clatra: 1, codtra: CODTRA[1] };
            if firm.matric != job.firm.matric {
                lines(sheets, life, &extra, &Span { q, from, to, dip, job: 2 });
            }
        }
        if q <= run.last {
            position(sheets, life, q, if second { SEVERAL } else { SALARIED });
        }
    }
    if run.to.is_none() && life.has(Imperfection::Dibiss) {
        let (from, to) = (life.stage.bounds[QUARTERS], life.stage.bounds[QUARTERS + 1] + -1);
        lines(sheets, life, &job, &Span { q: QUARTERS, from, to, dip: 1.0, job: 0 });
    }
}

/// Jobs of pupils and students in the summer; their position stays what it is.
fn holidays(sheets: &mut Sheets, life: &Life<'_>) {
    let firms = &life.stage.firms;
    for q in (2..QUARTERS).step_by(4) {
        let pupil = life.seen[q] == State::Inactive
            && life.person.forced(q) == Some(State::Inactive)
            && (16..=25).contains(&life.person.age(q));
        if !pupil || !life.chance(Purpose::Job, q, 30, 0.35) {
            continue;
        }
        let firm = &firms.all[firms.choose(life.draws, 2000 + q as u64, life.person.theta)];
        let from = life.stage.bounds[q] + life.draws.below(Purpose::Job, q as u64, 31, 40) as i32;
        let to = from + 9 + life.draws.below(Purpose::Job, q as u64, 32, 20) as i32;
        let job = Contract { firm, part_time: None, clatra: 0, codtra: STUDENT };
        lines(sheets, life, &job, &Span { q, from, to, dip: 1.0, job: 3 });
    }
}

/// Paid days shrink in the four quarters before job loss.
fn dip(run: &Run, q: usize) -> f64 {
    let lead = (run.last + 1).saturating_sub(q);
    if run.next == Some(State::Seeking) && (1..=4).contains(&lead) {
        1.0 - 0.04 * (5 - lead) as f64
    } else {
        1.0
    }
}

/// A contract with one employer.
struct Contract<'a> {
    firm: &'a Firm,
    /// Share of full time; `None` for full-timers.
    part_time: Option<f64>,
    clatra: u32,
    codtra: i64,
}

impl<'a> Contract<'a> {
    fn new(life: &Life<'_>, firm: &'a Firm, since: usize) -> Self {
        let share = if life.person.woman { 0.42 } else { 0.12 };
        let part = life.chance(Purpose::Job, since, 6, share);
        let hours = [0.5, 0.6, 0.75, 0.8][life.draws.below(Purpose::Job, since as u64, 7, 4)];
        let clerk = 0.25 + 0.3 * life.person.edu as f64;
        let clatra = match life.chance(Purpose::Job, since, 8, clerk) {
            _ if firm.is_local_government() && life.chance(Purpose::Job, since, 9, 0.5) => 2,
            clerk => u32::from(clerk),
        };
        let codtra = CODTRA[clatra as usize];
        Self { firm, part_time: part.then_some(hours), clatra, codtra }
    }
}

/// Part of a quarter under one contract.
struct Span {
    q: usize,
    from: Day,
    to: Day,
    dip: f64,
    /// 0 main job, 1 the job after a change, 2 second job, 3 job in the holidays.
    job: u64,
}

/// One or more lines of one job in one quarter.
fn lines(sheets: &mut Sheets, life: &Life<'_>, contract: &Contract<'_>, span: &Span) {
    let (q, quarter) = (span.q, life.stage.bounds[span.q + 1].since(life.stage.bounds[span.q]));
    let share = f64::from(span.to.since(span.from) + 1) / f64::from(quarter);
    let absent = 0.06 * life.unit(Purpose::Wage, q, 10 + span.job);
    let mut days = 65.0 * share * span.dip * (1.0 - absent);
    if life.has(Imperfection::DaysOver65) && life.chance(Purpose::Fault, q, 20 + span.job, 0.01) {
        days = 66.0 + (6.0 * life.unit(Purpose::Fault, q, 30)).floor();
    }
    let wage = day_wage(life, contract, span);
    let line = |no: i64, part: f64, from: Day, to: Day, sheets: &mut Sheets| {
        push(sheets, life, contract, q, &Line { no, days: days * part, wage, from, to });
    };
    let length = span.to.since(span.from);
    let splits = |fault: Imperfection, what: u64, p: f64| {
        life.has(fault) && life.chance(Purpose::Fault, q, what + span.job, p)
    };
    if splits(Imperfection::SeveralLines, 40, 0.03) {
        line(1, 0.6, span.from, span.to, sheets);
        line(2, 0.4, span.from, span.to, sheets);
    } else if length > 20 && splits(Imperfection::JobLineSplit, 50, 0.04) {
        let cut = span.from + length / 3;
        let part = f64::from(length / 3) / f64::from(length + 1);
        line(1, part, span.from, cut + -1, sheets);
        line(2, 1.0 - part, cut, span.to, sheets);
    } else {
        line(1, 1.0, span.from, span.to, sheets);
    }
    if splits(Imperfection::NegativeCorrection, 60, 0.002) {
        push(
            sheets,
            life,
            contract,
            q,
            &Line { no: 3, days: 0.0, wage: -wage, from: span.from, to: span.to },
        );
    }
}

/// The day wage: what a full-time day pays.
fn day_wage(life: &Life<'_>, contract: &Contract<'_>, span: &Span) -> f64 {
    let (person, q) = (life.person, span.q);
    let trained = life.career.training.filter(|t| q >= t.start + LENGTH[t.kind]);
    let part = f64::from(u8::from(contract.part_time.is_some()));
    let agency = f64::from(u8::from(contract.firm.is_agency()));
    let noise = SD_WAGE * life.draws.normal(Purpose::Wage, q as u64, span.job);
    (WAGE_BASE
        + person.theta
        + contract.firm.psi
        + wage_trend(q)
        + WAGE_PART_TIME * part
        + WAGE_AGENCY * agency
        + trained.map_or(0.0, |t| TAU_WAGE[t.kind])
        + noise)
        .exp()
}

struct Line {
    no: i64,
    days: f64,
    wage: f64,
    from: Day,
    to: Day,
}

fn push(sheets: &mut Sheets, life: &Life<'_>, contract: &Contract<'_>, q: usize, line: &Line) {
    let firm = contract.firm;
    let correction = line.wage < 0.0;
    let (days, hours, wage) = match contract.part_time {
        _ if correction => (0.0, 0.0, line.wage * 3.0),
        None => {
            let days = ((line.days * 2.0).round() / 2.0).max(0.5);
            (days, 0.0, line.wage * days)
        }
        Some(share) => {
            let hours = ((line.days * 7.6 * share * 10.0).round() / 10.0).max(0.5);
            (0.0, hours, line.wage * hours / 7.6)
        }
    };
    let lump = if life.chance(Purpose::Wage, q, 30, 0.05) {
        (50.0 * life.unit(Purpose::Wage, q, 31)).round()
    } else {
        0.0
    };
    let place = &life.stage.municipalities[firm.municipality].nis5;
    let hidden = life.has(Imperfection::EstabOnlyQ2Q4) && q < 40 && q.is_multiple_of(2);
    sheets.dmfa_jobs.push(&[
        Cell::Period(FIRST + q as i32),
        Cell::Int(life.person.pid),
        Cell::Code(u32::from(firm.is_local_government() && q < QUARTERS)),
        Cell::Int(firm.matric),
        Cell::Int(line.no),
        Cell::Code(contract.clatra),
        Cell::Int(contract.codtra),
        Cell::Text(firm.committee()),
        Cell::Text(firm.nace()),
        Cell::from((!hidden).then_some(place.as_str())),
        Cell::from(contract.part_time.is_none()),
        Cell::Float(days),
        Cell::Float(hours),
        Cell::Float(38.0),
        Cell::Float((wage * 100.0).round() / 100.0),
        Cell::Float(lump),
        Cell::Day(line.from),
        Cell::Day(line.to),
        Cell::from(firm.is_agency()),
        Cell::from(firm.bracket < 0.03),
    ]);
}
