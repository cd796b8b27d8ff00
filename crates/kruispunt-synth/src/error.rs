//! What can go wrong while making registers.

use kruispunt::data::DataError;

/// Why registers could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// An imperfection nobody knows.
    #[error("`imperfections`: there is no \"{name}\"; known are {}", known.join(", "))]
    UnknownImperfection {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// An imperfection or table that is described but not made yet.
    #[error("\"{name}\" is described but not generated yet")]
    NotGenerated {
        /// The name asked for.
        name: String,
    },
    /// A scale nobody knows.
    #[error("`scale`: there is no \"{name}\"; known are mini, test, chair, bench, stress")]
    UnknownScale {
        /// The name asked for.
        name: String,
    },
    /// A table that does not exist.
    #[error("there is no table \"{name}\"; known are {}", known.join(", "))]
    UnknownTable {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A number out of its range.
    #[error("`rho` must be a number between -5 and 5; got {got}")]
    Rho {
        /// The number given.
        got: f64,
    },
    /// The work was asked to stop.
    #[error("the work was cancelled")]
    Cancelled,
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something about a table.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl SynthError {
    /// Whether the caller's input is at fault.
    #[must_use]
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::Write { .. })
    }
}
