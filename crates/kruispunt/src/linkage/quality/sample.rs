//! Which pairs a person should look at.

use crate::data::{Column, Links, Seed, Table};
use crate::linkage::LinkageError;
use crate::linkage::links::Groups;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

/// Where classes of probability end.
const EDGES: [f64; 9] = [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0];
/// The version of a stored sample.
const VERSION: u64 = 1;

/// A designer of clerical samples: how many pairs, from which classes.
///
/// Pairs are in strata: linked or not, class of probability, group. The number drawn from a stratum
/// follows Neyman (1934), `n_h ~ N_h sqrt(v_h)` with `v_h = mean p (1 - p) + doubt (1 - doubt)` from
/// the model's own probabilities, so that the pairs about which it is unsure are looked at most,
/// and those about which it is sure not never. Links get one half and pairs that were not linked the
/// other, as far as there are any, so that precision and recall are both told; with groups, each
/// gets a share of a half that grows with the square root of what it would get.
///
/// ```
/// use kruispunt::data::{Account, Links};
/// use kruispunt::linkage::Clerical;
/// let links = Links::certain((0..500).map(|row| (row, row)).collect(), 500, 500, Account::default());
/// let sample = Clerical::new().size(40).draw(&links, None, None)?;
/// assert_eq!(sample.len(), 40);
/// # Ok::<(), kruispunt::linkage::LinkageError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Clerical {
    size: usize,
    least: usize,
    doubt: f64,
    seed: Seed,
}

impl Default for Clerical {
    fn default() -> Self {
        Self { size: 300, least: 5, doubt: 0.005, seed: Seed::new(1) }
    }
}

/// A stratum: which pairs it holds and how many of them were drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stratum {
    pub(super) group: u32,
    pub(super) linked: bool,
    /// Class of probability.
    class: usize,
    pub(super) pairs: u64,
    /// Mean probability.
    pub(super) mean: f64,
    /// Mean of p (1 - p).
    spread: f64,
    pub(super) drawn: u64,
}

/// Pairs drawn for a person to look at, with what is needed to turn answers into rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClericalSample {
    version: u64,
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    pub(super) probability: Vec<f64>,
    pub(super) stratum: Vec<u32>,
    pub(super) strata: Vec<Stratum>,
    pub(super) groups: Vec<Option<String>>,
    /// Share of the matches that the rules find, where a model says so and pairs that were not
    /// linked are in the sample.
    pub(super) completeness: Option<f64>,
    pub(super) n_left: usize,
    pub(super) n_right: usize,
    pub(super) within: bool,
    doubt: f64,
}

/// A pair before it is drawn.
#[derive(Clone, Copy)]
struct Pair {
    left: u32,
    right: u32,
    probability: f64,
    linked: bool,
    group: u32,
}

impl Pair {
    fn class(&self) -> usize {
        EDGES[1..EDGES.len() - 1].partition_point(|&edge| edge <= self.probability)
    }
}

impl Clerical {
    /// 300 pairs, at least five a stratum where they go, `doubt` 0.005.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pairs are drawn; all, where there are fewer.
    pub const fn size(mut self, pairs: usize) -> Self {
        self.size = pairs;
        self
    }

    /// The share of the pairs of any stratum on which the model may be plainly wrong.
    pub const fn doubt(mut self, share: f64) -> Self {
        self.doubt = share;
        self
    }

    /// The seed of the draw.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed::new(seed);
        self
    }

    /// Draws pairs of `links` and, where `compared` is given, pairs of it that were not linked, so
    /// that missed matches are seen too. `by` has one value for each left row.
    ///
    /// Where the links use every right row (left row) once, a pair that was not linked and shares a
    /// row with a link is taken as at most as probable as that link is wrong.
    ///
    /// # Errors
    ///
    /// [`LinkageError::BadArgument`] for a size below the number of strata or a doubt outside its
    /// range, [`LinkageError::OutOfRange`] when `compared` or `by` is of other tables.
    pub fn draw(
        &self,
        links: &Links,
        compared: Option<&Links>,
        by: Option<&Column>,
    ) -> Result<ClericalSample, LinkageError> {
        let bad =
            |argument, got, expected| Err(LinkageError::BadArgument { argument, got, expected });
        if !(self.doubt > 0.0 && self.doubt < 1.0) {
            return bad("doubt", self.doubt, "a share between 0 and 1, such as 0.005");
        }
        if self.size == 0 {
            return bad("n", 0.0, "at least one pair");
        }
        if let Some(other) = compared {
            for (got, n) in [(other.n_left(), links.n_left()), (other.n_right(), links.n_right())] {
                if got != n {
                    return Err(LinkageError::OutOfRange { argument: "compared", got, n });
                }
            }
        }
        let groups = Groups::new(by, links.n_left())?;
        let pairs = all_pairs(links, compared, &groups);
        let (mut strata, of) = strata(&pairs);
        if self.size < strata.len() && self.size < pairs.len() {
            return bad("n", self.size as f64, "at least one pair for each stratum; ask for more");
        }
        self.allocate(&mut strata, groups.len());
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); strata.len()];
        (0_u32..).zip(&of).for_each(|(at, &stratum)| members[stratum as usize].push(at));
        let mut drawn: Vec<u32> = Vec::new();
        for (own, stratum) in members.iter_mut().zip(&strata) {
            own.sort_by_cached_key(|&at| (self.number(&pairs[at as usize], 77), at));
            drawn.extend(own.iter().take(stratum.drawn as usize));
        }
        // Looked at in an order that says nothing about the stratum.
        drawn.sort_by_cached_key(|&at| (self.number(&pairs[at as usize], 78), at));
        let pair = |&at: &u32| pairs[at as usize];
        Ok(ClericalSample {
            version: VERSION,
            left: drawn.iter().map(|at| pair(at).left).collect(),
            right: drawn.iter().map(|at| pair(at).right).collect(),
            probability: drawn.iter().map(|at| pair(at).probability).collect(),
            stratum: drawn.iter().map(|&at| of[at as usize]).collect(),
            strata,
            groups: groups.labels().to_vec(),
            completeness: compared.and(links.weighing()).map(|own| own.completeness),
            n_left: links.n_left(),
            n_right: links.n_right(),
            within: links.is_within(),
            doubt: self.doubt,
        })
    }

    /// A random number for a pair that does not depend on the others.
    fn number(&self, pair: &Pair, stream: u64) -> u64 {
        self.seed.words([u64::from(pair.left), u64::from(pair.right), stream, 0])[0]
    }

    /// How many pairs are drawn from each stratum.
    fn allocate(&self, strata: &mut [Stratum], groups: usize) {
        let total: u64 = strata.iter().map(|own| own.pairs).sum();
        let size = (self.size as u64).min(total);
        let need = |own: &Stratum| own.pairs as f64 * own.sd(self.doubt);
        // By group, linked pairs and others.
        let place = |own: &Stratum| 2 * own.group as usize + usize::from(!own.linked);
        let mut needs = vec![0.0_f64; 2 * groups];
        for own in &*strata {
            needs[place(own)] += need(own);
        }
        let roots = |open: usize| -> f64 {
            needs.iter().skip(open).step_by(2).map(|sum| sum.sqrt()).sum::<f64>()
        };
        let sides = [roots(0), roots(1)];
        let want: Vec<f64> = strata
            .iter()
            .map(|own| {
                let (sum, side) = (needs[place(own)], sides[usize::from(!own.linked)]);
                need(own) / (sum.sqrt() * side)
            })
            .collect();
        let least = (size / (2 * strata.len().max(1)) as u64).clamp(1, self.least as u64);
        let mut given: Vec<u64> = strata.iter().map(|own| own.pairs.min(least)).collect();
        // One pair at a time to the stratum that is furthest behind; sizes are a few thousand.
        let mut left = size.saturating_sub(given.iter().sum());
        while left > 0 {
            let behind = |at: usize| want[at] / (given[at] as f64 + 0.5);
            let open = (0..given.len()).filter(|&at| given[at] < strata[at].pairs);
            let best = open.reduce(|a, b| if behind(b) > behind(a) { b } else { a });
            let Some(best) = best else { break };
            // Large samples are given out in steps of a thousandth.
            let step = (left / 1000).max(1).min(strata[best].pairs - given[best]);
            given[best] += step;
            left -= step;
        }
        strata.iter_mut().zip(given).for_each(|(own, given)| own.drawn = given);
    }
}

impl Stratum {
    fn sd(&self, doubt: f64) -> f64 {
        (self.spread + doubt * (1.0 - doubt)).sqrt()
    }
}

/// The pairs that may be drawn, by left row and right row.
fn all_pairs(links: &Links, compared: Option<&Links>, groups: &Groups) -> Vec<Pair> {
    let group = |left: u32| groups.of[left as usize] as u32;
    let each = |of: &Links, linked: bool| -> Vec<Pair> {
        let rows = of.left_rows().iter().zip(of.right_rows()).zip(of.probabilities());
        rows.map(|((&left, &right), &probability)| Pair {
            left,
            right,
            probability,
            linked,
            group: group(left),
        })
        .collect()
    };
    let mut pairs = each(links, true);
    let Some(compared) = compared else { return pairs };
    let known: FxHashSet<(u32, u32)> = pairs.iter().map(|pair| (pair.left, pair.right)).collect();
    // What a linked row leaves to its other pairs; 1 where rows may have several links.
    let room = |rows: &[u32], n: usize| {
        let mut room = vec![1.0_f64; n];
        let mut count = vec![0_u32; n];
        for (&row, &sure) in rows.iter().zip(links.probabilities()) {
            room[row as usize] = 1.0 - sure;
            count[row as usize] += 1;
        }
        let once = !links.is_within() && count.iter().all(|&count| count <= 1);
        if once { room } else { vec![1.0; n] }
    };
    let rooms =
        (room(links.left_rows(), links.n_left()), room(links.right_rows(), links.n_right()));
    let rest = each(compared, false).into_iter();
    pairs.extend(rest.filter(|pair| !known.contains(&(pair.left, pair.right))).map(|pair| {
        let most = rooms.0[pair.left as usize].min(rooms.1[pair.right as usize]);
        Pair { probability: pair.probability.min(most), ..pair }
    }));
    pairs.sort_unstable_by_key(|pair| (pair.left, pair.right));
    pairs
}

/// The strata that hold pairs, and the stratum of each pair.
fn strata(pairs: &[Pair]) -> (Vec<Stratum>, Vec<u32>) {
    let key = |pair: &Pair| (pair.group, !pair.linked, pair.class());
    let mut keys: Vec<_> = pairs.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut strata: Vec<Stratum> = keys
        .iter()
        .map(|&(group, open, class)| Stratum {
            group,
            linked: !open,
            class,
            pairs: 0,
            mean: 0.0,
            spread: 0.0,
            drawn: 0,
        })
        .collect();
    let mut of = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let at = keys.binary_search(&key(pair)).unwrap_or_default();
        let own = &mut strata[at];
        own.pairs += 1;
        own.mean += pair.probability;
        own.spread += pair.probability * (1.0 - pair.probability);
        of.push(at as u32);
    }
    for own in &mut strata {
        own.mean /= own.pairs as f64;
        own.spread /= own.pairs as f64;
    }
    (strata, of)
}

impl ClericalSample {
    /// Number of pairs drawn.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether none was drawn.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The pairs, in the order in which they should be looked at: `left_row`, `right_row`,
    /// `linked`, `probability`, `group`, `stratum` and `weight` (pairs of the stratum for each that
    /// was drawn).
    ///
    /// # Errors
    ///
    /// None in practice; [`LinkageError::Data`] when a table cannot be made.
    pub fn pairs(&self) -> Result<Table, LinkageError> {
        let own = |at: usize| &self.strata[self.stratum[at] as usize];
        let all = 0..self.len();
        let rows = |rows: &[u32]| Column::int(rows.iter().map(|&row| i64::from(row)).collect());
        let weight = |at: usize| own(at).pairs as f64 / own(at).drawn as f64;
        Ok(Table::new([
            ("left_row", rows(&self.left)),
            ("right_row", rows(&self.right)),
            ("linked", Column::bool(all.clone().map(|at| own(at).linked).collect())),
            ("probability", Column::float(self.probability.clone())),
            (
                "group",
                Column::text(all.clone().map(|at| self.groups[own(at).group as usize].as_deref())),
            ),
            ("stratum", rows(&self.stratum)),
            ("weight", Column::float(all.map(weight).collect::<Vec<_>>())),
        ])?)
    }

    /// The design: `stratum`, `group`, `linked`, `low` and `high` (class of probability), `pairs`,
    /// `drawn` and `mean_probability`.
    ///
    /// # Errors
    ///
    /// As [`pairs`](Self::pairs).
    pub fn design(&self) -> Result<Table, LinkageError> {
        let all = &self.strata;
        let whole = |with: &dyn Fn(&Stratum) -> u64| {
            Column::int(all.iter().map(|own| with(own) as i64).collect())
        };
        let real = |with: &dyn Fn(&Stratum) -> f64| {
            Column::float(all.iter().map(with).collect::<Vec<_>>())
        };
        let group = |own: &Stratum| self.groups[own.group as usize].as_deref();
        Ok(Table::new([
            ("stratum", Column::int((0..all.len() as i64).collect())),
            ("group", Column::text(all.iter().map(group))),
            ("linked", Column::bool(all.iter().map(|own| own.linked).collect())),
            ("low", real(&|own| EDGES[own.class])),
            ("high", real(&|own| EDGES[own.class + 1])),
            ("pairs", whole(&|own| own.pairs)),
            ("drawn", whole(&|own| own.drawn)),
            ("mean_probability", real(&|own| own.mean)),
        ])?)
    }

    /// What the sample is expected to tell before anyone has looked: by group `precision`,
    /// `precision_error`, `recall` and `recall_error`, the half widths of 95 percent intervals if
    /// the model were right but for its doubt. Ask for more pairs where they are too wide.
    ///
    /// # Errors
    ///
    /// As [`pairs`](Self::pairs).
    pub fn forecast(&self) -> Result<Table, LinkageError> {
        let domains = self.domains();
        let rows: Vec<[Option<f64>; 4]> =
            domains.iter().map(|(_, group)| self.foreseen(*group)).collect();
        let each = |at: usize| Column::floats(&rows.iter().map(|row| row[at]).collect::<Vec<_>>());
        Ok(Table::new([
            ("group", Column::text(domains.iter().map(|(label, _)| label.as_deref()))),
            ("precision", each(0)),
            ("precision_error", each(1)),
            ("recall", each(2)),
            ("recall_error", each(3)),
        ])?)
    }

    fn foreseen(&self, group: Option<u32>) -> [Option<f64>; 4] {
        // Pairs, expected matches and variance of their estimate, linked and not.
        let (mut n, mut sum, mut variance) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        for own in self.strata.iter().filter(|own| group.is_none_or(|group| own.group == group)) {
            let at = usize::from(!own.linked);
            let (pairs, drawn) = (own.pairs as f64, own.drawn.max(1) as f64);
            n[at] += pairs;
            sum[at] += pairs * own.mean;
            variance[at] +=
                pairs * pairs * own.sd(self.doubt).powi(2) / drawn * (1.0 - drawn / pairs);
        }
        let z = super::interval::Z;
        let precision = (n[0] > 0.0).then(|| sum[0] / n[0]);
        let error = (n[0] > 0.0).then(|| z * variance[0].max(0.0).sqrt() / n[0]);
        let all = sum[0] + sum[1];
        let both = (n[1] > 0.0 && all > 0.0).then(|| {
            let slopes = [sum[1] / (all * all), sum[0] / (all * all)];
            let variance = slopes[0].powi(2) * variance[0] + slopes[1].powi(2) * variance[1];
            (sum[0] / all, z * variance.max(0.0).sqrt())
        });
        [precision, error, both.map(|own| own.0), both.map(|own| own.1)]
    }

    /// All pairs together, then each group where there are several.
    pub(super) fn domains(&self) -> Vec<(Option<String>, Option<u32>)> {
        let mut domains = vec![(Some("all".to_owned()), None)];
        if self.groups.len() > 1 {
            let each = self.groups.iter().zip(0_u32..);
            domains.extend(each.map(|(label, at)| (label.clone(), Some(at))));
        }
        domains
    }

    /// The sample as JSON with a version. It holds row numbers and group labels, no other value.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`] when a number cannot be written.
    pub fn to_json(&self) -> Result<String, LinkageError> {
        serde_json::to_string(self).map_err(|error| stored("sample", &error.to_string()))
    }

    /// A sample from [`to_json`](Self::to_json).
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`] when it cannot be read, is of another version or does not fit
    /// itself.
    pub fn from_json(text: &str) -> Result<Self, LinkageError> {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| stored("sample", &format!("not JSON at line {}", error.line())))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if version != Some(VERSION) {
            let got = version.map_or("none".to_owned(), |version| version.to_string());
            let why = format!("it has version {got}; this version of kruispunt reads {VERSION}");
            return Err(stored("sample", &why));
        }
        let sample: Self = serde_json::from_value(value)
            .map_err(|_| stored("sample", "a part is missing or of the wrong type"))?;
        let n = sample.left.len();
        let fits = [sample.right.len(), sample.probability.len(), sample.stratum.len()]
            .iter()
            .all(|&len| len == n)
            && sample.stratum.iter().all(|&at| (at as usize) < sample.strata.len())
            && sample.strata.iter().all(|own| {
                (own.group as usize) < sample.groups.len()
                    && own.class + 1 < EDGES.len()
                    && own.drawn <= own.pairs
            })
            && sample.left.iter().all(|&row| (row as usize) < sample.n_left)
            && sample.right.iter().all(|&row| (row as usize) < sample.n_right);
        if fits { Ok(sample) } else { Err(stored("sample", "its parts do not fit each other")) }
    }
}

fn stored(what: &str, why: &str) -> LinkageError {
    LinkageError::Stored { reason: format!("the {what}: {why}") }
}
