//! What is compared, and into which levels.

use super::condition::Condition;
use super::date::LABELS;
use super::made::{self, Made};
use super::rarity::Common;
use super::{LinkageError, Measure};
use crate::data::Column;
use serde::{Deserialize, Serialize};

/// How values become levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ruler {
    Exact,
    Name,
    Date,
    Identifier,
    Text {
        measure: Measure,
        thresholds: Vec<f64>,
    },
    Numeric {
        thresholds: Vec<f64>,
    },
    /// A name by spelling and by sound, with the given names that one person goes by.
    Person {
        listed: bool,
        nicknames: Vec<Vec<String>>,
    },
    /// A national number whose check digits tell slips from other numbers.
    Checked,
    /// Levels that are conditions over columns, the first that holds.
    Levels(Ladder),
}

/// Levels that are conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ladder {
    pub(super) conditions: Vec<(String, Condition)>,
    /// Values made from columns, which conditions ask for by name.
    pub(super) made: Vec<Made>,
    /// Where the pair says nothing, in place of where no column has a value on both sides.
    pub(super) nothing: Option<Condition>,
}

impl Ladder {
    fn all(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().map(|(_, own)| own).chain(&self.nothing)
    }

    /// Columns and made values that conditions ask for.
    pub(super) fn asked(&self) -> Vec<&str> {
        Condition::columns(self.all())
    }

    /// The made value of a name.
    pub(super) fn made(&self, name: &str) -> Option<&Made> {
        self.made.iter().find(|own| own.name == name)
    }

    /// The columns that are read.
    fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.asked() {
            let name = self.made(name).map_or(name, |own| &own.column);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The columns that are read as numbers.
    pub(super) fn numeric(&self) -> Vec<&str> {
        let mut names = Condition::numeric(self.all());
        names.retain(|name| self.made(name).is_none());
        names
    }

    /// The columns that lists may stand in.
    pub(super) fn lists(&self) -> Vec<&str> {
        let asked = self.asked();
        let mut names = Condition::lists(self.all());
        for own in &self.made {
            let item = matches!(own.steps.first(), Some(made::Step::Item { .. }));
            if item && !asked.contains(&own.column.as_str()) {
                names.push(&own.column);
            }
        }
        names
    }
}

/// Jaro-Winkler similarities of a name's second and third level.
pub(super) const NAME: [f64; 2] = [0.92, 0.85];

/// One column compared on the two sides, in levels from the most to the least alike.
///
/// The first level is always equality, the last is everything else. A missing or blank value on
/// either side is the null level: it says nothing about the pair (missing at random), unless
/// [`missing_levels`](Self::missing_levels) makes it two levels of its own.
///
/// ```
/// use kruispunt::linkage::Comparison;
/// let surname = Comparison::name("surname").tf().right("family_name");
/// assert_eq!(surname.labels().len(), 4);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    left: String,
    right: String,
    pub(super) ruler: Ruler,
    tf: bool,
    #[serde(default)]
    pub(super) options: Options,
}

/// What may be asked of any comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Missing on one side and on both are levels.
    pub(super) missing: bool,
    /// m / u never rises from a level to the next.
    pub(super) monotone: bool,
    /// Pairs given beforehand to each level of m; a tenth each when empty.
    pub(super) prior: Vec<f64>,
    /// m by level where it is fixed.
    pub(super) m: Vec<Option<f64>>,
    /// u by level where it is fixed.
    pub(super) u: Vec<Option<f64>>,
    /// Levels from the top that term frequencies adjust; 2 unless told.
    pub(super) rare: Option<u8>,
    /// Text is compared as it is written: case, accents and spaces count.
    pub(super) written: bool,
    /// By level: how the share of rows with a value adjusts it, in place of `rare`.
    pub(super) common: Vec<Option<Common>>,
}

/// What a comparison was told beyond its column, as text.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    options: Options,
    conditions: Vec<(String, Condition)>,
    made: Vec<Made>,
    nothing: Option<Condition>,
    listed: bool,
    nicknames: Vec<Vec<String>>,
}

impl Comparison {
    fn new(column: impl Into<String>, ruler: Ruler) -> Self {
        let left = column.into();
        Self { right: left.clone(), left, ruler, tf: false, options: Options::default() }
    }

    /// Equal or not; case and surrounding space do not count.
    pub fn exact(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Exact)
    }

    /// A name: equal; the same words in another order or without particles, or Jaro-Winkler at
    /// least 0.92; at least 0.85; else.
    ///
    /// Accents, case, spaces, hyphens and apostrophes do not count, with Turkish dotless and
    /// dotted i as one letter: "Van den Berg" equals "VANDENBERG", "Yıldız" equals "YILDIZ".
    pub fn name(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Name)
    }

    /// A date: the same day; one wrong digit, two neighbours or day and month swapped; two of
    /// year, month and day agree; within a year; else.
    ///
    /// Dates, text and eight-digit numbers are read. Parts written `00` are unknown and never
    /// agree; impossible dates are compared by their digits; what has no eight digits is missing.
    pub fn date(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Date)
    }

    /// A number of a person: equal; one slip away (OSA at most 1); else. Punctuation does not
    /// count; blank and all zeros are missing.
    pub fn identifier(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Identifier)
    }

    /// Text by a measure: equal, then one level for each threshold, then else.
    ///
    /// Distances take whole thresholds upwards from 1, similarities thresholds downwards below 1.
    pub fn text(
        column: impl Into<String>,
        measure: Measure,
        thresholds: impl Into<Vec<f64>>,
    ) -> Self {
        Self::new(column, Ruler::Text { measure, thresholds: thresholds.into() })
    }

    /// Numbers: equal, then one level for each largest difference, upwards, then else.
    pub fn numeric(column: impl Into<String>, thresholds: impl Into<Vec<f64>>) -> Self {
        Self::new(column, Ruler::Numeric { thresholds: thresholds.into() })
    }

    /// A person's name as it sounds: equal; another spelling of the same sounds, the same words in
    /// another order or without particles, or a given name that the person goes by too (Jef and
    /// Jozef, Mehmet and Mohamed); Jaro-Winkler at least 0.92; at least 0.85; else.
    ///
    /// Sounds are those of Dutch, French, English, Turkish, Slavic and transliterated Arabic
    /// spelling (ou/oe/u/w, ch/sh/sj, dj/j, y/i/ij, q/k, ph/f, doubled letters, final h, -ski and
    /// -ska); Cyrillic and Greek letters are transliterated. `listed` takes the listed given
    /// names, `nicknames` adds groups of one's own.
    pub fn person(
        column: impl Into<String>,
        listed: bool,
        nicknames: impl Into<Vec<Vec<String>>>,
    ) -> Self {
        Self::new(column, Ruler::Person { listed, nicknames: nicknames.into() })
    }

    /// A Belgian national number (INSZ, BIS included): equal; one slip away and one of the two
    /// fails its check; one slip away and none fails, or both do; else.
    ///
    /// The check digits catch every slip of one digit and every swap of neighbours, so that two
    /// numbers that both pass and are one slip apart belong to two persons; a number that fails
    /// and is one slip from one that passes is that number, repaired.
    pub fn insz(column: impl Into<String>) -> Self {
        Self::new(column, Ruler::Checked)
    }

    /// Levels of one's own: conditions over any columns, the most telling first; a pair has the
    /// first level whose condition holds, and none of them is the last level, else.
    ///
    /// The pair says nothing where no condition holds and no column of them has a value on both
    /// sides.
    ///
    /// ```
    /// use kruispunt::linkage::{Comparison, Condition, Measure};
    /// let names = Comparison::levels("names", [
    ///     ("equal", Condition::same("first").and(Condition::same("last"))),
    ///     ("swapped", Condition::crossed("first", "last")),
    ///     ("surname alike", Condition::alike("last", Measure::JaroWinkler, 0.9)),
    /// ]);
    /// assert_eq!(names.labels(), ["equal", "swapped", "surname alike", "else"]);
    /// ```
    pub fn levels<N: Into<String>>(
        name: impl Into<String>,
        conditions: impl IntoIterator<Item = (N, Condition)>,
    ) -> Self {
        let conditions = conditions.into_iter().map(|(label, own)| (label.into(), own)).collect();
        Self::new(name, Ruler::Levels(Ladder { conditions, ..Ladder::default() }))
    }

    /// Makes a value that is missing on one side, and one that is missing on both, two more levels
    /// that are learned like the others.
    #[must_use]
    pub const fn missing_levels(mut self) -> Self {
        self.options.missing = true;
        self
    }

    /// Keeps m / u from rising from a level to the next (isotonic maximum likelihood). Levels of
    /// missing values are left free.
    #[must_use]
    pub const fn monotone(mut self) -> Self {
        self.options.monotone = true;
        self
    }

    /// Pairs given beforehand to each level of m (a Dirichlet prior, less one); a tenth each
    /// unless told.
    #[must_use]
    pub fn prior(mut self, pairs: impl Into<Vec<f64>>) -> Self {
        self.options.prior = pairs.into();
        self
    }

    /// Fixes m of a level; the free levels share the rest.
    #[must_use]
    pub fn fix_m(mut self, level: usize, m: f64) -> Self {
        fix(&mut self.options.m, level, m);
        self
    }

    /// Fixes u of a level; the free levels share the rest.
    #[must_use]
    pub fn fix_u(mut self, level: usize, u: f64) -> Self {
        fix(&mut self.options.u, level, u);
        self
    }

    /// Levels from the top that term frequencies adjust: 1 is equality alone, 2 (unless told) the
    /// next level too, by the commoner of the two values.
    #[must_use]
    pub const fn tf_levels(mut self, levels: u8) -> Self {
        self.tf = true;
        self.options.rare = Some(levels);
        self
    }

    /// Compares text as it is written, in [`exact`](Self::exact), [`text`](Self::text) and
    /// [`levels`](Self::levels): case, accents, spaces and empty text count, and measures count
    /// bytes. The other comparisons read values their own way.
    #[must_use]
    pub const fn written(mut self) -> Self {
        self.options.written = true;
        self
    }

    /// Settings written as JSON: `options` (`missing`, `monotone`, `prior`, `m`, `u`, `rare`,
    /// `written`, `common`), and of levels `conditions`, `made` and `nothing`, of a person `listed`
    /// and `nicknames`.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`] for text that holds no such settings.
    pub fn with_settings(mut self, json: &str) -> Result<Self, LinkageError> {
        let read: Settings = serde_json::from_str(json).map_err(|error| {
            let place = error.column();
            let reason = format!("the settings of a comparison, at column {place}");
            LinkageError::Stored { reason }
        })?;
        self.options = read.options;
        match &mut self.ruler {
            Ruler::Levels(own) => {
                *own =
                    Ladder { conditions: read.conditions, made: read.made, nothing: read.nothing };
            }
            Ruler::Person { listed, nicknames } => {
                (*listed, *nicknames) = (read.listed, read.nicknames);
            }
            _ => {}
        }
        Ok(self)
    }

    /// The settings as [`with_settings`](Self::with_settings) reads them.
    ///
    /// # Errors
    ///
    /// [`LinkageError::Stored`] when a number cannot be written.
    pub fn settings(&self) -> Result<String, LinkageError> {
        let mut own = Settings { options: self.options.clone(), ..Settings::default() };
        match &self.ruler {
            Ruler::Levels(ladder) => {
                let ladder = ladder.clone();
                own.conditions = ladder.conditions;
                (own.made, own.nothing) = (ladder.made, ladder.nothing);
            }
            Ruler::Person { listed, nicknames } => {
                (own.listed, own.nicknames) = (*listed, nicknames.clone());
            }
            _ => {}
        }
        serde_json::to_string(&own)
            .map_err(|error| LinkageError::Stored { reason: error.to_string() })
    }

    /// The conditions of [`levels`](Self::levels).
    #[must_use]
    pub fn conditions(&self) -> &[(String, Condition)] {
        match &self.ruler {
            Ruler::Levels(own) => &own.conditions,
            _ => &[],
        }
    }

    /// The columns it reads on the left.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut names = match &self.ruler {
            Ruler::Levels(own) => own.columns(),
            _ => return vec![&self.left],
        };
        for own in self.options.common.iter().flatten() {
            if !names.contains(&own.column.as_str()) {
                names.push(&own.column);
            }
        }
        names
    }

    /// A column with one value, of the type that it reads.
    pub(super) fn one(&self, name: &str, value: Option<&str>) -> Column {
        let numeric = match &self.ruler {
            Ruler::Numeric { .. } => true,
            Ruler::Levels(own) => own.numeric().contains(&name),
            _ => false,
        };
        if numeric {
            let number = value.and_then(|value| value.trim().parse().ok());
            return Column::floats(&[number.filter(|own: &f64| own.is_finite())]);
        }
        Column::text([value])
    }

    /// Whether it compares one column with itself.
    pub(super) const fn is_plain(&self) -> bool {
        !matches!(self.ruler, Ruler::Levels(_))
    }

    /// Levels that term frequencies adjust, from the top.
    pub(super) fn adjusted(&self) -> u8 {
        if let Some(last) = self.options.common.iter().rposition(Option::is_some) {
            return last as u8 + 1;
        }
        let fuzzy = self.n_levels() - 1 - if self.options.missing { 2 } else { 0 };
        if self.tf { self.options.rare.unwrap_or(2).min(fuzzy as u8) } else { 0 }
    }

    /// The name of the column on the right, when it differs.
    #[must_use]
    pub fn right(mut self, column: impl Into<String>) -> Self {
        self.right = column.into();
        self
    }

    /// Weighs agreement by how rare the value is (term frequencies).
    #[must_use]
    pub const fn tf(mut self) -> Self {
        self.tf = true;
        self
    }

    /// What it does: `exact`, `name`, `person`, `date`, `identifier`, `insz`, `numeric`, `levels` or
    /// the name of a measure.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.ruler {
            Ruler::Exact => "exact",
            Ruler::Name => "name",
            Ruler::Date => "date",
            Ruler::Identifier => "identifier",
            Ruler::Numeric { .. } => "numeric",
            Ruler::Person { .. } => "person",
            Ruler::Checked => "insz",
            Ruler::Levels(_) => "levels",
            Ruler::Text { measure, .. } => measure.name(),
        }
    }

    /// The thresholds it was given.
    #[must_use]
    pub fn thresholds(&self) -> &[f64] {
        match &self.ruler {
            Ruler::Text { thresholds, .. } | Ruler::Numeric { thresholds } => thresholds,
            _ => &[],
        }
    }

    /// The column on the left, also the name of the comparison.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.left
    }

    /// The column on the right.
    #[must_use]
    pub fn right_column(&self) -> &str {
        &self.right
    }

    /// Whether agreement is weighed by how rare the value is.
    #[must_use]
    pub const fn has_tf(&self) -> bool {
        self.tf
    }

    /// What each level means, most alike first.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let mut labels = vec!["equal".to_owned()];
        match &self.ruler {
            Ruler::Exact => {}
            Ruler::Name => labels.extend([
                format!("same words or Jaro-Winkler >= {}", NAME[0]),
                format!("Jaro-Winkler >= {}", NAME[1]),
            ]),
            Ruler::Date => {
                labels = LABELS.map(str::to_owned).to_vec();
                labels.pop();
            }
            Ruler::Person { .. } => labels.extend([
                "same name, other spelling".to_owned(),
                format!("Jaro-Winkler >= {}", NAME[0]),
                format!("Jaro-Winkler >= {}", NAME[1]),
            ]),
            Ruler::Checked => {
                labels.extend(["one slip, one check fails", "OSA <= 1"].map(str::to_owned));
            }
            Ruler::Levels(own) => {
                labels = own.conditions.iter().map(|(label, _)| label.clone()).collect();
            }
            Ruler::Identifier => labels.push("OSA <= 1".to_owned()),
            Ruler::Text { measure, thresholds } => {
                let sign = if measure.is_distance() { "<=" } else { ">=" };
                let word = measure.word();
                labels.extend(thresholds.iter().map(|t| format!("{word} {sign} {t}")));
            }
            Ruler::Numeric { thresholds } => {
                labels.extend(thresholds.iter().map(|t| format!("difference <= {t}")));
            }
        }
        labels.push("else".to_owned());
        if self.options.missing {
            labels.extend(["missing on one side", "missing on both sides"].map(str::to_owned));
        }
        labels
    }

    /// How many levels there are, the null level not counted.
    pub(super) fn n_levels(&self) -> usize {
        self.labels().len()
    }

    /// Refuses thresholds that are no ladder and options that do not fit the levels.
    pub(super) fn check(&self) -> Result<(), LinkageError> {
        self.check_options()?;
        let (thresholds, up, unit) = match &self.ruler {
            Ruler::Text { measure, thresholds } => {
                (thresholds, measure.is_distance(), !measure.is_distance())
            }
            Ruler::Numeric { thresholds } => (thresholds, true, false),
            Ruler::Levels(own) => return self.check_ladder(own),
            _ => return Ok(()),
        };
        let expected = match (up, unit) {
            (true, _) => "above 0 and ascending, at most 100 of them",
            _ => "between 0 and 1 and descending, at most 100 of them",
        };
        let ordered = thresholds.windows(2).all(|w| if up { w[0] < w[1] } else { w[0] > w[1] });
        let inside = thresholds.iter().all(|&t| t.is_finite() && t > 0.0 && (!unit || t <= 1.0));
        if ordered && inside && thresholds.len() <= 100 {
            return Ok(());
        }
        Err(LinkageError::BadThresholds { comparison: self.left.clone(), expected })
    }

    fn check_ladder(&self, own: &Ladder) -> Result<(), LinkageError> {
        let conditions = &own.conditions;
        let bad = |expected| LinkageError::BadLevels { comparison: self.left.clone(), expected };
        if conditions.is_empty() || conditions.len() > 100 {
            return Err(bad("from 1 to 100 conditions"));
        }
        if self.options.missing {
            return Err(bad("conditions on missing values instead of the option `missing`"));
        }
        if own.made.iter().any(|own| own.maker().is_none()) {
            return Err(bad(made::EXPECTED));
        }
        own.all().try_for_each(|own| own.check().map_err(bad))
    }

    fn check_options(&self) -> Result<(), LinkageError> {
        let Options { prior, m, u, rare, written, common, .. } = &self.options;
        let n = self.n_levels();
        let bad =
            |expected| Err(LinkageError::BadLevels { comparison: self.left.clone(), expected });
        let text = matches!(self.ruler, Ruler::Exact | Ruler::Text { .. } | Ruler::Levels(_));
        if *written && !text {
            return bad("text as written for exact, measured or own levels only");
        }
        let own = self.columns();
        let fits = |one: &Common| one.check(n) && own.contains(&one.column.as_str());
        if common.len() > n || !common.iter().flatten().all(fits) {
            return bad("frequencies of columns that it reads, for levels that it has");
        }
        if !prior.is_empty() && prior.len() != n {
            return bad("a prior for every level");
        }
        if prior.iter().any(|&own| !(own.is_finite() && own > 0.0)) {
            return bad("priors above 0");
        }
        for fixed in [m, u] {
            if fixed.len() > n {
                return bad("fixed probabilities of levels that it has");
            }
            let there: Vec<f64> = fixed.iter().flatten().copied().collect();
            let sum: f64 = there.iter().sum();
            let whole = there.len() == n;
            let inside = there.iter().all(|&p| p > 0.0 && p < 1.0);
            if !inside || (whole && (sum - 1.0).abs() > 1e-6) || (!whole && sum >= 1.0) {
                return bad(
                    "fixed probabilities between 0 and 1 that leave something for the others",
                );
            }
        }
        if *rare == Some(0) {
            return bad("at least one level for term frequencies");
        }
        Ok(())
    }
}

fn fix(fixed: &mut Vec<Option<f64>>, level: usize, p: f64) {
    // Beyond any comparison's levels, so that the check refuses it without a long list.
    let level = level.min(1000);
    if fixed.len() <= level {
        fixed.resize(level + 1, None);
    }
    fixed[level] = Some(p);
}
