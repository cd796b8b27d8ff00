//! What may be asked of dynamic matching, and what makes no sense.

use super::pairing::{Distance, Pairing, Reuse};
use super::{Against, DynamicMatching};
use crate::data::Seed;
use crate::evaluate::EvaluateError;

impl DynamicMatching {
    /// Effects on `outcome` of a treatment that begins in the period in column `treatment` (null:
    /// never), among persons for whom `eligible` is true (or 1) in the period.
    pub fn new(
        outcome: impl Into<String>,
        treatment: impl Into<String>,
        eligible: impl Into<String>,
    ) -> Self {
        Self {
            outcome: outcome.into(),
            treatment: treatment.into(),
            eligible: eligible.into(),
            kind: None,
            exact: Vec::new(),
            horizons: (1..=16).collect(),
            duration: None,
            against: Against::default(),
            absent: None,
            versus: None,
            only: None,
            coarse: Vec::new(),
            covariates: Vec::new(),
            history: 0,
            pairing: Pairing::Cells,
            distance: Distance::default(),
            reuse: Reuse::default(),
            caliper: None,
            bootstrap: None,
            gap: 0,
            second: None,
            record_of: None,
            kind_column: None,
        }
    }

    /// Only treatments of one kind: those whose `column` is `value`. Who begins another kind in a
    /// period is neither treated nor a control in it.
    pub fn kind(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.kind = Some((column.into(), value.into()));
        self
    }

    /// The column of kinds of treatment, for risk sets to tell which one starts.
    pub fn kinds(mut self, column: impl Into<String>) -> Self {
        self.kind_column = Some(column.into());
        self
    }

    /// Columns that must be equal within a cell, beside the period and the elapsed duration.
    pub fn exact<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.exact = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Periods since the start at which the outcome is looked at (default 1 to 16); negative ones
    /// look back and should show nothing.
    pub fn horizons(mut self, horizons: impl IntoIterator<Item = i32>) -> Self {
        self.horizons = horizons.into_iter().collect();
        self
    }

    /// Durations of this many periods and more are one (default: each is its own).
    pub fn duration(mut self, most: u32) -> Self {
        self.duration = Some(most);
        self
    }

    /// Whom those who start are compared with (default: those who wait).
    pub fn against(mut self, against: Against) -> Self {
        self.against = against;
        self
    }

    /// The outcome of a person without a row or a value at the horizon: abroad or dead is not
    /// employed, 0 (default: such persons are left out at that horizon, and counted).
    pub fn absent(mut self, value: f64) -> Self {
        self.absent = Some(value);
        self
    }

    /// Compares with those who start another kind of treatment in the same period, rather than
    /// with those who wait; needs [`kind`](Self::kind).
    pub fn versus(mut self, value: impl Into<String>) -> Self {
        self.versus = Some(value.into());
        self
    }

    /// Only persons whose `column` is `value` in the period.
    pub fn only(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.only = Some((column.into(), value.into()));
        self
    }

    /// A column of numbers of which classes must be equal within a cell: values from one cut to
    /// below the next (coarsened exact matching). May be said several times.
    pub fn coarse(
        mut self,
        column: impl Into<String>,
        cuts: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.coarse.push((column.into(), cuts.into_iter().collect()));
        self
    }

    /// Columns of numbers that make persons near or far within a cell.
    pub fn covariates<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.covariates = columns.into_iter().map(Into::into).collect();
        self
    }

    /// A spell of eligibility goes on over so many periods in which the person is not eligible
    /// (default: none); in these nobody is at risk.
    pub const fn gap(mut self, periods: u32) -> Self {
        self.gap = periods;
        self
    }

    /// The column with the period in which a second treatment begins (null: never): outcomes from
    /// then on are left out, so that the effect is that of the first treatment alone, if who has a
    /// second one is like the others. By default the effect is that of the path the first begins.
    pub fn second(mut self, column: impl Into<String>) -> Self {
        self.second = Some(column.into());
        self
    }

    /// The column whose record [`history`](Self::history) is (default: the outcome).
    pub fn record_of(mut self, column: impl Into<String>) -> Self {
        self.record_of = Some(column.into());
        self
    }

    /// Compares each starter with all controls of the cell, weighed by their odds to start given
    /// the covariates (inverse probability weighting).
    pub const fn odds(mut self) -> Self {
        self.pairing = Pairing::Odds;
        self
    }

    /// The outcome in so many periods before the start as covariates; a person without all of
    /// them is left out, counted.
    pub const fn history(mut self, periods: u32) -> Self {
        self.history = periods;
        self
    }

    /// Compares each starter with so many nearest controls of the cell, and with all that are as
    /// near as the last of them (default: with all of the cell).
    pub const fn nearest(mut self, neighbours: u32) -> Self {
        self.pairing = Pairing::Nearest(neighbours);
        self
    }

    /// Compares each starter with all controls of the cell whose chance to start differs by less
    /// than `bandwidth`, nearer ones weighing more (Epanechnikov).
    pub const fn kernel(mut self, bandwidth: f64) -> Self {
        self.pairing = Pairing::Kernel(bandwidth);
        self
    }

    /// What near means (default: the propensity).
    pub const fn distance(mut self, distance: Distance) -> Self {
        self.distance = distance;
        self
    }

    /// Whether a control may serve several starters (default: it may).
    pub const fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// The largest distance: in standard deviations of the log odds (0.2 is usual), or of
    /// Mahalanobis.
    pub const fn caliper(mut self, distance: f64) -> Self {
        self.caliper = Some(distance);
        self
    }

    /// Standard errors from so many samples of persons drawn anew, rather than from the formula.
    pub const fn bootstrap(mut self, draws: u32, seed: Seed) -> Self {
        self.bootstrap = Some((draws, seed));
        self
    }

    pub(super) fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if self.horizons.is_empty() {
            return bad("horizons", "at least one horizon", "none".to_owned());
        }
        let mut sorted = self.horizons.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return bad("horizons", "each horizon once", format!("{:?}", self.horizons));
        }
        if self.versus.is_some() && self.kind.is_none() {
            return bad("versus", "a kind to compare with", "no `kind`".to_owned());
        }
        if self.caliper.is_some_and(|own| !(own > 0.0 && own.is_finite())) {
            return bad("caliper", "a distance above 0", format!("{:?}", self.caliper));
        }
        if let Some((draws, _)) = self.bootstrap.filter(|own| own.0 < 20) {
            return bad("bootstrap", "at least 20 draws", draws.to_string());
        }
        for (name, cuts) in &self.coarse {
            if cuts.is_empty() || !cuts.windows(2).all(|pair| pair[0] < pair[1]) {
                return bad(
                    "coarse",
                    "cuts in order, each once",
                    format!("{cuts:?} for \"{name}\""),
                );
            }
        }
        let matched = !self.covariates.is_empty() || self.history > 0;
        match self.pairing {
            Pairing::Kernel(_) | Pairing::Nearest(_) if self.against == Against::Untreated => {
                let expected =
                    "cells or odds when controls stay untreated: later starts are weighed";
                return bad("against", expected, "neighbours or a kernel".to_owned());
            }
            Pairing::Odds if self.distance == Distance::Mahalanobis || self.caliper.is_some() => {
                let expected = "odds of the propensity, without a caliper";
                return bad("odds", expected, "a distance or a caliper".to_owned());
            }
            _ if self.versus.is_some() && self.against != Against::Waiting => {
                let expected = "starters of the other kind as they are: against = \"waiting\"";
                return bad("versus", expected, "another comparison".to_owned());
            }
            Pairing::Cells if matched && self.caliper.is_some() => {
                return bad("caliper", "nearest controls or a kernel", "neither".to_owned());
            }
            Pairing::Nearest(0) => {
                return bad("nearest", "at least 1 neighbour", "0".to_owned());
            }
            Pairing::Kernel(width) if !(width > 0.0 && width <= 1.0) => {
                return bad("kernel", "a bandwidth between 0 and 1", width.to_string());
            }
            Pairing::Kernel(_) if self.distance == Distance::Mahalanobis => {
                let expected = "the propensity with a kernel";
                return bad("distance", expected, "mahalanobis".to_owned());
            }
            Pairing::Kernel(_) | Pairing::Nearest(_) | Pairing::Odds if !matched => {
                let expected = "covariates or a history to match on";
                return bad("covariates", expected, "none".to_owned());
            }
            _ => {}
        }
        match self.absent {
            Some(value) if !value.is_finite() => {
                bad("absent", "a finite outcome", value.to_string())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn told(&self) -> String {
        let mut told = format!("same period and duration of {}", self.eligible);
        if !self.exact.is_empty() {
            told = format!("{told}, same {}", self.exact.join(", "));
        }
        for (name, _) in &self.coarse {
            told = format!("{told}, same class of {name}");
        }
        let mut on = self.covariates.join(", ");
        if self.history > 0 {
            let comma = if on.is_empty() { "" } else { ", " };
            let record = self.record_of.as_ref().unwrap_or(&self.outcome);
            on = format!("{on}{comma}{} periods of {record}", self.history);
        }
        let how = match self.distance {
            Distance::Propensity => "chance to start",
            Distance::Mahalanobis => "Mahalanobis distance",
        };
        match self.pairing {
            Pairing::Cells => {}
            Pairing::Odds => told = format!("{told}; weighed by odds to start given {on}"),
            Pairing::Nearest(n) => {
                let once = if self.reuse == Reuse::Without { ", each once" } else { "" };
                told = format!("{told}; {n} nearest by {how} given {on}{once}");
            }
            Pairing::Kernel(width) => {
                told = format!("{told}; kernel of {how} given {on}, bandwidth {width}");
            }
        }
        told
    }
}
