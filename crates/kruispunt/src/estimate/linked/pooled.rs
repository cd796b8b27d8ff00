//! Rubin's rules: one answer from estimates on several drawn linkages.

use super::super::EstimateError;
use crate::data::{Account, Caution, Convergence, Count, Effects, Fit, Goodness, Status, Step};

/// Pooled estimates.
struct Pooled {
    mean: Vec<f64>,
    /// `U + (1 + 1/m) B`.
    total: Vec<f64>,
    /// Barnard & Rubin's, one number an estimate.
    df: Vec<f64>,
    /// Share of the variance that is between draws.
    between: Vec<f64>,
}

/// Means and total covariance; `within` are covariances, row-major.
fn rubin(estimates: &[Vec<f64>], within: &[&[f64]], complete: f64) -> Pooled {
    let (m, k) = (estimates.len() as f64, estimates[0].len());
    let average =
        |value: &dyn Fn(usize) -> f64| -> f64 { (0..estimates.len()).map(value).sum::<f64>() / m };
    let mean: Vec<f64> = (0..k).map(|j| average(&|at| estimates[at][j])).collect();
    let (mut total, mut df, mut between) = (vec![0.0; k * k], Vec::new(), Vec::new());
    for i in 0..k {
        for j in 0..k {
            let inside = average(&|at| within[at][i * k + j]);
            let products =
                average(&|at| (estimates[at][i] - mean[i]) * (estimates[at][j] - mean[j]));
            let spread = if m > 1.0 { products * m / (m - 1.0) } else { 0.0 };
            total[i * k + j] = inside + (1.0 + 1.0 / m) * spread;
            if i == j {
                let share = (1.0 + 1.0 / m) * spread / total[i * k + i];
                let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
                between.push(share);
                df.push(barnard_rubin(m, share, complete));
            }
        }
    }
    Pooled { mean, total, df, between }
}

/// Degrees of freedom of Barnard & Rubin (1999): `m` draws, the share of the variance between
/// them, and the degrees of freedom of one complete file.
fn barnard_rubin(m: f64, share: f64, complete: f64) -> f64 {
    let large = if share > 0.0 { (m - 1.0) / (share * share) } else { f64::INFINITY };
    if complete.is_infinite() {
        return large;
    }
    let observed = (complete + 1.0) / (complete + 3.0) * complete * (1.0 - share);
    if large.is_infinite() { observed } else { large * observed / (large + observed) }
}

fn too_few(n: usize) -> EstimateError {
    EstimateError::BadArgument {
        argument: "fits",
        expected: "two estimates or more",
        got: n.to_string(),
    }
}

/// Pools fits of one model on several drawn linkages (or imputations) by Rubin's rules.
///
/// ```text
/// q = mean of q_d,   T = mean of U_d + (1 + 1/m) B,   B = sum (q_d - q)(q_d - q)' / (m - 1)
/// ```
///
/// Degrees of freedom are those of Barnard & Rubin (1999), by coefficient; the smallest number of
/// degrees among the fits counts as that of one complete file. The fit has no sample.
///
/// # Errors
///
/// [`EstimateError::BadArgument`] for fewer than two fits or fits with other coefficients: a
/// coefficient that some draws do not identify cannot be pooled.
///
/// # References
///
/// - Rubin, D. B. (1987). *Multiple Imputation for Nonresponse in Surveys*. Wiley.
/// - Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation.
///   *Biometrika* 86(4), 948-955.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::{FeOls, pool_fits};
/// let drawn = |wages: [f64; 4]| Table::new([
///     ("age", Column::int(vec![1, 2, 3, 4])),
///     ("wage", Column::float(wages.to_vec())),
/// ]);
/// let model = FeOls::new("wage ~ age")?;
/// let first = model.fit(&drawn([1.0, 2.1, 2.9, 4.0])?)?;
/// let second = model.fit(&drawn([2.1, 1.0, 2.9, 4.0])?)?;
/// let pooled = pool_fits(&[&first, &second])?;
/// assert!((pooled.coef()[1] - (first.coef()[1] + second.coef()[1]) / 2.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pool_fits(fits: &[&Fit]) -> Result<Fit, EstimateError> {
    let [first, _, ..] = fits else { return Err(too_few(fits.len())) };
    if let Some(at) = fits.iter().position(|own| own.names != first.names) {
        return Err(EstimateError::BadArgument {
            argument: "fits",
            expected: "the same coefficients in every fit",
            got: format!("others in fit {at} than in fit 0"),
        });
    }
    let estimates: Vec<Vec<f64>> = fits.iter().map(|own| own.coef.clone()).collect();
    let within: Vec<&[f64]> = fits.iter().map(|own| own.vcov.as_slice()).collect();
    let complete = fits.iter().flat_map(|own| own.dfs()).fold(f64::INFINITY, f64::min);
    let pooled = rubin(&estimates, &within, complete);
    let least = fits.iter().map(|own| own.n_obs).min().unwrap_or_default();
    let most = fits.iter().map(|own| own.n_obs).max().unwrap_or_default();
    let shares: Vec<String> = first
        .names
        .iter()
        .zip(&pooled.between)
        .map(|(name, share)| format!("{name} {:.1} %", 100.0 * share))
        .collect();
    let mut step = Step::new(
        "pool",
        format!("Rubin's rules over {} fits", fits.len()),
        Count::rows(most),
        Count::rows(most),
    )
    .note(format!("variance that is between fits: {}", shares.join(", ")));
    if least != most {
        step = step.note(format!("fits rest on {least} to {most} observations"));
    }
    let nan = f64::NAN;
    Ok(Fit {
        coef: pooled.mean,
        vcov: pooled.total,
        vcov_text: format!("{}, pooled over {} fits", first.vcov_text, fits.len()),
        kind: None,
        df: pooled.df.iter().copied().fold(f64::INFINITY, f64::min),
        df_each: pooled.df,
        n_obs: least,
        goodness: Goodness { r2: nan, adj_r2: nan, within_r2: nan, adj_within_r2: nan, rmse: nan },
        convergence: Convergence::default(),
        account: Account::new("data").then(step),
        sample: None,
        first_stage: Vec::new(),
        weakest: Vec::new(),
        variances: None,
        transformed: false,
        sampled: false,
        likelihood: None,
        ..(*first).clone()
    })
}

/// Pools effects estimated on several drawn linkages by Rubin's rules.
///
/// Estimates and the shares that averages weigh them with are pooled together, so that
/// `aggregate` and `bands` of the answer take both kinds of uncertainty with them. A cell that some
/// draw could not estimate is not estimable in the answer.
///
/// # Errors
///
/// [`EstimateError::BadArgument`] for fewer than two, or for effects of other cells.
pub fn pool_effects(all: &[&Effects]) -> Result<Effects, EstimateError> {
    let [first, _, ..] = all else { return Err(too_few(all.len())) };
    let key = |own: &Effects| -> Vec<_> {
        own.rows.iter().map(|row| (row.cohort, row.period, row.event)).collect()
    };
    let cells = key(first);
    let other = |own: &&Effects| {
        key(own) != cells || own.shares.len() != first.shares.len() || own.by != first.by
    };
    if let Some(at) = all.iter().position(other) {
        return Err(EstimateError::BadArgument {
            argument: "effects",
            expected: "the same cells in all of them; aggregate them first (by event, say)",
            got: format!("others in number {at} than in number 0"),
        });
    }
    let estimates: Vec<Vec<f64>> = all
        .iter()
        .map(|own| own.rows.iter().map(|row| row.estimate).chain(own.shares.clone()).collect())
        .collect();
    let within: Vec<&[f64]> = all.iter().map(|own| own.joint.as_slice()).collect();
    let complete = all.iter().filter_map(|own| own.df).fold(f64::INFINITY, f64::min);
    let pooled = rubin(&estimates, &within, complete);
    let mut answer = (*first).clone();
    let n = answer.rows.len();
    let mut least = f64::INFINITY;
    for (at, row) in answer.rows.iter_mut().enumerate() {
        row.estimate = pooled.mean[at];
        let worst = all.iter().map(|own| &own.rows[at].status).find(|own| {
            matches!(own, Status::NotEstimable(_)) || matches!(own, Status::NoError(_))
        });
        if let Some(worst) = worst {
            row.status = worst.clone();
        } else if matches!(row.status, Status::Estimated) && pooled.df[at].is_finite() {
            least = least.min(pooled.df[at]);
        }
    }
    answer.shares = pooled.mean[n..].to_vec();
    answer.joint = pooled.total;
    answer.df = least.is_finite().then_some(least);
    answer.identified = all.iter().map(|own| own.identified).fold(f64::INFINITY, f64::min);
    answer.cautions.push(Caution {
        code: "pooled".to_owned(),
        text: format!(
            "pooled over {} linkages by Rubin's rules; degrees of freedom are the smallest of all cells, sizes those of the first",
            all.len()
        ),
    });
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::{barnard_rubin, rubin};

    #[test]
    fn rubin_by_hand() {
        // Three estimates 1, 2, 3 with variance 2: U = 2, B = 1, T = 2 + 4/3.
        let estimates = [vec![1.0], vec![2.0], vec![3.0]];
        let own = rubin(&estimates, &[&[2.0], &[2.0], &[2.0]], f64::INFINITY);
        assert!((own.mean[0] - 2.0).abs() < 1e-15);
        assert!((own.total[0] - 10.0 / 3.0).abs() < 1e-14);
        // (m - 1)(1 + U / ((1 + 1/m) B))^2 = 2 (1 + 1.5)^2
        assert!((own.df[0] - 12.5).abs() < 1e-12);
        assert!((own.between[0] - 0.4).abs() < 1e-14);
    }

    #[test]
    fn degrees_of_freedom_lie_below_both_limits() {
        let own = barnard_rubin(5.0, 0.3, 40.0);
        assert!(own < 40.0);
        let observed = 41.0 / 43.0 * 40.0 * 0.7;
        let large = 4.0 / 0.09;
        assert!((own - 1.0 / (1.0 / large + 1.0 / observed)).abs() < 1e-12);
        assert!((barnard_rubin(5.0, 0.0, 40.0) - 41.0 / 43.0 * 40.0).abs() < 1e-12);
    }
}
