//! Careers as sequences of states: what they look like, how far apart they are, which types there
//! are.
//!
//! ```text
//! table, panel ──Reader──▶ Sequences ──describe──▶ rates, distributions, indicators
//!                              │ Costs, Measure
//!                              ▼
//!                          Distances ──Tree, pam, clara──▶ Typology ──▶ a column for the panel
//! ```

mod alphabet;
mod clara;
mod cluster;
mod costs;
mod describe;
mod discrepancy;
mod distances;
mod error;
mod formats;
mod indicators;
mod measure;
mod pairwise;
mod quality;
mod read;
mod sequences;
mod typology;

pub use alphabet::{Alphabet, State};
pub use clara::Clara;
pub use cluster::{Linkage, Stability, Tree};
pub use costs::{Costs, Prices};
pub use describe::CrossSection;
pub use discrepancy::{Compared, Explained};
pub use distances::{Dissimilarity, Distances, Precision, Values};
pub use error::TrajectoryError;
pub use formats::Clock;
pub use indicators::Indicator;
pub use measure::{Link, Measure, MissingStates, Normalisation};
pub use quality::Quality;
pub use read::{Edge, Empty, Reader, Since};
pub use sequences::Sequences;
pub use typology::Typology;
