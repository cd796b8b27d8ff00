//! Measures of likeness between two strings.

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

    pub(super) const fn word(self) -> &'static str {
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
