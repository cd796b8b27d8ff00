//! Which rows of two registers are one person.
//!
//! A [`Linker`] says what is compared ([`Comparison`]) and which pairs of rows are looked at
//! ([`Rule`]). [`Linker::train`] learns from the two tables, without labels, how much agreement
//! and disagreement are worth; [`Linker::link`] scores the pairs, settles who goes with whom and
//! gives [`Links`](crate::data::Links). A [`KeyLink`] does the same by a number that both
//! registers have, replaced numbers resolved.
//!
//! Nothing guesses: the prior share of matches, the threshold and the expected precision and
//! recall come from the data. The verbs on links (`clusters`, `report`, `waterfall`, `evaluate`)
//! live here as methods of `Links`; those that measure how good a linkage is stand in `quality`.

mod assign;
mod attach;
mod blocking;
mod canon;
mod carried;
mod chance;
mod coded;
mod comparer;
mod comparison;
mod condition;
mod conditions;
mod correlate;
mod counted;
mod cover;
mod date;
mod decide;
mod dependence;
mod draws;
mod error;
mod evaluate;
mod ids;
mod index;
mod kept;
mod key;
mod keys;
mod labels;
mod lambda;
mod linker;
mod links;
mod made;
mod measure;
mod nicknames;
mod pairs;
mod passes;
mod pattern;
mod quality;
mod rarity;
mod rule;
mod score;
mod scorer;
mod shares;
mod sound;
mod stored;
mod train;
mod words;

pub use comparison::Comparison;
pub use condition::Condition;
pub use cover::Cover;
pub use dependence::Dependence;
pub use error::LinkageError;
pub use evaluate::Truth;
pub use key::KeyLink;
pub use labels::Labels;
pub use linker::{Assignment, Linker, Threshold};
pub use links::Grouping;
pub use measure::Measure;
pub use passes::RuleLink;
pub use quality::{Check, Clerical, ClericalSample};
pub use rule::Rule;
pub use score::{PairScore, PairScorer};
