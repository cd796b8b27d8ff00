//! The Belgian pack: identification numbers, countries, origin and generation, register checks,
//! constructs of labour-market research, policy dates.
//!
//! - [`insz`]: parse, check and make national-register and BIS numbers
//! - [`country`]: countries under their register codes and the groups used in tables
//! - [`origin`]: a person's origin by the rules of the monitoring, Statbel, Arvastat or one's own
//! - [`generation`]: 1, 1.5, 2, 2.5 and 3, with the bands of age at arrival as parameters
//! - [`checks`]: the traps of the warehouse, looked for in a delivery
//! - [`constructs`]: day wage, stable employment, access to work, obligation; with definition cards
//! - [`families`]: families by the origin of the parents in a household
//! - [`identifiers`]: replaced and cancelled numbers, followed to the last
//! - [`numbers`]: columns of numbers, checked against birth date and sex, and repaired
//! - [`codes`]: code lists with validity dates, as data
//! - [`coverage`]: whom the person file does not cover, and when
//! - [`calendar`]: dates at which policies and registers changed, as data

pub mod calendar;
pub mod checks;
pub mod codes;
pub mod constructs;
pub mod country;
pub mod coverage;
mod error;
pub mod families;
pub mod generation;
pub mod identifiers;
pub mod insz;
pub mod numbers;
pub mod origin;

pub use error::BelgiumError;

/// How often each word occurs, in words: `father 12, mother 3`.
fn tally<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for word in words {
        *counts.entry(word).or_insert(0_usize) += 1;
    }
    let told: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    told.join(", ")
}
