//! The chance of a start, for those who are matched on it.

use super::likelihood::{Link, Rows};
use super::person_periods::independent;
use crate::data::Ticket;
use crate::evaluate::EvaluateError;

/// A logit of a start, with what its coefficients owe to each row.
pub(in crate::evaluate) struct Scored {
    /// Linear indices; NaN in levels where the event happens always or never.
    pub(in crate::evaluate) odds: Vec<f64>,
    /// Columns that are in the model.
    kept: Vec<usize>,
    columns: usize,
    /// What happened less its chance, row by row; 0 in rows that say nothing.
    residuals: Vec<f64>,
    /// Inverse of the information, NaN of what is not free.
    inverse: Vec<f64>,
}

/// A logit of `event` on `columns`, with a level of its own for each value of `level`.
pub(in crate::evaluate) fn scored(
    columns: &[Vec<f64>],
    names: &[String],
    (level, n_levels): (&[u32], usize),
    event: &[u32],
    ticket: &Ticket,
) -> Result<Scored, EvaluateError> {
    let n = event.len();
    let mut counts = vec![[0_u32; 2]; n_levels];
    for (&level, &event) in level.iter().zip(event) {
        counts[level as usize][event as usize] += 1;
    }
    let both = |level: u32| counts[level as usize].iter().all(|&n| n > 0);
    let weights: Vec<f64> = level.iter().map(|&level| f64::from(u8::from(both(level)))).collect();
    let mut rows = Rows {
        columns: columns.iter().map(Vec::as_slice).collect(),
        names,
        level,
        n_levels,
        event,
        causes: 1,
        weights: Some(&weights),
        offset: None,
        link: Link::Logit,
    };
    let (kept, _) = independent(&rows);
    rows.columns = kept.iter().map(|&at| columns[at].as_slice()).collect();
    let kept_names: Vec<String> = kept.iter().map(|&at| names[at].clone()).collect();
    rows.names = &kept_names;
    let k = rows.k();
    let mut theta = vec![0.0; rows.m()];
    let mut free: Vec<usize> = (0..k).collect();
    for at in 0..n_levels {
        if both(at as u32) {
            let [none, some] = counts[at].map(f64::from);
            theta[k + at] = libm::log(some / none);
            free.push(k + at);
        }
    }
    let top = rows.climb(theta, &free, ticket)?;
    let index = |row: usize| {
        if weights[row] == 0.0 {
            return f64::NAN;
        }
        let own = rows.columns.iter().zip(&top.theta).map(|(column, beta)| column[row] * beta);
        top.theta[k + level[row] as usize] + own.sum::<f64>()
    };
    let odds = (0..n).map(index).collect();
    let residuals = rows.residuals(&top.theta).swap_remove(0);
    Ok(Scored { odds, kept, columns: columns.len(), residuals, inverse: top.inverse })
}

impl Scored {
    /// How a number that moves with the coefficients by `gradient` (columns, then levels) moves with
    /// each row, `level` and `columns` as given to [`scored`].
    pub(in crate::evaluate) fn influence(
        &self,
        columns: &[Vec<f64>],
        level: &[u32],
        gradient: &[f64],
    ) -> Vec<f64> {
        let levels = gradient.len() - self.columns;
        let places: Vec<usize> =
            self.kept.iter().copied().chain(self.columns..self.columns + levels).collect();
        let m = places.len();
        let free = |at: usize| !self.inverse[at * m + at].is_nan();
        let steps: Vec<f64> = (0..m)
            .map(|i| {
                let each = (0..m).filter(|&j| free(i) && free(j));
                each.map(|j| self.inverse[i * m + j] * gradient[places[j]]).sum()
            })
            .collect();
        let k = self.kept.len();
        (0..self.residuals.len())
            .map(|row| {
                let own = self.kept.iter().zip(&steps).map(|(&at, step)| columns[at][row] * step);
                self.residuals[row] * (steps[k + level[row] as usize] + own.sum::<f64>())
            })
            .collect()
    }
}
