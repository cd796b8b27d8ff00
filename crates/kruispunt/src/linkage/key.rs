//! Linkage by a number both registers have, replaced numbers resolved.

use super::coded::{Coded, Codes, MISSING, Only, Sides};
use super::{Comparison, LinkageError, canon};
use crate::data::Interner;
use crate::data::{Account, Column, Count, Day, Levels, Links, NOBODY, Step, Table, Values};
use rustc_hash::FxHashMap;

/// Deterministic linkage on a key.
///
/// Every left row goes to the one right row with its key; a right row may have many left rows.
/// Numbers that were replaced (a BIS number by a national number) are first resolved to the
/// current one, over any number of steps. Punctuation and case of keys do not count; blank and
/// all-zero keys are missing; leading zeros do not count as soon as one of the columns holds
/// numbers, which have lost them. A number below 0, with a fraction or beyond 2^53 in a column of
/// real numbers is no key and an error.
///
/// A number with two different replacements follows the later one when both have dates (this is
/// counted in the account) and is an error otherwise.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::linkage::KeyLink;
/// let permits = Table::new([("insz", Column::text([Some("75.46.01-001.23"), None, Some("B")]))])?;
/// let persons = Table::new([("insz", Column::text([Some("C"), Some("85073003328")]))])?;
/// let history = Table::new([
///     ("old", Column::text([Some("75460100123")])),
///     ("new", Column::text([Some("85073003328")])),
/// ])?;
/// let links = KeyLink::new("insz").history(history, "old", "new").link(&permits, &persons)?;
/// assert_eq!((links.left_rows(), links.right_rows()), ([0].as_slice(), [1].as_slice()));
/// # Ok::<(), kruispunt::linkage::LinkageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyLink {
    left: String,
    right: String,
    history: Option<History>,
}

#[derive(Clone, Debug)]
struct History {
    table: Table,
    old: String,
    new: String,
    date: Option<String>,
}

/// Replacements, old key to new key.
#[derive(Default)]
struct Replaced {
    by: FxHashMap<String, (String, usize)>,
    /// Numbers with more than one replacement, settled by date.
    settled: u64,
}

impl KeyLink {
    /// A linkage on the column `key` of both tables.
    pub fn new(key: impl Into<String>) -> Self {
        let left = key.into();
        Self { right: left.clone(), left, history: None }
    }

    /// The name of the key on the right, when it differs.
    #[must_use]
    pub fn right(mut self, key: impl Into<String>) -> Self {
        self.right = key.into();
        self
    }

    /// Replaced numbers: a table with the columns `old` and `new`.
    #[must_use]
    pub fn history(mut self, table: Table, old: &str, new: &str) -> Self {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.history = Some(History { table, old, new, date: None });
        self
    }

    /// The column of the history with the day of the replacement.
    #[must_use]
    pub fn date(mut self, column: &str) -> Self {
        if let Some(history) = &mut self.history {
            history.date = Some(column.to_owned());
        }
        self
    }

    /// Links every left row to the right row with its key.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Data`] for a missing column or an empty table,
    /// [`LinkageError::DuplicateKey`] when the right table has a key twice (after replacement),
    /// [`LinkageError::Cycle`], [`LinkageError::AmbiguousReplacement`].
    pub fn link(&self, left: &Table, right: &Table) -> Result<Links, LinkageError> {
        left.require_rows("left")?;
        right.require_rows("right")?;
        let keys = self.keys(left, Some(right))?;
        let mut row_of = vec![NOBODY; keys.texts.len()];
        for (row, &key) in keys.right.iter().enumerate().filter(|(_, key)| **key != MISSING) {
            let first = &mut row_of[key as usize];
            if *first != NOBODY {
                return Err(LinkageError::DuplicateKey {
                    argument: "right",
                    column: self.right.clone(),
                    first: *first as usize,
                    row,
                });
            }
            *first = row as u32;
        }
        let mut pairs = Vec::new();
        let (mut missing, mut unknown) = (0, 0);
        for (row, &key) in keys.left.iter().enumerate() {
            match row_of.get(key as usize) {
                Some(&NOBODY) => unknown += 1,
                Some(&right) => pairs.push((row as u32, right)),
                None => missing += 1,
            }
        }
        let mut step = Step::new(
            "key_link",
            format!("on \"{}\"", self.left),
            Count::rows(left.n_rows()),
            Count::rows(pairs.len()),
        )
        .exclude("the key is missing", Count::rows(missing))
        .exclude("no row of the reference has the key", Count::rows(unknown))
        .tied("numbers with several replacements", keys.settled, "the latest date");
        let without = keys.right.iter().filter(|key| **key == MISSING).count();
        if without > 0 {
            step = step.note(format!("{without} rows of the reference have no key"));
        }
        let account = Account::new("links").then(step);
        Ok(Links::certain(pairs, left.n_rows(), right.n_rows(), account))
    }

    /// The key of every row as it is compared, replaced numbers resolved; null where missing.
    ///
    /// # Errors
    ///
    /// As [`link`](Self::link), but for duplicates.
    pub fn resolve(&self, table: &Table) -> Result<Column, LinkageError> {
        let keys = self.keys(table, None)?;
        Ok(Column::text(keys.left.iter().map(|&key| (key != MISSING).then(|| keys.texts.get(key)))))
    }

    /// The current keys of both sides.
    fn keys(&self, left: &Table, right: Option<&Table>) -> Result<Keys, LinkageError> {
        let comparison = Comparison::identifier(&self.left).right(&self.right);
        let sides = right.map_or(Sides::one(left, Only::Any), |right| Sides::two(left, right));
        let coded = Coded::new(sides, &comparison, "on")?;
        let mut lose_zeros = numeric(left.get(&self.left));
        lose_zeros |= right.is_some_and(|right| numeric(right.get(&self.right)));
        let tables = lose_zeros;
        if let Some(history) = &self.history {
            lose_zeros |=
                [&history.old, &history.new].iter().any(|name| numeric(history.table.get(name)));
        }
        let right_codes = if right.is_some() { coded.right().clone() } else { Codes::default() };
        if self.history.is_none() && tables == lose_zeros {
            // Nothing is replaced and the keys are as they will be compared.
            return Ok(Keys {
                left: coded.left.iter().collect(),
                right: right_codes.iter().collect(),
                texts: coded.texts,
                settled: 0,
            });
        }
        let replaced = self.replaced(lose_zeros)?;
        let resolved = replaced.resolve()?;
        let (mut known, mut key) = (Interner::default(), String::new());
        // The code of the current key behind each key that was written down.
        let current: Vec<u32> = coded
            .texts
            .iter()
            .map(|text| {
                if !canon::identifier(text, lose_zeros, &mut key) {
                    return MISSING;
                }
                known.code(resolved.get(key.as_str()).copied().unwrap_or(&key))
            })
            .collect();
        let pick = |codes: &Codes| -> Vec<u32> {
            let own = |code: u32| current.get(code as usize).copied().unwrap_or(MISSING);
            codes.iter().map(own).collect()
        };
        let (left, right) = (pick(&coded.left), pick(&right_codes));
        Ok(Keys { left, right, texts: known.into_levels(), settled: replaced.settled })
    }

    fn replaced(&self, lose_zeros: bool) -> Result<Replaced, LinkageError> {
        let Some(history) = &self.history else { return Ok(Replaced::default()) };
        let table = &history.table;
        let sides = Sides::two(table, table);
        let comparison = Comparison::identifier(&history.old).right(&history.new);
        let coded = Coded::new(sides, &comparison, "history")?;
        let dates: Option<Vec<Option<Day>>> = match &history.date {
            Some(name) => Some(table.column("history", name)?.to_days("history", name)?),
            None => None,
        };
        let date = |row: usize| dates.as_ref().and_then(|dates| dates[row]);
        let key = |code: u32| {
            let mut key = String::new();
            canon::identifier(coded.texts.get(code), lose_zeros, &mut key).then_some(key)
        };
        let mut replaced = Replaced::default();
        for (row, (old, new)) in coded.left.iter().zip(coded.right().iter()).enumerate() {
            if old == MISSING || new == MISSING || old == new {
                continue;
            }
            let (Some(old), Some(new)) = (key(old), key(new)) else { continue };
            if old == new {
                continue;
            }
            let Some((other, first)) = replaced.by.get(&old).cloned() else {
                replaced.by.insert(old, (new, row));
                continue;
            };
            if other == new {
                continue;
            }
            match (date(first), date(row)) {
                (Some(a), Some(b)) if a != b => {
                    replaced.settled += 1;
                    if b > a {
                        replaced.by.insert(old, (new, row));
                    }
                }
                _ => return Err(LinkageError::AmbiguousReplacement { first, row }),
            }
        }
        Ok(replaced)
    }
}

fn numeric(column: Option<&Column>) -> bool {
    column.is_some_and(|column| {
        matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
    })
}

/// The current key of each row, as a code into `texts` or [`MISSING`].
struct Keys {
    left: Vec<u32>,
    right: Vec<u32>,
    texts: Levels,
    /// Numbers with more than one replacement, settled by date.
    settled: u64,
}

impl Replaced {
    /// Resolves every number to its current one; a circle is an error with its rows.
    fn resolve(&self) -> Result<FxHashMap<&str, &str>, LinkageError> {
        let mut starts: Vec<(&str, usize)> =
            self.by.iter().map(|(old, (_, row))| (old.as_str(), *row)).collect();
        starts.sort_unstable_by_key(|(_, row)| *row);
        let mut current: FxHashMap<&str, &str> = FxHashMap::default();
        for (start, _) in starts {
            let mut path: Vec<(&str, usize)> = Vec::new();
            let mut place: FxHashMap<&str, usize> = FxHashMap::default();
            let mut key = start;
            while let Some((next, row)) = self.by.get(key) {
                if let Some(&known) = current.get(key) {
                    key = known;
                    break;
                }
                if let Some(from) = place.insert(key, path.len()) {
                    let mut rows: Vec<usize> = path[from..].iter().map(|step| step.1).collect();
                    rows.sort_unstable();
                    return Err(LinkageError::Cycle { rows });
                }
                path.push((key, *row));
                key = next;
            }
            current.extend(path.into_iter().map(|(old, _)| (old, key)));
        }
        Ok(current)
    }
}
