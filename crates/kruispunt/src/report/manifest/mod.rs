//! What made a result: inputs, options, seed, version and account.

mod words;

use super::text::count;
use crate::data::Account;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use words::{Language, sentence};

/// A table that was read: its size and fingerprint, never a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it is called.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// The columns that were read.
    pub columns: Vec<String>,
    /// [`Table::fingerprint`](crate::data::Table::fingerprint) of these columns.
    pub fingerprint: String,
}

/// A verb that was called, with all its options, those left as they are included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The verb, for example `did`.
    pub verb: String,
    /// Inputs, by place in [`Manifest::inputs`].
    pub reads: Vec<usize>,
    /// Earlier calls whose results it used, by place in [`Manifest::calls`].
    pub uses: Vec<usize>,
    /// Its options by name.
    pub options: serde_json::Map<String, serde_json::Value>,
}

/// What made a result, from the tables that were read to the last verb.
///
/// The same inputs, options, seed and version give the same result to the last bit, so a manifest
/// is a recipe; [`methods`](Self::methods) tells it as a paragraph for a report.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::report::{Call, Input, Manifest};
/// let jobs = Table::new([("pid", Column::int(vec![1, 2])), ("wage", Column::float(vec![9., 8.]))])?;
/// let mut manifest = Manifest::new("Fit");
/// manifest.inputs.push(Input {
///     name: "jobs".into(),
///     rows: 2,
///     columns: jobs.names().to_vec(),
///     fingerprint: jobs.fingerprint(),
/// });
/// let mut options = serde_json::Map::new();
/// options.insert("fml".into(), "wage ~ trained | pid".into());
/// manifest.calls.push(Call { verb: "feols".into(), reads: vec![0], uses: vec![], options });
/// let text = manifest.methods("en")?;
/// assert!(text.contains("wage ~ trained | pid") && text.contains("2 rows"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of kruispunt that made the result.
    pub kruispunt: String,
    /// What kind of result it is, for example `Fit`.
    pub result: String,
    /// The tables that were read, in the order of reading.
    pub inputs: Vec<Input>,
    /// The verbs that were called, each after those it uses.
    pub calls: Vec<Call>,
    /// What the result says of itself: estimand, comparison, observations.
    pub facts: serde_json::Map<String, serde_json::Value>,
    /// What happened to the rows.
    pub account: Option<Account>,
}

/// A manifest or a language that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The text is no manifest.
    #[error("`text` is not a manifest: {why}")]
    NotAManifest {
        /// What was wrong.
        why: String,
    },
    /// A language that is not spoken.
    #[error("`language`: \"{got}\" is not \"en\" or \"nl\"")]
    BadLanguage {
        /// What came.
        got: String,
    },
}

impl Manifest {
    /// An empty manifest of a result of some kind, made by this version.
    #[must_use]
    pub fn new(result: impl Into<String>) -> Self {
        Self {
            kruispunt: env!("CARGO_PKG_VERSION").to_owned(),
            result: result.into(),
            inputs: Vec::new(),
            calls: Vec::new(),
            facts: serde_json::Map::new(),
            account: None,
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError::NotAManifest`], also when a call refers to what is not there.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        let bad = |why: String| ManifestError::NotAManifest { why };
        let manifest: Self = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        for (at, call) in manifest.calls.iter().enumerate() {
            let reads = call.reads.iter().all(|&input| input < manifest.inputs.len());
            if !reads || call.uses.iter().any(|&used| used >= at) {
                return Err(bad(format!("call {at} uses what is not there before it")));
            }
        }
        Ok(manifest)
    }

    /// Writes it as JSON, two spaces a level.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The seeds of all calls, by verb.
    #[must_use]
    pub fn seeds(&self) -> Vec<(String, i64)> {
        self.calls
            .iter()
            .filter_map(|call| Some((call.verb.clone(), call.options.get("seed")?.as_i64()?)))
            .collect()
    }

    /// A paragraph on data and methods, in English (`en`) or Dutch (`nl`).
    ///
    /// # Errors
    ///
    /// [`ManifestError::BadLanguage`].
    pub fn methods(&self, language: &str) -> Result<String, ManifestError> {
        let language = Language::of(language)
            .ok_or_else(|| ManifestError::BadLanguage { got: language.to_owned() })?;
        let mut text = self.data(language);
        for call in &self.calls {
            let _ = write!(text, " {}", sentence(call, language));
        }
        if let Some(account) = &self.account {
            text.push_str(&kept(account, language));
        }
        text.push_str(&self.results(language));
        let seeds = self.seeds();
        if !seeds.is_empty() {
            let list = seeds.iter().map(|(verb, seed)| format!("{verb} {seed}"));
            let list = list.collect::<Vec<_>>().join(", ");
            let _ = match language {
                Language::English => write!(text, " Seeds: {list}."),
                Language::Dutch => write!(text, " Toevalsgetallen beginnen bij: {list}."),
            };
        }
        let version = &self.kruispunt;
        let _ = match language {
            Language::English => write!(
                text,
                " All was done with kruispunt {version}, which gives the same result to the last \
                 bit for the same tables and options."
            ),
            Language::Dutch => write!(
                text,
                " Alles werd uitgevoerd met kruispunt {version}, dat voor dezelfde tabellen en \
                 instellingen tot op de laatste bit hetzelfde resultaat geeft."
            ),
        };
        Ok(text.trim().to_owned())
    }

    fn data(&self, language: Language) -> String {
        let tables: Vec<String> = self
            .inputs
            .iter()
            .map(|input| {
                let (rows, columns) = (count(input.rows), some(&input.columns, language));
                let print: String = input.fingerprint.chars().take(12).collect();
                match language {
                    Language::English => {
                        let s = if input.rows == 1 { "" } else { "s" };
                        format!(
                            "\u{201c}{}\u{201d} ({rows} row{s}; {columns}; XXH3 {print}\u{2026})",
                            input.name
                        )
                    }
                    Language::Dutch => {
                        let s = if input.rows == 1 { "rij" } else { "rijen" };
                        let rows = rows.replace(',', ".");
                        format!(
                            "\u{201e}{}\u{201d} ({rows} {s}; {columns}; XXH3 {print}\u{2026})",
                            input.name
                        )
                    }
                }
            })
            .collect();
        match (language, tables.as_slice()) {
            (_, []) => String::new(),
            (Language::English, _) => format!("The data are {}.", tables.join(", ")),
            (Language::Dutch, _) => format!("De gegevens zijn {}.", tables.join(", ")),
        }
    }

    fn results(&self, language: Language) -> String {
        let text = |name: &str| self.facts.get(name).and_then(|value| value.as_str());
        let number = |name: &str| self.facts.get(name).and_then(serde_json::Value::as_f64);
        let english = language == Language::English;
        let mut out = String::new();
        let mut say = |start: &str, begin: &str, what: Option<&str>| {
            if let Some(what) = what.filter(|what| !what.is_empty()) {
                let _ = write!(out, " {} {what}.", if english { start } else { begin });
            }
        };
        say("The estimand:", "Wat geschat wordt:", text("estimand"));
        say("Compared with:", "Vergeleken met:", text("comparison"));
        say("Method:", "Methode:", text("method"));
        say("Standard errors:", "Standaardfouten:", text("vcov_type"));
        let whole = |value: f64| {
            let digits = count(value as u64);
            if english { digits } else { digits.replace(',', ".") }
        };
        if let Some(n) = number("n_obs") {
            let units = number("n_units").map(whole);
            let _ = match (english, units) {
                (true, Some(units)) => {
                    write!(out, " The sample has {} observations of {units} units.", whole(n))
                }
                (false, Some(units)) => {
                    write!(
                        out,
                        " De steekproef telt {} waarnemingen van {units} eenheden.",
                        whole(n)
                    )
                }
                (true, None) => write!(out, " The sample has {} observations.", whole(n)),
                (false, None) => write!(out, " De steekproef telt {} waarnemingen.", whole(n)),
            };
        }
        if let Some(share) = number("identified_share") {
            let share = 100.0 * share;
            let _ = if english {
                write!(out, " {share:.0} % of the treated cells are identified.")
            } else {
                write!(out, " {share:.0} % van de behandelde cellen is ge\u{ef}dentificeerd.")
            };
        }
        out
    }
}

/// The first columns, and how many more there are.
fn some(columns: &[String], language: Language) -> String {
    const SHOWN: usize = 8;
    let first = columns[..SHOWN.min(columns.len())].join(", ");
    match (columns.len().saturating_sub(SHOWN), language) {
        (0, _) => first,
        (more, Language::English) => format!("{first} and {more} more"),
        (more, Language::Dutch) => format!("{first} en {more} andere"),
    }
}

/// What went in, what came out, and why the rest did not.
fn kept(account: &Account, language: Language) -> String {
    let (Some(first), Some(last)) = (account.steps().first(), account.last()) else {
        return String::new();
    };
    let mut lost: Vec<(&str, u64)> = Vec::new();
    for step in account.steps() {
        for exclusion in &step.excluded {
            match lost.iter_mut().find(|(reason, _)| *reason == exclusion.reason) {
                Some((_, rows)) => *rows += exclusion.count.rows,
                None => lost.push((&exclusion.reason, exclusion.count.rows)),
            }
        }
    }
    lost.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let shown = 6.min(lost.len());
    let rest: u64 = lost[shown..].iter().map(|(_, rows)| rows).sum();
    let english = language == Language::English;
    let number = |n: u64| if english { count(n) } else { count(n).replace(',', ".") };
    let size = |own: crate::data::Count| match (english, own.persons) {
        (true, Some(persons)) => format!("{} rows ({} persons)", number(own.rows), number(persons)),
        (true, None) => format!("{} rows", number(own.rows)),
        (false, Some(persons)) => {
            format!("{} rijen ({} personen)", number(own.rows), number(persons))
        }
        (false, None) => format!("{} rijen", number(own.rows)),
    };
    let source = account.source();
    let mut out = if english {
        format!(
            " From {} in \u{201c}{source}\u{201d} came {}",
            size(first.before),
            size(last.after)
        )
    } else {
        format!(
            " Uit {} in \u{201e}{source}\u{201d} kwamen {}",
            size(first.before),
            size(last.after)
        )
    };
    if !lost.is_empty() {
        let mut reasons: Vec<String> = lost[..shown]
            .iter()
            .map(|(reason, rows)| {
                format!("{} ({})", words::reason(reason, language), number(*rows))
            })
            .collect();
        if rest > 0 {
            let other = if english { "other reasons" } else { "andere redenen" };
            reasons.push(format!("{other} ({})", number(rest)));
        }
        let rows = if english { "rows left out" } else { "weggevallen rijen" };
        let _ = write!(out, "; {rows}: {}", reasons.join(", "));
    }
    out.push('.');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Count, Step};

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new("Effects");
        manifest.inputs.push(Input {
            name: "jobs".into(),
            rows: 12_345,
            columns: vec!["pid".into(), "start".into()],
            fingerprint: "0123456789abcdef".into(),
        });
        let call = |verb: &str, reads: Vec<usize>, uses: Vec<usize>, options: serde_json::Value| {
            let options = options.as_object().cloned().unwrap_or_default();
            Call { verb: verb.into(), reads, uses, options }
        };
        manifest.calls = vec![
            call("Spells", vec![0], vec![], serde_json::json!({"person": "pid"})),
            call(
                "did",
                vec![],
                vec![0],
                serde_json::json!({"outcome": "employed", "method": "cs", "cohort": "first",
                    "seed": 7, "weights": null}),
            ),
            call("something_new", vec![], vec![1], serde_json::json!({"k": 3, "none": null})),
        ];
        manifest.facts.insert("estimand".into(), "effect on the treated".into());
        manifest.facts.insert("n_obs".into(), 4800.into());
        manifest.account = Some(
            Account::new("jobs").then(
                Step::new("clip", "", Count::of(12_345, 900), Count::of(12_000, 880))
                    .exclude("ended before 2005-01-01", Count::rows(345)),
            ),
        );
        manifest
    }

    #[test]
    fn methods_are_told_in_two_languages() {
        let english = manifest().methods("en").unwrap();
        for part in [
            "12,345 rows",
            "XXH3 0123456789ab",
            "employed",
            "something_new",
            "k = 3",
            "345",
            "Seeds: did 7",
            "effect on the treated",
            "4,800 observations",
        ] {
            assert!(english.contains(part), "{part}: {english}");
        }
        assert!(!english.contains("none") && !english.contains("null"), "{english}");
        let dutch = manifest().methods("nl").unwrap();
        for part in ["De gegevens zijn", "12.345 rijen", "880 personen", "eindigde voor 2005-01-01"]
        {
            assert!(dutch.contains(part), "{part}: {dutch}");
        }
        assert_eq!(manifest().methods("fr"), Err(ManifestError::BadLanguage { got: "fr".into() }));
    }

    #[test]
    fn it_survives_json_and_hostile_text() {
        let own = manifest();
        assert_eq!(Manifest::from_json(&own.to_json()), Ok(own.clone()));
        for text in ["", "[]", "{}", "{\"kruispunt\": 1}"] {
            assert!(Manifest::from_json(text).is_err(), "{text}");
        }
        let mut circle = own;
        circle.calls[0].uses = vec![2];
        assert!(Manifest::from_json(&circle.to_json()).is_err());
        assert!(Manifest::new("Fit").methods("nl").unwrap().starts_with("Alles"));
    }
}
