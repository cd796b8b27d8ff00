//! How many persons.

use crate::SynthError;

/// How many persons a world has; the households of a smaller scale are those of a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Scale {
    /// About 200 persons, for documentation.
    Mini,
    /// About 5,000 persons, for tests.
    Test,
    /// 17,991 focal persons and the members of their households.
    Chair,
    /// About 300,000 persons.
    Bench,
    /// About 2 million persons.
    Stress,
}

impl Scale {
    /// All scales by name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Mini, "mini"),
        (Self::Test, "test"),
        (Self::Chair, "chair"),
        (Self::Bench, "bench"),
        (Self::Stress, "stress"),
    ];

    /// The scale of a name.
    ///
    /// # Errors
    ///
    /// [`SynthError::UnknownScale`].
    pub fn parse(name: &str) -> Result<Self, SynthError> {
        let found = Self::ALL.iter().find(|(_, own)| *own == name);
        found.map(|(scale, _)| *scale).ok_or_else(|| SynthError::UnknownScale { name: name.into() })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mini => "mini",
            Self::Test => "test",
            Self::Chair => "chair",
            Self::Bench => "bench",
            Self::Stress => "stress",
        }
    }

    /// Households, each with one focal person.
    #[must_use]
    pub const fn households(self) -> usize {
        match self {
            Self::Mini => 80,
            Self::Test => 2_000,
            Self::Chair => 17_991,
            Self::Bench => 120_000,
            Self::Stress => 800_000,
        }
    }
}
