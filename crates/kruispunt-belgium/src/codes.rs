//! Code lists with validity dates, as tables.
//!
//! The lists are files in `data/`, to be read and corrected: what is public is marked `read`, what is
//! from memory `unchecked`, what only the synthetic registers use `synthetic`.

use kruispunt::data::{Column, Day, Table};

const LISTS: [(&str, &str); 7] = [
    ("asylum_access", include_str!("../data/asylum_access.csv")),
    ("countries", include_str!("../data/countries.csv")),
    ("it202", include_str!("../data/it202.csv")),
    ("lipro", include_str!("../data/lipro.csv")),
    ("nis_changes", include_str!("../data/nis_changes.csv")),
    ("nomenclature", include_str!("../data/nomenclature.csv")),
    ("permit_articles", include_str!("../data/permit_articles.csv")),
];

/// The names of the lists.
#[must_use]
pub fn names() -> Vec<&'static str> {
    LISTS.iter().map(|(name, _)| *name).collect()
}

/// A list as a table: the columns of its file, days as dates, the rest as text; empty is missing.
#[must_use]
pub fn table(name: &str) -> Option<Table> {
    let (_, text) = LISTS.iter().find(|(own, _)| *own == name)?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let header: Vec<&str> = lines.next()?.split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let column = |at: usize| {
        let cell = |row: &Vec<&'static str>| row.get(at).copied().filter(|cell| !cell.is_empty());
        if matches!(header[at], "from" | "to" | "date") {
            return Column::dates(
                &rows.iter().map(|row| cell(row).and_then(Day::parse)).collect::<Vec<_>>(),
            );
        }
        Column::text(rows.iter().map(cell))
    };
    Table::new((0..header.len()).map(|at| (header[at], column(at)))).ok()
}

/// The crosswalk of municipality codes to those valid from 2019 on, for
/// [`Spells::crosswalk`](kruispunt::data::Spells::crosswalk): `code`, `to`, `valid_from`,
/// `valid_to`.
///
/// A code that changed has two lines, itself until the day before and the new one from the day on;
/// a new code has itself from that day on. Codes that never changed are not in it: keep them.
///
/// # Panics
///
/// Never: the columns have one length.
#[must_use]
pub fn nis_crosswalk() -> Table {
    let Some(list) = table("nis_changes") else { return Table::default() };
    let days = list.get("date").and_then(|column| column.to_days("date", "date").ok());
    let days = days.unwrap_or_default();
    let (mut code, mut to) = (Vec::new(), Vec::new());
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let label = |name: &str, row: usize| list.get(name).and_then(|column| column.label(row));
    let mut seen: Vec<String> = Vec::new();
    for (row, &day) in days.iter().enumerate() {
        let (Some(old), Some(new), Some(day)) = (label("code", row), label("new_code", row), day)
        else {
            continue;
        };
        if !seen.contains(&new) {
            seen.push(new.clone());
            code.push(new.clone());
            to.push(new.clone());
            first.push(Some(day));
            last.push(None);
        }
        for (target, from, until) in [(&old, None, Some(day + -1)), (&new, Some(day), None)] {
            code.push(old.clone());
            to.push(target.clone());
            first.push(from);
            last.push(until);
        }
    }
    let text = |of: &[String]| Column::text(of.iter().map(|one| Some(one.as_str())));
    Table::new([
        ("code", text(&code)),
        ("to", text(&to)),
        ("valid_from", Column::dates(&first)),
        ("valid_to", Column::dates(&last)),
    ])
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_whole_lines_and_each_code_once_a_day() {
        for (name, text) in LISTS {
            let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            let width = lines.next().map_or(0, |line| line.split(',').count());
            let cells: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
            assert!(cells.iter().all(|row| row.len() == width), "{name}");
            let table = table(name).unwrap();
            assert_eq!(table.n_rows(), cells.len(), "{name}");
            let mut codes: Vec<&str> = cells.iter().map(|row| row[0]).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), cells.len(), "{name}");
        }
        assert!(table("nis").is_none());
    }

    #[test]
    fn twenty_six_municipalities_changed_in_2019() {
        let list = table("nis_changes").unwrap();
        assert_eq!(list.n_rows(), 26);
        let new = list.get("new_code").unwrap();
        let mut targets: Vec<String> = (0..26).filter_map(|row| new.label(row)).collect();
        targets.sort_unstable();
        targets.dedup();
        assert_eq!(targets.len(), 7 + 11);
        assert_eq!(nis_crosswalk().n_rows(), 18 + 2 * 26);
    }
}
