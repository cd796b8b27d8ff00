//! Effects of training on the trained: differences between twin worlds.

use crate::SynthError;
use crate::dynamics::{State, States, Training};
use crate::params::QUARTERS;
use crate::rows::{Cell, Rows};
use crate::schema::schema;
use kruispunt::data::Table;

const BEFORE: i64 = 4;
const AFTER: i64 = 16;
const TIMES: usize = (BEFORE + AFTER + 1) as usize;
const GROUPS: usize = 7;
const OUTCOMES: usize = 3;
const CELLS: usize = 4 * GROUPS * 2 * OUTCOMES * TIMES;

/// Sums over the trained, in whole numbers, so that their order does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Tally(Vec<[i64; 3]>);

impl Default for Tally {
    fn default() -> Self {
        Self(vec![[0; 3]; CELLS])
    }
}

const fn cell(kind: usize, group: usize, estimand: usize, outcome: usize, time: usize) -> usize {
    (((kind * GROUPS + group) * 2 + estimand) * OUTCOMES + outcome) * TIMES + time
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, new) in self.0.iter_mut().zip(&other.0) {
            own.iter_mut().zip(new).for_each(|(own, new)| *own += new);
        }
    }

    /// Counts one trained person.
    pub(crate) fn count(
        &mut self,
        training: Training,
        origin: usize,
        actual: &States,
        twins: &[States; 2],
    ) {
        for (estimand, twin) in twins.iter().enumerate() {
            let mut cumulated = 0;
            for time in 0..TIMES {
                let e = time as i64 - BEFORE;
                let q = training.start as i64 + e;
                if !(0..QUARTERS as i64).contains(&q) {
                    continue;
                }
                let q = q as usize;
                let differ =
                    |state: State| i64::from(actual[q] == state) - i64::from(twin[q] == state);
                if e >= 0 {
                    cumulated += differ(State::Employed);
                }
                let values = [differ(State::Employed), differ(State::Seeking), cumulated];
                for (outcome, value) in values.into_iter().enumerate() {
                    for group in [0, origin + 1] {
                        let [n, sum, squares] =
                            &mut self.0[cell(training.kind, group, estimand, outcome, time)];
                        *n += 1;
                        *sum += value;
                        *squares += value * value;
                    }
                }
            }
        }
    }
}

/// The table `att`.
pub(crate) fn att(tally: &Tally) -> Result<Table, SynthError> {
    let Some(own) = schema("att") else { return Ok(Table::default()) };
    let mut rows = Rows::new(own);
    for kind in 0..4 {
        for group in 0..GROUPS {
            for estimand in 0..2 {
                for outcome in 0..OUTCOMES {
                    for time in 0..TIMES {
                        let [n, sum, squares] = tally.0[cell(kind, group, estimand, outcome, time)];
                        let (count, sum) = (n as f64, sum as f64);
                        let spread = squares as f64 - sum * sum / count;
                        let error = (spread.max(0.0) / (count - 1.0) / count).sqrt();
                        rows.push(&[
                            Cell::Code(kind as u32),
                            Cell::Code(group as u32),
                            Cell::Code(estimand as u32),
                            Cell::Code(outcome as u32),
                            Cell::Int(time as i64 - BEFORE),
                            Cell::from((n > 0).then(|| sum / count)),
                            Cell::Int(n),
                            Cell::from((n > 1).then_some(error)),
                        ]);
                    }
                }
            }
        }
    }
    rows.finish()
}
