//! What pairs of rows weigh.

use super::LinkageError;
use super::coded::Sides;
use super::comparer::Comparer;
use super::counted::ALONE;
use super::linker::{Linker, Model};
use super::pairs::Pairs;
use super::rarity::Rarity;
use crate::data::{Evidence, GroupWeighing, Together};
use crate::math::em::NULL;
use rustc_hash::FxHashMap;

/// Weights of levels and of rare values, of all rows and of groups.
pub(super) struct Scorer<'a> {
    pub(super) pairs: &'a Pairs,
    /// The model of all rows first.
    pub(super) sets: Vec<Weights>,
    /// The set of each left row, empty where all have the first; in one table, of each row.
    of_left: Vec<u16>,
    names: Vec<(String, Vec<Evidence>)>,
}

/// One model's weights.
pub(super) struct Weights {
    pub(super) prior: f64,
    /// log2 m/u by comparison and level.
    pub(super) levels: Vec<Vec<f64>>,
    /// Levels from the top that rare values adjust.
    adjusted: Vec<u8>,
    /// Comparisons with such levels.
    rare: Vec<usize>,
    /// Adjustments for the values.
    pub(super) rarity: Vec<Option<Rarity>>,
    /// `log2 c_m / c_u` of comparisons that go together.
    pub(super) ties: Vec<Together>,
}

impl Weights {
    /// The weights of a model; `group` are the rows that it is about.
    pub(super) fn new(
        linker: &Linker,
        model: &Model,
        comparers: &[Comparer],
        dedupe: bool,
        group: Option<(&[u16], u16)>,
    ) -> Self {
        let log = |m: &[f64], u: &[f64]| m.iter().zip(u).map(|(m, u)| (m / u).log2()).collect();
        let rarity = linker.comparisons.iter().zip(comparers).zip(&model.learned);
        Self {
            prior: (model.lambda / (1.0 - model.lambda)).log2(),
            levels: model.learned.iter().map(|learned| log(&learned.m, &learned.u)).collect(),
            adjusted: linker.comparisons.iter().map(super::Comparison::adjusted).collect(),
            rare: (0..linker.comparisons.len())
                .filter(|&k| linker.comparisons[k].adjusted() > 0)
                .collect(),
            rarity: rarity
                .map(|((comparison, comparer), learned)| {
                    let rarity = || Rarity::new(comparison, comparer, &learned.u, dedupe, group);
                    (comparison.adjusted() > 0).then(rarity)
                })
                .collect(),
            ties: model
                .dependence
                .iter()
                .filter(|own| own.used())
                .map(|own| Together {
                    at: own.at,
                    width: model.learned[own.at.1].m.len(),
                    bits: own.ratio().iter().map(|ratio| ratio.log2()).collect(),
                })
                .collect(),
        }
    }

    /// The adjustment of comparison `k` for the frequency of the values with these codes.
    fn adjustment(&self, k: usize, level: u8, a: u32, b: u32) -> f64 {
        let own = self.rarity[k].as_ref().filter(|_| level < self.adjusted[k]);
        own.map_or(0.0, |own| own.bits(level, a, b))
    }
}

impl<'a> Scorer<'a> {
    pub(super) fn new(
        linker: &Linker,
        model: &Model,
        pairs: &'a Pairs,
        sides: Sides<'_>,
    ) -> Result<Self, LinkageError> {
        let weights = |model: &Model, group: Option<(&[u16], u16)>| {
            Weights::new(linker, model, &pairs.comparers, sides.dedupe, group)
        };
        let mut own = Self { pairs, sets: Vec::new(), of_left: Vec::new(), names: Vec::new() };
        own.sets.push(weights(model, None));
        let groups = if model.groups.is_empty() { None } else { linker.groups_of(sides)? };
        let Some((codes, names)) = groups else { return Ok(own) };
        let known: FxHashMap<&str, &Model> =
            model.groups.iter().map(|(name, model)| (name.as_str(), model)).collect();
        let mut place = vec![0_u16; names.len()];
        for ((code, name), place) in (0_u16..).zip(&names).zip(&mut place) {
            if let Some(model) = known.get(name.as_str()) {
                *place = own.sets.len() as u16;
                own.sets.push(weights(model, Some((&codes, code))));
                let evidence =
                    linker.comparisons.iter().zip(&model.learned).map(|(own, learned)| Evidence {
                        comparison: own.column().to_owned(),
                        labels: own.labels(),
                        m: learned.m.clone(),
                        u: learned.u.clone(),
                    });
                own.names.push((name.clone(), evidence.collect()));
            }
        }
        let of = |&code: &u16| place.get(code as usize).copied().unwrap_or_default();
        own.of_left = codes.iter().map(|code| if *code == ALONE { 0 } else { of(code) }).collect();
        Ok(own)
    }

    /// The place of the weights of a pair: in one table, its rows must be of one group.
    pub(super) fn set(&self, left: u32, right: u32) -> usize {
        if self.of_left.is_empty() {
            return 0;
        }
        let own = self.of_left[left as usize];
        let apart = self.pairs.is_one_table() && self.of_left[right as usize] != own;
        if apart { 0 } else { usize::from(own) }
    }

    /// The adjustment of comparison `k` for the frequency of the values with these codes.
    pub(super) fn adjustment(&self, set: usize, k: usize, level: u8, a: u32, b: u32) -> f64 {
        self.sets[set].adjustment(k, level, a, b)
    }

    /// Match weight in bits of a pair with `pattern`, the prior included.
    pub(super) fn weight(&self, pattern: u64, left: u32, right: u32) -> f64 {
        let set = self.set(left, right);
        self.base(set, pattern) + self.rare(set, pattern, left, right)
    }

    /// What the levels of a pattern weigh, the prior included, all values as common as usual.
    pub(super) fn base(&self, set: usize, pattern: u64) -> f64 {
        let own = &self.sets[set];
        let mut weight = own.prior;
        for tie in &own.ties {
            weight += tie.of(|k| self.pairs.layout().level(pattern, k));
        }
        for (k, levels) in own.levels.iter().enumerate() {
            let level = self.pairs.layout().level(pattern, k);
            if level != NULL {
                weight += levels[level as usize];
            }
        }
        weight
    }

    /// What the values of a pair add by how rare they are.
    pub(super) fn rare(&self, set: usize, pattern: u64, left: u32, right: u32) -> f64 {
        let own = &self.sets[set];
        let mut bits = 0.0;
        // Codes of the rows are looked up only where they matter.
        let mut codes: Option<(&[u32], &[u32])> = None;
        for &k in &own.rare {
            let level = self.pairs.layout().level(pattern, k);
            if level < own.adjusted[k] {
                let (a, b) =
                    codes.get_or_insert_with(|| (self.pairs.left(left), self.pairs.right(right)));
                bits += own.adjustment(k, level, a[k], b[k]);
            }
        }
        bits
    }

    /// What groups of their own weigh by, for the links.
    pub(super) fn own_groups(&self) -> Vec<GroupWeighing> {
        let each = self.names.iter().zip(&self.sets[1..]);
        each.map(|((name, evidence), own)| GroupWeighing {
            group: name.clone(),
            prior: own.prior,
            evidence: evidence.clone(),
            together: own.ties.clone(),
        })
        .collect()
    }

    /// For each pair the place of its group's weights plus one, 0 for those of all rows; empty
    /// where no group has its own.
    pub(super) fn groups_of(&self, pairs: impl Iterator<Item = (u32, u32)>) -> Vec<u16> {
        if self.of_left.is_empty() {
            return Vec::new();
        }
        pairs.map(|(left, right)| self.set(left, right) as u16).collect()
    }
}
