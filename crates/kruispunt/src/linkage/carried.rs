//! Whether what goes together among the pairs of one rule carries over to those of the others.

use super::dependence::Learnt;
use super::linker::{Linker, Model};
use super::train::Lesson;
use crate::math::em;

impl Linker {
    /// Mean log-likelihood of the pairs of each rule under a model, and their share of matches.
    fn explained(&self, lesson: &Lesson<'_>, model: &Model) -> Vec<(f64, f64)> {
        let m: Vec<Vec<f64>> = model.learned.iter().map(|own| own.m.clone()).collect();
        let u: Vec<Vec<f64>> = model.learned.iter().map(|own| own.u.clone()).collect();
        let each = lesson.runs.iter().map(|run| {
            let mut given = u.clone();
            for k in self.equal_in(run.rule) {
                for own in &model.dependence {
                    own.given(k, &mut given);
                }
            }
            let pick = |from: &[Vec<f64>]| -> Vec<Vec<f64>> {
                run.used.iter().map(|&k| from[k].clone()).collect()
            };
            let (mut matches, mut others) = (Vec::new(), Vec::new());
            for own in &model.dependence {
                let [of_m, of_u] = own.sides(&run.used, [&m, &given]);
                matches.extend(of_m);
                others.extend(of_u);
            }
            em::explained(&run.patterns, (&pick(&m), &pick(&given)), (&matches, &others))
        });
        each.collect()
    }

    /// Whether a model explains the pairs of the rules worse than one of independence, each rule
    /// counted by the matches expected among its pairs, as in training.
    pub(super) fn is_worse(&self, lesson: &Lesson<'_>, plain: &Model, model: &Model) -> bool {
        let (before, after) = (self.explained(lesson, plain), self.explained(lesson, model));
        let each = lesson.runs.iter().zip(before).zip(after);
        let gain = each.map(|((run, (before, share)), (after, _))| {
            run.patterns.total() as f64 * share * (after - before)
        });
        gain.sum::<f64>() < 0.0
    }
}

/// The model of independence, with what goes together but does not carry over from rule to rule told
/// and left out.
///
/// Where pairs are of a third kind (branches of one firm with its telephone), what goes together among
/// them is not of matches, and what is learned with it does not explain the pairs that other rules find.
pub(super) fn independent(mut plain: Model, mut found: Vec<Learnt>) -> Model {
    found.iter_mut().for_each(Learnt::leave_out);
    plain.dependence = found;
    plain.notes.push(
        "comparisons are taken as independent: with what goes together, the pairs that the rules find are explained worse"
            .to_owned(),
    );
    plain
}
