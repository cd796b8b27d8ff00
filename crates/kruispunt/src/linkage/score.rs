//! Pairs that somebody names: many at a time, or one in microseconds.

use super::LinkageError;
use super::blocking::Blocks;
use super::coded::{Coded, MISSING, Sides};
use super::comparer::Comparer;
use super::decide::alone;
use super::linker::{Linker, Model};
use super::pairs::Pairs;
use super::rarity::Texts;
use super::scorer::{Scorer, Weights};
use crate::data::{Column, Table};
use crate::math::em::NULL;

impl Linker {
    /// Weighs pairs of rows that are named, whether or not a rule finds them: `left_row`,
    /// `right_row`, `weight` (bits), `probability` (without rivals) and the level of each
    /// comparison.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`], [`LinkageError::Data`], [`LinkageError::OutOfRange`] for a row
    /// that does not exist.
    pub fn score(
        &self,
        left: &Table,
        right: &Table,
        rows: &[(usize, usize)],
    ) -> Result<Table, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let sides = Sides::two(left, right);
        for &(l, r) in rows {
            for (argument, got, n) in [("left", l, left.n_rows()), ("right", r, right.n_rows())] {
                if got >= n {
                    return Err(LinkageError::OutOfRange { argument, got, n });
                }
            }
        }
        let comparers = self.comparers(sides)?;
        let pairs = Pairs::new(comparers, Blocks::none(sides));
        let scorer = Scorer::new(self, model, &pairs, sides)?;
        let mut work = pairs.work();
        let width = self.comparisons.len();
        let mut weights = Vec::with_capacity(rows.len());
        let mut levels = vec![Vec::with_capacity(rows.len()); width];
        for &(l, r) in rows {
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            let (l, r) = (l as u32, r as u32);
            let pattern = pairs.one(l, r, &mut work);
            weights.push(scorer.weight(pattern, l, r));
            for (k, levels) in levels.iter_mut().enumerate() {
                let level = pairs.layout().level(pattern, k);
                levels.push((level != NULL).then_some(u32::from(level)));
            }
        }
        let sure = weights.iter().map(|&weight| alone(weight)).collect();
        let mut table = Table::new([
            ("left_row", Column::int(rows.iter().map(|row| row.0 as i64).collect())),
            ("right_row", Column::int(rows.iter().map(|row| row.1 as i64).collect())),
            ("weight", Column::float(weights)),
            ("probability", Column::float(sure)),
        ])?;
        for (comparison, levels) in self.comparisons.iter().zip(&levels) {
            let labels = comparison.labels();
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            let mut name = format!("level_{}", comparison.column());
            while table.get(&name).is_some() {
                name.push('_');
            }
            table.push(name, Column::category(levels, &labels))?;
        }
        Ok(table)
    }

    /// A scorer of single pairs, with the frequencies of these tables.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`], [`LinkageError::Data`].
    pub fn pair_scorer(&self, left: &Table, right: &Table) -> Result<PairScorer, LinkageError> {
        self.scorer_of(Sides::two(left, right))
    }

    /// A scorer of single pairs, with the frequencies of one table.
    ///
    /// # Errors
    ///
    /// As [`pair_scorer`](Self::pair_scorer).
    pub fn pair_scorer_dedupe(&self, table: &Table) -> Result<PairScorer, LinkageError> {
        let sources = self.sources(table)?;
        self.scorer_of(Sides::one(table, Self::only(&sources)))
    }

    fn scorer_of(&self, sides: Sides<'_>) -> Result<PairScorer, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let comparers = self.comparers(sides)?;
        let weights = Weights::new(self, model, &comparers, sides.dedupe, None);
        let each = comparers.iter().zip(&weights.rarity);
        let rare = each.map(|(own, rarity)| Some(rarity.as_ref()?.by_text(own))).collect();
        Ok(PairScorer { linker: self.clone(), model: model.clone(), weights, rare })
    }

    /// All comparisons of two tables, encoded, their codes row by row.
    pub(super) fn comparers(&self, sides: Sides<'_>) -> Result<Vec<Comparer>, LinkageError> {
        let each = self.comparisons.iter().map(|comparison| {
            self.ticket.stage("reading columns", 0);
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            Comparer::new(sides, comparison)
        });
        let mut all = each.collect::<Result<Vec<_>, _>>()?;
        Coded::by_row(all.iter_mut().map(|own| &mut own.coded));
        Ok(all)
    }
}

/// Scores one pair of records at a time, as a service does: the model and the frequencies of
/// values are at hand, the records are not in any table.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::linkage::{Comparison, Linker};
/// let names = ["Yıldız", "Janssens", "El Amrani", "Peeters", "Diallo", "Nowak"];
/// let births = ["1985-07-30", "1990-01-12", "1978-11-03", "1969-05-21", "1995-02-02", "1981-09-17"];
/// let table = Table::new([
///     ("surname", Column::text(names.map(Some))),
///     ("birth_date", Column::text(births.map(Some))),
/// ])?;
/// let linker = Linker::new()
///     .compare(Comparison::name("surname"))
///     .compare(Comparison::date("birth_date"))
///     .block(["surname"])
///     .block(["birth_date"])
///     .train(&table, &table)?;
/// let scorer = linker.pair_scorer(&table, &table)?;
/// let one = scorer.score(
///     &[("surname", "YILDIZ"), ("birth_date", "1985-07-30")],
///     &[("surname", "Yildis"), ("birth_date", "1985-07-30")],
/// )?;
/// assert!(one.probability > 0.5);
/// # Ok::<(), kruispunt::linkage::LinkageError>(())
/// ```
pub struct PairScorer {
    linker: Linker,
    model: Model,
    weights: Weights,
    rare: Vec<Option<Texts>>,
}

impl std::fmt::Debug for PairScorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PairScorer of {} comparisons", self.weights.levels.len())
    }
}

/// What one pair weighs.
#[derive(Clone, Debug, PartialEq)]
pub struct PairScore {
    /// Match weight in bits, the prior included.
    pub weight: f64,
    /// Probability of a match, without rivals.
    pub probability: f64,
    /// Level of each comparison, `None` where it says nothing.
    pub levels: Vec<Option<u8>>,
}

impl PairScorer {
    /// The comparisons, by name.
    #[must_use]
    pub fn comparisons(&self) -> Vec<&str> {
        self.linker.comparisons.iter().map(super::Comparison::column).collect()
    }

    /// The share of matches that it starts from.
    #[must_use]
    pub const fn prior(&self) -> f64 {
        self.model.lambda
    }

    /// Scores two records, given as column and value; a column that is not given is missing.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Data`] for a value that its comparison does not read.
    pub fn score(
        &self,
        left: &[(&str, &str)],
        right: &[(&str, &str)],
    ) -> Result<PairScore, LinkageError> {
        let get = |record: &[(&str, &str)], column: &str| {
            record.iter().find(|(name, _)| *name == column).map(|(_, value)| (*value).to_owned())
        };
        let (mut weight, mut levels) = (self.weights.prior, Vec::new());
        for (k, comparison) in self.linker.comparisons.iter().enumerate() {
            let table = |record: &[(&str, &str)], right: bool| {
                let own = comparison.columns();
                let names = if right && own == [comparison.column()] {
                    vec![comparison.right_column()]
                } else {
                    own
                };
                let mut table = Table::default();
                for name in names {
                    let cell = get(record, name);
                    let column = comparison.one(name, cell.as_deref());
                    table.push(name, column)?;
                }
                Ok::<Table, LinkageError>(table)
            };
            let (one, other) = (table(left, false)?, table(right, true)?);
            let comparer = Comparer::new(Sides::two(&one, &other), comparison)?;
            let (a, b) = (comparer.coded.left.get(0), comparer.coded.right().get(0));
            let level = comparer.level(&mut comparer.probe(), a, b);
            levels.push((level != NULL).then_some(level));
            if level == NULL {
                continue;
            }
            weight += self.weights.levels[k][level as usize];
            if level < comparison.adjusted() && a != MISSING && b != MISSING {
                let text = |code: u32| comparer.coded.texts.get(code);
                weight +=
                    self.rare[k].as_ref().map_or(0.0, |own| own.bits(level, text(a), text(b)));
            }
        }
        for tie in &self.weights.ties {
            weight += tie.of(|k| levels[k].unwrap_or(NULL));
        }
        Ok(PairScore { weight, probability: alone(weight), levels })
    }
}
