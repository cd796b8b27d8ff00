//! What each row weighs in its own prediction: the diagonal of the projection on effects.

use super::Parts;
use crate::data::SampleEffect;
use crate::estimate::EstimateError;
use crate::math::linalg::Semidefinite;

/// Levels beside those of the largest effect, at most.
const LEVELS: usize = 2_000;

impl Parts<'_> {
    /// Leverage of the effects, by row.
    pub(super) fn effect_leverage(&self) -> Result<Vec<f64>, EstimateError> {
        let effects = &self.sample.effects;
        if effects.iter().any(|own| !own.slopes.is_empty()) {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "HC1 or clusters where slopes differ between levels, not HC2 and HC3",
                got: "f[x]".to_owned(),
            });
        }
        let largest = (0..effects.len()).max_by_key(|&at| effects[at].factor.n_levels());
        let Some(largest) = largest else { return Ok(vec![0.0; self.n()]) };
        let home = &effects[largest].factor;
        let mut mass = vec![0.0; home.n_levels()];
        for (row, &code) in home.codes().iter().enumerate() {
            mass[code as usize] += self.weight(row);
        }
        let own = |(row, &code): (usize, &u32)| self.weight(row) / mass[code as usize];
        let mut leverage: Vec<f64> = home.codes().iter().enumerate().map(own).collect();
        if effects.len() == 1 {
            return Ok(leverage);
        }
        let others: Vec<&SampleEffect> =
            (0..effects.len()).filter(|&at| at != largest).map(|at| &effects[at]).collect();
        let m: usize = others.iter().map(|effect| effect.factor.n_levels()).sum();
        if m > LEVELS {
            return Err(EstimateError::BadArgument {
                argument: "vcov",
                expected: "for HC2 and HC3 at most 2,000 levels of effects beside the largest",
                got: format!("{m} levels"),
            });
        }
        self.add_others(&mut leverage, &others, &mass, (largest, m));
        Ok(leverage)
    }

    /// With the largest effect taken out of the others' indicators, `d - p` in a level with means
    /// p, the rest is `w (d - p)' S^- (d - p)`, S the cross-products of `d - p`.
    fn add_others(
        &self,
        leverage: &mut [f64],
        others: &[&SampleEffect],
        mass: &[f64],
        (largest, m): (usize, usize),
    ) {
        let home = self.sample.effects[largest].factor.codes();
        let mut starts = Vec::with_capacity(others.len());
        let mut start = 0;
        for effect in others {
            starts.push(start);
            start += effect.factor.n_levels();
        }
        let places = |row: usize| {
            others
                .iter()
                .zip(&starts)
                .map(move |(effect, start)| start + effect.factor.codes()[row] as usize)
        };
        let mut order: Vec<u32> = (0..home.len() as u32).collect();
        order.sort_by_key(|&row| (home[row as usize], row));
        let levels: Vec<&[u32]> =
            order.chunk_by(|&a, &b| home[a as usize] == home[b as usize]).collect();
        let mut means = vec![0.0; m];
        let (mut s, mut weight) = (vec![0.0; m * m], vec![0.0; m]);
        for rows in &levels {
            let total = mass[home[rows[0] as usize] as usize];
            let seen = self.means(rows, total, &places, &mut means);
            for &row in *rows {
                let w = self.weight(row as usize);
                for i in places(row as usize) {
                    weight[i] += w;
                    for j in places(row as usize) {
                        s[i * m + j] += w;
                    }
                }
            }
            for &i in &seen {
                for &j in &seen {
                    s[i * m + j] -= total * means[i] * means[j];
                }
            }
            for i in seen {
                means[i] = 0.0;
            }
        }
        for nested in (0..m).filter(|&i| s[i * m + i] <= 1e-10 * weight[i]).collect::<Vec<_>>() {
            for j in 0..m {
                s[nested * m + j] = 0.0;
                s[j * m + nested] = 0.0;
            }
        }
        let inverse = generalised_inverse(s, m);
        let mut turned = vec![0.0; m];
        for rows in &levels {
            let total = mass[home[rows[0] as usize] as usize];
            let seen = self.means(rows, total, &places, &mut means);
            for &i in &seen {
                turned[i] = seen.iter().map(|&j| inverse[i * m + j] * means[j]).sum();
            }
            let middle: f64 = seen.iter().map(|&i| means[i] * turned[i]).sum();
            for &row in *rows {
                let row = row as usize;
                let mut form = middle;
                for i in places(row) {
                    form -= 2.0 * turned[i];
                    form += places(row).map(|j| inverse[i * m + j]).sum::<f64>();
                }
                leverage[row] += self.weight(row) * form.max(0.0);
            }
            for i in seen {
                means[i] = 0.0;
            }
        }
    }

    /// Weighted shares of the other effects' levels in one level of the largest; gives which
    /// levels occur.
    fn means<I: Iterator<Item = usize>>(
        &self,
        rows: &[u32],
        total: f64,
        places: &impl Fn(usize) -> I,
        means: &mut [f64],
    ) -> Vec<usize> {
        let mut seen = Vec::new();
        for &row in rows {
            for i in places(row as usize) {
                if means[i] == 0.0 {
                    seen.push(i);
                }
                means[i] += self.weight(row as usize) / total;
            }
        }
        seen
    }
}

/// A symmetric generalised inverse.
fn generalised_inverse(s: Vec<f64>, m: usize) -> Vec<f64> {
    let factor = Semidefinite::new(s, m);
    let mut inverse = vec![0.0; m * m];
    for (j, column) in inverse.chunks_exact_mut(m.max(1)).enumerate() {
        column[j] = 1.0;
        factor.solve(column);
    }
    inverse
}
