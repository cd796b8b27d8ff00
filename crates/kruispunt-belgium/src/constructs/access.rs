//! From when an asylum seeker may work, and on which grounds a person may.

use super::Card;
use crate::error::BelgiumError;
use kruispunt::data::{Column, Day, Panel, Spells, Table};
use kruispunt::panel::Attach;

pub(super) const CARD: Card = Card {
    name: "asylum_access",
    definition: "the first day on which a rule in force lets a claim of that age work: the claim is \
                 at least so many months old, under the rule of that day",
    limits: "claims without a decision only; a decision, another permit or a recognised status may \
             open access earlier; no access under the exclusion of June 2007 to January 2010",
    source: "royal decree of 9 June 1999, art. 17, and its changes (9 November 2015: six months \
             became four); `data/asylum_access.csv`, where unchecked dates are marked",
};

pub(super) const GROUNDS: Card = Card {
    name: "work_access",
    definition: "on the reference day at least one of the declared grounds covers the day (free \
                 access by nationality or status, a permit from its first day to its last, the \
                 waiting rule of a claim); the ground shown is the first in the declared order, and \
                 the days are those of the period on which any ground holds",
    limits: "a ground that is not in a register is not seen: without spells of free access, no \
             permit does not mean no right to work; work without access is not seen either",
    source: "definition of the package; the grounds are declared, permits by article stand in \
             `data/permit_articles.csv`",
};

/// How old a claim must be before its claimant may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Whole months; the last day of a month where the day does not exist.
    Months(u32),
    /// Days.
    Days(u32),
}

/// One rule: from, to (closed), how old a claim must be; none when there is no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsylumRule {
    /// First day of the rule.
    pub from: Day,
    /// Last day of the rule; [`Day::OPEN`] when it still holds.
    pub to: Day,
    /// Time since the claim; no access at all when none.
    pub wait: Option<Wait>,
}

impl AsylumRule {
    /// The rules of `data/asylum_access.csv`.
    #[must_use]
    pub fn belgian() -> Vec<Self> {
        let rule = |line: &str| {
            let mut cells = line.split(',');
            let from = Day::parse(cells.next()?)?;
            let to = Day::parse(cells.next()?).unwrap_or(Day::OPEN);
            Some(Self { from, to, wait: cells.next()?.parse().ok().map(Wait::Months) })
        };
        include_str!("../../data/asylum_access.csv").lines().filter_map(rule).collect()
    }

    /// Rules from a table: `from`, `to` (closed; missing when the rule still holds) and `months` or
    /// `days` that a claim must be old (missing: no access).
    ///
    /// # Errors
    ///
    /// [`BelgiumError::Data`] when a column is not there or holds something else,
    /// [`BelgiumError::OutOfRange`] for a rule without a first day, with months and days, or with a
    /// number that is no whole number from 0 on.
    pub fn read(rules: &Table) -> Result<Vec<Self>, BelgiumError> {
        let days = |name: &str| rules.column("rules", name)?.to_days("rules", name);
        let (from, to) = (days("from")?, days("to")?);
        let numbers = |name: &str| -> Result<Vec<f64>, BelgiumError> {
            let none = || vec![f64::NAN; rules.n_rows()];
            let column = rules.get(name);
            Ok(column.map_or_else(|| Ok(none()), |column| column.to_floats("rules", name))?)
        };
        let (months, waits) = (numbers("months")?, numbers("days")?);
        if rules.get("months").is_none() {
            rules.column("rules", "days")?;
        }
        let bad = |row: usize, got: &str, expected: &'static str| BelgiumError::OutOfRange {
            argument: "rules",
            got: format!("rule {row} {got}"),
            expected,
        };
        let whole = |row: usize, own: f64| {
            let fits = (0.0..=100_000.0).contains(&own) && own.fract() == 0.0;
            let expected = "a whole number of months or days from 0 on";
            if fits { Ok(own as u32) } else { Err(bad(row, "waits no such time", expected)) }
        };
        let rule = |row: usize| {
            let from = from[row].ok_or_else(|| bad(row, "has no first day", "a date"))?;
            let wait = match (months[row], waits[row]) {
                (months, days) if months.is_nan() && days.is_nan() => None,
                (months, days) if days.is_nan() => Some(Wait::Months(whole(row, months)?)),
                (months, days) if months.is_nan() => Some(Wait::Days(whole(row, days)?)),
                _ => return Err(bad(row, "has months and days", "one of the two")),
            };
            Ok(Self { from, to: to[row].unwrap_or(Day::OPEN), wait })
        };
        (0..rules.n_rows()).map(rule).collect()
    }
}

/// The day `months` later; the last day of the month when the day does not exist there.
fn months_later(day: Day, months: u32) -> Option<Day> {
    let (year, month, date) = day.ymd();
    let all = year.checked_mul(12)?.checked_add(month as i32 - 1)?.checked_add(months as i32)?;
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) as u32 + 1);
    (0..4).find_map(|less| Day::new(year, month, date.saturating_sub(less)))
}

/// From when each claim gives access to work; none when no rule ever does.
///
/// # Errors
///
/// [`BelgiumError::OutOfRange`] when a rule ends before it starts.
pub fn asylum_access(
    claims: &[Option<Day>],
    rules: &[AsylumRule],
) -> Result<Vec<Option<Day>>, BelgiumError> {
    if let Some(at) = rules.iter().position(|rule| rule.to < rule.from) {
        return Err(BelgiumError::OutOfRange {
            argument: "rules",
            got: format!("rule {at} ends before it starts"),
            expected: "a first day not after the last",
        });
    }
    let access = |claim: Day| {
        let first = |rule: &AsylumRule| {
            let old_enough = match rule.wait? {
                Wait::Months(months) => months_later(claim, months)?,
                Wait::Days(days) => Day(claim.0.checked_add(i32::try_from(days).ok()?)?),
            };
            let day = old_enough.max(rule.from);
            (day <= rule.to).then_some(day)
        };
        rules.iter().filter_map(first).min()
    };
    Ok(claims.iter().map(|claim| claim.and_then(access)).collect())
}

/// Adds on which grounds persons may work: `<name>` (true or false on the reference day),
/// `<name>_by` (the first ground in the order given, by the name of its register; missing without
/// one) and `<name>_days` (days of the period on which any ground holds).
///
/// # Errors
///
/// [`BelgiumError::Panel`] without grounds, when two have one name or columns of one name have
/// different types, and for a name that is taken.
pub fn work_access(panel: &Panel, grounds: &[&Spells], name: &str) -> Result<Panel, BelgiumError> {
    let (by, days) = (format!("{name}_by"), format!("{name}_days"));
    let all = Spells::stack(grounds, &by)?;
    let first = all.resolve([by.as_str()])?;
    let panel = panel.as_of(first.spells(), &[by.as_str()])?;
    let ground = panel.column("name", &by)?;
    let open = (0..panel.n_rows()).map(|row| !ground.is_null(row)).collect();
    let panel = panel.with_column(name, Column::bool(open))?;
    Ok(panel.attach(&all, &Attach::Days, &days)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn the_rules_are_read_and_follow_each_other() {
        let rules = AsylumRule::belgian();
        assert_eq!(rules.len(), 5);
        for pair in rules.windows(2) {
            assert_eq!(pair[0].to + 1, pair[1].from);
        }
        assert_eq!(rules[1].wait, None);
        assert_eq!(rules[4].to, Day::OPEN);
    }

    #[test]
    fn a_claim_gives_access_under_the_first_rule_it_is_old_enough_for() {
        let rules = AsylumRule::belgian();
        let access = |claim: &str| asylum_access(&[Some(day(claim))], &rules).unwrap()[0];
        assert_eq!(access("2012-01-15"), Some(day("2012-07-15")));
        assert_eq!(access("2012-08-31"), Some(day("2013-02-28")));
        // four months old before the new rule, not yet six: access on its first day
        assert_eq!(access("2015-06-01"), Some(day("2015-11-09")));
        // six months under the old rule come first
        assert_eq!(access("2015-05-08"), Some(day("2015-11-08")));
        assert_eq!(access("2015-09-30"), Some(day("2016-01-30")));
        assert_eq!(access("2007-07-01"), Some(day("2010-01-12")));
        assert_eq!(access("2007-05-31"), Some(day("2007-05-31")));
        assert_eq!(asylum_access(&[None], &rules).unwrap(), [None]);
        let odd = AsylumRule {
            from: day("2010-01-02"),
            to: day("2010-01-01"),
            wait: Some(Wait::Days(1)),
        };
        assert!(asylum_access(&[None], &[odd]).is_err());
        let never = AsylumRule { wait: None, ..rules[0] };
        assert_eq!(asylum_access(&[Some(day("2010-01-01"))], &[never]).unwrap(), [None]);
    }

    #[test]
    fn rules_of_ones_own_count_days_or_months() {
        let text = |cells: &[Option<&str>]| Column::text(cells.iter().copied());
        let table = |months: &[Option<i64>], days: &[Option<i64>]| {
            Table::new([
                ("from", text(&[Some("2013-01-01"), Some("2015-11-09")])),
                ("to", text(&[Some("2015-11-08"), None])),
                ("months", Column::ints(months)),
                ("days", Column::ints(days)),
            ])
            .unwrap()
        };
        let none = [None, None];
        let rules = AsylumRule::read(&table(&none, &[Some(180), Some(120)])).unwrap();
        assert_eq!(rules[1], AsylumRule { to: Day::OPEN, ..rules[1] });
        let claims =
            ["2015-05-12", "2015-05-13", "2015-07-12", "2015-07-13"].map(|own| Some(day(own)));
        let access = asylum_access(&claims, &rules).unwrap();
        let expected = ["2015-11-08", "2015-11-09", "2015-11-09", "2015-11-10"];
        assert_eq!(access, expected.map(|own| Some(day(own))));
        let months = AsylumRule::read(&table(&[Some(6), None], &none)).unwrap();
        assert_eq!(months[0].wait, Some(Wait::Months(6)));
        assert_eq!(months[1].wait, None);
        for (months, days) in [([Some(6), None], [Some(180), None]), ([Some(-1), None], none)] {
            let error = AsylumRule::read(&table(&months, &days)).unwrap_err();
            assert!(error.to_string().starts_with("`rules`: rule 0"), "{error}");
        }
        let short = Table::new([("from", text(&[None])), ("to", text(&[None]))]).unwrap();
        assert!(AsylumRule::read(&short).unwrap_err().to_string().contains("days"));
    }

    #[test]
    fn days_at_the_end_of_the_calendar_do_not_panic() {
        let rules = AsylumRule::belgian();
        let far = [Some(Day(i32::MAX)), Some(Day(i32::MIN)), Some(Day::OPEN)];
        assert_eq!(asylum_access(&far, &rules).unwrap().len(), 3);
    }
}
