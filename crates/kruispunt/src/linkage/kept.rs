//! What training read and compared, for linking the same tables.

use super::blocking;
use super::coded::Sides;
use super::linker::Linker;
use super::pairs::Pairs;
use super::{LinkageError, Rule};
use crate::data::{Column, Table, Values};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Two tables, read, and the patterns of their pairs where they were compared.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) pairs: Pairs,
    /// For each chunk of left rows, the patterns of its pairs in their order; none where the pairs
    /// were not all compared.
    pub(super) patterns: Vec<Vec<u64>>,
}

/// What a trained linker keeps of the tables it learned from, until it is dropped; copies share
/// it, and it is not stored.
#[derive(Clone, Default)]
pub(super) struct Kept(Option<(u64, Arc<Ready>)>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Kept" } else { "Nothing" })
    }
}

impl Linker {
    /// Reads the tables and builds the blocks.
    pub(super) fn read(&self, sides: Sides<'_>) -> Result<Pairs, LinkageError> {
        let (comparers, blocks) = self.prepare(sides)?;
        blocks.check(&self.rules, self.cap, self.block_cap)?;
        Ok(Pairs::new(comparers, blocks))
    }

    /// What training kept when the tables are those it learned from, else the tables read anew.
    pub(super) fn ready(&self, sides: Sides<'_>) -> Result<Arc<Ready>, LinkageError> {
        if let Some((print, ready)) = &self.kept.0
            && self.print(sides) == Some(*print)
        {
            ready.pairs.blocks.check(&self.rules, self.cap, self.block_cap)?;
            return Ok(Arc::clone(ready));
        }
        Ok(Arc::new(Ready { pairs: self.read(sides)?, patterns: Vec::new() }))
    }

    /// Keeps what was read and compared.
    pub(super) fn keep(&mut self, sides: Sides<'_>, pairs: Pairs, patterns: Vec<Vec<u64>>) {
        let ready = Arc::new(Ready { pairs, patterns });
        self.kept = Kept(self.print(sides).map(|print| (print, ready)));
    }

    /// A number that tells tables apart by the columns that are used; `None` where one is missing.
    fn print(&self, sides: Sides<'_>) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        (sides.dedupe, sides.only.since(), sides.only.sources()).hash(&mut hasher);
        let mut names: Vec<(&str, &str)> = Vec::new();
        for own in &self.comparisons {
            if own.is_plain() {
                names.push((own.column(), own.right_column()));
            } else {
                names.extend(own.columns().into_iter().map(|column| (column, column)));
            }
        }
        names.extend(self.rules.iter().flat_map(Rule::columns).map(|column| (column, column)));
        names.sort_unstable();
        names.dedup();
        let place =
            |name: &str| blocking::place(&self.comparisons, name).map(|at| &self.comparisons[at]);
        for (left, right) in names {
            add(sides.left, left, &mut hasher)?;
            // A rule reads a compared column where the comparison reads it.
            if !sides.dedupe
                && (left != right || place(left).is_none_or(|own| own.right_column() == right))
            {
                add(sides.right, right, &mut hasher)?;
            }
        }
        Some(hasher.finish())
    }
}

fn add(table: &Table, name: &str, hasher: &mut DefaultHasher) -> Option<()> {
    let column: &Column = table.get(name)?;
    (name, column.kind(), column.len(), column.count_nulls()).hash(hasher);
    match column.values() {
        Values::Text(text) => {
            text.levels().hash(hasher);
            text.codes().hash(hasher);
        }
        Values::Bool(values) => values[..].hash(hasher),
        Values::Int(values) => values[..].hash(hasher),
        Values::Short(values) => values[..].hash(hasher),
        Values::Date(values) | Values::Period(_, values) => values[..].hash(hasher),
        Values::Float(values) => values.iter().for_each(|value| value.to_bits().hash(hasher)),
    }
    if column.count_nulls() > 0 {
        for rows in (0..column.len()).step_by(64) {
            let end = (rows + 64).min(column.len());
            let nulls = (rows..end).map(|row| u64::from(column.is_null(row)) << (row - rows));
            nulls.sum::<u64>().hash(hasher);
        }
    }
    Some(())
}
