//! Errors dependent over space: pairs of rows within a distance.
//!
//! Scores are summed by place; places stand in bands of latitude as high as the distance, in the
//! order of their longitude, so that only near ones are compared.

use super::{Covariance, Parts, Vcov};
use crate::data::{Distance, Kernel};
use crate::estimate::EstimateError;
use crate::math::linalg::{positive_part, sandwich};
use rayon::prelude::*;

/// Radius of the earth in km, as fixest has it: along the great circle, and with 111 km a degree.
const GREAT: f64 = 6376.0;
const PLANE: f64 = 111.0 * 180.0 / std::f64::consts::PI;
/// The lowest band of latitudes, in radians.
const LOWEST: f64 = 1e-4;
/// Places of a chunk.
const CHUNK: usize = 256;

/// Where pairs count, and how much.
pub(super) struct Reach<'a> {
    pub(super) latitude: &'a str,
    pub(super) longitude: &'a str,
    pub(super) cutoff: f64,
    pub(super) distance: Distance,
    pub(super) kernel: Kernel,
}

/// Places in bands, with the sums of their scores.
struct Map {
    /// Radians, in the order of bands and longitudes.
    places: Vec<(f64, f64)>,
    sums: Vec<f64>,
    /// Where each band starts, and the latitude the first begins at.
    starts: Vec<usize>,
    south: f64,
    height: f64,
    /// The longest distance, in radians.
    angle: f64,
}

impl Parts<'_> {
    pub(super) fn conley(
        &self,
        vcov: &Vcov,
        reach: &Reach<'_>,
    ) -> Result<Covariance, EstimateError> {
        let none = vec![false; self.sample.effects.len()];
        let (k, n, parameters) = (self.k(), self.observations(), self.parameters(&none));
        let scale = self.correction(parameters, n)?;
        let map = self.map(reach)?;
        let chunks = map.places.len().div_ceil(CHUNK);
        let parts: Vec<Vec<f64>> = (0..chunks)
            .into_par_iter()
            .map(|chunk| {
                let end = ((chunk + 1) * CHUNK).min(map.places.len());
                map.meat(chunk * CHUNK..end, k, reach)
            })
            .collect();
        let mut meat = vec![0.0; k * k];
        for part in parts {
            meat.iter_mut().zip(part).for_each(|(sum, own)| *sum += own);
        }
        for i in 0..k {
            for j in 0..i {
                let own = f64::midpoint(meat[i * k + j], meat[j * k + i]);
                (meat[i * k + j], meat[j * k + i]) = (own, own);
            }
        }
        let mut matrix = sandwich(&self.sample.bread, &meat, k);
        for value in &mut matrix {
            *value *= scale;
        }
        let fixed = positive_part(&matrix, k);
        let repaired = fixed.is_some();
        Ok(Covariance {
            matrix: fixed.unwrap_or(matrix),
            df: n - parameters as f64,
            df_each: Vec::new(),
            clusters: Vec::new(),
            text: vcov.text(),
            repaired,
        })
    }

    /// Degrees of a coordinate, row by row, within `limit`.
    fn degrees(&self, name: &str, limit: f64) -> Result<&[f64], EstimateError> {
        let found = self.sample.places.iter().find(|(own, _)| own == name);
        let values = found.map_or(&[][..], |(_, values)| values);
        match values.iter().position(|own| own.is_nan() || own.abs() > limit) {
            None if values.len() == self.n() => Ok(values),
            None => Err(EstimateError::NoSample { what: "vcov" }),
            Some(at) => Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "degrees: latitudes from -90 to 90, longitudes from -360 to 360",
                got: format!("another number in \"{name}\" at row {}", self.sample.rows[at]),
            }),
        }
    }

    fn map(&self, reach: &Reach<'_>) -> Result<Map, EstimateError> {
        if !(reach.cutoff > 0.0 && reach.cutoff.is_finite()) {
            return Err(EstimateError::BadArgument {
                argument: "cutoff",
                expected: "a distance above 0 km",
                got: reach.cutoff.to_string(),
            });
        }
        let latitude = self.degrees(reach.latitude, 90.0)?;
        let longitude = self.degrees(reach.longitude, 360.0)?;
        let angle = reach.cutoff / reach.radius();
        let height = angle.max(LOWEST);
        let south = latitude.iter().copied().fold(90.0, f64::min).to_radians();
        let band = |at: usize| ((latitude[at].to_radians() - south) / height) as usize;
        let turned = |at: usize| {
            let own = longitude[at].rem_euclid(360.0);
            (if own >= 180.0 { own - 360.0 } else { own }).to_radians()
        };
        let mut order: Vec<(usize, f64, f64, u32)> = (0..self.n())
            .map(|at| (band(at), turned(at), latitude[at].to_radians(), at as u32))
            .collect();
        order.par_sort_by(|a, b| {
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3))
        });
        let (k, pulls, columns) = (self.k(), self.pulls(), self.columns());
        let (mut places, mut sums, mut starts) = (Vec::new(), Vec::new(), vec![0]);
        for (band, x, y, row) in order {
            if places.last() != Some(&(y, x)) {
                while starts.len() <= band {
                    starts.push(places.len());
                }
                places.push((y, x));
                sums.resize(places.len() * k, 0.0);
            }
            let from = sums.len() - k;
            for (sum, column) in sums[from..].iter_mut().zip(&columns) {
                *sum += column[row as usize] * pulls[row as usize];
            }
        }
        starts.push(places.len());
        Ok(Map { places, sums, starts, south, height, angle })
    }
}

impl Map {
    /// `sum over places i of s_i (sum over j near i of w_ij s_j)'`.
    fn meat(&self, chunk: std::ops::Range<usize>, k: usize, reach: &Reach<'_>) -> Vec<f64> {
        let mut meat = vec![0.0; k * k];
        let mut near = vec![0.0; k];
        for i in chunk {
            near.fill(0.0);
            let band = self.starts.partition_point(|&start| start <= i) - 1;
            for other in band.saturating_sub(1)..=(band + 1).min(self.starts.len() - 2) {
                self.near(i, other, reach, &mut near);
            }
            for (a, own) in self.sums[i * k..(i + 1) * k].iter().enumerate() {
                for (b, sum) in near.iter().enumerate() {
                    meat[a * k + b] += own * sum;
                }
            }
        }
        meat
    }

    /// Adds the weighted scores of one band's places near place i.
    fn near(&self, i: usize, band: usize, reach: &Reach<'_>, sum: &mut [f64]) {
        let range = self.starts[band]..self.starts[band + 1];
        let own = &self.places[range.clone()];
        let (y, x) = self.places[i];
        // How far longitudes may differ, by the latitude of band and place nearest to a pole.
        let edge = |own: f64| self.south + self.height * own;
        let most = y.abs().max(edge(band as f64).abs()).max(edge(band as f64 + 1.0).abs());
        let shrink = libm::cos(most.min(std::f64::consts::FRAC_PI_2));
        let wide = if shrink > 0.0 { self.angle / (2.0 * shrink) } else { f64::INFINITY };
        let turn = 2.0 * std::f64::consts::PI;
        let width = match reach.distance {
            Distance::Spherical if wide < 1.0 => 2.0 * libm::asin(wide) + 1e-12,
            Distance::Triangular if 2.0 * wide < 0.5 * turn => 2.0 * wide + 1e-12,
            _ => turn,
        };
        let mut add = |from: usize, to: usize| {
            for (j, &place) in own.iter().enumerate().take(to).skip(from) {
                let weight = reach.weight((y, x), place);
                if weight > 0.0 {
                    let k = sum.len();
                    let at = (range.start + j) * k;
                    sum.iter_mut().zip(&self.sums[at..at + k]).for_each(|(s, v)| *s += weight * v);
                }
            }
        };
        if 2.0 * width >= turn {
            add(0, own.len());
            return;
        }
        let first = |from: f64| own.partition_point(|place| place.1 < from);
        let last = |to: f64| own.partition_point(|place| place.1 <= to);
        add(first(x - width), last(x + width));
        if x - width < -0.5 * turn {
            add(first(x - width + turn), own.len());
        }
        if x + width > 0.5 * turn {
            add(0, last(x + width - turn));
        }
    }
}

impl Reach<'_> {
    const fn radius(&self) -> f64 {
        match self.distance {
            Distance::Triangular => PLANE,
            Distance::Spherical => GREAT,
        }
    }

    /// What a pair counts.
    fn weight(&self, a: (f64, f64), b: (f64, f64)) -> f64 {
        let turn = 2.0 * std::f64::consts::PI;
        let across = (a.1 - b.1).abs();
        let (up, across) = (a.0 - b.0, across.min(turn - across));
        let angle = match self.distance {
            Distance::Triangular => {
                let across = across * libm::cos(f64::midpoint(a.0, b.0));
                (up * up + across * across).sqrt()
            }
            Distance::Spherical => {
                let (u, v) = (libm::sin(up / 2.0), libm::sin(across / 2.0));
                let root = u * u + libm::cos(a.0) * libm::cos(b.0) * v * v;
                2.0 * libm::asin(root.sqrt().min(1.0))
            }
        };
        let share = self.radius() * angle / self.cutoff;
        match self.kernel {
            _ if share > 1.0 => 0.0,
            Kernel::Uniform => 1.0,
            Kernel::Bartlett => 1.0 - share,
        }
    }
}
