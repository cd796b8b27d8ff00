//! Gauss-Hermite quadrature.

/// Points and weights of the Gauss-Hermite rule: `integral exp(-x^2) f(x) dx = sum w f(x)`, exact
/// for polynomials of a degree below `2 n`. Points in order.
///
/// Roots of orthonormal Hermite polynomials lie between those of one degree less: bisection finds
/// them, and the Christoffel numbers are one over the sum of squares of the polynomials there.
pub(crate) fn gauss_hermite(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut roots: Vec<f64> = Vec::new();
    for degree in 1..=n {
        // Roots of this degree are within sqrt(2 degree + 1).
        let far = ((2 * degree + 1) as f64).sqrt() + 1.0;
        let mut bounds = vec![-far];
        bounds.extend(&roots);
        bounds.push(far);
        roots = bounds.windows(2).map(|pair| root(degree, pair[0], pair[1])).collect();
    }
    // The rule is symmetric to the last digit.
    for at in 0..n / 2 {
        let half = 0.5 * (roots[n - 1 - at] - roots[at]);
        (roots[at], roots[n - 1 - at]) = (-half, half);
    }
    if n % 2 == 1 {
        roots[n / 2] = 0.0;
    }
    let weight = |x: &f64| {
        let (mut last, mut own) = (0.0, FIRST);
        let mut sum = own * own;
        for j in 0..n - 1 {
            (last, own) = (own, next(j, *x, own, last));
            sum += own * own;
        }
        1.0 / sum
    };
    let weights = roots.iter().map(weight).collect();
    (roots, weights)
}

/// pi^(-1/4).
const FIRST: f64 = 0.751_125_544_464_943;

fn next(j: usize, x: f64, own: f64, last: f64) -> f64 {
    let j = j as f64;
    x * (2.0 / (j + 1.0)).sqrt() * own - (j / (j + 1.0)).sqrt() * last
}

fn value(degree: usize, x: f64) -> f64 {
    let (mut last, mut own) = (0.0, FIRST);
    for j in 0..degree {
        (last, own) = (own, next(j, x, own, last));
    }
    own
}

fn root(degree: usize, mut low: f64, mut high: f64) -> f64 {
    let below = value(degree, low) < 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if (value(degree, middle) < 0.0) == below {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_those_of_the_tables_and_integrate_moments() {
        // Abramowitz & Stegun (1964), table 25.10.
        let (x, w) = gauss_hermite(5);
        assert!((x[4] - 2.020_182_870_456_086).abs() < 1e-14, "{x:?}");
        assert!((x[3] - 0.958_572_464_613_819).abs() < 1e-14);
        assert!((w[2] - 0.945_308_720_482_941_9).abs() < 1e-14, "{w:?}");
        assert!((w[0] - 0.019_953_242_059_045_91).abs() < 1e-14);
        for n in [1, 2, 7, 15, 25, 60] {
            let (x, w) = gauss_hermite(n);
            let mut moment = std::f64::consts::PI.sqrt();
            for degree in 0..n.min(12) {
                let found: f64 = x.iter().zip(&w).map(|(x, w)| w * x.powi(2 * degree as i32)).sum();
                assert!((found / moment - 1.0).abs() < 1e-11, "{n} {degree}");
                moment *= degree as f64 + 0.5;
            }
        }
    }
}
