//! Training: u from frequencies, m by expectation-maximisation, lambda from completeness.

use super::blocking::place;
use super::carried::independent;
use super::coded::Sides;
use super::comparer::Comparer;
use super::counted::{Counted, Run};
use super::dependence::{Dependence, Learnt};
use super::lambda::{Union, found_share};
use super::linker::{Assignment, Learned, Linker, Model};
use super::pairs::Pairs;
use super::shares::Shares;
use super::{Labels, LinkageError};
use crate::data::Table;
use crate::math::em::{self, Shape, Tie};

/// Pairs given beforehand to every level of m, unless told.
const PRIOR: f64 = 0.1;
/// Expected matches of all rows that a group's m begins with.
const SHARED: f64 = 20.0;
/// Rows from which a group has m and u of its own.
const GROUP: usize = 50;
/// Expected matches found, over the most there can be, beyond which something is wrong. Fields that
/// depend on each other inflate the expectation by some tens of percent where most rows have a match.
const OVER: f64 = 1.5;
/// Bits by which matches must differ from other pairs.
const SEPARATED: f64 = 2.0;
/// Pairs of a rule of one column from which it tells how many equal pairs are no matches.
const ENOUGH: u64 = 200;
/// Rounds in which u gives back the matches in it.
const ROUNDS: usize = 4;
/// Rounds in which dependence and all else teach each other.
const TREES: usize = 2;

impl Linker {
    /// Learns from the pairs of `left` and `right` and gives the trained linker back.
    ///
    /// # Errors
    ///
    /// [`LinkageError::NoComparisons`], [`LinkageError::NoBlocking`], [`LinkageError::Data`],
    /// [`LinkageError::NoPairs`], [`LinkageError::TooManyPairs`], [`LinkageError::GiantBlock`],
    /// [`LinkageError::BadLevels`], [`LinkageError::Untrainable`] (a comparison is part of every
    /// rule, or never present on both sides), [`LinkageError::Cancelled`].
    pub fn train(&self, left: &Table, right: &Table) -> Result<Self, LinkageError> {
        self.train_sides(Sides::two(left, right), None)
    }

    /// As [`train`](Self::train), with m from pairs whose status is known; u and the share of
    /// matches are learned as without.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train); [`LinkageError::Contradiction`] and [`LinkageError::BadLabels`]
    /// for labels that cannot be or do not teach, [`LinkageError::OutOfRange`].
    pub fn train_labelled(
        &self,
        left: &Table,
        right: &Table,
        labels: &Labels,
    ) -> Result<Self, LinkageError> {
        self.train_sides(Sides::two(left, right), Some(labels))
    }

    /// Learns from the pairs of rows of one table.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train).
    pub fn train_dedupe(&self, table: &Table) -> Result<Self, LinkageError> {
        let sources = self.sources(table)?;
        self.train_sides(Sides::one(table, Self::only(&sources)), None)
    }

    /// As [`train_labelled`](Self::train_labelled), for the rows of one table.
    ///
    /// # Errors
    ///
    /// As [`train_labelled`](Self::train_labelled).
    pub fn train_dedupe_labelled(
        &self,
        table: &Table,
        labels: &Labels,
    ) -> Result<Self, LinkageError> {
        let sources = self.sources(table)?;
        self.train_sides(Sides::one(table, Self::only(&sources)), Some(labels))
    }

    fn train_sides(&self, sides: Sides<'_>, labels: Option<&Labels>) -> Result<Self, LinkageError> {
        let pairs = self.read(sides)?;
        let groups = self.groups_of(sides)?;
        let (counted, compared) = self.count(&pairs, groups.as_ref().map(|own| &own.0[..]))?;
        let mut shapes = self.shapes();
        if let Some(labels) = labels {
            let m = self.labelled(&pairs, sides, labels)?;
            for (shape, m) in shapes.iter_mut().zip(m) {
                shape.fixed = m.into_iter().map(Some).collect();
            }
        }
        let pooled = counted.pooled();
        let lot = Lot { pairs: &pairs, sides, counted: &pooled, group: None, shapes: &shapes };
        let mut model = self.teach(&lot)?;
        if let Some((codes, names)) = &groups {
            for (own, name) in (0_u16..).zip(names) {
                let rows = codes.iter().filter(|&&code| code == own).count();
                let taught = if rows < GROUP {
                    Err(format!("it has fewer than {GROUP} rows"))
                } else {
                    let counted = counted.of(own);
                    let mut shapes = shapes.clone();
                    for (shape, learned) in shapes.iter_mut().zip(&model.learned) {
                        for (prior, m) in shape.prior.iter_mut().zip(&learned.m) {
                            *prior += SHARED * m;
                        }
                    }
                    let group = Some((&codes[..], own));
                    let lot =
                        Lot { pairs: &pairs, sides, counted: &counted, group, shapes: &shapes };
                    match self.teach(&lot) {
                        Ok(taught) => Ok(taught),
                        Err(LinkageError::Cancelled) => return Err(LinkageError::Cancelled),
                        Err(error) => Err(error.to_string()),
                    }
                };
                match taught {
                    Ok(taught) => model.groups.push((name.clone(), taught)),
                    Err(why) => model.notes.push(format!(
                        "group {} of {} has m and u of all rows: {why}",
                        own + 1,
                        names.len()
                    )),
                }
            }
        }
        let mut trained = self.clone();
        trained.model = Some(model);
        trained.keep(sides, pairs, compared);
        Ok(trained)
    }

    /// What m of each comparison must keep to.
    pub(super) fn shapes(&self) -> Vec<Shape> {
        let each = self.comparisons.iter().map(|own| {
            let n = own.n_levels();
            let free = Shape::free(n, PRIOR);
            let options = &own.options;
            Shape {
                prior: if options.prior.is_empty() { free.prior } else { options.prior.clone() },
                fixed: options.m.clone(),
                ordered: match (options.monotone, options.missing) {
                    (false, _) => 0,
                    (true, false) => n,
                    (true, true) => n - 2,
                },
            }
        });
        each.collect()
    }

    /// Learns a model of all rows or of one group of left rows.
    fn teach(&self, lot: &Lot<'_>) -> Result<Model, LinkageError> {
        let Lot { pairs, sides, counted, group, shapes } = *lot;
        let shares = self.shares(&pairs.comparers, sides.dedupe, group)?;
        let runs = self.runs(pairs, counted)?;
        let union = self.union(pairs, counted);
        let there: Vec<f64> = pairs.comparers.iter().map(|own| own.both_there(group)).collect();
        let rows = |n: usize| match group {
            None => n as f64,
            Some((codes, own)) => codes.iter().filter(|&&code| code == own).count() as f64,
        };
        let left = rows(sides.left.n_rows());
        let (right, all) = match (group, sides.dedupe) {
            (None, _) => (sides.right.n_rows() as f64, sides.pairs()),
            (Some(_), true) => (left, left * (left - 1.0) / 2.0),
            (Some(_), false) => (sides.right.n_rows() as f64, left * sides.right.n_rows() as f64),
        };
        let lesson = Lesson {
            rows: (left, right),
            pairs: all,
            dedupe: sides.dedupe,
            shares: &shares,
            runs: &runs,
            union: &union,
            there: &there,
            shapes,
        };
        let plain = self.learn(&lesson, Vec::new())?;
        if self.dependence == Dependence::Independent {
            return Ok(plain);
        }
        let (random, marked) = (self.random_pairs(pairs, sides), counted.marked());
        let mut model = plain.clone();
        for _ in 0..TREES {
            let found = self.dependence_of(pairs, &marked, &random, &model.learned, model.lambda);
            let again = found.iter().any(Learnt::used);
            model.dependence = found;
            if !again {
                break;
            }
            model = self.learn(&lesson, model.dependence)?;
        }
        let used = model.dependence.iter().any(Learnt::used);
        if used && self.is_worse(&lesson, &plain, &model) {
            return Ok(independent(plain, model.dependence));
        }
        Ok(model)
    }

    fn shares(
        &self,
        comparers: &[Comparer],
        dedupe: bool,
        group: Option<(&[u16], u16)>,
    ) -> Result<Vec<Shares>, LinkageError> {
        self.ticket.stage("value frequencies", comparers.len() as u64);
        let each = comparers.iter().enumerate();
        each.map(|(at, comparer)| {
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            let stream = self.seed.stream(at as u64 + 1);
            let shares = comparer.shares(&comparer.rows(dedupe, group), stream, self.draws);
            self.ticket.advance(1);
            shares.ok_or_else(|| LinkageError::Untrainable {
                comparison: self.comparisons[at].column().to_owned(),
                why: "no pair of rows has a value on both sides",
            })
        })
        .collect()
    }

    /// Alternates m by rule, lambda, and u without the matches in it.
    pub(super) fn learn(
        &self,
        lesson: &Lesson<'_>,
        dependence: Vec<Learnt>,
    ) -> Result<Model, LinkageError> {
        let (n, pairs, shares) = (lesson.rows, lesson.pairs, lesson.shares);
        let most = match self.assignment {
            _ if lesson.dedupe => pairs,
            Assignment::OneToOne => n.0.min(n.1),
            Assignment::ManyToOne => n.0,
            Assignment::OneToMany => n.1,
            Assignment::All => pairs,
        };
        let most = (most / pairs).clamp(1e-12, 0.5);
        let guess = n.0.min(n.1) / 2.0;
        let fixed: Vec<Shape> = self
            .comparisons
            .iter()
            .map(|own| Shape { fixed: own.options.u.clone(), ..Shape::free(own.n_levels(), PRIOR) })
            .collect();
        let given = |mut u: Vec<f64>, k: usize| {
            if !fixed[k].fixed.is_empty() {
                let own = u.clone();
                fixed[k].fit(&mut u, &own);
            }
            u
        };
        let each = shares.iter().enumerate();
        let mut u: Vec<Vec<f64>> =
            each.map(|(k, shares)| given(corrected(shares, None, None), k)).collect();
        let mut m: Vec<Vec<f64>> = u.iter().map(|u| start(u.len())).collect();
        let (mut lambda, mut completeness) = ((guess / pairs).clamp(1e-12, 0.25), 1.0);
        let mut error = 0.0;
        let all: Vec<usize> = (0..m.len()).collect();
        let ties = within(&dependence, &all, &u);
        let (mut round, mut over) = (Round::default(), 0.0);
        for _ in 0..ROUNDS {
            round = self.round(lesson, &dependence, (&m, &u), guess)?;
            for (m, sums) in m.iter_mut().zip(&round.sums) {
                let total: f64 = sums.iter().sum();
                m.iter_mut().zip(sums).for_each(|(m, sum)| *m = sum / total);
            }
            for ((m, u), shape) in m.iter_mut().zip(&u).zip(lesson.shapes) {
                if shape.ordered > 0 || !shape.fixed.is_empty() {
                    shape.fit(m, u);
                }
            }
            let bound = self.found_if_independent(&m, lesson.there);
            (lambda, completeness, over, error) =
                lesson.union.lambda((&m, &u, &ties), lambda, (most, pairs), bound);
            let each = shares.iter().zip(&m).zip(&round.others).enumerate();
            u = each
                .map(|(k, ((s, m), others))| given(corrected(s, Some((lambda, m)), *others), k))
                .collect();
        }
        let Round { notes, mut cautions, told, .. } = round;
        if told < SEPARATED {
            cautions.push(format!(
                "no_separation: by no rule do matches differ from other pairs by more than {told:.2} bits; there may be none"
            ));
        }
        if over > OVER {
            cautions.push(format!(
                "match_share_at_bound: training expects more matches than the tables allow ({:.0}); pairs that are no matches look like matches",
                most * pairs
            ));
        }
        let learned = m.into_iter().zip(u).map(|(m, u)| Learned { m, u }).collect();
        Ok(Model {
            lambda,
            lambda_error: error,
            completeness,
            learned,
            dependence,
            notes,
            cautions,
            groups: Vec::new(),
        })
    }

    /// Expectation-maximisation on the pairs of every rule.
    fn round(
        &self,
        lesson: &Lesson<'_>,
        dependence: &[Learnt],
        (m, u): (&[Vec<f64>], &[Vec<f64>]),
        guess: f64,
    ) -> Result<Round, LinkageError> {
        self.ticket.stage("expectation-maximisation", lesson.runs.len() as u64);
        let sums = m.iter().map(|m| vec![0.0; m.len()]).collect();
        let mut round = Round { sums, others: vec![None; m.len()], ..Round::default() };
        for run in lesson.runs {
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            let pick = |from: &[Vec<f64>]| -> Vec<Vec<f64>> {
                run.used.iter().map(|&k| from[k].clone()).collect()
            };
            let first = (guess / run.patterns.total() as f64).clamp(1e-4, 0.5);
            let mut given = u.to_vec();
            for k in self.equal_in(run.rule) {
                for own in dependence {
                    own.given(k, &mut given);
                }
            }
            let ties = within(dependence, &run.used, u);
            let shapes: Vec<Shape> = run.used.iter().map(|&k| lesson.shapes[k].clone()).collect();
            let from = (first, &shapes[..]);
            let fit = em::fit(&run.patterns, &pick(m), &pick(&given), &ties, from);
            for ((&k, fitted), weight) in run.used.iter().zip(&fit.m).zip(&fit.weight) {
                for (sum, m) in round.sums[k].iter_mut().zip(fitted) {
                    *sum += (weight + PRIOR) * m;
                }
            }
            let enough = fit.converged && run.patterns.total() >= ENOUGH;
            if let Some(k) = self.whole_rule(run.rule).filter(|_| enough) {
                // One other pair beforehand: no number of pairs tells that all are matches.
                let pairs = run.patterns.total() as f64;
                round.others[k] = Some(((1.0 - fit.lambda) * pairs + 1.0) / (pairs + 1.0));
            }
            round.told = round.told.max(bits(&fit.m, &pick(u)));
            let rule = &self.rules[run.rule];
            round.notes.push(format!(
                "rule [{rule}]: {} pairs trained, share of matches {:.6}, {} iterations{}",
                run.patterns.total(),
                fit.lambda,
                fit.iterations,
                if fit.converged { "" } else { ", not converged" }
            ));
            if !fit.converged {
                round.cautions.push(format!("not_converged: rule [{rule}] did not settle"));
            }
            self.ticket.advance(1);
        }
        Ok(round)
    }
}

/// The rows that a model is learned from.
#[derive(Clone, Copy)]
struct Lot<'a> {
    pairs: &'a Pairs,
    sides: Sides<'a>,
    counted: &'a Counted,
    /// Groups of the left rows, and the one that it is about.
    group: Option<(&'a [u16], u16)>,
    shapes: &'a [Shape],
}

/// What there is to learn from.
pub(super) struct Lesson<'a> {
    /// Rows of the two sides.
    rows: (f64, f64),
    /// Pairs of rows.
    pairs: f64,
    dedupe: bool,
    shares: &'a [Shares],
    pub(super) runs: &'a [Run],
    union: &'a Union,
    /// Share of pairs in which each comparison has a value on both sides.
    there: &'a [f64],
    /// What m of each comparison must keep to.
    shapes: &'a [Shape],
}

/// What a round of expectation-maximisation over all rules gives.
#[derive(Default)]
struct Round {
    /// Expected matches by comparison and level, over the rules.
    sums: Vec<Vec<f64>>,
    /// Share of others among the equal pairs of a comparison, where a rule finds all of them.
    others: Vec<Option<f64>>,
    notes: Vec<String>,
    cautions: Vec<String>,
    /// Bits by which matches differ from other pairs in the rule that tells most.
    told: f64,
}

/// What goes together among the comparisons `used`.
fn within(dependence: &[Learnt], used: &[usize], u: &[Vec<f64>]) -> Vec<Tie> {
    let levels: Vec<usize> = u.iter().map(Vec::len).collect();
    dependence.iter().filter_map(|own| own.within(used, &levels)).collect()
}

/// Mean bits that the comparisons of a run together give for a match: the Kullback-Leibler
/// divergence of m from u.
fn bits(m: &[Vec<f64>], u: &[Vec<f64>]) -> f64 {
    m.iter().flatten().zip(u.iter().flatten()).map(|(m, u)| m * (m / u).log2()).sum()
}

/// Levels of m to start from: most pairs equal, the rest shared.
fn start(n: usize) -> Vec<f64> {
    let mut m = vec![0.2 / (n as f64 - 1.0).max(1.0); n];
    m[0] = if n == 1 { 1.0 } else { 0.8 };
    m
}

/// u of each level: shares of all pairs with the matches taken out, never 0. `others` is the share
/// of others among the equal pairs, where a rule of one column finds them all: by the other
/// comparisons, it is surer than a difference of two numbers that are nearly the same.
fn corrected(shares: &Shares, matches: Option<(f64, &[f64])>, others: Option<f64>) -> Vec<f64> {
    let mut u: Vec<f64> = shares
        .levels
        .iter()
        .enumerate()
        .map(|(level, &share)| {
            let rest =
                matches.map_or(share, |(lambda, m)| (share - lambda * m[level]) / (1.0 - lambda));
            // The smaller: of pairs of different persons, few agree by chance.
            let rest = match (matches, others) {
                (Some((lambda, _)), Some(others)) if level == 0 => {
                    rest.min(share * others / (1.0 - lambda))
                }
                _ => rest,
            };
            rest.max(0.01 * share).max(shares.floor)
        })
        .collect();
    let total: f64 = u.iter().sum();
    for u in &mut u {
        *u /= total;
    }
    u
}

impl Linker {
    /// The comparisons that a rule makes equal.
    pub(super) fn equal_in(&self, rule: usize) -> Vec<usize> {
        self.rules[rule].equal().filter_map(|name| place(&self.comparisons, name)).collect()
    }

    /// The comparison whose whole column is all that a rule asks for.
    fn whole_rule(&self, rule: usize) -> Option<usize> {
        match self.rules[rule].only_equal().as_deref() {
            Some([column]) => place(&self.comparisons, column),
            _ => None,
        }
    }

    /// The share of matches that the rules find if columns agree independently of each other;
    /// 1 where a rule uses first letters or a column that is not compared.
    fn found_if_independent(&self, m: &[Vec<f64>], there: &[f64]) -> f64 {
        let rules: Option<Vec<u64>> = self
            .rules
            .iter()
            .map(|rule| {
                rule.only_equal()?.into_iter().try_fold(0_u64, |mask, column| {
                    let at = place(&self.comparisons, column).filter(|&at| at < 64)?;
                    Some(mask | 1 << at)
                })
            })
            .collect();
        let agree: Vec<f64> = m.iter().zip(there).map(|(m, there)| m[0] * there).collect();
        rules.map_or(1.0, |rules| found_share(&agree, &rules))
    }
}
