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
mod branches;
mod channels;
mod clara;
mod cluster;
mod costs;
mod describe;
mod discrepancy;
mod distances;

mod error;
mod formats;
mod fuzzy;
mod indicators;
mod measure;
mod null;
mod pairwise;
mod precarity;
mod quality;
mod read;
mod representatives;
mod sequences;
mod spelled;
mod typology;

pub use alphabet::{Alphabet, State};
pub use branches::{Branch, Branches, Factor, Growth, Split};
pub use channels::Channels;
pub use clara::Clara;
pub use cluster::{Linkage, Stability, Tree};
pub use costs::{Costs, Prices};
pub use describe::CrossSection;
pub use discrepancy::{Compared, Explained};
pub use distances::{Dissimilarity, Distances, Precision, Values};
pub use error::TrajectoryError;
pub use formats::Clock;
pub use fuzzy::{Fuzzy, FuzzyOptions};
pub use indicators::Indicator;
pub use measure::{Link, Measure, MissingStates, Normalisation};
pub use null::{Against, Algorithm, NullModel, Spread};
pub use precarity::ChangeWeight;
pub use quality::Quality;
pub use read::{Edge, Empty, Reader, Since};
pub use representatives::{Candidacy, RelativeFrequency, Representatives};
pub use sequences::Sequences;
pub use typology::Typology;
