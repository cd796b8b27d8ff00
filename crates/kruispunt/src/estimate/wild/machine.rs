//! What draws of the wild bootstrap are computed from, and the draws.

use super::{Null, bad};
use crate::data::Factor;
use crate::estimate::EstimateError;
use crate::estimate::absorption::{failed, go_on, sets};
use crate::estimate::least_squares::combine;
use crate::estimate::vcov::Parts;
use crate::math::absorb::{Absorber, Stop};
use crate::math::crossprod::dot;

/// Clusters that effects may cross: each is swept out.
const MOST_CROSSED: usize = 2000;

/// A cluster's score as the value imposed moves away from the estimate.
pub(super) struct Line {
    pub(super) base: Vec<f64>,
    pub(super) slope: Vec<f64>,
    /// What the cluster's own number adds to its deviation: at the estimate, and along.
    pub(super) diagonal: (f64, f64),
}

pub(super) struct Machine {
    pub(super) g: usize,
    pub(super) estimate: f64,
    /// r'Br.
    pub(super) reach: f64,
    pub(super) std_error: f64,
    pub(super) correction: f64,
    /// B r.
    pub(super) toward: Vec<f64>,
    /// Row-major `(g, k)`.
    pub(super) left: Vec<f64>,
    pub(super) lines: Vec<Line>,
    /// Row-major `(g, g)`, at the estimate and along, where effects cross clusters.
    pub(super) crossing: Option<(Vec<f64>, Vec<f64>)>,
}

/// Numerator and variance of a draw, as the value imposed moves.
pub(super) struct Draw {
    numerator: (f64, f64),
    squares: (f64, f64, f64),
}

impl Draw {
    pub(super) fn t(&self, moved: f64, correction: f64) -> f64 {
        let (a, b, c) = self.squares;
        let variance = (c * moved + 2.0 * b) * moved + a;
        (self.numerator.0 + moved * self.numerator.1) / (correction * variance.max(0.0)).sqrt()
    }
}

impl Machine {
    pub(super) fn each(&mut self, cluster: usize, f: impl Fn(&[f64]) -> f64) {
        let line = &mut self.lines[cluster];
        line.diagonal = (f(&line.base), f(&line.slope));
    }

    pub(super) fn draw(&self, weights: &[f64]) -> Draw {
        let k = self.toward.len();
        let (mut base, mut slope) = (vec![0.0; k], vec![0.0; k]);
        for (line, weight) in self.lines.iter().zip(weights) {
            add(&mut base, *weight, &line.base);
            add(&mut slope, *weight, &line.slope);
        }
        let mut squares = (0.0, 0.0, 0.0);
        for (at, (line, weight)) in self.lines.iter().zip(weights).enumerate() {
            let left = &self.left[at * k..(at + 1) * k];
            let mut a = weight * line.diagonal.0 + dot(left, &base);
            let mut b = weight * line.diagonal.1 + dot(left, &slope);
            if let Some((of_base, of_slope)) = &self.crossing {
                a += dot(&of_base[at * self.g..(at + 1) * self.g], weights);
                b += dot(&of_slope[at * self.g..(at + 1) * self.g], weights);
            }
            squares = (squares.0 + a * a, squares.1 + a * b, squares.2 + b * b);
        }
        Draw { numerator: (dot(&self.toward, &base), dot(&self.toward, &slope)), squares }
    }

    /// What sweeping takes of one cluster's residuals to the others.
    pub(super) fn cross(
        &mut self,
        parts: &Parts<'_>,
        factor: &Factor,
        null: Null,
    ) -> Result<(), EstimateError> {
        let g = self.g;
        if g > MOST_CROSSED {
            let expected = "at most 2,000 clusters where an effect crosses them";
            return Err(bad("cluster", expected, &g.to_string()));
        }
        parts.ticket.stage("clusters swept", g as u64);
        let columns: Vec<&[f64]> = parts.columns();
        let along = combine(&columns, &self.toward, parts.n());
        let pulls: Vec<f64> =
            along.iter().enumerate().map(|(row, z)| parts.weight(row) * z).collect();
        let sets = sets(&parts.sample.effects);
        let mut absorber =
            Absorber::varying(&sets, parts.weights(), parts.ticket).map_err(failed)?;
        let stop = Stop { tol: 1e-8, max_iter: 20_000 };
        let codes = factor.codes();
        let mut sources: Vec<&[f64]> = vec![parts.residuals()];
        if null == Null::Imposed {
            sources.push(&along);
        }
        let mut found = vec![vec![0.0; g * g]; 2];
        for (kind, source) in sources.iter().enumerate() {
            for first in (0..g).step_by(8) {
                go_on(parts.ticket)?;
                let own = first..(first + 8).min(g);
                let mut lanes: Vec<Vec<f64>> = own
                    .clone()
                    .map(|cluster| {
                        let rows = codes.iter().zip(*source);
                        rows.map(|(&c, e)| if c as usize == cluster { *e } else { 0.0 }).collect()
                    })
                    .collect();
                let mut views: Vec<&mut [f64]> = lanes.iter_mut().map(Vec::as_mut_slice).collect();
                absorber.sweep(&mut views, stop, parts.ticket).map_err(failed)?;
                for (cluster, lane) in own.zip(&lanes) {
                    for ((&code, pull), value) in codes.iter().zip(&pulls).zip(lane) {
                        found[kind][code as usize * g + cluster] += pull * value;
                    }
                }
                parts.ticket.advance(8);
            }
        }
        for line in &mut self.lines {
            line.diagonal = (0.0, 0.0);
        }
        let slope = found.pop().unwrap_or_default();
        self.crossing = found.pop().map(|base| (base, slope));
        Ok(())
    }
}

fn add(sum: &mut [f64], weight: f64, values: &[f64]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}
