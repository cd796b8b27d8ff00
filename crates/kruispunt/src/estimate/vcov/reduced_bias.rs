//! The bias-reduced clustered covariance and its degrees of freedom.

use super::pieces::times;
use super::{Covariance, Parts, Vcov, is_nested};
use crate::data::{ClusterCount, Instrumental};
use crate::estimate::EstimateError;
use crate::math::linalg::{eigen, sandwich, with_eigenvalues};

/// Shares of a cluster beyond this leave nothing to correct by.
const ALL: f64 = 1.0 - 1e-9;

impl Parts<'_> {
    /// Regressors are those of the last regression: fitted values where there are instruments,
    /// weights and residuals those of the last step where there is a likelihood.
    ///
    /// With `L = B^(1/2)` and `L X_g'WX_g L = V D V'`, the root of `(I - H_gg)^-1` acts on the score
    /// of cluster g as `L^-1 V (1 - D)^(-1/2) V' L`: only k x k matrices are needed.
    pub(super) fn bias_reduced(
        &self,
        vcov: &Vcov,
        variable: &str,
    ) -> Result<Covariance, EstimateError> {
        let factor = self.variable(variable)?;
        self.may_reduce()?;
        if factor.n_levels() < 2 {
            let (cluster, n) = (variable.to_owned(), factor.n_levels());
            return Err(EstimateError::TooFewClusters { cluster, n });
        }
        if !self.sample.effects.iter().all(|effect| is_nested(&effect.factor, factor)) {
            return Err(refused(
                "CRV2 where every effect lies within clusters; write small ones as C(...)",
                "an effect that crosses clusters",
            ));
        }
        let (k, pieces) = (self.k(), self.pieces(factor));
        let root = with_eigenvalues(&self.sample.bread, k, |value| value.max(0.0).sqrt());
        let back =
            with_eigenvalues(&self.sample.bread, k, |value| value.max(1e-300).sqrt().recip());
        let mut meat = vec![0.0; k * k];
        let mut freedom = vec![Freedom::new(k); k];
        for cluster in 0..pieces.g {
            let (shares, vectors) = eigen(&sandwich(&root, pieces.gram(cluster), k), k);
            let shares: Vec<f64> = shares.into_iter().map(|own| own.clamp(0.0, 1.0)).collect();
            let left = |own: f64| if own > ALL { 0.0 } else { (1.0 - own).recip() };
            let inner = times(&root, pieces.score(cluster));
            let turned = through(&vectors, &shares, |own| left(own).sqrt(), &inner);
            let score = times(&back, &turned);
            for i in 0..k {
                for j in 0..k {
                    meat[i * k + j] += score[i] * score[j];
                }
            }
            for (at, own) in freedom.iter_mut().enumerate() {
                let unit = &root[at * k..(at + 1) * k];
                let once = through(&vectors, &shares, |own| own * left(own), unit);
                let half = through(&vectors, &shares, |own| own * left(own).sqrt(), unit);
                own.add(once.iter().zip(unit).map(|(a, b)| a * b).sum(), &half);
            }
        }
        Ok(Covariance {
            matrix: sandwich(&self.sample.bread, &meat, k),
            df: pieces.g as f64 - 1.0,
            df_each: freedom.iter().map(Freedom::value).collect(),
            clusters: vec![ClusterCount { name: variable.to_owned(), clusters: pieces.g }],
            text: vcov.text(),
            repaired: false,
        })
    }

    /// Two-stage least squares is a regression on fitted values, a likelihood one with working
    /// weights; the estimators between have no projection to take shares of.
    fn may_reduce(&self) -> Result<(), EstimateError> {
        if self.sample.instrumented && self.sample.instrumental != Instrumental::TwoStage {
            return Err(refused(
                "a covariance other than CRV2, or two-stage least squares",
                "limited information maximum likelihood",
            ));
        }
        Ok(())
    }
}

fn refused(expected: &'static str, got: &str) -> EstimateError {
    EstimateError::BadArgument { argument: "vcov", expected, got: got.to_owned() }
}

/// `V f(D) V' x`, with the vectors of V as rows.
fn through(vectors: &[f64], values: &[f64], f: impl Fn(f64) -> f64, x: &[f64]) -> Vec<f64> {
    let k = x.len();
    let mut out = vec![0.0; k];
    for (vector, value) in vectors.chunks_exact(k.max(1)).zip(values) {
        let along: f64 = vector.iter().zip(x).map(|(v, x)| v * x).sum();
        for (out, v) in out.iter_mut().zip(vector) {
            *out += f(*value) * along * v;
        }
    }
    out
}

/// Satterthwaite's `(tr G)^2 / tr(G^2)` with `G = diag(a) - P P'`, added up by cluster.
#[derive(Clone)]
struct Freedom {
    trace: f64,
    squares: f64,
    cross: Vec<f64>,
}

impl Freedom {
    fn new(k: usize) -> Self {
        Self { trace: 0.0, squares: 0.0, cross: vec![0.0; k * k] }
    }

    fn add(&mut self, a: f64, p: &[f64]) {
        let own: f64 = p.iter().map(|p| p * p).sum();
        self.trace += a - own;
        self.squares += a * a - 2.0 * a * own;
        for (at, sum) in self.cross.iter_mut().enumerate() {
            *sum += p[at / p.len()] * p[at % p.len()];
        }
    }

    fn value(&self) -> f64 {
        let cross: f64 = self.cross.iter().map(|own| own * own).sum();
        self.trace * self.trace / (self.squares + cross)
    }
}
