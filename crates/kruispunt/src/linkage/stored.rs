//! A linker as text, and back.

use super::linker::{Linker, MOST_GROUPS, Model};
use super::{Comparison, LinkageError};
use serde::{Deserialize, Serialize};

/// Version of the stored form.
const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    linker: Linker,
}

impl Linker {
    /// The linker with all it learned, as JSON with a version.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`] when a number cannot be written.
    pub fn to_json(&self) -> Result<String, LinkageError> {
        serde_json::to_string_pretty(&Stored { version: VERSION, linker: self.clone() })
            .map_err(|error| LinkageError::Stored { reason: error.to_string() })
    }

    /// A linker from [`to_json`](Self::to_json).
    ///
    /// # Errors
    ///
    /// [`LinkageError::Version`] or [`LinkageError::Stored`].
    pub fn from_json(text: &str) -> Result<Self, LinkageError> {
        let stored = |reason: String| LinkageError::Stored { reason };
        let unread = |error: &serde_json::Error| {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Data => "a part is missing or of the wrong type",
                _ => "this is not JSON",
            };
            stored(format!("{what}, at line {} and column {}", error.line(), error.column()))
        };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| unread(&error))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        let got = version.ok_or_else(|| stored("there is no `version`".to_owned()))?;
        if got != VERSION {
            return Err(LinkageError::Version { got, expected: VERSION });
        }
        let found: Stored = serde_json::from_str(text).map_err(|error| unread(&error))?;
        found.linker.check_model()?;
        Ok(found.linker)
    }

    /// Refuses a stored model that does not fit its comparisons.
    fn check_model(&self) -> Result<(), LinkageError> {
        self.comparisons.iter().try_for_each(Comparison::check)?;
        let Some(model) = &self.model else { return Ok(()) };
        model.groups.iter().try_for_each(|(_, model)| self.check_one(model))?;
        self.check_one(model)
    }

    fn check_one(&self, model: &Model) -> Result<(), LinkageError> {
        let open = |p: f64| p > 0.0 && p <= 1.0;
        let fits = model.learned.len() == self.comparisons.len()
            && self.comparisons.iter().zip(&model.learned).all(|(comparison, learned)| {
                let n = comparison.n_levels();
                learned.m.len() == n
                    && learned.u.len() == n
                    && learned.m.iter().chain(&learned.u).all(|&p| open(p))
            });
        let cells = |k: usize| self.comparisons.get(k).map_or(0, Comparison::n_levels);
        let fits = fits
            && model.dependence.iter().all(|own| {
                let (a, b) = own.at;
                let fits = |c: &[f64]| {
                    (c.is_empty() || c.len() == cells(a) * cells(b))
                        && c.iter().all(|&c| c > 0.0 && c.is_finite())
                };
                a < b && b < self.comparisons.len() && fits(&own.m) && fits(&own.u)
            });
        let fits = fits && model.lambda_error.is_finite() && model.groups.len() <= MOST_GROUPS;
        if fits && model.lambda > 0.0 && model.lambda < 1.0 && open(model.completeness) {
            return Ok(());
        }
        let reason = "the model does not fit the comparisons".to_owned();
        Err(LinkageError::Stored { reason })
    }
}
