//! The rules of an institution.

use super::DisclosureError;
use serde::{Deserialize, Serialize};

/// A profile of disclosure control: rules as data, none set that was not asked for.
///
/// With `X` the total of a cell and `x1 >= x2 >= ...` what persons contribute to it, a cell is
/// sensitive when
///
/// ```text
/// 0 < n < min_cell               too few persons
/// 0 < c < min_contributors       too few distinct contributors
/// x1 + ... + xn > k X            dominance (n, k)
/// X - x1 - x2 < p x1             p-percent: the second can estimate the first too well
/// n = 0                          zeros, when they are to be hidden
/// ```
///
/// A share `s` of `n` persons is a count in disguise: `ns` and `n - ns` are held against
/// `min_cell` too. Hundepool et al. (2012), *Statistical Disclosure Control*, section 4.2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Disclosure {
    pub(super) min_cell: Option<u64>,
    pub(super) min_contributors: Option<u64>,
    pub(super) dominance: Option<(usize, f64)>,
    pub(super) p_percent: Option<f64>,
    pub(super) rounding: Option<u64>,
    pub(super) hide_zeros: bool,
    pub(super) min_df: Option<f64>,
    pub(super) digits: Option<usize>,
}

impl Disclosure {
    /// A profile without any rule.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fewest persons a shown cell may rest on.
    pub fn min_cell(mut self, persons: u64) -> Self {
        self.min_cell = Some(persons);
        self
    }

    /// The fewest distinct contributors a shown cell may rest on.
    pub fn min_contributors(mut self, contributors: u64) -> Self {
        self.min_contributors = Some(contributors);
        self
    }

    /// The `n` largest contributions may be at most the share `k` of a total.
    pub fn dominance(mut self, n: usize, k: f64) -> Self {
        self.dominance = Some((n, k));
        self
    }

    /// The second largest contributor may come no closer to the largest than `p`, a share.
    pub fn p_percent(mut self, p: f64) -> Self {
        self.p_percent = Some(p);
        self
    }

    /// Shown counts are rounded to multiples of `base`, halves up.
    pub fn rounding(mut self, base: u64) -> Self {
        self.rounding = Some(base);
        self
    }

    /// Whether a cell without anybody is sensitive too (default no).
    pub fn hide_zeros(mut self, hide: bool) -> Self {
        self.hide_zeros = hide;
        self
    }

    /// The fewest residual degrees of freedom of a model.
    pub fn min_df(mut self, df: f64) -> Self {
        self.min_df = Some(df);
        self
    }

    /// Significant digits of shown numbers that are not counts.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = Some(digits);
        self
    }

    /// Looks whether the rules make sense.
    ///
    /// # Errors
    ///
    /// [`DisclosureError::BadRule`], naming the rule.
    pub fn check(&self) -> Result<(), DisclosureError> {
        let bad = |argument, expected, got: String| {
            Err(DisclosureError::BadRule { argument, expected, got })
        };
        for (argument, value) in [
            ("min_cell", self.min_cell),
            ("min_contributors", self.min_contributors),
            ("rounding", self.rounding),
        ] {
            if value == Some(0) {
                return bad(argument, "1 or more", "0".to_owned());
            }
        }
        if let Some((n, k)) = self.dominance
            && (n == 0 || !(k > 0.0 && k <= 1.0))
        {
            return bad(
                "dominance",
                "(n, k) with n from 1 and k above 0 to 1",
                format!("({n}, {k})"),
            );
        }
        if let Some(p) = self.p_percent
            && !(p > 0.0 && p.is_finite())
        {
            return bad("p_percent", "a share above 0, such as 0.1", p.to_string());
        }
        if let Some(df) = self.min_df
            && (df.is_nan() || df < 0.0)
        {
            return bad("min_df", "a number from 0", df.to_string());
        }
        if let Some(digits) = self.digits
            && !(1..=15).contains(&digits)
        {
            return bad("digits", "1 to 15", digits.to_string());
        }
        Ok(())
    }

    /// Whether a rule looks at single contributions.
    #[must_use]
    pub fn needs_contributions(&self) -> bool {
        self.dominance.is_some() || self.p_percent.is_some()
    }

    /// How many of the largest contributions the rules look at.
    #[must_use]
    pub fn contributions(&self) -> usize {
        let dominant = self.dominance.map_or(0, |(n, _)| n);
        dominant.max(if self.p_percent.is_some() { 2 } else { 0 })
    }

    /// Whether so few persons are too few to show; nobody at all is not.
    #[must_use]
    pub fn is_few(&self, persons: u64) -> bool {
        persons > 0 && self.min_cell.is_some_and(|least| persons < least)
    }

    /// A count as it is shown.
    #[must_use]
    pub fn rounded(&self, count: u64) -> u64 {
        self.rounding.map_or(count, |base| (count + base / 2) / base * base)
    }

    /// A number that is no count as it is shown.
    #[must_use]
    pub fn shortened(&self, value: f64) -> f64 {
        match self.digits {
            Some(digits) if value.is_finite() => {
                format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
            }
            _ => value,
        }
    }

    /// Why a model may not be shown; nothing when it may.
    #[must_use]
    pub fn refuses_model(&self, observations: u64, df: f64) -> Option<String> {
        if let Some(least) = self.min_df
            && df < least
        {
            return Some(format!(
                "{df} residual degrees of freedom; at least {least} are asked for"
            ));
        }
        if self.is_few(observations) {
            let least = self.min_cell.unwrap_or_default();
            return Some(format!("fewer than {least} observations"));
        }
        None
    }
}
