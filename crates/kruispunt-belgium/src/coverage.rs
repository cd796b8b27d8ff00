//! Whom the person file does not cover, and when.

use crate::calendar::WAITING_REGISTER;
use crate::error::BelgiumError;
use kruispunt::data::{Column, Panel};

/// The code of asylum and protection in IT202.
pub(crate) const ASYLUM: &str = "2";

/// Adds `name`: false in periods that begin before 2011 of persons whose reason of stay is asylum or
/// protection (`reason`, codes of IT202), true elsewhere. Gives the panel, and how many rows and
/// persons are not covered.
///
/// Asylum seekers stand in the waiting register, which joined the person file on 1 January 2011.
/// Before, it has only those who left that register, so that a rate over all residents has another
/// denominator before 2011 than after. A missing reason counts as covered: it is blank for Belgians,
/// and incomplete before 2013.
///
/// # Errors
///
/// [`BelgiumError::Data`] when the column is not there, or for the name of the person or the period.
pub fn coverage(
    panel: &Panel,
    reason: &str,
    name: &str,
) -> Result<(Panel, usize, usize), BelgiumError> {
    let column = panel.column("reason", reason)?;
    let (codes, first) = column.ranks();
    let asylum: Vec<bool> = first
        .iter()
        .map(|row| column.label(*row as usize).is_some_and(|label| label.trim() == ASYLUM))
        .collect();
    let joined = WAITING_REGISTER.day();
    let bounds = panel.calendar().bounds();
    let mut covered = vec![true; panel.n_rows()];
    let mut persons = 0;
    for person in 0..panel.persons().len() {
        let rows = panel.of(person);
        let mut hidden = false;
        for row in rows {
            let early = bounds[panel.positions()[row] as usize] < joined;
            if early && codes[row].is_some_and(|code| asylum[code as usize]) {
                covered[row] = false;
                hidden = true;
            }
        }
        persons += usize::from(hidden);
    }
    let rows = covered.iter().filter(|own| !**own).count();
    Ok((panel.with_column(name, Column::bool(covered))?, rows, persons))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kruispunt::data::{Table, Unit};

    #[test]
    fn asylum_seekers_are_not_covered_before_the_file_has_them() {
        let text = |cells: &[&str]| Column::text(cells.iter().map(|own| Some(*own)));
        let table = Table::new([
            ("pid", Column::int(vec![1, 1, 2, 2, 3])),
            ("quarter", text(&["2010Q4", "2011Q1", "2010Q4", "2011Q1", "2010Q4"])),
            ("it202", Column::text([Some("2"), Some("2"), Some("1"), Some("1"), None])),
        ])
        .unwrap();
        let panel = Panel::from_table(&table, "pid", "quarter", Unit::Quarter).unwrap();
        let (found, rows, persons) = coverage(&panel, "it202", "covered").unwrap();
        let covered = Column::bool(vec![false, true, true, true, true]);
        assert_eq!(found.column("name", "covered").unwrap(), covered);
        assert_eq!((rows, persons), (1, 1));
        assert!(coverage(&panel, "why", "covered").unwrap_err().to_string().contains("why"));
    }
}
