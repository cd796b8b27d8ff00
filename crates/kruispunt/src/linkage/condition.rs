//! Conditions over columns, of which levels are made.

use super::Measure;
use serde::{Deserialize, Serialize};

/// A condition on a pair of rows.
///
/// A condition on a column that is missing on either side does not hold, but for those that ask
/// for it. Text is compared as names are: accents, case, spaces and punctuation do not count.
///
/// ```
/// use kruispunt::linkage::Condition;
/// let moved = Condition::same("town").not().and(Condition::missing_one("town").not());
/// assert_eq!(moved.label(), "not (town equal) and not (town missing on one side)");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Condition {
    /// Equal text.
    Same {
        /// The column.
        column: String,
    },
    /// The same sounds, the same words in another order or without particles.
    Sound {
        /// The column.
        column: String,
    },
    /// At least this similar, or at most this far apart.
    Alike {
        /// The column.
        column: String,
        /// The measure.
        measure: Measure,
        /// Similarity or distance.
        threshold: f64,
    },
    /// Each column of one row equals the other column of the other row.
    Crossed {
        /// A column.
        first: String,
        /// The other.
        second: String,
    },
    /// Numbers at most this far apart.
    Within {
        /// The column.
        column: String,
        /// The difference.
        most: f64,
    },
    /// Numbers whose difference is at most this share of the larger absolute value.
    Share {
        /// The column.
        column: String,
        /// The share.
        most: f64,
    },
    /// Places at most so many kilometres apart, by great circles.
    Kilometres {
        /// Latitude in degrees.
        latitude: String,
        /// Longitude in degrees.
        longitude: String,
        /// The distance.
        most: f64,
    },
    /// Vectors of at least this cosine similarity: numbers in several columns, or written in one
    /// (`[0.1, 0.2]`).
    Cosine {
        /// The columns.
        columns: Vec<String>,
        /// The similarity.
        least: f64,
    },
    /// Lists with at least so many different items in common: columns of lists, or text with the
    /// separator between items.
    Overlap {
        /// The column.
        column: String,
        /// Items.
        least: f64,
        /// What stands between items.
        separator: char,
    },
    /// Of the shorter of two lists, all items are in the other; it has at least one. Text is cut at
    /// `;` unless an [`Overlap`](Self::Overlap) of the column names a separator.
    Subset {
        /// The column.
        column: String,
    },
    /// Some item of one list and some item of the other are this alike. Text is cut at `;`.
    Items {
        /// The column.
        column: String,
        /// The measure.
        measure: Measure,
        /// Similarity or distance.
        threshold: f64,
    },
    /// Different letters in common, as a share of the different letters of both.
    Letters {
        /// The column.
        column: String,
        /// The share.
        least: f64,
    },
    /// A column of the left row equals another column of the right row.
    Across {
        /// The column on the left.
        first: String,
        /// The column on the right.
        second: String,
    },
    /// One row has this text.
    Reads {
        /// The column.
        column: String,
        /// The text.
        value: String,
        /// Whether it is the right row.
        right: bool,
    },
    /// Missing in one of the rows that is named.
    Missing {
        /// The column.
        column: String,
        /// Whether it is the right row.
        right: bool,
    },
    /// Missing on one side.
    MissingOne {
        /// The column.
        column: String,
    },
    /// Missing on both sides.
    MissingBoth {
        /// The column.
        column: String,
    },
    /// All of them.
    All {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// Any of them.
    Any {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// Not this one.
    Not {
        /// The condition.
        of: Box<Condition>,
    },
}

const fn side(right: bool) -> &'static str {
    if right { "right" } else { "left" }
}

/// Conditions within conditions that are read.
const DEEPEST: usize = 32;

impl Condition {
    /// Equal text.
    pub fn same(column: impl Into<String>) -> Self {
        Self::Same { column: column.into() }
    }

    /// The same sounds; see [`Comparison::person`](super::Comparison::person).
    pub fn sound(column: impl Into<String>) -> Self {
        Self::Sound { column: column.into() }
    }

    /// At least `threshold` similar, or at most `threshold` far apart.
    pub fn alike(column: impl Into<String>, measure: Measure, threshold: f64) -> Self {
        Self::Alike { column: column.into(), measure, threshold }
    }

    /// Each of two columns equals the other one on the other side.
    pub fn crossed(first: impl Into<String>, second: impl Into<String>) -> Self {
        Self::Crossed { first: first.into(), second: second.into() }
    }

    /// Numbers at most `most` apart.
    pub fn within(column: impl Into<String>, most: f64) -> Self {
        Self::Within { column: column.into(), most }
    }

    /// Numbers whose difference is at most the share `most` of the larger one.
    pub fn share(column: impl Into<String>, most: f64) -> Self {
        Self::Share { column: column.into(), most }
    }

    /// Places at most `most` kilometres apart.
    pub fn kilometres(
        latitude: impl Into<String>,
        longitude: impl Into<String>,
        most: f64,
    ) -> Self {
        Self::Kilometres { latitude: latitude.into(), longitude: longitude.into(), most }
    }

    /// Vectors of a cosine similarity of at least `least`.
    pub fn cosine(columns: impl IntoIterator<Item = impl Into<String>>, least: f64) -> Self {
        Self::Cosine { columns: columns.into_iter().map(Into::into).collect(), least }
    }

    /// Lists with at least `least` items in common.
    pub fn overlap(column: impl Into<String>, least: f64, separator: char) -> Self {
        Self::Overlap { column: column.into(), least, separator }
    }

    /// Missing on one side.
    pub fn missing_one(column: impl Into<String>) -> Self {
        Self::MissingOne { column: column.into() }
    }

    /// Missing on both sides.
    pub fn missing_both(column: impl Into<String>) -> Self {
        Self::MissingBoth { column: column.into() }
    }

    /// Both conditions.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All { mut of } => {
                of.push(other);
                Self::All { of }
            }
            own => Self::All { of: vec![own, other] },
        }
    }

    /// Either condition.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any { mut of } => {
                of.push(other);
                Self::Any { of }
            }
            own => Self::Any { of: vec![own, other] },
        }
    }

    /// The opposite.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "stands beside `and` and `or`")]
    pub fn not(self) -> Self {
        Self::Not { of: Box::new(self) }
    }

    /// The condition in words.
    #[must_use]
    pub fn label(&self) -> String {
        let join = |of: &[Self], word: &str| {
            let parts: Vec<String> = of
                .iter()
                .map(|own| match own {
                    Self::Any { .. } => format!("({})", own.label()),
                    _ => own.label(),
                })
                .collect();
            parts.join(word)
        };
        match self {
            Self::Same { column } => format!("{column} equal"),
            Self::Sound { column } => format!("{column} sounds the same"),
            Self::Alike { column, measure, threshold } => {
                let sign = if measure.is_distance() { "<=" } else { ">=" };
                format!("{column} {} {sign} {threshold}", measure.word())
            }
            Self::Crossed { first, second } => format!("{first} and {second} swapped"),
            Self::Within { column, most } => format!("{column} difference <= {most}"),
            Self::Share { column, most } => format!("{column} difference <= {}%", most * 100.0),
            Self::Kilometres { most, .. } => format!("distance <= {most} km"),
            Self::Cosine { columns, least } => {
                format!("{} cosine >= {least}", columns.first().map_or("", String::as_str))
            }
            Self::Overlap { column, least, .. } => format!("{column} shares {least}"),
            Self::Subset { column } => format!("{column} shares all of the shorter"),
            Self::Items { column, measure, threshold } => {
                let sign = if measure.is_distance() { "<=" } else { ">=" };
                format!("items of {column} {} {sign} {threshold}", measure.word())
            }
            Self::Letters { column, least } => format!("letters of {column} shared >= {least}"),
            Self::Across { first, second } => format!("{first} equals {second}"),
            Self::Reads { column, value, right } => {
                format!("{column} on the {} is \"{value}\"", side(*right))
            }
            Self::Missing { column, right } => {
                format!("{column} missing on the {}", side(*right))
            }
            Self::MissingOne { column } => format!("{column} missing on one side"),
            Self::MissingBoth { column } => format!("{column} missing on both sides"),
            Self::All { of } => join(of, " and "),
            Self::Any { of } => join(of, " or "),
            Self::Not { of } => format!("not ({})", of.label()),
        }
    }

    /// All columns of conditions, each once, in the order in which they stand there.
    pub(super) fn columns<'a>(conditions: impl IntoIterator<Item = &'a Self>) -> Vec<&'a str> {
        fn each<'a>(own: &'a Condition, into: &mut Vec<&'a str>) {
            let mut put = |name: &'a str| {
                if !into.contains(&name) {
                    into.push(name);
                }
            };
            match own {
                Condition::Same { column }
                | Condition::Sound { column }
                | Condition::Alike { column, .. }
                | Condition::Within { column, .. }
                | Condition::Share { column, .. }
                | Condition::Overlap { column, .. }
                | Condition::Subset { column }
                | Condition::Items { column, .. }
                | Condition::Letters { column, .. }
                | Condition::Reads { column, .. }
                | Condition::Missing { column, .. }
                | Condition::MissingOne { column }
                | Condition::MissingBoth { column } => put(column),
                Condition::Crossed { first, second } | Condition::Across { first, second } => {
                    put(first);
                    put(second);
                }
                Condition::Kilometres { latitude, longitude, .. } => {
                    put(latitude);
                    put(longitude);
                }
                Condition::Cosine { columns, .. } => columns.iter().for_each(|name| put(name)),
                Condition::All { of } | Condition::Any { of } => {
                    for own in of {
                        each(own, into);
                    }
                }
                Condition::Not { of } => each(of, into),
            }
        }
        let mut names = Vec::new();
        for own in conditions {
            each(own, &mut names);
        }
        names
    }

    /// The columns that are read as numbers.
    pub(super) fn numeric<'a>(conditions: impl IntoIterator<Item = &'a Self>) -> Vec<&'a str> {
        fn each<'a>(own: &'a Condition, into: &mut Vec<&'a str>) {
            match own {
                Condition::Within { column, .. } | Condition::Share { column, .. } => {
                    into.push(column);
                }
                Condition::Kilometres { latitude, longitude, .. } => {
                    into.extend([latitude.as_str(), longitude]);
                }
                Condition::Cosine { columns, .. } if columns.len() > 1 => {
                    into.extend(columns.iter().map(String::as_str));
                }
                Condition::All { of } | Condition::Any { of } => {
                    for own in of {
                        each(own, into);
                    }
                }
                Condition::Not { of } => each(of, into),
                _ => {}
            }
        }
        let mut names = Vec::new();
        for own in conditions {
            each(own, &mut names);
        }
        names
    }

    /// The columns that lists can stand in: nothing but their items and whether they are there is
    /// asked for.
    pub(super) fn lists<'a>(conditions: impl IntoIterator<Item = &'a Self>) -> Vec<&'a str> {
        fn each<'a>(own: &'a Condition, lists: &mut Vec<&'a str>, others: &mut Vec<&'a str>) {
            match own {
                Condition::Overlap { column, .. }
                | Condition::Subset { column }
                | Condition::Items { column, .. } => lists.push(column),
                Condition::Cosine { columns, .. } if columns.len() == 1 => {
                    lists.push(&columns[0]);
                }
                Condition::Missing { .. }
                | Condition::MissingOne { .. }
                | Condition::MissingBoth { .. } => {}
                Condition::All { of } | Condition::Any { of } => {
                    for own in of {
                        each(own, lists, others);
                    }
                }
                Condition::Not { of } => each(of, lists, others),
                other => others.extend(Condition::columns([other])),
            }
        }
        let (mut lists, mut others) = (Vec::new(), Vec::new());
        conditions.into_iter().for_each(|own| each(own, &mut lists, &mut others));
        lists.retain(|name| !others.contains(name));
        lists
    }

    /// What is expected where it makes no sense.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        self.check_to(DEEPEST)
    }

    fn check_to(&self, depth: usize) -> Result<(), &'static str> {
        if depth == 0 {
            return Err("conditions that are not nested deeper than 32 times");
        }
        let positive = |x: &f64| x.is_finite() && *x >= 0.0;
        let fine = match self {
            Self::Alike { measure, threshold, .. } | Self::Items { measure, threshold, .. } => {
                positive(threshold) && (measure.is_distance() || *threshold <= 1.0)
            }
            Self::Within { most, .. }
            | Self::Share { most, .. }
            | Self::Kilometres { most, .. } => positive(most),
            Self::Letters { least, .. } => positive(least) && *least <= 1.0,
            Self::Cosine { columns, least } => !columns.is_empty() && (-1.0..=1.0).contains(least),
            Self::Overlap { least, .. } => positive(least) && *least >= 1.0,
            Self::All { of } | Self::Any { of } => {
                of.iter().try_for_each(|own| own.check_to(depth - 1))?;
                !of.is_empty()
            }
            Self::Not { of } => return of.check_to(depth - 1),
            _ => true,
        };
        if fine {
            Ok(())
        } else {
            Err(
                "thresholds that can be met: similarities up to 1, distances from 0, columns for every vector",
            )
        }
    }
}
