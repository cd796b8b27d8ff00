//! Scoring steps to the top of a likelihood.

use super::likelihood::{Rows, Sums};
use crate::data::Ticket;
use crate::evaluate::EvaluateError;
use crate::math::linalg::Triangle;

/// The top, and the inverse of the information there.
pub(super) struct Top {
    pub(super) theta: Vec<f64>,
    pub(super) log_likelihood: f64,
    /// Row-major `(m, m)`; NaN in rows and columns of parameters that are not free.
    pub(super) inverse: Vec<f64>,
    pub(super) steps: usize,
}

/// Steps at most.
const MOST: usize = 60;

/// Ends when a step is shorter than this many standard errors.
const STILL: f64 = 1e-9;

/// Solves for the free parameters; `None` when the information is singular.
pub(super) struct Free {
    places: Vec<usize>,
    triangle: Triangle,
    m: usize,
}

impl Free {
    pub(super) fn new(information: &[f64], m: usize, free: &[usize]) -> Option<Self> {
        let f = free.len();
        let own = gathered(information, m, free);
        let triangle = Triangle::cholesky(&own, &vec![0.0; f], 1e-13);
        triangle.dropped.is_empty().then(|| Self { places: free.to_vec(), triangle, m })
    }

    /// The step, and its length in standard errors.
    pub(super) fn step(&self, score: &[f64]) -> (Vec<f64>, f64) {
        let own: Vec<f64> = self.places.iter().map(|&at| score[at]).collect();
        let solved = self.triangle.solve(&own);
        let length: f64 = own.iter().zip(&solved).map(|(g, step)| g * step).sum();
        let mut step = vec![0.0; self.m];
        for (&at, value) in self.places.iter().zip(solved) {
            step[at] = value;
        }
        (step, length.max(0.0).sqrt())
    }

    pub(super) fn inverse(&self) -> Vec<f64> {
        scattered(&self.triangle.inverse(), self.m, &self.places)
    }
}

/// Rows and columns `free` of a square matrix of `m` columns.
pub(super) fn gathered(full: &[f64], m: usize, free: &[usize]) -> Vec<f64> {
    let f = free.len();
    (0..f * f).map(|at| full[free[at / f] * m + free[at % f]]).collect()
}

/// The square matrix of `m` columns with `own` in rows and columns `free`, NaN elsewhere.
pub(super) fn scattered(own: &[f64], m: usize, free: &[usize]) -> Vec<f64> {
    let f = free.len();
    let mut full = vec![f64::NAN; m * m];
    for (i, &row) in free.iter().enumerate() {
        for (j, &column) in free.iter().enumerate() {
            full[row * m + column] = own[i * f + j];
        }
    }
    full
}

impl Rows<'_> {
    /// Climbs from `theta`, moving the parameters `free` alone.
    pub(super) fn climb(
        &self,
        mut theta: Vec<f64>,
        free: &[usize],
        ticket: &Ticket,
    ) -> Result<Top, EvaluateError> {
        let settled =
            || EvaluateError::Separated { what: "a combination of regressors".to_owned() };
        let mut sums: Sums = self.sums(&theta);
        ticket.stage("maximising the likelihood", 0);
        for steps in 1..=MOST {
            if ticket.is_cancelled() {
                return Err(EvaluateError::Cancelled);
            }
            ticket.advance(1);
            let solver = Free::new(&self.information(&sums), self.m(), free).ok_or_else(settled)?;
            let (step, length) = solver.step(&sums.score);
            if !length.is_finite() {
                return Err(settled());
            }
            let mut share = 1.0;
            let (next, new) = loop {
                let next: Vec<f64> =
                    theta.iter().zip(&step).map(|(own, step)| own + share * step).collect();
                let new = self.sums(&next);
                let slack = 1e-12 * (1.0 + sums.log_likelihood.abs());
                if new.log_likelihood >= sums.log_likelihood - slack || share < 1e-9 {
                    break (next, new);
                }
                share *= 0.5;
            };
            (theta, sums) = (next, new);
            if length < STILL && share == 1.0 {
                let solver =
                    Free::new(&self.information(&sums), self.m(), free).ok_or_else(settled)?;
                let (inverse, log_likelihood) = (solver.inverse(), sums.log_likelihood);
                self.refuse_flat(&inverse, steps)?;
                return Ok(Top { theta, log_likelihood, inverse, steps });
            }
        }
        Err(settled())
    }

    /// A likelihood that took many steps and is flat at the end has its top at infinity.
    fn refuse_flat(&self, inverse: &[f64], steps: usize) -> Result<(), EvaluateError> {
        if steps < 20 {
            return Ok(());
        }
        for at in (0..self.m()).filter(|at| at % self.each() < self.k()) {
            let column = self.columns[at % self.each()];
            let size: f64 = column.iter().map(|x| x * x).sum();
            if inverse[at * self.m() + at] * size > 1e9 {
                let what = format!("\"{}\"", self.names[at % self.each()]);
                return Err(EvaluateError::Separated { what });
            }
        }
        Ok(())
    }
}
