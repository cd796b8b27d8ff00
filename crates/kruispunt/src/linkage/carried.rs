//! Whether what goes together among the pairs of one rule carries over to those of the others.

use super::LinkageError;
use super::dependence::Learnt;
use super::linker::{Linker, Model};
use super::train::Lesson;
use crate::math::em;

impl Linker {
    /// Mean log-likelihood of the pairs of each rule under a model, and their share of matches.
    pub(super) fn explained(&self, lesson: &Lesson<'_>, model: &Model) -> Vec<(f64, f64)> {
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

    /// Whether a model explains the pairs of the rules worse than before, each rule counted by the
    /// matches expected among its pairs, as in training.
    pub(super) fn is_worse(
        &self,
        lesson: &Lesson<'_>,
        before: &[(f64, f64)],
        model: &Model,
    ) -> bool {
        let after = self.explained(lesson, model);
        let each = lesson.runs.iter().zip(before).zip(&after);
        let gain = each.map(|((run, (before, share)), (after, _))| {
            run.patterns.total() as f64 * share * (after - before)
        });
        gain.sum::<f64>() < 0.0
    }

    /// The model of independence, where what goes together does not carry over from rule to rule.
    ///
    /// Where pairs are of a third kind (branches of one firm with its telephone), what goes
    /// together among them is not of matches, and what is learned with it does not explain the
    /// pairs that other rules find.
    pub(super) fn without_dependence(
        &self,
        lesson: &Lesson<'_>,
        mut found: Vec<Learnt>,
    ) -> Result<Model, LinkageError> {
        found.iter_mut().for_each(Learnt::leave_out);
        let mut model = self.learn(lesson, found)?;
        model.notes.push(
            "comparisons are taken as independent: with what goes together, the pairs that the rules find are explained worse"
                .to_owned(),
        );
        Ok(model)
    }
}
