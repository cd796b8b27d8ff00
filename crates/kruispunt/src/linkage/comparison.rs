//! What is compared, and into which levels.

use super::LinkageError;
use super::date::LABELS;
use serde::{Deserialize, Serialize};

/// A measure of likeness between two strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Measure {
    /// Insertions, deletions and changes.
    Levenshtein,
    /// The same with swaps of neighbours; no part is edited twice.
    Osa,
    /// The same with swaps of neighbours and no restriction.
    Damerau,
    /// Jaro similarity, 0 to 1.
    Jaro,
    /// Jaro-Winkler similarity, 0 to 1.
    JaroWinkler,
    /// Dice coefficient of pairs of letters, 0 to 1.
    Dice,
    /// Jaccard coefficient of pairs of letters, 0 to 1.
    Jaccard,
}

impl Measure {
    /// Whether larger means less alike.
    pub(super) const fn is_distance(self) -> bool {
        matches!(self, Self::Levenshtein | Self::Osa | Self::Damerau)
    }

    /// The measure of a name: `levenshtein`, `osa`, `damerau`, `jaro`, `jaro_winkler`, `dice` or
    /// `jaccard`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        use Measure::{Damerau, Dice, Jaccard, Jaro, JaroWinkler, Levenshtein, Osa};
        [Levenshtein, Osa, Damerau, Jaro, JaroWinkler, Dice, Jaccard]
            .into_iter()
            .find(|measure| measure.name() == name)
    }

    /// The name that [`parse`](Self::parse) reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Levenshtein => "levenshtein",
            Self::Osa => "osa",
            Self::Damerau => "damerau",
            Self::Jaro => "jaro",
            Self::JaroWinkler => "jaro_winkler",
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Levenshtein => "Levenshtein",
            Self::Osa => "OSA",
            Self::Damerau => "Damerau",
            Self::Jaro => "Jaro",
            Self::JaroWinkler => "Jaro-Winkler",
            Self::Dice => "Dice",
            Self::Jaccard => "Jaccard",
        }
    }
}

/// How values become levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ruler {
    Exact,
    Name,
    Date,
    Identifier,
    Text { measure: Measure, thresholds: Vec<f64> },
    Numeric { thresholds: Vec<f64> },
}

/// Jaro-Winkler similarities of a name's second and third level.
pub(super) const NAME: [f64; 2] = [0.92, 0.85];

/// One column compared on the two sides, in levels from the most to the least alike.
///
/// The first level is always equality, the last is everything else. A missing or blank value on
/// either side is the null level: it says nothing about the pair (missing at random).
///
/// ```
/// use kruispunt::linkage::Comparison;
/// let surname = Comparison::name("surname").tf().right("family_name");
/// assert_eq!(surname.labels().len(), 4);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    left: String,
    right: String,
    pub(super) ruler: Ruler,
    tf: bool,
}

impl Comparison {
    fn new(column: impl Into<String>, ruler: Ruler) -> Self {
        let left = column.into();
        Self { right: left.clone(), left, ruler, tf: false }
    }

    /// Equal or not; case and surrounding space do not count.
    pub fn exact(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Exact)
    }

    /// A name: equal; the same words in another order or without particles, or Jaro-Winkler at
    /// least 0.92; at least 0.85; else.
    ///
    /// Accents, case, spaces, hyphens and apostrophes do not count, with Turkish dotless and
    /// dotted i as one letter: "Van den Berg" equals "VANDENBERG", "Yıldız" equals "YILDIZ".
    pub fn name(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Name)
    }

    /// A date: the same day; one wrong digit, two neighbours or day and month swapped; two of
    /// year, month and day agree; within a year; else.
    ///
    /// Dates, text and eight-digit numbers are read. Parts written `00` are unknown and never
    /// agree; impossible dates are compared by their digits; what has no eight digits is missing.
    pub fn date(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Date)
    }

    /// A number of a person: equal; one slip away (OSA at most 1); else. Punctuation does not
    /// count; blank and all zeros are missing.
    pub fn identifier(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Identifier)
    }

    /// Text by a measure: equal, then one level for each threshold, then else.
    ///
    /// Distances take whole thresholds upwards from 1, similarities thresholds downwards below 1.
    pub fn text(
        column: impl Into<String>,
        measure: Measure,
        thresholds: impl Into<Vec<f64>>,
    ) -> Self {
        Self::new(column, Ruler::Text { measure, thresholds: thresholds.into() })
    }

    /// Numbers: equal, then one level for each largest difference, upwards, then else.
    pub fn numeric(column: impl Into<String>, thresholds: impl Into<Vec<f64>>) -> Self {
        Self::new(column, Ruler::Numeric { thresholds: thresholds.into() })
    }

    /// The name of the column on the right, when it differs.
    #[must_use]
    pub fn right(mut self, column: impl Into<String>) -> Self {
        self.right = column.into();
        self
    }

    /// Weighs agreement by how rare the value is (term frequencies).
    #[must_use]
    pub const fn tf(mut self) -> Self {
        self.tf = true;
        self
    }

    /// What it does: `exact`, `name`, `date`, `identifier`, `numeric` or the name of a measure.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.ruler {
            Ruler::Exact => "exact",
            Ruler::Name => "name",
            Ruler::Date => "date",
            Ruler::Identifier => "identifier",
            Ruler::Numeric { .. } => "numeric",
            Ruler::Text { measure, .. } => measure.name(),
        }
    }

    /// The thresholds it was given.
    #[must_use]
    pub fn thresholds(&self) -> &[f64] {
        match &self.ruler {
            Ruler::Text { thresholds, .. } | Ruler::Numeric { thresholds } => thresholds,
            _ => &[],
        }
    }

    /// The column on the left, also the name of the comparison.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.left
    }

    /// The column on the right.
    #[must_use]
    pub fn right_column(&self) -> &str {
        &self.right
    }

    /// Whether agreement is weighed by how rare the value is.
    #[must_use]
    pub const fn has_tf(&self) -> bool {
        self.tf
    }

    /// What each level means, most alike first.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let mut labels = vec!["equal".to_owned()];
        match &self.ruler {
            Ruler::Exact => {}
            Ruler::Name => labels.extend([
                format!("same words or Jaro-Winkler >= {}", NAME[0]),
                format!("Jaro-Winkler >= {}", NAME[1]),
            ]),
            Ruler::Date => return LABELS.map(str::to_owned).to_vec(),
            Ruler::Identifier => labels.push("OSA <= 1".to_owned()),
            Ruler::Text { measure, thresholds } => {
                let sign = if measure.is_distance() { "<=" } else { ">=" };
                let word = measure.word();
                labels.extend(thresholds.iter().map(|t| format!("{word} {sign} {t}")));
            }
            Ruler::Numeric { thresholds } => {
                labels.extend(thresholds.iter().map(|t| format!("difference <= {t}")));
            }
        }
        labels.push("else".to_owned());
        labels
    }

    /// How many levels there are, the null level not counted.
    pub(super) fn n_levels(&self) -> usize {
        self.labels().len()
    }

    /// Refuses thresholds that are no ladder.
    pub(super) fn check(&self) -> Result<(), LinkageError> {
        let (thresholds, up, unit) = match &self.ruler {
            Ruler::Text { measure, thresholds } => {
                (thresholds, measure.is_distance(), !measure.is_distance())
            }
            Ruler::Numeric { thresholds } => (thresholds, true, false),
            _ => return Ok(()),
        };
        let expected = match (up, unit) {
            (true, _) => "above 0 and ascending, at most 100 of them",
            _ => "between 0 and 1 and descending, at most 100 of them",
        };
        let ordered = thresholds.windows(2).all(|w| if up { w[0] < w[1] } else { w[0] > w[1] });
        let inside = thresholds.iter().all(|&t| t.is_finite() && t > 0.0 && (!unit || t <= 1.0));
        if ordered && inside && thresholds.len() <= 100 {
            return Ok(());
        }
        Err(LinkageError::BadThresholds { comparison: self.left.clone(), expected })
    }
}
