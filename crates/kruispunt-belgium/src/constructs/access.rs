//! From when an asylum seeker may work.

use super::Card;
use crate::error::BelgiumError;
use kruispunt::data::Day;

pub(super) const CARD: Card = Card {
    name: "asylum_access",
    definition: "the first day on which a rule in force lets a claim of that age work: the claim is \
                 at least so many months old, under the rule of that day",
    limits: "claims without a decision only; a decision, another permit or a recognised status may \
             open access earlier; no access under the exclusion of June 2007 to January 2010",
    source: "royal decree of 9 June 1999, art. 17, and its changes (9 November 2015: six months \
             became four); `data/asylum_access.csv`, where unchecked dates are marked",
};

/// One rule: from, to (closed), months a claim must be old; none when there is no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsylumRule {
    /// First day of the rule.
    pub from: Day,
    /// Last day of the rule; [`Day::OPEN`] when it still holds.
    pub to: Day,
    /// Months since the claim; no access at all when none.
    pub months: Option<u32>,
}

impl AsylumRule {
    /// The rules of `data/asylum_access.csv`.
    #[must_use]
    pub fn belgian() -> Vec<Self> {
        let rule = |line: &str| {
            let mut cells = line.split(',');
            let from = Day::parse(cells.next()?)?;
            let to = Day::parse(cells.next()?).unwrap_or(Day::OPEN);
            Some(Self { from, to, months: cells.next()?.parse().ok() })
        };
        include_str!("../../data/asylum_access.csv").lines().filter_map(rule).collect()
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
            let old_enough = months_later(claim, rule.months?)?;
            let day = old_enough.max(rule.from);
            (day <= rule.to).then_some(day)
        };
        rules.iter().filter_map(first).min()
    };
    Ok(claims.iter().map(|claim| claim.and_then(access)).collect())
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
        assert_eq!(rules[1].months, None);
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
        let odd = AsylumRule { from: day("2010-01-02"), to: day("2010-01-01"), months: Some(1) };
        assert!(asylum_access(&[None], &[odd]).is_err());
        let never = AsylumRule { months: None, ..rules[0] };
        assert_eq!(asylum_access(&[Some(day("2010-01-01"))], &[never]).unwrap(), [None]);
    }

    #[test]
    fn days_at_the_end_of_the_calendar_do_not_panic() {
        let rules = AsylumRule::belgian();
        let far = [Some(Day(i32::MAX)), Some(Day(i32::MIN)), Some(Day::OPEN)];
        assert_eq!(asylum_access(&far, &rules).unwrap().len(), 3);
    }
}
