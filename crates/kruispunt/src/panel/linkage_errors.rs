//! Signs of wrong and missed links in a panel.

use super::PanelError;
use crate::data::{Column, Panel, Table};
use rustc_hash::FxHashMap;

/// What is counted of one group.
#[derive(Clone, Default)]
struct Signs {
    persons: i64,
    contradicted: i64,
    moves: i64,
    returned: i64,
    ends: i64,
    followed: i64,
    by_chance: i64,
}

/// Codes of rows in columns, null as a value of its own.
struct Coded(Vec<Vec<Option<u32>>>);

impl Coded {
    fn new(panel: &Panel, argument: &str, names: &[String]) -> Result<Self, PanelError> {
        let codes = names.iter().map(|name| Ok(panel.column(argument, name)?.ranks().0));
        Ok(Self(codes.collect::<Result<_, PanelError>>()?))
    }

    fn at(&self, row: usize) -> Vec<Option<u32>> {
        self.0.iter().map(|own| own[row]).collect()
    }

    /// Whether two rows differ where both are known.
    fn differ(&self, a: usize, b: usize) -> bool {
        self.0.iter().any(|own| matches!((own[a], own[b]), (Some(x), Some(y)) if x != y))
    }
}

impl Panel {
    /// Signs that links behind the panel are wrong or missing, by group.
    ///
    /// A wrong link gives a person a quarter of somebody else: a *contradiction* in what cannot
    /// change (`constant`: sex, birth date), or a *return*, a move in `moves` (employer,
    /// municipality) from a to b and back to a within `short` periods. A missed link cuts a person
    /// in *fragments*: somebody's rows end before the panel does, and within `gap` periods somebody
    /// with the same `constant` values begins. Some do by chance; how many is told by a mirror:
    /// ends for which somebody alike began in the `gap` periods *before*, when both were there, so
    /// that they cannot be one person.
    ///
    /// One row a group of `by` (or one row in all): `persons`, `contradicted`, `moves`, `returned`,
    /// `ends`, `followed`, `by_chance`, and `fragments`, the excess `followed - by_chance`, at
    /// least 0. Missing values contradict nothing; ends without any known constant are left out.
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column or no column in `constant`.
    pub fn linkage_errors(
        &self,
        constant: &[String],
        moves: Option<&str>,
        by: Option<&str>,
        gap: u32,
        short: u32,
    ) -> Result<Table, PanelError> {
        let fixed = Coded::new(self, "constant", constant)?;
        let moved: Vec<String> = moves.map(str::to_owned).into_iter().collect();
        let moved = Coded::new(self, "moves", &moved)?;
        let group = match by {
            Some(name) => Some(self.column("by", name)?),
            None => None,
        };
        let (codes, first) = group.as_ref().map(Column::ranks).unwrap_or_default();
        let missing = first.len();
        let mut signs = vec![Signs::default(); missing + 1];
        let at = |row: usize| match codes.get(row) {
            Some(code) => code.map_or(missing, |code| code as usize),
            None => missing,
        };
        let persons = self.offsets().len().saturating_sub(1);
        let last = self.positions().iter().copied().max().unwrap_or(0);
        let mut starts: FxHashMap<Vec<Option<u32>>, Vec<(u32, u32)>> = FxHashMap::default();
        for person in 0..persons {
            let own = self.of(person);
            let Some(row) = own.clone().next() else { continue };
            let known = own.clone().find(|&row| fixed.0.iter().all(|code| code[row].is_some()));
            if let Some(known) = known {
                let start = (self.positions()[row], person as u32);
                starts.entry(fixed.at(known)).or_default().push(start);
            }
        }
        for own in starts.values_mut() {
            own.sort_unstable();
        }
        for person in 0..persons {
            let own = self.of(person);
            let Some(row) = own.clone().next() else { continue };
            let sign = &mut signs[at(row)];
            sign.persons += 1;
            sign.contradicted += i64::from(own.clone().any(|other| fixed.differ(row, other)));
            self.count_moves(own.clone(), &moved, short, sign);
            let end = self.positions()[own.end - 1];
            let known = own.clone().find(|&row| fixed.0.iter().all(|code| code[row].is_some()));
            let (Some(known), true) = (known, end < last && !constant.is_empty()) else { continue };
            sign.ends += 1;
            let alike = starts.get(&fixed.at(known)).map_or(&[][..], Vec::as_slice);
            let within = |low: u32, high: u32| {
                let from = alike.partition_point(|(start, _)| *start < low);
                alike[from..]
                    .iter()
                    .take_while(|(start, _)| *start <= high)
                    .any(|(_, other)| *other != person as u32)
            };
            sign.followed += i64::from(within(end + 1, end + gap));
            sign.by_chance += i64::from(end + 1 >= gap && within(end + 1 - gap, end));
        }
        signs_table(&signs, group.as_ref(), &first, by)
    }

    /// Counts moves from a row to the next, and those that are undone soon.
    fn count_moves(
        &self,
        own: std::ops::Range<usize>,
        moved: &Coded,
        short: u32,
        sign: &mut Signs,
    ) {
        let Some(codes) = moved.0.first() else { return };
        let rows: Vec<usize> = own.filter(|&row| codes[row].is_some()).collect();
        let mut left: Option<(Option<u32>, u32)> = None;
        for pair in rows.windows(2) {
            let (before, after) = (codes[pair[0]], codes[pair[1]]);
            if before == after {
                continue;
            }
            sign.moves += 1;
            let now = self.positions()[pair[1]];
            if let Some((home, since)) = left
                && home == after
                && now - since <= short
            {
                sign.returned += 1;
            }
            left = Some((before, now));
        }
    }
}

fn signs_table(
    signs: &[Signs],
    group: Option<&Column>,
    first: &[u32],
    by: Option<&str>,
) -> Result<Table, PanelError> {
    let all = first.len();
    let kept: Vec<usize> =
        (0..signs.len()).filter(|&at| at < all || signs[at].persons > 0).collect();
    let mut table = Table::default();
    if let (Some(name), Some(column)) = (by, group) {
        let label = |&at: &usize| (at < all).then(|| column.label(first[at] as usize)).flatten();
        let labels: Vec<Option<String>> = kept.iter().map(label).collect();
        table.push(name, Column::text(labels.iter().map(Option::as_deref)))?;
    }
    let counts: [(&str, CountOf); 8] = [
        ("persons", |own| own.persons),
        ("contradicted", |own| own.contradicted),
        ("moves", |own| own.moves),
        ("returned", |own| own.returned),
        ("ends", |own| own.ends),
        ("followed", |own| own.followed),
        ("by_chance", |own| own.by_chance),
        ("fragments", |own| (own.followed - own.by_chance).max(0)),
    ];
    for (name, of) in counts {
        table.push(name, Column::int(kept.iter().map(|&at| of(&signs[at])).collect()))?;
    }
    Ok(table)
}

/// One count of signs.
type CountOf = fn(&Signs) -> i64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Unit;

    /// Two persons of one birth year; the second is the first after a cut. A third moves away for
    /// one quarter, a fourth has two sexes.
    #[test]
    fn signs_are_counted_where_they_were_put() {
        let rows: [(i64, i32, &str, i64, &str); 12] = [
            (1, 0, "f", 1980, "a"),
            (1, 1, "f", 1980, "a"),
            (2, 2, "f", 1980, "a"),
            (2, 3, "f", 1980, "b"),
            (3, 0, "m", 1970, "a"),
            (3, 1, "m", 1970, "b"),
            (3, 2, "m", 1970, "a"),
            (3, 3, "m", 1970, "a"),
            (4, 0, "m", 1960, "c"),
            (4, 1, "f", 1960, "c"),
            (4, 2, "m", 1960, "c"),
            (4, 3, "m", 1960, "c"),
        ];
        let table = Table::new([
            ("pid", Column::int(rows.iter().map(|row| row.0).collect())),
            ("q", Column::periods(Unit::Quarter, rows.iter().map(|row| 8000 + row.1).collect())),
            ("sex", Column::text(rows.iter().map(|row| Some(row.2)))),
            ("born", Column::int(rows.iter().map(|row| row.3).collect())),
            ("place", Column::text(rows.iter().map(|row| Some(row.4)))),
        ])
        .unwrap();
        let panel = Panel::from_table(&table, "pid", "q", Unit::Quarter).unwrap();
        let constant = ["sex".to_owned(), "born".to_owned()];
        let found = panel.linkage_errors(&constant, Some("place"), None, 1, 1).unwrap();
        let count = |name: &str| found.get(name).unwrap().label(0).unwrap();
        let names =
            ["persons", "contradicted", "moves", "returned", "ends", "followed", "by_chance"];
        let counted: Vec<String> = names.iter().map(|name| count(name)).collect();
        assert_eq!(counted, ["4", "1", "3", "1", "1", "1", "0"]);
        assert_eq!(count("fragments"), "1");
        let found = panel.linkage_errors(&constant, None, Some("born"), 1, 1).unwrap();
        assert_eq!(found.n_rows(), 3);
        assert!(panel.linkage_errors(&["x".to_owned()], None, None, 1, 1).is_err());
    }
}
