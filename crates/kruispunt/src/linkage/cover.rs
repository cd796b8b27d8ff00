//! Blocking rules that are learned.

use super::blocking::Columns;
use super::coded::{Coded, MISSING, Sides};
use super::keys::{Keys, MISSING_KEY};
use super::linker::Linker;
use super::rule::{Key, Search};
use super::{LinkageError, Rule};
use crate::data::{Column, Table};
use rayon::prelude::*;

/// Rows beyond which the pairs of a rule are estimated from a sample.
const COUNTED: usize = 200_000;
/// Columns that may be keys of one rule.
const MOST_KEYS: usize = 3;

/// Learned blocking rules: what each finds and costs.
#[derive(Clone, Debug)]
pub struct Cover {
    rules: Vec<Rule>,
    table: Table,
}

impl Cover {
    /// The rules, the one that pays best first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// `rule`, `pairs` (estimated from a sample beyond 200,000 rows), `matches` it finds, `new`
    /// ones, and `found`, the share of the matches that the rules up to it find.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }
}

impl Linker {
    /// Learns which rules find the given matches in the fewest pairs: greedy set cover (Chvatal
    /// 1979; Bilenko, Kamath & Mooney 2006) over all rules of up to three keys, a key being a
    /// compared column, its first three letters (four digits of a date) or the sound of a name.
    /// Rules are added, the most new matches per pair first, until the share `recall` is found or
    /// no rule of at most `cap` pairs finds another.
    ///
    /// `matches` are pairs of rows that are known to be one person, or that a trained linker is
    /// sure of; what its own rules cannot find, no rule learned from them is known to find.
    ///
    /// # Errors
    ///
    /// [`LinkageError::NoComparisons`], [`LinkageError::Data`], [`LinkageError::OutOfRange`] for a
    /// row that does not exist, [`LinkageError::BadLabels`] without matches,
    /// [`LinkageError::BadArgument`] for a `recall` that is no share,
    /// [`LinkageError::Cancelled`].
    pub fn learn_rules(
        &self,
        left: &Table,
        right: &Table,
        matches: &[(usize, usize)],
        recall: f64,
        cap: u64,
    ) -> Result<Cover, LinkageError> {
        self.cover(Sides::two(left, right), matches, recall, cap)
    }

    /// As [`learn_rules`](Self::learn_rules), for pairs of rows of one table.
    ///
    /// # Errors
    ///
    /// As [`learn_rules`](Self::learn_rules).
    pub fn learn_rules_dedupe(
        &self,
        table: &Table,
        matches: &[(usize, usize)],
        recall: f64,
        cap: u64,
    ) -> Result<Cover, LinkageError> {
        let sources = self.sources(table)?;
        self.cover(Sides::one(table, Self::only(&sources)), matches, recall, cap)
    }

    fn cover(
        &self,
        sides: Sides<'_>,
        matches: &[(usize, usize)],
        recall: f64,
        cap: u64,
    ) -> Result<Cover, LinkageError> {
        if self.comparisons.is_empty() {
            return Err(LinkageError::NoComparisons);
        }
        if !(recall > 0.0 && recall <= 1.0) {
            let expected = "a share above 0 and at most 1";
            return Err(LinkageError::BadArgument { argument: "recall", got: recall, expected });
        }
        sides.left.require_rows("left")?;
        sides.right.require_rows("right")?;
        let (n, m) = (sides.left.n_rows(), sides.right.n_rows());
        for &(l, r) in matches {
            for (got, n) in [(l, n), (r, m)] {
                if got >= n {
                    return Err(LinkageError::OutOfRange { argument: "matches", got, n });
                }
            }
        }
        if matches.is_empty() {
            return Err(LinkageError::BadLabels { why: "there is no match to find" });
        }
        let comparers = self.comparers(sides)?;
        let keys = self.keys();
        let columns = Columns::new(sides, &[], &self.comparisons, &comparers)?;
        let keyed: Vec<Keyed<'_>> = keys.iter().map(|key| columns.places(key)).collect();
        let rules = candidate_rules(&keys, &keyed, matches);
        let step = (n.max(m)).div_ceil(COUNTED).max(1);
        self.ticket.stage("counting pairs of rules", rules.len() as u64);
        let priced: Vec<(Vec<usize>, Vec<u32>, u64)> = rules
            .into_par_iter()
            .map(|(of, found)| {
                if self.ticket.is_cancelled() {
                    return Err(LinkageError::Cancelled);
                }
                let pairs = price(sides, &keyed, &of, step);
                self.ticket.advance(1);
                Ok((of, found, pairs))
            })
            .collect::<Result<_, _>>()?;
        let mut open = vec![true; matches.len()];
        let mut total = 0_usize;
        let (mut chosen, mut told) = (Vec::new(), Vec::new());
        while (total as f64) < recall * matches.len() as f64 {
            let gain = |found: &[u32]| found.iter().filter(|&&at| open[at as usize]).count();
            let best = priced
                .iter()
                .enumerate()
                .filter(|(_, (_, _, pairs))| *pairs <= cap)
                .map(|(at, (_, found, pairs))| {
                    (at, gain(found), (*pairs).max(1) + n.max(m) as u64 / 10)
                })
                .filter(|(_, gain, _)| *gain > 0)
                .max_by(|a, b| {
                    let ratio = |one: &(usize, usize, u64)| one.1 as f64 / one.2 as f64;
                    ratio(a).total_cmp(&ratio(b)).then(a.1.cmp(&b.1)).then(b.0.cmp(&a.0))
                });
            let Some((at, new, _)) = best else { break };
            let (of, found, pairs) = &priced[at];
            for &own in found {
                open[own as usize] = false;
            }
            total += new;
            let keys = of.iter().map(|&key| keys[key].clone()).collect();
            chosen.push(Rule { keys, search: Search::Equal });
            told.push((*pairs as i64, found.len() as i64, new as i64, total));
        }
        let names: Vec<String> = chosen.iter().map(ToString::to_string).collect();
        let share = |total: usize| total as f64 / matches.len() as f64;
        let table = Table::new([
            ("rule", Column::text(names.iter().map(|name| Some(name.as_str())))),
            ("pairs", Column::int(told.iter().map(|own| own.0).collect())),
            ("matches", Column::int(told.iter().map(|own| own.1).collect())),
            ("new", Column::int(told.iter().map(|own| own.2).collect())),
            ("found", Column::float(told.iter().map(|own| share(own.3)).collect())),
        ])?;
        Ok(Cover { rules: chosen, table })
    }

    /// What may be a key.
    fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for own in self.comparisons.iter().filter(|own| own.is_plain()) {
            let column = own.column().to_owned();
            let key = |first, sound| Key { column: column.clone(), first, sound };
            keys.push(key(None, false));
            match own.kind() {
                "name" | "person" => keys.extend([key(Some(3), false), key(None, true)]),
                "date" => keys.push(key(Some(4), false)),
                "exact" | "numeric" => {}
                _ => keys.push(key(Some(3), false)),
            }
        }
        keys
    }
}

/// A key at work: the codes of its column, the key of each code and how many keys there may be.
type Keyed<'a> = (&'a Coded, (Vec<u32>, u64));

/// Rules of up to three keys of different columns that find a match, with those they find.
fn candidate_rules(
    keys: &[Key],
    keyed: &[Keyed<'_>],
    matches: &[(usize, usize)],
) -> Vec<(Vec<usize>, Vec<u32>)> {
    let agree: Vec<Vec<bool>> = keyed
        .iter()
        .map(|(coded, (place, _))| {
            let of = |code: u32| place.get(code as usize).copied().unwrap_or(MISSING);
            let each = matches.iter().map(|&(l, r)| {
                let (a, b) = (of(coded.left.get(l as u32)), of(coded.right().get(r as u32)));
                a != MISSING && a == b
            });
            each.collect()
        })
        .collect();
    let all = (0..matches.len() as u32).collect();
    let mut rules: Vec<(Vec<usize>, Vec<u32>)> = vec![(Vec::new(), all)];
    let mut from = 0;
    for _ in 0..MOST_KEYS {
        let to = rules.len();
        let mut more = Vec::new();
        for (of, found) in &rules[from..to] {
            let next = of.last().map_or(0, |last| last + 1);
            for key in next..keys.len() {
                if of.iter().any(|&own: &usize| keys[own].column == keys[key].column) {
                    continue;
                }
                let own: Vec<u32> =
                    found.iter().copied().filter(|&at| agree[key][at as usize]).collect();
                if !own.is_empty() {
                    let mut of = of.clone();
                    of.push(key);
                    more.push((of, own));
                }
            }
        }
        from = to;
        rules.extend(more);
    }
    rules.remove(0);
    rules
}

/// Pairs of a rule; of every `step`th row of each side, scaled up.
fn price(sides: Sides<'_>, keyed: &[Keyed<'_>], of: &[usize], step: usize) -> u64 {
    let (n, m) = (sides.left.n_rows(), sides.right.n_rows());
    let mut own = Keys::new(n, if sides.dedupe { 0 } else { m });
    for &key in of {
        let (coded, (place, n)) = &keyed[key];
        own.add(coded, (place, *n));
    }
    if step > 1 {
        for keys in [&mut own.left, &mut own.right] {
            let dropped = keys.iter_mut().enumerate().filter(|(row, _)| row % step != 0);
            dropped.for_each(|(_, key)| *key = MISSING_KEY);
        }
    }
    let pairs = own.index(sides.dedupe, sides.only).pairs;
    pairs.saturating_mul((step * step) as u64)
}
