//! How strong what was not observed would have to be.

use super::EvaluateError;
use crate::data::{Column, Table};
use crate::math::special::normal_sf;
use serde::{Deserialize, Serialize};

/// The strength of confounding that would explain an effect away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EValue {
    /// Of the estimate.
    pub estimate: f64,
    /// Of the bound of its interval that lies nearer to no effect; 1 when it holds no effect.
    pub bound: f64,
}

/// What proportional selection on unobservables would do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oster {
    /// The coefficient if what is not observed were as selective as what is (`delta` = 1).
    pub adjusted: f64,
    /// How much more selective it would have to be for no effect; above 1 is the usual bar.
    pub delta: f64,
}

fn bad<T>(argument: &'static str, expected: &'static str, got: f64) -> Result<T, EvaluateError> {
    Err(EvaluateError::BadArgument { argument, expected, got: got.to_string() })
}

/// The E-value of a risk ratio with its interval (`VanderWeele` & Ding 2017, *Annals of Internal
/// Medicine* 167, 268-274): the smallest risk ratio that an unobserved trait must have with both
/// treatment and outcome to explain the estimate away, `RR + sqrt(RR (RR - 1))`.
///
/// # Errors
///
/// [`EvaluateError::BadArgument`] for a ratio that is not above 0 or bounds that do not hold it.
pub fn e_value(ratio: f64, interval: (f64, f64)) -> Result<EValue, EvaluateError> {
    if !(ratio > 0.0 && ratio.is_finite()) {
        return bad("ratio", "a risk ratio above 0", ratio);
    }
    let (low, high) = interval;
    if !(low > 0.0 && low <= ratio && ratio <= high) {
        return bad("interval", "bounds above 0 around the ratio", low);
    }
    let of = |ratio: f64| {
        let away = if ratio < 1.0 { 1.0 / ratio } else { ratio };
        away + (away * (away - 1.0)).sqrt()
    };
    let nearer = if ratio >= 1.0 { low } else { high };
    let holds = low <= 1.0 && high >= 1.0;
    Ok(EValue { estimate: of(ratio), bound: if holds { 1.0 } else { of(nearer) } })
}

/// Selection on unobservables in proportion to that on observables (Oster 2019, *Journal of
/// Business & Economic Statistics* 37, 187-204; the closed form of her section 3.2).
///
/// `short` and `long` are coefficient and R-squared without and with controls; `r_max` is the
/// R-squared one would have with all (1.3 times that of `long` is usual).
///
/// ```text
/// beta* = b_long - (b_short - b_long) (R_max - R_long) / (R_long - R_short)
/// ```
///
/// # Errors
///
/// [`EvaluateError::BadArgument`] unless `R_short < R_long <= r_max <= 1`.
pub fn oster(short: (f64, f64), long: (f64, f64), r_max: f64) -> Result<Oster, EvaluateError> {
    if !(short.1 >= 0.0 && short.1 < long.1) {
        return bad("long", "an R-squared above that without controls", long.1);
    }
    if !(long.1 <= r_max && r_max <= 1.0) {
        return bad("r_max", "a number from the R-squared with controls to 1", r_max);
    }
    let moved = (short.0 - long.0) * (r_max - long.1) / (long.1 - short.1);
    Ok(Oster { adjusted: long.0 - moved, delta: long.0 / moved })
}

/// Rosenbaum's bounds for differences within matched pairs (2002, *Observational Studies*, ch. 4).
///
/// At `gamma` two persons of a pair differ at most by that factor in their odds to start, for
/// reasons not observed. The p values are those of the signed-rank test against no effect,
/// one-sided in the direction of the estimate, at worst and at best; with differences of one size
/// (outcomes of 0 and 1) it is the test of `McNemar`. Pairs without a difference say nothing.
///
/// # Errors
///
/// [`EvaluateError::BadArgument`] for a `gamma` below 1,
/// [`EvaluateError::NothingEstimable`] when no pair differs.
pub fn rosenbaum(differences: &[f64], gammas: &[f64]) -> Result<Table, EvaluateError> {
    if let Some(&gamma) = gammas.iter().find(|own| !(**own >= 1.0 && own.is_finite())) {
        return bad("gamma", "numbers of 1 and more", gamma);
    }
    let mut own: Vec<f64> =
        differences.iter().copied().filter(|own| *own != 0.0 && own.is_finite()).collect();
    if own.is_empty() {
        let why = "no pair differs in its outcome".to_owned();
        return Err(EvaluateError::NothingEstimable { why });
    }
    own.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let mut ranks = vec![0.0; own.len()];
    let mut at = 0;
    while at < own.len() {
        let mut end = at;
        while end < own.len() && own[end].abs() - own[at].abs() <= 1e-12 * own[at].abs() {
            end += 1;
        }
        ranks[at..end].fill((at + 1 + end) as f64 / 2.0);
        at = end;
    }
    let all: f64 = ranks.iter().sum();
    let squares: f64 = ranks.iter().map(|rank| rank * rank).sum();
    let up: f64 = own.iter().zip(&ranks).filter(|own| *own.0 > 0.0).map(|own| own.1).sum();
    let statistic = up.max(all - up);
    let p_value = |p: f64| normal_sf((statistic - p * all) / (p * (1.0 - p) * squares).sqrt());
    let worst = gammas.iter().map(|gamma| p_value(gamma / (1.0 + gamma))).collect();
    let best = gammas.iter().map(|gamma| p_value(1.0 / (1.0 + gamma))).collect();
    Ok(Table::new([
        ("gamma", Column::float(gammas.to_vec())),
        ("p_low", Column::float(best)),
        ("p_high", Column::float(worst)),
    ])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples() {
        // VanderWeele & Ding (2017): RR 3.9 (1.8, 8.7) gives 7.26 and 3.0.
        let own = e_value(3.9, (1.8, 8.7)).unwrap();
        assert!((own.estimate - 7.26).abs() < 0.01 && (own.bound - 3.0).abs() < 0.01, "{own:?}");
        assert_eq!(e_value(1.2, (0.9, 1.6)).unwrap().bound, 1.0);
        let same = e_value(1.0 / 3.9, (1.0 / 8.7, 1.0 / 1.8)).unwrap();
        assert!((same.estimate - own.estimate).abs() < 1e-12);
        assert!(e_value(-1.0, (0.0, 1.0)).is_err() && e_value(1.0, (2.0, 3.0)).is_err());
        // Controls halve the coefficient and explain half of what could be explained.
        let own = oster((2.0, 0.0), (1.0, 0.5), 1.0).unwrap();
        assert_eq!((own.adjusted, own.delta), (0.0, 1.0));
        assert!(oster((2.0, 0.5), (1.0, 0.4), 1.0).is_err());
    }

    #[test]
    fn bounds_widen_with_gamma_and_close_at_one() {
        let differences: Vec<f64> =
            (0..60).map(|at| if at % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let table = rosenbaum(&differences, &[1.0, 1.5, 2.0, 4.0]).unwrap();
        let of = |name: &str| table.get(name).unwrap().to_floats("", name).unwrap();
        let (low, high) = (of("p_low"), of("p_high"));
        assert!((low[0] - high[0]).abs() < 1e-15);
        assert!(high.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(low.windows(2).all(|pair| pair[0] > pair[1]));
        // 40 of 60 discordant pairs, McNemar: (40 - 30) / sqrt(15).
        assert!((high[0] - normal_sf(10.0 / 15.0_f64.sqrt())).abs() < 1e-12);
        // At gamma 2 the worst chance is 2/3, and 40 of 60 is what one expects.
        assert!((high[2] - 0.5).abs() < 1e-12);
        assert!(rosenbaum(&[0.0], &[1.0]).is_err() && rosenbaum(&[1.0], &[0.5]).is_err());
    }
}
