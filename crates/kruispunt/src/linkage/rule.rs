//! Blocking rules.

use super::comparison::Comparison;
use serde::{Deserialize, Serialize};

/// A blocking rule: rows are compared when all its keys are equal and none is missing, and, where
/// the rule says so, when they stand near each other or are made of much the same letters.
///
/// ```
/// use kruispunt::linkage::Rule;
/// let rule = Rule::new().on("birth_date").on_first("surname", 3);
/// assert_eq!(rule.to_string(), "birth_date + surname[..3]");
/// let rule = Rule::new().on("sex").neighbours("surname", 5);
/// assert_eq!(rule.to_string(), "sex + surname within 5 places");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub(super) keys: Vec<Key>,
    #[serde(default)]
    pub(super) search: Search,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) column: String,
    pub(super) first: Option<usize>,
    /// By sound, see `Comparison::person`.
    #[serde(default)]
    pub(super) sound: bool,
}

/// What a rule looks for among rows with equal keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Search {
    /// All of them.
    #[default]
    Equal,
    /// Rows at most `window` places apart when sorted by a column.
    Neighbours { column: String, window: u32 },
    /// Rows with much the same pairs of letters: `bands` keys of `rows` smallest hashes each.
    Similar { column: String, bands: u32, rows: u32 },
}

impl Rule {
    /// A rule without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column; a comparison of that column says how it is spelled and what it is called
    /// on the right.
    #[must_use]
    pub fn on(mut self, column: impl Into<String>) -> Self {
        self.keys.push(Key { column: column.into(), first: None, sound: false });
        self
    }

    /// Adds the first `letters` of a column (of a date: of the digits, year first).
    #[must_use]
    pub fn on_first(mut self, column: impl Into<String>, letters: usize) -> Self {
        self.keys.push(Key { column: column.into(), first: Some(letters), sound: false });
        self
    }

    /// Adds a column by its sound; see [`Comparison::person`].
    #[must_use]
    pub fn on_sound(mut self, column: impl Into<String>) -> Self {
        self.keys.push(Key { column: column.into(), first: None, sound: true });
        self
    }

    /// Of the rows with equal keys, only those at most `window` places apart when they are sorted
    /// by `column` (sorted neighbourhood; Hernandez & Stolfo 1995). Without keys, of all rows.
    #[must_use]
    pub fn neighbours(mut self, column: impl Into<String>, window: u32) -> Self {
        self.search = Search::Neighbours { column: column.into(), window };
        self
    }

    /// Of the rows with equal keys, only those whose `column` is made of much the same pairs of
    /// letters: two rows meet when one of `bands` bands of `rows` smallest hashes is equal, with a
    /// probability of `1 - (1 - J^rows)^bands` at a Jaccard similarity `J` (min-wise hashing; Broder 1997).
    #[must_use]
    pub fn similar(mut self, column: impl Into<String>, bands: u32, rows: u32) -> Self {
        self.search = Search::Similar { column: column.into(), bands, rows };
        self
    }

    /// A rule written as JSON: `keys` of `column`, `first` and `sound`, and `search`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`](super::LinkageError::Stored) for text that holds no rule.
    pub fn from_json(json: &str) -> Result<Self, super::LinkageError> {
        serde_json::from_str(json).map_err(|error| super::LinkageError::Stored {
            reason: format!("a blocking rule, at column {}", error.column()),
        })
    }

    /// The rule as [`from_json`](Self::from_json) reads it.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_json(&self) -> Result<String, super::LinkageError> {
        serde_json::to_string(self)
            .map_err(|error| super::LinkageError::Stored { reason: error.to_string() })
    }

    /// The columns, with the number of first letters where not the whole counts.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Option<usize>)> {
        self.keys.iter().map(|key| (key.column.clone(), key.first)).collect()
    }

    /// All columns, that of the search last.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let search = match &self.search {
            Search::Equal => None,
            Search::Neighbours { column, .. } | Search::Similar { column, .. } => Some(column),
        };
        self.keys.iter().map(|key| &key.column).chain(search).map(String::as_str).collect()
    }

    /// Passes over the rows.
    pub(super) const fn passes(&self) -> usize {
        match &self.search {
            Search::Similar { bands, .. } => *bands as usize,
            _ => 1,
        }
    }

    /// Whether nothing is asked of two rows.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.search == Search::Equal
    }

    /// What is expected of the numbers of the search.
    pub(super) fn check(&self) -> Result<(), (&'static str, f64, &'static str)> {
        match self.search {
            Search::Neighbours { window, .. } if !(1..=1000).contains(&window) => {
                Err(("window", f64::from(window), "from 1 to 1000 places"))
            }
            Search::Similar { bands, .. } if !(1..=64).contains(&bands) => {
                Err(("bands", f64::from(bands), "from 1 to 64"))
            }
            Search::Similar { rows, .. } if !(1..=16).contains(&rows) => {
                Err(("rows", f64::from(rows), "from 1 to 16 hashes a band"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the rule uses a column of `comparison`.
    pub(super) fn uses(&self, comparison: &Comparison) -> bool {
        let read = comparison.columns();
        self.columns().iter().any(|column| read.contains(column))
    }

    /// Whole columns that are equal in all its pairs.
    pub(super) fn equal(&self) -> impl Iterator<Item = &str> {
        let whole = self.keys.iter().filter(|key| key.first.is_none() && !key.sound);
        whole.map(|key| key.column.as_str())
    }

    /// The columns, where whole columns and nothing else are asked for.
    pub(super) fn only_equal(&self) -> Option<Vec<&str>> {
        let own: Vec<&str> = self.equal().collect();
        (self.search == Search::Equal && own.len() == self.keys.len()).then_some(own)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, key) in self.keys.iter().enumerate() {
            let plus = if at == 0 { "" } else { " + " };
            match key.first {
                _ if key.sound => write!(f, "{plus}sound of {}", key.column)?,
                None => write!(f, "{plus}{}", key.column)?,
                Some(letters) => write!(f, "{plus}{}[..{letters}]", key.column)?,
            }
        }
        let plus = if self.keys.is_empty() { "" } else { " + " };
        match &self.search {
            Search::Equal => Ok(()),
            Search::Neighbours { column, window } => {
                write!(f, "{plus}{column} within {window} places")
            }
            Search::Similar { column, bands, rows } => {
                write!(f, "{plus}{column} of similar letters, {bands} x {rows}")
            }
        }
    }
}

impl<const N: usize> From<[&str; N]> for Rule {
    fn from(columns: [&str; N]) -> Self {
        columns.into_iter().fold(Self::new(), Self::on)
    }
}

impl From<Vec<String>> for Rule {
    fn from(columns: Vec<String>) -> Self {
        columns.into_iter().fold(Self::new(), Self::on)
    }
}

impl From<&str> for Rule {
    fn from(column: &str) -> Self {
        Self::new().on(column)
    }
}
