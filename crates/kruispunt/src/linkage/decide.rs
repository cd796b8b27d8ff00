//! Scores become links.

use super::LinkageError;
use super::assign::{EXACT, best_of, one_to_one};
use super::blocking::CHUNK;
use super::coded::{MISSING, Only, Sides};
use super::linker::{Assignment, Linker, Model, Threshold};
use super::pairs::Work;
use super::scorer::Scorer;
use crate::data::{Account, Count, Evidence, Link, Links, RuleWorth, Step, Table, Weighing};
use crate::math::em::NULL;
use crate::math::unionfind::UnionFind;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Pairs less probable than this are counted, not kept.
const KEPT: f64 = 1e-4;

/// What the levels of a pattern weigh under a set of weights, and the number of the pattern.
type Bases = FxHashMap<(u64, usize), (f64, u32)>;

/// A pair that may become a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) weight: f64,
    /// The number of its pattern.
    pattern: u32,
    rule: u16,
}

/// All pairs worth keeping, and what is expected of every left row.
struct Scored {
    candidates: Vec<Candidate>,
    /// Probabilities beside rivals; none where no pair has a rival.
    beside: Vec<f64>,
    /// Patterns by number.
    patterns: Vec<u64>,
    expected: Vec<f64>,
    compared: u64,
    by_rule: Vec<Worth>,
}

impl Scored {
    /// The probability of candidate `at`, its rivals taken into account.
    fn probability(&self, at: usize) -> f64 {
        self.beside.get(at).copied().unwrap_or_else(|| alone(self.candidates[at].weight))
    }
}

/// Numbers for patterns in the order in which threads meet them, on which nothing depends.
#[derive(Default)]
struct Numbers(Mutex<(FxHashMap<u64, u32>, Vec<u64>)>);

impl Numbers {
    fn of(&self, pattern: u64) -> u32 {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, patterns) = &mut *own;
        *known.entry(pattern).or_insert_with(|| {
            patterns.push(pattern);
            patterns.len() as u32 - 1
        })
    }

    fn into_patterns(self) -> Vec<u64> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// What a rule adds to those before it.
#[derive(Clone, Copy, Debug, Default)]
struct Worth {
    /// Pairs that no earlier rule finds.
    new: u64,
    /// Expected matches among them.
    expected: f64,
    /// Expected matches that no other rule finds.
    alone: f64,
}

pub(super) fn odds(weight: f64) -> f64 {
    weight.clamp(-1000.0, 1000.0).exp2()
}

/// The probability of a pair of this weight without rivals.
pub(super) fn alone(weight: f64) -> f64 {
    odds(weight) / (1.0 + odds(weight))
}

impl Linker {
    /// Links the rows of two tables.
    ///
    /// The probability of a link takes its rivals into account: under one-to-one (many-to-one)
    /// assignment, `odds / (1 + odds + odds of all other pairs of either row (of the left row))`.
    /// The automatic threshold maximises the expected F1, `2 E[true links] / (links + E[matches])`,
    /// after assignment. One-to-one maximises the total weight above the threshold, exactly for
    /// connected groups of up to 5000 candidate pairs and greedily (best first) beyond; how often
    /// that happened stands in the account.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Untrained`], [`LinkageError::BadArgument`] for a threshold outside its
    /// range, and those of [`train`](Self::train).
    pub fn link(&self, left: &Table, right: &Table) -> Result<Links, LinkageError> {
        self.link_sides(Sides::two(left, right))
    }

    /// Finds rows of one table that are one person: every pair above the threshold. Follow with
    /// `clusters`.
    ///
    /// # Errors
    ///
    /// As [`link`](Self::link).
    pub fn dedupe(&self, table: &Table) -> Result<Links, LinkageError> {
        let all = self.clone().assignment(Assignment::All);
        let sources = self.sources(table)?;
        Ok(all.link_sides(Sides::one(table, Self::only(&sources)))?.within())
    }

    fn link_sides(&self, sides: Sides<'_>) -> Result<Links, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        self.check_threshold()?;
        let ready = self.ready(sides)?;
        let scorer = Scorer::new(self, model, &ready.pairs, sides)?;
        let mut scored = self.weigh(&scorer, &ready.patterns)?;
        self.rival(&mut scored, sides);
        self.ticket.stage("assigning", 0);
        let decided = self.decide(&scored, model, sides);
        if self.ticket.is_cancelled() {
            return Err(LinkageError::Cancelled);
        }
        Ok(self.finish(sides, &scorer, scored, &decided, model))
    }

    fn check_threshold(&self) -> Result<(), LinkageError> {
        let wrong = |got: f64, expected: &'static str| {
            Err(LinkageError::BadArgument { argument: "threshold", got, expected })
        };
        match self.threshold {
            Threshold::Probability(p) if !(0.0..=1.0).contains(&p) => {
                wrong(p, "a probability between 0 and 1")
            }
            Threshold::Weight(got) if !got.is_finite() => wrong(got, "a finite weight in bits"),
            Threshold::Fdr(got) if !(got > 0.0 && got < 1.0) => {
                wrong(got, "a share of wrong links between 0 and 1")
            }
            _ => Ok(()),
        }
    }

    /// As [`dedupe`](Self::dedupe), for pairs with at least one row from `since` on: what is new
    /// against what was there and among itself. Follow with `clusters_since`, which keeps the
    /// cluster ids of the rows that were there.
    ///
    /// # Errors
    ///
    /// As [`dedupe`](Self::dedupe); [`LinkageError::OutOfRange`] when no row is new.
    pub fn dedupe_since(&self, table: &Table, since: usize) -> Result<Links, LinkageError> {
        let n = table.n_rows();
        if since >= n {
            return Err(LinkageError::OutOfRange { argument: "since", got: since, n });
        }
        let all = self.clone().assignment(Assignment::All);
        let sides = Sides::one(table, Only::Since(since as u32));
        match all.link_sides(sides) {
            // Nothing new meets anything: no link, and no error.
            Err(LinkageError::NoPairs { .. }) => {
                let step =
                    Step::new("dedupe", "no rule finds a pair", Count::rows(n), Count::rows(0))
                        .exclude("no candidate above the threshold", Count::rows(n));
                Ok(Links::certain(Vec::new(), n, n, Account::new("links").then(step)).within())
            }
            links => Ok(links?.within()),
        }
    }

    /// The pairs worth keeping, by left row and right row.
    pub(super) fn candidates(&self, sides: Sides<'_>) -> Result<Vec<Candidate>, LinkageError> {
        let model = self.model.as_ref().ok_or(LinkageError::Untrained)?;
        let ready = self.ready(sides)?;
        let scorer = Scorer::new(self, model, &ready.pairs, sides)?;
        let linker = self.clone().threshold(Threshold::Auto);
        Ok(linker.weigh(&scorer, &ready.patterns)?.candidates)
    }

    /// Weighs all pairs; `known` are the patterns of the pairs by chunk, where they were compared
    /// before.
    fn weigh(&self, scorer: &Scorer<'_>, known: &[Vec<u64>]) -> Result<Scored, LinkageError> {
        let lowest = match self.threshold {
            Threshold::Probability(p) => KEPT.min(p.max(1e-12)),
            Threshold::Weight(w) => KEPT.min(alone(w)),
            Threshold::Auto | Threshold::Fdr(_) => KEPT,
        };
        let lowest = (lowest / (1.0 - lowest)).log2();
        let pairs = scorer.pairs;
        let numbers = Numbers::default();
        // Working memory, and by pattern and set of weights what levels alone weigh and the
        // pattern's number.
        let start = || (pairs.work(), Bases::default());
        let weigh = |(work, bases): &mut (Work, Bases), rows: Range<u32>| {
            let mut kept = Vec::new();
            let mut tail = Vec::with_capacity(rows.len());
            let mut by_rule = vec![Worth::default(); self.rules.len()];
            let mut known = known.get(rows.start as usize / CHUNK).map(Vec::as_slice);
            for left in rows {
                let mut below = 0.0;
                match &mut known {
                    Some(known) => pairs.recall(left, known, work),
                    None => pairs.compare(left, u64::MAX, work),
                }
                let each = work.found.rows.iter().zip(&work.found.rules).zip(&work.patterns);
                for ((&right, rules), &pattern) in each {
                    let rule = rules.trailing_zeros() as u16;
                    let set = scorer.set(left, right);
                    let base = || (scorer.base(set, pattern), numbers.of(pattern));
                    let (base, number) = *bases.entry((pattern, set)).or_insert_with(base);
                    let weight = base + scorer.rare(set, pattern, left, right);
                    let probability = alone(weight);
                    let worth = &mut by_rule[rule as usize];
                    worth.new += 1;
                    worth.expected += probability;
                    if rules.is_power_of_two() {
                        worth.alone += probability;
                    }
                    if weight >= lowest {
                        kept.push(Candidate { left, right, weight, pattern: number, rule });
                    } else {
                        below += probability;
                    }
                }
                tail.push(below);
            }
            (kept, tail, by_rule)
        };
        let mut scored = Scored {
            candidates: Vec::new(),
            beside: Vec::new(),
            patterns: Vec::new(),
            expected: Vec::with_capacity(pairs.blocks.n_left()),
            compared: 0,
            by_rule: vec![Worth::default(); self.rules.len()],
        };
        let sink = |(kept, tail, by_rule): (Vec<Candidate>, Vec<f64>, Vec<Worth>)| {
            scored.candidates.extend(kept);
            scored.expected.extend(tail);
            for (sum, own) in scored.by_rule.iter_mut().zip(by_rule) {
                sum.new += own.new;
                sum.expected += own.expected;
                sum.alone += own.alone;
            }
        };
        pairs.blocks.stream_into(&self.ticket, "scoring pairs", (start, weigh), sink)?;
        scored.candidates.shrink_to_fit();
        scored.patterns = numbers.into_patterns();
        scored.compared = scored.by_rule.iter().map(|own| own.new).sum();
        Ok(scored)
    }

    /// Probabilities with the rivals of each pair taken into account.
    fn rival(&self, scored: &mut Scored, sides: Sides<'_>) {
        let pairs = &scored.candidates;
        if self.assignment == Assignment::All {
            for pair in pairs {
                scored.expected[pair.left as usize] += alone(pair.weight);
            }
            return;
        }
        let mut left = vec![0.0; sides.left.n_rows()];
        let mut right = vec![0.0; sides.right.n_rows()];
        for pair in pairs {
            left[pair.left as usize] += odds(pair.weight);
            right[pair.right as usize] += odds(pair.weight);
        }
        let beside = |pair: &Candidate| {
            let own = odds(pair.weight);
            let (l, r) = (left[pair.left as usize], right[pair.right as usize]);
            match self.assignment {
                Assignment::OneToOne => own / (1.0 + l.max(own) + (r - own).max(0.0)),
                Assignment::ManyToOne => own / (1.0 + l.max(own)),
                Assignment::OneToMany => own / (1.0 + r.max(own)),
                Assignment::All => own / (1.0 + own),
            }
        };
        scored.beside = pairs.iter().map(beside).collect();
        for (pair, probability) in pairs.iter().zip(&scored.beside) {
            scored.expected[pair.left as usize] += probability;
        }
    }

    fn decide(&self, scored: &Scored, model: &Model, sides: Sides<'_>) -> Decided {
        let matches = scored.expected.iter().sum::<f64>() / model.completeness;
        match self.threshold {
            Threshold::Auto => {
                let (_, best) = self.assign(scored, 0.5, sides).cut(scored, matches);
                let cut = (best / 2.0).clamp(0.01, 0.5);
                let mut second = self.assign(scored, cut, sides);
                let (keep, _) = second.cut(scored, matches);
                second.threshold = keep.max(cut);
                second.keep(|at| scored.probability(at) >= keep);
                second
            }
            Threshold::Fdr(share) => {
                let cut = self.assign(scored, 0.5, sides).within(scored, share).clamp(0.01, 0.5);
                let mut second = self.assign(scored, cut, sides);
                let keep = second.within(scored, share).max(cut);
                second.threshold = keep;
                second.keep(|at| scored.probability(at) >= keep);
                second
            }
            Threshold::Probability(p) => {
                let mut decided = self.assign(scored, p, sides);
                decided.keep(|at| scored.probability(at) >= p);
                decided
            }
            Threshold::Weight(w) => self.assign(scored, alone(w), sides),
        }
    }

    /// Candidates that stay when links begin at odds of `threshold`.
    fn assign(&self, scored: &Scored, threshold: f64, sides: Sides<'_>) -> Decided {
        let cut = match self.threshold {
            Threshold::Weight(weight) => weight,
            _ => (threshold / (1.0 - threshold)).log2().clamp(-1000.0, 1000.0),
        };
        let pairs = &scored.candidates;
        let above: Vec<usize> = (0..pairs.len()).filter(|&at| pairs[at].weight >= cut).collect();
        let mut decided = Decided { links: Vec::new(), threshold, ties: 0, greedy: 0, cut };
        match self.assignment {
            Assignment::All => decided.links = above,
            Assignment::ManyToOne => best_of(pairs, &above, |pair| pair.left, &mut decided),
            Assignment::OneToMany => {
                let mut above = above;
                above.sort_by_key(|&at| pairs[at].right);
                best_of(pairs, &above, |pair| pair.right, &mut decided);
                decided.links.sort_unstable();
            }
            Assignment::OneToOne => one_to_one(pairs, &above, sides, &mut decided),
        }
        decided
    }

    fn finish(
        &self,
        sides: Sides<'_>,
        scorer: &Scorer<'_>,
        scored: Scored,
        decided: &Decided,
        model: &Model,
    ) -> Links {
        let account = self.account(sides, scorer, &scored, decided, model);
        let rest = if sides.dedupe { rest(&scored, decided, sides) } else { Vec::new() };
        let links = decided.links.iter();
        let sure: Vec<f64> = links.clone().map(|&at| scored.probability(at)).collect();
        let chosen: Vec<Candidate> = links.map(|&at| scored.candidates[at]).collect();
        // The other candidates are not needed any more, and may be most of what is held.
        let Scored { candidates, beside, patterns, expected, by_rule, .. } = scored;
        drop((candidates, beside));
        let cells = chosen.len() * self.comparisons.len();
        let (mut levels, mut adjustments) = (Vec::with_capacity(cells), Vec::with_capacity(cells));
        for pair in &chosen {
            let (left, right) = (scorer.pairs.left(pair.left), scorer.pairs.right(pair.right));
            let pattern = patterns[pair.pattern as usize];
            for k in 0..self.comparisons.len() {
                let level = scorer.pairs.layout().level(pattern, k);
                let there = level != NULL;
                levels.push(there.then_some(level));
                let set = scorer.set(pair.left, pair.right);
                let bits = || scorer.adjustment(set, k, level, left[k], right[k]);
                adjustments.push(if there { bits() } else { 0.0 });
            }
        }
        let evidence =
            self.comparisons.iter().zip(&model.learned).map(|(comparison, learned)| Evidence {
                comparison: comparison.column().to_owned(),
                labels: comparison.labels(),
                m: learned.m.clone(),
                u: learned.u.clone(),
            });
        let weighing = Weighing {
            prior: scorer.sets[0].prior,
            evidence: evidence.collect(),
            levels,
            adjustments,
            together: scorer.sets[0].ties.clone(),
            groups: scorer.own_groups(),
            group: scorer.groups_of(chosen.iter().map(|pair| (pair.left, pair.right))),
            rules: self.worth(&by_rule),
            rest,
            weights: chosen.iter().map(|pair| pair.weight).collect(),
            expected,
            completeness: model.completeness,
            threshold: decided.threshold,
        };
        let link = |(pair, &probability): (&Candidate, &f64)| {
            let &Candidate { left, right, rule, .. } = pair;
            Link { left, right, probability, rule }
        };
        let links = chosen.iter().zip(&sure).map(link);
        let rules = self.rules.iter().map(ToString::to_string).collect();
        let (n, m) = (sides.left.n_rows(), sides.right.n_rows());
        Links::weighed(links, rules, n, m, weighing, account)
    }

    /// What each rule adds.
    fn worth(&self, by_rule: &[Worth]) -> Vec<RuleWorth> {
        let each = self.rules.iter().zip(by_rule);
        each.map(|(rule, own)| RuleWorth {
            rule: rule.to_string(),
            new_pairs: own.new,
            expected: own.expected,
            alone: own.alone,
        })
        .collect()
    }

    fn account(
        &self,
        sides: Sides<'_>,
        scorer: &Scorer<'_>,
        scored: &Scored,
        decided: &Decided,
        model: &Model,
    ) -> Account {
        let n = sides.left.n_rows();
        let (pairs, blocks) = (&scored.candidates, &scorer.pairs.blocks);
        let (mut linked, mut above) = (vec![false; n], vec![false; n]);
        for &at in &decided.links {
            linked[pairs[at].left as usize] = true;
        }
        for pair in pairs.iter().filter(|pair| pair.weight >= decided.cut) {
            above[pair.left as usize] = true;
        }
        let count = |test: &dyn Fn(usize) -> bool| {
            Count::rows((0..n).filter(|&row| !linked[row] && test(row)).count())
        };
        let after = Count::rows(linked.iter().filter(|&&linked| linked).count());
        let found: f64 = decided.links.iter().map(|&at| scored.probability(at)).sum();
        let matches = scored.expected.iter().sum::<f64>() / model.completeness;
        let verb = if sides.dedupe { "dedupe" } else { "link" };
        let mut step = Step::new(verb, self.story(scored, decided), Count::rows(n), after)
            .exclude("missing values in every blocking rule", count(&|row| blocks.is_keyless(row)))
            .exclude(
                "no candidate above the threshold",
                count(&|row| !blocks.is_keyless(row) && !above[row]),
            )
            .exclude(
                "the candidates went to other rows or fell below the threshold beside their rivals",
                count(&|row| !blocks.is_keyless(row) && above[row]),
            )
            .tied("candidates of equal weight", decided.ties, "the smaller row numbers")
            .note(format!(
                "expected precision {:.4}, expected recall {:.4}; the rules find an estimated {:.4} of all matches",
                found / decided.links.len().max(1) as f64,
                found / matches.max(found).max(1e-12),
                model.completeness,
            ));
        if decided.greedy > 0 {
            step = step.note(format!(
                "{} connected groups of more than {EXACT} candidate pairs were assigned best first",
                decided.greedy
            ));
        }
        for (comparison, comparer) in self.comparisons.iter().zip(&scorer.pairs.comparers) {
            let missing = comparer.coded.left.iter().filter(|&code| code == MISSING).count();
            let unread = comparer.coded.unread;
            if missing > 0 || unread > 0 {
                step = step.note(format!(
                    "\"{}\": {missing} left rows without a value; {unread} cells on both sides hold something that cannot be read and count as missing",
                    comparison.column()
                ));
            }
        }
        let step = model.notes.iter().fold(step, |step, note| step.note(note.clone()));
        Account::new("links").then(step)
    }

    fn story(&self, scored: &Scored, decided: &Decided) -> String {
        let how = match self.assignment {
            Assignment::OneToOne => "one-to-one",
            Assignment::ManyToOne => "many-to-one",
            Assignment::OneToMany => "one-to-many",
            Assignment::All => "all pairs",
        };
        let auto = match self.threshold {
            Threshold::Auto => "automatic ",
            Threshold::Fdr(_) => "false discovery rate's ",
            _ => "",
        };
        let rules = self.rules.iter().zip(&scored.by_rule);
        let rules: Vec<String> =
            rules.map(|(rule, own)| format!("[{rule}]: {} new pairs", own.new)).collect();
        format!(
            "{how}, {} links at the {auto}threshold {:.4}; {} pairs compared ({})",
            decided.links.len(),
            decided.threshold,
            scored.compared,
            rules.join(", ")
        )
    }
}

/// Candidates that did not become links, of rows that links connect.
fn rest(scored: &Scored, decided: &Decided, sides: Sides<'_>) -> Vec<(u32, u32, f64)> {
    let pairs = &scored.candidates;
    let mut groups = UnionFind::new(sides.left.n_rows());
    for &at in &decided.links {
        groups.join(pairs[at].left, pairs[at].right);
    }
    let mut linked = decided.links.iter().copied().peekable();
    let mut rest = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        if linked.next_if_eq(&at).is_none() && groups.find(pair.left) == groups.find(pair.right) {
            rest.push((pair.left, pair.right, pair.weight));
        }
    }
    rest
}

/// Which candidates became links.
pub(super) struct Decided {
    pub(super) links: Vec<usize>,
    threshold: f64,
    pub(super) cut: f64,
    pub(super) ties: u64,
    pub(super) greedy: u64,
}

impl Decided {
    /// The probability that cuts at the greatest expected F1, and that F1.
    fn cut(&self, scored: &Scored, matches: f64) -> (f64, f64) {
        let mut sure: Vec<f64> = self.links.iter().map(|&at| scored.probability(at)).collect();
        sure.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut cut, mut best, mut found) = (1.0, 0.0, 0.0);
        for (at, &probability) in sure.iter().enumerate() {
            found += probability;
            let f1 = 2.0 * found / ((at + 1) as f64 + matches.max(found));
            if f1 >= best {
                (cut, best) = (probability, f1);
            }
        }
        (cut, best)
    }

    /// The lowest probability down to which the expected share of wrong links stays within
    /// `share`; 1 when no link does.
    fn within(&self, scored: &Scored, share: f64) -> f64 {
        let mut sure: Vec<f64> = self.links.iter().map(|&at| scored.probability(at)).collect();
        sure.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut cut, mut wrong) = (1.0, 0.0);
        for (at, &probability) in sure.iter().enumerate() {
            wrong += 1.0 - probability;
            // Links of equal probability stay or go together.
            let last = sure.get(at + 1).is_none_or(|&next| next < probability);
            if last && wrong <= share * (at + 1) as f64 {
                cut = probability;
            }
        }
        cut
    }

    fn keep(&mut self, test: impl Fn(usize) -> bool) {
        self.links.retain(|&at| test(at));
    }
}
