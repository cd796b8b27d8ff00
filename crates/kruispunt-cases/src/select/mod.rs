//! Whom to interview.
//!
//! A *ground* gives each candidate a score, higher for a better case of its kind:
//! [`of_typology`], [`of_fit`], [`of_groups`] (effects by group) and [`of_table`]. [`Select`] then
//! takes the best of each group within the quotas, adds reserves, and protects what is printed.
//!
//! | kind | from types | from a model | from a table |
//! |---|---|---|---|
//! | typical | high silhouette | small residual | |
//! | deviant | far from the medoid of its type | large residual | |
//! | extreme | far from the mean of `on`, in standard deviations | the same | the same |
//! | influential | | Cook's distance, or the change of one coefficient | |
//! | pathway | | explained with the cause, not without it | |
//! | diverse | far from all chosen before | the same, on `on` | the same |
//! | most-similar | alike on `on`, of different types | of different cause | of different `contrast` |
//! | most-different | unlike on `on`, of one type | of one outcome and cause | of one `contrast` |
//! | medoid | near the medoid | | |
//! | boundary | as near to another type as to its own | | |
//! | random | a draw | a draw | a draw |
//!
//! Definitions after Seawright & Gerring 2008 (*Political Research Quarterly* 61(2), 294-308),
//! Lieberman 2005 (*American Political Science Review* 99(3), 435-452) and Weller & Barnes 2014
//! (*Finding Pathways*, Cambridge University Press).

mod anonymity;
mod best;
mod fill;
mod model;
mod paired;
mod spread;
mod table;
mod typology;

pub use anonymity::Protected;
pub use model::{Model, of_fit};
pub(crate) use table::identified;
pub use table::{GroupEffect, of_groups, of_table};
pub use typology::{of_typology, people};

use crate::CasesError;
use crate::groups::Coded;
use kruispunt::data::{Account, Column, Count, Linked, Seed, Step, Table};
use paired::Pairing;
use serde::{Deserialize, Serialize};

/// A kind of case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Well explained.
    Typical,
    /// Badly explained.
    Deviant,
    /// Far from the mean.
    Extreme,
    /// What the estimate hangs on.
    Influential,
    /// Explained by the cause and by nothing else.
    Pathway,
    /// Together over the whole range.
    Diverse,
    /// Pairs alike in all but the contrast.
    MostSimilar,
    /// Pairs unlike in all but the outcome.
    MostDifferent,
    /// In the middle of a type.
    Medoid,
    /// Between two types.
    Boundary,
    /// Drawn.
    Random,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Typical,
        Self::Deviant,
        Self::Extreme,
        Self::Influential,
        Self::Pathway,
        Self::Diverse,
        Self::MostSimilar,
        Self::MostDifferent,
        Self::Medoid,
        Self::Boundary,
        Self::Random,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typical => "typical",
            Self::Deviant => "deviant",
            Self::Extreme => "extreme",
            Self::Influential => "influential",
            Self::Pathway => "pathway",
            Self::Diverse => "diverse",
            Self::MostSimilar => "most-similar",
            Self::MostDifferent => "most-different",
            Self::Medoid => "medoid",
            Self::Boundary => "boundary",
            Self::Random => "random",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name.replace('_', "-"))
    }
}

/// At least so many cases with each of these values in a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The column.
    pub column: String,
    /// Values and how many cases are wanted of each.
    pub levels: Vec<(String, usize)>,
}

/// Candidates with a score each: what [`Select`] chooses from.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// One row a candidate.
    pub(crate) table: Table,
    /// The column of identifiers.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// Higher is better; none for those who cannot be chosen.
    pub(crate) scores: Vec<Option<f64>>,
    /// The column whose values share the cases out.
    pub(crate) group: Option<String>,
    /// How the score is defined, in words.
    pub(crate) definition: String,
    /// Why some have no score.
    pub(crate) unscored: &'static str,
    /// What makes pairs, for the kinds that compare.
    pub(crate) pairs: Option<Pairing>,
    pub(crate) account: Option<Account>,
    pub(crate) notes: Vec<String>,
}

impl Candidates {
    /// One row a candidate.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// The scores, higher for a better case.
    #[must_use]
    pub fn scores(&self) -> &[Option<f64>] {
        &self.scores
    }

    /// How the score is defined, in words.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.definition
    }
}

/// A choice of cases.
///
/// Each group gets `n / groups` cases, the first groups one more. Quotas are minima; within them the
/// cases with the largest sum of scores are taken, or the disjoint pairs with the largest sum, both
/// persons of a pair counting towards quotas. With several kinds each has its number, nobody is
/// chosen twice (earlier kinds choose first), and scores count in standard deviations of their kind.
/// A reserve stands in for one case: it is the next best of the same kind, the same group and the
/// same quota values; a reserve of a pair is a pair with the same quota values. Printed columns are emptied, as few as possible, until at least `k` candidates
/// share what is printed of a case (Sweeney 2002, *International Journal of Uncertainty, Fuzziness
/// and Knowledge-Based Systems* 10(5), 557-570; by local suppression).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Select {
    n: usize,
    reserves: usize,
    quotas: Vec<Quota>,
    printed: Vec<String>,
    k: usize,
    seed: u64,
}

impl Default for Select {
    fn default() -> Self {
        Self { n: 12, reserves: 0, quotas: Vec::new(), printed: Vec::new(), k: 5, seed: 1 }
    }
}

impl Select {
    /// So many cases.
    #[must_use]
    pub const fn new(n: usize) -> Self {
        Self { n, reserves: 0, quotas: Vec::new(), printed: Vec::new(), k: 5, seed: 1 }
    }

    /// So many reserves for each case; 0 at first.
    #[must_use]
    pub const fn reserves(mut self, each: usize) -> Self {
        self.reserves = each;
        self
    }

    /// Minima by value; none at first.
    #[must_use]
    pub fn quotas(mut self, quotas: Vec<Quota>) -> Self {
        self.quotas = quotas;
        self
    }

    /// The columns that will be printed, shared by at least `k` candidates.
    #[must_use]
    pub fn printed(mut self, columns: Vec<String>, k: usize) -> Self {
        self.printed = columns;
        self.k = k;
        self
    }

    /// The seed of draws and of ties.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The list: identifier, `case` (from 1), `role` (case or reserve), the group, `pair` where
    /// cases come in pairs, `score`, the printed columns and `class_size`.
    ///
    /// # Errors
    ///
    /// [`CasesError::Argument`], [`CasesError::TooFew`], [`CasesError::Quota`] or
    /// [`CasesError::Data`].
    pub fn from(&self, candidates: &Candidates) -> Result<Linked, CasesError> {
        if self.n == 0 {
            return Err(CasesError::argument("n", "1 or more", "0"));
        }
        candidates.table.require_rows("source")?;
        match &candidates.pairs {
            Some(pairs) => self.paired(candidates, pairs),
            None => self.filled(&[candidates], &[self.n]),
        }
    }

    /// A list of several kinds, each with its number, from candidates of one source: the columns of
    /// [`from`](Self::from) and `kind`. `n` is their sum, whatever was said before.
    ///
    /// # Errors
    ///
    /// As [`from`](Self::from), and [`CasesError::Argument`] for no kind, a kind without cases, a
    /// kind of pairs beside others, and candidates of different sources.
    pub fn from_kinds(&self, kinds: &[(&Candidates, usize)]) -> Result<Linked, CasesError> {
        let Some((first, _)) = kinds.first() else {
            return Err(CasesError::argument("kind", "a kind of case or more", "none"));
        };
        if kinds.iter().any(|(_, n)| *n == 0) {
            return Err(CasesError::argument("kind", "1 case or more of each kind", "0"));
        }
        if kinds.iter().any(|(own, _)| own.pairs.is_some()) {
            let expected = "kinds that choose persons; pairs are chosen alone";
            return Err(CasesError::argument("kind", expected, "a kind that chooses pairs"));
        }
        let same = |own: &Candidates| own.table == first.table && own.id == first.id;
        if kinds.iter().any(|(own, _)| !same(own)) {
            let expected = "kinds of one source and one table";
            return Err(CasesError::argument("kind", expected, "different tables"));
        }
        first.table.require_rows("source")?;
        let (own, wanted): (Vec<&Candidates>, Vec<usize>) = kinds.iter().copied().unzip();
        self.filled(&own, &wanted)
    }

    fn filled(&self, kinds: &[&Candidates], wanted: &[usize]) -> Result<Linked, CasesError> {
        let orders: Vec<Vec<u32>> = kinds.iter().map(|own| self.order(&own.scores)).collect();
        let fill = fill::Fill::new(kinds, &self.quotas, &orders)?;
        let taken = fill.take(wanted, self.reserves)?;
        let listed: Vec<Listed> = taken.listed;
        let scored = |row: usize| kinds.iter().any(|own| own.scores[row].is_some());
        let left = (0..kinds[0].table.n_rows()).filter(|&row| scored(row)).count() - listed.len();
        let mut step = self.step(kinds, listed.len(), left).tied(
            "candidates with the score of the last one chosen",
            taken.tied,
            "a draw from the seed, then the row number",
        );
        for note in taken.notes {
            step = step.note(note);
        }
        self.finish(kinds, &listed, step)
    }

    fn paired(&self, candidates: &Candidates, pairs: &Pairing) -> Result<Linked, CasesError> {
        if !self.n.is_multiple_of(2) {
            return Err(CasesError::argument("n", "an even number for pairs", self.n.to_string()));
        }
        let chosen = pairs.choose(&candidates.table, &self.quotas, self.n / 2, self.reserves)?;
        let listed: Vec<Listed> = chosen
            .pairs
            .iter()
            .flat_map(|pair| {
                [(pair.one, 2 * pair.at), (pair.other, 2 * pair.at + 1)].map(|(row, case)| Listed {
                    row,
                    case,
                    kind: 0,
                    pair: Some(pair.at),
                    score: pair.score,
                    reserve: pair.reserve,
                })
            })
            .collect();
        let left = candidates.table.n_rows() - listed.len();
        let mut step = self.step(&[candidates], listed.len(), left);
        for note in chosen.notes {
            step = step.note(note);
        }
        self.finish(&[candidates], &listed, step)
    }

    /// Candidates with a score, best first; ties by a draw, then by row.
    fn order(&self, scores: &[Option<f64>]) -> Vec<u32> {
        let seed = Seed::new(self.seed).stream(0x0CA5_E5E1);
        let mut keyed: Vec<(f64, u64, u32)> = scores
            .iter()
            .enumerate()
            .filter_map(|(row, score)| {
                score.map(|score| (score, seed.words([row as u64, 0, 0, 0])[0], row as u32))
            })
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        keyed.into_iter().map(|(_, _, row)| row).collect()
    }

    fn step(&self, kinds: &[&Candidates], chosen: usize, left: usize) -> Step {
        let rows = kinds[0].table.n_rows();
        let unscored = rows - chosen - left;
        let told: Vec<String> =
            kinds.iter().map(|own| format!("{}: {}", own.kind.name(), own.definition)).collect();
        let mut step = Step::new(
            "select",
            format!("{}; seed {}", told.join("; "), self.seed),
            Count::of(rows, rows),
            Count::of(chosen, chosen),
        )
        .exclude(kinds[0].unscored, Count::of(unscored, unscored))
        .exclude("not chosen", Count::of(left, left));
        for (at, own) in kinds.iter().enumerate() {
            let known = |note: &String| kinds[..at].iter().any(|other| other.notes.contains(note));
            for note in own.notes.iter().filter(|note| !known(note)) {
                step = step.note(note.clone());
            }
        }
        step
    }

    fn finish(
        &self,
        kinds: &[&Candidates],
        listed: &[Listed],
        step: Step,
    ) -> Result<Linked, CasesError> {
        let candidates = kinds[0];
        let rows: Vec<u32> = listed.iter().map(|one| one.row).collect();
        let protected = self.protect(kinds, &rows)?;
        let role = |one: &Listed| Some(if one.reserve { "reserve" } else { "case" });
        let id = candidates.table.column("id", &candidates.id)?.take(&rows);
        let mut table = Table::new([(candidates.id.as_str(), id)])?;
        table.push("case", Column::int(listed.iter().map(|one| one.case as i64 + 1).collect()))?;
        table.push("role", Column::text(listed.iter().map(role)))?;
        if kinds.len() > 1 {
            let kind = |one: &Listed| Some(kinds[one.kind].kind.name());
            table.push("kind", Column::text(listed.iter().map(kind)))?;
        }
        if listed.iter().any(|one| one.pair.is_some()) {
            let pair = |one: &Listed| one.pair.map(|pair| pair as i64 + 1);
            table.push("pair", Column::ints(&listed.iter().map(pair).collect::<Vec<_>>()))?;
        }
        table.push("score", Column::float(listed.iter().map(|one| one.score).collect()))?;
        for (name, column) in protected.columns {
            table.set(&name, column)?;
        }
        table.push("class_size", Column::int(protected.sizes))?;
        let mut step = step;
        if !protected.names.is_empty() {
            let names = protected.names.join(", ");
            step = step.note(format!(
                "printed: {names}; at least {} candidates share what is printed of a case; {} cells emptied for it",
                protected.smallest, protected.emptied
            ));
        }
        let account = candidates.account.clone().unwrap_or_else(|| Account::new("candidates"));
        Ok(Linked::new(table, account.then(step)))
    }

    fn protect(&self, kinds: &[&Candidates], rows: &[u32]) -> Result<Protected, CasesError> {
        let candidates = kinds[0];
        let mut names: Vec<String> = Vec::new();
        for name in kinds.iter().filter_map(|own| own.group.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in self.printed.iter().chain(self.quotas.iter().map(|quota| &quota.column)) {
            if name == &candidates.id {
                let expected = "columns that describe persons";
                return Err(CasesError::argument("printed", expected, "the identifier"));
            }
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        anonymity::protect(&candidates.table, &names, rows, self.k)
    }
}

/// One row of the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    pub(crate) row: u32,
    pub(crate) case: usize,
    pub(crate) kind: usize,
    pub(crate) pair: Option<usize>,
    pub(crate) score: f64,
    pub(crate) reserve: bool,
}

/// The groups of candidates, all in one unless all kinds have the same.
fn grouping(kinds: &[&Candidates]) -> Result<Coded, CasesError> {
    let first = kinds[0];
    match &first.group {
        Some(name) if kinds.iter().all(|own| own.group == first.group) => {
            Coded::named(&first.table, "source", name)
        }
        _ => {
            Ok(Coded { codes: vec![Some(0); first.table.n_rows()], labels: vec!["all".to_owned()] })
        }
    }
}
